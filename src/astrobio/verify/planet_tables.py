"""Checks of tables of planets and their host stars.

A relation that single rows break flags them: catalogues merge papers. A relation that most rows break means that the
columns do not belong together, and refuses the table.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from astrobio.core.names import planet_key
from astrobio.core.provenance import Provenance
from astrobio.formats.schema import Typed
from astrobio.verify.verdict import Findings

FIRST_DISCOVERY = 1988
"""Year of the first confirmed planet's first report, gamma Cep Ab (Campbell, Walker & Yang 1988)."""
EARTH_DENSITY = 5.513
"""g cm-3 (NASA Planetary Fact Sheet)."""
EARTH_INSOLATION_TEMPERATURE = 278.3
"""K; of a black sphere at 1 au from the Sun: (1361 / (4 * 5.670374e-8)) ** 0.25."""
SOLAR_TEMPERATURE, SOLAR_GRAVITY = 5772.0, 4.438
"""K, and log10 of cm s-2; nominal values of IAU 2015 Resolution B3."""
SOLAR_RADIUS_IN_AU, SOLAR_RADIUS_IN_EARTHS = 0.00465047, 109.076
"""695,700 km over 149,597,870.7 km and over 6,378.1 km (IAU 2012 Resolution B2, IAU 2015 Resolution B3)."""
LEAST_AGREEING = 0.9
"""Share of rows in which a relation must hold; 0.96 of the composite table of April 2026 keep to Kepler's law."""
LEAST_JUDGED = 20
"""Rows from which on a share is judged."""


def most_off(rows: int) -> float:
    """Rows of so many that may be off from a relation: a tenth, and what chance adds to that (three deviations).

    Without the second a part of a sound catalogue is refused: of the first 120 planets of exoplanet.eu 7 of 47 are off
    from Kepler's third law, of all of them 155 of 2,884.

    >>> round(most_off(47), 1), round(most_off(5513), 1)
    (10.9, 618.1)
    """
    share = 1 - LEAST_AGREEING
    return share * rows + 3 * math.sqrt(share * LEAST_AGREEING * rows)


@dataclass(frozen=True)
class PlanetColumns:
    """Which columns hold what; empty where a table has none.

    Attributes
    ----------
    period, semi_major_axis : str
        In days and au.
    mass, radius : str
        Of the planet, in ``mass_in_earths`` and ``radius_in_earths``.
    mass_in_earths, radius_in_earths : float
        Their units, in the Earth's mass and radius.
    stellar_mass, stellar_radius, stellar_temperature, stellar_gravity : str
        In the Sun's mass and radius, K, and log10 of cm s-2.
    insolation, equilibrium_temperature : str
        In the Earth's, and in K.
    depth : str
        Of the transit, in parts per million.
    similarity : str
        The Earth similarity index of radius and insolation.
    host, right_ascension, declination : str
        Coordinates in degrees.
    right_ascension_text, declination_text : str
        The same, sexagesimal, in hours and in degrees.
    name, year : str
        Of the planet, and of its discovery.
    dates : tuple of str
        When something was done with the row: none lies after the file was written.
    provenance : str
        What the planet's mass is.
    calculated, minimum : tuple of str
        Values of ``provenance`` for masses that were computed from another quantity, and for M sin i.
    same : tuple of (str, str, float)
        Columns that give one quantity in two units, and how much of the second one of the first is.
    """

    period: str = ""
    semi_major_axis: str = ""
    stellar_mass: str = ""
    stellar_radius: str = ""
    stellar_temperature: str = ""
    stellar_gravity: str = ""
    mass: str = ""
    mass_in_earths: float = 1.0
    radius: str = ""
    radius_in_earths: float = 1.0
    insolation: str = ""
    equilibrium_temperature: str = ""
    depth: str = ""
    similarity: str = ""
    host: str = ""
    right_ascension: str = ""
    declination: str = ""
    right_ascension_text: str = ""
    declination_text: str = ""
    name: str = ""
    year: str = ""
    dates: tuple[str, ...] = ()
    provenance: str = ""
    calculated: tuple[str, ...] = ()
    minimum: tuple[str, ...] = ()
    same: tuple[tuple[str, str, float], ...] = ()


