"""Packed bytes: tar, zip and gzip unpacked within limits, so that no small file becomes a large one.

Nothing is written to disk, and nothing but plain files and folders is taken: a link, a device, a path that leads out
of the archive, or a name that comes twice is an error, and so is whatever stands behind the end of the archive. An
archive within an archive is left as the bytes that it is.

Headers of tar members are read by the standard library, one at a time; what follows a header is measured here, since
the library's own walk through an archive stops at damage without a word.
"""

from __future__ import annotations

import io
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from astrobio.core.errors import FormatError

MOST_MEMBERS = 100_000
"""Members of a gzip file; one that was packed in blocks has one for each."""
GZIP, ZIP, ZIP_END = b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06"
_PIECE = 1 << 16
_BLOCK = tarfile.BLOCKSIZE
_EXTENDED = 1 << 16
_SLACK = 1 << 20
_LOCAL = struct.Struct("<4x2xHH4xIIIHH")
"""Flags, method, checksum, packed and unpacked size, lengths of name and extra field of a zip member's own header."""
_ENCRYPTED, _SUMS_FOLLOW, _UTF8, _IN_EXTRA = 0x1, 0x8, 0x800, 0xFFFFFFFF
"""Flags; and what stands in place of a size that the extra field has."""
_PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE)


@dataclass(frozen=True)
class Limits:
    """How much an archive may hold.

    Attributes
    ----------
    members : int
        Files and folders.
    member_bytes, total_bytes : int
        Of one file, and of all together, once unpacked.
    ratio : float
        Unpacked bytes for each packed one, beyond a first MiB. Deflate reaches 1,032 for bytes that are all the same;
        text and tables stay far below
        (measured: 10 for the tar of the Open Exoplanet Catalogue).
    depth : int
        Folders within folders.
    name_length : int
        Characters of a path.
    """

    members: int = 50_000
    member_bytes: int = 256 << 20
    total_bytes: int = 1 << 30
    ratio: float = 200.0
    depth: int = 16
    name_length: int = 1024


def unpack(content: bytes, limits: Limits | None = None) -> dict[str, bytes]:
    """The files of an archive, by their paths, in its order: of a tar, a tar packed by gzip, or a zip.

    Parameters
    ----------
    content : bytes
    limits : Limits, optional

    Raises
    ------
    FormatError
        If it is none of these, is cut short, is followed by something else, or goes beyond a limit.

    >>> import io, tarfile
    >>> stream = io.BytesIO()
    >>> with tarfile.open(fileobj=stream, mode="w:gz") as archive:
    ...     info = tarfile.TarInfo("systems/Sun.xml")
    ...     info.size = 9
    ...     archive.addfile(info, io.BytesIO(b"<system/>"))
    >>> unpack(stream.getvalue())
    {'systems/Sun.xml': b'<system/>'}
    """
    limits = limits or Limits()
    if content.startswith((ZIP, ZIP_END)):
        return unpack_zip(content, limits)
    if content.startswith(GZIP):
        return unpack_tar(gunzip(content, limits.total_bytes + 2 * _EXTENDED * limits.members, limits.ratio), limits)
    return unpack_tar(content, limits)


def gunzip(content: bytes, most_bytes: int, ratio: float | None = None) -> bytes:
    """What a gzip file holds, all of its members after one another (RFC 1952).

    Parameters
    ----------
    content : bytes
    most_bytes : int
        More than so many are not unpacked.
    ratio : float, optional
        Unpacked bytes for each packed one, beyond a first MiB; any number unless given.

    Raises
    ------
    FormatError
        If it is no gzip file, is cut short, has been changed, or holds more than ``most_bytes``.

    >>> import gzip
    >>> gunzip(gzip.compress(b"abc"), 3)
    b'abc'
    """
    parts: list[bytes] = []
    size = place = members = 0
    while place < len(content) or not members:
        unpacker = zlib.decompressobj(wbits=31)
        members += 1
        if members > MOST_MEMBERS:
            raise FormatError(f"it has more than {MOST_MEMBERS} members")
        while not unpacker.eof:
            piece = content[place : place + _PIECE]
            if not piece:
                raise FormatError("the packed file is cut short")
            try:
                part = unpacker.decompress(piece, most_bytes - size + 1)
            except zlib.error as error:
                raise FormatError(f"it cannot be unpacked: {error}") from error
            size += len(part)
            if size > most_bytes:
                raise FormatError(f"it holds more than {most_bytes} bytes once it is unpacked")
            parts.append(part)
            place += len(piece) - len(unpacker.unused_data) - len(unpacker.unconsumed_tail)
            if ratio is not None:
                _check_ratio(size, place, ratio)
    return b"".join(parts)


