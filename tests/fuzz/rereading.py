"""What the gates of tables promise, compared anew in plain Python: with the file, and with the schema.

For what fuzzers get admitted. Nothing here is shared with the parsers: the lines are split by the standard library, and
each value is compared as it stands in the file.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

import polars as pl

from astrobio.formats.schema import Schema

Rows = Sequence[dict[str, str | None]]


def broken_promise(rows: Rows, frame: pl.DataFrame, schema: Schema, missing: Sequence[str] = ()) -> str:
    """The first promise that an admitted table breaks; empty where it keeps all.

    Parameters
    ----------
    rows : sequence of dict
        The file as text, by column.
    frame : polars.DataFrame
        What was read of it.
    schema : Schema
    missing : sequence of str
        What stands for no value, beside nothing.
    """
    if len(rows) != frame.height:
        return f"{frame.height} rows were read of {len(rows)}"
    if frame.height < schema.least_rows:
        return f"{frame.height} rows, and {schema.least_rows} at least are promised"
    for column in schema.columns:
        if column.name not in frame.columns:
            if not column.optional:
                return f"{column.name} is lacking"
            continue
        values = frame[column.name].to_list()
        for row, value in zip(rows, values, strict=True):
            text = row.get(column.name)
            text = None if text == "" or text in missing else text
            wrong = _differs(text, value, column.type) or _not_allowed(value, column)
            if wrong:
                return f"{column.name}: {text!r} became {value!r}: {wrong}"
    if schema.key:
        keys = [tuple(row) for row in frame.select(schema.key).rows()]
        if len(set(keys)) != len(keys):
            return "a key comes twice"
    return ""


def _differs(text: str | None, value: object, kind: str) -> str:
    if text is None or value is None:
        return "" if text is value is None else "one of them is nothing"
    if kind == "text":
        return "" if text == value else "another text"
    written = text.strip(" \t\r\n").replace("D", "e").replace("d", "e")
    if kind == "date":
        return "" if written == str(value).replace("D", "e").replace("d", "e") else "another date"
    number = int(written.partition(".")[0]) if kind == "integer" else float(written)
    return "" if number == value else "another number"


def _not_allowed(value: object, column: object) -> str:
    if value is None:
        return "each row must have one" if column.filled else ""  # type: ignore[attr-defined]
    if column.choices and value not in column.choices:  # type: ignore[attr-defined]
        return "none of the choices"
    if isinstance(value, int | float):
        low, high = column.low, column.high  # type: ignore[attr-defined]
        if math.isnan(value) or (math.isinf(value) and not column.unbounded):  # type: ignore[attr-defined]
            return "no number"
        if (low is not None and value < low) or (high is not None and value > high):
            return "beyond the limits"
    return ""


def split(text: str, separator: str, quoted: bool, names: Sequence[str] = ()) -> Rows:
    """The rows of a delimited file that has been decoded and has no comment lines any more."""
    quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    csv.field_size_limit(1 << 24)
    lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, quoting=quoting))
    lines = lines[: len(lines) - next((place for place, line in enumerate(reversed(lines)) if line), len(lines))]
    header = list(names) or lines.pop(0)
    return [dict(zip(header, line, strict=True)) for line in lines]
