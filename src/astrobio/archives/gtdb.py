"""GTDB: the taxonomy of bacteria and archaea by their genomes.

The tables have no header: an accession, and a lineage of seven ranks (https://data.gtdb.ecogenomic.org/releases/latest/
FILE_DESCRIPTIONS.txt).
"""

from __future__ import annotations

from dataclasses import dataclass

from astrobio.archives.asking import StaticFile
from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.formats.delimited import Dialect, Table, read_delimited
from astrobio.formats.packed import gunzip
from astrobio.formats.schema import Column, Schema
from astrobio.verify.gates import gates
from astrobio.verify.genomes import check_lineages
from astrobio.verify.tables import TableFormat, check_table

LATEST = "https://data.gtdb.ecogenomic.org/releases/latest"
UNPACKED = 1 << 30
"""Bytes of a table once it is unpacked; one row has about 150."""


@dataclass(frozen=True)
class PackedTable(TableFormat):
    """A table, packed by gzip or not."""

    def text(self, content: bytes) -> Table:
        """The table as text; raises FormatError if it is none."""
        return read_delimited(gunzip(content, UNPACKED) if content.startswith(b"\x1f\x8b") else content, self.dialect)


TAXONOMY = PackedTable(
    Schema((Column("accession", filled=True), Column("taxonomy", filled=True)), key=("accession",)),
    Dialect(separator="\t", quote=None, columns=("accession", "taxonomy")),
)


def _taxonomy(name: str, domain: str, size: int, least: int) -> Product:
    return Product(
        name=domain,
        holds=f"the lineage of every genome of {domain}",
        kind="curated",
        counted=f"genomes of {domain}",
        gates=gates(TAXONOMY.read, check_table(f"genomes of {domain}"), check_lineages),
        ask=StaticFile(f"{LATEST}/{name}_taxonomy.tsv.gz", f"{name}_taxonomy.tsv.gz", signatures=(b"\x1f\x8b",)),
        saved_as=(f"gtdb/{name}_taxonomy*.tsv*",),
        expected_bytes=size,
        least=least,
        table=TAXONOMY,
    )


SOURCE = Source(
    name="gtdb",
    title="Genome Taxonomy Database",
    holds="lineages of bacteria and archaea, from domain to species",
    homepage="https://gtdb.ecogenomic.org",
    licence=Licence(
        name="CC BY-SA 4.0",
        url="https://gtdb.ecogenomic.org/about",
        duties="name GTDB, cite the paper; what is derived from it carries the same licence",
        redistributable=True,
        share_alike=True,
    ),
    citations=(
        Citation(
            "Parks2022",
            ("Parks, Donovan H.", "Chuvochina, Maria", "Rinke, Christian", "others"),
            "GTDB: an ongoing census of bacterial and archaeal diversity through a phylogenetically consistent,"
            " rank normalized and complete genome-based taxonomy",
            2022,
            "Nucleic Acids Research",
            volume="50",
            number="D1",
            pages="D785-D794",
            doi="10.1093/nar/gkab776",
        ),
    ),
    products=(
        _taxonomy("ar53", "archaea", 500_000, 5_000),
        _taxonomy("bac120", "bacteria", 15_000_000, 100_000),
    ),
    interval=1.0,
    connections=2,
    unconfirmed=(
        "The licence is the one that descriptions of the database give; its own page was not read here.",
        "Sizes are estimates.",
    ),
)
