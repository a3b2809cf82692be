"""Files that are no genuine catalogues of planets, each with the check that must refuse it.

They are made from genuine files of a mirror, or from nothing, always the same way.
"""

from __future__ import annotations

import csv
import functools
import gzip
import io
import random
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from astrobio.core.provenance import Provenance
from astrobio.formats.packed import unpack

PSCOMPPARS, PS = "nasa_exoplanet_archive/pscomppars", "nasa_exoplanet_archive/ps"
TOI, KOI = "nasa_exoplanet_archive/toi", "nasa_exoplanet_archive/cumulative"
EU, HWC, OEC = "exoplanet_eu/catalogue", "phl_hwc/lists", "open_exoplanet_catalogue/systems"
GENUINE = {
    PSCOMPPARS: "nasa_exoplanet_archive/PSCompPars_2026.04.25_17.36.36.csv",
    PS: "nasa_exoplanet_archive/PS_2026.03.20_03.49.15.csv",
    TOI: "nasa_exoplanet_archive/TOI_2026.07.23_10.15.02.csv",
    KOI: "nasa_exoplanet_archive/cumulative_2026.02.21.csv",
    EU: "exoplanet_eu/exoplanet.eu_catalog.csv",
    HWC: "phl_hwc/hwc_table_all.csv",
    OEC: "open_exoplanet_catalogue/open_exoplanet_catalogue.tar.gz",
}
"""A genuine file of each product, below the root of a mirror."""
MARKS = {EU: "# "}
"""What stands before a header that is no comment."""
ORIGINS = ("systems/TRAPPIST-1.xml", "systems/16 Cygni.xml", "systems/Kepler-186.xml", "systems_kepler/KOI-0001.xml")
"""Systems that every small catalogue has."""
HTML = b"<!DOCTYPE html>\n<html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>\n"
JSON_ERROR = b'{"error": "ERROR: Invalid table name", "status": 400}\n'
VOTABLE_ERROR = (
    b'<?xml version="1.0"?><VOTABLE version="1.4"><RESOURCE type="results"><INFO name="QUERY_STATUS" value="ERROR">'
    b"column not found</INFO></RESOURCE></VOTABLE>\n"
)


class BadFile(NamedTuple):
    """A file, and what must refuse it.

    Attributes
    ----------
    name : str
        What is wrong with it.
    product : str
        ``SOURCE/PRODUCT`` that it is offered as.
    content : bytes
    detail : dict
        What its provenance tells beside the product and the name.
    gate, check : str
        The finding that refuses it.
    also : tuple of str
        Further checks that it cannot but fail.
    """

    name: str
    product: str
    content: bytes
    detail: dict[str, Any]
    gate: str
    check: str
    also: tuple[str, ...] = ()

    def provenance(self) -> Provenance:
        """As if a user had imported it."""
        return offered(self.product, self.detail)


def offered(product: str, detail: dict[str, Any] | None = None) -> Provenance:
    """The provenance of a file that a user imports."""
    source, name = product.split("/")
    told = {"product": name, "name": "file"} | (detail or {})
    return Provenance(source, "curated", "declared", "import", f"{name}/file#0", told)


def bad_planet_tables(mirror: Path) -> list[BadFile]:
    """All of them, from the genuine files of a mirror."""
    return [
        *bad_bodies(mirror), *bad_transfers(mirror), *bad_columns(mirror), *bad_values(mirror), *bad_physics(mirror),
        *bad_lists(mirror), *bad_archives(mirror), *bad_xml(mirror), *bad_systems(mirror),
    ]  # fmt: skip


