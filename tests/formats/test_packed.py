"""Gzip is unpacked within limits."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.errors import FormatError
from astrobio.formats.packed import gunzip


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5))
def test_members_are_unpacked_one_after_the_other(parts):
    whole = b"".join(parts)
    content = b"".join(gzip.compress(part) for part in parts)
    assert gunzip(content, len(whole)) == whole
    if whole:
        with pytest.raises(FormatError, match="more than"):
            gunzip(content, len(whole) - 1)


@given(st.binary(min_size=1, max_size=300), st.data())
def test_a_file_cut_anywhere_or_with_more_at_its_end_is_an_error(part, data):
    content = gzip.compress(part)
    with pytest.raises(FormatError):
        gunzip(content[: data.draw(st.integers(0, len(content) - 1))], 1000)
    with pytest.raises(FormatError):
        gunzip(content + b"more", 1000)


def test_pieces_are_put_together():
    whole = bytes(range(256)) * 4096
    assert gunzip(gzip.compress(whole, compresslevel=0), 1 << 21) == whole


def test_a_bomb_is_an_error_before_it_goes_off():
    with pytest.raises(FormatError, match="more than 1000000 bytes"):
        gunzip(gzip.compress(bytes(64 << 20), compresslevel=1), 1_000_000)


def test_more_members_than_the_limit_are_an_error(monkeypatch):
    monkeypatch.setattr("astrobio.formats.packed.MOST_MEMBERS", 3)
    assert gunzip(gzip.compress(b"a") * 3, 10) == b"aaa"
    with pytest.raises(FormatError, match="more than 3 members"):
        gunzip(gzip.compress(b"a") * 4, 10)
