"""Names of organisms: one species however it is written, and none where there is no species."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.organisms import Organism, organism

words = st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=12)


@pytest.mark.parametrize(("name", "genus", "species", "strain"), [
    ("escherichia_coli", "Escherichia", "coli", ""),
    ("Escherichia coli str. K-12 substr. MG1655", "Escherichia", "coli", "str. K-12 substr. MG1655"),
    ("  Methanosarcina   barkeri Fusaro ", "Methanosarcina", "barkeri", "Fusaro"),
    ("[Clostridium] difficile", "Clostridium", "difficile", ""),
    ("Candidatus Pelagibacter ubique", "Pelagibacter", "ubique", ""),
    ("candidatus_pelagibacter_ubique", "Pelagibacter", "ubique", ""),
    ("Synechocystis sp. PCC6803", "Synechocystis", "", "PCC6803"),
    ("Xanthomonas novo-guineensis", "Xanthomonas", "novo-guineensis", ""),
])  # fmt: skip
def test_names_have_a_genus_a_species_and_a_strain(name, genus, species, strain):
    assert organism(name) == Organism(genus, species, strain)


@pytest.mark.parametrize("name", [
    "", "Escherichia", "Escherichia sp.", "dehalococcoides_sp", "Escherichia spp", "Escherichia spp.", "Candidatus",
    "Candidatus Pelagibacter", "E. coli", "12345 unknown", "Escherichia 12", "Escherichia c", "\u0395\u03c3\u03c7 coli",
])  # fmt: skip
def test_a_name_of_no_species_is_none(name):
    assert organism(name) is None


@given(words, words, st.sampled_from((" ", "_", "  ", " _")))
def test_case_and_underscores_tell_no_species_apart(genus, species, between):
    if genus == "candidatus" or species in ("sp", "spp"):
        return
    one, other = organism(f"{genus.capitalize()} {species}"), organism(f"{genus.upper()}{between}{species.upper()}")
    assert one is not None
    assert one.key == other.key == f"{genus} {species}"


def test_strains_of_a_species_are_one_and_those_of_none_are_not():
    assert organism("Escherichia coli K-12").key == organism("escherichia_coli").key
    assert organism("Synechocystis sp. PCC6803").key == organism("synechocystis_sp_pcc_6803").key
    assert organism("Synechocystis sp. PCC6803").key != organism("Synechocystis sp. PCC6714").key
    assert organism("Escherichia coli").key != organism("Escherichia albertii").key
