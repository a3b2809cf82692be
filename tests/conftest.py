"""Real planet runs for every test: made once a session by the simulator itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from astrobio.core.planet_run import PlanetParameters, PlanetRun
from astrobio.core.provenance import Provenance
from astrobio.simulate import design, vplanet

Made = tuple[PlanetRun, dict[str, object]]


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
    """The pack of the 66 runs."""
    from astrobio.datasets.build import build_planet_runs
    from astrobio.store import RealDataStorage

    return build_planet_runs(RealDataStorage(filled_store), tmp_path_factory.mktemp("pack") / "pack")


@pytest.fixture(scope="session")
def archive_mirror() -> Path:
    """Folder of genuine archive files, named by ASTROBIO_MIRROR."""
    named = os.environ.get("ASTROBIO_MIRROR")
    if not named:
        if os.environ.get("ASTROBIO_REQUIRE_MIRROR") == "1":
            pytest.fail("ASTROBIO_REQUIRE_MIRROR is set, but ASTROBIO_MIRROR names no folder")
        pytest.skip("ASTROBIO_MIRROR names no folder of archive files")
    return Path(named)
