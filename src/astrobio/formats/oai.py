"""Pages of an OAI-PMH service: records of papers, the token of the next page, and the protocol's errors.

The protocol: https://www.openarchives.org/OAI/openarchivesprotocol.html, sections 2.5 (records, deleted ones), 3.5
(flow control) and 3.6 (errors). arXiv's own formats ``arXiv`` and ``arXivRaw`` and Dublin Core are read
(https://info.arxiv.org/help/oa/index.html).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from email.utils import parsedate_to_datetime
from typing import Any

from astrobio.core.errors import FormatError
from astrobio.formats.papers import Paper, iso_date, spaced
from astrobio.formats.xml import parse_xml

OAI = "http://www.openarchives.org/OAI/2.0/"
_RAW = "http://arxiv.org/OAI/arXivRaw/"
_ARXIV = "http://arxiv.org/OAI/arXiv/"
_DUBLIN_CORE = "http://www.openarchives.org/OAI/2.0/oai_dc/"
_TERMS = "http://purl.org/dc/elements/1.1/"
PREFIXES = {f"{{{_RAW}}}arXivRaw": "arXivRaw", f"{{{_ARXIV}}}arXiv": "arXiv", f"{{{_DUBLIN_CORE}}}dc": "oai_dc"}
"""Metadata formats by the element that holds a record's metadata."""
MOST_RECORDS = 100_000
_IDENTIFIER = "oai:arXiv.org:"


@dataclass(frozen=True)
class OaiRecord:
    """One record.

    Attributes
    ----------
    identifier : str
        As ``oai:arXiv.org:2305.00019``.
    datestamp : date
        When the record, not the paper, last changed.
    sets : tuple of str
    deleted : bool
        Whether the service has withdrawn it; then there is no paper.
    prefix : str
        Format of its metadata.
    paper : Paper, optional
    """

    identifier: str
    datestamp: date
    sets: tuple[str, ...]
    deleted: bool
    prefix: str
    paper: Paper | None


@dataclass(frozen=True)
class OaiPage:
    """One answer of a service.

    Attributes
    ----------
    answered : date
        When it was given.
    asked : dict of str to str
        The arguments of the request, as the service repeats them.
    records : tuple of OaiRecord
    token : str
        What the next page is asked for by; empty on the last.
    size, cursor : int, optional
        Records of the whole list, and how many came before this page, where the service says it.
    error, message : str
        Code and text of the protocol's error; empty where there is none.
    """

    answered: date
    asked: dict[str, str]
    records: tuple[OaiRecord, ...]
    token: str = ""
    size: int | None = None
    cursor: int | None = None
    error: str = ""
    message: str = ""


def read_oai(content: bytes) -> OaiPage:
    """Read a page of ``ListRecords`` or ``GetRecord``.

    Raises
    ------
    FormatError
        If it is no XML, none of OAI-PMH 2.0, or a record lacks a part.
    """
    root = parse_xml(content)
    if root.tag != f"{{{OAI}}}OAI-PMH":
        raise FormatError(f"the root is {str(root.tag)[:80]!r}, and no answer of OAI-PMH 2.0")
    request = root.find(f"{{{OAI}}}request")
    answered = iso_date(_text(root, f"{{{OAI}}}responseDate")[:10])
    if request is None or answered is None:
        raise FormatError("the answer has no date, or does not say what it answers")
    asked = {str(name): str(value) for name, value in request.attrib.items()}
    error = root.find(f"{{{OAI}}}error")
    if error is not None:
        return OaiPage(answered, asked, (), error=str(error.get("code", "")), message=spaced(error.text or ""))
    listed = root.find(f"{{{OAI}}}ListRecords")
    listed = root.find(f"{{{OAI}}}GetRecord") if listed is None else listed
    if listed is None:
        raise FormatError("the answer lists no records")
    found = listed.findall(f"{{{OAI}}}record")
    if len(found) > MOST_RECORDS:
        raise FormatError(f"the page has {len(found)} records; at most {MOST_RECORDS} are read")
    records = tuple(_record(element, number) for number, element in enumerate(found, 1))
    token = listed.find(f"{{{OAI}}}resumptionToken")
    if token is None:
        return OaiPage(answered, asked, records)
    return OaiPage(answered, asked, records, (token.text or "").strip(), _count(token, "completeListSize"),
                   _count(token, "cursor"))  # fmt: skip


