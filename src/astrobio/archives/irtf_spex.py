"""IRTF spectral library: stars and brown dwarfs, 0.8 to 5 micrometre, by SpeX at the NASA Infrared Telescope Facility.

The layout of the files is told in each file's own header; units, magnitudes and reference as well.
"""

from __future__ import annotations

from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.core.names import canonical
from astrobio.core.provenance import Provenance
from astrobio.core.spectrum import Spectrum
from astrobio.formats.spectra_fits import read_spex
from astrobio.verify import spectra as checks
from astrobio.verify import stellar_spectra
from astrobio.verify.gates import gates


def spectra(content: bytes, _provenance: Provenance) -> tuple[Spectrum, ...]:
    """The spectrum of a file; raises FormatError."""
    return read_spex(content).spectra


def group(content: bytes, _provenance: Provenance) -> str:
    """The star."""
    return canonical(read_spex(content).spectra[0].star)


SOURCE = Source(
    name="irtf_spex",
    title="IRTF Spectral Library",
    holds="spectra of stars of types F to T with absolute flux, 0.8 to 5 micrometre",
    homepage="http://irtfweb.ifa.hawaii.edu/~spex/IRTF_Spectral_Library/",
    licence=Licence(
        name="none stated",
        url="http://irtfweb.ifa.hawaii.edu/~spex/IRTF_Spectral_Library/",
        duties="cite Rayner et al. 2009, as each file asks for",
        redistributable=False,
    ),
    citations=(
        Citation(
            "Rayner2009",
            ("Rayner, John T.", "Cushing, Michael C.", "Vacca, William D."),
            "The Infrared Telescope Facility (IRTF) Spectral Library: Cool Stars",
            2009,
            "The Astrophysical Journal Supplement Series",
            volume="185",
            number="2",
            pages="289",
            doi="10.1088/0067-0049/185/2/289",
        ),
    ),
    products=(
        Product(
            name="stars",
            holds="one star a file: wavelength, flux density per wavelength, error",
            kind="observation",
            counted="stellar spectra",
            gates=gates(
                read_spex,
                checks.check_columns("stellar spectra"),
                checks.check_names,
                checks.check_wavelengths(ascending=True),
                checks.check_instrument(),
                checks.check_dates,
                checks.check_values(least_present=0.5),
                checks.check_errors(least=0.0, most_relative=0.3),
                stellar_spectra.check_star,
            ),
            saved_as=("irtf_spex/*.fits",),
            expected_bytes=5_000_000,
            least=50,
            group=group,
        ),
    ),
    notes=(
        "Save spectra from the library's page, then: astrobio import irtf_spex FILE",
        "Files whose name ends in _ext were corrected for interstellar extinction: they are brighter than the star's "
        "magnitudes.",
    ),
)
