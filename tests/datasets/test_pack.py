"""A pack holds what the records hold, and any later change of it, or of them, is seen."""

from __future__ import annotations

import json
import shutil
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest

from astrobio.core.errors import AstrobioError, DataMissing, IntegrityError, RefusedInput, UsageError
from astrobio.core.planet_run import FIELD, STATES, PlanetParameters, climate_state
from astrobio.datasets import splits
from astrobio.datasets.pack import MANIFEST, SAMPLES, Manifest, Pack, check_records
from astrobio.datasets.packs.planet_runs import CODE, build_planet_runs
from astrobio.datasets.packs.writing import code_digest
from astrobio.store import RealDataStorage


@pytest.fixture(scope="module")
def pack(small_pack) -> Pack:
    return Pack.open(small_pack)


@pytest.fixture
def copy(small_pack, tmp_path) -> Path:
    """A copy of the pack that a test may damage."""
    return Path(shutil.copytree(small_pack, tmp_path / "pack"))


@pytest.fixture
def store(filled_store, tmp_path) -> Path:
    """A copy of the filled store that a test may damage."""
    return Path(shutil.copytree(filled_store, tmp_path / "store"))


def test_what_goes_in_comes_out(pack, planet_runs):
    runs = {run.key: run for run, _ in planet_runs}
    keys = pack.samples["key"].tolist()
    assert sorted(keys) == sorted(runs)
    assert len(pack) == len(runs)
    for place, key in enumerate(keys):
        run, row = runs[key], np.array([place])
        for name in FIELD:
            np.testing.assert_array_equal(pack.array(name).take(row)[0], run.values(name).astype(np.float32))
        assert pack.array("parameters").take(row)[0].tolist() == list(astuple(run.parameters))
        assert pack.array("start").take(row)[0] == (run.start == "cold")
        seen = run.diagnostics
        assert pack.array("ice_fraction").take(row)[0] == np.float32(seen["ice_fraction"])
        state = climate_state(seen["global_outgoing_longwave"], seen["snowball"] > 0, seen["ice_fraction"])
        assert STATES[pack.array("state").take(row)[0]] == state == pack.samples["state"][place]
        assert pack.samples["group"][place] == run.parameters.group()


def test_the_order_is_earth_then_tests_or_designs_by_number_and_warm_first(pack):
    keys = pack.samples["key"].tolist()
    assert keys[:4] == ["earth-000000-warm", "earth-000000-cold", "sobol-000000-warm", "sobol-000000-cold"]
    assert keys[-1] == "test8-000007-cold"


@pytest.mark.parametrize("split", splits.SPLITS)
def test_statistics_are_those_of_the_training_split_alone(pack, split):
    rows = pack.indices(split, "train")
    for name, found in pack.statistics(split).items():
        values = pack.array(name).take(rows).astype(np.float64)
        assert found["count"] == values.size
        assert found["mean"] == pytest.approx(values.mean(), rel=1e-9, abs=1e-9)
        assert found["std"] == pytest.approx(values.std(), rel=1e-5, abs=1e-6)
    name = "surface_temperature"
    everything = pack.array(name)[:].mean(dtype=np.float64)
    assert pack.statistics(split)[name]["mean"] != pytest.approx(everything, rel=1e-6)


def test_units_and_counts_stand_in_the_manifest(pack):
    assert pack.manifest.arrays["surface_temperature"].units == "K"
    assert pack.manifest.arrays["surface_temperature"].shape == [12, 32]
    assert "stellar_flux: W m-2" in pack.manifest.arrays["parameters"].units
    assert pack.manifest.counts["outcome"] == {"completed": 66}
    for split in splits.SPLITS:
        counts = {part: len(pack.indices(split, part)) for part in splits.PARTS}
        assert {part: count for part, count in counts.items() if count} == pack.manifest.counts[f"split_{split}"]
        assert sum(counts.values()) == 66
    assert pack.manifest.code_sha256 == code_digest(CODE)


def test_building_again_gives_the_same_pack(pack, store, tmp_path):
    again = Pack.open(build_planet_runs(RealDataStorage(store), tmp_path / "again"))
    assert again.digest == pack.digest


