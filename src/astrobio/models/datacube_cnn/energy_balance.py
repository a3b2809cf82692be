"""The linear part of the seasonal energy balance, in closed form: what a planet would be without ice, or all ice.

With the albedo held fixed, the two-surface energy-balance model of VPLanet POISE (Deitrick et al. 2018,
eqs 1-7) is linear in temperature, and since its geography is uniform it is diagonal in the eigenvectors of
the diffusion operator and in the harmonics of the year: a few small products give its exact answer. Two such
answers are inputs of the network, one with the albedo of open land and water and one with that of ice
everywhere. Neither knows where ice forms: that is what the network learns. Nothing here iterates, steps
through time, or decides a state.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from astrobio.core.orbit import equal_area_latitudes
from astrobio.core.planet_run import PLANCK_B, PlanetParameters

LATITUDES, STEPS, DAYS = 64, 48, 365
FREEZING = -2.0
"""Degrees Celsius at and below which the simulator's surfaces take the albedo of ice."""
REFERENCE_LONGWAVE = 203.3 + PLANCK_B * FREEZING
"""Outgoing flux at the freezing point for present CO2, W m-2: the scale that reduced temperatures share."""

_LAND_ALBEDO, _WATER_ALBEDO, _ZENITH_ALBEDO = 0.363, 0.263, 0.04
_LAND_HEAT_CAPACITY, _WATER_HEAT_CAPACITY = 1.55e7, 4.428e6  # J m-2 K-1; J m-3 K-1 of mixed layer
_LAND_WATER_EXCHANGE = 0.8  # W m-2 K-1
_YEAR = 2 * np.pi / np.sqrt(6.67430e-11 * 1.988416e30 / 1.495978707e11**3)  # s, at 1 au from one solar mass
COLUMN = {name: position for position, name in enumerate(PlanetParameters.names())}


