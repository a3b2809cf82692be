"""The report of a run: one self-contained HTML page.

:func:`gather` collects what the page shows; :func:`render` is a pure function of it.
"""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from astrobio import __version__
from astrobio.core.errors import DataMissing, RefusedInput
from astrobio.datasets.pack import Pack
from astrobio.datasets.splits import reduced_flux
from astrobio.report import figures
from astrobio.training.runs import load_predictor

_CSS = """
:root{--ink:#1c2430;--soft:#5b6675;--line:#dde3ea;--back:#fff;--card:#f6f8fa;--accent:#0072b2}
@media (prefers-color-scheme:dark){:root{--ink:#e7ebf0;--soft:#a5b0bd;--line:#39424e;--back:#14181d;--card:#1d232a;--accent:#56b4e9}
figure img{background:#fff;border-radius:6px;padding:4px}}
*{box-sizing:border-box}body{margin:0;background:var(--back);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{max-width:66rem;margin:0 auto;padding:1.5rem 1.2rem 4rem}h1{font-size:1.7rem;margin:.2em 0}
h2{font-size:1.2rem;margin:2.2em 0 .5em;border-bottom:1px solid var(--line);padding-bottom:.2em}
.meta,figcaption,.note{color:var(--soft);font-size:.9rem}.cards{display:flex;flex-wrap:wrap;gap:.8rem;margin:1.2rem 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.7rem 1rem;flex:1 1 11rem}
.card b{display:block;font-size:1.5rem}.card span{color:var(--soft);font-size:.85rem}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem;margin:.6em 0;font-variant-numeric:tabular-nums}
th,td{padding:.3em .7em;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left}th{font-weight:600}tr.model td{font-weight:600;color:var(--accent)}
td.best{text-decoration:underline;text-underline-offset:3px}figure{margin:1em 0}figure img{max-width:100%;height:auto}
code,pre{font:0.85em/1.5 ui-monospace,monospace;overflow-wrap:anywhere}pre{background:var(--card);padding:.8em;border-radius:6px;overflow-x:auto}
@media print{h2{break-after:avoid}figure,table{break-inside:avoid}main{max-width:none}}
"""


_LOSS_WORDS = (
    "Cross-entropy of the regime plus the continuous ranked probability score of the fields, each in units of its scale; "
    "and the learning rate, by epoch."
)


@dataclass(frozen=True)
class Comparison:
    """A planet whose climate the page shows."""

    label: str
    key: str
    truth: np.ndarray
    predicted: np.ndarray


@dataclass(frozen=True)
class ReportData:
    """All that the page shows; nothing is read or computed after it."""

    name: str
    evaluation: dict[str, Any]
    planets: list[dict[str, Any]]
    epochs: list[dict[str, float]]
    config: dict[str, Any]
    split: str
    comparisons: list[Comparison]
    flux: np.ndarray
    obliquity: np.ndarray
    facts: dict[str, str]
    counts: dict[str, dict[str, int]]


def write_report(run: Path, store: str | Path | None = None) -> Path:
    """Write ``report.html`` into a run's folder.

    Raises
    ------
    DataMissing
        If the run was not evaluated.
    RefusedInput
        If its evaluation is of another checkpoint.
    """
    path = run / "report.html"
    partial = path.with_name(".report.html.partial")
    partial.write_text(render(gather(run, store)), encoding="utf-8")
    partial.replace(path)
    return path


