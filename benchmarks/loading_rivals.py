"""Ways to load batches of climate cubes: ours, what else is in use, and how fast memory allows.

The configurations are those that each rival's documentation (``source``) recommends for local files. Where it leaves
a choice, both were tried here, warm and by one process, and the comment says which was taken and why.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from cubes import SHAPE, VARIABLES, Cubes, WrongBatch
from numpy.typing import NDArray
from rival import PREFETCH, Batches, ByProcesses, ByThreads, Order, Reader, Rival, loader_options, shared_batch
from shards import NAME, shards_of, write_pack
from torch import Tensor

SHARD_BYTES = 1 << 26
"""Size of a shard where a format has shards: the default of litdata and MDS."""


def shard_count(cubes: Cubes) -> int:
    """Shards of about 64 MB that hold all cubes."""
    return max(1, round(cubes.count * cubes.nbytes / SHARD_BYTES))


class Flat(Reader):
    """All cubes one after another in one file without a header, mapped into memory by NumPy."""

    packages = ("numpy", "torch")
    files = "one flat file, a memory map"
    layout = "flat"

    def write(self) -> None:
        with open(self.folder / "cubes.bin", "wb") as stream:
            for number in range(self.cubes.count):
                stream.write(self.cubes.cube(number).tobytes())

    def open(self, workers: int) -> NDArray:
        shape = (self.cubes.count, *SHAPE)
        return np.memmap(self.folder / "cubes.bin", dtype=self.cubes.dtype, mode="r", shape=shape)

    def read(self, opened: NDArray, number: int) -> NDArray:
        return opened[number]


class Roofline(ByThreads, Flat):
    """What memory allows: the same bytes read, a batch of the same size written, and nothing else done.

    NumPy copies a batch's samples from the memory map in one call, without the interpreter's lock. A float16 sample
    fills half of its place in the batch, so these are copied twice, the second time from the processor's cache.
    """

    name = "roofline: copy"
    source = "https://numpy.org/doc/stable/reference/generated/numpy.take.html"
    setup = "numpy.take by threads into batches that are used again; values are not normalised"

    def fill(self, opened: NDArray, numbers: NDArray[np.int64], batch: Tensor) -> None:
        for part in self._copies(batch):
            np.take(opened, numbers, axis=0, out=part, mode="clip")

    def _copies(self, batch: Tensor) -> NDArray:
        """The batch's memory as one batch of stored values, or two, (1 or 2, batch, 53, 32, 64)."""
        return batch.numpy().reshape(-1).view(self.cubes.dtype).reshape(-1, *batch.shape)

    def check(self, numbers: NDArray[np.int64], batch: Tensor) -> None:
        """The batch's memory must hold each cube's stored values, once or twice."""
        expected = np.stack([self.cubes.cube(int(number)) for number in numbers])
        if not all(np.array_equal(part, expected) for part in self._copies(batch)):
            raise WrongBatch("the copy of a batch differs from its cubes")


class Astrobio(Rival):
    """This package's pack and native reader. Each sample's CRC-32 is checked when it is first read."""

    name = "astrobio"
    layout = "pack"
    packages = ("astrobio", "rust_integration")
    source = "rust_modules/python/rust_integration/__init__.pyi"
    files = "safetensors shards of 64 MB with a CRC-32 of each sample"
    setup = "PackReader, Plan.submit; a sample's CRC-32 is checked when it is first read"

    def write(self) -> None:
        write_pack(self.folder, self.cubes, shard_count(self.cubes))

    def plan(self, workers: int) -> Any:
        """A plan over a reader that is opened anew."""
        from rust_integration import ArraySpec, Output, PackReader

        reader = PackReader(shards_of(self.folder), [ArraySpec(NAME, self.cubes.dtype, SHAPE)])
        output = Output(NAME, dtype="float32", mean=self.mean.tolist(), std=self.std.tolist())
        return reader.plan([output], threads=workers)

    def batches(self, order: Order, workers: int) -> Batches:
        plan = self.plan(workers)
        try:
            yield from _submitted(plan, iter(order), workers)
        finally:
            plan.close()


