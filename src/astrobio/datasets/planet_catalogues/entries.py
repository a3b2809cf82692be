"""The planets of each catalogue's tables: their names, their status, and the rows that tell of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from astrobio.archives import exoplanet_eu, phl_hwc
from astrobio.archives.registry import source
from astrobio.archives.source import Product
from astrobio.datasets.held import held, product_of
from astrobio.datasets.planet_catalogues.columns import ENCYCLOPAEDIA, HABITABLE, NASA, OPEN, PARTS, Part
from astrobio.datasets.planet_catalogues.names import Entry, spelled
from astrobio.fetch.releases import name_of
from astrobio.formats.schema import read_typed
from astrobio.store.storage import RealDataStorage, Record
from astrobio.verify.planet_tables import sexagesimal

CONFIRMED, CANDIDATE, CONTROVERSIAL = "confirmed", "candidate", "controversial"
RETRACTED, FALSE_POSITIVE, SOLAR_SYSTEM = "retracted", "false positive", "Solar System"

NAME, HOST, ALIASES, HOST_ALIASES, PERIOD, STATUS, SAID = (
    "\0name", "\0host", "\0aliases", "\0host_aliases", "\0period", "\0status", "\0said")  # fmt: skip
RIGHT_ASCENSION, DECLINATION = "\0ra", "\0dec"
"""Columns that are added to each table; no catalogue can have names like these."""


@dataclass(frozen=True)
class TableRead:
    """A table of a catalogue.

    Attributes
    ----------
    part : Part
    frame : polars.DataFrame
        Its rows with their types, and the columns named above.
    text : polars.DataFrame
        The same rows as they are written.
    record : Record
    """

    part: Part
    frame: pl.DataFrame
    text: pl.DataFrame
    record: Record

    def entries(self) -> list[Entry]:
        """Its planets, each once."""
        names = self.frame.unique(NAME, keep="first", maintain_order=True)
        columns = (NAME, HOST, ALIASES, HOST_ALIASES, PERIOD, RIGHT_ASCENSION, DECLINATION)
        return [
            Entry(self.part.name, name, host or "", tuple(aliases or ()), tuple(host_aliases or ()), period,
                  (ascension, declination) if ascension is not None and declination is not None else None)
            for name, host, aliases, host_aliases, period, ascension, declination in names.select(columns).iter_rows()
        ]  # fmt: skip


def read_tables(storage: RealDataStorage, sources: Iterable[str] = (), allow_declared: bool = True) -> list[TableRead]:
    """The tables of planets of a store, in the order of ``columns.PARTS``.

    Raises
    ------
    RefusedInput
        If there is no source of a name.
    FormatError
        If a table is none that this version reads.
    """
    wanted = {source(name).name for name in sources}
    found: list[TableRead] = []
    for name in dict.fromkeys(part.catalogue for part in PARTS):
        if wanted and name not in wanted:
            continue
        for record in held(storage, name, allow_declared):
            product = product_of(record)
            parts = [part for part in PARTS if (part.catalogue, part.product) == (name, product)]
            if parts:
                found += _read(storage.open(record), source(name).product(product), parts, record)
    return sorted(found, key=lambda one: (PARTS.index(one.part), name_of(one.record)))


def _read(content: bytes, product: Product, parts: Sequence[Part], record: Record) -> list[TableRead]:
    if product.table is None:
        return []
    table = product.table.text(content)
    frame, text = (_as_in_file(one) for one in (read_typed(table, product.table.schema), table.frame))
    found = []
    for part in parts:
        rows = pl.repeat(True, frame.height, eager=True)
        if len(parts) > 1:
            rows = frame["collection"] == part.table
        named, written = _NAMED[part.name](frame.filter(rows), record), text.filter(rows)
        kept = named[NAME].is_not_null()
        found.append(TableRead(part, named.filter(kept), written.filter(kept), record))
    return found


def _named(frame: pl.DataFrame, **columns: pl.Expr) -> pl.DataFrame:
    """A table with what names and places its planets; what is not told is null."""
    none: dict[str, pl.Expr] = {
        NAME: pl.lit(None, pl.String), HOST: pl.lit(None, pl.String), ALIASES: pl.lit(None, pl.List(pl.String)),
        HOST_ALIASES: pl.lit(None, pl.List(pl.String)), PERIOD: pl.lit(None, pl.Float64),
        RIGHT_ASCENSION: pl.lit(None, pl.Float64), DECLINATION: pl.lit(None, pl.Float64),
        STATUS: pl.lit(None, pl.String), SAID: pl.lit(None, pl.String),
    }  # fmt: skip
    return frame.with_columns(**(none | columns))


def _nasa(frame: pl.DataFrame, _record: Record) -> pl.DataFrame:
    disputed = pl.col("pl_controv_flag") == 1
    return _named(frame, **{
        NAME: pl.col("pl_name"), HOST: pl.col("hostname"), PERIOD: pl.col("pl_orbper"), RIGHT_ASCENSION: pl.col("ra"),
        DECLINATION: pl.col("dec"), SAID: pl.format("pl_controv_flag: {}", "pl_controv_flag"),
        STATUS: pl.when(disputed).then(pl.lit(CONTROVERSIAL)).otherwise(pl.lit(CONFIRMED)),
    })  # fmt: skip


def _koi(frame: pl.DataFrame, _record: Record) -> pl.DataFrame:
    """Kepler's objects of interest, but those whose signal is that of another object (``koi_fpflag_ec``)."""
    number = pl.col("kepoi_name").str.extract(r"^K0*(\d+)\.\d\d$")
    own = pl.col("koi_fpflag_ec").fill_null(0) == 0
    words = {"CONFIRMED": CONFIRMED, "CANDIDATE": CANDIDATE, "FALSE POSITIVE": FALSE_POSITIVE}
    return _named(frame, **{
        NAME: pl.when(own).then(pl.format("KOI-{}{}", number, pl.col("kepoi_name").str.slice(-3))),
        HOST: pl.format("KOI-{}", number), HOST_ALIASES: pl.concat_list(pl.format("KIC {}", "kepid")),
        ALIASES: pl.concat_list("kepler_name").list.drop_nulls(), PERIOD: pl.col("koi_period"),
        RIGHT_ASCENSION: pl.col("ra"), DECLINATION: pl.col("dec"), SAID: pl.col("koi_disposition"),
        STATUS: pl.col("koi_disposition").replace_strict(words, default=None, return_dtype=pl.String),
    })  # fmt: skip


