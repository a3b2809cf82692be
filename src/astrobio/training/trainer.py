"""One training loop for all models.

The loop asks a task (``training.registry``) for a network, for inputs and for a loss, and knows nothing else
of the model. All state that a resume needs is in :class:`TrainingState`; N steps and k + (N - k) steps give
the same bits on a CPU.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from astrobio import __version__
from astrobio.core.console import say
from astrobio.core.errors import EXIT_INTERRUPTED, AstrobioError, DataMissing, RefusedInput, UsageError
from astrobio.datasets.loader import Loader
from astrobio.datasets.pack import Pack
from astrobio.training import checkpoint
from astrobio.training.config import FREE_KEYS, TrainingConfig
from astrobio.training.registry import make_task


class Interrupted(AstrobioError):
    """Training was asked to stop; it saved a checkpoint first."""

    exit_code = EXIT_INTERRUPTED


class Diverged(AstrobioError):
    """The loss is no longer finite."""


@dataclass
class TrainingState:
    """Where a run stands, beside its weights, optimiser and random state."""

    step: int = 0
    epoch: int = 0
    position: int = 0
    best_loss: float = math.inf
    epochs_without_gain: int = 0
    loss_sum: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)


def choose_device(name: str) -> torch.device:
    """The device that ``name`` asks for; ``auto`` takes CUDA, then MPS, then the CPU.

    Raises
    ------
    UsageError
        If the device is not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"device {name!r} is not one that PyTorch knows") from error
    missing_cuda = device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()
    if missing_cuda or (device.type == "mps" and not torch.backends.mps.is_available()):
        raise UsageError(f"device {name} is not available on this machine", fix="training with --device cpu")
    return device


def default_preset(device: torch.device) -> str:
    """The size that is trained when none is asked for: ``tiny`` on a CPU, ``small`` on a GPU."""
    return "tiny" if device.type == "cpu" else "small"


def learning_rate_at(step: int, total: int, config: TrainingConfig) -> float:
    """Learning rate of optimiser step ``step`` of ``total``: linear warm-up, then a cosine to the final rate.

    >>> learning_rate_at(100, 100, TrainingConfig(warmup_steps=10)) == TrainingConfig().final_learning_rate
    True
    """
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    share = min(1.0, (step - config.warmup_steps) / max(1, total - config.warmup_steps))
    span = config.learning_rate - config.final_learning_rate
    return config.final_learning_rate + span * 0.5 * (1 + math.cos(math.pi * share))


