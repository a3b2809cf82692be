"""The user's own commands, names and transcripts, on real data and without it."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import pytest
import yaml

from astrobio.core.errors import UsageError
from astrobio.core.hashing import sha256_bytes
from astrobio.datasets import shipped
from astrobio.datasets.bundle import read_bundle, write_bundle
from astrobio.datasets.pack import MANIFEST, Pack
from astrobio.datasets.packs import build
from astrobio.fetch.engine import Fetcher
from astrobio.fetch.mirror import Mirror
from astrobio.fetch.report import Failure, SourceReport
from astrobio.store import RealDataNotFound, RealDataStorage
from astrobio.training import acquisition, checkpoint, data_loading, documented, readiness, workflow
from astrobio.training.documented import run_unified_training, train_main

ROOT = Path(__file__).parents[2]
DOWNLOAD = "Run: python training/enable_automatic_data_download.py"
NO_REAL_DATA = "Training CANNOT proceed without real data."
T3 = ["--batch_size", "16", "--learning_rate", "1e-4", "--max_epochs", "50", "--use_flash_attention",
      "--use_mixed_precision"]  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """Commands run in a folder of their own, and no store is at hand unless a test names one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASTROBIO_STORE", str(tmp_path / "none"))
    return tmp_path


@pytest.fixture
def few(monkeypatch) -> None:
    """The 66 runs of the fixtures are enough."""
    monkeypatch.setattr(data_loading, "LEAST_RUNS", 60)
    monkeypatch.setattr(acquisition, "LEAST_RUNS", 60)


@pytest.fixture(scope="module")
def packed(tmp_path_factory, filled_store) -> Path:
    """A copy of the filled store with its pack; tests that change it copy it again."""
    root = Path(shutil.copytree(filled_store, tmp_path_factory.mktemp("packed") / "store"))
    data_loading.open_pack(RealDataStorage(root))
    return root


@pytest.fixture
def store(packed, tmp_path) -> Path:
    return Path(shutil.copytree(packed, tmp_path / "store"))


@pytest.fixture
def recipe(tmp_path, config) -> Path:
    """The small network as a recipe."""
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(config().to_dict()))
    return path


def store_of(root: Path, items) -> Path:
    assert RealDataStorage(root, create=True).admit_many(items).rejected == []
    return root


def assert_lines(text: str, *patterns: str) -> None:
    """The lines stand in the text, whole and in this order, with others between them."""
    lines = [part for line in text.splitlines() for part in line.split("\r")]
    for pattern in patterns:
        while lines and not re.fullmatch(pattern, lines[0]):
            lines.pop(0)
        assert lines, f"{pattern!r} is missing, or stands earlier, in:\n{text}"
        lines.pop(0)


NUMBER = r"-?\d+\.\d+"
TRANSCRIPT = (
    "📊 Loading data...",
    "⚠️  ZERO TOLERANCE: Only real data accepted, no fallbacks",
    r"Verifying real data availability\.\.\.",
    "✅ Real data verified: 66 runs available",
    "✅ Production data loader available",
    "✅ Real data loaders created successfully",
    "   Train batches: 6",
    "   Val batches: 1",
    "   Test batches: 2",
    "✅ Data validation passed: All loaders contain real data",
    "🚀 Starting training...",
)
EPOCH = (
    r"Epoch {0}/2: 100%\|█+\| 6/6 \[\d\d:\d\d<\d\d:\d\d, +\d+\.\d+(it/s|s/it)\]",
    rf"   Train Loss: {NUMBER}, Val Loss: {NUMBER}",
    r"   Learning Rate: \d\.\d\de-\d\d",
    "✅ Checkpoint saved: outputs/sota_training/epoch_{0}.pt",
)


def test_training_with_data_says_what_it_verified_and_what_it_saved(few, store, recipe, capsys):
    arguments = ["--model", "rebuilt_datacube_cnn", "--config", str(recipe), "--store", str(store), "--run", "demo"]
    assert train_main(arguments) == 0
    out = capsys.readouterr().out
    epochs = [line.replace("{0}", str(epoch)) for epoch in (1, 2) for line in EPOCH]
    assert_lines(out, *TRANSCRIPT, *epochs, r"Best checkpoint: outputs/sota_training/demo/checkpoints/best.pt")
    assert "Traceback" not in out
    folder = Path("outputs/sota_training")
    assert os.path.samefile(folder / "epoch_2.pt", folder / "demo/checkpoints/epoch_2.pt")
    saved = checkpoint.load(folder / "epoch_2.pt")
    assert saved["lineage"]["assurance"] == {"reproduced": 66}
    assert saved["lineage"]["pack_digest"] == Pack.open(store / "packs" / "planet_runs").digest


