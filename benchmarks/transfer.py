"""How fast files come over HTTP, hashed and whole: by this package, and by what else is in use.

2,000 files of 100 kB, and one of 2 GB, from nginx on this machine (one worker, sendfile), which is configured and
started here. Files hold random bytes: their content does not matter to a transfer. Every client checks SHA-256, by
itself, by ``hashlib`` in its loop, or by ``sha256sum`` after it. Times are given as the client leaves its files, and
until they are on the disk: this package syncs each file before it takes its name, and for the others ``sync -f`` of
the folder is added. Clients take turns, each with every number of connections; the files are compared with what was
served after each turn. Client and server share the machine's cores.

    python benchmarks/transfer.py                    # about a quarter of an hour, 5 GB of disk
    python benchmarks/transfer.py --quick            # 200 files, and one of 100 MB

nginx is needed; of the clients, those that are installed are measured, and the others are named.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from measuring import Measurement, machine, write
from page_cache import files_below, warm
from processes import Step, StepFailed, require_linux, run_step
from transfer_clients import BY_NAME, CLIENTS, Client, File, missing_programs
from web_server import find_nginx, served

from astrobio.core.hashing import sha256_files

STEP = Path(__file__).with_name("transfer_step.py")
REQUIREMENTS = "uv pip install -r benchmarks/rivals.txt; Debian: apt-get install aria2 curl wget"
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


@dataclass(frozen=True)
class Load:
    """Files to fetch together, and with how many connections.

    Attributes
    ----------
    name : str
        As the table names it.
    files : tuple of File
        With their URLs below the server's address, and their paths below the client's folder.
    connections : tuple of int
        Numbers of connections to try.
    """

    name: str
    files: tuple[File, ...]
    connections: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Of all files."""
        return sum(file.size for file in self.files)

    def placed(self, address: str, folder: Path) -> list[File]:
        """The files with whole URLs and paths."""
        return [
            replace(file, url=f"{address}/{file.url}", path=str(folder / Path(file.path).name)) for file in self.files
        ]


def write_files(root: Path, name: str, sizes: Sequence[int], seed: int) -> tuple[File, ...]:
    """Files of random bytes below the server's root."""
    (root / name).mkdir(parents=True)
    draw = np.random.Generator(np.random.Philox(seed))
    found = []
    for number, size in enumerate(sizes):
        path, digest = root / name / f"{number:06d}.bin", hashlib.sha256()
        with open(path, "wb") as stream:
            for begin in range(0, size, 1 << 24):
                content = draw.bytes(min(1 << 24, size - begin))
                stream.write(content)
                digest.update(content)
        found.append(File(f"{name}/{path.name}", path.name, size, digest.hexdigest()))
    return tuple(found)


def turns(clients: Sequence[type[Client]], load: Load, repeats: int) -> Iterator[tuple[type[Client], int]]:
    """Who fetches next, over how many connections; each repeat begins with another client."""
    for repeat in range(repeats):
        first = repeat % len(clients)
        for client in [*clients[first:], *clients[:first]]:
            single = len(load.files) == 1 and not client.splits
            for connections in load.connections[:1] if single else load.connections:
                yield client, 1 if single else connections


def fetch(client: type[Client], connections: int, load: Load, address: str, work: Path) -> Step:
    """One turn: fetch into an empty folder, compare, and delete.

    Raises
    ------
    StepFailed
        If the client failed, or a file is not what was served.
    """
    target, notes = work / "fetched", work / "notes"
    for folder in (target, notes):
        folder.mkdir()
    try:
        files = load.placed(address, target)
        task = {
            "client": client.name,
            "connections": connections,
            "folder": str(notes),
            "files": [asdict(file) for file in files],
        }
        path = notes / "task.json"
        path.write_text(json.dumps(task), encoding="utf-8")
        subprocess.run(["sync", "--file-system", work], check=True)
        step = run_step([sys.executable, STEP, path], ENVIRONMENT)
        _compare(files)
        return step
    finally:
        for folder in (target, notes):
            shutil.rmtree(folder)


def _compare(files: Sequence[File]) -> None:
    absent = [file.name for file in files if not Path(file.path).is_file()]
    if absent:
        raise StepFailed(f"{len(absent)} files are missing, the first {absent[0]}")
    for file, digest in zip(files, sha256_files([Path(file.path) for file in files]), strict=True):
        if digest != file.sha256:
            raise StepFailed(f"{file.name} is not what was served")