def _toi(frame: pl.DataFrame, _record: Record) -> pl.DataFrame:
    words = {"CP": CONFIRMED, "KP": CONFIRMED, "PC": CANDIDATE, "APC": CANDIDATE, "FP": FALSE_POSITIVE,
             "FA": FALSE_POSITIVE}  # fmt: skip
    number = (pl.col("toi") * 100).round().cast(pl.Int64) % 100
    return _named(frame, **{
        NAME: pl.format("TOI-{}.{}", "toipfx", number.cast(pl.String).str.zfill(2)),
        HOST: pl.format("TOI-{}", "toipfx"), HOST_ALIASES: pl.concat_list(pl.format("TIC {}", "tid")),
        PERIOD: pl.col("pl_orbper"),
        RIGHT_ASCENSION: pl.col("ra"), DECLINATION: pl.col("dec"), SAID: pl.col("tfopwg_disp"),
        STATUS: pl.col("tfopwg_disp").replace_strict(words, default=None, return_dtype=pl.String),
    })  # fmt: skip


_LISTS = (("Retracted planet candidate", RETRACTED), ("Controversial", CONTROVERSIAL), ("Solar System", SOLAR_SYSTEM),
          ("Kepler Objects of Interest", CANDIDATE), ("Confirmed planets", CONFIRMED))  # fmt: skip
"""Lists of the Open Exoplanet Catalogue, and the status of what is on them; the first that a planet is on tells."""