def test_shards_make_no_difference(pack, store, tmp_path, monkeypatch):
    monkeypatch.setattr("astrobio.datasets.packs.planet_runs.SHARD_SAMPLES", 20)
    sharded = Pack.open(build_planet_runs(RealDataStorage(store), tmp_path / "sharded"))
    assert [item.samples for item in sharded.manifest.files] == [20, 20, 20, 6, 66]
    rows = np.array([65, 0, 20, 19, 20, 41])
    for name in sharded.manifest.arrays:
        np.testing.assert_array_equal(sharded.array(name)[:], pack.array(name)[:])
        np.testing.assert_array_equal(sharded.array(name).take(rows), pack.array(name).take(rows))
    assert sharded.array("albedo").take(np.array([], dtype=int)).shape == (0, 64)
    for split in splits.SPLITS:
        for name, found in sharded.statistics(split).items():
            assert found == pytest.approx(pack.statistics(split)[name], rel=1e-9)


def test_samples_outside_the_pack_do_not_exist(pack):
    for rows in ([66], [-1]):
        with pytest.raises(IndexError, match=r"is outside 0\.\.66"):
            pack.array("albedo").take(np.array(rows))


def test_fewer_planets_are_the_first_with_both_starts(pack):
    rows = pack.indices("random", "train", limit_planets=5)
    assert len(rows) == 10
    assert rows.tolist() == pack.indices("random", "train")[:10].tolist()
    assert len(set(pack.samples["group"][rows])) == 5


def test_the_digest_changes_with_any_entry_of_the_manifest(copy, pack):
    path = copy / MANIFEST
    text = path.read_text(encoding="utf-8")
    assert Pack.open(copy).digest == pack.digest
    for written, other in (
        (pack.manifest.records_sha256, "0" * 64),
        (pack.manifest.files[0].sha256, "1" * 64),
        ('"hot":', '"warm":'),
        ('"units":"K"' if '"units":"K"' in text else '"units": "K"', '"units": "C"'),
        ('"mean"', '"median"'),
    ):
        assert written in text
        path.write_text(text.replace(written, other, 1), encoding="utf-8")
        assert Pack.open(copy, verify=False).digest != pack.digest


@pytest.mark.parametrize("name", [SAMPLES, "shards/00000.safetensors"])
def test_a_flipped_byte_or_missing_file_is_named(copy, name):
    content = bytearray((copy / name).read_bytes())
    for place in (0, len(content) // 2, len(content) - 1):
        changed = bytearray(content)
        changed[place] ^= 1
        (copy / name).write_bytes(changed)
        with pytest.raises(IntegrityError, match=rf"{name} has changed.*\nRun: .* --overwrite") as seen:
            Pack.open(copy)
        assert seen.value.exit_code == 1
    (copy / name).write_bytes(content[:-1])
    with pytest.raises(IntegrityError, match=f"{name} has changed"):
        Pack.open(copy)
    (copy / name).unlink()
    with pytest.raises(IntegrityError, match=rf"lacks {name}\nRun: .* --overwrite"):
        Pack.open(copy)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 3}', b"\xff\xfe\x00", b"<html>"])
def test_a_broken_manifest_is_refused(copy, content):
    (copy / MANIFEST).write_bytes(content)
    with pytest.raises(RefusedInput, match=r"is not a pack's manifest(.|\n)*--overwrite") as seen:
        Pack.open(copy)
    assert seen.value.exit_code == 4


def _edit(copy: Path, **changes: object) -> None:
    document = json.loads((copy / MANIFEST).read_text(encoding="utf-8"))
    known = set(changes) <= set(Manifest.model_fields)
    changed = document | changes
    content = Manifest.model_validate(changed).to_bytes() if known else json.dumps(changed).encode()
    (copy / MANIFEST).write_bytes(content)


