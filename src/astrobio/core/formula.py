"""Chemical formulas as metabolic networks write them: ``C10H12N5O13P3``, without brackets, in any order.

Beside the elements networks write ``R`` and ``X`` for a part of a molecule that is left open: a chain of any length, a
protein that carries a group.
"""

from __future__ import annotations

import re
from functools import lru_cache

from astrobio.core.errors import FormatError

ELEMENTS = frozenset((
    "H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "Ar", "K", "Ca",
    "Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As", "Se", "Br", "Kr", "Rb", "Sr", "Y",
    "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd", "In", "Sn", "Sb", "Te", "I", "Xe", "Cs", "Ba", "La", "Ce",
    "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Hf", "Ta", "W", "Re", "Os", "Ir",
    "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po", "At", "Rn", "Fr", "Ra", "Ac", "Th", "Pa", "U", "Np", "Pu", "Am", "Cm",
    "Bk", "Cf", "Es", "Fm", "Md", "No", "Lr", "Rf", "Db", "Sg", "Bh", "Hs", "Mt", "Ds", "Rg", "Cn", "Nh", "Fl",
    "Mc", "Lv", "Ts", "Og",
))  # fmt: skip
"""Symbols of the 118 elements (IUPAC)."""
WEIGHTS = {
    "H": 1.008, "B": 10.81, "C": 12.011, "N": 14.007, "O": 15.999, "F": 18.998, "Na": 22.990, "Mg": 24.305,
    "Al": 26.982, "Si": 28.085, "P": 30.974, "S": 32.06, "Cl": 35.45, "K": 39.098, "Ca": 40.078, "Cr": 51.996,
    "Mn": 54.938, "Fe": 55.845, "Co": 58.933, "Ni": 58.693, "Cu": 63.546, "Zn": 65.38, "As": 74.922, "Se": 78.971,
    "Br": 79.904, "Mo": 95.95, "I": 126.90, "W": 183.84, "Hg": 200.59,
}  # fmt: skip
"""Standard atomic weights of the elements that compounds of cells have, abridged to five digits (IUPAC 2021)."""
OPEN_GROUPS = frozenset(("R", "X"))
"""What stands for a part of a molecule that is left open."""
LONGEST = 500
"""Characters; measured: 63 at most in published networks and in ModelSEED."""
_PART = re.compile(r"([A-Z][a-z]?)([0-9]{1,6}(?:\.[0-9]{1,6})?)?")


@lru_cache(maxsize=1 << 16)
def parse_formula(formula: str) -> tuple[tuple[str, float], ...]:
    """How many atoms of which element a formula has, in the alphabetical order of their symbols.

    Parameters
    ----------
    formula : str

    Raises
    ------
    FormatError
        If it is no formula, or has a symbol that stands for neither an element nor an open group.

    >>> parse_formula("C2H4O2")
    (('C', 2.0), ('H', 4.0), ('O', 2.0))
    >>> parse_formula("Ammonia")
    Traceback (most recent call last):
    ...
    astrobio.core.errors.FormatError: 'Ammonia' is no chemical formula
    """
    shown = repr(formula[:80])
    if not formula or len(formula) > LONGEST:
        raise FormatError(f"{shown} is no chemical formula")
    atoms: dict[str, float] = {}
    place = 0
    while place < len(formula):
        part = _PART.match(formula, place)
        if part is None:
            raise FormatError(f"{shown} is no chemical formula")
        symbol = part[1]
        if symbol not in ELEMENTS and symbol not in OPEN_GROUPS:
            raise FormatError(f"{shown} has {symbol}, which is no element")
        atoms[symbol] = atoms.get(symbol, 0.0) + float(part[2] or 1)
        place = part.end()
    return tuple(sorted((symbol, count) for symbol, count in atoms.items() if count))


def atoms_of(formula: str | None) -> tuple[tuple[str, float], ...] | None:
    """The atoms of a formula as :func:`parse_formula` tells them; none where there is none, or it cannot be read.

    >>> atoms_of("H2O"), atoms_of("water"), atoms_of(None)
    ((('H', 2.0), ('O', 1.0)), None, None)
    """
    if not formula:
        return None
    try:
        return parse_formula(formula)
    except FormatError:
        return None


def is_open(atoms: tuple[tuple[str, float], ...]) -> bool:
    """Whether a part of the molecule is left open, so that its mass is not known.

    >>> is_open(parse_formula("C2H3O2R"))
    True
    """
    return any(symbol in OPEN_GROUPS for symbol, _ in atoms)


def molecular_weight(atoms: tuple[tuple[str, float], ...]) -> float | None:
    """Weight of a molecule in g/mol; none where a part is left open, or an element is not among ``WEIGHTS``.

    >>> round(molecular_weight(parse_formula("H2O")), 3)
    18.015
    """
    if not all(symbol in WEIGHTS for symbol, _ in atoms):
        return None
    return sum(WEIGHTS[symbol] * count for symbol, count in atoms)
