"""What each command of ``astrobio`` calls, and how its result is shown. One function a command.

Each returns whether all was well, and what ``--json`` prints.
"""

from astrobio.commands.archives import fetch, sources
from astrobio.commands.data import bring, quarantine, simulate, store, verify
from astrobio.commands.models import evaluate, lineage, predict, report, train
from astrobio.commands.packs import build, export

__all__ = [
    "bring",
    "build",
    "evaluate",
    "export",
    "fetch",
    "lineage",
    "predict",
    "quarantine",
    "report",
    "simulate",
    "sources",
    "store",
    "train",
    "verify",
]
