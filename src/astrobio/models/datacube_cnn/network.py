"""The network: from prepared inputs to regime probabilities, and to climate fields for a given regime.

A climate is in one of three regimes (water frozen at every latitude, no ice, partial ice). The fields are
decoded for a regime that is given: the true one in training, the likeliest one in prediction. The decoder is
therefore an expert of each regime, and never averages a snowball with an open ocean.

What physics bounds is bounded by construction. The network predicts weights in [0, 1] between the climate
without ice and the climate with ice everywhere; temperature, absorbed radiation, albedo and yearly maxima
follow. Outgoing radiation is the simulator's linear function of temperature, and heat transport integrates
to zero over the planet.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from astrobio.core.planet_run import PLANCK_B
from astrobio.models.datacube_cnn.config import DatacubeCNNConfig
from astrobio.models.datacube_cnn.features import (
    GRID_CHANNELS,
    KELVIN,
    PROFILE_CHANNELS,
    VECTOR_SIZE,
    network_inputs,
)
from astrobio.models.datacube_cnn.layers import SEASON_LATITUDE, ConditionedUNet, Perceptron, TopologyConv

REGIMES = ("frozen", "open", "partial")
"""Water frozen at every latitude; no ice that lasts the year; partial ice."""

_FIRST_WEIGHTS = (3.0, -3.0, -1.0)

GRID_FIELDS = ("surface_temperature", "absorbed_shortwave", "transport_divergence")
PROFILE_FIELDS = ("albedo", "land_temperature_max", "water_temperature_max")
SPREAD_SCALE = {
    "surface_temperature": 10.0,
    "absorbed_shortwave": 20.0,
    "transport_divergence": 20.0,
    "albedo": 0.05,
    "land_temperature_max": 10.0,
    "water_temperature_max": 10.0,
}
"""Standard deviation, in the field's units, that an output of zero stands for."""


def unit_interval(values: Tensor) -> Tensor:
    """Map to [0, 1] so that both ends can be reached; the gradient passes the ends.

    >>> unit_interval(torch.tensor([-20.0, 0.0, 20.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    wide = 0.5 + 1.1 * (torch.sigmoid(values) - 0.5)
    return wide + (wide.clamp(0.0, 1.0) - wide).detach()


class ProfileEncoder(nn.Module):
    """Latitude profiles (N, C, 64) to a vector, by strided convolutions."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            TopologyConv(inputs, 32, ("pole",)),
            nn.SiLU(),
            nn.AvgPool1d(2),
            TopologyConv(32, 32, ("pole",)),
            nn.SiLU(),
            nn.AvgPool1d(2),
            nn.Flatten(),
            nn.Linear(32 * 16, width),
        )

    def forward(self, profile: Tensor) -> Tensor:
        return self.layers(profile)


class RegimeMember(nn.Module):
    """One opinion on the regime, from the planet's numbers and its latitude profiles: logits (N, 3)."""

    def __init__(self, config: DatacubeCNNConfig) -> None:
        super().__init__()
        self.encoder = ProfileEncoder(PROFILE_CHANNELS, 64)
        self.perceptron = Perceptron(
            VECTOR_SIZE + 64, config.trunk_width, config.trunk_depth, len(REGIMES), config.dropout
        )

    def forward(self, vector: Tensor, profile: Tensor) -> Tensor:
        return self.perceptron(torch.cat([vector, self.encoder(profile)], dim=1))


