"""Documents in which services say what they have: XML, JSON, text. They come from outside, and are read as such."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from lxml import etree

from astrobio.core.errors import RefusedInput

LARGEST = 256 << 20
"""Bytes of a list; the longest that is known here, NCBI's directory pages apart, is a few MB."""


def xml_answer(path: Path, root: str) -> etree._Element:
    """The root of an XML document; its entities are not expanded, and nothing that it names is loaded.

    Raises
    ------
    RefusedInput
        If it is no XML, or its root is not ``root``.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        element = etree.fromstring(path.read_bytes(), parser)
    except etree.XMLSyntaxError as error:
        raise RefusedInput(f"the answer is no XML: {error}; it begins {head(path)!r}") from error
    if element.getroottree().docinfo.internalDTD is not None:
        raise RefusedInput("the answer declares a document type; nothing here has one")
    if local(element) != root:
        raise RefusedInput(f"the answer is a document {local(element)!r}, not {root!r}: {head(path)!r}")
    return element


def local(element: etree._Element) -> str:
    """The name of an element without its namespace; empty for comments and instructions."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def child_text(element: etree._Element, name: str) -> str:
    """The text of the first child of a name, in any namespace; empty where there is none."""
    for child in element:
        if local(child) == name:
            return (child.text or "").strip()
    return ""


def json_answer(path: Path) -> Any:
    """A JSON document.

    Raises
    ------
    RefusedInput
        If it is none.
    """
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise RefusedInput(f"the answer is no JSON ({error}); it begins {head(path)!r}") from error


def named_address(base: str, written: str) -> SplitResult:
    """An address that an answer names, relative to its own.

    Raises
    ------
    RefusedInput
        If it is none.

    >>> named_address("https://a.org/spectra/", "b.tbl").geturl()
    'https://a.org/spectra/b.tbl'
    """
    try:
        return urlsplit(urljoin(base, written))
    except ValueError as error:
        raise RefusedInput(f"the answer names {written[:80]!r}, which is no address: {error}") from error


def at(document: Any, place: str) -> Any:
    """What a JSON document has at a place, as ``response.docs``; none where it has nothing there.

    >>> at({"response": {"numFound": 3}}, "response.numFound")
    3
    """
    for name in place.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document


def text_answer(path: Path) -> str:
    """A text in UTF-8.

    Raises
    ------
    RefusedInput
        If it is none.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedInput(f"the answer is no text in UTF-8: {error.reason} at byte {error.start}") from error


def head(path: Path, length: int = 120) -> str:
    """The beginning of a file, for a message."""
    with open(path, "rb") as stream:
        return re.sub(r"\s+", " ", stream.read(length).decode("utf-8", "replace")).strip()


def found_once(pattern: str, text: str, most: int, what: str) -> list[str]:
    """What the first group of a regular expression finds, each once, in the order of the text.

    Raises
    ------
    RefusedInput
        If it finds nothing, or more than ``most``.

    >>> found_once(r"(?m)^(ko\\d+)", "ko00010 Glycolysis\\nko00020 TCA\\n", 500, "the list")
    ['ko00010', 'ko00020']
    """
    found = list(dict.fromkeys(match[1] for match in re.finditer(pattern, text)))
    if not found:
        raise RefusedInput(f"{what} names nothing of the form {pattern}")
    if len(found) > most:
        raise RefusedInput(f"{what} names {len(found)} files; at most {most} are expected")
    return found
