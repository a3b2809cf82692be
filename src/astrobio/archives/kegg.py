"""KEGG: maps of metabolic pathways as KGML, one request a map (https://www.kegg.jp/kegg/rest/keggapi.html).

The list of maps gives their numbers; their KGML is asked for under ``ko``, the form that links boxes to orthologs,
since the form ``map`` has none (https://www.kegg.jp/kegg/xml/). Maps numbered 07000 and up show structures of drugs and
have no KGML.
"""

from __future__ import annotations

from astrobio.archives.asking import Entries
from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.core.network import MetabolicNetwork
from astrobio.core.provenance import Provenance
from astrobio.formats.kgml import read_kgml
from astrobio.verify.gates import gates
from astrobio.verify.pathways import check_pathway


def network(content: bytes, _provenance: Provenance) -> MetabolicNetwork:
    """The network of a map; raises FormatError."""
    return read_kgml(content).sound()


SOURCE = Source(
    name="kegg",
    title="KEGG",
    holds="maps of metabolic pathways: compounds, reactions, orthologs",
    homepage="https://www.kegg.jp",
    licence=Licence(
        name="KEGG's own terms",
        url="https://www.kegg.jp/kegg/legal.html",
        duties="academic use by academic users only; do not pass the data on; others need a licence",
        redistributable=False,
        academic_only=True,
        to_accept="KEGG is free for academic use by academic users only, and its data may not be passed on: "
        "https://www.kegg.jp/kegg/legal.html",
    ),
    citations=(
        Citation(
            "Kanehisa2000",
            ("Kanehisa, Minoru", "Goto, Susumu"),
            "KEGG: Kyoto Encyclopedia of Genes and Genomes",
            2000,
            "Nucleic Acids Research",
            volume="28",
            number="1",
            pages="27-30",
            doi="10.1093/nar/28.1.27",
        ),
        Citation(
            "Kanehisa2025",
            ("Kanehisa, Minoru", "Furumichi, Miho", "Sato, Yoko", "Matsuura, Yuriko", "Ishiguro-Watanabe, Mari"),
            "KEGG: biological systems database as a model of the real world",
            2025,
            "Nucleic Acids Research",
            volume="53",
            number="D1",
            pages="D672-D677",
            doi="10.1093/nar/gkae909",
        ),
    ),
    products=(
        Product(
            name="pathways",
            holds="one map a file, as KGML",
            kind="curated",
            counted="pathways",
            gates=gates(read_kgml, check_pathway),
            ask=Entries(
                listing="https://rest.kegg.jp/list/pathway",
                pattern=r"(?m)^(?:path:)?map((?!07)[0-9]{5})\t",
                entry="https://rest.kegg.jp/get/ko{id}/kgml",
                name="ko{id}.xml",
                signatures=(b"<?xml",),
                most=2_000,
            ),
            saved_as=("kegg/*.xml", "kegg/*.kgml"),
            expected_bytes=40_000_000,
            least=500,
        ),
    ),
    interval=0.34,
    connections=1,
    unconfirmed=("The size is an estimate.",),
    notes=(
        "Nothing is asked before you accept the terms: astrobio fetch --accept-terms kegg",
        "KGML tells neither coefficients nor compounds that a map does not draw: such networks have no mass balance.",
    ),
)
