"""Where catalogues disagree: on values, on places, on what is a planet, and on which rows are one.

Of each catalogue the value that is preferred of it is compared. Two values with uncertainties conflict where they are
:data:`SIGMAS` of their combined uncertainty apart, rounding to the last written digit counted to it; others where they
differ by more than the quantity's own threshold. A value conflicts with a limit that it is beyond by as much.
Catalogues copy each other: that they agree does not make two measurements.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from astrobio.datasets.planet_catalogues.columns import ENCYCLOPAEDIA, NASA, OPEN, PARTS
from astrobio.datasets.planet_catalogues.joining import JoinReport
from astrobio.datasets.planet_catalogues.quantities import QUANTITIES
from astrobio.datasets.planet_catalogues.values import resolution

SIGMAS = 5.0
"""Of the combined uncertainty. Two normal deviates are that far apart by chance in one of 1.7 million pairs; the
catalogues of 2023 to 2026 make 153,000 pairs."""
FARTHEST = 180.0
"""Arcsec. The fastest star, Barnard's, moves 10.4 arcsec a year (Benedict et al. 1999, Astron. J. 118, 1086): 166 from
the epoch of the oldest catalogues, 2000, to that of Gaia's third release, 2016."""
CONFLICTS: dict[str, Any] = {
    "what": pl.String, "planet": pl.Int64, "name": pl.String, "group": pl.String, "quantity": pl.String,
    "unit": pl.String, "catalogue": pl.String, "table": pl.String, "number": pl.Float64, "error_upper": pl.Float64,
    "error_lower": pl.Float64, "limit": pl.Int8, "written": pl.String, "kind": pl.String, "other_catalogue": pl.String,
    "other_table": pl.String, "other_number": pl.Float64, "other_error_upper": pl.Float64,
    "other_error_lower": pl.Float64, "other_limit": pl.Int8, "other_written": pl.String, "other_kind": pl.String,
    "apart": pl.Float64, "apart_in": pl.String, "threshold": pl.Float64, "reason": pl.String,
}  # fmt: skip
"""Columns of the conflicts."""
JOIN_REASONS = {
    "ambiguous": "its names lead to several planets; it stays one of its own",
    "contradicted": "its names lead to a planet with another period; it stays one of its own",
    "name, other period": "joined by its name, though its period is another",
    "twice": "its catalogue has the planet in another row, too",
    "one place": "one group, since the stars are at one place; no name says that they are one",
}
SHORT = {NASA: "NASA", OPEN: "OEC", ENCYCLOPAEDIA: "exoplanet.eu"}
"""Names of the catalogues where there is little room."""
_ORDER = {name: place for place, name in enumerate(dict.fromkeys(part.catalogue for part in PARTS))}
_SIDE = ("catalogue", "table", "number", "error_upper", "error_lower", "limit", "written", "kind")


def find_conflicts(values: pl.DataFrame, rows: pl.DataFrame, names: pl.DataFrame, report: JoinReport) -> pl.DataFrame:
    """All of them: of values, places and status by planet, and of joining.

    Parameters
    ----------
    values, rows : polars.DataFrame
        As in ``planets.Planets``.
    names : polars.DataFrame
        ``planet``, ``name`` and ``group`` of each planet.
    report : JoinReport
    """
    found = [_of_values(values), _of_places(values), _of_status(rows)]
    told = pl.concat([_complete(frame) for frame in found]).drop("name", "group")
    quantities = pl.Enum([*(quantity.name for quantity in QUANTITIES), "position", "status"])
    ordered = told.join(names, on="planet", how="left", maintain_order="left").sort(
        "planet", pl.col("quantity").cast(quantities), "catalogue", "other_catalogue", "other_table"
    )
    return pl.concat([ordered.select(*CONFLICTS), _of_joining(report, names)])


def _complete(frame: pl.DataFrame) -> pl.DataFrame:
    """With all columns; null in those that it has not."""
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in CONFLICTS.items()
    )