def unpack_tar(content: bytes, limits: Limits | None = None) -> dict[str, bytes]:
    """The files of a tar archive, by their paths (POSIX.1-2001, pax and GNU's long names included).

    Raises
    ------
    FormatError
        As :func:`unpack`.
    """
    limits = limits or Limits()
    files: dict[str, bytes] = {}
    names: set[str] = set()
    total = 0
    for header, name, begin in _tar_members(content):
        path = check_path(name, limits)
        _check_member(path, names, header.size, limits)
        if header.type == tarfile.DIRTYPE:
            if header.size:
                raise FormatError(f"{path} is a folder with {header.size} bytes")
            continue
        if header.type not in _PLAIN:
            raise FormatError(f"{path} is {_tar_kind(header)}; only plain files are taken")
        if path == ".":
            raise FormatError("a file of the tar archive has no name")
        total += header.size
        _check_total(total, limits)
        files[path] = content[begin : begin + header.size]
    return files


def _tar_members(content: bytes) -> Iterator[tuple[tarfile.TarInfo, str, int]]:
    """Header, name and place of the content of each member; an error unless the archive ends where it says."""
    place, longer, waiting = 0, "", False
    while True:
        block = content[place : place + _BLOCK]
        if len(block) < _BLOCK:
            raise FormatError("the tar archive is cut short: it has no end" if place else "it is no tar archive")
        if not block.strip(b"\0"):
            break
        header = _tar_header(block, place)
        begin = place + _BLOCK
        place = begin + -(-header.size // _BLOCK) * _BLOCK
        if place > len(content):
            raise FormatError(f"the tar archive is cut short: {header.name!r} has {header.size} bytes")
        if header.type in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME):
            if longer and header.type != tarfile.XGLTYPE:
                raise FormatError(f"a tar member has two names (byte {begin - _BLOCK})")
            longer = _longer_name(header, content[begin : begin + min(header.size, _EXTENDED + 1)]) or longer
            waiting |= header.type != tarfile.XGLTYPE
            continue
        yield header, longer or header.name, begin
        longer, waiting = "", False
    if waiting:
        raise FormatError("the tar archive ends after the name of a member")
    if len(content) - place < 2 * _BLOCK or content[place:].strip(b"\0"):
        raise FormatError("the tar archive is cut short, or something follows its end")


def _tar_header(block: bytes, place: int) -> tarfile.TarInfo:
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError) as error:
        if not place:
            raise FormatError(f"it is no tar archive: {error}") from error
        raise FormatError(f"a header of the tar archive cannot be read (byte {place}): {error}") from error
    if header.size < 0:
        raise FormatError(f"{header.name!r} has a negative size")
    return header


def _longer_name(header: tarfile.TarInfo, data: bytes) -> str:
    """The name that a header of its own gives to the member after it; empty where it gives none."""
    if header.size > _EXTENDED:
        raise FormatError(f"a header of a tar member has {header.size} bytes; at most {_EXTENDED} are read")
    try:
        if header.type == tarfile.GNUTYPE_LONGNAME:
            if data.find(b"\0") != len(data) - 1:
                raise FormatError("a longer name in the tar archive does not end where its header says")
            return _not_empty(data[:-1].decode("utf-8"))
        records = dict(_pax_records(data))
        path = _not_empty(records[b"path"].decode("utf-8")) if b"path" in records else ""
    except UnicodeDecodeError as error:
        raise FormatError(f"a name in the tar archive is not UTF-8: {error}") from error
    odd = [key.decode("ascii", "replace") for key in records if key == b"size" or key.startswith(b"GNU.sparse")]
    if odd or (path and header.type == tarfile.XGLTYPE):
        raise FormatError(f"a header of a tar member sets {', '.join(odd) or 'the path of all'}, which is not read")
    return path


