"""Files that an index names: a directory page, or a table with one file a row."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from urllib.parse import urlsplit

from astrobio.archives.asking import ListedFiles
from astrobio.core.errors import RefusedInput
from astrobio.fetch.answers import LARGEST, found_once, named_address, text_answer
from astrobio.fetch.bringing import Bringing, Brought, last_part


def bring_listed(ask: ListedFiles, bringing: Bringing) -> Iterator[Brought]:
    """Fetch the files that an index names and that are not held.

    Raises
    ------
    TransferFailed
        If the index or, after the others have been brought, a file is not to be had.
    RefusedInput
        If the index names no file, too many, or what cannot be one.
    """
    answer = bringing.document(ask.index, "index", html=True, max_bytes=LARGEST)
    found = found_once(ask.pattern, text_answer(answer.path), ask.most, ask.index)
    addresses: dict[str, str] = {}
    for written in found:
        address = named_address(ask.base or ask.index, unescape(written))
        url = address.geturl()
        if address.scheme != urlsplit(ask.index).scheme:
            raise RefusedInput(f"{ask.index} names {url}, which is of another kind than itself")
        name = last_part(url)
        if addresses.setdefault(name, url) != url:
            raise RefusedInput(f"{ask.index} names two files {name}: {addresses[name]} and {url}")
    yield from bringing.bring(
        (name, bringing.request(url, name, content_types=ask.content_types, signatures=ask.signatures))
        for name, url in addresses.items()
    )