def _pairs(frame: pl.DataFrame, on: list[str], side: tuple[str, ...]) -> pl.DataFrame:
    """Each two catalogues that tell the same, the one that is preferred first."""
    order = pl.col("catalogue").replace_strict(_ORDER, return_dtype=pl.Int64)
    frame = frame.select(*on, *side).with_columns(order.alias("order"))
    other = frame.rename({name: f"other_{name}" for name in (*side, "order")})
    return frame.join(other, on=on).filter(pl.col("order") < pl.col("other_order"))


def _of_values(values: pl.DataFrame) -> pl.DataFrame:
    compared = [quantity.name for quantity in QUANTITIES if quantity.apart is not None]
    best = values.filter(pl.col("quantity").is_in(compared)).unique(
        ["planet", "quantity", "catalogue"], keep="first", maintain_order=True
    )
    best = best.with_columns(resolution(pl.col("written"), pl.col("number")).alias("resolution"))
    pairs = _pairs(best, ["planet", "quantity", "unit"], (*_SIDE, "resolution"))
    thresholds = {quantity.name: quantity.apart for quantity in QUANTITIES if quantity.apart is not None}
    shares = [quantity.name for quantity in QUANTITIES if quantity.share]
    smaller = pl.min_horizontal(pl.col("number").abs(), pl.col("other_number").abs())
    pairs = pairs.with_columns(_beyond().alias("beyond"), _combined().alias("combined")).with_columns(
        pl.when(pl.col("combined") > 0).then(pl.lit("sigma"))
        .when(pl.col("quantity").is_in(shares)).then(pl.lit("share")).otherwise("unit").alias("apart_in"),
    )  # fmt: skip
    own = pl.col("quantity").replace_strict(thresholds, return_dtype=pl.Float64)
    sigma, share = pl.col("apart_in") == "sigma", pl.col("apart_in") == "share"
    pairs = pairs.with_columns(
        pl.when(sigma).then(pl.col("beyond") / pl.col("combined"))
        .when(share).then(pl.col("beyond") / smaller).otherwise("beyond").alias("apart"),
        pl.when(sigma).then(SIGMAS).otherwise(own).alias("threshold"),
        pl.when(sigma).then(pl.lit("by chance in one of 1.7 million pairs"))
        .otherwise(pl.lit("not both have uncertainties: beyond what is usual for the quantity")).alias("reason"),
        pl.lit("value").alias("what"),
    )  # fmt: skip
    return pairs.filter(pl.col("apart") > pl.col("threshold"))


def _beyond() -> pl.Expr:
    """By how much two values differ, or one is beyond a limit; null where neither can be said."""
    number, other = pl.col("number"), pl.col("other_number")
    limit, other_limit = pl.col("limit"), pl.col("other_limit")
    return (
        pl.when((limit == 0) & (other_limit == 0)).then((number - other).abs())
        .when(limit == other_limit).then(None)
        .when((other_limit == 1) | (limit == -1)).then(number - other)
        .otherwise(other - number)
    )  # fmt: skip


def _combined() -> pl.Expr:
    """The combined uncertainty of two values on the sides that face each other; null where one has none.

    A limit has none of its own, so that of the value stands alone.
    """
    below = pl.col("number") < pl.col("other_number")
    one = pl.when(below).then("error_upper").otherwise("error_lower")
    two = pl.when(below).then("other_error_lower").otherwise("other_error_upper")
    limit, other_limit = pl.col("limit") != 0, pl.col("other_limit") != 0
    digits = (pl.col("resolution") ** 2 + pl.col("other_resolution") ** 2) / 12
    squares = (
        pl.when(limit & other_limit).then(None).when(limit).then(two**2).when(other_limit).then(one**2)
        .when((one > 0) & (two > 0)).then(one**2 + two**2)
    )  # fmt: skip
    return pl.when(squares > 0).then((squares + digits).sqrt())


