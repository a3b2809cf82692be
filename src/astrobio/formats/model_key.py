"""The key of a collection of published networks: which organism and which paper each model belongs to.

It is a table in Markdown with the columns Organism, Version, Reference and PMID
(https://github.com/opencobra/m_model_collection, model_key.md). A reference is a link whose text names the authors and
whose address leads to the paper, mostly through its DOI.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from astrobio.core.errors import FormatError

HEADER = ("Organism", "Version", "Reference", "PMID")
MOST_BYTES = 1 << 20
MOST_ROWS = 10_000
_LINK = re.compile(r"\[([^\[\]]{1,200})\]\((https?://[^\s()]{1,300}(?:\([^\s()]{1,50}\)[^\s()]{0,100})?)\)")
_DOI = re.compile(r"10\.[0-9]{4,9}/\S+")
_PMID = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class ModelKey:
    """One row.

    Attributes
    ----------
    organism : str
        As the table writes it.
    model : str
        Name of the model; empty where the paper gives it none.
    authors, address : str
        Of the paper; empty where the table names none.
    doi, pmid : str, optional
        Of the paper.
    """

    organism: str
    model: str
    authors: str = ""
    address: str = ""
    doi: str | None = None
    pmid: str | None = None


def read_model_key(content: bytes) -> list[ModelKey]:
    """The rows of a key.

    Raises
    ------
    FormatError
        If it is no table with these columns, or a row is none.

    >>> read_model_key(
    ...     b"| Organism | Version | Reference | PMID |\\n|--|--|--|--|\\n"
    ...     b"| Escherichia coli | iJO1366 | [Orth](http://dx.doi.org/10.1038/msb.2011.65) | [21988831](http://a) |\\n"
    ... )[0].doi
    '10.1038/msb.2011.65'
    """
    if len(content) > MOST_BYTES:
        raise FormatError(f"it has {len(content)} bytes; at most {MOST_BYTES} are read")
    try:
        lines = content.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise FormatError(f"byte {error.start} is not of utf-8: {error.reason}") from error
    rows = [_cells(line, place) for place, line in enumerate(lines, 1) if line.strip()]
    if len(rows) < 3 or tuple(rows[0]) != HEADER or any(set(cell) - set("-: ") for cell in rows[1]):
        raise FormatError(f"it is no table with the columns {', '.join(HEADER)}, and rows")
    if len(rows) > MOST_ROWS:
        raise FormatError(f"it has {len(rows)} rows; at most {MOST_ROWS} are read")
    return [_row(cells, place) for place, cells in enumerate(rows[2:], 3)]


def _cells(line: str, place: int) -> list[str]:
    line = line.strip()
    if not line.startswith("|") or not line.endswith("|") or line.count("|") != len(HEADER) + 1:
        raise FormatError(f"line {place} is no row of {len(HEADER)} cells")
    return [cell.strip() for cell in line[1:-1].split("|")]


def _row(cells: list[str], place: int) -> ModelKey:
    organism, model, reference, number = cells
    paper, listed = _link(reference, place), _link(number, place)
    if listed and not _PMID.fullmatch(listed[0]):
        raise FormatError(f"row {place}: {listed[0]!r} is no number of PubMed")
    doi = _DOI.search(paper[1]) if paper else None
    return ModelKey(organism, model, *(paper or ("", "")), doi[0] if doi else None, listed[0] if listed else None)


def _link(text: str, place: int) -> tuple[str, str] | None:
    if not text:
        return None
    found = _LINK.fullmatch(text)
    if found is None:
        raise FormatError(f"row {place}: {text[:80]!r} is no link")
    return found[1], found[2]
