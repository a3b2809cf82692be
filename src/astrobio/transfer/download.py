"""Fetch files: a typed face on the native core, which does the work on threads of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from astrobio.core.errors import UsageError
from astrobio.core.native import native
from astrobio.transfer.outcome import Exchange, Outcome, Progress, TransferFailed
from astrobio.transfer.request import Request, Settings


class Session:
    """Fetches lists of files; limits for each host hold over all its calls, and connections stay open between them.

    Parameters
    ----------
    settings : Settings
        Limits and patience.

    Raises
    ------
    UsageError
        If a setting is out of its range, or a certificate that the environment names cannot be read.
    MissingDependency
        If the native core is not installed.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        try:
            self._native = native().Session((settings or Settings()).as_native())
        except (ValueError, OverflowError, TypeError) as error:
            raise UsageError(f"settings of the transfer: {error}") from error

    def download(
        self, requests: Sequence[Request], progress: Callable[[Progress], object] | None = None
    ) -> list[Outcome]:
        """Fetch every file and return what became of each, in order; a failure is in its outcome.

        Ctrl-C stops the transfers so that they can be gone on with, and raises KeyboardInterrupt; so does an error
        that ``progress`` raises, which is called ten times a second.

        Raises
        ------
        UsageError
            If two requests go to one path, or one of them is no request.
        """
        requests = list(requests)
        _check_paths(requests)
        told = None if progress is None else lambda numbers: progress(Progress(**numbers))
        try:
            found = self._native.fetch([request.as_native() for request in requests], told)
        except (TypeError, OverflowError) as error:
            raise UsageError(f"requests of the transfer: {error}") from error
        return [_outcome(request, outcome) for request, outcome in zip(requests, found, strict=True)]

    def cancel(self) -> None:
        """Stop the transfers under way, from any thread: they end with the reason ``cancelled``, resumable."""
        self._native.cancel()


def download(
    requests: Sequence[Request],
    settings: Settings | None = None,
    progress: Callable[[Progress], object] | None = None,
) -> list[Outcome]:
    """Fetch files in a session of their own; see :meth:`Session.download`.

    >>> from pathlib import Path
    >>> [outcome] = download([Request("gopher://example.org/planets", Path("planets.csv"))])
    >>> outcome.error.reason, outcome.error.message
    ('url', 'gopher://example.org/planets: gopher is not fetched here; http and https are')
    """
    return Session(settings).download(requests, progress)


def _check_paths(requests: list[Request]) -> None:
    seen = set()
    for request in requests:
        place = os.path.abspath(request.path)
        if place in seen:
            raise UsageError(f"two requests go to {request.path}")
        seen.add(place)


def _outcome(request: Request, found: dict[str, Any]) -> Outcome:
    reason, status = found.get("reason"), found["status"]
    fetched = reason is None and not found["not_modified"]
    return Outcome(
        request=request,
        path=request.path if fetched else None,
        sha256=found.get("sha256"),
        size=found.get("size", 0),
        status=status,
        url=found["url"],
        headers=dict(found.get("headers", ())),
        length_declared=found.get("length_declared", False),
        not_modified=found.get("not_modified", False),
        resumed_from=found.get("resumed_from", 0),
        attempts=tuple(Exchange(**attempt) for attempt in found["attempts"]),
        error=TransferFailed(f"{found['url']}: {found['message']}", reason, status) if reason else None,
    )


@contextmanager
def progress_bar(title: str = "Fetching") -> Iterator[Callable[[Progress], None]]:
    """A bar on standard error for ``download``: files, bytes, speed; nothing where it is no terminal."""
    from tqdm import tqdm

    with tqdm(desc=title, unit="B", unit_scale=True, file=sys.stderr, disable=not sys.stderr.isatty()) as bar:

        def show(now: Progress) -> None:
            bar.total = max(now.expected, now.kept) or None
            failed = f", {now.files_failed} failed" if now.files_failed else ""
            bar.set_postfix_str(f"{now.files_done} of {now.files} files{failed}", refresh=False)
            bar.update(now.kept - bar.n)

        yield show
