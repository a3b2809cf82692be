"""Networks of a store: each in one form, with the traits of its organism, or the reason why there are none."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

from astrobio.archives import microbial_traits
from astrobio.archives.published_networks import ORGANISMS
from astrobio.archives.registry import SOURCES
from astrobio.core.errors import DataMissing, IntegrityError, RefusedInput
from astrobio.core.provenance import Provenance
from astrobio.datasets.networks import (
    APART,
    CONFLICTS,
    OXYGEN,
    TABLE,
    TRAITS,
    UNMATCHED,
    VALUES,
    Networks,
    read_networks,
)
from astrobio.formats.schema import Column
from astrobio.store import RealDataStorage
from astrobio.verify.balance import mass_balance
from tests.verify.bad_networks import CORE, FBC, KGML, NETWORKS, offered, sbml, table


@pytest.fixture(scope="module")
def found(archive_store: Path) -> Networks:
    """All networks of the mirror, which are read once."""
    return read_networks(RealDataStorage(archive_store))


def number(found: Networks, name: str) -> int:
    return found.table["id"].to_list().index(name)


def traits(found: Networks, name: str) -> list[tuple[object, ...]]:
    columns = ("trait", "number", "unit", "word", "table", "organism", "tax_id", "matched")
    return found.traits.filter(pl.col("network") == number(found, name)).select(columns).rows()


# -- the genuine networks -------------------------------------------------------------------------------------------
def test_all_networks_come_by_source_and_file(found):
    assert len(found) == found.table.height == 84
    assert found.table["network"].to_list() == list(range(84))
    assert found.table["source"].value_counts().sort("source").rows() == [("modelseed", 1), ("published_networks", 83)]
    assert [one.id for one in found.networks[1:]] == sorted(ORGANISMS)
    assert found.table["id"].to_list() == [one.id for one in found.networks]
    published = found.table.filter(pl.col("source") == "published_networks")
    assert (published["compounds"].sum(), published["reactions"].sum()) == (79_919, 95_752)
    assert {one.source for one in found.networks} == {"modelseed", "published_networks"}
    for frame, schema in ((found.table, TABLE), (found.traits, VALUES), (found.conflicts, CONFLICTS),
                          (found.unmatched, UNMATCHED)):  # fmt: skip
        assert dict(frame.schema) == schema


def test_a_network_has_its_organism_its_paper_and_its_record(found):
    [row] = found.table.filter(pl.col("id") == "iAF1260").to_dicts()
    expected = {
        "source": "published_networks", "organism": "Escherichia coli", "species": "escherichia coli", "strain": "",
        "doi": "10.1038/msb4100155", "pmid": "17593909", "compounds": 1668, "reactions": 2382,
        "group": "genus Escherichia",
    }  # fmt: skip
    assert row.items() >= expected.items()
    [record] = [one for one in found.records if one.digest == row["digest"]]
    assert (record.source, record.provenance.detail["product"]) == NETWORKS
    assert row["file"].startswith("iAF1260.xml")
    network = found[number(found, "iAF1260")]
    assert network.organism == "Escherichia coli"
    assert network.growth == ("R_Ec_biomass_iAF1260_core_59p81M",)


@pytest.mark.parametrize("name", ["iAF1260", "iMM904", "AraGEM"])
def test_the_matrix_is_what_another_reading_of_the_file_gives(found, archive_mirror, name):
    root = ElementTree.fromstring(gzip.decompress((archive_mirror / f"published_networks/{name}.xml.gz").read_bytes()))
    species = [one.get("id") for one in root.iter(f"{CORE}species")]
    reactions = list(root.iter(f"{CORE}reaction"))
    row = {identifier: place for place, identifier in enumerate(species)}
    matrix = np.zeros((len(species), len(reactions)))
    for column, reaction in enumerate(reactions):
        for sign, listing in ((-1, "listOfReactants"), (1, "listOfProducts")):
            for one in reaction.findall(f"{CORE}{listing}/{CORE}speciesReference"):
                matrix[row[one.get("species")], column] += sign * float(one.get("stoichiometry"))
    network = found[number(found, name)]
    assert [one.id for one in network.compounds] == species
    assert [one.id for one in network.reactions] == [one.get("id") for one in reactions]
    assert np.array_equal(network.stoichiometric_matrix().toarray(), matrix)
    formulas = [one.get(f"{FBC}chemicalFormula") for one in root.iter(f"{CORE}species")]
    assert [one.formula for one in network.compounds] == [one or None for one in formulas]


def test_modelseed_is_one_network_of_all_its_tables(found):
    network = found[0]
    assert (network.id, network.source, network.organism) == ("modelseed", "modelseed", None)
    assert (len(network.compounds), len(network.reactions)) == (31_868, 56_009)
    [row] = found.table[0].to_dicts()
    assert row.items() >= {"file": "reaction_*.tsv", "group": "modelseed", "digest": "", "species": None}.items()
    judged, balanced = mass_balance(network)
    assert (int(judged.sum()), int(balanced.sum())) == (35_577, 33_095)
    first = network.stoichiometric_matrix()[:, [0]].tocoo()
    assert {network.compounds[place].id: value for place, value in zip(first.coords[0], first.data, strict=True)} == {
        "cpd00001": -1.0, "cpd00012": -1.0, "cpd00009": 2.0, "cpd00067": 1.0,
    }  # fmt: skip
    assert network.compounds[0].charge == 0


def test_records_of_all_that_was_read_are_told(found):
    assert Counter(one.source for one in found.records) == {
        "published_networks": 84, "modelseed": 111, "microbial_traits": 3,
    }  # fmt: skip
    assert len({one.digest for one in found.records}) == len(found.records)
    assert set(found.traits["digest"]) <= {one.digest for one in found.records}


def test_traits_meet_networks_of_their_species(found):
    assert traits(found, "iAF692") == [
        ("oxygen use", None, None, "anaerobe", "bergeys", "Methanosarcina barkeri", 2208, "name"),
        ("growth temperature", 35.0, "degree C", None, "engqvist", "methanosarcina_barkeri", 2208, "name"),
    ]  # fmt: skip
    assert [(row[1], row[-1]) for row in traits(found, "iAF1260")] == [(36.0, "name"), (37.0, "tax_id")]
    assert traits(found, "iAF1260") == traits(found, "iJO1366") == traits(found, "textbook")
    assert found.traits.group_by("trait", "table", "matched").len().sort("len").rows() == [
        ("oxygen use", "bergeys", "name", 18), ("growth temperature", "engqvist", "tax_id", 25),
        ("growth temperature", "engqvist", "name", 39),
    ]  # fmt: skip
    assert found.traits["network"].n_unique() == 44
    assert found.traits.select(pl.all_horizontal(pl.col("number").is_null() != pl.col("word").is_null()).all()).item()


def test_every_value_stands_in_the_table_that_it_names(found, archive_mirror):
    tables = {
        name: {(row["tax_id"], str(row[column.column]), row[column.names[0]])
               for row in form.read((archive_mirror / f"microbial_traits/{name}.csv").read_bytes()).frame.to_dicts()}
        for name, form in microbial_traits.FORMATS.items() for column in TRAITS if column.table == name
    }  # fmt: skip
    for row in found.traits.iter_rows(named=True):
        assert (row["tax_id"], row["written"], row["organism"]) in tables[row["table"]]


def test_a_thermophile_is_warm_and_methanogens_shun_air(found):
    assert [row[:2] for row in traits(found, "T_Maritima") if row[0] == "growth temperature"] == [
        ("growth temperature", 75.0)
    ]
    for name in ("iAF692", "iMB745", "iVS941_fixed"):
        assert {row[3] for row in traits(found, name) if row[0] == "oxygen use"} == {"anaerobe"}, name


def test_the_one_conflict_is_told_with_its_values(found):
    assert found.conflicts.rows() == [
        (number(found, "iMO1056"), "growth temperature", "engqvist: 26.0; engqvist: 34.0; engqvist: 37.0")
    ]
    assert {row[3] for row in traits(found, "iMO1056")} == {None}


def test_networks_without_traits_have_their_reasons(found):
    assert Counter(found.unmatched["reason"]) == {
        "no table of traits names the species": 37,
        "the tables name the species, and no value of these traits": 1,
        "its source names no organism": 1,
        "it is of no single organism": 1,
    }
    reasons = dict(found.unmatched.select("id", "reason").rows())
    assert reasons["modelseed"] == "it is of no single organism"
    assert reasons["iAN840m"] == "its source names no organism"
    assert reasons["iSR432"] == "the tables name the species, and no value of these traits"
    assert reasons["iMM904"] == "no table of traits names the species"
    assert set(found.unmatched["network"]) | set(found.traits["network"]) == set(range(84))
    assert not set(found.unmatched["network"]) & set(found.traits["network"])


# -- made stores ----------------------------------------------------------------------------------------------------
KEY = (
    b"| Organism | Version | Reference | PMID |\n|--|--|--|--|\n"
    b"| Escherichia coli | textbook | [Orth](https://doi.org/10.1128/ecosalplus.10.2.1) | [26443778](http://a.b) |\n"
)
ENGQVIST = b'"tax_id","org_name","growth_tmp","ref_type","reference"\n'
FIERER = (
    b'"tax_id","name_class","org_name","Strain","metabolism","pathways","carbon_substrates","sporulation","cell_shape",'
    b'"motility","optimum_ph","optimum_tmp","d1_lo","d1_up","d2_lo","d2_up","isolation_source","reference","ref_type"\n'
)


def engqvist(*rows: tuple[int, str, float]) -> bytes:
    return ENGQVIST + b"".join(f'{tax},"{name}",{value},"doi","doi.org/1"\n'.encode() for tax, name, value in rows)


def fierer(*rows: tuple[int, str, str, str, str]) -> bytes:
    return FIERER + b"".join(
        f'{tax},"scientific name","{name}",NA,"{oxygen}",NA,NA,NA,NA,NA,{ph},{warm},NA,NA,NA,NA,NA,"doi.org/2","doi"\n'
        .encode() for tax, name, oxygen, ph, warm in rows
    )  # fmt: skip


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made files are judged in the process of the test, which starts no others."""
    for name in ("published_networks", "microbial_traits", "modelseed", "kegg", "bigg"):
        one = SOURCES[name]
        products = tuple(replace(product, isolated=False) for product in one.products)
        monkeypatch.setitem(SOURCES, name, replace(one, products=products))


