"""Every row of the catalogues' tables with the planet that it is of, its status there, and what is odd about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from astrobio.datasets.planet_catalogues.columns import ENCYCLOPAEDIA, HABITABLE, NASA, OPEN, PARTS
from astrobio.datasets.planet_catalogues.entries import HOST, NAME, SAID, STATUS, TableRead
from astrobio.datasets.planet_catalogues.joining import Joined
from astrobio.verify.planet_tables import row_flags

FLAGS = {
    "off_keplers_third_law": "Kepler's third law", "off_density": "density",
    "off_equilibrium_temperature": "equilibrium temperature", "off_insolation": "insolation",
    "off_flux_of_star": "flux of the star", "off_flux_at_period": "flux at the period",
    "off_surface_gravity": "surface gravity", "off_transit_depth": "transit depth",
}  # fmt: skip
"""Columns of flags, and the relation of :data:`astrobio.verify.planet_tables.RELATIONS` that a row is off from."""
ROWS: dict[str, Any] = {
    "planet": pl.Int64, "catalogue": pl.String, "table": pl.String, "name": pl.String, "written": pl.String,
    "host": pl.String, "joined_by": pl.String, "status": pl.String, "status_written": pl.String,
    **dict.fromkeys(FLAGS, pl.Boolean), "digest": pl.String, "assurance": pl.String,
}  # fmt: skip
"""Columns of the rows."""
_OWN_NAME = ("pl_name", "kepoi_name", "toi", "name", "Name")
STATUS_OF = {
    "nasa_status": (f"{NASA}/pscomppars", f"{NASA}/ps"), "kepler_status": (f"{NASA}/cumulative",),
    "tess_status": (f"{NASA}/toi",), "open_status": (f"{OPEN}/systems",),
    "open_kepler_status": (f"{OPEN}/systems_kepler",),
    "eu_status": (f"{ENCYCLOPAEDIA}/catalogue", f"{ENCYCLOPAEDIA}/epn_core"),
}  # fmt: skip
"""Columns of the wide table that tell the status of a planet in each catalogue, and the parts that tell it."""


def all_rows(
    tables: Sequence[TableRead], planets: Mapping[str, Mapping[str, int]], joined: Sequence[Joined]
) -> pl.DataFrame:
    """The rows of all tables that are of planets, by planet, in the order of the tables."""
    by = {
        (entry.catalogue, entry.name): how
        for planet in joined
        for entry, how in zip(planet.entries, planet.by, strict=True)
    }
    found = [_of_table(table, planets.get(table.part.name, {}), by) for table in tables]
    if not found:
        return pl.DataFrame(schema=ROWS)
    order = {part.name: place for place, part in enumerate(PARTS)}
    place = pl.format("{}/{}", "catalogue", "table").replace_strict(order, return_dtype=pl.Int64)
    return pl.concat(found).sort("planet", place, "name", "status_written", maintain_order=True)


def _of_table(table: TableRead, planets: Mapping[str, int], by: Mapping[tuple[str, str], str]) -> pl.DataFrame:
    part, record = table.part, table.record
    own = next(name for name in _OWN_NAME if name in table.text.columns)
    frame = table.frame.select(
        pl.col(NAME).replace_strict(dict(planets), default=None, return_dtype=pl.Int64).alias("planet"),
        pl.lit(part.catalogue).alias("catalogue"), pl.lit(part.table).alias("table"), pl.col(NAME).alias("name"),
        table.text[own].alias("written"), pl.col(HOST).alias("host"),
        pl.Series("joined_by", [by.get((part.name, name)) for name in table.frame[NAME]], dtype=pl.String),
        pl.col(STATUS).alias("status"), pl.col(SAID).alias("status_written"), pl.lit(record.digest).alias("digest"),
        pl.lit(record.assurance).alias("assurance"),
    )  # fmt: skip
    flags = row_flags(table.frame, part.columns) if part.columns is not None else pl.DataFrame()
    frame = frame.with_columns(
        (flags[relation] if relation in flags.columns else pl.lit(None, pl.Boolean)).alias(name)
        for name, relation in FLAGS.items()
    )
    return frame.filter(pl.col("planet").is_not_null()).select(pl.col(name).cast(kind) for name, kind in ROWS.items())


def status_and_flags(rows: pl.DataFrame) -> pl.DataFrame:
    """One row a planet: its catalogues, its status in each, the list of habitable worlds that it is on, and whether
    one of its rows is off from a relation."""
    part = pl.format("{}/{}", "catalogue", "table")
    statuses = [
        pl.col("status").filter(part.is_in(names) & pl.col("status").is_not_null()).first().alias(column)
        for column, names in STATUS_OF.items()
    ]
    said = pl.col("status_written").filter(pl.col("catalogue") == HABITABLE)
    listed = pl.when(said.len() == 0).then(None).when((said == "conservative").any())
    return rows.group_by("planet", maintain_order=True).agg(
        part.unique(maintain_order=True).str.join("; ").alias("tables"),
        *statuses,
        listed.then(pl.lit("conservative")).otherwise(pl.lit("all")).alias("habitable_list"),
        *(pl.when(pl.col(name).count() > 0).then(pl.col(name).any()).alias(name) for name in FLAGS),
    )
