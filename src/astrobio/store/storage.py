"""The store: what stands between every training component and the disk.

Order of an admission: every object is written to a temporary name, synced, and renamed to its SHA-256; then a
batch file, which holds the provenance and verdict of each, in the same way; then one transaction of the
catalogue. The transaction is the moment of admission. A kill before it leaves objects that no record names,
which the next ``astrobio verify`` reports and nothing else sees; a kill after it loses nothing.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import weakref
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from astrobio.archives.registry import group, product_of, verify
from astrobio.core.errors import AstrobioError, DataMissing, IntegrityError, RefusedInput, UsageError
from astrobio.core.hashing import sha256_bytes, sha256_files, sha256_json
from astrobio.core.paths import store_root
from astrobio.core.provenance import Provenance
from astrobio.store import files
from astrobio.store.catalogue import Catalogue
from astrobio.store.judging import Judges, judge
from astrobio.verify.verdict import Finding, Verdict

DOWNLOAD = "python training/enable_automatic_data_download.py"
BATCH = 512


class RealDataNotFound(DataMissing, FileNotFoundError):
    """The store does not hold the data that is needed."""


class StoreError(AstrobioError):
    """The store could not be written."""


class Rejected(RefusedInput):
    """An object that the gates refuse.

    Attributes
    ----------
    verdict : Verdict
        What each check saw.
    """

    def __init__(self, key: str, verdict: Verdict) -> None:
        self.verdict = verdict
        super().__init__(f"{key} is refused: {'; '.join(verdict.reasons)}", fix="astrobio quarantine")


@dataclass(frozen=True)
class Record:
    """An admitted object.

    Attributes
    ----------
    digest, size : str, int
        SHA-256 and bytes.
    kind, source, key, group, assurance : str
        What it is, where it is from, its name there, what must stay on one side of a split, and how well its
        origin is established.
    provenance_json : str
        Its provenance as JSON; ``provenance`` reads it.
    """

    digest: str
    size: int
    kind: str
    source: str
    key: str
    group: str
    assurance: str
    provenance_json: str

    @property
    def provenance(self) -> Provenance:
        """Where the bytes came from."""
        return Provenance.from_json(self.provenance_json)


@dataclass
class AdmissionReport:
    """What became of a stream of objects."""

    admitted: int = 0
    already: int = 0
    rejected: list[tuple[str, Verdict]] = field(default_factory=list)


@dataclass
class StoreReport:
    """What :meth:`RealDataStorage.verify` found; ``sound`` if nothing.

    ``altered`` are records whose row in the catalogue, provenance included, is not what was admitted.
    """

    records: int = 0
    missing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    refused: list[tuple[str, list[str]]] = field(default_factory=list)
    unnamed: int = 0
    journal_rows: int = 0
    journal_error: str | None = None

    @property
    def sound(self) -> bool:
        """Whether every record is there and what it was."""
        return not (self.damaged or self.refused or self.journal_error)

    @property
    def damaged(self) -> int:
        """Records that are gone, have changed, or whose row was altered."""
        return len(self.missing) + len(self.changed) + len(self.altered)


class RealDataStorage:
    """The store in a folder. Opening it checks that the data is there.

    Parameters
    ----------
    root : path, optional
        Its folder; ``ASTROBIO_STORE``, else the user's data folder, unless given.
    create : bool
        Make an empty store where there is none.

    Raises
    ------
    RealDataNotFound
        If there is no store.
    IntegrityError
        If its catalogue is missing or broken, or an object is gone or cut short.
    """

    def __init__(self, root: str | Path | None = None, create: bool = False) -> None:
        self.root = store_root(root)
        self.objects = self.root / "objects"
        self.batches = self.root / "batches"
        self.quarantine = self.root / "quarantine"
        self.derivations = self.root / "derivations"
        catalogue = self.root / "catalog.sqlite"
        if not catalogue.exists():
            if self.objects.exists() and any(self.batches.glob("*.jsonl")):
                raise IntegrityError(f"the store {self.root} has lost its catalogue", fix="astrobio store rebuild")
            if not create:
                raise RealDataNotFound(f"there is no store in {self.root}", fix=DOWNLOAD)
        try:
            for folder in (self.objects, self.batches, self.quarantine, self.derivations, self.root / "partial"):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"the store {self.root} cannot be made: {error.strerror}") from error
        self.catalogue = Catalogue(catalogue)
        self._judges = Judges()
        weakref.finalize(self, self._judges.close)
        self._check_presence()

    # -- reading ------------------------------------------------------------------------------------------
    def records(self, source: str | None = None, kind: str | None = None) -> list[Record]:
        """Admitted records, ordered by source and key."""
        chosen = [(column, value) for column, value in (("source", source), ("kind", kind)) if value is not None]
        where = " AND ".join(f"{column}=?" for column, _ in chosen)
        columns = "digest, size, kind, source, key, grouping, assurance, provenance"
        return [Record(*row) for row in self.catalogue.select(columns, where, tuple(value for _, value in chosen))]

    def open(self, record: Record) -> bytes:
        """The bytes of a record, hashed on the way.

        Raises
        ------
        IntegrityError
            If they are gone or have changed.
        """
        try:
            content = self.path(record.digest).read_bytes()
        except FileNotFoundError as error:
            raise IntegrityError(f"the object of {record.key} is gone", fix="astrobio verify --deep") from error
        if sha256_bytes(content) != record.digest:
            raise IntegrityError(f"the object of {record.key} has changed", fix="astrobio verify --deep")
        return content

    def path(self, digest: str) -> Path:
        """Where the object of a digest lies."""
        return self.objects / digest[:2] / digest[2:]

    def require(self, source: str, at_least: int = 1) -> int:
        """Number of records of a source, if there are enough and all of them are whole.

        Raises
        ------
        RealDataNotFound
            If there are fewer than ``at_least``.
        IntegrityError
            If an object has changed.
        """
        records = self.records(source=source)
        if len(records) < at_least:
            raise RealDataNotFound(
                f"the store {self.root} holds {len(records)} records of {source}, and {at_least} are needed",
                fix=DOWNLOAD,
            )
        broken = self.damaged(records)
        if broken:
            raise IntegrityError(
                f"{len(broken)} of {len(records)} records of {source} are gone or have changed, the first "
                f"{broken[0].key}", fix="astrobio verify --deep",
            )  # fmt: skip
        return len(records)

    def assurance_counts(self, source: str) -> dict[str, int]:
        """Records of a source by how well their origin is established."""
        return dict(Counter(row[0] for row in self.catalogue.select("assurance", "source=?", (source,))))

    def judgements(self, source: str) -> dict[str, dict[str, Any]]:
        """What the gates found in each record of a source, by its key: ``checks``, ``flags``, and ``counts``."""
        return {
            key: json.loads(verdict) for key, verdict in self.catalogue.select("key, verdict", "source=?", (source,))
        }

    def damaged(self, records: Iterable[Record]) -> list[Record]:
        """Those of the records whose objects are gone or have changed."""
        records = list(records)
        present = [record for record in records if self.path(record.digest).is_file()]
        found = sha256_files([self.path(record.digest) for record in present])
        sound = {record.digest for record, digest in zip(present, found, strict=True) if record.digest == digest}
        return [record for record in records if record.digest not in sound]

    def _check_presence(self) -> None:
        """Every record has an object of its size; one listing of the folders, not one look for each."""
        sizes: dict[str, int] = {}
        for folder in os.scandir(self.objects):
            if folder.is_dir():
                sizes.update({folder.name + item.name: item.stat().st_size for item in os.scandir(folder.path)})
        wrong = [key for digest, size, key in self.catalogue.select("digest, size, key") if sizes.get(digest) != size]
        if wrong and not self._tolerant:
            raise IntegrityError(
                f"the store {self.root}: {len(wrong)} objects are gone or cut short, the first of {wrong[0]}",
                fix="astrobio verify --deep",
            )

    _tolerant = False

    @classmethod
    def inspect(cls, root: str | Path | None = None) -> RealDataStorage:
        """Open a store to look for damage: as the constructor, but objects that are gone do not stop it."""

        class _Inspected(cls):  # type: ignore[valid-type, misc]
            _tolerant = True

        return _Inspected(root)

    # -- admission ----------------------------------------------------------------------------------------
    def admit(self, content: bytes | Path, provenance: Provenance) -> Record:
        """Let one object pass the gates and keep it.

        Raises
        ------
        Rejected
            If the gates refuse it; it lies in quarantine with its verdict.
        StoreError
            If it cannot be written; nothing of it is left.
        """
        content = _read(content)
        report = self.admit_many([(content, provenance)])
        if report.rejected:
            raise Rejected(*report.rejected[0])
        digest = sha256_bytes(content)
        return next(record for record in self.records(source=provenance.source) if record.digest == digest)

    def admit_many(self, items: Iterable[tuple[bytes | Path, Provenance]]) -> AdmissionReport:
        """Let a stream of objects pass the gates, in batches; what is refused goes to quarantine.

        An object that is there already is left as it is. Bytes under a key that holds other bytes are refused.
        """
        report = AdmissionReport()
        source = iter(items)
        while batch := [(_read(content), provenance) for content, provenance in islice(source, BATCH)]:
            self._admit_batch(batch, report)
        return report

    def _admit_batch(self, batch: list[tuple[bytes, Provenance]], report: AdmissionReport) -> None:
        known = self._known(batch)
        accepted: dict[str, tuple[bytes, dict[str, Any]]] = {}
        new = []
        for content, provenance in batch:
            digest = sha256_bytes(content)
            if known.get((provenance.source, provenance.key)) == digest:
                report.already += 1
            else:
                new.append((content, digest, provenance))
        verdicts = self._judged(new)
        claims: dict[str, set[str]] = defaultdict(set)
        for (_, digest, provenance), verdict in zip(new, verdicts, strict=True):
            if verdict.admitted:
                claims[digest].add(_label(provenance))
        for (content, digest, provenance), verdict in zip(new, verdicts, strict=True):
            verdict = self._check_identity(verdict, digest, provenance, known, claims[digest])
            if not verdict.admitted:
                self._set_aside(content, digest, provenance, verdict)
                report.rejected.append((provenance.key, verdict))
                continue
            known[provenance.source, provenance.key] = digest
            known["", digest] = _label(provenance)
            accepted[digest] = content, _row(content, digest, provenance, verdict)
        if accepted:
            report.admitted += self._keep(accepted)

    def _judged(self, new: list[tuple[bytes, str, Provenance]]) -> list[Verdict]:
        """What the gates find; foreign formats are read from files by processes of their own."""
        found: dict[int, Verdict] = {}
        foreign: list[int] = []
        for place, (content, _, provenance) in enumerate(new):
            if product_of(provenance).isolated:
                foreign.append(place)
            else:
                found[place] = verify(content, provenance)
        paths: list[Path] = []
        try:
            for place in foreign:
                content, digest, _ = new[place]
                paths.append(files.temporary(self.root / "partial", f"{digest}.judged"))
                paths[-1].write_bytes(content)
            items = [(str(path), new[place][2].to_json()) for path, place in zip(paths, foreign, strict=True)]
            found |= dict(zip(foreign, self._judges.judge(items), strict=True))
        except OSError as error:
            raise self._unwritten(error) from error
        finally:
            for path in paths:
                files.unlink(path)
        return [found[place] for place in range(len(new))]

    def _known(self, batch: list[tuple[bytes, Provenance]]) -> dict[tuple[str, str], str]:
        """Digests by source and key that the store holds of a batch's, and who holds each of its digests."""
        known: dict[tuple[str, str], str] = {}
        keys = [provenance.key for _, provenance in batch]
        digests = [sha256_bytes(content) for content, _ in batch]
        marks = ",".join("?" * len(batch))
        for source in {provenance.source for _, provenance in batch}:
            for key, digest in self.catalogue.select("key, digest", f"source=? AND key IN ({marks})", (source, *keys)):
                known[source, key] = digest
        for source, key, digest in self.catalogue.select("source, key, digest", f"digest IN ({marks})", (*digests,)):
            known["", digest] = f"{source}: {key}"
        return known

    def _check_identity(
        self,
        verdict: Verdict,
        digest: str,
        provenance: Provenance,
        known: dict[tuple[str, str], str],
        claimed: set[str],
    ) -> Verdict:
        """One key has one content, and one content one key; of several that claim it at once none has it."""
        other = known.get((provenance.source, provenance.key))
        twin = known.get(("", digest)) or min(claimed - {_label(provenance)}, default=None)
        rows = list(verdict.findings)
        if other is not None and other != digest:
            rows.append(Finding("forensics", "one content a key", False, "refuse", f"{provenance.key} holds "
                                f"{other[:16]} already", "the bytes that were admitted under this key"))  # fmt: skip
        if twin is not None and twin != _label(provenance):
            rows.append(Finding("forensics", "one key a content", False, "refuse", f"the bytes of {twin}",
                                "bytes that no other key holds"))  # fmt: skip
        return Verdict(tuple(rows), verdict.counts)

    def _keep(self, accepted: dict[str, tuple[bytes, dict[str, Any]]]) -> int:
        rows = [row for _, row in accepted.values()]
        text = "".join(json.dumps(row, sort_keys=True, separators=(",", ":")) + "\n" for row in rows)
        name = sha256_bytes(text.encode())
        try:
            folders = set()
            for digest, (content, _) in accepted.items():
                target = self.path(digest)
                target.parent.mkdir(exist_ok=True)
                self._place(target, content)
                folders.add(target.parent)
            for folder in folders:
                files.sync_folder(folder)
            self._place(self.batches / f"{name}.jsonl", text.encode())
            files.sync_folder(self.batches)
            return self.catalogue.add([_columns(row, name) for row in rows], "admit", {"batch": name})
        except (OSError, sqlite3.OperationalError) as error:
            raise self._unwritten(error) from error

    def _place(self, target: Path, content: bytes) -> None:
        partial = files.temporary(self.root / "partial", target.name)
        try:
            files.write_synced(partial, content)
            files.rename(partial, target)
        finally:
            files.unlink(partial)

    def _unwritten(self, error: OSError | sqlite3.OperationalError) -> StoreError:
        if isinstance(error, OSError):
            full = error.errno == errno.ENOSPC
        else:
            full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
        if full:
            return StoreError(f"the disk of the store {self.root} is full; nothing of this batch was admitted",
                              fix="the same command again, once there is room")  # fmt: skip
        return StoreError(f"the store {self.root} cannot be written: {error}")

    def _set_aside(self, content: bytes, digest: str, provenance: Provenance, verdict: Verdict) -> None:
        try:
            self._place(self.quarantine / f"{digest}.bin", content)
            note = {"key": provenance.key, "provenance": json.loads(provenance.to_json()), "verdict": verdict.to_dict()}
            self._place(self.quarantine / f"{digest}.json", json.dumps(note, indent=1).encode())
            self.catalogue.note("refuse", {"digest": digest, "key": provenance.key, "reasons": verdict.reasons})
        except (OSError, sqlite3.OperationalError) as error:
            raise self._unwritten(error) from error

    def quarantined(self) -> list[dict[str, Any]]:
        """What was refused, with its verdict."""
        return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(self.quarantine.glob("*.json"))]

    def sweep(self) -> int:
        """Remove the files that processes of this machine had under way when they were killed; returns how many."""
        return files.sweep(self.root / "partial")

    # -- care ---------------------------------------------------------------------------------------------
    def verify(self, deep: bool = False) -> StoreReport:
        """Check the journal and that every object is there; ``deep`` hashes each and lets it pass the gates again.

        Both are done on all cores.
        """
        records = self.records()
        report = StoreReport(records=len(records))
        for record in records:
            path = self.path(record.digest)
            if not path.is_file():
                report.missing.append(record.key)
            elif path.stat().st_size != record.size:
                report.changed.append(record.key)
        whole = set(report.missing) | set(report.changed)
        if deep:
            rest = [record for record in records if record.key not in whole]
            broken = {record.digest for record in self.damaged(rest)}
            report.changed += [record.key for record in rest if record.digest in broken]
            sound = [record for record in rest if record.digest not in broken]
            items = [(str(self.path(record.digest)), record.provenance_json) for record in sound]
            isolated = any(product_of(record.provenance).isolated for record in sound)
            verdicts = judge(items, self._judges, isolated)
            report.refused = [
                (record.key, verdict.reasons)
                for record, verdict in zip(sound, verdicts, strict=True)
                if not verdict.admitted
            ]
        named = {record.digest for record in records}
        present = {folder.name + item.name for folder in self.objects.iterdir() for item in folder.iterdir()}
        report.unnamed = len(present - named)
        try:
            report.journal_rows = len(self.catalogue.journal())
            report.altered = [record.key for record in self.not_as_admitted(records)]
        except IntegrityError as error:
            report.journal_error = error.message
        return report

    def not_as_admitted(self, records: list[Record]) -> list[Record]:
        """Records whose row in the catalogue differs from the batch file of their admission.

        The journal names each batch file, and the name is the SHA-256 of what the file holds: so the journal's
        chain of hashes covers every record's provenance.

        Raises
        ------
        IntegrityError
            If the journal was changed.
        """
        admitted: dict[str, Record] = {}
        for name in {row["detail"]["batch"] for row in self.journal() if "batch" in row["detail"]}:
            path = self.batches / f"{name}.jsonl"
            content = path.read_bytes() if path.is_file() else b""
            if sha256_bytes(content) != name:
                continue
            for row in map(json.loads, content.splitlines()):
                admitted[row["digest"]] = Record(*_columns(row, name)[:-2])
        return [record for record in records if admitted.get(record.digest) != record]

    def derive(self, digest: str, records: Iterable[Record], path: str = "") -> None:
        """Note that a pack of digest ``digest`` was built from records; the note survives the catalogue."""
        listed = list(records)
        note: dict[str, Any] = {
            "digest": digest,
            "source": ",".join(sorted({record.source for record in listed})),
            "records_sha256": sha256_json(sorted(record.digest for record in listed)),
            "path": path,
            "count": len(listed),
        }
        try:
            self._place(self.derivations / f"{digest}.json", json.dumps(note, sort_keys=True).encode())
        except OSError as error:
            raise self._unwritten(error) from error
        self.catalogue.derive(**note)

    def delete_source(self, source: str) -> int:
        """Delete all records of a source.

        Raises
        ------
        RefusedInput
            If a pack that is still there was derived from it.
        """
        packs = [path for _, path in self.catalogue.derived(source) if path and Path(path).exists()]
        if packs:
            raise RefusedInput(f"packs were built from {source}: {', '.join(packs)}", fix="remove these packs first")
        digests = self.catalogue.remove(source)
        for derivation in self.derivations.glob("*.json"):
            if source in json.loads(derivation.read_text(encoding="utf-8"))["source"].split(","):
                files.unlink(derivation)
        for batch in self.batches.glob("*.jsonl"):
            if all(json.loads(line)["provenance"]["source"] == source for line in batch.read_text().splitlines()):
                files.unlink(batch)
        for digest in digests:
            files.unlink(self.path(digest))
        return len(digests)

    def journal(self) -> list[dict[str, Any]]:
        """Rows of the journal; raises IntegrityError if one was changed."""
        return self.catalogue.journal()

    @classmethod
    def rebuild(cls, root: str | Path | None = None) -> RealDataStorage:
        """Make the catalogue anew from what lies beside the objects; the old one, with its journal, is kept.

        Objects that have changed, or that the gates now refuse, are left out.

        Raises
        ------
        RealDataNotFound
            If there is nothing to rebuild from.
        """
        folder = store_root(root)
        batches = sorted((folder / "batches").glob("*.jsonl"))
        if not batches:
            raise RealDataNotFound(f"there is nothing in {folder} to rebuild a catalogue from", fix=DOWNLOAD)
        for name in ("catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"):
            if (folder / name).exists():
                files.rename(folder / name, folder / f"{name}.before")
        catalogue = Catalogue(folder / "catalog.sqlite")
        for batch in batches:
            rows = [row for row in _read_batch(batch) if _still_sound(folder, row)]
            catalogue.add([_columns(row, batch.stem) for row in rows], "rebuild", {"batch": batch.stem})
        for derivation in sorted((folder / "derivations").glob("*.json")):
            catalogue.derive(**json.loads(derivation.read_text(encoding="utf-8")))
        catalogue.close()
        return cls(folder)