def test_resume_without_a_name_goes_on_with_the_latest_run(few, store, recipe, capsys):
    arguments = ["--config", str(recipe), "--store", str(store)]
    assert train_main([*arguments, "--run", "first", "--max_epochs", "1"]) == 0
    assert train_main([*arguments, "--run", "first"]) == 2
    assert (
        "error: the run outputs/sota_training/first exists\nRun: the same command with --resume"
        in capsys.readouterr().err
    )
    assert train_main([*arguments, "--resume"]) == 0
    assert "Resumed from outputs/sota_training/first/checkpoints/" in capsys.readouterr().out
    assert checkpoint.load(Path("outputs/sota_training/first/checkpoints/last.pt"))["step"] == 12


@pytest.mark.parametrize("name", ["", ".", "..", "../elsewhere", "a/b", "/tmp/run"])
def test_a_run_is_a_plain_name(few, store, recipe, capsys, name):
    assert train_main(["--config", str(recipe), "--store", str(store), "--run", name]) == 2
    assert "it names a folder under outputs/sota_training and must be a plain name" in capsys.readouterr().err


def refused(capsys, store: Path, *options: str, code: int = 3) -> tuple[str, str]:
    assert train_main(["--model", "rebuilt_datacube_cnn", "--store", str(store), *options]) == code
    assert not Path("outputs").exists()
    return capsys.readouterr()


def test_training_without_a_store_stops_with_the_reason_and_the_command(capsys, tmp_path):
    out, error = refused(capsys, tmp_path / "none")
    assert_lines(
        out,
        *TRANSCRIPT[:3],
        f"❌ CRITICAL: Real data not found: there is no store in {re.escape(str(tmp_path))}/none",
        "❌ Training CANNOT proceed without real data.",
        DOWNLOAD,
    )
    assert error == f"RuntimeError: {NO_REAL_DATA}\n"
    assert not (tmp_path / "none").exists()


def test_the_error_without_a_store_is_raised_from_a_file_not_found():
    with pytest.raises(RuntimeError, match=f"^{NO_REAL_DATA}$") as seen:
        asyncio.run(run_unified_training("rebuilt_datacube_cnn"))
    assert isinstance(seen.value.__cause__, FileNotFoundError)
    assert isinstance(seen.value.__cause__, RealDataNotFound)


def test_too_few_runs_stop_training(capsys, store):
    out, _ = refused(capsys, store)
    assert_lines(
        out, "❌ CRITICAL: Real data not found: the store .* holds 66 records of planet_runs, and 450 are needed",
        "❌ Training CANNOT proceed without real data.", DOWNLOAD,
    )  # fmt: skip


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def damage_record(store: Path, key: str = "sobol-000005-warm") -> None:
    storage = RealDataStorage(store)
    flip(storage.path(next(record.digest for record in storage.records() if record.key == key)))


def test_a_damaged_record_stops_training(few, capsys, store):
    damage_record(store)
    out, error = refused(capsys, store)
    assert_lines(out, ".*1 of 66 records of planet_runs are gone or have changed, the first sobol-000005-warm",
                 "❌ Training CANNOT proceed without real data.", "Run: astrobio verify --deep")  # fmt: skip
    assert error == f"RuntimeError: {NO_REAL_DATA}\n"
    assert "✅ Real data verified" not in out


def test_a_damaged_pack_stops_training_until_it_is_built_anew(few, capsys, store):
    pack = store / "packs" / "planet_runs"
    flip(pack / "shards" / "00000.safetensors")
    out, _ = refused(capsys, store)
    assert_lines(out, ".*00000.safetensors has changed since the pack was built", "❌ Training CANNOT .*",
                 "Run: astrobio build planet_runs --overwrite")  # fmt: skip
    (pack / MANIFEST).write_text("{}")
    out, _ = refused(capsys, store)
    assert_lines(out, ".*manifest.json is not a pack's manifest.*", "❌ Training CANNOT .*",
                 "Run: astrobio build planet_runs --overwrite")  # fmt: skip


def test_a_pack_folder_that_is_empty_is_filled(few, store):
    pack = store / "packs" / "planet_runs"
    shutil.rmtree(pack)
    pack.mkdir()
    assert len(data_loading.open_pack(RealDataStorage(store))) == 66


