"""Planets of all catalogues in one form, from the genuine files of a mirror."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from astrobio.archives import exoplanet_eu, nasa_exoplanet_archive
from astrobio.core.errors import DataMissing, RefusedInput, UsageError
from astrobio.core.names import canonical, host_of
from astrobio.core.provenance import Provenance
from astrobio.datasets.planet_catalogues.columns import LENDING, PARTS, mass_radius_relation
from astrobio.datasets.planet_catalogues.conflicts import FARTHEST, SIGMAS
from astrobio.datasets.planet_catalogues.entries import read_tables
from astrobio.datasets.planet_catalogues.planets import Planets, join_tables, read_planets
from astrobio.datasets.planet_catalogues.quantities import BY_NAME, QUANTITIES
from astrobio.datasets.planet_catalogues.rows import FLAGS
from astrobio.datasets.planet_catalogues.values import OTHER_SIGN, VALUES
from astrobio.store import RealDataStorage
from tests.verify.bad_planet_tables import EU, GENUINE, HWC, OEC, PSCOMPPARS, offered

CONSERVATIVE = "phl_hwc/hwc_table_conservative.csv"
NASA, OPEN, ENCYCLOPAEDIA = "nasa_exoplanet_archive", "open_exoplanet_catalogue", "exoplanet_eu"
MEASURED, CALCULATED, UNKNOWN = "measured", "calculated", "unknown"
JUPITER_MASS, JUPITER_RADIUS = 1.2668653e17 / 3.986004e14, 71492.0 / 6378.1
"""In the Earth's: nominal values of IAU 2015 Resolution B3."""


def saved(product: str, path: Path) -> tuple[bytes, Provenance]:
    """A genuine file as if a user had imported it."""
    provenance = offered(product, {"name": path.name})
    return path.read_bytes(), replace(provenance, key=f"{product.split('/')[1]}/{path.name}#0")


def stored(root: Path, items: list[tuple[bytes, Provenance]]) -> RealDataStorage:
    storage = RealDataStorage(root, create=True)
    report = storage.admit_many(items)
    assert (report.admitted, report.rejected) == (len(items), [])
    return storage


