"""The ways in which the loopback server can misbehave, one class each.

A behaviour answers one request. Most take the right answer and change one thing about it; the rest write bytes of
their own. `LoopbackServer.behave` says which requests meet them. Positions (`at`) count bytes of the body from its
first byte as sent; texts of bodies that stand for a page are short and fixed.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import time
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tests.loopback.messages import Answer, Bytes, FileSlice, etag_of, http_date, short

if TYPE_CHECKING:
    from tests.loopback.server import Exchange

CHALLENGE = (
    b'<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title>'
    b'<meta name="robots" content="noindex,nofollow"></head><body><noscript>Enable JavaScript and cookies to continue'
    b"</noscript><script>window._cf_chl_opt={cvId:'3',cType:'managed'};"
    b"var a=document.createElement('script');a.src='/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1';"
    b"</script></body></html>"
)
LOGIN = (
    b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><form method='post' action='/login'>"
    b"<input name='user'><input name='password' type='password'></form></body></html>\n"
)
ERROR = b'{"status": "error", "message": "Too many concurrent queries"}\n'
TERABYTE = 10**12


class Behaviour:
    """What one request meets."""

    async def answer(self, exchange: Exchange) -> None:
        """Write the answer, good or bad, and end the connection or leave it open."""
        raise NotImplementedError

    def __repr__(self) -> str:
        """As it is written; tests are named by it. Those with parameters have that of their dataclass."""
        return f"{type(self).__name__}()"


class Changed(Behaviour):
    """A behaviour that sends the right answer after `change` altered it."""

    async def answer(self, exchange: Exchange) -> None:
        answer = exchange.right()
        self.change(answer, exchange)
        await exchange.send(answer)

    def change(self, answer: Answer, exchange: Exchange) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class Forever(Behaviour):
    """The behaviour for this request and all after it."""

    behaviour: Behaviour
    stays = True

    async def answer(self, exchange: Exchange) -> None:
        await self.behaviour.answer(exchange)


class Well(Changed):
    """The right answer, in a row of bad ones."""

    def change(self, answer: Answer, exchange: Exchange) -> None:
        pass


# Connections that end, stop or crawl


class CloseBeforeHead(Behaviour):
    """Reads the request and ends the connection."""

    async def answer(self, exchange: Exchange) -> None:
        exchange.close()


class ResetBeforeHead(Behaviour):
    """Reads the request and resets the connection."""

    async def answer(self, exchange: Exchange) -> None:
        exchange.reset()


class StallBeforeHead(Behaviour):
    """Reads the request and never says a word."""

    async def answer(self, exchange: Exchange) -> None:
        await exchange.until_client_leaves()


class CloseInHead(Behaviour):
    """Ends the connection in the middle of the head."""

    async def answer(self, exchange: Exchange) -> None:
        head = exchange.right().head()
        await exchange.write(head[: len(head) // 2])
        exchange.close()


class StallInHead(Behaviour):
    """Falls silent in the middle of the head."""

    async def answer(self, exchange: Exchange) -> None:
        head = exchange.right().head()
        await exchange.write(head[: len(head) // 2])
        await exchange.until_client_leaves()


@dataclass(frozen=True)
class CloseInBody(Behaviour):
    """Ends the connection in order after `at` bytes of the body, short of the length declared.

    `without` names headers that are left out; `weak` makes the ETag a weak one.
    """

    at: int
    without: tuple[str, ...] = ()
    weak: bool = False

    async def answer(self, exchange: Exchange) -> None:
        answer = exchange.right()
        if self.weak:
            answer.headers["ETag"] = f"W/{answer.headers['ETag']}"
        for name in self.without:
            answer.headers.pop(name, None)
        await exchange.send_head(answer)
        await exchange.send_body(answer.body, 0, min(self.at, len(answer.body)))
        exchange.close()


@dataclass(frozen=True)
class ResetInBody(Behaviour):
    """Resets the connection after `at` bytes of the body; what the client had not read yet may be lost."""

    at: int

    async def answer(self, exchange: Exchange) -> None:
        answer = exchange.right()
        await exchange.send_head(answer)
        await exchange.send_body(answer.body, 0, min(self.at, len(answer.body)))
        exchange.reset()


@dataclass(frozen=True)
class StallInBody(Behaviour):
    """Falls silent after `at` bytes of the body."""

    at: int

    async def answer(self, exchange: Exchange) -> None:
        answer = exchange.right()
        await exchange.send_head(answer)
        await exchange.send_body(answer.body, 0, min(self.at, len(answer.body)))
        await exchange.until_client_leaves()


@dataclass(frozen=True)
class Drip(Behaviour):
    """Sends the whole body at `rate` bytes a second."""

    rate: int

    async def answer(self, exchange: Exchange) -> None:
        answer = exchange.right()
        await exchange.send_head(answer)
        await exchange.send_body(answer.body, 0, len(answer.body), rate=self.rate)


@dataclass(frozen=True)
class Pause(Behaviour):
    """Hesitates for `seconds` after `at` bytes of the body, and goes on."""

    at: int
    seconds: float

    async def answer(self, exchange: Exchange) -> None:
        answer = exchange.right()
        at = min(self.at, len(answer.body))
        await exchange.send_head(answer)
        await exchange.send_body(answer.body, 0, at)
        await asyncio.sleep(self.seconds)
        await exchange.send_body(answer.body, at, len(answer.body))


# Statuses


@dataclass(frozen=True)
class Status(Behaviour):
    """Answers with a status, whatever was asked.

    `retry_after` is the text of that header; `retry_date` writes it as the date that many seconds from now.
    """

    code: int
    retry_after: str | None = None
    retry_date: float | None = None
    body: bytes = b"something is wrong\n"
    content_type: str = "text/plain"

    async def answer(self, exchange: Exchange) -> None:
        after = http_date(time.time() + self.retry_date) if self.retry_date is not None else self.retry_after
        extra = {} if after is None else {"retry_after": after}
        body = b"" if self.code in (204, 304) else self.body
        await exchange.send(short(self.code, body, self.content_type, **extra))


class PartUnasked(Behaviour):
    """206 with the first half of the file to a request that asked for no range."""

    async def answer(self, exchange: Exchange) -> None:
        size, half = len(exchange.content()), len(exchange.content()) // 2
        headers = {"Content-Range": f"bytes 0-{half - 1}/{size}", "Content-Length": str(half)}
        await exchange.send(Answer(206, headers, FileSlice.of(exchange.path, 0, half)))


class EarlyHints(Behaviour):
    """Two interim answers, 100 and 103, before the right one."""

    async def answer(self, exchange: Exchange) -> None:
        await exchange.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
        await exchange.send(exchange.right())


class SwitchProtocols(Behaviour):
    """101, unasked, and the file in place of another protocol."""

    async def answer(self, exchange: Exchange) -> None:
        await exchange.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
        await exchange.write(exchange.content())
        exchange.close()


# Lengths that lie


@dataclass(frozen=True)
class LengthOver(Behaviour):
    """Declares `by` bytes more than there are, and ends the connection after the last."""

    by: int

    async def answer(self, exchange: Exchange) -> None:
        answer = exchange.right()
        answer.headers["Content-Length"] = str(len(answer.body) + self.by)
        await exchange.send(answer)
        exchange.close()


@dataclass(frozen=True)
class LengthUnder(Changed):
    """Declares `by` bytes fewer than it sends."""

    by: int

    def change(self, answer: Answer, exchange: Exchange) -> None:
        answer.headers["Content-Length"] = str(len(answer.body) - self.by)


@dataclass(frozen=True)
class NoLength(Behaviour):
    """Declares no length; the end of the connection is the end of the body, after `at` bytes if that is given."""

    at: int | None = None

    async def answer(self, exchange: Exchange) -> None:
        answer = exchange.right()
        del answer.headers["Content-Length"]
        answer.headers["Connection"] = "close"
        await exchange.send_head(answer)
        await exchange.send_body(answer.body, 0, len(answer.body) if self.at is None else self.at)
        exchange.close()


@dataclass(frozen=True)
class Lengths(Changed):
    """Content-Length as the given texts, one header each, in place of the right one; `{}` stands for the right one."""

    texts: tuple[str, ...]

    def change(self, answer: Answer, exchange: Exchange) -> None:
        right = answer.headers.pop("Content-Length")
        answer.lines = tuple(b"Content-Length: " + text.replace("{}", right).encode() for text in self.texts)


@dataclass(frozen=True)
class HugeLength(Behaviour):
    """Declares ten terabytes, sends the file and falls silent."""

    length: int = 10 * TERABYTE

    async def answer(self, exchange: Exchange) -> None:
        answer = exchange.right()
        answer.headers["Content-Length"] = str(self.length)
        await exchange.send_head(answer)
        await exchange.send_body(answer.body, 0, len(answer.body))
        await exchange.until_client_leaves()


@dataclass(frozen=True)
class Endless(Behaviour):
    """Repeats the file without end, without a length, or in chunks."""

    chunked: bool = False

    async def answer(self, exchange: Exchange) -> None:
        answer = exchange.right()
        del answer.headers["Content-Length"]
        answer.headers |= {"Transfer-Encoding": "chunked"} if self.chunked else {"Connection": "close"}
        await exchange.send_head(answer)
        block = exchange.content()
        block *= max(1, (1 << 16) // len(block))
        while True:
            exchange.request.sent += len(block)
            await exchange.write(chunk(block) if self.chunked else block)


# Chunks


def chunk(data: bytes) -> bytes:
    """One chunk of the chunked transfer coding."""
    return b"%x\r\n%s\r\n" % (len(data), data)


@dataclass(frozen=True)
class Chunked(Behaviour):
    """The right body in chunks of `size` bytes.

    `at` ends the connection after about that many bytes; `last` replaces the last chunk; `keep_length` sends
    Content-Length as well, `trailer` a field after the last chunk.
    """

    size: int = 1000
    at: int | None = None
    last: bytes = b"0\r\n"
    keep_length: bool = False
    trailer: bytes = b""

    async def answer(self, exchange: Exchange) -> None:
        answer = exchange.right()
        if not self.keep_length:
            answer.headers.pop("Content-Length", None)
        answer.headers["Transfer-Encoding"] = "chunked"
        await exchange.send_head(answer)
        stop = len(answer.body) if self.at is None else self.at
        for start in range(0, stop, self.size):
            piece = answer.body.read(start, min(start + self.size, stop))
            exchange.request.sent += len(piece)
            await exchange.write(chunk(piece))
        if self.at is None:
            await exchange.write_last(self.last + self.trailer + b"\r\n")
        exchange.close()


# Resuming and ranges


@dataclass(frozen=True)
class Change(Behaviour):
    """Replaces the file before it answers.

    `heed_if_range=False` serves the range of the new file all the same, under its new validators;
    `keep_validators=True` serves it under those of the old file, as if nothing had changed.
    """

    content: bytes
    heed_if_range: bool = True
    keep_validators: bool = False

    async def answer(self, exchange: Exchange) -> None:
        before = exchange.right()
        _replace(exchange.path, self.content)
        heeded = self.heed_if_range and not self.keep_validators
        answer = exchange.right(() if heeded else ("if-range", "if-match"))
        if self.keep_validators:
            answer.headers |= {name: before.headers[name] for name in ("ETag", "Last-Modified")}
        await exchange.send(answer)


class RangeIgnored(Behaviour):
    """200 with the whole file, whatever range was asked for."""

    async def answer(self, exchange: Exchange) -> None:
        await exchange.send(exchange.right(("range",)))


@dataclass(frozen=True)
class RangeShifted(Changed):
    """A range that begins `by` bytes after the one asked for, honestly described; else the right answer."""

    by: int = 1

    def change(self, answer: Answer, exchange: Exchange) -> None:
        if isinstance(answer.body, FileSlice) and answer.status == 206:
            _slice(answer, answer.body.start + self.by, answer.body.stop, exchange)


@dataclass(frozen=True)
class RangeShort(Changed):
    """A range of at most `count` bytes, honestly described, where more were asked for; else the right answer."""

    count: int

    def change(self, answer: Answer, exchange: Exchange) -> None:
        if isinstance(answer.body, FileSlice) and answer.status == 206:
            start = answer.body.start
            _slice(answer, start, min(answer.body.stop, start + self.count), exchange)


@dataclass(frozen=True)
class RangeText(Changed):
    """A range whose Content-Range is `text`, or lacks; `{start}`, `{last}` and `{size}` stand for the right figures."""

    text: str | None

    def change(self, answer: Answer, exchange: Exchange) -> None:
        if isinstance(answer.body, FileSlice) and answer.status == 206:
            figures = {"start": answer.body.start, "last": answer.body.stop - 1, "size": len(exchange.content())}
            del answer.headers["Content-Range"]
            if self.text is not None:
                answer.headers["Content-Range"] = self.text.format(**figures)


@dataclass(frozen=True)
class RangeCut(Behaviour):
    """The right head of a range, and the end of the connection `by` bytes before the end of the body."""

    by: int = 1

    async def answer(self, exchange: Exchange) -> None:
        answer = exchange.right()
        await exchange.send_head(answer)
        await exchange.send_body(answer.body, 0, len(answer.body) - self.by)
        exchange.close()


class RangeUntilEnd(Behaviour):
    """206 with everything from the start of the range to the end of the file, however little was asked for."""

    async def answer(self, exchange: Exchange) -> None:
        answer = exchange.right()
        if isinstance(answer.body, FileSlice) and answer.status == 206:
            _slice(answer, answer.body.start, len(exchange.content()), exchange)
        await exchange.send(answer)


class Multipart(Behaviour):
    """The range as multipart/byteranges with one part; else the right answer."""

    async def answer(self, exchange: Exchange) -> None:
        answer = exchange.right()
        if answer.status == 206:
            described = answer.headers.pop("Content-Range")
            part = f"--next\r\nContent-Type: text/csv\r\nContent-Range: {described}\r\n\r\n".encode()
            body = part + answer.body.read(0, len(answer.body)) + b"\r\n--next--\r\n"
            fields = {"Content-Type": "multipart/byteranges; boundary=next", "Content-Length": str(len(body))}
            answer.headers |= fields
            answer.body = Bytes(body)
        await exchange.send(answer)


class Unsatisfiable(Behaviour):
    """416 to a request for a range; else the right answer."""

    async def answer(self, exchange: Exchange) -> None:
        if exchange.request.range is None:
            return await exchange.send(exchange.right())
        await exchange.send(short(416, content_range=f"bytes */{len(exchange.content())}"))


class Balanced(Behaviour):
    """One of two machines that hold the same file, in turn; each makes an ETag of its own and knows only that."""

    async def answer(self, exchange: Exchange) -> None:
        number = len(exchange.server.requests) % 2
        tag = f'{etag_of(exchange.path)[:-1]}-{number}"'
        asked = exchange.request.headers.get("if-range")
        answer = exchange.right(("if-range",) if asked in (None, tag) else ("if-range", "range"))
        await exchange.send(replace(answer, headers=answer.headers | {"ETag": tag}))


class RangeEncoded(Behaviour):
    """The range, compressed by gzip under Content-Encoding, its Content-Range as if it were not."""

    async def answer(self, exchange: Exchange) -> None:
        answer = exchange.right()
        if answer.status == 206:
            body = gzip.compress(answer.body.read(0, len(answer.body)), mtime=0)
            answer.headers |= {"Content-Encoding": "gzip", "Content-Length": str(len(body))}
            answer.body = Bytes(body)
        await exchange.send(answer)


class WeakEtag(Changed):
    """The right answer under a weak validator, without a date."""

    def change(self, answer: Answer, exchange: Exchange) -> None:
        answer.headers["ETag"] = f"W/{etag_of(exchange.path)}"
        answer.headers.pop("Last-Modified", None)


class OnlyDate(Changed):
    """The right answer with Last-Modified as its only validator."""

    def change(self, answer: Answer, exchange: Exchange) -> None:
        answer.headers.pop("ETag", None)


class NoValidators(Changed):
    """The right answer without ETag and Last-Modified."""

    def change(self, answer: Answer, exchange: Exchange) -> None:
        answer.headers.pop("ETag", None)
        answer.headers.pop("Last-Modified", None)


def _replace(path: Path, content: bytes) -> None:
    """Put `content` in the place of the file at once, and see to it that its validators differ."""
    before = path.stat().st_mtime_ns
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(content)
    os.utime(new, ns=(before + 10**9, before + 10**9))  # Last-Modified counts in seconds
    new.replace(path)


def _slice(answer: Answer, start: int, stop: int, exchange: Exchange) -> None:
    size = len(exchange.content())
    answer.body = FileSlice.of(exchange.path, start, stop)
    answer.headers |= {"Content-Range": f"bytes {start}-{stop - 1}/{size}", "Content-Length": str(stop - start)}


# Redirects


@dataclass(frozen=True)
class Redirect(Behaviour):
    """A redirect to `to`, as it stands."""

    to: str
    code: int = 302

    async def answer(self, exchange: Exchange) -> None:
        await exchange.send(short(self.code, b"elsewhere\n", location=self.to))


@dataclass(frozen=True)
class RedirectRaw(Behaviour):
    """A redirect whose Location is `location` as bytes, or that has none."""

    location: bytes | None = None

    async def answer(self, exchange: Exchange) -> None:
        answer = short(302, b"elsewhere\n")
        answer.lines = () if self.location is None else (b"Location: " + self.location,)
        await exchange.send(answer)


class RedirectChain(Behaviour):
    """A redirect to the same path with a number in the query that grows each time: no loop, and no end."""

    async def answer(self, exchange: Exchange) -> None:
        number = int(exchange.request.query or 0) + 1
        path = exchange.request.target.split("?")[0]
        await exchange.send(short(302, location=f"{path}?{number}"))


# Content that is not the file


@dataclass(frozen=True)
class Challenge(Behaviour):
    """A page that asks for a browser, as Cloudflare's does; `marked` sends the headers that say so as well."""

    code: int = 200
    marked: bool = True

    async def answer(self, exchange: Exchange) -> None:
        marks = {"server": "cloudflare", "cf_mitigated": "challenge"} if self.marked else {}
        await exchange.send(short(self.code, CHALLENGE, "text/html; charset=UTF-8", **marks))


