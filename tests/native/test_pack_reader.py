"""The native pack reader gives what is stored, converted as documented, or an error: never a wrong value."""

from __future__ import annotations

import _thread
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rust_integration import ArraySpec, Output, PackError, PackReader, Plan

from tests.native.pack_reference import (
    FLOATS,
    INTEGERS,
    STORAGE,
    TOKEN_BLOCK,
    Asked,
    Stored,
    Tensors,
    expected,
    same,
    write_pack,
    write_shard,
)

seeds = st.integers(0, 2**32 - 1)
shapes = st.sampled_from(
    [(), (1,), (3,), (0,), (2, 5), (3, 0), (0, 4), (7, 1, 2), (2, 64), (3, 130), (1, 700), (2, 3, 400), (5, 513)]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pack")


def elements(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Any bits at all in one half of the cases (NaN, infinities, subnormal numbers), common numbers in the other."""
    storage = np.dtype(STORAGE[dtype])
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype in INTEGERS or dtype == "bfloat16" or rng.random() < 0.5:
        count = int(np.prod(shape, dtype=np.int64))
        return np.frombuffer(rng.bytes(count * storage.itemsize), storage).reshape(shape)
    return (rng.standard_normal(shape) * 10.0 ** rng.integers(-4, 4)).astype(storage)


def samples_of(
    rng: np.random.Generator, dtype: str, shape: tuple[int, ...], layout: str, count: int
) -> list[np.ndarray]:
    if layout == "dense":
        return [elements(rng, dtype, shape) for _ in range(count)]
    return [elements(rng, dtype, (int(rows), *shape)) for rows in rng.choice([0, 0, 1, 2, 5], count)]


def constants(rng: np.random.Generator, shape: tuple[int, ...], low: float, high: float) -> tuple[float, ...]:
    """One constant for all fields or one a field."""
    fields = shape[0] if shape and rng.random() < 0.7 else 1
    return tuple(float(value) for value in rng.uniform(low, high, fields or 1))


def output(name: str, asked: Asked) -> Output:
    return Output(name, asked.dtype, asked.mean, asked.std, asked.mask)


def check(plan: Plan, indices: np.ndarray, wanted: list[np.ndarray]) -> None:
    """All three ways to a batch give what is wanted."""
    assert plan.shapes(indices) == [array.shape for array in wanted]
    gathered = plan.gather(indices)
    into = [np.full_like(array, 1) for array in wanted]
    assert plan.gather_into(indices, into) is None
    aside = [np.full_like(array, 1) for array in wanted]
    tickets = [plan.submit(indices), plan.submit(indices, aside)]
    submitted = tickets[0].wait()
    assert tickets[1].wait() is None
    for number, (dtype, array) in enumerate(zip(plan.dtypes, wanted, strict=True)):
        assert gathered[number].dtype == dtype
        assert gathered[number].shape == array.shape
        assert all(same(found[number], array, dtype) for found in (gathered, into, submitted, aside))


@pytest.mark.parametrize("layout", ["dense", "ragged"])
@pytest.mark.parametrize("dtype", STORAGE)
@given(shapes, seeds, st.lists(st.integers(0, 4), min_size=1, max_size=4), st.integers(1, 4), st.integers(0, 7))
def test_results_are_those_of_the_reference_bit_for_bit(folder, layout, dtype, shape, seed, sizes, threads, padding):
    rng = np.random.default_rng(seed)
    count = sum(sizes)
    array = Stored("x", dtype, shape, samples_of(rng, dtype, shape, layout, count), layout)
    asks = [Asked()]
    scaled = rng.random() < 0.5
    if scaled:
        array.scale, array.offset = constants(rng, shape, 0.1, 4.0), constants(rng, shape, -4.0, 4.0)
        asks = []
    if dtype in INTEGERS and rng.random() < 0.6:
        values = [value for sample in array.samples for value in sample.reshape(-1)[:1]]
        array.missing = int(values[0]) if values else 0
        asks = []
    for target in FLOATS:
        mean = constants(rng, shape, -3.0, 3.0) if rng.random() < 0.5 else ()
        std = constants(rng, shape, 0.2, 5.0) if rng.random() < 0.5 else ()
        asks.append(Asked(target, mean, std, bool(rng.random() < 0.5)))
    if dtype not in FLOATS and not scaled:
        asks += [Asked(target, mask=True) for target in wider(dtype)]
        asks += [Asked(target) for target in wider(dtype) if array.missing is None]
    shards = write_pack(folder, [array], sizes, padding)
    reader = PackReader(shards, [array.spec()])
    assert len(reader) == count
    indices = rng.integers(0, count, rng.integers(0, 9)) if count else np.zeros(0, np.int64)
    for asked in asks:
        plan = reader.plan([output("x", asked)], threads)
        check(plan, indices, expected(array, indices, asked))


def wider(dtype: str) -> list[str]:
    """The integer types that hold all values of an integer type or bool, and bool itself for bool."""
    if dtype == "bool":
        return [*INTEGERS, "bool"]
    return [name for name in INTEGERS if np.can_cast(STORAGE[dtype], STORAGE[name], "safe")]


def mixed_pack(folder: Path, seed: int = 0, sizes: tuple[int, ...] = (3, 0, 4)) -> tuple[list, list[Stored]]:
    """A pack of a dense array, a ragged one and one with missing values."""
    rng = np.random.default_rng(seed)
    count = sum(sizes)
    arrays = [
        Stored("dense", "float32", (3, 70), [rng.standard_normal((3, 70)).astype(np.float32) for _ in range(count)]),
        Stored("ragged", "float16", (2,), samples_of(rng, "float16", (2,), "ragged", count), "ragged"),
        Stored("coded", "int16", (5,), list(rng.integers(-2, 3, (count, 5)).astype(np.int16)), missing=-2),
    ]
    return write_pack(folder, arrays, sizes), arrays


MIXED = {"dense": Asked("float32", (0.5, 1.0, 2.0), (2.0,)), "ragged": Asked(), "coded": Asked("float32", mask=True)}


@pytest.fixture
def mixed(tmp_path: Path) -> tuple[PackReader, list[Stored]]:
    shards, arrays = mixed_pack(tmp_path)
    return PackReader(shards, [array.spec() for array in arrays]), arrays


def outputs() -> list[Output]:
    return [output(name, asked) for name, asked in MIXED.items()]


def mixed_results(arrays: list[Stored], indices: np.ndarray) -> list[np.ndarray]:
    return [result for array in arrays for result in expected(array, indices, MIXED[array.name])]


@given(st.lists(st.integers(0, 6), max_size=12), st.integers(1, 6))
def test_several_outputs_come_in_their_order(folder, indices, threads):
    shards, arrays = mixed_pack(folder)
    plan = PackReader(shards, [array.spec() for array in arrays]).plan(outputs(), threads)
    check(plan, np.array(indices, np.int64), mixed_results(arrays, np.array(indices, np.int64)))
    assert plan.dtypes == ["float32", "float16", "int64", "float32", "bool"]


def test_an_array_may_come_out_in_several_ways(mixed):
    reader, arrays = mixed
    asks = [Asked(), Asked("float16", (1.0,)), Asked("float64", mask=True)]
    plan = reader.plan([output("dense", asked) for asked in asks])
    indices = np.array([5, 0, 5])
    check(plan, indices, [result for asked in asks for result in expected(arrays[0], indices, asked)])


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_many_tickets_at_once_give_their_own_batches(mixed, threads):
    reader, arrays = mixed
    plan = reader.plan(outputs(), threads)
    rng = np.random.default_rng(threads)
    batches = [rng.integers(0, 7, rng.integers(0, 30)) for _ in range(60)]
    tickets = [plan.submit(indices) for indices in batches]
    for indices, ticket in reversed(list(zip(batches, tickets, strict=True))):
        for found, wanted, dtype in zip(ticket.wait(), mixed_results(arrays, indices), plan.dtypes, strict=True):
            assert same(found, wanted, dtype)


def test_threads_of_python_may_share_a_plan(mixed):
    reader, arrays = mixed
    plan, wrong = reader.plan(outputs(), 2), []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(30):
            indices = rng.integers(0, 7, 9)
            results = zip(plan.gather(indices), mixed_results(arrays, indices), plan.dtypes, strict=True)
            wrong.extend(seed for found, wanted, dtype in results if not same(found, wanted, dtype))

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []


def test_a_mode_of_the_processor_that_python_set_changes_no_result(tmp_path):
    """torch.set_flush_denormal holds for the calling thread and for those it starts."""
    small = np.array([[1e-40, -3e-41, 1.0]], np.float32)
    array = Stored("x", "float32", (3,), small)
    shards = write_pack(tmp_path, [array], [1])
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor has no such mode")
    try:
        plan = PackReader(shards, [array.spec()]).plan([Output("x", "float32", (0.0,), (0.5,))])
        found = np.asarray(plan.gather(np.array([0]))[0])
    finally:
        torch.set_flush_denormal(False)
    assert same(found, expected(array, [0], Asked("float32", (0.0,), (0.5,)))[0], "float32")
    assert np.all(found != 0)


# Windows over tokens.


def token_pack(folder: Path, dtype: str, counts: list[list[int]], seed: int = 0) -> tuple[list, Stored]:
    """Shards of documents of so many tokens."""
    rng = np.random.default_rng(seed)
    top = np.iinfo(STORAGE[dtype]).max
    documents = [rng.integers(0, top, n, STORAGE[dtype], endpoint=True) for shard in counts for n in shard]
    sizes = [len(shard) for shard in counts]
    stored = Stored("ids", dtype, (), documents, "tokens", sizes=sizes)
    return write_pack(folder, [stored], sizes), stored


def token_windows(stored: Stored, window: int, stride: int, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and documents of windows, cut out of the whole stream."""
    stream = np.concatenate([np.zeros(0, STORAGE[stored.dtype]), *stored.samples])
    document = np.repeat(np.arange(len(stored.samples)), [len(sample) for sample in stored.samples])
    at = np.array(indices, np.int64)[:, None] * stride + np.arange(window)
    return stream[at], document[at].astype(np.int64)


documents_of_shards = st.lists(st.lists(st.integers(0, 9), max_size=5), min_size=1, max_size=4)


@pytest.mark.parametrize("dtype", ["uint16", "uint32"])
@given(documents_of_shards, st.integers(1, 12), st.integers(1, 15), st.integers(1, 3), st.booleans(), seeds)
def test_windows_go_through_shards_as_one_stream(folder, dtype, counts, window, stride, threads, documents, seed):
    shards, stored = token_pack(folder, dtype, counts)
    reader = PackReader(shards, [stored.spec()])
    rng = np.random.default_rng(seed)
    target = str(rng.choice(wider(dtype)))
    plan = reader.tokens("ids", window, stride, target, documents, threads)
    total = sum(sum(shard) for shard in counts)
    assert len(plan) == len(range(0, total - window + 1, stride))
    indices = rng.integers(0, len(plan), 6) if len(plan) else np.zeros(0, np.int64)
    tokens, numbers = token_windows(stored, window, stride, indices)
    check(plan, indices, [tokens.astype(STORAGE[target]), numbers][: 1 + documents])


def test_windows_over_blocks_of_checksums(tmp_path):
    shards, stored = token_pack(tmp_path, "uint16", [[TOKEN_BLOCK + 5, 3 * TOKEN_BLOCK], [70_000, 1]])
    plan = PackReader(shards, [stored.spec()]).tokens("ids", 150_000, 49_999, documents=True, threads=2)
    indices = np.arange(len(plan))
    tokens, numbers = token_windows(stored, 150_000, 49_999, indices)
    check(plan, indices, [tokens.astype(np.int64), numbers])


def test_a_damaged_block_of_tokens_is_told_by_the_windows_over_it(tmp_path):
    shards, stored = token_pack(tmp_path, "uint16", [[10], [2 * TOKEN_BLOCK]])
    flip(shards[1][0], 2, tensor="ids", at=2 * TOKEN_BLOCK + 100)
    plan = PackReader(shards, [stored.spec()]).tokens("ids", 5, 5)
    last_whole = (10 + TOKEN_BLOCK) // 5 - 1
    plan.gather(np.arange(last_whole + 1))
    with pytest.raises(PackError, match=r"ids.*tokens 65536\.\.131072") as seen:
        plan.gather(np.array([0, last_whole + 1]))
    assert (seen.value.shard, seen.value.sample) == (str(shards[1][0]), last_whole + 1)
    unchecked = PackReader(shards, [stored.spec()]).tokens("ids", 5, 5, check=False)
    assert len(unchecked.gather(np.arange(len(unchecked)))) == 1


# Damage.


def flip(path: Path, mask: int, tensor: str, at: int) -> None:
    """Changes bits of a byte of a tensor in a file."""
    raw = bytearray(path.read_bytes())
    raw[tensor_start(raw, tensor) + at] ^= mask
    path.write_bytes(raw)


def tensor_start(raw: bytes, tensor: str) -> int:
    (length,) = struct.unpack("<Q", raw[:8])
    return 8 + length + json.loads(raw[8 : 8 + length])[tensor]["data_offsets"][0]


@given(st.integers(0, 6), st.sampled_from(["dense", "ragged", "coded"]), st.integers(0, 2**31), st.integers(0, 7))
def test_a_flipped_bit_of_any_sample_is_an_error_that_names_it(folder, sample, name, place, bit):
    shards, arrays = mixed_pack(folder, seed=5)
    array = next(array for array in arrays if array.name == name)
    shard = 0 if sample < 3 else 2
    earlier = array.samples[0 if shard == 0 else 3 : sample]
    start, size = sum(a.nbytes for a in earlier), array.samples[sample].nbytes
    if size == 0:  # An empty sample has no bits; its neighbours' are flipped in other cases.
        return
    flip(shards[shard][0], 1 << bit, name, start + place % size)
    plan = PackReader(shards, [array.spec() for array in arrays]).plan(outputs(), 2)
    others = np.array([index for index in range(7) if index != sample])
    check(plan, others, mixed_results(arrays, others))
    for attempt in (plan.gather, lambda indices: plan.submit(indices).wait()):
        with pytest.raises(PackError, match=f"sample {sample}: array '{name}' is damaged") as seen:
            attempt(np.arange(7))
        assert (seen.value.shard, seen.value.sample) == (str(shards[shard][0]), sample)


def test_no_value_of_a_damaged_batch_is_left_in_memory_of_the_caller(tmp_path):
    shards, arrays = mixed_pack(tmp_path)
    flip(shards[2][0], 16, "dense", 1000)
    plan = PackReader(shards, [array.spec() for array in arrays]).plan(outputs())
    indices = np.arange(7)
    out = [np.full_like(array, 1) for array in mixed_results(arrays, indices)]
    with pytest.raises(PackError, match="dense"):
        plan.gather_into(indices, out)
    for array in out:
        assert np.all(np.isnan(array)) if array.dtype.kind == "f" else not np.any(array)


def test_the_first_damaged_sample_of_a_batch_is_named_whatever_the_threads(tmp_path):
    shards, arrays = mixed_pack(tmp_path)
    for sample in (1, 2):
        flip(shards[0][0], 1, "dense", sample * 3 * 70 * 4)
    for threads in (1, 2, 3) * 5:
        plan = PackReader(shards, [arrays[0].spec()]).plan([Output("dense")], threads)
        with pytest.raises(PackError) as seen:
            plan.gather(np.array([0, 3, 2, 5, 1, 2, 1]))
        assert seen.value.sample == 2


def test_without_checks_damage_goes_unseen_and_with_them_it_is_seen_later(tmp_path):
    shards, arrays = mixed_pack(tmp_path)
    flip(shards[0][0], 1, "dense", 0)
    reader = PackReader(shards, [arrays[0].spec()])
    assert len(reader.plan([Output("dense")], check=False).gather(np.array([0]))) == 1
    with pytest.raises(PackError, match="sample 0"):
        reader.plan([Output("dense")]).gather(np.array([0]))


def test_an_error_has_the_attributes_of_its_class_when_it_was_made_by_nobody():
    assert (PackError.shard, PackError.sample) == (None, None)


# Shards that are not what they were or what they say.


@pytest.mark.parametrize("left", [0, 5, 8, 40, -1, -2000])
def test_a_shard_that_was_cut_before_it_is_opened_is_refused(tmp_path, left):
    shards, arrays = mixed_pack(tmp_path)
    raw = shards[2][0].read_bytes()
    shards[2][0].write_bytes(raw[:left])
    with pytest.raises(PackError, match="header|empty") as seen:
        PackReader(shards, [array.spec() for array in arrays])
    assert (seen.value.shard, seen.value.sample) == (str(shards[2][0]), None)


@pytest.mark.parametrize("known", [False, True], ids=["unread", "read before"])
def test_a_shard_that_was_cut_after_it_was_opened_is_an_error_before_it_is_read(tmp_path, known):
    shards, arrays = mixed_pack(tmp_path)
    plan = PackReader(shards, [array.spec() for array in arrays]).plan(outputs())
    if known:
        plan.gather(np.arange(7))
    os.truncate(shards[2][0], 4096)
    others = np.array([0, 2, 1])
    check(plan, others, mixed_results(arrays, others))
    with pytest.raises(PackError, match="4096 bytes") as seen:
        plan.gather(np.array([0, 6]))
    assert (seen.value.shard, seen.value.sample) == (str(shards[2][0]), None)


def test_a_shard_that_was_rewritten_after_it_was_opened_is_an_error(tmp_path):
    shards, arrays = mixed_pack(tmp_path)
    plan = PackReader(shards, [array.spec() for array in arrays]).plan(outputs())
    plan.gather(np.arange(7))
    before = shards[0][0].stat().st_mtime_ns
    os.utime(shards[0][0], ns=(before, before + 1_000_000_000))
    with pytest.raises(PackError, match="modified since it was opened"):
        plan.gather(np.arange(7))


def test_a_shard_that_was_replaced_is_still_the_one_that_was_opened(tmp_path):
    shards, arrays = mixed_pack(tmp_path)
    plan = PackReader(shards, [array.spec() for array in arrays]).plan(outputs())
    other = tmp_path / "other"
    other.write_bytes(b"something else")
    os.replace(other, shards[0][0])
    indices = np.arange(7)
    check(plan, indices, mixed_results(arrays, indices))
    with pytest.raises(PackError):
        PackReader(shards, [array.spec() for array in arrays])


def test_a_shard_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(PackError, match="cannot be opened") as seen:
        PackReader([(tmp_path / "none", 1)], [])
    assert seen.value.shard == str(tmp_path / "none")


def lying(key: str, part: str, value: object):
    """A change of a header."""

    def change(header: dict[str, dict]) -> None:
        header[key][part] = value

    return change


LIES = {
    "an end past that of the file": lying("x", "data_offsets", [0, 10_000]),
    "a start past the end": lying("x", "data_offsets", [10_000, 10_096]),
    "an end before the start": lying("x", "data_offsets", [96, 0]),
    "a negative start": lying("x", "data_offsets", [-96, 0]),
    "bytes of another tensor": lying("x.crc32", "data_offsets", [84, 100]),
    "another type of the same size": lying("x", "dtype", "I32"),
    "another type of another size": lying("x", "dtype", "F64"),
    "a type that there is not": lying("x", "dtype", "F33"),
    "another shape of the same size": lying("x", "shape", [4, 3, 2]),
    "more samples": lying("x", "shape", [5, 2, 3]),
    "a shape of too many elements": lying("x", "shape", [2**62, 2**62, 3]),
    "a shape without samples": lying("x", "shape", []),
    "checksums of another type": lying("x.crc32", "dtype", "I32"),
    "too few checksums": lying("x.crc32", "shape", [2, 2]),
    "no such tensor": lambda header: header.update(y=header.pop("x")),
    "no checksums": lambda header: header.update({"x.sums": header.pop("x.crc32")}),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_header_that_lies_is_refused(tmp_path, lie):
    array = Stored("x", "float32", (2, 3), np.arange(24, dtype=np.float32).reshape(4, 2, 3))
    path = tmp_path / "shard"
    write_shard(path, array.tensors(array.samples))
    assert len(PackReader([(path, 4)], [array.spec()])) == 4
    write_shard(path, array.tensors(array.samples), lie)
    with pytest.raises(PackError) as seen:
        PackReader([(path, 4)], [array.spec()])
    assert (seen.value.shard, seen.value.sample) == (str(path), None)


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, 10**9, 10**6, 0, 3])
def test_a_header_of_another_length_is_refused(tmp_path, length):
    array = Stored("x", "float32", (2,), np.zeros((4, 2), np.float32))
    path = tmp_path / "shard"
    write_shard(path, array.tensors(array.samples))
    path.write_bytes(struct.pack("<Q", length) + path.read_bytes()[8:])
    with pytest.raises(PackError, match="wrong header"):
        PackReader([(path, 4)], [array.spec()])


def test_a_header_that_is_no_json_is_refused(tmp_path):
    path = tmp_path / "shard"
    path.write_bytes(struct.pack("<Q", 8) + b"{\xff\xff\xff\xff\xff\xff}")
    with pytest.raises(PackError, match="wrong header"):
        PackReader([(path, 4)], [])


@pytest.mark.parametrize(
    "offsets", [[0, 2, 1, 5], [1, 2, 3, 5], [0, 1, 2, 4], [0, 1, 6, 5], [0, -1, 2, 5], [0, 2, 5], [0, 1, 2, 5, 5]]
)
@pytest.mark.parametrize("layout", ["ragged", "tokens"])
def test_offsets_that_fall_or_do_not_meet_the_rows_are_refused(tmp_path, layout, offsets):
    rows = [np.arange(2), np.arange(1), np.arange(2)]
    array = Stored("x", "uint16", (), [sample.astype(np.uint16) for sample in rows], layout)
    tensors: Tensors = array.tensors(array.samples)
    path = tmp_path / "shard"
    write_shard(path, tensors)
    PackReader([(path, 3)], [array.spec()])
    tensors["x.offsets"] = ("int64", np.array(offsets, np.int64))
    write_shard(path, tensors)
    if layout == "tokens" and offsets in ([0, 2, 5], [0, 1, 2, 5, 5]):
        PackReader([(path, 3)], [array.spec()])  # Documents are not samples: any number of them is right.
        return
    with pytest.raises(PackError, match=r"x\.offsets"):
        PackReader([(path, 3)], [array.spec()])


def test_another_number_of_samples_is_refused(tmp_path):
    shards, arrays = mixed_pack(tmp_path)
    for samples in (2, 4, 2**63 - 1, 2**64 - 1):
        with pytest.raises(PackError, match="shape"):
            PackReader([(shards[0][0], samples)], [array.spec() for array in arrays])


# Requests.


@pytest.mark.parametrize("index", [7, -1, -7, 2**63 - 1, -(2**63)])
def test_an_index_outside_is_an_error(mixed, index):
    plan = mixed[0].plan(outputs())
    for attempt in (plan.gather, plan.submit, plan.shapes, lambda indices: plan.gather_into(indices, [])):
        with pytest.raises(IndexError, match=rf"index {index} is outside 0\.\.7"):
            attempt(np.array([0, index]))


@pytest.mark.parametrize(
    "indices", [[0, 1], np.array([0], np.int32), np.array([0.0]), np.zeros((1, 1), np.int64), np.array([0], np.uint64)]
)
def test_indices_are_a_row_of_int64(mixed, indices):
    with pytest.raises(TypeError, match="one-dimensional buffer of int64"):
        mixed[0].plan(outputs()).gather(indices)


def test_strided_indices_are_read_as_they_are(mixed):
    reader, arrays = mixed
    indices = np.arange(7)[::-2]
    check(reader.plan(outputs()), indices, mixed_results(arrays, indices))


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (np.zeros((2, 3, 69), np.float32), "1656 bytes, not 1680"),
        (np.zeros((3, 3, 70), np.float32), "2520 bytes, not 1680"),
        (np.zeros((2, 3, 70), np.int32), "format"),
        (np.zeros((2, 3, 35), np.float64), "format"),
        (np.zeros((2, 3, 70), ">f4"), "format"),
        (np.zeros((3, 70, 2), np.float32).T, "contiguous"),
        (np.zeros((2, 3, 140), np.float32)[:, :, ::2], "contiguous"),
        (np.broadcast_to(np.float32(0), (2, 3, 70)), "writable"),
        (bytes(1680), "writable"),
        ("text", "buffer"),
    ],
)
def test_memory_that_does_not_fit_is_refused(mixed, out, message):
    plan = mixed[0].plan([Output("dense", "float32")])
    for attempt in (plan.gather_into, plan.submit):
        with pytest.raises(ValueError, match=rf"out\[0\].*{message}"):
            attempt(np.array([0, 1]), [out])


