"""Spectra of a store as packs: a sample is a spectrum, with as many points as were published.

``spectra`` holds planets (transit and eclipse depths in ppm), ``stellar_spectra`` stars. Flux densities come in units
that cannot be turned into each other (W m-2 um-1, Jy, uncalibrated counts), so each has an array of its own.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from astrobio.core.spectrum import DEPTH_UNIT, FLUX_UNITS
from astrobio.datasets.held import read_from
from astrobio.datasets.pack import ArrayInfo
from astrobio.datasets.pack_writer import Ragged
from astrobio.datasets.packs.writing import Batch, Compilation
from astrobio.datasets.spectra import POINTS, Spectra, read_spectra
from astrobio.store.storage import RealDataStorage

TOGETHER = 64
"""Spectra that are written at a time."""
_ARRAY_OF = {DEPTH_UNIT: "depth", "W m-2 um-1": "flux_density", "Jy": "flux_density_jy", "DN s-1": "counts"}
"""Name of the array of values by their unit."""
_MEASURED = ("value", "error_upper", "error_lower")
_CODES = ("limit", "usable", "order")
_POINTS_UNITS = {"wavelength": "um", "half_width": "um", "limit": "1", "usable": "1", "order": "1"}


def compile_planet_spectra(storage: RealDataStorage, allow_declared: bool) -> Compilation:
    """Spectra of planets.

    Raises
    ------
    DataMissing
        If the store holds none.
    """
    return _compile(storage, allow_declared, pl.col("quantity") != "flux density", (DEPTH_UNIT,))


def compile_stellar_spectra(storage: RealDataStorage, allow_declared: bool) -> Compilation:
    """Spectra of stars.

    Raises
    ------
    DataMissing
        If the store holds none.
    """
    return _compile(storage, allow_declared, pl.col("quantity") == "flux density", FLUX_UNITS)


def _compile(storage: RealDataStorage, allow_declared: bool, chosen: pl.Expr, units: tuple[str, ...]) -> Compilation:
    spectra = read_spectra(storage, allow_declared=allow_declared).select(chosen)
    used = [unit for unit in units if unit in set(spectra.table["unit"])]
    arrays = {name: ArrayInfo(dtype=np.dtype(POINTS[name]).name, shape=[], units=unit, layout="ragged")
              for name, unit in _POINTS_UNITS.items()}  # fmt: skip
    for unit in used:
        arrays |= {_name(unit, part): ArrayInfo(dtype="float64", shape=[], units=unit, layout="ragged")
                   for part in _MEASURED}  # fmt: skip
    counts = {"quantity": _count(spectra.table, "quantity"), "instrument": _count(spectra.table, "instrument_known_as"),
              "points": {"all": int(spectra.table["points"].sum())}}  # fmt: skip
    return Compilation(
        arrays=arrays,
        batches=(_batch(spectra, begin, used) for begin in range(0, len(spectra), TOGETHER)),
        records=read_from(storage, spectra.table["digest"]),
        counts=counts,
        measured=tuple(name for name in arrays if name not in _CODES),
    )


def _name(unit: str, part: str) -> str:
    return _ARRAY_OF[unit] if part == "value" else f"{_ARRAY_OF[unit]}_{part}"


def _count(table: pl.DataFrame, column: str) -> dict[str, int]:
    return dict(table.group_by(column).len().sort(column).rows())


def _batch(spectra: Spectra, begin: int, units: list[str]) -> Batch:
    """Spectra one after another; the arrays of another unit than a spectrum's have no rows for it."""
    rows = spectra.table[begin : begin + TOGETHER]
    counts = rows["points"].to_numpy()
    first = int(rows["begin"][0])
    here = slice(first, first + int(counts.sum()))
    arrays = {name: Ragged(spectra.arrays[name][here], _offsets(counts)) for name in _POINTS_UNITS}
    for unit in units:
        of_unit = (rows["unit"] == unit).to_numpy()
        points = np.repeat(of_unit, counts)
        for part in _MEASURED:
            offsets = _offsets(np.where(of_unit, counts, 0))
            arrays[_name(unit, part)] = Ragged(spectra.arrays[part][here][points], offsets)
    keys = rows.select(pl.format("{}/{}/{}#{}", "source", "product", "file", "place").alias("key"))
    return Batch(keys.hstack(rows.drop("spectrum", "begin")), arrays)


def _offsets(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
