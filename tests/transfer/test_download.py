"""Files come whole, within the limits of their hosts, go on where they broke off, and say nothing that is secret."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import signal
import stat
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrobio.core.errors import UsageError
from astrobio.transfer import HostLimit, Request, Session, Settings, download
from tests.loopback.authority import Authority
from tests.loopback.behaviours import (
    CloseInBody,
    Encoded,
    Forever,
    Redirect,
    StallBeforeHead,
    StallInBody,
    Status,
    Well,
)
from tests.loopback.proxy import LoopbackProxy
from tests.loopback.server import LoopbackServer, addresses
from tests.transfer.fetching import PATIENT, child, everything_said, fetch, names, noise, read_until, run, sha256

MEBIBYTE = 1 << 20
RANGES = replace(PATIENT, range_bytes=8 * MEBIBYTE, piece_bytes=2 * MEBIBYTE, file_connections=4)
posix = pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")

# A process that fetches what the JSON of its first argument says, under the settings of the second.
FETCH = """
    import json, sys
    from pathlib import Path
    from astrobio.transfer import HostLimit, Request, download
    from dataclasses import replace
    from tests.transfer.fetching import PATIENT
    requests = [Request(url, Path(path)) for url, path in json.loads(sys.argv[1])]
    settings = replace(PATIENT, **json.loads(sys.argv[2]))
    def tell(now):
        print(now.received, flush=True)
    for outcome in download(requests, settings, tell):
        print("error:" if outcome.error else "right:", outcome.error or outcome.resumed_from, flush=True)
