"""Checks of lists of molecular line lists."""

from __future__ import annotations

import re
from datetime import date

from astrobio.core.provenance import Provenance
from astrobio.formats.exomol import ID, Master
from astrobio.verify.verdict import Findings

FIRST_VERSION = 20160101
"""The data structure was specified with the release of 2016 (Tennyson et al. 2016, J. Mol. Spectrosc. 327, 73)."""
_FORMULA = re.compile(r"(?:[A-Z][a-z]?\d*|[cl]-|_|\(|\)|[a-z]-)+[+-]?(?:_p|_m)?")


def check_master(found: Findings, master: Master, _provenance: Provenance) -> None:
    """The master file counts its molecules right, names them by formulas, and is of a date that has been."""
    count = len(master.molecules)
    found.counts["molecules"] = count
    found.note("schema", "identity", master.id == ID, repr(master.id), ID)
    declared = master.declared.get("molecules")
    found.note("transfer", "number of molecules", declared == count, f"{count} molecules",
               f"the {declared} that the file counts")  # fmt: skip
    day = _day(master.version)
    good = day is not None and master.version >= FIRST_VERSION and day <= date.today()
    found.note("physics", "version", good, master.version, f"a date from {FIRST_VERSION} on")
    wrong = [name for name in master.molecules if not _FORMULA.fullmatch(name)]
    found.flag("schema", "formulas", not wrong, ", ".join(wrong[:5]) or "all", "formulas of molecules")
    empty = sum(not said for said in master.molecules.values())
    found.note("forensics", "something said of each", not count or empty < count, f"{empty} of {count} are empty",
               "isotopologues and data sets")  # fmt: skip


def _day(version: int) -> date | None:
    text = str(version)
    if len(text) != 8:
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None
