"""Climate cubes: one model of axes, whatever they came from; nothing made up, nothing regridded."""

from __future__ import annotations

import numpy as np
import pytest

from astrobio.archives.registry import SOURCES, source
from astrobio.core.errors import FormatError, RefusedInput
from astrobio.core.orbit import equal_area_latitudes
from astrobio.datasets.cubes import (
    axes,
    climate_cubes,
    exoplasim_cube,
    has_dates,
    planet_run_cube,
    read_cubes,
    thousandworlds_cubes,
)
from astrobio.fetch.engine import import_file
from astrobio.formats.netcdf import read_netcdf
from astrobio.store import RealDataStorage
from tests.formats.test_cf import curvilinear
from tests.verify.bad_climate import (
    CELLS,
    COLUMN,
    DESCRIPTION,
    LEVELS,
    MODEL,
    OTHER_RUN,
    REANALYSIS,
    ROTATED,
    RUN,
    edited,
    values,
)
from tests.verify.test_thousandworlds import SMALL, Made

EXPECTED = {
    COLUMN: ("regular", {"time": "open", "latitude": "closed", "longitude": "periodic"}, (31, 161, 320), True),
    REANALYSIS: ("regular", {"season": "periodic", "level": "ordered", "latitude": "closed", "longitude": "periodic"},
                 (2, 3, 241, 480), False),
    MODEL: ("regular", {"time": "open", "member": "unordered", "latitude": "closed", "longitude": "periodic"},
            (2, 21, 73, 144), False),
    LEVELS: ("regular", {"time": "open", "level": "ordered", "latitude": "closed", "longitude": "open"},
             (120, 19, 3, 6), True),
    ROTATED: ("rotated", {"time": "open", "y": "open", "x": "open"}, (4, 190, 174), True),
    CELLS: ("unstructured", {"time": "open", "cell": "unordered"}, (1, 20480), True),
}  # fmt: skip


@pytest.mark.parametrize("path", EXPECTED)
def test_genuine_files_have_their_axes(archive_mirror, path):
    grid, topology, sizes, dated = EXPECTED[path]
    [cube] = climate_cubes((archive_mirror / path).read_bytes())
    assert (cube.attrs["grid"], cube.attrs["topology"]) == (grid, topology)
    variable, *rest = axes(cube)
    assert (variable.name, variable.values) == ("variable", tuple(cube.data_vars))
    assert {axis.name: axis.topology for axis in rest} == topology
    assert tuple(cube.sizes[name] for name in topology) == sizes
    assert has_dates(cube) == dated


def test_values_are_those_of_the_file(archive_mirror):
    for path, name in ((COLUMN, "tcco2"), (MODEL, "tas"), (LEVELS, "ta"), (REANALYSIS, "z")):
        content = (archive_mirror / path).read_bytes()
        [cube] = climate_cubes(content)
        file = read_netcdf(content)
        south_first = file.values([axis for axis in file.variables if axis.startswith("lat")][0])
        found = (
            file.values(name).filled(np.nan) if np.ma.is_masked(file.values(name)) else np.asarray(file.values(name))
        )
        if south_first[0] > south_first[-1]:
            found = np.flip(found, axis=cube[name].dims.index("latitude"))
        np.testing.assert_array_equal(cube[name].values, found)
        assert (np.diff(cube["latitude"].values) > 0).all()


def test_what_is_missing_is_not_a_number(archive_mirror):
    [cube] = climate_cubes((archive_mirror / LEVELS).read_bytes())
    assert int(np.isnan(cube["ta"].values).sum()) == 3403
    assert cube["ta"].dtype == np.float32


def test_coordinates_keep_their_units_and_calendars(archive_mirror):
    [cube] = climate_cubes((archive_mirror / LEVELS).read_bytes())
    assert (cube["level"].attrs["units"], cube["level"].attrs["positive"]) == ("Pa", "down")
    assert (cube["time"].attrs["units"], cube["time"].attrs["calendar"]) == ("days since 1850-1-1", "gregorian")
    assert cube["ta"].attrs["quantity"] == "air temperature"


def test_grids_that_are_not_regular_are_described_and_kept(archive_mirror):
    [rotated] = climate_cubes((archive_mirror / ROTATED).read_bytes())
    assert rotated["latitude"].dims == rotated["longitude"].dims == ("y", "x")
    assert rotated.attrs["grid_mapping"]["grid_north_pole_latitude"] == 18.0
    assert rotated["y"].attrs["standard_name"] == "grid_latitude"
    [cells] = climate_cubes((archive_mirror / CELLS).read_bytes())
    assert cells["latitude"].dims == ("cell",)
    assert "cell" not in cells.coords
    [region] = climate_cubes((archive_mirror / "earth_climate/small_theta_colpex.nc").read_bytes())
    assert "latitude" not in region.coords  # The file has none, and none is computed.
    assert region["level_height"].attrs["units"] == "m"
    [ocean] = climate_cubes(curvilinear(with_indices=True))
    assert (ocean.attrs["grid"], ocean["tos"].dims) == ("curvilinear", ("time", "y", "x"))


