"""ExoMol: which molecules have line lists. The lists themselves, up to some 100 GB each, are not fetched."""

from __future__ import annotations

from astrobio.archives.asking import StaticFile
from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.formats.exomol import read_master
from astrobio.verify.gates import gates
from astrobio.verify.line_lists import check_master

SOURCE = Source(
    name="exomol",
    title="ExoMol",
    holds="the molecules, isotopologues and data sets of the database of line lists for hot atmospheres",
    homepage="https://www.exomol.com",
    licence=Licence(
        name="CC BY-SA 4.0",
        url="https://exomol.com/data/licence/",
        duties="cite the database's paper and that of each line list; what is derived carries the same licence",
        redistributable=True,
        share_alike=True,
    ),
    citations=(
        Citation(
            "Tennyson2024",
            ("Tennyson, Jonathan", "Yurchenko, Sergei N.", "Zhang, Jingxin", "others"),
            "The 2024 release of the ExoMol database: molecular line lists for exoplanet and other hot atmospheres",
            2024,
            "Journal of Quantitative Spectroscopy and Radiative Transfer",
            volume="326",
            pages="109083",
            doi="10.1016/j.jqsrt.2024.109083",
        ),
    ),
    products=(
        Product(
            name="master",
            holds="the master file of the database",
            kind="curated",
            counted="molecules",
            gates=gates(read_master, check_master),
            ask=StaticFile("https://www.exomol.com/db/exomol.all.json", "exomol.all.json"),
            saved_as=("exomol/exomol.all*.json",),
            expected_bytes=1_000_000,
            least=80,
        ),
    ),
    interval=1.0,
    connections=1,
    unconfirmed=(
        "The licence is told by public programs that read the database and link its page, which was not read here.",
        "The size is an estimate.",
    ),
)
