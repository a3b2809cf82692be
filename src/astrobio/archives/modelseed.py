"""ModelSEED biochemistry: compounds and reactions of metabolism from many databases, in tables of about 1,000 rows.

Columns follow COMPOUNDS.md and REACTIONS.md of the database, and were compared with its files: ``direction`` is no
longer written, obsolete reactions are marked, and a value that is not known is ``null`` or 10000000. The unit of free
energies is that which water's tells: -37.54, which are -157 kJ/mol.
"""

from __future__ import annotations

from astrobio.archives.asking import StaticFile, StaticFiles
from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.formats.delimited import Dialect
from astrobio.formats.schema import Column, Schema
from astrobio.verify.biochemistry import PackedTable, check_compounds, check_reactions
from astrobio.verify.gates import gates
from astrobio.verify.tables import check_table

COMMIT = "a0078653709cb0e37c5934aee6f52aed7154ccdc"
RAW = f"https://raw.githubusercontent.com/ModelSEED/ModelSEEDDatabase/{COMMIT}/Biochemistry"
UNKNOWN = ("null", "10000000", "10000000.0")
"""What stands for no value; the number by REACTIONS.md, where it is said of free energies."""
_DIALECT = Dialect(separator="\t", quote=None, missing=UNKNOWN)
_FLAG = ("0", "1")
_SOURCES = ("Primary Database", "Secondary Database", "Published Model", "Orphan", "User")

COMPOUNDS = Schema(
    (
        Column("id", filled=True),
        Column("abbreviation"),
        Column("name"),
        Column("formula"),
        Column("mass", "number", "g/mol", low=0),
        Column("source", choices=_SOURCES, filled=True),
        Column("inchikey"),
        Column("charge", "integer", "e", low=-10_000, high=10_000, usual=(-60, 60)),
        Column("is_core", choices=_FLAG, filled=True),
        Column("is_obsolete", choices=_FLAG, filled=True),
        Column("linked_compound"),
        Column("is_cofactor", choices=_FLAG, filled=True),
        Column("deltag", "number", "kcal/mol"),
        Column("deltagerr", "number", "kcal/mol", low=0),
        Column("pka"),
        Column("pkb"),
        Column("abstract_compound"),
        Column("comprised_of"),
        Column("aliases"),
        Column("smiles"),
        Column("notes"),
    ),
    key=("id",),
)
REACTIONS = Schema(
    (
        Column("id", filled=True),
        Column("abbreviation"),
        Column("name"),
        Column("code"),
        Column("stoichiometry"),
        Column("is_transport", choices=_FLAG, filled=True),
        Column("equation"),
        Column("definition"),
        Column("reversibility", choices=(">", "<", "=", "?"), filled=True),
        Column("abstract_reaction"),
        Column("pathways"),
        Column("aliases"),
        Column("ec_numbers"),
        Column("deltag", "number", "kcal/mol"),
        Column("deltagerr", "number", "kcal/mol", low=0),
        Column("compound_ids"),
        Column("status", filled=True),
        Column("is_obsolete", choices=_FLAG, filled=True),
        Column("linked_reaction"),
        Column("notes"),
        Column("source", choices=_SOURCES, filled=True),
    ),
    key=("id",),
)
FORMATS = {"compounds": PackedTable(COMPOUNDS, _DIALECT), "reactions": PackedTable(REACTIONS, _DIALECT)}


def _tables(stem: str, count: int) -> StaticFiles:
    names = [f"{stem}_{number:02d}.tsv" for number in range(count)]
    return StaticFiles(tuple(StaticFile(f"{RAW}/{name}", name) for name in names))


SOURCE = Source(
    name="modelseed",
    title="ModelSEED biochemistry",
    holds="compounds and reactions of metabolism, with formulas, charges, aliases and free energies",
    homepage="https://github.com/ModelSEED/ModelSEEDDatabase",
    licence=Licence(
        name="CC BY 4.0, with exceptions",
        url="https://github.com/ModelSEED/ModelSEEDDatabase",
        duties="cite Seaver et al. 2021; entries that come from KEGG, MetaCyc or BiGG alone stay under the licences of "
        "these, and the column aliases tells them",
        redistributable=True,
    ),
    citations=(
        Citation(
            "Seaver2021",
            ("Seaver, Samuel M. D.", "others"),
            "The ModelSEED Biochemistry Database for the integration of metabolic annotations and the "
            "reconstruction, comparison and analysis of metabolic models for plants, fungi and microbes",
            2021,
            "Nucleic Acids Research",
            volume="49",
            number="D1",
            pages="D575-D588",
            doi="10.1093/nar/gkaa746",
        ),
    ),
    products=(
        Product(
            name="compounds",
            holds="one compound a row: formula and charge at pH 7, mass, structure, aliases",
            kind="curated",
            counted="compounds",
            gates=gates(FORMATS["compounds"].read, check_table("compounds"), check_compounds),
            ask=_tables("compound", 50),
            saved_as=("modelseed/compound_*.tsv.gz", "modelseed/compound_*.tsv"),
            expected_bytes=24_000_000,
            least=45_000,
            table=FORMATS["compounds"],
        ),
        Product(
            name="reactions",
            holds="one reaction a row: stoichiometry, direction, balance, aliases, EC numbers",
            kind="curated",
            counted="reactions",
            gates=gates(FORMATS["reactions"].read, check_table("reactions"), check_reactions),
            ask=_tables("reaction", 61),
            saved_as=("modelseed/reaction_*.tsv.gz", "modelseed/reaction_*.tsv"),
            expected_bytes=48_000_000,
            least=55_000,
            table=FORMATS["reactions"],
        ),
    ),
    notes=(
        "Obsolete reactions are among the rows, marked by is_obsolete; linked_reaction names what replaces them.",
        "Free energies are of the transformed kind, in kcal/mol; unknown ones are written 10000000 in the files.",
    ),
)
