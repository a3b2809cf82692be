"""What the columns of a table are: types, units, ranges, keys; and a table of text read by it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from astrobio.core.errors import FormatError
from astrobio.formats.delimited import Table, described_columns

Type = Literal["text", "number", "integer", "date"]
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eEdD][+-]?[0-9]+)?$"
_INTEGER = r"^[+-]?[0-9]{1,18}$"
_DATE = r"^[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01])([ T]([01][0-9]|2[0-3])(:[0-5][0-9]){1,2})?)?)?$"


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes
    ----------
    name : str
        As the archive writes it.
    type : str
        ``text``, ``number``, ``integer``, or ``date``, which begins with a year: ``2024``, ``2024-05-01``,
        ``2024-05-01 12:00:00``.
    unit : str, optional
        As the archive writes it; a file that names another unit is refused.
    low, high : float, optional
        Values outside are impossible, and refuse the table.
    usual : (float, float), optional
        Values outside are entered wrongly, or measured badly, and are noted beside the table; an end may be none.
    choices : tuple of str
        The only values that there are; empty for any.
    filled : bool
        Whether every row has a value.
    optional : bool
        Whether a file may lack the column.
    error_of : str, optional
        The column whose uncertainty it is.
    sign : int
        Of an uncertainty: 1 where the archive writes none below 0, -1 where it writes none above.
    unbounded : bool
        Whether ``inf`` is a value, as of an uncertainty that has no end on one side.
    """

    name: str
    type: Type = "text"
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    usual: tuple[float | None, float | None] | None = None
    choices: tuple[str, ...] = ()
    filled: bool = False
    optional: bool = False
    error_of: str | None = None
    sign: int = 0
    unbounded: bool = False


@dataclass(frozen=True)
class Schema:
    """The columns of a table, what names a row, and how many rows there are at least.

    Attributes
    ----------
    columns : tuple of Column
    key : tuple of str
        Columns that together name a row, once; empty where nothing does.
    least_rows : int
    """

    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    least_rows: int = 1

    def names(self) -> list[str]:
        """Names of the columns."""
        return [column.name for column in self.columns]


@dataclass
class Typed:
    """A table whose values have their types.

    Attributes
    ----------
    frame : polars.DataFrame
        The schema's columns that the file has: numbers as Float64, integers as Int64, text and dates as String.
    problems : list of (check, what)
        What is wrong, by check: ``columns``, ``types``, ``units``, ``ranges``, ``keys``, ``rows``.
    doubts : list of str
        Values that are possible and hardly true.
    unknown : list of str
        Columns that the schema does not name.
    comments : tuple of str
        The comment lines of the file.
    schema : Schema
    """

    frame: pl.DataFrame
    problems: list[tuple[str, str]] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    comments: tuple[str, ...] = ()
    schema: Schema = field(default_factory=lambda: Schema(()))


def apply_schema(table: Table, schema: Schema) -> Typed:
    r"""Give the values their types, and say everything that is wrong.

    >>> from astrobio.formats.delimited import read_delimited
    >>> planets = Schema((Column("pl_name", filled=True), Column("pl_orbper", "number", "days", 0)), ("pl_name",))
    >>> for problem in apply_schema(read_delimited(b"pl_name,pl_orbper\nb,-1\nb,x\n"), planets).problems:
    ...     print(*problem)
    types pl_orbper: 'x' is no number (row 2)
    ranges pl_orbper: -1 is below 0 (row 1)
    keys pl_name: 'b' comes 2 times
    """
    found = Typed(pl.DataFrame(), comments=table.comments, schema=schema)
    present = set(table.frame.columns)
    lacking = [column.name for column in schema.columns if column.name not in present and not column.optional]
    if lacking:
        found.problems.append(("columns", f"the file lacks {', '.join(lacking)}"))
    found.unknown = [name for name in table.frame.columns if name not in set(schema.names())]
    series = [_typed(table.frame[column.name], column, found) for column in schema.columns if column.name in present]
    found.frame = pl.DataFrame(series)
    _check_units(table, schema, found)
    for column in schema.columns:
        if column.name in present:
            _check_values(found.frame[column.name], column, found)
    _check_keys(schema, found)
    if table.frame.height < schema.least_rows:
        found.problems.append(("rows", f"{table.frame.height} rows, and at least {schema.least_rows} are expected"))
    return found


def read_typed(table: Table, schema: Schema) -> pl.DataFrame:
    """The typed table.

    Raises
    ------
    FormatError
        If anything is wrong with it.
    """
    typed = apply_schema(table, schema)
    if typed.problems:
        raise FormatError("; ".join(f"{check}: {what}" for check, what in typed.problems[:5]))
    return typed.frame


