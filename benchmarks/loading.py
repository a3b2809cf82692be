"""How fast batches of climate cubes are loaded: by this package, by what else is in use, and by copying memory.

Every rival stores the same cubes in its own format and loads them in random order (where it can), normalised by
field, 16 at a time, into a float32 tensor. Measured are samples a second, bytes of the rival's files a second, CPU
time, and memory; for 1 and 2 workers (threads or processes, as the rival works); with all files in the page cache,
and with none. Each measurement is a process of its own, repeated; the best and the median rate are reported. The
first and the last batch of each are compared with what they must hold: a wrong batch is an error, and no row.

    python benchmarks/loading.py    # 10,000 cubes, 4.3 GB; about an hour, 10 GB of disk
    python benchmarks/loading.py --dtype float16
    python benchmarks/loading.py --samples 500 --seconds 2 --only astrobio --only "h5py, threads"

Rivals are installed by ``uv pip install -r benchmarks/rivals.txt``; what is missing is named and left out.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from cubes import Cubes, description, shipped_columns
from loading_rivals import BY_NAME, RIVALS, Roofline
from loading_step import Task
from measuring import machine
from page_cache import cached_share, chill, files_below, warm
from processes import Step, StepFailed, require_linux, run_step
from rival import Rival

STEP = Path(__file__).with_name("loading_step.py")
REQUIREMENTS = "uv pip install -r benchmarks/rivals.txt"
STATES = ("warm", "cold")
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def missing(rival: type[Rival]) -> list[str]:
    """Distributions that a rival needs and that are not installed."""
    absent = []
    for package in rival.packages:
        try:
            version(package)
        except PackageNotFoundError:
            absent.append(package)
    if not absent and "rust_integration" in rival.packages:
        import rust_integration

        absent += [] if hasattr(rust_integration, "PackReader") else ["rust_integration with PackReader"]
    return absent


def versions(rivals: Sequence[type[Rival]]) -> dict[str, str]:
    """Version of every distribution that the rivals need, by name."""
    found = {}
    for package in sorted({package for rival in rivals for package in rival.packages}):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def chosen(options: argparse.Namespace) -> tuple[list[type[Rival]], dict[str, str]]:
    """Rivals to measure, and why each of the others is not."""
    asked = [BY_NAME[name] for name in options.only] if options.only else list(RIVALS)
    left_out = {}
    for rival in asked:
        if absent := missing(rival):
            left_out[rival.name] = f"not installed: {', '.join(absent)}"
        elif options.dtype not in rival.dtypes:
            left_out[rival.name] = f"its format has no {options.dtype}"
    return [rival for rival in asked if rival.name not in left_out], left_out


def measure_layout(rivals: Sequence[type[Rival]], task: Task, options: argparse.Namespace) -> tuple[list, dict]:
    """Write the files that these rivals read, measure each of them, and delete the files.

    Returns
    -------
    list of dict, dict
        Rows; by rival's name, what went wrong.
    """
    folder = Path(task.folder)
    rows: list[dict[str, Any]] = []
    errors: dict[str, str] = {}
    folder.mkdir()
    try:
        written = _run(dataclasses.replace(task, action="write"))
    except StepFailed as error:
        shutil.rmtree(folder)
        return rows, {rival.name: str(error) for rival in rivals}
    files = files_below(folder)
    size = sum(path.stat().st_size for path in files)
    about = {"files": len(files), "bytes_on_disk": size, "written_in_s": written.wall}
    for rival in rivals:
        print(f"{rival.name} ...", file=sys.stderr)
        try:
            for row in measure_rival(rival, dataclasses.replace(task, action="read", rival=rival.name), options, files):
                rows.append(row | about | {"stored_gb_per_s": row["samples_per_s"] * size / task.count / 1e9})
        except StepFailed as error:
            errors[rival.name] = str(error)
            print(f"  {error}", file=sys.stderr)
    shutil.rmtree(folder)
    return rows, errors


def measure_rival(
    rival: type[Rival], task: Task, options: argparse.Namespace, files: Sequence[Path]
) -> Iterator[dict[str, Any]]:
    """A row for each state of the page cache and number of workers."""
    for state in options.states:
        for number in options.workers:
            steps, cached = [], []
            for _ in range(options.repeats):
                (chill if state == "cold" else warm)(files)
                cached.append(cached_share(files))
                steps.append(_run(dataclasses.replace(task, workers=number, endless=state == "warm")))
            row = _row(rival, state, number, steps) | {"cached_before": cached}
            print(f"  {state}, {number}: {row['samples_per_s']:,.0f} samples/s", file=sys.stderr)
            yield row


def _run(task: Task) -> Step:
    return run_step([sys.executable, STEP, json.dumps(dataclasses.asdict(task))], ENVIRONMENT)


def _row(rival: type[Rival], state: str, workers: int, steps: Sequence[Step]) -> dict[str, Any]:
    """What was seen in the repeat with the highest rate; of memory, the most in any."""
    rates = [step.document["samples"] / step.document["seconds"] for step in steps]
    seen = steps[rates.index(max(rates))].document
    return {
        "rival": rival.name,
        "state": state,
        "workers": workers,
        "samples_per_s": max(rates),
        "median_samples_per_s": statistics.median(rates),
        "rates_of_repeats": rates,
        "cpu_s_per_1000": 1000 * seen["cpu_s"] / seen["samples"],
        "anonymous_mb": max(step.anonymous for step in steps) / 1e6,
        "shared_mb": max(step.shared for step in steps) / 1e6,
        "order": rival.order_kind,
        "detail": seen,
    }


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All rows, what went wrong, and what was left out."""
    rivals, left_out = chosen(options)
    columns = folder / "columns.npy"
    np.save(columns, shipped_columns(options.planets))
    cubes = Cubes.load(columns, options.samples, options.dtype)
    _require_room(folder, cubes)
    rows: list[dict[str, Any]] = []
    errors: dict[str, str] = {}
    for layout, group in groupby(rivals, key=lambda rival: rival.layout):
        together = list(group)
        task = Task(
            "write", together[0].name, str(folder / layout), str(columns), options.samples, options.dtype,
            options.batch_size, seconds=options.seconds, seed=options.seed,
        )  # fmt: skip
        found, failed = measure_layout(together, task, options)
        rows += found
        errors |= failed
    return {"data": description(cubes), "rows": rows, "errors": errors, "left_out": left_out}


