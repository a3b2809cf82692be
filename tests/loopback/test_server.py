"""The loopback server serves files as HTTP asks, misbehaves as it is told, and keeps a true account of both."""

from __future__ import annotations

import concurrent.futures
import contextlib
import gzip
import http.client
import inspect
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.loopback import behaviours
from tests.loopback.authority import Authority
from tests.loopback.behaviours import (
    Change,
    Chunked,
    CloseBeforeHead,
    CloseInBody,
    CloseInHead,
    Drip,
    Encoded,
    Forever,
    GzipBomb,
    ResetBeforeHead,
    Status,
    Well,
)
from tests.loopback.messages import parse_range
from tests.loopback.proxy import LoopbackProxy
from tests.loopback.server import LoopbackServer, addresses, read_behaviour

ROOT = Path(__file__).parents[2]
CONTENT = bytes(range(256)) * 40


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    with LoopbackServer(folder, addresses(3)) as server:
        server.put("a.csv", CONTENT)
        yield server


def get(server, path="a.csv", host=0, method="GET", query="", **headers):
    """Status, headers (lower case) and body; names of headers have underscores for dashes."""
    connection = http.client.HTTPConnection(server.hosts[host], server.port, timeout=10)
    with contextlib.closing(connection):
        connection.request(
            method, server.url(path, query=query), headers={n.replace("_", "-"): v for n, v in headers.items()}
        )
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def raw(server, path="a.csv", timeout=10.0):
    """All bytes that come back on one connection, and how it ended: "end", "reset" or "silence"."""
    with socket.create_connection((server.hosts[0], server.port), timeout=timeout) as connection:
        connection.sendall(f"GET /{path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        found = b""
        try:
            while data := connection.recv(1 << 16):
                found += data
        except ConnectionResetError:
            return found, "reset"
        except TimeoutError:
            return found, "silence"
        return found, "end"


# Serving well


def test_a_file_comes_whole_with_its_validators(server):
    status, headers, body = get(server)
    assert (status, body) == (200, CONTENT)
    assert headers["content-length"] == str(len(CONTENT))
    assert headers["content-type"] == "text/csv"
    assert re.fullmatch(r'"[0-9a-f]+-[0-9a-f]+"', headers["etag"])
    assert headers["last-modified"].endswith(" GMT")
    assert headers["accept-ranges"] == "bytes"


def test_head_has_the_same_headers_and_no_body(server):
    _, wanted, _ = get(server)
    assert get(server, method="HEAD") == (200, wanted, b"")


@pytest.mark.parametrize(
    ("asked", "status", "described", "body"),
    [
        ("bytes=0-0", 206, "bytes 0-0/10240", CONTENT[:1]),
        ("bytes=100-199", 206, "bytes 100-199/10240", CONTENT[100:200]),
        ("bytes=10000-", 206, "bytes 10000-10239/10240", CONTENT[10000:]),
        ("bytes=10000-99999", 206, "bytes 10000-10239/10240", CONTENT[10000:]),
        ("bytes=-40", 206, "bytes 10200-10239/10240", CONTENT[-40:]),
        ("bytes=-99999", 206, "bytes 0-10239/10240", CONTENT),
        ("bytes=10240-", 416, "bytes */10240", b""),
        ("bytes=-0", 416, "bytes */10240", b""),
        ("bytes=5-4", 200, None, CONTENT),
        ("bytes=0-1,5-6", 200, None, CONTENT),
        ("lines=0-1", 200, None, CONTENT),
    ],
)
def test_a_range_is_what_was_asked_for(server, asked, status, described, body):
    found, headers, content = get(server, Range=asked)
    assert (found, headers.get("content-range"), content) == (status, described, body)


@given(st.integers(0, 300), st.integers(0, 400), st.integers(0, 400))
def test_a_parsed_range_lies_within_the_file(size, first, last):
    found = parse_range(f"bytes={first}-{last}", size)
    if last < first:
        assert found is None
    elif first >= size:
        assert found is False
    else:
        assert found == (first, min(last + 1, size))


def test_conditions_are_heeded(server):
    _, headers, _ = get(server)
    etag, modified = headers["etag"], headers["last-modified"]
    assert get(server, If_None_Match=etag)[0::2] == (304, b"")
    assert get(server, If_None_Match=f'"other", W/{etag}')[0] == 304
    assert get(server, If_None_Match='"other"')[0] == 200
    assert get(server, If_Modified_Since=modified)[0] == 304
    assert get(server, If_Modified_Since="Mon, 01 Jan 2001 00:00:00 GMT")[0] == 200
    assert get(server, If_Match='"other"')[0] == 412
    assert get(server, Range="bytes=5-", If_Range=etag)[0] == 206
    assert get(server, Range="bytes=5-", If_Range=modified)[0] == 206
    assert get(server, Range="bytes=5-", If_Range='"other"')[0] == 200
    assert get(server, Range="bytes=5-", If_Range=f"W/{etag}")[0] == 200


def test_a_changed_file_has_another_validator(server):
    before = get(server)[1]["etag"]
    server.put("a.csv", b"other")
    assert get(server)[1]["etag"] != before


def test_one_connection_serves_many_requests(server):
    connection = http.client.HTTPConnection(server.hosts[0], server.port)
    with contextlib.closing(connection):
        for _ in range(5):
            connection.request("GET", "/a.csv")
            assert connection.getresponse().read() == CONTENT
    assert (server.accepted, len(server.requests)) == (1, 5)
    assert {seen.connection for seen in server.requests} == {1}


def test_names_may_hold_spaces_and_any_letters(server):
    server.put("räume/größe 1+2=3?#%.csv", b"x")
    assert get(server, "räume/größe 1+2=3?#%.csv")[::2] == (200, b"x")
    assert server.requests[0].path == "räume/größe 1+2=3?#%.csv"


@pytest.mark.parametrize("path", ["../secret", "%2e%2e/secret", "/etc/passwd", "nothing"])
def test_what_is_not_in_the_folder_is_not_served(server, path):
    server.folder.with_name("secret").write_text("secret")
    found, _ = raw(server, path)
    assert found.startswith(b"HTTP/1.1 404 ")


def test_every_address_is_a_host_on_the_same_port(server):
    for host in range(3):
        assert get(server, host=host)[0] == 200
    assert [seen.host for seen in server.requests] == list(addresses(3))


def test_https_is_served_under_a_certificate_of_ones_own(server, tmp_path):
    authority = Authority(tmp_path)
    with LoopbackServer(server.folder, tls=authority.context("127.0.0.1")) as secure:
        server.put("large", CONTENT * 100)
        trusting = ssl.create_default_context(cafile=str(authority.certificate))
        with urllib.request.urlopen(secure.url("large"), context=trusting) as answer:
            assert answer.read() == CONTENT * 100
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(secure.url("large"), context=ssl.create_default_context())


@pytest.mark.parametrize("expired", [False, True])
def test_an_expired_certificate_is_one(server, tmp_path, expired):
    authority = Authority(tmp_path)
    trusting = ssl.create_default_context(cafile=str(authority.certificate))
    with LoopbackServer(server.folder, tls=authority.context("127.0.0.1", expired=expired)) as secure:
        expectation = pytest.raises(urllib.error.URLError, match="expired") if expired else contextlib.nullcontext()
        with expectation, urllib.request.urlopen(secure.url("a.csv"), context=trusting) as answer:
            assert answer.read() == CONTENT


# The account


def test_requests_are_recorded_with_what_was_sent(server):
    get(server, query="query=1", host=1, Range="bytes=0-99", X_Own="1")
    (seen,) = server.requests
    assert (seen.host, seen.method, seen.path, seen.query) == ("127.0.0.2", "GET", "a.csv", "query=1")
    assert (seen.range, seen.headers["x-own"], seen.status, seen.sent) == ("bytes=0-99", "1", 206, 100)
    assert server.seen("a.csv") == [seen]
    assert server.seen("other") == []
    assert server.sent() == server.sent("a.csv") == 100


def test_requests_in_flight_are_counted_by_host(server):
    gate = server.gate(12)
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda number: get(server, host=number % 2)[0], range(12)))
    assert found == [200] * 12
    assert gate.reached
    assert server.peak == {"127.0.0.1": 6, "127.0.0.2": 6}
    assert server.peak_over_all == 12
    server.wait_for(server.idle)


