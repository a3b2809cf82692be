"""A mirror in a folder or on a server: its files come with their provenance, and nothing that its index makes up."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.archives.asking import StaticFile, StaticFiles
from astrobio.core.errors import DataMissing, RefusedInput
from astrobio.core.hashing import sha256_bytes
from astrobio.fetch.mirror import Mirror, indexed
from astrobio.store import RealDataStorage
from tests.fetch.made import fetch_one, held, left_over, made_source, names, product, register, said
from tests.loopback.behaviours import Challenge, Flipped, Forever, Status

CONTENTS = {f"made/{number}.txt": f"ENTRY {number}\n".encode() for number in range(5)}


def index_of(contents: dict[str, bytes], **changes: tuple[str, str]) -> bytes:
    """An index; ``changes`` gives a file's size and digest in place of the right ones."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(["path", "bytes", "sha256", "note"])
    for path, content in contents.items():
        writer.writerow([path, *changes.get(path, (len(content), sha256_bytes(content))), ""])
    return stream.getvalue().encode()


def fill(folder: Path, contents: dict[str, bytes]) -> Path:
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


@pytest.fixture(autouse=True)
def source():
    nowhere = StaticFiles((StaticFile("http://127.0.0.1:1/0.txt", "0.txt"),))
    return register(made_source(product("files", nowhere, saved_as=("made/*.txt",), least=5)))


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = fill(tmp_path / "mirror", CONTENTS | {"other/x.txt": b"no file of this source"})
    (folder / "INDEX.csv").write_bytes(index_of(CONTENTS))
    return folder


@pytest.fixture
def server(services):
    fill(services.folder, CONTENTS)
    services.put("INDEX.csv", index_of(CONTENTS))
    return services


@pytest.mark.parametrize("with_index", [True, False])
def test_a_folder_is_imported_once(folder, store, with_index):
    if not with_index:
        (folder / "INDEX.csv").unlink()
    report = fetch_one(store, mirror=folder)
    assert report.complete, said(report)
    assert names(store) == [f"files/{number}.txt" for number in range(5)]
    [record, *_] = RealDataStorage(store).records()
    detail = record.provenance.detail
    assert (detail["mirror"], detail["path"]) == (str(folder), "made/0.txt")
    assert ("sha256" in detail) is with_index
    assert (record.assurance, record.provenance.origin) == ("declared", "import")
    report = fetch_one(store, mirror=folder)
    assert (report.complete, report.admitted, report.already, report.transferred) == (True, 0, 5, 0)


def test_a_folder_with_an_index_is_not_read_again(folder, store, monkeypatch):
    fetch_one(store, mirror=folder)
    for path in CONTENTS:
        (folder / path).unlink()
    assert fetch_one(store, mirror=folder).complete


def test_a_server_is_asked_once(server, store):
    report = fetch_one(store, mirror=server.origin())
    assert report.complete, said(report)
    [record, *_] = RealDataStorage(store).records()
    assert record.provenance.detail["url"] == server.url("made/0.txt")
    assert record.provenance.detail["mirror"] == server.origin()
    assert (record.assurance, record.provenance.origin) == ("declared", "exchange")
    asked = len(server.requests)
    report = fetch_one(store, mirror=server.origin())
    assert (report.already, len(server.requests) - asked) == (5, 1)  # its index
    assert left_over(store) == []


def test_secrets_in_the_address_of_a_mirror_are_hidden(server, store):
    place = server.origin().replace("://", "://user:secret@")
    report = fetch_one(store, mirror=place)
    assert report.complete, said(report)
    assert all("secret" not in record.provenance_json for record in RealDataStorage(store).records())
    assert Mirror(place).place == server.origin()


@pytest.mark.parametrize("behaviour", [Flipped(), Status(404), Challenge(403)], ids=repr)
def test_a_file_that_a_server_does_not_give_right_is_left_out(server, store, behaviour):
    server.behave("made/2.txt", Forever(behaviour))
    report = fetch_one(store, mirror=server.origin())
    assert "made/2.txt" in said(report)
    assert len(held(store)) == 4
    assert report.exit_code in (4, 5)
    server.behave("made/2.txt")
    asked = len(server.requests)
    assert fetch_one(store, mirror=server.origin()).complete
    assert len(server.requests) - asked == 2


