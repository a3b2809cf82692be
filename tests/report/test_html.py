"""The report: one page that loads nothing, whose numbers are those of the evaluation."""

from __future__ import annotations

import base64
import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from astrobio.core.errors import DataMissing, RefusedInput
from astrobio.evaluate.baselines import BASELINES
from astrobio.report.html import gather, render, write_report
from astrobio.training import checkpoint

VOID = {"meta", "img", "br", "hr", "link", "input"}
SECTIONS = ["Comparison: a random split", "Comparison: whole boxes of parameter space held out", "Climates", "Learning",
            "Predicted and simulated", "Calibration", "Failures", "Physical consistency", "Provenance"]  # fmt: skip


class Page(HTMLParser):
    """What a page holds: elements, text by element, and whether every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def of(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]


@pytest.fixture
def run(evaluated_run, tmp_path) -> Path:
    """A copy of the evaluated run that a test may change."""
    return Path(shutil.copytree(evaluated_run, tmp_path / "run"))


@pytest.fixture(scope="module")
def written(evaluated_run, tmp_path_factory):
    run = Path(shutil.copytree(evaluated_run, tmp_path_factory.mktemp("report") / "written"))
    path = write_report(run)
    assert path == run / "report.html"
    assert not list(run.glob(".*partial"))
    return path.read_text(encoding="utf-8"), json.loads((run / "evaluation.json").read_text())


def test_the_page_loads_nothing(written):
    text, _ = written
    page = Page(text)
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base", "video", "audio")
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            value = attributes.get(name)
            assert value is None or value.startswith("data:image/png;base64,")
        assert not any(name.startswith("on") for name in attributes)
    scripts = [attributes for tag, attributes in page.elements if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "report-data"}]
    assert "url(" not in "".join(page.of("style"))
    assert "@import" not in "".join(page.of("style"))


def test_every_image_is_a_png_within_the_page_and_has_words(written):
    images = [attributes for tag, attributes in Page(written[0]).elements if tag == "img"]
    assert len(images) == 11  # two splits, four climates, and five figures more
    for image in images:
        content = base64.b64decode(image["src"].removeprefix("data:image/png;base64,"), validate=True)
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        assert len(content) > 5000
        assert len(image["alt"]) > 10


def test_all_sections_are_there_in_order(written):
    page = Page(written[0])
    assert page.of("h2") == SECTIONS
    assert page.of("h1") == ["written"]
    assert page.of("title") == ["written: climate emulator report"]


def test_the_numbers_of_the_page_are_those_of_the_evaluation(written):
    text, evaluation = written
    page = Page(text)
    own = evaluation["splits"]["random"]["model"]
    best = max(item["t8"]["share"] for item in evaluation["splits"]["random"]["baselines"].values())
    assert page.of("b")[:4] == [f"{own['t8']['share']:.1%}", f"{best:.1%}", f"{own['fields']['mean_skill']:.4f}",
                                f"{own['global_temperature_rmse']:.2f} K"]  # fmt: skip
    cells = page.of("td")
    for result in evaluation["splits"].values():
        for item in (result["model"], *result["baselines"].values()):
            low, high = item["t8"]["interval"]
            assert f"{item['t8']['share']:.3f} ({low:.3f} to {high:.3f})" in cells
            assert f"{item['global_temperature_rmse']:.2f}" in cells
            for figures in item["fields"]["variables"].values():
                assert f"{round(figures['skill'], 4) + 0.0:.4f}" in cells
            assert f"{round(item['fields']['mean_skill'], 4) + 0.0:.4f}" in cells
    for name in ("model", *BASELINES):
        assert cells.count(name) == 2
    paragraphs = " ".join(page.of("p"))
    assert f"Brier score of the state {own['states']['brier']:.4f}" in paragraphs
    assert f"{own['imbalance']['predicted_mean_absolute']:.3f} W m" in paragraphs
    assert "test set was opened 1 time(s)" in paragraphs
    (shown,) = page.of("script")
    assert json.loads(shown)["evaluation"] == evaluation


def test_the_page_names_what_it_stands_on(written, evaluated_run, small_pack):
    from astrobio.datasets.pack import Pack

    codes = Page(written[0]).of("code")
    assert checkpoint.verify(evaluated_run / "checkpoints" / "best.pt") in codes
    assert Pack.open(small_pack).digest in codes
    assert Pack.open(small_pack).manifest.records_sha256 in codes


def test_as_many_planets_fail_as_the_evaluation_says(written, evaluated_run):
    text, evaluation = written
    rows = json.loads((evaluated_run / "evaluation_planets.json").read_text())
    wrong = [row["key"] for row in rows if row["counts"] and not row["success"]]
    figures = evaluation["splits"]["random"]["model"]
    assert len(wrong) == figures["t8"]["n"] - figures["t8"]["successes"] == sum(figures["failures"].values())
    assert f"{len(wrong)} of {figures['t8']['n']} planets fail" in " ".join(Page(text).of("p"))
    cells = Page(text).of("td")
    for key in wrong[:15]:
        assert key in cells


def test_the_same_run_gives_the_same_page(run):
    data = gather(run)
    assert render(data) == render(data)


def test_hostile_names_stay_text(evaluated_run, tmp_path):
    name = '<script>alert("x")&'
    run = Path(shutil.copytree(evaluated_run, tmp_path / name))
    evaluation = json.loads((run / "evaluation.json").read_text())
    evaluation["companion"] = "<!--<script></script><script>alert(1)</script>"
    (run / "evaluation.json").write_text(json.dumps(evaluation))
    page = Page(write_report(run).read_text(encoding="utf-8"))
    assert page.of("h1") == [name]
    assert page.of("h2") == SECTIONS
    (shown,) = page.of("script")
    assert "<" not in shown
    assert json.loads(shown)["evaluation"]["companion"] == evaluation["companion"]


def test_a_run_that_was_not_evaluated_has_no_report(small_run, tmp_path):
    with pytest.raises(DataMissing, match="was not evaluated\nRun: astrobio evaluate") as seen:
        write_report(small_run)
    assert seen.value.exit_code == 3
    assert not (small_run / "report.html").exists()
    with pytest.raises(DataMissing, match="was not evaluated"):
        write_report(tmp_path / "none")
    with pytest.raises(DataMissing, match="was not evaluated"):
        write_report(small_run / "config.yaml")


def test_an_evaluation_of_another_checkpoint_is_refused(run):
    path = run / "checkpoints" / "best.pt"
    state = checkpoint.load(path)
    checkpoint.save(path, state | {"step": state["step"] + 1})
    with pytest.raises(RefusedInput, match="is of another checkpoint\nRun: astrobio evaluate") as seen:
        write_report(run)
    assert seen.value.exit_code == 4
    assert not (run / "report.html").exists()


def test_an_evaluation_that_is_cut_short_is_refused(run):
    path = run / "evaluation.json"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(RefusedInput, match="cannot be read"):
        write_report(run)
