"""Climate cubes of realistic size from the planet runs that ship with the package: the data of the loading benchmarks.

A cube has 53 fields on 32 latitudes and 64 longitudes, as a 3-D climate model's output reduced for training has.
The package ships zonal climates, so the longitudes of a cube are 64 different planets side by side, drawn by the
cube's number: every value is one that a simulator made, every cube is different, and only the neighbourhood of
longitudes means nothing. That does not matter to a reader of bytes; compressed files would be smaller were the
longitudes of one planet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from astrobio.core.planet_run import LATITUDES, SEASONS, PlanetRun

SEASONAL = ("surface_temperature", "absorbed_shortwave", "outgoing_longwave", "transport_divergence")
HALVED = ("albedo", "land_temperature_max", "water_temperature_max")
"""Yearly profiles on 64 latitudes: every second latitude is a field of its own, and the last half is left out."""
VARIABLES = dict.fromkeys(SEASONAL, SEASONS) | {"albedo": 2, "land_temperature_max": 2, "water_temperature_max": 1}
"""Fields that each variable takes, in the order of a cube's first axis."""
FIELDS, LONGITUDES = sum(VARIABLES.values()), 64
SHAPE = (FIELDS, LATITUDES, LONGITUDES)
_SEED = 53


def columns(run: PlanetRun) -> NDArray[np.float32]:
    """What one planet gives to a cube: its fields on the latitudes, (53, 32), in their units."""
    rows = [run.values(name) for name in SEASONAL]
    rows += [run.values(name).reshape(LATITUDES, 2).T[: VARIABLES[name]] for name in HALVED]
    return np.concatenate(rows, dtype=np.float32, casting="same_kind")


def shipped_columns(planets: int | None = None) -> NDArray[np.float32]:
    """Columns of the shipped planets, (planets, 53, 32): of each planet the first of its two starts.

    Parameters
    ----------
    planets : int, optional
        How many to take, at least 64; all unless given.
    """
    from astrobio.datasets.bundle import read_bundle
    from astrobio.datasets.shipped import BUNDLE

    def each() -> Iterator[NDArray[np.float32]]:
        seen: set[str] = set()
        for content, _ in read_bundle(BUNDLE):
            run = PlanetRun.from_bytes(content)
            if run.outcome == "completed" and (group := run.parameters.group()) not in seen:
                seen.add(group)
                yield columns(run)

    return np.stack(list(islice(each(), planets)))


@dataclass(frozen=True)
class Cubes:
    """Cubes by number.

    Attributes
    ----------
    columns : array
        What each planet gives, (planets, 53, 32), float32.
    count : int
        How many cubes there are.
    dtype : str
        In which their values are stored: ``float32`` or ``float16``.
    """

    columns: NDArray[np.float32]
    count: int
    dtype: str

    @classmethod
    def load(cls, path: Path, count: int, dtype: str) -> Cubes:
        """Cubes over columns that were saved by ``numpy.save``; the file is mapped, not read."""
        return cls(np.load(path, mmap_mode="r"), count, dtype)

    @property
    def nbytes(self) -> int:
        """Bytes of one cube's values."""
        return int(np.prod(SHAPE)) * np.dtype(self.dtype).itemsize

    def cube(self, number: int) -> NDArray:
        """Cube ``number``, (53, 32, 64), as stored."""
        draw = np.random.Generator(np.random.Philox(key=[_SEED, number]))
        planets = draw.choice(len(self.columns), LONGITUDES, replace=False)
        return np.ascontiguousarray(self.columns[planets].transpose(1, 2, 0), dtype=self.dtype)

    def moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation of each field over all planets and latitudes, (53,) each."""
        values = np.asarray(self.columns, dtype=np.float64)
        return values.mean(axis=(0, 2)), values.std(axis=(0, 2))

    def normalised(self, numbers: Sequence[int] | NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What a batch must hold, (batch, 53, 32, 64) in float64, and by how much each value may be off.

        A value passes through a difference and a product in float32 with constants rounded to float32; the
        bound is two units in the last place of what enters the difference, in units of the result.
        """
        mean, std = (values[:, None, None] for values in self.moments())
        stored = np.stack([self.cube(number) for number in numbers]).astype(np.float64)
        bound = 2 * np.finfo(np.float32).eps * (np.abs(stored) + np.abs(mean)) / std
        return (stored - mean) / std, bound

    def check(self, numbers: Sequence[int] | NDArray[np.int64], batch: NDArray[np.float32]) -> None:
        """Compare a batch with what it must hold.

        Raises
        ------
        WrongBatch
            If its shape or type differ, or a value is off by more than rounding allows.
        """
        if batch.dtype != np.float32 or batch.shape != (len(numbers), *SHAPE):
            raise WrongBatch(f"a batch of {batch.dtype} {batch.shape} instead of float32 {(len(numbers), *SHAPE)}")
        expected, bound = self.normalised(numbers)
        wrong = ~(np.abs(batch - expected) <= bound)
        if wrong.any():
            place = tuple(int(axis) for axis in np.argwhere(wrong)[0])
            raise WrongBatch(
                f"{int(wrong.sum())} of {wrong.size} values are wrong; the first, at {place}, is "
                f"{batch[place]!r} and not {expected[place]!r}"
            )


class WrongBatch(Exception):
    """A batch that does not hold the normalised values of its samples."""


def description(cubes: Cubes) -> str:
    """What the data is, for a table's caption."""
    gigabytes = cubes.count * cubes.nbytes / 1e9
    return (
        f"{cubes.count:,} cubes of {FIELDS} x {LATITUDES} x {LONGITUDES} {cubes.dtype} ({gigabytes:.3g} GB) from the "
        f"shipped planet runs. Fields: 4 variables x 12 seasons, and 5 half profiles (every second latitude of albedo "
        f"and of the yearly maxima over land and water). The 64 longitudes of a cube are 64 of "
        f"{len(cubes.columns):,} planets side by side, drawn by the cube's number: all values are the runs' own, and "
        f"each planet recurs in many cubes."
    )
