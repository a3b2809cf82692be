"""The few file operations of the store, each atomic or repeatable; all of them pass through here."""

from __future__ import annotations

import os
import platform
import sys
import time
from pathlib import Path

DAY = 86_400.0


def write_synced(path: Path, content: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with open(path, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def rename(source: Path, target: Path) -> None:
    """Give a file its final name in one step, replacing what was there."""
    os.replace(source, target)


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk (systems without that notion need no wait)."""
    if sys.platform == "win32":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def unlink(path: Path) -> None:
    """Remove a file that may be gone already."""
    path.unlink(missing_ok=True)


def temporary(folder: Path, name: str) -> Path:
    """Where this process writes a file before it takes its name; the path says which process that is."""
    return folder / f"{name}.{platform.node()}.{os.getpid()}"


def sweep(folder: Path) -> int:
    """Remove what processes of this machine that were killed have left in a folder; returns how many files."""
    left = 0
    for path in folder.iterdir():
        name, _, number = path.name.rpartition(".")
        if number.isdigit() and name.endswith(f".{platform.node()}") and not _runs(int(number), path):
            unlink(path)
            left += 1
    return left


def _runs(process: int, path: Path) -> bool:
    if sys.platform == "win32":  # where asking for a process by signal 0 would end it
        try:
            return time.time() - path.stat().st_mtime < DAY
        except FileNotFoundError:
            return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
