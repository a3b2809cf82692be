"""Configuration of the datacube CNN, and its sizes by name."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from math import isfinite

from astrobio.core.errors import UsageError


@dataclass(frozen=True)
class DatacubeCNNConfig:
    """Size and options of the network.

    Attributes
    ----------
    channels : int
        Feature channels at full resolution; each coarser level has twice as many, up to four times.
    blocks : int
        Residual blocks at each level, on the way down and on the way up.
    levels : int
        Resolutions, each half of the one before along every axis.
    trunk_width, trunk_depth : int
        Width and residual layers of the perceptrons that read parameters and latitude profiles.
    members : int
        Independent perceptrons whose probabilities of the climate's regime are averaged.
    dropout : float
        Share of features dropped in the perceptrons while training.
    energy_weight : float
        Weight of the squared global imbalance (absorbed minus outgoing, in units of 10 W m-2) in the loss;
        0 leaves it out.
    regime_weight, partial_weight : float
        Weight of the regime's cross-entropy, and of the field loss of planets with partial ice, of which the
        ensemble has few and on which the ice edge depends.
    """

    channels: int = 16
    blocks: int = 1
    levels: int = 3
    trunk_width: int = 192
    trunk_depth: int = 2
    members: int = 3
    dropout: float = 0.0
    energy_weight: float = 0.0
    regime_weight: float = 1.0
    partial_weight: float = 4.0

    def __post_init__(self) -> None:
        for item in fields(self):
            value, whole = getattr(self, item.name), item.type == "int"
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not isfinite(value):
                wanted = "a whole number" if whole else "a number"
                raise UsageError(f"model.{item.name} is {value!r}; it must be {wanted}")
        for name in ("channels", "blocks", "levels", "trunk_width", "trunk_depth", "members"):
            if getattr(self, name) < 1:
                raise UsageError(f"model.{name} is {getattr(self, name)}; it must be at least 1")
        if self.channels % 8:
            raise UsageError(f"model.channels is {self.channels}; it must be a multiple of 8 for group normalisation")
        if self.levels > 3:
            raise UsageError(f"model.levels is {self.levels}; twelve seasons can be halved only twice, so at most 3")
        if not 0 <= self.dropout < 1:
            raise UsageError(f"model.dropout is {self.dropout}; it must be in [0, 1)")
        for name in ("energy_weight", "regime_weight", "partial_weight"):
            if getattr(self, name) < 0:
                raise UsageError(f"model.{name} is {getattr(self, name)}; it must not be negative")


PRESETS: dict[str, DatacubeCNNConfig] = {
    "tiny": DatacubeCNNConfig(),
    "small": DatacubeCNNConfig(channels=48, blocks=2, trunk_width=384, trunk_depth=3, members=4),
    "base": DatacubeCNNConfig(channels=96, blocks=3, trunk_width=768, trunk_depth=4, members=5),
    "large": DatacubeCNNConfig(channels=192, blocks=4, trunk_width=1536, trunk_depth=6, members=8),
}


def preset(name: str, **changes: object) -> DatacubeCNNConfig:
    """The configuration of a named size, with changes.

    Raises
    ------
    UsageError
        If there is no such size, option or value.

    >>> preset("tiny", channels=32).channels
    32
    """
    if name not in PRESETS:
        raise UsageError(f"there is no preset {name!r} of the datacube CNN; choose one of {', '.join(PRESETS)}")
    unknown = sorted(str(key) for key in changes if key not in PRESETS[name].__dataclass_fields__)
    if unknown:
        known = ", ".join(PRESETS[name].__dataclass_fields__)
        raise UsageError(f"unknown option of the datacube CNN: {', '.join(unknown)}; known are {known}")
    return replace(PRESETS[name], **changes)  # type: ignore[arg-type]
