"""FITS files, walked from the first byte to the last."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.errors import FormatError
from astrobio.formats import fits as ours
from astrobio.formats.fits import read_fits


def written(*units: object, checksum: bool = False) -> bytes:
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits.HDUList(list(units)).writeto(stream, checksum=checksum, output_verify="ignore")
    return stream.getvalue()


IMAGE = np.arange(12, dtype=np.float32).reshape(3, 4)


def table(**keywords: object) -> fits.BinTableHDU:
    columns = [
        fits.Column("WAVELENGTH", "D", "um", array=np.arange(5.0)),
        fits.Column("DQ", "J", array=np.arange(5)),
        fits.Column("NAME", "3A", array=["ab"] * 5),
        fits.Column("ROWS", "2E", array=np.ones((5, 2))),
    ]
    unit = fits.BinTableHDU.from_columns(columns, name="SPECTRUM")
    for key, value in keywords.items():
        unit.header[key] = value
    return unit


def test_an_image_and_a_table() -> None:
    file = read_fits(written(fits.PrimaryHDU(IMAGE), table()))
    primary, second = file.units
    assert (primary.kind, primary.shape, second.kind, second.name) == ("PRIMARY", (3, 4), "BINTABLE", "SPECTRUM")
    np.testing.assert_array_equal(file.image(primary), IMAGE)
    [columns] = file.tables([second], ["WAVELENGTH", "DQ", "ROWS", "ABSENT"])
    assert {name: one.shape for name, one in columns.items()} == {"WAVELENGTH": (5,), "DQ": (5,), "ROWS": (5, 2)}


def test_values_of_all_kinds() -> None:
    header = fits.Header([("TEXT", "it's"), ("YES", True), ("COUNT", -3), ("SIZE", 1.5e-7), ("EMPTY", None)])
    found = read_fits(written(fits.PrimaryHDU(IMAGE, header))).units[0].header
    assert [found[key] for key in ("TEXT", "YES", "COUNT", "SIZE", "EMPTY")] == ["it's", True, -3, 1.5e-7, ""]


GOOD = written(fits.PrimaryHDU(IMAGE), table())


def _card(content: bytes, key: str, value: str) -> bytes:
    place = content.index(key.ljust(8).encode() + b"= ")
    return content[:place] + f"{key:8s}= {value:>20s}".ljust(80).encode() + content[place + 80 :]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: b"", "0 bytes are no multiple"),
        (lambda one: one[:-1], "no multiple of 2880"),
        (lambda one: one[:-2880], "promises"),
        (lambda one: one + bytes(2880), "does not end|not printable"),
        (lambda one: b" " * 2880 + one, "does not begin with SIMPLE"),
        (lambda one: _card(one, "SIMPLE", "F"), "SIMPLE is not T"),
        (lambda one: _card(one, "BITPIX", "-31"), "BITPIX -31"),
        (lambda one: _card(one, "BITPIX", "'x'"), "BITPIX 'x'"),
        (lambda one: _card(one, "NAXIS", "99"), "NAXIS 99"),
        (lambda one: _card(one, "NAXIS", "1"), "fill behind its data"),
        (lambda one: _card(one, "NAXIS1", "-4"), "NAXIS1 -4"),
        (lambda one: _card(one, "NAXIS1", "1000000000"), "promises"),
        (lambda one: _card(one, "NAXIS1", "99999999999999999999"), "NAXIS1 1e\\+20"),
        (lambda one: one.replace(b"NAXIS2  ", b"NAXIS1  ", 1), "NAXIS1 more than once"),
        (lambda one: _card(one, "XTENSION", "'A3DTABLE'"), "kind 'A3DTABLE'"),
        (lambda one: _card(one, "TFIELDS", "3"), "its columns take"),
        (lambda one: _card(one, "TFIELDS", "5"), "format ''"),
        (lambda one: _card(one, "TFORM2", "'Z'"), "format 'Z'"),
        (lambda one: _card(one, "TTYPE2", "'WAVELENGTH'"), "comes more than once"),
        (lambda one: _card(one, "PCOUNT", "99999"), "promises"),
        (lambda one: _card(one, "GCOUNT", "2"), "random groups"),
        (lambda one: one.replace(b"END" + b" " * 77, b"EMD" + b" " * 77), "does not end|not printable"),
        (lambda one: one[:2870] + b"\x80" + one[2871:], "fill behind its header"),
        (lambda one: one[:9] + b"\n" + one[10:], "not printable"),
        (lambda one: one[: 2880 + 100] + b"\1" + one[2880 + 101 :], "fill behind its data"),
    ],
)
def test_what_is_broken_is_refused(change: Callable[[bytes], bytes], said: str) -> None:
    with pytest.raises(FormatError, match=said):
        read_fits(change(GOOD))


def test_scaled_numbers_are_refused() -> None:
    scaled = fits.PrimaryHDU(np.arange(12, dtype=np.int16).reshape(3, 4))
    scaled.header["BSCALE"] = 0.5
    file = read_fits(written(scaled))
    with pytest.raises(FormatError, match="scaled by BSCALE"):
        file.image(file.units[0])
    for keywords in ({"TSCAL1": 2.0}, {"TZERO1": 7.0}, {"TNULL2": 3}):
        file = read_fits(written(fits.PrimaryHDU(), table(**keywords)))
        with pytest.raises(FormatError, match="scaled"):
            file.tables([file.units[1]], ["WAVELENGTH", "DQ"])


def test_text_is_no_column_of_numbers() -> None:
    file = read_fits(GOOD)
    with pytest.raises(FormatError, match="no numbers"):
        file.tables([file.units[1]], ["NAME"])


def test_a_wrong_checksum_is_refused() -> None:
    content = bytearray(written(fits.PrimaryHDU(IMAGE), checksum=True))
    file = read_fits(bytes(content))
    assert file.image(file.units[0]).sum() == IMAGE.sum()
    content[2880] ^= 1
    file = read_fits(bytes(content))
    with pytest.raises(FormatError, match="[Cc]hecksum"):
        file.image(file.units[0])


def test_compressed_images_stay_tables() -> None:
    """A table that claims to be a compressed image is never unpacked."""
    file = read_fits(written(fits.PrimaryHDU(), fits.CompImageHDU(np.zeros((100, 100), np.int16))))
    assert [unit.kind for unit in file.units] == ["PRIMARY", "BINTABLE"]


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, least, said in (("MOST_BYTES", 100, "at most 100"), ("MOST_UNITS", 1, "more than 1 units"),
                              ("MOST_CARDS", 3, "does not end"), ("MOST_COLUMNS", 2, "TFIELDS 4")):  # fmt: skip
        with monkeypatch.context() as patched:
            patched.setattr(ours, name, least)
            with pytest.raises(FormatError, match=said):
                read_fits(GOOD)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_any_byte_may_change(place: int, byte: int) -> None:
    content = GOOD[:place] + bytes([byte]) + GOOD[place + 1 :]
    try:
        file = read_fits(content)
        file.image(file.units[0])
        file.tables([one for one in file.units if one.kind == "BINTABLE"], ["WAVELENGTH", "DQ"])
    except FormatError:
        return


def test_a_text_whose_quote_does_not_end_is_no_value() -> None:
    """Astropy took the two quotes at its end for one of the text: the column was another one to it."""
    content = GOOD.replace(b"'WAVELENGTH'  ", b"'WAVELENGTH'' ", 1)
    assert content != GOOD
    with pytest.raises(FormatError, match="TTYPE1"):
        read_fits(content)