def stored(root: Path, items: Iterable[tuple[str, str, str, bytes]]) -> RealDataStorage:
    """A store of made files: source, product, name, bytes."""
    storage = RealDataStorage(root / "store", create=True)
    report = storage.admit_many([(content, offered(source, product, name)) for source, product, name, content in items])
    assert report.rejected == []
    return storage


@pytest.fixture(scope="module")
def textbook(archive_mirror: Path) -> tuple[str, str, str, bytes]:
    return (*NETWORKS, "textbook.xml", sbml(archive_mirror, "textbook"))


def key(content: bytes = KEY) -> tuple[str, str, str, bytes]:
    return ("published_networks", "model_key", "model_key.md", content)


def reason(found: Networks) -> str:
    [row] = found.unmatched.to_dicts()
    return row["reason"]


def test_of_a_network_without_traits_the_reason_is_told(tmp_path, textbook, quick):
    tables = ("microbial_traits", "engqvist", "engqvist.csv", engqvist((1, "bacillus_subtilis", 30)))
    unnamed = key(KEY.replace(b"Escherichia coli", b"Escherichia spp"))
    for place, (items, expected) in enumerate((
        ([textbook], "the store holds no model_key.md"),
        ([textbook, key(KEY.replace(b"textbook", b"iXX1"))], "its source names no organism"),
        ([textbook, unnamed], "'Escherichia spp' is no name of a species"),
        ([textbook, key()], "the store holds no tables of traits"),
        ([textbook, key(), tables], "no table of traits names the species"),
        ([("kegg", "pathways", "ko00010.xml", KGML)], "it is of no single organism"),
    )):  # fmt: skip
        found = read_networks(stored(tmp_path / str(place), items))
        assert reason(found) == expected
        assert found.traits.height == found.conflicts.height == 0


