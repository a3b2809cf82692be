"""Tables of text get types, and everything that is wrong with them is said."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.errors import FormatError
from astrobio.formats.delimited import Dialect, Table, read_delimited
from astrobio.formats.schema import Column, Schema, apply_schema, read_typed, with_errors

ONE = Schema((Column("x", "number"),))


def problems(values: list[str | None], column: Column) -> list[tuple[str, str]]:
    """What is wrong with a column of these values."""
    frame = pl.DataFrame({"x": values}, schema={"x": pl.String})
    return apply_schema(Table(frame), Schema((column,))).problems


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_read_as_it_is(number):
    for text in (repr(number), f"{number:+e}", f"{number:e}".replace("e", "D")):
        frame = read_typed(Table(pl.DataFrame({"x": [text, None]})), ONE)
        assert frame["x"].to_list() == [pytest.approx(number, rel=1e-5), None]


@given(st.text(max_size=12))
def test_any_text_is_a_number_or_a_problem(text):
    for kind in ("number", "integer", "date"):
        found = apply_schema(Table(pl.DataFrame({"x": [text]})), Schema((Column("x", kind),)))
        assert found.problems == [] or found.problems[0][0] == "types"


@pytest.mark.parametrize("text", ["", "x", "1,5", "1.5.2", "--1", "nan", "inf", "1e999", "-1e999", "0x10", "1_000",
                                  "１２", "١٢", "1e", "e5", ".", "1 2"])  # fmt: skip
def test_what_is_no_number_is_said(text):
    assert problems([text], Column("x", "number"))[0][0] == "types"


@pytest.mark.parametrize(("text", "whole"), [("7", 7), ("7.000", 7), ("-3", -3), ("+4", 4)])
def test_whole_numbers_may_be_written_with_zeros(text, whole):
    assert read_typed(Table(pl.DataFrame({"x": [text]})), Schema((Column("x", "integer"),)))["x"].to_list() == [whole]
    assert problems(["1.5"], Column("x", "integer"))
    assert problems(["9" * 19], Column("x", "integer"))


@pytest.mark.parametrize("text", ["2024-13", "2024-00-10", "2024-01-32", "24-01-01", "2024-01-01 25:00", "2024/01/01"])
def test_what_is_no_date_is_said(text):
    assert problems([text], Column("x", "date"))[0][0] == "types"
    assert not problems(
        ["2024", "2024-02", "2024-02-29", "2024-02-29 23:59:59", "2024-02-29T12:00"], Column("x", "date")
    )


def test_an_uncertainty_without_an_end_is_one_where_the_archive_writes_it():
    assert not problems(["inf", "0.1"], Column("x", "number", unbounded=True))
    assert problems(["1e999"], Column("x", "number", unbounded=True))
    assert problems(["-inf"], Column("x", "number", unbounded=True))


def test_unusual_values_are_doubted_and_kept():
    schema = Schema((Column("e", "number", low=0, usual=(None, 1)),))
    typed = apply_schema(Table(pl.DataFrame({"e": ["0.1", "1.196", "3.155", None]})), schema)
    assert typed.problems == []
    assert typed.doubts == ["e: 1.196, 3.155 (2 in all)"]
    assert typed.frame["e"].to_list() == [0.1, 1.196, 3.155, None]


def test_units_and_columns_that_a_file_describes_are_compared():
    schema = Schema((Column("P", "number", "days"), Column("a", "number", "au")))
    text = "# COLUMN P: Period [{}]\n# COLUMN a: Axis [au]\n{}P,a\n1,1\n"

    def checks(unit: str, more: str = "") -> list[str]:
        table = read_delimited(text.format(unit, more).encode(), Dialect(comment="#"))
        return [check for check, _ in apply_schema(table, schema).problems]

    assert checks("days") == []
    assert checks("hours") == ["units"]
    assert checks("days", "# COLUMN e: Eccentricity\n") == ["columns"]
    bare = read_delimited(text.format("days", "").replace(" [days]", "").encode(), Dialect(comment="#"))
    assert [check for check, _ in apply_schema(bare, schema).problems] == ["units"]


def test_uncertainties_know_their_quantity_and_sign():
    columns = with_errors(Column("m", "number", "kg"), ("_min", "_max"), None, (1, 1), unbounded=True)
    assert [(c.name, c.unit, c.error_of, c.sign, c.unbounded) for c in columns] == [
        ("m", "kg", None, 0, False), ("m_min", "kg", "m", 1, True), ("m_max", "kg", "m", 1, True),
    ]  # fmt: skip


def test_a_table_with_problems_is_not_read():
    with pytest.raises(FormatError, match="keys: x: '1' comes 2 times"):
        read_typed(Table(pl.DataFrame({"x": ["1", "1"]})), Schema((Column("x"),), key=("x",)))
