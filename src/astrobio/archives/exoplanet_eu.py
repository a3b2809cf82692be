"""The Encyclopaedia of exoplanetary systems, exoplanet.eu: its catalogue as a file and as a table of a TAP service.

Columns and units are those of the service's own description of ``exoplanet.epn_core`` (EPN-TAP 2.0; the descriptor
``q.rd_examples/exoplanet/q.rd`` of https://github.com/epn-vespa/VESPA-CRISM-helper-scripts): masses and radii in
Jupiter's, axes in au, periods and times in days. The file has the same quantities under names of its own
(``orbital_period`` for ``period``, ``mass_sini`` for ``mass_sin_i``), and was compared with a saved one of April 2023.
How values are chosen is told at https://exoplanet.eu/readme.
"""

from __future__ import annotations

from dataclasses import replace

from astrobio.archives.asking import StaticFile, TapQuery
from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.core.nominal import JUPITER_MASS, JUPITER_RADIUS
from astrobio.formats.delimited import Dialect
from astrobio.formats.schema import Column, Schema, with_errors
from astrobio.verify.gates import gates
from astrobio.verify.planet_tables import PlanetColumns, check_planets
from astrobio.verify.tables import TableFormat, check_table

TAP = "http://voparis-tap-planeto.obspm.fr/tap"
CSV = "https://exoplanet.eu/catalog/csv/"
METHODS = ("Astrometry", "Default", "Disk Kinematics", "Imaging", "Microlensing", "Other", "Primary Transit",
           "Radial Velocity", "TTV", "Timing")  # fmt: skip
"""How planets were found; "Default" where the catalogue does not say."""
MEASURED_BY = ("Astrometry", "Flux", "Imaging", "Microlensing", "Other", "Primary Transit", "Radial Velocity",
               "Secondary Transit", "Spectrum", "TTV", "Theoretical", "Timing")  # fmt: skip
"""How masses and radii were found; "Theoretical" for those that were calculated."""
_ERRORS = ("_error_min", "_error_max")


def _measured(name: str, unit: str | None = None, low: float | None = None, high: float | None = None,
              usual: tuple[float | None, float | None] | None = None) -> list[Column]:  # fmt: skip
    """A quantity with its lower and upper uncertainty, both positive; one without end is ``inf``."""
    column = Column(name, "number", unit, low, high, usual)
    return with_errors(column, _ERRORS, limit=None, signs=(1, 1), unbounded=True)


_PLANET = (
    *_measured("mass", "jupiterMass", 0),
    *_measured("mass_sini", "jupiterMass", 0),
    *_measured("radius", "jupiterRad", 0),
    *_measured("orbital_period", "d", 0),
    *_measured("semi_major_axis", "AU", 0),
    *_measured("eccentricity", None, 0, usual=(0, 1)),
    *_measured("inclination", "deg", -180, 360, usual=(0, 180)),
    Column("angular_distance", "number", "arcsec", 0),
    Column("discovered", "integer"),
    *_measured("omega", "deg", -360, 360),
    *_measured("tperi", "d"),
    *_measured("tconj", "d"),
    *_measured("tzero_tr", "d"),
    *_measured("tzero_tr_sec", "d"),
    *_measured("lambda_angle", "deg", -360, 360),
    *_measured("impact_parameter", None, usual=(0, 2)),
    *_measured("tzero_vr", "d"),
    *_measured("k", "m.s-1", usual=(0, None)),
    *_measured("temp_calculated", "K", 0),
    Column("temp_measured", "number", "K", 0),
    Column("hot_point_lon", "number", "deg", usual=(-360, 360)),
    *_measured("geometric_albedo", None, 0),
    Column("log_g", "number", usual=(0, 7)),
    Column("publication", filled=True),
    Column("detection_type", choices=METHODS, filled=True),
    Column("mass_detection_type", choices=MEASURED_BY),
    Column("radius_detection_type", choices=MEASURED_BY),
    Column("alternate_names"),
    Column("molecules"),
)
_STAR = (
    Column("star_name"),
    Column("ra", "number", "deg", 0, 360),
    Column("dec", "number", "deg", -90, 90),
    *(Column(f"mag_{band}", "number") for band in "vijhk"),
    *_measured("star_distance", "pc", 0),
    *_measured("star_metallicity", None, -10, 10),
    *_measured("star_mass", "solMass", 0),
    *_measured("star_radius", "solRad", 0),
    Column("star_sp_type"),
    *_measured("star_age", "Gyr", 0, usual=(0, 14)),
    *_measured("star_teff", "K", 0, 300_000, usual=(250, None)),
    Column("star_detected_disc"),
    Column("star_magnetic_field"),
    Column("star_alternate_names"),
)
CATALOGUE = Schema(
    (
        Column("name", filled=True),
        Column("planet_status", choices=("Candidate", "Confirmed", "Controversial", "Retracted"), filled=True),
        Column("updated", "date", filled=True),
        *_PLANET,
        *_STAR,
    ),
    key=("name",),
)

