"""The whole path, each step a command of its own, from the simulator to a chain that is found broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from astrobio.datasets.bundle import bundle_header, read_bundle, write_bundle
from astrobio.datasets.shipped import BUNDLE
from astrobio.store import RealDataStorage

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(900)]

RECIPE = """\
model: rebuilt_datacube_cnn
preset: tiny
model_options: {channels: 8, levels: 2, trunk_width: 32, trunk_depth: 1, members: 1}
batch_size: 64
warmup_steps: 3
max_epochs: 9
"""
SIMULATED = 2 + 2 * 2 + 2 * 6
IMPORTED = 440


@pytest.fixture
def astrobio(tmp_path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Calls a command in an empty folder, with a store of its own."""
    environment = os.environ | {"ASTROBIO_STORE": str(tmp_path / "store"), "OMP_NUM_THREADS": "1",
                                "PYTHONIOENCODING": "utf-8"}  # fmt: skip

    def call(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([sys.executable, "-m", "astrobio.cli", *arguments], cwd=tmp_path, env=environment,
                              capture_output=True, text=True, encoding="utf-8")  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return call


def part_of_the_shipped_runs(path: Path) -> None:
    """A bundle of shipped planets, other than those that are simulated here."""
    later = (item for item in read_bundle(BUNDLE) if item[1].key.startswith("sobol-") and item[1].key >= "sobol-000002")
    runs = [(content, given.detail["making"]) for content, given in islice(later, IMPORTED)]
    header = bundle_header(BUNDLE) | {"runs": IMPORTED, "designs": {"sobol": IMPORTED}}
    assert write_bundle(path, runs, header) == IMPORTED


def test_from_the_simulator_to_a_report_and_back(astrobio, tmp_path):
    made = json.loads(astrobio("simulate", "vplanet", "--planets", "2", "--test-planets", "6", "--json").stdout)
    assert made["made"] == SIMULATED
    assert made["refused"] == []

    part_of_the_shipped_runs(tmp_path / "part.bundle")
    brought = json.loads(astrobio("import", "part.bundle", "--json").stdout)
    assert (brought["admitted"], brought["refused"]) == (IMPORTED, 0)
    built = json.loads(astrobio("build", "planet_runs", "--allow-declared", "--json").stdout)
    assert built["counts"]["assurance"] == {"declared": IMPORTED, "reproduced": SIMULATED}
    assert built["counts"]["split_random"]["test"] == 12

    (tmp_path / "tiny.yaml").write_text(RECIPE, encoding="utf-8")
    refused = astrobio("train", "--config", "tiny.yaml", code=3)
    assert "Training CANNOT proceed without real data." in refused.stdout
    recipe = ("--config", "tiny.yaml", "--set", "max_epochs=2", "--allow-declared")
    trained = astrobio("train", *recipe, "--run", "tiny", "--json")
    run = tmp_path / json.loads(trained.stdout)["run"]
    assert run == tmp_path / "outputs" / "sota_training" / "tiny"
    assert "Epoch 2/2" in trained.stderr
    epochs = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    losses = [row["train_loss"] for row in epochs if "epoch" in row]
    assert losses[1] < losses[0]

    evaluation = json.loads(astrobio("evaluate", str(run), "--fast", "--json").stdout)
    assert evaluation == json.loads((run / "evaluation.json").read_text())
    assert evaluation["pack"] == built["digest"]
    assert evaluation["splits"]["random"]["model"]["t8"]["n"] == 6
    ridge = evaluation["splits"]["random"]["baselines"]["ridge"]
    assert ridge["fields"]["mean_skill"] > 0.3

    page = Path(json.loads(astrobio("report", str(run), "--json").stdout)["report"]).read_text(encoding="utf-8")
    assert built["digest"] in page
    assert f"{IMPORTED} of these records are declared only" in page

    predicted = json.loads(astrobio("predict", "--stellar-flux", "1300", "--netcdf", "earth.nc", "--json").stdout)
    assert predicted["checkpoint"] == evaluation["checkpoints"][0]
    assert (tmp_path / "earth.nc").stat().st_size > 1000

    traced = astrobio("lineage", str(run), "--check", "--record", "test6-000003-cold", "--json")
    assert "every byte of the chain is what it was" in traced.stderr
    chain = json.loads(traced.stdout)
    assert chain["problems"] == []
    assert "vpl.in" in chain["listed"][0]["inputs"]
    assert chain["checkpoint"]["declared_allowed"] is True
    assert chain["checkpoint"]["assurance"] == {"declared": IMPORTED, "reproduced": SIMULATED}

    storage = RealDataStorage.inspect(tmp_path / "store")
    record = next(item for item in storage.records() if item.key == "sobol-000100-warm")
    content = bytearray(storage.path(record.digest).read_bytes())
    content[len(content) // 2] ^= 1
    storage.path(record.digest).write_bytes(content)
    broken = json.loads(astrobio("lineage", str(run), "--check", "--json", code=1).stdout)
    assert broken["problems"] == ["record sobol-000100-warm has changed or is gone"]
    assert "sobol-000100-warm" in astrobio("verify", "--deep", code=1).stdout
    stopped = astrobio("train", *recipe, "--run", "again", code=3)
    assert "1 of 458 records of planet_runs are gone or have changed" in stopped.stdout
    assert not (run.parent / "again").exists()
