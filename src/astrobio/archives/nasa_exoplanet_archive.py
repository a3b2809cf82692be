"""NASA Exoplanet Archive: tables of planets, candidates and host stars, and published spectra of their atmospheres.

Columns and units follow the archive's documentation of each table
(https://exoplanetarchive.ipac.caltech.edu/docs/API_PS_columns.html, API_kepcandidate_columns.html,
API_TOI_columns.html), and were compared with saved files of 2026.
"""

from __future__ import annotations

from astrobio.archives.asking import TapQuery
from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.core.names import canonical, host_of
from astrobio.core.provenance import Provenance
from astrobio.core.spectrum import Spectrum
from astrobio.formats.delimited import Dialect
from astrobio.formats.schema import Column, Schema, with_errors
from astrobio.formats.spectra_ipac import read_ipac_spectrum
from astrobio.verify import planet_spectra
from astrobio.verify import spectra as checks
from astrobio.verify.gates import gates
from astrobio.verify.planet_tables import PlanetColumns, check_planets
from astrobio.verify.tables import TableFormat, check_table

TAP = "https://exoplanetarchive.ipac.caltech.edu/TAP"
_DIALECT = Dialect(comment="#")
UNIQUE = ("pl_name", "pl_pubdate", "pl_refname", "st_refname", "sy_refname")
"""What the rows of ps are ordered by: no column names one."""
_FLAG = {"type": "integer", "low": 0, "high": 1}

_PLACE = (
    Column("rastr"), Column("ra", "number", "deg", 0, 360), Column("decstr"), Column("dec", "number", "deg", -90, 90),
)  # fmt: skip
_PLANET = (
    *with_errors(Column("pl_orbper", "number", "days", 0)),
    *with_errors(Column("pl_orbsmax", "number", "au", 0)),
    *with_errors(Column("pl_rade", "number", "Earth Radius", 0)),
    *with_errors(Column("pl_radj", "number", "Jupiter Radius", 0)),
    *with_errors(Column("pl_bmasse", "number", "Earth Mass", 0)),
    *with_errors(Column("pl_bmassj", "number", "Jupiter Mass", 0)),
    Column("pl_bmassprov", choices=("Mass", "Msini", "Msin(i)/sin(i)", "M-R relationship")),
    *with_errors(Column("pl_orbeccen", "number", low=0, high=1)),
    *with_errors(Column("pl_insol", "number", "Earth Flux", 0)),
    *with_errors(Column("pl_eqt", "number", "K", 0)),
)
_STAR = (
    Column("st_spectype"),
    *with_errors(Column("st_teff", "number", "K", 0, 300_000)),
    *with_errors(Column("st_rad", "number", "Solar Radius", 0)),
    *with_errors(Column("st_mass", "number", "Solar mass", 0)),
    *with_errors(Column("st_met", "number", "dex", -10, 10)),
    Column("st_metratio"),
    *with_errors(Column("st_logg", "number", "log10(cm/s**2)", -5, 10)),
)
_SYSTEM = (
    *with_errors(Column("sy_dist", "number", "pc", 0), limit=None),
    *with_errors(Column("sy_vmag", "number"), limit=None),
    *with_errors(Column("sy_kmag", "number"), limit=None),
    *with_errors(Column("sy_gaiamag", "number"), limit=None),
)
_NAMES = (
    Column("pl_name", filled=True),
    Column("hostname", filled=True),
    Column("sy_snum", "integer", low=1, high=10),
    Column("sy_pnum", "integer", low=1, high=20),
    Column("discoverymethod", filled=True),
    Column("disc_year", "integer"),
    Column("disc_facility"),
    Column("pl_controv_flag", **_FLAG),  # type: ignore[arg-type]
)

