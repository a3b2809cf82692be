"""Requests as the loopback server saw them, answers as it sends them, and the rules of HTTP between the two.

The rules are those of RFC 9110 for GET and HEAD of a file: validators, conditional requests and single ranges. They
are kept here, apart from sockets, so that a misbehaviour (`tests.loopback.behaviours`) can take the right answer and
change one thing about it.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field, replace
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

REASONS = {
    200: "OK", 204: "No Content", 206: "Partial Content", 301: "Moved Permanently", 302: "Found", 303: "See Other",
    304: "Not Modified", 307: "Temporary Redirect", 308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized",
    403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 407: "Proxy Authentication Required",
    408: "Request Timeout", 410: "Gone", 412: "Precondition Failed", 416: "Range Not Satisfiable", 425: "Too Early",
    429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Gateway Timeout",
}  # fmt: skip

TYPES = {
    ".csv": "text/csv", ".html": "text/html; charset=utf-8", ".json": "application/json", ".xml": "application/xml",
    ".txt": "text/plain; charset=utf-8", ".gz": "application/gzip", ".tgz": "application/gzip",
    ".nc": "application/x-netcdf", ".fits": "application/fits", ".zip": "application/zip",
}  # fmt: skip


SHORT_SLICE = 1 << 20


@dataclass
class SeenRequest:
    """One request as the server saw it, and what became of it.

    Attributes
    ----------
    host : str
        Address that the client connected to.
    headers : dict of str
        Names in lower case; of a name given twice, the values joined by a comma.
    time : float
        When its head had arrived, seconds on the monotonic clock.
    connection : int
        Number of the connection, counted over the server; equal numbers share one.
    status : int or None
        Status answered, None where none was.
    sent : int
        Bytes of the body handed to the system.
    """

    host: str
    method: str
    target: str
    headers: dict[str, str]
    time: float
    connection: int
    body: bytes = b""
    status: int | None = None
    sent: int = 0
    ended: float | None = None

    @property
    def path(self) -> str:
        """Path below the folder, decoded, without query."""
        return unquote(urlsplit(self.target).path).lstrip("/")

    @property
    def query(self) -> str:
        return urlsplit(self.target).query

    @property
    def range(self) -> str | None:
        return self.headers.get("range")

    @classmethod
    def parse(cls, head: bytes, host: str, connection: int) -> SeenRequest:
        """The request in `head`; ValueError where it is none."""
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, version = first.split(" ")
        if not version.startswith("HTTP/1."):
            raise ValueError(f"no HTTP/1 request: {first!r}")
        headers: dict[str, str] = {}
        for line in filter(None, lines):
            name, _, value = line.partition(":")
            key, value = name.strip().lower(), value.strip()
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
        return cls(host, method, target, headers, time.monotonic(), connection)


@dataclass(frozen=True)
class FileSlice:
    """Bytes `start` to `stop` (exclusive) of a file.

    Short ones are read at once, so that they belong to the validators sent with them even if the file changes; of
    long ones `content` is None, and they are read when they are sent.
    """

    path: Path
    start: int
    stop: int
    content: bytes | None = None

    @classmethod
    def of(cls, path: Path, start: int, stop: int) -> FileSlice:
        """The slice, read if it is short."""
        found = cls(path, start, stop)
        return replace(found, content=found.read(0, stop - start)) if stop - start <= SHORT_SLICE else found

    def __len__(self) -> int:
        return self.stop - self.start

    def read(self, start: int, stop: int) -> bytes:
        """Bytes `start` to `stop` of the slice."""
        if self.content is not None:
            return self.content[start:stop]
        with self.path.open("rb") as file:
            file.seek(self.start + start)
            return file.read(stop - start)


@dataclass(frozen=True)
class Bytes:
    """A body in memory, with the face of `FileSlice`."""

    content: bytes

    def __len__(self) -> int:
        return len(self.content)

    def read(self, start: int, stop: int) -> bytes:
        return self.content[start:stop]


Body = FileSlice | Bytes


@dataclass
class Answer:
    """Status, headers and body of an answer. The head is written as the fields stand, right or wrong."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: Body = Bytes(b"")
    status_line: bytes | None = None
    lines: tuple[bytes, ...] = ()

    def head(self) -> bytes:
        """Status line, headers, the raw `lines`, and the empty line."""
        first = self.status_line or f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Unnamed')}".encode()
        fields = [f"{name}: {value}".encode("latin-1") for name, value in self.headers.items()]
        return b"\r\n".join([first, *fields, *self.lines, b"", b""])


