"""Elements, attributes and text that a format has not: nothing that a file says is passed over."""

from __future__ import annotations

import re

import libsbml
import pytest
from lxml import etree

from astrobio.core.errors import FormatError
from astrobio.formats.kgml import read_kgml
from astrobio.formats.modelseed import read_stoichiometry
from astrobio.formats.sbml import CORE, read_sbml
from astrobio.formats.sbml_layout import FBC, sbml_layout
from tests.verify.bad_networks import KGML, sbml

MODEL = """<sbml xmlns="{0}" xmlns:fbc="{1}" level="3" version="{2}" fbc:required="false">
<model id="m" fbc:strict="true"><listOfCompartments><compartment id="c" constant="true"/></listOfCompartments>
<listOfSpecies>
<species id="a" compartment="c" hasOnlySubstanceUnits="false" boundaryCondition="false" constant="false"/>
<species id="b" compartment="c" hasOnlySubstanceUnits="false" boundaryCondition="false" constant="false"/>
</listOfSpecies>
<listOfParameters><parameter id="low" value="0" constant="true"/></listOfParameters>
<listOfReactions><reaction id="r" reversible="false" fast="false" fbc:lowerFluxBound="low" fbc:upperFluxBound="low">
<listOfReactants><speciesReference species="a" stoichiometry="1" constant="true"/>
<speciesReference species="b" stoichiometry="2" constant="true"/></listOfReactants></reaction></listOfReactions>
</model></sbml>"""
NAMES = ("listOfCompartments", "compartment", "listOfSpecies", "species", "listOfParameters", "parameter",
         "listOfReactions", "reaction", "listOfReactants", "speciesReference")  # fmt: skip


def model(version: int = 1) -> str:
    return MODEL.format(CORE[version - 1].strip("{}"), FBC.strip("{}"), version)


def problems(text: str) -> list[tuple[str, str]]:
    return read_sbml(text.encode()).problems


def test_a_sound_model_has_no_problems():
    assert problems(model()) == problems(model(2)) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('<speciesReference species="b"', '<speciesRefErence species="b"', "element 'speciesRefErence'"),
        ('<speciesReference species="b"', '=speciesReference species="b"', "text '=speciesReference"),
        ('<species id="b"', '|species id="b"', "text '|species"),
        (
            "</listOfReactants>",
            "</listOfReactants><listOfReactants/>",
            "a second element 'listOfReactants' in reaction",
        ),
        ("<listOfReactions>", "<listOfReactions/><listOfReactions>", "a second element 'listOfReactions' in model"),
        ('hasOnlySubstanceUnits="false"', 'hasOnlySubstanceUnits="false" chbrge="1"', "attribute 'chbrge' of species"),
        ("fbc:upperFluxBound", "fbc:upperFlwxBound", "attribute 'upperFlwxBound' of reaction"),
        ("<listOfReactants>", "<fbc:listOfReactants/><listOfReactants>", "element 'listOfReactants' in reaction"),
        ("</model>", "</model><listOfSpecies/>", "element 'listOfSpecies' in sbml"),
        ("</model>", "</model><x:x xmlns:x='urn:x'><species/></x:x>", "element 'species' in x"),
        (
            "</listOfReactants>",
            "</listOfReactants><annotation><listOfProducts/></annotation>",
            "element 'listOfProducts' in annotation",
        ),
        (
            "</reaction>",
            "<fbc:geneProductAssociation><fbc:or><listOfProducts/></fbc:or></fbc:geneProductAssociation></reaction>",
            "element 'listOfProducts' in or",
        ),
        ('fbc:upperFluxBound="low"', "", "no upper bound, and the model is strict"),
    ],
)
def test_what_sbml_has_not_is_no_network(old, new, said):
    assert old in model()
    assert any(said in what for _, what in problems(model().replace(old, new, 1)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<listOfReactants>", "<notes><p xmlns='http://www.w3.org/1999/xhtml'>by hand</p></notes><listOfReactants>"),
        ("<listOfReactants>", "<annotation><x xmlns='urn:x'/></annotation><!-- one --><!-- two --><listOfReactants>"),
        ('id="r"', 'id="r" metaid="_r" sboTerm="SBO:0000176" name="a reaction" layout:x="1" xmlns:layout="urn:layout"'),
    ],
)
def test_notes_and_what_belongs_to_others_are_no_problem(old, new):
    assert problems(model().replace(old, new, 1)) == []


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_every_attribute_that_libsbml_takes_is_known(version, name):
    layout = sbml_layout(f"{{{CORE[version - 1].strip('{}')}}}")
    known = layout[f"{{{CORE[version - 1].strip('{}')}}}{name}"].attributes
    tried = sorted({one for element in layout.values() for one in element.attributes or () if "{" not in one})
    for attribute in [*tried, "unheard"]:
        text = re.sub(rf"<{name}([ >/])", rf'<{name} {attribute}="x"\1', model(version), count=1)
        if text.count(f" {attribute}=") > model(version).count(f" {attribute}=") and _is_xml(text):
            read = libsbml.readSBMLFromString(text)
            said = " ".join(read.getError(place).getMessage() for place in range(read.getNumErrors()))
            takes = f"Attribute '{attribute}' is not part of the definition" not in said
            assert not takes or attribute in known, f"{attribute} of {name}"
    assert "unheard" not in known


def _is_xml(text: str) -> bool:
    try:
        etree.fromstring(text)
    except etree.XMLSyntaxError:  # an attribute that stands there already
        return False
    return True


def test_the_published_networks_have_only_what_sbml_has(archive_mirror):
    assert read_sbml(sbml(archive_mirror)).problems == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"<substrate id", b"<substbate id", "element 'substbate' in reaction"),
        (b"<product id", b"-product id", "text '-product"),
        (b'name="ko:K01810" ', b"", "entry 2 has no name"),
        (b' name="rn:R00771"', b"", "reaction 2 has no name"),
    ],
)
def test_what_kgml_has_not_is_no_map(old, new, said):
    assert old in KGML
    assert any(said in what for _, what in read_kgml(KGML.replace(old, new, 1)).problems)


def test_a_part_whose_separator_is_lost_is_no_name():
    text = '-1:cpd00001:0:"H2O";2:cpd00009:0:"Phosphate"'
    assert len(read_stoichiometry(text)) == 2
    with pytest.raises(FormatError, match="no stoichiometry"):
        read_stoichiometry(text.replace(";", "+"))
