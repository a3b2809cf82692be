"""Evaluation of a run: what is written, what is refused, and how several models speak as one."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.errors import DataMissing, IntegrityError, RefusedInput, UsageError
from astrobio.core.planet_run import FIELD, STATES
from astrobio.datasets.pack import Pack
from astrobio.evaluate import task_a1
from astrobio.evaluate.baselines import BASELINES
from astrobio.evaluate.metrics import drawn_start_is_cold
from astrobio.evaluate.task_a1 import ensemble_prediction, evaluate_run, summary_rows
from astrobio.models.prediction import Prediction

HOT, SNOWBALL, ICE_FREE, PARTIAL = range(4)


@pytest.fixture
def run(small_run, tmp_path) -> Path:
    """A copy of the trained run that a test may change."""
    return Path(shutil.copytree(small_run, tmp_path / "run"))


@pytest.fixture
def few_baselines(monkeypatch) -> None:
    """Only the training mean: what is asked here does not depend on the others."""
    monkeypatch.setattr("astrobio.evaluate.baselines.BASELINES", {"training mean": BASELINES["training mean"]})


def no_constant(name: str) -> float:
    raise AssertionError(f"{name} is no JSON")


def read(path: Path):
    return json.loads(path.read_text(encoding="utf-8"), parse_constant=no_constant)


# -- several models as one --------------------------------------------------------------------------------
def climate(states, temperatures, confidence=0.9, std=1.0) -> Prediction:
    """Planets whose whole surface has one temperature, stated with some confidence."""
    states, temperatures = np.array(states), np.array(temperatures, dtype=float)
    probability = np.full((len(states), 4), (1 - confidence) / 3)
    probability[np.arange(len(states)), states] = confidence
    surface = np.broadcast_to(temperatures[:, None, None], (len(states), 12, 32)).copy()
    return Prediction(
        fields={"surface_temperature": surface},
        std={"surface_temperature": np.full_like(surface, std)},
        state_probability=probability,
        state=states,
        global_surface_temperature=temperatures,
        global_surface_temperature_std=np.full(len(states), std),
        ice_fraction=(states == SNOWBALL).astype(float),
        global_outgoing_longwave=temperatures - 50.0,
    )


def test_one_member_is_itself():
    single = climate([SNOWBALL], [230.0])
    assert ensemble_prediction([single]) is single


def test_climates_of_different_states_are_never_mixed():
    members = [climate([ICE_FREE], [290.0], 0.9), climate([SNOWBALL], [230.0], 0.8), climate([SNOWBALL], [234.0], 0.8)]
    joined = ensemble_prediction(members)
    assert joined.state.tolist() == [SNOWBALL]
    assert joined.global_surface_temperature.tolist() == [232.0]
    assert joined.ice_fraction.tolist() == [1.0]
    np.testing.assert_allclose(joined.fields["surface_temperature"], 232.0)


def test_a_sure_minority_outweighs_an_unsure_majority():
    members = [climate([ICE_FREE], [290.0], 0.99), climate([SNOWBALL], [230.0], 0.4), climate([SNOWBALL], [230.0], 0.4)]
    assert ensemble_prediction(members).state.tolist() == [ICE_FREE]
    assert ensemble_prediction(members).global_surface_temperature.tolist() == [290.0]


def test_a_state_that_no_member_states_is_not_stated():
    # Both give partial ice second place: its mean probability is the highest, and no climate of it is there.
    first, second = climate([SNOWBALL], [230.0]), climate([ICE_FREE], [290.0])
    first.state_probability[:] = [[0.0, 0.52, 0.0, 0.48]]
    second.state_probability[:] = [[0.0, 0.0, 0.51, 0.49]]
    joined = ensemble_prediction([first, second])
    assert joined.state.tolist() == [SNOWBALL]
    assert joined.global_surface_temperature.tolist() == [230.0]


def test_the_spread_holds_the_members_own_and_their_disagreement():
    joined = ensemble_prediction([climate([ICE_FREE], [290.0], std=3.0), climate([ICE_FREE], [298.0], std=3.0)])
    # Mean of the variances plus the variance of the means: sqrt(9 + 16).
    assert joined.global_surface_temperature_std.tolist() == pytest.approx([5.0])
    np.testing.assert_allclose(joined.std["surface_temperature"], 5.0)
    agreed = ensemble_prediction([climate([ICE_FREE], [290.0], std=3.0)] * 3)
    assert agreed.global_surface_temperature_std.tolist() == pytest.approx([3.0])


@given(st.integers(2, 5), st.integers(1, 6), st.integers(0, 2**32))
def test_any_ensemble_keeps_to_its_members(count, planets, seed):
    generator = np.random.default_rng(seed)
    members = [
        climate(generator.integers(0, 4, planets), generator.uniform(200, 320, planets), generator.uniform(0.3, 1.0))
        for _ in range(count)
    ]
    joined = ensemble_prediction(members)
    np.testing.assert_allclose(joined.state_probability.sum(axis=1), 1.0, atol=1e-12)
    for place in range(planets):
        agreeing = [item for item in members if item.state[place] == joined.state[place]]
        assert agreeing
        temperatures = [item.global_surface_temperature[place] for item in agreeing]
        assert joined.global_surface_temperature[place] == pytest.approx(np.mean(temperatures))
        assert min(temperatures) - 1e-9 <= joined.global_surface_temperature[place] <= max(temperatures) + 1e-9


# -- a run ------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def evaluated(evaluated_run):
    return evaluated_run, read(evaluated_run / "evaluation.json")


def test_the_figures_are_written_as_they_are_returned(run, few_baselines):
    document = evaluate_run(run)
    assert read(run / "evaluation.json") == document
    assert not list(run.glob(".*partial"))


def test_all_figures_of_both_splits_and_all_baselines_are_there(evaluated):
    _, document = evaluated
    assert document["task"] == "A1"
    assert document["test_set_opened"] == 1
    assert list(document["splits"]) == ["random", "boxes"]
    for result in document["splits"].values():
        assert list(result["baselines"]) == list(BASELINES)
        for item in (result["model"], *result["baselines"].values()):
            assert set(item["fields"]["variables"]) == set(FIELD)
            assert item["t8"]["n"] == result["planets"]


def test_numbers_of_planets_and_samples_are_those_of_the_pack(evaluated, small_pack):
    run, document = evaluated
    pack = Pack.open(small_pack)
    for split, result in document["splits"].items():
        test, train = pack.indices(split, "test"), pack.indices(split, "train")
        assert result["samples"] == len(test) > 0
        assert result["planets"] == len(test) // 2 == result["model"]["t8"]["n"]
        assert result["training_planets"] == len(train) // 2
        assert result["baseline_training_samples"] == len(train)
        assert not set(pack.samples["group"][test]) & set(pack.samples["group"][train])
    assert document["pack"] == pack.digest


def test_each_planets_row_agrees_with_the_simulator_and_with_the_figures(evaluated, planet_runs):
    run, document = evaluated
    rows = read(run / "evaluation_planets.json")
    runs = {made.key: made for made, _ in planet_runs}
    assert len(rows) == document["splits"]["random"]["samples"]
    for row in rows:
        made = runs[row["key"]]
        assert made.design == "test8"
        assert row["temperature"] == pytest.approx(made.diagnostics["global_surface_temperature"], abs=1e-3)
        assert row["ice"] == pytest.approx(made.diagnostics["ice_fraction"], abs=1e-6)
        assert row["counts"] == (drawn_start_is_cold(row["group"]) == (made.start == "cold"))
        near = abs(row["predicted_temperature"] - row["temperature"]) <= 3
        iced = abs(row["predicted_ice"] - row["ice"]) <= 0.05
        assert row["success"] == (near and iced and row["predicted_state"] == row["state"])
        assert row["state"] in STATES
    counted = [row["success"] for row in rows if row["counts"]]
    assert document["splits"]["random"]["model"]["t8"]["successes"] == sum(counted)
    assert document["splits"]["random"]["model"]["t8"]["n"] == len(counted)


def test_a_baseline_that_states_no_spread_has_no_calibration(evaluated):
    _, document = evaluated
    result = document["splits"]["random"]
    assert "calibration" in result["model"]
    assert all("calibration" not in item for item in result["baselines"].values())
    assert result["baselines"]["training mean"]["fields"]["mean_skill"] < 0.2


def test_the_table_for_people_lists_everything_best_first(evaluated):
    _, document = evaluated
    rows = summary_rows(document["splits"]["random"])
    assert {row[0] for row in rows} == {"model (1 run)", *BASELINES}
    shares = [float(row[1]) for row in rows]
    assert shares == sorted(shares, reverse=True)


def test_every_opening_of_the_test_set_is_counted(run, few_baselines):
    assert [evaluate_run(run)["test_set_opened"] for _ in range(3)] == [1, 2, 3]
    rows = [json.loads(line) for line in (run / "evaluations.jsonl").read_text().splitlines()]
    assert len({row["pack"] for row in rows}) == 1
    assert all(row["checkpoints"] == read(run / "evaluation.json")["checkpoints"] for row in rows)


def test_evaluating_twice_gives_the_same_figures(run, few_baselines):
    first, second = evaluate_run(run), evaluate_run(run)
    assert first["splits"]["random"]["model"] == second["splits"]["random"]["model"]


def test_members_are_one_ensemble(run, small_run, few_baselines):
    document = evaluate_run(run, members=[small_run])
    assert document["splits"]["random"]["members"] == 2
    assert len(document["checkpoints"]) == 2
    alone = evaluate_run(run)["splits"]["random"]["model"]
    # Twice the same model is that model.
    assert document["splits"]["random"]["model"]["t8"] == alone["t8"]


def test_a_member_of_another_split_is_refused(run, boxes_run):
    with pytest.raises(RefusedInput, match="was trained on another pack or split"):
        evaluate_run(run, members=[boxes_run])


def test_a_companion_of_the_same_split_is_refused_before_the_test_set_is_opened(run, small_run):
    with pytest.raises(RefusedInput, match="trained on the same split.*\nRun: a run with --set split=boxes") as seen:
        evaluate_run(run, companion=small_run)
    assert seen.value.exit_code == 4
    assert not (run / "evaluations.jsonl").exists()
    assert not (run / "evaluation.json").exists()


@pytest.fixture(scope="module")
def other_pack(filled_store, tmp_path_factory) -> Path:
    """A pack of the same store without its last planet: another pack."""
    from astrobio.datasets.packs.planet_runs import build_planet_runs
    from astrobio.store import RealDataStorage

    class Fewer(RealDataStorage):
        def records(self, source=None, kind=None):
            return [record for record in super().records(source, kind) if "sobol-000023" not in record.key]

    copy = Path(shutil.copytree(filled_store, tmp_path_factory.mktemp("other") / "store"))
    return build_planet_runs(Fewer(copy), copy.parent / "pack")


def on_pack(run: Path, pack: Path) -> None:
    """Let a run's best checkpoint name another pack, as if it had been trained on that."""
    from astrobio.training import checkpoint

    path = run / "checkpoints" / "best.pt"
    state = checkpoint.load(path)
    state["lineage"] |= {"pack_path": str(pack), "pack_digest": Pack.open(pack).digest}
    checkpoint.save(path, state)


