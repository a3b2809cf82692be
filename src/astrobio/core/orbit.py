"""Insolation of a planet on an eccentric, inclined orbit, averaged over its day.

The day-mean insolation at latitude :math:`\\phi` and solar declination :math:`\\delta` is

.. math:: Q = \\frac{S}{\\pi r^2} (H \\sin\\phi\\sin\\delta + \\cos\\phi\\cos\\delta\\sin H),
          \\qquad \\cos H = -\\tan\\phi\\tan\\delta

(Berger 1978, J. Atmos. Sci. 35, 2362, eq. 10), where ``r`` is the distance in units of the semi-major axis.
The year starts at the northern winter solstice and the longitude of pericentre is counted from the spring
equinox, as in VPLanet POISE (Barnes et al. 2020; ``fvAnnualInsolation`` in its ``poise.c``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def equal_area_latitudes(count: int) -> Array:
    """Centres, in degrees, of ``count`` latitude bands of equal area, south to north.

    >>> equal_area_latitudes(2).round(6).tolist()
    [-30.0, 30.0]
    """
    sines = -1.0 + (np.arange(count) + 0.5) * 2.0 / count
    return np.degrees(np.arcsin(sines))


def eccentric_anomaly(mean_anomaly: Array, eccentricity: float) -> Array:
    """Solve Kepler's equation ``M = E - e sin E`` by Newton's method (radians).

    >>> float(eccentric_anomaly(np.array([1.0]), 0.0)[0])
    1.0
    """
    anomaly = mean_anomaly + eccentricity * np.sin(mean_anomaly)
    for _ in range(50):
        step = (anomaly - eccentricity * np.sin(anomaly) - mean_anomaly) / (1.0 - eccentricity * np.cos(anomaly))
        anomaly = anomaly - step
        if np.max(np.abs(step)) < 1e-14:
            break
    return anomaly


def daily_insolation(
    stellar_flux: float,
    obliquity: float,
    eccentricity: float,
    longitude_of_pericentre: float,
    latitudes: Array,
    days: int = 365,
) -> Array:
    """Day-mean insolation in W m-2, shape ``(days, latitudes)``.

    Parameters
    ----------
    stellar_flux : float
        Flux at the semi-major axis, W m-2.
    obliquity, longitude_of_pericentre : float
        Degrees.
    eccentricity : float
        Below 1.
    latitudes : array
        Degrees.

    >>> annual = daily_insolation(1361.0, 23.44, 0.0, 0.0, equal_area_latitudes(64)).mean()
    >>> bool(abs(annual - 1361.0 / 4) < 0.5)
    True
    """
    pericentre = np.radians(longitude_of_pericentre) + np.pi
    true_anomaly = np.mod(-np.pi / 2 - pericentre, 2 * np.pi)
    start = 2 * np.arctan2(
        np.sqrt(1 - eccentricity) * np.sin(true_anomaly / 2), np.sqrt(1 + eccentricity) * np.cos(true_anomaly / 2)
    )
    mean_anomaly = start - eccentricity * np.sin(start) + 2 * np.pi * np.arange(days) / days
    eccentric = eccentric_anomaly(mean_anomaly, eccentricity)
    true = 2 * np.arctan2(
        np.sqrt(1 + eccentricity) * np.sin(eccentric / 2), np.sqrt(1 - eccentricity) * np.cos(eccentric / 2)
    )
    distance = 1 - eccentricity * np.cos(eccentric)
    sin_declination = np.sin(np.radians(obliquity)) * np.sin(true + pericentre)
    declination = np.arcsin(np.clip(sin_declination, -1, 1))[:, None]
    latitude = np.radians(np.asarray(latitudes, dtype=np.float64))[None, :]
    hour_angle = np.arccos(np.clip(-np.tan(latitude) * np.tan(declination), -1.0, 1.0))
    geometry = hour_angle * np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.sin(
        hour_angle
    )
    return stellar_flux / np.pi * np.maximum(geometry, 0.0) / distance[:, None] ** 2


def tidal_locking_distance(stellar_mass: float) -> float:
    """Semi-major axis, in au, within which a planet is locked to its star within 4.5 Gyr.

    :math:`0.027\\,(P_0 t / Q)^{1/6} M^{1/3}` in cgs units, with an early day :math:`P_0` of 13.5 h and a dissipation
    :math:`Q` of 100 (Kasting, Whitmire & Reynolds 1993, Icarus 101, 108, after Peale 1977).

    Parameters
    ----------
    stellar_mass : float
        Solar masses.

    >>> round(tidal_locking_distance(1.0), 2)
    0.46
    """
    early_day, age, dissipation = 13.5 * 3600.0, 4.5e9 * 3.156e7, 100.0  # s, s, 1
    centimetres = 0.027 * (early_day * age / dissipation) ** (1 / 6) * (stellar_mass * 1.98892e33) ** (1 / 3)
    return centimetres / 1.495978707e13


def semi_major_axis(orbital_period: float, stellar_mass: float) -> float:
    """Semi-major axis, in au, from the period in days and the star's mass in solar masses (Kepler's third law).

    >>> round(semi_major_axis(365.256, 1.0), 4)
    1.0
    """
    return float((stellar_mass * (orbital_period / 365.256) ** 2) ** (1 / 3))
