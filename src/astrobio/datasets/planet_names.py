"""Which rows of several catalogues are one planet, and which hosts are one star.

Catalogues name a planet by its star and a letter, and list other names of both. Three kinds of evidence join two rows,
the strongest first: the same name; a name that one of them lists as another name of its planet; another name of its
star, with the planet's letter. A name that leads to several planets, or to one whose period is another, joins nothing
unless the period tells which is meant: letters are not the same everywhere (in the Open Exoplanet Catalogue
``KOI-314 b`` is another name of ``Kepler-138 c``, and ``Kepler-138 b`` of the same planet).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from astrobio.core.names import canonical, planet_key

Key = tuple[str, str]
SAME_PERIOD = 0.01
"""Share by which periods of one planet may differ where the period must tell which of several is meant."""
OTHER_PERIOD = 0.1
"""Share from which on periods say that two rows that share a listed name are two planets."""
_KOI = re.compile(r"^(?:KOI-?\s?|K)0*(\d+)(?:\.|\s)(\d\d)$")
_KOI_STAR = re.compile(r"^KOI-?\s?0*(\d+)(?=$|\s|[a-z])")
_NEARBY = re.compile(r"^(?:Gliese|Gl)\s+(?=\d)")


@dataclass(frozen=True)
class Entry:
    """A planet in one catalogue.

    Attributes
    ----------
    catalogue, name : str
        As the catalogue writes it.
    host : str
        Its star, or pair of stars; empty where it has none.
    aliases, host_aliases : tuple of str
        Other names of the planet, and of its host, that the catalogue lists.
    period : float, optional
        In days.
    """

    catalogue: str
    name: str
    host: str = ""
    aliases: tuple[str, ...] = ()
    host_aliases: tuple[str, ...] = ()
    period: float | None = None


@dataclass
class Joined:
    """One planet, with its rows in the catalogues.

    Attributes
    ----------
    entries : dict of str to Entry
        By catalogue.
    by : dict of str to str
        What joined each to those before it: ``name``, ``alias``, ``star's alias``, with ``and period`` where the
        period told which of several planets is meant; ``first`` for the first.
    group : str
        The host, as canonical name: one for all names of a star.
    """

    entries: dict[str, Entry]
    by: dict[str, str]
    group: str = ""

    @property
    def name(self) -> str:
        """The name in the first catalogue that has the planet."""
        return next(iter(self.entries.values())).name


@dataclass
class JoinReport:
    """What joining did.

    Attributes
    ----------
    joined, alone : dict of str to int
        Rows of each catalogue that were joined to a planet of a catalogue before it, and that are planets of their own.
    by : dict of (str, str) to int
        Rows of each catalogue by what joined them.
    ambiguous : list of (str, str, str)
        Catalogue and name of each row whose names lead to several planets, and to which; it stays a planet of its own.
    contradicted : list of (str, str, str)
        The same for rows whose listed names lead to one planet, which has another period or has such a row already.
    groups, largest_group : int, str
        Stars, and the one with most names.
    """

    joined: dict[str, int] = field(default_factory=dict)
    alone: dict[str, int] = field(default_factory=dict)
    by: dict[tuple[str, str], int] = field(default_factory=dict)
    ambiguous: list[tuple[str, str, str]] = field(default_factory=list)
    contradicted: list[tuple[str, str, str]] = field(default_factory=list)
    groups: int = 0
    largest_group: str = ""


def spelled(name: str) -> str:
    """A name in the spelling that catalogues share: objects of interest by number, nearby stars as ``GJ``.

    >>> [spelled(name) for name in ("KOI-0001 01", "K00001.01", "KOI-0314 b", "Gliese 667 C c", "Kepler-22 b")]
    ['KOI-1.01', 'KOI-1.01', 'KOI-314 b', 'GJ 667 C c', 'Kepler-22 b']
    """
    name = " ".join(name.split())
    candidate = _KOI.match(name)
    if candidate:
        return f"KOI-{candidate[1]}.{candidate[2]}"
    return _NEARBY.sub("GJ ", _KOI_STAR.sub(r"KOI-\1", name))


def key_of(name: str) -> Key:
    """What a planet's name is compared by."""
    return planet_key(spelled(name))


def keys_of(entry: Entry) -> tuple[set[Key], set[Key], set[Key]]:
    """Keys of a row: of its name, of its other names, and of its star's other names with its letter.

    >>> entry = Entry("c", "K2-112 b", "K2-112", ("TRAPPIST-1 b",), ("2MASS J23062928-0502285",))
    >>> [sorted(keys) for keys in keys_of(entry)]
    [[('k2-112', 'b')], [('trappist1', 'b')], [('2massj23062928-0502285', 'b')]]
    """
    own = key_of(entry.name)
    listed = {key for key in map(key_of, entry.aliases) if key[1]}
    stars = {(canonical(spelled(star)), own[1]) for star in (entry.host, *entry.host_aliases) if star and own[1]}
    return {own}, listed - {own}, stars - listed - {own}


def join(catalogues: Sequence[Sequence[Entry]]) -> tuple[list[Joined], JoinReport]:
    """Join the rows of catalogues, the first one's names first; every row is in exactly one planet.

    Parameters
    ----------
    catalogues : sequence of sequences of Entry
        In the order in which their names are taken.

    Examples
    --------
    >>> planets, report = join([[Entry("a", "Kepler-1 b", "Kepler-1", period=2.47)],
    ...                         [Entry("b", "TrES-2 b", "TrES-2", ("Kepler-1 b",), period=2.4706)]])
    >>> [sorted(planet.entries) for planet in planets], report.by
    ([['a', 'b']], {('b', 'alias'): 1})
    """
    joining = _Joining()
    for entries in catalogues:
        joining.add(entries)
    _group(joining.planets, joining.report)
    return joining.planets, joining.report


