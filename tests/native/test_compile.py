"""What the native core compiles is what NumPy would have stored, and what does not fit is refused by name."""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rust_integration import CompileError, block_crc32, compile_array, compile_ragged, write_shard
from safetensors.numpy import load_file

FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
SOURCES = ("float16", "float32", "float64", *INTEGERS, "bool")


def bfloat16_bits(values: np.ndarray) -> np.ndarray:
    """bfloat16 nearest to each float64, ties to even, by exact arithmetic on the bits of a float64."""
    import torch

    # torch rounds float32 to bfloat16; a float64 is first rounded to odd, so that it is rounded once in effect.
    single = values.astype(np.float32)
    back, bits = single.astype(np.float64), single.view(np.uint32).copy()
    inexact = (back != values) & ~np.isnan(values) & (bits % 2 == 0)
    bits[inexact & (np.abs(back) > np.abs(values))] -= 1
    bits[inexact & (np.abs(back) < np.abs(values))] += 1
    return torch.from_numpy(bits.view(np.float32)).to(torch.bfloat16).view(torch.uint16).numpy()


def stored_by_numpy(values, dtype, scale=None, offset=None, missing=None):
    """The same in NumPy; ``values`` (n, fields, ...)."""
    if scale is not None or offset is not None:
        column = (slice(None),) + (None,) * (values.ndim - 2)
        scale = np.asarray(scale if scale is not None else [1.0])[column]
        offset = np.asarray(offset if offset is not None else [0.0])[column]
        values = (values.astype(np.float64) - offset) / scale
        values = values if dtype in FLOATS else np.rint(values)
    if dtype == "bfloat16":
        return bfloat16_bits(values.astype(np.float64))
    if dtype in FLOATS:
        return values.astype(dtype)
    if values.dtype.kind == "f":
        absent = np.isnan(values)
        found = np.where(absent, 0, values).astype(dtype)
        if missing is not None:
            found[absent] = missing
        return found
    return values.astype(dtype)


