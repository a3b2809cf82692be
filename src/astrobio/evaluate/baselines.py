"""Baselines: what a user would try instead, fitted on the same planets with the same inputs.

All get the planet's nine numbers with sensible transforms, the start, and the reduced flux that the network
is given too. Fields are predicted through principal components of the training fields that keep 99.9 % of
their variance. The state of a regressor follows a classifier of its own kind.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from astrobio.core.planet_run import HOT_LONGWAVE, STATES, PlanetParameters
from astrobio.datasets.splits import reduced_flux
from astrobio.evaluate.metrics import Truth
from astrobio.models.prediction import Prediction

GP_SAMPLES = 2048
FAST_SAMPLES = 4096
KEPT_VARIANCE = 0.999
_SCALARS = ("global_surface_temperature", "ice_fraction", "global_outgoing_longwave")


@dataclass(frozen=True)
class Training:
    """Inputs (N, F) and targets that baselines are fitted on."""

    inputs: NDArray[np.float64]
    truth: Truth


def inputs(parameters: NDArray, start: NDArray) -> NDArray[np.float64]:
    """Inputs of every baseline, (N, 12), of order one."""
    names = PlanetParameters.names()
    values = {name: parameters[:, place].astype(np.float64) for place, name in enumerate(names)}
    angle = np.radians(values["longitude_of_pericentre"])
    return np.stack(
        [
            np.log(reduced_flux(parameters)) * 4,
            values["stellar_flux"] / 1361 - 1,
            values["obliquity"] / 45 - 1,
            values["eccentricity"] * np.cos(angle) * 5,
            values["eccentricity"] * np.sin(angle) * 5,
            values["eccentricity"] * 6 - 1,
            np.log(values["heat_diffusion"]),
            np.log10(values["co2_partial_pressure"]) / 2 + 1.5,
            values["land_fraction"] * 2 - 1,
            np.log(values["mixed_layer_depth"]) - 3.7,
            values["ice_albedo"] * 10 - 6,
            start.astype(np.float64) * 2 - 1,
        ],
        axis=1,
    )


class FieldBasis:
    """Principal components of the training fields, each variable scaled by its own spread."""

    def __init__(self, fields: dict[str, NDArray]) -> None:
        self.shapes = {name: values.shape[1:] for name, values in fields.items()}
        self.mean = {name: values.mean(axis=0) for name, values in fields.items()}
        self.scale = {name: float(values.std()) or 1.0 for name, values in fields.items()}
        flat = self._flatten(fields)
        sample = flat[:: max(1, len(flat) // 4000)]
        _, singular, vectors = np.linalg.svd(sample, full_matrices=False)
        variance = np.cumsum(singular**2)
        kept = int(np.searchsorted(variance, KEPT_VARIANCE * variance[-1])) + 1
        self.vectors = vectors[:kept]

    def _flatten(self, fields: dict[str, NDArray]) -> NDArray:
        parts = [((fields[name] - self.mean[name]) / self.scale[name]).reshape(len(fields[name]), -1)
                 for name in self.shapes]  # fmt: skip
        return np.concatenate(parts, axis=1).astype(np.float32)

    def coefficients(self, fields: dict[str, NDArray]) -> NDArray:
        """(N, components)."""
        return self._flatten(fields) @ self.vectors.T

    def fields(self, coefficients: NDArray) -> dict[str, NDArray]:
        """Fields in their units."""
        flat = coefficients @ self.vectors
        out, position = {}, 0
        for name, shape in self.shapes.items():
            size = int(np.prod(shape))
            part = flat[:, position : position + size].reshape(-1, *shape)
            out[name] = part * self.scale[name] + self.mean[name]
            position += size
        return out


def targets(truth: Truth, basis: FieldBasis) -> NDArray[np.float64]:
    """Global temperature, ice fraction, outgoing flux, then the components: (N, 3 + components)."""
    scalars = np.stack([getattr(truth, name) for name in _SCALARS], axis=1)
    return np.concatenate([scalars, basis.coefficients(truth.fields)], axis=1).astype(np.float64)


def as_prediction(values: NDArray, probability: NDArray, basis: FieldBasis) -> Prediction:
    """A baseline's outputs as a prediction; hot follows from the outgoing flux, as in the definition."""
    state = probability.argmax(axis=1)
    hot = STATES.index("hot")
    state = np.where(values[:, 2] >= HOT_LONGWAVE, hot, np.where(state == hot, STATES.index("ice_free"), state))
    return Prediction(
        fields=basis.fields(values[:, 3:]),
        std={},
        state_probability=probability,
        state=state,
        global_surface_temperature=values[:, 0],
        global_surface_temperature_std=np.full(len(values), np.nan),
        ice_fraction=np.clip(values[:, 1], 0.0, 1.0),
        global_outgoing_longwave=values[:, 2],
    )


