"""Designs: which planets to run. Scrambled Sobol points for training, a Latin hypercube for the test.

The two come from different constructions and seeds, and a test planet that equals a designed one would be
found by its group (the hash of its parameters) when a pack is built.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from astrobio.core.planet_run import PlanetParameters

SOBOL_SEED = 20260701
TEST_SEED = 20260702

_FLUX_SHARES = (0.0, 0.10, 0.90, 1.0)
_FLUX_BOUNDS = (0.65, 0.78, 1.30, 1.50)


def _to_parameters(point: NDArray[np.float64]) -> PlanetParameters:
    limits = PlanetParameters.limits()

    def linear(name: str, share: float) -> float:
        low, high = limits[name]
        return low + (high - low) * share

    def logarithmic(name: str, share: float) -> float:
        low, high = limits[name]
        return float(low * (high / low) ** share)

    return PlanetParameters(
        stellar_flux=1361.0 * float(np.interp(point[0], _FLUX_SHARES, _FLUX_BOUNDS)),
        obliquity=linear("obliquity", point[1]),
        eccentricity=linear("eccentricity", point[2]),
        longitude_of_pericentre=linear("longitude_of_pericentre", point[3]),
        heat_diffusion=logarithmic("heat_diffusion", point[4]),
        co2_partial_pressure=logarithmic("co2_partial_pressure", point[5]),
        land_fraction=linear("land_fraction", point[6]),
        mixed_layer_depth=logarithmic("mixed_layer_depth", point[7]),
        ice_albedo=linear("ice_albedo", point[8]),
    )


def sobol(count: int, skip: int = 0) -> list[PlanetParameters]:
    """Planets ``skip`` to ``skip + count`` of the scrambled Sobol sequence (Owen 1998).

    The sequence is one for all sizes: a larger ensemble holds the smaller one.

    >>> sobol(4)[2:] == sobol(2, skip=2)
    True
    """
    sampler = qmc.Sobol(len(PlanetParameters.names()), scramble=True, rng=np.random.default_rng(SOBOL_SEED))
    points = sampler.random_base2(max(1, math.ceil(math.log2(skip + count))))
    return [_to_parameters(point) for point in points[skip : skip + count]]


def latin_hypercube(count: int) -> list[PlanetParameters]:
    """``count`` planets of a Latin hypercube, disjoint from :func:`sobol`; each count is its own design.

    >>> len(latin_hypercube(3))
    3
    """
    sampler = qmc.LatinHypercube(len(PlanetParameters.names()), rng=np.random.default_rng(TEST_SEED))
    return [_to_parameters(point) for point in sampler.random(count)]
