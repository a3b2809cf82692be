"""Which client speaks for which way of asking."""

from __future__ import annotations

from collections.abc import Iterator

from astrobio.archives.asking import (
    Ask,
    Entries,
    ListedFiles,
    MastProducts,
    OaiRecords,
    Pages,
    PublicObjects,
    StaticFile,
    StaticFiles,
    TapQuery,
)
from astrobio.fetch.bringing import Bringing, Brought
from astrobio.fetch.entries import bring_entries
from astrobio.fetch.listed import bring_listed
from astrobio.fetch.mast import bring_mast
from astrobio.fetch.oai_pmh import bring_oai_records
from astrobio.fetch.pages import bring_pages
from astrobio.fetch.public_objects import bring_public_objects
from astrobio.fetch.static import bring_static
from astrobio.fetch.tap import bring_tap, sync_url


def bring(ask: Ask, bringing: Bringing) -> Iterator[Brought]:
    """Bring a product's files from its archive.

    Raises
    ------
    TransferFailed
        If a file is not to be had.
    RefusedInput
        If the archive answers something else than what was asked for.
    Incomplete
        If what came is not all that the archive says it has.
    """
    match ask:
        case StaticFile() | StaticFiles():
            yield from bring_static(ask, bringing)
        case ListedFiles():
            yield from bring_listed(ask, bringing)
        case PublicObjects():
            yield from bring_public_objects(ask, bringing)
        case TapQuery():
            yield from bring_tap(ask, bringing)
        case OaiRecords():
            yield from bring_oai_records(ask, bringing)
        case Entries():
            yield from bring_entries(ask, bringing)
        case Pages():
            yield from bring_pages(ask, bringing)
        case MastProducts():
            yield from bring_mast(ask, bringing)


def by_hand(ask: Ask | None) -> str | None:
    """The address that a user opens in a browser to save the one file that is asked for; none where there are more.

    >>> by_hand(StaticFile("https://www.hpcf.upr.edu/~abel/phl/hwc/data/hwc.csv", "hwc.csv"))
    'https://www.hpcf.upr.edu/~abel/phl/hwc/data/hwc.csv'
    """
    match ask:
        case StaticFile():
            return ask.url
        case TapQuery():
            return sync_url(ask, ask.adql)
    return None
