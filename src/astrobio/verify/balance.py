"""Checks of what a network conserves: no reaction makes or loses atoms, nor charge.

Reactions that stand for growth, or for what the network takes from outside and gives back, are set apart: they are no
chemistry. How many may be is bounded too, or a network of nothing else would conserve everything.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from astrobio.core.formula import atoms_of, is_open
from astrobio.core.metabolites import recognise
from astrobio.core.network import Compound, MetabolicNetwork
from astrobio.verify.verdict import Findings

LEAST_JUDGED = 20
"""Reactions, compounds or uses from which on a share is judged."""
MOST_CHARGE = 10_000
"""Elementary charges of a compound; measured: -500 at most in the published networks (lipids a hundredfold, as in
iND750), -2400 in ModelSEED (cpd11445, a lipoteichoic acid a hundredfold)."""
LEAST_BALANCED = 0.5
"""Share of reactions that conserve every element; measured: 0.965 at least, shuffled 0.014 at most."""
MOST_GROWTH = 0.1
"""Share of reactions that may stand for growth; measured: 0.020 at most (iSB619)."""
NEUTRAL = ("h2o", "o2", "co2")
"""Metabolites without charge at any pH, by their identifiers in BiGG."""
MOST_CHARGED = 0.75
"""Share of these that may have a charge; measured: 0.5 in iRS1597, where protons have -3 to -1, none in all others."""


def is_exchange(network: MetabolicNetwork) -> NDArray[np.bool_]:
    """Reactions that take something into the network or out of it: those with one side only, and empty ones."""
    sides = [np.zeros(len(network.reactions), dtype=bool) for _ in range(2)]
    sides[0][network.columns[network.sides < 0]] = True
    sides[1][network.columns[network.sides > 0]] = True
    return ~(sides[0] & sides[1])


def is_growth(network: MetabolicNetwork) -> NDArray[np.bool_]:
    """Reactions that stand for growth: those that are maximised, and those whose name says so."""
    maximised = set(network.growth)
    return np.array(
        [one.id in maximised or any(word in f"{one.id} {one.name}".lower() for word in ("biomass", "growth"))
         for one in network.reactions], dtype=bool,
    )  # fmt: skip


def mass_balance(network: MetabolicNetwork) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which reactions can be judged, and which of them conserve every element.

    A reaction is judged if it is neither an exchange nor growth and the formula of each participant is known
    and closed. That a reaction conserves an element means that the element's row of the composition matrix times
    the reaction's column of the stoichiometric matrix is 0 (Palsson 2006, Systems Biology, section 6.2); half a
    permille of what takes part is allowed for rounded coefficients.

    Returns
    -------
    tuple of arrays
        One value a reaction.
    """
    compositions = [atoms_of(one.formula) for one in network.compounds]
    known = np.array([atoms is not None and not is_open(atoms) for atoms in compositions])
    elements = sorted({symbol for atoms in compositions for symbol, _ in atoms or ()})
    row = {symbol: place for place, symbol in enumerate(elements)}
    entries = [(row[symbol], place, count) for place, atoms in enumerate(compositions) for symbol, count in atoms or ()]
    rows, columns, counts = zip(*entries, strict=True) if entries else ((), (), ())
    atoms_in = sparse.csr_array(
        (np.array(counts, dtype=np.float64), (np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64))),
        shape=(len(elements), len(network.compounds)),
    )
    judged = _all_known(network, known) & ~is_exchange(network) & ~is_growth(network)
    return judged, judged & _conserved(network, atoms_in)


