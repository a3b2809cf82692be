"""Packs of archive records hold what the records hold, say where it is from, and stop where a split would leak."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from astrobio.core.errors import DataMissing, RefusedInput, UsageError
from astrobio.core.native import native
from astrobio.core.provenance import Provenance
from astrobio.datasets.networks import Networks, read_networks
from astrobio.datasets.pack import ArrayInfo, Pack, check_records
from astrobio.datasets.packs import DATA_SETS, build
from astrobio.datasets.packs.networks import alike
from astrobio.datasets.packs.text import later_dates
from astrobio.datasets.packs.writing import Batch, Compilation, check_sides, merged, part_of, write_pack
from astrobio.datasets.planet_catalogues import read_planets
from astrobio.datasets.spectra import read_spectra
from astrobio.datasets.text import read_texts
from astrobio.store import RealDataStorage
from astrobio.store.storage import Record

Open = Callable[[str], Pack]


@pytest.fixture(scope="module")
def store(archive_store: Path, tmp_path_factory: pytest.TempPathFactory) -> RealDataStorage:
    """A copy of the store of all genuine files, which notes the packs that are built from it."""
    return RealDataStorage(Path(shutil.copytree(archive_store, tmp_path_factory.mktemp("packs") / "store")))


@pytest.fixture(scope="module")
def opened(store: RealDataStorage, tmp_path_factory: pytest.TempPathFactory) -> Open:
    """Builds each pack once."""
    folder, found = tmp_path_factory.mktemp("built"), dict[str, Pack]()

    def open_pack(name: str) -> Pack:
        if name not in found:
            found[name] = Pack.open(build(store, name, folder / name))
        return found[name]

    return open_pack


@pytest.fixture(scope="module")
def networks(store: RealDataStorage) -> Networks:
    return read_networks(store)


@pytest.mark.parametrize(
    ("name", "samples", "groups", "records"),
    [
        (
            "planets",
            8083,
            6173,
            {"nasa_exoplanet_archive": 4, "open_exoplanet_catalogue": 1, "exoplanet_eu": 1, "phl_hwc": 2},
        ),
        ("spectra", 41, 2, {"nasa_exoplanet_archive": 24, "jwst_published": 17}),
        ("stellar_spectra", 59, 59, {"irtf_spex": 59}),
        ("text", 10796, 10796, {"arxiv": 1, "open_exoplanet_catalogue": 1}),
        ("networks", 84, 45, {"modelseed": 111, "published_networks": 84, "microbial_traits": 3}),
        ("cubes", 118, 15, {"cmip": 6, "earth_climate": 5, "exoplasim": 8}),
    ],
)
def test_packs_of_the_genuine_archive(
    opened: Open, name: str, samples: int, groups: int, records: dict[str, int]
) -> None:
    pack = opened(name)
    assert len(pack) == samples
    assert pack.manifest.counts["samples"] == {"all": samples, "groups": groups}
    assert pack.manifest.counts["records"] == records
    assert pack.manifest.counts["assurance"] == {"pinned": sum(records.values())}


@pytest.mark.parametrize("name", ["planets", "spectra", "stellar_spectra", "networks", "text", "cubes"])
def test_every_group_stands_on_one_side_by_its_name_alone(opened: Open, name: str) -> None:
    samples = opened(name).samples
    for group, part in zip(samples["group"], samples["split_random"], strict=True):
        assert part == part_of(group)


@pytest.mark.parametrize("name", ["planets", "spectra", "text", "networks", "cubes"])
def test_every_sample_is_of_a_record_that_the_store_verifies(opened: Open, store: RealDataStorage, name: str) -> None:
    pack = opened(name)
    check_records(pack, store)
    known = {record.digest: record for record in store.records()}
    table = pack.table("records")
    assert set(table["digest"]) <= set(known)
    for row in table.iter_rows(named=True):
        record = known[row["digest"]]
        assert (row["source"], row["key"], row["size"]) == (record.source, record.key, record.size)
        assert row["licence"]
    assert set(pack.samples["digest"].tolist()) - {""} <= set(table["digest"])


def test_planets_come_out_with_what_is_known_and_nothing_else(opened: Open, store: RealDataStorage) -> None:
    pack, planets = opened("planets"), read_planets(store)
    names = pack.manifest.arrays["value"].fields
    kind = native().Output("kind", "float32")
    found = pack.plan(["value", "error_upper", kind]).gather(np.arange(len(pack)))
    for place, name in enumerate(names):
        known = planets.table[name].is_not_null().to_numpy()
        np.testing.assert_array_equal(np.isfinite(found["value"][:, place]), known)
        np.testing.assert_array_equal(found["value"][known, place], planets.table[name].to_numpy()[known])
        assert np.isnan(found["kind"][~known, place]).all()
        assert set(found["kind"][known, place].tolist()) <= {0, 1, 2}
    assert pack.table("conflicts").height == planets.conflicts.height
    assert pack.table("values").height == planets.values.height
    assert not {"right_ascension", "host", "name"} & set(names)


def test_a_planet_of_known_numbers_is_itself(opened: Open) -> None:
    pack = opened("planets")
    [place] = np.nonzero(pack.samples["key"] == "TRAPPIST-1 e")[0]
    found = pack.plan(["value"]).gather(np.array([place]))
    value = dict(zip(pack.manifest.arrays["value"].fields, found["value"][0], strict=True))
    # Agol et al. 2021, as the archive's composite table of 2026-04-25 has it.
    assert value["radius"] == pytest.approx(0.920, abs=0.001)
    assert value["mass"] == pytest.approx(0.692, abs=0.001)
    assert value["orbital_period"] == pytest.approx(6.1010, abs=0.0001)
    assert pack.samples["group"][place] == pack.samples["group"][list(pack.samples["key"]).index("TRAPPIST-1 b")]


def test_spectra_come_out_as_they_were_published(opened: Open, store: RealDataStorage) -> None:
    pack = opened("spectra")
    spectra = read_spectra(store)
    spectra = spectra.select(pl.col("quantity") != "flux density")
    found = pack.plan(["wavelength", "depth", "depth_error_upper", "usable", "order"]).gather(np.arange(len(pack)))
    np.testing.assert_array_equal(found["wavelength"], spectra.arrays["wavelength"])
    np.testing.assert_array_equal(found["depth"], spectra.arrays["value"])
    np.testing.assert_array_equal(found["depth_error_upper"], spectra.arrays["error_upper"])
    np.testing.assert_array_equal(found["order"], spectra.arrays["order"])
    assert np.diff(found["depth_offsets"]).tolist() == spectra.table["points"].to_list()
    assert pack.samples["planet"].tolist() == spectra.table["planet"].to_list()


def test_statistics_of_spectra_are_those_of_the_training_part(opened: Open) -> None:
    pack = opened("spectra")
    rows = pack.indices("random", "train")
    depth = pack.plan(["depth"]).gather(rows)["depth"]
    present = depth[np.isfinite(depth)]
    found = pack.statistics("random")["depth"]
    assert found["count"] == present.size
    assert found["mean"] == pytest.approx(present.mean(), rel=1e-9)
    assert not {"order", "limit", "usable"} & set(pack.statistics("random"))


def test_texts_come_out_to_the_letter(opened: Open, store: RealDataStorage) -> None:
    pack, texts = opened("text"), read_texts(store).texts
    rows = np.array([0, 17, len(texts) - 1])
    found = pack.plan(["title", "text"]).gather(rows)
    for name in ("title", "text"):
        offsets = found[f"{name}_offsets"]
        words = [found[name][begin:end].tobytes().decode() for begin, end in zip(offsets, offsets[1:], strict=False)]
        assert words == [getattr(texts[row], name) for row in rows]
    assert dict(pack.table("dropped").group_by("reason").len().rows()) == {"same text": 6837, "near-duplicate": 125}
    assert pack.table("cleaned").height == 792


def test_descriptions_of_planets_are_texts_with_their_own_licence(opened: Open) -> None:
    pack = opened("text")
    assert pack.manifest.counts["licence"] == {"CC0 1.0 (metadata)": 8870, "MIT": 1926}
    [place] = np.nonzero(pack.samples["key"] == "open_exoplanet_catalogue/systems/14 Her b")[0]
    found = pack.plan(["text"]).gather(np.array([place]))["text"].tobytes().decode()
    assert found.startswith("The star 14 Herculis is only 59 light years away in the constellation Hercules.")
    assert pack.samples["date"][place] == "2015-09-21"


def test_the_newest_texts_test_and_no_day_is_parted(opened: Open) -> None:
    samples = opened("text").samples
    days = pl.DataFrame({"date": samples["date"], "part": samples["split_dates"]})
    test = days.filter(pl.col("part") == "test")["date"]
    rest = days.filter(pl.col("part") != "test")["date"]
    assert rest.max() < test.min()
    assert 0.1 <= len(test) / len(days) < 0.11


def test_texts_without_a_day_are_not_used_where_the_day_counts() -> None:
    parts = later_dates({"old": "2001-01-01", "undated": "", "new": "2026-01-01"})
    assert (parts["undated"], parts["new"]) == ("unused", "test")
    assert later_dates({"undated": ""}) == {"undated": "unused"}


def test_networks_come_out_with_their_stoichiometry(opened: Open, networks: Networks) -> None:
    pack = opened("networks")
    assert len(pack) == len(networks) == 84
    assert pack.manifest.counts["networks"] == {"modelseed": 1, "published_networks": 83}
    place = networks.table["id"].to_list().index("iAF1260")
    network = networks[place]
    found = pack.plan(["compound", "reaction", "side", "coefficient"]).gather(np.array([place]))
    matrix = np.zeros((len(network.compounds), len(network.reactions)))
    np.add.at(matrix, (found["compound"], found["reaction"]), found["coefficient"] * found["side"])
    np.testing.assert_array_equal(matrix, network.stoichiometric_matrix().toarray())
    compounds = pack.table("compounds").filter(pl.col("network") == place)
    assert compounds["formula"].to_list() == [one.formula for one in network.compounds]


def test_versions_of_one_reconstruction_stand_on_one_side(opened: Open, networks: Networks) -> None:
    groups = opened("networks").samples["group"]
    pairs = alike(networks.networks)
    assert pairs
    assert all(groups[one] == groups[other] for one, other in pairs)


def test_fields_of_cubes_keep_shape_units_and_coordinates(opened: Open) -> None:
    pack = opened("cubes")
    samples = pack.samples
    [place] = np.nonzero(samples["variable"] == "tcco2")[0]
    shape = list(samples["shape"][place])
    found = pack.plan(["values", "latitude", "longitude", "time"]).gather(np.array([place]))
    assert shape == [31, 161, 320]
    assert found["values"].size == int(np.prod(shape))
    assert list(samples["dimensions"][place]) == ["time", "latitude", "longitude"]
    assert [found[one].size for one in ("time", "latitude", "longitude")] == shape
    assert (np.diff(found["latitude"]) > 0).all()
    assert json.loads(samples["topology"][place]) == {"time": "open", "latitude": "closed", "longitude": "periodic"}
    assert json.loads(samples["coordinates"][place])["time"]["units"].startswith("hours since")
    [small] = np.nonzero(samples["variable"] == "rlds")[0]
    assert (samples["units"][small], list(samples["shape"][small])) == ("W m-2", [1980, 2, 2])
    assert json.loads(samples["topology"][small])["latitude"] == "open"


def test_building_again_gives_the_same_pack(opened: Open, store: RealDataStorage, tmp_path: Path) -> None:
    for name in ("spectra", "cubes"):
        assert Pack.open(build(store, name, tmp_path / name)).digest == opened(name).digest


def test_a_pack_is_replaced_only_if_that_is_asked_for(opened: Open, store: RealDataStorage) -> None:
    pack = opened("spectra")
    with pytest.raises(UsageError, match="exists\nRun: astrobio build spectra --overwrite"):
        build(store, "spectra", pack.path)


def test_a_source_is_not_deleted_while_a_pack_of_it_is_there(opened: Open, store: RealDataStorage) -> None:
    opened("spectra")
    for name in ("nasa_exoplanet_archive", "jwst_published"):
        with pytest.raises(RefusedInput, match="packs were built from"):
            store.delete_source(name)


def test_there_is_no_pack_of_nothing(tmp_path: Path) -> None:
    empty = RealDataStorage(tmp_path / "store", create=True)
    for name in DATA_SETS:
        with pytest.raises(DataMissing, match="astrobio fetch"):
            build(empty, name, tmp_path / name)
        assert not (tmp_path / name).exists()
    with pytest.raises(UsageError, match="there is no data set 'genomes'"):
        build(empty, "genomes", tmp_path / "genomes")


def test_what_is_only_declared_is_left_out_unless_it_is_allowed(archive_mirror: Path, tmp_path: Path) -> None:
    from astrobio.archives.registry import source
    from astrobio.fetch.engine import import_file

    storage = RealDataStorage(tmp_path / "store", create=True)
    path = archive_mirror / "jwst_published" / "K2-18b_niriss_soss_lowres.txt"
    changed = tmp_path / path.name
    changed.write_text("# resaved\n" + path.read_text())
    import_file(storage, source("jwst_published"), changed, "k2_18b")
    assert [record.assurance for record in storage.records()] == ["declared"]
    with pytest.raises(DataMissing, match="--allow-declared"):
        build(storage, "spectra", tmp_path / "pack")
    assert len(Pack.open(build(storage, "spectra", tmp_path / "pack", allow_declared=True))) == 1


def compilation(groups: list[str], values: list[float]) -> Compilation:
    rows = pl.DataFrame({"key": [f"sample {number}" for number in range(len(groups))], "group": groups,
                         "digest": "", "assurance": "fetched"})  # fmt: skip
    arrays = {"value": ArrayInfo(dtype="float64", shape=[], units="1")}
    provenance = Provenance("kegg", "curated", "fetched", "exchange", "key")
    record = Record("d" * 64, 1, "curated", "kegg", "key", "group", "fetched", provenance.to_json())
    return Compilation(arrays, [Batch(rows, {"value": np.array(values)})], [record])


def test_the_same_values_on_two_sides_stop_the_build(tmp_path: Path) -> None:
    sides = {part_of(f"star {number}"): f"star {number}" for number in range(60)}
    assert set(sides) == {"train", "validation", "test"}
    leaking = pl.DataFrame({"key": ["a", "b"], "group": ["g", "h"], "content_sha256": ["same", "same"],
                            "split_random": ["train", "test"]})  # fmt: skip
    with pytest.raises(RefusedInput, match=r"a \(train\) and b \(test\) have the same values"):
        check_sides(leaking, "random")
    torn = leaking.with_columns(group=pl.lit("g"), content_sha256=pl.col("key"))
    with pytest.raises(RefusedInput, match="are of one group"):
        check_sides(torn, "random")
    check_sides(torn.with_columns(split_random=pl.Series(["train", "unused"])), "random")
    storage = RealDataStorage(tmp_path / "store", create=True)
    with pytest.raises(RefusedInput, match="split random leaks"):
        write_pack(storage, "made", tmp_path / "pack", compilation([sides["train"], sides["test"]], [1.0, 1.0]))
    assert not (tmp_path / "pack").exists()


def test_parts_may_be_alike_and_wholes_may_not(tmp_path: Path) -> None:
    sides = {part_of(f"star {number}"): f"star {number}" for number in range(60)}
    groups = [sides["train"], sides["train"], sides["test"], sides["test"]]
    storage = RealDataStorage(tmp_path / "store", create=True)
    for values, alike_too in (([1.0, 2.0, 1.0, 3.0], False), ([1.0, 2.0, 1.0, 2.0], True)):
        made = compilation(groups, values)
        made.batches = [replace(batch, whole=[0, 0, 1, 1]) for batch in made.batches]
        if alike_too:
            with pytest.raises(RefusedInput, match="have the same values"):
                write_pack(storage, "made", tmp_path / "pack", made, overwrite=True)
        else:
            write_pack(storage, "made", tmp_path / "pack", made)


def test_groups_that_are_alike_become_one_whatever_their_order() -> None:
    groups = ["d", "a", "c", "b", "e"]
    one = merged(groups, [(0, 1), (2, 3), (1, 2)])
    assert one == merged(groups, [(2, 1), (1, 0), (3, 2)]) == ["a", "a", "a", "a", "e"]


def test_about_a_tenth_of_the_groups_test_and_validate() -> None:
    parts = [part_of(f"star {number}") for number in range(10_000)]
    assert 900 < parts.count("test") < 1100
    assert 800 < parts.count("validation") < 1000