def gather(run: Path, store: str | Path | None = None) -> ReportData:
    """Collect what the page shows from a run's folder and its pack."""
    try:
        evaluation = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))
        planets = json.loads((run / "evaluation_planets.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataMissing(f"{run} was not evaluated", fix=f"astrobio evaluate {run}") from error
    except ValueError as error:
        raise RefusedInput(
            f"the evaluation in {run} cannot be read: {error}", fix=f"astrobio evaluate {run}"
        ) from error
    predictor = load_predictor(run)
    if predictor.checkpoint_digest not in evaluation["checkpoints"]:
        raise RefusedInput(f"the evaluation in {run} is of another checkpoint", fix=f"astrobio evaluate {run}")
    pack = predictor.pack(store)
    counted = [row for row in planets if row["counts"]]
    place = {key: number for number, key in enumerate(pack.samples["key"])}
    chosen = np.array([place[row["key"]] for row in counted])
    parameters = pack.array("parameters").take(chosen)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return ReportData(
        name=run.name,
        evaluation=evaluation,
        planets=counted,
        epochs=[row for row in rows if "epoch" in row],
        config=yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8")),
        split=predictor.config.split,
        comparisons=_comparisons(predictor, pack, counted, place),
        flux=reduced_flux(parameters),
        obliquity=parameters[:, 1],
        facts={
            "Model": f"{predictor.config.model}, preset {predictor.preset}, {predictor.parameter_count:,} parameters",
            "Trained": f"{predictor.epoch} epochs, {predictor.step:,} steps (best by validation loss)",
            "Checkpoint": predictor.checkpoint_digest,
            "Pack": pack.digest,
            "Records": pack.manifest.records_sha256,
            "Pack built by code": pack.manifest.code_sha256,
            "Software": f"astrobio {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}",
        },
        counts=pack.manifest.counts,
    )


def _comparisons(predictor: Any, pack: Pack, rows: list[dict[str, Any]], place: dict[str, int]) -> list[Comparison]:
    """Best, median and worst test planet by the error of their temperature field, and Earth."""
    ranked = sorted(rows, key=lambda row: row["field_rmse"])
    picked = [("Best", ranked[0]["key"]), ("Median", ranked[len(ranked) // 2]["key"]), ("Worst", ranked[-1]["key"])]
    if "earth-000000-warm" in place:
        picked.append(("Earth", "earth-000000-warm"))
    indices = np.array([place[key] for _, key in picked])
    prediction = predictor.predict(pack.array("parameters").take(indices), pack.array("start").take(indices))
    truth = pack.array("surface_temperature").take(indices)
    return [
        Comparison(label, key, truth[number].astype(np.float64), prediction.fields["surface_temperature"][number])
        for number, (label, key) in enumerate(picked)
    ]


def render(data: ReportData) -> str:
    """The page, from what :func:`gather` collected."""
    own = data.evaluation["splits"][data.split]
    sections = [
        _head(data, own),
        *(_comparison_section(split, result) for split, result in data.evaluation["splits"].items()),
        _climates(data),
        _section("Learning", _image(figures.learning_curves(data.epochs), _LOSS_WORDS)),
        _section(
            "Predicted and simulated",
            _image(figures.parity(data.planets), "Each test planet once, by its drawn start."),
        ),
        _calibration(own["model"]),
        _failures(data, own["model"]),
        _consistency(own),
        _provenance(data),
    ]
    shown = {"evaluation": data.evaluation, "epochs": data.epochs}
    # "</script" would end the block, and "<!--" would hide its end, whatever they stand in.
    block = json.dumps(shown, allow_nan=False).replace("<", "\\u003c")
    return (
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width,initial-scale=1">'
        f"<title>{escape(data.name)}: climate emulator report</title><style>{_CSS}</style></head><body><main>"
        + "\n".join(sections)
        + f'</main><script type="application/json" id="report-data">{block}</script></body></html>\n'
    )


def _section(title: str, *parts: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def _image(figure: Any, caption: str) -> str:
    return f'<figure><img src="{figures.to_data_uri(figure)}" alt="{escape(caption)}"><figcaption>{escape(caption)}</figcaption></figure>'


def _share(item: dict[str, Any]) -> str:
    if item["share"] is None:
        return "none"
    low, high = item["interval"]
    return f"{item['share']:.3f} ({low:.3f} to {high:.3f})"


def _head(data: ReportData, own: dict[str, Any]) -> str:
    model = own["model"]
    low, high = model["t8"]["interval"]
    best = max(item["t8"]["share"] for item in own["baselines"].values())
    cards = [
        (f"{model['t8']['share']:.1%}", f"T8 on {model['t8']['n']} held-out planets ({low:.1%} to {high:.1%})"),
        (f"{best:.1%}", "T8 of the best baseline"),
        (f"{model['fields']['mean_skill']:.4f}", "field skill, mean of the variables"),
        (f"{model['global_temperature_rmse']:.2f} K", "error of the global temperature (RMSE)"),
    ]
    shown = "".join(f"<div class=card><b>{value}</b><span>{escape(words)}</span></div>" for value, words in cards)
    members = f", {own['members']} runs as one ensemble" if own["members"] > 1 else ""
    return (
        f"<header><p class=meta>Climate emulator report, {escape(data.evaluation['time'])}</p><h1>{escape(data.name)}</h1>"
        f"<p>An emulator of the seasonal energy-balance model VPLanet POISE, trained on {own['training_planets']:,} planets "
        f"from a warm and a cold start each{members}. No climate solver is among its inputs.</p></header>"
        f"<div class=cards>{shown}</div>"
        "<p class=note>T8 is the share of held-out planets for which three things are right at once: the global mean surface "
        "temperature within 3 K, the ice-covered fraction within 0.05, and the climate state (hot, snowball, ice-free, "
        "partial ice). Each planet counts once, with a start that is drawn by the hash of its parameters; intervals are "
        f"Wilson's, 95 %. This run's test set was opened {data.evaluation['test_set_opened']} time(s).</p>"
    )


def _comparison_section(split: str, result: dict[str, Any]) -> str:
    listed = {"model": result["model"]} | result["baselines"]
    names = list(result["model"]["fields"]["variables"])
    head = [
        "",
        "T8 (95 %)",
        "both starts",
        "bistable",
        "ice merged",
        "T (K)",
        "field skill",
        *(f"skill: {n.replace('_', ' ')}" for n in names),
    ]
    best = {n: max((i["fields"]["variables"][n]["skill"] or 0.0) for i in listed.values()) for n in names}
    rows = []
    for name, item in sorted(listed.items(), key=lambda pair: -pair[1]["t8"]["share"]):
        cells = [escape(name), _share(item["t8"]), _short(item["both_starts"]), _short(item["bistable"]),
                 _short(item["merged"]), f"{item['global_temperature_rmse']:.2f}",
                 _skill(item["fields"]["mean_skill"])]  # fmt: skip
        shown = "".join(f"<td>{cell}</td>" for cell in cells)
        for n in names:
            skill = item["fields"]["variables"][n]["skill"]
            shown += f"<td{' class=best' if skill == best[n] else ''}>{_skill(skill)}</td>"
        rows.append(f"<tr{' class=model' if name == 'model' else ''}>{shown}</tr>")
    table = f"<div class=wide><table><tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>{''.join(rows)}</table></div>"
    bars = [(name, item["t8"]["share"], *item["t8"]["interval"]) for name, item in listed.items()]
    words = {"random": "Comparison: a random split", "boxes": "Comparison: whole boxes of parameter space held out"}
    note = (
        f"<p class=note>{result['planets']} test planets. Baselines were fitted on {result['baseline_training_samples']:,} "
        f"training runs of the {result['training_samples']:,} that the model learned from. Skill is 1 - MSE / MSE(training "
        "mean) of a variable, best underlined; field skill is its mean over the variables. T: error of the global temperature "
        "(RMSE). Bistable: planets whose two starts end in different climates.</p>"
    )
    return _section(
        words.get(split, split), note, table, _image(figures.comparison_bars(bars), "T8 with its 95 % interval.")
    )


def _skill(value: float | None) -> str:
    return "none" if value is None else f"{round(value, 4) + 0.0:.4f}"


def _short(item: dict[str, Any]) -> str:
    return "none" if item["share"] is None else f"{item['share']:.3f}"


def _climates(data: ReportData) -> str:
    parts = []
    for item in data.comparisons:
        rmse = float(np.sqrt(np.mean((item.truth - item.predicted) ** 2)))
        title = f"{item.label}: {item.key}"
        words = f"{title}. RMSE of the field {rmse:.2f} K; white: -2 °C, where ice begins."
        parts.append(_image(figures.climate_comparison(title, item.truth, item.predicted), words))
    note = (
        "<p class=note>Best, median and worst of the test planets by the error of this field, and the Earth control, which "
        "is in no split. The year begins at the northern winter solstice.</p>"
    )
    return _section("Climates", note, *parts)


def _calibration(model: dict[str, Any]) -> str:
    states = model["states"]
    words = (
        f"<p>Brier score of the state {states['brier']:.4f}, expected calibration error {states['calibration_error']:.4f}; "
        f"continuous ranked probability score of the global temperature "
        f"{model['calibration']['crps_global_surface_temperature']:.3f} K.</p>"
    )
    return _section("Calibration", words, _image(figures.calibration(model), "Do stated intervals hold what they say?"))


def _failures(data: ReportData, model: dict[str, Any]) -> str:
    wrong = sorted(
        (row for row in data.planets if not row["success"]),
        key=lambda row: -abs(row["temperature"] - row["predicted_temperature"]),
    )
    causes = ", ".join(f"{count} {name}" for name, count in model["failures"].items())
    head = "<tr><th>planet</th><th>state</th><th>predicted</th><th>probability</th><th>T (K)</th><th>predicted</th><th>ice</th><th>predicted</th></tr>"
    rows = "".join(
        f"<tr><td>{escape(row['key'])}</td><td>{row['state'].replace('_', ' ')}</td><td>{row['predicted_state'].replace('_', ' ')}</td>"
        f"<td>{row['state_probability']:.2f}</td><td>{row['temperature']:.1f}</td><td>{row['predicted_temperature']:.1f}</td>"
        f"<td>{row['ice']:.3f}</td><td>{row['predicted_ice']:.3f}</td></tr>"
        for row in wrong[:15]
    )
    return _section(
        "Failures",
        f"<p>{len(wrong)} of {len(data.planets)} planets fail, by their first cause: {causes}.</p>",
        _image(
            figures.failures(data.planets, data.flux, data.obliquity),
            "Where the model fails: near the edge between two climates.",
        ),
        _image(figures.confusion(model["confusion"]), "Test planets by simulated and predicted state."),
        f"<div class=wide><table>{head}{rows}</table></div>",
    )


def _consistency(own: dict[str, Any]) -> str:
    item = own["model"]["imbalance"]
    return _section(
        "Physical consistency",
        f"<p>Mean absolute global imbalance (absorbed minus outgoing radiation): {item['predicted_mean_absolute']:.3f} W m<sup>-2</sup> "
        f"in the predictions, {item['simulated_mean_absolute']:.3f} W m<sup>-2</sup> in the kept fields of the simulator. Albedo, ice and "
        "absorbed radiation keep their limits, and heat transport integrates to zero, by construction.</p>",
    )


def _provenance(data: ReportData) -> str:
    facts = "".join(
        f"<tr><td>{escape(name)}</td><td style='text-align:left'><code>{escape(value)}</code></td></tr>"
        for name, value in data.facts.items()
    )
    counts = "".join(
        f"<tr><td>{escape(name)}</td><td style='text-align:left'>{escape(', '.join(f'{n}: {c}' for n, c in values.items()))}</td></tr>"
        for name, values in data.counts.items()
    )
    again = (
        "python training/enable_automatic_data_download.py\n"
        "python train_unified_sota.py --config config.yaml --run again   # with this run's config.yaml\n"
        f"astrobio evaluate outputs/sota_training/again\nastrobio lineage outputs/sota_training/{data.name} --check"
    )
    declared = data.counts.get("assurance", {}).get("declared", 0)
    words = f"<p><b>{declared} of these records are declared only: nothing but their user's word stands behind their origin.</b></p>"
    return _section(
        "Provenance",
        f"<div class=wide><table>{facts}{counts}</table></div>",
        words if declared else "",
        "<p>Each record is a run of VPLanet with its input files, program version and binary digest; "
        "<code>astrobio lineage</code> reaches them.</p>",
        f"<h3>Made again</h3><pre>{escape(again)}</pre>",
        f"<h3>Configuration</h3><pre>{escape(yaml.safe_dump(data.config, sort_keys=False))}</pre>",
    )
