"""What each command of ``astrobio`` calls, and how its result is shown. One function a command.

Each returns whether all was well, and what ``--json`` prints.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

from astrobio.core.console import progress, rendered, say
from astrobio.core.errors import UsageError
from astrobio.core.paths import pack_folder

Result = tuple[bool, Any]


def _show(options: argparse.Namespace, *rows: Any) -> None:
    """For people: on standard output, or on standard error where that holds the JSON document."""
    stream = sys.stderr if options.json else sys.stdout
    for row in rows:
        say(row if isinstance(row, str) else rendered(row, stderr=options.json), stream)


def _table(title: str, rows: Iterable[tuple[object, ...]], head: tuple[str, ...] = ("", "")) -> Any:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title), title_justify="left", show_header=any(head))
    for name in head:
        table.add_column(name)
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    return table


def _bar(title: str, unit: str) -> Any:
    return lambda items, total: progress(items, title, total, unit)


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
    report = into_store.simulate_into(storage, tasks, options.workers, options.time_limit, _bar("Simulating", "runs"))
    rows = [("made", report.made), ("there already", report.already), ("made twice, same bytes", report.repeats),
            ("refused by a gate", len(report.refused))]  # fmt: skip
    rows += [(f"outcome: {name}", count) for name, count in sorted(report.outcomes.items())]
    rows += [(f"state: {name}", count) for name, count in sorted(report.states.items())]
    _show(options, _table("Ensemble", rows))
    for key, reasons in report.refused:
        _show(options, f"refused: {key}: {'; '.join(reasons)}")
    return True, {**dict(rows), "refused": [{"key": key, "reasons": reasons} for key, reasons in report.refused]}


def bring(options: argparse.Namespace) -> Result:
    """Admit the shipped runs, or those of a bundle."""
    from astrobio.datasets.shipped import BUNDLE, admit_bundle
    from astrobio.store import RealDataStorage

    storage = RealDataStorage(options.store, create=True)
    path = BUNDLE if options.what == "shipped" else Path(options.what)
    _check_share(options.rerun)
    report = admit_bundle(storage, path, options.rerun, options.workers, _bar("Planet runs", "runs"))
    rows = [("admitted", report.admitted), ("there already", report.already), ("refused", len(report.rejected))]
    _show(options, _table(f"Store {storage.root}", rows))
    for key, verdict in report.rejected:
        _show(options, f"refused: {key}: {'; '.join(verdict.reasons)}")
    return True, {"store": str(storage.root), **dict(rows)}


def build(options: argparse.Namespace) -> Result:
    """Compile a pack."""
    from astrobio.datasets.build import build_planet_runs
    from astrobio.datasets.pack import Pack
    from astrobio.store import RealDataStorage

    storage = RealDataStorage(options.store)
    out = Path(options.out) if options.out else pack_folder(storage.root)
    out.parent.mkdir(parents=True, exist_ok=True)
    build_planet_runs(storage, out, overwrite=options.overwrite, allow_declared=options.allow_declared,
                      progress=lambda items: progress(items, "Building the pack", len(items), "runs"))  # fmt: skip
    pack = Pack.open(out)
    rows = [("samples", len(pack)), ("digest", pack.digest)]
    rows += [
        (f"{name}: {part}", count) for name, counts in pack.manifest.counts.items() for part, count in counts.items()
    ]
    _show(options, _table(f"Pack {out}", rows))
    return True, {"path": str(out), "digest": pack.digest, "samples": len(pack), "counts": pack.manifest.counts}


def export_runs(options: argparse.Namespace) -> Result:
    """Write the store's planet runs as a bundle."""
    from astrobio.datasets.export import export_bundle
    from astrobio.store import RealDataStorage

    storage = RealDataStorage(options.store)
    header = export_bundle(storage, Path(options.out), _bar("Reading", "runs"))
    size = Path(options.out).stat().st_size
    _show(options, _table(f"Bundle {options.out}", [("runs", header["runs"]), ("MB", f"{size / 1e6:.2f}")]))
    return True, header | {"bytes": size}


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
    _show(options, _table(f"Store {storage.root}", rows))
    for kind, keys in (("gone", report.missing), ("changed", report.changed), ("altered", report.altered)):
        for key in keys[:20]:
            _show(options, f"{kind}: {key}")
    for key, reasons in report.refused[:20]:
        _show(options, f"refused: {key}: {'; '.join(reasons)}")
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

    again = into_store.rerun(storage, options.rerun, options.seed, options.workers, _bar("Running again", "runs"))
    rows = [("seed", again.seed), ("runs", again.sampled)]
    rows += [("same bytes", again.identical), ("different", len(again.different))]
    _show(options, _table("Runs made again", rows))
    for key in again.different[:20]:
        _show(options, f"different: {key}")
    return again


