"""The documented download: five announced steps, one engine.

The three systems that it announces are the three faces of the engine: the registry of sources, the pipeline of
admission, and the fetcher that brings bytes. What ships with the package is a source among the others.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass, field
from typing import Any

from astrobio.archives.genuine import verified_on_genuine_bytes
from astrobio.archives.registry import SOURCES, source
from astrobio.core.console import progress, say
from astrobio.core.errors import EXIT_CHECK_FAILED, EXIT_DONE, DataMissing, RefusedInput
from astrobio.core.paths import pack_folder
from astrobio.datasets import packs
from astrobio.datasets.shipped import admit_bundle, shipped_count
from astrobio.fetch.engine import Fetcher
from astrobio.fetch.mirror import Mirror
from astrobio.fetch.report import SourceReport
from astrobio.store import RealDataStorage
from astrobio.store.storage import AdmissionReport, StoreReport
from astrobio.training.data_loading import LEAST_RUNS, open_pack

RUNS = "planet_runs"
DOCUMENTED: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "nasa_exoplanet_archive": ("NASA Exoplanet Archive", "exoplanets", ("planets",)),
    "kegg": ("KEGG Pathways", "metabolic pathways", ("pathways",)),
    "mast": ("JWST/MAST", "spectra", ("extracted spectra", "spectra in time series")),
}
"""Sources whose lines the documentation words: their name there, what is counted, and by which counts of ours."""
SHOWN = 5
"""Refused files of a source that are named."""


@dataclass
class Collected:
    """What a download did, so far.

    Attributes
    ----------
    storage : RealDataStorage
    runs : AdmissionReport
        Of the planet runs that ship.
    reports : list of SourceReport
        One for each source that was asked.
    checked : StoreReport
        What verifying the store found.
    packs : dict of str to str
        Digest of each pack that is built.
    unbuilt : dict of str to str
        Why another one could not be.
    """

    storage: RealDataStorage
    runs: AdmissionReport = field(default_factory=AdmissionReport)
    reports: list[SourceReport] = field(default_factory=list)
    checked: StoreReport = field(default_factory=StoreReport)
    packs: dict[str, str] = field(default_factory=dict)
    unbuilt: dict[str, str] = field(default_factory=dict)

    @property
    def skipped(self) -> list[str]:
        """Sources of which nothing was asked for."""
        return [one.source for one in self.reports if one.skipped]

    @property
    def failed(self) -> list[str]:
        """Sources that are not complete."""
        return [one.source for one in self.reports if one.failures]

    @property
    def refused(self) -> int:
        """Objects that a gate refused."""
        return len(self.runs.rejected) + sum(len(one.refused) for one in self.reports)

    @property
    def sound(self) -> bool:
        """Whether nothing failed, nothing was refused, no data set leaks, and the store is as it was admitted."""
        return self.checked.sound and not (self.failed or self.refused or self.unbuilt)

    @property
    def ready(self) -> bool:
        """Whether the store holds enough for a model."""
        return self.checked.sound and len(self.storage.records(source=RUNS)) >= LEAST_RUNS

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "store": str(self.storage.root), "admitted": self.runs.admitted, "already": self.runs.already,
            "refused": self.refused, "skipped": self.skipped, "failed": self.failed, "sound": self.sound,
            "ready": self.ready, "pack": self.packs.get(RUNS), "packs": self.packs, "unbuilt": self.unbuilt,
            "sources": [one.to_dict() for one in self.reports],
        }  # fmt: skip


def collect(
    store: str | None = None, names: Sequence[str] = (), mirror: str | None = None, accept_terms: Sequence[str] = ()
) -> Collected:
    """Bring the data of all sources into the store, verify it, and build the training data.

    Parameters
    ----------
    store : str, optional
        Folder of the store.
    names : sequence of str
        Only of these sources, ``planet_runs`` for what ships; all unless given.
    mirror : str, optional
        Folder or address of saved files to take instead of the archives'.
    accept_terms : sequence of str
        Sources whose terms the user accepts.

    Raises
    ------
    RefusedInput, UsageError
        If a source is not known.
    """
    for name in names:
        source(name.partition("/")[0].lower())
    say("🔍 Step 1/5: Initializing data acquisition systems...")
    found = Collected(RealDataStorage(store, create=True))
    fetcher = _initialised(found.storage, Mirror.named(mirror))
    fetcher.accept_terms(accept_terms)
    say("🔍 Step 2/5: Downloading from all sources...")
    _download(found, fetcher, names)
    say("🔍 Step 3/5: Validating...")
    checked = found.checked = found.storage.verify()
    changed = len(checked.changed) + len(checked.altered)
    say(f"   {checked.records} records, {len(checked.missing)} gone, {changed} changed, "
        f"journal of {checked.journal_rows} rows {'broken' if checked.journal_error else 'unbroken'}")  # fmt: skip
    say("🔍 Step 4/5: Building the training data...")
    _build(found)
    say("🔍 Step 5/5: Report")
    _report(found)
    return found


def _initialised(storage: RealDataStorage, mirror: Mirror | None) -> Fetcher:
    say("✅ Comprehensive13SourcesIntegration initialized")
    seen = sum(bool(verified_on_genuine_bytes(name)) for name in SOURCES) + 1
    say(f"   registry: {len(SOURCES)} sources, {seen} of them verified on genuine bytes")
    say("✅ AutomatedDataPipeline initialized")
    say(f"   store: {storage.root}")
    say("✅ RealDataSourcesScraper initialized")
    say(f"   bytes come from {mirror.place if mirror else 'the archives'}")
    return Fetcher(storage, mirror, tell=lambda line: say(line, sys.stderr))


def _download(found: Collected, fetcher: Fetcher, names: Sequence[str]) -> None:
    from astrobio.transfer.download import progress_bar

    if not names or RUNS in names:
        found.runs = _shipped(found.storage)
    others = [name for name in names if name != RUNS]
    if names and not others:
        return
    with progress_bar() if sys.stderr.isatty() else nullcontext() as told:
        fetcher.progress = told
        for report in fetcher.fetch(others):
            found.reports.append(report)
            for line in source_lines(report):
                say(line)


def _shipped(storage: RealDataStorage) -> AdmissionReport:
    total = shipped_count()
    report = admit_bundle(storage, bar=lambda runs, count: progress(runs, "Admitting", count, "runs"))
    held, refused = report.admitted + report.already, len(report.rejected)
    say(f"✅ VPLanet planet runs: {held} runs admitted ({report.admitted} new, {refused} refused by a gate) of the "
        f"{total} that ship with the package")  # fmt: skip
    for key, verdict in report.rejected:
        say(f"   refused: {key}: {'; '.join(verdict.reasons)}")
    return report


def source_lines(report: SourceReport) -> list[str]:
    """What became of a source, as the documentation words it.

    >>> source_lines(SourceReport("kegg", "KEGG", counts={"pathways": 570}))
    ['✅ KEGG Pathways: 570 metabolic pathways downloaded']
    >>> source_lines(SourceReport("gaia", "Gaia", skipped="no host was reached", command="astrobio fetch gaia"))
    ['⚠️ Gaia: skipped: no host was reached. Run: astrobio fetch gaia']
    """
    title, what, counted = _worded(report)
    if report.skipped:
        return [f"⚠️ {title}: skipped: {report.skipped}. Run: {report.command}"]
    number = sum(report.counts.get(name, 0) for name in counted)
    others = ", ".join(f"{count} {name}" for name, count in report.counts.items() if name not in counted)
    if report.complete:
        return [f"✅ {title}: {number} {what} downloaded"] + ([f"   beside them {others}"] if others else [])
    lines = [f"❌ {title}: failed: {failure.message}{f'. Run: {failure.command}' if failure.command else ''}"
             for failure in report.failures]  # fmt: skip
    lines += [f"   {failure.by_hand}" for failure in report.failures if failure.by_hand]
    if report.refused:
        lines.append(f"❌ {title}: {len(report.refused)} files refused by a gate. Run: astrobio quarantine")
    lines += [f"   refused: {key}: {'; '.join(reasons)}" for key, reasons in report.refused[:SHOWN]]
    return [*lines, f"   {number} {what} are in the store"]


def _worded(report: SourceReport) -> tuple[str, str, tuple[str, ...]]:
    if report.source in DOCUMENTED:
        return DOCUMENTED[report.source]
    first = next((product.counted for product in source(report.source).products if product.counted in report.counts),
                 "records")  # fmt: skip
    return report.title, first, (first,)


def _build(found: Collected) -> None:
    """Build each pack that records are there for, unless it stands already; of planet runs alone, only theirs."""
    storage = found.storage
    if storage.records(source=RUNS):
        pack = open_pack(storage)
        found.packs[RUNS] = pack.digest
        say(f"   {RUNS}: {len(pack)} samples, pack {pack.digest[:16]}")
        for split in ("random", "boxes"):
            counts = pack.manifest.counts[f"split_{split}"]
            say(f"   split {split}: " + ", ".join(f"{count} {part}" for part, count in counts.items()))
    for name in packs.DATA_SETS if found.reports else ():
        try:
            pack = packs.up_to_date(storage, name, pack_folder(storage.root, name))
        except DataMissing:
            say(f"   {name}: no records of it in the store")
        except RefusedInput as error:
            found.unbuilt[name] = error.message
            say(f"❌ {name}: {error.message}")
        else:
            found.packs[name] = pack.digest
            say(f"   {name}: {len(pack)} samples, pack {pack.digest[:16]}")


def _report(found: Collected) -> None:
    damaged = found.checked.damaged
    if found.sound and not found.skipped:
        say("✅ ALL DATA DOWNLOADED AND VALIDATED")
    else:
        mark = "⚠️" if found.sound else "❌"
        whole = sum(one.complete for one in found.reports)
        refused = "astrobio quarantine" if found.refused else "astrobio sources"
        command = "astrobio verify --deep" if damaged else refused
        say(f"{mark} {whole} sources downloaded, {len(found.skipped)} skipped, {len(found.failed)} failed; "
            f"{found.refused} objects refused, {damaged} damaged. Run: {command}")  # fmt: skip
    if found.ready:
        say("   Ready to train: rebuilt_datacube_cnn")
        say("🚀 Training can now start!")


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of ``training/enable_automatic_data_download.py``; returns the exit code."""
    from astrobio.core.command import run_command

    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0] if __doc__ else None,
        epilog="examples:\n  python training/enable_automatic_data_download.py\n"
        "  python training/enable_automatic_data_download.py planet_runs\n"
        "  python training/enable_automatic_data_download.py --mirror /data/archive",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", nargs="*", help="only these sources; planet_runs are those that ship (default: all)")
    parser.add_argument("--store", help="folder of the store")
    parser.add_argument("--mirror", metavar="PLACE", help="folder or address of saved files (else ASTROBIO_MIRROR)")
    parser.add_argument(
        "--accept-terms", action="append", default=[], metavar="SOURCE", help="accept a source's terms; repeatable"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    options = parser.parse_args(arguments)

    def call() -> int:
        with redirect_stdout(sys.stderr if options.json else sys.stdout):
            found = collect(options.store, options.source, options.mirror, options.accept_terms)
        if options.json:
            print(json.dumps(found.to_dict(), indent=1))
        return EXIT_DONE if found.sound and found.ready else EXIT_CHECK_FAILED

    return run_command(call)
