"""Files that are no genuine networks, tables of biochemistry or traits, each with the check that must refuse it.

They are made from genuine files of a mirror, or from nothing, always the same way.
"""

from __future__ import annotations

import gzip
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from lxml import etree

from astrobio.core.provenance import Provenance

CORE = "{http://www.sbml.org/sbml/level3/version1/core}"
FBC = "{http://www.sbml.org/sbml/level3/version1/fbc/version2}"
NETWORKS = ("published_networks", "networks")
SEED = 2026


class BadFile(NamedTuple):
    """A file, and what must refuse it.

    Attributes
    ----------
    name : str
        What is wrong with it.
    source, product : str
        As which it is offered.
    content : bytes
    gate, check : str
        The finding that refuses it.
    also : tuple of str
        The further checks that refuse it; no others do.
    """

    name: str
    source: str
    product: str
    content: bytes
    gate: str
    check: str
    also: tuple[str, ...] = ()

    def provenance(self) -> Provenance:
        """As if a user had imported it."""
        return offered(self.source, self.product, "file")


def offered(source: str, product: str, name: str) -> Provenance:
    """The provenance of a file that a user imports."""
    kind = "document" if product == "model_key" else "curated"
    return Provenance(source, kind, "declared", "import", f"{product}/{name}#0", {"product": product, "name": name})


def bad_networks(mirror: Path) -> list[BadFile]:
    """All of them, from the genuine files of a mirror."""
    return [*_bad_sbml(mirror), *_bad_keys(mirror), *_bad_compounds(mirror), *_bad_reactions(mirror),
            *_bad_traits(mirror), *_bad_kgml(), *_bad_others()]  # fmt: skip


