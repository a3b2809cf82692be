"""The command line: it parses and calls. What a command does lives in the package."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from astrobio import __version__
from astrobio.core.command import run_command
from astrobio.core.errors import EXIT_CHECK_FAILED, EXIT_DONE

PACKS = ("planet_runs", "planets", "spectra", "stellar_spectra", "networks", "text", "cubes")
"""Data sets that ``build`` knows."""
_EXAMPLES = """\
examples:
  astrobio import shipped                       admit the planet runs that ship with the package
  astrobio simulate vplanet --planets 64        make climates and admit them
  astrobio train --config configs/datacube_cnn_demo.yaml --run demo
  astrobio evaluate outputs/sota_training/demo
  astrobio report outputs/sota_training/demo
  astrobio predict --stellar-flux 1300 --obliquity 60 --plot planet.png
  astrobio lineage outputs/sota_training/demo --check
"""


def _parser() -> argparse.ArgumentParser:
    as_json = argparse.ArgumentParser(add_help=False)
    as_json.add_argument("--json", action="store_true", help="one JSON document on standard output")
    in_store = argparse.ArgumentParser(add_help=False)
    in_store.add_argument("--store", help="folder of the store (else ASTROBIO_STORE, else the user's data folder)")
    parser = argparse.ArgumentParser(
        prog="astrobio",
        description="Train models of habitable worlds on data whose origin and integrity can be shown.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"astrobio {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str, example: str, store: bool = True) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            parents=[in_store, as_json] if store else [as_json],
            help=text,
            description=text,
            epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    for commands_of in (_simulate, _archives, _packs, _store, _models):
        commands_of(command)
    return parser


def _simulate(command: Any) -> None:
    simulate = command(
        "simulate",
        "run an ensemble of climates and admit it",
        "astrobio simulate vplanet --planets 4096 --test-planets 500",
    )
    simulate.add_argument("simulator", choices=["vplanet"])
    simulate.add_argument("--planets", type=int, default=0, help="planets of the Sobol design, from both starts")
    simulate.add_argument("--skip", type=int, default=0, help="first planet of the design to run")
    simulate.add_argument("--test-planets", type=int, default=0, help="planets of the Latin-hypercube test set")
    simulate.add_argument("--workers", type=int, help="processes (default: one a core)")
    simulate.add_argument("--time-limit", type=float, default=60.0, help="seconds for each run (default 60)")


def _archives(command: Any) -> None:
    sources = command("sources", "the sources: what they hold, what is in the store", "astrobio sources phl_hwc")
    sources.add_argument("name", nargs="?", help="a source, to see it in full")
    fetch = command(
        "fetch",
        "bring records from the archives",
        "astrobio fetch nasa_exoplanet_archive/toi open_exoplanet_catalogue\n"
        "  astrobio fetch --dry-run\n"
        "  astrobio fetch --mirror /data/archive",
    )
    fetch.add_argument("source", nargs="*", help="SOURCE or SOURCE/PRODUCT (default: the default selection of all)")
    fetch.add_argument("--update", action="store_true", help="ask again for what is held, if it has changed")
    fetch.add_argument("--dry-run", action="store_true", help="say what would be fetched, and under which licences")
    fetch.add_argument(
        "--accept-terms", action="append", default=[], metavar="SOURCE", help="accept a source's terms; repeatable"
    )
    fetch.add_argument("--mirror", metavar="PLACE", help="folder or address of saved files (else ASTROBIO_MIRROR)")
    bring = command(
        "import",
        "admit data that is at hand",
        "astrobio import shipped\n  astrobio import nasa_exoplanet_archive PSCompPars_2026.04.25_17.36.36.csv",
    )
    bring.add_argument("what", help="'shipped', a bundle of planet runs, or a source")
    bring.add_argument("file", nargs="?", help="a file that was saved from that source")
    bring.add_argument("--product", help="which product of the source it is, where its name does not tell")
    bring.add_argument(
        "--rerun",
        type=float,
        metavar="SHARE",
        help="make a random share again first; the bundle is admitted as reproduced if all bytes agree",
    )
    bring.add_argument("--workers", type=int, help="processes for that (default: one a core)")


def _packs(command: Any) -> None:
    build = command(
        "build", "compile records into a pack", "astrobio build planets\n  astrobio build planet_runs --out pack"
    )
    build.add_argument("what", choices=PACKS, metavar="NAME", help=f"the data set: {', '.join(PACKS)}")
    build.add_argument("--out", help="the pack's folder (default: in the store)")
    build.add_argument("--overwrite", action="store_true", help="replace a pack that is there")
    build.add_argument("--allow-declared", action="store_true", help="take records whose origin is only declared")
    export = command(
        "export",
        "write planet runs as a bundle, or the citations and the metadata of what was used",
        "astrobio export citations outputs/sota_training/demo --out used.bib\n"
        "  astrobio export croissant PACK --out croissant.json\n"
        "  astrobio export runs --out runs.bundle",
    )
    export.add_argument("what", choices=["citations", "croissant", "runs"])
    export.add_argument(
        "of", nargs="?", metavar="OF", help="a pack, a run's folder or a checkpoint (default: the store)"
    )
    export.add_argument("--out", metavar="FILE", help="the file to write (default: standard output)")


def _store(command: Any) -> None:
    verify = command("verify", "check the store", "astrobio verify --deep --rerun 0.02")
    verify.add_argument("--deep", action="store_true", help="hash every object and let it pass the gates again")
    verify.add_argument(
        "--rerun", type=float, metavar="SHARE", help="make a random share of the runs again and compare"
    )
    verify.add_argument("--seed", type=int, help="seed of that choice (default: drawn and printed)")
    verify.add_argument("--workers", type=int, help="processes (default: one a core)")
    store = command("store", "care for the store", "astrobio store rebuild")
    store.add_argument("what", choices=["rebuild", "delete"], help="make the catalogue anew; delete a source")
    store.add_argument("--source", help="the source to delete")
    command("quarantine", "show what was refused, and why", "astrobio quarantine --json")


def _models(command: Any) -> None:
    train = command("train", "train a model", "astrobio train --config configs/datacube_cnn_demo.yaml --run demo")
    train.add_argument("--model", help="name of the model (default: rebuilt_datacube_cnn)")
    train.add_argument("--config", help="YAML file of the recipe")
    train.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one key; repeatable")
    train.add_argument("--run", help="name of the run's folder under outputs/sota_training")
    train.add_argument("--resume", action="store_true", help="go on from the newest checkpoint of the run")
    train.add_argument(
        "--allow-declared", action="store_true", help="train on records whose origin is only declared, too"
    )
    evaluate = command(
        "evaluate",
        "measure a run on its test planets, beside baselines",
        "astrobio evaluate outputs/sota_training/demo",
    )
    evaluate.add_argument("run", help="folder of the run")
    evaluate.add_argument("--companion", help="a run that was trained on the other split")
    evaluate.add_argument(
        "--fast", action="store_true", help="fit the baselines on at most 4,096 training samples; the result says so"
    )
    evaluate.add_argument("--members", nargs="*", default=[], help="more runs, averaged with the first as one ensemble")
    report = command("report", "write a run's report as one HTML page", "astrobio report outputs/sota_training/demo")
    report.add_argument("run", help="folder of the run")
    _predict_command(command)
    lineage = command(
        "lineage",
        "trace a checkpoint, run or pack to the bytes it came from",
        "astrobio lineage outputs/sota_training/demo --check",
    )
    lineage.add_argument("what", help="a checkpoint, a run's folder, or a pack's")
    lineage.add_argument("--check", action="store_true", help="hash everything in the chain")
    lineage.add_argument("--record", metavar="KEY", help="show one record with its input files")
    lineage.add_argument("--all", action="store_true", help="list every record")


def _predict_command(command: Any) -> None:
    predict = command(
        "predict",
        "the climate of a planet, or of a table of planets",
        "astrobio predict --stellar-flux 1300 --obliquity 60 --start cold --plot planet.png",
        store=False,
    )
    predict.add_argument("--run", help="folder of the run or checkpoint (default: the latest run)")
    predict.add_argument("--table", help="CSV of planets: a column for each parameter, and start")
    predict.add_argument("--start", choices=["warm", "cold"], default="warm")
    predict.add_argument("--plot", help="PNG to write (single planet)")
    predict.add_argument("--netcdf", help="NetCDF to write")
    planet = predict.add_argument_group("planet (values of present Earth unless given)")
    for name, default, unit in (
        ("stellar-flux", 1361.0, "W m-2, at the semi-major axis"), ("obliquity", 23.44, "degrees"),
        ("eccentricity", 0.0167, ""), ("longitude-of-pericentre", 102.9, "degrees"),
        ("heat-diffusion", 0.58, "W m-2 K-1"), ("co2-partial-pressure", 3.3e-4, "bar"),
        ("land-fraction", 0.34, ""), ("mixed-layer-depth", 70.0, "m"), ("ice-albedo", 0.6, ""),
    ):  # fmt: skip
        planet.add_argument(f"--{name}", type=float, default=default, help=f"{unit} (default {default:g})".strip())
    orbit = predict.add_argument_group(
        "orbit (changes nothing in the prediction; tells what lies outside the model's domain)"
    )
    orbit.add_argument("--stellar-mass", type=float, help="solar masses")
    orbit.add_argument("--orbital-period", type=float, help="days")


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return run_command(lambda: _dispatch(_parser().parse_args(arguments)))


def _dispatch(options: argparse.Namespace) -> int:
    from astrobio import commands

    name = {"import": "bring"}.get(options.command, options.command.replace("-", "_"))
    found, document = getattr(commands, name)(options)
    if options.json:
        print(json.dumps(document, indent=1, allow_nan=False))
    if isinstance(found, bool):
        return EXIT_DONE if found else EXIT_CHECK_FAILED
    return found


if __name__ == "__main__":
    sys.exit(main())