# -- tables of text ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Text:
    """A delimited file in parts: comment lines, the header, and rows."""

    mark: str
    comments: list[str]
    header: list[str]
    rows: list[list[str]] = field(repr=False)
    end: str = "\n"

    def content(self, encoding: str = "utf-8") -> bytes:
        """The file."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator=self.end)
        writer.writerow(self.header)
        writer.writerows(self.rows)
        return ("".join(self.comments) + self.mark + stream.getvalue()).encode(encoding)

    def changed(self, column: str, change: Callable[[list[str]], list[str]]) -> Text:
        """With another column in its place."""
        place = self.header.index(column)
        values = change([row[place] for row in self.rows])
        rows = [[*row[:place], value, *row[place + 1 :]] for row, value in zip(self.rows, values, strict=True)]
        return replace(self, rows=rows)

    def with_value(self, column: str, value: str, row: int = 7) -> Text:
        """With another value in one row."""
        return self.changed(column, lambda values: [*values[:row], value, *values[row + 1 :]])

    def scaled(self, column: str, factor: float) -> Text:
        """With a column in another unit."""
        return self.changed(column, lambda values: [repr(float(value) * factor) if value else "" for value in values])

    def shuffled(self, *columns: str) -> Text:
        """With the values of columns that go together in other rows."""
        order = list(range(len(self.rows)))
        random.Random(1).shuffle(order)
        found = self
        for column in columns:
            found = found.changed(column, lambda values: [values[place] for place in order])
        return found

    def swapped(self, one: str, other: str) -> Text:
        """With two columns in each other's place."""
        first, second = self.values(one), self.values(other)
        return self.changed(one, lambda _: second).changed(other, lambda _: first)

    def values(self, column: str) -> list[str]:
        """A column."""
        place = self.header.index(column)
        return [row[place] for row in self.rows]

    def without(self, column: str, comment: bool = True) -> Text:
        """Without a column, and without the comment line that describes it."""
        place = self.header.index(column)
        rows = [row[:place] + row[place + 1 :] for row in self.rows]
        kept = [line for line in self.comments if not comment or not re.match(rf"# COLUMN {column}:", line)]
        return replace(self, comments=kept, header=self.header[:place] + self.header[place + 1 :], rows=rows)

    def described(self, before: str, after: str) -> Text:
        """With another word in the comment lines; an error where the first is not there."""
        found = [line.replace(before, after) for line in self.comments]
        assert found != self.comments
        return replace(self, comments=found)


@functools.cache
def genuine(mirror: Path, product: str) -> bytes:
    """A genuine file of a product."""
    return (mirror / GENUINE[product]).read_bytes()


@functools.cache
def text(mirror: Path, product: str) -> Text:
    """A genuine table in parts."""
    whole = genuine(mirror, product).decode("utf-8")
    mark = MARKS.get(product, "")
    lines = whole.removeprefix(mark).splitlines(keepends=True)
    comments = [line for line in lines if line.startswith("#")]
    header, *rows = csv.reader(lines[len(comments) :])
    return Text(mark, comments, header, rows)


def small(mirror: Path, product: str, rows: int = 120) -> Text:
    """A genuine table cut to its first rows, for changes that any table shows."""
    whole = text(mirror, product)
    return replace(whole, rows=whole.rows[:rows])


def bad_bodies(mirror: Path) -> Iterator[BadFile]:
    """What a server sends instead of a table, and what it is when it is no text."""
    for product in (PSCOMPPARS, EU, HWC, OEC):
        yield BadFile(f"page of a browser check as {product}", product, HTML, {}, "transfer", "no page")
        yield BadFile(f"JSON error as {product}", product, JSON_ERROR, {}, "transfer", "no error message")
        yield BadFile(f"nothing as {product}", product, b"", {}, "transfer", "not empty")
    yield BadFile("VOTable that tells an error", TOI, VOTABLE_ERROR, {}, "transfer", "no error message")
    table = small(mirror, PS)
    content = table.content()
    parsed = ("format", "parsed whole")
    yield BadFile("UTF-16", PS, table.content("utf-16"), {}, *parsed)
    odd = table.with_value("disc_facility", "Observatoire de Genève").content("latin-1")
    yield BadFile("Latin-1", PS, odd, {}, *parsed)
    yield BadFile("blanks only", PS, b" \n \n", {}, *parsed)
    yield BadFile("comment without a table", PS, "".join(table.comments).encode(), {}, *parsed)
    yield BadFile("NUL in a field", PS, content.replace(b"Transit", b"Tran\0it", 1), {}, *parsed)
    yield BadFile("quotation without an end", PS, content + b'"' + content[-300:], {}, *parsed)
    yield BadFile("row with one field more", PS, content[:-1] + b",1\n", {}, *parsed)
    yield BadFile("gzip as a table", PS, gzip.compress(content, mtime=0), {}, *parsed)
    yield BadFile("table of another product", TOI, genuine(mirror, PS), {}, "schema", "columns",
                  ("units",))  # fmt: skip


