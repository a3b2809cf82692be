"""Run many planets on many processes. Results arrive as they finish; nothing that fails is dropped."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass

from astrobio.core.planet_run import PlanetParameters, PlanetRun, Start
from astrobio.simulate import design, vplanet

STARTS: tuple[Start, ...] = ("warm", "cold")
EARTH = "earth"
"""Design name of the Earth control."""


@dataclass(frozen=True)
class Task:
    """One run to make: which planet of which design, and from which start."""

    design: str
    index: int
    start: Start
    parameters: PlanetParameters


def tasks(planets: int, test_planets: int, skip: int = 0) -> list[Task]:
    """The Earth control, ``planets`` Sobol planets from number ``skip`` on, and a Latin-hypercube test set.

    Each planet runs from both starts.

    >>> [task.start for task in tasks(1, 0)]
    ['warm', 'cold', 'warm', 'cold']
    """
    listed = [(EARTH, 0, PlanetParameters.earth())]
    if test_planets:
        name = f"test{test_planets}"
        listed += [(name, index, planet) for index, planet in enumerate(design.latin_hypercube(test_planets))]
    if planets:
        listed += [("sobol", skip + index, planet) for index, planet in enumerate(design.sobol(planets, skip))]
    return [Task(name, index, start, planet) for name, index, planet in listed for start in STARTS]


def simulate(
    todo: Iterable[Task], workers: int | None = None, time_limit: float = vplanet.TIME_LIMIT
) -> Iterator[tuple[PlanetRun, dict[str, object]]]:
    """Yield each run with the provenance of its making, in the order in which they finish.

    Parameters
    ----------
    todo : iterable of Task
        Consumed as workers become free, so it may be longer than memory.
    workers : int, optional
        Processes; the number of cores that this process may use unless given.
    time_limit : float
        Seconds for each run, after which its outcome is ``timeout``.
    """
    count = workers or available_cores()
    pending: set[Future] = set()
    source = iter(todo)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=_leave_interrupts_to_parent) as pool:
        try:
            while True:
                while len(pending) < 4 * count and (task := next(source, None)) is not None:
                    pending.add(pool.submit(_make, task, time_limit))
                if not pending:
                    return
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _leave_interrupts_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _make(task: Task, time_limit: float) -> tuple[PlanetRun, dict[str, object]]:
    return vplanet.run(task.parameters, task.start, task.design, task.index, time_limit)
