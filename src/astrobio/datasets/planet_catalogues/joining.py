"""Which rows of several catalogues are one planet, and which hosts are one star.

What joins two rows, the strongest evidence first: the same name; a name that one of them lists as another name of its
planet; another name of its star, with the planet's letter; the same star, by a name or by its place, and the same
period; the same place and the same letter. Each is tried on all rows of a catalogue before the next.

Letters are not the same everywhere (in the Open Exoplanet Catalogue ``KOI-314 b`` is another name of
``Kepler-138 c``), so a period that is another contradicts all evidence by names. What is left then joins the planet of
its own name, with a note, or stays a planet of its own. What was contradicted, ambiguous or told twice is reported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import DisjointSet
from scipy.spatial import cKDTree

from astrobio.datasets.planet_catalogues.names import Entry, Key, Named

SAME_PERIOD = 0.01
"""Share by which periods of one planet may differ where the period must tell which of several is meant."""
OTHER_PERIOD = 0.1
"""Share from which on periods say that two rows whose names agree are two planets."""
SAME_PLACE = 10.0
"""Arcsec within which hosts are one star. Measured: catalogues of 2023 to 2026 put one star, by its planets' periods,
up to 9.8 arcsec apart; stars move, and places are of several epochs."""


@dataclass
class Joined:
    """One planet, with its rows in the catalogues.

    Attributes
    ----------
    rows : list of Named
        In the order in which they were joined; those of catalogues that only lend names come last.
    by : list of str
        What joined each: ``name``, ``alias``, ``star's alias``, with ``and period`` where the period told which of
        several planets is meant; ``star and period``; ``place and letter``; ``name, other period``; ``twice`` where
        the catalogue has the planet already; ``first`` for the first.
    group : str
        The host, as canonical name: one for all names of a star.
    """

    rows: list[Named]
    by: list[str]
    group: str = ""

    @property
    def name(self) -> str:
        """The name in the first catalogue that has the planet."""
        return self.rows[0].entry.name

    @property
    def entries(self) -> list[Entry]:
        """Its rows as their catalogues have them."""
        return [row.entry for row in self.rows]

    def has(self, catalogue: str) -> bool:
        """Whether a catalogue has the planet."""
        return any(row.entry.catalogue == catalogue for row in self.rows)

    def stars(self) -> list[str]:
        """Canonical names of its host in all catalogues; of a planet without one, its own."""
        return list(dict.fromkeys(star for row in self.rows for star in row.stars))


@dataclass(frozen=True)
class Doubt:
    """A row that is not joined as its names say, or that may not be joined rightly.

    Attributes
    ----------
    what : str
        ``ambiguous``: its names lead to several planets, and it stays alone. ``contradicted``: they lead to one with
        another period, and it stays alone. ``name, other period``: it joined that. ``twice``: its catalogue has the
        planet in another row. ``one place``: its host is taken for that of another planet by its place only.
    catalogue, name : str
    planets : tuple of str
        Names of the planets that are meant.
    """

    what: str
    catalogue: str
    name: str
    planets: tuple[str, ...]


@dataclass
class JoinReport:
    """What joining did.

    Attributes
    ----------
    joined, alone, left_out : dict of str to int
        Rows of each catalogue that were joined to a planet of a catalogue before it, that were the first of a planet,
        and that are not among the planets since their catalogue only lends names.
    by : dict of (str, str) to int
        Rows of each catalogue by what joined them.
    doubts : list of Doubt
    groups, largest_group : int, str
        Stars, and the one with most names.
    """

    joined: dict[str, int] = field(default_factory=dict)
    alone: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    by: dict[tuple[str, str], int] = field(default_factory=dict)
    doubts: list[Doubt] = field(default_factory=list)
    groups: int = 0
    largest_group: str = ""


def join(
    catalogues: Sequence[Sequence[Entry]], lending: Collection[str] = frozenset()
) -> tuple[list[Joined], JoinReport]:
    """Join the rows of catalogues, the first one's names first; every row is in exactly one planet.

    Parameters
    ----------
    catalogues : sequence of sequences of Entry
        In the order in which their names are taken.
    lending : collection of str
        Catalogues that tell other names, and what is no planet: those that only they have are left out.

    Examples
    --------
    >>> planets, report = join([[Entry("a", "Kepler-1 b", "Kepler-1", period=2.47)],
    ...                         [Entry("b", "TrES-2 b", "TrES-2", ("Kepler-1 b",), period=2.4706)]])
    >>> [[entry.name for entry in planet.entries] for planet in planets], report.by
    ([['Kepler-1 b', 'TrES-2 b']], {('b', 'alias'): 1})
    """
    joining = _Joining()
    for entries in catalogues:
        joining.add([Named.of(entry) for entry in entries])
    report = JoinReport()
    kept: list[Joined] = []
    for planet in joining.planets:
        if all(entry.catalogue in lending for entry in planet.entries):
            for entry in planet.entries:
                _count(report.left_out, entry.catalogue)
            continue
        kept.append(planet)
        for entry, by in zip(planet.entries, planet.by, strict=True):
            _count(report.alone if by == "first" else report.joined, entry.catalogue)
            if by != "first":
                _count(report.by, (entry.catalogue, by))
        order = sorted(range(len(planet.rows)), key=lambda number: planet.rows[number].entry.catalogue in lending)
        planet.rows, planet.by = [planet.rows[number] for number in order], [planet.by[number] for number in order]
    names = {planet.name for planet in kept}
    report.doubts = [one for one in joining.doubts() if one.catalogue not in lending or names.intersection(one.planets)]
    _group(kept, report)
    return kept, report


def _count(counts: dict[Key, int] | dict[str, int], name: Key | str) -> None:
    counts[name] = counts.get(name, 0) + 1  # type: ignore[index,arg-type]


class _Joining:
    """Planets so far, and what leads to them."""

    def __init__(self) -> None:
        self.planets: list[Joined] = []
        self._doubts: list[tuple[str, Named, tuple[int, ...]]] = []
        self._periods: list[list[float]] = []
        self._named: dict[Key, set[int]] = defaultdict(set)
        self._listed: dict[Key, set[int]] = defaultdict(set)
        self._starred: dict[Key, set[int]] = defaultdict(set)
        self._stars: dict[str, set[int]] = defaultdict(set)
        self._letters: list[set[str]] = []
        self._places: list[tuple[float, float]] = []
        self._placed: list[int] = []

    def doubts(self) -> list[Doubt]:
        """What was noted, with the names that planets have now."""
        return [
            Doubt(
                what, row.entry.catalogue, row.entry.name, tuple(sorted(self.planets[place].name for place in places))
            )
            for what, row, places in self._doubts
        ]

    def add(self, rows: list[Named]) -> None:
        """Join a catalogue to those before it."""
        near = self._near(rows)
        stages: tuple[tuple[str, Callable[[Named], set[int]]], ...] = (
            ("name", lambda row: self._led(self._named, [row.own])),
            ("alias", self._by_alias),
            ("star's alias", self._by_star_alias),
            ("star and period", lambda row: self._by_star(row, near.get(row, set()))),
            ("place and letter", lambda row: {one for one in near.get(row, ()) if row.own[1] in self._letters[one]}),
        )
        why: dict[Named, tuple[str, Named, tuple[int, ...]]] = {}
        ordered = sorted(rows, key=Named.order)
        pending = [row for row in ordered if row in near or any(star in self._stars for star in row.stars)]
        for by, find in stages:
            pending = self._stage(pending, by, find, why)
        pending = self._stage(pending, "name, other period", lambda row: self._led(self._named, [row.own]), why, True)
        left = set(rows).difference(row for planet in self.planets for row in planet.rows)
        for row in (row for row in ordered if row in left):
            place = self._twice(row)
            if place is not None:
                self._doubts.append(("twice", row, (place,)))
            elif row in why:
                self._doubts.append(why[row])
            self._put(row, place, "twice" if place is not None else "first")

    def _stage(self, pending: list[Named], by: str, find: Callable[[Named], set[int]],
               why: dict[Named, tuple[str, Named, tuple[int, ...]]], against: bool = False) -> list[Named]:  # fmt: skip
        """Join what one kind of evidence joins; returns the rows that it does not, and notes why."""
        claims: dict[int, list[tuple[float, int]]] = defaultdict(list)
        told: dict[int, str] = {}
        for number, row in enumerate(pending):
            free = sorted(place for place in find(row) if not self.planets[place].has(row.entry.catalogue))
            meant = agreeing = [place for place in free if against or self._apart(row, place, 0.0) <= OTHER_PERIOD]
            if len(agreeing) > 1:
                meant = [place for place in agreeing if self._apart(row, place, 1.0) < SAME_PERIOD]
            if len(meant) == 1:
                claims[meant[0]].append((self._apart(row, meant[0], 1.0), number))
                told[number] = by + (" and period" if len(agreeing) > 1 and "period" not in by else "")
            elif free:
                what = "ambiguous" if agreeing else "contradicted"
                why.setdefault(row, (what, row, tuple(agreeing or free)))
        won = {min(claimants)[1]: place for place, claimants in claims.items()}
        for number, place in sorted(won.items()):
            if against:
                self._doubts.append((by, pending[number], (place,)))
            self._put(pending[number], place, told[number])
        return [row for number, row in enumerate(pending) if number not in won]

    @staticmethod
    def _led(index: Mapping[Key, set[int]], keys: Iterable[Key]) -> set[int]:
        return {place for key in keys for place in index.get(key, ())}

    def _by_alias(self, row: Named) -> set[int]:
        return self._led(self._named, row.listed) | self._led(self._listed, [row.own, *row.listed])

    def _by_star_alias(self, row: Named) -> set[int]:
        keys = [row.own, *row.listed, *row.starred]
        return self._led(self._named, row.starred) | self._led(self._starred, keys)

    def _by_star(self, row: Named, near: set[int]) -> set[int]:
        here = near | {place for star in row.stars for place in self._stars.get(star, ())}
        return {place for place in here if self._apart(row, place, 1.0) < SAME_PERIOD}

    def _twice(self, row: Named) -> int | None:
        """The planet that the row's catalogue has already: by its name, or by another one and the period."""
        named = {place for place in self._led(self._named, [row.own]) if self._apart(row, place, 0.0) <= OTHER_PERIOD}
        told = {
            place
            for place in self._by_alias(row) | self._by_star_alias(row)
            if self._apart(row, place, 1.0) < SAME_PERIOD
        }
        places = {place for place in named | told if self.planets[place].has(row.entry.catalogue)}
        return next(iter(places)) if len(places) == 1 else None

    def _near(self, rows: list[Named]) -> dict[Named, set[int]]:
        """Planets so far whose hosts are at the places of rows."""
        placed = [(row, row.entry.place) for row in rows if row.entry.place is not None]
        if not placed or not self._places:
            return {}
        tree, reach = cKDTree(_directions(self._places)), float(np.radians(SAME_PLACE / 3600))
        found = tree.query_ball_point(_directions([place for _, place in placed]), reach)
        return {row: {self._placed[one] for one in near} for (row, _), near in zip(placed, found, strict=True) if near}

    def _apart(self, row: Named, place: int, unknown: float) -> float:
        """By which share the period of a row differs from the nearest of a planet's; a value where it is unknown."""
        period, periods = row.entry.period, self._periods[place]
        if not period or not periods:
            return unknown
        return min(abs(period / other - 1) for other in periods)

    def _put(self, row: Named, place: int | None, by: str) -> None:
        """Add a row to a planet; to a new one where none is given."""
        entry = row.entry
        if place is None:
            place = len(self.planets)
            self.planets.append(Joined([], []))
            self._periods.append([])
            self._letters.append(set())
        self.planets[place].rows.append(row)
        self.planets[place].by.append(by)
        if entry.period:
            self._periods[place].append(entry.period)
        if row.own[1].isalpha():  # numbers of candidates are not those of other lists
            self._letters[place].add(row.own[1])
        if entry.place is not None:
            self._places.append(entry.place)
            self._placed.append(place)
        for index, keys in ((self._named, (row.own,)), (self._listed, row.listed), (self._starred, row.starred)):
            for key in keys:
                index[key].add(place)
        for star in row.stars:
            self._stars[star].add(place)


