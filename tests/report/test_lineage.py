"""Lineage: from a checkpoint to the input files of a run, and every changed byte on the way is noticed."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from astrobio.cli import main
from astrobio.core.errors import DataMissing
from astrobio.core.planet_run import PlanetRun
from astrobio.report.lineage import check_lineage, trace
from astrobio.store import RealDataStorage
from astrobio.training import checkpoint


@dataclass(frozen=True)
class Links:
    """Where the links of a chain lie."""

    store: Path
    pack: Path
    run: Path

    @property
    def checkpoint(self) -> Path:
        return self.run / "checkpoints" / "best.pt"


@pytest.fixture
def chain(filled_store, small_pack, small_run, tmp_path) -> Links:
    """A run, its pack and its store, copied, so that a test may damage any of them."""
    links = Links(tmp_path / "store", tmp_path / "pack", tmp_path / "run")
    for source, target in ((filled_store, links.store), (small_pack, links.pack), (small_run, links.run)):
        shutil.copytree(source, target)
    state = checkpoint.load(links.checkpoint)
    state["lineage"] |= {"pack_path": str(links.pack), "store": str(links.store)}
    links.checkpoint.unlink()  # a hard link of the epoch's checkpoint
    checkpoint.save(links.checkpoint, state)
    return links


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def object_of(store: Path, key: str) -> Path:
    storage = RealDataStorage.inspect(store)
    return storage.path(next(record.digest for record in storage.records() if record.key == key))


def checked(chain: Links, capsys) -> tuple[int, str, str]:
    code = main(["lineage", str(chain.run), "--check"])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_good_chain_is_clean(chain, capsys):
    code, out, err = checked(chain, capsys)
    assert (code, err) == (0, "")
    assert "every byte of the chain is what it was" in out
    assert main(["lineage", str(chain.run), "--check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["problems"] == []


def test_the_tree_leads_from_the_checkpoint_to_the_input_files_of_one_run(chain, capsys, planet_runs):
    run = next(made for made, _ in planet_runs if made.key == "sobol-000007-cold")
    assert main(["lineage", str(chain.run), "--record", run.key]) == 0
    out = capsys.readouterr().out
    places = [out.index(word) for word in ("checkpoint ", "pack ", "66 records (66 reproduced)", f"record {run.key}",
                                           "reproduced, simulator run: vplanet", "vpl.in")]  # fmt: skip
    assert places == sorted(places)
    for name, text in run.inputs.items():
        assert name in out
        for line in text.splitlines():
            assert " ".join(line.split())[:60] in " ".join(out.split())


def test_the_document_holds_the_whole_chain(chain, capsys):
    assert main(["lineage", str(chain.run), "--record", "earth-000000-warm", "--json"]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert "earth-000000-warm" in captured.err
    assert document["checkpoint"]["sha256"] == checkpoint.verify(chain.checkpoint)
    assert document["pack"]["digest"] == document["checkpoint"]["pack_digest"]
    assert document["records"] == {"count": 66, "missing": [], "assurance": {"reproduced": 66}}
    (record,) = document["listed"]
    storage = RealDataStorage.inspect(chain.store)
    kept = next(item for item in storage.records() if item.key == "earth-000000-warm")
    assert record["sha256"] == kept.digest
    assert record["inputs"] == PlanetRun.from_bytes(storage.open(kept)).inputs
    assert record["provenance"]["program"]["name"] == "vplanet"
    assert record["provenance"]["making"]["raw_output_sha256"]


def test_all_lists_every_record(chain, capsys):
    assert main(["lineage", str(chain.run), "--all", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert len({record["key"] for record in document["listed"]}) == 66


def test_a_pack_has_a_lineage_without_a_checkpoint(chain, capsys):
    arguments = ["lineage", str(chain.pack), "--store", str(chain.store), "--check", "--json"]
    assert main(arguments) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["checkpoint"] is None
    assert document["problems"] == []


def test_a_checkpoint_file_has_the_lineage_of_its_run(chain):
    assert trace(chain.checkpoint).pack.digest == trace(chain.run).pack.digest


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.999])
def test_a_changed_byte_of_the_checkpoint_is_noticed(chain, capsys, share):
    flip(chain.checkpoint, int(share * chain.checkpoint.stat().st_size))
    code, _, err = checked(chain, capsys)
    assert code == 1
    assert "best.pt has changed since it was written" in err


@pytest.mark.parametrize("place", [0, 31, 63])
def test_a_changed_digit_of_its_digest_is_noticed(chain, capsys, place):
    flip(checkpoint.digest_path(chain.checkpoint), place)
    code, _, err = checked(chain, capsys)
    assert code == 1
    assert "best.pt has changed since it was written" in err


def test_a_missing_digest_is_noticed(chain, capsys):
    checkpoint.digest_path(chain.checkpoint).unlink()
    code, _, err = checked(chain, capsys)
    assert code == 1
    assert "the digest of" in err


@pytest.mark.parametrize(
    "word", ['"records_sha256": "', '"samples": ', '"code_sha256": "', '"mean": ', "{", '"format"']
)
def test_a_changed_byte_of_the_manifest_is_noticed(chain, capsys, word):
    path = chain.pack / "manifest.json"
    flip(path, path.read_text().index(word) + len(word) - (word in ("{", '"format"')))
    code, _, err = checked(chain, capsys)
    assert code == 1
    assert str(chain.pack) in err


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999999])
@pytest.mark.parametrize("name", ["shards/00000.safetensors", "samples.parquet"])
def test_a_changed_byte_of_the_packs_files_is_noticed(chain, capsys, name, share):
    flip(chain.pack / name, int(share * (chain.pack / name).stat().st_size))
    code, out, err = checked(chain, capsys)
    assert code == 1
    assert f"{name}" in (out + err).replace("\n", "")
    assert "changed since the pack was built" in out + err


@pytest.mark.parametrize("key", ["test8-000003-cold", "earth-000000-cold", "sobol-000023-warm"])
@pytest.mark.parametrize("place", [0, -1])
def test_a_changed_byte_of_an_object_is_noticed(chain, capsys, key, place):
    flip(object_of(chain.store, key), place)
    code, out, _ = checked(chain, capsys)
    assert code == 1
    assert f"changed: record {key} has changed or is gone" in out
    assert "1 problems in the chain" in out


def test_an_object_that_is_gone_is_noticed_and_the_rest_is_shown(chain, capsys):
    object_of(chain.store, "earth-000000-warm").unlink()
    assert main(["lineage", str(chain.run), "--check", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["problems"] == ["record earth-000000-warm has changed or is gone"]
    assert document["records"]["count"] == 66


def test_a_record_that_the_catalogue_has_lost_is_noticed(chain, capsys):
    digest = object_of(chain.store, "sobol-000001-warm")
    storage = RealDataStorage.inspect(chain.store)
    storage.catalogue.database.execute("DELETE FROM records WHERE key='sobol-000001-warm'")
    storage.catalogue.close()
    code, out, _ = checked(chain, capsys)
    assert code == 1
    assert f"record {digest.parent.name}{digest.name} is gone from the store" in out


@pytest.mark.parametrize("column", ["time", "event", "detail", "before", "hash"])
def test_a_changed_row_of_the_journal_is_noticed(chain, capsys, column):
    storage = RealDataStorage.inspect(chain.store)
    change = {"time": "time + 1"}.get(column, f"{column} || ' '")
    storage.catalogue.database.execute(f"UPDATE journal SET {column} = {change} WHERE number = 1")
    storage.catalogue.close()
    code, out, _ = checked(chain, capsys)
    assert code == 1
    assert "was changed at row 1" in out


@pytest.mark.parametrize("column", ["provenance", "assurance", "key"])
def test_a_changed_provenance_is_noticed(chain, capsys, column):
    storage = RealDataStorage.inspect(chain.store)
    change = {"provenance": "replace(provenance, '2.5.', '2.6.')", "assurance": "'pinned'", "key": "'sobol-000099-x'"}
    where = "WHERE key = 'sobol-000005-cold'"
    storage.catalogue.database.execute(f"UPDATE records SET {column} = {change[column]} {where}")
    storage.catalogue.close()
    code, out, _ = checked(chain, capsys)
    assert code == 1
    assert "row of sobol-0000" in out
    assert "is not what was admitted" in out


def test_a_changed_batch_file_stands_for_nothing(chain, capsys):
    (batch,) = (chain.store / "batches").glob("*.jsonl")
    flip(batch, -30)
    code, out, _ = checked(chain, capsys)
    assert code == 1
    assert "66 problems in the chain" in out


def test_a_rebuilt_catalogue_leads_to_the_same_records(chain, capsys):
    RealDataStorage.rebuild(chain.store)
    code, out, _ = checked(chain, capsys)
    assert code == 0
    assert "every byte of the chain is what it was" in out


def test_all_damage_is_named_at_once(chain):
    flip(chain.pack / "shards" / "00000.safetensors", -1)
    for key in ("earth-000000-warm", "sobol-000002-cold"):
        flip(object_of(chain.store, key), -1)
    problems = check_lineage(trace(chain.run))
    assert len(problems) == 3
    assert "00000.safetensors" in problems[0]


def test_what_has_no_lineage_is_said_to_have_none(chain, tmp_path, capsys):
    with pytest.raises(DataMissing, match="holds no checkpoint"):
        trace(tmp_path / "none")
    assert main(["lineage", str(chain.run), "--record", "sobol-009999-warm"]) == 3
    assert "holds no record sobol-009999-warm; names look like earth-000000-warm" in capsys.readouterr().err
    shutil.rmtree(chain.pack)
    assert main(["lineage", str(chain.run)]) == 3
    assert "is neither in" in capsys.readouterr().err


def test_a_pack_that_was_built_anew_is_not_the_one_of_the_checkpoint(chain, capsys):
    from astrobio.datasets.packs.planet_runs import build_planet_runs

    class Fewer(RealDataStorage):
        def records(self, source=None, kind=None):
            return super().records(source, kind)[:-2]

    build_planet_runs(Fewer(chain.store), chain.pack, overwrite=True)
    code, _, err = checked(chain, capsys)
    assert code == 1
    assert "that the checkpoint was trained on" in err