@pytest.mark.parametrize("size", [10, 1 << 20])
def test_a_client_that_waits_for_the_end_is_never_counted_twice(server, size):
    server.put("file", bytes(size))

    def many(_):
        for _ in range(40):
            get(server, "file")

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(many, range(4)))
    assert server.peak["127.0.0.1"] <= 4


def test_a_gate_that_too_few_reach_opens_in_the_end(server):
    gate = server.gate(2, timeout=0.05)
    assert get(server)[0] == 200
    assert not gate.reached


def test_intervals_between_requests_are_measured(server):
    for _ in range(3):
        get(server)
    intervals = server.intervals()
    assert len(intervals) == 2
    assert all(0 < interval < 10 for interval in intervals)
    assert server.intervals(host=1) == []


def test_waiting_for_what_does_not_come_is_an_error(server):
    with pytest.raises(TimeoutError):
        server.wait_for(lambda: False, timeout=0.05)


# Misbehaving


def test_behaviours_apply_one_after_another_and_then_all_is_well(server):
    server.behave("a.csv", Status(503), Well(), CloseBeforeHead(), Status(429))
    assert get(server)[0] == 503
    assert get(server)[0] == 200
    with pytest.raises(http.client.RemoteDisconnected):
        get(server)
    assert [get(server)[0] for _ in range(3)] == [429, 200, 200]


