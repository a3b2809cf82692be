"""The benchmark of verification runs, and every way gives the same digests; nothing is asserted of speed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_stage_gets_a_figure_and_every_way_the_same_digests(tmp_path: Path) -> None:
    out = tmp_path / "verification.json"
    command = [sys.executable, str(ROOT / "benchmarks" / "verification.py"), "--size", "0.001", "--files", "40"]
    command += ["--runs", "8", "--repeats", "1", "--work", str(tmp_path), "--out", str(out)]

    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, env=environment)

    assert done.returncode == 0, done.stderr
    document = json.loads(out.read_text())
    stages = {(item["stage"], item["way"]) for item in document["measurements"]}
    assert {
        ("file", "astrobio"),
        ("shards", "astrobio"),
        ("files", "astrobio"),
        ("store", "astrobio"),
        ("files", "hashlib"),
    } <= stages
    for item in document["measurements"]:
        assert item["detail"]["same"], item
        assert item["detail"]["gigabytes_per_second"] > 0
    assert "store" in done.stdout
    assert [path for path in tmp_path.iterdir() if path != out] == [], "temporary files are left"
