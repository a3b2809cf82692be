"""Spectra of a store in one form: a table with a row for each, and their points one after the other.

Nothing is resampled, sorted, merged or filled: each spectrum has the points that were published, and what is not known
is not a number. Depths are in ppm, wavelengths in micrometre, flux densities in the unit of their source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from astrobio.archives import irtf_spex, jwst_published, mast, nasa_exoplanet_archive
from astrobio.core.errors import DataMissing
from astrobio.core.provenance import Provenance
from astrobio.core.spectrum import Spectrum
from astrobio.datasets.held import held, product_of
from astrobio.store.storage import RealDataStorage
from astrobio.verify.instruments import known_as

Reader = Callable[[bytes, Provenance], tuple[Spectrum, ...]]
READERS: dict[tuple[str, str], Reader] = {
    ("nasa_exoplanet_archive", "spectra"): nasa_exoplanet_archive.spectra,
    ("jwst_published", "wasp_39b"): jwst_published.spectra,
    ("jwst_published", "k2_18b"): jwst_published.spectra,
    ("irtf_spex", "stars"): irtf_spex.spectra,
    ("mast", "x1d"): mast.spectra,
}
"""How the files of a product become spectra, by source and product."""

POINTS: dict[str, Any] = {
    "wavelength": np.float64, "half_width": np.float64, "value": np.float64, "error_upper": np.float64,
    "error_lower": np.float64, "limit": np.int8, "usable": np.bool_, "order": np.int16,
}  # fmt: skip
"""What is known of each point, as in :class:`~astrobio.core.spectrum.Spectrum`."""


@dataclass(frozen=True)
class Spectra:
    """Spectra in one form.

    Attributes
    ----------
    table : polars.DataFrame
        One row a spectrum: ``spectrum`` (its number, from 0), ``quantity``, ``unit``, ``planet``, ``star``,
        ``facility``, ``instrument``, ``mode``, ``reference``, ``note``, as the file writes them;
        ``facility_known_as`` and ``instrument_known_as``, one name for all its spellings, empty where the table of
        :mod:`astrobio.verify.instruments` has none; ``group``, the host star, which keeps spectra
        on one side of a split; ``points`` and ``begin``, how many points it has and where they begin; ``source``,
        ``product``, ``file``, ``place`` in the file, ``digest`` of the record, and ``assurance``.
    arrays : dict of str to array
        The points of all spectra, one after the other, by the names in ``POINTS``. Wavelengths and half widths are in
        micrometre; values and errors in the unit of their spectrum.
    """

    table: pl.DataFrame
    arrays: dict[str, NDArray[Any]] = field(repr=False)

    def __len__(self) -> int:
        return self.table.height

    def __getitem__(self, number: int) -> Spectrum:
        row = self.table.row(number, named=True)
        here = slice(row["begin"], row["begin"] + row["points"])
        names = {name: row[name] for name in
                 ("planet", "star", "facility", "instrument", "mode", "reference", "note")}  # fmt: skip
        arrays: dict[str, Any] = {name: values[here] for name, values in self.arrays.items()}
        return Spectrum(row["quantity"], row["unit"], **arrays).named(**names)

    def points(self) -> pl.DataFrame:
        """One row a point: the number of its spectrum, and what is known of it."""
        numbers = np.repeat(np.arange(len(self), dtype=np.int64), self.table["points"].to_numpy())
        return pl.DataFrame({"spectrum": numbers, **self.arrays})

    def select(self, condition: pl.Expr) -> Spectra:
        """The spectra whose row meets a condition, in the same order."""
        chosen = self.table.filter(condition)["spectrum"].to_list()
        rows = self.table[chosen].drop("spectrum", "begin", "points")
        return _assemble([self[number] for number in chosen], rows.to_dicts())


def read_spectra(storage: RealDataStorage, sources: Iterable[str] = (), allow_declared: bool = True) -> Spectra:
    """All admitted spectra of a store, ordered by source, product, file and place in the file.

    Of a file that was admitted in several releases, the newest is taken; what was withdrawn is left out.

    Parameters
    ----------
    storage : RealDataStorage
    sources : iterable of str
        Only of these; of all unless given.
    allow_declared : bool
        Whether records count whose origin is only declared by a user.

    Raises
    ------
    DataMissing
        If there is none.
    IntegrityError
        If an object has changed.
    """
    chosen = sorted(set(sources) or {name for name, _ in READERS})
    spectra: list[Spectrum] = []
    rows: list[dict[str, Any]] = []
    for record in (record for name in chosen for record in held(storage, name, allow_declared)):
        product, name = product_of(record), str(record.provenance.detail.get("name", record.key))
        read = READERS.get((record.source, product))
        for place, spectrum in enumerate(read(storage.open(record), record.provenance) if read else ()):
            spectra.append(spectrum)
            rows.append({
                "group": record.group, "source": record.source, "product": product, "file": name, "place": place,
                "digest": record.digest, "assurance": record.assurance,
            })  # fmt: skip
    if not spectra:
        raise DataMissing(f"the store {storage.root} holds no spectra of {', '.join(chosen)}",
                          fix="astrobio fetch")  # fmt: skip
    return _assemble(spectra, rows)


def _assemble(spectra: list[Spectrum], rows: list[dict[str, Any]]) -> Spectra:
    counts = np.array([len(one) for one in spectra], dtype=np.int64)
    begins = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64) if spectra else counts
    described = [
        {"spectrum": number, "quantity": spectrum.quantity, "unit": spectrum.unit, **spectrum.names(),
         **_known(spectrum), **row, "begin": int(begin), "points": len(spectrum)}
        for number, (spectrum, row, begin) in enumerate(zip(spectra, rows, begins, strict=True))
    ]  # fmt: skip
    arrays = {
        name: np.concatenate([getattr(one, name) for one in spectra]).astype(dtype) if spectra else np.empty(0, dtype)
        for name, dtype in POINTS.items()
    }
    return Spectra(pl.DataFrame(described, schema=SCHEMA), arrays)


def _known(spectrum: Spectrum) -> dict[str, str]:
    names = known_as(spectrum.facility, spectrum.instrument, f"{spectrum.mode} {spectrum.note}")
    return dict(zip(("facility_known_as", "instrument_known_as"), names, strict=True))


SCHEMA = {
    "spectrum": pl.Int64, "quantity": pl.String, "unit": pl.String, "planet": pl.String, "star": pl.String,
    "facility": pl.String, "instrument": pl.String, "mode": pl.String, "reference": pl.String, "note": pl.String,
    "facility_known_as": pl.String, "instrument_known_as": pl.String, "group": pl.String, "begin": pl.Int64,
    "points": pl.Int64, "source": pl.String, "product": pl.String, "file": pl.String,
    "place": pl.Int64, "digest": pl.String, "assurance": pl.String,
}  # fmt: skip
"""Columns of the table."""
