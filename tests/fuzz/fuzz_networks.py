"""Fuzz the gates of networks, maps, biochemistry and traits: mutants of genuine files, for as long as is asked.

    python tests/fuzz/fuzz_networks.py --seconds 600 --mirror DIR [--only FORMAT] [--seed N] [--record FILE]

Mutants are made of bytes, and of elements, attributes and fields that are written again. Each must get a verdict,
within the time that one may take and without any exception. What is admitted is read again by other means: of SBML
and KGML no element may have been passed over, identifiers are unique, references lead somewhere, coefficients are
finite and above 0; of tables every value is compared with the file, and with what the schema promises. What fails is
written to a file, with the seed that makes it again, and the program ends with 1. Not collected by pytest: finds become
tests of their own.
"""

from __future__ import annotations

import gzip
import json
import math
import random
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from lxml import etree

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from astrobio.archives import microbial_traits, modelseed
from astrobio.archives.registry import group, verify
from astrobio.formats.kgml import read_kgml
from astrobio.formats.model_key import read_model_key
from astrobio.formats.modelseed import read_stoichiometry
from astrobio.formats.packed import gunzip
from astrobio.formats.sbml import read_sbml
from astrobio.verify.verdict import Verdict
from tests.fuzz.fuzzing import Format, Mutant, main
from tests.fuzz.mutation import mutate
from tests.fuzz.rereading import broken_promise, split
from tests.verify import bad_networks as making

WORDS = (
    "", "0", "-1", "1", "NaN", "INF", "-INF", "1e999", "1e-400", "true", "false", "maybe", "M_atp_c", "R_PFK",
    "\u0661", "x" * 5000, " ", "cobra_default_lb", "C6H12O6", "Qq", "undefined", "cpd:C00031", "3", "\u2028",
)  # fmt: skip
"""What stands where an attribute's value or a field should be."""


# -- XML ------------------------------------------------------------------------------------------------------------
def edit_xml(content: bytes, rng: random.Random) -> tuple[bytes, list[str]]:
    """An XML file with other attributes or elements; and the names of the changes."""
    root = etree.fromstring(content)
    names = []
    for _ in range(rng.choice((1, 1, 2, 5, 30))):
        element = rng.choice([one for one in root.iter() if isinstance(one.tag, str)])
        change: Callable[..., None] = rng.choice((_set, _set, _drop, _rename, _remove, _copy, _move, _tag))
        change(element, root, rng)
        names.append(f"xml{change.__name__}")
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8"), names


def _set(element: Any, _root: Any, rng: random.Random) -> None:
    if element.attrib:
        try:
            element.set(rng.choice(sorted(element.attrib)), rng.choice(WORDS))
        except ValueError:  # no character of XML
            return


def _drop(element: Any, _root: Any, rng: random.Random) -> None:
    if element.attrib:
        del element.attrib[rng.choice(sorted(element.attrib))]


def _rename(element: Any, _root: Any, rng: random.Random) -> None:
    if element.attrib:
        name = rng.choice(sorted(element.attrib))
        value = element.attrib.pop(name)
        element.set(name[:-1] + rng.choice("xyz"), value)


def _remove(element: Any, root: Any, _rng: random.Random) -> None:
    if element is not root:
        element.getparent().remove(element)


def _copy(element: Any, root: Any, _rng: random.Random) -> None:
    if element is not root:
        element.addnext(etree.fromstring(etree.tostring(element)))


def _move(element: Any, root: Any, rng: random.Random) -> None:
    others = [one for one in root.iter(etree.Element) if one is not element and element not in one.iterancestors()]
    if element is not root and others:
        rng.choice(others).append(element)


def _tag(element: Any, root: Any, rng: random.Random) -> None:
    if element is not root:
        element.tag = rng.choice((element.tag + "x", element.getparent().tag, etree.QName(element).localname))


def load_xml(files: Callable[[Path], dict[str, bytes]], judge: Callable[[Mutant], tuple[bool, str]], mirror: Path
             ) -> Format:  # fmt: skip
    """A format of XML, sometimes packed, ready to be fuzzed."""
    genuine = files(mirror)
    small = [name for name, content in genuine.items() if len(content) < 300_000]

    def make(rng: random.Random) -> Mutant:
        name = rng.choice([*small * 3, *genuine])
        content = genuine[name]
        plain = gzip.decompress(content) if name.endswith(".gz") else content
        if rng.random() < 0.5:
            changed, names = edit_xml(plain, rng)
        elif name.endswith(".gz") and rng.random() < 0.3:
            return Mutant(name, *mutate(content, list(genuine.values()), rng))
        else:
            changed, names = mutate(plain, [one for other, one in genuine.items() if not other.endswith(".gz")], rng)
        return Mutant(name, gzip.compress(changed, 1) if name.endswith(".gz") else changed, names)

    return Format(make, judge)


