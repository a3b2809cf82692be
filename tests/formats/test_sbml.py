"""SBML: every value as another reader finds it, and a reason where one cannot be read."""

from __future__ import annotations

import gzip
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.errors import FormatError
from astrobio.core.network import Compound, Reaction
from astrobio.formats.network_file import xml_number
from astrobio.formats.sbml import UNKNOWN_CHARGE, read_sbml
from tests.verify.bad_networks import FBC, edited, sbml, set_first, set_objective

HEAD = (
    b'<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1" '
    b'xmlns:fbc="http://www.sbml.org/sbml/level3/version1/fbc/version2" fbc:required="false">'
)
SMALL = (
    HEAD + b'<model id="small" fbc:strict="false"><listOfCompartments><compartment id="c" constant="true"/>'
    b"</listOfCompartments><listOfSpecies>"
    b'<species id="M_a" name="A" compartment="c" fbc:charge="-2" fbc:chemicalFormula="C6H12O6"/>'
    b'<species id="M_b" compartment="c" boundaryCondition="false"/></listOfSpecies>'
    b'<listOfParameters><parameter id="low" value="-INF" constant="true"/><parameter id="up" value="1e3"/>'
    b'<parameter id="none"/></listOfParameters><listOfReactions>'
    b'<reaction id="R_1" name="one" reversible="true" fast="false" fbc:lowerFluxBound="low" fbc:upperFluxBound="up">'
    b'<listOfReactants><speciesReference species="M_a" stoichiometry="1" constant="true"/></listOfReactants>'
    b'<listOfProducts><speciesReference species="M_b" stoichiometry="0.5" constant="true"/>'
    b'<speciesReference species="M_b" stoichiometry="1.5" constant="true"/></listOfProducts></reaction>'
    b'<reaction id="R_2" reversible="false" fast="false"/></listOfReactions>'
    b'<fbc:listOfObjectives fbc:activeObjective="obj"><fbc:objective fbc:id="other" fbc:type="maximize">'
    b'<fbc:listOfFluxObjectives><fbc:fluxObjective fbc:reaction="R_2" fbc:coefficient="1"/>'
    b"</fbc:listOfFluxObjectives></fbc:objective>"
    b'<fbc:objective fbc:id="obj" fbc:type="maximize"><fbc:listOfFluxObjectives>'
    b'<fbc:fluxObjective fbc:reaction="R_1" fbc:coefficient="0.01"/></fbc:listOfFluxObjectives></fbc:objective>'
    b"</fbc:listOfObjectives></model></sbml>"
)
"""A network laid out by the specifications."""


def test_a_network_as_the_specifications_lay_it_out():
    file = read_sbml(SMALL)
    assert file.problems == []
    network = file.sound()
    assert (network.id, network.source, network.organism, network.growth) == ("small", "sbml", None, ("R_1",))
    assert network.compounds == (Compound("M_a", "A", "C6H12O6", -2, "c"), Compound("M_b", "", None, None, "c"))
    assert network.reactions == (Reaction("R_1", "one", True, -math.inf, 1000.0), Reaction("R_2", "", False))
    assert network.stoichiometric_matrix().toarray().tolist() == [[-1, 0], [2, 0]]
    assert network.begins.tolist() == [0, 3, 3]
    packed = read_sbml(gzip.compress(SMALL)).sound()
    assert (packed.compounds, packed.reactions) == (network.compounds, network.reactions)