def off_kepler(columns: PlanetColumns, tolerance: float = 0.1) -> pl.Expr:
    """Whether a row's semi-major axis is off by more than a share from Kepler's third law.

    Null where it cannot be said. The planet's mass is neglected beside the star's.
    """
    years = pl.col(columns.period) / 365.25
    axis = (pl.col(columns.stellar_mass) * years**2) ** (1 / 3)
    return ((pl.col(columns.semi_major_axis) / axis - 1).abs() > tolerance).alias("off_kepler")


def density(columns: PlanetColumns) -> pl.Expr:
    """Mean density of a planet, in g cm-3."""
    mass, radius = columns.mass_in_earths * pl.col(columns.mass), columns.radius_in_earths * pl.col(columns.radius)
    return (EARTH_DENSITY * mass / radius**3).alias("density")


def off_density(columns: PlanetColumns) -> pl.Expr:
    """Whether a density is none that a planet has: 0.01 g cm-3 (the puffiest are at 0.03) to 200 g cm-3 (60 Jupiter
    masses in 0.8 Jupiter radii, the most that a catalogue calls a planet, have 155)."""
    return ~density(columns).is_between(0.01, 200.0).alias("off_density")


def black_body_temperature(columns: PlanetColumns) -> pl.Expr:
    """Equilibrium temperature without albedo, heat spread over the sphere, in K: T_star * sqrt(R_star / 2a)."""
    ratio = pl.col(columns.stellar_radius) * SOLAR_RADIUS_IN_AU / (2 * pl.col(columns.semi_major_axis))
    return (pl.col(columns.stellar_temperature) * ratio.sqrt()).alias("black_body_temperature")


def off_temperature(columns: PlanetColumns) -> pl.Expr:
    """Whether the star cannot give an equilibrium temperature: beyond 0.5 and 1.5 times the black body's.

    An albedo of 0.94 halves it (0.06 ** 0.25), a ground that keeps all heat under its star is 2 ** 0.5 times as warm.

    Null beyond 3 au: planets that were imaged there glow by the heat of their formation, and catalogues give that
    temperature (measured: of 69 rows of the composite table that were off, 50 are imaged planets at 3.5 to 7,506 au).
    """
    share = pl.col(columns.equilibrium_temperature) / black_body_temperature(columns)
    near = pl.col(columns.semi_major_axis) <= 3.0
    return pl.when(near).then(~share.is_between(0.5, 1.5)).alias("off_temperature")


def off_insolation(columns: PlanetColumns) -> pl.Expr:
    """Whether an insolation and an equilibrium temperature of one row disagree by more than half."""
    from_flux = EARTH_INSOLATION_TEMPERATURE * pl.col(columns.insolation) ** 0.25
    return ~(pl.col(columns.equilibrium_temperature) / from_flux).is_between(0.5, 1.5).alias("off_insolation")


def luminosity(columns: PlanetColumns) -> pl.Expr:
    """A star's luminosity in the Sun's, from its radius and effective temperature (Stefan and Boltzmann)."""
    temperature = pl.col(columns.stellar_temperature) / SOLAR_TEMPERATURE
    return (pl.col(columns.stellar_radius) ** 2 * temperature**4).alias("luminosity")


def off_flux(columns: PlanetColumns) -> pl.Expr:
    """Whether an insolation is none that the star gives at the planet's distance: beyond a third and three times it.

    Papers differ on a star's temperature and radius; a factor of 3 is another unit, or another column.

    Measured: 126 of 4,238 rows of the composite table of April 2026 are.
    """
    given = luminosity(columns) / pl.col(columns.semi_major_axis) ** 2
    return ~(given / pl.col(columns.insolation)).is_between(1 / 3, 3.0).alias("off_flux")


def off_flux_by_period(columns: PlanetColumns) -> pl.Expr:
    """The same where the table has no distance: it follows from the period and the star's mass, this from its gravity.

    Measured: 2 of 9,201 Kepler objects are.
    """
    gravity = 10.0 ** (pl.col(columns.stellar_gravity) - SOLAR_GRAVITY)
    mass = gravity * pl.col(columns.stellar_radius) ** 2
    axis = (mass * (pl.col(columns.period) / 365.25) ** 2) ** (1 / 3)
    return ~(luminosity(columns) / axis**2 / pl.col(columns.insolation)).is_between(1 / 3, 3.0).alias("off_flux")


