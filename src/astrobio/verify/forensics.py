"""Forensics on fields: numbers that no climate model writes.

Each function takes a field and returns the number that its check judges. The bounds stand with the checks in
``verify.planet_runs`` and come from 6,000 genuine runs of every state.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def lag_one_autocorrelation(values: Array, axis: int) -> float:
    """Pooled lag-1 autocorrelation along an axis: near 0 for white noise, near 1 for a smooth field.

    The biased estimator of Box, Jenkins & Reinsel (Time Series Analysis, eq. 2.1.11), pooled over all lines
    along the axis.

    >>> lag_one_autocorrelation(np.arange(64.0)[None, :], 1) > 0.9
    True
    """
    lines = np.moveaxis(values - values.mean(axis=axis, keepdims=True), axis, -1)
    power = float((lines * lines).sum())
    return float((lines[..., 1:] * lines[..., :-1]).sum()) / power if power > 0 else 1.0


def sinusoid_residual(values: Array) -> float:
    """Share of a field's variance that its strongest single plane wave leaves: near 0 for an analytic curve.

    The wave may have any number of cycles: an odd extension beyond the axes is not assumed, so frequencies
    are searched on a grid four times finer than the Fourier one and the offset is fitted along.

    >>> wave = np.sin(np.linspace(0, 7, 32))[None, :] * np.ones((12, 1))
    >>> sinusoid_residual(wave) < 1e-3
    True
    """
    centred = values - values.mean()
    power = float((centred * centred).sum())
    if power == 0:
        return 0.0
    fine = [4 * count for count in values.shape]
    spectrum = np.abs(np.fft.rfftn(centred, s=fine, axes=range(values.ndim)))
    peak = np.unravel_index(int(spectrum.argmax()), spectrum.shape)
    phase = np.zeros(values.shape)
    for axis, (place, count) in enumerate(zip(peak, fine, strict=True)):
        shape = [1] * values.ndim
        shape[axis] = values.shape[axis]
        phase = phase + 2 * np.pi * place / count * np.arange(values.shape[axis]).reshape(shape)
    best = 1.0
    base = np.stack([np.ones(values.size), np.cos(phase).ravel(), np.sin(phase).ravel()], axis=1)
    for design in (base, np.concatenate([base, _drift(phase, values.shape)], axis=1)):
        fitted, *_ = np.linalg.lstsq(design, centred.ravel(), rcond=None)
        best = min(best, float(((centred.ravel() - design @ fitted) ** 2).sum()) / power)
    return best


def _drift(phase: Array, shape: tuple[int, ...]) -> Array:
    """Derivatives of the wave with respect to its frequency along each axis: they absorb the grid's coarseness."""
    columns = []
    for axis, count in enumerate(shape):
        ramp_shape = [1] * len(shape)
        ramp_shape[axis] = count
        ramp = (np.arange(count) - count / 2).reshape(ramp_shape)
        columns += [(ramp * np.cos(phase)).ravel(), (ramp * np.sin(phase)).ravel()]
    return np.stack(columns, axis=1)
