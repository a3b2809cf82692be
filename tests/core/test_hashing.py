"""SHA-256 by the native core agrees with Python's, file by file, and names what it cannot read."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys

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


def test_files_of_all_sizes_together_have_their_digests_in_order(tmp_path):
    """Lengths about those of a block and of a buffer, and one that is read ahead when it is alone."""
    edges = [0, 1, 55, 56, 63, 64, 65, 2**18 - 1, 2**18, 2**18 + 1, 3 * 2**18 + 9, 9_000_001]
    sizes = edges + [number * 97 for number in range(300)]
    contents = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
    paths = [tmp_path / str(number) for number in range(len(sizes))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    expected = [hashlib.sha256(content).hexdigest() for content in contents]
    assert sha256_files(paths) == expected
    assert sha256_files(paths[:3]) == expected[:3]
    for path, digest in zip(paths[: len(edges)], expected, strict=False):
        assert sha256_files([path]) == [digest]


INTERRUPTED = """
import sys
from astrobio.core.hashing import sha256_files
try:
    print("begun", flush=True)
    sha256_files(sys.argv[1:])
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="an interrupt is sent otherwise there")
@pytest.mark.parametrize("files", [1, 2])
def test_an_interrupt_does_not_wait_for_the_end_of_a_large_file(tmp_path, files):
    paths = [tmp_path / str(number) for number in range(files)]
    for path in paths:
        with open(path, "wb") as stream:
            stream.truncate(2**42)  # holes: no disk has so many zeros, and no processor hashes them within the timeout
    command = [sys.executable, "-c", INTERRUPTED, *map(str, paths)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "interrupted\n"


FORKED = """
import os, sys
from astrobio.core.hashing import sha256_files
before = sha256_files(sys.argv[1:])
child = os.fork()
if child == 0:
    os._exit(0 if sha256_files(sys.argv[1:]) == before else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_process_hashes_too(tmp_path):
    paths = [tmp_path / str(number) for number in range(20)]
    for path in paths:
        path.write_bytes(path.name.encode() * 100_000)
    subprocess.run([sys.executable, "-c", FORKED, *map(str, paths)], check=True, timeout=60)