def test_values_of_several_tables_stay_and_those_that_disagree_are_conflicts(tmp_path, textbook, quick):
    warm = engqvist((562, "escherichia_coli", 37), (562, "escherichia_coli_k12", 40), (83333, "e_coli", 99))
    words = fierer((562, "Escherichia coli", "facultative anaerobe", "7.0", "44"),
                   (562, "Bacterium coli", "obligate aerobe", "7.5", "NA"))  # fmt: skip
    found = read_networks(stored(tmp_path, [
        textbook, key(), ("microbial_traits", "engqvist", "engqvist.csv", warm),
        ("microbial_traits", "fierer", "fierer.csv", words),
    ]))  # fmt: skip
    columns = ("trait", "number", "word", "written", "table", "matched")
    assert set(found.traits.select(columns).rows()) == {
        ("growth temperature", 37.0, None, "37.0", "engqvist", "name"),
        ("growth temperature", 40.0, None, "40.0", "engqvist", "name"),
        ("growth temperature", 44.0, None, "44.0", "fierer", "name"),
        ("optimum pH", 7.0, None, "7.0", "fierer", "name"), ("optimum pH", 7.5, None, "7.5", "fierer", "tax_id"),
        ("oxygen use", None, "facultative", "facultative anaerobe", "fierer", "name"),
        ("oxygen use", None, "aerobe", "obligate aerobe", "fierer", "tax_id"),
    }  # fmt: skip
    assert found.conflicts.rows() == [
        (0, "growth temperature", "engqvist: 37.0; engqvist: 40.0; fierer: 44.0"),
        (0, "oxygen use", "fierer: facultative anaerobe; fierer: obligate aerobe"),
    ]  # fmt: skip
    assert found.unmatched.height == 0
    assert APART["optimum pH"] > 0.5


