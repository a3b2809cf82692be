"""Data sets as packs: which there are, and building one by its name."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from astrobio.core.errors import DataMissing, UsageError
from astrobio.datasets.pack import MANIFEST, Pack
from astrobio.datasets.pack_writer import check_target
from astrobio.datasets.packs.writing import ARCHIVE_CODE, Compilation, code_digest, write_pack

Compile = Callable[[Any, bool], Compilation]


@dataclass(frozen=True)
class DataSet:
    """A data set that a pack can be built of.

    Attributes
    ----------
    name, holds : str
    sample : str
        What one sample is.
    module, function : str
        Where it is compiled.
    """

    name: str
    holds: str
    sample: str
    module: str
    function: str

    def compile(self, storage: Any, allow_declared: bool) -> Compilation:
        """What goes into the pack."""
        from importlib import import_module

        found: Compile = getattr(import_module(f"astrobio.datasets.packs.{self.module}"), self.function)
        return found(storage, allow_declared)


DATA_SETS = {
    one.name: one
    for one in (
        DataSet("planets", "planets and host stars of three catalogues, joined", "a planet", "planets",
                "compile_planets"),
        DataSet("spectra", "transit and eclipse spectra of planets", "a spectrum", "spectra",
                "compile_planet_spectra"),
        DataSet("stellar_spectra", "spectra of stars", "a spectrum", "spectra", "compile_stellar_spectra"),
        DataSet("networks", "metabolic networks, with the traits of their organisms", "a network", "networks",
                "compile_networks"),
        DataSet("text", "abstracts and descriptions", "a text", "text", "compile_texts"),
        DataSet("cubes", "climates of models and reanalyses", "a field of a cube", "cubes", "compile_cubes"),
    )
}  # fmt: skip
"""Data sets of archive records by name; planet runs have a build of their own."""


def build(
    storage: Any,
    name: str,
    out: str | Path,
    *,
    overwrite: bool = False,
    allow_declared: bool = False,
    bar: Callable[[Iterable[Any], int | None], Iterable[Any]] | None = None,
) -> Path:
    """Build the pack of a data set.

    Parameters
    ----------
    storage : RealDataStorage
        Where the records are.
    name : str
        Of the data set, as in ``DATA_SETS``.
    out : path
        The pack's folder; written beside it and renamed, so that it is whole or not there.
    overwrite : bool
        Replace a pack that is there.
    allow_declared : bool
        Take records of assurance *declared* too.
    bar : callable, optional
        Wraps the batches, whose number is not known before.

    Raises
    ------
    UsageError
        If there is no such data set, or the folder exists.
    DataMissing
        If the store holds nothing for it.
    RefusedInput
        If a split would leak.
    """
    if name not in DATA_SETS:
        raise UsageError(f"there is no data set {name!r}; there are {', '.join(DATA_SETS)}")
    out = Path(out)
    check_target(out, overwrite, name)
    compilation = _compiled(storage, DATA_SETS[name], allow_declared)
    if bar is not None:
        compilation.batches = bar(compilation.batches, None)
    write_pack(storage, name, out, compilation, overwrite)
    return out


def _compiled(storage: Any, data_set: DataSet, allow_declared: bool) -> Compilation:
    try:
        return data_set.compile(storage, allow_declared)
    except DataMissing as error:
        left_out = sum(record.assurance == "declared" for record in storage.records())
        if allow_declared or not left_out:
            raise
        raise DataMissing(f"{error.message}, but for records that are only declared: {left_out} are left out",
                          fix=f"astrobio build {data_set.name} --allow-declared") from error  # fmt: skip


def up_to_date(storage: Any, name: str, out: str | Path) -> Pack:
    """The pack of a data set as the store is now: the one that stands, or one built anew.

    A pack stands as long as the code is the same and the journal notes nothing since but other packs.

    Parameters
    ----------
    storage : RealDataStorage
    name : str
        Of the data set.
    out : path
        The pack's folder.

    Raises
    ------
    DataMissing, RefusedInput
        As :func:`build` does.
    """
    out = Path(out)
    if (out / MANIFEST).is_file():
        pack = Pack.open(out)
        if pack.manifest.code_sha256 == code_digest(ARCHIVE_CODE) and _nothing_since(storage, pack.digest):
            return pack
    out.parent.mkdir(parents=True, exist_ok=True)
    return Pack.open(build(storage, name, out, overwrite=True))


def _nothing_since(storage: Any, digest: str) -> bool:
    """Whether the journal notes that the pack was built, and then nothing but packs."""
    since = itertools.takewhile(lambda row: row["event"] == "derive", reversed(storage.journal()))
    return any(row["detail"]["digest"] == digest for row in since)
