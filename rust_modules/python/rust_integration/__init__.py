"""Native core of Astrobio."""

from rust_integration._native import (
    ArraySpec,
    Buffer,
    Output,
    PackError,
    PackReader,
    Plan,
    Session,
    Ticket,
    __version__,
    hash_files,
    public_url,
)

__all__ = [
    "ArraySpec",
    "Buffer",
    "Output",
    "PackError",
    "PackReader",
    "Plan",
    "Session",
    "Ticket",
    "__version__",
    "hash_files",
    "public_url",
]
