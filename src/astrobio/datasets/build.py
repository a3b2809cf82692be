"""From records to a pack."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np

from astrobio.core import planet_run as planet_run_module
from astrobio.core.errors import DataMissing, IntegrityError, UsageError
from astrobio.core.hashing import sha256_bytes, sha256_files, sha256_json
from astrobio.core.planet_run import FIELD, STATES, PlanetParameters, PlanetRun, climate_state, dequantise
from astrobio.datasets import splits
from astrobio.datasets.pack import FORMAT, MANIFEST, SAMPLES, ArrayInfo, Manifest, PackFile

SHARD_SAMPLES = 4096
SOURCE = "planet_runs"
_SCALARS = {
    "global_surface_temperature": "K",
    "global_outgoing_longwave": "W m-2",
    "ice_fraction": "1",
}


def build_planet_runs(
    storage: Any, out: str | Path, *, overwrite: bool = False, progress: Any = None, allow_declared: bool = False
) -> Path:
    """Compile all planet runs of a store into a pack.

    Runs that did not complete are counted in the manifest and become no sample.

    Parameters
    ----------
    storage : RealDataStorage
        Where the records are.
    out : path
        The pack's folder; written beside it and renamed, so that it is whole or not there.
    overwrite : bool
        Replace a pack that is there.
    progress : callable, optional
        Wraps the iterable of records, for a bar.
    allow_declared : bool
        Take records of assurance *declared* too.

    Raises
    ------
    DataMissing
        If the store holds no completed run.
    UsageError
        If the folder exists; with ``overwrite``, if it is no pack.
    RefusedInput
        If a split would leak.
    """
    out = Path(out)
    if out.exists() and not overwrite:
        raise UsageError(f"{out} exists", fix="astrobio build planet_runs --overwrite")
    if out.exists() and not _is_pack_or_empty(out):
        raise UsageError(f"{out} is no pack, and only a pack is replaced", fix="astrobio build planet_runs --out PACK")
    held = storage.records(source=SOURCE)
    records = [record for record in held if allow_declared or record.assurance != "declared"]
    records = sorted(records, key=_record_order)
    if not records and held:
        raise DataMissing(f"all {len(held)} planet runs of the store are only declared", fix="--allow-declared")
    if not records:
        raise DataMissing("the store holds no planet runs", fix="python training/enable_automatic_data_download.py")
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "shards").mkdir(parents=True)
    try:
        manifest = _write(storage, records, partial, progress or (lambda items: items))
        if out.exists():
            shutil.rmtree(out)
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    storage.derive(manifest.digest(), [record.digest for record in records], path=str(out.absolute()))
    return out


def _is_pack_or_empty(path: Path) -> bool:
    return path.is_dir() and ((path / MANIFEST).is_file() or not any(path.iterdir()))


def _record_order(record: Any) -> tuple[str, str, str]:
    """Earth first, then tests, then the Sobol sequence; within it by number, warm before cold."""
    design, index, start = record.key.rsplit("-", 2)
    return design, index, {"warm": "0", "cold": "1"}[start]


def _write(storage: Any, records: list[Any], folder: Path, progress: Any) -> Manifest:
    table: dict[str, list[Any]] = {}
    outcomes: Counter[str] = Counter()
    files: list[PackFile] = []
    arrays: dict[str, ArrayInfo] = {}
    moments = {split: _Moments() for split in splits.SPLITS}
    waiting: list[tuple[Any, PlanetRun]] = []

    def flush() -> None:
        nonlocal arrays
        values = _arrays([run for _, run in waiting])
        rows = _rows(waiting, values)
        for name, column in rows.items():
            table.setdefault(name, []).extend(column)
        for split, moment in moments.items():
            moment.add(values, np.array(rows[f"split_{split}"]) == "train")
        files.append(_write_shard(folder, len(files), values))
        arrays = {name: ArrayInfo(dtype=str(value.dtype), shape=list(value.shape[1:]), units=_units(name))
                  for name, value in values.items()}  # fmt: skip
        waiting.clear()

    for record in progress(records):
        content = storage.open(record)
        run = PlanetRun.from_bytes(content)
        if run.key != record.key:
            raise IntegrityError(f"record {record.key} holds the run {run.key}", fix="astrobio verify --deep")
        outcomes[run.outcome] += 1
        if run.outcome == "completed":
            waiting.append((record, run))
        if len(waiting) == SHARD_SAMPLES:
            flush()
    if waiting:
        flush()
    if not files:
        raise DataMissing("none of the store's planet runs completed", fix="astrobio verify")
    return _finish(folder, table, files, arrays, moments, outcomes, [record.digest for record in records])


def _finish(
    folder: Path,
    table: dict[str, list[Any]],
    files: list[PackFile],
    arrays: dict[str, ArrayInfo],
    moments: dict[str, _Moments],
    outcomes: Counter[str],
    digests: list[str],
) -> Manifest:
    parameters = np.array([table[name] for name in PlanetParameters.names()], dtype=np.float64).T
    for split in splits.SPLITS:
        part = table[f"split_{split}"]
        splits.check_leaks(split, part, table["group"], table["digest"], table["key"], parameters)
    _write_table(folder / SAMPLES, table)
    files.append(PackFile(path=SAMPLES, sha256=sha256_files([folder / SAMPLES])[0], samples=len(table["key"])))
    counts: dict[str, dict[str, int]] = {
        "outcome": dict(outcomes),
        "assurance": dict(Counter(table["assurance"])),
        "design": dict(Counter(table["design"])),
        "state": dict(Counter(table["state"])),
    }
    for split in splits.SPLITS:
        counts[f"split_{split}"] = dict(Counter(table[f"split_{split}"]))
    manifest = Manifest(
        format=FORMAT,
        source=SOURCE,
        samples=len(table["key"]),
        arrays=arrays,
        files=files,
        records_sha256=sha256_json(sorted(digests)),
        code_sha256=code_digest(),
        counts={name: dict(sorted(values.items())) for name, values in counts.items()},
        statistics={split: moment.result() for split, moment in moments.items()},
    )
    (folder / MANIFEST).write_bytes(manifest.to_bytes())
    return manifest


def _arrays(runs: list[PlanetRun]) -> dict[str, np.ndarray]:
    values: dict[str, np.ndarray] = {
        "parameters": np.array([astuple(run.parameters) for run in runs], dtype=np.float64),
        "planck_a": np.array([run.parameters.planck_a for run in runs], dtype=np.float32),
        "start": np.array([run.start == "cold" for run in runs], dtype=np.uint8),
        "snowball": np.array([run.diagnostics["snowball"] > 0 for run in runs], dtype=np.uint8),
    }
    for name, spec in FIELD.items():
        values[name] = dequantise(spec, np.stack([run.steps[name] for run in runs])).astype(np.float32)
    for name in _SCALARS:
        values[name] = np.array([run.diagnostics[name] for run in runs], dtype=np.float32)
    states = [
        climate_state(
            run.diagnostics["global_outgoing_longwave"],
            run.diagnostics["snowball"] > 0,
            run.diagnostics["ice_fraction"],
        )
        for run in runs
    ]
    values["state"] = np.array([STATES.index(state) for state in states], dtype=np.uint8)
    return values


def _rows(samples: list[tuple[Any, PlanetRun]], values: dict[str, np.ndarray]) -> dict[str, list[Any]]:
    designs, groups = [run.design for _, run in samples], [run.parameters.group() for _, run in samples]
    rows: dict[str, list[Any]] = {
        "key": [run.key for _, run in samples],
        "design": designs,
        "index": [run.index for _, run in samples],
        "start": [run.start for _, run in samples],
        "digest": [record.digest for record, _ in samples],
        "group": groups,
        "assurance": [record.assurance for record, _ in samples],
        "state": [STATES[state] for state in values["state"]],
    }
    rows |= {name: values["parameters"][:, place].tolist() for place, name in enumerate(PlanetParameters.names())}
    parts = splits.assign(designs, groups, values["parameters"])
    return rows | {f"split_{split}": part for split, part in parts.items()}


def _units(name: str) -> str:
    if name in FIELD:
        return FIELD[name].units
    if name == "parameters":
        return ", ".join(f"{key}: {unit}" for key, unit in PlanetParameters.units().items())
    return _SCALARS.get(name, "W m-2" if name == "planck_a" else "1")


def _write_shard(folder: Path, number: int, values: dict[str, np.ndarray]) -> PackFile:
    from safetensors.numpy import save_file

    name = f"shards/{number:05d}.safetensors"
    save_file({key: np.ascontiguousarray(value) for key, value in values.items()}, folder / name)
    return PackFile(path=name, sha256=sha256_files([folder / name])[0], samples=len(values["start"]))


def _write_table(path: Path, table: dict[str, list[Any]]) -> None:
    import pyarrow
    import pyarrow.parquet as parquet

    parquet.write_table(pyarrow.table(table), path, compression="zstd")


def code_digest() -> str:
    """SHA-256 over the source of what turns records into samples."""
    folder = Path(__file__).parent
    sources: Iterable[Path] = sorted([*folder.glob("*.py"), Path(planet_run_module.__file__)])
    return sha256_bytes(b"".join(path.name.encode() + b"\0" + path.read_bytes() for path in sources))


class _Moments:
    """Mean and standard deviation of arrays, shard by shard, over chosen samples."""

    def __init__(self) -> None:
        self.sums: dict[str, tuple[float, float, int]] = {}

    def add(self, values: dict[str, np.ndarray], chosen: np.ndarray) -> None:
        for name, value in values.items():
            part = value[chosen].astype(np.float64)
            total, square, count = self.sums.get(name, (0.0, 0.0, 0))
            self.sums[name] = total + float(part.sum()), square + float((part**2).sum()), count + part.size

    def result(self) -> dict[str, dict[str, float]]:
        found = {}
        for name, (total, square, count) in self.sums.items():
            mean = total / count if count else 0.0
            variance = square / count - mean**2 if count else 0.0
            found[name] = {"mean": mean, "std": float(np.sqrt(max(variance, 0.0))), "count": float(count)}
        return found
