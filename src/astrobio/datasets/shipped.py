"""Bundles of planet runs into a store, first of all the one that ships with the package.

What ships is a source like any other: admitted through all gates. What stands behind a bundle is established
here: the digest of a release that we made, or a share of its runs that this machine makes again. Without
either it is its maker's word.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from astrobio.core.errors import DataMissing, IntegrityError, RefusedInput
from astrobio.core.hashing import sha256_files
from astrobio.core.provenance import Assurance
from astrobio.datasets.bundle import bundle_header, read_bundle
from astrobio.simulate.into_store import NotReproduced, repeat
from astrobio.store import RealDataStorage
from astrobio.store.storage import AdmissionReport

BUNDLE = Path(__file__).resolve().parents[1] / "assets" / "planet_runs.bundle"
RELEASES = {"f6216da0d699df33c2d11f0ada944cea53487a2332fdbbe279aff537818fee46": "2026.11"}
"""SHA-256 of each bundle that we released. The sampled repeats of its ensemble gave the same bytes; its header
says how many."""
_REINSTALL = "pip install --force-reinstall astrobio"
Bar = Callable[[Iterable[Any], int], Iterable[Any]]


def shipped_count(path: Path = BUNDLE) -> int:
    """Runs in the bundle, as its header says.

    Raises
    ------
    DataMissing
        If the package lacks its bundle.
    RefusedInput
        If it is no bundle, or its header does not say.
    """
    if not path.is_file():
        raise DataMissing(f"there is no bundle {path}", fix=_REINSTALL if path == BUNDLE else None)
    try:
        return int(bundle_header(path)["runs"])
    except (KeyError, TypeError, ValueError) as error:
        raise RefusedInput(f"the header of {path} does not say how many runs it holds") from error


def admit_bundle(
    storage: RealDataStorage,
    path: Path = BUNDLE,
    rerun: float | None = None,
    workers: int | None = None,
    bar: Bar | None = None,
) -> AdmissionReport:
    """Admit all runs of a bundle to a store; those that are there are left as they are.

    Parameters
    ----------
    path : Path
        The bundle; what ships with the package unless given.
    rerun : float, optional
        Share of its runs to make again first; all must give the same bytes, and the bundle is *reproduced*.
    workers : int, optional
        Processes for that.

    Raises
    ------
    IntegrityError
        If the bundle that ships is not what was released.
    NotReproduced
        If a run that was made again gave other bytes; nothing is admitted.
    RefusedInput
        If the bundle is damaged; what was admitted before the damage stays.
    """
    total = shipped_count(path)
    assurance = _established(path, rerun, workers, bar)
    runs = read_bundle(path, assurance)
    report = storage.admit_many(bar(runs, total) if bar else runs)
    seen = report.admitted + report.already + len(report.rejected)
    if seen != total:
        raise RefusedInput(f"{path} holds {seen} runs, and its header says {total}")
    return report


def _established(path: Path, rerun: float | None, workers: int | None, bar: Bar | None) -> Assurance:
    released = sha256_files([path])[0] in RELEASES
    if path == BUNDLE and not released:
        raise IntegrityError(f"{path} is not the bundle that was released", fix=_REINSTALL)
    if rerun is not None:
        seed = random.SystemRandom().randrange(2**31)
        draw = random.Random(seed)
        chosen = [content for content, _ in read_bundle(path) if draw.random() < rerun]
        if not chosen:
            raise RefusedInput(f"{path}: a share of {rerun:g} is no run at all", fix="--rerun 0.5")
        report = repeat(chosen, seed, workers, bar)
        if report.different:
            raise NotReproduced(
                f"{len(report.different)} of {report.sampled} runs of {path} come out differently here, the first "
                f"{report.different[0]}; nothing is admitted"
            )
        return "reproduced"
    return "reproduced" if released else "declared"
