"""Packs: compiled training sets. A folder with a manifest, a table of samples, and shards in safetensors format.

A shard holds of each array NAME its values, NAME.crc32 (of each sample's stored bytes; of tokens, of each block of
65,536) and, unless samples are of one shape, NAME.offsets (samples + 1): sample i is rows offsets[i]:offsets[i + 1].

Tables beside that of the samples tell what arrays cannot, first of all the records that the pack was built from. The
manifest lists the SHA-256 of each file; the pack's own digest is that of the manifest. Every checkpoint carries it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from astrobio.core.errors import DataMissing, IntegrityError, RefusedInput, UsageError
from astrobio.core.hashing import sha256_files, sha256_json
from astrobio.core.native import native

FORMAT = "astrobio.pack/2"
MANIFEST, SAMPLES, TABLES = "manifest.json", "samples.parquet", "tables"
RECORDS = "records"
"""The table of the records that a pack was built from, where a sample may be of several."""


def build_command(data_set: str, *options: str) -> str:
    """The command that builds the pack of a data set, for messages.

    >>> build_command("planets", "--out PACK")
    'astrobio build planets --out PACK'
    """
    return " ".join(("astrobio build", data_set, *options))


def build_anew(data_set: str) -> str:
    """The command that builds the pack of a data set once more."""
    return build_command(data_set, "--overwrite")


class PackFile(BaseModel):
    """A file of a pack: its path within, its SHA-256, and the samples it holds, or the rows of a further table."""

    model_config = ConfigDict(extra="forbid")
    path: str
    sha256: str
    samples: int

    def is_shard(self) -> bool:
        """Whether it holds samples, rather than their table."""
        return self.path.endswith(".safetensors")

    def table(self) -> str | None:
        """The name of a table beside that of the samples; none if it is something else."""
        folder, _, name = self.path.rpartition("/")
        return name.removesuffix(".parquet") if folder == TABLES else None


FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


class ArrayInfo(BaseModel):
    """An array over all samples.

    Attributes
    ----------
    dtype : str
        Of the stored values: a name of NumPy's, or ``bfloat16``.
    shape : list of int
        Of a sample; of ragged samples, of one of their rows; of tokens, none.
    units : str
        Of the values, after scale and offset.
    layout : str
        ``dense``: samples of one shape. ``ragged``: samples of any number of rows. ``tokens``: documents of a stream.
    scale, offset : list of float
        value = stored * scale + offset; one for all, or one for each place along the first axis of ``shape``.
    missing : int or None
        What stands for a missing value in integers; in floating-point numbers NaN does.
    fields : list of str
        Names of the places along the first axis of ``shape``, each of which has statistics of its own; none: the
        values are of one kind.
    """

    model_config = ConfigDict(extra="forbid")
    dtype: str
    shape: list[int]
    units: str
    layout: Literal["dense", "ragged", "tokens"] = "dense"
    scale: list[float] = [1.0]
    offset: list[float] = [0.0]
    missing: int | None = None
    fields: list[str] = []

    @property
    def scaled(self) -> bool:
        """Whether values are other than what is stored."""
        return any(scale != 1 for scale in self.scale) or any(offset != 0 for offset in self.offset)

    @model_validator(mode="after")
    def _fits_together(self) -> ArrayInfo:
        first = self.shape[0] if self.shape else 1
        if self.dtype not in (*FLOATS, *INTEGERS, "bool"):
            raise ValueError(f"{self.dtype} is no type of stored values")
        if min(self.shape, default=0) < 0:
            raise ValueError(f"the shape is {self.shape}")
        for name, numbers in (("scale", self.scale), ("offset", self.offset)):
            if len(numbers) not in (1, first) or not np.isfinite(numbers).all():
                raise ValueError(f"{name} is {numbers} for a first axis of {first}")
        if 0 in self.scale or (self.dtype == "bool" and self.scaled):
            raise ValueError(f"scale is {self.scale} for {self.dtype}")
        if self.missing is not None and not _holds(self.dtype, self.missing):
            raise ValueError(f"missing is {self.missing} for {self.dtype}")
        if self.fields and (len(self.fields) != first or len(set(self.fields)) != first):
            raise ValueError(f"fields are {self.fields} for a first axis of {first}")
        if self.layout == "tokens" and (self.dtype not in ("uint16", "uint32") or self.shape or self.scaled):
            raise ValueError("tokens are uint16 or uint32, without shape, scale and offset")
        return self


def _holds(dtype: str, code: int) -> bool:
    return dtype in INTEGERS and np.iinfo(dtype).min <= code <= np.iinfo(dtype).max


class Manifest(BaseModel):
    """What a pack holds and what went into it.

    ``statistics`` holds, for the training part of each split, mean, standard deviation and count of each array, and of
    each of its named fields as ``array.field``.
    """

    model_config = ConfigDict(extra="forbid")
    format: str
    source: str
    samples: int
    arrays: dict[str, ArrayInfo]
    files: list[PackFile]
    records_sha256: str
    code_sha256: str
    counts: dict[str, dict[str, int]]
    statistics: dict[str, dict[str, dict[str, float]]]

    def digest(self) -> str:
        """SHA-256 of the canonical JSON: the pack's digest."""
        return sha256_json(self.model_dump())

    def to_bytes(self) -> bytes:
        """What ``manifest.json`` holds, to the byte."""
        return self.model_dump_json(indent=1).encode()


