"""Fuzz the gates of catalogues of planets: mutants of genuine files, for as long as is asked.

    python tests/fuzz/fuzz_planet_tables.py --seconds 600 --mirror DIR [--seed N] [--finds DIR] [--record FILE]

Each mutant must get a verdict, within the time that one may take and without any exception. One that is admitted must
be read again by its product's format, hold only numbers that the schema allows, and have as many rows as were counted
where a count came with it. What fails is written to a file, with the seed that makes it again, and the program ends
with 1. Not collected by pytest: finds become tests of their own.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from types import FrameType

import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from astrobio.archives.registry import group, product_of, verify
from astrobio.core.errors import FormatError
from astrobio.formats.packed import unpack
from tests.fuzz.mutation import mutate
from tests.verify import bad_planet_tables as making
from tests.verify.bad_planet_tables import EU, HWC, KOI, OEC, PS, PSCOMPPARS, TOI

LONGEST = 20.0
"""Seconds that a verdict may take; the slowest genuine file takes 2."""


class Slow(Exception):
    """A verdict that took too long."""


def corpus(mirror: Path) -> dict[str, list[bytes]]:
    """Genuine files by product; of the large ones the first rows, and some systems of the packed catalogue."""
    found = {product: [making.small(mirror, product, 150).content()] for product in (PSCOMPPARS, PS, TOI, KOI, EU)}
    found[PS].append(making.genuine(mirror, PS))
    found[HWC] = [(mirror / f"phl_hwc/hwc_table_{name}.csv").read_bytes() for name in ("all", "conservative")]
    files = making.repository(mirror)
    found[OEC] = [making.packed(files), gzip.decompress(making.packed(files)), making.zipped(files)]
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


def judge(product: str, mutant: bytes, detail: dict[str, int]) -> tuple[bool, str]:
    """Whether a mutant is admitted, and what is wrong with that."""
    provenance = making.offered(product, detail)
    verdict = verify(mutant, provenance)
    json.dumps(verdict.to_dict(), allow_nan=False)
    if not verdict.admitted:
        return False, "" if verdict.reasons else "refused without a reason"
    group(mutant, provenance)
    offered_as = product_of(provenance)
    assert offered_as.table is not None
    return True, unsound(offered_as.table.read(mutant).frame, detail)


def unsound(frame: pl.DataFrame, detail: dict[str, int]) -> str:
    """What an admitted table must not have."""
    for name in frame.columns:
        if frame[name].dtype == pl.Float64:
            ends = name.endswith(("_error_min", "_error_max"))
            if frame[name].is_nan().any() or (frame[name].is_infinite().any() and not ends):
                return f"{name} has values that are no numbers"
    counted = detail.get("rows_counted", frame.height)
    return "" if counted == frame.height else f"{frame.height} rows, and {counted} were counted"


def _late(_signal: int, _frame: FrameType | None) -> None:
    raise Slow


def fuzz(mirror: Path, seconds: float, seed: int, finds: Path) -> dict[str, object]:
    """Fuzz for so long; what was run, and what was found."""
    files = corpus(mirror)
    rows = {product: product_of(making.offered(product)).table.read(contents[0]).frame.height  # type: ignore[union-attr]
            for product, contents in files.items()}  # fmt: skip
    runs: Counter[str] = Counter()
    admitted: Counter[str] = Counter()
    changes: Counter[str] = Counter()
    slowest, found = (0.0, ""), []
    signal.signal(signal.SIGALRM, _late)
    begun, number = time.monotonic(), seed
    while time.monotonic() - begun < seconds:
        rng = random.Random(number)
        product = rng.choice(sorted(files))
        genuine = rng.choice(files[product])
        counted = {"rows_counted": rows[product]} if genuine is files[product][0] and rng.random() < 0.5 else {}
        mutant, names = mutant_of(product, genuine, files[product], rng)
        signal.setitimer(signal.ITIMER_REAL, LONGEST)
        began, wrong = time.monotonic(), ""
        try:
            good, wrong = judge(product, mutant, counted)
            admitted[product] += good
        except Slow:
            wrong = f"no verdict within {LONGEST} s"
        except FormatError as error:
            wrong = f"admitted, and not read again: {error}"
        except Exception:  # noqa: BLE001  # whatever it is, it is what is looked for
            wrong = traceback.format_exc()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        slowest = max(slowest, (time.monotonic() - began, f"{product} seed {number}"))
        runs[product] += 1
        changes.update(names)
        if wrong:
            finds.mkdir(parents=True, exist_ok=True)
            (finds / f"{number}-{product.replace('/', '-')}").write_bytes(mutant)
            found.append({"seed": number, "product": product, "changes": names, "wrong": wrong})
            print(f"{product} seed {number} {names}: {wrong}", file=sys.stderr, flush=True)
        number += 1
    return {
        "seconds": round(time.monotonic() - begun, 1), "first_seed": seed, "runs": sum(runs.values()),
        "runs_by_product": dict(runs), "admitted_by_product": dict(admitted), "changes": dict(changes),
        "slowest_s": round(slowest[0], 2), "slowest": slowest[1], "found": found,
    }  # fmt: skip


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mirror", type=Path, default=os.environ.get("ASTROBIO_MIRROR"))
    parser.add_argument("--finds", type=Path, default=Path("fuzz-finds"))
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    if options.mirror is None:
        parser.error("--mirror or ASTROBIO_MIRROR must name a folder of genuine files")
    warnings.simplefilter("error")  # as in the tests: a warning that nobody hears is a failure
    record = fuzz(Path(options.mirror), options.seconds, options.seed, options.finds)
    text = json.dumps(record, indent=2)
    print(text)
    if options.record:
        options.record.write_text(text + "\n", encoding="utf-8")
    return 1 if record["found"] else 0


if __name__ == "__main__":
    sys.exit(main())
