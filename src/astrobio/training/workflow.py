"""A model from data to evaluation, and several models as one plan; on real data only."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from astrobio.core.console import say
from astrobio.core.errors import EXIT_DONE
from astrobio.training.config import load_config
from astrobio.training.registry import check_model
from astrobio.training.unified import train_model


def run_workflow(model: str, config: str | None = None, store: str | None = None, run: str | None = None) -> Path:
    """Verify the data, train the model, and say how to evaluate it; returns the run's folder.

    Raises
    ------
    RuntimeError
        Without real data.
    UsageError
        If the model is not part of this version.
    """
    check_model(model)
    return train_model(load_config(config, {"model": model}), run, store)


def run_plan(models: Sequence[str], config: str | None = None, store: str | None = None) -> list[Path]:
    """Train several models one after the other; every name is checked before the first is trained.

    Raises
    ------
    RuntimeError, UsageError
        As :func:`run_workflow`.
    """
    for model in models:
        check_model(model)
    folders = []
    for number, model in enumerate(models, 1):
        say(f"Model {number}/{len(models)}: {model}")
        folders.append(run_workflow(model, config, store))
    return folders


def _parser(text: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("--config", help="YAML file of a recipe")
    parser.add_argument("--store", help="folder of the store")
    return parser


def workflow_main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of ``training/enhanced_training_workflow.py``; returns the exit code."""
    from astrobio.core.command import run_command

    parser = _parser("Train one model: data verified, trained, ready to evaluate.")
    parser.add_argument("--model", default="rebuilt_datacube_cnn")
    parser.add_argument("--run", help="name of the run's folder")
    options = parser.parse_args(arguments)

    def call() -> int:
        run_workflow(options.model, options.config, options.store, options.run)
        return EXIT_DONE

    return run_command(call)


def orchestrator_main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of ``training/enhanced_training_orchestrator.py``; returns the exit code."""
    from astrobio.core.command import run_command

    parser = _parser("Train several models as one plan.")
    parser.add_argument("--models", nargs="+", default=["rebuilt_datacube_cnn"])
    options = parser.parse_args(arguments)

    def call() -> int:
        run_plan(options.models, options.config, options.store)
        return EXIT_DONE

    return run_command(call)
