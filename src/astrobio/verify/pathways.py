"""Checks of pathway maps in KGML: everything in them has an identifier of KEGG's form, and refers to what is there."""

from __future__ import annotations

import re

from astrobio.core.provenance import Provenance
from astrobio.formats.kgml import COMPOUND, ORTHOLOG, REACTION, Pathway
from astrobio.formats.network_file import PROBLEMS
from astrobio.verify.networks import CONTENTS
from astrobio.verify.verdict import Findings

FORMS = {"compound": COMPOUND, "ortholog": ORTHOLOG}
"""Forms of identifiers by the type of entry, as the manual of KGML gives them."""


def check_pathway(found: Findings, pathway: Pathway, provenance: Provenance) -> None:
    """All checks of a map, and its counts."""
    network = pathway.network
    found.counts |= {"pathways": 1, "reactions": len(network.reactions), "compounds": len(network.compounds)}
    for name in PROBLEMS:
        wrong = [what for check, what in pathway.problems if check == name]
        found.note("schema", name, not wrong, "; ".join(wrong[:5])[:400] or "as it must be", CONTENTS[name])
    _check_forms(found, pathway)
    stem = str(provenance.detail.get("name", "")).rpartition("/")[2].partition(".")[0]
    asked = re.fullmatch(r"[a-z]{2,10}[0-9]{5}", stem) is not None
    found.flag("schema", "the map that was asked for", not asked or pathway.name == f"path:{stem}", pathway.name[:80],
               f"path:{stem}" if asked else "any")  # fmt: skip


def _check_forms(found: Findings, pathway: Pathway) -> None:
    entries = pathway.entries or {}
    for kind, form in FORMS.items():
        names = [name for entry in entries.values() if entry.type == kind for name in entry.names]
        wrong = [name for name in names if not form.fullmatch(name)]
        found.note("forensics", f"identifiers of {kind}s", not wrong, ", ".join(wrong[:5])[:200] or f"{len(names)}",
                   form.pattern)  # fmt: skip
    names = [name for reaction in pathway.network.reactions for name in reaction.name.split()]
    wrong = [name for name in names if not REACTION.fullmatch(name)]
    found.note("forensics", "identifiers of reactions", not wrong, ", ".join(wrong[:5])[:200] or f"{len(names)}",
               REACTION.pattern)  # fmt: skip
