"""SHA-256 of bytes and of many files at once (the native core streams them with Python's lock released)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from astrobio.core.native import native


def sha256_bytes(content: bytes) -> str:
    """Hexadecimal SHA-256.

    >>> sha256_bytes(b"")[:12]
    'e3b0c44298fc'
    """
    return hashlib.sha256(content).hexdigest()


def sha256_json(value: Any) -> str:
    """SHA-256 of a value's canonical JSON.

    >>> sha256_json({"b": 1, "a": 2}) == sha256_json({"a": 2, "b": 1})
    True
    """
    return sha256_bytes(json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode())


def sha256_files(paths: Sequence[str | Path]) -> list[str]:
    """SHA-256 of each file, in order, read in parallel.

    Raises
    ------
    OSError
        If a file cannot be read; the message names it.
    MissingDependency
        If the native core is not installed.
    """
    return native().hash_files([str(path) for path in paths])
