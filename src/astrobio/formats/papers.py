"""Papers as metadata: identifier, title, authors, subjects, dates and abstract, from JSON lines."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from astrobio.formats.jsonl import read_json_lines

FIELDS = ("id", "announced", "title", "authors", "subjects", "abstract")
"""What each line of a file of abstracts holds, as text."""
MOST_BYTES = 256 << 20
"""Of a file of abstracts once it is unpacked; 8,875 of them are 17 MB."""
_NEW_ID = re.compile(r"(\d{2})(\d{2})\.\d{4,5}")
_OLD_ID = re.compile(r"[a-z][a-z-]*(?:\.[A-Z]{2})?/(\d{2})(\d{2})\d{3}")
_CATEGORY = re.compile(r"\(([a-z][a-z-]*(?:\.[A-Za-z-]+)?)\)")


@dataclass(frozen=True)
class Paper:
    """What is told of one paper.

    Attributes
    ----------
    id : str
        At arXiv, ``2305.00019`` or ``astro-ph/9901001``, without a version.
    title, authors, abstract : str
        White space is single spaces.
    categories : tuple of str
        As ``astro-ph.EP``, the main one first.
    announced, submitted : date, optional
        When it was announced, and when its first version was sent.
    licence : str
        Address of the licence of the paper itself; that of its metadata is the archive's.
    """

    id: str
    title: str
    authors: str
    abstract: str
    categories: tuple[str, ...] = ()
    announced: date | None = None
    submitted: date | None = None
    licence: str = ""

    @property
    def month(self) -> tuple[int, int] | None:
        """Year and month that the identifier names; none where it is no identifier of arXiv.

        Identifiers: https://info.arxiv.org/help/arxiv_identifier.html.

        >>> Paper("astro-ph/9901001", "", "", "").month
        (1999, 1)
        """
        found = _NEW_ID.fullmatch(self.id) or _OLD_ID.fullmatch(self.id)
        if found is None or not 1 <= int(found[2]) <= 12:
            return None
        year = int(found[1])
        return year + (1900 if year >= 91 and "/" in self.id else 2000), int(found[2])


@dataclass
class Papers:
    """Papers of one file, and what is wrong with those that could not be read.

    Attributes
    ----------
    papers : list of Paper
    problems : list of (check, what)
    """

    papers: list[Paper] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)


def read_abstracts(content: bytes) -> Papers:
    """Read a file of abstracts: JSON lines, gzipped or not.

    Raises
    ------
    FormatError
        If it is no such file from end to end.
    """
    found = Papers()
    for number, row in enumerate(read_json_lines(content, MOST_BYTES), 1):
        wrong = _wrong(row)
        if wrong:
            found.problems.append(("fields", f"line {number}: {wrong}"))
            continue
        announced = iso_date(row["announced"])
        if announced is None:
            found.problems.append(("dates", f"line {number}: {row['announced'][:40]!r} is no date"))
            continue
        found.papers.append(
            Paper(
                id=row["id"],
                title=spaced(row["title"]),
                authors=spaced(row["authors"]),
                abstract=spaced(row["abstract"]),
                categories=tuple(_CATEGORY.findall(row["subjects"])),
                announced=announced,
            )
        )
    return found


def _wrong(row: dict[str, Any]) -> str:
    for name in FIELDS:
        if not isinstance(row.get(name), str) or not row[name].strip():
            return f"{name} is {'missing' if name not in row else repr(row[name])[:40]}"
    unknown = [name for name in row if name not in FIELDS]
    return f"{unknown[0][:40]!r} is no field of a paper" if unknown else ""


def iso_date(text: str) -> date | None:
    """The date of a text ``YYYY-MM-DD``; none where it is no date.

    >>> iso_date("2024-02-30") is None
    True
    """
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None
    except ValueError:
        return None


def spaced(text: str) -> str:
    """A text with single spaces."""
    return " ".join(text.split())
