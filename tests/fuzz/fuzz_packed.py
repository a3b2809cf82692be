"""Fuzz the unpacking of tar, zip and gzip: mutants of small archives, for as long as is asked.

    python tests/fuzz/fuzz_packed.py --seconds 600 --mirror DIR [--only FORMAT] [--seed N] [--record FILE]

Mutants are made of bytes, and of fields of headers that are written again with the sums that belong to them. Each must
be unpacked within the limits, or be a FormatError. What is unpacked is unpacked again by other means, and must be the
same; no path may lead out of the archive. What fails is written to a file, with the seed that makes it again, and the
program ends with 1. Not collected by pytest: finds become tests of their own.
"""

from __future__ import annotations

import gzip
import io
import posixpath
import random
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from astrobio.core.errors import FormatError
from astrobio.formats.packed import Limits, gunzip, unpack
from tests.fuzz.fuzzing import Format, Mutant, main
from tests.fuzz.mutation import mutate
from tests.verify import bad_planet_tables as making

LIMITS = Limits(members=100, member_bytes=1 << 20, total_bytes=4 << 20, ratio=100, depth=8, name_length=300)
NAMES = (b"../x", b"/etc/passwd", b"a/../../b", b"", b".", b"a\\b", b"C:x", b"a//b", b"\xff\xfe", b"a\nb", b"x" * 100)
SIZES = (0, 1, 511, 512, 513, 1 << 20, 8**11 - 1, 2**31, 10 * 10**9)
KINDS = (b"0", b"\0", b"1", b"2", b"3", b"5", b"6", b"7", b"x", b"g", b"L", b"K", b"S", b"Z", b"\xff")
Edit = Callable[[bytearray, random.Random], str]


def archive_files(mirror: Path) -> dict[str, bytes]:
    """A few genuine files, one of them under a long name, one empty, one of zeros."""
    files = making.repository(mirror)
    few = {name: files[name][:3000] for name in list(files)[:5]}
    return few | {f"folder/{'n' * 140}/{'m' * 60}.xml": b"<system/>", "empty": b"", "zeros": bytes(20_000)}


def tars(mirror: Path) -> list[bytes]:
    """Archives in the three formats that tar has."""
    found = []
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
            folder = tarfile.TarInfo("folder")
            folder.type = tarfile.DIRTYPE
            archive.addfile(folder)
            for name, content in archive_files(mirror).items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        found.append(stream.getvalue())
    return found


def zips(mirror: Path) -> list[bytes]:
    """Archives whose members are stored, and deflated."""
    files = archive_files(mirror)
    return [making.zipped(files), making.zipped(files, method=zipfile.ZIP_STORED), making.zipped({"a/b.txt": b"text"})]


def gzips(mirror: Path) -> list[bytes]:
    """One member, and several."""
    parts = [gzip.compress(content, mtime=0) for content in archive_files(mirror).values()]
    named = io.BytesIO()
    with gzip.GzipFile("a name", "wb", fileobj=named, mtime=1) as stream:
        stream.write(b"text " * 1000)
    return [b"".join(parts), parts[0], named.getvalue(), gzip.compress(b"", mtime=0)]


# -- changes of headers ---------------------------------------------------------------------------------------------
def tar_header(content: bytearray, rng: random.Random) -> str:
    """Another field in a header of a tar, with the sum that belongs to it."""
    places = [place for place in range(0, len(content), 512) if content[place + 257 : place + 262] == b"ustar"]
    if not places:
        return "no tar header"
    place = rng.choice(places)
    header = content[place : place + 512]
    kind = rng.choice(("name", "size", "type", "link", "mode", "size in base 256"))
    if kind == "name":
        header[:100] = rng.choice(NAMES).ljust(100, b"\0")[:100]
    elif kind == "size":
        header[124:136] = b"%011o\0" % rng.choice(SIZES[:-1])
    elif kind == "size in base 256":
        header[124:136] = b"\x80" + rng.choice((0, 512, 2**62, 2**80)).to_bytes(11, "big")
    elif kind == "type":
        header[156:157] = rng.choice(KINDS)
    elif kind == "link":
        header[157:257] = rng.choice(NAMES).ljust(100, b"\0")[:100]
    else:
        header[100:108] = rng.choice((b"0000777\0", b"-000001\0", b"        ", b"zzzzzzz\0"))
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    content[place : place + 512] = header
    return f"tar {kind}"


def zip_header(content: bytearray, rng: random.Random) -> str:
    """Another field in a header of a zip: of a member, of the directory, or of its end."""
    mark, fields = rng.choice((
        (b"PK\x03\x04", {4: "H", 6: "H", 8: "H", 14: "I", 18: "I", 22: "I", 26: "H", 28: "H"}),
        (b"PK\x01\x02", {4: "H", 8: "H", 10: "H", 16: "I", 20: "I", 24: "I", 28: "H", 30: "H", 32: "H", 34: "H",
                         38: "I", 42: "I"}),
        (b"PK\x05\x06", {4: "H", 6: "H", 8: "H", 10: "H", 12: "I", 16: "I", 20: "H"}),
    ))  # fmt: skip
    places = []
    place = content.find(mark)
    while place >= 0:
        places.append(place)
        place = content.find(mark, place + 1)
    if not places:
        return "no zip header"
    offset = rng.choice(sorted(fields))
    size = struct.calcsize(fields[offset])
    begin = rng.choice(places) + offset
    was = int.from_bytes(content[begin : begin + size], "little")
    value = rng.choice((0, 1, was + 1, was - 1, 8, 12, 14, 0xFFFF, 0xFFFFFFFF, 1 << 11, len(content)))
    content[begin : begin + size] = (value % (1 << 8 * size)).to_bytes(size, "little")
    return "zip field"


