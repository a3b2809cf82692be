"""What each stage costs, and how that grows with the number of runs.

Measured in one invocation, on this machine, as wall time; every figure is repeated, and the minimum and the
median are reported. Where a user would take something else, that is measured beside it on the same input:

=========  =====================================================  ==========================================
stage      what is measured                                       beside it
=========  =====================================================  ==========================================
simulate   an ensemble on forked workers, reduced to planet runs  the ``vplanet`` command, a process each run
hash       SHA-256 of the store's objects by the native core      ``hashlib`` in a loop, and on threads
admit      gates, objects, batch files, catalogue                 the gates alone; NetCDF files, no checks
build      records to a pack: checks, splits, statistics          one NetCDF file of all runs, no checks
read       batches of the training loader, in its order           the same batches from NetCDF files
epoch      one training epoch with validation and checkpoint      its preparation (insolation, bounds)
evaluate   all figures of a run and of the baselines              prediction alone; baselines alone
report     the HTML page
=========  =====================================================  ==========================================

Runs other than those of ``simulate`` come from the bundle that ships with the package. A tenth of each size
are test planets. Files stay in the page cache between repeats; ``--work`` names the disk. The first repeat
holds what a process does once (imports, threads, workers' start), the minimum of several does not.

    python benchmarks/stages.py --quick
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import alternatives
import numpy as np
from measuring import Measurement, available_cores, machine, show, timed, write

from astrobio.archives.registry import verify
from astrobio.core.hashing import sha256_files
from astrobio.core.provenance import Provenance
from astrobio.datasets.bundle import read_bundle
from astrobio.datasets.pack import Pack
from astrobio.datasets.packs.planet_runs import build_planet_runs
from astrobio.datasets.shipped import BUNDLE
from astrobio.simulate import ensemble
from astrobio.store import RealDataStorage
from astrobio.training.config import TrainingConfig

OURS = "astrobio"
READ_BATCH, READ_BATCHES = 128, 8
Item = tuple[bytes, Provenance]


@dataclass(frozen=True)
class Settings:
    """Sizes and repeats of one invocation."""

    sizes: tuple[int, ...]
    simulate: tuple[int, ...]
    repeats: int
    workers: int
    batch_size: int


def chosen_runs(size: int, runs: dict[str, list[Item]]) -> list[Item]:
    """``size`` runs of the bundle: Earth from both starts, a tenth test planets, the rest for training."""
    test = max(20, size // 10)
    return [*runs["earth"], *runs["test"][:test], *runs["sobol"][: size - test - len(runs["earth"])]]


def shipped_runs(most: int) -> dict[str, list[Item]]:
    """The first runs of each design in the bundle, enough for ``most``; only those that completed.

    A run that did not complete has no fields, so its bytes are few.
    """
    found: dict[str, list[Item]] = {"earth": [], "sobol": [], "test": []}
    for content, provenance in read_bundle(BUNDLE):
        name = provenance.key.split("-")[0].rstrip("0123456789")
        if len(found[name]) < most and len(content) > 5000:
            found[name].append((content, provenance))
    return found


def simulate_stage(settings: Settings) -> list[Measurement]:
    """Make climates, by forked workers and by the command line."""
    found = []
    for size in settings.simulate:
        tasks = ensemble.tasks(-(-size // 2), 0)[2 : 2 + size]
        ours, made = timed(partial(_simulate, tasks, settings.workers), settings.repeats)
        command = partial(alternatives.simulate_by_command_line, tasks, settings.workers)
        theirs, digests = timed(command, settings.repeats)
        same = sum(making["raw_output_sha256"] == digests[run.key] for run, making in made)
        found.append(Measurement("simulate", OURS, size, ours, {"workers": settings.workers, "same_text_output": same}))
        found.append(Measurement("simulate", "vplanet command", size, theirs, {"workers": settings.workers}))
    return found


def _simulate(tasks: list[ensemble.Task], workers: int) -> list[Any]:
    return list(ensemble.simulate(tasks, workers))


def admit_stage(items: list[Item], folder: Path, repeats: int) -> list[Measurement]:
    """Admit to a new store; the gates alone; NetCDF files without checks."""
    store, plain = folder / "store", folder / "netcdf"

    def admit() -> RealDataStorage:
        storage = RealDataStorage(store, create=True)
        storage.admit_many(items)
        return storage

    ours, storage = timed(admit, repeats, lambda: shutil.rmtree(store, ignore_errors=True))
    gates, _ = timed(lambda: [verify(content, provenance) for content, provenance in items], repeats)
    theirs, paths = timed(
        lambda: alternatives.write_netcdf_each((content for content, _ in items), plain),
        repeats,
        lambda: shutil.rmtree(plain, ignore_errors=True),
    )
    admitted = len(storage.records())
    objects = sum(record.size for record in storage.records())
    files = sum(path.stat().st_size for path in paths)
    return [
        Measurement("admit", OURS, len(items), ours, {"admitted": admitted, "bytes": objects}),
        Measurement("admit", "the gates alone", len(items), gates),
        Measurement("admit", "NetCDF files, no checks", len(items), theirs, {"bytes": files}),
    ]


def hash_stage(storage: RealDataStorage, settings: Settings) -> list[Measurement]:
    """SHA-256 of every object."""
    paths = [storage.path(record.digest) for record in storage.records()]
    size = sum(path.stat().st_size for path in paths)
    ways = {
        OURS: lambda: sha256_files(paths),
        "hashlib in a loop": lambda: alternatives.hash_in_loop(paths),
        "hashlib on threads": lambda: alternatives.hash_on_threads(paths, settings.workers),
    }
    found, digests = [], []
    for way, call in ways.items():
        seconds, result = timed(call, settings.repeats)
        digests.append(result)
        found.append(Measurement("hash", way, len(paths), seconds, {"bytes": size, "same": result == digests[0]}))
    return found


def build_stage(storage: RealDataStorage, folder: Path, repeats: int) -> list[Measurement]:
    """Compile the store's records; the same runs as one NetCDF file."""
    pack, whole = folder / "pack", folder / "whole.nc"
    paths = [storage.path(record.digest) for record in storage.records()]
    # The bundle is read here without the release's digest, so its runs count as declared.
    ours, _ = timed(lambda: build_planet_runs(storage, pack, overwrite=True, allow_declared=True), repeats)
    theirs, _ = timed(lambda: alternatives.write_netcdf_whole(paths, whole), repeats)
    size = sum(path.stat().st_size for path in pack.rglob("*") if path.is_file())
    return [
        Measurement("build", OURS, len(paths), ours, {"bytes": size}),
        Measurement("build", "one NetCDF file, no checks", len(paths), theirs, {"bytes": whole.stat().st_size}),
    ]


