"""How memory and time of reading a pack grow with its samples, its files, and the number of files for the same samples.

Climate cubes in safetensors shards are opened and read in random order, normalised, in a process of its own for each
size. Anonymous memory is what the process cannot give back, unlike pages of mapped files: it must stay below 300 MB
while the largest pack (4.3 GB) is read, and must not grow with it. Three series grow tenfold twice:

===================  ==================================================
what grows           sizes
===================  ==================================================
samples and files    1, 10, 100 shards of 100 samples
samples alone        10 shards of 10, 100, 1,000 samples
files alone          1,000 samples in 10, 100, 1,000 shards
===================  ==================================================

    python benchmarks/growth.py            # 10 GB of disk, some minutes
    python benchmarks/growth.py --quick    # a tenth of the samples
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from cubes import SHAPE, Cubes, shipped_columns
from measuring import Measurement, available_cores, growth, machine, write
from page_cache import files_below, warm
from processes import Step, require_linux, run_step
from shards import shards_of, write_pack

STEP = Path(__file__).with_name("growth_step.py")
LIMIT_MB = 300
TIMES = {
    "opening": "opening_s",
    "1st batch": "first_batch_s",
    "pass 1": "first_pass_s",
    "pass 2": "second_pass_s",
}
"""What is timed: opening, the first batch, and a batch (the median) while all samples are read once, and again."""


@dataclass(frozen=True)
class Size:
    """A pack of a series: its samples, and into how many shards they go."""

    series: str
    samples: int
    shards: int

    @property
    def grown(self) -> int:
        """What grows in this series."""
        return self.shards if self.series == "files alone" else self.samples


def sizes(largest: int) -> list[Size]:
    """The three series, up to ``largest`` samples.

    >>> [(size.samples, size.shards) for size in sizes(10_000) if size.series == "files alone"]
    [(1000, 10), (1000, 100), (1000, 1000)]
    """
    tenth, hundredth = largest // 10, largest // 100
    return [
        *(Size("samples and files", hundredth * factor, factor) for factor in (1, 10, 100)),
        *(Size("samples alone", hundredth * factor, min(10, hundredth)) for factor in (1, 10, 100)),
        *(Size("files alone", tenth, shards) for shards in (tenth // 100, tenth // 10, tenth)),
    ]


def measure_size(size: Size, columns: Path, folder: Path, options: argparse.Namespace) -> list[Step]:
    """Write the pack, read it ``repeats`` times with its files in the page cache, and delete it."""
    cubes = Cubes.load(columns, size.samples, options.dtype)
    try:
        write_pack(folder, cubes, size.shards)
        warm(files_below(folder))
        task = {
            "shards": shards_of(folder),
            "shape": SHAPE,
            "dtype": options.dtype,
            "moments": [values.tolist() for values in cubes.moments()],
            "batch_size": options.batch_size,
            "threads": options.threads,
        }
        path = folder.with_suffix(".json")
        path.write_text(json.dumps(task), encoding="utf-8")
        return [run_step([sys.executable, STEP, path], {"OMP_NUM_THREADS": "1"}) for _ in range(options.repeats)]
    finally:
        shutil.rmtree(folder)


def measurements(size: Size, steps: list[Step], nbytes: int) -> list[Measurement]:
    """The times of one size, with what else was seen."""
    detail = {
        "samples": size.samples,
        "shards": size.shards,
        "gigabytes": size.samples * nbytes / 1e9,
        "anonymous_mb": [max(step.anonymous, step.document["anonymous_after"]) / 1e6 for step in steps],
        "anonymous_before_mb": [step.document["anonymous_before"] / 1e6 for step in steps],
        "cpu_s": [step.document["cpu_s"] for step in steps],
    }
    found = []
    for way, key in TIMES.items():
        values = [step.document[key] for step in steps]
        seconds = [statistics.median(value) if isinstance(value, list) else value for value in values]
        found.append(Measurement(size.series, way, size.grown, seconds, detail))
    return found


def measure(options: argparse.Namespace, folder: Path) -> list[Measurement]:
    """All sizes, one after another."""
    columns = folder / "columns.npy"
    np.save(columns, shipped_columns(options.planets))
    nbytes = Cubes.load(columns, 1, options.dtype).nbytes
    needed = 1.1 * options.samples * nbytes
    if shutil.disk_usage(folder).free < needed:
        raise SystemExit(f"{folder} has less than {needed / 1e9:.1f} GB free; see --work")
    found = []
    for size in sizes(options.samples):
        print(f"{size.series}: {size.samples} samples in {size.shards} shards ...", file=sys.stderr)
        found += measurements(size, measure_size(size, columns, folder / "pack", options), nbytes)
    return found


def show(title: str, found: list[Measurement]) -> None:
    """Print a row for each size, and below each series the exponents of growth."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", caption_justify="left", caption=(
        "Times are the least of the repeats; of a pass, the median over its batches. anon.: most anonymous memory of "
        "the process, and in brackets what it had before the pack was opened. Growth: 1 is in proportion to what grows."
    ))  # fmt: skip
    for name in ("what grows", "samples", "shards", "GB", *(f"{way}, ms" for way in TIMES), "anon., MB"):
        table.add_column(name, justify="left" if name == "what grows" else "right")
    slopes = growth(found)
    for series in dict.fromkeys(item.stage for item in found):
        of_series = [item for item in found if item.stage == series]
        for number in dict.fromkeys(item.runs for item in of_series):
            row = [item for item in of_series if item.runs == number]
            seen = row[0].detail
            memory = f"{max(seen['anonymous_mb']):.0f} ({max(seen['anonymous_before_mb']):.0f})"
            times = [f"{1000 * item.minimum:.3g}" for item in row]
            about = [f"{seen['samples']:,}", f"{seen['shards']:,}", f"{seen['gigabytes']:.3g}"]
            table.add_row(series if number == of_series[0].runs else "", *about, *times, memory)
        table.add_row("growth", "", "", "", *(f"{slopes[(series, way)]:.2f}" for way in TIMES), "")
        table.add_section()
    console = Console()
    Console(width=None if console.is_terminal else 120).print(table)


