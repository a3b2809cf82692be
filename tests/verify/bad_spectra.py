"""Files that are no genuine spectra, each with the check that must refuse it.

They are made from genuine files of a mirror, or from nothing, always the same way.
"""

from __future__ import annotations

import functools
import io
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from astrobio.core.provenance import Provenance
from astrobio.verify.planet_spectra import SUN_IN_JUPITERS

Array = NDArray[np.float64]
NASA, STAR, JWST = "nasa_exoplanet_archive/spectra", "irtf_spex/stars", "mast/x1d"
WASP, K2 = "jwst_published/wasp_39b", "jwst_published/k2_18b"
NIRISS = "WASP_39_b_3.11466_5078_1.tbl"  # 331 points by NIRISS SOSS
NIRCAM = "WASP_39_b_3.11466_5040_1.tbl"  # 107 points by NIRCam, with the day of the transit
LPC = "LPC-WASP_39b_NIRISS_transmission_spectrum_highres.csv"  # 1179 points, the comment that is not UTF-8
R300 = "CMADF-WASP_39b_NIRISS_transmission_spectrum_R300.csv"  # 331 points, with the day of its making
NATIVE = "K2-18b_nirspec_g395h_native.txt"  # 3401 points
G3V = "G3Va_HD10697.fits"


class BadFile(NamedTuple):
    """A file, and what must refuse it.

    Attributes
    ----------
    name : str
        What is wrong with it.
    product : str
        ``SOURCE/PRODUCT`` that it is offered as.
    content : bytes
    gate, check : str
        The finding that refuses it.
    file : str
        The name under which it is offered.
    also : tuple of str
        Further checks that it cannot but fail.
    """

    name: str
    product: str
    content: bytes
    gate: str
    check: str
    file: str
    also: tuple[str, ...] = ()

    def provenance(self) -> Provenance:
        """As if a user had imported it."""
        source, product = self.product.split("/")
        return offered(source, product, self.file)


def offered(source: str, product: str, name: str) -> Provenance:
    """The provenance of a file that a user imports."""
    detail = {"product": product, "name": name}
    return Provenance(source, "observation", "declared", "import", f"{product}/{name}#0", detail)


def bad_spectra(mirror: Path) -> list[BadFile]:
    """All of them, from the genuine files of a mirror."""
    return [*bad_tables(mirror), *bad_texts(mirror), *bad_stars(mirror), *bad_jwst()]


# -- tables of the NASA Exoplanet Archive -----------------------------------------------------------------------


def columns_of(content: bytes) -> dict[str, tuple[int, int]]:
    """Where the columns of an IPAC table stand."""
    head = next(line for line in content.decode().splitlines() if line.startswith("|"))
    bars = [place for place, character in enumerate(head) if character == "|"]
    return {head[a + 1 : b].strip(): (a + 1, b) for a, b in zip(bars, bars[1:], strict=False)}


def column(content: bytes, name: str) -> Array:
    """The numbers of a column; not a number for null."""
    begin, end = columns_of(content)[name]
    rows = [line[begin:end].strip() for line in content.decode().splitlines() if line.startswith(" ")]
    return np.array([np.nan if one == "null" else float(one) for one in rows])


def with_column(content: bytes, name: str, values: Sequence[str] | str) -> bytes:
    """The same table with other values in a column, or with one value throughout."""
    begin, end = columns_of(content)[name]
    lines, row = content.decode().splitlines(), 0
    for place, line in enumerate(lines):
        if line.startswith(" "):
            value = values if isinstance(values, str) else values[row]
            lines[place] = line[:begin] + value.rjust(end - begin)[-(end - begin) :] + line[end:]
            row += 1
    return ("\n".join(lines) + "\n").encode()


def with_keyword(content: bytes, name: str, value: str) -> bytes:
    """The same table with another keyword."""
    return re.sub(rf"(?m)^\\{name} = .*$".encode(), f"\\\\{name} = {value}".encode(), content)


