"""Packed bytes: unpacked within limits, so that no small file becomes a large one."""

from __future__ import annotations

import zlib

from astrobio.core.errors import FormatError


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
    parts, size, rest = [], 0, content
    while rest or not parts:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            part = unpacker.decompress(rest, most_bytes - size + 1)
        except zlib.error as error:
            raise FormatError(f"it cannot be unpacked: {error}") from error
        size += len(part)
        if size > most_bytes:
            raise FormatError(f"it holds more than {most_bytes} bytes once it is unpacked")
        if not unpacker.eof:
            raise FormatError("the packed file is cut short")
        parts.append(part)
        rest = unpacker.unused_data
    return b"".join(parts)
