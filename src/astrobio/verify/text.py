"""Checks of papers' metadata and of their abstracts: identifiers, dates, language, markup, encoding, duplicates.

A fault of few records is noted beside the file; of more than one in a hundred it refuses the file, since then it is not
what it claims to be. Bounds marked *measured* come from 8,875 abstracts of astro-ph of May 2023 to August 2026.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from astrobio.core.provenance import Provenance
from astrobio.formats.oai import OaiPage
from astrobio.formats.papers import Paper, Papers
from astrobio.verify.gates import check_count
from astrobio.verify.prose import (
    broken_characters,
    character_entities,
    function_word_share,
    has_latex,
    letter_share,
    likeness,
    misplaced_determiners,
    page_markup,
    words,
)
from astrobio.verify.verdict import Findings

FIRST_DAY = date(1991, 8, 1)
"""arXiv began in August 1991 (Warner 2001, https://arxiv.org/abs/cs/0101027)."""
MOST_FAULTY = 0.01
"""Share of the records beyond which a fault refuses the file."""
FUNCTION_WORDS = 0.12
"""Least share of the commonest words of English in an abstract (measured: 0.169 at least)."""
LETTERS = 0.5
"""Least share of letters in an abstract (measured: 0.588 at least)."""
MISPLACED = 0.1
"""Share of all articles that may stand where none can (measured: 0.005; with their words shuffled: 0.31)."""
LEAST_ARTICLES = 50
"""Articles of a file from which on their places are judged."""
LENGTHS = (20, 6000)
"""Characters of an abstract (measured: 344 to 2,892; withdrawn papers have a line)."""
LATE_MONTHS = 1
"""Months from that of an identifier to that of its announcement (measured: 0 for 95 %, 1 for the rest)."""
ALIKE = 0.5
"""Overlap of shingles from which on two abstracts are near-duplicates (measured: 5 pairs, 3 of them the same text)."""
_CATEGORY = re.compile(r"[a-z][a-z-]*(?:\.[A-Za-z-]+)?")
_SIGNED = re.compile(r"\s+by \w+ \([^\W\d_]+(?: [^\W\d_]+){1,4}\)\. (\d{4}-\d\d-\d\d)$")


@dataclass(frozen=True)
class _Fault:
    """What may be wrong with a record: the check's name, what tells it, and what is expected."""

    check: str
    wrong: Callable[[Paper], bool]
    expected: str


_FAULTS = (
    _Fault("length", lambda paper: not LENGTHS[0] <= len(paper.abstract) <= LENGTHS[1],
           f"{LENGTHS[0]} to {LENGTHS[1]} characters"),
    _Fault("letters", lambda paper: letter_share(paper.abstract) < LETTERS, f"letters: a share of {LETTERS} at least"),
    _Fault("English", lambda paper: not _is_english(paper), f"a share of common words of {FUNCTION_WORDS} at least"),
    _Fault("markup of pages", lambda paper: bool(page_markup(paper.title + " " + paper.abstract)), "no tags of HTML"),
    _Fault("encoding", lambda paper: bool(broken_characters(html.unescape(_all_text(paper)))),
           "no replacement or control characters, no UTF-8 read as Windows-1252"),
)  # fmt: skip


def signature(abstract: str) -> str:
    """The line that a compiler of abstracts left at the end of one, as it stands there; empty where there is none.

    >>> signature("the LMC. by someone (A Name). 2023-05-19")
    'by someone (A Name). 2023-05-19'
    """
    found = _SIGNED.search(abstract)
    return found[0].strip() if found else ""


def check_abstracts(found: Findings, papers: Papers, provenance: Provenance) -> None:
    """The checks of a file of abstracts."""
    count = len(papers.papers) + len(papers.problems)
    found.counts["abstracts"] = len(papers.papers)
    for check, expected in (
        ("fields", "identifier, date, title, authors, subjects and abstract of each paper, as text"),
        ("dates", "dates as YYYY-MM-DD"),
    ):
        wrong = [what for name, what in papers.problems if name == check]
        found.note("schema", check, not wrong, "; ".join(wrong[:3]) or f"{count} lines", expected)
    check_count(found, provenance, count)
    signed = sum(bool(signature(paper.abstract)) for paper in papers.papers)
    found.flag("forensics", "signatures", signed == 0, f"{signed} abstracts end with a line of whoever compiled them",
               "abstracts alone")  # fmt: skip
    check_papers(found, papers.papers)


def check_page(prefix: str, within: str) -> Callable[[Findings, OaiPage, Provenance], None]:
    """The checks of a page of OAI-PMH.

    Parameters
    ----------
    prefix : str
        Metadata format that was asked for.
    within : str
        The set that was asked for; each record is in it, or in one below it.
    """

    def check(found: Findings, page: OaiPage, _provenance: Provenance) -> None:
        seen = f"{page.error}: {page.message[:120]}" if page.error else "none"
        if not found.note("transfer", "no error of the protocol", not page.error, seen, "records"):
            return
        papers = [record.paper for record in page.records if record.paper is not None]
        deleted = len(page.records) - len(papers)
        found.counts["papers"] = len(papers)
        found.note("schema", "records", bool(page.records), f"{len(papers)} papers, {deleted} deleted", "at least one")
        other = sorted({record.prefix for record in page.records if record.paper is not None} - {prefix})
        found.note("schema", "metadata format", not other, ", ".join(other) or prefix, prefix)
        out = [
            record.identifier for record in page.records if record.paper is not None and not _in(record.sets, within)
        ]
        found.note("schema", "set", len(out) <= MOST_FAULTY * len(papers), f"{len(out)} are not in it", within)
        named = [record.identifier for record in page.records
                 if record.paper is not None and record.identifier != f"oai:arXiv.org:{record.paper.id}"]  # fmt: skip
        found.note("schema", "identifiers of records", not named, ", ".join(named[:5]) or "those of their papers",
                   "the identifier of each paper")  # fmt: skip
        late = [record.identifier for record in page.records if record.datestamp > page.answered + timedelta(days=1)]
        found.note("physics", "datestamps", not late, f"{len(late)} after the answer", "none after the answer")
        if papers:
            check_papers(found, papers)

    return check


def _in(sets: Sequence[str], within: str) -> bool:
    return any(one == within or one.startswith(f"{within}:") for one in sets)


def check_papers(found: Findings, papers: Sequence[Paper]) -> None:
    """The checks of papers, wherever they are from."""
    found.note("schema", "papers", bool(papers), len(papers), "at least one")
    if not papers:
        return
    _check_identifiers(found, papers)
    _check_dates(found, papers)
    for fault in _FAULTS:
        wrong = [paper.id for paper in papers if fault.wrong(paper)]
        _note(found, "forensics", fault.check, wrong, len(papers), fault.expected)
    _check_order(found, papers)
    latex = sum(has_latex(paper.abstract) for paper in papers)
    found.flag("forensics", "LaTeX", True, f"{latex} of {len(papers)} abstracts have it", "formulas are kept")
    entities = [paper.id for paper in papers if character_entities(_all_text(paper))]
    found.flag("forensics", "entities", not entities, _some(entities, len(papers)), "characters, and not their names")
    _check_likeness(found, papers)


def _note(found: Findings, gate: str, check: str, wrong: list[str], count: int, expected: str) -> None:
    """Refuse where too many records are wrong, note where few are: one of ten or more is few."""
    seen = _some(wrong, count)
    few = len(wrong) <= MOST_FAULTY * count or (len(wrong) == 1 and count >= 10)
    found.note(gate, check, few, seen, f"{expected}, in {1 - MOST_FAULTY:.0%} of the records")  # type: ignore[arg-type]
    if wrong and few:
        found.flag(gate, f"{check} of each", False, seen, expected)  # type: ignore[arg-type]


def _some(wrong: Sequence[str], count: int) -> str:
    return f"{len(wrong)} of {count}" + (f": {', '.join(one[:40] for one in wrong[:5])}" if wrong else "")


def _check_identifiers(found: Findings, papers: Sequence[Paper]) -> None:
    wrong = [paper.id for paper in papers if paper.month is None]
    found.note("schema", "identifiers", not wrong, _some(wrong, len(papers)), "identifiers of arXiv")
    twice = [name for name, count in Counter(paper.id for paper in papers).items() if count > 1]
    found.note("schema", "identifiers once", not twice, _some(twice, len(papers)), "each paper once")
    odd = [paper.id for paper in papers
           if not paper.categories or not all(_CATEGORY.fullmatch(name) for name in paper.categories)]  # fmt: skip
    found.note("schema", "categories", not odd, _some(odd, len(papers)), "categories of arXiv, as astro-ph.EP")


def _check_dates(found: Findings, papers: Sequence[Paper]) -> None:
    last = datetime.now(UTC).date() + timedelta(days=1)
    days = [day for paper in papers for day in (paper.announced, paper.submitted) if day is not None]
    if not days:
        return
    inside = min(days) >= FIRST_DAY and max(days) <= last
    found.note("physics", "dates possible", inside, f"{min(days)} to {max(days)}", f"{FIRST_DAY} to today")
    early = [paper.id for paper in papers if (_months_after(paper) or 0) < 0]
    found.note("physics", "identifiers fit dates", len(early) <= MOST_FAULTY * len(papers), _some(early, len(papers)),
               "no paper announced before the month of its identifier, or sent after it")  # fmt: skip
    late = [paper.id for paper in papers if (_months_after(paper) or 0) > LATE_MONTHS]
    found.flag("physics", "announced in time", not late, _some(late, len(papers)),
               f"at most {LATE_MONTHS} month between identifier and date")  # fmt: skip


def _months_after(paper: Paper) -> int | None:
    """Months from that of the identifier to the announcement, or from the sending of the first version to it.

    An identifier is given when a paper is announced: it may be sent at the end of the month before.
    """
    if paper.month is None:
        return None
    number = paper.month[0] * 12 + paper.month[1]
    if paper.announced is not None:
        return paper.announced.year * 12 + paper.announced.month - number
    if paper.submitted is not None:
        return number - (paper.submitted.year * 12 + paper.submitted.month)
    return None


def _is_english(paper: Paper) -> bool:
    return function_word_share(words(paper.abstract)) >= FUNCTION_WORDS


def _all_text(paper: Paper) -> str:
    return " ".join((paper.title, paper.authors, paper.abstract))


def _check_order(found: Findings, papers: Sequence[Paper]) -> None:
    """Words that stand in no order: common words at random have articles before words that cannot follow them."""
    counts = [misplaced_determiners(words(paper.abstract)) for paper in papers]
    wrong, articles = sum(count[0] for count in counts), sum(count[1] for count in counts)
    if articles >= LEAST_ARTICLES:
        found.note("forensics", "order of words", wrong <= MISPLACED * articles, f"{wrong / articles:.3f} of the "
                   f"{articles} articles are misplaced", f"at most {MISPLACED}")  # fmt: skip


def _check_likeness(found: Findings, papers: Sequence[Paper]) -> None:
    copies = len(papers) - len({paper.abstract for paper in papers})
    few = copies <= MOST_FAULTY * len(papers)
    found.note("forensics", "copies", few, f"{copies} abstracts come again under another identifier",
               f"at most {MOST_FAULTY:.0%}")  # fmt: skip
    alike = likeness([words(paper.abstract) for paper in papers], ALIKE)
    pairs = [f"{papers[first].id} and {papers[second].id}" for first, second, _ in alike.pairs]
    found.flag("forensics", "near-duplicates", not pairs, f"{len(pairs)} pairs: {', '.join(pairs[:5])}" if pairs
               else "none", f"abstracts that share less than {ALIKE:.0%} of their runs of words")  # fmt: skip
    made = [papers[place].id for place in alike.templates]
    _note(found, "forensics", "texts of their own", made, len(papers), "no text that is mostly that of many others")
