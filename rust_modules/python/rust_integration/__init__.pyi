from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

__version__: str

def hash_files(paths: Sequence[str]) -> list[str]:
    """SHA-256 of each file as hexadecimal text, in order; raises OSError naming a file that cannot be read."""

class CompileError(ValueError):
    """A value that cannot be stored: ``sample`` (its number among those given) and ``field`` say where it is."""

    sample: int
    field: int

class Tensor:
    """Compiled values: a read-only buffer, which ``numpy.asarray`` takes without a copy (bfloat16 as uint16)."""

    dtype: str
    shape: tuple[int, ...]
    nbytes: int
    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

class Compiled:
    """What samples became.

    Attributes
    ----------
    data : Tensor
        Stored values, or what was given as ``out``.
    crc32 : Tensor
        uint32 (n,): CRC-32 of each sample's stored bytes, as zlib computes it.
    moments : Tensor
        float64 (n, fields, 5): count of present values, mean, sum of squared deviations, least, greatest; of the
        values that a reader gets. Of no value: 0, 0, 0, NaN, NaN.
    offsets : Tensor or None
        Of ragged samples, int64 (n + 1,): sample i is rows ``offsets[i]:offsets[i + 1]``.
    """

    data: Any
    crc32: Tensor
    moments: Tensor
    offsets: Tensor | None

def compile_array(
    values: Any,
    axes: Sequence[int] | None,
    dtype: str,
    scale: Sequence[float] | None = None,
    offset: Sequence[float] | None = None,
    missing: int | None = None,
    *,
    fields: int | None = None,
    out: Any = None,
    threads: int | None = None,
) -> Compiled:
    """Encode samples of one shape, on all cores unless ``threads`` is given.

    Parameters
    ----------
    values : buffer
        (n, ...) of floating-point numbers, integers or bool, with any strides; NaN is missing.
    axes : sequence of int, optional
        Which axis of a sample (0 is the first after the samples) comes where in what is stored.
    dtype : str
        What is stored. Without scale and offset, integers and bool are stored exactly or refused, and
        floating-point numbers are rounded once, to nearest even.
    scale, offset : sequence of float, optional
        One for all, or one for each field (position along the first stored axis): stored = (value - offset) / scale
        in float64, to nearest even.
    missing : int, optional
        Stored for NaN, of integer types. Integers without a scale that equal it are missing already.
    fields : int, optional
        1 takes moments of a sample as a whole; else they are taken along the first stored axis.
    out : buffer, optional
        Writable contiguous memory of the right size, which does not overlap ``values``.

    Raises
    ------
    CompileError
        If a value is infinite, out of the range of ``dtype``, not exact, or equal to the missing code; the first.
    ValueError
        If the arguments do not fit together.
    """

def compile_ragged(
    values: Any,
    offsets: Any,
    dtype: str,
    scale: Sequence[float] | None = None,
    offset: Sequence[float] | None = None,
    missing: int | None = None,
    *,
    fields: int | None = None,
    out: Any = None,
    threads: int | None = None,
) -> Compiled:
    """Encode samples of any number of rows; as :func:`compile_array`, and fields lie along the first axis of a row.

    ``values`` are (rows, ...) with ``offsets``, int64 (n + 1,), or a list of n such buffers and ``offsets`` None.
    """

def block_crc32(parts: Sequence[Any], block: int) -> Tensor:
    """CRC-32 of consecutive blocks of ``block`` bytes, the last shorter, of contiguous buffers one after another."""

def write_shard(
    path: str | PathLike[str],
    tensors: Sequence[tuple[str, str, Sequence[int], Any]],
    metadata: Mapping[str, str] | None = None,
    sync: bool = True,
) -> str:
    """Write a safetensors file; SHA-256 of it as hexadecimal text.

    The same tensors and metadata give the same bytes. Until all of it is written (with ``sync``: on the disk) it has a
    temporary name beside ``path``, which an error removes; what was at ``path`` is replaced in one step.

    Parameters
    ----------
    tensors : sequence of (name, dtype, shape, buffer)
        A list of contiguous buffers stands for one after another. They must not change meanwhile.

    Raises
    ------
    OSError
        If it cannot be written.
    ValueError
        If a name comes twice, or a buffer is not of the type or size that is said.
    """
