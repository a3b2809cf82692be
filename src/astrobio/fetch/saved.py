"""Files that were saved before: from a mirror, or by a user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from astrobio.archives.genuine import genuine_files
from astrobio.archives.source import Source
from astrobio.core.errors import DataMissing
from astrobio.core.hashing import sha256_files
from astrobio.core.provenance import Assurance, Origin
from astrobio.fetch.bringing import TOGETHER, Answer, Brought, Transfers, note, noted, now, record_key
from astrobio.fetch.mirror import Mirror, SavedFile
from astrobio.transfer import Request, TransferFailed


class FromMirror:
    """Brings the files of a source that a mirror has, and that the store has not.

    Parameters
    ----------
    mirror : Mirror
    source : Source
    transfers : Transfers
    folder : Path
        Files under way.
    held : mapping
        Keys that the store holds, with the digest of each.

    Attributes
    ----------
    already : int
        Files that the store holds, as the mirror's index tells.
    """

    def __init__(
        self, mirror: Mirror, source: Source, transfers: Transfers, folder: Path, held: Mapping[str, str]
    ) -> None:
        self.mirror, self.source, self.transfers, self.folder = mirror, source, transfers, folder
        self.held = held
        self.already = 0

    def bring(self, products: tuple[str, ...] = ()) -> Iterator[Brought]:
        """The files, of some products or of all.

        Raises
        ------
        RefusedInput
            If the mirror's index is none.
        DataMissing
            For the first file that a folder's index names and that is not there, after the others.
        TransferFailed
            For the first file that a server does not give, after the others.
        """
        files = self.mirror.files(self.source, self.transfers, self.folder)
        wanted = [one for one in files if not products or one.product in products]
        missing = [one for one in wanted if not self._is_held(one)]
        self.already += len(wanted) - len(missing)
        yield from self._fetched(missing) if self.mirror.remote else self._local(missing)

    def _is_held(self, one: SavedFile) -> bool:
        if one.sha256 is None:
            return False
        return self.held.get(record_key(one.product, _name(one), one.sha256)) == one.sha256

    def _local(self, files: list[SavedFile]) -> Iterator[Brought]:
        absent = [one.path for one in files if not self.mirror.local(one.path).is_file()]
        there = [one for one in files if self.mirror.local(one.path).is_file()]
        for one, digest in zip(there, sha256_files([self.mirror.local(one.path) for one in there]), strict=True):
            detail = {"mirror": self.mirror.place, "path": one.path, "imported": now()}
            yield _saved(one, self.mirror.local(one.path), digest, detail, "import")
        if absent:
            raise DataMissing(f"the mirror {self.mirror.place} lacks {len(absent)} files of its index, the first "
                              f"{absent[0]}")  # fmt: skip

    def _fetched(self, files: list[SavedFile]) -> Iterator[Brought]:
        failed: list[TransferFailed] = []
        for begin in range(0, len(files), TOGETHER):
            group = files[begin : begin + TOGETHER]
            requests = [
                Request(self.mirror.address(one.path), self.folder / one.path, length=one.size, sha256=one.sha256)
                for one in group
            ]
            answers = [noted(request) for request in requests]
            asked = [request for request, answer in zip(requests, answers, strict=True) if answer is None]
            came = {outcome.request.path: outcome for outcome in self.transfers.fetch(asked)}
            for one, request, answer in zip(group, requests, answers, strict=True):
                outcome = came.get(request.path)
                if outcome is not None and outcome.error is not None:
                    failed.append(outcome.error)
                    continue
                yield self._of(one, answer or note(came[request.path]))
        if failed:
            more = f" (and {len(failed) - 1} more files)" if len(failed) > 1 else ""
            raise TransferFailed(f"{failed[0].message}{more}", failed[0].reason, failed[0].status)

    def _of(self, one: SavedFile, answer: Answer) -> Brought:
        detail = answer.detail | {"mirror": self.mirror.place, "path": one.path}
        digest = one.sha256 or sha256_files([answer.path])[0]
        return _saved(one, answer.path, digest, detail, "exchange", temporary=True)


def bring_from_file(source: Source, product: str, path: Path) -> Brought:
    """A file that a user has saved."""
    [digest] = sha256_files([path])
    return _saved(SavedFile(product, path.name), path, digest, {"file": path.name, "imported": now()}, "import")


def _name(one: SavedFile) -> str:
    return one.path.rpartition("/")[2]


def _saved(
    one: SavedFile, path: Path, digest: str, detail: dict[str, Any], origin: Origin, temporary: bool = False
) -> Brought:
    known = genuine_files().get(digest)
    assurance: Assurance = "pinned" if known is not None else "declared"
    if known is not None:
        detail |= {"origin": known.origin, "licence": known.licence}
    if one.size is not None:
        detail["length"] = one.size
    if one.sha256 is not None:
        detail["sha256"] = one.sha256
    return Brought(one.product, _name(one), path, assurance, origin, detail, temporary, digest)
