"""Texts of a store as a pack: a sample is a text, as the bytes of UTF-8.

Beside the split ``random``, by paper, ``dates`` tests on the newest texts: a model that has read the others cannot have
seen what came later.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

import numpy as np
import polars as pl

from astrobio.datasets.held import read_from
from astrobio.datasets.pack import ArrayInfo
from astrobio.datasets.pack_writer import Ragged
from astrobio.datasets.packs.writing import TEST_SHARE, Batch, Compilation
from astrobio.datasets.splits import is_validation
from astrobio.datasets.text import Cleaned, Dropped, Text, read_texts
from astrobio.store.storage import RealDataStorage

TOGETHER = 4096
"""Texts that are written at a time."""
BYTES = ("title", "text")


def compile_texts(storage: RealDataStorage, allow_declared: bool) -> Compilation:
    """Texts, each once.

    Raises
    ------
    DataMissing
        If the store holds none.
    """
    found = read_texts(storage, allow_declared=allow_declared)
    texts, table = found.texts, _table(found.table())
    return Compilation(
        arrays={name: ArrayInfo(dtype="uint8", shape=[], units="bytes of UTF-8", layout="ragged") for name in BYTES},
        batches=(
            Batch(table[begin : begin + TOGETHER], _arrays(texts[begin : begin + TOGETHER]))
            for begin in range(0, len(texts), TOGETHER)
        ),
        records=read_from(storage, table["digest"]),
        tables={"dropped": _listed(found.dropped, Dropped), "cleaned": _listed(found.cleaned, Cleaned)},
        counts={"texts": found.counts(), "licence": dict(table.group_by("licence").len().sort("licence").rows())},
        parts={"dates": later_dates(dict(zip(table["key"], table["date"], strict=True)))},
    )  # fmt: skip


def _table(table: pl.DataFrame) -> pl.DataFrame:
    """The texts without their words; a paper is a group of its own."""
    kept = table.drop("text").rename({"record": "digest"})
    key = pl.format("{}/{}", "source", "id")
    return kept.select(key.alias("key"), key.alias("group"), pl.exclude("key", "group"))


def _arrays(texts: list[Text]) -> dict[str, Ragged]:
    return {name: _bytes([getattr(text, name) for text in texts]) for name in BYTES}


def _bytes(words: list[str]) -> Ragged:
    encoded = [word.encode() for word in words]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    return Ragged(np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets)


def _listed(several: list[Any], kind: type) -> pl.DataFrame:
    schema = {one.name: pl.Float64 if one.name == "overlap" else pl.String for one in fields(kind)}
    return pl.DataFrame([asdict(one) for one in several], schema=schema)


def later_dates(dates: dict[str, str]) -> dict[str, str]:
    """The part of each text: the newest tenth tests, and a day is not parted; of the others a tenth validates.

    Texts without a date are ``unused``: they might be of any day.

    Parameters
    ----------
    dates : dict of str to str
        Day of each text, ``YYYY-MM-DD``, by its key; empty where it is not known.

    >>> later_dates({"a": "2020-01-01", "b": "2021-05-05", "c": ""})
    {'a': 'train', 'b': 'test', 'c': 'unused'}
    """
    days = sorted(day for day in dates.values() if day)
    first = days[-max(1, int(len(days) * TEST_SHARE))] if days else ""

    def part(key: str, day: str) -> str:
        if not day:
            return "unused"
        return "test" if day >= first else "validation" if is_validation(key) else "train"

    return {key: part(key, day) for key, day in dates.items()}
