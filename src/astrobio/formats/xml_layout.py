"""What an XML file has that its format has not: elements, attributes and text that a reader would pass over.

A single wrong byte can turn ``<speciesReference/>`` into an element of another name, or into text. The file is XML
still, and whoever asks for the elements that are known reads one participant less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Element:
    """What an element may hold.

    Attributes
    ----------
    within : frozenset of str
        Elements, by their names with namespace. In those that the layout does not describe anything may stand but the
        elements that it does describe.
    attributes : frozenset of str, optional
        By their names with namespace; any unless given.
    once : bool
        Whether no element may stand in it twice: a reader that asks for the first would pass over the second.
    """

    within: frozenset[str] = frozenset()
    attributes: frozenset[str] | None = None
    once: bool = False


Layout = Mapping[str, Element]
"""Elements by their names with namespace."""


def strange_parts(root: Any, layout: Layout, namespaces: tuple[str, ...] = ("",)) -> Iterator[str]:
    """Whatever the layout does not have, in the order of the file.

    Parameters
    ----------
    root : lxml element
        The layout must describe it.
    layout : Layout
    namespaces : tuple of str
        Those of the format; what is of another one belongs to someone else, and may be anywhere.

    >>> from lxml import etree
    >>> layout = {"list": Element(frozenset({"item"})), "item": Element(attributes=frozenset({"id"}))}
    >>> list(strange_parts(etree.fromstring('<list><item id="1"/><itex id="2"/>=item id="3"/></list>'), layout))
    ['text \\'=item id="3"/>\\' in list', "element 'itex' in list"]
    """
    waiting = [root]
    while waiting:
        element: Any = waiting.pop()
        known = layout[element.tag]
        place = _local(element.tag)
        if known.attributes is not None:
            for name in element.attrib:
                if name not in known.attributes and _namespace(name) in namespaces:
                    yield f"attribute {_local(name)[:80]!r} of {place}"
        if element.text and not element.text.isspace():
            yield f"text {element.text.strip()[:80]!r} in {place}"
        inside: list[Any] = []
        seen: set[str] = set()
        for child in element:
            if child.tail and not child.tail.isspace():
                yield f"text {child.tail.strip()[:80]!r} in {place}"
            if not isinstance(child.tag, str):
                continue
            if child.tag in known.within:
                if known.once and child.tag in seen:
                    yield f"a second element {_local(child.tag)[:80]!r} in {place}"
                seen.add(child.tag)
            elif _namespace(child.tag) in namespaces:
                yield f"element {_local(child.tag)[:80]!r} in {place}"
                continue
            if child.tag in known.within and child.tag in layout:
                inside.append(child)
            else:
                for below in child.iter(*layout):
                    yield f"element {_local(below.tag)[:80]!r} in {_local(below.getparent().tag)[:80]}"
        waiting += reversed(inside)


def _namespace(name: str) -> str:
    return name[1:].partition("}")[0] if name.startswith("{") else ""


def _local(name: str) -> str:
    return name.rpartition("}")[2]
