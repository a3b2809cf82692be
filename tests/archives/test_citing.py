"""What is cited: valid BibTeX for every source, each work once, under a key that stays."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from astrobio.archives.citing import Citation, escaped
from astrobio.archives.describing import acknowledgements, bibtex
from astrobio.archives.registry import SOURCES
from astrobio.core.errors import UsageError

EVERYTHING = [citation for source in SOURCES.values() for citation in source.citations]
NEEDED = {"article": {"author", "title", "journal", "year"}, "book": {"author", "title", "publisher", "year"},
          "misc": {"title"}}  # fmt: skip
"""Fields that BibTeX's standard styles ask for (O. Patashnik, BibTeXing, 1988, section 3.1)."""


def entries(text: str) -> list[tuple[str, str, dict[str, str]]]:
    """Type, key and fields of each entry, read by counting braces as BibTeX does."""
    found, at = [], 0
    while head := re.compile(r"\s*@(\w+)\{([^\s,{}]+),\s*").match(text, at):
        fields, at = {}, head.end()
        while field := re.compile(r"\s*(\w+) = \{").match(text, at):
            begin = at = field.end()
            depth = 1
            while depth:
                if text[at] == "\\":
                    at += 1
                elif text[at] in "{}":
                    depth += 1 if text[at] == "{" else -1
                at += 1
            assert field[1] not in fields
            fields[field[1]] = text[begin : at - 1]
            at += 1 if text[at] == "," else 0
        end = re.compile(r"\s*\}").match(text, at)
        assert end, f"the entry {head[2]} does not end"
        at = end.end()
        found.append((head[1], head[2], fields))
    assert not text[at:].strip(), text[at : at + 80]
    return found


def test_all_sources_give_one_file_that_is_read_whole():
    text = bibtex(SOURCES.values())
    assert text.isascii()
    read = entries(text)
    assert [key for _, key, _ in read] == sorted({citation.key for citation in EVERYTHING})
    for kind, key, fields in read:
        assert NEEDED[kind] <= set(fields), key
        assert all(value.strip() for value in fields.values()), key
        for name in set(fields) - {"doi", "url", "eprint"}:
            assert not re.search(r"(?<!\\)[&%$#_]", fields[name]), (key, name)


def test_keys_are_author_and_year():
    for citation in EVERYTHING:
        assert re.fullmatch(r"[A-Z][A-Za-z]+([12][0-9]{3})?", citation.key), citation.key
        assert citation.key.endswith(str(citation.year or "")), citation.key


def test_dois_and_numbers_of_arxiv_are_well_formed():
    for citation in EVERYTHING:
        assert re.fullmatch(r"(10\.[0-9]{4,5}/[^\s{}\\%]+)?", citation.doi), citation.key
        assert re.fullmatch(r"([0-9]{4}\.[0-9]{4,5})?", citation.eprint), citation.key
        assert citation.address.startswith(("https://", "http://")) or citation.publisher, citation.key


def test_a_work_with_a_journal_has_a_doi():
    assert [citation.key for citation in EVERYTHING if citation.journal and not citation.doi] == []


def test_each_source_says_what_to_cite_or_what_to_acknowledge():
    neither = [one.name for one in SOURCES.values() if not one.citations and not one.acknowledgement]
    assert neither == []


def test_a_work_that_two_sources_name_stands_once():
    kegg = SOURCES["kegg"]
    twice = bibtex([kegg, replace(kegg, name="again")])
    assert twice == bibtex([kegg])
    assert twice.count("@article{Kanehisa2000,") == 1


def test_two_works_under_one_key_are_refused():
    kegg = SOURCES["kegg"]
    other = replace(kegg, name="other", citations=(replace(kegg.citations[0], title="Another"),))
    with pytest.raises(UsageError, match="two works have the key Kanehisa2000"):
        bibtex([kegg, other])


def test_nothing_to_cite_is_an_empty_file():
    assert bibtex([]) == ""


def test_the_order_of_the_sources_does_not_matter():
    assert bibtex(SOURCES.values()) == bibtex(reversed(SOURCES.values()))


def test_text_is_escaped():
    work = Citation("Made2026", ("Müller, Çağla", "Salt & Co"), "A 100 % pure_thing #1 costs 5 $", 2026)
    [(kind, _, fields)] = entries(work.bibtex)
    assert kind == "misc"
    assert fields["title"] == r"{A 100 \% pure\_thing \#1 costs 5 \$}"
    assert fields["author"] == r"M{\"u}ller, {\c C}a{\u g}la and {Salt \& Co}"
    with pytest.raises(UsageError, match="is not known to TeX"):
        escaped("½")
    with pytest.raises(UsageError, match="is not known to TeX"):
        escaped("a{b")


@pytest.mark.parametrize(
    ("authors", "year", "short"),
    [
        (("Rein, Hanno",), 2012, "Rein 2012"),
        (("Kanehisa, Minoru", "Goto, Susumu"), 2000, "Kanehisa & Goto 2000"),
        (("Wenger, M.", "others"), 2000, "Wenger et al. 2000"),
        (("openCOBRA",), None, "openCOBRA"),
    ],
)
def test_a_work_is_named_by_its_authors_and_year(authors, year, short):
    assert Citation("Key", authors, "Title", year).short == short


def test_sentences_of_acknowledgement_are_whole():
    said = acknowledgements(SOURCES.values())
    assert said["arXiv abstracts"] == "Thank you to arXiv for use of its open access interoperability."
    assert all(sentence.endswith(".") for sentence in said.values())
