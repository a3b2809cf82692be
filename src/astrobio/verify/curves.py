"""Forensics on curves: numbers that tell a measured spectrum from one that was computed.

Each function takes values and their uncertainties, in the order of wavelength, and returns the number that a check
judges; the bounds stand with the checks in ``verify``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from scipy.stats import spearmanr

Array = NDArray[np.float64]
NORMAL = 1.4826
"""Standard deviation of normal numbers over their median absolute deviation."""
MOST_CYCLES = 100.0
SEARCHED = 1000
"""Points among which a sine's frequency is searched: ten for each cycle of the fastest."""


def scatter_over_error(value: Array, error: Array) -> float:
    """How much neighbours differ, over what their errors allow: near 1 for independent noise of that size.

    The median of the absolute differences, each over its error, so that lines and outliers do not count.

    >>> rng = np.random.default_rng(1)
    >>> bool(0.9 < scatter_over_error(rng.normal(0, 2, 5000), np.full(5000, 2.0)) < 1.1)
    True
    """
    difference = np.abs(np.diff(value)) / np.hypot(error[1:], error[:-1])
    return float(np.median(difference) * NORMAL)


def lag_one(values: Array) -> float:
    """Autocorrelation of neighbours (Box, Jenkins & Reinsel, Time Series Analysis, eq. 2.1.11): near 0 for noise.

    >>> round(lag_one(np.arange(1000.0)), 2), round(lag_one(np.tile([1.0, -1.0], 500)), 2)
    (1.0, -1.0)
    """
    centred = values - values.mean()
    power = float(centred @ centred)
    return float(centred[1:] @ centred[:-1]) / power if power > 0 else 1.0


def running_median(values: Array, width: int = 11) -> Array:
    """The median of each number and its neighbours; beyond the ends the numbers are mirrored.

    >>> running_median(np.array([1.0, 2.0, 9.0, 4.0, 5.0]), 3).tolist()
    [2.0, 2.0, 4.0, 5.0, 4.0]
    """
    return median_filter(values, width, mode="mirror")


def farthest(value: Array, error: Array, width: int = 11) -> float:
    """How far the farthest point lies from the running median, over its error and the usual distance together.

    >>> value = np.sin(np.linspace(0, 3, 200))
    >>> value[70] = 9.0
    >>> farthest(value, np.full(200, 0.1)) > 50
    True
    """
    away = np.abs(value - running_median(value, width))
    return float((away / np.hypot(error, NORMAL * np.median(away))).max())


def largest_jump(values: Array, width: int = 11) -> float:
    """The farthest that positive numbers go above or below their running median, as a factor.

    >>> round(largest_jump(np.array([1.0, 1.1, 1.0, 50.0, 1.0, 1.1, 1.0]), 3))
    50
    """
    share = np.abs(np.log(values / running_median(values, width)))
    return float(np.exp(share.max()))


def turning(values: Array) -> float:
    """Autocorrelation of the directions in which neighbours differ: -1/3 for white noise of any size.

    Of three independent numbers the middle one is the largest or the smallest in two cases of three. A spectrum that
    is sampled finely turns less often, whatever its slope.

    >>> rng = np.random.default_rng(1)
    >>> bool(abs(turning(rng.normal(0, 1, 100_000) + np.linspace(0, 50, 100_000)) + 1 / 3) < 0.01)
    True
    """
    direction = np.sign(np.diff(values))
    return float((direction[1:] * direction[:-1]).mean())


def noise_follows_error(value: Array, error: Array) -> float:
    """Rank correlation between how far points lie from the mean of their neighbours, and how far they may.

    Near 0 where the noise has nothing to do with the errors that stand beside it; positive where larger errors go
    with larger noise.

    >>> rng = np.random.default_rng(1)
    >>> error = np.linspace(1, 4, 4000)
    >>> bool(noise_follows_error(rng.normal(0, error), error) > 0.2)
    True
    >>> bool(abs(noise_follows_error(rng.normal(0, 2, 4000), error)) < 0.05)
    True
    """
    away = np.abs(value[1:-1] - (value[:-2] + value[2:]) / 2)
    allowed = np.sqrt(error[1:-1] ** 2 + (error[:-2] ** 2 + error[2:] ** 2) / 4)
    if np.ptp(away) == 0 or np.ptp(allowed) == 0:
        return 0.0
    return float(spearmanr(away, allowed).statistic)


def reduced_chi_square(value: Array, error: Array, model: Array, parameters: int) -> float:
    """Mean square of what a model leaves, in errors, for each degree of freedom."""
    return float((((value - model) / error) ** 2).sum() / max(len(value) - parameters, 1))


def cubic(place: Array, value: Array, error: Array) -> Array:
    """The cubic that fits best: constants, lines and slow curves are among them."""
    scaled = 2 * (place - place.min()) / max(float(np.ptp(place)), 1e-12) - 1
    design = np.polynomial.chebyshev.chebvander(scaled, 3)
    return _fitted(design, value, error)


def sine(place: Array, value: Array, error: Array) -> tuple[Array, float]:
    """The constant and single sine that fit best, and the sine's number of cycles.

    There are from half a cycle to 100, and at least 5 points a cycle. Frequencies are searched on a grid eight times
    finer than the Fourier one, then between its points by the derivative with respect to frequency.

    >>> x = np.linspace(1, 3, 200)
    >>> model, cycles = sine(x, 5 + np.sin(2 * np.pi * 7.3 * (x - 1) / 2), np.ones(200))
    >>> round(cycles, 2), bool(np.abs(model - 5 - np.sin(2 * np.pi * 7.3 * (x - 1) / 2)).max() < 1e-6)
    (7.3, True)
    """
    phase = 2 * np.pi * (place - place.min()) / max(float(np.ptp(place)), 1e-12)
    best = _strongest(phase, value, error)
    for _ in range(8):
        base = np.stack([np.ones_like(phase), np.cos(best * phase), np.sin(best * phase)], axis=1)
        coefficients = _coefficients(base, value, error)
        slope = phase * (coefficients[2] * base[:, 1] - coefficients[1] * base[:, 2])
        step = _coefficients(np.column_stack([base, slope]), value, error)[3]
        best = float(np.clip(best + np.clip(step, -0.125, 0.125), 0.25, len(value) / 2))
    base = np.stack([np.ones_like(phase), np.cos(best * phase), np.sin(best * phase)], axis=1)
    return _fitted(base, value, error), best


def _strongest(phase: Array, value: Array, error: Array) -> float:
    """The number of cycles with the most power on the grid; of long series not every point is looked at."""
    thin = slice(None, None, -(-len(phase) // SEARCHED))
    phase, weight = phase[thin], 1 / error[thin] ** 2
    centred = weight * (value[thin] - np.average(value[thin], weights=weight))
    cycles = np.arange(0.5, min(max(len(value) / 5, 1.0), MOST_CYCLES), 0.125)
    angle = np.outer(cycles, phase)
    return float(cycles[int(((np.cos(angle) @ centred) ** 2 + (np.sin(angle) @ centred) ** 2).argmax())])


def _coefficients(design: Array, value: Array, error: Array) -> Array:
    found, *_ = np.linalg.lstsq(design / error[:, None], value / error, rcond=None)
    return np.asarray(found, dtype=np.float64)


def _fitted(design: Array, value: Array, error: Array) -> Array:
    return design @ _coefficients(design, value, error)