@pytest.mark.parametrize(
    ("size", "digest", "reason"),
    [("9", sha256_bytes(CONTENTS["made/2.txt"]), "length"), ("8", "0" * 64, "digest")],
)
def test_wrong_sizes_and_digests_are_found_out(folder, server, store, tmp_path, size, digest, reason):
    index = index_of(CONTENTS, **{"made/2.txt": (size, digest)})
    (folder / "INDEX.csv").write_bytes(index)
    server.put("INDEX.csv", index)
    report = fetch_one(store, mirror=folder)
    assert f"transfer: {reason}" in said(report)
    assert len(held(store)) == 4
    other = tmp_path / "other"
    report = fetch_one(other, mirror=server.origin())
    assert report.exit_code == 4
    assert len(held(other)) == 4


def test_a_file_that_the_index_names_and_that_is_not_there_is_said(folder, store):
    (folder / "made/3.txt").unlink()
    report = fetch_one(store, mirror=folder)
    assert "lacks 1 files of its index, the first made/3.txt" in said(report)
    assert (report.exit_code, len(held(store))) == (1, 4)


def test_the_same_bytes_under_many_names_are_refused(tmp_path, store):
    folder = fill(tmp_path / "many", {f"made/{number}.txt": b"ENTRY 1\n" for number in range(5)})
    report = fetch_one(store, mirror=folder)
    assert len(report.refused) == 5
    assert "one key a content" in said(report)
    assert held(store) == []


def test_a_folder_that_is_not_there_is_said():
    with pytest.raises(DataMissing, match="there is no mirror /none"):
        Mirror("/none")


def test_an_environment_variable_names_a_mirror(folder, monkeypatch):
    assert Mirror.named() is None
    monkeypatch.setenv("ASTROBIO_MIRROR", str(folder))
    assert Mirror.named().place == str(folder)
    assert Mirror.named("http://127.0.0.1:1/").place == "http://127.0.0.1:1"


PATHS = [
    "../made/0.txt", "/etc/passwd", "made/../../x.txt", "made//x.txt", "made/./x.txt", "made\\x.txt", "", "made/",
    "C:/x.txt", "made/x.txt\n", "made/\x00.txt", "made/...", "made/ ", "x" * 300, "/".join("x" * 30), "made/x.part",
    "made/x.note", "made/x.part.json", "file:///etc/passwd", "made/<x>.txt",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_is_not_below_the_mirror_refuses_the_index(server, store, path):
    server.put("INDEX.csv", index_of(CONTENTS | {path: b"ENTRY bad\n"}))
    report = fetch_one(store, mirror=server.origin())
    assert "is not below it" in said(report) or "\0" in path  # which the transfer takes for no text
    assert (report.exit_code, held(store)) == (4, [])
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it lacks bytes, path, sha256"),
        (b"path,bytes\nx,1\n", "it lacks sha256"),
        (b"<html>Just a moment</html>", "it lacks"),
        (b"path,bytes,sha256\nmade/0.txt,8\n", "different numbers of fields"),
        (b"path,bytes,sha256\nmade/0.txt,8,0,9\n", "different numbers of fields"),
        (b"path,bytes,sha256\nmade/0.txt,-8," + b"0" * 64 + b"\n", "the size '-8'"),
        (b"path,bytes,sha256\nmade/0.txt,1e9," + b"0" * 64 + b"\n", "the size '1e9'"),
        (b"path,bytes,sha256\nmade/0.txt,8,xyz\n", "the SHA-256 'xyz'"),
        (b'path,bytes,sha256\n"made/0.txt,8\n', "no index of a mirror"),
        (b"path,bytes,sha256\n\xff,8,0\n", "no index of a mirror"),
        (index_of(CONTENTS) + index_of(CONTENTS).split(b"\n", 1)[1], "twice"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_an_index_that_is_none_is_refused(folder, store, content, reason):
    (folder / "INDEX.csv").write_bytes(content)
    report = fetch_one(store, mirror=folder)
    assert reason in said(report)
    assert (report.exit_code, held(store)) == (4, [])


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda path: index_of({path: b"x"})))
def test_whatever_an_index_holds_it_leads_nowhere_else(content):
    try:
        found = list(indexed(content, "INDEX.csv"))
    except RefusedInput:
        return
    for one in found:
        path = Path("/mirror") / one.path
        assert path.resolve().is_relative_to("/mirror")
        assert path != Path("/mirror")


def test_genuine_files_are_pinned_whatever_way_they_come(archive_mirror, tmp_path):
    [product_file] = archive_mirror.glob("nasa_exoplanet_archive/TOI*.csv")
    folder = fill(tmp_path / "mirror", {f"nasa_exoplanet_archive/{product_file.name}": product_file.read_bytes()})
    report = fetch_one(tmp_path / "store", "nasa_exoplanet_archive/toi", mirror=folder)
    assert report.complete, said(report)
    assert report.counts == {"TESS objects": 8064}
    [record] = RealDataStorage(tmp_path / "store").records()
    assert record.assurance == "pinned"
