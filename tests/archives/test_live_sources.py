"""Sources whose bytes were never seen here: their declarations work against services that answer as is documented.

Every table below is made, in the form that the archive's documentation gives; none is taken from an archive.
"""

from __future__ import annotations

import gzip
import json

import pytest

from astrobio.archives.genuine import verified_on_genuine_bytes
from astrobio.archives.registry import SOURCES, source
from tests.fetch.conftest import clean_registry, services, store  # noqa: F401  fixtures
from tests.fetch.made import fetch_one, moved, names, said
from tests.fetch.services import Bucket, MastService, PagedService, TapService, whole
from tests.loopback.messages import short

LIVE = ("gaia", "simbad", "vizier", "exomol", "ncbi_assemblies", "gtdb", "uniprot", "ads", "mast")


@pytest.mark.parametrize("name", LIVE)
def test_a_source_that_was_never_seen_says_so(name):
    one = source(name)
    assert verified_on_genuine_bytes(name) == []
    assert all(product.ask is not None for product in one.products)
    assert one.licence.url.startswith("http")
    assert one.connections <= 2
    assert one.interval > 0


def star(number: int, **values: str) -> dict[str, str]:
    return {"ra": f"{number}.5", "dec": "-20.25", "parallax": str(100 + number), **values}


GAIA = [
    star(number, source_id=f"58530131060966732{number:02d}", parallax_error="0.05", parallax_over_error="2000",
         pmra="-3781.74", pmdec="769.46", phot_g_mean_mag="8.98", bp_rp="3.8", ruwe="1.1", radial_velocity="-21.9",
         teff_gspphot="", logg_gspphot="", mh_gspphot="", distance_gspphot="")
    for number in range(25)
]  # fmt: skip
SIMBAD = [
    {"oid": str(number), "main_id": f"* star {number}", "ra": f"{number}.5", "dec": "-62.6", "otype": "PM*",
     "sp_type": "M5.5Ve", "sp_bibcode": "", "plx_value": str(100 + number), "plx_err": "0.05", "plx_bibcode": "",
     "pmra": "-3781.7", "pmdec": "769.4", "rvz_radvel": "-20.6", "rvz_err": ""}
    for number in range(1, 12)
]  # fmt: skip
NAMES = [{"oidref": str(number), "id": f"NAME {number}"} for number in range(1, 12)]
HIPPARCOS = [
    {"HIP": str(number), "RAICRS": f"{number}.25", "DEICRS": "-62.6", "Vmag": "11.01", "Plx": str(40 + number),
     "e_Plx": "2.4", "pmRA": "-3775.64", "pmDE": "768.16", "B-V": "1.8", "SpType": "M5Ve"}
    for number in range(1, 22)
]  # fmt: skip
TAP = {
    "gaia": ("gea.esac.esa.int/tap-server/tap", {"gaiadr3.gaia_source": GAIA}, {"stars": 25}),
    "simbad": ("simbad.cds.unistra.fr/simbad/sim-tap", {"basic": SIMBAD, "ident": NAMES}, {"objects": 11, "names": 11}),
    "vizier": ("tapvizier.cds.unistra.fr/TAPVizieR/tap", {"I/239/hip_main": HIPPARCOS}, {"stars": 21}),
}


def tap(services, name: str) -> TapService:  # noqa: F811
    path, tables, _ = TAP[name]
    service = TapService(path, {table: [dict(row) for row in rows] for table, rows in tables.items()})
    services.serve(path, service)
    moved(SOURCES[name], services.origin())
    return service


@pytest.mark.parametrize("name", TAP)
def test_tables_of_stars_come_by_tap(services, store, name):  # noqa: F811
    tap(services, name)
    report = fetch_one(store, name)
    assert report.complete, said(report)
    assert report.counts == TAP[name][2]
    posted = [request for request in services.requests if request.method == "POST" and request.path.endswith("async")]
    assert bool(posted) is (name == "gaia")  # whose synchronous answers are cut without a word


def test_gaia_that_cuts_at_2000_rows_is_found_out(services, store):  # noqa: F811
    service = tap(services, "gaia")
    rows = service.tables["gaiadr3.gaia_source"]
    rows[:] = [dict(rows[0], source_id=str(number), ra=f"{number % 360}.1") for number in range(2100)]
    service.cut = 2000
    report = fetch_one(store, "gaia")
    assert "row count: 2000 rows (expected the 2100 that the service counts)" in said(report)
    assert names(store) == []