def _not_empty(name: str) -> str:
    if not name:
        raise FormatError("a member of the tar archive has a longer name, which is empty")
    return name


def _pax_records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Records ``length key=value`` of a pax header."""
    place = 0
    while place < len(data):
        length, blank, _ = data[place : place + 8].partition(b" ")
        size = int(length) if blank and length.isdigit() else 0
        record = data[place : place + size]
        key, equals, value = record[len(length) + 1 : -1].partition(b"=")
        if not equals or not record.endswith(b"\n") or len(record) < size:
            raise FormatError("a pax header of the tar archive cannot be read")
        yield key, value
        place += size


def _tar_kind(header: tarfile.TarInfo) -> str:
    if header.issym() or header.islnk():
        return f"a link to {header.linkname!r}"
    if header.isdev():
        return "a device"
    return f"of type {header.type!r}"


def unpack_zip(content: bytes, limits: Limits | None = None) -> dict[str, bytes]:
    """The files of a zip archive, by their paths: stored or deflated ones, none encrypted.

    Raises
    ------
    FormatError
        As :func:`unpack`.
    """
    limits = limits or Limits()
    files: dict[str, bytes] = {}
    names: set[str] = set()
    total = 0
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            _check_zip_layout(content, archive, members, limits)
            for member in members:
                path = check_path(member.filename, limits)
                _check_member(path, names, member.file_size, limits)
                _check_zip_member(path, member)
                _check_zip_local(content, path, member)
                if member.is_dir():
                    continue
                if path == ".":
                    raise FormatError("a file of the zip archive has no name")
                total += member.file_size
                _check_total(total, limits)
                _check_ratio(total, len(content), limits.ratio)
                files[path] = _zip_content(content, path, member)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError, OverflowError) as error:
        raise FormatError(f"the zip archive cannot be read: {error}") from error
    return files


def _check_zip_layout(content: bytes, archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], limits: Limits) -> None:
    """The archive is the whole file, and its members lie after one another without sharing bytes.

    Members that overlap are how a zip of some MB holds many TB (D. Fifield, A better zip bomb, WOOT 2019).
    """
    if len(members) > limits.members:
        raise FormatError(f"the archive has {len(members)} members; at most {limits.members} are read")
    end = content.rfind(ZIP_END)
    if end + 22 + len(archive.comment) != len(content):
        raise FormatError("the zip archive is cut short, or something follows its end")
    place = 0
    for member in sorted(members, key=lambda one: one.header_offset):
        if member.header_offset < place or (not place and member.header_offset):
            raise FormatError(f"{member.filename!r} does not begin where the member before it ends")
        place = _zip_data(content, member) + member.compress_size
    if place > archive.start_dir:
        raise FormatError("a member of the zip archive reaches into its directory")


def _zip_local(content: bytes, member: zipfile.ZipInfo) -> tuple[int, ...]:
    """A member's own header, which stands before its bytes."""
    header = content[member.header_offset : member.header_offset + _LOCAL.size]
    if len(header) < _LOCAL.size or not header.startswith(ZIP):
        raise FormatError(f"{member.filename!r} has no header of its own")
    return _LOCAL.unpack(header)


def _zip_data(content: bytes, member: zipfile.ZipInfo) -> int:
    return member.header_offset + _LOCAL.size + sum(_zip_local(content, member)[-2:])


