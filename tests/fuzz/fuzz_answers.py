"""Fuzz the clients of services: mutants of what they answer, for as long as is asked.

    python tests/fuzz/fuzz_answers.py --seconds 600 --mirror DIR [--only FORMAT] [--seed N] [--record FILE]

Each client asks as the registry says, and gets a mutant of a list, a page, a count, a table or a job's description for
an answer, from no network. It must end, within the time that one may take: by handing files on, or by an error that
says what is wrong with the answer. What is asked for next must be at the host that was asked, and every name one of a
file. What fails is written to a file, with the seed that makes it again, and the program ends with 1. Not collected by
pytest: finds become tests of their own.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from astrobio.archives.asking import Entries, ListedFiles, MastProducts, OaiRecords, PublicObjects, TapQuery
from astrobio.archives.registry import source
from astrobio.core.errors import RefusedInput, Unreachable
from astrobio.fetch import jobs
from astrobio.fetch.bringing import Bringing, Brought, Incomplete, Transfers, file_name
from astrobio.fetch.listed import bring_listed
from astrobio.fetch.mast import bring_mast
from astrobio.fetch.protocols import bring
from astrobio.transfer import Outcome, Request
from tests.fetch.services import votable
from tests.fuzz.fuzz_tables import edit_json
from tests.fuzz.fuzzing import Format, Mutant, main
from tests.fuzz.mutation import mutate

DATA = b"the file itself\n"
MOST_REQUESTS = 2000
"""Requests from which on a client is taken for one that does not end."""

OAI = b"""<?xml version="1.0" encoding="UTF-8"?>
<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2026-11-25T00:00:00Z</responseDate>
<request verb="ListRecords">https://oaipmh.arxiv.org/oai</request><ListRecords>
<record><header><identifier>oai:arXiv.org:2305.00019</identifier><datestamp>2023-05-02</datestamp></header></record>
<record><header status="deleted"><identifier>oai:arXiv.org:2305.00020</identifier></header></record>
%s</ListRecords></OAI-PMH>
"""
BUCKET = b"""<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
<Name>stpubdata</Name><KeyCount>2</KeyCount><IsTruncated>%s</IsTruncated>
<Contents><Key>jwst/public/jw01366/L3/t/o003/jw01366-o003_t001_nirspec_clear-prism_x1dints.fits</Key><Size>16</Size>
</Contents><Contents><Key>jwst/public/jw01366/L3/t/preview.jpg</Key><Size>4</Size></Contents></ListBucketResult>
"""
JOB = b"""<?xml version="1.0"?><uws:job xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0" version="1.1"
 xmlns:xlink="http://www.w3.org/1999/xlink"><uws:jobId>7</uws:jobId><uws:phase>%s</uws:phase>
