"""Open Exoplanet Catalogue: planets, their stars and pairs of stars, with aliases, as a packed repository.

Elements, units and attributes follow the README and the ``oec.xsd`` that the repository holds
(https://github.com/OpenExoplanetCatalogue/open_exoplanet_catalogue), and were compared with the repository at commit
a858d464 of October 2023. The README's table of units is read along with the systems: one that says other units is
refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import polars as pl

from astrobio.archives.asking import StaticFile
from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.core.nominal import JUPITER_MASS, JUPITER_RADIUS
from astrobio.core.provenance import Provenance
from astrobio.formats.delimited import Table
from astrobio.formats.open_exoplanet_catalogue import ATTRIBUTES, Catalogue, read_catalogue
from astrobio.formats.packed import GZIP
from astrobio.formats.schema import Column, Schema, Typed, apply_schema
from astrobio.verify.gates import gates
from astrobio.verify.planet_tables import PlanetColumns, check_planets, sexagesimal
from astrobio.verify.tables import TableFormat, check_table
from astrobio.verify.verdict import Findings

TARBALL = "https://codeload.github.com/OpenExoplanetCatalogue/open_exoplanet_catalogue/tar.gz/refs/heads/master"
SOLAR_SYSTEM = "Solar System"
"""The list that the planets of our own star are on; what was known before telescopes has no year of discovery."""
METHODS = ("RV", "astrometry", "disk kinematics", "imaging", "microlensing", "timing", "transit")


def _measured(name: str, unit: str | None = None, low: float | None = None, high: float | None = None,
              usual: tuple[float | None, float | None] | None = None) -> list[Column]:  # fmt: skip
    """A quantity with its uncertainties, both positive, and its limits."""
    minus, plus, lower, upper = (f"{name}_{one}" for one in ATTRIBUTES)
    return [
        Column(name, "number", unit, low, high, usual),
        Column(minus, "number", unit, error_of=name, sign=1),
        Column(plus, "number", unit, error_of=name, sign=1),
        Column(lower, "number", unit),
        Column(upper, "number", unit),
    ]


SCHEMA = Schema(
    (
        Column("collection", choices=("systems", "systems_kepler"), filled=True),
        Column("file", filled=True),
        Column("system", filled=True),
        Column("name", filled=True),
        Column("aliases"),
        Column("host"),
        Column("host_aliases"),
        Column("orbits", choices=("star", "binary", "system"), filled=True),
        Column("lists"),
        Column("mass_type", choices=("msini",)),
        Column("discoverymethod", choices=METHODS),
        Column("discoveryyear", "integer"),
        Column("lastupdate"),
        Column("istransiting", choices=("0", "1")),
        Column("description"),
        *_measured("mass", "Jupiter masses", 0),
        *_measured("radius", "Jupiter radii", 0),
        *_measured("period", "day", 0),
        *_measured("semimajoraxis", "AU", 0),
        *_measured("eccentricity", None, usual=(0, 1)),
        *_measured("inclination", "degree", usual=(-1, 180)),
        *_measured("periastron", "degree", usual=(-360, 720)),
        *_measured("longitude", "degree", usual=(-360, 720)),
        *_measured("ascendingnode", "degree", usual=(-360, 720)),
        *_measured("meananomaly", "degree", usual=(-360, 720)),
        *_measured("impactparameter", None, usual=(-1.5, 1.5)),
        *_measured("temperature", "Kelvin", 0),
        *_measured("age", "Gyr", 0, usual=(0, 14)),
        *_measured("spinorbitalignment", "degree", usual=(-360, 360)),
        Column("star_spectraltype"),
        *_measured("star_mass", "Solar masses", 0),
        *_measured("star_radius", "Solar radii", 0),
        *_measured("star_temperature", "Kelvin", 0, 300_000, usual=(250, None)),
        *_measured("star_age", "Gyr", 0, usual=(0, 14)),
        *_measured("star_metallicity", "log, relative to solar", -10, 10, usual=(-5, 1)),
        *_measured("star_magV"),
        *_measured("star_magJ"),
        *_measured("star_magH"),
        *_measured("star_magK"),
        Column("rightascension"),
        Column("declination"),
        *_measured("distance", "parsec", 0),
    ),
    key=("collection", "name"),
)
COLUMNS = PlanetColumns(
    period="period", semi_major_axis="semimajoraxis", stellar_mass="star_mass", stellar_radius="star_radius",
    stellar_temperature="star_temperature", mass="mass", mass_in_earths=JUPITER_MASS, radius="radius",
    radius_in_earths=JUPITER_RADIUS, equilibrium_temperature="temperature", year="discoveryyear",
)  # fmt: skip


@dataclass(frozen=True)
class Systems:
    """The catalogue with its types.

    Attributes
    ----------
    catalogue : Catalogue
    typed : Typed
        One row a planet.
    """

    catalogue: Catalogue
    typed: Typed


class SystemsFormat(TableFormat):
    """The packed repository as a table with one row a planet."""

    def text(self, content: bytes) -> Table:
        """The table as text; raises FormatError."""
        return read_catalogue(content).table


def read(content: bytes) -> Systems:
    """The catalogue, and what is wrong with it; raises FormatError if it is none at all."""
    catalogue = read_catalogue(content)
    typed = apply_schema(catalogue.table, SCHEMA)
    for what in catalogue.wrong[:5]:
        typed.problems.append(("types", f"{what}, and no number"))
    if catalogue.table.units is None:
        typed.problems.append(("units", "there is no README.md that tells them"))
    elif unsaid := [c.name for c in SCHEMA.columns if c.unit and c.name not in catalogue.table.units]:
        typed.problems.append(("units", f"README.md has none for {', '.join(unsaid[:5])}"))
    typed.unknown = list(catalogue.unknown)
    return Systems(catalogue, typed)


def check_systems(found: Findings, systems: Systems, _provenance: Provenance) -> None:
    """Systems are counted, and compared with what the repository says of itself; each has a place in the sky."""
    catalogue, frame = systems.catalogue, systems.typed.frame
    found.counts["systems"] = catalogue.systems
    confirmed = int(frame.select(pl.col("lists").str.contains("Confirmed planets").sum()).item() or 0)
    for what, seen, name in (("systems", catalogue.systems, "files"), ("planets", confirmed, "confirmedPlanets")):
        counted = catalogue.statistics.get(name)
        if counted is not None:
            found.flag("transfer", f"{what} as statistics.json counts them", seen == counted, f"{seen} {what}",
                       f"{counted}; it is written after the systems, and can be behind")  # fmt: skip
    nowhere = _nowhere(frame)
    found.note("physics", "places of systems", not nowhere, ", ".join(nowhere[:5]) or "all are places",
               "right ascension hh mm ss below 24 h, declination dd mm ss within 90 degrees")  # fmt: skip


def _nowhere(frame: pl.DataFrame) -> list[str]:
    """Files whose coordinates are no place in the sky."""
    places = frame.select("file", "rightascension", "declination").unique(maintain_order=True)
    return [
        name
        for name, right, declined in places.rows()
        if (right is not None and not 0 <= sexagesimal(right) < 24)
        or (declined is not None and not -90 <= sexagesimal(declined) <= 90)
    ]


def _of_planets(
    check: Callable[[Findings, Typed, Provenance], None], beyond: bool = False
) -> Callable[[Findings, Systems, Provenance], None]:
    """A check of a table, of the catalogue's planets; only of those beyond the Solar System if wanted."""

    def checked(found: Findings, systems: Systems, provenance: Provenance) -> None:
        typed = systems.typed
        if beyond:
            ours = pl.col("lists").str.contains(SOLAR_SYSTEM, literal=True).fill_null(False)
            typed = replace(typed, frame=typed.frame.filter(~ours))
        check(found, typed, provenance)

    return checked


