"""Delimited text: CSV and TSV as archives write them, with their comment lines.

The standard library's reader splits the lines, since it can be told to be strict; every line must have as many fields
as the header, and the last one must be ended, so that a file that was cut short is seen.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass

import polars as pl

from astrobio.core.errors import FormatError

MOST_COLUMNS = 10_000
_FIELD_LIMIT = 1 << 24
_UNIT = re.compile(r"\[([^\]]*)\]")


@dataclass(frozen=True)
class Dialect:
    """How a file is written.

    Attributes
    ----------
    separator, quote : str
        Between fields, and around those that hold one; no quote where the format knows none.
    comment : str
        Lines before the header that begin with it are its comment; none unless given.
    header_mark : str
        What stands before the first column's name, as ``"# "`` at exoplanet.eu.
    encoding : str
        Of the whole; a byte that it does not know is an error.
    missing : tuple of str
        What stands for no value, besides nothing at all.
    spaces : bool
        Whether spaces around fields belong to the layout.
    columns : tuple of str
        Names of the columns, for a file without a header.
    """

    separator: str = ","
    quote: str | None = '"'
    comment: str | None = None
    header_mark: str = ""
    encoding: str = "utf-8"
    missing: tuple[str, ...] = ()
    spaces: bool = False
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table as text.

    Attributes
    ----------
    frame : polars.DataFrame
        A column of strings for each column, null where there is no value.
    comments : tuple of str
        The comment lines, without their mark.
    units : dict
        Unit of a column, where the file says it.
    """

    frame: pl.DataFrame
    comments: tuple[str, ...] = ()
    units: dict[str, str] | None = None


def read_delimited(content: bytes, dialect: Dialect | None = None) -> Table:
    r"""Read a delimited file whole.

    Raises
    ------
    FormatError
        If a byte is not of the encoding, a line has more or fewer fields than the header, a quotation does not end,
        a column's name comes twice, or the last line is not ended.

    >>> read_delimited(b"a,b\n1,\n").frame.rows()
    [('1', None)]
    >>> read_delimited(b"a,b\n1,2\n3")
    Traceback (most recent call last):
    ...
    astrobio.core.errors.FormatError: the last line is not ended: the file is cut short
    """
    dialect = dialect or Dialect()
    text = _decode(content, dialect.encoding)
    if not text.strip():
        raise FormatError("the file is empty")
    comments, begin = _comments(text, dialect.comment)
    body = text[begin:]
    if not body.strip():
        raise FormatError("there is a comment and no table")
    if not body.endswith(("\n", "\r")):
        raise FormatError("the last line is not ended: the file is cut short")
    rows = _rows(body.rstrip("\r\n") + "\n", dialect, 1 + text.count("\n", 0, begin))
    names = list(dialect.columns) or rows.pop(0)
    _check_names(names)
    columns = list(zip(*rows, strict=True)) or [() for _ in names]
    if len(columns) != len(names):
        raise FormatError(f"the header has {len(names)} columns, and the rows have {len(columns)}")
    missing = frozenset(("", *dialect.missing))
    data = {
        name: [None if value in missing else value for value in column]
        for name, column in zip(names, columns, strict=True)
    }
    return Table(pl.DataFrame(data, schema=dict.fromkeys(names, pl.String)), comments, column_units(comments))


def _decode(content: bytes, encoding: str) -> str:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise FormatError(f"byte {error.start} is not of {encoding}: {error.reason}") from error
    place = text.find("\0")
    if place >= 0:
        raise FormatError(f"there is a NUL character at {place}")
    return text.removeprefix("\ufeff")


def _comments(text: str, mark: str | None) -> tuple[tuple[str, ...], int]:
    """The comment lines at the beginning, and where the table begins."""
    lines, begin = [], 0
    while mark and text.startswith(mark, begin):
        end = text.find("\n", begin)
        end = len(text) if end < 0 else end + 1
        lines.append(text[begin:end].strip().removeprefix(mark).strip())
        begin = end
    return tuple(lines), begin


def _rows(body: str, dialect: Dialect, first: int) -> list[list[str]]:
    csv.field_size_limit(_FIELD_LIMIT)
    reader = csv.reader(
        io.StringIO(body.removeprefix(dialect.header_mark), newline=""),
        delimiter=dialect.separator,
        quotechar=dialect.quote,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        strict=True,
        skipinitialspace=dialect.spaces,
    )
    rows: list[list[str]] = []
    try:
        for row in reader:
            if rows and len(row) != len(rows[0]):
                line = first + reader.line_num - 1
                raise FormatError(f"line {line} has {len(row)} fields, and the first has {len(rows[0])}")
            rows.append([value.strip() for value in row] if dialect.spaces else row)
    except csv.Error as error:
        raise FormatError(f"line {first + reader.line_num - 1}: {error}") from error
    return rows


def _check_names(names: list[str]) -> None:
    if len(names) > MOST_COLUMNS:
        raise FormatError(f"there are {len(names)} columns; at most {MOST_COLUMNS} are read")
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise FormatError(f"these columns come more than once: {', '.join(twice)}")
    if any(not name.strip() for name in names):
        raise FormatError("a column has no name")


def described_columns(comments: tuple[str, ...]) -> set[str]:
    """Columns that the comment lines describe.

    >>> described_columns(("COLUMN pl_name: Planet Name", "Sat Apr 25 17:36:36 2026"))
    {'pl_name'}
    """
    return {
        line.removeprefix("COLUMN ").partition(":")[0].strip()
        for line in comments
        if line.startswith("COLUMN ") and ":" in line
    }


def column_units(comments: tuple[str, ...]) -> dict[str, str]:
    """Units by column, from lines such as ``COLUMN pl_orbper:      Orbital Period [days]``; absent where not said.

    >>> column_units(("COLUMN pl_orbper:      Orbital Period [days]", "COLUMN pl_name: Planet Name"))
    {'pl_orbper': 'days'}
    """
    units = {}
    for line in comments:
        name, colon, meaning = line.removeprefix("COLUMN ").partition(":")
        found = _UNIT.search(meaning)
        if line.startswith("COLUMN ") and colon and found:
            units[name.strip()] = found[1]
    return units
