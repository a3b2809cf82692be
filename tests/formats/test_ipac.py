"""IPAC tables, read strictly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import ascii as astropy_ascii
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.errors import FormatError
from astrobio.formats.ipac import MOST_COLUMNS, read_ipac

GOOD = (
    "\\PL_NAME = WASP-39 b\n"
    "\\ a comment\n"
    "|  WAVE|DEPTH| COUNT| NOTE|\n"
    "|double|float|   int| char|\n"
    "|    um|    %|      |     |\n"
    "|  null| null|    -1| null|\n"
    "   3.56  2.08     12  deep \n"
    "   4.50  null     -1  null \n"
)


def test_a_table_with_gaps() -> None:
    found = read_ipac(GOOD.encode())
    assert found.keywords == {"PL_NAME": "WASP-39 b"}
    assert found.types == {"WAVE": "number", "DEPTH": "number", "COUNT": "integer", "NOTE": "text"}
    assert found.table.units == {"WAVE": "um", "DEPTH": "%"}
    assert found.table.comments == ("a comment",)
    assert found.table.frame.rows() == [("3.56", "2.08", "12", "deep"), ("4.50", None, None, None)]


def test_windows_ends_of_lines_are_the_same_table() -> None:
    assert read_ipac(GOOD.replace("\n", "\r\n").encode()).table.frame.equals(read_ipac(GOOD.encode()).table.frame)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "empty"),
        (GOOD[:-1], "not ended"),
        (GOOD[:-9] + "\n", "characters, and the header has"),
        (GOOD.replace("|    um|    %|      |     |\n", ""), "3 rows between bars"),
        (GOOD.replace("|    um|    %|      |     |\n", "|    um|    %|      |     |\n" * 2), "5 rows between bars"),
        (GOOD.replace("|    um|", "|   u|m|"), "below each other"),
        (GOOD.replace(" NOTE|\n", " NOTE \n").replace(" char|", " char ").replace("|     |\n", "|      \n")
         .replace(" null|\n", " null \n"), "does not end with a bar"),
        (GOOD.replace("DEPTH", " WAVE"), "more than once: WAVE"),
        (GOOD.replace("DEPTH", "     "), "has no name"),
        (GOOD.replace("float", "spiky"), "of type 'spiky'"),
        (GOOD.replace("  2.08", "      "), "DEPTH is empty"),
        (GOOD.replace("  2.08", "202.08"), "bar parts DEPTH"),
        (GOOD.replace("  2.08", "  2,08"), "'2,08' is no number"),
        (GOOD.replace("  2.08", "   nan"), "'nan' is no number"),
        (GOOD.replace("  2.08", "  1_000"[:6]), "'1_00' is no number"),
        (GOOD.replace("    12", "  12.0"), "'12.0' is no integer"),
        (GOOD.replace("  deep ", "  deep!"), "bar parts NOTE"),
        (GOOD + "\\late = comment\n", "after the table has begun"),
        (GOOD.replace("\\ a comment", "\\PL_NAME = K2-18 b"), "PL_NAME comes more than once"),
        (GOOD.replace("deep", "d\tep"), "control character"),
        (GOOD.replace("deep", "d\0ep"), "control character"),
        (GOOD.replace("deep", "d\xebp "), "not ASCII"),
        (GOOD[: GOOD.index("   3.56")], "no row"),
        ("\\only = comments\n", "0 rows between bars"),
        ("|" + "a|" * (MOST_COLUMNS + 1) + "\n", "rows between bars"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused(content: str, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        read_ipac(content.encode())


def test_too_many_columns_are_refused() -> None:
    names = "|" + "".join(f"{number:>6}|" for number in range(MOST_COLUMNS + 1)) + "\n"
    rest = "|" + "  char|" * (MOST_COLUMNS + 1) + "\n"
    with pytest.raises(FormatError, match="columns; at most"):
        read_ipac((names + rest * 3 + " " + "     x " * (MOST_COLUMNS + 1) + "\n").encode())


def test_every_genuine_table_reads_as_astropy_reads_it(archive_mirror: Path) -> None:
    for path in sorted((archive_mirror / "nasa_exoplanet_archive/spectra").glob("*.tbl")):
        found = read_ipac(path.read_bytes())
        expected = astropy_ascii.read(path.read_text(), format="ipac")
        for name, kind in found.types.items():
            if kind == "number":
                ours = np.array([np.nan if one is None else float(one) for one in found.table.frame[name]])
                theirs = np.ma.filled(np.ma.asarray(expected[name]).astype(float), np.nan)
                np.testing.assert_array_equal(ours, theirs)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        read_ipac(content)
    except FormatError:
        return