class AstrobioFirstEpoch(Astrobio):
    """The same, with every epoch as the first: the reader is opened anew, so files are mapped and samples checked."""

    name = "astrobio, first epoch"
    setup = "as astrobio, opened anew for each epoch: pages are mapped and CRC-32 is checked at every read"

    def batches(self, order: Order, workers: int) -> Batches:
        remaining, batches_an_epoch = iter(order), -(-self.cubes.count // self.batch_size)
        while epoch := [numbers for _, numbers in zip(range(batches_an_epoch), remaining, strict=False)]:
            plan = self.plan(workers)
            try:
                yield from _submitted(plan, iter(epoch), workers)
            finally:
                plan.close()


def _submitted(plan: Any, order: Iterator[NDArray[np.int64]], workers: int) -> Batches:
    """Batches of a plan of ours, with as many in the background as the other rivals have."""
    waiting: deque[tuple[NDArray[np.int64], Any]] = deque()

    def oldest() -> tuple[NDArray[np.int64], Tensor]:
        numbers, ticket = waiting.popleft()
        (values,) = ticket.wait()
        return numbers, torch.frombuffer(values, dtype=torch.float32).view(len(numbers), *SHAPE)

    for numbers in order:
        waiting.append((numbers, plan.submit(numbers)))
        if len(waiting) > PREFETCH * workers:
            yield oldest()
    while waiting:
        yield oldest()


class FlatProcesses(ByProcesses, Flat):
    """One NumPy memory map, read by a DataLoader's workers."""

    name = "numpy.memmap, DataLoader"
    source = "https://docs.pytorch.org/docs/stable/data.html"


class FlatThreads(ByThreads, Flat):
    """One NumPy memory map, read by threads; PyTorch gives up the interpreter's lock while it computes."""

    name = "numpy.memmap, threads"
    source = "https://numpy.org/doc/stable/reference/generated/numpy.memmap.html"


class NetcdfEach(ByProcesses):
    """A compressed NetCDF file for each run, as climate models write and archives distribute them."""

    name = "xarray, NetCDF a run, zlib"
    layout = "netcdf-each"
    packages = ("xarray", "netCDF4")
    source = "https://docs.xarray.dev/en/stable/user-guide/io.html"
    files = "a NetCDF4 file a run, an array a variable, zlib 5 and shuffle as ExoPlaSim 3.4.2 has; decode_cf=False"
    dtypes = ("float32",)

    def write(self) -> None:
        import xarray

        options = {name: {"zlib": True, "complevel": 5, "shuffle": True} for name in VARIABLES}
        for number in range(self.cubes.count):
            cube, begin, data = self.cubes.cube(number), 0, {}
            for name, length in VARIABLES.items():
                data[name] = ((f"{name}_row", "latitude", "longitude"), cube[begin : begin + length])
                begin += length
            xarray.Dataset(data).to_netcdf(self.folder / f"{number:06d}.nc", engine="netcdf4", encoding=options)

    def open(self, workers: int) -> Path:
        return self.folder

    def read(self, opened: Path, number: int) -> NDArray:
        import xarray

        path = opened / f"{number:06d}.nc"
        with xarray.open_dataset(path, engine="netcdf4", decode_cf=False, cache=False) as dataset:
            return np.concatenate([dataset[name].values for name in VARIABLES])


class NetcdfWhole(Reader):
    """One uncompressed NetCDF file, chunked by sample."""

    packages = ("xarray", "netCDF4")
    source = "https://docs.xarray.dev/en/stable/user-guide/io.html"
    files = "one NetCDF4 file, no compression, a chunk a sample; isel by sorted numbers, decode_cf=False, cache=False"
    layout = "netcdf-whole"
    dtypes = ("float32",)

    def write(self) -> None:
        import netCDF4

        names = ("sample", "field", "latitude", "longitude")
        with netCDF4.Dataset(self.folder / "cubes.nc", "w") as dataset:
            for name, length in zip(names, (self.cubes.count, *SHAPE), strict=True):
                dataset.createDimension(name, length)
            variable = dataset.createVariable(NAME, "f4", names, chunksizes=(1, *SHAPE))
            for number in range(self.cubes.count):
                variable[number] = self.cubes.cube(number)

    def open(self, workers: int) -> Any:
        import xarray

        return xarray.open_dataset(self.folder / "cubes.nc", engine="netcdf4", decode_cf=False, cache=False)[NAME]

    def fill(self, opened: Any, numbers: NDArray[np.int64], batch: Tensor) -> None:
        # One isel of a batch, 85 us a sample, against 177 us sample by sample, and 272 us where not sorted.
        order = np.argsort(numbers)
        for place, values in zip(order, opened.isel(sample=numbers[order]).values, strict=True):
            self.normalise(values, batch[place])


class NetcdfWholeProcesses(ByProcesses, NetcdfWhole):
    """By a DataLoader's workers."""

    name = "xarray, NetCDF, DataLoader"


class NetcdfWholeThreads(ByThreads, NetcdfWhole):
    """By threads, of which one at a time is in the HDF5 library."""

    name = "xarray, NetCDF, threads"


class Hdf5(Reader):
    """One HDF5 file by h5py, chunked by sample."""

    packages = ("h5py",)
    source = "https://docs.h5py.org/en/stable/high/file.html#chunk-cache"
    files = "one file, no compression, a chunk a sample; rdcc_nbytes=0, since no chunk is read twice"
    layout = "hdf5"

    def write(self) -> None:
        import h5py

        with h5py.File(self.folder / "cubes.h5", "w") as file:
            shape = (self.cubes.count, *SHAPE)
            dataset = file.create_dataset(NAME, shape, self.cubes.dtype, chunks=(1, *SHAPE))
            for number in range(self.cubes.count):
                dataset[number] = self.cubes.cube(number)

    def open(self, workers: int) -> Any:
        import h5py

        return h5py.File(self.folder / "cubes.h5", "r", rdcc_nbytes=0)[NAME]

    def read(self, opened: Any, number: int) -> NDArray:
        # 36 us a sample, against 68 us by read_direct and 3,900 us by a list of sorted numbers.
        return opened[number]


class Hdf5Processes(ByProcesses, Hdf5):
    """By a DataLoader's workers."""

    name = "h5py, DataLoader"


class Hdf5Threads(ByThreads, Hdf5):
    """By threads, of which one at a time is in the HDF5 library."""

    name = "h5py, threads"


class Zarr(Reader):
    """zarr-python 3, a chunk a sample."""

    packages = ("zarr",)
    source = "https://zarr.readthedocs.io/en/stable/user-guide/performance/"
    files = "format 3, no compression, a chunk and file a sample"
    layout = "zarr"

    def write(self) -> None:
        import zarr

        shape = (self.cubes.count, *SHAPE)
        array = zarr.create_array(
            self.folder / "cubes.zarr", shape=shape, dtype=self.cubes.dtype, chunks=(1, *SHAPE),
            compressors=None, filters=None,
        )  # fmt: skip
        for begin in range(0, self.cubes.count, 64):
            numbers = range(begin, min(begin + 64, self.cubes.count))
            array[begin : begin + 64] = np.stack([self.cubes.cube(number) for number in numbers])

    def open(self, workers: int) -> Any:
        import zarr

        return zarr.open_array(self.folder / "cubes.zarr", mode="r")

    def read(self, opened: Any, number: int) -> NDArray:
        # Sample by sample 0.3 ms, against 0.5 ms by oindex of a sorted batch and 0.6 ms from shards of 64 chunks.
        return opened[number]


class ZarrProcesses(ByProcesses, Zarr):
    """By a DataLoader's workers, each with an event loop of its own."""

    name = "zarr-python, DataLoader"


class ZarrThreads(ByThreads, Zarr):
    """By threads, which share zarr's event loop."""

    name = "zarr-python, threads"


class TensorStore(ByThreads):
    """The same Zarr array by TensorStore, which reads with threads of its own."""

    layout = "zarr"

    name = "tensorstore"
    packages = ("tensorstore", "zarr")
    source = "https://google.github.io/tensorstore/python/tutorial.html"
    files = Zarr.files
    setup = "one indexed read a batch by threads, concurrency of the context = workers"

    write = Zarr.write

    def open(self, workers: int) -> Any:
        import tensorstore

        limits = {name: {"limit": workers} for name in ("data_copy_concurrency", "file_io_concurrency")}
        return tensorstore.open(
            {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(self.folder / "cubes.zarr")}},
            context=tensorstore.Context(limits), open=True, read=True, recheck_cached_metadata=False,
        ).result()  # fmt: skip

    def fill(self, opened: Any, numbers: NDArray[np.int64], batch: Tensor) -> None:
        # 42 us a sample, against 52 us by a future a sample; shards of 64 chunks take as long.
        for place, values in enumerate(opened[numbers.tolist()].read().result()):
            self.normalise(values, batch[place])


