"""Insolation: what geometry and Kepler fix, whatever the orbit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.orbit import daily_insolation, eccentric_anomaly, equal_area_latitudes

flux = st.floats(500.0, 2500.0)
obliquity = st.floats(0.0, 90.0)
eccentricity = st.floats(0.0, 0.3)
pericentre = st.floats(0.0, 360.0)


@given(flux, obliquity, eccentricity, pericentre)
def test_the_annual_global_mean_is_a_quarter_of_the_flux_times_the_eccentricity_factor(s, tilt, e, longitude):
    found = daily_insolation(s, tilt, e, longitude, equal_area_latitudes(64)).mean()
    # Centres of 64 bands overstate the mean by 6.04e-4 of it at most: cos(latitude) bends at the poles.
    assert found == pytest.approx(s / 4 / np.sqrt(1 - e**2), rel=6.1e-4)


@given(flux, obliquity, pericentre)
def test_on_a_circle_the_hemispheres_change_places_after_half_a_year(s, tilt, longitude):
    year = daily_insolation(s, tilt, 0.0, longitude, equal_area_latitudes(32), days=360)
    np.testing.assert_allclose(np.roll(year, 180, axis=0), year[:, ::-1], atol=1e-6 * s)


@given(flux, eccentricity, pericentre)
def test_without_obliquity_there_are_no_seasons_but_those_of_distance(s, e, longitude):
    year = daily_insolation(s, 0.0, e, longitude, equal_area_latitudes(16))
    np.testing.assert_allclose(year / year[:, :1], np.broadcast_to(year[0] / year[0, 0], year.shape), rtol=1e-9)


@given(flux, obliquity, eccentricity, pericentre)
def test_insolation_is_finite_and_between_night_and_the_pericentre_at_zenith(s, tilt, e, longitude):
    year = daily_insolation(s, tilt, e, longitude, equal_area_latitudes(32))
    assert np.isfinite(year).all()
    assert year.min() >= 0.0
    assert year.max() <= s / (1 - e) ** 2


def test_the_year_begins_at_the_northern_winter_solstice():
    north = daily_insolation(1361.0, 23.44, 0.0, 0.0, equal_area_latitudes(64), days=360)[:, 48]
    assert north.argmin() == 0
    assert north.argmax() == 180


def test_the_solstice_at_the_pole_is_the_sine_of_the_obliquity():
    # Polar day: H = pi, hence Q = S sin(latitude) sin(obliquity) (Berger 1978, eq. 10).
    day = daily_insolation(1361.0, 30.0, 0.0, 0.0, np.array([-90.0]), days=4)[0, 0]
    assert day == pytest.approx(1361.0 * 0.5, rel=1e-9)


@given(st.floats(-10.0, 10.0), st.floats(0.0, 0.95))
def test_the_eccentric_anomaly_solves_keplers_equation(mean, e):
    found = eccentric_anomaly(np.array([mean]), e)
    np.testing.assert_allclose(found - e * np.sin(found), [mean], atol=1e-9)


@given(st.integers(1, 200))
def test_bands_have_equal_area_and_are_symmetric(count):
    latitudes = equal_area_latitudes(count)
    np.testing.assert_allclose(np.diff(np.sin(np.radians(latitudes))), 2.0 / count, atol=1e-12)
    np.testing.assert_allclose(latitudes, -latitudes[::-1], atol=1e-9)