REFLINK = "_reflink"
"""Ends the name of a column of the composite table that links a value's paper, or says that the archive calculated it;
files that were saved from the interactive table can lack them."""
MERGED = (
    "pl_orbper", "pl_orbsmax", "pl_rade", "pl_bmasse", "pl_orbeccen", "pl_insol", "pl_eqt", "st_spectype", "st_teff",
    "st_rad", "st_mass", "st_met", "st_logg", "sy_dist", "sy_vmag", "sy_kmag", "sy_gaiamag",
)  # fmt: skip
PSCOMPPARS = Schema(
    (
        *_NAMES,
        *_PLANET,
        Column("ttv_flag", **_FLAG),  # type: ignore[arg-type]
        *_STAR,
        *_PLACE,
        *_SYSTEM,
        *(Column(f"{name}{REFLINK}", optional=True) for name in MERGED),
    ),
    key=("pl_name",),
)
PS = Schema(
    (
        *_NAMES,
        Column("default_flag", **_FLAG),  # type: ignore[arg-type]
        Column("soltype"),
        *_PLANET,
        Column("ttv_flag", **_FLAG),  # type: ignore[arg-type]
        *_STAR,
        *_PLACE,
        *_SYSTEM,
        Column("pl_refname", filled=True),
        Column("st_refname"),
        Column("sy_refname"),
        Column("rowupdate", "date"),
        Column("pl_pubdate", "date"),
        Column("releasedate", "date"),
    )
)
CUMULATIVE = Schema(
    (
        Column("kepid", "integer", low=1, filled=True),
        Column("kepoi_name", filled=True),
        Column("kepler_name"),
        Column(
            "koi_disposition", choices=("CONFIRMED", "CANDIDATE", "FALSE POSITIVE", "NOT DISPOSITIONED"), filled=True
        ),
        Column("koi_pdisposition", choices=("CANDIDATE", "FALSE POSITIVE", "NOT DISPOSITIONED")),
        Column("koi_score", "number", low=0, high=1),
        *(Column(f"koi_fpflag_{name}", "integer", low=0) for name in ("nt", "ss", "co", "ec")),
        *with_errors(Column("koi_period", "number", "days", 0), ("_err1", "_err2"), None),
        *with_errors(Column("koi_time0bk", "number", "BKJD"), ("_err1", "_err2"), None),
        *with_errors(Column("koi_impact", "number", low=0), ("_err1", "_err2"), None),
        *with_errors(Column("koi_duration", "number", "hrs", 0), ("_err1", "_err2"), None),
        *with_errors(Column("koi_depth", "number", "ppm", 0), ("_err1", "_err2"), None),
        *with_errors(Column("koi_prad", "number", "Earth radii", 0), ("_err1", "_err2"), None),
        *with_errors(Column("koi_teq", "number", "K", 0), ("_err1", "_err2"), None),
        *with_errors(Column("koi_insol", "number", "Earth flux", 0), ("_err1", "_err2"), None),
        Column("koi_model_snr", "number", low=0),
        Column("koi_tce_plnt_num", "integer", low=1),
        Column("koi_tce_delivname"),
        *with_errors(Column("koi_steff", "number", "K", 0), ("_err1", "_err2"), None),
        *with_errors(Column("koi_slogg", "number", "log10(cm/s**2)"), ("_err1", "_err2"), None),
        *with_errors(Column("koi_srad", "number", "Solar radii", 0), ("_err1", "_err2"), None),
        Column("ra", "number", "decimal degrees", 0, 360),
        Column("dec", "number", "decimal degrees", -90, 90),
        Column("koi_kepmag", "number", "mag"),
    ),
    key=("kepoi_name",),
)
TOI = Schema(
    (
        Column("toi", "number", filled=True),
        Column("toipfx", "integer", low=1, filled=True),
        Column("tid", "integer", low=1, filled=True),
        Column("ctoi_alias"),
        Column("pl_pnum", "integer", low=0),
        Column("tfopwg_disp", choices=("APC", "CP", "FA", "FP", "KP", "PC")),
        *_PLACE,
        Column("st_pmra", "number", "mas/yr"),
        Column("st_pmdec", "number", "mas/yr"),
        Column("pl_tranmid", "number", "BJD", 2_450_000),
        Column("pl_orbper", "number", "days", 0),
        Column("pl_trandurh", "number", "hours", 0),
        Column("pl_trandep", "number", "ppm", 0),
        Column("pl_rade", "number", "R_Earth", 0),
        Column("pl_insol", "number", "Earth flux", 0),
        Column("pl_eqt", "number", "K", 0),
        Column("st_tmag", "number"),
        Column("st_dist", "number", "pc", 0),
        Column("st_teff", "number", "K", 0),
        Column("st_logg", "number", "cm/s**2"),
        Column("st_rad", "number", "R_Sun", 0),
        Column("toi_created", "date"),
        Column("rowupdate", "date"),
    ),
    key=("toi",),
)

PLANET_COLUMNS = PlanetColumns(
    period="pl_orbper", semi_major_axis="pl_orbsmax", stellar_mass="st_mass", stellar_radius="st_rad",
    stellar_temperature="st_teff", mass="pl_bmasse", radius="pl_rade", insolation="pl_insol",
    equilibrium_temperature="pl_eqt", host="hostname", right_ascension="ra",
    declination="dec", right_ascension_text="rastr", declination_text="decstr", name="pl_name", year="disc_year",
    stellar_gravity="st_logg", dates=("rowupdate", "releasedate"), provenance="pl_bmassprov",
    calculated=("M-R relationship",), minimum=("Msini",),
    same=(("pl_rade", "pl_radj", 11.209), ("pl_bmasse", "pl_bmassj", 317.83)),
)  # fmt: skip
TOI_COLUMNS = PlanetColumns(
    insolation="pl_insol", equilibrium_temperature="pl_eqt", right_ascension="ra", declination="dec",
    right_ascension_text="rastr", declination_text="decstr", radius="pl_rade", stellar_radius="st_rad",
    depth="pl_trandep", dates=("toi_created", "rowupdate"),
)  # fmt: skip
KOI_COLUMNS = PlanetColumns(
    insolation="koi_insol", equilibrium_temperature="koi_teq", host="kepid", right_ascension="ra", declination="dec",
    period="koi_period", radius="koi_prad", stellar_radius="koi_srad", stellar_temperature="koi_steff",
    stellar_gravity="koi_slogg", depth="koi_depth",
)  # fmt: skip

