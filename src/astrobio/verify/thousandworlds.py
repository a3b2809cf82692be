"""Checks of the archive of ThousandWorlds, as far as its documentation says what is in it.

No genuine copy of the whole was seen here. Its parameters were: the 1,760 rows of ``inputs.csv`` in its repository,
whose ranges the schema allows. Fields have the bounds and the smoothness of other models of planets
(``verify.climate``).
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from astrobio.core.hashing import sha256_bytes
from astrobio.core.provenance import Provenance
from astrobio.formats.schema import Column, Schema, apply_schema
from astrobio.formats.thousandworlds import RELEASE, Fields, Layout, Worlds, field_names, read_worlds, variable_of
from astrobio.verify.climate import SMOOTH
from astrobio.verify.fields import neighbour_autocorrelation
from astrobio.verify.gates import gates
from astrobio.verify.tables import SCHEMA_CHECKS
from astrobio.verify.verdict import Findings, Verdict

DIGEST = "356c6cc14f6d23f6ffaef2155bfb668f6e365e07bb5b2f83736afa5343dae8b3"
"""SHA-256 of ``archives/dataset.tar.gz`` of release v1.0.0, as its croissant.json names it."""
INPUTS = Schema(
    (
        Column("simulation_id", "integer", low=0, filled=True),
        Column("radius", "number", low=1e6, high=3e7, filled=True),
        Column("gravity", "number", low=1, high=30, filled=True),
        Column("rotation_period", "number", low=0.01, high=1e4, filled=True),
        Column("surface_pressure", "number", low=100, high=1e8, filled=True),
        Column("co2", "number", low=0, high=1, filled=True),
        Column("ch4", "number", low=0, high=1, filled=True),
        Column("stellar_flux", "number", low=10, high=1e5, filled=True),
        Column("stellar_temperature", "number", low=2000, high=1e4, filled=True),
        Column("gcm_label", choices=("exocam", "exocam-pre2022", "exoplasim", "lfric", "um"), filled=True),
        Column("is_target_gcm", choices=("True", "False"), filled=True),
        Column("in_target_physical_domain", choices=("True", "False"), filled=True),
        Column("planet_id", "integer", low=0, filled=True),
        Column("source", filled=True),
    ),
    key=("simulation_id",),
)
"""Columns of ``inputs.csv``: radius in m, gravity in m s-2, rotation in days, pressure in Pa, flux in W m-2,
temperature in K, gases as shares of the volume."""
RANGES = {
    "surface_temperature": (30, 1000), "temperature": (30, 1000), "specific_humidity": (-60, 1),
    "asr_cloudy": (-10, 5000), "olr_cloudy": (0, 6000), "cloud_fraction": (-0.01, 1.01), "u": (-1500, 1500),
    "v": (-1500, 1500),
}  # fmt: skip
"""What is possible on a planet, by variable; humidity as a share or, as the README's ``dex`` says, its logarithm."""
MOST_ROUGH = 0.01
"""Share of the runs whose surface temperature may be rougher than any seen."""


def thousandworlds_gates(
    layout: Layout = RELEASE, digest: str | None = DIGEST
) -> Callable[[bytes, Provenance], Verdict]:
    """The gates of the archive.

    Parameters
    ----------
    layout : Layout
    digest : str, optional
        Of the only release that is admitted; any, if none is given.
    """
    inner = gates(lambda content: read_worlds(content, layout), check_worlds(layout))

    def judge(content: bytes, provenance: Provenance) -> Verdict:
        if digest is None:
            return inner(content, provenance)
        found = Findings()
        seen = sha256_bytes(content)
        if not found.note("transfer", "release", seen == digest, seen[:16], f"{digest[:16]}, release v1.0.0"):
            return found.verdict()
        verdict = inner(content, provenance)
        return Verdict((*found.rows, *verdict.findings), verdict.counts)

    return judge


def check_worlds(layout: Layout) -> Callable[[Findings, Worlds, Provenance], None]:
    """The checks of what the archive holds."""

    def check(found: Findings, worlds: Worlds, _provenance: Provenance) -> None:
        _check_inputs(found, worlds, layout)
        for name, fields in worlds.fields.items():
            _check_fields(found, worlds, name, fields, layout)

    return check


