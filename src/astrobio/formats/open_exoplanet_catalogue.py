"""The Open Exoplanet Catalogue: a packed repository with one XML file for each planetary system.

A system holds stars, pairs of stars (``binary``, one within another), and planets, each of which belongs to a star, to
a pair that it goes around, or to the system alone where it goes around nothing. A value stands in its element, with
its uncertainties and limits as attributes: ``<mass errorminus="0.1" errorplus="0.1">1.0</mass>``,
``<mass upperlimit="1.0" />``. Units are told by a table in the repository's README (sections "Data Structure" and
"Errors"); attributes by its ``oec.xsd``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from astrobio.core.errors import FormatError
from astrobio.formats.delimited import Table
from astrobio.formats.packed import Limits, unpack
from astrobio.formats.xml import parse_xml

LIMITS = Limits(members=40_000, member_bytes=16 << 20, total_bytes=512 << 20, ratio=100.0, depth=8)
"""Measured: 7,044 files, the largest of 110,496 bytes, 12.5 MB in all, 10 bytes of tar for each packed one."""
MOST_SYSTEM_BYTES = 1 << 20
"""Measured: the largest system has 14,827 bytes."""
SYSTEM = re.compile(r"(?:[^/]+/)?(?P<collection>systems|systems_kepler)/(?P<file>[^/]+\.xml)")
"""Where systems lie: confirmed planets, and Kepler's objects of interest, below the folder of the repository."""
PLANET = ("mass", "radius", "period", "semimajoraxis", "eccentricity", "inclination", "periastron", "longitude",
          "ascendingnode", "meananomaly", "impactparameter", "temperature", "age", "spinorbitalignment")  # fmt: skip
STAR = ("mass", "radius", "temperature", "age", "metallicity", "magV", "magJ", "magH", "magK")
"""Quantities of planets and of stars that are read into columns."""
ATTRIBUTES = ("errorminus", "errorplus", "lowerlimit", "upperlimit")
_NUMBERS = frozenset((*PLANET, *STAR, "metallicity", "distance", "separation", "positionangle", "transittime",
                      "periastrontime", "maximumrvtime", "magB", "magI", "magR", "magU", "tilt"))  # fmt: skip
_WORDS = frozenset(("name", "list", "description", "discoverymethod", "discoveryyear", "istransiting", "lastupdate",
                    "new", "image", "imagedescription", "spectraltype", "rightascension", "declination", "epoch",
                    "constellation", "videolink"))  # fmt: skip
_BODIES = frozenset(("system", "binary", "star", "planet", "satellite", "asteroid"))
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", re.ASCII)
_UNIT_ROW = re.compile(r"\|[ \t]*`[ \t]*(\w+)[ \t]*`[ \t]*\|([^|\n]*)\|([^|\n]*)\|([^|\n]*)")
_UNIT_OF = re.compile(r"([^,(]+)\(`(\w+)`\)")


@dataclass(frozen=True)
class Catalogue:
    """The catalogue.

    Attributes
    ----------
    table : Table
        One row a planet. Names of one thing are parted by line ends. Columns: ``collection`` and ``file`` where it
        stands, ``system``, ``name``, ``aliases``, ``host``, ``host_aliases``, ``orbits`` (``star``, ``binary`` or
        ``system``), ``lists``, ``mass_type`` (``msini`` or none), what is told of the planet, of its star (with
        ``star_`` before it), and of its system; each quantity with the attributes of its element.
    systems : int
        Files of systems.
    statistics : dict of str to int
        What the repository counts itself: ``files``, ``confirmedPlanets``.
    wrong : tuple of str
        Numbers that are none, and where.
    unknown : tuple of str
        Elements that are not known here.
    """

    table: Table
    systems: int
    statistics: dict[str, int]
    wrong: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def columns() -> list[str]:
    """Columns of the table.

    >>> columns()[:4]
    ['collection', 'file', 'system', 'name']
    """
    return [
        *("collection", "file", "system", "name", "aliases", "host", "host_aliases", "orbits", "lists", "mass_type"),
        *("discoverymethod", "discoveryyear", "lastupdate", "istransiting", "description"),
        *(name + suffix for name in PLANET for suffix in ("", *(f"_{one}" for one in ATTRIBUTES))),
        "star_spectraltype",
        *(f"star_{name}{suffix}" for name in STAR for suffix in ("", *(f"_{one}" for one in ATTRIBUTES))),
        *("rightascension", "declination"),
        *(f"distance{suffix}" for suffix in ("", *(f"_{one}" for one in ATTRIBUTES))),
    ]


def read_catalogue(content: bytes) -> Catalogue:
    """Read the packed repository whole.

    Parameters
    ----------
    content : bytes
        A tar, packed by gzip or not, or a zip.

    Raises
    ------
    FormatError
        If it cannot be unpacked within :data:`LIMITS`, holds no systems, or a system is no XML from end to end.
    """
    files = unpack(content, LIMITS)
    rows: list[dict[str, str | None]] = []
    wrong: list[str] = []
    unknown: set[str] = set()
    systems = 0
    for path, data in files.items():
        place = SYSTEM.fullmatch(path)
        if place is None:
            continue
        systems += 1
        root = _root(path, data)
        wrong += [f"{place['file']}: {what}" for what in _wrong_numbers(root)]
        unknown |= {element.tag for element in _elements(root)} - _NUMBERS - _WORDS - _BODIES
        for planet in root.iter("planet"):
            rows.append({"collection": place["collection"], "file": place["file"], **_row(root, planet)})
    if not systems:
        raise FormatError("there are no files of systems in it")
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns(), pl.String))
    table = Table(frame, units=_column_units(_one(files, "README.md")))
    return Catalogue(table, systems, _statistics(_one(files, "statistics.json")), tuple(wrong), tuple(sorted(unknown)))


