"""Formulas: atoms are counted whatever their order, and what is no formula is an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.errors import FormatError
from astrobio.core.formula import (
    ELEMENTS,
    LONGEST,
    OPEN_GROUPS,
    WEIGHTS,
    atoms_of,
    is_open,
    molecular_weight,
    parse_formula,
)

counts = st.dictionaries(st.sampled_from(sorted(ELEMENTS | OPEN_GROUPS)), st.integers(1, 99999), min_size=1, max_size=8)


def written(atoms: list[tuple[str, int]]) -> str:
    return "".join(symbol if count == 1 else f"{symbol}{count}" for symbol, count in atoms)


@given(counts, st.randoms(use_true_random=False))
def test_the_order_of_the_elements_changes_nothing(atoms, rng):
    mixed = list(atoms.items())
    rng.shuffle(mixed)
    found = parse_formula(written(mixed))
    assert dict(found) == atoms
    assert list(found) == sorted(found)
    assert is_open(found) is bool(OPEN_GROUPS & set(atoms))


@given(counts, counts)
def test_two_formulas_in_a_row_are_their_sum(one, other):
    both = dict(parse_formula(written(list(one.items())) + written(list(other.items()))))
    assert both == {symbol: one.get(symbol, 0) + other.get(symbol, 0) for symbol in {**one, **other}}


@given(st.text(max_size=12))
def test_any_text_is_a_formula_or_an_error(text):
    try:
        atoms = parse_formula(text)
    except FormatError:
        assert atoms_of(text) is None
    else:
        assert all(symbol in ELEMENTS | OPEN_GROUPS and count > 0 for symbol, count in atoms)
        assert atoms_of(text) == atoms


@pytest.mark.parametrize(("formula", "atoms"), [
    ("H2O", {"H": 2, "O": 1}), ("CO", {"C": 1, "O": 1}), ("Co", {"Co": 1}), ("C10H12N5O13P3", {
        "C": 10, "H": 12, "N": 5, "O": 13, "P": 3}), ("CH3CH2OH", {"C": 2, "H": 6, "O": 1}),
    ("C40H60.5", {"C": 40, "H": 60.5}), ("C6H0O6", {"C": 6, "O": 6}), ("X", {"X": 1}), ("C3H5OR2", {
        "C": 3, "H": 5, "O": 1, "R": 2}), ("Fe2S2", {"Fe": 2, "S": 2}),
])  # fmt: skip
def test_formulas_as_networks_write_them(formula, atoms):
    assert dict(parse_formula(formula)) == atoms


@pytest.mark.parametrize("formula", [
    "", " ", "h2o", "H2O ", "(CH2)2", "C6H12O6*2", "CH3.Hg", "AsH-1O3", "C1e3", "Qq2", "Ammonia", "C2H5\u2082",
    "C\u0661", "C1234567", "C1.", "C" * (LONGEST + 1),
])  # fmt: skip
def test_what_is_no_formula_is_an_error(formula):
    with pytest.raises(FormatError, match="is no chemical formula|which is no element"):
        parse_formula(formula)
    assert atoms_of(formula) is None


def test_of_no_formula_there_are_no_atoms():
    assert atoms_of(None) is None
    assert atoms_of("") is None


def test_there_are_118_elements_and_their_weights_rise_but_for_known_pairs():
    assert len(ELEMENTS) == 118
    assert set(WEIGHTS) <= ELEMENTS
    assert not OPEN_GROUPS & ELEMENTS
    # In the order of the periodic table, of these only Co and Ni stand against the order of their weights.
    order = list(WEIGHTS)
    against = [(one, other) for one, other in zip(order, order[1:], strict=False) if WEIGHTS[one] > WEIGHTS[other]]
    assert against == [("Co", "Ni")]


@pytest.mark.parametrize(("formula", "weight"), [
    ("H2O", 18.015), ("CO2", 44.009), ("C6H12O6", 180.156), ("C10H16N5O13P3", 507.181),
])  # fmt: skip
def test_molecular_weights_are_the_sum_of_the_atoms(formula, weight):
    # The Merck Index gives ATP 507.18 g/mol.
    assert molecular_weight(parse_formula(formula)) == pytest.approx(weight, abs=2e-3)


def test_of_an_open_molecule_there_is_no_weight():
    assert molecular_weight(parse_formula("C2H3O2R")) is None
    assert molecular_weight(parse_formula("C2H6Hg")) == pytest.approx(230.66, abs=0.01)
    assert molecular_weight(parse_formula("UO2")) is None
