"""MAST: spectra by JWST, as its pipeline extracts them (products x1d and x1dints).

No file of it was seen here: what the gates demand is what the documentation of the pipeline (spacetelescope/jwst,
docs/jwst/data_products) and the schemas of its data models (spacetelescope/stdatamodels, core.schema.yaml) say.
"""

from __future__ import annotations

from astrobio.archives.asking import MastProducts, PublicObjects
from astrobio.archives.source import Gates, Licence, Product, Source
from astrobio.core.names import canonical, host_of
from astrobio.core.provenance import Provenance
from astrobio.core.spectrum import Spectrum
from astrobio.formats.spectra_fits import read_x1d
from astrobio.verify import jwst
from astrobio.verify import spectra as checks
from astrobio.verify.gates import gates

API = "https://mast.stsci.edu/api"


def spectra(content: bytes, _provenance: Provenance) -> tuple[Spectrum, ...]:
    """The spectra of a file, one an order, source or integration; raises FormatError."""
    return read_x1d(content).spectra


def group(content: bytes, provenance: Provenance) -> str:
    """The target, as the proposal names it; a planet's star where it names the planet."""
    star = read_x1d(content).spectra[0].star
    return canonical(host_of(star)) if star.strip() else f"{provenance.source}/{provenance.key}"


def _gates(counted: str) -> Gates:
    return gates(
        read_x1d,
        checks.check_columns(counted),
        jwst.check_jwst,
        checks.check_names,
        checks.check_wavelengths(ascending=False),
        checks.check_instrument(least_inside=0.8),
        checks.check_dates,
        checks.check_values(least_present=0.1),
        checks.check_errors(least=0.0, most_relative=float("inf")),
        jwst.check_jwst_course,
    )


SOURCE = Source(
    name="mast",
    title="MAST (JWST spectra)",
    holds="extracted spectra of JWST: stars with planets in transit or eclipse, and whatever else was observed",
    homepage="https://mast.stsci.edu",
    licence=Licence(
        name="public domain",
        url="https://archive.stsci.edu/publishing/data-use",
        duties="acknowledge JWST and STScI; data in their exclusive-access period are their investigators'",
        redistributable=True,
    ),
    citations=(),
    products=(
        Product(
            name="x1d",
            holds="extracted spectra of slit observations: wavelength, flux density, error, quality",
            kind="observation",
            counted="extracted spectra",
            gates=_gates("extracted spectra"),
            ask=MastProducts(
                f"{API}/v0/invoke",
                f"{API}/v0.1/Download/file?uri={{uri}}",
                filters=(
                    ("obs_collection", ("JWST",)),
                    ("dataproduct_type", ("spectrum",)),
                    ("calib_level", ("3",)),
                    ("intentType", ("science",)),
                    ("dataRights", ("PUBLIC",)),
                    ("instrument_name", ("NIRSPEC/SLIT", "MIRI/SLIT")),
                ),
                pattern=r"jw\d{5}.*_x1d\.fits",
                signatures=(b"SIMPLE  =",),
            ),
            saved_as=("mast/*_x1d.fits",),
            expected_bytes=1_000_000_000,
            least=1000,
            group=group,
        ),
        Product(
            name="x1dints",
            holds="time series of spectra of the Early Release Science programme 1366 on transiting planets",
            kind="observation",
            counted="spectra in time series",
            gates=_gates("spectra in time series"),
            ask=PublicObjects(
                "https://stpubdata.s3.amazonaws.com",
                "jwst/public/jw01366/L3/",
                pattern=r".*_x1dints\.fits",
                signatures=(b"SIMPLE  =",),
            ),
            saved_as=("mast/*_x1dints.fits",),
            default=False,
            group=group,
        ),
    ),
    interval=0.5,
    connections=2,
    acknowledgement="This work is based on observations made with the NASA/ESA/CSA James Webb Space Telescope. The "
    "data were obtained from the Mikulski Archive for Space Telescopes at the Space Telescope Science Institute, "
    "which is operated by the Association of Universities for Research in Astronomy, Inc., under NASA contract NAS "
    "5-03127 for JWST.",
    unconfirmed=(
        "How many public spectra of level 3 there are of slits, and how large, is an estimate.",
        "How many requests the API allows was not found.",
    ),
    notes=(
        "The API takes a JSON request at https://mast.stsci.edu/api/v0/invoke: service Mast.Caom.Filtered lists "
        "observations, Mast.Caom.Products their files; a file lies at https://mast.stsci.edu/api/v0.1/Download/file?"
        "uri=mast:JWST/product/NAME, and public ones also in the bucket stpubdata, below jwst/public/.",
        "Save files of products x1d or x1dints, then: astrobio import mast FILE",
        "A token is needed for data in their exclusive-access period only.",
    ),
)
