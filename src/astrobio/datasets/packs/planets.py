"""Planets and host stars of a store as a pack: a sample is a planet.

Each array has a place for every quantity that is a number; what no catalogue tells is not a number there, and never a
mean or a zero. Every value of every catalogue, with its paper, and every conflict between them are tables beside it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from astrobio.datasets.held import read_from
from astrobio.datasets.pack import ArrayInfo
from astrobio.datasets.packs.writing import Batch, Compilation
from astrobio.datasets.planet_catalogues import Planets, read_planets
from astrobio.datasets.planet_catalogues.quantities import QUANTITIES
from astrobio.store.storage import RealDataStorage

TOGETHER = 4096
"""Planets that are written at a time."""
PLACED = ("right_ascension", "declination", "discovery_year")
"""Numbers that stand in the table only: they say where and when a planet was found, not what it is."""
NUMBERS = tuple(quantity for quantity in QUANTITIES if not quantity.words and quantity.name not in PLACED)
KINDS = ("measured", "calculated", "unknown")
"""What the numbers of the array ``kind`` stand for."""
ENOUGH = 4
"""Numbers by which a planet is known again; with fewer, two planets may have the same by chance."""
NO_KIND, NO_LIMIT = 255, -128
_WEAKEST_FIRST = ("declared", "fetched", "pinned", "reproduced")


def compile_planets(storage: RealDataStorage, allow_declared: bool) -> Compilation:
    """Planets of all catalogues, joined.

    Raises
    ------
    DataMissing
        If the store holds none.
    """
    planets = read_planets(storage, allow_declared=allow_declared)
    return Compilation(
        arrays=_arrays(),
        batches=_batches(planets),
        records=read_from(storage, planets.records),
        tables={"values": planets.values, "rows": planets.rows, "conflicts": planets.conflicts},
        counts={
            "planets": _count(planets.rows.unique(["planet", "catalogue"]), "catalogue"),
            "values": _count(planets.values, "kind"),
            "conflicts": _count(planets.conflicts, "what"),
        },
        measured=("value", "error_upper", "error_lower"),
    )


def _arrays() -> dict[str, ArrayInfo]:
    names, shape = [one.name for one in NUMBERS], [len(NUMBERS)]
    units = ", ".join(f"{one.name}: {one.unit}" for one in NUMBERS)
    kinds = ", ".join(f"{place} {kind}" for place, kind in enumerate(KINDS))
    limits = "1 an upper limit, -1 a lower one, 0 a value"
    found = {name: ArrayInfo(dtype="float64", shape=shape, units=units, fields=names)
             for name in ("value", "error_upper", "error_lower")}  # fmt: skip
    found["limit"] = ArrayInfo(dtype="int8", shape=shape, units=limits, missing=NO_LIMIT, fields=names)
    found["kind"] = ArrayInfo(dtype="uint8", shape=shape, units=kinds, missing=NO_KIND, fields=names)
    return found


def _count(table: pl.DataFrame, column: str) -> dict[str, int]:
    return dict(table.group_by(column).len().sort(column).rows())


def _batches(planets: Planets) -> Iterator[Batch]:
    table, values = samples_of(planets), _numbers(planets)
    for begin in range(0, len(planets), TOGETHER):
        here = slice(begin, begin + TOGETHER)
        told = np.isfinite(values["value"][here]).sum(axis=1) >= ENOUGH
        yield Batch(table[here], {name: array[here] for name, array in values.items()}, told)


def samples_of(planets: Planets) -> pl.DataFrame:
    """The table of samples: what is said of each planet in words, and by whom."""
    chosen = [one.name for one in NUMBERS]
    dropped = {name for name in planets.table.columns for one in chosen
               if name == one or name in {f"{one}_{part}" for part in
                                          ("error_upper", "error_lower", "limit", "kind", "catalogue")}}  # fmt: skip
    order = pl.col("assurance").replace_strict({name: place for place, name in enumerate(_WEAKEST_FIRST)})
    weakest = planets.rows.sort(order).unique("planet", keep="first").select("planet", "assurance")
    table = planets.table.drop(dropped).join(weakest, on="planet", how="left", maintain_order="left")
    key = pl.when(pl.col("name").is_duplicated()).then(pl.format("{} ({})", "name", "planet")).otherwise(pl.col("name"))
    return table.select(key.alias("key"), pl.lit("").alias("digest"), pl.all())


def _numbers(planets: Planets) -> dict[str, NDArray[np.float64]]:
    """Values, errors, limits and kinds, each (planets, quantities); an error without end is not known."""
    codes = {kind: float(place) for place, kind in enumerate(KINDS)}

    def columns(suffix: str) -> NDArray[np.float64]:
        return planets.table.select(
            pl.col(f"{one.name}{suffix}").cast(pl.Float64).fill_null(float("nan")) for one in NUMBERS
        ).to_numpy()

    errors = {name: columns(f"_{name}") for name in ("error_upper", "error_lower")}
    kinds = planets.table.select(
        pl.col(f"{one.name}_kind").replace_strict(codes, return_dtype=pl.Float64, default=None).fill_null(float("nan"))
        for one in NUMBERS
    ).to_numpy()
    return {
        "value": columns(""),
        **{name: np.where(np.isinf(error), np.nan, error) for name, error in errors.items()},
        "limit": columns("_limit"),
        "kind": kinds,
    }