def networks(mirror: Path) -> dict[str, bytes]:
    """Genuine networks: a core network, one without formulas, one with them; plain and packed."""
    found = {f"{name}.xml": making.sbml(mirror, name) for name in ("textbook", "iSH335", "iJR904")}
    return found | {"textbook.xml.gz": gzip.compress(found["textbook.xml"], mtime=0)}


LISTS = {"listOfSpecies": "species", "listOfReactions": "reaction", "listOfCompartments": "compartment",
         "listOfParameters": "parameter", "listOfReactants": "speciesReference",
         "listOfProducts": "speciesReference"}  # fmt: skip


def judge_network(mutant: Mutant) -> tuple[bool, str]:
    """Whether a network is admitted, and what is wrong with that."""
    provenance = making.offered(*making.NETWORKS, mutant.file)
    verdict = _verdict(mutant.content, provenance)
    if not verdict.admitted:
        return False, ""
    group(mutant.content, provenance)
    network = read_sbml(mutant.content).sound()
    plain = gunzip(mutant.content, 1 << 27) if mutant.content.startswith(b"\x1f\x8b") else mutant.content
    root = etree.fromstring(plain)
    [model] = root.iterfind(making.CORE + "model")
    return True, _passed_over(root) or _unsound(network) or _otherwise(model, network)


def _verdict(content: bytes, provenance: Any) -> Verdict:
    verdict = verify(content, provenance)
    json.dumps(verdict.to_dict(), allow_nan=False)
    assert verdict.admitted or verdict.reasons
    return verdict


def _passed_over(root: Any) -> str:
    """Elements of a list that are none of its kind, whatever their namespace."""
    for element in root.iter(etree.Element):
        wanted = LISTS.get(etree.QName(element).localname)
        loose = [element.text, *(child.tail for child in element)] if wanted else []
        if any(text and text.strip() for text in loose):
            return f"{loose} in {element.tag} was passed over"
        for child in element.iterchildren(etree.Element) if wanted else ():
            if child.tag != making.CORE + wanted and etree.QName(child).localname not in ("notes", "annotation"):
                return f"{child.tag} in {element.tag} was passed over"
        parent = element.getparent()
        if wanted and etree.QName(parent).localname not in ("model", "reaction"):
            return f"{element.tag} in {parent.tag} was passed over"
    return ""


def _unsound(network: Any) -> str:
    """What a network that was admitted must not be."""
    for kind, listed in (("compounds", network.compounds), ("reactions", network.reactions)):
        identifiers = [one.id for one in listed]
        if len(set(identifiers)) != len(identifiers) or not all(identifiers):
            return f"identifiers of {kind} are lacking or come twice"
    if network.coefficients is not None and not (network.coefficients > 0).all():
        return "a coefficient is not above 0"
    if network.coefficients is not None and not np.isfinite(network.stoichiometric_matrix().data).all():
        return "a coefficient is not finite"
    for one in network.reactions:
        lower, upper = -math.inf if one.lower is None else one.lower, math.inf if one.upper is None else one.upper
        if not lower <= upper or lower == math.inf or upper == -math.inf:
            return f"reaction {one.id} has bounds {lower} to {upper}"
    return ""


def _otherwise(model: Any, network: Any) -> str:
    """Where the file says something else, read without a parser of ours."""
    core, fbc = making.CORE, making.FBC
    species = [(one.get("id"), one.get(fbc + "chemicalFormula"), one.get(fbc + "charge"))
               for one in model.iter(core + "species")]  # fmt: skip
    read = [(one.id, one.formula, one.charge) for one in network.compounds]
    if [(name, formula or None, None if charge is None else int(charge)) for name, formula, charge in species] != read:
        return "compounds differ from those of the file"
    values = {one.get("id"): one.get("value") for one in model.iter(core + "parameter")}
    written = 0.0
    for element, reaction in zip(model.iter(core + "reaction"), network.reactions, strict=True):
        bounds = [None if element.get(f"{fbc}{side}FluxBound") is None
                  else _float(values[element.get(f"{fbc}{side}FluxBound")]) for side in ("lower", "upper")]  # fmt: skip
        if element.get("id") != reaction.id or bounds != [reaction.lower, reaction.upper]:
            return f"reaction {reaction.id} differs from that of the file"
        written += sum(float(one.get("stoichiometry")) for one in element.iter(core + "speciesReference"))
    total = float(np.sum(network.coefficients)) if network.coefficients is not None else 0.0
    return "" if math.isclose(written, total, rel_tol=1e-9) else f"coefficients add up to {total}, not {written}"


