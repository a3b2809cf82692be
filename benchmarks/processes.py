"""Steps of a benchmark in processes of their own, watched from outside.

A step is a command that prints one JSON document as the last line of its standard output. While it runs, the
anonymous and shared resident memory of its process and all processes below it is read from ``/proc`` every 20 ms,
so that no time of the step goes into watching it. Pages that a process shares with one that it forked count in
each. Linux only: other systems have no ``/proc``.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MEASURED = "measured"
"""The line by which a step says that what follows is not to be watched."""
_INTERVAL = 0.02
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class StepFailed(Exception):
    """A step that ended with an error; holds the end of what it said."""


@dataclass(frozen=True)
class Step:
    """What a step printed, and what was seen of its processes.

    Attributes
    ----------
    document : dict
        The JSON document.
    anonymous, shared : int
        Most anonymous and most shared memory that was resident at once, bytes.
    wall, cpu : float
        Seconds from start to end; user and system time of the process and all below it.
    """

    document: dict[str, Any]
    anonymous: int
    shared: int
    wall: float
    cpu: float


def require_linux() -> None:
    """End with a message where there is no ``/proc`` to read."""
    if not Path("/proc/self/status").is_file():
        raise SystemExit("this benchmark reads memory and CPU time of processes from /proc, which Linux has")


def family(root: int) -> list[int]:
    """A process and all processes below it."""
    found = [root]
    for process in found:
        try:
            threads = os.listdir(f"/proc/{process}/task")
        except OSError:
            continue
        for thread in threads:
            try:
                text = Path(f"/proc/{process}/task/{thread}/children").read_text(encoding="ascii")
            except OSError:
                continue
            found += [int(child) for child in text.split()]
    return found


def resident(processes: Sequence[int]) -> tuple[int, int]:
    """Anonymous and shared resident memory of processes, bytes; those that have ended count nothing."""
    sums = {"RssAnon": 0, "RssShmem": 0}
    for process in processes:
        try:
            text = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
        except OSError:
            continue
        for line in text.splitlines():
            name, _, value = line.partition(":")
            if name in sums:
                sums[name] += 1024 * int(value.split()[0])
    return sums["RssAnon"], sums["RssShmem"]


def cpu_seconds(root: int) -> float:
    """User and system time of a process and all below it, s, those that have ended and were waited for included."""
    total = 0
    for process in family(root):
        try:
            text = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            continue
        total += sum(map(int, text.rpartition(")")[2].split()[11:15]))
    return total / _TICKS


def run_step(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Step:
    """Run a step and watch it.

    Raises
    ------
    StepFailed
        If it ends with an error, or without a document.
    """
    require_linux()
    begun = time.perf_counter()
    with subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | dict(environment or {}),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        watch = _Watch(process.pid)
        output = _collect({process.stdout.fileno(): "stdout", process.stderr.fileno(): "stderr"}, watch)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begun
    lines = [line for line in output["stdout"].splitlines() if line.strip() and line.strip() != MEASURED]
    if process.returncode or not lines:
        said = "\n".join((output["stderr"] or output["stdout"]).strip().splitlines()[-12:])
        raise StepFailed(f"exit code {process.returncode}: {said}")
    return Step(json.loads(lines[-1]), watch.anonymous, watch.shared, wall, usage.ru_utime + usage.ru_stime)


class _Watch:
    """The most memory seen so far."""

    def __init__(self, root: int) -> None:
        self.root, self.anonymous, self.shared, self.active = root, 0, 0, True

    def look(self) -> None:
        if self.active:
            anonymous, shared = resident(family(self.root))
            self.anonymous, self.shared = max(self.anonymous, anonymous), max(self.shared, shared)


def _collect(streams: dict[int, str], watch: _Watch) -> dict[str, str]:
    """Read streams to their end; look at memory in between, until the step says that it has measured."""
    parts: dict[str, list[bytes]] = {name: [] for name in streams.values()}
    due = time.perf_counter()
    while streams:
        ready, _, _ = select.select(list(streams), [], [], max(0.0, due - time.perf_counter()))
        for stream in ready:
            content = os.read(stream, 65536)
            parts[streams[stream]].append(content)
            if streams[stream] == "stdout" and MEASURED.encode() in content:
                watch.active = False
            if not content:
                del streams[stream]
        if time.perf_counter() >= due:
            watch.look()
            due = time.perf_counter() + _INTERVAL
    return {name: b"".join(listed).decode(errors="replace") for name, listed in parts.items()}


def say_measured() -> None:
    """In a step: what follows is not to be watched."""
    print(MEASURED, flush=True)


def print_document(document: Mapping[str, Any]) -> None:
    """In a step: print its document."""
    print(json.dumps(document), file=sys.__stdout__, flush=True)
