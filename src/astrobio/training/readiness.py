"""Readiness: nine checks of the training components, and the data pipeline from end to end.

Each check does what it names. That no fabricated data is there is established from provenance: every sample
that a component's loader yields must trace to a record of the store that was admitted through the gates.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from astrobio.archives.registry import source, verify
from astrobio.core.console import say
from astrobio.core.errors import EXIT_CHECK_FAILED, EXIT_DONE, AstrobioError, DataMissing, IntegrityError
from astrobio.core.paths import pack_folder
from astrobio.datasets.held import product_of
from astrobio.datasets.loader import Loader
from astrobio.datasets.pack import MANIFEST, Pack, check_records
from astrobio.datasets.packs import DATA_SETS
from astrobio.fetch.engine import held_counts
from astrobio.store import RealDataStorage, Record
from astrobio.store.storage import DOWNLOAD
from astrobio.training.config import TrainingConfig
from astrobio.training.registry import make_task

SYSTEM = "training.unified_sota_training_system"


@dataclass(frozen=True)
class CheckResult:
    """Name of a check, whether it passed, and what it saw."""

    name: str
    passed: bool
    detail: str


def _run_checks(checks: list[tuple[str, Callable[[], str]]]) -> list[CheckResult]:
    results = []
    for name, check in checks:
        try:
            result = CheckResult(name, True, check())
        except (AstrobioError, ImportError, AttributeError, RuntimeError, OSError) as error:
            result = CheckResult(name, False, str(error).replace("\n", ". "))
        results.append(result)
        say(f"{'✅' if result.passed else '❌'} {result.name}: {result.detail}")
    return results


class ComponentChecks:
    """The nine checks, on the data of one store."""

    def __init__(self, store: str | None = None) -> None:
        self.store = store
        self._opened: tuple[RealDataStorage, Pack] | None = None

    def opened(self) -> tuple[RealDataStorage, Pack]:
        """Store and pack, verified once for all checks."""
        if self._opened is None:
            from astrobio.training.data_loading import LEAST_RUNS, open_pack

            storage = RealDataStorage(self.store)
            storage.require("planet_runs", LEAST_RUNS)
            self._opened = storage, open_pack(storage)
        return self._opened

    def model(self, name: str) -> str:
        """Import a model's class by its documented name, and let it take a training step on real data."""
        cls = getattr(importlib.import_module(SYSTEM), name)
        _, pack = self.opened()
        model = cls()
        batch = next(self._loader(pack, model.task).batches(0))
        loss = model.training_loss(batch)
        loss.backward()
        count = len(batch["start_sample"])
        return f"built, and took a training step on {count} real samples, loss {float(loss.detach()):.3f}"

    def _loader(self, pack: Pack, task: Any, part: str = "train") -> Loader:
        import torch

        indices = pack.indices("random", part)[:64]
        prepared = task.prepare(pack.array("parameters").take(indices), pack.array("start").take(indices))
        extra = {}
        for key, value in prepared.items():
            whole = torch.zeros((len(pack), *value.shape[1:]), dtype=value.dtype)
            whole[torch.from_numpy(indices)] = value
            extra[key] = whole
        extra["start_sample"] = torch.arange(len(pack))
        return Loader(pack, indices, 16, names=task.targets, extra=extra)

    def system(self) -> str:
        """The training system trains: one epoch on a few real planets, with its checkpoint."""
        from astrobio.training.runs import load_predictor
        from astrobio.training.trainer import train

        importlib.import_module(SYSTEM)
        _, pack = self.opened()
        config = TrainingConfig(planets=16, batch_size=16, max_epochs=1, warmup_steps=0)
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
            best = train(config, pack, Path(folder) / "check")
            steps = load_predictor(best).step
        return f"trained {steps} steps and read its checkpoint back"

    def uses_storage(self, module: str) -> str:
        """The component's data comes through RealDataStorage: without a store it stops, with one it opens."""
        from astrobio.training.data_loading import verified_pack

        found = importlib.import_module(module)
        if found.RealDataStorage is not RealDataStorage:
            raise IntegrityError(f"{module} names another RealDataStorage than the package's")
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
            try:
                verified_pack(TrainingConfig(), Path(folder) / "empty")
            except RuntimeError:
                pass
            else:
                raise IntegrityError(f"{module} went on without a store")
        storage, _ = self.opened()
        return f"stops without a store; opens {len(storage.records(source='planet_runs'))} verified records with one"

    def only_admitted(self, module: str, part: str) -> str:
        """Every sample of the component's loader traces to an admitted record with provenance."""
        importlib.import_module(module)
        storage, pack = self.opened()
        records = {record.digest: record for record in storage.records(source="planet_runs")}
        loader = self._loader(pack, make_task("rebuilt_datacube_cnn", "tiny", {}), part)
        traced = 0
        for batch in loader.batches(0):
            for sample in batch["start_sample"].tolist():
                digest = pack.samples["digest"][sample]
                if digest not in records:
                    raise IntegrityError(f"sample {pack.samples['key'][sample]} traces to no admitted record")
                storage.open(records[digest])
                if records[digest].provenance.origin not in ("simulator_run", "import", "exchange"):
                    raise IntegrityError(f"{records[digest].key} has no provenance")
                traced += 1
        return f"{traced} samples of the {part} loader traced to admitted records, each re-hashed"