"""


# Ordinary fetches


def test_a_file_comes_with_what_the_answer_said(server, folder):
    content = b"name,period\na,1\n"
    file = server.put("tables/planets.csv", content)
    url = server.url("tables/planets.csv", query="format=csv")
    outcome = fetch(url, folder / "planets.csv", Settings()).check()
    assert outcome.path == folder / "planets.csv"
    assert outcome.path.read_bytes() == content
    assert (outcome.size, outcome.sha256, outcome.status, outcome.url) == (16, sha256(content), 200, url)
    assert outcome.etag == f'"{16:x}-{file.stat().st_mtime_ns:x}"'
    assert outcome.headers["etag"] == outcome.etag
    assert outcome.headers["last-modified"] == outcome.last_modified
    assert outcome.last_modified.endswith(" GMT")
    assert outcome.content_type == "text/csv"
    assert outcome.length_declared
    assert not outcome.not_modified
    assert outcome.resumed_from == 0
    [attempt] = outcome.attempts
    assert (attempt.url, attempt.status, attempt.error, attempt.received) == (url, 200, None, 16)
    assert outcome.error is None
    assert outcome.check() is outcome
    assert names(folder) == {"planets.csv"}


NAMES = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters='/\\:*?"<>|'), min_size=1, max_size=40
).filter(lambda name: name.strip(" .") and not name.startswith(("~", "-")) and len(name.encode()) < 200)


@settings(max_examples=25)
@given(st.dictionaries(NAMES, st.integers(0, 300_000), max_size=12, dict_class=dict), st.integers(0, 2**32))
def test_files_of_any_name_and_size_come_byte_for_byte(loopback, wanted, seed):
    with tempfile.TemporaryDirectory() as place:
        folder, files = Path(place), {name.casefold(): (name, noise(size, seed)) for name, size in wanted.items()}
        requests = []
        for number, (name, content) in enumerate(files.values()):
            loopback.put(f"{seed}/{name}", content)
            url = loopback.url(f"{seed}/{name}", host=number % 3)
            requests.append(Request(url, folder / name, sha256=sha256(content) if number % 2 else None))
        outcomes = download(requests, PATIENT)
        assert [outcome.request for outcome in outcomes] == requests
        for outcome, (_, content) in zip(outcomes, files.values(), strict=True):
            if content:
                assert outcome.check().path.read_bytes() == content
                assert (outcome.size, outcome.sha256) == (len(content), sha256(content))
            else:
                assert outcome.error.reason == "empty"
        assert len(names(folder)) == sum(bool(content) for _, content in files.values())


@pytest.fixture(scope="module")
def loopback(tmp_path_factory):
    """A server for tests that run many times."""
    with LoopbackServer(tmp_path_factory.mktemp("served"), addresses(3)) as server:
        yield server


def test_no_requests_have_no_outcomes():
    assert download([]) == []


def test_a_failure_stays_with_its_file(server, folder):
    for number in range(20):
        server.put(f"{number}.csv", b"a,b\n%d,2\n" % number)
        if number % 3 == 0:
            server.behave(f"{number}.csv", Forever(Status(404)))
    requests = [Request(server.url(f"{number}.csv"), folder / f"{number}.csv") for number in range(20)]
    outcomes = download(requests, PATIENT)
    for number, outcome in enumerate(outcomes):
        assert (outcome.error is not None) == (number % 3 == 0)
        assert outcome.request == requests[number]
    assert names(folder) == {f"{number}.csv" for number in range(20) if number % 3}


def test_headers_of_a_request_are_sent(server, folder):
    server.put("a.csv", b"a\n1\n")
    fetch(server.url("a.csv"), folder / "a.csv", replace(PATIENT, user_agent="me/1"), headers={"X-Own": "yes"}).check()
    [seen] = server.requests
    assert (seen.headers["user-agent"], seen.headers["x-own"]) == ("me/1", "yes")
    assert seen.headers["accept-encoding"] == "identity"
    assert "cookie" not in seen.headers
    assert "referer" not in seen.headers


def test_a_program_names_itself_unless_told_otherwise(server, folder):
    server.put("a.csv", b"a\n1\n")
    fetch(server.url("a.csv"), folder / "a.csv", Settings()).check()
    assert server.requests[0].headers["user-agent"].startswith("astrobio/")


def test_compression_is_asked_for_and_undone(server, folder):
    content = b"a,b\n" + b"1,2\n" * 10_000
    server.put("a.csv", content)
    server.behave("a.csv", Forever(Encoded()))
    outcome = fetch(server.url("a.csv"), folder / "a.csv", compressed=True, sha256=sha256(content)).check()
    assert server.requests[0].headers["accept-encoding"] == "gzip"
    assert outcome.path.read_bytes() == content
    assert outcome.attempts[0].received < 1000


@pytest.mark.parametrize("name", ["a.csv.gz", "a.tgz", "A.GZ"])
def test_a_compressed_file_is_kept_as_it_was_sent(server, folder, name):
    """Servers send such files with Content-Encoding: gzip; what was asked for is the file."""
    server.put(name, b"a,b\n1,2\n" * 100)
    server.behave(name, Encoded())
    outcome = fetch(server.url(name), folder / name).check()
    assert gzip.decompress(outcome.path.read_bytes()) == b"a,b\n1,2\n" * 100


@pytest.mark.parametrize("content_type", ["text/csv", "application/fits", "application/json", "text/xml", "image/fits"])
def test_a_compressed_file_may_have_the_type_of_what_it_holds(server, folder, content_type):
    """Apache sends planets.csv.gz as text/csv under Content-Encoding: x-gzip."""
    server.put("a.csv.gz", b"a,b\n1,2\n" * 100)
    server.behave("a.csv.gz", Encoded("x-gzip", content_type=content_type))
    outcome = fetch(server.url("a.csv.gz"), folder / "a.csv.gz").check()
    assert gzip.decompress(outcome.path.read_bytes()) == b"a,b\n1,2\n" * 100


def test_a_file_may_be_read_by_those_whom_the_umask_lets(server, folder):
    server.put("a.csv", b"a\n1\n")
    umask = os.umask(0o027)
    try:
        path = fetch(server.url("a.csv"), folder / "a.csv").check().path
    finally:
        os.umask(umask)
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_outcomes_can_be_sent_to_another_process(server, folder):
    server.put("a.csv", b"a\n1\n")
    for url in (server.url("a.csv"), server.url("none.csv")):
        outcome = fetch(url, folder / "a.csv")
        again = pickle.loads(pickle.dumps(outcome))
        assert replace(again, error=None) == replace(outcome, error=None)
        assert (str(again.error), getattr(again.error, "reason", None)) == (
            str(outcome.error),
            getattr(outcome.error, "reason", None),
        )


# Conditional requests


def test_a_copy_that_is_current_is_not_fetched_again(server, folder):
    server.put("a.csv", b"a\n1\n")
    first = fetch(server.url("a.csv"), folder / "a.csv").check()
    before = (folder / "a.csv").stat()
    for known in ({"etag": first.etag}, {"last_modified": first.last_modified}):
        outcome = fetch(server.url("a.csv"), folder / "a.csv", **known).check()
        assert (outcome.not_modified, outcome.status, outcome.path, outcome.sha256) == (True, 304, None, None)
        assert outcome.etag == first.etag
    assert (folder / "a.csv").stat() == before
    assert names(folder) == {"a.csv"}
    assert [seen.sent for seen in server.requests] == [4, 0, 0]


def test_a_copy_that_is_not_current_is_replaced(server, folder):
    server.put("a.csv", b"a\n1\n")
    first = fetch(server.url("a.csv"), folder / "a.csv").check()
    server.put("a.csv", b"a\n1\n2\n")
    outcome = fetch(server.url("a.csv"), folder / "a.csv", etag=first.etag, last_modified=first.last_modified).check()
    assert not outcome.not_modified
    assert outcome.path.read_bytes() == b"a\n1\n2\n"


def test_a_condition_survives_an_interruption(server, folder):
    """What is resumed is the new file, and If-None-Match with the old tag would contradict that."""
    content = noise(100_000)
    server.put("a.bin", content)
    server.behave("a.bin", CloseInBody(50_000))
    outcome = fetch(server.url("a.bin"), folder / "a.bin", etag='"old"').check()
    assert outcome.path.read_bytes() == content
    assert [seen.status for seen in server.requests] == [200, 206]


# Progress


def test_progress_comes_while_it_runs_and_adds_up(server, folder):
    contents = {f"{number}.bin": noise(100_000 + number, number) for number in range(8)}
    for name, content in contents.items():
        server.put(name, content)
    server.put("none.bin", b"")
    server.rate = 200_000
    told = []
    requests = [Request(server.url(name), folder / name) for name in [*contents, "none.bin"]]
    outcomes = download(requests, PATIENT, told.append)
    total = sum(map(len, contents.values()))
    last = told[-1]
    assert (last.files, last.files_done, last.files_failed) == (9, 8, 1)
    assert (last.received, last.kept, last.expected) == (total, total, total)
    assert (last.requests, last.retries) == (9, 0)
    assert sum(outcome.size for outcome in outcomes) == total
    for field in ("files_done", "files_failed", "received", "kept", "requests", "retries"):
        values = [getattr(now, field) for now in told]
        assert values == sorted(values)
    assert any(0 < now.received < total for now in told)
    assert all(now.files == 9 and now.kept <= now.received for now in told)


def test_progress_of_a_file_in_ranges_comes_while_it_runs(server, folder):
    server.put("large.bin", noise(16 * MEBIBYTE))
    server.rate = 6 * MEBIBYTE
    told = []
    download([Request(server.url("large.bin"), folder / "large.bin")], RANGES, told.append)
    assert told[-1].kept == told[-1].expected == 16 * MEBIBYTE
    assert any(now.expected == 16 * MEBIBYTE for now in told[:-1])
    assert any(0 < now.received < 16 * MEBIBYTE for now in told)
    assert any(0 < now.kept < 16 * MEBIBYTE for now in told)


def test_progress_counts_what_came_twice_and_what_was_there(server, folder):
    content = noise(100_000)
    server.put("a.bin", content)
    server.behave("a.bin", CloseInBody(60_000, without=("ETag", "Last-Modified")))
    told = []
    download([Request(server.url("a.bin"), folder / "a.bin")], PATIENT, told.append)
    assert (told[-1].received, told[-1].kept, told[-1].requests, told[-1].retries) == (160_000, 100_000, 2, 1)


def test_an_error_of_progress_stops_resumably_and_is_raised(server, folder):
    content = noise(2 * MEBIBYTE)
    server.put("a.bin", content)
    server.rate = 1 * MEBIBYTE

    def fail(now):
        if now.kept > 100_000:
            raise ArithmeticError("from the callback")

    with pytest.raises(ArithmeticError, match="from the callback"):
        download([Request(server.url("a.bin"), folder / "a.bin")], PATIENT, fail)
    server.rate = None
    outcome = fetch(server.url("a.bin"), folder / "a.bin", PATIENT).check()
    assert outcome.resumed_from > 0
    assert outcome.path.read_bytes() == content


# Limits


@pytest.mark.parametrize("by", ["default", "name", "name and port"])
def test_the_connections_of_a_host_are_used_and_not_exceeded(server, folder, by):
    requests = []
    for number in range(30):
        server.put(f"{number}.csv", b"a\n1\n")
        requests.append(Request(server.url(f"{number}.csv", host=number % 2), folder / f"{number}.csv"))
    limit = HostLimit(3)
    if by == "default":
        settings = replace(PATIENT, default_limit=limit)
    else:
        port = f":{server.port}" if by == "name and port" else ""
        settings = replace(PATIENT, limits={f"{host}{port}": limit for host in server.hosts})
    gate = server.gate(6)
    for outcome in download(requests, settings):
        outcome.check()
    assert gate.reached
    assert server.peak == {server.hosts[0]: 3, server.hosts[1]: 3}
    assert max(server.peak_connections.values()) == 3


def test_the_connections_over_all_hosts_are_limited(server, folder):
    requests = []
    for number in range(40):
        server.put(f"{number}.csv", b"a\n1\n")
        requests.append(Request(server.url(f"{number}.csv", host=number % 8), folder / f"{number}.csv"))
    gate = server.gate(5)
    for outcome in download(requests, replace(PATIENT, connections=5)):
        outcome.check()
    assert gate.reached
    assert server.peak_over_all == 5


def test_a_slow_host_does_not_hold_up_the_others(server, folder):
    """One host's files stall; all those of another come meanwhile, although they were asked for later."""
    requests = []
    for number in range(60):
        host = int(number >= 30)
        server.put(f"{number}.csv", b"a\n1\n")
        requests.append(Request(server.url(f"{number}.csv", host=host), folder / f"{number}.csv"))
        if host == 0:
            server.behave(f"{number}.csv", StallInBody(0))
    session = Session(replace(PATIENT, connections=8, default_limit=HostLimit(2)))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(session.download, requests)
        try:
            server.wait_for(lambda: names(folder) >= {f"{number}.csv" for number in range(30, 60)})
            assert server.peak[server.hosts[0]] == 2
        finally:
            session.cancel()
        outcomes = running.result()
    assert all(outcome.error is None for outcome in outcomes[30:])
    assert {outcome.error.reason for outcome in outcomes[:30]} == {"cancelled"}


