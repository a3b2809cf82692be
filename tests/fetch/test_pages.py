"""Answers page by page: all of them, agreeing with each other, or an error that says where they do not."""

from __future__ import annotations

import pytest

from astrobio.archives.asking import Pages
from astrobio.store import RealDataStorage
from tests.fetch.made import TAB, TAB_TABLE, fetch_one, held, left_over, made_source, names, product, register, said
from tests.fetch.services import PagedService, whole
from tests.loopback.messages import short

ROWS = [f"P{number:05d}\t{number}" for number in range(23)]
CURSOR = {"total_header": "X-Total-Results", "items": "lines"}
OFFSET = {"follow": "offset", "parameter": "start", "step": 5}


@pytest.fixture
def service(services) -> PagedService:
    service = PagedService("proteins", list(ROWS))
    services.serve("proteins", service)
    return service


@pytest.fixture
def asking(services, service):
    """Registers a source that asks this service in some way."""

    def register_it(name: str = "page-{page:03d}.tsv", judge=TAB_TABLE, **options) -> None:
        ask = Pages(services.url("proteins", query="start=0"), name, **options)
        register(made_source(product("proteins", ask, judge, table=TAB)))

    return register_it


@pytest.mark.parametrize("how", [CURSOR, OFFSET | CURSOR, OFFSET | {"items": "lines"}, {}], ids=str)
def test_all_pages_come_whichever_way_they_are_followed(asking, services, store, how):
    asking(**how)
    report = fetch_one(store)
    assert report.complete, said(report)
    assert report.counts == {"things": 23}
    assert names(store) == [f"proteins/page-{number:03d}.tsv" for number in range(1, 6)]
    assert len(services.requests) == 5
    assert fetch_one(store).requests == 0
    assert left_over(store) == []


def test_pages_of_json_are_counted_in_their_list(asking, service, store):
    service.as_json = True
    seen = []

    def judge(content, provenance):
        from astrobio.verify.gates import gates

        seen.append(provenance.detail["rows_counted"])
        return gates(lambda whole: whole)(content, provenance)

    asking("page-{page}.json", judge, **OFFSET, total_field="response.numFound", items="response.docs")
    assert fetch_one(store).admitted == 5
    assert seen == [5, 5, 5, 5, 3]


def test_the_headers_of_a_declaration_are_sent(asking, services, store):
    asking(headers={"Accept": "text/plain; format=tsv"}, **CURSOR)
    fetch_one(store)
    assert {request.headers["accept"] for request in services.requests} == {"text/plain; format=tsv"}


@pytest.mark.parametrize(
    ("how", "reason", "code"),
    [
        ({"total": 24}, "23 results came, and the service says that there are 24", 1),
        ({"drops": 2}, "22 results came, and the service says that there are 23", 1),
        ({"repeats": 2}, "page-003.tsv holds the same as page-002.tsv", 1),
        ({"loops": 1}, "the pages lead in a circle", 1),
        ({"elsewhere": "http://127.0.0.9:1"}, "the next page is said to be at another host", 4),
        ({"elsewhere": "http://[::1"}, "which is no address", 4),
        ({"total": "\u00b2"}, "no number of results in X-Total-Results", 4),
        ({"changes": 3}, "the number of results changes from 23 to 24", 1),
    ],
    ids=lambda value: str(value)[:40],
)
def test_pages_that_do_not_agree_leave_nothing(asking, service, store, how, reason, code):
    for name, value in how.items():
        setattr(service, name, value)
    asking(**CURSOR)
    report = fetch_one(store)
    assert reason in said(report)
    assert report.exit_code == code
    assert (held(store), left_over(store)) == ([], [])


def test_an_answer_that_changes_once_is_asked_for_again(asking, service, services, store):
    service.changes, service.again = 3, 1
    asking(**CURSOR)
    report = fetch_one(store)
    assert report.complete, said(report)
    assert len(services.requests) == 4 + 5


def test_pages_that_came_before_a_failure_are_not_asked_for_again(asking, service, services, store):
    asking(**CURSOR)

    def failing(request):
        if "start=10" in request.query and len(services.requests) < 8:
            return short(503, b"busy\n")
        return service(request)

    services.serve("proteins", failing)
    assert fetch_one(store).exit_code == 5
    services.serve("proteins", service)
    before = len(services.requests)
    assert fetch_one(store).complete
    assert [request.query for request in services.requests[before:]] == ["start=10", "start=15", "start=20"]


@pytest.mark.parametrize(
    ("how", "body", "reason"),
    [
        (CURSOR, b"id\tvalue\nP1\t1\n", "no number of results in X-Total-Results: None"),
        ({"total_field": "response.numFound", "items": "response.docs"}, b'{"error": "no"}', "no list response.docs"),
        ({"total_field": "total", "items": "docs"}, b'{"docs": []}', "no number of results in total"),
        ({"total_field": "total", "items": "docs"}, b"<html>", "HTML"),
        ({"total_field": "total", "items": "docs"}, b"[" * 200_000, "is no JSON"),
        ({"items": "lines"}, b"id\tvalue\n\xff\n", "no text in UTF-8"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_page_that_is_none_is_refused(asking, services, store, how, body, reason):
    asking(**how)
    services.serve("proteins", whole(body))
    report = fetch_one(store)
    assert reason in said(report)
    assert report.exit_code == 4
    assert held(store) == []


def test_a_page_that_its_gates_refuse_is_asked_for_again_next_time(asking, service, services, store):
    service.rows[7] = "P00007\t7\t8"
    asking(**CURSOR)
    report = fetch_one(store)
    assert "has 3 fields" in said(report)
    assert (report.admitted, len(report.refused)) == (4, 1)
    assert left_over(store) == []
    service.rows[7] = ROWS[7]
    report = fetch_one(store)
    assert (report.admitted, report.already, report.complete) == (1, 4, True)


def test_an_update_tells_which_rows_changed_over_all_pages(asking, service, store):
    asking(**CURSOR)
    fetch_one(store)
    service.rows.insert(0, "A0\t0")
    report = fetch_one(store, update=True)
    [change] = report.changes
    assert (change.of, change.added, change.removed, change.changed) == ("rows", 1, 0, 0)
    assert report.counts == {"things": 24}
    service.rows.pop(0)
    report = fetch_one(store, update=True)  # back to what was held before
    assert (report.admitted, report.counts, report.changes[0].removed) == (0, {"things": 23}, 1)
    assert fetch_one(store).requests == 0


def test_pages_without_end_are_given_up(services, service, asking, store):
    service.rows = [f"{number}\t0" for number in range(1000)]
    asking(most_pages=10, **CURSOR)
    assert "more than 10" in said(fetch_one(store))
    assert RealDataStorage(store).records() == []
