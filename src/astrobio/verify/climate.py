"""Checks of NetCDF files of climates: metadata, axes, ranges, smoothness, and what no climate model writes.

What the CF conventions (https://cfconventions.org/cf-conventions/cf-conventions.html) want and files of good origin
lack is noted beside a file; what leaves values without a meaning, as units that are missing, refuses it. Bounds marked
*measured* come from 6 files of CMIP5 and CMIP6, 5 of other models and of a reanalysis, and 4 runs of ExoPlaSim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from astrobio.core.errors import FormatError
from astrobio.core.provenance import Provenance
from astrobio.formats.cf import HORIZONTAL, Axis, CfFile, describe
from astrobio.formats.cf_units import convert, dates, is_reference_time, is_unit, same_dimension
from astrobio.formats.netcdf import Variable, read_netcdf
from astrobio.verify.climate_quantities import CO2_MOLE_FRACTION, COLUMN_CO2, Quantity, World, quantity_of
from astrobio.verify.fields import (
    Masked,
    cell_autocorrelation,
    neighbour_autocorrelation,
    product_residual,
    single_wave_residual,
)
from astrobio.verify.verdict import Findings

SMOOTH, ROUGH = 0.5, 0.3
"""Least lag-1 autocorrelation along a horizontal axis, of all lines together: of a smooth quantity (measured: 0.62 at
least, net long-wave radiation at the ground) and of a rough one (measured: 0.53 at least, snow). Noise has none."""
SMOOTH_PLANE = 0.2
"""The same in each plane of latitude and longitude of a smooth quantity (measured: 0.36 at least, eastward wind)."""
STEADY, UNSTEADY = 0.3, 0.05
"""The same along time, where a file has too few points in space to be judged there: subsets of CMIP files have two or
three in each direction (measured: 0.56 at least; clouds 0.53)."""
LEAST_POINTS, LEAST_STEPS = 8, 24
"""Points along an axis, and steps of time, from which on an autocorrelation is judged."""
FORMULA = 1e-4
"""Share of a plane's variance that a single wave, or products of a curve along each axis, must leave (measured: 0.012
and 0.0011 at least)."""
MOST_WAVES, MOST_PRODUCTS = 4, 12
"""Planes of a field, spread evenly over it, that are searched for waves and for products."""
FIRST_YEAR, LAST_YEAR = 1, 3000
"""Years that a time axis may reach: model calendars begin with the year 1, scenarios are run to 2500 at most."""
_PLACING = ("time", "level", "latitude", "longitude", "grid_latitude", "grid_longitude", "y", "x")
_DEGREE = 1e-3
"""How far a latitude may lie beyond a pole by rounding, in degrees."""


@dataclass(frozen=True)
class Rules:
    """What a source's files may do that the conventions do not foresee.

    Attributes
    ----------
    world : str
        Whose bounds hold: ``earth`` or ``planet``.
    own_units : tuple of str
        Units of coordinates that mean something in this source only.
    past : bool
        Whether no date may lie in the future, as in a reanalysis.
    counted : str
        What a file counts as.
    """

    world: World = "earth"
    own_units: tuple[str, ...] = ()
    past: bool = False
    counted: str = "climate files"


def read_climate(content: bytes) -> CfFile:
    """A NetCDF file, every value of it read, with the roles of its variables.

    Raises
    ------
    FormatError
        If it is none.
    """
    return describe(read_netcdf(content).load())


def check_climate(rules: Rules | None = None) -> Callable[[Findings, CfFile, Provenance], None]:
    """The checks of a climate file, in the order of the gates; counts it, and its fields."""
    chosen = rules or Rules()

    def check(found: Findings, climate: CfFile, _provenance: Provenance) -> None:
        found.counts[chosen.counted] = 1
        found.counts["fields"] = len(climate.fields)
        check_metadata(found, climate, chosen)
        check_axes(found, climate, chosen)
        for name in climate.fields:
            quantity = quantity_in(climate, name)
            values = climate.file.values(name)
            check_values(found, climate, name, values, quantity, chosen.world)
            check_forensics(found, climate, name, values, quantity)

    return check


def quantity_in(climate: CfFile, name: str) -> Quantity | None:
    """The quantity of a field; none if it is not known."""
    variable = climate.file.variables[name]
    return quantity_of(variable.text("standard_name"), variable.text("long_name"), name)


# -- schema ---------------------------------------------------------------------------------------------------
def check_metadata(found: Findings, climate: CfFile, rules: Rules) -> None:
    """What a file says of its variables: CF, sections 2.5.1, 2.6.1, 3.1 to 3.3, and 4."""
    variables = climate.file.variables
    found.note("schema", "fields", bool(climate.fields), f"{len(climate.fields)} fields", "at least one")
    placed = [name for name in climate.fields if climate.grid(name).kind != "none"]
    found.note("schema", "horizontal axes", bool(placed), f"{len(placed)} fields over a sphere", "at least one")
    unreadable = [_quoted(variables[name]) for name in climate.fields if not is_unit(variables[name].text("units"))]
    found.note("schema", "units", not unreadable, _listed(unreadable), "units of every field that UDUNITS reads")
    nameless = [name for name in climate.fields if not _names(variables[name])]
    found.note("schema", "names", not nameless, _listed(nameless), "a standard_name or a long_name of every field")
    wrong = [_quoted(variables[name]) for name in climate.fields if not _of_its_dimension(climate, name)]
    found.note("schema", "units of quantities", not wrong, _listed(wrong), "units of the dimension of each quantity")
    lacking = [_quoted(variables[name]) for name in _placing(climate) if not _means_something(variables[name], rules)]
    found.note("schema", "units of coordinates", not lacking, _listed(lacking), "units of time, place and height")
    conventions = climate.file.attributes.get("Conventions", "")
    found.flag("schema", "conventions", "CF" in str(conventions), conventions or "none named", "CF conventions named")
    unknown = [name for name in climate.fields if quantity_in(climate, name) is None]
    found.flag("schema", "known quantities", not unknown, _listed(unknown), "quantities whose bounds are known here")
    odd = [name for name in (*climate.fields, *climate.coordinates) if climate.file.odd_fill_values(name)]
    found.flag("schema", "fill values", not odd, _listed(odd), "fill values that a variable's type can hold")
    outside = [name for name in (*climate.coordinates, *climate.fields) if _outside_valid(climate, name)]
    found.flag("schema", "valid ranges", not outside, _listed(outside), "values within valid_min and valid_max")


def _names(variable: Variable) -> bool:
    return bool(variable.text("standard_name") or variable.text("long_name"))


def _of_its_dimension(climate: CfFile, name: str) -> bool:
    quantity, unit = quantity_in(climate, name), climate.file.variables[name].text("units")
    if quantity is None or not is_unit(unit):
        return True
    return unit in quantity.other_units or same_dimension(unit, quantity.unit)


def _placing(climate: CfFile) -> Iterator[str]:
    """The coordinates that say when and where: of time, height, latitude and longitude."""
    seen = set()
    for name in climate.fields:
        grid = climate.grid(name)
        along = [axis.coordinate for axis in climate.axes(name) if axis.kind in _PLACING]
        for coordinate in (*along, grid.latitude, grid.longitude):
            if coordinate is not None and coordinate not in seen:
                seen.add(coordinate)
                yield coordinate


def _means_something(variable: Variable, rules: Rules) -> bool:
    unit = variable.text("units")
    return unit in rules.own_units or is_unit(unit) or is_reference_time(unit)


def _outside_valid(climate: CfFile, name: str) -> bool:
    variable, raw = climate.file.variables[name], climate.file.raw(name)
    low, high = variable.attributes.get("valid_min"), variable.attributes.get("valid_max")
    span = variable.attributes.get("valid_range")
    if isinstance(span, tuple) and len(span) == 2:
        low, high = span
    if not variable.numeric or not raw.size:
        return False
    there = raw[~np.ma.getmaskarray(climate.file.values(name))]
    if not there.size:
        return False
    # As Python's numbers: a bound may be beyond what the variable's type holds.
    least, most = np.fmin.reduce(there).item(), np.fmax.reduce(there).item()
    return (isinstance(low, int | float) and least < low) or (isinstance(high, int | float) and most > high)


def _quoted(variable: Variable) -> str:
    return f"{variable.name} in {variable.text('units')!r}"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:8]) if names else "as they must be"


# -- physics --------------------------------------------------------------------------------------------------
def check_axes(found: Findings, climate: CfFile, rules: Rules) -> None:
    """Whether the axes can be those of a sphere, an atmosphere and a time."""
    for name in _placing(climate):
        variable = climate.file.variables[name]
        values = climate.file.values(name)
        complete = variable.numeric and values.size > 0 and not np.ma.is_masked(values)
        finite = complete and bool(np.isfinite(values.data).all())
        if not found.note("physics", f"{name} is complete", finite, f"{values.shape} values", "no value is missing"):
            continue
        data = values.data.astype(np.float64)
        if data.ndim == 1 and name in {axis.coordinate for axis in _all_axes(climate)}:
            _check_order(found, climate, name, data)
        if name in _latitudes(climate):
            inside = bool((np.abs(data) <= 90 + _DEGREE).all())
            found.note("physics", f"range of {name}", inside, _span(data), "-90 to 90 degrees")
        if name in _longitudes(climate):
            inside = data.min() >= -360 - _DEGREE and data.max() <= 720 + _DEGREE and np.ptp(data) <= 360 + _DEGREE
            found.note("physics", f"range of {name}", bool(inside), _span(data), "at most once around, -360 to 720")
        if is_reference_time(variable.text("units")):
            _check_dates(found, variable, data, rules)
    _check_time_bounds(found, climate)


def _all_axes(climate: CfFile) -> Iterator[Axis]:
    for name in climate.fields:
        yield from climate.axes(name)


def _latitudes(climate: CfFile) -> set[str | None]:
    turned = {axis.coordinate for axis in _all_axes(climate) if axis.kind == "grid_latitude"}
    return turned | {climate.grid(name).latitude for name in climate.fields}


def _longitudes(climate: CfFile) -> set[str | None]:
    turned = {axis.coordinate for axis in _all_axes(climate) if axis.kind == "grid_longitude"}
    return turned | {climate.grid(name).longitude for name in climate.fields}


def _check_order(found: Findings, climate: CfFile, name: str, data: NDArray[np.float64]) -> None:
    """CF, section 1.3: values of a coordinate variable are strictly monotonic; those of a time grow."""
    steps = np.diff(data)
    kinds = {axis.kind for axis in _all_axes(climate) if axis.coordinate == name}
    if "time" in kinds:
        back = int((steps <= 0).sum())
        found.note("physics", f"{name} runs forward", back == 0, f"{back} of {steps.size} steps do not",
                   "each time later than the one before")  # fmt: skip
        return
    one_way = bool((steps > 0).all() or (steps < 0).all())
    found.note("physics", f"{name} runs one way", one_way, _span(data), "values that only grow, or only fall")


def _check_dates(found: Findings, variable: Variable, data: NDArray[np.float64], rules: Rules) -> None:
    """Dates of a time axis: CF, section 4.4."""
    last = datetime.now(UTC).year if rules.past else LAST_YEAR
    try:
        years = [date.year for date in dates(np.array([data.min(), data.max()]), variable.text("units"),
                                             variable.text("calendar") or "standard")]  # fmt: skip
    except FormatError as error:
        found.note("physics", f"dates of {variable.name}", False, error, "dates of a calendar")
        return
    inside = years[0] >= FIRST_YEAR and years[1] <= last
    found.note("physics", f"dates of {variable.name}", inside, f"years {years[0]} to {years[1]}",
               f"{FIRST_YEAR} to {last}")  # fmt: skip


def _check_time_bounds(found: Findings, climate: CfFile) -> None:
    """CF, section 7.1: a coordinate lies within the boundaries of its cell."""
    for axis in {axis for axis in _all_axes(climate) if axis.kind == "time" and axis.coordinate in climate.bounds}:
        name = str(axis.coordinate)
        bounds = climate.file.variables[climate.bounds[name]]
        fits = bounds.numeric and bounds.shape == (*climate.file.variables[name].shape, 2)
        if not fits or not climate.file.variables[name].numeric:
            continue
        if not np.isfinite(climate.file.raw(name)).all() or not np.isfinite(climate.file.raw(bounds.name)).all():
            continue
        times, edges = (np.ma.filled(climate.file.values(each).astype(np.float64), np.nan)  # lies nowhere
                        for each in (name, bounds.name))  # fmt: skip
        edges = np.sort(edges, axis=-1)
        out = int(((times < edges[..., 0]) | (times > edges[..., 1])).sum())
        found.flag("physics", f"{name} within its bounds", out == 0, f"{out} of {times.size} are not", "all of them")


def check_values(
    found: Findings, climate: CfFile, name: str, values: Masked, quantity: Quantity | None, world: World
) -> None:
    """What a field's values are: numbers, there, and possible."""
    there = values.compressed()
    wrong = int((~np.isfinite(there)).sum())
    found.note("physics", f"{name} is finite", wrong == 0, f"{wrong} values are not", "missing values as masks only")
    found.note("physics", f"{name} has values", there.size > 0, f"{there.size} of {values.size}", "at least one")
    unit = climate.file.variables[name].text("units")
    if quantity is None or not there.size or wrong or not _of_its_dimension(climate, name) or not is_unit(unit):
        return
    factor = quantity.other_units.get(unit)
    ends = np.array([there.min(), there.max()], dtype=np.float64)
    ends = ends * factor if factor is not None else convert(ends, unit, quantity.unit)
    low, high = quantity.limits(world)
    inside = bool(ends[0] >= low and ends[1] <= high)
    if quantity.name == COLUMN_CO2 and not inside and world == "earth":
        fraction = there.min() >= CO2_MOLE_FRACTION[0] and there.max() <= CO2_MOLE_FRACTION[1]
        found.flag("physics", f"unit of {name}", not fraction, f"{_span(there)} under {unit!r}",
                   "a mass; these are parts per million of the column's air")  # fmt: skip
        inside = fraction
    found.note("physics", f"range of {name}", inside, f"{ends[0]:g} to {ends[1]:g} {quantity.unit}",
               f"{low:g} to {high:g} {quantity.unit}: {quantity.reason}")  # fmt: skip


