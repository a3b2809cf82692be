"""The simulator: Earth, repeats, limits of time, and input that makes it fail."""

from __future__ import annotations

import numpy as np
import pytest

from astrobio.core.planet_run import FIELD, PlanetParameters, PlanetRun, quantise
from astrobio.simulate import design, ensemble, vplanet
from astrobio.simulate.into_store import NotReproduced, is_repeated, rerun, simulate_into
from astrobio.store import RealDataStorage


def test_the_earth_control_has_its_known_climate(earth_runs):
    warm, cold = (run.diagnostics for run, _ in earth_runs)
    # VPLanet 2.5.36 by its own command line: 15.136 C, albedo 0.3373, 234.94 W m-2, ice 0.0619; cold: -32 C.
    assert warm["global_surface_temperature"] - 273.15 == pytest.approx(15.136, abs=0.002)
    assert warm["global_albedo"] == pytest.approx(0.3373, abs=1e-4)
    assert warm["global_outgoing_longwave"] == pytest.approx(234.94, abs=0.01)
    assert warm["ice_fraction"] == pytest.approx(0.0619, abs=1e-4)
    assert cold["snowball"] == 1
    assert cold["global_surface_temperature"] - 273.15 == pytest.approx(-32.1, abs=0.1)


def test_a_repeat_gives_the_same_bytes(earth_runs):
    again, making = vplanet.run(PlanetParameters.earth(), "warm", "earth", 0)
    assert again.to_bytes() == earth_runs[0][0].to_bytes()
    assert making["raw_output_sha256"] == earth_runs[0][1]["raw_output_sha256"]


def test_a_run_beyond_its_time_is_a_timeout_and_leaves_no_process():
    run, making = vplanet.run(PlanetParameters.earth(), "warm", time_limit=1e-4)
    assert run.outcome == "timeout"
    assert run.steps == {}
    assert "stopped after 0.0001 s" in making["detail"]
    assert PlanetRun.from_bytes(run.to_bytes()).outcome == "timeout"


def test_input_that_the_program_refuses_is_a_crash():
    inputs = vplanet.input_files(PlanetParameters.earth(), "warm") | {"planet.in": "sName planet\nnonsense 3\n"}
    execution = vplanet.execute(inputs)
    assert execution.outcome == "crashed"
    assert "not written" in execution.detail


def test_output_that_is_not_finite_is_an_outcome_and_not_a_climate(earth_runs):
    inputs = vplanet.input_files(PlanetParameters.earth(), "warm")
    execution = vplanet.execute(inputs)
    name = "system.planet.SeasonalTemp.0"
    first = execution.output[name].split()[0]
    execution.output[name] = execution.output[name].replace(first, "nan", 1)
    run, _ = vplanet.reduce(execution, PlanetParameters.earth(), "warm", "single", 0, inputs)
    assert run.outcome == "not_finite"
    assert run.steps == {}


def test_a_field_beyond_its_range_cannot_be_rounded():
    with pytest.raises(ValueError, match="not finite or beyond"):
        quantise(FIELD["surface_temperature"], np.array([np.nan]))
    with pytest.raises(ValueError, match="not finite or beyond"):
        quantise(FIELD["surface_temperature"], np.array([1e6]))


def test_a_larger_design_holds_the_smaller_and_the_test_set_is_apart():
    assert design.sobol(16)[:5] == design.sobol(5)
    groups = {planet.group() for planet in design.sobol(256)}
    assert len(groups) == 256
    assert not groups & {planet.group() for planet in design.latin_hypercube(64)}
    limits = PlanetParameters.limits()
    for planet in design.sobol(64) + design.latin_hypercube(64):
        for name, (low, high) in limits.items():
            assert low * (1 - 1e-5) <= getattr(planet, name) <= high * (1 + 1e-5)


def test_an_ensemble_goes_into_the_store_and_goes_on_where_it_stopped(tmp_path):
    storage = RealDataStorage(tmp_path / "store", create=True)
    first = simulate_into(storage, ensemble.tasks(1, 0), workers=2)
    assert first.made == 4
    assert first.repeats >= 2
    assert set(storage.assurance_counts("planet_runs")) == {"reproduced"}
    second = simulate_into(storage, ensemble.tasks(2, 0), workers=2)
    assert (second.already, second.made) == (4, 2)
    # The repeats of the first part stand behind the second, which has none of its own.
    assert set(storage.assurance_counts("planet_runs")) == {"reproduced"}
    again = rerun(storage, 0.5, seed=3, workers=2)
    assert again.sampled == 3
    assert again.identical == 3
    assert again.different == []


def test_a_small_addition_has_a_repeat_of_its_own(tmp_path):
    storage = RealDataStorage(tmp_path / "store", create=True)
    planets = [task for task in ensemble.tasks(3, 0, skip=8) if task.design == "sobol"]
    alone = [task for task in planets if not is_repeated(f"sobol-{task.index:06d}-{task.start}")]
    report = simulate_into(storage, alone, workers=2)
    assert report.repeats == 1
    assert storage.assurance_counts("planet_runs") == {"reproduced": len(alone)}


def test_an_earth_that_is_not_earth_stops_the_ensemble(tmp_path, monkeypatch):
    monkeypatch.setattr("astrobio.simulate.into_store.EARTH_TEMPERATURE", 300.0)
    storage = RealDataStorage(tmp_path / "store", create=True)
    with pytest.raises(NotReproduced, match="not within 2 K"):
        simulate_into(storage, ensemble.tasks(1, 0), workers=1)
    assert storage.records() == []


def test_two_in_a_hundred_runs_are_made_twice():
    share = np.mean([is_repeated(f"sobol-{index:06d}-warm") for index in range(20000)])
    assert 0.017 < share < 0.023
