"""Where things live: the store, the runs."""

from __future__ import annotations

import os
from pathlib import Path

RUNS = Path("outputs/sota_training")
"""Folder of training runs, relative to the working folder."""


def pack_folder(root: Path, source: str = "planet_runs") -> Path:
    """Where the pack of a source lies in the store at ``root``."""
    return root / "packs" / source


def store_root(explicit: str | Path | None = None) -> Path:
    """Folder of the store: ``explicit``, else ``ASTROBIO_STORE``, else the user's data folder.

    >>> store_root("somewhere").name
    'somewhere'
    """
    chosen = explicit or os.environ.get("ASTROBIO_STORE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("astrobio") / "store"
