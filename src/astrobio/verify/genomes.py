"""Checks of lists of genomes and of taxonomies."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from astrobio.core.provenance import Provenance
from astrobio.formats.schema import Typed
from astrobio.verify.verdict import Findings

ASSEMBLY = r"^GC[AF]_\d{9}\.\d+$"
"""An accession of an assembly with its version (NCBI, README_assembly_summary.txt, column 1)."""
GTDB_GENOME = r"^(RS_GCF|GB_GCA)_\d{9}\.\d+$"
"""An assembly as GTDB writes it: of RefSeq or of GenBank (FILE_DESCRIPTIONS.txt)."""
RANKS = ("d", "p", "c", "o", "f", "g", "s")
"""Domain, phylum, class, order, family, genus, species."""
GTDB_LINEAGE = "^" + ";".join(f"{rank}__[^;]+" for rank in RANKS) + "$"
SMALLEST, LARGEST = 1e5, 2e7
"""Bases of a prokaryote's genome, with room on both sides; a row beyond is flagged."""
GC_RANGE = (10.0, 80.0)
"""Per cent of G and C in a prokaryote's genome, with room on both sides; a row beyond is flagged."""


def check_assemblies(found: Findings, typed: Typed, _provenance: Provenance) -> None:
    """Accessions have their form, and what is said of sizes, genes and GC content fits together."""
    frame = typed.frame
    check_accessions("assembly_accession", ASSEMBLY)(found, typed, _provenance)
    _flag_rows(found, frame, "genome size", ("genome_size",), ~pl.col("genome_size").is_between(SMALLEST, LARGEST),
               f"{SMALLEST:g} to {LARGEST:g} bases")  # fmt: skip
    _flag_rows(found, frame, "GC content", ("gc_percent",), ~pl.col("gc_percent").is_between(*GC_RANGE),
               f"{GC_RANGE[0]:g} to {GC_RANGE[1]:g} %")  # fmt: skip
    _refuse_rows(found, frame, "size without gaps", ("genome_size", "genome_size_ungapped"),
                 pl.col("genome_size_ungapped") > pl.col("genome_size"), "no more than the size")  # fmt: skip
    _refuse_rows(found, frame, "genes", ("total_gene_count", "protein_coding_gene_count"),
                 pl.col("protein_coding_gene_count") > pl.col("total_gene_count"),
                 "no more genes that code for proteins than genes")  # fmt: skip


def check_lineages(found: Findings, typed: Typed, provenance: Provenance) -> None:
    """Every genome has a name at each of the seven ranks, and a name belongs to one name of the rank above.

    GTDB's names are unique within a rank, and its ranks are nested (Parks et al. 2022, NAR 50, D785).
    """
    check_accessions("accession", GTDB_GENOME)(found, typed, provenance)
    lineages = typed.frame["taxonomy"]
    whole = lineages.str.contains(GTDB_LINEAGE).fill_null(False)
    wrong = lineages.filter(~whole)
    found.note("schema", "lineages", not len(wrong), f"{len(wrong)} of {len(lineages)} are none" + _first(wrong),
               "seven ranks from domain to species, each with a name")  # fmt: skip
    names = pl.DataFrame({"taxonomy": lineages.filter(whole).unique()}).select(
        pl.col("taxonomy").str.split_exact(";", len(RANKS) - 1).struct.rename_fields(RANKS).struct.unnest()
    )
    split = [
        f"{rank}: {name}"
        for above, rank in zip(RANKS, RANKS[1:], strict=False)
        for name in _under_several(names, above, rank)[:3]
    ]
    found.note("forensics", "nested ranks", not split, "; ".join(split) or "all",
               "each name below one of the rank above")  # fmt: skip
    found.counts["species"] = names["s"].n_unique()


def check_accessions(column: str, form: str) -> Callable[[Findings, Typed, Provenance], None]:
    """A check that accessions have their form."""

    def check(found: Findings, typed: Typed, _provenance: Provenance) -> None:
        if column not in typed.frame.columns:
            return
        values = typed.frame[column]
        wrong = values.filter(~values.str.contains(form).fill_null(False))
        found.note("schema", f"form of {column}", not len(wrong), f"{len(wrong)} are none" + _first(wrong), form)

    return check


def _under_several(names: pl.DataFrame, above: str, rank: str) -> list[str]:
    counts = names.group_by(rank).agg(pl.col(above).n_unique().alias("above")).filter(pl.col("above") > 1)
    return sorted(counts[rank].to_list())


def _first(values: pl.Series) -> str:
    return f", the first {values[0]!r:.80}" if len(values) else ""


def _flag_rows(
    found: Findings, frame: pl.DataFrame, check: str, needs: tuple[str, ...], wrong: pl.Expr, expected: str
) -> None:
    if all(name in frame.columns for name in needs):
        count = int(frame.select(wrong.fill_null(False)).to_series().sum())
        found.flag("physics", check, count == 0, f"{count} rows are off", expected)


def _refuse_rows(
    found: Findings, frame: pl.DataFrame, check: str, needs: tuple[str, ...], wrong: pl.Expr, expected: str
) -> None:
    if all(name in frame.columns for name in needs):
        count = int(frame.select(wrong.fill_null(False)).to_series().sum())
        found.note("physics", check, count == 0, f"{count} rows are off", expected)
