"""What the variables of a NetCDF file are to one another, by the CF Conventions: fields, their axes, and their grids.

Sections of the conventions (https://cfconventions.org/cf-conventions/cf-conventions.html): 4, coordinate types; 5.2,
two-dimensional latitudes and longitudes; 5.6, grid mappings; 7.1, cell boundaries. Grids are described as they are, and
nothing is interpolated: regular ones, those of a rotated pole, curvilinear ones, and lists of cells.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from astrobio.formats.cf_units import is_reference_time
from astrobio.formats.netcdf import NetCdf, Variable

AxisKind = Literal[
    "time", "month", "level", "latitude", "longitude", "grid_latitude", "grid_longitude", "y", "x", "cell", "member",
    "other",
]  # fmt: skip
GridKind = Literal["regular", "rotated", "curvilinear", "unstructured", "none"]

_BY_STANDARD_NAME: dict[str, AxisKind] = {
    "latitude": "latitude", "longitude": "longitude", "time": "time", "forecast_period": "time",
    "forecast_reference_time": "other", "grid_latitude": "grid_latitude", "grid_longitude": "grid_longitude",
    "projection_y_coordinate": "y", "projection_x_coordinate": "x", "air_pressure": "level", "height": "level",
    "altitude": "level", "depth": "level", "model_level_number": "level", "geopotential_height": "level",
    "realization": "member",
}  # fmt: skip
_BY_NAME: dict[str, AxisKind] = {
    "time": "time", "t": "time", "month": "month", "season": "month", "lat": "latitude", "latitude": "latitude",
    "lon": "longitude", "longitude": "longitude", "lev": "level", "level": "level", "plev": "level",
    "rlat": "grid_latitude", "rlon": "grid_longitude", "ensemble": "member", "member": "member", "number": "member",
}  # fmt: skip
_BY_AXIS: dict[str, AxisKind] = {"T": "time", "Z": "level", "Y": "y", "X": "x"}
_NORTH = {"degrees_north", "degree_north", "degrees_N", "degree_N", "degreesN", "degreeN"}
_EAST = {"degrees_east", "degree_east", "degrees_E", "degree_E", "degreesE", "degreeE"}
HORIZONTAL: dict[GridKind, tuple[AxisKind, ...]] = {
    "regular": ("latitude", "longitude"),
    "rotated": ("grid_latitude", "grid_longitude"),
    "curvilinear": ("y", "x"),
    "unstructured": ("cell",),
    "none": (),
}
"""The axes of each kind of grid."""


@dataclass(frozen=True)
class Axis:
    """One axis of a field.

    Attributes
    ----------
    kind : str
    dimension : str
    coordinate : str, optional
        The variable that holds its values; none where the file has none.
    """

    kind: AxisKind
    dimension: str
    coordinate: str | None = None


@dataclass(frozen=True)
class Grid:
    """Where the values of a field lie on the sphere.

    Attributes
    ----------
    kind : str
    latitude, longitude : str, optional
        Variables that hold them: along an axis, over two axes, or for each cell.
    mapping : str, optional
        The variable whose attributes say how the pole is turned, or which projection it is.
    """

    kind: GridKind
    latitude: str | None = None
    longitude: str | None = None
    mapping: str | None = None


@dataclass(frozen=True)
class CfFile:
    """A NetCDF file whose variables have their roles.

    Attributes
    ----------
    file : NetCdf
    fields : tuple of str
        Variables that hold what the file is about.
    coordinates : tuple of str
        Variables along one dimension of their own name.
    auxiliary : tuple of str
        Variables that others name as their coordinates.
    bounds : dict of str to str
        The variable that holds the cell boundaries of a coordinate.
    """

    file: NetCdf
    fields: tuple[str, ...]
    coordinates: tuple[str, ...]
    auxiliary: tuple[str, ...]
    bounds: dict[str, str]

    def axes(self, name: str) -> tuple[Axis, ...]:
        """The axes of a variable, one a dimension, in order."""
        return tuple(self._axis(dimension) for dimension in self.file.variables[name].dimensions)

    def axis(self, name: str, kind: AxisKind) -> Axis | None:
        """The first axis of a kind that a variable has."""
        return next((axis for axis in self.axes(name) if axis.kind == kind), None)

    def grid(self, name: str) -> Grid:
        """The horizontal grid of a field."""
        variable = self.file.variables[name]
        kinds = {axis.kind for axis in self.axes(name)}
        mapping = variable.text("grid_mapping") or None
        for kind, needed in HORIZONTAL.items():
            if needed and kinds.issuperset(needed):
                if kind == "regular":
                    by_kind = {axis.kind: axis.coordinate for axis in self.axes(name)}
                    return Grid(kind, by_kind["latitude"], by_kind["longitude"], mapping)
                return Grid(kind, self._on(variable, "latitude"), self._on(variable, "longitude"), mapping)
        return Grid("none", mapping=mapping)

    def _on(self, variable: Variable, kind: AxisKind) -> str | None:
        """The auxiliary latitude or longitude whose dimensions a field has."""
        for name in self.auxiliary:
            other = self.file.variables[name]
            if _kind_of(other) == kind and other.dimensions and set(other.dimensions) <= set(variable.dimensions):
                return name
        return None

    def _axis(self, dimension: str) -> Axis:
        variable = self.file.variables.get(dimension)
        own = dimension if variable is not None and variable.dimensions == (dimension,) else None
        kind = _kind_of(variable) if variable is not None and own else _BY_NAME.get(dimension.lower(), "other")
        if own and kind != "other":
            return Axis(kind, dimension, own)
        along = [name for name in self.auxiliary if self.file.variables[name].dimensions == (dimension,)]
        kinds: dict[AxisKind, str] = {}
        for name in along:
            kinds.setdefault(_kind_of(self.file.variables[name]), name)
        if "latitude" in kinds and "longitude" in kinds:
            return Axis("cell", dimension)
        found = next((one for one in kinds if one in ("time", "level", "member")), None)
        if found is not None:
            return Axis(found, dimension, kinds[found])
        return Axis(self._place_in_plane(dimension) or kind, dimension, own)

    def _place_in_plane(self, dimension: str) -> AxisKind | None:
        """Whether a dimension is the first or the second of a two-dimensional latitude (section 5.2)."""
        for name in self.auxiliary:
            variable = self.file.variables[name]
            if len(variable.dimensions) == 2 and dimension in variable.dimensions and _kind_of(variable) == "latitude":
                return "y" if variable.dimensions[0] == dimension else "x"
        return None


def describe(file: NetCdf) -> CfFile:
    """Give the variables of a file their roles."""
    variables = file.variables
    bounds = {
        name: variable.text(attribute)
        for name, variable in variables.items()
        for attribute in ("bounds", "climatology")
        if variable.text(attribute) in variables
    }
    named = {name for variable in variables.values() for name in _named(variable, "coordinates", "ancillary_variables")}
    terms = {name for variable in variables.values() for name in _named(variable, "formula_terms")}
    mappings = {name for name, variable in variables.items() if variable.text("grid_mapping_name")}
    mappings |= {name for variable in variables.values() for name in _named(variable, "grid_mapping")}
    coordinates = tuple(name for name, variable in variables.items() if variable.dimensions == (name,))
    supporting = set(bounds.values()) | set(coordinates) | mappings
    auxiliary = tuple(name for name in variables if name in named and name not in supporting)
    apart = supporting | set(auxiliary) | (terms - _over_the_sphere(file, coordinates))
    fields = tuple(
        name for name, variable in variables.items() if name not in apart and variable.numeric and variable.dimensions
    )
    return CfFile(file, fields, coordinates, auxiliary, bounds)


def _named(variable: Variable, *attributes: str) -> Iterator[str]:
    for attribute in attributes:
        yield from (word for word in variable.text(attribute).split() if not word.endswith(":"))


def _over_the_sphere(file: NetCdf, coordinates: tuple[str, ...]) -> set[str]:
    """Variables over a latitude and a longitude: a surface pressure is a field, though levels are computed from it."""
    level = {name for name in coordinates if _kind_of(file.variables[name]) in ("latitude", "longitude")}
    return {name for name, variable in file.variables.items() if len(level & set(variable.dimensions)) == 2}


def _kind_of(variable: Variable) -> AxisKind:
    """What kind of axis a coordinate variable is: by its standard name, then its units, its name, its axis."""
    if not variable.numeric:
        return "other"
    standard, units = variable.text("standard_name"), variable.text("units")
    if standard in _BY_STANDARD_NAME:
        return _BY_STANDARD_NAME[standard]
    if standard.startswith(("atmosphere_", "ocean_")):
        return "level"
    if units in _NORTH:
        return "latitude"
    if units in _EAST:
        return "longitude"
    if is_reference_time(units):
        return "time"
    if variable.text("positive").lower() in ("up", "down"):
        return "level"
    if variable.name.lower() in _BY_NAME:
        return _BY_NAME[variable.name.lower()]
    return _BY_AXIS.get(variable.text("axis").upper(), "other")
