"""A loopback server for each test, and a folder to fetch into."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loopback.server import LoopbackServer, addresses


@pytest.fixture(autouse=True)
def no_proxy_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is reached directly, whatever the environment says."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LoopbackServer]:
    """Serves an empty folder under eight addresses; skips where a machine has but one, as macOS does unless told."""
    folder = tmp_path / "served"
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(LoopbackServer(folder, addresses(8)))
        except OSError as error:
            pytest.skip(f"no loopback addresses 127.0.0.2 and on: {error}")
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where files go."""
    path = tmp_path / "fetched"
    path.mkdir()
    return path
