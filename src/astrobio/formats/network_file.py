"""A network as it was read from a file, with everything that is wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from astrobio.core.errors import FormatError
from astrobio.core.network import MetabolicNetwork

PROBLEMS = ("identifiers", "references", "stoichiometry", "bounds", "types", "contents")
"""What can be wrong: identifiers that are lacking or come twice; references to nothing; coefficients and bounds that
are none; values of another type; nothing of what a network must have."""
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,4})?|[+-]?INF|NaN")


@dataclass
class NetworkFile:
    """A network, and what is wrong with its file.

    Attributes
    ----------
    network : MetabolicNetwork
        Without what is wrong.
    problems : list of (str, str)
        One of ``PROBLEMS``, and what is wrong.
    """

    network: MetabolicNetwork
    problems: list[tuple[str, str]] = field(default_factory=list)

    def sound(self) -> MetabolicNetwork:
        """The network.

        Raises
        ------
        FormatError
            If anything is wrong with it.
        """
        if self.problems:
            raise FormatError("; ".join(f"{check}: {what}" for check, what in self.problems[:5]))
        return self.network


def xml_number(text: str | None) -> float | None:
    """A number as XML Schema writes a double; none where the text is none.

    >>> xml_number("1e-3"), xml_number("-INF"), xml_number("1_000")
    (0.001, -inf, None)
    """
    text = (text or "").strip(" \t\r\n")
    if not _NUMBER.fullmatch(text):
        return None
    return float(text.replace("INF", "inf"))
