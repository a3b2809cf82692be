"""Splits: which planets train, validate and test a model, and the checks that nothing leaks between them.

Both starts of a planet share its group (the hash of its parameters) and hence its side of a split.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from astrobio.core.errors import RefusedInput
from astrobio.core.planet_run import PLANCK_B, PlanetParameters

SPLITS = ("random", "boxes")
PARTS = ("train", "validation", "test", "control", "unused")
VALIDATION_SHARE = 0.1

BOXES: tuple[tuple[float, float, float, float], ...] = (
    (1.00, 1.10, 20.0, 55.0),
    (1.14, 1.24, 55.0, 80.0),
    (0.84, 0.93, 5.0, 40.0),
)
"""Held-out boxes: bounds of the reduced flux (in units of Earth's) and of obliquity (degrees).

The reduced flux S / (A - 2B) is the one number through which flux and CO2 act. The first box lies where warm
and cold starts often differ, the second at high obliquity, the third where most planets freeze.
"""
_EARTH_REDUCED_FLUX = 1361.0 / (203.3 - 2 * PLANCK_B)


def reduced_flux(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
    """S / (A - 2B) of parameters (N, 9), in units of Earth's.

    >>> from dataclasses import astuple
    >>> reduced_flux(np.array([astuple(PlanetParameters.earth())])).round(6).tolist()
    [1.0]
    """
    names = PlanetParameters.names()
    co2 = parameters[:, names.index("co2_partial_pressure")]
    planck_a = 203.3 - 5.35 * np.log(co2 / 3.3e-4)
    return parameters[:, names.index("stellar_flux")] / (planck_a - 2 * PLANCK_B) / _EARTH_REDUCED_FLUX


def in_boxes(parameters: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of the planets (N, 9) lie in a held-out box."""
    flux = reduced_flux(parameters)
    obliquity = parameters[:, PlanetParameters.names().index("obliquity")]
    inside = [(flux >= a) & (flux < b) & (obliquity >= c) & (obliquity < d) for a, b, c, d in BOXES]
    return np.logical_or.reduce(inside)


def is_validation(group: str) -> bool:
    """Whether a group validates: a tenth of all groups, by their hash, so that growing an ensemble moves none."""
    share = int(hashlib.sha256(f"validation:{group}".encode()).hexdigest()[:8], 16) / 2**32
    return share < VALIDATION_SHARE


def assign(designs: list[str], groups: list[str], parameters: NDArray[np.float64]) -> dict[str, list[str]]:
    """Part of each sample in each split.

    ``random`` tests on the Latin-hypercube designs; ``boxes`` tests on whatever lies in a held-out box, and
    leaves test planets outside the boxes unused. The Earth control is in neither.
    """
    inside = in_boxes(parameters)
    parts: dict[str, list[str]] = {"random": [], "boxes": []}
    for design, group, boxed in zip(designs, groups, inside, strict=True):
        fitted = "validation" if is_validation(group) else "train"
        if design == "earth":
            parts["random"].append("control")
            parts["boxes"].append("control")
            continue
        test = design.startswith("test")
        parts["random"].append("test" if test else fitted)
        parts["boxes"].append("test" if boxed else ("unused" if test else fitted))
    return parts


def check_leaks(
    split: str, part: list[str], groups: list[str], digests: list[str], keys: list[str], parameters: NDArray[np.float64]
) -> None:
    """Stop the build where a split leaks.

    Raises
    ------
    RefusedInput
        If a group stands on two sides, one content stands under several names, or planets of two sides are
        the same but for rounding (all nine parameters within 1e-5 of their range).
    """
    sides: dict[str, tuple[str, str]] = {}
    for group, side, key in zip(groups, part, keys, strict=True):
        seen = sides.setdefault(group, (side, key))
        if seen[0] != side:
            raise RefusedInput(f"split {split} leaks: {seen[1]} ({seen[0]}) and {key} ({side}) are the same planet")
    names: dict[str, str] = {}
    for digest, key in zip(digests, keys, strict=True):
        if names.setdefault(digest, key) != key:
            raise RefusedInput(f"{names[digest]} and {key} are the same bytes under two names")
    _check_near_duplicates(split, part, keys, parameters)


def _check_near_duplicates(split: str, part: list[str], keys: list[str], parameters: NDArray[np.float64]) -> None:
    from scipy.spatial import KDTree

    used = np.array([side in ("train", "validation", "test") for side in part])
    bounds = np.array(list(PlanetParameters.limits().values()))
    scaled = ((parameters - bounds[:, 0]) / (bounds[:, 1] - bounds[:, 0]))[used]
    sides, names = np.array(part)[used], np.array(keys)[used]
    # The longitude of pericentre is an angle: 360 degrees are 0.
    angle = PlanetParameters.names().index("longitude_of_pericentre")
    scaled[:, angle] %= 1.0
    circle = np.zeros(len(bounds))
    circle[angle] = 1.0
    for one, other in (("test", "train"), ("test", "validation"), ("validation", "train")):
        here, there = sides == one, sides == other
        if not here.any() or not there.any():
            continue
        distance, nearest = KDTree(scaled[there], boxsize=circle).query(scaled[here], p=np.inf)
        if distance.min() < 1e-5:
            worst = int(distance.argmin())
            raise RefusedInput(
                f"split {split} leaks: {one} planet {names[here][worst]} is {other} planet "
                f"{names[there][nearest[worst]]} but for rounding"
            )
