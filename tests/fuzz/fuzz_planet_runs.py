"""Fuzz the gates of planet runs: mutants of runs that VPLanet made, for as long as is asked.

    python tests/fuzz/fuzz_planet_runs.py --seconds 600 --mirror DIR [--only FORMAT] [--seed N] [--record FILE]

Mutants are made of bytes, of values of the header, and of fields, and are often written again as a run is written, so
that they get beyond the format. Each must get a verdict, within the time that one may take and without any exception;
one that is admitted has every field in its shape, within its limits and in its own balance, and no number that is none.
What fails is written to a file, with the seed that makes it again, and the program ends with 1. Not collected by
pytest: finds become tests of their own.
"""

from __future__ import annotations

import json
import math
import random
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from astrobio.archives.registry import group, verify
from astrobio.core.planet_run import AXIS_LENGTH, FIELD, PlanetParameters, PlanetRun
from astrobio.core.provenance import Provenance
from astrobio.simulate import vplanet
from tests.fuzz.fuzz_tables import edit_json
from tests.fuzz.fuzzing import Format, Mutant, main
from tests.fuzz.mutation import mutate

MOST_OFF = 0.03
"""W m-2 by which what a planet takes in and gives off may differ over the year; fields are rounded to 0.1."""


def runs() -> list[PlanetRun]:
    """The Earth from both starts, and two other planets."""
    earth = PlanetParameters.earth()
    others = (replace(earth, obliquity=60.0, stellar_flux=1500.0), replace(earth, eccentricity=0.2, stellar_flux=950.0))
    return [vplanet.run(earth, start)[0] for start in ("warm", "cold")] + [
        vplanet.run(planet, "warm")[0] for planet in others
    ]


def edited(run: PlanetRun, rng: random.Random) -> tuple[bytes, list[str]]:
    """A run with other values in its header, written again where that can be; and the names of the changes."""
    metadata = run.metadata()
    content, names = edit_json(metadata, rng)
    try:
        return PlanetRun.from_parts(json.loads(content), run.steps).to_bytes(), names
    except (KeyError, TypeError, ValueError, AttributeError):  # no run: the header alone is another one
        genuine = run.to_bytes()
        length = int.from_bytes(genuine[:8], "little")
        header = json.loads(genuine[8 : 8 + length])
        header["__metadata__"]["astrobio"] = content.decode("utf-8", "replace")
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text + genuine[8 + length :], names


def with_fields(run: PlanetRun, rng: random.Random) -> tuple[bytes, list[str]]:
    """A run with other values in its fields, written as a run is; and the names of the changes."""
    steps = {name: values.copy() for name, values in run.steps.items()}
    names = []
    for _ in range(rng.choice((1, 1, 3))):
        values = steps[rng.choice(sorted(name for name in steps if steps[name].size))]
        kind = rng.choice(("value", "reversed", "rolled", "one value", "shuffled", "shape"))
        if kind == "value":
            values.ravel()[rng.randrange(values.size)] = rng.choice((-32768, 32767, 0, rng.randrange(-9999, 9999)))
        elif kind == "reversed":
            values[...] = values[::-1]
        elif kind == "rolled":
            values[...] = np.roll(values, rng.randrange(1, 9), axis=-1)
        elif kind == "one value":
            values[...] = values.ravel()[0]
        elif kind == "shuffled":
            values[...] = np.random.default_rng(rng.randrange(1 << 30)).permutation(values)
        else:
            steps[rng.choice(sorted(steps))] = values.reshape(-1)[: rng.randrange(values.size)]
        names.append(f"field {kind}")
    return replace(run, steps=steps).to_bytes(), names


def judge(mutant: Mutant) -> tuple[bool, str]:
    """Whether a run is admitted, and what is wrong with that."""
    try:
        key = PlanetRun.from_bytes(mutant.content).key
    except ValueError:
        key = mutant.about
    provenance = Provenance("planet_runs", "simulation", "reproduced", "simulator_run", key)
    verdict = verify(mutant.content, provenance)
    json.dumps(verdict.to_dict(), allow_nan=False)
    if not verdict.admitted:
        return False, ""
    group(mutant.content, provenance)
    run = PlanetRun.from_bytes(mutant.content)
    if run.to_bytes() != mutant.content:
        return True, "the run is not what is written of it"
    numbers = [*vars(run.parameters).values(), *run.diagnostics.values()]
    if not all(isinstance(one, int | float) and math.isfinite(one) for one in numbers):
        return True, "a number is none"
    return True, _unsound(run) if run.outcome == "completed" else ("fields of no run" if run.steps else "")


def _unsound(run: PlanetRun) -> str:
    """What a completed run that was admitted must not be."""
    if set(run.steps) != set(FIELD):
        return "fields are lacking"
    for name, spec in FIELD.items():
        values = run.values(name)
        if values.shape != tuple(AXIS_LENGTH[axis] for axis in spec.axes):
            return f"{name} has the shape {values.shape}"
        if not (spec.low <= values.min() and values.max() <= spec.high):
            return f"{name} is {values.min():g} to {values.max():g}"
    latitude_means = [run.values(name).mean(axis=0) for name in ("absorbed_shortwave", "outgoing_longwave")]
    edges = np.linspace(-1.0, 1.0, len(latitude_means[0]) + 1)
    weights = np.diff(edges)  # bands of equal area
    off = float(((latitude_means[0] - latitude_means[1]) * weights).sum() / weights.sum())
    return "" if abs(off) <= MOST_OFF else f"it takes in {off:g} W m-2 more than it gives off"


def load(_mirror: Path) -> Format:
    """Planet runs, ready to be fuzzed."""
    made = runs()
    contents = [run.to_bytes() for run in made]

    def make(rng: random.Random) -> Mutant:
        place = rng.randrange(len(made))
        how = rng.random()
        if how < 0.35:
            content, names = edited(made[place], rng)
        elif how < 0.65:
            content, names = with_fields(made[place], rng)
        else:
            content, names = mutate(contents[place], contents, rng)
        return Mutant(f"run-{place}", content, names, made[place].key)

    return Format(make, judge)


if __name__ == "__main__":
    sys.exit(main({"planet_run": load}, __doc__))
