"""Planet runs of a store as a pack: a sample is a run that completed."""

from __future__ import annotations

from collections import Counter
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np

from astrobio.core.errors import DataMissing, IntegrityError
from astrobio.core.hashing import sha256_json
from astrobio.core.planet_run import AXIS_LENGTH, FIELD, STATES, PlanetParameters, PlanetRun, climate_state, dequantise
from astrobio.datasets import splits
from astrobio.datasets.pack import ArrayInfo, Manifest
from astrobio.datasets.pack_writer import PackWriter, check_target
from astrobio.datasets.packs.writing import code_digest

CODE = ("core/planet_run.py", "datasets/*.py", "datasets/packs/planet_runs.py")
"""The code that turns planet runs into samples."""
SHARD_SAMPLES = 4096
BATCH = 1024
"""Runs that are turned into arrays at a time."""
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
    check_target(out, overwrite, SOURCE)
    held = storage.records(source=SOURCE)
    records = [record for record in held if allow_declared or record.assurance != "declared"]
    records = sorted(records, key=_record_order)
    if not records and held:
        raise DataMissing(f"all {len(held)} planet runs of the store are only declared", fix="--allow-declared")
    if not records:
        raise DataMissing("the store holds no planet runs", fix="python training/enable_automatic_data_download.py")
    with PackWriter(
        out, SOURCE, arrays(), splits=splits.SPLITS, shard_samples=SHARD_SAMPLES, overwrite=overwrite
    ) as writer:
        manifest = _write(storage, records, writer, progress or (lambda items: items))
    storage.derive(manifest.digest(), records, path=str(out.absolute()))
    return out


def _record_order(record: Any) -> tuple[str, str, str]:
    """Earth first, then tests, then the Sobol sequence; within it by number, warm before cold."""
    design, index, start = record.key.rsplit("-", 2)
    return design, index, {"warm": "0", "cold": "1"}[start]


def _write(storage: Any, records: list[Any], writer: PackWriter, progress: Any) -> Manifest:
    table: dict[str, list[Any]] = {}
    outcomes: Counter[str] = Counter()
    waiting: list[tuple[Any, PlanetRun]] = []

    def hand_over() -> None:
        values = _values([run for _, run in waiting])
        rows = _rows(waiting, values)
        for name, column in rows.items():
            table.setdefault(name, []).extend(column)
        writer.add(values, {split: np.array(rows[f"split_{split}"]) == "train" for split in splits.SPLITS})
        waiting.clear()

    for record in progress(records):
        content = storage.open(record)
        run = PlanetRun.from_bytes(content)
        if run.key != record.key:
            raise IntegrityError(f"record {record.key} holds the run {run.key}", fix="astrobio verify --deep")
        outcomes[run.outcome] += 1
        if run.outcome == "completed":
            waiting.append((record, run))
        if len(waiting) == BATCH:
            hand_over()
    if waiting:
        hand_over()
    if not table:
        raise DataMissing("none of the store's planet runs completed", fix="astrobio verify")
    return _finish(writer, table, outcomes, [record.digest for record in records])


def _finish(writer: PackWriter, table: dict[str, list[Any]], outcomes: Counter[str], digests: list[str]) -> Manifest:
    parameters = np.array([table[name] for name in PlanetParameters.names()], dtype=np.float64).T
    for split in splits.SPLITS:
        part = table[f"split_{split}"]
        splits.check_leaks(split, part, table["group"], table["digest"], table["key"], parameters)
    writer.add_table(table)
    counts: dict[str, dict[str, int]] = {
        "outcome": dict(outcomes),
        "assurance": dict(Counter(table["assurance"])),
        "design": dict(Counter(table["design"])),
        "state": dict(Counter(table["state"])),
    }
    for split in splits.SPLITS:
        counts[f"split_{split}"] = dict(Counter(table[f"split_{split}"]))
    return writer.finish(records_sha256=sha256_json(sorted(digests)), code_sha256=code_digest(CODE), counts=counts)


def arrays() -> dict[str, ArrayInfo]:
    """What a sample of a pack of planet runs consists of."""
    axes = {name: [AXIS_LENGTH[axis] for axis in spec.axes] for name, spec in FIELD.items()}
    wide = {"parameters": ("float64", [len(PlanetParameters.names())]), "planck_a": ("float32", [])}
    flags = {name: ("uint8", list[int]()) for name in ("start", "snowball")}
    fields = {name: ("float32", axes[name]) for name in FIELD}
    scalars = {name: ("float32", list[int]()) for name in _SCALARS}
    listed = wide | flags | fields | scalars | {"state": ("uint8", [])}
    return {name: ArrayInfo(dtype=dtype, shape=shape, units=_units(name)) for name, (dtype, shape) in listed.items()}


def _values(runs: list[PlanetRun]) -> dict[str, np.ndarray]:
    values: dict[str, np.ndarray] = {
        "parameters": np.array([astuple(run.parameters) for run in runs], dtype=np.float64),
        "planck_a": np.array([run.parameters.planck_a for run in runs], dtype=np.float64),
        "start": np.array([run.start == "cold" for run in runs]),
        "snowball": np.array([run.diagnostics["snowball"] > 0 for run in runs]),
    }
    for name, spec in FIELD.items():
        values[name] = dequantise(spec, np.stack([run.steps[name] for run in runs]))
    for name in _SCALARS:
        values[name] = np.array([run.diagnostics[name] for run in runs], dtype=np.float64)
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