class _Joining:
    """Planets so far, and which keys lead to them."""

    def __init__(self) -> None:
        self.planets: list[Joined] = []
        self.report = JoinReport()
        self._named: dict[Key, set[int]] = defaultdict(set)
        self._listed: dict[Key, set[int]] = defaultdict(set)
        self._starred: dict[Key, set[int]] = defaultdict(set)

    def add(self, entries: Sequence[Entry]) -> None:
        """Join a catalogue: those with the same name first, so that no listed name takes their place."""
        found = [self._same_name(entry) for entry in entries]
        taken = {place for place in found if place is not None}
        for number, entry in enumerate(entries):
            place, by = found[number], "name"
            if place is None:
                place, by = self._other_name(entry, taken)
                taken |= {place} if place is not None else set()
            self._put(entry, place, by)

    def _same_name(self, entry: Entry) -> int | None:
        (own,), _, _ = keys_of(entry)
        places = self._named.get(own, set())
        return next(iter(places)) if len(places) == 1 and entry.catalogue not in self._at(places).entries else None

    def _at(self, places: set[int]) -> Joined:
        return self.planets[next(iter(places))]

    def _other_name(self, entry: Entry, taken: set[int]) -> tuple[int | None, str]:
        """The planet that other names lead to, and by what; none where they lead to none, or to several."""
        own, listed, stars = keys_of(entry)
        for by, places in (
            ("alias", self._led(self._named, listed) | self._led(self._listed, own | listed)),
            ("star's alias", self._led(self._named, stars) | self._led(self._starred, own | listed | stars)),
        ):
            if not places:
                continue
            place, why = self._meant(entry, places)
            if place is None:
                self.report.ambiguous.append((entry.catalogue, entry.name, self._names(places)))
                return None, ""
            if self._contradicts(entry, place, taken):
                self.report.contradicted.append((entry.catalogue, entry.name, self.planets[place].name))
                return None, ""
            return place, by + why
        return None, ""

    @staticmethod
    def _led(index: dict[Key, set[int]], keys: Iterable[Key]) -> set[int]:
        return {place for key in keys for place in index.get(key, ())}

    def _meant(self, entry: Entry, places: set[int]) -> tuple[int | None, str]:
        if len(places) == 1:
            return next(iter(places)), ""
        same = [place for place in places if _apart(entry, self.planets[place], 1.0) < SAME_PERIOD]
        return (same[0], " and period") if len(same) == 1 else (None, "")

    def _contradicts(self, entry: Entry, place: int, taken: set[int]) -> bool:
        planet = self.planets[place]
        return place in taken or entry.catalogue in planet.entries or _apart(entry, planet, 0.0) > OTHER_PERIOD

    def _names(self, places: set[int]) -> str:
        return ", ".join(sorted(self.planets[place].name for place in places))

    def _put(self, entry: Entry, place: int | None, by: str) -> None:
        counts = self.report.alone if place is None else self.report.joined
        counts[entry.catalogue] = counts.get(entry.catalogue, 0) + 1
        if place is None:
            place = len(self.planets)
            self.planets.append(Joined({entry.catalogue: entry}, {entry.catalogue: "first"}))
        else:
            self.planets[place].entries[entry.catalogue] = entry
            self.planets[place].by[entry.catalogue] = by
            self.report.by[entry.catalogue, by] = self.report.by.get((entry.catalogue, by), 0) + 1
        own, listed, stars = keys_of(entry)
        for index, keys in ((self._named, own), (self._listed, listed), (self._starred, stars)):
            for key in keys:
                index[key].add(place)


def _apart(entry: Entry, planet: Joined, unknown: float) -> float:
    """By which share the period of a row differs from the nearest of a planet's rows; a value where it is unknown."""
    periods = [other.period for other in planet.entries.values() if other.period]
    if not entry.period or not periods:
        return unknown
    return min(abs(entry.period / period - 1) for period in periods)


def _group(planets: Sequence[Joined], report: JoinReport) -> None:
    """Give each planet its group: planets whose hosts share a name have one."""
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        parents.setdefault(name, name)
        while parents[name] != name:
            parents[name] = parents[parents[name]]
            name = parents[name]
        return name

    for planet in planets:
        names = host_names(planet)
        for name in names[1:]:
            parents[root(name)] = root(names[0])
    called: dict[str, str] = {}
    sizes: dict[str, int] = defaultdict(int)
    for planet in planets:
        first = host_names(planet)[0]
        planet.group = called.setdefault(root(first), first)
    for name in list(parents):
        sizes[root(name)] += 1
    report.groups = len(called)
    report.largest_group = called[max(called, key=lambda name: sizes[name])] if called else ""


def host_names(planet: Joined) -> list[str]:
    """Canonical names of a planet's host in all catalogues; of a planet without one, its own."""
    names = [
        canonical(spelled(name))
        for entry in planet.entries.values()
        for name in (entry.host, *entry.host_aliases)
        if name
    ]
    return list(dict.fromkeys(names)) or [canonical(planet.name)]
