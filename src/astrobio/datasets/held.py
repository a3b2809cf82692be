"""Which records of a source a data set is made of."""

from __future__ import annotations

from collections.abc import Iterable

from astrobio.archives.registry import source
from astrobio.fetch.releases import current
from astrobio.store.storage import RealDataStorage, Record


def held(storage: RealDataStorage, name: str, allow_declared: bool = True) -> list[Record]:
    """The records of the newest releases of a source.

    Parameters
    ----------
    storage : RealDataStorage
    name : str
        Of the source.
    allow_declared : bool
        Whether records count whose origin is only declared by a user.

    Raises
    ------
    RefusedInput
        If there is no such source.
    """
    return [record for record in current(storage, source(name)) if allow_declared or record.assurance != "declared"]


def read_from(storage: RealDataStorage, digests: Iterable[str]) -> list[Record]:
    """The records of these digests."""
    wanted = set(digests)
    return [record for record in storage.records() if record.digest in wanted]


def product_of(record: Record) -> str:
    """The product of its source that a record is of; where it names none, the only one that its source has."""
    products = source(record.source).products
    return str(record.provenance.detail.get("product", products[0].name if len(products) == 1 else ""))


def licence_of(record: Record) -> str:
    """The licence of a record: that of its file where that is known, else that of its source."""
    return str(record.provenance.detail.get("licence") or source(record.source).licence.name)
