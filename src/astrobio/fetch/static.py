"""Files at fixed addresses."""

from __future__ import annotations

from collections.abc import Iterator

from astrobio.archives.asking import StaticFile, StaticFiles
from astrobio.fetch.bringing import Bringing, Brought


def bring_static(ask: StaticFile | StaticFiles, bringing: Bringing) -> Iterator[Brought]:
    """Fetch what is not held, or has changed.

    Raises
    ------
    TransferFailed
        For the first file that is not to be had, after the others have been brought.
    """
    files = ask.files if isinstance(ask, StaticFiles) else (ask,)
    yield from bringing.bring(
        (one.name, bringing.request(one.url, one.name, content_types=one.content_types, signatures=one.signatures,
                                    sha256=one.sha256))
        for one in files
    )  # fmt: skip