@pytest.fixture(scope="module")
def storage(archive_mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> RealDataStorage:
    """A store with all genuine tables of planets."""
    files = [*GENUINE.items(), (HWC, CONSERVATIVE)]
    return stored(tmp_path_factory.mktemp("planets") / "store",
                  [saved(product, archive_mirror / path) for product, path in files])  # fmt: skip


@pytest.fixture(scope="module")
def planets(storage: RealDataStorage) -> Planets:
    return read_planets(storage)


def value(planets: Planets, name: str, quantity: str, table: str) -> dict[str, object]:
    """The value that a table gives; there is one."""
    number = planets.number(name)
    found = planets.values.filter(
        (pl.col("planet") == number) & (pl.col("quantity") == quantity) & (pl.col("table") == table)
    )
    assert found.height == 1
    return found.row(0, named=True)


def conflict(planets: Planets, name: str, quantity: str) -> list[dict[str, object]]:
    number = planets.number(name)
    return planets.conflicts.filter((pl.col("planet") == number) & (pl.col("quantity") == quantity)).to_dicts()


# -- what is read ---------------------------------------------------------------------------------------------------


def test_every_table_is_read_whole(storage: RealDataStorage) -> None:
    counts: dict[str, int] = {}
    for table in read_tables(storage):
        counts[table.part.name] = counts.get(table.part.name, 0) + table.frame.height
        assert table.frame.height == table.text.height
    assert counts == {
        f"{NASA}/pscomppars": 6273, f"{NASA}/ps": 762, f"{NASA}/toi": 8064, f"{OPEN}/systems": 5414,
        f"{OPEN}/systems_kepler": 3839, f"{ENCYCLOPAEDIA}/catalogue": 5365, "phl_hwc/lists": 99,
        f"{NASA}/cumulative": 9564 - 1148,  # those whose signal is another object's (koi_fpflag_ec)
    }  # fmt: skip
    assert counts[f"{OPEN}/systems"] + counts[f"{OPEN}/systems_kepler"] == 9253


def test_all_rows_of_catalogues_of_planets_are_of_one_planet_each(planets: Planets, storage: RealDataStorage) -> None:
    for table in read_tables(storage):
        mine = planets.rows.filter((pl.col("digest") == table.record.digest) & (pl.col("table") == table.part.table))
        assert mine["planet"].null_count() == 0
        if table.part.name not in LENDING:
            assert sorted(mine["name"]) == sorted(table.frame["\0name"])
    assert set(planets.rows["planet"]) == set(planets.table["planet"]) == set(range(len(planets)))


def test_rows_are_joined_by_these_kinds_of_evidence(planets: Planets) -> None:
    assert len(planets) == 8083
    report = planets.joining
    assert report.alone == {
        f"{NASA}/pscomppars": 6273, f"{OPEN}/systems": 238, f"{ENCYCLOPAEDIA}/catalogue": 388,
        f"{NASA}/cumulative": 1178, f"{OPEN}/systems_kepler": 6,
    }  # fmt: skip
    assert report.joined == {
        f"{NASA}/ps": 762, f"{OPEN}/systems": 5176, f"{ENCYCLOPAEDIA}/catalogue": 4977, f"{NASA}/cumulative": 2801,
        f"{OPEN}/systems_kepler": 3833, f"{NASA}/toi": 1426, "phl_hwc/lists": 70,
    }  # fmt: skip
    by = {name.removeprefix("open_exoplanet_").removeprefix("exoplanet_"): {
        how: count for (catalogue, how), count in report.by.items() if catalogue == name
    } for name in (f"{OPEN}/systems", f"{ENCYCLOPAEDIA}/catalogue", f"{OPEN}/systems_kepler")}  # fmt: skip
    assert by == {
        "catalogue/systems": {"name": 4868, "alias": 184, "star's alias": 26, "star and period": 33,
                              "place and letter": 5, "name, other period": 53, "twice": 7},
        "eu/catalogue": {"name": 4789, "alias": 93, "star's alias": 9, "star and period": 33,
                         "place and letter": 20, "name, other period": 31, "twice": 2},
        "catalogue/systems_kepler": {"name": 3812, "name, other period": 21},
    }  # fmt: skip


def test_catalogues_share_these_planets(planets: Planets) -> None:
    tables = pl.col("tables").str.split("; ")
    has = {name: tables.list.contains(part) for name, part in (
        ("nasa", f"{NASA}/pscomppars"), ("open", f"{OPEN}/systems"), ("eu", f"{ENCYCLOPAEDIA}/catalogue"))}  # fmt: skip
    counts = planets.table.select(**has).group_by("nasa", "open", "eu").len().rows()
    assert {row[:3]: row[3] for row in counts} == {
        (True, True, True): 4747, (True, True, False): 422, (True, False, True): 100, (True, False, False): 1004,
        (False, True, True): 128, (False, True, False): 110, (False, False, True): 388, (False, False, False): 1184,
    }  # fmt: skip


def test_stars_are_one_group_each(planets: Planets) -> None:
    assert planets.joining.groups == planets.table["group"].n_unique() == 6173
    assert planets.table["group"].null_count() == 0
    hosts = planets.rows.filter(pl.col("host").is_not_null()).join(planets.table.select("planet", "group"), on="planet")
    assert hosts.group_by("host").agg(pl.col("group").n_unique())["group"].max() == 1
    for star, group in planets.groups.items():
        assert star == canonical(star) or group
    assert set(planets.groups.values()) == set(planets.table["group"])


@pytest.mark.parametrize(
    ("names", "group"),
    [
        (("TRAPPIST-1", "K2-112", "EPIC 246199087", "2MASS J23062928-0502285"), "trappist1"),
        (("55 Cnc", "55 Cancri", "HD 75732", "rho 1 Cnc", "TOI-1773"), "55cnc"),
        (("Kepler-138", "KOI-314", "KOI-0314", "KIC 7603200"), "kepler138"),
        (("WASP-39",), "wasp39"), (("K2-18",), "k2-18"),
    ],
)  # fmt: skip
def test_a_star_is_found_by_all_its_names(planets: Planets, names: tuple[str, ...], group: str) -> None:
    assert {planets.group_of(name) for name in names} == {group}
    assert planets.group_of("HD 0") is None


def test_groups_are_those_of_spectra(planets: Planets) -> None:
    """Spectra are grouped by the host in their planet's name."""
    for name in ("WASP-39 b", "K2-18 b"):
        group = planets.table.row(planets.number(name), named=True)["group"]
        assert group == canonical(host_of(name))


def test_planets_of_other_names_and_letters_are_found(planets: Planets) -> None:
    same = [("HD 209458 b", "HIP 108859 b"), ("Kepler-138 c", "KOI-314 b"), ("KELT-9 b", "HD 195689 b"),
            ("iot Dra b", "HIP 75458 b"), ("iot Dra b", "iota Draconis b"), ("KOI-351 b", "Kepler-90 b")]  # fmt: skip
    for one, other in same:
        assert planets.number(one) == planets.number(other), (one, other)
    letters = planets.rows.filter((pl.col("planet") == planets.number("HD 96700 d")) & (pl.col("table") == "systems"))
    assert letters["name"].to_list() == ["HD 96700 c"], "the period tells it"
    with pytest.raises(UsageError, match="no planet here"):
        planets.number("Nibiru")


def test_planets_that_are_no_exoplanets_are_marked(planets: Planets) -> None:
    ours = planets.table.filter(pl.col("open_status") == "Solar System")
    assert set(ours["name"]) == {"Mercury", "Venus", "Earth", "Mars", "Jupiter", "Saturn", "Uranus", "Neptune", "Pluto"}
    assert set(ours["group"]) == {"sun"}


# -- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "quantity", "table", "number", "upper", "lower", "kind"),
    [
        ("TRAPPIST-1 e", "orbital_period", "pscomppars", 6.101013, 3.5e-5, 3.5e-5, UNKNOWN),
        ("TRAPPIST-1 e", "mass", "pscomppars", 0.692, 0.022, 0.022, MEASURED),
        ("TRAPPIST-1 e", "mass", "catalogue", 0.002 * JUPITER_MASS, 0.0018 * JUPITER_MASS, 0.0018 * JUPITER_MASS,
         MEASURED),
        ("TRAPPIST-1 e", "radius", "pscomppars", 0.92, 0.013, 0.012, UNKNOWN),
        ("TRAPPIST-1 e", "radius", "catalogue", 0.0819 * JUPITER_RADIUS, 0.0035 * JUPITER_RADIUS,
         0.0035 * JUPITER_RADIUS, MEASURED),
        ("TRAPPIST-1 e", "insolation", "pscomppars", 0.646, 0.025, 0.025, CALCULATED),
        ("TRAPPIST-1 e", "equilibrium_temperature", "catalogue", 251.3, 4.9, 4.9, CALCULATED),
        ("HD 209458 b", "mass", "systems", 0.714 * JUPITER_MASS, 0.017 * JUPITER_MASS, 0.017 * JUPITER_MASS, UNKNOWN),
        ("HD 209458 b", "inclination", "systems", 86.59, 0.046, 0.046, UNKNOWN),
        ("HD 209458 b", "temperature_of_any_kind", "systems", 1316.1, None, None, UNKNOWN),
        ("HD 209458 b", "age", "catalogue", 4.0, 2.0, 2.0, UNKNOWN),
        ("HD 209458 b", "distance", "pscomppars", 48.3016, 0.124, 0.1234, UNKNOWN),
        ("K2-18 b", "mass", "catalogue", 0.02807 * JUPITER_MASS, 0.00535 * JUPITER_MASS, 0.00503 * JUPITER_MASS,
         CALCULATED),
        ("K2-18 b", "metallicity", "pscomppars", 0.12, 0.16, 0.16, UNKNOWN),
        ("51 Peg b", "radius", "pscomppars", 14.3, None, None, CALCULATED),
        ("Kepler-186 f", "mass", "pscomppars", 1.71, None, None, CALCULATED),
        ("bet Pic b", "measured_temperature", "pscomppars", 1612.0, 38.0, 38.0, UNKNOWN),
        ("bet Pic b", "semi_major_axis_or_separation", "pscomppars", 10.018, 0.082, 0.076, UNKNOWN),
        ("TOI-1266 b", "mass", "ps", 4.46, 0.69, 0.69, MEASURED),
    ],
)  # fmt: skip
def test_values_are_those_of_the_files_in_one_unit(
    planets: Planets, name: str, quantity: str, table: str, number: float, upper: float, lower: float, kind: str
) -> None:
    found = value(planets, name, quantity, table)
    assert found["number"] == pytest.approx(number, rel=1e-12)
    assert [found["error_upper"], found["error_lower"]] == [
        None if error is None else pytest.approx(error, rel=1e-12) for error in (upper, lower)
    ]
    assert (found["kind"], found["limit"], found["unit"]) == (kind, 0, BY_NAME[quantity].unit)


