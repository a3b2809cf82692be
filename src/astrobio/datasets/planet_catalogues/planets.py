"""Planets and their stars: catalogues joined by names, each value with its unit and where it is from.

The NASA Exoplanet Archive, the Open Exoplanet Catalogue and exoplanet.eu are joined to one row a planet. Nothing is
filled, averaged or corrected: all values stand in one long table, each as its catalogue gives it and in one unit a
quantity; the wide table has the first of them by a declared order. Where catalogues disagree, on a value, on what is a
planet, or on which rows are one, the conflicts say so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from astrobio.core.errors import DataMissing, UsageError
from astrobio.datasets.planet_catalogues.columns import LENDING, PARTS
from astrobio.datasets.planet_catalogues.conflicts import counts, find_conflicts, summary
from astrobio.datasets.planet_catalogues.entries import TableRead, read_tables
from astrobio.datasets.planet_catalogues.joining import Joined, JoinReport, join
from astrobio.datasets.planet_catalogues.names import Entry, Key, key_of, star_of
from astrobio.datasets.planet_catalogues.quantities import QUANTITIES
from astrobio.datasets.planet_catalogues.rows import all_rows, status_and_flags
from astrobio.datasets.planet_catalogues.values import all_values, wide
from astrobio.store.storage import RealDataStorage


@dataclass(frozen=True)
class Planets:
    """Planets of several catalogues in one form.

    Attributes
    ----------
    table : polars.DataFrame
        One row a planet: ``planet`` (its number, from 0), ``name`` in the first catalogue that has it, ``names`` in all
        of them (parted by ``; ``), ``host`` and ``group``, its star as the catalogue writes it and one name for all
        names of the star, which keeps planets of one star on one side of a split; ``tables`` that have it; its status
        in each, by the columns of ``rows.STATUS_OF`` (``confirmed``, ``candidate``,
        ``controversial``, ``retracted``, ``false positive``, ``Solar System``); ``habitable_list``, the list of the
        Habitable Worlds Catalog that it is on (``conservative``, or ``all`` for the longer one only; made by rules,
        and no label to train on); a flag for each relation of ``rows.FLAGS``, true where
        a row of the planet is off from it, null where that cannot be said. Then for each quantity ``Q`` of
        ``quantities.QUANTITIES`` the chosen value: ``Q``, ``Q_error_upper``,
        ``Q_error_lower`` (sizes; ``inf`` for one without end), ``Q_limit`` (1 for an upper limit, -1 for a lower one,
        0 for a value), ``Q_kind`` and ``Q_catalogue`` (source and table). What no catalogue tells is null.
    values : polars.DataFrame
        One row a value that a table gives: ``planet``, ``quantity``, ``number`` or ``text``, ``error_upper``,
        ``error_lower``, ``limit``, ``unit``, ``written`` as in the file, ``catalogue``, ``table``, ``column``, ``name``
        of the planet there, ``kind`` (``measured``, ``calculated`` or ``unknown``) and ``because``, what tells it,
        ``note``, ``reference`` of the paper where the table names it, ``chosen``, ``digest`` of the record.
        Of each planet and quantity the chosen one comes first.
    rows : polars.DataFrame
        One row a row of a table that is of a planet: ``planet``, ``catalogue``, ``table``, ``name`` and as it is
        ``written`` there, ``host``, ``joined_by``, ``status`` and ``status_written``, the flags, ``digest``,
        ``assurance``.
    conflicts : polars.DataFrame
        One row a conflict: ``what`` (``value``, ``status`` or ``joining``), ``planet``, ``name``, ``group``,
        ``quantity``, ``unit``, then of either catalogue ``catalogue``, ``table``, ``number``, ``error_upper``,
        ``error_lower``, ``limit``, ``written``, ``kind`` (with ``other_`` before those of the second), ``apart`` and
        ``apart_in`` (``sigma`` of the combined uncertainty, ``share`` of the smaller value, or the ``unit``),
        ``threshold`` and ``reason``.
    groups : dict of str to str
        The group of each star, by all its names as ``names.star_of`` writes them.
    joining : JoinReport
        How many rows were joined, and by what.
    records : tuple of str
        Digests of all records that were read, sorted.
    """

    table: pl.DataFrame
    values: pl.DataFrame = field(repr=False)
    rows: pl.DataFrame = field(repr=False)
    conflicts: pl.DataFrame = field(repr=False)
    groups: dict[str, str] = field(repr=False)
    joining: JoinReport = field(repr=False)
    records: tuple[str, ...] = field(repr=False)

    def __len__(self) -> int:
        return self.table.height

    @property
    def units(self) -> dict[str, str]:
        """Unit of each column of the table that has one; ``1`` where it is a number without."""
        parts = ("", "_error_upper", "_error_lower")
        return {
            quantity.name + part: quantity.unit
            for quantity in QUANTITIES
            if not quantity.words
            for part in (parts[:1] if quantity.plain else parts)
        }

    def number(self, name: str) -> int:
        """The number of the planet of a name, in any spelling and by any catalogue.

        Raises
        ------
        UsageError
            If no planet, or more than one, has it.
        """
        found = self._named.get(key_of(name), [])
        if len(found) != 1:
            called = ", ".join(self.table["name"][number] for number in found)
            raise UsageError(f"{name!r} is the name of {f'several planets: {called}' if found else 'no planet here'}")
        return found[0]

    def group_of(self, star: str) -> str | None:
        """The group of a star, by any of its names; none where no planet of it is known here."""
        return self.groups.get(star_of(star))

    @cached_property
    def _named(self) -> dict[Key, list[int]]:
        """Numbers of planets by keys of their names; a name that a catalogue leads with goes before other names."""
        first: dict[Key, set[int]] = defaultdict(set)
        other: dict[Key, set[int]] = defaultdict(set)
        for number, name in self.rows.select("planet", "name").iter_rows():
            first[key_of(name)].add(number)
        for number, names in self.table.select("planet", "names").iter_rows():
            for name in names.split("; "):
                other[key_of(name)].add(number)
        return {key: sorted(first.get(key) or other[key]) for key in {*first, *other}}

    def conflict_counts(self) -> pl.DataFrame:
        """How many conflicts there are; see ``conflicts.counts``."""
        return counts(self.conflicts)

    def conflict_summary(self) -> list[Any]:
        """Tables for a terminal: counts by quantity and catalogues, and the worst cases."""
        return summary(self.conflicts)

    def write_conflicts(self, path: Path) -> None:
        """Write all conflicts as CSV."""
        self.conflicts.write_csv(path)


def read_planets(storage: RealDataStorage, sources: Iterable[str] = (), allow_declared: bool = True) -> Planets:
    """All planets of a store.

    Of a table that was admitted in several releases, the newest is taken. Lists of candidates and of habitable worlds
    tell names, values and status of planets that a catalogue of planets has, and no planets of their own.

    Parameters
    ----------
    storage : RealDataStorage
    sources : iterable of str
        Only of these; of all unless given.
    allow_declared : bool
        Whether records count whose origin is only declared by a user.

    Raises
    ------
    DataMissing
        If there is none.
    RefusedInput
        If there is no source of a name.
    IntegrityError
        If an object has changed.
    """
    tables = read_tables(storage, sources, allow_declared)
    if not any(table.part.name not in LENDING and table.frame.height for table in tables):
        chosen = sorted(set(sources) or {part.catalogue for part in PARTS})
        raise DataMissing(f"the store {storage.root} holds no planets of {', '.join(chosen)}", fix="astrobio fetch")
    return join_tables(tables)


def join_tables(tables: Sequence[TableRead]) -> Planets:
    """The planets of tables, in the order of ``columns.PARTS``."""
    joined, report = join(list(_entries(tables).values()), LENDING)
    numbers: dict[str, dict[str, int]] = defaultdict(dict)
    for number, planet in enumerate(joined):
        for entry in planet.entries:
            numbers[entry.catalogue][entry.name] = number
    named = _named_table(joined)
    rows = all_rows(tables, numbers, joined)
    values = all_values(tables, numbers)
    table = (
        named.join(status_and_flags(rows), on="planet", how="left", maintain_order="left")
        .join(wide(values, len(joined)), on="planet", how="left", maintain_order="left")
    )  # fmt: skip
    conflicts = find_conflicts(values, rows, named.select("planet", "name", "group"), report)
    groups = {star: planet.group for planet in joined for star in planet.stars()}
    return Planets(table, values, rows, conflicts, groups, report, tuple(sorted({one.record.digest for one in tables})))


def _entries(tables: Sequence[TableRead]) -> dict[str, list[Entry]]:
    """The planets of each part, each once; the archive's composite table names planets before its papers do."""
    found: dict[str, dict[str, Entry]] = {}
    for table in sorted(tables, key=lambda one: one.part.table != "pscomppars"):
        part = found.setdefault(table.part.name, {})
        for entry in table.entries():
            part.setdefault(entry.name, entry)
    return {name: list(entries.values()) for name, entries in found.items()}


def _named_table(joined: Sequence[Joined]) -> pl.DataFrame:
    rows = [
        (number, planet.name,
         "; ".join(dict.fromkeys(name for entry in planet.entries for name in (entry.name, *entry.aliases))),
         next((entry.host for entry in planet.entries if entry.host), None), planet.group)
        for number, planet in enumerate(joined)
    ]  # fmt: skip
    schema = {"planet": pl.Int64, "name": pl.String, "names": pl.String, "host": pl.String, "group": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")
