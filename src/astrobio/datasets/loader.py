"""Batches in an order that is a pure function of (seed, epoch, position).

A run that stops after any batch goes on with the next one, with any number of threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from astrobio.core.errors import UsageError
from astrobio.datasets.pack import Pack


def epoch_order(count: int, seed: int, epoch: int) -> np.ndarray:
    """The permutation of ``count`` samples in one epoch: Philox keyed by seed and epoch.

    >>> epoch_order(5, 0, 1).tolist() == epoch_order(5, 0, 1).tolist()
    True
    """
    return np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(count)


class Loader:
    """Batches of a pack.

    Parameters
    ----------
    pack : Pack
        Where samples come from.
    indices : array
        Samples of the pack to go through, (N,).
    batch_size : int
        Samples a batch; the last one of an epoch holds what remains.
    seed : int
        Decides the order.
    names : sequence of str
        Arrays of the pack that a batch holds.
    shuffle : bool
        In permuted order, or as ``indices`` stand.
    workers : int
        Threads that gather ahead; 0 gathers when asked.
    extra : dict, optional
        Tensors over all samples of the pack that batches hold too.
    """

    def __init__(
        self,
        pack: Pack,
        indices: np.ndarray,
        batch_size: int,
        seed: int = 0,
        names: Sequence[str] = (),
        shuffle: bool = True,
        workers: int = 0,
        extra: dict[str, Tensor] | None = None,
    ) -> None:
        if batch_size < 1:
            raise UsageError(f"batch_size is {batch_size}; it must be at least 1")
        self.indices = np.asarray(indices, dtype=np.int64)
        self.batch_size, self.seed, self.shuffle, self.workers = batch_size, seed, shuffle, workers
        self.arrays = {name: pack.array(name) for name in names}
        self.extra = extra or {}

    def __len__(self) -> int:
        return -(-len(self.indices) // self.batch_size)

    def order(self, epoch: int) -> np.ndarray:
        """Positions in the pack of all samples, as epoch ``epoch`` goes through them."""
        if not self.shuffle:
            return self.indices
        return self.indices[epoch_order(len(self.indices), self.seed, epoch)]

    def batches(self, epoch: int, start: int = 0) -> Iterator[dict[str, Tensor]]:
        """Batches of an epoch from batch number ``start`` on."""
        order = self.order(epoch)
        chosen = (
            order[number * self.batch_size : (number + 1) * self.batch_size] for number in range(start, len(self))
        )
        if not self.workers:
            yield from map(self.gather, chosen)
            return
        with ThreadPoolExecutor(self.workers) as pool:
            waiting: deque[Future[dict[str, Tensor]]] = deque()
            for rows in chosen:
                waiting.append(pool.submit(self.gather, rows))
                if len(waiting) > 2 * self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def gather(self, rows: np.ndarray) -> dict[str, Tensor]:
        """The batch of the samples at ``rows`` of the pack."""
        batch = {name: torch.from_numpy(values.take(rows)) for name, values in self.arrays.items()}
        chosen = torch.from_numpy(rows)
        return batch | {name: values[chosen] for name, values in self.extra.items()}
