"""The network keeps physical limits whatever its weights, and learns from real runs."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
import torch

from astrobio.core.errors import UsageError
from astrobio.core.planet_run import FIELD, PLANCK_B, STATES, climate_state
from astrobio.models.datacube_cnn.config import PRESETS, preset
from astrobio.models.datacube_cnn.task import TARGET_FIELDS, DatacubeCNNTask


@pytest.fixture(scope="module")
def batch(planet_runs):
    runs = [run for run, _ in planet_runs if run.outcome == "completed"]
    values = {name: torch.tensor(np.stack([run.values(name) for run in runs])).float() for name in TARGET_FIELDS}
    for name in ("global_surface_temperature", "ice_fraction", "snowball"):
        values[name] = torch.tensor([run.diagnostics[name] for run in runs])
    states = [
        STATES.index(
            climate_state(
                run.diagnostics["global_outgoing_longwave"],
                run.diagnostics["snowball"] > 0,
                run.diagnostics["ice_fraction"],
            )
        )
        for run in runs
    ]
    values["state"] = torch.tensor(states)
    parameters = np.array([astuple(run.parameters) for run in runs])
    start = np.array([run.start == "cold" for run in runs], dtype=np.uint8)
    return parameters, start, values | DatacubeCNNTask.prepare(parameters, start)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_limits_hold_for_any_weights(batch, seed):
    parameters, start, _ = batch
    torch.manual_seed(seed)
    task = DatacubeCNNTask(preset("tiny"))
    model = task.build()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    found = task.predict(model, parameters, start)
    albedo, absorbed = found.fields["albedo"], found.fields["absorbed_shortwave"]
    assert albedo.min() >= 0
    assert albedo.max() <= 1
    assert absorbed.min() >= 0
    assert found.ice_fraction.min() >= 0
    assert found.ice_fraction.max() <= 1
    divergence = found.fields["transport_divergence"]
    assert np.abs(divergence.mean(axis=2)).max() < 1e-5 * np.abs(divergence).max()
    np.testing.assert_allclose(found.state_probability.sum(axis=1), 1.0, atol=1e-5)
    longwave = found.fields["outgoing_longwave"].mean(axis=(1, 2))
    np.testing.assert_allclose(longwave, found.global_outgoing_longwave, atol=0.05)
    planck_a = longwave - PLANCK_B * (found.global_surface_temperature - 273.15)
    cold_and_warm = planck_a.reshape(-1, 2)
    np.testing.assert_allclose(cold_and_warm[:, 0], cold_and_warm[:, 1], atol=0.05)
    assert set(found.fields) == set(FIELD)


def test_a_few_steps_on_real_runs_lower_the_loss(batch):
    _, _, values = batch
    torch.manual_seed(0)
    task = DatacubeCNNTask(preset("tiny"))
    model = task.build()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(12):
        loss, _ = task.loss(model, values)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_the_energy_term_changes_the_loss_by_its_weight(batch):
    _, _, values = batch
    torch.manual_seed(0)
    model = DatacubeCNNTask(preset("tiny")).build()
    plain, parts = DatacubeCNNTask(preset("tiny")).loss(model, values)
    weighted, _ = DatacubeCNNTask(preset("tiny", energy_weight=0.5)).loss(model, values)
    torch.testing.assert_close(weighted - plain, 0.5 * parts["energy"], rtol=1e-4, atol=1e-5)


def test_mirrored_planets_have_mirrored_climates(batch):
    parameters, start, _ = batch
    parameters = parameters.copy()
    parameters[:, 2] = 0.0  # on a circle the solstices are half a year apart, and the mirror is exact
    torch.manual_seed(0)
    task = DatacubeCNNTask(preset("tiny"))
    model = task.build()
    turned = parameters.copy()
    turned[:, 3] = (turned[:, 3] + 180.0) % 360.0
    here, there = task.predict(model, parameters, start), task.predict(model, turned, start)
    expected = np.roll(here.fields["surface_temperature"][:, :, ::-1], 6, axis=1)
    # The simulator steps through whole days of a year of 365, so half a year is half a day off.
    assert np.abs(there.fields["surface_temperature"] - expected).max() < 1.0


def test_presets_grow_and_bad_options_are_named():
    sizes = [sum(p.numel() for p in DatacubeCNNTask(PRESETS[name]).build().parameters()) for name in ("tiny", "small")]
    assert sizes[0] < sizes[1]
    with pytest.raises(UsageError, match="no preset 'enormous'"):
        preset("enormous")
    with pytest.raises(UsageError, match="unknown option of the datacube CNN: colour"):
        preset("tiny", colour="red")
    with pytest.raises(UsageError, match="multiple of 8"):
        preset("tiny", channels=5)
