"""What became of a request: the file with its digest and the answer it came from, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from astrobio.core.errors import EXIT_CHECK_FAILED, EXIT_REFUSED, EXIT_UNREACHABLE, AstrobioError
from astrobio.transfer.request import Request

_REFUSED = frozenset(
    {
        *("url", "redirect", "challenge", "html", "content_type", "signature", "empty"),
        *("too_large", "bomb", "encoding", "length", "digest"),
    }
)
_LOCAL = frozenset({"disk", "busy"})


class TransferFailed(AstrobioError):
    """A file that was not fetched.

    Attributes
    ----------
    reason : str
        One word: ``url``, ``dns``, ``connect``, ``tls``, ``protocol``, ``stalled``, ``slow``, ``status``,
        ``unavailable``, ``rate_limited``, ``truncated``, ``changed``, ``range``, ``redirect``, ``challenge``,
        ``html``, ``content_type``, ``signature``, ``empty``, ``too_large``, ``bomb``, ``encoding``, ``length``,
        ``digest``, ``disk``, ``busy`` or ``cancelled``.
    status : int, optional
        The HTTP status that was answered.
    exit_code : int
        4 for content that was refused, 1 for the disk, 5 for what could not be reached.
    """

    def __init__(self, message: str, reason: str, status: int | None = None) -> None:
        super().__init__(message)
        self.reason, self.status = reason, status
        if reason in _REFUSED:
            self.exit_code = EXIT_REFUSED
        else:
            self.exit_code = EXIT_CHECK_FAILED if reason in _LOCAL else EXIT_UNREACHABLE

    def __reduce__(self) -> tuple[type[TransferFailed], tuple[str, str, int | None]]:
        return type(self), (self.message, self.reason, self.status)


@dataclass(frozen=True)
class Exchange:
    """One attempt: where it went, what was answered, the wait that followed (s), and the body bytes that came."""

    url: str
    status: int | None
    error: str | None
    wait_seconds: float
    received: int


@dataclass(frozen=True)
class Progress:
    """Numbers of a session while it runs.

    Attributes
    ----------
    files, files_done, files_failed : int
        Of this call; of all calls of the session.
    received : int
        Bytes of bodies that came, repeated ones included.
    expected, kept : int
        Bytes that files under way and done are known to have, and that stand on the disk.
    requests, retries : int
        Sent so far, and attempts that had to be made again.
    """

    files: int
    files_done: int
    files_failed: int
    received: int
    expected: int
    kept: int
    requests: int
    retries: int


@dataclass(frozen=True)
class Outcome:
    """What became of one request.

    Attributes
    ----------
    path, sha256, size : Path, str, int
        The file; none where there is an error or nothing was modified.
    status, url, headers
        Of the last answer, after redirects; names of headers in lower case, secrets in the URL hidden.
    length_declared : bool
        Whether the answer said how long its body is; else only the end of the connection tells that it is whole.
    not_modified : bool
        The copy that is held is still the same.
    resumed_from : int
        Bytes that were there already.
    attempts : tuple of Exchange
        All requests for this file.
    error : TransferFailed, optional
        Why there is no file.
    """

    request: Request
    path: Path | None
    sha256: str | None
    size: int
    status: int | None
    url: str
    headers: Mapping[str, str]
    length_declared: bool
    not_modified: bool
    resumed_from: int
    attempts: tuple[Exchange, ...]
    error: TransferFailed | None

    @property
    def etag(self) -> str | None:
        """The entity tag of the answer."""
        return self.headers.get("etag")

    @property
    def last_modified(self) -> str | None:
        """The date of the last change that the answer names."""
        return self.headers.get("last-modified")

    @property
    def content_type(self) -> str | None:
        """The media type of the answer, with its parameters."""
        return self.headers.get("content-type")

    def check(self) -> Outcome:
        """This outcome.

        Raises
        ------
        TransferFailed
            If there is no file.
        """
        if self.error is not None:
            raise self.error
        return self