def test_memory_is_one_buffer_a_result_and_none_twice(mixed):
    reader, arrays = mixed
    plan = reader.plan([Output("dense"), Output("dense")])
    memory = np.zeros((4, 3, 70), np.float32)
    with pytest.raises(ValueError, match="1 buffers; the plan has 2 results"):
        plan.gather_into(np.array([0]), [memory])
    with pytest.raises(ValueError, match=r"out\[1\] shares memory with out\[0\]"):
        plan.gather_into(np.array([0, 1]), [memory[:2], memory[1:3]])
    plan.gather_into(np.array([0, 1]), [memory[:2], memory[2:]])
    assert np.array_equal(memory, arrays[0].rows([arrays[0].samples[i] for i in (0, 1, 0, 1)]))


def test_memory_may_be_plain_bytes_a_tensor_or_unaligned(mixed):
    reader, arrays = mixed
    plan = reader.plan([Output("dense", "float32", (0.5,), (3.0,)), Output("dense", "bfloat16")])
    indices = np.array([4, 2])
    wanted = [*expected(arrays[0], indices, Asked("float32", (0.5,), (3.0,))),
              *expected(arrays[0], indices, Asked("bfloat16"))]  # fmt: skip
    plain, tensor = bytearray(1 + 1680), torch.zeros(2, 3, 70, dtype=torch.bfloat16)
    plan.gather_into(indices, [memoryview(plain)[1:], tensor.view(torch.int16).numpy()])
    assert plain[1:] == wanted[0].tobytes()
    assert same(tensor.view(torch.uint16).numpy(), wanted[1], "bfloat16")


