"""Ways to fetch files over HTTP and to know that they are whole: ours, and what else is in use.

Every client fetches the same files to the same places with the same number of connections, and checks the SHA-256 of
each: by itself where it can, in its loop by ``hashlib`` where it is a library, or by ``sha256sum`` afterwards. A
client that cannot fetch one file over several connections fetches a large file over one.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

CHUNK = 1 << 18
"""Bytes that a client's loop takes at a time, where it can choose."""
PIECE = 1 << 24
"""Bytes of a range where a large file is fetched in ranges."""


@dataclass(frozen=True)
class File:
    """What is to be fetched."""

    url: str
    path: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The last part of its path."""
        return Path(self.path).name


class WrongFile(Exception):
    """A file whose digest is not what it must be."""


class Client(ABC):
    """A way to fetch files.

    Attributes
    ----------
    name : str
        As the table names it.
    packages, programs : tuple of str
        Distributions and programs that it needs.
    source, setup : str
        Where its documentation recommends the configuration, and that in words.
    splits : bool
        Whether it fetches one file over several connections.
    durable : bool
        Whether files are on the disk when it is done.
    """

    name: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()
    programs: ClassVar[tuple[str, ...]] = ()
    source: ClassVar[str] = ""
    setup: ClassVar[str] = ""
    splits: ClassVar[bool] = False
    durable: ClassVar[bool] = False

    def prepare(self) -> None:
        """Import what is needed; that is not measured."""
        for package in self.packages:
            import_module(package)

    @abstractmethod
    def fetch(self, files: Sequence[File], connections: int, folder: Path) -> None:
        """Fetch all files, and check their digests; notes of the client's own may go into ``folder``.

        Raises
        ------
        Exception
            Of whatever kind, if a file could not be fetched or is not what it must be.
        """


class Astrobio(Client):
    """This package: every file is hashed as it comes, and on the disk before it takes its name."""

    name = "astrobio"
    packages = ("astrobio", "rust_integration")
    source = "src/astrobio/transfer/"
    setup = "download() with sha256 of each request, sync on"
    splits = True
    durable = True
    sync = True

    def prepare(self) -> None:
        import_module("astrobio.transfer")
        import_module("rust_integration")

    def fetch(self, files: Sequence[File], connections: int, folder: Path) -> None:
        from astrobio.transfer import HostLimit, Request, Settings, download

        settings = Settings(
            connections=connections,
            default_limit=HostLimit(connections=connections),
            file_connections=connections,
            sync=self.sync,
        )
        for outcome in download([Request(file.url, Path(file.path), sha256=file.sha256) for file in files], settings):
            outcome.check()


class AstrobioUnsynced(Astrobio):
    """The same, with the writing to disk left to the system, as all others leave it."""

    name = "astrobio, no sync"
    setup = "download() with sha256 of each request, sync off"
    durable = False
    sync = False


class Aria2(Client):
    """aria2c, which checks digests itself."""

    name = "aria2c"
    programs = ("aria2c",)
    source = "https://aria2.github.io/manual/en/html/aria2c.html"
    setup = (
        "checksum= lines in the input file; small files: -j N, --file-allocation=none; a large one: -x N -s N -k 1M, "
        "falloc and --enable-mmap"
    )
    splits = True

    def fetch(self, files: Sequence[File], connections: int, folder: Path) -> None:
        lines = []
        for file in files:
            path = Path(file.path)
            lines += [file.url, f"  dir={path.parent}", f"  out={path.name}", f"  checksum=sha-256={file.sha256}"]
        listed = folder / "aria2.txt"
        listed.write_text("\n".join(lines) + "\n", encoding="utf-8")
        # Of none and falloc, with and without mmap, and of three sizes of the disk cache, these were the quickest here.
        if len(files) == 1:
            parts = min(16, connections)
            options = ["-x", parts, "-s", parts, "-k", "1M", "--file-allocation=falloc", "--enable-mmap=true"]
        else:
            options = ["-j", connections, "-x", 1, "-s", 1, "--file-allocation=none"]
        run("aria2c", "--no-conf", "-i", listed, *options, "--allow-overwrite=true", "--auto-file-renaming=false",
            "--async-dns=false", "--summary-interval=0", "--show-console-readout=false", "--console-log-level=error",
            "--download-result=hide")  # fmt: skip


class Curl(Client):
    """curl --parallel, then sha256sum."""

    name = "curl --parallel"
    programs = ("curl", "sha256sum")
    source = "https://curl.se/docs/manpage.html"
    setup = "--parallel --parallel-max N --http1.1, a list by --config; then sha256sum, one process a core"

    def fetch(self, files: Sequence[File], connections: int, folder: Path) -> None:
        listed = folder / "curl.txt"
        text = "".join(f'url = "{file.url}"\noutput = "{file.path}"\n' for file in files)
        listed.write_text(text, encoding="utf-8")
        run("curl", "--disable", "--no-progress-meter", "--fail", "--http1.1", "--parallel",
            "--parallel-max", connections, "--config", listed)  # fmt: skip
        sha256sum(files, folder)


class Wget(Client):
    """wget, a process for each connection, then sha256sum."""

    name = "wget"
    programs = ("wget", "sha256sum")
    source = "https://www.gnu.org/software/wget/manual/wget.html"
    setup = "N processes with a list each, which keep their connection; then sha256sum, one process a core"

    def fetch(self, files: Sequence[File], connections: int, folder: Path) -> None:
        lists = []
        for number, part in enumerate(dealt(files, connections)):
            lists.append(folder / f"wget-{number}.txt")
            lists[-1].write_text("\n".join(file.url for file in part) + "\n", encoding="utf-8")
        target = Path(files[0].path).parent
        run_all([["wget", "--no-config", "-q", "-P", target, "-i", listed] for listed in lists])
        sha256sum(files, folder)


class Requests(Client):
    """requests on a pool of threads, a session each."""

    name = "requests, threads"
    packages = ("requests",)
    source = "https://requests.readthedocs.io/en/latest/user/advanced/#body-content-workflow"
    setup = "N threads with a Session each, stream=True, hashlib in the loop"

    def fetch(self, files: Sequence[File], connections: int, folder: Path) -> None:
        import requests

        local = threading.local()

        def one(file: File) -> None:
            if not hasattr(local, "session"):
                local.session = requests.Session()
                local.session.trust_env = False
            with local.session.get(file.url, stream=True, timeout=60) as response:
                response.raise_for_status()
                save(file, response.iter_content(CHUNK))

        with ThreadPoolExecutor(connections) as pool:
            list(pool.map(one, files))


class Httpx(Client):
    """httpx in an event loop."""

    name = "httpx, async"
    packages = ("httpx",)
    source = "https://www.python-httpx.org/async/"
    setup = "one AsyncClient with N connections, stream(), aiter_raw, hashlib in the loop"

    def fetch(self, files: Sequence[File], connections: int, folder: Path) -> None:
        import httpx

        async def all_files() -> None:
            limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
            async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as client:

                async def one(file: File) -> None:
                    async with client.stream("GET", file.url) as response:
                        response.raise_for_status()
                        await save_async(file, response.aiter_raw())

                await by_workers(files, connections, one)

        asyncio.run(all_files())


class Aiohttp(Client):
    """aiohttp in an event loop."""

    name = "aiohttp"
    packages = ("aiohttp",)
    source = "https://docs.aiohttp.org/en/stable/client_quickstart.html#streaming-response-content"
    setup = "one ClientSession with N connections, content.iter_any, hashlib in the loop"

    def fetch(self, files: Sequence[File], connections: int, folder: Path) -> None:
        import aiohttp

        async def all_files() -> None:
            connector = aiohttp.TCPConnector(limit=connections)
            async with aiohttp.ClientSession(connector=connector, read_bufsize=CHUNK) as session:

                async def one(file: File) -> None:
                    async with session.get(file.url) as response:
                        response.raise_for_status()
                        await save_async(file, response.content.iter_any())

                await by_workers(files, connections, one)

        asyncio.run(all_files())


class Pooch(Client):
    """pooch, which checks digests itself, on a pool of threads."""

    name = "pooch, threads"
    packages = ("pooch",)
    source = "https://www.fatiando.org/pooch/latest/"
    setup = "pooch.create with a registry of SHA-256, fetch by N threads, HTTPDownloader(chunk_size=256 kB)"

    def fetch(self, files: Sequence[File], connections: int, folder: Path) -> None:
        import pooch

        pooch.get_logger().setLevel("ERROR")
        registry = pooch.create(
            Path(files[0].path).parent,
            base_url=files[0].url.rsplit("/", 1)[0] + "/",
            registry={file.name: f"sha256:{file.sha256}" for file in files},
        )
        downloader = pooch.HTTPDownloader(chunk_size=CHUNK, timeout=60)
        with ThreadPoolExecutor(connections) as pool:
            list(pool.map(lambda file: registry.fetch(file.name, downloader=downloader), files))


class Obstore(Client):
    """obstore, of which the core is Rust, in an event loop."""

    name = "obstore, async"
    packages = ("obstore",)
    source = "https://developmentseed.org/obstore/latest/api/store/http/"
    setup = (
        "HTTPStore, N get_async at once, hashlib in the loop; a large file by get_range_async of 16 MiB, hashed after"
    )
    splits = True

    def fetch(self, files: Sequence[File], connections: int, folder: Path) -> None:
        from obstore.store import HTTPStore

        base = files[0].url.rsplit("/", 1)[0]
        store = HTTPStore.from_url(base, client_options={"allow_http": True, "timeout": "600s"})
        if len(files) == 1 and connections > 1:
            asyncio.run(self._in_ranges(store, files[0], connections))
        else:
            asyncio.run(self._all(store, files, connections))

    async def _all(self, store: Any, files: Sequence[File], connections: int) -> None:
        import obstore

        async def one(file: File) -> None:
            result = await obstore.get_async(store, file.name)
            await save_async(file, result.stream(min_chunk_size=CHUNK))

        await by_workers(files, connections, one)

    async def _in_ranges(self, store: Any, file: File, connections: int) -> None:
        import obstore

        descriptor = os.open(file.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:

            async def one(begin: int) -> None:
                end = min(begin + PIECE, file.size)
                content = await obstore.get_range_async(store, file.name, start=begin, end=end)
                os.pwrite(descriptor, content, begin)

            await by_workers(range(0, file.size, PIECE), connections, one)
        finally:
            os.close(descriptor)
        with open(file.path, "rb") as stream:
            require(file, hashlib.file_digest(stream, "sha256").hexdigest())


def save(file: File, chunks: Iterable[bytes]) -> None:
    """Write what comes, hash it, and compare the digest."""
    digest = hashlib.sha256()
    with open(file.path, "wb") as stream:
        for chunk in chunks:
            stream.write(chunk)
            digest.update(chunk)
    require(file, digest.hexdigest())


async def save_async(file: File, chunks: Any) -> None:
    """The same in an event loop; writing to the page cache is too short to be worth a thread."""
    digest = hashlib.sha256()
    with open(file.path, "wb") as stream:
        async for chunk in chunks:
            stream.write(chunk)
            digest.update(chunk)
    require(file, digest.hexdigest())


def require(file: File, sha256: str) -> None:
    """Raise unless this is the file's digest."""
    if sha256 != file.sha256:
        raise WrongFile(f"{file.url} has SHA-256 {sha256} and not {file.sha256}")


