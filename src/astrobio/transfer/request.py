"""What is asked of a transfer: the files, the limits of each host, and how much patience to have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from astrobio.core.errors import UsageError
from astrobio.core.native import native

MEBIBYTE = 1 << 20
_SHA256 = re.compile("[0-9a-fA-F]{64}")


def _user_agent() -> str:
    return f"astrobio/{version('astrobio')}"


@dataclass(frozen=True)
class HostLimit:
    """How much may be asked of one host at a time.

    Attributes
    ----------
    connections : int
        Requests under way at once.
    interval : float
        Least time between the starts of two requests, in s.
    """

    connections: int = 4
    interval: float = 0.0


@dataclass(frozen=True)
class Settings:
    """Limits and patience of a session; times in s, sizes in bytes.

    Attributes
    ----------
    connections : int
        Requests under way at once, over all hosts.
    default_limit : HostLimit
        For hosts that ``limits`` does not name.
    limits : mapping of str to HostLimit
        By host name, or ``host:port``.
    connect_timeout : float
        For a connection to be made.
    stall_timeout : float
        Without a byte within a body; an answer begins within this and ``connect_timeout`` together.
    least_speed, least_speed_time : int, float
        A body slower than so many bytes/s, averaged over that time, is given up as *slow*.
    attempts : int
        Requests for one file in a row that bring it no further; a file that grows by 1 MiB has all of them again.
    backoff, longest_backoff : float
        The first wait before another attempt, and the longest; it doubles, half of it drawn by chance.
    longest_wait : float
        A ``Retry-After`` beyond this ends the attempts.
    redirects : int
        Followed one after another, within the scheme of the request.
    user_agent : str
        How requests name this program.
    range_bytes, piece_bytes, file_connections : int
        A file of at least ``range_bytes`` is fetched in ranges of ``piece_bytes`` over so many connections, where
        the host can do that and its limit allows.
    sync : bool
        Bring a file to the disk before it takes its name.
    """

    connections: int = 256
    default_limit: HostLimit = HostLimit()
    limits: Mapping[str, HostLimit] = field(default_factory=dict)
    connect_timeout: float = 20.0
    stall_timeout: float = 60.0
    least_speed: int = 100
    least_speed_time: float = 60.0
    attempts: int = 6
    backoff: float = 0.5
    longest_backoff: float = 60.0
    longest_wait: float = 300.0
    redirects: int = 10
    user_agent: str = field(default_factory=_user_agent)
    range_bytes: int = 64 * MEBIBYTE
    piece_bytes: int = 16 * MEBIBYTE
    file_connections: int = 4
    sync: bool = True

    def as_native(self) -> dict[str, Any]:
        """What the native core takes."""
        limits = {host: (limit.connections, limit.interval) for host, limit in self.limits.items()}
        default = (self.default_limit.connections, self.default_limit.interval)
        return asdict(self) | {"limits": limits, "default_limit": default}


@dataclass(frozen=True)
class Request:
    """One file to fetch, and what it must be.

    Attributes
    ----------
    url : str
        ``http`` or ``https``. A user and password in it become a credential.
    path : Path
        Where the file goes. It appears there whole and checked, or not at all; while it is under way it is
        ``PATH.part``, described by ``PATH.part.json``.
    headers : mapping
        Sent with every request.
    credentials : mapping
        Headers that are sent to the origin of ``url`` only, and appear in no message or record.
    content_types : tuple of str
        Media types that are taken, as ``text/csv`` or ``application/*``; empty for any.
    signatures : tuple of bytes
        The file begins with one of these; empty for any.
    html : bool
        Whether an HTML page may be the file.
    max_bytes : int
        A longer file is refused.
    length, sha256 : int, str, optional
        What the file is known to have.
    etag, last_modified : str, optional
        Of the copy that is held: if it is still the same, nothing is fetched and the outcome says ``not_modified``.
    compressed : bool
        Ask for gzip on the way; the file is what it decodes to.

    Raises
    ------
    UsageError
        If ``sha256`` is no digest.
    """

    url: str
    path: Path
    headers: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict)
    content_types: tuple[str, ...] = ()
    signatures: tuple[bytes, ...] = ()
    html: bool = False
    max_bytes: int = 5_000_000_000
    length: int | None = None
    sha256: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    compressed: bool = False

    def __post_init__(self) -> None:
        if self.sha256 is not None and not _SHA256.fullmatch(self.sha256):
            raise UsageError(f"{self.sha256!r} is no SHA-256: it has 64 hexadecimal digits")

    def __repr__(self) -> str:
        """The request without its secrets."""
        return f"Request(url={native().public_url(self.url)!r}, path={self.path!r})"

    def as_native(self) -> dict[str, Any]:
        """What the native core takes."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        pairs = {"headers": list(self.headers.items()), "credentials": list(self.credentials.items())}
        return values | pairs | {"content_types": list(self.content_types), "signatures": list(self.signatures)}
