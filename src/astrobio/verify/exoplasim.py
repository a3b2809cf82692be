"""Checks of ExoPlaSim runs: energy and water budgets, what the star gives, and a description that fits its fields.

A run that is out of balance is no wrong run: it is admitted and labelled with its imbalance and its drift, since
equilibrium takes decades of model time where ice grows. Bounds marked *measured* come from four runs of ExoPlaSim 3.4.2
whose fields are rounded to three significant digits.
"""

from __future__ import annotations

import math

import numpy as np

from astrobio.core.errors import FormatError
from astrobio.core.provenance import Provenance
from astrobio.formats.cf import CfFile, describe
from astrobio.formats.exoplasim import EARTH_RADIUS, RunDescription, configuration_of, read_run
from astrobio.formats.netcdf import NetCdf, read_netcdf
from astrobio.verify.verdict import Findings, Verdict

IMBALANCE = 1.0
"""W m-2 that a run in balance may gain or lose in the mean over its last year."""
WATER_ERROR = 0.01
"""Share of the precipitation that may not evaporate again in a run in balance."""
MASS_DRIFT = 1e-4
"""Share of the surface pressure that may go, or come, in a year."""
INSOLATION_ERROR = 0.005
"""Share by which what the star gives may differ from S/4 (measured: -0.0010 on 32 latitudes of a Gaussian grid)."""
PRESSURE_LOW, PRESSURE_HIGH = 0.99, 1.10
"""Surface pressure by that of the gases that were put in (measured: 1.0003); vapour comes on top."""
NET_ERROR = 1.0
"""W m-2 between net radiation and its parts anywhere (measured: 0.22, the rounding)."""
NEEDED = ("ts", "ps", "clt", "pr", "evap", "rst", "rlut", "rsut", "sic", "alb", "ntr")
"""Fields without which a run cannot be judged."""
_SHAPES = (("time", "lat", "lon"), ("time", "lev", "lat", "lon"))
DIAGNOSTICS: dict[str, tuple[float, float]] = {
    "ts": (30.0, 1000.0), "ntr": (-5000.0, 5000.0), "hfns": (-5000.0, 5000.0), "sic": (-0.001, 1.001),
    "clt": (-0.001, 1.001), "sit": (-0.01, 1000.0), "pr": (-1e-12, 1e-3), "evap": (-1e-3, 1e-3), "ps": (0.01, 1e6),
}  # fmt: skip
"""What each year of a description gives, and what is possible; units as in
:class:`~astrobio.formats.exoplasim.RunDescription`."""
_AGREES: dict[str, tuple[float, float]] = {
    "ts": (0.05, 0.0), "ntr": (0.05, 0.0), "sic": (5e-4, 0.0), "clt": (5e-4, 0.0), "sit": (1e-3, 1e-3),
    "pr": (0.0, 2e-3), "evap": (0.0, 2e-3), "ps": (0.0, 1e-4),
}  # fmt: skip
"""How far the mean of a rounded field may lie from its diagnostic: absolutely, and as a share."""


def area_mean(file: NetCdf, name: str) -> float:
    """Mean of a field over the sphere and over time, each latitude with its cosine, as ExoPlaSim means it."""
    values = np.asarray(file.values(name).filled(np.nan), dtype=np.float64).mean(axis=-1)
    weights = np.cos(np.radians(np.asarray(file.values("lat").filled(np.nan), dtype=np.float64)))
    return float((values * weights).sum(axis=-1).mean() / weights.sum())


def check_fields(found: Findings, climate: CfFile, _provenance: Provenance) -> None:
    """The checks of the NetCDF file of a run."""
    file = climate.file
    found.counts["runs"] = 1
    model = str(file.attributes.get("model", ""))
    found.note("schema", "model", model.startswith("ExoPlaSim"), model or "none named", "ExoPlaSim")
    lacking = [name for name in NEEDED if not _over_a_sphere(file, name)]
    whole = found.note("schema", "fields of the model", not lacking, ", ".join(lacking) or "all there",
                       f"{', '.join(NEEDED)}, each over time, lat and lon")  # fmt: skip
    other = [name for name in climate.fields if file.variables[name].dimensions not in _SHAPES]
    axes = [name for name in ("time", "lev", "lat", "lon") if name not in climate.coordinates]
    found.note("schema", "axes of the model", not other and not axes, ", ".join((other + axes)[:8]) or "all there",
               "time, lev, lat and lon, each with its values")  # fmt: skip
    try:
        configuration = configuration_of(file)
    except FormatError as error:
        found.note("schema", "configuration", False, error, "the parameters of the planet")
        return
    found.note("schema", "configuration", True, f"{len(configuration)} parameters", "the parameters of the planet")
    if whole and all(_complete(file, name) for name in ("lat", *NEEDED)):
        _check_budgets(found, file, configuration)


