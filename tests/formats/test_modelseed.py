"""Stoichiometry and equations of ModelSEED: what they say, and networks made of them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.errors import FormatError
from astrobio.core.network import Compound
from astrobio.formats.modelseed import (
    MOST_PARTICIPANTS,
    Part,
    network_of,
    read_equation,
    read_stoichiometry,
)

PPASE = '-1:cpd00001:0:"H2O";-1:cpd00012:0:"PPi";2:cpd00009:0:"Phosphate";1:cpd00067:0:"H+"'
"""rxn00001, as reaction_00.tsv has it."""


def test_the_first_reaction_of_the_database():
    assert read_stoichiometry(PPASE) == [
        Part(-1.0, "cpd00001", "0", "H2O"), Part(-1.0, "cpd00012", "0", "PPi"), Part(2.0, "cpd00009", "0", "Phosphate"),
        Part(1.0, "cpd00067", "0", "H+"),
    ]  # fmt: skip
    equation = "(1) cpd00001[0] + (1) cpd00012[0] => (2) cpd00009[0] + (1) cpd00067[0]"
    assert read_equation(equation) == Counter(
        {("cpd00001", "0", -1.0): 1, ("cpd00012", "0", -1.0): 1, ("cpd00009", "0", 2.0): 1, ("cpd00067", "0", 1.0): 1}
    )


names = st.text(alphabet=st.sampled_from("abcH2O+-,:()'\u03b1 ;[]"), max_size=12).filter(lambda name: '"' not in name)
parts = st.lists(
    st.builds(
        Part,
        st.one_of(st.integers(-30, 30), st.sampled_from((0.5, -0.00125, 2400.0, 1e-05))).filter(bool).map(float),
        st.integers(0, 99999).map("cpd{:05d}".format),
        st.integers(0, 3).map(str),
        names,
    ),
    max_size=8,
)


@given(parts)
def test_what_is_written_is_read_again(several):
    text = ";".join(f'{one.coefficient:g}:{one.compound}:{one.compartment}:"{one.name}"' for one in several)
    assert read_stoichiometry(text) == several
    sides = [" + ".join(f"({abs(one.coefficient):g}) {one.compound}[{one.compartment}]" for one in several
                        if (one.coefficient > 0) is right) for right in (False, True)]  # fmt: skip
    for arrow in ("<=>", "=>", "<="):
        found = read_equation(f"{sides[0]} {arrow} {sides[1]}")
        assert found == Counter((one.compound, one.compartment, one.coefficient) for one in several)


@pytest.mark.parametrize(("text", "message"), [
    ('0:cpd00001:0:"H2O"', "cpd00001 has the coefficient 0"),
    ('-0.0:cpd00001:0:"H2O"', "coefficient -0"),
    ('1e400:cpd00001:0:"H2O"', "coefficient inf"),
    ('1e-400:cpd00001:0:"H2O"', "coefficient 0"),
    ('nan:cpd00001:0:"H2O"', "is no stoichiometry"),
    ('+1:cpd00001:0:"H2O"', "is no stoichiometry"),
    ('1:cpd0001:0:"H2O"', "is no stoichiometry"),
    ('1:rxn00001:0:"H2O"', "is no stoichiometry"),
    ('1:cpd00001:x:"H2O"', "is no stoichiometry"),
    ('1:cpd00001:0:H2O', "is no stoichiometry"),
    ('1:cpd00001:0:"H2O" ;1:cpd00002:0:"ATP"', "is no stoichiometry"),
    ('1:cpd00001:0:"H2O",1:cpd00002:0:"ATP"', "is no stoichiometry"),
    ('-1:cpd00001:0:0:"H2O"', "is no stoichiometry"),
    (";", "is no stoichiometry"),
    ("null", "is no stoichiometry"),
    (";".join(['1:cpd00001:0:""'] * (MOST_PARTICIPANTS + 1)), "is no stoichiometry"),
])  # fmt: skip
def test_what_is_no_stoichiometry_is_an_error(text, message):
    with pytest.raises(FormatError, match=message):
        read_stoichiometry(text)


@pytest.mark.parametrize(("text", "found"), [
    ("", {}), (" <=> ", {}), ("(1) cpd00001[0]", {("(1) cpd00001[0]", "", 0.0): 1}),
    ("1 cpd00001[0] => (1) cpd00002[0]", {("1 cpd00001[0]", "", 0.0): 1, ("cpd00002", "0", 1.0): 1}),
    ("a => b => c", {("a => b => c", "", 0.0): 1}),
])  # fmt: skip
def test_terms_of_an_equation_that_are_none_stand_for_themselves(text, found):
    assert read_equation(text) == Counter(found)


def test_a_network_of_reactions_has_a_compound_for_each_compartment():
    across = '-1:cpd00067:1:"H+";1:cpd00067:0:"H+"'
    rows = [("rxn00001", "pyrophosphatase", ">", read_stoichiometry(PPASE)),
            ("rxn00002", "", "=", read_stoichiometry(across)), ("rxn00003", "", "?", [])]  # fmt: skip
    network = network_of("m", rows, {"cpd00067": ("H+", "H", 1), "cpd00001": ("Water", "H2O", 0)})
    assert network.compounds == (
        Compound("cpd00001", "Water", "H2O", 0, "0"), Compound("cpd00012", "PPi", None, None, "0"),
        Compound("cpd00009", "Phosphate", None, None, "0"), Compound("cpd00067", "H+", "H", 1, "0"),
        Compound("cpd00067", "H+", "H", 1, "1"),
    )  # fmt: skip
    assert [(one.id, one.name, one.reversible) for one in network.reactions] == [
        ("rxn00001", "pyrophosphatase", False), ("rxn00002", "", True), ("rxn00003", "", None),
    ]  # fmt: skip
    expected = [[-1, 0, 0], [-1, 0, 0], [2, 0, 0], [1, 1, 0], [0, -1, 0]]
    assert np.array_equal(network.stoichiometric_matrix().toarray(), expected)
