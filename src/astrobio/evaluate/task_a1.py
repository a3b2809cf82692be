"""Task A1: planet parameters to seasonal climate, measured by T8 and beside it, against every baseline."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from astrobio.core.console import progress
from astrobio.core.errors import DataMissing, RefusedInput, UsageError
from astrobio.core.planet_run import FIELD, STATES
from astrobio.datasets.pack import Pack
from astrobio.evaluate import baselines, metrics
from astrobio.evaluate.metrics import Truth
from astrobio.models.prediction import Prediction
from astrobio.training.runs import Predictor, load_predictor

SCHEMA_VERSION = 1


def truth_of(pack: Pack, indices: np.ndarray) -> Truth:
    """What the simulator gives for samples of a pack."""
    table = pack.samples
    return Truth(
        key=table["key"][indices],
        group=table["group"][indices],
        cold=table["start"][indices] == "cold",
        global_surface_temperature=pack.array("global_surface_temperature").take(indices).astype(np.float64),
        ice_fraction=pack.array("ice_fraction").take(indices).astype(np.float64),
        global_outgoing_longwave=pack.array("global_outgoing_longwave").take(indices).astype(np.float64),
        state=pack.array("state").take(indices).astype(np.int64),
        fields={name: pack.array(name).take(indices) for name in FIELD},
    )


def ensemble_prediction(predictions: list[Prediction]) -> Prediction:
    """Several models as one: probabilities are averaged, and the climate is that of the models that agree.

    The state is the likeliest under the mean probability; fields are averaged over the models that state it,
    so that climates of different states are never mixed. A spread holds the models' own and their disagreement.
    """
    if len(predictions) == 1:
        return predictions[0]
    probability = np.mean([item.state_probability for item in predictions], axis=0)
    states = np.stack([item.state for item in predictions])
    votes = np.stack([(states == place).sum(axis=0) for place in range(len(STATES))], axis=1)
    state = np.where(votes > 0, probability, -1.0).argmax(axis=1)
    weight = (states == state).astype(np.float64)
    weight /= weight.sum(axis=0)

    def mean(values: list[np.ndarray]) -> np.ndarray:
        stacked = np.stack(values)
        return (weight.reshape(*weight.shape, *([1] * (stacked.ndim - 2))) * stacked).sum(axis=0)

    def spread(values: list[np.ndarray], stds: list[np.ndarray]) -> np.ndarray:
        second = mean(
            [
                std.astype(np.float64) ** 2 + value.astype(np.float64) ** 2
                for std, value in zip(stds, values, strict=True)
            ]
        )
        return np.sqrt(np.maximum(second - mean([value.astype(np.float64) for value in values]) ** 2, 1e-12))

    first = predictions[0]
    whole = "global_surface_temperature"
    return replace(
        first,
        fields={name: mean([item.fields[name] for item in predictions]) for name in first.fields},
        std={name: spread([item.fields[name] for item in predictions], [item.std[name] for item in predictions])
             for name in first.std},
        state_probability=probability,
        state=state,
        global_surface_temperature=mean([getattr(item, whole) for item in predictions]),
        global_surface_temperature_std=spread([getattr(item, whole) for item in predictions],
                                              [item.global_surface_temperature_std for item in predictions]),
        ice_fraction=mean([item.ice_fraction for item in predictions]),
        global_outgoing_longwave=mean([item.global_outgoing_longwave for item in predictions]),
    )  # fmt: skip


def figures(truth: Truth, prediction: Prediction, mean_fields: dict[str, np.ndarray]) -> dict[str, Any]:
    """All figures of one model on one test set."""
    error = prediction.global_surface_temperature - truth.global_surface_temperature
    found = metrics.t8(truth, prediction)
    found["fields"] = metrics.field_figures(truth.fields, prediction.fields, mean_fields)
    found["global_temperature_rmse"] = float(np.sqrt(np.mean(error**2)))
    found["states"] = metrics.state_calibration(truth.state, prediction.state_probability)
    found["imbalance"] = _imbalance(truth, prediction)
    if prediction.std:
        std = prediction.global_surface_temperature_std
        mean = prediction.global_surface_temperature
        found["calibration"] = {
            "global_surface_temperature": metrics.coverage(truth.global_surface_temperature, mean, std),
            "crps_global_surface_temperature": metrics.gaussian_crps(truth.global_surface_temperature, mean, std),
        } | {
            name: metrics.coverage(truth.fields[name], prediction.fields[name], prediction.std[name])
            for name in prediction.std
        }
    return found


def _imbalance(truth: Truth, prediction: Prediction) -> dict[str, float]:
    """Task A3: global mean of absorbed minus outgoing radiation, W m-2, predicted and of the kept fields."""

    def of(fields: dict[str, np.ndarray]) -> np.ndarray:
        return (fields["absorbed_shortwave"].astype(np.float64) - fields["outgoing_longwave"]).mean(axis=(1, 2))

    return {
        "predicted_mean_absolute": float(np.abs(of(prediction.fields)).mean()),
        "simulated_mean_absolute": float(np.abs(of(truth.fields)).mean()),
    }


def evaluate_predictors(
    predictors: list[Predictor], pack: Pack, fast: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Figures of a model (or of several as one) and of all baselines on its split's test planets, and the planets."""
    split, limit = predictors[0].config.split, predictors[0].config.planets
    test = pack.indices(split, "test")
    train = pack.indices(split, "train", limit_planets=limit)
    known = train[: baselines.FAST_SAMPLES] if fast else train
    truth, fitted = truth_of(pack, test), truth_of(pack, known)
    parameters, start = pack.array("parameters"), pack.array("start")
    prediction = ensemble_prediction([item.predict(parameters.take(test), start.take(test)) for item in predictors])
    mean_fields = {name: values.mean(axis=0, keepdims=True) for name, values in fitted.fields.items()}
    found: dict[str, Any] = {
        "planets": len(set(truth.group.tolist())),
        "samples": len(test),
        "training_planets": len(set(pack.samples["group"][train].tolist())),
        "training_samples": len(train),
        "model": figures(truth, prediction, mean_fields),
        "members": len(predictors),
        "baselines": {},
        "baseline_training_samples": len(known),
    }
    training = baselines.Training(baselines.inputs(parameters.take(known), start.take(known)), fitted)
    asked = baselines.inputs(parameters.take(test), start.take(test))
    listed = baselines.predict_all(
        training, asked, lambda items: progress(items, f"Baselines, {split} split", len(items))
    )
    for name, (other, seconds) in listed.items():
        found["baselines"][name] = figures(truth, other, mean_fields) | {"seconds": seconds}
    return found, planet_rows(truth, prediction)


