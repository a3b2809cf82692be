"""Fuzz the gates of spectra: mutants of genuine files, for as long as is asked.

    python tests/fuzz/fuzz_spectra.py --seconds 600 --mirror DIR [--only FORMAT] [--seed N] [--record FILE]

Each mutant must get a verdict, within the time that one may take and without any exception; and none that is admitted
may hold a number that differs from the genuine file's by far more than its error. What fails is written to a file, with
the seed that makes it again, and the program ends with 1. Not collected by pytest: finds become tests of their own.
"""

from __future__ import annotations

import json
import random
import sys
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from astrobio.archives.registry import group, verify
from astrobio.core.spectrum import Spectrum
from astrobio.datasets.spectra import READERS
from tests.fuzz.fuzzing import Format, Mutant, main
from tests.fuzz.mutation import mutate
from tests.verify import bad_spectra as making

FARTHEST = 40.0
"""Errors, and usual differences of neighbours, by which a number of an admitted mutant may differ."""
PRODUCTS = {"ipac": [making.NASA], "text": [making.WASP, making.K2], "spex_fits": [making.STAR],
            "jwst_fits": [making.JWST]}  # fmt: skip
"""Formats, and the products whose files are of them."""


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


def judge(mutant: Mutant) -> tuple[bool, str]:
    """Whether a mutant is admitted, and what is wrong with that."""
    product, genuine = mutant.about
    provenance = making.offered(*product.split("/"), mutant.file)
    verdict = verify(mutant.content, provenance)
    json.dumps(verdict.to_dict(), allow_nan=False)
    if not verdict.admitted or mutant.content == genuine:
        return verdict.admitted, ""
    group(mutant.content, provenance)
    read = READERS[(provenance.source, provenance.detail["product"])]
    after, before = read(mutant.content, provenance), read(genuine, provenance)
    return True, implausible(product, before[0], after[0]) if len(after) == len(before) == 1 else ""


def load(products: list[str], mirror: Path) -> Format:
    """A format ready to be fuzzed."""
    files = corpus(mirror)

    def make(rng: random.Random) -> Mutant:
        product = rng.choice(products)
        name, genuine = rng.choice(files[product])
        content, changes = mutate(genuine, [one for _, one in files[product]], rng)
        return Mutant(name, content, changes, (product, genuine))

    return Format(make, judge)


if __name__ == "__main__":
    sys.exit(main({name: partial(load, products) for name, products in PRODUCTS.items()}, __doc__))