def _check_zip_local(content: bytes, path: str, member: zipfile.ZipInfo) -> None:
    """A member's own header says what the directory says: others unpack by the one, or by the other."""
    flags, method, checksum, packed, size, length, _ = _zip_local(content, member)
    name = member.orig_filename.encode("utf-8" if member.flag_bits & _UTF8 else "cp437")
    begin = member.header_offset + _LOCAL.size
    sums = (checksum, member.CRC), (packed, member.compress_size), (size, member.file_size)
    same = flags & _SUMS_FOLLOW or all(one in (other, _IN_EXTRA) for one, other in sums)
    same = same and content[begin : begin + length] == name and method == member.compress_type
    if not same or (flags ^ member.flag_bits) & _ENCRYPTED:
        raise FormatError(f"{path} is another in its own header than in the zip archive's directory")


def _check_zip_member(path: str, member: zipfile.ZipInfo) -> None:
    mode = member.external_attr >> 16
    kind = stat.S_IFMT(mode) if member.create_system == 3 else 0
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise FormatError(f"{path} is {'a link' if kind == stat.S_IFLNK else 'a device'}; only plain files are taken")
    if member.flag_bits & _ENCRYPTED:
        raise FormatError(f"{path} is encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FormatError(f"{path} is packed by method {member.compress_type}, which is not read")


def _zip_content(content: bytes, path: str, member: zipfile.ZipInfo) -> bytes:
    """A member's bytes. The library's own reader ends where the size says, whatever follows."""
    begin = _zip_data(content, member)
    data = content[begin : begin + member.compress_size]
    whole = True
    if member.compress_type == zipfile.ZIP_DEFLATED:
        unpacker = zlib.decompressobj(wbits=-15)
        data = unpacker.decompress(data, member.file_size + 1)
        whole = unpacker.eof and not unpacker.unused_data
    if not whole or len(data) != member.file_size:
        raise FormatError(f"{path} has not the {member.file_size} bytes that the zip archive says")
    if zlib.crc32(data) != member.CRC:
        raise FormatError(f"{path} has not the checksum that the zip archive says")
    return data


def check_path(name: str, limits: Limits | None = None) -> str:
    """The path of a member, below the archive's root.

    Raises
    ------
    FormatError
        If it is absolute, leads out of the archive, or is one that some system takes for another.

    >>> check_path("./systems/11 Com.xml")
    'systems/11 Com.xml'
    >>> check_path("systems/../../.profile")
    Traceback (most recent call last):
    ...
    astrobio.core.errors.FormatError: 'systems/../../.profile' leads out of the archive
    """
    limits = limits or Limits()
    shown = repr(name[:200])
    if not name or len(name) > limits.name_length:
        raise FormatError(f"a member has a name of {len(name)} characters")
    if not name.isprintable() or "\\" in name:
        raise FormatError(f"{shown} is no name of a file")
    if name.startswith("/") or (len(name) > 1 and name[1] == ":"):
        raise FormatError(f"{shown} is an absolute path")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise FormatError(f"{shown} leads out of the archive")
    if len(parts) > limits.depth:
        raise FormatError(f"{shown} lies {len(parts)} folders deep; at most {limits.depth} are read")
    return "/".join(parts) or "."


def _check_member(path: str, names: set[str], size: int, limits: Limits) -> None:
    if path in names:
        raise FormatError(f"{path} comes more than once in the archive")
    names.add(path)
    if len(names) > limits.members:
        raise FormatError(f"the archive has more than {limits.members} members")
    if size > limits.member_bytes:
        raise FormatError(f"{path} has {size} bytes; at most {limits.member_bytes} are read")


def _check_total(total: int, limits: Limits) -> None:
    if total > limits.total_bytes:
        raise FormatError(f"it holds more than {limits.total_bytes} bytes once it is unpacked")


def _check_ratio(unpacked: int, packed: int, ratio: float) -> None:
    if unpacked > _SLACK + ratio * packed:
        raise FormatError(f"it holds more than {ratio:g} times its own bytes once it is unpacked")