class Trainer:
    """Trains one model on one pack into one run folder.

    Parameters
    ----------
    config : TrainingConfig
        What to train and how.
    pack : Pack
        The compiled training set.
    run : Path
        Folder of the run; made if it is not there.
    lineage : dict
        Facts that each checkpoint carries (store, assurance counts) beside the pack's digest.
    stop : threading.Event
        Set by a signal, or by whoever runs the loop in a thread: the state is saved and training ends.
    """

    def __init__(
        self,
        config: TrainingConfig,
        pack: Pack,
        run: Path,
        lineage: dict[str, Any] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self.config, self.pack, self.run = config, pack, run
        if config.threads:
            torch.set_num_threads(config.threads)
        self.device = choose_device(config.device)
        self.preset = config.preset or default_preset(self.device)
        self.task = make_task(config.model, self.preset, config.model_options)
        self.state = TrainingState()
        self.lineage = {"pack_digest": pack.digest, "pack_path": str(pack.path.absolute()), "split": config.split,
                        "package_version": __version__} | (lineage or {})  # fmt: skip
        self._seed()
        self.model: nn.Module = self.task.build().to(self.device)
        self.average = copy.deepcopy(self.model).requires_grad_(False) if config.ema_decay else None
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.step_model = torch.compile(self.model) if config.compile else self.model
        self.loaders = self._make_loaders()
        self.stop_signal: int | None = None
        self.stop = stop or threading.Event()

    # -- data ---------------------------------------------------------------------------------------------
    def _make_loaders(self) -> dict[str, Loader]:
        extra = self.task.prepare(self.pack.array("parameters")[:], self.pack.array("start")[:])
        loaders = {}
        for part in ("train", "validation"):
            limit = self.config.planets if part == "train" else None
            indices = self.pack.indices(self.config.split, part, limit_planets=limit)
            if len(indices) == 0:
                raise DataMissing(f"{part} data loader is empty.", fix="astrobio build planet_runs")
            loaders[part] = Loader(
                self.pack,
                indices,
                batch_size=self.config.batch_size,
                seed=self.config.seed,
                names=self.task.targets,
                shuffle=part == "train",
                workers=self.config.workers,
                extra=extra,
                pin_memory=self.device.type == "cuda",
            )
        return loaders

    @property
    def steps_per_epoch(self) -> int:
        """Batches of the training loader."""
        return len(self.loaders["train"])

    @property
    def optimiser_steps(self) -> int:
        """Changes of the weights over the whole run."""
        return self.config.max_epochs * math.ceil(self.steps_per_epoch / self.config.accumulate)

    # -- the loop -----------------------------------------------------------------------------------------
    def fit(self) -> Path:
        """Train to the end, or to a signal; returns the best checkpoint.

        Raises
        ------
        Interrupted
            After SIGTERM or SIGINT, once the state is saved.
        Diverged
            If the loss is not finite.
        """
        state, patience = self.state, self.config.patience
        with self._stopping_on_signals(), MetricsLog(self.run, state.step, state.epoch) as log:
            while state.epoch < self.config.max_epochs:
                if patience and state.epochs_without_gain >= patience:
                    say(f"Stopped early: no better validation loss for {patience} epochs.")
                    break
                self._train_epoch(log)
                self._finish_epoch(log)
        return self.run / "checkpoints" / "best.pt"

    def _train_epoch(self, log: MetricsLog) -> None:
        from tqdm import tqdm

        state, total = self.state, self.steps_per_epoch
        self.model.train()
        bar = tqdm(
            total=total,
            initial=state.position,
            desc=f"Epoch {state.epoch + 1}/{self.config.max_epochs}",
            file=sys.stdout,
            ascii=None if _can_show_blocks() else " #",
            mininterval=0.5 if sys.stdout.isatty() else 3600.0,
            maxinterval=10.0 if sys.stdout.isatty() else 3600.0,
        )
        with bar:
            for batch in self.loaders["train"].batches(state.epoch, start=state.position):
                loss, parts = self._train_step(batch)
                state.loss_sum += loss
                state.position += 1
                state.step += 1
                bar.update()
                if state.step % 50 == 0:
                    log.step(state.step, {"train_loss": loss} | parts)
                if self.stop.is_set():
                    self._save_and_stop()
                if state.step % self.config.checkpoint_every == 0 and state.position < total:
                    self.save(f"step_{state.step}.pt")

    def _train_step(self, batch: dict[str, Tensor]) -> tuple[float, dict[str, float]]:
        config, state = self.config, self.state
        batch = {name: value.to(self.device, non_blocking=True) for name, value in batch.items()}
        begin = state.position - state.position % config.accumulate
        end = min(begin + config.accumulate, self.steps_per_epoch)
        with self._precision():
            loss, parts = self.task.loss(self.step_model, batch)
        # Each sample of the group weighs the same, also those of a short last batch.
        samples = min(end * config.batch_size, len(self.loaders["train"].indices)) - begin * config.batch_size
        (loss * (len(next(iter(batch.values()))) / samples)).backward()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise Diverged(
                f"the loss is {value} at step {state.step}: {', '.join(f'{k} {float(v):g}' for k, v in parts.items())}",
                fix=f"a lower --learning_rate than {config.learning_rate:g}",
            )
        if state.position == end - 1:
            self._change_weights()
        return value, {name: float(part) for name, part in parts.items()}

    def _change_weights(self) -> None:
        config = self.config
        per_epoch = math.ceil(self.steps_per_epoch / config.accumulate)
        done = self.state.epoch * per_epoch + self.state.position // config.accumulate
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate_at(done, self.optimiser_steps, config)
        if config.gradient_clip:
            nn.utils.clip_grad_norm_(self.model.parameters(), config.gradient_clip)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        if self.average is not None:
            # Early weights are forgotten faster, so that short runs are not held at their start.
            decay = min(config.ema_decay, (1 + done) / (10 + done))
            with torch.no_grad():
                for kept, now in zip(self.average.parameters(), self.model.parameters(), strict=True):
                    kept.lerp_(now, 1 - decay)
                for stored, current in zip(self.average.buffers(), self.model.buffers(), strict=True):
                    stored.copy_(current)

    def _finish_epoch(self, log: MetricsLog) -> None:
        state = self.state
        train_loss = state.loss_sum / state.position
        validation = self.validate()
        if not math.isfinite(validation["val_loss"]):
            raise Diverged(f"the validation loss is {validation['val_loss']} after epoch {state.epoch + 1}",
                           fix=f"a lower --learning_rate than {self.config.learning_rate:g}")  # fmt: skip
        rate = self.optimiser.param_groups[0]["lr"]
        state.epoch, state.position, state.loss_sum = state.epoch + 1, 0, 0.0
        gained = validation["val_loss"] < state.best_loss
        state.best_loss = min(state.best_loss, validation["val_loss"])
        state.epochs_without_gain = 0 if gained else state.epochs_without_gain + 1
        row = {"epoch": state.epoch, "step": state.step, "train_loss": train_loss, "learning_rate": rate} | validation
        state.history.append(row)
        log.epoch(row)
        say(f"   Train Loss: {train_loss:.4f}, Val Loss: {validation['val_loss']:.4f}")
        say(f"   Learning Rate: {rate:.2e}")
        saved = self.save(f"epoch_{state.epoch}.pt")
        say(f"✅ Checkpoint saved: {self._link_epoch(saved)}")

    def _link_epoch(self, saved: Path) -> Path:
        """Give the checkpoint that ends an epoch its other names; returns the one that users know."""
        shown = self.run.parent / f"epoch_{self.state.epoch}.pt"
        others = [saved.with_name("last.pt"), shown]
        if self.state.epochs_without_gain == 0:
            others.append(saved.with_name("best.pt"))
        for other in others:
            checkpoint.link(saved, other)
        return shown

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Mean loss and its parts over the validation samples, with the averaged weights."""
        model = self.average if self.average is not None else self.model
        model.eval()
        sums: dict[str, float] = {}
        count = 0
        for batch in self.loaders["validation"].batches(0):
            batch = {name: value.to(self.device) for name, value in batch.items()}
            size = len(next(iter(batch.values())))
            with self._precision():
                loss, parts = self.task.loss(model, batch)
            for name, value in (parts | {"loss": loss}).items():
                sums[name] = sums.get(name, 0.0) + float(value) * size
            count += size
        return {f"val_{name}": value / count for name, value in sums.items()}

    def _precision(self) -> Any:
        wanted = self.config.use_mixed_precision and self.device.type == "cuda" and torch.cuda.is_bf16_supported()
        return torch.autocast("cuda", dtype=torch.bfloat16) if wanted else nullcontext()

    # -- state --------------------------------------------------------------------------------------------
    def _seed(self) -> None:
        torch.manual_seed(self.config.seed)
        random.seed(self.config.seed)

    def save(self, name: str) -> Path:
        """Write a checkpoint of the whole state into the run; older ones beyond the number kept go."""
        path = self.run / "checkpoints" / name
        content = {
            "model_name": self.task.name,
            "preset": self.preset,
            "model_config": dataclasses.asdict(self.task.config),
            "config": self.config.to_dict(),
            "config_digest": self.config.digest(),
            "lineage": self.lineage,
            "step": self.state.step,
            "state": vars(self.state),
            "model": self.model.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "gradients": {name: one.grad for name, one in self.model.named_parameters() if one.grad is not None},
            "random_state": _random_state(),
        }
        checkpoint.save(path, content)
        checkpoint.link(path, path.with_name("last.pt"))
        self._forget_old()
        return path

    def _forget_old(self) -> None:
        keep = self.config.keep_checkpoints
        folder = self.run / "checkpoints"
        numbered = [path for path in folder.glob("*_*.pt") if path.stem.split("_")[1].isdigit()]
        if not keep or len(numbered) <= keep:
            return
        for path in sorted(numbered, key=lambda item: item.stat().st_mtime_ns)[:-keep]:
            path.unlink(missing_ok=True)
            checkpoint.digest_path(path).unlink(missing_ok=True)

    def resume(self, path: Path) -> None:
        """Take up the state of a checkpoint.

        Raises
        ------
        RefusedInput
            If the checkpoint is of another model, configuration or pack.
        """
        state = checkpoint.load(path, self.task.name, str(self.device))
        if state["config_digest"] != self.config.digest():
            changed = [
                f"{name}: {state['config'].get(name)!r} then, {value!r} now"
                for name, value in self.config.to_dict().items()
                if state["config"].get(name) != value and name not in FREE_KEYS
            ]
            raise RefusedInput(f"{path} was trained with another configuration ({'; '.join(changed)})")
        if state["model_config"] != dataclasses.asdict(self.task.config):
            raise RefusedInput(f"{path} holds a network of another size: the preset {self.preset} has changed since",
                               fix="training anew under another --run")  # fmt: skip
        if state["lineage"]["pack_digest"] != self.pack.digest:
            raise RefusedInput(f"{path} was trained on another pack ({state['lineage']['pack_digest'][:16]}...)")
        self.model.load_state_dict(state["model"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        for name, parameter in self.model.named_parameters():  # of a group of batches that is not yet whole
            parameter.grad = state["gradients"].get(name)
        self.state = TrainingState(**state["state"])
        _restore_random_state(state["random_state"])
        if self.state.epoch and self.state.position == 0:  # the run may have been killed before it gave these names
            self._link_epoch(path)

    # -- signals ------------------------------------------------------------------------------------------
    @contextmanager
    def _stopping_on_signals(self) -> Iterator[None]:
        def note(number: int, _frame: object) -> None:
            self.stop_signal = number
            self.stop.set()

        try:
            before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
        except ValueError:  # not the main thread: whoever runs the loop there handles signals
            before = {}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _save_and_stop(self) -> None:
        path = self.save(f"step_{self.state.step}.pt")
        name = signal.Signals(self.stop_signal).name if self.stop_signal else "its caller"
        raise Interrupted(f"stopped by {name}; saved {path}", fix="the same command with --resume")


def _can_show_blocks() -> bool:
    try:
        "█".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _random_state() -> dict[str, Any]:
    state: dict[str, Any] = {"torch": torch.get_rng_state(), "python": _plain(random.getstate())}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def _restore_random_state(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["torch"].cpu())
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all([part.cpu() for part in state["cuda"]])


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


class MetricsLog:
    """``metrics.jsonl`` and TensorBoard events of a run.

    On resume, rows of steps that will be made again are dropped first.
    """

    def __init__(self, run: Path, step: int, epoch: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        run.mkdir(parents=True, exist_ok=True)
        self.path = run / "metrics.jsonl"
        if self.path.exists():
            lines = [line for line in self.path.read_bytes().splitlines(keepends=True) if _is_before(line, step, epoch)]
            checkpoint.write_whole(self.path, b"".join(lines))
        self.events = SummaryWriter(str(run / "tensorboard"), purge_step=step or None)
        self.begun = time.perf_counter()

    def __enter__(self) -> MetricsLog:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.events.close()

    def step(self, step: int, values: dict[str, float]) -> None:
        """Note the loss of a single step."""
        self._write({"step": step} | values, step)

    def epoch(self, row: dict[str, float]) -> None:
        """Note the figures of an epoch."""
        self._write(row | {"seconds": round(time.perf_counter() - self.begun, 2)}, int(row["step"]))

    def _write(self, row: dict[str, float], step: int) -> None:
        with open(self.path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
        for name, value in row.items():
            if name not in ("step", "epoch", "seconds"):
                self.events.add_scalar(name, value, step)


def _is_before(line: bytes, step: int, epoch: int) -> bool:
    try:
        row = json.loads(line)
        return int(row["step"]) <= step and int(row.get("epoch", 0)) <= epoch
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def train(
    config: TrainingConfig,
    pack: Pack,
    run: Path,
    resume: bool = False,
    lineage: dict[str, Any] | None = None,
    stop: threading.Event | None = None,
) -> Path:
    """Train a model into a run folder; returns the best checkpoint.

    Parameters
    ----------
    config, pack, run, lineage, stop
        As :class:`Trainer`.
    resume : bool
        Go on from the newest whole checkpoint of the run.

    Raises
    ------
    DataMissing
        If the training or validation part of the pack is empty, or there is nothing to resume.
    UsageError
        If the run exists and ``resume`` is not set, or the configuration is impossible here.
    """
    import yaml

    folder = run / "checkpoints"
    if not resume and folder.exists() and any(folder.glob("*.pt")):
        raise UsageError(f"the run {run} exists", fix="the same command with --resume, or with another --run name")
    trainer = Trainer(config, pack, run, lineage, stop)
    if resume:
        checkpoint.clean(folder)
        found = checkpoint.newest(folder)
        if found is None:
            raise DataMissing(f"{folder} holds no whole checkpoint", fix="the same command without --resume")
        trainer.resume(found)
        say(f"Resumed from {found} at step {trainer.state.step}")
    run.mkdir(parents=True, exist_ok=True)
    resolved = config.to_dict() | {"preset": trainer.preset}
    (run / "config.yaml").write_text(yaml.safe_dump(resolved, sort_keys=False), encoding="utf-8")
    return trainer.fit()
