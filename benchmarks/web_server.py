"""A web server for the transfer benchmark: nginx on the loopback interface, configured and started here."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ELSEWHERE = "/usr/sbin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin"
_PATIENCE = 10.0
_CONFIGURATION = """
{user}
worker_processes 1;
daemon off;
pid {work}/nginx.pid;
error_log {work}/error.log warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    open_file_cache max=10000;
    client_body_temp_path {work}/body;
    proxy_temp_path {work}/proxy;
    fastcgi_temp_path {work}/fastcgi;
    uwsgi_temp_path {work}/uwsgi;
    scgi_temp_path {work}/scgi;
    default_type application/octet-stream;
    server {{
        listen 127.0.0.1:{port};
        root {root};
    }}
}}
"""


def find_nginx(name: str = "nginx") -> str:
    """Path of the server's program.

    Raises
    ------
    SystemExit
        If it is not installed; the message says how to install it.
    """
    found = shutil.which(name) or shutil.which(name, path=_ELSEWHERE)
    if found is None:
        raise SystemExit(f"{name} is not installed; Debian: apt-get install nginx-light, macOS: brew install nginx")
    return found


@contextmanager
def served(root: Path, work: Path, program: str) -> Iterator[str]:
    """Serve a folder while the context lasts; yields the address, as ``http://127.0.0.1:PORT``.

    Raises
    ------
    RuntimeError
        If the server does not answer within ten seconds.
    """
    work.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    # As root, nginx would give its worker to another user, who cannot read a temporary folder.
    user = "user root;" if hasattr(os, "geteuid") and os.geteuid() == 0 else ""
    configuration = work / "nginx.conf"
    text = _CONFIGURATION.format(user=user, work=work.resolve(), port=port, root=root.resolve())
    configuration.write_text(text, encoding="utf-8")
    command = [program, "-p", str(work), "-e", str(work / "error.log"), "-c", str(configuration.resolve())]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            _wait(process, port, work / "error.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until the server takes connections."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    said = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    raise RuntimeError(f"nginx does not answer on port {port}: {said}")
