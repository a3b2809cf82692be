"""The linear energy balance agrees with the simulator wherever the simulator is linear."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import torch

from astrobio.core.orbit import daily_insolation, equal_area_latitudes
from astrobio.models.datacube_cnn.energy_balance import DAYS, STEPS, insolation
from astrobio.models.datacube_cnn.features import KELVIN, mirror, prepare


def _inputs(runs):
    parameters = torch.tensor([astuple(run.parameters) for run, _ in runs], dtype=torch.float64)
    start = torch.tensor([run.start == "cold" for run, _ in runs], dtype=torch.uint8)
    return parameters, start


def test_insolation_equals_the_single_planet_formula(planet_runs):
    parameters, _ = _inputs(planet_runs[:8])
    days = (np.arange(STEPS) * DAYS // STEPS).astype(int)
    found, _ = insolation(parameters)
    for row, (run, _) in zip(found.numpy(), planet_runs[:8], strict=True):
        p = run.parameters
        expected = daily_insolation(
            p.stellar_flux, p.obliquity, p.eccentricity, p.longitude_of_pericentre, equal_area_latitudes(64)
        )
        np.testing.assert_allclose(row, expected[days], atol=2e-4 * p.stellar_flux)


def test_frozen_climate_is_the_simulators_snowball(planet_runs):
    frozen = [made for made in planet_runs if made[0].diagnostics["ice_fraction"] > 0.9999]
    assert len(frozen) >= 5
    parameters, start = _inputs(frozen)
    features = prepare(parameters, start)
    found = mirror(features["frozen_temperature"], features["mirrored"]).numpy() + KELVIN
    expected = np.stack([run.values("surface_temperature") for run, _ in frozen])
    # The record's step is 0.02 K.
    assert np.abs(found - expected).max() < 0.02


def test_every_temperature_lies_between_the_open_and_the_frozen_climate(planet_runs):
    parameters, start = _inputs(planet_runs)
    features = prepare(parameters, start)
    warmest = mirror(features["open_temperature"], features["mirrored"]).numpy() + KELVIN
    coldest = mirror(features["frozen_temperature"], features["mirrored"]).numpy() + KELVIN
    found = np.stack([run.values("surface_temperature") for run, _ in planet_runs])
    assert (found <= warmest + 0.05).all()
    assert (found >= coldest - 0.05).all()


def test_mirror_is_its_own_inverse():
    values = torch.arange(2 * 12 * 32, dtype=torch.float32).view(2, 12, 32)
    turned = mirror(values, torch.tensor([True, False]))
    assert not torch.equal(turned[0], values[0])
    assert torch.equal(turned[1], values[1])
    assert torch.equal(mirror(turned, torch.tensor([True, False])), values)
