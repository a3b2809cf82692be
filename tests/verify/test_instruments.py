"""The table of instruments: what genuine files name is in it, and it does not contradict itself."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from astrobio.formats.spectra_ipac import read_ipac_spectrum
from astrobio.verify.instruments import FACILITIES, elsewhere, facility, instrument, limits


def test_everything_that_genuine_tables_name_is_known(archive_mirror: Path) -> None:
    named = set()
    for path in sorted((archive_mirror / "nasa_exoplanet_archive/spectra").glob("*.tbl")):
        [spectrum] = read_ipac_spectrum(path.read_bytes()).spectra
        where = facility(spectrum.facility)
        known = instrument(where, spectrum.instrument)
        assert where is not None
        assert known is not None
        assert elsewhere(where, spectrum.instrument) is None
        name, low, high = limits(known, f"{spectrum.instrument} {spectrum.note}")
        assert low <= spectrum.wavelength.min() <= spectrum.wavelength.max() <= high
        named.add(f"{where.name} {name}")
    assert named == {
        "JWST NIRISS", "JWST NIRSpec", "JWST NIRSpec G395", "JWST NIRCam", "JWST NIRCam grism", "JWST MIRI LRS",
        "HST STIS", "HST WFC3", "Spitzer IRAC", "VLT FORS2", "OAN Marconi CCD", "OAN Mexman",
    }  # fmt: skip


@pytest.mark.parametrize("where", FACILITIES, ids=lambda one: one.name)
def test_the_table_is_sound(where: object) -> None:
    assert where in FACILITIES
    for one in where.instruments:  # type: ignore[attr-defined]
        assert 0 < one.low < one.high
        assert one.source
        assert re.search(one.pattern, one.name, re.IGNORECASE)
        assert not one.first or date.fromisoformat(one.first) >= date.fromisoformat(where.first or "1900-01-01")  # type: ignore[attr-defined]
        for mode in one.modes:
            assert one.low <= mode.low < mode.high <= one.high


def test_names_do_not_run_into_each_other() -> None:
    assert facility("Hubble Space Telescope").name == "HST"  # type: ignore[union-attr]
    assert facility("A telescope of ours") is None
    assert instrument(facility("HST"), "Wide Field Camera 3").name == "WFC3"  # type: ignore[union-attr]
    assert instrument(facility("HST"), "a CCD") is None
    assert instrument(None, "Sinistro CCD").name == "a CCD"  # type: ignore[union-attr]
