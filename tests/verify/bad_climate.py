"""Climate files that are none, each with the check that must refuse it.

They are made from genuine files of a mirror, or from nothing, always the same way.
"""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import netCDF4
import numpy as np

from astrobio.core.provenance import Provenance

MODEL = "earth_climate/small_FC_167_mon_19601101.nc"  # air temperature, 2 times, 21 members, 73 x 144, classic
COLUMN = "earth_climate/SMALL_total_column_co2.nc"  # 31 times, 161 x 320, packed, classic
ROTATED = "earth_climate/small_rotPole_precipitation.nc"  # precipitation, 4 times, 190 x 174 on a rotated pole
REANALYSIS = "earth_climate/eraint_uvz.nc"  # wind and geopotential, 241 x 480, 64-bit offsets
SERIES = "earth_climate/cmip/tas_Amon_CCSM4_historical_r1i1p1_185001-200512.nc"  # 1872 months at 2 x 3 points
CELLS = "earth_climate/cmip/tas_Amon_ICON-ESM-LR_historical_r1i1p1f1_gn_185001.nc"  # 20480 cells, HDF5
LEVELS = "earth_climate/cmip/ta_Amon_MIROC6_ssp119_r1i1p1f1_gn_201501-202412.nc"  # 19 levels, HDF5
RUN, DESCRIPTION = "exoplasim/tw188.nc", "exoplasim/tw188.json"
OTHER_RUN = "exoplasim/tw298.nc"
MODELS, FIELDS, RUNS = ("earth_climate", "models"), ("exoplasim", "fields"), ("exoplasim", "descriptions")
MONTHLY, REANALYSES = ("cmip", "monthly"), ("earth_climate", "reanalysis")
Change = Callable[["Edited"], None]


class Bad(NamedTuple):
    """A file, what it is offered as, and the finding that must refuse it.

    Attributes
    ----------
    name : str
        What is wrong with it.
    source, product : str
    content : bytes
    gate, check : str
    file : str
        The name under which it is offered.
    """

    name: str
    source: str
    product: str
    content: bytes
    gate: str
    check: str
    file: str = "file.nc"

    def provenance(self) -> Provenance:
        """As if a user had imported it."""
        return offered(self.source, self.product, self.file)


def offered(source: str, product: str, name: str) -> Provenance:
    """The provenance of a file that a user imports."""
    kind: Any = "reanalysis" if product == "reanalysis" else "simulation"
    return Provenance(source, kind, "declared", "import", f"{product}/{name}#0", {"product": product, "name": name})


class BadPair(NamedTuple):
    """The description and the fields of a run that do not fit, and the finding that says so."""

    name: str
    description: bytes
    fields: bytes
    gate: str
    check: str


# -- NetCDF files from genuine ones ----------------------------------------------------------------------------
class Edited:
    """A genuine file, taken apart: values and attributes of its variables, to be changed before it is written again."""

    def __init__(self, content: bytes) -> None:
        with netCDF4.Dataset("genuine", memory=content) as file:
            file.set_auto_maskandscale(False)
            file.set_auto_chartostring(False)
            self.model = file.data_model
            self.attributes = {name: file.getncattr(name) for name in file.ncattrs()}
            self.sizes = {name: None if one.isunlimited() else len(one) for name, one in file.dimensions.items()}
            self.dimensions = {name: one.dimensions for name, one in file.variables.items()}
            self.about = {
                name: {key: one.getncattr(key) for key in one.ncattrs() if not key.startswith("_Quantize")}
                for name, one in file.variables.items()
            }
            self.values = {name: np.asarray(one[...]) for name, one in file.variables.items()}

    def content(self) -> bytes:
        """The file, written again."""
        file = netCDF4.Dataset("bad", "w", memory=1 << 16, format=self.model)
        file.set_auto_maskandscale(False)
        file.setncatts(self.attributes)
        for name, size in self.sizes.items():
            file.createDimension(name, size)
        for name, values in self.values.items():
            about = dict(self.about[name])
            fill = about.pop("_FillValue", None)
            if fill is not None and not np.isfinite(fill) and values.dtype.kind != "f":
                fill = None
            made = file.createVariable(name, values.dtype, self.dimensions[name], fill_value=fill)
            made.set_auto_maskandscale(False)
            made.setncatts(about)
        for name, values in self.values.items():
            file.variables[name][...] = values
        return bytes(file.close())


