"""Files of observations at MAST, by its API (https://mast.stsci.edu/api/v0/): observations, their products, the files.

A request is a JSON object in the address; the same one is sent again while the service says that it is at work.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from astrobio.archives.asking import MastProducts
from astrobio.core.errors import RefusedInput, Unreachable
from astrobio.core.hashing import sha256_json
from astrobio.fetch.answers import LARGEST, at, head, json_answer
from astrobio.fetch.bringing import Answer, Bringing, Brought, Incomplete, forget

PAGE = 5000
"""Rows a page; answers of more than about 500,000 rows fail, as the API's first page says."""
MOST_PAGES = 200
TRIES = 60
PAUSE = 2.0
"""How long to wait before an answer that is not ready is asked for again, in s."""


def bring_mast(ask: MastProducts, bringing: Bringing, sleep: Callable[[float], None] = time.sleep) -> Iterator[Brought]:
    """Fetch the products of the observations that pass the filters, as far as they are not held.

    Raises
    ------
    TransferFailed
        If a list or, after the others have been brought, a file is not to be had.
    Unreachable
        If the service is at work without end.
    RefusedInput
        If it answers an error, or names what cannot be a file.
    Incomplete
        If fewer rows come than it says that there are.
    """
    observations = sorted({str(row["obsid"]) for row in _rows(ask, "Mast.Caom.Filtered", _filters(ask), bringing,
                                                              sleep) if row.get("obsid")})  # fmt: skip
    products: dict[str, tuple[str, int | None]] = {}
    for begin in range(0, len(observations), ask.together):
        for row in _products(ask, observations[begin : begin + ask.together], bringing, sleep):
            name, uri = str(row.get("productFilename", "")), str(row.get("dataURI", ""))
            if not re.fullmatch(ask.pattern, name):
                continue
            size = row.get("size")
            products[name] = uri, size if isinstance(size, int) and size > 0 else None
            if len(products) > ask.most:
                raise RefusedInput(f"{ask.service}: more than {ask.most} files are named")
    if not products:
        raise RefusedInput(f"{ask.service}: {len(observations)} observations, and no file of the form {ask.pattern}")
    yield from bringing.bring(
        (name, bringing.request(ask.download.replace("{uri}", quote(uri, safe=":/")), name, length=size,
                                content_types=ask.content_types, signatures=ask.signatures))
        for name, (uri, size) in products.items()
    )  # fmt: skip


def request_url(ask: MastProducts, service: str, params: dict[str, Any], page: int) -> str:
    """The address that answers a request; equal requests have equal addresses."""
    wanted = {"service": service, "params": params, "format": "json", "pagesize": PAGE, "page": page}
    return f"{ask.service}?{urlencode({'request': json.dumps(wanted, separators=(',', ':'))})}"


def _filters(ask: MastProducts) -> dict[str, Any]:
    return {
        "columns": "obsid,obs_id,dataRights",
        "filters": [{"paramName": name, "values": list(values)} for name, values in ask.filters],
    }


def _products(
    ask: MastProducts, observations: Sequence[str], bringing: Bringing, sleep: Callable[[float], None]
) -> Iterator[dict[str, Any]]:
    """The products of some observations; a list that came before a kill is not asked for again."""
    kept = f"products-{sha256_json(list(observations))[:12]}.json"
    rows = bringing.recall(kept)
    if rows is None:
        found = _rows(ask, "Mast.Caom.Products", {"obsid": ",".join(observations)}, bringing, sleep)
        rows = [{name: row.get(name) for name in ("productFilename", "dataURI", "size")} for row in found]
        bringing.remember(kept, rows)
    yield from rows


def _rows(
    ask: MastProducts, service: str, params: dict[str, Any], bringing: Bringing, sleep: Callable[[float], None]
) -> list[dict[str, Any]]:
    """All rows of an answer, page by page, as many as it says that there are."""
    rows: list[dict[str, Any]] = []
    for page in range(1, MOST_PAGES + 1):
        document = _complete(ask, request_url(ask, service, params, page), bringing, sleep)
        data, total = document.get("data"), at(document, "paging.rowsFiltered")
        if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
            raise RefusedInput(f"{ask.service}: {service} answers without rows")
        rows += data
        if not data or not isinstance(total, int) or len(rows) >= total:
            break
    if isinstance(total, int) and len(rows) != total:
        raise Incomplete(f"{ask.service}: {service} has {total} rows, and {len(rows)} came")
    return rows


def _complete(ask: MastProducts, url: str, bringing: Bringing, sleep: Callable[[float], None]) -> dict[str, Any]:
    for _ in range(TRIES):
        answer = bringing.document(url, "answer.json", max_bytes=LARGEST)
        document = json_answer(answer.path)
        status = document.get("status") if isinstance(document, dict) else None
        if status == "COMPLETE":
            forget(answer.path)
            return dict(document)
        if status != "EXECUTING":
            raise RefusedInput(f"{ask.service} answers {_said(document, answer)}")
        sleep(PAUSE)
    raise Unreachable(f"{ask.service} is still at work after {TRIES} requests")


def _said(document: Any, answer: Answer) -> str:
    message = document.get("msg") if isinstance(document, dict) else None
    return repr(str(message)[:300]) if message else repr(head(answer.path))