WRONG_SPECS = {
    "dtype": (("x", "float8", ()), {}, "no dtype 'float8'"),
    "layout": (("x", "int8", (), "sparse"), {}, "no layout 'sparse'"),
    "constants": (("x", "int8", (3,)), {"scale": (1.0, 2.0)}, "2 values of scale, not 1 or 3"),
    "zero scale": (("x", "int8", (3,)), {"scale": (0.0,)}, "a scale is 0"),
    "infinite offset": (("x", "int8", (3,)), {"offset": (float("inf"),)}, "not finite"),
    "code beyond the type": (("x", "int8", (3,)), {"missing": 128}, "no int8"),
    "code of a float": (("x", "float32", (3,)), {"missing": 0}, "no code"),
    "signed tokens": (("x", "int32", (), "tokens"), {}, "uint16 or uint32"),
    "shaped tokens": (("x", "uint16", (2,), "tokens"), {}, "no shape"),
    "too large": (("x", "int8", (2**40, 2**40)), {}, "too large"),
}


@pytest.mark.parametrize(("place", "named", "message"), WRONG_SPECS.values(), ids=WRONG_SPECS)
def test_a_description_that_is_not_consistent_is_refused(place, named, message):
    with pytest.raises(ValueError, match=message):
        ArraySpec(*place, **named)


