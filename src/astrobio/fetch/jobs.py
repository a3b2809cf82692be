"""Jobs at a service: made, waited for, removed (IVOA, Universal Worker Service 1.1).

A job is made by POST, which pyvo does over a session of ours: its requests keep the source's distance from each other,
answers may not be large, and none waits without end. What a job brings is fetched by the transfer, as every file is.
"""

from __future__ import annotations

import io
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter

from astrobio.archives.asking import TapQuery
from astrobio.core.errors import RefusedInput, Unreachable
from astrobio.fetch.answers import named_address
from astrobio.fetch.bringing import Bringing

if TYPE_CHECKING:
    from pyvo.dal.tap import AsyncTAPJob

LARGEST = 4 << 20
"""Bytes of a job's description."""
JOB = "job"
GONE = (404, 410)
BUSY = (429, 500, 502, 503, 504)
TRIES = 4
AGAIN = 1.0
"""The wait before another try doubles from this, in s."""
AGAIN_COMMAND = "the same command again, which goes on where this one ended"


@dataclass(frozen=True)
class Patience:
    """How often a job is asked after: first so soon, then ever later, in s."""

    first: float = 1.0
    growth: float = 1.3
    longest: float = 30.0


class _Body(io.BytesIO):
    """A body that was read before; pyvo reads it as it reads one that comes."""

    def read(self, size: int | None = -1, decode_content: bool = True) -> bytes:
        return super().read(size)


class PoliteAdapter(HTTPAdapter):
    """Sends each request at its time, redirects included, and takes no large answer."""

    def __init__(self, interval: float, sleep: Callable[[float], None]) -> None:
        super().__init__()
        self.interval, self.sleep = interval, sleep
        self.sent = 0
        self._next = time.monotonic() + interval

    def pause(self) -> None:
        """Wait until the next request may be sent."""
        self.sleep(max(0.0, self._next - time.monotonic()))
        self._next = time.monotonic() + self.interval

    def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:  # type: ignore[override]
        """Send one request and take its answer."""
        self.pause()
        self.sent += 1
        response = super().send(request, *args, **options | {"stream": True})
        _take(response)
        return response