def off_gravity(columns: PlanetColumns) -> pl.Expr:
    """Whether a star's surface gravity is none that its mass and radius give, by more than 0.3 dex, a factor of 2."""
    given = SOLAR_GRAVITY + (pl.col(columns.stellar_mass) / pl.col(columns.stellar_radius) ** 2).log10()
    return ((pl.col(columns.stellar_gravity) - given).abs() > 0.3).alias("off_gravity")


def off_depth(columns: PlanetColumns) -> pl.Expr:
    """Whether a transit is none of such a planet before such a star: the root of its depth beyond 0.1 and 1.5 times
    the ratio of the radii.

    Limb darkening makes the middle of a transit deeper than the ratio squared, a grazing transit is shallower; both
    stay within. Measured: 359 of 9,201 Kepler objects, false positives among them, and 18 of 7,437 of TESS are beyond.
    """
    ratio = pl.col(columns.radius) * columns.radius_in_earths / SOLAR_RADIUS_IN_EARTHS / pl.col(columns.stellar_radius)
    return ~((pl.col(columns.depth) * 1e-6).sqrt() / ratio).is_between(0.1, 1.5).alias("off_depth")


def off_similarity(columns: PlanetColumns) -> pl.Expr:
    """Whether an Earth similarity index is not that of its radius and insolation, by more than 0.01.

    The index is 1 - sqrt((x**2 + y**2) / 2), x and y the differences from the Earth's insolation and radius over the
    sums with them (https://phl.upr.edu/hwc/about names the two). Measured: it gives all of 99 values to 1e-8.
    """
    terms = [pl.col(columns.insolation), pl.col(columns.radius) * columns.radius_in_earths]
    squares = pl.sum_horizontal(((term - 1) / (term + 1)) ** 2 for term in terms)
    index = pl.when(pl.all_horizontal(term.is_not_null() for term in terms)).then(1 - (squares / 2).sqrt())
    return ((pl.col(columns.similarity) - index).abs() > 0.01).alias("off_similarity")


Relation = tuple[Callable[[PlanetColumns], pl.Expr], tuple[str, ...], str]
_STAR = ("stellar_temperature", "stellar_radius")

RELATIONS: dict[str, Relation] = {
    "Kepler's third law": (off_kepler, ("period", "semi_major_axis", "stellar_mass"), "within 10 %"),
    "density": (off_density, ("mass", "radius"), "0.01 to 200 g cm-3"),
    "equilibrium temperature": (
        off_temperature,
        ("equilibrium_temperature", *_STAR, "semi_major_axis"),
        "0.5 to 1.5 times a black body's, within 3 au",
    ),
    "insolation": (off_insolation, ("equilibrium_temperature", "insolation"), "0.5 to 1.5 times that of the flux"),
    "flux of the star": (off_flux, ("insolation", *_STAR, "semi_major_axis"), "within a factor of 3"),
    "flux at the period": (
        off_flux_by_period,
        ("insolation", *_STAR, "period", "stellar_gravity"),
        "within a factor of 3",
    ),
    "surface gravity": (off_gravity, ("stellar_gravity", "stellar_mass", "stellar_radius"), "within 0.3 dex"),
    "transit depth": (off_depth, ("depth", "radius", "stellar_radius"), "0.1 to 1.5 times the ratio of radii, squared"),
    "similarity to the Earth": (
        off_similarity,
        ("similarity", "insolation", "radius"),
        "that of radius and insolation",
    ),
}
"""The relations: what tells a row that is off, the columns that it needs, and what is allowed."""


def row_flags(frame: pl.DataFrame, columns: PlanetColumns) -> pl.DataFrame:
    """For each row and each relation that its table can be asked for, whether it is off; null where it cannot be said.

    >>> earth = pl.DataFrame({"P": [365.25], "a": [1.0], "M": [1.0]})
    >>> row_flags(earth, PlanetColumns(period="P", semi_major_axis="a", stellar_mass="M")).rows()
    [(False,)]
    """
    return frame.select(
        relation(columns).alias(name)
        for name, (relation, needs, _) in RELATIONS.items()
        if all(getattr(columns, need) in frame.columns for need in needs)
    )


