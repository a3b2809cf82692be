"""Networks: their matrix, degrees and parts, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.errors import DataMissing
from astrobio.core.network import Compound, MetabolicNetwork, Participant, Reaction

parts = st.builds(Participant, st.integers(0, 5), st.sampled_from((-1, 1)), st.integers(1, 9).map(float))
reactions = st.lists(st.lists(parts, max_size=6), max_size=6)


def made(several: list[list[Participant]], compounds: int = 6) -> MetabolicNetwork:
    return MetabolicNetwork.of(
        "made", "made", [Compound(f"c{place}") for place in range(compounds)],
        [(Reaction(f"r{place}"), each) for place, each in enumerate(several)],
    )  # fmt: skip


@given(reactions)
def test_the_matrix_is_the_sum_of_what_takes_part(several):
    network = made(several)
    expected = np.zeros((6, len(several)))
    for column, each in enumerate(several):
        for one in each:
            expected[one.compound, column] += one.side * one.coefficient
    matrix = network.stoichiometric_matrix()
    assert np.array_equal(matrix.toarray(), expected)
    assert matrix.nnz == np.count_nonzero(expected)
    assert network.columns.tolist() == [column for column, each in enumerate(several) for _ in each]


@given(reactions)
def test_degrees_and_parts_are_those_of_the_graph(several):
    network = made(several)
    assert network.degrees().tolist() == [
        sum(any(one.compound == place for one in each) for each in several) for place in range(6)
    ]
    groups = [{place} for place in range(6)]
    for each in several:
        joined = set().union(*({one.compound} for one in each)) if each else set()
        meeting = [group for group in groups if group & joined]
        groups = [group for group in groups if not group & joined] + ([set().union(*meeting)] if meeting else [])
    assert network.component_sizes().tolist() == sorted(map(len, groups), reverse=True)


def test_a_compound_on_both_sides_counts_with_the_difference():
    network = made([[Participant(0, -1, 3.0), Participant(0, 1, 1.0), Participant(1, -1, 2.0), Participant(1, 1, 2.0)]])
    matrix = network.stoichiometric_matrix()
    assert matrix.toarray()[:2].tolist() == [[-2.0], [0.0]]
    assert matrix.nnz == 1
    assert network.degrees().tolist() == [1, 1, 0, 0, 0, 0]


def test_coefficients_are_told_of_all_or_of_none():
    network = made([[Participant(0, -1, 1.0), Participant(1, 1, None)]])
    assert network.coefficients is None
    with pytest.raises(DataMissing, match="made tells no stoichiometric coefficients of made"):
        network.stoichiometric_matrix()
    assert network.component_sizes().tolist() == [2, 1, 1, 1, 1]


def test_a_network_of_nothing():
    network = made([], compounds=0)
    assert network.stoichiometric_matrix().shape == (0, 0)
    assert network.degrees().tolist() == []
    assert network.component_sizes().tolist() == []
    empty = made([[], []], compounds=1)
    assert empty.stoichiometric_matrix().toarray().tolist() == [[0.0, 0.0]]
    assert empty.component_sizes().tolist() == [1]
