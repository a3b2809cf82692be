"""Checks of tables of compounds and of reactions, as ModelSEED has them: a part of the whole each.

What one table refers to may stand in another one, so references are resolved where all are at hand, in the data set.
Bounds were measured over all 61 tables of reactions and 50 of compounds.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import polars as pl

from astrobio.core.errors import FormatError
from astrobio.core.formula import atoms_of, molecular_weight
from astrobio.core.metabolites import METABOLITES, recognise
from astrobio.core.network import Compound
from astrobio.core.provenance import Provenance
from astrobio.formats.delimited import Table
from astrobio.formats.modelseed import (
    COMPOUND_ID,
    REACTION_ID,
    Part,
    network_of,
    read_equation,
    read_stoichiometry,
)
from astrobio.formats.packed import GZIP, gunzip
from astrobio.formats.schema import Typed
from astrobio.verify.balance import LEAST_JUDGED, charged_neutrals
from astrobio.verify.networks import (
    MOST_STRANGE,
    check_cofactors,
    check_connected,
    check_formula_list,
    check_metabolites,
    strange_formulas,
)
from astrobio.verify.tables import TableFormat
from astrobio.verify.verdict import Findings

MOST_BYTES = 64 << 20
"""Of a table once unpacked; measured: 1.2 MB at most."""
MOST_RATIO = 200.0
LEAST_JUDGED_TABLE = 100
"""Reactions from which on a part of a table is judged as a network."""
LEAST_METABOLITES, LEAST_HUBS = 12, 3
"""Measured: 24 of the 55 common metabolites at least; 5 of the ten compounds with the most reactions at least."""
LEAST_REDOX, LEAST_PHOSPHATE, LEAST_SPENDING = 0.5, 0.35, 0.005
"""Measured: 0.95, 0.70 and 0.020 at least."""
LEAST_CONNECTED = 0.35
"""Measured: 0.70 at least."""
LEAST_NAMED = 0.5
"""Share of the common metabolites of a table that have a name of theirs; measured: all 55, which stand in one table."""
MOST_HEAVY = 0.5
"""Share of the masses that may be off their formula; measured: 0.38 at most (compound_12)."""
MASS_TOLERANCE, MASS_SHARE = 1.5, 0.005
"""Masses are whole numbers in most rows, and belong to another state of protonation in some: g/mol, and share."""
MOST_UNEQUAL = 0.01
"""Share of reactions whose columns may contradict each other; measured: 0."""


@dataclass(frozen=True)
class PackedTable(TableFormat):
    """A table that may be packed by gzip."""

    def text(self, content: bytes) -> Table:
        """The table as text; raises FormatError if it is none."""
        return super().text(gunzip(content, MOST_BYTES, MOST_RATIO) if content.startswith(GZIP) else content)


def check_compounds(found: Findings, typed: Typed, _provenance: Provenance) -> None:
    """Identifiers, formulas, masses and names of compounds agree."""
    frame = typed.frame
    if not {"id", "name", "formula", "mass", "charge"} <= set(frame.columns) or not frame.height:
        return
    _check_identifiers(found, frame["id"], COMPOUND_ID.pattern)
    check_formula_list(found, frame["formula"].to_list())
    _check_masses(found, frame)
    columns = frame.select("id", pl.col("name").fill_null(""), "formula", "charge")
    compounds = [Compound(*row) for row in columns.rows() if row[0]]
    _check_known(found, compounds)


def _check_identifiers(found: Findings, identifiers: pl.Series, pattern: str) -> None:
    wrong = identifiers.filter(~identifiers.str.contains(f"^{pattern}$").fill_null(False))
    shown = ", ".join(map(repr, wrong.head(3).to_list()))[:200]
    found.note("schema", "identifiers", not len(wrong), f"{len(wrong)} of {len(identifiers)} differ: {shown}"
               if len(wrong) else f"{len(identifiers)} identifiers", pattern)  # fmt: skip


def _check_masses(found: Findings, frame: pl.DataFrame) -> None:
    """Mass is the sum of the atomic weights of the formula."""
    judged = off = 0
    for formula, mass in frame.select("formula", "mass").drop_nulls().rows():
        atoms = atoms_of(formula)
        weight = molecular_weight(atoms) if atoms else None
        if weight is not None:
            judged += 1
            off += abs(weight - mass) > max(MASS_TOLERANCE, MASS_SHARE * weight)
    seen = f"{off} of {judged} are off"
    if judged >= LEAST_JUDGED:
        found.note("physics", "masses, the table", off <= MOST_HEAVY * judged, seen,
                   f"the sum of the atoms in {1 - MOST_HEAVY:.0%}")  # fmt: skip
    found.flag("physics", "masses", off == 0, seen, "the sum of the atoms")


def _check_known(found: Findings, compounds: list[Compound]) -> None:
    """Common metabolites have their names, formulas and, where they are neutral, no charge."""
    by_identifier = {one.modelseed: one for one in METABOLITES}
    named = {one.id: recognise(Compound(one.name)) for one in compounds if one.id in by_identifier}
    wrong = [identifier for identifier, one in named.items() if one not in (None, by_identifier[identifier])]
    theirs = sum(one is not None for one in named.values()) - len(wrong)
    found.note("forensics", "names of common metabolites", not wrong and theirs >= LEAST_NAMED * len(named),
               f"{theirs} of {len(named)} have theirs" + (f"; others: {', '.join(wrong[:5])}" if wrong else ""),
               f"theirs in {LEAST_NAMED:.0%}, and none that of another")  # fmt: skip
    charged, told = charged_neutrals([one for one in compounds if one.id in by_identifier])
    found.note("physics", "charges of water, O2 and CO2", charged == 0, f"{charged} of {told} have one", "none")
    differ, judged = strange_formulas(compounds)
    if judged:
        found.note("physics", "formulas of common metabolites", differ <= max(1, MOST_STRANGE * judged),
                   f"{differ} of {judged} differ", "theirs but for hydrogen")  # fmt: skip


def parts_of(frame: pl.DataFrame, wrong: list[str] | None = None) -> list[list[Part]]:
    """The parts of each reaction of a table; those that cannot be read have none, and are noted."""
    found: list[list[Part]] = []
    for identifier, text in frame.select("id", "stoichiometry").rows():
        try:
            found.append(read_stoichiometry(text or ""))
        except FormatError as error:
            if wrong is not None:
                wrong.append(f"{identifier}: {error}")
            found.append([])
    return found


def check_reactions(found: Findings, typed: Typed, _provenance: Provenance) -> None:
    """Stoichiometry can be read, agrees with the other columns, and is that of metabolism."""
    frame = typed.frame
    needed = {"id", "name", "stoichiometry", "compound_ids", "equation", "status"}
    if not needed <= set(frame.columns) or not frame.height:
        return
    _check_identifiers(found, frame["id"], REACTION_ID.pattern)
    wrong: list[str] = []
    parts = parts_of(frame, wrong)
    found.note("schema", "stoichiometry", not wrong, "; ".join(wrong[:3])[:300] or f"{len(parts)} reactions",
               "coefficients that are not 0, of compounds")  # fmt: skip
    _check_columns(found, frame, parts)
    _check_status(found, frame)
    network = network_of("table", ((*row, "?", several) for row, several in
                                   zip(frame.select("id", pl.col("name").fill_null("")).rows(), parts, strict=True)),
                         {})  # fmt: skip
    if len(network.reactions) >= LEAST_JUDGED_TABLE and len(network.participants):
        check_metabolites(found, network, LEAST_METABOLITES, LEAST_HUBS)
        check_cofactors(found, network, LEAST_REDOX, LEAST_PHOSPHATE, LEAST_SPENDING)
        check_connected(found, network, LEAST_CONNECTED)


def _check_columns(found: Findings, frame: pl.DataFrame, parts: list[list[Part]]) -> None:
    """The list of compounds and the equation say what the stoichiometry says."""
    unlike, other = [], []
    rows = frame.select("id", "compound_ids", "equation").rows()
    for (identifier, listed, equation), several in zip(rows, parts, strict=True):
        if set((listed or "").split(";")) - {""} != {part.compound for part in several}:
            unlike.append(str(identifier))
        if read_equation(equation or "") != Counter(
            (one.compound, one.compartment, one.coefficient) for one in several
        ):
            other.append(str(identifier))
    for name, differing, expected in (
        ("compound_ids", unlike, "the same compounds"),
        ("equation", other, "the same coefficients of the same compounds, on the same sides"),
    ):
        found.note("forensics", f"{name} as in the stoichiometry", len(differing) <= MOST_UNEQUAL * len(parts),
                   f"{len(differing)} differ" + (f": {', '.join(differing[:3])}" if differing else ""),
                   expected)  # fmt: skip


def _check_status(found: Findings, frame: pl.DataFrame) -> None:
    """Balance of mass and charge, as the database states it: reported."""
    states = frame["status"].fill_null("")
    balanced = int(states.str.contains(r"^OK").sum())
    mass, charge = int(states.str.contains(r"MI:").sum()), int(states.str.contains(r"CI:").sum())
    open_formula = int(states.str.contains("CPDFORMERROR").sum())
    found.counts |= {"reactions balanced": balanced, "reactions off in mass": mass, "reactions off in charge": charge,
                     "reactions without all formulas": open_formula}  # fmt: skip
    seen = f"{balanced} of {len(states)} balanced, {mass} off in mass, {charge} in charge, {open_formula} not judged"
    found.flag("physics", "mass and charge balance", balanced == len(states), seen, "each balanced")