def _probability(classifier: Any, known: NDArray, state: NDArray, asked: NDArray) -> NDArray[np.float64]:
    """(N, 4) by a classifier that is fitted here; states that are not known to it are never stated."""
    out = np.zeros((len(asked), len(STATES)))
    seen = np.unique(state)
    if len(seen) == 1:  # nothing to tell apart
        out[:, seen] = 1.0
    else:
        classifier.fit(known, state)
        out[:, classifier.classes_.astype(int)] = classifier.predict_proba(asked)
    return out


def training_mean(training: Training, basis: FieldBasis, test: NDArray) -> tuple[NDArray, NDArray]:
    """The training mean of everything, and the commonest state."""
    values = np.repeat(targets(training.truth, basis).mean(axis=0, keepdims=True), len(test), axis=0)
    share = np.bincount(training.truth.state, minlength=len(STATES)) / len(training.truth.state)
    return values, np.repeat(share[None], len(test), axis=0)


def ridge(training: Training, basis: FieldBasis, test: NDArray) -> tuple[NDArray, NDArray]:
    """Ridge regression on all products of two inputs; logistic regression for the state."""
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    model = make_pipeline(PolynomialFeatures(2), StandardScaler(), RidgeCV(alphas=(0.01, 0.1, 1.0, 10.0, 100.0)))
    model.fit(training.inputs, targets(training.truth, basis))
    state = make_pipeline(PolynomialFeatures(2), StandardScaler(), LogisticRegression(max_iter=300))
    return model.predict(test), _probability(state, training.inputs, training.truth.state, test)


def nearest_neighbours(training: Training, basis: FieldBasis, test: NDArray) -> tuple[NDArray, NDArray]:
    """The mean of the nearest training planets; how many is chosen by cross-validation."""
    from sklearn.model_selection import GridSearchCV
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    weight = np.ones(training.inputs.shape[1])
    weight[0] = 3.0  # the reduced flux decides most
    known, asked = training.inputs * weight, test * weight
    count = min(3, len(known))
    if len(known) >= 3 * 12:
        search = GridSearchCV(KNeighborsRegressor(weights="distance"), {"n_neighbors": [3, 6, 12]}, cv=3)
        count = search.fit(known, training.truth.global_surface_temperature).best_params_["n_neighbors"]
    model = KNeighborsRegressor(count, weights="distance").fit(known, targets(training.truth, basis))
    state = KNeighborsClassifier(count, weights="distance")
    return model.predict(asked), _probability(state, known, training.truth.state, asked)


def _trees_probability(training: Training, test: NDArray) -> NDArray[np.float64]:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(max_iter=150, learning_rate=0.1, max_leaf_nodes=31, random_state=0)
    return _probability(model, training.inputs, training.truth.state, test)


