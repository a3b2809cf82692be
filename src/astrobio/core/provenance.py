"""Where bytes came from, and how well that is established."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from astrobio.core.errors import RefusedInput

Kind = Literal["observation", "curated", "reanalysis", "simulation", "document"]
"""What a record is. There is no kind for fabricated data: it cannot be expressed."""

Assurance = Literal["reproduced", "pinned", "fetched", "declared"]
"""How well the origin is established, from a repeat that gave the same bytes down to a user's word."""

Origin = Literal["simulator_run", "import", "exchange"]


@dataclass(frozen=True)
class Provenance:
    """Where one object's bytes came from.

    Parameters
    ----------
    source : str
        Name of the source in the registry, for example ``planet_runs``.
    kind : Kind
        What the record is.
    assurance : Assurance
        What stands behind the origin.
    origin : Origin
        A run of a simulator, an import of a named release, or an exchange with an archive.
    key : str
        Name of the object within its source, for people.
    detail : dict
        JSON-ready facts: for a simulator run its program, version, binary digest, wall time; for an import
        the release and its digest; for an exchange the URL, time, status and headers.

    Raises
    ------
    RefusedInput
        If the kind, assurance or origin is not one of those that exist.

    >>> Provenance("planet_runs", "simulation", "reproduced", "simulator_run", "sobol-000001-warm").kind
    'simulation'
    """

    source: str
    kind: Kind
    assurance: Assurance
    origin: Origin
    key: str
    detail: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("kind", self.kind, get_args(Kind)),
            ("assurance", self.assurance, get_args(Assurance)),
            ("origin", self.origin, get_args(Origin)),
        ):
            if value not in allowed:
                raise RefusedInput(
                    f"provenance of {self.key}: {name} is {value!r}, expected one of {', '.join(allowed)}"
                )

    def to_json(self) -> str:
        """Canonical JSON: equal provenance gives equal text."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Provenance:
        """Read what :meth:`to_json` wrote."""
        return cls(**json.loads(text))