def test_what_is_forever_stays(server):
    server.behave("a.csv", Status(500), Forever(Status(404)))
    assert [get(server)[0] for _ in range(4)] == [500, 404, 404, 404]


@pytest.mark.parametrize(
    ("behaviour", "ending"),
    [
        (CloseBeforeHead(), "end"),
        (ResetBeforeHead(), "reset"),
        (CloseInHead(), "end"),
        (behaviours.StallBeforeHead(), "silence"),
        (behaviours.StallInHead(), "silence"),
        (CloseInBody(at=100), "end"),
        (behaviours.ResetInBody(at=100), "reset"),
        (behaviours.StallInBody(at=100), "silence"),
    ],
    ids=repr,
)
def test_connections_end_as_they_are_told(server, behaviour, ending):
    server.behave("a.csv", behaviour)
    found, seen = raw(server, timeout=0.2 if ending == "silence" else 10)
    assert seen == ending
    body = found.partition(b"\r\n\r\n")[2]
    assert body == (CONTENT[:100] if "InBody" in repr(behaviour) and ending != "reset" else b"") or ending == "reset"
    server.wait_for(server.idle)


def test_a_drip_takes_its_time(server):
    server.put("slow", bytes(300))
    server.behave("slow", Drip(rate=1000))
    begin = time.monotonic()
    assert get(server, "slow")[2] == bytes(300)
    assert time.monotonic() - begin >= 0.25


def test_the_rate_of_the_server_holds_for_all(server):
    server.rate = 100_000
    begin = time.monotonic()
    get(server)
    assert time.monotonic() - begin >= 0.08


def test_a_retry_date_lies_ahead_by_what_was_asked(server):
    server.behave("a.csv", Status(503, retry_date=100), Status(503, retry_after="-1"), Status(503))
    after = [get(server)[1].get("retry-after") for _ in range(3)]
    assert after[0].endswith(" GMT")
    assert after[1:] == ["-1", None]


def test_chunks_end_or_break_off(server):
    server.behave("a.csv", Chunked(), Chunked(at=2500), Chunked(last=b"zz\r\n"))
    assert get(server)[2] == CONTENT
    with pytest.raises(http.client.IncompleteRead):
        get(server)
    assert raw(server)[0].endswith(b"zz\r\n\r\n")


