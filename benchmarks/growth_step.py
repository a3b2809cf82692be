"""One step of the growth benchmark: a pack is opened and read twice in random order, in a process of its own.

``growth.py`` runs it and watches its memory. Batches are NumPy arrays here, since importing PyTorch takes more
memory than what is measured.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from processes import cpu_seconds, print_document, resident, say_measured
from shards import NAME


def measure(
    shards: list[tuple[str, int]],
    shape: list[int],
    dtype: str,
    moments: list[list[float]],
    batch_size: int,
    threads: int,
) -> dict[str, Any]:
    """Times of opening, of the first batch, and of a batch in the first and the second pass over all samples.

    Parameters
    ----------
    shards : list of (path, samples)
        The pack.
    shape, dtype : list of int, str
        Of a sample, as stored.
    moments : list
        Mean and standard deviation of each field.
    batch_size, threads : int
        Samples a batch; threads that read it.
    """
    from rust_integration import ArraySpec, Output, PackReader

    before, _ = resident([os.getpid()])
    cpu = cpu_seconds(os.getpid())
    begun = time.perf_counter()
    reader = PackReader([(path, samples) for path, samples in shards], [ArraySpec(NAME, dtype, shape)])
    plan = reader.plan([Output(NAME, dtype="float32", mean=moments[0], std=moments[1])], threads=threads)
    opened = time.perf_counter() - begun
    count = sum(samples for _, samples in shards)
    passes = [_pass(plan, count, batch_size, number) for number in range(2)]
    anonymous, _ = resident([os.getpid()])
    cpu = cpu_seconds(os.getpid()) - cpu
    say_measured()
    plan.close()
    return {
        "opening_s": opened,
        "first_batch_s": passes[0][0],
        "first_pass_s": passes[0],
        "second_pass_s": passes[1],
        "cpu_s": cpu,
        "anonymous_before": before,
        "anonymous_after": anonymous,
    }


def _pass(plan: Any, count: int, batch_size: int, seed: int) -> list[float]:
    """Time of each batch while all samples are read once, in random order."""
    order = np.random.Generator(np.random.Philox(seed)).permutation(count)
    seconds = []
    for begin in range(0, count, batch_size):
        numbers = order[begin : begin + batch_size]
        begun = time.perf_counter()
        (values,) = plan.gather(numbers)
        seconds.append(time.perf_counter() - begun)
        assert np.asarray(values).shape[0] == len(numbers)
    return seconds


if __name__ == "__main__":
    print_document(measure(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
