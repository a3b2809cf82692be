"""Texts of a store: each once, with where it is from; what is dropped or taken out is listed."""

from __future__ import annotations

import random

import pytest

from astrobio.archives.registry import source
from astrobio.core.errors import DataMissing
from astrobio.datasets.text import Texts, collect, read_texts
from astrobio.fetch.engine import import_file
from astrobio.store import RealDataStorage
from astrobio.store.storage import Record
from tests.verify.bad_text import FILE, oai_page, offered, packed, rows


def record(product: str, digest: str = "d") -> Record:
    provenance = offered(product, f"{product}.file")
    return Record(digest * 64, 1, "curated", "arxiv", provenance.key, "group", "declared", provenance.to_json())


def texts_of(found, product: str = "abstracts") -> Texts:
    return collect([(record(product), packed(found))])


@pytest.fixture(scope="module")
def genuine(archive_mirror) -> Texts:
    return collect([(record("abstracts"), (archive_mirror / FILE).read_bytes())])


def test_the_genuine_abstracts_are_kept_but_for_those_that_come_again(genuine):
    assert genuine.counts() == {
        "kept": 8870, "dropped: near-duplicate": 2, "dropped: same text": 3, "cleaned: entities": 27,
        "cleaned: signature": 765,
    }  # fmt: skip
    assert [(one.id, one.kept, one.reason) for one in genuine.dropped] == [
        ("2502.05519", "2502.05513", "same text"), ("2511.14041", "2511.13436", "same text"),
        ("2512.10516", "2406.02961", "same text"), ("2507.08666", "2307.13047", "near-duplicate"),
        ("2607.00042", "2512.16160", "near-duplicate"),
    ]  # fmt: skip


def test_each_text_says_where_it_is_from(genuine):
    table = genuine.table()
    assert (table.height, table["id"].n_unique(), table["text"].n_unique()) == (8870, 8870, 8870)
    first = genuine.texts[0]
    assert (first.id, first.date, first.source, first.product) == ("2305.00019", "2023-05-02", "arxiv", "abstracts")
    assert (first.licence, first.categories) == ("CC0 1.0 (metadata)", ("astro-ph.HE", "astro-ph.GA"))
    assert len(first.record) == 64
    assert table["id"].to_list() == sorted(table["id"].to_list())


def test_lines_of_the_compiler_and_entities_are_out_of_the_texts(genuine):
    taken = {one.taken for one in genuine.cleaned if one.what == "signature"}
    assert not any(line in text.text for text in genuine.texts for line in taken if text.text.endswith(line))
    assert not any("&amp;" in part for text in genuine.texts for part in (text.title, text.authors, text.text))


def test_the_order_of_records_changes_nothing(archive_mirror):
    found = rows(archive_mirror)
    page = (record("oai", "a"), oai_page(found[10:30]))
    lines = (record("abstracts", "b"), packed(found[:20]))
    assert collect([page, lines]) == collect([lines, page])


def test_of_a_paper_that_came_by_two_ways_the_harvested_one_is_kept(archive_mirror):
    found = rows(archive_mirror)
    texts = collect([(record("abstracts", "b"), packed(found[:20])), (record("oai", "a"), oai_page(found[10:30]))])
    assert texts.counts() == {"kept": 30, "dropped: same paper": 10}
    assert {text.product for text in texts.texts if text.id in {row["id"] for row in found[10:20]}} == {"oai"}
    assert {one.record for one in texts.dropped} == {"b" * 64}


def test_texts_that_are_alike_are_dropped_whatever_their_order(archive_mirror):
    found = rows(archive_mirror)[:12]
    found[7]["abstract"] = found[2]["abstract"].replace("the", "this", 2)
    found[9]["abstract"] = found[2]["abstract"]
    expected = texts_of(found)
    assert [(one.id, one.kept, one.reason) for one in expected.dropped] == [
        (found[9]["id"], found[2]["id"], "same text"), (found[7]["id"], found[2]["id"], "near-duplicate"),
    ]  # fmt: skip
    assert 0.5 <= expected.dropped[1].overlap < 1
    for seed in range(5):
        shuffled = random.Random(seed).sample(found, len(found))
        assert texts_of(shuffled) == expected


def test_deleted_records_have_no_text(archive_mirror):
    assert collect([(record("oai"), oai_page(rows(archive_mirror, 3), deleted=4))]).counts() == {"kept": 3}


def test_the_texts_of_a_store_name_their_records(archive_mirror, tmp_path):
    path = tmp_path / "astro_ph_abstracts.jsonl.gz"
    path.write_bytes(packed(rows(archive_mirror)))
    storage = RealDataStorage(tmp_path / "store", create=True)
    assert import_file(storage, source("arxiv"), path).admitted == 1
    texts = read_texts(storage)
    [admitted] = storage.records()
    assert texts.counts()["kept"] == 60
    assert {(text.record, text.assurance) for text in texts.texts} == {(admitted.digest, "declared")}


def test_a_store_without_texts_says_what_to_do(tmp_path):
    with pytest.raises(DataMissing, match="no texts of arxiv"):
        read_texts(RealDataStorage(tmp_path / "store", create=True))
