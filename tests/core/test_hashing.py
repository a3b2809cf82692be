"""SHA-256 by the native core agrees with Python's, file by file, and names what it cannot read."""

from __future__ import annotations

import hashlib
import os

import pytest

from astrobio.core.hashing import sha256_bytes, sha256_files, sha256_json

# The buffer of the native core holds 2**18 bytes.
SIZES = (0, 1, 63, 64, 2**18 - 1, 2**18, 2**18 + 1, 5_000_003)


def test_files_of_every_size_hash_as_hashlib_hashes_them(tmp_path):
    paths = []
    for size in SIZES:
        paths.append(tmp_path / f"{size}.bin")
        paths[-1].write_bytes(os.urandom(size))
    expected = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    assert sha256_files(paths) == expected
    assert sha256_files([str(path) for path in reversed(paths)]) == expected[::-1]


def test_the_vectors_of_fips_180_4_hold(tmp_path):
    vectors = {
        b"": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        b"abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        b"a" * 1_000_000: "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
    }
    for content, digest in vectors.items():
        (tmp_path / "vector").write_bytes(content)
        assert sha256_bytes(content) == digest
        assert sha256_files([tmp_path / "vector"]) == [digest]


def test_many_files_come_back_in_their_order(tmp_path):
    paths = [tmp_path / f"{number}" for number in range(2100)]  # more than two batches of the native core
    for number, path in enumerate(paths):
        path.write_bytes(b"%d" % number)
    assert sha256_files(paths) == [hashlib.sha256(b"%d" % number).hexdigest() for number in range(2100)]
    assert sha256_files([]) == []


def test_a_missing_file_is_named(tmp_path):
    (tmp_path / "there").write_bytes(b"x")
    with pytest.raises(FileNotFoundError, match=r"No such file or directory: '.*/nowhere") as seen:
        sha256_files([tmp_path / "there", tmp_path / "nowhere"])
    assert seen.value.filename == str(tmp_path / "nowhere")
    with pytest.raises(IsADirectoryError):
        sha256_files([tmp_path])


def test_json_hashes_by_value_and_not_by_order_and_refuses_what_is_no_number():
    assert sha256_json({"a": [1, 2], "b": None}) == sha256_json({"b": None, "a": [1, 2]})
    assert sha256_json({"a": [1, 2]}) != sha256_json({"a": [2, 1]})
    with pytest.raises(ValueError, match="not JSON compliant"):
        sha256_json({"a": float("nan")})