def verdict(found: list[Measurement]) -> tuple[bool, str]:
    """Whether memory stayed below the limit while the largest pack was read, and that in words."""
    largest = max(found, key=lambda item: item.detail["gigabytes"]).detail
    most = max(largest["anonymous_mb"])
    within = most < LIMIT_MB
    return within, (
        f"Reading {largest['gigabytes']:.3g} GB took {most:.0f} MB of anonymous memory, "
        f"{'below' if within else 'NOT below'} the limit of {LIMIT_MB} MB."
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How memory and time of reading a pack grow.")
    parser.add_argument("--samples", type=int, help="of the largest pack, a multiple of 1000 (default 10000)")
    parser.add_argument("--quick", action="store_true", help="1000 samples in the largest pack, one repeat")
    parser.add_argument("--repeats", type=int, help="of each size (default 3)")
    parser.add_argument("--dtype", choices=("float32", "float16"), default="float32", help="of the stored values")
    parser.add_argument("--batch-size", type=int, default=16, help="samples a batch (default 16)")
    parser.add_argument("--threads", type=int, default=available_cores(), help="that read (default: one a core)")
    parser.add_argument("--planets", type=int, help="shipped planets to take values from (default all)")
    parser.add_argument("--work", type=Path, help="folder for temporary files (default: the system's)")
    parser.add_argument("--out", type=Path, default=Path("outputs/benchmarks/growth.json"), help="JSON to write")
    options = parser.parse_args(arguments)
    options.samples = options.samples or (1000 if options.quick else 10_000)
    options.repeats = options.repeats or (1 if options.quick else 3)
    if options.samples % 1000:
        raise SystemExit("--samples: a multiple of 1000 is needed, so that all series can grow tenfold twice")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the JSON; 1 if memory went beyond the limit."""
    options = _options(arguments)
    require_linux()
    facts = machine()
    with tempfile.TemporaryDirectory(prefix="astrobio-growth-", dir=options.work) as folder:
        found = measure(options, Path(folder))
    show(f"Growth: {facts['processor']}, {facts['cores']} cores, {options.repeats} repeats", found)
    within, sentence = verdict(found)
    print(sentence)
    settings: dict[str, Any] = {
        name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()
    }
    write(options.out, settings | {"limit_mb": LIMIT_MB, "within_limit": within}, facts, found)
    print(f"Written: {options.out}")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