@dataclass(frozen=True)
class Page(Behaviour):
    """200 with a short body of one's own under any type: a login page under the name of data, if nothing is given."""

    content_type: str = "text/csv"
    body: bytes = LOGIN

    async def answer(self, exchange: Exchange) -> None:
        await exchange.send(short(200, self.body, self.content_type))


@dataclass(frozen=True)
class ContentType(Changed):
    """The file under the media type given, or under none."""

    value: str | None

    def change(self, answer: Answer, exchange: Exchange) -> None:
        del answer.headers["Content-Type"]
        if self.value is not None:
            answer.headers["Content-Type"] = self.value


@dataclass(frozen=True)
class Flipped(Changed):
    """The body at its right length, the byte at `at` inverted."""

    at: int = 0

    def change(self, answer: Answer, exchange: Exchange) -> None:
        body = bytearray(answer.body.read(0, len(answer.body)))
        body[self.at] ^= 0xFF
        answer.body = Bytes(bytes(body))


# Content codings


@dataclass(frozen=True)
class Encoded(Behaviour):
    """The whole file under `Content-Encoding: coding`, compressed by gzip `times` times.

    `cut` leaves off the last bytes of the coded body, `flip` inverts the byte at that place, `extra` is appended;
    `drop` ends the connection after that many bytes, short of the length declared; `content_type` replaces the type.
    """

    coding: str = "gzip"
    times: int = 1
    cut: int = 0
    flip: int | None = None
    extra: bytes = b""
    drop: int | None = None
    content_type: str | None = None

    async def answer(self, exchange: Exchange) -> None:
        body = bytearray(exchange.content())
        for _ in range(self.times):
            body = bytearray(gzip.compress(bytes(body), mtime=0))
        if self.flip is not None:
            body[self.flip] ^= 0xFF
        body = body[: len(body) - self.cut] + self.extra
        whole = exchange.right(("range", "if-none-match", "if-modified-since"))
        whole.headers |= {"Content-Encoding": self.coding, "Content-Length": str(len(body))}
        whole.headers |= {"Content-Type": self.content_type} if self.content_type else {}
        whole.body = Bytes(bytes(body[: self.drop]))
        await exchange.send(whole)
        if self.drop is not None:
            exchange.close()