def check_planets(columns: PlanetColumns) -> Callable[[Findings, Typed, Provenance], None]:
    """The checks of a table of planets."""

    def check(found: Findings, typed: Typed, provenance: Provenance) -> None:
        frame = typed.frame
        for off in row_flags(frame, columns):
            _check_relation(found, off, off.name)
        _check_units_agree(found, frame, columns)
        _check_error_signs(found, typed)
        _check_provenance(found, frame, columns)
        _check_dates(found, typed, provenance, columns)
        _check_names(found, frame, columns.name)
        _check_coordinates(found, frame, columns)

    return check


def _check_relation(found: Findings, off: pl.Series, name: str) -> None:
    judged = off.drop_nulls()
    expected, wrong = RELATIONS[name][2], int(judged.sum())
    if not len(judged):
        return
    seen = f"{wrong} of {len(judged)} rows are off"
    if len(judged) >= LEAST_JUDGED:
        holds = wrong <= most_off(len(judged))
        found.note("physics", f"{name}, the table", holds, seen, f"{expected} in {LEAST_AGREEING:.0%} of the rows")
    found.flag("physics", name, wrong == 0, seen, expected)


def _check_units_agree(found: Findings, frame: pl.DataFrame, columns: PlanetColumns) -> None:
    """One quantity in two units is one quantity: within 10 %, since small values are rounded in the larger unit."""
    for one, other, factor in columns.same:
        if one not in frame.columns or other not in frame.columns:
            continue
        ratio = frame.select((pl.col(one) / pl.col(other) / factor).alias("ratio"))["ratio"].drop_nulls()
        wrong = int((~ratio.is_between(0.9, 1.1)).sum())
        good = len(ratio) < LEAST_JUDGED or wrong <= most_off(len(ratio))
        seen = f"{wrong} of {len(ratio)} rows differ"
        found.note("physics", f"{one} as in {other}", good, seen, f"{factor:g} of one for one of the other")


def _check_error_signs(found: Findings, typed: Typed) -> None:
    """An upper uncertainty is not negative, a lower one has the sign that the archive gives it.

    A few are entered wrongly, or without their sign, and flag the table. Where upper and lower are both of the wrong
    sign in more than a tenth of the rows, the two columns have changed places, and nothing of the table is sure.
    """
    frame = typed.frame
    pairs: dict[str, list[pl.Expr]] = {}
    wrong = []
    for column in typed.schema.columns:
        if column.sign and column.error_of and column.name in frame.columns:
            off = pl.col(column.name) * column.sign < 0
            count = int(frame.select(off.sum()).item())
            wrong += [f"{column.name}: {count}"] if count else []
            pairs.setdefault(column.error_of, []).append(off)
    swapped = []
    for name, (upper, lower) in ((name, pair) for name, pair in pairs.items() if len(pair) == 2):
        both = frame.select((upper & lower).alias("both"))["both"].drop_nulls()
        if len(both) >= LEAST_JUDGED and both.sum() > most_off(len(both)):
            swapped.append(f"{name}: {int(both.sum())} of {len(both)} rows")
    found.note("physics", "uncertainties in their columns", not swapped, ", ".join(swapped) or "as they must be",
               "upper and lower ones not exchanged")  # fmt: skip
    found.flag("physics", "signs of uncertainties", not wrong, ", ".join(wrong) or "as they must be",
               "as the archive writes them")  # fmt: skip


def _check_provenance(found: Findings, frame: pl.DataFrame, columns: PlanetColumns) -> None:
    """Masses that were computed, and M sin i, are told apart from masses that were measured."""
    if columns.provenance not in frame.columns:
        return
    given = frame.filter(pl.col(columns.mass).is_not_null())[columns.provenance]
    calculated = int(given.is_in(columns.calculated).sum())
    minimum, unlabelled = int(given.is_in(columns.minimum).sum()), given.null_count()
    seen = f"of {len(given)} masses {calculated} are calculated, {minimum} are M sin i, {unlabelled} unlabelled"
    found.flag("physics", "masses that were measured", calculated + minimum + unlabelled == 0, seen, "labelled values")


