"""Errors of the package. Each says what is wrong, and names the command that mends it where there is one."""

from __future__ import annotations

EXIT_DONE = 0
EXIT_CHECK_FAILED = 1
EXIT_USAGE = 2
EXIT_DATA_MISSING = 3
EXIT_REFUSED = 4
EXIT_UNREACHABLE = 5
EXIT_INTERRUPTED = 130


class AstrobioError(Exception):
    """Base of all errors that the package raises on purpose.

    Parameters
    ----------
    message : str
        What is wrong, and where.
    fix : str, optional
        The next command or step.

    >>> str(AstrobioError("the store is empty", fix="astrobio import shipped"))
    'the store is empty\\nRun: astrobio import shipped'
    """

    exit_code = EXIT_CHECK_FAILED

    def __init__(self, message: str, *, fix: str | None = None) -> None:
        self.message = message
        self.fix = fix
        super().__init__(message if fix is None else f"{message}\nRun: {fix}")


class UsageError(AstrobioError):
    """Wrong usage or configuration: an unknown key, an impossible value."""

    exit_code = EXIT_USAGE


class MissingDependency(UsageError):
    """An optional program or library that is not installed."""


class DataMissing(AstrobioError):
    """Data that a step needs is not there."""

    exit_code = EXIT_DATA_MISSING


class IntegrityError(AstrobioError):
    """Something that was stored no longer is what its digest says."""


class RefusedInput(AstrobioError):
    """Input that must not be admitted, or a pack, split or checkpoint that must not be used."""

    exit_code = EXIT_REFUSED


class FormatError(RefusedInput):
    """Bytes that are not what their format says; the message names the place."""


class Unreachable(AstrobioError):
    """A source that could not be reached."""

    exit_code = EXIT_UNREACHABLE