def _span(data: NDArray[Any]) -> str:
    return f"{data.min():g} to {data.max():g}"


# -- forensics ------------------------------------------------------------------------------------------------
def check_forensics(found: Findings, climate: CfFile, name: str, values: Masked, quantity: Quantity | None) -> None:
    """Whether a field could be one: it varies, its neighbours are alike, and no formula gives it."""
    there = values.compressed()
    if not there.size or not np.isfinite(there).all():
        return
    even = quantity is not None and quantity.even
    spread = float(there.max()) - float(there.min())
    largest = max(abs(float(there.max())), abs(float(there.min())))
    varies = spread > 1e-6 * largest or values.size == 1
    found.note("forensics", f"{name} varies", varies, f"{spread:g} from least to most", "more than rounding",
               "flag" if even else "refuse")  # fmt: skip
    if not varies:
        return
    _check_steps(found, climate, name, values, even)
    judged = _check_smoothness(found, climate, name, values, quantity)
    if not judged:
        _check_steadiness(found, climate, name, values, quantity)
    if quantity is None or not quantity.formula:
        _check_formulas(found, climate, name, values)


def _check_steps(found: Findings, climate: CfFile, name: str, values: Masked, even: bool) -> None:
    """Steps of time that are copies of one another."""
    place = _place(climate, name, ("time", "month"))
    if place is None or values.shape[place] < 3:
        return
    steps = np.moveaxis(values.filled(0), place, 0).reshape(values.shape[place], -1)
    copies = int((steps[1:] == steps[:-1]).all(axis=1).sum())
    found.note("forensics", f"{name} changes with time", copies < len(steps) - 1, f"{copies} of {len(steps)} steps "
               "are copies of the one before", "steps that differ", "flag" if even else "refuse")  # fmt: skip


