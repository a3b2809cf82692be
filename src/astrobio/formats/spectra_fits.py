"""Spectra in FITS: the layout of the IRTF spectral library, and the extracted spectra of JWST's pipeline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from astrobio.core.errors import FormatError
from astrobio.core.spectrum import Spectrum
from astrobio.formats.fits import FitsFile, Unit, Value, read_fits
from astrobio.formats.spectrum_file import SpectrumFile

Array = NDArray[np.float64]
MOST_SPECTRA = 50_000
MOST_POINTS = 50_000_000

SPEX_UNITS = {"XUNITS": "um", "YUNITS": "Wm-2um-1", "WAVETYPE": "Vacuum"}
SPEX_KEYWORDS = ("OBJECT", "SPTYPE", "OBSMODE", "MINWAVE", "MAXWAVE", "DATE")
X1D = "EXTRACT1D"
X1D_COLUMNS = ("WAVELENGTH", "FLUX", "FLUX_ERROR", "DQ")
"""Of the table EXTRACT1D; older files name the error ERROR (pipeline documentation, Data Products, x1d)."""
DO_NOT_USE = 1
"""Bit of the data-quality flags (pipeline documentation, Data Quality Initialization, flag DO_NOT_USE)."""


def read_spex(content: bytes) -> SpectrumFile:
    """Read a spectrum of the IRTF spectral library: one image of three rows, wavelength, flux density and error.

    The layout is told by each file's own comments (Rayner et al., ApJS 185, 289): missing data are not a number.

    Raises
    ------
    FormatError
        If it is no FITS file, or of another layout.
    """
    file = read_fits(content)
    if len(file.units) != 1:
        raise FormatError(f"there are {len(file.units)} units, and a spectrum of the library has one")
    [unit] = file.units
    header = unit.header
    if len(unit.shape) != 2 or unit.shape[0] != 3 or header["BITPIX"] not in (-32, -64):
        raise FormatError(f"the array has the shape {unit.shape}; expected 3 rows of real numbers")
    lacking = [key for key in (*SPEX_UNITS, *SPEX_KEYWORDS) if key not in header]
    if lacking:
        raise FormatError(f"the header lacks {', '.join(lacking)}")
    wavelength, flux, error = file.image(unit)
    wrong = [("units", f"{key} is {header[key]!r}, and {unit!r} is expected") for key, unit in SPEX_UNITS.items()
             if header[key] != unit]  # fmt: skip
    if wrong:
        return SpectrumFile((), tuple(wrong), header=header)
    spectrum = Spectrum(
        "flux density", "W m-2 um-1", wavelength, flux, error, error,
        star=str(header["OBJECT"]), facility="IRTF", instrument="SpeX", mode=str(header["OBSMODE"]),
        reference="Rayner et al. 2009", note=f"spectral type {header['SPTYPE']}",
    )  # fmt: skip
    observed = [("observed", _day(str(header[key]), "%Y %b %d", key)) for key in ("SXDUT", "LXDUT") if key in header]
    ends = (_number(header, "MINWAVE"), _number(header, "MAXWAVE"))
    bands = {band: _number(header, band) for band in ("J", "H", "KS") if isinstance(header.get(band), (int, float))}
    dates = (*observed, ("written", _day(str(header["DATE"]), "%Y-%m-%d", "DATE")))
    return SpectrumFile((spectrum,), dates=dates, magnitudes=bands, ends=ends, header=header)


def read_x1d(content: bytes) -> SpectrumFile:
    """Read extracted spectra of JWST's calibration pipeline, products ``x1d`` and ``x1dints``.

    Tables named EXTRACT1D, as the pipeline's documentation lays them out (Data Products, Extracted 1-D spectroscopic
    data): in ``x1d`` a row is a wavelength; in ``x1dints`` a row is an integration, with vectors for columns, or, in
    files of before 2025, each integration has a table of its own.

    Raises
    ------
    FormatError
        If it is no FITS file, has no such table, or one of them is laid out otherwise.
    """
    file = read_fits(content)
    header = file.units[0].header
    units = [unit for unit in file.units if unit.kind == "BINTABLE" and unit.name == X1D]
    if not units:
        raise FormatError(f"there is no table {X1D}; there are {', '.join(one.name or one.kind for one in file.units)}")
    if sum(unit.shape[0] for unit in units) > MOST_POINTS:
        raise FormatError("there are too many rows")
    problems = _x1d_problems(units)
    if problems:
        return SpectrumFile((), problems, header=header)
    spectra: list[Spectrum] = []
    for unit, data in zip(units, _x1d_tables(file, units), strict=True):
        spectra += _x1d_spectra(unit, data, header)
        if len(spectra) > MOST_SPECTRA:
            raise FormatError(f"there are more than {MOST_SPECTRA} spectra")
    if not spectra:
        raise FormatError("the tables have no row")
    dates = [("observed", _day(str(header[key]), "%Y-%m-%d", key)) for key in ("DATE-OBS",) if key in header]
    dates += [("written", _day(str(header["DATE"])[:10], "%Y-%m-%d", "DATE"))] if "DATE" in header else []
    return SpectrumFile(tuple(spectra), dates=tuple(dates), header=header, tables=len(units))


def _x1d_problems(units: Sequence[Unit]) -> tuple[tuple[str, str], ...]:
    problems = []
    for unit in units:
        said = {name: written for name, _, written in unit.columns}
        lacking = [name for name in ("WAVELENGTH", "FLUX") if name not in said]
        lacking += [] if _error_name(unit) else ["FLUX_ERROR"]
        if lacking:
            problems.append(("columns", f"unit {unit.number} lacks {', '.join(lacking)}"))
            continue
        for name, allowed in (("WAVELENGTH", ("um", "micron")), ("FLUX", tuple(_FLUX_UNITS))):
            if said[name] not in allowed:
                problems.append(("units", f"{name} is in {said[name]!r}, and {allowed[0]!r} is expected"))
        if said[_error_name(unit)] not in ("", said["FLUX"]):
            problems.append(("units", f"the error is in {said[_error_name(unit)]!r}, the flux in {said['FLUX']!r}"))
    return tuple(problems)


_FLUX_UNITS = {"Jy": "Jy", "DN/s": "DN s-1"}


def _error_name(unit: Unit) -> str:
    names = {name for name, _, _ in unit.columns}
    return next((name for name in ("FLUX_ERROR", "ERROR") if name in names), "")


def _x1d_tables(file: FitsFile, units: Sequence[Unit]) -> list[dict[str, Array]]:
    found = file.tables(units, (*X1D_COLUMNS, "ERROR", "N_ALONGDISP"))
    for unit, data in zip(units, found, strict=True):
        data["error"] = data.pop(_error_name(unit))
        shapes = {data[name].shape for name in ("WAVELENGTH", "FLUX", "error")}
        if len(shapes) != 1 or data.get("DQ", data["FLUX"]).shape not in shapes or data["FLUX"].ndim > 2:
            raise FormatError(f"unit {unit.number}: its columns have the shapes {sorted(map(str, shapes))}")
    return found


def _x1d_spectra(unit: Unit, data: Mapping[str, Array], header: Mapping[str, Value]) -> list[Spectrum]:
    """The spectra of one table: one, or one a row."""
    flags = data.get("DQ", np.zeros_like(data["FLUX"]))
    rows = [np.atleast_2d(one) for one in (data["WAVELENGTH"], data["FLUX"], data["error"], flags)]
    single = data["FLUX"].ndim == 1
    lengths = data.get("N_ALONGDISP", np.full(len(rows[0]), rows[0].shape[1])) if not single else [rows[0].shape[1]]
    flux_unit = _FLUX_UNITS[next(written for name, _, written in unit.columns if name == "FLUX")]
    order = unit.header.get("SPORDER", 0)
    names = {
        "star": str(header.get("TARGPROP") or header.get("TARGNAME") or unit.header.get("SRCNAME") or ""),
        "facility": str(header.get("TELESCOP", "")),
        "instrument": str(header.get("INSTRUME", "")),
        "mode": " ".join(str(header[key]) for key in ("FILTER", "PUPIL", "GRATING", "CHANNEL", "BAND")
                         if str(header.get(key, "N/A")) not in ("N/A", "")),
        "note": f"programme {header.get('PROGRAM', '?')}, observation {header.get('OBSERVTN', '?')}",
    }  # fmt: skip
    spectra = []
    for wavelength, flux, error, flag, length in zip(*rows, lengths, strict=True):
        count = int(length) if 0 < length <= len(wavelength) else len(wavelength)
        here = slice(0, count)
        bits = np.nan_to_num(flag[here]).astype(np.int64)
        spectrum = Spectrum(
            "flux density", flux_unit, wavelength[here], flux[here], error[here], error[here],
            usable=(bits & DO_NOT_USE) == 0,
            order=np.full(count, order if isinstance(order, int) and abs(order) < 10 else 0, np.int16),
        )  # fmt: skip
        spectra.append(spectrum.named(**names))
    return spectra


def _day(text: str, form: str, key: str) -> str:
    try:
        return datetime.strptime(text, form).date().isoformat()
    except ValueError as error:
        raise FormatError(f"{key} is {text!r}, which is no date") from error


def _number(header: Mapping[str, Value], key: str) -> float:
    value = header[key]
    if isinstance(value, (str, bool)) or not math.isfinite(value):
        raise FormatError(f"{key} is {value!r}, which is no number")
    return float(value)
