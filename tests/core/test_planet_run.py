"""Planet runs: bytes that come back, rounding within its step, names that do not depend on rounding."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.planet_run import (
    AXIS_LENGTH,
    FIELD,
    FIELDS,
    STATES,
    PlanetParameters,
    PlanetRun,
    climate_state,
    dequantise,
    ice_fraction,
    quantise,
)

parameters = st.builds(
    PlanetParameters, **{name: st.floats(low, high) for name, (low, high) in PlanetParameters.limits().items()}
)
finite = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def runs(draw) -> PlanetRun:
    names = draw(st.sets(st.sampled_from(sorted(FIELD))))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    steps = {
        name: generator.integers(-32767, 32768, [AXIS_LENGTH[axis] for axis in FIELD[name].axes]).astype(np.int16)
        for name in names
    }
    return PlanetRun(
        parameters=draw(parameters),
        start=draw(st.sampled_from(["warm", "cold"])),
        design=draw(st.sampled_from(["sobol", "test1000", "single"])),
        index=draw(st.integers(0, 999_999)),
        simulator=draw(st.text(max_size=20)),
        inputs=draw(st.dictionaries(st.text(max_size=8), st.text(max_size=30), max_size=3)),
        outcome=draw(st.sampled_from(["completed", "timeout", "crashed", "not_finite", "out_of_range"])),
        diagnostics=draw(st.dictionaries(st.text(max_size=8), finite, max_size=4)),
        steps=steps,
    )


@given(runs())
def test_a_run_comes_back_from_its_bytes_and_gives_them_again(run):
    content = run.to_bytes()
    back = PlanetRun.from_bytes(content)
    assert back.metadata() == run.metadata()
    assert set(back.steps) == set(run.steps)
    for name, steps in run.steps.items():
        np.testing.assert_array_equal(back.steps[name], steps)
    assert back.to_bytes() == content


def test_bytes_do_not_depend_on_the_order_in_which_fields_were_made(earth_runs):
    run = earth_runs[0][0]
    turned = dataclasses.replace(run, steps=dict(reversed(run.steps.items())))
    assert turned.to_bytes() == run.to_bytes()


def test_the_bytes_are_a_safetensors_file_that_the_library_reads(earth_runs, tmp_path):
    from safetensors import safe_open

    run = earth_runs[0][0]
    path = tmp_path / "run.safetensors"
    path.write_bytes(run.to_bytes())
    with safe_open(path, framework="numpy") as handle:
        assert sorted(handle.keys()) == sorted(FIELD)
        assert json.loads(handle.metadata()["astrobio"]) == json.loads(json.dumps(run.metadata()))
        np.testing.assert_array_equal(handle.get_tensor("albedo"), run.steps["albedo"])


def test_a_header_without_a_part_is_named(earth_runs):
    content = earth_runs[0][0].to_bytes()
    with pytest.raises(ValueError, match="lacks or misstates 'outcome'"):
        PlanetRun.from_bytes(content.replace(b'\\"outcome\\"', b'\\"outcame\\"'))
    with pytest.raises(ValueError, match="does not name the format"):
        PlanetRun.from_bytes(content.replace(b"astrobio.planet_run/1", b"astrobio.planet_run/9"))


@given(st.sampled_from(FIELDS), st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=20))
def test_rounding_costs_at_most_half_a_step(spec, shares):
    values = spec.offset + np.array(shares) * 32767 * spec.step
    back = dequantise(spec, quantise(spec, values))
    assert np.abs(back - values).max() <= spec.step / 2 + 1e-6


@given(st.sampled_from(FIELDS), st.integers(-32767, 32767))
def test_rounded_values_stay_as_they_are(spec, step):
    steps = np.array([step], dtype=np.int16)
    assert quantise(spec, dequantise(spec, steps)).tolist() == [step]


@given(st.sampled_from(FIELDS))
def test_a_fields_whole_range_fits_into_its_steps(spec):
    quantise(spec, np.array([spec.low, spec.high]))


@given(parameters)
def test_parameters_survive_the_text_of_an_input_file(planet):
    texts = {name: f"{value:.6g}" for name, value in dataclasses.asdict(planet).items()}
    assert PlanetParameters(**{name: float(text) for name, text in texts.items()}) == planet
    assert PlanetParameters(**{name: float(text) for name, text in texts.items()}).group() == planet.group()


def test_planets_that_differ_beyond_rounding_have_different_groups():
    earth = PlanetParameters.earth()
    assert dataclasses.replace(earth, stellar_flux=1361.0000001).group() == earth.group()
    assert dataclasses.replace(earth, stellar_flux=1361.01).group() != earth.group()


def test_doubling_co2_lowers_the_outgoing_flux_by_the_forcing_of_myhre():
    earth = PlanetParameters.earth()
    doubled = dataclasses.replace(earth, co2_partial_pressure=6.6e-4)
    # 5.35 ln 2 = 3.71 W m-2 (Myhre et al. 1998).
    assert earth.planck_a - doubled.planck_a == pytest.approx(3.708, abs=1e-3)


def test_the_states_are_asked_for_in_their_order():
    assert STATES == ("hot", "snowball", "ice_free", "partial_ice")
    assert climate_state(300.0, True, 1.0) == "hot"
    assert climate_state(299.99, True, 0.0) == "snowball"
    assert climate_state(240.0, False, 0.00099) == "ice_free"
    assert climate_state(240.0, False, 0.001) == "partial_ice"


def test_land_freezes_at_minus_two_degrees_and_water_below():
    at = np.array([271.15])
    assert ice_fraction(0.3, at, at) == pytest.approx(0.3)
    assert ice_fraction(0.3, at - 0.02, at - 0.02) == pytest.approx(1.0)
    assert ice_fraction(0.3, at + 0.02, at + 0.02) == 0.0
