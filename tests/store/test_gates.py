"""Objects pass their gates on many processes as they do in one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from astrobio.core.errors import AstrobioError
from astrobio.store import RealDataStorage, gates


@pytest.fixture
def items(filled_store, tmp_path) -> list[gates.Item]:
    """Genuine objects, and two among them that no gate lets through."""
    storage = RealDataStorage(filled_store)
    found = [(str(storage.path(record.digest)), record.provenance_json) for record in storage.records()[:9]]
    for place in (2, 6):
        path = tmp_path / f"bad{place}"
        path.write_bytes(b"<html>")
        found[place] = (str(path), found[place][1])
    return found


@pytest.mark.parametrize("workers", [2, 4, 50])
def test_the_number_of_processes_changes_nothing(items, workers):
    alone = gates.refusals(items, 1)
    assert [place for place, reasons in enumerate(alone) if reasons] == [2, 6]
    assert "not a safetensors file" in alone[2][0]
    assert gates.refusals(items, workers) == alone


def test_few_objects_need_no_process(items, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", None)
    assert len(gates.refusals(items)) == 9
    assert gates.refusals([]) == []


def test_many_objects_are_shared_out_among_all_cores(items, monkeypatch):
    started = []
    start = gates._start
    monkeypatch.setattr(gates, "MANY", 9)
    monkeypatch.setattr(gates, "_cores", lambda: 3)
    monkeypatch.setattr(gates, "_start", lambda: started.append(0) or start())
    assert [place for place, reasons in enumerate(gates.refusals(items)) if reasons] == [2, 6]
    assert len(started) == 3


def test_a_process_that_ends_without_an_answer_is_an_error(items, monkeypatch):
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(AstrobioError, match="ended with 1"):
        gates.refusals(items, 2)
