"""Writing packs: batches of samples go in, checked and encoded shards with checksums come out.

Memory holds one shard and the batch under way, however many samples there are. Samples are stored in the order in
which they come; where one batch ends and the next begins makes no difference to the shards.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from astrobio.core.errors import RefusedInput, UsageError
from astrobio.core.hashing import sha256_files
from astrobio.core.native import native
from astrobio.datasets.moments import merge_moments, statistics
from astrobio.datasets.pack import (
    FORMAT,
    MANIFEST,
    SAMPLES,
    TABLES,
    ArrayInfo,
    Manifest,
    PackFile,
    build_anew,
    build_command,
)
from astrobio.store import files

SHARD_SAMPLES = 65_536
SHARD_BYTES = 256 << 20
TOKEN_BLOCK = 65_536
"""Tokens that share a checksum."""


class Ragged(NamedTuple):
    """Samples of any number of rows, one after another.

    Attributes
    ----------
    values : array
        Shape (rows, ...).
    offsets : array
        int64, shape (samples + 1,), from 0 to the number of rows: sample i is rows ``offsets[i]:offsets[i + 1]``.
    """

    values: NDArray[Any]
    offsets: NDArray[np.int64]


Samples = NDArray[Any] | Sequence[Any] | Ragged
"""Of a dense array (n, ...); of a ragged one, a list of n arrays (rows, ...), or :class:`Ragged`."""


class PackWriter:
    """Write a pack, batch by batch; as a context, so that what is not finished leaves nothing.

    Parameters
    ----------
    out : path
        The pack's folder; written beside it and renamed, so that it is whole or not there.
    source : str
        What the records are.
    arrays : mapping of str to ArrayInfo
        What a sample consists of; values are given in their units, and scaled, offset and rounded here.
    splits : sequence of str
        Splits for whose training parts statistics are taken.
    measured : sequence of str, optional
        Arrays whose statistics mean something; all unless given. Those of codes, of bytes, or of values in several
        units do not.
    axes : mapping of str to sequence of int, optional
        Of dense arrays: which axis of a sample as it is given (0 is the first after the samples) comes where in what
        is stored.
    shard_samples, shard_bytes : int
        Bounds of a shard; one that a single sample exceeds holds that sample alone.
    overwrite : bool
        Replace a pack that is there.

    Raises
    ------
    UsageError
        If the folder exists; with ``overwrite``, if it is no pack. If the arrays and axes do not fit together.

    Attributes
    ----------
    samples : int
        How many were added.
    """

    def __init__(
        self,
        out: str | Path,
        source: str,
        arrays: Mapping[str, ArrayInfo],
        *,
        splits: Sequence[str] = (),
        measured: Sequence[str] | None = None,
        axes: Mapping[str, Sequence[int]] | None = None,
        shard_samples: int = SHARD_SAMPLES,
        shard_bytes: int = SHARD_BYTES,
        overwrite: bool = False,
    ) -> None:
        self.out, self.source, self.arrays, self.splits = Path(out), source, dict(arrays), tuple(splits)
        self.measured = set(self.arrays if measured is None else measured)
        self.samples = 0
        self._axes = {name: tuple(order) for name, order in (axes or {}).items()}
        self._check_arrays()
        self._shard = _Shard(self.arrays, shard_samples, shard_bytes)
        self._files: list[PackFile] = []
        self._shards = 0
        self._table: PackFile | None = None
        self._tables: list[PackFile] = []
        self._moments: dict[tuple[str, str], NDArray[np.float64]] = {}
        check_target(self.out, overwrite, source)
        self._partial = self.out.with_name(f".{self.out.name}.{os.getpid()}.partial")
        shutil.rmtree(self._partial, ignore_errors=True)
        (self._partial / "shards").mkdir(parents=True)

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._partial, ignore_errors=True)

    def _check_arrays(self) -> None:
        for name, info in self.arrays.items():
            if not name or "." in name:
                raise UsageError(f"{name!r} is no name of an array: it is empty or has a dot")
            order = self._axes.get(name)
            if order is not None and (info.layout != "dense" or sorted(order) != list(range(len(info.shape)))):
                raise UsageError(f"axes of {name} are {order}, and its samples are {info.layout} of {info.shape}")
        if not self.arrays or not set(self._axes) <= set(self.arrays):
            raise UsageError(f"arrays are {list(self.arrays)}, axes those of {list(self._axes)}")

    def add(self, batch: Mapping[str, Samples], train: Mapping[str, NDArray[np.bool_]] | None = None) -> None:
        """Add samples.

        Parameters
        ----------
        batch : mapping
            The samples of each array, the same number of each.
        train : mapping of str to array
            For each split, bool (n,): which samples are of its training part.

        Raises
        ------
        UsageError
            If the batch does not hold what the pack consists of.
        RefusedInput
            If a value cannot be stored as its array says; the message names array, sample and field.
        OSError
            If a shard cannot be written.
        """
        train = train or {}
        count = self._count(batch, train)
        sizes = self._shard.sizes(batch, count)
        begin = 0
        while begin < count:
            end = begin + self._shard.room(sizes[begin:])
            if end == begin:
                self._flush()
                continue
            for name in self.arrays:
                self._keep(name, batch[name], train, begin, end)
            self._shard.grow(end - begin, int(sizes[begin:end].sum()))
            self.samples += end - begin
            begin = end

    def _count(self, batch: Mapping[str, Samples], train: Mapping[str, NDArray[np.bool_]]) -> int:
        if set(batch) != set(self.arrays) or set(train) != set(self.splits):
            wanted = f"arrays {', '.join(self.arrays)} and splits {', '.join(self.splits) or 'none'}"
            raise UsageError(f"a batch of {', '.join(batch)}, {', '.join(train) or 'no split'}; wanted are {wanted}")
        for name, values in batch.items():
            self._check_kind(name, values)
        lengths = {name: _length(values) for name, values in batch.items()}
        lengths |= {f"split {name}": len(chosen) for name, chosen in train.items()}
        if len(set(lengths.values())) != 1:
            raise UsageError(f"a batch of different numbers of samples: {lengths}")
        return next(iter(lengths.values()))

    def _check_kind(self, name: str, values: Samples) -> None:
        info = self.arrays[name]
        if info.layout == "dense":
            if not isinstance(values, np.ndarray):
                raise UsageError(f"samples of {name} are one array, not {type(values).__name__}")
            order = self._axes.get(name, range(len(info.shape)))
            if values.ndim != len(info.shape) + 1 or [values.shape[axis + 1] for axis in order] != info.shape:
                raise UsageError(f"samples of {name} are {values.shape[1:]}, and {info.shape} is stored")
            return
        for part in [values.values] if isinstance(values, Ragged) else values:
            if np.ndim(part) < 1 or list(np.shape(part)[1:]) != info.shape:
                raise UsageError(f"a sample of {name} is {np.shape(part)}, and its rows are {info.shape}")

    def _keep(self, name: str, values: Samples, train: Mapping[str, NDArray[np.bool_]], begin: int, end: int) -> None:
        try:
            found = self._compile(name, values, begin, end)
        except native().CompileError as error:
            raise self._refused(name, error) from error
        if self.arrays[name].layout == "tokens" or name not in self.measured:
            return  # the mean of token numbers means nothing
        for split, chosen in train.items():
            part = merge_moments(found, np.asarray(chosen[begin:end], dtype=bool))
            before = self._moments.get((split, name))
            self._moments[split, name] = part if before is None else merge_moments(np.stack([before, part]))

    def _compile(self, name: str, values: Samples, begin: int, end: int) -> NDArray[np.float64]:
        """Put samples into the shard; their moments (n, fields, 5)."""
        info, core = self.arrays[name], native()
        scale, offset = (info.scale, info.offset) if info.scaled else (None, None)
        each = len(info.fields) > 0 or len(info.scale) > 1 or len(info.offset) > 1
        options = {"fields": None if each else 1}
        if info.layout == "dense":
            out = self._shard.dense(name, end - begin)
            order = self._axes.get(name)
            done = core.compile_array(
                values[begin:end], order, info.dtype, scale, offset, info.missing, out=out, **options
            )
            self._shard.keep_checksums(name, np.asarray(done.crc32))
        else:
            rows, offsets = _rows(values, begin, end)
            done = core.compile_ragged(rows, offsets, info.dtype, scale, offset, info.missing, **options)
            self._shard.keep_rows(name, done.data, np.asarray(done.offsets), np.asarray(done.crc32))
        return np.asarray(done.moments)

    def _refused(self, name: str, error: Any) -> RefusedInput:
        _, _, reason = str(error).partition(": ")
        names = self.arrays[name].fields
        field = names[error.field] if names else f"field {error.field}"
        return RefusedInput(f"array {name}, sample {self.samples + error.sample} of the pack, {field}: {reason}")

    def _flush(self) -> None:
        name = f"shards/{self._shards:05d}.safetensors"
        digest = native().write_shard(self._partial / name, self._shard.tensors())
        self._files.append(PackFile(path=name, sha256=digest, samples=self._shard.count))
        self._shards += 1
        self._shard.clear()

    def add_table(self, table: Mapping[str, Sequence[Any]]) -> None:
        """Write the table of samples, ``samples.parquet``: a row a sample, in their order."""
        import pyarrow

        self._table = self._write_table(SAMPLES, pyarrow.table(dict(table)))

    def add_further_table(self, name: str, table: Any) -> None:
        """Write a ``polars.DataFrame`` as a table beside that of the samples, ``tables/NAME.parquet``."""
        (self._partial / TABLES).mkdir(exist_ok=True)
        self._tables.append(self._write_table(f"{TABLES}/{name}.parquet", table.to_arrow()))

    def _write_table(self, name: str, table: Any) -> PackFile:
        import pyarrow.parquet as parquet

        path = self._partial / name
        parquet.write_table(table, path, compression="zstd")
        return PackFile(path=name, sha256=sha256_files([path])[0], samples=table.num_rows)

    def finish(self, *, records_sha256: str, code_sha256: str, counts: dict[str, dict[str, int]]) -> Manifest:
        """Write the manifest and give the pack its name; see :class:`Manifest` for what is passed.

        Raises
        ------
        UsageError
            If nothing was added, or the table is missing or has another number of rows.
        """
        if self.samples == 0:
            raise UsageError("a pack has at least one sample")
        if self._table is None or self._table.samples != self.samples:
            rows = "no table" if self._table is None else f"a table of {self._table.samples} rows"
            raise UsageError(f"{self.samples} samples, and {rows}")
        self._flush()
        manifest = Manifest(
            format=FORMAT,
            source=self.source,
            samples=self.samples,
            arrays=self.arrays,
            files=[*self._files, self._table, *self._tables],
            records_sha256=records_sha256,
            code_sha256=code_sha256,
            counts={name: dict(sorted(values.items())) for name, values in counts.items()},
            statistics={split: self._statistics(split) for split in self.splits},
        )
        files.write_synced(self._partial / MANIFEST, manifest.to_bytes())
        files.sync_folder(self._partial)
        if self.out.exists():
            shutil.rmtree(self.out)
        files.rename(self._partial, self.out)
        files.sync_folder(self.out.parent)
        return manifest

    def _statistics(self, split: str) -> dict[str, dict[str, float]]:
        found = {}
        for name, info in self.arrays.items():
            if (split, name) in self._moments:
                moments = self._moments[split, name]
                found[name] = statistics(merge_moments(moments[:, None])[0])
                found |= {f"{name}.{field}": statistics(row) for field, row in zip(info.fields, moments, strict=False)}
        return found


def check_target(out: Path, overwrite: bool, data_set: str) -> None:
    """Refuse a folder that is there, or, with ``overwrite``, one that is no pack.

    Raises
    ------
    UsageError
        Naming the command that builds the pack of the data set.
    """
    if out.exists() and not overwrite:
        raise UsageError(f"{out} exists", fix=build_anew(data_set))
    pack = out.is_dir() and ((out / MANIFEST).is_file() or not any(out.iterdir()))
    if out.exists() and not pack:
        raise UsageError(f"{out} is no pack, and only a pack is replaced", fix=build_command(data_set, "--out PACK"))


def _length(values: Samples) -> int:
    return len(values.offsets) - 1 if isinstance(values, Ragged) else len(values)


def _rows(values: Samples, begin: int, end: int) -> tuple[Any, NDArray[np.int64] | None]:
    """Ragged samples ``begin:end`` as the native core takes them."""
    if not isinstance(values, Ragged):
        return [np.asarray(part) for part in values[begin:end]], None
    offsets = np.asarray(values.offsets, dtype=np.int64)[begin : end + 1]
    return values.values[offsets[0] : offsets[-1]], offsets - offsets[0]


class _Shard:
    """What the next shard will hold. Dense arrays have memory that serves one shard after another."""

    def __init__(self, arrays: dict[str, ArrayInfo], samples: int, size: int) -> None:
        self.count, self._size = 0, 0
        self._arrays, self._bound = arrays, size
        self._sample = {
            name: prod(info.shape) * _numpy_type(info).itemsize for name, info in arrays.items()
        }  # bytes of a sample, or of a row
        self._fixed = sum(self._sample[name] for name, info in arrays.items() if info.layout == "dense")
        self._capacity = max(1, min(samples, size // max(self._fixed, 1)))
        self._values: dict[str, NDArray[Any]] = {}
        self._checksums: dict[str, list[NDArray[np.uint32]]] = {name: [] for name in arrays}
        self._pieces: dict[str, list[Any]] = {name: [] for name in arrays}
        self._offsets: dict[str, list[NDArray[np.int64]]] = {name: [] for name in arrays}

    def sizes(self, batch: Mapping[str, Samples], count: int) -> NDArray[np.int64]:
        """Bytes of each sample of a batch, as stored."""
        found = np.full(count, self._fixed, dtype=np.int64)
        for name, info in self._arrays.items():
            values = batch[name]
            if info.layout != "dense":
                rows = np.diff(values.offsets) if isinstance(values, Ragged) else [len(part) for part in values]
                found += np.asarray(rows, dtype=np.int64) * self._sample[name]
        return found

    def room(self, sizes: NDArray[np.int64]) -> int:
        """How many of the samples of these sizes the shard still takes; an empty one takes at least one."""
        fitting = int(np.searchsorted(np.cumsum(sizes), self._bound - self._size, side="right"))
        return min(max(fitting, 1 if self.count == 0 else 0), self._capacity - self.count)

    def grow(self, samples: int, size: int) -> None:
        """Count samples that were kept."""
        self.count += samples
        self._size += size

    def dense(self, name: str, samples: int) -> NDArray[Any]:
        """Memory for the next samples of a dense array."""
        if name not in self._values:
            info = self._arrays[name]
            self._values[name] = np.empty((self._capacity, *info.shape), dtype=_numpy_type(info))
        return self._values[name][self.count : self.count + samples]

    def keep_checksums(self, name: str, checksums: NDArray[np.uint32]) -> None:
        """Checksums of samples that were put into :meth:`dense`."""
        self._checksums[name].append(checksums)

    def keep_rows(self, name: str, rows: Any, offsets: NDArray[np.int64], checksums: NDArray[np.uint32]) -> None:
        """Rows of the next samples of a ragged array."""
        if not self._offsets[name]:
            self._offsets[name].append(np.zeros(1, dtype=np.int64))
        self._pieces[name].append(rows)
        self._offsets[name].append(offsets[1:] + self._offsets[name][-1][-1])
        self._checksums[name].append(checksums)

    def tensors(self) -> list[tuple[str, str, tuple[int, ...], Any]]:
        """What is written: values, checksums and offsets of every array."""
        found: list[tuple[str, str, tuple[int, ...], Any]] = []
        for name, info in self._arrays.items():
            checksums = np.concatenate(self._checksums[name])
            if info.layout == "dense":
                found.append((name, info.dtype, (self.count, *info.shape), self._values[name][: self.count]))
            else:
                offsets = np.concatenate(self._offsets[name])
                found.append((name, info.dtype, (int(offsets[-1]), *info.shape), self._pieces[name]))
                found.append((f"{name}.offsets", "int64", offsets.shape, offsets))
            if info.layout == "tokens":
                block = TOKEN_BLOCK * _numpy_type(info).itemsize
                checksums = np.asarray(native().block_crc32(self._pieces[name], block))
            found.append((f"{name}.crc32", "uint32", checksums.shape, checksums))
        return found

    def clear(self) -> None:
        """Begin the next shard."""
        self.count, self._size = 0, 0
        for parts in (self._checksums, self._pieces, self._offsets):
            for listed in parts.values():
                listed.clear()


def _numpy_type(info: ArrayInfo) -> np.dtype[Any]:
    """Of the stored values; bfloat16 is held by its bits."""
    return np.dtype("uint16" if info.dtype == "bfloat16" else info.dtype)