def _check_inputs(found: Findings, worlds: Worlds, layout: Layout) -> None:
    typed = apply_schema(worlds.inputs, INPUTS)
    for name, expected in SCHEMA_CHECKS.items():
        wrong = [what for check, what in typed.problems if check == name]
        found.note("schema", f"{name} of the parameters", not wrong, "; ".join(wrong[:3]) or "as expected", expected)
    most = max(layout.runs.values())
    found.note("schema", "simulations", typed.frame.height == most, typed.frame.height, str(most))
    if typed.problems:
        return
    known = set(typed.frame["simulation_id"].to_list())
    found.counts["simulations"] = len(known)
    counts = {name: len(numbers) for name, numbers in worlds.parts.items()}
    found.note("schema", "parts of the subsets", counts == layout.parts, counts, str(layout.parts))
    unknown = [name for name, numbers in worlds.parts.items() if not set(numbers) <= known]
    found.note("schema", "parts name simulations", not unknown, ", ".join(unknown) or "all", "simulations that exist")
    both = [
        name
        for name, numbers in worlds.parts.items()
        if name.endswith("/train") and set(numbers) & set(worlds.parts.get(name.replace("/train", "/test"), []))
    ]
    found.note("forensics", "train and test apart", not both, ", ".join(both) or "apart", "no simulation in both")


def _check_fields(found: Findings, worlds: Worlds, name: str, fields: Fields, layout: Layout) -> None:
    expected = tuple(field_names(layout.levels[name]))
    if not found.note("schema", f"fields of {name}", fields.names == expected, f"{len(fields.names)} names",
                      f"{len(expected)} in their order"):  # fmt: skip
        return
    numbers = set(fields.simulations.tolist())
    once = len(numbers) == len(fields.simulations)
    named = worlds.inputs.frame["simulation_id"].to_list() if "simulation_id" in worlds.inputs.frame.columns else []
    listed = {int(value) for value in named if re.fullmatch("[0-9]{1,18}", value or "")}
    found.note("schema", f"simulations of {name}", once and numbers <= listed, f"{len(numbers)} different",
               "each once, with its parameters")  # fmt: skip
    missing = np.isnan(fields.values)
    partly = missing.any(axis=(2, 3)) & ~missing.all(axis=(2, 3))
    found.note("physics", f"{name} is whole or missing", not partly.any(), f"{int(partly.sum())} fields in part",
               "fields that are there everywhere or nowhere")  # fmt: skip
    if name == "complete-obs-only":
        found.note("physics", f"{name} is complete", not missing.any(), f"{int(missing.sum())} values missing", "none")
    wrong = []
    for place, one in enumerate(fields.names):
        there = fields.values[:, place][~missing[:, place]]
        low, high = RANGES[variable_of(one)]
        if there.size and not (low <= float(there.min()) and float(there.max()) <= high):
            wrong.append(f"{one}: {there.min():g} to {there.max():g}")
    found.note("physics", f"ranges of {name}", not wrong, "; ".join(wrong[:5]) or "all possible", str(RANGES))
    _check_smoothness(found, name, fields)


def _check_smoothness(found: Findings, name: str, fields: Fields) -> None:
    """Surface temperature of each run varies, is smooth along both axes, and is that of no other run."""
    surface = fields.values[:, fields.names.index("surface_temperature")]
    there = [plane for plane in surface if np.isfinite(plane).all()]
    rough = sum(
        min(neighbour_autocorrelation(np.ma.MaskedArray(plane[None]), axis) for axis in (1, 2)) < SMOOTH
        for plane in there
        if np.ptp(plane) > 0.01
    )
    found.note("forensics", f"{name} is smooth", rough <= MOST_ROUGH * len(there), f"{rough} of {len(there)} runs are "
               "rough", f"lag-1 autocorrelation of at least {SMOOTH} in {1 - MOST_ROUGH:.0%}")  # fmt: skip
    copies = len(there) - len({plane.tobytes() for plane in there})
    found.note("forensics", f"runs of {name} differ", copies == 0, f"{copies} copies", "no two runs alike")
