"""Forensics on curves: each number separates what it is for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.verify import curves


@given(st.floats(0.6, 20), st.floats(0, 6.28), st.floats(0.1, 100), st.integers(60, 3000))
def test_a_sine_of_any_frequency_is_found(cycles: float, phase: float, size: float, count: int) -> None:
    place = np.linspace(2, 7, count)
    cycles = min(cycles, count / 12)
    value = 1000 + size * np.sin(2 * np.pi * cycles * (place - 2) / 5 + phase)
    model, _ = curves.sine(place, value, np.full(count, 0.01 * size))
    assert np.abs(value - model).max() < 1e-3 * size


@pytest.mark.parametrize("coefficients", [(5.0,), (5.0, 3.0), (5.0, 3.0, -2.0), (5.0, 3.0, -2.0, 1.0)])
def test_a_cubic_takes_lines_and_constants_along(coefficients: tuple[float, ...]) -> None:
    place = np.linspace(0.6, 2.8, 50)
    value = np.polynomial.polynomial.polyval(place, coefficients)
    np.testing.assert_allclose(curves.cubic(place, value, np.ones(50)), value, atol=1e-9)


def test_noise_and_smooth_curves_are_far_apart() -> None:
    random = np.random.default_rng(3)
    noise, smooth = random.normal(0, 1, 2000), np.sin(np.linspace(0, 20, 2000))
    slope = 50 * np.linspace(0, 1, 2000)
    assert abs(curves.lag_one(noise)) < 0.1 < 0.9 < curves.lag_one(smooth)
    assert curves.turning(noise + slope) < -0.25 < 0.9 < curves.turning(smooth)
    assert curves.scatter_over_error(noise, np.ones(2000)) == pytest.approx(1, abs=0.1)
    assert curves.scatter_over_error(smooth, np.ones(2000)) < 0.05


def test_outliers_and_lines_do_not_count_as_scatter() -> None:
    random = np.random.default_rng(4)
    value = random.normal(0, 1, 500)
    value[::50] += 1000
    assert curves.scatter_over_error(value, np.ones(500)) < 1.3


def test_constants_are_no_trouble() -> None:
    flat, error = np.full(30, 5.0), np.ones(30)
    place = np.arange(30.0)
    assert curves.lag_one(flat) == 1.0
    assert curves.noise_follows_error(flat, error) == 0.0
    np.testing.assert_allclose(curves.sine(place, flat, error)[0], flat)
    np.testing.assert_allclose(curves.sine(np.zeros(30), flat, error)[0], flat)