def _of_places(values: pl.DataFrame) -> pl.DataFrame:
    """Stars that two catalogues put at places too far from each other to be one that moves."""
    named = values.filter(pl.col("quantity").is_in(["right_ascension", "declination"]))
    places = named.unique(["planet", "quantity", "catalogue"], keep="first", maintain_order=True)
    sides = ["planet", "catalogue", "table"]
    ascensions, declinations = (
        places.filter(pl.col("quantity") == name).select(*sides, pl.col("number").alias(name), pl.col("written").alias(
            f"written {name}"), "kind") for name in ("right_ascension", "declination")
    )  # fmt: skip
    both = ascensions.join(declinations.drop("kind"), on=sides)
    both = both.with_columns(pl.concat_str("written right_ascension", "written declination", separator=", ")
                             .alias("written"))  # fmt: skip
    pairs = _pairs(both, ["planet"], ("catalogue", "table", "written", "kind", "right_ascension", "declination"))
    apart = pl.Series("apart", separation(*(pairs[name].to_numpy() for name in (
        "right_ascension", "declination", "other_right_ascension", "other_declination"))))  # fmt: skip
    return pairs.with_columns(
        apart, pl.lit("position").alias("quantity"), pl.lit("arcsec").alias("unit"), pl.lit("value").alias("what"),
        pl.lit("unit").alias("apart_in"), pl.lit(FARTHEST).alias("threshold"),
        pl.lit("farther than the fastest star moves from 2000 to 2016").alias("reason"),
    ).filter(pl.col("apart") > FARTHEST)  # fmt: skip


Array = NDArray[np.float64]


def separation(ascension: Array, declination: Array, other_ascension: Array, other_declination: Array) -> Array:
    """Angle between places on the sky, in arcsec, from degrees.

    >>> separation(np.array([0.0]), np.array([60.0]), np.array([0.01]), np.array([60.0])).round(3).tolist()
    [18.0]
    """
    one, two = np.radians(declination), np.radians(other_declination)
    half = np.radians(ascension - other_ascension) / 2
    haversine = np.sin((one - two) / 2) ** 2 + np.cos(one) * np.cos(two) * np.sin(half) ** 2
    found: Array = np.degrees(2 * np.arcsin(np.sqrt(np.minimum(haversine, 1.0)))) * 3600
    return found


def _of_status(rows: pl.DataFrame) -> pl.DataFrame:
    """Planets that are one thing in a catalogue and another in another, or in a table of its own.

    A list of candidates keeps what was confirmed since: beside the planets of its own catalogue that says nothing.
    """
    told = rows.filter(pl.col("status").is_not_null()).unique(
        ["planet", "catalogue", "table"], keep="first", maintain_order=True
    )
    tables = {f"{part.catalogue}/{part.table}": place for place, part in enumerate(PARTS)}
    order = pl.concat_str("catalogue", "table", separator="/").replace_strict(tables, return_dtype=pl.Int64)
    told = told.select("planet", "catalogue", "table", pl.col("status").alias("written"), order.alias("order"))
    told = told.with_columns((pl.col("order") == pl.col("order").min().over("planet", "catalogue")).alias("leads"))
    pairs = told.join(told, on="planet", suffix="_other").filter(pl.col("order") < pl.col("order_other"))
    pairs = pairs.rename({f"{name}_other": f"other_{name}" for name in ("catalogue", "table", "written", "leads")})
    within = pl.col("catalogue") == pl.col("other_catalogue")
    words = [pl.col("written"), pl.col("other_written")]
    later = pl.all_horizontal(word.is_in(["confirmed", "candidate"]) for word in words)
    meant = pl.when(within).then(pl.col("leads") & ~later).otherwise(pl.col("leads") & pl.col("other_leads"))
    return pairs.filter(meant & (words[0] != words[1])).with_columns(
        pl.lit("status").alias("what"), pl.lit("status").alias("quantity"),
        pl.lit("one calls it so, and another so").alias("reason"),
    )  # fmt: skip


def _of_joining(report: JoinReport, names: pl.DataFrame) -> pl.DataFrame:
    numbers = dict(names.select("name", "planet").iter_rows())
    groups = dict(names.select("name", "group").iter_rows())
    found = [
        {"what": "joining", "planet": numbers.get(doubt.planets[0]), "name": doubt.planets[0],
         "group": groups.get(doubt.planets[0]), "quantity": doubt.what, "catalogue": doubt.catalogue.partition("/")[0],
         "table": doubt.catalogue.partition("/")[2], "written": doubt.name, "other_written": "; ".join(doubt.planets),
         "reason": JOIN_REASONS[doubt.what]}
        for doubt in report.doubts
    ]  # fmt: skip
    return pl.DataFrame(found, schema=CONFLICTS).sort("quantity", "catalogue", "table", "written")