def with_depths(content: bytes, depth: Array, error: Array) -> bytes:
    """The same table with other depths and errors, in ppm, and everything that follows from them."""
    ratio = np.sqrt(depth / 1e6)
    upper, lower = np.sqrt((depth + error) / 1e6) - ratio, ratio - np.sqrt((depth - error) / 1e6)
    radius = SUN_IN_JUPITERS * column(content, "ST_RAD") * ratio
    for name, values, digits in (
        ("PL_TRANDEP", depth / 1e4, 5), ("PL_TRANDEPERR1", error / 1e4, 5), ("PL_TRANDEPERR2", -error / 1e4, 5),
        ("PL_RATROR", ratio, 5), ("PL_RATRORERR1", upper, 5), ("PL_RATRORERR2", -lower, 5), ("PL_RADJ", radius, 4),
    ):  # fmt: skip
        content = with_column(content, name, [f"{value:.{digits}f}" for value in values])
    return content


def bad_tables(mirror: Path) -> list[BadFile]:
    """From two genuine tables."""
    good = (mirror / "nasa_exoplanet_archive/spectra" / NIRISS).read_bytes()
    dated = (mirror / "nasa_exoplanet_archive/spectra" / NIRCAM).read_bytes()
    wavelength, error = column(good, "CENTRALWAVELNG"), 1e4 * column(good, "PL_TRANDEPERR1")
    depth = 1e4 * column(good, "PL_TRANDEP")
    random = np.random.default_rng(39)
    flat, count = np.full(len(depth), 21_000.0), len(depth)
    phase = 2 * np.pi * (wavelength - wavelength.min()) / np.ptp(wavelength)
    head, rows = _parts(good)

    def bad(name: str, content: bytes, gate: str, check: str, *also: str) -> BadFile:
        return BadFile(name, NASA, content, gate, check, NIRISS, also)

    parsed = ("format", "parsed whole")
    return [
        bad("nothing", b"", "transfer", "not empty"),
        bad("a page under .tbl", b"<!DOCTYPE html><html><title>Just a moment...</title></html>", "transfer", "no page"),
        bad("an error in JSON", b'{"error": "too many requests"}', "transfer", "no error message"),
        bad("cut within a line", good[: len(good) // 2], *parsed),
        bad("cut within the header", head[: len(head) - 700], *parsed),
        bad("a header without rows", head, *parsed),
        bad("without the row of units", _without_bar_row(good, 2), *parsed),
        bad("in UTF-16", good.decode().encode("utf-16"), *parsed),
        bad("with a byte of Latin-1", good.replace(b"Feinstein", b"Feinst\xe9in", 1), *parsed),
        bad("a field missing", _shifted(good), *parsed),
        bad("a column twice", _renamed(good, "ST_RAD", "PL_RADJ"), *parsed),
        bad("a column renamed", _renamed(good, "CENTRALWAVELNG", "WAVELENGTH"), "schema", "columns"),
        bad("in nanometre", good.replace(b"|       microns|", b"|    nanometers|", 1), "schema", "units"),
        bad("an unknown kind", with_keyword(good, "SPEC_TYPE", "Imagined"), *parsed),
        bad("nanometres called micrometres", with_column(good, "CENTRALWAVELNG", [f"{1000 * one:.3f}" for one in
            wavelength]), "physics", "range of the instrument"),
        bad("wavelengths only", _nulls(good, "PL_TRANDEP"), "physics", "values"),
        bad("not a number", with_column(good, "PL_TRANDEP", "nan"), *parsed),
        bad("negative errors", with_column(good, "PL_TRANDEPERR1", [f"{-one / 1e4:.5f}" for one in error]),
            "schema", "ranges"),
        bad("backwards", head + b"".join(reversed(rows)), "physics", "wavelengths"),
        bad("each wavelength twice", with_column(good, "CENTRALWAVELNG", [f"{one:.5f}" for one in
            np.repeat(wavelength[::2], 2)[:count]]), "physics", "wavelengths"),
        bad("a row twice", head + b"".join([*rows[:101], rows[100], *rows[101:]]), "forensics", "no row twice"),
        bad("a constant", with_depths(good, flat, error), "forensics", "values that vary"),
        bad("a line", with_depths(good, 21_000 + 400 * phase, error), "forensics", "no analytic curve",
            "scatter as the errors say"),
        bad("a sine", with_depths(good, 21_000 + 400 * np.sin(5 * phase), error), "forensics", "no analytic curve",
            "scatter as the errors say"),
        bad("a sine with tiny errors", with_depths(good, 21_000 + 400 * np.sin(5 * phase), 0.02 * error + 2),
            "forensics", "no analytic curve", "scatter as the errors say", "no point out of its course"),
        bad("a sine under noise", with_depths(good, 21_000 + 700 * np.sin(5 * phase) + random.normal(0, error), error),
            "forensics", "no sine under noise"),
        bad("noise with one error", with_depths(good, flat + random.normal(0, 100, count), np.full(count, 100.0)),
            "forensics", "errors that vary"),
        bad("noise with errors at random", with_depths(good, flat + random.normal(0, 100, count),
            random.uniform(60, 150, count)), "forensics", "errors as a detector has them"),
        bad("noise far above its errors", with_depths(good, flat + random.normal(0, 15 * error), error), "forensics",
            "scatter as the errors say"),
        bad("noise far below its errors", with_depths(good, flat + random.normal(0, 0.1 * error), error), "forensics",
            "scatter as the errors say", "no analytic curve"),
        bad("an instrument of Hubble at JWST", with_keyword(good, "INSTRUMENT", "Wide Field Camera 3"), "physics",
            "instrument of the facility"),
        bad("an instrument that there is not", with_keyword(good, "INSTRUMENT", "Deep Biosignature Imager"),
            "physics", "instrument of the facility"),
        bad("an instrument of Spitzer at the VLT", with_keyword(with_keyword(good, "FACILITY", "Very Large Telescope"),
            "INSTRUMENT", "Infrared Array Camera (IRAC)"), "physics", "instrument of the facility"),
        bad("beyond what STIS sees", with_keyword(with_keyword(good, "FACILITY", "Hubble Space Telescope satellite"),
            "INSTRUMENT", "Space Telescope Imaging Spectrograph"), "physics", "range of the instrument"),
        bad("beyond what the grating sees", with_keyword(with_keyword(good, "NOTE", "G395H, R=300"), "INSTRUMENT",
            "Near Infrared Spectrograph (NIRSpec)"), "physics", "range of the instrument"),
        bad("without a facility", with_keyword(good, "FACILITY", "null"), "schema", "named"),
        bad("published before the instrument", with_keyword(good, "REFERENCE", "Feinstein et al. 2015"), "physics",
            "dates"),
        BadFile("observed before the launch", NASA, with_column(dated, "PL_TRANMID", "2456401.397330"), "physics",
                "dates", NIRCAM),
        bad("depths that the radius contradicts", with_column(good, "PL_TRANDEP", [f"{1.01 * one / 1e4:.5f}" for one in
            depth]), "physics", "depth as in the radius ratio"),
        bad("per cent called a share", with_column(good, "PL_TRANDEP", [f"{one / 1e6:.5f}" for one in depth]),
            "physics", "depth as in the radius ratio", "scatter as the errors say", "no analytic curve"),
        bad("another planet's radius", with_column(good, "PL_RADJ", "0.2114"), "physics",
            "radius as in the radius ratio"),
        bad("errors that the ratio contradicts", with_column(with_column(good, "PL_TRANDEPERR1", [f"{2 * one / 1e4:.5f}"
            for one in error]), "PL_TRANDEPERR2", [f"{-2 * one / 1e4:.5f}" for one in error]), "physics",
            "errors as in the radius ratio"),
        bad("a planet larger than its star", with_depths(good, 60 * depth, error), "physics", "depth",
            "scatter as the errors say"),
        bad("errors of nothing", with_column(with_column(good, "PL_TRANDEPERR1", "0.00001"), "PL_TRANDEPERR2",
            "-0.00001"), "physics", "errors plausible", "errors as in the radius ratio", "errors that vary",
            "scatter as the errors say"),
        bad("errors larger than the depth", with_depths(good, depth, 0.9 * depth), "physics", "errors plausible",
            "errors as in the radius ratio", "scatter as the errors say", "no analytic curve"),
    ]  # fmt: skip


def _parts(content: bytes) -> tuple[bytes, list[bytes]]:
    lines = content.splitlines(keepends=True)
    first = next(place for place, line in enumerate(lines) if line.startswith(b" "))
    return b"".join(lines[:first]), lines[first:]


def _without_bar_row(content: bytes, number: int) -> bytes:
    lines = content.splitlines(keepends=True)
    bars = [place for place, line in enumerate(lines) if line.startswith(b"|")]
    return b"".join(line for place, line in enumerate(lines) if place != bars[number])


def _shifted(content: bytes) -> bytes:
    """A row whose second field was lost, the ones behind it moved up; its length is kept."""
    head, rows = _parts(content)
    begin, end = columns_of(content)["BANDWIDTH"]
    row = rows[7]
    rows[7] = row[: begin - 1] + row[end:-1] + b" " * (end - begin + 1) + b"\n"
    return head + b"".join(rows)


def _renamed(content: bytes, before: str, after: str) -> bytes:
    begin, end = columns_of(content)[before]
    head, rows = _parts(content)
    lines = head.splitlines(keepends=True)
    first = next(place for place, line in enumerate(lines) if line.startswith(b"|"))
    line = lines[first]
    lines[first] = line[:begin] + after.rjust(end - begin).encode() + line[end:]
    return b"".join([*lines, *rows])


def _nulls(content: bytes, name: str) -> bytes:
    for one in (name, f"{name}ERR1", f"{name}ERR2"):
        content = with_column(content, one, "null")
    return content


# -- published text ---------------------------------------------------------------------------------------------


def text_lines(content: bytes) -> tuple[bytes, list[list[str]]]:
    """What stands above the rows, and their fields."""
    lines = content.decode("latin-1").splitlines()
    first = next(place for place, line in enumerate(lines) if not line.startswith("#")) + 1
    fields = [re.split(r"[,\s]+", line.strip()) for line in lines[first:] if line.strip()]
    return ("\n".join(lines[:first]) + "\n").encode("latin-1"), fields


def with_field(content: bytes, number: int, change: Callable[[float], object], separator: str = ",") -> bytes:
    """The same text with another column."""
    head, rows = text_lines(content)
    for row in rows:
        row[number] = str(change(float(row[number])))
    return head + "".join(separator.join(row) + "\n" for row in rows).encode()


def bad_texts(mirror: Path) -> list[BadFile]:
    """From three genuine files."""
    folder = mirror / "jwst_published"
    good, dated, native = ((folder / name).read_bytes() for name in (LPC, R300, NATIVE))
    head, rows = text_lines(good)
    random = np.random.default_rng(18)

    def bad(name: str, content: bytes, gate: str, check: str, *also: str, file: str = LPC) -> BadFile:
        return BadFile(name, K2 if file == NATIVE else WASP, content, gate, check, file, also)

    parsed = ("format", "parsed whole")
    unrelated = with_field(native, 2, lambda _: 2.95e-3 + random.normal(0, 3.8e-4), " ")
    return [
        bad("a README", b"Data from a paper, in two files.\n", *parsed, file="README.txt"),
        bad("published: a page", b"<html><head><title>404</title></head></html>", "transfer", "no page"),
        bad("published: cut within a line", good[:-25], *parsed),
        bad("published: a header without rows", head, *parsed),
        bad("published: a column renamed", good.replace(b"dppm_err", b"dppm_error"), *parsed),
        bad("published: a column twice", good.replace(b"wave,wave_error", b"wave,wave"), *parsed),
        bad("published: a digit that is none of ASCII", good.replace(b"0.62037", b"0.6203\xb2", 1), *parsed),
        bad("published: in UTF-16", good.decode("latin-1").encode("utf-16"), *parsed),
        bad("published: a field more", good.replace(b"0.62037,", b"0.62037,0,", 1), *parsed),
        bad("published: not a number", with_field(good, 2, lambda _: "nan"), "schema", "types", "columns"),
        bad("published: wavelengths only", head + "".join(f"{row[0]},{row[1]},,,{row[4]}\n" for row in rows).encode(),
            "schema", "columns"),
        bad("published: an order that there is not", with_field(good, 4, lambda _: 7), "schema", "ranges"),
        bad("published: under an unknown name", good, "schema", "name of the file", file="spectrum.csv"),
        bad("published: of another planet", good.replace(b"WASP-39b", b"WASP-96b", 1), "schema",
            "target as its name says"),
        bad("published: made before the launch", dated.replace(b"2022-09-07", b"2019-09-07"), "physics", "dates",
            file=R300),
        bad("published: nanometres called micrometres", with_field(good, 0, lambda one: 1000 * one), "physics",
            "range of the instrument"),
        bad("published: the other instrument", (folder / "K2-18b_niriss_soss_native.txt").read_bytes(), "physics",
            "range of the instrument", file=NATIVE),
        bad("published: per cent called ppm", with_field(with_field(good, 2, lambda one: one / 1e4), 3,
            lambda one: one / 1e4), "physics", "depth of this planet", "errors plausible"),
        bad("published: a share called ppm", with_field(with_field(good, 2, lambda one: one / 1e6), 3,
            lambda one: one / 1e6), "physics", "depth of this planet", "errors plausible"),
        bad("published: negative errors", with_field(good, 3, lambda one: -one), "physics", "errors positive",
            "errors plausible"),
        bad("published: a planet larger than its star", with_field(good, 2, lambda one: 60 * one), "physics", "depth",
            "depth of this planet", "scatter as the errors say"),
        bad("published: one wavelength", with_field(good, 0, lambda _: 1.4), "physics", "wavelengths"),
        bad("published: wavelengths mixed up", with_field(dated, 0, lambda _: random.uniform(0.62, 2.8)), "physics",
            "wavelengths", "errors as a detector has them", file=R300),
        bad("published: two rows exchanged", head + b"".join(",".join(row).encode() + b"\n" for row in
            [*rows[:500], rows[501], rows[500], *rows[502:]]), "physics", "wavelengths"),
        bad("published: noise that its errors do not know", unrelated, "forensics", "noise where the errors are large",
            file=NATIVE),
        bad("published: one depth mistyped", good.replace(b",21", b",71", 1), "forensics",
            "no point out of its course"),
        bad("published: one error mistyped", good.replace(rows[100][3].encode(), b"1" + rows[100][3].encode()[1:]
            + b"e4", 1), "forensics", "no error out of its course"),
        bad("published: a constant", with_field(good, 2, lambda _: 21_000), "forensics", "values that vary",
            "noise where the errors are large"),
    ]  # fmt: skip


# -- stars ------------------------------------------------------------------------------------------------------


def star_with(content: bytes, wavelength: Array | None = None, flux: Array | None = None, error: Array | None = None,
              **keywords: str | float) -> bytes:  # fmt: skip
    """The same star with other rows or keywords."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        [unit] = fits.open(io.BytesIO(content))
        data = np.array(unit.data)
        for row, values in enumerate((wavelength, flux, error)):
            if values is not None:
                data[row] = values
        for key, value in keywords.items():
            unit.header[key] = value
        stream = io.BytesIO()
        fits.PrimaryHDU(data, unit.header).writeto(stream, output_verify="ignore")
    return stream.getvalue()


def bad_stars(mirror: Path) -> list[BadFile]:
    """From a genuine star."""
    good = (mirror / "irtf_spex" / G3V).read_bytes()
    other = (mirror / "irtf_spex/M5III_HD175865.fits").read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = fits.getheader(io.BytesIO(good))
        wavelength, flux, error = fits.getdata(io.BytesIO(good)).astype(np.float64)
        _, other_flux, other_error = fits.getdata(io.BytesIO(other)).astype(np.float64)
    random = np.random.default_rng(2009)
    change = functools.partial(star_with, good)
    planck = 1 / wavelength**5 / np.expm1(14_388 / (wavelength * 5700))
    planck *= np.nanmedian(flux / planck)
    level = np.interp(wavelength, (0.8, 1.24, 1.66, 2.16, 5.5), (2e-11, 1.3e-11, 6e-12, 2.5e-12, 1e-12))
    noise = error / np.nanmedian(error / flux) * 0 + 0.002 * planck

    def bad(name: str, content: bytes, gate: str, check: str, *also: str) -> BadFile:
        return BadFile(f"star: {name}", STAR, content, gate, check, G3V, also)

    parsed = ("format", "parsed whole")
    course = ("errors as a detector has them",)
    return [
        bad("cut within a block", good[: len(good) // 2], *parsed),
        bad("cut at a block", good[:-2880], *parsed),
        bad("a block too many", good + bytes(2880), *parsed),
        bad("a page under .fits", b"<html><body>Not found</body></html>" + b" " * 2845, "transfer", "no page"),
        bad("a header that promises too much", good.replace(b"NAXIS1  =                 7998", b"NAXIS1  =           "
            b"  9999999", 1), *parsed),
        bad("a header that does not end", good[:5760].replace(b"END     ", b"COMMENT "), *parsed),
        bad("two rows", fits_of(np.array([wavelength, flux], np.float32), header), *parsed),
        bad("without a name", good.replace(b"OBJECT  =", b"COMMENT  ", 1), *parsed),
        bad("in jansky", change(YUNITS="Jy"), "schema", "units"),
        bad("in the units of erg", change(flux=1e3 * flux, error=1e3 * error), "physics",
            "as bright as its magnitudes"),
        bad("nanometres called micrometres", change(wavelength=1000 * wavelength), "physics", "range of the instrument",
            "wavelengths as in the header", "as bright as its magnitudes"),
        bad("another star's header", fits_of(np.array([wavelength, flux, error], np.float32), header, J=2.1, H=1.2,
            KS=0.9), "physics", "as bright as its magnitudes"),
        bad("wavelengths moved", change(wavelength=wavelength + 0.01), "schema", "wavelengths as in the header"),
        bad("backwards", change(wavelength=wavelength[::-1], flux=flux[::-1], error=error[::-1]), "physics",
            "wavelengths"),
        bad("not a number", change(flux=np.full_like(flux, np.nan)), "physics", "values", "flux positive",
            "as bright as its magnitudes", "points of a star"),
        bad("observed before the instrument", change(SXDUT="1995 Jan 02"), "physics", "dates"),
        bad("observed after today", change(DATE="2099-01-01"), "physics", "dates"),
        bad("negative errors", change(error=-error), "physics", "flux positive", "as bright as its magnitudes",
            "points of a star", "errors positive", "errors plausible"),
        bad("one error", change(error=np.full_like(flux, 5e-15)), "forensics", "errors that vary"),
        bad("errors at random", change(error=np.abs(flux) * random.uniform(1e-3, 3e-3, len(flux))), "forensics",
            *course),
        bad("white noise on a slope", change(flux=planck * random.uniform(0.98, 1.02, len(flux)), error=noise),
            "forensics", "lines, not noise"),
        bad("white noise", change(flux=level.mean() * random.uniform(0.5, 1.5, len(flux)),
            error=0.01 * level), "forensics", "no noise for flux", "lines, not noise"),
        bad("a black body", change(flux=planck, error=noise), "forensics", "lines"),
        bad("a black body under noise", change(flux=planck + random.normal(0, 1, len(flux)) * noise, error=noise),
            "forensics", "lines"),
        bad("a sine", change(flux=8e-12 + 5e-12 * np.sin(3 * wavelength), error=1e-14 * (1 + wavelength)), "forensics",
            "no analytic curve", "lines", "scatter as the errors say", "as bright as its magnitudes"),
        bad("negative flux", change(flux=-flux), "physics", "flux positive", "as bright as its magnitudes",
            "no point out of its course"),
        bad("one flux changed", change(flux=np.where(np.arange(len(flux)) == 6000, 100 * flux, flux)), "forensics",
            "no point out of its course"),
        bad("a number that is none", change(flux=np.where(np.arange(len(flux)) == 6000, 1e33, flux)), *parsed),
        bad("a gap of zeros", change(flux=np.where(np.abs(np.arange(len(flux)) - 5000) < 30, 0, flux)), "forensics",
            "points of a star"),
        bad("one error changed", change(error=np.where(np.arange(len(flux)) == 4000, 1e3 * error, error)),
            "forensics", "no error out of its course"),
    ]  # fmt: skip


def fits_of(data: NDArray[np.float32], header: fits.Header, **keywords: float) -> bytes:
    """A file of one array, under a header of before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = header.copy()
        header.update(keywords)
        stream = io.BytesIO()
        fits.PrimaryHDU(data, header).writeto(stream, output_verify="ignore")
    return stream.getvalue()


# -- JWST -------------------------------------------------------------------------------------------------------

KEYWORDS: dict[str, str | int | float | bool] = {
    "DATE": "2023-02-17T09:12:40.105", "ORIGIN": "STSCI", "FILENAME": "jw01366003001_04101_00001_nrs1_x1d.fits",
    "TELESCOP": "JWST", "CAL_VER": "1.9.4", "DATAMODL": "MultiSpecModel", "PROGRAM": "01366", "OBSERVTN": "003",
    "VISIT": "001", "TARGPROP": "WASP-39", "TARGNAME": "WASP-39", "DATE-OBS": "2022-07-30", "TIME-OBS": "21:35:57.1",
    "INSTRUME": "NIRSPEC", "DETECTOR": "NRS1", "FILTER": "F290LP", "GRATING": "G395H", "EXP_TYPE": "NRS_BRIGHTOBJ",
}  # fmt: skip
"""Of the primary unit, with the names and kinds of values of the data models."""


def extracted(count: int = 1400, seed: int = 0) -> tuple[Array, Array, Array]:
    """Wavelength, flux in Jy and error, laid out as the pipeline's: a star with lines, noise, pixels without light."""
    random = np.random.default_rng(seed)
    wavelength = np.linspace(2.73, 3.72, count)
    lines = 1 - 0.15 * np.exp(-(((np.arange(count) % 61) - 30) ** 2) / 8.0)
    flux = 0.02 * (3 / wavelength) ** 2 * lines
    error = 1e-4 * (1 + 0.3 * np.sin(np.linspace(0, 4, count)))
    flux = flux + random.normal(0, error)
    flux[:7] = error[:7] = np.nan
    return wavelength, flux, error


def table(wavelength: Array, flux: Array, error: Array, unit: str = "Jy", micron: str = "um") -> fits.BinTableHDU:
    """A table of one spectrum, a row a wavelength."""
    quality = np.where(np.isnan(flux), 1, 0).astype(np.int32)
    return fits.BinTableHDU.from_columns([
        fits.Column("WAVELENGTH", "D", micron, array=wavelength), fits.Column("FLUX", "D", unit, array=flux),
        fits.Column("FLUX_ERROR", "D", unit, array=error),
        fits.Column("SURF_BRIGHT", "D", "MJy/sr", array=np.zeros_like(flux)),
        fits.Column("DQ", "J", bzero=1 << 31, array=quality.astype(np.uint32)),
        fits.Column("NPIXELS", "D", array=np.full(len(flux), 16.0)),
    ], name="EXTRACT1D")  # fmt: skip


def series(spectra: Sequence[tuple[Array, Array, Array]]) -> fits.BinTableHDU:
    """A table of integrations, a row each, as the pipeline writes it since 2025."""
    wavelength, flux, error = (np.stack(rows) for rows in zip(*spectra, strict=True))
    form = f"{wavelength.shape[1]}D"
    return fits.BinTableHDU.from_columns([
        fits.Column("INT_NUM", "J", array=np.arange(1, len(spectra) + 1)),
        fits.Column("WAVELENGTH", form, "um", array=wavelength), fits.Column("FLUX", form, "Jy", array=flux),
        fits.Column("FLUX_ERROR", form, "Jy", array=error),
        fits.Column("N_ALONGDISP", "J", array=np.full(len(spectra), wavelength.shape[1])),
    ], name="EXTRACT1D")  # fmt: skip


def x1d(*tables: fits.BinTableHDU, without: str = "", **changes: str | int | float) -> bytes:
    """A file of tables, with keywords changed or left out."""
    primary = fits.PrimaryHDU()
    for key, value in {**KEYWORDS, **{key.replace("_OBS", "-OBS"): one for key, one in changes.items()}}.items():
        if key != without:
            primary.header[key] = value
    model = fits.BinTableHDU.from_columns([fits.Column("ASDF_METADATA", "64B", array=np.zeros((1, 64), np.uint8))],
                                          name="ASDF")  # fmt: skip
    stream = io.BytesIO()
    fits.HDUList([primary, *(tables or (table(*extracted()),)), model]).writeto(stream)
    return stream.getvalue()


def bad_jwst() -> list[BadFile]:
    """Made from nothing, as no genuine file was seen."""
    wavelength, flux, error = extracted()
    random = np.random.default_rng(2021)
    named = str(KEYWORDS["FILENAME"])

    def bad(name: str, content: bytes, gate: str, check: str, *also: str, file: str = named) -> BadFile:
        return BadFile(f"JWST: {name}", JWST, content, gate, check, file, also)

    parsed = ("format", "parsed whole")
    smooth = 0.02 * (3 / wavelength) ** 2
    return [
        bad("an image, not a table", fits_of(np.ones((8, 8), np.float32), fits.Header({"TELESCOP": "JWST"})), *parsed),
        bad("cut", x1d()[:-2880], *parsed),
        bad("not by JWST", x1d(TELESCOP="HST"), "schema", "telescope", "instrument of the facility"),
        bad("without a programme", x1d(without="PROGRAM"), "schema", "programme", "name of the file"),
        bad("a programme that is no number", x1d(PROGRAM="GTO"), "schema", "programme", "name of the file"),
        bad("without an observation", x1d(without="OBSERVTN"), "schema", "observation"),
        bad("without a pipeline", x1d(without="CAL_VER"), "schema", "version of the pipeline"),
        bad("under another programme's name", x1d(FILENAME="jw02722003001_04101_00001_nrs1_x1d.fits"), "schema",
            "name of the file"),
        bad("without a day", x1d(without="DATE-OBS"), "schema", "day of the observation"),
        bad("without an instrument", x1d(without="INSTRUME"), "physics", "instrument with spectra",
            "instrument of the facility", "named"),
        bad("an instrument of Hubble", x1d(INSTRUME="WFC3"), "physics", "instrument with spectra",
            "instrument of the facility"),
        bad("an exposure that gives no spectra", x1d(EXP_TYPE="NRS_IMAGE"), "physics", "type of exposure"),
        bad("a detector of NIRCam in NIRSpec", x1d(DETECTOR="NRCALONG"), "physics", "detector"),
        bad("a grating of NIRISS in NIRSpec", x1d(GRATING="GR700XD"), "physics", "optical elements"),
        bad("observed before the launch", x1d(DATE_OBS="2015-07-30"), "physics", "dates"),
        bad("nanometres called micrometres", x1d(table(1000 * wavelength, flux, error)), "physics",
            "range of the instrument"),
        bad("in ångström", x1d(table(wavelength, flux, error, micron="Angstrom")), "schema", "units"),
        bad("in magnitudes", x1d(table(wavelength, flux, error, unit="mag")), "schema", "units"),
        bad("without errors", x1d(_without(table(wavelength, flux, error), "FLUX_ERROR")), "schema", "columns"),
        bad("not a number", x1d(table(wavelength, np.full_like(flux, np.nan), error)), "physics", "values",
            "points of a spectrum"),
        bad("wavelengths mixed up", x1d(table(random.permutation(wavelength), flux, error)), "physics", "wavelengths",
            "lines, not noise"),
        bad("negative errors", x1d(table(wavelength, flux, -error)), "physics", "errors positive", "errors plausible",
            "points of a spectrum"),
        bad("a sine", x1d(table(wavelength, 0.02 + 0.005 * np.sin(20 * wavelength), error)), "forensics",
            "no analytic curve"),
        bad("a constant", x1d(table(wavelength, np.full_like(flux, 0.02), error)), "forensics", "values that vary"),
        bad("one error", x1d(table(wavelength, flux, np.full_like(flux, 1e-4))), "forensics", "errors that vary"),
        bad("white noise", x1d(table(wavelength, smooth * random.uniform(0.5, 1.5, len(flux)), error)), "forensics",
            "lines, not noise"),
        bad("one integration, many times", x1d(series([extracted()] * 4), FILENAME=named.replace("x1d", "x1dints")),
            "forensics", "no spectrum twice", file=named.replace("x1d", "x1dints")),
    ]  # fmt: skip


def _without(unit: fits.BinTableHDU, name: str) -> fits.BinTableHDU:
    kept = fits.ColDefs([one for one in unit.columns if one.name != name])
    return fits.BinTableHDU.from_columns(kept, name="EXTRACT1D")


def genuine(mirror: Path) -> Mapping[str, list[Path]]:
    """The genuine spectra of a mirror, by product."""
    found = {
        NASA: sorted((mirror / "nasa_exoplanet_archive/spectra").glob("*.tbl")),
        WASP: sorted((mirror / "jwst_published").glob("*.csv")),
        K2: sorted((mirror / "jwst_published").glob("K2-18b*.txt")),
        STAR: sorted((mirror / "irtf_spex").glob("*.fits")),
    }
    return found
