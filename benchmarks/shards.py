"""Packs written by NumPy alone: safetensors shards with a CRC-32 of each sample, as the native reader takes them.

The package compiles packs itself; the benchmarks write theirs here, so that what is read does not depend on what
wrote it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from cubes import SHAPE, Cubes

NAME = "cube"
_DTYPES = {"float32": "F32", "float16": "F16"}
_BOUNDARY = 4096
"""Values begin at a multiple of this, so that a sample's pages are few."""


def write_shard(path: Path, cubes: Cubes, numbers: Sequence[int]) -> None:
    """One shard of a dense array: values, and ``cube.crc32`` over each sample's bytes."""
    size = len(numbers) * cubes.nbytes
    header = {
        NAME: {"dtype": _DTYPES[cubes.dtype], "shape": [len(numbers), *SHAPE], "data_offsets": [0, size]},
        f"{NAME}.crc32": {"dtype": "U32", "shape": [len(numbers)], "data_offsets": [size, size + 4 * len(numbers)]},
    }
    text = json.dumps(header).encode()
    text += b" " * (-(len(text) + 8) % _BOUNDARY)
    sums = np.empty(len(numbers), dtype="<u4")
    with open(path, "wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for place, number in enumerate(numbers):
            content = cubes.cube(number).tobytes()
            sums[place] = zlib.crc32(content)
            stream.write(content)
        stream.write(sums.tobytes())


def write_pack(folder: Path, cubes: Cubes, shards: int) -> list[tuple[Path, int]]:
    """All cubes in ``shards`` shards of nearly the same size; returns each shard with its number of samples."""
    folder.mkdir(parents=True, exist_ok=True)
    edges = np.linspace(0, cubes.count, shards + 1).astype(int)
    listed = []
    for place, (begin, end) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        path = folder / f"shard-{place:05d}.safetensors"
        write_shard(path, cubes, range(begin, end))
        listed.append((path, int(end - begin)))
    return listed


def shards_of(folder: Path) -> list[tuple[str, int]]:
    """Shards of a folder, in order, with their numbers of samples, as ``PackReader`` takes them."""
    listed = []
    for path in sorted(folder.glob("*.safetensors")):
        with open(path, "rb") as stream:
            header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
        listed.append((str(path), int(header[NAME]["shape"][0])))
    return listed