def read_stage(folder: Path, pack: Pack, repeats: int) -> list[Measurement]:
    """Up to eight batches of the training loader; the same samples from NetCDF files."""
    from astrobio.datasets.loader import Loader
    from astrobio.training.registry import make_task

    targets = make_task("rebuilt_datacube_cnn", "tiny", {}).targets
    fields = [name for name in targets if name not in ("snowball", "state")]
    train = pack.indices("random", "train")
    order = Loader(pack, train, READ_BATCH, names=fields).order(0)[: READ_BATCH * READ_BATCHES]
    batches = [order[begin : begin + READ_BATCH] for begin in range(0, len(order), READ_BATCH)]
    storage = RealDataStorage(folder / "store")
    keys = pack.samples["key"]
    each = [folder / "netcdf" / f"{key}.nc" for key in keys]
    place = {record.key: number for number, record in enumerate(storage.records())}
    in_whole = [np.array([place[keys[row]] for row in rows]) for rows in batches]

    def ours() -> int:
        loader = Loader(Pack.open(pack.path, verify=False), train, READ_BATCH, names=fields)
        return sum(len(loader.gather(rows)[fields[0]]) for rows in batches)

    ways = {
        OURS: ours,
        "a NetCDF file each run": lambda: alternatives.read_netcdf_each(each, batches, fields),
        "one NetCDF file": lambda: alternatives.read_netcdf_whole(folder / "whole.nc", in_whole, fields),
    }
    found = []
    for way, call in ways.items():
        seconds, count = timed(call, repeats)
        found.append(Measurement("read", way, len(keys), seconds, {"samples": count, "batch_size": READ_BATCH}))
    return found


def epoch_stage(folder: Path, pack: Pack, settings: Settings) -> list[Measurement]:
    """One epoch of the demo's recipe; what comes before the first step stands apart."""
    from astrobio.training.trainer import Trainer

    config = TrainingConfig(preset="tiny", batch_size=settings.batch_size, max_epochs=1, warmup_steps=10, device="cpu")
    run = folder / "run"

    def prepare() -> Trainer:
        shutil.rmtree(run, ignore_errors=True)
        return Trainer(config, pack, run, {"store": str(folder / "store")})

    preparation: list[float] = []
    training: list[float] = []
    for _ in range(settings.repeats):
        seconds, trainer = timed(prepare, 1)
        preparation += seconds
        training += timed(trainer.fit, 1)[0]
    _write_config(run, config)
    samples = len(pack.indices("random", "train"))
    detail = {"samples": samples, "steps": trainer.steps_per_epoch, "batch_size": settings.batch_size}
    return [
        Measurement("epoch", OURS, len(pack), training, detail),
        Measurement("epoch", "preparation", len(pack), preparation, {"samples": samples}),
    ]


def _write_config(run: Path, config: TrainingConfig) -> None:
    import yaml

    (run / "config.yaml").write_text(yaml.safe_dump(config.to_dict() | {"preset": "tiny"}), encoding="utf-8")


