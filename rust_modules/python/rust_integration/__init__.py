"""Native core of Astrobio."""

from rust_integration._native import (
    Compiled,
    CompileError,
    Tensor,
    __version__,
    block_crc32,
    compile_array,
    compile_ragged,
    hash_files,
    write_shard,
)

__all__ = [
    "CompileError",
    "Compiled",
    "Tensor",
    "__version__",
    "block_crc32",
    "compile_array",
    "compile_ragged",
    "hash_files",
    "write_shard",
]
