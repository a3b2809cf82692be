"""Transmission spectra that papers on JWST observations published beside their text.

They are files of authors, not of an archive: columns say what is in them, the name of a file says of which planet and
with which instrument. Where the authors' files were found in a public repository, its commit is the address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from astrobio.archives.asking import StaticFile, StaticFiles
from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.core.names import canonical, host_of
from astrobio.core.provenance import Provenance
from astrobio.core.spectrum import Spectrum
from astrobio.formats.spectra_text import read_text_spectrum
from astrobio.formats.spectrum_file import SpectrumFile
from astrobio.verify import planet_spectra
from astrobio.verify import spectra as checks
from astrobio.verify.gates import gates
from astrobio.verify.verdict import Findings


@dataclass(frozen=True)
class Published:
    """What the name of a file says.

    Attributes
    ----------
    pattern : str
        Of the name.
    planet, facility, instrument, mode, reference : str
        As in :class:`~astrobio.core.spectrum.Spectrum`; several instruments are parted by semicolons.
    most_backwards : float
        Share of steps in wavelength that go back, where lists of several instruments were joined.
    """

    pattern: str
    planet: str
    facility: str
    instrument: str
    mode: str
    reference: str
    most_backwards: float = 0.0


FILES = (
    Published(r"[A-Z]{2,5}-WASP_39b_NIRISS_transmission_spectrum(_\w+)?\.csv", "WASP-39 b", "JWST", "NIRISS", "SOSS",
              "Feinstein et al. 2023"),
    Published(r"K2-18b_niriss_soss_(lowres|native)\.txt", "K2-18 b", "JWST", "NIRISS", "SOSS",
              "Madhusudhan et al. 2023"),
    Published(r"K2-18b_nirspec_g395h_(lowres|native)\.txt", "K2-18 b", "JWST", "NIRSpec", "G395H",
              "Madhusudhan et al. 2023"),
    Published(r"WASP-39b_Wakeford_2018_AJ\.csv", "WASP-39 b",
              "Hubble Space Telescope; Hubble Space Telescope; Very Large Telescope; Spitzer Space Telescope",
              "STIS; WFC3; FORS2; IRAC", "", "Wakeford et al. 2018", most_backwards=0.05),
)  # fmt: skip

DEPTHS = {"WASP-39 b": 1e6 * (1.279 / (0.939 * 9.7312)) ** 2, "K2-18 b": 1e6 * (0.21143724 / (0.411 * 9.7312)) ** 2}
"""(Rp/Rs)**2 in ppm, from radii of planet (Jupiter's) and star (Sun's) in the NASA Exoplanet Archive's composite table
of 2026-04-25, columns pl_radj and st_rad."""

REPOSITORY = (
    "https://raw.githubusercontent.com/afeinstein20/wasp39b_niriss_paper/0608071e1e70ec7ff12707774ea03ace4b52ea85"
)
_DIGESTS = {
    "AT-WASP_39b_NIRISS_transmission_spectrum.csv": "82c93b6f8926387b7df9c645eec0ce224e2050cd90f8ad05a3cd9264d9a83978",
    "CMADF-WASP_39b_NIRISS_transmission_spectrum_R100.csv":
        "99ef37ff99938b95aafc097a9196f1057b0a1ec874318c2f35399c34b47277a1",
    "CMADF-WASP_39b_NIRISS_transmission_spectrum_R300.csv":
        "dcd3115fa6e023a4fa975a3ce54b6a03f0fd318ef923f226adf576738d9ee669",
    "CMADF-WASP_39b_NIRISS_transmission_spectrum_binned2.csv":
        "2f22c4f558201a3a4574fc691c364e3026b7bb07551b6eccdca8c4d3d3436253",
    "CMADF-WASP_39b_NIRISS_transmission_spectrum_highres.csv":
        "98320f21087e4bf83b1c19781279d9a1cc5c5b82f7de5a13ef4b8c6a158cee1c",
    "LPC-WASP_39b_NIRISS_transmission_spectrum.csv": "d1816c4a514b51aaa280f696c97d14c24e4982caa96a4e376a657089601c152f",
    "LPC-WASP_39b_NIRISS_transmission_spectrum_highres.csv":
        "1c449cb899e6817517ba84ef3d22c0cc8f69d6824eead8e099d6e0ebce3fec96",
    "MCR-WASP_39b_NIRISS_transmission_spectrum.csv": "0004401e2c0066e88e13674061e71c1194013c3a9da98aaf935b3fcec561d176",
    "MCR-WASP_39b_NIRISS_transmission_spectrum_highres.csv":
        "4a273f2dfbfd7083dd581fd258de26a64a5b6868b949be4b5cc32cbedff6c7e6",
    "NE-WASP_39b_NIRISS_transmission_spectrum.csv": "4524f5590f91c9b1b04a04f27bd4a81f2af63a657c1c414f3b2626cfc645eb0e",
    "NE-WASP_39b_NIRISS_transmission_spectrum_highres.csv":
        "fb8fa8fe1fb32d04dee19e3959be6bc2550a96509718bfc59169aa39403a0fab",
    "WASP-39b_Wakeford_2018_AJ.csv": "ecf1038f9e093b56fe690f05d59c9a3692adeed3157be7201b5f5c3fb63b0c3e",
    "ZR-WASP_39b_NIRISS_transmission_spectrum.csv": "d5099b88134b54a667a11c08f940aea8cf562c985082e1cc1ac68d5a7b54fcd1",
}  # fmt: skip


def file_name(provenance: Provenance) -> str:
    """The name under which a file was saved."""
    return str(provenance.detail.get("name") or provenance.key.rpartition("#")[0].rpartition("/")[2])


def published(provenance: Provenance) -> Published | None:
    """What the name of a file says; none where it is no name that is known here."""
    name = file_name(provenance)
    return next((one for one in FILES if re.fullmatch(one.pattern, name)), None)


def describe(file: SpectrumFile, provenance: Provenance) -> SpectrumFile:
    """The file with what its name says."""
    known = published(provenance)
    if known is None:
        return file
    named = tuple(
        one.named(planet=known.planet, facility=known.facility, instrument=known.instrument, mode=known.mode,
                  reference=known.reference)
        for one in file.spectra
    )  # fmt: skip
    return replace(file, spectra=named, published=int(known.reference[-4:]))


def spectra(content: bytes, provenance: Provenance) -> tuple[Spectrum, ...]:
    """The spectra of a file; raises FormatError."""
    return describe(read_text_spectrum(content), provenance).spectra


def group(_content: bytes, provenance: Provenance) -> str:
    """The host star."""
    known = published(provenance)
    return canonical(host_of(known.planet)) if known else file_name(provenance)


def _check_target(found: Findings, file: SpectrumFile, provenance: Provenance) -> None:
    """The name is one that is known, and what the file says of its target is what its name says."""
    known = published(provenance)
    found.note("schema", "name of the file", known is not None, file_name(provenance),
               "one that says planet and instrument")  # fmt: skip
    for spectrum in file.spectra:
        if known is not None and spectrum.planet:
            good = canonical(spectrum.planet) == canonical(known.planet)
            found.note("schema", "target as its name says", good, spectrum.planet, known.planet)


def _check_wavelengths(found: Findings, file: SpectrumFile, provenance: Provenance) -> None:
    known = published(provenance)
    most = known.most_backwards if known else 0.0
    checks.check_wavelengths(ascending=False, most_backwards=most)(found, file, provenance)


def _described(*following: checks.Check) -> checks.Check:
    def check(found: Findings, file: SpectrumFile, provenance: Provenance) -> None:
        if published(provenance) is not None:
            for one in following:
                one(found, describe(file, provenance), provenance)

    return check


GATES = gates(
    read_text_spectrum,
    checks.check_columns("spectra"),
    _check_target,
    _described(
        _check_wavelengths,
        checks.check_instrument(),
        checks.check_dates,
        checks.check_values(least_present=1.0),
        checks.check_errors(planet_spectra.LEAST_DEPTH_ERROR, planet_spectra.MOST_DEPTH_ERROR),
        planet_spectra.check_depth,
        planet_spectra.check_known_planet(DEPTHS),
        planet_spectra.check_course,
    ),
)

SOURCE = Source(
    name="jwst_published",
    title="Published JWST spectra",
    holds="transmission spectra of WASP-39 b and K2-18 b, as the papers' authors give them",
    homepage="https://github.com/afeinstein20/wasp39b_niriss_paper",
    licence=Licence(
        name="MIT (WASP-39 b); none stated (K2-18 b)",
        url="https://github.com/afeinstein20/wasp39b_niriss_paper",
        duties="cite the papers",
        redistributable=False,
    ),
    citations=(
        Citation(
            "Feinstein2023",
            ("Feinstein, Adina D.", "others"),
            "Early Release Science of the exoplanet WASP-39b with JWST NIRISS",
            2023,
            "Nature",
            volume="614",
            pages="670",
            doi="10.1038/s41586-022-05674-1",
            eprint="2211.10493",
        ),
        Citation(
            "Madhusudhan2023",
            ("Madhusudhan, N.", "Sarkar, S.", "Constantinou, S.", "others"),
            "Carbon-bearing Molecules in a Possible Hycean Atmosphere",
            2023,
            "The Astrophysical Journal Letters",
            volume="956",
            pages="L13",
            doi="10.3847/2041-8213/acf577",
            eprint="2309.05566",
        ),
        Citation(
            "Wakeford2018",
            ("Wakeford, Hannah R.", "Sing, David K.", "Deming, Drake", "others"),
            "The Complete Transmission Spectrum of WASP-39b with a Precise Water Constraint",
            2018,
            "The Astronomical Journal",
            volume="155",
            pages="29",
            doi="10.3847/1538-3881/aa9e4e",
            eprint="1711.10529",
        ),
    ),
    products=(
        Product(
            name="wasp_39b",
            holds="WASP-39 b by NIRISS SOSS, from six pipelines, and by HST, VLT and Spitzer before",
            kind="observation",
            counted="spectra",
            gates=GATES,
            ask=StaticFiles(
                tuple(
                    StaticFile(f"{REPOSITORY}/data/ts/{name}", name, ("text/plain", "text/csv"), sha256=digest)
                    for name, digest in _DIGESTS.items()
                )
            ),
            saved_as=("jwst_published/*WASP*39b*.csv",),
            expected_bytes=1_000_000,
            least=13,
            group=group,
        ),
        Product(
            name="k2_18b",
            holds="K2-18 b by NIRISS SOSS and NIRSpec G395H",
            kind="observation",
            counted="spectra",
            gates=GATES,
            saved_as=("jwst_published/K2-18b_*.txt",),
            expected_bytes=450_000,
            least=4,
            group=group,
        ),
    ),
    notes=(
        "Points of which the authors warn (column quality) are kept, and marked as not usable.",
        "The spectra of K2-18 b lie in the supplement of Madhusudhan et al. 2023 at OSF, without a licence: save them, "
        "then: astrobio import jwst_published FILE",
    ),
)
