"""The loop: exact when interrupted, careful with what it writes, and plain about what goes wrong."""

from __future__ import annotations

import errno
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from astrobio.core.errors import DataMissing, RefusedInput, UsageError
from astrobio.datasets.pack import MANIFEST, Pack
from astrobio.training import checkpoint
from astrobio.training.trainer import Diverged, Interrupted, Trainer, choose_device, learning_rate_at, train


class _Abort(BaseException):
    """Stands for a kill: nothing in the loop may catch it."""


def after_step(patch: pytest.MonkeyPatch, step: int, what) -> None:
    """Call ``what(trainer)`` once the given step of a run has been made."""
    real = Trainer._train_step

    def call(self, batch):
        found = real(self, batch)
        if self.state.step + 1 == step:
            what(self)
        return found

    patch.setattr(Trainer, "_train_step", call)


def terminate(_trainer: Trainer) -> None:
    signal.raise_signal(signal.SIGTERM)


def final(run: Path) -> dict:
    return checkpoint.load(run / "checkpoints" / "last.pt")


def assert_same(one: object, other: object, where: str = "") -> None:
    """Equal to the last bit, all the way down."""
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for name in one:
            assert_same(one[name], other[name], f"{where}/{name}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for place, (here, there) in enumerate(zip(one, other, strict=True)):
            assert_same(here, there, f"{where}/{place}")
    else:
        assert one == other, where


def assert_same_run(one: Path, other: Path) -> None:
    first, second = final(one), final(other)
    free = {"config", "lineage"}
    assert_same({k: v for k, v in first.items() if k not in free}, {k: v for k, v in second.items() if k not in free})
    best, same = (checkpoint.load(run / "checkpoints" / "best.pt") for run in (one, other))
    assert_same(best["model"], same["model"])
    assert epochs(one) == epochs(other)


def rows(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def epochs(run: Path) -> list[dict]:
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows(run) if "epoch" in row]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, config, pack):
    """Runs that nothing interrupts, one for each number of batches whose gradients are summed."""
    made: dict[int, Path] = {}

    def get(accumulate: int) -> Path:
        if accumulate not in made:
            made[accumulate] = tmp_path_factory.mktemp("whole") / "run"
            train(config(accumulate=accumulate), pack, made[accumulate])
        return made[accumulate]

    return get


@pytest.mark.parametrize("accumulate", [1, 4])
@pytest.mark.parametrize("stop", [1, 5, 6, 8, 12])
def test_steps_after_an_interruption_are_those_without_it_to_the_last_bit(
    tmp_path, config, pack, uninterrupted, accumulate, stop
):
    run = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        after_step(patch, stop, terminate)
        with pytest.raises(Interrupted):
            train(config(accumulate=accumulate), pack, run)
    assert final(run)["step"] == stop
    torch.rand(17)
    random.random()
    train(config(accumulate=accumulate), pack, run, resume=True)
    assert_same_run(run, uninterrupted(accumulate))


def test_several_interruptions_and_threads_that_gather_change_nothing(tmp_path, config, pack, uninterrupted):
    run = tmp_path / "run"
    for turn, stop in enumerate((3, 4, 9)):
        with pytest.MonkeyPatch.context() as patch:
            after_step(patch, stop, terminate)
            with pytest.raises(Interrupted):
                train(config(accumulate=4, workers=turn), pack, run, resume=turn > 0)
    train(config(accumulate=4, workers=3), pack, run, resume=True)
    assert_same_run(run, uninterrupted(4))


def test_the_same_seed_gives_the_same_run_and_another_seed_another(tmp_path, config, pack, uninterrupted):
    train(config(), pack, tmp_path / "again")
    assert_same_run(tmp_path / "again", uninterrupted(1))
    train(config(seed=6, max_epochs=1), pack, tmp_path / "other")
    weight = next(iter(final(tmp_path / "other")["model"]))
    assert not torch.equal(final(tmp_path / "other")["model"][weight], final(uninterrupted(1))["model"][weight])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_names_the_command_that_goes_on(tmp_path, config, pack, number):
    handlers = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)]
    with pytest.MonkeyPatch.context() as patch:
        after_step(patch, 2, lambda _: signal.raise_signal(number))
        with pytest.raises(Interrupted, match=f"stopped by {number.name}; saved .*step_2.pt\nRun: .* --resume") as seen:
            train(config(), pack, tmp_path / "run")
    assert seen.value.exit_code == 130
    assert checkpoint.load(tmp_path / "run" / "checkpoints" / "step_2.pt")["step"] == 2
    assert [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)] == handlers


