"""Genuine spectra pass their gates; everything else is refused by the check that is for it."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.archives.registry import group, product_of, verify
from astrobio.core.spectrum import Spectrum
from astrobio.formats.spectrum_file import SpectrumFile
from astrobio.verify import planet_spectra
from astrobio.verify import spectra as checks
from astrobio.verify.verdict import Findings, Verdict
from tests.fuzz.fuzz_spectra import PRODUCTS, load
from tests.verify import bad_spectra as making
from tests.verify.bad_spectra import JWST, K2, NASA, STAR, WASP, bad_jwst, genuine, offered, x1d


@pytest.fixture(scope="module")
def verdicts(archive_mirror: Path) -> dict[str, dict[str, Verdict]]:
    """What the gates find in each genuine file, by product and name."""
    found: dict[str, dict[str, Verdict]] = {}
    for product, paths in genuine(archive_mirror).items():
        source, name = product.split("/")
        found[product] = {path.name: verify(path.read_bytes(), offered(source, name, path.name)) for path in paths}
    return found


def test_every_genuine_file_is_admitted(verdicts: dict[str, dict[str, Verdict]]) -> None:
    assert {product: len(files) for product, files in verdicts.items()} == {NASA: 24, WASP: 13, K2: 4, STAR: 59}
    refused = {name: one.reasons for files in verdicts.values() for name, one in files.items() if not one.admitted}
    assert refused == {}


def test_nothing_is_noted_beside_genuine_files_but_that_nothing_was_compared(
    verdicts: dict[str, dict[str, Verdict]],
) -> None:
    flags = {flag.split(": ")[1] for files in verdicts.values() for one in files.values() for flag in one.flags}
    assert flags == {"completeness"}


def test_each_genuine_file_counts_once(verdicts: dict[str, dict[str, Verdict]]) -> None:
    counted = {NASA: "spectra", WASP: "spectra", K2: "spectra", STAR: "stellar spectra"}
    for product, files in verdicts.items():
        assert all(one.counts == {counted[product]: 1} for one in files.values())


def test_every_bad_file_is_refused_by_its_check_and_no_other(archive_mirror: Path, ledger: Any) -> None:
    bad = making.bad_spectra(archive_mirror)
    assert len(bad) >= 100
    assert len({one.name for one in bad}) == len(bad)
    wrong = {}
    for one in bad:
        refusing = {(finding.gate, finding.check) for finding in verify(one.content, one.provenance()).findings
                    if not finding.passed and finding.severity == "refuse"}  # fmt: skip
        if (one.gate, one.check) not in refusing or {check for _, check in refusing} != {one.check, *one.also}:
            wrong[one.name] = (one.gate, one.check, refusing)
    ledger.refused(bad, wrong)
    assert wrong == {}


@pytest.mark.parametrize("one", bad_jwst(), ids=lambda one: one.name)
def test_bad_files_that_claim_jwst(one: making.BadFile, ledger: Any) -> None:
    verdict = verify(one.content, one.provenance())
    right = any(reason.startswith(f"{one.gate}: {one.check}: ") for reason in verdict.reasons)
    ledger.refused([one], () if right else [one.name])
    assert right


def test_a_file_laid_out_as_the_pipeline_documents_is_admitted() -> None:
    verdict = verify(x1d(), offered("mast", "x1d", "jw_x1d.fits"))
    assert verdict.reasons == []
    assert verdict.counts == {"extracted spectra": 1}
    assert group(x1d(), offered("mast", "x1d", "jw_x1d.fits")) == "wasp39"


def test_series_of_both_layouts_are_admitted() -> None:
    integrations = [making.extracted(seed=seed) for seed in range(12)]
    of_rows, of_tables = x1d(making.series(integrations)), x1d(*(making.table(*one) for one in integrations))
    for content, tables in ((of_rows, 1), (of_tables, 12)):
        verdict = verify(content, offered("mast", "x1d", "jw_x1dints.fits"))
        assert verdict.reasons == []
        assert verdict.counts == {"extracted spectra": tables}


@pytest.mark.parametrize(
    ("product", "name", "star"),
    [
        (NASA, making.NIRISS, "wasp39"), (WASP, making.LPC, "wasp39"),
        (WASP, "WASP-39b_Wakeford_2018_AJ.csv", "wasp39"),
        (K2, making.NATIVE, "k2-18"), (STAR, making.G3V, "hd10697"), (STAR, "S2.5Zr2_BD+44_2267.fits", "bd+44-2267"),
    ],
)  # fmt: skip
def test_spectra_are_grouped_by_their_star(archive_mirror: Path, product: str, name: str, star: str) -> None:
    [path] = [one for one in genuine(archive_mirror)[product] if one.name == name]
    assert group(path.read_bytes(), offered(*product.split("/"), name)) == star


@pytest.mark.parametrize("product", [NASA, WASP, K2, STAR])
def test_no_file_that_was_cut_is_admitted(archive_mirror: Path, product: str) -> None:
    """At 100 offsets, and before each of the last bytes."""
    path = genuine(archive_mirror)[product][-1 if product != STAR else 3]
    content, provenance = path.read_bytes(), offered(*product.split("/"), path.name)
    offsets = {*np.linspace(0, len(content) - 1, 100).astype(int).tolist(), *range(len(content) - 3, len(content))}
    whole = {content.rfind(b"\n", 0, offset) + 1 for offset in offsets}  # a text cut between lines cannot be told
    for offset in sorted(offsets):
        verdict = verify(content[:offset], provenance)
        assert not verdict.admitted or (product != STAR and offset in whole), offset


def test_the_cut_of_a_jwst_file_is_never_admitted() -> None:
    content = x1d()
    for offset in np.linspace(0, len(content) - 1, 100).astype(int):
        assert not verify(content[:offset], offered("mast", "x1d", "jw_x1d.fits")).admitted


def test_a_file_is_judged_by_its_own_product_only(archive_mirror: Path) -> None:
    """Each genuine file, offered as each other product, is refused."""
    for product, paths in genuine(archive_mirror).items():
        for other in (NASA, WASP, STAR, JWST):
            if {product, other} not in ({product}, {WASP, K2}):
                verdict = verify(paths[0].read_bytes(), offered(*other.split("/"), paths[0].name))
                assert any("parsed whole" in reason for reason in verdict.reasons)


# -- what fuzzing found -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", PRODUCTS)
def test_mutants_get_a_verdict(archive_mirror: Path, form: str) -> None:
    """A few of those that tests/fuzz/fuzz_spectra.py makes; it runs for as long as one likes."""
    fuzzed = load(PRODUCTS[form], archive_mirror)
    for seed in range(30):
        mutant = fuzzed.make(random.Random(seed))
        assert fuzzed.judge(mutant)[1] == "", (seed, mutant.changes)


def test_a_signalling_nan_is_a_gap(archive_mirror: Path) -> None:
    """One flipped bit makes a NaN that warns when it is converted."""
    content = bytearray((archive_mirror / "irtf_spex" / making.G3V).read_bytes())
    size, begin = 7998 * 4, 2 * 2880
    content[begin + size + 4000 * 4 : begin + size + 4001 * 4] = b"\x7f\xa0\x00\x01"
    verdict = verify(bytes(content), offered(*STAR.split("/"), making.G3V))
    assert verdict.reasons == []


@pytest.mark.parametrize("number", [np.inf, 1e300, -1e300, 1e-300])
def test_numbers_of_no_size_are_refused(number: float) -> None:
    """Their squares overflow, and least squares did not converge."""
    wavelength, flux, error = making.extracted()
    flux[700] = number
    verdict = verify(x1d(making.table(wavelength, flux, error)), offered("mast", "x1d", "jw_x1d.fits"))
    assert [reason.split(":")[0] for reason in verdict.reasons] == ["format"]


def test_a_gap_among_wavelengths_is_refused(archive_mirror: Path) -> None:
    """The flux beside it was fitted at no wavelength."""
    content = (archive_mirror / "irtf_spex" / making.G3V).read_bytes()
    wavelength = making.fits.getdata(making.io.BytesIO(content))[0].astype(float)
    wavelength[4000] = np.nan
    verdict = verify(making.star_with(content, wavelength=wavelength), offered(*STAR.split("/"), making.G3V))
    assert any(reason.startswith("physics: wavelengths") for reason in verdict.reasons)


def test_a_star_of_zeros_is_refused(archive_mirror: Path) -> None:
    """The median was 0, and everything was divided by it."""
    content = (archive_mirror / "irtf_spex" / making.G3V).read_bytes()
    verdict = verify(making.star_with(content, flux=0), offered(*STAR.split("/"), making.G3V))  # type: ignore[arg-type]
    assert any("points of a star" in reason for reason in verdict.reasons)


def test_the_last_number_may_not_stray_either(archive_mirror: Path) -> None:
    """The running median of the last point was that point."""
    content = (archive_mirror / "jwst_published/K2-18b_niriss_soss_lowres.txt").read_bytes()
    changed = content.replace(b"2.964089722621702540e-03", b"5.117438261998152188e-02")
    assert changed != content
    verdict = verify(changed, offered(*K2.split("/"), "K2-18b_niriss_soss_lowres.txt"))
    assert [reason.split(":")[1] for reason in verdict.reasons] == [" no point out of its course"]


def test_a_point_that_strays_together_with_its_error_is_refused(archive_mirror: Path) -> None:
    """Its distance was measured by its own error alone."""
    name = "NE-WASP_39b_NIRISS_transmission_spectrum.csv"
    content = (archive_mirror / "jwst_published" / name).read_bytes()
    changed = content.replace(b"21242.13,107.27", b"212428,21444.27")
    assert changed != content
    verdict = verify(changed, offered(*WASP.split("/"), name))
    assert [reason.split(":")[1] for reason in verdict.reasons] == [" no point out of its course"]


def test_a_stretch_of_something_else_in_a_star_is_refused(archive_mirror: Path) -> None:
    """Wavelengths for fluxes, in more points than the running median takes together."""
    content = bytearray((archive_mirror / "irtf_spex" / making.G3V).read_bytes())
    wavelengths, flux = 2 * 2880, 2 * 2880 + 7998 * 4
    content[flux + 9000 : flux + 9080] = content[wavelengths + 9000 : wavelengths + 9080]
    verdict = verify(bytes(content), offered(*STAR.split("/"), making.G3V))
    assert "no point out of its course" in " ".join(verdict.reasons)


def test_numbers_that_go_beyond_all_numbers_are_refused(archive_mirror: Path) -> None:
    """The square of a ratio, and a depth in ppm, overflowed with a warning."""
    for product, name, was, number in (
        (WASP, "WASP-39b_Wakeford_2018_AJ.csv", b"0.14592000", b"9e200"),
        (K2, making.NATIVE, b"3.073481079019612771e-03", b"9e307"),
    ):
        content = (archive_mirror / "jwst_published" / name).read_bytes()
        assert was in content
        verdict = verify(content.replace(was, number), offered(*product.split("/"), name))
        assert "value is infinite" in verdict.reasons[0]


# -- single checks ----------------------------------------------------------------------------------------------


def planet(value: np.ndarray, error: np.ndarray, **names: str) -> SpectrumFile:
    """A file of one transmission spectrum by NIRSpec."""
    said = {"planet": "X b", "facility": "JWST", "instrument": "NIRSpec"} | names
    wavelength = np.linspace(3.3, 5.0, len(value))
    return SpectrumFile((Spectrum("transit depth", "ppm", wavelength, value, error, error).named(**said),))


def refused_by(check: checks.Check, file: SpectrumFile) -> set[str]:
    """The checks that a file fails."""
    found = Findings()
    check(found, file, offered("x", "y", "z"))
    return {one.check for one in found.rows if not one.passed and one.severity == "refuse"}


def test_a_featureless_spectrum_with_honest_errors_is_not_refused() -> None:
    """Noise of the errors' size around a constant is what a planet without features gives."""
    rng = np.random.default_rng(5)
    for _ in range(20):
        error = 50 * (1 + 0.5 * np.sin(np.linspace(0, 3, 300)))
        assert refused_by(planet_spectra.check_course, planet(3000 + rng.normal(0, error), error)) == set()


