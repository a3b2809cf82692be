"""Archives are unpacked whole, or not at all."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.errors import FormatError
from astrobio.formats.packed import Limits, check_path, gunzip, unpack, unpack_tar, unpack_zip

FILES = {"data/a.txt": b"abc", "data/deeper/b.bin": bytes(range(256)) * 9, "empty": b""}
names = st.text("abcdefgh é-_. ", min_size=1, max_size=30).filter(lambda name: name.strip(". ") != "")


def tar(files: dict[str, bytes], form: int = tarfile.PAX_FORMAT, headers: dict[str, str] | None = None) -> bytes:
    """A tar archive."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form, pax_headers=headers or {}) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def zipped(files: dict[str, bytes], comment: bytes = b"") -> bytes:
    """A zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
        archive.comment = comment
    return stream.getvalue()


def test_all_kinds_of_archives_give_their_files():
    for content in (tar(FILES), gzip.compress(tar(FILES)), zipped(FILES), zipped(FILES, b"made for a test")):
        assert unpack(content) == FILES
    assert unpack(tar({})) == {}
    assert unpack_zip(zipped({})) == {}


@given(st.dictionaries(names, st.binary(max_size=700), max_size=8),
       st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]))  # fmt: skip
def test_what_was_packed_is_unpacked(files, form):
    kept = {check_path(name): data for name, data in files.items()}
    if len(kept) == len(files):
        assert unpack_tar(tar(files, form)) == kept
        assert unpack_zip(zipped(files)) == kept


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_and_the_header_of_a_commit_are_read(form):
    files = {"repository-main/" + "long/" * 9 + "x" * 150 + ".xml": b"<system/>", "repository-main/ß.xml": b"<system/>"}
    headers = {"comment": "a858d464b26038601b088837d663b5f8f2fb9a11"} if form == tarfile.PAX_FORMAT else {}
    assert unpack_tar(tar(files, form, headers)) == files


@given(st.data())
def test_an_archive_cut_anywhere_is_an_error(data):
    for content in (tar(FILES), gzip.compress(tar(FILES), mtime=0), zipped(FILES)):
        whole = content.rstrip(b"\0") if content.startswith(b"data") else content
        with pytest.raises(FormatError):
            unpack(content[: data.draw(st.integers(0, len(whole) - 1))])
        with pytest.raises(FormatError):
            unpack(content + b"more")


@given(st.integers(0, 511), st.integers(0, 255))
def test_a_changed_header_is_an_error_or_the_same(place, value):
    content = bytearray(tar(FILES))
    content[place] = value
    try:
        found = unpack(bytes(content))
    except FormatError:
        return
    assert bytes(content) == tar(FILES) or found.keys() != FILES.keys() or found == FILES


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(members=2), "more than 2 members"),
        (Limits(member_bytes=2303), "at most 2303 are read"),
        (Limits(total_bytes=2306), "more than 2306 bytes"),
        (Limits(depth=2), "3 folders deep"),
        (Limits(name_length=5), "a name of 10 characters"),
    ],
)
def test_each_limit_is_kept(limits, message):
    for content in (tar(FILES), zipped(FILES)):
        with pytest.raises(FormatError, match=message.replace("more than 2 members", "members")):
            unpack(content, limits)


def test_bytes_beyond_the_ratio_are_not_unpacked():
    zeros = {"zeros": bytes(9 << 20)}
    for content in (gzip.compress(tar(zeros)), zipped(zeros)):
        assert unpack(content, Limits(ratio=1200.0)) == zeros
        with pytest.raises(FormatError, match="more than 100 times its own bytes"):
            unpack(content, Limits(ratio=100.0))
    assert gunzip(gzip.compress(bytes(1 << 20)), 1 << 20, ratio=1.0) == bytes(1 << 20)


def test_members_of_a_zip_share_no_bytes():
    """A directory that names one member twice, as zip bombs do (D. Fifield, WOOT 2019)."""
    content = zipped({"a": bytes(5000)})
    directory = content.rfind(b"PK\x01\x02")
    end = content.rfind(b"PK\x05\x06")
    entry = content[directory:end]
    twice = content[:directory] + entry + entry.replace(b"a", b"b") + content[end:]
    end = twice.rfind(b"PK\x05\x06")
    fixed = bytearray(twice)
    fixed[end + 8 : end + 12] = b"\2\0\2\0"
    fixed[end + 12 : end + 16] = (2 * len(entry)).to_bytes(4, "little")
    with pytest.raises(FormatError, match="does not begin where"):
        unpack_zip(bytes(fixed))


def _field(content: bytes, mark: bytes, offset: int, value: bytes) -> bytes:
    """The same zip with another value in the last header of a kind."""
    place = content.rfind(mark) + offset
    return content[:place] + value + content[place + len(value) :]


@pytest.mark.parametrize(
    ("offset", "value"), [(6, b"\1\0"), (8, b"\0\0"), (14, b"abcd"), (18, b"\1\0\0\0"), (22, b"\1\0\0\0"), (30, b"x")]
)
def test_a_member_that_is_another_in_its_own_header_is_an_error(offset, value):
    """What fuzzing found: tools that go by the one header and those that go by the other unpacked different files."""
    with pytest.raises(FormatError, match="another in its own header"):
        unpack_zip(_field(zipped({"name": b"text " * 9}), b"PK\3\4", offset, value))


def test_a_member_that_goes_on_behind_its_size_is_an_error():
    """The library ends where the size says: 20,000 zeros, and more zeros that nobody sees."""
    content, longer = zipped({"a": bytes(20_000)}), zipped({"a": bytes(20_200)})
    assert len(content) == len(longer)
    data, end = content.index(b"a") + 1, content.index(b"PK\1\2")
    with pytest.raises(FormatError, match="has not the 20000 bytes"):
        unpack_zip(content[:data] + longer[data:end] + content[end:])


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        (tarfile.GNUTYPE_LONGNAME, b"", "is empty"),
        (tarfile.GNUTYPE_LONGNAME, b"\0", "is empty"),
        (tarfile.GNUTYPE_LONGNAME, b"name", "does not end where"),
        (tarfile.GNUTYPE_LONGNAME, b"name\0more\0", "does not end where"),
        (tarfile.XHDTYPE, b"8 path=\n", "is empty"),
    ],
)
def test_a_longer_name_that_is_none_is_an_error(kind, data, said):
    """What fuzzing found: an empty one was passed over, and the member had the name of its own header, or was lost."""
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = kind, len(data)
    before = header.tobuf(tarfile.GNU_FORMAT) + data.ljust(-(-len(data) // 512) * 512, b"\0")
    with pytest.raises(FormatError, match=said):
        unpack_tar(before + tar({"a": b"abc"}))


def test_an_archive_that_ends_after_the_header_of_a_member_is_an_error():
    header = tarfile.TarInfo("././@PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 0
    with pytest.raises(FormatError, match="ends after the name"):
        unpack_tar(header.tobuf(tarfile.USTAR_FORMAT) + bytes(1024))


def test_a_file_without_a_name_is_an_error():
    for content in (tar({".": b"abc"}), zipped({"./.": b"abc"})):
        with pytest.raises(FormatError, match="has no name"):
            unpack(content)


def test_an_encrypted_member_is_an_error():
    content = bytearray(zipped({"a": b"secret"}))
    directory = content.rfind(b"PK\x01\x02")
    content[directory + 8] |= 1
    with pytest.raises(FormatError, match="a is encrypted"):
        unpack_zip(bytes(content))


@pytest.mark.parametrize("value", [b"\xff" * 8 + b"\xff\xff\xff\x00", b"\x80" + b"\0" * 3 + b"\xff" * 8])
def test_sizes_in_binary_are_no_way_around(value):
    content = bytearray(tar({"a": b"abc"}, tarfile.GNU_FORMAT))
    content[124:136] = value
    content[148:156] = b"        "
    content[148:156] = f"{sum(content[:512]):06o}\0 ".encode()
    with pytest.raises(FormatError, match="negative size|cut short|cannot be read|no tar"):
        unpack_tar(bytes(content))


def extended(kind: bytes, data: bytes, then: bytes = b"") -> bytes:
    """A tar that begins with a header of its own kind."""
    info = tarfile.TarInfo("header")
    info.type, info.size = kind, len(data)
    return info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512) + (then or tar({"a": b"abc"}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (extended(tarfile.XHDTYPE, b"15 GNU.sparse=1\n"), "is not read|cannot be read"),
        (extended(tarfile.XHDTYPE, b"12 size=999\n"), "sets size"),
        (extended(tarfile.XGLTYPE, b"12 path=all\n"), "the path of all"),
        (extended(tarfile.XHDTYPE, b"99 path=a\n"), "cannot be read"),
        (extended(tarfile.XHDTYPE, b"1" * 60_000), "cannot be read"),
        (extended(tarfile.XHDTYPE, bytes(70_000)), "70000 bytes"),
        (extended(tarfile.XHDTYPE, b"11 path=\xff\n\n"), "not UTF-8|cannot be read"),
        (extended(tarfile.GNUTYPE_LONGNAME, b"\xff\0"), "not UTF-8"),
        (extended(tarfile.XHDTYPE, b"10 path=b\n", extended(tarfile.GNUTYPE_LONGNAME, b"c\0")), "two names"),
        (extended(tarfile.XHDTYPE, b"10 path=b\n", bytes(1024)), "ends after the name"),
        (extended(tarfile.XHDTYPE, b"15 path=../../b\n"), "cannot be read|leads out"),
        (extended(tarfile.GNUTYPE_LONGNAME, b"../../b\0"), "leads out"),
        (extended(tarfile.GNUTYPE_SPARSE, b""), "of type b'S'"),
        (extended(tarfile.DIRTYPE, b"abc"), "a folder with 3 bytes"),
    ],
)
def test_headers_before_a_member_are_no_way_around(content, message):
    with pytest.raises(FormatError, match=message):
        unpack_tar(content)


def test_fifty_thousand_headers_in_a_row_are_read_one_by_one():
    with pytest.raises(FormatError, match="two names"):
        unpack_tar(extended(tarfile.GNUTYPE_LONGNAME, b"a\0")[:1024] * 50_000)


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "C:/x", "C:x", "a/../../b", "..", "a\\b", "a\0b", "a\nb", "x" * 1025, "a/" * 17 + "b"]
)
def test_paths_that_lead_elsewhere_are_errors(name):
    with pytest.raises(FormatError):
        check_path(name)


@given(st.text(max_size=60))
def test_a_path_stays_below_the_root(name):
    try:
        path = check_path(name)
    except FormatError:
        return
    root = Path("/archive")
    assert (root / path).resolve().is_relative_to(root)


def test_the_catalogue_is_unpacked_whole(archive_mirror):
    content = (archive_mirror / "open_exoplanet_catalogue/open_exoplanet_catalogue.tar.gz").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        expected = {member.name: member.size for member in archive if member.isfile()}
    assert {name: len(data) for name, data in unpack(content).items()} == expected
    assert len(expected) == 7044