def test_a_store_that_has_grown_gets_a_new_pack(tmp_path, admissible, capsys):
    storage = RealDataStorage(store_of(tmp_path / "store", admissible[:40]))
    first = data_loading.open_pack(storage)
    assert data_loading.open_pack(storage).digest == first.digest
    assert "building it anew" not in capsys.readouterr().out
    storage.admit_many(admissible[40:])
    assert len(data_loading.open_pack(storage)) == 66
    assert "The store holds other records than the pack: building it anew." in capsys.readouterr().out


@pytest.fixture(scope="module")
def declared(tmp_path_factory, admissible) -> Path:
    items = [(content, replace(provenance, assurance="declared")) for content, provenance in admissible]
    return store_of(tmp_path_factory.mktemp("declared") / "store", items)


def test_declared_runs_are_refused_unless_allowed_and_the_checkpoint_says_so(few, declared, recipe, capsys):
    out, _ = refused(capsys, declared)
    assert_lines(out, ".*66 of 66 runs are only declared by their user, and 60 others are needed",
                 "❌ Training CANNOT .*", "Run: training with --allow-declared, or .*")  # fmt: skip
    arguments = ["--config", str(recipe), "--store", str(declared), "--run", "free", "--max_epochs", "1"]
    assert train_main([*arguments, "--allow-declared"]) == 0
    assert "✅ Real data verified: 66 runs available\n   Assurance: 66 declared\n" in capsys.readouterr().out
    lineage = checkpoint.load(Path("outputs/sota_training/epoch_1.pt"))["lineage"]
    assert lineage["declared_allowed"] is True
    assert lineage["assurance"] == {"declared": 66}


def test_declared_runs_do_not_make_up_the_number(monkeypatch, capsys, tmp_path, admissible):
    monkeypatch.setattr(data_loading, "LEAST_RUNS", 10)
    items = [
        (content, replace(provenance, assurance="declared" if place < 12 else "reproduced"))
        for place, (content, provenance) in enumerate(admissible[:20])
    ]
    out, _ = refused(capsys, store_of(tmp_path / "store", items))
    assert_lines(out, ".*12 of 20 runs are only declared by their user, and 10 others are needed")


@pytest.mark.parametrize(
    ("name", "designs"), [("train", ("test8",)), ("val", ("test8", "train")), ("test", ("sobol",))]
)
def test_an_empty_loader_stops_training(monkeypatch, capsys, tmp_path, admissible, planet_runs, name, designs):
    from astrobio.datasets.splits import is_validation

    monkeypatch.setattr(data_loading, "LEAST_RUNS", 1)
    chosen = []
    for item, (run, _) in zip(admissible, planet_runs, strict=True):
        kind = run.design
        if kind == "sobol" and "train" in designs and not is_validation(run.parameters.group()):
            kind = "train"
        if kind in designs:
            chosen.append(item)
    out, error = refused(capsys, store_of(tmp_path / "store", chosen))
    assert_lines(out, "✅ Production data loader available", f"❌ CRITICAL: {name} data loader is empty.",
                 "❌ Training CANNOT proceed without data.")  # fmt: skip
    assert error == "RuntimeError: Training CANNOT proceed without data.\n"


_WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name == "pydantic":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from astrobio.training.documented import train_main
sys.exit(train_main(["--model", "rebuilt_datacube_cnn"]))
"""


def call(*command: str, **options) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run([sys.executable, *command], capture_output=True, encoding="utf-8", env=environment, **options)


def test_a_missing_module_stops_training_and_nothing_replaces_it():
    done = call("-c", _WITHOUT)
    assert done.returncode == 3
    assert done.stdout == (
        "❌ CRITICAL: Failed to import data loaders: No module named 'pydantic'\n"
        "Training CANNOT proceed without real data.\n"
        "NO DUMMY DATA FALLBACK AVAILABLE.\n"
    )
    assert done.stderr == f"RuntimeError: {NO_REAL_DATA}\n"


def test_the_script_stops_without_data_and_at_an_empty_loader(tmp_path):
    script = [str(ROOT / "train_unified_sota.py"), "--model", "rebuilt_datacube_cnn", *T3]
    done = call(*script)
    assert done.returncode == 3
    assert_lines(done.stdout, *TRANSCRIPT[:3], "❌ CRITICAL: Real data not found: there is no store in .*",
                 "❌ Training CANNOT proceed without real data.", DOWNLOAD)  # fmt: skip
    assert done.stderr == f"RuntimeError: {NO_REAL_DATA}\n"
    # The first 450 runs that ship are enough runs, and no test planet is among them.
    store = store_of(tmp_path / "store", islice(read_bundle(shipped.BUNDLE, "reproduced"), 450))
    done = call(*script, "--store", str(store))
    assert done.returncode == 3
    assert_lines(done.stdout, *TRANSCRIPT[:3], "✅ Real data verified: 450 runs available",
                 "❌ CRITICAL: test data loader is empty.", "❌ Training CANNOT proceed without data.")  # fmt: skip
    assert done.stderr == "RuntimeError: Training CANNOT proceed without data.\n"


_STOPPED = """
import sys
from astrobio.training import data_loading
from astrobio.training.documented import train_main
from astrobio.training.trainer import Trainer
data_loading.LEAST_RUNS = 60
real = Trainer._train_step
def step(self, batch):
    if self.state.step == 3:
        print("here", file=sys.stderr, flush=True)
        sys.stdin.readline()
    return real(self, batch)