def test_a_change_heeds_if_range_or_does_not(server):
    old = get(server)[1]["etag"]
    new = CONTENT[::-1]
    server.behave("a.csv", Change(new))
    assert get(server, Range="bytes=9-", If_Range=old)[0::2] == (200, new)
    old = get(server)[1]["etag"]
    server.behave("a.csv", Change(new + b"1", heed_if_range=False))
    status, headers, body = get(server, Range="bytes=9-", If_Range=old)
    assert (status, headers["etag"] != old, body) == (206, True, new[9:] + b"1")
    old = get(server)[1]["etag"]
    server.behave("a.csv", Change(new, keep_validators=True))
    status, headers, body = get(server, Range="bytes=9-", If_Range=old)
    assert (status, headers["etag"], body) == (206, old, new[9:])


def test_encodings_decode_to_the_file_unless_they_are_broken(server):
    server.behave("a.csv", Encoded(), Encoded("gzip, gzip", times=2), Encoded(flip=12))
    assert gzip.decompress(get(server)[2]) == CONTENT
    assert gzip.decompress(gzip.decompress(get(server)[2])) == CONTENT
    with pytest.raises((OSError, EOFError, zlib.error)):
        gzip.decompress(get(server)[2])


def test_a_bomb_grows_a_thousandfold(server):
    server.behave("a.csv", GzipBomb(size=8 << 20))
    _, headers, body = get(server)
    assert len(body) == int(headers["content-length"]) < 20_000
    assert zlib.decompress(body[10:-8], wbits=-15) == b"1,2,3,4\n" * (1 << 20)


def behaviours_without_arguments():
    found = [kind for _, kind in inspect.getmembers(behaviours, inspect.isclass) if kind.__doc__]
    found = [kind for kind in found if issubclass(kind, behaviours.Behaviour)]
    return [kind for kind in found if kind not in (behaviours.Behaviour, behaviours.Changed, GzipBomb)]


def test_there_are_behaviours_enough_and_each_says_what_it_does():
    kinds = behaviours_without_arguments()
    assert len(kinds) >= 40
    assert all(kind.__doc__.strip().endswith(".") for kind in kinds)


MADE = [
    behaviours.Pause(at=5, seconds=0.01), behaviours.PartUnasked(), behaviours.EarlyHints(),
    behaviours.SwitchProtocols(), behaviours.LengthOver(5), behaviours.LengthUnder(5), behaviours.NoLength(),
    behaviours.NoLength(at=7), behaviours.Lengths(("-5",)), behaviours.Lengths(("{}", "7")), behaviours.HugeLength(),
    behaviours.Endless(), behaviours.Endless(chunked=True), behaviours.RangeIgnored(), behaviours.RangeShifted(),
    behaviours.RangeShort(3), behaviours.RangeText(None), behaviours.RangeText("bytes {start}-{last}/1"),
    behaviours.RangeCut(), behaviours.RangeUntilEnd(), behaviours.RangeEncoded(),
    behaviours.Balanced(), behaviours.Multipart(), behaviours.Unsatisfiable(),
    behaviours.WeakEtag(), behaviours.OnlyDate(), behaviours.NoValidators(), behaviours.Redirect("/b"),
    behaviours.RedirectRaw(), behaviours.RedirectRaw(b"\xff"), behaviours.RedirectChain(), behaviours.Challenge(),
    behaviours.Page(), behaviours.ContentType(None), behaviours.Flipped(3), behaviours.BigHead(),
    behaviours.ManyHeaders(), behaviours.HeadLine(b"X: \x00"), behaviours.StatusLine(b"HTTP/1.1 abc"),
    behaviours.NoHead(), behaviours.Http10(), behaviours.Trailing(), behaviours.Header("ETag", "x"),
]  # fmt: skip


@pytest.mark.parametrize("behaviour", MADE, ids=repr)
def test_every_behaviour_differs_from_good_manners_and_leaves_the_server_well(server, behaviour):
    """Asked for a range, which the behaviours of ranges need; times and dates do not differ within the test."""
    request = b"GET /a.csv HTTP/1.1\r\nHost: a\r\nRange: bytes=100-199\r\nConnection: close\r\n\r\n"

    silent = isinstance(behaviour, behaviours.HugeLength)

    def ask():
        with socket.create_connection((server.hosts[0], server.port), timeout=0.3 if silent else 20) as connection:
            connection.sendall(request)
            found = b""
            with contextlib.suppress(TimeoutError, ConnectionResetError):
                while len(found) < 1 << 22 and (data := connection.recv(1 << 16)):
                    found += data
            return found

    well = ask()
    assert well.startswith(b"HTTP/1.1 206 ")
    server.behave("a.csv", behaviour)
    assert (ask() == well) == isinstance(behaviour, behaviours.Pause)
    assert ask() == well
    server.wait_for(server.idle)


