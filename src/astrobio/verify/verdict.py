"""What the gates found in one object."""

from __future__ import annotations

from dataclasses import asdict, dataclass
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
    """All findings about one object.

    >>> Verdict((Finding("physics", "energy balance", False, "refuse", "3 W m-2", "at most 0.01 W m-2"),)).admitted
    False
    """

    findings: tuple[Finding, ...]

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
        return {"admitted": self.admitted, "findings": [asdict(finding) for finding in self.findings]}

    def render(self) -> str:
        """The verdict as text for people."""
        head = "admitted" if self.admitted else "refused"
        marks = {True: "ok  ", False: "FAIL"}
        lines = [f"  {marks[finding.passed]} {_line(finding)}" for finding in self.findings]
        return "\n".join([f"verdict: {head}", *lines])


def _line(finding: Finding) -> str:
    return f"{finding.gate}: {finding.check}: {finding.seen} (expected {finding.expected})"
