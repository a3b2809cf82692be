"""Whatever a server does, the file is right or there is none, and the reason is the right one.

The tables below are the centre: what the server does to successive requests (`tests/loopback/behaviours.py`), what
becomes of the file, and what the error says. RIGHT means that the file stands at its path byte for byte; a word is
the reason of the failure. A third column names what must be in the message. Each row is run with nothing at the path
and, if it is to fail, with an older file there, which must stay.
"""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from astrobio.core.errors import EXIT_REFUSED, EXIT_UNREACHABLE
from astrobio.transfer import HostLimit, Request, Session, TransferFailed
from tests.loopback.authority import Authority
from tests.loopback.behaviours import (
    LOGIN,
    Balanced,
    BigHead,
    Challenge,
    Change,
    Chunked,
    CloseBeforeHead,
    CloseInBody,
    CloseInHead,
    ContentType,
    Drip,
    EarlyHints,
    Encoded,
    Endless,
    Flipped,
    Forever,
    GzipBomb,
    Header,
    HeadLine,
    Http10,
    HugeLength,
    LengthOver,
    Lengths,
    LengthUnder,
    ManyHeaders,
    Multipart,
    NoHead,
    NoLength,
    NoValidators,
    OnlyDate,
    Page,
    PartUnasked,
    Pause,
    RangeCut,
    RangeEncoded,
    RangeIgnored,
    RangeShifted,
    RangeShort,
    RangeText,
    RangeUntilEnd,
    Redirect,
    RedirectChain,
    RedirectRaw,
    ResetBeforeHead,
    ResetInBody,
    StallBeforeHead,
    StallInBody,
    StallInHead,
    Status,
    StatusLine,
    SwitchProtocols,
    Trailing,
    Unsatisfiable,
    WeakEtag,
    Well,
    WellAndClose,
)
from tests.loopback.server import LoopbackServer
from tests.transfer.fetching import PATIENT, QUICK, fetch, names, run, sha256

RIGHT = "right"
CONTENT = b"name,period,radius\n" + b"".join(b"planet-%04d,%d.5,1.%d\n" % (n, n % 400, n % 97) for n in range(1000))
SIZE = len(CONTENT)
HALF = 7000
NEW = CONTENT.replace(b"planet", b"worlds")[: SIZE - 1000]
LARGE = CONTENT + b"".join(b"planet-%05d,%d.25,2.%d\n" % (n, n % 377, n % 89) for n in range(18_000))
NEW_LARGE = LARGE.replace(b"planet", b"worlds")[:-9000]
CSV = {"content_types": ("text/csv",)}
STARTS = {"signatures": (b"name,", b"ID,")}
KNOWN = {"length": SIZE}
DIGEST = {"sha256": sha256(CONTENT)}
RANGES = {"range_bytes": 100_000, "piece_bytes": 50_000, "file_connections": 3}

UNREACHABLE = {"connect", "protocol", "stalled", "slow", "status", "unavailable", "rate_limited", "truncated"}
# What may be kept when it fails: only what another attempt can go on with.
NOTHING, RESUMABLE = set(), {"a.csv.part", "a.csv.part.json"}


@dataclass(frozen=True)
class Row:
    """One line of a table.

    `requests` is how many the server saw (a range where that may vary), `part` what is left when it fails (None: does
    not matter), `content` what the file holds if that is not what the server has. `defect` says what the transfer does
    wrong as yet: such a row is expected to fail, and complains when it does not.
    """

    does: tuple[Any, ...]
    result: str
    says: str = ""
    requests: int | range | None = None
    part: bool | None = False
    request: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    content: bytes = CONTENT
    defect: str = ""

    def __str__(self) -> str:
        options = ",".join([*self.request, *self.settings])
        return f"{', '.join(map(_spelled, self.does))}{' ' + options if options else ''}: {self.result}"


def params(rows: list[Row]) -> list[Any]:
    """The rows as parameters of a test, named by what they say."""
    return [
        pytest.param(row, id=str(row), marks=[pytest.mark.xfail(reason=row.defect, strict=True)] if row.defect else [])
        for row in rows
    ]


def row(does: Any, result: str, says: str = "", **options: Any) -> Row:
    return Row(does if isinstance(does, tuple) else (does,), result, says, **options)


def always(behaviour: Any, *before: Any) -> tuple[Any, ...]:
    return (*before, Forever(behaviour))


def _spelled(behaviour: Any) -> str:
    """The behaviour as one writes it, short and in plain letters."""
    if isinstance(behaviour, Forever):
        return f"always {_spelled(behaviour.behaviour)}"
    changed = {name: value for name, value in vars(behaviour).items() if value != getattr(type(behaviour), name, None)}
    given = ", ".join(f"{name}={repr(value)[:40]}" for name, value in changed.items())
    return f"{type(behaviour).__name__}({given})".encode("ascii", "replace").decode()


