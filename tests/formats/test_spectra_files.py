"""Readers of spectra: what each layout becomes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from astrobio.core.errors import FormatError
from astrobio.formats.spectra_fits import read_spex, read_x1d
from astrobio.formats.spectra_ipac import read_ipac_spectrum
from astrobio.formats.spectra_text import LAYOUTS, read_text_spectrum
from tests.verify import bad_spectra as making
from tests.verify.bad_spectra import extracted, series, table, x1d


def test_a_table_of_the_archive(archive_mirror: Path) -> None:
    content = (archive_mirror / "nasa_exoplanet_archive/spectra" / making.NIRCAM).read_bytes()
    file = read_ipac_spectrum(content)
    [spectrum] = file.spectra
    assert (spectrum.quantity, spectrum.unit, spectrum.planet, len(spectrum)) == (
        "transit depth", "ppm", "WASP-39 b", 107)  # fmt: skip
    assert (spectrum.wavelength[0], spectrum.value[0]) == (2.4275, pytest.approx(21211.8))
    assert (spectrum.error_upper[0], spectrum.error_lower[0]) == (pytest.approx(184.5), pytest.approx(184.5))
    assert np.isnan(spectrum.half_width).all()
    assert file.dates == (("observed", "2022-07-23"),)
    assert file.published == 2022


def test_an_eclipse_is_read_in_the_unit_that_its_table_says() -> None:
    names = ("CENTRALWAVELNG", "BANDWIDTH", "ESPECLIPDEP", "ESPECLIPDEPERR1", "ESPECLIPDEPERR2", "ESPECLIPDEPLIM",
             "OBS_DATE", "OBS_DATEERR1", "OBS_DATEERR2", "OBS_DATELIM")  # fmt: skip
    kinds = ("double",) * 5 + ("long",) + ("double",) * 3 + ("long",)
    rows = (("3.6", "0.75", "0.088", "0.015", "-0.012", "0", "2459783.5", "0.1", "-0.1", "0"),
            ("4.5", "null", "0.096", "0.018", "-0.018", "1", "null", "null", "null", "null"))  # fmt: skip
    for unit, scale in (("%", 1e4), ("ppm", 1.0)):
        units = ("microns", "microns", unit, "", "", "", "days", "", "", "")
        head = "".join(
            "|" + "|".join(f"{one:>16}" for one in row) + "|\n" for row in (names, kinds, units, ("null",) * 10)
        )
        body = "".join(" " + " ".join(f"{one:>16}" for one in row) + " \n" for row in rows)
        said = "".join(f"\\{key} = {value}\n" for key, value in {
            "PL_NAME": "WASP-39 b", "SPEC_TYPE": "Eclipse", "INSTRUMENT": "Infrared Array Camera (IRAC)",
            "FACILITY": "Spitzer Space Telescope satellite", "NOTE": "None", "REFERENCE": "Kammer et al. 2015",
        }.items())  # fmt: skip
        [spectrum] = read_ipac_spectrum((said + head + body).encode()).spectra
        assert spectrum.quantity == "eclipse depth"
        np.testing.assert_allclose(spectrum.value, [0.088 * scale, 0.096 * scale])
        np.testing.assert_allclose(spectrum.error_lower, [0.012 * scale, 0.018 * scale])
        assert spectrum.limit.tolist() == [0, 1]


def test_each_layout_of_published_text(archive_mirror: Path) -> None:
    folder = archive_mirror / "jwst_published"
    seen = {}
    for path in sorted(folder.glob("*.csv")) + sorted(folder.glob("K2*.txt")):
        content = path.read_bytes()
        lines = [line for line in content.decode("latin-1").splitlines() if not line.startswith("#")]
        [spectrum] = read_text_spectrum(content).spectra
        assert len(spectrum) == len([line for line in lines[1:] if line.strip()])
        seen[lines[0].strip()] = spectrum
    assert set(seen) == {layout.header for layout in LAYOUTS}
    for spectrum in seen.values():
        assert 1000 < np.median(spectrum.value) < 25_000
        assert (spectrum.half_width > 0).all()


def test_the_comment_that_is_not_utf8_is_kept_and_its_numbers_are_read(archive_mirror: Path) -> None:
    content = (archive_mirror / "jwst_published" / making.LPC).read_bytes()
    with pytest.raises(UnicodeDecodeError):
        content.decode("utf-8")
    [spectrum] = read_text_spectrum(content).spectra
    assert spectrum.note == "LPÕs pipeline"
    assert spectrum.wavelength[0] == 0.62037


def test_the_last_row_must_be_ended() -> None:
    good = b"wave,wave_error,dppm,dppm_err,order\n0.6,0.1,20000,100,1\n0.8,0.1,21000,100,1\n"
    assert len(read_text_spectrum(good).spectra[0]) == 2
    with pytest.raises(FormatError, match="not ended"):
        read_text_spectrum(good[:-1])


@pytest.mark.parametrize("digit", [b"\xb2", b"\xa0", b"\xef\xbc\x91", b"\x00", b"\x85"])
def test_nothing_but_ascii_is_a_number(digit: bytes) -> None:
    with pytest.raises(FormatError, match="not of ASCII"):
        read_text_spectrum(b"wave,wave_error,dppm,dppm_err,order\n0.6,0.1,2" + digit + b",100,1\n")


def test_a_star(archive_mirror: Path) -> None:
    file = read_spex((archive_mirror / "irtf_spex" / making.G3V).read_bytes())
    [spectrum] = file.spectra
    assert (spectrum.star, spectrum.unit, len(spectrum)) == ("HD 10697", "W m-2 um-1", 7998)
    assert file.ends == (pytest.approx(spectrum.wavelength[0]), pytest.approx(spectrum.wavelength[-1]))
    assert int(np.isnan(spectrum.value).sum()) == 931
    assert set(file.magnitudes) == {"J", "H", "KS"}


def test_extracted_spectra_keep_their_flags_and_names() -> None:
    wavelength, flux, error = extracted()
    [spectrum] = read_x1d(x1d()).spectra
    np.testing.assert_array_equal(spectrum.wavelength, wavelength)
    np.testing.assert_array_equal(spectrum.value, flux)
    assert spectrum.usable.tolist() == (~np.isnan(flux)).tolist()
    assert (spectrum.star, spectrum.instrument, spectrum.mode) == ("WASP-39", "NIRSPEC", "F290LP G395H")
    assert spectrum.note == "programme 01366, observation 003"


def test_a_series_is_a_spectrum_for_each_integration() -> None:
    integrations = [extracted(seed=seed) for seed in range(5)]
    spectra = read_x1d(x1d(series(integrations))).spectra
    for spectrum, (wavelength, flux, error) in zip(spectra, integrations, strict=True):
        np.testing.assert_array_equal(spectrum.wavelength, wavelength)
        np.testing.assert_array_equal(spectrum.value, flux)
        np.testing.assert_array_equal(spectrum.error_upper, error)


def test_the_older_name_of_the_error_is_known() -> None:
    unit = table(*extracted())
    unit.columns.change_name("FLUX_ERROR", "ERROR")
    np.testing.assert_array_equal(read_x1d(x1d(unit)).spectra[0].error_upper, extracted()[2])


def test_orders_and_sources_are_spectra_of_their_own() -> None:
    units = [table(*extracted(seed=order)) for order in (1, 2)]
    for order, unit in enumerate(units, start=1):
        unit.header["SPORDER"] = order
    spectra = read_x1d(x1d(*units)).spectra
    assert [int(one.order[0]) for one in spectra] == [1, 2]


def test_a_library_of_other_units_is_no_spectrum() -> None:
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table(*extracted())]).writeto(stream)
    with pytest.raises(FormatError, match="2 units"):
        read_spex(stream.getvalue())
    with pytest.raises(FormatError, match="no table EXTRACT1D"):
        read_x1d(making.fits_of(np.ones((3, 4), np.float32), fits.Header()))
