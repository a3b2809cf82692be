"""Models that can be trained, by the names that users give them. A new model is one module and one line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from astrobio.core.errors import UsageError

MODELS = ("rebuilt_datacube_cnn",)
"""Models that this version trains."""

ANNOUNCED = {
    "rebuilt_llm_integration": "the language model",
    "rebuilt_multimodal_integration": "the multimodal model",
}
"""Names that users know from the documentation and that this version does not hold."""


def _datacube_cnn(preset_name: str, options: dict[str, Any]) -> Any:
    from astrobio.models.datacube_cnn.config import preset
    from astrobio.models.datacube_cnn.task import DatacubeCNNTask

    return DatacubeCNNTask(preset(preset_name, **options))


_TASKS: dict[str, Callable[[str, dict[str, Any]], Any]] = {"rebuilt_datacube_cnn": _datacube_cnn}


def check_model(name: str) -> None:
    """Raise UsageError unless ``name`` is a model that this version trains.

    >>> check_model("rebuilt_datacube_cnn")
    """
    if name in ANNOUNCED:
        raise UsageError(
            f"{name}: {ANNOUNCED[name]} is not part of this version; it trains {', '.join(MODELS)}",
            fix="python train_unified_sota.py --model rebuilt_datacube_cnn",
        )
    if name not in _TASKS:
        raise UsageError(f"there is no model {name!r}; known are {', '.join((*MODELS, *ANNOUNCED))}")


def make_task(name: str, preset_name: str, options: dict[str, Any]) -> Any:
    """The task of a model: its inputs, loss and predictions, and the builder of its network.

    Raises
    ------
    UsageError
        If the model, the preset or an option does not exist.
    """
    check_model(name)
    return _TASKS[name](preset_name, options)