@pytest.mark.parametrize(
    ("name", "table", "change", "check"),
    [
        ("gaia", "gaiadr3.gaia_source", {"parallax": "9.9"}, "schema: ranges: parallax: 9.9 is below 100"),
        ("gaia", "gaiadr3.gaia_source", {"source_id": GAIA[1]["source_id"]}, "schema: keys"),
        ("gaia", "gaiadr3.gaia_source", {"teff_gspphot": "hot"}, "schema: types: teff_gspphot: 'hot'"),
        ("simbad", "basic", {"dec": "-91"}, "schema: ranges: dec"),
        ("simbad", "ident", {"id": ""}, "schema: columns: id has no value"),
        ("vizier", "I/239/hip_main", {"HIP": "0"}, "schema: ranges: HIP"),
        ("vizier", "I/239/hip_main", {"Plx": ""}, "schema: columns: Plx has no value"),
    ],
)
def test_a_row_that_no_star_has_is_refused(services, store, name, table, change, check):  # noqa: F811
    tap(services, name).tables[table][0].update(change)
    assert check in said(fetch_one(store, name))


# -- files ----------------------------------------------------------------------------------------------------------
SUMMARY = [
    "assembly_accession", "bioproject", "biosample", "wgs_master", "refseq_category", "taxid", "species_taxid",
    "organism_name", "infraspecific_name", "isolate", "version_status", "assembly_level", "release_type", "genome_rep",
    "seq_rel_date", "asm_name", "asm_submitter", "gbrs_paired_asm", "paired_asm_comp", "ftp_path",
    "excluded_from_refseq", "relation_to_type_material", "asm_not_live_date", "assembly_type", "group", "genome_size",
    "genome_size_ungapped", "gc_percent", "replicon_count", "scaffold_count", "contig_count", "annotation_provider",
    "annotation_name", "annotation_date", "total_gene_count", "protein_coding_gene_count", "non_coding_gene_count",
    "pubmed_id",
]  # fmt: skip


def assembly(number: int, **values: str) -> dict[str, str]:
    given = {
        "assembly_accession": f"GCF_{number:09d}.1", "bioproject": "PRJNA1", "biosample": "SAMN1", "taxid": "2190",
        "species_taxid": "2190", "organism_name": f'Methanocaldococcus sp. "{number}"', "version_status": "latest",
        "assembly_level": "Complete Genome", "release_type": "Major", "genome_rep": "Full",
        "seq_rel_date": "2004/05/05", "asm_name": f"ASM{number}", "genome_size": "1739927",
        "genome_size_ungapped": "1739927", "gc_percent": "31.5", "total_gene_count": "1800",
        "protein_coding_gene_count": "1750", "non_coding_gene_count": "50",
    }  # fmt: skip
    return dict.fromkeys(SUMMARY, "na") | given | values


def summary(rows: list[dict[str, str]], names: list[str] = SUMMARY, old: bool = False) -> bytes:
    """A list of assemblies under its two comment lines, as they are written now or were before 2023."""
    first = "#   See ftp://ftp.ncbi.nlm.nih.gov" if old else "##  See https://ftp.ncbi.nlm.nih.gov"
    lines = [f"{first}/genomes/README_assembly_summary.txt for a description of the columns in this file."]
    lines.append(("# " if old else "#") + "\t".join(names))
    return ("\n".join(lines + ["\t".join(row[name] for name in names) for row in rows]) + "\n").encode()


def assemblies(services, content: bytes) -> None:  # noqa: F811
    services.put("ftp.ncbi.nlm.nih.gov/genomes/refseq/archaea/assembly_summary.txt", content)
    moved(SOURCES["ncbi_assemblies"], services.origin())


ROWS = [assembly(number) for number in range(1, 8)]


def test_lists_of_assemblies_are_read_under_their_comment_lines(services, store):  # noqa: F811
    assemblies(services, summary(ROWS))
    report = fetch_one(store, "ncbi_assemblies")
    assert report.complete, said(report)
    assert report.counts == {"genomes of archaea": 7}
    assert names(store) == ["archaea/assembly_summary_archaea.txt"]


