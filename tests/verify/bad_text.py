"""Files of abstracts, and pages of OAI-PMH, that are none, each with the check that must refuse it.

They are made from genuine abstracts of a mirror, or from nothing, always the same way.
"""

from __future__ import annotations

import functools
import gzip
import json
import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

from astrobio.core.provenance import Provenance
from astrobio.formats.oai import OAI
from astrobio.formats.papers import MOST_BYTES

FILE = "arxiv/astro_ph_abstracts.jsonl.gz"
ABSTRACTS, PAGES = ("arxiv", "abstracts"), ("arxiv", "oai")
TAKEN = 60
Row = dict[str, Any]


class Bad(NamedTuple):
    """A file, what it is offered as, and the finding that must refuse it.

    Attributes
    ----------
    name : str
        What is wrong with it.
    source, product : str
    content : bytes
    gate, check : str
    file : str
        The name under which it is offered.
    """

    name: str
    source: str
    product: str
    content: bytes
    gate: str
    check: str
    file: str

    def provenance(self) -> Provenance:
        """As if a user had imported it."""
        return offered(self.product, self.file)


def offered(product: str, name: str) -> Provenance:
    """The provenance of a file that a user imports."""
    detail = {"product": product, "name": name}
    return Provenance("arxiv", "curated", "declared", "import", f"{product}/{name}#0", detail)


@functools.cache
def genuine_rows(mirror: Path, count: int = TAKEN) -> tuple[str, ...]:
    """The first of the genuine abstracts, each as its line."""
    with gzip.open(mirror / FILE, "rt", encoding="utf-8") as stream:
        return tuple(line.rstrip("\n") for line, _ in zip(stream, range(count), strict=False))


def rows(mirror: Path, count: int = TAKEN) -> list[Row]:
    """The first of the genuine abstracts, to be changed."""
    return [json.loads(line) for line in genuine_rows(mirror, count)]


def packed(found: list[Row]) -> bytes:
    """Rows as gzipped JSON lines."""
    return gzip.compress("\n".join(json.dumps(row, ensure_ascii=False) for row in found).encode(), mtime=0)


def oai_page(found: list[Row], token: str = "", sets: tuple[str, ...] = ("physics:astro-ph:EP",), deleted: int = 0,
             answered: str = "2026-09-25T08:30:55Z") -> bytes:  # fmt: skip
    """A page of ``ListRecords`` in the format ``arXivRaw``, as arXiv writes them, of the papers in rows."""
    records = [_record(row, sets) for row in found]
    records += [
        f'<record><header status="deleted"><identifier>oai:arXiv.org:2401.{number:05d}</identifier>'
        f"<datestamp>2026-09-24</datestamp></header></record>"
        for number in range(deleted)
    ]
    more = f'<resumptionToken cursor="0" completeListSize="9000">{token}</resumptionToken>' if token else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<OAI-PMH xmlns="{OAI}"><responseDate>{answered}</responseDate>'
        '<request verb="ListRecords" metadataPrefix="arXivRaw" set="physics:astro-ph">http://oaipmh.arxiv.org/oai'
        f"</request><ListRecords>{''.join(records)}{more}</ListRecords></OAI-PMH>"
    ).encode()


def _record(row: Row, sets: tuple[str, ...]) -> str:
    sent = date.fromisoformat(row["announced"]) - timedelta(days=1)
    categories = " ".join(part.rstrip(")") for part in row["subjects"].split("(")[1:] for part in [part.split(")")[0]])
    return (
        f"<record><header><identifier>oai:arXiv.org:{row['id']}</identifier><datestamp>2026-09-24</datestamp>"
        f"{''.join(f'<setSpec>{one}</setSpec>' for one in sets)}</header><metadata>"
        f'<arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/"><id>{row["id"]}</id><submitter>{escape(row["authors"][:20])}'
        f'</submitter><version version="v1"><date>{sent:%a, %d %b %Y} 07:17:28 GMT</date><size>10kb</size></version>'
        f"<title>{escape(row['title'])}</title><authors>{escape(row['authors'])}</authors>"
        f"<categories>{categories}</categories><license>http://creativecommons.org/licenses/by/4.0/</license>"
        f"<abstract>{escape(row['abstract'])}</abstract></arXivRaw></metadata></record>"
    )