@dataclass(frozen=True)
class GzipBomb(Behaviour):
    """`size` bytes of one short row repeated, about a thousandth of that on the wire; the checksum is wrong."""

    size: int = 10 << 30

    async def answer(self, exchange: Exchange) -> None:
        coder = zlib.compressobj(9, zlib.DEFLATED, -15)
        rows = b"1,2,3,4\n" * (1 << 17)
        block = coder.compress(rows) + coder.flush(zlib.Z_FULL_FLUSH)  # after a full flush it stands by itself
        count = self.size // len(rows)
        begin, end = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", b"\x03\x00" + bytes(8)
        length = len(begin) + count * len(block) + len(end)
        headers = {"Content-Type": "text/csv", "Content-Encoding": "gzip", "Content-Length": str(length)}
        await exchange.send_head(Answer(200, headers))
        for piece in (begin, *[block] * count, end):
            exchange.request.sent += len(piece)
            await exchange.write(piece)


# Heads that break the rules


@dataclass(frozen=True)
class BigHead(Changed):
    """One header of `size` bytes."""

    size: int = 1 << 20

    def change(self, answer: Answer, exchange: Exchange) -> None:
        answer.headers["X-Filler"] = "x" * self.size


@dataclass(frozen=True)
class ManyHeaders(Changed):
    """`count` headers."""

    count: int = 10_000

    def change(self, answer: Answer, exchange: Exchange) -> None:
        answer.headers |= {f"X-Filler-{number}": "x" for number in range(self.count)}