<uws:quote>2026-11-25T00:00:00Z</uws:quote><uws:executionDuration>30</uws:executionDuration>
<uws:parameters><uws:parameter id="LANG">ADQL</uws:parameter></uws:parameters>%s</uws:job>
"""
RESULT = b'<uws:results><uws:result id="result" xlink:href="/tap-server/tap/async/7/results/result"/></uws:results>'
FAILED = b'<uws:errorSummary type="fatal"><uws:message>no such column</uws:message></uws:errorSummary>'
ANSWERS = {
    "arxiv/oai": [OAI % b'<resumptionToken completeListSize="2"/>', OAI % b"<resumptionToken>1|2</resumptionToken>",
                  OAI.partition(b"<ListRecords>")[0] + b'<error code="badArgument">no</error></OAI-PMH>'],
    "mast/x1dints": [BUCKET % b"false", BUCKET % b"true",
                     (BUCKET % b"true").replace(b"<Contents>", b"<NextContinuationToken>2</NextContinuationToken>"
                                                b"<Contents>", 1)],
    "gaia/nearby_stars": [JOB % (b"COMPLETED", RESULT), JOB % (b"ERROR", FAILED), JOB % (b"EXECUTING", b"")],
    "vizier/hipparcos_nearby": [b"count\n2\n", b'"count"\r\n"2"\r\n', votable(["HIP"], [{"HIP": "1"}], "OVERFLOW"),
                                votable([], [], "ERROR", "no such table"), b"HIP,Plx\n1,40\n2,50\n"],
    "kegg/pathways": [b"map00010\tGlycolysis / Gluconeogenesis\nmap00020\tCitrate cycle\nmap07011\tPenicillins\n",
                      b"path:map00010\tGlycolysis\n"],
    "listed": [b'<html><body><a href="a_spectrum.tbl">a</a> <a href="sub/b_spectrum.tbl">b</a></body></html>'],
    "uniprot/temperature": [b"Entry\tOrganism\nP1\tX\nP2\tY\n"],
}  # fmt: skip
DOCUMENTS: dict[str, list[Any]] = {
    "mast/x1d": [
        {"status": "COMPLETE", "msg": "", "fields": [], "paging": {"page": 1, "rowsFiltered": 2}, "data": [
            {"obsid": 100, "productFilename": "jw01366-o003_t001_x1d.fits", "size": 16,
             "dataURI": "mast:JWST/product/jw01366-o003_t001_x1d.fits"},
            {"obsid": 101, "productFilename": "preview.jpg", "dataURI": "mast:JWST/p/preview.jpg", "size": None}]},
        {"status": "ERROR", "msg": "busy"}, {"status": "EXECUTING", "data": []},
    ],
    "ads/papers": [{"responseHeader": {"status": 0}, "response": {"numFound": 2, "start": 0, "docs": [
        {"bibcode": "2024A", "title": ["a"]}, {"bibcode": "2024B", "title": ["b"]}]}}],
    "bigg/models": [{"results": [{"bigg_id": "e_coli_core", "organism": "Escherichia coli"}, {"bigg_id": "iJO1366"}],
                     "results_count": 2}],
}  # fmt: skip
"""What services answer, by ``SOURCE/PRODUCT``; JSON as what it means."""
LINKS = ("", '</next?cursor=2>; rel="next"', '<https://elsewhere.org/x>; rel="next"', "<", '<>; rel="next"', "; ; ,",
         '<?cursor=3>; rel=next; title="a, b"', "\u00e9", '<http://[::1>; rel="next"', "x" * 9000)  # fmt: skip
TOTALS = ("2", "3", "0", "", "-1", "many", "99999999999999", "2, 2", "\u00b2", "1e3")
LISTED = ListedFiles("https://exoplanetarchive.ipac.caltech.edu/spectra/", r'href="([^"]+\.tbl)"', most=1000)


class Endless(Exception):
    """A client that asks on and on."""


@dataclass
class Told(Transfers):
    """Answers what it was told to, and keeps what was asked."""

    answers: Sequence[bytes] = ()
    headers: dict[str, str] | None = None
    asked: list[str] | None = None

    def fetch(self, requests: Sequence[Request]) -> list[Outcome]:
        """One answer after the other, the last again and again."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Request) -> Outcome:
        assert self.asked is not None
        content = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(request.url)
        if len(self.asked) > MOST_REQUESTS:
            raise Endless
        request.path.parent.mkdir(parents=True, exist_ok=True)
        request.path.write_bytes(content)
        return Outcome(request, request.path, None, len(content), 200, request.url, self.headers or {}, True, False, 0,
                       (), None)  # fmt: skip


def load(names: Sequence[str], mirror: Path) -> Format:
    """Clients, ready to be fuzzed."""
    folder = Path(tempfile.mkdtemp(prefix="answers-"))

    def make(rng: random.Random) -> Mutant:
        name = rng.choice(names)
        genuine = ANSWERS.get(name) or [json.dumps(one).encode() for one in DOCUMENTS[name]]
        answers, changes = [], []
        for _ in range(rng.choice((1, 1, 2, 3))):
            if name in DOCUMENTS and rng.random() < 0.5:
                content, more = edit_json(rng.choice(DOCUMENTS[name]), rng)
            elif rng.random() < 0.8:
                content, more = mutate(rng.choice(genuine), genuine, rng)
            else:
                content, more = rng.choice(genuine), []
            answers.append(content)
            changes += more
        headers = {"link": rng.choice(LINKS), "x-total-results": rng.choice(TOTALS), "content-type": "text/plain"}
        return Mutant(name, answers[0], changes, (answers, headers))

    return Format(make, partial(judge, folder))


