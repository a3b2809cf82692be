"""Let objects pass their gates in processes of their own.

Two reasons: the gates are Python, which one process runs on one core; and the libraries that read foreign formats can
be brought to crash, to loop, or to take all memory by bytes that were made for it. A process that does so is ended,
its object is refused, and another process goes on. Each is told on its standard input what to read: it imports nothing
of the caller's program, so that any script may ask for it.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from astrobio.archives.registry import verify
from astrobio.core.errors import AstrobioError
from astrobio.core.provenance import Provenance
from astrobio.verify.verdict import Finding, Verdict

Item = tuple[str, str]
"""Path of an object, and its provenance as JSON."""
MANY = 1000
"""Objects of a format of our own from which on processes are worth their start (a second)."""
READY = "ready"
PROGRAM = f"from {__name__} import main; main()"


@dataclass(frozen=True)
class Limits:
    """What one object may take while it is judged.

    Attributes
    ----------
    seconds : float
    memory : int
        Bytes of address space; held where the system can.
    """

    seconds: float = 300.0
    memory: int = 16 << 30


def judge(items: Sequence[Item], judges: Judges | None = None, isolated: bool = False) -> list[Verdict]:
    """What the gates find in each object, in order.

    Parameters
    ----------
    items : sequence of (str, str)
        Path and provenance of each object.
    judges : Judges, optional
        The processes; new ones, ended afterwards, unless given.
    isolated : bool
        Whether objects are read in other processes, however few they are; else only many are.

    Raises
    ------
    AstrobioError
        If a process cannot be started.
    """
    if not isolated and (len(items) < MANY or cores() == 1):
        return [_verdict(*item) for item in items]
    if judges is not None:
        return judges.judge(items)
    with closing(Judges()) as own:
        return own.judge(items)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _verdict(path: str, provenance: str) -> Verdict:
    return verify(Path(path).read_bytes(), Provenance.from_json(provenance))


class Judges:
    """Processes that let objects pass their gates; they start when they are needed and stay until they are closed.

    Parameters
    ----------
    workers : int, optional
        How many at once; one a core unless given.
    limits : Limits, optional
        Of each object.
    """

    def __init__(self, workers: int | None = None, limits: Limits | None = None) -> None:
        self.workers, self.limits = workers or cores(), limits or Limits()
        self._idle: list[subprocess.Popen[str]] = []
        self._busy: set[subprocess.Popen[str]] = set()

    def judge(self, items: Sequence[Item]) -> list[Verdict]:
        """What the gates find in each object, in order.

        Raises
        ------
        AstrobioError
            If a process cannot be started.
        """
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for place in range(len(items)):
            waiting.put(place)
        found: dict[int, Verdict] = {}
        failures: list[AstrobioError] = []

        def work() -> None:
            try:
                while not failures:
                    place = waiting.get_nowait()
                    found[place] = self._judge_one(items[place])
            except queue.Empty:
                return
            except AstrobioError as error:
                failures.append(error)

        threads = [threading.Thread(target=work, daemon=True) for _ in range(min(self.workers, len(items)))]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        except BaseException:
            self.close()
            raise
        if failures:
            raise failures[0]
        return [found[place] for place in range(len(items))]

    def close(self) -> None:
        """End the processes."""
        for process in [*self._idle, *self._busy]:
            self._end(process)
        self._idle.clear()

    def _judge_one(self, item: Item) -> Verdict:
        process = self._idle.pop() if self._idle else self._start()
        self._busy.add(process)
        verdict = self._ask(process, item)
        self._busy.discard(process)
        if process.poll() is None:
            self._idle.append(process)
        else:
            self._end(process)
        return verdict

    def _start(self) -> subprocess.Popen[str]:
        # A session of its own: an interrupt goes to the caller alone, who ends it. One thread: the others have cores.
        path = os.pathsep.join(folder for folder in sys.path if folder)
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(self.limits.memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
            env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        assert process.stdout is not None
        if process.stdout.readline().strip() != READY:
            code = process.wait()
            self._end(process)
            raise AstrobioError(f"a process that lets objects pass their gates ended with {code}")
        return process

    def _ask(self, process: subprocess.Popen[str], item: Item) -> Verdict:
        assert process.stdin is not None
        assert process.stdout is not None
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self.limits.seconds, end)
        timer.start()
        try:
            process.stdin.write(json.dumps(item) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        finally:
            timer.cancel()
        if answer.endswith("\n"):
            return Verdict.from_dict(json.loads(answer))
        code = process.wait()
        seen = f"not read after {self.limits.seconds:g} s" if late.is_set() else f"its reader {_ending(code)}"
        return Verdict((Finding("format", "read to its end", False, "refuse", seen, "a file that can be read"),))

    def _end(self, process: subprocess.Popen[str]) -> None:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            # What it was told and has not read is lost with it.
            with suppress(BrokenPipeError):
                if stream is not None:
                    stream.close()


def _ending(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with {code}"


def main() -> None:
    """Judge the objects that are named on standard input, a line each; answer with a line each."""
    _limit_memory(int(sys.argv[1]))
    # Libraries print where they like, as LAPACK does to standard output: only answers go there.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdout = sys.stderr
    print(READY, file=answers, flush=True)
    for line in sys.stdin:
        try:
            verdict = _verdict(*json.loads(line))
        except MemoryError:
            seen = f"more than {sys.argv[1]} bytes of memory are needed"
            verdict = Verdict((Finding("format", "read to its end", False, "refuse", seen, "a file that can be read"),))
        print(json.dumps(verdict.to_dict(), allow_nan=False), file=answers, flush=True)


def _limit_memory(most: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
