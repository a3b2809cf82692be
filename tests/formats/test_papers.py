"""Papers as lines of abstracts, and as records of OAI-PMH."""

from __future__ import annotations

from datetime import date

import pytest

from astrobio.core.errors import FormatError
from astrobio.formats.oai import OAI, read_oai
from astrobio.formats.papers import Paper, read_abstracts
from tests.verify.bad_text import FILE, oai_error, oai_page, rows


def test_the_genuine_abstracts_are_read(archive_mirror):
    found = read_abstracts((archive_mirror / FILE).read_bytes())
    assert (len(found.papers), found.problems) == (8875, [])
    first = found.papers[0]
    assert (first.id, first.announced, first.month) == ("2305.00019", date(2023, 5, 2), (2023, 5))
    assert first.categories == ("astro-ph.HE", "astro-ph.GA")
    assert sum("astro-ph.EP" in paper.categories for paper in found.papers) == 1706


def test_a_page_tells_what_its_lines_told(archive_mirror):
    page = read_oai(oai_page(rows(archive_mirror), token="6511260|1001", deleted=1))
    assert (page.token, page.size, page.cursor, page.error) == ("6511260|1001", 9000, 0, "")
    assert page.answered == date(2026, 9, 25)
    assert page.asked["metadataPrefix"] == "arXivRaw"
    *kept, gone = page.records
    assert (gone.deleted, gone.paper, gone.identifier) == (True, None, "oai:arXiv.org:2401.00000")
    for row, record in zip(rows(archive_mirror), kept, strict=True):
        assert record.paper is not None
        assert record.paper.id == row["id"]
        assert record.paper.abstract == " ".join(row["abstract"].split())
        assert record.paper.submitted is not None
        assert record.prefix == "arXivRaw"
    assert kept[0].paper.categories == ("astro-ph.HE", "astro-ph.GA")


def test_the_last_page_has_no_token(archive_mirror):
    assert read_oai(oai_page(rows(archive_mirror, 2))).token == ""
    empty = oai_page(rows(archive_mirror, 2), token="x").replace(b">x<", b"><")
    assert read_oai(empty).token == ""


def test_an_error_of_the_protocol_is_told():
    page = read_oai(oai_error())
    assert (page.error, page.message, page.records) == ("badArgument", "start date too early", ())


def answer(metadata: str) -> bytes:
    """A page of one record, with the metadata given."""
    return (
        f'<OAI-PMH xmlns="{OAI}"><responseDate>2026-09-25T08:30:55Z</responseDate><request/><ListRecords><record>'
        "<header><identifier>oai:arXiv.org:1401.00001</identifier><datestamp>2026-09-24</datestamp></header><metadata>"
        f"{metadata}</metadata></record></ListRecords></OAI-PMH>"
    ).encode()


def test_arxiv_s_own_format_is_read():
    [record] = read_oai(answer(
        '<arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>1401.00001</id><created>2014-01-02</created><authors><author>'
        "<keyname>Lovelace</keyname><forenames>Ada</forenames></author><author><keyname>The Team</keyname></author>"
        "</authors><title>On\n  engines</title><categories>astro-ph.EP cs.LG</categories><license>http://x</license>"
        "<abstract>  We show engines.</abstract></arXiv>")).records  # fmt: skip
    assert record.paper == Paper("1401.00001", "On engines", "Ada Lovelace, The Team", "We show engines.",
                                 ("astro-ph.EP", "cs.LG"), licence="http://x")  # fmt: skip


def test_dublin_core_is_read():
    terms = "".join(f"<dc:{name}>{text}</dc:{name}>" for name, text in (
        ("title", "On engines"), ("creator", "Lovelace, Ada"), ("creator", "Babbage, Charles"),
        ("description", "We show engines."), ("date", "2014-03-01"), ("date", "2014-01-02")))  # fmt: skip
    [record] = read_oai(answer(
        '<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/">{terms}</oai_dc:dc>')).records  # fmt: skip
    assert record.paper == Paper("1401.00001", "On engines", "Lovelace, Ada; Babbage, Charles", "We show engines.",
                                 submitted=date(2014, 1, 2))  # fmt: skip


@pytest.mark.parametrize("metadata", ["", "<x/>", '<arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>1</id></arXiv>'])
def test_a_record_that_lacks_a_part_is_an_error(metadata):
    with pytest.raises(FormatError, match=r"1401\.00001"):
        read_oai(answer(metadata))


MONTHS = {
    "2305.00019": (2023, 5), "0704.0001": (2007, 4), "astro-ph/9901001": (1999, 1), "hep-th/0301001": (2003, 1),
    "math.GT/0309136": (2003, 9), "2313.00001": None, "2305.19": None, "x": None, "2305.00019v2": None,
}  # fmt: skip


@pytest.mark.parametrize("name", MONTHS)
def test_identifiers_name_their_month(name):
    assert Paper(name, "", "", "").month == MONTHS[name]
