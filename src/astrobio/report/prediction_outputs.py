"""What ``astrobio predict`` reads and writes: tables of planets in, NetCDF, plots and rows out."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from astrobio import __version__
from astrobio.core.errors import DataMissing, RefusedInput, UsageError
from astrobio.core.orbit import equal_area_latitudes
from astrobio.core.planet_run import FIELD, LATITUDES, PROFILE_LATITUDES, SEASONS, STATES, PlanetParameters
from astrobio.models.prediction import Prediction

if TYPE_CHECKING:
    from astrobio.training.runs import Predictor

SUMMARY_HEAD = ("planet", "start", "state", "probability", "temperature (K)", "ice fraction", "outgoing flux (W m-2)")
MOST_ROWS = 1_000_000
_SCALARS = (
    ("global_surface_temperature", "K", "global mean surface temperature"),
    ("global_surface_temperature_std", "K", "standard deviation of the global mean surface temperature"),
    ("ice_fraction", "1", "ice-covered fraction of the surface"),
    ("global_outgoing_longwave", "W m-2", "global mean outgoing long-wave radiation"),
)
_IMPOSSIBLE = {
    "stellar_flux": (0.0, math.inf, "above 0"),
    "obliquity": (0.0, 180.0, "0 to 180 degrees"),
    "eccentricity": (0.0, 1.0, "at least 0 and below 1"),
    "longitude_of_pericentre": (-360.0, 360.0, "-360 to 360 degrees"),
    "heat_diffusion": (0.0, math.inf, "above 0"),
    "co2_partial_pressure": (0.0, math.inf, "above 0"),
    "land_fraction": (0.0, 1.0, "above 0 and below 1: each surface exchanges heat with the other"),
    "mixed_layer_depth": (0.0, math.inf, "above 0"),
    "ice_albedo": (0.0, 1.0, "0 to 1"),
}
_CLOSED_AT_ZERO = ("obliquity", "eccentricity", "longitude_of_pericentre", "ice_albedo")


def checked(parameters: PlanetParameters) -> PlanetParameters:
    """The parameters, if a planet can have them.

    Raises
    ------
    UsageError
        Naming the first value that is impossible.

    >>> checked(PlanetParameters.earth()).obliquity
    23.44
    """
    for name, (low, high, words) in _IMPOSSIBLE.items():
        value = getattr(parameters, name)
        fits = (low <= value if name in _CLOSED_AT_ZERO else low < value) and (
            value <= high if name in ("obliquity", "longitude_of_pericentre", "ice_albedo") else value < high
        )
        if not (math.isfinite(value) and fits):
            raise UsageError(f"{name} is {value:g}; it must be {words}")
    return parameters


def read_table(path: Path) -> tuple[list[PlanetParameters], list[str]]:
    """Planets and their starts from a CSV whose columns are the parameters' names and ``start``.

    Lines that begin with ``#`` are comments. ``start`` is ``warm`` where the column is missing.

    Raises
    ------
    DataMissing
        If there is no such file.
    RefusedInput
        If it is empty, or a column or value is missing, unknown, of the wrong type, or impossible for a planet;
        line and column are named.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise DataMissing(f"there is no table {path}") from error
    except (UnicodeDecodeError, IsADirectoryError) as error:
        raise RefusedInput(f"{path} is not a text file: {error}") from error
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip() and line[0] != "#"]
    if len(lines) < 2:
        raise RefusedInput(f"{path} holds no planets: a header line and a line for each planet are expected")
    if len(lines) > MOST_ROWS:
        raise RefusedInput(f"{path} holds {len(lines) - 1} planets; at most {MOST_ROWS} are read at once")
    head = [name.strip() for name in _cells(path, *lines[0])]
    names = PlanetParameters.names()
    wrong = {
        "missing": [name for name in names if name not in head],
        "unknown": [name or "(no name)" for name in head if name not in (*names, "start", "name")],
        "there twice": sorted({name for name in head if name and head.count(name) > 1}),
    }
    if any(wrong.values()):
        said = "; ".join(f"{words}: {', '.join(found)}" for words, found in wrong.items() if found)
        raise RefusedInput(
            f"{path}, line {lines[0][0]}: columns {said}; expected are {', '.join(names)}, start (optional), "
            "name (optional)"
        )
    planets, starts = [], []
    for number, line in lines[1:]:
        cells = _cells(path, number, line)
        if len(cells) != len(head):
            raise RefusedInput(f"{path}, line {number}: {len(cells)} values for {len(head)} columns")
        row = dict(zip(head, (cell.strip() for cell in cells), strict=True))
        values = [_number(row[name], f"{path}, line {number}, column {name}") for name in names]
        try:
            planets.append(checked(PlanetParameters(*values)))
        except UsageError as error:
            raise RefusedInput(f"{path}, line {number}: {error.message}") from error
        start = row.get("start", "warm")
        if start not in ("warm", "cold"):
            raise RefusedInput(f"{path}, line {number}, column start: {start!r} is not warm or cold")
        starts.append(start)
    return planets, starts


