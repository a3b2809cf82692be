"""Answers that a REST service hands out page by page: a cursor in the Link header (RFC 8288), or an offset.

The pages that have come are the journal: a fetch that was killed goes on behind the last of them. Nothing is handed on
before all have come and agree with each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from requests.utils import parse_header_links

from astrobio.archives.asking import Pages
from astrobio.core.errors import RefusedInput
from astrobio.core.hashing import sha256_files
from astrobio.fetch.answers import LARGEST, at, head, json_answer, named_address, text_answer
from astrobio.fetch.bringing import Answer, Bringing, Brought, Incomplete, forget

ROUNDS = 2
"""How often all pages are asked for where the answer changes meanwhile."""


@dataclass(frozen=True)
class Page:
    """A page that came.

    Attributes
    ----------
    name : str
    answer : Answer
    items : int, optional
        How many results it has, where they are counted.
    total : int, optional
        How many there are, as it says.
    following : str
        Address of the next page; empty on the last.
    """

    name: str
    answer: Answer
    items: int | None
    total: int | None
    following: str


class _Changed(Exception):
    """The answer changed while its pages were asked for."""


def bring_pages(ask: Pages, bringing: Bringing) -> Iterator[Brought]:
    """Fetch all pages of an answer; each is one file.

    Raises
    ------
    TransferFailed
        If the service does not answer; what came is gone on with next time.
    RefusedInput
        If a page is not what it must be, or leads to another host.
    Incomplete
        If pages lead in a circle or repeat each other, results are missing, or their number changes again and again.
    """
    pages = _all_pages(ask, bringing)
    bringing.names.update(page.name for page in pages)
    for page in pages:
        detail = dict(page.answer.detail)
        if page.total is not None and page.items is not None:  # compared over all pages
            detail |= {"results_counted": page.total, "rows_counted": page.items}
        yield Brought(bringing.product.name, page.name, page.answer.path, "fetched", "exchange", detail,
                      temporary=False)  # fmt: skip


def _all_pages(ask: Pages, bringing: Bringing) -> list[Page]:
    pages: list[Page] = []
    for _ in range(ROUNDS):
        pages = []
        try:
            for page in _walk(ask, bringing):
                pages.append(page)
                if page.total != pages[0].total:
                    raise _Changed(f"the number of results changes from {pages[0].total} to {page.total}")
            return _compared(ask, pages)
        except _Changed as change:
            said = str(change)
        except (RefusedInput, Incomplete):
            _forget(pages)
            raise
        _forget(pages)
    raise Incomplete(f"{ask.first}: {said} while the pages are asked for", fix="the same command again, later")


def _walk(ask: Pages, bringing: Bringing) -> Iterator[Page]:
    url, seen = ask.first, {ask.first}
    digests: dict[str, str] = {}
    number = 1
    while url:
        name = ask.name.format(page=number)
        answer = bringing.answer(bringing.request(url, name, headers=ask.headers, content_types=ask.content_types,
                                                  max_bytes=LARGEST))  # fmt: skip
        [digest] = sha256_files([answer.path])
        page = _read(ask, url, name, answer)
        if digests.setdefault(digest, name) != name and page.items != 0:
            forget(answer.path)
            raise Incomplete(f"{ask.first}: {name} holds the same as {digests[digest]}")
        yield page
        url = page.following
        if url in seen or number >= ask.most_pages:
            raise Incomplete(f"{ask.first}: the pages lead in a circle, or there are more than {ask.most_pages}")
        seen.add(url)
        number += 1


def _read(ask: Pages, url: str, name: str, answer: Answer) -> Page:
    try:
        document = json_answer(answer.path) if ask.total_field or ask.items not in ("", "lines") else None
        items, total = _items(ask, answer, document), _total(ask, answer, document)
        following = _linked(url, answer) if ask.follow == "link" else _next_offset(ask, url, items, total)
    except RefusedInput as error:
        forget(answer.path)
        raise RefusedInput(f"{ask.first}, {name}: {error.message}") from error
    return Page(name, answer, items, total, following)


def _items(ask: Pages, answer: Answer, document: object) -> int | None:
    if not ask.items:
        return None
    if ask.items == "lines":
        return max(0, text_answer(answer.path).rstrip("\r\n").count("\n"))
    found = at(document, ask.items)
    if not isinstance(found, list):
        raise RefusedInput(f"the answer has no list {ask.items}: {head(answer.path)!r}")
    return len(found)


def _total(ask: Pages, answer: Answer, document: object) -> int | None:
    if ask.total_header:
        written: object = answer.headers.get(ask.total_header.lower())
        if written is None or not re.fullmatch("[0-9]{1,12}", str(written)):
            raise RefusedInput(f"the answer has no number of results in {ask.total_header}: {written!r}")
        return int(str(written))
    if ask.total_field:
        written = at(document, ask.total_field)
        if not isinstance(written, int) or isinstance(written, bool):
            raise RefusedInput(f"the answer has no number of results in {ask.total_field}: {head(answer.path)!r}")
        return written
    return None


def _linked(url: str, answer: Answer) -> str:
    """The address of the next page in a Link header; empty where there is none.

    Raises
    ------
    RefusedInput
        If it is of another host.
    """
    for link in parse_header_links(answer.headers.get("link", "")):
        if "next" in link.get("rel", "").lower().split():
            following = named_address(url, link["url"])
            if following[:2] != urlsplit(url)[:2]:
                raise RefusedInput(f"the next page is said to be at another host: {following.geturl()}")
            return following.geturl()
    return ""


def _next_offset(ask: Pages, url: str, items: int | None, total: int | None) -> str:
    """The address of the page behind this one; empty where all results have come, or a page is not full.

    >>> _next_offset(Pages("", "", parameter="start", step=200), "https://a.org/q?start=0&rows=200", 200, 300)
    'https://a.org/q?start=200&rows=200'
    """
    split = urlsplit(url)
    values = dict(parse_qsl(split.query, keep_blank_values=True))
    begin = int(values.get(ask.parameter, "0")) + ask.step
    if (total is not None and begin >= total) or not items or (total is None and items < ask.step):
        return ""
    values[ask.parameter] = str(begin)
    return urlunsplit(split._replace(query=urlencode(values)))


def _compared(ask: Pages, pages: list[Page]) -> list[Page]:
    """Compare how many results came with how many there are said to be."""
    total, counts = pages[0].total, [page.items for page in pages if page.items is not None]
    if total is not None and counts and sum(counts) != total:
        raise Incomplete(f"{ask.first}: {sum(counts)} results came, and the service says that there are {total}",
                         fix="the same command again, later")  # fmt: skip
    return pages


def _forget(pages: list[Page]) -> None:
    for page in pages:
        forget(page.answer.path)
