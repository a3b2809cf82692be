"""NetCDF from bytes: what is in a file, its values with masks, and nothing that is not its own."""

from __future__ import annotations

import io

import h5py
import netCDF4
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.errors import FormatError
from astrobio.formats.netcdf import Limits, read_netcdf

FORMATS = ["NETCDF4", "NETCDF4_CLASSIC", "NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA"]


def written(model: str = "NETCDF4", values=(1.0, 2.0, 3.0), dtype: str = "f4", **attributes) -> bytes:
    """A file of one variable ``x`` along one dimension ``n``."""
    file = netCDF4.Dataset("made", "w", memory=1024, format=model)
    file.title = "made for a test"
    file.createDimension("n", len(values))
    fill = attributes.pop("_FillValue", None)
    variable = file.createVariable("x", dtype, ("n",), fill_value=fill)
    variable.set_auto_maskandscale(False)
    variable.setncatts(attributes)
    variable[:] = np.asarray(values, dtype=dtype)
    return bytes(file.close())


@pytest.mark.parametrize("model", FORMATS)
def test_each_kind_is_read_with_what_it_says(model):
    file = read_netcdf(written(model, units="K", scale_factor=np.float64(2)))
    assert (file.model, file.dimensions) == (model, {"n": 3})
    assert file.attributes == {"title": "made for a test"}
    assert (file.variables["x"].shape, file.variables["x"].text("units")) == ((3,), "K")
    assert file.values("x").tolist() == [2.0, 4.0, 6.0]
    assert file.raw("x").tolist() == [1.0, 2.0, 3.0]
    file.close()
    assert file.values("x").tolist() == [2.0, 4.0, 6.0]


@pytest.mark.parametrize("model", FORMATS[:3])
def test_missing_values_are_masked(model):
    file = read_netcdf(written(model, (1, -9, 3, -7), "i2", _FillValue=np.int16(-9), missing_value=np.int16(-7)))
    assert file.values("x").mask.tolist() == [False, True, False, True]
    assert file.fill_values("x") == [-9, -7]


def test_what_was_never_written_is_masked_by_the_library_s_own_fill_value():
    file = netCDF4.Dataset("made", "w", memory=1024)
    file.createDimension("n", 3)
    file.createVariable("x", "f4", ("n",))[:2] = [1, 2]
    read = read_netcdf(bytes(file.close()))
    assert read.values("x").mask.tolist() == [False, False, True]


def test_not_a_number_is_missing_where_the_file_says_so():
    values = (1.0, float("nan"))
    assert read_netcdf(written(values=values, _FillValue=np.float32("nan"))).values("x").mask.tolist() == [False, True]
    assert read_netcdf(written(values=values)).values("x").mask.tolist() == [False, False]


def test_a_fill_value_that_the_type_cannot_hold_is_told_and_masks_nothing():
    file = read_netcdf(written("NETCDF3_CLASSIC", (0, 7), "i2", missing_value=np.float64("nan")))
    assert np.isnan(file.odd_fill_values("x")).all()
    assert not np.ma.is_masked(file.values("x"))


def test_packed_values_are_unpacked_and_their_missing_ones_masked():
    file = read_netcdf(written(values=(10, 20, -1), dtype="i2", _FillValue=np.int16(-1), scale_factor=0.5,
                               add_offset=100.0))  # fmt: skip
    assert file.values("x").tolist() == [105.0, 110.0, None]


def test_small_numbers_without_sign_are_what_they_say():
    file = read_netcdf(written("NETCDF3_CLASSIC", (1, -1), "i1", _Unsigned="true"))
    assert file.values("x").tolist() == [1, 255]


def test_text_is_read_as_lines():
    file = netCDF4.Dataset("made", "w", memory=1024, format="NETCDF3_CLASSIC")
    file.createDimension("n", 2)
    file.createDimension("length", 5)
    file.createVariable("name", "S1", ("n", "length"))[:] = netCDF4.stringtochar(np.array(["DMI", "ECMWF"], "S5"))
    read = read_netcdf(bytes(file.close()))
    assert read.strings("name") == ["DMI", "ECMWF"]
    with pytest.raises(FormatError, match="no numbers"):
        read.values("name")


