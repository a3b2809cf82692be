"""From the store to what a training run reads, said on the screen as it is verified; no data, no training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from astrobio.core.console import progress, say
from astrobio.core.errors import IntegrityError, RefusedInput
from astrobio.core.paths import pack_folder
from astrobio.datasets.pack import MANIFEST, Pack, check_records
from astrobio.datasets.packs.planet_runs import build_planet_runs
from astrobio.store import RealDataNotFound, RealDataStorage
from astrobio.store.storage import DOWNLOAD
from astrobio.training.config import TrainingConfig
from astrobio.training.refusal import TrainingRefused

LEAST_RUNS = 450


def open_pack(storage: RealDataStorage, allow_declared: bool = False) -> Pack:
    """The pack of a store's planet runs; built if it is not there or the store holds other records now.

    Raises
    ------
    IntegrityError, RefusedInput
        If a file or a record has changed.
    """
    folder = pack_folder(storage.root)
    records = storage.records(source="planet_runs")
    used = [record for record in records if allow_declared or record.assurance != "declared"]
    if (folder / MANIFEST).exists():
        pack = Pack.open(folder, data_set="planet_runs")
        if pack.manifest.records_sha256 == _records_digest(used):
            check_records(pack, storage)
            return pack
        say("   The store holds other records than the pack: building it anew.")
    folder.parent.mkdir(exist_ok=True)
    build_planet_runs(
        storage,
        folder,
        overwrite=True,
        allow_declared=allow_declared,
        progress=lambda items: progress(items, "Building the pack", len(items), "runs"),
    )
    return Pack.open(folder, data_set="planet_runs")


def _records_digest(records: list[Any]) -> str:
    from astrobio.core.hashing import sha256_json

    return sha256_json(sorted(record.digest for record in records))


def refuse(reason: str, cause: Exception) -> TrainingRefused:
    """Say why there is no training, and the exception that stops it."""
    say(f"❌ CRITICAL: Real data not found: {reason}")
    say("❌ Training CANNOT proceed without real data.")
    say(f"Run: {getattr(cause, 'fix', None) or DOWNLOAD}")
    return TrainingRefused("Training CANNOT proceed without real data.")


def verified_pack(
    config: TrainingConfig, store: str | Path | None = None, allow_declared: bool = False
) -> tuple[RealDataStorage, Pack]:
    """Open the store, verify it, and compile its pack, in the lines that users know.

    Raises
    ------
    RuntimeError
        If there is no store, too little in it, or something in it has changed.
    """
    say("📊 Loading data...")
    say("⚠️  ZERO TOLERANCE: Only real data accepted, no fallbacks")
    say("Verifying real data availability...")
    try:
        storage = RealDataStorage(store)
        count = storage.require("planet_runs", at_least=LEAST_RUNS)
        counts = storage.assurance_counts("planet_runs")
        declared = counts.get("declared", 0)
        if not allow_declared and count - declared < LEAST_RUNS:
            raise RealDataNotFound(
                f"{declared} of {count} runs are only declared by their user, and {LEAST_RUNS} others are needed",
                fix="training with --allow-declared, or " + DOWNLOAD,
            )
        say(f"✅ Real data verified: {count if allow_declared else count - declared} runs available")
        say("   Assurance: " + ", ".join(f"{number} {name}" for name, number in sorted(counts.items())))
        pack = open_pack(storage, allow_declared)
    except (RealDataNotFound, IntegrityError, RefusedInput) as error:
        raise refuse(error.message, error) from error
    say("✅ Production data loader available")
    return storage, pack


def announce_loaders(pack: Pack, config: TrainingConfig) -> dict[str, int]:
    """Say how many batches each part holds; an empty part stops training.

    Raises
    ------
    RuntimeError
        If a part of the split is empty.
    """
    batches = {}
    for part in ("train", "validation", "test"):
        limit = config.planets if part == "train" else None
        samples = len(pack.indices(config.split, part, limit_planets=limit))
        if samples == 0:
            name = {"train": "train", "validation": "val", "test": "test"}[part]
            say(f"❌ CRITICAL: {name} data loader is empty.")
            say("❌ Training CANNOT proceed without data.")
            raise TrainingRefused("Training CANNOT proceed without data.")
        batches[part] = -(-samples // config.batch_size)
    say("✅ Real data loaders created successfully")
    say(f"   Train batches: {batches['train']}")
    say(f"   Val batches: {batches['validation']}")
    say(f"   Test batches: {batches['test']}")
    say("✅ Data validation passed: All loaders contain real data")
    return batches
