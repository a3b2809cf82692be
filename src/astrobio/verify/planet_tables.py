"""Checks of tables of planets and their host stars.

A relation that single rows break flags them: catalogues merge papers. A relation that most rows break means that the
columns do not belong together, and refuses the table.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from astrobio.core.provenance import Provenance
from astrobio.formats.schema import Typed
from astrobio.verify.verdict import Findings

FIRST_DISCOVERY = 1988
"""Year of the first confirmed planet's first report, gamma Cep Ab (Campbell, Walker & Yang 1988)."""
EARTH_DENSITY = 5.513
"""g cm-3 (NASA Planetary Fact Sheet)."""
EARTH_INSOLATION_TEMPERATURE = 278.3
"""K; of a black sphere at 1 au from the Sun: (1361 / (4 * 5.670374e-8)) ** 0.25."""
LEAST_AGREEING = 0.9
"""Share of rows in which a relation must hold; 0.96 of the composite table of April 2026 keep to Kepler's law."""
LEAST_JUDGED = 20
"""Rows from which on a share is judged."""


@dataclass(frozen=True)
class PlanetColumns:
    """Which columns hold what; empty where a table has none. Units: days, au, Sun's and Earth's masses and radii, K.

    Attributes
    ----------
    period, semi_major_axis, stellar_mass, stellar_radius, stellar_temperature : str
    mass, radius, insolation, equilibrium_temperature, eccentricity : str
    host, right_ascension, declination : str
        Coordinates in degrees.
    right_ascension_text, declination_text : str
        The same, sexagesimal.
    year : str
        Of the discovery.
    """

    period: str = ""
    semi_major_axis: str = ""
    stellar_mass: str = ""
    stellar_radius: str = ""
    stellar_temperature: str = ""
    mass: str = ""
    radius: str = ""
    insolation: str = ""
    equilibrium_temperature: str = ""
    eccentricity: str = ""
    host: str = ""
    right_ascension: str = ""
    declination: str = ""
    right_ascension_text: str = ""
    declination_text: str = ""
    year: str = ""


def off_kepler(columns: PlanetColumns, tolerance: float = 0.1) -> pl.Expr:
    """Whether a row's semi-major axis is off by more than a share from Kepler's third law.

    Null where it cannot be said. The planet's mass is neglected beside the star's.
    """
    years = pl.col(columns.period) / 365.25
    axis = (pl.col(columns.stellar_mass) * years**2) ** (1 / 3)
    return ((pl.col(columns.semi_major_axis) / axis - 1).abs() > tolerance).alias("off_kepler")


def density(columns: PlanetColumns) -> pl.Expr:
    """Mean density of a planet, in g cm-3."""
    return (EARTH_DENSITY * pl.col(columns.mass) / pl.col(columns.radius) ** 3).alias("density")


def off_density(columns: PlanetColumns) -> pl.Expr:
    """Whether a density is none that a planet has: 0.01 g cm-3 (the puffiest are at 0.03) to 200 g cm-3."""
    return ~density(columns).is_between(0.01, 200.0).alias("off_density")


def black_body_temperature(columns: PlanetColumns) -> pl.Expr:
    """Equilibrium temperature without albedo, heat spread over the sphere, in K: T_star * sqrt(R_star / 2a)."""
    ratio = pl.col(columns.stellar_radius) * 0.00465047 / (2 * pl.col(columns.semi_major_axis))
    return (pl.col(columns.stellar_temperature) * ratio.sqrt()).alias("black_body_temperature")


def off_temperature(columns: PlanetColumns) -> pl.Expr:
    """Whether the star cannot give an equilibrium temperature: beyond 0.5 and 1.5 times the black body's."""
    share = pl.col(columns.equilibrium_temperature) / black_body_temperature(columns)
    return ~share.is_between(0.5, 1.5).alias("off_temperature")


def off_insolation(columns: PlanetColumns) -> pl.Expr:
    """Whether an insolation and an equilibrium temperature of one row disagree by more than half."""
    from_flux = EARTH_INSOLATION_TEMPERATURE * pl.col(columns.insolation) ** 0.25
    return ~(pl.col(columns.equilibrium_temperature) / from_flux).is_between(0.5, 1.5).alias("off_insolation")


