"""Harvests by the Open Archives Initiative's protocol (OAI-PMH 2.0, https://www.openarchives.org/OAI/openarchivesprotocol.html).

Each page holds the token of the next. The pages that have come are the journal of a harvest: one that was killed goes
on behind the last of them. Nothing is handed on before all have come and agree with each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from lxml import etree

from astrobio.archives.asking import OaiRecords
from astrobio.core.errors import RefusedInput
from astrobio.fetch.answers import LARGEST, child_text, head, local, xml_answer
from astrobio.fetch.bringing import Answer, Bringing, Brought, Incomplete, forget

_EXPIRED = "badResumptionToken"
_NOTHING = "noRecordsMatch"


@dataclass(frozen=True)
class Page:
    """What a page of a list says.

    Attributes
    ----------
    identifiers : tuple of str
        Of its records.
    token : str
        Of the next page; empty on the last.
    size : int, optional
        How many records the whole list has; the protocol lets this be an estimate.
    error : str
        Code of the error that it is instead; empty where it is none.
    message : str
        What the error says.
    """

    identifiers: tuple[str, ...] = ()
    token: str = ""
    size: int | None = None
    error: str = ""
    message: str = ""


def bring_oai_records(ask: OaiRecords, bringing: Bringing) -> Iterator[Brought]:
    """Harvest all pages of a list; each is one file.

    Raises
    ------
    TransferFailed
        If the repository does not answer; the harvest goes on from there next time.
    RefusedInput
        If it answers an error, or what is no answer of the protocol.
    Incomplete
        If a token comes twice, pages repeat each other, or records are missing.
    """
    answers = _harvest(ask, bringing)
    bringing.names.update(name for name, _ in answers)
    for name, answer in answers:
        yield Brought(bringing.product.name, name, answer.path, "fetched", "exchange", answer.detail, temporary=False)


def list_url(ask: OaiRecords, token: str = "") -> str:
    """The address of the first page, or of that which a token stands for.

    >>> list_url(OaiRecords("https://oaipmh.arxiv.org/oai", "physics:astro-ph:EP", "arXiv", "2024-01-01"))
    'https://oaipmh.arxiv.org/oai?verb=ListRecords&metadataPrefix=arXiv&set=physics%3Aastro-ph%3AEP&from=2024-01-01'
    """
    if token:
        return f"{ask.base}?{urlencode({'verb': 'ListRecords', 'resumptionToken': token})}"
    values = {"verb": "ListRecords", "metadataPrefix": ask.prefix, "set": ask.set, "from": ask.begin, "until": ask.end}
    return f"{ask.base}?{urlencode({name: value for name, value in values.items() if value})}"


def _harvest(ask: OaiRecords, bringing: Bringing) -> list[tuple[str, Answer]]:
    """All pages; those that have come before a kill first. A token that has expired meanwhile begins all anew."""
    for anew in (False, True):
        answers, expired = _walk(ask, bringing)
        if not expired:
            return answers
        for _, answer in answers:
            forget(answer.path)
        if anew:
            raise RefusedInput(f"{ask.base} does not accept the token that it gave: {expired}")
        bringing.remarks.append("the token of a harvest that was under way had expired; it was begun anew")
    raise AssertionError("unreachable")  # the second round returns or raises


def _walk(ask: OaiRecords, bringing: Bringing) -> tuple[list[tuple[str, Answer]], str]:
    """The pages, and what the repository says if it does not know a token any more."""
    answers: list[tuple[str, Answer]] = []
    seen: set[str] = set()
    tokens, token, said, longest = {""}, "", None, 0
    while True:
        name = f"page-{len(answers) + 1:05d}.xml"
        answer = bringing.come(name)
        if answer is None:
            answer = bringing.answer(bringing.request(list_url(ask, token), name, max_bytes=LARGEST))
        page = read_page(ask, answer)
        if page.error == _EXPIRED and token:
            return [*answers, (name, answer)], page.message or page.error
        if page.error == _NOTHING and not answers:
            forget(answer.path)
            bringing.remarks.append(f"{ask.base} has no records in {ask.set}")
            return [], ""
        if page.error:
            forget(answer.path)
            raise RefusedInput(f"{ask.base} says {page.error}: {page.message}")
        repeated = seen.issuperset(page.identifiers)
        if repeated:
            forget(answer.path)
            raise Incomplete(f"{ask.base}: page {len(answers) + 1} holds only records that came before")
        answers.append((name, answer))
        seen.update(page.identifiers)
        said, longest = page.size if page.size is not None else said, max(longest, len(page.identifiers))
        if not page.token:
            break
        if page.token in tokens or len(answers) >= ask.most_pages:
            forget(answer.path)
            raise Incomplete(f"{ask.base}: the list goes in a circle, or has more than {ask.most_pages} pages")
        tokens.add(page.token)
        token = page.token
    _compare(ask, bringing, answers, len(seen), said, longest)
    return answers, ""


def _compare(
    ask: OaiRecords, bringing: Bringing, answers: list[tuple[str, Answer]], came: int, said: int | None, longest: int
) -> None:
    """Compare the number of records with that which the list says: it may be estimated, but not by a whole page."""
    if said is None or said == came:
        return
    if said - came >= longest:
        for _, answer in answers:
            forget(answer.path)
        raise Incomplete(f"{ask.base}: {came} records came, and the list says that it has {said}",
                         fix="the same command again, later")  # fmt: skip
    bringing.remarks.append(f"{came} records came, and the list says about {said}")


def read_page(ask: OaiRecords, answer: Answer) -> Page:
    """Read a page.

    Raises
    ------
    RefusedInput
        If it is no answer to ListRecords.
    """
    try:
        root = xml_answer(answer.path, "OAI-PMH")
        for child in root:
            if local(child) == "error":
                return Page(error=child.get("code", "error"), message=" ".join((child.text or "").split())[:300])
            if local(child) == "ListRecords":
                return _read_list(child)
        raise RefusedInput(f"the answer has no records and no error: {head(answer.path)!r}")
    except RefusedInput as error:
        forget(answer.path)
        raise RefusedInput(f"{ask.base}: {error.message}") from error


def _read_list(element: etree._Element) -> Page:
    identifiers, token, size = [], "", None
    for child in element:
        if local(child) == "record":
            header = next((part for part in child if local(part) == "header"), None)
            identifier = child_text(header, "identifier") if header is not None else ""
            if not identifier:
                raise RefusedInput("a record has no identifier")
            identifiers.append(identifier)
        if local(child) == "resumptionToken":
            token = (child.text or "").strip()
            written = child.get("completeListSize", "")
            size = int(written) if re.fullmatch("[0-9]{1,11}", written) else None
    if not identifiers:
        raise RefusedInput("a page of the list has no records")
    return Page(tuple(identifiers), token, size)