def gzip_member(content: bytearray, rng: random.Random) -> str:
    """A member more: empty, large, packed at another level, cut, or something else."""
    kind = rng.choice(("empty", "zeros", "text", "cut", "no member", "zero padding", "flags"))
    if kind == "flags" and len(content) > 3:
        content[3] = rng.randrange(256)
        return "gzip flags"
    more = {
        "empty": lambda: gzip.compress(b"", mtime=0), "zeros": lambda: _ZEROS,
        "text": lambda: gzip.compress(b"a line\n" * 3000, rng.randrange(10), mtime=0),
        "cut": lambda: gzip.compress(b"text", mtime=0)[: rng.randrange(20)], "no member": lambda: b"trailer",
        "zero padding": lambda: bytes(512), "flags": lambda: b"",
    }[kind]()  # fmt: skip
    place = 0 if rng.random() < 0.2 else len(content)
    content[place:place] = more
    return f"gzip {kind}"


_ZEROS = gzip.compress(bytes(16 << 20), 9, mtime=0)


# -- judging --------------------------------------------------------------------------------------------------------
def load(name: str, files: Callable[[Path], list[bytes]], edit: Edit, mirror: Path) -> Format:
    """A way of packing, ready to be fuzzed."""
    genuine = files(mirror)

    def make(rng: random.Random) -> Mutant:
        content = bytearray(rng.choice(genuine))
        names = []
        if rng.random() < 0.6:
            names = [edit(content, rng) for _ in range(rng.choice((1, 1, 2, 4)))]
        if not names or rng.random() < 0.3:
            changed, more = mutate(bytes(content), genuine, rng)
            content, names = bytearray(changed), names + more
        packed = name == "tar" and rng.random() < 0.2
        return Mutant(f"archive.{name}", gzip.compress(content, 1) if packed else bytes(content), names)

    return Format(make, judge_gzip if name == "gzip" else judge)


def judge(mutant: Mutant) -> tuple[bool, str]:
    """Whether an archive is unpacked, and what is wrong with that."""
    try:
        files = unpack(mutant.content, LIMITS)
    except FormatError:
        return False, ""
    if sum(map(len, files.values())) > LIMITS.total_bytes or len(files) > LIMITS.members:
        return True, "more than the limits was unpacked"
    for path in files:
        inside = posixpath.normpath(path)
        if inside != path or path.startswith(("/", "..")) or "\\" in path or not path.isprintable():
            return True, f"{path!r} was unpacked"
    again = _zip_again(mutant.content) if mutant.content.startswith(b"PK") else _tar_again(mutant.content)
    differing = [path for path in files.keys() | again.keys() if files.get(path) != again.get(path)]
    return True, f"{differing[:5]} are unpacked in another way by others" if differing else ""


def _tar_again(content: bytes) -> dict[str, bytes]:
    """The files of a tar, by the standard library's own walk."""
    plain = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    found = {}
    with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
        for member in archive:
            if member.isfile():
                stream = archive.extractfile(member)
                assert stream is not None
                found[posixpath.normpath(member.name)] = stream.read()
    return found


def _zip_again(content: bytes) -> dict[str, bytes]:
    """The files of a zip, inflated here where their own headers say that they lie."""
    found = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in archive.infolist():
            place = member.header_offset
            method, name_size, extra = struct.unpack("<8xH16xHH", content[place : place + 30])
            name = content[place + 30 : place + 30 + name_size]
            assert name == member.orig_filename.encode("utf-8" if member.flag_bits & 0x800 else "cp437")
            begin = place + 30 + name_size + extra
            data = content[begin : begin + member.compress_size]
            plain = zlib.decompress(data, -15) if method else data
            assert zlib.crc32(plain) == member.CRC
            if not member.is_dir():
                found[posixpath.normpath(member.filename)] = plain
    return found


def judge_gzip(mutant: Mutant) -> tuple[bool, str]:
    """Whether a gzip file is unpacked, and what is wrong with that."""
    try:
        found = gunzip(mutant.content, LIMITS.total_bytes, LIMITS.ratio)
    except FormatError:
        return False, ""
    if len(found) > LIMITS.total_bytes:
        return True, "more than the limits was unpacked"
    return True, "" if found == gzip.decompress(mutant.content) else "it is unpacked in another way by others"


FORMATS = {
    "tar": partial(load, "tar", tars, tar_header),
    "zip": partial(load, "zip", zips, zip_header),
    "gzip": partial(load, "gzip", gzips, gzip_member),
}

if __name__ == "__main__":
    sys.exit(main(FORMATS, __doc__))