def measure_load(
    clients: Sequence[type[Client]], load: Load, address: str, work: Path, repeats: int
) -> tuple[list[Measurement], dict[str, str]]:
    """All turns of one load: measurements by client and connections, and by client what went wrong."""
    steps: dict[tuple[str, int], list[Step]] = {}
    errors: dict[str, str] = {}
    for client, connections in turns(clients, load, repeats):
        if client.name in errors:
            continue
        try:
            step = fetch(client, connections, load, address, work)
        except StepFailed as error:
            errors[client.name] = str(error)
            print(f"{load.name}, {client.name}: {error}", file=sys.stderr)
            continue
        steps.setdefault((client.name, connections), []).append(step)
        wall, durable = step.document["wall_s"], step.document["durable_wall_s"]
        print(f"{load.name}, {client.name}, {connections}: {wall:.2f} s, on disk {durable:.2f} s", file=sys.stderr)
    found = [_measurement(load, *key, listed) for key, listed in steps.items() if key[0] not in errors]
    return found, errors


def _measurement(load: Load, client: str, connections: int, steps: list[Step]) -> Measurement:
    seen = [step.document for step in steps]
    memory = [
        step.anonymous - (step.document["anonymous_before"] if step.document["is_program"] else 0) for step in steps
    ]
    detail = {
        "connections": connections,
        "bytes": load.nbytes,
        "durable_seconds": [item["durable_wall_s"] for item in seen],
        "cpu_s": [item["cpu_s"] for item in seen],
        "durable_cpu_s": [item["durable_cpu_s"] for item in seen],
        "anonymous_mb": max(memory) / 1e6,
    }
    return Measurement(load.name, client, len(load.files), [item["wall_s"] for item in seen], detail)


def best(found: Sequence[Measurement]) -> list[Measurement]:
    """Of each load and client, the number of connections with the least time until files are on the disk."""
    chosen: dict[tuple[str, str], Measurement] = {}
    for item in found:
        key = (item.stage, item.way)
        if key not in chosen or _on_disk(item) < _on_disk(chosen[key]):
            chosen[key] = item
    loads = list(dict.fromkeys(item.stage for item in found))
    return sorted(chosen.values(), key=lambda item: (loads.index(item.stage), _on_disk(item)))


def _on_disk(item: Measurement) -> float:
    return min(item.detail["durable_seconds"])


def show(title: str, found: Sequence[Measurement], notes: Sequence[str]) -> None:
    """Print a row for each load and client, the fastest to the disk first, then the notes."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", caption_justify="left", caption=(
        "Seconds: the least of the repeats, and in brackets the median; of the numbers of connections, the best. "
        "as is: as the client leaves its files, hashed; on disk: until they would outlast a power cut. CPU: of the "
        "client, median. anon.: its most anonymous memory; of a program alone, of a library with Python."
    ))  # fmt: skip
    for name in ("files", "client", "conn.", "as is, s", "on disk, s", "MB/s", "CPU, s", "anon., MB"):
        table.add_column(name, justify="left" if name in ("files", "client") else "right")
    last = ""
    for item in found:
        if item.stage != last and last:
            table.add_section()
        durable = item.detail["durable_seconds"]
        table.add_row(
            item.stage if item.stage != last else "",
            item.way,
            f"{item.detail['connections']}",
            f"{item.minimum:.3f} ({item.median:.3f})",
            f"{min(durable):.3f} ({statistics.median(durable):.3f})",
            f"{item.detail['bytes'] / min(durable) / 1e6:,.0f}",
            f"{statistics.median(item.detail['durable_cpu_s']):.2f}",
            f"{item.detail['anonymous_mb']:.0f}",
        )
        last = item.stage
    console = Console()
    console = Console(width=None if console.is_terminal else 120)
    console.print(table)
    for note in notes:
        console.print(note, markup=False, highlight=False)


def chosen_clients(names: Sequence[str] | None) -> tuple[list[type[Client]], dict[str, str]]:
    """Clients to measure, and why each of the others is not."""
    asked = [BY_NAME[name] for name in names] if names else list(CLIENTS)
    left_out = {}
    for client in asked:
        absent = [name for name in client.packages if _version(name) is None] + missing_programs(client)
        if absent:
            left_out[client.name] = f"not installed: {', '.join(absent)}"
    return [client for client in asked if client.name not in left_out], left_out


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def versions(clients: Sequence[type[Client]]) -> dict[str, str]:
    """Versions of the clients' packages and programs, by name."""
    found = {name: _version(name) or "" for client in clients for name in client.packages}
    for program in {name for client in clients for name in client.programs}:
        said = subprocess.run([program, "--version"], capture_output=True, encoding="utf-8", check=False).stdout
        found[program] = said.splitlines()[0] if said else ""
    return found