@pytest.mark.parametrize("name", ["textbook", "iJR904", "iSH335", "iMM904", "AraGEM", "iBsu1103"])
def test_every_value_is_what_libsbml_reads(archive_mirror, name):
    libsbml = pytest.importorskip("libsbml")
    content = sbml(archive_mirror, name)
    network = read_sbml(content).sound()
    document = libsbml.readSBMLFromString(content.decode("utf-8"))
    model = document.getModel()
    species = list(model.getListOfSpecies())
    assert [
        Compound(
            one.getId(), one.getName(), one.getPlugin("fbc").getChemicalFormula() or None,
            one.getPlugin("fbc").getCharge() if one.getPlugin("fbc").isSetCharge()
            and one.getPlugin("fbc").getCharge() != UNKNOWN_CHARGE else None,
            one.getCompartment(),
        )
        for one in species
    ] == list(network.compounds)  # fmt: skip
    values = {one.getId(): one.getValue() for one in model.getListOfParameters()}
    reactions = list(model.getListOfReactions())
    assert [
        Reaction(one.getId(), one.getName(), one.getReversible(), values[one.getPlugin("fbc").getLowerFluxBound()],
                 values[one.getPlugin("fbc").getUpperFluxBound()])
        for one in reactions
    ] == list(network.reactions)  # fmt: skip
    row = {one.getId(): place for place, one in enumerate(species)}
    matrix = np.zeros((len(species), len(reactions)))
    for column, reaction in enumerate(reactions):
        for sign, references in ((-1, reaction.getListOfReactants()), (1, reaction.getListOfProducts())):
            for one in references:
                matrix[row[one.getSpecies()], column] += sign * one.getStoichiometry()
    assert np.array_equal(network.stoichiometric_matrix().toarray(), matrix)
    objective = model.getPlugin("fbc").getActiveObjective()
    assert objective is None or objective.getType() == "maximize"
    assert network.growth == tuple(
        one.getReaction() for one in (objective.getListOfFluxObjectives() if objective is not None else ())
    )


def test_the_charge_that_the_seed_writes_for_none_is_none(archive_mirror):
    compounds = {one.id: one for one in read_sbml(sbml(archive_mirror, "iBsu1103")).network.compounds}
    pools = ["M_cpd11462_c", "M_cpd15664_c", "M_cpd15670_c", "M_cpd15800_c"]
    assert [compounds[one].name for one in pools] == [
        "mRNA_", "Cell_wall of B. subtilis_", "Lipoteichoic_acid content_", "Lipid_composition of B. subtilis_",
    ]  # fmt: skip
    assert [one for one in compounds if compounds[one].charge is None] == sorted(pools, key=list(compounds).index)
    assert max(one.charge for one in compounds.values() if one.charge is not None) < 10
    assert compounds["M_cpd00001_c"].charge == 0


@pytest.mark.parametrize(("written", "read"), [("-4", -4), ("+2", 2), ("0", 0), (str(UNKNOWN_CHARGE), None)])
def test_charges(archive_mirror, written, read):
    file = read_sbml(edited(sbml(archive_mirror, "textbook"), set_first("species", FBC + "charge", written)))
    assert file.problems == []
    assert file.network.compounds[0].charge == read


@pytest.mark.parametrize(("sense", "coefficient", "growth"), [
    ("maximize", "1", ("R_1",)), ("maximize", "0", ()), ("maximize", "-1", ()), ("minimize", "1", ()),
    ("minimize", "-2.5", ("R_1",)),
])  # fmt: skip
def test_growth_is_what_the_active_objective_makes_large(sense, coefficient, growth):
    content = SMALL.replace(b'"obj" fbc:type="maximize"', f'"obj" fbc:type="{sense}"'.encode()).replace(
        b'coefficient="0.01"', f'coefficient="{coefficient}"'.encode()
    )
    assert read_sbml(content).sound().growth == growth


