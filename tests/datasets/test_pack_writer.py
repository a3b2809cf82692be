"""A pack writer stores what it is given, in shards of a bounded size, whatever the batches are, or nothing at all."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from safetensors.numpy import load_file

from astrobio.core.errors import RefusedInput, UsageError
from astrobio.datasets.moments import merge_moments
from astrobio.datasets.pack import MANIFEST, SAMPLES, ArrayInfo, Manifest, Pack
from astrobio.datasets.pack_writer import TOKEN_BLOCK, PackWriter, Ragged

CUBE = ArrayInfo(dtype="float32", shape=[3, 4, 5], units="K", fields=["t", "u", "v"])
CODED = ArrayInfo(dtype="int16", shape=[2, 3], units="m", scale=[0.5, 2.0], offset=[100.0, 0.0], missing=-32768)
FLAG = ArrayInfo(dtype="uint8", shape=[], units="1")
SPECTRUM = ArrayInfo(dtype="float32", shape=[2], units="1", layout="ragged", fields=["wavelength", "flux"])
TEXT = ArrayInfo(dtype="uint16", shape=[], units="1", layout="tokens")
DIGESTS = {"records_sha256": "0" * 64, "code_sha256": "1" * 64}


def write(out: Path, arrays: dict[str, ArrayInfo], batches: list, train: list | None = None, **options) -> Manifest:
    """Write a pack of ``batches``, with a table of sample numbers."""
    splits = ("random",) if train else ()
    with PackWriter(out, "tests", arrays, splits=splits, **options) as writer:
        for number, batch in enumerate(batches):
            writer.add(batch, {"random": train[number]} if train else None)
        writer.add_table({"key": [f"sample-{number}" for number in range(writer.samples)]})
        return writer.finish(counts={"parts": {"b": 1, "a": 2}}, **DIGESTS)


def shards(out: Path) -> list[dict[str, np.ndarray]]:
    return [load_file(path) for path in sorted((out / "shards").iterdir())]


def cut(values: np.ndarray, places: list[int]) -> list[np.ndarray]:
    """``values`` in batches that end at ``places``."""
    return np.split(values, sorted(place % (len(values) + 1) for place in places))


@settings(max_examples=15)  # each waits for the disk, once a shard
@given(st.lists(st.integers(0, 40), max_size=5), st.integers(3, 50), st.integers(2_000, 20_000))
def test_batches_make_no_difference_to_the_shards(tmp_path_factory, places, shard_samples, shard_bytes):
    generator = np.random.default_rng(0)
    values = generator.normal(288, 30, (37, 3, 4, 5)).astype(np.float32)
    rows = [generator.normal(size=(length, 2)).astype(np.float32) for length in generator.integers(0, 30, 37)]
    arrays, bounds = {"cube": CUBE, "spectrum": SPECTRUM}, {"shard_samples": shard_samples, "shard_bytes": shard_bytes}
    ends = [0, *sorted(place % 38 for place in places), 37]
    batches = [{"cube": values[a:b], "spectrum": rows[a:b]} for a, b in zip(ends[:-1], ends[1:], strict=True)]
    folder = tmp_path_factory.mktemp("packs")
    one = write(folder / "one", arrays, [{"cube": values, "spectrum": rows}], **bounds)
    other = write(folder / "other", arrays, batches, **bounds)
    assert [item.sha256 for item in one.files] == [item.sha256 for item in other.files]
    for item in one.files[:-1]:
        assert item.samples <= shard_samples
        stored = load_file(folder / "one" / item.path)
        assert stored["cube"].nbytes + stored["spectrum"].nbytes <= shard_bytes or item.samples == 1
    assert sum(item.samples for item in one.files[:-1]) == 37
    found = shards(folder / "one")
    np.testing.assert_array_equal(np.concatenate([shard["cube"] for shard in found]), values)
    np.testing.assert_array_equal(np.concatenate([shard["spectrum"] for shard in found]), np.concatenate(rows))


def test_a_pack_that_was_written_opens_and_verifies(tmp_path):
    values = np.random.default_rng(1).normal(size=(10, 3, 4, 5)).astype(np.float32)
    manifest = write(tmp_path / "pack", {"cube": CUBE}, [{"cube": values}], shard_samples=4)
    pack = Pack.open(tmp_path / "pack")
    assert pack.digest == manifest.digest()
    assert [item.samples for item in pack.manifest.files] == [4, 4, 2, 10]
    np.testing.assert_array_equal(pack.array("cube")[:], values)
    assert pack.samples["key"][9] == "sample-9"
    assert list(pack.manifest.counts["parts"]) == ["a", "b"]
    for item in pack.manifest.files:
        assert hashlib.sha256((pack.path / item.path).read_bytes()).hexdigest() == item.sha256
    assert [path.name for path in tmp_path.iterdir()] == ["pack"]


def test_axes_are_brought_into_the_stored_order(tmp_path):
    values = np.random.default_rng(2).normal(size=(6, 4, 5, 3))
    write(tmp_path / "pack", {"cube": CUBE}, [{"cube": values}], axes={"cube": (2, 0, 1)})
    (shard,) = shards(tmp_path / "pack")
    np.testing.assert_array_equal(shard["cube"], values.transpose(0, 3, 1, 2).astype(np.float32))


def test_values_are_stored_by_scale_and_offset_with_a_code_for_what_is_missing(tmp_path):
    values = np.array([[[100.4, 101.3, np.nan], [3.0, -5.0, 8.0]]])
    write(tmp_path / "pack", {"height": CODED}, [{"height": values}])
    (shard,) = shards(tmp_path / "pack")
    assert shard["height"].tolist() == [[[1, 3, -32768], [2, -2, 4]]]
    manifest = json.loads((tmp_path / "pack" / MANIFEST).read_text())
    assert manifest["arrays"]["height"]["scale"] == [0.5, 2.0]
    assert manifest["arrays"]["height"]["missing"] == -32768


def test_every_sample_has_the_checksum_that_zlib_computes(tmp_path):
    generator = np.random.default_rng(3)
    cubes = generator.normal(size=(9, 3, 4, 5)).astype(np.float32)
    rows = [generator.normal(size=(length, 2)).astype(np.float32) for length in (3, 0, 7, 1, 2, 9, 4, 4, 1)]
    flags = np.arange(9) % 2 == 0
    batch = {"cube": cubes, "spectrum": rows, "flag": flags}
    write(tmp_path / "pack", {"cube": CUBE, "spectrum": SPECTRUM, "flag": FLAG}, [batch], shard_samples=5)
    number = 0
    for shard in shards(tmp_path / "pack"):
        offsets = shard["spectrum.offsets"]
        assert offsets.dtype == np.int64
        assert offsets[0] == 0
        assert offsets[-1] == len(shard["spectrum"])
        for place in range(len(shard["flag"])):
            assert shard["cube.crc32"][place] == zlib.crc32(cubes[number].tobytes())
            assert shard["flag.crc32"][place] == zlib.crc32(flags[number].tobytes())
            np.testing.assert_array_equal(shard["spectrum"][offsets[place] : offsets[place + 1]], rows[number])
            assert shard["spectrum.crc32"][place] == zlib.crc32(rows[number].tobytes())
            number += 1
    assert number == 9


@pytest.mark.parametrize("joined", [False, True])
def test_tokens_are_a_stream_with_a_checksum_for_each_block_of_their_shard(tmp_path, joined):
    generator = np.random.default_rng(4)
    lengths = [TOKEN_BLOCK - 1, 3, 0, 2 * TOKEN_BLOCK, 17, 5]
    documents = [generator.integers(0, 2**16, length) for length in lengths]
    offsets = np.cumsum([0, *lengths])
    batches = [{"text": documents[:2]}, {"text": documents[2:]}]
    if joined:
        batches = [{"text": Ragged(np.concatenate(documents), offsets)}]
    write(tmp_path / "pack", {"text": TEXT}, batches, shard_samples=5)
    first, second = shards(tmp_path / "pack")
    assert first["text.offsets"].tolist() == offsets[:6].tolist()
    assert second["text.offsets"].tolist() == [0, 5]
    stream = np.concatenate(documents[:5]).astype(np.uint16)
    np.testing.assert_array_equal(first["text"], stream)
    blocks = [stream[begin : begin + TOKEN_BLOCK] for begin in range(0, len(stream), TOKEN_BLOCK)]
    assert first["text.crc32"].tolist() == [zlib.crc32(block.tobytes()) for block in blocks]
    assert len(blocks) == 4
    assert second["text.crc32"].tolist() == [zlib.crc32(documents[5].astype(np.uint16).tobytes())]


@settings(max_examples=15)
@given(st.lists(st.integers(0, 40), max_size=4), st.integers(5, 40))
def test_statistics_are_those_of_the_chosen_samples_alone(tmp_path_factory, places, shard_samples):
    generator = np.random.default_rng(5)
    values = generator.normal(288, 1e-3, (33, 3, 4, 5))
    values[generator.random(values.shape) < 0.05] = np.nan
    train = generator.random(33) < 0.6
    batches, chosen = [{"cube": part} for part in cut(values, places)], cut(train, places)
    out = tmp_path_factory.mktemp("packs") / "pack"
    manifest = write(out, {"cube": CUBE}, batches, chosen, shard_samples=shard_samples)
    stored = values[train].astype(np.float32).astype(np.float64)
    found = manifest.statistics["random"]
    assert set(found) == {"cube", "cube.t", "cube.u", "cube.v"}
    for name, part in {"cube": stored, **{f"cube.{key}": stored[:, place] for place, key in enumerate("tuv")}}.items():
        assert found[name]["count"] == (~np.isnan(part)).sum()
        assert found[name]["mean"] == pytest.approx(np.nanmean(part), rel=1e-14)
        assert found[name]["std"] == pytest.approx(np.nanstd(part - 288), rel=1e-9)


def test_statistics_of_nothing_are_zero_and_tokens_have_none(tmp_path):
    batch = {"flag": np.ones(3, dtype=bool), "text": [np.arange(4)] * 3}
    manifest = write(tmp_path / "pack", {"flag": FLAG, "text": TEXT}, [batch], [np.zeros(3, dtype=bool)])
    assert manifest.statistics == {"random": {"flag": {"mean": 0.0, "std": 0.0, "count": 0.0}}}


@given(st.lists(st.lists(st.floats(-1e6, 1e6), max_size=9), min_size=1, max_size=6), st.data())
def test_merged_moments_are_those_of_all_values_at_once(parts, data):
    chosen = np.array(data.draw(st.lists(st.booleans(), min_size=len(parts), max_size=len(parts))))
    rows = []
    for part in parts:
        mean = np.mean(part) if part else 0.0
        ends = (min(part), max(part)) if part else (np.nan, np.nan)
        rows.append([[len(part), mean, sum((value - mean) ** 2 for value in part), *ends]])
    ((count, mean, m2, least, greatest),) = merge_moments(rows, chosen).tolist()
    values = np.array([value for part, taken in zip(parts, chosen, strict=True) if taken for value in part])
    assert count == len(values)
    if count == 0:
        assert (mean, m2) == (0, 0)
        assert np.isnan([least, greatest]).all()
        return
    assert mean == pytest.approx(values.mean(), rel=1e-12, abs=1e-9)
    assert m2 == pytest.approx(((values - values.mean()) ** 2).sum(), rel=1e-9, abs=1e-6)
    assert (least, greatest) == (values.min(), values.max())


def test_memory_is_bounded_by_one_shard(tmp_path):
    shape, size = [8, 1024], 4 << 20
    info = {"x": ArrayInfo(dtype="float32", shape=shape, units="1")}
    batch = np.ones((16, *shape), dtype=np.float32)
    with PackWriter(tmp_path / "pack", "tests", info, shard_bytes=size) as writer:
        tracemalloc.start()
        try:
            for _ in range(64):
                writer.add({"x": batch})
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert writer.samples * batch[0].nbytes > 7 * size
    assert peak < 1.5 * size


def test_what_cannot_be_stored_is_refused_by_its_number_in_the_pack_and_leaves_nothing(tmp_path):
    good, bad = np.ones((5, 3, 4, 5)), np.ones((5, 3, 4, 5))
    bad[3, 1, 2, 2] = np.inf
    with pytest.raises(RefusedInput, match="array cube, sample 8 of the pack, u: a value is infinite") as seen:
        write(tmp_path / "pack", {"cube": CUBE}, [{"cube": good}, {"cube": bad}], shard_samples=4)
    assert seen.value.exit_code == 4
    documents = [np.array([1]), np.array([65536])]
    with pytest.raises(RefusedInput, match="array text, sample 1 of the pack, field 0: 65536 is out of the range"):
        write(tmp_path / "pack", {"text": TEXT}, [{"text": documents}])
    assert list(tmp_path.iterdir()) == []


def test_a_pack_that_is_not_finished_is_not_there_and_what_was_there_stays(tmp_path):
    out = tmp_path / "pack"
    write(out, {"flag": FLAG}, [{"flag": np.zeros(3, dtype=np.uint8)}])
    before = Pack.open(out).digest
    with PackWriter(out, "tests", {"flag": FLAG}, overwrite=True) as writer:
        writer.add({"flag": np.ones(3, dtype=np.uint8)})
    assert Pack.open(out).digest == before
    assert [path.name for path in tmp_path.iterdir()] == ["pack"]
    write(out, {"flag": FLAG}, [{"flag": np.ones(3, dtype=np.uint8)}], overwrite=True)
    assert Pack.open(out).digest != before


def test_a_folder_that_is_there_is_replaced_only_when_asked_and_only_if_it_is_a_pack(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(UsageError, match=r"thesis exists\nRun: astrobio build spectra --overwrite"):
        PackWriter(tmp_path / "thesis", "spectra", {"flag": FLAG})
    with pytest.raises(UsageError, match="thesis is no pack, and only a pack is replaced"):
        PackWriter(tmp_path / "thesis", "tests", {"flag": FLAG}, overwrite=True)
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "years of work"


def test_a_pack_needs_samples_and_a_row_for_each(tmp_path):
    with PackWriter(tmp_path / "pack", "tests", {"flag": FLAG}) as writer:
        with pytest.raises(UsageError, match="a pack has at least one sample"):
            writer.finish(counts={}, **DIGESTS)
        writer.add({"flag": np.zeros(3)})
        with pytest.raises(UsageError, match="3 samples, and no table"):
            writer.finish(counts={}, **DIGESTS)
        writer.add_table({"key": ["a", "b"]})
        with pytest.raises(UsageError, match="3 samples, and a table of 2 rows"):
            writer.finish(counts={}, **DIGESTS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({"cube": np.zeros((2, 3, 4, 5))}, "wanted are arrays cube, spectrum"),
        ({"cube": np.zeros((2, 3, 4, 5)), "spectrum": [np.zeros((1, 2))]}, "different numbers of samples"),
        ({"cube": np.zeros((1, 4, 5, 3)), "spectrum": [np.zeros((1, 2))]}, r"cube are \(4, 5, 3\), and \[3, 4, 5\]"),
        ({"cube": [np.zeros((3, 4, 5))], "spectrum": [np.zeros((1, 2))]}, "cube are one array, not list"),
        ({"cube": np.zeros((1, 3, 4, 5)), "spectrum": [np.zeros((1, 3))]}, r"spectrum is \(1, 3\), and its rows"),
        ({"cube": np.zeros((1, 3, 4, 5)), "spectrum": [1.0]}, r"spectrum is \(\), and its rows"),
    ],
)
def test_a_batch_of_another_kind_is_refused(tmp_path, batch, message):
    with PackWriter(tmp_path / "pack", "tests", {"cube": CUBE, "spectrum": SPECTRUM}) as writer:
        with pytest.raises(UsageError, match=message):
            writer.add(batch)
        assert writer.samples == 0


def test_arrays_and_axes_that_do_not_fit_are_refused(tmp_path):
    for arrays, axes, message in (
        ({}, None, "arrays are"),
        ({"a.b": FLAG}, None, "has a dot"),
        ({"cube": CUBE}, {"cube": (0, 1)}, "axes of cube"),
        ({"cube": CUBE}, {"tube": (0, 1, 2)}, "axes those of"),
        ({"text": TEXT}, {"text": ()}, "axes of text"),
    ):
        with pytest.raises(UsageError, match=message):
            PackWriter(tmp_path / "pack", "tests", arrays, axes=axes)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"dtype": "complex64"},
        {"shape": [-1]},
        {"scale": [1.0, 2.0, 3.0]},
        {"scale": [0.0]},
        {"offset": [float("nan")]},
        {"missing": 40_000},
        {"dtype": "float32", "missing": 1},
        {"dtype": "bool", "scale": [2.0], "missing": None},
        {"fields": ["a"]},
        {"fields": ["a", "a"]},
        {"layout": "tokens"},
        {"layout": "sparse"},
    ],
)
def test_a_description_that_contradicts_itself_is_refused(changes):
    with pytest.raises(ValidationError):
        ArrayInfo(**(CODED.model_dump() | changes))


def test_a_manifest_that_contradicts_itself_is_refused(tmp_path):
    out = tmp_path / "pack"
    write(out, {"height": CODED}, [{"height": np.zeros((1, 2, 3))}])
    text = (out / MANIFEST).read_text()
    (out / MANIFEST).write_text(text.replace("-32768", "-32769"))
    with pytest.raises(RefusedInput, match="is not a pack's manifest"):
        Pack.open(out)
    assert (out / SAMPLES).is_file()
