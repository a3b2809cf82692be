"""Without real data there is no training: the exception that says so."""

from __future__ import annotations

from astrobio.core.errors import EXIT_DATA_MISSING


class TrainingRefused(RuntimeError):
    """Training cannot proceed without real data."""

    exit_code = EXIT_DATA_MISSING
