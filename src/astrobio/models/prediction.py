"""What a climate model says about planets, whatever the model: the interface between models and evaluation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Prediction:
    """Predicted climates of N planets.

    Attributes
    ----------
    fields : dict
        Mean of each field by name, (N, ...) in the units of ``astrobio.core.planet_run.FIELDS``.
    std : dict
        Standard deviation of each field that has one, as ``fields``.
    state_probability : array
        (N, 4), in the order of ``STATES``; rows sum to one.
    state : array
        (N,) position in ``STATES`` of the state that is stated.
    global_surface_temperature, global_surface_temperature_std : array
        (N,), K.
    ice_fraction : array
        (N,), in [0, 1].
    global_outgoing_longwave : array
        (N,), W m-2.
    """

    fields: dict[str, np.ndarray]
    std: dict[str, np.ndarray]
    state_probability: np.ndarray
    state: np.ndarray
    global_surface_temperature: np.ndarray
    global_surface_temperature_std: np.ndarray
    ice_fraction: np.ndarray
    global_outgoing_longwave: np.ndarray
