"""By which names a planet of a catalogue, and its star, are found in another catalogue.

Catalogues name a planet by its star and a letter, and list other names of both; spellings differ more than
:mod:`astrobio.core.names` evens out. What is compared are keys: a star's canonical name, and a letter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from astrobio.core.names import canonical, planet_key
from astrobio.datasets.planet_catalogues.constellations import abbreviated

Key = tuple[str, str]
_KOI = re.compile(r"^(?:KOI-?\s?|K)0*(\d+)(?:\.|\s)(\d\d)$")
_KOI_STAR = re.compile(r"^KOI-?\s?0*(\d+)(?=$|\s|[a-z])")
_NEARBY = re.compile(r"^(?:Gliese|Gl)\s+(?=\d)")
_EVENT = re.compile(r"^(OGLE|MOA|KMT)[\s-]+(\d{4})[\s:/-]*(?:BLG)?[\s:-]*0*(\d+)L?(?=\s|$)")
_MANY = 1 << 17


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
    place : (float, float), optional
        Right ascension and declination, in degrees.
    """

    catalogue: str
    name: str
    host: str = ""
    aliases: tuple[str, ...] = ()
    host_aliases: tuple[str, ...] = ()
    period: float | None = None
    place: tuple[float, float] | None = None


@lru_cache(_MANY)
def spelled(name: str) -> str:
    """A name in the spelling that catalogues share: Kepler's objects of interest by number, nearby stars as ``GJ``,
    constellations abbreviated, the lens of a microlensing event named as the event.

    >>> [spelled(name) for name in ("KOI-0001 01", "K00001.01", "KOI-0314 b", "Gliese 667 C c", "55 Cancri e")]
    ['KOI-1.01', 'KOI-1.01', 'KOI-314 b', 'GJ 667 C c', '55 Cnc e']
    >>> [spelled(name) for name in ("OGLE-2016-BLG-0596L b", "MOA 2009-BLG-411L b", "OGLE-2005-071L b")]
    ['OGLE-2016-BLG-596 b', 'MOA-2009-BLG-411 b', 'OGLE-2005-BLG-71 b']
    """
    name = " ".join(name.split())
    candidate = _KOI.match(name)
    if candidate:
        return f"KOI-{candidate[1]}.{candidate[2]}"
    name = _EVENT.sub(r"\1-\2-BLG-\3", _NEARBY.sub("GJ ", _KOI_STAR.sub(r"KOI-\1", name)))
    return abbreviated(name)


@lru_cache(_MANY)
def key_of(name: str) -> Key:
    """What a planet's name is compared by: the star, and the letter or number; no letter where it is a star's name.

    >>> key_of("Gliese 667 C c"), key_of("55 Cancri")
    (('gj667c', 'c'), ('55cnc', ''))
    """
    return planet_key(spelled(name))


@lru_cache(_MANY)
def star_of(name: str) -> str:
    """What a star's name is compared by, and grouped by.

    >>> star_of("55 Cancri"), star_of("KOI-0314")
    ('55cnc', 'koi314')
    """
    return canonical(spelled(name))


def each_of(name: str) -> list[str]:
    """The names of a planet that several surveys saw.

    >>> each_of("OGLE-2018-BLG-1126/KMT-2018-BLG-2064 b"), each_of("WASP-39 b")
    (['OGLE-2018-BLG-1126 b', 'KMT-2018-BLG-2064 b'], ['WASP-39 b'])
    """
    stars, _, letter = name.rpartition(" ")
    return [f"{star} {letter}" for star in stars.split("/")] if "/" in stars and len(letter) == 1 else [name]


@dataclass(frozen=True, eq=False)
class Named:
    """An entry with what it is compared by.

    Attributes
    ----------
    entry : Entry
    own : (str, str)
        The key of its name.
    listed : frozenset of (str, str)
        Those of its other names that have a letter; without one it is a star's.
    starred : frozenset of (str, str)
        Those of its star's names with its letter.
    stars : tuple of str
        Names of its star, what is left of its own names without their letters among them.
    """

    entry: Entry
    own: Key
    listed: frozenset[Key]
    starred: frozenset[Key]
    stars: tuple[str, ...]

    @classmethod
    def of(cls, entry: Entry) -> Named:
        """What an entry is compared by.

        >>> found = Named.of(Entry("c", "K2-112 b", "K2-112", ("TRAPPIST-1 b",), ("2MASS J23062928-0502285",)))
        >>> found.own, sorted(found.listed), sorted(found.starred)
        (('k2-112', 'b'), [('trappist1', 'b')], [('2massj23062928-0502285', 'b')])
        >>> found.stars
        ('k2-112', '2massj23062928-0502285', 'trappist1')
        """
        name, *more = each_of(entry.name)
        own = key_of(name)
        others = [key_of(alias) for alias in (*more, *entry.aliases)]
        listed = frozenset(key for key in others if key[1]) - {own}
        hosts = [star_of(star) for star in (entry.host, *entry.host_aliases) if star]
        starred = frozenset((star, own[1]) for star in hosts if own[1]) - listed - {own}
        called = [key[0] for key in (own, *others) if key[0]]
        return cls(entry, own, listed, starred, tuple(dict.fromkeys([*hosts, *called])))

    def order(self) -> tuple[object, ...]:
        """What entries are sorted by, so that it does not matter how their catalogue sorts them."""
        entry = self.entry
        return (self.own, entry.name, entry.host, entry.period or 0.0, entry.aliases, entry.host_aliases,
                entry.place or ())  # fmt: skip