class DatacubeCNN(nn.Module):
    """Planet parameters to climate fields; see the module's text.

    Parameters
    ----------
    config : DatacubeCNNConfig
        Size and options.
    """

    def __init__(self, config: DatacubeCNNConfig) -> None:
        super().__init__()
        self.config = config
        width, channels = config.trunk_width, config.channels
        self.members = nn.ModuleList(RegimeMember(config) for _ in range(config.members))
        self.encoder = ProfileEncoder(PROFILE_CHANNELS, 64)
        self.trunk = Perceptron(VECTOR_SIZE + 64 + len(REGIMES), width, config.trunk_depth, width, config.dropout)
        self.unet = ConditionedUNet(GRID_CHANNELS, channels, config.blocks, config.levels, width, SEASON_LATITUDE)
        self.grid_head = TopologyConv(channels, 2 * len(GRID_FIELDS), SEASON_LATITUDE)
        self.profile_enter = nn.Conv1d(2 * channels + PROFILE_CHANNELS, 64, 1)
        self.profile_condition = nn.Linear(width, 128)
        self.profile_body = nn.Sequential(
            TopologyConv(64, 64, ("pole",)), nn.SiLU(), TopologyConv(64, 64, ("pole",)), nn.SiLU()
        )
        self.profile_head = TopologyConv(64, 2 * len(PROFILE_FIELDS), ("pole",))
        self.global_spread = nn.Linear(width, 1)
        # Weights between open and frozen climates start near the climate that the regime names.
        first = torch.tensor(_FIRST_WEIGHTS)[:, None]
        self.grid_bias = nn.Parameter(first.repeat(1, 2))
        self.profile_bias = nn.Parameter(first.repeat(1, 3))

    def regime_logits(self, features: dict[str, Tensor]) -> Tensor:
        """Logits of each member, (members, N, 3)."""
        _, profile = network_inputs(features)
        return torch.stack([member(features["vector"], profile) for member in self.members])

    def decode(self, features: dict[str, Tensor], regime: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Means and standard deviations of the fields, for regimes (N,) given as positions in REGIMES.

        Fields have the names and units of ``astrobio.core.planet_run.FIELDS`` and stay in the canonical frame.
        Beside them stands ``global_surface_temperature``, (N,) in K.
        """
        grid, profile = network_inputs(features)
        one_hot = nn.functional.one_hot(regime, len(REGIMES)).to(grid)
        condition = self.trunk(torch.cat([features["vector"], self.encoder(profile), one_hot], dim=1))
        hidden = self.unet(grid, condition)
        outputs = self.grid_head(nn.functional.silu(hidden))
        seen = torch.cat([hidden.mean(dim=2), hidden.amax(dim=2)], dim=1).repeat_interleave(2, dim=2)
        entered = self.profile_enter(torch.cat([seen, profile], dim=1))
        scale, shift = self.profile_condition(condition)[..., None].chunk(2, dim=1)
        entered = entered * (1 + scale) + shift
        lines = self.profile_head(nn.functional.silu(entered + self.profile_body(nn.functional.silu(entered))))
        outputs = torch.cat([outputs[:, :2] + self.grid_bias[regime][..., None, None], outputs[:, 2:]], dim=1)
        lines = torch.cat([lines[:, :3] + self.profile_bias[regime][..., None], lines[:, 3:]], dim=1)
        means = self._grid_means(features, outputs) | self._profile_means(features, lines)
        spreads = self._spreads(GRID_FIELDS, outputs) | self._spreads(PROFILE_FIELDS, lines)
        spreads["outgoing_longwave"] = PLANCK_B * spreads["surface_temperature"]
        means["global_surface_temperature"] = means["surface_temperature"].mean(dim=(1, 2))
        spreads["global_surface_temperature"] = 10.0 * torch.exp(self.global_spread(condition)[:, 0].clamp(-7, 3))
        return means, spreads

    @staticmethod
    def _spreads(names: tuple[str, ...], outputs: Tensor) -> dict[str, Tensor]:
        logarithms = outputs[:, len(names) :].clamp(-7.0, 3.0)
        return {name: SPREAD_SCALE[name] * torch.exp(logarithms[:, place]) for place, name in enumerate(names)}

    @staticmethod
    def _grid_means(features: dict[str, Tensor], outputs: Tensor) -> dict[str, Tensor]:
        cold, bright = unit_interval(outputs[:, 0]), unit_interval(outputs[:, 1])
        celsius = features["open_temperature"] * (1 - cold) + features["frozen_temperature"] * cold
        frozen_absorbed = features["insolation"] * (1 - features["ice_albedo"].view(-1, 1, 1))
        absorbed = features["open_absorbed"] * (1 - bright) + frozen_absorbed * bright
        longwave = features["planck_a"].view(-1, 1, 1) + PLANCK_B * celsius
        divergence = 100.0 * outputs[:, 2]
        return {
            "surface_temperature": celsius + KELVIN,
            "absorbed_shortwave": absorbed,
            "outgoing_longwave": longwave,
            "transport_divergence": divergence - divergence.mean(dim=2, keepdim=True),
        }

    @staticmethod
    def _profile_means(features: dict[str, Tensor], lines: Tensor) -> dict[str, Tensor]:
        bright, land, water = (unit_interval(lines[:, place]) for place in range(3))
        return {
            "albedo": features["open_albedo"] * (1 - bright) + features["ice_albedo"][:, None] * bright,
            "land_temperature_max": features["open_land"] * (1 - land) + features["frozen_land"] * land + KELVIN,
            "water_temperature_max": features["open_water"] * (1 - water) + features["frozen_water"] * water + KELVIN,
        }

    def forward(
        self, features: dict[str, Tensor], regime: Tensor
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """Regime logits, means and standard deviations: what training needs."""
        return self.regime_logits(features), *self.decode(features, regime)