def component_checks(store: str | None = None) -> list[CheckResult]:
    """Run the nine checks."""
    checks = ComponentChecks(store)
    path = "training/{}.py"
    names = ("unified_sota_training_system", "enhanced_training_workflow", "enhanced_training_orchestrator")
    listed: list[tuple[str, Callable[[], str]]] = [
        ("RebuiltLLMIntegration import", lambda: checks.model("RebuiltLLMIntegration")),
        ("RebuiltDatacubeCNN import", lambda: checks.model("RebuiltDatacubeCNN")),
        ("RebuiltMultimodalIntegration import", lambda: checks.model("RebuiltMultimodalIntegration")),
        (f"{SYSTEM} import", checks.system),
        (f"{path.format(names[0])} uses RealDataStorage", lambda: checks.uses_storage(SYSTEM)),
        (f"{path.format(names[1])} uses RealDataStorage", lambda: checks.uses_storage(f"training.{names[1]}")),
        (f"{path.format(names[0])} no dummy data", lambda: checks.only_admitted(SYSTEM, "train")),
        (f"{path.format(names[2])} no dummy data", lambda: checks.only_admitted(f"training.{names[2]}", "validation")),
        (f"{path.format(names[1])} no dummy data", lambda: checks.only_admitted(f"training.{names[1]}", "test")),
    ]
    return _run_checks(listed)


