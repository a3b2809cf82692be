"""Training as users start it: data verified, device and memory checked, then the loop."""

from __future__ import annotations

import importlib
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from astrobio.core.console import say
from astrobio.core.errors import UsageError
from astrobio.core.paths import RUNS
from astrobio.training.config import TrainingConfig
from astrobio.training.refusal import TrainingRefused
from astrobio.training.registry import check_model


def data_loaders() -> ModuleType:
    """The module that opens real data.

    Raises
    ------
    TrainingRefused
        If it, or a library that it needs, is not installed; there is nothing that it falls back on.
    """
    try:
        return importlib.import_module("astrobio.training.data_loading")
    except ModuleNotFoundError as error:
        say(f"❌ CRITICAL: Failed to import data loaders: {error}")
        say("Training CANNOT proceed without real data.")
        say("NO DUMMY DATA FALLBACK AVAILABLE.")
        raise TrainingRefused("Training CANNOT proceed without real data.") from error


def new_run_name(model: str) -> str:
    """A name for a run that was given none: the model and the time, UTC."""
    return f"{model.removeprefix('rebuilt_')}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"


def train_model(
    config: TrainingConfig,
    run: str | None = None,
    store: str | Path | None = None,
    resume: bool = False,
    allow_declared: bool = False,
    flash_attention: bool = False,
    runs: Path = RUNS,
    stop: threading.Event | None = None,
) -> Path:
    """Train one model on the store's real data; returns the run's folder.

    Parameters
    ----------
    config : TrainingConfig
        What and how.
    run : str, optional
        Name of the run's folder under ``runs``; with ``resume``, the latest run unless given.
    store : path, optional
        The store; see ``astrobio.core.paths.store_root``.
    allow_declared : bool
        Train on records whose origin only their user declares, too.
    flash_attention : bool
        Asked for by users of the language model; said plainly where it does nothing.
    stop : threading.Event, optional
        Set from another thread, it lets training save its state and end.

    Raises
    ------
    RuntimeError
        Without real data.
    UsageError
        If the model, the configuration or the device is not there.
    """
    check_model(config.model)
    loading = data_loaders()
    storage, pack = loading.verified_pack(config, store, allow_declared)
    loading.announce_loaders(pack, config)
    from astrobio.training.runs import latest_run
    from astrobio.training.trainer import train

    _announce_device(config)
    if flash_attention:
        say("   Flash attention: not used, the datacube CNN has no attention")
    if run is not None and (not run or Path(run).name != run or run in (".", "..")):
        raise UsageError(f"--run is {run!r}; it names a folder under {runs} and must be a plain name")
    folder = latest_run(runs) if resume and run is None else runs / (run or new_run_name(config.model))
    say("🚀 Starting training...")
    lineage = {
        "store": str(storage.root),
        "assurance": storage.assurance_counts(pack.manifest.source),
        "declared_allowed": allow_declared,
    }
    best = train(config, pack, folder, resume=resume, lineage=lineage, stop=stop)
    say(f"Best checkpoint: {best}")
    say(f"Next: astrobio evaluate {folder}")
    return folder


def _announce_device(config: TrainingConfig) -> None:
    """Device, preset, and whether the memory suffices, before anything is trained.

    Raises
    ------
    UsageError
        If the device's free memory is below what training needs.
    """
    import torch

    from astrobio.training.registry import make_task
    from astrobio.training.trainer import choose_device, default_preset

    device = choose_device(config.device)
    preset = config.preset or default_preset(device)
    with torch.device("meta"):
        model = make_task(config.model, preset, config.model_options).build()
    parameters = sum(item.numel() for item in model.parameters())
    # Weights, their average, gradients and two moments, in single precision; activations come on top.
    needed = 5 * 4 * parameters / 2**30
    hint = "" if config.preset else " (the size taken when none is asked for; --preset names another)"
    say(f"   Device: {device}, preset {preset}{hint}, {parameters / 1e6:.2f} million parameters")
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0] / 2**30
        say(f"   GPU memory: {free:.1f} GiB free, at least {needed:.2f} GiB needed for weights and optimiser")
        if needed > free:
            raise UsageError(f"{preset} needs at least {needed:.1f} GiB of GPU memory, and {free:.1f} GiB are free",
                             fix="a smaller --preset")  # fmt: skip
    else:
        say(f"   Memory for weights and optimiser: {needed:.2f} GiB")
