"""The engine: what is asked of whom, what a user must do first, what is told, and in which order."""

from __future__ import annotations

import errno
import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from astrobio.archives.asking import Entries, StaticFile, StaticFiles
from astrobio.archives.registry import SOURCES
from astrobio.core.errors import DataMissing, RefusedInput, UsageError
from astrobio.fetch import bringing, engine
from astrobio.fetch.engine import Fetcher, chosen, import_file
from astrobio.store import RealDataStorage, files
from tests.fetch.made import (
    COMMA,
    COMMA_TABLE,
    LICENCE,
    fetch,
    fetch_one,
    held,
    left_over,
    made_source,
    names,
    product,
    register,
    said,
)
from tests.fetch.services import EntryService
from tests.loopback.behaviours import Behaviour, Challenge, Forever, Status
from tests.loopback.messages import short

SECRET = "s3cret-t0ken-of-the-user"


@pytest.fixture
def files_of(services):
    """A function from names to a way of asking for files of these names, which the server has."""

    def asking(*wanted: str) -> StaticFiles:
        for name in wanted:
            services.put(name, f"ENTRY {name}\n".encode())
        return StaticFiles(tuple(StaticFile(services.url(name), name) for name in wanted))

    return asking


# -- what is meant --------------------------------------------------------------------------------------------------
def test_by_default_all_sources_are_meant_the_small_ones_first():
    sizes = [engine.expected_bytes(one) for one, _ in chosen([], mirrored=False)]
    assert sizes == sorted(sizes)
    assert "planet_runs" not in {one.name for one, _ in chosen([], mirrored=True)}


def test_the_default_selection_of_all_sources_is_under_5_gb():
    assert sum(engine.expected_bytes(one) for one in SOURCES.values()) < 5_000_000_000


def test_a_product_is_named_behind_its_source(files_of, store):
    register(made_source(product("a", files_of("a.txt")), product("b", files_of("b.txt")),
                         product("large", files_of("c.txt"), default=False)))  # fmt: skip
    fetch(store, "made/b")
    assert names(store) == ["b/b.txt"]
    fetch(store, "MADE")
    assert names(store) == ["a/a.txt", "b/b.txt"]
    fetch(store, "made/large", "made/a")
    assert names(store) == ["a/a.txt", "b/b.txt", "large/c.txt"]


def test_a_name_that_is_mistyped_is_answered_with_the_nearest(store):
    with pytest.raises(RefusedInput, match=r"'nasa_exoplanet' has no gates; did you mean nasa_exoplanet_archive"):
        fetch(store, "nasa_exoplanet")


def test_what_is_not_known_is_said(store):
    with pytest.raises(RefusedInput, match="'rumours' has no gates"):
        fetch(store, "rumours")
    with pytest.raises(UsageError, match="has no product 'x'; it has pscomppars"):
        fetch(store, "nasa_exoplanet_archive/x")


def test_sources_that_are_made_or_only_imported_are_skipped(store):
    register(made_source(product("a", None, isolated=True)))
    reports = fetch(store, "planet_runs", "made")
    assert [report.command for report in reports] == ["astrobio import shipped", "astrobio import made FILE"]
    assert [report.exit_code for report in reports] == [0, 0]
    assert not any(report.complete for report in reports)


# -- terms ----------------------------------------------------------------------------------------------------------
def test_nothing_is_asked_before_the_terms_are_accepted_and_the_journal_remembers(files_of, services, store):
    register(made_source(product("a", files_of("a.txt")), licence=replace(LICENCE, to_accept="academic use only")))
    report = fetch_one(store)
    assert report.skipped == "its terms are not accepted: academic use only"
    assert report.command == "astrobio fetch made --accept-terms made"
    assert services.requests == []
    Fetcher(RealDataStorage(store)).accept_terms(["MADE", "made"])
    assert [row["detail"]["terms"] for row in RealDataStorage(store).journal() if row["event"] == "accept_terms"] == [
        "academic use only"]  # fmt: skip
    assert fetch_one(store).complete


def test_terms_of_a_source_that_has_none_are_not_accepted(files_of, store):
    register(made_source(product("a", files_of("a.txt"))))
    with pytest.raises(UsageError, match="has no terms to accept"):
        Fetcher(RealDataStorage(store, create=True)).accept_terms(["made"])


