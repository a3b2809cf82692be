"""NASA ADS: titles and abstracts of papers on habitability and biosignatures.

The API answers JSON: the number of papers in ``response.numFound``, the papers of a page in ``response.docs``, and
``start`` counts on (https://github.com/adsabs/adsabs-dev-api). Its token goes in the Authorization header. Requests are
counted by the day; beyond the limit they are answered 429, which the transfer heeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from astrobio.archives.asking import Pages
from astrobio.archives.source import Licence, Product, Source
from astrobio.formats.delimited import Table
from astrobio.formats.json_table import read_json_table
from astrobio.formats.schema import Column, Schema
from astrobio.verify.gates import gates
from astrobio.verify.tables import TableFormat, check_table

SEARCH = "https://api.adsabs.harvard.edu/v1/search/query"
QUERY = "database:astronomy property:refereed title:(habitability OR habitable OR biosignature OR astrobiology)"
STEP = 500


@dataclass(frozen=True)
class JsonTable(TableFormat):
    """A list of objects in a JSON document.

    Attributes
    ----------
    place : str
        Names that lead to the list.
    """

    place: str = ""

    def text(self, content: bytes) -> Table:
        """The table as text; raises FormatError if there is none."""
        return read_json_table(content, self.place)


PAPERS = JsonTable(
    Schema(
        (
            Column("bibcode", filled=True),
            Column("title", optional=True),
            Column("abstract", optional=True),
            Column("author", optional=True),
            Column("pub", optional=True),
            Column("pubdate", optional=True),
            Column("year", "integer", low=1800, high=2100, optional=True),
            Column("doi", optional=True),
            Column("identifier", optional=True),
            Column("arxiv_class", optional=True),
            Column("doctype", optional=True),
        ),
        key=("bibcode",),
    ),
    place="response.docs",
)
_ASKED = {"q": QUERY, "fl": ",".join(PAPERS.schema.names()), "sort": "bibcode asc", "rows": STEP, "start": 0}

SOURCE = Source(
    name="ads",
    title="NASA Astrophysics Data System",
    holds="titles and abstracts of refereed papers on habitability and biosignatures",
    homepage="https://ui.adsabs.harvard.edu",
    licence=Licence(
        name="ADS Terms of Use",
        url="https://adsabs.github.io/help/terms/",
        duties="keep to the terms; abstracts are their publishers'",
        redistributable=False,
    ),
    citations=(),
    products=(
        Product(
            name="papers",
            holds=f"what ADS knows of each paper, {STEP} a file",
            kind="document",
            counted="papers",
            gates=gates(PAPERS.read, check_table("papers")),
            ask=Pages(
                f"{SEARCH}?{urlencode(_ASKED)}",
                "page-{page:04d}.json",
                follow="offset",
                total_field="response.numFound",
                items="response.docs",
                parameter="start",
                step=STEP,
                content_types=("application/json",),
                most_pages=200,
            ),
            saved_as=("ads/*.json",),
            expected_bytes=20_000_000,
            least=500,
            table=PAPERS,
        ),
    ),
    interval=1.0,
    connections=1,
    token="ADS_API_TOKEN",
    acknowledgement="This research has made use of the Astrophysics Data System, funded by NASA under Cooperative "
    "Agreement 80NSSC21M00561.",
    unconfirmed=(
        "The size and the least count are estimates.",
        "The number of the agreement in the acknowledgement is that of the page on terms; a newer one was seen "
        "elsewhere.",
    ),
    notes=("A token comes with an account: https://ui.adsabs.harvard.edu/user/settings/token",),
)
