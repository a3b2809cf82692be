"""The key of a collection of networks: the genuine one's rows, and what is no key."""

from __future__ import annotations

from collections import Counter

import pytest

from astrobio.archives.published_networks import ORGANISMS, canonical_model, keyed
from astrobio.core.errors import FormatError
from astrobio.formats.model_key import MOST_BYTES, ModelKey, read_model_key

HEAD = b"| Organism | Version | Reference | PMID |\n|:---|---|---|---|\n"
ROW = (
    b"| Escherichia coli | iJO1366 | [Orth et al.](http://dx.doi.org/10.1038/msb.2011.65) | [21988831](http://a.b) |\n"
)


@pytest.fixture(scope="module")
def rows(archive_mirror) -> list[ModelKey]:
    return read_model_key((archive_mirror / "published_networks/model_key.md").read_bytes())


def test_the_genuine_key(rows):
    assert len(rows) == 98
    assert rows[0] == ModelKey(
        "Acinetobacter baumannii", "AbyMBEL891", "Kim et al.", "http://dx.doi.org/10.1039/B916446D",
        "10.1039/B916446D", "20094653",
    )  # fmt: skip
    assert sum(row.doi is not None for row in rows) == 94
    assert sum(row.pmid is not None for row in rows) == 95
    assert [row.model for row in rows if row.doi is None and row.pmid is None] == ["textbook"]
    assert Counter(row.organism for row in rows).most_common(1) == [("Saccharomyces cerevisiae", 6)]
    assert [row.organism for row in rows if not row.model] == ["Halobacterium salinarum", "Mus musculus"]


def test_every_network_but_one_has_its_row_with_its_organism(rows):
    of_key = {name: sorted({row.organism for row in keyed(rows, name)}) for name in ORGANISMS}
    assert {name: found for name, found in of_key.items() if found != [ORGANISMS[name]]} == {"iAN840m": []}
    assert ORGANISMS["iAN840m"] == ""
    assert len(ORGANISMS) == 83


def test_names_of_models_have_several_spellings(rows):
    assert canonical_model("iHD666_fixed") == canonical_model("iHD666") == "ihd666"
    assert canonical_model("GSMN_TB") == canonical_model("GSMN-TB")
    assert [row.model for row in keyed(rows, "iZmobMBEL601")] == ["ZmobMBEL601"]
    assert keyed(rows, "iXX999") == []
    assert keyed([ModelKey("Escherichia coli", "")], "") == []


def test_cells_may_be_empty_and_addresses_have_brackets():
    content = (
        HEAD
        + ROW.replace(b"[21988831](http://a.b)", b"")
        + ROW.replace(b"10.1038/msb.2011.65", b"10.1016/S0022-2836(02)01404-X")
    )
    first, second = read_model_key(content)
    assert (first.pmid, first.doi) == (None, "10.1038/msb.2011.65")
    assert second.doi == "10.1016/S0022-2836(02)01404-X"
    assert read_model_key(HEAD + b"| Homo sapiens |  |  |  |\n") == [ModelKey("Homo sapiens", "")]


@pytest.mark.parametrize(("content", "message"), [
    (b"", "no table with the columns"),
    (HEAD, "no table with the columns"),
    (ROW * 3, "no table with the columns"),
    (HEAD.replace(b"PMID", b"PubMed") + ROW, "no table with the columns"),
    (HEAD.replace(b":---", b":-x-") + ROW, "no table with the columns"),
    (HEAD + ROW.replace(b" |\n", b"\n"), "line 3 is no row of 4 cells"),
    (HEAD + ROW.replace(b"| iJO1366 ", b"| iJO1366 | more "), "line 3 is no row of 4 cells"),
    (HEAD + b"text\n", "line 3 is no row of 4 cells"),
    (HEAD + ROW.replace(b"[Orth et al.]", b"Orth et al."), "is no link"),
    (HEAD + ROW.replace(b"http://dx", b"javascript:dx"), "is no link"),
    (HEAD + ROW.replace(b"[21988831]", b"[PMC1]"), "'PMC1' is no number of PubMed"),
    (HEAD + ROW.replace(b"[21988831]", "[\u0662\u0661]".encode()), "is no number of PubMed"),
    (HEAD + ROW.replace(b"Orth", b"\xff"), "not of utf-8"),
    (b" " * (MOST_BYTES + 1), "bytes; at most"),
    (HEAD + b"| a | | | |\n" * 10_000, "rows; at most"),
])  # fmt: skip
def test_what_is_no_key_is_an_error(content, message):
    with pytest.raises(FormatError, match=message):
        read_model_key(content)
