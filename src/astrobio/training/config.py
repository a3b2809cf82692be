"""Configuration of a training run: typed, from YAML, changed on the command line, written whole into the run."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from astrobio.core.errors import UsageError
from astrobio.core.hashing import sha256_json

FREE_KEYS = ("checkpoint_every", "keep_checkpoints", "workers", "max_epochs", "patience")
"""Keys that may differ when a run is resumed."""


@dataclass(frozen=True)
class TrainingConfig:
    """What a run trains, on what, and how.

    Attributes
    ----------
    model, preset, model_options : str, str or None, dict
        The model's name, its size (``tiny`` on a CPU and ``small`` on a GPU unless given), and single options
        that differ from the preset.
    split : str
        ``random`` or ``boxes``.
    planets : int or None
        Train on the first so many planets only, for learning curves.
    batch_size, accumulate : int
        Samples in a step of the loop, and steps whose gradients are summed before the weights change.
    learning_rate, final_learning_rate : float
        Peak and end of the cosine decay.
    warmup_steps, max_epochs : int
        Steps of linear warm-up; passes over the training samples.
    weight_decay, gradient_clip : float
        AdamW's decay; largest norm of the gradient (0 leaves it as it is).
    ema_decay : float
        Decay of the running mean of the weights that validation, prediction and export use; 0 uses the last
        weights themselves.
    seed : int
        First weights, order of the samples, dropout.
    device : str
        ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
    use_mixed_precision : bool
        bfloat16 autocast where the device computes in it (CUDA of compute capability 8 and later).
    compile : bool
        ``torch.compile`` the network.
    patience : int
        Stop after so many epochs without a better validation loss; 0 never stops early.
    checkpoint_every : int
        Steps between checkpoints within an epoch; each epoch ends with one in any case.
    keep_checkpoints : int
        Epoch and step checkpoints that stay, the newest; 0 keeps all. ``best.pt`` and ``last.pt`` always stay.
    workers : int
        Threads that gather batches ahead of the loop; they do not change the order of samples.
    threads : int
        CPU threads of torch; 0 leaves torch's choice.
    """

    model: str = "rebuilt_datacube_cnn"
    preset: str | None = None
    model_options: dict[str, Any] = field(default_factory=dict)
    split: str = "random"
    planets: int | None = None
    batch_size: int = 128
    accumulate: int = 1
    learning_rate: float = 2e-3
    final_learning_rate: float = 1e-5
    warmup_steps: int = 200
    max_epochs: int = 30
    weight_decay: float = 0.01
    gradient_clip: float = 1.0
    ema_decay: float = 0.998
    seed: int = 0
    device: str = "auto"
    use_mixed_precision: bool = False
    compile: bool = False
    patience: int = 0
    checkpoint_every: int = 1000
    keep_checkpoints: int = 3
    workers: int = 0
    threads: int = 0

    def __post_init__(self) -> None:
        at_least_one = ("batch_size", "accumulate", "max_epochs", "checkpoint_every")
        not_negative = ("warmup_steps", "weight_decay", "gradient_clip", "patience", "keep_checkpoints", "workers",
                        "threads", "final_learning_rate", "seed")  # fmt: skip
        for name in at_least_one:
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}; it must be at least 1")
        for name in not_negative:
            if getattr(self, name) < 0:
                raise UsageError(f"{name} is {getattr(self, name)}; it must not be negative")
        if not 0 < self.learning_rate < 1:
            raise UsageError(f"learning_rate is {self.learning_rate}; it must lie between 0 and 1")
        if not 0 <= self.ema_decay < 1:
            raise UsageError(f"ema_decay is {self.ema_decay}; it must be in [0, 1)")
        if self.seed >= 2**63:
            raise UsageError(f"seed is {self.seed}; it must be below 2**63")
        if self.split not in ("random", "boxes"):
            raise UsageError(f"split is {self.split!r}; choose random or boxes")
        if self.planets is not None and self.planets < 1:
            raise UsageError(f"planets is {self.planets}; it must be at least 1")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as they are written to ``config.yaml``."""
        return dataclasses.asdict(self)

    def digest(self) -> str:
        """Hash of all that decides the numbers of a run (FREE_KEYS left out)."""
        return sha256_json({name: value for name, value in self.to_dict().items() if name not in FREE_KEYS})


def load_config(path: str | Path | None = None, overrides: dict[str, Any] | None = None) -> TrainingConfig:
    """Configuration from a YAML file, with single values changed.

    Raises
    ------
    UsageError
        If the file cannot be read, a key is unknown, or a value has the wrong type or is impossible.

    >>> load_config(None, {"batch_size": 16}).batch_size
    16
    """
    values: dict[str, Any] = {}
    if path is not None:
        values = _read_yaml(Path(path))
    values |= {name: value for name, value in (overrides or {}).items() if value is not None}
    hints = typing.get_type_hints(TrainingConfig)
    unknown = sorted(str(name) for name in values if name not in hints)
    if unknown:
        known = ", ".join(hints)
        raise UsageError(f"unknown key of the training configuration: {', '.join(unknown)}; known are {known}")
    return TrainingConfig(**{name: _typed(name, value, hints[name]) for name, value in values.items()})


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the configuration {path}: {error.strerror}", fix="ls configs/") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise UsageError(f"{path} must hold keys and values, and holds {type(values).__name__}")
    return values


def _typed(name: str, value: Any, hint: Any) -> Any:
    """``value`` as the field's type; a text from the command line is read as a number where one is wanted."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    for option in options:
        if option is type(None):
            if value is None or value == "none":
                return None
        elif option is bool:
            if isinstance(value, bool):
                return value
            if isinstance(value, str) and value.lower() in ("true", "false"):
                return value.lower() == "true"
        elif option in (int, float):
            if (number := _number(value, option)) is not None:
                return number
        elif isinstance(value, typing.get_origin(option) or option):
            return value
    expected = " or ".join(getattr(option, "__name__", str(option)) for option in options)
    raise UsageError(f"{name} is {value!r}; expected {expected}")


def _number(value: Any, wanted: type) -> int | float | None:
    """A finite number of the type, or None; whole numbers keep all their digits."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
        if wanted is float:
            return number if math.isfinite(number) else None
        if isinstance(value, int):
            return value
        return int(number) if number == int(number) else None
    except (ValueError, OverflowError):
        return None