def planet_rows(truth: Truth, prediction: Prediction) -> list[dict[str, Any]]:
    """One row a test sample: truth, prediction, and what failed."""
    met = metrics.success(truth, prediction)
    error = _field_error(truth, prediction)
    return [
        {
            "key": str(truth.key[i]),
            "group": str(truth.group[i]),
            "temperature": float(truth.global_surface_temperature[i]),
            "predicted_temperature": float(prediction.global_surface_temperature[i]),
            "predicted_temperature_std": float(prediction.global_surface_temperature_std[i]),
            "ice": float(truth.ice_fraction[i]),
            "predicted_ice": float(prediction.ice_fraction[i]),
            "state": STATES[truth.state[i]],
            "predicted_state": STATES[prediction.state[i]],
            "state_probability": float(prediction.state_probability[i].max()),
            "field_rmse": float(error[i]),
            "success": bool(met["all"][i]),
            "counts": bool(metrics.drawn_start_is_cold(truth.group[i]) == truth.cold[i]),
        }
        for i in range(len(truth.key))
    ]


def _field_error(truth: Truth, prediction: Prediction) -> np.ndarray:
    name = "surface_temperature"
    return np.sqrt(((prediction.fields[name] - truth.fields[name]) ** 2).mean(axis=(1, 2)))


