"""SBML: every value as another reader finds it, and a reason where one cannot be read."""

from __future__ import annotations

import pytest

from astrobio.formats.sbml import UNKNOWN_CHARGE, read_sbml
from tests.verify.bad_networks import FBC, edited, sbml, set_first


def test_the_charge_that_the_seed_writes_for_none_is_none(archive_mirror):
    compounds = {one.id: one for one in read_sbml(sbml(archive_mirror, "iBsu1103")).network.compounds}
    pools = ["M_cpd11462_c", "M_cpd15664_c", "M_cpd15670_c", "M_cpd15800_c"]
    assert [compounds[one].name for one in pools] == [
        "mRNA_", "Cell_wall of B. subtilis_", "Lipoteichoic_acid content_", "Lipid_composition of B. subtilis_",
    ]  # fmt: skip
    assert [one for one in compounds if compounds[one].charge is None] == sorted(pools, key=list(compounds).index)
    assert max(one.charge for one in compounds.values() if one.charge is not None) < 10
    assert compounds["M_cpd00001_c"].charge == 0


@pytest.mark.parametrize(("written", "read"), [("-4", -4), ("+2", 2), ("0", 0), (str(UNKNOWN_CHARGE), None)])
def test_charges(archive_mirror, written, read):
    file = read_sbml(edited(sbml(archive_mirror, "textbook"), set_first("species", FBC + "charge", written)))
    assert file.problems == []
    assert file.network.compounds[0].charge == read
