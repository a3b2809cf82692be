"""KGML: a pathway map of KEGG as XML.

By the manual of KGML and its DTD, version 0.7.2 (https://www.kegg.jp/kegg/xml/docs/): a ``pathway`` has ``entry``
elements, which are the boxes and circles of the map, ``relation`` elements between boxes, and ``reaction`` elements
between circles. A reaction's ``id`` is that of the entry whose enzyme catalyses it, its ``name`` the reactions of KEGG
that it stands for. Coefficients are not told, nor what takes part beside the compounds that are drawn. A circle may
stand for several compounds, any of which takes part: it has all their names, and so has the substrate or product.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from astrobio.core.errors import FormatError
from astrobio.core.network import Compound, MetabolicNetwork, Participant, Reaction
from astrobio.formats.network_file import NetworkFile
from astrobio.formats.xml import parse_xml
from astrobio.formats.xml_layout import Element, strange_parts

MOST_BYTES = 64 << 20
MOST_ENTRIES = 100_000
"""The map of all metabolism, ko01100, had 3,600 in 2012."""
MOST_DEPTH = 8
DOCTYPES = tuple(
    f"{scheme}://www.{host}/kegg/xml/KGML_v0.7.{version}_.dtd"
    for scheme in ("http", "https")
    for host in ("kegg.jp", "genome.jp")
    for version in (1, 2)
)
ENTRY_TYPES = ("ortholog", "enzyme", "reaction", "gene", "group", "compound", "map", "brite", "other")
RELATION_TYPES = ("ECrel", "PPrel", "GErel", "PCrel", "maplink")
COMPOUND = re.compile(r"(?:cpd:C|gl:G|dr:D)[0-9]{5}")
ORTHOLOG = re.compile(r"ko:K[0-9]{5}")
REACTION = re.compile(r"rn:R[0-9]{5}")
_NUMBER = re.compile(r"[0-9]{1,9}")
LAYOUT = {
    name: Element(frozenset(within))
    for name, within in (
        ("pathway", ("entry", "relation", "reaction")), ("entry", ("graphics", "component")),
        ("relation", ("subtype",)), ("reaction", ("substrate", "product")), ("substrate", ("alt",)),
        ("product", ("alt",)), ("graphics", ()), ("component", ()), ("subtype", ()), ("alt", ()),
    )
}  # fmt: skip
"""Elements, and those that stand in them, as the DTD has it."""


@dataclass(frozen=True)
class Entry:
    """A box or circle of a map: its identifiers in KEGG, and its type."""

    names: tuple[str, ...]
    type: str


@dataclass
class Pathway(NetworkFile):
    """A map.

    Attributes
    ----------
    network : MetabolicNetwork
        Its compounds and reactions, without coefficients; a reaction for each element, named after the reactions of
        KEGG that it stands for.
    name, organism, number, title : str
        As ``path:ko00010``, ``ko``, ``00010``, ``Glycolysis / Gluconeogenesis``.
    entries : dict of str to Entry
    relations : tuple of (str, str, str)
        Two entries, and the type of what is between them.
    """

    name: str = ""
    organism: str = ""
    number: str = ""
    title: str = ""
    entries: dict[str, Entry] | None = None
    relations: tuple[tuple[str, str, str], ...] = ()


def read_kgml(content: bytes) -> Pathway:
    """Read a map.

    Raises
    ------
    FormatError
        If it is no XML within the limits, or its root element is no pathway.

    >>> found = read_kgml(b'<pathway name="path:ko00010" org="ko" number="00010"><entry id="1" name="cpd:C00002" '
    ...                   b'type="compound"/></pathway>')
    >>> found.name, found.problems
    ('path:ko00010', [])
    """
    root = parse_xml(content, MOST_BYTES, MOST_DEPTH, DOCTYPES)
    if root.tag != "pathway":
        raise FormatError(f"the root element is {str(root.tag)[:80]}, and pathway is expected")
    if len(root) > MOST_ENTRIES:
        raise FormatError(f"it has {len(root)} elements; at most {MOST_ENTRIES} are read")
    problems = [("types", f"there is {what}") for what in strange_parts(root, LAYOUT)]
    entries = _entries(root, problems)
    relations = _relations(root, entries, problems)
    network = _network(root, entries, problems)
    if not entries:
        problems.append(("contents", "there are no entries"))
    name, organism, number = (root.get(key) or "" for key in ("name", "org", "number"))
    if name != f"path:{organism}{number}" or not re.fullmatch(r"[a-z]{2,10}", organism):
        problems.append(("identifiers", f"pathway {name[:80]!r} of {organism[:80]!r}, number {number[:80]!r}"))
    return Pathway(network, problems, name, organism, number, root.get("title") or "", entries, relations)


def _entries(root: Any, problems: list[tuple[str, str]]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for one in root.iterfind("entry"):
        identifier, kind = one.get("id") or "", one.get("type") or ""
        if not _NUMBER.fullmatch(identifier):
            problems.append(("identifiers", f"an entry has the identifier {identifier[:80]!r}"))
        elif identifier in found:
            problems.append(("identifiers", f"entry {identifier} comes more than once"))
        elif not one.get("name"):
            problems.append(("identifiers", f"entry {identifier} has no name"))
        elif kind not in ENTRY_TYPES:
            problems.append(("types", f"entry {identifier} is of type {kind[:80]!r}"))
        else:
            found[identifier] = Entry(tuple((one.get("name") or "").split()), kind)
    for one in root.iterfind("entry/component"):
        if one.get("id") not in found:
            problems.append(("references", f"a group has component {str(one.get('id'))[:80]!r}, which is not there"))
    return found


def _relations(
    root: Any, entries: dict[str, Entry], problems: list[tuple[str, str]]
) -> tuple[tuple[str, str, str], ...]:
    found = []
    for one in root.iterfind("relation"):
        first, second, kind = (one.get(key) or "" for key in ("entry1", "entry2", "type"))
        lacking = [place for place in (first, second) if place not in entries]
        if lacking:
            problems.append(("references", f"a relation has entry {lacking[0][:80]!r}, which is not there"))
        elif kind not in RELATION_TYPES:
            problems.append(("types", f"a relation is of type {kind[:80]!r}"))
        else:
            found.append((first, second, kind))
    return tuple(found)


def _network(root: Any, entries: dict[str, Entry], problems: list[tuple[str, str]]) -> MetabolicNetwork:
    names = [name for entry in entries.values() if entry.type == "compound" for name in entry.names]
    number = {name: place for place, name in enumerate(dict.fromkeys(names))}
    seen: set[str] = set()
    reactions = []
    for one in root.iterfind("reaction"):
        identifier, kind = one.get("id") or "", one.get("type") or ""
        if identifier in seen:
            problems.append(("identifiers", f"reaction {identifier[:80]} comes more than once"))
            continue
        seen.add(identifier)
        if not one.get("name"):
            problems.append(("identifiers", f"reaction {identifier[:80]} has no name"))
        if identifier not in entries:
            problems.append(("references", f"reaction {identifier[:80]!r} is of an entry that is not there"))
        if kind not in ("reversible", "irreversible"):
            problems.append(("types", f"reaction {identifier[:80]} is of type {kind[:80]!r}"))
        parts = _participants(one, identifier, entries, number, problems)
        reactions.append((Reaction(identifier, one.get("name") or "", kind == "reversible"), parts))
    return MetabolicNetwork.of(root.get("name") or "", "kgml", [Compound(name) for name in number], reactions)


def _participants(
    reaction: Any, identifier: str, entries: dict[str, Entry], number: dict[str, int], problems: list[tuple[str, str]]
) -> list[Participant]:
    found = []
    for tag, side in (("substrate", -1), ("product", 1)):
        for one in reaction.iterfind(tag):
            place, written = one.get("id") or "", one.get("name") or ""
            names = dict.fromkeys(written.split())
            there = entries[place].names if place in entries else ()
            if not names or any(name not in there or name not in number for name in names):
                problems.append(("references", f"reaction {identifier[:80]} has {tag} {written[:80]!r} of entry "
                                               f"{place[:80]!r}, which is not there"))  # fmt: skip
            else:
                found += [Participant(number[name], side, None) for name in names]
    return found