def test_words_of_all_tables_for_oxygen_have_one_word_each():
    for table_name, schema in (("fierer", microbial_traits.FIERER), ("bergeys", microbial_traits.BERGEYS)):
        [column] = [one for one in schema.columns if one.name == "metabolism"]
        assert isinstance(column, Column)
        assert set(column.choices) <= set(OXYGEN), table_name
    assert set(OXYGEN.values()) == {"aerobe", "anaerobe", "facultative", "microaerophile"}


def test_what_is_only_declared_can_be_left_out(tmp_path, textbook, quick):
    storage = stored(tmp_path, [textbook, key()])
    assert read_networks(storage).table["assurance"].to_list() == ["declared"]
    with pytest.raises(DataMissing, match="holds no networks of bigg, kegg, modelseed, published_networks"):
        read_networks(storage, allow_declared=False)


def test_only_networks_of_the_sources_that_were_named(tmp_path, textbook, quick):
    other = ("bigg", "models", "e_coli_core.xml", textbook[3].replace(b"textbook", b"core"))
    storage = stored(tmp_path, [textbook, ("kegg", "pathways", "ko00010.xml", KGML), other])
    assert read_networks(storage).table.select("source", "id").rows() == [
        ("bigg", "core"), ("kegg", "path:ko00010"), ("published_networks", "textbook"),
    ]  # fmt: skip
    assert [one.source for one in read_networks(storage, ["kegg"]).networks] == ["kegg"]
    with pytest.raises(DataMissing, match="holds no networks of modelseed"):
        read_networks(storage, ["modelseed"])
    with pytest.raises(RefusedInput, match="nowhere"):
        read_networks(storage, ["nowhere"])
    with pytest.raises(DataMissing, match="holds no networks"):
        read_networks(RealDataStorage(tmp_path / "empty", create=True))


def test_of_two_releases_the_newest_counts(tmp_path, textbook, quick):
    newer = textbook[3].replace(b'name="ATP"', b'name="ATP, newer"')
    assert newer != textbook[3]
    storage = RealDataStorage(tmp_path / "store", create=True)
    for day, content in (("2024-01-02", newer), ("2024-01-01", textbook[3])):
        one = offered(*NETWORKS, "textbook.xml")
        detail = {**one.detail, "imported": f"{day}T00:00:00+00:00"}
        provenance = Provenance(one.source, one.kind, one.assurance, one.origin, f"networks/textbook.xml#{day}", detail)
        assert storage.admit(content, provenance).source == "published_networks"
    [network] = read_networks(storage).networks
    assert "ATP, newer" in {compound.name for compound in network.compounds}


def test_reactions_of_compounds_that_are_not_there_are_an_error(tmp_path, archive_mirror, quick):
    items = [("modelseed", "reactions", "reaction_00.tsv", table(archive_mirror, "reaction_00")),
             ("modelseed", "compounds", "compound_00.tsv", table(archive_mirror, "compound_00"))]  # fmt: skip
    with pytest.raises(IntegrityError, match="refer to 301 compounds that its tables in the store lack, as cpd01004"):
        read_networks(stored(tmp_path, items))