def _over_a_sphere(file: NetCdf, name: str) -> bool:
    variable, latitude = file.variables.get(name), file.variables.get("lat")
    placed = latitude is not None and latitude.numeric and latitude.dimensions == ("lat",)
    return placed and variable is not None and variable.numeric and variable.dimensions == ("time", "lat", "lon")


def _complete(file: NetCdf, name: str) -> bool:
    values = file.values(name)
    return bool(values.size) and not np.ma.is_masked(values) and bool(np.isfinite(np.asarray(values)).all())


def _check_budgets(found: Findings, file: NetCdf, configuration: dict[str, float | None]) -> None:
    imbalance = area_mean(file, "ntr")
    found.flag("physics", "energy balance", abs(imbalance) <= IMBALANCE, f"unbalanced: {imbalance:.3f} W m-2",
               f"within {IMBALANCE:g} W m-2")  # fmt: skip
    parts = [np.asarray(file.values(name), dtype=np.float64) for name in ("rst", "rlut", "ntr")]
    off = float(np.abs(parts[0] + parts[1] - parts[2]).max())
    found.note("physics", "net radiation is the sum of its parts", off <= NET_ERROR, f"off by {off:.3f} W m-2",
               f"within {NET_ERROR:g} W m-2 everywhere")  # fmt: skip
    eccentricity = configuration.get("eccentricity") or 0.0
    given = (configuration["flux"] or math.nan) / 4 / math.sqrt(max(1 - eccentricity**2, 1e-6))
    seen = area_mean(file, "rst") - area_mean(file, "rsut")
    found.note("physics", "insolation", abs(seen / given - 1) <= INSOLATION_ERROR, f"{seen:.2f} W m-2",
               f"S/4 = {given:.2f} W m-2 within {INSOLATION_ERROR:.1%}")  # fmt: skip
    gases = (
        sum(value for name, value in configuration.items() if is_partial_pressure(name) and value is not None) * 1000
    )
    pressure = area_mean(file, "ps")
    found.note("physics", "surface pressure", PRESSURE_LOW * gases <= pressure <= PRESSURE_HIGH * gases,
               f"{pressure:.2f} hPa", f"that of its gases, {gases:.2f} hPa, and vapour")  # fmt: skip
    rain, vapour = area_mean(file, "pr"), area_mean(file, "evap")
    _check_water(found, rain, vapour)


def is_partial_pressure(name: str) -> bool:
    """Whether a parameter is the partial pressure of a gas, as ``pN2`` is.

    >>> is_partial_pressure("pCO2"), is_partial_pressure("pressurebroaden")
    (True, False)
    """
    return len(name) > 1 and name[0] == "p" and name[1].isupper()


def _check_water(found: Findings, rain: float, vapour: float) -> None:
    """Precipitation and evaporation, which the model counts as negative, cancel."""
    left = abs(rain + vapour) / rain if rain > 0 else (0.0 if vapour == 0 else math.inf)
    found.flag("physics", "water budget", left <= WATER_ERROR, f"{left:.2%} of the precipitation does not evaporate",
               f"at most {WATER_ERROR:.0%}")  # fmt: skip


def check_description(found: Findings, run: RunDescription, _provenance: Provenance) -> None:
    """The checks of the JSON file of a run."""
    found.counts["run descriptions"] = 1
    found.note("schema", "status", run.status == "completed", run.status, "completed")
    found.note("schema", "years", run.years == len(run.diagnostics) > 0, f"{len(run.diagnostics)} years described",
               f"each of the {run.years} that were run")  # fmt: skip
    lacking = sorted({name for year in run.diagnostics for name in DIAGNOSTICS if name not in year})
    found.note("schema", "diagnostics", not lacking, ", ".join(lacking) or "all there", ", ".join(DIAGNOSTICS))
    for name, (low, high) in DIAGNOSTICS.items():
        values = [year[name] for year in run.diagnostics if name in year]
        inside = all(low <= value <= high for value in values)
        span = f"{min(values):g} to {max(values):g}" if values else "none"
        found.note("physics", f"range of {name}", inside, span, f"{low:g} to {high:g}")
    _check_namelists(found, run)
    if not lacking and run.diagnostics:
        _check_drift(found, run)


