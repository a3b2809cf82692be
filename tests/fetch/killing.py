"""Fetches in processes that a test can kill, started in milliseconds: one that has imported all forks for each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import deque
from pathlib import Path

from astrobio.archives.asking import Entries, OaiRecords, Pages, PublicObjects, StaticFile, StaticFiles, TapQuery
from tests.fetch.made import COMMA_TABLE, RECORDS, TAB_TABLE, fetch, made_source, product, quick, register

ROOT = Path(__file__).parents[2]
NOWHERE = StaticFiles((StaticFile("http://127.0.0.1:1/0.txt", "0.txt"),))


def register_all(origin: str) -> None:
    """A source of many requests by several protocols at ``origin``, and one whose files are in a mirror."""
    register(
        made_source(
            product("stars", TapQuery(f"{origin}/tap", "select id, value from stars", "stars.csv",
                                      count="select count(*) from stars", synchronous=False), COMMA_TABLE),
            product("records", OaiRecords(f"{origin}/oai", "made", "arXiv"), RECORDS),
            product("proteins", Pages(f"{origin}/proteins?start=0", "page-{page:03d}.tsv",
                                      total_header="X-Total-Results", items="lines"), TAB_TABLE),
            product("pathways", Entries(f"{origin}/kegg/list", r"(?m)^(ko\d+)", f"{origin}/kegg/get/{{id}}",
                                        "{id}.kgml")),
            product("x1d", PublicObjects(f"{origin}/stpubdata", "jwst/public/")),
        )
    )  # fmt: skip
    register(made_source(product("files", NOWHERE, saved_as=("made/*.txt",)), name="saved"))


class Killable:
    """Starts fetches; a context manager."""

    def __enter__(self) -> Killable:
        self._parent = subprocess.Popen(
            [sys.executable, "-c", "from tests.fetch import killing; killing.serve()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self._parent.stdin.close()
        self._parent.wait()
        self._parent.stdout.close()

    def start(self, origin: str, root: Path, source: str, mirror: str | None = None) -> None:
        """Start a fetch."""
        print(json.dumps([origin, str(root), source, mirror]), file=self._parent.stdin, flush=True)
        assert self._parent.stdout.readline() == "started\n"

    def end(self, kill: bool = False) -> int:
        """Wait for the end of the oldest fetch, or kill it; its exit code, negative for a signal."""
        print("kill" if kill else "wait", file=self._parent.stdin, flush=True)
        return int(self._parent.stdout.readline())


def serve() -> None:
    """Fetch what standard input says, each time in a process of its own; or end the oldest, as a line may say."""
    under_way: deque[int] = deque()
    while line := sys.stdin.readline():
        if line.startswith("["):
            under_way.append(os.fork())
            if under_way[-1] == 0:
                _fetch(*json.loads(line))
            print("started", flush=True)
            continue
        process = under_way.popleft()
        if line == "kill\n":
            os.kill(process, signal.SIGKILL)  # it has not been waited for: no other has its number
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _fetch(origin: str, root: str, source: str, mirror: str | None) -> None:
    code = 3
    try:
        quick()
        register_all(origin)
        [report] = fetch(Path(root), source, mirror=mirror)
        code = report.exit_code
        if code:
            print(report, file=sys.stderr)
    finally:
        os._exit(code)