def test_another_format_or_an_unknown_entry_is_refused(copy):
    _edit(copy, format="astrobio.pack/9")
    with pytest.raises(RefusedInput, match="has the format astrobio.pack/9, and astrobio.pack/2 is read here"):
        Pack.open(copy)
    _edit(copy, format="astrobio.pack/2", extra=1)
    with pytest.raises(RefusedInput, match="is not a pack's manifest"):
        Pack.open(copy)


def test_a_manifest_that_names_what_the_shards_lack_is_refused(copy):
    arrays = json.loads((copy / MANIFEST).read_text(encoding="utf-8"))["arrays"]
    _edit(copy, arrays=arrays | {"clouds": arrays["albedo"]})
    with pytest.raises(IntegrityError, match="shards/00000.safetensors: tensor 'clouds' is not there"):
        Pack.open(copy).array("clouds")


def test_a_pack_without_shards_is_refused(copy):
    _edit(copy, files=[])
    with pytest.raises(IntegrityError, match="its shards hold 0 samples, its manifest 66"):
        Pack.open(copy).array("albedo")


def test_a_manifest_of_the_same_meaning_in_other_bytes_has_changed(copy):
    path = copy / MANIFEST
    path.write_bytes(path.read_bytes().replace(b": ", b":  ", 1))
    with pytest.raises(IntegrityError, match="manifest.json has changed since the pack was built"):
        Pack.open(copy)


def test_what_a_pack_does_not_hold_is_named(pack):
    with pytest.raises(UsageError, match="no array 'clouds'; it holds parameters") as seen:
        pack.array("clouds")
    assert seen.value.exit_code == 2
    with pytest.raises(UsageError, match="no split 'holes'; it has random, boxes"):
        pack.indices("holes")


def test_a_folder_that_holds_no_pack_is_missing_data(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(DataMissing, match="there is no pack in .*\nRun: astrobio build NAME --out") as seen:
            Pack.open(path)
        assert seen.value.exit_code == 3
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataMissing):
        Pack.open(tmp_path / "file")


def test_an_existing_pack_is_replaced_only_when_asked(copy, store):
    (copy / SAMPLES).write_bytes(b"damaged")
    storage = RealDataStorage(store)
    with pytest.raises(UsageError, match=r"exists\nRun: astrobio build planet_runs --overwrite") as seen:
        build_planet_runs(storage, copy)
    assert seen.value.exit_code == 2
    assert (copy / SAMPLES).read_bytes() == b"damaged"
    assert len(Pack.open(build_planet_runs(storage, copy, overwrite=True))) == 66


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_is_no_pack_is_never_replaced(tmp_path, filled_store, kind):
    target = tmp_path / "thesis"
    if kind == "folder":
        target.mkdir()
        (target / "chapter.txt").write_text("years of work")
    else:
        target.write_text("years of work")
    with pytest.raises(UsageError, match="thesis is no pack, and only a pack is replaced"):
        build_planet_runs(RealDataStorage(filled_store), target, overwrite=True)
    assert (target / "chapter.txt" if kind == "folder" else target).read_text() == "years of work"


