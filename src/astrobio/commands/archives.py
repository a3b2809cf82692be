"""Commands that show the sources, fetch them, and import saved files of them."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astrobio.archives.source import Source
from astrobio.commands.showing import Result, show, table
from astrobio.core.console import say
from astrobio.core.errors import EXIT_CHECK_FAILED

if TYPE_CHECKING:
    from astrobio.fetch.mirror import Mirror
    from astrobio.fetch.report import SourceReport

SHOWN = 20
"""Refused objects of a source that are listed; all are in quarantine."""


def sources(options: argparse.Namespace) -> Result:
    """Show the sources, or one of them in full."""
    from astrobio.archives.registry import SOURCES, source

    storage = _storage_if_there(options.store)
    if options.name:
        document = _description(source(options.name), storage)
        show(options, *_page(document))
        return True, document
    documents = [_description(one, storage) for one in SOURCES.values()]
    rows = [(one["name"], one["holds"], _held(one["held"]), _age(one), one["licence"]["name"],
             one["verified"]) for one in documents]  # fmt: skip
    show(options, table(f"{len(rows)} sources", rows, ("source", "holds", "in the store", "newest", "licence",
                                                       "verified on genuine bytes")))  # fmt: skip
    return True, documents


def _storage_if_there(root: str | None) -> Any:
    from astrobio.store import RealDataStorage
    from astrobio.store.storage import RealDataNotFound

    try:
        return RealDataStorage.inspect(root)
    except RealDataNotFound:
        return None


def _description(one: Source, storage: Any) -> dict[str, Any]:
    from dataclasses import asdict

    from astrobio.archives import describing
    from astrobio.archives.genuine import verified_on_genuine_bytes
    from astrobio.fetch.engine import held_counts

    records = storage.records(source=one.name) if storage is not None else []
    retrieved = [record.provenance.detail.get("retrieved", "") for record in records]
    imported = [record.provenance.detail.get("imported", "") for record in records]
    return {
        "name": one.name,
        "title": one.title,
        "holds": one.holds,
        "homepage": one.homepage,
        "licence": asdict(one.licence),
        "citations": [{"key": citation.key, "bibtex": citation.bibtex} for citation in one.citations],
        "products": [
            {"name": product.name, "holds": product.holds, "kind": product.kind, "counted": product.counted,
             "expected_bytes": product.expected_bytes, "least": product.least, "default": product.default,
             "asked_by": type(product.ask).__name__ if product.ask else None,
             "protocol": describing.asked_by(product.ask), "endpoint": describing.endpoint(product.ask),
             "format": describing.written(product), "genuine": describing.tried(one, product)}
            for product in one.products
        ],
        "interval": one.interval,
        "connections": one.connections,
        "token": one.token,
        "notes": list(one.notes),
        "held": held_counts(storage, one) if records else {},
        "records": len(records),
        "assurance": dict(Counter(record.assurance for record in records)),
        "newest": max(retrieved)[:10] if any(retrieved) else None,
        "imported": max(imported)[:10] if any(imported) else None,
        "verified": describing.verified(one),
        "allowed": describing.allowed(one),
        "requests": describing.requests(one),
        "token_use": describing.token(one),
        "acknowledgement": one.acknowledgement,
        "unconfirmed": list(one.unconfirmed),
        "commands": describing.commands(one),
        "genuine_files": [file.sha256 for file in verified_on_genuine_bytes(one.name)],
    }  # fmt: skip


def _age(document: dict[str, Any]) -> str:
    """When the newest was retrieved; of saved files only when they came in is known, not how old they are."""
    return document["newest"] or (f"saved before {document['imported']}" if document["imported"] else "")


def _held(counts: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {counted}" for counted, number in counts.items())


def _page(document: dict[str, Any]) -> list[Any]:
    from astrobio.archives import describing

    licence = document["licence"]
    rows = [
        ("holds", document["holds"]),
        ("home page", document["homepage"]),
        ("licence", f"{licence['name']} ({licence['url']})"),
        ("duties", licence["duties"]),
        ("this lets one", document["allowed"]),
        ("terms to accept", licence["to_accept"] or "none"),
        ("in the store", _held(document["held"]) or "nothing"),
        ("verified on genuine bytes", document["verified"]),
        ("requests to a host", document["requests"]),
        ("token", document["token_use"]),
        ("cite", ", ".join(citation["key"] for citation in document["citations"]) or "see the sentence"),
        ("sentence asked for", document["acknowledgement"] or "none"),
    ]
    products = [
        (one["name"], one["holds"], one["kind"], one["format"], f"{one['least']:,} {one['counted']}",
         describing.size(one["expected_bytes"]), one["protocol"], one["genuine"]) for one in document["products"]
    ]  # fmt: skip
    head = ("product", "holds", "kind", "format", "at least", "size", "asked by", "genuine files")
    lines = [*document["notes"], *(f"Not confirmed: {line}" for line in document["unconfirmed"])]
    return [table(document["title"], rows), table("Products", products, head), *lines, *document["commands"]]


def fetch(options: argparse.Namespace) -> Result:
    """Fetch sources into the store.

    The exit code is 0 where all is well; 1 where a source is incomplete, or the sources failed in different ways; 4
    where what came was refused; 5 where a source could not be reached.
    """
    from contextlib import nullcontext

    from astrobio.fetch.engine import Fetcher
    from astrobio.fetch.mirror import Mirror
    from astrobio.fetch.report import one_code
    from astrobio.store import RealDataStorage
    from astrobio.transfer.download import progress_bar

    mirror = Mirror.named(options.mirror)
    if options.dry_run:
        return _plan(options, mirror)
    storage = RealDataStorage(options.store, create=True)
    reports = []
    with progress_bar() if sys.stderr.isatty() else nullcontext() as told:
        fetcher = Fetcher(storage, mirror, options.update, told, lambda line: say(line, sys.stderr))
        fetcher.accept_terms(options.accept_terms)
        for report in fetcher.fetch(options.source):
            reports.append(report)
            show(options, *_lines(report))
    codes = [report.exit_code for report in reports]
    if options.source and any(report.skipped for report in reports):
        codes.append(EXIT_CHECK_FAILED)
    document = {"store": str(storage.root), "mirror": mirror.place if mirror else None,
                "exit_code": one_code(codes), "sources": [report.to_dict() for report in reports]}  # fmt: skip
    return one_code(codes), document


def _lines(report: SourceReport) -> list[str]:
    """What became of a source, for people."""
    if report.skipped:
        return [f"⚠️ {report.title}: skipped: {report.skipped}. Run: {report.command}"]
    held = _held(report.counts) or "nothing"
    moved = f", {report.transferred / 1e6:,.1f} MB transferred" if report.transferred else ""
    mark = "✅" if report.complete else "❌"
    lines = [f"{mark} {report.title}: {held} ({report.admitted} files new, {report.already} there already{moved})"]
    for failure in report.failures:
        name = f"{failure.product}: " if failure.product else ""
        lines.append(f"   {name}{failure.message}{f'. Run: {failure.command}' if failure.command else ''}")
        lines += [f"   {failure.by_hand}"] if failure.by_hand else []
    lines += [f"   refused: {key}: {'; '.join(reasons)}" for key, reasons in report.refused[:SHOWN]]
    if len(report.refused) > SHOWN:
        lines.append(f"   and {len(report.refused) - SHOWN} more were refused: astrobio quarantine")
    lines += [f"   {remark}" for remark in report.remarks]
    return lines + [f"   {line}" for change in report.changes for line in change.lines()]


def _plan(options: argparse.Namespace, mirror: Mirror | None) -> Result:
    """What a fetch would ask for: how much, and under which licences."""
    from astrobio.archives.genuine import verified_on_genuine_bytes
    from astrobio.fetch.engine import cannot, chosen

    storage = _storage_if_there(options.store)
    rows: list[dict[str, Any]] = []
    for one, products in chosen(options.source, mirror is not None):
        skipped, command = cannot(storage, one, products, mirror is not None)
        rows += [
            {"source": one.name, "product": product.name, "holds": product.holds,
             "expected_bytes": product.expected_bytes, "licence": one.licence.name, "duties": one.licence.duties,
             "skipped": skipped, "command": command,
             "verified": bool(verified_on_genuine_bytes(one.name))}
            for product in products if product.ask is not None or mirror is not None or skipped
        ]  # fmt: skip
    total = sum(row["expected_bytes"] for row in rows if not row["skipped"])
    shown = [(row["source"], row["product"], f"{row['expected_bytes'] / 1e6:,.1f}", row["licence"], row["duties"],
              f"skipped: {row['skipped']}" if row["skipped"] else "") for row in rows]  # fmt: skip
    head = ("source", "product", "MB", "licence", "duties", "")
    show(options, table(f"Would be fetched: about {total / 1e6:,.0f} MB", shown, head))
    return True, {"total_bytes": total, "products": rows}


def import_saved(options: argparse.Namespace) -> Result:
    """Admit a file that a user has saved from a source."""
    from astrobio.archives.registry import source
    from astrobio.fetch.engine import held_counts, import_file
    from astrobio.store import RealDataStorage
    from astrobio.store.storage import Rejected

    one = source(options.what)
    storage = RealDataStorage(options.store, create=True)
    report = import_file(storage, one, Path(options.file), options.product)
    if report.rejected:
        raise Rejected(*report.rejected[0])
    held = held_counts(storage, one)
    state = "admitted" if report.admitted else "there already"
    show(options, f"{options.file}: {state}. {one.title}: {_held(held)}")
    return True, {"store": str(storage.root), "admitted": report.admitted, "already": report.already, "held": held}
