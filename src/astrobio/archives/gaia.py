"""Gaia: astrometry and stellar parameters of nearby stars, from data release 3.

Columns and units follow the data model of gaia_source (https://gea.esac.esa.int/archive/documentation/GDR3/
Gaia_archive/chap_datamodel/sec_dm_main_source_catalogue/ssec_dm_gaia_source.html). The archive answers a synchronous
query with at most 2,000 rows and does not say so: a job is made, and its rows are compared with COUNT(*).
"""

from __future__ import annotations

from astrobio.archives.asking import TapQuery
from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.formats.schema import Column, Schema
from astrobio.verify.gates import gates
from astrobio.verify.tables import TableFormat, check_table

TAP = "https://gea.esac.esa.int/tap-server/tap"
NEARBY = "parallax >= 100 and parallax_over_error >= 10"
"""Within 10 pc, the parallax known to a tenth."""

NEARBY_STARS = TableFormat(
    Schema(
        (
            Column("source_id", filled=True),  # up to 19 digits
            Column("ra", "number", "deg", 0, 360, filled=True),
            Column("dec", "number", "deg", -90, 90, filled=True),
            Column("parallax", "number", "mas", 100, 1000, filled=True),
            Column("parallax_error", "number", "mas", 0, error_of="parallax"),
            Column("parallax_over_error", "number", low=10),
            Column("pmra", "number", "mas/yr", -20_000, 20_000),
            Column("pmdec", "number", "mas/yr", -20_000, 20_000),
            Column("phot_g_mean_mag", "number", "mag", -2, 25),
            Column("bp_rp", "number", "mag"),
            Column("ruwe", "number", low=0),
            Column("radial_velocity", "number", "km/s", -1500, 1500),
            Column("teff_gspphot", "number", "K", 1000, 100_000),
            Column("logg_gspphot", "number", "log(cm/s**2)", -2, 10),
            Column("mh_gspphot", "number", "dex", -6, 2),
            Column("distance_gspphot", "number", "pc", 0),
        ),
        key=("source_id",),
    )
)

SOURCE = Source(
    name="gaia",
    title="Gaia data release 3",
    holds="positions, parallaxes, motions, magnitudes and parameters of the stars within 10 pc",
    homepage="https://gea.esac.esa.int/archive/",
    licence=Licence(
        name="open, with credit to ESA/Gaia/DPAC",
        url="https://gea.esac.esa.int/archive/documentation/GDR3/Miscellaneous/sec_credit_and_citation_instructions/",
        duties="credit ESA/Gaia/DPAC with the acknowledgement that the page asks for, and cite both papers",
        redistributable=True,
    ),
    citations=(
        Citation(
            "Gaia2016",
            ("Gaia Collaboration", "Prusti, T.", "de Bruijne, J. H. J.", "others"),
            "The Gaia mission",
            2016,
            "Astronomy & Astrophysics",
            volume="595",
            pages="A1",
            doi="10.1051/0004-6361/201629272",
        ),
        Citation(
            "Gaia2023",
            ("Gaia Collaboration", "Vallenari, A.", "others"),
            "Gaia Data Release 3. Summary of the content and survey properties",
            2023,
            "Astronomy & Astrophysics",
            volume="674",
            pages="A1",
            doi="10.1051/0004-6361/202243940",
        ),
    ),
    products=(
        Product(
            name="nearby_stars",
            holds="sources of gaia_source within 10 pc, by a parallax that is known to a tenth",
            kind="observation",
            counted="stars",
            gates=gates(NEARBY_STARS.read, check_table("stars")),
            ask=TapQuery(
                TAP,
                f"select {','.join(NEARBY_STARS.schema.names())} from gaiadr3.gaia_source where {NEARBY} "
                "order by source_id",
                "nearby_stars.csv",
                count=f"select count(*) from gaiadr3.gaia_source where {NEARBY}",
                synchronous=False,
                most_rows=100_000,
            ),
            saved_as=("gaia/nearby_stars*.csv",),
            expected_bytes=100_000,
            least=100,
            table=NEARBY_STARS,
        ),
    ),
    interval=1.0,
    connections=1,
    patience=120.0,
    acknowledgement="This work has made use of data from the European Space Agency (ESA) mission Gaia "
    "(https://www.cosmos.esa.int/gaia), processed by the Gaia Data Processing and Analysis Consortium (DPAC, "
    "https://www.cosmos.esa.int/web/gaia/dpac/consortium). Funding for the DPAC has been provided by national "
    "institutions, in particular the institutions participating in the Gaia Multilateral Agreement.",
    unconfirmed=("The size and the least count are estimates.",),
    notes=(
        "The archive cuts synchronous answers at 2,000 rows without a word; here it is asked by jobs only.",
        "Parallaxes this large are spurious in part: ruwe tells poor solutions.",
    ),
)
