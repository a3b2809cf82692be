"""Genuine catalogues of planets pass their gates; everything else is refused by the check that is for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from astrobio.archives import exoplanet_eu, nasa_exoplanet_archive, open_exoplanet_catalogue, phl_hwc
from astrobio.archives.registry import product_of, verify
from astrobio.core.provenance import Provenance
from astrobio.formats.schema import Column, Schema, Typed
from astrobio.verify.planet_tables import (
    LEAST_JUDGED,
    RELATIONS,
    PlanetColumns,
    check_planets,
    most_off,
    retrieved_in,
    row_flags,
    sexagesimal,
)
from astrobio.verify.verdict import Finding, Findings, Verdict
from tests.verify import bad_planet_tables as making
from tests.verify.bad_planet_tables import EU, HWC, KOI, OEC, PS, PSCOMPPARS, TOI, genuine, offered

COUNTS = {
    PSCOMPPARS: {"planets": 6273},
    PS: {"parameter sets": 762},
    KOI: {"Kepler objects": 9564},
    TOI: {"TESS objects": 8064},
    EU: {"planets": 5365},
    HWC: {"listed planets": 70},
    OEC: {"systems": 7035, "planets": 9253},
}


@pytest.fixture(scope="module")
def verdicts(archive_mirror: Path) -> dict[str, Verdict]:
    """What the gates find in a genuine file of each product."""
    return {product: verify(genuine(archive_mirror, product), offered(product)) for product in COUNTS}


def seen(verdict: Verdict, check: str) -> str:
    """What a check saw."""
    return next(finding.seen for finding in verdict.findings if finding.check == check)


def test_every_genuine_file_is_admitted_with_all_that_is_in_it(verdicts):
    assert {product: verdict.reasons for product, verdict in verdicts.items()} == dict.fromkeys(COUNTS, [])
    assert {product: dict(verdict.counts) for product, verdict in verdicts.items()} == COUNTS


def test_both_lists_of_habitable_worlds_are_admitted(archive_mirror):
    content = (archive_mirror / "phl_hwc/hwc_table_conservative.csv").read_bytes()
    verdict = verify(content, offered(HWC))
    assert verdict.admitted
    assert verdict.counts == {"listed planets": 29}


def test_rows_off_keplers_third_law_are_counted_and_the_table_is_kept(verdicts):
    assert seen(verdicts[PSCOMPPARS], "Kepler's third law") == "215 of 5513 rows are off"
    assert seen(verdicts[EU], "Kepler's third law") == "155 of 2884 rows are off"
    assert seen(verdicts[OEC], "Kepler's third law") == "114 of 5380 rows are off"


def test_calculated_masses_are_told_apart(verdicts):
    told = seen(verdicts[PSCOMPPARS], "masses that were measured")
    assert told == "of 6242 masses 2976 are calculated, 885 are M sin i, 0 unlabelled"


def test_values_that_are_entered_wrongly_are_noted_beside_the_table(verdicts):
    noted = seen(verdicts[OEC], "usual values")
    assert "eccentricity: -0.079533, -0.129287, 280 (3 in all)" in noted
    assert "1.196, 3.155" in seen(verdicts[EU], "usual values")  # 'Oumuamua and Borisov
    assert "star_age_error_min: 1361" in seen(verdicts[EU], "signs of uncertainties")


def test_the_catalogue_holds_what_it_counts_itself(verdicts):
    assert not [flag for flag in verdicts[OEC].flags if "statistics.json" in flag]


def test_every_bad_file_is_refused_by_its_check_and_no_other(archive_mirror, ledger):
    bad = making.bad_planet_tables(archive_mirror)
    assert len(bad) >= 138
    assert len({one.name for one in bad}) == len(bad)
    wrong = {}
    for one in bad:
        refusing = {
            (finding.gate, finding.check)
            for finding in verify(one.content, one.provenance()).findings
            if not finding.passed and finding.severity == "refuse"
        }
        if (one.gate, one.check) not in refusing or {check for _, check in refusing} != {one.check, *one.also}:
            wrong[one.name] = (one.gate, one.check, refusing)
    ledger.refused(bad, wrong)
    assert wrong == {}


@pytest.mark.parametrize("product", [PS, EU, HWC, OEC])
def test_a_file_cut_at_any_of_a_hundred_offsets_is_refused(archive_mirror, product):
    """Within a line its format tells; at the end of one only the length that was announced does, or a count of rows."""
    content = genuine(archive_mirror, product)
    if product == PS:
        content = making.small(archive_mirror, PS, 60).content()
    if product == EU:
        content = making.small(archive_mirror, EU, 60).content()
    if product == OEC:
        content = making.packed(making.repository(archive_mirror))
    ends = [place for place in range(1, len(content)) if content[place - 1 : place] == b"\n"]
    for place in range(0, len(content), -(-len(content) // 100)):
        verdict = verify(content[:place], offered(product))
        at_an_end = product != OEC and place in ends
        assert verdict.admitted <= at_an_end, place
    for place in ends[10:40] if product != OEC else []:
        announced = verify(content[:place], offered(product, {"length": len(content)}))
        assert [finding.check for finding in announced.findings if not finding.passed][0] == "length"
        counted = verify(content[:place], offered(product, {"rows_counted": 70}))
        assert not counted.admitted


def test_a_part_of_a_sound_catalogue_is_not_refused(archive_mirror):
    """The relations allow for chance: parts of the catalogue where more rows are off than in all of it."""
    whole = making.text(archive_mirror, EU)
    for begin in range(0, len(whole.rows), 600):
        part = replace(whole, rows=whole.rows[begin : begin + 150])
        verdict = verify(part.content(), offered(EU))
        assert verdict.admitted, (begin, verdict.reasons)


def test_a_newer_file_of_exoplanet_eu_is_read_by_its_names(archive_mirror):
    table = making.small(archive_mirror, EU)
    named = replace(table, header=[name.replace("_detection_type", "_measurement_type") for name in table.header])
    verdict = verify(named.content(), offered(EU))
    assert verdict.admitted
    assert "unlabelled" in seen(verdict, "masses that were measured")


def test_the_tap_table_of_exoplanet_eu_is_asked_for_column_by_column(archive_mirror):
    whole = making.text(archive_mirror, EU)
    kept = [name for name in whole.header if exoplanet_eu.in_tap(name) in exoplanet_eu.EPN_CORE.names()]
    places = [whole.header.index(name) for name in kept]
    answer = replace(whole, mark="", header=[exoplanet_eu.in_tap(name) for name in kept],
                     rows=[[row[place] for place in places] for row in whole.rows])  # fmt: skip
    verdict = verify(answer.content(), offered("exoplanet_eu/epn_core", {"rows_counted": 5365}))
    assert verdict.admitted
    assert verdict.counts == {"planets by TAP": 5365}
    assert seen(verdict, "Kepler's third law") == "155 of 2884 rows are off"
    ask = exoplanet_eu.SOURCE.product("epn_core").ask
    assert ask is not None
    assert [name in ask.adql for name in ("target_name", "period_error_min", "mass_sin_i")] == [True] * 3
    assert "orbital_period" not in ask.adql


@pytest.mark.parametrize("module", [nasa_exoplanet_archive, exoplanet_eu, open_exoplanet_catalogue, phl_hwc])
def test_columns_that_relations_need_are_in_the_schema(module):
    for name, table in (getattr(module, "FORMATS", None) or {"systems": module.SOURCE.products[0].table}).items():
        names = set(table.schema.names())
        assert {column.error_of for column in table.schema.columns if column.error_of} <= names, name
        assert set(table.schema.key) <= names


def test_the_earth_keeps_every_relation():
    frame = pl.DataFrame(
        {"P": [365.25], "a": [1.0], "M": [1.0], "R": [1.0], "T": [5772.0], "g": [4.438], "m": [1.0], "r": [1.0],
         "S": [1.0], "Teq": [278.3], "d": [84.0], "esi": [1.0]}
    )  # fmt: skip
    columns = PlanetColumns("P", "a", "M", "R", "T", "g", "m", 1.0, "r", 1.0, "S", "Teq", "d", "esi")
    flags = row_flags(frame, columns)
    assert flags.columns == list(RELATIONS)
    assert flags.row(0) == (False,) * len(RELATIONS)
    for name, wrong in (("P", 36.5), ("m", 400.0), ("S", 5.0), ("g", 5.0), ("d", 8e-9), ("Teq", 90.0), ("esi", 0.5)):
        off = row_flags(frame.with_columns(pl.lit(wrong).alias(name)), columns)
        assert any(off.row(0)), name


def test_nothing_is_said_of_rows_without_values():
    frame = pl.DataFrame({"P": [365.25, None], "a": [None, 1.0], "M": [1.0, 1.0]})
    off = row_flags(frame, PlanetColumns(period="P", semi_major_axis="a", stellar_mass="M"))
    assert off["Kepler's third law"].to_list() == [None, None]


def judged(frame: pl.DataFrame, columns: PlanetColumns, schema: Schema, provenance: Provenance | None = None,
           comments: tuple[str, ...] = ()) -> dict[str, Finding]:  # fmt: skip
    """Findings of the checks of planets, by check."""
    found = Findings()
    typed = Typed(frame, comments=comments, schema=schema)
    check_planets(columns)(found, typed, provenance or offered(EU))
    return {finding.check: finding for finding in found.rows}


def test_few_rows_are_flagged_and_not_refused():
    frame = pl.DataFrame({"P": [365.25] * 19, "a": [5.0] * 19, "M": [1.0] * 19})
    columns = PlanetColumns(period="P", semi_major_axis="a", stellar_mass="M")
    assert len(frame) < LEAST_JUDGED
    assert "Kepler's third law, the table" not in judged(frame, columns, Schema(()))
    more = judged(pl.concat([frame, frame]), columns, Schema(()))
    assert not more["Kepler's third law, the table"].passed


def test_most_off_is_a_tenth_in_a_large_table():
    assert most_off(1_000_000) == pytest.approx(100_900)


def test_a_few_uncertainties_of_the_wrong_sign_flag_and_exchanged_ones_refuse():
    schema = Schema((Column("x", "number"), Column("up", "number", error_of="x", sign=1),
                     Column("down", "number", error_of="x", sign=-1)))  # fmt: skip
    right = pl.DataFrame({"x": [1.0] * 40, "up": [0.1] * 40, "down": [-0.1] * 40})
    one = right.with_columns(pl.when(pl.int_range(40) == 3).then(0.1).otherwise(-0.1).alias("down"))
    swapped = right.rename({"up": "down", "down": "up"})
    signs = [judged(frame, PlanetColumns(), schema) for frame in (right, one, swapped)]
    assert [found["signs of uncertainties"].passed for found in signs] == [True, False, False]
    assert [found["uncertainties in their columns"].passed for found in signs] == [True, True, False]


def test_no_year_lies_after_the_file_was_written_or_fetched():
    frame, columns = pl.DataFrame({"year": [2024]}), PlanetColumns(year="year")
    written = judged(frame, columns, Schema(()), comments=("Sat Apr 25 17:36:36 2020",))
    assert not written["years of discovery"].passed
    fetched = offered(EU, {"retrieved": "2023-04-27T00:00:00Z"})
    assert not judged(frame, columns, Schema(()), fetched)["years of discovery"].passed
    assert judged(frame, columns, Schema(()))["years of discovery"].passed
    ahead = judged(pl.DataFrame({"year": [2098]}), columns, Schema(()), comments=("Sat Apr 25 17:36:36 2099",))
    assert not ahead["years of discovery"].passed
    assert retrieved_in(offered(EU)) is None


def test_a_planet_under_two_spellings_is_told_and_a_star_beside_it_is_not():
    twice = judged(pl.DataFrame({"name": ["K2-18 b", "K2-18b"]}), PlanetColumns(name="name"), Schema(()))
    assert not twice["each planet once"].passed
    star = judged(pl.DataFrame({"name": ["HD 3651 b", "HD 3651B"]}), PlanetColumns(name="name"), Schema(()))
    assert star["each planet once"].passed


@pytest.mark.parametrize("text", ["", "12", "12h99m00s", "12h20m99s", "1e5 00 00", "-", "12 20 x", "١٢ 00 00"])
def test_no_place_is_read_where_none_is_written(text):
    assert sexagesimal(text) != sexagesimal(text)


def test_products_say_what_they_count():
    for product in COUNTS:
        offered_as = product_of(offered(product))
        assert offered_as.counted in COUNTS[product]
        assert offered_as.least <= COUNTS[product][offered_as.counted] or offered_as.name == "ps"


def test_tiers_of_the_habitable_worlds_catalog_are_never_a_label():
    assert any("never a label" in note for note in phl_hwc.SOURCE.notes)
