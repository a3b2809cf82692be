"""The documented download: five announced steps, one engine. In this version its source is the shipped planet runs.

The three systems that it announces are the three faces of the engine: the registry of sources, the pipeline
of admission, and the fetcher that brings bytes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

from astrobio.archives.registry import SOURCES
from astrobio.core.console import progress, say
from astrobio.core.errors import EXIT_CHECK_FAILED, EXIT_DONE
from astrobio.datasets.shipped import admit_bundle, shipped_count
from astrobio.store import RealDataStorage
from astrobio.training.data_loading import LEAST_RUNS, open_pack

ABSENT = ("NASA Exoplanet Archive", "KEGG Pathways", "JWST/MAST")
"""Sources that the documentation names and that this version does not collect from."""


def collect(store: str | None = None) -> dict[str, Any]:
    """Bring all data of this version into the store, verify it, and build the training data.

    Returns
    -------
    dict
        Counts of admitted, present and refused runs, whether all is sound, and the batches that wait.
    """
    say("🔍 Step 1/5: Initializing data acquisition systems...")
    storage = RealDataStorage(store, create=True)
    say("✅ Comprehensive13SourcesIntegration initialized")
    say(f"   registry: {len(SOURCES)} source in this version ({', '.join(SOURCES)})")
    total = shipped_count()
    say("✅ AutomatedDataPipeline initialized")
    say(f"   store: {storage.root}")
    say("✅ RealDataSourcesScraper initialized")
    say(f"   planet runs that ship with the package: {total}")
    say("🔍 Step 2/5: Downloading from all sources...")
    report = admit_bundle(storage, bar=lambda runs, count: progress(runs, "Admitting", count, "runs"))
    held, refused = report.admitted + report.already, len(report.rejected)
    say(f"✅ VPLanet planet runs: {held} runs admitted ({report.admitted} new, {refused} refused by a gate)")
    for key, verdict in report.rejected:
        say(f"   refused: {key}: {'; '.join(verdict.reasons)}")
    for name in ABSENT:
        say(f"   {name}: not part of this version, nothing was downloaded")
    say("🔍 Step 3/5: Validating...")
    checked = storage.verify()
    changed = len(checked.changed) + len(checked.altered)
    say(f"   {checked.records} records, {len(checked.missing)} gone, {changed} changed, "
        f"journal of {checked.journal_rows} rows {'broken' if checked.journal_error else 'unbroken'}")  # fmt: skip
    say("🔍 Step 4/5: Building the training data...")
    pack = open_pack(storage)
    say(f"   pack {pack.digest[:16]} with {len(pack)} samples")
    for split in ("random", "boxes"):
        counts = pack.manifest.counts[f"split_{split}"]
        say(f"   split {split}: " + ", ".join(f"{count} {part}" for part, count in counts.items()))
    say("🔍 Step 5/5: Report")
    sound = checked.sound and not report.rejected
    if sound:
        say("✅ ALL DATA DOWNLOADED AND VALIDATED")
    else:
        say(f"❌ {refused} runs refused, {checked.damaged} damaged. Run: astrobio verify --deep")
    enough = held >= LEAST_RUNS and checked.sound
    if enough:
        say("   Ready to train: rebuilt_datacube_cnn")
        say("🚀 Training can now start!")
    return {"store": str(storage.root), "admitted": report.admitted, "already": report.already,
            "refused": refused, "sound": sound, "ready": enough, "pack": pack.digest}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of ``training/enable_automatic_data_download.py``; returns the exit code."""
    from astrobio.core.command import run_command

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--store", help="folder of the store")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    options = parser.parse_args(arguments)

    def call() -> int:
        with redirect_stdout(sys.stderr if options.json else sys.stdout):
            document = collect(options.store)
        if options.json:
            print(json.dumps(document, indent=1))
        return EXIT_DONE if document["sound"] and document["ready"] else EXIT_CHECK_FAILED

    return run_command(call)