@pytest.mark.parametrize(("old", "new", "check", "what"), [
    (b'species="M_b" stoichiometry="0.5"', b'species="M_b"', "stoichiometry", "M_b in reaction R_1: None"),
    (b'stoichiometry="0.5"', b'stoichiometry="-0.5"', "stoichiometry", "M_b in reaction R_1: -0.5"),
    (b'species="M_b" stoichiometry="0.5"', b'species="M_z" stoichiometry="0.5"', "references",
     "reaction R_1 has 'M_z', which is not there"),
    (b'id="M_b" compartment="c"', b'id="M_b" compartment="d"', "references",
     "compound M_b lies in 'd', which is not there"),
    (b'FluxBound="low"', b'FluxBound="none"', "references", "reaction R_1 has the lower bound 'none', of no value"),
    (b'value="-INF"', b'value="INF"', "bounds", "the lower bound of reaction R_1 is inf"),
    (b'value="-INF"', b'value="2e3"', "bounds", "reaction R_1 has bounds 2000 to 1000"),
    (b'charge="-2"', b'charge="two"', "types", "compound M_a has the charge 'two'"),
    (b'strict="false"', b'strict="true"', "references", "reaction R_2 has no lower bound, and the model is strict"),
    (b'reversible="false"', b'reversible="no"', "types", "reaction R_2 is reversible: 'no'"),
    (b'<reaction id="R_2"', b'<reaction id="R_1"', "identifiers", "reaction R_1 comes more than once"),
    (b'<reaction id="R_2"', b'<reaction id="2"', "identifiers", "a reaction has the identifier '2'"),
    (b'activeObjective="obj"', b'activeObjective="x"', "references", "the active objective is 'x', which is not there"),
    (b'reaction="R_1" fbc:c', b'reaction="R_9" fbc:c', "references",
     "the objective has reaction 'R_9', which is not there"),
    (b'coefficient="0.01"', b'coefficient="INF"', "types",
     "the objective has reaction R_1 with a coefficient that is no number"),
    (b'"obj" fbc:type="maximize"', b'"obj" fbc:type="most"', "types", "objective obj is to 'most'"),
    (b"<listOfReactants><speciesReference", b"<listOfReactants><speciesReferencf", "types",
     "there is element 'speciesReferencf' in listOfReactants"),
])  # fmt: skip
def test_what_is_wrong_with_a_network_is_said(old, new, check, what):
    assert SMALL.count(old) >= 1
    content = SMALL.replace(old, new, 1)
    file = read_sbml(content)
    assert (check, what) in file.problems
    with pytest.raises(FormatError, match=check):
        file.sound()


def test_of_many_problems_of_a_kind_the_first_are_shown_and_the_others_counted(archive_mirror):
    def spoil(model):
        for one in model.iter("{*}speciesReference"):
            one.set("stoichiometry", "0")

    file = read_sbml(edited(sbml(archive_mirror, "textbook"), spoil))
    assert len(file.problems) == 4
    assert file.problems[-1] == ("stoichiometry", "and 357 more")


@pytest.mark.parametrize(("content", "message"), [
    (b"<html/>", "the root element is html"),
    (SMALL.replace(b'level="3"', b'level="2"'), "sbml of level 2"),
    (SMALL.replace(b"fbc/version2", b"fbc/version1"), "does not use the package"),
    (SMALL.replace(b"</model>", b'</model><model id="second"/>'), "there are 2 models"),
    (HEAD + b"</sbml>", "there are 0 models"),
    (HEAD + b"<model>" + b"<" * 6_000_001, "tags; at most"),
    (gzip.compress(SMALL, mtime=0)[:-1], "packed"),
], ids=["root", "level", "package", "two models", "no model", "tags", "packed and cut"])  # fmt: skip
def test_what_is_no_sbml_of_level_3_is_an_error(content, message):
    with pytest.raises(FormatError, match=message):
        read_sbml(content)


def test_level_3_version_2_is_read_too():
    content = SMALL.replace(b"level3/version1/core", b"level3/version2/core").replace(b'version="1"', b'version="2"', 1)
    assert read_sbml(content).sound().compounds == read_sbml(SMALL).sound().compounds


def test_an_objective_is_not_needed(archive_mirror):
    content = edited(sbml(archive_mirror, "textbook"), lambda model: model.remove(model.find(FBC + "listOfObjectives")))
    assert read_sbml(content).sound().growth == ()
    both = set_objective("objective", "type", "minimize")
    assert read_sbml(edited(sbml(archive_mirror, "textbook"), both)).sound().growth == ()


@given(st.floats(allow_nan=False))
def test_a_number_is_read_as_xml_schema_writes_it(value):
    text = repr(value).replace("inf", "INF")
    assert xml_number(text) == value
    assert xml_number(f" \t{text}\n") == value


@pytest.mark.parametrize("text", ["", " ", "inf", "nan", "+NaN", "1_000", "0x10", "1e", "1e99999", "\u0661", "1 2",
                                  "--1", ".", None])  # fmt: skip
def test_what_is_no_number_of_xml_schema_is_none(text):
    assert xml_number(text) is None
