"""Which of the records in a store are those of a source now, and what a new release changed.

Releases lie side by side in the store. When all files of a product have come, the journal notes it: the way of asking,
and where the newest record of a name is not what the archive has now. So a product that is complete is not asked for
again, and what an archive has withdrawn is counted no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from astrobio.archives.asking import Ask, is_single
from astrobio.archives.source import Product, Source
from astrobio.core.errors import FormatError
from astrobio.core.hashing import sha256_bytes
from astrobio.store import RealDataStorage
from astrobio.store.storage import Record
from astrobio.verify.tables import TableFormat

FETCHED = "fetched"
"""The journal's event that notes that all files of a product have come."""
SHOWN = 20


@dataclass(frozen=True)
class Release:
    """What the journal notes of a product that has come whole.

    Attributes
    ----------
    asked : str
        Digest of the way of asking.
    files : int
    instead : dict
        Names whose newest record is not what the archive has: the digest of that which is, or none.
    """

    asked: str
    files: int
    instead: dict[str, str | None]


@dataclass(frozen=True)
class Changes:
    """What a new release of a product has that the one before had not.

    Attributes
    ----------
    product, of : str
        What is compared: ``rows`` or ``files``.
    added, removed, changed : int
    examples : list of str
        The first few, by key or name.
    columns : list of str
        Columns that were added or removed.
    """

    product: str
    of: str
    added: int
    removed: int
    changed: int
    examples: list[str]
    columns: list[str]

    def lines(self) -> list[str]:
        """For people.

        >>> Changes("toi", "rows", 2, 0, 1, ["added: 1.01"], []).lines()
        ['toi: 2 rows added, 0 removed, 1 changed', '  added: 1.01']
        """
        head = f"{self.product}: {self.added} {self.of} added, {self.removed} removed, {self.changed} changed"
        columns = [f"  columns: {', '.join(self.columns)}"] if self.columns else []
        return [head, *columns, *(f"  {example}" for example in self.examples)]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def ask_digest(ask: Ask | None) -> str:
    """A digest of a way of asking: another query or address is another."""
    return sha256_bytes(repr(ask).encode())[:16]


def releases(storage: RealDataStorage, source: str) -> dict[str, Release]:
    """The last release of each product of a source that has come whole."""
    found: dict[str, Release] = {}
    for row in storage.journal():
        detail = row["detail"]
        if detail.get("source") != source:
            continue
        if row["event"] == "delete":
            found.clear()
        if row["event"] == FETCHED:
            found[detail["product"]] = Release(detail["asked"], detail["files"], detail["instead"])
    return found


def note_release(storage: RealDataStorage, one: Source, product: Product, now: dict[str, str]) -> None:
    """Note in the journal that all files of a product have come, unless it says so already.

    Parameters
    ----------
    now : dict
        Names of the files that the archive has, and the digest of each.
    """
    instead: dict[str, str | None] = {}
    for name, record in newest(of_product(storage.records(source=one.name), product)).items():
        if name in now and record.digest != now[name]:
            instead[name] = now[name]
        elif name not in now and _was_fetched(record):
            instead[name] = None
    release = Release(ask_digest(product.ask), len(now), instead)
    if releases(storage, one.name).get(product.name) != release:
        storage.catalogue.note(FETCHED, {"source": one.name, "product": product.name, **asdict(release)})


def current(storage: RealDataStorage, one: Source) -> list[Record]:
    """The records of a source as it is now: of each file the newest release, and nothing that was withdrawn."""
    records = storage.records(source=one.name)
    noted = releases(storage, one.name) if records else {}
    found: list[Record] = []
    for product in one.products:
        mine = of_product(records, product)
        release = noted.get(product.name)
        instead = release.instead if release is not None and release.asked == ask_digest(product.ask) else {}
        by_digest = {record.digest: record for record in mine}
        chosen = newest(mine)
        for name, digest in instead.items():
            if digest is None:
                chosen.pop(name, None)
            elif digest in by_digest:
                chosen[name] = by_digest[digest]
        ordered = sorted(chosen.values(), key=_when)
        found += ordered[-1:] if is_single(product.ask) else ordered
    return sorted(found, key=lambda record: record.key)


