"""Texts of a store: abstracts of papers and descriptions of planets, with source, date, licence and record, each once.

The same paper may come by several ways, and the same text under several identifiers. One of each is kept, the others
are counted and listed. What was taken out of a text is listed, too. The order, and what is kept, depend on nothing but
the records.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime

import polars as pl

from astrobio.archives import open_exoplanet_catalogue
from astrobio.archives.registry import source
from astrobio.core.errors import DataMissing
from astrobio.datasets.held import held, product_of
from astrobio.formats.oai import read_oai
from astrobio.formats.papers import Paper, read_abstracts, spaced
from astrobio.store.storage import RealDataStorage, Record
from astrobio.verify.prose import likeness, words
from astrobio.verify.text import ALIKE, signature


@dataclass(frozen=True)
class Text:
    """One text.

    Attributes
    ----------
    id : str
        Of the paper, in its archive; of a description, the planet's name behind its list.
    title, authors, text : str
    categories : tuple of str
    date : str
        When it was announced or else sent, or last changed, ``YYYY-MM-DD``; empty where that is not known.
    source, product : str
    licence : str
        Of the text.
    record, assurance : str
        Digest of the record that it is from, and how well that one's origin is established.
    """

    id: str
    title: str
    authors: str
    text: str
    categories: tuple[str, ...]
    date: str
    source: str
    product: str
    licence: str
    record: str
    assurance: str


@dataclass(frozen=True)
class Dropped:
    """A text that was left out.

    Attributes
    ----------
    id, record : str
    reason : str
        ``same paper``, ``same text`` or ``near-duplicate``.
    kept : str
        The identifier of the text that was kept instead.
    overlap : float
        Share of their runs of five words that both have.
    """

    id: str
    record: str
    reason: str
    kept: str
    overlap: float


@dataclass(frozen=True)
class Cleaned:
    """What was taken out of a text, or written otherwise.

    Attributes
    ----------
    id, record : str
    what : str
        ``signature``, a line that whoever compiled the abstracts left, or ``entities``, as ``&amp;`` for ``&``.
    taken : str
        As it stood there.
    """

    id: str
    record: str
    what: str
    taken: str


@dataclass
class Texts:
    """Texts, each once, ordered by identifier.

    Attributes
    ----------
    texts : list of Text
    dropped : list of Dropped
    cleaned : list of Cleaned
    """

    texts: list[Text] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    cleaned: list[Cleaned] = field(default_factory=list)

    def table(self) -> pl.DataFrame:
        """One row a text, with the names of its attributes as columns."""
        rows = [asdict(text) | {"categories": list(text.categories)} for text in self.texts]
        schema = dict.fromkeys(Text.__dataclass_fields__, pl.String) | {"categories": pl.List(pl.String)}
        return pl.DataFrame(rows, schema=schema)

    def counts(self) -> dict[str, int]:
        """How many texts are kept, were dropped, by reason, and were cleaned, by what."""
        reasons = Counter(f"dropped: {one.reason}" for one in self.dropped)
        cleaned = Counter(f"cleaned: {one.what}" for one in self.cleaned)
        return {"kept": len(self.texts), **dict(sorted((reasons + cleaned).items()))}


def _abstracts(content: bytes) -> list[Paper]:
    return read_abstracts(content).papers


def _harvested(content: bytes) -> list[Paper]:
    return [record.paper for record in read_oai(content).records if record.paper is not None]


def _descriptions(content: bytes) -> list[Paper]:
    """What the Open Exoplanet Catalogue says of its planets in sentences; one that it says of many is kept once."""
    table = open_exoplanet_catalogue.SOURCE.product("systems").table
    assert table is not None
    rows = table.text(content).frame.select("collection", "name", "lastupdate", "description").rows()
    return [
        Paper(f"{collection}/{name}", name, "", spaced(description), announced=_updated(day))
        for collection, name, day, description in rows if description
    ]  # fmt: skip


def _updated(day: str | None) -> date | None:
    """The day of ``YY/MM/DD``, as the catalogue writes it since 2012; none where it is none."""
    try:
        return datetime.strptime(day or "", "%y/%m/%d").date()
    except ValueError:
        return None


READERS: dict[tuple[str, str], Callable[[bytes], list[Paper]]] = {
    ("arxiv", "oai"): _harvested,
    ("arxiv", "abstracts"): _abstracts,
    ("open_exoplanet_catalogue", "systems"): _descriptions,
}
"""How the records of a product become papers, by source and product; of a paper that comes twice the first is kept."""


def read_texts(storage: RealDataStorage, sources: Iterable[str] = (), allow_declared: bool = True) -> Texts:
    """All admitted texts of a store.

    Parameters
    ----------
    storage : RealDataStorage
    sources : iterable of str
        Only of these; of all unless given.
    allow_declared : bool
        Whether records count whose origin is only declared by a user.

    Raises
    ------
    DataMissing
        If there is none.
    IntegrityError
        If an object has changed.
    """
    chosen = sorted(set(sources) or {name for name, _ in READERS})
    records = [record for name in chosen for record in held(storage, name, allow_declared)]
    found = collect((record, storage.open(record)) for record in records if _product(record) in READERS)
    if not found.texts:
        raise DataMissing(f"the store {storage.root} holds no texts of {', '.join(chosen)}", fix="astrobio fetch arxiv")
    return found


def _product(record: Record) -> tuple[str, str]:
    return record.source, product_of(record)


def collect(records: Iterable[tuple[Record, bytes]]) -> Texts:
    """The texts of records, each once.

    Raises
    ------
    FormatError
        If a record is not what its product is.
    """
    found = Texts()
    order = list(READERS)
    texts: list[Text] = []
    for record, content in sorted(records, key=lambda one: (order.index(_product(one[0])), one[0].key)):
        papers = READERS[_product(record)](content)
        texts += [_text(paper, record, found.cleaned) for paper in papers]
    _drop_same_papers(found, texts)
    _drop_alike(found)
    kept = {(text.id, text.record) for text in found.texts}
    found.cleaned = [one for one in found.cleaned if (one.id, one.record) in kept]
    return found


def _text(paper: Paper, record: Record, cleaned: list[Cleaned]) -> Text:
    day = paper.announced or paper.submitted
    text = Text(
        id=paper.id,
        title=paper.title,
        authors=paper.authors,
        text=paper.abstract,
        categories=paper.categories,
        date=day.isoformat() if day else "",
        source=record.source,
        product=_product(record)[1],
        licence=source(record.source).licence.name,
        record=record.digest,
        assurance=record.assurance,
    )
    return _without_entities(_without_signature(text, cleaned), cleaned)


def _without_signature(text: Text, cleaned: list[Cleaned]) -> Text:
    left = signature(text.text)
    if not left:
        return text
    cleaned.append(Cleaned(text.id, text.record, "signature", left))
    return replace(text, text=text.text.removesuffix(left).rstrip())


def _without_entities(text: Text, cleaned: list[Cleaned]) -> Text:
    for name in ("title", "authors", "text"):
        before = getattr(text, name)
        if spaced(html.unescape(before)) != before:
            cleaned.append(Cleaned(text.id, text.record, "entities", f"{name}: {before[:200]}"))
    title, authors, body = (spaced(html.unescape(part)) for part in (text.title, text.authors, text.text))
    return replace(text, title=title, authors=authors, text=body)


def _drop_same_papers(found: Texts, texts: list[Text]) -> None:
    kept: dict[str, Text] = {}
    for text in texts:
        if text.id in kept:
            found.dropped.append(Dropped(text.id, text.record, "same paper", text.id, 1.0))
        else:
            kept[text.id] = text
    found.texts = sorted(kept.values(), key=lambda text: text.id)


def _drop_alike(found: Texts) -> None:
    """Of texts that are alike, keep the one whose identifier comes first."""
    gone: set[int] = set()
    first_with: dict[str, int] = {}
    for place, text in enumerate(found.texts):
        first = first_with.setdefault(text.text, place)
        if first != place:
            gone.add(place)
            found.dropped.append(Dropped(text.id, text.record, "same text", found.texts[first].id, 1.0))
    for first, second, overlap in likeness([words(text.text) for text in found.texts], ALIKE).pairs:
        if first not in gone and second not in gone:
            gone.add(second)
            text = found.texts[second]
            found.dropped.append(Dropped(text.id, text.record, "near-duplicate", found.texts[first].id, overlap))
    found.texts = [text for place, text in enumerate(found.texts) if place not in gone]