class PipelineChecks:
    """The data pipeline from the store to the loaders, for every source and every pack that is there."""

    def __init__(self, store: str | None = None) -> None:
        self._components = ComponentChecks(store)

    def storage(self) -> str:
        """Every record and the journal are as they were."""
        report, damaged = self._storage.verify(), self._storage.damaged(self._storage.records())
        if damaged or not report.sound:
            gone = len(report.missing)
            changed = len(damaged) - gone + len(report.altered)
            raise IntegrityError(f"{gone} gone, {changed} changed, journal {report.journal_error}")
        return f"{report.records} records and {report.journal_rows} rows of the journal are sound"

    def gates(self) -> str:
        """A sample of the records of every product passes its gates again."""
        sample = self._sample(20)
        refused = [
            record.key for record in sample
            if not verify(self._storage.open(record), record.provenance).admitted
        ]  # fmt: skip
        if refused:
            share = f"{len(refused)} of {len(sample)}"
            raise IntegrityError(f"{share} records do not pass the gates, the first {refused[0]}")
        sources = len({record.source for record in sample})
        return f"{len(sample)} records of {sources} sources pass all gates again"

    def refusals(self) -> str:
        """What an archive sends instead of data is refused in the place of a record of every product."""
        admitted = [
            f"{record.source}: {name}" for record in self._sample(1) for name, content in INSTEAD.items()
            if verify(content, record.provenance).admitted
        ]  # fmt: skip
        if admitted:
            raise IntegrityError(f"the gates admit what is no data: {'; '.join(admitted)}")
        return f"{', '.join(INSTEAD)} are refused in the place of {len(self._products)} products"

    def sources(self) -> str:
        """Each source that is there has a licence, and as many records as it must have at least."""
        held = sorted({record.source for record in self._storage.records()})
        few = []
        for name in held:
            counts = held_counts(self._storage, source(name))
            few += [f"{name}: {counts[product.counted]} {product.counted}" for product in source(name).products
                    if 0 < counts.get(product.counted, 0) < product.least]  # fmt: skip
        if few:
            raise IntegrityError(f"fewer than are to be expected: {'; '.join(few)}")
        return f"{len(held)} sources: {', '.join(held)}"

    def packs(self) -> str:
        """Every file of every pack is as its manifest says, and all its records are in the store."""
        for pack in self._packs:
            check_records(pack, self._storage)
        return ", ".join(f"{len(pack)} samples of {pack.manifest.source}" for pack in self._packs)

    def splits(self) -> str:
        """No group stands on two sides of a split."""
        checked = 0
        for pack in self._packs:
            for column in (name for name in pack.samples if name.startswith("split_")):
                groups: dict[str, str] = {}
                for group, part in zip(pack.samples["group"], pack.samples[column], strict=True):
                    if groups.setdefault(group, part) != part:
                        where = f"{pack.manifest.source}, {column}"
                        raise IntegrityError(f"{where}: the group {group} stands in {part} and in {groups[group]}")
                checked += 1
        return f"no group stands on two sides in {checked} splits"

    def loaders(self) -> str:
        """Each part of the split has samples."""
        _, found = self._components.opened()
        sizes = {part: len(found.indices("random", part)) for part in ("train", "validation", "test")}
        if not all(sizes.values()):
            raise IntegrityError(f"a loader is empty: {sizes}")
        return ", ".join(f"{count} {part}" for part, count in sizes.items())

    def _sample(self, most: int) -> list[Record]:
        """At most so many records of each product, evenly spaced."""
        return [record for records in self._products.values() for record in records[:: -(-len(records) // most)]]

    @cached_property
    def _storage(self) -> RealDataStorage:
        """The store, which holds something."""
        storage = RealDataStorage(self._components.store)
        if not storage.records():
            raise DataMissing(f"the store {storage.root} is empty", fix=DOWNLOAD)
        return storage

    @cached_property
    def _products(self) -> dict[tuple[str, str], list[Record]]:
        """The records of each product."""
        found: dict[tuple[str, str], list[Record]] = {}
        for record in self._storage.records():
            found.setdefault((record.source, product_of(record)), []).append(record)
        return found

    @cached_property
    def _packs(self) -> list[Pack]:
        """All packs of the store, that of its planet runs made if need be; opening one hashes its files."""
        runs = [self._components.opened()[1]] if self._storage.records(source="planet_runs") else []
        folders = (pack_folder(self._storage.root, name) for name in DATA_SETS)
        found = [*runs, *(Pack.open(folder) for folder in folders if (folder / MANIFEST).is_file())]
        if not found:
            raise DataMissing(f"the store {self._storage.root} holds no pack", fix="astrobio build NAME")
        return found


INSTEAD = {
    "an error page": b"<!DOCTYPE html><html><head><title>503</title></head><body>Service unavailable</body></html>\n",
    "an error in JSON": b'{"error": "not found", "status": 404}\n',
    "nothing": b"",
}
"""What archives send under status 200 instead of data."""


def pipeline_checks(store: str | None = None) -> list[CheckResult]:
    """Run the checks of the data pipeline."""
    checks = PipelineChecks(store)
    return _run_checks([
        ("Storage verifies", checks.storage), ("Gates", checks.gates), ("Refusals", checks.refusals),
        ("Sources", checks.sources), ("Packs", checks.packs), ("Splits", checks.splits), ("Loaders", checks.loaders),
    ])  # fmt: skip


def _main(text: str, run: Callable[[str | None], list[CheckResult]], arguments: Sequence[str] | None) -> int:
    from astrobio.core.command import run_command

    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("--store", help="folder of the store")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    options = parser.parse_args(arguments)

    def call() -> int:
        with redirect_stdout(sys.stderr if options.json else sys.stdout):
            results = run(options.store)
            passed = sum(result.passed for result in results)
            good = passed == len(results)
            say(f"{'✅ PASSED' if good else '❌ FAILED'}: {passed}/{len(results)} checks")
            say(f"{'✅' if good else '❌'} OVERALL STATUS: {'PASSED' if good else 'FAILED'}")
            if good:
                say("🚀 Training components are ready!")
        if options.json:
            print(json.dumps({"passed": passed, "checks": [asdict(result) for result in results]}, indent=1))
        return EXIT_DONE if good else EXIT_CHECK_FAILED

    return run_command(call)


def components_main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of ``validate_training_components.py``; returns the exit code."""
    return _main("The nine readiness checks.", component_checks, arguments)


def pipeline_main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of ``validate_real_data_pipeline.py``; returns the exit code."""
    return _main("The data pipeline from end to end.", pipeline_checks, arguments)
