"""The benchmark of the stages runs, and its JSON holds a figure for every stage; nothing is asserted of speed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WAYS = {
    "simulate": {"astrobio", "vplanet command"},
    "admit": {"astrobio", "the gates alone", "NetCDF files, no checks"},
    "hash": {"astrobio", "hashlib in a loop", "hashlib on threads"},
    "build": {"astrobio", "one NetCDF file, no checks"},
    "read": {"astrobio", "a NetCDF file each run", "one NetCDF file"},
    "epoch": {"astrobio", "preparation"},
    "evaluate": {"astrobio", "prediction alone", "baselines alone"},
    "report": {"astrobio"},
}


def test_every_stage_gets_a_positive_figure_beside_its_alternatives(tmp_path: Path) -> None:
    out = tmp_path / "stages.json"
    command = [sys.executable, str(ROOT / "benchmarks" / "stages.py"), "--sizes", "120", "--simulate", "1"]
    command += ["--repeats", "1", "--workers", "1", "--work", str(tmp_path), "--out", str(out)]

    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, env=environment)

    assert done.returncode == 0, done.stderr
    document = json.loads(out.read_text())
    found: dict[str, set[str]] = {}
    for item in document["measurements"]:
        found.setdefault(item["stage"], set()).add(item["way"])
        assert item["minimum_s"] > 0
        assert item["median_s"] >= item["minimum_s"]
    assert found == WAYS
    assert document["machine"]["cores"] >= 1
    assert "admit" in done.stdout
    assert [path for path in tmp_path.iterdir() if path != out] == [], "temporary files are left"


def test_ways_of_the_same_stage_agree_on_the_result(tmp_path: Path) -> None:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import alternatives
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))
    from astrobio.core.hashing import sha256_files

    paths = [tmp_path / name for name in ("a", "b")]
    for path in paths:
        path.write_bytes(path.name.encode() * 1000)
    assert sha256_files(paths) == alternatives.hash_in_loop(paths) == alternatives.hash_on_threads(paths, 2)