def measure(options: argparse.Namespace, work: Path, nginx: str) -> dict[str, Any]:
    """Write the files, start the server, and let all clients have their turns."""
    clients, left_out = chosen_clients(options.only)
    root = work / "served"
    many = write_files(root, "many", [options.file_bytes] * options.files, 1)
    large = write_files(root, "large", [options.large_bytes], 2)
    warm(files_below(root))
    loads = [
        Load(f"{options.files:,} of {_size(options.file_bytes)}", many, tuple(options.connections)),
        Load(f"1 of {_size(options.large_bytes)}", large, tuple(options.large_connections)),
    ]
    found: list[Measurement] = []
    errors: dict[str, str] = {}
    with served(root, work / "nginx", nginx) as address:
        for load in loads:
            measured, failed = measure_load(clients, load, address, work, options.repeats)
            found += measured
            errors |= {f"{name}, {load.name}": message for name, message in failed.items()}
    return {"found": found, "errors": errors, "left_out": left_out, "versions": versions(clients)}


def _size(nbytes: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if nbytes >= factor:
            return f"{nbytes / factor:g} {unit}"
    return f"{nbytes} B"


def notes_of(measured: dict[str, Any]) -> list[str]:
    """Each client's configuration, what was left out, and what went wrong."""
    lines = []
    for name in dict.fromkeys(item.way for item in measured["found"]):
        client = BY_NAME[name]
        named = [measured["versions"][each] for each in client.programs]
        named += [f"{each} {measured['versions'][each]}" for each in client.packages]
        lines.append(f"{name} ({', '.join(named)}): {client.setup}. {client.source}")
    lines += [f"{name}: {reason}" for name, reason in measured["left_out"].items()]
    if measured["left_out"]:
        lines.append(f"To install what is missing: {REQUIREMENTS}")
    return lines + [f"ERROR {name}: {message}" for name, message in measured["errors"].items()]


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How fast files come over HTTP, hashed and whole.")
    parser.add_argument("--quick", action="store_true", help="200 files and one of 100 MB, two repeats")
    parser.add_argument("--files", type=int, help="how many small ones (default 2000)")
    parser.add_argument("--file-bytes", type=int, default=100_000, help="of a small file (default 100000)")
    parser.add_argument("--large-bytes", type=int, help="of the large file (default 2000000000)")
    parser.add_argument("--connections", type=int, nargs="+", default=[16, 64], help="for small files (default 16 64)")
    parser.add_argument("--large-connections", type=int, nargs="+", default=[1, 4, 16], help="for the large one")
    parser.add_argument("--repeats", type=int, help="turns of each client (default 5)")
    parser.add_argument("--only", action="append", choices=list(BY_NAME), help="this client alone; may be repeated")
    parser.add_argument("--nginx", default="nginx", help="the server's program")
    parser.add_argument("--work", type=Path, help="folder for temporary files (default: the system's)")
    parser.add_argument("--out", type=Path, default=Path("outputs/benchmarks/transfer.json"), help="JSON to write")
    options = parser.parse_args(arguments)
    options.files = options.files or (200 if options.quick else 2000)
    options.large_bytes = options.large_bytes or (10**8 if options.quick else 2 * 10**9)
    options.repeats = options.repeats or (2 if options.quick else 5)
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the JSON; 1 if a client failed or left a wrong file."""
    options = _options(arguments)
    require_linux()
    nginx = find_nginx(options.nginx)
    facts = machine()
    with tempfile.TemporaryDirectory(prefix="astrobio-transfer-", dir=options.work) as folder:
        measured = measure(options, Path(folder), nginx)
    title = f"Transfer: {facts['processor']}, {facts['cores']} cores, {options.repeats} repeats, nginx on this machine"
    show(title, best(measured["found"]), notes_of(measured))
    settings = {name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()}
    settings |= {name: measured[name] for name in ("errors", "left_out")}
    settings["clients"] = {client.name: {"setup": client.setup, "source": client.source} for client in CLIENTS}
    facts["versions"] |= measured["versions"]
    write(options.out, settings, facts, measured["found"])
    print(f"Written: {options.out}")
    return 1 if measured["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
