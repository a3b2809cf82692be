"""The row of gates that a file passes: what came with it, then its format, then whatever its kind demands."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from astrobio.core.errors import FormatError
from astrobio.core.hashing import sha256_bytes
from astrobio.core.provenance import Provenance
from astrobio.verify.verdict import Findings, Verdict

Parsed = TypeVar("Parsed")
Check = Callable[[Findings, Parsed, Provenance], None]

_PAGE = re.compile(rb"^\s*(<!doctype html|<html|<head|<body)", re.IGNORECASE)
_JSON_ERROR = re.compile(rb'^\s*\{\s*"?(error|errors|message|detail|status|code)"?\s*:', re.IGNORECASE)
_VOTABLE_ERROR = re.compile(rb'<INFO[^>]*name="QUERY_STATUS"[^>]*value="ERROR"', re.IGNORECASE)
HEAD = 4096


def gates(
    read: Callable[[bytes], Parsed], *checks: Check[Parsed], text: bool = False
) -> Callable[[bytes, Provenance], Verdict]:
    """The gates of a kind of file.

    Parameters
    ----------
    read : callable
        Parses the whole file; raises FormatError.
    checks : callables
        Each notes its findings about what was parsed.
    text : bool
        Whether a page or a JSON object may be the file.

    Returns
    -------
    callable
        From bytes and provenance to the verdict.

    >>> from astrobio.formats.delimited import read_delimited
    >>> judge = gates(read_delimited)
    >>> note = Provenance("phl_hwc", "curated", "declared", "import", "list/hwc.csv")
    >>> judge(b"<!doctype html><title>Sign in</title>", note).reasons
    ['transfer: no page: an HTML page (expected data)']
    """

    def judge(content: bytes, provenance: Provenance) -> Verdict:
        found = Findings()
        if not _came_whole(found, content, provenance, text):
            return found.verdict()
        try:
            parsed = read(content)
        except FormatError as error:
            found.note("format", "parsed whole", False, error, "a file of its format, from end to end")
            return found.verdict()
        found.note("format", "parsed whole", True, f"{len(content)} bytes", "a file of its format, from end to end")
        for check in checks:
            check(found, parsed, provenance)
        return found.verdict()

    return judge


def _came_whole(found: Findings, content: bytes, provenance: Provenance, text: bool) -> bool:
    """What can be said about the bytes as they came, before they are parsed."""
    detail, head = provenance.detail, content[:HEAD]
    good = found.note("transfer", "not empty", bool(content), f"{len(content)} bytes", "at least one byte")
    if not text:
        page = _PAGE.match(head)
        good &= found.note("transfer", "no page", not page, "an HTML page" if page else "none", "data")
        error = _JSON_ERROR.match(head) or _VOTABLE_ERROR.search(head)
        said = head[:120].decode("utf-8", "replace").strip() if error else "none"
        good &= found.note("transfer", "no error message", not error, said, "data")
    length = detail.get("length")
    if length is not None:
        good &= found.note("transfer", "length", length == len(content), f"{len(content)} bytes", f"{length} bytes")
    wanted = detail.get("sha256")
    if wanted is not None:
        digest = sha256_bytes(content)
        good &= found.note("transfer", "digest", wanted == digest, digest[:16], f"{wanted[:16]}, as its index says")
    counted = detail.get("rows_counted")
    known = length is not None or counted is not None or provenance.assurance == "pinned"
    found.flag("transfer", "completeness", known, "compared" if known else "completeness unknown",
               "a length, a count or a digest to compare with")  # fmt: skip
    return good


def check_count(found: Findings, provenance: Provenance, rows: int) -> None:
    """Compare the rows that came with those that the service counted, where it did."""
    counted = provenance.detail.get("rows_counted")
    if counted is not None:
        found.note("transfer", "row count", rows == counted, f"{rows} rows", f"the {counted} that the service counts")
    limit = provenance.detail.get("most_rows")
    if limit is not None and counted is None:
        found.note("transfer", "not cut at the row limit", rows < limit, f"{rows} rows", f"fewer than {limit}")
