"""Which rows of catalogues are one planet, and which hosts are one star."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from astropy.utils.data import get_pkg_data_contents
from hypothesis import given
from hypothesis import strategies as st

from astrobio.datasets.planet_catalogues.constellations import GENITIVES, abbreviated
from astrobio.datasets.planet_catalogues.joining import SAME_PLACE, Doubt, Joined, JoinReport, join
from astrobio.datasets.planet_catalogues.names import Entry, Named, each_of, key_of, star_of

# -- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        ("KOI-314.01", "KOI-0314 01", "K00314.01", "KOI-0314.01", "KOI 314.01"),
        ("KOI-314 b", "KOI-0314 b", "KOI-314b"),
        ("GJ 667 C c", "Gliese 667 C c", "Gl 667 C c", "GJ 667 Cc"),
        ("mu Ara c", "mu Arae c", "μ Arae c"),
        ("8 UMi b", "8 Ursae Minoris b"),
        ("OGLE-2016-BLG-0596L b", "OGLE-2016-BLG-596 b", "OGLE 2016-BLG-0596L b", "OGLE-2016-596L b"),
        ("KMT-2018-BLG-1996L b", "KMT-2018:BLG-1996 b"),
        ("OGLE-2018-BLG-0516L b", "OGLE--2018-BLG-0516 b"),
    ],
)
def test_spellings_of_one_planet_have_one_key(names: tuple[str, ...]) -> None:
    assert len({key_of(name) for name in names}) == 1
    assert key_of(names[0])[1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("KOI-314.01", "KOI-314.02"), ("KOI-314.01", "KOI-314 b"), ("KOI-31.04", "KOI-314"),
        ("GJ 667 C c", "GJ 667 B c"), ("HD 3651 b", "HD 3651 B"), ("mu Ara c", "mu Ari c"),
        ("OGLE-2016-BLG-0596L b", "OGLE-2016-BLG-0569L b"), ("OGLE-2016-BLG-0596L b", "MOA-2016-BLG-0596L b"),
        ("OGLE-2016-BLG-0596L b", "OGLE-2016-BLG-0596L c"), ("Kepler-1 b", "Kepler-11 b"),
    ],
)  # fmt: skip
def test_other_planets_have_other_keys(one: str, other: str) -> None:
    assert key_of(one) != key_of(other)


def test_constellations_are_the_88_of_the_iau() -> None:
    listed = get_pkg_data_contents("data/constellation_names.dat", package="astropy.coordinates").splitlines()
    assert set(GENITIVES.values()) == {line[:3] for line in listed if not line.startswith("#")}
    for genitive, short in GENITIVES.items():
        letters = iter(genitive.casefold().replace("ö", "o"))
        assert all(letter in letters for letter in short.casefold()), f"{short} has letters that {genitive} has not"


@pytest.mark.parametrize("name", ["Arae", "HD 100 b", "Proxima Cen", "Ceti Alpha", "Lupin 3 b", "TOI-700", "X Leonisx"])
def test_what_is_no_genitive_after_a_designation_stays(name: str) -> None:
    assert abbreviated(name) == name


def test_a_star_is_found_by_what_is_left_of_its_planets_names() -> None:
    found = Named.of(Entry("c", "TRAPPIST-1 b", "", ("K2-112 b", "EPIC 246199087")))
    assert set(found.stars) == {"trappist1", "k2-112", "epic246199087"}
    assert found.listed == {("k2-112", "b")}, "a star's name is no name of the planet"


def test_surveys_that_saw_one_event_each_name_it() -> None:
    assert each_of("OGLE-2018-BLG-0932/KMT-2018-BLG-2087/MOA-2018-BLG-163 b") == [
        "OGLE-2018-BLG-0932 b", "KMT-2018-BLG-2087 b", "MOA-2018-BLG-163 b",
    ]  # fmt: skip
    assert each_of("ISO 1I/'Oumuamua") == ["ISO 1I/'Oumuamua"]


# -- joining ------------------------------------------------------------------------------------------------------


def planets_of(joined: Sequence[Joined]) -> list[list[str]]:
    return sorted(sorted(f"{entry.catalogue}: {entry.name}" for entry in planet.entries) for planet in joined)


def joined(*catalogues: Sequence[Entry], lending: frozenset[str] = frozenset()) -> tuple[list[list[str]], JoinReport]:
    planets, report = join(catalogues, lending)
    return planets_of(planets), report


FIRST = [
    Entry("a", "Kepler-138 b", "Kepler-138", period=10.313),
    Entry("a", "Kepler-138 c", "Kepler-138", period=13.78),
]


def test_the_same_name_joins() -> None:
    found, report = joined(FIRST, [Entry("b", "KEPLER-138b", "Kepler 138", period=10.3134)])
    assert found == [["a: Kepler-138 b", "b: KEPLER-138b"], ["a: Kepler-138 c"]]
    assert report.by == {("b", "name"): 1}
    assert report.joined == {"b": 1}
    assert report.alone == {"a": 2}


@pytest.mark.parametrize("other_way", [False, True])
def test_a_name_that_either_lists_joins(other_way: bool) -> None:
    plain, listing = Entry("", "Kepler-1 b", "Kepler-1"), Entry("", "TrES-2 b", "TrES-2", ("Kepler-1 b",))
    one, two = (listing, plain) if other_way else (plain, listing)
    found, report = joined([Entry("a", one.name, one.host, one.aliases)], [Entry("b", two.name, two.host, two.aliases)])
    assert found == [[f"a: {one.name}", f"b: {two.name}"]]
    assert report.by == {("b", "alias"): 1}


def test_another_name_of_the_star_with_the_letter_joins() -> None:
    planets, report = join(
        [[Entry("a", "55 Cnc e", "55 Cnc")], [Entry("b", "HD 75732 e", "HD 75732", (), ("55 Cnc",))]]
    )
    assert planets_of(planets) == [["a: 55 Cnc e", "b: HD 75732 e"]]
    assert report.by == {("b", "star's alias"): 1}
    assert planets[0].name == "55 Cnc e", "the first catalogue's name is taken"


def test_letters_that_follow_another_order_are_told_by_the_period() -> None:
    """As K2-352: what two catalogues call b, c and d is c, d and b in a third."""
    other = [Entry("b", "Kepler-138 b", "Kepler-138", period=13.7815),
             Entry("b", "Kepler-138 c", "Kepler-138", period=10.3128)]  # fmt: skip
    found, report = joined(FIRST, other)
    assert found == [["a: Kepler-138 b", "b: Kepler-138 c"], ["a: Kepler-138 c", "b: Kepler-138 b"]]
    assert report.by == {("b", "star and period"): 2}


def test_a_planet_of_another_name_is_told_by_place_and_period() -> None:
    one = Entry("a", "KELT-9 b", "KELT-9", period=1.4811235, place=(307.859, 39.938))
    found, report = joined([one], [Entry("b", "HD 195689 b", "HD 195689", period=1.48, place=(307.8595, 39.9385))])
    assert found == [["a: KELT-9 b", "b: HD 195689 b"]]
    assert report.by == {("b", "star and period"): 1}


def test_a_planet_without_a_period_is_told_by_place_and_letter() -> None:
    one = Entry("a", "2MASS J02192210-3925225 b", "2MASS J02192210-3925225", place=(34.842, -39.423))
    other = [Entry("b", "2M 0219-39 b", "2M 0219-39", place=(34.842, -39.4225))]
    assert joined([one], other)[1].by == {("b", "place and letter"): 1}
    elsewhere = [Entry("b", "2M 0219-39 b", "2M 0219-39", place=(34.842, -39.41))]
    assert joined([one], elsewhere)[1].by == {}
    numbered = Entry("a", "KOI-5.01", "KOI-5", place=(34.842, -39.423))
    assert joined([numbered], [Entry("b", "TOI-9.01", "TOI-9", place=(34.842, -39.423))])[1].by == {}


def test_a_listed_name_with_another_period_does_not_join() -> None:
    """As KOI-314 b, which is another name of Kepler-138 c and is listed for Kepler-138 b, too."""
    found, report = joined(FIRST, [Entry("b", "X 1 b", "X 1", ("Kepler-138 b",), period=99.0)])
    assert len(found) == 3
    assert report.doubts == [Doubt("contradicted", "b", "X 1 b", ("Kepler-138 b",))]


def test_names_that_lead_to_several_planets_join_that_of_the_same_period() -> None:
    listing = ("Kepler-138 b", "Kepler-138 c")
    found, report = joined(FIRST, [Entry("b", "KOI-314 b", "KOI-314", listing, period=13.7)])
    assert ["a: Kepler-138 c", "b: KOI-314 b"] in found
    assert report.by == {("b", "alias"): 1}, "only one is not contradicted"
    close = [Entry("a", "X 1 b", "X 1", period=10.0), Entry("a", "X 1 c", "X 1", period=10.5)]
    aliased = [Entry("b", "Y 1 b", "Y 1", ("X 1 b", "X 1 c"), period=10.49)]
    assert joined(close, aliased)[1].by == {("b", "alias and period"): 1}


def test_names_that_lead_to_several_planets_and_no_period_join_none() -> None:
    found, report = joined(FIRST, [Entry("b", "KOI-314 b", "KOI-314", ("Kepler-138 b", "Kepler-138 c"))])
    assert ["b: KOI-314 b"] in found
    assert report.doubts == [Doubt("ambiguous", "b", "KOI-314 b", ("Kepler-138 b", "Kepler-138 c"))]


def test_of_two_rows_that_lead_to_one_planet_that_of_the_nearest_period_joins() -> None:
    one = [Entry("a", "X 1 b", "X 1", period=10.0)]
    two = [Entry("b", "W 1 b", "W 1", ("X 1 b",), period=10.9), Entry("b", "Y 1 b", "Y 1", ("X 1 b",), period=10.5)]
    found, report = joined(one, two)
    assert found == [["a: X 1 b", "b: Y 1 b"], ["b: W 1 b"]]
    assert report.by == {("b", "alias"): 1}


def test_a_name_joins_against_its_period_where_nothing_else_does_and_says_so() -> None:
    found, report = joined(FIRST, [Entry("b", "Kepler-138 b", "Kepler-138", period=20.6)])
    assert ["a: Kepler-138 b", "b: Kepler-138 b"] in found
    assert report.doubts == [Doubt("name, other period", "b", "Kepler-138 b", ("Kepler-138 b",))]


def test_a_planet_that_is_twice_in_a_catalogue_is_one() -> None:
    other = [Entry("b", "KMT-2021-BLG-0240L b", period=3.0), Entry("b", "KMT-2021-BLG-0240 b", period=3.0)]
    found, report = joined([], other)
    assert found == [["b: KMT-2021-BLG-0240 b", "b: KMT-2021-BLG-0240L b"]]
    assert [doubt.what for doubt in report.doubts] == ["twice"]
    assert (report.alone, report.joined) == ({"b": 1}, {"b": 1})


def test_two_components_of_a_pair_with_one_period_stay_two() -> None:
    """As WISE J0458+6434 A and B, which go around each other."""
    pair = [Entry("a", f"WISE J0458+6434 {name}", f"WISE J0458+6434 {name}", period=15700.0, place=(74.6, 64.6))
            for name in "AB"]  # fmt: skip
    assert len(joined(pair)[0]) == 2


def test_a_catalogue_that_lends_names_bridges_others_and_adds_no_planet() -> None:
    lent = [Entry("l", "KOI-314.01", "KOI-314", ("Kepler-138 c",), period=13.78), Entry("l", "KOI-9.01", "KOI-9")]
    later = [Entry("c", "KOI-0314 01", "KOI-0314")]
    planets, report = join([FIRST, lent, later], frozenset({"l"}))
    assert planets_of(planets) == [["a: Kepler-138 b"], ["a: Kepler-138 c", "c: KOI-0314 01", "l: KOI-314.01"]]
    assert report.left_out == {"l": 1}
    alone, _ = join([lent[:1], later], frozenset({"l"}))
    assert alone[0].name == "KOI-0314 01", "the name is that of a catalogue of planets"


# -- groups -------------------------------------------------------------------------------------------------------


def test_hosts_that_share_a_name_are_one_group_through_all_catalogues() -> None:
    planets, report = join([
        [Entry("a", "TRAPPIST-1 b", "TRAPPIST-1"), Entry("a", "GJ 1 b", "GJ 1")],
        [Entry("b", "K2-112 z", "K2-112", (), ("2MASS J2306",)), Entry("b", "2MASS J2306 c", "2MASS J2306")],
        [Entry("c", "EPIC 1 d", "EPIC 1", (), ("K2-112", "TRAPPIST-1"))],
    ])  # fmt: skip
    groups = {entry.name: planet.group for planet in planets for entry in planet.entries}
    assert groups.pop("GJ 1 b") == "gj1"
    assert set(groups.values()) == {"trappist1"}
    assert (report.groups, report.largest_group) == (2, "trappist1")


def test_hosts_at_one_place_are_one_group_and_reported() -> None:
    step = SAME_PLACE / 3600
    ones = [Entry("a", "WASP-94 A b", "WASP-94 A", place=(313.7833, -34.1356)),
            Entry("a", "WASP-94 B b", "WASP-94 B", place=(313.7833, -34.1356 + 0.99 * step)),
            Entry("a", "WASP-95 b", "WASP-95", place=(313.7833, -34.1356 + 2.1 * step))]  # fmt: skip
    planets, report = join([ones])
    assert [planet.group for planet in planets] == ["wasp94a", "wasp94a", "wasp95"]
    assert report.doubts == [Doubt("one place", "a", "WASP-94 B b", ("WASP-94 A b",))]


def test_nothing_joins_to_nothing() -> None:
    assert join([]) == ([], JoinReport())
    assert join([[], []])[0] == []


# -- properties ---------------------------------------------------------------------------------------------------

STARS = ["Kepler-1", "TrES-2", "KOI-1", "HD 10", "55 Cnc", "GJ 5"]
NAMES = st.builds(lambda star, letter: star + letter, st.sampled_from(STARS), st.sampled_from([" b", " c", ".01", ""]))


@st.composite
def entries(draw: st.DrawFn, catalogue: str) -> Entry:
    place = st.tuples(st.sampled_from([10.0, 10.001, 50.0]), st.sampled_from([-5.0, 20.0]))
    return Entry(
        catalogue,
        draw(NAMES),
        draw(st.sampled_from(["", *STARS])),
        tuple(draw(st.lists(NAMES, max_size=2))),
        tuple(draw(st.lists(st.sampled_from(STARS), max_size=2))),
        draw(st.sampled_from([None, 3.0, 3.001, 3.2, 7.0])),
        draw(st.none() | place),
    )


CATALOGUES = st.tuples(*(st.lists(entries(name), max_size=7) for name in "abc"))


@given(CATALOGUES)
def test_every_row_is_in_exactly_one_planet(catalogues: tuple[list[Entry], ...]) -> None:
    planets, report = join(catalogues)
    found = Counter(entry for planet in planets for entry in planet.entries)
    assert found == Counter(entry for entries in catalogues for entry in entries)
    assert sum(report.joined.values()) + sum(report.alone.values()) == found.total()
    assert sum(report.alone.values()) == len(planets)
    assert sum(report.by.values()) == sum(report.joined.values())
    assert report.groups == len({planet.group for planet in planets})


@given(CATALOGUES, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(catalogues: tuple[list[Entry], ...], chance: random.Random) -> None:
    shuffled = [chance.sample(entries, len(entries)) for entries in catalogues]
    one, other = join(catalogues), join(shuffled)
    assert [(planet.entries, planet.by, planet.group) for planet in one[0]] == [
        (planet.entries, planet.by, planet.group) for planet in other[0]
    ]
    assert one[1] == other[1]


@given(CATALOGUES)
def test_one_host_is_in_one_group(catalogues: tuple[list[Entry], ...]) -> None:
    planets, _ = join(catalogues)
    groups: dict[str, set[str]] = {}
    for planet in planets:
        for entry in planet.entries:
            for star in (entry.host, *entry.host_aliases):
                groups.setdefault(star_of(star), set()).add(planet.group)
    groups.pop("", None)
    assert all(len(found) == 1 for found in groups.values())


@given(CATALOGUES)
def test_a_catalogue_has_a_planet_once_unless_it_says_so_twice(catalogues: tuple[list[Entry], ...]) -> None:
    planets, report = join(catalogues)
    again = 0
    for planet in planets:
        counts = Counter(entry.catalogue for entry in planet.entries)
        again += counts.total() - len(counts)
        assert planet.by.count("first") == 1
    assert again == sum(count for (_, by), count in report.by.items() if by == "twice")
    assert again == sum(doubt.what == "twice" for doubt in report.doubts)


@given(CATALOGUES)
def test_periods_that_are_known_do_not_contradict_unless_it_is_said(catalogues: tuple[list[Entry], ...]) -> None:
    planets, _ = join(catalogues)
    for planet in planets:
        known: list[float] = []
        for entry, by in zip(planet.entries, planet.by, strict=True):
            if entry.period and known and by != "name, other period":
                assert min(abs(entry.period / other - 1) for other in known) <= 0.1
            known += [entry.period] if entry.period else []


@given(CATALOGUES)
def test_a_catalogue_that_only_lends_adds_no_planet(catalogues: tuple[list[Entry], ...]) -> None:
    planets, report = join(catalogues, frozenset({"b"}))
    assert all({entry.catalogue for entry in planet.entries} != {"b"} for planet in planets)
    rows = sum(len(planet.entries) for planet in planets)
    assert rows + sum(report.left_out.values()) == sum(map(len, catalogues))
