"""Which gates an object passes and what groups it, by its source. A new source is one module and one line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from astrobio.core.errors import RefusedInput
from astrobio.core.provenance import Provenance
from astrobio.verify.planet_runs import planet_group, verify_planet_run
from astrobio.verify.verdict import Verdict


@dataclass(frozen=True)
class Admission:
    """How objects of a source are admitted.

    Attributes
    ----------
    gates : callable
        From bytes and provenance to the verdict.
    group : callable
        From the bytes of an admitted object to what must stay on one side of a split.
    """

    gates: Callable[[bytes, Provenance], Verdict]
    group: Callable[[bytes], str]


SOURCES: dict[str, Admission] = {"planet_runs": Admission(verify_planet_run, planet_group)}


def admission(source: str) -> Admission:
    """How objects of ``source`` are admitted.

    Raises
    ------
    RefusedInput
        If no gates are known for the source: what cannot be verified is not admitted.

    >>> admission("planet_runs").gates.__name__
    'verify_planet_run'
    """
    if source not in SOURCES:
        raise RefusedInput(f"source {source!r} has no gates; known are {', '.join(SOURCES)}")
    return SOURCES[source]


def verify(content: bytes, provenance: Provenance) -> Verdict:
    """Let ``content`` pass the gates of its source; see :func:`admission`."""
    return admission(provenance.source).gates(content, provenance)
