"""A mirror: saved files of the archives, in a folder or on a server, laid out by source, with an index of them."""

from __future__ import annotations

import csv
import fnmatch
import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from astrobio.archives.source import Product, Source
from astrobio.core.errors import DataMissing, RefusedInput
from astrobio.core.native import native
from astrobio.fetch.bringing import NO_NAMES, Transfers
from astrobio.transfer import Request

VARIABLE = "ASTROBIO_MIRROR"
INDEX = "INDEX.csv"
LARGEST_INDEX = 64 << 20
MOST_FILES = 500_000
MOST_PARTS = 20
_PART = re.compile(r"[^/\\:*?\"<>|\x00-\x1f\x7f]{1,200}")
_DIGEST = re.compile("[0-9a-fA-F]{64}")
_SIZE = re.compile(r"\d{1,15}")


@dataclass(frozen=True)
class SavedFile:
    """A file of a mirror.

    Attributes
    ----------
    product : str
    path : str
        Below the mirror's root, with slashes.
    size, sha256 : int, str, optional
        As the mirror's index says.
    """

    product: str
    path: str
    size: int | None = None
    sha256: str | None = None


class Mirror:
    """Saved files in a folder.

    Parameters
    ----------
    place : str
        A folder, or the address of a server that serves one.

    Raises
    ------
    DataMissing
        If there is no such folder.
    """

    def __init__(self, place: str | Path) -> None:
        self._place = str(place)
        self.remote = self._place.startswith(("http://", "https://"))
        if not self.remote and not Path(self._place).is_dir():
            raise DataMissing(f"there is no mirror {self._place}: {VARIABLE} or --mirror names a folder or an address")
        self._listed: list[SavedFile] | None = None

    @property
    def place(self) -> str:
        """The folder or the address, secrets hidden."""
        return str(native().public_url(self._place)).rstrip("/") if self.remote else self._place

    @classmethod
    def named(cls, explicit: str | None = None) -> Mirror | None:
        """The mirror that an option or else ``ASTROBIO_MIRROR`` names; none where neither does."""
        place = explicit or os.environ.get(VARIABLE)
        return cls(place) if place else None

    def files(self, source: Source, transfers: Transfers, folder: Path) -> list[SavedFile]:
        """The files of a source, in the order of their paths.

        Parameters
        ----------
        source : Source
        transfers : Transfers
            Fetches the index of a mirror on a server.
        folder : Path
            Where the index goes meanwhile.

        Raises
        ------
        RefusedInput
            If its index is none, or names what is not below it.
        TransferFailed
            If a server does not give its index.
        """
        if self._listed is None:
            self._listed = list(self._list(transfers, folder))
        found = []
        for one in self._listed:
            product = product_of(source, one.path)
            if product is not None:
                found.append(SavedFile(product.name, one.path, one.size, one.sha256))
        return sorted(found, key=lambda one: one.path)

    def _list(self, transfers: Transfers, folder: Path) -> Iterator[SavedFile]:
        if self.remote:
            path = folder / INDEX
            [outcome] = transfers.fetch([Request(self.address(INDEX), path, max_bytes=LARGEST_INDEX)])
            outcome.check()
            yield from indexed(path.read_bytes(), f"{self.place}/{INDEX}")
            return
        root = Path(self._place)
        if (root / INDEX).is_file():
            yield from indexed((root / INDEX).read_bytes(), str(root / INDEX))
            return
        for path in sorted(root.rglob("*")):
            if path.is_file():
                yield SavedFile("", path.relative_to(root).as_posix())

    def address(self, path: str) -> str:
        """The address of a file on a server."""
        return f"{self._place.rstrip('/')}/{quote(path)}"

    def local(self, path: str) -> Path:
        """The path of a file in a folder."""
        return Path(self._place) / path


def product_of(source: Source, path: str) -> Product | None:
    """The product that a saved file is of, by its path below the mirror's root."""
    for product in source.products:
        if any(fnmatch.fnmatchcase(path, pattern) for pattern in product.saved_as):
            return product
    return None


def indexed(content: bytes, name: str) -> Iterator[SavedFile]:
    r"""The files that an index names: a table with columns ``path``, ``bytes`` and ``sha256``.

    Raises
    ------
    RefusedInput
        If it is no such table, or names a path that is not below it, or one twice.

    >>> row = "phl_hwc/hwc.csv,12," + "0" * 64
    >>> next(indexed(f"path,bytes,sha256\n{row}\n".encode(), "INDEX.csv")).path
    'phl_hwc/hwc.csv'
    """
    seen: set[str] = set()
    for number, row in enumerate(_rows(content, name), 2):
        path, size, digest = row["path"], row["bytes"], row["sha256"]
        parts = path.split("/")
        below = all(_PART.fullmatch(part) and part.strip(". ") for part in parts) and len(parts) <= MOST_PARTS
        if not below or path.endswith(NO_NAMES):
            raise RefusedInput(f"{name} names {path[:200]!r} in line {number}, which is not below it")
        if path in seen:
            raise RefusedInput(f"{name} names {path} twice")
        if not _SIZE.fullmatch(size) or not _DIGEST.fullmatch(digest):
            raise RefusedInput(f"{name} gives {path} the size {size[:40]!r} and the SHA-256 {digest[:80]!r}")
        if len(seen) >= MOST_FILES:
            raise RefusedInput(f"{name} names more than {MOST_FILES} files")
        seen.add(path)
        yield SavedFile("", path, int(size), digest.lower())


def _rows(content: bytes, name: str) -> list[dict[str, str]]:
    try:
        table = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        rows = list(table)
    except (UnicodeDecodeError, csv.Error) as error:
        raise RefusedInput(f"{name} is no index of a mirror: {error}") from error
    lacking = {"path", "bytes", "sha256"} - set(table.fieldnames or ())
    if lacking or any(None in row or None in row.values() for row in rows):
        what = f"it lacks {', '.join(sorted(lacking))}" if lacking else "its lines have different numbers of fields"
        raise RefusedInput(f"{name} is no index of a mirror (columns path, bytes, sha256): {what}")
    return rows