WRONG_OUTPUTS = {
    "unknown array": (Output("none"), "no array 'none'; there are: f, scaled, coded, wide, ids"),
    "tokens": (Output("ids"), r"is tokens: use tokens\(\)"),
    "bytes with a mean": (Output("f", mean=(1.0,)), "without a dtype"),
    "bytes with a std": (Output("f", std=(1.0,)), "without a dtype"),
    "bytes with a mask": (Output("f", mask=True), "without a dtype"),
    "bytes with a scale": (Output("scaled"), "without a dtype"),
    "bytes with a code": (Output("coded"), "missing code"),
    "integer with a code": (Output("coded", "int32"), "missing code"),
    "integer of a float": (Output("f", "int32"), "does not hold every float32"),
    "narrower integer": (Output("wide", "int32"), "does not hold every int64"),
    "other sign": (Output("wide", "uint64"), "does not hold every int64"),
    "scaled integer": (Output("scaled", "int32"), "no mean, std, scale or offset"),
    "normalised integer": (Output("wide", "int64", (1.0,)), "no mean, std, scale or offset"),
    "number of means": (Output("f", "float32", (1.0, 2.0)), "2 values of mean, not 1 or 3"),
    "std of 0": (Output("f", "float32", (), (0.0,)), "not above 0"),
    "mean that is no number": (Output("f", "float32", (float("nan"),)), "not finite"),
    "gain beyond float32": (Output("f", "float32", (), (1e-300,)), "beyond the working type"),
}