def decoded(stored, dtype, scale=None, offset=None, missing=None):
    """What a reader gets, in float64, NaN where missing; ``stored`` (n, fields, ...)."""
    if dtype == "bfloat16":
        values = (stored.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    else:
        values = stored.astype(np.float64)
    column = (slice(None),) + (None,) * (stored.ndim - 2)
    values = values * np.asarray(scale or [1.0])[column] + np.asarray(offset or [0.0])[column]
    if missing is not None:
        values[stored == missing] = np.nan
    return values


def assert_compiled(found, stored, fields, values):
    """``stored`` (n, ...) as NumPy has it, ``values`` what a reader gets of it."""
    data = np.asarray(found.data)
    np.testing.assert_array_equal(data, stored)
    assert data.dtype == stored.dtype
    assert np.asarray(found.crc32).tolist() == [zlib.crc32(sample.tobytes()) for sample in stored]
    moments = np.asarray(found.moments)
    assert moments.shape == (len(stored), fields, 5)
    length = math.prod(stored.shape[1:]) // fields
    for sample, row in zip(values.reshape(len(stored), fields, length), moments, strict=True):
        for field, (count, mean, m2, least, greatest) in zip(sample, row, strict=True):
            present = field[~np.isnan(field)]
            assert count == len(present)
            if len(present):
                size = np.abs(present).max()
                assert mean == pytest.approx(present.mean(), rel=1e-12, abs=1e-13 * size)
                exact = ((present - present.mean()) ** 2).sum()
                assert m2 == pytest.approx(exact, rel=1e-9, abs=1e-24 * size**2 * len(present))
                assert least == pytest.approx(present.min(), rel=1e-15, abs=1e-300)
                assert greatest == pytest.approx(present.max(), rel=1e-15, abs=1e-300)
            else:
                assert mean == m2 == 0
                assert np.isnan([least, greatest]).all()


def random_values(source: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Values that every stored type holds exactly, of the type ``source``."""
    whole = np.random.default_rng(seed).integers(0, 2 if source == "bool" else 100, shape)
    return whole.astype(source)


@st.composite
def arrangements(draw):
    """A shape of samples, an order of its axes, and a seed."""
    shape = tuple(draw(st.lists(st.sampled_from([1, 2, 3, 7, 8, 9, 17, 33]), min_size=0, max_size=4)))
    axes = draw(st.permutations(range(len(shape))))
    return (draw(st.integers(0, 5)), *shape), tuple(axes), draw(st.integers(0, 2**32 - 1))


@given(arrangements(), st.sampled_from(SOURCES), st.sampled_from((*FLOATS, *INTEGERS)))
def test_any_order_of_axes_and_any_pair_of_types_is_what_numpy_stores(arrangement, source, dtype):
    shape, axes, seed = arrangement
    values = random_values(source, shape, seed)
    turned = values.transpose(0, *(axis + 1 for axis in axes))
    fields = turned.shape[1] if len(axes) else 1
    stored = stored_by_numpy(turned[..., None], dtype)[..., 0]
    found = compile_array(values, axes, dtype)
    assert_compiled(found, stored, fields, decoded(stored[..., None], dtype)[..., 0])
    assert found.data.shape == turned.shape
    assert found.data.dtype == dtype


@given(arrangements(), st.sampled_from(SOURCES), st.integers(1, 3), st.booleans())
def test_strides_of_any_kind_are_followed(arrangement, source, step, backwards):
    shape, axes, seed = arrangement
    wide = random_values(source, (*shape[:-1], shape[-1] * step), seed)
    values = wide[..., ::-step] if backwards else wide[..., ::step]
    found = compile_array(values, axes, source)
    np.testing.assert_array_equal(np.asarray(found.data), values.transpose(0, *(axis + 1 for axis in axes)))


@given(
    st.sampled_from(("float16", "float32", "float64")),
    st.sampled_from(FLOATS),
    st.integers(0, 2**32 - 1),
    st.sampled_from([1e-8, 1e-4, 1.0, 1e3]),
    st.booleans(),
)
def test_floating_point_numbers_are_rounded_once_and_nan_stays(source, dtype, seed, size, scaled):
    generator = np.random.default_rng(seed)
    values = (generator.normal(size=(3, 4, 700)) * size).astype(source)
    values[generator.random(values.shape) < 0.1] = np.nan
    scale, offset = ([0.5, 2.0, 3.0, 7.0], [0.1, 0.0, -5.0, 1.0]) if scaled else (None, None)
    found = compile_array(values, None, dtype, scale, offset)
    stored = stored_by_numpy(values, dtype, scale, offset)
    data = np.asarray(found.data)
    if dtype == "bfloat16":
        data, stored = ((bits.astype(np.uint32) << 16).view(np.float32) for bits in (data, stored))
    np.testing.assert_array_equal(data, stored)
    moments = np.asarray(found.moments)
    np.testing.assert_array_equal(moments[..., 0], (~np.isnan(values)).sum(axis=2))


def test_every_float64_near_a_tie_is_rounded_as_numpy_rounds_it():
    ties = np.arange(0x0001, 0x7BFF, 7, dtype=np.uint16).view(np.float16).astype(np.float64)
    after = (np.arange(0x0001, 0x7BFF, 7, dtype=np.uint16) + 1).view(np.float16).astype(np.float64)
    middle = (ties + after) / 2
    values = np.concatenate([middle, np.nextafter(middle, 0), np.nextafter(middle, np.inf), -middle])[None]
    with np.errstate(over="ignore"):
        wanted = values.astype(np.float16)
    finite = np.isfinite(wanted[0])
    found = compile_array(np.ascontiguousarray(values[:, finite]), None, "float16")
    np.testing.assert_array_equal(np.asarray(found.data), wanted[:, finite])


@given(
    st.sampled_from(INTEGERS),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.01, 0.37, 1.0, -2.5]),
    st.sampled_from([None, "low", "high"]),
    st.integers(1, 5),
)
def test_integers_with_scale_offset_and_missing_are_what_numpy_stores(dtype, seed, step, code, fields):
    generator = np.random.default_rng(seed)
    info = np.iinfo(dtype)
    low, high = max(info.min + 1, -(2**40)), min(info.max - 1, 2**40)
    missing = {None: None, "low": info.min, "high": info.max}[code]
    scale = [step * (field + 1) for field in range(fields)]
    offset = [100.0 * field - 7.3 for field in range(fields)]
    column = np.array(scale)[:, None], np.array(offset)[:, None]
    values = generator.uniform(low, high, (3, fields, 2500)) * column[0] + column[1]
    if missing is not None:
        values[generator.random(values.shape) < 0.1] = np.nan
        values[0, 0] = np.nan
    found = compile_array(values, None, dtype, scale, offset, missing)
    stored = stored_by_numpy(values, dtype, scale, offset, missing)
    assert_compiled(found, stored, fields, decoded(stored, dtype, scale, offset, missing))
    error = np.abs(decoded(stored, dtype, scale, offset, missing) - values) / np.abs(column[0])
    assert np.nanmax(error) < 0.5 + 1e-3


def test_ties_go_to_the_even_integer():
    values = np.array([[0.5, 1.5, 2.5, -0.5, -1.5]])
    assert np.asarray(compile_array(values, None, "int8", [1.0]).data).tolist() == [[0, 2, 2, 0, -2]]
    assert np.asarray(compile_array(values, None, "int8", [0.5]).data).tolist() == [[1, 3, 5, -1, -3]]


def test_integers_that_carry_the_code_are_missing_already():
    found = compile_array(np.array([[5, -1, 7]]), None, "int16", missing=-1, fields=1)
    assert np.asarray(found.moments).tolist() == [[[2.0, 6.0, 2.0, 5.0, 7.0]]]
    nothing = compile_array(np.array([[-1, -1]]), None, "int16", missing=-1, fields=1)
    assert np.asarray(nothing.moments)[0, 0, :3].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("value", "dtype", "options", "message"),
    [
        (np.inf, "float32", {}, "a value is infinite"),
        (-np.inf, "int16", {"missing": 0}, "a value is infinite"),
        (65520.0, "float16", {}, "65520 is out of the range of float16"),
        (1e39, "float32", {}, "is out of the range of float32"),
        (3.4e38, "bfloat16", {"scale": [1e-3]}, "is out of the range of bfloat16"),
        (128.0, "int8", {}, "128 is out of the range of int8"),
        (-1.0, "uint64", {}, "-1 is out of the range of uint64"),
        (2.0**64, "uint64", {"scale": [1.0]}, "out of the range of uint64"),
        (327.675, "int16", {"scale": [0.01]}, "327.675 is out of the range of int16"),
        (2.5, "int8", {}, "2.5 is not exactly a value of int8"),
        (np.nan, "int8", {}, "a value is NaN, and int8 has no code for missing values"),
        (np.nan, "bool", {}, "a value is NaN, and bool has no code"),
        (2.0, "bool", {}, "2 is out of the range of bool"),
        (-7.0, "int8", {"missing": -7}, "-7 would get the code of a missing value"),
        (-0.7, "int8", {"missing": -7, "scale": [0.1]}, "-0.7 would get the code of a missing value"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_sample_and_field(value, dtype, options, message):
    values = np.ones((40, 5, 3000), dtype=np.float64)
    values[[17, 30], 3, 2999] = value
    with pytest.raises(CompileError, match="sample 17, field 3: ") as seen:
        compile_array(values, None, dtype, **options)
    assert message in str(seen.value)
    assert (seen.value.sample, seen.value.field) == (17, 3)
    with pytest.raises(CompileError, match="sample 17, field 3: "):
        compile_array(np.ascontiguousarray(values.transpose(0, 2, 1)), (1, 0), dtype, **options)


@pytest.mark.parametrize(
    ("value", "source", "dtype"),
    [(300, "int64", "uint8"), (-1, "int8", "uint16"), (2**63, "uint64", "int64"), (2, "uint8", "bool"),
     (2**24 + 1, "int32", "float32"), (2049, "uint16", "float16"), (70000, "int32", "float16"),
     (2**63 - 1, "int64", "float64")],
)  # fmt: skip
def test_integers_are_cast_exactly_or_refused(value, source, dtype):
    values = np.ones((3, 2), dtype=source)
    values[1, 1] = value
    with pytest.raises(CompileError, match=f"sample 1, field 1: {value} is .* {dtype}"):
        compile_array(values, None, dtype)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((0, 0), "float32"), "axes are"),
        (((0,), "float32"), "axes are"),
        ((None, "complex64"), "no type of stored values"),
        ((None, "int8", [1.0, 2.0]), "2 scales for 3 fields"),
        ((None, "int8", [0.0]), "scale is 0"),
        ((None, "int8", [np.nan]), "scale is NaN"),
        ((None, "int8", [1.0], [np.inf]), "offset is inf"),
        ((None, "int8", [1.0] * 3, [0.0] * 2), "3 scales and 2 offsets"),
        ((None, "int8", [], []), "0 scales"),
        ((None, "bool", [2.0]), "bool has no scale"),
        ((None, "float32", None, None, 5), "NaN is what is missing"),
        ((None, "int8", None, None, 128), "missing is 128, which is no value of int8"),
    ],
)
def test_arguments_that_do_not_fit_together_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        compile_array(np.zeros((2, 3, 4), dtype=np.float32), *arguments)


def test_values_that_are_no_numbers_are_refused():
    for values in (np.zeros(3, dtype=complex), np.zeros(3, dtype=">f4"), np.array(["a"])):
        with pytest.raises(ValueError, match="values are floating-point numbers, integers or bool"):
            compile_array(values, None, "float32")
    with pytest.raises(ValueError, match="at least the axis of the samples"):
        compile_array(np.float32(1), None, "float32")
    with pytest.raises(ValueError, match="fields is 2, and a sample's first axis has 3"):
        compile_array(np.zeros((1, 3)), None, "float32", fields=2)


def test_memory_of_the_caller_is_filled_and_checked():
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    out = np.zeros((2, 4, 3), dtype=np.int16)
    found = compile_array(values, (1, 0), "int16", out=out)
    assert found.data is out
    np.testing.assert_array_equal(out, values.transpose(0, 2, 1))
    with pytest.raises(ValueError, match="out has 48 bytes, and 96 are needed"):
        compile_array(values, None, "float32", out=out)
    with pytest.raises(ValueError, match="out overlaps the values"):
        compile_array(values, (1, 0), "float32", out=values)
    with pytest.raises(ValueError, match="out overlaps the values"):
        compile_array(values[::-1], (1, 0), "float32", out=values)
    with pytest.raises(ValueError, match="out does not lie at a multiple of 2 bytes"):
        compile_array(values, None, "int16", out=np.zeros(49, dtype=np.uint8)[1:])
    out.flags.writeable = False
    with pytest.raises((ValueError, BufferError)):
        compile_array(values, None, "int16", out=out)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 3, 0), (0, 0)])
def test_nothing_is_compiled_to_nothing(shape):
    values = np.empty(shape, dtype=np.float32)
    found = compile_array(values, None, "float16", out=np.empty(shape, dtype=np.float16))
    assert np.asarray(found.crc32).tolist() == [0] * shape[0]
    assert np.asarray(found.moments)[..., 0].sum() == 0
    assert np.asarray(compile_array(values, None, "float16").data).shape == shape


def test_values_at_odd_addresses_are_read_all_the_same():
    packed = np.zeros(100, dtype=[("flag", "u1"), ("value", "f8")])
    packed["value"] = np.arange(100)
    for dtype in ("float64", "float32", "int16"):
        data = np.asarray(compile_array(packed["value"].reshape(4, 25), None, dtype).data)
        assert data.ravel().tolist() == list(range(100))
    shifted = np.zeros(81, dtype=np.uint8)[1:].view(np.float64)
    shifted[:] = np.arange(10)
    assert np.asarray(compile_array(shifted.reshape(2, 5), None, "float64").data).ravel().tolist() == list(range(10))


def test_compiled_values_are_read_only_and_outlive_what_made_them():
    data = np.asarray(compile_array(np.arange(6.0).reshape(2, 3), None, "float32").data)
    assert not data.flags.writeable
    assert data.__array_interface__["data"][0] % 64 == 0
    assert data.tolist() == [[0, 1, 2], [3, 4, 5]]


# -- moments -----------------------------------------------------------------------------------------------------------


def exact_moments(values: np.ndarray) -> tuple[float, float]:
    """Mean and sum of squared deviations without rounding."""
    numbers = [Fraction(float(value)) for value in values]
    mean = sum(numbers) / len(numbers)
    return float(mean), float(sum((number - mean) ** 2 for number in numbers))


@pytest.mark.parametrize(
    "values",
    [
        288.0 + 1e-3 * np.random.default_rng(1).uniform(-1, 1, 20_000),
        1e9 + np.random.default_rng(2).normal(size=20_000),
        np.concatenate([[1e12], 288.0 + 1e-3 * np.random.default_rng(3).uniform(-1, 1, 6_000)]),
        np.concatenate([np.full(4096, 1e8), 1e-8 * np.random.default_rng(4).normal(size=4096)]),
        np.repeat(np.float64(0.1), 5000),
        np.array([1e200, -1e200, 3e150, 0.0]),
    ],
    ids=["288 K", "far from zero", "outlier first", "two scales", "constant", "large"],
)
def test_moments_of_hard_cases_are_those_of_exact_arithmetic(values):
    count, mean, m2, least, greatest = np.asarray(compile_array(values[None], None, "float64", fields=1).moments)[0, 0]
    assert count == len(values)
    assert (least, greatest) == (values.min(), values.max())
    assert mean == pytest.approx(math.fsum(values) / len(values), rel=1e-14, abs=1e-14 * np.abs(values).max())
    if np.abs(values).max() > 1e154:  # whose squares are no float64
        assert m2 == np.inf
        return
    exact = exact_moments(values)[1]
    # Deviations below the rounding of the values themselves cannot be told from none.
    assert m2 == pytest.approx(exact, rel=1e-10, abs=len(values) * (1e-16 * np.abs(values).max()) ** 2)


def test_moments_of_many_values_lose_nothing():
    values = (288.0 + 1e-3 * np.random.default_rng(5).uniform(-1, 1, 4_000_000)).astype(np.float32)
    count, mean, m2, _, _ = np.asarray(compile_array(values[None], None, "float32", fields=1).moments)[0, 0]
    wide = values.astype(np.float64) - 288.0
    centre = math.fsum(wide) / len(wide)
    assert count == len(values)
    assert mean - 288.0 == pytest.approx(centre, abs=2e-13)
    assert m2 == pytest.approx(math.fsum((wide - centre) ** 2), rel=1e-11)


def test_moments_are_those_of_what_is_stored_not_of_what_was_given():
    values = np.array([[0.04, 0.04, 0.04, 1.0]])
    moments = np.asarray(compile_array(values, None, "uint8", [0.1], fields=1).moments)[0, 0]
    assert moments[1] == pytest.approx(0.25)
    half = np.asarray(compile_array(np.array([[2049.0]]), None, "float16").moments)[0, 0]
    assert half[1] == 2048.0


# -- ragged samples and tokens -----------------------------------------------------------------------------------------


@given(
    st.lists(st.integers(0, 40), max_size=12),
    st.sampled_from([(), (3,), (2, 5), (1,)]),
    st.sampled_from(["float32", "float16", "int16"]),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
def test_ragged_samples_are_their_rows_one_after_another(lengths, row, dtype, seed, as_list):
    generator = np.random.default_rng(seed)
    offsets = np.cumsum([0, *lengths])
    values = generator.uniform(-100, 100, (int(offsets[-1]), *row)).astype(np.float32)
    fields = row[0] if row else 1
    options = {"scale": [0.1 + field for field in range(fields)], "missing": -999} if dtype == "int16" else {}
    parts = [values[begin:end] for begin, end in zip(offsets[:-1], offsets[1:], strict=True)]
    if as_list and parts:
        found = compile_ragged(parts, None, dtype, **options)
    else:
        found = compile_ragged(values, offsets, dtype, **options)
    assert np.asarray(found.offsets).tolist() == offsets.tolist()
    if dtype == "int16":
        column = np.array(options["scale"])[:, None] if row else np.array(options["scale"])
        flat = values.reshape(len(values), fields, math.prod(row[1:])) if row else values
        stored = np.rint(flat.astype(np.float64) / column).astype(np.int16).reshape(values.shape)
    else:
        stored = values.astype(dtype)
    np.testing.assert_array_equal(np.asarray(found.data), stored)
    pieces = [stored[begin:end] for begin, end in zip(offsets[:-1], offsets[1:], strict=True)]
    assert np.asarray(found.crc32).tolist() == [zlib.crc32(piece.tobytes()) for piece in pieces]
    counts = [[length * math.prod(row[1:])] * fields for length in lengths]
    assert np.asarray(found.moments)[..., 0].tolist() == counts


def test_ragged_fields_are_measured_each():
    values = np.stack([np.arange(10.0), np.full(10, np.nan), 5 - np.arange(10.0)], axis=1)
    moments = np.asarray(compile_ragged(values, np.array([0, 4, 10]), "float32").moments)
    np.testing.assert_allclose(moments[:, 0], [[4, 1.5, 5, 0, 3], [6, 6.5, 17.5, 4, 9]])
    assert moments[:, 1, 0].tolist() == [0, 0]
    np.testing.assert_allclose(moments[:, 2], [[4, 3.5, 5, 2, 5], [6, -1.5, 17.5, -4, 1]])


@pytest.mark.parametrize("offsets", [[0, 5, 3, 10], [1, 10], [0, 9], [], [0, 11]])
def test_offsets_that_do_not_rise_to_the_last_row_are_refused(offsets):
    with pytest.raises(ValueError, match="offsets rise from 0 to the number of rows, 10"):
        compile_ragged(np.zeros(10), np.array(offsets, dtype=np.int64), "float32")
    with pytest.raises(ValueError, match="offsets are int64"):
        compile_ragged(np.zeros(10), np.array([0, 10], dtype=np.int32), "float32")


def test_ragged_samples_of_different_kinds_are_refused():
    with pytest.raises(ValueError, match="samples differ in more than their rows"):
        compile_ragged([np.zeros((3, 2)), np.zeros((3, 4))], None, "float32")
    with pytest.raises(ValueError, match="samples differ in more than their rows"):
        compile_ragged([np.zeros(3), np.zeros(3, dtype=np.float32)], None, "float32")
    with pytest.raises(CompileError, match="sample 1, field 0: 70000 is out of the range of uint16"):
        compile_ragged([np.array([1, 2]), np.array([3, 70000])], None, "uint16")


@given(st.lists(st.integers(0, 300_000), max_size=4), st.sampled_from([1, 1000, 131_072]))
def test_blocks_run_across_the_pieces_of_a_stream(sizes, block):
    sizes = [size % 5000 if block == 1 else size for size in sizes]
    parts = [np.random.default_rng(size).integers(0, 256, size, dtype=np.uint8) for size in sizes]
    whole = b"".join(part.tobytes() for part in parts)
    wanted = [zlib.crc32(whole[begin : begin + block]) for begin in range(0, len(whole), block)]
    assert np.asarray(block_crc32(parts, block)).tolist() == wanted


# -- shards ------------------------------------------------------------------------------------------------------------


@given(st.data())
def test_a_shard_is_read_by_the_safetensors_library(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("shard") / "shard.safetensors"
    types = st.sampled_from([dtype for dtype in (*FLOATS, *INTEGERS, "bool") if dtype != "bfloat16"])
    shapes = st.lists(st.integers(0, 5), max_size=3).map(tuple)
    names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(lambda name: name != "__metadata__")
    listed = data.draw(st.dictionaries(names, st.tuples(types, shapes), max_size=6))
    tensors = {name: random_values(dtype, shape, len(name)) for name, (dtype, shape) in listed.items()}
    metadata = data.draw(st.dictionaries(names, st.text(st.characters(codec="utf-8"), max_size=8), max_size=3))
    digest = write_shard(
        path, [(name, str(array.dtype), array.shape, array) for name, array in tensors.items()], metadata, sync=False
    )
    content = path.read_bytes()
    assert hashlib.sha256(content).hexdigest() == digest
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    assert header.pop("__metadata__", {}) == metadata
    begins = [entry["data_offsets"][0] + 8 + length for entry in header.values()]
    sizes = [tensors[name].itemsize for name in header]
    assert all(begin % size == 0 for begin, size in zip(begins, sizes, strict=True))
    found = load_file(path)
    assert found.keys() == tensors.keys()
    for name, array in tensors.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


def test_bfloat16_is_read_by_torch(tmp_path):
    import torch
    from safetensors.torch import load_file as load_torch

    values = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    compiled = compile_array(values, None, "bfloat16")
    write_shard(tmp_path / "shard", [("x", "bfloat16", (4, 5), compiled.data)])
    assert torch.equal(load_torch(tmp_path / "shard")["x"], torch.from_numpy(values).to(torch.bfloat16))


def test_pieces_of_a_tensor_are_written_one_after_another_and_the_same_shard_has_the_same_bytes(tmp_path):
    pieces = [np.arange(4, dtype=np.int32), np.arange(4, 6, dtype=np.int32)]
    tensors = [("a", "int32", (3, 2), pieces), ("b", "uint8", (2,), b"xy")]
    metadata = {f"key{number}": "value" for number in range(20)}
    first = write_shard(tmp_path / "one", tensors, metadata)
    assert write_shard(tmp_path / "two", list(reversed(tensors)), dict(reversed(metadata.items()))) == first
    assert load_file(tmp_path / "one")["a"].tolist() == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ([("a", "uint8", (2,), b"x")], "a has 1 bytes, its shape 2"),
        ([("a", "uint8", (1,), b"x"), ("a", "uint8", (1,), b"y")], "two tensors are named"),
        ([("__metadata__", "uint8", (1,), b"x")], "is no name of a tensor"),
        ([("a", "int64", (1,), np.zeros(1))], "a is to be int64, and its buffer holds float64"),
        ([("a", "complex64", (1,), b"12345678")], "no type of stored values"),
    ],
)
def test_tensors_that_make_no_shard_are_refused(tmp_path, tensors, message):
    with pytest.raises(ValueError, match=message):
        write_shard(tmp_path / "shard", tensors)
    assert list(tmp_path.iterdir()) == []


def test_strided_memory_is_not_written(tmp_path):
    with pytest.raises((ValueError, BufferError)):
        write_shard(tmp_path / "shard", [("a", "float64", (2,), np.zeros(4)[::2])])
    assert list(tmp_path.iterdir()) == []


def test_a_shard_replaces_what_was_there_in_one_step(tmp_path):
    path = tmp_path / "shard"
    path.write_bytes(b"before")
    with pytest.raises(ValueError, match="bytes"):
        write_shard(path, [("a", "uint8", (2,), b"x")])
    assert path.read_bytes() == b"before"
    write_shard(path, [("a", "uint8", (2,), b"xy")])
    assert load_file(path)["a"].tolist() == [120, 121]
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_an_error_that_names_the_shard(tmp_path):
    with pytest.raises(FileNotFoundError) as seen:
        write_shard(tmp_path / "none" / "shard", [])
    assert seen.value.filename == str(tmp_path / "none" / "shard")


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are a matter of POSIX")
def test_a_full_disk_leaves_no_shard(tmp_path):
    import errno
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        with pytest.raises(OSError, match="shard") as seen:
            write_shard(tmp_path / "shard", [("a", "uint8", (3 << 20,), np.zeros(3 << 20, np.uint8))])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert seen.value.errno == errno.EFBIG
    assert list(tmp_path.iterdir()) == []


WRITER = """
import sys
import numpy as np
from rust_integration import write_shard

data = np.zeros(256 << 20, dtype=np.uint8)
print("begun", flush=True)
write_shard(sys.argv[1], [("a", "uint8", data.shape, data)])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a process is killed otherwise there")
def test_a_kill_on_the_way_leaves_no_shard_by_its_name(tmp_path):
    path = tmp_path / "shard"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, env=os.environ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"begun\n"
        while writer.poll() is None and not any(_written(part) for part in tmp_path.iterdir()):
            pass
        writer.kill()
    assert writer.returncode == -9, "the writer had ended before it was killed"
    assert not path.exists()
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".shard.")
    assert left.name.endswith(".partial")


def _written(path: Path) -> bool:
    return path.name.endswith(".partial") and path.stat().st_size > 1 << 20