def _require_room(folder: Path, cubes: Cubes) -> None:
    needed = 2.2 * cubes.count * cubes.nbytes
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise SystemExit(f"{folder} has {free / 1e9:.1f} GB free and {needed / 1e9:.1f} GB are needed; see --work")


def show(facts: dict[str, Any], found: dict[str, Any], repeats: int, seconds: float) -> None:
    """Print the table, each rival's configuration, and what is not in it."""
    from rich.console import Console
    from rich.table import Table

    title = f"Loading: {facts['processor']}, {facts['cores']} cores; best and median of {repeats} times {seconds:g} s"
    table = Table(title=title, title_justify="left", caption=found["data"], caption_justify="left")
    names = ("pages", "workers", "rival", "samples/s", "(median)", "of copy", "stored GB/s", "CPU s/1000", "anon. MB")
    for name in names:
        table.add_column(name, justify="left" if name in ("pages", "rival") else "right")
    for (state, workers), rows in _sections(found["rows"]).items():
        roof = next((row["samples_per_s"] for row in rows if row["rival"] == Roofline.name), math.nan)
        for place, row in enumerate(rows):
            share = row["samples_per_s"] / roof
            own = "" if row["order"] == "random" else " *"
            table.add_row(
                state if place == 0 else "",
                f"{workers}" if place == 0 else "",
                row["rival"] + own,
                f"{row['samples_per_s']:,.0f}",
                f"{row['median_samples_per_s']:,.0f}",
                "" if math.isnan(share) else f"{100 * share:.0f} %",
                f"{row['stored_gb_per_s']:.3g}",
                f"{row['cpu_s_per_1000']:.3g}",
                f"{row['anonymous_mb']:,.0f}",
            )
        table.add_section()
    console = Console()
    console = Console(width=None if console.is_terminal else 120)
    console.print(table)
    _show_notes(console, found)