def _open(frame: pl.DataFrame, _record: Record) -> pl.DataFrame:
    places = [(_degrees(right, 15.0), _degrees(declined, 1.0))
              for right, declined in frame.select("rightascension", "declination").iter_rows()]  # fmt: skip
    ascensions, declinations = (pl.lit(pl.Series([place[end] for place in places], dtype=pl.Float64)) for end in (0, 1))
    on = [pl.when(pl.col("lists").str.contains(words, literal=True)).then(pl.lit(status)) for words, status in _LISTS]
    return _named(frame, **{
        NAME: pl.col("name"), HOST: pl.col("host"), ALIASES: pl.col("aliases").str.split("\n"),
        HOST_ALIASES: pl.col("host_aliases").str.split("\n"), PERIOD: pl.col("period"),
        RIGHT_ASCENSION: ascensions, DECLINATION: declinations,
        STATUS: pl.coalesce(on), SAID: pl.col("lists").str.replace_all("\n", "; ", literal=True),
    })  # fmt: skip


def _degrees(text: str | None, scale: float) -> float | None:
    degrees = sexagesimal(text) * scale if text else math.nan
    return None if math.isnan(degrees) else degrees


def _open_candidates(frame: pl.DataFrame, record: Record) -> pl.DataFrame:
    """By their numbers: their letters follow these, and are not those of the planets' names."""
    numbers = [spelled(aliases.split("\n")[0]) for aliases in frame["aliases"]]
    return _open(frame, record).with_columns(
        pl.Series(NAME, numbers, dtype=pl.String), pl.lit(None, pl.List(pl.String)).alias(ALIASES)
    )


_IN_FILE = {exoplanet_eu.in_tap(column.name): column.name for column in exoplanet_eu.CATALOGUE.columns}


def _as_in_file(frame: pl.DataFrame) -> pl.DataFrame:
    """With the columns of exoplanet.eu named as in its file, where they come from its service."""
    if "target_name" not in frame.columns:
        return frame
    return frame.rename({name: _IN_FILE[name] for name in frame.columns if name in _IN_FILE})


def _eu(frame: pl.DataFrame, _record: Record) -> pl.DataFrame:
    listed = {name: pl.col(name).str.split(",").list.eval(pl.element().str.strip_chars()) for name in
              ("alternate_names", "star_alternate_names") if name in frame.columns}  # fmt: skip
    words = {"Confirmed": CONFIRMED, "Candidate": CANDIDATE, "Retracted": RETRACTED, "Controversial": CONTROVERSIAL}
    said = pl.col("planet_status") if "planet_status" in frame.columns else pl.lit(None, pl.String)
    return _named(frame, **{
        NAME: pl.col("name"), HOST: pl.col("star_name"), PERIOD: pl.col("orbital_period"),
        RIGHT_ASCENSION: pl.col("ra"), DECLINATION: pl.col("dec"), SAID: said,
        ALIASES: listed["alternate_names"],
        HOST_ALIASES: listed.get("star_alternate_names", pl.lit(None, pl.List(pl.String))),
        STATUS: said.replace_strict(words, default=None, return_dtype=pl.String),
    })  # fmt: skip


def _habitable(frame: pl.DataFrame, record: Record) -> pl.DataFrame:
    """The list of all that the rules select, or of those that conservative rules select: the file's name tells it."""
    which = "conservative" if "conservative" in name_of(record) else "all"
    return _named(frame, **{NAME: pl.col("Name"), PERIOD: pl.col(phl_hwc.PERIOD), SAID: pl.lit(which)})


_NAMED: dict[str, Callable[[pl.DataFrame, Record], pl.DataFrame]] = {
    f"{NASA}/ps": _nasa, f"{NASA}/pscomppars": _nasa, f"{NASA}/cumulative": _koi, f"{NASA}/toi": _toi,
    f"{OPEN}/systems": _open, f"{OPEN}/systems_kepler": _open_candidates, f"{ENCYCLOPAEDIA}/catalogue": _eu,
    f"{ENCYCLOPAEDIA}/epn_core": _eu, f"{HABITABLE}/lists": _habitable,
}  # fmt: skip
"""What names the planets of each table."""
