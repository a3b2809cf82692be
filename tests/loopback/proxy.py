"""A forward proxy on loopback: plain HTTP by absolute addresses, and tunnels by CONNECT.

It resolves every name to the loopback server that it is told of, so that tests can fetch from hosts that do not
exist and thereby show that they went through the proxy.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import threading
from collections.abc import Mapping
from urllib.parse import urlsplit

from tests.loopback.connections import Connections

HEAD_END = b"\r\n\r\n"


class LoopbackProxy:
    """A context manager that runs the proxy in a thread of its own.

    Parameters
    ----------
    upstream : mapping of str to (str, int), optional
        Host names and the address and port that stand for them; other names are resolved as usual.
    user, password : str, optional
        Asked for by Basic authentication; 407 without them.
    port : int
        0 lets the system choose.

    Attributes
    ----------
    seen : list of (str, str)
        Method and target of every request, in order: `("GET", "http://archive.example/a.csv")` or
        `("CONNECT", "archive.example:443")`.
    """

    def __init__(
        self,
        upstream: Mapping[str, tuple[str, int]] | None = None,
        user: str | None = None,
        password: str = "",
        port: int = 0,
    ) -> None:
        self.upstream, self.user, self.port = dict(upstream or {}), user, port
        self.seen: list[tuple[str, str]] = []
        self._pass = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._started = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> LoopbackProxy:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), name="loopback proxy", daemon=True)
        self._thread.start()
        if not self._started.wait(20):
            raise OSError(f"the proxy could not listen on port {self.port}")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        connections = Connections(self._relay)
        try:
            self.port = connections.listen("127.0.0.1", self.port)
            self._started.set()
            await self._stop.wait()
        finally:
            await connections.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request; the connection ends with its answer, so the proxy need not understand it."""
        first, *lines = (await reader.readuntil(HEAD_END))[:-4].decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        self.seen.append((method, target))
        if self.user is not None and f"proxy-authorization: {self._pass}".lower() not in map(str.lower, lines):
            refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n"
            writer.write(refusal + b"Content-Length: 0\r\nConnection: close\r\n\r\n")
            return await writer.drain()
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        try:
            there, back = await asyncio.open_connection(*self._address(parts.hostname or "", parts.port or 80))
        except OSError:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return await writer.drain()
        try:
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                back.write(_origin_form(method, target, lines))
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        finally:
            back.close()

    def _address(self, host: str, port: int) -> tuple[str, int]:
        return self.upstream.get(host, (host, port))


def _origin_form(method: str, target: str, lines: list[str]) -> bytes:
    parts = urlsplit(target)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    kept = [line for line in lines if not line.lower().startswith(("proxy-", "connection:"))]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *kept, "Connection: close", "", ""]).encode("latin-1")


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(1 << 16):
        sink.write(data)
        await sink.drain()
    with contextlib.suppress(OSError, RuntimeError):
        sink.write_eof()
