"""Objects are judged in other processes as they are in this one, and none of them can do harm there."""

from __future__ import annotations

import sys
from contextlib import closing

import pytest

from astrobio.core.errors import AstrobioError
from astrobio.core.provenance import Provenance
from astrobio.store import RealDataStorage, judging
from astrobio.store.judging import Item, Judges, Limits, judge


@pytest.fixture
def items(filled_store, tmp_path) -> list[Item]:
    """Genuine objects, and two among them that no gate lets through."""
    storage = RealDataStorage(filled_store)
    found = [(str(storage.path(record.digest)), record.provenance_json) for record in storage.records()[:9]]
    for place in (2, 6):
        path = tmp_path / f"bad{place}"
        path.write_bytes(b"<html>")
        found[place] = (str(path), found[place][1])
    return found


@pytest.mark.parametrize("workers", [1, 2, 4, 50])
def test_the_number_of_processes_changes_nothing(items, workers):
    here = judge(items)
    assert [place for place, verdict in enumerate(here) if not verdict.admitted] == [2, 6]
    assert "not a safetensors file" in here[2].reasons[0]
    with closing(Judges(workers)) as judges:
        assert judges.judge(items) == here
        assert judges.judge(items[:3]) == here[:3]
        assert judges.judge([]) == []


def test_few_objects_need_no_process(items, monkeypatch):
    monkeypatch.setattr(judging, "Judges", None)
    assert len(judge(items)) == 9
    assert judge([]) == []


def test_many_objects_are_shared_out_among_all_cores(items, monkeypatch):
    monkeypatch.setattr(judging, "MANY", 9)
    monkeypatch.setattr(judging, "cores", lambda: 3)
    here = [judging._verdict(*item) for item in items]
    with closing(Judges()) as judges:
        assert judge(items, judges) == here
        assert 1 <= len(judges._idle) <= 3


def test_a_process_that_cannot_start_is_an_error(items, monkeypatch):
    monkeypatch.setattr(sys, "executable", "false")
    with closing(Judges(2)) as judges, pytest.raises(AstrobioError, match="ended with 1"):
        judges.judge(items)


GATES = """
import os, signal, sys, time
from astrobio.archives import registry
from astrobio.verify.verdict import Findings

def hostile(content, provenance):
    if content == b"crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if content == b"loop":
        while True:
            pass
    if content == b"memory":
        bytearray(1 << 45)
    if content == b"leave":
        os._exit(3)
    if content == b"talk":
        print("not an answer")
        os.write(1, b" ** On entry to DLASCL parameter number 4 had an illegal value\\n")
    found = Findings()
    found.note("format", "parsed whole", True, content.decode(), "anything")
    return found.verdict()

registry.verify = hostile
from astrobio.store import judging
judging.verify = hostile
judging.main()
"""


def test_bytes_that_break_their_reader_are_refused_and_the_others_judged(tmp_path, monkeypatch):
    monkeypatch.setattr(judging, "PROGRAM", GATES)
    names = ["good", "crash", "memory", "also good", "leave", "loop", "talk", "good as well"]
    provenance = Provenance("planet_runs", "simulation", "declared", "import", "key").to_json()
    items = []
    for number, name in enumerate(names):
        path = tmp_path / str(number)
        path.write_text(name)
        items.append((str(path), provenance))
    with closing(Judges(2, Limits(seconds=5))) as judges:
        found = dict(zip(names, judges.judge(items), strict=True))
    assert [name for name, verdict in found.items() if verdict.admitted] == [
        "good",
        "also good",
        "talk",
        "good as well",
    ]
    reasons = {name: verdict.reasons[0] for name, verdict in found.items() if not verdict.admitted}
    assert "SIGSEGV" in reasons["crash"]
    assert "bytes of memory" in reasons["memory"]
    assert "ended with 3" in reasons["leave"]
    assert "not read after 5 s" in reasons["loop"]