def evaluate_stage(run: Path, pack: Pack, repeats: int) -> list[Measurement]:
    """Figures of the run and of all baselines; prediction and baselines apart."""
    from astrobio.evaluate.task_a1 import evaluate_run
    from astrobio.training.runs import load_predictor

    test = pack.indices("random", "test")
    predictor = load_predictor(run)
    parameters, start = pack.array("parameters").take(test), pack.array("start").take(test)
    predicting, _ = timed(lambda: predictor.predict(parameters, start), repeats)
    whole, baselines = [], []
    for _ in range(repeats):
        seconds, document = timed(lambda: evaluate_run(run), 1)
        whole += seconds
        fitted = document["splits"]["random"]["baselines"]
        baselines.append(sum(item["seconds"] for item in fitted.values()))
    each = {name: item["seconds"] for name, item in fitted.items()}
    return [
        Measurement("evaluate", OURS, len(pack), whole, {"test_samples": len(test)}),
        Measurement("evaluate", "prediction alone", len(pack), predicting, {"test_samples": len(test)}),
        Measurement("evaluate", "baselines alone", len(pack), baselines, {"last_repeat_s": each}),
    ]


def report_stage(run: Path, runs: int, repeats: int) -> list[Measurement]:
    """The HTML page of an evaluated run."""
    from astrobio.report.html import write_report

    seconds, path = timed(lambda: write_report(run), repeats)
    return [Measurement("report", OURS, runs, seconds, {"bytes": path.stat().st_size})]


def stages_of_size(items: list[Item], folder: Path, settings: Settings) -> list[Measurement]:
    """All stages after simulation, for one number of runs."""
    found = admit_stage(items, folder, settings.repeats)
    storage = RealDataStorage(folder / "store")
    found += hash_stage(storage, settings)
    found += build_stage(storage, folder, settings.repeats)
    pack = Pack.open(folder / "pack")
    found += read_stage(folder, pack, settings.repeats)
    found += epoch_stage(folder, pack, settings)
    found += evaluate_stage(folder / "run", pack, settings.repeats)
    return found + report_stage(folder / "run", len(pack), settings.repeats)


def measure(settings: Settings, work: Path | None) -> list[Measurement]:
    """All stages and sizes; files go to a temporary folder under ``work`` and are removed."""
    found = simulate_stage(settings)
    runs = shipped_runs(max(settings.sizes))
    for size in settings.sizes:
        print(f"{size} runs ...", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="astrobio-stages-", dir=work) as folder:
            found += stages_of_size(chosen_runs(size, runs), Path(folder), settings)
    order = ("simulate", "admit", "hash", "build", "read", "epoch", "evaluate", "report")
    return sorted(found, key=lambda item: order.index(item.stage))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What each stage costs, and how that grows with the number of runs.")
    parser.add_argument("--sizes", type=int, nargs="+", help="planet runs (default 500 2000 8000)")
    parser.add_argument("--simulate", type=int, nargs="+", help="runs to simulate (default 12 24 48)")
    parser.add_argument("--repeats", type=int, help="of each figure (default 3)")
    cores = available_cores()
    parser.add_argument("--workers", type=int, default=cores, help="processes and threads (default: one a core)")
    parser.add_argument("--batch-size", type=int, default=64, help="of the training epoch (default 64)")
    parser.add_argument("--work", type=Path, help="folder for temporary files (default: the system's)")
    parser.add_argument("--out", type=Path, default=Path("outputs/benchmarks/stages.json"), help="JSON to write")
    parser.add_argument("--quick", action="store_true", help="sizes 120 240 480, 2 4 8 to simulate, two repeats")
    return parser.parse_args(arguments)


def _settings(options: argparse.Namespace) -> Settings:
    quick = options.quick
    sizes = tuple(options.sizes or ((120, 240, 480) if quick else (500, 2000, 8000)))
    if min(sizes) < 120:
        raise SystemExit("--sizes: at least 120 runs are needed, so that every split and baseline has enough")
    return Settings(
        sizes=sizes,
        simulate=tuple(options.simulate or ((2, 4, 8) if quick else (12, 24, 48))),
        repeats=options.repeats or (2 if quick else 3),
        workers=options.workers,
        batch_size=options.batch_size,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the JSON; returns the exit code."""
    options = _options(arguments)
    settings = _settings(options)
    facts = machine()
    with redirect_stdout(sys.stderr), redirect_stderr(sys.stderr):
        found = measure(settings, options.work)
    title = f"Stages: {facts['processor']}, {facts['cores']} cores, {settings.repeats} repeats"
    show(title, found)
    described: dict[str, Any] = {name: getattr(settings, name) for name in Settings.__dataclass_fields__}
    write(options.out, described, facts, found)
    print(f"Written: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