# -- tokens ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def token_source(files_of, monkeypatch):
    """A source that wants a token."""
    monkeypatch.delenv("MADE_TOKEN", raising=False)
    one = made_source(product("a", files_of("a.txt", "b.txt")), token="MADE_TOKEN")
    return register(one)


def scan(folder: Path, word: str) -> list[str]:
    """Files below a folder, and names, that hold a word."""
    found = [path for path in folder.rglob("*") if word in path.name]
    return [str(path) for path in found] + [
        str(path) for path in folder.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]  # fmt: skip


def test_without_its_token_a_source_is_not_asked(token_source, services, store):
    report = fetch_one(store)
    assert (report.skipped, report.command) == ("it needs a token in MADE_TOKEN", "export MADE_TOKEN=...")
    assert services.requests == []
    register(replace(token_source, token_needed=False))
    assert fetch_one(store).complete


def test_a_token_is_sent_and_is_nowhere_else(token_source, services, store, monkeypatch, capsys):
    monkeypatch.setenv("MADE_TOKEN", SECRET)
    services.behave("b.txt", Forever(Status(403)))
    report = fetch_one(store)
    assert {request.headers["authorization"] for request in services.requests} == {f"Bearer {SECRET}"}
    assert report.failures[0].command == "export MADE_TOKEN=..."
    assert "the token in MADE_TOKEN is not accepted" in said(report)
    services.behave("b.txt")
    report = fetch_one(store)
    assert report.complete
    assert scan(store, SECRET) == []
    output = capsys.readouterr()
    assert SECRET not in output.out + output.err + repr(report.to_dict())


def test_a_header_of_its_own_carries_a_token_where_a_source_says_so(token_source, services, store, monkeypatch):
    monkeypatch.setenv("MADE_TOKEN", SECRET)
    register(replace(token_source, token_header="X-Api-Key: token {token}"))
    assert fetch_one(store).complete
    assert services.requests[0].headers["x-api-key"] == f"token {SECRET}"


def test_a_token_is_not_sent_to_another_host(services, store, monkeypatch):
    from tests.fetch.services import Services

    monkeypatch.setenv("MADE_TOKEN", SECRET)
    with Services(services.folder, ("127.0.0.2",)) as other:
        services.put("a.txt", b"ENTRY a\n")
        services.put("b.txt", b"ENTRY b\n")
        asked = StaticFiles((StaticFile(services.url("a.txt"), "a.txt"), StaticFile(other.url("b.txt"), "b.txt")))
        register(made_source(product("a", asked), token="MADE_TOKEN"))
        assert fetch_one(store).complete
        assert "authorization" in services.requests[0].headers
        assert "authorization" not in other.requests[0].headers


@pytest.mark.parametrize("where", ["body", "header", "long body"])
def test_an_answer_that_repeats_the_token_is_thrown_away(token_source, services, store, monkeypatch, where):
    monkeypatch.setenv("MADE_TOKEN", SECRET)
    body = {"body": f"ENTRY {SECRET}\n", "long body": "ENTRY " + "x" * 3_000_000 + SECRET}.get(where, "ENTRY\n")

    def told(request):
        return short(200, body.encode(), **({"x_you": SECRET} if where == "header" else {}))

    services.serve("b.txt", told)
    (services.folder / "b.txt").unlink()
    report = fetch_one(store)
    assert "the answer repeats the token that was sent" in said(report)
    assert (report.exit_code, scan(store, SECRET)) == (4, [])


# -- politeness -----------------------------------------------------------------------------------------------------
class _Slow(Behaviour):
    """Answers when others had the time to be there, too."""

    async def answer(self, exchange):
        import asyncio

        await asyncio.sleep(0.02)
        await exchange.send(exchange.right())


def test_requests_keep_their_distance_and_their_number(files_of, services, store):
    wanted = [f"{number}.txt" for number in range(12)]
    ask = files_of(*wanted)
    for name in wanted:
        services.behave(name, _Slow())
    register(made_source(product("a", ask), interval=0.03, connections=2))
    assert fetch_one(store).complete
    assert elapsed(services) > 0.9 * 0.03 * (len(services.requests) - 1)
    assert services.peak_over_all <= 2


def elapsed(services) -> float:
    """Seconds between the arrivals of the first and the last request."""
    return sum(services.intervals())


