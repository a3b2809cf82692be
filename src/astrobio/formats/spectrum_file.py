"""What a reader of spectra returns: the spectra, and whatever else in the file can be held against them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from astrobio.core.spectrum import Spectrum


@dataclass(frozen=True)
class RadiusColumns:
    """Columns of a table of the NASA Exoplanet Archive that say the same as its depths.

    Attributes
    ----------
    ratio, ratio_upper, ratio_lower : array of float64
        Radius of the planet in radii of the star, and its uncertainties, both positive.
    planet_radius : array of float64
        In radii of Jupiter.
    star_radius : array of float64
        In radii of the Sun.
    depth_calculated, radius_calculated : array of bool
        Whether the archive says that it calculated the depth from the ratio, or the ratio from the depth; and the
        planet's radius from the ratio.
    """

    ratio: NDArray[np.float64]
    ratio_upper: NDArray[np.float64]
    ratio_lower: NDArray[np.float64]
    planet_radius: NDArray[np.float64]
    star_radius: NDArray[np.float64]
    depth_calculated: NDArray[np.bool_]
    radius_calculated: NDArray[np.bool_]


@dataclass(frozen=True)
class SpectrumFile:
    """A file of spectra.

    Attributes
    ----------
    spectra : tuple of Spectrum
        In the order of the file; none where the columns are not those of its kind.
    problems : tuple of (check, what)
        What is wrong with its columns: ``columns``, ``types``, ``units``, ``ranges``, ``keys``, ``rows``.
    dates : tuple of (str, str)
        What happened, and the day, ``YYYY-MM-DD``: of observations, and of the writing of the file.
    published : int, optional
        Year of the paper.
    radii : RadiusColumns, optional
    magnitudes : mapping of str to float
        Of the star, by 2MASS band: ``J``, ``H``, ``KS``.
    ends : (float, float), optional
        First and last wavelength that the header names, in micrometre.
    header : mapping of str to (str, int, float or bool)
        Keywords of a FITS file's primary unit.
    tables : int
        How many tables the spectra are from; a series has many spectra in one.
    """

    spectra: tuple[Spectrum, ...]
    problems: tuple[tuple[str, str], ...] = ()
    dates: tuple[tuple[str, str], ...] = ()
    published: int | None = None
    radii: RadiusColumns | None = None
    magnitudes: Mapping[str, float] = field(default_factory=dict)
    ends: tuple[float, float] | None = None
    header: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    tables: int = 1