def bad_transfers(mirror: Path) -> Iterator[BadFile]:
    """Files that did not come whole, or are not what was announced."""
    whole = text(mirror, PSCOMPPARS)
    cut = replace(whole, rows=whole.rows[:2000]).content()
    counted = {"rows_counted": len(whole.rows)}
    yield BadFile("2,000 rows of those that the service counts", PSCOMPPARS, cut, counted, "transfer", "row count")
    yield BadFile("2,000 rows of a table that has 5,000 at least", PSCOMPPARS, cut, {"at_least": 5000}, "transfer",
                  "as much as the archive has")  # fmt: skip
    yield BadFile("as many rows as were asked for", PSCOMPPARS, cut, {"most_rows": 2000}, "transfer",
                  "not cut at the row limit")  # fmt: skip
    content = genuine(mirror, PS)
    lines = content.splitlines(keepends=True)
    ended = b"".join(lines[:-7])
    yield BadFile("cut at the end of a line", PS, ended, {"length": len(content)}, "transfer", "length")
    yield BadFile("cut within a line", PS, content[:-40], {}, "format", "parsed whole")
    yield BadFile("10 GB announced", PS, content, {"length": 10_000_000_000}, "transfer", "length")
    yield BadFile("bytes of another digest", PS, content, {"sha256": "0" * 64}, "transfer", "digest")
    packed = genuine(mirror, OEC)
    yield BadFile("packed file cut short", OEC, packed[:-9], {}, "format", "parsed whole")
    yield BadFile("packed file with more at its end", OEC, packed + b"more", {}, "format", "parsed whole")


def bad_columns(mirror: Path) -> Iterator[BadFile]:
    """Columns, their names and their units."""
    ps, eu = small(mirror, PS), small(mirror, EU, 400)
    columns, units = ("schema", "columns"), ("schema", "units")
    header = [name if name != "pl_rade" else "pl_radius" for name in ps.header]
    yield BadFile("column renamed", PS, replace(ps, header=header).content(), {}, *columns)
    yield BadFile("column renamed without a comment", EU,
                  replace(eu, header=[name.replace("orbital_period", "period") for name in eu.header]).content(), {},
                  *columns)  # fmt: skip
    yield BadFile("column dropped", PS, ps.without("pl_orbper").content(), {}, *columns)
    yield BadFile("column dropped that the comment describes", PS, ps.without("pl_radelim", False).content(), {},
                  *columns)  # fmt: skip
    twice = replace(ps, header=[*ps.header, "pl_rade"], rows=[[*row, "1"] for row in ps.rows])
    yield BadFile("column twice", PS, twice.content(), {}, "format", "parsed whole")
    both = replace(eu, header=[*eu.header, "mass_measurement_type"], rows=[[*row, ""] for row in eu.rows])
    yield BadFile("column under its old and its new name", EU, both.content(), {}, "format", "parsed whole")
    nameless = replace(ps, header=["", *ps.header[1:]])
    yield BadFile("column without a name", PS, nameless.content(), {}, "format", "parsed whole")
    yield BadFile("unit changed in the comment", PS, ps.described("[days]", "[hours]").content(), {}, *units)
    yield BadFile("unit dropped from the comment", PS, ps.described(" [days]", "").content(), {}, *units)
    yield BadFile("header without rows", PS, replace(ps, rows=[]).content(), {}, "schema", "rows")
    yield BadFile("header without rows at exoplanet.eu", EU, replace(eu, rows=[]).content(), {}, "schema", "rows")
    yield BadFile("header in capitals", HWC, small(mirror, HWC).content().replace(b"Name", b"NAME", 1), {}, *columns)


