"""Spectra of a store in one form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from astrobio.archives.registry import SOURCES
from astrobio.core.errors import DataMissing
from astrobio.datasets.spectra import POINTS, READERS, Spectra, read_spectra
from astrobio.store import RealDataStorage
from tests.verify.bad_spectra import K2, NASA, STAR, WASP, extracted, genuine, offered, series, x1d


@pytest.fixture(scope="module")
def storage(archive_mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> RealDataStorage:
    """A store with all genuine spectra, and a series laid out as the pipeline documents it."""
    made = RealDataStorage(tmp_path_factory.mktemp("spectra") / "store", create=True)
    items = [
        (path.read_bytes(), offered(*product.split("/"), path.name))
        for product, paths in genuine(archive_mirror).items()
        for path in reversed(paths)
    ]
    items.append((x1d(series([extracted(seed=seed) for seed in range(3)])), offered("mast", "x1d", "jw_x1dints.fits")))
    report = made.admit_many(items)
    assert report.admitted == 101
    return made


@pytest.fixture(scope="module")
def spectra(storage: RealDataStorage) -> Spectra:
    return read_spectra(storage)


def test_every_product_of_spectra_has_a_reader() -> None:
    counted = {"spectra", "stellar spectra", "extracted spectra"}
    declared = {(one.name, product.name) for one in SOURCES.values() for product in one.products
                if product.counted in counted}  # fmt: skip
    assert set(READERS) == declared


def test_all_spectra_come_in_a_fixed_order(spectra: Spectra, storage: RealDataStorage) -> None:
    counts = dict(spectra.table.group_by("source", "product").len().map_rows(lambda row: (f"{row[0]}/{row[1]}", row[2]))
                  .rows())  # fmt: skip
    assert counts == {NASA: 24, WASP: 13, K2: 4, STAR: 59, "mast/x1d": 3}
    order = spectra.table.select("source", "product", "file", "place").rows()
    assert order == sorted(order)
    again = read_spectra(storage)
    assert again.table.equals(spectra.table)
    assert all((again.arrays[name].tobytes() == spectra.arrays[name].tobytes()) for name in POINTS)


def test_each_spectrum_has_the_points_of_its_file(spectra: Spectra, storage: RealDataStorage) -> None:
    records = {record.digest: record for record in storage.records()}
    for row in spectra.table.iter_rows(named=True):
        record = records[row["digest"]]
        original = READERS[row["source"], row["product"]](storage.open(record), record.provenance)[row["place"]]
        found = spectra[row["spectrum"]]
        for name in POINTS:
            np.testing.assert_array_equal(getattr(found, name), getattr(original, name))
        assert found.names() == original.names()
        assert (found.quantity, found.unit) == (original.quantity, original.unit)


def test_spectra_of_one_star_share_its_group(spectra: Spectra) -> None:
    groups = dict(spectra.table.filter(pl.col("planet") != "").select("planet", "group").unique().rows())
    assert groups == {"WASP-39 b": "wasp39", "K2-18 b": "k2-18"}
    assert spectra.table.filter(pl.col("group") == "wasp39").height == 13 + 24 + 3
    assert spectra.table["group"].n_unique() == 2 + 59


def test_instruments_have_one_name_for_all_spellings(spectra: Spectra) -> None:
    names = set(spectra.table.select("facility_known_as", "instrument_known_as").unique().rows())
    assert names == {
        ("JWST", "NIRISS"), ("JWST", "NIRSpec"), ("JWST", "NIRSpec G395"), ("JWST", "NIRCam"), ("JWST", "NIRCam grism"),
        ("JWST", "MIRI LRS"), ("HST", "STIS"), ("HST", "WFC3"), ("Spitzer", "IRAC"), ("VLT", "FORS2"),
        ("HST; VLT; Spitzer", "STIS; WFC3; FORS2; IRAC"), ("OAN", "Marconi CCD"), ("OAN", "Mexman"),
        ("IRTF", "SpeX"),
    }  # fmt: skip


def test_units_are_one_for_each_quantity(spectra: Spectra) -> None:
    units = spectra.table.select("quantity", "unit", "source").unique().sort("source", "quantity").rows()
    assert units == [
        ("flux density", "W m-2 um-1", "irtf_spex"), ("transit depth", "ppm", "jwst_published"),
        ("flux density", "Jy", "mast"), ("transit depth", "ppm", "nasa_exoplanet_archive"),
    ]  # fmt: skip


def test_points_are_a_table_of_all(spectra: Spectra) -> None:
    points = spectra.points()
    assert points.height == spectra.table["points"].sum() == sum(len(spectra[number]) for number in range(len(spectra)))
    lengths = points.group_by("spectrum", maintain_order=True).len()["len"]
    assert lengths.to_list() == spectra.table["points"].to_list()


def test_a_selection_stands_for_itself(spectra: Spectra) -> None:
    chosen = spectra.select(pl.col("planet") == "K2-18 b")
    assert chosen.table["spectrum"].to_list() == [0, 1, 2, 3]
    before = spectra.table.filter(pl.col("planet") == "K2-18 b")["spectrum"].to_list()
    for number, old in enumerate(before):
        np.testing.assert_array_equal(chosen[number].value, spectra[old].value)
    assert len(spectra.select(pl.lit(False))) == 0


def test_a_store_without_spectra_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="no spectra of irtf_spex"):
        read_spectra(RealDataStorage(tmp_path / "store", create=True), ["irtf_spex"])
