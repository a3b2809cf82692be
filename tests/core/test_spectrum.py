"""One form for all spectra."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.errors import FormatError
from astrobio.core.spectrum import Spectrum, depth_from_ratio

ONE = np.ones(3)


def spectrum(**changes: object) -> Spectrum:
    given: dict[str, object] = {"quantity": "transit depth", "unit": "ppm", "wavelength": ONE, "value": ONE,
                                "error_upper": ONE, "error_lower": ONE}  # fmt: skip
    return Spectrum(**(given | changes))  # type: ignore[arg-type]


def test_what_is_not_known_is_marked_as_such() -> None:
    bare = spectrum()
    assert np.isnan(bare.half_width).all()
    assert bare.usable.all()
    assert not bare.order.any()
    assert bare.planet == bare.instrument == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"quantity": "albedo"}, "a spectrum of 'albedo'"),
        ({"unit": "%"}, "transit depth in '%'"),
        ({"quantity": "flux density"}, "flux density in 'ppm'"),
        ({"value": np.ones(2)}, "value has shape"),
        ({"order": np.ones(4)}, "order has shape"),
        ({"wavelength": np.empty(0)}, "no point"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(FormatError, match=said):
        spectrum(**changes)


def test_a_spectrum_cannot_be_changed_and_does_not_change_with_its_source() -> None:
    value = np.ones(3)
    made = spectrum(value=value)
    value[0] = 7
    assert made.value[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        made.value[0] = 7


def test_big_endian_numbers_come_out_native() -> None:
    made = spectrum(value=np.array([1.5, 2.5, 3.5], dtype=">f4"))
    assert made.value.dtype == np.float64
    assert made.value.dtype.isnative
    assert made.value.tolist() == [1.5, 2.5, 3.5]


def test_limits_and_warned_points_are_not_measured() -> None:
    made = spectrum(limit=np.array([0, 1, 0]), usable=np.array([True, True, False]))
    assert made.measured.tolist() == [True, False, False]
    assert spectrum(error_upper=np.array([1, np.nan, 3.0])).error.tolist() == [1, 1, 2]
    unknown = np.full(3, np.nan)
    assert not spectrum(error_upper=unknown, error_lower=unknown).measured.any()


def test_naming_keeps_the_points() -> None:
    named = spectrum(planet="WASP-39 b").named(star="WASP-39")
    assert (named.planet, named.star, named.value.tolist()) == ("WASP-39 b", "WASP-39", [1, 1, 1])


@given(st.floats(0.001, 0.5), st.floats(1e-6, 0.01))
def test_depth_is_the_square_of_the_ratio(ratio: float, error: float) -> None:
    error = min(error, ratio / 2)
    depth, upper, lower = (float(one[0]) for one in depth_from_ratio(*np.array([[ratio], [error], [error]])))
    assert depth == pytest.approx(1e6 * ratio**2)
    assert depth + upper == pytest.approx(1e6 * (ratio + error) ** 2, abs=1e-6)
    assert depth - lower == pytest.approx(1e6 * (ratio - error) ** 2, abs=1e-6)