@given(st.integers(5, 600), st.floats(1e-3, 1e3), st.integers(0, 2**32 - 1))
def test_judging_a_course_never_fails(count: int, size: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    value = rng.choice([rng.normal(3000, 100), np.nan, 3000.0], count) * np.ones(count)
    error = rng.choice([size, np.nan, 0.0, 2 * size], count)
    of_planets = planet_spectra.check_course, planet_spectra.check_depth
    for check in (*of_planets, checks.check_errors(1.0, 0.5), checks.check_values(1.0)):
        refused_by(check, planet(value, error))


@pytest.mark.parametrize(
    ("names", "check"),
    [
        ({"facility": "An observatory of ours", "instrument": "A spectrograph"}, None),
        ({"facility": "Keck I", "instrument": "NIRSPEC"}, None),
        ({"facility": "Keck I", "instrument": "NIRISS"}, "instrument of the facility"),
        ({"facility": "JWST", "instrument": "NIRSPEC"}, None),
        ({"facility": "JWST", "instrument": "CCD"}, "instrument of the facility"),
        ({"facility": "Spitzer", "instrument": "IRAC"}, None),
        ({"facility": "A telescope of 2 m", "instrument": "CCD"}, "range of the instrument"),
        ({"facility": "JWST", "instrument": "NIRSpec", "mode": "G140H/F070LP"}, "range of the instrument"),
        ({"facility": "JWST; Hubble", "instrument": "NIRISS; STIS"}, "range of the instrument"),
        ({"facility": "JWST; Spitzer", "instrument": "NIRSpec; IRAC"}, None),
        ({"facility": "JWST; Spitzer", "instrument": "IRAC; NIRSpec"}, "instrument of the facility"),
    ],
)  # fmt: skip
def test_instruments_and_their_facilities(names: dict[str, str], check: str | None) -> None:
    """What is not known here is noted, not refused; what cannot be is refused. The spectrum is at 3.3 to 5.0."""
    file = planet(np.full(50, 3000.0), np.full(50, 30.0), **names)
    assert refused_by(checks.check_instrument(), file) >= ({check} if check else set())
    assert check is not None or refused_by(checks.check_instrument(), file) == set()


@pytest.mark.parametrize(
    ("change", "sound"),
    [
        (lambda wavelength: wavelength, True), (lambda wavelength: wavelength[::-1], False),
        (lambda wavelength: -wavelength, False), (lambda wavelength: np.repeat(wavelength[::2], 2), False),
        (lambda wavelength: np.where(wavelength > 4, np.nan, wavelength), False),
        (lambda wavelength: np.concatenate([wavelength[:40], wavelength[38:48]]), False),
    ],
)  # fmt: skip
def test_wavelengths_in_order(change: Callable[[np.ndarray], np.ndarray], sound: bool) -> None:
    wavelength = change(np.linspace(3, 5, 50))
    spectrum = Spectrum("transit depth", "ppm", wavelength, np.ones(50), np.ones(50), np.ones(50))
    refused = refused_by(checks.check_wavelengths(ascending=True), SpectrumFile((spectrum,)))
    assert refused == (set() if sound else {"wavelengths"})


def test_eclipse_depths_may_be_negative_within_their_error() -> None:
    wavelength = np.linspace(3, 5, 3)
    for value, refused in (([50.0, -30.0, 60.0], set()), ([50.0, -300.0, 60.0], {"depth"})):
        error = np.full(3, 20.0)
        spectrum = Spectrum("eclipse depth", "ppm", wavelength, np.array(value), error, error)
        assert refused_by(planet_spectra.check_depth, SpectrumFile((spectrum,))) == refused


def test_every_product_of_spectra_is_of_observations() -> None:
    for product in (NASA, WASP, K2, STAR, JWST):
        source, name = product.split("/")
        assert product_of(offered(source, name, "x")).kind == "observation"
