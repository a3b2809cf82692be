"""What verifying costs: SHA-256 of one large file, of several, of many small ones, and a deep verification of a store.

Each is measured warm (files in the page cache) and cold (their pages are dropped before each repeat, where the system
can be asked to), beside what a user would take:

========  ==================================================  ====================================================
stage     what is measured                                    beside it
========  ==================================================  ====================================================
file      one file (``--size``) by the native core            ``hashlib``, ``sha256sum``, ``openssl dgst``
shards    as many bytes in eight files, as a pack has them    the same; the commands by ``xargs -P``, one a core
files     small files (``--files``) by the native core        the same
store     deep verification of planet runs (``--runs``):      hashing alone; ``sha256sum`` of its objects
          hashes, gates, journal, batch files
========  ==================================================  ====================================================

GB/s are of wall time; GB/s a core are of the time that all cores spent on it, processes that were started included. A
single file cannot be hashed on several cores: each block of SHA-256 needs the one before. Commands that are not there
are left out. Digests of all ways are compared.

    python benchmarks/verification.py --size 0.25 --files 2000 --runs 500
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import alternatives
import numpy as np
from measuring import Measurement, available_cores, machine, write

from astrobio.core.hashing import sha256_files
from astrobio.datasets.bundle import read_bundle
from astrobio.datasets.shipped import BUNDLE
from astrobio.store import RealDataStorage

OURS = "astrobio"
SMALL = 7000
"""Bytes of a small file: those of a planet run."""
SHARDS = 8
Way = Callable[[Sequence[Path]], list[str]]


@dataclass(frozen=True)
class Settings:
    """Sizes and repeats of one invocation."""

    size: float
    files: int
    runs: int
    repeats: int
    workers: int


def write_random(path: Path, size: int) -> Path:
    """A file of ``size`` random bytes, on the disk when this returns."""
    generator, left = np.random.default_rng(0), size
    with open(path, "wb") as stream:
        while left:
            part = min(left, 64 << 20)
            stream.write(generator.bytes(part))
            left -= part
        stream.flush()
        os.fsync(stream.fileno())
    return path


def write_small(folder: Path, count: int) -> list[Path]:
    """``count`` files of :data:`SMALL` bytes, in 256 folders, as the store has them."""
    paths = [folder / f"{number % 256:02x}" / f"{number:06d}" for number in range(count)]
    content = np.random.default_rng(1).bytes(SMALL + count)
    for number in range(min(count, 256)):
        (folder / f"{number:02x}").mkdir(parents=True)
    for number, path in enumerate(paths):
        path.write_bytes(content[number : number + SMALL])
    if hasattr(os, "sync"):
        os.sync()
    return paths


def drop_from_cache(paths: Sequence[Path]) -> None:
    """Ask the system to forget what it holds of files."""
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)


def spent() -> float:
    """Seconds that cores have spent on this process and on those that it has waited for."""
    return sum(os.times()[:4])


def by_command(command: Sequence[str], workers: int) -> Way:
    """Digests by a command that prints a line a file; many files by ``xargs``."""

    def call(paths: Sequence[Path]) -> list[str]:
        if len(paths) == 1:
            done = subprocess.run([*command, str(paths[0])], capture_output=True, text=True, check=True)
        else:
            listed = "\0".join(map(str, paths))
            started = ["xargs", "-0", "-P", str(workers), "-n", str(-(-len(paths) // (8 * workers))), *command]
            done = subprocess.run(started, input=listed, capture_output=True, text=True, check=True)
        pairs = dict(_digest_of_line(line) for line in done.stdout.splitlines())
        return [pairs[str(path)] for path in paths]

    return call


def _digest_of_line(line: str) -> tuple[str, str]:
    """File and digest of ``DIGEST  FILE`` or ``SHA2-256(FILE)= DIGEST``."""
    if ")= " in line:
        name, _, digest = line.partition(")= ")
        return name.partition("(")[2], digest
    digest, _, name = line.partition("  ")
    return name, digest


def hash_large(paths: Sequence[Path]) -> list[str]:
    """``hashlib.file_digest``, in a loop."""
    found = []
    for path in paths:
        with open(path, "rb") as stream:
            found.append(hashlib.file_digest(stream, "sha256").hexdigest())
    return found


def ways(settings: Settings) -> dict[str, Way]:
    """The ways to hash files that this machine has."""
    found: dict[str, Way] = {OURS: sha256_files, "hashlib": hash_large}
    if settings.files > 1:
        found["hashlib on threads"] = lambda paths: alternatives.hash_on_threads(list(paths), settings.workers)
    for name, command in (("sha256sum", ["sha256sum"]), ("openssl", ["openssl", "dgst", "-sha256"])):
        if shutil.which(command[0]) and shutil.which("xargs"):
            found[name] = by_command(command, settings.workers)
    return found


def measure_way(
    stage: str, way: str, call: Callable[[], Any], paths: Sequence[Path], repeats: int, cold: bool
) -> tuple[Measurement, Any]:
    """Repeats of one way; its detail holds the least disturbed one."""
    seconds, cores, result = [], [], None
    for _ in range(repeats):
        if cold:
            drop_from_cache(paths)
        begun, before = time.perf_counter(), spent()
        result = call()
        seconds.append(time.perf_counter() - begun)
        cores.append(spent() - before)
    size = sum(path.stat().st_size for path in paths)
    best = seconds.index(min(seconds))
    detail = {
        "cache": "cold" if cold else "warm",
        "bytes": size,
        "gigabytes_per_second": size / seconds[best] / 1e9,
        # Clocks of processes tick in hundredths of a second.
        "gigabytes_per_core_second": size / max(cores[best], 0.01) / 1e9,
        "cores": cores[best] / seconds[best],
    }
    return Measurement(stage, way, len(paths), seconds, detail), result


def hash_stage(stage: str, paths: Sequence[Path], settings: Settings) -> list[Measurement]:
    """Every way to hash the same files, warm and cold."""
    found, wanted = [], sha256_files(paths)
    for cold in (False, True) if hasattr(os, "posix_fadvise") else (False,):
        for way, call in ways(settings).items():
            if len(paths) == 1 and way == "hashlib on threads":
                continue
            measured, digests = measure_way(stage, way, lambda call=call: call(paths), paths, settings.repeats, cold)
            measured.detail["same"] = digests == wanted
            found.append(measured)
    return found


def store_stage(folder: Path, settings: Settings) -> list[Measurement]:
    """A deep verification of genuine planet runs; its hashes alone."""
    storage = RealDataStorage(folder, create=True)
    storage.admit_many(islice(read_bundle(BUNDLE), settings.runs))
    records = storage.records()
    paths = [storage.path(record.digest) for record in records]
    calls: dict[str, Callable[[], Any]] = {
        OURS: lambda: storage.verify(deep=True).sound,
        "its hashes alone": lambda: not storage.damaged(records),
    }
    if shutil.which("sha256sum") and shutil.which("xargs"):
        command = by_command(["sha256sum"], settings.workers)
        calls["sha256sum"] = lambda: command(paths) == [record.digest for record in records]
    found = []
    for cold in (False, True) if hasattr(os, "posix_fadvise") else (False,):
        for way, call in calls.items():
            measured, sound = measure_way("store", way, call, paths, settings.repeats, cold)
            measured.detail["same"] = bool(sound)
            found.append(measured)
    return found


def measure(settings: Settings, work: Path | None) -> list[Measurement]:
    """All stages; files go to a temporary folder under ``work`` and are removed."""
    found = []
    with tempfile.TemporaryDirectory(prefix="astrobio-verification-", dir=work) as name:
        folder = Path(name)
        print("one file ...", file=sys.stderr)
        large = write_random(folder / "large", int(settings.size * 1e9))
        found += hash_stage("file", [large], settings)
        large.unlink()
        print("several files ...", file=sys.stderr)
        shards = [
            write_random(folder / f"shard{number}", int(settings.size * 1e9 / SHARDS)) for number in range(SHARDS)
        ]
        found += hash_stage("shards", shards, settings)
        for path in shards:
            path.unlink()
        print("many files ...", file=sys.stderr)
        found += hash_stage("files", write_small(folder / "small", settings.files), settings)
        print("a store ...", file=sys.stderr)
        found += store_stage(folder / "store", settings)
    return found


def show(title: str, measurements: Sequence[Measurement]) -> None:
    """Print the table on standard output."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for name in ("stage", "cache", "way", "files", "GB", "minimum (s)", "median (s)", "GB/s", "cores", "GB/s a core"):
        table.add_column(name, justify="left" if name in ("stage", "cache", "way") else "right")
    last = ("", "")
    for item in measurements:
        detail = item.detail
        group = (item.stage, detail["cache"])
        if group != last and last != ("", ""):
            table.add_section()
        table.add_row(
            *(group if group != last else ("", "")),
            item.way if detail["same"] else f"{item.way} (differs)",
            f"{item.runs}",
            f"{detail['bytes'] / 1e9:.3g}",
            f"{item.minimum:.3g}",
            f"{item.median:.3g}",
            f"{detail['gigabytes_per_second']:.3g}",
            f"{detail['cores']:.2f}",
            f"{detail['gigabytes_per_core_second']:.3g}",
        )
        last = group
    console = Console()
    Console(width=None if console.is_terminal else 120).print(table)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What verifying costs, beside other ways to hash the same files.")
    parser.add_argument("--size", type=float, default=2.0, help="of the large file, GB (default 2)")
    parser.add_argument("--files", type=int, default=20_000, help=f"small files, {SMALL} bytes each (default 20000)")
    parser.add_argument("--runs", type=int, default=2000, help="planet runs of the store (default 2000)")
    parser.add_argument("--repeats", type=int, default=3, help="of each figure (default 3)")
    cores = available_cores()
    parser.add_argument("--workers", type=int, default=cores, help="threads, and processes of xargs (one a core)")
    parser.add_argument("--work", type=Path, help="folder for temporary files (default: the system's)")
    parser.add_argument("--out", type=Path, default=Path("outputs/benchmarks/verification.json"), help="JSON to write")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the JSON; returns the exit code."""
    options = _options(arguments)
    settings = Settings(options.size, options.files, options.runs, options.repeats, options.workers)
    if min(settings.size, settings.files, settings.runs, settings.repeats, settings.workers) <= 0:
        raise SystemExit("sizes, repeats and workers are positive")
    facts = machine()
    with redirect_stdout(sys.stderr), redirect_stderr(sys.stderr):
        found = measure(settings, options.work)
    show(f"Verification: {facts['processor']}, {facts['cores']} cores, {settings.repeats} repeats", found)
    described: dict[str, Any] = {name: getattr(settings, name) for name in Settings.__dataclass_fields__}
    write(options.out, described, facts, found)
    print(f"Written: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
