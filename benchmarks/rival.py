"""The shape that all ways to load batches of climate cubes have, and the two usual ones: processes and threads.

A rival is a class. ``write`` puts all cubes into the rival's folder in the rival's own format. ``batches`` yields
``(numbers, batch)``: which cubes, and their normalised values as a float32 tensor of shape (batch, 53, 32, 64), which
stays as it is until the next one is asked for. ``order`` yields the numbers of each batch to load; a rival that
cannot be told an order shuffles by itself, and says so in ``order_kind``.

All rivals normalise by the same code: two passes of PyTorch over one sample, which stays in the processor's cache,
straight into the batch. (Of NumPy and PyTorch, in one pass or two, this was the quickest here: 22 us a float32
sample, against 44 us by NumPy and 56 us by ``torch.addcmul``.)
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from cubes import SHAPE, Cubes
from numpy.typing import NDArray
from torch import Tensor

Order = Iterable[NDArray[np.int64]]
Batches = Iterator[tuple[NDArray[np.int64], Tensor]]
PREFETCH = 4
"""Batches that a worker prepares ahead."""


class Rival(ABC):
    """A way to store cubes and to load batches of them.

    Attributes
    ----------
    name : str
        As the table names it.
    packages : tuple of str
        Distributions that it needs, for their versions.
    source : str
        Where its documentation recommends the configuration.
    files, setup : str
        How the files are made and opened; how batches come from them.
    order_kind : str
        ``random``, or what it does instead.
    layout : str
        Rivals of the same layout read the same files.
    dtypes : tuple of str
        Types of values that its format can hold.
    """

    name: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()
    source: ClassVar[str] = ""
    files: ClassVar[str] = ""
    setup: ClassVar[str] = ""
    order_kind: ClassVar[str] = "random"
    layout: ClassVar[str]
    dtypes: ClassVar[tuple[str, ...]] = ("float32", "float16")

    def __init__(self, folder: Path, cubes: Cubes, batch_size: int) -> None:
        self.folder, self.cubes, self.batch_size = folder, cubes, batch_size
        mean, std = cubes.moments()
        self.mean, self.std = mean, std
        self._mean = torch.from_numpy(mean.astype(np.float32))[:, None, None]
        self._gain = torch.from_numpy((1.0 / std).astype(np.float32))[:, None, None]

    @abstractmethod
    def write(self) -> None:
        """Put all cubes into the folder."""

    @abstractmethod
    def batches(self, order: Order, workers: int) -> Batches:
        """Batches, prepared by ``workers`` threads or processes beside the one that asks."""

    def check(self, numbers: NDArray[np.int64], batch: Tensor) -> None:
        """Compare a batch with what its cubes must give.

        Raises
        ------
        WrongBatch
            If it is not that.
        """
        self.cubes.check(numbers.tolist(), batch.numpy())

    def normalise(self, stored: NDArray | Tensor, out: Tensor) -> None:
        """Normalised values of one cube, (53, 32, 64), into ``out``, float32, of the same shape."""
        values = torch.from_numpy(stored) if isinstance(stored, np.ndarray) else stored
        if values.dtype == torch.float32:
            torch.sub(values, self._mean, out=out)
        else:
            out.copy_(values).sub_(self._mean)
        out.mul_(self._gain)


class Reader(Rival):
    """A format whose cubes are read by number; threads or processes do it."""

    @abstractmethod
    def open(self, workers: int) -> Any:
        """What is opened once: by each process, or once for all threads."""

    def read(self, opened: Any, number: int) -> NDArray | Tensor:
        """The stored values of one cube, (53, 32, 64)."""
        raise NotImplementedError

    def fill(self, opened: Any, numbers: NDArray[np.int64], batch: Tensor) -> None:
        """Normalised values of cubes into a batch."""
        for place, number in enumerate(numbers):
            self.normalise(self.read(opened, int(number)), batch[place])


class ByProcesses(Reader):
    """Batches from PyTorch's DataLoader with persistent worker processes.

    The dataset has ``__getitems__``, so that a worker is asked for whole batches and no time goes into collating;
    the batch is made in shared memory, as ``default_collate`` makes it, so that it is handed over without a copy.
    """

    setup = "DataLoader with __getitems__ and persistent workers"

    def batches(self, order: Order, workers: int) -> Batches:
        yield from torch.utils.data.DataLoader(
            _Dataset(self, workers), batch_sampler=_Sampler(order), **loader_options(workers)
        )


class _Sampler:
    """Hands the order's batches to a DataLoader."""

    def __init__(self, order: Order) -> None:
        self.order = order

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        return iter(self.order)


class _Dataset(torch.utils.data.Dataset):
    """Whole batches of a rival; what it opens is opened in the worker."""

    def __init__(self, rival: ByProcesses, workers: int) -> None:
        self.rival, self.workers, self.opened = rival, workers, None

    def __getitems__(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], Tensor]:
        if self.opened is None:
            self.opened = self.rival.open(self.workers)
        batch = shared_batch(len(numbers))
        self.rival.fill(self.opened, numbers, batch)
        return numbers, batch


def loader_options(workers: int) -> dict[str, Any]:
    """Of every DataLoader: workers that stay, batches as the worker made them, nothing pinned: no GPU takes them."""
    return {
        "num_workers": workers,
        "prefetch_factor": PREFETCH,
        "persistent_workers": True,
        "pin_memory": False,
        "collate_fn": as_it_is,
    }


def as_it_is(batch: Any) -> Any:
    """For a dataset that makes batches itself."""
    return batch


def allow_read_only() -> None:
    """Read-only arrays are only read here; PyTorch warns of tensors over them."""
    warnings.filterwarnings("ignore", message=".*not writable.*")


def shared_batch(size: int) -> Tensor:
    """An uninitialised batch, in shared memory if this is a DataLoader's worker."""
    if torch.utils.data.get_worker_info() is None:
        return torch.empty(size, *SHAPE)
    storage = torch.UntypedStorage._new_shared(4 * size * int(np.prod(SHAPE)))
    return torch.empty(0, dtype=torch.float32).set_(storage).view(size, *SHAPE)


class ByThreads(Reader):
    """Batches from threads, each batch by one of them, into memory that is used again and again."""

    setup = "a pool of threads into batches that are used again"

    def batches(self, order: Order, workers: int) -> Batches:
        opened = self.open(workers)
        ahead = PREFETCH * workers
        memory = cycle([torch.empty(self.batch_size, *SHAPE) for _ in range(ahead + 2)])

        def task(numbers: NDArray[np.int64], batch: Tensor) -> Tensor:
            self.fill(opened, numbers, batch)
            return batch

        waiting: deque[tuple[NDArray[np.int64], Future[Tensor]]] = deque()
        with ThreadPoolExecutor(workers) as pool:
            try:
                for numbers in order:
                    waiting.append((numbers, pool.submit(task, numbers, next(memory)[: len(numbers)])))
                    if len(waiting) > ahead:
                        done, future = waiting.popleft()
                        yield done, future.result()
                while waiting:
                    done, future = waiting.popleft()
                    yield done, future.result()
            finally:
                pool.shutdown(cancel_futures=True)
