"""The names and flags of the user's documentation, on top of the package."""

from __future__ import annotations

import argparse
import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from astrobio.core.errors import EXIT_DONE, UsageError
from astrobio.training.config import TrainingConfig, load_config
from astrobio.training.registry import ANNOUNCED, check_model
from astrobio.training.unified import train_model

_CLASSES = {
    "RebuiltLLMIntegration": "rebuilt_llm_integration",
    "RebuiltMultimodalIntegration": "rebuilt_multimodal_integration",
}


def unavailable(name: str, module: str) -> Exception:
    """The error for a name that a module does not hold: plain about models that are not part of this version."""
    if name in _CLASSES:
        return ImportError(f"{name}: {ANNOUNCED[_CLASSES[name]]} is not part of this version; RebuiltDatacubeCNN is")
    return AttributeError(f"module {module!r} has no attribute {name!r}")


class RebuiltDatacubeCNN:
    """The datacube CNN under its documented name: planet parameters to climate fields.

    Parameters
    ----------
    preset : str
        ``tiny``, ``small``, ``base`` or ``large``.
    **options
        Single options of ``astrobio.models.datacube_cnn.config.DatacubeCNNConfig``.

    Raises
    ------
    UsageError
        If the preset or an option does not exist.
    """

    name = "rebuilt_datacube_cnn"

    def __init__(self, preset: str = "tiny", **options: Any) -> None:
        from astrobio.training.registry import make_task

        self.task = make_task(self.name, preset, options)
        self.model = self.task.build()

    def training_loss(self, batch: dict[str, Any]) -> Any:
        """Loss of a batch of a training loader; call ``backward`` on it."""
        self.model.train()
        loss, _ = self.task.loss(self.model, batch)
        return loss

    def predict(self, parameters: Any, start: Any) -> Any:
        """Climates of planets, as ``astrobio.models.prediction.Prediction``."""
        return self.task.predict(self.model, parameters, start)


async def run_unified_training(model_name: str, **options: Any) -> Path:
    """Train a model with its documented defaults; returns the run's folder.

    Parameters
    ----------
    model_name : str
        ``rebuilt_datacube_cnn`` in this version.
    **options
        ``run``, ``store``, ``resume``, ``allow_declared``, ``config`` (a YAML file), and keys of
        ``astrobio.training.config.TrainingConfig``.

    Raises
    ------
    RuntimeError
        Without real data.
    UsageError
        If the model is not part of this version, or an option does not exist.
    """
    check_model(model_name)
    own = {name: options.pop(name) for name in ("run", "store", "resume", "allow_declared") if name in options}
    config = load_config(options.pop("config", None), options | {"model": model_name})
    stop = threading.Event()
    try:
        # The loop computes for long and waits for nothing: a thread keeps the caller's event loop alive.
        return await asyncio.to_thread(train_model, config, stop=stop, **own)
    except asyncio.CancelledError:
        stop.set()  # the thread saves its state; asyncio.run waits for it
        raise


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Train a model on real data.",
        epilog="example:\n  python train_unified_sota.py --model rebuilt_datacube_cnn --batch_size 64 --max_epochs 6",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    text: dict[str, str] = {
        "--model": "rebuilt_datacube_cnn (the others are not part of this version)",
        "--config": "YAML file of a recipe",
        "--preset": "size: tiny (default on a CPU), small (on a GPU), base, large",
        "--split": "random or boxes",
        "--run": "name of the run's folder",
        "--store": "folder of the store",
        "--device": "auto, cpu, cuda, mps",
    }
    for flag, words in text.items():
        parser.add_argument(flag, help=words)
    for flag in ("--batch_size", "--max_epochs", "--seed", "--planets", "--patience", "--accumulate", "--workers"):
        parser.add_argument(flag, type=int)
    parser.add_argument("--learning_rate", type=float)
    switches = {
        "--use_flash_attention": "for models with attention",
        "--use_mixed_precision": "bfloat16 where the device computes in it",
        "--compile": "torch.compile the network",
        "--resume": "go on from the newest checkpoint of the run",
        "--allow-declared": "train on records whose origin is only declared, too",
    }
    for flag, words in switches.items():
        parser.add_argument(flag, action="store_true", help=words)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change any key of the recipe")
    return parser


def train_main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of ``train_unified_sota.py``; returns the exit code."""
    from astrobio.core.command import run_command

    options = _parser().parse_args(arguments)
    return run_command(lambda: _train(options))


def _train(options: argparse.Namespace) -> int:
    given = {name: getattr(options, name, None) for name in TrainingConfig.__dataclass_fields__}
    # A switch that is not given leaves the recipe as it is; a number that is given counts, also if it is 0.
    changes = {name: value for name, value in given.items() if value is not None and value is not False}
    for item in options.set:
        key, sign, value = item.partition("=")
        if not sign:
            raise UsageError(f"--set {item}: expected KEY=VALUE")
        changes[key] = value
    config = load_config(options.config, changes)
    train_model(config, options.run, options.store, options.resume, options.allow_declared, options.use_flash_attention)
    return EXIT_DONE