def edited(content: bytes, *changes: Change) -> bytes:
    """A genuine file with changes."""
    file = Edited(content)
    for change in changes:
        change(file)
    return file.content()


def values(name: str, new: Callable[[np.ndarray], Any]) -> Change:
    """New values of a variable from its old ones."""

    def change(file: Edited) -> None:
        old = file.values[name]
        file.values[name] = np.broadcast_to(np.asarray(new(old)), old.shape).astype(old.dtype)

    return change


def about(name: str, **attributes: Any) -> Change:
    """New attributes of a variable; those that are None are taken away."""

    def change(file: Edited) -> None:
        for key, value in attributes.items():
            file.about[name].pop(key, None)
            if value is not None:
                file.about[name][key] = value

    return change


def attributes(**new: Any) -> Change:
    """New attributes of the file; those that are None are taken away."""

    def change(file: Edited) -> None:
        for key, value in new.items():
            file.attributes.pop(key, None)
            if value is not None:
                file.attributes[key] = value

    return change


def noise(seed: int = 0) -> np.random.Generator:
    """The same numbers each time."""
    return np.random.default_rng(seed)


def on_grid(formula: Callable[[np.ndarray, np.ndarray], np.ndarray], latitudes: int, longitudes: int) -> np.ndarray:
    """A formula of latitude and longitude, in radians."""
    return formula(*np.meshgrid(np.linspace(-1.5, 1.5, latitudes), np.linspace(0, 6.2, longitudes), indexing="ij"))


@functools.cache
def bad_climate(mirror: Path) -> list[Bad]:
    """All of them, from the genuine files of a mirror."""
    return [*_not_netcdf(), *_of_models(mirror), *_of_cmip(mirror), *_of_runs(mirror), *_of_descriptions(mirror)]


@functools.cache
def truncated_climate(mirror: Path, count: int = 100) -> list[Bad]:
    """Genuine files of each format, cut at many offsets."""
    found = []
    for file, (source, product) in ((ROTATED, MODELS), (LEVELS, MONTHLY), (DESCRIPTION, RUNS)):
        content = (mirror / file).read_bytes()
        for offset in np.linspace(1, len(content) - 2, count).astype(int).tolist():
            name = f"{file} cut at {offset}"
            found.append(Bad(name, source, product, content[:offset], "format", "parsed whole", Path(file).name))
    return found


def bad_pairs(mirror: Path) -> list[BadPair]:
    """Descriptions that are not those of their fields."""
    run, description = (mirror / RUN).read_bytes(), (mirror / DESCRIPTION).read_bytes()
    other = (mirror / OTHER_RUN).read_bytes()
    warmer = edited(run, values("ts", lambda old: old + 2))
    longer = _description(description, lambda told: told.update(years=5, diagnostics=[*told["diagnostics"], {
        **told["diagnostics"][-1], "ts": 256.0}]))  # fmt: skip
    return [
        BadPair("fields of another planet", description, other, "schema", "configuration of the fields"),
        BadPair("fields that are warmer", description, warmer, "physics", "diagnostics fit the fields"),
        BadPair("a description of more years", longer, run, "schema", "year of the fields"),
    ]


# -- no NetCDF at all --------------------------------------------------------------------------------------------
def _not_netcdf() -> Iterator[Bad]:
    def one(name: str, content: bytes, gate: str, check: str) -> Bad:
        return Bad(name, *MODELS, content, gate, check)

    yield one("empty", b"", "transfer", "not empty")
    yield one("a login page", b"<!DOCTYPE html><html><title>Sign in</title></html>", "transfer", "no page")
    yield one("a JSON error", b'{"error": "no such dataset"}', "transfer", "no error message")
    yield one("text", b"tas 288.1 288.2\n" * 50, "format", "parsed whole")
    yield one("HDF5's signature and garbage", b"\x89HDF\r\n\x1a\n" + noise().bytes(5000), "format", "parsed whole")
    yield one("NetCDF's signature and garbage", b"CDF\x01" + noise().bytes(5000), "format", "parsed whole")
    yield one("NetCDF-4 without a variable", _empty_file(), "schema", "fields")
    yield one("a dimension of two thousand million", _huge_classic(), "format", "parsed whole")
    yield one("a variable of a petabyte, never written", _huge_chunked(), "format", "parsed whole")
    yield one("a chunk of four gigabytes", _huge_chunk(), "format", "parsed whole")
    yield one("values in another file", _hdf5(external=True), "format", "parsed whole")
    yield one("a link into another file", _hdf5(link=True), "format", "parsed whole")
    yield one("a view of another file", _hdf5(virtual=True), "format", "parsed whole")
    yield one("groups", _hdf5(group=True), "format", "parsed whole")
    yield one("text of any length for numbers", _hdf5(strings=True), "format", "parsed whole")


