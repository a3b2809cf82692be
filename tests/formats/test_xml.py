"""XML is read without whatever makes it dangerous."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.errors import FormatError
from astrobio.formats.xml import parse_xml

KGML = b'<!DOCTYPE pathway SYSTEM "https://www.kegg.jp/kegg/xml/KGML_v0.7.2_.dtd">\n'


def test_elements_attributes_and_text_are_read():
    root = parse_xml(b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<!-- a -->\n<?x y?>\n<a b="1">\xe9<c/></a>\n')
    assert (root.tag, root.get("b"), root.text, root[0].tag) == ("a", "1", "é", "c")
    assert parse_xml(b"\xef\xbb\xbf<a/>").tag == "a"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"abc", "no XML"),
        (b"<a>", "no XML"),
        (b"<a/><b/>", "no XML"),
        (b"<a/>more", "no XML"),
        (b'<a b="1" b="2"/>', "no XML"),
        (b"<a>&nbsp;</a>", "no XML"),
        (b"<a>\xff</a>", "no XML"),
        (b"<a>&#1;</a>", "no XML"),
        (b"<!DOCTYPE a><a/>", "document type"),
        (b"  \n<!-- x --><?y z?>\n<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "document type"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "entities"),
        (b"<!DOCTYPE" + b" " * 9000 + b'a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "entities"),
        (b"<?xml version='1.0' encoding='UTF-7'?><a/>", "UTF-7"),
        ("<a/>".encode("utf-16"), "not in UTF-8"),
        ("<a/>".encode("utf-16-be"), "not in UTF-8"),
        ("<a/>".encode("utf-32"), "not in UTF-8"),
        (b"<!-- never ended", "no XML"),
    ],
)
def test_what_is_no_plain_xml_is_an_error(content, message):
    with pytest.raises(FormatError, match=message):
        parse_xml(content)


def test_nothing_is_included_from_other_files(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    root = parse_xml(b'<a xmlns:x="http://www.w3.org/2001/XInclude"><x:include href="%s" parse="text"/></a>'
                     % str(secret).encode())  # fmt: skip
    assert "secret" not in "".join(root.itertext())


def test_a_document_type_that_is_known_is_read_and_not_fetched():
    known = ("https://www.kegg.jp/kegg/xml/KGML_v0.7.2_.dtd",)
    assert parse_xml(KGML + b"<pathway/>", doctypes=known).tag == "pathway"
    with pytest.raises(FormatError, match="document type"):
        parse_xml(KGML + b"<pathway/>")
    with pytest.raises(FormatError, match="document type"):
        parse_xml(KGML.replace(b"kegg.jp", b"kegg.example") + b"<pathway/>", doctypes=known)
    with pytest.raises(FormatError, match="entities"):
        parse_xml(KGML.replace(b'">', b'" [<!ENTITY x "y">]>') + b"<pathway>&x;</pathway>", doctypes=known)
    with pytest.raises(FormatError, match="uses entities"):
        parse_xml(KGML + b"<pathway>&x;</pathway>", doctypes=known)


def test_size_and_depth_have_limits():
    assert parse_xml(b"<a>" * 100 + b"</a>" * 100).tag == "a"
    with pytest.raises(FormatError, match="more than 100 elements deep"):
        parse_xml(b"<a>" * 101 + b"</a>" * 101)
    with pytest.raises(FormatError, match="no XML"):
        parse_xml(b"<a>" * 300 + b"</a>" * 300)
    with pytest.raises(FormatError, match="at most 3 are read"):
        parse_xml(b"<a/>", most_bytes=3)


@given(st.recursive(st.just(b"<a/>"), lambda inner: st.lists(inner, max_size=4).map(lambda parts: b"<b>"
       + b"".join(parts) + b"</b>"), max_leaves=20))  # fmt: skip
def test_depth_is_that_of_the_deepest_element(content):
    deepest = depth = 0
    for part in content.replace(b"<a/>", b"<a></a>").split(b"<")[1:]:
        depth += -1 if part.startswith(b"/") else 1
        deepest = max(deepest, depth)
    assert parse_xml(content, most_depth=deepest) is not None
    if deepest > 1:
        with pytest.raises(FormatError, match="deep"):
            parse_xml(content, most_depth=deepest - 1)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_an_error(content):
    for candidate in (content, b"<a>" + content + b"</a>", b"<!DOCTYPE " + content):
        with contextlib.suppress(FormatError):
            assert isinstance(parse_xml(candidate).tag, str)