_KILLED = """
import json, os, sys
from contextlib import redirect_stdout
from pathlib import Path
from astrobio.datasets.pack import Pack
from astrobio.training.config import TrainingConfig
from astrobio.training.trainer import train
real, count = os.fsync, 0
def fsync(handle):
    global count
    count += 1
    if count == int(sys.argv[4]):
        print("here", file=sys.__stdout__, flush=True)
        sys.stdin.read()
    real(handle)
os.fsync = fsync
with redirect_stdout(sys.stderr):
    train(TrainingConfig(**json.loads(sys.argv[1])), Pack.open(sys.argv[2]), Path(sys.argv[3]))
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is of POSIX systems")
def test_a_kill_while_a_checkpoint_is_written_loses_nothing_before_it(tmp_path, config, pack, uninterrupted):
    run = tmp_path / "run"
    chosen = config(accumulate=4, checkpoint_every=5)
    # step_5.pt and last.pt sync five files; the seventh is the content of epoch_1.pt.
    arguments = [json.dumps(chosen.to_dict()), str(pack.path), str(run), "7"]
    command = [sys.executable, "-c", _KILLED, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "here\n"
        child.send_signal(signal.SIGKILL)
    folder = run / "checkpoints"
    assert len(list(folder.glob(".epoch_1.pt.*.partial"))) == 1
    assert not (folder / "epoch_1.pt").exists()
    assert checkpoint.newest(folder).name == "step_5.pt"
    train(chosen, pack, run, resume=True)
    assert_same_run(run, uninterrupted(4))
    assert list(folder.glob(".*")) == []


def _aborting_at(patch: pytest.MonkeyPatch, place: int) -> list[str]:
    calls: list[str] = []
    for name in ("fsync", "replace", "link"):
        real = getattr(os, name)

        def call(*arguments, real=real, name=name):
            calls.append(name)
            if len(calls) == place:
                raise _Abort
            return real(*arguments)

        patch.setattr(os, name, call)
    return calls


def test_an_abort_at_any_write_leaves_a_run_that_goes_on_to_the_same_end(tmp_path, config, pack):
    chosen = config(max_epochs=1, batch_size=16, checkpoint_every=2)
    with pytest.MonkeyPatch.context() as patch:
        calls = _aborting_at(patch, 10**9)
        train(chosen, pack, tmp_path / "whole" / "run")
    assert len(calls) > 25
    named = sorted(path.name for path in (tmp_path / "whole" / "run" / "checkpoints").iterdir())
    for place in range(8, len(calls) + 1, 3):  # from the first checkpoint that is whole
        run = tmp_path / f"at{place}" / "run"
        with pytest.MonkeyPatch.context() as patch:
            _aborting_at(patch, place)
            with pytest.raises(_Abort):
                train(chosen, pack, run)
        train(chosen, pack, run, resume=True)
        assert_same_run(run, tmp_path / "whole" / "run")
        assert sorted(path.name for path in (run / "checkpoints").iterdir()) == named
        assert checkpoint.load(run.parent / "epoch_1.pt")["step"] == 3


def test_a_full_disk_while_saving_leaves_the_older_checkpoint_usable(tmp_path, config, pack, uninterrupted):
    run = tmp_path / "run"
    real, count = os.fsync, 0

    def fsync(handle: int) -> None:
        nonlocal count
        count += 1
        if count > 12:  # while the second epoch is saved
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(checkpoint.NotSaved, match="epoch_2.pt cannot be written: No space left on device"):
            train(config(), pack, run)
    assert checkpoint.load(run / "checkpoints" / "last.pt")["state"]["epoch"] == 1
    train(config(), pack, run, resume=True)
    assert_same_run(run, uninterrupted(1))


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before_it(tmp_path, config, pack, uninterrupted):
    run = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        after_step(patch, 9, terminate)
        with pytest.raises(Interrupted):
            train(config(), pack, run)
    content = bytearray((run / "checkpoints" / "step_9.pt").read_bytes())
    content[len(content) // 2] ^= 1
    (run / "checkpoints" / "step_9.pt").write_bytes(content)
    (run / "checkpoints" / "last.pt").write_bytes(content)
    train(config(), pack, run, resume=True)
    assert_same_run(run, uninterrupted(1))


def test_checkpoints_come_each_epoch_and_every_so_many_steps(tmp_path, config, pack):
    best = train(config(checkpoint_every=4), pack, tmp_path / "run")
    folder = tmp_path / "run" / "checkpoints"
    names = {path.stem for path in folder.glob("*.pt")}
    assert names == {"step_4", "epoch_1", "step_8", "epoch_2", "last", "best"}
    for name, step in (("step_4", 4), ("epoch_1", 6), ("step_8", 8), ("epoch_2", 12), ("last", 12)):
        assert checkpoint.load(folder / f"{name}.pt")["step"] == step
    assert best == folder / "best.pt"
    losses = {row["epoch"]: row["val_loss"] for row in epochs(tmp_path / "run")}
    assert checkpoint.load(best)["state"]["epoch"] == min(losses, key=losses.__getitem__)
    for epoch in (1, 2):
        shown = tmp_path / f"epoch_{epoch}.pt"
        assert os.path.samefile(shown, folder / f"epoch_{epoch}.pt")
        assert torch.load(shown, weights_only=True)["state"]["epoch"] == epoch
        assert torch.load(shown, weights_only=True)["lineage"]["pack_digest"] == pack.digest


def test_only_the_newest_checkpoints_stay_and_the_best_and_the_last(tmp_path, config, pack):
    train(config(checkpoint_every=4, keep_checkpoints=2), pack, tmp_path / "run")
    folder = tmp_path / "run" / "checkpoints"
    assert {path.stem for path in folder.glob("*.pt")} == {"step_8", "epoch_2", "last", "best"}
    assert {path.name for path in folder.glob("*.sha256")} == {f"{path.name}.sha256" for path in folder.glob("*.pt")}
    for path in (*folder.glob("*.pt"), tmp_path / "epoch_1.pt", tmp_path / "epoch_2.pt"):
        checkpoint.verify(path)


def _scripted(patch: pytest.MonkeyPatch, losses: list[float]) -> None:
    """Validation losses that are given, so that what the loop makes of them can be seen."""
    patch.setattr(Trainer, "validate", lambda self: {"val_loss": losses[self.state.epoch]})


def test_training_stops_early_and_keeps_the_best(tmp_path, config, pack, monkeypatch, capsys):
    _scripted(monkeypatch, [3.0, 2.0, 2.5, 2.0, 1.0])
    best = train(config(max_epochs=5, patience=2), pack, tmp_path / "run")
    assert len(epochs(tmp_path / "run")) == 4  # no better than 2.0 is not better
    assert checkpoint.load(best)["state"]["epoch"] == 2
    assert "Stopped early: no better validation loss for 2 epochs." in capsys.readouterr().out
    before = final(tmp_path / "run")
    train(config(max_epochs=5, patience=2), pack, tmp_path / "run", resume=True)
    assert_same(final(tmp_path / "run"), before)
    best = train(config(max_epochs=5, patience=3), pack, tmp_path / "run", resume=True)
    assert checkpoint.load(best)["state"]["epoch"] == 5
    assert len(epochs(tmp_path / "run")) == 5


def test_no_patience_is_endless_patience(tmp_path, config, pack, monkeypatch):
    _scripted(monkeypatch, [1.0, 2.0, 3.0, 4.0])
    best = train(config(max_epochs=4, patience=0), pack, tmp_path / "run")
    assert len(epochs(tmp_path / "run")) == 4
    assert checkpoint.load(best)["state"]["epoch"] == 1


def test_a_longer_run_goes_on_from_a_finished_one(tmp_path, config, pack):
    train(config(max_epochs=1), pack, tmp_path / "run")
    train(config(max_epochs=3), pack, tmp_path / "run", resume=True)
    assert [row["epoch"] for row in epochs(tmp_path / "run")] == [1, 2, 3]


def test_metrics_are_written_once_also_after_an_abort(tmp_path, config, pack):
    run, chosen = tmp_path / "run", config(batch_size=4, max_epochs=5)

    def abort(_trainer: Trainer) -> None:
        raise _Abort

    with pytest.MonkeyPatch.context() as patch:
        after_step(patch, 53, abort)
        with pytest.raises(_Abort):
            train(chosen, pack, run)
    with open(run / "metrics.jsonl", "a", encoding="utf-8") as stream:
        stream.write('{"step": 51, "train_lo')  # the abort came while a row was written
    train(chosen, pack, run, resume=True)
    assert [(row["step"], row.get("epoch")) for row in rows(run)] == [
        (11, 1), (22, 2), (33, 3), (44, 4), (50, None), (55, 5)
    ]  # fmt: skip
    for row in epochs(run):
        assert all(math.isfinite(value) for value in row.values())
        assert {"train_loss", "val_loss", "learning_rate"} <= row.keys()


def test_a_row_of_an_epoch_whose_checkpoint_was_never_written_is_replaced(tmp_path, config, pack, uninterrupted):
    run = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        after_step(patch, 12, terminate)
        with pytest.raises(Interrupted):
            train(config(), pack, run)
    trainer = Trainer(config(), pack, run)
    trainer.resume(run / "checkpoints" / "step_12.pt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "save", lambda *_arguments: (_ for _ in ()).throw(_Abort()))
        with pytest.raises(_Abort):
            trainer.fit()
    assert len(epochs(run)) == 2
    train(config(), pack, run, resume=True)
    assert_same_run(run, uninterrupted(1))


def _gradients(patch: pytest.MonkeyPatch) -> list[list[torch.Tensor]]:
    found: list[list[torch.Tensor]] = []
    real = Trainer._change_weights

    def call(self):
        found.append([parameter.grad.clone() for parameter in self.model.parameters()])
        real(self)

    patch.setattr(Trainer, "_change_weights", call)
    return found


@pytest.mark.parametrize(("batch_size", "accumulate"), [(4, 2), (6, 2), (3, 5), (1, 44)])
def test_summed_gradients_are_those_of_the_large_batch(tmp_path, config, pack, batch_size, accumulate):
    """Also where the last batch of a group is short: each sample of a group weighs the same."""
    steady = {
        "model_options": config().model_options | {"dropout": 0.0},
        "learning_rate": 1e-12, "weight_decay": 0.0, "gradient_clip": 0.0, "max_epochs": 1,
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        summed = _gradients(patch)
        train(config(batch_size=batch_size, accumulate=accumulate, **steady), pack, tmp_path / "summed")
    with pytest.MonkeyPatch.context() as patch:
        large = _gradients(patch)
        train(config(batch_size=batch_size * accumulate, **steady), pack, tmp_path / "large")
    assert len(summed) == len(large) == math.ceil(44 / (batch_size * accumulate))
    for one, other in zip(summed, large, strict=True):
        for here, there in zip(one, other, strict=True):
            torch.testing.assert_close(here, there, rtol=1e-3, atol=1e-5)


def test_the_learning_rate_rises_and_then_falls_as_a_cosine(config):
    chosen = config(learning_rate=1e-3, final_learning_rate=1e-5, warmup_steps=4)
    expected = {0: 2.5e-4, 1: 5e-4, 3: 1e-3, 4: 1e-3, 6: 8.5501786e-4, 8: 5.05e-4, 10: 1.5498214e-4, 12: 1e-5, 99: 1e-5}
    for step, rate in expected.items():
        assert learning_rate_at(step, 12, chosen) == pytest.approx(rate, rel=1e-7)
    flat = config(learning_rate=1e-3, final_learning_rate=1e-3, warmup_steps=0)
    assert [learning_rate_at(step, 12, flat) for step in range(13)] == [1e-3] * 13
    # A warm-up that is longer than the run never divides by nothing.
    assert learning_rate_at(12, 12, config(learning_rate=1e-3, warmup_steps=100)) == pytest.approx(1.3e-4)


def test_the_loop_follows_the_schedule(tmp_path, config, pack, monkeypatch):
    seen: list[float] = []
    real = torch.optim.AdamW.step

    def step(self, *arguments):
        seen.append(self.param_groups[0]["lr"])
        return real(self, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    chosen = config(accumulate=4)
    train(chosen, pack, tmp_path / "run")
    assert seen == [learning_rate_at(done, 4, chosen) for done in range(4)]  # two changes of the weights an epoch
    assert [row["learning_rate"] for row in epochs(tmp_path / "run")] == [seen[1], seen[3]]


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_what_was(tmp_path, config, pack):
    def spoil(trainer: Trainer) -> None:
        with torch.no_grad():
            next(trainer.model.parameters()).fill_(float("nan"))

    run = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        after_step(patch, 8, spoil)
        with pytest.raises(
            Diverged, match="the loss is nan at step 8: .*\nRun: a lower --learning_rate than 0.002"
        ) as seen:
            train(config(), pack, run)
    assert seen.value.exit_code == 1
    assert final(run)["step"] == 6
    with pytest.MonkeyPatch.context() as patch:
        after_step(patch, 12, spoil)
        with pytest.raises(Diverged, match="the validation loss is nan after epoch 2"):
            train(config(ema_decay=0.0), pack, tmp_path / "other")
    assert final(tmp_path / "other")["step"] == 6
    assert len(epochs(tmp_path / "other")) == 1


def test_validation_uses_averaged_weights_and_every_sample_once(tmp_path, config, pack):
    train(config(ema_decay=0.0, max_epochs=1), pack, tmp_path / "last")
    train(config(max_epochs=1), pack, tmp_path / "mean")
    assert final(tmp_path / "last")["average"] is None
    assert_same(final(tmp_path / "last")["model"], final(tmp_path / "mean")["model"])
    assert epochs(tmp_path / "last")[0]["val_loss"] != epochs(tmp_path / "mean")[0]["val_loss"]
    # The mean over samples does not depend on how they are batched.
    whole, split = (Trainer(config(batch_size=size), pack, tmp_path / "unused") for size in (4, 3))
    split.average.load_state_dict(whole.average.state_dict())
    assert whole.validate() == pytest.approx(split.validate(), rel=1e-4)


@pytest.fixture(scope="module")
def finished(uninterrupted, tmp_path_factory) -> Path:
    return Path(shutil.copytree(uninterrupted(1), tmp_path_factory.mktemp("finished") / "run"))


def test_a_run_is_not_written_over(finished, config, pack):
    before = final(finished)
    with pytest.raises(UsageError, match="exists\nRun: the same command with --resume, or with another --run name"):
        train(config(), pack, finished)
    assert_same(final(finished), before)


def test_there_must_be_something_to_resume(tmp_path, config, pack):
    with pytest.raises(DataMissing, match="holds no whole checkpoint\nRun: the same command without --resume") as seen:
        train(config(), pack, tmp_path / "none", resume=True)
    assert seen.value.exit_code == 3


def test_another_configuration_is_refused_with_what_changed(finished, config, pack):
    with pytest.raises(RefusedInput, match="another configuration .*batch_size: 8 then, 4 now") as seen:
        train(config(batch_size=4), pack, finished, resume=True)
    assert seen.value.exit_code == 4


def test_another_pack_is_refused(finished, config, pack, tmp_path):
    other = Path(shutil.copytree(pack.path, tmp_path / "other"))
    text = (other / MANIFEST).read_text(encoding="utf-8")
    (other / MANIFEST).write_text(text.replace(pack.manifest.code_sha256, "0" * 64), encoding="utf-8")
    with pytest.raises(RefusedInput, match=f"was trained on another pack \\({pack.digest[:16]}") as seen:
        train(config(), Pack.open(other), finished, resume=True)
    assert seen.value.exit_code == 4


def test_another_model_is_refused(finished, config, pack, tmp_path):
    path = tmp_path / "run" / "checkpoints" / "last.pt"
    checkpoint.save(path, final(finished) | {"model_name": "rebuilt_llm_integration"})
    with pytest.raises(RefusedInput, match="holds rebuilt_llm_integration, and rebuilt_datacube_cnn was asked for"):
        train(config(), pack, tmp_path / "run", resume=True)


def test_the_resolved_configuration_stands_in_the_run(finished, config):
    written = yaml.safe_load((finished / "config.yaml").read_text(encoding="utf-8"))
    assert written == config().to_dict()
    assert list((finished / "tensorboard").iterdir())


def test_devices_that_are_not_there_are_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for name in ("cuda", "cuda:3", "mps"):
        with pytest.raises(UsageError, match=f"device {name} is not available on this machine\nRun: .*--device cpu"):
            choose_device(name)
    for name in ("gpu", "cuda:x", ""):
        with pytest.raises(UsageError, match="is not one that PyTorch knows"):
            choose_device(name)


def test_unknown_presets_and_options_are_refused(tmp_path, config, pack):
    with pytest.raises(UsageError, match="no preset 'huge'"):
        train(config(preset="huge"), pack, tmp_path / "run")
    with pytest.raises(UsageError, match="unknown option of the datacube CNN: colour"):
        train(config(model_options={"colour": "red"}), pack, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(not (shutil.which("c++") or shutil.which("cl")), reason="torch.compile needs a C++ compiler")
def test_a_compiled_network_trains_and_its_checkpoints_load_without_compiling(tmp_path, config, pack, monkeypatch):
    # Tracing is what can fail on a network; making machine code of the whole graph takes minutes on a CPU.
    real = torch.compile
    monkeypatch.setattr(torch, "compile", lambda model: real(model, backend="eager"))
    steady = {"model_options": config().model_options | {"dropout": 0.0}, "max_epochs": 1}
    train(config(compile=True, **steady), pack, tmp_path / "compiled")
    train(config(**steady), pack, tmp_path / "plain")
    one, other = final(tmp_path / "compiled"), final(tmp_path / "plain")
    assert one["model"].keys() == other["model"].keys()
    here, there = epochs(tmp_path / "compiled")[0], epochs(tmp_path / "plain")[0]
    assert here["train_loss"] == pytest.approx(there["train_loss"], rel=1e-3)
