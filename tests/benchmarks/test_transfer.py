"""The transfer benchmark fetches whole files by every client that is here, and says what is missing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
try:
    import transfer
    import transfer_clients
    from measuring import Measurement
    from web_server import find_nginx
finally:
    sys.path.remove(str(BENCHMARKS))

CLIENTS_HERE = [client.name for client in transfer.chosen_clients(None)[0]]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, str(BENCHMARKS / "transfer.py"), *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False, env=environment)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A web server over ``tmp_path / "served"``."""
    (tmp_path / "served").mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Requests are nothing to tell."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "served"))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_without_the_server_it_says_what_to_install(tmp_path: Path) -> None:
    done = run("--nginx", "no-such-server", "--work", str(tmp_path))

    assert done.returncode == 1
    assert "no-such-server is not installed; Debian: apt-get install nginx-light" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_every_client_gets_both_times_for_both_loads(tmp_path: Path) -> None:
    try:
        find_nginx()
    except SystemExit:
        pytest.skip("nginx is not installed")
    out = tmp_path / "transfer.json"

    sizes = ["--files", "6", "--file-bytes", "3000", "--large-bytes", "200000"]
    turns = ["--repeats", "1", "--connections", "2", "--large-connections", "1", "2"]
    done = run(*sizes, *turns, "--work", str(tmp_path), "--out", str(out))

    assert done.returncode == 0, done.stderr
    document = json.loads(out.read_text())
    for load in ("6 of 3 kB", "1 of 200 kB"):
        assert {item["way"] for item in document["measurements"] if item["stage"] == load} == set(CLIENTS_HERE)
    for item in document["measurements"]:
        assert 0 < item["minimum_s"] <= min(item["detail"]["durable_seconds"])
        if item["way"] == "astrobio":
            assert item["seconds"] == item["detail"]["durable_seconds"]
    assert set(document["settings"]["left_out"]) == set(transfer_clients.BY_NAME) - set(CLIENTS_HERE)
    assert [path for path in tmp_path.iterdir() if path != out] == [], "temporary files are left"


@pytest.mark.parametrize("name", CLIENTS_HERE)
def test_a_client_fetches_whole_files_and_refuses_one_with_another_digest(
    name: str, address: str, tmp_path: Path
) -> None:
    notes, target = tmp_path / "notes", tmp_path / "fetched"
    for folder in (notes, target):
        folder.mkdir()
    sizes = [10, 70_000, 5]
    files = transfer.write_files(tmp_path / "served", "many", sizes, 0)
    load = transfer.Load("few", files, (2,)).placed(address, target)
    client = transfer_clients.BY_NAME[name]()
    client.prepare()

    client.fetch(load, 2, notes)

    assert [hashlib.sha256(Path(file.path).read_bytes()).hexdigest() for file in load] == [f.sha256 for f in files]
    shutil.rmtree(target)
    target.mkdir()
    other = [*load[:2], transfer_clients.File(load[2].url, load[2].path, 5, "0" * 64)]
    with pytest.raises(Exception, match="(?i)digest|checksum|sha-?256|hash"):
        client.fetch(other, 2, notes)


def test_the_best_number_of_connections_is_the_one_that_is_first_on_the_disk() -> None:
    def of(client: str, connections: int, durable: float) -> Measurement:
        detail = {"connections": connections, "durable_seconds": [9.0, durable]}
        return Measurement("many", client, 5, [1.0], detail)

    found = transfer.best([of("a", 16, 3.0), of("a", 64, 2.0), of("b", 16, 1.0)])

    assert [(item.way, item.detail["connections"]) for item in found] == [("b", 16), ("a", 64)]


def test_clients_take_turns_and_one_that_cannot_split_a_file_fetches_it_over_one_connection() -> None:
    clients = [transfer_clients.Astrobio, transfer_clients.Curl]
    large = transfer.Load("large", (transfer_clients.File("a", "a", 1, ""),), (1, 4))

    order = [(client.name, connections) for client, connections in transfer.turns(clients, large, 2)]

    assert order == [
        *(("astrobio", 1), ("astrobio", 4), ("curl --parallel", 1)),
        *(("curl --parallel", 1), ("astrobio", 1), ("astrobio", 4)),
    ]