def oai_error(code: str = "badArgument", message: str = "start date too early") -> bytes:
    """An answer that is an error of the protocol, under status 200."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<OAI-PMH xmlns="{OAI}">'
        "<responseDate>2026-09-25T08:31:00Z</responseDate><request>http://oaipmh.arxiv.org/oai</request>"
        f"<error code='{code}'>{message}</error></OAI-PMH>"
    ).encode()


@functools.cache
def bad_text(mirror: Path) -> list[Bad]:
    """All of them, from the genuine abstracts of a mirror."""
    return [*_of_abstracts(mirror), *_of_pages(mirror)]


@functools.cache
def truncated_text(mirror: Path, count: int = 100) -> list[Bad]:
    """The genuine abstracts, gzipped and not, and a page, cut at many offsets."""
    whole = (mirror / FILE).read_bytes()
    plain = gzip.decompress(packed(rows(mirror)))
    page = oai_page(rows(mirror))
    found = []
    for product, content, name in ((ABSTRACTS, whole, "abstracts.jsonl.gz"), (ABSTRACTS, plain, "abstracts.jsonl"),
                                   (PAGES, page, "page.xml")):  # fmt: skip
        ends = {0} | {place + 1 for place, byte in enumerate(content) if byte == 10} if content is plain else set()
        for step in range(count):
            offset = 1 + step * (len(content) - 3) // (count - 1)
            while offset in ends or offset - 1 in ends or offset + 1 in ends:
                offset += 2  # A file that is cut between two lines is a shorter file.
            cut = content[:offset]
            found.append(Bad(f"{name} cut at {offset}", *product, cut, "format", "parsed whole", name))
    return found


def _of_abstracts(mirror: Path) -> Iterator[Bad]:
    name = "abstracts.jsonl.gz"

    def raw(what: str, content: bytes, gate: str = "format", check: str = "parsed whole") -> Bad:
        return Bad(what, *ABSTRACTS, content, gate, check, name)

    def one(what: str, gate: str, check: str, change: Callable[[list[Row]], object]) -> Bad:
        found = rows(mirror)
        change(found)
        return Bad(what, *ABSTRACTS, packed(found), gate, check, name)

    def each(change: Callable[[Row], object], every: int = 1) -> Callable[[list[Row]], object]:
        return lambda found: [change(row) for row in found[::every]]

    text = "\n".join(genuine_rows(mirror))
    yield raw("empty", b"", "transfer", "not empty")
    yield raw("a login page", b"<!DOCTYPE html><html><title>Sign in</title></html>", "transfer", "no page")
    yield raw("a JSON error", b'{"error": {"code": 403, "message": "forbidden"}}', "transfer", "no error message")
    yield raw("a page within gzip", gzip.compress(b"<html><body>Sign in</body></html>", mtime=0))
    yield raw("a gzip bomb", gzip.compress(bytes(MOST_BYTES + 1), compresslevel=1, mtime=0))
    yield raw("gzip that was changed", _changed(packed(rows(mirror))))
    yield raw("another encoding", text.encode("utf-16"))
    yield raw("Latin-1", text.encode("latin-1", "replace"))
    yield raw("a list", b"[]\n")
    yield raw("lines of text", b"The mass of the star is small.\n" * 20)
    yield raw("not a number", text.replace('"id": "2305.00019"', '"id": NaN').encode())
    yield raw("a name that comes twice", text.replace('"id": "2305.00019"', '"id": "1", "id": "2305.00019"').encode())
    yield raw("nested beyond reason", b'{"id": ' + b"[" * 100_000)
    yield one("a field renamed", "schema", "fields", each(lambda row: row.update(summary=row.pop("abstract"))))
    yield one("a field dropped", "schema", "fields", each(lambda row: row.pop("announced")))
    yield one("a number for text", "schema", "fields", each(lambda row: row.update(authors=3)))
    yield one("an abstract of nothing", "schema", "fields", each(lambda row: row.update(abstract=" ")))
    yield one("dates of another form", "schema", "dates", each(lambda row: row.update(announced="May 2, 2023")))
    yield one("a day that is none", "schema", "dates", each(lambda row: row.update(announced="2023-02-30")))
    yield one("identifiers that come twice", "schema", "identifiers once", lambda found: found.append(found[3]))
    yield one(
        "identifiers of no archive", "schema", "identifiers", each(lambda row: row.update(id="paper" + row["id"]))
    )
    yield one("categories that are none", "schema", "categories",
              each(lambda row: row.update(subjects="Galaxies (astro-ph.)")))  # fmt: skip
    yield one("days to come", "physics", "dates possible", each(lambda row: row.update(announced="2123-05-02")))
    yield one(
        "days before the archive", "physics", "dates possible", each(lambda row: row.update(announced="1985-05-02"))
    )
    yield one("announced before they were named", "physics", "identifiers fit dates",
              each(lambda row: row.update(announced="2022-12-02")))  # fmt: skip
    yield one("random letters", "forensics", "English", each(lambda row: row.update(abstract=_letters(row))))
    yield one("words without those that join them", "forensics", "English",
              each(lambda row: row.update(abstract=_nouns(row))))  # fmt: skip
    yield one("words in any order", "forensics", "order of words", each(_shuffle))
    german = "Wir untersuchen {} und finden, dass die Masse des Sterns kleiner ist als jene des Planeten. "
    yield one("German", "forensics", "English", each(lambda row: row.update(abstract=german.format(row["id"]) * 4)))
    yield one("numbers", "forensics", "letters", each(lambda row: row.update(abstract="3.14 2.72 1.41 0.58 " * 40)))
    yield one("tags of pages", "forensics", "markup of pages",
              each(lambda row: row.update(abstract=f"<div class='abs'><p>{row['abstract']}</p></div>"), 7))  # fmt: skip
    misread = "Sánchez-Monge, Müller".encode().decode("cp1252")
    yield one("UTF-8 read as Windows-1252", "forensics", "encoding", each(lambda row: row.update(authors=misread), 5))
    yield one("replacement characters", "forensics", "encoding",
              each(lambda row: row.update(title=row["title"].replace("e", "\ufffd")), 5))  # fmt: skip
    yield one(
        "control characters", "forensics", "encoding", each(lambda row: row.update(title="\x07" + row["title"]), 5)
    )
    yield one("abstracts of a word", "forensics", "length", each(lambda row: row.update(abstract="None.")))
    yield one("abstracts that are books", "forensics", "length",
              each(lambda row: row.update(abstract=row["abstract"] * 20)))  # fmt: skip
    yield one("one abstract under many names", "forensics", "copies",
              lambda found: [row.update(abstract=found[0]["abstract"]) for row in found])  # fmt: skip
    yield one("one text with other numbers", "forensics", "texts of their own",
              each(lambda row: row.update(abstract=_template(row["id"]))))  # fmt: skip


def _changed(content: bytes) -> bytes:
    place = len(content) // 2
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


def _letters(row: Row) -> str:
    numbers = random.Random(row["id"])
    words = ["".join(numbers.choices("abcdefghijklmnopqrstuvwxyz", k=numbers.randint(2, 9))) for _ in range(150)]
    return " ".join(words)


def _nouns(row: Row) -> str:
    numbers = random.Random(row["id"])
    words = ["star", "planet", "mass", "orbit", "dust", "disc", "spectrum", "cloud", "radius", "metallicity", "galaxy"]
    return " ".join(numbers.choices(words, k=150))


def _shuffle(row: Row) -> None:
    words = row["abstract"].split()
    random.Random(row["id"]).shuffle(words)
    row["abstract"] = " ".join(words)


def _template(name: str) -> str:
    return (
        "We present a study of the planet and of its star. We find that the mass of the planet is "
        f"{name} and that the orbit of the planet is not what it was thought to be in the literature. The results that "
        "we have found are of use for the models of the formation of planets, and for all that can be said of them."
    )


def _of_pages(mirror: Path) -> Iterator[Bad]:
    found = rows(mirror, 30)
    page = oai_page(found)

    def one(what: str, content: bytes, gate: str = "format", check: str = "parsed whole") -> Bad:
        return Bad(what, *PAGES, content, gate, check, "page.xml")

    def changed(old: str, new: str, count: int = -1) -> bytes:
        text = page.decode()
        assert old in text
        return text.replace(old, new, count).encode()

    head = '<?xml version="1.0"?>'
    yield one("empty", b"", "transfer", "not empty")
    yield one("a login page", b"<html><body>Sign in</body></html>", "transfer", "no page")
    yield one("a JSON error", b'{"message": "too many requests"}', "transfer", "no error message")
    yield one("an error of the protocol", oai_error(), "transfer", "no error of the protocol")
    yield one("no records", oai_error("noRecordsMatch", "no records match"), "transfer", "no error of the protocol")
    yield one("entities within entities", _laughter(head))
    yield one("an entity of a file", changed(
        head.replace("?>", ' encoding="UTF-8"?>'), '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
        ).replace(b"<submitter>", b"<submitter>&x;", 1))  # fmt: skip
    yield one("another document", b'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><entry/></feed>')
    yield one("another version of the protocol", changed("OAI/2.0/", "OAI/1.1/OAI_ListRecords"))
    yield one("a record without an abstract", changed("abstract>", "summary>"))
    yield one("a record without a header", changed("header>", "head>"))
    yield one("a date that is none", changed("<datestamp>2026-09-24", "<datestamp>yesterday"))
    yield one("a version of no day", changed(" 07:17:28 GMT", " at noon", 1).replace(b"<date>", b"<date>the ", 1))
    yield one("records that are all deleted from a page without any", changed("<record>", "<other>").replace(
        b"</record>", b"</other>"), "schema", "records")  # fmt: skip
    yield one("the papers of another set", oai_page(found, sets=("cs:cs:AI",)), "schema", "set")
    yield one("identifiers of other papers", changed("oai:arXiv.org:2305", "oai:arXiv.org:2306"), "schema",
              "identifiers of records")  # fmt: skip
    yield one("records of after the answer", oai_page(found, answered="2026-09-01T00:00:00Z"), "physics", "datestamps")
    yield one("another format of metadata", _dublin_core(found), "schema", "metadata format")
    yield one("papers sent after they were named", changed(" 2023 07:17:28", " 2024 07:17:28"), "physics",
              "identifiers fit dates")  # fmt: skip
    yield one("papers of days to come", changed(" 2023 07:17:28", " 2123 07:17:28"), "physics", "dates possible")
    yield one("a paper twice", oai_page([*found, found[0]]), "schema", "identifiers once")
    yield one("random letters", oai_page([row | {"abstract": _letters(row)} for row in found]), "forensics", "English")


def _laughter(head: str) -> bytes:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    return f'{head}<!DOCTYPE r [<!ENTITY e0 "ha">{entities}]><OAI-PMH xmlns="{OAI}">&e9;</OAI-PMH>'.encode()


def _dublin_core(found: list[Row]) -> bytes:
    records = "".join(
        f"<record><header><identifier>oai:arXiv.org:{row['id']}</identifier><datestamp>2026-09-24</datestamp><setSpec>"
        'physics:astro-ph:EP</setSpec></header><metadata><oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/'
        f'oai_dc/" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{escape(row["title"])}</dc:title><dc:creator>'
        f"{escape(row['authors'])}</dc:creator><dc:description>{escape(row['abstract'])}</dc:description><dc:date>"
        f"{row['announced']}</dc:date></oai_dc:dc></metadata></record>"
        for row in found
    )
    return (
        f'<?xml version="1.0"?><OAI-PMH xmlns="{OAI}"><responseDate>2026-09-25T08:30:55Z</responseDate><request verb='
        f'"ListRecords" metadataPrefix="oai_dc">http://oaipmh.arxiv.org/oai</request><ListRecords>{records}'
        "</ListRecords></OAI-PMH>"
    ).encode()