def evaluate_run(
    run: Path,
    companion: Path | None = None,
    fast: bool = False,
    members: list[Path] | None = None,
    store: str | Path | None = None,
) -> dict[str, Any]:
    """Measure a run on the test planets of its split, and write ``evaluation.json`` into its folder.

    Parameters
    ----------
    run : Path
        Folder of the run.
    companion : Path, optional
        A run of the same model that was trained on the other split: its figures stand beside.
    fast : bool
        Fit the baselines on 4,096 training samples at most, which the result says.
    members : list of Path, optional
        More runs on the same split and pack; all are averaged as one ensemble.
    store : path, optional
        The store whose pack is taken where the pack is no longer where the run was trained.

    Raises
    ------
    DataMissing, IntegrityError
        If the run or its pack is gone or has changed.
    RefusedInput
        If the runs were not trained on the same pack, or the companion on the same split.
    UsageError
        If ``run`` is a file.
    """
    if run.is_file():
        raise UsageError(f"{run} is a file; the folder of a run is expected")
    predictors = [load_predictor(path) for path in (run, *(members or []))]
    pack = predictors[0].pack(store)
    for other in predictors[1:]:
        if (other.lineage["pack_digest"], other.config.split) != (pack.digest, predictors[0].config.split):
            raise RefusedInput(f"{other.run} was trained on another pack or split than {run}")
    beside = None if companion is None else _companion(companion, run, predictors[0])
    for one in (predictors[0], beside):
        if one is not None and len(pack.indices(one.config.split, "test")) == 0:
            raise DataMissing(f"the pack {pack.path} holds no test planets of the {one.config.split} split",
                              fix="astrobio simulate vplanet --test-planets 500")  # fmt: skip
    # Whatever can be refused has been refused by now: from here on the test set is open.
    count = _note_opening(run, predictors, pack)
    own, rows = evaluate_predictors(predictors, pack, fast)
    splits = {predictors[0].config.split: own}
    if beside is not None:
        splits[beside.config.split], _ = evaluate_predictors([beside], pack, fast)
    document = {
        "schema_version": SCHEMA_VERSION,
        "task": "A1",
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "checkpoints": [item.checkpoint_digest for item in predictors],
        "companion": str(companion) if companion else None,
        "pack": pack.digest,
        "test_set_opened": count,
        "splits": splits,
    }
    _write_json(run / "evaluation.json", document)
    _write_json(run / "evaluation_planets.json", rows)
    return document


def _companion(path: Path, run: Path, first: Predictor) -> Predictor:
    beside = load_predictor(path)
    if beside.lineage["pack_digest"] != first.lineage["pack_digest"]:
        raise RefusedInput(f"the companion {path} was trained on another pack than {run}")
    if beside.config.split == first.config.split:
        other = "random" if first.config.split == "boxes" else "boxes"
        raise RefusedInput(
            f"the companion {path} was trained on the same split as {run}", fix=f"a run with --set split={other}"
        )
    return beside


def _note_opening(run: Path, predictors: list[Predictor], pack: Pack) -> int:
    """The test set is to be opened once: each opening leaves a line, and the count is reported."""
    path = run / "evaluations.jsonl"
    row = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "pack": pack.digest,
           "checkpoints": [item.checkpoint_digest for item in predictors]}  # fmt: skip
    with open(path, "a", encoding="utf-8") as stream:
        stream.write(json.dumps(row) + "\n")
    return len(path.read_text(encoding="utf-8").splitlines())


def _write_json(path: Path, document: Any) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(_finite(document), indent=1, allow_nan=False), encoding="utf-8")
    partial.replace(path)


def _finite(value: Any) -> Any:
    """Numbers that are not finite (a baseline states no spread) as null."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def summary_rows(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """Model and baselines as rows of a table, best T8 first."""
    listed = {f"model ({result['members']} run{'s' if result['members'] > 1 else ''})": result["model"]} | result[
        "baselines"
    ]
    rows: list[tuple[str, ...]] = []
    for name, item in sorted(listed.items(), key=lambda pair: -pair[1]["t8"]["share"]):
        low, high = item["t8"]["interval"]
        rows.append((name, f"{item['t8']['share']:.3f}", f"{low:.3f} to {high:.3f}", _percent(item["both_starts"]),
                     _percent(item["bistable"]), f"{item['fields']['mean_skill']:.4f}",
                     f"{item['global_temperature_rmse']:.2f}"))  # fmt: skip
    return rows


def _percent(share: dict[str, Any]) -> str:
    return "-" if share["share"] is None else f"{share['share']:.3f}"
