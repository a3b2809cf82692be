"""Transmission spectra as papers publish them beside their text: three layouts of columns, told by the header.

The names of the columns say what is in them and in which unit. Comments may be in Latin-1, as one genuine file's is;
nothing else may be anything but ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from astrobio.core.errors import FormatError
from astrobio.core.spectrum import Spectrum, depth_from_ratio
from astrobio.formats.delimited import Dialect, Table, read_delimited
from astrobio.formats.schema import Column, Schema, apply_schema
from astrobio.formats.spectrum_file import SpectrumFile

Array = NDArray[np.float64]
MOST_BYTES = 32 << 20
_ALLOWED = re.compile(rb"[\n\r\t\x20-\x7e]*")
_DAY = re.compile(r"\b(?:Date|Created on): *(\d{4}-\d{2}-\d{2})\b")


@dataclass(frozen=True)
class Layout:
    """One way to write a spectrum.

    Attributes
    ----------
    header : str
        Its first line, by which it is known.
    separator : str
        Between the fields of the lines that follow.
    columns : tuple of Column
        In their order; units are what the header's own words say.
    depth : callable
        From value and error to depth in ppm, with its upper and lower error.
    note : str
        How the depth was derived, if it was.
    """

    header: str
    separator: str
    columns: tuple[Column, ...]
    depth: Callable[[Array, Array], tuple[Array, Array, Array]]
    note: str = ""


def _numbers(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "number", filled=True) for name in names)


_BIN = _numbers("wavelength", "half_width", "value", "error")
_ORDER = Column("order", "integer", low=1, high=3, filled=True)
_QUALITY = Column("quality", "integer", low=0, high=1, filled=True)

LAYOUTS = (
    Layout("wave,wave_error,dppm,dppm_err,order,quality", ",", (*_BIN, _ORDER, _QUALITY),
           lambda value, error: (value, error, error)),
    Layout("wave,wave_error,dppm,dppm_err,order", ",", (*_BIN, _ORDER), lambda value, error: (value, error, error)),
    Layout("Wavelength (microns), Bin half-width, transit depth, uncertainty", " ", _BIN,
           lambda value, error: (1e6 * value, 1e6 * error, 1e6 * error)),
    Layout("Wavelength microns, Wavelength bin size microns, Rp/R*, Rp/R* error", ",", _BIN,
           lambda value, error: depth_from_ratio(value, error, error), "depth derived from the published Rp/R*"),
)  # fmt: skip
"""Wavelengths in micrometre throughout. ``dppm``: depth in ppm; ``wave_error``, and the ``bin size`` of the last
layout: half the width of a bin (measured: neighbours are two of them apart in all of its files but one, whose bins
overlap). ``quality``: 1 where the authors warn of a point (measured: depths above 1 stand only there)."""


def read_text_spectrum(content: bytes) -> SpectrumFile:
    r"""Read a spectrum in one of the layouts.

    Raises
    ------
    FormatError
        If the header is none of the layouts', a byte outside the comments is not ASCII, or a line has more or fewer
        fields than it has columns.

    >>> found = read_text_spectrum(b"wave,wave_error,dppm,dppm_err,order\n0.6010,0.0002,22327.7,833.1,2\n")
    >>> found.spectra[0].value, found.spectra[0].order
    (array([22327.7]), array([2], dtype=int16))
    """
    if len(content) > MOST_BYTES:
        raise FormatError(f"the file has {len(content)} bytes; at most {MOST_BYTES} are read")
    comments, first, body = _split(content)
    layout = next((one for one in LAYOUTS if one.header == first), None)
    if layout is None:
        raise FormatError(f"the header is {first[:100]!r}, which is that of no layout that is known here")
    names = [column.name for column in layout.columns]
    head = "#\n" * len(comments) + layout.separator.join(names) + "\n"  # lines keep their numbers
    table = read_delimited(head.encode() + body, Dialect(layout.separator, quote=None, comment="#", spaces=True))
    return _spectrum(layout, table, comments)


def _split(content: bytes) -> tuple[list[str], str, bytes]:
    """The comments, the header, and the lines below it."""
    comments = []
    rest = content
    while rest.startswith(b"#"):
        line, ended, rest = rest.partition(b"\n")
        comments.append(line[1:].decode("latin-1").strip())
    allowed = _ALLOWED.match(rest)
    if allowed is None or allowed.end() < len(rest):
        place = len(content) - len(rest) + (allowed.end() if allowed else 0)
        raise FormatError(f"byte {place} is not of ASCII")
    header, _, body = rest.partition(b"\n")
    if not body.strip():
        raise FormatError("there is a header and no row")
    return comments, header.decode("ascii").strip(), body.rstrip() + (b"\n" if body.endswith(b"\n") else b"")


def _spectrum(layout: Layout, table: Table, comments: list[str]) -> SpectrumFile:
    typed = apply_schema(table, Schema(layout.columns))
    dates = tuple(("written", day) for line in comments for day in _DAY.findall(line))
    if typed.problems:
        return SpectrumFile((), tuple(typed.problems), dates)
    frame = typed.frame
    with np.errstate(over="ignore", invalid="ignore"):  # what goes beyond all numbers is seen as such
        value, upper, lower = layout.depth(_array(frame, "value"), _array(frame, "error"))
    said = dict(line.split(": ", 1) for line in comments if re.match(r"(Target|Pipeline): ", line))
    spectrum = Spectrum(
        "transit depth", "ppm", _array(frame, "wavelength"), value, upper, lower, _array(frame, "half_width"),
        usable=frame["quality"].to_numpy() == 0 if "quality" in frame.columns else np.empty(0, bool),
        order=frame["order"].to_numpy() if "order" in frame.columns else np.empty(0, np.int16),
        planet=said.get("Target", ""), note="; ".join(filter(None, (said.get("Pipeline"), layout.note))),
    )  # fmt: skip
    return SpectrumFile((spectrum,), dates=dates)


def _array(frame: pl.DataFrame, name: str) -> Array:
    return frame[name].to_numpy().astype(np.float64)