def test_values_stand_as_they_are_written_with_their_origin(planets: Planets, storage: RealDataStorage) -> None:
    found = value(planets, "TOI-1266 b", "radius", "ps")
    assert (found["written"], found["column"], found["name"]) == ("2.52000000", "pl_rade", "TOI-1266 b")
    assert found["reference"] == "Greklek-McKeon et al. 2024 (2024arXiv240916374G)"
    place = value(planets, "TRAPPIST-1 e", "right_ascension", "systems")
    assert place["written"] == "23 06 29.3684052886"
    assert place["number"] == pytest.approx(15 * (23 + 6 / 60 + 29.3684052886 / 3600), abs=1e-9)
    assert value(planets, "TRAPPIST-1 e", "metallicity", "pscomppars")["note"] == "[Fe/H]"
    assert value(planets, "HD 209458 b", "discovery_method", "systems")["text"] == "Transit"
    assert value(planets, "HD 209458 b", "spectral_type", "pscomppars")["text"] == "G0 V"
    sources = {record.digest: record.source for record in storage.records()}
    origins = planets.values.select("digest", "catalogue").unique().rows()
    assert len(origins) == 6
    assert all(sources[digest] == catalogue for digest, catalogue in origins)


def test_every_number_is_what_is_written_by_one_factor(planets: Planets) -> None:
    numbers = planets.values.filter(
        pl.col("number").is_not_null() & ~pl.col("quantity").is_in(["right_ascension", "declination"])
    ).with_columns(pl.col("written").str.to_lowercase().str.strip_chars().cast(pl.Float64).alias("file"))
    assert numbers.filter((pl.col("file") == 0) & (pl.col("number") != 0)).height == 0
    factor = pl.col("number") / pl.col("file")
    factors = numbers.filter(pl.col("file") != 0).group_by("quantity", "catalogue", "table").agg(
        factor.min().alias("least"), factor.max().alias("most")
    )  # fmt: skip
    jupiter = {"mass": JUPITER_MASS, "minimum_mass": JUPITER_MASS, "mass_or_minimum_mass": JUPITER_MASS,
               "radius": JUPITER_RADIUS}  # fmt: skip
    for quantity, catalogue, _, least, most in factors.rows():
        expected = jupiter.get(quantity, 1.0) if catalogue != NASA else 1.0
        assert least == pytest.approx(expected, rel=1e-12)
        assert most == pytest.approx(expected, rel=1e-12)


