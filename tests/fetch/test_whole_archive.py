"""The whole of the genuine files that are at hand: what a fetch from them brings, and that it brings nothing twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from astrobio.archives.genuine import genuine_files
from astrobio.archives.registry import source
from astrobio.datasets.held import licence_of
from astrobio.fetch.engine import Fetcher
from astrobio.fetch.mirror import Mirror
from astrobio.store import RealDataStorage

COUNTS = {
    "nasa_exoplanet_archive": {"planets": 6273, "parameter sets": 762, "Kepler objects": 9564, "TESS objects": 8064,
                               "spectra": 24},
    "open_exoplanet_catalogue": {"systems": 7035, "planets": 9253},
    "exoplanet_eu": {"planets": 5365},
    "phl_hwc": {"listed planets": 99},
    "jwst_published": {"spectra": 17},
    "irtf_spex": {"stellar spectra": 59},
    "arxiv": {"abstracts": 8875},
    "cmip": {"climate files": 6},
    "earth_climate": {"climate files": 4, "reanalysis files": 1},
    "exoplasim": {"runs": 4, "climate files": 4, "run descriptions": 4},
    "modelseed": {"reactions": 56009, "compounds": 45706},
    "published_networks": {"networks": 83, "models": 93},
    "microbial_traits": {"manual entries": 3220, "growth temperatures": 12547, "species descriptions": 5075},
}  # fmt: skip
"""What each source must hold, as the archive's index and the files themselves count it."""


@pytest.fixture(scope="module")
def reports(archive_store: Path) -> dict[str, dict[str, Any]]:
    listed = json.loads(archive_store.with_name("report.json").read_text())
    return {one["source"]: one for one in listed}


def test_every_source_that_is_there_comes_whole(reports: dict[str, dict[str, Any]]) -> None:
    there = {name: one for name, one in reports.items() if one["skipped"] is None}
    assert set(there) == set(COUNTS)
    for name, report in there.items():
        assert (report["failures"], report["refused"], report["exit_code"]) == ([], [], 0), name
        assert {what: report["counts"].get(what) for what in COUNTS[name]} == COUNTS[name]
    missing = {one["skipped"] for name, one in reports.items() if name not in there}
    assert len(missing) == 1
    assert missing.pop().endswith("has none of its files")


def test_every_data_file_of_the_mirror_is_admitted_with_where_it_is_from(archive_store: Path, ledger: Any) -> None:
    storage = RealDataStorage(archive_store)
    records = storage.records()
    # The planet table that an older import holds twice is one record: bytes count once.
    assert {record.digest for record in records} == set(genuine_files())
    assert len(records) == len(genuine_files()) >= 326
    for record in records:
        detail = record.provenance.detail
        assert record.assurance == "pinned"
        assert detail["mirror"]
        assert detail["name"]
        assert licence_of(record)
        assert source(record.source).citations or source(record.source).homepage
        ledger.admitted(f"{record.source}/{detail['product']}", detail["name"])


def test_a_second_fetch_moves_nothing_and_changes_nothing(
    archive_store: Path, archive_mirror: Path, tmp_path: Path
) -> None:
    store = Path(shutil.copytree(archive_store, tmp_path / "store"))
    before = {record.key: record.digest for record in RealDataStorage(store).records()}
    reports = list(Fetcher(RealDataStorage(store), Mirror.named(str(archive_mirror))).fetch())
    assert {(one.admitted, one.transferred, one.requests) for one in reports} == {(0, 0, 0)}
    assert sum(one.already for one in reports) == len(before)
    assert {record.key: record.digest for record in RealDataStorage(store).records()} == before
    assert RealDataStorage(store).verify().sound
