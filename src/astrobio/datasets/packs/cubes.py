"""Climate cubes of a store as a pack: a sample is one field of one cube, its values in C order.

Cubes differ in variables, axes and grids, and nothing is brought to a common shape: the table tells the dimensions and
the shape of each field, and each coordinate is an array beside it, empty where the field has none. What a cube's
missing values are is not a number here, too.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
import xarray as xr

from astrobio.core.errors import RefusedInput
from astrobio.datasets.cubes import READERS, read_cubes
from astrobio.datasets.held import held
from astrobio.datasets.pack import ArrayInfo
from astrobio.datasets.packs.writing import Batch, Compilation
from astrobio.store.storage import RealDataStorage

COORDINATES = ("season", "time", "level", "latitude", "longitude", "profile_latitude", "y", "x", "member")
"""Coordinates that are arrays of the pack; latitude and longitude may lie over a plane or over cells."""
TOGETHER = 64
"""Cubes whose fields are written at a time."""
COLUMNS: dict[str, Any] = {
    "key": pl.String, "group": pl.String, "digest": pl.String, "assurance": pl.String, "cube": pl.Int64,
    "source": pl.String, "product": pl.String, "variable": pl.String, "quantity": pl.String, "units": pl.String,
    "long_name": pl.String, "dimensions": pl.List(pl.String), "shape": pl.List(pl.Int64), "topology": pl.String,
    "grid": pl.String, "coordinates": pl.String, "labels": pl.List(pl.String), "parameters": pl.String,
    "dtype": pl.String,
}  # fmt: skip
"""Columns of the table. ``topology`` by dimension, ``coordinates`` (dimensions and attributes of each) and
``parameters`` of the run are JSON; ``dtype`` is that of the file, and float64 is stored."""


def compile_cubes(storage: RealDataStorage, allow_declared: bool, sources: tuple[str, ...] = ()) -> Compilation:
    """Fields of all climate cubes.

    Parameters
    ----------
    storage : RealDataStorage
    allow_declared : bool
        Whether records count whose origin is only declared by a user.
    sources : tuple of str
        Only of these; of all unless given.

    Raises
    ------
    RefusedInput
        If a cube has a coordinate that the pack has no array for.
    """
    chosen = sorted(set(sources) or {name for name, _ in READERS})
    records = [record for name in chosen for record in held(storage, name, allow_declared)]
    counts: dict[str, Counter[str]] = {"cubes": Counter(), "fields": Counter()}
    units = dict.fromkeys(COORDINATES, "as the table's coordinates say")
    return Compilation(
        arrays={name: ArrayInfo(dtype="float64", shape=[], units=unit, layout="ragged")
                for name, unit in {"values": "as the table says", **units}.items()},
        batches=_batches(read_cubes(storage, chosen, allow_declared), counts),
        records=records,
        counts=counts,  # type: ignore[arg-type]  # filled while the batches are made
    )  # fmt: skip


def _batches(cubes: Iterator[xr.Dataset], counts: dict[str, Counter[str]]) -> Iterator[Batch]:
    rows: list[dict[str, Any]] = []
    arrays: dict[str, list[np.ndarray]] = {name: [] for name in ("values", *COORDINATES)}
    for number, cube in enumerate(cubes):
        counts["cubes"][str(cube.attrs["source"])] += 1
        for variable in cube.data_vars:
            field = cube[variable]
            rows.append(_row(cube, field, number))
            for name, values in _arrays(field).items():
                arrays[name].append(values)
            counts["fields"][str(cube.attrs["source"])] += 1
        if (number + 1) % TOGETHER == 0 and rows:
            yield _batch(rows, arrays)
            rows, arrays = [], {name: [] for name in arrays}
    if rows:
        yield _batch(rows, arrays)


def _batch(rows: list[dict[str, Any]], arrays: dict[str, list[np.ndarray]]) -> Batch:
    return Batch(pl.DataFrame(rows, schema=COLUMNS), arrays, whole=[row["cube"] for row in rows])


def _arrays(field: xr.DataArray) -> dict[str, np.ndarray]:
    """Values and coordinates of a field, each as one row of numbers."""
    found = {"values": np.ascontiguousarray(field.values, dtype=np.float64).ravel()}
    for name in COORDINATES:
        known = name in field.coords
        found[name] = np.asarray(field.coords[name].values, dtype=np.float64).ravel() if known else np.empty(0)
    return found


def _row(cube: xr.Dataset, field: xr.DataArray, number: int) -> dict[str, Any]:
    attributes = cube.attrs
    strange = [str(name) for name in field.coords if name not in COORDINATES and field.coords[name].ndim == 1
               and name in field.dims]  # fmt: skip
    if strange:
        raise RefusedInput(f"{field.name} of record {attributes['record'][:16]} lies along {', '.join(strange)}, and a "
                           "pack of cubes has no array for that")  # fmt: skip
    coordinates = {
        name: {"dimensions": [str(one) for one in field.coords[name].dims]} | _plain(field.coords[name].attrs)
        for name in COORDINATES if name in field.coords
    }  # fmt: skip
    topology = {str(name): attributes["topology"][str(name)] for name in field.dims}
    return {
        "key": f"{attributes['source']}/{attributes['record'][:16]}/{number}/{field.name}",
        "group": attributes["group"], "digest": attributes["record"], "assurance": attributes["assurance"],
        "cube": number, "source": attributes["source"], "product": attributes["product"], "variable": str(field.name),
        "quantity": field.attrs.get("quantity", ""), "units": str(field.attrs.get("units", "")),
        "long_name": str(field.attrs.get("long_name", "")), "dimensions": [str(name) for name in field.dims],
        "shape": list(field.shape), "topology": json.dumps(topology), "grid": attributes["grid"],
        "coordinates": json.dumps(coordinates), "labels": [str(label) for label in attributes["labels"]],
        "parameters": json.dumps(_plain(attributes.get("parameters", {}))), "dtype": field.dtype.name,
    }  # fmt: skip


def _plain(values: dict[Any, Any]) -> dict[str, Any]:
    """Attributes as JSON takes them."""
    return {str(name): value.item() if isinstance(value, np.generic) else value if isinstance(
        value, str | int | float | bool | None) else str(value) for name, value in values.items()}  # fmt: skip