class PackArray:
    """One array of a pack over all its samples; rows are read when they are taken.

    Attributes
    ----------
    shape : tuple
        Samples first.
    dtype : numpy.dtype
        As stored; float32 where what is stored are codes of values, or bfloat16.
    """

    def __init__(self, pack: Pack, name: str) -> None:
        info = pack.manifest.arrays[name]
        decoded = info.scaled or info.missing is not None or info.dtype == "bfloat16"
        self._plan = pack.plan([native().Output(name, "float32" if decoded else None)])
        self.shape = (len(pack), *info.shape)
        self.dtype = np.dtype("float32" if decoded else info.dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, chosen: slice) -> np.ndarray:
        return self.take(np.arange(len(self))[chosen])

    def take(self, indices: np.ndarray) -> np.ndarray:
        """Rows at ``indices`` (K,), in that order: (K, ...).

        Raises
        ------
        IndexError
            If an index is outside the samples.
        IntegrityError
            If a shard has changed, or a sample is not what its checksum says.
        """
        return next(iter(self._plan.gather(indices).values()))


class Plan:
    """Arrays of a pack as batches want them, and the threads that gather them; see :meth:`Pack.plan`.

    Attributes
    ----------
    names : list of str
        Of the results of a batch: an array's name, after it ``NAME_offsets`` if it is ragged, and ``NAME_mask`` if
        a mask was asked for.
    """

    def __init__(self, native_plan: Any, names: list[str], source: str) -> None:
        self.native, self.names, self._source = native_plan, names, source

    def gather(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """The results for the samples at ``rows``, by name; bfloat16 as its 16 bits.

        Raises
        ------
        IndexError
            If a row is outside the samples.
        IntegrityError
            If a shard has changed, or a sample is not what its checksum says; the message names both.
        """
        with intact(self._source):
            found = self.native.gather(np.ascontiguousarray(rows, dtype=np.int64))
        return dict(zip(self.names, map(np.asarray, found), strict=True))

    def submit(self, rows: np.ndarray, out: list[Any] | None = None) -> Any:
        """Begin to gather in the background; the ticket's ``wait`` gives buffers, or None if they went to ``out``."""
        return self.native.submit(np.ascontiguousarray(rows, dtype=np.int64), out)


@contextmanager
def intact(source: str) -> Iterator[None]:
    """Tell damage that the native reader finds as an IntegrityError that names the way out."""
    try:
        yield
    except native().PackError as error:
        raise IntegrityError(str(error), fix=build_anew(source)) from error


class Pack:
    """A pack that was opened; see :meth:`open`.

    Attributes
    ----------
    path : Path
        Its folder.
    manifest : Manifest
        What it holds.
    digest : str
        Its digest.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path, self.manifest, self.digest = path, manifest, manifest.digest()
        self._samples: dict[str, np.ndarray] | None = None
        self._arrays: dict[str, PackArray] = {}
        self._reader: Any = None

    @classmethod
    def open(cls, path: str | Path, verify: bool = True, data_set: str | None = None) -> Pack:
        """Open the pack in a folder and check each of its files against the manifest.

        Parameters
        ----------
        path : path
            The folder.
        verify : bool
            Whether files are hashed.
        data_set : str, optional
            What it should hold, for the command that an error names.

        Raises
        ------
        DataMissing
            If there is no pack.
        IntegrityError
            If a file has changed or is gone.
        RefusedInput
            If the manifest is not one.
        """
        path = Path(path)
        build = build_command(data_set) if data_set else build_command("NAME", f"--out {path}")
        try:
            content = (path / MANIFEST).read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DataMissing(f"there is no pack in {path}", fix=build) from error
        try:
            manifest = Manifest.model_validate_json(content)
        except ValidationError as error:
            raise RefusedInput(
                f"{path / MANIFEST} is not a pack's manifest: {error}", fix=f"{build} --overwrite"
            ) from error
        if manifest.format != FORMAT:
            raise RefusedInput(
                f"{path} has the format {manifest.format}, and {FORMAT} is read here",
                fix=build_anew(manifest.source),
            )
        if content != manifest.to_bytes():
            raise IntegrityError(
                f"{path / MANIFEST} has changed since the pack was built",
                fix=build_anew(manifest.source),
            )
        pack = cls(path, manifest)
        if verify:
            pack.verify()
        return pack

    def verify(self) -> None:
        """Hash every file; raise IntegrityError naming the first that is not what the manifest says."""
        paths = [self.path / item.path for item in self.manifest.files]
        for item, full in zip(self.manifest.files, paths, strict=True):
            if not full.is_file():
                raise IntegrityError(f"pack {self.path} lacks {item.path}", fix=self._anew)
        for item, found in zip(self.manifest.files, sha256_files(paths), strict=True):
            if found != item.sha256:
                raise IntegrityError(f"{self.path / item.path} has changed since the pack was built", fix=self._anew)

    @property
    def _anew(self) -> str:
        return build_anew(self.manifest.source)

    def __len__(self) -> int:
        return self.manifest.samples

    def table(self, name: str) -> Any:
        """A table beside that of the samples, as a ``polars.DataFrame``.

        Raises
        ------
        UsageError
            If the pack has no such table.
        """
        import polars

        if name not in self.tables():
            raise UsageError(f"the pack has no table {name!r}; it has {', '.join(self.tables()) or 'none'}")
        return polars.read_parquet(self.path / TABLES / f"{name}.parquet")

    def tables(self) -> dict[str, int]:
        """Rows of each table beside that of the samples."""
        return {name: item.samples for item in self.manifest.files if (name := item.table())}

    def record_digests(self) -> list[str]:
        """SHA-256 of each record that the pack was built from."""
        if RECORDS in self.tables():
            found: list[str] = self.table(RECORDS)["digest"].to_list()
            return found
        return list(dict.fromkeys(self.samples["digest"].tolist()))

    def array(self, name: str) -> PackArray:
        """Array ``name`` over all samples, in its units.

        Raises
        ------
        UsageError
            If the pack holds no such array, or a ragged one.
        IntegrityError
            If a shard lacks it although the manifest names it.
        """
        if name not in self._arrays:
            if self._known(name).layout != "dense":
                raise UsageError(f"the samples of {name!r} differ in length; take them by a plan")
            self._arrays[name] = PackArray(self, name)
        return self._arrays[name]

    def plan(self, outputs: Sequence[Any], threads: int = 1) -> Plan:
        """What batches of this pack are to hold.

        Parameters
        ----------
        outputs : sequence of str or rust_integration.Output
            Arrays as they are stored, by name, or how each is decoded, normalised and masked.
        threads : int
            That gather.

        Raises
        ------
        UsageError
            If the pack holds no such array, or an output makes no sense for it.
        IntegrityError
            If the shards are not what the manifest says.
        """
        chosen = [native().Output(output) if isinstance(output, str) else output for output in outputs]
        names = []
        for output in chosen:
            names.append(output.name)
            names += [f"{output.name}_offsets"] * (self._known(output.name).layout == "ragged")
            names += [f"{output.name}_mask"] * output.mask
        try:
            with intact(self.manifest.source):
                return Plan(self.reader.plan(chosen, threads=threads), names, self.manifest.source)
        except ValueError as error:
            raise UsageError(f"pack {self.path}: {error}") from error

    def _known(self, name: str) -> ArrayInfo:
        if name not in self.manifest.arrays:
            raise UsageError(f"the pack holds no array {name!r}; it holds {', '.join(self.manifest.arrays)}")
        return self.manifest.arrays[name]

    @property
    def reader(self) -> Any:
        """The native reader of the shards, opened once.

        Raises
        ------
        IntegrityError
            If the shards are not what the manifest says.
        """
        if self._reader is None:
            shards = [(self.path / item.path, item.samples) for item in self.manifest.files if item.is_shard()]
            held = sum(samples for _, samples in shards)
            if held != self.manifest.samples:
                reason = f"pack {self.path}: its shards hold {held} samples, its manifest {self.manifest.samples}"
                raise IntegrityError(reason, fix=self._anew)
            arrays = self.manifest.arrays.items()
            with intact(self.manifest.source):
                self._reader = native().PackReader(
                    shards,
                    [
                        native().ArraySpec(
                            name, info.dtype, info.shape, info.layout, info.scale, info.offset, info.missing
                        )
                        for name, info in arrays
                    ],
                )
        return self._reader

    @property
    def samples(self) -> dict[str, np.ndarray]:
        """The table of samples, by column."""
        if self._samples is None:
            import pyarrow.parquet as parquet

            table = parquet.read_table(self.path / SAMPLES)
            self._samples = {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}
        return self._samples

    def indices(self, split: str = "random", part: str = "train", limit_planets: int | None = None) -> np.ndarray:
        """Positions of the samples of a part of a split, in the order of the table.

        ``limit_planets`` keeps the first so many planets, both starts of each.

        Raises
        ------
        UsageError
            If there is no such split.
        """
        column = f"split_{split}"
        if column not in self.samples:
            known = [name[6:] for name in self.samples if name.startswith("split_")]
            raise UsageError(f"the pack has no split {split!r}; it has {', '.join(known)}")
        found = np.nonzero(self.samples[column] == part)[0]
        if limit_planets is not None:
            groups = self.samples["group"][found]
            first = dict.fromkeys(groups.tolist())
            kept = set(list(first)[:limit_planets])
            found = found[[group in kept for group in groups.tolist()]]
        return found.astype(np.int64)

    def statistics(self, split: str = "random") -> dict[str, dict[str, float]]:
        """Mean and standard deviation of each array over the training part of a split."""
        return self.manifest.statistics[split]


def check_records(pack: Pack, storage: Any) -> None:
    """Refuse a pack whose records are no longer in the store, or no longer verify there.

    Raises
    ------
    RefusedInput
        Naming the first record that fails.
    """
    digests = pack.record_digests()
    known = {record.digest: record for record in storage.records()}
    missing = [digest for digest in digests if digest not in known]
    if missing:
        raise RefusedInput(
            f"the pack {pack.path} was built from {len(missing)} records that the store no longer holds, "
            f"the first {missing[0][:16]}...",
            fix=build_anew(pack.manifest.source),
        )
    broken = storage.damaged([known[digest] for digest in digests])
    if broken:
        raise RefusedInput(
            f"the pack {pack.path} was built from {len(broken)} records that no longer verify, "
            f"the first {broken[0].key}",
            fix="astrobio verify --deep",
        )