def _check_namelists(found: Findings, run: RunDescription) -> None:
    """What the model read is what it was given; ExoPlaSim writes one from the other."""
    given = run.configuration
    pressure = sum(value for name, value in given.items() if is_partial_pressure(name) and value is not None)
    expected = {
        ("planet_namelist", "GSOL0"): given["flux"],
        ("planet_namelist", "GA"): given["gravity"],
        ("planet_namelist", "PLARAD"): (given["radius"] or math.nan) * EARTH_RADIUS,
        ("planet_namelist", "ROTSPD"): 1 / given["rotationperiod"] if given["rotationperiod"] else None,
        ("radmod_namelist", "STARBBTEMP"): given["startemp"],
        ("plasim_namelist", "PSURF"): pressure * 1e5,
    }
    wrong = [
        f"{name} {run.setting(namelist, name)}"
        for (namelist, name), value in expected.items()
        if not _near(run.setting(namelist, name), value, 1e-4)
    ]
    found.note("schema", "namelists agree with the configuration", not wrong, ", ".join(wrong) or "all",
               "every setting as it was given")  # fmt: skip
    planet = {"stellar_flux": given["flux"], "gravity": given["gravity"], "stellar_temperature": given["startemp"],
              "rotation_period": given["rotationperiod"], "surface_pressure": pressure * 1e5}  # fmt: skip
    off = [name for name, value in planet.items() if name in run.planet and not _near(_number(run.planet[name]), value,
                                                                                      1e-3)]  # fmt: skip
    found.note("schema", "configuration is that of the planet", not off, ", ".join(off) or "all",
               "the planet's own parameters")  # fmt: skip
    carbon = (given["pCO2"] or 0.0) / pressure * 1e6 if pressure else math.nan
    used = run.setting("radmod_namelist", "CO2")
    found.flag("physics", "carbon dioxide", _near(used, carbon, 1e-3), f"{used} ppm in the namelist",
               f"the {carbon:g} ppm of the configuration")  # fmt: skip


def _near(value: float | None, other: float | None, share: float) -> bool:
    if value is None or other is None or not (math.isfinite(value) and math.isfinite(other)):
        return False
    return abs(value - other) <= share * max(abs(value), abs(other))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _check_drift(found: Findings, run: RunDescription) -> None:
    """Balance, water and mass of the last year, and how the run still changes."""
    last = run.diagnostics[-1]
    before = run.diagnostics[-2] if len(run.diagnostics) > 1 else None
    drift = f", {last['ts'] - before['ts']:+.2f} K in a year" if before else ""
    seen = f"unbalanced: {last['ntr']:.3f} W m-2{drift}"
    found.flag("physics", "energy balance", abs(last["ntr"]) <= IMBALANCE, seen, f"within {IMBALANCE:g} W m-2")
    _check_water(found, last["pr"], last["evap"])
    if before:
        mass = abs(last["ps"] / before["ps"] - 1)
        found.flag("physics", "mass of the air", mass <= MASS_DRIFT, f"{mass:.1e} of it in a year",
                   f"at most {MASS_DRIFT:g}")  # fmt: skip
    months = {tuple(year.values()) for year in run.diagnostics}
    found.note("forensics", "years differ", len(months) == len(run.diagnostics), f"{len(months)} different years",
               f"{len(run.diagnostics)}")  # fmt: skip


def check_pair(description: bytes, fields: bytes) -> Verdict:
    """Whether the description of a run is that of its fields.

    Each file passes gates of its own; whoever reads a run of both asks this, too.
    """
    found = Findings()
    try:
        run, file = read_run(description), read_netcdf(fields)
        configuration = configuration_of(file)
    except FormatError as error:
        found.note("format", "parsed whole", False, error, "the two files of a run")
        return found.verdict()
    other = [name for name in run.configuration.keys() | configuration.keys()
             if not _same(run.configuration.get(name), configuration.get(name))]  # fmt: skip
    found.note("schema", "configuration of the fields", not other, ", ".join(sorted(other)) or "the same",
               "the configuration of the description")  # fmt: skip
    year = file.attributes.get("year")
    found.note("schema", "year of the fields", year == run.years, year, f"{run.years}, the last that is described")
    _check_means(found, run, file)
    return found.verdict()


def _same(value: float | None, other: float | None) -> bool:
    return value == other or _near(value, other, 1e-9)


def _check_means(found: Findings, run: RunDescription, file: NetCdf) -> None:
    names = [name for name in _AGREES if run.diagnostics and name in run.diagnostics[-1]]
    wrong = [] if names else ["no diagnostics"]
    for name in names:
        if not (_over_a_sphere(file, name) and _complete(file, name) and _complete(file, "lat")):
            wrong.append(f"no field {name}")
            continue
        seen, said = area_mean(file, name), run.diagnostics[-1][name]
        absolute, share = _AGREES[name]
        if not abs(seen - said) <= absolute + share * abs(said):
            wrong.append(f"{name} {seen:g} in the fields, {said:g} in the description")
    found.note("physics", "diagnostics fit the fields", not wrong, "; ".join(wrong) or f"{len(names)} means agree",
               "global means of the last year, within the rounding of the fields")  # fmt: skip


def read_fields(content: bytes) -> CfFile:
    """The NetCDF file of a run, every value of it read."""
    return describe(read_netcdf(content).load())