class Arrow(Reader):
    """Hugging Face datasets: rows of fixed length in memory-mapped Arrow files."""

    packages = ("datasets", "pyarrow")
    layout = "arrow"
    rows_as: ClassVar[str]

    def write(self) -> None:
        import pyarrow

        values = pyarrow.list_(pyarrow.from_numpy_dtype(self.cubes.dtype), int(np.prod(SHAPE)))
        schema = pyarrow.schema([(NAME, values)])
        rows = max(1, SHARD_BYTES // self.cubes.nbytes)
        with pyarrow.OSFile(str(self.folder / "cubes.arrow"), "wb") as sink, pyarrow.ipc.new_stream(sink, schema) as to:
            for begin in range(0, self.cubes.count, rows):
                numbers = range(begin, min(begin + rows, self.cubes.count))
                flat = np.stack([self.cubes.cube(number) for number in numbers]).reshape(-1)
                column = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(flat), type=values)
                to.write_batch(pyarrow.record_batch([column], schema=schema))

    def open(self, workers: int) -> Any:
        import datasets

        return datasets.Dataset.from_file(str(self.folder / "cubes.arrow")).with_format(self.rows_as)


class ArrowTorch(ByProcesses, Arrow):
    """Rows as PyTorch tensors, by a DataLoader's workers."""

    name = "datasets, torch, DataLoader"
    source = "https://huggingface.co/docs/datasets/use_with_pytorch"
    files = "Arrow, a list of fixed length a sample; with_format('torch'), row by row"
    rows_as = "torch"

    def read(self, opened: Any, number: int) -> Tensor:
        # 96 us a sample, against 145 us by a list of numbers; as Array3D, 224 us and 260 us.
        return opened[number][NAME].view(SHAPE)


