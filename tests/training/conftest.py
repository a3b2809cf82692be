"""A small network, and a run of it that nothing interrupted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from astrobio.datasets.pack import Pack
from astrobio.training.config import TrainingConfig

SMALL = {"channels": 8, "levels": 1, "trunk_width": 16, "trunk_depth": 1, "members": 2, "dropout": 0.2}


@pytest.fixture(scope="session")
def config() -> Callable[..., TrainingConfig]:
    """Configurations of the small network: 44 training samples in 6 steps an epoch, with dropout."""

    def make(**changes: Any) -> TrainingConfig:
        values: dict[str, Any] = {
            "preset": "tiny", "model_options": SMALL, "batch_size": 8, "max_epochs": 2, "warmup_steps": 3,
            "device": "cpu", "seed": 5, "ema_decay": 0.9, "threads": 1, "keep_checkpoints": 0,
        }  # fmt: skip
        return TrainingConfig(**values | changes)

    return make


@pytest.fixture(scope="session")
def pack(small_pack: Path) -> Pack:
    """The pack of the 66 runs, opened."""
    return Pack.open(small_pack)
