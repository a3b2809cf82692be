"""A metabolic network: compounds, reactions, and which compound takes part in which reaction.

One form for networks of all sources. What a source does not tell is none: a KEGG pathway has no stoichiometric
coefficients, a network of 2003 no formulas, and nothing is put in their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from astrobio.core.errors import DataMissing

BOUND_UNIT = "mmol gDW-1 h-1"
"""Unit of flux bounds in published networks: per gram of dry weight and hour."""


@dataclass(frozen=True, slots=True)
class Compound:
    """A compound in a compartment.

    Attributes
    ----------
    id, name : str
        As the source writes them; the name is empty where it gives none.
    formula : str, optional
        As the source writes it.
    charge : int, optional
        In elementary charges.
    compartment : str
        Empty where the source knows none.
    """

    id: str
    name: str = ""
    formula: str | None = None
    charge: int | None = None
    compartment: str = ""


@dataclass(frozen=True, slots=True)
class Reaction:
    """A reaction.

    Attributes
    ----------
    id, name : str
        As the source writes them; the name is empty where it gives none.
    reversible : bool, optional
        Whether it may run both ways; none where the source leaves that open.
    lower, upper : float, optional
        Bounds of its flux, in ``BOUND_UNIT``; they may be infinite.
    """

    id: str
    name: str = ""
    reversible: bool | None = None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True)
class Participant:
    """A compound's part in a reaction.

    Attributes
    ----------
    compound : int
        Its number in the network.
    side : int
        -1 for a reactant, 1 for a product.
    coefficient : float, optional
        How many of it, above 0.
    """

    compound: int
    side: int
    coefficient: float | None


@dataclass(frozen=True, eq=False)
class MetabolicNetwork:
    """A metabolic network.

    Attributes
    ----------
    id : str
        As the source writes it.
    source : str
        Name of the source in the registry, or of the format it was read from.
    compounds, reactions : tuple
    begins : array of int64
        Where the participants of each reaction begin, and where the last ones end.
    participants : array of int32
        Numbers of compounds, one reaction after the other.
    sides : array of int8
        -1 for a reactant, 1 for a product.
    coefficients : array of float64, optional
        Stoichiometric coefficients, above 0; none where the source does not tell them.
    organism : str, optional
        As the source writes it.
    growth : tuple of str
        Identifiers of the reactions that are maximised to predict growth.
    """

    id: str
    source: str
    compounds: tuple[Compound, ...]
    reactions: tuple[Reaction, ...]
    begins: NDArray[np.int64] = field(repr=False)
    participants: NDArray[np.int32] = field(repr=False)
    sides: NDArray[np.int8] = field(repr=False)
    coefficients: NDArray[np.float64] | None = field(repr=False)
    organism: str | None = None
    growth: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        id: str,
        source: str,
        compounds: Iterable[Compound],
        reactions: Sequence[tuple[Reaction, Sequence[Participant]]],
        organism: str | None = None,
        growth: tuple[str, ...] = (),
    ) -> MetabolicNetwork:
        """A network of its parts.

        Coefficients are kept if every participant has one.

        >>> water, gas = Compound("h2o", formula="H2O"), Compound("h2", formula="H2")
        >>> split = (Reaction("split"), [Participant(0, -1, 2.0), Participant(1, 1, 2.0)])
        >>> MetabolicNetwork.of("small", "made", [water, gas], [split]).stoichiometric_matrix().toarray().tolist()
        [[-2.0], [2.0]]
        """
        parts = [part for _, several in reactions for part in several]
        begins = np.cumsum([0, *(len(several) for _, several in reactions)], dtype=np.int64)
        known = all(part.coefficient is not None for part in parts)
        coefficients = np.array([part.coefficient for part in parts], dtype=np.float64) if known else None
        return cls(
            id, source, tuple(compounds), tuple(reaction for reaction, _ in reactions), begins,
            np.array([part.compound for part in parts], dtype=np.int32),
            np.array([part.side for part in parts], dtype=np.int8), coefficients, organism, growth,
        )  # fmt: skip

    @property
    def columns(self) -> NDArray[np.int64]:
        """The number of the reaction that each participant belongs to."""
        return np.repeat(np.arange(len(self.reactions), dtype=np.int64), np.diff(self.begins))

    def stoichiometric_matrix(self) -> sparse.csc_array:
        """Net coefficients: one row a compound, one column a reaction; reactants negative, products positive.

        A compound on both sides of a reaction counts with the difference, and is left out where that is 0.

        Raises
        ------
        DataMissing
            If the source tells no coefficients.
        """
        if self.coefficients is None:
            raise DataMissing(f"{self.source} tells no stoichiometric coefficients of {self.id}")
        values = self.coefficients * self.sides
        shape = (len(self.compounds), len(self.reactions))
        matrix = sparse.coo_array((values, (self.participants, self.columns)), shape=shape).tocsc()
        matrix.eliminate_zeros()
        return matrix

    def degrees(self) -> NDArray[np.int64]:
        """In how many reactions each compound takes part."""
        pairs = np.unique(self.columns * max(1, len(self.compounds)) + self.participants)
        return np.bincount(pairs % max(1, len(self.compounds)), minlength=len(self.compounds))

    def component_sizes(self) -> NDArray[np.int64]:
        """Compounds in each connected part of the graph of compounds and reactions, the largest first.

        Parts without a compound, which are reactions without participants, are left out.
        """
        compounds = len(self.compounds)
        size = compounds + len(self.reactions)
        links = np.ones(len(self.participants), dtype=np.int8)
        graph = sparse.coo_array((links, (self.participants, compounds + self.columns)), shape=(size, size))
        _, labels = connected_components(graph, directed=False)
        sizes = np.bincount(labels[:compounds])
        return np.sort(sizes[sizes > 0])[::-1]
