"""JSON, and JSON lines: one object a line, as https://jsonlines.org has it; plain or gzipped.

JSON is read strictly (RFC 8259): a name that comes twice in one object, NaN and Infinity, halves of characters, and
nesting beyond reason are errors. The last line of a file may lack its end, since an object that was cut short is seen
anyway.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from astrobio.core.errors import FormatError
from astrobio.formats.packed import gunzip

_HALF = re.compile(r"\\u[dD][89a-fA-F]")
GZIP = b"\x1f\x8b"
MOST_BYTES = 1 << 30
"""Of a file once it is unpacked."""
MOST_LINES = 5_000_000
MOST_LINE = 1 << 20
"""Characters of a line."""


def parse_json(text: str) -> Any:
    """What a JSON text means.

    Raises
    ------
    FormatError
        If it is none, a name comes twice, or a number or a character is none.

    >>> parse_json('{"a": 1, "a": 2}')
    Traceback (most recent call last):
    ...
    astrobio.core.errors.FormatError: the name 'a' comes twice in one object
    """
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite,
                          parse_int=_whole)  # fmt: skip
    except json.JSONDecodeError as error:
        raise FormatError(f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise FormatError("it is nested too deeply") from error
    if _HALF.search(text):
        _check_characters(found)
    return found


def _check_characters(found: Any) -> None:
    """Half of a surrogate pair is no character, though JSON can write it (RFC 8259, section 8.2)."""
    try:
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise FormatError(f"{error.object[error.start]!r} is half of a character") from error


def read_json(content: bytes, most_bytes: int = 16 << 20) -> Any:
    """What a file of one JSON text means.

    Raises
    ------
    FormatError
        If it is none, is no UTF-8, or is larger than the limit.
    """
    if len(content) > most_bytes:
        raise FormatError(f"it has {len(content)} bytes; at most {most_bytes} are read")
    return parse_json(_utf8(content))


def read_json_lines(content: bytes, most_bytes: int = MOST_BYTES) -> list[dict[str, Any]]:
    r"""The objects of a file of JSON lines, gzipped or not.

    Raises
    ------
    FormatError
        If a line is no JSON object, the file is no UTF-8, is cut short, or is larger than the limits.

    >>> read_json_lines(b'{"id": "2305.00019"}\n{"id": "2305.00020"}\n')
    [{'id': '2305.00019'}, {'id': '2305.00020'}]
    """
    text = _utf8(gunzip(content, most_bytes) if content.startswith(GZIP) else content)
    if len(text) > most_bytes:
        raise FormatError(f"it has {len(text)} characters; at most {most_bytes} are read")
    if not text.strip():
        raise FormatError("the file is empty")
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    if len(lines) > MOST_LINES:
        raise FormatError(f"there are {len(lines)} lines; at most {MOST_LINES} are read")
    return [_object(line, number) for number, line in enumerate(lines, 1)]


def _object(line: str, number: int) -> dict[str, Any]:
    if len(line) > MOST_LINE:
        raise FormatError(f"line {number} has {len(line)} characters; at most {MOST_LINE} are read")
    try:
        found = parse_json(line)
    except FormatError as error:
        raise FormatError(f"line {number} of the file is no JSON: {error.message}") from error
    if not isinstance(found, dict):
        raise FormatError(f"line {number} is a {type(found).__name__}, and no object")
    return found


def _utf8(content: bytes) -> str:
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise FormatError(f"byte {error.start} is not of UTF-8: {error.reason}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise FormatError(f"the name {twice[:40]!r} comes twice in one object")
    return found


def _no_number(text: str) -> None:
    raise FormatError(f"{text} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise FormatError(f"{text[:40]} is beyond what a number holds")
    return number


def _whole(text: str) -> int:
    if len(text) > 40:
        raise FormatError(f"a whole number has {len(text)} digits; at most 40 are read")
    return int(text)
