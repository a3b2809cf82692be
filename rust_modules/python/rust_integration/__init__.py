"""Native core of Astrobio."""

from rust_integration._native import __version__, hash_files

__all__ = ["__version__", "hash_files"]
