"""Let many stored objects pass their gates again, on all cores.

The gates are Python, which one process runs on one core. Many records are shared out among processes of the same
interpreter, which are told what to read on their standard input: they import nothing of the caller's program, so that
any script may ask for it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from astrobio.core.errors import AstrobioError
from astrobio.core.provenance import Provenance
from astrobio.verify.registry import verify

Item = tuple[str, str]
"""Path of an object, and its provenance as JSON."""
MANY = 1000
"""Records from which on processes are worth their start (a second)."""


def refusals(items: Sequence[Item], workers: int | None = None) -> list[list[str]]:
    """Why each object is refused, in order; of one that passes, an empty list.

    Parameters
    ----------
    items : sequence of (str, str)
        Path and provenance of each object.
    workers : int, optional
        Processes; unless given, one a core if there are many objects, else none but this.

    Raises
    ------
    AstrobioError
        If a process ends before it has answered.
    """
    if workers is None:
        workers = _cores() if len(items) >= MANY else 1
    if workers <= 1 or len(items) <= 1:
        return [_reasons(path, provenance) for path, provenance in items]
    shares = [items[place::workers] for place in range(min(workers, len(items)))]
    processes = [_start() for _ in shares]
    try:
        for process, share in zip(processes, shares, strict=True):
            assert process.stdin is not None
            # One that has ended already is heard of when its answer is asked for.
            with suppress(BrokenPipeError), process.stdin:
                process.stdin.write(json.dumps(share))
        answers = [_answer(process) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
    return [answers[place % len(shares)][place // len(shares)] for place in range(len(items))]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start() -> subprocess.Popen[str]:
    # A session of its own: an interrupt goes to the caller alone, who ends it. One thread: the others have cores, too.
    path = os.pathsep.join(folder for folder in sys.path if folder)
    return subprocess.Popen(
        [sys.executable, "-c", f"from {__name__} import main; main()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )


def _answer(process: subprocess.Popen[str]) -> list[list[str]]:
    assert process.stdout is not None
    text = process.stdout.read()
    if process.wait() != 0:
        raise AstrobioError(f"a process that lets objects pass their gates ended with {process.returncode}")
    found: list[list[str]] = json.loads(text)
    return found


def _reasons(path: str, provenance: str) -> list[str]:
    verdict = verify(Path(path).read_bytes(), Provenance.from_json(provenance))
    return [] if verdict.admitted else verdict.reasons


def main() -> None:
    """Answer for the objects that are named on standard input."""
    found = [_reasons(path, provenance) for path, provenance in json.load(sys.stdin)]
    json.dump(found, sys.stdout)
