"""Units, axes and grids of NetCDF files by the CF conventions."""

from __future__ import annotations

import netCDF4
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.errors import FormatError
from astrobio.formats.cf import Grid, describe
from astrobio.formats.cf_units import convert, dates, is_reference_time, is_unit, parse_unit, same_dimension
from astrobio.formats.netcdf import read_netcdf
from tests.verify.bad_climate import CELLS, COLUMN, LEVELS, MODEL, REANALYSIS, ROTATED, RUN


@pytest.mark.parametrize(
    ("text", "value", "into", "expected"),
    [
        ("degC", 25.0, "K", 298.15), ("millibars", 500.0, "Pa", 50_000.0), ("hPa", 1013.25, "Pa", 101_325.0),
        ("%", 40.0, "1", 0.4), ("kg m**-2", 3.0, "kg m-2", 3.0), ("m s^-1", 2.0, "km/h", 7.2),
        ("W/m2", 1.0, "W m-2", 1.0), ("g kg-1", 8.0, "1", 0.008), ("mol mol-1", 1.0, "ppm", 1e6),
        ("degrees_north", 90.0, "rad", np.pi / 2), ("hours", 2.0, "s", 7200.0), ("kg*m-2", 1.0, "g.cm-2", 0.1),
    ],
)  # fmt: skip
def test_units_are_read_as_they_are_written(text, value, into, expected):
    assert convert(value, text, into) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", " ", "warmth", "timesteps", "m//s", "/s", "m s -1", "2 m", "K" * 81, "m^99999",
                                  "days since 2000-01-01", "K\0", "(K)", "__import__"])  # fmt: skip
def test_what_is_no_unit_is_an_error(text):
    assert not is_unit(text)


def test_units_of_other_dimensions_are_told_apart():
    assert same_dimension("degC", "K")
    assert not same_dimension("W m-2", "K")
    with pytest.raises(FormatError, match="cannot be given"):
        convert(1.0, "kg m-2", "K")


@given(st.text(max_size=30))
def test_any_text_is_a_unit_or_is_not(text):
    assert is_unit(text) in (True, False)


@given(st.lists(st.tuples(st.sampled_from(["kg", "m", "s", "K", "W", "Pa", "mol"]), st.integers(-4, 4)), min_size=1,
                max_size=4))  # fmt: skip
def test_powers_are_written_in_three_ways(factors):
    ways = [" ".join(f"{name}{mark}{power}" for name, power in factors) for mark in ("", "^", "**")]
    assert parse_unit(ways[0]) == parse_unit(ways[1]) == parse_unit(ways[2])


def test_dates_are_those_of_their_calendar():
    assert str(dates(np.array([59.0]), "days since 2000-01-01", "noleap")[0]).startswith("2000-03-01")
    assert str(dates(np.array([59.0]), "days since 2000-01-01")[0]).startswith("2000-02-29")
    for units, calendar in (("days", "standard"), ("days since yesterday", "standard"), ("days since 2000-01-01", "x")):
        with pytest.raises(FormatError):
            dates(np.array([1.0]), units, calendar)
    for value in (np.nan, np.inf, 1e300):
        with pytest.raises(FormatError):
            dates(np.array([value]), "days since 2000-01-01")
    assert not is_reference_time("fortnights since 2000-01-01")


GENUINE = {
    COLUMN: ("tcco2", ["time", "latitude", "longitude"], "regular"),
    REANALYSIS: ("z", ["month", "level", "latitude", "longitude"], "regular"),
    MODEL: ("tas", ["time", "member", "latitude", "longitude"], "regular"),
    ROTATED: ("pr", ["time", "grid_latitude", "grid_longitude"], "rotated"),
    "earth_climate/small_theta_colpex.nc": (
        "air_potential_temperature", ["time", "level", "grid_latitude", "grid_longitude"], "rotated"),
    CELLS: ("tas", ["time", "cell"], "unstructured"),
    LEVELS: ("ta", ["time", "level", "latitude", "longitude"], "regular"),
    RUN: ("ua", ["time", "level", "latitude", "longitude"], "regular"),
}  # fmt: skip


@pytest.mark.parametrize("path", GENUINE)
def test_genuine_files_have_their_axes_and_grids(archive_mirror, path):
    name, kinds, grid = GENUINE[path]
    climate = describe(read_netcdf((archive_mirror / path).read_bytes()))
    assert [axis.kind for axis in climate.axes(name)] == kinds
    assert climate.grid(name).kind == grid


def test_a_rotated_pole_and_cells_have_their_places(archive_mirror):
    rotated = describe(read_netcdf((archive_mirror / ROTATED).read_bytes()))
    assert rotated.grid("pr") == Grid("rotated", "lat", "lon", "rotated_pole")
    cells = describe(read_netcdf((archive_mirror / CELLS).read_bytes()))
    assert cells.grid("tas") == Grid("unstructured", "latitude", "longitude", None)
    model = describe(read_netcdf((archive_mirror / MODEL).read_bytes()))
    assert [axis.coordinate for axis in model.axes("tas")][:2] == ["leadtime", "realization"]


def curvilinear(with_indices: bool) -> bytes:
    file = netCDF4.Dataset("made", "w", memory=1024)
    for name, size in (("time", 2), ("j", 4), ("i", 5)):
        file.createDimension(name, size)
    north, east = np.meshgrid(np.linspace(-60, 60, 4), np.linspace(0, 300, 5), indexing="ij")
    for name, values, standard in (("nav_lat", north, "latitude"), ("nav_lon", east, "longitude")):
        made = file.createVariable(name, "f8", ("j", "i"))
        made.standard_name, made.units = standard, "degrees_north" if standard == "latitude" else "degrees_east"
        made[:] = values
    if with_indices:
        for name, size in (("j", 4), ("i", 5)):
            file.createVariable(name, "i4", (name,))[:] = np.arange(size)
    field = file.createVariable("tos", "f4", ("time", "j", "i"))
    field.coordinates, field.units, field.long_name = "nav_lat nav_lon", "degC", "sea surface temperature"
    field[:] = 1
    return bytes(file.close())


@pytest.mark.parametrize("with_indices", [True, False])
def test_a_curvilinear_grid_is_known_by_its_latitudes(with_indices):
    climate = describe(read_netcdf(curvilinear(with_indices)))
    assert climate.fields == ("tos",)
    assert [axis.kind for axis in climate.axes("tos")] == ["time", "y", "x"]
    assert climate.grid("tos") == Grid("curvilinear", "nav_lat", "nav_lon", None)