@lru_cache(maxsize=4)
def _diffusion_eigen(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and vectors of -d/dx (1 - x^2) d/dx on ``count`` bands of equal area."""
    edges = np.linspace(-1.0, 1.0, count + 1)
    conductance = (1 - edges**2) / (2.0 / count) ** 2
    matrix = np.diag(conductance[:-1] + conductance[1:])
    matrix -= np.diag(conductance[1:-1], 1) + np.diag(conductance[1:-1], -1)
    return np.linalg.eigh(matrix)


def planck_a(parameters: Tensor) -> Tensor:
    """Outgoing flux at 0 degrees Celsius, W m-2, of parameters (N, 9): see ``PlanetParameters.planck_a``."""
    return 203.3 - 5.35 * torch.log(parameters[:, COLUMN["co2_partial_pressure"]] / 3.3e-4)


def insolation(parameters: Tensor) -> tuple[Tensor, Tensor]:
    """Day-mean insolation (N, 48, 64) in W m-2 and declination (N, 48) in radians at the model's steps.

    ``parameters`` is (N, 9) in the order of ``PlanetParameters.names()``, best in float64. The formula is that
    of :func:`astrobio.core.orbit.daily_insolation`, for many planets at once.
    """
    flux, eccentricity = parameters[:, COLUMN["stellar_flux"], None], parameters[:, COLUMN["eccentricity"], None]
    obliquity = torch.deg2rad(parameters[:, COLUMN["obliquity"], None])
    pericentre = torch.deg2rad(parameters[:, COLUMN["longitude_of_pericentre"], None]) + torch.pi
    begin = torch.remainder(-torch.pi / 2 - pericentre, 2 * torch.pi)
    outer, inner = torch.sqrt(1 + eccentricity), torch.sqrt(1 - eccentricity)
    start = 2 * torch.atan2(inner * torch.sin(begin / 2), outer * torch.cos(begin / 2))
    days = torch.floor(torch.arange(STEPS, dtype=torch.float64) * DAYS / STEPS).to(parameters)
    mean = start - eccentricity * torch.sin(start) + 2 * torch.pi * days / DAYS
    anomaly = mean + eccentricity * torch.sin(mean)
    for _ in range(8):  # Newton converges quadratically: eight steps reach rounding for e up to 0.9
        anomaly = anomaly - (anomaly - eccentricity * torch.sin(anomaly) - mean) / (
            1 - eccentricity * torch.cos(anomaly)
        )
    true = 2 * torch.atan2(outer * torch.sin(anomaly / 2), inner * torch.cos(anomaly / 2))
    distance = 1 - eccentricity * torch.cos(anomaly)
    declination = torch.asin((torch.sin(obliquity) * torch.sin(true + pericentre)).clamp(-1, 1))
    latitude = torch.from_numpy(np.radians(equal_area_latitudes(LATITUDES))).to(parameters)
    sun = declination[..., None]
    hour_angle = torch.acos((-torch.tan(latitude) * torch.tan(sun)).clamp(-1, 1))
    geometry = hour_angle * torch.sin(latitude) * torch.sin(sun)
    geometry = geometry + torch.cos(latitude) * torch.cos(sun) * torch.sin(hour_angle)
    return flux[..., None] / torch.pi * geometry.clamp_min(0) / distance[..., None] ** 2, declination


def _solve(parameters: Tensor, absorbed_land: Tensor, absorbed_water: Tensor) -> tuple[Tensor, Tensor]:
    """Periodic land and water temperature (degrees Celsius; N, 48, 64) for absorbed fluxes of that shape."""
    values, vectors = _diffusion_eigen(LATITUDES)
    basis = torch.from_numpy(vectors).to(parameters)
    damping = PLANCK_B + parameters[:, COLUMN["heat_diffusion"], None] * torch.from_numpy(values).to(parameters)
    land_share = parameters[:, COLUMN["land_fraction"], None, None]
    depth = parameters[:, COLUMN["mixed_layer_depth"], None, None]
    frequency = 2 * torch.pi * torch.arange(STEPS // 2 + 1).to(parameters) / STEPS
    backward = (1 - torch.exp(-1j * frequency)) * STEPS / _YEAR  # of the implicit Euler step
    storage = backward[None, :, None]
    offset = planck_a(parameters)[:, None, None]
    force_land = torch.fft.rfft((absorbed_land - offset) @ basis, dim=1)
    force_water = torch.fft.rfft((absorbed_water - offset) @ basis, dim=1)
    to_water, to_land = _LAND_WATER_EXCHANGE / land_share, _LAND_WATER_EXCHANGE / (1 - land_share)
    land = storage * _LAND_HEAT_CAPACITY + damping[:, None, :] + to_water
    water = storage * _WATER_HEAT_CAPACITY * depth + damping[:, None, :] + to_land
    determinant = land * water - to_water * to_land
    solved_land = (water * force_land + to_water * force_water) / determinant
    solved_water = (land * force_water + to_land * force_land) / determinant
    return tuple(torch.fft.irfft(part, n=STEPS, dim=1) @ basis.T for part in (solved_land, solved_water))  # type: ignore[return-value]


def linear_climates(parameters: Tensor) -> dict[str, Tensor]:
    """Insolation and the two linear climates of each planet, all (N, 48, 64).

    Keys: ``insolation`` (W m-2); ``open_land``, ``open_water``, ``frozen_land``, ``frozen_water``: surface
    temperature in degrees Celsius with no ice anywhere, and with ice everywhere; ``open_albedo_land`` and
    ``open_albedo_water``: the albedo without ice.

    >>> earth = torch.tensor([[1361.0, 23.44, 0.0167, 102.9, 0.58, 3.3e-4, 0.34, 70.0, 0.6]], dtype=torch.float64)
    >>> climates = linear_climates(earth)
    >>> round(float(climates["frozen_water"].mean()), 1)
    -32.1
    """
    sunlight, declination = insolation(parameters)
    latitude = torch.from_numpy(np.radians(equal_area_latitudes(LATITUDES))).to(parameters)
    zenith = torch.abs(latitude - declination[..., None])
    tilt = _ZENITH_ALBEDO * (3 * torch.sin(zenith) ** 2 - 1)
    # The simulator's step takes the albedo that the step before has left; a year begins with that of its own day.
    tilt = torch.cat([tilt[:, :1], tilt[:, :-1]], dim=1)
    ice_albedo = parameters[:, COLUMN["ice_albedo"], None, None]
    open_albedo_land, open_albedo_water = _LAND_ALBEDO + tilt, _WATER_ALBEDO + tilt
    open_land, open_water = _solve(parameters, sunlight * (1 - open_albedo_land), sunlight * (1 - open_albedo_water))
    frozen = sunlight * (1 - ice_albedo)
    frozen_land, frozen_water = _solve(parameters, frozen, frozen)
    return {
        "insolation": sunlight,
        "open_land": open_land,
        "open_water": open_water,
        "frozen_land": frozen_land,
        "frozen_water": frozen_water,
        "open_albedo_land": open_albedo_land,
        "open_albedo_water": open_albedo_water,
    }
