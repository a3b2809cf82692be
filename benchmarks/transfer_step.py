"""One step of the transfer benchmark: a client fetches files, in a process of its own.

``transfer.py`` runs it and watches its memory. What is imported before is not measured; a command-line client's
start is. After the client is done, the file system is synchronised, and that time stands apart.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from processes import print_document, resident, say_measured
from transfer_clients import BY_NAME, File


def cpu() -> float:
    """User and system time so far of this process and of its children that have ended, s."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def measure(client: str, connections: int, folder: str, files: list[dict[str, Any]]) -> dict[str, Any]:
    """Fetch the files; times as the client leaves them, and until they are on the disk."""
    way, wanted = BY_NAME[client](), [File(**file) for file in files]
    way.prepare()
    before, _ = resident([os.getpid()])
    cpu_begun, begun = cpu(), time.perf_counter()
    way.fetch(wanted, connections, Path(folder))
    cpu_ended, ended = cpu_on_disk, on_disk = cpu(), time.perf_counter()
    if not way.durable:
        subprocess.run(["sync", "--file-system", Path(wanted[0].path).parent], check=True)
        cpu_on_disk, on_disk = cpu(), time.perf_counter()
    say_measured()
    return {
        "wall_s": ended - begun,
        "cpu_s": cpu_ended - cpu_begun,
        "durable_wall_s": on_disk - begun,
        "durable_cpu_s": cpu_on_disk - cpu_begun,
        "anonymous_before": before,
        "is_program": bool(way.programs),
    }


if __name__ == "__main__":
    print_document(measure(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