def _empty_file() -> bytes:
    file = netCDF4.Dataset("bad", "w", memory=1024)
    file.setncatts({"Conventions": "CF-1.7"})
    return bytes(file.close())


def _huge_classic() -> bytes:
    """A classic header, written by hand, of one variable over a dimension of 2147483644."""
    word = functools.partial(int.to_bytes, length=4, byteorder="big")
    dimension = word(10) + word(1) + word(1) + b"x\0\0\0" + word(2147483644)
    variable = word(11) + word(1) + word(1) + b"v\0\0\0" + word(1) + word(0) + word(0) * 2 + word(5)
    head = b"CDF\x01" + word(0) + dimension + word(0) * 2 + variable
    return head + word(2147483647) + word(len(head) + 8) + bytes(64)


def _huge_chunked() -> bytes:
    file = netCDF4.Dataset("bad", "w", memory=1024)
    for name, size in (("time", 10**6), ("lat", 10**4), ("lon", 10**5)):
        file.createDimension(name, size)
    file.createVariable("tas", "f4", ("time", "lat", "lon"), chunksizes=(1, 100, 100), zlib=True)
    return bytes(file.close())


def _huge_chunk() -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.create_dataset("tas", (1000, 1000), "<f4", maxshape=(None, None), chunks=(32000, 32000), compression=1)
    return stream.getvalue()


def _hdf5(external: bool = False, link: bool = False, virtual: bool = False, group: bool = False,
          strings: bool = False) -> bytes:  # fmt: skip
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.create_dataset("x", data=np.arange(12, dtype="<f4"))
        if external:
            file.create_dataset("tas", (12,), "<f4", external=[("/etc/hostname", 0, 48)])
        if link:
            file["tas"] = h5py.ExternalLink("/etc/other.nc", "/tas")
        if virtual:
            layout = h5py.VirtualLayout((12,), "<f4")
            layout[:] = h5py.VirtualSource("/etc/other.nc", "tas", (12,))
            file.create_virtual_dataset("tas", layout)
        if group:
            file.create_group("forecast").create_dataset("tas", data=np.arange(3.0))
        if strings:
            file.create_dataset("tas", data=["warm", "cold"], dtype=h5py.string_dtype())
    return stream.getvalue()


