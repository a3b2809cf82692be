"""Habitable Worlds Catalog of the Planetary Habitability Laboratory, University of Puerto Rico at Arecibo.

Two lists of planets that the catalogue's rules select (https://phl.upr.edu/hwc/about; the rules, of orbit and size, at
http://phl.upr.edu/projects/habitable-exoplanets-catalog/methods), and the whole catalogue of which they are a part.
The lists were compared with saved ones; the whole was not seen here: its columns are those that programs which read it
declare, its units those of the lists and of the NASA Exoplanet Archive, its main source.
"""

from __future__ import annotations

from astrobio.archives.asking import StaticFile, StaticFiles
from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.formats.delimited import Dialect
from astrobio.formats.schema import Column, Schema, with_errors
from astrobio.verify.gates import gates
from astrobio.verify.planet_tables import PlanetColumns, check_planets
from astrobio.verify.tables import TableFormat, check_table

DATA = "https://www.hpcf.upr.edu/~abel/phl/hwc/data"
STARS, SIZES = "FGKM", ("Subterran", "Terran", "Superterran")
MASS, RADIUS, FLUX = "Mass<br>(M<sub>E</sub>)", "Radius<br>(R<sub>E</sub>)", "Flux<br>(S<sub>E</sub>)"
TEMPERATURE = "<i>T<sub>surf</sub></i><br>(K)"
PERIOD, DISTANCE, AGE = "Period<br>(days)", "Distance<br>(ly)", "Age<br>(Gy)"
"""Columns of the lists as their header has them, markup included; the unit is part of the name."""

LIST = Schema(
    (
        Column("Name", filled=True),
        Column("Type", choices=tuple(f"{star} Warm {size}" for star in STARS for size in SIZES), filled=True),
        Column("Detection Method", filled=True),
        Column(MASS, "number", "Earth masses", 0),
        Column(RADIUS, "number", "Earth radii", 0),
        Column(FLUX, "number", "Earth's", 0),
        Column(TEMPERATURE, "number", "K", 0),
        Column(PERIOD, "number", "days", 0),
        Column(DISTANCE, "number", "light years", 0),
        Column(AGE, "number", "Gyr", 0, usual=(0, 14)),
        Column("ESI", "number", low=0, high=1),
        Column("Star", optional=True),
    ),
    key=("Name",),
)
LIST_COLUMNS = PlanetColumns(
    mass=MASS, radius=RADIUS, insolation=FLUX, equilibrium_temperature=TEMPERATURE, similarity="ESI", name="Name"
)


def _measured(name: str, unit: str | None = None, low: float | None = None, limit: bool = True) -> list[Column]:
    """A quantity with its uncertainties, whose signs are not documented, and its limit flag."""
    column = Column(name, "number", unit, low)
    flag = "_LIMIT" if limit else None
    return with_errors(column, ("_ERROR_MIN", "_ERROR_MAX"), flag, signs=(0, 0))


