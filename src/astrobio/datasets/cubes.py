"""Climate cubes in one model of axes: variables over season or time, level, latitude and longitude.

Each cube is an ``xarray.Dataset`` whose dimensions have the same names whatever it came from, and whose coordinates
say what they are:

============== ========== ==============================================================================
dimension      topology   what it is
============== ========== ==============================================================================
season         periodic   parts of a year, or months of it
time           open       steps of time, as the file counts them (``units``, ``calendar``)
member         unordered  members of an ensemble
level          ordered    pressures, shares of the surface pressure, heights, or numbers of levels
latitude       closed     degrees north, from south to north; ends at the poles; ``open`` where a file does not
longitude      periodic   degrees east; ``open`` where a file does not go around
y, x           open       places in a plane, on a rotated pole or a curvilinear grid, whose ``latitude`` and
                          ``longitude`` are coordinates over both, where the file has them
cell           unordered  cells of an unstructured grid, with ``latitude`` and ``longitude`` of each
============== ========== ==============================================================================

Nothing is interpolated, regridded, scaled to other units, or filled: what is missing is not a number, and a coordinate
that a file does not have is not made up. Latitudes are turned to run north, values with them.

The attributes of a cube: ``source``, ``product``, ``kind``, ``record`` (digest), ``group`` (what stays on one side of
a split), ``assurance``, ``grid`` (``regular``, ``rotated``, ``curvilinear``, ``unstructured``, ``equal_area``),
``topology`` by dimension, ``labels`` (what its gates flagged), and what the source knows of the run: ``parameters``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from astrobio.core.errors import FormatError, RefusedInput
from astrobio.core.orbit import equal_area_latitudes
from astrobio.core.planet_run import FIELD, LATITUDES, PROFILE_LATITUDES, SEASONS, PlanetParameters, PlanetRun
from astrobio.datasets.held import held, product_of
from astrobio.formats.cf import Axis, AxisKind, CfFile, describe
from astrobio.formats.cf_units import is_reference_time
from astrobio.formats.exoplasim import PARAMETERS, configuration_of, read_run
from astrobio.formats.netcdf import read_netcdf
from astrobio.formats.thousandworlds import GRID, RELEASE, UNITS, Layout, Worlds, read_worlds, variable_of
from astrobio.store.storage import RealDataStorage, Record
from astrobio.verify.climate import quantity_in
from astrobio.verify.exoplasim import check_pair

Topology = Literal["periodic", "open", "closed", "ordered", "unordered"]
DIMENSIONS: dict[AxisKind, tuple[str, Topology]] = {
    "month": ("season", "periodic"),
    "time": ("time", "open"),
    "member": ("member", "unordered"),
    "level": ("level", "ordered"),
    "latitude": ("latitude", "closed"),
    "longitude": ("longitude", "open"),
    "grid_latitude": ("y", "open"),
    "grid_longitude": ("x", "open"),
    "y": ("y", "open"),
    "x": ("x", "open"),
    "cell": ("cell", "unordered"),
}
"""Dimension and topology by the kind of an axis."""
_KEPT = ("standard_name", "long_name", "units", "calendar", "positive", "cell_methods")
"""Attributes of a variable that a cube keeps."""
_AROUND = 0.01
"""Degrees by which longitudes may miss a full turn and still go around."""


@dataclass(frozen=True)
class CubeAxis:
    """One axis of a cube, for those who would rather not ask the dataset.

    Attributes
    ----------
    name : str
        Of the dimension; ``variable`` for the axis of the variables.
    topology : str
    size : int
    units : str
        Empty where the axis has none, or no coordinate.
    values : array or tuple of str, optional
        Its coordinate, where it has one; names, for the axis of the variables.
    """

    name: str
    topology: Topology
    size: int
    units: str
    values: NDArray[Any] | tuple[str, ...] | None


def axes(cube: xr.Dataset) -> tuple[CubeAxis, ...]:
    """The axes of a cube: that of its variables, then its dimensions in order."""
    names = tuple(str(name) for name in cube.data_vars)
    found = [CubeAxis("variable", "unordered", len(names), "", names)]
    for name, size in cube.sizes.items():
        coordinate = cube.coords.get(name)
        topology = cube.attrs["topology"][str(name)]
        if coordinate is None:
            found.append(CubeAxis(str(name), topology, size, "", None))
        else:
            units = str(coordinate.attrs.get("units", ""))
            found.append(CubeAxis(str(name), topology, size, units, coordinate.values))
    return tuple(found)


# -- NetCDF files -----------------------------------------------------------------------------------------------
def climate_cubes(content: bytes) -> list[xr.Dataset]:
    """The cubes of a NetCDF file by the CF conventions: one for each set of horizontal axes that its fields have.

    Raises
    ------
    FormatError
        If it is none, or no field lies over a sphere.
    """
    climate = describe(read_netcdf(content).load())
    groups: dict[tuple[Axis, ...], list[str]] = {}
    for name in climate.fields:
        if climate.grid(name).kind != "none":
            horizontal = tuple(axis for axis in climate.axes(name) if DIMENSIONS.get(axis.kind, ("",))[0] in _FLAT)
            groups.setdefault(horizontal, []).append(name)
    if not groups:
        raise FormatError("no field of the file lies over a sphere")
    return [_cube(climate, names) for names in groups.values()]


_FLAT = ("latitude", "longitude", "y", "x", "cell")


def _cube(climate: CfFile, names: list[str]) -> xr.Dataset:
    topology: dict[str, Topology] = {}
    coordinates: dict[str, Any] = {}
    dimensions = _dimension_names(climate, names, topology)
    for axis in {axis: None for name in names for axis in climate.axes(name)}:
        if axis.coordinate is not None:
            coordinates[dimensions[axis.dimension]] = _variable(climate, axis.coordinate, dimensions)
    for name in names:
        coordinates |= _places(climate, name, dimensions)
    variables = {name: _field(climate, name, dimensions) for name in names}
    cube = xr.Dataset(variables, coordinates, attrs={"grid": climate.grid(names[0]).kind})
    if "longitude" in cube.dims and _goes_around(np.asarray(cube["longitude"].values)):
        topology["longitude"] = "periodic"
    if "latitude" in cube.dims and not _ends_at_poles(np.asarray(cube["latitude"].values)):
        topology["latitude"] = "open"
    cube.attrs |= {"topology": topology, **_mapping(climate, names[0])}
    return _northward(cube)


def _dimension_names(climate: CfFile, names: list[str], topology: dict[str, Topology]) -> dict[str, str]:
    """What each dimension of the file is called in the cube; two of one kind are told apart by their own names."""
    found: dict[str, str] = {}
    for name in names:
        for axis in climate.axes(name):
            called, shape = DIMENSIONS.get(axis.kind, (axis.dimension, "unordered"))
            if axis.dimension not in found:
                called = called if called not in found.values() else f"{called}_{axis.dimension}"
                found[axis.dimension] = called
                topology[called] = shape
    return found


def _variable(climate: CfFile, name: str, dimensions: dict[str, str]) -> xr.Variable:
    variable = climate.file.variables[name]
    values = climate.file.values(name)
    attributes = {key: variable.attributes[key] for key in _KEPT if key in variable.attributes}
    return xr.Variable(tuple(dimensions[one] for one in variable.dimensions), _filled(values), attributes)


def _filled(values: np.ma.MaskedArray[Any, Any]) -> NDArray[Any]:
    """The values, not-a-number where they are missing; whole numbers stay such where none is."""
    if not np.ma.is_masked(values):
        return np.asarray(values)
    kind = values.dtype if values.dtype.kind == "f" else np.dtype(np.float64)
    return np.where(np.ma.getmaskarray(values), kind.type(np.nan), np.asarray(values.data, dtype=kind))


def _field(climate: CfFile, name: str, dimensions: dict[str, str]) -> xr.Variable:
    field = _variable(climate, name, dimensions)
    quantity = quantity_in(climate, name)
    if quantity is not None:
        field.attrs["quantity"] = quantity.name
    return field


def _places(climate: CfFile, name: str, dimensions: dict[str, str]) -> dict[str, Any]:
    """Latitude and longitude over the plane or of each cell, and further coordinates along the level."""
    grid, found = climate.grid(name), {}
    for called, coordinate in (("latitude", grid.latitude), ("longitude", grid.longitude)):
        if coordinate is not None and grid.kind != "regular":
            found[called] = _variable(climate, coordinate, dimensions)
    for other in climate.auxiliary:
        variable = climate.file.variables[other]
        along = variable.numeric and len(variable.dimensions) == 1 and variable.dimensions[0] in dimensions
        taken = other in {axis.coordinate for axis in climate.axes(name)} | {grid.latitude, grid.longitude}
        if along and not taken and other not in dimensions.values():
            found[other] = _variable(climate, other, dimensions)
    return found


def _goes_around(longitude: NDArray[np.float64]) -> bool:
    """Whether evenly spaced longitudes close a circle."""
    if longitude.size < 3:
        return False
    steps = np.diff(longitude.astype(np.float64))
    even = float(np.ptp(steps)) <= _AROUND
    return even and abs(abs(float(steps.mean())) * longitude.size - 360) <= _AROUND * longitude.size


def _ends_at_poles(latitude: NDArray[np.float64]) -> bool:
    """Whether the ends of latitudes are at most their widest step from the poles."""
    if latitude.size < 3:
        return False
    return 90 - float(np.abs(latitude[[0, -1]]).min()) <= float(np.abs(np.diff(latitude)).max())


def _mapping(climate: CfFile, name: str) -> dict[str, Any]:
    """The parameters of a grid mapping (CF, section 5.6), as how a pole is turned."""
    mapping = climate.grid(name).mapping
    if mapping is None or mapping not in climate.file.variables:
        return {}
    return {"grid_mapping": dict(climate.file.variables[mapping].attributes)}


def _northward(cube: xr.Dataset) -> xr.Dataset:
    """Turn latitudes that run south."""
    if "latitude" in cube.dims and "latitude" in cube.coords:
        latitude = np.asarray(cube["latitude"].values)
        if latitude.size > 1 and latitude[0] > latitude[-1]:
            return cube.isel(latitude=slice(None, None, -1))
    return cube


# -- ExoPlaSim ----------------------------------------------------------------------------------------------------
def exoplasim_cube(fields: bytes, description: bytes | None = None) -> xr.Dataset:
    """The cube of a run of ExoPlaSim, with the parameters of its planet.

    Parameters
    ----------
    fields : bytes
        Its NetCDF file.
    description : bytes, optional
        Its JSON file; the means of each year come from it.

    Raises
    ------
    FormatError
        If either is not what it should be.
    RefusedInput
        If they are not of one run.
    """
    cubes = climate_cubes(fields)
    cube = cubes[0]
    if len(cubes) > 1 or not {"time", "level", "latitude", "longitude"} <= set(cube.coords):
        raise FormatError("the fields of the run are not all on one grid of time, level, latitude and longitude")
    configuration = configuration_of(read_netcdf(fields))
    cube.attrs["parameters"] = {name: configuration[name] for name in configuration if configuration[name] is not None}
    cube.attrs["parameter_units"] = dict(PARAMETERS)
    cube["level"].attrs["long_name"] = "pressure as a share of that at the surface"
    cube["time"].attrs["long_name"] = "steps of the model since its year began"
    if description is not None:
        verdict = check_pair(description, fields)
        if not verdict.admitted:
            raise RefusedInput(f"the description is not that of the fields: {'; '.join(verdict.reasons)}")
        run = read_run(description)
        cube.attrs["diagnostics"] = run.diagnostics
        cube.attrs["carbon_dioxide_ppm"] = run.setting("radmod_namelist", "CO2")
    return cube


# -- planet runs of the energy-balance model ----------------------------------------------------------------------
def planet_run_cube(content: bytes) -> xr.Dataset:
    """The cube of a planet run: seasons by latitudes of equal area, and profiles over twice as many latitudes.

    A run that did not complete has no fields; its cube has no variables, and says so in ``outcome``.

    Raises
    ------
    FormatError
        If it is none.
    """
    try:
        run = PlanetRun.from_bytes(content)
    except ValueError as error:
        raise FormatError(str(error)) from error
    coordinates = {
        "season": xr.Variable("season", np.arange(SEASONS), {"units": f"1/{SEASONS} year", "long_name": "season"}),
        "latitude": xr.Variable("latitude", equal_area_latitudes(LATITUDES), {"units": "degrees_north"}),
        "profile_latitude": xr.Variable(
            "profile_latitude", equal_area_latitudes(PROFILE_LATITUDES), {"units": "degrees_north"}
        ),
    }
    variables = {
        name: xr.Variable(FIELD[name].axes, run.values(name), {"units": FIELD[name].units, "long_name":
                                                               FIELD[name].long_name, "step": FIELD[name].step})
        for name in run.steps
    }  # fmt: skip
    topology = {"season": "periodic", "latitude": "closed", "profile_latitude": "closed"}
    attributes = {
        "grid": "equal_area", "topology": topology, "outcome": run.outcome, "start": run.start,
        "parameters": asdict(run.parameters), "parameter_units": PlanetParameters.units(),
        "diagnostics": dict(run.diagnostics), "simulator": run.simulator,
    }  # fmt: skip
    return xr.Dataset(variables, coordinates, attributes)


# -- ThousandWorlds -----------------------------------------------------------------------------------------------
def thousandworlds_cubes(content: bytes, layout: Layout = RELEASE, archive: str = "all-obs") -> Iterator[xr.Dataset]:
    """The cubes of the simulations of ThousandWorlds, one after the other, in the order of the archive.

    Its grid has 32 latitudes, 64 longitudes and 10 levels, whose values are not documented: the cubes have none.

    Parameters
    ----------
    content : bytes
        The packed archive.
    layout : Layout
    archive : str
        ``all-obs``, where fields may be missing, or ``complete-obs-only``.

    Raises
    ------
    FormatError
        If it is none.
    """
    worlds = read_worlds(content, layout)
    fields = worlds.fields[archive]
    parameters = {int(row["simulation_id"]): row for row in worlds.inputs.frame.iter_rows(named=True)}
    for place, simulation in enumerate(fields.simulations.tolist()):
        yield _world(worlds, fields.names, fields.values[place], parameters[simulation])


def _world(
    worlds: Worlds, names: tuple[str, ...], values: NDArray[np.float32], row: dict[str, str | None]
) -> xr.Dataset:
    variables: dict[str, xr.Variable] = {}
    for variable in dict.fromkeys(variable_of(name) for name in names):
        places = [place for place, name in enumerate(names) if variable_of(name) == variable]
        dimensions = ("latitude", "longitude") if len(places) == 1 else ("level", "latitude", "longitude")
        shape = GRID if len(places) == 1 else (len(places), *GRID)
        variables[variable] = xr.Variable(dimensions, values[places].reshape(shape), {"units": UNITS[variable]})
    topology = {"level": "ordered", "latitude": "closed", "longitude": "periodic"}
    simulation = int(row["simulation_id"] or -1)
    parts = sorted(name for name, numbers in worlds.parts.items() if simulation in set(numbers))
    return xr.Dataset(variables, attrs={"grid": "regular", "topology": topology, "parameters": dict(row),
                                        "parts": parts})  # fmt: skip


# -- stores -------------------------------------------------------------------------------------------------------
def _one(cube: Callable[[bytes], xr.Dataset]) -> Callable[[bytes], Iterable[xr.Dataset]]:
    return lambda content: [cube(content)]


READERS: dict[tuple[str, str], Callable[[bytes], Iterable[xr.Dataset]]] = {
    ("planet_runs", "planet_runs"): _one(planet_run_cube),
    ("exoplasim", "fields"): _one(exoplasim_cube),
    ("cmip", "monthly"): climate_cubes,
    ("earth_climate", "models"): climate_cubes,
    ("earth_climate", "reanalysis"): climate_cubes,
    ("thousandworlds", "dataset"): thousandworlds_cubes,
}
"""How the records of a product become cubes, by source and product."""


def read_cubes(
    storage: RealDataStorage, sources: Iterable[str] = (), allow_declared: bool = True
) -> Iterator[xr.Dataset]:
    """The cubes of a store, one after the other, ordered by source and key.

    A run of ExoPlaSim whose description the store holds has it, too.

    Parameters
    ----------
    storage : RealDataStorage
    sources : iterable of str
        Only of these; of all unless given.
    allow_declared : bool
        Whether records count whose origin is only declared by a user.

    Raises
    ------
    IntegrityError
        If an object has changed.
    RefusedInput
        If a description is not that of its fields.
    """
    for name in sorted(set(sources) or {name for name, _ in READERS}):
        records = held(storage, name, allow_declared)
        labels = storage.judgements(name)
        descriptions = {_stem(record): record for record in records if product_of(record) == "descriptions"}
        for record in records:
            product = product_of(record)
            if (name, product) not in READERS:
                continue
            content = storage.open(record)
            beside = descriptions.get(_stem(record))
            if name == "exoplasim" and beside is not None:
                found: Iterable[xr.Dataset] = [exoplasim_cube(content, storage.open(beside))]
            else:
                found = READERS[name, product](content)
            for cube in found:
                cube.attrs |= _origin(record, product) | {"labels": labels[record.key]["flags"]}
                yield cube


def _stem(record: Record) -> str:
    return str(record.provenance.detail.get("name", record.key)).rpartition(".")[0]


def _origin(record: Record, product: str) -> dict[str, Any]:
    return {"source": record.source, "product": product, "kind": record.kind, "record": record.digest,
            "group": record.group, "assurance": record.assurance}  # fmt: skip


def has_dates(cube: xr.Dataset) -> bool:
    """Whether the times of a cube are dates, and not steps or hours of a model."""
    return "time" in cube.coords and is_reference_time(str(cube["time"].attrs.get("units", "")))
