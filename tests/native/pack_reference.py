"""What a pack holds and what its reader must give, in NumPy and without the native core.

Shards are written by hand, so that a test can also write wrong ones. Values are made as the reader's
documentation says, operation by operation, and are compared bit for bit.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rust_integration import ArraySpec

# bfloat16, which NumPy does not know, is held as its bits.
STORAGE = {
    "float16": np.float16, "bfloat16": np.uint16, "float32": np.float32, "float64": np.float64,
    "int8": np.int8, "int16": np.int16, "int32": np.int32, "int64": np.int64,
    "uint8": np.uint8, "uint16": np.uint16, "uint32": np.uint32, "uint64": np.uint64, "bool": np.bool_,
}  # fmt: skip
HEADER_NAMES = {
    "float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64", "int8": "I8", "int16": "I16",
    "int32": "I32", "int64": "I64", "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64", "bool": "BOOL",
}  # fmt: skip
FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = tuple(name for name in STORAGE if name.startswith(("int", "uint")))
TOKEN_BLOCK = 65_536

Tensors = dict[str, tuple[str, np.ndarray]]
Change = Callable[[dict[str, dict]], object]


@dataclass
class Stored:
    """An array of a pack with all its samples as stored: (n, *shape), or a list of (rows, *shape) if ragged.

    Of tokens, `samples` are documents; `sizes` are how many of them each shard has.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    samples: Sequence[np.ndarray]
    layout: str = "dense"
    scale: tuple[float, ...] = (1.0,)
    offset: tuple[float, ...] = (0.0,)
    missing: int | None = None
    sizes: Sequence[int] = field(default_factory=list)

    def spec(self) -> ArraySpec:
        return ArraySpec(self.name, self.dtype, self.shape, self.layout, self.scale, self.offset, self.missing)

    def rows(self, samples: Sequence[np.ndarray]) -> np.ndarray:
        """Samples as a tensor of a shard holds them, of shape (n, *shape) or (rows, *shape)."""
        storage = STORAGE[self.dtype]
        if self.layout == "dense":
            return np.array(samples, storage).reshape(len(samples), *self.shape)
        return np.concatenate([np.zeros((0, *self.shape), storage), *samples])

    def tensors(self, samples: Sequence[np.ndarray]) -> Tensors:
        """The tensors of a shard with these samples."""
        rows, found = self.rows(samples), {}
        blocks = list(samples)
        if self.layout == "tokens":
            blocks = [rows[start : start + TOKEN_BLOCK] for start in range(0, len(rows), TOKEN_BLOCK)]
        if self.layout != "dense":
            ends = np.cumsum([0, *(len(sample) for sample in samples)])
            found[f"{self.name}.offsets"] = ("int64", ends.astype(np.int64))
        checksums = np.array([zlib.crc32(np.ascontiguousarray(block).tobytes()) for block in blocks], np.uint32)
        found[self.name] = (self.dtype, rows)
        found[f"{self.name}.crc32"] = ("uint32", checksums)
        return found


