"""Which records of a source a data set is made of."""

from __future__ import annotations

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


def product_of(record: Record) -> str:
    """The product of its source that a record is of; empty where its source has but one and the record names none."""
    return str(record.provenance.detail.get("product", ""))


def licence_of(record: Record) -> str:
    """The licence of a record: that of its file where that is known, else that of its source."""
    return str(record.provenance.detail.get("licence") or source(record.source).licence.name)
