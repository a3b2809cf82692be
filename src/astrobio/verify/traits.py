"""Checks of tables of microbial traits: whether what they say of organisms is what is known of their genera.

Whoever shuffles or makes up temperatures gives thermophiles the temperatures of all others, and anaerobes air.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from astrobio.core.provenance import Provenance
from astrobio.formats.schema import Typed
from astrobio.verify.verdict import Findings

LEAST_JUDGED = 10
"""Species from which on a share is judged."""
WARM = r"^(thermo|pyro|hyperthermus|sulfolob|aquif|methanothermo|geotherm|caldi)"
"""Genera named after heat, or known for it (Madigan et al., Brock Biology of Microorganisms)."""
WARM_FROM, LEAST_WARM = 45.0, 0.7
"""Degrees C, and the share of their species that grow best above; measured: 0.95 and more."""
COLD = r"^(psychro|colwellia|glacie|polaribacter|moritella)"
"""Genera named after cold, or known for it (the same)."""
COLD_TO, LEAST_COLD = 37.0, 0.7
"""Degrees C; measured: all species, 0.93 below 30."""
WITHOUT_AIR = r"^(methano|desulfo|clostridi|bacteroid|thermotoga|eubacterium|fusobacter|acetobacterium)"
"""Genera that live without oxygen (the same)."""
LEAST_WITHOUT = 0.7
"""Share of the species of anaerobic genera that live without oxygen; measured: 0.94 and more."""


def check_temperatures(name: str, temperature: str) -> Callable[[Findings, Typed, Provenance], None]:
    """Species of warm genera are warm, those of cold ones cold.

    Parameters
    ----------
    name, temperature : str
        Columns of the organism's name and of its temperature, in degrees C.
    """

    def check(found: Findings, typed: Typed, _provenance: Provenance) -> None:
        if not {name, temperature} <= set(typed.frame.columns):
            return
        frame = _with_genus(typed.frame, name).filter(pl.col(temperature).is_not_null())
        for kind, genera, expected, least, said in (
            ("thermophiles", WARM, pl.col(temperature) >= WARM_FROM, LEAST_WARM, f"from {WARM_FROM:g} C on"),
            ("psychrophiles", COLD, pl.col(temperature) <= COLD_TO, LEAST_COLD, f"up to {COLD_TO:g} C"),
        ):
            _check_share(found, kind, frame.filter(pl.col("genus").str.contains(genera)), expected, least, said)

    return check


def check_oxygen(name: str, oxygen: str) -> Callable[[Findings, Typed, Provenance], None]:
    """Species of anaerobic genera live without oxygen."""

    def check(found: Findings, typed: Typed, _provenance: Provenance) -> None:
        if not {name, oxygen} <= set(typed.frame.columns):
            return
        frame = _with_genus(typed.frame, name).filter(pl.col(oxygen).is_not_null())
        _check_share(found, "anaerobes", frame.filter(pl.col("genus").str.contains(WITHOUT_AIR)),
                     pl.col(oxygen).str.contains("anaerob"), LEAST_WITHOUT, "without oxygen")  # fmt: skip

    return check


def _with_genus(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    return frame.with_columns(pl.col(name).str.to_lowercase().str.extract(r"^([a-z]+)").alias("genus"))


def _check_share(found: Findings, kind: str, frame: pl.DataFrame, expected: pl.Expr, least: float, said: str) -> None:
    if frame.height >= LEAST_JUDGED:
        good = frame.filter(expected).height
        found.note("physics", kind, good >= least * frame.height, f"{good} of {frame.height} {said}", f"{least:.0%}")
