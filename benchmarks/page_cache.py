"""Files into the page cache, out of it, and how much of them is in it."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

_BLOCK = 1 << 22
_LOOKED_AT = 200


def files_below(folder: Path) -> list[Path]:
    """All plain files below a folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def warm(paths: Sequence[Path]) -> None:
    """Read all files once."""
    block = bytearray(_BLOCK)
    for path in paths:
        with open(path, "rb", buffering=0) as stream:
            while stream.readinto(block):
                pass


def chill(paths: Sequence[Path]) -> None:
    """Write what is dirty to the disk, and have the system forget the files' pages."""
    os.sync()
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def cached_share(paths: Sequence[Path]) -> float:
    """Share of the files' pages that are in memory, by ``mincore``; of many files, 200 evenly spread are looked at."""
    library = ctypes.CDLL(None, use_errno=True)
    chosen = paths[:: max(1, len(paths) // _LOOKED_AT)]
    present = total = 0
    for path in chosen:
        size = path.stat().st_size
        if not size:
            continue
        pages = np.zeros(-(-size // mmap.PAGESIZE), dtype=np.uint8)
        with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ) as mapped:
            view = np.frombuffer(mapped, dtype=np.uint8)
            address = view.ctypes.data
            if library.mincore(ctypes.c_void_p(address), ctypes.c_size_t(size), ctypes.c_void_p(pages.ctypes.data)):
                raise OSError(ctypes.get_errno(), f"mincore of {path}")
            del view
        present += int((pages & 1).sum())
        total += len(pages)
    return present / total if total else 0.0
