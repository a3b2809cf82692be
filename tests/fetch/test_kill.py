"""Killed again and again at any instant, a fetch ends with the same store as one that nobody disturbed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from astrobio.core.hashing import sha256_bytes
from astrobio.store import RealDataStorage
from tests.fetch.killing import Killable, register_all
from tests.fetch.made import held, left_over
from tests.fetch.services import Bucket, EntryService, OaiRepository, PagedService, TapService
from tests.fetch.test_mirror import fill, index_of

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL and fork")

KILLS = 50
FILES = {f"made/{number:03d}.txt": b"ENTRY " + random.Random(number).randbytes(3000) for number in range(90)}


@pytest.fixture
def origin(services) -> str:
    """All services, without a fault; and a mirror."""
    services.serve("tap", TapService("tap", {"stars": [{"id": f"s{n}", "value": str(n)} for n in range(50)]}))
    services.serve("oai", OaiRepository(count=40))
    services.serve("proteins", PagedService("proteins", [f"P{n}\t{n}" for n in range(48)]))
    services.serve("kegg", EntryService("kegg", {f"ko{n:05d}": f"ENTRY {n}\n".encode() for n in range(70)}))
    services.serve(
        "stpubdata", Bucket("stpubdata", {f"jwst/public/{n}.fits": f"ENTRY x{n}\n".encode() for n in range(9)})
    )
    fill(services.folder, FILES)
    services.put("INDEX.csv", index_of(FILES))
    register_all(services.origin())
    return services.origin()


@pytest.fixture(scope="module")
def killable() -> Iterator[Killable]:
    with Killable() as killable:
        yield killable


@pytest.mark.timeout(120)
@pytest.mark.parametrize("way", ["mirror folder", "mirror server", "protocols"])
def test_fifty_kills_change_nothing(killable, origin, services, tmp_path, way):
    source = "made" if way == "protocols" else "saved"
    mirror = {"mirror folder": str(services.folder), "mirror server": origin}.get(way)
    instants, kills = random.Random(way), 0
    undisturbed, store = tmp_path / "undisturbed", tmp_path / "store"
    longest = 0.0
    for root in (tmp_path / "first", undisturbed):
        killable.start(origin, root, source, mirror)
        begin = time.monotonic()
        assert killable.end() == 0
        longest = time.monotonic() - begin
    while kills < KILLS:
        killable.start(origin, store, source, mirror)
        time.sleep(instants.uniform(0, 0.6 * longest))
        code = killable.end(kill=True)
        assert code in (0, -signal.SIGKILL)
        kills += code != 0
        if code == 0:  # all done: once more from nothing
            _compare(store, undisturbed)
            shutil.rmtree(store)
    killable.start(origin, store, source, mirror)
    assert killable.end() == 0
    _compare(store, undisturbed)


def _compare(store: Path, undisturbed: Path) -> None:
    assert held(store) == held(undisturbed)
    assert left_over(store) == []
    report = RealDataStorage(store).verify(deep=True)
    assert report.sound
    assert report.unnamed == 0


def test_two_fetches_at_once_into_one_store_end_well(killable, origin, services, tmp_path):
    for root in (tmp_path / "store", tmp_path / "store", tmp_path / "alone"):
        killable.start(origin, root, "made")
    assert [killable.end() for _ in range(3)] == [0, 0, 0]
    _compare(tmp_path / "store", tmp_path / "alone")
    assert len(services.seen("kegg/list")) == 2  # one of the two, and the one alone


def test_the_made_files_differ():
    assert len({sha256_bytes(content) for content in FILES.values()}) == len(FILES)