@pytest.mark.parametrize(("asked", "message"), WRONG_OUTPUTS.values(), ids=WRONG_OUTPUTS)
def test_an_output_that_makes_no_sense_is_refused(tmp_path, asked, message):
    arrays = [
        Stored("f", "float32", (3,), np.zeros((1, 3), np.float32)),
        Stored("scaled", "int16", (3,), np.zeros((1, 3), np.int16), scale=(0.5,)),
        Stored("coded", "int16", (), np.zeros(1, np.int16), missing=-1),
        Stored("wide", "int64", (), np.zeros(1, np.int64)),
        Stored("ids", "uint16", (), [np.zeros(4, np.uint16)], "tokens"),
    ]
    reader = PackReader(write_pack(tmp_path, arrays, [1]), [array.spec() for array in arrays])
    with pytest.raises(ValueError, match=message):
        reader.plan([asked])


@pytest.mark.parametrize("request_", [("f", 1, 1), ("ids", 0, 1), ("ids", 1, 0), ("ids", 1, 1, "int16")])
def test_windows_that_make_no_sense_are_refused(tmp_path, request_):
    arrays = [
        Stored("f", "float32", (3,), np.zeros((1, 3), np.float32)),
        Stored("ids", "uint16", (), [np.zeros(4, np.uint16)], "tokens"),
    ]
    reader = PackReader(write_pack(tmp_path, arrays, [1]), [array.spec() for array in arrays])
    with pytest.raises(ValueError, match="is dense: use plan|1 token or more|does not hold every uint16"):
        reader.tokens(*request_)