class ArrowNumpy(Arrow):
    """Rows as NumPy arrays."""

    source = "https://huggingface.co/docs/datasets/use_with_numpy"
    files = "Arrow, a list of fixed length a sample; with_format('numpy'), one list of numbers a batch"
    rows_as = "numpy"

    def fill(self, opened: Any, numbers: NDArray[np.int64], batch: Tensor) -> None:
        # 24 us a sample, against 67 us row by row.
        for place, values in enumerate(opened[numbers.tolist()][NAME]):
            self.normalise(values.reshape(SHAPE), batch[place])


class ArrowNumpyProcesses(ByProcesses, ArrowNumpy):
    """By a DataLoader's workers."""

    name = "datasets, numpy, DataLoader"


class ArrowNumpyThreads(ByThreads, ArrowNumpy):
    """By threads."""

    name = "datasets, numpy, threads"


class Safetensors(Reader):
    """Slices of memory-mapped safetensors shards."""

    packages = ("safetensors",)
    source = "https://huggingface.co/docs/safetensors/index"
    files = "shards of 64 MB; safe_open(framework='pt').get_slice, a row a sample"
    layout = "pack"

    def write(self) -> None:
        write_pack(self.folder, self.cubes, shard_count(self.cubes))

    def open(self, workers: int) -> tuple[list[Any], NDArray[np.int64]]:
        from safetensors import safe_open

        shards = shards_of(self.folder)
        slices = [safe_open(path, framework="pt").get_slice(NAME) for path, _ in shards]
        return slices, np.cumsum([0, *(count for _, count in shards)])

    def fill(self, opened: tuple[list[Any], NDArray[np.int64]], numbers: NDArray[np.int64], batch: Tensor) -> None:
        slices, edges = opened
        shards = np.searchsorted(edges, numbers, side="right") - 1
        for place, (shard, row) in enumerate(zip(shards, numbers - edges[shards], strict=True)):
            self.normalise(slices[shard][int(row)], batch[place])


