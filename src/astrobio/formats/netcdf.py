"""NetCDF, classic and on HDF5, from bytes: what is in a file, and its variables as they are asked for.

The netCDF library reads both kinds. Sizes are added up and bounded before a value is read. A NetCDF-4 file is an HDF5
file, and such a file can name others: the library follows external links, external storage and virtual datasets to
files of the machine that it runs on (seen with netCDF 4.10.1), so that whoever sends a file could have any file read.
Each object is therefore looked at through h5py first, and what a NetCDF-4 file has no need of is an error.

Missing values become masks, packed values are unpacked: CF Conventions, sections 2.5.1 and 8.1
(https://cfconventions.org/cf-conventions/cf-conventions.html).
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from astrobio.core.errors import FormatError

CLASSIC = (b"CDF\x01", b"CDF\x02", b"CDF\x05")
HDF5 = b"\x89HDF\r\n\x1a\n"
FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32", 32015: "zstandard"}
"""HDF5 filters that are read, by their registered number; others would load programs from elsewhere."""
_FAILURES = (OSError, RuntimeError, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError)
"""What the libraries raise on bytes that are not what they claim to be."""
Value = str | int | float | tuple[int | float | str, ...]


@dataclass(frozen=True)
class Limits:
    """How much a file may hold.

    Attributes
    ----------
    variables, dimensions : int
    attributes : int
        Of one variable, or of the file.
    size : int
        Bytes of all variables together, unpacked from compression.
    chunk : int
        Bytes of one chunk, unpacked.
    """

    variables: int = 2_000
    dimensions: int = 500
    attributes: int = 500
    size: int = 2 << 30
    chunk: int = 256 << 20


@dataclass(frozen=True)
class Variable:
    """What a file says of one variable.

    Attributes
    ----------
    name : str
    dtype : numpy.dtype
        Of the values as they are stored.
    dimensions : tuple of str
    shape : tuple of int
    attributes : mapping
        Numbers, text, or tuples of them.
    """

    name: str
    dtype: np.dtype[Any]
    dimensions: tuple[str, ...]
    shape: tuple[int, ...]
    attributes: Mapping[str, Value] = field(default_factory=dict)

    def text(self, attribute: str) -> str:
        """An attribute that is text; empty where there is none."""
        value = self.attributes.get(attribute, "")
        return value.strip() if isinstance(value, str) else ""

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers."""
        return self.dtype.kind in "iuf"

    @property
    def size(self) -> int:
        """Bytes of its values."""
        return math.prod(self.shape) * self.dtype.itemsize


