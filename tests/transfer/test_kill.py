"""Killed again and again at any instant, a fetch ends with the same files as one that nobody disturbed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from tests.transfer.fetching import child, names, noise, run, sha256

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL")

MEBIBYTE = 1 << 20
KILLS = 50
SIZES = {
    "large.bin": 20 * MEBIBYTE,  # in ranges
    "stream.bin": 3 * MEBIBYTE,
    **{f"{number}.bin": 1 + 37_123 * number for number in range(16)},
}

# Fetches those files that are not there yet, as callers do; durable, as by default.
FETCH = """
    import json, sys
    from dataclasses import replace
    from pathlib import Path
    from astrobio.transfer import HostLimit, Request, download
    from tests.transfer.fetching import PATIENT
    wanted = [Request(url, Path(path)) for url, path in json.loads(sys.argv[1]) if not Path(path).exists()]
    ranges = {"range_bytes": 4 << 20, "piece_bytes": 1 << 16, "file_connections": 4}
    for outcome in download(wanted, replace(PATIENT, sync=True, **ranges)):
        outcome.check()
"""


def whole(folder: Path, contents: dict[str, str]) -> set[str]:
    """Names of the files that stand in the folder, each of which must be right; beside them only states."""
    found = names(folder)
    states = {name + end for name in contents for end in (".part", ".part.json", ".part.json.new")}
    assert found <= set(contents) | states
    done = found & set(contents)
    assert {name: sha256((folder / name).read_bytes()) for name in done} == {name: contents[name] for name in done}
    return done


@pytest.mark.timeout(120)
def test_fifty_kills_change_nothing(server, folder, tmp_path):
    contents = {}
    for seed, (name, size) in enumerate(SIZES.items()):
        content = noise(size, seed)
        server.put(name, content)
        contents[name] = sha256(content)
    undisturbed = tmp_path / "undisturbed"
    requests = {
        place: json.dumps([(server.url(name), str(place / name)) for name in SIZES]) for place in (folder, undisturbed)
    }
    run(FETCH, requests[undisturbed])
    before = server.sent("large.bin")
    server.rate = 2 * MEBIBYTE
    instants, kills, rounds, states = random.Random(20), 0, 0, 0
    while kills < KILLS:
        with child(FETCH, requests[folder]) as process:
            try:
                _, errors = process.communicate(timeout=instants.uniform(0.03, 0.35))
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
        kills += process.returncode == -signal.SIGKILL
        assert process.returncode in (-signal.SIGKILL, 0), errors
        done = whole(folder, contents)
        states += names(folder) != done
        if process.returncode == 0:  # all done: once more from nothing
            assert done == set(SIZES) == names(folder)
            rounds += 1
            for name in done:
                (folder / name).unlink()
    server.wait_for(server.idle)
    server.rate = None
    run(FETCH, requests[folder])
    assert names(folder) == names(undisturbed) == set(SIZES)
    assert whole(folder, contents) == set(SIZES)
    assert states > KILLS / 2  # the kills came while there was something to break
    # A large file goes on where it was; if it began anew, every kill would cost what had come before it.
    assert server.sent("large.bin") - before < (rounds + 1) * 2 * SIZES["large.bin"]
