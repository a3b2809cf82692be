"""JSON and JSON lines are read strictly."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.errors import FormatError
from astrobio.formats.jsonl import parse_json, read_json, read_json_lines

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8,
)  # fmt: skip


@given(st.lists(st.dictionaries(st.text(), VALUES, max_size=4), min_size=1, max_size=4), st.booleans())
def test_what_was_written_is_read(rows, packed):
    content = "\n".join(json.dumps(row) for row in rows).encode() + b"\n"
    assert read_json_lines(gzip.compress(content) if packed else content) == rows


def test_the_last_line_needs_no_end_but_every_line_is_an_object():
    assert read_json_lines(b'{"a": 1}\n{"a": 2}') == [{"a": 1}, {"a": 2}]
    for content in (b'{"a": 1}\n[]', b'{"a": 1}\n\n{"a": 2}', b'{"a": 1}\n{"a"', b"\n", b""):
        with pytest.raises(FormatError):
            read_json_lines(content)


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "[Infinity]",
        "-Infinity",
        "1e999",
        '{"a": 1, "a": 2}',
        "[" * 100_000,
        "1" * 50,
        "{'a': 1}",
        "",
        r'"\ud800"',
    ],
)
def test_what_is_no_json_is_an_error(text):
    with pytest.raises(FormatError):
        parse_json(text)


def test_a_character_in_two_halves_is_one():
    assert parse_json(r'"\ud83d\ude80"') == "\U0001f680"


def test_limits_hold():
    with pytest.raises(FormatError, match="at most 3"):
        read_json(b"[1, 2]", most_bytes=3)
    with pytest.raises(FormatError, match="more than 100 bytes"):
        read_json_lines(gzip.compress(b'{"a": 1}\n' * 1000), most_bytes=100)


def test_errors_name_the_line():
    with pytest.raises(FormatError, match="line 2 of the file"):
        read_json_lines(b'{"a": 1}\n{"a": }\n')


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_are_an_error(content):
    for bytes_read in (content, b"\x1f\x8b\x08" + content, gzip.compress(content)):
        try:
            read_json_lines(bytes_read)
        except FormatError:
            continue
