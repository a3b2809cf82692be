from collections.abc import Callable, Mapping, Sequence
from typing import Any

__version__: str

def hash_files(paths: Sequence[str]) -> list[str]:
    """SHA-256 of each file as hexadecimal text, in order; raises OSError naming a file that cannot be read."""

class Session:
    """Fetches files over HTTP on threads of its own; limits for each host hold over all its calls.

    ``astrobio.transfer`` is its typed face, and says what the settings and requests hold.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Raises ValueError naming a setting that is out of its range, or a certificate that cannot be read."""

    def fetch(
        self,
        requests: Sequence[Mapping[str, Any]],
        progress: Callable[[dict[str, int]], object] | None = None,
        every: float = 0.1,
    ) -> list[dict[str, Any]]:
        """Fetch all requests and return a dict for each, in their order.

        Python's lock is released meanwhile. Every ``every`` seconds signals are heeded, and ``progress`` is called
        with a dict of numbers. An interrupt, or an error of ``progress``, stops the transfers so that they can be
        gone on with, and is raised. Raises RuntimeError in a process that was forked after the session was made.
        """

    def cancel(self) -> None:
        """Stop every transfer of the session; those under way end with the reason ``cancelled``."""