class NetCdf:
    """A NetCDF file in memory. Values are read when they are asked for, and kept.

    Attributes
    ----------
    model : str
        ``NETCDF3_CLASSIC``, ``NETCDF3_64BIT_OFFSET``, ``NETCDF3_64BIT_DATA``, ``NETCDF4`` or ``NETCDF4_CLASSIC``.
    dimensions : dict of str to int
    variables : dict of str to Variable
    attributes : dict
        Of the file as a whole.
    """

    def __init__(self, content: bytes, limits: Limits | None = None) -> None:
        import netCDF4

        self._raw: dict[str, NDArray[Any]] = {}
        limits = limits or Limits()
        _check_signature(content)
        if content.startswith(HDF5):
            _check_hdf5(content, limits)
        try:
            self._dataset = netCDF4.Dataset("in memory", mode="r", memory=content)
            self._dataset.set_auto_maskandscale(False)
            self._dataset.set_auto_chartostring(False)
            self._describe(limits)
        except _FAILURES as error:
            raise FormatError(f"the netCDF library cannot read it: {_said(error)}") from error

    def _describe(self, limits: Limits) -> None:
        dataset = self._dataset
        self.model: str = dataset.data_model
        if dataset.groups or dataset.cmptypes or dataset.vltypes or dataset.enumtypes:
            raise FormatError("it holds groups or types of its own, which are not read")
        for what, count, most in (
            ("variables", len(dataset.variables), limits.variables),
            ("dimensions", len(dataset.dimensions), limits.dimensions),
        ):
            if count > most:
                raise FormatError(f"it has {count} {what}; at most {most} are read")
        self.dimensions = {name: len(dimension) for name, dimension in dataset.dimensions.items()}
        self.variables = {name: _variable(variable, limits) for name, variable in dataset.variables.items()}
        self.attributes = _attributes(dataset, limits)
        total = sum(variable.size for variable in self.variables.values())
        if total > limits.size:
            raise FormatError(f"its variables hold {total} bytes; at most {limits.size} are read")

    def load(self) -> NetCdf:
        """Read every variable; returns the file itself.

        Raises
        ------
        FormatError
            If one cannot be read, or is packed by what is no number.
        """
        for name, variable in self.variables.items():
            self.raw(name)
            for attribute in ("scale_factor", "add_offset"):
                _number(variable, attribute, 1.0)
        return self

    def raw(self, name: str) -> NDArray[Any]:
        """The values of a variable as they are stored, in the machine's byte order.

        Raises
        ------
        FormatError
            If they cannot be read.
        """
        if name not in self._raw:
            try:
                values = np.asarray(self._dataset.variables[name][...])
            except _FAILURES as error:
                raise FormatError(f"the values of {name} cannot be read: {_said(error)}") from error
            variable = self.variables[name]
            if values.shape != variable.shape:
                raise FormatError(f"{name} has the shape {values.shape}, and {variable.shape} is declared")
            if variable.text("_Unsigned").lower() == "true" and values.dtype.kind == "i":
                values = values.view(values.dtype.str.replace("i", "u"))
            self._raw[name] = values.astype(values.dtype.newbyteorder("="), copy=False)
        return self._raw[name]

    def values(self, name: str) -> np.ma.MaskedArray[Any, Any]:
        """The numbers of a variable in its units, masked where they are missing; packed ones as float64.

        What is missing is what ``_FillValue`` or ``missing_value`` says, or without them the library's own fill value.
        ``valid_min`` and ``valid_max`` mask nothing: files were seen whose good values lie outside.

        Raises
        ------
        FormatError
            If they cannot be read, or are no numbers.
        """
        variable, raw = self.variables[name], self.raw(name)
        if not variable.numeric:
            raise FormatError(f"{name} holds no numbers")
        mask = np.zeros(raw.shape, dtype=bool)
        for value in self.fill_values(name):
            mask |= np.isnan(raw) if math.isnan(value) else raw == raw.dtype.type(value)
        scale, offset = _number(variable, "scale_factor", 1.0), _number(variable, "add_offset", 0.0)
        if (scale, offset) == (1.0, 0.0):
            return np.ma.MaskedArray(raw, mask=mask)
        with np.errstate(all="ignore"):  # what becomes endless is seen as such
            return np.ma.MaskedArray(raw.astype(np.float64) * scale + offset, mask=mask)

    def fill_values(self, name: str) -> list[float]:
        """What stands for a missing value of a variable, as it is stored."""
        import netCDF4

        variable = self.variables[name]
        dtype = self.raw(name).dtype
        said = [value for value in _said_fills(variable) if _holds(dtype, value)]
        if "_FillValue" not in variable.attributes and dtype.itemsize > 1:
            said.append(float(netCDF4.default_fillvals[dtype.str[1:]]))
        return said

    def odd_fill_values(self, name: str) -> list[float]:
        """Fill values that a variable names and that its type cannot hold: CF, section 2.5.1, wants the same type."""
        dtype = self.variables[name].dtype
        return [value for value in _said_fills(self.variables[name]) if not _holds(dtype, value)]

    def strings(self, name: str) -> list[str]:
        """The strings of a variable of characters, one a line of its last dimension.

        Raises
        ------
        FormatError
            If they cannot be read, or are none.
        """
        raw = self.raw(name)
        if raw.dtype.kind != "S":
            raise FormatError(f"{name} holds no text")
        lines = raw.reshape(-1, raw.shape[-1]) if raw.ndim else raw.reshape(1, 1)
        return [b"".join(line.tolist()).decode("utf-8", "replace").rstrip(" \0") for line in lines]

    def close(self) -> None:
        """Let go of the library's copy; values that were read stay."""
        self._dataset.close()


def read_netcdf(content: bytes, limits: Limits | None = None) -> NetCdf:
    r"""Read what is in a NetCDF file.

    Raises
    ------
    FormatError
        If it is none, is cut short, holds more than the limits, names other files, or cannot be read.

    >>> read_netcdf(b"<html>")
    Traceback (most recent call last):
    ...
    astrobio.core.errors.FormatError: it begins with b'<html>', as no NetCDF file does
    """
    return NetCdf(content, limits)