def truncations(content: bytes, count: int = 100) -> Iterator[bytes]:
    """A file cut at places that lie evenly over it, none at its end."""
    for place in range(count):
        yield content[: len(content) * place // count]


# -- SBML -------------------------------------------------------------------------------------------------------


def sbml(mirror: Path, name: str = "iJR904") -> bytes:
    """A genuine network, unpacked: iJR904 has formulas and charges, iSH335 has neither."""
    return gzip.decompress((mirror / "published_networks" / f"{name}.xml.gz").read_bytes())


def edited(content: bytes, edit: Callable[[etree._Element], None]) -> bytes:
    """A network whose model has been changed."""
    root = etree.fromstring(content)
    edit(root.find(CORE + "model"))
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _species(model: etree._Element) -> list[etree._Element]:
    return list(model.find(CORE + "listOfSpecies"))


def _references(model: etree._Element) -> list[etree._Element]:
    return list(model.iter(CORE + "speciesReference"))


def _reactions(model: etree._Element) -> list[etree._Element]:
    return list(model.find(CORE + "listOfReactions"))


def invent_compounds(model: etree._Element) -> None:
    """Give each compound a made-up name, the same everywhere."""
    names = {one.get("id"): f"M_x{place}_c" for place, one in enumerate(_species(model))}
    for one in _species(model):
        one.set("name", f"Xylomorphine {one.get('id').__len__()}-{names[one.get('id')][3:]}")
        one.set("id", names[one.get("id")])
        for name in ("chemicalFormula", "charge"):
            one.attrib.pop(FBC + name, None)
    for one in _references(model):
        one.set("species", names[one.get("species")])


def rename_at_random(model: etree._Element) -> None:
    """Keep all names, and let each stand for another compound; formulas go with the compounds."""
    order = list(_species(model))
    random.Random(SEED).shuffle(order)
    labels = [(one.get("id"), one.get("name")) for one in order]
    formulas = [{key: one.get(FBC + key) for key in ("chemicalFormula", "charge")} for one in _species(model)]
    names = {one.get("id"): label[0] for one, label in zip(_species(model), labels, strict=True)}
    for one, (identifier, name), formula in zip(_species(model), labels, formulas, strict=True):
        one.set("id", identifier)
        one.set("name", name)
        for key, value in formula.items():
            one.set(FBC + key, value)
    for one in _references(model):
        one.set("species", names[one.get("species")])


def shuffle_participants(model: etree._Element) -> None:
    """Deal the compounds of all reactions out to the reactions again."""
    references = _references(model)
    names = [one.get("species") for one in references]
    random.Random(SEED).shuffle(names)
    for one, name in zip(references, names, strict=True):
        one.set("species", name)


def random_coefficients(model: etree._Element) -> None:
    """Draw each coefficient between 0 and 2."""
    rng = random.Random(SEED)
    for one in _references(model):
        one.set("stoichiometry", f"{rng.uniform(0.01, 2):.4f}")


def swap_formulas(model: etree._Element) -> None:
    """Deal the formulas out to the compounds again."""
    formulas = [one.get(FBC + "chemicalFormula") for one in _species(model)]
    random.Random(SEED).shuffle(formulas)
    for one, formula in zip(_species(model), formulas, strict=True):
        one.set(FBC + "chemicalFormula", formula)


def unknown_elements(model: etree._Element) -> None:
    """Write formulas of elements that there are not."""
    for place, one in enumerate(_species(model)):
        one.set(FBC + "chemicalFormula", f"Qq{place + 1}Zz3")


def islands(model: etree._Element) -> None:
    """Give each reaction compounds of its own."""
    listed = model.find(CORE + "listOfSpecies")
    species = {one.get("id"): one for one in listed}
    for place, reaction in enumerate(_reactions(model)):
        for reference in reaction.iter(CORE + "speciesReference"):
            copy = etree.fromstring(etree.tostring(species[reference.get("species")]))
            copy.set("id", f"{reference.get('species')}_{place}_{reference.getparent().index(reference)}"
                           f"{'p' if reference.getparent().tag.endswith('Products') else 'r'}")  # fmt: skip
            reference.set("species", copy.get("id"))
            listed.append(copy)
    for one in species.values():
        listed.remove(one)


def unused_compounds(model: etree._Element) -> None:
    """Add compounds that no reaction has."""
    listed = model.find(CORE + "listOfSpecies")
    for place in range(3 * len(listed)):
        copy = etree.fromstring(etree.tostring(listed[0]))
        copy.set("id", f"M_unused{place}_c")
        copy.set("name", f"Unused {place}")
        listed.append(copy)


def empty_reactions(model: etree._Element) -> None:
    """Take the participants of three reactions in four."""
    for place, reaction in enumerate(_reactions(model)):
        if place % 4:
            for listing in ("listOfReactants", "listOfProducts"):
                for one in reaction.findall(CORE + listing):
                    reaction.remove(one)


def no_participants(model: etree._Element) -> None:
    """Take the participants of all reactions."""
    for reaction in _reactions(model):
        for listing in ("listOfReactants", "listOfProducts"):
            for one in reaction.findall(CORE + listing):
                reaction.remove(one)


def all_growth(model: etree._Element) -> None:
    """Call each reaction growth, which no balance is asked of."""
    for reaction in _reactions(model):
        reaction.set("name", f"Biomass {reaction.get('id')}")


def one_charge(model: etree._Element) -> None:
    """Give each compound the same charge."""
    for one in _species(model):
        one.set(FBC + "charge", "-1")


def set_objective(tag: str, attribute: str, value: str) -> Callable[[etree._Element], None]:
    """Set an attribute of the objective."""

    def edit(model: etree._Element) -> None:
        next(model.iter(FBC + tag)).set(FBC + attribute, value)

    return edit


def one_reaction(model: etree._Element) -> None:
    """Let most reactions do what one of them does."""
    reactions = _reactions(model)
    sample = next(etree.fromstring(etree.tostring(one)) for one in reactions if one.get("id") == "R_PFK")
    for place, reaction in enumerate(reactions):
        if place % 5:
            for listing in ("listOfReactants", "listOfProducts"):
                for one in reaction.findall(CORE + listing):
                    reaction.remove(one)
                reaction.append(etree.fromstring(etree.tostring(sample.find(CORE + listing))))


def without(*names: str) -> Callable[[etree._Element], None]:
    """Leave out the reactions in which these compounds take part."""

    def edit(model: etree._Element) -> None:
        listed = model.find(CORE + "listOfReactions")
        for reaction in list(listed):
            if any(one.get("species") in names for one in reaction.iter(CORE + "speciesReference")):
                listed.remove(reaction)
        objectives = model.find(FBC + "listOfObjectives")
        if objectives is not None:
            model.remove(objectives)

    return edit


def swap_carriers(model: etree._Element) -> None:
    """Let water stand wherever NAD and NADP stood: electrons go nowhere."""
    for one in _references(model):
        if re.fullmatch(r"M_nadp?_\w", one.get("species")):
            one.set("species", "M_h2o_c")


def spend_without_return(model: etree._Element) -> None:
    """Let water stand wherever ADP and AMP stood."""
    for one in _references(model):
        if re.fullmatch(r"M_a[dm]p_\w", one.get("species")):
            one.set("species", "M_h2o_c")


def set_first(tag: str, attribute: str, value: str) -> Callable[[etree._Element], None]:
    """Set an attribute of the first element of a kind."""

    def edit(model: etree._Element) -> None:
        next(model.iter(CORE + tag)).set(attribute, value)

    return edit


def drop_first(tag: str, attribute: str) -> Callable[[etree._Element], None]:
    """Take an attribute from the first element of a kind."""

    def edit(model: etree._Element) -> None:
        del next(model.iter(CORE + tag)).attrib[attribute]

    return edit


def repeat_first(tag: str) -> Callable[[etree._Element], None]:
    """Have the first element of a kind twice."""

    def edit(model: etree._Element) -> None:
        one = next(model.iter(CORE + tag))
        one.getparent().append(etree.fromstring(etree.tostring(one)))

    return edit


def drop_list(name: str) -> Callable[[etree._Element], None]:
    """Leave out a list."""

    def edit(model: etree._Element) -> None:
        model.remove(model.find(name))

    return edit


def crossed_bounds(model: etree._Element) -> None:
    """Have a reaction's lower bound above its upper."""
    reaction = _reactions(model)[0]
    reaction.set(FBC + "lowerFluxBound", "cobra_default_ub")
    reaction.set(FBC + "upperFluxBound", "cobra_default_lb")


LAUGHS = "".join(f'<!ENTITY a{place} "{f"&a{place - 1};" * 10}">' for place in range(1, 9))
HTML = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Session expired</body></html>\n"


def _bad_sbml(mirror: Path) -> Iterator[BadFile]:
    full, plain, core = sbml(mirror), sbml(mirror, "iSH335"), sbml(mirror, "textbook")
    for name, edit, gate, check, also in (
        ("a network with invented compounds", invent_compounds, "forensics", "common metabolites", ("common metabolites are the hubs", "ATP is spent")),
        ("names dealt out to compounds at random", rename_at_random, "forensics", "common metabolites are the hubs", ("ATP is spent", "formulas of common metabolites")),
        ("participants shuffled across all reactions", shuffle_participants, "physics", "mass balance, the whole", ("ATP is given back", "NAD(P)H is given back")),
        ("coefficients drawn at random", random_coefficients, "forensics", "whole coefficients", ("mass balance, the whole",)),
        ("formulas dealt out at random", swap_formulas, "physics", "formulas of common metabolites", ("mass balance, the whole",)),
        ("formulas of unknown elements", unknown_elements, "physics", "formulas, the whole", ()),
        ("reactions that share no compound", islands, "forensics", "connected", ("common metabolites are the hubs", "NAD(P)H is given back")),
        ("compounds without reactions", unused_compounds, "forensics", "compounds with reactions", ()),
        ("reactions without participants", empty_reactions, "forensics", "reactions with participants", ("reactions differ",)),
        ("no participants at all", no_participants, "forensics", "reactions with participants", ("reactions differ",)),
        ("reactions that all stand for growth", all_growth, "physics", "growth reactions", ()),
        ("the same charge everywhere", one_charge, "physics", "charges of water, O2 and CO2, the whole", ()),
        ("one reaction under many names", one_reaction, "forensics", "reactions differ", ()),
        ("a network without ATP", without("M_atp_c"), "forensics", "ATP is spent", ()),
        ("electrons that go nowhere", swap_carriers, "physics", "NAD(P)H is given back", ()),
        ("ATP that is not given back", spend_without_return, "physics", "ATP is given back", ()),
        ("a reaction that refers to nothing", set_first("speciesReference", "species", "M_none_c"), "schema", "references", ()),
        ("a compound in no compartment", set_first("species", "compartment", "q"), "schema", "references", ()),
        ("a bound that is not there", set_first("reaction", FBC + "lowerFluxBound", "none"), "schema", "references", ()),
        ("an objective of a reaction that is not there", set_objective("fluxObjective", "reaction", "R_none"), "schema", "references", ()),
        ("an objective that is not there", set_objective("listOfObjectives", "activeObjective", "none"), "schema", "references", ()),
        ("an objective to no end", set_objective("objective", "type", "please"), "schema", "types", ()),
        ("an objective with a coefficient that is no number", set_objective("fluxObjective", "coefficient", "NaN"), "schema", "types", ()),
        ("a compound twice", repeat_first("species"), "schema", "identifiers", ()),
        ("a reaction twice", repeat_first("reaction"), "schema", "identifiers", ()),
        ("an identifier that is none", set_first("species", "id", "1 2"), "schema", "identifiers", ("references",)),
        ("bounds crossed", crossed_bounds, "schema", "bounds", ()),
        ("a bound that is no number", set_first("parameter", "value", "NaN"), "schema", "bounds", ()),
        ("a charge that is no number", set_first("species", FBC + "charge", "1.5"), "schema", "types", ()),
        ("a charge that no compound has", set_first("species", FBC + "charge", "-999999999"), "physics", "charges of compounds", ()),
        ("a direction that is none", set_first("reaction", "reversible", "maybe"), "schema", "types", ()),
        ("a coefficient that is not told", drop_first("speciesReference", "stoichiometry"), "schema", "stoichiometry", ()),
        ("SBML without reactions", drop_list(CORE + "listOfReactions"), "schema", "contents", ("references",)),
        ("SBML without compounds", drop_list(CORE + "listOfSpecies"), "schema", "contents", ("references",)),
    ):  # fmt: skip
        content = edited(core if gate == "schema" else full, edit)
        yield BadFile(f"SBML: {name}", *NETWORKS, content, gate, check, also)
    for value in ("NaN", "INF", "-INF", "-1", "0", "1e999", "1_000", "", "two", "\u0661"):
        content = edited(core, set_first("speciesReference", "stoichiometry", value))
        yield BadFile(f"SBML: a coefficient {value!r}", *NETWORKS, content, "schema", "stoichiometry")
    yield BadFile("SBML: participants shuffled, no formulas", *NETWORKS, edited(plain, shuffle_participants), "physics",
                  "ATP is given back", ("NAD(P)H is given back",))  # fmt: skip
    head, body = core.split(b"?>", 1)
    ascii_body = body.decode("utf-8")
    for name, content in (
        ("entities within entities", head + b'?><!DOCTYPE sbml [<!ENTITY a0 "aaaaaaaaaa">' + LAUGHS.encode() + b"]>" + body),
        ("an entity that names a file", head + b'?><!DOCTYPE sbml [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + body),
        ("a document type", head + b'?><!DOCTYPE sbml SYSTEM "http://localhost/sbml.dtd">' + body),
        ("nested a thousand deep", body.split(b"<model", 1)[0] + b"<model>" + b"<notes>" * 1000 + b"</notes>" * 1000 + b"</model></sbml>"),
        ("two models", core.replace(b"</sbml>", b'<model id="other"/></sbml>')),
        ("level 2", core.replace(b"level3/version1/core", b"level2/version4").replace(b'level="3"', b'level="2"')),
        ("no flux balance constraints", core.replace(b"fbc/version2", b"fbc/version9")),
        ("UTF-16", ("<?xml version='1.0' encoding='UTF-16'?>" + ascii_body).encode("utf-16")),
        ("a byte that is not of its encoding", core.replace(b'name="', b'name="\xe9', 1)),
        ("another root element", b"<kml><Document/></kml>"),
        ("no XML", b"id\tname\nM_atp_c\tATP\n"),
        ("a gzip bomb", gzip.compress(bytes(300 << 20), 1)),
        ("a packed file that is cut short", gzip.compress(core)[:-20]),
        ("a packed file that is followed by another thing", gzip.compress(core) + b"more"),
        ("a packed file with a wrong sum", gzip.compress(core)[:-8] + bytes(8)),
        ("packed twice", gzip.compress(gzip.compress(core))),
    ):  # fmt: skip
        yield BadFile(f"SBML: {name}", *NETWORKS, content, "format", "parsed whole")
    yield BadFile("SBML: a page", *NETWORKS, HTML, "transfer", "no page")
    yield BadFile("SBML: an error as JSON", *NETWORKS, b'{"error": "not found"}', "transfer", "no error message")
    yield BadFile("SBML: nothing", *NETWORKS, b"", "transfer", "not empty")


# -- the key ----------------------------------------------------------------------------------------------------


def _bad_keys(mirror: Path) -> Iterator[BadFile]:
    key = (mirror / "published_networks/model_key.md").read_bytes()
    product = ("published_networks", "model_key")
    for name, content, gate, check in (
        ("a column renamed", key.replace(b"Organism", b"Species ", 1), "format", "parsed whole"),
        ("a row cut", key[: len(key) // 2 + 20], "format", "parsed whole"),
        ("a reference that is no link", key.replace(b"[Kim et al.]", b"Kim et al.", 1), "format", "parsed whole"),
        ("a number of PubMed that is none", key.replace(b"[20094653]", b"[PMC12345]", 1), "format", "parsed whole"),
        ("a page", HTML, "transfer", "no page"),
        ("another encoding", key.decode("utf-8").encode("utf-16"), "format", "parsed whole"),
        ("organisms that are none", key.replace(b"Escherichia coli", b"12345 unknown "), "schema", "organisms"),
        ("a model of two organisms", key.replace(b"Aspergillus nidulans  ", b"Aspergillus niger     ")
         .replace(b"iMA871", b"iHD666").replace(b"Aspergillus niger  ", b"Aspergillus oryzae ", 1), "schema",
         "one organism a model"),
        ("no papers", re.sub(rb"\| \[[^|]*\|\s*\[[^|]*\|", b"| | |", key), "schema", "papers"),
    ):  # fmt: skip
        yield BadFile(f"key: {name}", *product, content, gate, check)


# -- tables of ModelSEED ----------------------------------------------------------------------------------------


def table(mirror: Path, name: str) -> bytes:
    """A genuine table of ModelSEED, unpacked."""
    return gzip.decompress((mirror / "modelseed" / f"{name}.tsv.gz").read_bytes())


def rows_of(content: bytes) -> list[list[str]]:
    """The fields of a table, its header first."""
    return [line.split("\t") for line in content.decode("utf-8").rstrip("\n").split("\n")]


def written(rows: list[list[str]]) -> bytes:
    """A table again."""
    return ("\n".join("\t".join(row) for row in rows) + "\n").encode("utf-8")


def with_column(content: bytes, column: str, change: Callable[[int, str], str]) -> bytes:
    """A table with a column changed, from the number of the row and the value."""
    rows = rows_of(content)
    place = rows[0].index(column)
    for number, row in enumerate(rows[1:]):
        row[place] = change(number, row[place])
    return written(rows)


def dealt_out(content: bytes, *columns: str) -> bytes:
    """A table with columns dealt out to its rows again, each in the same way."""
    rows = rows_of(content)
    order = list(range(1, len(rows)))
    random.Random(SEED).shuffle(order)
    places = [rows[0].index(column) for column in columns]
    values = [[rows[row][place] for place in places] for row in order]
    for row, several in zip(rows[1:], values, strict=True):
        for place, value in zip(places, several, strict=True):
            row[place] = value
    return written(rows)


def without_column(content: bytes, column: str) -> bytes:
    """A table without a column."""
    rows = rows_of(content)
    place = rows[0].index(column)
    return written([row[:place] + row[place + 1 :] for row in rows])


def _spoilt_tables(content: bytes, column: str) -> Iterator[tuple[Any, ...]]:
    """What can happen to any table: what it is, the bytes, and what refuses it."""
    name = column.encode()
    lines = content.split(b"\n")
    yield "a column dropped", without_column(content, column), "schema", "columns"
    yield "a column renamed", content.replace(name, name + b"_x", 1), "schema", "columns"
    yield "a column twice", lines[0].replace(name, b"id", 1) + b"\n" + b"\n".join(lines[1:]), "format", "parsed whole"
    yield "a field too many", b"\n".join([lines[0], lines[1] + b"\tmore", *lines[2:]]), "format", "parsed whole"
    yield "a line cut", content[:-40], "format", "parsed whole"
    yield "a row twice", b"\n".join([*lines[:2], *lines[1:]]), "schema", "keys", "no row twice"
    yield "another encoding", content.decode("utf-8").encode("utf-16"), "format", "parsed whole"
    yield "a header without rows", lines[0] + b"\n", "schema", "rows"
    yield "a page", HTML, "transfer", "no page"
    yield "nothing", b"", "transfer", "not empty"
    yield "a gzip bomb", gzip.compress(bytes(100 << 20), 1), "format", "parsed whole"


def _bad_compounds(mirror: Path) -> Iterator[BadFile]:
    content = table(mirror, "compound_00")
    rng = random.Random(SEED)
    for name, bad, gate, check, *also in (
        *_spoilt_tables(content, "formula"),
        ("identifiers of another form", content.replace(b"\ncpd", b"\nxyz"), "schema", "identifiers"),
        ("a charge that is no number", with_column(content, "charge", lambda n, v: "x" if n == 5 else v), "schema",
         "types"),
        ("a mass below 0", with_column(content, "mass", lambda n, v: "-18" if n == 5 else v), "schema", "ranges"),
        ("a mass without end", with_column(content, "mass", lambda n, v: "1e999" if n == 5 else v), "schema", "types"),
        ("formulas of unknown elements", with_column(content, "formula", lambda n, v: f"Qq{n}Zz"), "physics",
         "formulas, the whole"),
        ("masses drawn at random", with_column(content, "mass", lambda n, v: f"{rng.uniform(20, 2000):.1f}"), "physics",
         "masses, the table"),
        ("formulas dealt out to others", dealt_out(content, "formula"), "physics", "masses, the table",
         "formulas of common metabolites"),
        ("names dealt out to others", dealt_out(content, "name"), "forensics", "names of common metabolites",
         "formulas of common metabolites"),
        ("invented names", with_column(content, "name", lambda n, v: f"Xylomorphine {n}"), "forensics",
         "names of common metabolites"),
        ("charges drawn at random", with_column(content, "charge", lambda n, v: f"{rng.randint(-4, 4)}"), "physics",
         "charges of water, O2 and CO2"),
        ("a charge that no compound has", with_column(content, "charge", lambda n, v: "99999" if n == 5 else v),
         "schema", "ranges"),
    ):  # fmt: skip
        yield BadFile(f"compounds: {name}", "modelseed", "compounds", bad, gate, check, tuple(also))


def invent_participants(content: bytes) -> bytes:
    """Deal the compounds of all reactions out again, in every column that names them."""
    rows = rows_of(content)
    head = rows[0]
    stoichiometry, listed, equation = (head.index(name) for name in ("stoichiometry", "compound_ids", "equation"))
    pattern = re.compile(r'(-?)([0-9.]+):(cpd[0-9]{5}):([0-9]+):"([^"]*)"')
    names = [(found[3], found[5]) for row in rows[1:] for found in pattern.finditer(row[stoichiometry])]
    random.Random(SEED).shuffle(names)
    dealt = iter(names)
    for row in rows[1:]:
        parts = [(*found.groups()[:2], *next(dealt), found[4]) for found in pattern.finditer(row[stoichiometry])]
        row[stoichiometry] = ";".join(f'{sign}{many}:{one}:{place}:"{name}"' for sign, many, one, name, place in parts)
        row[listed] = ";".join(sorted({one for _, _, one, _, _ in parts}))
        row[equation] = " <=> ".join(
            " + ".join(f"({many}) {one}[{place}]" for sign, many, one, _, place in parts if sign == side)
            for side in ("-", "")
        )
    return written(rows)


def _bad_reactions(mirror: Path) -> Iterator[BadFile]:
    content = table(mirror, "reaction_00")
    rng = random.Random(SEED)
    for name, bad, gate, check, *also in (
        *_spoilt_tables(content, "equation"),
        ("identifiers of another form", content.replace(b"\nrxn", b"\nxyz"), "schema", "identifiers"),
        ("a coefficient that is no number", content.replace(b"-1:cpd00001", b"nan:cpd00001", 1), "schema",
         "stoichiometry"),
        ("coefficients drawn at random", re.sub(rb"(-?)[0-9.]+:cpd", lambda m: m[1] + b"%d:cpd" % rng.randint(2, 9),
                                                content), "forensics", "equation as in the stoichiometry"),
        ("sides dealt out at random", re.sub(rb"([\t;])-?([0-9.]+:cpd)", lambda m: m[1] + rng.choice((b"", b"-")) + m[2],
                                             content), "physics", "NAD(P)H is given back",
         "equation as in the stoichiometry"),
        ("a coefficient beyond all numbers", content.replace(b"-1:cpd00001", b"-1e400:cpd00001", 1), "schema",
         "stoichiometry"),
        ("a coefficient of 0", content.replace(b"-1:cpd00001", b"0:cpd00001", 1), "schema", "stoichiometry"),
        ("a coefficient without end", content.replace(b"-1:cpd00001", b"-inf:cpd00001", 1), "schema", "stoichiometry"),
        ("a direction that is none", with_column(content, "reversibility", lambda n, v: "!" if n == 3 else v), "schema",
         "ranges"),
        ("a status that is lacking", with_column(content, "status", lambda n, v: "" if n == 3 else v), "schema",
         "columns"),
        ("stoichiometry dealt out to other reactions", dealt_out(content, "stoichiometry"), "forensics",
         "compound_ids as in the stoichiometry", "equation as in the stoichiometry"),
        ("equations dealt out to other reactions", dealt_out(content, "equation"), "forensics",
         "equation as in the stoichiometry"),
        ("compounds dealt out to all reactions", invent_participants(content), "physics", "NAD(P)H is given back",
         "ATP is given back"),
        ("invented compounds", re.sub(rb'cpd(\d{5})(:\d+:)"[^"]*"', lambda m: b"cpd%05d" % (99999 - int(m[1])) + m[2]
                                      + b'"Xylomorphine"', content), "forensics", "common metabolites",
         "common metabolites are the hubs", "compound_ids as in the stoichiometry", "equation as in the stoichiometry", "ATP is spent"),
    ):  # fmt: skip
        yield BadFile(f"reactions: {name}", "modelseed", "reactions", bad, gate, check, tuple(also))


# -- traits -----------------------------------------------------------------------------------------------------


def csv_column(content: bytes, column: int, change: Callable[[int, str], str], quoted: bool = False) -> bytes:
    """A table of traits with a column changed; ``quoted`` fields keep their quotes."""
    lines = content.decode("iso-8859-1").rstrip("\n").split("\n")
    pattern = re.compile(r'"(?:[^"]|"")*"|[^,]*')
    out = [lines[0]]
    for number, line in enumerate(lines[1:]):
        fields, place = [], 0
        while place <= len(line):
            found = pattern.match(line, place)
            fields.append(found[0])
            place = found.end() + 1
        fields[column] = change(number, fields[column])
        out.append(",".join(fields))
    return ("\n".join(out) + "\n").encode("iso-8859-1")


def _bad_traits(mirror: Path) -> Iterator[BadFile]:
    engqvist, fierer, bergeys = ((mirror / f"microbial_traits/{name}.csv").read_bytes()
                                 for name in ("engqvist", "fierer", "bergeys"))  # fmt: skip
    rng = random.Random(SEED)
    lines = engqvist.split(b"\n")

    def drawn(_number: int, _value: str) -> str:
        return str(rng.randint(4, 40))

    air = {'"anaerobic"': '"obligate aerobe"', '"obligate aerobe"': '"anaerobic"'}
    aired = {'"anaerobic"': '"aerobic"', '"obligate anaerobic"': '"aerobic"', '"aerobic"': '"anaerobic"'}
    for product, name, content, gate, check, *also in (
        ("engqvist", "temperatures in kelvin",
         csv_column(engqvist, 2, lambda n, v: f"{float(v) + 273.15}"), "schema", "ranges", "psychrophiles"),
        ("engqvist", "temperatures drawn at random", csv_column(engqvist, 2, drawn), "physics", "thermophiles"),
        ("engqvist", "a temperature that is no number",
         csv_column(engqvist, 2, lambda n, v: '"warm"' if n == 7 else v), "schema", "types", "columns"),
        ("engqvist", "a temperature that is lacking", csv_column(engqvist, 2, lambda n, v: "NA" if n == 7 else v),
         "schema", "columns"),
        ("engqvist", "an organism twice", b"\n".join([*lines[:2], *lines[1:]]), "schema", "keys", "no row twice"),
        ("engqvist", "a column renamed", engqvist.replace(b"growth_tmp", b"temperature", 1), "schema", "columns"),
        ("engqvist", "a column twice", engqvist.replace(b"growth_tmp", b"tax_id", 1), "format", "parsed whole"),
        ("engqvist", "a number of no taxon", csv_column(engqvist, 0, lambda n, v: "-1" if n == 7 else v), "schema",
         "ranges"),
        ("engqvist", "a table cut", engqvist[: len(engqvist) // 2], "format", "parsed whole"),
        ("engqvist", "another encoding", engqvist.decode("utf-8").encode("utf-16"), "format", "parsed whole"),
        ("engqvist", "a page", HTML, "transfer", "no page"),
        ("fierer", "a pH of 15", csv_column(fierer, 10, lambda n, v: "15" if n == 7 else v), "schema", "ranges"),
        ("fierer", "air for those that shun it", csv_column(fierer, 4, lambda n, v: air.get(v, v)), "physics",
         "anaerobes"),
        ("fierer", "temperatures drawn at random", csv_column(fierer, 11, drawn), "physics", "thermophiles"),
        ("fierer", "a word for oxygen that is none",
         csv_column(fierer, 4, lambda n, v: '"breathes"' if n == 7 else v), "schema", "ranges"),
        ("fierer", "a header without rows", fierer.split(b"\n")[0] + b"\n", "schema", "rows"),
        ("bergeys", "air for those that shun it", csv_column(bergeys, 5, lambda n, v: aired.get(v, v)), "physics",
         "anaerobes"),
        ("bergeys", "a column dropped", bergeys.replace(b'"doubling_h",', b"", 1), "format", "parsed whole"),
        ("bergeys", "another encoding", bergeys.decode("utf-8").encode("cp1252", "replace"), "format", "parsed whole"),
        ("bergeys", "a taxon twice", bergeys + bergeys.split(b"\n")[1] + b"\n", "schema", "keys", "no row twice"),
    ):  # fmt: skip
        yield BadFile(f"traits: {name} ({product})", "microbial_traits", product, content, gate, check, tuple(also))


# -- pathways ---------------------------------------------------------------------------------------------------

KGML = b"""<?xml version="1.0"?>
<!DOCTYPE pathway SYSTEM "https://www.kegg.jp/kegg/xml/KGML_v0.7.2_.dtd">
<!-- laid out by the manual of KGML: the first step of glycolysis, and the next -->
<pathway name="path:ko00010" org="ko" number="00010" title="Glycolysis / Gluconeogenesis">
  <entry id="1" name="ko:K00844 ko:K12407" type="ortholog" reaction="rn:R00299"/>
  <entry id="2" name="ko:K01810" type="ortholog" reaction="rn:R00771"/>
  <entry id="3" name="cpd:C00031" type="compound"><graphics name="C00031" type="circle" x="1" y="1"/></entry>
  <entry id="4" name="cpd:C00092" type="compound"/>
  <entry id="5" name="cpd:C00085" type="compound"/>
  <entry id="6" name="path:ko00030" type="map"/>
  <entry id="7" name="undefined" type="group"><component id="1"/><component id="2"/></entry>
  <relation entry1="1" entry2="2" type="ECrel"><subtype name="compound" value="4"/></relation>
  <reaction id="1" name="rn:R00299 rn:R01786" type="irreversible">
    <substrate id="3" name="cpd:C00031"/><product id="4" name="cpd:C00092"/>
  </reaction>
  <reaction id="2" name="rn:R00771" type="reversible">
    <substrate id="4" name="cpd:C00092"/><product id="5" name="cpd:C00085"/>
  </reaction>
</pathway>
"""
"""A map that is sound."""


def _bad_kgml() -> Iterator[BadFile]:
    for name, old, new, gate, check, *also in (
        ("an invented compound", b"C00031", b"Glucose", "forensics", "identifiers of compounds"),
        ("an invented ortholog", b"K01810", b"gene7", "forensics", "identifiers of orthologs"),
        ("an invented reaction", b'name="rn:R00771"', b'name="rn:step2"', "forensics", "identifiers of reactions"),
        ("a substrate of no entry", b'<substrate id="3"', b'<substrate id="33"', "schema", "references"),
        ("a substrate of another entry", b'<substrate id="3"', b'<substrate id="5"', "schema", "references"),
        ("a relation of no entry", b'entry2="2"', b'entry2="22"', "schema", "references"),
        ("a component of no entry", b'<component id="2"', b'<component id="22"', "schema", "references"),
        ("a reaction of no entry", b'<reaction id="2"', b'<reaction id="22"', "schema", "references"),
        ("an entry twice", b'<entry id="5"', b'<entry id="4"', "schema", "identifiers", "references"),
        ("a reaction twice", b'<reaction id="2"', b'<reaction id="1"', "schema", "identifiers"),
        ("an entry of no type", b'type="map"', b'type="chart"', "schema", "types"),
        ("a reaction of no direction", b'type="reversible"', b'type="both"', "schema", "types"),
        ("a relation of no type", b'type="ECrel"', b'type="knows"', "schema", "types"),
        ("a number of another map", b'number="00010"', b'number="00020"', "schema", "identifiers"),
        ("another root element", b"pathway>", b"mapping>", "format", "parsed whole"),
        ("a document type of its own", b'"https://www.kegg.jp/kegg/xml/KGML_v0.7.2_.dtd">', b'"https://www.kegg.jp/kegg/xml/KGML_v0.7.2_.dtd" [<!ENTITY x "y">]>', "format", "parsed whole"),
        ("a document type of elsewhere", b"www.kegg.jp/kegg/xml/KGML_v0.7.2_.dtd", b"localhost/evil.dtd", "format", "parsed whole"),
    ):  # fmt: skip
        content = KGML.replace(old, new) if "root" not in name else KGML.replace(b"<pathway ", b"<mapping ").replace(
            b"</pathway>", b"</mapping>").replace(b"DOCTYPE pathway", b"DOCTYPE mapping")  # fmt: skip
        yield BadFile(f"KGML: {name}", "kegg", "pathways", content, gate, check, tuple(also))
    empty = b'<?xml version="1.0"?>\n<pathway name="path:ko00010" org="ko" number="00010"/>\n'
    yield BadFile("KGML: no entries", "kegg", "pathways", empty, "schema", "contents")
    yield BadFile("KGML: a page", "kegg", "pathways", HTML, "transfer", "no page")
    yield BadFile("KGML: nothing", "kegg", "pathways", b"", "transfer", "not empty")


# -- tables that were never seen --------------------------------------------------------------------------------

DIRECTIONS = (
    b"RHEA_ID_MASTER\tRHEA_ID_LR\tRHEA_ID_RL\tRHEA_ID_BI\n10000\t10001\t10002\t10003\n10004\t10005\t10006\t10007\n"
)
LINKS = b"RHEA_ID\tDIRECTION\tMASTER_ID\tID\n10000\tUN\t10000\t1.1.1.1\n10004\tUN\t10004\t1.1.1.2\n"
EQUATIONS = (b"### MetaNetX/MNXref reconciliation ###\n#ID\tmnx_equation\treference\tclassifs\tis_balanced\tis_transport\n"
             b"MNXR1\t1 MNXM1@MNXD1 = 1 MNXM2@MNXD1\trhea:10000\t1.1.1.1\tB\t\n"
             b"MNXR2\t1 MNXM3@MNXD1 = 1 MNXM2@MNXD1\trhea:10004\t1.1.1.2\tB\t\n")  # fmt: skip
"""Tables that are sound by the documentation of Rhea and MetaNetX."""


def _bad_others() -> Iterator[BadFile]:
    for source, product, name, content, gate, check, *also in (
        ("rhea", "directions", "a column renamed", DIRECTIONS.replace(b"_LR", b"_XX", 1), "schema", "columns"),
        ("rhea", "directions", "a word for a number", DIRECTIONS.replace(b"10005", b"abc"), "schema", "types", "columns"),
        ("rhea", "ec", "a direction that is none", LINKS.replace(b"UN", b"UP"), "schema", "ranges"),
        ("rhea", "ec", "a row twice", LINKS + LINKS.split(b"\n")[1] + b"\n", "schema", "keys",
         "no row twice"),
        ("metanetx", "reactions", "a column too few", EQUATIONS.replace(b"\tB\t\n", b"\tB\n"), "format",
         "parsed whole"),
        ("metanetx", "reactions", "a row twice", EQUATIONS.replace(b"MNXR2", b"MNXR1"), "schema", "keys"),
        ("metanetx", "reactions", "a page", HTML, "transfer", "no page"),
        ("bigg", "models", "a table", DIRECTIONS, "format", "parsed whole"),
    ):  # fmt: skip
        yield BadFile(f"{source}: {name}", source, product, content, gate, check, tuple(also))