Trainer._train_step = step
sys.exit(train_main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGTERM is of POSIX systems")
def test_a_terminated_command_saves_and_ends_with_130(store, recipe):
    command = [sys.executable, "-c", _STOPPED, "--config", str(recipe), "--store", str(store), "--run", "stopped"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, encoding="utf-8", **pipes) as child:
        assert child.stderr.readline() == "here\n"
        child.send_signal(signal.SIGTERM)
        _, error = child.communicate("\n")
    assert child.returncode == 130
    assert "error: stopped by SIGTERM; saved outputs/sota_training/stopped/checkpoints/step_4.pt\nRun: " in error
    assert checkpoint.load(Path("outputs/sota_training/stopped/checkpoints/last.pt"))["step"] == 4


@pytest.mark.parametrize("model", ["rebuilt_llm_integration", "rebuilt_multimodal_integration"])
def test_the_other_models_refuse_plainly_whoever_asks(few, store, capsys, model):
    commands: list[Callable[[], int]] = [
        lambda: train_main(["--model", model, *T3, "--store", str(store)]),
        lambda: workflow.workflow_main(["--model", model, "--store", str(store)]),
        lambda: workflow.orchestrator_main(["--models", "rebuilt_datacube_cnn", model, "--store", str(store)]),
    ]
    for command in commands:
        assert command() == 2
        out, error = capsys.readouterr()
        assert out == ""
        assert re.search(rf"error: {model}: the (language|multimodal) model is not part of this version", error)
        assert "Run: python train_unified_sota.py --model rebuilt_datacube_cnn" in error
    with pytest.raises(UsageError, match="is not part of this version"):
        asyncio.run(run_unified_training(model))
    assert not Path("outputs").exists()


def test_a_model_that_nobody_announced_is_unknown(capsys):
    assert train_main(["--model", "gpt"]) == 2
    assert "there is no model 'gpt'; known are rebuilt_datacube_cnn, rebuilt_llm_integration" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--batch_size", "0"], "batch_size is 0; it must be at least 1"),
     (["--planets", "0"], "planets is 0; it must be at least 1"),
     (["--learning_rate", "0"], "learning_rate is 0.0; it must lie between 0 and 1"),
     (["--learning_rate", "nan"], "learning_rate is nan; expected float"),
     (["--workers", "-1"], "workers is -1; it must not be negative"),
     (["--split", "holes"], "split is 'holes'; choose random or boxes"),
     (["--set", "colour=red"], "unknown key of the training configuration: colour"),
     (["--set", "nonsense"], "--set nonsense: expected KEY=VALUE"),
     (["--config", "none.yaml"], "cannot read the configuration none.yaml")],
)  # fmt: skip
def test_impossible_options_are_named_before_anything_is_loaded(capsys, options, words):
    assert train_main(options) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert f"error: {words}" in error


