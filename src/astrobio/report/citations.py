"""What a checkpoint, a pack or a store owes to others: works to cite, sentences to print, licences to keep."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from astrobio.archives.describing import acknowledgements, bibtex
from astrobio.archives.registry import source
from astrobio.core.errors import DataMissing
from astrobio.core.hashing import sha256_bytes
from astrobio.datasets.held import licence_of
from astrobio.datasets.pack import Pack
from astrobio.report.lineage import trace
from astrobio.store import RealDataStorage, Record

REFERENCE = "reference"
"""The column of a pack's tables that names the paper of a sample or of a value."""
_LINK = re.compile(r'href="?([^\s">]+)')
_TAG = re.compile(r"<[^>]*>")
_SPECIAL = re.compile(r"[&%$#_{}]")
_DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"<>]+")


@dataclass(frozen=True)
class Owed:
    """What is owed.

    Attributes
    ----------
    sources : list of str
        Names of the sources of the records.
    references : int
        Papers that records or values name themselves.
    bibtex : str
        A BibTeX file: what each source asks for stands in comments before it.
    """

    sources: list[str]
    references: int
    bibtex: str


def citations_of(of: Path | None, store: str | Path | None = None) -> Owed:
    """The works behind a checkpoint, a run or a pack, or behind all records of a store.

    Parameters
    ----------
    of : Path, optional
        Checkpoint, run's folder, or pack; the whole store unless given.
    store : path, optional
        Where the records are.

    Raises
    ------
    DataMissing
        If there are no records.
    IntegrityError
        If a link of the chain is gone.
    """
    pack = None
    if of is None:
        storage = RealDataStorage(store)
        records = storage.records()
    else:
        chain = trace(of, store)
        pack, records = chain.pack, chain.records
    if not records:
        raise DataMissing("there is no record to cite", fix="astrobio fetch")
    names = sorted({record.source for record in records})
    named = references_of(pack) if pack is not None else []
    parts = [_duties(records), bibtex(source(name) for name in names).rstrip("\n"), *map(entry, named)]
    return Owed(names, len(named), "\n\n".join(filter(None, parts)) + "\n")


def _duties(records: Iterable[Record]) -> str:
    """A comment for each source: how many records, under which licences, and what they ask for."""
    listed = list(records)
    lines = ["% Sources of the data, their licences, and what they ask for."]
    for name, count in sorted(Counter(record.source for record in listed).items()):
        one = source(name)
        licences = sorted({licence_of(record) for record in listed if record.source == name})
        lines += ["%", f"% {one.title}: {count} record{'s' * (count > 1)}", f"%   licence: {'; '.join(licences)}"]
        lines += [f"%   duties: {one.licence.duties}"]
        lines += [f"%   acknowledge: {text}" for text in acknowledgements([one]).values()]
        lines += [f"%   cite: {', '.join(citation.key for citation in one.citations) or one.homepage}"]
    return "\n".join(" ".join(line.split("\n")) for line in lines)


def references_of(pack: Pack) -> list[str]:
    """The papers that a pack's samples and values name, each once, sorted."""
    found: set[str] = set(pack.samples[REFERENCE].tolist()) if REFERENCE in pack.samples else set()
    for frame in map(pack.table, pack.tables()):
        if REFERENCE in frame.columns:
            found |= set(frame[REFERENCE].drop_nulls().cast(pl.String).unique().to_list())
    return sorted(filter(None, found))


def entry(reference: str) -> str:
    """A reference as a record names it, as an entry of BibTeX; its text is kept as it is written.

    >>> print(entry("<a refstr=X href=https://ui.adsabs.harvard.edu/abs/2014ApJ/abstract target=ref>Torres 2014</a>"))
    @misc{reference-f4504aa5,
      title = {{Torres 2014}},
      url = {https://ui.adsabs.harvard.edu/abs/2014ApJ/abstract}
    }
    """
    link, doi = _LINK.search(reference), _DOI.search(reference)
    text = " ".join(_TAG.sub(" ", reference).split())
    title = _SPECIAL.sub(r"\\\g<0>", text)
    fields = {"title": f"{{{title}}}", "url": link[1] if link else "", "doi": doi[0] if doi else ""}
    said = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items() if value)
    return f"@misc{{reference-{sha256_bytes(reference.encode())[:8]},\n{said}\n}}"