def _typed(values: pl.Series, column: Column, found: Typed) -> pl.Series:
    if column.type == "text":
        return values
    text = values.str.strip_chars()
    pattern = _DATE if column.type == "date" else _NUMBER
    wrong = text.is_not_null() & ~text.str.contains(pattern)
    if column.unbounded:
        wrong &= text != "inf"
    if column.type == "integer":
        whole = text.str.replace(r"\.0*$", "").str.contains(_INTEGER)
        wrong = text.is_not_null() & ~whole
    if wrong.any():
        row = wrong.arg_true()[0]
        kind = {"number": "number", "integer": "whole number", "date": "date"}[column.type]
        found.problems.append(("types", f"{column.name}: {values[row]!r} is no {kind} (row {row + 1})"))
    text = text.set(wrong, None) if wrong.any() else text
    if column.type == "date":
        return text
    if column.type == "integer":
        return text.str.replace(r"\.0*$", "").cast(pl.Int64)
    numbers = text.str.replace(r"[dD]", "e").cast(pl.Float64)
    endless = numbers.is_infinite() & (text != "inf" if column.unbounded else True)
    if endless.any():
        row = endless.arg_true()[0]
        found.problems.append(("types", f"{column.name}: {values[row]!r} is beyond all numbers (row {row + 1})"))
        numbers = numbers.set(endless, None)
    return numbers


def _check_units(table: Table, schema: Schema, found: Typed) -> None:
    said = table.units or {}
    described = described_columns(table.comments) if said else set()
    for column in schema.columns:
        unit = said.get(column.name)
        if unit is not None and column.unit is not None and unit != column.unit:
            found.problems.append(("units", f"{column.name} is in {unit!r}, and {column.unit!r} is expected"))
        if unit is None and column.unit is not None and column.name in described:
            found.problems.append(("units", f"{column.name} has no unit, and {column.unit!r} is expected"))
    lacking = sorted(described - set(table.frame.columns))
    if lacking:
        found.problems.append(("columns", f"the file describes {', '.join(lacking[:8])}, and lacks it"))


def _check_values(values: pl.Series, column: Column, found: Typed) -> None:
    if column.filled and values.null_count():
        row = values.is_null().arg_true()[0]
        found.problems.append(("columns", f"{column.name} has no value in row {row + 1}"))
    if column.choices:
        other = values.is_not_null() & ~values.is_in(column.choices)
        if other.any():
            row = other.arg_true()[0]
            found.problems.append(("ranges", f"{column.name}: {values[row]!r} is none of its values (row {row + 1})"))
    if values.dtype == pl.String:
        return
    for bound, beyond, word in (
        (column.low, lambda low: values < low, "below"),
        (column.high, lambda high: values > high, "above"),
    ):
        outside = beyond(bound) if bound is not None else None
        if outside is not None and outside.any():
            row = outside.arg_true()[0]
            found.problems.append(("ranges", f"{column.name}: {values[row]:g} is {word} {bound:g} (row {row + 1})"))
    low, high = column.usual or (None, None)
    odd = values.filter(values.is_not_null() & ~values.is_between(-math.inf if low is None else low,
                                                                  math.inf if high is None else high))  # fmt: skip
    if len(odd):
        found.doubts.append(f"{column.name}: {', '.join(f'{value:g}' for value in odd[:3])} ({len(odd)} in all)")


def _check_keys(schema: Schema, found: Typed) -> None:
    if not schema.key or any(name not in found.frame.columns for name in schema.key):
        return
    counts = found.frame.group_by(schema.key, maintain_order=True).len().filter(pl.col("len") > 1)
    if counts.height:
        *named, count = counts.row(0)
        value = ", ".join(repr(one) for one in named)
        found.problems.append(("keys", f"{', '.join(schema.key)}: {value} comes {count} times"))


def with_errors(
    column: Column,
    suffixes: Sequence[str] = ("err1", "err2"),
    limit: str | None = "lim",
    signs: Sequence[int] = (1, -1),
    unbounded: bool = False,
) -> list[Column]:
    """A measured quantity with the columns of its upper and lower uncertainty and of its limit flag.

    Parameters
    ----------
    column : Column
    suffixes : sequence of str
        Of the columns of its uncertainties.
    limit : str, optional
        Suffix of the flag; none where there is none.
    signs : sequence of int
        Of the uncertainties, as the archive writes them; see :class:`Column`.
    unbounded : bool
        Whether an uncertainty may be ``inf``.

    >>> [one.name for one in with_errors(Column("pl_rade", "number", "Earth Radius"))]
    ['pl_rade', 'pl_radeerr1', 'pl_radeerr2', 'pl_radelim']
    """
    errors = [
        Column(column.name + suffix, "number", column.unit, optional=column.optional, error_of=column.name, sign=sign,
               unbounded=unbounded)
        for suffix, sign in zip(suffixes, signs, strict=True)
    ]  # fmt: skip
    flags = [Column(column.name + limit, "integer", low=-1, high=1, optional=True)] if limit else []
    return [column, *errors, *flags]