@pytest.mark.parametrize("threads", [0, 1025])
def test_a_number_of_threads_that_is_a_mistake_is_refused(mixed, threads):
    with pytest.raises(ValueError, match=f"threads is {threads}"):
        mixed[0].plan(outputs(), threads)


def test_an_array_that_is_named_twice_is_refused(tmp_path):
    with pytest.raises(ValueError, match="named twice"):
        PackReader([], [ArraySpec("x", "int8", ()), ArraySpec("x", "int8", ())])


def test_a_pack_without_shards_has_no_samples():
    reader = PackReader([], [ArraySpec("x", "int8", (2,)), ArraySpec("ids", "uint16", (), "tokens")])
    assert len(reader) == len(reader.plan([Output("x")])) == len(reader.tokens("ids", 1, 1)) == 0
    assert reader.plan([Output("x")]).gather(np.zeros(0, np.int64))[0].shape == (0, 2)


# Memory.


def address(buffer: object) -> int:
    return np.asarray(buffer).ctypes.data


def test_a_buffer_that_is_kept_is_never_written_again(mixed):
    reader, arrays = mixed
    plan = reader.plan(outputs(), 2)
    rng = np.random.default_rng(0)
    kept = []
    for _ in range(50):
        indices = rng.integers(0, 7, 5)
        first, *rest = plan.gather(indices)
        view = memoryview(first)
        del first, rest
        kept.append((indices, view))
    for indices, view in kept:
        assert same(view, mixed_results(arrays, indices)[0], "float32")


