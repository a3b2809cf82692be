"""Queries to TAP services, at once and by jobs: whole, or refused with the reason."""

from __future__ import annotations

import json

import pytest

from astrobio.archives.asking import TapQuery
from astrobio.fetch import tap
from astrobio.store import RealDataStorage
from tests.fetch.made import COMMA, COMMA_TABLE, fetch_one, held, left_over, made_source, names, product, register, said
from tests.fetch.services import TapService, redirected, whole
from tests.loopback.behaviours import Challenge, Forever, Page, Status

ROWS = [{"id": f"star {number}", "value": str(number * 1.5)} for number in range(40)]


@pytest.fixture
def service(services) -> TapService:
    service = TapService("tap", {"stars": [dict(row) for row in ROWS]})
    services.serve("tap", service)
    return service


@pytest.fixture
def query(services, service):
    """Registers a source that asks this service; returns a function of what the query is to be."""

    def asking(**options) -> None:
        values = {"count": "select count(*) from stars", **options}
        ask = TapQuery(services.url("tap"), "select id, value from stars", "stars.csv", **values)
        register(made_source(product("stars", ask, COMMA_TABLE, table=COMMA)))

    return asking


def paths(services) -> list[str]:
    return [f"{request.method} {request.path}" for request in services.requests]


def test_an_answer_is_counted_before_and_after_and_admitted(services, query, store):
    query()
    report = fetch_one(store)
    assert report.complete, said(report)
    assert report.counts == {"things": 40}
    assert paths(services) == ["GET tap/sync"] * 3
    [record] = RealDataStorage(store).records()
    detail = record.provenance.detail
    assert (detail["rows_counted"], detail["most_rows"]) == (40, 1_000_000)
    assert detail["adql"] == "select id, value from stars"
    assert record.assurance == "fetched"
    assert left_over(store) == []


def test_a_second_fetch_asks_nothing(services, query, store):
    query()
    fetch_one(store)
    before = len(services.requests)
    report = fetch_one(store)
    assert (report.complete, report.already, report.requests) == (True, 1, 0)
    assert len(services.requests) == before


def test_another_query_is_asked_although_the_old_answer_is_held(services, query, store):
    query()
    fetch_one(store)
    query(most_rows=500)
    assert fetch_one(store).requests == 0  # as many rows at most: the same answer
    ask = TapQuery(services.url("tap"), "select id from stars", "stars.csv")
    register(made_source(product("stars", ask, COMMA_TABLE)))
    report = fetch_one(store)
    assert "the file lacks value" in said(report)


@pytest.mark.parametrize("synchronous", [True, False])
def test_a_table_that_was_cut_unsaid_is_refused(service, query, store, synchronous):
    service.cut = 20
    query(synchronous=synchronous)
    report = fetch_one(store)
    assert "transfer: row count: 20 rows (expected the 40 that the service counts)" in said(report)
    assert report.exit_code == 4
    assert held(store) == []


def test_a_wrong_count_is_refused(service, query, store):
    service.miscount = 1
    query()
    assert "40 rows (expected the 41" in said(fetch_one(store))
    assert held(store) == []


def test_a_table_that_reaches_the_limit_is_refused_where_nothing_is_counted(query, store):
    query(most_rows=40, count=None)
    assert "not cut at the row limit: 40 rows" in said(fetch_one(store))
    query(most_rows=41, count=None)
    assert fetch_one(store).complete


def test_an_overflow_that_a_votable_tells_is_refused(query, store):
    query(format="votable", most_rows=10)
    report = fetch_one(store)
    assert "the answer was cut at 10 rows" in said(report)
    assert held(store) == []
    assert left_over(store) == []


def test_a_votable_comes_whole(service, query, store):
    from astrobio.core.provenance import Provenance
    from astrobio.verify.gates import gates

    query(format="votable")
    assert "parsed whole" in said(fetch_one(store))  # these gates take a CSV
    read = gates(lambda content: content)
    ask = TapQuery(service_url(service, query), "select id, value from stars", "stars.vot", format="votable")
    register(made_source(product("stars", ask, read)))
    report = fetch_one(store)
    assert report.admitted == 1
    assert isinstance(RealDataStorage(store).records()[0].provenance, Provenance)


def service_url(service, query) -> str:
    from astrobio.archives.registry import SOURCES

    return SOURCES["made"].products[0].ask.service


def test_an_error_that_a_votable_tells_is_said(service, query, store):
    service.error = "Incorrect ADQL query: stars <unknown>"
    query(count=None)
    report = fetch_one(store)
    assert "says: Incorrect ADQL query: stars &lt;unknown&gt;" in said(report)
    assert report.exit_code == 4


def test_a_table_that_grows_meanwhile_is_asked_for_again(service, query, store, services):
    service.grows = "stars"
    query()
    report = fetch_one(store)
    assert "the rows of stars.csv change while they are asked for (41, then 42)" in said(report)
    assert report.exit_code == 1
    assert held(store) == []
    service.grows = ""
    assert fetch_one(store).counts == {"things": 42}


