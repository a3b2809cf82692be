"""Figures: one style, units on every axis, colours that colour-blind readers can tell apart."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from astrobio.core.planet_run import LATITUDES, SEASONS, STATES

STATE_COLOURS = {"hot": "#d55e00", "snowball": "#56b4e9", "ice_free": "#009e73", "partial_ice": "#cc79a7"}
STATE_LABELS = {"hot": "hot", "snowball": "snowball", "ice_free": "ice-free", "partial_ice": "partial ice"}
_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "svg.hashsalt": "astrobio",
    "figure.facecolor": "white",
}


def new_figure(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Any, Any]:
    """A figure in the common style, without touching global state."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, axes


def to_png(figure: Any, dpi: int = 130) -> bytes:
    """The figure as PNG."""
    import matplotlib as mpl

    buffer = io.BytesIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def to_data_uri(figure: Any) -> str:
    """The figure as a data URI for a page that loads nothing."""
    return "data:image/png;base64," + base64.b64encode(to_png(figure)).decode()


def band_edges() -> NDArray[np.float64]:
    """Edges, in degrees, of the latitude bands."""
    return np.degrees(np.arcsin(np.linspace(-1, 1, LATITUDES + 1)))


def draw_map(axis: Any, values: NDArray, colours: str, low: float, high: float, title: str) -> Any:
    """Season by latitude, bands at their true latitudes; returns the mesh for a colour bar."""
    mesh = axis.pcolormesh(np.linspace(0, 1, SEASONS + 1), band_edges(), values.T, cmap=colours, vmin=low, vmax=high)
    axis.set_title(title)
    axis.set_xlabel("fraction of the year")
    axis.set_yticks([-90, -60, -30, 0, 30, 60, 90])
    return mesh


def climate_comparison(title: str, truth: NDArray, predicted: NDArray) -> Any:
    """Predicted and simulated surface temperature (K; season, latitude) and their difference, side by side."""
    figure, axes = new_figure(10.5, 2.9, 1, 3)
    celsius, guess = truth - 273.15, predicted - 273.15
    low, high = float(min(celsius.min(), guess.min())), float(max(celsius.max(), guess.max()))
    difference = guess - celsius
    bound = max(0.5, float(np.abs(difference).max()))
    draw_map(axes[0, 0], guess, "cividis", low, high, "predicted")
    mesh = draw_map(axes[0, 1], celsius, "cividis", low, high, "simulated")
    figure.colorbar(mesh, ax=list(axes[0, :2]), label="surface temperature (°C)", pad=0.01)
    mesh = draw_map(axes[0, 2], difference, "RdBu_r", -bound, bound, "predicted minus simulated")
    figure.colorbar(mesh, ax=axes[0, 2], label="K", pad=0.02)
    for axis, values in ((axes[0, 0], guess), (axes[0, 1], celsius)):
        if values.min() < -2.0 < values.max():
            centres = (np.linspace(0, 1, SEASONS + 1)[:-1] + 0.5 / SEASONS, (band_edges()[:-1] + band_edges()[1:]) / 2)
            axis.contour(*centres, values.T, levels=[-2.0], colors="white", linewidths=1.2)
    axes[0, 0].set_ylabel("latitude (degrees)")
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure


def learning_curves(epochs: list[dict[str, float]]) -> Any:
    """Loss and learning rate by epoch."""
    figure, axes = new_figure(8.5, 2.8, 1, 2)
    number = [row["epoch"] for row in epochs]
    axes[0, 0].plot(number, [row["train_loss"] for row in epochs], color="#0072b2", label="training")
    axes[0, 0].plot(number, [row["val_loss"] for row in epochs], color="#d55e00", label="validation")
    axes[0, 0].set(xlabel="epoch", ylabel="loss", title="Loss")
    axes[0, 0].legend()
    axes[0, 1].plot(number, [row["learning_rate"] for row in epochs], color="#009e73")
    axes[0, 1].set(xlabel="epoch", ylabel="learning rate", title="Learning rate")
    return figure


def comparison_bars(rows: list[tuple[str, float, float, float]]) -> Any:
    """T8 with its interval for each (name, share, low, high)."""
    rows = sorted(rows, key=lambda row: row[1])
    figure, axes = new_figure(8.5, 0.42 * len(rows) + 0.9)
    axis = axes[0, 0]
    for place, (name, share, low, high) in enumerate(rows):
        colour = "#0072b2" if name.startswith("model") else "#999999"
        axis.barh(place, share, color=colour, height=0.65)
        axis.plot([low, high], [place, place], color="black", linewidth=1.3)
        axis.text(high + 0.01, place, f"{share:.3f}", va="center")
    axis.axvline(0.96, color="#d55e00", linestyle="--", linewidth=1)
    axis.text(0.958, len(rows) - 0.4, "target 0.96", color="#d55e00", ha="right", va="bottom", fontsize=8)
    axis.set_yticks(range(len(rows)), [row[0] for row in rows])
    axis.set(
        xlim=(0, 1.12),
        ylim=(-0.5, len(rows) + 0.1),
        xlabel="T8: share of test planets right in temperature, ice and state",
    )
    return figure


