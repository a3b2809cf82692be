"""The archive of ThousandWorlds: a packed tar with parameters, splits and fields of 1,760 climate simulations.

Its layout is that of the data set's README (https://github.com/edstevenson/ThousandWorlds, dataset/README.md and
thousandworlds/field_spec.py): ``dataset/inputs.csv``, ``dataset/subsets/<subset>/<part>.csv`` and ``dataset/fields/
*.npz`` with ``simulation_id`` (N,), ``field_names`` (C,) and ``fields`` (N, C, 32, 64), a field that a simulation lacks
being all not-a-number. Nothing is written to disk, nothing is unpickled, and no more is unpacked than the layout holds.
"""

from __future__ import annotations

import io
import tarfile
import tokenize
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from astrobio.core.errors import FormatError
from astrobio.formats.delimited import Table, read_delimited

GRID = (32, 64)
"""Latitudes and longitudes."""
_VARIABLES = ("surface_temperature", "temperature", "specific_humidity", "asr_cloudy", "olr_cloudy", "cloud_fraction",
              "u", "v")  # fmt: skip
_FLAT = ("surface_temperature", "asr_cloudy", "olr_cloudy")
UNITS = {
    "surface_temperature": "K", "temperature": "K", "specific_humidity": "dex", "asr_cloudy": "W m-2",
    "olr_cloudy": "W m-2", "cloud_fraction": "1", "u": "m s-1", "v": "m s-1",
}  # fmt: skip
"""Units by variable, as the README names them."""


def field_names(levels: int) -> list[str]:
    """Names of the fields in their order: three of one level, five of several.

    >>> len(field_names(10)), len(field_names(9))
    (53, 48)
    """
    return [
        name
        for variable in _VARIABLES
        for name in ([variable] if variable in _FLAT else [f"{variable}_{level}" for level in range(levels)])
    ]


def variable_of(name: str) -> str:
    """The variable of a field, without its level.

    >>> variable_of("cloud_fraction_7"), variable_of("asr_cloudy")
    ('cloud_fraction', 'asr_cloudy')
    """
    head, _, last = name.rpartition("_")
    return head if last.isdigit() else name


@dataclass(frozen=True)
class Layout:
    """How much there is of what.

    Attributes
    ----------
    runs : dict of str to int
        Simulations of each file of fields.
    levels : dict of str to int
        Levels of its variables of several levels.
    parts : dict of str to int
        Simulations of each part of each subset, as ``multi-partial/train``.
    most_members, most_bytes : int
        Files of the tar, and bytes of all of them once unpacked.
    """

    runs: dict[str, int]
    levels: dict[str, int]
    parts: dict[str, int]
    most_members: int = 200
    most_bytes: int = 6 << 30


RELEASE = Layout(
    runs={"all-obs": 1760, "complete-obs-only": 1659},
    levels={"all-obs": 10, "complete-obs-only": 9},
    parts={
        "single-complete/train": 206, "single-complete/test": 50,
        "multi-complete/train": 1538, "multi-complete/test": 90, "multi-complete/test_shared_planets_only": 58,
        "multi-complete/held_out_aux": 31,
        "multi-partial/train": 1626, "multi-partial/test": 100, "multi-partial/test_shared_planets_only": 60,
        "multi-partial/held_out_aux": 34,
    },
)  # fmt: skip
"""Release v1.0.0."""


@dataclass(frozen=True)
class Fields:
    """One file of fields.

    Attributes
    ----------
    simulations : array (N,) of int64
    names : tuple of str
    values : array (N, C, 32, 64) of float32
    """

    simulations: NDArray[np.int64]
    names: tuple[str, ...]
    values: NDArray[np.float32]


@dataclass
class Worlds:
    """What the archive holds.

    Attributes
    ----------
    inputs : Table
        Parameters of each simulation, as text.
    fields : dict of str to Fields
        By the name of their file, ``all-obs`` and ``complete-obs-only``.
    parts : dict of str to list of int
        Simulations of each part of each subset.
    """

    inputs: Table
    fields: dict[str, Fields] = field(default_factory=dict)
    parts: dict[str, list[int]] = field(default_factory=dict)