CONNECTIONS = [
    row(CloseBeforeHead(), RIGHT, requests=2),
    row(always(CloseBeforeHead()), "connect", "connection", requests=3),
    row(ResetBeforeHead(), RIGHT, requests=2),
    row(always(ResetBeforeHead()), "connect", "connection", requests=3),
    row(CloseInHead(), RIGHT, requests=2),
    row(always(CloseInHead()), "connect", "connection", requests=3),
    row(StallBeforeHead(), RIGHT, requests=2),
    row(always(StallBeforeHead()), "stalled", "no answer came for 0.5 s", requests=3),
    row(StallInHead(), RIGHT, requests=2),
    row(always(StallInHead()), "stalled", "no answer came for 0.5 s", requests=3),
    row(CloseInBody(HALF), RIGHT, requests=2),
    row(always(CloseInBody(HALF)), RIGHT, requests=-(-SIZE // HALF), settings={"attempts": 5}),
    row(always(CloseInBody(0)), "truncated", "connection ended", requests=3),
    row(always(CloseInBody(2000)), "truncated", "connection ended", requests=3, part=True),
    row(always(CloseBeforeHead(), CloseInBody(HALF)), "connect", requests=3, part=True),
    row(ResetInBody(HALF), RIGHT, requests=2),
    row(always(ResetInBody(2000)), "truncated", "connection ended", requests=3, part=None),
    row(StallInBody(HALF), RIGHT, requests=2),
    row(always(StallInBody(2000)), "stalled", r"0\.3 s", requests=3, part=True),
    row(Pause(HALF, 0.05), RIGHT, requests=1),
    row(Drip(rate=200_000), RIGHT, requests=1),
    row(always(Drip(10_000)), "slow", "bytes/s", part=True, settings={"least_speed": 50_000, "least_speed_time": 0.2}),
    row((CloseBeforeHead(), StallInBody(HALF), Status(503), CloseInBody(9000)), RIGHT, settings={"attempts": 6}),
]

STATUSES = [
    *[row(Status(code), RIGHT, requests=2) for code in (408, 425, 429, 500, 502, 503, 504)],
    *[row(always(Status(code)), "unavailable", str(code), requests=3) for code in (408, 425, 500, 502, 503, 504)],
    *[
        row(always(Status(code)), "status", str(code), requests=1)
        for code in (400, 401, 403, 404, 405, 410, 418, 451, 501)
    ],
    row(always(Status(429)), "rate_limited", "429", requests=3),
    row(Status(429, retry_after="0"), RIGHT, requests=2),
    row(Status(429, retry_after="1"), RIGHT, requests=2),
    row(Status(503, retry_date=1.5), RIGHT, requests=2),
    row(Status(503, retry_date=-1000), RIGHT, requests=2),
    row(Status(429, retry_after="-5"), RIGHT, requests=2),
    row(Status(429, retry_after="soon"), RIGHT, requests=2),
    row(Status(429, retry_after=""), RIGHT, requests=2),
    row(Status(429, retry_after="1.5e1"), RIGHT, requests=2),
    row(Status(429, retry_after="86400"), "rate_limited", "86400", requests=1),
    row(Status(503, retry_after="86400"), "unavailable", "86400", requests=1),
    row(
        Status(429, retry_after="9" * 40),
        "rate_limited",
        requests=1,
    ),
    row(Status(429, retry_after="Fri, 31 Dec 9999 23:59:59 GMT"), "rate_limited", requests=1),
    row(always(Status(204)), "empty", "204", requests=1),
    row(always(Status(304)), "status", "304", requests=1),
    row(always(PartUnasked()), "status", "206", requests=1),
    row(always(EarlyHints()), RIGHT, requests=1),
    row(always(SwitchProtocols()), "status", "101", requests=1),
    row((CloseInBody(HALF), Status(503), Status(429)), RIGHT, requests=4, settings={"attempts": 4}),
]

LENGTHS = [
    row(LengthOver(5), RIGHT),
    row(always(LengthOver(5)), "truncated", "connection ended", requests=3, part=None),
    row(always(LengthUnder(5)), "length", f"{SIZE - 5}.*{SIZE}", requests=1, request=KNOWN),
    row(always(LengthUnder(5)), "digest", sha256(CONTENT), requests=2, request=DIGEST),
    row(always(NoLength()), RIGHT, requests=1),
    row(NoLength(at=HALF), RIGHT, request=KNOWN),
    row(always(NoLength(at=HALF)), "length", f"{HALF}.*{SIZE}", requests=3, request=KNOWN),
    row(always(NoLength(at=HALF)), "digest", sha256(CONTENT), requests=2, request=DIGEST),
    # HTTP cannot tell that this file is cut; the outcome says that no length was declared.
    row(always(NoLength(at=HALF)), RIGHT, content=CONTENT[:HALF]),
    row(always(NoLength(at=0)), "empty", "empty"),
    row(always(Lengths(("-5",))), "protocol", "[Cc]ontent-[Ll]ength", requests=3),
    row(always(Lengths(("many",))), "protocol", "[Cc]ontent-[Ll]ength", requests=3),
    row(always(Lengths(("+{}",))), "protocol", "[Cc]ontent-[Ll]ength", requests=3),
    row(always(Lengths(("9" * 30,))), "protocol", "[Cc]ontent-[Ll]ength", requests=3),
    row(always(Lengths(("{}", "7"))), "protocol", "[Cc]ontent-[Ll]ength", requests=3),
    row(always(Lengths(("{}", "{}"))), RIGHT, requests=1),
    row(Lengths(("many",)), RIGHT, requests=2),
    row(always(HugeLength()), "too_large", "10000000000000", requests=1),
    row(always(Endless()), "too_large", "100000", requests=1, request={"max_bytes": 100_000}),
    row(always(Endless(chunked=True)), "too_large", "100000", requests=1, request={"max_bytes": 100_000}),
    row(Well(), "too_large", f"{SIZE}.*10000", requests=1, request={"max_bytes": 10_000}),
    row(Well(), RIGHT, requests=1, request={"max_bytes": SIZE}),
    row(Well(), "length", f"{SIZE}.* 7 ", request={"length": 7}),
    row(always(Page(body=b"")), "empty", "empty"),
    row(Page(body=b""), RIGHT, requests=1, request={"length": 0}, content=b""),
]

CHUNKS = [
    row(always(Chunked()), RIGHT, requests=1),
    row(always(Chunked(trailer=b"X-Digest: 1\r\n")), RIGHT, requests=1),
    row(always(Chunked(keep_length=True)), RIGHT, requests=1),
    row(Chunked(at=HALF), RIGHT, requests=2),
    row(always(Chunked(at=2000)), "truncated", requests=3, part=True),
    row(Chunked(last=b"zz\r\n"), RIGHT),
    row(always(Chunked(last=b"zz\r\n")), "protocol", "chunk size", requests=3, part=None),
    row(always(Chunked(last=b"FFFFFFFFFFFFFFFFFF\r\n")), "protocol", "chunk size", requests=3, part=None),
    row(always(Chunked(last=b"")), "protocol", "chunk size", requests=3, part=None),
]

RESUMING = [
    row((CloseInBody(HALF), Change(NEW)), RIGHT, requests=2, content=NEW),
    row((CloseInBody(HALF), Change(NEW, heed_if_range=False)), RIGHT, requests=3, content=NEW),
    row((CloseInBody(HALF), Change(CONTENT)), RIGHT, requests=2),
    row(
        (CloseInBody(HALF), Change(NEW, keep_validators=True)),
        RIGHT,
        request={"sha256": sha256(NEW)},
        content=NEW,
    ),
    row((CloseInBody(HALF), RangeIgnored()), RIGHT, requests=2),
    row((CloseInBody(HALF, without=("ETag",)), OnlyDate()), RIGHT, requests=2),
    row((CloseInBody(HALF, without=("ETag", "Last-Modified")), Forever(NoValidators())), RIGHT, requests=2),
    row((CloseInBody(HALF, without=("Last-Modified",), weak=True), Forever(WeakEtag())), RIGHT, requests=2),
    row((CloseInBody(HALF, weak=True), Forever(Well())), RIGHT, requests=range(2, 4)),
    row((CloseInBody(HALF), Header("ETag", '"other"')), RIGHT, requests=3),
    row((CloseInBody(HALF), Encoded()), RIGHT),
    row((CloseInBody(HALF), RangeShifted()), RIGHT),
    row(always(RangeShifted(), CloseInBody(HALF)), RIGHT, requests=3),
    row(always(RangeShort(3000), CloseInBody(HALF)), RIGHT, settings={"attempts": 8}),
    row((CloseInBody(HALF), RangeText("bytes {start}-{last}/*")), RIGHT, requests=2),
    *[
        row((CloseInBody(HALF), RangeText(text)), RIGHT, requests=range(2, 4))
        for text in (None, "rubbish", "bytes {start}-{last}/7", "bytes 0-{last}/{size}", "items {start}-{last}/{size}")
    ],
    *[
        row(always(RangeText(text), CloseInBody(HALF)), RIGHT, requests=3)
        for text in (None, "rubbish", "bytes {start}-{last}/7", "bytes 0-{last}/{size}", "items {start}-{last}/{size}")
    ],
    row((CloseInBody(HALF), RangeCut()), RIGHT, requests=3),
    row((CloseInBody(HALF), Multipart()), RIGHT),
    row(always(Multipart(), CloseInBody(HALF)), RIGHT, requests=3),
    row((CloseInBody(HALF), Unsatisfiable()), RIGHT),
    row(always(Unsatisfiable(), CloseInBody(HALF)), RIGHT),
    row((CloseInBody(HALF), RangeEncoded()), RIGHT),
    row((CloseInBody(HALF), Forever(Balanced())), RIGHT),
    row((CloseInBody(HALF), Status(404)), "status", requests=2),
    # What a host keeps back today it may give tomorrow, and the part is as good as it was.
    row((CloseInBody(HALF), Status(403)), "status", requests=2, part=True),
    row((CloseInBody(HALF), Challenge()), "challenge", requests=2, part=True),
    row((CloseInBody(HALF), Challenge(403)), "challenge", requests=2, part=True),
    row((CloseInBody(HALF), Page()), "html", part=None),
    row((CloseInBody(HALF), Redirect("/a.csv?again"), Well()), RIGHT),
]

REDIRECTS = [
    *[row(Redirect("/other.csv", code), RIGHT, content=NEW) for code in (301, 302, 303, 307, 308)],
    row(Redirect("other.csv"), RIGHT, content=NEW),
    row(Redirect("./x/../other.csv#part"), RIGHT, content=NEW),
    row(Redirect("?again"), RIGHT, requests=2),
    row(RedirectRaw(b"two words.csv"), RIGHT, content=NEW),
    row(always(Redirect("file:///etc/passwd")), "redirect", "file", requests=1),
    row(always(Redirect("ftp://127.0.0.1/a.csv")), "redirect", "ftp", requests=1),
    row(always(Redirect("https://127.0.0.1:1/a.csv")), "redirect", "https", requests=1),
    row(always(Redirect("data:text/csv,a")), "redirect", "data", requests=1),
    row(always(Redirect("/a.csv")), "redirect", requests=range(1, 12)),
    row(always(RedirectChain()), "redirect", "1[01] redirects", requests=11),
    row(always(RedirectRaw()), "redirect", "Location|address", requests=1),
    row(always(RedirectRaw(b"")), "redirect", requests=range(1, 12)),
    row(always(RedirectRaw(b"http://[::bad")), "redirect", requests=1),
    row(always(RedirectRaw(b"\xff\xfe")), "redirect", "no address", requests=1),
    row(always(RedirectRaw(b"http://")), "redirect", requests=1),
    row(always(Status(300)), "status", "300", requests=1),
    row(Redirect("/nothing"), "status", "404", requests=1),
]

PAGES = [
    *[row(Challenge(code, marked), "challenge", requests=1) for code in (200, 403, 503) for marked in (True, False)],
    row(always(Page()), "html", requests=1),
    row(always(Page("text/html")), "html", requests=1),
    row(always(Page("text/html", b"<html><title>\x1b[31mred\x07</title>")), "html", "red", requests=1),
    row(always(Page("application/octet-stream")), "html", requests=1),
    row(always(Page(body=b"\xef\xbb\xbf\r\n \t" + LOGIN)), "html", requests=1),
    row(always(Page(body=b"<!-- error -->\n<HTML><body>no</body></HTML>")), "html", requests=1),
    row(always(Page(body=b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "x">\n<html></html>')), "html", requests=1),
    *[
        row(
            always(Page("application/octet-stream", page)),
            "html",
            requests=1,
        )
        for page in (
            b"<!-- " + b"licence " * 200 + b"-->\n" + LOGIN,
            b"<TITLE>Error</TITLE>\n<H1>No such table</H1>\n",
            LOGIN.decode().encode("utf-16"),
        )
    ],
    row(Page("text/html", LOGIN), RIGHT, content=LOGIN, request={"html": True}),
    row(Page("text/xml", b'<?xml version="1.0"?><VOTABLE/>'), RIGHT, content=b'<?xml version="1.0"?><VOTABLE/>'),
    row(always(ContentType("text/html")), "html", requests=1),
    row(always(ContentType("application/json")), "content_type", "application/json.*text/csv", requests=1, request=CSV),
    row(ContentType(""), RIGHT, requests=1, request=CSV),
    row(ContentType(None), RIGHT, requests=1, request=CSV),
    row(ContentType("Text/CSV; charset=utf-8"), RIGHT, request=CSV),
    row(ContentType("text/plain"), RIGHT, request={"content_types": ("text/*",)}),
    row(ContentType("application/json"), RIGHT),
    row(always(Page("application/json", b'{"error": 1}')), "content_type", "json", requests=1, request=CSV),
    row(always(Page("text/csv", b'{"error": 1}')), "content_type", "text/csv.*error", requests=1, request=STARTS),
    row(always(Page("text/csv", b"ERROR 17: no such table")), "signature", "ERROR 17", requests=1, request=STARTS),
    row(always(Page("text/csv", b"n")), "signature", requests=1, request=STARTS),
    row(always(Flipped()), "signature", requests=1, request=STARTS),
    row(Well(), RIGHT, requests=1, request=STARTS | CSV | KNOWN | DIGEST),
    row(always(Flipped(HALF)), "digest", sha256(CONTENT)[:16], request=DIGEST),
    row(always(Page(body=b"a,b\n1,2\n")), "length", f"8 .*{SIZE}", request=KNOWN),
]

CODINGS = [
    row(Encoded(), RIGHT, requests=1),
    row(Encoded(), RIGHT, requests=1, request=KNOWN | DIGEST | STARTS | {"compressed": True}),
    row(Encoded("x-gzip"), RIGHT, requests=1),
    row(Encoded("GZIP"), RIGHT, requests=1),
    row(Encoded("identity", times=0), RIGHT, requests=1),
    row(Encoded(times=2), "content_type", "text/csv", requests=1),
    row(always(Encoded("gzip, gzip", times=2)), "encoding", "gzip, gzip", requests=1),
    *[row(always(Encoded(name, times=0)), "encoding", name, requests=1) for name in ("br", "zstd", "compress", "own")],
    row(always(Encoded(times=0)), "encoding", "gzip"),
    row(always(Encoded(flip=12)), "encoding", "gzip"),
    row(always(Encoded(flip=2000)), "encoding", "gzip"),
    row(always(Encoded(flip=-8)), "encoding", "gzip"),
    row(always(Encoded(flip=-4)), "encoding", "gzip"),
    row(always(Encoded(cut=1)), "encoding", "gzip", requests=3),
    row(always(Encoded(cut=8)), "encoding", "gzip", requests=3),
    row(always(Encoded(cut=2000)), "encoding", "gzip", requests=3),
    row(always(Encoded(extra=b"and what is more")), "encoding", "gzip", requests=3),
    row(Encoded(drop=1000), RIGHT, requests=2),
    row(always(Encoded(drop=1000)), "truncated", requests=3, part=None),
    row(always(GzipBomb()), "bomb", "expands", requests=1),
    row(always(GzipBomb(64 << 20)), "too_large", "10000", requests=1, request={"max_bytes": 10_000}),
    row(always(Encoded()), "too_large", "10000", requests=1, request={"max_bytes": 10_000}),
    row(always(Page(body=b"")), "empty", request={"compressed": True}),
]

HEADS = [
    row(always(BigHead()), "protocol", requests=3),
    row(always(ManyHeaders()), "protocol", requests=3),
    row(always(HeadLine(b"X-Odd: a\x00b")), "protocol", requests=3),
    row(always(HeadLine(b"no colon here")), "protocol", requests=3),
    row(always(HeadLine(b'ETag: "a\rX-Injected: 1"', replaces="ETag")), "protocol", requests=3),
    row((HeadLine(b'ETag: "\xff\xfe"', replaces="ETag"),), RIGHT, requests=1),
    row(Header("ETag", "no quotes at all"), RIGHT, requests=1),
    row(Header("Content-Disposition", 'attachment; filename="../../evil"'), RIGHT, requests=1),
    row(Header("Content-Type", "no type at all"), RIGHT, requests=1),
    row(always(StatusLine(b"HTTP/1.1 abc OK")), "protocol", requests=3),
    row(always(StatusLine(b"HTTP/1.1 2000 OK")), "protocol", requests=3),
    row(always(StatusLine(b"SSH-2.0-OpenSSH_9.6")), "protocol", requests=3),
    row(always(StatusLine(b"HTTP/9.9 200 OK")), "protocol", requests=3),
    row(always(StatusLine(b"HTTP/1.1 999 Odd")), "status", "999", requests=1),
    row(StatusLine(b"HTTP/1.1 abc OK"), RIGHT, requests=2),
    row(always(NoHead()), "protocol", requests=3),
    row(Http10(), RIGHT, requests=1),
    row(Trailing(), RIGHT, requests=1),
    row(Trailing(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"), RIGHT, requests=1),
]

TABLE = CONNECTIONS + STATUSES + LENGTHS + CHUNKS + RESUMING + REDIRECTS + PAGES + CODINGS + HEADS

# A large file in ranges over several connections, the third of which meets the behaviour.
PIECES = [
    row((), RIGHT),
    row(always(RangeIgnored()), RIGHT),
    row(always(NoValidators()), RIGHT),
    row(always(WeakEtag()), RIGHT),
    row(always(RangeShort(7000)), RIGHT, settings={"attempts": 20}),
    row(always(RangeUntilEnd()), RIGHT),
    row(always(RangeEncoded()), RIGHT),
    row(always(Balanced()), RIGHT),
    row(always(Header("Accept-Ranges", "none")), RIGHT),
    *[
        row((Well(), Well(), behaviour), RIGHT)
        for behaviour in (
            CloseBeforeHead(), CloseInBody(1000), ResetInBody(1000), StallBeforeHead(), StallInBody(1000), Status(503),
            Status(429), RangeCut(), RangeShifted(), RangeShort(100), RangeText("rubbish"), RangeText(None),
            RangeIgnored(), RangeUntilEnd(), Multipart(), Unsatisfiable(), Chunked(at=1000), Lengths(("many",)),
            Redirect("/a.csv?again"),
        )
    ],
    *[
        row((Well(), Well(), Change(NEW_LARGE, heed)), RIGHT, content=NEW_LARGE)
        for heed in (True, False)
    ],
    # The fourth request comes after one of the first three has brought its range.
    row((*[Well()] * 4, Forever(CloseBeforeHead())), "connect", requests=range(7, 14), part=True),
    row((*[Well()] * 4, Forever(Status(503))), "unavailable", "503", requests=range(7, 14), part=True),
    row((Well(), Well(), Forever(Status(404))), "status", "404", part=None),
    row((Well(), Well(), Flipped(5)), RIGHT, request={"sha256": sha256(LARGE)}),
    row((Well(), Well(), Forever(Flipped(5))), "digest", request={"sha256": sha256(LARGE)}),
]  # fmt: skip


def check(row: Row, server: Any, folder: Any, older: bytes | None) -> None:
    """Fetch a.csv once, and hold what became of it against the row."""
    settings = QUICK if "Stall" in str(row) else PATIENT
    server.behave("a.csv", *row.does)
    path = folder / "a.csv"
    if older is not None:
        path.write_bytes(older)
    outcome = fetch(server.url("a.csv"), path, replace(settings, **row.settings), **row.request)
    assert (RIGHT if outcome.error is None else outcome.error.reason) == row.result, outcome
    if outcome.error is None:
        _check_right(outcome, row, path, folder)
    else:
        _check_failure(outcome, row, path, folder, older)
    count = len(server.seen("a.csv"))
    if row.requests is not None:
        assert count in (row.requests if isinstance(row.requests, range) else (row.requests,)), outcome.attempts
    if outcome.error is not None and row.part:
        server.behave("a.csv")
        again = fetch(server.url("a.csv"), path, replace(settings, **row.settings), **row.request).check()
        assert (again.resumed_from > 0, path.read_bytes()) == (True, row.content)
        assert names(folder) == {"a.csv"}


def _check_right(outcome: Any, row: Row, path: Any, folder: Any) -> None:
    assert path.read_bytes() == row.content
    assert names(folder) == {"a.csv"}
    assert (outcome.path, outcome.size, outcome.sha256) == (path, len(row.content), sha256(row.content))
    assert outcome.check() is outcome
    assert outcome.attempts[-1].error is None
    cut = any(type(getattr(one, "behaviour", one)) in (NoLength, Chunked) for one in row.does[-1:])
    assert outcome.length_declared or cut or row.request.get("compressed") or "Encoded" in str(row), outcome


def _check_failure(outcome: Any, row: Row, path: Any, folder: Any, older: bytes | None) -> None:
    assert outcome.path is None
    assert outcome.sha256 is None
    left = names(folder) - ({"a.csv"} if older is not None else set())
    assert left in ([NOTHING, RESUMABLE] if row.part is None else [RESUMABLE if row.part else NOTHING])
    if older is not None:
        assert path.read_bytes() == older
    message = str(outcome.error)
    assert "/a.csv" in message
    assert re.search(row.says, message), message
    assert message.isprintable()
    assert len(message) < 1000
    with pytest.raises(TransferFailed) as raised:
        outcome.check()
    assert raised.value is outcome.error
    assert outcome.error.exit_code == (EXIT_UNREACHABLE if row.result in UNREACHABLE else EXIT_REFUSED)


@pytest.fixture
def csv_server(server):
    server.put("a.csv", CONTENT)
    for name in ("other.csv", "two words.csv"):
        server.put(name, NEW)
    return server


@pytest.mark.parametrize("row", params(TABLE))
def test_a_fault_leaves_the_right_file_or_none(row, csv_server, folder):
    check(row, csv_server, folder, None)


@pytest.mark.parametrize("row", params([row for row in TABLE if row.result != RIGHT]))
def test_a_failure_leaves_the_older_file_as_it_was(row, csv_server, folder):
    check(row, csv_server, folder, b"older")


@pytest.mark.parametrize("row", params(PIECES))
def test_a_fault_in_one_of_many_ranges_leaves_the_right_file_or_none(row, server, folder):
    server.put("a.csv", LARGE)
    content = LARGE if row.content is CONTENT else row.content
    check(replace(row, content=content, settings=RANGES | row.settings), server, folder, None)


def test_a_bomb_and_an_endless_body_are_left_at_once(csv_server, folder):
    for behaviour, options in ((GzipBomb(), {}), (Endless(), {"max_bytes": 1 << 20}), (HugeLength(), {})):
        csv_server.behave("a.csv", Forever(behaviour))
        outcome = fetch(csv_server.url("a.csv"), folder / "a.csv", **options)
        assert outcome.attempts[-1].received < 4 << 20


def test_what_follows_an_answer_is_not_the_answer_to_the_next_request(csv_server, folder):
    """The server appends a second answer to the first, for a client that would take it for that to its next."""
    evil = Trailing(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 4\r\n\r\nevil")
    session = Session(replace(PATIENT, default_limit=HostLimit(1)))
    for _ in range(20):
        csv_server.behave("a.csv", evil)
        both = [Request(csv_server.url(name), folder / name) for name in ("a.csv", "other.csv")]
        for outcome, content in zip(session.download(both), (CONTENT, NEW), strict=True):
            assert outcome.check().path.read_bytes() == content


def test_a_connection_that_the_server_ended_meanwhile_is_replaced(csv_server, folder):
    session = Session(PATIENT)
    for _ in range(5):
        csv_server.behave("a.csv", WellAndClose())
        [outcome] = session.download([Request(csv_server.url("a.csv"), folder / "a.csv")])
        assert outcome.check().path.read_bytes() == CONTENT


def test_a_retry_after_is_waited_for(csv_server, folder):
    csv_server.behave("a.csv", Status(503, retry_after="1"))
    outcome = fetch(csv_server.url("a.csv"), folder / "a.csv").check()
    assert [attempt.status for attempt in outcome.attempts] == [503, 200]
    assert outcome.attempts[0].wait_seconds >= 1
    assert csv_server.intervals()[0] >= 0.95


def test_a_retry_date_is_waited_for(csv_server, folder):
    csv_server.behave("a.csv", Status(429, retry_date=2.5))
    fetch(csv_server.url("a.csv"), folder / "a.csv").check()
    assert csv_server.intervals()[0] >= 1.3  # the date is in whole seconds


def times_after_refusal(server, host):
    """Seconds from the answer that asks for time to each later request at the host."""
    [refused] = [seen for seen in server.requests if seen.status in (429, 503)]
    seen = [request.time - refused.time for request in list(server.requests) if request.host == server.hosts[host]]
    return [passed for passed in seen if passed > 0]


def test_a_retry_after_holds_back_the_whole_host_and_no_other(csv_server, folder):
    csv_server.behave("a.csv", Status(429, retry_after="1"))
    session = Session(replace(PATIENT, default_limit=HostLimit(1)))
    paths = ["a.csv", *["other.csv"] * 6]
    requests = [
        Request(csv_server.url(path, host, query=f"{number}"), folder / f"{host}-{number}.csv")
        for number, path in enumerate(paths)
        for host in (0, 1)
        if (path, host) != ("a.csv", 1)
    ]
    for outcome in session.download(requests):
        outcome.check()
    held, others = times_after_refusal(csv_server, 0), times_after_refusal(csv_server, 1)
    assert held
    assert min(held) >= 0.95
    assert max(others, default=0) < min(held)


def test_a_retry_after_holds_back_the_host_that_sent_it(csv_server, folder):
    """A host redirects to another, which asks for time: what others want of that one waits as well."""
    csv_server.behave("from", Forever(Redirect(csv_server.url("a.csv", host=1))))
    csv_server.behave("a.csv", Status(429, retry_after="1"))
    session = Session(replace(PATIENT, default_limit=HostLimit(1)))
    asked = [csv_server.url("from"), *[csv_server.url("other.csv", host=1, query=f"{number}") for number in range(6)]]
    for outcome in session.download([Request(url, folder / str(n)) for n, url in enumerate(asked)]):
        outcome.check()
    assert min(times_after_refusal(csv_server, 1)) >= 0.95


@pytest.mark.parametrize("status", [429, 503])
def test_a_retry_after_to_a_range_is_waited_for(server, folder, status):
    server.put("a.csv", LARGE)
    server.behave("a.csv", Well(), Well(), Status(status, retry_after="1"))
    assert fetch(server.url("a.csv"), folder / "a.csv", replace(PATIENT, **RANGES)).check().path.read_bytes() == LARGE
    passed = times_after_refusal(server, 0)
    assert max(passed) >= 0.95
    # Until the client has read the answer, its other connections go on; then there is silence.
    assert not [time for time in passed if 0.5 < time < 0.95]


def test_a_retry_after_to_a_range_that_is_too_long_ends_it(server, folder):
    server.put("a.csv", LARGE)
    server.behave("a.csv", Well(), Well(), Forever(Status(429, retry_after="86400")))
    outcome = fetch(server.url("a.csv"), folder / "a.csv", replace(PATIENT, **RANGES))
    assert outcome.error.reason == "rate_limited"
    assert "86400" in str(outcome.error)
    assert len(server.requests) <= 2 + 3  # the connections that were under way
    assert names(folder) <= RESUMABLE


def test_waits_grow_from_one_attempt_to_the_next(csv_server, folder):
    csv_server.behave("a.csv", Forever(Status(503)))
    settings = replace(PATIENT, attempts=5, backoff=0.04, longest_backoff=0.16)
    outcome = fetch(csv_server.url("a.csv"), folder / "a.csv", settings)
    waits = [attempt.wait_seconds for attempt in outcome.attempts]
    for wait, longest in zip(waits, (0.04, 0.08, 0.16, 0.16), strict=False):
        assert longest / 2 <= wait <= longest
    assert waits[-1] == 0
    assert len(waits) == 5


def test_the_record_of_attempts_says_what_happened(csv_server, folder):
    csv_server.behave("a.csv", Status(503), CloseInBody(HALF), StallInBody(2000))
    outcome = fetch(csv_server.url("a.csv"), folder / "a.csv", replace(QUICK, attempts=5)).check()
    seen = [(attempt.status, attempt.error, attempt.received) for attempt in outcome.attempts]
    rest = SIZE - HALF - 2000
    assert seen == [
        (503, "unavailable", len("something is wrong\n")),
        (200, "truncated", HALF),
        (206, "stalled", 2000),
        (206, None, rest),
    ]
    assert {attempt.url for attempt in outcome.attempts} == {csv_server.url("a.csv")}


def test_silence_before_an_answer_is_borne_for_the_time_of_a_connection_and_of_silence(csv_server, folder):
    csv_server.behave("a.csv", Forever(StallBeforeHead()))
    begin = time.monotonic()
    settings = replace(QUICK, connect_timeout=0.5, stall_timeout=0.25, attempts=1)
    outcome = fetch(csv_server.url("a.csv"), folder / "a.csv", settings)
    assert outcome.error.reason == "stalled"
    assert "no answer came for 0.8 s" in str(outcome.error)
    assert 0.75 <= time.monotonic() - begin < 10


def test_nobody_at_the_port_is_said(csv_server, folder):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: refused, and nobody else can take it
        outcome = fetch(f"http://127.0.0.1:{unused.getsockname()[1]}/a.csv", folder / "a.csv")
    assert (outcome.error.reason, outcome.error.exit_code, len(outcome.attempts)) == ("connect", 5, 3)
    assert "refused" in str(outcome.error)
    assert names(folder) == set()


def test_a_name_that_does_not_exist_is_said(folder):
    outcome = fetch("http://nowhere.invalid/a.csv", folder / "a.csv")
    assert (outcome.error.reason, outcome.error.exit_code) == ("dns", 5)
    assert "nowhere.invalid" in str(outcome.error)


@pytest.mark.parametrize(
    "certificate",
    [
        "unknown",
        "expired",
        "of another host",
        "none",
    ],
)
def test_a_server_that_does_not_prove_who_it_is_gets_no_request(csv_server, folder, tmp_path, certificate):
    authority = Authority(tmp_path)
    names_of = ("other.example",) if certificate == "of another host" else ("127.0.0.1",)
    tls = None if certificate == "none" else authority.context(*names_of, expired=certificate == "expired")
    trusted = "" if certificate == "unknown" else str(authority.certificate)
    code = """
        import sys
        from pathlib import Path
        from tests.transfer.fetching import fetch
        outcome = fetch(sys.argv[1], Path(sys.argv[2]))
        print(outcome.error.reason, len(outcome.attempts), outcome.error)
    """
    with LoopbackServer(csv_server.folder, tls=tls) as secure:
        address = f"https://127.0.0.1:{secure.port}/a.csv"
        said = run(code, address, folder / "a.csv", SSL_CERT_FILE=trusted, SSL_CERT_DIR="")
        assert secure.requests == []
    assert said.startswith("tls 1 "), said
    assert names(folder) == set()
