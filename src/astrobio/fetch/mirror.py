"""A mirror: saved files of the archives, in a folder or on a server, laid out by source, with an index of them."""

from __future__ import annotations

import csv
import fnmatch
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from astrobio.archives.source import Product, Source
from astrobio.core.errors import DataMissing, RefusedInput
from astrobio.transfer import Request, Session

VARIABLE = "ASTROBIO_MIRROR"
INDEX = "INDEX.csv"


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
    RefusedInput
        If its index cannot be read.
    """

    def __init__(self, place: str | Path) -> None:
        self.place = str(place)
        self.remote = self.place.startswith(("http://", "https://"))
        if not self.remote and not Path(self.place).is_dir():
            raise DataMissing(f"there is no mirror {self.place}: {VARIABLE} or --mirror names a folder or an address")
        self._listed: list[SavedFile] | None = None

    @classmethod
    def named(cls, explicit: str | None = None) -> Mirror | None:
        """The mirror that an option or else ``ASTROBIO_MIRROR`` names; none where neither does."""
        place = explicit or os.environ.get(VARIABLE)
        return cls(place) if place else None

    def files(self, source: Source, session: Session, folder: Path) -> list[SavedFile]:
        """The files of a source, in the order of their paths.

        Parameters
        ----------
        source : Source
        session : Session
            Fetches the index of a mirror on a server.
        folder : Path
            Where the index goes meanwhile.
        """
        if self._listed is None:
            self._listed = list(self._list(session, folder))
        found = []
        for one in self._listed:
            product = product_of(source, one.path)
            if product is not None:
                found.append(SavedFile(product.name, one.path, one.size, one.sha256))
        return sorted(found, key=lambda one: one.path)

    def _list(self, session: Session, folder: Path) -> Iterator[SavedFile]:
        if self.remote:
            path = folder / INDEX
            [outcome] = session.download([Request(self.address(INDEX), path)])
            outcome.check()
            yield from _indexed(path.read_bytes(), self.address(INDEX))
            return
        root = Path(self.place)
        if (root / INDEX).is_file():
            yield from _indexed((root / INDEX).read_bytes(), str(root / INDEX))
            return
        for path in sorted(root.rglob("*")):
            if path.is_file():
                yield SavedFile("", path.relative_to(root).as_posix())

    def address(self, path: str) -> str:
        """The address of a file on a server."""
        from urllib.parse import quote

        return f"{self.place.rstrip('/')}/{quote(path)}"

    def local(self, path: str) -> Path:
        """The path of a file in a folder."""
        return Path(self.place) / path


def product_of(source: Source, path: str) -> Product | None:
    """The product that a saved file is of, by its path below the mirror's root."""
    for product in source.products:
        if any(fnmatch.fnmatchcase(path, pattern) for pattern in product.saved_as):
            return product
    return None


def _indexed(content: bytes, name: str) -> Iterator[SavedFile]:
    try:
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""), strict=True))
        for row in rows:
            path = PurePosixPath(row["path"])
            if path.is_absolute() or ".." in path.parts or "\\" in row["path"]:
                raise RefusedInput(f"{name} names {row['path']!r}, which is not below it")
            yield SavedFile("", path.as_posix(), int(row["bytes"]), row["sha256"].lower())
    except (UnicodeDecodeError, csv.Error, KeyError, ValueError, AttributeError) as error:
        raise RefusedInput(f"{name} is no index of a mirror (columns path, bytes, sha256): {error}") from error