@pytest.mark.parametrize(
    ("behaviour", "reason", "code"),
    [
        (Challenge(403), "proof that a human", 4),
        (Page("text/csv"), "HTML", 4),
        (Status(400), "400", 5),
        (Status(503), "503", 5),
    ],
    ids=repr,
)
def test_what_is_no_answer_is_said_with_what_to_do(services, query, store, behaviour, reason, code):
    services.behave("tap/sync", Forever(behaviour))
    query()
    report = fetch_one(store)
    [failure] = report.failures
    assert reason in failure.message
    assert report.exit_code == code
    if code == 4:
        assert failure.command == "astrobio import made FILE --product stars"
        assert "In a browser open http://127.0.0.1" in failure.by_hand
        assert "QUERY=select+id%2C+value+from+stars" in failure.by_hand
    assert held(store) == []


def test_a_count_that_is_no_number_is_refused(services, query, store):
    services.behave("tap/sync", Page("text/csv", b"count\nmany\n"))
    query()
    assert "asked how many rows there are it answers 'count many'" in said(fetch_one(store))


def test_a_job_is_made_waited_for_fetched_and_removed(service, services, query, store):
    query(synchronous=False)
    report = fetch_one(store)
    assert report.complete, said(report)
    seen = paths(services)
    assert seen.count("POST tap/async") == 1
    assert "POST tap/async/1/phase" in seen
    assert "GET tap/async/1/results/result" in seen
    assert "DELETE tap/async/1" in seen
    assert service.jobs == {}
    posted = next(request for request in services.requests if request.path == "tap/async")
    assert b"MAXREC=1000000" in posted.body
    assert b"FORMAT=csv" in posted.body
    assert report.requests == len(services.requests)
    assert left_over(store) == []


def test_a_fetch_that_died_goes_on_with_its_job(service, services, query, store):
    query(synchronous=False)
    services.behave("tap/async/1/results/result", Forever(Status(503)))
    report = fetch_one(store)
    assert report.exit_code == 5
    [kept] = [name for name in left_over(store) if name.endswith("/job")]
    assert json.loads((store / kept).read_bytes())["url"] == services.url("tap/async/1")
    services.behave("tap/async/1/results/result")
    assert fetch_one(store).complete
    assert service.made == 1
    assert left_over(store) == []


def test_a_job_that_the_service_has_forgotten_is_made_anew(service, services, query, store):
    query(synchronous=False)
    services.behave("tap/async/1/results/result", Forever(Status(503)))
    fetch_one(store)
    service.jobs.clear()
    assert fetch_one(store).complete
    assert service.made == 2


def test_a_result_that_came_before_a_kill_is_not_asked_for_again(service, services, query, store, monkeypatch):
    query(synchronous=False)
    monkeypatch.setattr(tap, "remove_job", _killed)
    with pytest.raises(KeyboardInterrupt):
        fetch_one(store)
    monkeypatch.undo()
    before = len(services.requests)
    assert fetch_one(store).complete
    assert not any("results" in path or "POST" in path for path in paths(services)[before:])


def _killed(_bringing) -> None:
    raise KeyboardInterrupt


JOB = (b'<uws:job xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0"><uws:jobId>1</uws:jobId><uws:phase>ERROR</uws:phase>'
       b"<uws:executionDuration>%s</uws:executionDuration></uws:job>")  # fmt: skip


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"ends": "ERROR"}, "the job ended as ERROR: no such column"),
        ({"ends": "ABORTED"}, "the job ended as ABORTED"),
        ({"forgets": True}, "no such job"),
        ({"description": b"<html>Just a moment</html>"}, "no job"),
        ({"description": b"not xml"}, "cannot be read"),
        ({"description": JOB % b" "}, "cannot be read"),
        ({"description": JOB % b"1e999"}, "the job ended as ERROR"),
        ({"description": JOB % b"thirty"}, "cannot be read"),
        ({"description": b"x" * (5 << 20)}, "longer than"),
        ({"location": "http://127.0.0.9:1/tap/async/1"}, "leads to another host"),
        ({"location": "http://[::1/tap/async/1"}, "which is no address"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_job_that_comes_to_nothing_is_said(service, query, store, how, reason):
    for name, value in how.items():
        setattr(service, name, value)
    query(synchronous=False)
    report = fetch_one(store)
    assert reason in said(report)
    assert report.exit_code in (4, 5)
    assert held(store) == []


def test_a_job_that_takes_too_long_is_gone_on_with_later(service, query, store):
    service.polls = 10**9
    query(synchronous=False, longest=0.02)
    report = fetch_one(store)
    assert "the job is not done after" in said(report)
    assert report.exit_code == 5
    service.polls = 0
    query(synchronous=False)  # the same question; only patience differs
    assert fetch_one(store).complete


def test_a_service_that_makes_no_job_is_refused(services, query, store):
    services.serve("tap/async", whole(b"<ok/>"))
    query(synchronous=False, count=None)
    assert "made no job" in said(fetch_one(store))
    services.serve("tap/async", redirected("/tap/async"))
    assert held(store) == []
    assert fetch_one(store).exit_code == 5


def test_an_update_brings_a_new_release_and_tells_which_rows_changed(service, query, store):
    query()
    fetch_one(store)
    rows = service.tables["stars"]
    rows[0]["value"] = "-1"
    del rows[1]
    rows.append({"id": "new", "value": "2"})
    report = fetch_one(store, update=True)
    [change] = report.changes
    assert (change.of, change.added, change.removed, change.changed) == ("rows", 1, 1, 1)
    assert change.examples == ["added: new", "removed: star 1", "changed: star 0"]
    assert names(store) == ["stars/stars.csv"] * 2
    assert report.counts == {"things": 40}
    again = fetch_one(store, update=True)
    assert (again.admitted, again.already, again.changes) == (0, 1, [])
