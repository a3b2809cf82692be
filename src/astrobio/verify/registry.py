"""Which gates an object passes, by its source. A new source is one module and one line here."""

from __future__ import annotations

from collections.abc import Callable

from astrobio.core.errors import RefusedInput
from astrobio.core.provenance import Provenance
from astrobio.verify.planet_runs import verify_planet_run
from astrobio.verify.verdict import Verdict

GATES: dict[str, Callable[[bytes, Provenance], Verdict]] = {"planet_runs": verify_planet_run}


def verify(content: bytes, provenance: Provenance) -> Verdict:
    """Let ``content`` pass the gates of its source.

    Raises
    ------
    RefusedInput
        If no gates are known for the source: what cannot be verified is not admitted.
    """
    if provenance.source not in GATES:
        raise RefusedInput(f"source {provenance.source!r} has no gates; known are {', '.join(GATES)}")
    return GATES[provenance.source](content, provenance)