def read_worlds(content: bytes, layout: Layout = RELEASE) -> Worlds:
    """Read the archive.

    Raises
    ------
    FormatError
        If it is no packed tar, holds what does not belong there or more than the layout, or lacks a part of it.
    """
    inputs: Table | None = None
    fields: dict[str, Fields] = {}
    parts: dict[str, list[int]] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r|gz") as tar:
            total = 0
            for number, member in enumerate(tar, 1):
                total += member.size
                _check_member(member, number, total, layout)
                if not member.isfile():
                    continue
                path = PurePosixPath(member.name).relative_to("dataset")
                opened = tar.extractfile(member)
                if opened is None:
                    raise FormatError(f"{member.name} cannot be read")
                if path.as_posix() == "inputs.csv":
                    inputs = read_delimited(opened.read())
                elif path.parent.as_posix() == "fields" and path.suffix == ".npz":
                    fields[path.stem] = _fields(opened.read(), path.stem, layout)
                elif path.parts[0] == "subsets" and path.suffix == ".csv" and len(path.parts) == 3:
                    parts[f"{path.parts[1]}/{path.stem}"] = _simulations(opened.read(), member.name)
    except (tarfile.TarError, EOFError, zlib.error, OSError, ValueError) as error:
        raise FormatError(f"it is no packed tar from end to end: {error}") from error
    lacking = [name for name, there in (("inputs.csv", inputs is not None), *((f"fields/{name}.npz", name in fields)
               for name in layout.runs), *((f"subsets/{name}.csv", name in parts) for name in layout.parts))
               if not there]  # fmt: skip
    if lacking or inputs is None:
        raise FormatError(f"it lacks {', '.join(lacking)}")
    return Worlds(inputs, fields, parts)


def _check_member(member: tarfile.TarInfo, number: int, total: int, layout: Layout) -> None:
    if number > layout.most_members or total > layout.most_bytes:
        raise FormatError(f"it holds more than {layout.most_members} files or {layout.most_bytes} bytes")
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name or path.parts[:1] != ("dataset",):
        raise FormatError(f"it holds {member.name[:100]!r}, which is not below dataset/")
    if not (member.isfile() or member.isdir()):
        raise FormatError(f"{member.name[:100]!r} is a link or a device, and no file")


def _simulations(content: bytes, name: str) -> list[int]:
    table = read_delimited(content).frame
    if table.columns != ["simulation_id"]:
        raise FormatError(f"{name} has the columns {', '.join(table.columns)[:100]}, and not simulation_id")
    try:
        return [int(value) for value in table["simulation_id"].to_list()]
    except (TypeError, ValueError) as error:
        raise FormatError(f"{name}: {error}") from error


def _fields(content: bytes, name: str, layout: Layout) -> Fields:
    if name not in layout.runs:
        raise FormatError(f"fields/{name[:50]}.npz is none of {', '.join(layout.runs)}")
    count, names = layout.runs[name], field_names(layout.levels[name])
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sorted(archive.namelist()) != ["field_names.npy", "fields.npy", "simulation_id.npy"]:
                raise FormatError(f"{name}.npz holds {', '.join(archive.namelist())[:100]}")
            simulations = _array(archive, "simulation_id.npy", "iu", (count,))
            said = _array(archive, "field_names.npy", "U", (len(names),))
            values = _array(archive, "fields.npy", "f", (count, len(names), *GRID))
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError, tokenize.TokenError) as error:
        raise FormatError(f"{name}.npz is no file of arrays: {error}") from error
    return Fields(simulations.astype(np.int64), tuple(str(one) for one in said), values)


def _array(archive: zipfile.ZipFile, name: str, kinds: str, shape: tuple[int, ...]) -> NDArray[Any]:
    with archive.open(name) as stream:
        found, fortran, dtype = _header(stream, name)
        if dtype.kind not in kinds or dtype.itemsize > 1024 or fortran or found != shape:
            raise FormatError(f"{name} is {dtype} of the shape {found}; {shape} are expected")
        size = int(np.prod(shape)) * dtype.itemsize
        content = stream.read(size + 1)
    if len(content) != size:
        raise FormatError(f"{name} holds {'more' if len(content) > size else 'less'} than its shape")
    return np.frombuffer(content, dtype=dtype).reshape(shape)


def _header(stream: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type of an array file (numpy.lib.format)."""
    version = np.lib.format.read_magic(stream)  # type: ignore[arg-type]
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise FormatError(f"{name} is of the version {version}")
    shape, fortran, dtype = readers[version](stream)  # type: ignore[arg-type]
    if dtype.hasobject:
        raise FormatError(f"{name} holds objects, which are not read")
    return shape, fortran, dtype
