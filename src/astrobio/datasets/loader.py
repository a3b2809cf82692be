"""Batches in an order that is a pure function of (seed, epoch, position).

A run that stops after any batch goes on with the next one, with any number of threads or ranks. Samples are
gathered by the native core from memory maps straight into the memory of the batch, ahead of their use.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from astrobio.core.errors import UsageError
from astrobio.datasets.pack import Pack, intact

AHEAD = 4
"""Batches that are gathered before they are asked for."""
DTYPES = {
    name: getattr(torch, name)
    for name in ("float16", "bfloat16", "float32", "float64", "bool", "int8", "int16", "int32", "int64")
    + ("uint8", "uint16", "uint32", "uint64")
}
"""Torch's types by the names that packs use."""


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
        Samples a batch, over all ranks; the last one of an epoch holds what remains.
    seed : int
        Decides the order.
    names : sequence of str or Output
        Arrays of the pack that a batch holds, as they are stored; an Output says how one is decoded, normalised
        and masked. A mask is in the batch as ``NAME_mask``, offsets of a ragged array as ``NAME_offsets``.
    shuffle : bool
        In permuted order, or as ``indices`` stand.
    workers : int
        Threads that gather ahead; 0 gathers when asked.
    extra : dict, optional
        Tensors over all samples of the pack that batches hold too.
    rank, ranks : int
        Which part of each batch this process takes: the samples at ``rank``, ``rank + ranks`` and so on, so that
        all ranks together hold what a single process would.
    pin_memory : bool
        Gather into page-locked memory, from which a copy to a GPU does not wait.

    Raises
    ------
    UsageError
        If the pack holds no such array, or a number is out of its range.
    """

    def __init__(
        self,
        pack: Pack,
        indices: np.ndarray,
        batch_size: int,
        seed: int = 0,
        names: Sequence[Any] = (),
        shuffle: bool = True,
        workers: int = 0,
        extra: dict[str, Tensor] | None = None,
        rank: int = 0,
        ranks: int = 1,
        pin_memory: bool = False,
    ) -> None:
        if batch_size < 1:
            raise UsageError(f"batch_size is {batch_size}; it must be at least 1")
        if not 0 <= rank < ranks:
            raise UsageError(f"rank is {rank} of {ranks}; ranks run from 0")
        self.pack, self.indices = pack, np.asarray(indices, dtype=np.int64)
        self.batch_size, self.seed, self.shuffle, self.workers = batch_size, seed, shuffle, workers
        self.rank, self.ranks, self.pin_memory = rank, ranks, pin_memory
        self.extra = extra or {}
        self.plan = pack.plan(names, threads=max(1, workers))

    def __len__(self) -> int:
        return -(-len(self.indices) // self.batch_size)

    def order(self, epoch: int) -> np.ndarray:
        """Positions in the pack of all samples, as epoch ``epoch`` goes through them."""
        if not self.shuffle:
            return self.indices
        return self.indices[epoch_order(len(self.indices), self.seed, epoch)]

    def batches(self, epoch: int, start: int = 0) -> Iterator[dict[str, Tensor]]:
        """Batches of an epoch from batch number ``start`` on.

        Raises
        ------
        IntegrityError
            If a shard has changed, or a sample is not what its checksum says; the message names both.
        """
        order = self.order(epoch)
        chosen = (
            order[number * self.batch_size : (number + 1) * self.batch_size][self.rank :: self.ranks]
            for number in range(start, len(self))
        )
        if not self.workers:
            yield from map(self.gather, chosen)
            return
        waiting: deque[_Pending] = deque()
        for rows in chosen:
            waiting.append(self._submit(rows))
            if len(waiting) > AHEAD:
                yield self._batch(waiting.popleft())
        while waiting:
            yield self._batch(waiting.popleft())

    def gather(self, rows: np.ndarray) -> dict[str, Tensor]:
        """The batch of the samples at ``rows`` of the pack."""
        return self._batch(self._submit(rows))

    def _submit(self, rows: np.ndarray) -> _Pending:
        """Begin to gather, into page-locked memory of torch's or into memory of the reader's pool."""
        pinned = None
        if self.pin_memory:
            shapes = self.plan.native.shapes(rows)
            kinds = [DTYPES[name] for name in self.plan.native.dtypes]
            pinned = [
                torch.empty(shape, dtype=kind, pin_memory=True) for shape, kind in zip(shapes, kinds, strict=True)
            ]
        out = None if pinned is None else [_bytes_of(tensor) for tensor in pinned]
        return _Pending(rows, self.plan.submit(rows, out), pinned)

    def _batch(self, pending: _Pending) -> dict[str, Tensor]:
        with intact(self.pack.manifest.source):
            buffers = pending.ticket.wait()
        tensors = pending.pinned if buffers is None else [as_tensor(buffer) for buffer in buffers]
        chosen = torch.from_numpy(pending.rows)
        batch = dict(zip(self.plan.names, tensors or [], strict=True))
        return batch | {name: values[chosen] for name, values in self.extra.items()}


@dataclass(frozen=True)
class _Pending:
    """A batch that is being gathered: its samples, the reader's ticket, and memory of ours that it goes to."""

    rows: np.ndarray
    ticket: Any
    pinned: list[Tensor] | None


def as_tensor(buffer: Any) -> Tensor:
    """A tensor over the memory of a reader's buffer, which it keeps."""
    kind, shape = DTYPES[buffer.dtype], tuple(buffer.shape)
    if 0 in shape:
        return torch.empty(shape, dtype=kind)
    return torch.frombuffer(buffer, dtype=kind).view(shape)


def _bytes_of(tensor: Tensor) -> np.ndarray:
    """A tensor's memory as bytes, whatever its type."""
    return tensor.view(-1).view(torch.uint8).numpy() if tensor.numel() else np.empty(0, dtype=np.uint8)