@pytest.mark.parametrize("model", FORMATS)
def test_a_file_cut_anywhere_is_an_error(model, tmp_path):
    path = tmp_path / "made.nc"  # What is written in memory is longer than the file.
    with netCDF4.Dataset(path, "w", format=model) as file:
        file.createDimension("n", 50)
        file.createVariable("x", "f4", ("n",))[:] = np.arange(50)
    content = path.read_bytes()
    read_netcdf(content).load()
    for offset in sorted({*range(0, len(content), max(1, len(content) // 97)), len(content) - 1}):
        with pytest.raises(FormatError):
            read_netcdf(content[:offset]).load()


@pytest.mark.parametrize("limits", [Limits(variables=0), Limits(dimensions=0), Limits(attributes=0), Limits(size=11)])
@pytest.mark.parametrize("model", ["NETCDF4", "NETCDF3_CLASSIC"])
def test_more_than_the_limits_is_an_error(limits, model):
    content = written(model, units="K")
    read_netcdf(content)
    with pytest.raises(FormatError, match="at most"):
        read_netcdf(content, limits)


def test_sizes_are_bounded_before_a_value_is_read():
    file = netCDF4.Dataset("made", "w", memory=1024)
    for name in "abc":
        file.createDimension(name, 100_000)
    file.createVariable("x", "f4", tuple("abc"), chunksizes=(10, 10, 10), zlib=True)
    with pytest.raises(FormatError, match=r"variables hold 4\d{15} bytes"):
        read_netcdf(bytes(file.close()))


def hdf5(make) -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.create_dataset("y", data=np.arange(4.0))
        make(file)
    return stream.getvalue()


def test_no_file_of_the_machine_is_read(tmp_path):
    """The netCDF library itself follows all of these: whoever sends a file could have any file read."""
    secret = tmp_path / "secret.bin"
    secret.write_bytes(np.arange(4, dtype="<f8").tobytes())
    with h5py.File(tmp_path / "other.nc", "w") as other:
        other.create_dataset("y", data=np.arange(4.0))
    layout = h5py.VirtualLayout((4,), "<f8")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.nc"), "y", (4,))
    cases = {
        "another file": lambda file: file.create_dataset("x", (4,), "<f8", external=[(str(secret), 0, 32)]),
        "is a link": lambda file: file.__setitem__("x", h5py.ExternalLink(str(tmp_path / "other.nc"), "/y")),
        "in another file": lambda file: file.create_virtual_dataset("x", layout),
    }
    for what, make in cases.items():
        content = hdf5(make)
        with netCDF4.Dataset("told", memory=content) as file:
            assert file.variables["x"][:].tolist() == [0, 1, 2, 3]
        with pytest.raises(FormatError, match=what):
            read_netcdf(content)


@pytest.mark.parametrize(
    ("what", "make"),
    [
        ("is a link", lambda file: file.__setitem__("x", h5py.SoftLink("/y"))),
        ("is a group", lambda file: file.create_group("x")),
        ("of the type object", lambda file: file.create_dataset("x", data=["a"], dtype=h5py.string_dtype())),
        ("of the type", lambda file: file.create_dataset("x", data=np.zeros(2, dtype=[("a", "f4"), ("b", "i4")]))),
        ("is a datatype", lambda file: file.__setitem__("x", np.dtype("f8"))),
        ("filter 32000", lambda file: file.create_dataset("x", (4, 4), "f4", compression="lzf")),
    ],
)
def test_what_no_climate_file_needs_is_an_error(what, make):
    with pytest.raises(FormatError, match=what):
        read_netcdf(hdf5(make))


def test_a_scale_that_is_no_number_is_an_error():
    with pytest.raises(FormatError, match="scale_factor of x is 'two'"):
        read_netcdf(written(scale_factor="two")).load()


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_are_an_error(content):
    for head in (b"", b"CDF\x01", b"CDF\x05", b"\x89HDF\r\n\x1a\n"):
        try:
            read_netcdf(head + content).load()
        except FormatError:
            continue
