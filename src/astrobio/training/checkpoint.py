"""Checkpoints: all that a run needs to go on, in one file that is whole or not there.

A checkpoint is written to a temporary name, synced and renamed. Its SHA-256 is written beside it first, so a
checkpoint that exists has a digest. ``torch.load(path, weights_only=True)`` reads it.
"""

from __future__ import annotations

import io
import os
import pickle
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from astrobio.core.errors import AstrobioError, DataMissing, IntegrityError, RefusedInput
from astrobio.core.hashing import sha256_bytes

FORMAT = "astrobio.checkpoint/1"


class NotSaved(AstrobioError):
    """A checkpoint that could not be written; those before it are as they were."""


def save(path: Path, state: dict[str, Any]) -> str:
    """Write a checkpoint; returns its SHA-256.

    Raises
    ------
    NotSaved
        If the disk is full or the folder cannot be written; what stood under the name before still does.
    """
    buffer = io.BytesIO()
    torch.save(state | {"format": FORMAT}, buffer)
    content = buffer.getvalue()
    digest = sha256_bytes(content)
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _announced(path, digest):
            write_whole(path, content)
    return digest


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotSaved(
            f"{path} cannot be written: {error.strerror}; the checkpoints before it are whole",
            fix="the same command with --resume, once there is room",
        ) from error


@contextmanager
def _announced(path: Path, digest: str) -> Iterator[None]:
    """While a file is replaced its digest stands beside that of the file before, so a kill leaves neither in doubt."""
    recorded = digest_path(path)
    before = recorded.read_text(encoding="ascii") if recorded.is_file() else ""
    write_whole(recorded, (f"{digest}  {path.name}\n" + before).encode())
    yield
    write_whole(recorded, f"{digest}  {path.name}\n".encode())


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, sync it, and give it its name: it is whole or as it was."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def digest_path(path: Path) -> Path:
    """Where the digest of a checkpoint stands."""
    return path.with_name(path.name + ".sha256")


def verify(path: Path) -> str:
    """SHA-256 of a checkpoint, if it is what was written.

    Raises
    ------
    DataMissing
        If the file is not there.
    IntegrityError
        If a byte has changed, or its digest is missing.
    """
    if not path.is_file():
        raise DataMissing(f"there is no checkpoint {path}", fix="ls outputs/sota_training")
    digest = sha256_bytes(path.read_bytes())
    recorded = digest_path(path)
    if not recorded.is_file():
        raise IntegrityError(f"the digest of {path} is missing: {recorded.name}")
    if f"{digest}  {path.name}" not in recorded.read_text(encoding="ascii", errors="replace").splitlines():
        raise IntegrityError(f"{path} has changed since it was written: its SHA-256 is {digest}")
    return digest


def load(path: Path, model: str | None = None, device: str = "cpu") -> dict[str, Any]:
    """Read a checkpoint after checking its digest.

    Raises
    ------
    DataMissing, IntegrityError
        As :func:`verify`.
    RefusedInput
        If it is not a checkpoint of this format, or one of another model.
    """
    verify(path)
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise RefusedInput(f"{path} is not a checkpoint that can be read: {error}") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise RefusedInput(f"{path} does not hold a checkpoint of the format {FORMAT}")
    if model is not None and state["model_name"] != model:
        raise RefusedInput(f"{path} holds {state['model_name']}, and {model} was asked for")
    return state


def link(source: Path, target: Path) -> None:
    """Let ``target`` be the same file as ``source``: a hard link, else a copy; replaces what was there.

    Raises
    ------
    NotSaved
        As :func:`save`.
    """
    digest = digest_path(source).read_text(encoding="ascii").split()[0]
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    with _writing(target):
        try:
            partial.unlink(missing_ok=True)
            try:
                os.link(source, partial)
            except OSError:
                shutil.copyfile(source, partial)
            with _announced(target, digest):
                os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)  # a rename onto another name of the same file leaves it


def newest(folder: Path) -> Path | None:
    """The checkpoint of a run that is furthest, among those that are whole; None if there is none."""
    found: list[tuple[int, int, Path]] = []
    for path in folder.glob("*.pt"):
        try:
            state = load(path)
        except (IntegrityError, RefusedInput):
            continue
        # After the last step of an epoch comes its end, which makes no step.
        found.append((int(state["step"]), int(state["state"]["epoch"]), path))
    return max(found)[-1] if found else None


def clean(folder: Path) -> None:
    """Remove what an interrupted write left."""
    for path in folder.glob(".*.partial"):
        path.unlink(missing_ok=True)
