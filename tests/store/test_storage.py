"""The store: what it admits stays, what fails leaves nothing half-done, and damage is seen."""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from astrobio.core.errors import IntegrityError, RefusedInput
from astrobio.core.provenance import Provenance
from astrobio.store import RealDataNotFound, RealDataStorage, Rejected, StoreError, files


@pytest.fixture
def store(filled_store, tmp_path) -> Path:
    """A copy of the filled store that a test may damage."""
    return Path(shutil.copytree(filled_store, tmp_path / "store"))


def test_what_is_admitted_comes_back(filled_store, admissible):
    storage = RealDataStorage(filled_store)
    records = {record.key: record for record in storage.records(source="planet_runs")}
    assert len(records) == len(admissible)
    for content, provenance in admissible:
        record = records[provenance.key]
        assert storage.open(record) == content
        assert record.provenance == provenance
    warm, cold = records["sobol-000003-warm"], records["sobol-000003-cold"]
    assert warm.group == cold.group
    assert storage.require("planet_runs", 66) == 66


def test_admitting_again_changes_nothing(store, admissible):
    storage = RealDataStorage(store)
    report = storage.admit_many(admissible)
    assert (report.admitted, report.already, report.rejected) == (0, 66, [])
    assert len(storage.journal()) == 1


def test_without_a_store_the_error_is_a_file_not_found_that_names_the_command(tmp_path):
    with pytest.raises(
        FileNotFoundError, match="there is no store in .*\nRun: python training/enable_automatic"
    ) as seen:
        RealDataStorage(tmp_path / "none")
    assert seen.value.exit_code == 3
    assert not (tmp_path / "none").exists()


def test_too_few_records_are_too_few(filled_store):
    with pytest.raises(RealDataNotFound, match="holds 66 records of planet_runs, and 450 are needed"):
        RealDataStorage(filled_store).require("planet_runs", 450)


def test_what_is_refused_lies_in_quarantine_with_reasons(store, admissible):
    storage = RealDataStorage(store)
    provenance = Provenance("planet_runs", "simulation", "declared", "import", "sobol-009999-warm")
    with pytest.raises(Rejected, match="not a safetensors file") as seen:
        storage.admit(b"<html>", provenance)
    assert seen.value.exit_code == 4
    assert not seen.value.verdict.admitted
    (note,) = storage.quarantined()
    assert note["key"] == "sobol-009999-warm"
    assert len(storage.records()) == 66
    assert storage.journal()[-1]["event"] == "refuse"


def test_one_key_holds_one_content(store, admissible, earth_runs):
    from dataclasses import replace

    run = earth_runs[0][0]
    storage = RealDataStorage(store)
    # The same climate with one diagnostic written differently: other bytes under a name that is taken.
    other = replace(run, diagnostics=run.diagnostics | {"energy_imbalance": 0.0001})
    with pytest.raises(Rejected, match="one content a key"):
        storage.admit(other.to_bytes(), admissible[0][1])


def test_a_source_without_gates_is_refused(store):
    with pytest.raises(RefusedInput, match="'rumours' has no gates"):
        RealDataStorage(store).admit(b"x", Provenance("rumours", "document", "declared", "import", "x"))
    with pytest.raises(RefusedInput, match="kind is 'mock'"):
        Provenance("planet_runs", "mock", "declared", "import", "x")  # type: ignore[arg-type]


def _object_of(store: Path, key: str) -> Path:
    storage = RealDataStorage.inspect(store)
    return storage.path(next(record.digest for record in storage.records() if record.key == key))


def test_a_flipped_bit_is_seen_on_reading_requiring_and_verifying(store):
    path = _object_of(store, "sobol-000001-warm")
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    storage = RealDataStorage(store)  # same size: only hashing can tell
    record = next(item for item in storage.records() if item.key == "sobol-000001-warm")
    with pytest.raises(IntegrityError, match="sobol-000001-warm has changed"):
        storage.open(record)
    with pytest.raises(IntegrityError, match="1 of 66 records of planet_runs are gone or have changed"):
        storage.require("planet_runs", 1)
    report = storage.verify(deep=True)
    assert report.changed == ["sobol-000001-warm"]
    assert not report.sound


