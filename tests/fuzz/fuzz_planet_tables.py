"""Fuzz the gates of catalogues of planets: mutants of genuine files, for as long as is asked.

    python tests/fuzz/fuzz_planet_tables.py --seconds 600 --mirror DIR [--only FORMAT] [--seed N] [--record FILE]

Each mutant must get a verdict, within the time that one may take and without any exception. One that is admitted must
be read again by its product's format, hold only numbers that the schema allows, and have as many rows as were counted
where a count came with it. What fails is written to a file, with the seed that makes it again, and the program ends
with 1. Not collected by pytest: finds become tests of their own.
"""

from __future__ import annotations

import gzip
import json
import random
import sys
from functools import partial
from pathlib import Path

import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from astrobio.archives.registry import group, product_of, verify
from astrobio.formats.packed import unpack
from tests.fuzz.fuzzing import Format, Mutant, main
from tests.fuzz.mutation import mutate
from tests.verify import bad_planet_tables as making
from tests.verify.bad_planet_tables import EU, HWC, KOI, OEC, PS, PSCOMPPARS, TOI

PRODUCTS = {"planet_csv": [PSCOMPPARS, PS, TOI, KOI, EU, HWC], "planet_xml": [OEC]}
"""Formats, and the products whose files are of them."""


def corpus(mirror: Path, products: list[str]) -> dict[str, list[bytes]]:
    """Genuine files by product; of the large ones the first rows, and some systems of the packed catalogue."""
    if products == [OEC]:
        files = making.repository(mirror)
        return {OEC: [making.packed(files), gzip.decompress(making.packed(files)), making.zipped(files)]}
    found = {product: [making.small(mirror, product, 150).content()] for product in (PSCOMPPARS, PS, TOI, KOI, EU)}
    found[PS].append(making.genuine(mirror, PS))
    found[HWC] = [(mirror / f"phl_hwc/hwc_table_{name}.csv").read_bytes() for name in ("all", "conservative")]
    return found


def mutant_of(product: str, genuine: bytes, others: list[bytes], rng: random.Random) -> tuple[bytes, list[str]]:
    """A mutant; of a packed catalogue often of one file in it, packed again."""
    if product != OEC or rng.random() < 0.4:
        return mutate(genuine, others, rng)
    files = unpack(genuine)
    name = rng.choice(sorted(files))
    changed, names = mutate(files[name], [data for data in files.values() if data], rng)
    packing = making.zipped if genuine.startswith(b"PK") else making.packed
    return packing(files | {name: changed}), [f"inside {one}" for one in names]


def judge(mutant: Mutant) -> tuple[bool, str]:
    """Whether a mutant is admitted, and what is wrong with that."""
    provenance = making.offered(mutant.file, mutant.about)
    verdict = verify(mutant.content, provenance)
    json.dumps(verdict.to_dict(), allow_nan=False)
    if not verdict.admitted:
        return False, "" if verdict.reasons else "refused without a reason"
    group(mutant.content, provenance)
    offered_as = product_of(provenance)
    assert offered_as.table is not None
    return True, unsound(offered_as.table.read(mutant.content).frame, mutant.about)


def unsound(frame: pl.DataFrame, detail: dict[str, int]) -> str:
    """What an admitted table must not have."""
    for name in frame.columns:
        if frame[name].dtype == pl.Float64:
            ends = name.endswith(("_error_min", "_error_max"))
            if frame[name].is_nan().any() or (frame[name].is_infinite().any() and not ends):
                return f"{name} has values that are no numbers"
    counted = detail.get("rows_counted", frame.height)
    return "" if counted == frame.height else f"{frame.height} rows, and {counted} were counted"


def load(products: list[str], mirror: Path) -> Format:
    """A format ready to be fuzzed."""
    files = corpus(mirror, products)
    rows = {product: product_of(making.offered(product)).table.read(contents[0]).frame.height  # type: ignore[union-attr]
            for product, contents in files.items()}  # fmt: skip

    def make(rng: random.Random) -> Mutant:
        product = rng.choice(products)
        genuine = rng.choice(files[product])
        counted = {"rows_counted": rows[product]} if genuine is files[product][0] and rng.random() < 0.5 else {}
        content, changes = mutant_of(product, genuine, files[product], rng)
        return Mutant(product, content, changes, counted)

    return Format(make, judge)


if __name__ == "__main__":
    sys.exit(main({name: partial(load, products) for name, products in PRODUCTS.items()}, __doc__))