def short(status: int, body: bytes = b"", content_type: str = "text/plain", **headers: str) -> Answer:
    """An answer with a body in memory. Names of headers in `headers` have underscores for dashes."""
    fields = {"Content-Type": content_type, "Content-Length": str(len(body))}
    fields |= {name.replace("_", "-").title(): value for name, value in headers.items()}
    return Answer(status, fields, Bytes(body))


def http_date(seconds: float) -> str:
    """Seconds since 1970 as HTTP writes a date."""
    return formatdate(seconds, usegmt=True)


def media_type(path: Path) -> str:
    return TYPES.get(path.suffix.lower(), "application/octet-stream")


def etag_of(path: Path) -> str:
    """A strong validator: length and time of change of the file."""
    found = path.stat()
    return f'"{found.st_size:x}-{found.st_mtime_ns:x}"'


def parse_range(value: str | None, size: int) -> tuple[int, int] | None | bool:
    """Start and stop (exclusive) of a single range; None where there is none to heed; False if it cannot be met."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", value or "")
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        count = min(int(last), size)
        return (size - count, size) if count else False
    start, stop = int(first), min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        return None
    return (start, stop) if start < size else False


def right_answer(request: SeenRequest, path: Path) -> Answer:
    """What RFC 9110 asks for when `request` is for the file at `path`."""
    if request.method not in ("GET", "HEAD", "POST"):
        return short(405, b"only GET, HEAD and POST\n")
    if not path.is_file():
        return short(404, b"no such file\n")
    size, etag = path.stat().st_size, etag_of(path)
    modified = http_date(path.stat().st_mtime)
    headers = {"Content-Type": media_type(path), "ETag": etag, "Last-Modified": modified, "Accept-Ranges": "bytes"}
    asked = request.headers
    if not _precondition_holds(asked, etag, modified):
        return short(412, b"the file is another\n")
    if _is_unmodified(asked, etag, modified):
        return Answer(304, {name: headers[name] for name in ("ETag", "Last-Modified")})
    span = parse_range(request.range, size) if _if_range_holds(asked, etag, modified) else None
    if span is False:
        return short(416, content_range=f"bytes */{size}")
    if isinstance(span, tuple):
        start, stop = span
        headers |= {"Content-Length": str(stop - start), "Content-Range": f"bytes {start}-{stop - 1}/{size}"}
        return Answer(206, headers, FileSlice.of(path, start, stop))
    return Answer(200, headers | {"Content-Length": str(size)}, FileSlice.of(path, 0, size))


def _precondition_holds(asked: dict[str, str], etag: str, modified: str) -> bool:
    if "if-match" in asked:
        return asked["if-match"] == "*" or etag in _tags(asked["if-match"])
    if "if-unmodified-since" in asked:
        return not _later(modified, asked["if-unmodified-since"])
    return True


def _is_unmodified(asked: dict[str, str], etag: str, modified: str) -> bool:
    if "if-none-match" in asked:
        return any(tag.removeprefix("W/") in ("*", etag) for tag in _tags(asked["if-none-match"]))
    return "if-modified-since" in asked and not _later(modified, asked["if-modified-since"])


def _if_range_holds(asked: dict[str, str], etag: str, modified: str) -> bool:
    return "if-range" not in asked or asked["if-range"] in (etag, modified)


def _tags(value: str) -> list[str]:
    return [tag.strip() for tag in value.split(",")]


def _later(one: str, other: str) -> bool:
    try:
        return parsedate_to_datetime(one) > parsedate_to_datetime(other)
    except ValueError:
        return True