@pytest.mark.parametrize("how", ["truncated", "gone"])
def test_a_truncated_or_missing_object_stops_the_opening(store, how):
    path = _object_of(store, "sobol-000002-cold")
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(
        IntegrityError, match="1 objects are gone or cut short.*sobol-000002-cold\nRun: astrobio verify"
    ):
        RealDataStorage(store)
    report = RealDataStorage.inspect(store).verify()
    assert (report.missing if how == "gone" else report.changed) == ["sobol-000002-cold"]


def test_a_missing_catalogue_is_named_and_rebuilt(store, filled_store):
    for path in store.glob("catalog.sqlite*"):
        path.unlink()
    with pytest.raises(IntegrityError, match="lost its catalogue\nRun: astrobio store rebuild"):
        RealDataStorage(store)
    rebuilt = RealDataStorage.rebuild(store)
    assert rebuilt.records() == RealDataStorage(filled_store).records()


def test_a_rebuilt_catalogue_still_knows_what_was_derived(store, tmp_path):
    pack = tmp_path / "pack"
    pack.mkdir()
    storage = RealDataStorage(store)
    storage.derive("d" * 64, storage.records(), path=str(pack))
    for path in store.glob("catalog.sqlite*"):
        path.unlink()
    with pytest.raises(RefusedInput, match="packs were built from planet_runs"):
        RealDataStorage.rebuild(store).delete_source("planet_runs")