class PoliteSession(requests.Session):
    """A session that waits between requests, stays with the host that it asks, and takes no large answer.

    Parameters
    ----------
    interval : float
        Least time between the starts of two requests, in s; also before the first.
    patience : float
        How long an answer may take to go on, in s.
    sleep : callable
        Waits so many seconds.
    """

    def __init__(self, interval: float, patience: float, sleep: Callable[[float], None] = time.sleep) -> None:
        super().__init__()
        self.timeout, self.sleep = (20.0, patience), sleep
        self.max_redirects = 5
        self.polite = PoliteAdapter(interval, sleep)
        for scheme in ("http://", "https://"):
            self.mount(scheme, self.polite)

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:  # type: ignore[override]
        """Send one request; one that changes nothing is tried again where the service is busy or not there."""
        tries = TRIES if str(method).upper() == "GET" else 1
        for done in range(1, tries):
            try:
                response = super().request(method, url, *args, **options | {"timeout": self.timeout})
            except (requests.ConnectionError, requests.Timeout):
                pass
            else:
                if response.status_code not in BUSY:
                    return response
            self.sleep(AGAIN * 2**done)
        return super().request(method, url, *args, **options | {"timeout": self.timeout})

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Where a redirect leads: within its host, and not from https to http, which services behind a proxy name."""
        target = super().get_redirect_target(resp)
        return within(resp.url, target) if target else None


def within(url: str, target: str) -> str:
    """An address that a service at ``url`` names of itself.

    Raises
    ------
    RefusedInput
        If it is of another host.

    >>> within("https://gea.esac.esa.int/tap-server/tap/async", "http://gea.esac.esa.int/tap-server/tap/async/1")
    'https://gea.esac.esa.int/tap-server/tap/async/1'
    """
    here, there = urlsplit(url), named_address(url, target)
    if there.hostname != here.hostname or there.scheme not in ("http", "https"):
        raise RefusedInput(f"{url} leads to another host: {target}")
    if (here.scheme, there.scheme) == ("https", "http"):
        there = there._replace(scheme="https", netloc=there.netloc.removesuffix(":80"))
    return urlunsplit(there)


def _take(response: requests.Response) -> None:
    """Take the body, as far as it may be."""
    content = bytearray()
    for piece in response.iter_content(1 << 16):
        content += piece
        if len(content) > LARGEST:
            response.close()
            raise RefusedInput(f"{response.url}: the description of a job is longer than {LARGEST} bytes")
    response.close()
    response._content = bytes(content)
    response.raw = cast(Any, _Body(content))


def result_of_job(ask: TapQuery, bringing: Bringing, patience: Patience | None = None) -> str:
    """Make a job, or go on with the one that was made before, wait until it is done, and return where its result is.

    Raises
    ------
    Unreachable
        If the service does not answer, or the job takes too long; it is asked after again next time.
    RefusedInput
        If the service says that the job failed, or what it says is no job.
    """
    from pyvo.dal.exceptions import DALServiceError

    session = _session(bringing)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what pyvo finds unusual about a job that it can read
            job = _resumed(ask, bringing, session) or _made(ask, bringing, session)
            phase = _wait(job, ask, session, patience or Patience())
            if phase != "COMPLETED":
                bringing.forget(JOB)
                raise RefusedInput(f"{ask.service}: the job ended as {phase or 'no job'}: {_summary(job)}")
            result = job.result_uri or f"{job.url}/results/result"
    except (DALServiceError, requests.RequestException) as error:
        raise Unreachable(f"{ask.service}: {_said(error)}", fix=AGAIN_COMMAND) from error
    except (ValueError, TypeError) as error:  # no XML; an element without the value that pyvo makes a number of
        raise RefusedInput(f"{ask.service}: what it says of the job cannot be read: {_said(error)}") from error
    finally:
        bringing.transfers.requests += session.polite.sent
    session.polite.pause()
    return within(ask.service, result)


def remove_job(bringing: Bringing) -> None:
    """Tell the service that the job is not needed any more."""
    kept = bringing.recall(JOB)
    bringing.forget(JOB)
    if kept is None:
        return
    session = _session(bringing)
    try:
        session.delete(kept["url"], allow_redirects=False)
    except requests.RequestException as error:
        bringing.remarks.append(f"the job {kept['url']} was not removed; the service does so in time: {_said(error)}")
    bringing.transfers.requests += session.polite.sent


def _session(bringing: Bringing) -> PoliteSession:
    session = PoliteSession(bringing.source.interval, bringing.source.patience)
    session.headers["User-Agent"] = bringing.user_agent
    return session


def _resumed(ask: TapQuery, bringing: Bringing, session: PoliteSession) -> AsyncTAPJob | None:
    """The job that was made before, if the service still has it."""
    from pyvo.dal.exceptions import DALServiceError
    from pyvo.dal.tap import AsyncTAPJob

    kept = bringing.recall(JOB)
    if kept is None or kept["adql"] != ask.adql:
        return None
    try:
        job = AsyncTAPJob(kept["url"], session=session, delete=False)
    except DALServiceError as error:
        if error.code not in GONE:
            raise
        return None
    phase = job.phase
    if phase == "PENDING":
        job.run()
    return None if phase in ("ERROR", "ABORTED", "ARCHIVED") else job


def _made(ask: TapQuery, bringing: Bringing, session: PoliteSession) -> AsyncTAPJob:
    from pyvo.dal.tap import AsyncTAPJob

    job = AsyncTAPJob.create(ask.service, ask.adql, maxrec=ask.most_rows, session=session, FORMAT=ask.format)
    if job.url.rstrip("/") == f"{ask.service}/async":
        raise RefusedInput(f"{ask.service}: the service made no job of the query")
    bringing.remember(JOB, {"url": job.url, "adql": ask.adql})
    job.run()
    return job


def _wait(job: AsyncTAPJob, ask: TapQuery, session: PoliteSession, patience: Patience) -> str | None:
    """Wait until a job has ended; its phase."""
    pause, waited = patience.first, 0.0
    while (phase := job.phase) in ("PENDING", "QUEUED", "EXECUTING", "HELD", "SUSPENDED", "UNKNOWN"):
        if waited >= ask.longest:
            raise Unreachable(f"{ask.service}: the job is not done after {waited:.0f} s: {job.url}", fix=AGAIN_COMMAND)
        session.sleep(pause)
        waited += pause
        pause = min(patience.longest, pause * patience.growth)
    return phase


def _summary(job: AsyncTAPJob) -> str:
    summary = job.job.errorsummary
    return str(summary.message.content)[:500].strip() if summary and summary.message else "it does not say why"


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:500]
