"""The few file operations of the store, each atomic or repeatable; all of them pass through here."""

from __future__ import annotations

import os
import sys
from pathlib import Path


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