def test_older_lists_with_fewer_columns_are_read_too(services, store):  # noqa: F811
    older = [name if name != "asm_submitter" else "submitter" for name in SUMMARY[:22]]
    assemblies(services, summary([row | {"submitter": "a group"} for row in ROWS], older, old=True))
    assert fetch_one(store, "ncbi_assemblies").complete


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"assembly_accession": "GCF_1"}, "schema: form of assembly_accession"),
        ({"assembly_accession": "GCF_000000002.1"}, "schema: keys"),
        ({"assembly_level": "Made up"}, "schema: ranges: assembly_level"),
        ({"genome_size_ungapped": "1739928"}, "physics: size without gaps"),
        ({"protein_coding_gene_count": "1801"}, "physics: genes"),
        ({"gc_percent": "101"}, "schema: ranges: gc_percent"),
        ({"taxid": "x"}, "schema: types: taxid"),
    ],
    ids=str,
)
def test_an_assembly_that_cannot_be_is_refused(services, store, change, check):  # noqa: F811
    assemblies(services, summary([assembly(1, **change), *ROWS[1:]]))
    assert check in said(fetch_one(store, "ncbi_assemblies"))


@pytest.mark.parametrize("change", [{"genome_size": "3", "genome_size_ungapped": "3"}, {"gc_percent": "99"}], ids=str)
def test_an_assembly_that_is_odd_is_flagged(services, store, change):  # noqa: F811
    from astrobio.store import RealDataStorage

    assemblies(services, summary([assembly(1, **change), *ROWS[1:]]))
    assert fetch_one(store, "ncbi_assemblies").complete
    [verdict] = RealDataStorage(store).judgements("ncbi_assemblies").values()
    assert any("1 rows are off" in flag for flag in verdict["flags"])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"##  See the README",
        summary(ROWS).replace(b"See", b"S\xe9e"),
        b"assembly_accession\tbioproject\nGCF_1\tP\n",
    ],
)
def test_a_list_without_its_header_is_refused(services, store, content):  # noqa: F811
    assemblies(services, content)
    assert fetch_one(store, "ncbi_assemblies").exit_code == 4


LINEAGE = "d__Archaea;p__Methanobacteriota;c__Methanococci;o__Methanococcales;f__Methanocaldococcaceae"
GENOMES = [
    f"RS_GCF_{number:09d}.1\t{LINEAGE};g__Methanocaldococcus;s__Methanocaldococcus species{number}"
    for number in range(1, 9)
]


def taxonomy(services, rows: list[str], pack=gzip.compress) -> None:  # noqa: F811
    content = pack(("\n".join(rows) + "\n").encode())
    services.put("data.gtdb.ecogenomic.org/releases/latest/ar53_taxonomy.tsv.gz", content)
    other = "\n".join(row.replace("RS_GCF", "GB_GCA") for row in rows) + "\n"
    services.put("data.gtdb.ecogenomic.org/releases/latest/bac120_taxonomy.tsv.gz", gzip.compress(other.encode()))
    moved(SOURCES["gtdb"], services.origin())


def test_lineages_of_genomes_come_packed(services, store):  # noqa: F811
    taxonomy(services, GENOMES)
    report = fetch_one(store, "gtdb")
    assert report.complete, said(report)
    assert report.counts == {"genomes of archaea": 8, "genomes of bacteria": 8, "species": 16}
    assert SOURCES["gtdb"].licence.share_alike


@pytest.mark.parametrize(
    ("row", "check"),
    [
        (f"RS_GCF_9.1\t{LINEAGE};g__M;s__M a", "schema: form of accession"),
        (f"RS_GCF_000000009.1\t{LINEAGE};g__;s__M a", "schema: lineages"),
        ("RS_GCF_000000009.1\td__Archaea;p__Other", "schema: lineages"),
        (GENOMES[0], "schema: keys"),
        ("RS_GCF_000000009.1\td__Archaea;p__Other;c__Methanococci;o__O;f__F;g__G;s__S", "forensics: nested ranks"),
        ("RS_GCF_000000009.1", "format: parsed whole"),
    ],
)
def test_a_lineage_that_cannot_be_is_refused(services, store, row, check):  # noqa: F811
    taxonomy(services, [*GENOMES, row])
    assert check in said(fetch_one(store, "gtdb"))


@pytest.mark.parametrize(
    "pack", [lambda content: content, lambda content: gzip.compress(content)[:-4], lambda content: b"\x1f\x8b\x08"]
)
def test_a_taxonomy_that_is_not_packed_or_cut_short_is_refused(services, store, pack):  # noqa: F811
    taxonomy(services, GENOMES, pack)
    report = fetch_one(store, "gtdb/archaea")
    assert report.exit_code == 4


