"""MetaNetX: one namespace, MNXref, for compounds and reactions of many databases.

By https://www.metanetx.org/mnxdoc/mnxref.html all files are of values between tabulators, with comment lines, which
begin with #, before them; the last of these names the columns. Those of ``reac_prop.tsv`` are ``ID``,
``mnx_equation``, ``reference``, ``classifs``, ``is_balanced``, ``is_transport``; those of ``chem_prop.tsv`` ``ID``,
``name``, ``reference``, ``formula``, ``charge``, ``mass``, ``InChI``, ``InChIKey``, ``SMILES``.
"""

from __future__ import annotations

from astrobio.archives.asking import StaticFile
from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.formats.delimited import Dialect
from astrobio.formats.schema import Column, Schema
from astrobio.verify.gates import gates
from astrobio.verify.tables import TableFormat, check_table

LATEST = "https://www.metanetx.org/ftp/latest"
REACTIONS = Schema(
    (
        Column("ID", filled=True),
        Column("mnx_equation"),
        Column("reference"),
        Column("classifs"),
        Column("is_balanced"),
        Column("is_transport"),
    ),
    key=("ID",),
)
COMPOUNDS = Schema(
    (
        Column("ID", filled=True),
        Column("name"),
        Column("reference"),
        Column("formula"),
        Column("charge"),
        Column("mass"),
        Column("InChI"),
        Column("InChIKey"),
        Column("SMILES"),
    ),
    key=("ID",),
)


def _format(schema: Schema) -> TableFormat:
    return TableFormat(schema, Dialect(separator="\t", quote=None, comment="#", columns=tuple(schema.names())))


FORMATS = {"reactions": _format(REACTIONS), "compounds": _format(COMPOUNDS)}


def _table(name: str, file: str, holds: str, counted: str, least: int, size: int, default: bool) -> Product:
    table = FORMATS[name]
    return Product(
        name=name,
        holds=holds,
        kind="curated",
        counted=counted,
        gates=gates(table.read, check_table(counted)),
        ask=StaticFile(f"{LATEST}/{file}", file),
        saved_as=(f"metanetx/{file}",),
        expected_bytes=size,
        least=least,
        default=default,
        table=table,
    )


SOURCE = Source(
    name="metanetx",
    title="MetaNetX",
    holds="compounds and reactions of many databases under one namespace, MNXref",
    homepage="https://www.metanetx.org",
    licence=Licence(
        name="CC BY 4.0, with exceptions",
        url="https://www.metanetx.org/mnxdoc/mnxref.html",
        duties="cite MetaNetX; what a resource provides may stay under the licence of that resource, which the column "
        "reference names",
        redistributable=True,
    ),
    citations=(
        Citation(
            "Moretti2021",
            ("Moretti, Sébastien", "Tran, Van Du T.", "Mehl, Florence", "Ibberson, Mark", "Pagni, Marco"),
            "MetaNetX/MNXref: unified namespace for metabolites and biochemical reactions in the context of "
            "metabolic models",
            2021, "Nucleic Acids Research", volume="49", number="D1", pages="D570-D574", doi="10.1093/nar/gkaa992",
        ),
    ),
    products=(
        _table("reactions", "reac_prop.tsv", "equations of reactions, and where they come from", "MNXref reactions",
               10_000, 15_000_000, True),
        _table("compounds", "chem_prop.tsv", "formulas, charges and structures of compounds", "MNXref compounds",
               100_000, 600_000_000, False),
    ),
    interval=1.0,
    connections=2,
    unconfirmed=("Sizes and least counts are estimates.",),
)  # fmt: skip