def _directions(places: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """Places on the sky as unit vectors."""
    ascension, declination = np.radians(np.array(places, dtype=np.float64)).T
    return np.column_stack([np.cos(declination) * np.cos(ascension), np.cos(declination) * np.sin(ascension),
                            np.sin(declination)])  # fmt: skip


def _group(planets: Sequence[Joined], report: JoinReport) -> None:
    """Give each planet its group: planets whose hosts share a name, or a place, have one."""
    united = DisjointSet(range(len(planets)))
    first: dict[str, int] = {}
    stars = [planet.stars() for planet in planets]
    for number, names in enumerate(stars):
        for name in names:
            united.merge(number, first.setdefault(name, number))
    for one, other in _neighbours(planets):
        if united.merge(one, other):
            entry = planets[other].rows[0].entry
            report.doubts.append(Doubt("one place", entry.catalogue, entry.name, (planets[one].name,)))
    sizes: dict[int, int] = {}
    for members in united.subsets():
        leader = min(members)
        sizes[leader] = len({star for number in members for star in stars[number]})
        for number in members:
            planets[number].group = stars[leader][0]
    report.groups = len(sizes)
    if sizes:
        report.largest_group = planets[max(sizes, key=lambda one: (sizes[one], -one))].group


def _neighbours(planets: Sequence[Joined]) -> list[tuple[int, int]]:
    """Pairs of planets whose hosts are at one place."""
    placed = [(number, entry.place) for number, planet in enumerate(planets) for entry in planet.entries if entry.place]
    if not placed:
        return []
    tree = cKDTree(_directions([place for _, place in placed]))
    pairs = tree.query_pairs(float(np.radians(SAME_PLACE / 3600)))
    numbered = {tuple(sorted((placed[one][0], placed[other][0]))) for one, other in pairs}
    return sorted((one, other) for one, other in numbered if one != other)