def changes(
    storage: RealDataStorage, product: Product, before: Sequence[Record], after: Sequence[Record]
) -> Changes | None:
    """What changed in a product between two releases; none where nothing did."""
    if {record.digest for record in before} == {record.digest for record in after}:
        return None
    if product.table is not None and before and after:
        try:
            return _row_changes(product.name, product.table, _table(storage, product.table, before),
                                _table(storage, product.table, after))  # fmt: skip
        except FormatError:  # a release that this version of the package reads no more
            pass
    was, is_now = ({name_of(record): record.digest for record in records} for records in (before, after))
    added, removed = sorted(is_now.keys() - was.keys()), sorted(was.keys() - is_now.keys())
    changed = sorted(name for name in was.keys() & is_now.keys() if was[name] != is_now[name])
    return Changes(product.name, "files", len(added), len(removed), len(changed), _examples(added, removed, changed),
                   [])  # fmt: skip


def name_of(record: Record) -> str:
    """The name of a record's file at its archive."""
    return str(record.provenance.detail.get("name", record.key))


def _table(storage: RealDataStorage, table: TableFormat, records: Sequence[Record]) -> pl.DataFrame:
    return pl.concat([table.text(storage.open(record)).frame for record in records], how="diagonal")


def _row_changes(product: str, table: TableFormat, before: pl.DataFrame, after: pl.DataFrame) -> Changes:
    r"""Compare rows by the schema's key; whole rows where it has none.

    >>> from astrobio.formats.schema import Column, Schema
    >>> planets = TableFormat(Schema((Column("name"), Column("mass")), key=("name",)))
    >>> old, new = (planets.text(text).frame for text in (b"name,mass\nb,1\nc,2\n", b"name,mass\nb,3\nd,2\n"))
    >>> found = _row_changes("ps", planets, old, new)
    >>> found.added, found.removed, found.changed, found.examples
    (1, 1, 1, ['added: d', 'removed: c', 'changed: b'])
    """
    shared = [name for name in before.columns if name in after.columns]
    columns = [f"+{name}" for name in after.columns if name not in shared]
    columns += [f"-{name}" for name in before.columns if name not in shared]
    key = list(table.schema.key) if set(table.schema.key) <= set(shared) else []
    was, is_now = _keyed(before, key or shared, shared), _keyed(after, key or shared, shared)
    added = was.join(is_now, on="key", how="right").filter(pl.col("row").is_null())["key"].to_list()
    removed = is_now.join(was, on="key", how="right").filter(pl.col("row").is_null())["key"].to_list()
    both = was.join(is_now, on="key", how="inner")
    changed = both.filter(pl.col("row") != pl.col("row_right"))["key"].to_list()
    examples = _examples(added, removed, changed) if key else []
    return Changes(product, "rows", len(added), len(removed), len(changed), examples, columns)


def _keyed(frame: pl.DataFrame, key: Sequence[str], shared: Sequence[str]) -> pl.DataFrame:
    """A key and the rest of each row as text; a row that comes twice has its count in the key."""
    text = [pl.col(name).fill_null("\0") for name in shared]
    keys = pl.concat_str([pl.col(name).fill_null("") for name in key], separator=" ")
    frame = frame.select(keys.alias("key"), pl.concat_str(text, separator="\x1f").alias("row"))
    again = pl.int_range(pl.len()).over("key")
    marked = pl.when(again > 0).then(pl.concat_str("key", pl.lit(" #"), again)).otherwise("key")
    return frame.with_columns(marked.alias("key"))


def _examples(added: Sequence[str], removed: Sequence[str], changed: Sequence[str]) -> list[str]:
    every = [(word, name) for word, names in (("added", added), ("removed", removed), ("changed", changed))
             for name in list(names)[:SHOWN]]  # fmt: skip
    return [f"{word}: {name}" for word, name in every[:SHOWN]]


def of_product(records: Sequence[Record], product: Product) -> list[Record]:
    """The records of a product, of those of its source."""
    return [record for record in records if record.provenance.detail.get("product", product.name) == product.name]


def newest(records: Sequence[Record]) -> dict[str, Record]:
    """The newest record of each name."""
    found: dict[str, Record] = {}
    for record in sorted(records, key=_when):
        found[name_of(record)] = record
    return found


def _when(record: Record) -> tuple[str, str]:
    detail = record.provenance.detail
    return str(detail.get("retrieved") or detail.get("imported") or ""), record.key


def _was_fetched(record: Record) -> bool:
    provenance = record.provenance
    return provenance.origin == "exchange" and "mirror" not in provenance.detail