def boosted_trees(training: Training, basis: FieldBasis, test: NDArray) -> tuple[NDArray, NDArray]:
    """Gradient-boosted trees, one for each target; components beyond the twelfth by ridge."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    wanted = targets(training.truth, basis)
    values, _ = ridge(training, basis, test)
    for column in range(min(15, wanted.shape[1])):
        model = HistGradientBoostingRegressor(max_iter=150, learning_rate=0.1, max_leaf_nodes=31, random_state=0)
        values[:, column] = model.fit(training.inputs, wanted[:, column]).predict(test)
    return values, _trees_probability(training, test)


def _per_state(
    training: Training, basis: FieldBasis, test: NDArray, fit: Callable[..., Any]
) -> tuple[NDArray, NDArray]:
    """A classifier names the state; a regressor of that state gives the climate."""
    probability = _trees_probability(training, test)
    wanted, named = targets(training.truth, basis), probability.argmax(axis=1)
    values = np.zeros((len(test), wanted.shape[1]))
    for place in range(len(STATES)):
        chosen, asked = training.truth.state == place, named == place
        if asked.any():
            values[asked] = fit(training.inputs[chosen], wanted[chosen], test[asked])
    return values, probability


def trees_and_ridge_per_state(training: Training, basis: FieldBasis, test: NDArray) -> tuple[NDArray, NDArray]:
    """Boosted trees for the state, then a ridge regression on products of three inputs for each state."""
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    def fit(known: NDArray, wanted: NDArray, asked: NDArray) -> NDArray:
        degree = 3 if len(known) > 600 else 2 if len(known) > 120 else 1
        model = make_pipeline(PolynomialFeatures(degree), StandardScaler(), RidgeCV(alphas=(0.1, 1.0, 10.0, 100.0)))
        return model.fit(known, wanted).predict(asked)

    return _per_state(training, basis, test, fit)


def gaussian_process_per_state(training: Training, basis: FieldBasis, test: NDArray) -> tuple[NDArray, NDArray]:
    """Boosted trees for the state, then for each state an exact Gaussian process on at most 2,048 samples.

    Anisotropic Matern-5/2 kernel; its length scales are fitted to the global temperature of 400 samples and
    shared by all targets.
    """
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    def fit(known: NDArray, wanted: NDArray, asked: NDArray) -> NDArray:
        known, wanted = known[:GP_SAMPLES], wanted[:GP_SAMPLES]
        mean, spread = wanted.mean(axis=0), wanted.std(axis=0) + 1e-9
        scaled = (wanted - mean) / spread
        kernel = ConstantKernel(1.0, (1e-2, 1e3)) * Matern(np.full(known.shape[1], 3.0), (0.1, 100.0), nu=2.5)
        kernel += WhiteKernel(1e-3, (1e-7, 1.0))
        few = GaussianProcessRegressor(kernel, random_state=0).fit(known[:400], scaled[:400, 0])
        full = GaussianProcessRegressor(few.kernel_, optimizer=None).fit(known, scaled)
        return np.atleast_2d(full.predict(asked)) * spread + mean

    return _per_state(training, basis, test, fit)


BASELINES: dict[str, Callable[[Training, FieldBasis, NDArray], tuple[NDArray, NDArray]]] = {
    "training mean": training_mean,
    "ridge": ridge,
    "k nearest neighbours": nearest_neighbours,
    "boosted trees": boosted_trees,
    "trees and ridge per state": trees_and_ridge_per_state,
    "Gaussian process per state": gaussian_process_per_state,
}


def predict_all(
    training: Training, test: NDArray, bar: Callable[[Any], Any] = iter
) -> dict[str, tuple[Prediction, float]]:
    """Prediction of every baseline for test inputs (N, F), and the seconds that fitting and predicting took."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    basis = FieldBasis(training.truth.fields)
    found = {}
    for name, model in bar(list(BASELINES.items())):
        begun = time.perf_counter()
        with warnings.catch_warnings():
            # A length scale at its bound means an input that does not matter there; the fit is used as it is.
            warnings.simplefilter("ignore", ConvergenceWarning)
            values, probability = model(training, basis, test)
        found[name] = as_prediction(values, probability, basis), round(time.perf_counter() - begun, 2)
    return found
