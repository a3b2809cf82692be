"""Made sources over the services on loopback, and what the tests of fetching share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from astrobio.archives.asking import Ask
from astrobio.archives.citing import Citation
from astrobio.archives.registry import SOURCES
from astrobio.archives.source import Licence, Product, Source
from astrobio.core.errors import FormatError
from astrobio.core.provenance import Provenance
from astrobio.fetch import bringing, engine, jobs, mast
from astrobio.fetch.mirror import Mirror
from astrobio.fetch.report import SourceReport
from astrobio.formats.delimited import Dialect
from astrobio.formats.schema import Column, Schema
from astrobio.store import RealDataStorage
from astrobio.verify.gates import gates
from astrobio.verify.tables import TableFormat, check_table
from astrobio.verify.verdict import Findings

COMMA = TableFormat(Schema((Column("id", filled=True), Column("value")), key=("id",)))
TAB = TableFormat(COMMA.schema, Dialect(separator="\t"))
LICENCE = Licence("CC0", "https://example.org/licence", "none", True)


def _entry(content: bytes) -> bytes:
    if not content.startswith(b"ENTRY "):
        raise FormatError("it does not begin with ENTRY")
    return content


def _list(content: bytes) -> int:
    if b"<ListRecords>" not in content:
        raise FormatError("it has no records")
    return content.count(b"<record>")


def _count_records(found: Findings, count: int, _provenance: Provenance) -> None:
    found.counts["things"] = count


def _count_entry(found: Findings, _content: bytes, _provenance: Provenance) -> None:
    found.counts["things"] = 1


ENTRY, COMMA_TABLE, TAB_TABLE, RECORDS = (
    gates(_entry, _count_entry),
    gates(COMMA.read, check_table("things")),
    gates(TAB.read, check_table("things")),
    gates(_list, _count_records),
)


def product(name: str, ask: Ask | None, judge: Any = ENTRY, **options: Any) -> Product:
    """A product that is judged in the process of the test."""
    return Product(name, f"made {name}", "curated", "things", judge, ask, **{"isolated": False} | options)


def made_source(*products: Product, name: str = "made", **options: Any) -> Source:
    return Source(name, f"Made {name}", "made things", "https://example.org", options.pop("licence", LICENCE),
                  (Citation("Made2026", ("Maker",), "Made things", 2026),), products, **options)  # fmt: skip


def register(one: Source) -> Source:
    """Let the registry know a source; the fixture ``clean_registry`` undoes it."""
    SOURCES[one.name] = one
    return one


def quick() -> None:
    """No patience: further attempts come at once, and nothing is synced."""
    engine.session_for = partial(bringing.session_for, attempts=2, backoff=0.01, longest_backoff=0.05, sync=False,
                                 connect_timeout=2.0, stall_timeout=5.0)  # fmt: skip
    jobs.Patience = partial(jobs.Patience, first=0.001, longest=0.01)
    jobs.AGAIN = 0.001
    mast.PAUSE = 0.001


def fetch(root: Path, *names: str, mirror: str | Path | None = None, **options: Any) -> list[SourceReport]:
    """What became of a fetch into a store."""
    place = Mirror(mirror) if mirror is not None else None
    fetcher = engine.Fetcher(RealDataStorage(root, create=True), place, **options)
    return list(fetcher.fetch(names or ("made",)))


def fetch_one(root: Path, *names: str, **options: Any) -> SourceReport:
    [report] = fetch(root, *names, **options)
    return report


def held(root: Path) -> list[tuple[str, ...]]:
    """What a store holds, as far as it does not tell when it came."""
    records = RealDataStorage(root).records()
    return [(one.source, one.key, one.digest, one.kind, one.group, one.assurance) for one in records]


def names(root: Path) -> list[str]:
    """Keys of a store's records without their digests."""
    return [key.rpartition("#")[0] for _, key, *_ in held(root)]


def left_over(root: Path) -> list[str]:
    """Files under way."""
    return [str(path.relative_to(root)) for path in (root / "partial").rglob("*") if path.is_file()]


def said(report: SourceReport) -> str:
    """All reasons why a source is not complete."""
    reasons: Iterable[str] = [failure.message for failure in report.failures]
    return "; ".join([*reasons, *(reason for _, found in report.refused for reason in found)])


def moved(one: Source, origin: str, **changes: Any) -> Source:
    """A source of the registry whose addresses lie below a server on loopback, each under its host's name.

    Its products are judged in the process of the test; ``changes`` are made to each.
    """

    def at_home(value: Any) -> Any:
        if isinstance(value, str) and value.startswith("https://"):
            return f"{origin}/{value.removeprefix('https://')}"
        if isinstance(value, tuple):
            return tuple(at_home(part) for part in value)
        if is_dataclass(value):
            return replace(value, **{each.name: at_home(getattr(value, each.name)) for each in fields(value)})
        return value

    products = tuple(
        replace(each, **{"ask": at_home(each.ask), "isolated": False, "least": 1} | changes) for each in one.products
    )
    return register(replace(one, products=products, interval=0.0))