# -- models and the reanalysis ----------------------------------------------------------------------------------
def _of_models(mirror: Path) -> Iterator[Bad]:
    model, column = (mirror / MODEL).read_bytes(), (mirror / COLUMN).read_bytes()
    rotated, reanalysis = (mirror / ROTATED).read_bytes(), (mirror / REANALYSIS).read_bytes()
    random = noise()

    def one(name: str, gate: str, check: str, *changes: Change, of: bytes = model) -> Bad:
        return Bad(name, *MODELS, edited(of, *changes), gate, check)

    shape = (2, 21, 73, 144)
    yield one("uniform noise", "forensics", "tas is smooth along latitude",
              values("tas", lambda old: random.uniform(230, 300, shape)))  # fmt: skip
    yield one("Gaussian noise", "forensics", "tas is smooth along longitude",
              values("tas", lambda old: random.normal(280, 15, shape)))  # fmt: skip
    yield one("noise in one member of one month", "forensics", "every plane of tas is smooth along latitude",
              values("tas", _one_plane_of_noise))  # fmt: skip
    wave = on_grid(lambda north, east: 280 + 20 * np.sin(2 * north + 3 * east), 73, 144)
    product = on_grid(lambda north, east: 240 + 50 * np.cos(north) * (2 + np.sin(east)) / 3, 73, 144)
    yield one("a single wave", "forensics", "tas is no single wave", values("tas", lambda old: wave))
    yield one("a formula of latitude and longitude", "forensics", "tas is no product of curves",
              values("tas", lambda old: product))  # fmt: skip
    yield one("a constant", "forensics", "tas varies", values("tas", lambda old: 288.0))
    yield one("zeros", "physics", "range of tas", values("tas", lambda old: 0.0))
    yield one("degrees Celsius that claim to be kelvins", "physics", "range of tas",
              values("tas", lambda old: old - 273.15))  # fmt: skip
    yield one("kelvins that claim to be degrees Celsius", "physics", "range of tas", about("tas", units="degC"))
    yield one("no units", "schema", "units", about("tas", units=None))
    yield one("units that are none", "schema", "units", about("tas", units="warmth"))
    yield one("units of a flux", "schema", "units of quantities", about("tas", units="W m-2"))
    yield one("no name", "schema", "names", about("tas", standard_name=None, long_name=None))
    yield one("no units of latitude", "schema", "units of coordinates", about("latitude", units=None))
    yield one("values that are not finite", "physics", "tas is finite",
              values("tas", lambda old: np.where(np.arange(144) == 7, np.inf, old)))  # fmt: skip
    yield one("zeros for what is not a number", "physics", "range of tas",
              values("tas", lambda old: np.where(np.arange(144) == 7, 0.0, old)))  # fmt: skip
    yield one("nothing but missing values", "physics", "tas has values", values("tas", lambda old: np.float32(1e12)))
    yield one("latitudes beyond the pole", "physics", "range of latitude", values("latitude", lambda old: old + 45))
    yield one("latitudes in no order", "physics", "latitude runs one way", values("latitude", random.permutation))
    yield one("longitudes twice around", "physics", "range of longitude", values("longitude", lambda old: 2 * old))
    yield one("a longitude that is missing", "physics", "longitude is complete",
              values("longitude", lambda old: np.where(old == 10, np.nan, old)))  # fmt: skip
    yield one("a lead time that runs backwards", "physics", "leadtime runs forward",
              values("leadtime", lambda old: old[::-1]))  # fmt: skip
    yield one("no axis over the sphere", "schema", "horizontal axes",
              *(about(name, units="1", standard_name="number", axis="N") for name in ("latitude", "longitude")),
              _renamed({"latitude": "row", "longitude": "column"}))  # fmt: skip
    yield one("a time that runs backwards", "physics", "time runs forward", values("time", lambda old: old[::-1]),
              of=column)  # fmt: skip
    yield one("dates of no calendar", "physics", "dates of time",
              about("time", units="hours since 1900-13-41", calendar="standard"), of=column)  # fmt: skip
    yield one("dates of the far future", "physics", "dates of time", values("time", lambda old: old + 20_000_000),
              of=column)  # fmt: skip
    yield one("one field at all times", "forensics", "tcco2 changes with time", values("tcco2", lambda old: old[:1]),
              of=column)  # fmt: skip
    yield one("a column of carbon dioxide that no air has", "physics", "range of tcco2",
              about("tcco2", scale_factor=0.13), of=column)  # fmt: skip
    yield one("uniform noise for rain", "forensics", "pr is smooth along rlat",
              values("pr", lambda old: random.uniform(0, 1e-3, old.shape)), of=rotated)  # fmt: skip
    yield one("rain of a metre a minute", "physics", "range of pr", values("pr", lambda old: old * 1e4), of=rotated)
    yield one("rain below nothing", "physics", "range of pr", values("pr", lambda old: -old), of=rotated)
    yield one("a rotated latitude beyond its pole", "physics", "range of rlat", values("rlat", lambda old: old * 10),
              of=rotated)  # fmt: skip
    yield Bad("a reanalysis of days to come", *REANALYSES, edited(column, values("time", lambda old: old + 10_000_000)),
              "physics", "dates of time")  # fmt: skip
    yield Bad("wind faster than sound", *REANALYSES, edited(reanalysis, about("u", scale_factor=-0.02)), "physics",
              "range of u")  # fmt: skip
    yield Bad("levels in no order", *REANALYSES, edited(reanalysis, values("level", lambda old: [850, 200, 500])),
              "physics", "level runs one way")  # fmt: skip


def _one_plane_of_noise(old: np.ndarray) -> np.ndarray:
    new = old.copy()
    new[1, 4] = noise().uniform(230, 300, new.shape[2:])
    return new


