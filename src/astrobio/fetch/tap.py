"""Queries to TAP services (IVOA, Table Access Protocol 1.1), by GET where the service answers at once, else by a job.

A service may cut an answer at a limit and say so in a VOTable only, or not at all. So the rows are counted by the
service before and after, and the count goes into the provenance, where the gates compare it with what came.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from astrobio.archives.asking import TapQuery
from astrobio.core.errors import RefusedInput
from astrobio.fetch.answers import head, text_answer
from astrobio.fetch.bringing import Answer, Bringing, Brought, Incomplete, forget
from astrobio.fetch.jobs import remove_job, result_of_job

ROUNDS = 2
"""How often a table is asked for that changes meanwhile."""
_STATUS = re.compile(rb"<INFO\b([^>]*\bQUERY_STATUS\b[^>]*?)(?:/>|>([^<]*))", re.IGNORECASE)
_VALUE = re.compile(rb"""\bvalue\s*=\s*["']([^"']*)["']""", re.IGNORECASE)


def bring_tap(ask: TapQuery, bringing: Bringing) -> Iterator[Brought]:
    """Ask a query, unless its answer is held.

    Raises
    ------
    TransferFailed, Unreachable
        If the service does not answer.
    RefusedInput
        If it answers an error, or says that it cut the answer.
    Incomplete
        If the number of rows changes while they are asked for, again and again.
    """
    bringing.names.add(ask.name)
    held = bringing.held.get(ask.name)
    if held is not None and held.get("adql", ask.adql) == ask.adql and not bringing.update:
        return
    for _ in range(ROUNDS):
        before = counted(ask, bringing)
        answer = _answer(ask, bringing)
        _check_status(ask, answer.path)
        after = counted(ask, bringing)
        if before == after:
            break
        forget(answer.path)
    else:
        raise Incomplete(f"{ask.service}: the rows of {ask.name} change while they are asked for "
                         f"({before}, then {after})", fix="the same command again, later")  # fmt: skip
    if not ask.synchronous:
        remove_job(bringing)
    detail = answer.detail | {"adql": ask.adql, "most_rows": ask.most_rows}
    if before is not None:
        detail["rows_counted"] = before
    yield Brought(bringing.product.name, ask.name, answer.path, "fetched", "exchange", detail)


def sync_url(ask: TapQuery, adql: str, form: str | None = None) -> str:
    """The address that answers a query at once.

    >>> sync_url(TapQuery("https://exoplanetarchive.ipac.caltech.edu/TAP", "", ""), "select 1")
    'https://exoplanetarchive.ipac.caltech.edu/TAP/sync?REQUEST=doQuery&LANG=ADQL&FORMAT=csv&MAXREC=1000000&QUERY=select+1'
    """
    values = {"REQUEST": "doQuery", "LANG": "ADQL", "FORMAT": form or ask.format, "MAXREC": ask.most_rows,
              "QUERY": adql}  # fmt: skip
    return f"{ask.service}/sync?{urlencode(values)}"


def counted(ask: TapQuery, bringing: Bringing) -> int | None:
    """How many rows the service counts; none where the declaration has no query for it.

    Raises
    ------
    RefusedInput
        If it answers anything else than a number.
    """
    if ask.count is None:
        return None
    answer = bringing.document(sync_url(ask, ask.count, "csv"), "count.csv", max_bytes=1 << 16)
    _check_status(ask, answer.path)
    rows = list(csv.reader(text_answer(answer.path).splitlines()))
    if len(rows) != 2 or len(rows[1]) != 1 or not re.fullmatch(r"\d{1,15}", rows[1][0].strip()):
        raise RefusedInput(f"{ask.service}: asked how many rows there are it answers {head(answer.path)!r}")
    forget(answer.path)
    return int(rows[1][0])


def _answer(ask: TapQuery, bringing: Bringing) -> Answer:
    """What came before a kill, or what the service answers; a job's result has an address of its own each time."""
    answer = bringing.come(ask.name)
    if answer is None:
        url = sync_url(ask, ask.adql) if ask.synchronous else result_of_job(ask, bringing)
        answer = bringing.answer(bringing.request(url, ask.name))
    return answer


def _check_status(ask: TapQuery, path: Path) -> None:
    """Refuse a VOTable that says that the query failed, or that its answer was cut (DALI 1.1, section 4.4)."""
    with open(path, "rb") as stream:
        begin = stream.read(1 << 16)
        stream.seek(max(0, path.stat().st_size - (1 << 16)))
        end = stream.read()
    if not begin.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return
    for found in [*_STATUS.finditer(begin), *_STATUS.finditer(end)]:
        value = _VALUE.search(found[1])
        status = value[1].upper() if value else b""
        said = (found[2] or b"").decode("utf-8", "replace").strip()[:300]
        if status == b"ERROR":
            forget(path)
            raise RefusedInput(f"{ask.service} says: {said or 'the query failed'}")
        if status == b"OVERFLOW":
            forget(path)
            raise RefusedInput(f"{ask.service}: the answer was cut at {ask.most_rows} rows, or at the service's limit")
