"""Figures: PNG of some size from the least and from odd input, with no warning and no global state."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from astrobio.core.planet_run import STATES
from astrobio.report import figures


def planet(state: str = "ice_free", success: bool = True, temperature: float = 288.0) -> dict:
    return {"key": "test8-000001-warm", "state": state, "success": success, "temperature": temperature,
            "predicted_temperature": temperature + 1, "ice": 0.1, "predicted_ice": 0.2}  # fmt: skip


MODEL = {
    "calibration": {"global_surface_temperature": {"50": 0.4, "68": 0.6, "90": 0.9, "95": 0.97},
                    "crps_global_surface_temperature": 1.0},
    "states": {"reliability": [{"confidence": 0.9, "accuracy": 0.8, "n": 10}]},
}  # fmt: skip
FROZEN = np.full((12, 32), 220.0)
CLIMATE = np.linspace(250, 300, 12 * 32).reshape(12, 32)
TWO = np.array([1.0, 1.1])
EPOCHS = [{"epoch": n, "train_loss": 1 / n, "val_loss": 2 / n, "learning_rate": 1e-3} for n in (1, 2)]

DRAWN = {
    "climates": lambda: figures.climate_comparison("Earth", CLIMATE, CLIMATE + 2),
    "a snowball that is met exactly": lambda: figures.climate_comparison("x", FROZEN, FROZEN),
    "learning": lambda: figures.learning_curves(EPOCHS),
    "learning, one epoch": lambda: figures.learning_curves(EPOCHS[:1]),
    "bars": lambda: figures.comparison_bars([("model", 0.9, 0.8, 0.95), ("ridge", 0.0, 0.0, 0.1)]),
    "parity": lambda: figures.parity([planet(state) for state in STATES]),
    "parity, one planet": lambda: figures.parity([planet()]),
    "calibration": lambda: figures.calibration(MODEL),
    "confusion": lambda: figures.confusion([[5, 0, 0, 0], [0, 3, 0, 1], [0, 0, 0, 0], [0, 0, 0, 2]]),
    "failures": lambda: figures.failures([planet(), planet(success=False)], TWO, TWO),
    "no failures": lambda: figures.failures([planet()], TWO[:1], TWO[:1]),
    "nothing but failures": lambda: figures.failures([planet(success=False)], TWO[:1], TWO[:1]),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_is_a_png_of_its_size(name):
    figure = DRAWN[name]()
    content = figures.to_png(figure, dpi=60)
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    assert (width, height) == pytest.approx(figure.get_size_inches() * 60, abs=1)
    assert len(content) > 2500
    assert content.endswith(b"IEND\xaeB`\x82")


def test_the_same_figure_gives_the_same_bytes():
    assert figures.to_png(DRAWN["parity"]()) == figures.to_png(DRAWN["parity"]())
    assert figures.to_data_uri(DRAWN["confusion"]()).startswith("data:image/png;base64,iVBORw0KGgo")


def test_every_axis_has_words_and_a_unit_where_it_has_one():
    figure = DRAWN["climates"]()
    labels = [axis.get_xlabel() + axis.get_ylabel() for axis in figure.axes]
    assert "surface temperature (°C)" in " ".join(labels)
    assert all(labels)


def test_drawing_leaves_no_global_state():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    figures.to_png(DRAWN["bars"](), dpi=60)
    assert dict(mpl.rcParams) == before


def test_bands_are_drawn_where_they_are():
    edges = figures.band_edges()
    assert (edges[0], edges[-1]) == (-90.0, 90.0)
    np.testing.assert_allclose(np.diff(np.sin(np.radians(edges))), 2 / 32)