def test_a_view_keeps_the_memory_of_a_buffer(mixed):
    reader, arrays = mixed
    plan = reader.plan([Output("dense")])
    part = torch.frombuffer(plan.gather(np.array([3]))[0], dtype=torch.float32)[70:140].view(7, 10)
    for _ in range(20):
        plan.gather(np.array([1]))
    assert np.array_equal(part.numpy(), arrays[0].samples[3][1].reshape(7, 10))


@pytest.mark.parametrize("count", [1, 40, 5000])
def test_memory_of_a_buffer_that_is_gone_is_used_again(mixed, count):
    plan = mixed[0].plan([Output("dense", "float32")])
    indices = np.zeros(count, np.int64)
    first = address(plan.gather(indices)[0])
    assert {address(plan.gather(indices)[0]) for _ in range(5)} == {first}
    other = mixed[0].plan([Output("dense", "float32")])
    assert address(other.gather(indices)[0]) == first


def test_buffers_are_aligned_writable_and_described(mixed):
    plan = mixed[0].plan([Output("dense", "bfloat16"), *outputs()])
    for number, buffer in enumerate(plan.gather(np.array([0, 1, 6]))):
        view = memoryview(buffer)
        assert address(buffer) % 64 == 0
        assert not view.readonly
        assert view.c_contiguous
        assert view.shape == buffer.shape == plan.shapes(np.array([0, 1, 6]))[number]
        assert view.itemsize == np.dtype(STORAGE[buffer.dtype]).itemsize
        assert np.asarray(buffer).dtype == STORAGE[buffer.dtype]
    assert repr(plan.gather(np.array([0]))[0]) == "Buffer(bfloat16, [1, 3, 70])"


def test_a_batch_that_memory_cannot_hold_is_an_error(tmp_path):
    array = Stored("x", "bool", (2**24,), np.zeros((1, 2**24), bool))
    reader = PackReader(write_pack(tmp_path, [array], [1]), [array.spec()])
    with pytest.raises(MemoryError, match="memory"):
        reader.plan([Output("x", "float64")]).gather(np.zeros(2**21, np.int64))


# Tickets.


def test_a_ticket_gives_its_results_once(mixed):
    ticket = mixed[0].plan(outputs()).submit(np.array([0]))
    assert len(ticket.wait()) == 5
    with pytest.raises(ValueError, match="handed out before"):
        ticket.wait()


def test_a_ticket_tells_its_error_each_time(tmp_path):
    shards, arrays = mixed_pack(tmp_path)
    flip(shards[0][0], 1, "dense", 0)
    ticket = PackReader(shards, [arrays[0].spec()]).plan([Output("dense")]).submit(np.array([0]))
    for _ in range(2):
        with pytest.raises(PackError, match="sample 0"):
            ticket.wait()


def test_tickets_may_be_dropped_at_any_time(mixed):
    reader, arrays = mixed
    plan = reader.plan(outputs(), 2)
    indices = np.arange(7).repeat(20)
    out = [np.zeros_like(array) for array in mixed_results(arrays, indices)]
    references = [sys.getrefcount(array) for array in out]
    for number in range(100):
        tickets = [plan.submit(indices, out if number % 2 else None) for _ in range(number % 4)]
        del tickets
    assert [sys.getrefcount(array) for array in out] == references
    check(plan, indices, mixed_results(arrays, indices))