def test_true_and_minimum_masses_are_never_mixed(planets: Planets) -> None:
    of = planets.values.filter(pl.col("table") == "pscomppars").group_by("quantity", "because").len().rows()
    counts = {
        (quantity, because): count for quantity, because, count in of if "mass" in quantity and "st" not in quantity
    }
    assert counts == {
        ("mass", "pl_bmassprov: Mass"): 2366, ("mass", "pl_bmassprov: M-R relationship"): 2976,
        ("mass", "pl_bmassprov: Msin(i)/sin(i)"): 15, ("minimum_mass", "pl_bmassprov: Msini"): 885,
    }  # fmt: skip
    opened = planets.values.filter((pl.col("table") == "systems") & (pl.col("column") == "mass"))
    assert dict(opened.group_by("quantity").len().rows()) == {
        "mass": 1700, "minimum_mass": 261, "mass_or_minimum_mass": 816,
    }  # fmt: skip
    assert value(planets, "51 Peg b", "mass_or_minimum_mass", "systems")["written"] == "0.46"
    listed = planets.values.filter(pl.col("catalogue") == ENCYCLOPAEDIA).group_by("column", "quantity").len().rows()
    assert {row[:2]: row[2] for row in listed if row[0].startswith("mass")} == {
        ("mass", "mass"): 1869, ("mass", "mass_or_minimum_mass"): 9, ("mass_sini", "minimum_mass"): 1140,
    }  # fmt: skip


def test_computed_masses_and_radii_are_labelled_in_all_catalogues(planets: Planets) -> None:
    told = planets.values.filter(pl.col("quantity").is_in(["mass", "radius"]) & (pl.col("kind") == CALCULATED))
    assert {row[:3]: row[3] for row in told.group_by("quantity", "catalogue", "table").len().rows()} == {
        ("mass", NASA, "pscomppars"): 2991, ("radius", NASA, "pscomppars"): 1501,
        ("mass", OPEN, "systems"): 342, ("radius", OPEN, "systems"): 158,
        ("mass", ENCYCLOPAEDIA, "catalogue"): 121, ("radius", ENCYCLOPAEDIA, "catalogue"): 67,
    }  # fmt: skip
    relation = told.filter((pl.col("quantity") == "radius") & (pl.col("table") == "pscomppars"))
    assert relation["error_upper"].null_count() == relation.height
    measured = planets.values.filter((pl.col("table") == "pscomppars") & (pl.col("quantity") == "radius")
                                     & (pl.col("kind") == UNKNOWN) & (pl.col("error_upper").is_null())
                                     & (pl.col("limit") == 0))  # fmt: skip
    mass = planets.values.filter((pl.col("table") == "pscomppars") & pl.col("quantity").is_in(["mass", "minimum_mass"]))
    both = measured.join(mass.select("planet", pl.col("number").alias("mass"), pl.col("because").alias("source")),
                         on="planet")  # fmt: skip
    near = (pl.col("number") / mass_radius_relation(pl.col("mass")) - 1).abs() <= 0.01
    assert both.filter(near & ~pl.col("source").str.contains("M-R")).height == 0


def test_limits_are_flagged(planets: Planets) -> None:
    counts = planets.values.filter(pl.col("limit") != 0).group_by("quantity", "table", "limit").len().rows()
    found = {row[:3]: row[3] for row in counts}
    assert found["mass", "pscomppars", 1] + found["minimum_mass", "pscomppars", 1] == 214
    assert found["mass", "catalogue", 1] == 13, "an endless lower uncertainty beside none marks an upper limit"
    assert found["age", "catalogue", -1] == 13
    bounds = planets.values.filter(pl.col("planet") == planets.number("Gliese 504 b"), pl.col("quantity") == "mass",
                                   pl.col("table") == "systems")  # fmt: skip
    assert bounds.select("limit", "written").rows() == [(1, "30"), (-1, "19")]
    endless = value(planets, "HD 69830 b", "mass", "catalogue")
    assert endless["error_upper"] == math.inf
    assert endless["limit"] == 0
    assert planets.values.filter((pl.col("limit") != 0) & pl.col("error_upper").is_infinite()).height == 0


def test_uncertainties_are_sizes_and_other_signs_are_told(planets: Planets) -> None:
    assert planets.values.filter((pl.col("error_upper") < 0) | (pl.col("error_lower") < 0)).height == 0
    told = planets.values.filter(pl.col("note").str.contains(OTHER_SIGN))
    assert told.height == 1368
    assert set(told["catalogue"]) == {ENCYCLOPAEDIA, OPEN}
    assert value(planets, "WASP-17 b", "stellar_mass", "catalogue")["error_lower"] == 0.13


# -- the chosen values ------------------------------------------------------------------------------------------------


