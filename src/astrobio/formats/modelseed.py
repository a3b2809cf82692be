"""Stoichiometry as ModelSEED writes it: ``-1:cpd00001:0:"H2O";2:cpd00009:0:"Phosphate"``.

A coefficient, negative for a reactant; the compound; the number of its compartment within the reaction; its name
(REACTIONS.md of the database, whose community index is no longer written).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from astrobio.core.errors import FormatError
from astrobio.core.network import Compound, MetabolicNetwork, Participant, Reaction

MOST_PARTICIPANTS = 1000
"""Measured: 132 at most."""
COMPOUND_ID = re.compile(r"cpd[0-9]{5}")
REACTION_ID = re.compile(r"rxn[0-9]{5}")
_PART = re.compile(r'(-?[0-9]{1,12}(?:\.[0-9]{1,20})?(?:e-?[0-9]{1,3})?):(cpd[0-9]{5}):([0-9]{1,3}):"(.*?)"(?:;|$)')
_ARROW = re.compile(r" ?(?:<=>|=>|<=) ?")
_TERM = re.compile(r"\(([0-9]{1,12}(?:\.[0-9]{1,20})?(?:e-?[0-9]{1,3})?)\) (cpd[0-9]{5})\[([0-9]{1,3})\]")
_WITHIN = re.compile(r":cpd[0-9]{5}:[0-9]{1,3}:\"")
"""In a name it is the next part, whose separator was lost."""


@dataclass(frozen=True)
class Part:
    """A compound's part in a reaction; the coefficient is negative for a reactant."""

    coefficient: float
    compound: str
    compartment: str
    name: str


def read_stoichiometry(text: str) -> list[Part]:
    """The parts of a reaction.

    Raises
    ------
    FormatError
        If the text is no stoichiometry, a coefficient is 0 or beyond all numbers, or there are too many parts.

    >>> [part.compound for part in read_stoichiometry('-1:cpd00001:0:"H2O";2:cpd00009:0:"Phosphate"')]
    ['cpd00001', 'cpd00009']
    """
    parts: list[Part] = []
    place = 0
    while place < len(text):
        found = _PART.match(text, place)
        if found is None or len(parts) == MOST_PARTICIPANTS or _WITHIN.search(found[4]):
            raise FormatError(f"{text[place : place + 80]!r} is no stoichiometry")
        coefficient = float(found[1])
        if coefficient == 0 or not math.isfinite(coefficient):
            raise FormatError(f"{found[2]} has the coefficient {coefficient:g}")
        parts.append(Part(coefficient, found[2], found[3], found[4]))
        place = found.end()
    return parts


def read_equation(text: str) -> Counter[tuple[str, str, float]]:
    """The parts of an equation, as ``(1) cpd00001[0] + (1) cpd00012[0] => (2) cpd00009[0]``.

    Returns
    -------
    Counter
        How often each comes: compound, compartment, and coefficient, which is negative on the left. A term that is
        none stands for itself, with no compartment and the coefficient 0; of a text with no arrow all is such a term.

    >>> sorted(read_equation("(2) cpd00001[0] <=> (1) cpd00007[1] + x"))
    [('cpd00001', '0', -2.0), ('cpd00007', '1', 1.0), ('x', '', 0.0)]
    """
    sides = _ARROW.split(text)
    if len(sides) != 2:
        return Counter([(text, "", 0.0)] if text.strip() else [])
    return Counter(
        (term[2], term[3], sign * float(term[1])) if (term := _TERM.fullmatch(one)) else (one, "", 0.0)
        for sign, side in zip((-1, 1), sides, strict=True) for one in side.strip().split(" + ") if one
    )  # fmt: skip


def network_of(
    id: str, rows: Iterable[tuple[str, str, str, list[Part]]], known: dict[str, tuple[str, str | None, int | None]]
) -> MetabolicNetwork:
    """A network of reactions, of their own compounds.

    Parameters
    ----------
    id : str
        Of the network.
    rows : iterable of (str, str, str, list of Part)
        Identifier, name, direction (``>``, ``<``, ``=`` or ``?``) and parts of each reaction.
    known : dict
        Name, formula and charge of compounds by their identifiers; of others the name alone is told.
    """
    number: dict[tuple[str, str], int] = {}
    compounds: list[Compound] = []
    reactions = []
    for identifier, name, direction, parts in rows:
        participants = []
        for part in parts:
            key = part.compound, part.compartment
            if key not in number:
                number[key] = len(compounds)
                called, formula, charge = known.get(part.compound, (part.name, None, None))
                compounds.append(Compound(part.compound, called, formula, charge, part.compartment))
            participants.append(Participant(number[key], 1 if part.coefficient > 0 else -1, abs(part.coefficient)))
        reversible = None if direction == "?" else direction == "="
        reactions.append((Reaction(identifier, name, reversible), participants))
    return MetabolicNetwork.of(id, "modelseed", compounds, reactions)
