"""Files at fixed addresses."""

from __future__ import annotations

from collections.abc import Iterator

from astrobio.archives.asking import StaticFile, StaticFiles
from astrobio.archives.source import Product
from astrobio.core.provenance import Assurance
from astrobio.fetch.bringing import Bringing, Brought, exchange
from astrobio.transfer import Request


def bring_static(product: Product, ask: StaticFile | StaticFiles, bringing: Bringing) -> Iterator[Brought]:
    """Fetch what is not held, or has changed.

    Raises
    ------
    TransferFailed
        For the first file that is not to be had, after the others have been brought.
    """
    files = ask.files if isinstance(ask, StaticFiles) else (ask,)
    requests, asked = [], []
    for one in files:
        request = Request(one.url, bringing.folder / product.name / one.name, content_types=one.content_types,
                          signatures=one.signatures, sha256=one.sha256)  # fmt: skip
        conditional = bringing.conditional(product, one.name, request)
        if conditional is not None:
            requests.append(conditional)
            asked.append(one)
    failure = None
    for one, outcome in zip(asked, bringing.fetch(requests), strict=True):
        if outcome.path is not None:
            assurance: Assurance = "pinned" if one.sha256 else "fetched"
            yield Brought(product.name, one.name, outcome.path, assurance, "exchange", exchange(outcome))
        failure = failure or outcome.error
    if failure is not None:
        raise failure
