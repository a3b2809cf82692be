"""Genome-scale metabolic networks as they were published, in one collection (openCOBRA, m_model_collection).

The collection holds models as their papers gave them, written as SBML level 3 with the fbc package by its scripts
(README.md there). What that changed was seen in the files: species without charge were given the charge 0, and the
model mus_musculus has lost NAD and NADP of the cytosol.
"""

from __future__ import annotations

import re

from astrobio.archives.asking import StaticFile, StaticFiles
from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source, by_key
from astrobio.core.network import MetabolicNetwork
from astrobio.core.provenance import Provenance
from astrobio.formats.model_key import ModelKey, read_model_key
from astrobio.formats.sbml import read_sbml
from astrobio.verify.gates import gates
from astrobio.verify.networks import check_network
from astrobio.verify.verdict import Findings

COMMIT = "afc891b1fd6eb6662c1bfab0369649d8cb9e7e5e"
RAW = f"https://raw.githubusercontent.com/opencobra/m_model_collection/{COMMIT}"
ORGANISMS = {
    "AbyMBEL891": "Acinetobacter baumannii",
    "AraGEM": "Arabidopsis thaliana",
    "GSMN_TB": "Mycobacterium tuberculosis",
    "PpaMBEL1254": "Pichia pastoris",
    "PpuMBEL1071": "Pseudomonas putida",
    "STM_v1_0": "Salmonella typhimurium",
    "S_coilicolor_fixed": "Streptomyces coelicolor",
    "SpoMBEL1693": "Saccharomyces pombe",
    "T_Maritima": "Thermotoga maritima",
    "VvuMBEL943": "Vibrio vulnificus",
    "iAC560": "Leishmania major",
    "iAF1260": "Escherichia coli",
    "iAF692": "Methanosarcina barkeri",
    "iAI549": "Dehalococcoides ethenogenes",
    "iAN840m": "",
    "iAO358": "Lactococcus lactis",
    "iAbaylyiV4": "Acinetobacter baylyi",
    "iBT721_fixed": "Lactobacillus plantarum",
    "iBsu1103": "Bacillus subtilis",
    "iCA1273": "Escherichia coli",
    "iCB925": "Clostridium beijerinckii",
    "iCR744": "Rhodoferax ferrireducens",
    "iCS291": "Helicobacter pylori",
    "iCS400": "Haemophilus influenzae",
    "iCac802": "Clostridium acetobutylicum",
    "iFF708": "Saccharomyces cerevisiae",
    "iGB555_fixed": "Neisseria meningitidis",
    "iHD666_fixed": "Aspergillus nidulans",
    "iIB711": "Streptomyces coelicolor",
    "iIT341": "Helicobacter pylori",
    "iJL432": "Clostridium acetobutylicum",
    "iJN678": "Synechocystis sp. PCC6803",
    "iJN746": "Pseudomonas putida",
    "iJO1366": "Escherichia coli",
    "iJP815": "Pseudomonas putida",
    "iJR904": "Escherichia coli",
    "iJS747": "Geobacter metallireducens",
    "iKF1028": "Burkholderia cenocepacia",
    "iLC915": "Pichia pastoris",
    "iLL672": "Saccharomyces cerevisiae",
    "iMA871": "Aspergillus niger",
    "iMA945": "Salmonella typhimurium",
    "iMB745": "Methanosarcina acetivorans",
    "iMH551": "Staphylococcus aureus",
    "iMM1415": "Mus musculus",
    "iMM904": "Saccharomyces cerevisiae",
    "iMO1056": "Pseudomonas aeruginosa",
    "iMP429_fixed": "Streptococcus thermophilus",
    "iND750": "Saccharomyces cerevisiae",
    "iNJ661": "Mycobacterium tuberculosis",
    "iNJ661m": "Mycobacterium tuberculosis",
    "iNV213": "Cryptosporidium hominis",
    "iOG654": "Natronomonas pharaonis",
    "iOR363": "Rhizobium etli",
    "iPP668": "Pichia pastoris",
    "iPS189_fixed": "Mycoplasma genitalium",
    "iRC1080": "Chlamydomonas reinhardtii",
    "iRM588": "Geobacter sulfurreducens",
    "iRR1083": "Salmonella typhimurium",
    "iRS1563": "Zea mays",
    "iRS1597": "Arabidopsis thaliana",
    "iRS605_fixed": "Francisella tularensis",
    "iRsp1095": "Rhodobacter sphaeroides",
    "iSB619": "Staphylococcus aureus",
    "iSH335": "Mannheimia succiniciproducens",
    "iSO783": "Shewanella oneidensis",
    "iSR432": "Clostridium thermocellum",
    "iSS724": "Mus musculus",
    "iSS884": "Pichia stipitis",
    "iSyn669": "Synechocystis sp. PCC6803",
    "iTH366": "Plasmodium falciparum",
    "iTL885": "Scheffersomyces stipitis",
    "iTY425_fixed": "Mannheimia succiniciproducens",
    "iVM679": "Porphyromonas gingivalis",
    "iVS941_fixed": "Methanosarcina acetivorans",
    "iWV1314": "Aspergillus oryzae",
    "iWZ663": "Ketogulonicigenium vulgare",
    "iYL1228": "Klebsiella pneumoniae",
    "iYO844": "Bacillus subtilis",
    "iZM363": "Zymomonas mobilis",
    "iZmobMBEL601": "Zymomonas mobilis",
    "mus_musculus": "Mus musculus",
    "textbook": "Escherichia coli",
}
"""Files of the collection, and the organism of each by its key; none for iAN840m, which the key does not name."""
OTHER_NAMES = {"Scheffersomyces": "Pichia"}
"""Genera of one species under two names in the collection: Scheffersomyces stipitis was Pichia stipitis (Kurtzman and
Suzuki 2010, Mycoscience 51, 2-14)."""
LEAST_NAMED = 0.9
"""Share of the key's rows that name a paper by DOI or PubMed's number; measured: 97 of 98."""
_BINOMIAL = re.compile(r"[A-Z][a-z]{2,30} [a-z]{3,30}( .{1,60})?|[A-Z][a-z]{2,30} sp\. .{1,60}")