def test_nothing_is_written_after_a_ticket_was_dropped(mixed):
    reader, _ = mixed
    plan = reader.plan([Output("dense", "float32")], 2)
    out = np.zeros((40_000, 3, 70), np.float32)
    indices = np.zeros(len(out), np.int64)
    for _ in range(5):
        ticket = plan.submit(indices, [out])
        del ticket
        out[:] = -1.0
        plan.gather(np.array([0]))
        assert np.all(out == -1.0)


def test_a_ticket_outlives_its_plan_and_its_reader(tmp_path):
    shards, arrays = mixed_pack(tmp_path)
    indices = np.arange(7)
    ticket = PackReader(shards, [array.spec() for array in arrays]).plan(outputs()).submit(indices)
    for found, wanted in zip(ticket.wait(), mixed_results(arrays, indices), strict=True):
        assert np.array_equal(np.asarray(found), wanted, equal_nan=wanted.dtype.kind == "f")


def test_a_closed_plan_has_no_threads_and_takes_no_batches(mixed):
    before = threads_of_this_process()
    plan = mixed[0].plan(outputs(), 3)
    ticket = plan.submit(np.array([0]))
    assert len(ticket.wait()) == 5
    plan.close()
    plan.close()
    assert threads_of_this_process() == before
    with pytest.raises(ValueError, match="the plan was closed"):
        plan.gather(np.array([0]))


def test_a_plan_that_is_gone_has_no_threads(mixed):
    before = threads_of_this_process()
    plan = mixed[0].plan(outputs(), 3)
    plan.submit(np.array([0]))
    del plan
    assert threads_of_this_process() == before


def threads_of_this_process() -> int:
    tasks = Path("/proc/self/task")
    if not tasks.exists():
        pytest.skip("threads are counted where /proc is")
    return len(list(tasks.iterdir()))


def long_queue(plan: Plan, batches: int = 200) -> list:
    """Tickets of work for at least several tenths of a second; all write the same values into the same memory."""
    indices = np.zeros(40_000, np.int64)
    out = np.zeros((len(indices), 3, 70), np.float64)
    return [plan.submit(indices, [out]) for _ in range(batches)]


def test_an_interrupt_ends_a_wait_and_the_wait_may_be_resumed(mixed):
    plan = mixed[0].plan([Output("dense", "float64", (0.5,), (2.0,))])
    tickets = long_queue(plan)
    go = threading.Lock()
    go.acquire()

    def interrupt() -> None:
        with go:
            _thread.interrupt_main()

    thread = threading.Thread(target=interrupt)
    thread.start()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)  # The thread runs when the wait lets it run, and not before.
    try:
        go.release()
        with pytest.raises(KeyboardInterrupt):
            tickets[-1].wait()
    finally:
        sys.setswitchinterval(interval)
        thread.join()
    assert tickets[0].wait() is None
    plan.close()
    with pytest.raises(ValueError, match="the plan was closed"):
        tickets[-1].wait()


LEFT_BEHIND = """
import sys
import numpy as np
from rust_integration import ArraySpec, Output, PackReader
plan = PackReader([(sys.argv[1], 3)], [ArraySpec("dense", "float32", (3, 70))]).plan([Output("dense", "float64")], 3)
out = np.zeros((40_000, 3, 70))
tickets = [plan.submit(np.zeros(40_000, np.int64), [out]) for _ in range(50)]
"""


def test_a_process_that_leaves_work_behind_ends(tmp_path):
    shards, _ = mixed_pack(tmp_path)
    command = [sys.executable, "-W", "error", "-c", LEFT_BEHIND, str(shards[0][0])]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


# A process that is forked.

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def in_a_fork(run: object) -> str:
    """What `run` says in a forked process, which is ended if it hangs."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads.
        child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            said = run()
        except BaseException as error:  # noqa: BLE001 - told to the parent, which judges it
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode()[:4000])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    assert os.waitpid(child, 0)[1] == 0, "the forked process hung"
    return said


@needs_fork
@pytest.mark.parametrize("method", ["gather", "submit", "gather_into"])
def test_a_plan_in_a_forked_process_says_so(mixed, method):
    plan = mixed[0].plan([Output("dense")])
    plan.gather(np.array([0]))
    out = ([np.zeros((1, 3, 70), np.float32)],) if method == "gather_into" else ()
    said = in_a_fork(lambda: str(getattr(plan, method)(np.array([0]), *out)))
    assert said.startswith("RuntimeError: the plan was made before this process was forked")


@needs_fork
def test_tickets_and_buffers_in_a_forked_process_do_no_harm(mixed):
    reader, arrays = mixed
    state = {"plan": reader.plan([Output("dense", "float64")])}
    state["tickets"] = long_queue(state["plan"], 5)
    state["buffer"] = state["plan"].gather(np.array([2]))[0]

    def run() -> str:
        try:
            state["tickets"][0].wait()
        except RuntimeError as error:
            said = str(error)
        value = np.asarray(state["buffer"]).astype(np.float32)
        state.clear()  # Drops tickets, plan and buffer.
        again = reader.plan([Output("dense")], 2).gather(np.array([2]))[0]
        return f"{said} {np.array_equal(value, np.asarray(again))}"

    said = in_a_fork(run)
    assert said.startswith("the ticket was made before")
    assert said.endswith("True")
    assert [ticket.wait() for ticket in state["tickets"]] == [None] * 5
