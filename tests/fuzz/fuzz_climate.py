"""Fuzz the gates of climate files and of ExoPlaSim runs: mutants of genuine files, for as long as is asked.

    python tests/fuzz/fuzz_climate.py --seconds 600 --mirror DIR [--only FORMAT] [--seed N] [--record FILE]

Mutants are made of bytes, and of variables and attributes that are written again. A store judges what comes from
outside in processes of its own, so that a crash of the library that reads NetCDF is a refusal: it is counted here, and
no find. Each mutant must get a verdict within the time that one may take and without any exception; and one that is
admitted must be made a cube of, without a value that is not finite. What fails is written to a file, with the seed that
makes it again, and the program ends with 1. Not collected by pytest: finds become tests of their own.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import sys
import tarfile
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from astrobio.archives.registry import group, verify
from astrobio.datasets.cubes import READERS
from astrobio.formats.thousandworlds import read_worlds
from astrobio.verify.thousandworlds import thousandworlds_gates
from tests.fuzz.fuzzing import Format, Mutant, main
from tests.fuzz.mutation import mutate
from tests.verify import bad_climate as making
from tests.verify import test_thousandworlds as worlds

LONGEST = 60.0
"""Seconds of the processor that a verdict may take; the slowest genuine file takes 0.5."""
CLIMATE = {
    making.SERIES: making.MONTHLY, making.CELLS: making.MONTHLY, making.LEVELS: making.MONTHLY,
    making.ROTATED: making.MODELS, making.MODEL: making.MODELS, making.REANALYSIS: making.REANALYSES,
}  # fmt: skip
EXOPLASIM = {making.RUN: making.FIELDS, making.DESCRIPTION: making.RUNS}
"""Genuine files, and the products that they are of."""
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


def load(corpus: dict[str, tuple[str, str]], mirror: Path) -> Format:
    """A format ready to be fuzzed."""
    files = {path: (mirror / path).read_bytes() for path in corpus}

    def make(rng: random.Random) -> Mutant:
        path = rng.choice([path for path in corpus for _ in range(WEIGHTS.get(path, 4))])
        if path.endswith(".nc") and rng.random() < 0.6:
            try:
                return Mutant(path, *edit(files[path], rng), corpus[path])
            except Exception as error:  # noqa: BLE001  # the library does not write what this asks for: bytes it is
                del error
        others = [one for other, one in files.items() if other.endswith(path[-3:])]
        return Mutant(path, *mutate(files[path], others, rng), corpus[path])

    return Format(make, judge, LONGEST, contained=True, loud=RuntimeWarning)


def judge(mutant: Mutant) -> tuple[bool, str]:
    """Whether a mutant is admitted, and what is wrong with that."""
    provenance = making.offered(*mutant.about, Path(mutant.file).name)
    verdict = verify(mutant.content, provenance)
    json.dumps(verdict.to_dict(), allow_nan=False)
    if not verdict.admitted or not mutant.file.endswith(".nc"):
        return verdict.admitted, ""
    group(mutant.content, provenance)
    cubes = READERS[provenance.source, provenance.detail["product"]](mutant.content)
    endless = any(np.isinf(np.asarray(values, dtype=np.float64)).any() for cube in cubes for values in cube.values())
    return True, "an admitted file holds what is not finite" if endless else ""


def load_worlds(_mirror: Path) -> Format:
    """The archive of ThousandWorlds, a small one of its layout: its bytes, its tar, or a file in it, packed again."""
    content = worlds.Made().content()
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        files = {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]
    plain = gzip.decompress(content)

    def make(rng: random.Random) -> Mutant:
        if rng.random() < 0.2:
            return Mutant("dataset.tar.gz", *mutate(content, [content], rng))
        if rng.random() < 0.3:
            changed, names = mutate(plain, [plain], rng)
            return Mutant("dataset.tar", gzip.compress(changed, 1), names)
        name = rng.choice(sorted(files))
        changed, names = mutate(files[name], [one for one in files.values() if one], rng)
        return Mutant(name, worlds.tarred(files | {name: changed}), names)

    return Format(make, judge_worlds, loud=RuntimeWarning)


def judge_worlds(mutant: Mutant) -> tuple[bool, str]:
    """Whether an archive is admitted, and what is wrong with that."""
    verdict = thousandworlds_gates(worlds.SMALL, digest=None)(mutant.content, worlds.PROVENANCE)
    json.dumps(verdict.to_dict(), allow_nan=False)
    if not verdict.admitted:
        return False, ""
    found = read_worlds(mutant.content, worlds.SMALL)
    endless = [name for name, one in found.fields.items() if np.isinf(one.values).any()]
    known = set(found.inputs.frame["simulation_id"].to_list())
    strange = [name for name, one in found.fields.items() if {str(number) for number in one.simulations} - known]
    return True, f"{endless} have values without end, {strange} simulations of no planet" if endless or strange else ""


FORMATS = {"netcdf": partial(load, CLIMATE), "exoplasim": partial(load, EXOPLASIM), "thousandworlds": load_worlds}

if __name__ == "__main__":
    sys.exit(main(FORMATS, __doc__))