def _float(text: str) -> float:
    return float(text.replace("INF", "inf"))


def maps(_mirror: Path) -> dict[str, bytes]:
    """A map laid out by the manual."""
    return {"ko00010.xml": making.KGML}


BELOW = {"pathway": ("entry", "relation", "reaction"), "entry": ("graphics", "component"), "relation": ("subtype",),
         "reaction": ("substrate", "product"), "substrate": ("alt",), "product": ("alt",), "graphics": (),
         "component": (), "subtype": (), "alt": ()}  # fmt: skip
"""Elements of KGML, and those below them (DTD, version 0.7.2)."""


def judge_map(mutant: Mutant) -> tuple[bool, str]:
    """Whether a map is admitted, and what is wrong with that."""
    provenance = making.offered("kegg", "pathways", mutant.file)
    if not _verdict(mutant.content, provenance).admitted:
        return False, ""
    group(mutant.content, provenance)
    found = read_kgml(mutant.content)
    network = found.sound()
    root = etree.fromstring(mutant.content)
    for element in root.iter(etree.Element):
        strange = [child.tag for child in element.iterchildren(etree.Element) if child.tag not in BELOW[element.tag]]
        loose = [text for text in (element.text, *(child.tail for child in element)) if text and text.strip()]
        if strange or loose:
            return True, f"{strange or loose} in {element.tag} was passed over"
    parts = sum(len(one.findall("substrate")) + len(one.findall("product")) for one in root.findall("reaction"))
    same = (
        len(found.entries or ()) == len(root.findall("entry"))
        and len(found.relations) == len(root.findall("relation"))
        and [one.id for one in network.reactions] == [one.get("id") for one in root.findall("reaction")]
        and len(network.participants) == parts
    )
    nameless = [one.get("id") for one in (*root.findall("entry"), *root.findall("reaction")) if not one.get("name")]
    if nameless or not all(re.fullmatch(r"(cpd:C|gl:G|dr:D)[0-9]{5}", one.id) for one in network.compounds):
        return True, f"a compound is none of KEGG's, or entries {nameless} have no name"
    return True, _unsound(network) if same else "entries, relations or reactions were passed over"


# -- tables ---------------------------------------------------------------------------------------------------------
def edit_table(content: bytes, separator: bytes, rng: random.Random) -> tuple[bytes, list[str]]:
    """A table with other fields, or with columns in each other's place; and the names of the changes."""
    rows = [line.split(separator) for line in content.split(b"\n")]
    names = []
    for _ in range(rng.choice((1, 1, 2, 5, 50))):
        row, column = rng.choice(rows[:-1]), rng.randrange(len(rows[0]))
        other = rng.choice(rows[:-1])
        kind = rng.choice(("word", "copied field", "swapped fields", "lost field", "swapped columns"))
        if column >= min(len(row), len(other)):
            continue
        if kind == "word":
            row[column] = rng.choice(WORDS).encode()
        elif kind == "copied field":
            row[column] = other[column]
        elif kind == "swapped fields":
            row[column], other[column] = other[column], row[column]
        elif kind == "lost field":
            del row[column]
        else:
            place = rng.randrange(len(rows[0]))
            for one in rows:
                if max(place, column) < len(one):
                    one[place], one[column] = one[column], one[place]
        names.append(kind)
    return b"\n".join(separator.join(row) for row in rows), names


def load_tables(files: Callable[[Path], dict[str, bytes]], separator: bytes,
                judge: Callable[[Mutant], tuple[bool, str]], mirror: Path) -> Format:  # fmt: skip
    """A format of delimited text, sometimes packed, ready to be fuzzed."""
    genuine = files(mirror)

    def make(rng: random.Random) -> Mutant:
        name = rng.choice(sorted(genuine))
        if rng.random() < 0.5:
            content, names = edit_table(genuine[name], separator, rng)
        else:
            content, names = mutate(genuine[name], list(genuine.values()), rng)
        if rng.random() < 0.15:
            content = gzip.compress(content, 1)
            if rng.random() < 0.5:
                content, more = mutate(content, [], rng)
                return Mutant(name, content, [*names, *(f"packed {one}" for one in more)])
        return Mutant(name, content, names)

    return Format(make, judge)


