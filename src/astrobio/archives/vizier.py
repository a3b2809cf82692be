"""VizieR: the stars of the Hipparcos catalogue within 25 pc (catalogue I/239, table hip_main).

Columns and units follow the catalogue's ReadMe (ESA 1997, I/239, byte-by-byte description of hip_main.dat, fields H1 to
H76); VizieR's own columns RAICRS and DEICRS hold the positions of fields H8 and H9.
"""

from __future__ import annotations

from astrobio.archives.asking import TapQuery
from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.formats.schema import Column, Schema
from astrobio.verify.gates import gates
from astrobio.verify.tables import TableFormat, check_table

TAP = "https://tapvizier.cds.unistra.fr/TAPVizieR/tap"
NEARBY = "Plx >= 40"

HIPPARCOS = TableFormat(
    Schema(
        (
            Column("HIP", "integer", low=1, high=120_416, filled=True),
            Column("RAICRS", "number", "deg", 0, 360),
            Column("DEICRS", "number", "deg", -90, 90),
            Column("Vmag", "number", "mag", -2, 20),
            Column("Plx", "number", "mas", 40, 1000, filled=True),
            Column("e_Plx", "number", "mas", 0, error_of="Plx"),
            Column("pmRA", "number", "mas/yr", -20_000, 20_000),
            Column("pmDE", "number", "mas/yr", -20_000, 20_000),
            Column("B-V", "number", "mag", -1, 7),
            Column("SpType"),
        ),
        key=("HIP",),
    )
)
_ASKED = ", ".join(name if name.isidentifier() else f'"{name}"' for name in HIPPARCOS.schema.names())

SOURCE = Source(
    name="vizier",
    title="VizieR",
    holds="stars of the Hipparcos catalogue within 25 pc",
    homepage="https://vizier.cds.unistra.fr",
    licence=Licence(
        name="free for scientific use",
        url="https://cds.unistra.fr/vizier-org/licences_vizier.html",
        duties="cite the catalogue's authors and publication, and name CDS/VizieR (https://cds.unistra.fr/legals/)",
        redistributable=False,
        academic_only=True,
    ),
    citations=(
        Citation(
            "Ochsenbein2000",
            ("Ochsenbein, F.", "Bauer, P.", "Marcout, J."),
            "The VizieR database of astronomical catalogues",
            2000,
            "Astronomy and Astrophysics Supplement Series",
            volume="143",
            pages="23-32",
            doi="10.1051/aas:2000169",
        ),
        Citation(
            "ESA1997",
            ("ESA",),
            "The Hipparcos and Tycho Catalogues",
            1997,
            series="ESA SP-1200",
            publisher="ESA",
        ),
    ),
    products=(
        Product(
            name="hipparcos_nearby",
            holds="stars of table I/239/hip_main within 25 pc by their parallax",
            kind="observation",
            counted="stars",
            gates=gates(HIPPARCOS.read, check_table("stars")),
            ask=TapQuery(
                TAP,
                f'select {_ASKED} from "I/239/hip_main" where {NEARBY} order by HIP',
                "hipparcos_nearby.csv",
                count=f'select count(*) from "I/239/hip_main" where {NEARBY}',
                most_rows=50_000,
            ),
            saved_as=("vizier/hipparcos*.csv",),
            expected_bytes=120_000,
            least=500,
            table=HIPPARCOS,
        ),
    ),
    interval=0.25,
    connections=1,
    acknowledgement="This research has made use of the VizieR catalogue access tool, CDS, Strasbourg, France "
    "(DOI: 10.26093/cds/vizier).",
    unconfirmed=("The size and the least count are estimates.",),
    notes=("At most about five queries a second.",),
)
