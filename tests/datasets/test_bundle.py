"""A bundle gives back the bytes that went in, or says that it is damaged and gives nothing."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrobio.core.errors import DataMissing, IntegrityError, RefusedInput
from astrobio.core.hashing import sha256_bytes
from astrobio.datasets import bundle, shipped
from astrobio.datasets.bundle import MAGIC, bundle_header, read_bundle, write_bundle
from astrobio.datasets.export import export_bundle
from astrobio.store import RealDataStorage

HEADER = {"runs": 8, "release": "test", "program": {"name": "vplanet", "version": "2"}}
DIGEST = 32


@pytest.fixture(scope="module")
def incomplete(planet_runs):
    """Runs that did not complete, as the simulator records them: with an outcome and without fields."""
    run, making = planet_runs[4]
    return [
        (replace(run, index=900 + place, outcome=outcome, diagnostics={}, steps={}), making | {"wall_time_s": 60.0})
        for place, outcome in enumerate(("timeout", "crashed"))
    ]


@pytest.fixture(scope="module")
def mixed(planet_runs, incomplete):
    runs = [planet_runs[0], incomplete[0], *planet_runs[2:6], incomplete[1], planet_runs[6]]
    return [(run.to_bytes(), dict(making)) for run, making in runs]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, mixed) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "runs.bundle"
    assert write_bundle(path, mixed, HEADER) == len(mixed)
    return path


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "some.bundle"


def test_what_goes_in_comes_out_byte_for_byte(whole, mixed):
    found = list(read_bundle(whole))
    assert [content for content, _ in found] == [content for content, _ in mixed]
    for (_, provenance), (_, making) in zip(found, mixed, strict=True):
        assert provenance.detail["making"] == making
        assert provenance.detail["program"] == HEADER["program"]
        assert provenance.detail["bundle"]["sha256"] == sha256_bytes(whole.read_bytes())
        assert (provenance.source, provenance.kind, provenance.origin) == ("planet_runs", "simulation", "import")
    assert bundle_header(whole) == HEADER


def test_a_bundle_is_its_makers_word_unless_more_is_known(whole):
    assert {provenance.assurance for _, provenance in read_bundle(whole)} == {"declared"}
    assert {provenance.assurance for _, provenance in read_bundle(whole, "reproduced")} == {"reproduced"}


def test_writing_twice_gives_the_same_file(whole, mixed, file):
    write_bundle(file, mixed, HEADER)
    assert file.read_bytes() == whole.read_bytes()


def test_blocks_follow_one_another(mixed, file, monkeypatch):
    monkeypatch.setattr(bundle, "BLOCK", 3)
    write_bundle(file, mixed, HEADER)
    assert [content for content, _ in read_bundle(file)] == [content for content, _ in mixed]


def test_an_empty_bundle_holds_nothing(file):
    assert write_bundle(file, [], {"runs": 0}) == 0
    assert list(read_bundle(file)) == []


makings = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.sampled_from(["host", "repeat", "wall"]), makings), min_size=1, max_size=4))
@settings(max_examples=30)
def test_any_makings_come_back_although_shared_texts_are_written_once(tmp_path_factory, mixed, found):
    path = tmp_path_factory.mktemp("makings") / "runs.bundle"
    write_bundle(path, [(content, making) for (content, _), making in zip(mixed, found, strict=False)], {})
    assert [provenance.detail["making"] for _, provenance in read_bundle(path)] == found


def test_bytes_that_are_not_canonical_are_not_written(mixed, file):
    content, making = mixed[0]
    length = int.from_bytes(content[:8], "little")
    spaced = (length + 8).to_bytes(8, "little") + content[8 : 8 + length] + b" " * 8 + content[8 + length :]
    with pytest.raises(RefusedInput, match="earth-000000-warm is not in canonical form"):
        write_bundle(file, [(spaced, making)], HEADER)


def test_every_truncation_is_refused_before_a_run_is_read(whole, file):
    content = whole.read_bytes()
    lengths = {*range(0, 80), *range(80, len(content), 997), *range(len(content) - 60, len(content))}
    for length in sorted(lengths - {len(content) - DIGEST}):
        file.write_bytes(content[:length])
        with pytest.raises(RefusedInput, match="is cut short|is not a bundle|its digest is another") as seen:
            next(read_bundle(file))
        assert seen.value.exit_code == 4


def test_a_bundle_without_its_digest_still_checks_each_run(whole, file, mixed):
    content = bytearray(whole.read_bytes()[:-DIGEST])
    file.write_bytes(content)
    assert [run for run, _ in read_bundle(file)] == [run for run, _ in mixed]
    refused = 0
    for place in range(400, len(content) - 8, 211):
        changed = bytearray(content)
        changed[place] ^= 0x10
        file.write_bytes(changed)
        try:
            found = [run for run, _ in read_bundle(file)]
        except RefusedInput:
            refused += 1
        else:
            assert found == [run for run, _ in mixed]
    assert refused > 10


def test_a_flipped_bit_anywhere_is_refused(whole, file):
    content = whole.read_bytes()
    places = {*range(0, 120), *range(120, len(content), 463), *range(len(content) - 45, len(content))}
    for place in sorted(places):
        changed = bytearray(content)
        changed[place] ^= 1 << (place % 8)
        file.write_bytes(changed)
        with pytest.raises(RefusedInput):
            list(read_bundle(file))


@pytest.mark.parametrize("content", [b"", b"ASTROBIO", b"<!doctype html>" * 9, b"\0" * 64, b"PK\x03\x04" + b"x" * 99])
def test_what_is_no_bundle_is_refused(file, content):
    file.write_bytes(content)
    for read in (bundle_header, lambda path: list(read_bundle(path))):
        with pytest.raises(RefusedInput, match="is not a bundle of planet runs") as seen:
            read(file)
        assert seen.value.exit_code == 4


def test_a_bundle_that_is_not_there_is_missing(tmp_path):
    for path in (tmp_path / "none.bundle", tmp_path):
        with pytest.raises(DataMissing, match="there is no bundle") as seen:
            list(read_bundle(path))
        assert seen.value.exit_code == 3


def test_what_stands_behind_the_end_is_refused(whole, file):
    file.write_bytes(whole.read_bytes() + b"more")
    with pytest.raises(RefusedInput, match="its digest is another"):
        list(read_bundle(file))


def _number(value: int) -> bytes:
    return value.to_bytes(8, "little")


@pytest.mark.skipif(sys.platform == "win32", reason="address space is limited by POSIX means")
@pytest.mark.parametrize("size", [2**40, 2**60, 2**63, 2**64 - 1])
def test_a_length_beyond_the_file_allocates_nothing(file, size):
    import tracemalloc

    packed = bundle._part(_codec(), b"{}")
    for content in (
        MAGIC + _number(size) + _number(2) + packed[16:],
        MAGIC + _number(len(packed) - 16) + _number(size) + packed[16:] + _number(0),
        MAGIC + packed + _number(size) + _number(size),
    ):
        file.write_bytes(content)
        tracemalloc.start()
        with pytest.raises(RefusedInput, match="cut short|claims"):
            list(read_bundle(file))
        assert tracemalloc.get_traced_memory()[1] < 2**20
        tracemalloc.stop()


def _codec():
    import pyarrow

    return pyarrow.Codec("zstd", compression_level=1)


def _sealed(*parts: bytes) -> bytes:
    """A bundle whose digest is right, whatever its parts hold."""
    import hashlib

    content = MAGIC + b"".join(bundle._part(_codec(), part) for part in parts) + _number(0)
    return content + hashlib.sha256(content).digest()


@pytest.mark.parametrize("header", [b"", b"[1]", b"3", b"{", b"\xff\xfe", b"[" * 100000])
def test_a_header_that_is_no_header_is_refused(file, header):
    file.write_bytes(_sealed(header))
    with pytest.raises(RefusedInput, match="the header of .* is damaged"):
        bundle_header(file)


def test_a_bundle_without_a_header_is_refused(file):
    file.write_bytes(_sealed())
    with pytest.raises(RefusedInput, match="the header of .* is damaged"):
        list(read_bundle(file))


def _block(text: object) -> bytes:
    encoded = json.dumps(text).encode()
    return _number(len(encoded)) + encoded


@pytest.mark.parametrize(
    "block",
    [b"", _number(2**60), _block([]), _block({"fields": {}}), _block({"fields": [], "runs": []}),
     _block({"fields": {"albedo": {"holders": [0], "shape": [2**62]}}, "runs": [{}]}),
     _block({"fields": {"albedo": {"holders": [7], "shape": []}}, "runs": [{}]}),
     _block({"fields": {}, "runs": [{"a": 1}]}), _block({"fields": {}, "runs": [3]}),
     _block({"fields": {}, "runs": [{"metadata|": 1, "metadata|format": 3, "sha256": "x"}]})],
)  # fmt: skip
def test_a_block_that_holds_something_else_is_refused(file, block):
    file.write_bytes(_sealed(b"{}", block))
    with pytest.raises(RefusedInput, match="block 0 of .* is damaged"):
        list(read_bundle(file))


def test_a_block_that_is_too_large_is_neither_written_nor_read(mixed, whole, file, monkeypatch):
    monkeypatch.setattr(bundle, "MOST_BYTES", 2000)
    with pytest.raises(RefusedInput, match="larger than a bundle may hold"):
        write_bundle(file, mixed, HEADER)
    with pytest.raises(RefusedInput, match="block 0 .* at most 2000 are read"):
        list(read_bundle(whole))


def test_a_header_that_lies_about_the_count_is_refused(tmp_path, planet_runs, file):
    runs = [(run.to_bytes(), making) for run, making in planet_runs[:4]]
    write_bundle(file, runs, {"runs": 5})
    with pytest.raises(RefusedInput, match="holds 4 runs, and its header says 5"):
        shipped.admit_bundle(RealDataStorage(tmp_path / "store", create=True), file)
    write_bundle(file, runs, {"runs": "many"})
    with pytest.raises(RefusedInput, match="does not say how many runs"):
        shipped.admit_bundle(RealDataStorage(tmp_path / "store", create=True), file)


def test_a_store_goes_out_as_a_bundle_and_comes_back(filled_store, tmp_path, file):
    storage = RealDataStorage(filled_store)
    header = export_bundle(storage, file)
    assert header["runs"] == 66
    assert header["designs"] == {"earth": 2, "sobol": 48, "test8": 16}
    other = RealDataStorage(tmp_path / "other", create=True)
    assert shipped.admit_bundle(other, file).admitted == 66
    assert {record.digest for record in other.records()} == {record.digest for record in storage.records()}
    assert other.assurance_counts("planet_runs") == {"declared": 66}
    assert shipped.admit_bundle(other, file).already == 66


def test_an_export_of_nothing_or_that_fails_leaves_no_file(tmp_path, filled_store, file):
    empty = RealDataStorage(tmp_path / "empty", create=True)
    with pytest.raises(DataMissing, match="holds no planet runs"):
        export_bundle(empty, file)
    store = Path(shutil.copytree(filled_store, tmp_path / "store"))
    storage = RealDataStorage(store)
    path = storage.path(storage.records()[-1].digest)
    path.write_bytes(path.read_bytes()[:-1] + b"\x55")
    with pytest.raises(IntegrityError, match="has changed"):
        export_bundle(storage, file)
    assert not file.exists()
    assert list(tmp_path.glob(".*.partial")) == []


def test_the_first_block_that_ships_is_restored_and_passes_the_gates():
    from itertools import islice

    from astrobio.archives.registry import verify

    assert shipped.shipped_count() >= 450
    runs = list(islice(read_bundle(shipped.BUNDLE, "reproduced"), bundle.BLOCK))
    assert len(runs) == bundle.BLOCK
    for content, provenance in runs[::16]:
        verdict = verify(content, provenance)
        assert verdict.admitted, verdict.render()
    assert sha256_bytes(shipped.BUNDLE.read_bytes()) in shipped.RELEASES
