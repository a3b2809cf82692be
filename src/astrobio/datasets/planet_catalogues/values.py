"""All values that catalogues give of planets in one long table, each with where it is from; and the chosen ones."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from astrobio.datasets.planet_catalogues.columns import (
    BY_RELATION,
    CALCULATED,
    CALCULATED_VALUE,
    MEASURED,
    METHODS,
    NASA,
    PARTS,
    SAYS_NOTHING,
    UNKNOWN,
    Given,
    Part,
)
from astrobio.datasets.planet_catalogues.entries import DECLINATION, NAME, RIGHT_ASCENSION, TableRead
from astrobio.datasets.planet_catalogues.quantities import BY_NAME, QUANTITIES, Quantity

VALUES: dict[str, Any] = {
    "planet": pl.Int64, "quantity": pl.String, "number": pl.Float64, "error_upper": pl.Float64,
    "error_lower": pl.Float64, "limit": pl.Int8, "text": pl.String, "unit": pl.String, "written": pl.String,
    "catalogue": pl.String, "table": pl.String, "column": pl.String, "name": pl.String, "kind": pl.String,
    "because": pl.String, "note": pl.String, "reference": pl.String, "chosen": pl.Boolean, "digest": pl.String,
}  # fmt: skip
"""Columns of the values."""
OTHER_SIGN = "an uncertainty has the other sign in the file"
COPIED = "no uncertainty, and that of the composite table, which calculated it"
SAME_NUMBER = 0.01
"""Share within which a number is that of another table: releases differ in the last digits of their constants."""
_PLANET, _DEFAULT, _ORDER, _WRITTEN = "\0planet", "\0default", "\0order", "\0written "
_POSITIONS = {"right_ascension": RIGHT_ASCENSION, "declination": DECLINATION}
_LINK = re.compile(r"<a\b(?P<link>[^>]*)>(?P<label>[^<]*)</a>")
_BIBCODE = re.compile(r"/abs/([^/\s]+)")


def all_values(tables: Sequence[TableRead], planets: Mapping[str, Mapping[str, int]]) -> pl.DataFrame:
    """The values of all tables, by planet and quantity; the first of each is the chosen one.

    Values come before limits, what is not calculated before what is, then they are in the order of
    ``columns.PARTS``; of a table of papers its default one comes first.

    Parameters
    ----------
    tables : sequence of TableRead
    planets : mapping of str to mapping of str to int
        For each part, the number of the planet that a name has.
    """
    found = [_of_table(table, planets.get(table.part.name, {})) for table in tables if table.part.given]
    if not found:
        return pl.DataFrame(schema=VALUES)
    ordered = _copies_told(pl.concat(found)).sort(
        "planet", pl.col("quantity").cast(pl.Enum([quantity.name for quantity in QUANTITIES])), pl.col("limit") != 0,
        pl.col("kind") == CALCULATED, _ORDER, pl.col(_DEFAULT) != 1, "reference", "name", -pl.col("limit"),
        "written", nulls_last=True,
    )  # fmt: skip
    first = (pl.int_range(pl.len()).over("planet", "quantity") == 0).alias("chosen")
    return ordered.with_columns(first).select(pl.col(name).cast(dtype) for name, dtype in VALUES.items())


def resolution(written: pl.Expr, number: pl.Expr) -> pl.Expr:
    """What one in the last written digit is, in the unit of the number.

    >>> frame = pl.DataFrame({"written": ["0.25", "12", "1.5e3", "0"], "number": [79.457, 12.0, 1500.0, 0.0]})
    >>> frame.select(resolution(pl.col("written"), pl.col("number")).round(3)).to_series().to_list()
    [3.178, 1.0, 100.0, 1.0]
    """
    parts = written.str.strip_chars().str.to_lowercase().str.extract_groups(r"^[+-]?\d*\.?(\d*)(?:[ed]([+-]?\d+))?$")
    decimals = parts.struct.field("1").fill_null("").str.len_chars().cast(pl.Int64)
    whole = written.str.contains(".", literal=True)
    exponent = parts.struct.field("2").cast(pl.Int64, strict=False).fill_null(0)
    digit = pl.lit(10.0) ** (exponent - pl.when(whole).then(decimals).otherwise(0)).cast(pl.Float64)
    as_written = written.str.replace(r"[dD]", "e").cast(pl.Float64, strict=False)
    factor = pl.when(as_written != 0).then((number / as_written).abs()).otherwise(1.0)
    return digit * factor


def _copies_told(values: pl.DataFrame) -> pl.DataFrame:
    """With masses and radii labelled that other catalogues have from the archive's composite table, which computed
    them: those without uncertainties that are the same but for rounding, or to :data:`SAME_NUMBER`."""
    columns = ["planet", "quantity"]
    computed = values.filter(
        (pl.col("table") == "pscomppars")
        & pl.col("quantity").is_in(["mass", "radius"])
        & (pl.col("kind") == CALCULATED)
        & (pl.col("limit") == 0)
    )
    theirs = computed.select(*columns, pl.col("number").alias("\0theirs"))
    values = values.join(
        theirs.unique(columns, keep="first", maintain_order=True), on=columns, how="left", maintain_order="left"
    )
    apart = (pl.col("number") - pl.col("\0theirs")).abs()
    room = SAME_NUMBER * pl.col("\0theirs") + resolution(pl.col("written"), pl.col("number")) / 2
    exact = pl.col("error_upper").is_null() & pl.col("error_lower").is_null() & (pl.col("limit") == 0)
    copied = (exact & (pl.col("catalogue") != NASA) & (pl.col("kind") == UNKNOWN) & (apart <= room)).fill_null(False)
    return values.with_columns(
        pl.when(copied).then(pl.lit(CALCULATED)).otherwise("kind").alias("kind"),
        pl.when(copied).then(pl.lit(COPIED)).otherwise("because").alias("because"),
    ).drop("\0theirs")  # fmt: skip


def _of_table(table: TableRead, planets: Mapping[str, int]) -> pl.DataFrame:
    part, columns = table.part, set(table.frame.columns)
    numbered = table.frame[NAME].replace_strict(dict(planets), default=None, return_dtype=pl.Int64).alias(_PLANET)
    names = dict.fromkeys(given.column for given in part.given if given.column in columns)
    written = [table.text[name].alias(_WRITTEN + name) for name in names]
    frame = table.frame.with_columns(numbered, *written).filter(pl.col(_PLANET).is_not_null())
    found = pl.concat(_of_column(frame, part, given) for given in part.given if given.column in columns)
    references = found["reference"].unique().drop_nulls()
    papers = {reference: paper(reference) for reference in references}
    return found.with_columns(
        pl.col("reference").replace_strict(papers, default=None, return_dtype=pl.String),
        pl.lit(part.catalogue).alias("catalogue"), pl.lit(part.table).alias("table"),
        pl.lit(table.record.digest).alias("digest"), pl.lit(PARTS.index(part)).alias(_ORDER),
    )  # fmt: skip


def _of_column(frame: pl.DataFrame, part: Part, given: Given) -> pl.DataFrame:
    """The values of one column that are of its quantity."""
    quantity, columns = BY_NAME[given.quantity], set(frame.columns)
    rows = frame.filter(pl.col(given.column).is_not_null())
    if given.where is not None:
        rows = rows.filter(given.where)
    note = pl.col(given.note) if given.note else pl.lit(None, pl.String)
    kind, because, reference = _told(given, columns)
    default = pl.col("default_flag") if "default_flag" in columns else pl.lit(1, pl.Int64)
    found = rows.select(
        pl.col(_PLANET).alias("planet"), pl.lit(quantity.name).alias("quantity"), *_value(quantity, given),
        *_errors(part, given, columns), pl.lit(quantity.unit or None, pl.String).alias("unit"),
        pl.col(_WRITTEN + given.column).alias("written"), pl.lit(given.column).alias("column"),
        pl.col(NAME).alias("name"), kind.alias("kind"), because.alias("because"), note.alias("note"),
        reference.alias("reference"), default.alias(_DEFAULT),
    )  # fmt: skip
    return _sized(_limited(found) if part.endless else found, part)


def _told(given: Given, columns: set[str]) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Kind of a value, what tells it, and its paper; what the catalogue says of the value goes before a guess."""
    reference = pl.col(given.reference) if given.reference else pl.lit(None, pl.String)
    if given.told not in columns:
        return given.kind, given.because, reference
    told = pl.col(given.told)
    calculated = told.str.contains(CALCULATED_VALUE, literal=True).fill_null(False)
    published = told.is_not_null() & given.because.is_in([SAYS_NOTHING, BY_RELATION])
    kind = pl.when(calculated).then(pl.lit(CALCULATED)).when(published).then(pl.lit(MEASURED)).otherwise(given.kind)
    said = pl.when(calculated).then(pl.lit(f"{given.told}: {CALCULATED_VALUE}"))
    because = said.when(published).then(pl.lit(f"{given.told} names its paper")).otherwise(given.because)
    return kind, because, pl.when(~calculated).then(told)


