"""Splits keep the starts of a planet together, do not move planets as an ensemble grows, and never leak."""

from __future__ import annotations

import dataclasses
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.errors import RefusedInput
from astrobio.core.planet_run import PlanetParameters
from astrobio.datasets import splits
from astrobio.simulate import design

EARTH = PlanetParameters.earth()
planets = st.builds(
    PlanetParameters, **{name: st.floats(low, high) for name, (low, high) in PlanetParameters.limits().items()}
)
ensembles = st.lists(
    st.tuples(st.sampled_from(["sobol", "test8", "test500", "earth"]), planets), min_size=1, max_size=20
)


def assigned(ensemble: list[tuple[str, PlanetParameters]]) -> dict[str, list[str]]:
    parameters = np.array([astuple(planet) for _, planet in ensemble])
    return splits.assign([name for name, _ in ensemble], [planet.group() for _, planet in ensemble], parameters)


@given(ensembles)
def test_both_starts_of_a_planet_stand_on_one_side(ensemble):
    parts = assigned([planet for planet in ensemble for _ in ("warm", "cold")])
    assert set(parts) == set(splits.SPLITS)
    for part in parts.values():
        assert part[::2] == part[1::2]
        assert set(part) <= set(splits.PARTS)


@given(ensembles, st.lists(planets, max_size=10), st.randoms(use_true_random=False))
def test_growing_an_ensemble_moves_no_planet(ensemble, more, random):
    before = assigned(ensemble)
    grown = ensemble + [("sobol", planet) for planet in more]
    order = list(range(len(grown)))
    random.shuffle(order)
    after = assigned([grown[place] for place in order])
    for split in splits.SPLITS:
        found = dict(zip(order, after[split], strict=True))
        assert [found[place] for place in range(len(ensemble))] == before[split]


@given(planets)
def test_a_group_depends_on_the_parameters_alone(planet):
    assert planet.group() == PlanetParameters(*astuple(planet)).group()
    assert planet.group() != dataclasses.replace(planet, ice_albedo=planet.ice_albedo * 0.9).group()


def test_about_a_tenth_of_the_designed_planets_validate():
    groups = [planet.group() for planet in design.sobol(4096)]
    share = np.mean([splits.is_validation(group) for group in groups])
    assert abs(share - splits.VALIDATION_SHARE) < 0.015


@given(planets)
def test_the_random_split_tests_on_the_test_designs_and_on_nothing_else(planet):
    assert assigned([("test500", planet)])["random"] == ["test"]
    assert assigned([("sobol", planet)])["random"][0] in ("train", "validation")
    assert assigned([("earth", planet)]) == {"random": ["control"], "boxes": ["control"]}


@given(planets)
def test_what_lies_in_a_box_is_never_trained_on(planet):
    inside = bool(splits.in_boxes(np.array([astuple(planet)]))[0])
    designed, tested = assigned([("sobol", planet), ("test500", planet)])["boxes"]
    assert tested == ("test" if inside else "unused")
    assert (designed == "test") == inside


def _with_reduced_flux(flux: float, obliquity: float) -> np.ndarray:
    return np.array([astuple(dataclasses.replace(EARTH, stellar_flux=1361.0 * flux, obliquity=obliquity))])


@pytest.mark.parametrize("box", splits.BOXES)
def test_a_box_holds_its_lower_bounds_and_not_its_upper_ones(box):
    low_flux, high_flux, low_tilt, high_tilt = box
    flux, tilt, inside = (low_flux + high_flux) / 2, (low_tilt + high_tilt) / 2, splits.in_boxes
    assert inside(_with_reduced_flux(flux, tilt)).all()
    assert inside(_with_reduced_flux(flux, low_tilt)).all()
    assert not inside(_with_reduced_flux(flux, high_tilt)).any()
    assert inside(_with_reduced_flux(low_flux + 1e-4, tilt)).all()
    assert not inside(_with_reduced_flux(low_flux - 1e-4, tilt)).any()
    assert not inside(_with_reduced_flux(high_flux + 1e-4, tilt)).any()


def test_more_carbon_dioxide_acts_as_more_flux():
    planet = np.array([astuple(dataclasses.replace(EARTH, co2_partial_pressure=3.3e-3))])
    assert splits.reduced_flux(planet)[0] == pytest.approx(
        (203.3 - 4.18) / (203.3 - 4.18 - 5.35 * np.log(10)), abs=1e-6
    )


def check(part: list[str], planets_of: list[PlanetParameters], digests: list[str] | None = None) -> None:
    names = [f"planet-{place}" for place in range(len(part))]
    parameters = np.array([astuple(planet) for planet in planets_of])
    groups = [planet.group() for planet in planets_of]
    splits.check_leaks("random", part, groups, digests or names, names, parameters)


def test_a_split_without_leaks_passes():
    check(
        ["train", "train", "validation", "test", "test"], [EARTH, EARTH, *design.sobol(1), *design.latin_hypercube(2)]
    )


def test_a_planet_on_two_sides_stops_the_build():
    with pytest.raises(RefusedInput, match=r"planet-0 \(train\) and planet-1 \(test\) are the same planet") as seen:
        check(["train", "test"], [EARTH, EARTH])
    assert seen.value.exit_code == 4


def test_the_same_bytes_under_two_names_stop_the_build():
    with pytest.raises(RefusedInput, match="planet-0 and planet-1 are the same bytes under two names"):
        check(["train", "train"], design.sobol(2), digests=["a", "a"])


@pytest.mark.parametrize("sides", [("train", "test"), ("validation", "test"), ("train", "validation")])
@pytest.mark.parametrize("name", PlanetParameters.names())
def test_a_planet_but_for_rounding_on_another_side_stops_the_build(sides, name):
    low, high = PlanetParameters.limits()[name]
    # Parameters keep six digits: the next number that they can hold is the nearest that is another planet.
    value = getattr(EARTH, name)
    digit = 10.0 ** (np.floor(np.log10(value)) - 5)
    near = dataclasses.replace(EARTH, **{name: value + digit})
    far = dataclasses.replace(EARTH, **{name: value + 2e-4 * (high - low)})
    assert near.group() != EARTH.group()
    with pytest.raises(RefusedInput, match=r"leaks: .* but for rounding"):
        check(list(sides), [EARTH, near])
    check(list(sides), [EARTH, far])
    check(["train", "train"], [EARTH, near])


def test_the_longitude_of_pericentre_closes_a_circle():
    below, above = (dataclasses.replace(EARTH, longitude_of_pericentre=angle) for angle in (359.999, 0.001))
    with pytest.raises(RefusedInput, match="but for rounding"):
        check(["train", "test"], [below, above])


def test_unused_and_control_planets_leak_nowhere():
    near = dataclasses.replace(EARTH, stellar_flux=1361.01)
    check(["control", "train"], [EARTH, near])
    check(["unused", "train"], [EARTH, near])
