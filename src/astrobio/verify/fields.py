"""Measures of fields on a sphere or a part of it: what a check of smoothness or of a formula judges.

Each takes a masked array and returns a number. The bounds stand with the checks in ``verify.climate``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Masked = np.ma.MaskedArray[Any, Any]
MOST_POINTS = 64
"""Points along an axis that a formula is fitted to; of longer axes every second, third, ... is taken."""
STEPS = 6
"""Steps by which a frequency is made better; it lies within an eighth of one of the plane's own, so that few do."""


def neighbour_autocorrelation(values: Masked, axis: int) -> float:
    """Pooled lag-1 autocorrelation along an axis over the pairs of neighbours that are both there.

    As :func:`astrobio.verify.forensics.lag_one_autocorrelation`, which knows no missing values; not a number where
    nothing varies.

    >>> neighbour_autocorrelation(np.ma.masked_array(np.sin(np.linspace(0, 6, 200)))[None], 1) > 0.99
    True
    """
    lines = np.ma.MaskedArray(np.moveaxis(scaled(np.ma.asanyarray(values)), axis, -1))
    there = ~np.ma.getmaskarray(lines)
    centred = np.where(there, (lines - lines.mean(axis=-1, keepdims=True)).filled(0.0), 0.0)
    power = float((centred * centred).sum()) / max(1, int(there.sum()))
    pairs = int((there[..., 1:] & there[..., :-1]).sum())
    if power <= 0 or not pairs:
        return float("nan")
    return float((centred[..., 1:] * centred[..., :-1]).sum()) / pairs / power


def cell_autocorrelation(values: Masked, latitude: NDArray[np.float64], longitude: NDArray[np.float64]) -> float:
    """Correlation of each cell of an unstructured grid with its nearest neighbour on the sphere.

    Parameters
    ----------
    values : masked array (..., cells)
    latitude, longitude : array (cells,)
        In degrees.
    """
    from scipy.spatial import cKDTree

    north, east = np.radians(latitude), np.radians(longitude)
    points = np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=1)
    _, nearest = cKDTree(points).query(points, k=2)
    moderate = scaled(values)
    pairs = np.ma.stack([moderate, np.ma.MaskedArray(moderate)[..., nearest[:, 1]]], axis=-1)
    there = ~np.ma.getmaskarray(pairs).any(axis=-1)
    first, second = pairs[..., 0][there], pairs[..., 1][there]
    if first.size < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(np.asarray(first), np.asarray(second))[0, 1])


def single_wave_residual(plane: NDArray[np.float64]) -> float:
    """Share of a plane's variance that its strongest single wave leaves; long axes are thinned out first.

    The strongest frequency of a Fourier transform on a grid four times finer than the plane's is made better by
    Gauss-Newton steps, so that a wave of any frequency leaves nothing.

    >>> single_wave_residual(np.sin(0.53 * np.arange(700) + 0.2)[:, None] + np.zeros(9)) < 1e-6
    True
    """
    values = _thinned(plane)
    centred = _thinned(values - values.mean())
    power = float((centred * centred).sum())
    if power == 0:
        return 0.0
    fine = [4 * length for length in centred.shape]
    spectrum = np.abs(np.fft.rfftn(centred, s=fine, axes=range(centred.ndim)))
    peak = np.unravel_index(int(spectrum.argmax()), spectrum.shape)
    turns = np.array([2 * np.pi * place / length for place, length in zip(peak, fine, strict=True)])
    ramps = np.stack(np.meshgrid(*(np.arange(length) - length / 2 for length in centred.shape), indexing="ij"))
    ramps, target, best = ramps.reshape(centred.ndim, -1), centred.ravel(), 1.0
    for _ in range(STEPS):
        cosine, sine = np.cos(turns @ ramps), np.sin(turns @ ramps)
        wave = np.stack([np.ones_like(target), cosine, sine])
        design = np.concatenate([wave, ramps * cosine, ramps * sine]).T
        alone, *_ = np.linalg.lstsq(wave.T, target, rcond=None)
        best = min(best, float(((target - wave.T @ alone) ** 2).sum()) / power)
        fitted, *_ = np.linalg.lstsq(design, target, rcond=None)
        strength = float(fitted[1] ** 2 + fitted[2] ** 2)
        if strength < 1e-12 or best < 1e-9:
            break
        along_cosine, along_sine = fitted[3 : 3 + len(turns)], fitted[3 + len(turns) :]
        turns = turns + (fitted[2] * along_cosine - fitted[1] * along_sine) / strength
    return best


def _thinned(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    steps = tuple(slice(None, None, -(-length // MOST_POINTS)) for length in plane.shape)
    return np.asarray(scaled(np.ma.MaskedArray(plane[steps])))


def scaled(values: Masked) -> Masked:
    """Finite values as float64, divided by the largest of them, so that squares of them are numbers, too.

    >>> scaled(np.ma.masked_array([2.0, -4.0])).tolist()
    [0.5, -1.0]
    """
    moderate = np.ma.MaskedArray(values, dtype=np.float64)
    largest = float(np.abs(moderate).max()) if moderate.count() else 0.0
    return np.ma.MaskedArray(moderate / largest if largest > 0 else moderate)


def product_residual(plane: NDArray[np.float64]) -> float:
    """Share of a plane's variance that is no sum of a constant and one product of a curve along each axis.

    What a formula such as sin(latitude) cos(longitude) makes leaves nothing. The singular value decomposition of the
    plane without its mean gives the best such product (Eckart & Young 1936, Psychometrika 1, 211).

    >>> north, east = np.meshgrid(np.linspace(-1, 1, 20), np.linspace(0, 6, 40), indexing="ij")
    >>> product_residual(288 + 30 * np.cos(north) * np.sin(east)) < 1e-12
    True
    """
    centred = _thinned(plane)
    centred = centred - centred.mean()
    power = float((centred * centred).sum())
    if power == 0:
        return 0.0
    strengths = np.linalg.svd(centred, compute_uv=False) ** 2
    # The mean of a product is itself one of a constant and a constant: two products at most.
    return float(strengths[2:].sum()) / power