def _row(content: bytes, digest: str, provenance: Provenance, verdict: Verdict) -> dict[str, Any]:
    return {
        "digest": digest,
        "size": len(content),
        "group": group(content, provenance),
        "provenance": json.loads(provenance.to_json()),
        "verdict": {
            "admitted": True,
            "checks": len(verdict.findings),
            "flags": verdict.flags,
            "counts": dict(verdict.counts),
        },
    }


def _label(provenance: Provenance) -> str:
    return f"{provenance.source}: {provenance.key}"


def _read(content: bytes | Path) -> bytes:
    return content.read_bytes() if isinstance(content, Path) else content


def _columns(row: dict[str, Any], batch: str) -> tuple[Any, ...]:
    provenance = Provenance(**row["provenance"])
    return (row["digest"], row["size"], provenance.kind, provenance.source, provenance.key, row["group"],
            provenance.assurance, provenance.to_json(), json.dumps(row["verdict"]), batch)  # fmt: skip


def _read_batch(path: Path) -> Iterator[dict[str, Any]]:
    content = path.read_bytes()
    if sha256_bytes(content) != path.stem:
        raise IntegrityError(f"the batch file {path} has changed; records it names cannot be rebuilt from it")
    yield from (json.loads(line) for line in content.decode().splitlines())


def _still_sound(root: Path, row: dict[str, Any]) -> bool:
    path = root / "objects" / row["digest"][:2] / row["digest"][2:]
    if not path.is_file():
        return False
    content = path.read_bytes()
    return sha256_bytes(content) == row["digest"] and verify(content, Provenance(**row["provenance"])).admitted
