"""UniProt: reviewed proteins of which the temperature that they work at is known.

The service hands out its answer by a cursor in the Link header and says in X-Total-Results how many there are
(https://www.uniprot.org/help/pagination); columns are those of its table of return fields
(https://www.uniprot.org/help/return_fields), under the labels that a TSV file has for them.
"""

from __future__ import annotations

from urllib.parse import urlencode

from astrobio.archives.asking import Pages
from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.formats.delimited import Dialect
from astrobio.formats.schema import Column, Schema
from astrobio.verify.gates import gates
from astrobio.verify.tables import TableFormat, check_table

SEARCH = "https://rest.uniprot.org/uniprotkb/search"
QUERY = "(reviewed:true) AND (cc_bpcp_temp_dependence:*)"
FIELDS = {
    "accession": Column("Entry", filled=True),
    "id": Column("Entry Name", optional=True),
    "protein_name": Column("Protein names"),
    "organism_name": Column("Organism"),
    "organism_id": Column("Organism (ID)", "integer", low=1, optional=True),
    "lineage": Column("Taxonomic lineage", optional=True),
    "length": Column("Length", "integer", "amino acids", 1, optional=True),
    "ec": Column("EC number", optional=True),
    "temp_dependence": Column("Temperature dependence", filled=True),
    "ph_dependence": Column("pH dependence"),
}
PROTEINS = TableFormat(Schema(tuple(FIELDS.values()), key=("Entry",)), Dialect(separator="\t", quote=None))

SOURCE = Source(
    name="uniprot",
    title="UniProt",
    holds="reviewed proteins with the temperature and pH that they work at",
    homepage="https://www.uniprot.org",
    licence=Licence(
        name="CC BY 4.0",
        url="https://www.uniprot.org/help/license",
        duties="name UniProt and cite the paper",
        redistributable=True,
    ),
    citations=(
        Citation(
            "UniProt2025",
            ("The UniProt Consortium",),
            "UniProt: the Universal Protein Knowledgebase in 2025",
            2025,
            "Nucleic Acids Research",
            volume="53",
            number="D1",
            pages="D609-D617",
            doi="10.1093/nar/gkae1010",
        ),
    ),
    products=(
        Product(
            name="temperature",
            holds="entries of Swiss-Prot whose temperature dependence is described, 500 a file",
            kind="curated",
            counted="proteins",
            gates=gates(PROTEINS.read, check_table("proteins")),
            ask=Pages(
                f"{SEARCH}?{urlencode({'query': QUERY, 'format': 'tsv', 'fields': ','.join(FIELDS), 'size': 500})}",
                "page-{page:04d}.tsv",
                total_header="X-Total-Results",
                items="lines",
                most_pages=1000,
            ),
            saved_as=("uniprot/*.tsv",),
            expected_bytes=10_000_000,
            least=1000,
            table=PROTEINS,
        ),
    ),
    interval=0.5,
    connections=1,
    unconfirmed=("The size and the least count are estimates.", "How many requests are allowed was not found."),
    notes=("Temperatures are sentences, as the curators write them; nothing is read out of them here.",),
)
