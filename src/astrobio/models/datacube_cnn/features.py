"""From planet parameters to the inputs of the network, with what is exact taken out first.

Three exact properties of the simulator are used rather than learned:

* flux and CO2 enter the dynamics only through the flux divided by the outgoing radiation at the freezing
  point, :math:`S / (A - 2B)`, and temperatures above freezing scale by the same factor;
* a planet whose pericentre is turned by 180 degrees is its mirror image, north for south, half a year later;
* the true temperature lies between that without ice and that with ice everywhere, since absorbing more
  anywhere cools nowhere (the diffusion operator is monotone).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from astrobio.core.planet_run import LATITUDES, PLANCK_B, SEASONS, PlanetParameters
from astrobio.models.datacube_cnn.energy_balance import (
    COLUMN,
    FREEZING,
    REFERENCE_LONGWAVE,
    linear_climates,
    planck_a,
)

KELVIN = 273.15
VECTOR_SIZE = 12
GRID_CHANNELS = 6
PROFILE_CHANNELS = 9

FEATURES = (
    "vector",
    "planck_a",
    "scale",
    "mirrored",
    "land_fraction",
    "ice_albedo",
    "insolation",
    "open_temperature",
    "frozen_temperature",
    "open_absorbed",
    "open_land",
    "open_water",
    "frozen_land",
    "frozen_water",
    "open_land_min",
    "open_water_min",
    "open_albedo",
)


_PLAIN = ("vector", "planck_a", "scale", "land_fraction", "ice_albedo")


def mirror(values: Tensor, mirrored: Tensor) -> Tensor:
    """North for south, half a year later, where ``mirrored`` (N,) is true; its own inverse.

    ``values`` is (N, season, latitude) or (N, latitude). On an eccentric orbit the solstices are not half a
    year apart, so the seasons of a mirrored field begin near its solstice and not at it; inputs and targets
    are mirrored alike.
    """
    turned = values.flip(-1)
    if values.dim() == 3:
        turned = turned.roll(values.shape[1] // 2, 1)
    return torch.where(mirrored.view(-1, *([1] * (values.dim() - 1))), turned, values)


def _season_means(values: Tensor) -> Tensor:
    count, steps, bands = values.shape
    return values.view(count, SEASONS, steps // SEASONS, LATITUDES, bands // LATITUDES).mean(dim=(2, 4))


def prepare(parameters: Tensor, start: Tensor, batch: int = 512) -> dict[str, Tensor]:
    """Inputs of the network for parameters (N, 9) and starts (N,; 0 warm, 1 cold), as float32.

    Planets whose pericentre lies beyond 180 degrees are mirrored, as ``mirrored`` says. Temperatures are in degrees
    Celsius, fluxes in W m-2.

    >>> earth = torch.tensor([[1361.0, 23.44, 0.0167, 102.9, 0.58, 3.3e-4, 0.34, 70.0, 0.6]])
    >>> tuple(prepare(earth, torch.zeros(1))["open_temperature"].shape)
    (1, 12, 32)
    """
    parts = [
        _prepare(parameters[begin : begin + batch].double(), start[begin : begin + batch])
        for begin in range(0, len(parameters), batch)
    ]
    return {name: torch.cat([part[name] for part in parts]) for name in FEATURES}


@torch.no_grad()
def _prepare(parameters: Tensor, start: Tensor) -> dict[str, Tensor]:
    mirrored = torch.remainder(parameters[:, COLUMN["longitude_of_pericentre"]], 360.0) >= 180.0
    climates = linear_climates(parameters)
    land = parameters[:, COLUMN["land_fraction"], None, None]
    ice_albedo = parameters[:, COLUMN["ice_albedo"]]

    def mixed(kind: str) -> Tensor:
        return land * climates[f"{kind}_land"] + (1 - land) * climates[f"{kind}_water"]

    albedo = land * climates["open_albedo_land"] + (1 - land) * climates["open_albedo_water"]
    scale = REFERENCE_LONGWAVE / (planck_a(parameters) + PLANCK_B * FREEZING)
    prepared = {
        "vector": _vector(parameters, start, scale),
        "planck_a": planck_a(parameters),
        "scale": scale,
        "land_fraction": parameters[:, COLUMN["land_fraction"]],
        "ice_albedo": ice_albedo,
        "insolation": _season_means(climates["insolation"]),
        "open_temperature": _season_means(mixed("open")),
        "frozen_temperature": _season_means(mixed("frozen")),
        "open_absorbed": _season_means(climates["insolation"] * (1 - albedo)),
        "open_land": climates["open_land"].amax(dim=1),
        "open_water": climates["open_water"].amax(dim=1),
        "frozen_land": climates["frozen_land"].amax(dim=1),
        "frozen_water": climates["frozen_water"].amax(dim=1),
        "open_land_min": climates["open_land"].amin(dim=1),
        "open_water_min": climates["open_water"].amin(dim=1),
        "open_albedo": albedo.mean(dim=1),
    }
    fields = {name: mirror(values, mirrored) for name, values in prepared.items() if name not in _PLAIN}
    return {name: values.float() for name, values in (prepared | fields).items()} | {"mirrored": mirrored}


def _vector(parameters: Tensor, start: Tensor, scale: Tensor) -> Tensor:
    """The planet as twelve numbers of order one; flux and CO2 only through the reduced flux."""

    def column(name: str) -> Tensor:
        return parameters[:, COLUMN[name]]

    limits = PlanetParameters.limits()

    def logarithm(name: str) -> Tensor:
        low, high = np.log(limits[name][0]), np.log(limits[name][1])
        return 2 * (torch.log(column(name)) - low) / (high - low) - 1

    pericentre = torch.deg2rad(torch.remainder(column("longitude_of_pericentre"), 180.0))
    obliquity = torch.deg2rad(column("obliquity"))
    reduced_flux = column("stellar_flux") * scale / 1361.0
    return torch.stack(
        [
            5 * torch.log(reduced_flux),
            2 / reduced_flux - 2,
            column("obliquity") / 45 - 1,
            1.5 * torch.sin(obliquity) ** 2,
            6 * column("eccentricity") * torch.cos(pericentre),
            6 * column("eccentricity") * torch.sin(pericentre),
            6 * column("eccentricity") - 1,
            logarithm("heat_diffusion"),
            2 * column("land_fraction") - 1,
            logarithm("mixed_layer_depth"),
            10 * column("ice_albedo") - 6,
            2 * start.to(parameters) - 1,
        ],
        dim=1,
    )


def network_inputs(features: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Channels of order one over (season, latitude) and over the finer latitudes, in reduced units."""
    scale = features["scale"].view(-1, 1, 1)

    def reduced(name: str) -> Tensor:
        values = features[name]
        return (values - FREEZING) * (scale if values.dim() == 3 else scale[..., 0]) / 40.0

    grid_open, grid_frozen = reduced("open_temperature"), reduced("frozen_temperature")
    latitude = torch.linspace(-1, 1, LATITUDES).to(grid_open).expand_as(grid_open)
    grid = torch.stack(
        [
            grid_open,
            grid_frozen,
            features["insolation"] * scale / 400.0,
            features["open_absorbed"] * scale / 300.0,
            (grid_open / (grid_open - grid_frozen)).clamp(-2, 2),
            latitude,
        ],
        dim=1,
    )
    land, water = reduced("open_land"), reduced("open_water")
    frozen_land, frozen_water = reduced("frozen_land"), reduced("frozen_water")
    profile = torch.stack(
        [
            land,
            water,
            frozen_land,
            frozen_water,
            reduced("open_land_min"),
            reduced("open_water_min"),
            (land / (land - frozen_land)).clamp(-2, 2),
            (water / (water - frozen_water)).clamp(-2, 2),
            features["open_albedo"] * 4 - 1,
        ],
        dim=1,
    )
    return grid, profile