async def by_workers(items: Iterable[Any], workers: int, one: Callable[[Any], Awaitable[None]]) -> None:
    """Call ``one`` for each item, ``workers`` at once."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await one(item)

    await asyncio.gather(*(worker() for _ in range(workers)))


def dealt(files: Sequence[File], hands: int) -> list[Sequence[File]]:
    """The files in up to ``hands`` parts of nearly the same number."""
    return [files[hand::hands] for hand in range(min(hands, len(files)))]


def run(*command: Any) -> None:
    """Run a program; an error holds what it said."""
    run_all([list(command)])


def run_all(commands: Sequence[Sequence[Any]]) -> None:
    """Run programs at once, and wait for all."""
    running = [
        subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for command in commands
    ]
    said = [process.communicate()[0].decode(errors="replace") for process in running]
    for process, text in zip(running, said, strict=True):
        if process.returncode:
            raise RuntimeError(f"{process.args[0]} ended with {process.returncode}: {text[-500:]}")  # type: ignore[index]


def sha256sum(files: Sequence[File], folder: Path) -> None:
    """Check all digests by sha256sum, one process a core."""
    lists = []
    for number, part in enumerate(dealt(files, len(os.sched_getaffinity(0)))):
        lists.append(folder / f"sums-{number}.txt")
        lists[-1].write_text("".join(f"{file.sha256}  {file.path}\n" for file in part), encoding="utf-8")
    run_all([["sha256sum", "--check", "--strict", "--quiet", listed] for listed in lists])


def missing_programs(client: type[Client]) -> list[str]:
    """Programs that a client needs and that are not installed."""
    return [program for program in client.programs if shutil.which(program) is None]


CLIENTS: tuple[type[Client], ...] = (
    Astrobio,
    AstrobioUnsynced,
    Aria2,
    Curl,
    Wget,
    Obstore,
    Aiohttp,
    Requests,
    Httpx,
    Pooch,
)
BY_NAME = {client.name: client for client in CLIENTS}
