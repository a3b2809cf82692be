"""The sources of climates and of texts: what they declare is what the index of a mirror says."""

from __future__ import annotations

import csv

import pytest

from astrobio.archives.asking import OaiRecords, StaticFile, StaticFiles
from astrobio.archives.registry import SOURCES
from astrobio.fetch.mirror import product_of
from astrobio.verify.thousandworlds import DIGEST

NAMES = ("arxiv", "cmip", "earth_climate", "exoplasim", "thousandworlds")


@pytest.fixture(scope="module")
def index(archive_mirror) -> dict[str, dict[str, str]]:
    with open(archive_mirror / "INDEX.csv", encoding="utf-8", newline="") as stream:
        return {row["path"]: row for row in csv.DictReader(stream)}


def test_each_saved_file_is_of_one_product_of_its_source_and_kind(index):
    for path, row in index.items():
        found = {name: product for name in NAMES if (product := product_of(SOURCES[name], path)) is not None}
        assert list(found) == ([row["source"]] if row["source"] in NAMES else []), path
        for product in found.values():
            assert product.kind == row["kind"], path


def test_sizes_are_those_of_the_saved_files(index):
    for name in NAMES:
        for product in SOURCES[name].products:
            sizes = [int(row["bytes"]) for path, row in index.items() if product_of(SOURCES[name], path) is product]
            assert not sizes or product.expected_bytes == sum(sizes), (name, product.name)


def test_files_at_fixed_addresses_are_pinned_to_the_digests_of_the_index(index):
    by_origin = {row["origin"]: row["sha256"] for row in index.values()}
    seen = 0
    for name in ("cmip", "earth_climate"):
        for product in SOURCES[name].products:
            assert isinstance(product.ask, StaticFile | StaticFiles)
            for file in product.ask.files if isinstance(product.ask, StaticFiles) else (product.ask,):
                repository, commit, path = _parts(file.url)
                assert by_origin[f"{repository}@{commit}:{path}"] == file.sha256
                assert file.name == path.rpartition("/")[2]
                seen += 1
    assert seen == 11


def _parts(url: str) -> tuple[str, str, str]:
    owner, repository, commit, path = url.removeprefix("https://raw.githubusercontent.com/").split("/", 3)
    return f"{owner}/{repository}", commit, path


def test_arxiv_is_asked_as_it_asks_for():
    arxiv = SOURCES["arxiv"]
    ask = arxiv.product("oai").ask
    assert isinstance(ask, OaiRecords)
    assert (ask.base, ask.set, ask.prefix) == ("https://oaipmh.arxiv.org/oai", "physics:astro-ph", "arXivRaw")
    assert (arxiv.interval, arxiv.connections) == (3.0, 1)


def test_thousandworlds_is_one_release_and_fetched_by_name_only():
    [product] = SOURCES["thousandworlds"].products
    assert isinstance(product.ask, StaticFile)
    assert (product.ask.sha256, product.default) == (DIGEST, False)


@pytest.mark.parametrize("name", NAMES)
def test_licences_and_duties_are_told(name):
    licence = SOURCES[name].licence
    assert licence.name
    assert licence.url.startswith("https://")
    assert licence.duties
    assert all(citation.key in citation.bibtex for citation in SOURCES[name].citations)
