"""The loading benchmark measures what it says: right batches only, of every way to load that is installed here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
try:
    import cubes
    import loading
    import loading_rivals
    import loading_step
    import page_cache
    import processes
    import rival as shape_of_rivals
finally:
    sys.path.remove(str(BENCHMARKS))

COUNT, BATCH = 24, 4
HERE = [way for way in loading_rivals.RIVALS if not loading.missing(way) and way.order_kind == "random"]


@pytest.fixture(scope="module")
def columns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("columns") / "columns.npy"
    np.save(path, cubes.shipped_columns(80))
    return path


@pytest.fixture(scope="module")
def data(columns: Path) -> cubes.Cubes:
    return cubes.Cubes.load(columns, COUNT, "float32")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, str(BENCHMARKS / "loading.py"), *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False, env=environment)


def test_a_row_for_each_state_of_the_cache_and_number_of_workers(tmp_path: Path) -> None:
    out = tmp_path / "loading.json"
    names = ["numpy.memmap, threads"]
    sizes = ["--samples", "96", "--planets", "80", "--seconds", "0.1", "--repeats", "1", "--workers", "1", "2"]
    only = [part for name in names for part in ("--only", name)]
    done = run(*sizes, *only, "--work", str(tmp_path), "--out", str(out))

    assert done.returncode == 0, done.stderr
    document = json.loads(out.read_text())
    rows = document["rows"]
    found = {(row["rival"], row["state"], row["workers"]) for row in rows}
    assert found == {(name, state, workers) for name in names for state in ("warm", "cold") for workers in (1, 2)}
    for row in rows:
        assert row["samples_per_s"] > 0
        assert row["anonymous_mb"] > 50
        assert row["bytes_on_disk"] == 96 * 53 * 32 * 64 * 4
        assert row["detail"]["samples"] <= 96 or row["state"] == "warm"
        assert len(row["rates_of_repeats"]) == 1
    assert all(row["cached_before"] == [1.0] for row in rows if row["state"] == "warm")
    assert document["errors"] == document["left_out"] == {}
    assert "64 of 80 planets side by side" in " ".join(done.stdout.split())
    assert [path for path in tmp_path.iterdir() if path != out] == [], "temporary files are left"


@pytest.mark.parametrize(
    ("way", "dtype"),
    [(way.name, dtype) for way in HERE if not issubclass(way, shape_of_rivals.ByProcesses) for dtype in way.dtypes],
)
def test_ways_in_this_process_load_every_cube_once_in_the_asked_order_and_normalised(
    way: str, dtype: str, columns: Path, tmp_path: Path
) -> None:
    loads_in_order(way, dtype, columns, tmp_path)


@pytest.mark.parametrize("way", [way.name for way in HERE if issubclass(way, shape_of_rivals.ByProcesses)])
def test_ways_by_worker_processes_load_every_cube_once_in_the_asked_order_and_normalised(
    way: str, columns: Path, tmp_path: Path
) -> None:
    loads_in_order(way, "float32", columns, tmp_path)


def loads_in_order(way: str, dtype: str, columns: Path, tmp_path: Path) -> None:
    shape_of_rivals.allow_read_only()
    rival = loading_rivals.BY_NAME[way](tmp_path, cubes.Cubes.load(columns, COUNT, dtype), BATCH)
    task = loading_step.Task("read", way, str(tmp_path), str(columns), COUNT, dtype, BATCH, endless=False)
    rival.write()

    seen = []
    for numbers, batch in rival.batches(loading_step.order(task), 2):
        rival.check(numbers, batch)
        seen += numbers.tolist()

    assert seen == np.concatenate(list(loading_step.order(task))).tolist()
    assert sorted(seen) == list(range(COUNT))


def test_a_wrong_batch_is_no_row_but_an_error(data: cubes.Cubes) -> None:
    right = data.normalised([3, 5])[0].astype(np.float32)
    data.check([3, 5], right)

    def wrong() -> Iterator[np.ndarray]:
        yield right[::-1]
        yield right.astype(np.float64)
        yield right[:1]
        for value in (np.nan, right[1, 7, 9, 11] + 1e-3):
            changed = right.copy()
            changed[1, 7, 9, 11] = value
            yield changed

    for batch in wrong():
        with pytest.raises(cubes.WrongBatch):
            data.check([3, 5], batch)


def test_a_step_that_loads_a_wrong_batch_fails(data: cubes.Cubes, columns: Path, tmp_path: Path) -> None:
    way = loading_rivals.FlatThreads
    shape_of_rivals.allow_read_only()
    way(tmp_path, data, BATCH).write()
    content = bytearray((tmp_path / "cubes.bin").read_bytes())
    content[3::4] = bytes(len(content) // 4)
    (tmp_path / "cubes.bin").write_bytes(content)
    task = loading_step.Task("read", way.name, str(tmp_path), str(columns), COUNT, "float32", BATCH, seconds=0.01)

    with pytest.raises(cubes.WrongBatch, match="values are wrong"):
        loading_step.read(task, way(tmp_path, data, BATCH))


def test_cubes_are_all_different_and_hold_values_of_the_runs(data: cubes.Cubes) -> None:
    held = [data.cube(number) for number in range(COUNT)]

    assert len({cube.tobytes() for cube in held}) == COUNT
    assert np.array_equal(held[3], data.cube(3))
    profiles = {column.tobytes() for column in np.asarray(data.columns)}
    assert all(np.ascontiguousarray(held[0][:, :, place]).tobytes() in profiles for place in range(64))


def test_what_is_not_installed_is_named_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading_rivals.FlatThreads, "packages", ("numpy", "no-such-distribution"))

    options = loading._options(["--only", "numpy.memmap, threads", "--only", "xarray, NetCDF a run, zlib",
                                "--dtype", "float16"])  # fmt: skip
    rivals, left_out = loading.chosen(options)

    assert rivals == []
    assert left_out["numpy.memmap, threads"] == "not installed: no-such-distribution"
    assert left_out["xarray, NetCDF a run, zlib"] == "its format has no float16"


def test_memory_of_a_step_counts_its_children_until_it_says_that_it_has_measured() -> None:
    held = "import os; held = b'x' * 60_000_000; "
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {held + 'import time; time.sleep(1)'!r}]); "

    def seen(source: str) -> processes.Step:
        return processes.run_step([sys.executable, "-c", source + "print('{\"done\": true}')"])

    counted = seen(child)
    assert counted.document == {"done": True}
    assert 60e6 < counted.anonymous < 200e6
    assert seen("print('measured', flush=True); " + child).anonymous < 50e6


def test_a_step_that_fails_is_told_with_what_it_said() -> None:
    with pytest.raises(processes.StepFailed, match="exit code 1(.|\n)*no such planet"):
        processes.run_step([sys.executable, "-c", "raise SystemExit('no such planet')"])


def test_reading_a_file_brings_it_into_the_page_cache(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(1 << 20))

    page_cache.warm(page_cache.files_below(tmp_path))

    assert page_cache.cached_share([path]) == 1.0


def test_versions_of_all_rivals_are_told_installed_or_not() -> None:
    found = loading.versions(loading_rivals.RIVALS)

    assert found["numpy"] == np.__version__
    assert set(found) == {package for way in loading_rivals.RIVALS for package in way.packages}
