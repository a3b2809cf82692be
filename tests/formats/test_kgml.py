"""KGML: a map as its manual lays it out, and a reason where it is none."""

from __future__ import annotations

import pytest

from astrobio.core.errors import DataMissing, FormatError
from astrobio.core.network import Compound, Reaction
from astrobio.formats.kgml import DOCTYPES, MOST_ENTRIES, Entry, read_kgml
from tests.verify.bad_networks import KGML

SEVERAL = KGML.replace(b'name="cpd:C00085" type', b'name="cpd:C00085 gl:G10495" type').replace(
    b'<product id="5" name="cpd:C00085"/>', b'<product id="5" name="cpd:C00085 gl:G10495"/>'
)
"""A circle that stands for two compounds, as 108 of hsa00062 does."""


def test_a_map_as_the_manual_lays_it_out():
    found = read_kgml(KGML)
    assert found.problems == []
    assert (found.name, found.organism, found.number) == ("path:ko00010", "ko", "00010")
    assert found.title == "Glycolysis / Gluconeogenesis"
    assert found.entries["1"] == Entry(("ko:K00844", "ko:K12407"), "ortholog")
    assert found.entries["7"] == Entry(("undefined",), "group")
    assert len(found.entries) == 7
    assert found.relations == (("1", "2", "ECrel"),)
    network = found.sound()
    assert (network.id, network.source) == ("path:ko00010", "kgml")
    assert network.compounds == (Compound("cpd:C00031"), Compound("cpd:C00092"), Compound("cpd:C00085"))
    assert network.reactions == (Reaction("1", "rn:R00299 rn:R01786", False), Reaction("2", "rn:R00771", True))
    assert (network.participants.tolist(), network.sides.tolist()) == ([0, 1, 1, 2], [-1, 1, -1, 1])
    assert network.begins.tolist() == [0, 2, 4]


def test_a_map_tells_no_coefficients():
    network = read_kgml(KGML).sound()
    assert network.coefficients is None
    with pytest.raises(DataMissing, match="kgml tells no stoichiometric coefficients of path:ko00010"):
        network.stoichiometric_matrix()
    assert network.degrees().tolist() == [1, 2, 1]
    assert network.component_sizes().tolist() == [3]


def test_a_circle_of_several_compounds_has_each_of_them_take_part():
    network = read_kgml(SEVERAL).sound()
    assert [one.id for one in network.compounds] == ["cpd:C00031", "cpd:C00092", "cpd:C00085", "gl:G10495"]
    assert network.participants.tolist() == [0, 1, 1, 2, 3]
    assert network.sides.tolist() == [-1, 1, -1, 1, 1]
    one_of_them = SEVERAL.replace(b'<product id="5" name="cpd:C00085 gl:G10495"/>',
                                  b'<product id="5" name="cpd:C00085"/>')  # fmt: skip
    assert read_kgml(one_of_them).sound().participants.tolist() == [0, 1, 1, 2]


@pytest.mark.parametrize("doctype", DOCTYPES)
def test_document_types_of_kegg_are_known_and_not_fetched(doctype):
    content = KGML.replace(b"https://www.kegg.jp/kegg/xml/KGML_v0.7.2_.dtd", doctype.encode())
    assert read_kgml(content).problems == []


@pytest.mark.parametrize(("old", "new", "check", "what"), [
    (b'<product id="5" name="cpd:C00085 gl:G10495"/>', b'<product id="5" name="cpd:C00085 gl:G10496"/>', "references",
     "reaction 2 has product 'cpd:C00085 gl:G10496' of entry '5', which is not there"),
    (b'<substrate id="3" name="cpd:C00031"/>', b'<substrate id="3" name=""/>', "references",
     "reaction 1 has substrate '' of entry '3', which is not there"),
    (b'<substrate id="3" name="cpd:C00031"/>', b'<substrate id="1" name="ko:K00844"/>', "references",
     "reaction 1 has substrate 'ko:K00844' of entry '1', which is not there"),
    (b'<component id="2"/>', b'<component id="9"/>', "references", "a group has component '9', which is not there"),
    (b'<entry id="6"', b'<entry id="six"', "identifiers", "an entry has the identifier 'six'"),
    (b'<entry id="6"', b'<entry id="5"', "identifiers", "entry 5 comes more than once"),
    (b'<reaction id="2"', b'<reaction id="1"', "identifiers", "reaction 1 comes more than once"),
    (b'entry2="2"', b'entry2="20"', "references", "a relation has entry '20', which is not there"),
    (b'type="ECrel"', b'type="is"', "types", "a relation is of type 'is'"),
    (b'type="reversible"', b'type="?"', "types", "reaction 2 is of type '?'"),
    (b'org="ko"', b'org="KO"', "identifiers", "pathway 'path:ko00010' of 'KO', number '00010'"),
    (b"<product", b"<produce", "types", "there is element 'produce' in reaction"),
])  # fmt: skip
def test_what_is_wrong_with_a_map_is_said(old, new, check, what):
    assert old in SEVERAL
    found = read_kgml(SEVERAL.replace(old, new, 1))
    assert (check, what) in found.problems
    with pytest.raises(FormatError, match=check):
        found.sound()


@pytest.mark.parametrize(("content", "message"), [
    (b"", "the file is empty"),
    (b"ENTRY       C00031", "it is no XML"),
    (b"<graph/>", "the root element is graph, and pathway is expected"),
    (b"<pathway>" + b"<relation/>" * (MOST_ENTRIES + 1) + b"</pathway>", "it has 100001 elements"),
    (KGML.replace(b"www.kegg.jp/kegg/xml", b"localhost/xml"), "it has a document type"),
    (KGML.replace(b'_.dtd">', b'_.dtd" [<!ENTITY x "y">]>'), "it declares entities"),
    (b"<pathway>" + b"<entry>" * 8 + b"</entry>" * 8 + b"</pathway>", "it is nested more than 8 elements deep"),
])  # fmt: skip
def test_what_is_no_map_is_an_error(content, message):
    with pytest.raises(FormatError, match=message):
        read_kgml(content)
