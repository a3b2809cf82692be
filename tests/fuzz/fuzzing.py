"""What all fuzzers share: mutants are judged in a process of their own, watched, counted and recorded.

A fuzzer says by which names its formats go, how a mutant is made, and how one is judged. Each mutant is a pure function
of its seed, so that a find is made again by ``--only FORMAT --seed N --seconds 0``. The process that judges has a limit
on its memory; one that is ended by a signal, or says nothing for too long, is replaced, and its mutant is a find.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import resource
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

MEMORY = 4 << 30
"""Bytes of address space that judging may take beyond what the process has at its start."""
LONGEST = 20.0
"""Seconds of the processor that a verdict may take, unless a format says otherwise."""
PATIENCE = 15
"""How many times longer it may take on a clock, on a machine that others use too."""


class Mutant(NamedTuple):
    """A file that was changed.

    Attributes
    ----------
    file : str
        What it is made from, for the record.
    content : bytes
    changes : list of str
        Names of the changes.
    about : Any
        Whatever a judge needs to know beside the bytes.
    """

    file: str
    content: bytes
    changes: list[str]
    about: Any = None


@dataclass(frozen=True)
class Format:
    """A format under attack: how its mutants are made and judged.

    Attributes
    ----------
    make : callable
        A mutant from random numbers.
    judge : callable
        Whether a mutant is admitted, and what is wrong with that; nothing may be raised.
    longest : float
        Seconds of the processor that a verdict may take.
    contained : bool
        Whether a crash of the library that reads it is known to be kept away from users, by reading it in a process of
        its own: it is then counted, and no find.
    loud : type of warning
        Warnings that are errors: all of them, as in the tests, unless told.
    """

    make: Callable[[random.Random], Mutant]
    judge: Callable[[Mutant], tuple[bool, str]]
    longest: float = LONGEST
    contained: bool = False
    loud: type[Warning] = Warning


Load = Callable[[Path], Format]
"""Makes a format ready, from a folder of genuine files."""


@dataclass
class Record:
    """What was run, and what was found."""

    format: str
    first_seed: int
    begun: str
    commit: str
    seconds: float = 0.0
    mutants: int = 0
    admitted: int = 0
    by_file: Counter[str] = field(default_factory=Counter)
    admitted_by_file: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    slowest_seed: int = 0
    crashes_contained: list[dict[str, Any]] = field(default_factory=list)
    found: list[dict[str, Any]] = field(default_factory=list)


class _Late(BaseException):
    """A verdict that took too long; no check may take it for an error of the file."""


def _late(_signal: int, _frame: FrameType | None) -> None:
    raise _Late


def judged(form: Format, mutant: Mutant) -> tuple[bool, str, float]:
    """Whether a mutant is admitted, what is wrong with that, and the seconds of the processor that it took."""
    began, admitted = time.process_time(), False
    signal.setitimer(signal.ITIMER_PROF, form.longest, 1.0)
    try:
        admitted, wrong = form.judge(mutant)
    except _Late:
        wrong = f"no verdict within {form.longest:g} s"
    except MemoryError:
        wrong = f"more than {MEMORY} bytes of memory are needed: {traceback.format_exc()}"
    except Exception:  # noqa: BLE001  # whatever it is, it is what is looked for
        wrong = traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return admitted, wrong, time.process_time() - began


def _work(load: Load, mirror: Path, number: int, answers: Connection) -> None:
    """Judge mutant after mutant, and tell what became of each; runs in a process of its own."""
    signal.signal(signal.SIGPROF, _late)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    form = load(mirror)
    warnings.simplefilter("error", form.loud)
    with open("/proc/self/statm", encoding="ascii") as stream:
        held = int(stream.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers.send((form.longest, form.contained))
    while True:
        mutant = form.make(random.Random(number))
        admitted, wrong, took = judged(form, mutant)
        answers.send((mutant if wrong else mutant._replace(content=b"", about=None), admitted, wrong, took))
        number += 1


def _make(load: Load, mirror: Path, number: int, answers: Connection) -> None:
    """Make one mutant, to be kept; in a process of its own, since what a format needs may have threads."""
    answers.send(load(mirror).make(random.Random(number))._replace(about=None))


def fuzz(name: str, load: Load, mirror: Path, seconds: float, seed: int, finds: Path) -> Record:
    """Fuzz one format for so long, and for one mutant at least."""
    record = Record(name, seed, datetime.now().astimezone().isoformat(timespec="seconds"), _commit())
    begun = 0.0
    while not record.mutants or time.monotonic() - begun < seconds:
        with _started(_work, load, mirror, seed + record.mutants) as answers:
            longest, contained = answers.recv()
            begun = begun or time.monotonic()
            try:
                while not record.mutants or time.monotonic() - begun < seconds:
                    if not answers.poll(longest * PATIENCE):
                        _lost(record, load, mirror, "nothing is heard of it any more", finds)
                        break
                    mutant, admitted, wrong, took = answers.recv()
                    _count(record, mutant, admitted, wrong, took, finds)
            except EOFError:
                _lost(record, load, mirror, "its reader was ended", finds, contained)
    record.seconds = round(time.monotonic() - begun, 1)
    return record


@contextmanager
def _started(target: Callable[..., None], *given: Any) -> Iterator[Connection]:
    """What a process says that was started, and is ended afterwards."""
    context = multiprocessing.get_context("fork")
    answers, theirs = context.Pipe(duplex=False)
    process = context.Process(target=target, args=(*given, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield answers
    finally:
        process.kill()
        process.join()


def _count(record: Record, mutant: Mutant, admitted: bool, wrong: str, took: float, finds: Path) -> None:
    """One mutant that got a verdict."""
    if (took, record.mutants) > (record.slowest_s, record.slowest_seed):
        record.slowest_s, record.slowest_seed = round(took, 2), record.first_seed + record.mutants
    record.by_file[mutant.file] += 1
    record.admitted += admitted
    record.admitted_by_file[mutant.file] += admitted
    record.changes.update(mutant.changes)
    if wrong:
        _keep(record, mutant, wrong, finds)
    record.mutants += 1


def _lost(record: Record, load: Load, mirror: Path, wrong: str, finds: Path, contained: bool = False) -> None:
    """One mutant that got no verdict."""
    with _started(_make, load, mirror, record.first_seed + record.mutants) as answers:
        mutant = answers.recv()
    if contained:
        told = {"seed": record.first_seed + record.mutants, "file": mutant.file, "changes": mutant.changes}
        record.crashes_contained.append(told)
    else:
        _keep(record, mutant, wrong, finds)
    record.mutants += 1


def _keep(record: Record, mutant: Mutant, wrong: str, finds: Path) -> None:
    seed = record.first_seed + record.mutants
    finds.mkdir(parents=True, exist_ok=True)
    (finds / f"{record.format}-{seed}-{mutant.file.rpartition('/')[2]}").write_bytes(mutant.content)
    record.found.append({"seed": seed, "file": mutant.file, "changes": mutant.changes, "wrong": wrong})
    print(f"{record.format} seed {seed} {mutant.file} {mutant.changes}: {wrong}", file=sys.stderr, flush=True)


def _commit() -> str:
    """The commit whose parsers are run, and its date; empty outside a repository."""
    asked = ["git", "-C", str(Path(__file__).parent), "log", "-1", "--format=%h %cs"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def main(formats: Mapping[str, Load], description: str) -> int:
    """Run from the command line; 1 where something was found."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=formats, help="these formats; all, one by one, unless given")
    parser.add_argument("--seconds", type=float, default=600, help="for each format; 0 makes one mutant")
    parser.add_argument("--seed", type=int, default=0, help="of the first mutant; each further one has the next")
    parser.add_argument("--mirror", type=Path, default=os.environ.get("ASTROBIO_MIRROR"))
    parser.add_argument("--finds", type=Path, default=Path("fuzz-finds"), help="a folder for mutants that are finds")
    parser.add_argument("--record", type=Path, help="a file of JSON lines, one more for each run")
    options = parser.parse_args()
    if options.mirror is None:
        parser.error("--mirror or ASTROBIO_MIRROR must name a folder of genuine files")
    found = 0
    for name in options.only or formats:
        record = fuzz(name, formats[name], Path(options.mirror), options.seconds, options.seed, options.finds)
        found += len(record.found)
        text = json.dumps(vars(record))
        print(text, flush=True)
        if options.record:
            with open(options.record, "a", encoding="utf-8") as stream:
                stream.write(text + "\n")
    return 1 if found else 0