def _place(climate: CfFile, name: str, kinds: tuple[str, ...]) -> int | None:
    return next((place for place, axis in enumerate(climate.axes(name)) if axis.kind in kinds), None)


def _horizontal(climate: CfFile, name: str) -> list[int]:
    """Places of the horizontal axes, from north to south first."""
    axes = climate.axes(name)
    wanted = HORIZONTAL[climate.grid(name).kind]
    return [place for kind in wanted for place, axis in enumerate(axes) if axis.kind == kind]


def _check_smoothness(found: Findings, climate: CfFile, name: str, values: Masked, quantity: Quantity | None) -> bool:
    """Neighbours in space are alike; returns whether there are enough of them to say so."""
    rough = quantity is not None and quantity.rough
    least = ROUGH if rough else SMOOTH
    grid, places = climate.grid(name), _horizontal(climate, name)
    if grid.kind == "unstructured":
        return _check_cells(found, climate, name, values, least)
    judged = [place for place in places if values.shape[place] >= LEAST_POINTS]
    for place in judged:
        dimension = climate.file.variables[name].dimensions[place]
        alike = neighbour_autocorrelation(values, place)
        found.note("forensics", f"{name} is smooth along {dimension}", alike >= least, f"{alike:.3f}",
                   f"lag-1 autocorrelation of at least {least}")  # fmt: skip
        if not rough:
            worst = _roughest_plane(values, places, place)
            found.note("forensics", f"every plane of {name} is smooth along {dimension}", worst >= SMOOTH_PLANE,
                       f"{worst:.3f} in the roughest", f"at least {SMOOTH_PLANE}")  # fmt: skip
    return bool(judged)