def _cells(path: Path, number: int, line: str) -> list[str]:
    try:
        return next(csv.reader([line]))
    except csv.Error as error:
        raise RefusedInput(f"{path}, line {number}: {error}") from error


def _number(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise RefusedInput(f"{where}: {text!r} is not a number") from error


def range_warnings(planets: Sequence[PlanetParameters]) -> list[str]:
    """What lies outside the range of the training data, one line for each parameter.

    >>> range_warnings([PlanetParameters.earth()])
    []
    """
    found = []
    for name, (low, high) in PlanetParameters.limits().items():
        values = [getattr(planet, name) for planet in planets]
        if name == "longitude_of_pericentre":
            continue
        outside = [value for value in values if not low * (1 - 1e-6) <= value <= high * (1 + 1e-6)]
        if outside:
            found.append(
                f"{name}: {len(outside)} of {len(values)} planets lie outside the training data ({low:g} to {high:g} "
                f"{PlanetParameters.units()[name]}), the first at {outside[0]:g}; their climate is extrapolated"
            )
    return found


def predict(predictor: Predictor, planets: Sequence[PlanetParameters], starts: Sequence[str]) -> Prediction:
    """Climates of planets from their starts."""
    from dataclasses import astuple

    parameters = np.array([astuple(planet) for planet in planets], dtype=np.float64)
    return predictor.predict(parameters, np.array([start == "cold" for start in starts], dtype=np.uint8))


def rows(planets: Sequence[PlanetParameters], starts: Sequence[str], prediction: Prediction) -> list[dict[str, Any]]:
    """One plain row a planet, ready for JSON."""
    from dataclasses import asdict

    return [
        {
            "parameters": asdict(planet),
            "start": starts[place],
            "state": STATES[int(prediction.state[place])],
            "state_probability": {
                name: round(float(prediction.state_probability[place, i]), 6) for i, name in enumerate(STATES)
            },
        }
        | {name: round(float(getattr(prediction, name)[place]), 4) for name, _, _ in _SCALARS}
        for place, planet in enumerate(planets)
    ]


def summary(listed: list[dict[str, Any]], most: int = 20) -> list[tuple[str, ...]]:
    """The rows as cells of a table for people."""
    cells = [
        (str(place + 1), row["start"], row["state"].replace("_", " "), f"{row['state_probability'][row['state']]:.3f}",
         f"{row['global_surface_temperature']:.1f} ± {row['global_surface_temperature_std']:.1f}",
         f"{row['ice_fraction']:.3f}", f"{row['global_outgoing_longwave']:.1f}")
        for place, row in enumerate(listed[:most])
    ]  # fmt: skip
    return cells + ([("...", *[""] * 6)] if len(listed) > most else [])


def write_netcdf(
    path: Path, planets: Sequence[PlanetParameters], starts: Sequence[str], prediction: Prediction, predictor: Predictor
) -> None:
    """Fields, their standard deviations and the scalars of all planets as one NetCDF-4 file (CF attributes)."""
    import xarray

    data: dict[str, Any] = {}
    for name, values in prediction.fields.items():
        axes = ("planet", *FIELD[name].axes)
        attributes = {"units": FIELD[name].units, "long_name": FIELD[name].long_name}
        data[name] = (axes, values, attributes)
        if name in prediction.std:
            words = f"standard deviation of {FIELD[name].long_name}"
            data[f"{name}_std"] = (axes, prediction.std[name], attributes | {"long_name": words})
    for name, units, words in _SCALARS:
        data[name] = ("planet", getattr(prediction, name), {"units": units, "long_name": words})
    data["state"] = ("planet", [STATES[int(state)] for state in prediction.state], {"long_name": "climate state"})
    data["state_probability"] = (("planet", "state_name"), prediction.state_probability, {"units": "1"})
    for name, units in PlanetParameters.units().items():
        data[name] = ("planet", [getattr(planet, name) for planet in planets], {"units": units})
    data["start"] = ("planet", list(starts), {"long_name": "start of the simulation that is emulated"})
    seasons = (np.arange(SEASONS) + 0.5) / SEASONS
    where = {"units": "degrees_north", "standard_name": "latitude"}
    coordinates = {
        "season": (
            "season",
            seasons,
            {"units": "1", "long_name": "fraction of the year since northern winter solstice"},
        ),
        "latitude": ("latitude", _band_centres(LATITUDES), where),
        "profile_latitude": ("profile_latitude", equal_area_latitudes(PROFILE_LATITUDES), where),
        "state_name": ("state_name", list(STATES)),
    }
    attributes = {"Conventions": "CF-1.11", "source": f"astrobio {__version__}, emulator of VPLanet POISE",
                  "checkpoint_sha256": predictor.checkpoint_digest, "pack_digest": predictor.lineage["pack_digest"],
                  "comment": "Predictions of a model, not observations and not simulations"}  # fmt: skip
    try:
        xarray.Dataset(data, coordinates, attributes).to_netcdf(path, engine="netcdf4")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error}") from error


