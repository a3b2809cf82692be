"""An HTTP/1.1 server on loopback that serves a folder well, and misbehaves where it is told to.

It writes its answers byte by byte, so that it can break any rule of HTTP; `tests.loopback.behaviours` holds the ways.
It listens on one port of several loopback addresses (127.0.0.1, 127.0.0.2, ...), which a client takes for different
hosts, and it keeps account of what it saw: every request, how many were in flight at once, and when they began.

    with LoopbackServer(folder, hosts=("127.0.0.1", "127.0.0.2")) as server:
        server.behave("planets.csv", CloseInBody(at=100), Status(503, retry_after="1"))
        fetch(server.url("planets.csv", host=1))
        assert [seen.status for seen in server.requests] == [200, 503, 206]

A request is in flight from the arrival of its head until the last byte of its answer is about to be handed to the
system, or until the server ends the connection or sees that the client did. A client that waits for that byte before
its next request is therefore never counted twice.

From a command line, for benchmarks and other processes (`--help` lists the options):

    python -m tests.loopback.server FOLDER --port 8000 --hosts 4 --behave 'planets.csv=Forever(Drip(rate=1000))'
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import contextlib
import os
import ssl
import struct
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from socket import IPPROTO_TCP, SO_LINGER, SOL_SOCKET, TCP_NODELAY
from typing import Any
from urllib.parse import quote

from tests.loopback.connections import Connections
from tests.loopback.messages import Answer, Body, FileSlice, SeenRequest, right_answer, short

TLS_HANDSHAKE = b"\x16"
ONE_WRITE = 1 << 16
SENDFILE_STEP = 8 << 20
READ_STEP = 1 << 18
# Time between two pieces of a throttled body, seconds.
THROTTLE_STEP = 0.02


@dataclass
class Gate:
    """Holds answers back until `count` requests are in flight at once. `reached` says whether that came about."""

    count: int
    timeout: float
    reached: bool = False
    opened: asyncio.Event = field(default_factory=asyncio.Event)


class LoopbackServer:
    """Serves `folder` on every address of `hosts`, all on one port, in a thread of its own; a context manager.

    Parameters
    ----------
    folder : Path
        Files to serve. They are read for each request, so that they may change.
    hosts : sequence of str
        Loopback addresses.
    tls : ssl.SSLContext, optional
        Serve https with it.
    port : int
        0 lets the system choose.
    rate : int, optional
        Bytes of body per second and connection; None for no limit. May be set while the server runs.

    Attributes
    ----------
    requests : list of SeenRequest
        In order of arrival.
    peak, peak_connections : Counter
        By address: the most requests in flight at once, and the most connections open at once.
    peak_over_all : int
        The most requests in flight at once over all addresses.
    """

    def __init__(
        self,
        folder: Path | str,
        hosts: Sequence[str] = ("127.0.0.1",),
        tls: ssl.SSLContext | None = None,
        port: int = 0,
        rate: int | None = None,
    ) -> None:
        self.folder, self.hosts, self.tls, self.port, self.rate = Path(folder), tuple(hosts), tls, port, rate
        self.requests: list[SeenRequest] = []
        self.in_flight: Counter[str] = Counter()
        self.peak: Counter[str] = Counter()
        self.peak_over_all = 0
        self.connections: Counter[str] = Counter()
        self.peak_connections: Counter[str] = Counter()
        self.accepted = 0
        self._behaviours: dict[str, deque[Any]] = {}
        self._gate: Gate | None = None
        self._changed = threading.Condition()
        self._started = threading.Event()
        self._failure: BaseException | None = None

    def __enter__(self) -> LoopbackServer:
        self._thread = threading.Thread(target=self._run, name="loopback server", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def url(self, path: str, host: int = 0, query: str = "") -> str:
        """Address of a file on the given host; `path` is not encoded yet, `query` is."""
        return f"{self.origin(host)}/{quote(path)}" + (f"?{query}" if query else "")

    def origin(self, host: int = 0) -> str:
        return f"http{'s' if self.tls else ''}://{self.hosts[host]}:{self.port}"

    def put(self, path: str, content: bytes) -> Path:
        """Write a file into the folder."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def behave(self, path: str, *behaviours: Any) -> None:
        """Let the next requests for `path` meet one behaviour each; `Forever(...)` stays. Then it is served well."""
        self._behaviours[path] = deque(behaviours)

    def gate(self, count: int, timeout: float = 60.0) -> Gate:
        """Hold the answers of all requests until `count` are in flight at once, or until `timeout` seconds passed."""
        self._gate = Gate(count, timeout)
        return self._gate

    def seen(self, path: str) -> list[SeenRequest]:
        """The requests for `path`, in order of arrival."""
        return [request for request in list(self.requests) if request.path == path]

    def sent(self, path: str | None = None) -> int:
        """Bytes of body sent so far, of one file or of all."""
        return sum(request.sent for request in list(self.requests) if path in (None, request.path))

    def intervals(self, host: int = 0) -> list[float]:
        """Seconds between the arrivals of successive requests at a host."""
        times = [request.time for request in list(self.requests) if request.host == self.hosts[host]]
        return [after - before for before, after in zip(times, times[1:], strict=False)]

    def wait_for(self, condition: Callable[[], bool], timeout: float = 20.0) -> None:
        """Return as soon as `condition` holds; TimeoutError if it does not within `timeout` seconds."""
        end = time.monotonic() + timeout
        with self._changed:
            while not condition():
                if time.monotonic() > end:
                    raise TimeoutError("what was waited for did not come about at the server")
                self._changed.wait(0.02)

    def idle(self) -> bool:
        """Whether no request is in flight."""
        return not sum(self.in_flight.values())

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as failure:  # noqa: BLE001  handed to the thread that waits for the start
            self._failure = failure
            self._started.set()

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        connections = Connections(self._serve, self.tls)
        try:
            for host in self.hosts:
                self.port = connections.listen(host, self.port)
            self._started.set()
            await self._stop.wait()
        finally:
            await connections.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: its requests one after another."""
        host, self.accepted = writer.get_extra_info("sockname")[0], self.accepted + 1
        number = self.accepted
        self.connections[host] += 1
        self.peak_connections[host] = max(self.peak_connections[host], self.connections[host])
        writer.get_extra_info("socket").setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        writer.transport.set_write_buffer_limits(high=1)  # drain() then means: handed to the system (0 hangs under TLS)
        try:
            while await self._exchange(reader, writer, host, number):
                pass
        finally:
            self.connections[host] -= 1

    async def _exchange(self, reader: Any, writer: Any, host: str, number: int) -> bool:
        """One request and its answer; whether the connection goes on."""
        first = await reader.readexactly(1)
        if first == TLS_HANDSHAKE:  # https, and this is no such server: said in plain HTTP, as servers do
            writer.write(short(400, b"plain HTTP is spoken here\n").head())
            return False
        head = first + await reader.readuntil(b"\r\n\r\n")
        request = SeenRequest.parse(head[:-4], host, number)
        request.body = await reader.readexactly(int(request.headers.get("content-length", 0)))
        exchange = Exchange(self, request, reader, writer)
        exchange.begin()
        try:
            await self._pass_gate()
            behaviours = self._behaviours.get(request.path)
            if not behaviours:
                await exchange.send(exchange.right())
            elif getattr(behaviours[0], "stays", False):
                await behaviours[0].answer(exchange)
            else:
                await behaviours.popleft().answer(exchange)
        finally:
            await exchange.end()
        return exchange.open and request.headers.get("connection", "").lower() != "close"

    async def _pass_gate(self) -> None:
        gate = self._gate
        if gate is None or gate.opened.is_set():
            return
        if sum(self.in_flight.values()) >= gate.count:
            gate.reached = True
            gate.opened.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(gate.opened.wait(), gate.timeout)
        gate.opened.set()

    def _note(self) -> None:
        with self._changed:
            self._changed.notify_all()


class Exchange:
    """A request under way and the connection that it came on: what behaviours work with."""

    def __init__(
        self, server: LoopbackServer, request: SeenRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.server, self.request, self.reader, self.writer = server, request, reader, writer
        self.open = True
        self._counted = False
        self._left = asyncio.Event()

    @property
    def path(self) -> Path:
        """The file that is asked for; outside the folder there is none."""
        found = (self.server.folder / self.request.path).resolve()
        inside = found.is_relative_to(self.server.folder.resolve())
        return found if inside else self.server.folder / "outside the folder"

    def content(self) -> bytes:
        """The whole file."""
        return self.path.read_bytes()

    def right(self, ignoring: Iterable[str] = ()) -> Answer:
        """The answer that the request should get, or should without the headers in `ignoring`."""
        headers = {name: value for name, value in self.request.headers.items() if name not in set(ignoring)}
        answer = right_answer(replace(self.request, headers=headers), self.path)
        if headers.get("connection", "").lower() == "close":
            answer.headers["Connection"] = "close"
        return answer

    async def send(self, answer: Answer) -> None:
        """Head and body, as they stand in `answer`, however little they agree with each other."""
        self.request.status = answer.status
        size = 0 if self.request.method == "HEAD" else len(answer.body)
        if size == 0 or (size < ONE_WRITE and self.server.rate is None):
            self.request.sent += size
            await self.write_last(answer.head() + answer.body.read(0, size))
            return
        await self.write(answer.head())
        await self.send_body(answer.body, 0, size - 1)
        self.request.sent += 1
        await self.write_last(answer.body.read(size - 1, size))

    async def send_head(self, answer: Answer) -> None:
        self.request.status = answer.status
        await self.write(answer.head())

    async def send_body(self, body: Body, start: int, stop: int, rate: int | None = None) -> None:
        """Bytes `start` to `stop` of a body, throttled to `rate` bytes a second, or to the server's rate."""
        if rate is not None or self.server.rate is not None:
            await self._send_slowly(body, start, stop, rate)
        elif isinstance(body, FileSlice) and body.content is None and self.server.tls is None:
            await self._send_file(body, start, stop)
        else:
            for first in range(start, stop, READ_STEP):
                piece = body.read(first, min(first + READ_STEP, stop))
                self.request.sent += len(piece)
                await self.write(piece)

    async def _send_file(self, body: FileSlice, start: int, stop: int) -> None:
        loop = asyncio.get_running_loop()
        with body.path.open("rb") as file:
            for first in range(start, stop, SENDFILE_STEP):
                count = min(SENDFILE_STEP, stop - first)
                await loop.sendfile(self.writer.transport, file, body.start + first, count)
                self.request.sent += count
                self.server._note()

    async def _send_slowly(self, body: Body, start: int, stop: int, rate: int | None) -> None:
        begin, done = time.monotonic(), start
        while done < stop:
            if self._left.is_set():
                raise ConnectionResetError("the client ended the connection")
            pace = rate or self.server.rate or 1 << 40
            count = max(1, int(pace * THROTTLE_STEP))
            await self.write(body.read(done, min(done + count, stop)))
            self.request.sent += min(done + count, stop) - done
            done += count
            self.server._note()
            await asyncio.sleep(max(0.0, begin + (done - start) / pace - time.monotonic()))

    async def write(self, data: bytes) -> None:
        """Raw bytes onto the connection."""
        self.writer.write(data)
        await self.writer.drain()

    async def write_last(self, data: bytes) -> None:
        """Raw bytes that complete the answer: from here on the request is not in flight any more."""
        self.finish()
        await self.write(data)

    async def until_client_leaves(self) -> None:
        """Say nothing more until the client ends the connection."""
        await self._left.wait()
        self.close()

    def close(self) -> None:
        """End the connection in order, after what was written."""
        self.finish()
        self.open = False

    def reset(self) -> None:
        """End the connection by a TCP reset."""
        self.finish()
        self.open = False
        linger = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, linger)
        self.writer.transport.abort()

    def begin(self) -> None:
        """Count the request as in flight, until the answer is complete or the client has left."""
        self._watch = asyncio.ensure_future(self._await_departure())
        server, host = self.server, self.request.host
        self._counted = True
        server.requests.append(self.request)
        server.in_flight[host] += 1
        server.peak[host] = max(server.peak[host], server.in_flight[host])
        server.peak_over_all = max(server.peak_over_all, sum(server.in_flight.values()))
        server._note()

    def finish(self) -> None:
        """Count the request as answered; called again it does nothing."""
        if self._counted:
            self._counted = False
            if self._watch is not asyncio.current_task():
                self._watch.cancel()
            self.server.in_flight[self.request.host] -= 1
            self.request.ended = time.monotonic()
            self.server._note()

    async def end(self) -> None:
        """Finish, and leave the connection to the next request."""
        self.finish()
        await asyncio.gather(self._watch, return_exceptions=True)

    async def _await_departure(self) -> None:
        """Notice at once that the client ended the connection: it says nothing before the answer is complete."""
        with contextlib.suppress(OSError):
            await self.reader.read(1)
        self._left.set()
        self.finish()


