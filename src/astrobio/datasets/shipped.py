"""The planet runs that ship with the package: a source like any other, admitted through all gates."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from astrobio.core.errors import DataMissing, RefusedInput
from astrobio.datasets.bundle import bundle_header, read_bundle
from astrobio.store import RealDataStorage
from astrobio.store.storage import AdmissionReport

BUNDLE = Path(__file__).resolve().parents[1] / "assets" / "planet_runs.bundle"


def shipped_count(path: Path = BUNDLE) -> int:
    """Runs in the bundle, as its header says.

    Raises
    ------
    DataMissing
        If the package lacks its bundle.
    """
    if not path.is_file():
        raise DataMissing(f"the package lacks its planet runs: {path}", fix="pip install --force-reinstall astrobio")
    return int(bundle_header(path)["runs"])


def admit_shipped(
    storage: RealDataStorage,
    path: Path = BUNDLE,
    bar: Callable[[Iterable[Any], int], Iterable[Any]] | None = None,
) -> AdmissionReport:
    """Admit all runs of the bundle to a store; those that are there are left as they are.

    Raises
    ------
    RefusedInput
        If the bundle is damaged; what was admitted before the damage stays.
    """
    total = shipped_count(path)
    runs = read_bundle(path)
    report = storage.admit_many(bar(runs, total) if bar else runs)
    seen = report.admitted + report.already + len(report.rejected)
    if seen != total:
        raise RefusedInput(f"{path} holds {seen} runs, and its header says {total}")
    return report