NAMES_IN_TAP = {
    "name": "target_name", "mass_sini": "mass_sin_i", "orbital_period": "period", "omega": "periastron",
    "tperi": "t_peri", "tconj": "t_conj", "geometric_albedo": "albedo", "publication": "publication_status",
    "alternate_names": "alt_target_name", "star_sp_type": "star_spec_type", "updated": "modification_date",
    "star_detected_disc": "detected_disc",
}  # fmt: skip
"""Columns of the table of the TAP service that have another name than in the file."""
_NOT_IN_TAP = {
    "planet_status", "temp_calculated_error_min", "temp_calculated_error_max", "molecules", "star_magnetic_field",
    "star_alternate_names", "star_metallicity_error_min", "star_metallicity_error_max", "star_mass_error_min",
    "star_mass_error_max", "star_radius_error_min", "star_radius_error_max", "star_age_error_min",
    "star_age_error_max", "star_teff_error_min", "star_teff_error_max",
}  # fmt: skip


def in_tap(name: str) -> str:
    """Name of a column of the file in the table of the TAP service.

    >>> in_tap("orbital_period_error_min"), in_tap("radius")
    ('period_error_min', 'radius')
    """
    for suffix in _ERRORS:
        if name.endswith(suffix):
            return in_tap(name.removesuffix(suffix)) + suffix
    return NAMES_IN_TAP.get(name, name)


def _tap_column(column: Column) -> Column:
    """A column as the service has it; what its words are was not seen, so any are taken."""
    of = in_tap(column.error_of) if column.error_of else None
    return replace(column, name=in_tap(column.name), error_of=of, choices=(), filled=column.name == "name")


EPN_CORE = Schema(
    tuple(_tap_column(column) for column in CATALOGUE.columns if column.name not in _NOT_IN_TAP), key=("target_name",)
)

COLUMNS = PlanetColumns(
    period="orbital_period", semi_major_axis="semi_major_axis", stellar_mass="star_mass", stellar_radius="star_radius",
    stellar_temperature="star_teff", mass="mass", mass_in_earths=JUPITER_MASS, radius="radius",
    radius_in_earths=JUPITER_RADIUS, equilibrium_temperature="temp_calculated", host="star_name", right_ascension="ra",
    declination="dec", name="name", year="discovered", dates=("updated",), provenance="mass_detection_type",
    calculated=("Theoretical",),
)  # fmt: skip
TAP_COLUMNS = replace(COLUMNS, name="target_name", period="period", dates=("modification_date",))

RENAMED = {
    "mass_measurement_type": "mass_detection_type", "radius_measurement_type": "radius_detection_type",
}  # fmt: skip
"""Columns of files of 2024 and later that had another name before."""
FORMATS = {
    "catalogue": TableFormat(CATALOGUE, Dialect(header_mark="# ", missing=("nan",)), RENAMED),
    "epn_core": TableFormat(EPN_CORE, Dialect(missing=("nan", "NaN"))),
}


def _product(name: str, holds: str, ask: StaticFile | TapQuery, saved_as: str, default: bool) -> Product:
    table, columns = FORMATS[name], COLUMNS if name == "catalogue" else TAP_COLUMNS
    return Product(
        name=name,
        holds=holds,
        kind="curated",
        counted="planets" if name == "catalogue" else "planets by TAP",
        gates=gates(table.read, check_table("planets" if name == "catalogue" else "planets by TAP"),
                    check_planets(columns)),
        ask=ask,
        saved_as=(f"exoplanet_eu/{saved_as}",),
        expected_bytes=4_000_000,
        least=5000,
        default=default,
        table=table,
    )  # fmt: skip


_LISTED = ", ".join(column.name for column in EPN_CORE.columns)
SOURCE = Source(
    name="exoplanet_eu",
    title="Encyclopaedia of exoplanetary systems",
    holds="planets and their stars, with uncertainties and alternate names",
    homepage="https://exoplanet.eu",
    licence=Licence(
        name="none stated; free access",
        url="https://exoplanet.eu/readme",
        duties="cite Schneider et al. 2011 and exoplanet.eu",
        redistributable=False,
    ),
    citations=(
        Citation(
            "Schneider2011",
            ("Schneider, J.", "Dedieu, C.", "Le Sidaner, P.", "Savalle, R.", "Zolotukhin, I."),
            "Defining and cataloging exoplanets: the exoplanet.eu database",
            2011, "Astronomy & Astrophysics", volume="532", pages="A79", doi="10.1051/0004-6361/201116713",
        ),
    ),
    products=(
        _product("catalogue", "one row a planet, as the catalogue's page offers it for download",
                 StaticFile(CSV, "exoplanet.eu_catalog.csv", signatures=(b"# name", b"name,")),
                 "exoplanet.eu_catalog*.csv", default=True),
        _product("epn_core", "the same planets as the TAP service of the Paris Observatory has them",
                 TapQuery(TAP, f"select {_LISTED} from exoplanet.epn_core order by target_name", "epn_core.csv",
                          count="select count(*) from exoplanet.epn_core"), "epn_core*.csv", default=False),
    ),
    interval=2.0,
    connections=1,
    unconfirmed=("Sizes are estimates: the saved file is of 2023, and that of the TAP service was not seen.",),
    notes=(
        "The file comes without a length: where nothing counts its rows, its completeness is unknown. The table of the "
        "TAP service is counted, and slow; fetch it by name.",
        "Of an uncertainty, inf on the lower side with nan on the upper one marks an upper limit, as for Kepler-42 b.",
        "It counts objects of up to 60 Jupiter masses, and two interstellar comets, as planets.",
    ),
)  # fmt: skip
