"""Common metabolites: identifiers and formulas are those of ModelSEED, and what resembles one is not taken for it."""

from __future__ import annotations

import pytest

from astrobio.archives import modelseed
from astrobio.core.formula import parse_formula
from astrobio.core.metabolites import METABOLITES, recognise
from astrobio.core.network import Compound
from astrobio.formats.schema import read_typed


def test_identifiers_and_formulas_are_those_that_modelseed_links(archive_mirror):
    table = modelseed.FORMATS["compounds"]
    content = (archive_mirror / "modelseed/compound_00.tsv.gz").read_bytes()
    rows = {row["id"]: row for row in read_typed(table.text(content), table.schema).iter_rows(named=True)}
    linked, told = [], []
    for one in METABOLITES:
        row = rows[one.modelseed]
        aliases = dict(part.split(": ", 1) for part in row["aliases"].split("|"))
        assert one.kegg in aliases["KEGG"].split("; "), one
        assert one.bigg in aliases["BiGG"].split("; "), one
        atoms = dict(parse_formula(row["formula"]))
        assert {symbol: count for symbol, count in atoms.items() if symbol != "H"} == dict(
            parse_formula(one.formula) if one.formula else ()
        ), one
        linked.append(recognise(Compound(row["name"])) is one)
        told.append(one.modelseed)
    assert all(linked)
    assert len(set(told)) == len(METABOLITES) == 55


@pytest.mark.parametrize("compound", [
    Compound("M_glu__L_c", compartment="c"),
    Compound("M_glu_L_c", "M_L_Glutamate_C5H8NO4"),
    Compound("M_glu_DASH_L_LPAREN_e_RPAREN_"),
    Compound("M_glu__L_LSQBKTc_RSQBKT", compartment="default"),
    Compound("M_GLU_Cell", compartment="Cell"),
    Compound("M_C00025_mt", "L-Glutamate_mt", compartment="Mitochondria"),
    Compound("M_C00025_biomass_c", "C00025_biomass[c]", compartment="c"),
    Compound("M_m17", "L-glutamate_C5H9NO4", compartment="c"),
    Compound("M_m18", "L-Glutamate_", compartment="e"),
    Compound("cpd00023", compartment="0"),
    Compound("cpd:C00025"),
    Compound("M_CE00025", "L-Glutamate (E)", compartment="extracellular"),
])  # fmt: skip
def test_glutamate_is_recognised_however_a_network_writes_it(compound):
    assert recognise(compound).bigg == "glu__L"


@pytest.mark.parametrize("compound", [
    Compound("M_dha_p", "Dihydroxyacetone", compartment="p"),  # not dhap
    Compound("M_cm_p", "Chloramphenicol", compartment="p"),  # not CMP
    Compound("M_SUC_c", "SUC", compartment="Cytosol"),  # sucrose, not succ
    Compound("M_ala__D_LSQBKTc_RSQBKT", "D-Alanine", compartment="default"),
    Compound("M_ala__B_LPAREN_c_RPAREN_", "beta-Alanine", compartment="default"),
    Compound("M_cobalt2_c", "M_Co2_Co", compartment="Cytosol"),  # not CO2
    Compound("M_CPD0834", "Co2[p]", compartment="Periplasm"),
    Compound("M_o2__c", "M_Superoxide_O2", compartment="Cytosol"),
    Compound("M_o2_DASH__c", compartment="c"),
    Compound("M_cpd00532_c", "O2.-_HO2", compartment="Cytosol"),
    Compound("M_lpro_c", "Lipoylprotein", compartment="c"),  # not L-proline
    Compound("M_PRO_AMP", "PRO-AMP_", compartment="c"),
    Compound("M_Cys_Gly", "Cys_Gly"),
    Compound("M_Succinate_semialdehyde", "Succinate_semialdehyde"),
    Compound("M_prolb_LSQBKTc_RSQBKT", "proline_betaine"),
    Compound("", ""),
])  # fmt: skip
def test_a_compound_that_resembles_a_common_one_is_not_taken_for_it(compound):
    assert recognise(compound) is None


def test_a_compartment_is_no_part_of_a_name():
    # The chloroplast of iRC1080 is called h: its NAD was taken for NADH.
    assert recognise(Compound("M_nad_h", "Nicotinamide adenine dinucleotide", compartment="h")).bigg == "nad"
    assert recognise(Compound("M_nadp_h", compartment="h")).bigg == "nadp"
    assert recognise(Compound("M_nadh_h", compartment="h")).bigg == "nadh"
    assert recognise(Compound("M_atp_Golgi", compartment="Golgi")).bigg == "atp"
    assert recognise(Compound("M_atp_Golgi", compartment="Nucleus")) is None
