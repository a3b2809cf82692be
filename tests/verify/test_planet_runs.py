"""The gates let genuine runs pass and refuse what is not a climate, each by the check that is made for it."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from astrobio.archives.registry import verify
from astrobio.core.planet_run import FIELD, PlanetParameters, PlanetRun, quantise
from astrobio.core.provenance import Provenance
from astrobio.simulate import vplanet


def provenance(run: PlanetRun) -> Provenance:
    return Provenance("planet_runs", "simulation", "reproduced", "simulator_run", run.key)


def judge(run: PlanetRun):
    return verify(run.to_bytes(), provenance(run))


def changed(run: PlanetRun, **fields: np.ndarray) -> PlanetRun:
    return dataclasses.replace(run, steps=run.steps | {name: quantise(FIELD[name], v) for name, v in fields.items()})


def failing(verdict) -> set[str]:
    return {finding.check for finding in verdict.findings if not finding.passed and finding.severity == "refuse"}


def test_every_genuine_run_passes(planet_runs):
    for run, _ in planet_runs:
        verdict = judge(run)
        assert verdict.admitted, verdict.render()
        assert verdict.flags == []


@pytest.mark.parametrize("obliquity", [0.0, 90.0])
@pytest.mark.parametrize("eccentricity", [0.0, 0.3])
@pytest.mark.parametrize("flux", [900.0, 1361.0, 2000.0])
def test_genuine_corners_pass(obliquity, eccentricity, flux):
    earth = PlanetParameters.earth()
    planet = dataclasses.replace(earth, obliquity=obliquity, eccentricity=eccentricity, stellar_flux=flux)
    run, _ = vplanet.run(planet, "warm")
    verdict = judge(run)
    assert verdict.admitted, verdict.render()


@pytest.fixture
def earth(earth_runs) -> PlanetRun:
    return earth_runs[0][0]


def test_white_noise_is_refused(earth):
    noise = np.random.default_rng(0).normal(288, 15, (12, 32))
    verdict = judge(changed(earth, surface_temperature=noise))
    assert not verdict.admitted
    assert "surface_temperature is smooth along latitude" in failing(verdict)
    assert "surface_temperature is smooth along season" in failing(verdict)


def test_consistent_white_noise_is_refused_by_its_roughness(earth):
    noise = np.random.default_rng(0).normal(288, 15, (12, 32))
    longwave = earth.parameters.planck_a + 2.09 * (noise - 273.15)
    assert "surface_temperature is smooth along latitude" in failing(
        judge(changed(earth, surface_temperature=noise, outgoing_longwave=longwave))
    )


def test_zeros_are_refused(earth):
    verdict = judge(changed(earth, surface_temperature=np.full((12, 32), 0.02), absorbed_shortwave=np.zeros((12, 32))))
    assert {"range of surface_temperature", "absorbed_shortwave varies"} <= failing(verdict)


def test_a_constant_field_is_refused(earth):
    assert "absorbed_shortwave varies" in failing(judge(changed(earth, absorbed_shortwave=np.full((12, 32), 235.0))))


def test_a_sine_wave_is_refused(earth):
    season, latitude = np.meshgrid(np.arange(12) / 12, np.linspace(-1, 1, 32), indexing="ij")
    wave = 285 + 20 * np.sin(2 * np.pi * season + 1.3 * latitude)
    assert "surface_temperature is no single wave" in failing(judge(changed(earth, surface_temperature=wave)))


def test_what_is_not_a_number_is_refused(earth):
    for value in (float("nan"), float("inf")):
        run = dataclasses.replace(earth, diagnostics=earth.diagnostics | {"energy_imbalance": value})
        assert "diagnostics are finite" in failing(judge(run))


def test_swapped_axes_are_refused(earth):
    steps = earth.steps | {"surface_temperature": np.ascontiguousarray(earth.steps["surface_temperature"].T)}
    assert "shape of surface_temperature" in failing(judge(dataclasses.replace(earth, steps=steps)))


def test_a_field_turned_south_for_north_is_refused(earth_runs):
    planet = dataclasses.replace(PlanetParameters.earth(), longitude_of_pericentre=90.0, eccentricity=0.3)
    run, _ = vplanet.run(planet, "warm")
    turned = run.steps["absorbed_shortwave"][:, ::-1]
    verdict = judge(dataclasses.replace(run, steps=run.steps | {"absorbed_shortwave": np.ascontiguousarray(turned)}))
    assert failing(verdict) & {"absorbed at most insolation", "absorbed at least over ice"}


def test_wrong_units_are_refused(earth):
    content = earth.to_bytes()
    for written, other in ((b'\\"units\\":\\"K\\"', b'\\"units\\":\\"C\\"'), (b'\\"step\\":0.1', b'\\"step\\":0.2')):
        assert written in content
        verdict = verify(content.replace(written, other), provenance(earth))
        assert "canonical bytes" in failing(verdict)


def test_a_temperature_in_celsius_is_refused(earth):
    celsius = earth.values("surface_temperature") - 273.15
    verdict = judge(changed(earth, surface_temperature=celsius))
    assert {"range of surface_temperature", "long-wave field follows temperature"} <= failing(verdict)


def test_a_cube_under_other_inputs_is_refused(planet_runs, earth):
    other = next(run for run, _ in planet_runs if run.design == "sobol" and run.outcome == "completed")
    stolen = dataclasses.replace(other, steps=earth.steps, diagnostics=earth.diagnostics)
    assert not judge(stolen).admitted
    renamed = dataclasses.replace(earth, parameters=other.parameters)
    assert "inputs agree with parameters" in failing(judge(renamed))


def test_an_unbalanced_climate_is_refused(earth):
    run = dataclasses.replace(earth, diagnostics=earth.diagnostics | {"energy_imbalance": 0.3})
    assert failing(judge(run)) == {"energy balance"}


def test_fields_that_take_in_more_than_they_give_off_are_refused(earth):
    """Found by fuzzing: each mean was within rounding of its diagnostic, the two off in opposite directions."""
    absorbed = earth.values("absorbed_shortwave")
    absorbed[:, : absorbed.shape[1] * 2 // 5] += FIELD["absorbed_shortwave"].step
    assert failing(judge(changed(earth, absorbed_shortwave=absorbed))) == {"energy balance of the fields"}


def test_a_wrong_insolation_or_transport_integral_is_refused(earth):
    for name, value, check in (
        ("insolation_integral_error", 0.01, "insolation integral"),
        ("transport_integral", 0.1, "transport integral"),
        ("ice_fraction", 0.5, "ice fraction"),
        ("snowball", 1.0, "snowball flag"),
    ):
        run = dataclasses.replace(earth, diagnostics=earth.diagnostics | {name: value})
        assert check in failing(judge(run))


@pytest.mark.parametrize("content", [b"", b"\0" * 7, b"<!doctype html><title>Error</title>", b"\xff" * 4096])
def test_what_is_no_planet_run_is_refused(content, earth):
    verdict = verify(content, provenance(earth))
    assert failing(verdict) == {"parsed whole"}
    assert "verdict: refused" in verdict.render()


def test_every_truncation_is_refused(earth):
    content = earth.to_bytes()
    for length in range(0, len(content), 97):
        assert not verify(content[:length], provenance(earth)).admitted


def test_a_name_of_another_run_is_refused(earth):
    other = Provenance("planet_runs", "simulation", "reproduced", "simulator_run", "sobol-000001-warm")
    assert "key" in failing(verify(earth.to_bytes(), other))
    kind = Provenance("planet_runs", "observation", "reproduced", "simulator_run", earth.key)
    assert "kind" in failing(verify(earth.to_bytes(), kind))


def test_values_outside_the_design_are_flagged_and_not_refused():
    planet = dataclasses.replace(PlanetParameters.earth(), stellar_flux=2100.0)
    run, _ = vplanet.run(planet, "warm")
    verdict = judge(run)
    assert verdict.admitted
    assert any("range of stellar_flux" in flag for flag in verdict.flags)


def with_header(run: PlanetRun, **changes: object) -> bytes:
    """The bytes of a run whose header says something else."""
    content = run.to_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    metadata = json.loads(header["__metadata__"]["astrobio"]) | changes
    header["__metadata__"]["astrobio"] = json.dumps(metadata, sort_keys=True, separators=(",", ":"))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": {"planet.in": 1.5, "star.in": "", "vpl.in": ""}}, {"inputs": ["planet.in"]}, {"index": float("inf")},
        {"index": True}, {"index": "0"}, {"start": None}, {"design": ["a"]}, {"outcome": {}}, {"parameters": []},
    ],
    ids=str,
)  # fmt: skip
def test_a_header_whose_values_are_of_another_type_is_refused(earth, change):
    """What fuzzing found: a number for the text of an input file ended the check with an error of its own."""
    assert failing(verify(with_header(earth), provenance(earth))) == set()
    assert failing(verify(with_header(earth, **change), provenance(earth))) == {"parsed whole"}


@pytest.mark.parametrize("name", ["stellar_flux", "co2_partial_pressure"])
@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_planet_without_light_or_carbon_dioxide_is_refused(earth, name, value):
    parameters = dataclasses.replace(earth.parameters, **{name: value})
    assert "inputs agree with parameters" in failing(judge(dataclasses.replace(earth, parameters=parameters)))
