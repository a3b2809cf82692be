"""SBML: genome-scale metabolic networks, level 3 with the package for flux balance constraints (fbc) version 2.

Read by lxml, and not by python-libsbml. Measured over the 83 published networks (91 MB once unpacked): lxml reads them
in 0.8 s, libsbml 5.21 in 8.8 s before a single value is asked for; and libsbml ends the process (SIGSEGV) on a file of
1 MB whose notes or formulas are nested 100,000 deep, and expands the entities that a file declares. What a network
needs of SBML is a dozen attributes, named in the specifications of SBML Level 3 Version 1 Core and of its package Flux
Balance Constraints Version 2 (https://sbml.org/documents/specifications/). The tests compare every value with what
libsbml reads.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from astrobio.core.errors import FormatError
from astrobio.core.network import Compound, MetabolicNetwork, Participant, Reaction
from astrobio.formats.network_file import NetworkFile, xml_number
from astrobio.formats.packed import GZIP, gunzip
from astrobio.formats.sbml_layout import FBC, sbml_layout
from astrobio.formats.xml import parse_xml
from astrobio.formats.xml_layout import strange_parts

MOST_BYTES = 128 << 20
"""Once unpacked; measured: 3.8 MB at most."""
MOST_RATIO = 200.0
"""Unpacked bytes for each packed one; measured: 33 at most."""
MOST_TAGS = 6_000_000
"""Measured: 200,000 at most."""
MOST_DEPTH = 64
"""Elements within elements; measured: 10 at most."""
CORE = ("http://www.sbml.org/sbml/level3/version1/core", "http://www.sbml.org/sbml/level3/version2/core")
UNKNOWN_CHARGE = 10_000_000
"""A charge that is not known, in networks of the Model SEED; measured: 4 compounds of iBsu1103, pools without formula.