SOURCE = Source(
    name="open_exoplanet_catalogue",
    title="Open Exoplanet Catalogue",
    holds="planets, their stars and pairs of stars, with uncertainties, limits and aliases; Kepler's candidates",
    homepage="https://github.com/OpenExoplanetCatalogue/open_exoplanet_catalogue",
    licence=Licence(
        name="MIT",
        url="https://github.com/OpenExoplanetCatalogue/open_exoplanet_catalogue#license",
        duties="keep the copyright notice (2012, Hanno Rein); refer to the catalogue in scientific publications",
        redistributable=True,
    ),
    citations=(
        Citation(
            "Rein2012",
            ("Rein, Hanno",),
            "A proposal for community driven and decentralized astronomical databases and the Open Exoplanet "
            "Catalogue",
            2012, eprint="1211.7121",
        ),
    ),
    products=(
        Product(
            name="systems",
            holds="one XML file a planetary system, packed; its README tells the units",
            kind="curated",
            counted="systems",
            gates=gates(read, _of_planets(check_table("planets")), check_systems,
                        _of_planets(check_planets(COLUMNS), beyond=True)),
            ask=StaticFile(TARBALL, "open_exoplanet_catalogue.tar.gz", signatures=(GZIP,)),
            saved_as=("open_exoplanet_catalogue/open_exoplanet_catalogue*.tar.gz",),
            expected_bytes=2_000_000,
            least=6000,
            table=SystemsFormat(SCHEMA),
        ),
    ),
    interval=1.0,
    connections=1,
    notes=(
        "Planets that were imported since 2020 come from the NASA Exoplanet Archive (its README says so): where both "
        "agree, that is one measurement, and not two.",
        "A mass may be M sin i: 263 are labelled so, and by the README those of other planets that were found by their "
        "star's velocity may be, too.",
        "Letters of Kepler's objects of interest follow their numbers, and are not those of the planets' names: "
        "KOI-314 b is Kepler-138 c.",
    ),
)  # fmt: skip