def _all_known(network: MetabolicNetwork, known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Reactions with participants, all of whose compounds are known."""
    unknown = np.bincount(network.columns[~known[network.participants]], minlength=len(network.reactions))
    return (unknown == 0) & (np.diff(network.begins) > 0)


def _conserved(network: MetabolicNetwork, amounts: sparse.csr_array) -> NDArray[np.bool_]:
    """Reactions in which no amount changes by more than half a permille of what takes part."""
    matrix = network.stoichiometric_matrix()
    change = np.abs((amounts @ matrix).toarray())
    scale = (abs(amounts) @ abs(matrix)).toarray()
    return np.all(change <= 5e-4 * scale + 1e-9, axis=0) if amounts.shape[0] else np.ones(matrix.shape[1], dtype=bool)


def check_mass_balance(found: Findings, network: MetabolicNetwork) -> None:
    """Reactions conserve the elements, where formulas are known."""
    if network.coefficients is None:
        return
    judged, balanced = mass_balance(network)
    exchange, growth = int(is_exchange(network).sum()), int((is_growth(network) & ~is_exchange(network)).sum())
    total, good = int(judged.sum()), int(balanced.sum())
    found.counts |= {"reactions judged for mass": total, "reactions balanced in mass": good,
                     "exchange reactions": exchange, "growth reactions": growth}  # fmt: skip
    seen = f"{good} of {total} balanced; set apart: {exchange} exchange, {growth} growth"
    if total >= LEAST_JUDGED:
        found.note("physics", "mass balance, the whole", good >= LEAST_BALANCED * total, seen,
                   f"every element conserved in {LEAST_BALANCED:.0%}")  # fmt: skip
    found.flag("physics", "mass balance", good == total and total > 0, seen if total else "no reaction can be judged",
               "every element conserved in each reaction")  # fmt: skip


def check_charges(found: Findings, network: MetabolicNetwork) -> None:
    """Charges are such as a compound can have."""
    given = [one for one in network.compounds if one.charge is not None]
    wrong = [f"{one.id} has {one.charge}" for one in given if one.charge and abs(one.charge) > MOST_CHARGE]
    if given:
        found.note("physics", "charges of compounds", not wrong, ", ".join(wrong[:3])[:200] or f"{len(given)} charges",
                   f"at most {MOST_CHARGE} elementary charges, positive or negative")  # fmt: skip


def charges_known(network: MetabolicNetwork) -> bool:
    """Whether the network has charges: where each is 0, ATP's too, a converter has written them.

    Measured: of the 83 published networks 60 have charges, and 36 of these only zeros.
    """
    return any(one.charge for one in network.compounds)


def charge_balance(network: MetabolicNetwork) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which reactions can be judged, and which of them conserve charge; none where charges are not known."""
    known = np.array([one.charge is not None for one in network.compounds]) & charges_known(network)
    charges = np.array([[float(one.charge or 0) for one in network.compounds]])
    judged = _all_known(network, known) & ~is_exchange(network) & ~is_growth(network)
    return judged, judged & _conserved(network, sparse.csr_array(charges))


def check_charge_balance(found: Findings, network: MetabolicNetwork) -> None:
    """Reactions conserve charge, where charges are known.

    Reported only: published networks have from 20 % (iRS1597, where water and oxygen have charges) to all of their
    reactions balanced.
    """
    if network.coefficients is None:
        return
    judged, balanced = charge_balance(network)
    total, good = int(judged.sum()), int(balanced.sum())
    found.counts |= {"reactions judged for charge": total, "reactions balanced in charge": good}
    seen = f"{good} of {total} balanced" if total else "no charges are known"
    found.flag("physics", "charge balance", good == total and total > 0, seen, "charge conserved in each reaction")


def check_growth_share(found: Findings, network: MetabolicNetwork) -> None:
    """Few reactions stand for growth, which no balance is asked of."""
    growth, total = int((is_growth(network) & ~is_exchange(network)).sum()), len(network.reactions)
    found.note("physics", "growth reactions", growth <= max(1, MOST_GROWTH * total),
               f"{growth} of {total} stand for growth", f"at most {MOST_GROWTH:.0%}")  # fmt: skip


def check_neutral(found: Findings, network: MetabolicNetwork) -> None:
    """Water, oxygen and carbon dioxide have no charge, where charges are known."""
    if not charges_known(network):
        return
    charged, judged = charged_neutrals(network.compounds)
    if judged:
        seen = f"{charged} of {judged} have one"
        found.note("physics", "charges of water, O2 and CO2, the whole", charged <= MOST_CHARGED * judged, seen,
                   f"none in {1 - MOST_CHARGED:.0%}")  # fmt: skip
        found.flag("physics", "charges of water, O2 and CO2", charged == 0, seen, "none")


def charged_neutrals(compounds: Sequence[Compound]) -> tuple[int, int]:
    """How many of the compounds that are neutral have a charge, and for how many one is told."""
    known = [(recognise(one), one.charge) for one in compounds if one.charge is not None]
    charges = [charge for metabolite, charge in known if metabolite is not None and metabolite.bigg in NEUTRAL]
    return sum(charge != 0 for charge in charges), len(charges)
