"""Spectra of planets as the NASA Exoplanet Archive hands them out: IPAC tables, one a spectrum.

Columns as in the archive's documentation (https://exoplanetarchive.ipac.caltech.edu/docs/atmospheres/
atmospheres_columns.html), compared with 24 saved files of transmission spectra. Files of eclipses were not seen: their
columns are those that programs which read such files name. Spectra by direct imaging are not read.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from astrobio.core.errors import FormatError
from astrobio.core.spectrum import Quantity, Spectrum
from astrobio.formats.ipac import IpacTable, read_ipac
from astrobio.formats.schema import Column, Schema, apply_schema
from astrobio.formats.spectrum_file import RadiusColumns, SpectrumFile

Array = NDArray[np.float64]
KEYWORDS = ("PL_NAME", "SPEC_TYPE", "INSTRUMENT", "FACILITY", "NOTE", "REFERENCE")
_J2000 = 2_451_544.5
"""Julian date of 2000-01-01, 0 h."""
_PPM = {"%": 1e4, "ppm": 1.0}


def _measured(name: str, unit: str | None, optional: bool = False) -> list[Column]:
    return [
        Column(name, "number", unit, optional=optional),
        Column(name + "ERR1", "number", low=0, optional=optional),
        Column(name + "ERR2", "number", high=0, optional=optional),
        Column(name + "LIM", "integer", low=-1, high=2, optional=optional),
    ]


_WAVELENGTH = (Column("CENTRALWAVELNG", "number", "microns", filled=True), Column("BANDWIDTH", "number", "microns", 0))
TRANSMISSION = Schema((
    *_WAVELENGTH,
    *_measured("PL_TRANDEP", "%"), Column("PL_TRANDEP_AUTHORS"), Column("PL_TRANDEP_URL"),
    *_measured("PL_RATROR", None), Column("PL_RATROR_AUTHORS"), Column("PL_RATROR_URL"),
    *_measured("PL_RADJ", "Jupiter radii"), Column("PL_RADJ_AUTHORS"), Column("PL_RADJ_URL"),
    *_measured("PL_TRANMID", "days"),
    Column("ST_RAD", "number", "solar radii", 0), Column("ST_RADERR1", "number", low=0),
    Column("ST_RADERR2", "number", high=0), Column("ST_RAD_AUTHORS"), Column("ST_RAD_URL"),
))  # fmt: skip
ECLIPSE = Schema((
    *_WAVELENGTH,
    *_measured("ESPECLIPDEP", None),
    *_measured("ESPBRITEMP", "K", optional=True),
    *_measured("OBS_DATE", "days", optional=True),
))  # fmt: skip
_KINDS: dict[str, tuple[Quantity, str, Schema]] = {
    "Transmission": ("transit depth", "PL_TRANDEP", TRANSMISSION),
    "Eclipse": ("eclipse depth", "ESPECLIPDEP", ECLIPSE),
}
"""Kinds of spectra, by the keyword SPEC_TYPE."""


def read_ipac_spectrum(content: bytes) -> SpectrumFile:
    """Read a spectrum of the archive.

    Raises
    ------
    FormatError
        If it is no IPAC table, lacks a keyword, or is of another kind than transmission or eclipse.
    """
    table = read_ipac(content)
    lacking = [key for key in KEYWORDS if not table.keywords.get(key)]
    if lacking:
        raise FormatError(f"these keywords are missing: {', '.join(lacking)}")
    kind = table.keywords["SPEC_TYPE"]
    if kind not in _KINDS:
        raise FormatError(f"SPEC_TYPE is {kind!r}; spectra of {' and '.join(_KINDS)} are read")
    quantity, column, schema = _KINDS[kind]
    typed = apply_schema(table.table, schema)
    problems = [*typed.problems, *_wrong_types(table, schema)]
    problems += [("columns", f"{', '.join(typed.unknown)} is known of no such file")] if typed.unknown else []
    unit = (table.table.units or {}).get(column, "")
    if unit not in _PPM:
        problems.append(("units", f"{column} is in {unit!r}, and {' or '.join(_PPM)} is expected"))
    if problems:
        return SpectrumFile((), tuple(problems))
    spectrum = _spectrum(table, typed.frame, quantity, column, _PPM[unit])
    years = [int(year) for year in re.findall(r"(?<!\d)(?:19|20)\d\d(?!\d)", table.keywords["REFERENCE"])]
    return SpectrumFile((spectrum,), dates=_dates(typed.frame), published=max(years, default=None),
                        radii=_radii(typed.frame) if kind == "Transmission" else None)  # fmt: skip


def _wrong_types(table: IpacTable, schema: Schema) -> list[tuple[str, str]]:
    """Columns whose type in the header is another than the archive's."""
    return [
        ("types", f"{column.name} is a column of {table.types[column.name]}s, and {column.type} is expected")
        for column in schema.columns
        if column.name in table.types and table.types[column.name] != column.type
    ]


def _spectrum(table: IpacTable, frame: pl.DataFrame, quantity: Quantity, column: str, scale: float) -> Spectrum:
    said = {key: "" if value in ("None", "null") else value for key, value in table.keywords.items()}
    with np.errstate(over="ignore"):  # what goes beyond all numbers is seen as such
        value, upper, lower = (scale * _array(frame, column + suffix) for suffix in ("", "ERR1", "ERR2"))
    return Spectrum(
        quantity, "ppm", _array(frame, "CENTRALWAVELNG"), value, upper, -lower,
        # BANDWIDTH is half the width in some tables and the whole of it in others, as each paper has it (measured:
        # neighbours are one or two of them apart), so half widths are not known.
        limit=np.sign(frame[column + "LIM"].fill_null(0).to_numpy()),
        planet=said["PL_NAME"], facility=said["FACILITY"], instrument=said["INSTRUMENT"],
        reference=said["REFERENCE"], note=said["NOTE"],
    )  # fmt: skip


def _radii(frame: pl.DataFrame) -> RadiusColumns:
    return RadiusColumns(
        _array(frame, "PL_RATROR"), _array(frame, "PL_RATRORERR1"), -_array(frame, "PL_RATRORERR2"),
        _array(frame, "PL_RADJ"), _array(frame, "ST_RAD"),
        _calculated(frame, "PL_TRANDEP_AUTHORS") | _calculated(frame, "PL_RATROR_AUTHORS"),
        _calculated(frame, "PL_RADJ_AUTHORS"),
    )  # fmt: skip


def _calculated(frame: pl.DataFrame, name: str) -> NDArray[np.bool_]:
    return (frame[name] == "Calculated").fill_null(False).to_numpy()


def _dates(frame: pl.DataFrame) -> tuple[tuple[str, str], ...]:
    """Days of transits and eclipses, which are given as Julian dates."""
    days = {
        day
        for name in ("PL_TRANMID", "OBS_DATE")
        if name in frame.columns
        for day in frame[name].drop_nulls().to_list()
        if np.isfinite(day)
    }
    return tuple(("observed", _calendar(day)) for day in sorted(days))


def _calendar(julian: float) -> str:
    """The day of a Julian date; the first day that there is for what no calendar has."""
    days = julian - _J2000
    if not -700_000 < days < 2_900_000:
        return "0001-01-01"
    return (datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=days)).date().isoformat()


def _array(frame: pl.DataFrame, name: str) -> Array:
    return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
