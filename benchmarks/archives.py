"""What it costs to take in the archives: from genuine files to a verified store, and from the store to packs.

Each stage is measured on the same files, beside what a user would take, who checks nothing:

=========  ====================================================  ==================================================
stage      what is measured                                      beside it
=========  ====================================================  ==================================================
fetch      a mirror into an empty store: hashed, parsed, passed  ``cp -r`` and ``sha256sum``; opening every file with
           through all gates, admitted with provenance           the usual library (csv, astropy, xarray, lxml,
                                                                 json), one after another
again      the same once more: nothing moves                     ``rsync -rc``, which compares all bytes, if there
verify     the gates of every record once more, and the hashes   ``sha256sum``
build      the pack of each data set                             (nothing does this; the time is given alone)
=========  ====================================================  ==================================================

    python benchmarks/archives.py --mirror /data/archive
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from measuring import Measurement, machine, timed, write

from astrobio.archives.genuine import genuine_files
from astrobio.datasets.packs import DATA_SETS, build
from astrobio.fetch.engine import Fetcher
from astrobio.fetch.mirror import Mirror
from astrobio.store import RealDataStorage

OURS = "astrobio"


def read_with_libraries(paths: Sequence[Path]) -> int:
    """Open every file with the library that its format is read with, and load what is in it; how many were opened."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of genuine files that break conventions: here nobody looks
        for path in paths:
            _read(path)
    return len(paths)


def _read(path: Path) -> Any:
    import xarray
    from astropy.io import ascii as tables
    from astropy.io import fits
    from lxml import etree

    name = path.name.removesuffix(".gz")
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if name.endswith(".nc"):
        with xarray.open_dataset(path, decode_times=False) as data:
            return data.load()
    if name.endswith(".fits"):
        with fits.open(path) as found:
            return [part.data for part in found]
    if name.endswith(".tbl"):
        return tables.read(content.decode(), format="ipac")
    if name.endswith((".csv", ".tsv")):
        text = io.StringIO(content.decode(errors="replace"), newline="")
        return list(csv.reader(text, delimiter="\t" if name.endswith(".tsv") else ","))
    if name.endswith(".xml"):
        return etree.fromstring(content, etree.XMLParser(huge_tree=True))
    if name.endswith((".jsonl", ".json")):
        return [json.loads(line) for line in content.splitlines()] if name.endswith(".jsonl") else json.loads(content)
    if name.endswith(".tar"):
        with tarfile.open(path) as archive:
            return [etree.fromstring(archive.extractfile(one).read()) for one in archive if one.name.endswith(".xml")]
    return content.decode()


def copy_and_hash(paths: Sequence[Path], target: Path) -> int:
    """Copy files, and hash the copies by ``sha256sum``."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for number, path in enumerate(paths):
        shutil.copyfile(path, target / f"{number}-{path.name}")
    done = subprocess.run(["sha256sum", *sorted(target.iterdir())], capture_output=True, text=True, check=True)
    return len(done.stdout.splitlines())


def measure(mirror: Path, repeats: int, work: Path | None) -> list[Measurement]:
    """All stages; files go to a temporary folder under ``work`` and are removed."""
    paths = sorted(mirror / one.path for one in genuine_files().values() if (mirror / one.path).is_file())
    size = sum(path.stat().st_size for path in paths)
    found: list[Measurement] = []

    def note(stage: str, way: str, call: Callable[[], Any], before: Callable[[], Any] = lambda: None) -> None:
        print(f"{stage}: {way} ...", file=sys.stderr)
        seconds, count = timed(call, repeats, before)
        found.append(Measurement(stage, way, len(paths), seconds, {"bytes": size, "result": count}))

    with tempfile.TemporaryDirectory(prefix="astrobio-archives-", dir=work) as name:
        root, copies = Path(name) / "store", Path(name) / "copies"

        def fetch() -> int:
            return sum(one.admitted for one in Fetcher(RealDataStorage(root, create=True), Mirror(mirror)).fetch())

        note("fetch", OURS, fetch, lambda: shutil.rmtree(root, ignore_errors=True))
        if shutil.which("sha256sum"):
            note("fetch", "copy and sha256sum", lambda: copy_and_hash(paths, copies))
        note("fetch", "opened with libraries", lambda: read_with_libraries(paths))
        note("again", OURS, fetch)
        if shutil.which("rsync") and copies.exists():
            mirrored = Path(name) / "mirrored"
            command = ["rsync", "-rc", f"{copies}/", f"{mirrored}/"]
            subprocess.run(command, check=True)
            note("again", "rsync -rc", lambda: subprocess.run(command, check=True).returncode)
        storage = RealDataStorage(root)
        note("verify", OURS, lambda: storage.verify(deep=True).records)
        if shutil.which("sha256sum"):
            objects = [storage.path(record.digest) for record in storage.records()]
            command = ["sha256sum", *map(str, objects)]
            note("verify", "sha256sum", lambda: len(subprocess.run(command, capture_output=True, check=True).stdout))
        for data_set in DATA_SETS:
            note("build", data_set, lambda data_set=data_set: str(
                build(storage, data_set, Path(name) / "packs" / data_set, overwrite=True)),
                lambda: (Path(name) / "packs").mkdir(exist_ok=True))  # fmt: skip
    return found


def show(title: str, measurements: Sequence[Measurement]) -> None:
    """Print the table on standard output."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for name in ("stage", "way", "files", "MB", "minimum (s)", "median (s)", "MB/s"):
        table.add_column(name, justify="left" if name in ("stage", "way") else "right")
    last = ""
    for item in measurements:
        if last and item.stage != last:
            table.add_section()
        megabytes = item.detail["bytes"] / 1e6
        table.add_row(item.stage if item.stage != last else "", item.way, f"{item.runs}", f"{megabytes:.1f}",
                      f"{item.minimum:.3g}", f"{item.median:.3g}", f"{megabytes / item.minimum:.3g}")  # fmt: skip
        last = item.stage
    console = Console()
    Console(width=None if console.is_terminal else 120).print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the JSON; returns the exit code."""
    parser = argparse.ArgumentParser(description="What it costs to take in the archives.")
    named = os.environ.get("ASTROBIO_MIRROR")
    parser.add_argument("--mirror", type=Path, default=named and Path(named), help="genuine files (ASTROBIO_MIRROR)")
    parser.add_argument("--repeats", type=int, default=3, help="of each figure (default 3)")
    parser.add_argument("--work", type=Path, help="folder for temporary files (default: the system's)")
    parser.add_argument("--out", type=Path, default=Path("outputs/benchmarks/archives.json"), help="JSON to write")
    options = parser.parse_args(arguments)
    if options.mirror is None or not options.mirror.is_dir():
        raise SystemExit("--mirror names a folder of genuine archive files")
    if options.repeats < 1:
        raise SystemExit("--repeats is positive")
    facts = machine()
    with redirect_stdout(sys.stderr), redirect_stderr(sys.stderr):
        found = measure(options.mirror, options.repeats, options.work)
    show(f"Archives: {facts['processor']}, {facts['cores']} cores, {options.repeats} repeats", found)
    write(options.out, {"repeats": options.repeats}, facts, found)
    print(f"Written: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
