"""An extension of griffe for the reference pages: examples in docstrings become code blocks.

Numpydoc wants doctests under a heading "Examples"; here they stand at the end of a docstring. As plain Markdown
their brackets would be read as links.
"""

from __future__ import annotations

from typing import Any

import griffe


def fenced(text: str) -> str:
    """``text`` with each doctest, up to the next empty line, as a block of code.

    >>> fenced("Add.\\n\\n>>> 1 + 1\\n2").splitlines()
    ['Add.', '', '```pycon', '>>> 1 + 1', '2', '```']
    """
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        if line.startswith(">>> ") and not inside:
            lines.append("```pycon")
            inside = True
        elif inside and not line.strip():
            lines.append("```")
            inside = False
        lines.append(line)
    return "\n".join([*lines, "```"] if inside else lines)


class FencedDoctests(griffe.Extension):
    """Applies :func:`fenced` to every docstring."""

    def on_instance(self, *, obj: griffe.Object, **_rest: Any) -> None:
        """Called for each object once it is collected."""
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)
