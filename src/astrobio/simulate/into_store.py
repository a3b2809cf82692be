"""Ensembles straight into the store: safe to kill, resumed by the keys that are there already."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from astrobio.core.errors import AstrobioError
from astrobio.core.planet_run import PlanetRun, climate_state
from astrobio.core.provenance import Provenance
from astrobio.simulate import ensemble, vplanet
from astrobio.simulate.ensemble import Task
from astrobio.store import RealDataStorage, Record

SOURCE = "planet_runs"
REPEAT_SHARE = 0.02
BATCH = 128
EARTH_TEMPERATURE = 288.0
"""K; the Earth control must come out within 2 K of it."""


class NotReproduced(AstrobioError):
    """A repeat of a run gave other bytes, or the Earth control is not Earth."""


@dataclass
class EnsembleReport:
    """What an ensemble came to."""

    made: int = 0
    already: int = 0
    repeats: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[str, list[str]]] = field(default_factory=list)


@dataclass
class RerunReport:
    """What repeating a sample of stored runs showed."""

    seed: int = 0
    sampled: int = 0
    identical: int = 0
    different: list[str] = field(default_factory=list)


def is_repeated(key: str) -> bool:
    """Whether a run is among the 2 % that are made twice, by the hash of its key; Earth always is.

    >>> is_repeated("earth-000000-warm")
    True
    """
    if key.startswith(f"{ensemble.EARTH}-"):
        return True
    return int(hashlib.sha256(f"repeat:{key}".encode()).hexdigest()[:8], 16) / 2**32 < REPEAT_SHARE


def simulate_into(
    storage: RealDataStorage,
    tasks: list[Task],
    workers: int | None = None,
    time_limit: float = vplanet.TIME_LIMIT,
    bar: Callable[[Iterable[Any], int], Iterable[Any]] | None = None,
) -> EnsembleReport:
    """Make the runs that the store does not hold yet, and admit them in batches.

    Nothing is admitted before a repeat by this program has given the same bytes, here or in an earlier part of the
    ensemble: runs are *reproduced*. A repeat that differs stops the ensemble before its batch is admitted. Runs that
    time out or crash are admitted as what they are.

    Raises
    ------
    NotReproduced
        If a repeat differs, or the Earth control is off by more than 2 K.
    """
    program = vplanet.program()
    report = EnsembleReport()
    stored = storage.records(source=SOURCE)
    have = {record.key for record in stored}
    todo = [task for task in tasks if _key(task) not in have]
    report.already = len(tasks) - len(todo)
    proven = any(_was_repeated(record, program) for record in stored)
    twice = {_key(task) for task in todo if is_repeated(_key(task))}
    if todo and not twice and not proven:
        twice = {_key(todo[0])}
    # Repeats first: what is admitted stands on one that has given the same bytes.
    todo.sort(key=lambda task: _key(task) not in twice)
    first: dict[str, bytes] = {}
    waiting: list[tuple[PlanetRun, dict[str, object]]] = []
    made = ensemble.simulate(_interleave(todo, twice), workers, time_limit)
    total = len(todo) + len(twice)
    for run, making in bar(made, total) if bar else made:
        if run.key in twice:
            content = run.to_bytes()
            if run.key not in first:
                first[run.key] = content
                continue
            if first.pop(run.key) != content:
                raise NotReproduced(f"two makings of {run.key} differ; nothing of this batch is admitted")
            making["repeat"] = "identical"
            report.repeats += 1
        _check_earth(run)
        waiting.append((run, making))
        if len(waiting) >= BATCH and (proven or report.repeats):
            _admit(storage, waiting, program, report)
    _admit(storage, waiting, program, report)
    return report


def _was_repeated(record: Record, program: dict[str, str]) -> bool:
    """Whether a stored run was made twice by this very program, with the same bytes."""
    detail = record.provenance.detail
    return detail.get("program") == program and detail.get("making", {}).get("repeat") == "identical"


def _key(task: Task) -> str:
    return f"{task.design}-{task.index:06d}-{task.start}"


def _interleave(todo: list[Task], twice: set[str]) -> Iterable[Task]:
    """Each repeated run twice, its second making right after the first has been handed out."""
    for task in todo:
        yield task
        if _key(task) in twice:
            yield task


def _check_earth(run: PlanetRun) -> None:
    if run.design != ensemble.EARTH or run.start != "warm":
        return
    temperature = run.diagnostics.get("global_surface_temperature", float("nan"))
    if not abs(temperature - EARTH_TEMPERATURE) <= 2.0:
        raise NotReproduced(f"the Earth control comes out at {temperature:g} K, not within 2 K of 288 K")


def _admit(
    storage: RealDataStorage,
    waiting: list[tuple[PlanetRun, dict[str, object]]],
    program: dict[str, str],
    report: EnsembleReport,
) -> None:
    items = []
    for run, making in waiting:
        report.made += 1
        report.outcomes[run.outcome] += 1
        if run.outcome == "completed":
            seen = run.diagnostics
            report.states[
                climate_state(seen["global_outgoing_longwave"], seen["snowball"] > 0, seen["ice_fraction"])
            ] += 1
        detail = {"program": program, "making": making}
        items.append((run.to_bytes(), Provenance(SOURCE, "simulation", "reproduced", "simulator_run", run.key, detail)))
    done = storage.admit_many(items)
    report.refused += [(key, verdict.reasons) for key, verdict in done.rejected]
    waiting.clear()


def rerun(
    storage: RealDataStorage,
    share: float,
    seed: int | None = None,
    workers: int | None = None,
    bar: Callable[[Iterable[Any], int], Iterable[Any]] | None = None,
) -> RerunReport:
    """Make a random share of the stored runs again and compare the bytes.

    Parameters
    ----------
    share : float
        Between 0 and 1; at least one run is taken.
    seed : int, optional
        Of the choice; drawn, and reported, unless given.
    """
    seed = random.SystemRandom().randrange(2**31) if seed is None else seed
    records = storage.records(source=SOURCE)
    if not records:
        return RerunReport(seed=seed)
    chosen = random.Random(seed).sample(records, max(1, round(share * len(records))))
    return repeat([storage.open(record) for record in chosen], seed, workers, bar)


def repeat(
    contents: list[bytes],
    seed: int,
    workers: int | None = None,
    bar: Callable[[Iterable[Any], int], Iterable[Any]] | None = None,
) -> RerunReport:
    """Make runs again that are given by their bytes, and compare; ``seed`` is that of their choice."""
    report = RerunReport(seed=seed)
    runs = [PlanetRun.from_bytes(content) for content in contents]
    expected = {run.key: content for run, content in zip(runs, contents, strict=True)}
    made = ensemble.simulate([Task(run.design, run.index, run.start, run.parameters) for run in runs], workers)
    for run, _ in bar(made, len(runs)) if bar else made:
        report.sampled += 1
        if run.to_bytes() == expected[run.key]:
            report.identical += 1
        else:
            report.different.append(run.key)
    return report
