"""A file that was cut anywhere is refused; where it is whole in itself, its length and its rows tell, or nothing does.

Each format, at 100 places that lie evenly over a genuine file, or over one made as its documentation has it, and at
ends of lines. A table that is cut at the end of a line is a table still: its bytes say nothing. Then the verdict says
that its completeness is unknown, and a length or a count that comes with it refuses it.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from astrobio.archives.registry import SOURCES, verify
from astrobio.core.provenance import Provenance
from astrobio.verify.thousandworlds import thousandworlds_gates
from astrobio.verify.verdict import Verdict
from tests.archives.test_live_sources import master
from tests.fuzz import fuzz_networks, fuzz_tables
from tests.verify import bad_climate, bad_networks, bad_planet_tables, bad_spectra, bad_text, test_thousandworlds

PLACES, LINES = 100, 12
GOLDEN = 0.6180339887498949
"""Multiples of it, without their whole numbers, lie evenly, and never in step with rows of one length."""


class Whole(NamedTuple):
    """A whole file, and as what it is offered; whether it counts its rows as a service would."""

    source: str
    product: str
    content: bytes
    rows: int | None = None
    name: str = "file"

    def verdict(self, content: bytes, **detail: int) -> Verdict:
        kind = SOURCES[self.source].product(self.product).kind
        told = {"product": self.product, "name": self.name} | detail
        provenance = Provenance(self.source, kind, "declared", "import", f"{self.product}/{self.name}#0", told)
        if self.source == "thousandworlds":
            return thousandworlds_gates(test_thousandworlds.SMALL, digest=None)(content, provenance)
        return verify(content, provenance)


Make = Callable[[Path], Whole]


def _file(source: str, product: str, path: str) -> Make:
    return lambda mirror: Whole(source, product, (mirror / path).read_bytes(), name=Path(path).name)


def _planets(product: str, rows: int = 60) -> Make:
    return lambda mirror: Whole(*product.split("/"), bad_planet_tables.small(mirror, product, rows).content(), rows)


def _table(key: str) -> Make:
    return lambda mirror: Whole(*key.split("/"), fuzz_tables.corpus(mirror)[key])


def _packed(make: Make) -> Make:
    return lambda mirror: (whole := make(mirror))._replace(content=gzip.compress(whole.content, mtime=0), rows=None)


def _abstracts(mirror: Path) -> Whole:
    lines = gzip.decompress(bad_text.packed(bad_text.rows(mirror, 40)))
    return Whole("arxiv", "abstracts", lines, 40, "abstracts.jsonl")


def _repository(pack: Callable[[dict[str, bytes]], bytes]) -> Make:
    return lambda mirror: Whole("open_exoplanet_catalogue", "systems", pack(bad_planet_tables.repository(mirror)))


SPECTRA = "nasa_exoplanet_archive/spectra"
MODELSEED = {
    product: lambda mirror, name=f"{product}/{product[:-1]}_00.tsv", product=product: Whole(
        "modelseed", product, fuzz_networks.biochemistry(mirror)[name]
    )
    for product in ("compounds", "reactions")
}
FORMATS: dict[str, Make] = {
    "IPAC table": _file("nasa_exoplanet_archive", "spectra", f"{SPECTRA}/{bad_spectra.NIRISS}"),
    "spectrum as CSV": _file("jwst_published", "wasp_39b", f"jwst_published/{bad_spectra.R300}"),
    "spectrum as text": _file("jwst_published", "k2_18b", "jwst_published/K2-18b_nirspec_g395h_lowres.txt"),
    "FITS image": _file("irtf_spex", "stars", f"irtf_spex/{bad_spectra.G3V}"),
    "FITS table": lambda _: Whole("mast", "x1d", bad_spectra.x1d()),
    "planets, pscomppars": _planets(bad_planet_tables.PSCOMPPARS),
    "planets, ps": _planets(bad_planet_tables.PS),
    "planets, toi": _planets(bad_planet_tables.TOI),
    "planets, cumulative": _planets(bad_planet_tables.KOI),
    "planets, exoplanet.eu": _planets(bad_planet_tables.EU),
    "planets, lists": _file("phl_hwc", "lists", "phl_hwc/hwc_table_conservative.csv"),
    "systems, tar.gz": _repository(bad_planet_tables.packed),
    "systems, tar": _repository(lambda files: gzip.decompress(bad_planet_tables.packed(files))),
    "systems, zip": _repository(bad_planet_tables.zipped),
    "NetCDF classic": _file(*bad_climate.MONTHLY, bad_climate.SERIES),
    "NetCDF 4": _file(*bad_climate.MONTHLY, bad_climate.LEVELS),
    "ExoPlaSim fields": _file(*bad_climate.FIELDS, bad_climate.RUN),
    "ExoPlaSim description": _file(*bad_climate.RUNS, bad_climate.DESCRIPTION),
    "ThousandWorlds": lambda _: Whole("thousandworlds", "dataset", test_thousandworlds.Made().content()),
    "JSON lines": _abstracts,
    "JSON lines, gzip": _packed(_abstracts),
    "OAI-PMH": lambda mirror: Whole("arxiv", "oai", bad_text.oai_page(bad_text.rows(mirror, 12)), name="page.xml"),
    "SBML": lambda mirror: Whole(*bad_networks.NETWORKS, bad_networks.sbml(mirror, "textbook")),
    "SBML, gzip": _file(*bad_networks.NETWORKS, "published_networks/textbook.xml.gz"),
    "KGML": lambda _: Whole("kegg", "pathways", bad_networks.KGML),
    "key of networks": _file("published_networks", "model_key", "published_networks/model_key.md"),
    "compounds": MODELSEED["compounds"],
    "reactions": MODELSEED["reactions"],
    "reactions, gzip": _packed(MODELSEED["reactions"]),
    "traits, engqvist": lambda mirror: Whole("microbial_traits", "engqvist", fuzz_networks.traits(mirror)["engqvist"]),
    "traits, fierer": lambda mirror: Whole("microbial_traits", "fierer", fuzz_networks.traits(mirror)["fierer"]),
    "traits, bergeys": lambda mirror: Whole("microbial_traits", "bergeys", fuzz_networks.traits(mirror)["bergeys"]),
    "papers as JSON": lambda _: Whole("ads", "papers", json.dumps(fuzz_tables.papers()).encode()),
    "line lists as JSON": lambda _: Whole("exomol", "master", master()),
    "stars, Gaia": _table("gaia/nearby_stars"),
    "stars, SIMBAD": _table("simbad/nearby_stars"),
    "stars, VizieR": _table("vizier/hipparcos_nearby"),
    "assemblies": _table("ncbi_assemblies/archaea"),
    "taxonomy": _table("gtdb/archaea"),
    "taxonomy, gzip": _packed(_table("gtdb/archaea")),
    "proteins": _table("uniprot/temperature"),
    "Rhea": _table("rhea/directions"),
    "MetaNetX": _table("metanetx/reactions"),
}
"""Formats, and a whole file of each."""


def places(content: bytes) -> list[int]:
    """Where it is cut: evenly, and behind lines."""
    ends = [place + 1 for place, byte in enumerate(content[:-1]) if byte == ord("\n")]
    behind = ends[:: max(1, len(ends) // LINES)] if _is_text(content) else []
    evenly = (int(len(content) * (place * GOLDEN % 1)) for place in range(PLACES))
    return sorted({*evenly, *behind})


def _is_text(content: bytes) -> bool:
    return b"\0" not in content and not content.startswith(b"\x1f\x8b")


def _at_a_boundary(content: bytes, place: int) -> bool:
    """Between two lines of a text, or in the fill behind the end of a tar."""
    between = _is_text(content) and b"\n" in (content[place - 1 : place], content[place : place + 1])
    return between or not content[place:].strip(b"\0")


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_was_cut_is_refused_or_its_completeness_unknown(archive_mirror, name):
    whole = FORMATS[name](archive_mirror)
    content = whole.content
    assert whole.verdict(content, length=len(content)).admitted
    cuts = places(content)
    assert len(cuts) >= min(PLACES, len(content) // 2)
    for place in cuts:
        verdict = whole.verdict(content[:place])
        json.dumps(verdict.to_dict(), allow_nan=False)
        if verdict.admitted:
            assert _at_a_boundary(content, place), (place, content[max(0, place - 40) : place])
            assert any("completeness unknown" in flag for flag in verdict.flags), place
            refused = whole.verdict(content[:place], length=len(content))
            assert any(reason.startswith("transfer: length") for reason in refused.reasons), place
            if whole.rows is not None:
                counted = whole.verdict(content[:place], rows_counted=whole.rows)
                assert any(reason.startswith("transfer: row count") for reason in counted.reasons), place


SAME_FORMAT = {"earth_climate": "cmip", "bigg": "published_networks"}
ELSEWHERE = {"planet_runs"}
"""Their runs are cut in test_planet_runs.py."""


def test_files_of_every_source_are_cut(archive_mirror):
    cut = {make(archive_mirror).source for make in FORMATS.values()}
    assert set(SAME_FORMAT.values()) <= cut
    assert SOURCES.keys() == cut | SAME_FORMAT.keys() | ELSEWHERE
