"""What became of each source of a fetch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class SourceReport:
    """One source.

    Attributes
    ----------
    source, title : str
    admitted, already : int
        Records that are new, and that were there.
    refused : list of (str, list of str)
        Key and reasons of each object that the gates refuse.
    counts : dict
        What the store now holds of it, by what is counted.
    transferred : int
        Bytes that came over the network.
    skipped, command : str, optional
        Why nothing was asked for, and what to do about it.
    failed : str, optional
        Why the source is not complete.
    changes : list of str
        What a new release has that the one before had not, for ``--update``.
    """

    source: str
    title: str
    admitted: int = 0
    already: int = 0
    refused: list[tuple[str, list[str]]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    transferred: int = 0
    skipped: str | None = None
    command: str | None = None
    failed: str | None = None
    changes: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether all of it is there and nothing was refused."""
        return not (self.skipped or self.failed or self.refused)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return vars(self) | {"complete": self.complete}