def _root(path: str, data: bytes) -> Any:
    try:
        root = parse_xml(data, MOST_SYSTEM_BYTES, most_depth=32)
    except FormatError as error:
        raise FormatError(f"{path}: {error.message}") from error
    if root.tag != "system":
        raise FormatError(f"{path}: the root is {str(root.tag)[:40]!r}, and not 'system'")
    return root


def _one(files: dict[str, bytes], name: str) -> bytes | None:
    """The file of a name in the repository's own folder."""
    found = [
        data for path, data in files.items() if path == name or (path.endswith(f"/{name}") and path.count("/") == 1)
    ]
    return found[0] if found else None


def _elements(root: Any) -> Iterator[Any]:
    return (element for element in root.iter() if isinstance(element.tag, str))


def _wrong_numbers(root: Any) -> Iterator[str]:
    for element in _elements(root):
        if element.tag in _NUMBERS:
            for text in (_text(element), *(element.get(name) for name in ATTRIBUTES)):
                if text and not _NUMBER.fullmatch(text):
                    yield f"{element.tag} is {text[:40]!r}"


def _row(root: Any, planet: Any) -> dict[str, str | None]:
    names, host = _names(planet), planet.getparent()
    hosts = _names(host) if host.tag in ("star", "binary") else []
    star = host if host.tag == "star" else None
    row: dict[str, str | None] = {
        "system": next(iter(_names(root)), None),
        "name": next(iter(names), None),
        "aliases": "\n".join(names[1:]) or None,
        "host": next(iter(hosts), None),
        "host_aliases": "\n".join(hosts[1:]) or None,
        "orbits": host.tag,
        "lists": "\n".join(_text(element) for element in planet.findall("list")) or None,
        "mass_type": next((element.get("type") for element in planet.findall("mass")), None),
    }
    for name in ("discoverymethod", "discoveryyear", "lastupdate", "istransiting", "description"):
        row[name] = _text(planet.find(name)) or None
    for name in ("rightascension", "declination"):
        row[name] = _text(root.find(name)) or None
    row["star_spectraltype"] = _text(star.find("spectraltype")) or None if star is not None else None
    for name in PLANET:
        row |= _value(name, planet.find(name))
    for name in STAR:
        row |= _value(f"star_{name}", star.find(name) if star is not None else None)
    return row | _value("distance", root.find("distance"))


def _value(name: str, element: Any) -> dict[str, str | None]:
    if element is None:
        return {}
    return {name: _text(element) or None} | {f"{name}_{one}": element.get(one) or None for one in ATTRIBUTES}


def _names(element: Any) -> list[str]:
    return [name for name in (_text(one) for one in element.findall("name")) if name]


def _text(element: Any) -> str:
    """The text of an element in one line; nothing of an element that is not there."""
    return " ".join((element.text or "").split()) if element is not None else ""


def units_of(readme: str) -> dict[tuple[str, str], str]:
    """Units that the README's table gives, by element and by what it belongs to.

    >>> row = "| `mass` | `planet`, `star` |Mass | Jupiter masses (`planet`), Solar masses (`star`)  |"
    >>> units_of(row)
    {('mass', 'planet'): 'Jupiter masses', ('mass', 'star'): 'Solar masses'}
    """
    found = {}
    for tag, parents, _, unit in _UNIT_ROW.findall(readme):
        each = {parent: one.strip() for one, parent in _UNIT_OF.findall(unit)}
        for parent in re.findall(r"`(\w+)`", parents):
            said = each.get(parent) if each else unit.strip()
            if said:
                found[tag, parent] = said
    return found


def _column_units(readme: bytes | None) -> dict[str, str] | None:
    """Unit of each column with a number; none where no README tells it."""
    if readme is None:
        return None
    units = units_of(readme.decode("utf-8", "replace"))
    places = [(name, "planet", "") for name in PLANET] + [(name, "star", "star_") for name in STAR]
    places.append(("distance", "system", ""))
    return {
        prefix + name + suffix: units[name, parent]
        for name, parent, prefix in places
        if (name, parent) in units
        for suffix in ("", *(f"_{one}" for one in ATTRIBUTES))
    }


def _statistics(content: bytes | None) -> dict[str, int]:
    try:
        found = json.loads(content or b"{}")
    except (ValueError, RecursionError) as error:
        raise FormatError(f"statistics.json is no JSON: {str(error)[:100]}") from error
    if not isinstance(found, dict):
        raise FormatError("statistics.json holds no counts")
    return {name: found[name] for name in ("files", "confirmedPlanets") if isinstance(found.get(name), int)}
