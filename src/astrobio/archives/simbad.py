"""SIMBAD: stars within 10 pc, and all names that they have.

Columns and units follow the service's own description of its tables basic and ident, as it is recorded in the tests
and documentation of astroquery (astroquery/simbad/tests/data/simbad_basic_columns.xml, docs/simbad/query_tap.rst).
More than about five queries a second get a client shut out for an hour (docs/simbad/simbad.rst, "A warning about query
rate").
"""

from __future__ import annotations

from astrobio.archives.asking import TapQuery
from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.formats.schema import Column, Schema
from astrobio.verify.gates import gates
from astrobio.verify.tables import TableFormat, check_table

TAP = "https://simbad.cds.unistra.fr/simbad/sim-tap"
NEARBY = "plx_value >= 100"

STARS = TableFormat(
    Schema(
        (
            Column("oid", "integer", filled=True),
            Column("main_id", filled=True),
            Column("ra", "number", "deg", 0, 360),
            Column("dec", "number", "deg", -90, 90),
            Column("otype"),
            Column("sp_type"),
            Column("sp_bibcode"),
            Column("plx_value", "number", "mas", 100, 1000, filled=True),
            Column("plx_err", "number", "mas", 0, error_of="plx_value"),
            Column("plx_bibcode"),
            Column("pmra", "number", "mas.yr-1", -20_000, 20_000),
            Column("pmdec", "number", "mas.yr-1", -20_000, 20_000),
            Column("rvz_radvel", "number", "km.s-1", -2000, 2000),
            Column("rvz_err", "number", "km.s-1", 0, error_of="rvz_radvel"),
        ),
        key=("oid",),
    )
)
NAMES = TableFormat(Schema((Column("oidref", "integer", filled=True), Column("id", filled=True)), key=("oidref", "id")))

SOURCE = Source(
    name="simbad",
    title="SIMBAD",
    holds="stars within 10 pc with their spectral types and motions, and all their names",
    homepage="https://simbad.cds.unistra.fr/simbad/",
    licence=Licence(
        name="ODbL 1.0",
        url="https://cds.unistra.fr/legals/",
        duties="name CDS/SIMBAD as the source, cite the paper; a database derived from it carries the same licence",
        redistributable=True,
        share_alike=True,
    ),
    citations=(
        Citation(
            "Wenger2000",
            ("Wenger, M.", "others"),
            "The SIMBAD astronomical database",
            2000,
            "Astronomy and Astrophysics Supplement Series",
            volume="143",
            pages="9-22",
            doi="10.1051/aas:2000332",
        ),
    ),
    products=(
        Product(
            name="nearby_stars",
            holds="objects within 10 pc by their parallax",
            kind="curated",
            counted="objects",
            gates=gates(STARS.read, check_table("objects")),
            ask=TapQuery(
                TAP,
                f"select {', '.join(STARS.schema.names())} from basic where {NEARBY} order by oid",
                "nearby_stars.csv",
                count=f"select count(*) from basic where {NEARBY}",
                most_rows=50_000,
            ),
            saved_as=("simbad/nearby_stars*.csv",),
            expected_bytes=150_000,
            least=100,
            table=STARS,
        ),
        Product(
            name="names",
            holds="every name of these objects",
            kind="curated",
            counted="names",
            gates=gates(NAMES.read, check_table("names")),
            ask=TapQuery(
                TAP,
                f"select oidref, id from ident join basic on ident.oidref = basic.oid where {NEARBY} "
                "order by oidref, id",
                "names.csv",
                count=f"select count(*) from ident join basic on ident.oidref = basic.oid where {NEARBY}",
                most_rows=200_000,
            ),
            saved_as=("simbad/names*.csv",),
            expected_bytes=600_000,
            least=100,
            table=NAMES,
        ),
    ),
    interval=0.25,
    connections=1,
    acknowledgement="This research has made use of the SIMBAD database, operated at CDS, Strasbourg, France.",
    unconfirmed=(
        "The terms of the CDS name the Licence Ouverte, ODbL and CC BY for open data sets, and not which is SIMBAD's: "
        "the strictest is kept to.",
        "Sizes and least counts are estimates.",
    ),
    notes=("At most about five queries a second; a client that asks faster is shut out for an hour.",),
)
