"""A checkpoint is whole or refused; writing one never harms those before it."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
import torch

from astrobio.core.errors import DataMissing, IntegrityError, RefusedInput
from astrobio.training import checkpoint

MODEL = "rebuilt_datacube_cnn"


def state(step: int = 1, epoch: int = 0) -> dict:
    return {"model_name": MODEL, "step": step, "state": {"epoch": epoch}, "model": {"weight": torch.arange(9.0) + step}}


@pytest.fixture
def path(tmp_path) -> Path:
    checkpoint.save(tmp_path / "step_1.pt", state())
    return tmp_path / "step_1.pt"


def refused(path: Path, error: type[Exception], words: str, exit_code: int, model: str | None = None) -> None:
    with pytest.raises(error, match=words) as seen:
        checkpoint.load(path, model)
    assert seen.value.exit_code == exit_code


def test_what_is_saved_comes_back_and_has_its_digest_beside_it(path):
    found = checkpoint.load(path, MODEL)
    assert torch.equal(found["model"]["weight"], state()["model"]["weight"])
    digest = checkpoint.verify(path)
    assert checkpoint.digest_path(path).read_text() == f"{digest}  step_1.pt\n"
    assert torch.load(path, weights_only=True)["step"] == 1


def test_a_flipped_byte_anywhere_is_seen(path):
    content = path.read_bytes()
    for place in range(0, len(content), 37):
        changed = bytearray(content)
        changed[place] ^= 4
        path.write_bytes(changed)
        refused(path, IntegrityError, "has changed since it was written", 1)


def test_a_truncated_one_is_seen(path):
    content = path.read_bytes()
    for length in (0, 1, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        refused(path, IntegrityError, "has changed", 1)


def test_a_missing_or_unreadable_digest_is_seen(path):
    recorded = checkpoint.digest_path(path)
    for content in (b"", b"\xff\xfe", b"0" * 64):
        recorded.write_bytes(content)
        refused(path, IntegrityError, "has changed", 1)
    recorded.unlink()
    refused(path, IntegrityError, "the digest of .* is missing: step_1.pt.sha256", 1)


def test_one_that_is_not_there_is_missing(tmp_path):
    refused(tmp_path / "none.pt", DataMissing, "there is no checkpoint", 3)


class _Evil:
    """A pickle that would make a folder when it is loaded."""

    def __init__(self, target: Path) -> None:
        self.target = str(target)

    def __reduce__(self):
        return os.mkdir, (self.target,)


def _with_digest(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    checkpoint.digest_path(path).write_text(f"{checkpoint.sha256_bytes(content)}  {path.name}\n")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" + b"\0" * 40, b"<html>no such page</html>", b"\x80\x02}q\x00."])
def test_bytes_that_are_no_checkpoint_are_refused(path, content):
    _with_digest(path, content)
    refused(path, RefusedInput, "is not a checkpoint that can be read|does not hold a checkpoint", 4)


def test_code_in_a_checkpoint_is_not_run(path, tmp_path):
    torch.save({"format": checkpoint.FORMAT, "model": _Evil(tmp_path / "made")}, path)
    _with_digest(path, path.read_bytes())
    refused(path, RefusedInput, "is not a checkpoint that can be read", 4)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("content", [{"model": {}}, [1, 2], {"format": "astrobio.checkpoint/9"}])
def test_a_file_of_another_format_is_refused(path, content):
    torch.save(content, path)
    _with_digest(path, path.read_bytes())
    refused(path, RefusedInput, "does not hold a checkpoint of the format", 4)


def test_one_of_another_model_is_refused(path):
    refused(path, RefusedInput, "holds rebuilt_datacube_cnn, and rebuilt_llm_integration was asked for", 4,
            "rebuilt_llm_integration")  # fmt: skip


def test_the_newest_is_the_one_that_is_furthest_and_whole(tmp_path):
    assert checkpoint.newest(tmp_path / "none") is None
    for name, step, epoch in (("step_9", 9, 0), ("step_12", 12, 0), ("epoch_1", 12, 1)):
        checkpoint.save(tmp_path / f"{name}.pt", state(step, epoch))
    assert checkpoint.newest(tmp_path).name == "epoch_1.pt"
    (tmp_path / "epoch_1.pt").write_bytes(b"damaged")
    assert checkpoint.newest(tmp_path).name == "step_12.pt"
    _with_digest(tmp_path / "step_12.pt", b"whole, and no checkpoint")
    checkpoint.digest_path(tmp_path / "epoch_1.pt").unlink()
    assert checkpoint.newest(tmp_path).name == "step_9.pt"


def test_another_name_is_the_same_file(path):
    for name in ("last.pt", "last.pt"):
        checkpoint.link(path, path.with_name(name))
        assert os.path.samefile(path, path.with_name(name))
        assert checkpoint.verify(path.with_name(name)) == checkpoint.verify(path)
    assert list(path.parent.glob(".*")) == []


def test_where_there_are_no_hard_links_a_copy_is_made(path, monkeypatch):
    def no_links(*_arguments: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    checkpoint.link(path, path.with_name("last.pt"))
    assert not os.path.samefile(path, path.with_name("last.pt"))
    assert checkpoint.verify(path.with_name("last.pt")) == checkpoint.verify(path)


class _Abort(BaseException):
    """Stands for a kill: nothing that saves may catch it."""


def _failing_at(patch: pytest.MonkeyPatch, place: int, error: BaseException) -> list[str]:
    calls: list[str] = []
    for name in ("fsync", "replace", "link"):
        real = getattr(os, name)

        def call(*arguments, real=real, name=name):
            calls.append(name)
            if len(calls) == place:
                raise error
            return real(*arguments)

        patch.setattr(os, name, call)
    return calls


def _save_and_link(folder: Path, step: int) -> None:
    checkpoint.save(folder / "best.pt", state(step))
    checkpoint.link(folder / "best.pt", folder / "last.pt")


def test_an_abort_at_any_file_operation_leaves_the_old_or_the_new_one(tmp_path, monkeypatch):
    _save_and_link(tmp_path / "start", 1)
    with monkeypatch.context() as patch:
        calls = _failing_at(patch, 10**9, _Abort())
        _save_and_link(Path(shutil.copytree(tmp_path / "start", tmp_path / "whole")), 2)
    operations = len(calls)
    assert operations > 8
    seen = set()
    for place in range(1, operations + 1):
        folder = Path(shutil.copytree(tmp_path / "start", tmp_path / f"at{place}"))
        with monkeypatch.context() as patch:
            _failing_at(patch, place, _Abort())
            with pytest.raises(_Abort):
                _save_and_link(folder, 2)
        for name in ("best.pt", "last.pt"):
            seen.add((name, checkpoint.load(folder / name)["step"]))
        _save_and_link(folder, 3)
        checkpoint.clean(folder)
        assert {checkpoint.load(folder / name)["step"] for name in ("best.pt", "last.pt")} == {3}
        assert len(list(folder.iterdir())) == 4
    assert seen == {("best.pt", 1), ("best.pt", 2), ("last.pt", 1), ("last.pt", 2)}


@pytest.mark.parametrize("place", [1, 2, 3, 4, 5, 6])
def test_a_full_disk_is_said_and_the_older_ones_stay(path, monkeypatch, place):
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        _failing_at(patch, place, OSError(errno.ENOSPC, "No space left on device"))
        with pytest.raises(checkpoint.NotSaved, match="step_1.pt cannot be written: No space left.*\nRun: .* --resume"):
            checkpoint.save(path, state(2))
    assert path.read_bytes() == before or checkpoint.load(path)["step"] == 2
    checkpoint.verify(path)
    assert list(path.parent.glob(".*")) == []
    checkpoint.save(path, state(3))
    assert checkpoint.load(path)["step"] == 3


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(checkpoint.NotSaved, match="last.pt cannot be written") as seen:
        checkpoint.save(tmp_path / "run" / "last.pt", state())
    assert seen.value.exit_code == 1