def _damage(store: Path, key: str) -> None:
    storage = RealDataStorage.inspect(store)
    path = storage.path(next(record.digest for record in storage.records() if record.key == key))
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("before", [False, True])
def test_a_build_that_fails_leaves_what_was_there(store, copy, tmp_path, before):
    _damage(store, "test8-000007-cold")  # the last one to be read
    out = copy if before else tmp_path / "new"
    with pytest.raises(IntegrityError, match="test8-000007-cold has changed"):
        build_planet_runs(RealDataStorage(store), out, overwrite=True)
    assert out.exists() == before
    if before:
        Pack.open(out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pack", "store"]


def test_a_split_that_leaks_stops_the_build(tmp_path, earth_runs):
    """The same planet as a design planet and as a test planet: each run is genuine, together they leak."""
    from astrobio.core.provenance import Provenance
    from astrobio.simulate import design, vplanet

    storage = RealDataStorage(tmp_path / "store", create=True)
    planet = design.sobol(4)[3]
    for name in ("sobol", "test8"):
        run, making = vplanet.run(planet, "warm", name, 3)
        provenance = Provenance("planet_runs", "simulation", "reproduced", "simulator_run", run.key, {"making": making})
        storage.admit(run.to_bytes(), provenance)
    with pytest.raises(RefusedInput, match="split random leaks: sobol-000003-warm .* and test8-000003-warm") as seen:
        build_planet_runs(storage, tmp_path / "pack")
    assert seen.value.exit_code == 4
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_an_empty_store_gives_no_pack(tmp_path):
    with pytest.raises(DataMissing, match="the store holds no planet runs\nRun: python training/enable") as seen:
        build_planet_runs(RealDataStorage(tmp_path / "store", create=True), tmp_path / "pack")
    assert seen.value.exit_code == 3


def _store_of(root: Path, items) -> RealDataStorage:
    storage = RealDataStorage(root, create=True)
    assert storage.admit_many(items).rejected == []
    return storage


def test_declared_records_stay_out_unless_allowed(tmp_path, admissible):
    mixed = [
        (content, replace(provenance, assurance="declared") if provenance.key.endswith("cold") else provenance)
        for content, provenance in admissible[:20]
    ]
    storage = _store_of(tmp_path / "store", mixed)
    strict = Pack.open(build_planet_runs(storage, tmp_path / "strict"))
    assert strict.manifest.counts["assurance"] == {"reproduced": 10}
    assert set(strict.samples["start"]) == {"warm"}
    free = Pack.open(build_planet_runs(storage, tmp_path / "free", allow_declared=True))
    assert free.manifest.counts["assurance"] == {"declared": 10, "reproduced": 10}
    assert free.digest != strict.digest


def test_a_store_of_declared_records_alone_says_so(tmp_path, admissible):
    declared = [(content, replace(provenance, assurance="declared")) for content, provenance in admissible[:4]]
    storage = _store_of(tmp_path / "store", declared)
    with pytest.raises(DataMissing, match="all 4 planet runs of the store are only declared\nRun: --allow-declared"):
        build_planet_runs(storage, tmp_path / "pack")


def test_runs_that_did_not_complete_are_counted_and_become_no_sample(tmp_path, admissible):
    from astrobio.core.provenance import Provenance
    from astrobio.simulate import vplanet

    run, making = vplanet.run(PlanetParameters.earth(), "warm", "slow", 0, time_limit=1e-3)
    assert run.outcome == "timeout"
    slow = Provenance("planet_runs", "simulation", "reproduced", "simulator_run", run.key, {"making": making})
    storage = _store_of(tmp_path / "store", [*admissible[:6], (run.to_bytes(), slow)])
    pack = Pack.open(build_planet_runs(storage, tmp_path / "pack"))
    assert pack.manifest.counts["outcome"] == {"completed": 6, "timeout": 1}
    assert run.key not in pack.samples["key"]
    only = _store_of(tmp_path / "only", [(run.to_bytes(), slow)])
    with pytest.raises(DataMissing, match="none of the store's planet runs completed"):
        build_planet_runs(only, tmp_path / "none")


def test_a_pack_of_records_that_no_longer_verify_is_refused(store, pack):
    check_records(pack, RealDataStorage(store))
    _damage(store, "sobol-000005-warm")
    with pytest.raises(RefusedInput, match="1 records that no longer verify, the first sobol-000005-warm") as seen:
        check_records(pack, RealDataStorage(store))
    assert seen.value.exit_code == 4


def test_a_pack_of_records_that_the_store_does_not_hold_is_refused(tmp_path, admissible, pack):
    storage = _store_of(tmp_path / "store", admissible[:60])
    with pytest.raises(RefusedInput, match="built from 6 records that the store no longer holds"):
        check_records(pack, storage)


def test_a_source_is_not_deleted_from_under_its_pack(store, tmp_path):
    storage = RealDataStorage(store)
    pack = build_planet_runs(storage, tmp_path / "pack")
    with pytest.raises(AstrobioError, match="packs were built from planet_runs") as seen:
        storage.delete_source("planet_runs")
    assert str(pack) in str(seen.value)
    shutil.rmtree(pack)
    assert storage.delete_source("planet_runs") == 66
