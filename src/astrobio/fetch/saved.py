"""Files that were saved before: from a mirror, or by a user."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from astrobio.archives.genuine import genuine_files
from astrobio.archives.source import Source
from astrobio.core.errors import DataMissing
from astrobio.core.hashing import sha256_files
from astrobio.core.provenance import Assurance, Origin
from astrobio.fetch.bringing import Bringing, Brought, exchange
from astrobio.fetch.mirror import Mirror, SavedFile
from astrobio.transfer import Request


def bring_from_mirror(mirror: Mirror, bringing: Bringing, held: set[str]) -> Iterator[Brought]:
    """Every file of the source that the mirror has; nothing is transferred whose digest is held.

    Raises
    ------
    TransferFailed
        For the first file that a server does not give, after the others have been brought.
    """
    files = mirror.files(bringing.source, bringing.session, bringing.folder)
    if not mirror.remote:
        for one in files:
            yield _saved(one.product, mirror.local(one.path), one, {"mirror": mirror.place, "path": one.path})
        return
    missing = [one for one in files if one.sha256 not in held]
    requests = [
        Request(mirror.address(one.path), bringing.folder / one.path, length=one.size, sha256=one.sha256)
        for one in missing
    ]
    failure = None
    for one, outcome in zip(missing, bringing.fetch(requests), strict=True):
        if outcome.path is not None:
            detail = exchange(outcome) | {"mirror": mirror.place, "path": one.path}
            yield _saved(one.product, outcome.path, one, detail, temporary=True)
        failure = failure or outcome.error
    if failure is not None:
        raise failure


def bring_from_file(source: Source, product: str, path: Path) -> Brought:
    """A file that a user has saved.

    Raises
    ------
    DataMissing
        If it is not there.
    """
    if not path.is_file():
        raise DataMissing(f"there is no file {path}")
    return _saved(product, path, SavedFile(product, path.name), {"file": path.name})


def _saved(product: str, path: Path, one: SavedFile, detail: dict[str, Any], temporary: bool = False) -> Brought:
    known = genuine_files().get(sha256_files([path])[0])
    assurance: Assurance = "pinned" if known is not None else "declared"
    if known is not None:
        detail |= {"origin": known.origin, "licence": known.licence}
    if one.size is not None:
        detail["length"] = one.size
    if one.sha256 is not None:
        detail["sha256"] = one.sha256
    origin: Origin = "exchange" if temporary else "import"
    return Brought(product, Path(one.path).name, path, assurance, origin, detail, temporary)