def _renamed(names: dict[str, str]) -> Change:
    """Dimensions and their variables under other names."""

    def change(file: Edited) -> None:
        file.sizes = {names.get(name, name): size for name, size in file.sizes.items()}
        file.dimensions = {names.get(name, name): tuple(names.get(one, one) for one in dimensions)
                           for name, dimensions in file.dimensions.items()}  # fmt: skip
        file.values = {names.get(name, name): found for name, found in file.values.items()}
        file.about = {names.get(name, name): found for name, found in file.about.items()}

    return change


# -- CMIP -------------------------------------------------------------------------------------------------------
def _of_cmip(mirror: Path) -> Iterator[Bad]:
    series, cells = (mirror / SERIES).read_bytes(), (mirror / CELLS).read_bytes()
    random = noise(1)
    name, other = Path(SERIES).name, Path(CELLS).name

    def one(what: str, gate: str, check: str, *changes: Change, of: bytes = series, file: str = name) -> Bad:
        return Bad(what, *MONTHLY, edited(of, *changes), gate, check, file)

    yield one("months that run backwards", "physics", "time runs forward", values("time", lambda old: old[::-1]))
    yield one("a month that comes twice", "physics", "time runs forward",
              values("time", lambda old: np.where(np.arange(1872) == 9, old[8], old)))  # fmt: skip
    yield one("months of noise", "forensics", "tas is smooth along time",
              values("tas", lambda old: random.normal(285, 8, old.shape)))  # fmt: skip
    yield one("months along a sine", "forensics", "tas is no single wave",
              values("tas", lambda old: 280 + 10 * np.sin(np.arange(1872) * 0.53)[:, None, None]))  # fmt: skip
    yield one("a month that is no number", "physics", "time is complete",
              values("time", lambda old: np.where(np.arange(1872) == 9, np.inf, old)))  # fmt: skip
    yield one("no experiment", "schema", "global attributes", attributes(experiment_id=None))
    yield one("no phase", "schema", "phase", attributes(project_id=None))
    yield one("the name of another model", "schema", "name of the file", file=name.replace("CCSM4", "HadGEM2-ES"))
    yield one("the name of another variable", "schema", "name of the file", file=name.replace("tas", "pr"))
    yield one("the years of another file", "physics", "period of the name", file=name.replace("185001", "190001"))
    yield one("noise in the cells", "forensics", "tas is smooth from cell to cell",
              values("tas", lambda old: random.uniform(230, 300, old.shape)), of=cells, file=other)  # fmt: skip
    yield one("cells beyond the pole", "physics", "range of latitude", values("latitude", lambda old: old * 1.1),
              of=cells, file=other)  # fmt: skip
    yield one("a variable that is not there", "schema", "variable", attributes(variable_id="pr"), of=cells,
              file="file.nc")  # fmt: skip


# -- ExoPlaSim --------------------------------------------------------------------------------------------------
def _of_runs(mirror: Path) -> Iterator[Bad]:
    run = (mirror / RUN).read_bytes()
    random = noise(2)

    def one(name: str, gate: str, check: str, *changes: Change) -> Bad:
        return Bad(name, *FIELDS, edited(run, *changes), gate, check, "tw188.nc")

    def configured(**new: Any) -> Change:
        def change(file: Edited) -> None:
            told = json.loads(file.attributes["configuration"]) | new
            file.attributes["configuration"] = json.dumps(told)

        return change

    yield one("a brighter star", "physics", "insolation", configured(flux=1300.0))
    yield one("a thicker air", "physics", "surface pressure", configured(pN2=3.0))
    yield one("no configuration", "schema", "configuration", attributes(configuration=None))
    yield one("a configuration without gravity", "schema", "configuration",
              attributes(configuration='{"flux": 1150.0}'))  # fmt: skip
    yield one("another model", "schema", "model", attributes(model="a table of random numbers"))
    yield one("net radiation apart from its parts", "physics", "net radiation is the sum of its parts",
              values("ntr", lambda old: old + 5))  # fmt: skip
    yield one("more ice than surface", "physics", "range of sic", values("sic", lambda old: old * 1.2))
    yield one("an albedo above one", "physics", "range of alb", values("alb", lambda old: old + 0.5))
    yield one("more cloud than sky", "physics", "range of clt", values("clt", lambda old: old * 1.5))
    yield one("clouds below nothing", "physics", "range of clt", values("clt", lambda old: old - 0.5))
    yield one("noise for surface temperature", "forensics", "ts is smooth along lat",
              values("ts", lambda old: random.normal(256, 25, old.shape)))  # fmt: skip
    yield one("noise for clouds", "forensics", "clt is smooth along lon",
              values("clt", lambda old: random.uniform(0, 1, old.shape)))  # fmt: skip
    yield one("a formula for wind", "forensics", "ua is no product of curves", values("ua", lambda old: on_grid(
        lambda north, east: 30 * np.cos(north) * (1 + 0.2 * np.cos(east)), 32, 64)))  # fmt: skip
    yield one("steps of time that run backwards", "physics", "time runs forward",
              values("time", lambda old: old[::-1]))  # fmt: skip
    yield one("levels under another name", "schema", "axes of the model", _renamed({"lev": "rows"}))
    yield one("no evaporation", "schema", "fields of the model", _without("evap"))


