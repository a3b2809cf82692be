"""Which columns of the catalogues' tables give which quantity, in which unit, and what the catalogue says of it.

A value is ``measured`` where its catalogue says that a paper found it by observation, ``calculated`` where the
catalogue says so or the column's definition does, and ``unknown`` where nothing is said. Definitions of the columns of
the NASA Exoplanet Archive are those of
https://exoplanetarchive.ipac.caltech.edu/docs/API_PS_columns.html; how its composite table is filled is told at
https://exoplanetarchive.ipac.caltech.edu/docs/pscp_calc.html.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from astrobio.archives import exoplanet_eu, nasa_exoplanet_archive, open_exoplanet_catalogue, phl_hwc
from astrobio.core.nominal import EARTH_GM, JUPITER_MASS, JUPITER_RADIUS, SUN_GM
from astrobio.verify.planet_tables import PlanetColumns

MEASURED, CALCULATED, UNKNOWN = "measured", "calculated", "unknown"
NASA, OPEN, ENCYCLOPAEDIA, HABITABLE = (one.SOURCE.name for one in (
    nasa_exoplanet_archive, open_exoplanet_catalogue, exoplanet_eu, phl_hwc))  # fmt: skip
SAYS_NOTHING = "the table does not say"
CALCULATED_VALUE = "Calculated Value"
"""What the archive's composite table writes for the paper of a value that it calculated."""
BY_DEFINITION = "by the definition of the column"
BY_RELATION = "no uncertainty, and that of the mass-radius relation"
NEAR_RELATION = 0.01
"""Share within which a radius without uncertainties is that of the mass-radius relation. Measured in the composite
table of April 2026: 1,501 of 1,528 of those that were not the source of their mass, and 66 of 1,719 with
uncertainties, which chance brings there."""


@dataclass(frozen=True)
class Given:
    """A column that gives a quantity.

    Attributes
    ----------
    quantity, column : str
    factor : float
        To the quantity's unit.
    upper, lower : str
        Columns of its uncertainties; empty where it has none.
    limit : str or int
        The column of its limit flag (1 for an upper limit, -1 for a lower one), or the flag of all its values.
    where : polars.Expr, optional
        Rows in which it is that quantity; all unless given.
    kind, because : polars.Expr
        Of the values, and what tells it.
    note, reference : str
        Columns with what is to be known of the value, and with its paper; empty where there is none.
    told : str
        A column that names the value's paper, or says that the catalogue calculated it; a file may lack it.
    """

    quantity: str
    column: str
    factor: float = 1.0
    upper: str = ""
    lower: str = ""
    limit: str | int = 0
    where: pl.Expr | None = None
    kind: pl.Expr = pl.lit(UNKNOWN)
    because: pl.Expr = pl.lit(SAYS_NOTHING)
    note: str = ""
    reference: str = ""
    told: str = ""


@dataclass(frozen=True)
class Part:
    """A table of a catalogue, or a part of one.

    Attributes
    ----------
    catalogue, product : str
        The source, and its product.
    table : str
        The name of the part; that of the product unless a product has several.
    given : tuple of Given
    columns : PlanetColumns, optional
        For the flags of its rows; none where they are not judged.
    lower_sign : int
        Of lower uncertainties in the file.
    endless : bool
        Whether an uncertainty of ``inf`` beside none marks a limit.
    """

    catalogue: str
    product: str
    table: str
    given: tuple[Given, ...]
    columns: PlanetColumns | None = None
    lower_sign: int = 1
    endless: bool = False

    @property
    def name(self) -> str:
        """Catalogue and table."""
        return f"{self.catalogue}/{self.table}"


def mass_radius_relation(mass: pl.Expr) -> pl.Expr:
    """Radius, in the Earth's, by which the archive's composite table is filled where only a mass is known.

    Chen & Kipping 2017, Astrophys. J. 834, 17, table 2: a power law for each of four classes, joined at 2.04 Earth
    masses, 0.414 of Jupiter's and 0.08 of the Sun's.

    >>> pl.DataFrame({"m": [1.0, 10.0, 317.8]}).select(mass_radius_relation(pl.col("m")).round(2)).to_series().to_list()
    [1.01, 3.14, 13.77]
    """
    terran, jovian, stellar = 2.04, 0.414 * JUPITER_MASS, 0.08 * SUN_GM / EARTH_GM
    neptunian_radius = 1.008 * terran**0.279
    jovian_radius = neptunian_radius * (jovian / terran) ** 0.589
    stellar_radius = jovian_radius * (stellar / jovian) ** -0.044
    return (
        pl.when(mass < terran).then(1.008 * mass**0.279)
        .when(mass < jovian).then(neptunian_radius * (mass / terran) ** 0.589)
        .when(mass < stellar).then(jovian_radius * (mass / jovian) ** -0.044)
        .otherwise(stellar_radius * (mass / stellar) ** 0.881)
    )  # fmt: skip


