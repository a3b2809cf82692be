"""Files of the archives that were seen here, each with its digest, where it was found, and its licence.

The list ships with the package, the files do not. A file whose digest it names is *pinned*: whoever brings it, its
bytes are those of a named public release.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

INDEX = Path(__file__).with_name("genuine.csv")


@dataclass(frozen=True)
class GenuineFile:
    """One file.

    Attributes
    ----------
    source, product : str
    path : str
        In a mirror, below its root.
    size, sha256 : int, str
    origin : str
        Where the bytes were found: a repository with its commit and path, or how they were made.
    licence : str
        As its origin states it.
    verified : str
        Date on which it last passed the gates here, ``YYYY-MM-DD``.
    """

    source: str
    product: str
    path: str
    size: int
    sha256: str
    origin: str
    licence: str
    verified: str

    @property
    def url(self) -> str | None:
        """The address of the bytes, where the origin is a repository."""
        place, colon, path = self.origin.partition(":")
        repository, at, commit = place.partition("@")
        if not colon or not at or "/" not in repository or "*" in path:
            return None
        return f"https://raw.githubusercontent.com/{repository}/{commit}/{path}"


@cache
def genuine_files() -> dict[str, GenuineFile]:
    """The files by their SHA-256.

    >>> next(iter(genuine_files().values())).source
    'nasa_exoplanet_archive'
    """
    with open(INDEX, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    found = [GenuineFile(size=int(row.pop("size")), **row) for row in rows]
    return {one.sha256: one for one in found}


def verified_on_genuine_bytes(source: str) -> list[GenuineFile]:
    """The files of a source, in the order of their paths; none where its bytes were never seen."""
    return sorted((one for one in genuine_files().values() if one.source == source), key=lambda one: one.path)
