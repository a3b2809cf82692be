"""One step of the loading benchmark: a rival writes its files, or loads batches from them, in a process of its own.

``loading.py`` runs it and watches its memory; it is told what to do by one JSON argument, and prints a JSON document.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cubes import Cubes
from loading_rivals import BY_NAME
from numpy.typing import NDArray
from processes import cpu_seconds, print_document, resident, say_measured
from rival import Rival, allow_read_only

LEAST_WARM_UP = 8
"""Batches that are not measured: workers start, imports, the first prefetched batches."""
PARTS = 5
"""The measured time is also looked at in so many parts."""


@dataclass(frozen=True)
class Task:
    """What to do.

    Attributes
    ----------
    action : str
        ``write`` or ``read``.
    rival, folder, columns : str
        Whose turn it is; where its files are; the file of the planets' columns.
    count, dtype, batch_size : int, str, int
        The cubes, and how many a batch holds.
    workers : int
        Threads or processes that load.
    endless : bool
        Epochs follow each other until the time is over; otherwise one epoch at most, so that nothing is read twice.
    seconds : float
        Of measuring, after a warm-up: an epoch, but no longer than half of this, if ``endless``; else 8 batches.
    seed : int
        Decides the order.
    """

    action: str
    rival: str
    folder: str
    columns: str
    count: int
    dtype: str
    batch_size: int
    workers: int = 1
    endless: bool = True
    seconds: float = 1.0
    seed: int = 0


def order(task: Task) -> Iterator[NDArray[np.int64]]:
    """Numbers of the cubes of each batch: one permutation of all, or one after another without end."""
    epoch = 0
    while True:
        numbers = np.random.Generator(np.random.Philox(key=[task.seed, epoch])).permutation(task.count)
        for begin in range(0, task.count, task.batch_size):
            yield numbers[begin : begin + task.batch_size]
        epoch += 1
        if not task.endless:
            return


def read(task: Task, rival: Rival) -> dict[str, Any]:
    """Load batches, warm up, measure; then compare the first and the last batch with what they must hold."""
    anonymous_before, _ = resident([os.getpid()])
    begun = time.perf_counter()
    batches = rival.batches(order(task), task.workers)
    numbers, batch = next(batches)
    first = (numbers.copy(), batch.clone())
    first_batch = time.perf_counter() - begun
    count = len(numbers) + _warm_up(task, batches)
    cpu, ends, counts = cpu_seconds(os.getpid()), [time.perf_counter()], [0]
    for numbers, batch in batches:  # noqa: B007 (the last one is compared below)
        ends.append(time.perf_counter())
        counts.append(counts[-1] + len(numbers))
        if ends[-1] - ends[0] >= task.seconds or (not task.endless and count + counts[-1] >= task.count):
            break
    cpu = cpu_seconds(os.getpid()) - cpu
    say_measured()
    if counts[-1] == 0:
        raise RuntimeError("nothing was left to measure after the warm-up; more samples are needed")
    rival.check(*first)
    rival.check(numbers, batch)
    batches.close()
    return {
        "samples": counts[-1],
        "seconds": ends[-1] - ends[0],
        "cpu_s": cpu,
        "first_batch_s": first_batch,
        "warm_up_samples": count,
        "rates_of_parts": _rates(np.array(ends), np.array(counts)),
        "anonymous_before": anonymous_before,
    }


def _warm_up(task: Task, batches: Iterator[tuple[NDArray[np.int64], torch.Tensor]]) -> int:
    """Batches that are not measured; returns how many samples they held."""
    begun, seen, count = time.perf_counter(), 0, 0
    most = task.count if task.endless else 0
    least = min(LEAST_WARM_UP, task.count // task.batch_size // 2)
    while seen < least or (count < most and time.perf_counter() - begun < task.seconds / 2):
        numbers, _ = next(batches)
        seen, count = seen + 1, count + len(numbers)
    return count


def _rates(ends: NDArray[np.float64], counts: NDArray[np.int64]) -> list[float]:
    """Samples a second in equal parts of the measured batches, for how even the rate was."""
    edges = np.unique(np.linspace(0, len(ends) - 1, PARTS + 1).astype(int))
    return (np.diff(counts[edges]) / np.diff(ends[edges])).tolist()


def main() -> None:
    """Do the task of the first argument."""
    task = Task(**json.loads(sys.argv[1]))
    torch.set_num_threads(1)
    allow_read_only()
    cubes = Cubes.load(Path(task.columns), task.count, task.dtype)
    rival = BY_NAME[task.rival](Path(task.folder), cubes, task.batch_size)
    if task.action == "write":
        with redirect_stdout(sys.stderr):
            rival.write()
        print_document({})
    else:
        print_document(read(task, rival))


if __name__ == "__main__":
    main()
