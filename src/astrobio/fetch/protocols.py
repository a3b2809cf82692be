"""Which client speaks for which way of asking."""

from __future__ import annotations

from collections.abc import Iterator

from astrobio.archives.asking import Ask, StaticFile, StaticFiles
from astrobio.archives.source import Product
from astrobio.core.errors import UsageError
from astrobio.fetch.bringing import Bringing, Brought
from astrobio.fetch.static import bring_static


def bring(product: Product, ask: Ask, bringing: Bringing) -> Iterator[Brought]:
    """Bring a product's files from its archive."""
    match ask:
        case StaticFile() | StaticFiles():
            yield from bring_static(product, ask, bringing)
        case _:
            raise UsageError(f"no client speaks {type(ask).__name__}")