def test_the_first_by_the_declared_order_is_chosen(planets: Planets) -> None:
    order = {(part.catalogue, part.table): place for place, part in enumerate(PARTS)}
    ranked = planets.values.with_columns(
        pl.struct("catalogue", "table").map_elements(lambda one: order[one["catalogue"], one["table"]],
                                                     return_dtype=pl.Int64).alias("place"),
    )  # fmt: skip
    rank = [(pl.col("limit") != 0).cast(pl.Int64), (pl.col("kind") == CALCULATED).cast(pl.Int64), pl.col("place")]
    best = ranked.with_columns(pl.concat_list(rank).alias("rank")).sort("rank", maintain_order=True)
    best = best.unique(["planet", "quantity"], keep="first", maintain_order=True)
    chosen = ranked.with_columns(pl.concat_list(rank).alias("rank")).filter("chosen")
    both = chosen.join(best, on=["planet", "quantity"], suffix="_best")
    assert both.height == chosen.height == best.height
    assert both.filter(pl.col("rank") != pl.col("rank_best")).height == 0


def test_the_table_has_the_chosen_values_and_nothing_else(planets: Planets) -> None:
    chosen = planets.values.filter("chosen")
    for quantity in QUANTITIES:
        mine = chosen.filter(pl.col("quantity") == quantity.name).sort("planet")
        there = planets.table.filter(pl.col(f"{quantity.name}_catalogue").is_not_null())
        assert there["planet"].to_list() == mine["planet"].to_list()
        assert there[quantity.name].to_list() == mine["text" if quantity.words else "number"].to_list()
        assert there[f"{quantity.name}_kind"].to_list() == mine["kind"].to_list()
        empty = planets.table.filter(pl.col(f"{quantity.name}_catalogue").is_null())
        assert empty[quantity.name].null_count() == empty.height
    kinds = {name: dict(planets.table[f"{name}_kind"].value_counts().rows()) for name in ("mass", "radius")}
    assert kinds == {
        "mass": {CALCULATED: 2989, MEASURED: 2457, UNKNOWN: 297, None: 2340},
        "radius": {UNKNOWN: 5280, CALCULATED: 1504, MEASURED: 847, None: 452},
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("TRAPPIST-1 e", {"mass": 0.692, "radius": 0.92, "inclination": 89.86, "age": 7.6, "spectral_type": "M8.0 V",
                          "minimum_mass": None, "habitable_list": "conservative", "inclination_catalogue":
                          f"{OPEN}/systems", "discovery_year": 2017.0}),
        ("HD 209458 b", {"mass": 232.0159, "mass_error_upper": 12.7132, "eccentricity": 0.0, "effective_temperature":
                         6091.0, "discovery_method": "Radial Velocity", "habitable_list": None,
                         "tess_status": "confirmed", "mass_kind": MEASURED}),
        ("K2-18 b", {"mass": 8.92, "mass_error_lower": 1.6, "insolation": 1.005, "insolation_kind": CALCULATED,
                     "habitable_list": "all", "right_ascension": 172.560141, "host": "K2-18"}),
        ("TOI-1266 b", {"mass": 4.46, "mass_catalogue": f"{NASA}/ps", "mass_kind": MEASURED}),
        ("51 Peg b", {"mass": 146.2018, "radius_kind": CALCULATED, "mass_or_minimum_mass": 0.46 * JUPITER_MASS}),
    ],
)  # fmt: skip
def test_well_known_planets(planets: Planets, name: str, expected: dict[str, object]) -> None:
    row = planets.table.row(planets.number(name), named=True)
    for column, wanted in expected.items():
        assert row[column] == (pytest.approx(wanted, rel=1e-9) if isinstance(wanted, float) else wanted), column


def test_every_column_of_numbers_has_its_unit(planets: Planets) -> None:
    numbers = {name for name, kind in planets.table.schema.items() if kind == pl.Float64}
    assert set(planets.units) == numbers
    assert planets.units["mass"] == planets.units["mass_error_lower"] == "M_earth"
    assert planets.values.group_by("quantity").agg(pl.col("unit").n_unique())["unit"].max() == 1
    assert dict(planets.values.schema) == {name: kind() for name, kind in VALUES.items()}


# -- status and flags -------------------------------------------------------------------------------------------------


def test_status_of_each_catalogue_is_kept(planets: Planets) -> None:
    counts = {name: dict(planets.table[name].drop_nulls().value_counts().rows()) for name in
              ("nasa_status", "open_status", "eu_status", "kepler_status")}  # fmt: skip
    assert counts["nasa_status"] == {"confirmed": 6226, "controversial": 47}
    assert counts["open_status"] == {"confirmed": 5281, "controversial": 100, "retracted": 12, "Solar System": 9,
                                     "candidate": 5}  # fmt: skip
    assert counts["eu_status"] == {"confirmed": 5363}
    assert counts["kepler_status"]["false positive"] == 274


