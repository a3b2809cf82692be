from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, TypeAlias

from numpy.typing import NDArray
from typing_extensions import Buffer as PythonBuffer

# For type checkers arrays have the protocol from Python 3.12 on; in truth they always had it.
SupportsBuffer: TypeAlias = PythonBuffer | NDArray[Any]

__version__: str

def hash_files(paths: Sequence[str]) -> list[str]:
    """SHA-256 of each file as hexadecimal text, in order; raises OSError naming a file that cannot be read."""

def public_url(url: str) -> str:
    """A URL as it may be shown and recorded: user, password, and values of secret parameters are hidden."""

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

class PackError(Exception):
    """A shard of a pack is damaged, or is not what it was when it was opened.

    Attributes
    ----------
    shard
        Path of the shard.
    sample
        Index in the pack of the sample that cannot be read (of a plan over tokens: the number of the window), or
        None where the whole shard is meant.
    """

    shard: str | None
    sample: int | None

class ArraySpec:
    """An array of a pack as its shards store it: value = stored * scale + offset.

    Parameters
    ----------
    name
        Of the tensor; `name.crc32` and, unless it is dense, `name.offsets` stand beside it.
    dtype
        float16, bfloat16, float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64 or bool.
    shape
        Of a sample (dense) or of a row of a sample (ragged); () for tokens.
    layout
        dense, ragged or tokens.
    scale, offset
        One for all fields, or one a field (first axis of the shape). Finite, a scale not 0.
    missing
        The stored number that marks a missing value; integer types only. In floating types NaN does.

    Raises
    ------
    ValueError
        If the description is not consistent in itself.
    """

    def __init__(
        self,
        name: str,
        dtype: str,
        shape: Sequence[int],
        layout: str = "dense",
        scale: Sequence[float] = (1.0,),
        offset: Sequence[float] = (0.0,),
        missing: int | None = None,
    ) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def dtype(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def layout(self) -> str: ...
    @property
    def scale(self) -> tuple[float, ...]: ...
    @property
    def offset(self) -> tuple[float, ...]: ...
    @property
    def missing(self) -> int | None: ...

class Output:
    """What a plan gives out of a dense or ragged array.

    A floating output is `(stored - shift) * gain` with `shift = (mean - offset) / scale` and `gain = scale / std`,
    constants that are made in float64 and rounded once into the working type: float32 for stored types of at most
    16 bits and float32, else float64. The result is rounded to nearest even into `dtype`. Missing values come out
    as NaN, or with a mask as 0.

    Parameters
    ----------
    name
        Of the array.
    dtype
        float16, bfloat16, float32 or float64; for integer (and bool) arrays without scale, offset and normalisation
        also an integer type that holds all their values. None: the bytes as stored, for arrays without scale,
        offset and missing code.
    mean, std
        Of the values; one for all or one a field (first axis of the array's shape). Empty: 0 and 1.
    mask
        Whether a second result of the same shape, bool, says which values are present. An integer output of an
        array with a missing code needs one.
    """

    def __init__(
        self,
        name: str,
        dtype: str | None = None,
        mean: Sequence[float] = (),
        std: Sequence[float] = (),
        mask: bool = False,
    ) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def dtype(self) -> str | None: ...
    @property
    def mean(self) -> tuple[float, ...]: ...
    @property
    def std(self) -> tuple[float, ...]: ...
    @property
    def mask(self) -> bool: ...

class PackReader:
    """An open pack: its shards mapped into memory, and the memory that batches are written to.

    Opening checks each header against the arrays: types, shapes, numbers of samples, offsets, and that the file is
    whole. A sample's CRC-32 is checked when it is first read since then, before any value of its batch is given
    out; length and time of modification of each shard a batch reads are checked before it is read. A shard that was
    replaced under its name is another file: the one that was opened is still read. A shard that is cut in the
    instant between that check and the read ends the process with SIGBUS, as any mapped file does.

    Parameters
    ----------
    shards
        Path and number of samples of each, in order. Samples are numbered through all of them.
    arrays
        Those to be read; shards may hold more.

    Raises
    ------
    PackError
        If a shard is not what the arrays say.
    """

    def __init__(self, shards: Sequence[tuple[str | PathLike[str], int]], arrays: Sequence[ArraySpec]) -> None: ...
    def __len__(self) -> int:
        """Number of samples."""

    def plan(self, outputs: Sequence[Output], threads: int = 1, check: bool = True) -> Plan:
        """A plan that gives these outputs of samples, made by so many threads of its own.

        Parameters
        ----------
        outputs
            In the order of the results.
        threads
            1 to 1024.
        check
            Whether checksums are looked at.

        Raises
        ------
        ValueError
            If an output makes no sense for its array.
        """

    def tokens(
        self,
        name: str,
        window: int,
        stride: int,
        dtype: str = "int64",
        documents: bool = False,
        threads: int = 1,
        check: bool = True,
    ) -> Plan:
        """A plan of windows over a stream of tokens, the shards' tokens one after another.

        Window i is the tokens `i * stride` to `i * stride + window`; there are as many windows as lie in the stream
        as a whole. Results are the tokens (k, window) and, with `documents`, the number in the pack of each token's
        document, int64 (k, window).

        Parameters
        ----------
        name
            Of an array with the layout `tokens`.
        window, stride
            In tokens; 1 or more.
        dtype
            An integer type that holds all values of the stored one.
        documents
            Whether documents are told.
        threads, check
            As for `plan`. A checksum stands for 65,536 tokens of a shard.

        Raises
        ------
        ValueError
            If the request makes no sense for the array.
        """

class Plan:
    """Outputs of a pack and the threads that make them.

    A batch has one result an output, in order; after the values of a ragged array come its offsets, int64 (k + 1),
    and then, if asked for, the mask. Values are of shape (k, *shape), of ragged arrays (rows, *shape).

    All methods that take `indices` want a one-dimensional int64 buffer, and raise TypeError for anything else,
    IndexError for an index outside 0 to len(plan) - 1 (a negative one, too), ValueError after `close`, and
    RuntimeError in a process that was forked after the plan was made: threads do not follow there.
    """

    def __len__(self) -> int:
        """Number of samples, or of windows."""

    @property
    def dtypes(self) -> list[str]:
        """Types of the results."""

    def shapes(self, indices: SupportsBuffer) -> list[tuple[int, ...]]:
        """Shapes of the results of a batch, for who provides memory for them."""

    def gather(self, indices: SupportsBuffer) -> list[Buffer]:
        """The results of a batch, in memory of the reader's pool; raises PackError and gives none if one is damaged."""

    def gather_into(self, indices: SupportsBuffer, out: Sequence[SupportsBuffer]) -> None:
        """Writes the results of a batch into memory of the caller.

        Parameters
        ----------
        indices
            Of samples or windows.
        out
            One a result: writable, C-contiguous, of the result's type (or bytes; bfloat16 as any 16 bits) and of
            exactly its size. No two may overlap, and nobody may read or write them until the call returns.

        Raises
        ------
        PackError
            If a sample is damaged or a shard has changed. All of `out` then holds NaN or, in types without it, 0,
            unless nothing was written at all.
        ValueError
            If a buffer does not fit.
        """

    def submit(self, indices: SupportsBuffer, out: Sequence[SupportsBuffer] | None = None) -> Ticket:
        """Starts `gather` or, with `out`, `gather_into` in the background.

        Batches are worked on in the order of submission, each split over the plan's threads by sample. What a batch
        reads for the first time is asked for from the disk at once. Errors of the request are raised here, errors
        of the pack by `Ticket.wait`.
        """

    def close(self) -> None:
        """Ends the threads. Batches that are not complete fail: their tickets raise ValueError."""

class Ticket:
    """A batch in the background. Dropping it ends the work on it before any memory is let go."""

    def wait(self) -> list[Buffer] | None:
        """Waits for the batch; Ctrl-C ends the wait, and it may be resumed.

        Returns
        -------
        list of Buffer or None
            The results; None if they were written into memory of the caller.

        Raises
        ------
        PackError
            If a sample is damaged or a shard has changed.
        ValueError
            If the results were handed out before, or the plan was closed before they were complete.
        """

class Buffer:
    """One result of a batch; a writable buffer, aligned to 64 bytes, as numpy.asarray and torch.frombuffer take it.

    bfloat16, which Python's buffers do not know, has the format 'H'. Its memory is used for another batch once
    nothing refers to the buffer or to what was made of it.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> str: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

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
