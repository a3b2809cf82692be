"""Sources of networks: KEGG, BiGG, Rhea and MetaNetX against services that answer as is documented.

Maps and tables are made, in the form that the documentation gives; networks are those of the mirror, which BiGG too
writes as SBML level 3 with fbc version 2.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import replace

import pytest

from astrobio.archives.genuine import verified_on_genuine_bytes
from astrobio.archives.published_networks import ORGANISMS, OTHER_NAMES, group
from astrobio.archives.registry import SOURCES, source, verify
from astrobio.core.errors import UsageError
from astrobio.fetch.engine import Fetcher
from astrobio.store import RealDataStorage
from tests.fetch.conftest import clean_registry, services, store  # noqa: F401  fixtures
from tests.fetch.made import fetch_one, moved, names, said
from tests.loopback.messages import short
from tests.verify.bad_networks import DIRECTIONS, EQUATIONS, KGML, LINKS, NETWORKS, offered, sbml

LIVE = ("kegg", "bigg", "rhea", "metanetx")


@pytest.mark.parametrize("name", LIVE)
def test_a_source_that_was_never_seen_says_so(name):
    one = source(name)
    assert verified_on_genuine_bytes(name) == []
    assert all(product.ask is not None for product in one.products)
    assert one.connections <= 2
    assert one.interval > 0


# -- KEGG -----------------------------------------------------------------------------------------------------------
MAPS = {
    "00010": KGML,
    "00020": KGML.replace(b"ko00010", b"ko00020").replace(b'number="00010"', b'number="00020"'),
    "01100": KGML.replace(b"ko00010", b"ko01100").replace(b'number="00010"', b'number="01100"'),
}


def kegg(services, listing: bytes, maps: dict[str, bytes]) -> None:  # noqa: F811
    def answer(request):
        if request.path.endswith("list/pathway"):
            return short(200, listing)
        number = request.path.split("/")[-2].removeprefix("ko")
        return short(200, maps[number]) if number in maps else short(404, b"\n")

    services.serve("rest.kegg.jp", answer)
    moved(SOURCES["kegg"], services.origin())


LISTING = b"".join(f"map{number}\tA map of {number}\n".encode() for number in (*MAPS, "07011"))


def accept(root) -> None:
    Fetcher(RealDataStorage(root, create=True)).accept_terms(["kegg"])


def test_kegg_is_not_asked_before_its_terms_are_accepted(services, store):  # noqa: F811
    kegg(services, LISTING, MAPS)
    report = fetch_one(store, "kegg")
    assert "terms" in report.skipped
    assert services.requests == []
    with pytest.raises(UsageError, match="Rhea has no terms to accept"):
        Fetcher(RealDataStorage(store, create=True)).accept_terms(["rhea"])


def test_maps_come_one_a_request_without_those_of_drugs(services, store):  # noqa: F811
    kegg(services, LISTING, MAPS)
    accept(store)
    report = fetch_one(store, "kegg")
    assert report.complete, said(report)
    assert report.counts == {"pathways": 3, "reactions": 6, "compounds": 9}
    assert names(store) == [f"pathways/ko{number}.xml" for number in sorted(MAPS)]
    asked = {request.path for request in services.requests}
    assert asked == {"rest.kegg.jp/list/pathway", *(f"rest.kegg.jp/get/ko{number}/kgml" for number in MAPS)}


def test_an_older_list_writes_path_before_each_map(services, store):  # noqa: F811
    kegg(services, LISTING.replace(b"map0", b"path:map0"), MAPS)
    accept(store)
    assert fetch_one(store, "kegg").complete


@pytest.mark.parametrize(("old", "new", "check"), [
    (b"cpd:C00031", b"cpd:Glucose", "forensics: identifiers of compounds: cpd:Glucose"),
    (b"ko:K01810", b"eco:b4025", "forensics: identifiers of orthologs: eco:b4025"),
    (b'entry2="2"', b'entry2="22"', "schema: references"),
    (b"</pathway>", b"", "format: parsed whole"),
])  # fmt: skip
def test_a_map_that_is_none_is_refused(services, store, old, new, check):  # noqa: F811
    kegg(services, LISTING, MAPS | {"00020": MAPS["00020"].replace(old, new)})
    accept(store)
    report = fetch_one(store, "kegg")
    assert check in said(report)
    assert names(store) == ["pathways/ko00010.xml", "pathways/ko01100.xml"]


def test_a_map_that_was_not_asked_for_is_noted(services, store):  # noqa: F811
    kegg(services, LISTING, MAPS | {"00020": KGML.replace(b'x="1"', b'x="2"')})
    accept(store)
    assert fetch_one(store, "kegg").complete
    flags = [flag for verdict in RealDataStorage(store).judgements("kegg").values() for flag in verdict["flags"]]
    assert [flag for flag in flags if "asked for" in flag] == [
        "schema: the map that was asked for: path:ko00010 (expected path:ko00020)"
    ]


# -- BiGG -----------------------------------------------------------------------------------------------------------
def bigg(services, models: dict[str, bytes]) -> None:  # noqa: F811
    listed = [{"bigg_id": name, "gene_count": 1, "organism": "an organism"} for name in models]
    services.put("bigg.ucsd.edu/api/v2/models", json.dumps({"results": listed, "results_count": len(models)}).encode())
    for name, content in models.items():
        services.put(f"bigg.ucsd.edu/static/models/{name}.xml.gz", content)
    one = moved(SOURCES["bigg"], services.origin())
    [product] = one.products
    ask = replace(product.ask, **{key: getattr(product.ask, key).replace("http://bigg", f"{services.origin()}/bigg")
                                  for key in ("listing", "entry")})  # fmt: skip
    SOURCES["bigg"] = replace(one, products=(replace(product, ask=ask),))


def test_networks_of_bigg_come_as_sbml(services, store, archive_mirror):  # noqa: F811
    models = {name: gzip.compress(sbml(archive_mirror, other), mtime=0)
              for name, other in (("e_coli_core", "textbook"), ("iJR904", "iJR904"))}  # fmt: skip
    bigg(services, models)
    report = fetch_one(store, "bigg")
    assert report.complete, said(report)
    assert report.counts["networks"] == 2
    assert names(store) == ["models/e_coli_core.xml.gz", "models/iJR904.xml.gz"]


@pytest.mark.parametrize(("content", "check"), [
    (b"<sbml/>", 'but begins with "<sbml/>"'),
    (gzip.compress(b"<sbml/>", mtime=0), "format: parsed whole"),
    (gzip.compress(b"x" * 100, mtime=0)[:-9], "format: parsed whole"),
], ids=["plain", "packed", "packed and cut"])  # fmt: skip
def test_what_is_no_network_of_bigg_is_refused(services, store, content, check):  # noqa: F811
    bigg(services, {"e_coli_core": content})
    report = fetch_one(store, "bigg")
    assert report.exit_code == 4
    assert check in said(report)


# -- tables ---------------------------------------------------------------------------------------------------------
EC, KEGG = LINKS, LINKS.replace(b"1.1.1.1", b"R00001").replace(b"1.1.1.2", b"R00002")


def rhea(services, **tables: bytes) -> None:  # noqa: F811
    given = {"rhea-directions": DIRECTIONS, "rhea2ec": EC, "rhea2kegg_reaction": KEGG}
    for name, content in (given | {key.replace("_", "-", 1) if key == "rhea_directions" else key: value
                                   for key, value in tables.items()}).items():  # fmt: skip
        services.put(f"ftp.expasy.org/databases/rhea/tsv/{name}.tsv", content)
    moved(SOURCES["rhea"], services.origin())


def test_tables_of_rhea_come(services, store):  # noqa: F811
    rhea(services)
    report = fetch_one(store, "rhea")
    assert report.complete, said(report)
    assert report.counts == {"Rhea reactions": 2, "links to EC": 2, "links to KEGG": 2}


@pytest.mark.parametrize(("table", "old", "new", "check"), [
    ("rhea_directions", b"RHEA_ID_LR", b"RHEA_LR", "schema: columns: the file lacks RHEA_ID_LR"),
    ("rhea_directions", b"10004", b"10000", "schema: keys: RHEA_ID_MASTER: 10000 comes 2 times"),
    ("rhea_directions", b"10005", b"9", "schema: ranges: RHEA_ID_LR: 9 is below 10000"),
    ("rhea_directions", b"\t10007", b"", "format: parsed whole"),
    ("rhea2ec", b"\tUN\t", b"\t->\t", "schema: ranges: DIRECTION: '->' is none of its values"),
    ("rhea2ec", b"1.1.1.2", b"", "schema: columns: ID has no value in row 2"),
    ("rhea2kegg_reaction", b"10004\tUN", b"x\tUN", "schema: types: RHEA_ID: 'x' is no whole number"),
])  # fmt: skip
def test_a_table_of_rhea_that_is_none_is_refused(services, store, table, old, new, check):  # noqa: F811
    given = {"rhea_directions": DIRECTIONS, "rhea2ec": EC, "rhea2kegg_reaction": KEGG}
    rhea(services, **{table: given[table].replace(old, new)})
    assert check in said(fetch_one(store, "rhea"))


COMPOUNDS = (
    b"### MetaNetX/MNXref reconciliation ###\n#ID\tname\treference\tformula\tcharge\tmass\tInChI\tInChIKey\tSMILES\n"
    b"BIOMASS\tBIOMASS\tmnx:BIOMASS\t\t\t\t\t\t\n"
    b"WATER\tH2O\tmnx:WATER\tH2O\t0\t18.01056\tInChI=1S/H2O/h1H2\tXLYOFNOQVPJJNP-UHFFFAOYSA-N\t[H]O[H]\n"
)


def metanetx(services, equations: bytes = EQUATIONS, compounds: bytes = COMPOUNDS) -> None:  # noqa: F811
    services.put("www.metanetx.org/ftp/latest/reac_prop.tsv", equations)
    services.put("www.metanetx.org/ftp/latest/chem_prop.tsv", compounds)
    moved(SOURCES["metanetx"], services.origin())


def test_tables_of_metanetx_come_and_the_large_one_only_when_it_is_named(services, store):  # noqa: F811
    metanetx(services)
    one = source("metanetx")
    assert [product.name for product in one.products if product.default] == ["reactions"]
    for product, counts in (("reactions", {"MNXref reactions": 2}), ("compounds", {"MNXref compounds": 2})):
        report = fetch_one(store, f"metanetx/{product}")
        assert report.complete, said(report)
        assert report.counts.items() >= counts.items()
    assert names(store) == ["compounds/chem_prop.tsv", "reactions/reac_prop.tsv"]


@pytest.mark.parametrize(("equations", "check"), [
    (EQUATIONS.replace(b"MNXR2", b"MNXR1"), "schema: keys: ID: 'MNXR1' comes 2 times"),
    (EQUATIONS.replace(b"MNXR2\t", b"\t"), "schema: columns: ID has no value in row 2"),
    (EQUATIONS.replace(b"\tB\t\n", b"\tB\t\tmore\n"), "format: parsed whole"),
    (EQUATIONS.split(b"MNXR1")[0], "format: parsed whole"),
])  # fmt: skip
def test_a_table_of_metanetx_that_is_none_is_refused(services, store, equations, check):  # noqa: F811
    metanetx(services, equations)
    assert check in said(fetch_one(store, "metanetx"))


# -- published networks ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "expected"), [
    ("iAF1260", "genus Escherichia"), ("iJN678", "genus Synechocystis"), ("iSS884", "genus Pichia"),
    ("iTL885", "genus Pichia"), ("iAN840m", "published_networks/networks/iAN840m.xml.gz#0"),
])  # fmt: skip
def test_networks_of_a_genus_stay_together(archive_mirror, name, expected):
    content = (archive_mirror / f"published_networks/{name}.xml.gz").read_bytes()
    provenance = offered(*NETWORKS, f"{name}.xml.gz")
    assert group(content, provenance) == expected
    assert verify(content, provenance).admitted


def test_no_species_of_the_collection_is_in_two_groups():
    # What the collection calls by two names: the epithets are one, the genera two.
    by_epithet: dict[str, set[str]] = {}
    for organism in filter(None, ORGANISMS.values()):
        genus, epithet = organism.split()[:2]
        by_epithet.setdefault(epithet, set()).add(OTHER_NAMES.get(genus, genus))
    assert {epithet: genera for epithet, genera in by_epithet.items() if len(genera) > 1 and epithet != "sp."} == {}