def network(content: bytes, _provenance: Provenance) -> MetabolicNetwork:
    """The network of a file; raises FormatError."""
    return read_sbml(content).sound()


def canonical_model(name: str) -> str:
    """One spelling of a model's name: ``GSMN_TB`` and ``GSMN-TB``, ``iHD666_fixed`` and ``iHD666`` are the same.

    >>> canonical_model("S_coilicolor_fixed")
    'scoilicolor'
    """
    return re.sub(r"[^a-z0-9]", "", name.removesuffix("_fixed").lower())


def keyed(rows: list[ModelKey], model: str) -> list[ModelKey]:
    """The rows of the key that are of a model; a name may lack its leading i, as ZmobMBEL601 does."""
    name = canonical_model(model)
    found = [row for row in rows if row.model and canonical_model(row.model) == name]
    return found or [row for row in rows if row.model and "i" + canonical_model(row.model) == name]


def group(content: bytes, provenance: Provenance) -> str:
    """The genus of the organism, so that no species is on both sides of a split; of a model of none, its own."""
    organism = ORGANISMS.get(read_sbml(content).network.id, "")
    if not organism:
        return by_key(content, provenance)
    genus = organism.split()[0]
    return f"genus {OTHER_NAMES.get(genus, genus)}"


def check_name(found: Findings, rows: list[ModelKey], _provenance: Provenance) -> None:
    """The key names organisms, models, and papers that can be found."""
    found.counts["models"] = len({canonical_model(row.model) for row in rows if row.model})
    strange = [row.organism for row in rows if not _BINOMIAL.fullmatch(row.organism)]
    found.note("schema", "organisms", not strange, ", ".join(strange[:5]) or f"{len(rows)} rows", "genus and species")
    named = sum(row.doi is not None or row.pmid is not None for row in rows)
    found.note("schema", "papers", named >= LEAST_NAMED * len(rows), f"{named} of {len(rows)} name one",
               f"{LEAST_NAMED:.0%} by DOI or PubMed's number")  # fmt: skip
    models: dict[str, set[str]] = {}
    for row in rows:
        if row.model:
            models.setdefault(canonical_model(row.model), set()).add(row.organism)
    several = [name for name, organisms in models.items() if len(organisms) > 1]
    found.note("schema", "one organism a model", not several, ", ".join(several[:5]) or "one", "one")
    again = len(rows) - len(set(rows))
    found.flag("schema", "rows once", again == 0, f"{again} rows come again", "each row once")


SOURCE = Source(
    name="published_networks",
    title="Published metabolic networks",
    holds="genome-scale metabolic networks of 83 models, from bacteria to mouse, as their papers give them",
    homepage="https://github.com/opencobra/m_model_collection",
    licence=Licence(
        name="that of each model's paper",
        url="https://github.com/opencobra/m_model_collection#license",
        duties="each model keeps the licence under which its paper released it: look it up, and cite the paper, to "
        "which model_key.md leads from the file's name; the key itself is CC0",
        redistributable=False,
    ),
    citations=(
        Citation(
            "Ebrahim2015",
            ("Ebrahim, Ali", "others"),
            "Do genome-scale models need exact solvers or clearer standards?",
            2015,
            "Molecular Systems Biology",
            doi="10.15252/msb.20156157",
        ),
    ),
    products=(
        Product(
            name="networks",
            holds="one network a file: compounds, reactions, stoichiometry, flux bounds, growth reaction",
            kind="curated",
            counted="networks",
            gates=gates(read_sbml, check_network),
            ask=StaticFiles(tuple(StaticFile(f"{RAW}/sbml3/{name}.xml", f"{name}.xml") for name in ORGANISMS)),
            saved_as=("published_networks/*.xml.gz", "published_networks/*.xml"),
            expected_bytes=91_000_000,
            least=83,
            group=group,
        ),
        Product(
            name="model_key",
            holds="organism, model and paper of each network",
            kind="document",
            counted="models",
            gates=gates(read_model_key, check_name),
            ask=StaticFile(f"{RAW}/model_key.md", "model_key.md"),
            saved_as=("published_networks/model_key.md",),
            expected_bytes=18_000,
            least=80,
        ),
    ),
    notes=(
        "The collection is no official version of any model: many have been updated at their origin since.",
        "Of 60 networks with charges 36 have only zeros, which the conversion to SBML has written: they are flagged.",
        "mus_musculus lacks NAD and NADP of the cytosol; reactions that used them are not balanced in electrons.",
    ),
)
