"""Runs: their folders, and the predictor that a trained run gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from astrobio.core.errors import DataMissing, IntegrityError, RefusedInput
from astrobio.core.hashing import sha256_bytes
from astrobio.core.paths import RUNS, pack_folder, store_root
from astrobio.datasets.pack import MANIFEST, Pack, build_command
from astrobio.models.prediction import Prediction
from astrobio.training import checkpoint
from astrobio.training.config import TrainingConfig
from astrobio.training.registry import make_task


def latest_run(runs: Path = RUNS) -> Path:
    """The run whose checkpoint is newest.

    Raises
    ------
    DataMissing
        If there is none.
    """
    found = [path for path in runs.glob("*/checkpoints/last.pt") if path.is_file()]
    if not found:
        raise DataMissing(
            f"there is no trained run in {runs}", fix="python train_unified_sota.py --model rebuilt_datacube_cnn"
        )
    return max(found, key=lambda path: path.stat().st_mtime_ns).parents[1]


@dataclass
class Predictor:
    """A trained model, ready to predict.

    Attributes
    ----------
    run, checkpoint_path : Path
        Where it comes from.
    checkpoint_digest : str
        SHA-256 of the checkpoint.
    config : TrainingConfig
        How it was trained.
    preset : str
        Its size.
    lineage : dict
        What it was trained on.
    """

    run: Path
    checkpoint_path: Path
    checkpoint_digest: str
    config: TrainingConfig
    preset: str
    lineage: dict[str, Any]
    epoch: int
    step: int
    task: Any
    model: Any

    def predict(self, parameters: np.ndarray, start: np.ndarray, batch_size: int = 256) -> Prediction:
        """Climates of planets given by parameters (N, 9) and starts (N,; 0 warm, 1 cold)."""
        device = str(next(self.model.parameters()).device)
        return self.task.predict(self.model, parameters, start, batch_size, device)

    def pack(self, store: str | Path | None = None) -> Pack:
        """The pack that the model was trained on, verified; see :func:`trained_pack`."""
        pack = trained_pack(self.lineage, store)
        pack.verify()
        return pack

    @property
    def parameter_count(self) -> int:
        """Numbers that training fits."""
        return sum(parameter.numel() for parameter in self.model.parameters())


def trained_pack(lineage: dict[str, Any], store: str | Path | None = None) -> Pack:
    """The pack that a checkpoint names: where it was built, else in the store; its files are not hashed yet.

    Raises
    ------
    DataMissing
        If it is in neither place.
    IntegrityError
        If the pack where it was built is not the one that the checkpoint names.
    """
    built = Path(lineage["pack_path"])
    held = pack_folder(store_root(store))
    places = [place for place in (built, held) if (place / MANIFEST).is_file()]
    for place in places:
        try:
            pack = Pack.open(place, verify=False)
        except RefusedInput as error:  # it was a pack's manifest when the checkpoint was made
            raise IntegrityError(error.message, fix=error.fix) from error
        if pack.digest == lineage["pack_digest"]:
            return pack
    wanted = f"the pack {lineage['pack_digest'][:16]}... that the checkpoint was trained on"
    if built in places:
        raise IntegrityError(f"{built} is not {wanted}", fix=build_command("planet_runs"))
    where = f"not in {built}" if built == held else f"neither in {built} nor in {held}"
    raise DataMissing(f"{wanted} is {where}", fix="the same command with --store DIR")


def find_checkpoint(path: Path, which: str = "best") -> Path:
    """The checkpoint of a run folder, or ``path`` itself if it is a checkpoint.

    Raises
    ------
    DataMissing
        If there is none.
    """
    if path.is_file():
        return path
    found = path / "checkpoints" / f"{which}.pt"
    if not found.is_file():
        raise DataMissing(f"{path} holds no checkpoint {which}.pt", fix="python train_unified_sota.py")
    return found


def load_predictor(run: str | Path, which: str = "best", device: str = "cpu") -> Predictor:
    """The model of a run folder or checkpoint file, with averaged weights where the run kept them.

    Raises
    ------
    DataMissing, IntegrityError, RefusedInput
        If there is no checkpoint, it has changed, or it is not one.
    """
    path = find_checkpoint(Path(run), which)
    state = checkpoint.load(path, device=device)
    config = TrainingConfig(**state["config"])
    task = make_task(state["model_name"], state["preset"], state["model_config"])
    model = task.build().to(device)
    model.load_state_dict(state["average"] or state["model"])
    folder = path.parents[1] if path.parent.name == "checkpoints" else path.parent
    return Predictor(
        run=folder,
        checkpoint_path=path,
        checkpoint_digest=sha256_bytes(path.read_bytes()),
        config=config,
        preset=state["preset"],
        lineage=state["lineage"],
        epoch=int(state["state"]["epoch"]),
        step=int(state["step"]),
        task=task,
        model=model.eval(),
    )
