"""Native core of Astrobio."""

from rust_integration._native import Session, __version__, hash_files

__all__ = ["Session", "__version__", "hash_files"]
