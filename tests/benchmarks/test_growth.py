"""The growth benchmark reads packs of all its sizes, and says whether memory stayed within its limit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
try:
    import growth
    from measuring import Measurement
finally:
    sys.path.remove(str(BENCHMARKS))


def test_times_and_memory_of_every_size(tmp_path: Path) -> None:
    out = tmp_path / "growth.json"
    command = [sys.executable, str(BENCHMARKS / "growth.py"), "--quick", "--planets", "80", "--work", str(tmp_path)]

    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [*command, "--out", str(out)], capture_output=True, encoding="utf-8", check=False, env=environment
    )

    assert done.returncode == 0, done.stderr
    document = json.loads(out.read_text())
    assert document["settings"]["within_limit"] is True
    assert {item["way"] for item in document["measurements"]} == set(growth.TIMES)
    assert {item["stage"] for item in document["growth"]} == {"samples and files", "samples alone", "files alone"}
    for item in document["measurements"]:
        assert item["minimum_s"] > 0
        assert item["detail"]["anonymous_mb"][0] >= item["detail"]["anonymous_before_mb"][0] > 1
    assert "below the limit of 300 MB" in done.stdout
    assert [path for path in tmp_path.iterdir() if path != out] == [], "temporary files are left"


def test_each_series_grows_tenfold_twice() -> None:
    listed = growth.sizes(10_000)

    for series in ("samples and files", "samples alone", "files alone"):
        grown = [size.grown for size in listed if size.series == series]
        assert grown == [grown[0], 10 * grown[0], 100 * grown[0]]
    assert max(size.samples for size in listed) == 10_000


@pytest.mark.parametrize(("megabytes", "within"), [(299.0, True), (300.0, False)])
def test_memory_of_the_largest_pack_decides(megabytes: float, within: bool) -> None:
    def of(gigabytes: float, anonymous: float) -> Measurement:
        return Measurement("samples alone", "opening", 1, [1.0], {"gigabytes": gigabytes, "anonymous_mb": [anonymous]})

    found, sentence = growth.verdict([of(0.4, 900.0), of(4.3, megabytes)])

    assert found is within
    assert "4.3 GB" in sentence
