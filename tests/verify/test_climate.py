"""Climate files: genuine ones are admitted and labelled, others refused by the check that is made for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from astrobio.archives.registry import SOURCES, group, verify
from astrobio.fetch.mirror import product_of
from astrobio.verify.exoplasim import check_pair
from astrobio.verify.verdict import Verdict
from tests.verify.bad_climate import (
    COLUMN,
    DESCRIPTION,
    MODEL,
    REANALYSIS,
    RUN,
    SERIES,
    Edited,
    about,
    attributes,
    bad_climate,
    bad_pairs,
    edited,
    offered,
    truncated_climate,
    values,
)


def genuine(mirror: Path, name: str) -> dict[str, Verdict]:
    """The verdict on each file of a source in a mirror, by its path."""
    found = {}
    for path in sorted(path for path in mirror.rglob("*") if path.is_file()):
        product = product_of(SOURCES[name], path.relative_to(mirror).as_posix())
        if product is not None:
            provenance = offered(name, product.name, path.name)
            found[path.relative_to(mirror).as_posix()] = verify(path.read_bytes(), provenance)
    return found


def failing(verdict: Verdict) -> set[tuple[str, str]]:
    return {(one.gate, one.check) for one in verdict.findings if not one.passed and one.severity == "refuse"}


def flagged(verdict: Verdict) -> set[str]:
    return {one.check for one in verdict.findings if not one.passed and one.severity == "flag"} - {"completeness"}


def counted(verdicts: dict[str, Verdict], what: str) -> int:
    return sum(verdict.counts.get(what, 0) for verdict in verdicts.values())


def test_every_cmip_file_is_admitted(archive_mirror):
    verdicts = genuine(archive_mirror, "cmip")
    assert len(verdicts) == counted(verdicts, "climate files") == 6
    assert [verdict.reasons for verdict in verdicts.values()] == [[]] * 6
    labels = {path.partition("cmip/")[2].split("_")[2]: flagged(verdict) for path, verdict in verdicts.items()}
    assert labels == {
        "CESM2": set(), "CCSM4": set(), "GFDL-ESM4": set(), "ICON-ESM-LR": set(), "MIROC6": set(),
        "IPSL-CM6A-LR": {"licence of the file"},
    }  # fmt: skip


def test_every_other_file_of_earth_is_admitted_and_its_oddities_noted(archive_mirror):
    verdicts = genuine(archive_mirror, "earth_climate")
    assert (counted(verdicts, "climate files"), counted(verdicts, "reanalysis files")) == (4, 1)
    assert [verdict.reasons for verdict in verdicts.values()] == [[]] * 5
    assert {path: flagged(verdict) for path, verdict in verdicts.items() if flagged(verdict)} == {
        COLUMN: {"unit of tcco2"},
        REANALYSIS: {"fill values"},
        MODEL: {"valid ranges"},
    }


def test_every_run_of_exoplasim_is_admitted_and_labelled_with_its_imbalance(archive_mirror):
    verdicts = genuine(archive_mirror, "exoplasim")
    assert (counted(verdicts, "runs"), counted(verdicts, "run descriptions")) == (4, 4)
    assert [verdict.reasons for verdict in verdicts.values()] == [[]] * 8
    balance = {
        path: next(one.seen for one in verdict.findings if one.check == "energy balance")
        for path, verdict in verdicts.items()
    }
    assert balance["exoplasim/tw188.json"] == "unbalanced: -6.157 W m-2, -1.14 K in a year"
    assert balance["exoplasim/tw268.nc"] == "unbalanced: -4.199 W m-2"
    assert all("energy balance" in flagged(verdict) for verdict in verdicts.values())
    odd = {path for path, verdict in verdicts.items() if "carbon dioxide" in flagged(verdict)}
    assert odd == {"exoplasim/tw188.json", "exoplasim/tw286.json"}


def test_the_files_of_a_run_fit_and_share_its_group(archive_mirror):
    groups = set()
    for fields in sorted((archive_mirror / "exoplasim").glob("*.nc")):
        described = fields.with_suffix(".json")
        verdict = check_pair(described.read_bytes(), fields.read_bytes())
        assert verdict.admitted, verdict.render()
        [one] = {
            group(path.read_bytes(), offered("exoplasim", product, path.name))
            for path, product in ((fields, "fields"), (described, "descriptions"))
        }
        groups.add(one)
    assert len(groups) == 4


def test_bad_files_are_refused_each_by_its_check(archive_mirror, ledger):
    files = bad_climate(archive_mirror)
    assert len({bad.name + bad.product for bad in files}) == len(files) >= 90
    verdicts = {(bad.product, bad.name): (bad, verify(bad.content, bad.provenance())) for bad in files}
    wrong = {key: failing(verdict) for key, (bad, verdict) in verdicts.items()
             if (bad.gate, bad.check) not in failing(verdict)}  # fmt: skip
    ledger.refused(files, {name for _, name in wrong})
    assert wrong == {}


def test_files_that_were_cut_are_refused_by_their_format(archive_mirror):
    files = truncated_climate(archive_mirror)
    assert len(files) == 300
    wrong = {bad.name: failing(verify(bad.content, bad.provenance())) for bad in files}
    assert {name: found for name, found in wrong.items() if found != {("format", "parsed whole")}} == {}


def test_descriptions_of_other_runs_are_found_out(archive_mirror):
    pairs = bad_pairs(archive_mirror)
    found = {pair.name: failing(check_pair(pair.description, pair.fields)) for pair in pairs}
    assert {pair.name: found[pair.name] for pair in pairs if (pair.gate, pair.check) not in found[pair.name]} == {}


def test_a_file_that_is_taken_apart_and_put_together_is_still_admitted(archive_mirror):
    for path, product in ((MODEL, "models"), (COLUMN, "models"), (REANALYSIS, "reanalysis")):
        verdict = verify(edited((archive_mirror / path).read_bytes()), offered("earth_climate", product, "file.nc"))
        assert verdict.admitted, verdict.render()
    verdict = verify(edited((archive_mirror / RUN).read_bytes()), offered("exoplasim", "fields", "file.nc"))
    assert verdict.admitted, verdict.render()


def test_units_are_converted_by_their_names(archive_mirror):
    model = (archive_mirror / MODEL).read_bytes()
    celsius = edited(model, values("tas", lambda old: old - 273.15), about("tas", units="degC"))
    assert verify(celsius, offered("earth_climate", "models", "file.nc")).admitted


def test_a_run_in_balance_is_not_labelled(archive_mirror):
    run = (archive_mirror / RUN).read_bytes()
    change = 6.157
    balanced = edited(run, values("ntr", lambda old: old + change), values("rlut", lambda old: old + change))
    verdict = verify(balanced, offered("exoplasim", "fields", "file.nc"))
    assert verdict.admitted, verdict.render()
    assert "energy balance" not in flagged(verdict)


def test_water_that_does_not_return_is_noted(archive_mirror):
    run = (archive_mirror / RUN).read_bytes()
    verdict = verify(edited(run, values("evap", lambda old: old * 0.9)), offered("exoplasim", "fields", "file.nc"))
    assert verdict.admitted
    assert "water budget" in flagged(verdict)
    described = (archive_mirror / DESCRIPTION).read_bytes().replace(b"-1.6087579268742047e-08", b"-1.4e-08")
    verdict = verify(described, offered("exoplasim", "descriptions", "tw188.json"))
    assert {"water budget", "energy balance"} <= flagged(verdict)


def test_what_the_conventions_want_and_a_file_lacks_is_noted(archive_mirror):
    model = (archive_mirror / MODEL).read_bytes()
    changed = edited(model, attributes(Conventions=None), about("tas", standard_name="warmth_of_air"))
    verdict = verify(changed, offered("earth_climate", "models", "file.nc"))
    assert verdict.admitted, verdict.render()
    assert {"conventions", "known quantities"} <= flagged(verdict)


def test_bounds_beyond_a_variables_type_are_compared_as_numbers(archive_mirror):
    model = (archive_mirror / MODEL).read_bytes()
    for low, noted in ((-1e300, False), (1e300, True)):
        content = edited(model, about("tas", valid_min=low, valid_max=None, valid_range=None))
        verdict = verify(content, offered("earth_climate", "models", "file.nc"))
        [finding] = [one for one in verdict.findings if one.check == "valid ranges"]
        assert ("tas" in finding.seen) is noted


def test_a_time_that_is_missing_lies_in_no_cell(archive_mirror):
    series = (archive_mirror / SERIES).read_bytes()
    first = Edited(series).values["time"].ravel()[0]
    for change in (about("time", missing_value=first), values("time", lambda old: first * np.ones_like(old))):
        missing = edited(series, change, about("time", missing_value=first))
        verdict = verify(missing, offered("cmip", "monthly", "file.nc"))
        assert not verdict.admitted


def test_values_that_become_endless_are_refused_as_such(archive_mirror):
    model = (archive_mirror / MODEL).read_bytes()
    endless = edited(model, about("tas", scale_factor=1e308))
    assert ("physics", "tas is finite") in failing(verify(endless, offered("earth_climate", "models", "file.nc")))
    for value in (np.inf, np.nan):
        verdict = verify(edited(model, about("tas", scale_factor=value)), offered("earth_climate", "models", "file.nc"))
        assert failing(verdict) == {("format", "parsed whole")}