class SafetensorsProcesses(ByProcesses, Safetensors):
    """By a DataLoader's workers."""

    name = "safetensors, DataLoader"


class SafetensorsThreads(ByThreads, Safetensors):
    """By threads."""

    name = "safetensors, threads"


class Mds(Reader):
    """MosaicML's shards, with random access to samples."""

    packages = ("mosaicml-streaming",)
    source = "https://docs.mosaicml.com/projects/streaming/en/stable/preparing_datasets/dataset_format.html"
    files = "MDS shards of 64 MB, ndarray of fixed type and shape; LocalDataset in the given order"
    layout = "mds"

    def write(self) -> None:
        from streaming import MDSWriter

        encoding = f"ndarray:{self.cubes.dtype}:{','.join(map(str, SHAPE))}"
        with MDSWriter(out=str(self.folder / "mds"), columns={NAME: encoding}, size_limit=SHARD_BYTES) as writer:
            for number in range(self.cubes.count):
                writer.write({NAME: self.cubes.cube(number)})

    def open(self, workers: int) -> Any:
        from streaming import LocalDataset

        return LocalDataset(str(self.folder / "mds"))

    def read(self, opened: Any, number: int) -> NDArray:
        return opened[number][NAME]


class MdsProcesses(ByProcesses, Mds):
    """By a DataLoader's workers."""

    name = "mosaicml-streaming, DataLoader"


class MdsThreads(ByThreads, Mds):
    """By threads."""

    name = "mosaicml-streaming, threads"


class LitData(Rival):
    """litdata's chunks and loader, shuffled chunk by chunk as it does."""

    name = "litdata"
    layout = "litdata"
    packages = ("litdata",)
    source = "https://github.com/Lightning-AI/litData"
    files = "optimize() into chunks of 64 MB"
    setup = "StreamingDataset(shuffle=True), StreamingDataLoader with persistent workers"
    order_kind = "its own: chunks, and samples within some chunks"

    def write(self) -> None:
        import litdata

        self._apart()
        litdata.optimize(
            fn=self.sample, inputs=list(range(self.cubes.count)), output_dir=str(self.folder / "chunks"),
            chunk_bytes="64MB", num_workers=1, start_method="fork", verbose=False,
        )  # fmt: skip

    def sample(self, number: int) -> dict[str, Any]:
        """What is stored of a cube: its number, too, since its place is litdata's choice."""
        return {"number": number, NAME: torch.from_numpy(self.cubes.cube(number))}

    def _apart(self) -> None:
        """Copies and caches of litdata go below the rival's folder."""
        os.environ["DATA_OPTIMIZER_CACHE_FOLDER"] = str(self.folder / "cache")
        os.environ["DATA_OPTIMIZER_DATA_CACHE_FOLDER"] = str(self.folder / "data-cache")

    def batches(self, order: Order, workers: int) -> Batches:
        from litdata import StreamingDataLoader, StreamingDataset

        dataset = StreamingDataset(str(self.folder / "chunks"), shuffle=True, cache_dir=str(self.folder / "cache"))
        loader = StreamingDataLoader(
            dataset, batch_size=self.batch_size, **loader_options(workers) | {"collate_fn": self.collate}
        )
        while True:
            yield from loader

    def collate(self, samples: list[dict[str, Any]]) -> tuple[NDArray[np.int64], Tensor]:
        """Samples of a batch, normalised, with their numbers."""
        batch = shared_batch(len(samples))
        for place, sample in enumerate(samples):
            self.normalise(sample[NAME], batch[place])
        return np.array([sample["number"] for sample in samples], dtype=np.int64), batch


