"""How results are shown: tables and lines for people, beside one JSON document for scripts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import Any

from astrobio.core.console import progress, rendered, say

Result = tuple[bool | int, Any]
"""Whether all was well, or the exit code; and what ``--json`` prints."""

NAME = 32
"""The longest that a name in a table is."""


def show(options: argparse.Namespace, *rows: Any) -> None:
    """For people: on standard output, or on standard error where that holds the JSON document."""
    stream = sys.stderr if options.json else sys.stdout
    for row in rows:
        say(row if isinstance(row, str) else rendered(row, stderr=options.json), stream)


def table(title: str, rows: Iterable[tuple[object, ...]], head: tuple[str, ...] = ("", "")) -> Any:
    """A table for :func:`show`; markup in its cells is text, and names in its first column are not broken."""
    from rich.markup import escape
    from rich.table import Table

    found, rows = Table(title=escape(title), title_justify="left", show_header=any(head)), list(rows)
    names = all(len(str(row[0])) <= NAME for row in rows)
    for place, name in enumerate(head):
        found.add_column(name, overflow="fold", no_wrap=names and place == 0)
    for row in rows:
        found.add_row(*(escape(str(cell)) for cell in row))
    return found


def bar(title: str, unit: str) -> Any:
    """A progress bar that takes the items and their number."""
    return lambda items, total: progress(items, title, total, unit)
