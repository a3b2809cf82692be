"""Real planet runs for every test: made once a session by the simulator itself."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Container, Iterable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import settings

from astrobio.core.planet_run import PlanetParameters, PlanetRun
from astrobio.core.provenance import Provenance
from astrobio.simulate import design, vplanet

Made = tuple[PlanetRun, dict[str, object]]

# Busy machines are slow, and a suite must not fail by chance: no deadlines, and the same examples each time.
settings.register_profile("suite", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("suite")


# Whoever runs the tests in the background may have had SIGINT ignored, and what the tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def no_store_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever store the user has, tests name their own; where none is named there is none."""
    os.environ["ASTROBIO_STORE"] = str(tmp_path_factory.getbasetemp() / "no-store")


@pytest.fixture(scope="session")
def earth_runs() -> list[Made]:
    """The Earth control from its warm and its cold start."""
    return [vplanet.run(PlanetParameters.earth(), start, "earth", 0) for start in ("warm", "cold")]


@pytest.fixture(scope="session")
def planet_runs(earth_runs: list[Made]) -> list[Made]:
    """Earth, 24 designed planets and 8 test planets, each from both starts: 66 runs."""
    runs = list(earth_runs)
    for name, planets in (("sobol", design.sobol(24)), ("test8", design.latin_hypercube(8))):
        for index, planet in enumerate(planets):
            runs += [vplanet.run(planet, start, name, index) for start in ("warm", "cold")]
    return runs


@pytest.fixture(scope="session")
def admissible(planet_runs: list[Made]) -> list[tuple[bytes, Provenance]]:
    """The same runs as bytes with their provenance."""
    program = vplanet.program()
    return [
        (run.to_bytes(), Provenance("planet_runs", "simulation", "reproduced", "simulator_run", run.key,
                                    {"program": program, "making": making}))
        for run, making in planet_runs
    ]  # fmt: skip


@pytest.fixture(scope="session")
def filled_store(tmp_path_factory: pytest.TempPathFactory, admissible: list[tuple[bytes, Provenance]]) -> Path:
    """A store that holds the 66 runs; tests that change a store copy it."""
    from astrobio.store import RealDataStorage

    root = tmp_path_factory.mktemp("filled") / "store"
    report = RealDataStorage(root, create=True).admit_many(admissible)
    assert report.admitted == len(admissible)
    return root


@pytest.fixture(scope="session")
def small_pack(tmp_path_factory: pytest.TempPathFactory, filled_store: Path) -> Path:
    """The pack of the 66 runs, built in a copy of the store, which notes what is derived from it."""
    from astrobio.datasets.packs.planet_runs import build_planet_runs
    from astrobio.store import RealDataStorage

    store = Path(shutil.copytree(filled_store, tmp_path_factory.mktemp("pack") / "store"))
    return build_planet_runs(RealDataStorage(store), store.with_name("pack"))


@pytest.fixture(scope="session")
def archive_mirror() -> Path:
    """Folder of genuine archive files, named by ASTROBIO_MIRROR."""
    named = os.environ.get("ASTROBIO_MIRROR")
    if not named:
        if os.environ.get("ASTROBIO_REQUIRE_MIRROR") == "1":
            pytest.fail("ASTROBIO_REQUIRE_MIRROR is set, but ASTROBIO_MIRROR names no folder")
        pytest.skip("ASTROBIO_MIRROR names no folder of archive files")
    return Path(named)


@pytest.fixture(scope="session")
def archive_store(archive_mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with all that the mirror holds, fetched once for all workers; beside it, what the fetch reported."""
    from astrobio.fetch.engine import Fetcher
    from astrobio.fetch.mirror import Mirror
    from astrobio.store import RealDataStorage

    base = tmp_path_factory.getbasetemp()
    root = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "archive" / "store"
    root.parent.mkdir(exist_ok=True)
    report = root.with_name("report.json")
    with FileLock(root.with_name("lock")):
        if not report.exists():
            fetcher = Fetcher(RealDataStorage(root, create=True), Mirror.named(str(archive_mirror)))
            report.write_text(json.dumps([one.to_dict() for one in fetcher.fetch()]))
    return root


class Ledger:
    """Notes which files were refused, and by what, and which were admitted; all are listed when the tests have run."""

    def __init__(self, note: Callable[[str, object], None]) -> None:
        self._note = note

    def admitted(self, kind: str, name: str) -> None:
        """A genuine file that passed all gates."""
        self._note("admission", ["admitted", kind, name, "all gates passed"])

    def refused(self, files: Iterable[Any], wrong: Container[object] = ()) -> None:
        """Bad files with the check that refuses each; those whose name is among the wrong ones were not refused so."""
        for file in files:
            provenance = file.provenance()
            kind = f"{provenance.source}/{provenance.detail.get('product', '')}"
            outcome = "wrong" if file.name in wrong else "refused"
            self._note("admission", [outcome, kind, file.name, f"{file.gate}: {file.check}"])


@pytest.fixture
def ledger(record_property: Callable[[str, object], None]) -> Ledger:
    return Ledger(record_property)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The two lists: what was refused, by kind and check, and what was admitted."""
    noted = {
        tuple(value)
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "admission"
    }
    for outcome, title in (
        ("refused", "bad files refused"),
        ("admitted", "genuine files admitted"),
        ("wrong", "wrong"),
    ):
        rows: dict[tuple[str, str], list[str]] = {}
        for _, kind, name, what in sorted(one for one in noted if one[0] == outcome):
            rows.setdefault((kind, what), []).append(name)
        count = sum(map(len, rows.values()))
        if count or (outcome == "wrong" and noted):
            terminalreporter.section(f"{count} {title}")
        for (kind, what), names in rows.items():
            shown = names if outcome != "admitted" else names[:3]
            more = f", and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
            terminalreporter.write_line(f"{kind:<38} {len(names):>4}  {what}: {', '.join(shown)}{more}")


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory, small_pack: Path, filled_store: Path) -> Path:
    """A datacube CNN of the least size after two epochs on the 66 runs; tests that change a run copy it."""
    return _trained(tmp_path_factory.mktemp("runs") / "small", small_pack, filled_store, "random")


@pytest.fixture(scope="session")
def boxes_run(tmp_path_factory: pytest.TempPathFactory, small_pack: Path, filled_store: Path) -> Path:
    """The same on the split that holds out boxes."""
    return _trained(tmp_path_factory.mktemp("runs") / "boxes", small_pack, filled_store, "boxes")


@pytest.fixture(scope="session")
def evaluated_run(tmp_path_factory: pytest.TempPathFactory, small_run: Path, boxes_run: Path) -> Path:
    """A copy of the run on the random split with its evaluation, the other run beside it as companion."""
    from astrobio.evaluate.task_a1 import evaluate_run

    run = Path(shutil.copytree(small_run, tmp_path_factory.mktemp("evaluated") / "run"))
    evaluate_run(run, companion=boxes_run)
    return run


def _trained(run: Path, pack: Path, store: Path, split: str) -> Path:
    from astrobio.datasets.pack import Pack
    from astrobio.training.config import TrainingConfig
    from astrobio.training.trainer import train

    options = {"channels": 8, "levels": 2, "trunk_width": 32, "trunk_depth": 1, "members": 1}
    config = TrainingConfig(preset="tiny", model_options=options, split=split, batch_size=16, max_epochs=2,
                            warmup_steps=2, device="cpu")  # fmt: skip
    train(config, Pack.open(pack), run, lineage={"store": str(store), "assurance": {"reproduced": 66}})
    return run
