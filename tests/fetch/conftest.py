"""Services on loopback, a store to fetch into, and a registry that tests may add to."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from astrobio.archives.registry import SOURCES
from astrobio.fetch import engine, jobs, mast
from tests.fetch.made import quick
from tests.fetch.services import Services


@pytest.fixture(autouse=True)
def clean_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sources that a test registers are gone after it; patience is short, and the environment says nothing."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ASTROBIO_MIRROR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    before = dict(SOURCES)
    for module, name in ((engine, "session_for"), (jobs, "Patience"), (jobs, "AGAIN"), (mast, "PAUSE")):
        monkeypatch.setattr(module, name, getattr(module, name))
    quick()
    yield
    SOURCES.clear()
    SOURCES.update(before)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """A server of a folder and of services."""
    folder = tmp_path / "served"
    folder.mkdir()
    with Services(folder) as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Where a store may be made."""
    return tmp_path / "store"


@pytest.fixture
def free_port() -> int:
    """A port of this machine at which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