def master(**changes) -> bytes:
    molecules = {"H2O": {"isotopologues": ["(1H)2(16O)"]}, "HCN": {"isotopologues": ["(1H)(12C)(14N)"]}, "H3_p": {}}
    return json.dumps({"ID": "EXOMOL.master", "version": 20240610, "num_molecules": 3, "molecules": molecules}
                      | changes).encode()  # fmt: skip


def test_the_master_file_of_line_lists_comes(services, store):  # noqa: F811
    services.put("www.exomol.com/db/exomol.all.json", master())
    moved(SOURCES["exomol"], services.origin())
    report = fetch_one(store, "exomol")
    assert report.complete, said(report)
    assert report.counts == {"molecules": 3}


@pytest.mark.parametrize(
    ("content", "check"),
    [
        (master(num_molecules=91), "transfer: number of molecules: 3 molecules (expected the 91 that the file counts)"),
        (master(ID="other"), "schema: identity"),
        (master(version=19990101), "physics: version"),
        (master(version=20241345), "physics: version"),
        (master(version=29990101), "physics: version"),
        (master(version="new"), "format: parsed whole"),
        (master(molecules=["H2O"]), "format: parsed whole"),
        (master(num_molecules=2, molecules={"H2O": {}, "CO": {}}), "forensics: something said of each"),
        (master()[:-10], "format: parsed whole"),
        (b'{"error": "busy"}', "transfer: no error message"),
    ],
)
def test_a_master_file_that_is_wrong_is_refused(services, store, content, check):  # noqa: F811
    services.put("www.exomol.com/db/exomol.all.json", content)
    moved(SOURCES["exomol"], services.origin())
    assert check in said(fetch_one(store, "exomol"))


# -- pages ----------------------------------------------------------------------------------------------------------
LABELS = ["Entry", "Entry Name", "Protein names", "Organism", "Organism (ID)", "Taxonomic lineage", "Length",
          "EC number", "Temperature dependence", "pH dependence"]  # fmt: skip
PROTEINS = [
    f"P{number:05d}\tX{number}_METJA\tMade protein {number}\tMethanocaldococcus\t2190\tArchaea\t{100 + number}\t"
    "1.1.1.1\t"
    f"BIOPHYSICOCHEMICAL PROPERTIES:  Temperature dependence: Optimum is {40 + number} degrees Celsius.\t"
    for number in range(12)
]  # fmt: skip


class Proteins(PagedService):
    """As UniProt hands out a TSV."""

    header = "\t".join(LABELS)


def proteins(services) -> Proteins:  # noqa: F811
    service = Proteins("rest.uniprot.org/uniprotkb/search", list(PROTEINS))
    services.serve(service.path, service)
    moved(SOURCES["uniprot"], services.origin())
    return service


def test_proteins_come_page_by_page(services, store):  # noqa: F811
    proteins(services)
    report = fetch_one(store, "uniprot")
    assert report.complete, said(report)
    assert report.counts == {"proteins": 12}
    assert names(store) == [f"temperature/page-{number:04d}.tsv" for number in (1, 2, 3)]
    first = services.requests[0]
    assert "query=%28reviewed%3Atrue%29+AND+%28cc_bpcp_temp_dependence%3A%2A%29" in first.query
    assert "size=500" in first.query


def test_proteins_that_are_lost_on_the_way_are_missed(services, store):  # noqa: F811
    proteins(services).drops = 1
    assert "11 results came, and the service says that there are 12" in said(fetch_one(store, "uniprot"))


def test_a_protein_without_a_temperature_is_refused(services, store):  # noqa: F811
    service = proteins(services)
    service.rows[3] = service.rows[3].split("BIO")[0] + "\t"
    assert "schema: columns: Temperature dependence has no value" in said(fetch_one(store, "uniprot"))


def papers(services, monkeypatch, step: int = 5) -> None:  # noqa: F811
    monkeypatch.setenv("ADS_API_TOKEN", "token-of-the-user")
    docs = [{"bibcode": f"2024ApJ...{number:03d}....1A", "title": [f"Habitable worlds {number}"],
             "author": ["Earth, A.", "Mars, B."], "year": "2024", "abstract": f"About {number}."}
            for number in range(12)]  # fmt: skip

    def answer(request):
        from tests.fetch.services import values

        asked = values(request)
        begin = int(asked["START"])
        shown = docs[begin : begin + int(asked["ROWS"])]
        body = {"responseHeader": {"status": 0}, "response": {"numFound": 12, "start": begin, "docs": shown}}
        return short(200, json.dumps(body).encode(), "application/json", x_ratelimit_remaining="4999")

    services.serve("api.adsabs.harvard.edu/v1/search/query", answer)
    one = moved(SOURCES["ads"], services.origin())
    ask = one.products[0].ask
    smaller = ask.first.replace("rows=500", f"rows={step}")
    from dataclasses import replace

    SOURCES["ads"] = replace(one, products=(replace(one.products[0], ask=replace(ask, first=smaller, step=step)),))