def test_rows_off_from_relations_are_flagged(planets: Planets) -> None:
    kepler = planets.rows.filter(pl.col("table") == "pscomppars")["off_keplers_third_law"]
    assert (kepler.sum(), len(kepler.drop_nulls())) == (215, 5513)
    counts = planets.rows.group_by("catalogue", "table").agg(
        pl.col("off_keplers_third_law").sum(), pl.col("off_density").sum(), pl.col("off_equilibrium_temperature").sum()
    )
    found = {row[:2]: row[2:] for row in counts.rows()}
    assert found[NASA, "pscomppars"] == (215, 27, 17)
    assert found[ENCYCLOPAEDIA, "catalogue"] == (155, 24, 5)
    assert found[OPEN, "systems"] == (114, 5, 12)
    for flag in FLAGS:
        judged = planets.rows.filter(pl.col(flag).is_not_null()).group_by("planet").agg(pl.col(flag).any())
        table = planets.table.filter(pl.col(flag).is_not_null()).select("planet", flag)
        assert table.equals(judged.sort("planet"))


def test_the_lists_of_habitable_worlds_are_a_flag(planets: Planets) -> None:
    assert dict(planets.table["habitable_list"].value_counts().rows()) == {None: 8013, "all": 41, "conservative": 29}
    assert planets.values.filter(pl.col("catalogue") == "phl_hwc").height == 0


# -- conflicts --------------------------------------------------------------------------------------------------------


def test_conflicts_are_counted(planets: Planets) -> None:
    counts = {row[:2]: row[2] for row in planets.conflicts.group_by("what", "quantity").len().rows()}
    assert counts == {
        ("joining", "ambiguous"): 2, ("joining", "contradicted"): 13, ("joining", "name, other period"): 106,
        ("joining", "one place"): 38, ("joining", "twice"): 9, ("status", "status"): 672,
        ("value", "age"): 15, ("value", "discovery_year"): 529, ("value", "distance"): 3416,
        ("value", "eccentricity"): 64, ("value", "effective_temperature"): 62,
        ("value", "equilibrium_temperature"): 62, ("value", "inclination"): 21, ("value", "k_magnitude"): 52,
        ("value", "mass"): 96, ("value", "mass_or_minimum_mass"): 1, ("value", "measured_temperature"): 1,
        ("value", "metallicity"): 51, ("value", "minimum_mass"): 30, ("value", "orbital_period"): 551,
        ("value", "position"): 230, ("value", "radius"): 133, ("value", "semi_major_axis"): 321,
        ("value", "stellar_mass"): 148, ("value", "stellar_radius"): 79, ("value", "v_magnitude"): 522,
    }  # fmt: skip


def test_a_value_in_another_unit_is_found(planets: Planets) -> None:
    """exoplanet.eu has 58.37 K for the star HD 80869, of 5,837 K."""
    (pair,) = [one for one in conflict(planets, "HD 80869 b", "effective_temperature")
               if (one["catalogue"], one["other_catalogue"]) == (NASA, ENCYCLOPAEDIA)]  # fmt: skip
    assert (pair["number"], pair["other_number"]) == (5837.0, 58.37)
    assert (pair["apart_in"], pair["threshold"]) == ("sigma", SIGMAS)
    digits = (0.01**2 + 0.01**2) / 12
    assert pair["apart"] == pytest.approx((5837 - 58.37) / math.sqrt(15**2 + 15**2 + digits), rel=1e-9)


def test_a_place_with_a_wrong_hour_is_found(planets: Planets) -> None:
    """The Open Exoplanet Catalogue and exoplanet.eu put HD 3765 at 9 h 48 min; it is at 0 h 40 min."""
    pairs = conflict(planets, "HD 3765 b", "position")
    assert {(one["catalogue"], one["other_catalogue"]) for one in pairs} == {(NASA, OPEN), (NASA, ENCYCLOPAEDIA)}
    assert all(one["apart"] > 1000 * FARTHEST for one in pairs)


def test_values_without_uncertainties_conflict_by_their_share(planets: Planets) -> None:
    """HD 984 is 80 million years old, and not 80 Gyr, as the Open Exoplanet Catalogue has it."""
    (pair,) = conflict(planets, "HD 984 b", "age")
    assert (pair["number"], pair["other_number"], pair["apart_in"]) == (80.0, 0.08, "share")
    assert pair["apart"] == pytest.approx(999.0)
    assert pair["threshold"] == BY_NAME["age"].apart


def test_a_status_that_differs_is_found(planets: Planets) -> None:
    status = planets.conflicts.filter(pl.col("what") == "status")
    retracted = status.filter((pl.col("written") == "retracted") | (pl.col("other_written") == "retracted"))
    assert retracted.select("name", "written", "other_catalogue", "other_written").rows() == [
        ("HD 219134 e", "retracted", ENCYCLOPAEDIA, "confirmed"),
        ("HD 38858 b", "retracted", ENCYCLOPAEDIA, "confirmed"),
        ("Kepler-503 b", "retracted", NASA, "false positive"),
        ("Kepler-503 b", "retracted", OPEN, "candidate"),
    ]
    false = status.filter((pl.col("written") == "confirmed") & (pl.col("other_written") == "false positive"))
    assert "TOI-2107 b" in set(false["name"])
    assert status.filter(pl.col("written") == pl.col("other_written")).height == 0


