"""Baselines on real runs: fitted on what they are given, asked planet by planet, and better than the mean."""

from __future__ import annotations

import numpy as np
import pytest

from astrobio.core.planet_run import FIELD, HOT_LONGWAVE, STATES
from astrobio.datasets.pack import Pack
from astrobio.evaluate import baselines
from astrobio.evaluate.baselines import BASELINES, FieldBasis, Training
from astrobio.evaluate.task_a1 import truth_of


def training_on(pack: Pack, indices) -> Training:
    return Training(inputs_of(pack, indices), truth_of(pack, indices))


def inputs_of(pack: Pack, indices):
    return baselines.inputs(pack.array("parameters").take(indices), pack.array("start").take(indices))


@pytest.fixture(scope="module")
def pack(small_pack) -> Pack:
    return Pack.open(small_pack)


@pytest.fixture(scope="module")
def training(pack) -> Training:
    return training_on(pack, pack.indices("random", "train"))


@pytest.fixture(scope="module")
def basis(training) -> FieldBasis:
    return FieldBasis(training.truth.fields)


@pytest.fixture(scope="module")
def asked(pack):
    return inputs_of(pack, pack.indices("random", "test"))


@pytest.fixture(scope="module")
def found(training, asked):
    return {name: prediction for name, (prediction, _) in baselines.predict_all(training, asked).items()}


def test_inputs_are_of_order_one_and_know_no_pericentre_without_eccentricity(pack):
    everything = np.arange(len(pack))
    assert np.abs(inputs_of(pack, everything)).max() < 5
    parameters = pack.array("parameters").take(everything)
    circles = parameters.copy()
    circles[:, 2] = 0.0
    turned = circles.copy()
    turned[:, 3] = 17.0
    start = pack.array("start").take(everything)
    np.testing.assert_array_equal(baselines.inputs(circles, start), baselines.inputs(turned, start))


def test_components_give_the_training_fields_back_but_for_a_thousandth_of_their_variance(training, basis):
    fields = training.truth.fields
    back = basis.fields(basis.coefficients(fields))
    assert set(back) == set(FIELD)

    def size_of(difference) -> float:
        return sum((((difference[name]) / basis.scale[name]) ** 2).sum() for name in fields)

    lost = size_of({name: back[name] - fields[name] for name in fields})
    assert lost < 1.01e-3 * size_of({name: fields[name] - basis.mean[name] for name in fields})


@pytest.mark.parametrize("name", BASELINES)
def test_predictions_have_the_shapes_and_units_of_the_truth(found, pack, name):
    prediction, truth = found[name], truth_of(pack, pack.indices("random", "test"))
    for field, values in truth.fields.items():
        assert prediction.fields[field].shape == values.shape
    assert set(prediction.fields) == set(FIELD)
    assert prediction.std == {}
    assert np.isnan(prediction.global_surface_temperature_std).all()
    assert prediction.state.shape == truth.state.shape
    np.testing.assert_allclose(prediction.state_probability.sum(axis=1), 1.0, atol=1e-9)
    assert prediction.state_probability.min() >= 0.0
    assert prediction.ice_fraction.min() >= 0.0
    assert prediction.ice_fraction.max() <= 1.0
    # K and W m-2: within what any climate here can be.
    assert prediction.global_surface_temperature.min() > 150
    assert prediction.global_surface_temperature.max() < 400
    # The mean of the predicted field is the predicted mean, each from a regression of its own.
    mean = prediction.fields["surface_temperature"].mean(axis=(1, 2))
    assert np.abs(mean - prediction.global_surface_temperature).mean() < 12


def test_hot_is_what_the_outgoing_flux_says(found):
    for prediction in found.values():
        hot = prediction.global_outgoing_longwave >= HOT_LONGWAVE
        np.testing.assert_array_equal(prediction.state == STATES.index("hot"), hot)


def test_every_baseline_beats_the_training_mean(found, pack):
    truth = truth_of(pack, pack.indices("random", "test"))
    error = {
        name: np.sqrt(np.mean((prediction.global_surface_temperature - truth.global_surface_temperature) ** 2))
        for name, prediction in found.items()
    }
    assert set(error) == set(BASELINES)
    for name in set(BASELINES) - {"training mean"}:
        assert error[name] < 0.8 * error["training mean"], error


def test_the_training_mean_is_the_mean_of_the_training_samples(found, training):
    prediction = found["training mean"]
    mean = training.truth.global_surface_temperature.mean()
    np.testing.assert_allclose(prediction.global_surface_temperature, mean)
    expected = training.truth.fields["albedo"].mean(axis=0)
    np.testing.assert_allclose(prediction.fields["albedo"][0], expected, atol=1e-5)
    share = np.bincount(training.truth.state, minlength=4) / len(training.truth.state)
    np.testing.assert_allclose(prediction.state_probability[3], share)


def test_each_planet_is_asked_by_itself(training, asked, found):
    shuffled = np.random.default_rng(0).permutation(len(asked))
    changed = asked[shuffled].copy()
    changed[0] = training.inputs[0]
    for name, (again, _) in baselines.predict_all(training, changed).items():
        first = found[name]
        for field in ("global_surface_temperature", "ice_fraction", "global_outgoing_longwave", "state"):
            before, after = getattr(first, field)[shuffled], getattr(again, field)
            np.testing.assert_allclose(after[1:], before[1:], rtol=1e-5, atol=1e-5, err_msg=name)
        before, after = first.fields["surface_temperature"][shuffled], again.fields["surface_temperature"]
        np.testing.assert_allclose(after[1:], before[1:], rtol=1e-5, err_msg=name)
        if name != "training mean":
            assert np.abs(after[0] - before[0]).max() > 1e-3, name


def test_a_baseline_learns_from_the_training_samples_and_nothing_else(pack, asked):
    """Targets that are shifted in training are shifted in the answer: there is no other way in."""
    import dataclasses

    known = training_on(pack, pack.indices("random", "train"))
    shifted = dataclasses.replace(
        known.truth, global_surface_temperature=known.truth.global_surface_temperature + 100.0
    )
    for name in ("training mean", "ridge", "k nearest neighbours", "trees and ridge per state"):
        model, basis = BASELINES[name], FieldBasis(known.truth.fields)
        before, _ = model(known, basis, asked)
        after, _ = model(Training(known.inputs, shifted), basis, asked)
        np.testing.assert_allclose(after[:, 0] - before[:, 0], 100.0, rtol=1e-3)
        np.testing.assert_allclose(after[:, 3:], before[:, 3:], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("left", [("snowball",), ("snowball", "hot")])
def test_states_that_training_does_not_hold_are_never_stated(pack, asked, left):
    indices = pack.indices("random", "train")
    known = indices[np.isin(pack.samples["state"][indices], left)]
    for name, (prediction, _) in baselines.predict_all(training_on(pack, known), asked).items():
        absent = [place for place, state in enumerate(STATES) if state not in left]
        assert (prediction.state_probability[:, absent] == 0).all(), name
        np.testing.assert_allclose(prediction.state_probability.sum(axis=1), 1.0, atol=1e-9)
        assert np.isfinite(prediction.global_surface_temperature).all(), name


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_handful_of_planets_is_enough_to_fit_something(pack, asked, count):
    few = training_on(pack, pack.indices("random", "train", limit_planets=count))
    for name, (prediction, _) in baselines.predict_all(few, asked).items():
        assert np.isfinite(prediction.global_surface_temperature).all(), name
        assert np.isfinite(prediction.fields["surface_temperature"]).all(), name