class Mds(ByProcesses):
    """MosaicML's shards, with random access to samples."""

    name = "mosaicml-streaming"
    packages = ("mosaicml-streaming",)
    source = "https://docs.mosaicml.com/projects/streaming/en/stable/preparing_datasets/dataset_format.html"
    setup = "MDS shards of 64 MB, ndarray of fixed type and shape; LocalDataset in the given order; DataLoader"

    def write(self) -> None:
        from streaming import MDSWriter

        encoding = f"ndarray:{self.cubes.dtype}:{','.join(map(str, SHAPE))}"
        with MDSWriter(out=str(self.folder / "mds"), columns={NAME: encoding}, size_limit=SHARD_BYTES) as writer:
            for number in range(self.cubes.count):
                writer.write({NAME: self.cubes.cube(number)})

    def open(self, workers: int) -> Any:
        from streaming import LocalDataset

        return LocalDataset(str(self.folder / "mds"))

    def read(self, opened: Any, number: int) -> NDArray:
        return opened[number][NAME]


class WebDataset(Rival):
    """Tar files read from front to back, shuffled in a buffer: it has no random access."""

    name = "webdataset"
    layout = "tar"
    packages = ("webdataset",)
    source = "https://webdataset.github.io/webdataset/"
    files = "tar files of 64 MB, raw bytes"
    setup = "shards shuffled, a buffer of 1,000 samples in each worker; WebLoader with persistent workers"
    order_kind = "sequential, in a shuffle buffer of 1,000"

    def write(self) -> None:
        import webdataset

        with webdataset.ShardWriter(
            str(self.folder / "cubes-%05d.tar"), maxsize=SHARD_BYTES, maxcount=1 << 30, verbose=0
        ) as sink:
            for number in range(self.cubes.count):
                sink.write({"__key__": f"{number:06d}", "bin": self.cubes.cube(number).tobytes()})

    def batches(self, order: Order, workers: int) -> Batches:
        import webdataset

        urls = [str(path) for path in sorted(self.folder.glob("*.tar"))]
        dataset = (
            webdataset.WebDataset(urls, shardshuffle=len(urls), empty_check=False)
            .shuffle(1000)
            .to_tuple("__key__", "bin")
            .batched(self.batch_size, collation_fn=self.collate)
        )
        loader = webdataset.WebLoader(dataset, batch_size=None, **loader_options(workers))
        while True:
            yield from loader

    def collate(self, samples: list[tuple[str, bytes]]) -> tuple[NDArray[np.int64], Tensor]:
        """Samples of a batch, normalised, with their numbers."""
        batch = shared_batch(len(samples))
        for place, (_, content) in enumerate(samples):
            self.normalise(np.frombuffer(content, dtype=self.cubes.dtype).reshape(SHAPE), batch[place])
        return np.array([int(key) for key, _ in samples], dtype=np.int64), batch


RIVALS: tuple[type[Rival], ...] = (
    Roofline,
    FlatThreads,
    FlatProcesses,
    Astrobio,
    AstrobioFirstEpoch,
    SafetensorsThreads,
    SafetensorsProcesses,
    Hdf5Threads,
    Hdf5Processes,
    TensorStore,
    ZarrThreads,
    ZarrProcesses,
    ArrowNumpyThreads,
    ArrowNumpyProcesses,
    ArrowTorch,
    MdsThreads,
    MdsProcesses,
    LitData,
    WebDataset,
    NetcdfWholeThreads,
    NetcdfWholeProcesses,
    NetcdfEach,
)
"""Those of one layout stand together: its files are written once."""
BY_NAME = {rival.name: rival for rival in RIVALS}
