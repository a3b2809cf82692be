"""What goes with a pack when it is passed on: its works to cite, and metadata that other programs read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from astrobio.cli import main
from astrobio.core.errors import DataMissing
from astrobio.datasets.pack import Pack
from astrobio.datasets.packs import build
from astrobio.report.citations import citations_of, entry, references_of
from astrobio.report.croissant import describe
from astrobio.report.lineage import check_lineage, trace
from astrobio.store import RealDataStorage


@pytest.fixture(scope="module")
def spectra(archive_store: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A copy of the store of genuine files, and its pack of spectra."""
    store = Path(shutil.copytree(archive_store, tmp_path_factory.mktemp("owed") / "store"))
    return store, build(RealDataStorage(store), "spectra", store / "packs" / "spectra")


def test_a_pack_owes_what_its_sources_and_papers_are_owed(spectra: tuple[Path, Path]) -> None:
    store, pack = spectra
    owed = citations_of(pack, store)
    assert owed.sources == ["jwst_published", "nasa_exoplanet_archive"]
    assert "% NASA Exoplanet Archive: 24 records" in owed.bibtex
    assert "acknowledge: This research has made use of the NASA Exoplanet Archive" in owed.bibtex
    for key in ("@article{Christiansen2025,", "@article{Madhusudhan2023,", "title = {{Rustamkulov-et-al.-2022}}"):
        assert key in owed.bibtex
    assert owed.references == len(references_of(Pack.open(pack))) == 15
    assert "Torres" not in owed.bibtex
    entries = [line for line in owed.bibtex.splitlines() if line.startswith("@")]
    assert len(entries) == len(set(entries))
    assert owed.bibtex.count("{") == owed.bibtex.count("}")


def test_a_store_owes_what_all_its_records_are_owed(spectra: tuple[Path, Path], tmp_path: Path) -> None:
    store, _ = spectra
    owed = citations_of(None, store)
    assert len(owed.sources) == 13
    RealDataStorage(tmp_path / "empty", create=True)
    with pytest.raises(DataMissing, match="there is no record to cite"):
        citations_of(None, tmp_path / "empty")


def test_special_characters_of_a_reference_are_text() -> None:
    found = entry("Müller & Söhne 100 %, doi 10.1000/x_1")
    assert r"title = {{Müller \& Söhne 100 \%, doi 10.1000/x\_1}}" in found
    assert "doi = {10.1000/x_1}" in found


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:The inplace keyword")
def test_other_programs_read_the_metadata_and_the_table_by_it(spectra: tuple[Path, Path]) -> None:
    import mlcroissant

    store, pack = spectra
    assert main(["export", "croissant", str(pack), "--store", str(store), "--out", str(pack / "croissant.json")]) == 0
    found = mlcroissant.Dataset(str(pack / "croissant.json"))
    assert found.metadata.ctx.issues.errors == set()
    keys = [row["samples/key"].decode() for row in found.records("samples")]
    assert keys == Pack.open(pack).samples["key"].tolist()
    (pack / "croissant.json").unlink()


def test_the_metadata_names_every_file_by_its_digest(spectra: tuple[Path, Path]) -> None:
    store, pack = spectra
    document = describe(pack, store)
    assert {one["@id"]: one["sha256"] for one in document["distribution"]} == {
        file.path: file.sha256 for file in Pack.open(pack).manifest.files
    }
    assert [one["name"] for one in document["recordSet"]] == ["samples", "records"]
    assert document["url"] == f"urn:sha256:{Pack.open(pack).digest}"
    assert all(one.startswith("http") for one in document["license"])


def test_citations_go_to_a_file_or_to_standard_output(
    spectra: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, pack = spectra
    arguments = ["export", "citations", str(pack), "--store", str(store)]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert text == citations_of(pack, store).bibtex
    assert main([*arguments, "--out", str(tmp_path / "used.bib")]) == 0
    assert (tmp_path / "used.bib").read_text() == text
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sources"] == ["jwst_published", "nasa_exoplanet_archive"]
    assert main(["export", "croissant", "--store", str(store)]) == 2
    assert "which pack is to be described?" in capsys.readouterr().err
    assert main(["export", "runs", str(pack), "--store", str(store)]) == 2


def test_the_chain_of_a_pack_reaches_the_addresses_of_its_records(
    spectra: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    store, pack = spectra
    chain = trace(pack, store)
    assert check_lineage(chain) == []
    key = "k2_18b/K2-18b_niriss_soss_lowres.txt#b4499b16456d"
    assert main(["lineage", str(pack), "--store", str(store), "--record", key]) == 0
    out = capsys.readouterr().out
    assert "jwst_published/k2_18b: 4" in out
    assert "Nicholaswogan/ke18b@05c812b0419848494eb39514d220cb3841174e3c" in "".join(out.split())
    assert main(["lineage", str(pack), "--store", str(store), "--record", key, "--json"]) == 0
    [listed] = json.loads(capsys.readouterr().out)["listed"]
    assert listed["provenance"]["name"] == "K2-18b_niriss_soss_lowres.txt"


def test_a_changed_record_of_an_archive_breaks_the_chain_of_its_pack(
    spectra: tuple[Path, Path], tmp_path: Path
) -> None:
    store = Path(shutil.copytree(spectra[0], tmp_path / "store"))
    storage = RealDataStorage(store)
    [record] = [one for one in storage.records("jwst_published") if "niriss_soss_lowres" in one.key]
    path = storage.path(record.digest)
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(content))
    assert check_lineage(trace(store / "packs" / "spectra", store)) == [f"record {record.key} has changed or is gone"]
