"""Commands that compile packs, and that write what goes with them when they are passed on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from astrobio.commands.showing import Result, bar, show, table
from astrobio.core.console import progress
from astrobio.core.errors import UsageError
from astrobio.core.paths import pack_folder


def build(options: argparse.Namespace) -> Result:
    """Compile a pack."""
    from astrobio.datasets import packs
    from astrobio.datasets.pack import Pack
    from astrobio.datasets.packs.planet_runs import SOURCE, build_planet_runs
    from astrobio.store import RealDataStorage

    storage = RealDataStorage(options.store)
    out = Path(options.out) if options.out else pack_folder(storage.root, options.what)
    out.parent.mkdir(parents=True, exist_ok=True)
    chosen: dict[str, Any] = {"overwrite": options.overwrite, "allow_declared": options.allow_declared}
    if options.what == SOURCE:
        build_planet_runs(storage, out, progress=lambda items: progress(items, "Building", len(items), "runs"),
                          **chosen)  # fmt: skip
    else:
        packs.build(storage, options.what, out, bar=bar("Building", "batches"), **chosen)
    pack = Pack.open(out)
    counts, tables = pack.manifest.counts, pack.tables()
    rows = [("samples", f"{len(pack):,}"), ("digest", pack.digest)]
    rows += [(f"{name}: {part}", f"{count:,}") for name, of in counts.items() for part, count in of.items()]
    rows += [(f"table {name}", f"{count:,} rows") for name, count in tables.items()]
    show(options, table(f"Pack {out}", rows))
    if options.what == "planets":
        from astrobio.datasets.planet_catalogues.conflicts import summary

        show(options, *summary(pack.table("conflicts")))
    return True, {"path": str(out), "digest": pack.digest, "samples": len(pack), "counts": counts, "tables": tables}


def export(options: argparse.Namespace) -> Result:
    """Write planet runs as a bundle, or what goes with a pack: its citations, its metadata."""
    written = {"runs": _export_runs, "citations": _export_citations, "croissant": _export_croissant}
    if options.what == "runs" and options.of:
        raise UsageError("all runs of the store are exported; none are chosen", fix="astrobio export runs --out FILE")
    return written[options.what](options)


def _export_runs(options: argparse.Namespace) -> Result:
    from astrobio.datasets.export import export_bundle
    from astrobio.store import RealDataStorage

    if not options.out:
        raise UsageError("where is the bundle to be written?", fix="astrobio export runs --out runs.bundle")
    header = export_bundle(RealDataStorage(options.store), Path(options.out), bar("Reading", "runs"))
    size = Path(options.out).stat().st_size
    show(options, table(f"Bundle {options.out}", [("runs", header["runs"]), ("MB", f"{size / 1e6:.2f}")]))
    return True, header | {"bytes": size}


def _export_citations(options: argparse.Namespace) -> Result:
    from astrobio.report.citations import citations_of

    found = citations_of(Path(options.of) if options.of else None, options.store)
    _write(options, found.bibtex)
    return True, {"sources": found.sources, "references": found.references, "path": options.out,
                  "bibtex": found.bibtex}  # fmt: skip


def _export_croissant(options: argparse.Namespace) -> Result:
    from astrobio.report.croissant import croissant_json, describe

    if not options.of:
        raise UsageError("which pack is to be described?", fix="astrobio export croissant PACK")
    document = describe(Path(options.of), options.store)
    _write(options, croissant_json(document))
    return True, document


def _write(options: argparse.Namespace, text: str) -> None:
    """To the file that was named, whole or not at all; else to standard output, unless that holds JSON."""
    from astrobio.store import files

    if options.out:
        path = Path(options.out)
        partial = path.with_name(f".{path.name}.partial")
        files.write_synced(partial, text.encode())
        files.rename(partial, path)
        show(options, f"{path}: {len(text.encode()):,} bytes")
    elif not options.json:
        print(text, end="")