def test_a_companion_or_member_of_another_pack_is_refused(run, boxes_run, small_run, other_pack, tmp_path):
    companion = Path(shutil.copytree(boxes_run, tmp_path / "companion"))
    on_pack(companion, other_pack)
    with pytest.raises(RefusedInput, match="companion .* was trained on another pack"):
        evaluate_run(run, companion=companion)
    member = Path(shutil.copytree(small_run, tmp_path / "member"))
    on_pack(member, other_pack)
    with pytest.raises(RefusedInput, match="another pack or split"):
        evaluate_run(run, members=[member])
    assert not (run / "evaluations.jsonl").exists()


def test_a_damaged_checkpoint_is_not_evaluated(run):
    path = run / "checkpoints" / "best.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()  # last.pt may be the same file
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="best.pt has changed since it was written") as seen:
        evaluate_run(run)
    assert seen.value.exit_code == 1
    assert not (run / "evaluation.json").exists()


def test_a_run_whose_pack_has_changed_is_not_evaluated(run, small_pack, other_pack, tmp_path):
    pack = Path(shutil.copytree(small_pack, tmp_path / "pack"))
    on_pack(run, pack)
    shard = pack / "shards" / "00000.safetensors"
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    with pytest.raises(IntegrityError, match="00000.safetensors has changed since the pack was built"):
        evaluate_run(run)
    shutil.rmtree(pack)
    shutil.copytree(other_pack, pack)
    with pytest.raises(IntegrityError, match="is not the pack .* was trained on"):
        evaluate_run(run)
    shutil.rmtree(pack)
    with pytest.raises(DataMissing, match="is neither in"):
        evaluate_run(run)
    assert not (run / "evaluations.jsonl").exists()