def test_job_control_keeps_the_same_distance(services, store):
    from astrobio.archives.asking import TapQuery
    from tests.fetch.services import TapService

    service = TapService("tap", {"stars": [{"id": "a", "value": "1"}]})
    ask = TapQuery(services.serve("tap", service), "select id, value from stars", "stars.csv",
                   count="select count(*) from stars", synchronous=False)  # fmt: skip
    register(made_source(product("stars", ask, COMMA_TABLE), interval=0.03))
    assert fetch_one(store).complete
    assert len(services.requests) > 8
    assert elapsed(services) > 0.9 * 0.03 * (len(services.requests) - 1)


@dataclass
class _AfterWords(Behaviour):
    """Answers when something was told twice: by the fetch that asks, and by one that waits for it."""

    told: list

    async def answer(self, exchange):
        import asyncio

        while len(self.told) < 2:
            await asyncio.sleep(0.005)
        await exchange.send(exchange.right())


# -- failures -------------------------------------------------------------------------------------------------------
def test_a_product_that_fails_holds_up_no_other_unless_the_host_answers_nothing(files_of, services, store):
    register(made_source(*(product(name, files_of(f"{name}.txt")) for name in ("a", "b", "c"))))
    services.behave("a.txt", Forever(Status(404)))
    report = fetch_one(store)
    assert [failure.product for failure in report.failures] == ["a"]
    assert names(store) == ["b/b.txt", "c/c.txt"]
    register(made_source(*(product(name, files_of(f"{name}.txt")) for name in ("d", "e")), name="other"))
    services.behave("d.txt", Forever(Challenge(403)))
    report = fetch_one(store, "other")
    assert [failure.product for failure in report.failures] == ["d"]
    assert services.seen("e.txt") == []


def test_a_source_that_is_not_there_is_told_and_the_next_one_asked(files_of, store):
    register(made_source(product("a", StaticFile("http://127.0.0.1:1/a.txt", "a.txt")), name="gone"))
    register(made_source(product("b", files_of("b.txt"))))
    gone, made = fetch(store, "gone", "made")
    assert (gone.exit_code, made.exit_code) == (5, 0)
    assert gone.failures[0].command == "astrobio fetch gone"


def test_too_few_are_told(files_of, store):
    register(made_source(product("a", files_of("a.txt"), least=2)))
    report = fetch_one(store)
    assert said(report) == "1 things, and at least 2 are expected"
    assert (report.exit_code, report.failures[0].command) == (1, "astrobio fetch made --update")


def test_an_interrupt_leaves_what_came_to_go_on_with(services, store, monkeypatch):
    entries = {f"e{number:03d}": f"ENTRY {number}\n".encode() for number in range(100)}
    services.serve("list", EntryService("list", entries))
    services.serve("kegg", EntryService("kegg", entries))
    ask = Entries(services.url("kegg/list"), r"(?m)^(e\d+)", services.url("kegg/get/") + "{id}", "{id}.txt")
    register(made_source(product("entries", ask)))
    monkeypatch.setattr(bringing, "note", _interrupted(bringing.note, 50))
    with pytest.raises(KeyboardInterrupt):
        fetch(store)
    monkeypatch.undo()
    assert len(held(store)) == 32
    asked = len(services.requests)
    report = fetch_one(store)
    assert report.complete
    assert len(held(store)) == 100
    assert len(services.requests) - asked <= 1 + 100 - 50 + 1
    assert left_over(store) == []


def _interrupted(real, at: int):
    calls = []

    def note(outcome):
        calls.append(outcome)
        if len(calls) > at:
            raise KeyboardInterrupt
        return real(outcome)

    return note


# -- the disk -------------------------------------------------------------------------------------------------------
def test_a_full_disk_loses_nothing_that_was_admitted_and_stops_the_fetch(files_of, store, monkeypatch):
    register(made_source(product("a", files_of("a.txt")), product("b", files_of("b.txt"))))
    register(made_source(product("c", files_of("c.txt")), name="later"))
    real = files.write_synced
    for place in range(1, 6):
        calls = []

        def full(path, content, calls=calls, place=place):
            calls.append(path)
            if len(calls) > place:
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
            real(path, content)

        monkeypatch.setattr(files, "write_synced", full)
        before = held(store) if store.exists() else []
        made, later = fetch(store, "made", "later")
        assert "disk of the store" in said(made) or "disk of the store" in said(later)
        if said(made):
            assert later.skipped == "the store cannot be written"
        monkeypatch.setattr(files, "write_synced", real)
        assert set(before) <= set(held(store))
        assert RealDataStorage(store).verify(deep=True).sound
        if said(later):
            break
    assert all(report.complete for report in fetch(store, "made", "later"))
    assert len(held(store)) == 3
    assert left_over(store) == []


