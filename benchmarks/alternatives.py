"""What a user would take instead of this package, written as plainly as such scripts usually are.

* simulation: the ``vplanet`` command line, one process for each run;
* storage: one NetCDF file for each run, and one NetCDF file for all, by xarray and without any check;
* reading: batches from either, in the same order of samples;
* hashing: ``hashlib``, in a loop and on threads.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from astrobio.core.planet_run import FIELD, PlanetRun
from astrobio.simulate import vplanet
from astrobio.simulate.ensemble import Task

OUTPUT = (
    "system.planet.forward",
    "system.planet.Climate",
    "SeasonalClimateFiles/system.planet.SeasonalTemp.0",
    "SeasonalClimateFiles/system.planet.SeasonalFIn.0",
    "SeasonalClimateFiles/system.planet.SeasonalFOut.0",
    "SeasonalClimateFiles/system.planet.SeasonalDivF.0",
    "SeasonalClimateFiles/system.planet.DailyInsol.0",
)
SCALARS = ("global_surface_temperature", "global_outgoing_longwave", "ice_fraction")


def simulate_by_command_line(tasks: Sequence[Task], workers: int) -> dict[str, str]:
    """Run each task by the ``vplanet`` command, ``workers`` at a time; digest of each run's text output by key."""
    program = Path(sys.executable).with_name("vplanet")

    def one(task: Task) -> tuple[str, str]:
        with tempfile.TemporaryDirectory(prefix="vplanet-") as folder:
            for name, text in vplanet.input_files(task.parameters, task.start).items():
                Path(folder, name).write_text(text, encoding="ascii")
            subprocess.run([program, "vpl.in"], cwd=folder, check=True, capture_output=True)
            output = {Path(name).name: Path(folder, name).read_text(encoding="ascii") for name in OUTPUT}
        return f"{task.design}-{task.index:06d}-{task.start}", vplanet.raw_digest(output)

    with ThreadPoolExecutor(workers) as pool:
        return dict(pool.map(one, tasks))


def write_netcdf_each(contents: Iterable[bytes], folder: Path) -> list[Path]:
    """One NetCDF file for each run, with units and parameters, without any check."""
    import xarray

    folder.mkdir(parents=True)
    paths = []
    for content in contents:
        run = PlanetRun.from_bytes(content)
        data: dict[str, Any] = {
            name: (spec.axes, run.values(name).astype(np.float32), {"units": spec.units})
            for name, spec in FIELD.items()
        }
        data |= {name: ((), run.diagnostics[name]) for name in SCALARS}
        paths.append(folder / f"{run.key}.nc")
        xarray.Dataset(data, attrs=asdict(run.parameters) | {"start": run.start}).to_netcdf(paths[-1], engine="netcdf4")
    return paths


def write_netcdf_whole(paths: Iterable[Path], target: Path) -> Path:
    """All runs, read from the files of their bytes, as one NetCDF file."""
    import xarray

    runs = [PlanetRun.from_bytes(path.read_bytes()) for path in paths]
    data: dict[str, Any] = {
        name: (("run", *spec.axes), np.stack([run.values(name) for run in runs], dtype=np.float32, casting="same_kind"))
        for name, spec in FIELD.items()
    }
    data |= {name: ("run", [run.diagnostics[name] for run in runs]) for name in SCALARS}
    for name in asdict(runs[0].parameters):
        data[name] = ("run", [getattr(run.parameters, name) for run in runs])
    data["start"] = ("run", [run.start for run in runs])
    xarray.Dataset(data).to_netcdf(target, engine="netcdf4")
    return target


def read_netcdf_each(paths: Sequence[Path], batches: Iterable[np.ndarray], names: Sequence[str]) -> int:
    """Batches of samples from one file a run; returns how many samples were read."""
    import xarray

    count = 0
    for rows in batches:
        samples: dict[str, list[np.ndarray]] = {name: [] for name in names}
        for row in rows:
            with xarray.open_dataset(paths[row], engine="netcdf4") as dataset:
                for name in names:
                    samples[name].append(dataset[name].values)
        count += len(np.stack(samples[names[0]]))
    return count


def read_netcdf_whole(path: Path, batches: Iterable[np.ndarray], names: Sequence[str]) -> int:
    """Batches of samples from one file of all runs; rows are asked for in rising order, as HDF5 wants them."""
    import netCDF4

    count = 0
    with netCDF4.Dataset(path) as dataset:
        for rows in batches:
            order = np.argsort(rows)
            back = np.argsort(order)
            batch = {name: np.asarray(dataset[name][rows[order]])[back] for name in names}
            count += len(batch[names[0]])
    return count


def hash_in_loop(paths: Iterable[Path]) -> list[str]:
    """SHA-256 of files by hashlib, one after the other."""
    return [_hash_one(path) for path in paths]


def hash_on_threads(paths: Iterable[Path], workers: int) -> list[str]:
    """SHA-256 of files by hashlib on a pool of threads."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(_hash_one, paths))


def _hash_one(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