def counts(conflicts: pl.DataFrame) -> pl.DataFrame:
    """How many conflicts there are of each quantity between each two catalogues, and on how many stars.

    Columns: ``what``, ``quantity``, ``catalogues``, ``conflicts``, ``stars``, ``calculated`` (those in which one of
    the values was not measured), ``worst`` (the greatest distance in thresholds) and ``worst_of``, its planet.
    """
    one, two = pl.col("catalogue"), pl.col("other_catalogue")
    far = (pl.col("apart") / pl.col("threshold")).alias("far")
    calculated = (pl.col("kind") == "calculated") | (pl.col("other_kind") == "calculated")
    between = pl.when(two.is_null()).then(one).otherwise(pl.format("{} / {}", one, two)).alias("catalogues")
    return (
        conflicts.with_columns(far, between, calculated.fill_null(False).alias("calculated"))
        .group_by("what", "quantity", "catalogues")
        .agg(pl.len().cast(pl.Int64).alias("conflicts"), pl.col("group").n_unique().cast(pl.Int64).alias("stars"),
             pl.col("calculated").sum().cast(pl.Int64), pl.col("far").max().alias("worst"),
             pl.col("name").sort_by("far", descending=True, nulls_last=True, maintain_order=True).first()
             .alias("worst_of"))
        .sort("what", "conflicts", "quantity", "catalogues", descending=[False, True, False, False])
    )  # fmt: skip


def summary(conflicts: pl.DataFrame, worst: int = 12) -> list[Any]:
    """The conflicts for people: a table of counts, and one of the worst case of each quantity.

    Parameters
    ----------
    worst : int
        How many quantities the second table has at most.
    """
    from rich.markup import escape
    from rich.table import Table

    found = Table(title=f"{conflicts.height} conflicts", title_justify="left")
    for head in ("", "quantity", "catalogues"):
        found.add_column(head)
    for head in ("conflicts", "stars", "calculated", "worst, in thresholds"):
        found.add_column(head, justify="right")
    for row in counts(conflicts).iter_rows(named=True):
        far = f"{row['worst']:.3g} ({row['worst_of']})" if row["worst"] is not None else ""
        cells = (row["what"], row["quantity"], _short(row["catalogues"]), row["conflicts"], row["stars"],
                 row["calculated"], far)  # fmt: skip
        found.add_row(*(escape(str(cell)) for cell in cells))
    cases = Table(title="the worst of each quantity", title_justify="left")
    for head in ("planet", "quantity", "catalogue", "value", "catalogue", "value", "apart"):
        cases.add_column(head)
    for row in _worst(conflicts).head(worst).iter_rows(named=True):
        cells = (row["name"], f"{row['quantity']} [{row['unit']}]", _short(row["catalogue"]), _told(row),
                 _short(row["other_catalogue"]), _told(row, "other_"), _far(row))  # fmt: skip
        cases.add_row(*(escape(cell) for cell in cells))
    return [found, cases]


def _worst(conflicts: pl.DataFrame) -> pl.DataFrame:
    """The conflict of values of each quantity that is most thresholds apart, the farthest first."""
    far = (pl.col("apart") / pl.col("threshold")).alias("far")
    valued = conflicts.filter(pl.col("what") == "value").with_columns(far)
    ordered = valued.sort("far", descending=True, maintain_order=True)
    return ordered.unique("quantity", keep="first", maintain_order=True)


def _short(catalogues: str) -> str:
    return " / ".join(SHORT.get(name, name) for name in catalogues.split(" / "))


def _told(row: dict[str, Any], side: str = "") -> str:
    if row[side + "number"] is None:
        return str(row[side + "written"])
    sign = {1: "<", -1: ">", 0: ""}[row[side + "limit"] or 0]
    upper, lower = row[side + "error_upper"], row[side + "error_lower"]
    errors = f" +{upper:.3g} -{lower:.3g}" if upper is not None and lower is not None else ""
    return f"{sign}{row[side + 'number']:.6g}{errors}"


def _far(row: dict[str, Any]) -> str:
    within = {"sigma": "sigma", "share": "of the smaller"}.get(row["apart_in"], row["unit"])
    return f"{row['apart']:.3g} {within}"