def _said(column: str, words: dict[str, str]) -> pl.Expr:
    """What a column's words say of a value."""
    return pl.col(column).replace_strict(words, default=UNKNOWN, return_dtype=pl.String)


def _defined(given: Given) -> Given:
    return replace(given, kind=pl.lit(CALCULATED), because=pl.lit(BY_DEFINITION))


# -- NASA Exoplanet Archive -----------------------------------------------------------------------------------------


def _nasa(quantity: str, column: str, **more: object) -> Given:
    told = column + nasa_exoplanet_archive.REFLINK
    given = Given(quantity, column, upper=f"{column}err1", lower=f"{column}err2", limit=f"{column}lim", told=told)
    return replace(given, **more)  # type: ignore[arg-type]


_PROVENANCE = "pl_bmassprov"
_SEEN_APART = pl.col("discoverymethod").is_in(["Imaging", "Microlensing"])
"""For these ``pl_orbsmax`` may be the projected separation."""
_IMAGED = pl.col("discoverymethod") == "Imaging"
"""For these ``pl_eqt`` is the temperature that their measured luminosity tells."""
_FROM_MASS = (
    pl.col("pl_radeerr1").is_null() & pl.col("pl_radeerr2").is_null() & (pl.col("pl_radelim").fill_null(0) == 0)
    & (pl.col(_PROVENANCE) != "M-R relationship")
    & ((pl.col("pl_rade") / mass_radius_relation(pl.col("pl_bmasse")) - 1).abs() <= NEAR_RELATION)
).fill_null(False)  # fmt: skip
_PROVENANCES = {"Mass": MEASURED, "Msini": MEASURED, "M-R relationship": CALCULATED, "Msin(i)/sin(i)": CALCULATED}


def _nasa_planets(published: bool) -> tuple[Given, ...]:
    """Of a table of planets: of papers' own values, or merged from several papers and filled."""
    said = {"kind": pl.lit(MEASURED), "because": pl.lit("published by the paper")} if published else {}
    planet = said | ({"reference": "pl_refname"} if published else {})
    star = said | ({"reference": "st_refname"} if published else {})
    system = said | ({"reference": "sy_refname"} if published else {})
    mass = planet | {
        "kind": _said(_PROVENANCE, _PROVENANCES), "because": pl.format("pl_bmassprov: {}", pl.col(_PROVENANCE)),
    }  # fmt: skip
    radius = planet if published else {
        "kind": pl.when(_FROM_MASS).then(pl.lit(CALCULATED)).otherwise(pl.lit(UNKNOWN)),
        "because": pl.when(_FROM_MASS).then(pl.lit(BY_RELATION)).otherwise(pl.lit(SAYS_NOTHING)),
    }  # fmt: skip
    without = {key: value for key, value in planet.items() if key == "reference"}
    true = pl.col(_PROVENANCE).is_in(["Mass", "M-R relationship", "Msin(i)/sin(i)"])
    return (
        _nasa("orbital_period", "pl_orbper", **planet),
        _nasa("semi_major_axis", "pl_orbsmax", where=~_SEEN_APART, **planet),
        _nasa("semi_major_axis_or_separation", "pl_orbsmax", where=_SEEN_APART, **planet),
        _nasa("eccentricity", "pl_orbeccen", **planet),
        _nasa("radius", "pl_rade", **radius | without),
        _nasa("mass", "pl_bmasse", where=true, **mass),
        _nasa("minimum_mass", "pl_bmasse", where=pl.col(_PROVENANCE) == "Msini", **mass),
        _nasa("mass_or_minimum_mass", "pl_bmasse", where=pl.col(_PROVENANCE).is_null(), **planet),
        _defined(_nasa("equilibrium_temperature", "pl_eqt", where=~_IMAGED, **without)),
        _nasa("measured_temperature", "pl_eqt", where=_IMAGED, **planet),
        _defined(_nasa("insolation", "pl_insol", **without)),
        Given("discovery_year", "disc_year"),
        Given("discovery_method", "discoverymethod"),
        _nasa("effective_temperature", "st_teff", **star),
        _nasa("stellar_radius", "st_rad", **star),
        _nasa("stellar_mass", "st_mass", **star),
        _nasa("metallicity", "st_met", note="st_metratio", **star),
        _nasa("surface_gravity", "st_logg", **star),
        Given("spectral_type", "st_spectype", told="st_spectype" + nasa_exoplanet_archive.REFLINK, **star),  # type: ignore[arg-type]
        _nasa("distance", "sy_dist", limit=0, **system),
        _nasa("v_magnitude", "sy_vmag", limit=0, **system),
        _nasa("k_magnitude", "sy_kmag", limit=0, **system),
        Given("right_ascension", "ra"),
        Given("declination", "dec"),
    )