def _check_dates(found: Findings, typed: Typed, provenance: Provenance, columns: PlanetColumns) -> None:
    now = datetime.now().year
    last = min(written_in(typed.comments) or retrieved_in(provenance) or now, now)
    frame = typed.frame
    if columns.year in frame.columns and len(years := frame[columns.year].drop_nulls()):
        there = sorted(set(years.to_list()))
        good = there[0] >= FIRST_DISCOVERY and there[-1] <= last
        found.note("physics", "years of discovery", good, f"{there[0]} to {there[-1]}", f"{FIRST_DISCOVERY} to {last}")
    for name in columns.dates:
        if name in frame.columns and len(dates := frame[name].drop_nulls()):
            latest = max(dates.to_list())
            found.note("physics", f"dates in {name}", int(latest[:4]) <= last, f"up to {latest}", f"up to {last}")


def written_in(comments: tuple[str, ...]) -> int | None:
    """The year in which a file says that it was written.

    >>> written_in(("This file was produced by the NASA Exoplanet Archive", "Sat Apr 25 17:36:36 2026"))
    2026
    """
    for line in comments[:5]:
        found = re.fullmatch(r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} ([0-9]{4})", line)
        if found:
            return int(found[1])
    return None


def retrieved_in(provenance: Provenance) -> int | None:
    """The year in which a file was fetched, where its provenance tells it."""
    found = re.match(r"([0-9]{4})-", str(provenance.detail.get("retrieved", "")))
    return int(found[1]) if found else None


def _check_names(found: Findings, frame: pl.DataFrame, column: str) -> None:
    """Two rows whose names differ in spelling only are one planet twice."""
    if column not in frame.columns:
        return
    spelled = frame[column].drop_nulls().unique()
    counts = Counter(planet_key(name) for name in spelled)
    twice = [name for name in spelled.sort() if counts[planet_key(name)] > 1]
    found.flag("forensics", "each planet once", not twice, ", ".join(twice[:6]) or f"{len(spelled)} names",
               "names that differ by more than spelling")  # fmt: skip


def _check_coordinates(found: Findings, frame: pl.DataFrame, columns: PlanetColumns) -> None:
    ra, dec, host = columns.right_ascension, columns.declination, columns.host
    if ra not in frame.columns or dec not in frame.columns:
        return
    origin = frame.filter((pl.col(ra) == 0) & (pl.col(dec) == 0)).height
    found.flag("physics", "places that are known", origin == 0, f"{origin} rows at 0, 0", "a place for each host")
    if host in frame.columns:
        spread = frame.filter(pl.col(host).is_not_null()).group_by(host).agg(
            ((pl.col(dec).max() - pl.col(dec).min()) > 0.01).alias("apart"),
        )  # fmt: skip
        apart = int(spread["apart"].sum())
        found.flag(
            "physics", "one place a host", apart == 0, f"{apart} hosts at several places", "one place on the sky"
        )
    for text, degrees, scale in (
        (columns.right_ascension_text, ra, 15.0), (columns.declination_text, dec, 1.0),
    ):  # fmt: skip
        if text in frame.columns:
            pairs = frame.select(text, degrees).drop_nulls().rows()
            off = sum(not abs(sexagesimal(written) * scale - value) <= 0.01 for written, value in pairs)
            good = len(pairs) < LEAST_JUDGED or off <= most_off(len(pairs))
            found.note("physics", f"{degrees} as in {text}", good, f"{off} of {len(pairs)} rows differ",
                       "the same place in both")  # fmt: skip


_SEXAGESIMAL = re.compile(
    r"([+-]?)([0-9]{1,3})[hd: ]([0-5]?[0-9]|60)[m: ]((?:[0-5]?[0-9]|60)(?:\.[0-9]{0,12})?|\.[0-9]{1,12})s?"
)


def sexagesimal(text: str) -> float:
    """Hours or degrees of a sexagesimal number, also of one that was rounded up to 60 s; not a number where it is none.

    >>> round(sexagesimal("12h20m42.91s") * 15, 4), round(sexagesimal("-00d30m00s"), 3), sexagesimal("01 21 60")
    (185.1788, -0.5, 1.3666666666666667)
    """
    found = _SEXAGESIMAL.fullmatch(text.strip())
    if found is None:
        return math.nan
    sign = -1.0 if found[1] == "-" else 1.0
    return sign * (int(found[2]) + int(found[3]) / 60 + float(found[4]) / 3600)
