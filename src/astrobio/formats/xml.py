"""XML from others: no entities, no document type of its own, nothing fetched, and no more than is reasonable.

lxml reads it. Entities are the way in which a small file becomes a large one, or takes in another file of the machine
(https://lxml.de/FAQ.html, "Is lxml vulnerable to XML bombs?"): a file that declares any is an error.
"""

from __future__ import annotations

from typing import Any

from astrobio.core.errors import FormatError

MOST_BYTES = 256 << 20


def parse_xml(content: bytes, most_bytes: int = MOST_BYTES) -> Any:
    """The root element of an XML file, as one of lxml.

    Raises
    ------
    FormatError
        If it is no XML, declares entities, is larger than the limit, or is nested too deeply.

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
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False,
                             attribute_defaults=False, huge_tree=False, recover=False)  # fmt: skip
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        if b"<!ENTITY" in content:
            raise FormatError("it declares entities, which are not read") from error
        raise FormatError(f"it is no XML: {' '.join(str(error).split())[:200]}") from error
    declared = root.getroottree().docinfo.internalDTD
    if declared is not None and next(iter(declared.iterentities()), None) is not None:
        raise FormatError("it declares entities, which are not read")
    return root
