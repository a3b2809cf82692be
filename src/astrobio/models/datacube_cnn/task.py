"""What the trainer and the evaluation ask of the datacube CNN: its inputs, its loss, its predictions."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from astrobio.core.planet_run import HOT_LONGWAVE, PLANCK_B, STATES
from astrobio.models.datacube_cnn.config import DatacubeCNNConfig
from astrobio.models.datacube_cnn.features import FEATURES, KELVIN, mirror, prepare
from astrobio.models.datacube_cnn.network import (
    GRID_FIELDS,
    PROFILE_FIELDS,
    REGIMES,
    SPREAD_SCALE,
    DatacubeCNN,
)
from astrobio.models.prediction import Prediction

TARGET_FIELDS = (*GRID_FIELDS, *PROFILE_FIELDS)
_FIELD_WEIGHT = {"surface_temperature": 2.0, "land_temperature_max": 2.0, "water_temperature_max": 2.0}
_FREEZING_KELVIN = KELVIN - 2.0


class DatacubeCNNTask:
    """Training and prediction of the datacube CNN.

    Parameters
    ----------
    config : DatacubeCNNConfig
        Size and options.
    """

    name = "rebuilt_datacube_cnn"
    source = "planet_runs"
    targets = (*TARGET_FIELDS, "global_surface_temperature", "ice_fraction", "snowball", "state")

    def __init__(self, config: DatacubeCNNConfig) -> None:
        self.config = config

    def build(self) -> DatacubeCNN:
        """A new network with its first weights, drawn from torch's generator."""
        return DatacubeCNN(self.config)

    @staticmethod
    def prepare(parameters: np.ndarray, start: np.ndarray) -> dict[str, Tensor]:
        """Inputs that depend on the parameters alone, by name; computed once for a whole pack."""
        return prepare(torch.from_numpy(np.asarray(parameters)), torch.from_numpy(np.asarray(start)))

    @staticmethod
    def regime(batch: dict[str, Tensor]) -> Tensor:
        """Position in REGIMES of each sample's true regime, (N,)."""
        partial = torch.where(batch["ice_fraction"] < 0.001, REGIMES.index("open"), REGIMES.index("partial"))
        return torch.where(batch["snowball"] > 0, REGIMES.index("frozen"), partial)

    def loss(self, model: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Scalar loss of a batch, and its parts by name.

        The fields' part is the continuous ranked probability score of the stated normal distributions, in units of
        each field's scale: a proper score whose gradient is bounded, so that planets near a bifurcation do not
        drown the others. The regime's part is the cross-entropy, averaged over the members.
        """
        features = {name: batch[name] for name in FEATURES}
        regime = self.regime(batch)
        logits, means, spreads = model(features, regime)
        importance = torch.where(regime == REGIMES.index("partial"), self.config.partial_weight, 1.0)
        parts = {"regime": nn.functional.cross_entropy(logits.flatten(0, 1), regime.repeat(len(logits)))}
        fields = torch.zeros((), device=regime.device)
        for name in TARGET_FIELDS:
            target = mirror(batch[name], features["mirrored"])
            score = _normal_crps(target, means[name], spreads[name]) / SPREAD_SCALE[name]
            fields = fields + _FIELD_WEIGHT.get(name, 1.0) * (score.flatten(1).mean(dim=1) * importance).mean()
        parts["fields"] = fields / sum(_FIELD_WEIGHT.get(name, 1.0) for name in TARGET_FIELDS)
        name = "global_surface_temperature"
        whole = _normal_crps(batch[name], means[name], spreads[name]) / SPREAD_SCALE["surface_temperature"]
        parts["global_temperature"] = (whole * importance).mean()
        imbalance = (means["absorbed_shortwave"] - means["outgoing_longwave"]).mean(dim=(1, 2))
        parts["energy"] = ((imbalance / 10.0) ** 2 * importance).mean()
        total = self.config.regime_weight * parts["regime"] + parts["fields"] + parts["global_temperature"]
        if self.config.energy_weight:
            total = total + self.config.energy_weight * parts["energy"]
        return total, {part: value.detach() for part, value in parts.items()}

    @torch.no_grad()
    def predict(
        self, model: nn.Module, parameters: np.ndarray, start: np.ndarray, batch_size: int = 256, device: str = "cpu"
    ) -> Prediction:
        """Climates of planets given by parameters (N, 9) and start (N,; 0 warm, 1 cold)."""
        model.eval()
        parts = []
        for begin in range(0, len(parameters), batch_size):
            chosen = slice(begin, begin + batch_size)
            features = {
                name: value.to(device) for name, value in self.prepare(parameters[chosen], start[chosen]).items()
            }
            parts.append(self._predict_batch(model, features))
        return _join(parts)

    def _predict_batch(self, model: nn.Module, features: dict[str, Tensor]) -> dict[str, np.ndarray]:
        probability = torch.softmax(model.regime_logits(features).float(), dim=-1).mean(dim=0)  # type: ignore[operator]
        regime = probability.argmax(dim=1)
        means, spreads = model.decode(features, regime)  # type: ignore[operator]
        mirrored = features["mirrored"]
        single = {"global_surface_temperature"}
        out = {f"mean:{name}": value if name in single else mirror(value, mirrored) for name, value in means.items()}
        out |= {f"std:{name}": value if name in single else mirror(value, mirrored) for name, value in spreads.items()}
        temperature = means["global_surface_temperature"]
        longwave = features["planck_a"] + PLANCK_B * (temperature - KELVIN)
        out["longwave"] = longwave
        out["ice"] = _ice_fraction(features["land_fraction"], means, regime)
        out["state"], out["probability"] = _states(
            probability, regime, longwave, PLANCK_B * spreads["global_surface_temperature"]
        )
        return {name: value.float().cpu().numpy() for name, value in out.items()}


def _normal_crps(target: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
    """Continuous ranked probability score of normal distributions (Gneiting & Raftery 2007, eq. 21), elementwise."""
    z = (target - mean) / spread
    density = torch.exp(-0.5 * z * z) / (2 * torch.pi) ** 0.5
    return spread * (z * torch.erf(z / 2**0.5) + 2 * density - torch.pi**-0.5)


def _ice_fraction(land_fraction: Tensor, means: dict[str, Tensor], regime: Tensor) -> Tensor:
    """Ice-covered share from the thresholds of the yearly maxima; none in the regime that has none."""
    land = (means["land_temperature_max"] <= _FREEZING_KELVIN).float().mean(dim=1)
    water = (means["water_temperature_max"] < _FREEZING_KELVIN).float().mean(dim=1)
    water = torch.where(regime == REGIMES.index("frozen"), torch.ones_like(water), water)
    ice = land_fraction * land + (1 - land_fraction) * water
    return torch.where(regime == REGIMES.index("open"), torch.zeros_like(ice), ice)


def _states(probability: Tensor, regime: Tensor, longwave: Tensor, spread: Tensor) -> tuple[Tensor, Tensor]:
    """State (N,) and its probability (N, 4) from the regimes; hot follows from the outgoing radiation."""
    hot = longwave >= HOT_LONGWAVE
    order = {"frozen": "snowball", "open": "ice_free", "partial": "partial_ice"}
    index = torch.tensor([STATES.index(order[name]) for name in REGIMES], device=regime.device)
    state = torch.where(hot, STATES.index("hot"), index[regime])
    share = 0.5 * (1 + torch.erf((longwave - HOT_LONGWAVE) / (spread * 2**0.5)))
    stated = torch.zeros(len(regime), len(STATES), device=regime.device)
    stated[:, index] = probability * (1 - share)[:, None]
    stated[:, STATES.index("hot")] = share
    return state, stated


def _join(parts: list[dict[str, np.ndarray]]) -> Prediction:
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    whole = "global_surface_temperature"
    return Prediction(
        fields={name[5:]: value for name, value in joined.items() if name.startswith("mean:") and name[5:] != whole},
        std={name[4:]: value for name, value in joined.items() if name.startswith("std:") and name[4:] != whole},
        state_probability=joined["probability"],
        state=joined["state"].astype(np.int64),
        global_surface_temperature=joined[f"mean:{whole}"],
        global_surface_temperature_std=joined[f"std:{whole}"],
        ice_fraction=joined["ice"],
        global_outgoing_longwave=joined["longwave"],
    )
