"""The native core, asked for when it is needed, so that what does without it works without it."""

from __future__ import annotations

from types import ModuleType

from astrobio.core.errors import MissingDependency


def native() -> ModuleType:
    """The module ``rust_integration``.

    Raises
    ------
    MissingDependency
        If it is not installed.

    >>> native().__name__
    'rust_integration'
    """
    try:
        import rust_integration
    except ModuleNotFoundError as error:
        raise MissingDependency(
            "the native core rust_integration is not installed", fix="cd rust_modules && maturin develop --release"
        ) from error
    return rust_integration