def test_every_conflict_is_beyond_its_threshold_and_says_why(planets: Planets) -> None:
    values = planets.conflicts.filter(pl.col("what") == "value")
    assert values.filter(~(pl.col("apart") > pl.col("threshold"))).height == 0
    assert planets.conflicts["reason"].null_count() == 0
    assert values.filter(pl.col("catalogue") == pl.col("other_catalogue")).height == 0
    same_limits = (pl.col("limit") == pl.col("other_limit")) & (pl.col("limit") != 0)
    assert values.filter(same_limits).height == 0


def test_values_beyond_limits_are_found_and_those_within_are_not(planets: Planets) -> None:
    values = planets.conflicts.filter(pl.col("what") == "value", (pl.col("limit") != 0) | (pl.col("other_limit") != 0))
    assert values.select("name", "quantity", "limit", "other_limit").rows() == [
        ("HIP 9618 c", "mass", 1, 0), ("Kepler-20 f", "mass", 1, 0), ("Kepler-22 b", "mass", 1, 0),
        ("Kepler-37 c", "mass", 1, 0), ("Kepler-93 c", "orbital_period", -1, 0),
        ("MOA-2008-BLG-310L b", "distance", 0, -1), ("V1298 Tau c", "eccentricity", 1, 0),
        ("V1298 Tau e", "eccentricity", 1, 0),
    ]  # fmt: skip
    (pair,) = conflict(planets, "HIP 9618 c", "mass")
    resolution = 0.001 * JUPITER_MASS
    assert pair["apart"] == pytest.approx(
        (pair["other_number"] - pair["number"])
        / math.sqrt(pair["other_error_lower"] ** 2 + (resolution**2 + 0.00000001**2) / 12), rel=0.01
    )  # fmt: skip


def test_joins_in_doubt_are_in_the_report(planets: Planets) -> None:
    doubts = planets.conflicts.filter(pl.col("what") == "joining")
    assert doubts.height == len(planets.joining.doubts)
    rows = doubts.select("quantity", "catalogue", "written", "other_written").rows()
    assert ("contradicted", ENCYCLOPAEDIA, "KOI-126 b", "Kepler-469 b") in rows
    assert ("one place", NASA, "WASP-94 B b", "WASP-94 A b") in rows
    assert ("name, other period", OPEN, "Epsilon Indi A b", "eps Ind A b") in rows


def test_conflicts_are_written_whole(planets: Planets, tmp_path: Path) -> None:
    planets.write_conflicts(tmp_path / "conflicts.csv")
    with (tmp_path / "conflicts.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == planets.conflicts.height
    assert list(rows[0]) == planets.conflicts.columns
    told = {(row["name"], row["quantity"], row["number"], row["other_number"]) for row in rows}
    assert ("HD 80869 b", "effective_temperature", "5837.0", "58.37") in told


def test_the_summary_prints_in_a_terminal(planets: Planets) -> None:
    from rich.console import Console

    screen = Console(width=120, file=io.StringIO())
    for one in planets.conflict_summary():
        screen.print(one)
    text = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "7224 conflicts" in text
    assert "58.37 +15 -15" in text
    assert max(map(len, text.splitlines())) <= 120
    counts = planets.conflict_counts()
    assert counts["conflicts"].sum() == planets.conflicts.height
    assert all(row["stars"] <= row["conflicts"] for row in counts.iter_rows(named=True))


# -- the whole --------------------------------------------------------------------------------------------------------


def test_the_order_of_rows_in_the_files_changes_nothing(planets: Planets, storage: RealDataStorage) -> None:
    tables = [replace(table, frame=table.frame.reverse(), text=table.text.reverse()) for table in read_tables(storage)]
    again = join_tables(tables)
    for name in ("table", "values", "rows", "conflicts"):
        assert getattr(again, name).equals(getattr(planets, name)), name
    assert (again.groups, again.joining, again.records) == (planets.groups, planets.joining, planets.records)


def test_all_records_that_were_read_are_named(planets: Planets, storage: RealDataStorage) -> None:
    assert planets.records == tuple(sorted(record.digest for record in storage.records()))
    assert set(planets.rows["digest"]) == set(planets.records)
    assert set(planets.rows["assurance"]) == {"declared"}


def test_one_source_alone_is_read_alone(storage: RealDataStorage) -> None:
    found = read_planets(storage, [ENCYCLOPAEDIA])
    assert len(found) == found.rows.height == 5365
    assert set(found.values["catalogue"]) == {ENCYCLOPAEDIA}
    assert found.table["nasa_status"].null_count() == len(found)
    assert found.conflicts.filter(pl.col("what") != "joining").height == 0
    with pytest.raises(DataMissing, match="no planets of phl_hwc"):
        read_planets(storage, ["phl_hwc"])
    with pytest.raises(RefusedInput, match="'nasa'"):
        read_planets(storage, ["nasa"])


def test_a_store_without_planets_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="holds no planets of"):
        read_planets(RealDataStorage(tmp_path / "store", create=True))