def _koi(quantity: str, column: str) -> Given:
    return Given(quantity, column, upper=f"{column}_err1", lower=f"{column}_err2")


_CUMULATIVE = (
    _koi("orbital_period", "koi_period"), _koi("radius", "koi_prad"),
    _defined(_koi("equilibrium_temperature", "koi_teq")), _defined(_koi("insolation", "koi_insol")),
    _koi("effective_temperature", "koi_steff"), _koi("surface_gravity", "koi_slogg"),
    _koi("stellar_radius", "koi_srad"), Given("right_ascension", "ra"), Given("declination", "dec"),
)  # fmt: skip
_TOI = (
    Given("orbital_period", "pl_orbper"), Given("radius", "pl_rade"),
    _defined(Given("equilibrium_temperature", "pl_eqt")), _defined(Given("insolation", "pl_insol")),
    Given("effective_temperature", "st_teff"), Given("surface_gravity", "st_logg"), Given("stellar_radius", "st_rad"),
    Given("distance", "st_dist"), Given("right_ascension", "ra"), Given("declination", "dec"),
)  # fmt: skip

# -- Open Exoplanet Catalogue ---------------------------------------------------------------------------------------


def _open(
    quantity: str, column: str, factor: float = 1.0, where: pl.Expr | None = None, computed: pl.Expr | None = None
) -> tuple[Given, ...]:
    """An element's value with its uncertainties, and its limits; rows in which it was computed."""
    value = Given(quantity, column, factor, f"{column}_errorplus", f"{column}_errorminus", where=where)
    if computed is not None:
        kind = pl.when(computed).then(pl.lit(CALCULATED)).otherwise(pl.lit(UNKNOWN))
        value = replace(
            value,
            kind=kind,
            because=pl.when(computed).then(pl.lit(BY_RELATION)).otherwise(pl.lit(SAYS_NOTHING)),
        )
    bounds = ((f"{column}_upperlimit", 1), (f"{column}_lowerlimit", -1))
    return (value, *(Given(quantity, name, factor, limit=limit, where=where) for name, limit in bounds))


_MINIMUM = (pl.col("mass_type") == "msini").fill_null(False)
_BY_VELOCITY = (pl.col("discoverymethod") == "RV").fill_null(False) & ~_MINIMUM
"""The README: "Mass (or m sin(i) for radial velocity planets)"; those that are labelled are M sin i."""
_EXACT_MASS, _EXACT_RADIUS = (
    pl.col(f"{name}_errorplus").is_null() & pl.col(f"{name}_errorminus").is_null() for name in ("mass", "radius")
)
_RELATED = (
    (JUPITER_RADIUS * pl.col("radius") / mass_radius_relation(JUPITER_MASS * pl.col("mass")) - 1).abs() <= NEAR_RELATION
).fill_null(False)
_BY_TRANSIT = (pl.col("discoverymethod") == "transit").fill_null(False)
_MASS_COMPUTED = _EXACT_MASS & _RELATED & (~_EXACT_RADIUS | _BY_TRANSIT)
_RADIUS_COMPUTED = _EXACT_RADIUS & _RELATED & (~_EXACT_MASS | ~_BY_TRANSIT)
"""The catalogue has taken computed values from the archive, and does not say so. Measured: of 212 pairs of a mass
without uncertainties and a radius with, 168 keep to the relation within a hundredth, and of 172 the other way round
154; of 846 with both uncertainties 32, which chance brings there. Of pairs without any, what the planet's discovery did
not measure was computed."""
_OPEN = (
    *_open("orbital_period", "period"),
    *_open("semi_major_axis", "semimajoraxis"),
    *_open("eccentricity", "eccentricity"),
    *_open("inclination", "inclination"),
    *_open("radius", "radius", JUPITER_RADIUS, computed=_RADIUS_COMPUTED),
    *_open("mass", "mass", JUPITER_MASS, ~_MINIMUM & ~_BY_VELOCITY, _MASS_COMPUTED),
    *_open("minimum_mass", "mass", JUPITER_MASS, _MINIMUM),
    *_open("mass_or_minimum_mass", "mass", JUPITER_MASS, _BY_VELOCITY),
    *_open("temperature_of_any_kind", "temperature"),
    Given("discovery_year", "discoveryyear"),
    Given("discovery_method", "discoverymethod"),
    *_open("effective_temperature", "star_temperature"),
    *_open("stellar_radius", "star_radius"),
    *_open("stellar_mass", "star_mass"),
    *_open("metallicity", "star_metallicity"),
    *_open("age", "star_age"),
    Given("spectral_type", "star_spectraltype"),
    *_open("distance", "distance"),
    *_open("v_magnitude", "star_magV"),
    *_open("k_magnitude", "star_magK"),
    Given("right_ascension", "rightascension"),
    Given("declination", "declination"),
)

