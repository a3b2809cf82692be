"""ExoMol's master file in JSON: the molecules that have line lists (https://www.exomol.com/db/exomol.all.json).

Its members are those that the database's paper names (Tennyson et al. 2024, JQSRT 326, 109083): ``ID``, ``version``,
the numbers of molecules, isotopologues and datasets, and ``molecules``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from astrobio.core.errors import FormatError
from astrobio.formats.jsonl import read_json

ID = "EXOMOL.master"


@dataclass(frozen=True)
class Master:
    """The master file.

    Attributes
    ----------
    id : str
    version : int
        A date, ``YYYYMMDD``.
    molecules : mapping
        What is said of each molecule, by its formula.
    declared : mapping of str to int
        The numbers that the file says, by ``molecules``, ``isotopologues`` and ``datasets``; absent where it does not.
    """

    id: str
    version: int
    molecules: Mapping[str, Any]
    declared: Mapping[str, int]


def read_master(content: bytes) -> Master:
    """Read the master file.

    Raises
    ------
    FormatError
        If it is no JSON, or lacks a member that a master file has.

    >>> text = b'{"ID": "EXOMOL.master", "version": 20240610, "num_molecules": 1, "molecules": {"H2O": {}}}'
    >>> read_master(text).version
    20240610
    """
    document = read_json(content, 64 << 20)
    if not isinstance(document, dict):
        raise FormatError("the document is no object")
    version, molecules = document.get("version"), document.get("molecules")
    if not isinstance(molecules, dict) or not all(isinstance(one, dict) for one in molecules.values()):
        raise FormatError("there is no object 'molecules' of objects")
    if not re.fullmatch("[0-9]{1,18}", str(version)):
        raise FormatError(f"the version is {version!r}, and no number")
    declared = {}
    for name in ("molecules", "isotopologues", "datasets"):
        count = document.get(f"num_{name}")
        if isinstance(count, int):
            declared[name] = count
    return Master(str(document.get("ID", "")), int(str(version)), molecules, declared)