def test_papers_come_page_by_page_with_the_token(services, store, monkeypatch):  # noqa: F811
    papers(services, monkeypatch)
    report = fetch_one(store, "ads")
    assert report.complete, said(report)
    assert report.counts == {"papers": 12}
    assert {request.headers["authorization"] for request in services.requests} == {"Bearer token-of-the-user"}
    assert [request.query.rpartition("start=")[2] for request in services.requests] == ["0", "5", "10"]


def test_without_a_token_ads_is_skipped(services, store, monkeypatch):  # noqa: F811
    papers(services, monkeypatch)
    monkeypatch.delenv("ADS_API_TOKEN")
    report = fetch_one(store, "ads")
    assert report.skipped == "it needs a token in ADS_API_TOKEN"


def test_an_error_of_ads_is_refused(services, store, monkeypatch):  # noqa: F811
    papers(services, monkeypatch)
    services.serve("api.adsabs.harvard.edu/v1/search/query", whole(b'{"error": "Unauthorized"}', "application/json"))
    assert fetch_one(store, "ads").exit_code == 4


# -- spectra --------------------------------------------------------------------------------------------------------
def test_spectra_are_listed_by_observation_and_those_that_are_none_refused(services, store):  # noqa: F811
    files = {f"jw01366-o00{number}_t001_nirspec_f290lp-g395h_x1d.fits": b"SIMPLE  =   no spectrum" + bytes([number])
             for number in range(3)}  # fmt: skip
    service = MastService("mast.stsci.edu/api", {str(100 + number): [name] for number, name in enumerate(files)}, files)
    services.serve("mast.stsci.edu/api/v0/invoke", service)
    services.serve("mast.stsci.edu/api/v0.1/Download/file", service)
    moved(SOURCES["mast"], services.origin())
    report = fetch_one(store, "mast")
    assert len(report.refused) == 3
    assert all("format: parsed whole" in reasons[0] for _, reasons in report.refused)
    asked = json.loads(values_of(services.requests[0])["REQUEST"])
    assert asked["service"] == "Mast.Caom.Filtered"
    assert {"paramName": "dataRights", "values": ["PUBLIC"]} in asked["params"]["filters"]


def test_time_series_come_from_the_public_bucket_by_name_only(services, store):  # noqa: F811
    name = "jwst/public/jw01366/L3/t/o003/jw01366-o003_t001_nirspec_clear-prism_x1dints.fits"
    service = Bucket("stpubdata.s3.amazonaws.com", {name: b"SIMPLE  =   no spectrum", name + ".jpg": b"x"})
    services.serve(service.path, service)
    moved(SOURCES["mast"], services.origin())
    report = fetch_one(store, "mast/x1dints")
    [(key, reasons)] = report.refused
    assert key.startswith("x1dints/jw01366-o003_t001_nirspec_clear-prism_x1dints.fits#")
    assert "format: parsed whole" in reasons[0]


def values_of(request) -> dict[str, str]:
    from tests.fetch.services import values

    return values(request)


# -- what fuzzing found ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "version", [99999990115, 10**17, "\u00b2\u00b2\u00b2\u00b2", "\u0662\u0660\u0662\u0664\u0660\u0661\u0660\u0661"]
)
def test_a_version_that_is_no_day_is_refused(services, store, version):  # noqa: F811
    """Years of five digits and digits of other scripts ended the check with an error of their own."""
    services.put("www.exomol.com/db/exomol.all.json", master(version=version))
    moved(SOURCES["exomol"], services.origin())
    assert "version" in said(fetch_one(store, "exomol"))


def test_a_list_without_the_column_of_accessions_is_refused(services, store):  # noqa: F811
    """The check of their form asked for the column, whether it was there or not."""
    assemblies(services, summary(ROWS).replace(b"assembly_accession", b"assembly_name_of", 1))
    assert "schema: columns: the file lacks assembly_accession" in said(fetch_one(store, "ncbi_assemblies"))