def _check_cells(found: Findings, climate: CfFile, name: str, values: Masked, least: float) -> bool:
    grid = climate.grid(name)
    if grid.latitude is None or grid.longitude is None or values.shape[-1] < LEAST_POINTS:
        return False
    place = _horizontal(climate, name)[0]
    north, east = climate.file.values(grid.latitude), climate.file.values(grid.longitude)
    if any(np.ma.is_masked(one) or not np.isfinite(one).all() for one in (north, east)):
        return False
    alike = cell_autocorrelation(
        np.ma.MaskedArray(np.moveaxis(values, place, -1)),
        np.asarray(north, dtype=np.float64),
        np.asarray(east, dtype=np.float64),
    )
    found.note("forensics", f"{name} is smooth from cell to cell", alike >= least, f"{alike:.3f}",
               f"a correlation of at least {least} with the nearest cell")  # fmt: skip
    return True


def _roughest_plane(values: Masked, places: list[int], along: int) -> float:
    """The least autocorrelation in any plane of a field; planes of one value are passed over."""
    planes = _planes(values, places)
    axis = 1 + places.index(along)
    found = [neighbour_autocorrelation(plane[None], axis) for plane in planes]
    return min((one for one in found if not np.isnan(one)), default=1.0)


def _planes(values: Masked, places: list[int]) -> Masked:
    shape = tuple(values.shape[place] for place in places)
    return np.ma.MaskedArray(np.moveaxis(values, places, tuple(range(-len(places), 0)))).reshape((-1, *shape))