CATALOGUE = Schema(
    (
        Column("P_NAME", filled=True),
        Column("P_DETECTION", filled=True),
        Column("P_DISCOVERY_FACILITY"),
        Column("P_YEAR", "integer"),
        Column("P_UPDATE"),
        *_measured("P_MASS", "Earth masses", 0),
        Column("P_MASS_ORIGIN"),
        *_measured("P_RADIUS", "Earth radii", 0),
        *_measured("P_PERIOD", "days", 0),
        *_measured("P_SEMI_MAJOR_AXIS", "au", 0),
        *_measured("P_ECCENTRICITY", None, 0),
        *_measured("P_INCLINATION", "degrees"),
        *_measured("P_OMEGA", "degrees"),
        Column("S_NAME", filled=True),
        Column("S_NAME_HD"),
        Column("S_NAME_HIP"),
        Column("S_TYPE"),
        Column("S_RA", "number", low=0, high=360),
        Column("S_DEC", "number", "degrees", -90, 90),
        Column("S_RA_STR"),
        Column("S_DEC_STR"),
        *_measured("S_MAG", limit=False),
        *_measured("S_DISTANCE", "pc", 0, limit=False),
        *_measured("S_TEMPERATURE", "K", 0),
        *_measured("S_MASS", "solar masses", 0),
        *_measured("S_RADIUS", "solar radii", 0),
        *_measured("S_METALLICITY"),
        *_measured("S_AGE", "Gyr", 0),
        *_measured("S_LOG_LUM"),
        *_measured("S_LOG_G"),
        *(Column(f"P_{name}", "number") for name in ("ESCAPE", "POTENTIAL", "GRAVITY", "DENSITY", "HILL_SPHERE",
          "DISTANCE", "PERIASTRON", "APASTRON", "DISTANCE_EFF")),
        *(Column(f"P_FLUX{name}", "number", "Earth's", 0) for name in ("", "_MIN", "_MAX")),
        *(Column(f"P_TEMP_{kind}{name}", "number", "K", 0) for kind in ("EQUIL", "SURF")
          for name in ("", "_MIN", "_MAX")),
        Column("P_TYPE"),
        Column("S_TYPE_TEMP"),
        Column("S_RA_TXT"),
        Column("S_DEC_TXT"),
        Column("S_LUMINOSITY", "number", "Sun's", 0),
        *(Column(f"S_HZ_{kind}_{end}", "number", "au", 0) for kind in ("OPT", "CON", "CON0", "CON1")
          for end in ("MIN", "MAX")),
        *(Column(f"S_{name}", "number", "au", 0) for name in ("SNOW_LINE", "ABIO_ZONE", "TIDAL_LOCK")),
        Column("P_HABZONE_OPT", "integer", low=0, high=1),
        Column("P_HABZONE_CON", "integer", low=0, high=1),
        Column("P_TYPE_TEMP"),
        Column("P_HABITABLE", "integer", low=0, high=2),
        Column("P_ESI", "number", low=0, high=1),
        *(Column(f"S_CONSTELLATION{name}") for name in ("", "_ABR", "_ENG")),
    ),
    key=("P_NAME",),
    least_rows=1000,
)  # fmt: skip
CATALOGUE_COLUMNS = PlanetColumns(
    period="P_PERIOD", semi_major_axis="P_SEMI_MAJOR_AXIS", stellar_mass="S_MASS", stellar_radius="S_RADIUS",
    stellar_temperature="S_TEMPERATURE", mass="P_MASS", radius="P_RADIUS", insolation="P_FLUX",
    equilibrium_temperature="P_TEMP_EQUIL", similarity="P_ESI", name="P_NAME", year="P_YEAR",
)  # fmt: skip

FORMATS = {
    "lists": TableFormat(LIST, Dialect(missing=("NaN",))),
    "catalogue": TableFormat(CATALOGUE, Dialect(missing=("NaN", "nan"))),
}

SOURCE = Source(
    name="phl_hwc",
    title="Habitable Worlds Catalog",
    holds="planets that rules of orbit and size select as potentially habitable",
    homepage="https://phl.upr.edu/hwc",
    licence=Licence(
        name="none stated",
        url="https://phl.upr.edu/hwc/about",
        duties="refer to the Habitable Worlds Catalog, PHL @ UPR Arecibo",
        redistributable=False,
    ),
    citations=(
        Citation(
            "PHL",
            ("Planetary Habitability Laboratory, University of Puerto Rico at Arecibo",),
            "Habitable Worlds Catalog",
            url="https://phl.upr.edu/hwc",
        ),
    ),
    products=(
        Product(
            name="lists",
            holds="the planets that the rules select, and those of them that conservative rules select",
            kind="curated",
            counted="listed planets",
            gates=gates(FORMATS["lists"].read, check_table("listed planets"), check_planets(LIST_COLUMNS)),
            ask=StaticFiles(
                tuple(
                    StaticFile(f"{DATA}/{name}", name, signatures=(b"Name,", b'"Name",'))
                    for name in ("hwc_table_all.csv", "hwc_table_conservative.csv")
                )
            ),
            saved_as=("phl_hwc/hwc_table_*.csv",),
            expected_bytes=20_000,
            least=60,
            table=FORMATS["lists"],
        ),
        Product(
            name="catalogue",
            holds="all planets of the catalogue with what its rules take from them; not seen here",
            kind="curated",
            counted="catalogued planets",
            gates=gates(FORMATS["catalogue"].read, check_table("catalogued planets"),
                        check_planets(CATALOGUE_COLUMNS)),
            ask=StaticFile(f"{DATA}/hwc.csv", "hwc.csv", signatures=(b"P_NAME,", b'"P_NAME",')),
            saved_as=("phl_hwc/hwc.csv",),
            expected_bytes=5_000_000,
            least=5000,
            default=False,
            table=FORMATS["catalogue"],
        ),
    ),
    interval=1.0,
    connections=1,
    unconfirmed=("The size of the whole catalogue is an estimate.",),
    notes=(
        "Its tiers (Warm Terran, P_HABITABLE, the similarity index ESI) are computed by rules from the planet's size "
        "and flux: they are no observation of habitability, and never a label to train on.",
        "Masses of transiting planets and radii of others are estimates: the mass of Kepler-62 f is an upper limit of "
        "35 Earth masses in the list, and 69 g cm-3 follow from it.",
    ),
)  # fmt: skip
