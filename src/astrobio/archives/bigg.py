"""BiGG Models: genome-scale metabolic networks under one namespace, as SBML (http://bigg.ucsd.edu/data_access).

The page describes the list of models, the address of a model's SBML, and the limit of ten requests a second.
"""

from __future__ import annotations

from astrobio.archives.asking import Entries
from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.core.network import MetabolicNetwork
from astrobio.core.provenance import Provenance
from astrobio.formats.packed import GZIP
from astrobio.formats.sbml import read_sbml
from astrobio.verify.gates import gates
from astrobio.verify.networks import check_network


def network(content: bytes, _provenance: Provenance) -> MetabolicNetwork:
    """The network of a file; raises FormatError."""
    return read_sbml(content).sound()


SOURCE = Source(
    name="bigg",
    title="BiGG Models",
    holds="genome-scale metabolic networks under one namespace of compounds and reactions",
    homepage="http://bigg.ucsd.edu",
    licence=Licence(
        name="BiGG License",
        url="http://bigg.ucsd.edu/license",
        duties="read the licence before any use that is not academic: it restricts commercial use",
        redistributable=False,
        academic_only=True,
    ),
    citations=(
        Citation(
            "King2016",
            ("King, Zachary A.", "Lu, Justin", "Dräger, Andreas", "others"),
            "BiGG Models: A platform for integrating, standardizing and sharing genome-scale models",
            2016,
            "Nucleic Acids Research",
            volume="44",
            number="D1",
            pages="D515-D522",
            doi="10.1093/nar/gkv1049",
        ),
    ),
    products=(
        Product(
            name="models",
            holds="one network a file, SBML level 3 with fbc version 2, packed by gzip",
            kind="curated",
            counted="networks",
            gates=gates(read_sbml, check_network),
            ask=Entries(
                listing="http://bigg.ucsd.edu/api/v2/models",
                pattern=r'"bigg_id"\s*:\s*"([A-Za-z0-9_.-]{1,60})"',
                entry="http://bigg.ucsd.edu/static/models/{id}.xml.gz",
                name="{id}.xml.gz",
                signatures=(GZIP,),
                most=2_000,
            ),
            saved_as=("bigg/*.xml.gz", "bigg/*.xml"),
            expected_bytes=60_000_000,
            least=80,
        ),
    ),
    interval=0.2,
    connections=1,
    unconfirmed=("The size and the least count are estimates.", "The licence's own page was not read here."),
    notes=("The service asks for at most ten requests a second.",),
)
