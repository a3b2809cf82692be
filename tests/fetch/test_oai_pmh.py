"""Harvests: every page once, in one piece, or an error that says what is wrong with the list."""

from __future__ import annotations

import pytest

from astrobio.archives.asking import OaiRecords
from astrobio.store import RealDataStorage
from tests.fetch.made import RECORDS, fetch_one, held, left_over, made_source, names, product, register, said
from tests.fetch.services import OaiRepository, whole
from tests.loopback.behaviours import CHALLENGE, Status
from tests.loopback.messages import short


@pytest.fixture
def repository(services) -> OaiRepository:
    """25 records, four a page, so seven pages."""
    repository = OaiRepository()
    ask = OaiRecords(services.serve("oai", repository), "physics:made", "arXiv", "2026-01-01")
    register(made_source(product("records", ask, RECORDS, least=25)))
    return repository


def tokens(services) -> list[str]:
    return [request.query.partition("resumptionToken=")[2] for request in services.requests]


def test_each_page_is_one_record_and_a_second_harvest_asks_nothing(repository, services, store):
    report = fetch_one(store)
    assert report.complete, said(report)
    assert report.counts == {"things": 25}
    assert names(store) == [f"records/page-{number:05d}.xml" for number in range(1, 8)]
    assert services.requests[0].query == (
        "verb=ListRecords&metadataPrefix=arXiv&set=physics%3Amade&from=2026-01-01"
    )  # fmt: skip
    assert tokens(services) == ["", *(f"t%2F{page}" for page in range(1, 7))]
    assert fetch_one(store).requests == 0
    assert left_over(store) == []


def test_a_harvest_that_died_goes_on_behind_the_last_page(repository, services, store):
    services.behave("oai", Status(500), Status(500))
    assert fetch_one(store).exit_code == 5
    services.behave("oai")
    repository.body[4] = b""  # the fifth page is empty: no document
    assert fetch_one(store).exit_code == 4
    before = len(services.requests)
    repository.body.clear()
    assert fetch_one(store).complete
    assert tokens(services)[before:] == ["t%2F4", "t%2F5", "t%2F6"]


def test_a_busy_repository_is_asked_again_when_it_says(repository, services, store):
    services.behave("oai", Status(503, retry_after="0"))
    assert fetch_one(store).complete
    assert tokens(services)[:3] == ["", "", "t%2F1"]


def test_a_token_that_has_expired_begins_the_harvest_anew(repository, services, store):
    repository.expires = {3: 1}
    report = fetch_one(store)
    assert report.complete, said(report)
    assert report.remarks == ["the token of a harvest that was under way had expired; it was begun anew"]
    assert len(services.requests) == 4 + 7
    assert len(held(store)) == 7


def test_a_token_that_is_never_accepted_ends_the_harvest(repository, store):
    repository.expires = {3: 10}
    report = fetch_one(store)
    assert "does not accept the token that it gave: expired" in said(report)
    assert report.exit_code == 4
    assert (held(store), left_over(store)) == ([], [])


@pytest.mark.parametrize(
    ("how", "reason", "code"),
    [
        ({"loops": 2}, "the list goes in a circle", 1),
        ({"repeats": 2}, "page 3 holds only records that came before", 1),
        ({"drops": (8, 9, 10, 11)}, "a page of the list has no records", 4),
        ({"short": 3}, "16 records came, and the list says that it has 25", 1),
        ({"size": 29}, "25 records came, and the list says that it has 29", 1),
        ({"error": "badArgument"}, "says badArgument: as it was told", 4),
        ({"body": {0: b"<html><title>Sign in</title></html>"}}, "an HTML page titled", 4),
        ({"body": {1: b'{"error": "too many requests"}'}}, "but begins with", 4),
        ({"body": {1: b"<OAI-PMH><ListRecords>"}}, "is no XML", 4),
        ({"body": {1: b"<sru/>"}}, "a document 'sru', not 'OAI-PMH'", 4),
        ({"body": {0: b"<OAI-PMH/>"}}, "no records and no error", 4),
        ({"body": {0: b'<!DOCTYPE a [<!ENTITY x "y">]><OAI-PMH>&x;</OAI-PMH>'}}, "declares a document type", 4),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_list_that_is_wrong_leaves_nothing(repository, store, how, reason, code):
    for name, value in how.items():
        setattr(repository, name, value)
    report = fetch_one(store)
    assert reason in said(report)
    assert report.exit_code == code
    assert held(store) == []


def test_pages_that_name_new_tokens_without_end_are_given_up(repository, services, store):
    repository.count, repository.size = 10**6, 10**6
    ask = OaiRecords(services.url("oai"), "physics:made", "arXiv", most_pages=20)
    register(made_source(product("records", ask, RECORDS)))
    assert "more than 20 pages" in said(fetch_one(store))
    assert held(store) == []


def test_a_size_that_is_estimated_is_remarked(repository, store):
    repository.size = 27
    report = fetch_one(store)
    assert report.complete
    assert report.remarks == ["25 records came, and the list says about 27"]


def test_a_size_that_is_no_number_is_none(repository, store):
    repository.size = "\u00b2"  # a digit to Unicode, and no number
    report = fetch_one(store)
    assert report.complete
    assert report.remarks == []


def test_records_without_any_match_are_none(repository, store):
    repository.error = "noRecordsMatch"
    report = fetch_one(store)
    assert "0 things, and at least 25 are expected" in said(report)
    assert report.exit_code == 1


def test_a_challenge_in_the_middle_keeps_what_came(repository, services, store):
    page = short(403, CHALLENGE, "text/html", cf_mitigated="challenge")
    services.serve("oai", lambda request: page if "t%2F2" in request.query else repository(request))
    report = fetch_one(store)
    assert report.exit_code == 4
    assert report.failures[0].command == "astrobio import made FILE --product records"
    services.serve("oai", repository)
    before = len(services.requests)
    assert fetch_one(store).complete
    assert tokens(services)[before] == "t%2F2"


def test_an_update_harvests_anew_and_counts_what_is_there_now(repository, store):
    fetch_one(store)
    repository.count, repository.stamp = 8, "2026-11-26T00:00:00Z"
    report = fetch_one(store, update=True)
    assert report.counts == {"things": 8}  # fewer than before: the last five pages are gone
    assert "8 things, and at least 25" in said(report)
    [change] = report.changes
    assert (change.of, change.removed, change.changed) == ("files", 5, 2)
    assert len(held(store)) == 9


def test_a_page_without_an_identifier_is_refused(services, repository, store):
    services.serve(
        "oai", whole(b"<OAI-PMH><ListRecords><record><header/></record></ListRecords></OAI-PMH>", "text/xml")
    )
    assert "a record has no identifier" in said(fetch_one(store))
    assert RealDataStorage(store).records() == []