def _sections(rows: list[dict[str, Any]]) -> dict[tuple[str, int], list[dict[str, Any]]]:
    """Rows by state and workers, the fastest first."""
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: (STATES.index(row["state"]), row["workers"], -row["samples_per_s"])):
        found.setdefault((row["state"], row["workers"]), []).append(row)
    return found


def _show_notes(console: Any, found: dict[str, Any]) -> None:
    measured = [BY_NAME[name] for name in dict.fromkeys(row["rival"] for row in found["rows"])]
    installed = versions(measured)
    lines = [
        "anon.: most anonymous memory of the process and all below it; pages that a worker shares with the process "
        "that forked it count in each. Importing torch alone takes about 310 MB.",
        "of copy: share of the rate at which NumPy copies the same samples into a batch, with as many threads.",
    ]
    lines += [f"* {rival.name}: order is {rival.order_kind}" for rival in measured if rival.order_kind != "random"]
    for rival in measured:
        named = ", ".join(f"{package} {installed[package]}" for package in rival.packages)
        lines.append(f"{rival.name} ({named}): {rival.files}; {rival.setup}. {rival.source}")
    lines += [f"{name}: {reason}" for name, reason in found["left_out"].items()]
    if any(reason.startswith("not installed") for reason in found["left_out"].values()):
        lines.append(f"To install what is missing: {REQUIREMENTS}")
    lines += [f"ERROR {name}: {message}" for name, message in found["errors"].items()]
    for line in lines:
        console.print(line, markup=False, highlight=False)


def _configuration(rival: type[Rival]) -> dict[str, str]:
    names = ("files", "setup", "source", "order_kind", "layout")
    return {name: getattr(rival, name) for name in names}


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How fast batches of climate cubes are loaded.")
    parser.add_argument("--samples", type=int, default=10_000, help="cubes (default 10000)")
    parser.add_argument("--dtype", choices=("float32", "float16"), default="float32", help="of the stored values")
    parser.add_argument("--batch-size", type=int, default=16, help="cubes a batch (default 16)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="threads or processes (default 1 2)")
    parser.add_argument("--states", nargs="+", choices=STATES, default=list(STATES), help="of the page cache")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement, at most (default 5)")
    parser.add_argument("--repeats", type=int, default=3, help="of each measurement (default 3)")
    parser.add_argument("--only", action="append", choices=list(BY_NAME), help="this rival alone; may be repeated")
    parser.add_argument("--planets", type=int, help="shipped planets to take values from (default all)")
    parser.add_argument("--seed", type=int, default=0, help="of the order (default 0)")
    parser.add_argument("--work", type=Path, help="folder for temporary files (default: the system's)")
    parser.add_argument("--out", type=Path, help="JSON to write (default outputs/benchmarks/loading-DTYPE.json)")
    options = parser.parse_args(arguments)
    options.out = options.out or Path(f"outputs/benchmarks/loading-{options.dtype}.json")
    if options.samples < 2 * options.batch_size:
        raise SystemExit("--samples: at least two batches are needed")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the JSON; 1 if a rival failed or gave a wrong batch."""
    options = _options(arguments)
    require_linux()
    facts = machine()
    facts["versions"] |= versions(RIVALS)
    with tempfile.TemporaryDirectory(prefix="astrobio-loading-", dir=options.work) as folder:
        found = measure(options, Path(folder))
    show(facts, found, options.repeats, options.seconds)
    configurations = {rival.name: _configuration(rival) for rival in RIVALS}
    settings = {name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()}
    document = {"machine": facts, "settings": settings, "rivals": configurations} | found
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    print(f"Written: {options.out}")
    return 1 if found["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