def test_requests_to_a_host_keep_their_interval(server, folder):
    requests = []
    for number in range(8):
        server.put(f"{number}.csv", b"a\n1\n")
        requests.append(Request(server.url(f"{number}.csv"), folder / f"{number}.csv"))
    begin = time.monotonic()
    for outcome in download(requests, replace(PATIENT, default_limit=HostLimit(8, interval=0.1))):
        outcome.check()
    assert time.monotonic() - begin >= 0.7
    # The server's clock starts when it gets to a request, which on a busy machine may be late.
    assert sorted(server.intervals())[len(server.intervals()) // 2] >= 0.08


def test_a_limit_is_found_however_its_host_is_spelled(server, folder):
    requests = []
    for number in range(12):
        server.put(f"{number}.csv", b"a\n1\n")
        requests.append(Request(f"http://localhost:{server.port}/{number}.csv", folder / f"{number}.csv"))
    for outcome in download(requests, replace(PATIENT, limits={"LocalHost": HostLimit(1)})):
        outcome.check()
    assert server.peak_over_all == 1


def test_limits_hold_over_the_calls_of_a_session(server, folder):
    session = Session(replace(PATIENT, default_limit=HostLimit(2)))
    for number in range(24):
        server.put(f"{number}.csv", b"a\n1\n")

    def part(first):
        files = range(first, 24, 4)
        return session.download([Request(server.url(f"{n}.csv"), folder / f"{n}.csv") for n in files])

    gate = server.gate(2)
    with ThreadPoolExecutor(4) as pool:
        for outcomes in pool.map(part, range(4)):
            assert all(outcome.error is None for outcome in outcomes)
    assert gate.reached
    assert server.peak_over_all == 2


def test_limits_hold_for_hosts_that_are_redirected_to(server, folder):
    requests = []
    for number in range(20):
        server.put(f"{number}.csv", b"a\n1\n")
        server.put(f"from/{number}.csv", b"")
        server.behave(f"from/{number}.csv", Redirect(server.url(f"{number}.csv", host=7)))
        requests.append(Request(server.url(f"from/{number}.csv", host=number % 5), folder / f"{number}.csv"))
    for outcome in download(requests, replace(PATIENT, limits={server.hosts[7]: HostLimit(2)})):
        assert outcome.check().url.startswith(server.origin(7))
    assert server.peak[server.hosts[7]] <= 2


def test_connections_stay_open_between_files_and_calls(server, folder):
    session = Session(replace(PATIENT, default_limit=HostLimit(2)))
    for call in range(3):
        for number in range(10):
            server.put(f"{number}.csv", b"a\n1\n")
        session.download([Request(server.url(f"{n}.csv"), folder / f"{call}-{n}.csv") for n in range(10)])
    assert len(server.requests) == 30
    assert server.accepted <= 4


def test_five_hundred_at_once_within_the_limits_of_their_hosts(server, folder):
    requests = []
    for number in range(900):
        server.put(f"{number}.csv", b"number\n%d\n" % number)
        requests.append(Request(server.url(f"{number}.csv", host=number % 8), folder / f"{number}.csv"))
    gate = server.gate(500)
    for number, outcome in enumerate(
        download(requests, replace(PATIENT, connections=500, default_limit=HostLimit(63)))
    ):
        assert outcome.check().path.read_bytes() == b"number\n%d\n" % number
    assert gate.reached
    assert server.peak_over_all == 500
    assert max(server.peak.values()) <= 63


@posix
@pytest.mark.parametrize("redirected", [False, True])
def test_more_files_than_a_process_may_open_can_be_asked_for(server, folder, redirected):
    """All at hosts with slots to spare, or all sent on from those to one that has few, as addresses of DOIs are."""
    requests = []
    for number in range(1000):
        server.put(f"{number}.csv", b"number\n%d\n" % number)
        path = f"{number}.csv"
        if redirected:
            path = f"doi/{number}"
            server.behave(path, Forever(Redirect(server.url(f"{number}.csv", host=7))))
        requests.append((server.url(path, host=number % 7), str(folder / f"{number}.csv")))
    (folder / "list").write_text(json.dumps(requests))
    code = """
        import json, resource, sys
        from pathlib import Path
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
        from dataclasses import replace
        from astrobio.transfer import HostLimit, Request, download
        from tests.transfer.fetching import PATIENT
        requests = [Request(url, Path(path)) for url, path in json.loads(Path(sys.argv[1]).read_text())]
        limits = {sys.argv[2]: HostLimit(2)}
        for outcome in download(requests, replace(PATIENT, connections=64, limits=limits)):
            outcome.check()
    """
    run(code, folder / "list", server.hosts[7])
    (folder / "list").unlink()
    assert len(names(folder)) == 1000


@posix
def test_memory_stays_small_whatever_is_fetched(server, folder):
    """500 files of 400 kB at once and 256 MiB in ranges, in a process of its own: its greatest resident memory."""
    requests = []
    for number in range(500):
        server.put(f"{number}.bin", noise(400_000, number % 4))
        requests.append((server.url(f"{number}.bin", host=number % 7), str(folder / f"{number}.bin")))
    server.put("large.bin", noise(MEBIBYTE) * 256)
    requests.append((server.url("large.bin", host=7), str(folder / "large.bin")))
    (folder / "list").write_text(json.dumps(requests))
    code = """
        import json, resource, sys
        from pathlib import Path
        from dataclasses import replace
        from astrobio.transfer import HostLimit, Request, download
        from tests.transfer.fetching import PATIENT
        requests = [Request(url, Path(path)) for url, path in json.loads(Path(sys.argv[1]).read_text())]
        settings = replace(PATIENT, connections=520, default_limit=HostLimit(80))
        assert all(outcome.error is None for outcome in download(requests, settings))
        status = Path("/proc/self/status")  # ru_maxrss counts the process that was forked, too
        if status.exists():
            peak = int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
        else:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
        print(peak)
    """
    gate = server.gate(501)
    peak = float(run(code, folder / "list", timeout=120))
    assert gate.reached
    assert peak < 300


# Large files


def test_a_large_file_comes_in_ranges_over_several_connections(server, folder):
    content = noise(24 * MEBIBYTE + 12_345)
    server.put("large.bin", content)
    server.rate = 16 * MEBIBYTE
    outcome = fetch(server.url("large.bin"), folder / "large.bin", RANGES, sha256=sha256(content)).check()
    assert outcome.path.read_bytes() == content
    assert (outcome.size, outcome.sha256) == (len(content), sha256(content))
    assert server.peak_over_all == 4
    assert len({seen.connection for seen in server.requests}) >= 4
    assert names(folder) == {"large.bin"}


def test_no_range_is_asked_for_twice(server, folder):
    server.put("large.bin", noise(24 * MEBIBYTE))
    fetch(server.url("large.bin"), folder / "large.bin", RANGES).check()
    asked = [seen.range for seen in server.requests if seen.range]
    assert len(asked) == len(set(asked))
    ranges = sorted(tuple(map(int, one.removeprefix("bytes=").split("-"))) for one in asked)
    assert all(before[1] < after[0] for before, after in zip(ranges, ranges[1:], strict=False))
    assert all(seen.headers.get("if-range") for seen in server.requests if seen.range and seen.range != "bytes=0-")


def test_the_limit_of_the_host_holds_for_ranges(server, folder):
    for name in ("a.bin", "b.bin"):
        server.put(name, noise(16 * MEBIBYTE))
    settings = replace(RANGES, default_limit=HostLimit(3))
    for outcome in download([Request(server.url(name), folder / name) for name in ("a.bin", "b.bin")], settings):
        outcome.check()
    assert server.peak_over_all <= 3


def test_a_large_file_over_https_comes_right(server, folder, tmp_path):
    authority = Authority(tmp_path)
    content = noise(12 * MEBIBYTE)
    server.put("large.bin", content)
    with LoopbackServer(server.folder, tls=authority.context("127.0.0.1")) as secure:
        requests = json.dumps([(secure.url("large.bin"), str(folder / "large.bin"))])
        options = json.dumps({"range_bytes": 4 * MEBIBYTE, "piece_bytes": MEBIBYTE})
        assert "right: 0" in run(FETCH, requests, options, SSL_CERT_FILE=str(authority.certificate))
        assert len({seen.connection for seen in secure.requests}) > 1
    assert (folder / "large.bin").read_bytes() == content


@posix
def test_a_large_file_goes_on_in_ranges_after_a_kill(server, folder):
    content = noise(16 * MEBIBYTE)
    server.put("large.bin", content)
    server.rate = 4 * MEBIBYTE
    options = {"range_bytes": 4 * MEBIBYTE, "piece_bytes": MEBIBYTE}
    with child(FETCH, json.dumps([(server.url("large.bin"), str(folder / "large.bin"))]), json.dumps(options)) as one:
        read_until(one, 6 * MEBIBYTE)
        one.kill()
    assert names(folder) == {"large.bin.part", "large.bin.part.json"}
    server.wait_for(server.idle)
    server.rate = None
    before = server.sent()
    other = replace(PATIENT, range_bytes=100 * MEBIBYTE, piece_bytes=3 * MEBIBYTE)  # it goes on as it began
    outcome = fetch(server.url("large.bin"), folder / "large.bin", other).check()
    assert outcome.path.read_bytes() == content
    assert outcome.sha256 == sha256(content)
    assert outcome.resumed_from > 0
    assert server.sent() - before < len(content)
    assert names(folder) == {"large.bin"}


def test_a_large_file_that_changed_since_it_was_interrupted_is_fetched_anew(server, folder):
    interrupted_in_ranges(server, folder, noise(4 * MEBIBYTE))
    content = noise(3 * MEBIBYTE, seed=1)
    server.put("a.bin", content)
    outcome = fetch(server.url("a.bin"), folder / "a.bin", SMALL_RANGES).check()
    assert outcome.path.read_bytes() == content
    assert (outcome.sha256, outcome.resumed_from) == (sha256(content), 0)
    assert names(folder) == {"a.bin"}


SMALL_RANGES = replace(PATIENT, range_bytes=MEBIBYTE, piece_bytes=MEBIBYTE // 4)


def interrupted_in_ranges(server, folder, content):
    """A state in pieces of 256 KiB, some of them there; its record."""
    server.put("a.bin", content)
    server.behave("a.bin", *[Well()] * 6, Forever(Status(503)))
    fetch(server.url("a.bin"), folder / "a.bin", SMALL_RANGES)
    server.behave("a.bin")
    found = json.loads((folder / "a.bin.part.json").read_text())
    assert 0 < len(found["pieces"]["done"]) < len(content) / (MEBIBYTE // 4)
    return found


def _size_of_nothing(found, part):
    found["pieces"]["size"] = 0


def _size_beyond_the_file(found, part):
    found["pieces"]["size"] = 2**60


def _pieces_beyond_the_file(found, part):
    found["pieces"]["done"] += [999, 2**40]


def _pieces_that_are_not_there(found, part):
    found["pieces"]["done"] = list(range(16))


def _pieces_twice(found, part):
    found["pieces"]["done"] *= 2


def _another_length(found, part):
    found["total"] += MEBIBYTE


def _a_part_cut_short(found, part):
    os.truncate(part, 1000)


def _a_part_too_long(found, part):
    os.truncate(part, 9 * MEBIBYTE)


@pytest.mark.parametrize(
    "damage",
    [
        _pieces_beyond_the_file, _pieces_twice, _another_length, _a_part_too_long, _size_of_nothing,
        _size_beyond_the_file, _pieces_that_are_not_there, _a_part_cut_short,
    ],
    ids=lambda damage: damage.__name__.strip("_"),
)  # fmt: skip
def test_a_damaged_state_of_ranges_never_damages_the_file(server, folder, damage):
    """At the latest the second time the file is right: a state that cannot be used is not kept."""
    content = noise(4 * MEBIBYTE)
    found = interrupted_in_ranges(server, folder, content)
    damage(found, folder / "a.bin.part")
    (folder / "a.bin.part.json").write_text(json.dumps(found))
    for _ in range(2):
        outcome = fetch(server.url("a.bin"), folder / "a.bin", SMALL_RANGES)
        assert outcome.error is not None or (folder / "a.bin").read_bytes() == content
    assert outcome.check().sha256 == sha256(content)
    assert names(folder) == {"a.bin"}


# Resuming


def test_only_the_rest_is_sent_after_a_break(server, folder):
    content = noise(300_000)
    server.put("a.bin", content)
    server.behave("a.bin", CloseInBody(200_000))
    outcome = fetch(server.url("a.bin"), folder / "a.bin").check()
    assert outcome.path.read_bytes() == content
    first, second = server.requests
    assert (first.range, second.range) == (None, "bytes=200000-")
    assert second.headers["if-range"] == outcome.etag
    assert (first.sent, second.sent) == (200_000, 100_000)


@pytest.mark.parametrize("without", [(), ("ETag",)])
def test_a_later_call_goes_on_where_an_earlier_one_failed(server, folder, without):
    content = noise(300_000)
    server.put("a.bin", content)
    server.behave("a.bin", CloseInBody(200_000, without), Forever(Status(503)))
    failed = fetch(server.url("a.bin"), folder / "a.bin")
    assert failed.error.reason == "unavailable"
    assert names(folder) == {"a.bin.part", "a.bin.part.json"}
    assert (folder / "a.bin.part").read_bytes()[:200_000] == content[:200_000]
    server.behave("a.bin")
    outcome = fetch(server.url("a.bin"), folder / "a.bin", sha256=sha256(content)).check()
    assert outcome.resumed_from == 200_000
    assert outcome.sha256 == sha256(content)
    assert outcome.path.read_bytes() == content
    assert server.requests[-1].headers["if-range"] == (outcome.last_modified if without else outcome.etag)
    assert names(folder) == {"a.bin"}


def test_a_file_that_changed_meanwhile_is_fetched_anew(server, folder):
    server.put("a.bin", noise(300_000))
    server.behave("a.bin", CloseInBody(200_000), Forever(Status(503)))
    fetch(server.url("a.bin"), folder / "a.bin")
    content = noise(250_000, seed=1)
    server.put("a.bin", content)
    server.behave("a.bin")
    outcome = fetch(server.url("a.bin"), folder / "a.bin").check()
    assert outcome.path.read_bytes() == content
    assert (outcome.resumed_from, outcome.sha256) == (0, sha256(content))


@posix
def test_after_a_power_cut_only_what_had_reached_the_disk_is_trusted(server, folder):
    """Cancelled, its part on the disk; gone on with, killed; then what came last reads as zeros after a new start."""
    content = noise(12 * MEBIBYTE)
    server.put("a.bin", content)
    server.rate = 8 * MEBIBYTE
    part, record = folder / "a.bin.part", folder / "a.bin.part.json"
    requests = json.dumps([(server.url("a.bin"), str(folder / "a.bin"))])
    ends = []
    for end, reached in ((signal.SIGINT, 2 * MEBIBYTE), (signal.SIGKILL, 3 * MEBIBYTE)):
        with child(FETCH, requests, "{}") as process:
            read_until(process, reached)
            process.send_signal(end)
            process.communicate()
        ends.append(part.stat().st_size)
    assert ends[0] < ends[1] < len(content)
    with part.open("r+b") as file:
        file.seek(ends[0])
        file.write(bytes(ends[1] - ends[0]))
    record.write_text(json.dumps(json.loads(record.read_text()) | {"boot": "another"}))
    server.rate = None
    outcome = fetch(server.url("a.bin"), folder / "a.bin", PATIENT).check()
    assert outcome.sha256 == sha256(content)
    assert outcome.path.read_bytes() == content


def _without_record(part, record):
    record.unlink()


def _without_part(part, record):
    part.unlink()


def _record_cut(part, record):
    record.write_bytes(record.read_bytes()[: record.stat().st_size // 2])


def _record_empty(part, record):
    record.write_bytes(b"")


def _record_of_other_things(part, record):
    record.write_text(json.dumps({"name": "planets", "list": [1, 2]}))


def _record_of_a_list(part, record):
    record.write_text("[]")


def _record_of_another_address(part, record):
    record.write_text(record.read_text().replace("a.bin", "b.bin"))


def _numbers_of_the_record_huge(part, record):
    found = json.loads(record.read_text())
    numbers = {key: 2**60 for key, value in found.items() if isinstance(value, int) and not isinstance(value, bool)}
    record.write_text(json.dumps(found | numbers))


def _numbers_of_the_record_negative(part, record):
    found = json.loads(record.read_text())
    numbers = {key: -1 for key, value in found.items() if isinstance(value, int) and not isinstance(value, bool)}
    record.write_text(json.dumps(found | numbers))


def _part_cut(part, record):
    os.truncate(part, 1000)


def _part_empty(part, record):
    os.truncate(part, 0)


def _part_too_long(part, record):
    with part.open("ab") as file:
        file.write(b"x" * 500_000)


def _part_a_folder(part, record):
    part.unlink()
    part.mkdir()


def _record_a_folder(part, record):
    record.unlink()
    record.mkdir()


@pytest.mark.parametrize(
    "damage",
    [
        _without_record, _without_part, _record_cut, _record_empty, _record_of_other_things, _record_of_a_list,
        _record_of_another_address, _numbers_of_the_record_huge, _numbers_of_the_record_negative, _part_cut,
        _part_empty, _part_too_long,
    ],
    ids=lambda damage: damage.__name__.strip("_"),
)  # fmt: skip
def test_a_damaged_state_never_damages_the_file(server, folder, damage):
    content = noise(300_000)
    server.put("a.bin", content)
    server.behave("a.bin", CloseInBody(200_000), Forever(Status(503)))
    fetch(server.url("a.bin"), folder / "a.bin")
    damage(folder / "a.bin.part", folder / "a.bin.part.json")
    server.behave("a.bin")
    outcome = fetch(server.url("a.bin"), folder / "a.bin").check()
    assert outcome.path.read_bytes() == content
    assert (outcome.size, outcome.sha256) == (len(content), sha256(content))
    assert names(folder) == {"a.bin"}


@pytest.mark.parametrize("damage", [_part_a_folder, _record_a_folder], ids=lambda damage: damage.__name__.strip("_"))
def test_a_folder_in_the_place_of_the_state_is_an_error_of_the_disk(server, folder, damage):
    content = noise(300_000)
    server.put("a.bin", content)
    server.behave("a.bin", CloseInBody(200_000), Forever(Status(503)))
    fetch(server.url("a.bin"), folder / "a.bin")
    damage(folder / "a.bin.part", folder / "a.bin.part.json")
    server.behave("a.bin")
    outcome = fetch(server.url("a.bin"), folder / "a.bin")
    assert outcome.error.reason == "disk"
    assert "a.bin.part" in str(outcome.error)
    assert not (folder / "a.bin").exists()


# Interruption


@posix
def test_an_interrupt_stops_resumably_and_is_raised(server, folder):
    content = noise(8 * MEBIBYTE)
    for name in ("a.bin", "b.bin"):
        server.put(name, content)
    server.rate = 4 * MEBIBYTE
    requests = json.dumps([(server.url(name), str(folder / name)) for name in ("a.bin", "b.bin")])
    with child(FETCH, requests, "{}") as one:
        read_until(one, 2 * MEBIBYTE)
        one.send_signal(signal.SIGINT)
        _, errors = one.communicate(timeout=20)
    assert one.returncode == -signal.SIGINT
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert names(folder) == {f"{name}.part{end}" for name in ("a.bin", "b.bin") for end in ("", ".json")}
    server.rate = None
    before = server.sent()
    for outcome in download([Request(server.url(name), folder / name) for name in ("a.bin", "b.bin")], PATIENT):
        assert outcome.check().resumed_from > 0
        assert outcome.path.read_bytes() == content
    assert server.sent() - before < 15 * MEBIBYTE


@posix
def test_an_interrupt_is_heeded_at_once_while_nothing_comes(server, folder):
    """Silence before the head, silence in the body, a wait for a slot, and a wait before the next attempt."""
    for name, behaviour in (("a", StallBeforeHead()), ("b", StallInBody(5000)), ("c", Status(503, retry_after="50"))):
        server.put(name, noise(10_000))
        server.behave(name, Forever(behaviour))
    server.put("d", b"")
    requests = [(server.url(name, host), str(folder / name)) for host, name in enumerate("abc")]
    requests.append((server.url("d"), str(folder / "d")))
    code = """
        import json, sys
        from pathlib import Path
        from dataclasses import replace
        from astrobio.transfer import HostLimit, Request, download
        from tests.transfer.fetching import PATIENT
        requests = [Request(url, Path(path)) for url, path in json.loads(sys.argv[1])]
        settings = replace(PATIENT, default_limit=HostLimit(1), longest_wait=100.0)
        download(requests, settings, lambda now: print(now.requests, flush=True))
    """
    with child(code, json.dumps(requests)) as process:
        read_until(process, 3)
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert time.monotonic() - begin < 5
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert names(folder) <= {"b.part", "b.part.json"}


def test_a_session_can_be_cancelled_from_another_thread_and_used_again(server, folder):
    content = noise(2 * MEBIBYTE)
    server.put("a.bin", content)
    server.rate = MEBIBYTE
    session = Session(PATIENT)
    request = Request(server.url("a.bin"), folder / "a.bin")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(session.download, [request])
        server.wait_for(lambda: server.sent() > 200_000)
        session.cancel()
        [outcome] = running.result(timeout=20)
    assert outcome.error.reason == "cancelled"
    assert names(folder) == {"a.bin.part", "a.bin.part.json"}
    server.rate = None
    [outcome] = session.download([request])
    assert outcome.check().path.read_bytes() == content


@posix
def test_a_session_from_before_a_fork_is_refused_after_it():
    code = """
        import os, sys
        from pathlib import Path
        from astrobio.transfer import Request, Session
        session = Session()
        session.download([Request("gopher://a/b", Path("b"))])
        if os.fork() == 0:
            try:
                session.download([Request("gopher://a/b", Path("b"))])
            except RuntimeError as error:
                print(error, flush=True)
            os._exit(0)
        os.wait()
    """
    assert "fork" in run(code)


# Two at once


def test_two_threads_that_fetch_to_one_path_do_not_mix(server, folder):
    contents = [noise(MEBIBYTE, seed) for seed in (1, 2)]
    for number, content in enumerate(contents):
        server.put(f"{number}.bin", content)
    server.rate = 4 * MEBIBYTE
    for _ in range(3):
        gate = server.gate(2, timeout=0.2)
        with ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(lambda n: fetch(server.url(f"{n}.bin"), folder / "a.bin", PATIENT), range(2)))
        gate.opened.set()
        assert [outcome.error.reason for outcome in outcomes if outcome.error] in ([], ["busy"])
        assert (folder / "a.bin").read_bytes() in [contents[n] for n in range(2) if outcomes[n].error is None]
        assert names(folder) == {"a.bin"}


@posix
def test_two_processes_that_fetch_to_one_path_do_not_mix(server, folder):
    content = noise(2 * MEBIBYTE)
    server.put("a.bin", content)
    server.rate = 2 * MEBIBYTE
    requests = json.dumps([(server.url("a.bin"), str(folder / "a.bin"))])
    with child(FETCH, requests, "{}") as one, child(FETCH, requests, "{}") as other:
        ends = [process.communicate(timeout=60)[0].splitlines()[-1] for process in (one, other)]
    assert "right: 0" in ends
    assert all(end.startswith("right:") or "another" in end for end in ends), ends
    assert (folder / "a.bin").read_bytes() == content
    assert names(folder) == {"a.bin"}


def test_one_call_refuses_two_requests_for_one_path(folder):
    twice = [Request(f"http://127.0.0.1:1/{name}", folder / name / "../a") for name in ("x", "y")]
    with pytest.raises(UsageError, match="two requests go to"):
        download(twice)


def test_one_path_under_two_names_is_seen(server, folder, tmp_path):
    content = noise(300_000)
    server.put("a.bin", content)
    alias = tmp_path / "alias"
    try:
        alias.symlink_to(folder, target_is_directory=True)
    except OSError:
        pytest.skip("no symbolic links here")
    server.rate = MEBIBYTE
    outcomes = download([Request(server.url("a.bin"), place / "a.bin") for place in (folder, alias)], PATIENT)
    assert [outcome.error.reason for outcome in outcomes if outcome.error] in ([], ["busy"])
    assert (folder / "a.bin").read_bytes() == content
    assert names(folder) == {"a.bin"}


# The place of the file


def test_a_file_is_replaced_in_one_step(server, folder):
    """A reader sees the old file or the new one, whole, at every moment."""
    old, new = noise(300_000, 1), noise(400_000, 2)
    server.put("a.bin", new)
    server.rate = MEBIBYTE
    path = folder / "a.bin"
    path.write_bytes(old)
    seen, done = set(), threading.Event()

    def watch():
        while not done.is_set():
            seen.add(sha256(path.read_bytes()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        fetch(server.url("a.bin"), path, PATIENT).check()
    finally:
        done.set()
        watcher.join()
    assert seen <= {sha256(old), sha256(new)}
    assert sha256(old) in seen
    assert path.read_bytes() == new


def test_a_path_may_be_relative(server, folder, monkeypatch):
    server.put("a.csv", b"a\n1\n")
    monkeypatch.chdir(folder)
    assert fetch(server.url("a.csv"), Path("a.csv"), Settings()).check().path == Path("a.csv")
    assert names(folder) == {"a.csv"}


def test_missing_folders_are_made(server, folder):
    server.put("a.csv", b"a\n1\n")
    outcome = fetch(server.url("a.csv"), folder / "deep" / "er" / "a.csv").check()
    assert outcome.path.read_bytes() == b"a\n1\n"


@pytest.mark.parametrize("place", ["file/a.csv", "folder", "x" * 300])
def test_a_place_where_no_file_can_be_is_an_error_of_the_disk(server, folder, place):
    server.put("a.csv", b"a\n1\n")
    (folder / "file").write_bytes(b"")
    (folder / "folder").mkdir()
    outcome = fetch(server.url("a.csv"), folder / place)
    assert (outcome.error.reason, outcome.error.exit_code) == ("disk", 1)
    assert place[:100] in str(outcome.error)
    assert len(outcome.attempts) <= 1
    assert names(folder) == {"file"}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_may_not_be_written_is_an_error_of_the_disk(server, folder):
    server.put("a.csv", b"a\n1\n")
    folder.chmod(0o500)
    try:
        outcome = fetch(server.url("a.csv"), folder / "a.csv")
    finally:
        folder.chmod(0o700)
    assert outcome.error.reason == "disk"
    assert names(folder) == set()


@posix
@pytest.mark.parametrize("size", [3 * MEBIBYTE, 12 * MEBIBYTE])
def test_a_full_disk_is_said_and_leaves_no_file(server, folder, size):
    """The limit of a process on the size of its files stands for a disk that is full; in one stream and in ranges."""
    server.put("a.bin", noise(size))
    code = """
        import resource, sys
        from pathlib import Path
        from tests.transfer.test_download import RANGES
        from tests.transfer.fetching import fetch
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        outcome = fetch(sys.argv[1], Path(sys.argv[2]), RANGES)
        print(outcome.error.reason, outcome.error.exit_code, len(outcome.attempts), outcome.error)
    """
    said = run(code, server.url("a.bin"), folder / "a.bin")
    assert said.startswith("disk 1 1 ")
    assert "a.bin" in said
    assert not (folder / "a.bin").exists()
    content = (server.folder / "a.bin").read_bytes()
    assert fetch(server.url("a.bin"), folder / "a.bin", RANGES).check().path.read_bytes() == content
    assert names(folder) == {"a.bin"}


# Addresses


@pytest.mark.parametrize(
    "url",
    [
        "", "planets.csv", "/planets.csv", "//127.0.0.1/a.csv", "ftp://127.0.0.1/a.csv", "file:///etc/passwd", "http://",
        "http://[::bad/a.csv", "http://127.0.0.1:99999/a.csv", "data:text/csv,a", "javascript:1",
        "http://a b/c.csv",
    ],
)  # fmt: skip
def test_what_is_no_address_on_the_web_is_refused_at_once(folder, url):
    outcome = fetch(url, folder / "a.csv")
    assert (outcome.error.reason, outcome.error.exit_code, outcome.attempts) == ("url", 4, ())
    assert url in str(outcome.error)
    assert names(folder) == set()


def test_an_address_may_hold_any_letters(server, folder):
    server.put("größe 1.csv", b"a\n1\n")
    fetch(server.origin() + "/größe 1.csv", folder / "a.csv").check()
    assert server.requests[0].target == "/gr%C3%B6%C3%9Fe%201.csv"


def test_a_fragment_is_not_sent(server, folder):
    server.put("a.csv", b"a\n1\n")
    fetch(server.url("a.csv") + "#row=1", folder / "a.csv").check()
    assert server.requests[0].target == "/a.csv"


def test_line_ends_in_an_address_make_no_headers(server, folder):
    server.put("a.csv", b"a\n1\n")
    fetch(server.url("a.csv") + " HTTP/1.1\r\nX-Injected: 1\r\n\r\nGET /a.csv", folder / "a.csv")
    assert all("x-injected" not in seen.headers for seen in server.requests)
    assert len(server.requests) <= 1


@pytest.mark.parametrize("known", [{"etag": '"a"\r\nX-Injected: 1'}, {"last_modified": "a\nX-Injected: 1"}])
def test_validators_that_are_no_headers_are_refused(server, folder, known):
    server.put("a.csv", b"a\n1\n")
    assert fetch(server.url("a.csv"), folder / "a.csv", **known).error.reason == "url"
    assert server.requests == []


@pytest.mark.parametrize("header", [{"X-A": "a\r\nX-Injected: 1"}, {"X A": "a"}, {"X-A\r\nX-Injected": "1"}])
def test_headers_that_are_none_are_refused(server, folder, header):
    server.put("a.csv", b"a\n1\n")
    for kind in ("headers", "credentials"):
        try:
            failure = fetch(server.url("a.csv"), folder / "a.csv", **{kind: header}).error
        except UsageError as error:
            failure = error
        assert failure is not None
    assert server.requests == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": 0}, {"connections": 0}, {"stall_timeout": -1.0}, {"backoff": float("nan")},
        {"default_limit": HostLimit(0)}, {"default_limit": HostLimit(1, -1.0)}, {"piece_bytes": 0},
        {"file_connections": 0}, {"connect_timeout": float("inf")}, {"user_agent": "a\nb"},
    ],
    ids=repr,
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(UsageError):
        Session(replace(PATIENT, **wrong))


# Secrets


SECRET = "hunter2-0123456789"


def test_credentials_go_to_their_origin_only(server, folder, tmp_path):
    """Redirected to the same host they are kept; to another host or another port they are not."""
    server.put("a.csv", b"a\n1\n")
    credentials = {"Authorization": f"Bearer {SECRET}", "X-Api-Key": SECRET}
    with LoopbackServer(server.folder) as other_port:
        for to, kept in (
            (server.url("a.csv"), True),
            (server.url("a.csv", host=1), False),
            (other_port.url("a.csv"), False),
        ):
            server.behave("from", Redirect(to))
            outcome = fetch(server.url("from"), folder / "a.csv", credentials=credentials).check()
            first, second = (server.requests + other_port.requests)[-2:]
            assert first.headers["authorization"] == f"Bearer {SECRET}"
            assert first.headers["x-api-key"] == SECRET
            assert ("authorization" in second.headers, "x-api-key" in second.headers) == (kept, kept)
            assert SECRET not in everything_said(outcome)


def stopped_half_way(server, folder, url):
    server.put("a.bin", noise(100_000))
    server.behave("a.bin", CloseInBody(50_000), Forever(Status(503)))
    outcome = fetch(url, folder / "a.bin", credentials={"X-Api-Key": SECRET})
    assert outcome.error.reason == "unavailable"
    assert names(folder) == {"a.bin.part", "a.bin.part.json"}
    assert SECRET not in everything_said(outcome)
    return outcome


def test_credentials_are_in_no_record_of_a_transfer_under_way(server, folder):
    outcome = stopped_half_way(server, folder, server.url("a.bin").replace("//", f"//user:{SECRET}@"))
    assert SECRET not in (folder / "a.bin.part.json").read_text()
    assert "user" not in str(outcome.error)


def test_secret_parameters_are_in_no_record_of_a_transfer_under_way(server, folder):
    outcome = stopped_half_way(server, folder, server.url("a.bin", query=f"api_key={SECRET}&format=csv"))
    assert "format=csv" in str(outcome.error)
    assert SECRET not in (folder / "a.bin.part.json").read_text()


def test_a_request_is_shown_without_the_secrets_of_its_address(folder):
    for url in (f"http://user:{SECRET}@127.0.0.1:1/a", f"http://127.0.0.1:1/a?api_key={SECRET}"):
        request = Request(url, folder / "a", credentials={"X-Api-Key": SECRET})
        assert SECRET not in repr(request)


def test_user_and_password_of_an_address_are_sent_and_never_said(server, folder):
    server.put("a.csv", b"a\n1\n")
    url = server.url("a.csv").replace("//", f"//user:{SECRET}@")
    outcome = fetch(url, folder / "a.csv").check()
    assert server.requests[0].headers["authorization"].startswith("Basic ")
    assert SECRET not in server.requests[0].target
    assert SECRET not in everything_said(outcome)
    server.behave("a.csv", Forever(Status(404)))
    assert SECRET not in everything_said(fetch(url, folder / "a.csv"))
    for broken in (f"ftp://user:{SECRET}@127.0.0.1/a", f"http://user:{SECRET}@[::bad/a", f"http://user:{SECRET}@/a"):
        assert SECRET not in everything_said(fetch(broken, folder / "a.csv"))


def test_secrets_of_an_address_that_is_redirected_to_are_not_said(server, folder):
    server.put("a.csv", b"a\n1\n")
    to = server.url("a.csv", host=1, query=f"X-Amz-Signature={SECRET}&X-Amz-Credential={SECRET}")
    server.behave("from", Forever(Redirect(to.replace("//", f"//user:{SECRET}@"))))
    outcome = fetch(server.url("from"), folder / "a.csv").check()
    assert SECRET in server.requests[1].query
    assert SECRET not in everything_said(outcome)
    server.behave("a.csv", CloseInBody(0), Forever(Status(403)))
    assert SECRET not in everything_said(fetch(server.url("from"), folder / "a.csv"))
    server.behave("from", Forever(Redirect(f"ftp://user:{SECRET}@127.0.0.1/a")))
    assert SECRET not in everything_said(fetch(server.url("from"), folder / "a.csv"))


def test_a_host_that_repeats_a_secret_does_not_get_it_into_a_message(server, folder):
    server.put("a.csv", b"a\n1\n")
    server.behave("a.csv", Forever(Status(403, body=f"wrong key {SECRET}".encode())))
    outcome = fetch(server.url("a.csv"), folder / "a.csv", credentials={"X-Api-Key": SECRET})
    assert outcome.error.reason == "status"
    assert SECRET not in everything_said(outcome)


# The environment


def fetched(url, path, **environment):
    return run(FETCH, json.dumps([(url, str(path))]), "{}", timeout=60, **environment).splitlines()[-1]


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_is_used(server, folder, variable):
    server.put("a.csv", b"a\n1\n")
    with LoopbackProxy({"archive.example": ("127.0.0.1", server.port)}) as proxy:
        said = fetched("http://archive.example/a.csv", folder / "a.csv", **{variable: proxy.url})
        assert said == "right: 0"
        assert proxy.seen == [("GET", "http://archive.example/a.csv")]
    assert server.requests[0].headers["host"] == "archive.example"


@pytest.mark.parametrize("exception", ["127.0.0.1", "localhost,127.0.0.1", "127.0.0.0/8", "*"])
def test_hosts_of_no_proxy_are_asked_directly(server, folder, exception):
    server.put("a.csv", b"a\n1\n")
    with LoopbackProxy() as proxy:
        assert fetched(server.url("a.csv"), folder / "a.csv", HTTP_PROXY=proxy.url, NO_PROXY=exception) == "right: 0"
        assert proxy.seen == []


def test_https_goes_through_the_tunnel_of_a_proxy(server, folder, tmp_path):
    server.put("a.csv", b"a\n1\n")
    authority = Authority(tmp_path)
    with (
        LoopbackServer(server.folder, tls=authority.context("archive.example")) as secure,
        LoopbackProxy({"archive.example": ("127.0.0.1", secure.port)}) as proxy,
    ):
        environment = {"HTTPS_PROXY": proxy.url, "SSL_CERT_FILE": str(authority.certificate)}
        assert fetched("https://archive.example/a.csv", folder / "a.csv", **environment) == "right: 0"
        assert proxy.seen == [("CONNECT", "archive.example:443")]


def test_a_proxy_gets_its_password_and_nobody_else_does(server, folder):
    server.put("a.csv", b"a\n1\n")
    upstream = {"archive.example": ("127.0.0.1", server.port)}
    with LoopbackProxy(upstream, user="me", password=SECRET) as proxy:
        address = proxy.url.replace("//", f"//me:{SECRET}@")
        assert fetched("http://archive.example/a.csv", folder / "a.csv", HTTP_PROXY=address) == "right: 0"
        assert "proxy-authorization" not in server.requests[0].headers
        wrong = proxy.url.replace("//", f"//me:{SECRET}-wrong@")
        said = fetched("http://archive.example/a.csv", folder / "b.csv", HTTP_PROXY=wrong)
    assert said.startswith("error:")
    assert "407" in said
    assert SECRET not in said


def test_a_proxy_that_is_not_there_is_said(server, folder):
    server.put("a.csv", b"a\n1\n")
    address = f"http://me:{SECRET}@127.0.0.1:1"
    said = fetched(server.url("a.csv"), folder / "a.csv", HTTP_PROXY=address)
    assert said.startswith("error:")
    assert SECRET not in said
    assert server.requests == []


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_a_certificate_of_the_environment_is_trusted(server, folder, tmp_path, variable):
    server.put("a.csv", b"a\n1\n")
    authority = Authority(tmp_path)
    nothing = dict.fromkeys(("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"), "")
    with LoopbackServer(server.folder, tls=authority.context("127.0.0.1")) as secure:
        said = fetched(secure.url("a.csv"), folder / "a.csv", **nothing)
        assert said.startswith("error:")
        assert "certificate" in said
        said = fetched(secure.url("a.csv"), folder / "a.csv", **nothing | {variable: str(authority.certificate)})
        assert said == "right: 0"


@pytest.mark.parametrize("content", [None, "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n"])
def test_a_certificate_file_that_is_none_is_said(folder, tmp_path, content):
    if content is not None:
        (tmp_path / "own.pem").write_text(content)
    code = """
        from astrobio.core.errors import UsageError
        from astrobio.transfer import Session
        try:
            Session()
        except UsageError as error:
            print(error)
    """
    said = run(code, SSL_CERT_FILE=str(tmp_path / "own.pem"))
    assert "own.pem" in said
    assert "SSL_CERT_FILE" in said
