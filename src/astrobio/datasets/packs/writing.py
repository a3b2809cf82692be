"""What all packs of archive records have in common: a table of their records, splits by group, checks for leaks.

The parts of a split follow from the group alone, by its hash, so that new records move none of the others: a tenth of
the groups tests, a tenth validates. What is alike stays together: a data set may say which groups are one for the
split (stars at one place in the sky, networks with the same compounds), and a sample whose bytes stand on two sides
stops the build.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.cluster.hierarchy import DisjointSet

from astrobio.core.errors import DataMissing, RefusedInput
from astrobio.core.hashing import sha256_bytes, sha256_json
from astrobio.core.native import native
from astrobio.datasets.held import licence_of
from astrobio.datasets.pack import RECORDS, ArrayInfo, Manifest
from astrobio.datasets.pack_writer import PackWriter, Ragged, Samples
from astrobio.datasets.splits import is_validation
from astrobio.store.storage import RealDataStorage, Record

TEST_SHARE = 0.1
ARCHIVE_CODE = ("core/*.py", "formats/*.py", "archives/*.py", "verify/instruments.py", "datasets/*.py",
                "datasets/planet_catalogues/*.py", "datasets/packs/*.py")  # fmt: skip
"""The code that turns records of archives into samples."""


@dataclass
class Batch:
    """Samples that are written together.

    Attributes
    ----------
    rows : polars.DataFrame
        A row a sample, with ``key``, ``group`` (what stays on one side of a split), ``digest`` of its record (empty
        if it is of several) and ``assurance``.
    arrays : mapping
        The samples of each array.
    telling : array of bool, optional
        Which samples have enough values to be known again by them; all unless given.
    whole : sequence of int, optional
        Samples with the same number are parts of one thing, and known again by all of its values: each part may be as
        another's, as the albedo of two frozen planets is.
    """

    rows: pl.DataFrame
    arrays: Mapping[str, Samples]
    telling: NDArray[np.bool_] | None = None
    whole: Sequence[int] | None = None


@dataclass
class Compilation:
    """What a data set gives to be written as a pack.

    Attributes
    ----------
    arrays : dict of str to ArrayInfo
    batches : iterable of Batch
    records : list of Record
        All records that went in.
    tables : dict of str to polars.DataFrame
        Beside the table of samples.
    counts : dict
        What the manifest counts, by kind.
    measured : tuple of str
        The arrays whose statistics mean something.
    parts : dict of str to dict of str to str
        Further splits than ``random``: for each, the part of a sample by its key.
    """

    arrays: dict[str, ArrayInfo]
    batches: Iterable[Batch]
    records: list[Record]
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    measured: tuple[str, ...] = ()
    parts: dict[str, dict[str, str]] = field(default_factory=dict)


def part_of(group: str) -> str:
    """The part of a group in the split ``random``: a tenth of all groups test, a tenth of the others validate.

    >>> [part_of(star) for star in ("wasp39", "k2-18", "trappist1", "hd209458")]
    ['validation', 'train', 'train', 'train']
    """
    share = int(hashlib.sha256(f"test:{group}".encode()).hexdigest()[:8], 16) / 2**32
    if share < TEST_SHARE:
        return "test"
    return "validation" if is_validation(group) else "train"


def admitted(records: Sequence[Record], allow_declared: bool, what: str) -> list[Record]:
    """The records that a pack may be built from.

    Raises
    ------
    DataMissing
        If there is none, or all are of assurance *declared* and these were not allowed.
    """
    kept = [record for record in records if allow_declared or record.assurance != "declared"]
    if records and not kept:
        raise DataMissing(f"all {len(records)} records of {what} are only declared", fix="--allow-declared")
    return kept


def write_pack(
    storage: RealDataStorage, name: str, out: Path, compilation: Compilation, overwrite: bool = False
) -> Manifest:
    """Write a pack whole, or not at all, and note in the store what it was built from.

    Parameters
    ----------
    storage : RealDataStorage
    name : str
        Of the data set.
    out : Path
        The pack's folder.
    compilation : Compilation
    overwrite : bool
        Replace a pack that is there.

    Raises
    ------
    UsageError
        If the folder exists; with ``overwrite``, if it is no pack.
    RefusedInput
        If a split leaks, or a value cannot be stored as its array says.
    DataMissing
        If there is no sample.
    """
    splits = ("random", *compilation.parts)
    frames: list[pl.DataFrame] = []
    with PackWriter(out, name, compilation.arrays, splits=splits, measured=compilation.measured,
                    overwrite=overwrite) as writer:  # fmt: skip
        for batch in compilation.batches:
            rows = _with_splits(batch.rows, compilation.parts)
            rows = rows.with_columns(content_sha256=_contents(batch))
            writer.add(batch.arrays, {split: (rows[f"split_{split}"] == "train").to_numpy() for split in splits})
            frames.append(rows)
        if not frames:
            raise DataMissing(f"no sample of {name} can be made of the {len(compilation.records)} records in the store",
                              fix="astrobio fetch")  # fmt: skip
        table = pl.concat(frames)
        for split in splits:
            check_sides(table, split)
        writer.add_table(table.to_dict(as_series=False))
        for called, frame in {RECORDS: record_table(compilation.records), **compilation.tables}.items():
            writer.add_further_table(called, frame)
        manifest = writer.finish(
            records_sha256=sha256_json(sorted(record.digest for record in compilation.records)),
            code_sha256=code_digest(ARCHIVE_CODE),
            counts=compilation.counts | _counts(table, splits, compilation.records),
        )
    storage.derive(manifest.digest(), compilation.records, path=str(out.absolute()))
    return manifest


def _with_splits(rows: pl.DataFrame, parts: Mapping[str, Mapping[str, str]]) -> pl.DataFrame:
    random = pl.Series("split_random", [part_of(group) for group in rows["group"]], dtype=pl.String)
    further = [pl.Series(f"split_{split}", [of[key] for key in rows["key"]], dtype=pl.String)
               for split, of in parts.items()]  # fmt: skip
    return rows.with_columns(random, *further)


def _contents(batch: Batch) -> pl.Series:
    """SHA-256 of each sample, over its values in all arrays; empty where they do not tell it from another."""
    parts = [hashlib.sha256() for _ in range(batch.rows.height)]
    for name in sorted(batch.arrays):
        for number, values in enumerate(each(batch.arrays[name])):
            parts[number].update(f"{name} {values.dtype} {values.shape}".encode())
            parts[number].update(np.ascontiguousarray(values).tobytes())
    found = [one.hexdigest() for one in parts]
    if batch.whole is not None:
        wholes: dict[int, list[str]] = {}
        for number, digest in zip(batch.whole, found, strict=True):
            wholes.setdefault(number, []).append(digest)
        found = [sha256_json(wholes[number]) for number in batch.whole]
    if batch.telling is not None:
        found = [digest if tells else "" for digest, tells in zip(found, batch.telling, strict=True)]
    return pl.Series(found, dtype=pl.String)


def each(samples: Samples) -> Iterator[np.ndarray]:
    """The values of each sample in turn."""
    if isinstance(samples, Ragged):
        for begin, end in zip(samples.offsets[:-1], samples.offsets[1:], strict=True):
            yield samples.values[begin:end]
    else:
        yield from (np.asarray(one) for one in samples)


def check_sides(table: pl.DataFrame, split: str) -> None:
    """Stop the build where a split leaks.

    Raises
    ------
    RefusedInput
        If a group, or the same content, stands on two sides.
    """
    used = table.filter(pl.col(f"split_{split}").is_in(["train", "validation", "test"]))
    for column, what in (("group", "are of one group"), ("content_sha256", "have the same values")):
        named, side = used.filter(pl.col(column) != ""), pl.col(f"split_{split}")
        torn = named.group_by(column).agg(side.n_unique().alias("sides"), "key", f"split_{split}")
        torn = torn.filter(pl.col("sides") > 1).sort(column)
        if torn.height:
            keys, sides = torn["key"][0].to_list(), torn[f"split_{split}"][0].to_list()
            other = next(place for place, side in enumerate(sides) if side != sides[0])
            raise RefusedInput(f"split {split} leaks: {keys[0]} ({sides[0]}) and {keys[other]} ({sides[other]}) {what}")


def record_table(records: Iterable[Record]) -> pl.DataFrame:
    """A row a record: what it is, where it is from, and its licence."""
    rows = [
        {"digest": record.digest, "source": record.source, "key": record.key, "kind": record.kind,
         "size": record.size, "assurance": record.assurance, "licence": licence_of(record)}
        for record in records
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=RECORD_COLUMNS)


RECORD_COLUMNS = {
    "digest": pl.String, "source": pl.String, "key": pl.String, "kind": pl.String, "size": pl.Int64,
    "assurance": pl.String, "licence": pl.String,
}  # fmt: skip


def _counts(table: pl.DataFrame, splits: Iterable[str], records: Iterable[Record]) -> dict[str, dict[str, int]]:
    found = {f"split_{split}": dict(Counter(table[f"split_{split}"].to_list())) for split in splits}
    listed = list(records)
    found["assurance"] = dict(Counter(record.assurance for record in listed))
    found["records"] = dict(Counter(record.source for record in listed))
    return found | {"samples": {"all": table.height, "groups": table["group"].n_unique()}}


def merged(groups: Sequence[str], pairs: Iterable[tuple[int, int]]) -> list[str]:
    """Groups in which the members of each pair are of one group, which has the name that sorts first.

    >>> merged(["a", "b", "c", "b"], [(0, 1), (2, 0)]), merged(["b", "a"], [])
    (['a', 'a', 'a', 'a'], ['b', 'a'])
    """
    united = DisjointSet(groups)
    for one, other in pairs:
        united.merge(groups[one], groups[other])
    named = {name: min(subset) for subset in united.subsets() for name in subset}
    return [named[name] for name in groups]


def code_digest(patterns: Sequence[str]) -> str:
    """SHA-256 over the source of what turns records into samples, and the version of the native core.

    Parameters
    ----------
    patterns : sequence of str
        Modules, as patterns of paths within the package.
    """
    package = Path(__file__).resolve().parents[2]
    sources = sorted({path for pattern in patterns for path in package.glob(pattern)})
    parts = [path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() for path in sources]
    return sha256_bytes(b"".join([*parts, f"rust_integration {native().__version__}".encode()]))
