"""NCBI: lists of the genomes of archaea and bacteria in RefSeq, with what is known of each assembly.

Columns follow https://ftp.ncbi.nlm.nih.gov/genomes/README_assembly_summary.txt (of 30 December 2024); those from
assembly_type on were added in 2023 (https://ncbiinsights.ncbi.nlm.nih.gov/2023/06/07/
assembly_reports-genome_reports-ftp/), and older files lack them.
"""

from __future__ import annotations

from dataclasses import dataclass

from astrobio.archives.asking import StaticFile
from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.core.errors import FormatError
from astrobio.formats.delimited import Dialect, Table, read_delimited
from astrobio.formats.schema import Column, Schema
from astrobio.verify.gates import gates
from astrobio.verify.genomes import check_assemblies
from astrobio.verify.tables import TableFormat, check_table

GENOMES = "https://ftp.ncbi.nlm.nih.gov/genomes/refseq"


@dataclass(frozen=True)
class AssemblySummary(TableFormat):
    """Lines that begin with ``#``, the last of which names the columns; then the table."""

    def text(self, content: bytes) -> Table:
        r"""The table as text.

        Raises
        ------
        FormatError
            If no line names columns, or it is no table.

        >>> summary = AssemblySummary(SUMMARY, DIALECT)
        >>> lines = "##   See README\n#assembly_accession\tbioproject\nGCF_000007185.1\tPRJNA57883\n"
        >>> summary.text(lines.encode()).frame.columns
        ['assembly_accession', 'bioproject']
        """
        begin = 0
        lines = []
        while content.startswith(b"#", begin):
            end = content.find(b"\n", begin)
            if end < 0:
                raise FormatError("there is a comment and no table")
            lines.append(content[begin : end + 1])
            begin = end + 1
        if not lines:
            raise FormatError("no line that begins with # names the columns")
        found = read_delimited(lines[-1].lstrip(b"# ") + content[begin:], self.dialect)
        try:
            comments = tuple(line.decode("utf-8").lstrip("# ").strip() for line in lines[:-1])
        except UnicodeDecodeError as error:
            raise FormatError(f"a comment line is not of UTF-8: {error.reason}") from error
        return Table(found.frame, comments)


DIALECT = Dialect(separator="\t", quote=None, missing=("na",))


def _counted(name: str) -> Column:
    return Column(name, "integer", low=0, optional=True)


SUMMARY = Schema(
    (
        Column("assembly_accession", filled=True),
        Column("bioproject"),
        Column("biosample"),
        Column("wgs_master", optional=True),
        Column("refseq_category", choices=("reference genome", "representative genome")),
        Column("taxid", "integer", low=1, filled=True),
        Column("species_taxid", "integer", low=1, filled=True),
        Column("organism_name", filled=True),
        Column("infraspecific_name"),
        Column("isolate"),
        Column("version_status"),
        Column("assembly_level", choices=("Complete Genome", "Chromosome", "Scaffold", "Contig"), filled=True),
        Column("release_type"),
        Column("genome_rep", choices=("Full", "Partial")),
        Column("seq_rel_date"),  # 2004/05/05
        Column("asm_name"),
        *(Column(name, optional=True) for name in ("asm_submitter", "submitter")),
        Column("gbrs_paired_asm"),
        Column("paired_asm_comp"),
        Column("ftp_path"),
        Column("excluded_from_refseq"),
        Column("relation_to_type_material"),
        *(Column(name, optional=True) for name in ("asm_not_live_date", "assembly_type", "group")),
        Column("genome_size", "number", "bases", 0, optional=True),
        Column("genome_size_ungapped", "number", "bases", 0, optional=True),
        Column("gc_percent", "number", "%", 0, 100, optional=True),
        *(_counted(name) for name in ("replicon_count", "scaffold_count", "contig_count")),
        *(Column(name, optional=True) for name in ("annotation_provider", "annotation_name", "annotation_date")),
        *(_counted(name) for name in ("total_gene_count", "protein_coding_gene_count", "non_coding_gene_count")),
        Column("pubmed_id", optional=True),
    ),
    key=("assembly_accession",),
)
ASSEMBLIES = AssemblySummary(SUMMARY, DIALECT)


def _list(domain: str, size: int, least: int, default: bool) -> Product:
    return Product(
        name=domain,
        holds=f"one row an assembly of {domain} in RefSeq: organism, quality, size, genes",
        kind="curated",
        counted=f"genomes of {domain}",
        gates=gates(ASSEMBLIES.read, check_table(f"genomes of {domain}"), check_assemblies),
        ask=StaticFile(f"{GENOMES}/{domain}/assembly_summary.txt", f"assembly_summary_{domain}.txt"),
        saved_as=(f"ncbi_assemblies/*{domain}*.txt",),
        expected_bytes=size,
        least=least,
        default=default,
        table=ASSEMBLIES,
    )


SOURCE = Source(
    name="ncbi_assemblies",
    title="NCBI RefSeq assemblies",
    holds="genomes of archaea; those of bacteria are asked for by name",
    homepage="https://ftp.ncbi.nlm.nih.gov/genomes/",
    licence=Licence(
        name="no restrictions by NCBI",
        url="https://www.ncbi.nlm.nih.gov/home/about/policies/",
        duties="cite the paper; who submitted a genome may claim rights in it",
        redistributable=True,
    ),
    citations=(
        Citation(
            "OLeary2016",
            ("O'Leary, Nuala A.", "others"),
            "Reference sequence (RefSeq) database at NCBI: current status, taxonomic expansion, and functional "
            "annotation",
            2016,
            "Nucleic Acids Research",
            volume="44",
            number="D1",
            pages="D733-D745",
            doi="10.1093/nar/gkv1189",
        ),
    ),
    products=(
        _list("archaea", 2_000_000, 500, default=True),
        _list("bacteria", 0, 100_000, default=False),
    ),
    interval=1.0,
    connections=1,
    unconfirmed=("The size of the list of archaea is an estimate; that of the list of bacteria is not known.",),
    notes=("The list of bacteria has some hundred thousand rows: astrobio fetch ncbi_assemblies/bacteria",),
)
