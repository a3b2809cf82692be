"""IPAC tables: text in columns of fixed width, headed by rows between bars.

The format is described at https://irsa.ipac.caltech.edu/applications/DDGEN/Doc/ipac_tbl.html. astropy reads the
table; what it would let pass is refused before: a line that was cut, a row of the header that is missing, a field that
runs over its column, a number that is none.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field

import polars as pl
from astropy.io import ascii as astropy_ascii
from astropy.table import Table as AstropyTable
from astropy.utils.exceptions import AstropyWarning

from astrobio.core.errors import FormatError
from astrobio.formats.delimited import Table

MOST_BYTES = 64 << 20
MOST_COLUMNS = 1000
MOST_LINES = 1_000_000
HEADER_ROWS = 4
"""Names, types, units, and what stands for no value."""
TYPES = {
    "double": "number", "d": "number", "float": "number", "f": "number", "real": "number", "r": "number",
    "int": "integer", "i": "integer", "long": "integer", "l": "integer", "char": "text", "c": "text",
    "date": "date",
}  # fmt: skip
"""Types of columns, as the format's description names them, and what they are here."""
_LITERAL = {
    "number": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"),
    "integer": re.compile(r"[+-]?\d{1,18}"),
}
_KEYWORD = re.compile(r"\\ *([A-Za-z]\w*) *= ?(.*)")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class IpacTable:
    """An IPAC table.

    Attributes
    ----------
    keywords : dict of str to str
        From lines such as ``\\KEY = value``, without quotation marks.
    types : dict of str to str
        ``number``, ``integer``, ``text`` or ``date``, of each column.
    table : Table
        Values as text, null where the table says that there is none; units; comments.
    """

    keywords: dict[str, str]
    types: dict[str, str]
    table: Table = field(repr=False)


def read_ipac(content: bytes) -> IpacTable:
    r"""Read an IPAC table whole.

    Raises
    ------
    FormatError
        If a byte is not ASCII, the last line is not ended, the header has not its four rows, a bar is missing or a
        field stands where a bar is, a line has another length than the header, a field is empty, or a value is not of
        its column's type.

    >>> found = read_ipac(
    ...     b"\\PL_NAME = WASP-39 b\n"
    ...     b"|  WAVE|DEPTH|\n"
    ...     b"|double| char|\n"
    ...     b"|    um|     |\n"
    ...     b"|  null| null|\n"
    ...     b"   3.56  deep \n")
    >>> found.keywords, found.table.units, found.table.frame.rows()
    ({'PL_NAME': 'WASP-39 b'}, {'WAVE': 'um'}, [('3.56', 'deep')])
    """
    lines = _lines(content)
    notes = [line for line in lines if line.startswith("\\")]
    header, rows = _parts(lines)
    bars = _bars(header)
    names, types, units, nulls = ([row[a + 1 : b].strip() for a, b in zip(bars, bars[1:], strict=False)]
                                  for row in header)  # fmt: skip
    _check_names(names, types)
    columns = [_column(rows, begin + 1, end, name) for name, begin, end in zip(names, bars, bars[1:], strict=False)]
    kinds = [TYPES[written.casefold()] for written in types]
    data: dict[str, list[str | None]] = {}
    for name, kind, null, values in zip(names, kinds, nulls, columns, strict=True):
        data[name] = [None if value == null else value for value in values]
        _check_literals(name, kind, data[name])
    _check_with_astropy([*header, *rows], names, data)
    frame = pl.DataFrame(data, schema=dict.fromkeys(names, pl.String))
    said = {name: unit for name, unit in zip(names, units, strict=True) if unit}
    keywords, comments = _notes(notes)
    return IpacTable(keywords, dict(zip(names, kinds, strict=True)), Table(frame, comments, said))


def _lines(content: bytes) -> list[str]:
    if len(content) > MOST_BYTES:
        raise FormatError(f"the table has {len(content)} bytes; at most {MOST_BYTES} are read")
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError as error:
        raise FormatError(f"byte {error.start} is not ASCII") from error
    if not text:
        raise FormatError("the file is empty")
    text = text.replace("\r\n", "\n")
    control = _CONTROL.search(text)
    if control:
        raise FormatError(f"there is a control character at {control.start()}")
    if not text.endswith("\n"):
        raise FormatError("the last line is not ended: the file is cut short")
    if text.count("\n") > MOST_LINES:
        raise FormatError(f"there are more than {MOST_LINES} lines")
    return text[:-1].split("\n")


