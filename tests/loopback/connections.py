"""Accepting connections for the servers on loopback, so that none outlives its server."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
# What ends a connection early: the client went, or sent what cannot be read, or the server stops.
ENDINGS = (OSError, EOFError, RuntimeError, ValueError, asyncio.LimitOverrunError, asyncio.CancelledError)
BACKLOG = 2048
LARGEST_HEAD = 1 << 16


class Connections:
    """Listens, and serves each connection in a task of its own; for use within an event loop.

    `asyncio.start_server` leaves sockets open that it had accepted, and not yet served, when it is closed.

    Parameters
    ----------
    serve : coroutine function
        Is given the reader and writer of a connection, which ends when it returns.
    tls : ssl.SSLContext, optional
        Each connection begins with a handshake.
    """

    def __init__(self, serve: Serve, tls: ssl.SSLContext | None = None) -> None:
        self._serve, self._tls = serve, tls
        self._listeners: list[socket.socket] = []
        self._sockets: set[socket.socket] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def listen(self, host: str, port: int) -> int:
        """Begin to listen; the port, which the system chooses if it is 0."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        self._listeners.append(listener)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
        asyncio.get_running_loop().add_reader(listener, self._accept, listener)
        return listener.getsockname()[1]

    def _accept(self, listener: socket.socket) -> None:
        """Take up all connections that wait."""
        with contextlib.suppress(OSError):
            while True:
                accepted, _ = listener.accept()
                accepted.setblocking(False)
                self._sockets.add(accepted)
                task = asyncio.get_running_loop().create_task(self._connect(accepted))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _connect(self, accepted: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(LARGEST_HEAD)
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, accepted, ssl=self._tls)
            writer = asyncio.StreamWriter(transport, protocol, reader, loop)
            try:
                await self._serve(reader, writer)
                writer.close()
            except ENDINGS:
                transport.abort()
        except ENDINGS:
            accepted.close()  # the handshake failed
        finally:
            self._sockets.discard(accepted)

    async def close(self) -> None:
        """Stop to listen and end every connection."""
        for listener in self._listeners:
            asyncio.get_running_loop().remove_reader(listener)
            listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for accepted in self._sockets:  # of tasks that had not begun
            accepted.close()
        for _ in range(3):  # transports close their sockets when the loop comes round
            await asyncio.sleep(0)
