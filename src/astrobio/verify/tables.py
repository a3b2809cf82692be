"""Checks of any table: its columns, types, units, ranges, keys and rows, and whether anyone could have made it up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from astrobio.core.errors import FormatError
from astrobio.core.provenance import Provenance
from astrobio.formats.delimited import Dialect, Table, read_delimited
from astrobio.formats.schema import Schema, Typed, apply_schema
from astrobio.verify.gates import check_count
from astrobio.verify.verdict import Findings

SCHEMA_CHECKS = {
    "columns": "the columns of the archive, each with a value where it must have one",
    "types": "values of each column's type",
    "units": "the units that the archive documents",
    "ranges": "values that are possible",
    "keys": "each row named once",
    "rows": "no fewer rows than the source has",
}


@dataclass(frozen=True)
class TableFormat:
    """How a table is written, and what its columns are.

    Attributes
    ----------
    schema : Schema
    dialect : Dialect
        Of delimited text.
    renamed : mapping of str to str
        Names of columns in other releases, and their names in the schema.
    """

    schema: Schema
    dialect: Dialect = Dialect()
    renamed: Mapping[str, str] = field(default_factory=dict)

    def text(self, content: bytes) -> Table:
        """The table as text; raises FormatError if it is none, or has a column under both of its names."""
        table = read_delimited(content, self.dialect)
        known = {name: self.renamed[name] for name in table.frame.columns if name in self.renamed}
        both = sorted(set(known.values()) & set(table.frame.columns))
        if both:
            raise FormatError(f"these columns come under two names: {', '.join(both)}")
        return replace(table, frame=table.frame.rename(known)) if known else table

    def read(self, content: bytes) -> Typed:
        """The table with its types, and what is wrong with it; raises FormatError if it is no table at all."""
        table = self.text(content)
        return apply_schema(table, self.schema)


def check_table(counted: str) -> Callable[[Findings, Typed, Provenance], None]:
    """A check that notes what :func:`~astrobio.formats.schema.apply_schema` found, and counts the rows.

    Parameters
    ----------
    counted : str
        What a row is, as ``planets``.
    """

    def check(found: Findings, typed: Typed, provenance: Provenance) -> None:
        rows = typed.frame.height
        found.counts[counted] = rows
        for name, expected in SCHEMA_CHECKS.items():
            wrong = [what for check, what in typed.problems if check == name]
            seen = "; ".join(wrong[:5]) if wrong else f"{rows} rows"
            found.note("schema", name, not wrong, seen, expected)
        unknown = ", ".join(typed.unknown[:8]) if typed.unknown else "none"
        found.flag("schema", "no further columns", not typed.unknown, unknown, "columns that are known here")
        doubts = "; ".join(typed.doubts[:8]) or "none"
        found.flag("schema", "usual values", not typed.doubts, doubts, "values within what is usual")
        check_count(found, provenance, rows)
        _check_content(found, typed.frame)

    return check


def _check_content(found: Findings, frame: pl.DataFrame) -> None:
    """Rows and columns that no archive writes."""
    if frame.height < 2:
        return
    copies = frame.height - frame.unique().height
    found.note("forensics", "no row twice", copies == 0, f"{copies} copies", "rows that differ")
    numbers = [
        name for name in frame.columns if frame[name].dtype == pl.Float64 and frame[name].drop_nulls().len() > 20
    ]
    constant = [
        name for name in numbers if frame[name].drop_nulls().n_unique() == 1 and frame[name].drop_nulls()[0] != 0
    ]
    found.flag("forensics", "columns that vary", not constant, ", ".join(constant) or "all", "measured values differ")