def bad_values(mirror: Path) -> Iterator[BadFile]:
    """Values that no archive writes."""
    ps, koi, toi, eu = (small(mirror, name) for name in (PS, KOI, TOI, EU))
    types, ranges, keys = ("schema", "types"), ("schema", "ranges"), ("schema", "keys")
    yield BadFile("word for a number", PS, ps.with_value("pl_rade", "large").content(), {}, *types)
    yield BadFile("number beyond all", PS, ps.with_value("pl_bmasse", "1e999").content(), {}, *types)
    yield BadFile("digits of another script", PS, ps.with_value("pl_orbper", "１２.５").content(), {}, *types)
    yield BadFile("inf for a mass", EU, eu.with_value("mass", "inf").content(), {}, *types)
    yield BadFile("half a planet", PS, ps.with_value("sy_pnum", "1.5").content(), {}, *types)
    yield BadFile("month 13", PS, ps.with_value("rowupdate", "2024-13-01").content(), {}, *types)
    yield BadFile("negative mass", PS, ps.with_value("pl_bmasse", "-3.2").content(), {}, *ranges)
    yield BadFile("negative radius at exoplanet.eu", EU, eu.with_value("radius", "-1").content(), {}, *ranges)
    yield BadFile("right ascension of 400 degrees", PS, ps.with_value("ra", "400").content(), {}, *ranges)
    yield BadFile("declination of -95 degrees", EU, eu.with_value("dec", "-95").content(), {}, *ranges)
    yield BadFile("eccentricity of 1.7", PS, ps.with_value("pl_orbeccen", "1.7").content(), {}, *ranges)
    yield BadFile("limit flag of 3", PS, ps.with_value("pl_orbperlim", "3").content(), {}, *ranges)
    yield BadFile("origin of a mass made up", PS, ps.with_value("pl_bmassprov", "Guess").content(), {}, *ranges)
    yield BadFile("disposition made up", TOI, toi.with_value("tfopwg_disp", "OK").content(), {}, *ranges)
    yield BadFile("score of 1.2", KOI, koi.with_value("koi_score", "1.2").content(), {}, *ranges)
    yield BadFile("star of 10^7 K", PS, ps.with_value("st_teff", "1e7").content(), {}, *ranges)
    yield BadFile("planet without a name", EU, eu.with_value("name", "").content(), {}, "schema", "columns")
    yield BadFile("planet without a host", PS, ps.with_value("hostname", "").content(), {}, "schema", "columns")
    again = replace(eu, rows=[*eu.rows, eu.rows[3]])
    yield BadFile("planet twice", EU, again.content(), {}, *keys, ("no row twice",))
    name = toi.values("toi")[3]
    yield BadFile("object twice with other values", TOI, toi.with_value("toi", name).content(), {}, *keys)
    whole = text(mirror, PS)
    copies = replace(whole, rows=[whole.rows[0]] * 50)
    yield BadFile("one row 50 times", PS, copies.content(), {}, "forensics", "no row twice")


