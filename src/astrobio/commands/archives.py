"""Commands that show the sources, fetch them, and import saved files of them."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from astrobio.archives.source import Source
from astrobio.commands.showing import Result, show, table


def sources(options: argparse.Namespace) -> Result:
    """Show the sources, or one of them in full."""
    from astrobio.archives.registry import SOURCES, source

    storage = _storage_if_there(options.store)
    if options.name:
        document = _description(source(options.name), storage)
        show(options, *_page(document))
        return True, document
    documents = [_description(one, storage) for one in SOURCES.values()]
    rows = [(one["name"], one["holds"], _held(one["held"]), one["newest"] or "", one["licence"]["name"],
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

    from astrobio.archives.genuine import verified_on_genuine_bytes
    from astrobio.fetch.engine import held_counts

    records = storage.records(source=one.name) if storage is not None else []
    genuine = verified_on_genuine_bytes(one.name)
    seen = (
        f"{max(file.verified for file in genuine)}, {len(genuine)} files, {genuine[0].sha256[:12]}" if genuine else ""
    )
    retrieved = [record.provenance.detail.get("retrieved", "") for record in records]
    return {
        "name": one.name,
        "title": one.title,
        "holds": one.holds,
        "homepage": one.homepage,
        "licence": asdict(one.licence),
        "citations": [asdict(citation) for citation in one.citations],
        "products": [
            {"name": product.name, "holds": product.holds, "kind": product.kind, "counted": product.counted,
             "expected_bytes": product.expected_bytes, "least": product.least, "default": product.default,
             "asked_by": type(product.ask).__name__ if product.ask else None}
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
        "verified": seen or "not yet run",
        "genuine_files": [file.sha256 for file in genuine],
    }  # fmt: skip


def _held(counts: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {counted}" for counted, number in counts.items())


def _page(document: dict[str, Any]) -> list[Any]:
    licence = document["licence"]
    rows = [
        ("holds", document["holds"]),
        ("home page", document["homepage"]),
        ("licence", f"{licence['name']} ({licence['url']})"),
        ("duties", licence["duties"]),
        ("may be passed on", "yes" if licence["redistributable"] else "no"),
        ("in the store", _held(document["held"]) or "nothing"),
        ("verified on genuine bytes", document["verified"]),
        ("requests", f"at most {document['connections']} at once, {document['interval']:g} s apart, a host"),
        ("token", document["token"] or "none"),
        ("cite", ", ".join(citation["key"] for citation in document["citations"])),
    ]
    products = [
        (one["name"], one["holds"], one["kind"], f"{one['least']:,} {one['counted']}",
         f"{one['expected_bytes'] / 1e6:,.1f}", one["asked_by"] or "import only") for one in document["products"]
    ]  # fmt: skip
    head = ("product", "holds", "kind", "at least", "MB", "asked by")
    return [table(document["title"], rows), table("Products", products, head), *document["notes"]]


def fetch(options: argparse.Namespace) -> Result:
    """Fetch sources into the store."""
    from contextlib import nullcontext

    from astrobio.fetch.engine import Fetcher
    from astrobio.fetch.mirror import Mirror
    from astrobio.store import RealDataStorage
    from astrobio.transfer.download import progress_bar

    mirror = Mirror.named(options.mirror)
    if options.dry_run:
        return _plan(options, mirror)
    storage = RealDataStorage(options.store, create=True)
    reports = []
    with progress_bar() if sys.stderr.isatty() else nullcontext() as told:
        fetcher = Fetcher(storage, mirror, options.update, told)
        fetcher.accept_terms(options.accept_terms)
        for report in fetcher.fetch(options.source):
            reports.append(report)
            show(options, _line(report))
            for key, reasons in report.refused[:20]:
                show(options, f"   refused: {key}: {'; '.join(reasons)}")
            for change in report.changes[:20]:
                show(options, f"   {change}")
    good = all(report.complete or (report.skipped and not options.source) for report in reports)
    document = {"store": str(storage.root), "mirror": mirror.place if mirror else None,
                "sources": [report.to_dict() for report in reports]}  # fmt: skip
    return good, document


def _line(report: Any) -> str:
    if report.skipped:
        return f"⚠️ {report.title}: skipped: {report.skipped}. Run: {report.command}"
    held = _held(report.counts) or "nothing"
    moved = f", {report.transferred / 1e6:,.1f} MB transferred" if report.transferred else ""
    text = f"{report.title}: {held} ({report.admitted} files new, {report.already} there already{moved})"
    if report.failed:
        fix = f". Run: {report.command}" if report.command else ""
        return f"❌ {text}: {report.failed}{fix}"
    return f"{'✅' if report.complete else '❌'} {text}"


def _plan(options: argparse.Namespace, mirror: Any) -> Result:
    """What a fetch would ask for: how much, and under which licences."""
    from astrobio.archives.registry import SOURCES, source
    from astrobio.fetch.engine import is_fetched

    chosen = [source(name) for name in options.source] or [one for one in SOURCES.values() if is_fetched(one)]
    rows = []
    for one in chosen:
        for product in one.products:
            if product.default and (product.ask is not None or mirror is not None):
                rows.append((one.name, product.name, product.expected_bytes, one.licence.name, one.licence.duties))
    shown = [(name, product, f"{size / 1e6:,.1f}", licence, duties) for name, product, size, licence, duties in rows]
    total = sum(size for _, _, size, _, _ in rows)
    head = ("source", "product", "MB", "licence", "duties")
    show(options, table(f"Would be fetched: about {total / 1e6:,.0f} MB", shown, head))
    named = ("source", "product", "expected_bytes", "licence", "duties")
    return True, {"total_bytes": total, "products": [dict(zip(named, row, strict=True)) for row in rows]}


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
