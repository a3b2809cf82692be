"""Commands that make, admit and check planet runs, and that care for the store."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from astrobio.commands.archives import import_saved
from astrobio.commands.showing import Result, bar, show, table
from astrobio.core.errors import UsageError


def _check_share(rerun: float | None) -> None:
    if rerun is not None and not 0 < rerun <= 1:
        raise UsageError(f"--rerun is {rerun}; it is a share above 0, at most 1")


def simulate(options: argparse.Namespace) -> Result:
    """Run an ensemble into the store."""
    from astrobio.simulate import ensemble, into_store
    from astrobio.store import RealDataStorage

    if options.planets < 0 or options.test_planets < 0 or options.skip < 0:
        raise UsageError("the numbers of planets must not be negative")
    if options.planets + options.test_planets == 0:
        raise UsageError("no planets were asked for", fix="astrobio simulate vplanet --planets 64")
    if options.time_limit <= 0 or (options.workers is not None and options.workers < 1):
        raise UsageError("--time-limit and --workers must be positive")
    storage = RealDataStorage(options.store, create=True)
    tasks = ensemble.tasks(options.planets, options.test_planets, options.skip)
    report = into_store.simulate_into(storage, tasks, options.workers, options.time_limit, bar("Simulating", "runs"))
    rows = [("made", report.made), ("there already", report.already), ("made twice, same bytes", report.repeats),
            ("refused by a gate", len(report.refused))]  # fmt: skip
    rows += [(f"outcome: {name}", count) for name, count in sorted(report.outcomes.items())]
    rows += [(f"state: {name}", count) for name, count in sorted(report.states.items())]
    show(options, table("Ensemble", rows))
    for key, reasons in report.refused:
        show(options, f"refused: {key}: {'; '.join(reasons)}")
    return True, {**dict(rows), "refused": [{"key": key, "reasons": reasons} for key, reasons in report.refused]}


def bring(options: argparse.Namespace) -> Result:
    """Admit the shipped runs, those of a bundle, or a file that was saved from a source."""
    if options.file:
        return import_saved(options)
    from astrobio.archives.registry import SOURCES
    from astrobio.datasets.shipped import BUNDLE, admit_bundle
    from astrobio.store import RealDataStorage

    path = BUNDLE if options.what == "shipped" else Path(options.what)
    if options.what in SOURCES and not path.exists():
        raise UsageError(f"which file of {options.what} is to be admitted?", fix=f"astrobio import {options.what} FILE")
    storage = RealDataStorage(options.store, create=True)
    _check_share(options.rerun)
    report = admit_bundle(storage, path, options.rerun, options.workers, bar("Planet runs", "runs"))
    rows = [("admitted", report.admitted), ("there already", report.already), ("refused", len(report.rejected))]
    show(options, table(f"Store {storage.root}", rows))
    for key, verdict in report.rejected:
        show(options, f"refused: {key}: {'; '.join(verdict.reasons)}")
    return True, {"store": str(storage.root), **dict(rows)}


def verify(options: argparse.Namespace) -> Result:
    """Check the store; make a share of its runs again."""
    from astrobio.store import RealDataStorage

    _check_share(options.rerun)
    storage = RealDataStorage.inspect(options.store)
    report = storage.verify(deep=options.deep)
    rows = [("records", report.records), ("gone", len(report.missing)), ("changed", len(report.changed)),
            ("catalogue rows not as admitted", len(report.altered)),
            ("refused by a gate now", len(report.refused)), ("objects that no record names", report.unnamed),
            ("journal", report.journal_error or f"{report.journal_rows} rows, unbroken")]  # fmt: skip
    rows += [(f"assurance: {name}", count) for name, count in storage.assurance_counts("planet_runs").items()]
    show(options, table(f"Store {storage.root}", rows))
    for kind, keys in (("gone", report.missing), ("changed", report.changed), ("altered", report.altered)):
        for key in keys[:20]:
            show(options, f"{kind}: {key}")
    for key, reasons in report.refused[:20]:
        show(options, f"refused: {key}: {'; '.join(reasons)}")
    document: dict[str, Any] = {"store": str(storage.root), "sound": report.sound, "records": report.records,
                                "gone": report.missing, "changed": report.changed, "altered": report.altered,
                                "refused": report.refused,
                                "unnamed_objects": report.unnamed, "journal_error": report.journal_error}  # fmt: skip
    good = report.sound
    if options.rerun is not None:
        again = _rerun(options, storage)
        document["rerun"] = vars(again)
        good &= not again.different
    return good, document


def _rerun(options: argparse.Namespace, storage: Any) -> Any:
    from astrobio.simulate import into_store

    again = into_store.rerun(storage, options.rerun, options.seed, options.workers, bar("Running again", "runs"))
    rows = [("seed", again.seed), ("runs", again.sampled)]
    rows += [("same bytes", again.identical), ("different", len(again.different))]
    show(options, table("Runs made again", rows))
    for key in again.different[:20]:
        show(options, f"different: {key}")
    return again


def store(options: argparse.Namespace) -> Result:
    """Rebuild the catalogue, or delete a source."""
    from astrobio.store import RealDataStorage

    if options.what == "delete":
        if not options.source:
            raise UsageError("which source is to be deleted?", fix="astrobio store delete --source planet_runs")
        count = RealDataStorage(options.store).delete_source(options.source)
        show(options, f"deleted {count} records of {options.source}")
        return True, {"deleted": count}
    rebuilt = RealDataStorage.rebuild(options.store)
    count = len(rebuilt.records())
    show(options, f"catalogue of {rebuilt.root} rebuilt: {count} records")
    return True, {"store": str(rebuilt.root), "records": count}


def quarantine(options: argparse.Namespace) -> Result:
    """Show what was refused."""
    from astrobio.store import RealDataStorage

    notes = RealDataStorage.inspect(options.store).quarantined()
    rows = []
    for note in notes:
        failed = [item for item in note["verdict"]["findings"] if not item["passed"] and item["severity"] == "refuse"]
        rows.append((note["key"], "\n".join(f"{item['gate']}: {item['check']}: {item['seen']} (expected "
                                            f"{item['expected']})" for item in failed)))  # fmt: skip
    show(
        options,
        table(f"Quarantine: {len(notes)} refused", rows, ("key", "reasons")) if rows else "nothing was refused",
    )
    return True, notes