def _value(quantity: Quantity, given: Given) -> tuple[pl.Expr, pl.Expr]:
    """The number and the words of a value; one of them is null."""
    if quantity.words:
        words = pl.col(given.column)
        if quantity.name == "discovery_method":
            words = words.replace(METHODS)
        return pl.lit(None, pl.Float64).alias("number"), words.alias("text")
    number = pl.col(_POSITIONS.get(quantity.name, given.column)).cast(pl.Float64) * given.factor
    return number.alias("number"), pl.lit(None, pl.String).alias("text")


def _errors(part: Part, given: Given, columns: set[str]) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Uncertainties with the sign that the table gives them, turned so that they should be positive; and the limit."""
    upper, lower = (
        pl.col(name) * given.factor if name in columns else pl.lit(None, pl.Float64)
        for name in (given.upper, given.lower)
    )
    if isinstance(given.limit, int):
        limit = pl.lit(given.limit, pl.Int64)
    else:
        limit = pl.col(given.limit).fill_null(0) if given.limit in columns else pl.lit(0, pl.Int64)
    return (upper.alias("error_upper"), (lower * part.lower_sign).alias("error_lower"), limit.alias("limit"))


def _limited(values: pl.DataFrame) -> pl.DataFrame:
    """An uncertainty without end on one side, with none on the other, marks a limit."""
    upper, lower = pl.col("error_upper"), pl.col("error_lower")
    below = lower.is_infinite() & (upper.is_null() | (upper == 0))
    above = upper.is_infinite() & (lower.is_null() | (lower == 0))
    limit = pl.when(below.fill_null(False)).then(1).when(above.fill_null(False)).then(-1).otherwise("limit")
    values = values.with_columns(limit.cast(pl.Int64).alias("limit"))
    return values.with_columns(
        pl.when(pl.col("limit") == 0).then(name).alias(name) for name in ("error_upper", "error_lower")
    )


def _sized(values: pl.DataFrame, part: Part) -> pl.DataFrame:
    """Uncertainties as sizes; where one has the other sign in the file, a note says so. Words that say nothing go."""
    turned = ((pl.col("error_upper") < 0) | (pl.col("error_lower") < 0)).fill_null(False)
    note = pl.when(turned).then(pl.concat_str(["note", pl.lit(OTHER_SIGN)], separator="; ", ignore_nulls=True))
    return values.with_columns(
        note.otherwise("note").alias("note"), pl.col("error_upper").abs(), pl.col("error_lower").abs()
    ).filter(pl.col("number").is_not_null() | pl.col("text").is_not_null())


def paper(reference: str) -> str:
    """A reference of the NASA Exoplanet Archive as a person would write it, with the key of the ADS where it has one.

    >>> paper("<a refstr=X href=https://ui.adsabs.harvard.edu/abs/2024A&A...689A.132M/abstract target=ref>"
    ...       "Mallorqu&iacute;n et al. 2024</a>")
    'Mallorquín et al. 2024 (2024A&A...689A.132M)'
    >>> paper("TICv8")
    'TICv8'
    """
    found = _LINK.search(reference)
    if found is None:
        return html.unescape(reference).strip()
    key = _BIBCODE.search(found["link"])
    label = html.unescape(found["label"]).strip()
    return f"{label} ({html.unescape(key[1])})" if key else label


def chosen_columns(quantity: Quantity) -> list[str]:
    """Columns of the wide table that tell a quantity.

    >>> chosen_columns(BY_NAME["mass"])
    ['mass', 'mass_error_upper', 'mass_error_lower', 'mass_limit', 'mass_kind', 'mass_catalogue']
    """
    parts = ("",) if quantity.plain else ("", "_error_upper", "_error_lower", "_limit")
    return [quantity.name + part for part in (*parts, "_kind", "_catalogue")]


def wide(values: pl.DataFrame, planets: int) -> pl.DataFrame:
    """The chosen values, one row a planet; null where no catalogue has one."""
    table = pl.DataFrame({"planet": pl.arange(planets, eager=True, dtype=pl.Int64)})
    chosen = values.filter("chosen").partition_by("quantity", as_dict=True)
    for quantity in QUANTITIES:
        one = chosen.get((quantity.name,), values.clear())
        from_where = pl.format("{}/{}", "catalogue", "table")
        told = {
            "": pl.col("text" if quantity.words else "number"), "_error_upper": pl.col("error_upper"),
            "_error_lower": pl.col("error_lower"), "_limit": pl.col("limit"), "_kind": pl.col("kind"),
            "_catalogue": from_where,
        }  # fmt: skip
        columns = [told[name.removeprefix(quantity.name)].alias(name) for name in chosen_columns(quantity)]
        table = table.join(one.select("planet", *columns), on="planet", how="left", maintain_order="left")
    return table