def biochemistry(mirror: Path) -> dict[str, bytes]:
    """The first rows of a genuine table of compounds, and of one of reactions."""
    return {
        f"{product}/{name}.tsv": b"\n".join(making.table(mirror, name).split(b"\n")[:301]) + b"\n"
        for product, name in (("compounds", "compound_00"), ("reactions", "reaction_00"))
    }


def judge_biochemistry(mutant: Mutant) -> tuple[bool, str]:
    """Whether a table of ModelSEED is admitted, and what is wrong with that."""
    product = mutant.file.partition("/")[0]
    provenance = making.offered("modelseed", product, "file.tsv")
    if not _verdict(mutant.content, provenance).admitted:
        return False, ""
    group(mutant.content, provenance)
    table = modelseed.FORMATS[product]
    plain = gunzip(mutant.content, 1 << 26) if mutant.content.startswith(b"\x1f\x8b") else mutant.content
    rows = split(plain.decode("utf-8").removeprefix("\ufeff"), "\t", quoted=False)
    frame = table.read(mutant.content).frame
    wrong = broken_promise(rows, frame, table.schema, modelseed.UNKNOWN)
    form = r"cpd[0-9]{5}" if product == "compounds" else r"rxn[0-9]{5}"
    if wrong or not all(re.fullmatch(form, one) for one in frame["id"]):
        return True, wrong or "an identifier is none"
    if product == "compounds":
        return True, ""
    unlike = 0
    for text, listed in frame.select("stoichiometry", "compound_ids").rows():
        parts = read_stoichiometry(text or "")
        if not all(math.isfinite(one.coefficient) and one.coefficient for one in parts):
            return True, f"a coefficient in {text!r}"
        if (text or "").count("cpd") != len(parts):
            return True, f"a part of {text!r} was passed over"
        unlike += {one.compound for one in parts} != set((listed or "").split(";")) - {""}
    return True, f"{unlike} stoichiometries differ from their lists" if unlike > 0.01 * len(rows) else ""


def traits(mirror: Path) -> dict[str, bytes]:
    """Every twentieth row of the genuine tables."""
    found = {}
    for name in microbial_traits.FORMATS:
        lines = (mirror / f"microbial_traits/{name}.csv").read_bytes().split(b"\n")
        found[name] = b"\n".join([lines[0], *lines[1:-1:20]]) + b"\n"
    return found


def judge_traits(mutant: Mutant) -> tuple[bool, str]:
    """Whether a table of traits is admitted, and what is wrong with that."""
    provenance = making.offered("microbial_traits", mutant.file, "file.csv")
    if not _verdict(mutant.content, provenance).admitted:
        return False, ""
    group(mutant.content, provenance)
    table = microbial_traits.FORMATS[mutant.file]
    rows = split(mutant.content.decode(table.dialect.encoding).removeprefix("\ufeff"), ",", quoted=True)
    return True, broken_promise(rows, table.read(mutant.content).frame, table.schema, table.dialect.missing)


def keys(mirror: Path) -> dict[str, bytes]:
    """The genuine key of the published networks, and its first rows."""
    key = (mirror / "published_networks/model_key.md").read_bytes()
    return {"model_key.md": key, "first_rows.md": b"\n".join(key.split(b"\n")[:30]) + b"\n"}


def judge_key(mutant: Mutant) -> tuple[bool, str]:
    """Whether a key is admitted, and what is wrong with that."""
    provenance = making.offered("published_networks", "model_key", "model_key.md")
    if not _verdict(mutant.content, provenance).admitted:
        return False, ""
    group(mutant.content, provenance)
    rows = read_model_key(mutant.content)
    lines = [line for line in mutant.content.decode("utf-8").splitlines() if line.strip()]
    organisms = {row.model: row.organism for row in rows if row.model}
    for row in rows:
        if not re.match(r"[A-Z][a-z]+ ([a-z]+|sp\. )", row.organism) or (row.pmid and not row.pmid.isascii()):
            return True, f"{row} names no organism, or no paper"
        if row.model and organisms[row.model] != row.organism:
            return True, f"{row.model} belongs to two organisms"
    return True, "" if len(rows) == len(lines) - 2 else f"{len(rows)} rows were read of {len(lines)} lines"


FORMATS = {
    "sbml": partial(load_xml, networks, judge_network),
    "kgml": partial(load_xml, maps, judge_map),
    "modelseed": partial(load_tables, biochemistry, b"\t", judge_biochemistry),
    "traits": partial(load_tables, traits, b",", judge_traits),
    "model_key": partial(load_tables, keys, b"|", judge_key),
}

if __name__ == "__main__":
    sys.exit(main(FORMATS, __doc__))