def test_a_file_without_a_field_over_a_sphere_is_an_error(archive_mirror):
    from tests.formats.test_netcdf import written

    with pytest.raises(FormatError, match="no field"):
        climate_cubes(written(units="K"))


def test_a_run_of_exoplasim_has_its_planet(archive_mirror):
    cube = exoplasim_cube((archive_mirror / RUN).read_bytes(), (archive_mirror / DESCRIPTION).read_bytes())
    assert cube.attrs["topology"] == {"time": "open", "level": "ordered", "latitude": "closed", "longitude": "periodic"}
    assert cube.attrs["parameters"]["flux"] == 1150.0
    assert cube.attrs["parameter_units"]["gravity"] == "m s-2"
    assert cube.attrs["carbon_dioxide_ppm"] == 300.0
    assert len(cube.attrs["diagnostics"]) == 4
    assert (len(cube.data_vars), cube["latitude"].values[0] < 0) == (26, True)
    assert "diagnostics" not in exoplasim_cube((archive_mirror / RUN).read_bytes()).attrs


def test_a_description_of_another_run_is_refused(archive_mirror):
    with pytest.raises(RefusedInput, match="configuration of the fields"):
        exoplasim_cube((archive_mirror / OTHER_RUN).read_bytes(), (archive_mirror / DESCRIPTION).read_bytes())
    warmer = edited((archive_mirror / RUN).read_bytes(), values("ts", lambda old: old + 2))
    with pytest.raises(RefusedInput, match="diagnostics fit the fields"):
        exoplasim_cube(warmer, (archive_mirror / DESCRIPTION).read_bytes())


def test_a_planet_run_is_a_cube_of_seasons_and_latitudes(earth_runs):
    run, _ = earth_runs[0]
    cube = planet_run_cube(run.to_bytes())
    assert cube["surface_temperature"].dims == ("season", "latitude")
    assert cube["albedo"].dims == ("profile_latitude",)
    np.testing.assert_array_equal(cube["surface_temperature"].values, run.values("surface_temperature"))
    np.testing.assert_array_equal(cube["latitude"].values, equal_area_latitudes(32))
    assert cube.attrs["topology"]["season"] == "periodic"
    assert cube.attrs["parameters"]["stellar_flux"] == 1361.0
    assert (cube.attrs["start"], cube.attrs["outcome"]) == ("warm", "completed")
    with pytest.raises(FormatError):
        planet_run_cube(b"no run")


def test_worlds_are_cubes_with_their_parameters_and_parts():
    made = Made()
    cubes = list(thousandworlds_cubes(made.content(), SMALL))
    assert [cube.attrs["parameters"]["simulation_id"] for cube in cubes] == [str(number) for number in range(6)]
    assert cubes[0]["temperature"].dims == ("level", "latitude", "longitude")
    assert cubes[0].sizes == {"latitude": 32, "longitude": 64, "level": 10}
    assert not cubes[0].coords  # Their values are not documented.
    assert cubes[4].attrs["parts"] == ["multi-partial/test"]
    assert np.isnan(cubes[2]["asr_cloudy"].values).all() or np.isnan(cubes[2]["olr_cloudy"].values).all()
    np.testing.assert_array_equal(cubes[1]["u"].values, made.fields["all-obs"][1, 33:43])


def test_the_cubes_of_a_store_say_what_they_are(archive_mirror, tmp_path):
    storage = RealDataStorage(tmp_path / "store", create=True)
    for path, name in ((RUN, "exoplasim"), (DESCRIPTION, "exoplasim"), (COLUMN, "earth_climate"), (LEVELS, "cmip")):
        assert import_file(storage, source(name), archive_mirror / path).admitted == 1
    cubes = {cube.attrs["source"]: cube for cube in read_cubes(storage)}
    assert list(cubes) == ["cmip", "earth_climate", "exoplasim"]
    assert cubes["exoplasim"].attrs["product"] == "fields"
    assert cubes["exoplasim"].attrs["carbon_dioxide_ppm"] == 300.0
    assert cubes["exoplasim"].attrs["group"].startswith("exoplasim/")
    assert any("unbalanced" in label for label in cubes["exoplasim"].attrs["labels"])
    assert any("parts per million" in label for label in cubes["earth_climate"].attrs["labels"])
    assert (cubes["cmip"].attrs["kind"], cubes["cmip"].attrs["group"]) == ("simulation", "cmip/MIROC6")
    assert [cube.attrs["source"] for cube in read_cubes(storage, ["cmip"])] == ["cmip"]


def test_every_product_that_is_read_is_one_of_its_source():
    from astrobio.datasets.cubes import READERS

    assert all(SOURCES[name].product(product) for name, product in READERS)