def _parts(lines: list[str]) -> tuple[list[str], list[str]]:
    """The rows of the header, and those of the table; comments stand before both."""
    kinds = [{"\\": 0, "|": 1}.get(line[:1], 2) for line in lines]
    for number, (before, kind) in enumerate(zip(kinds, kinds[1:], strict=False), start=2):
        if kind < before:
            raise FormatError(f"line {number}: {lines[number - 1][:40]!r} stands after the table has begun")
    header = [line for line, kind in zip(lines, kinds, strict=True) if kind == 1]
    rows = [line for line, kind in zip(lines, kinds, strict=True) if kind == 2]
    if len(header) != HEADER_ROWS:
        raise FormatError(f"the header has {len(header)} rows between bars, and {HEADER_ROWS} are expected: names, "
                          "types, units, and what stands for no value")  # fmt: skip
    if not rows:
        raise FormatError("there is a header and no row")
    width, first = len(header[0]), len(lines) - len(rows)
    for number, line in enumerate([*header, *rows], start=first - len(header) + 1):
        if len(line) != width:
            raise FormatError(f"line {number} has {len(line)} characters, and the header has {width}")
    return header, rows


def _bars(header: list[str]) -> list[int]:
    """Where the bars stand: at the same places in each row of the header."""
    places = [[place for place, character in enumerate(row) if character == "|"] for row in header]
    if any(row != places[0] for row in places):
        raise FormatError("the bars of the header do not stand below each other")
    if places[0][-1] != len(header[0]) - 1 or len(places[0]) < 2:
        raise FormatError("the header does not end with a bar")
    if len(places[0]) - 1 > MOST_COLUMNS:
        raise FormatError(f"there are {len(places[0]) - 1} columns; at most {MOST_COLUMNS} are read")
    return places[0]


def _check_names(names: list[str], types: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FormatError(f"these columns come more than once: {', '.join(twice)}")
    if not all(names):
        raise FormatError("a column has no name")
    for name, written in zip(names, types, strict=True):
        if written.casefold() not in TYPES:
            raise FormatError(f"{name} is of type {written!r}, which is none of {', '.join(TYPES)}")


def _column(rows: list[str], begin: int, end: int, name: str) -> list[str]:
    values = [row[begin:end].strip() for row in rows]
    for number, (row, value) in enumerate(zip(rows, values, strict=True), start=1):
        if row[begin - 1] != " " or (end == len(row) - 1 and row[end] != " "):
            raise FormatError(f"row {number}: a value stands where a bar parts {name} from its neighbour")
        if not value:
            raise FormatError(f"row {number}: {name} is empty: a field is missing")
    return values


def _check_literals(name: str, kind: str, values: list[str | None]) -> None:
    literal = _LITERAL.get(kind)
    for number, value in enumerate(values, start=1):
        if literal is not None and value is not None and not literal.fullmatch(value):
            raise FormatError(f"row {number}: {name}: {value[:40]!r} is no {kind}")


def _check_with_astropy(lines: list[str], names: list[str], data: dict[str, list[str | None]]) -> None:
    """Let astropy read the same table; it must find the same columns, rows and gaps."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", AstropyWarning)
            found = astropy_ascii.read(lines, format="ipac", guess=False)
    except (ValueError, TypeError, IndexError, KeyError, OverflowError, AstropyWarning) as error:
        raise FormatError(f"astropy does not read it: {str(error)[:200]}") from error
    gaps = {name: [value is None for value in values] for name, values in data.items()}
    if found.colnames != names or any(_gaps(found, name) != gap for name, gap in gaps.items()):
        raise FormatError("astropy reads other columns, rows or gaps than stand there")


def _gaps(table: AstropyTable, name: str) -> list[bool]:
    mask = getattr(table[name], "mask", None)
    return [False] * len(table) if mask is None else [bool(one) for one in mask]


def _notes(lines: list[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    keywords: dict[str, str] = {}
    comments = []
    for line in lines:
        found = _KEYWORD.fullmatch(line)
        if found is None:
            comments.append(line[1:].strip())
            continue
        if found[1] in keywords:
            raise FormatError(f"the keyword {found[1]} comes more than once")
        keywords[found[1]] = found[2].strip().strip("'\"")
    return keywords, tuple(one for one in comments if one)
