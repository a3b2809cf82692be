"""Fuzz the gates of spectra: mutants of genuine files, for as long as is asked.

    python tests/fuzz/fuzz_spectra.py --seconds 600 --mirror DIR [--product PART] [--seed N] [--record FILE]

Each mutant must get a verdict, within the time that one may take and without any exception; and none that is admitted
may hold a number that differs from the genuine file's by far more than its error. What fails is written to a file, with
the seed that makes it again, and the program ends with 1. Not collected by pytest: finds become tests of their own.
"""

from __future__ import annotations

import argparse
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

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from astrobio.archives.registry import group, verify
from astrobio.core.spectrum import Spectrum
from astrobio.datasets.spectra import READERS
from tests.fuzz.mutation import mutate
from tests.verify import bad_spectra as making

LONGEST = 20.0
"""Seconds that a verdict may take; the slowest genuine file takes 0.3."""
FARTHEST = 40.0
"""Errors, and usual differences of neighbours, by which a number of an admitted mutant may differ."""


class Slow(Exception):
    """A verdict that took too long."""


def corpus(mirror: Path) -> dict[str, list[tuple[str, bytes]]]:
    """Genuine files by product, and files laid out as JWST's pipeline documents them."""
    found = {
        product: [(path.name, path.read_bytes()) for path in paths if path.stat().st_size < 200_000]
        for product, paths in making.genuine(mirror).items()
    }
    integrations = [making.extracted(300, seed) for seed in range(4)]
    found[making.JWST] = [
        ("jw_x1d.fits", making.x1d()),
        ("jw_x1d.fits", making.x1d(making.table(*integrations[0]), making.table(*integrations[1]))),
        ("jw_x1dints.fits", making.x1d(making.series(integrations))),
    ]
    return found


def implausible(product: str, before: Spectrum, after: Spectrum) -> str:
    """A number that is far from the genuine one at the same wavelength; empty where there is none."""
    if len(before) < 20 or product == making.JWST:
        return ""
    genuine = dict(zip(before.wavelength.tolist(), zip(before.value, before.error, strict=True), strict=True))
    usual = float(np.nanmedian(np.abs(np.diff(before.value))))
    for wavelength, value, usable in zip(after.wavelength.tolist(), after.value, after.measured, strict=True):
        if not usable or wavelength not in genuine or not np.isfinite(genuine[wavelength][0]):
            continue
        was, error = genuine[wavelength]
        allowed = FARTHEST * (error + usual) if product != making.STAR else 100 * float(np.nanmedian(before.value))
        if not abs(value - was) <= allowed:
            return f"at {wavelength:g} {value:g} stands for {was:g}"
    return ""


def judge(product: str, name: str, mutant: bytes, genuine: bytes) -> tuple[bool, str]:
    """Whether a mutant is admitted, and what is wrong with that."""
    provenance = making.offered(*product.split("/"), name)
    verdict = verify(mutant, provenance)
    json.dumps(verdict.to_dict(), allow_nan=False)
    if not verdict.admitted or mutant == genuine:
        return verdict.admitted, ""
    group(mutant, provenance)
    read = READERS[(provenance.source, provenance.detail["product"])]
    after, before = read(mutant, provenance), read(genuine, provenance)
    return True, implausible(product, before[0], after[0]) if len(after) == len(before) == 1 else ""


def _late(_signal: int, _frame: FrameType | None) -> None:
    raise Slow


def fuzz(mirror: Path, seconds: float, seed: int, finds: Path, part: str = "") -> dict[str, object]:
    """Fuzz the products in whose name a part is, for so long; what was run, and what was found."""
    files = {product: given for product, given in corpus(mirror).items() if part in product}
    runs: Counter[str] = Counter()
    admitted: Counter[str] = Counter()
    changes: Counter[str] = Counter()
    slowest, found = (0.0, ""), []
    signal.signal(signal.SIGALRM, _late)
    begun, number = time.monotonic(), seed
    while time.monotonic() - begun < seconds:
        rng = random.Random(number)
        product = rng.choice(sorted(files))
        name, genuine = rng.choice(files[product])
        mutant, names = mutate(genuine, [content for _, content in files[product]], rng)
        signal.setitimer(signal.ITIMER_REAL, LONGEST)
        began, wrong = time.monotonic(), ""
        try:
            good, wrong = judge(product, name, mutant, genuine)
            admitted[product] += good
        except Slow:
            wrong = f"no verdict within {LONGEST} s"
        except Exception:  # noqa: BLE001  # whatever it is, it is what is looked for
            wrong = traceback.format_exc()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        took = time.monotonic() - began
        slowest = max(slowest, (took, f"{product} {name} seed {number}"))
        runs[product] += 1
        changes.update(names)
        if wrong:
            finds.mkdir(parents=True, exist_ok=True)
            (finds / f"{number}-{name}").write_bytes(mutant)
            found.append({"seed": number, "product": product, "file": name, "changes": names, "wrong": wrong})
            print(f"{product} {name} seed {number} {names}: {wrong}", file=sys.stderr, flush=True)
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
    parser.add_argument("--product", default="", help="only those in whose SOURCE/PRODUCT this is")
    parser.add_argument("--finds", type=Path, default=Path("fuzz-finds"))
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    if options.mirror is None:
        parser.error("--mirror or ASTROBIO_MIRROR must name a folder of genuine files")
    warnings.simplefilter("error")  # as in the tests: a warning that nobody hears is a failure
    record = fuzz(Path(options.mirror), options.seconds, options.seed, options.finds, options.product)
    text = json.dumps(record, indent=2)
    print(text)
    if options.record:
        options.record.write_text(text + "\n", encoding="utf-8")
    return 1 if record["found"] else 0


if __name__ == "__main__":
    sys.exit(main())