def judge(folder: Path, mutant: Mutant) -> tuple[bool, str]:
    """Whether a client hands files on, and what is wrong with that."""
    answers, headers = mutant.about
    one, product = ("vizier", "hipparcos_nearby") if mutant.file == "listed" else mutant.file.split("/")
    shutil.rmtree(folder, ignore_errors=True)
    told = Told(None, answers=answers, headers=headers, asked=[])  # type: ignore[arg-type]
    offered = source(one).product(product)
    bringing = Bringing(source(one), offered, told, folder)
    try:
        if mutant.file == "listed":
            brought = list(bring_listed(LISTED, bringing))
        elif isinstance(offered.ask, MastProducts):
            brought = list(bring_mast(offered.ask, bringing, sleep=lambda _: None))
        elif mutant.file == "gaia/nearby_stars":
            return _judge_job(offered.ask, bringing, answers)
        else:
            brought = list(bring(offered.ask, bringing))
    except (RefusedInput, Incomplete, Unreachable):
        return False, ""
    return True, _wrong_with(brought, told, offered.ask if mutant.file != "listed" else LISTED)


def _wrong_with(brought: Sequence[Brought], told: Told, ask: Any) -> str:
    """Names that are none of files, files that are not there, and hosts that nobody named."""
    hosts = {urlsplit(address).netloc for address in _addresses(ask)}
    elsewhere = [url for url in told.asked or () if urlsplit(url).netloc not in hosts]
    if elsewhere:
        return f"{elsewhere[:3]} was asked for"
    names = [one.name for one in brought]
    if len(set(names)) != len(names) or not all(file_name(name) for name in names):
        return f"{names[:5]} come more than once"
    return "" if all(one.path.is_file() for one in brought) else "a file that was handed on is not there"


def _addresses(ask: Any) -> list[str]:
    if isinstance(ask, OaiRecords):
        return [ask.base]
    if isinstance(ask, PublicObjects):
        return [ask.bucket]
    if isinstance(ask, TapQuery):
        return [ask.service]
    if isinstance(ask, Entries):
        return [ask.listing, ask.entry]
    if isinstance(ask, ListedFiles):
        return [ask.index, ask.base]
    return [ask.service, ask.download] if isinstance(ask, MastProducts) else [ask.first]


# -- jobs -----------------------------------------------------------------------------------------------------------
class ToldSession(jobs.PoliteSession):
    """A session that sends nothing."""

    answers: Sequence[bytes] = ()
    asked = 0

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:  # type: ignore[override]
        """The next answer, at the address of a job where one is made."""
        response = requests.Response()
        response.status_code = 200
        response.url = url if str(method) == "GET" else "https://gea.esac.esa.int/tap-server/tap/async/7"
        response.headers["content-type"] = "text/xml"
        response._content = bytes(self.answers[min(self.asked, len(self.answers) - 1)])
        response.raw = jobs._Body(response._content)
        self.asked += 1
        if self.asked > MOST_REQUESTS:
            raise Endless
        return response


def _judge_job(ask: Any, bringing: Bringing, answers: Sequence[bytes]) -> tuple[bool, str]:
    session = ToldSession(0.0, 1.0, sleep=lambda _: None)
    session.answers = answers
    jobs._session = lambda _bringing: session  # type: ignore[assignment]
    url = jobs.result_of_job(ask, bringing, jobs.Patience(first=600.0))
    jobs.remove_job(bringing)
    there = urlsplit(url)
    return True, "" if (there.scheme, there.netloc) == ("https", "gea.esac.esa.int") else f"the result is at {url!r}"


FORMATS = {
    "xml_answers": partial(load, ["arxiv/oai", "mast/x1dints"]),
    "json_answers": partial(load, ["mast/x1d", "ads/papers", "bigg/models"]),
    "text_answers": partial(load, ["vizier/hipparcos_nearby", "kegg/pathways", "listed", "uniprot/temperature"]),
    "jobs": partial(load, ["gaia/nearby_stars"]),
}

if __name__ == "__main__":
    sys.exit(main(FORMATS, __doc__))
