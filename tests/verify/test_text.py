"""Abstracts: the genuine ones are admitted and their oddities noted, others refused by the check made for them."""

from __future__ import annotations

import gzip
import json

from hypothesis import given
from hypothesis import strategies as st

from astrobio.archives.registry import verify
from astrobio.verify.prose import broken_characters, likeness, page_markup, shingles, words
from astrobio.verify.text import signature
from astrobio.verify.verdict import Verdict
from tests.verify.bad_text import FILE, bad_text, oai_page, offered, packed, rows, truncated_text


def failing(verdict: Verdict) -> set[tuple[str, str]]:
    return {(one.gate, one.check) for one in verdict.findings if not one.passed and one.severity == "refuse"}


def flagged(verdict: Verdict) -> dict[str, str]:
    return {one.check: one.seen for one in verdict.findings if not one.passed and one.severity == "flag"}


def test_the_genuine_abstracts_are_admitted_and_their_oddities_noted(archive_mirror):
    verdict = verify((archive_mirror / FILE).read_bytes(), offered("abstracts", "abstracts.jsonl.gz"))
    assert verdict.admitted, verdict.render()
    assert verdict.counts == {"abstracts": 8875}
    flags = flagged(verdict)
    assert set(flags) == {"completeness", "signatures", "entities", "near-duplicates"}
    assert flags["signatures"].startswith("765 abstracts")
    assert flags["entities"].startswith("27 of 8875")
    assert flags["near-duplicates"].startswith("5 pairs")
    [latex] = [one.seen for one in verdict.findings if one.check == "LaTeX"]
    assert latex == "5310 of 8875 abstracts have it"


def test_a_page_of_papers_is_admitted(archive_mirror):
    page = oai_page(rows(archive_mirror), token="6511260|1001", deleted=2)
    verdict = verify(page, offered("oai", "page.xml"))
    assert verdict.admitted, verdict.render()
    assert verdict.counts == {"papers": 60}
    [seen] = [one.seen for one in verdict.findings if one.check == "records"]
    assert seen == "60 papers, 2 deleted"


def test_bad_files_are_refused_each_by_its_check(archive_mirror, ledger):
    files = bad_text(archive_mirror)
    assert len({bad.name + bad.product for bad in files}) == len(files) >= 55
    verdicts = {(bad.product, bad.name): (bad, verify(bad.content, bad.provenance())) for bad in files}
    wrong = {key: failing(verdict) for key, (bad, verdict) in verdicts.items()
             if (bad.gate, bad.check) not in failing(verdict)}  # fmt: skip
    ledger.refused(files, {name for _, name in wrong})
    assert wrong == {}


def test_files_that_were_cut_are_refused_by_their_format(archive_mirror):
    files = truncated_text(archive_mirror)
    assert len(files) == 300
    wrong = {bad.name: failing(verify(bad.content, bad.provenance())) for bad in files}
    assert {name: found for name, found in wrong.items() if found != {("format", "parsed whole")}} == {}


def test_a_file_with_fewer_lines_than_were_counted_is_refused(archive_mirror):
    provenance = offered("abstracts", "abstracts.jsonl.gz")
    provenance.detail["rows_counted"] = 60
    assert verify(packed(rows(archive_mirror)), provenance).admitted
    assert failing(verify(packed(rows(archive_mirror)[:-1]), provenance)) == {("transfer", "row count")}


def test_one_odd_record_of_many_is_noted_and_does_not_refuse(archive_mirror):
    found = rows(archive_mirror)
    found[7]["abstract"] = "Nous montrons que la masse de l'objet est plus petite que celle du soleil. " * 3
    verdict = verify(packed(found), offered("abstracts", "abstracts.jsonl.gz"))
    assert verdict.admitted, verdict.render()
    assert flagged(verdict)["English of each"] == f"1 of 60: {found[7]['id']}"
    found[8]["abstract"] = found[7]["abstract"] + "!"
    assert ("forensics", "English") in failing(verify(packed(found), offered("abstracts", "abstracts.jsonl.gz")))


def test_entities_that_stand_for_no_character_are_broken_text(archive_mirror):
    """The texts of the data set have characters for entities: those of none became replacement characters there."""
    found = rows(archive_mirror)
    for row in found[:2]:
        row["title"] = "Comple&#0;te " + row["title"]
    verdict = verify(packed(found), offered("abstracts", "abstracts.jsonl.gz"))
    assert failing(verdict) == {("forensics", "encoding")}


def test_late_papers_are_noted(archive_mirror):
    found = rows(archive_mirror)
    found[0]["announced"] = "2023-09-02"
    verdict = verify(packed(found), offered("abstracts", "abstracts.jsonl.gz"))
    assert verdict.admitted
    assert flagged(verdict)["announced in time"] == "1 of 60: 2305.00019"


def test_near_duplicates_are_told_with_both_names(archive_mirror):
    found = rows(archive_mirror)
    found[9]["abstract"] = found[4]["abstract"].replace("We", "Here we", 1)
    flags = flagged(verify(packed(found), offered("abstracts", "abstracts.jsonl.gz")))
    assert flags["near-duplicates"] == f"1 pairs: {found[4]['id']} and {found[9]['id']}"


def test_a_line_that_a_compiler_left_is_known_from_prose(archive_mirror):
    with gzip.open(archive_mirror / FILE, "rt", encoding="utf-8") as stream:
        lines = [signature(json.loads(line)["abstract"]) for line in stream]
    assert sum(bool(line) for line in lines) == 765
    assert len({line.rpartition(".")[0] for line in lines if line}) == 1
    assert signature("as shown by Smith (2019). 2023-05-19") == ""
    assert signature("measured by JWST (MIRI). 2023-05-19 was clear.") == ""


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_text_is_never_broken(text):
    assert broken_characters(text) == []


@given(st.text(alphabet="àéîõüçñßÅøµ°", min_size=1, max_size=8))
def test_text_that_was_decoded_wrongly_is_found(text):
    wrong = text.encode("utf-8").decode("latin-1")
    assert broken_characters(wrong) != []


FEW_WORDS = ["the", "mass", "of", "a", "star", "is", "small", "and", "we", "see", "it"]


@given(st.lists(st.lists(st.sampled_from(FEW_WORDS), min_size=1, max_size=12), max_size=8))
def test_likeness_is_that_of_comparing_each_pair(texts):
    sets = [set(shingles(text).tolist()) for text in texts]
    expected = {
        (first, second): len(sets[first] & sets[second]) / len(sets[first] | sets[second])
        for first in range(len(sets)) for second in range(first + 1, len(sets))
        if len(sets[first] & sets[second]) >= 0.5 * len(sets[first] | sets[second]) and sets[first] & sets[second]
    }  # fmt: skip
    found = {(first, second): overlap for first, second, overlap in likeness(texts, 0.5).pairs}
    assert found == expected


@given(st.text())
def test_any_text_has_words_and_markup_or_none(text):
    assert all(word.isalpha() and word == word.lower() for word in words(text))
    assert all(tag.startswith("<") for tag in page_markup(text))
