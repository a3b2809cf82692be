"""The catalogue: an SQLite database of records, verdicts, derivations, and the journal.

It can be rebuilt from the batch files that lie beside the objects. The journal is a table whose rows carry
the hash of the row before, so that none can be changed or removed unseen.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from astrobio.core.errors import IntegrityError
from astrobio.core.hashing import sha256_json

SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    digest TEXT PRIMARY KEY, size INTEGER NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL, key TEXT NOT NULL,
    grouping TEXT NOT NULL, assurance TEXT NOT NULL, provenance TEXT NOT NULL, verdict TEXT NOT NULL,
    batch TEXT NOT NULL, UNIQUE (source, key));
CREATE TABLE IF NOT EXISTS derived (
    digest TEXT PRIMARY KEY, source TEXT NOT NULL, records_sha256 TEXT NOT NULL, path TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS journal (
    number INTEGER PRIMARY KEY, time REAL NOT NULL, event TEXT NOT NULL, detail TEXT NOT NULL,
    before TEXT NOT NULL, hash TEXT NOT NULL);
"""


class Catalogue:
    """The database of one store.

    Parameters
    ----------
    path : Path
        The file; made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.database = sqlite3.connect(path, timeout=60.0, isolation_level=None)
            self.database.execute("PRAGMA journal_mode = WAL")
            self.database.execute("PRAGMA foreign_keys = ON")
            self.database.execute("PRAGMA synchronous = FULL")
            version = self.database.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA_VERSION:
                raise IntegrityError(
                    f"{path} was written by a later version (schema {version})", fix="pip install -U astrobio"
                )
            if version < SCHEMA_VERSION:
                self.database.executescript(_SCHEMA + f"PRAGMA user_version = {SCHEMA_VERSION};")
        except sqlite3.DatabaseError as error:
            # A disk that is full or fails does not mend by another catalogue.
            fix = None if isinstance(error, sqlite3.OperationalError) else "astrobio store rebuild"
            raise IntegrityError(f"the catalogue {path} cannot be read: {error}", fix=fix) from error

    def add(self, rows: Iterable[tuple[Any, ...]], event: str, detail: dict[str, Any]) -> int:
        """Insert records and a row of the journal in one transaction; returns how many were new."""
        with _Transaction(self.database):
            before = self.database.total_changes
            self.database.executemany("INSERT OR IGNORE INTO records VALUES (?,?,?,?,?,?,?,?,?,?)", rows)
            added = self.database.total_changes - before
            self._note(event, detail | {"added": added})
        return added

    def note(self, event: str, detail: dict[str, Any]) -> None:
        """Add a row to the journal."""
        with _Transaction(self.database):
            self._note(event, detail)

    def _note(self, event: str, detail: dict[str, Any]) -> None:
        last = self.database.execute("SELECT number, hash FROM journal ORDER BY number DESC LIMIT 1").fetchone()
        number, before = (last[0] + 1, last[1]) if last else (1, "")
        row = [number, round(time.time(), 3), event, json.dumps(detail, sort_keys=True), before]
        self.database.execute("INSERT INTO journal VALUES (?,?,?,?,?,?)", [*row, sha256_json(row)])

    def derive(self, digest: str, source: str, records_sha256: str, path: str, count: int) -> None:
        """Note that something was derived from the records of a source, or of several, parted by commas."""
        with _Transaction(self.database):
            self.database.execute(
                "INSERT OR REPLACE INTO derived VALUES (?,?,?,?)", (digest, source, records_sha256, path)
            )
            self._note("derive", {"digest": digest, "source": source, "records": count})

    def remove(self, source: str) -> list[str]:
        """Forget the records of a source; returns their digests."""
        with _Transaction(self.database):
            digests = [row[0] for row in self.database.execute("SELECT digest FROM records WHERE source=?", (source,))]
            self.database.execute("DELETE FROM records WHERE source=?", (source,))
            self._note("delete", {"source": source, "records": len(digests)})
        return digests

    def select(self, columns: str, where: str = "", values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Rows of the records table, in the order of their keys."""
        clause = f" WHERE {where}" if where else ""
        try:
            return self.database.execute(
                f"SELECT {columns} FROM records{clause} ORDER BY source, key", values
            ).fetchall()
        except sqlite3.DatabaseError as error:
            raise IntegrityError(
                f"the catalogue {self.path} cannot be read: {error}", fix="astrobio store rebuild"
            ) from error

    def derived(self, source: str) -> list[tuple[str, str]]:
        """Digest and path of what was derived from a source."""
        rows = self.database.execute("SELECT digest, path, source FROM derived").fetchall()
        return [(digest, path) for digest, path, sources in rows if source in sources.split(",")]

    def journal(self) -> list[dict[str, Any]]:
        """All rows of the journal.

        Raises
        ------
        IntegrityError
            If a row was changed or removed.
        """
        rows: list[dict[str, Any]] = []
        before = ""
        try:
            stored = self.database.execute("SELECT * FROM journal ORDER BY number").fetchall()
        except sqlite3.DatabaseError as error:
            raise IntegrityError(
                f"the journal of {self.path} cannot be read: {error}", fix="astrobio store rebuild"
            ) from error
        for number, when, event, detail, link, found in stored:
            expected = sha256_json([number, when, event, detail, link])
            if number != len(rows) + 1 or link != before or found != expected:
                raise IntegrityError(f"the journal of {self.path} was changed at row {len(rows) + 1}")
            rows.append({"number": number, "time": when, "event": event, "detail": json.loads(detail), "hash": found})
            before = found
        return rows

    def close(self) -> None:
        """Close the database."""
        self.database.close()


class _Transaction:
    """A transaction that takes the write lock at once, so that two writers wait instead of failing."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database

    def __enter__(self) -> None:
        self.database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        try:
            if kind is None:
                self.database.execute("COMMIT")
        finally:
            if self.database.in_transaction:  # a full disk may have ended it already
                self.database.execute("ROLLBACK")
