"""Names of stars and planets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.names import GREEK, canonical, host_of


@pytest.mark.parametrize(
    ("planet", "star"),
    [
        ("WASP-39 b", "WASP-39"), ("WASP-39b", "WASP-39"), ("K2-18 b", "K2-18"), ("55 Cnc e", "55 Cnc"),
        ("Kepler-16 (AB) b", "Kepler-16"), ("GJ 667 C c", "GJ 667 C"), ("WASP-94 A b", "WASP-94 A"),
        ("HD 41004 B b", "HD 41004 B"), ("WASP-94 Ab", "WASP-94 A"), ("PSR B1257+12 d", "PSR B1257+12"),
        ("2MASS J01225093-2439505 b", "2MASS J01225093-2439505"), ("OGLE-2005-BLG-390L b", "OGLE-2005-BLG-390L"),
        ("TOI-700.01", "TOI-700"), ("KOI-351.07", "KOI-351"), ("WASP_39_b", "WASP 39"), ("ups And d", "ups And"),
        ("WASP-39", "WASP-39"), ("HD 70138", "HD 70138"), ("CD-31 49", "CD-31 49"), ("alf CrB", "alf CrB"),
        ("BD+44 2267", "BD+44 2267"), ("Gl406", "Gl406"), ("", ""),
    ],
)  # fmt: skip
def test_a_planet_is_led_to_its_star(planet: str, star: str) -> None:
    assert host_of(planet) == star


@pytest.mark.parametrize(
    "spellings",
    [
        ("WASP-39", "wasp 39", "WASP_39", "Wasp39", "WASP\u201139", "WASP \u2212 39"),
        ("K2-18", "K2 18", "k2_18"),
        ("alpha Cen B", "alf Cen B", "α Cen B", "Alpha-Cen B", "* alf Cen B"),
        ("mu Ara", "mu. Ara", "μ Ara", "\u00b5 Ara"),
        ("Kepler-16", "Kepler-16 (AB)", "KEPLER 16"),
        ("gamma 1 Leo", "gam 1 Leo", "γ1 Leo"),
    ],
)
def test_spellings_of_one_name_are_one(spellings: tuple[str, ...]) -> None:
    assert len({canonical(name) for name in spellings}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("BD+10 3166", "BD-10 3166"), ("K2-18", "K-218"), ("GJ 1 132", "GJ 1132"), ("Kepler-11", "Kepler-1 1"),
        ("TOI-700.01", "TOI-70001"), ("alpha Cen A", "alpha Cen B"), ("eta Cas", "beta Cas"),
        ("WASP-39", "WASP-39 b"),
    ],
)  # fmt: skip
def test_different_names_stay_different(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


def test_every_greek_letter_in_every_form() -> None:
    for full, (character, short) in GREEK.items():
        assert {canonical(f"{form} Boo") for form in (full, character, short, character.upper())} == {f"{full}boo"}


@given(st.text(max_size=40))
def test_any_text_has_a_canonical_form(text: str) -> None:
    assert not any(character.isspace() for character in canonical(text))
    assert len(host_of(text)) <= len(text) * 18  # NFKC makes at most 18 characters of one


@given(st.text(alphabet=st.characters(max_codepoint=126), max_size=40))
def test_case_does_not_matter(text: str) -> None:
    assert canonical(text.upper()) == canonical(text.lower())


@given(st.from_regex(r"[A-Z]{2,6}-[0-9]{1,4}", fullmatch=True), st.sampled_from("bcdefgh"))
def test_a_lettered_planet_belongs_to_its_star(star: str, letter: str) -> None:
    assert canonical(host_of(f"{star} {letter}")) == canonical(host_of(f"{star}{letter}")) == canonical(star)