def write_shard(path: Path, tensors: Tensors, change: Change = lambda header: None, padding: int = 0) -> None:
    """Writes a safetensors file; `change` may alter its header first, `padding` shifts its data by so many bytes."""
    header, data = {}, b""
    for name, (dtype, values) in tensors.items():
        raw = np.ascontiguousarray(values).tobytes()
        header[name] = {
            "dtype": HEADER_NAMES[dtype],
            "shape": list(values.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    change(header)
    text = json.dumps(header).encode() + b" " * padding
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def write_pack(
    folder: Path, arrays: Sequence[Stored], sizes: Sequence[int], padding: int = 0
) -> list[tuple[Path, int]]:
    """Writes shards of so many samples each; gives what a reader is opened with."""
    shards = []
    for number, size in enumerate(sizes):
        tensors: Tensors = {}
        for array in arrays:
            counts = array.sizes or sizes
            first = sum(counts[:number])
            tensors |= array.tensors(array.samples[first : first + counts[number]])
        path = folder / f"shard-{number}.safetensors"
        write_shard(path, tensors, padding=padding)
        shards.append((path, size))
    return shards


def working_type(dtype: str) -> type:
    wide = ("int32", "int64", "uint32", "uint64", "float64")
    return np.float64 if dtype in wide else np.float32


def numbers(stored: np.ndarray, dtype: str) -> np.ndarray:
    """Stored elements in the working type of their dtype."""
    if dtype == "bfloat16":
        return (stored.astype(np.uint32) << 16).view(np.float32)
    return stored.astype(working_type(dtype))


def bfloat16_bits(values: np.ndarray) -> np.ndarray:
    """The bits of the nearest bfloat16, to the even one of two: found among its neighbours, in exact arithmetic."""
    exact = values.astype(np.float64)
    near = values.astype(np.float32)
    bits = near.view(np.uint32)
    towards_zero = bits - (np.abs(near.astype(np.float64)) > np.abs(exact)).astype(np.uint32)
    low = towards_zero >> 16
    below = bfloat16_sizes(low & 0x7FFF)
    above = bfloat16_sizes((low & 0x7FFF) + 1)
    above = np.where(np.isinf(above), 2.0**128, above)
    middle = (below + above) / 2
    up = (np.abs(exact) > middle) | ((np.abs(exact) == middle) & (low & 1 == 1))
    found = low + up.astype(np.uint32)
    found = np.where(np.isinf(exact), near.view(np.uint32) >> 16, found)
    return np.where(np.isnan(exact), 0x7FC0, found).astype(np.uint16)


def bfloat16_sizes(bits: np.ndarray) -> np.ndarray:
    """What bits of positive bfloat16 stand for, in float64; those past infinity are never looked at."""
    return (np.minimum(bits, 0x7F80) << 16).view(np.float32).astype(np.float64)


def rounded(values: np.ndarray, dtype: str) -> np.ndarray:
    """Numbers rounded to nearest even into a floating output type."""
    return bfloat16_bits(values) if dtype == "bfloat16" else values.astype(STORAGE[dtype])


@dataclass(frozen=True)
class Asked:
    """An output as a plan is asked for it."""

    dtype: str | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    mask: bool = False


def expected(array: Stored, indices: Sequence[int], asked: Asked) -> list[np.ndarray]:
    """The results of an output: values, then offsets if the array is ragged, then the mask if asked for."""
    chosen = [array.samples[index] for index in indices]
    stored = array.rows(chosen)
    with np.errstate(all="ignore"):
        values, present = convert(array, stored, asked)
    results = [values]
    if array.layout == "ragged":
        results.append(np.cumsum([0, *(len(sample) for sample in chosen)]).astype(np.int64))
    return [*results, present] if asked.mask else results


def convert(array: Stored, stored: np.ndarray, asked: Asked) -> tuple[np.ndarray, np.ndarray]:
    """Values and mask of rows of an array."""
    coded = np.zeros(stored.shape, bool) if array.missing is None else stored == array.missing
    if asked.dtype is None or (asked.dtype == array.dtype and array.dtype not in FLOATS):
        return np.where(coded, 0, stored).astype(stored.dtype) if asked.mask else stored, ~coded
    if asked.dtype not in FLOATS:
        return np.where(coded, 0, stored).astype(STORAGE[asked.dtype]), ~coded
    working = working_type(array.dtype)
    shift, gain = constants(array, asked)
    plain = np.all(shift == 0) and np.all(gain == 1)
    values = (numbers(stored, array.dtype) - shift.astype(working)) * gain.astype(working)
    if plain and asked.dtype == array.dtype:
        values = numbers(stored, array.dtype)
    values = np.where(coded, working(np.nan), values)
    present = ~np.isnan(values)
    if asked.mask:
        values = np.where(present, values, working(0))
    return rounded(values.astype(working), asked.dtype), present


def constants(array: Stored, asked: Asked) -> tuple[np.ndarray, np.ndarray]:
    """Shift and gain in float64, in a shape that meets the fields of rows."""
    fields = (-1, *(1,) * (len(array.shape) - 1)) if array.shape else (1,)
    scale, offset = np.array(array.scale).reshape(fields), np.array(array.offset).reshape(fields)
    mean, std = np.array(asked.mean or (0.0,)).reshape(fields), np.array(asked.std or (1.0,)).reshape(fields)
    return (mean - offset) / scale, scale / std


def same(found: object, wanted: np.ndarray, dtype: str) -> bool:
    """Whether a result has the shape, type and bits that are wanted; any NaN is as good as another."""
    values = np.asarray(found)
    if values.shape != wanted.shape or values.dtype != wanted.dtype:
        return False
    if dtype == "bfloat16":
        values, wanted = (a.astype(np.uint32) << 16 for a in (values, wanted))
        values, wanted = values.view(np.float32), wanted.view(np.float32)
    if dtype not in FLOATS:
        return bool(np.array_equal(values, wanted))
    nan = np.isnan(wanted)
    bits = np.dtype(f"u{values.dtype.itemsize}")
    both = np.array_equal(np.isnan(values), nan)
    return both and np.array_equal(values.view(bits)[~nan], wanted.view(bits)[~nan])