# -- exoplanet.eu ---------------------------------------------------------------------------------------------------


def _eu(quantity: str, column: str, factor: float = 1.0, said: str = "") -> Given:
    given = Given(quantity, column, factor, f"{column}_error_max", f"{column}_error_min")
    if not said:
        return given
    words = dict.fromkeys(exoplanet_eu.MEASURED_BY, MEASURED) | {"Theoretical": CALCULATED}
    because = pl.coalesce(pl.format(f"{said}: {{}}", pl.col(said)), pl.lit(SAYS_NOTHING))
    return replace(given, kind=_said(said, words), because=because)


_COPIED = ((pl.col("mass") == pl.col("mass_sini")) & pl.col("inclination").is_null()).fill_null(False)
"""A mass that is M sin i to the last digit where no inclination is told, as of 9 of 5,365 planets."""
_MASS = _eu("mass", "mass", JUPITER_MASS, "mass_detection_type")
_ENCYCLOPAEDIA = (
    _eu("orbital_period", "orbital_period"),
    _eu("semi_major_axis", "semi_major_axis"),
    _eu("eccentricity", "eccentricity"),
    _eu("inclination", "inclination"),
    _eu("radius", "radius", JUPITER_RADIUS, "radius_detection_type"),
    replace(_MASS, where=~_COPIED),
    replace(_MASS, quantity="mass_or_minimum_mass", where=_COPIED),
    _eu("minimum_mass", "mass_sini", JUPITER_MASS, "mass_detection_type"),
    _defined(_eu("equilibrium_temperature", "temp_calculated")),
    Given("measured_temperature", "temp_measured", kind=pl.lit(MEASURED), because=pl.lit(BY_DEFINITION)),
    Given("discovery_year", "discovered"),
    Given("discovery_method", "detection_type"),
    _eu("effective_temperature", "star_teff"),
    _eu("stellar_radius", "star_radius"),
    _eu("stellar_mass", "star_mass"),
    _eu("metallicity", "star_metallicity"),
    _eu("age", "star_age"),
    Given("spectral_type", "star_sp_type"),
    _eu("distance", "star_distance"),
    Given("v_magnitude", "mag_v"),
    Given("k_magnitude", "mag_k"),
    Given("right_ascension", "ra"),
    Given("declination", "dec"),
)

METHODS = {
    "RV": "Radial Velocity", "transit": "Transit", "Primary Transit": "Transit", "microlensing": "Microlensing",
    "imaging": "Imaging", "astrometry": "Astrometry", "disk kinematics": "Disk Kinematics",
    "TTV": "Transit Timing Variations", "timing": "Timing", "Default": None,
}  # fmt: skip
"""Ways of discovery of the other catalogues in the archive's words, where it has one; "Default" says nothing."""

_KOI_COLUMNS, _TOI_COLUMNS = nasa_exoplanet_archive.KOI_COLUMNS, nasa_exoplanet_archive.TOI_COLUMNS
PARTS: tuple[Part, ...] = (
    Part(NASA, "ps", "ps", _nasa_planets(published=True), nasa_exoplanet_archive.PLANET_COLUMNS, -1),
    Part(NASA, "pscomppars", "pscomppars", _nasa_planets(published=False), nasa_exoplanet_archive.PLANET_COLUMNS, -1),
    Part(OPEN, "systems", "systems", _OPEN, open_exoplanet_catalogue.COLUMNS),
    Part(ENCYCLOPAEDIA, "catalogue", "catalogue", _ENCYCLOPAEDIA, exoplanet_eu.COLUMNS, endless=True),
    Part(ENCYCLOPAEDIA, "epn_core", "epn_core", _ENCYCLOPAEDIA, exoplanet_eu.COLUMNS, endless=True),
    Part(NASA, "cumulative", "cumulative", _CUMULATIVE, _KOI_COLUMNS, -1),
    Part(OPEN, "systems", "systems_kepler", _OPEN, open_exoplanet_catalogue.COLUMNS),
    Part(NASA, "toi", "toi", _TOI, _TOI_COLUMNS, -1),
    Part(HABITABLE, "lists", "lists", ()),
)
"""The tables, in the order in which their values are preferred: the archive's papers before its composite table, the
planets of all catalogues before lists of candidates."""
LENDING = frozenset({f"{NASA}/cumulative", f"{NASA}/toi", f"{HABITABLE}/lists"})
"""Tables that hold objects that are no planets: they tell names, values and status of planets that others have."""