@dataclass(frozen=True)
class HeadLine(Changed):
    """One more line in the head, as the bytes given; `replaces` names a header that is left out for it."""

    line: bytes
    replaces: str = ""

    def change(self, answer: Answer, exchange: Exchange) -> None:
        answer.headers.pop(self.replaces, None)
        answer.lines = (self.line,)


@dataclass(frozen=True)
class StatusLine(Behaviour):
    """The right answer under a status line of the bytes given."""

    line: bytes

    async def answer(self, exchange: Exchange) -> None:
        answer = exchange.right()
        answer.status_line = self.line
        await exchange.send(answer)
        exchange.close()


class NoHead(Behaviour):
    """The bare file without a head, as HTTP/0.9 did."""

    async def answer(self, exchange: Exchange) -> None:
        await exchange.write(exchange.content())
        exchange.close()


class WellAndClose(Behaviour):
    """The right answer, and then the end of the connection, of which the answer says nothing."""

    async def answer(self, exchange: Exchange) -> None:
        await exchange.send(exchange.right())
        exchange.close()


class Http10(Behaviour):
    """HTTP/1.0: the right answer, and the end of the connection."""

    async def answer(self, exchange: Exchange) -> None:
        answer = exchange.right()
        answer.status_line = f"HTTP/1.0 {answer.status} OK".encode()
        await exchange.send(answer)
        exchange.close()


@dataclass(frozen=True)
class Trailing(Behaviour):
    """The right answer, and bytes after it that belong to no answer."""

    extra: bytes = b"and what is more\r\n"

    async def answer(self, exchange: Exchange) -> None:
        answer = exchange.right()
        answer.body = Bytes(answer.body.read(0, len(answer.body)) + self.extra)
        await exchange.send(answer)


@dataclass(frozen=True)
class Header(Changed):
    """The right answer with one header set."""

    name: str
    value: str

    def change(self, answer: Answer, exchange: Exchange) -> None:
        answer.headers[self.name] = self.value
