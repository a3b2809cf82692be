"""VPLanet POISE, the seasonal energy-balance model (Barnes et al. 2020; Deitrick et al. 2018).

:func:`input_files` writes what the program reads, :func:`execute` runs it in a child process with a time
limit, and :func:`reduce` turns its output into a :class:`~astrobio.core.planet_run.PlanetRun`. The program
leaks state between runs in one process and exits with code 0 on bad input; hence a fresh child for each
run, and no trust in flags before every number is known to be finite.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from astrobio.core.errors import MissingDependency
from astrobio.core.orbit import daily_insolation, equal_area_latitudes
from astrobio.core.planet_run import (
    FIELD,
    LATITUDES,
    PLANCK_B,
    SEASONS,
    Outcome,
    PlanetParameters,
    PlanetRun,
    Start,
    ice_fraction,
    quantise,
)

LATITUDE_CELLS = 64
STEPS_IN_YEAR = 48
DAYS = 365
TIME_LIMIT = 60.0
"""Seconds that one run may take; the model's spin-up has no limit of its own. A usual run takes 0.2 s."""

_SOLAR_LUMINOSITY = 3.846e26
"""W, the unit of a negative ``dLuminosity`` in VPLanet."""
_ASTRONOMICAL_UNIT = 1.495978707e11
_OUTPUT_DIGITS = 10

_FORWARD = ("Time", "TGlobal", "AlbedoGlobal", "FluxInGlobal", "FluxOutGlobal", "Snowball", "IceFree", "AreaIceCov")
_GRID = ("Time", "Latitude", "TempLat", "AlbedoLat", "AnnInsol", "TempMaxLand", "TempMaxWater")
_SEASONAL = ("SeasonalTemp", "SeasonalFIn", "SeasonalFOut", "SeasonalDivF", "DailyInsol")


@dataclass(frozen=True)
class Execution:
    """What one call of the program left: its outcome, text output by file name, and wall time in s."""

    outcome: Outcome
    output: dict[str, str]
    wall_time: float
    detail: str


def program() -> dict[str, str]:
    """Name, version, digest of the binary and host of the VPLanet that is installed.

    Raises
    ------
    MissingDependency
        If VPLanet is not installed.
    """
    path = binary_path()
    return {
        "name": "vplanet",
        "version": version("vplanet"),
        "binary_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "platform": f"{platform.system()}-{platform.machine()}",
        "compiler": platform.python_compiler(),
    }


def binary_path() -> Path:
    """The shared library that holds the model."""
    spec = importlib.util.find_spec("vplanet.vplanet_core") if importlib.util.find_spec("vplanet") else None
    if spec is None or spec.origin is None:
        raise MissingDependency("VPLanet is not installed", fix="pip install 'astrobio[simulate]'")
    return Path(spec.origin)


def input_files(parameters: PlanetParameters, start: Start) -> dict[str, str]:
    """The three input files of a run, by name.

    >>> sorted(input_files(PlanetParameters.earth(), "warm"))
    ['planet.in', 'star.in', 'vpl.in']
    """
    luminosity = parameters.stellar_flux * 4 * np.pi * _ASTRONOMICAL_UNIT**2 / _SOLAR_LUMINOSITY
    system = f"""\
sSystemName system
iVerbose 0
bOverwrite 1
saBodyFiles star.in planet.in
sUnitMass solar
sUnitLength au
sUnitTime y
sUnitAngle d
sUnitTemp C
bDoLog 0
iDigits {_OUTPUT_DIGITS}
bDoForward 1
bVarDt 0
dTimeStep 1
dStopTime 1
dOutputTime 1
"""
    star = f"""\
sName star
saModules stellar
dMass 1
dSemi 0
dEcc 0
dRadius 0.00465
dLuminosity -{luminosity:.12g}
sStellarModel none
"""
    forward = " ".join(_with_units(name) for name in _FORWARD)
    grid = " ".join(_with_units(name) for name in _GRID)
    planet = f"""\
sName planet
saModules poise
dMass -1.0
dRadius -1.0
dRotPeriod -1.0
dSemi 1.0
dObliquity {parameters.obliquity!r}
dEcc {parameters.eccentricity!r}
dLongP {parameters.longitude_of_pericentre!r}
dPrecA 0
iLatCellNum {LATITUDE_CELLS}
sClimateModel sea
sGeography uni3
dLandFrac {parameters.land_fraction!r}
dTGlobalInit 14.85
bColdStart {int(start == "cold")}
iNumYears 1
iNStepInYear {STEPS_IN_YEAR}
dSpinUpTol 1e-4
bIceSheets 0
bSeaIceModel 0
bSkipSeasEnabled 0
bCalcAB 0
dPlanckA {parameters.planck_a!r}
dPlanckB {PLANCK_B}
dDiffusion {parameters.heat_diffusion!r}
dNuLandWater 0.8
dAlbedoLand 0.363
dAlbedoWater 0.263
dIceAlbedo {parameters.ice_albedo!r}
dHeatCapLand 1.55e7
dHeatCapWater 4.428e6
dMixingDepth {parameters.mixed_layer_depth!r}
dFrzTSeaIce -2
dSeasOutputTime 0
saOutputOrder {forward}
saGridOutput {grid}
"""
    return {"vpl.in": system, "star.in": star, "planet.in": planet}


