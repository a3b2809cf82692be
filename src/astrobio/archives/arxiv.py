"""arXiv: metadata of papers of astrophysics, with their abstracts.

Harvested by OAI-PMH (https://info.arxiv.org/help/oa/index.html): base address, metadata format ``arXivRaw``, which has
the date of each version, and the set ``physics:astro-ph``. Terms and the least interval: https://info.arxiv.org/help/
api/tou.html. Datestamps are those of the records, not of the papers, so that a harvest brings old papers, too.
"""

from __future__ import annotations

from astrobio.archives.asking import OaiRecords
from astrobio.archives.source import Licence, Product, Source
from astrobio.formats.oai import read_oai
from astrobio.formats.papers import read_abstracts
from astrobio.verify.gates import gates
from astrobio.verify.text import check_abstracts, check_page

BASE = "https://oaipmh.arxiv.org/oai"
PREFIX = "arXivRaw"
SET = "physics:astro-ph"

SOURCE = Source(
    name="arxiv",
    title="arXiv abstracts",
    holds="titles, authors, subjects, dates and abstracts of papers of astrophysics",
    homepage="https://arxiv.org",
    licence=Licence(
        name="CC0 1.0 (metadata)",
        url="https://info.arxiv.org/help/api/tou.html",
        duties="none for metadata; the papers themselves keep their own licences, and links to them lead to arXiv",
        redistributable=True,
    ),
    citations=(),
    products=(
        Product(
            name="abstracts",
            holds="papers on star formation and what surrounds it, as they were announced from May 2023 on",
            kind="curated",
            counted="abstracts",
            gates=gates(read_abstracts, check_abstracts),
            saved_as=("arxiv/astro_ph_abstracts.jsonl.gz",),
            expected_bytes=6_034_938,
            least=8_875,
        ),
        Product(
            name="oai",
            holds="pages of records of astro-ph that changed since September 2026",
            kind="curated",
            counted="papers",
            gates=gates(read_oai, check_page(PREFIX, SET)),
            ask=OaiRecords(BASE, SET, PREFIX, begin="2026-09-01"),
            saved_as=("arxiv/oai/*.xml",),
            expected_bytes=50_000_000,
        ),
    ),
    interval=3.0,
    connections=1,
    acknowledgement="Thank you to arXiv for use of its open access interoperability.",
    unconfirmed=(
        "How much a harvest brings is not said beforehand: its size is an estimate, at 3.1 kB a record, as in a saved "
        "page of 24 September 2026, and some 5,000 changed records a month.",
    ),
    notes=(
        "The saved abstracts were compiled from daily notices; 765 of them end with a line of whoever compiled them, "
        "which the text data set leaves out and lists.",
    ),
)
