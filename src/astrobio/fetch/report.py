"""What became of each source of a fetch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from astrobio.core.errors import EXIT_CHECK_FAILED, EXIT_DONE, EXIT_REFUSED
from astrobio.fetch.releases import Changes


@dataclass(frozen=True)
class Failure:
    """Why something of a source did not come.

    Attributes
    ----------
    product : str
        Empty where it is the whole source.
    message : str
        What happened.
    code : int
        The exit code that belongs to it.
    command : str, optional
        What to run.
    by_hand : str, optional
        How a user gets the file where programs are not served.
    """

    product: str
    message: str
    code: int
    command: str | None = None
    by_hand: str | None = None


@dataclass
class SourceReport:
    """One source.

    Attributes
    ----------
    source, title : str
    admitted, already : int
        Files that are new in the store, and that were there.
    refused : list of (str, list of str)
        Key and reasons of each object that the gates refuse.
    counts : dict
        What the store now holds of it, by what is counted.
    transferred, requests : int
        Bytes that came over the network, and requests that were sent.
    skipped, command : str, optional
        Why nothing was asked for, and what to do about it.
    failures : list of Failure
        Why the source is not complete.
    remarks : list of str
        What a user should know and no check refuses.
    changes : list of Changes
        What a new release has that the one before had not, for ``--update``.
    """

    source: str
    title: str
    admitted: int = 0
    already: int = 0
    refused: list[tuple[str, list[str]]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    transferred: int = 0
    requests: int = 0
    skipped: str | None = None
    command: str | None = None
    failures: list[Failure] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    changes: list[Changes] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether all of it is there and nothing was refused."""
        return not (self.skipped or self.failures or self.refused)

    @property
    def exit_code(self) -> int:
        """0 where all is well or nothing was asked for; 1 incomplete; 4 refused; 5 not reached; 1 for several of it.

        >>> SourceReport("toi", "", failures=[Failure("toi", "no answer", 5)]).exit_code
        5
        """
        codes = {failure.code for failure in self.failures} | ({EXIT_REFUSED} if self.refused else set())
        return one_code(codes)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return vars(self) | {
            "refused": [{"key": key, "reasons": reasons} for key, reasons in self.refused],
            "failures": [asdict(failure) for failure in self.failures],
            "changes": [change.to_dict() for change in self.changes],
            "complete": self.complete,
            "exit_code": self.exit_code,
        }


def one_code(codes: Iterable[int]) -> int:
    """The exit code for several: the only one that is not 0, or 1 where they differ.

    >>> one_code([0, 5, 5]), one_code([0, 4, 5]), one_code([])
    (5, 1, 0)
    """
    bad = set(codes) - {EXIT_DONE}
    if not bad:
        return EXIT_DONE
    return bad.pop() if len(bad) == 1 else EXIT_CHECK_FAILED