# The proxy


def test_the_proxy_forwards_and_records(server):
    with LoopbackProxy({"archive.example": ("127.0.0.1", server.port)}) as proxy:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy.url}))
        with opener.open("http://archive.example/a.csv?x=1") as answer:
            assert answer.read() == CONTENT
        assert proxy.seen == [("GET", "http://archive.example/a.csv?x=1")]
    assert server.requests[0].headers["host"] == "archive.example"


def test_the_proxy_tunnels_https(server, tmp_path):
    authority = Authority(tmp_path)
    trusting = ssl.create_default_context(cafile=str(authority.certificate))
    with (
        LoopbackServer(server.folder, tls=authority.context("archive.example")) as secure,
        LoopbackProxy({"archive.example": ("127.0.0.1", secure.port)}) as proxy,
    ):
        handlers = urllib.request.ProxyHandler({"https": proxy.url}), urllib.request.HTTPSHandler(context=trusting)
        with urllib.request.build_opener(*handlers).open("https://archive.example/a.csv") as answer:
            assert answer.read() == CONTENT
        assert proxy.seen == [("CONNECT", "archive.example:443")]


def test_the_proxy_asks_for_a_password_if_it_has_one(server):
    with LoopbackProxy(user="me", password="secret") as proxy:
        for address, status in ((proxy.url, 407), (proxy.url.replace("//", "//me:secret@"), 200)):
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": address}))
            with pytest.raises(urllib.error.HTTPError) if status != 200 else contextlib.nullcontext() as failure:
                assert opener.open(server.url("a.csv")).read() == CONTENT
            if failure is not None:
                failure.value.close()
                assert failure.value.code == status


# The command line


def start(*arguments):
    command = [sys.executable, "-m", "tests.loopback.server", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_the_command_serves_several_hosts_and_misbehaves(tmp_path):
    (tmp_path / "a.csv").write_bytes(CONTENT)
    with start(tmp_path, "--hosts", 2, "--behave", "a.csv=Status(503, retry_after='2');Drip(rate=500000)") as process:
        origins = [process.stdout.readline().strip() for _ in range(2)]
        try:
            with pytest.raises(urllib.error.HTTPError) as failure:
                urllib.request.urlopen(f"{origins[0]}/a.csv")
            assert (failure.value.code, failure.value.headers["Retry-After"]) == (503, "2")
            failure.value.close()
            for origin in origins:
                with urllib.request.urlopen(f"{origin}/a.csv") as answer:
                    assert answer.read() == CONTENT
        finally:
            process.terminate()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_resumes_from_it_over_https(tmp_path):
    authority, folder = Authority(tmp_path), tmp_path / "served"
    folder.mkdir()
    (folder / "a.csv").write_bytes(CONTENT)
    pem = authority.write(tmp_path / "server.pem", "127.0.0.1")
    (tmp_path / "half").write_bytes(CONTENT[:5000])
    with start(folder, "--tls", pem) as process:
        try:
            origin = process.stdout.readline().strip()
            command = ["curl", "--silent", "--fail", "--cacert", authority.certificate, "--continue-at", "-"]
            subprocess.run([*command, "--output", tmp_path / "half", f"{origin}/a.csv"], check=True, timeout=30)
        finally:
            process.terminate()
    assert (tmp_path / "half").read_bytes() == CONTENT


@pytest.mark.parametrize("text", ["open('x')", "Forever(print(1))", "Status(__import__('os'))", "Status", "1 +"])
def test_a_spelling_that_is_no_behaviour_is_refused(text):
    with pytest.raises((ValueError, SyntaxError, AttributeError)):
        read_behaviour(text).answer(None)