def test_what_is_no_run_is_said_to_be_none(run, tmp_path):
    with pytest.raises(DataMissing, match="holds no checkpoint best.pt"):
        evaluate_run(tmp_path / "none")
    with pytest.raises(UsageError, match="is a file; the folder of a run is expected"):
        evaluate_run(run / "checkpoints" / "best.pt")


def test_without_test_planets_there_is_nothing_to_evaluate(run, few_baselines, monkeypatch):
    real = Pack.indices

    def indices(self, split="random", part="train", limit_planets=None):
        return np.array([], dtype=np.int64) if part == "test" else real(self, split, part, limit_planets)

    monkeypatch.setattr(Pack, "indices", indices)
    with pytest.raises(DataMissing, match="holds no test planets of the random split") as seen:
        evaluate_run(run)
    assert seen.value.exit_code == 3
    assert not (run / "evaluations.jsonl").exists()


def test_fast_fits_the_baselines_on_fewer_samples_and_says_so(run, few_baselines, monkeypatch):
    monkeypatch.setattr("astrobio.evaluate.baselines.FAST_SAMPLES", 20)
    assert evaluate_run(run, fast=True)["splits"]["random"]["baseline_training_samples"] == 20
    assert evaluate_run(run)["splits"]["random"]["baseline_training_samples"] == 44


def test_the_truth_is_the_packs(small_pack):
    pack = Pack.open(small_pack)
    indices = pack.indices("random", "test")[::-1]
    truth = task_a1.truth_of(pack, indices)
    assert truth.key.tolist() == pack.samples["key"][indices].tolist()
    assert [STATES[place] for place in truth.state] == pack.samples["state"][indices].tolist()
    assert truth.cold.tolist() == [key.endswith("cold") for key in truth.key]
    assert all(math.isfinite(value) for value in truth.global_surface_temperature)