def _band_centres(count: int) -> np.ndarray:
    return equal_area_latitudes(count)


def write_plot(path: Path, planet: PlanetParameters, start: str, prediction: Prediction) -> None:
    """Surface temperature over season and latitude, its yearly mean with spread, and the numbers, as PNG."""
    from astrobio.report.figures import STATE_LABELS, draw_map, new_figure, to_png

    figure, axes = new_figure(11, 3.6, 1, 3, width_ratios=[2.2, 1.6, 1.3])
    celsius = prediction.fields["surface_temperature"][0] - 273.15
    mesh = draw_map(axes[0, 0], celsius, "cividis", float(celsius.min()), float(celsius.max()), "Surface temperature")
    axes[0, 0].set_ylabel("latitude (degrees)")
    figure.colorbar(mesh, ax=axes[0, 0], label="°C")
    latitude, mean = equal_area_latitudes(LATITUDES), celsius.mean(axis=0)
    spread = prediction.std["surface_temperature"][0].mean(axis=0)
    axes[0, 1].plot(mean, latitude, color="#0072b2")
    axes[0, 1].fill_betweenx(latitude, mean - 2 * spread, mean + 2 * spread, color="#0072b2", alpha=0.25, linewidth=0)
    axes[0, 1].axvline(-2, color="#56b4e9", linewidth=0.8, linestyle="--")
    axes[0, 1].set(xlabel="yearly mean (°C), band: 2 standard deviations", title="By latitude", ylim=(-90, 90))
    state = int(prediction.state[0])
    lines = [
        f"{STATE_LABELS[STATES[state]]} ({prediction.state_probability[0, state]:.0%})",
        f"global mean {prediction.global_surface_temperature[0]:.1f} "
        f"± {prediction.global_surface_temperature_std[0]:.1f} K",
        f"ice-covered {prediction.ice_fraction[0]:.1%}",
        f"outgoing {prediction.global_outgoing_longwave[0]:.1f} W m$^{{-2}}$",
        "",
        f"from a {start} start",
    ]
    units = PlanetParameters.units()
    lines += [
        f"{name.replace('_', ' ')}: {getattr(planet, name):g} {units[name] if units[name] != '1' else ''}"
        for name in units
    ]
    axes[0, 2].axis("off")
    axes[0, 2].text(0, 1, "\n".join(lines), va="top", transform=axes[0, 2].transAxes, fontsize=9, linespacing=1.5)
    try:
        path.write_bytes(to_png(figure))
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