def _without(name: str) -> Change:
    def change(file: Edited) -> None:
        for part in (file.values, file.about, file.dimensions):
            part.pop(name)

    return change


def _description(content: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    told = json.loads(content)
    change(told)
    return json.dumps(told).encode()


def _of_descriptions(mirror: Path) -> Iterator[Bad]:
    description = (mirror / DESCRIPTION).read_bytes()

    def one(name: str, gate: str, check: str, change: Callable[[dict[str, Any]], object]) -> Bad:
        return Bad(name, *RUNS, _description(description, change), gate, check, "tw188.json")

    def raw(name: str, content: bytes, gate: str = "format", check: str = "parsed whole") -> Bad:
        return Bad(name, *RUNS, content, gate, check, "tw188.json")

    def last(**new: float) -> Callable[[dict[str, Any]], object]:
        return lambda told: told["diagnostics"][-1].update(new)

    def setting(namelist: str, old: str, new: str) -> Callable[[dict[str, Any]], object]:
        return lambda told: told["namelists"].update({namelist: told["namelists"][namelist].replace(old, new)})

    agree = "namelists agree with the configuration"
    yield one("a namelist of another star", "schema", agree, setting("planet_namelist", "1150.0", "1361.0"))
    yield one("a namelist of another pressure", "schema", agree, setting("plasim_namelist", "195000.0", "101325.0"))
    yield one("another rotation", "schema", agree, lambda told: told["configure"].update(rotationperiod=1.0))
    yield one("the row of another planet", "schema", "configuration is that of the planet",
              lambda told: told["row"].update(stellar_temperature="5800.0"))  # fmt: skip
    yield one("a run that crashed", "schema", "status", lambda told: told.update(status="crashed"))
    yield one("years that were not described", "schema", "years", lambda told: told.update(years=30))
    yield one("years without radiation", "schema", "diagnostics",
              lambda told: [year.pop("ntr") for year in told["diagnostics"]])  # fmt: skip
    yield one("one year for all", "forensics", "years differ",
              lambda told: told.update(diagnostics=[told["diagnostics"][0]] * 4))  # fmt: skip
    yield one("a temperature that no planet has", "physics", "range of ts", last(ts=5.0))
    yield one("more ice than surface", "physics", "range of sic", last(sic=1.4))
    yield one("a diagnostic that is text", "format", "parsed whole",
              lambda told: told["diagnostics"][-1].update(ts="256.3"))  # fmt: skip
    yield one("no configuration", "format", "parsed whole", lambda told: told.pop("configure"))
    yield raw("not a number", description.replace(b"256.302734375", b"NaN"))
    yield raw("a number beyond all", description.replace(b"256.302734375", b"1e999"))
    yield raw("a name that comes twice", description.replace(b'"years": 4', b'"years": 3, "years": 4'))
    yield raw("nested beyond reason", b'{"name": ' + b"[" * 100_000)
    yield raw("a list", b"[1, 2]")
    yield raw("another encoding", description.decode().encode("utf-16"))
    yield raw("empty", b"", "transfer", "not empty")
    yield raw("a login page", b"<html><body>Sign in</body></html>", "transfer", "no page")
    yield raw("a JSON error", b'{"error": "not found"}', "transfer", "no error message")