def test_a_catalogue_that_is_no_database_is_named_and_rebuilt(store):
    for path in store.glob("catalog.sqlite-*"):
        path.unlink()
    (store / "catalog.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(IntegrityError, match="cannot be read.*\nRun: astrobio store rebuild"):
        RealDataStorage(store)
    assert len(RealDataStorage.rebuild(store).records()) == 66


def test_a_rebuild_leaves_out_what_has_changed(store):
    path = _object_of(store, "earth-000000-warm")
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    assert len(RealDataStorage.rebuild(store).records()) == 65


@pytest.mark.parametrize(
    "change", ["UPDATE journal SET detail='{}' WHERE number=1", "DELETE FROM journal WHERE number=1"]
)
def test_a_changed_journal_is_seen(store, change):
    storage = RealDataStorage(store)
    storage.catalogue.note("test", {})
    storage.catalogue.database.execute(change)
    with pytest.raises(IntegrityError, match="journal .* was changed at row 1"):
        storage.journal()
    assert not storage.verify().sound


class _Abort(BaseException):
    """Stands for a kill: nothing in the store may catch it."""


def _failing_at(monkeypatch, place: int, error: BaseException) -> list[str]:
    calls: list[str] = []
    for name in ("write_synced", "rename", "sync_folder"):
        real = getattr(files, name)

        def call(*arguments, real=real, name=name):
            calls.append(name)
            if len(calls) == place:
                raise error
            return real(*arguments)

        monkeypatch.setattr(files, name, call)
    return calls


def test_an_abort_at_any_file_operation_leaves_all_or_nothing(tmp_path, admissible, monkeypatch):
    batch = admissible[:3]
    with monkeypatch.context() as patch:
        operations = len(_count_operations(patch, tmp_path / "whole", batch))
    assert operations > 8
    for place in range(1, operations + 1):
        root = tmp_path / f"at{place}"
        RealDataStorage(root, create=True)
        with monkeypatch.context() as patch:
            _failing_at(patch, place, _Abort())
            with pytest.raises(_Abort):
                RealDataStorage(root).admit_many(batch)
        storage = RealDataStorage(root)
        assert storage.records() == []
        assert storage.verify(deep=True).sound
        assert storage.admit_many(batch).admitted == 3
        assert storage.verify(deep=True).sound


def _count_operations(patch, root: Path, batch) -> list[str]:
    calls = _failing_at(patch, 10**9, _Abort())
    RealDataStorage(root, create=True).admit_many(batch)
    return calls


def test_a_full_disk_is_said_and_nothing_is_half_written(tmp_path, admissible, monkeypatch):
    root = tmp_path / "store"
    for place in (1, 2, 6):
        storage = RealDataStorage(root, create=True)
        with monkeypatch.context() as patch:
            _failing_at(patch, place, OSError(errno.ENOSPC, "No space left on device"))
            with pytest.raises(StoreError, match="disk of the store .* is full"):
                storage.admit_many(admissible[:4])
        assert storage.records() == []
        assert list((root / "partial").iterdir()) == []
    assert RealDataStorage(root).admit_many(admissible[:4]).admitted == 4


def test_a_disk_that_fills_while_the_catalogue_is_written_is_said_too(tmp_path, admissible):
    storage = RealDataStorage(tmp_path / "store", create=True)
    pages = storage.catalogue.database.execute("PRAGMA page_count").fetchone()[0]
    storage.catalogue.database.execute(f"PRAGMA max_page_count = {pages}")  # SQLite's own word for a full disk
    with pytest.raises(StoreError, match="disk of the store .* is full"):
        storage.admit_many(admissible)
    assert storage.records() == []
    storage.catalogue.database.execute("PRAGMA max_page_count = 1000000")
    assert storage.admit_many(admissible).admitted == 66
    assert storage.verify(deep=True).sound


def _admit_in_process(root: str, items, barrier) -> None:
    storage = RealDataStorage(root, create=True)
    barrier.wait()
    storage.admit_many(items)


def test_two_writers_at_once_lose_nothing(tmp_path, admissible):
    root = tmp_path / "store"
    RealDataStorage(root, create=True)
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    halves = (admissible[:20], admissible[10:30])
    workers = [context.Process(target=_admit_in_process, args=(str(root), half, barrier)) for half in halves]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    storage = RealDataStorage(root)
    assert len(storage.records()) == 30
    assert storage.verify(deep=True).sound


_KILLED = """
import os, sys
from astrobio.store import RealDataStorage, files
from astrobio.datasets.bundle import read_bundle
real, count = files.rename, 0
def rename(*arguments):
    global count
    real(*arguments)
    count += 1
    if count == int(sys.argv[3]):
        print("here", flush=True)
        sys.stdin.read()
files.rename = rename
RealDataStorage(sys.argv[1], create=True).admit_many(read_bundle(sys.argv[2]))
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is of POSIX systems")
def test_a_kill_in_the_middle_leaves_a_store_that_goes_on(tmp_path, planet_runs):
    from astrobio.datasets.bundle import read_bundle, write_bundle

    bundle = tmp_path / "runs.bundle"
    runs = [(run.to_bytes(), making) for run, making in planet_runs[:10]]
    write_bundle(bundle, runs, {"repeats": {"sampled": 1, "identical": 1}})
    command = [sys.executable, "-c", _KILLED, str(tmp_path / "store"), str(bundle), "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "here\n"
        child.send_signal(signal.SIGKILL)
    storage = RealDataStorage(tmp_path / "store", create=True)
    assert storage.records() == []
    assert storage.verify().unnamed == 5
    assert storage.admit_many(read_bundle(bundle)).admitted == 10
    assert storage.verify(deep=True).sound


def test_a_source_with_packs_is_not_deleted(store, tmp_path):
    storage = RealDataStorage(store)
    pack = tmp_path / "pack"
    pack.mkdir()
    storage.derive("d" * 64, storage.records(), path=str(pack))
    with pytest.raises(RefusedInput, match="packs were built from planet_runs"):
        storage.delete_source("planet_runs")
    pack.rmdir()
    assert storage.delete_source("planet_runs") == 66
    assert storage.records() == []
    assert storage.verify().unnamed == 0


def test_what_killed_processes_left_is_swept_and_nothing_else(store):
    storage = RealDataStorage(store)
    partial = store / "partial"
    with subprocess.Popen([sys.executable, "-c", "pass"]) as ended:
        ended.wait()
    left = files.temporary(partial, "a" * 64).with_suffix(f".{ended.pid}")
    stays = [files.temporary(partial, "b" * 64), partial / f"other.machine.{ended.pid}", partial / "no-process"]
    for path in (left, *stays):
        path.write_bytes(b"x")
    (partial / "fetch").mkdir()
    assert storage.sweep() == 1
    assert not left.exists()
    assert all(path.exists() for path in stays)
