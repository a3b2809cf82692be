"""Prediction by command: planets and tables in, JSON, NetCDF and plots out, and nothing that is not a planet."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import xarray
from hypothesis import given
from hypothesis import strategies as st

from astrobio.cli import main
from astrobio.core.errors import UsageError
from astrobio.core.planet_run import FIELD, STATES, PlanetParameters
from astrobio.report.prediction_outputs import checked, range_warnings, read_table

NAMES = PlanetParameters.names()
EARTH = dataclasses.asdict(PlanetParameters.earth())


def table(path: Path, rows: list[dict], head: tuple[str, ...] = (*NAMES, "start")) -> Path:
    with open(path, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, head, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def predicted(small_run, capsys, *arguments: str) -> tuple[dict, str]:
    code = main(["predict", "--run", str(small_run), "--json", *arguments])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out), captured.err


def test_a_planet_alone_is_present_earth_unless_told_otherwise(small_run, capsys):
    document, _ = predicted(small_run, capsys)
    (row,) = document["planets"]
    assert row["parameters"] == EARTH
    assert row["start"] == "warm"
    assert row["state"] in STATES
    assert sum(row["state_probability"].values()) == pytest.approx(1.0, abs=1e-5)
    hotter, _ = predicted(small_run, capsys, "--stellar-flux", "1900", "--start", "cold")
    (other,) = hotter["planets"]
    assert other["parameters"] == EARTH | {"stellar_flux": 1900.0}
    assert other["start"] == "cold"
    assert other["global_surface_temperature"] > row["global_surface_temperature"]


def test_the_checkpoint_is_named(small_run, capsys):
    from astrobio.training import checkpoint

    document, _ = predicted(small_run, capsys)
    assert document["checkpoint"] == checkpoint.verify(small_run / "checkpoints" / "best.pt")


def test_a_table_gives_what_its_planets_give_alone(small_run, capsys, tmp_path):
    planets = [EARTH | {"start": "cold"}, EARTH | {"obliquity": 60.0, "start": "warm"}]
    together, _ = predicted(small_run, capsys, "--table", str(table(tmp_path / "planets.csv", planets)))
    first, _ = predicted(small_run, capsys, "--start", "cold")
    second, _ = predicted(small_run, capsys, "--obliquity", "60")
    for row, alone in zip(together["planets"], [first["planets"][0], second["planets"][0]], strict=True):
        assert row["parameters"] == alone["parameters"]
        assert row["state"] == alone["state"]
        assert row["global_surface_temperature"] == pytest.approx(alone["global_surface_temperature"], abs=1e-2)


def test_people_see_a_table_on_standard_output(small_run, capsys):
    assert main(["predict", "--run", str(small_run)]) == 0
    captured = capsys.readouterr()
    assert "temperature (K)" in captured.out
    assert captured.err == ""


def test_a_long_table_is_cut_for_people_and_whole_in_json(small_run, capsys, tmp_path):
    path = table(tmp_path / "planets.csv", [EARTH | {"start": "warm"}] * 30)
    document, err = predicted(small_run, capsys, "--table", str(path))
    assert len(document["planets"]) == 30
    assert "..." in err
    assert " 21 " not in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--stellar-flux", "3000"], "stellar_flux: 1 of 1 planets lie outside the training data (884.65 to 2041.5 W"),
        (["--obliquity", "120"], "obliquity: 1 of 1 planets lie outside the training data (0 to 90 degree)"),
        (["--ice-albedo", "0.2"], "ice_albedo: 1 of 1 planets lie outside"),
    ],
)
def test_beyond_the_training_data_there_is_a_warning_on_standard_error(small_run, capsys, arguments, words):
    assert main(["predict", "--run", str(small_run), *arguments]) == 0
    captured = capsys.readouterr()
    assert f"warning: {words}" in captured.err
    assert "warning" not in captured.out


def test_within_the_training_data_there_is_none(capsys):
    corners = [PlanetParameters(*(bounds[end] for bounds in PlanetParameters.limits().values())) for end in (0, 1)]
    assert range_warnings(corners) == []
    turned = dataclasses.replace(PlanetParameters.earth(), longitude_of_pericentre=-90.0)
    assert range_warnings([turned]) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("stellar_flux", 0.0), ("stellar_flux", float("nan")), ("obliquity", -1.0), ("obliquity", 181.0),
     ("eccentricity", 1.0), ("eccentricity", -0.1), ("heat_diffusion", 0.0), ("co2_partial_pressure", float("inf")),
     ("land_fraction", 0.0), ("land_fraction", 1.0), ("mixed_layer_depth", -5.0), ("ice_albedo", 1.1)],
)  # fmt: skip
def test_an_impossible_planet_is_wrong_usage(name, value, capsys):
    with pytest.raises(UsageError, match=f"{name} is {value:g}; it must be"):
        checked(dataclasses.replace(PlanetParameters.earth(), **{name: value}))
    assert main(["predict", f"--{name.replace('_', '-')}={value}"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"error: {name} is {value:g}" in captured.err


HEAD = ",".join((*NAMES, "start"))
GOOD = ",".join(str(value) for value in EARTH.values()) + ",warm"


def with_value(name: str, text: str) -> str:
    cells = GOOD.split(",")
    cells[(*NAMES, "start").index(name)] = text
    return ",".join(cells)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "holds no planets"),
        ("\n\n# a comment\n", "holds no planets"),
        (HEAD, "holds no planets"),
        (f"{HEAD.replace('obliquity,', '')}\n{GOOD}", "line 1: columns missing: obliquity; expected are stellar_flux"),
        (f"{HEAD},colour\n{GOOD},red", "line 1: columns unknown: colour; expected are stellar_flux"),
        (f"{HEAD},obliquity\n{GOOD},3", "line 1: columns there twice: obliquity; expected are"),
        (f"{HEAD},\n{GOOD},", "line 1: columns unknown: (no name)"),
        (f"{HEAD}\n{GOOD}\n{with_value('obliquity', 'steep')}", "line 3, column obliquity: 'steep' is not a number"),
        (f"{HEAD}\n{with_value('ice_albedo', '')}", "line 2, column ice_albedo: '' is not a number"),
        (f"# planets\n{HEAD}\n{with_value('stellar_flux', 'nan')}", "line 3: stellar_flux is nan; it must be above 0"),
        (f"{HEAD}\n{with_value('eccentricity', '1.5')}", "line 2: eccentricity is 1.5; it must be at least 0"),
        (f"{HEAD}\n{with_value('land_fraction', 'inf')}", "line 2: land_fraction is inf"),
        (f"{HEAD}\n{with_value('start', 'lukewarm')}", "line 2, column start: 'lukewarm' is not warm or cold"),
        (f"{HEAD}\n{GOOD},7", "line 2: 11 values for 10 columns"),
        (f"{HEAD}\n1,2,3", "line 2: 3 values for 10 columns"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe\x00", "is not a text file"),
        (b"\x00" * 200_000 + b"\n" + b"\x00" * 10, "line 1: "),
    ],
)  # fmt: skip
def test_a_bad_table_is_refused_and_the_place_is_named(tmp_path, capsys, content, words):
    path = tmp_path / "planets.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert main(["predict", "--table", str(path)]) == 4
    captured = capsys.readouterr()
    assert captured.out == ""
    assert str(path) in captured.err
    assert words in captured.err


def test_a_table_that_is_not_there_is_missing_data(tmp_path, capsys):
    assert main(["predict", "--table", str(tmp_path / "none.csv")]) == 3
    assert "there is no table" in capsys.readouterr().err
    assert main(["predict", "--table", str(tmp_path)]) == 4


def test_comments_order_names_and_a_byte_order_mark_are_all_right(tmp_path):
    head = ("name", *reversed(NAMES))
    path = table(tmp_path / "planets.csv", [EARTH | {"name": '"Earth, again"'}], head)
    path.write_text("\ufeff# made by hand\n" + path.read_text(), encoding="utf-8")
    assert read_table(path) == ([PlanetParameters.earth()], ["warm"])


@given(st.lists(st.tuples(*(st.floats(low, high) for low, high in PlanetParameters.limits().values()),
                          st.sampled_from(["warm", "cold"])), min_size=1, max_size=5))  # fmt: skip
def test_a_table_comes_back_as_it_was_written(tmp_path_factory, rows):
    planets = [PlanetParameters(*row[:-1]) for row in rows]
    starts = [row[-1] for row in rows]
    path = tmp_path_factory.mktemp("table") / "planets.csv"
    table(path, [dataclasses.asdict(planet) | {"start": start} for planet, start in zip(planets, starts, strict=True)])
    assert read_table(path) == (planets, starts)


def test_a_netcdf_file_describes_itself_and_holds_the_same_numbers(small_run, small_pack, capsys, tmp_path):
    from astrobio.datasets.pack import Pack

    planets = [EARTH | {"start": "warm"}, EARTH | {"stellar_flux": 950.0, "start": "cold"}]
    path = table(tmp_path / "planets.csv", planets)
    document, err = predicted(small_run, capsys, "--table", str(path), "--netcdf", str(tmp_path / "out.nc"))
    assert f"Fields: {tmp_path / 'out.nc'}" in err
    with xarray.open_dataset(tmp_path / "out.nc") as data:
        assert dict(data.sizes) == {"planet": 2, "season": 12, "latitude": 32, "profile_latitude": 64, "state_name": 4}
        assert data.attrs["Conventions"] == "CF-1.11"
        assert data.attrs["checkpoint_sha256"] == document["checkpoint"]
        assert data.attrs["pack_digest"] == Pack.open(small_pack).digest
        assert "not observations" in data.attrs["comment"]
        for name, spec in FIELD.items():
            assert data[name].dims == ("planet", *spec.axes)
            assert data[name].attrs["units"] == spec.units
            assert data[name].attrs["long_name"] == spec.long_name
            assert np.isfinite(data[name]).all()
            assert (data[f"{name}_std"] > 0).all()
            assert data[f"{name}_std"].attrs["units"] == spec.units
        for name in ("latitude", "profile_latitude"):
            assert data[name].attrs == {"units": "degrees_north", "standard_name": "latitude"}
            np.testing.assert_allclose(data[name], -data[name][::-1], atol=1e-9)
        assert data["state_name"].values.tolist() == list(STATES)
        for place, row in enumerate(document["planets"]):
            assert str(data["state"].values[place]) == row["state"]
            assert str(data["start"].values[place]) == row["start"]
            for name, unit in PlanetParameters.units().items():
                assert float(data[name][place]) == row["parameters"][name]
                assert data[name].attrs["units"] == unit
            for name in ("global_surface_temperature", "global_surface_temperature_std", "ice_fraction",
                         "global_outgoing_longwave"):  # fmt: skip
                assert float(data[name][place]) == pytest.approx(row[name], abs=1e-4)
                assert data[name].attrs["long_name"]
            for name, share in row["state_probability"].items():
                assert float(data["state_probability"][place].sel(state_name=name)) == pytest.approx(share, abs=1e-6)
        mean = data["outgoing_longwave"].mean(("season", "latitude"))
        np.testing.assert_allclose(mean, data["global_outgoing_longwave"], atol=0.1)


def test_a_plot_is_a_png(small_run, capsys, tmp_path):
    assert main(["predict", "--run", str(small_run), "--plot", str(tmp_path / "planet.png")]) == 0
    content = (tmp_path / "planet.png").read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(content) > 20_000
    assert "planet.png" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--plot", "--netcdf"])
def test_a_place_that_cannot_be_written_is_wrong_usage(small_run, capsys, tmp_path, option):
    assert main(["predict", "--run", str(small_run), option, str(tmp_path / "none" / "out")]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_a_table_is_not_plotted(small_run, capsys, tmp_path):
    path = table(tmp_path / "planets.csv", [EARTH | {"start": "warm"}])
    assert main(["predict", "--run", str(small_run), "--table", str(path), "--plot", "x.png"]) == 2
    assert "--plot draws a single planet" in capsys.readouterr().err


def test_without_a_run_the_command_that_trains_one_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["predict"]) == 3
    words = "there is no trained run in outputs/sota_training\nRun: python train_unified_sota.py"
    assert words in capsys.readouterr().err
