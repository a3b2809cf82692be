"""Objects of public buckets by HTTPS (Amazon S3 API reference, ListObjectsV2); nothing is signed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote, urlencode

from lxml import etree

from astrobio.archives.asking import PublicObjects
from astrobio.core.errors import RefusedInput
from astrobio.fetch.answers import LARGEST, child_text, head, local, xml_answer
from astrobio.fetch.bringing import Bringing, Brought, Incomplete


def bring_public_objects(ask: PublicObjects, bringing: Bringing) -> Iterator[Brought]:
    """Fetch the objects whose keys match and that are not held.

    Raises
    ------
    TransferFailed
        If the list or, after the others have been brought, an object is not to be had.
    RefusedInput
        If the list names no object, too many, or what cannot be one.
    Incomplete
        If the list goes in a circle, or a page of it holds another number of keys than it says.
    """
    objects: dict[str, tuple[str, int]] = {}
    for key, size in _listed(ask, bringing):
        if not re.fullmatch(ask.pattern, key):
            continue
        name = key.rpartition("/")[2]
        if objects.setdefault(name, (key, size)) != (key, size):
            raise RefusedInput(f"{ask.bucket} has two objects {name} below {ask.prefix}")
        if len(objects) > ask.most:
            raise RefusedInput(f"{ask.bucket} has more than {ask.most} objects below {ask.prefix}")
    if not objects:
        raise RefusedInput(f"{ask.bucket} has no object below {ask.prefix} of the form {ask.pattern}")
    yield from bringing.bring(
        (name, bringing.request(f"{ask.bucket}/{quote(key)}", name, content_types=ask.content_types,
                                signatures=ask.signatures, length=size))
        for name, (key, size) in objects.items()
    )  # fmt: skip


def list_url(ask: PublicObjects, token: str = "") -> str:
    """The address of a page of the list.

    >>> list_url(PublicObjects("https://stpubdata.s3.amazonaws.com", "jwst/public/jw01366/"))
    'https://stpubdata.s3.amazonaws.com/?list-type=2&prefix=jwst%2Fpublic%2Fjw01366%2F'
    """
    values = {"list-type": "2", "prefix": ask.prefix} | ({"continuation-token": token} if token else {})
    return f"{ask.bucket}/?{urlencode(values)}"


def _listed(ask: PublicObjects, bringing: Bringing) -> Iterator[tuple[str, int]]:
    """Keys and sizes, page by page."""
    token, seen = "", {""}
    while True:
        answer = bringing.document(list_url(ask, token), "list.xml", max_bytes=LARGEST)
        page = xml_answer(answer.path, "ListBucketResult")
        contents = [child for child in page if local(child) == "Contents"]
        said = child_text(page, "KeyCount")
        if said and said != str(len(contents)):
            raise Incomplete(f"{ask.bucket}: a page of the list says that it has {said} keys, and has {len(contents)}")
        yield from (_object(ask, one) for one in contents)
        if child_text(page, "IsTruncated") == "false":
            return
        token = child_text(page, "NextContinuationToken")
        if child_text(page, "IsTruncated") != "true" or not token:
            raise RefusedInput(f"{ask.bucket}: the list does not say how it goes on: {head(answer.path)!r}")
        if token in seen:
            raise Incomplete(f"{ask.bucket}: the list goes in a circle")
        seen.add(token)


def _object(ask: PublicObjects, element: etree._Element) -> tuple[str, int]:
    key, size = child_text(element, "Key"), child_text(element, "Size")
    if not key.startswith(ask.prefix) or not re.fullmatch(r"\d{1,15}", size):
        raise RefusedInput(f"{ask.bucket}: the list names {key[:80]!r} of size {size[:20]!r}")
    return key, int(size)
