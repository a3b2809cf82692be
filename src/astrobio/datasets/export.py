"""The store's planet runs as one bundle, for shipping or for another machine."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from astrobio.core.errors import DataMissing, RefusedInput
from astrobio.datasets.bundle import write_bundle
from astrobio.store import RealDataStorage, Record

RELEASE = "2026.11"


def export_bundle(
    storage: RealDataStorage, out: Path, bar: Callable[[Iterable[Any], int], Iterable[Any]] | None = None
) -> dict[str, Any]:
    """Write all planet runs of a store to a bundle; returns its header.

    Raises
    ------
    DataMissing
        If there are none.
    RefusedInput
        If runs of several programs stand side by side: a bundle speaks for one.
    """
    records = storage.records(source="planet_runs")
    if not records:
        raise DataMissing("the store holds no planet runs", fix="astrobio simulate vplanet --planets 64")
    details = [record.provenance.detail for record in records]
    programs = {str(sorted(detail.get("program", {}).items())) for detail in details}
    if len(programs) != 1:
        raise RefusedInput(f"the store holds runs of {len(programs)} programs; a bundle holds those of one")
    repeats = sum(detail["making"].get("repeat") == "identical" for detail in details)
    header = {
        "runs": len(records),
        "release": RELEASE,
        "program": details[0].get("program", {}),
        "designs": dict(Counter(record.key.rsplit("-", 2)[0] for record in records)),
        "repeats": {"sampled": repeats, "identical": repeats},
        "licence": "CC0-1.0",
    }
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        write_bundle(partial, _runs(storage, bar(records, len(records)) if bar else records), header)
        os.replace(partial, out)
    finally:
        partial.unlink(missing_ok=True)
    return header


def _runs(storage: RealDataStorage, records: Iterable[Record]) -> Iterator[tuple[bytes, dict[str, Any]]]:
    for record in records:
        making = dict(record.provenance.detail["making"])
        if "wall_time_s" in making:
            making["wall_time_s"] = round(making["wall_time_s"], 2)
        if "reported_ice_fraction" in making:
            making["reported_ice_fraction"] = round(making["reported_ice_fraction"], 4)
        yield storage.open(record), making
