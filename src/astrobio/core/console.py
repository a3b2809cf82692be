"""What people see: lines, marks that fall back to ASCII, progress bars. Colours only on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

if TYPE_CHECKING:
    from rich.console import Console

Item = TypeVar("Item")

_ASCII = {"✅": "[OK]", "❌": "[X]", "⚠️": "[!]", "🔍": "[?]", "🚀": "[>]", "📊": "[#]", "█": "#", "±": "+-"}


def to_terminal(text: str, stream: TextIO | None = None) -> str:
    """``text`` with its marks replaced by ASCII where the stream cannot encode them.

    >>> import io
    >>> to_terminal("✅ done", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    '[OK] done'
    """
    encoding = getattr(stream or sys.stdout, "encoding", None) or "ascii"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        for mark, plain in _ASCII.items():
            text = text.replace(mark, plain)
        return text.encode(encoding, errors="replace").decode(encoding)
    return text


def say(text: str = "", stream: TextIO | None = None) -> None:
    """Print one line at once, in a form that the stream can show."""
    target = stream or sys.stdout
    print(to_terminal(text, target), file=target, flush=True)


def console(stderr: bool = True) -> Console:
    """A rich console; on standard error unless told, so that standard output stays for results."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    # A file or a pipe has no width; tables are given room there.
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else 120)


def rendered(item: Any, stderr: bool = True) -> str:
    """A rich table or tree as text, in the width and colours of the stream that it is for."""
    screen = console(stderr)
    with screen.capture() as captured:
        screen.print(item)
    return captured.get().rstrip("\n")


def progress(items: Iterable[Item], title: str, total: int | None = None, unit: str = "it") -> Iterator[Item]:
    """Iterate with a bar on standard error that shows the rate, e.g. ``runs/s``; nothing where it is no terminal."""
    from tqdm import tqdm

    yield from tqdm(items, desc=title, total=total, unit=unit, file=sys.stderr, disable=not sys.stderr.isatty())
