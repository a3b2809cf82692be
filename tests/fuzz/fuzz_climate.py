"""Fuzz the gates of climate files and of ExoPlaSim runs: mutants of genuine files, for as long as is asked.

    python tests/fuzz/fuzz_climate.py --seconds 600 --mirror DIR [--seed N] [--record FILE]

Mutants are made of bytes, and of variables and attributes that are written again. All are judged in other processes,
as a store judges what comes from outside: a crash of a library is then a refusal, and is counted. Each must get a
verdict within the time that one may take; a process that ends by an exception is a find, and so is a mutant that is
admitted and cannot be made a cube of, or holds what is not finite. Finds are written to a file, with the seed that
makes them again, and the program ends with 1. Not collected by pytest: finds become tests of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from astrobio.archives.registry import group
from astrobio.core.provenance import Provenance
from astrobio.datasets.cubes import READERS
from astrobio.store.judging import Judges, Limits
from astrobio.verify.verdict import Verdict
from tests.fuzz.mutation import mutate
from tests.verify import bad_climate as making

LONGEST = 60.0
"""Seconds that a verdict may take; the slowest genuine file takes 0.5."""
MEMORY = 6 << 30
TOGETHER = 16
CORPUS = {
    making.SERIES: making.MONTHLY, making.CELLS: making.MONTHLY, making.LEVELS: making.MONTHLY,
    making.ROTATED: making.MODELS, making.MODEL: making.MODELS, making.REANALYSIS: making.REANALYSES,
    making.RUN: making.FIELDS, making.DESCRIPTION: making.RUNS,
}  # fmt: skip
WEIGHTS = {making.REANALYSIS: 1, making.MODEL: 1, making.RUN: 2}
"""How often each file is taken; large ones are slow."""
WORDS = (
    "", "K", "degC", "1", "days since 1850-01-01", "days since 0000-00-00", "time", "latitude", "degrees_north", "up",
    "Z", "tas", "lat lon", "a: b c: d", "\u00e9" * 300, "x" * 5000, "standard", "360_day", "true", "nan",
)  # fmt: skip
NUMBERS = (0, -1, 1, np.nan, np.inf, 1e300, 1e-300, 2**31 - 1, 1e20, -9999)


def edit(content: bytes, rng: random.Random) -> tuple[bytes, list[str]]:
    """A NetCDF file with other attributes, values, names or shapes; and the names of the changes."""
    file = making.Edited(content)
    names = []
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        change = rng.choice((attribute, attribute, file_attribute, some_values, all_values, drop, role, model))
        change(file, rng)
        names.append(change.__name__)
    return file.content(), names


def _any_attribute(rng: random.Random) -> Any:
    kind = rng.randrange(4)
    if kind == 0:
        return rng.choice(WORDS)
    number = rng.choice(NUMBERS)
    if kind == 1:
        return np.float64(number)
    if kind == 2:
        return np.array([rng.choice(NUMBERS) for _ in range(rng.randrange(1, 4))], dtype=np.float64)
    return np.int32(rng.choice((0, -1, 1, 7, 2**31 - 1)))


def attribute(file: making.Edited, rng: random.Random) -> None:
    """Another value of an attribute of a variable, or none."""
    name = rng.choice(sorted(file.about))
    known = [*file.about[name], "units", "standard_name", "bounds", "coordinates", "scale_factor", "missing_value",
             "calendar", "positive", "axis", "grid_mapping", "formula_terms", "valid_min", "_Unsigned"]  # fmt: skip
    key = rng.choice(sorted(set(known) - {"_FillValue"}))
    file.about[name].pop(key, None)
    if rng.random() < 0.8:
        file.about[name][key] = rng.choice(sorted(file.about)) if rng.random() < 0.3 else _any_attribute(rng)


def file_attribute(file: making.Edited, rng: random.Random) -> None:
    """Another value of an attribute of the file, or none."""
    key = rng.choice(sorted([*file.attributes, "Conventions", "configuration", "mip_era", "source_id", "year"]))
    file.attributes.pop(key, None)
    if rng.random() < 0.8:
        file.attributes[key] = _any_attribute(rng)


def some_values(file: making.Edited, rng: random.Random) -> None:
    """Other values at a few places."""
    values = _numeric(file, rng)
    if values is not None and values.size:
        for _ in range(rng.choice((1, 5, 100))):
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                values.ravel()[rng.randrange(values.size)] = np.float64(rng.choice(NUMBERS)).astype(values.dtype)


def all_values(file: making.Edited, rng: random.Random) -> None:
    """One value everywhere, the values in another order, or noise."""
    values = _numeric(file, rng)
    if values is None:
        return
    numbers = np.random.default_rng(rng.randrange(1 << 30))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values[...] = rng.choice((
            lambda: np.full(values.shape, rng.choice(NUMBERS)), lambda: values[::-1] if values.ndim else values,
            lambda: numbers.permutation(values.ravel()).reshape(values.shape),
            lambda: numbers.normal(0, 1, values.shape) * float(np.nan_to_num(np.abs(values).max())),
        ))().astype(values.dtype)  # fmt: skip


def _numeric(file: making.Edited, rng: random.Random) -> np.ndarray | None:
    names = sorted(name for name, values in file.values.items() if values.dtype.kind in "iuf")
    if not names:
        return None
    name = rng.choice(names)
    file.values[name] = file.values[name].copy()
    return file.values[name]


def drop(file: making.Edited, rng: random.Random) -> None:
    """One variable less."""
    if len(file.values) > 1:
        making._without(rng.choice(sorted(file.values)))(file)


def role(file: making.Edited, rng: random.Random) -> None:
    """A dimension, or a variable, under another's name."""
    one, other = rng.choice(sorted(file.sizes)), rng.choice(sorted([*file.sizes, *file.values, "lat", "lon", "time"]))
    if other not in file.sizes:
        making._renamed({one: other} if rng.random() < 0.5 or other in file.values else {one: other + "_"})(file)
        file.values = {name: values for name, values in file.values.items() if name in file.about}