def _with_units(name: str) -> str:
    """VPLanet writes a quantity in its customary unit (degrees Celsius, W m-2) after a minus sign."""
    plain = {"Time", "AlbedoGlobal", "Snowball", "IceFree", "AreaIceCov", "AlbedoLat"}
    return name if name in plain else f"-{name}"


def execute(inputs: dict[str, str], time_limit: float = TIME_LIMIT) -> Execution:
    """Run the program on ``inputs`` in a folder and a process of its own."""
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="vplanet-") as folder:
        for name, text in inputs.items():
            Path(folder, name).write_text(text, encoding="ascii")
        code = _run_child(folder, time_limit)
        wall = time.perf_counter() - begun
        if code is None:
            return Execution("timeout", {}, wall, f"stopped after {time_limit:g} s")
        files = [Path(folder, "system.planet.forward"), Path(folder, "system.planet.Climate")]
        files += [Path(folder, "SeasonalClimateFiles", f"system.planet.{name}.0") for name in _SEASONAL]
        absent = [path.name for path in files if not path.exists()]
        if code != 0 or absent:
            return Execution("crashed", {}, wall, f"exit code {code}; not written: {', '.join(absent) or 'none'}")
        return Execution("completed", {path.name: path.read_text(encoding="ascii") for path in files}, wall, "")


def _run_child(folder: str, time_limit: float) -> int | None:
    """Exit code of one run, or None if it was stopped at the limit. Forks where the system can: 3 times faster."""
    binary_path()
    if not hasattr(os, "fork"):
        command = [sys.executable, "-c", "import vplanet.vplanet_core as c; c.run('vplanet', 'vpl.in')"]
        try:
            return subprocess.run(command, cwd=folder, timeout=time_limit, capture_output=True, check=False).returncode
        except subprocess.TimeoutExpired:
            return None
    from vplanet import vplanet_core

    child = os.fork()
    if child == 0:
        _become_program(vplanet_core, folder)
    deadline = time.monotonic() + time_limit
    pause = 0.002
    try:
        while True:
            finished, status = os.waitpid(child, os.WNOHANG)
            if finished:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > deadline:
                return None
            time.sleep(pause)
    finally:
        _reap(child)


def _become_program(core, folder: str) -> None:
    """In the child: run the model and leave without Python's exit handlers."""
    os.chdir(folder)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    code = 1
    try:
        core.run("vplanet", "vpl.in")
        code = 0
    finally:
        os._exit(code)


def _reap(child: int) -> None:
    """Leave no child behind, whether it ended, ran too long, or the parent was interrupted."""
    try:
        if os.waitpid(child, os.WNOHANG) == (0, 0):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    except ChildProcessError:
        return


def reduce(
    execution: Execution, parameters: PlanetParameters, start: Start, design: str, index: int, inputs: dict[str, str]
) -> tuple[PlanetRun, dict[str, object]]:
    """The run as it is kept, and the provenance that only this making of it has.

    Diagnostics come from the raw output at full precision: they are what the physics gate judges.
    """
    making: dict[str, object] = {"wall_time_s": round(execution.wall_time, 4), "detail": execution.detail}
    making["raw_output_sha256"] = raw_digest(execution.output)
    outcome, steps, diagnostics = execution.outcome, {}, {}
    if outcome == "completed":
        raw = _parse(execution.output)
        if raw is None:
            outcome, making["detail"] = "not_finite", "the program's output holds numbers that are not finite"
        else:
            making["reported_ice_fraction"] = float(raw["forward"][_FORWARD.index("AreaIceCov")])
            diagnostics = _diagnostics(raw, parameters)
            try:
                steps = {name: quantise(FIELD[name], values) for name, values in _fields(raw).items()}
            except ValueError as error:
                outcome, making["detail"] = "out_of_range", str(error)
    run = PlanetRun(
        parameters=parameters,
        start=start,
        design=design,
        index=index,
        simulator=f"vplanet {version('vplanet')} poise",
        inputs=inputs,
        outcome=outcome,
        diagnostics=diagnostics,
        steps=steps,
    )
    return run, making


def raw_digest(output: dict[str, str]) -> str:
    """SHA-256 over the program's output, without the one column that reads uninitialised memory.

    ``AreaIceCov`` differs between repeats of one run when ice sheets are off; every other byte must agree.
    """
    digest = hashlib.sha256()
    column = _FORWARD.index("AreaIceCov")
    for name in sorted(output):
        text = output[name]
        if name.endswith(".forward"):
            rows = [line.split() for line in text.splitlines()]
            text = "\n".join(" ".join(row[:column] + row[column + 1 :]) for row in rows)
        digest.update(f"{name}\0{len(text)}\0".encode())
        digest.update(text.encode())
    return digest.hexdigest()


