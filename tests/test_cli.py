"""The command line: exit codes, one JSON document, help with examples, and manners towards pipes and terminals."""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from astrobio import cli
from astrobio.cli import PACKS, main
from astrobio.datasets.packs import DATA_SETS
from astrobio.datasets.packs.planet_runs import SOURCE
from astrobio.store import RealDataStorage

ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}


def subcommands() -> dict[str, argparse.ArgumentParser]:
    parser = cli._parser()
    (action,) = (item for item in parser._actions if isinstance(item, argparse._SubParsersAction))
    return dict(action.choices)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "astrobio.cli", *arguments]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, encoding="utf-8",
                          env=os.environ | ENVIRONMENT | environment)  # fmt: skip


@pytest.fixture
def store(filled_store, tmp_path) -> Path:
    """A copy of the filled store that a test may change."""
    return Path(shutil.copytree(filled_store, tmp_path / "store"))


# -- structure --------------------------------------------------------------------------------------------
def modules_after(code: str) -> set[str]:
    probe = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_neither_torch_nor_numpy():
    loaded = modules_after("import astrobio, astrobio.core.errors, astrobio.core.console")
    assert "astrobio" in loaded
    assert not loaded & {"torch", "numpy", "rich", "matplotlib", "sklearn", "yaml"}


def test_help_and_usage_errors_load_no_heavy_library():
    for arguments in (["--help"], ["train", "--help"], ["dance"]):
        loaded = modules_after(
            f"import contextlib, io\nfrom astrobio.cli import main\n"
            f"with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):\n"
            f"    try: main({arguments!r})\n    except SystemExit: pass"
        )
        assert "astrobio.cli" in loaded
        assert not loaded & {"torch", "numpy", "matplotlib", "sklearn"}


def test_caring_for_a_store_loads_no_torch(filled_store):
    loaded = modules_after(
        f"import contextlib, io\nfrom astrobio.cli import main\n"
        f"with contextlib.redirect_stdout(io.StringIO()):\n"
        f"    assert main(['verify', '--store', {str(filled_store)!r}]) == 0"
    )
    assert "astrobio.store.storage" in loaded
    assert "torch" not in loaded


def test_a_planet_that_cannot_be_is_refused_before_torch_is_loaded():
    loaded = modules_after(
        "import contextlib, io\nfrom astrobio.cli import main\n"
        "with contextlib.redirect_stderr(io.StringIO()):\n    assert main(['predict', '--land-fraction', '2']) == 2"
    )
    assert "astrobio.report.prediction_outputs" in loaded
    assert "torch" not in loaded


@pytest.mark.parametrize("name", subcommands())
def test_every_subcommand_explains_itself_with_an_example(name, capsys):
    with pytest.raises(SystemExit) as seen:
        main([name, "--help"])
    assert seen.value.code == 0
    out = capsys.readouterr().out
    assert f"example:\n  astrobio {name}" in out
    assert ("--store" in out) == (name != "predict")
    assert "--json" in out
    assert out.isascii()
    example = out.split("example:\n  astrobio ")[1].split("\n")[0]
    assert cli._parser().parse_args(example.split()).command == name


