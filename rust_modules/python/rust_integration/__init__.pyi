from collections.abc import Sequence

__version__: str

def hash_files(paths: Sequence[str]) -> list[str]:
    """SHA-256 of each file as hexadecimal text, in order; raises OSError naming a file that cannot be read."""
