"""Networks, tables of biochemistry and of traits: the genuine ones are admitted, bad ones refused by their checks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.archives import modelseed
from astrobio.archives.published_networks import ORGANISMS
from astrobio.archives.registry import verify
from astrobio.core.network import Compound, MetabolicNetwork, Participant, Reaction
from astrobio.formats.modelseed import network_of
from astrobio.formats.sbml import read_sbml
from astrobio.formats.schema import read_typed
from astrobio.verify.balance import charge_balance, is_exchange, is_growth, mass_balance
from astrobio.verify.biochemistry import parts_of
from astrobio.verify.networks import cofactor_uses, metabolites_of, strange_formulas
from astrobio.verify.verdict import Verdict
from tests.verify import bad_networks as making
from tests.verify.bad_networks import NETWORKS, bad_networks, edited, offered, sbml, truncations


def failing(verdict: Verdict) -> set[tuple[str, str]]:
    return {(one.gate, one.check) for one in verdict.findings if not one.passed and one.severity == "refuse"}


def flagged(verdict: Verdict) -> dict[str, str]:
    flags = {one.check: one.seen for one in verdict.findings if not one.passed and one.severity == "flag"}
    flags.pop("completeness", None)
    return flags


# -- the genuine files --------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def networks(archive_mirror: Path) -> dict[str, Verdict]:
    """Verdicts of the 83 published networks."""
    folder = archive_mirror / "published_networks"
    return {name: verify((folder / f"{name}.xml.gz").read_bytes(), offered(*NETWORKS, f"{name}.xml.gz"))
            for name in ORGANISMS}  # fmt: skip


def test_the_published_networks_are_admitted_with_their_counts(networks):
    assert [name for name, verdict in networks.items() if not verdict.admitted] == []
    total: Counter[str] = Counter()
    for verdict in networks.values():
        total.update(verdict.counts)
    assert total == {
        "networks": 83, "compounds": 79_919, "reactions": 95_752, "exchange reactions": 9_598,
        "growth reactions": 117, "reactions judged for mass": 19_249, "reactions balanced in mass": 19_097,
        "reactions judged for charge": 26_104, "reactions balanced in charge": 23_381,
    }  # fmt: skip


def test_networks_without_formulas_or_charges_are_judged_for_what_they_have(networks):
    judged = {name: verdict.counts["reactions judged for mass"] for name, verdict in networks.items()}
    assert sum(count > 0 for count in judged.values()) == 25
    balanced = {name for name, count in judged.items()
                if count and count == networks[name].counts["reactions balanced in mass"]}  # fmt: skip
    assert balanced == {"iAF1260", "iAF692", "iAO358", "iJO1366", "iMA871", "iMB745", "iMO1056", "textbook"}
    assert sum(verdict.counts["reactions judged for charge"] > 0 for verdict in networks.values()) == 24
    assert networks["iAF1260"].counts | {"networks": 1} == {
        "networks": 1, "compounds": 1668, "reactions": 2382, "exchange reactions": 304, "growth reactions": 1,
        "reactions judged for mass": 1922, "reactions balanced in mass": 1922, "reactions judged for charge": 2077,
        "reactions balanced in charge": 2077,
    }  # fmt: skip


def test_oddities_of_the_published_networks_are_noted(networks):
    flags = {name: flagged(verdict) for name, verdict in networks.items()}
    assert Counter(check for found in flags.values() for check in found) == {
        "mass balance": 75, "charge balance": 80, "compounds without reactions": 19, "charges": 36,
        "reactions without participants": 10, "formulas": 9, "charges of water, O2 and CO2": 1,
    }  # fmt: skip
    assert flags["iRS1597"]["charges of water, O2 and CO2"] == "6 of 12 have one"
    assert flags["iTH366"]["formulas"].startswith("25 of 907 are none")
    assert flags["iMA871"]["compounds without reactions"] == "723 of 1900 compounds have no reaction"
    assert flags["iAF1260"] == {}


def test_the_tables_of_modelseed_are_admitted_with_their_counts(archive_mirror):
    total: Counter[str] = Counter()
    for product, stem in (("compounds", "compound"), ("reactions", "reaction")):
        files = sorted((archive_mirror / "modelseed").glob(f"{stem}_*.tsv.gz"))
        for path in files:
            verdict = verify(path.read_bytes(), offered("modelseed", product, path.name))
            assert verdict.admitted, f"{path.name}: {verdict.reasons}"
            total.update(verdict.counts)
        total[f"files of {product}"] = len(files)
    assert total == {
        "files of compounds": 50, "compounds": 45_706, "files of reactions": 61, "reactions": 56_009,
        "reactions balanced": 34_320, "reactions off in mass": 5_790, "reactions off in charge": 12_084,
        "reactions without all formulas": 7_090,
    }  # fmt: skip


def test_tables_of_traits_and_the_key_are_admitted_with_their_counts(archive_mirror):
    seen = {}
    for source, product, path in (
        ("microbial_traits", "engqvist", "microbial_traits/engqvist.csv"),
        ("microbial_traits", "fierer", "microbial_traits/fierer.csv"),
        ("microbial_traits", "bergeys", "microbial_traits/bergeys.csv"),
        ("published_networks", "model_key", "published_networks/model_key.md"),
    ):
        verdict = verify((archive_mirror / path).read_bytes(), offered(source, product, path.rpartition("/")[2]))
        assert verdict.admitted, verdict.render()
        judged = {one.check: one.seen for one in verdict.findings if one.gate == "physics"}
        seen[product] = verdict.counts, judged, flagged(verdict)
    assert seen["engqvist"] == (
        {"growth temperatures": 12_547},
        {"thermophiles": "226 of 237 from 45 C on", "psychrophiles": "87 of 87 up to 37 C"},
        {},
    )
    assert seen["fierer"] == (
        {"species descriptions": 5_075},
        {"thermophiles": "47 of 49 from 45 C on", "psychrophiles": "42 of 42 up to 37 C",
         "anaerobes": "100 of 101 without oxygen"},
        {"usual values": "d1_lo: 2350, 1450, 3000 (11 in all); d2_lo: 4000, 3000, 1500 (3 in all)"},
    )  # fmt: skip
    assert seen["bergeys"] == (
        {"manual entries": 3_220},
        {"anaerobes": "119 of 120 without oxygen"},
        {"usual values": "d1_up: 0.01, 0.001 (2 in all); d2_lo: 0.012 (1 in all); d2_up: 0.014 (1 in all)"},
    )
    assert seen["model_key"] == ({"models": 93}, {}, {"rows once": "2 rows come again"})


@pytest.fixture(scope="module")
def modelseed_whole(archive_mirror: Path) -> tuple[MetabolicNetwork, list[str]]:
    """All of ModelSEED as one network, and the status that its tables give each reaction."""
    frames = {}
    for product, table in modelseed.FORMATS.items():
        paths = sorted((archive_mirror / "modelseed").glob(f"{product.removesuffix('s')}_*.tsv.gz"))
        frames[product] = pl.concat([read_typed(table.text(path.read_bytes()), table.schema) for path in paths])
    known = {identifier: (name or "", formula, charge) for identifier, name, formula, charge
             in frames["compounds"].select("id", "name", "formula", "charge").rows()}  # fmt: skip
    rows = frames["reactions"].select("id", pl.col("name").fill_null(""), "reversibility").rows()
    parts = parts_of(frames["reactions"])
    network = network_of("modelseed", ((*row, several) for row, several in zip(rows, parts, strict=True)), known)
    return network, frames["reactions"]["status"].to_list()


def test_balance_is_what_the_database_says_of_its_reactions(modelseed_whole):
    network, status = modelseed_whole
    judged, balanced = mass_balance(network)
    right = np.array([one.startswith("OK") for one in status])
    off = np.array(["MI:" in one for one in status])
    assert (len(network.reactions), len(network.compounds)) == (56_009, 31_868)
    assert (int(judged.sum()), int(balanced.sum())) == (35_577, 33_095)
    assert (int((right & judged).sum()), int((right & balanced).sum())) == (27_601, 27_597)
    assert (int((off & judged).sum()), int((off & balanced).sum())) == (2_478, 0)
    unlike = [network.reactions[place].id for place in np.flatnonzero(right & judged & ~balanced)]
    assert unlike == ["rxn17731", "rxn24310", "rxn24312", "rxn27029"]
    charged, conserved = charge_balance(network)
    assert (int((right & charged).sum()), int((right & conserved).sum())) == (34_246, 34_186)


# -- bad files ------------------------------------------------------------------------------------------------------
def test_bad_files_are_refused_each_by_its_checks_and_no_others(archive_mirror, ledger):
    files = bad_networks(archive_mirror)
    assert len({bad.name for bad in files}) == len(files) >= 165
    wrong = {}
    for bad in files:
        found = failing(verify(bad.content, bad.provenance()))
        if (bad.gate, bad.check) not in found or {check for _, check in found} != {bad.check, *bad.also}:
            wrong[bad.name] = found
    ledger.refused(files, wrong)
    assert wrong == {}


@pytest.mark.parametrize(("source", "product", "path"), [
    ("published_networks", "networks", "published_networks/textbook.xml.gz"),
    ("modelseed", "compounds", "modelseed/compound_49.tsv.gz"),
    ("modelseed", "reactions", "modelseed/reaction_60.tsv.gz"),
])  # fmt: skip
def test_files_that_were_cut_are_refused(archive_mirror, source, product, path):
    content = (archive_mirror / path).read_bytes()
    verdicts = [verify(cut, offered(source, product, path.rpartition("/")[2])) for cut in truncations(content)]
    assert [place for place, verdict in enumerate(verdicts) if verdict.admitted] == []


def test_a_key_that_was_cut_is_refused_unless_a_row_ends_there(archive_mirror):
    content = (archive_mirror / "published_networks/model_key.md").read_bytes()
    cuts = list(truncations(content, 1000))
    admitted = [cut for cut in cuts if verify(cut, offered("published_networks", "model_key", "model_key.md")).admitted]
    assert 0 < len(admitted) < 100
    assert all(cut.endswith((b"|", b"|\n")) for cut in admitted)


def test_a_network_that_was_cut_is_refused_by_its_format(archive_mirror):
    for content, source in ((sbml(archive_mirror, "textbook"), NETWORKS), (making.KGML, ("kegg", "pathways"))):
        for cut in list(truncations(content))[1:]:
            assert failing(verify(cut, offered(*source, "file.xml"))) == {("format", "parsed whole")}


def test_maps_and_tables_that_are_sound_are_admitted():
    for source, product, content, counts in (
        ("kegg", "pathways", making.KGML, {"pathways": 1, "reactions": 2, "compounds": 3}),
        ("rhea", "directions", making.DIRECTIONS, {"Rhea reactions": 2}),
        ("rhea", "ec", making.LINKS, {"links to EC": 2}),
        ("metanetx", "reactions", making.EQUATIONS, {"MNXref reactions": 2}),
    ):
        verdict = verify(content, offered(source, product, "file"))
        assert verdict.admitted, verdict.render()
        assert verdict.counts == counts


def test_a_network_that_minimises_names_no_growth_and_is_noted(archive_mirror):
    content = edited(sbml(archive_mirror, "textbook"), making.set_objective("objective", "type", "minimize"))
    verdict = verify(content, offered(*NETWORKS, "textbook.xml"))
    assert verdict.admitted
    assert flagged(verdict)["growth reaction"] == "none"


# -- properties -----------------------------------------------------------------------------------------------------
def permuted(network: MetabolicNetwork, rng: np.random.Generator) -> MetabolicNetwork:
    """The same network with compounds, reactions, and what takes part in each, in another order."""
    places = rng.permutation(len(network.compounds))
    number = np.argsort(places)
    reactions = []
    for place in rng.permutation(len(network.reactions)):
        begin, end = network.begins[place], network.begins[place + 1]
        parts = [Participant(int(number[network.participants[one]]), int(network.sides[one]),
                             float(network.coefficients[one])) for one in range(begin, end)]  # fmt: skip
        reactions.append((network.reactions[place], [parts[one] for one in rng.permutation(len(parts))]))
    return MetabolicNetwork.of(network.id, network.source, [network.compounds[place] for place in places], reactions,
                               growth=network.growth)  # fmt: skip


def balances(network: MetabolicNetwork) -> dict[str, tuple[bool, ...]]:
    masks = (*mass_balance(network), *charge_balance(network), is_exchange(network), is_growth(network))
    return {one.id: tuple(bool(mask[place]) for mask in masks) for place, one in enumerate(network.reactions)}


@pytest.fixture(scope="module")
def core_network(archive_mirror: Path) -> MetabolicNetwork:
    """The core network of E. coli: 72 compounds, 95 reactions, all 74 that can be judged balanced."""
    return read_sbml(sbml(archive_mirror, "textbook")).sound()


@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_compounds_reactions_and_participants_changes_nothing(core_network, seed):
    other = permuted(core_network, np.random.default_rng(seed))
    assert balances(other) == balances(core_network)
    assert cofactor_uses(other) == cofactor_uses(core_network)
    assert strange_formulas(other.compounds) == strange_formulas(core_network.compounds)
    assert sorted(other.degrees()) == sorted(core_network.degrees())
    assert other.component_sizes().tolist() == core_network.component_sizes().tolist()
    ids = [one.id for one in core_network.compounds], [one.id for one in core_network.reactions]
    rows = [[one.id for one in other.compounds].index(name) for name in ids[0]]
    columns = [[one.id for one in other.reactions].index(name) for name in ids[1]]
    matrix = other.stoichiometric_matrix().toarray()[np.ix_(rows, columns)]
    assert np.array_equal(matrix, core_network.stoichiometric_matrix().toarray())


def with_column(network: MetabolicNetwork, column: np.ndarray) -> MetabolicNetwork:
    """The network with one more reaction."""
    parts = [Participant(int(place), int(np.sign(column[place])), float(abs(column[place])))
             for place in np.flatnonzero(column)]  # fmt: skip
    reactions: list[tuple[Reaction, list[Participant]]] = []
    for place, reaction in enumerate(network.reactions):
        several = range(network.begins[place], network.begins[place + 1])
        reactions.append((reaction, [Participant(int(network.participants[one]), int(network.sides[one]),
                                                 float(network.coefficients[one])) for one in several]))  # fmt: skip
    return MetabolicNetwork.of(network.id, network.source, network.compounds, [*reactions, (Reaction("new"), parts)])


@given(data=st.data())
def test_a_sum_of_balanced_reactions_is_balanced_and_one_atom_more_is_not(core_network, data):
    _, balanced = mass_balance(core_network)
    _, conserved = charge_balance(core_network)
    chosen = data.draw(st.lists(st.sampled_from(np.flatnonzero(balanced & conserved).tolist()), min_size=1, max_size=4))
    scales = [data.draw(st.integers(-3, 3).filter(bool)) for _ in chosen]
    matrix = core_network.stoichiometric_matrix().toarray()
    column = sum(scale * matrix[:, place] for scale, place in zip(scales, chosen, strict=True))
    if not (column < 0).any():  # reactions that cancel each other
        return
    added = with_column(core_network, column)
    judged, balanced_now = mass_balance(added)
    assert judged[-1]
    assert balanced_now[-1]
    assert charge_balance(added)[1][-1]
    assert np.array_equal(balanced_now[:-1] >= balanced, np.ones(len(balanced), dtype=bool))
    spoilt = column.copy()
    spoilt[data.draw(st.sampled_from(np.flatnonzero(column).tolist()))] += data.draw(st.sampled_from((-0.5, 0.5)))
    assert not mass_balance(with_column(core_network, spoilt))[1][-1]


def small(*formulas: str | None, charges: tuple[int | None, ...] = (), coefficients: tuple[float, ...] = ()
          ) -> MetabolicNetwork:  # fmt: skip
    """One reaction: the first compound becomes the others."""
    compounds = [Compound(f"c{place}", formula=formula, charge=charges[place] if charges else None)
                 for place, formula in enumerate(formulas)]  # fmt: skip
    many = coefficients or (1.0,) * len(formulas)
    parts = [Participant(place, -1 if place == 0 else 1, many[place]) for place in range(len(formulas))]
    return MetabolicNetwork.of("small", "made", compounds, [(Reaction("r"), parts)])


@pytest.mark.parametrize(("network", "expected"), [
    (small("H2O2", "H2O", "O2", coefficients=(2, 2, 1)), (True, True)),
    (small("H2O2", "H2O", "O2", coefficients=(2, 2, 2)), (True, False)),
    (small("C6H12O6", "C3H6O3", coefficients=(1, 2)), (True, True)),
    (small("C6H12O6", "C3H5O3", coefficients=(1, 2)), (True, False)),
    (small("C6H12O6", None, coefficients=(1, 2)), (False, False)),
    (small("C6H12O6", "C6H11O6R"), (False, False)),
    (small("C6H12O6", "glucose"), (False, False)),
    (small("C6H12O6"), (False, False)),
    (small("C1000H2000", "C1H2", coefficients=(0.999, 999)), (True, True)),
    (small("C3H4", "C3H4.01"), (True, False)),
    (small("C30H40", "C30H40.01"), (True, True)),  # rounding of half a permille
])  # fmt: skip
def test_mass_is_conserved_where_formulas_tell(network, expected):
    judged, balanced = mass_balance(network)
    assert (bool(judged[0]), bool(balanced[0])) == expected


@pytest.mark.parametrize(("charges", "expected"), [
    ((-4, -3, -1), (True, True)), ((-4, -3, 1), (True, False)), ((0, 0, 0), (False, False)),
    ((None, -3, -1), (False, False)), ((0, 1, -1), (True, True)),
])  # fmt: skip
def test_charge_is_conserved_where_charges_are_known(charges, expected):
    judged, balanced = charge_balance(small("C", "C", "C", charges=charges))
    assert (bool(judged[0]), bool(balanced[0])) == expected


def test_what_stands_for_growth_or_crosses_the_border_is_set_apart():
    water = Compound("h2o", formula="H2O")
    reactions = [
        (Reaction("EX_h2o"), [Participant(0, -1, 1.0)]), (Reaction("empty"), []),
        (Reaction("r1", "Biomass of all"), [Participant(0, -1, 1.0), Participant(0, 1, 1.0)]),
        (Reaction("r2"), [Participant(0, -1, 1.0), Participant(0, 1, 1.0)]),
        (Reaction("r3"), [Participant(0, -1, 1.0), Participant(0, 1, 1.0)]),
    ]  # fmt: skip
    network = MetabolicNetwork.of("small", "made", [water], reactions, growth=("r3",))
    assert is_exchange(network).tolist() == [True, True, False, False, False]
    assert is_growth(network).tolist() == [False, False, True, False, True]
    assert mass_balance(network)[0].tolist() == [False, False, False, True, False]


def carriers(*equations: tuple[str, str]) -> dict[str, tuple[int, int]]:
    names = sorted({name for sides in equations for side in sides for name in side.split()})
    reactions = [
        (Reaction(f"r{place}"), [Participant(names.index(name), sign, 1.0)
                                 for sign, side in ((-1, left), (1, right)) for name in side.split()])
        for place, (left, right) in enumerate(equations)
    ]  # fmt: skip
    return cofactor_uses(MetabolicNetwork.of("small", "made", [Compound(name) for name in names], reactions))


def test_carriers_are_given_back_or_not():
    assert carriers(("atp glc", "adp g6p"))["phosphate"] == (1, 1)
    assert carriers(("adp pi", "atp h2o"))["phosphate"] == (1, 1)
    assert carriers(("atp glc", "g6p"))["phosphate"] == (1, 0)
    assert carriers(("atp glc", "atp g6p"))["phosphate"] == (0, 0)
    assert carriers(("nad etoh", "nadh acald"))["electrons"] == (2, 2)
    assert carriers(("nad etoh", "nadph acald"))["electrons"] == (2, 0)
    assert carriers(("nad etoh", ""))["electrons"] == (0, 0)
    assert carriers((" ".join(["atp", *(f"x{place}" for place in range(12))]), "adp"))["phosphate"] == (0, 0)


def refusals(content: bytes) -> set[str]:
    return {check for _, check in failing(verify(content, offered(*NETWORKS, "made.xml")))}


@pytest.mark.parametrize("name", ["iAF1260", "iSH335", "iMM904"])
def test_a_network_with_invented_compounds_is_refused_whatever_it_is_made_of(archive_mirror, name):
    found = refusals(edited(sbml(archive_mirror, name), making.invent_compounds))
    assert found == {"common metabolites", "common metabolites are the hubs", "ATP is spent"}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["iJR904", "iSH335"])
def test_hubs_that_were_dealt_out_again_are_refused(archive_mirror, name, seed):
    rng = np.random.default_rng(seed)

    def shuffle(model: Any) -> None:
        references = list(model.iter(making.CORE + "speciesReference"))
        names = [one.get("species") for one in references]
        for one, place in zip(references, rng.permutation(len(names)), strict=True):
            one.set("species", names[place])

    found = refusals(edited(sbml(archive_mirror, name), shuffle))
    assert {"ATP is given back", "NAD(P)H is given back"} <= found
    assert ("mass balance, the whole" in found) is (name == "iJR904")


def test_every_common_metabolite_of_a_great_network_is_recognised(archive_mirror):
    known = metabolites_of(read_sbml(sbml(archive_mirror, "iAF1260")).network)
    assert len({one.bigg for one in known if one is not None}) == 55