def _parse(output: dict[str, str]) -> dict[str, NDArray[np.float64]] | None:
    """Arrays by short name, or None where any number is not finite or a table is incomplete."""
    raw: dict[str, NDArray[np.float64]] = {
        "forward": np.array(output["system.planet.forward"].splitlines()[-1].split(), dtype=np.float64)
    }
    grid = np.array(output["system.planet.Climate"].split(), dtype=np.float64).reshape(-1, len(_GRID))[-LATITUDE_CELLS:]
    raw.update({name: grid[:, column] for column, name in enumerate(_GRID)})
    for name in _SEASONAL:
        raw[name] = np.array(output[f"system.planet.{name}.0"].split(), dtype=np.float64).reshape(-1, LATITUDE_CELLS)
    checked = (values for name, values in raw.items() if name != "forward")
    judged = np.delete(raw["forward"], _FORWARD.index("AreaIceCov"))
    finite = all(bool(np.all(np.isfinite(values))) for values in checked) and bool(np.all(np.isfinite(judged)))
    whole = all(len(raw[name]) == STEPS_IN_YEAR for name in _SEASONAL[:4]) and len(raw["DailyInsol"]) == DAYS
    return raw if finite and whole else None


def _season_means(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """(48 steps, 64 bands) to (12 seasons, 32 bands); bands have equal area, so plain means conserve energy."""
    size = (SEASONS, STEPS_IN_YEAR // SEASONS, LATITUDES, LATITUDE_CELLS // LATITUDES)
    return steps.reshape(size).mean(axis=(1, 3))


def _fields(raw: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    return {
        "surface_temperature": _season_means(raw["SeasonalTemp"]) + 273.15,
        "absorbed_shortwave": _season_means(raw["SeasonalFIn"]),
        "outgoing_longwave": _season_means(raw["SeasonalFOut"]),
        "transport_divergence": _season_means(raw["SeasonalDivF"]),
        "albedo": raw["AlbedoLat"],
        "land_temperature_max": raw["TempMaxLand"] + 273.15,
        "water_temperature_max": raw["TempMaxWater"] + 273.15,
    }


def _diagnostics(raw: dict[str, NDArray[np.float64]], parameters: PlanetParameters) -> dict[str, float]:
    forward = dict(zip(_FORWARD, raw["forward"], strict=True))
    insolation = daily_insolation(
        parameters.stellar_flux,
        parameters.obliquity,
        parameters.eccentricity,
        parameters.longitude_of_pericentre,
        equal_area_latitudes(LATITUDE_CELLS),
        DAYS,
    )
    expected = parameters.stellar_flux / 4 / np.sqrt(1 - parameters.eccentricity**2)
    longwave = parameters.planck_a + PLANCK_B * raw["SeasonalTemp"]
    temperature_max_land, temperature_max_water = raw["TempMaxLand"] + 273.15, raw["TempMaxWater"] + 273.15
    found = {
        "global_surface_temperature": forward["TGlobal"] + 273.15,
        "global_albedo": forward["AlbedoGlobal"],
        "global_absorbed_shortwave": float(raw["SeasonalFIn"].mean()),
        "global_outgoing_longwave": float(raw["SeasonalFOut"].mean()),
        "energy_imbalance": float(raw["SeasonalFIn"].mean() - raw["SeasonalFOut"].mean()),
        "insolation_integral_error": float(raw["DailyInsol"].mean() / expected - 1.0),
        "insolation_largest_difference": float(np.abs(raw["DailyInsol"] - insolation).max()),
        "transport_integral": float(raw["SeasonalDivF"].mean()),
        "longwave_largest_difference": float(np.abs(raw["SeasonalFOut"] - longwave).max()),
        "surface_temperature_min": float(raw["SeasonalTemp"].min() + 273.15),
        "surface_temperature_max": float(raw["SeasonalTemp"].max() + 273.15),
        "snowball": forward["Snowball"],
        "ice_free_flag": forward["IceFree"],
        "ice_fraction": ice_fraction(parameters.land_fraction, temperature_max_land, temperature_max_water),
    }
    return {name: round(float(value), 6) + 0.0 for name, value in found.items()}


def run(
    parameters: PlanetParameters,
    start: Start,
    design: str = "single",
    index: int = 0,
    time_limit: float = TIME_LIMIT,
) -> tuple[PlanetRun, dict[str, object]]:
    """Simulate one planet; returns the run and the provenance of this making.

    Raises
    ------
    MissingDependency
        If VPLanet is not installed.
    """
    inputs = input_files(parameters, start)
    execution = execute(inputs, time_limit)
    return reduce(execution, parameters, start, design, index, inputs)
