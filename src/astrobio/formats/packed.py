"""Packed bytes: unpacked within limits, so that no small file becomes a large one."""

from __future__ import annotations

import zlib

from astrobio.core.errors import FormatError

MOST_MEMBERS = 100_000
"""Members of a gzip file; one that was packed in blocks has one for each."""
_PIECE = 1 << 16


def gunzip(content: bytes, most_bytes: int) -> bytes:
    """What a gzip file holds, all of its members after one another (RFC 1952).

    Parameters
    ----------
    content : bytes
    most_bytes : int
        More than so many are not unpacked.

    Raises
    ------
    FormatError
        If it is no gzip file, is cut short, has been changed, or holds more than ``most_bytes``.

    >>> import gzip
    >>> gunzip(gzip.compress(b"abc"), 3)
    b'abc'
    """
    parts: list[bytes] = []
    size = place = members = 0
    while place < len(content) or not members:
        unpacker = zlib.decompressobj(wbits=31)
        members += 1
        if members > MOST_MEMBERS:
            raise FormatError(f"it has more than {MOST_MEMBERS} members")
        while not unpacker.eof:
            piece = content[place : place + _PIECE]
            if not piece:
                raise FormatError("the packed file is cut short")
            try:
                part = unpacker.decompress(piece, most_bytes - size + 1)
            except zlib.error as error:
                raise FormatError(f"it cannot be unpacked: {error}") from error
            size += len(part)
            if size > most_bytes:
                raise FormatError(f"it holds more than {most_bytes} bytes once it is unpacked")
            parts.append(part)
            place += len(piece) - len(unpacker.unused_data) - len(unpacker.unconsumed_tail)
    return b"".join(parts)
