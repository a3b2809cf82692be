"""Units as NetCDF files write them, in the grammar of UDUNITS as far as climate files use it.

CF Conventions, section 3.1 (https://cfconventions.org/cf-conventions/cf-conventions.html): units are text that UDUNITS
reads. A unit here is a product of names with whole powers, ``kg m-2 s-1``, ``m**2 s**-2``, ``W/m^2``. What a name
means, and how values are converted, is astropy's.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from astrobio.core.errors import FormatError

LONGEST = 80
_FACTOR = re.compile(r"([A-Za-zµΩ°%_]+)([+-]?\d)?|1")
_POWER = re.compile(r"(?<=[A-Za-z])(\*\*|\^)(?=[+-]?\d)")
_SEPARATORS = re.compile(r"(\s*[/*·]\s*|(?<=\w)\.(?=\w)|\s+)")
_WORDS = {
    "degree": "deg", "degrees": "deg", "degree_north": "deg", "degrees_north": "deg", "degree_N": "deg",
    "degrees_N": "deg", "degreeN": "deg", "degreesN": "deg", "degree_east": "deg", "degrees_east": "deg",
    "degree_E": "deg", "degrees_E": "deg", "degreeE": "deg", "degreesE": "deg",
    "kelvin": "K", "Kelvin": "K", "degK": "K", "degC": "deg_C", "deg_C": "deg_C", "celsius": "deg_C",
    "Celsius": "deg_C", "degree_C": "deg_C", "degree_Celsius": "deg_C", "degrees_Celsius": "deg_C",
    "degree_celsius": "deg_C", "°C": "deg_C",
    "millibar": "mbar", "millibars": "mbar", "mb": "mbar", "pascal": "Pa", "pascals": "Pa",
    "hectopascal": "hPa", "hectopascals": "hPa",
    "percent": "%", "meter": "m", "meters": "m", "metre": "m", "metres": "m", "gpm": "m", "kilometers": "km",
    "sec": "s", "second": "s", "seconds": "s", "minute": "min", "minutes": "min", "hour": "h", "hours": "h",
    "hr": "h", "day": "d", "days": "d", "watt": "W", "watts": "W", "mole": "mol", "moles": "mol",
    "gram": "g", "grams": "g", "kilogram": "kg", "kilograms": "kg", "fraction": "", "dimensionless": "", "1": "",
}  # fmt: skip
_SMALL = {"ppm": 1e-6, "ppmv": 1e-6, "ppb": 1e-9, "ppbv": 1e-9, "ppt": 1e-12, "pptv": 1e-12}


@lru_cache(maxsize=4096)
def parse_unit(text: str) -> Any:
    """The unit that a text means, as one of astropy.

    Raises
    ------
    FormatError
        If it means none.

    >>> parse_unit("m**2 s**-2") == parse_unit("m2/s2")
    True
    >>> parse_unit("timesteps")
    Traceback (most recent call last):
    ...
    astrobio.core.errors.FormatError: 'timesteps' is no unit
    """
    from astropy import units

    if not text.strip() or len(text) > LONGEST:
        raise FormatError(f"{text[:LONGEST]!r} is no unit")
    parts = _SEPARATORS.split(_POWER.sub("", text.strip()))
    unit, power = units.dimensionless_unscaled, 1
    for place, part in enumerate(parts):
        if place % 2:
            power = -1 if part.strip() == "/" else 1
            continue
        found = _FACTOR.fullmatch(part)
        if found is None:
            raise FormatError(f"{text!r} is no unit")
        unit = unit * _name(found[1] or "1", text) ** (power * int(found[2] or 1))
    return unit


def _name(name: str, text: str) -> Any:
    from astropy import units

    if name in _SMALL:
        return units.Unit(_SMALL[name])
    try:
        return units.Unit(_WORDS.get(name, name))
    except ValueError as error:
        raise FormatError(f"{text!r} is no unit") from error


def is_unit(text: str) -> bool:
    """Whether a text means a unit.

    >>> is_unit("kg m-2 s-1"), is_unit("furlongs per fortnight")
    (True, False)
    """
    try:
        parse_unit(text)
    except FormatError:
        return False
    return True


def same_dimension(unit: str, other: str) -> bool:
    """Whether values in one unit can be given in another; temperatures count as one dimension.

    >>> same_dimension("degC", "K"), same_dimension("W m-2", "K")
    (True, False)
    """
    from astropy import units

    return bool(parse_unit(unit).is_equivalent(parse_unit(other), equivalencies=units.temperature()))


def convert(values: NDArray[Any] | float, unit: str, into: str) -> NDArray[np.float64]:
    """Values in another unit.

    Raises
    ------
    FormatError
        If the units are not of one dimension.

    >>> convert(np.array([0.0, 25.0]), "degC", "K").tolist()
    [273.15, 298.15]
    """
    from astropy import units

    if not same_dimension(unit, into):
        raise FormatError(f"{unit!r} cannot be given in {into!r}")
    quantity = units.Quantity(np.asarray(values, dtype=np.float64), parse_unit(unit))
    return np.asarray(quantity.to_value(parse_unit(into), equivalencies=units.temperature()), dtype=np.float64)


def is_reference_time(text: str) -> bool:
    """Whether units count time from a date, as ``days since 1850-01-01`` (CF, section 4.4).

    >>> is_reference_time("hours since 1900-01-01 00:00:0.0"), is_reference_time("hours")
    (True, False)
    """
    head, since, _ = text.partition(" since ")
    return bool(since) and head.strip() in _CLOCK


_CLOCK = {
    "days", "day", "d", "hours", "hour", "hr", "hrs", "h", "minutes", "minute", "min", "mins", "seconds", "second",
    "sec", "secs", "s", "milliseconds", "months", "month",
}  # fmt: skip


def dates(values: NDArray[Any], units: str, calendar: str = "standard") -> list[Any]:
    """The dates that a time axis means, as those of cftime.

    Raises
    ------
    FormatError
        If its units or its calendar are none, or a time is no number or far from all dates.

    >>> str(dates(np.array([15.5]), "days since 1850-01-01", "noleap")[0])
    '1850-01-16 12:00:00'
    """
    import cftime

    if not is_reference_time(units):
        raise FormatError(f"{units!r} counts time from no date")
    times = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if not np.isfinite(times).all():
        raise FormatError("a time is no number")
    try:
        return list(cftime.num2date(times, units, calendar or "standard"))
    except (ValueError, OverflowError, TypeError) as error:
        raise FormatError(f"{units!r} in the calendar {calendar!r}: {error}") from error
