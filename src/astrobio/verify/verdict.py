"""What the gates found in one object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Gate = Literal["transfer", "format", "schema", "physics", "forensics"]
Severity = Literal["refuse", "flag"]


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    Attributes
    ----------
    gate, check : str
        Where in the row of gates, and the check's name.
    passed : bool
        Whether what was seen is as expected.
    severity : str
        ``refuse`` keeps the object out; ``flag`` is noted beside it.
    seen, expected : str
        What the check saw, and what it allows.
    """

    gate: Gate
    check: str
    passed: bool
    severity: Severity
    seen: str
    expected: str


@dataclass(frozen=True)
class Verdict:
    """All findings about one object, and how much it holds.

    Attributes
    ----------
    findings : tuple of Finding
    counts : mapping of str to int
        What is in it: rows, planets, spectra, reactions.

    >>> Verdict((Finding("physics", "energy balance", False, "refuse", "3 W m-2", "at most 0.01 W m-2"),)).admitted
    False
    """

    findings: tuple[Finding, ...]
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def admitted(self) -> bool:
        """Whether nothing that refuses has failed."""
        return not any(finding.severity == "refuse" and not finding.passed for finding in self.findings)

    @property
    def reasons(self) -> list[str]:
        """Why the object is refused, one line each."""
        return [_line(finding) for finding in self.findings if finding.severity == "refuse" and not finding.passed]

    @property
    def flags(self) -> list[str]:
        """What is noted beside an admitted object."""
        return [_line(finding) for finding in self.findings if finding.severity == "flag" and not finding.passed]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        findings = [asdict(finding) for finding in self.findings]
        return {"admitted": self.admitted, "findings": findings, "counts": dict(self.counts)}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Verdict:
        """Read what :meth:`to_dict` gave."""
        return cls(tuple(Finding(**finding) for finding in found["findings"]), dict(found.get("counts", {})))

    def render(self) -> str:
        """The verdict as text for people."""
        head = "admitted" if self.admitted else "refused"
        marks = {True: "ok  ", False: "FAIL"}
        lines = [f"  {marks[finding.passed]} {_line(finding)}" for finding in self.findings]
        return "\n".join([f"verdict: {head}", *lines])


class Findings:
    """Collects findings of one gate after the other.

    >>> found = Findings()
    >>> found.note("schema", "rows", 3 >= 2, 3, "at least 2")
    True
    >>> found.verdict().admitted
    True
    """

    def __init__(self) -> None:
        self.rows: list[Finding] = []
        self.counts: dict[str, int] = {}

    def note(
        self, gate: Gate, check: str, passed: bool, seen: object, expected: str, severity: Severity = "refuse"
    ) -> bool:
        """Note what a check saw; returns whether it passed."""
        self.rows.append(Finding(gate, check, bool(passed), severity, str(seen), expected))
        return bool(passed)

    def flag(self, gate: Gate, check: str, passed: bool, seen: object, expected: str) -> bool:
        """Note what a check saw that does not refuse."""
        return self.note(gate, check, passed, seen, expected, "flag")

    def verdict(self) -> Verdict:
        """All of it."""
        return Verdict(tuple(self.rows), self.counts)


def _line(finding: Finding) -> str:
    return f"{finding.gate}: {finding.check}: {finding.seen} (expected {finding.expected})"
