"""Metrics of climate prediction, first among them T8."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from astrobio.core.planet_run import STATES
from astrobio.models.prediction import Prediction

Array = NDArray[np.float64]
TEMPERATURE_TOLERANCE = 3.0
"""K, of the global mean."""
ICE_TOLERANCE = 0.05
"""Of the ice-covered fraction."""
MERGED_ICE = 0.02
"""Partial ice below this fraction counts as ice-free in the merged figure."""


@dataclass(frozen=True)
class Truth:
    """What the simulator gives for N test samples.

    ``group`` names the planet of each; ``cold`` tells its start; temperatures in K, fluxes in W m-2.
    """

    key: Any
    group: Any
    cold: Any
    global_surface_temperature: Array
    ice_fraction: Array
    global_outgoing_longwave: Array
    state: NDArray[np.int64]
    fields: dict[str, NDArray]


def wilson_interval(successes: int, trials: int, z: float = 1.959963985) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson 1927, J. Am. Stat. Assoc. 22, 209), 95 % unless told.

    >>> [round(bound, 4) for bound in wilson_interval(81, 263)]
    [0.2553, 0.3662]
    """
    if trials == 0:
        return 0.0, 1.0
    share, scale = successes / trials, 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    # In exact arithmetic the bounds hold the share; at 0 and 1 rounding must not move them past it.
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def drawn_start_is_cold(group: str) -> bool:
    """The start that counts for a test planet: drawn by the hash of its parameters, the same for every model.

    >>> drawn_start_is_cold("0123456789abcdef")
    True
    """
    return hashlib.sha256(f"start:{group}".encode()).digest()[0] % 2 == 1


def success(truth: Truth, prediction: Prediction) -> dict[str, NDArray[np.bool_]]:
    """Whether each sample meets each of the three conditions of T8, and all of them."""
    temperature = np.abs(prediction.global_surface_temperature - truth.global_surface_temperature)
    parts = {
        "temperature": temperature <= TEMPERATURE_TOLERANCE,
        "ice": np.abs(prediction.ice_fraction - truth.ice_fraction) <= ICE_TOLERANCE,
        "state": prediction.state == truth.state,
    }
    return parts | {"all": parts["temperature"] & parts["ice"] & parts["state"]}


def t8(truth: Truth, prediction: Prediction) -> dict[str, Any]:
    """T8 and the figures that stand beside it; every test planet counts once, by its drawn start.

    Returns
    -------
    dict
        ``t8`` with ``interval``, ``both_starts``, ``bistable`` (planets whose starts end in different states or
        more than 3 K apart), ``merged`` (ice-free and partial ice below 0.02 as one state), ``by_state``, the
        ``confusion`` of states, and ``failures`` by their first cause. Shares come with their numbers.
    """
    met = success(truth, prediction)
    drawn = np.array([drawn_start_is_cold(group) for group in truth.group]) == truth.cold
    merged = met["temperature"] & met["ice"] & (_merge(prediction.state, prediction.ice_fraction)
                                                == _merge(truth.state, truth.ice_fraction))  # fmt: skip
    pairs = _pairs(truth)
    both = [bool(met["all"][a] and met["all"][b]) for a, b in pairs]
    two = [(a, b) for a, b in pairs if _differs(truth, a, b)]
    bistable = [bool(met["all"][i]) for pair in two for i in pair if drawn[i]]
    failures = {
        "state": int((drawn & ~met["state"]).sum()),
        "temperature": int((drawn & met["state"] & ~met["temperature"]).sum()),
        "ice": int((drawn & met["state"] & met["temperature"] & ~met["ice"]).sum()),
    }
    confusion = np.zeros((len(STATES), len(STATES)), dtype=int)
    np.add.at(confusion, (truth.state[drawn], prediction.state[drawn]), 1)
    return {
        "t8": _share(met["all"][drawn]),
        "both_starts": _share(np.array(both, dtype=bool)),
        "bistable": _share(np.array(bistable, dtype=bool)),
        "bistable_both_starts": _share(np.array([bool(met["all"][a] and met["all"][b]) for a, b in two], dtype=bool)),
        "merged": _share(merged[drawn]),
        "by_state": {name: _share(met["all"][drawn & (truth.state == place)]) for place, name in enumerate(STATES)},
        "confusion": confusion.tolist(),
        "failures": failures,
    }


