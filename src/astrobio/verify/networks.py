"""Checks of metabolic networks: whether they hang together, conserve matter, and consist of compounds that exist.

What makes a network credible without asking any database: every cell has water, ATP, the carriers of electrons, amino
acids and nucleotides, and these take part in more reactions than anything else; whoever spends ATP gives ADP or AMP
back, whoever takes NADH gives NAD back; and atoms are neither made nor lost. A network with invented compounds lacks
the first, one with invented or shuffled reactions the others.

Bounds were measured on the 83 published networks, and on the same networks with their participants shuffled over all
reactions; each bound says what was found.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from astrobio.core.formula import atoms_of, parse_formula
from astrobio.core.metabolites import METABOLITES, Metabolite, recognise
from astrobio.core.network import Compound, MetabolicNetwork
from astrobio.core.provenance import Provenance
from astrobio.formats.network_file import PROBLEMS, NetworkFile
from astrobio.verify.balance import (
    LEAST_JUDGED,
    charges_known,
    check_charge_balance,
    check_charges,
    check_growth_share,
    check_mass_balance,
    check_neutral,
)
from astrobio.verify.verdict import Findings

MOST_UNREADABLE = 0.1
"""Share of formulas that may be none; measured: 0.028 at most (iTH366, with names where formulas belong)."""
MOST_STRANGE = 0.25
"""Share of the common metabolites whose formula may differ; measured: 0.024 at most (iNJ661m)."""
LEAST_METABOLITES = 20
"""Of the 55 common metabolites; measured: 28 at least (the core network of E. coli with its 72 compounds), else 49."""
HUBS, LEAST_HUBS = 10, 5
"""Of the ten compounds with the most reactions so many are common metabolites; measured: 8 at least."""
LEAST_PHOSPHATE = 0.5
"""Share of the reactions with ATP on one side that have ADP or AMP on the other; measured: 0.87 at least, shuffled 0.17
at most."""
LEAST_REDOX = 0.2
"""Share of the reactions with NAD(P) or NAD(P)H on one side that have its partner on the other; measured: 0.41 in the
network mus_musculus, whose file has lost NAD and NADP of the cytosol, 0.89 at least in all others, shuffled 0.08 at
most."""
LEAST_SPENDING = 0.02
"""Share of all reactions that have ATP on one side only; measured: 0.082 at least (iMM1415)."""
LEAST_CONNECTED = 0.5
"""Share of the compounds with a reaction that hang together; measured: 0.825 at least (iNV213)."""
MOST_UNUSED = 0.6
"""Share of compounds without any reaction; measured: 0.38 at most (iMA871)."""
LEAST_WHOLE = 0.7
"""Share of coefficients that are whole numbers, in reactions of at most ``MANY`` participants; measured: 0.947 at
least."""
LEAST_DISTINCT = 0.3
"""Share of reactions that differ from all before them; measured: 0.60 at least (iWV1314, which lists isoenzymes)."""
MOST_EMPTY = 0.5
"""Share of reactions without participants; measured: 0.011 at most."""
MANY = 12
"""Participants, from which on a reaction may be one of growth, which takes whatever a cell is made of."""
PARTNERS = {"nad": ("nadh",), "nadh": ("nad",), "nadp": ("nadph",), "nadph": ("nadp",)}
CONTENTS = {
    "identifiers": "an identifier for each compound and reaction, once",
    "references": "compounds, compartments and bounds that the file has",
    "stoichiometry": "finite coefficients above 0",
    "bounds": "bounds that are numbers, the lower at most the upper",
    "types": "elements and attributes of the format, and values of each attribute's type",
    "contents": "compounds and reactions",
}


def check_network(found: Findings, file: NetworkFile, provenance: Provenance) -> None:
    """All checks of a genome-scale network, and its counts."""
    network = file.network
    found.counts |= {"networks": 1, "compounds": len(network.compounds), "reactions": len(network.reactions)}
    check_contents(found, file, provenance)
    if not network.compounds or not network.reactions:
        return
    check_reactions(found, network)
    if not len(network.participants):
        return
    for check in (
        check_formulas, check_charges, check_neutral, check_mass_balance, check_charge_balance, check_growth_share,
        check_metabolites, check_cofactors, check_connected, check_coefficients, check_growth,
    ):  # fmt: skip
        check(found, network)


def check_contents(found: Findings, file: NetworkFile, _provenance: Provenance) -> None:
    """Whatever the reader found wrong, one check a kind."""
    for name in PROBLEMS:
        wrong = [what for check, what in file.problems if check == name]
        found.note("schema", name, not wrong, "; ".join(wrong[:5]) or "as it must be", CONTENTS[name])


def check_formulas(found: Findings, network: MetabolicNetwork) -> None:
    """Formulas consist of elements, and those of common metabolites are theirs."""
    check_formula_list(found, [one.formula for one in network.compounds])
    differ, judged = strange_formulas(network.compounds)
    if judged >= LEAST_JUDGED:
        found.note("physics", "formulas of common metabolites", differ <= MOST_STRANGE * judged,
                   f"{differ} of {judged} differ", f"theirs but for hydrogen, in {1 - MOST_STRANGE:.0%}")  # fmt: skip


def check_formula_list(found: Findings, formulas: Sequence[str | None]) -> None:
    """Formulas consist of elements and open groups; a few that do not are flagged, many refuse."""
    given = [formula for formula in formulas if formula]
    wrong = [formula for formula in given if atoms_of(formula) is None]
    seen = f"{len(wrong)} of {len(given)} are none" + (f": {', '.join(map(repr, wrong[:3]))}"[:200] if wrong else "")
    if given:
        found.note("physics", "formulas, the whole", len(wrong) <= MOST_UNREADABLE * len(given) or len(wrong) < 2, seen,
                   f"elements and numbers, in {1 - MOST_UNREADABLE:.0%}")  # fmt: skip
        found.flag("physics", "formulas", not wrong, seen, "elements and numbers")


def strange_formulas(compounds: Sequence[Compound]) -> tuple[int, int]:
    """How many common metabolites have a formula that is not theirs, hydrogen aside, and how many have one at all."""
    differ = judged = 0
    for compound in compounds:
        metabolite, atoms = recognise(compound), atoms_of(compound.formula)
        if metabolite is None or atoms is None or not metabolite.formula:
            continue
        judged += 1
        differ += {symbol: count for symbol, count in atoms if symbol != "H"} != dict(parse_formula(metabolite.formula))
    return differ, judged


def metabolites_of(network: MetabolicNetwork) -> list[Metabolite | None]:
    """The common metabolite that each compound is; see :func:`~astrobio.core.metabolites.recognise`."""
    return [recognise(one) for one in network.compounds]


def check_metabolites(
    found: Findings, network: MetabolicNetwork, least: int = LEAST_METABOLITES, least_hubs: int = LEAST_HUBS
) -> None:
    """The metabolites that every cell has are there, and take part in more reactions than others."""
    known = metabolites_of(network)
    names = {one.bigg for one in known if one is not None}
    found.note("forensics", "common metabolites", len(names) >= least, f"{len(names)} of {len(METABOLITES)}",
               f"at least {least}")  # fmt: skip
    _check_hubs(found, network, known, least_hubs)


def _check_hubs(found: Findings, network: MetabolicNetwork, known: list[Metabolite | None], least: int) -> None:
    most = np.argsort(-network.degrees(), kind="stable")[:HUBS]
    hubs = sum(known[place] is not None for place in most)
    others = ", ".join(network.compounds[place].id for place in most if known[place] is None) or "none"
    found.note("forensics", "common metabolites are the hubs", hubs >= least,
               f"{hubs} of the {HUBS} compounds with the most reactions; others: {others}"[:300],
               f"at least {least}")  # fmt: skip


def cofactor_uses(network: MetabolicNetwork) -> dict[str, tuple[int, int]]:
    """How often a carrier is used, and how often it is given back, by ``electrons`` and ``phosphate``.

    Exchanges and reactions with more than ``MANY`` participants are left out, and what stands on both sides.
    """
    known = metabolites_of(network)
    names = [None if known[place] is None else known[place].bigg for place in network.participants]  # type: ignore[union-attr]
    uses = {"electrons": [0, 0], "phosphate": [0, 0]}
    for begin, end in zip(network.begins[:-1], network.begins[1:], strict=True):
        if end - begin > MANY:
            continue
        left = {name for name, side in zip(names[begin:end], network.sides[begin:end], strict=True) if side < 0}
        right = {name for name, side in zip(names[begin:end], network.sides[begin:end], strict=True) if side > 0}
        if not left or not right:
            continue
        for here, there in ((left, right), (right, left)):
            for name in here - there:
                if name in PARTNERS:
                    uses["electrons"][0] += 1
                    uses["electrons"][1] += not there.isdisjoint(PARTNERS[name])
                elif name == "atp":
                    uses["phosphate"][0] += 1
                    uses["phosphate"][1] += not there.isdisjoint(("adp", "amp"))
    return {name: (used, given) for name, (used, given) in uses.items()}


def check_cofactors(
    found: Findings,
    network: MetabolicNetwork,
    redox: float = LEAST_REDOX,
    phosphate: float = LEAST_PHOSPHATE,
    spending: float = LEAST_SPENDING,
) -> None:
    """What carries electrons or phosphate is given back."""
    uses = cofactor_uses(network)
    for name, kind, least in (
        ("NAD(P)H is given back", "electrons", redox), ("ATP is given back", "phosphate", phosphate),
    ):  # fmt: skip
        used, given = uses[kind]
        if used >= LEAST_JUDGED:
            found.note("physics", name, given >= least * used, f"in {given} of {used} reactions", f"in {least:.0%}")
    spent, total = uses["phosphate"][0], len(network.reactions)
    found.note("forensics", "ATP is spent", spent >= spending * total, f"in {spent} of {total} reactions",
               f"in {spending:.0%}")  # fmt: skip


def check_connected(found: Findings, network: MetabolicNetwork, least: float = LEAST_CONNECTED) -> None:
    """Compounds hang together through reactions, and have some."""
    degrees = network.degrees()
    used, unused = int((degrees > 0).sum()), int((degrees == 0).sum())
    largest = int(network.component_sizes()[0])
    found.note("forensics", "connected", largest >= least * used,
               f"{largest} of {used} compounds with reactions hang together", f"{least:.0%}")  # fmt: skip
    seen = f"{unused} of {len(degrees)} compounds have no reaction"
    found.note("forensics", "compounds with reactions", unused <= MOST_UNUSED * len(degrees), seen,
               f"at most {MOST_UNUSED:.0%} without")  # fmt: skip
    found.flag("forensics", "compounds without reactions", unused == 0, seen, "none")


def check_coefficients(found: Findings, network: MetabolicNetwork) -> None:
    """Coefficients of reactions are whole numbers, but for a few."""
    if network.coefficients is None:
        return
    sizes = np.diff(network.begins)
    values = network.coefficients[np.repeat(sizes <= MANY, sizes)]
    whole = int((values == np.round(values)).sum())
    if len(values) >= LEAST_JUDGED:
        found.note("forensics", "whole coefficients", whole >= LEAST_WHOLE * len(values),
                   f"{whole} of {len(values)}",
                   f"{LEAST_WHOLE:.0%} in reactions of at most {MANY} participants")  # fmt: skip


def check_reactions(found: Findings, network: MetabolicNetwork) -> None:
    """Reactions have participants, and differ."""
    sizes = np.diff(network.begins)
    empty, total = int((sizes == 0).sum()), len(sizes)
    found.note("forensics", "reactions with participants", empty <= MOST_EMPTY * total,
               f"{empty} of {total} have none", f"at most {MOST_EMPTY:.0%} without")  # fmt: skip
    found.flag("forensics", "reactions without participants", empty == 0, f"{empty} of {total}", "none")
    distinct = len(_reaction_keys(network))
    found.note("forensics", "reactions differ", distinct >= LEAST_DISTINCT * total, f"{distinct} of {total} differ",
               f"{LEAST_DISTINCT:.0%}")  # fmt: skip


def _reaction_keys(network: MetabolicNetwork) -> set[bytes]:
    """What each reaction does, whatever the order in which it is written."""
    coefficients = network.coefficients
    values = network.sides.astype(np.float64) * (1.0 if coefficients is None else coefficients)
    order = np.lexsort((values, network.participants, network.columns))
    pairs = np.stack([network.participants[order].astype(np.float64), values[order]], axis=1)
    return {
        pairs[begin:end].tobytes() for begin, end in zip(network.begins[:-1], network.begins[1:], strict=True)
    }  # fmt: skip


def check_growth(found: Findings, network: MetabolicNetwork) -> None:
    """A genome-scale network names the reaction that stands for growth; one without is flagged."""
    found.flag("schema", "growth reaction", bool(network.growth), ", ".join(network.growth)[:200] or "none",
               "the reaction that is maximised")  # fmt: skip
    zeros = any(one.charge is not None for one in network.compounds) and not charges_known(network)
    found.flag("forensics", "charges", not zeros, "each is 0" if zeros else "as they are", "charges that differ")
