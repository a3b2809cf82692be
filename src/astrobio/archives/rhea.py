"""Rhea: expert-curated biochemical reactions, as tables (https://ftp.expasy.org/databases/rhea/tsv/).

Each reaction has four identifiers: the master, left to right, right to left, and both ways. Columns are those that
programs which read the files name: ``RHEA_ID_MASTER``, ``RHEA_ID_LR``, ``RHEA_ID_RL``, ``RHEA_ID_BI`` in
rhea-directions.tsv; ``RHEA_ID``, ``DIRECTION``, ``MASTER_ID``, ``ID`` in the tables that link to other databases.
"""

from __future__ import annotations

from astrobio.archives.asking import StaticFile
from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.formats.delimited import Dialect
from astrobio.formats.schema import Column, Schema
from astrobio.verify.gates import gates
from astrobio.verify.tables import TableFormat, check_table

TSV = "https://ftp.expasy.org/databases/rhea/tsv"
_DIALECT = Dialect(separator="\t", quote=None)
DIRECTIONS = Schema(
    tuple(Column(f"RHEA_ID_{name}", "integer", low=10_000, filled=True) for name in ("MASTER", "LR", "RL", "BI")),
    key=("RHEA_ID_MASTER",),
)
LINKS = Schema(
    (
        Column("RHEA_ID", "integer", low=10_000, filled=True),
        Column("DIRECTION", choices=("UN", "LR", "RL", "BI"), filled=True),
        Column("MASTER_ID", "integer", low=10_000, filled=True),
        Column("ID", filled=True),
    ),
    key=("RHEA_ID", "ID"),
)
FORMATS = {"directions": TableFormat(DIRECTIONS, _DIALECT), "ec": TableFormat(LINKS, _DIALECT),
           "kegg_reaction": TableFormat(LINKS, _DIALECT)}  # fmt: skip


def _table(name: str, file: str, holds: str, counted: str, least: int) -> Product:
    table = FORMATS[name]
    return Product(
        name=name,
        holds=holds,
        kind="curated",
        counted=counted,
        gates=gates(table.read, check_table(counted)),
        ask=StaticFile(f"{TSV}/{file}", file),
        saved_as=(f"rhea/{file}",),
        expected_bytes=500_000,
        least=least,
        table=table,
    )


SOURCE = Source(
    name="rhea",
    title="Rhea",
    holds="identifiers of biochemical reactions by direction, and their links to EC numbers and KEGG",
    homepage="https://www.rhea-db.org",
    licence=Licence(
        name="CC BY 4.0",
        url="https://www.rhea-db.org/help/license",
        duties="cite Rhea",
        redistributable=True,
    ),
    citations=(
        Citation(
            "Bansal2022",
            ("Bansal, Parit", "Morgat, Anne", "Axelsen, Kristian B.", "others"),
            "Rhea, the reaction knowledgebase in 2022",
            2022,
            "Nucleic Acids Research",
            volume="50",
            number="D1",
            pages="D693-D700",
            doi="10.1093/nar/gkab1016",
        ),
    ),
    products=(
        _table("directions", "rhea-directions.tsv", "the four identifiers of each reaction", "Rhea reactions", 10_000),
        _table("ec", "rhea2ec.tsv", "EC numbers of reactions", "links to EC", 5_000),
        _table("kegg_reaction", "rhea2kegg_reaction.tsv", "reactions of KEGG", "links to KEGG", 5_000),
    ),
    interval=1.0,
    connections=2,
    unconfirmed=("Sizes and least counts are estimates.",),
)