def bad_physics(mirror: Path) -> Iterator[BadFile]:
    """Values that are possible one by one, and not together."""
    whole, ps, toi, koi, eu = (text(mirror, name) for name in (PSCOMPPARS, PS, TOI, KOI, EU))
    kepler, flux, period = (
        "Kepler's third law, the table",
        "flux of the star, the table",
        "flux at the period, the table",
    )
    physics = "physics"
    yield BadFile("semi-major axes shuffled", PSCOMPPARS, whole.shuffled("pl_orbsmax").content(), {}, physics, kepler,
                  (flux, "equilibrium temperature, the table"))  # fmt: skip
    yield BadFile("periods shuffled", PS, ps.shuffled("pl_orbper").content(), {}, physics, kepler, (period,))
    yield BadFile("periods in years under days", PS, ps.scaled("pl_orbper", 1 / 365.25).content(), {}, physics, kepler,
                  (period,))  # fmt: skip
    yield BadFile("radii shuffled", PS, ps.shuffled("pl_rade").content(), {}, physics, "pl_rade as in pl_radj",
                  ("density, the table",))  # fmt: skip
    yield BadFile("masses in Jupiter's under the Earth's", PS, ps.changed("pl_bmasse", lambda _: ps.values("pl_bmassj"))
                  .content(), {}, physics, "pl_bmasse as in pl_bmassj", ("density, the table",))  # fmt: skip
    yield BadFile("temperatures divided by nine", KOI, koi.scaled("koi_teq", 1 / 9).content(), {}, physics,
                  "insolation, the table")  # fmt: skip
    yield BadFile("insolations shuffled", KOI, koi.shuffled("koi_insol").content(), {}, physics, period,
                  ("insolation, the table",))  # fmt: skip
    yield BadFile("depths in percent under parts per million", TOI, toi.scaled("pl_trandep", 1e-4).content(), {},
                  physics, "transit depth, the table")  # fmt: skip
    yield BadFile("gravities turned over", PS, ps.changed("st_logg", lambda values: [
                  repr(8 - float(v)) if v else "" for v in values]).content(), {}, physics,
                  "surface gravity, the table", (period,))  # fmt: skip
    yield BadFile("radii in the Earth's under Jupiter's", EU, eu.scaled("radius", 11.209).content(), {}, physics,
                  "density, the table")  # fmt: skip
    yield BadFile("stars' masses shuffled with their axes", EU, eu.shuffled("star_mass", "semi_major_axis").content(),
                  {}, physics, kepler, ("equilibrium temperature, the table",))  # fmt: skip
    yield BadFile("planet discovered in 2099", PS, ps.with_value("disc_year", "2099").content(), {}, physics,
                  "years of discovery")  # fmt: skip
    yield BadFile("planet discovered in 1895", EU, eu.with_value("discovered", "1895").content(), {}, physics,
                  "years of discovery")  # fmt: skip
    yield BadFile("row of 2099", PS, ps.with_value("rowupdate", "2099-01-01").content(), {}, physics,
                  "dates in rowupdate")  # fmt: skip
    later = ps.described("Mar 20 03:49:15 2026", "Mar 20 03:49:15 2019")
    yield BadFile("table written before its rows", PS, later.content(), {}, physics, "years of discovery",
                  ("dates in rowupdate", "dates in releasedate"))  # fmt: skip
    swapped = ps.swapped("pl_orbpererr1", "pl_orbpererr2")
    yield BadFile("upper and lower uncertainties exchanged", PS, swapped.content(), {}, physics,
                  "uncertainties in their columns")  # fmt: skip
    yield BadFile("declinations shuffled", PS, ps.shuffled("dec").content(), {}, physics, "dec as in decstr")
    hours = ps.scaled("ra", 1 / 15)
    yield BadFile("right ascensions in hours under degrees", PS, hours.content(), {}, physics, "ra as in rastr")


def bad_lists(mirror: Path) -> Iterator[BadFile]:
    """The lists of the Habitable Worlds Catalog."""
    hwc = text(mirror, HWC)
    esi = hwc.changed("ESI", lambda values: [f"{random.Random(place).random():.4f}" for place in range(len(values))])
    yield BadFile("similarities made up", HWC, esi.content(), {}, "physics", "similarity to the Earth, the table")
    yield BadFile("type made up", HWC, hwc.with_value("Type", "M Warm Jovian").content(), {}, "schema", "ranges")
    yield BadFile("similarity of 1.4", HWC, hwc.with_value("ESI", "1.4").content(), {}, "schema", "ranges")
    plain = replace(hwc, header=[re.sub(r"<[^>]*>", "", name) for name in hwc.header])
    yield BadFile("header without markup", HWC, plain.content(), {}, "schema", "columns")
    yield BadFile("mass in other units", HWC, hwc.content().replace(b"M<sub>E", b"M<sub>J", 1), {}, "schema", "columns")


# -- packed repositories ----------------------------------------------------------------------------------------


@functools.cache
def repository(mirror: Path) -> dict[str, bytes]:
    """A small catalogue: its README, and systems of the genuine one."""
    files = unpack(genuine(mirror, OEC))
    root = "open_exoplanet_catalogue/"
    chosen = [path for path in files if path.endswith(".xml") and "/systems/K2-" in path][:40]
    names = [f"{root}README.md", *(root + name for name in ORIGINS), *chosen]
    return {name: files[name] for name in names}