def parity(planets: list[dict[str, Any]]) -> Any:
    """Predicted against simulated global temperature and ice, coloured by the true state."""
    figure, axes = new_figure(8.5, 3.6, 1, 2)
    for name in STATES:
        chosen = [row for row in planets if row["state"] == name]
        for axis, true, guess in (
            (axes[0, 0], "temperature", "predicted_temperature"),
            (axes[0, 1], "ice", "predicted_ice"),
        ):
            axis.scatter([row[true] for row in chosen], [row[guess] for row in chosen], s=7, alpha=0.6,
                         color=STATE_COLOURS[name], label=STATE_LABELS[name], linewidths=0)  # fmt: skip
    for axis in axes[0]:
        low, high = axis.get_xlim()
        axis.plot([low, high], [low, high], color="black", linewidth=0.7)
    axes[0, 0].set(xlabel="simulated global mean temperature (K)", ylabel="predicted (K)", title="Temperature")
    axes[0, 1].set(xlabel="simulated ice-covered fraction", ylabel="predicted", title="Ice")
    axes[0, 0].legend(markerscale=2)
    return figure


def calibration(model: dict[str, Any]) -> Any:
    """Coverage of central intervals by variable, and the reliability of the stated state."""
    figure, axes = new_figure(8.5, 3.4, 1, 2)
    stated = [0.50, 0.68, 0.90, 0.95]
    for name, shares in model.get("calibration", {}).items():
        if isinstance(shares, dict):
            axes[0, 0].plot(stated, [shares[key] for key in ("50", "68", "90", "95")], marker="o", markersize=3,
                            linewidth=1, label=name.replace("_", " "))  # fmt: skip
    axes[0, 0].plot([0.4, 1], [0.4, 1], color="black", linewidth=0.7)
    axes[0, 0].set(xlabel="stated central interval", ylabel="share of values inside", title="Intervals")
    axes[0, 0].legend(fontsize=7)
    points = model["states"]["reliability"]
    axes[0, 1].plot([0, 1], [0, 1], color="black", linewidth=0.7)
    axes[0, 1].scatter([p["confidence"] for p in points], [p["accuracy"] for p in points],
                       s=[8 + 40 * np.log10(p["n"]) for p in points], color="#0072b2", alpha=0.8)  # fmt: skip
    axes[0, 1].set(xlabel="stated probability of the state", ylabel="share right", title="States (area: planets)")
    return figure


def confusion(matrix: list[list[int]]) -> Any:
    """Test planets by true and predicted state."""
    figure, axes = new_figure(4.2, 3.2)
    values = np.array(matrix)
    shares = values / np.maximum(values.sum(axis=1, keepdims=True), 1)
    axes[0, 0].imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(values):
        axes[0, 0].text(column, row, str(count), ha="center", va="center",
                        color="white" if shares[row, column] > 0.6 else "black")  # fmt: skip
    names = [STATE_LABELS[name] for name in STATES]
    axes[0, 0].set_xticks(range(len(names)), names)
    axes[0, 0].set_yticks(range(len(names)), names)
    axes[0, 0].set(xlabel="predicted", ylabel="simulated", title="States")
    return figure


def failures(planets: list[dict[str, Any]], flux: NDArray, obliquity: NDArray) -> Any:
    """Where in parameter space the model fails."""
    figure, axes = new_figure(6.5, 3.4)
    good = np.array([row["success"] for row in planets])
    axes[0, 0].scatter(flux[good], obliquity[good], s=6, color="#bbbbbb", label="right", linewidths=0)
    for name in STATES:
        chosen = np.array([not row["success"] and row["state"] == name for row in planets])
        axes[0, 0].scatter(flux[chosen], obliquity[chosen], s=22, color=STATE_COLOURS[name], marker="x",
                           label=f"wrong, {STATE_LABELS[name]}")  # fmt: skip
    axes[0, 0].set(xlabel="reduced flux S/(A-2B), Earth = 1", ylabel="obliquity (degrees)", title="Failures")
    axes[0, 0].legend(fontsize=7)
    return figure