def _check_signature(content: bytes) -> None:
    if not content:
        raise FormatError("the file is empty")
    if not content.startswith((*CLASSIC, HDF5)):
        raise FormatError(f"it begins with {content[:8]!r}, as no NetCDF file does")


def _check_hdf5(content: bytes, limits: Limits) -> None:
    """Look at every object: none may name another file, or be larger than is read."""
    import h5py

    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            names = list(file)
            if len(names) > limits.variables + limits.dimensions:
                raise FormatError(f"it holds {len(names)} objects; at most {limits.variables} variables are read")
            total = 0
            for name in names:
                if not isinstance(file.get(name, getlink=True), h5py.HardLink):
                    raise FormatError(f"{name!r} is a link, and not a variable of this file")
                total += _dataset_size(name, file[name], limits)
            if total > limits.size:
                raise FormatError(f"its variables hold {total} bytes; at most {limits.size} are read")
    except _FAILURES as error:
        raise FormatError(f"the HDF5 library cannot read it: {_said(error)}") from error


def _dataset_size(name: str, dataset: Any, limits: Limits) -> int:
    import h5py

    if not isinstance(dataset, h5py.Dataset):
        raise FormatError(f"{name!r} is a {type(dataset).__name__.lower()}, which is not read")
    if dataset.is_virtual or dataset.external:
        raise FormatError(f"the values of {name!r} lie in another file")
    if dataset.dtype.kind not in "iufS":
        raise FormatError(f"{name!r} is of the type {dataset.dtype}; numbers and characters are read")
    properties = dataset.id.get_create_plist()
    for place in range(properties.get_nfilters()):
        number = properties.get_filter(place)[0]
        if number not in FILTERS:
            raise FormatError(f"{name!r} went through the filter {number}; read are {', '.join(FILTERS.values())}")
    chunk = math.prod(dataset.chunks or ()) * dataset.dtype.itemsize
    if chunk > limits.chunk:
        raise FormatError(f"a chunk of {name!r} has {chunk} bytes; at most {limits.chunk} are read")
    return math.prod(dataset.shape or ()) * dataset.dtype.itemsize


def _variable(variable: Any, limits: Limits) -> Variable:
    dtype = np.dtype(variable.dtype)
    if dtype.kind not in "iufS":
        raise FormatError(f"{variable.name} is of the type {dtype}; numbers and characters are read")
    shape = tuple(int(length) for length in variable.shape)
    return Variable(variable.name, dtype, tuple(variable.dimensions), shape, _attributes(variable, limits))


def _attributes(holder: Any, limits: Limits) -> dict[str, Value]:
    names = holder.ncattrs()
    if len(names) > limits.attributes:
        raise FormatError(f"there are {len(names)} attributes; at most {limits.attributes} are read")
    return {name: _plain(holder.getncattr(name)) for name in names}


def _plain(value: Any) -> Value:
    if isinstance(value, np.ndarray | list):
        return tuple(np.asarray(value).ravel().tolist())
    return value.item() if isinstance(value, np.generic) else value


def _number(variable: Variable, attribute: str, otherwise: float) -> float:
    value = variable.attributes.get(attribute, otherwise)
    if isinstance(value, tuple) and len(value) == 1:
        value = value[0]
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise FormatError(f"{attribute} of {variable.name} is {value!r}, and no number")
    return float(value)


def _said_fills(variable: Variable) -> list[float]:
    found: list[float] = []
    for attribute in ("_FillValue", "missing_value"):
        value = variable.attributes.get(attribute, ())
        found += [one for one in (value if isinstance(value, tuple) else (value,)) if isinstance(one, int | float)]
    return found


def _holds(dtype: np.dtype[Any], value: float) -> bool:
    if dtype.kind == "f":
        return math.isnan(value) or abs(value) <= float(np.finfo(dtype).max)
    if dtype.kind not in "iu" or not math.isfinite(value) or value != int(value):
        return False
    return int(np.iinfo(dtype).min) <= int(value) <= int(np.iinfo(dtype).max)


def _said(error: BaseException) -> str:
    """What a library said, in one line of bounded length."""
    text = " ".join(str(error).split())
    return (text[:200] or type(error).__name__) if text else type(error).__name__
