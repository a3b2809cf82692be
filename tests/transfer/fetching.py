"""What the tests of the transfer share: quick settings, child processes, and what a folder holds afterwards."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

from astrobio.transfer import HostLimit, Outcome, Request, Settings, download

ROOT = Path(__file__).parents[2]

# For tests: further attempts come at once. Nothing stalls but on purpose, however busy the machine is.
PATIENT = Settings(attempts=3, backoff=0.01, longest_backoff=0.05, longest_wait=5.0, default_limit=HostLimit(8),
                   sync=False)  # fmt: skip
# For servers that fall silent. Loopback answers in microseconds, so that 0.3 s are long.
QUICK = replace(PATIENT, connect_timeout=0.2, stall_timeout=0.3)


def fetch(url: str, path: Path, settings: Settings = PATIENT, **options: object) -> Outcome:
    """What becomes of one request."""
    [outcome] = download([Request(url, path, **options)], settings)
    return outcome


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that repeat nowhere, the same for the same seed."""
    return random.Random(seed).randbytes(size)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def names(folder: Path) -> set[str]:
    """Paths of all files below a folder, hidden ones too."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def everything_said(outcome: Outcome) -> str:
    """All text of an outcome that may end up in a log or a record."""
    parts = [repr(outcome), str(outcome.request)]
    if outcome.error is not None:
        parts += [str(outcome.error), repr(outcome.error), json.dumps(vars(outcome.error), default=str)]
    return "\n".join(parts)


def child(code: str, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    """A Python process that runs `code`, its output in text; `environment` is added, and empty values are removed."""
    merged = {name: value for name, value in (os.environ | environment).items() if environment.get(name) != ""}
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=merged, cwd=ROOT,
    )  # fmt: skip


def read_until(process: subprocess.Popen[str], reached: int) -> None:
    """Read numbers, one a line, from a process until one is `reached`; AssertionError if it ends before."""
    for line in process.stdout:
        if not line.strip().isdigit():
            break
        if int(line) >= reached:
            return
    raise AssertionError(f"{reached} was not reached: {process.stderr.read()}")


def run(code: str, *arguments: object, timeout: float = 60, **environment: str) -> str:
    """Standard output of such a process; AssertionError with its error output if it fails."""
    with child(code, *arguments, **environment) as process:
        try:
            output, errors = process.communicate(timeout=timeout)
        finally:
            process.kill()  # does nothing to a process that has ended
    assert process.returncode == 0, errors
    return output