def test_the_table_of_the_service_of_exoplanet_eu_is_read_as_its_file(archive_mirror: Path, tmp_path: Path) -> None:
    """Its columns have other names there, and some are lacking."""
    genuine = exoplanet_eu.FORMATS["catalogue"].text((archive_mirror / GENUINE[EU]).read_bytes()).frame
    kept = {exoplanet_eu.in_tap(name): name for name in genuine.columns
            if exoplanet_eu.in_tap(name) in exoplanet_eu.EPN_CORE.names()}  # fmt: skip
    content = genuine.select(pl.col(name).alias(tap) for tap, name in kept.items()).write_csv().encode()
    provenance = replace(offered("exoplanet_eu/epn_core", {"name": "epn_core.csv"}), key="epn_core/epn_core.csv#0")
    served = read_planets(stored(tmp_path / "served", [(content, provenance)]))
    filed = read_planets(stored(tmp_path / "filed", [saved(EU, archive_mirror / GENUINE[EU])]))
    assert served.table["eu_status"].null_count() == len(served)
    columns = ["planet", "quantity", "number", "text", "kind", "written", "name"]
    assert served.values.select(columns).equals(filed.values.select(columns))
    other = served.values.filter(served.values["limit"] != filed.values["limit"])
    assert set(other["quantity"]) == {"age", "stellar_mass"}, (
        "the service has no uncertainties of stars, which mark them"
    )


def with_reflinks(content: bytes, links: dict[str, tuple[str, str]]) -> bytes:
    """The composite table with links to papers, as the service has them: for a column, the link of a planet."""
    frame = nasa_exoplanet_archive.FORMATS["pscomppars"].text(content).frame
    return frame.with_columns(
        pl.when(pl.col("pl_name") == planet).then(pl.lit(link)).alias(f"{column}_reflink")
        for column, (planet, link) in links.items()
    ).write_csv().encode()  # fmt: skip


def test_what_the_composite_table_says_of_a_value_is_kept(archive_mirror: Path, tmp_path: Path) -> None:
    """Links are written as in answers of the service that others have published."""
    paper = ("<a refstr=FARIA_ET_AL__2022 href=https://ui.adsabs.harvard.edu/abs/2022A&A...658A.115F/abstract "
             "target=ref>Su&aacute;rez Mascare&ntilde;o</a>")  # fmt: skip
    computed = "<a refstr=CALCULATED_VALUE href=/docs/composite_calc.html target=_blank>Calculated Value</a>"
    links = {"pl_orbper": ("51 Peg b", paper), "pl_rade": ("51 Peg b", paper), "st_rad": ("K2-18 b", computed),
             "pl_bmasse": ("Kepler-186 f", paper), "st_spectype": ("HD 209458 b", paper)}  # fmt: skip
    content, provenance = saved(PSCOMPPARS, archive_mirror / GENUINE[PSCOMPPARS])
    found = read_planets(stored(tmp_path / "store", [(with_reflinks(content, links), provenance)]))
    named = "Suárez Mascareño (2022A&A...658A.115F)"
    for name, quantity, kind, because, reference in (
        ("51 Peg b", "orbital_period", MEASURED, "pl_orbper_reflink names its paper", named),
        ("51 Peg b", "radius", MEASURED, "pl_rade_reflink names its paper", named),
        ("51 Peg b", "stellar_radius", UNKNOWN, "the table does not say", None),
        ("K2-18 b", "stellar_radius", CALCULATED, "st_rad_reflink: Calculated Value", None),
        ("Kepler-186 f", "mass", CALCULATED, "pl_bmassprov: M-R relationship", named),
        ("HD 209458 b", "spectral_type", MEASURED, "st_spectype_reflink names its paper", named),
    ):  # fmt: skip
        seen = value(found, name, quantity, "pscomppars")
        assert (seen["kind"], seen["because"], seen["reference"]) == (kind, because, reference), (name, quantity)


def test_a_newer_release_takes_the_place_of_the_older(archive_mirror: Path, tmp_path: Path) -> None:
    content, provenance = saved(PSCOMPPARS, archive_mirror / GENUINE[PSCOMPPARS])
    older = replace(provenance, key="pscomppars/x#0", detail=provenance.detail | {"retrieved": "2026-04-25T00:00:00Z"})
    changed = content.replace(b"\nK2-18 b,K2-18,", b"\nK2-18 x,K2-18,")
    newer = replace(provenance, key="pscomppars/x#1", detail=provenance.detail | {"retrieved": "2026-05-01T00:00:00Z"})
    found = read_planets(stored(tmp_path / "store", [(content, older), (changed, newer)]))
    assert len(found) == 6273
    assert found.number("K2-18 x") >= 0
    with pytest.raises(UsageError):
        found.number("K2-18 b")
    assert len(found.records) == 1


def test_the_open_catalogue_alone_has_its_systems(archive_mirror: Path, tmp_path: Path) -> None:
    found = read_planets(stored(tmp_path / "store", [saved(OEC, archive_mirror / GENUINE[OEC])]))
    rows = found.rows.height
    assert rows == 9253
    assert len(found) < rows, "its list of candidates has planets of its systems"
