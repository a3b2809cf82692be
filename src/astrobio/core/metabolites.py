"""Metabolites that cells have in common, and how a compound of a network is recognised as one of them.

Water, protons, the carriers of energy, electrons and groups, nucleotides, the twenty amino acids of proteins and the
middle of carbon metabolism: whatever is made of genes makes, takes up or passes on these. Identifiers are those of
BiGG, KEGG and ModelSEED; they and the formulas agree with the table of ModelSEED, which links all three (a test
compares them). Formulas are given without hydrogen, since that depends on the pH for which a network is written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from astrobio.core.errors import FormatError
from astrobio.core.formula import parse_formula
from astrobio.core.network import Compound


@dataclass(frozen=True)
class Metabolite:
    """A metabolite that cells have in common.

    Attributes
    ----------
    bigg, kegg, modelseed : str
        Its identifiers.
    formula : str
        Without hydrogen; empty for the proton.
    names : tuple of str
        Other names, and abbreviations of older networks.
    """

    bigg: str
    kegg: str
    modelseed: str
    formula: str
    names: tuple[str, ...] = ()


def _of(bigg: str, kegg: str, modelseed: str, formula: str, *names: str) -> Metabolite:
    return Metabolite(bigg, kegg, modelseed, formula, names)


METABOLITES = (
    _of("h2o", "C00001", "cpd00001", "O", "water"),
    _of("atp", "C00002", "cpd00002", "C10N5O13P3", "adenosine triphosphate", "adenosine 5'-triphosphate"),
    _of("nad", "C00003", "cpd00003", "C21N7O14P2", "nad+", "nicotinamide adenine dinucleotide", "nad(+)"),
    _of("nadh", "C00004", "cpd00004", "C21N7O14P2", "reduced nicotinamide adenine dinucleotide"),
    _of("nadph", "C00005", "cpd00005", "C21N7O17P3", "reduced nicotinamide adenine dinucleotide phosphate"),
    _of("nadp", "C00006", "cpd00006", "C21N7O17P3", "nadp+", "nicotinamide adenine dinucleotide phosphate"),
    _of("o2", "C00007", "cpd00007", "O2", "oxygen", "dioxygen"),
    _of("adp", "C00008", "cpd00008", "C10N5O10P2", "adenosine diphosphate", "adenosine 5'-diphosphate"),
    _of("pi", "C00009", "cpd00009", "O4P", "phosphate", "orthophosphate", "inorganic phosphate"),
    _of("coa", "C00010", "cpd00010", "C21N7O16P3S", "coenzyme a"),
    _of("co2", "C00011", "cpd00011", "CO2", "carbon dioxide"),
    _of("ppi", "C00013", "cpd00012", "O7P2", "diphosphate", "pyrophosphate"),
    _of("nh4", "C00014", "cpd00013", "N", "ammonia", "ammonium", "nh3", "nh4+"),
    _of("glu__L", "C00025", "cpd00023", "C5NO4", "l-glutamate", "glutamate", "l-glutamic acid", "glu", "lglu"),
    _of(
        "akg", "C00026", "cpd00024", "C5O5", "2-oxoglutarate", "alpha-ketoglutarate", "oxoglutarate", "a-ketoglutarate"
    ),
    _of("pyr", "C00022", "cpd00020", "C3O3", "pyruvate"),
    _of("accoa", "C00024", "cpd00022", "C23N7O17P3S", "acetyl-coa", "acetyl coenzyme a"),
    _of("amp", "C00020", "cpd00018", "C10N5O7P", "adenosine monophosphate"),
    _of("gtp", "C00044", "cpd00038", "C10N5O14P3", "guanosine triphosphate"),
    _of("gdp", "C00035", "cpd00031", "C10N5O11P2", "guanosine diphosphate"),
    _of("gmp", "C00144", "cpd00126", "C10N5O8P"),
    _of("utp", "C00075", "cpd00062", "C9N2O15P3"),
    _of("udp", "C00015", "cpd00014", "C9N2O12P2"),
    _of("ump", "C00105", "cpd00091", "C9N2O9P"),
    _of("ctp", "C00063", "cpd00052", "C9N3O14P3"),
    _of("cmp", "C00055", "cpd00046", "C9N3O8P"),
    _of("oaa", "C00036", "cpd00032", "C4O5", "oxaloacetate"),
    _of("succ", "C00042", "cpd00036", "C4O4", "succinate"),
    _of("gly", "C00037", "cpd00033", "C2NO2", "glycine"),
    _of("ala__L", "C00041", "cpd00035", "C3NO2", "l-alanine", "alanine", "ala", "lala"),
    _of("lys__L", "C00047", "cpd00039", "C6N2O2", "l-lysine", "lysine", "lys", "llys"),
    _of("asp__L", "C00049", "cpd00041", "C4NO4", "l-aspartate", "aspartate", "asp", "lasp"),
    _of("arg__L", "C00062", "cpd00051", "C6N4O2", "l-arginine", "arginine", "arg", "larg"),
    _of("gln__L", "C00064", "cpd00053", "C5N2O3", "l-glutamine", "glutamine", "gln", "lgln"),
    _of("ser__L", "C00065", "cpd00054", "C3NO3", "l-serine", "serine", "ser", "lser"),
    _of("met__L", "C00073", "cpd00060", "C5NO2S", "l-methionine", "methionine", "met", "lmet"),
    _of("phe__L", "C00079", "cpd00066", "C9NO2", "l-phenylalanine", "phenylalanine", "phe", "lphe"),
    _of("tyr__L", "C00082", "cpd00069", "C9NO3", "l-tyrosine", "tyrosine", "tyr", "ltyr"),
    _of("cys__L", "C00097", "cpd00084", "C3NO2S", "l-cysteine", "cysteine", "cys", "lcys"),
    _of("leu__L", "C00123", "cpd00107", "C6NO2", "l-leucine", "leucine", "leu", "lleu"),
    _of("ile__L", "C00407", "cpd00322", "C6NO2", "l-isoleucine", "isoleucine", "ile", "lile"),
    _of("val__L", "C00183", "cpd00156", "C5NO2", "l-valine", "valine", "val", "lval"),
    _of("thr__L", "C00188", "cpd00161", "C4NO3", "l-threonine", "threonine", "thr", "lthr"),
    _of("pro__L", "C00148", "cpd00129", "C5NO2", "l-proline", "proline", "pro"),
    _of("trp__L", "C00078", "cpd00065", "C11N2O2", "l-tryptophan", "tryptophan", "trp", "ltrp"),
    _of("his__L", "C00135", "cpd00119", "C6N3O2", "l-histidine", "histidine", "his", "lhis"),
    _of("asn__L", "C00152", "cpd00132", "C4N2O3", "l-asparagine", "asparagine", "asn", "lasn"),
    _of("pep", "C00074", "cpd00061", "C3O6P", "phosphoenolpyruvate"),
    _of("g3p", "C00118", "cpd00102", "C3O6P", "glyceraldehyde 3-phosphate", "d-glyceraldehyde 3-phosphate"),
    _of("dhap", "C00111", "cpd00095", "C3O6P", "dihydroxyacetone phosphate", "glycerone phosphate"),
    _of("3pg", "C00197", "cpd00169", "C3O7P", "3-phospho-d-glycerate", "3-phosphoglycerate"),
    _of(
        "r5p", "C00117", "cpd00101", "C5O8P", "d-ribose 5-phosphate", "ribose 5-phosphate", "alpha-d-ribose 5-phosphate"
    ),
    _of("f6p", "C00085", "cpd00072", "C6O9P", "d-fructose 6-phosphate", "fructose 6-phosphate"),
    _of("g6p", "C00092", "cpd00079", "C6O9P", "d-glucose 6-phosphate", "glucose 6-phosphate"),
    _of("h", "C00080", "cpd00067", "", "h+", "proton", "h(+)"),
)

COBALT = "Co2"
"""As networks write its ion; carbon dioxide differs by a capital letter."""
_ESCAPED = re.compile(r"_(?:DASH|LPAREN|RPAREN|LSQBKT|RSQBKT|COMMA)_?")
_PLACE = r"(?:[a-z]\w*|[A-Z]\w+)"
_BRACKETED = re.compile(
    rf"[\s_]*(?:\[\s*{_PLACE}\s*\]|\(\s*\w\s*\)|_?(?:LSQBKT|LPAREN)_?{_PLACE}?_?(?:RSQBKT|RPAREN)_?)$"
)
_SUFFIXED = re.compile(r"_(?:[a-z]|ext|mt|ap|biomass)$")
"""A compartment behind a name; capital letters are none, but tell D-alanine from L-alanine."""
_OPEN_END = re.compile(r"(?<=[A-Za-z)])_$")
"""Behind a name whose formula is not told; behind a number it is the charge of an anion."""
_WITH_FORMULA = re.compile(r"(.+)_((?:[A-Z][a-z]?[0-9]*)+)")


def _key(text: str) -> str:
    return re.sub(r"[^a-z0-9+]", "", text.lower())


_BY_KEY = {
    _key(text): metabolite
    for metabolite in METABOLITES
    for text in (metabolite.bigg, metabolite.kegg, metabolite.modelseed, *metabolite.names)
}


@lru_cache(maxsize=1 << 14)
def recognise(compound: Compound) -> Metabolite | None:
    """The common metabolite that a compound is by its identifier or its name, in whatever compartment; else none.

    >>> recognise(Compound("M_glu_DASH_L_c", "L-Glutamate")).bigg
    'glu__L'
    >>> recognise(Compound("M_m3", "NADP+_C21H25N7O17P3")).kegg
    'C00006'
    >>> recognise(Compound("M_dha_p", "Dihydroxyacetone")), recognise(Compound("M_x17_c", "Xylomorphine 17"))
    (None, None)
    """
    for text in (compound.id, compound.name):
        plain = _without_compartment(text.removeprefix("cpd:").removeprefix("M_")[:300], compound.compartment)
        found = _named(plain)
        if found is not None:
            return found
    return None


def _without_compartment(text: str, compartment: str) -> str:
    plain = _ESCAPED.sub("-", _BRACKETED.sub("", text))
    if compartment and plain.endswith(f"_{compartment}"):
        return plain[: -len(compartment) - 1]
    return _SUFFIXED.sub("", plain)


def _named(text: str) -> Metabolite | None:
    """The metabolite of a name, behind which its formula may stand; an anion of it, as superoxide is, is another."""
    text = _OPEN_END.sub("", text)
    if text == COBALT or text.endswith(("-", "_")):
        return None
    found = _BY_KEY.get(_key(text))
    split = None if found else _WITH_FORMULA.fullmatch(text)
    if split is None or split[1].endswith(("-", "_")):
        return found
    found = _BY_KEY.get(_key(split[1]))
    return found if found is not None and _without_hydrogen(split[2]) == found.formula else None


def _without_hydrogen(formula: str) -> str:
    """A formula in the order of its symbols, without hydrogen; empty where it is none."""
    try:
        atoms = parse_formula(formula)
    except FormatError:
        return ""
    return "".join(f"{symbol}{count:g}" if count > 1 else symbol for symbol, count in atoms if symbol != "H")