def store(options: argparse.Namespace) -> Result:
    """Rebuild the catalogue, or delete a source."""
    from astrobio.store import RealDataStorage

    if options.what == "delete":
        if not options.source:
            raise UsageError("which source is to be deleted?", fix="astrobio store delete --source planet_runs")
        count = RealDataStorage(options.store).delete_source(options.source)
        _show(options, f"deleted {count} records of {options.source}")
        return True, {"deleted": count}
    rebuilt = RealDataStorage.rebuild(options.store)
    count = len(rebuilt.records())
    _show(options, f"catalogue of {rebuilt.root} rebuilt: {count} records")
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
    _show(
        options,
        _table(f"Quarantine: {len(notes)} refused", rows, ("key", "reasons")) if rows else "nothing was refused",
    )
    return True, notes


def train(options: argparse.Namespace) -> Result:
    """Train a model."""
    from astrobio.training.config import load_config
    from astrobio.training.unified import train_model

    changes: dict[str, Any] = {}
    for item in options.set:
        key, sign, value = item.partition("=")
        if not sign:
            raise UsageError(f"--set {item}: expected KEY=VALUE")
        changes[key] = value
    if options.model:
        changes["model"] = options.model
    config = load_config(options.config, changes)
    with redirect_stdout(sys.stderr) if options.json else nullcontext():
        folder = train_model(config, options.run, options.store, options.resume, options.allow_declared)
    return True, {"run": str(folder)}


def evaluate(options: argparse.Namespace) -> Result:
    """Measure a run."""
    from astrobio.evaluate.task_a1 import evaluate_run, summary_rows

    companion = Path(options.companion) if options.companion else None
    document = evaluate_run(Path(options.run), companion, options.fast, [Path(item) for item in options.members],
                            options.store)  # fmt: skip
    for split, result in document["splits"].items():
        head = ("", "T8", "95 % interval", "both starts", "bistable", "field skill", "T RMSE (K)")
        _show(options, _table(f"Test planets, {split} split: {result['planets']}", summary_rows(result), head))
    _show(options, f"Next: astrobio report {options.run}")
    return True, document


def report(options: argparse.Namespace) -> Result:
    """Write the report."""
    from astrobio.report.html import write_report

    path = write_report(Path(options.run), options.store)
    _show(options, f"Report: {path.absolute()}")
    return True, {"report": str(path.absolute())}


def predict(options: argparse.Namespace) -> Result:
    """Predict climates."""
    from astrobio.core.planet_run import PlanetParameters
    from astrobio.report import prediction_outputs as outputs

    if options.table and options.plot:
        raise UsageError("--plot draws a single planet; a table goes to --netcdf or --json")
    if options.table:
        planets, starts = outputs.read_table(Path(options.table))
    else:
        planets = [outputs.checked(PlanetParameters(*(getattr(options, name) for name in PlanetParameters.names())))]
        starts = [options.start]
    outside = _outside_domain(options)
    from astrobio.training.runs import latest_run, load_predictor  # loads torch: only once the input is sound

    predictor = load_predictor(options.run or latest_run())
    warnings = outputs.range_warnings(planets) + outside
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)
    prediction = outputs.predict(predictor, planets, starts)
    rows = outputs.rows(planets, starts, prediction)
    _show(options, _table("Climate", outputs.summary(rows), outputs.SUMMARY_HEAD))
    if options.netcdf:
        outputs.write_netcdf(Path(options.netcdf), planets, starts, prediction, predictor)
        _show(options, f"Fields: {options.netcdf}")
    if options.plot:
        outputs.write_plot(Path(options.plot), planets[0], starts[0], prediction)
        _show(options, f"Plot: {options.plot}")
    return True, {"checkpoint": predictor.checkpoint_digest, "warnings": warnings, "planets": rows}


def _outside_domain(options: argparse.Namespace) -> list[str]:
    from astrobio.simulate.domain import outside_domain

    if (options.stellar_mass is None) != (options.orbital_period is None):
        raise UsageError("--stellar-mass and --orbital-period go together: they say where the planet is")
    if options.stellar_mass is None:
        return []
    return [
        f"outside the model's domain: {reason}"
        for reason in outside_domain(options.stellar_mass, options.orbital_period)
    ]


def lineage(options: argparse.Namespace) -> Result:
    """Trace a checkpoint, run or pack."""
    from astrobio.report.lineage import check_lineage, lineage_tree, trace

    chain = trace(Path(options.what), options.store)
    _show(options, lineage_tree(chain, options.record, options.all))
    document = chain.document(options.record, options.all)
    if not options.check:
        return True, document
    problems = check_lineage(chain, _bar("Hashing", "objects"))
    for problem in problems[:20]:
        _show(options, f"changed: {problem}")
    _show(options, f"{len(problems)} problems in the chain" if problems else "every byte of the chain is what it was")
    return not problems, document | {"problems": problems}