def packed(files: dict[str, bytes], *more: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """A packed tar of files, and of further members as they are given."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member, data in (*((tarfile.TarInfo(name), data) for name, data in files.items()), *more):
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return gzip.compress(stream.getvalue(), compresslevel=1, mtime=0)


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    """The header of a tar member."""
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, link
    return found


def zipped(files: dict[str, bytes], attributes: int = 0o100644, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of files, the last of which has the given Unix mode."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, (2023, 10, 15, 0, 0, 0))
            info.create_system, info.compress_type = 3, method
            info.external_attr = (attributes if name == list(files)[-1] else 0o100644) << 16
            archive.writestr(info, data)
    return stream.getvalue()


def unfinished(name: str, size: int) -> bytes:
    """A tar whose member has as many bytes as its header says, and nothing of them."""
    header = tarfile.TarInfo(name)
    header.size = size
    return header.tobuf(tarfile.GNU_FORMAT)


def bad_archives(mirror: Path) -> Iterator[BadFile]:
    """Packed repositories that an unpacker must not follow."""
    files = repository(mirror)
    system, xml = "open_exoplanet_catalogue/systems/X.xml", b"<system><name>X</name></system>"
    first = next(name for name in files if name.endswith(".xml"))
    made = {
        "path that leads out": packed(files, (member("open_exoplanet_catalogue/../../etc/cron.d/x"), b"x")),
        "absolute path": packed(files, (member("/etc/passwd"), b"x")),
        "path of another system": packed(files, (member("C:\\Windows\\x.xml"), b"x")),
        "symbolic link": packed(files, (member(system, tarfile.SYMTYPE, "/etc/passwd"), b"")),
        "hard link": packed(files, (member(system, tarfile.LNKTYPE, first), b"")),
        "device": packed(files, (member(system, tarfile.CHRTYPE), b"")),
        "pipe": packed(files, (member(system, tarfile.FIFOTYPE), b"")),
        "name twice": packed(files, (member(first), xml)),
        "name twice, spelled otherwise": packed(files, (member("./" + first), xml)),
        "folders without end": packed(files, (member("a/" * 30 + "x.xml"), xml)),
        "bomb of zeros": gzip.compress(bytes(64 << 20), compresslevel=1, mtime=0),
        "bomb of members": b"".join(unfinished(f"systems/{place}.xml", 0) for place in range(40_001)) + bytes(1024),
        "packed twice": gzip.compress(packed(files), mtime=0),
        "10 GB in a header": unfinished(system, 10 << 30),
        "tar without an end": gzip.decompress(packed(files)).rstrip(b"\0"),
        "tar with more behind its end": gzip.decompress(packed(files)) + b"more",
        "repository without systems": packed({"open_exoplanet_catalogue/README.md": b"# Nothing\n"}),
        "zip with a path that leads out": zipped(files | {"open_exoplanet_catalogue/../../x": b"x"}),
        "zip with a link": zipped(files | {system: b"/etc/passwd"}, 0o120777),
        "zip bomb": zipped({system: bytes(17 << 20)}),
        "zip with a name twice": zipped(files | {system: xml, "./" + system: xml}),
        "zip cut short": zipped(files)[:-30],
        "zip with more at its end": zipped(files) + b"more",
        "zip with something before it": b"PK\x03\x04" + zipped(files),
        "zip packed by another method": zipped(files, method=zipfile.ZIP_LZMA),
    }
    for name, content in made.items():
        yield BadFile(name, OEC, content, {}, "format", "parsed whole")


def bad_xml(mirror: Path) -> Iterator[BadFile]:
    """Systems that an XML parser must not follow, in a repository that is sound but for them."""
    files = repository(mirror)
    name = f"open_exoplanet_catalogue/{ORIGINS[0]}"
    laughs = b"".join(
        f'<!ENTITY a{place} "{f"&a{place - 1};" * 10 if place else "ha"}">'.encode() for place in range(12)
    )
    whole = files[name]
    made = {
        "a billion laughs": b"<!DOCTYPE system [" + laughs + b"]><system><name>&a11;</name></system>",
        "an entity of another file": b'<!DOCTYPE system [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
                                     b"<system><name>&x;</name></system>",
        "a document type of another host": b'<!DOCTYPE system SYSTEM "http://127.0.0.1:9/x.dtd"><system/>',
        "a parameter entity": b'<!DOCTYPE system [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]><system/>',
        "an entity that is not declared": b"<system><name>&x;</name></system>",
        "elements nested 10,000 deep": b"<system>" * 10_000 + b"</system>" * 10_000,
        "elements nested 40 deep": b"<system>" + b"<binary>" * 40 + b"</binary>" * 40 + b"</system>",
        "one system cut short": whole[: len(whole) // 2],
        "one system empty": b"",
        "one system in UTF-16": whole.decode().encode("utf-16"),
        "one system with two roots": whole + whole,
        "another root": b"<html><body/></html>",
        "a system of 2 MB": b"<system><name>" + b"x" * (2 << 20) + b"</name></system>",
    }  # fmt: skip
    for what, content in made.items():
        yield BadFile(what, OEC, packed(files | {name: content}), {}, "format", "parsed whole")


def bad_systems(mirror: Path) -> Iterator[BadFile]:
    """Systems whose values no catalogue has."""
    files = repository(mirror)
    root, trappist = "open_exoplanet_catalogue/", f"open_exoplanet_catalogue/{ORIGINS[0]}"

    def one(before: bytes, after: bytes, name: str = trappist) -> bytes:
        found = re.sub(before, after, files[name], count=1)
        assert found != files[name]
        return packed(files | {name: found})

    def every(change: Callable[[re.Match[bytes]], bytes], pattern: bytes) -> bytes:
        return packed({name: re.sub(pattern, change, data) if name.endswith(".xml") else data
                       for name, data in files.items()})  # fmt: skip

    types, ranges, columns = ("schema", "types"), ("schema", "ranges"), ("schema", "columns")
    yield BadFile("word for a period", OEC, one(rb"(<period[^>]*>)[\d.]+", rb"\1short"), {}, *types)
    yield BadFile("word for an uncertainty", OEC, one(rb'(<period errorminus=)"[^"]*"', rb'\1"small"'), {}, *types)
    yield BadFile("negative mass of a planet", OEC, one(rb"(<mass[^>]*>)0.0032", rb"\1-0.0032"), {}, *ranges)
    yield BadFile("method made up", OEC, one(rb"<discoverymethod>transit", rb"<discoverymethod>dream"), {}, *ranges)
    yield BadFile("planet without a name in a system", OEC,
                  one(rb"<planet>\s*(<name>[^<]*</name>\s*)+", rb"<planet>"), {}, *columns)  # fmt: skip
    yield BadFile("planet twice in a system", OEC, one(rb"<name>TRAPPIST-1 c</name>", rb"<name>TRAPPIST-1 b</name>"),
                  {}, "schema", "keys")  # fmt: skip
    readme = files[f"{root}README.md"]
    earths = readme.replace(b"Jupiter masses (`planet`)", b"Earth masses (`planet`)")
    yield BadFile("README with other units", OEC, packed(files | {f"{root}README.md": earths}), {}, "schema", "units")
    untold = readme.replace(b"| day  |", b"|  |")
    assert untold != readme
    yield BadFile("README without a unit", OEC, packed(files | {f"{root}README.md": untold}), {}, "schema", "units")
    lacking = {name: data for name, data in files.items() if not name.endswith("README.md")}
    yield BadFile("no README", OEC, packed(lacking), {}, "schema", "units")
    yield BadFile("discovered in 2099", OEC, one(rb"<discoveryyear>2016", rb"<discoveryyear>2099"), {},
                  "physics", "years of discovery")  # fmt: skip
    yield BadFile("right ascension of 25 hours", OEC, one(rb"<rightascension>23", rb"<rightascension>25"), {},
                  "physics", "places of systems")  # fmt: skip
    yield BadFile("declination of 95 degrees", OEC, one(rb"<declination>-05", rb"<declination>-95"), {}, "physics",
                  "places of systems")  # fmt: skip
    yield BadFile("periods in hours", OEC,
                  every(lambda found: b"<period>%r" % (24 * float(found[1])), rb"<period[^>]*>([\d.]+)"), {}, "physics",
                  "Kepler's third law, the table")  # fmt: skip
    copies = {f"{root}systems/copy {place}.xml": files[trappist].replace(b"TRAPPIST-1", b"COPY-%d" % place)
              for place in range(30)}  # fmt: skip
    wrong = {name: re.sub(rb"(<semimajoraxis[^>]*>)0", rb"\g<1>9", data) for name, data in copies.items()}
    yield BadFile("axes of another star", OEC, packed(files | wrong), {}, "physics", "Kepler's third law, the table")