def model(file: making.Edited, rng: random.Random) -> None:
    """Another kind of NetCDF."""
    if all(values.dtype.str[1:] not in ("i8", "u8") for values in file.values.values()):
        file.model = rng.choice(("NETCDF4", "NETCDF4_CLASSIC", "NETCDF3_CLASSIC", "NETCDF3_64BIT_DATA"))


def mutant_of(files: dict[str, bytes], number: int) -> tuple[str, bytes, list[str]]:
    """The mutant of a seed: the file that it is made from, its bytes, and the changes."""
    rng = random.Random(number)
    path = rng.choice([path for path in CORPUS for _ in range(WEIGHTS.get(path, 4))])
    content = files[path]
    if path.endswith(".nc") and rng.random() < 0.6:
        try:
            content, names = edit(content, rng)
            return path, content, names
        except Exception as error:  # noqa: BLE001  # the library does not write what this asks for: bytes it is
            del error
    others = [one for other, one in files.items() if other.endswith(path[-3:])]
    mutant, names = mutate(content, others, rng)
    return path, mutant, names


def wrong_with(verdict: Verdict, path: str, content: bytes, provenance: Provenance) -> str:
    """What is wrong with a verdict; empty where nothing is."""
    ending = next((one for one in verdict.findings if one.check == "read to its end"), None)
    if ending is not None and ("ended with" in ending.seen or "not read after" in ending.seen):
        return ending.seen
    if not verdict.admitted or not path.endswith(".nc"):
        return ""
    try:
        group(content, provenance)
        cubes = READERS[provenance.source, provenance.detail["product"]](content)
        if any(np.isinf(np.asarray(values, dtype=np.float64)).any() for cube in cubes for values in cube.values()):
            return "an admitted file holds what is not finite"
    except Exception:  # noqa: BLE001  # whatever it is, it is what is looked for
        return traceback.format_exc()
    return ""


def fuzz(mirror: Path, seconds: float, seed: int, finds: Path) -> dict[str, Any]:
    """Fuzz for so long; what was run, and what was found."""
    files = {path: (mirror / path).read_bytes() for path in CORPUS}
    runs: Counter[str] = Counter()
    admitted: Counter[str] = Counter()
    changes: Counter[str] = Counter()
    crashes: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    begun, number, slowest = time.monotonic(), seed, 0.0
    with closing(Judges(limits=Limits(LONGEST, MEMORY))) as judges, tempfile.TemporaryDirectory() as folder:
        while time.monotonic() - begun < seconds:
            batch = []
            for _ in range(TOGETHER):
                path, content, names = mutant_of(files, number)
                provenance = making.offered(*CORPUS[path], Path(path).name)
                place = Path(folder) / str(number % TOGETHER)
                place.write_bytes(content)
                batch.append((number, path, content, names, provenance, place))
                number += 1
            began = time.monotonic()
            verdicts = judges.judge([(str(one[5]), one[4].to_json()) for one in batch])
            slowest = max(slowest, time.monotonic() - began)
            for (one, path, content, names, provenance, _), verdict in zip(batch, verdicts, strict=True):
                runs[path] += 1
                admitted[path] += verdict.admitted
                changes.update(names)
                told = {"seed": one, "file": path, "changes": names}
                crashes += [told | {"seen": finding.seen} for finding in verdict.findings if "ended by" in finding.seen]
                wrong = wrong_with(verdict, path, content, provenance)
                if wrong:
                    finds.mkdir(parents=True, exist_ok=True)
                    (finds / f"{one}-{Path(path).name}").write_bytes(content)
                    found.append(told | {"wrong": wrong})
                    print(f"{path} seed {one} {names}: {wrong}", file=sys.stderr, flush=True)
    return {
        "seconds": round(time.monotonic() - begun, 1), "first_seed": seed, "runs": sum(runs.values()),
        "runs_by_file": dict(runs), "admitted_by_file": dict(admitted), "changes": dict(changes),
        "slowest_batch_s": round(slowest, 2), "crashes_contained": crashes, "found": found,
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
    os.environ["PYTHONWARNINGS"] = "error::RuntimeWarning"  # A number that is lost on the way is a find, too.
    record = fuzz(Path(options.mirror), options.seconds, options.seed, options.finds)
    text = json.dumps(record, indent=2)
    print(text)
    if options.record:
        options.record.write_text(text + "\n", encoding="utf-8")
    return 1 if record["found"] else 0


if __name__ == "__main__":
    sys.exit(main())
