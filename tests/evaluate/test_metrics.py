"""Metrics: published values, T8 at its exact bounds, and what holds for any prediction."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.planet_run import STATES
from astrobio.evaluate.metrics import (
    Truth,
    coverage,
    drawn_start_is_cold,
    field_figures,
    gaussian_crps,
    state_calibration,
    success,
    t8,
    wilson_interval,
)
from astrobio.models.prediction import Prediction

HOT, SNOWBALL, ICE_FREE, PARTIAL = range(4)


def planets(temperature, ice, state) -> Truth:
    """Planets with a warm and a cold start each, from (planets, 2) values."""
    temperature, ice, state = (np.asarray(values, dtype=float).reshape(-1) for values in (temperature, ice, state))
    count = len(temperature) // 2
    group = [f"{number:016x}" for number in range(count) for _ in range(2)]
    return Truth(
        key=np.array([f"test-{place:06d}" for place in range(2 * count)]),
        group=np.array(group),
        cold=np.tile([False, True], count),
        global_surface_temperature=temperature,
        ice_fraction=ice,
        global_outgoing_longwave=np.full(2 * count, 240.0),
        state=state.astype(int),
        fields={},
    )


def saying(truth: Truth, **changes) -> Prediction:
    """The truth as a prediction, but for the changes."""
    values = {
        "global_surface_temperature": truth.global_surface_temperature,
        "ice_fraction": truth.ice_fraction,
        "state": truth.state,
    } | changes
    return Prediction(
        fields={},
        std={},
        state_probability=np.eye(len(STATES))[values["state"]],
        global_surface_temperature_std=np.ones(len(truth.state)),
        global_outgoing_longwave=truth.global_outgoing_longwave,
        **values,
    )


def earths(count: int) -> Truth:
    return planets(np.full((count, 2), 288.0), np.zeros((count, 2)), np.full((count, 2), ICE_FREE))


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17, 857, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_is_that_of_the_literature(successes, trials, low, high):
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_holds_the_share_and_lies_within_zero_and_one(numbers):
    successes, trials = numbers
    low, high = wilson_interval(successes, trials)
    assert 0.0 <= low <= successes / trials <= high <= 1.0
    mirrored = wilson_interval(trials - successes, trials)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_of_no_trial_nothing_is_known():
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_each_condition_alone_fails_a_planet_just_beyond_its_bound():
    truth = earths(1)
    warm = np.array([288.0, 288.0])
    assert success(truth, saying(truth, global_surface_temperature=warm + 3.0))["all"].all()
    assert success(truth, saying(truth, global_surface_temperature=warm - 3.0))["all"].all()
    beyond = success(truth, saying(truth, global_surface_temperature=warm + 3.0 + 1e-9))
    assert not beyond["all"].any()
    assert beyond["ice"].all()
    assert beyond["state"].all()
    assert success(truth, saying(truth, ice_fraction=np.array([0.05, 0.05])))["all"].all()
    iced = success(truth, saying(truth, ice_fraction=np.array([0.05, 0.05]) + 1e-9))
    assert not iced["all"].any()
    assert iced["temperature"].all()
    assert iced["state"].all()
    named = success(truth, saying(truth, state=np.array([PARTIAL, PARTIAL])))
    assert not named["all"].any()
    assert named["temperature"].all()
    assert named["ice"].all()


def test_what_is_no_number_is_no_success():
    truth = earths(1)
    assert not success(truth, saying(truth, global_surface_temperature=np.full(2, np.nan)))["all"].any()
    assert not success(truth, saying(truth, ice_fraction=np.full(2, np.nan)))["all"].any()


def test_each_planet_counts_once_with_its_drawn_start():
    truth = earths(40)
    drawn = np.array([drawn_start_is_cold(group) for group in truth.group]) == truth.cold
    assert drawn.sum() == 40
    assert 5 < truth.cold[drawn].sum() < 35
    others_wrong = saying(truth, global_surface_temperature=np.where(drawn, 288.0, 400.0))
    figures = t8(truth, others_wrong)
    assert figures["t8"] == {"share": 1.0, "successes": 40, "n": 40, "interval": list(wilson_interval(40, 40))}
    assert figures["both_starts"]["share"] == 0.0
    drawn_wrong = t8(truth, saying(truth, global_surface_temperature=np.where(drawn, 400.0, 288.0)))
    assert drawn_wrong["t8"]["share"] == 0.0
    assert drawn_wrong["failures"] == {"state": 0, "temperature": 40, "ice": 0}


def test_the_draw_depends_on_the_planet_alone_and_is_even():
    cold = [drawn_start_is_cold(f"{number:016x}") for number in range(4000)]
    assert cold == [drawn_start_is_cold(f"{number:016x}") for number in range(4000)]
    assert 0.47 < np.mean(cold) < 0.53


def test_a_failure_is_counted_by_its_first_cause():
    truth = earths(3)
    temperature = np.repeat([288.0, 300.0, 288.0], 2)
    ice = np.repeat([0.2, 0.2, 0.2], 2)
    state = np.repeat([PARTIAL, ICE_FREE, ICE_FREE], 2)
    figures = t8(truth, saying(truth, global_surface_temperature=temperature, ice_fraction=ice, state=state))
    assert figures["failures"] == {"state": 1, "temperature": 1, "ice": 1}
    expected = np.zeros((4, 4), dtype=int)
    expected[ICE_FREE, PARTIAL], expected[ICE_FREE, ICE_FREE] = 1, 2
    assert figures["confusion"] == expected.tolist()


def test_bistable_planets_differ_in_state_or_by_more_than_three_kelvin():
    temperature = [[288.0, 288.0], [288.0, 240.0], [288.0, 291.0], [288.0, 291.01]]
    state = [[ICE_FREE, ICE_FREE], [ICE_FREE, SNOWBALL], [ICE_FREE, ICE_FREE], [ICE_FREE, ICE_FREE]]
    truth = planets(temperature, np.zeros((4, 2)), state)
    figures = t8(truth, saying(truth))
    assert figures["bistable"]["n"] == 2  # the second and the last, by the drawn start of each
    assert figures["bistable_both_starts"]["n"] == 2
    assert figures["both_starts"]["n"] == 4
    always_warm = saying(truth, global_surface_temperature=np.repeat(truth.global_surface_temperature[::2], 2),
                         state=np.repeat(truth.state[::2], 2))  # fmt: skip
    drawn_cold = [drawn_start_is_cold(truth.group[2 * place]) for place in (1, 3)]
    assert t8(truth, always_warm)["bistable"]["successes"] == 2 - sum(drawn_cold)
    assert t8(truth, always_warm)["bistable_both_starts"]["share"] == 0.0


def test_merged_forgives_ice_below_two_percent_and_nothing_else():
    ice = np.array([[0.015, 0.015], [0.02, 0.02], [0.0, 0.0]])
    truth = planets(np.full((3, 2), 288.0), ice, [[PARTIAL] * 2, [PARTIAL] * 2, [SNOWBALL] * 2])
    figures = t8(truth, saying(truth, ice_fraction=np.zeros(6), state=np.full(6, ICE_FREE)))
    assert figures["t8"]["successes"] == 0
    assert figures["merged"]["successes"] == 1


def test_a_planet_whose_other_start_failed_is_in_no_pair():
    whole = earths(30)
    kept = np.array([place for place in range(60) if place != 7])
    truth = dataclasses.replace(whole, **{name: getattr(whole, name)[kept] for name in vars(whole) if name != "fields"})
    figures = t8(truth, saying(truth))
    assert figures["both_starts"]["n"] == 29
    assert figures["t8"]["n"] == 30 - drawn_start_is_cold(whole.group[7])


@st.composite
def climates(draw) -> tuple[Truth, Prediction]:
    count = draw(st.integers(1, 10))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    truth = planets(generator.normal(280, 30, (count, 2)), generator.choice([0.0, 0.015, 0.3, 1.0], (count, 2)),
                    generator.integers(0, 4, (count, 2)))  # fmt: skip
    prediction = saying(
        truth,
        global_surface_temperature=truth.global_surface_temperature + generator.normal(0, 2, 2 * count),
        ice_fraction=np.clip(truth.ice_fraction + generator.normal(0, 0.04, 2 * count), 0, 1),
        state=np.where(generator.random(2 * count) < 0.8, truth.state, generator.integers(0, 4, 2 * count)),
    )
    return truth, prediction


def shares(figures) -> list[dict]:
    return [item for item in figures.values() if "share" in item] + list(figures["by_state"].values())


@given(climates())
def test_a_perfect_prediction_scores_one_everywhere(pair):
    truth, _ = pair
    figures = t8(truth, saying(truth))
    assert {item["share"] for item in shares(figures)} <= {1.0, None}
    assert figures["t8"]["share"] == 1.0
    assert sum(figures["failures"].values()) == 0


@given(climates(), st.randoms(use_true_random=False))
def test_the_order_of_the_samples_changes_nothing(pair, random):
    truth, prediction = pair
    order = list(range(len(truth.state)))
    random.shuffle(order)
    turned = dataclasses.replace(
        truth, **{name: getattr(truth, name)[order] for name in vars(truth) if name != "fields"}
    )
    names = [name for name in vars(prediction) if name not in ("fields", "std")]
    said = dataclasses.replace(prediction, **{name: getattr(prediction, name)[order] for name in names})
    assert t8(turned, said) == t8(truth, prediction)


@given(climates())
def test_every_interval_holds_its_share_and_the_numbers_agree(pair):
    truth, prediction = pair
    figures = t8(truth, prediction)
    for item in shares(figures):
        low, high = item["interval"]
        if item["share"] is None:
            assert (item["n"], low, high) == (0, 0.0, 1.0)
        else:
            assert low <= item["share"] <= high
            assert item["share"] == item["successes"] / item["n"]
    assert figures["t8"]["n"] == len(truth.state) // 2
    assert figures["t8"]["successes"] + sum(figures["failures"].values()) == figures["t8"]["n"]
    assert np.sum(figures["confusion"]) == figures["t8"]["n"]
    assert sum(item["n"] for item in figures["by_state"].values()) == figures["t8"]["n"]
    assert sum(item["successes"] for item in figures["by_state"].values()) == figures["t8"]["successes"]


def test_the_training_mean_has_no_skill_and_the_truth_has_all():
    generator = np.random.default_rng(1)
    truth = {"temperature": generator.normal(280, 20, (50, 12, 32)), "albedo": generator.random((50, 64))}
    mean = {name: values.mean(axis=0, keepdims=True) for name, values in truth.items()}
    said = {name: np.broadcast_to(values, truth[name].shape) for name, values in mean.items()}
    nothing = field_figures(truth, said, mean)
    assert nothing["mean_skill"] == pytest.approx(0.0, abs=1e-12)
    everything = field_figures(truth, truth, mean)
    assert everything["mean_skill"] == 1.0
    assert {item["rmse"] for item in everything["variables"].values()} == {0.0}
    off = field_figures(truth, {name: values + 1.0 for name, values in truth.items()}, mean)
    assert off["variables"]["temperature"]["rmse"] == pytest.approx(1.0)
    assert off["variables"]["temperature"]["skill"] == pytest.approx(1 - 1 / truth["temperature"].var(axis=0).mean())
    assert off["variables"]["albedo"]["skill"] < 0


def test_a_field_that_never_varies_has_no_skill_to_speak_of():
    flat = {"albedo": np.full((4, 64), 0.3)}
    assert field_figures(flat, flat, flat)["variables"] == {"albedo": {"rmse": 0.0, "skill": None}}
    assert field_figures(flat, flat, flat)["mean_skill"] is None


@given(st.floats(-30, 30), st.floats(-30, 30), st.floats(0.1, 10))
def test_the_score_of_a_normal_forecast_is_the_integral_that_defines_it(truth, mean, std):
    from scipy.stats import norm

    # The integral of (F(y) - 1{y >= x})^2 (Gneiting & Raftery 2007, section 4.2).
    grid = np.linspace(min(truth, mean - 12 * std), max(truth, mean + 12 * std), 40_001)
    integrand = (norm.cdf(grid, mean, std) - (grid >= truth)) ** 2
    found = gaussian_crps(np.array([truth]), np.array([mean]), np.array([std]))
    assert found == pytest.approx(np.trapezoid(integrand, grid), abs=2e-2 * std)


def test_the_score_of_a_standard_normal_at_its_mean_is_known():
    one = np.ones(1)
    # (sqrt(2) - 1) / sqrt(pi), and it scales with the standard deviation.
    assert gaussian_crps(0 * one, 0 * one, one) == pytest.approx((np.sqrt(2) - 1) / np.sqrt(np.pi))
    assert gaussian_crps(0 * one, 0 * one, 5 * one) == pytest.approx(5 * (np.sqrt(2) - 1) / np.sqrt(np.pi))
    # A sure forecast is scored by its absolute error.
    assert gaussian_crps(7 * one, 0 * one, 1e-6 * one) == pytest.approx(7.0, abs=1e-5)


def test_coverage_of_a_normal_sample_is_what_is_stated():
    from scipy.stats import norm

    truth = 288.0 + 2.5 * norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    shares = coverage(truth, np.full(20_000, 288.0), np.full(20_000, 2.5))
    assert shares == pytest.approx({"50": 0.50, "68": 0.68, "90": 0.90, "95": 0.95}, abs=2e-4)
    assert coverage(truth, truth + 1.0, np.full(20_000, 0.5)) == {"50": 0.0, "68": 0.0, "90": 0.0, "95": 0.0}
    assert coverage(truth, truth, np.full(20_000, 0.5)) == {"50": 1.0, "68": 1.0, "90": 1.0, "95": 1.0}


def test_the_brier_score_is_zero_when_sure_and_right_and_two_when_sure_and_wrong():
    # Brier 1950, Monthly Weather Review 78, 1, eq. 2: the sum over classes.
    state = np.array([HOT, SNOWBALL, ICE_FREE, PARTIAL])
    right, wrong = np.eye(4)[state], np.eye(4)[(state + 1) % 4]
    assert state_calibration(state, right)["brier"] == 0.0
    assert state_calibration(state, wrong)["brier"] == 2.0
    assert state_calibration(state, np.full((4, 4), 0.25))["brier"] == pytest.approx(0.75)
    # Of two classes, 0.7 for rain where it rains: 0.09 + 0.09.
    rain = state_calibration(np.array([0]), np.array([[0.7, 0.3]]))
    assert rain["brier"] == pytest.approx(0.18)


def test_the_calibration_error_is_the_gap_between_confidence_and_accuracy():
    state = np.zeros(10, dtype=int)
    told = np.zeros((10, 4))
    told[:, 0], told[:, 1] = 0.8, 0.2
    told[8:, :2] = told[8:, 1::-1]  # two of ten state the wrong one, as surely
    calibrated = state_calibration(state, told)
    assert calibrated["calibration_error"] == pytest.approx(0.0, abs=1e-12)
    (point,) = calibrated["reliability"]
    assert point == pytest.approx({"confidence": 0.8, "accuracy": 0.8, "n": 10})
    assert state_calibration(state, np.eye(4)[np.ones(10, dtype=int)])["calibration_error"] == 1.0
    # Half the samples sure and right, half at 0.6 and never right: 0.5 * 0 + 0.5 * 0.6.
    mixed = np.zeros((10, 4))
    mixed[:5, 0], mixed[5:, 1], mixed[5:, 0] = 1.0, 0.6, 0.4
    assert state_calibration(state, mixed)["calibration_error"] == pytest.approx(0.3)
    assert sum(point["n"] for point in state_calibration(state, mixed)["reliability"]) == 10