def addresses(count: int) -> tuple[str, ...]:
    """The first `count` loopback addresses: 127.0.0.1, 127.0.0.2, ..."""
    return tuple(f"127.0.0.{number + 1}" for number in range(count))


def read_behaviour(text: str) -> Any:
    """A behaviour from its spelling in Python, such as ``Forever(Drip(rate=1000))``: names and literals only."""
    from tests.loopback import behaviours

    def value(node: ast.expr) -> Any:
        if not isinstance(node, ast.Call):
            return ast.literal_eval(node)
        kind = getattr(behaviours, node.func.id, None) if isinstance(node.func, ast.Name) else None
        if not (isinstance(kind, type) and issubclass(kind, behaviours.Behaviour)):
            raise ValueError(f"no behaviour: {ast.unparse(node)}")
        return kind(*map(value, node.args), **{word.arg: value(word.value) for word in node.keywords})

    return value(ast.parse(text, mode="eval").body)


def main(arguments: Iterable[str] | None = None) -> int:
    """Serve until interrupted; the addresses come on standard output, one a line."""
    parser = argparse.ArgumentParser(prog="python -m tests.loopback.server", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0, help="0, as by default: the system chooses")
    parser.add_argument("--hosts", type=int, default=1, help="number of loopback addresses to listen on")
    parser.add_argument("--rate", type=int, help="bytes a second and connection")
    parser.add_argument("--tls", type=Path, metavar="PEM", help="file with the certificate chain and its private key")
    parser.add_argument(
        "--behave", action="append", default=[], metavar="PATH=BEHAVIOUR[;BEHAVIOUR...]",
        help="what the requests of a file meet, one after another; see tests/loopback/behaviours.py",
    )  # fmt: skip
    parser.add_argument("--proxy", action="store_true", help="run a forward proxy instead; FOLDER is not used")
    options = parser.parse_args(None if arguments is None else list(arguments))
    if options.proxy:
        from tests.loopback.proxy import LoopbackProxy

        with LoopbackProxy(port=options.port) as proxy:
            return _until_interrupted([proxy.url])
    tls = None
    if options.tls:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.tls)
    server = LoopbackServer(options.folder, addresses(options.hosts), tls, options.port, options.rate)
    for rule in options.behave:
        path, _, texts = rule.partition("=")
        server.behave(path, *map(read_behaviour, texts.split(";")))
    with server:
        return _until_interrupted([server.origin(host) for host in range(options.hosts)])


def _until_interrupted(lines: list[str]) -> int:
    print("\n".join(lines), flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
