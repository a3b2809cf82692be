"""Commands that train, measure, report, predict, and trace."""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

from astrobio.commands.showing import Result, bar, show, table
from astrobio.core.errors import UsageError


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
        show(options, table(f"Test planets, {split} split: {result['planets']}", summary_rows(result), head))
    show(options, f"Next: astrobio report {options.run}")
    return True, document


def report(options: argparse.Namespace) -> Result:
    """Write the report."""
    from astrobio.report.html import write_report

    path = write_report(Path(options.run), options.store)
    show(options, f"Report: {path.absolute()}")
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
    show(options, table("Climate", outputs.summary(rows), outputs.SUMMARY_HEAD))
    if options.netcdf:
        outputs.write_netcdf(Path(options.netcdf), planets, starts, prediction, predictor)
        show(options, f"Fields: {options.netcdf}")
    if options.plot:
        outputs.write_plot(Path(options.plot), planets[0], starts[0], prediction)
        show(options, f"Plot: {options.plot}")
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
    show(options, lineage_tree(chain, options.record, options.all))
    document = chain.document(options.record, options.all)
    if not options.check:
        return True, document
    problems = check_lineage(chain, bar("Hashing", "objects"))
    for problem in problems[:20]:
        show(options, f"changed: {problem}")
    show(options, f"{len(problems)} problems in the chain" if problems else "every byte of the chain is what it was")
    return not problems, document | {"problems": problems}