FORMATS = {
    "pscomppars": TableFormat(PSCOMPPARS, _DIALECT),
    "ps": TableFormat(PS, _DIALECT),
    "cumulative": TableFormat(CUMULATIVE, _DIALECT),
    "toi": TableFormat(TOI, _DIALECT),
}


def _table(
    name: str, holds: str, counted: str, columns: PlanetColumns, saved_as: str, least: int, size: int
) -> Product:
    table = FORMATS[name]
    listed, order = ",".join(table.schema.names()), ",".join(table.schema.key or UNIQUE)
    return Product(
        name=name,
        holds=holds,
        kind="curated",
        counted=counted,
        gates=gates(table.read, check_table(counted), check_planets(columns)),
        ask=TapQuery(
            TAP, f"select {listed} from {name} order by {order}", f"{name}.csv", count=f"select count(*) from {name}"
        ),
        saved_as=(f"nasa_exoplanet_archive/{saved_as}",),
        expected_bytes=size,
        least=least,
        table=table,
    )


def spectra(content: bytes, _provenance: Provenance) -> tuple[Spectrum, ...]:
    """The spectrum of a file of the product ``spectra``; raises FormatError."""
    return read_ipac_spectrum(content).spectra


def spectrum_group(content: bytes, _provenance: Provenance) -> str:
    """The host star of a spectrum's planet."""
    return canonical(host_of(read_ipac_spectrum(content).spectra[0].planet))


def _spectra() -> Product:
    """Spectra of the table ``spectra``: TAP tells which there are, their files are saved from the web interface."""
    return Product(
        name="spectra",
        holds="published spectra of planets in transit and eclipse, one a file",
        kind="observation",
        counted="spectra",
        gates=gates(
            read_ipac_spectrum,
            checks.check_columns("spectra"),
            checks.check_names,
            checks.check_wavelengths(ascending=True, most_repeated=0.2),
            checks.check_instrument(),
            checks.check_dates,
            checks.check_values(least_present=1.0),
            checks.check_errors(planet_spectra.LEAST_DEPTH_ERROR, planet_spectra.MOST_DEPTH_ERROR),
            planet_spectra.check_depth,
            planet_spectra.check_radii,
            planet_spectra.check_course,
        ),
        saved_as=("nasa_exoplanet_archive/spectra/*.tbl",),
        expected_bytes=1_300_000,
        group=spectrum_group,
    )


SOURCE = Source(
    name="nasa_exoplanet_archive",
    title="NASA Exoplanet Archive",
    holds="confirmed planets, Kepler and TESS candidates, host stars, published spectra of atmospheres",
    homepage="https://exoplanetarchive.ipac.caltech.edu",
    licence=Licence(
        name="none stated; a public archive",
        url="https://exoplanetarchive.ipac.caltech.edu/docs/acknowledge.html",
        duties="acknowledge the NASA Exoplanet Archive, and cite the papers that values come from",
        redistributable=True,
    ),
    citations=(
        Citation(
            "Christiansen2025",
            ("Christiansen, Jessie L.", "others"),
            "The NASA Exoplanet Archive and Exoplanet Follow-up Observing Program: Data, Tools, and Usage",
            2025, "The Planetary Science Journal", volume="6", number="8", pages="186", doi="10.3847/PSJ/ade3c2",
        ),
    ),
    products=(
        _table("pscomppars", "one row a planet, its values merged from several papers", "planets", PLANET_COLUMNS,
               "PSCompPars*.csv", 5000, 16_000_000),
        _table("ps", "one row a planet and paper, values as each paper gives them", "parameter sets", PLANET_COLUMNS,
               "PS_*.csv", 1, 45_000_000),
        _table("cumulative", "Kepler objects of interest", "Kepler objects", KOI_COLUMNS, "cumulative*.csv", 9000,
               3_700_000),
        _table("toi", "TESS objects of interest", "TESS objects", TOI_COLUMNS, "TOI*.csv", 5000, 2_400_000),
        _spectra(),
    ),
    interval=1.0,
    connections=2,
    acknowledgement="This research has made use of the NASA Exoplanet Archive, which is operated by the California "
    "Institute of Technology, under contract with the National Aeronautics and Space Administration under the "
    "Exoplanet Exploration Program.",
    unconfirmed=(
        "The sizes of ps and pscomppars are estimates: the saved files lack rows of one, columns of the other.",
        "Columns of pscomppars that link the paper of a value (_reflink) are asked for by the names that the service "
        "lists; the saved file does not have them.",
        "How many requests the archive allows was not found; one a second is this project's choice.",
    ),
    notes=(
        "Since September 2026 the archive can answer programs with a page that asks for a browser (HTTP 403, "
        "cf-mitigated: challenge). Save the table as CSV in a browser, then: "
        "astrobio import nasa_exoplanet_archive FILE",
        "Spectra are saved from the Atmospheric Spectroscopy table (docs/atmospheres/atmospheres_home.html), as IPAC "
        "tables; then: astrobio import nasa_exoplanet_archive FILE --product spectra",
        "Of the masses in pscomppars many are computed from the radius or are M sin i: pl_bmassprov says which.",
    ),
)  # fmt: skip
