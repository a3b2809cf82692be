"""What all benchmarks share: repeated timing, facts of the machine, the table, and the JSON document."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("astrobio", "rust_integration", "vplanet", "numpy", "torch", "xarray", "netCDF4", "scikit-learn")


@dataclass
class Measurement:
    """One stage, done in one way, for one number of runs.

    Attributes
    ----------
    stage, way : str
        What is done; by whom: ``astrobio``, or what a user would take instead.
    runs : int
        Planet runs that the stage handles.
    seconds : list of float
        Wall time of each repeat.
    detail : dict
        What else was seen: bytes, samples, whether two ways gave the same result.
    """

    stage: str
    way: str
    runs: int
    seconds: list[float]
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def minimum(self) -> float:
        """The least disturbed repeat, s."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        """Of the repeats, s."""
        return statistics.median(self.seconds)

    def document(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "stage": self.stage,
            "way": self.way,
            "runs": self.runs,
            "repeats": len(self.seconds),
            "minimum_s": self.minimum,
            "median_s": self.median,
            "minimum_ms_per_run": 1000 * self.minimum / self.runs,
            "seconds": self.seconds,
            "detail": self.detail,
        }


def timed(call: Callable[[], Any], repeats: int, before: Callable[[], Any] = lambda: None) -> tuple[list[float], Any]:
    """Wall times of ``repeats`` calls, and what the last one returned; ``before`` is called untimed ahead of each."""
    seconds, found = [], None
    for _ in range(repeats):
        before()
        begun = time.perf_counter()
        found = call()
        seconds.append(time.perf_counter() - begun)
    return seconds, found


def growth(measurements: Iterable[Measurement]) -> dict[tuple[str, str], float]:
    """Exponent of cost against number of runs, by stage and way: the slope of a line through the logarithms.

    1 means that twice as many runs cost twice as much; below 1 a fixed cost shows.
    """
    points: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for item in measurements:
        points.setdefault((item.stage, item.way), []).append((math.log(item.runs), math.log(item.minimum)))
    return {name: _slope(listed) for name, listed in points.items() if len({x for x, _ in listed}) > 1}


def _slope(points: list[tuple[float, float]]) -> float:
    x_mean = statistics.fmean(x for x, _ in points)
    y_mean = statistics.fmean(y for _, y in points)
    return sum((x - x_mean) * (y - y_mean) for x, y in points) / sum((x - x_mean) ** 2 for x, _ in points)


def machine() -> dict[str, Any]:
    """Processor, cores, memory, system, and versions of what is measured."""
    import torch

    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": available_cores(),
        "torch_threads": torch.get_num_threads(),
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "versions": versions,
    }


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def show(title: str, measurements: list[Measurement]) -> None:
    """Print the measurements as a table on standard output."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for name in ("stage", "way", "runs", "minimum (s)", "median (s)", "ms a run", "growth"):
        table.add_column(name, justify="left" if name in ("stage", "way") else "right")
    slopes, last = growth(measurements), ""
    ordered = sorted(enumerate(measurements), key=lambda pair: (_place(pair[1], measurements), pair[1].runs))
    for _, item in ordered:
        slope = slopes.get((item.stage, item.way))
        if item.stage != last and last:
            table.add_section()
        table.add_row(
            item.stage if item.stage != last else "",
            item.way,
            f"{item.runs}",
            f"{item.minimum:.4g}",
            f"{item.median:.4g}",
            f"{1000 * item.minimum / item.runs:.4g}",
            "" if slope is None else f"{slope:.2f}",
        )
        last = item.stage
    console = Console()
    Console(width=None if console.is_terminal else 120).print(table)


def _place(item: Measurement, measurements: list[Measurement]) -> tuple[int, int]:
    stages = list(dict.fromkeys(each.stage for each in measurements))
    ways = list(dict.fromkeys(each.way for each in measurements if each.stage == item.stage))
    return stages.index(item.stage), ways.index(item.way)


def write(path: Path, settings: dict[str, Any], facts: dict[str, Any], measurements: list[Measurement]) -> None:
    """Write the JSON document."""
    slopes = growth(measurements)
    document = {
        "machine": facts,
        "settings": settings,
        "measurements": [item.document() for item in measurements],
        "growth": [{"stage": stage, "way": way, "exponent": slope} for (stage, way), slope in slopes.items()],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")
