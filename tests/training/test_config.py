"""A configuration that cannot work is refused before anything is loaded, with the key that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.errors import UsageError
from astrobio.training.config import TrainingConfig, load_config

CONFIGS = Path(__file__).parents[2] / "configs"


def refused(path: Path | None = None, **changes: object) -> str:
    with pytest.raises(UsageError) as seen:
        load_config(path, changes)
    assert seen.value.exit_code == 2
    return str(seen.value)


@pytest.fixture
def recipe(tmp_path) -> Path:
    return tmp_path / "recipe.yaml"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_recipe_that_ships_loads(path):
    assert load_config(path).model == "rebuilt_datacube_cnn"


def test_values_come_from_the_file_and_then_from_the_command_line(recipe):
    recipe.write_text("batch_size: 32\nlearning_rate: 1e-4\nplanets: null\nmodel_options: {channels: 8}\n")
    config = load_config(recipe, {"batch_size": "16", "seed": None, "planets": "none", "compile": "True"})
    assert (config.batch_size, config.learning_rate, config.planets, config.compile) == (16, 1e-4, None, True)
    assert config.model_options == {"channels": 8}
    assert load_config() == TrainingConfig()


def test_what_is_written_loads_again(recipe):
    config = TrainingConfig(batch_size=5, preset="small", planets=3, learning_rate=0.1)
    recipe.write_text(yaml.safe_dump(config.to_dict()))
    assert load_config(recipe) == config


@pytest.mark.parametrize("text", ["colour: red\n", "1: 2\n", "true: 2\nnull: 3\ncolour: 4\n"])
def test_unknown_keys_are_named(recipe, text):
    recipe.write_text(text)
    message = refused(recipe)
    assert message.startswith("unknown key of the training configuration: ")
    assert "known are model, preset" in message
    assert all(str(key) in message.split(";")[0] for key in yaml.safe_load(text))
    assert "colour" in refused(colour="red")


IMPOSSIBLE = {
    "batch_size": [0, -3],
    "accumulate": [0],
    "max_epochs": [0, -1],
    "checkpoint_every": [0],
    "planets": [0, -1],
    "learning_rate": [0, -1e-3, 1.0, 7],
    "final_learning_rate": [-1e-9],
    "warmup_steps": [-1],
    "weight_decay": [-0.1],
    "gradient_clip": [-1.0],
    "ema_decay": [1.0, -0.1, 1.5],
    "seed": [-1, 2**63, 2**200],
    "patience": [-1],
    "keep_checkpoints": [-1],
    "workers": [-1],
    "threads": [-2],
    "split": ["holes", ""],
}
MISTYPED = {
    "batch_size": ["many", 1.5, True, [1], None, float("nan"), float("inf"), "1e999", "nan"],
    "seed": ["x", 0.5, float("-inf"), 10**400],
    "learning_rate": ["fast", float("nan"), float("inf"), "inf", 10**400, [1e-3], {}, False],
    "planets": ["all", 2.5, True, [3]],
    "compile": ["yes", 1, 0.0, None],
    "use_mixed_precision": [1, "on"],
    "model": [3, None, ["a"]],
    "split": [1, None],
    "model_options": ["channels=8", [8], None, 3],
    "device": [0, True],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in IMPOSSIBLE for value in IMPOSSIBLE[name]])
def test_impossible_values_are_named(name, value):
    assert name in refused(**{name: value})


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in MISTYPED for value in MISTYPED[name]])
def test_wrong_types_are_named(recipe, name, value):
    recipe.write_text(yaml.safe_dump({name: value}))
    message = refused(recipe)
    assert name in message
    assert "expected" in message


@pytest.mark.parametrize("text", ["a: [", "a: b: c", "\x07", "- 1\n- 2\n", "", "# nothing\n", "word", "7"])
def test_what_is_no_mapping_is_refused_with_the_file_name(recipe, text):
    recipe.write_text(text)
    assert "recipe.yaml" in refused(recipe)


def test_bytes_that_are_no_text_are_refused(recipe):
    recipe.write_bytes(b"\xff\xfe\x00batch_size: 3")
    assert "is not valid YAML" in refused(recipe)


def test_a_file_that_is_not_there_or_a_folder_is_named(tmp_path):
    for path in (tmp_path / "none.yaml", tmp_path):
        message = refused(path)
        assert f"cannot read the configuration {path}" in message
        assert "Run: ls configs/" in message


def test_code_in_a_recipe_is_not_run(recipe, tmp_path):
    recipe.write_text(f"seed: !!python/object/apply:os.mkdir ['{tmp_path / 'made'}']\n")
    assert "is not valid YAML" in refused(recipe)
    assert not (tmp_path / "made").exists()


@given(st.integers(0, 2**63 - 1))
def test_a_seed_keeps_all_its_digits(seed):
    assert load_config(None, {"seed": seed}).seed == seed


def test_the_digest_follows_what_decides_the_numbers_and_nothing_else():
    first = TrainingConfig()
    for name, value in (("batch_size", 3), ("seed", 1), ("split", "boxes"), ("model_options", {"dropout": 0.1})):
        assert load_config(None, {name: value}).digest() != first.digest()
    for name in ("checkpoint_every", "keep_checkpoints", "workers", "max_epochs", "patience"):
        assert load_config(None, {name: 7}).digest() == first.digest()