@pytest.mark.parametrize("function", ["write_whole", "mkdir"])
def test_a_full_disk_below_the_transfer_is_told_too(files_of, store, monkeypatch, function):
    register(made_source(product("a", files_of("a.txt"))))
    RealDataStorage(store, create=True)

    def full(*_arguments, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        if function == "write_whole":
            patch.setattr(bringing, "write_whole", full)
        else:
            real = Path.mkdir
            patch.setattr(Path, "mkdir", lambda self, *a, **o: full() if self.name[:2] == "a-" else real(self, *a, **o))
        report = fetch_one(store)
    assert "the disk of the store" in said(report)
    assert report.exit_code == 1
    assert fetch_one(store).complete


# -- several at once ------------------------------------------------------------------------------------------------
def test_another_fetch_of_the_same_source_is_waited_for(files_of, services, store):
    ask = files_of(*(f"{number}.txt" for number in range(40)))
    register(made_source(product("a", ask)))
    told, reports = [], []
    services.behave("0.txt", _AfterWords(told))

    def work():
        reports.extend(fetch(store, tell=told.append))

    RealDataStorage(store, create=True)
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(report.complete for report in reports)
    assert sorted(report.admitted for report in reports) == [0, 40]
    assert len(services.requests) == 40
    assert "Made made: another fetch of it is under way; waiting for its end" in told


def test_what_a_killed_process_held_is_swept(files_of, store):
    register(made_source(product("a", files_of("a.txt"))))
    storage = RealDataStorage(store, create=True)
    left = files.temporary(storage.root / "partial", "x")
    left = left.with_suffix(f".{_ended_process()}")
    left.write_bytes(b"half")
    fetch(store)
    assert left_over(store) == []


def _ended_process() -> int:
    process = os.fork() if hasattr(os, "fork") else pytest.skip("fork")
    if process == 0:
        os._exit(0)
    os.waitpid(process, 0)
    return process


# -- imports --------------------------------------------------------------------------------------------------------
@pytest.fixture
def table_source(services):
    services.put("table.csv", b"id,value\na,1\nb,2\n")
    ask = StaticFile(services.url("table.csv"), "table.csv")
    return register(made_source(product("table", ask, COMMA_TABLE, table=COMMA, saved_as=("made/Saved*.csv",))))


def test_a_file_that_a_user_saved_stands_for_the_one_that_is_not_served(table_source, services, store, tmp_path):
    services.behave("table.csv", Forever(Challenge(403)))
    report = fetch_one(store)
    [failure] = report.failures
    assert failure.command == "astrobio import made FILE --product table"
    assert f"open {services.url('table.csv')}" in failure.by_hand
    saved = tmp_path / "Saved 1.csv"
    saved.write_bytes(b"id,value\na,1\nb,2\n")
    admitted = import_file(RealDataStorage(store), table_source, saved)
    assert admitted.admitted == 1
    [record] = RealDataStorage(store).records()
    assert (record.assurance, record.key.partition("#")[0]) == ("declared", "table/Saved 1.csv")
    before = len(services.requests)
    report = fetch_one(store)
    assert (report.complete, report.counts, len(services.requests)) == (True, {"things": 2}, before)


def test_a_saved_table_that_is_cut_is_refused_and_the_whole_one_stays(table_source, store, tmp_path):
    whole, cut = tmp_path / "Saved 1.csv", tmp_path / "Saved 2.csv"
    whole.write_bytes(b"id,value\na,1\nb,2\n")
    cut.write_bytes(b"id,value\na,1\n")
    one = register(replace(table_source, products=(replace(table_source.products[0], least=2),)))
    storage = RealDataStorage(store, create=True)
    assert import_file(storage, one, whole).admitted == 1
    report = import_file(storage, one, cut)
    assert report.rejected[0][1].reasons == ["transfer: as much as the archive has: 1 things (expected at least 2)"]
    assert engine.held_counts(storage, one) == {"things": 2}


def test_a_table_that_comes_cut_is_refused(table_source, services, store):
    register(replace(table_source, products=(replace(table_source.products[0], least=3),)))
    report = fetch_one(store)
    assert (report.complete, report.admitted) == (False, 0)
    assert report.refused[0][1] == ["transfer: as much as the archive has: 2 things (expected at least 3)"]


def test_of_several_files_one_may_hold_little(files_of, store):
    register(made_source(product("a", files_of("a.txt", "b.txt"), least=2)))
    assert fetch_one(store).complete


def test_a_file_that_is_not_there_is_missing(table_source, store, tmp_path):
    with pytest.raises(DataMissing, match=r"there is no file .*none\.csv"):
        import_file(RealDataStorage(store, create=True), table_source, tmp_path / "none.csv")


def test_the_same_bytes_from_the_archive_are_there_already(table_source, store, tmp_path):
    saved = tmp_path / "Saved 1.csv"
    saved.write_bytes(b"id,value\na,1\nb,2\n")
    import_file(RealDataStorage(store, create=True), table_source, saved)
    report = fetch_one(store, update=True)
    assert (report.complete, report.admitted, report.already) == (True, 0, 1), said(report)


def test_of_two_saved_releases_the_newer_is_counted(table_source, store, tmp_path, monkeypatch):
    storage = RealDataStorage(store, create=True)
    for number, text in enumerate([b"id,value\na,1\nb,2\n", b"id,value\na,1\n"]):
        saved = tmp_path / f"Saved {number}.csv"
        saved.write_bytes(text)
        monkeypatch.setattr("astrobio.fetch.saved.now", lambda number=number: f"2026-11-2{number}T00:00:00Z")
        import_file(storage, table_source, saved)
    assert engine.held_counts(storage, table_source) == {"things": 1}


def test_a_file_whose_product_cannot_be_told_is_asked_about(files_of, store, tmp_path):
    one = register(made_source(product("a", files_of("a.txt"), saved_as=("made/a*",)), product("b", files_of("b.txt"))))
    saved = tmp_path / "x.txt"
    saved.write_bytes(b"ENTRY x\n")
    storage = RealDataStorage(store, create=True)
    with pytest.raises(UsageError, match="x.txt may be any product of Made made: a, b"):
        import_file(storage, one, saved)
    assert import_file(storage, one, saved, "b").admitted == 1
    assert import_file(storage, one, saved.rename(tmp_path / "a1.txt"), None).rejected  # the same bytes once more


def test_a_deleted_source_is_asked_for_again(files_of, store):
    register(made_source(product("a", files_of("a.txt"))))
    fetch(store)
    RealDataStorage(store).delete_source("made")
    report = fetch_one(store)
    assert (report.admitted, report.requests) == (1, 1)


# -- without a network ----------------------------------------------------------------------------------------------
def test_where_no_host_is_reached_the_other_sources_are_not_tried(store, services, free_port):
    closed = StaticFiles((StaticFile(f"http://127.0.0.1:{free_port}/a.txt", "a.txt"),))
    for name in ("first", "second", "third", "fourth"):
        register(made_source(product("a", closed), name=name))
    reports = fetch(store, "first", "second", "third", "fourth")
    assert [bool(one.failures) for one in reports] == [True, True, True, False]
    assert reports[3].skipped == "no host of 3 sources in a row was reached, as if this machine had no network"
    assert reports[3].command == "astrobio fetch fourth"
    assert [one.exit_code for one in reports[:3]] == [5, 5, 5]


def test_one_source_that_is_reached_between_them_says_that_there_is_a_network(store, files_of, free_port):
    closed = StaticFiles((StaticFile(f"http://127.0.0.1:{free_port}/a.txt", "a.txt"),))
    for name in ("first", "second", "fourth", "fifth"):
        register(made_source(product("a", closed), name=name))
    register(made_source(product("a", files_of("a.txt")), name="third"))
    reports = fetch(store, "first", "second", "third", "fourth", "fifth")
    assert [one.skipped for one in reports] == [None] * 5
    assert [bool(one.failures) for one in reports] == [True, True, False, True, True]
