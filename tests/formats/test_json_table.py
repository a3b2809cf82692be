"""Tables in JSON: every kind of value as text, and nothing that is no table."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.errors import FormatError
from astrobio.formats.json_table import read_json_table


def test_values_are_text_and_what_an_object_lacks_is_absent():
    rows = [{"a": 1, "b": 0.5, "c": True, "d": ["x", 2], "e": None, "f": ""}, {"g": "only here"}]
    frame = read_json_table(json.dumps({"response": {"docs": rows}}).encode(), "response.docs").frame
    assert frame.columns == ["a", "b", "c", "d", "e", "f", "g"]
    assert frame.row(0) == ("1", "0.5", "true", "x; 2", None, None, None)
    assert frame.row(1) == (None,) * 6 + ("only here",)


def test_a_list_of_nothing_is_an_empty_table():
    assert read_json_table(b'{"docs": []}', "docs").frame.height == 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"docs": {}}', "no list docs"),
        (b"[]", "no list docs"),
        (b'{"docs": [1]}', "row 1 is no object"),
        (b'{"docs": [{"a": {"b": 1}}]}', "a of row 1 is no value"),
        (b'{"docs": [{"a": [[1]]}]}', "a of row 1 is no value"),
        (b'{"docs": [{"a": 1, "a": 2}]}', "comes twice"),
        (b'{"docs": [', "line 1"),
        (b"\xff", "UTF-8"),
        (b'{"docs": [{"a": NaN}]}', "NaN"),
    ],
    ids=repr,
)
def test_what_is_no_table_is_refused(content, reason):
    with pytest.raises(FormatError, match=reason):
        read_json_table(content, "docs")


def test_more_columns_and_bytes_than_are_read_are_refused():
    with pytest.raises(FormatError, match="at most 10000 are read"):
        read_json_table(json.dumps({"docs": [{f"c{n}": n for n in range(10_001)}]}).encode(), "docs")
    with pytest.raises(FormatError, match="at most 5 are read"):
        read_json_table(b'{"docs": []}', "docs", most_bytes=5)


_VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(st.lists(st.dictionaries(st.text(min_size=1), _VALUES | st.lists(st.text()), max_size=5), max_size=8))
def test_any_list_of_flat_objects_is_read_with_a_row_each(rows):
    frame = read_json_table(json.dumps({"docs": rows}).encode(), "docs").frame
    assert frame.height == (len(rows) if any(rows) else 0)
    assert set(frame.columns) == {name for row in rows for name in row}
