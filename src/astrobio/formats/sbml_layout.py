"""Elements and attributes of SBML, as far as networks are read from them.

By the specifications of SBML Level 3 Core (Version 1, sections 4.2 to 4.11; Version 2 lets every element have an
identifier and a name, section 3.2) and of Flux Balance Constraints Version 2 (sections 3.3 to 3.7). The tests compare
the attributes with those that libsbml takes.
"""

from __future__ import annotations

from functools import cache

from astrobio.formats.xml_layout import Element, Layout

FBC = "{http://www.sbml.org/sbml/level3/version1/fbc/version2}"
_LISTS = {"listOfCompartments": "compartment", "listOfSpecies": "species", "listOfParameters": "parameter",
          "listOfReactions": "reaction", "listOfReactants": "speciesReference",
          "listOfProducts": "speciesReference"}  # fmt: skip
_OTHER_LISTS = ("listOfFunctionDefinitions", "listOfUnitDefinitions", "listOfInitialAssignments", "listOfRules",
                "listOfConstraints", "listOfEvents")  # fmt: skip
_EVERYWHERE = ("metaid", "sboTerm", "id", "name")
_ATTRIBUTES = {
    "model": ("substanceUnits", "timeUnits", "volumeUnits", "areaUnits", "lengthUnits", "extentUnits",
              "conversionFactor"),
    "compartment": ("spatialDimensions", "size", "units", "constant"),
    "species": ("compartment", "initialAmount", "initialConcentration", "substanceUnits", "hasOnlySubstanceUnits",
                "boundaryCondition", "constant", "conversionFactor"),
    "parameter": ("value", "units", "constant"),
    "reaction": ("reversible", "fast", "compartment"),
    "speciesReference": ("species", "stoichiometry", "constant"),
}  # fmt: skip
_FBC_ATTRIBUTES = {"model": ("strict",), "species": ("charge", "chemicalFormula"),
                   "reaction": ("lowerFluxBound", "upperFluxBound")}  # fmt: skip


@cache
def sbml_layout(core: str) -> Layout:
    """The layout of a file, as far as it is that of its model.

    Parameters
    ----------
    core : str
        The namespace of the core, in braces.

    >>> core = "{http://www.sbml.org/sbml/level3/version1/core}"
    >>> core + "species" in sbml_layout(core)[core + "listOfSpecies"].within
    True
    """
    said = tuple(core + name for name in ("notes", "annotation"))

    def element(*within: str, own: tuple[str, ...] = (), fbc: tuple[str, ...] = (), once: bool = True) -> Element:
        names = (*_EVERYWHERE, *own, *(FBC + name for name in ("id", "name", *fbc)))
        return Element(frozenset((*said, *within)), frozenset(names), once)

    lists = tuple(core + name for name in (*_LISTS, *_OTHER_LISTS) if name not in ("listOfReactants", "listOfProducts"))
    found = {core + name: element(core + each, once=False) for name, each in _LISTS.items()}
    for name, own in _ATTRIBUTES.items():
        found[core + name] = element(own=own, fbc=_FBC_ATTRIBUTES.get(name, ()))
    found[core + "sbml"] = Element(frozenset((*said, core + "model")), once=True)
    found[core + "model"] = element(*lists, FBC + "listOfObjectives", FBC + "listOfGeneProducts",
                                    own=_ATTRIBUTES["model"], fbc=_FBC_ATTRIBUTES["model"])  # fmt: skip
    found[core + "reaction"] = element(
        *(core + name for name in ("listOfReactants", "listOfProducts", "listOfModifiers", "kineticLaw")),
        FBC + "geneProductAssociation", own=_ATTRIBUTES["reaction"], fbc=_FBC_ATTRIBUTES["reaction"],
    )  # fmt: skip
    found[FBC + "listOfObjectives"] = element(FBC + "objective", fbc=("activeObjective",), once=False)
    found[FBC + "objective"] = element(FBC + "listOfFluxObjectives", fbc=("type",))
    found[FBC + "listOfFluxObjectives"] = element(FBC + "fluxObjective", once=False)
    found[FBC + "fluxObjective"] = element(fbc=("reaction", "coefficient"))
    return found
