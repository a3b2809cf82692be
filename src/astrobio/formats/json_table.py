"""Tables in JSON: a list of objects, one a row, somewhere in the document."""

from __future__ import annotations

from typing import Any

import polars as pl

from astrobio.core.errors import FormatError
from astrobio.formats.delimited import MOST_COLUMNS, Table
from astrobio.formats.jsonl import read_json

BETWEEN = "; "
"""What stands between the values of a list, as the names of a paper's authors."""


def read_json_table(content: bytes, place: str, most_bytes: int = 256 << 20) -> Table:
    """Read a list of objects as a table of text; a name that an object lacks has no value in its row.

    Parameters
    ----------
    content : bytes
    place : str
        Names that lead to the list, with dots between them.
    most_bytes : int
        A longer file is not read.

    Raises
    ------
    FormatError
        If the file is no JSON, has no list at that place, or one of what is not flat objects.

    >>> read_json_table(b'{"docs": [{"bibcode": "2024A", "author": ["Earth, A", "Mars, B"]}]}', "docs").frame.row(0)
    ('2024A', 'Earth, A; Mars, B')
    """
    document: Any = read_json(content, most_bytes)
    for name in place.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    if not isinstance(document, list):
        raise FormatError(f"the document has no list {place}")
    names: dict[str, None] = {}
    rows: list[dict[str, str | None]] = []
    for number, item in enumerate(document, 1):
        if not isinstance(item, dict):
            raise FormatError(f"row {number} is no object")
        names |= dict.fromkeys(item)
        rows.append({name: _text(value, name, number) for name, value in item.items()})
    if len(names) > MOST_COLUMNS:
        raise FormatError(f"there are {len(names)} columns; at most {MOST_COLUMNS} are read")
    data = {name: [row.get(name) for row in rows] for name in names}
    return Table(pl.DataFrame(data, schema=dict.fromkeys(names, pl.String)))


def _text(value: Any, name: str, row: int) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        return BETWEEN.join(str(one) for one in value) or None
    raise FormatError(f"{name} of row {row} is no value and no list of values")
