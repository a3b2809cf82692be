"""XML from others: no document type, no entities, nothing fetched, and no more than is reasonable.

lxml reads it. Entities are the way in which a small file becomes a large one, or takes in another file of the machine
(https://lxml.de/FAQ.html, "Is lxml vulnerable to XML bombs?"). They are declared in a document type, which stands
before the root element: a file that has one is an error before a parser sees it. Formats whose files name a document
type by an address, as KEGG's do, are read where the address is given as known; it is never fetched.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from astrobio.core.errors import FormatError

MOST_BYTES = 256 << 20
MOST_DEPTH = 100
"""Elements within elements; lxml itself stops at 256."""
_ENCODINGS = ("utf-8", "us-ascii", "ascii", "iso-8859-1", "latin-1")
_ENCODING = re.compile(rb"""^<\?xml[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_DOCTYPE = re.compile(
    rb"""<!DOCTYPE\s+[\w.:-]{1,100}\s+(?:SYSTEM|PUBLIC\s+["'][^"'<>\[\]]{0,200}["'])\s+["']([^"'<>\[\]]{1,500})["']\s*>"""
)


def parse_xml(
    content: bytes, most_bytes: int = MOST_BYTES, most_depth: int = MOST_DEPTH, doctypes: Sequence[str] = ()
) -> Any:
    """The root element of an XML file, as one of lxml.

    Parameters
    ----------
    content : bytes
        In UTF-8, ASCII or ISO 8859-1.
    most_bytes : int
    most_depth : int
        Elements within elements.
    doctypes : sequence of str
        Addresses of document types that a file may name; one with declarations of its own is an error still.

    Raises
    ------
    FormatError
        If it is no XML, has a document type or entities, is larger than the limit, or is nested too deeply.

    >>> parse_xml(b"<a><b/></a>")[0].tag
    'b'
    >>> parse_xml(b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>')
    Traceback (most recent call last):
    ...
    astrobio.core.errors.FormatError: it declares entities, which are not read
    """
    from lxml import etree

    if not content:
        raise FormatError("the file is empty")
    if len(content) > most_bytes:
        raise FormatError(f"it has {len(content)} bytes; at most {most_bytes} are read")
    content = content.removeprefix(b"\xef\xbb\xbf")
    _check_encoding(content)
    _check_doctype(content, doctypes)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False,
                             attribute_defaults=False, huge_tree=False, recover=False)  # fmt: skip
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise FormatError(f"it is no XML: {' '.join(str(error).split())[:200]}") from error
    if next(root.iter(etree.Entity), None) is not None:
        raise FormatError("it uses entities, which are not read")
    _check_depth(root, most_depth)
    return root


def _check_encoding(content: bytes) -> None:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in content[:4]:
        raise FormatError("it is not in UTF-8, nor in ISO 8859-1")
    declared = _ENCODING.match(content)
    if declared and declared[1].decode("ascii").lower() not in _ENCODINGS:
        raise FormatError(f"it is in {declared[1].decode('ascii')}; UTF-8 and ISO 8859-1 are read")


def _check_doctype(content: bytes, known: Sequence[str]) -> None:
    """An error for a document type that is not known; it can stand only before the root element (XML 1.0, rule 22)."""
    place = _after_comments(content)
    if not content.startswith(b"<!", place):
        return
    named = _DOCTYPE.match(content, place)
    if named and named[1].decode("utf-8", "replace") in known:
        return
    if content.find(b"<!ENTITY", place) >= 0:
        raise FormatError("it declares entities, which are not read")
    raise FormatError("it has a document type, which is not read")


def _after_comments(content: bytes) -> int:
    """Where the first thing begins that is no space, comment or instruction."""
    place = 0
    while True:
        place += len(content[place : place + 4096]) - len(content[place : place + 4096].lstrip())
        for begin, end in ((b"<?", b"?>"), (b"<!--", b"-->")):
            if content.startswith(begin, place):
                close = content.find(end, place + len(begin))
                if close < 0:
                    return len(content)
                place = close + len(end)
                break
        else:
            if not content[place : place + 1].isspace():
                return place


def _check_depth(root: Any, most: int) -> None:
    """Walk down and up again, one step for each element's beginning and end."""
    depth, element = 1, root
    while element is not None:
        if depth > most:
            raise FormatError(f"it is nested more than {most} elements deep")
        below = element[0] if len(element) else None
        while below is None and element is not None and element is not root:
            below, depth = element.getnext(), depth - 1
            if below is None:
                element = element.getparent()
        if below is None:
            return
        depth, element = depth + 1, below