def test_the_examples_of_the_help_are_commands_that_parse(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    examples = [line.strip().split("  ")[0] for line in out.split("examples:\n")[1].splitlines()]
    assert len(examples) >= 6
    for example in examples:
        assert cli._parser().parse_args(example.removeprefix("astrobio ").split()).command in subcommands()
    assert set(subcommands()) == {name for name in subcommands() if f"    {name}" in out}


def test_the_version_is_the_packages(capsys):
    import astrobio

    with pytest.raises(SystemExit) as seen:
        main(["--version"])
    assert seen.value.code == 0
    assert capsys.readouterr().out == f"astrobio {astrobio.__version__}\n"


# -- exit codes -------------------------------------------------------------------------------------------
def test_0_when_all_is_well(filled_store, capsys):
    assert main(["verify", "--deep", "--store", str(filled_store)]) == 0
    captured = capsys.readouterr()
    assert "66" in captured.out
    assert captured.err == ""


def test_1_when_a_check_finds_something(store, capsys):
    storage = RealDataStorage.inspect(store)
    path = storage.path(storage.records()[5].digest)
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    assert main(["verify", "--deep", "--store", str(store)]) == 1
    assert f"changed: {storage.records()[5].key}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "required: COMMAND"),
        (["dance"], "invalid choice: 'dance'"),
        (["simulate", "exoplasim"], "invalid choice: 'exoplasim'"),
        (["predict", "--start", "tepid"], "invalid choice: 'tepid'"),
        (["predict", "--obliquity", "steep"], "invalid float value: 'steep'"),
        (["train", "--speed", "9"], "unrecognized arguments: --speed 9"),
    ],
)
def test_2_when_the_command_is_not_one(arguments, words, capsys):
    with pytest.raises(SystemExit) as seen:
        main(arguments)
    assert seen.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["simulate", "vplanet"], "no planets were asked for"),
        (["simulate", "vplanet", "--planets", "-1"], "must not be negative"),
        (["simulate", "vplanet", "--planets", "1", "--workers", "0"], "must be positive"),
        (["verify", "--rerun", "2"], "--rerun is 2.0; it is a share above 0, at most 1"),
        (["store", "delete"], "which source is to be deleted?"),
        (["train", "--set", "batch_size"], "--set batch_size: expected KEY=VALUE"),
        (["train", "--set", "colour=red"], "unknown key of the training configuration: colour"),
        (["train", "--set", "batch_size=0"], "batch_size is 0; it must be at least 1"),
        (["train", "--model", "rebuilt_llm_integration"], "is not part of this version"),
        (["train", "--config", "none.yaml"], "cannot read the configuration none.yaml"),
        (["predict", "--land-fraction", "1"], "land_fraction is 1; it must be"),
    ],
)
def test_2_when_the_usage_is_wrong(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASTROBIO_STORE", str(tmp_path / "store"))
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err
    assert not (tmp_path / "store").exists()


def test_2_when_a_file_cannot_be_written(filled_store, tmp_path, capsys):
    out = tmp_path / "none" / "runs.bundle"
    assert main(["export", "runs", "--out", str(out), "--store", str(filled_store)]) == 2
    assert "No such file or directory" in capsys.readouterr().err


def test_build_knows_every_data_set():
    assert (SOURCE, *DATA_SETS) == PACKS


@pytest.mark.parametrize(
    "arguments",
    [["verify"], ["build", "planet_runs"], ["build", "spectra"], ["train"], ["export", "runs", "--out", "runs.bundle"],
     ["export", "citations"], ["export", "croissant", "none"], ["quarantine"], ["store", "rebuild"],
     ["evaluate", "none"], ["report", "none"], ["predict"], ["lineage", "none"],
     ["import", "none.bundle"]],
)  # fmt: skip
def test_3_when_the_data_is_missing(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASTROBIO_STORE", str(tmp_path / "nowhere"))
    assert main(arguments) == 3
    captured = capsys.readouterr()
    assert "Error" in captured.err or "error: " in captured.err
    assert "Traceback" not in captured.err


def test_3_when_there_is_too_little_to_train_on(filled_store, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--store", str(filled_store)]) == 3
    captured = capsys.readouterr()
    assert "66 records of planet_runs, and 450 are needed" in captured.out + captured.err
    assert not (tmp_path / "outputs").exists()


def test_4_when_input_is_refused(tmp_path, capsys):
    bundle = tmp_path / "runs.bundle"
    bundle.write_bytes(b"<!doctype html><title>Not found</title>")
    assert main(["import", str(bundle), "--store", str(tmp_path / "store")]) == 4
    assert "is not a bundle of planet runs" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="named pipes and SIGINT are of POSIX systems")
def test_130_when_interrupted(tmp_path):
    table = tmp_path / "planets.csv"
    os.mkfifo(table)
    with subprocess.Popen(command("predict", "--table", str(table)), stderr=subprocess.PIPE, text=True) as child:
        # Opening the pipe waits until the command reads from it; closing it ends what it waits for.
        with open(table, "w", encoding="utf-8"):
            child.send_signal(signal.SIGINT)
        _, err = child.communicate()
    assert child.returncode == 130
    assert err == "interrupted\n"


# -- JSON -------------------------------------------------------------------------------------------------
def no_constant(name: str) -> float:
    raise AssertionError(f"{name} is no JSON")


def document(out: str):
    """The one document of a text; anything before or after it is an error."""
    return json.loads(out, parse_constant=no_constant)


def test_verify_says_the_same_in_json(store, capsys):
    storage = RealDataStorage.inspect(store)
    storage.path(storage.records()[5].digest).unlink()
    assert main(["verify", "--deep", "--json", "--store", str(store)]) == 1
    captured = capsys.readouterr()
    found = document(captured.out)
    assert found["gone"] == [storage.records()[5].key]
    assert (found["records"], found["sound"], found["refused"]) == (66, False, [])
    assert f"gone: {storage.records()[5].key}" in captured.err


def test_simulate_build_export_and_import_say_what_they_did(tmp_path, capsys):
    store, other = str(tmp_path / "store"), str(tmp_path / "other")
    assert main(["simulate", "vplanet", "--planets", "1", "--test-planets", "1", "--json", "--store", store]) == 0
    made = document(capsys.readouterr().out)
    assert (made["made"], made["refused"], made["outcome: completed"]) == (6, [], 6)
    assert main(["build", "planet_runs", "--json", "--store", store]) == 0
    built = document(capsys.readouterr().out)
    assert built["samples"] == 6
    assert built["counts"]["split_random"]["test"] == 2
    assert Path(built["path"], "manifest.json").is_file()
    assert main(["build", "planet_runs", "--store", store]) == 2
    assert "exists\nRun: astrobio build planet_runs --overwrite" in capsys.readouterr().err
    bundle = str(tmp_path / "runs.bundle")
    assert main(["export", "runs", "--out", bundle, "--json", "--store", store]) == 0
    exported = document(capsys.readouterr().out)
    assert (exported["runs"], exported["bytes"]) == (6, Path(bundle).stat().st_size)
    assert main(["import", bundle, "--json", "--store", other]) == 0
    assert document(capsys.readouterr().out)["admitted"] == 6
    assert main(["import", bundle, "--json", "--store", other]) == 0
    assert document(capsys.readouterr().out)["there already"] == 6
    assert RealDataStorage(other).assurance_counts("planet_runs") == {"declared": 6}
    assert main(["verify", "--rerun", "0.3", "--seed", "1", "--workers", "1", "--json", "--store", other]) == 0
    assert document(capsys.readouterr().out)["rerun"]["identical"] == 2


def test_quarantine_and_care_of_the_store_speak_json(store, capsys):
    from astrobio.core.provenance import Provenance
    from astrobio.store import Rejected

    with pytest.raises(Rejected):
        RealDataStorage(store).admit(
            b"<html>", Provenance("planet_runs", "simulation", "declared", "import", "sobol-009999-warm")
        )
    assert main(["quarantine", "--json", "--store", str(store)]) == 0
    captured = capsys.readouterr()
    (note,) = document(captured.out)
    assert note["key"] == "sobol-009999-warm"
    assert "not a safetensors file" in captured.err
    assert main(["store", "rebuild", "--json", "--store", str(store)]) == 0
    assert document(capsys.readouterr().out)["records"] == 66
    assert main(["store", "delete", "--source", "planet_runs", "--json", "--store", str(store)]) == 0
    assert document(capsys.readouterr().out) == {"deleted": 66}


def test_evaluate_and_report_speak_json(small_run, tmp_path, monkeypatch, capsys):
    from astrobio.evaluate.baselines import BASELINES

    monkeypatch.setattr("astrobio.evaluate.baselines.BASELINES", {"training mean": BASELINES["training mean"]})
    folder = Path(shutil.copytree(small_run, tmp_path / "run"))
    assert main(["evaluate", str(folder), "--fast", "--json"]) == 0
    captured = capsys.readouterr()
    assert document(captured.out)["splits"]["random"]["planets"] == 8
    assert "95 % interval" in captured.err
    assert f"Next: astrobio report {folder}" in captured.err
    assert main(["report", str(folder), "--json"]) == 0
    assert document(capsys.readouterr().out) == {"report": str(folder / "report.html")}


def test_an_error_leaves_standard_output_empty(tmp_path, capsys):
    assert main(["verify", "--json", "--store", str(tmp_path)]) == 3
    assert capsys.readouterr().out == ""


# -- manners ----------------------------------------------------------------------------------------------
def test_brackets_in_a_path_are_text_and_not_markup(filled_store, tmp_path, capsys):
    folder = tmp_path / "[red]a[/b]"
    shutil.copytree(filled_store, folder)
    assert main(["store", "rebuild", "--store", str(folder)]) == 0
    assert str(folder) in capsys.readouterr().out
    assert main(["verify", "--store", str(folder)]) == 0
    assert "[red]a[/b]" in capsys.readouterr().out.replace("\n", "")


def test_a_long_path_is_not_broken(small_run, tmp_path, capsys):
    out = tmp_path / ("long" * 40) / "planet.nc"
    out.parent.mkdir()
    assert main(["predict", "--run", str(small_run), "--netcdf", str(out)]) == 0
    assert f"Fields: {out}" in capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="pipes end differently there")
@pytest.mark.parametrize("arguments", [["--help"], ["verify"], ["verify", "--json"]])
def test_a_reader_that_goes_away_is_no_error(filled_store, arguments):
    environment = os.environ | ENVIRONMENT | {"ASTROBIO_STORE": str(filled_store)}
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(command(*arguments), stdout=writing, stderr=subprocess.PIPE, env=environment) as child:
        os.close(writing)
        _, err = child.communicate()
    assert child.returncode == 0
    assert b"Error" not in err
    assert b"ignored" not in err


def test_a_terminal_that_knows_ascii_only_gets_ascii(small_run, filled_store, monkeypatch):
    def written(*arguments: str, code: int = 0) -> str:
        stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")  # anything else would raise
        monkeypatch.setattr(sys, "stdout", stream)
        assert main(arguments) == code
        return stream.buffer.getvalue().decode("ascii")

    assert " +- " in written("predict", "--run", str(small_run))
    assert "66 records" in written("lineage", str(small_run))
    assert "[X] CRITICAL: Real data not found" in written("train", "--store", str(filled_store), code=3)


def test_the_encoding_of_the_environment_is_kept_to(filled_store):
    done = run("verify", "--store", str(filled_store), PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    assert "refused by a gate now" in done.stdout


def test_no_colours_reach_a_file(filled_store):
    done = run("verify", "--store", str(filled_store))
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr


def test_the_store_is_named_by_option_then_environment(filled_store, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ASTROBIO_STORE", str(filled_store))
    assert main(["verify", "--json"]) == 0
    assert document(capsys.readouterr().out)["store"] == str(filled_store)
    assert main(["verify", "--json", "--store", str(tmp_path / "other")]) == 3
    assert str(tmp_path / "other") in capsys.readouterr().err


def test_a_planet_that_is_locked_to_its_star_is_said_to_be_outside_the_domain(small_run, capsys):
    trappist_1e = ["--stellar-flux", "889", "--stellar-mass", "0.0898", "--orbital-period", "6.1"]
    assert main(["predict", "--run", str(small_run), *trappist_1e, "--json"]) == 0
    captured = capsys.readouterr()
    assert "outside the model's domain: at 0.029 au the planet is likely locked to its star" in captured.err
    assert len(json.loads(captured.out)["warnings"]) == 2
    assert main(["predict", "--run", str(small_run), "--stellar-mass", "1", "--orbital-period", "365", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == []


def test_half_an_orbit_is_no_orbit(capsys):
    assert main(["predict", "--stellar-mass", "1"]) == 2
    assert "--stellar-mass and --orbital-period go together" in capsys.readouterr().err
