"""Entries by identifier: first the list, then one request an entry, so that none can be left out unseen."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from astrobio.archives.asking import Entries
from astrobio.fetch.answers import LARGEST, found_once, text_answer
from astrobio.fetch.bringing import Bringing, Brought


def bring_entries(ask: Entries, bringing: Bringing) -> Iterator[Brought]:
    """Fetch the entries that the list names and that are not held.

    Raises
    ------
    TransferFailed
        If the list or, after the others have been brought, an entry that it names is not to be had.
    RefusedInput
        If the list names no entry, too many, or what cannot be one.
    """
    answer = bringing.document(ask.listing, "list", max_bytes=LARGEST)
    found = found_once(ask.pattern, text_answer(answer.path), ask.most, ask.listing)
    yield from bringing.bring(
        (ask.name.replace("{id}", one), bringing.request(
            ask.entry.replace("{id}", quote(one, safe=":")), ask.name.replace("{id}", one),
            content_types=ask.content_types, signatures=ask.signatures))
        for one in found
    )  # fmt: skip
