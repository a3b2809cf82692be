"""Bundles: many planet runs in one compressed file, each restored byte for byte.

The fields are split from the headers. A block holds up to 512 runs: each field as differences along its last
axis, low and high bytes apart, and all headers as one text; the whole is compressed by Zstandard. Every run's
SHA-256 stands in the block and is checked on reading.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from astrobio.core.errors import DataMissing, RefusedInput
from astrobio.core.hashing import sha256_bytes, sha256_files
from astrobio.core.planet_run import PlanetRun
from astrobio.core.provenance import Assurance, Provenance

MAGIC = b"ASTROBIO-BUNDLE1"
BLOCK = 512
_LEVEL = 19


def write_bundle(path: str | Path, runs: Iterable[tuple[bytes, dict[str, Any]]], header: dict[str, Any]) -> int:
    """Write runs (bytes, and the provenance of their making) to a file; returns how many.

    ``header`` says how the ensemble was made; ``header["repeats"]`` holds how many runs were made a second
    time (``sampled``) and how many of these gave the same bytes (``identical``).
    """
    import pyarrow

    codec = pyarrow.Codec("zstd", compression_level=_LEVEL)
    count, source = 0, iter(runs)
    with open(path, "wb") as stream:
        stream.write(MAGIC)
        _write_part(stream, codec, json.dumps(header, sort_keys=True).encode())
        while block := list(islice(source, BLOCK)):
            _write_part(stream, codec, _pack_block(block))
            count += len(block)
        stream.write((0).to_bytes(8, "little"))
    return count


def _write_part(stream: io.BufferedWriter, codec: Any, content: bytes) -> None:
    packed = codec.compress(content, asbytes=True)
    stream.write(len(packed).to_bytes(8, "little") + len(content).to_bytes(8, "little") + packed)


def bundle_header(path: str | Path) -> dict[str, Any]:
    """What :func:`write_bundle` was told about the ensemble."""
    return json.loads(next(_parts(Path(path))))


def read_bundle(path: str | Path, assurance: Assurance = "declared") -> Iterator[tuple[bytes, Provenance]]:
    """Runs of a bundle with their provenance.

    Parameters
    ----------
    path : path
        The file.
    assurance : Assurance
        What stands behind it: what the file says of itself is its maker's word, hence *declared* unless the
        caller has established more.

    Raises
    ------
    DataMissing
        If there is no such file.
    RefusedInput
        If the file is cut short, damaged, or no bundle; the message names the block.
    """
    path = Path(path)
    parts = _parts(path)
    header = json.loads(next(parts))
    release = {"name": path.name, "release": header.get("release"), "sha256": sha256_files([path])[0]}
    for number, content in enumerate(parts):
        try:
            runs = list(_unpack_block(content))
        except (ValueError, KeyError, IndexError) as error:
            raise RefusedInput(f"block {number} of {path} is damaged: {error}") from error
        for run, making in runs:
            key = making.pop("key")
            detail = {"program": header.get("program", {}), "making": making, "bundle": release}
            yield run, Provenance("planet_runs", "simulation", assurance, "import", key, detail)


def _parts(path: Path) -> Iterator[bytes]:
    import pyarrow

    codec = pyarrow.Codec("zstd")
    try:
        stream = open(path, "rb")
    except FileNotFoundError as error:
        raise DataMissing(f"there is no bundle {path}") from error
    with stream:
        if stream.read(len(MAGIC)) != MAGIC:
            raise RefusedInput(f"{path} is not a bundle of planet runs")
        number = -1
        while True:
            length = stream.read(8)
            if length == (0).to_bytes(8, "little"):
                return
            size = stream.read(8)
            packed = stream.read(int.from_bytes(length, "little")) if len(length) == 8 else b""
            if len(size) != 8 or len(packed) != int.from_bytes(length, "little"):
                raise RefusedInput(f"{path} is cut short after block {number}")
            try:
                yield codec.decompress(packed, decompressed_size=int.from_bytes(size, "little"), asbytes=True)
            except (OSError, pyarrow.ArrowException, MemoryError, ValueError) as error:
                raise RefusedInput(f"block {number} of {path} is damaged: {error}") from error
            number += 1


def _pack_block(block: list[tuple[bytes, dict[str, Any]]]) -> bytes:
    """Fields of all runs side by side, then the headers as JSON lines."""
    runs = [PlanetRun.from_bytes(content) for content, _ in block]
    heads = []
    for run, (content, making) in zip(runs, block, strict=True):
        if run.to_bytes() != content:
            raise RefusedInput(f"{run.key} is not in canonical form")
        heads.append({"metadata": run.metadata(), "making": making | {"key": run.key}, "sha256": sha256_bytes(content)})
    planes, index = [], {}
    for name in sorted({name for run in runs for name in run.steps}):
        holders = [place for place, run in enumerate(runs) if name in run.steps]
        values = np.stack([runs[place].steps[name] for place in holders])
        index[name] = {"holders": holders, "shape": list(values.shape[1:])}
        delta = np.diff(values, axis=-1, prepend=np.int16(0)).astype("<i2")
        planes.append(np.ascontiguousarray(delta.view(np.uint8).reshape(-1, 2).T).tobytes())
    text = json.dumps({"fields": index, "runs": _columns(heads)}, separators=(",", ":")).encode()
    return len(text).to_bytes(8, "little") + text + b"".join(planes)


def _columns(heads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each header as what differs from the one before: texts that all share are written once."""
    before: dict[str, Any] = {}
    out = []
    for head in heads:
        flat = _flatten(head)
        out.append({name: value for name, value in flat.items() if name not in before or before[name] != value}
                   | ({"-": gone} if (gone := [name for name in before if name not in flat]) else {}))  # fmt: skip
        before = flat
    return out


def _flatten(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, item in value.items():
        if isinstance(item, dict):
            flat[f"{prefix}{name}|"] = len(item)
            flat |= _flatten(item, f"{prefix}{name}|")
        else:
            flat[f"{prefix}{name}"] = item
    return flat


def _restore(flat: dict[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        *path, last = name.split("|")
        node = tree
        for step in path:
            node = node.setdefault(step, {})
        if last:
            node[last] = value
    return tree


def _unpack_block(content: bytes) -> Iterator[tuple[bytes, dict[str, Any]]]:
    length = int.from_bytes(content[:8], "little")
    block = json.loads(content[8 : 8 + length])
    position = 8 + length
    steps: list[dict[str, np.ndarray]] = [{} for _ in block["runs"]]
    for name, info in block["fields"].items():
        count = len(info["holders"]) * int(np.prod(info["shape"]))
        planes = np.frombuffer(content, dtype=np.uint8, count=2 * count, offset=position).reshape(2, -1)
        delta = np.ascontiguousarray(planes.T).view("<i2").reshape(-1, *info["shape"])
        values = np.cumsum(delta, axis=-1, dtype=np.int16)
        for row, place in zip(values, info["holders"], strict=True):
            steps[place][name] = row
        position += 2 * count
    flat: dict[str, Any] = {}
    for change, fields in zip(block["runs"], steps, strict=True):
        gone = set(change.pop("-", []))
        flat = {name: value for name, value in (flat | change).items() if name not in gone}
        head = _restore(flat)
        run = PlanetRun.from_parts(head["metadata"], fields).to_bytes()
        if sha256_bytes(run) != head["sha256"]:
            raise ValueError(f"{head['making']['key']} is not restored to the bytes of its SHA-256")
        yield run, head["making"]
