"""FITS files (FITS Standard 4.0, https://fits.gsfc.nasa.gov/fits_standard.html), read whole.

astropy reads headers lazily and makes room for whatever they promise. Here every header is walked first: each card,
and for each unit the size that its header promises, which must add up to the file's, to the byte. Only then astropy
reads the units that are wanted.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from astropy.io import fits
from astropy.io.fits.verify import VerifyError, VerifyWarning
from astropy.utils.exceptions import AstropyWarning
from numpy.typing import NDArray

from astrobio.core.errors import FormatError

BLOCK = 2880
CARD = 80
MOST_BYTES = 512 << 20
MOST_UNITS = 20_000
"""Header and data units; older x1dints products have one for each integration."""
MOST_CARDS = 4_000
MOST_COLUMNS = 200
_BITPIX = (8, 16, 32, 64, -32, -64)
_WIDTHS = {"L": 1, "B": 1, "I": 2, "J": 4, "K": 8, "A": 1, "E": 4, "D": 8, "C": 8, "M": 16, "P": 8, "Q": 16}
"""Bytes of one element of a column (Standard, table 18); P and Q are descriptors, X is counted in bits."""
_FORM = re.compile(r"(\d*)([LXBIJKAEDCMPQ])(\S*)")
_STRUCTURE = re.compile(r"SIMPLE|XTENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TFIELDS|T(TYPE|FORM|SCAL|ZERO|NULL)\d+")
Value = str | int | float | bool


@dataclass(frozen=True)
class Unit:
    """A header with what follows it.

    Attributes
    ----------
    number : int
        0 for the primary one.
    kind : str
        ``PRIMARY``, ``IMAGE``, ``BINTABLE`` or ``TABLE``.
    header : dict of str to (str, int, float or bool)
        Keywords with a value, the first of each; comments and history are left out.
    shape : tuple of int
        Axes, the fastest last; empty where there are no data.
    columns : tuple of (str, str, str)
        Name, format and unit of each column of a binary table.
    """

    number: int
    kind: str
    header: dict[str, Value]
    shape: tuple[int, ...]
    columns: tuple[tuple[str, str, str], ...] = ()

    @property
    def name(self) -> str:
        """Its EXTNAME, in capitals; empty where it has none."""
        return str(self.header.get("EXTNAME", "")).strip().upper()


@dataclass(frozen=True)
class FitsFile:
    """The units of a file, and its bytes."""

    units: tuple[Unit, ...]
    content: bytes = field(repr=False)

    def image(self, unit: Unit) -> NDArray[np.float64]:
        """The numbers of a primary unit or an image.

        Raises
        ------
        FormatError
            If they cannot be read, or are scaled.
        """
        scaled = sorted({"BSCALE", "BZERO", "BLANK"} & set(unit.header))
        if scaled:
            raise FormatError(f"unit {unit.number} is scaled by {', '.join(scaled)}, which no such file is")
        [data] = _astropy(self.content, [unit.number])
        return _numbers(data)

    def tables(self, units: Sequence[Unit], names: Sequence[str]) -> list[dict[str, NDArray[np.float64]]]:
        """Columns of numbers of binary tables, those of the names that each has: one number a row, or several.

        Raises
        ------
        FormatError
            If a column cannot be read, is scaled, or is not of numbers.
        """
        wanted = [[name for name in names if _place(unit, name)] for unit in units]
        for unit, present in zip(units, wanted, strict=True):
            for name in present:
                _check_numbers(unit, name)
        found = _astropy(self.content, [unit.number for unit in units])
        for unit, present, data in zip(units, wanted, found, strict=True):
            other = [name for name in present if name not in {one.upper() for one in data.dtype.names or ()}]
            if other:
                raise FormatError(f"unit {unit.number}: {', '.join(other)} is another column to astropy")
        return [{name: _numbers(data[name]) for name in present} for data, present in zip(found, wanted, strict=True)]


def _numbers(data: NDArray[np.generic]) -> NDArray[np.float64]:
    """As double precision; signalling NaNs, which any bit may make, become quiet ones."""
    with np.errstate(invalid="ignore"):
        return np.asarray(data, dtype=np.float64)


def _place(unit: Unit, name: str) -> int | None:
    """The number of a column, from 1."""
    return next((i for i, (one, _, _) in enumerate(unit.columns, start=1) if one == name), None)


def _check_numbers(unit: Unit, name: str) -> None:
    place = _place(unit, name) or 0
    form = unit.columns[place - 1][1]
    letter = _form(form)[1]
    if letter not in "BIJKED":
        raise FormatError(f"unit {unit.number}: {name} has format {form!r}: no numbers")
    # Unsigned integers are kept as signed ones and an offset (Standard, section 5.2.5); nothing else is scaled.
    offset = {"I": 1 << 15, "J": 1 << 31}.get(letter, 0)
    zero, scale = unit.header.get(f"TZERO{place}", 0), unit.header.get(f"TSCAL{place}", 1)
    if scale != 1 or zero not in (0, offset) or f"TNULL{place}" in unit.header:
        raise FormatError(f"unit {unit.number}: {name} is scaled")


def read_fits(content: bytes) -> FitsFile:
    """Walk a FITS file from its first byte to its last.

    Raises
    ------
    FormatError
        If its length is no multiple of 2,880, a header does not end or has a card that is none, what headers promise
        does not add up to the file, or the fill between units is not empty.

    >>> read_fits(b"SIMPLE  =                    T")
    Traceback (most recent call last):
    ...
    astrobio.core.errors.FormatError: 30 bytes are no multiple of 2880: the file is cut short, or none of FITS
    """
    if len(content) > MOST_BYTES:
        raise FormatError(f"the file has {len(content)} bytes; at most {MOST_BYTES} are read")
    if not content or len(content) % BLOCK:
        raise FormatError(f"{len(content)} bytes are no multiple of {BLOCK}: the file is cut short, or none of FITS")
    if not content.startswith(b"SIMPLE  ="):
        raise FormatError("the file does not begin with SIMPLE")
    units: list[Unit] = []
    place = 0
    while place < len(content):
        if len(units) == MOST_UNITS:
            raise FormatError(f"there are more than {MOST_UNITS} units")
        header, begin = _header(content, place, len(units))
        unit, size = _unit(header, len(units))
        place = begin + -(-size // BLOCK) * BLOCK
        if place > len(content):
            raise FormatError(f"unit {unit.number} promises {size} bytes, and {len(content) - begin} follow")
        fill = content[begin + size : place]
        if fill.strip(b" " if unit.kind == "TABLE" else b"\0"):
            raise FormatError(f"unit {unit.number}: the fill behind its data is not empty")
        units.append(unit)
    return FitsFile(tuple(units), content)


def _header(content: bytes, place: int, number: int) -> tuple[dict[str, Value], int]:
    """Keywords and values of a header, and where its data begin."""
    header: dict[str, Value] = {}
    cards = 0
    while True:
        card = content[place + CARD * cards : place + CARD * (cards + 1)]
        cards += 1
        if len(card) < CARD or cards > MOST_CARDS:
            raise FormatError(f"the header of unit {number} does not end")
        if any(byte < 32 or byte > 126 for byte in card):
            raise FormatError(f"card {cards} of unit {number} has a byte that is not printable ASCII")
        if card.startswith(b"END") and not card[3:].strip():
            break
        keyword = card[:8].decode("ascii").rstrip()
        if card[8:10] == b"= ":
            if keyword in header and _STRUCTURE.fullmatch(keyword):
                raise FormatError(f"unit {number} has {keyword} more than once")
            header.setdefault(keyword, _value(card[10:].decode("ascii"), keyword, number))
    end = place + -(-CARD * cards // BLOCK) * BLOCK
    if content[place + CARD * cards : end].strip(b" "):
        raise FormatError(f"unit {number}: the fill behind its header is not empty")
    return header, end


def _value(text: str, keyword: str, number: int) -> Value:
    """The value of a card (Standard, section 4.2)."""
    found = re.match(r" *'((?:[^']|'')*)'(?!')", text)
    if found:
        return found[1].replace("''", "'").rstrip()
    bare = text.split("/", 1)[0].strip()
    if bare in ("T", "F"):
        return bare == "T"
    if re.fullmatch(r"[+-]?\d{1,18}", bare):
        return int(bare)
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([EeDd][+-]?\d{1,3})?", bare):
        return float(bare.upper().replace("D", "E"))
    if not bare or re.fullmatch(r"\(.*\)", bare):
        return bare
    raise FormatError(f"unit {number}: {keyword} has the value {bare[:40]!r}, which is none of FITS")


def _unit(header: dict[str, Value], number: int) -> tuple[Unit, int]:
    """The unit of a header, and how many bytes its data take (Standard, equations 1 and 2)."""
    kind = "PRIMARY" if number == 0 else str(header.get("XTENSION", "")).strip()
    if kind not in ("PRIMARY", "IMAGE", "BINTABLE", "TABLE"):
        raise FormatError(f"unit {number} is an extension of kind {kind!r}")
    if number == 0 and header.get("SIMPLE") is not True:
        raise FormatError("SIMPLE is not T: the file says itself that it does not keep to the standard")
    bitpix = _count(header, "BITPIX", number, -64, 64)
    if bitpix not in _BITPIX:
        raise FormatError(f"unit {number} has BITPIX {bitpix}")
    axes = [_count(header, f"NAXIS{i + 1}", number) for i in range(_count(header, "NAXIS", number, 0, 8))]
    elements = 1 if axes else 0
    for axis in axes:
        elements *= axis
    heap, groups = (_count(header, key, number, 0, default=default) for key, default in (("PCOUNT", 0), ("GCOUNT", 1)))
    if groups != 1 or header.get("GROUPS") is True:
        raise FormatError(f"unit {number} has random groups, which are not read")
    columns = _columns(header, number, axes) if kind == "BINTABLE" else ()
    size = abs(bitpix) // 8 * (heap + elements)
    return Unit(number, kind, header, tuple(reversed(axes)), columns), size


def _count(
    header: dict[str, Value], key: str, number: int, low: int = 0, high: int = 1 << 40, default: int | None = None
) -> int:
    value = header.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise FormatError(f"unit {number} has {key} {value!r}")
    return value


def _columns(header: dict[str, Value], number: int, axes: list[int]) -> tuple[tuple[str, str, str], ...]:
    """Names, formats and units of a binary table's columns; their widths must add up to its rows."""
    count = _count(header, "TFIELDS", number, 0, MOST_COLUMNS)
    columns = tuple(
        (str(header.get(f"TTYPE{i}", "")).strip().upper(), str(header.get(f"TFORM{i}", "")).strip(),
         str(header.get(f"TUNIT{i}", "")).strip())
        for i in range(1, count + 1)
    )  # fmt: skip
    width = 0
    for _, form, _ in columns:
        repeat, letter = _form(form)
        width += -(-repeat // 8) if letter == "X" else repeat * _WIDTHS[letter]
    if len(axes) != 2 or width != axes[0] or header.get("BITPIX") != 8:
        raise FormatError(f"unit {number}: its columns take {width} bytes, and its rows have {axes[:1]}")
    names = [name for name, _, _ in columns if name]
    if len(set(names)) < len(names):
        raise FormatError(f"unit {number}: a column comes more than once")
    return columns


def _form(form: str) -> tuple[int, str]:
    found = _FORM.fullmatch(form)
    if found is None:
        raise FormatError(f"a column has the format {form!r}")
    return int(found[1] or 1), found[2]


def _astropy(content: bytes, numbers: Sequence[int]) -> list[NDArray[np.void]]:
    """The data of units, read by astropy with their checksums, where they have some."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", AstropyWarning)
            # Keywords such as (B-V) are none of the standard, and astropy says so of each; their cards are harmless.
            warnings.simplefilter("ignore", VerifyWarning)
            with fits.open(
                io.BytesIO(content), memmap=False, lazy_load_hdus=False, checksum=True, disable_image_compression=True
            ) as units:
                found = [units[number].data for number in numbers]
    except (OSError, ValueError, TypeError, KeyError, IndexError, VerifyError, AstropyWarning) as error:
        raise FormatError(f"astropy does not read the data: {str(error)[:200]}") from error
    if any(data is None for data in found):
        raise FormatError(f"one of the units {list(numbers)} has no data")
    return found
