"""One form for all spectra: of planets that pass before or behind their star, and of stars."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from astrobio.core.errors import FormatError

Quantity = Literal["transit depth", "eclipse depth", "flux density"]
"""What the values of a spectrum are."""

DEPTH_UNIT = "ppm"
"""Unit of every depth: millionths of the star's light."""
FLUX_UNITS = ("W m-2 um-1", "Jy", "DN s-1")
"""Units in which flux densities are given: per wavelength, per frequency (1 Jy = 1e-26 W m-2 Hz-1), and counts that
were not calibrated. They are kept as they are: to turn one into another takes the wavelength, or cannot be done."""

SMALLEST, LARGEST = 1e-30, 1e30
"""Sizes of numbers, besides 0: the errors of the faintest stars in W m-2 um-1 are 1e-19, counts at most 1e9."""

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Spectrum:
    """A spectrum as published, one point a bin: nothing is resampled, sorted or filled.

    Attributes
    ----------
    quantity : {"transit depth", "eclipse depth", "flux density"}
        What the values are: the share of the star's light that the planet hides at mid-transit, (Rp/Rs)**2; the share
        that vanishes behind the star, Fp/Fs; or the light of a star.
    unit : str
        Of values and errors: ``ppm`` for depths, one of ``FLUX_UNITS`` for flux densities.
    wavelength : array of float64, shape (N,)
        Centres of the bins, in micrometre, in the order of the file.
    value, error_upper, error_lower : array of float64, shape (N,)
        Value, and its uncertainty (1 sigma) upwards and downwards, both positive. Not a number where there is none.
    half_width : array of float64, shape (N,)
        Half the width of the bins, in micrometre; not a number where it is not known.
    limit : array of int8, shape (N,)
        1 where the value is an upper limit, -1 where it is a lower one, else 0.
    usable : array of bool, shape (N,)
        False where the file itself says that the point is not to be used.
    order : array of int16, shape (N,)
        Order of diffraction, 0 where it is not given.
    planet, star : str
        Names as the file writes them; empty where it has none.
    facility, instrument, mode : str
        Observatory, instrument, and disperser, filter or channel where it is known.
    reference : str
        The paper, as the file names it.
    note : str
        What the file says about the making of it: the pipeline, or how the value was derived.

    Raises
    ------
    FormatError
        If there is no point, arrays differ in length, the unit is none of the quantity's, or a number is infinite, or
        of a size that no instrument gives.

    >>> flat = Spectrum("transit depth", "ppm", np.array([1.1, 1.2]), np.array([21000.0, 21100.0]),
    ...                 np.array([50.0, 60.0]), np.array([50.0, 60.0]), planet="WASP-39 b")
    >>> len(flat), flat.half_width, flat.limit
    (2, array([nan, nan]), array([0, 0], dtype=int8))
    """

    quantity: Quantity
    unit: str
    wavelength: Array
    value: Array
    error_upper: Array
    error_lower: Array
    half_width: Array = field(default_factory=lambda: np.empty(0))
    limit: NDArray[np.int8] = field(default_factory=lambda: np.empty(0, np.int8))
    usable: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, bool))
    order: NDArray[np.int16] = field(default_factory=lambda: np.empty(0, np.int16))
    planet: str = ""
    star: str = ""
    facility: str = ""
    instrument: str = ""
    mode: str = ""
    reference: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if self.quantity not in get_args(Quantity):
            raise FormatError(f"a spectrum of {self.quantity!r}; expected one of {', '.join(get_args(Quantity))}")
        units = FLUX_UNITS if self.quantity == "flux density" else (DEPTH_UNIT,)
        if self.unit not in units:
            raise FormatError(f"a {self.quantity} in {self.unit!r}; expected {', '.join(units)}")
        count = len(self.wavelength)
        if count == 0:
            raise FormatError("the spectrum has no point")
        for name, dtype, unknown in (
            ("wavelength", np.float64, None), ("value", np.float64, None), ("error_upper", np.float64, None),
            ("error_lower", np.float64, None), ("half_width", np.float64, np.nan), ("limit", np.int8, 0),
            ("usable", np.bool_, True), ("order", np.int16, 0),
        ):  # fmt: skip
            given = np.asarray(getattr(self, name))
            if given.size == 0 and unknown is not None:
                given = np.full(count, unknown)
            if given.shape != (count,):
                raise FormatError(f"{name} has shape {given.shape}, and there are {count} wavelengths")
            array = np.array(given, dtype=dtype)  # a copy, native byte order: nobody else can write to it
            if dtype is np.float64:
                _check_size(name, array.astype(np.float64, copy=False))
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.wavelength)

    @property
    def error(self) -> Array:
        """Mean of upper and lower uncertainty; the known one where only one is."""
        both = np.stack([self.error_upper, self.error_lower])
        known = np.isfinite(both)
        total = np.where(known, both, 0.0).sum(axis=0)
        return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Points with a value and an uncertainty that are no limits and that the file does not warn of."""
        return np.isfinite(self.value) & np.isfinite(self.error) & (self.limit == 0) & self.usable

    def named(
        self,
        *,
        planet: str | None = None,
        star: str | None = None,
        facility: str | None = None,
        instrument: str | None = None,
        mode: str | None = None,
        reference: str | None = None,
        note: str | None = None,
    ) -> Spectrum:
        """The same spectrum under other names; those that are not given stay."""
        return replace(
            self,
            planet=self.planet if planet is None else planet,
            star=self.star if star is None else star,
            facility=self.facility if facility is None else facility,
            instrument=self.instrument if instrument is None else instrument,
            mode=self.mode if mode is None else mode,
            reference=self.reference if reference is None else reference,
            note=self.note if note is None else note,
        )

    def names(self) -> dict[str, str]:
        """What is said about it in words."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.type == "str" and one.name != "unit"}


def _check_size(name: str, numbers: Array) -> None:
    """Refuse numbers that no instrument gives, whose squares no arithmetic holds."""
    size = np.abs(numbers[np.isfinite(numbers) & (numbers != 0)])
    infinite = int(np.isinf(numbers).sum())
    if infinite or (len(size) and not (size.min() >= SMALLEST and size.max() <= LARGEST)):
        worst = "infinite" if infinite else f"{size.min():g} or {size.max():g}"
        raise FormatError(f"{name} is {worst}; numbers from {SMALLEST:g} to {LARGEST:g} are read")


def depth_from_ratio(ratio: Array, upper: Array, lower: Array) -> tuple[Array, Array, Array]:
    """Transit depth in ppm, with its uncertainties, from the ratio of the planet's radius to the star's.

    The depth is the ratio's square, and its bounds the squares of the ratio's bounds: so the NASA Exoplanet Archive
    converts the one into the other (its page docs/atmospheres/atmospheres_calc.html, named in each of its tables;
    measured on 24 of them: equal to 1e-4).

    >>> [round(float(one), 3) for one in depth_from_ratio(np.float64(0.1), np.float64(0.01), np.float64(0.01))]
    [10000.0, 2100.0, 1900.0]
    """
    depth = ratio**2
    return 1e6 * depth, 1e6 * ((ratio + upper) ** 2 - depth), 1e6 * (depth - (ratio - lower) ** 2)