def _check_steadiness(found: Findings, climate: CfFile, name: str, values: Masked, quantity: Quantity | None) -> None:
    """Steps of time are alike, in a file that has too few points in space."""
    place = _place(climate, name, ("time",))
    if place is None or values.shape[place] < LEAST_STEPS:
        found.flag("forensics", f"{name} could be judged", False, f"{values.shape}",
                   f"{LEAST_POINTS} points along an axis, or {LEAST_STEPS} steps of time")  # fmt: skip
        return
    least = UNSTEADY if quantity is not None and quantity.rough else STEADY
    alike = neighbour_autocorrelation(values, place)
    found.note("forensics", f"{name} is smooth along time", alike >= least, f"{alike:.3f}",
               f"lag-1 autocorrelation of at least {least}")  # fmt: skip


def _check_formulas(found: Findings, climate: CfFile, name: str, values: Masked) -> None:
    """No single wave, and no product of a curve of latitude and one of longitude."""
    places = _horizontal(climate, name)
    if len(places) == 2 and min(values.shape[place] for place in places) >= LEAST_POINTS:
        planes = _planes(values, places)
    else:
        place = _place(climate, name, ("time",))
        if len(places) == 1 and values.shape[places[0]] >= LEAST_STEPS:
            place = places[0]
        if place is None or values.shape[place] < LEAST_STEPS:
            return
        lines = np.ma.MaskedArray(np.moveaxis(values, place, -1)).reshape((-1, values.shape[place]))
        _check_residual(found, f"{name} is no single wave", _judged(lines, MOST_WAVES), single_wave_residual)
        return
    _check_residual(found, f"{name} is no single wave", _judged(planes, MOST_WAVES), single_wave_residual)
    _check_residual(found, f"{name} is no product of curves", _judged(planes, MOST_PRODUCTS), product_residual)


def _judged(planes: Masked, most: int) -> list[NDArray[np.float64]]:
    """Some of the planes, spread evenly, of those in which no single value takes half of the room."""
    chosen = np.unique(np.linspace(0, len(planes) - 1, most).astype(int))
    found = []
    for place in chosen:
        plane = np.ma.MaskedArray(planes[place], dtype=np.float64)
        if np.ma.count(plane) < plane.size / 2:
            continue
        filled = np.asarray(plane.filled(float(plane.mean())))
        if np.unique(filled, return_counts=True)[1].max() <= filled.size / 2:
            found.append(filled)
    return found


def _check_residual(
    found: Findings, check: str, planes: list[NDArray[np.float64]], residual: Callable[[NDArray[np.float64]], float]
) -> None:
    """Whether a formula leaves something of most planes."""
    if not planes:
        return
    left = sorted(residual(plane) for plane in planes)
    middle = left[len(left) // 2]
    found.note("forensics", check, middle > FORMULA, f"{middle:.2g} of the variance remains", f"more than {FORMULA:g}")