def test_flags_change_the_recipe_and_what_is_not_given_stays(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(documented, "train_model", lambda *arguments: seen.append(arguments))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("patience: 5\nworkers: 2\nuse_mixed_precision: true\nseed: 9\nbatch_size: 3\n")
    assert train_main(["--config", str(recipe), "--patience", "0", "--workers", "0", "--set", "ema_decay=0"]) == 0
    config, *rest = seen[0]
    assert (config.patience, config.workers, config.ema_decay) == (0, 0, 0.0)
    assert (config.use_mixed_precision, config.seed, config.batch_size) == (True, 9, 3)
    assert rest == [None, None, False, False, False]
    assert train_main(["--model", "rebuilt_datacube_cnn", *T3, "--seed", "0"]) == 0
    config, *rest = seen[1]
    assert (config.batch_size, config.learning_rate, config.max_epochs, config.seed) == (16, 1e-4, 50, 0)
    assert config.use_mixed_precision
    assert rest[-1] is True


def test_training_from_python_returns_the_folder_of_the_run(few, store, recipe):
    found = asyncio.run(
        run_unified_training("rebuilt_datacube_cnn", store=store, config=recipe, run="script", max_epochs=1)
    )
    assert found == Path("outputs/sota_training/script")
    assert checkpoint.load(found / "checkpoints" / "best.pt")["step"] == 6
    with pytest.raises(UsageError, match="unknown key of the training configuration: colour"):
        asyncio.run(run_unified_training("rebuilt_datacube_cnn", colour="red"))


def test_the_documented_names_import():
    system = importlib.import_module("training.unified_sota_training_system")
    storage = importlib.import_module("data_build.real_data_storage")
    assert system.RealDataStorage is storage.RealDataStorage is RealDataStorage
    assert system.run_unified_training is run_unified_training
    assert system.RebuiltDatacubeCNN.name == "rebuilt_datacube_cnn"
    assert issubclass(storage.RealDataNotFound, FileNotFoundError)
    for name, words in (("RebuiltLLMIntegration", "language"), ("RebuiltMultimodalIntegration", "multimodal")):
        with pytest.raises(ImportError, match=f"{name}: the {words} model is not part of this version"):
            exec(f"from training.unified_sota_training_system import {name}")
    with pytest.raises(AttributeError, match="has no attribute 'RebuiltNothing'"):
        _ = system.RebuiltNothing
    for name in ("enhanced_training_workflow", "enhanced_training_orchestrator", "enable_automatic_data_download"):
        importlib.import_module(f"training.{name}")


def test_the_documented_class_refuses_what_does_not_exist():
    with pytest.raises(UsageError, match="no preset 'huge'"):
        documented.RebuiltDatacubeCNN("huge")
    assert documented.RebuiltDatacubeCNN(channels=8, members=1).task.config.channels == 8


def test_a_plan_trains_each_model_and_a_workflow_one(few, store, tmp_path, config, capsys):
    recipe = tmp_path / "short.yaml"
    recipe.write_text(yaml.safe_dump(config(max_epochs=1).to_dict()))
    shared = ["--config", str(recipe), "--store", str(store)]
    assert workflow.workflow_main([*shared, "--run", "flow"]) == 0
    assert Path("outputs/sota_training/flow/checkpoints/best.pt").is_file()
    assert workflow.orchestrator_main(shared) == 0
    assert_lines(capsys.readouterr().out, "Model 1/1: rebuilt_datacube_cnn", *TRANSCRIPT)
    assert len(list(Path("outputs/sota_training").glob("datacube_cnn-*/checkpoints/best.pt"))) == 1
    assert workflow.workflow_main(["--store", str(tmp_path / "none")]) == 3


NINE = [
    "RebuiltLLMIntegration import", "RebuiltDatacubeCNN import", "RebuiltMultimodalIntegration import",
    "training.unified_sota_training_system import",
    "training/unified_sota_training_system.py uses RealDataStorage",
    "training/enhanced_training_workflow.py uses RealDataStorage",
    "training/unified_sota_training_system.py no dummy data",
    "training/enhanced_training_orchestrator.py no dummy data",
    "training/enhanced_training_workflow.py no dummy data",
]  # fmt: skip


def test_seven_of_nine_components_are_ready_while_two_models_are_not_there(few, store, capsys):
    assert readiness.components_main(["--store", str(store), "--json"]) == 1
    out, shown = capsys.readouterr()
    document = json.loads(out)
    assert [check["name"] for check in document["checks"]] == NINE
    assert document["passed"] == 7
    failed = {check["name"]: check["detail"] for check in document["checks"] if not check["passed"]}
    assert failed == {
        NINE[0]: "RebuiltLLMIntegration: the language model is not part of this version; RebuiltDatacubeCNN is",
        NINE[
            2
        ]: "RebuiltMultimodalIntegration: the multimodal model is not part of this version; RebuiltDatacubeCNN is",
    }
    assert_lines(shown, f"❌ {NINE[0]}: .*", f"✅ {NINE[1]}: built, and took a training step on 16 real samples, .*",
                 f"✅ {NINE[6]}: 44 samples of the train loader traced to admitted records, each re-hashed",
                 "❌ FAILED: 7/9 checks", "❌ OVERALL STATUS: FAILED")  # fmt: skip
    assert "ready!" not in shown


def test_no_component_is_ready_without_data(capsys):
    assert readiness.components_main([]) == 1
    assert_lines(capsys.readouterr().out, "❌ FAILED: 0/9 checks", "❌ OVERALL STATUS: FAILED")


def test_the_pipeline_passes_on_a_good_store(few, store, capsys):
    assert readiness.pipeline_main(["--store", str(store)]) == 0
    assert_lines(
        capsys.readouterr().out,
        r"✅ Storage verifies: 66 records and \d+ rows of the journal are sound",
        "✅ Gates: 17 records of 1 sources pass all gates again",
        "✅ Refusals: an error page, an error in JSON, nothing are refused in the place of 1 products",
        "✅ Sources: 1 sources: planet_runs",
        "✅ Packs: 66 samples of planet_runs",
        "✅ Splits: no group stands on two sides in 2 splits",
        "✅ Loaders: 44 train, 4 validation, 16 test",
        "✅ PASSED: 7/7 checks",
        "✅ OVERALL STATUS: PASSED",
        "🚀 Training components are ready!",
    )


def test_the_pipeline_takes_in_all_sources_and_packs(few, store, archive_mirror, capsys):
    names = ["jwst_published", "irtf_spex"]
    list(Fetcher(RealDataStorage(store), Mirror.named(str(archive_mirror))).fetch(names))
    for name in ("spectra", "stellar_spectra"):
        build(RealDataStorage(store), name, store / "packs" / name)
    assert readiness.pipeline_main(["--store", str(store)]) == 0
    out = capsys.readouterr().out
    assert_lines(out, r"✅ Gates: \d+ records of 3 sources pass all gates again", "✅ Refusals: .* of 4 products",
                 "✅ Sources: 3 sources: irtf_spex, jwst_published, planet_runs",
                 "✅ Packs: 66 samples of planet_runs, 17 samples of spectra, 59 samples of stellar_spectra",
                 "✅ Splits: no group stands on two sides in 4 splits", "✅ PASSED: 7/7 checks")  # fmt: skip
    flip(store / "packs" / "spectra" / "samples.parquet")
    assert readiness.pipeline_main(["--store", str(store)]) == 1
    assert_lines(capsys.readouterr().out, "❌ Packs: .*spectra/samples.parquet has changed.*")


def test_archives_without_planet_runs_are_checked_and_are_not_ready_for_training(archive_mirror, tmp_path, capsys):
    store = tmp_path / "store"
    list(Fetcher(RealDataStorage(store, create=True), Mirror.named(str(archive_mirror))).fetch(["jwst_published"]))
    assert readiness.pipeline_main(["--store", str(store)]) == 1
    assert_lines(capsys.readouterr().out, "✅ Storage verifies: 17 records .*", "✅ Sources: 1 sources: jwst_published",
                 f"❌ Packs: the store {store} holds no pack. Run: astrobio build NAME",
                 "❌ FAILED: 4/7 checks")  # fmt: skip
    build(RealDataStorage(store), "spectra", store / "packs" / "spectra")
    assert readiness.pipeline_main(["--store", str(store)]) == 1
    assert_lines(capsys.readouterr().out, "✅ Packs: 17 samples of spectra", "✅ Splits: .* in 1 splits",
                 "❌ Loaders: .* holds 0 records of planet_runs, and 450 are needed.*",
                 "❌ FAILED: 6/7 checks")  # fmt: skip


def test_an_empty_store_passes_no_check(tmp_path, capsys):
    RealDataStorage(tmp_path / "store", create=True)
    assert readiness.pipeline_main(["--store", str(tmp_path / "store")]) == 1
    assert_lines(
        capsys.readouterr().out, "❌ Storage verifies: the store .* is empty. Run: .*", "❌ FAILED: 0/7 checks"
    )


def test_fewer_records_than_a_source_must_have_fail_the_pipeline(few, store, monkeypatch, capsys):
    monkeypatch.setattr(readiness, "held_counts", lambda _storage, one: {one.products[0].counted: 449})
    assert readiness.pipeline_main(["--store", str(store)]) == 1
    assert_lines(capsys.readouterr().out, "❌ Sources: fewer than are to be expected: planet_runs: 449 runs")


@pytest.mark.parametrize(
    ("part", "failing"),
    [
        ("record", {"Storage verifies", "Packs", "Splits", "Loaders"}),
        ("pack", {"Packs", "Splits", "Loaders"}),
        ("journal", {"Storage verifies", "Sources"}),
        ("missing", {"Storage verifies", "Gates", "Refusals", "Sources", "Packs", "Splits", "Loaders"}),
    ],
)
def test_the_pipeline_fails_on_a_damaged_store(few, store, capsys, part, failing):
    if part == "record":
        damage_record(store)
    elif part == "pack":
        flip(store / "packs" / "planet_runs" / "samples.parquet")
    elif part == "journal":
        RealDataStorage(store).catalogue.database.execute("UPDATE journal SET detail='{}' WHERE number=1")
    else:
        shutil.rmtree(store)
    assert readiness.pipeline_main(["--store", str(store)]) == 1
    out = capsys.readouterr().out
    assert_lines(out, f"❌ FAILED: {7 - len(failing)}/7 checks", "❌ OVERALL STATUS: FAILED")
    assert {line[2:].partition(":")[0] for line in out.splitlines() if line.startswith("❌")} == failing | {
        "FAILED", "OVERALL STATUS"}  # fmt: skip
    assert "ready!" not in out


def test_the_scripts_of_the_checks_end_with_the_code_of_the_checks(tmp_path):
    done = call(str(ROOT / "validate_real_data_pipeline.py"), "--store", str(tmp_path / "none"))
    assert done.returncode == 1
    assert_lines(done.stdout, "❌ Storage verifies: there is no store in .*", "❌ FAILED: 0/7 checks")


@pytest.fixture
def bundled(tmp_path, planet_runs, monkeypatch) -> Path:
    """The 66 runs as the bundle that the download brings, released as far as this test is concerned."""
    path = tmp_path / "runs.bundle"
    program = {"name": "vplanet", "version": "2"}
    write_bundle(
        path, [(run.to_bytes(), dict(making)) for run, making in planet_runs], {"runs": 66, "program": program}
    )
    monkeypatch.setitem(shipped.RELEASES, sha256_bytes(path.read_bytes()), "test")
    _bring(monkeypatch, path)
    return path


def _bring(monkeypatch, path: Path) -> None:
    monkeypatch.setattr(acquisition, "shipped_count", partial(shipped.shipped_count, path))
    monkeypatch.setattr(acquisition, "admit_bundle", partial(shipped.admit_bundle, path=path))


STEPS = (
    r"🔍 Step 1/5: Initializing data acquisition systems\.\.\.",
    "✅ Comprehensive13SourcesIntegration initialized",
    "✅ AutomatedDataPipeline initialized",
    "✅ RealDataSourcesScraper initialized",
    r"🔍 Step 2/5: Downloading from all sources\.\.\.",
)


def test_the_download_brings_what_training_needs(few, bundled, tmp_path, capsys, recipe):
    store = ["--store", str(tmp_path / "new")]
    assert acquisition.main(["planet_runs", *store]) == 0
    out = capsys.readouterr().out
    assert_lines(out, *STEPS, r"✅ VPLanet planet runs: 66 runs admitted \(66 new, 0 refused by a gate\) of the 66 .*",
                 "✅ ALL DATA DOWNLOADED AND VALIDATED", "🚀 Training can now start!")  # fmt: skip
    assert not re.search(r"✅ (NASA|KEGG|JWST)", out)
    assert [path.name for path in (tmp_path / "new" / "packs").iterdir()] == ["planet_runs"]
    assert train_main(["--config", str(recipe), *store, "--max_epochs", "1"]) == 0
    capsys.readouterr()
    assert acquisition.main(["planet_runs", *store, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["admitted"], document["already"], document["sound"], document["ready"]) == (0, 66, True, True)


def test_the_download_has_a_line_for_every_source(few, bundled, archive_mirror, tmp_path, capsys):
    names = ["planet_runs", "nasa_exoplanet_archive", "jwst_published", "kegg"]
    arguments = [*names, "--store", str(tmp_path / "new"), "--mirror", str(archive_mirror)]
    assert acquisition.main(arguments) == 0
    out = capsys.readouterr().out
    assert_lines(
        out, *STEPS, ".*66 runs admitted.*", "✅ NASA Exoplanet Archive: 6273 exoplanets downloaded",
        "   beside them .*9564 Kepler objects.*", "✅ Published JWST spectra: 17 spectra downloaded",
        "⚠️ KEGG Pathways: skipped: .* has none of its files. Run: .*", r"🔍 Step 3/5: Validating\.\.\.",
        "   111 records, 0 gone, 0 changed, journal of .* rows unbroken",
        r"🔍 Step 4/5: Building the training data\.\.\.", "   planet_runs: 66 samples, pack .*",
        "   spectra: 41 samples, pack .*", "   text: no records of it in the store", "🔍 Step 5/5: Report",
        "⚠️ 2 sources downloaded, 1 skipped, 0 failed; 0 objects refused, 0 damaged. Run: astrobio sources",
        "🚀 Training can now start!",
    )  # fmt: skip
    assert "ALL DATA DOWNLOADED" not in out
    built = {name: Pack.open(tmp_path / "new" / "packs" / name).digest for name in ("planet_runs", "spectra")}
    changed = {path: path.stat().st_mtime_ns for path in (tmp_path / "new" / "packs").rglob("*.json")}
    assert acquisition.main([*arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert built.items() <= document["packs"].items()
    assert document["skipped"] == ["kegg"]
    assert {path: path.stat().st_mtime_ns for path in changed} == changed  # no pack was built again


def test_the_lines_of_the_documented_sources_are_as_written():
    for name, counts, line in (
        ("nasa_exoplanet_archive", {"planets": 6273}, "✅ NASA Exoplanet Archive: 6273 exoplanets downloaded"),
        ("kegg", {"pathways": 571}, "✅ KEGG Pathways: 571 metabolic pathways downloaded"),
        ("mast", {"extracted spectra": 1200, "spectra in time series": 30}, "✅ JWST/MAST: 1230 spectra downloaded"),
    ):  # fmt: skip
        assert acquisition.source_lines(SourceReport(name, "", counts=counts)) == [line]


def test_a_source_that_failed_or_was_refused_is_no_success():
    failed = SourceReport("mast", "", counts={"extracted spectra": 12},
                          failures=[Failure("x1d", "no answer", 5, "astrobio fetch mast")])  # fmt: skip
    assert acquisition.source_lines(failed) == [
        "❌ JWST/MAST: failed: no answer. Run: astrobio fetch mast", "   12 spectra are in the store",
    ]  # fmt: skip
    refused = SourceReport("kegg", "", counts={}, refused=[("a", ["format: empty"]), ("b", ["format: empty"])])
    assert acquisition.source_lines(refused) == [
        "❌ KEGG Pathways: 2 files refused by a gate. Run: astrobio quarantine", "   refused: a: format: empty",
        "   refused: b: format: empty", "   0 metabolic pathways are in the store",
    ]  # fmt: skip


def test_a_source_that_is_not_known_downloads_nothing(tmp_path, capsys):
    assert acquisition.main(["rumours", "--store", str(tmp_path / "new")]) == 4
    assert "rumours" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_download_that_a_gate_refuses_in_part_announces_no_success(few, tmp_path, planet_runs, monkeypatch, capsys):
    runs = [run for run, _ in planet_runs]
    runs[3] = replace(runs[3], diagnostics=runs[3].diagnostics | {"energy_imbalance": 0.3})
    path = tmp_path / "runs.bundle"
    write_bundle(path, [(run.to_bytes(), {}) for run in runs], {"runs": 66})
    monkeypatch.setitem(shipped.RELEASES, sha256_bytes(path.read_bytes()), "test")
    _bring(monkeypatch, path)
    assert acquisition.main(["planet_runs", "--store", str(tmp_path / "new")]) == 1
    out = capsys.readouterr().out
    assert_lines(out, ".*65 runs admitted.*1 refused by a gate.*", "   refused: sobol-000000-cold: .*",
                 "❌ .* 0 skipped, 0 failed; 1 objects refused, 0 damaged. Run: astrobio quarantine",
                 "🚀 Training can now start!")  # fmt: skip
    assert "ALL DATA DOWNLOADED" not in out


def test_a_damaged_bundle_ends_the_download(few, bundled, tmp_path, capsys):
    flip(bundled)
    assert acquisition.main(["planet_runs", "--store", str(tmp_path / "new")]) == 4
    out, error = capsys.readouterr()
    assert "has changed since it was written" in error
    assert "ALL DATA" not in out
    bundled.unlink()
    assert acquisition.main(["planet_runs", "--store", str(tmp_path / "new")]) == 3


def test_too_few_runs_do_not_announce_that_training_can_start(bundled, tmp_path, capsys):
    assert acquisition.main(["planet_runs", "--store", str(tmp_path / "new")]) == 1
    out = capsys.readouterr().out
    assert "✅ ALL DATA DOWNLOADED AND VALIDATED" in out
    assert "Training can now start" not in out
