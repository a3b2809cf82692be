"""Small services on loopback, each over made content, that speak the protocols of the archives and can misbehave.

A service answers requests below a path of a :class:`Services` server. Its attributes say how it misbehaves; they may
be set while it runs, so that a service can change between two pages.
"""

from __future__ import annotations

import csv
import io
import json
import re
import xml.sax.saxutils
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.loopback.behaviours import Behaviour, Forever
from tests.loopback.messages import Answer, Bytes, SeenRequest, short
from tests.loopback.server import Exchange, LoopbackServer

Handler = Callable[[SeenRequest], Answer]


class _Routes(dict):
    """Behaviours by exact path, and services by the beginning of a path."""

    def __init__(self) -> None:
        super().__init__()
        self.services: dict[str, list[Forever]] = {}

    def get(self, path: str, default: Any = None) -> Any:
        exact = super().get(path)
        if exact:
            return exact
        fitting = [begin for begin in self.services if path == begin or path.startswith(f"{begin}/")]
        return self.services[max(fitting, key=len)] if fitting else default


@dataclass(frozen=True)
class _Served(Behaviour):
    handler: Handler

    async def answer(self, exchange: Exchange) -> None:
        await exchange.send(self.handler(exchange.request))


class Services(LoopbackServer):
    """A loopback server some of whose paths are services."""

    def __init__(self, folder: Path, hosts: Sequence[str] = ("127.0.0.1",)) -> None:
        super().__init__(folder, hosts)
        self._behaviours = _Routes()

    def serve(self, path: str, handler: Handler) -> str:
        """Let a service answer below ``path``; its address."""
        self._behaviours.services[path] = [Forever(_Served(handler))]
        return self.url(path)


def values(request: SeenRequest) -> dict[str, str]:
    """Parameters of a request, names in upper case, from its query and its form."""
    form = request.body.decode() if request.method == "POST" else ""
    return {name.upper(): value for name, value in parse_qsl(f"{request.query}&{form}", keep_blank_values=True)}


@dataclass
class TapService:
    """A TAP service over tables; ``path`` is where it is served.

    ``cut`` leaves rows out unsaid; ``miscount`` is added to a count; ``overflow`` cuts at MAXREC and says so in a
    VOTable; ``error`` is said in a VOTable under status 200; ``grows`` adds a row before each answer but counts.
    Of jobs: ``polls`` answers before one is done, ``ends`` its last phase, ``forgets`` knows none any more,
    ``description`` is answered in place of a job's.
    """

    path: str
    tables: dict[str, list[dict[str, str]]]
    cut: int | None = None
    miscount: int = 0
    overflow: bool = False
    error: str = ""
    grows: str = ""
    polls: int = 2
    ends: str = "COMPLETED"
    forgets: bool = False
    description: bytes | None = None
    location: str = ""
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    made: int = 0

    def __call__(self, request: SeenRequest) -> Answer:
        place = request.path.removeprefix(self.path).strip("/").split("/")
        if place[0] == "sync":
            return self.answer(values(request))
        if place == ["async"] and request.method == "POST":
            self.made += 1
            self.jobs[str(self.made)] = {"values": values(request), "phase": "PENDING", "asked": 0}
            return short(303, location=self.location or f"/{self.path}/async/{self.made}")
        job = None if self.forgets else self.jobs.get(place[1] if len(place) > 1 else "")
        if job is None:
            return short(404, b"no such job\n")
        if request.method == "DELETE":
            del self.jobs[place[1]]
            return short(303, location=f"/{self.path}/async")
        if place[2:] == ["phase"] and request.method == "POST":
            job["phase"] = "EXECUTING"
            return short(303, location=f"/{self.path}/async/{place[1]}")
        if place[2:] == ["results", "result"]:
            return self.answer(job["values"])
        return self.describe(place[1], job)

    def describe(self, number: str, job: dict[str, Any]) -> Answer:
        if self.description is not None:
            return short(200, self.description, "text/xml")
        if job["phase"] == "EXECUTING":
            job["asked"] += 1
            if job["asked"] > self.polls:
                job["phase"] = self.ends
        place = f"/{self.path}/async/{number}/results/result"
        result = f'<uws:results><uws:result id="result" xlink:href="{place}"/></uws:results>'
        failed = '<uws:errorSummary type="fatal"><uws:message>no such column</uws:message></uws:errorSummary>'
        text = (
            '<uws:job xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'version="1.1"><uws:jobId>{number}</uws:jobId><uws:phase>{job["phase"]}</uws:phase>'
            f"{result if job['phase'] == 'COMPLETED' else ''}{failed if job['phase'] == 'ERROR' else ''}</uws:job>"
        )
        return short(200, text.encode(), "text/xml")

    def answer(self, asked: dict[str, str]) -> Answer:
        """The answer to a query."""
        if self.error:
            return short(200, votable([], [], "ERROR", self.error), "application/x-votable+xml")
        query = " ".join(asked["QUERY"].split())
        found = re.fullmatch(r"select (.*) from (\S+)(?: .*)?", query, re.IGNORECASE)
        assert found, query
        rows = self.tables[found[2].strip('"')]
        if found[1].lower() == "count(*)":
            return short(200, f"count\n{len(rows) + self.miscount}\n".encode(), "text/csv")
        if self.grows == found[2]:
            rows.append({name: f"{value}{len(rows)}" for name, value in rows[0].items()})
        names = [name.strip(' "') for name in found[1].split(",")]
        most = int(asked.get("MAXREC", len(rows)))
        shown = rows[: self.cut if self.cut is not None else most]
        if asked["FORMAT"] == "votable":
            status = "OVERFLOW" if self.overflow or len(rows) > most else "OK"
            return short(200, votable(names, shown, status), "application/x-votable+xml")
        return short(200, table(names, shown), "text/csv")


