"""Microbial traits: growth temperature, oxygen use and optimum pH of bacteria and archaea, from three compilations.

The tables are those that Madin et al. 2020 prepared of their sources before merging them, so that what each source
says can be told apart (output/prepared_data of the repository). Temperatures are in degrees C, sizes of cells in
micrometres, doubling times in hours. A few references and strains of fierer have bytes that are not of UTF-8.
"""

from __future__ import annotations

from astrobio.archives.asking import StaticFile
from astrobio.archives.citing import Citation
from astrobio.archives.source import Licence, Product, Source
from astrobio.formats.delimited import Dialect
from astrobio.formats.schema import Column, Schema
from astrobio.verify.gates import gates
from astrobio.verify.tables import TableFormat, check_table
from astrobio.verify.traits import check_oxygen, check_temperatures

COMMIT = "396dcd4d98ca20b613ba280f5514611651b6fb91"
RAW = f"https://raw.githubusercontent.com/bacteria-archaea-traits/bacteria-archaea-traits/{COMMIT}/output/prepared_data"
_TAX_ID = Column("tax_id", "integer", low=1, filled=True)
_LENGTHS = tuple(
    Column(name, "number", "micrometre", low=0, high=10_000, usual=(0.05, 1_000))
    for name in ("d1_lo", "d1_up", "d2_lo", "d2_up")
)
LOWEST, HIGHEST = -25.0, 130.0
"""Degrees C; growth is known from -20 to 122 C (Takai et al. 2008)."""

ENGQVIST = Schema(
    (
        _TAX_ID,
        Column("org_name", filled=True),
        Column("growth_tmp", "number", "degree C", LOWEST, HIGHEST, filled=True),
        Column("ref_type"),
        Column("reference", filled=True),
    ),
    key=("org_name",),
)
FIERER = Schema(
    (
        _TAX_ID,
        Column("name_class"),
        Column("org_name", filled=True),
        Column("Strain"),
        Column(
            "metabolism",
            choices=("obligate aerobe", "facultative aerobe", "facultative anaerobe", "anaerobic", "obligate anaerobe",
                     "microaerophile"),
        ),
        Column("pathways"),
        Column("carbon_substrates"),
        Column("sporulation", choices=("yes", "no")),
        Column("cell_shape"),
        Column("motility"),
        Column("optimum_ph", "number", low=0, high=14),
        Column("optimum_tmp", "number", "degree C", LOWEST, HIGHEST),
        *_LENGTHS,
        Column("isolation_source"),
        Column("reference", filled=True),
        Column("ref_type"),
    )
)  # fmt: skip
BERGEYS = Schema(
    (
        _TAX_ID,
        Column("species_tax_id", "integer", low=1, filled=True),
        Column("species_name", filled=True),
        Column("species", filled=True),
        Column("reference", filled=True),
        Column(
            "metabolism",
            choices=("aerobic", "obligate aerobic", "anaerobic", "obligate anaerobic", "facultative",
                     "microaerophilic"),
        ),
        *_LENGTHS,
        Column("doubling_h", "number", "h", low=0, high=10_000),
        Column("accession"),
        Column("source"),
        Column("ref_type"),
    ),
    key=("tax_id",),
)  # fmt: skip
_MISSING = ("NA",)
FORMATS = {
    "engqvist": TableFormat(ENGQVIST, Dialect(missing=_MISSING)),
    "fierer": TableFormat(FIERER, Dialect(missing=_MISSING, encoding="iso-8859-1")),
    "bergeys": TableFormat(BERGEYS, Dialect(missing=_MISSING)),
}
DIGESTS = {
    "engqvist": "e0073f86921dd1fee6104e8b409f32622403a31b7b1eaefd679743ef915cbfd6",
    "fierer": "5e9f4bc8fa65d33220cce5282813547b5bf31f4ee69f2cf50dd99a53ce252cd4",
    "bergeys": "6734ffc9734b7805f327f655d44d09bc61ac8adec253a6788994c9c06a1acb07",
}


def _table(name: str, holds: str, counted: str, least: int, size: int, *checks: object) -> Product:
    table = FORMATS[name]
    return Product(
        name=name,
        holds=holds,
        kind="curated",
        counted=counted,
        gates=gates(table.read, check_table(counted), *checks),  # type: ignore[arg-type]
        ask=StaticFile(f"{RAW}/{name}.csv", f"{name}.csv", sha256=DIGESTS[name]),
        saved_as=(f"microbial_traits/{name}.csv",),
        expected_bytes=size,
        least=least,
        table=table,
    )


SOURCE = Source(
    name="microbial_traits",
    title="Microbial traits",
    holds="growth temperature, oxygen use, optimum pH and size of bacteria and archaea, by species",
    homepage="https://github.com/bacteria-archaea-traits/bacteria-archaea-traits",
    licence=Licence(
        name="CC BY 4.0, as the synthesis was published",
        url="https://doi.org/10.1038/s41597-020-0497-4",
        duties="cite Madin et al. 2020 and the compilation that a value comes from",
        redistributable=True,
    ),
    citations=(
        Citation(
            "Madin2020",
            ("Madin, Joshua S.", "Nielsen, Daniel A.", "Brbić, Maria", "others"),
            "A synthesis of bacterial and archaeal phenotypic trait data",
            2020, "Scientific Data", volume="7", number="1", pages="170", doi="10.1038/s41597-020-0497-4",
        ),
        Citation(
            "Barberan2017",
            ("Barberán, Albert", "Caceres Velazquez, Hildamarie", "Jones, Stuart", "Fierer, Noah"),
            "Hiding in Plain Sight: Mining Bacterial Species Records for Phenotypic Trait Information",
            2017, "mSphere", volume="2", number="4", pages="e00237-17", doi="10.1128/mSphere.00237-17",
        ),
        Citation(
            "Engqvist2018",
            ("Engqvist, Martin K. M.",),
            "Correlating enzyme annotations with a large set of microbial growth temperatures reveals metabolic"
            " adaptations to growth at diverse temperatures",
            2018, "BMC Microbiology", volume="18", number="1", pages="177", doi="10.1186/s12866-018-1320-7",
        ),
    ),
    products=(
        _table("engqvist", "growth temperatures of organisms, from culture collections (Engqvist 2018)",
               "growth temperatures", 10_000, 970_000, check_temperatures("org_name", "growth_tmp")),
        _table("fierer", "oxygen use, optimum pH and temperature, from descriptions of species (Barberan et al. 2017)",
               "species descriptions", 4_000, 1_530_000, check_temperatures("org_name", "optimum_tmp"),
               check_oxygen("org_name", "metabolism")),
        _table("bergeys", "oxygen use and size of cells, from Bergey's Manual", "manual entries", 3_000, 560_000,
               check_oxygen("species", "metabolism")),
    ),
    unconfirmed=(
        "The repository states no licence of its own; what Bergey's Manual, a book, allows of what was read out of it "
        "is not known.",
    ),
    notes=(
        "Several strains of a species have rows of their own in fierer: a species has the values of each.",
        "Eukaryotes are hardly in the tables: networks of yeasts, plants and animals find no traits here.",
    ),
)  # fmt: skip