RELATIONS: dict[str, tuple[Callable[[PlanetColumns], pl.Expr], tuple[str, ...], str]] = {
    "Kepler's third law": (off_kepler, ("period", "semi_major_axis", "stellar_mass"), "within 10 %"),
    "density": (off_density, ("mass", "radius"), "0.01 to 200 g cm-3"),
    "equilibrium temperature": (
        off_temperature,
        ("equilibrium_temperature", "stellar_temperature", "stellar_radius", "semi_major_axis"),
        "0.5 to 1.5 times a black body's",
    ),
    "insolation": (off_insolation, ("equilibrium_temperature", "insolation"), "0.5 to 1.5 times that of the flux"),
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

    def check(found: Findings, typed: Typed, _provenance: Provenance) -> None:
        frame = typed.frame
        for off in row_flags(frame, columns):
            _check_relation(found, off, off.name)
        _check_error_signs(found, frame)
        _check_years(found, typed, columns.year)
        _check_coordinates(found, frame, columns)

    return check


def _check_relation(found: Findings, off: pl.Series, name: str) -> None:
    judged = off.drop_nulls()
    expected, wrong = RELATIONS[name][2], int(judged.sum())
    if not len(judged):
        return
    seen = f"{wrong} of {len(judged)} rows are off"
    if len(judged) >= LEAST_JUDGED:
        holds = wrong <= (1 - LEAST_AGREEING) * len(judged)
        found.note("physics", f"{name}, the table", holds, seen, f"{expected} in {LEAST_AGREEING:.0%} of the rows")
    found.flag("physics", name, wrong == 0, seen, expected)


def _check_error_signs(found: Findings, frame: pl.DataFrame) -> None:
    """An upper uncertainty is not negative, a lower one not positive."""
    wrong = []
    for name in frame.columns:
        sign = {"1": -1, "2": 1}.get(name[-1:]) if re.search(r"err[12]$", name) else None
        if sign is not None and frame[name].dtype == pl.Float64:
            count = int((frame[name] * sign > 0).sum())
            wrong += [f"{name}: {count}"] if count else []
    found.flag("physics", "signs of uncertainties", not wrong, ", ".join(wrong) or "as they must be",
               "upper ones at least 0, lower ones at most 0")  # fmt: skip


def _check_years(found: Findings, typed: Typed, column: str) -> None:
    if column not in typed.frame.columns:
        return
    years = typed.frame[column].drop_nulls()
    if not len(years):
        return
    last = written_in(typed.comments) or datetime.now().year
    found_years = sorted(set(years.to_list()))
    seen = f"{found_years[0]} to {found_years[-1]}"
    good = found_years[0] >= FIRST_DISCOVERY and found_years[-1] <= last
    found.note("physics", "years of discovery", good, seen, f"{FIRST_DISCOVERY} to {last}")


def written_in(comments: tuple[str, ...]) -> int | None:
    """The year in which a file says that it was written.

    >>> written_in(("This file was produced by the NASA Exoplanet Archive", "Sat Apr 25 17:36:36 2026"))
    2026
    """
    for line in comments[:5]:
        found = re.fullmatch(r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d (\d{4})", line)
        if found:
            return int(found[1])
    return None


def _check_coordinates(found: Findings, frame: pl.DataFrame, columns: PlanetColumns) -> None:
    ra, dec, host = columns.right_ascension, columns.declination, columns.host
    if ra not in frame.columns or dec not in frame.columns:
        return
    if host in frame.columns:
        spread = frame.group_by(host).agg(
            ((pl.col(dec).max() - pl.col(dec).min()) > 0.01).alias("apart"),
        )
        apart = int(spread["apart"].sum())
        found.flag(
            "physics", "one place a host", apart == 0, f"{apart} hosts at several places", "one place on the sky"
        )
    for text, degrees, scale in (
        (columns.right_ascension_text, ra, 15.0), (columns.declination_text, dec, 1.0),
    ):  # fmt: skip
        if text in frame.columns:
            pairs = frame.select(text, degrees).drop_nulls().rows()
            off = sum(abs(sexagesimal(written) * scale - value) > 0.01 for written, value in pairs)
            good = off <= (1 - LEAST_AGREEING) * len(pairs)
            found.note("physics", f"{degrees} as in {text}", good, f"{off} of {len(pairs)} rows differ",
                       "the same place in both")  # fmt: skip


def sexagesimal(text: str) -> float:
    """Hours or degrees of a sexagesimal number; not a number where it is none.

    >>> round(sexagesimal("12h20m42.91s") * 15, 4), round(sexagesimal("-00d30m00s"), 3)
    (185.1788, -0.5)
    """
    found = re.fullmatch(r"([+-]?)(\d+)[hd: ](\d+)[m: ](\d+\.?\d*)s?", text.strip())
    if found is None:
        return math.nan
    sign = -1.0 if found[1] == "-" else 1.0
    return sign * (int(found[2]) + int(found[3]) / 60 + float(found[4]) / 3600)
