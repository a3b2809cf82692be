"""Bundles: many planet runs in one compressed file, each restored byte for byte.

The fields are split from the headers. A block holds up to 512 runs: each field as differences along its last
axis, low and high bytes apart, and all headers as one text; the whole is compressed by Zstandard. Every run's
SHA-256 stands in its block, and the SHA-256 of the whole at the end of the file; both are checked on reading.
(The release 2026.11 ends without one: ``shipped.RELEASES`` holds its digest.)
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from astrobio.core.errors import DataMissing, RefusedInput
from astrobio.core.hashing import sha256_bytes, sha256_files
from astrobio.core.planet_run import PlanetRun
from astrobio.core.provenance import Assurance, Provenance

MAGIC = b"ASTROBIO-BUNDLE1"
BLOCK = 512
MOST_BYTES = 2**27
"""Largest part of a bundle, uncompressed; a block of genuine runs is about 3 MB."""
_LEVEL = 19
_END = bytes(8)
_MALFORMED = (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)
"""What reading a text and arrays that someone else made up can raise."""


def write_bundle(path: str | Path, runs: Iterable[tuple[bytes, dict[str, Any]]], header: dict[str, Any]) -> int:
    """Write runs (bytes, and the provenance of their making) to a file; returns how many.

    ``header`` says how the ensemble was made; ``header["repeats"]`` holds how many runs were made a second
    time (``sampled``) and how many of these gave the same bytes (``identical``).
    """
    import pyarrow

    codec = pyarrow.Codec("zstd", compression_level=_LEVEL)
    count, source, digest = 0, iter(runs), hashlib.sha256()
    with open(path, "wb") as stream:

        def write(content: bytes) -> None:
            digest.update(content)
            stream.write(content)

        write(MAGIC)
        write(_part(codec, json.dumps(header, sort_keys=True).encode()))
        while block := list(islice(source, BLOCK)):
            write(_part(codec, _pack_block(block)))
            count += len(block)
        write(_END)
        stream.write(digest.digest())
    return count


def _part(codec: Any, content: bytes) -> bytes:
    if len(content) > MOST_BYTES:
        raise RefusedInput(f"a block of {len(content)} bytes is larger than a bundle may hold ({MOST_BYTES})")
    packed = codec.compress(content, asbytes=True)
    return len(packed).to_bytes(8, "little") + len(content).to_bytes(8, "little") + packed


def bundle_header(path: str | Path) -> dict[str, Any]:
    """What :func:`write_bundle` was told about the ensemble.

    Raises
    ------
    DataMissing, RefusedInput
        As :func:`read_bundle`.
    """
    return _header(Path(path), _parts(Path(path)))


def _header(path: Path, parts: Iterator[bytes]) -> dict[str, Any]:
    try:
        header = json.loads(next(parts, b""))
    except _MALFORMED as error:
        raise RefusedInput(f"the header of {path} is damaged: {error}") from error
    if not isinstance(header, dict):
        raise RefusedInput(f"the header of {path} is damaged: it holds {type(header).__name__}")
    return header


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
    header = _header(path, parts)
    release = {"name": path.name, "release": header.get("release"), "sha256": sha256_files([path])[0]}
    for number, content in enumerate(parts):
        try:
            runs = [(run, making.pop("key"), making) for run, making in _unpack_block(content)]
        except _MALFORMED as error:
            raise RefusedInput(f"block {number} of {path} is damaged: {error}") from error
        for run, key, making in runs:
            detail = {"program": header.get("program", {}), "making": making, "bundle": release}
            yield run, Provenance("planet_runs", "simulation", assurance, "import", key, detail)


def _parts(path: Path) -> Iterator[bytes]:
    """The uncompressed parts, header first; before the first is read, the file is seen to be whole."""
    import pyarrow

    codec = pyarrow.Codec("zstd")
    if not path.is_file():
        raise DataMissing(f"there is no bundle {path}")
    with open(path, "rb") as stream:
        for number, (begin, packed, size) in enumerate(_layout(path, stream), -1):
            stream.seek(begin)
            try:
                yield codec.decompress(stream.read(packed), decompressed_size=size, asbytes=True)
            except (OSError, pyarrow.ArrowException, ValueError) as error:
                raise RefusedInput(f"{_name(number)} of {path} is damaged: {error}") from error


def _name(number: int) -> str:
    return "the header" if number < 0 else f"block {number}"


def _layout(path: Path, stream: BinaryIO) -> list[tuple[int, int, int]]:
    """Where each part begins, its bytes, and its bytes once decompressed; lengths are believed within the file only."""
    whole = os.fstat(stream.fileno()).st_size
    if stream.read(len(MAGIC)) != MAGIC:
        raise RefusedInput(f"{path} is not a bundle of planet runs")
    parts: list[tuple[int, int, int]] = []
    while (length := stream.read(8)) != _END:
        packed, size = int.from_bytes(length, "little"), int.from_bytes(stream.read(8), "little")
        begin = stream.tell()
        if len(length) < 8 or packed > whole - begin:
            raise RefusedInput(f"{path} is cut short in {_name(len(parts) - 1)}")
        if size > MOST_BYTES:
            raise RefusedInput(f"{_name(len(parts) - 1)} of {path} claims {size} bytes; at most {MOST_BYTES} are read")
        parts.append((begin, packed, size))
        stream.seek(packed, os.SEEK_CUR)
    end = stream.tell()
    recorded = stream.read(hashlib.sha256().digest_size + 1)
    if recorded:
        stream.seek(0)
        digest = hashlib.sha256()
        while end > stream.tell():
            digest.update(stream.read(min(1 << 20, end - stream.tell())))
        if digest.digest() != recorded:
            raise RefusedInput(f"{path} has changed since it was written: its digest is another")
    return parts


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
