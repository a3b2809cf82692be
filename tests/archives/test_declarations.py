"""What the sources declare, as a whole: sizes, politeness, queries, addresses, and what is not confirmed."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from urllib.parse import urlsplit

import pytest

from astrobio.archives.asking import TapQuery, address
from astrobio.archives.genuine import verified_on_genuine_bytes
from astrobio.archives.registry import SOURCES

PRODUCTS = [(source, product) for source in SOURCES.values() for product in source.products]
QUERIES = [
    pytest.param(source, product, id=f"{source.name}-{product.name}")
    for source, product in PRODUCTS
    if isinstance(product.ask, TapQuery)
]
MOST_BYTES = 5_000_000_000
RATES = {
    "arxiv": (1 / 3, 1),  # one request in 3 s, one connection: https://info.arxiv.org/help/api/tou.html
    "kegg": (3, 1),  # three a second: https://www.kegg.jp/kegg/rest/
    "bigg": (10, 1),  # ten a second: http://bigg.ucsd.edu/data_access
    "simbad": (5, 1),  # about five a second: astroquery, docs/simbad/simbad.rst
    "vizier": (5, 1),  # the same host's rule
    "ncbi_assemblies": (3, 1),  # three a second without a key: https://www.ncbi.nlm.nih.gov/books/NBK25497/
}
"""Requests a second that an archive's pages allow, and connections at once."""
PLAIN_HTTP = {
    "bigg": "answers by HTTP only",
    "exoplanet_eu": "the TAP service of the Paris Observatory names itself so",
    "irtf_spex": "the page of the observatory names itself so",
}
LEAST = {("nasa_exoplanet_archive", "pscomppars"): 5000, ("kegg", "pathways"): 500, ("mast", "x1d"): 1000,
         ("planet_runs", "planet_runs"): 450}  # fmt: skip


def test_what_is_fetched_unless_others_are_named_is_under_5_gb():
    assert sum(product.expected_bytes for _, product in PRODUCTS if product.default) < MOST_BYTES


def test_what_is_fetched_unless_others_are_named_has_a_size():
    unknown = [(source.name, product.name) for source, product in PRODUCTS
               if product.default and product.ask is not None and product.expected_bytes <= 0]  # fmt: skip
    assert unknown == []


def test_a_size_that_was_seen_is_not_far_off():
    """But of two tables, of which rows or columns were not seen."""
    for source, product in PRODUCTS:
        seen = [file for file in verified_on_genuine_bytes(source.name) if file.product == product.name]
        packed = any(file.path.endswith(".gz") for file in seen)
        if seen and not packed and product.name not in ("ps", "pscomppars"):
            held = sum(file.size for file in seen)
            assert held * 0.9 < product.expected_bytes < held * 1.7, (source.name, product.name, held)


@pytest.mark.parametrize("name", RATES)
def test_archives_are_asked_no_faster_than_they_allow(name):
    rate, connections = RATES[name]
    assert SOURCES[name].interval >= 1 / rate
    assert SOURCES[name].connections <= connections


def test_every_archive_that_is_asked_is_left_some_rest():
    for source, product in PRODUCTS:
        host = urlsplit(address(product.ask)).hostname if product.ask else None
        if host and host not in ("raw.githubusercontent.com", "huggingface.co"):
            assert source.interval >= 0.2, source.name


@pytest.mark.parametrize(("source", "product"), QUERIES)
def test_rows_are_counted_and_come_in_an_order_that_stays(source, product):
    ask = product.ask
    query = re.fullmatch(r"select (?P<columns>.+?) from (?P<rest>.+?) order by (?P<order>.+)", ask.adql)
    assert query, ask.adql
    columns = [name.strip(' "') for name in query["columns"].split(",")]
    assert columns == product.table.schema.names()
    assert len(set(columns)) == len(columns)
    order = [name.strip(' "') for name in query["order"].split(",")]
    assert set(order) <= set(columns)
    assert set(product.table.schema.key) <= set(order)
    assert ask.count == f"select count(*) from {query['rest']}"


@pytest.mark.parametrize(("source", "product"), QUERIES)
def test_the_row_limit_leaves_room(source, product):
    assert product.ask.most_rows >= 10 * product.least
    assert product.ask.longest >= 600


def test_counts_to_expect_at_least():
    for (source, product), least in LEAST.items():
        assert SOURCES[source].product(product).least == least


def _addresses(one: object) -> set[str]:
    """All addresses in a declaration."""
    if isinstance(one, str):
        return set(re.findall(r"https?://[^\s\"'<>),]+", one))
    if isinstance(one, tuple | list):
        return set().union(*(_addresses(part) for part in one))
    if is_dataclass(one) and not isinstance(one, type):
        return set().union(*(_addresses(getattr(one, part.name)) for part in fields(one)))
    return set()


def test_addresses_are_safe_where_the_archive_answers_safely():
    for source in SOURCES.values():
        plain = {found for found in _addresses(source) if found.startswith("http://")}
        assert bool(plain) == (source.name in PLAIN_HTTP), (source.name, plain)


def test_addresses_hold_no_credentials():
    for source in SOURCES.values():
        for found in _addresses(source):
            assert "@" not in urlsplit(found).netloc, found


def test_a_source_that_was_never_seen_says_what_is_not_confirmed():
    silent = [name for name, source in SOURCES.items()
              if not verified_on_genuine_bytes(name) and not source.unconfirmed]  # fmt: skip
    assert silent == []


def test_terms_to_accept_are_those_of_sources_that_are_not_passed_on():
    asked = [source for source in SOURCES.values() if source.licence.to_accept]
    assert [source.name for source in asked] == ["kegg"]
    assert not any(source.licence.redistributable for source in asked)


def test_tokens_are_read_from_variables_of_their_own():
    tokens = [source.token for source in SOURCES.values() if source.token]
    assert tokens == ["ADS_API_TOKEN"]
    assert "{token}" in SOURCES["ads"].token_header


def test_products_of_a_source_have_names_of_their_own():
    for source in SOURCES.values():
        names = [product.name for product in source.products]
        assert len(set(names)) == len(names)
        assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in names)