def table(names: Sequence[str], rows: Sequence[dict[str, str]]) -> bytes:
    """Rows as CSV."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue().encode()


def votable(names: Sequence[str], rows: Sequence[dict[str, str]], status: str, said: str = "") -> bytes:
    """Rows as a VOTable whose status stands where DALI 1.1 puts it: an overflow behind the table."""
    escape = xml.sax.saxutils.escape
    first = "OK" if status == "OVERFLOW" else status
    info = f'<INFO name="QUERY_STATUS" value="{first}">{escape(said)}</INFO>'
    fields = "".join(f'<FIELD name="{name}" datatype="char" arraysize="*"/>' for name in names)
    lines = "".join("<TR>" + "".join(f"<TD>{escape(row[name])}</TD>" for name in names) + "</TR>\n" for row in rows)
    last = f'<INFO name="QUERY_STATUS" value="{status}"/>' if status == "OVERFLOW" else ""
    return (
        '<?xml version="1.0"?><VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f'<RESOURCE type="results">{info}<TABLE>{fields}<DATA><TABLEDATA>{lines}</TABLEDATA></DATA></TABLE>{last}'
        "</RESOURCE></VOTABLE>"
    ).encode()


@dataclass
class OaiRepository:
    """An OAI-PMH repository of ``count`` records, ``together`` a page.

    ``expires`` is a place whose token is refused so many times as it says; ``loops``, ``repeats`` and ``drops`` are
    pages that name their own token again, hold the page before, or lack a record; ``short`` ends after a page;
    ``error`` is a code that every request meets; ``size`` is said instead of the right one; ``body`` replaces a page.
    """

    count: int = 25
    together: int = 4
    expires: dict[int, int] = field(default_factory=dict)
    loops: int | None = None
    repeats: int | None = None
    drops: tuple[int, ...] = ()
    short: int | None = None
    error: str = ""
    size: int | None = None
    body: dict[int, bytes] = field(default_factory=dict)
    stamp: str = "2026-11-25T00:00:00Z"

    def __call__(self, request: SeenRequest) -> Answer:
        token = values(request).get("RESUMPTIONTOKEN")
        page = int(token.split("/")[1]) if token else 0
        if self.error:
            return self.document(f'<error code="{self.error}">as it was told</error>')
        if token and self.expires.get(page, 0) > 0:
            self.expires[page] -= 1
            return self.document('<error code="badResumptionToken">expired</error>')
        if page in self.body:
            return short(200, self.body[page], "text/xml")
        begin = (page - 1 if page == self.repeats else page) * self.together
        numbers = [
            number for number in range(begin, min(begin + self.together, self.count)) if number not in self.drops
        ]
        last = (page + 1) * self.together >= self.count or page == self.short
        following = "" if last else f"t/{page if page == self.loops else page + 1}"
        size = self.count if self.size is None else self.size
        mark = f'<resumptionToken completeListSize="{size}" cursor="{begin}">{following}</resumptionToken>'
        return self.document(f"<ListRecords>{''.join(map(record, numbers))}{mark}</ListRecords>")

    def document(self, content: str) -> Answer:
        text = (
            '<?xml version="1.0" encoding="UTF-8"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
            f"<responseDate>{self.stamp}</responseDate>{content}</OAI-PMH>"
        )
        return short(200, text.encode(), "text/xml")


def record(number: int) -> str:
    """A record of an OAI-PMH repository."""
    return (
        f"<record><header><identifier>oai:made.org:{number}</identifier><datestamp>2026-01-01</datestamp></header>"
        f"<metadata><title>Number {number}</title></metadata></record>"
    )


@dataclass
class EntryService:
    """A list of entries, and each entry; those in ``absent`` are listed and not there, ``instead`` has other bodies."""

    path: str
    entries: dict[str, bytes]
    absent: frozenset[str] = frozenset()
    instead: dict[str, bytes] = field(default_factory=dict)

    def __call__(self, request: SeenRequest) -> Answer:
        place = request.path.removeprefix(self.path).strip("/").split("/")
        if place[0] == "list":
            lines = "".join(f"{name}\tentry {name}\n" for name in self.entries)
            return short(200, self.instead.get("list", lines.encode()))
        name = place[1]
        if name not in self.entries or name in self.absent:
            return short(404, b"\n")
        return short(200, self.instead.get(name, self.entries[name]), etag=f'"{hash(self.entries[name]) & 0xFFFF:x}"')


@dataclass
class PagedService:
    """Results page by page, by a cursor in the Link header or an offset; ``rows`` are lines of a table.

    ``total`` is said instead of the right number; ``changes`` is a page from which on another number is said, that
    many times; ``loops``, ``repeats``, ``drops`` and ``elsewhere`` are pages that lead to themselves, hold the page
    before, lack a row, or lead to another host.
    """

    path: str
    rows: list[str]
    step: int = 5
    total: int | None = None
    changes: int | None = None
    again: int = 10
    loops: int | None = None
    repeats: int | None = None
    drops: int | None = None
    elsewhere: str = ""
    as_json: bool = False
    header = "id\tvalue"

    def __call__(self, request: SeenRequest) -> Answer:
        begin = int(values(request).get("START", "0"))
        page = begin // self.step
        shown = self.rows[begin - self.step if page == self.repeats else begin :][: self.step]
        shown = shown[1:] if page == self.drops else shown
        total = len(self.rows) if self.total is None else self.total
        if self.changes is not None and page >= self.changes and self.again:
            self.again -= 1
            total += 1
        headers = {"x_total_results": str(total)}
        following = begin if page == self.loops else begin + self.step
        if following < len(self.rows):
            host = self.elsewhere if page == 1 and self.elsewhere else ""
            headers["link"] = f'<{host}/{self.path}?start={following}>; rel="next"'
        if self.as_json:
            body = json.dumps({"response": {"numFound": total, "docs": [{"id": row} for row in shown]}})
            return short(200, body.encode(), "application/json", **headers)
        return short(200, ("\n".join([self.header, *shown]) + "\n").encode(), "text/plain", **headers)


@dataclass
class Bucket:
    """A public bucket, ``together`` keys a page.

    ``miscount`` is added to KeyCount; ``loops`` lets the second page name itself as the next; ``sizes`` are said in
    place of the right ones.
    """

    path: str
    objects: dict[str, bytes]
    together: int = 4
    miscount: int = 0
    loops: bool = False
    sizes: dict[str, int] = field(default_factory=dict)

    def __call__(self, request: SeenRequest) -> Answer:
        key = unquote(urlsplit(request.target).path).removeprefix(f"/{self.path}/")
        if key in self.objects:
            return short(200, self.objects[key], "binary/octet-stream")
        asked = values(request)
        if asked.get("LIST-TYPE") != "2":
            return short(404, b"<Error><Code>NoSuchKey</Code></Error>", "application/xml")
        keys = sorted(name for name in self.objects if name.startswith(asked["PREFIX"]))
        begin = int(asked.get("CONTINUATION-TOKEN", "0"))
        shown = keys[begin : begin + self.together]
        more = begin + self.together < len(keys)
        following = begin if self.loops and begin else begin + self.together
        contents = "".join(
            f"<Contents><Key>{name}</Key><Size>{self.sizes.get(name, len(self.objects[name]))}</Size></Contents>"
            for name in shown
        )
        token = f"<NextContinuationToken>{following}</NextContinuationToken>" if more else ""
        text = (
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<KeyCount>{len(shown) + self.miscount}</KeyCount><IsTruncated>{str(more).lower()}</IsTruncated>"
            f"{token}{contents}</ListBucketResult>"
        )
        return short(200, text.encode(), "application/xml")


@dataclass
class MastService:
    """Observations with products, as MAST's API answers; ``busy`` answers say that it is at work.

    ``lacks`` leaves out so many rows of products that the paging counts; ``error`` is said under status 200.
    """

    path: str
    products: dict[str, list[str]]
    files: dict[str, bytes]
    busy: int = 1
    lacks: int = 0
    error: str = ""

    def __call__(self, request: SeenRequest) -> Answer:
        asked = values(request)
        if request.path.endswith("/file"):
            name = asked["URI"].rpartition("/")[2]
            return (
                short(200, self.files[name], "application/octet-stream")
                if name in self.files
                else short(404, b"none\n")
            )
        if self.error:
            return self.document({"status": "ERROR", "msg": self.error})
        wanted = json.loads(asked["REQUEST"])
        if self.busy:
            self.busy -= 1
            return self.document({"status": "EXECUTING", "msg": "", "data": []})
        if wanted["service"] == "Mast.Caom.Filtered":
            rows: list[dict[str, Any]] = [{"obsid": int(number)} for number in self.products]
        else:
            rows = [
                {"productFilename": name, "dataURI": f"mast:JWST/product/{name}",
                 "size": len(self.files.get(name, b""))}
                for number in wanted["params"]["obsid"].split(",") for name in self.products[number]
            ]  # fmt: skip
        begin = (wanted["page"] - 1) * wanted["pagesize"]
        shown = rows[begin : begin + wanted["pagesize"]]
        shown = shown[: len(shown) - self.lacks] if wanted["service"] == "Mast.Caom.Products" else shown
        return self.document({"status": "COMPLETE", "msg": "", "data": shown, "fields": [],
                              "paging": {"page": wanted["page"], "rowsFiltered": len(rows)}})  # fmt: skip

    def document(self, content: dict[str, Any]) -> Answer:
        return short(200, json.dumps(content).encode(), "application/json")


def redirected(to: str) -> Handler:
    """A service that sends everyone elsewhere."""
    return lambda request: short(302, b"elsewhere\n", location=to)


def whole(body: bytes, content_type: str = "text/plain") -> Handler:
    """A service that answers every request with one body."""
    fields = {"Content-Type": content_type, "Content-Length": str(len(body))}
    return lambda request: Answer(200, dict(fields), Bytes(body))