def _count(token: Any, name: str) -> int | None:
    text = token.get(name)
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 16 else None


def _record(element: Any, number: int) -> OaiRecord:
    header = element.find(f"{{{OAI}}}header")
    if header is None:
        raise FormatError(f"record {number} has no header")
    identifier, stamp = _text(header, f"{{{OAI}}}identifier"), _text(header, f"{{{OAI}}}datestamp")
    datestamp = iso_date(stamp[:10])
    if not identifier or datestamp is None:
        raise FormatError(f"record {number} has no identifier, or {stamp[:40]!r} is no date")
    sets = tuple(spaced(one.text or "") for one in header.findall(f"{{{OAI}}}setSpec"))
    if header.get("status") == "deleted":
        return OaiRecord(identifier, datestamp, sets, True, "", None)
    metadata = element.find(f"{{{OAI}}}metadata")
    inner = next((one for one in metadata if isinstance(one.tag, str)), None) if metadata is not None else None
    if inner is None or inner.tag not in PREFIXES:
        seen = "no metadata" if inner is None else str(inner.tag)[:80]
        raise FormatError(f"record {identifier}: {seen}, and none of {', '.join(PREFIXES.values())}")
    prefix = PREFIXES[inner.tag]
    paper = {"arXivRaw": _raw, "arXiv": _arxiv, "oai_dc": _dublin_core}[prefix](inner, identifier)
    return OaiRecord(identifier, datestamp, sets, False, prefix, paper)


def _text(element: Any, path: str) -> str:
    found = element.find(path)
    return "" if found is None else spaced("".join(found.itertext()))


def _needed(element: Any, namespace: str, names: tuple[str, ...], identifier: str) -> dict[str, str]:
    found = {name: _text(element, f"{{{namespace}}}{name}") for name in names}
    lacking = [name for name, text in found.items() if not text]
    if lacking:
        raise FormatError(f"record {identifier} lacks {', '.join(lacking)}")
    return found


def _raw(element: Any, identifier: str) -> Paper:
    told = _needed(element, _RAW, ("id", "title", "authors", "categories", "abstract"), identifier)
    versions = element.findall(f"{{{_RAW}}}version")
    first = next((one for one in versions if one.get("version") == "v1"), None)
    submitted = _mail_date(_text(first, f"{{{_RAW}}}date"), identifier) if first is not None else None
    return Paper(told["id"], told["title"], told["authors"], told["abstract"], tuple(told["categories"].split()),
                 submitted=submitted, licence=_text(element, f"{{{_RAW}}}license"))  # fmt: skip


def _mail_date(text: str, identifier: str) -> date:
    try:
        return parsedate_to_datetime(text).date()
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise FormatError(f"record {identifier}: {text[:40]!r} is no date") from error


def _arxiv(element: Any, identifier: str) -> Paper:
    told = _needed(element, _ARXIV, ("id", "title", "categories", "abstract"), identifier)
    authors = [
        spaced(" ".join(_text(author, f"{{{_ARXIV}}}{part}") for part in ("forenames", "keyname", "suffix")))
        for author in element.findall(f"{{{_ARXIV}}}authors/{{{_ARXIV}}}author")
    ]
    if not any(authors):
        raise FormatError(f"record {identifier} lacks authors")
    # `created` is the date of the version that is shown, not of the first one.
    return Paper(told["id"], told["title"], ", ".join(authors), told["abstract"], tuple(told["categories"].split()),
                 licence=_text(element, f"{{{_ARXIV}}}license"))  # fmt: skip


def _dublin_core(element: Any, identifier: str) -> Paper:
    told = _needed(element, _TERMS, ("title", "creator", "description"), identifier)
    many = {name: [spaced(one.text or "") for one in element.findall(f"{{{_TERMS}}}{name}")]
            for name in ("creator", "date", "subject")}  # fmt: skip
    submitted = [day for day in (iso_date(text) for text in many["date"]) if day is not None]
    return Paper(identifier.removeprefix(_IDENTIFIER), told["title"], "; ".join(many["creator"]), told["description"],
                 (), submitted=min(submitted, default=None))  # fmt: skip