The default that its import writes (https://github.com/ModelSEED/Model-SEED-core/issues/97), seen in its biochemistry
too (https://github.com/ModelSEED/ModelSEEDDatabase/issues/44).
"""
_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,999}")
_SENSES = {"maximize": 1, "minimize": -1}
"""What an objective can be for, and the sign of the coefficients that make a flux large (FbcType of the package)."""
_SHOWN = 3


def read_sbml(content: bytes) -> NetworkFile:
    """Read a network from SBML, plain or packed by gzip.

    Parameters
    ----------
    content : bytes

    Raises
    ------
    FormatError
        If it is no XML within the limits, or no SBML of level 3 with a model and its fbc version 2.

    >>> read_sbml(b"<html/>")
    Traceback (most recent call last):
    ...
    astrobio.core.errors.FormatError: the root element is html, and sbml of level 3 is expected
    """
    if content.startswith(GZIP):
        content = gunzip(content, MOST_BYTES, MOST_RATIO)
    tags = content.count(b"<")
    if tags > MOST_TAGS:
        raise FormatError(f"it has {tags} tags; at most {MOST_TAGS} are read")
    root = parse_xml(content, MOST_BYTES, MOST_DEPTH)
    core = _core(root)
    models = root.findall(core + "model")
    if len(models) != 1:
        raise FormatError(f"there are {len(models)} models, and one is expected")
    return _Reader(models[0], core).read()


def _core(root: Any) -> str:
    for namespace in CORE:
        if root.tag == f"{{{namespace}}}sbml" and root.get("level") == "3":
            if FBC.strip("{}") not in root.nsmap.values():
                raise FormatError("it does not use the package for flux balance constraints, version 2")
            return f"{{{namespace}}}"
    name = str(root.tag).rpartition("}")[2]
    level = f" of level {root.get('level')}" if name == "sbml" else ""
    raise FormatError(f"the root element is {name[:80]}{level}, and sbml of level 3 is expected")


@dataclass
class _Reader:
    """Reads one model, and collects what is wrong with it."""

    model: Any
    core: str
    problems: list[tuple[str, str]] = field(default_factory=list)

    def read(self) -> NetworkFile:
        self._layout()
        compartments = self._identified("listOfCompartments", "compartment")
        parameters = self._parameters()
        species = self._identified("listOfSpecies", "species")
        compounds = [self._compound(identifier, one, compartments) for identifier, one in species.items()]
        number = {compound.id: place for place, compound in enumerate(compounds)}
        reactions = self._identified("listOfReactions", "reaction")
        parts = [
            (self._reaction(identifier, one, parameters), self._participants(identifier, one, number))
            for identifier, one in reactions.items()
        ]
        if not compounds:
            self._wrong("contents", "there are no compounds")
        if not parts:
            self._wrong("contents", "there are no reactions")
        growth = self._growth(reactions)
        network = MetabolicNetwork.of(self.model.get("id") or "", "sbml", compounds, parts, growth=growth)
        return NetworkFile(network, self._gathered())

    def _layout(self) -> None:
        """Whatever SBML has not: a reader would pass over it."""
        own = tuple(name.strip("{}") for name in (self.core, FBC, ""))
        for what in strange_parts(self.model.getparent(), sbml_layout(self.core), own):
            self._wrong("types", f"there is {what}")

    def _wrong(self, check: str, what: str) -> None:
        self.problems.append((check, what))

    def _gathered(self) -> list[tuple[str, str]]:
        """The problems, those beyond the first few of a kind as a number."""
        counts = Counter(check for check, _ in self.problems)
        shown: list[tuple[str, str]] = []
        for check, count in counts.items():
            shown += [one for one in self.problems if one[0] == check][:_SHOWN]
            shown += [(check, f"and {count - _SHOWN} more")] if count > _SHOWN else []
        return shown

    def _identified(self, listing: str, name: str) -> dict[str, Any]:
        """The elements of a list by their identifiers."""
        found: dict[str, Any] = {}
        for one in self.model.iterfind(f"{self.core}{listing}/{self.core}{name}"):
            identifier = one.get("id") or ""
            if not _ID.fullmatch(identifier):
                self._wrong("identifiers", f"a {name} has the identifier {identifier[:80]!r}")
            elif identifier in found:
                self._wrong("identifiers", f"{name} {identifier[:80]} comes more than once")
            else:
                found[identifier] = one
        return found

    def _parameters(self) -> dict[str, float]:
        found = {}
        for identifier, one in self._identified("listOfParameters", "parameter").items():
            value = xml_number(one.get("value"))
            if value is not None:
                found[identifier] = value
        return found

    def _compound(self, identifier: str, one: Any, compartments: dict[str, Any]) -> Compound:
        compartment = one.get("compartment") or ""
        if compartment not in compartments:
            self._wrong("references", f"compound {identifier[:80]} lies in {compartment[:80]!r}, which is not there")
        charge = one.get(FBC + "charge")
        if charge is not None and not re.fullmatch(r"[+-]?[0-9]{1,9}", charge):
            self._wrong("types", f"compound {identifier[:80]} has the charge {charge[:80]!r}")
            charge = None
        formula = one.get(FBC + "chemicalFormula")
        known = None if charge is None or int(charge) == UNKNOWN_CHARGE else int(charge)
        return Compound(identifier, one.get("name") or "", formula or None, known, compartment)

    def _reaction(self, identifier: str, one: Any, parameters: dict[str, float]) -> Reaction:
        reversible = one.get("reversible")
        if reversible not in ("true", "false", "1", "0"):
            self._wrong("types", f"reaction {identifier[:80]} is reversible: {str(reversible)[:80]!r}")
        lower, upper = (self._bound(identifier, one, side, parameters) for side in ("lower", "upper"))
        if lower is not None and upper is not None and not lower <= upper:
            self._wrong("bounds", f"reaction {identifier[:80]} has bounds {lower:g} to {upper:g}")
        return Reaction(identifier, one.get("name") or "", reversible in ("true", "1"), lower, upper)

    def _bound(self, identifier: str, one: Any, side: str, parameters: dict[str, float]) -> float | None:
        reference = one.get(f"{FBC}{side}FluxBound")
        if reference is None:
            if self.model.get(FBC + "strict") in ("true", "1"):
                self._wrong("references", f"reaction {identifier[:80]} has no {side} bound, and the model is strict")
            return None
        if reference not in parameters:
            self._wrong(
                "references", f"reaction {identifier[:80]} has the {side} bound {reference[:80]!r}, of no value"
            )
            return None
        value = parameters[reference]
        if math.isnan(value) or value == (math.inf if side == "lower" else -math.inf):
            self._wrong("bounds", f"the {side} bound of reaction {identifier[:80]} is {value:g}")
            return None
        return value

    def _participants(self, identifier: str, one: Any, number: dict[str, int]) -> list[Participant]:
        found = []
        for listing, side in (("listOfReactants", -1), ("listOfProducts", 1)):
            for reference in one.iterfind(f"{self.core}{listing}/{self.core}speciesReference"):
                compound = reference.get("species") or ""
                written = reference.get("stoichiometry")
                coefficient = xml_number(written)
                if compound not in number:
                    self._wrong("references", f"reaction {identifier[:80]} has {compound[:80]!r}, which is not there")
                elif coefficient is None or not 0 < coefficient < math.inf:
                    self._wrong("stoichiometry", f"{compound[:80]} in reaction {identifier[:80]}: {str(written)[:80]}")
                else:
                    found.append(Participant(number[compound], side, coefficient))
        return found

    def _growth(self, reactions: dict[str, Any]) -> tuple[str, ...]:
        """The reactions that the active objective maximises."""
        listed = self.model.find(FBC + "listOfObjectives")
        if listed is None:
            return ()
        active = listed.get(FBC + "activeObjective") or ""
        objectives = {one.get(FBC + "id"): one for one in listed.iterfind(FBC + "objective")}
        if active not in objectives:
            self._wrong("references", f"the active objective is {active[:80]!r}, which is not there")
            return ()
        kind = objectives[active].get(FBC + "type")
        if kind not in _SENSES:
            self._wrong("types", f"objective {active[:80]} is to {str(kind)[:80]!r}")
            return ()
        fluxes = [self._flux(one, reactions) for one in objectives[active].iter(FBC + "fluxObjective")]
        return tuple(reaction for reaction, coefficient in fluxes if coefficient * _SENSES[kind] > 0)

    def _flux(self, one: Any, reactions: dict[str, Any]) -> tuple[str, float]:
        """A reaction of an objective, and its coefficient there; 0 of what is not there."""
        reaction, coefficient = one.get(FBC + "reaction") or "", xml_number(one.get(FBC + "coefficient"))
        if reaction not in reactions:
            self._wrong("references", f"the objective has reaction {reaction[:80]!r}, which is not there")
        elif coefficient is None or not math.isfinite(coefficient):
            self._wrong("types", f"the objective has reaction {reaction[:80]} with a coefficient that is no number")
        else:
            return reaction, coefficient
        return reaction, 0.0
