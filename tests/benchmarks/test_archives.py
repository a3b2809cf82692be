"""The benchmark of the archives opens what it measures; nothing is asserted of speed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import archives

    yield archives
    for name in ("archives", "measuring"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("nasa_exoplanet_archive/PS_2026.03.20_03.49.15.csv", 762),
        ("microbial_traits/fierer.csv", 5075),
    ],
)
def test_tables_are_opened_whole(benchmark, archive_mirror: Path, path: str, rows: int) -> None:
    read = [row for row in benchmark._read(archive_mirror / path) if row and not row[0].startswith("#")]
    assert len(read) >= rows + 1


def test_every_kind_of_file_is_opened(benchmark, archive_mirror: Path) -> None:
    kinds = {}
    for one in benchmark.genuine_files().values():
        kinds.setdefault("".join(Path(one.path).suffixes[-2:]), archive_mirror / one.path)
    assert benchmark.read_with_libraries(list(kinds.values())) == len(kinds) >= 8


def test_without_a_mirror_it_says_what_it_needs(benchmark, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASTROBIO_MIRROR", raising=False)
    with pytest.raises(SystemExit, match="--mirror names a folder"):
        benchmark.main([])