def _share(hits: NDArray[np.bool_]) -> dict[str, Any]:
    count, total = int(hits.sum()), int(hits.size)
    low, high = wilson_interval(count, total)
    return {"share": count / total if total else None, "successes": count, "n": total, "interval": [low, high]}


def _merge(state: NDArray[np.int64], ice: Array) -> NDArray[np.int64]:
    free, partial = STATES.index("ice_free"), STATES.index("partial_ice")
    return np.where((state == partial) & (ice < MERGED_ICE), free, state)


def _pairs(truth: Truth) -> list[tuple[int, int]]:
    seen: dict[str, list[int]] = {}
    for place, group in enumerate(truth.group):
        seen.setdefault(group, []).append(place)
    return [(places[0], places[1]) for places in seen.values() if len(places) == 2]


def _differs(truth: Truth, a: int, b: int) -> bool:
    apart = abs(truth.global_surface_temperature[a] - truth.global_surface_temperature[b])
    return bool(truth.state[a] != truth.state[b] or apart > TEMPERATURE_TOLERANCE)


def field_figures(truth: dict[str, NDArray], predicted: dict[str, NDArray], mean: dict[str, NDArray]) -> dict[str, Any]:
    """Skill 1 - MSE / MSE(training mean) and RMSE of each variable, and the mean skill.

    ``mean`` is the training mean of each field. Latitude bands have equal area, so plain means are area means.
    """
    figures: dict[str, Any] = {}
    for name, values in truth.items():
        error = float(np.mean((predicted[name].astype(np.float64) - values) ** 2))
        reference = float(np.mean((mean[name].astype(np.float64) - values) ** 2))
        figures[name] = {"rmse": math.sqrt(error), "skill": 1 - error / reference if reference else None}
    skills = [item["skill"] for item in figures.values() if item["skill"] is not None]
    return {"variables": figures, "mean_skill": float(np.mean(skills)) if skills else None}


def gaussian_crps(truth: Array, mean: Array, std: Array) -> float:
    """Mean continuous ranked probability score of normal forecasts (Gneiting & Raftery 2007, section 4.2).

    >>> round(gaussian_crps(np.array([0.0]), np.array([0.0]), np.array([1.0])), 4)
    0.2337
    """
    from scipy.special import erf

    z = (truth - mean) / std
    density = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    return float(np.mean(std * (z * erf(z / math.sqrt(2)) + 2 * density - 1 / math.sqrt(math.pi))))


def coverage(truth: NDArray, mean: NDArray, std: NDArray) -> dict[str, float]:
    """Share of values within the central 50, 68, 90 and 95 % interval of normal forecasts."""
    z = np.abs(truth.astype(np.float64) - mean) / std
    bounds = {"50": 0.67449, "68": 0.99446, "90": 1.64485, "95": 1.95996}
    return {name: float(np.mean(z <= bound)) for name, bound in bounds.items()}


def state_calibration(state: NDArray[np.int64], probability: Array, bins: int = 10) -> dict[str, Any]:
    """Brier score, expected calibration error of the stated state, and the reliability diagram's points."""
    truth = np.eye(probability.shape[1])[state]
    stated = probability.argmax(axis=1)
    confidence, right = probability.max(axis=1), stated == state
    edges = np.clip((confidence * bins).astype(int), 0, bins - 1)
    points, error = [], 0.0
    for place in range(bins):
        inside = edges == place
        if inside.any():
            points.append({"confidence": float(confidence[inside].mean()), "accuracy": float(right[inside].mean()),
                           "n": int(inside.sum())})  # fmt: skip
            error += inside.mean() * abs(float(confidence[inside].mean()) - float(right[inside].mean()))
    return {"brier": float(((probability - truth) ** 2).sum(axis=1).mean()), "calibration_error": float(error),
            "reliability": points}  # fmt: skip
