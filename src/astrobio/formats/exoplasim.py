"""A run of ExoPlaSim as it is saved: a NetCDF file of monthly means, and a JSON file that describes how it was made.

The description holds the configuration as it was given, the namelists that the model read, and global means of each
model year. ExoPlaSim: Paradise et al. 2022, https://doi.org/10.1093/mnras/stac172.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass
from typing import Any

from astrobio.core.errors import FormatError
from astrobio.formats.jsonl import parse_json, read_json
from astrobio.formats.netcdf import NetCdf, read_netcdf

EARTH_RADIUS = 6_371_220.0
"""m; the model's own, by which it multiplies ``radius``."""
PARAMETERS = {
    "flux": "W m-2",
    "startemp": "K",
    "radius": "Earth radii",
    "gravity": "m s-2",
    "rotationperiod": "d",
    "pN2": "bar",
    "pCO2": "bar",
}
"""The parameters of a planet that every configuration gives, and their units."""
_NOT_OF_THE_PLANET = ("timestep", "snapshots")
_SETTING = re.compile(r"^\s*(\w+)\s*=\s*([^\s,]+)", re.MULTILINE)
MOST_YEARS = 100_000


@dataclass(frozen=True)
class RunDescription:
    """What the JSON file of a run says.

    Attributes
    ----------
    name : str
    status : str
        ``completed`` where the run came to its end.
    years : int
        Model years.
    configuration : dict
        As it was given to the model: numbers, and null where nothing was given.
    diagnostics : list of dict of str to float
        Global means of each year: ``ts`` (K), ``ntr`` and ``hfns`` (W m-2), ``sic`` and ``clt`` (1), ``sit`` (m),
        ``pr`` and ``evap`` (m s-1), ``ps`` (hPa).
    namelists : dict of str to dict of str to str
        Settings of each namelist by their names, as text.
    planet : dict of str to str
        The planet as the design of the ensemble has it, where there is one.
    """

    name: str
    status: str
    years: int
    configuration: dict[str, float | None]
    diagnostics: list[dict[str, float]]
    namelists: dict[str, dict[str, str]]
    planet: dict[str, str]

    def setting(self, namelist: str, name: str) -> float | None:
        """A number of a namelist; none where it has none of that name."""
        text = self.namelists.get(namelist, {}).get(name)
        try:
            return None if text is None else float(text)
        except ValueError:
            return None


def read_run(content: bytes) -> RunDescription:
    """Read the description of a run.

    Raises
    ------
    FormatError
        If it is no JSON, or lacks or misstates a part.
    """
    document = read_json(content)
    if not isinstance(document, dict):
        raise FormatError(f"it is a {type(document).__name__}, and no object")
    diagnostics = _part(document, "diagnostics", list)
    if len(diagnostics) > MOST_YEARS or not all(isinstance(year, dict) for year in diagnostics):
        raise FormatError("diagnostics are no list of one object a year")
    namelists = _part(document, "namelists", dict)
    return RunDescription(
        name=_part(document, "name", str),
        status=_part(document, "status", str),
        years=_part(document, "years", int),
        configuration=_configuration(_part(document, "configure", dict)),
        diagnostics=[_numbers(year, f"diagnostics of year {place}") for place, year in enumerate(diagnostics, 1)],
        namelists={name: dict(_SETTING.findall(_text(text, name))) for name, text in namelists.items()},
        planet={name: _text(value, name) for name, value in document.get("row", {}).items()}
        if isinstance(document.get("row", {}), dict)
        else {},
    )


def _part(document: dict[str, Any], name: str, kind: type) -> Any:
    value = document.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise FormatError(f"{name!r} is {'missing' if value is None else type(value).__name__}, and no {kind.__name__}")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise FormatError(f"{name!r} is a {type(value).__name__}, and no text")
    return value


def _numbers(values: dict[str, Any], name: str) -> dict[str, float]:
    wrong = [key for key, value in values.items() if isinstance(value, bool) or not isinstance(value, int | float)]
    if wrong:
        raise FormatError(f"{name}: {wrong[0]!r} is no number")
    return {key: float(value) for key, value in values.items()}


def _configuration(values: dict[str, Any]) -> dict[str, float | None]:
    given = _numbers({key: value for key, value in values.items() if value is not None}, "configure")
    lacking = [name for name in PARAMETERS if name not in given]
    if lacking:
        raise FormatError(f"the configuration lacks {', '.join(lacking)}")
    return {key: given.get(key) for key in values}


def configuration_of(file: NetCdf) -> dict[str, float | None]:
    """The configuration that the NetCDF file of a run carries.

    Raises
    ------
    FormatError
        If it carries none.
    """
    text = file.attributes.get("configuration")
    if not isinstance(text, str):
        raise FormatError("the file has no attribute 'configuration'")
    document = parse_json(text)
    if not isinstance(document, dict):
        raise FormatError("the attribute 'configuration' is no object")
    return _configuration(document)


def group_of(configuration: dict[str, float | None]) -> str:
    """What must stay on one side of a split: the hash of the planet's parameters, to six significant digits.

    >>> earth = dict.fromkeys(PARAMETERS, 1.0)
    >>> group_of(earth) == group_of(earth | {"timestep": 30.0, "flux": 1.0000001})
    True
    """
    values = {
        name: float(f"{value:.6g}")
        for name, value in configuration.items()
        if value is not None and math.isfinite(value) and name not in _NOT_OF_THE_PLANET
    }
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def group_of_fields(content: bytes) -> str:
    """The group of a run by its NetCDF file."""
    return group_of(configuration_of(read_netcdf(content)))


def group_of_description(content: bytes) -> str:
    """The group of a run by its JSON file: that of its NetCDF file."""
    return group_of(read_run(content).configuration)
