"""Lineage: checkpoint, pack, records, provenance; printed as a tree, and hashed again from end to end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from astrobio.core.errors import AstrobioError, DataMissing, IntegrityError
from astrobio.core.hashing import sha256_files
from astrobio.core.planet_run import PlanetRun
from astrobio.datasets.held import licence_of, product_of
from astrobio.datasets.pack import MANIFEST, SAMPLES, Pack, build_anew
from astrobio.store import RealDataStorage, Record
from astrobio.training import checkpoint
from astrobio.training.runs import find_checkpoint, trained_pack

_SHOWN = 3
PLANET_RUNS = "planet_runs"


@dataclass
class Chain:
    """A chain from a checkpoint, or from a pack, down to records.

    Attributes
    ----------
    checkpoint_path, checkpoint_digest : Path, str or None
        The top, where there is one.
    state : dict
        The checkpoint's own words on its lineage.
    pack : Pack
        What it was trained on.
    storage : RealDataStorage
        Where the records are.
    records : list of Record
        Those that the pack was built from and that the store still holds.
    missing : list of str
        Digests that the store no longer holds.
    """

    checkpoint_path: Path | None
    checkpoint_digest: str | None
    state: dict[str, Any]
    pack: Pack
    storage: RealDataStorage
    records: list[Record]
    missing: list[str]

    def find(self, key: str) -> Record:
        """The record of a key.

        Raises
        ------
        DataMissing
            If the chain holds none of that name.
        """
        for record in self.records:
            if record.key == key:
                return record
        raise DataMissing(f"the chain holds no record {key}; names look like {self.records[0].key}" if self.records
                          else f"the chain holds no record {key}")  # fmt: skip

    def document(self, key: str | None, everything: bool) -> dict[str, Any]:
        """Plain values for JSON."""
        listed = [self.find(key)] if key else (self.records if everything else self.records[:_SHOWN])
        return {
            "checkpoint": None if self.checkpoint_path is None else
            {"path": str(self.checkpoint_path), "sha256": self.checkpoint_digest, **self.state},
            "pack": {"path": str(self.pack.path), "digest": self.pack.digest, "samples": len(self.pack),
                     "code_sha256": self.pack.manifest.code_sha256},
            "records": {"count": len(self.records), "missing": self.missing,
                        "assurance": dict(self._count("assurance"))},
            "listed": [_record_document(self.storage, record, bool(key)) for record in listed],
        }  # fmt: skip

    def _count(self, name: str) -> Counter[str]:
        return Counter(getattr(record, name) for record in self.records)


def _record_document(storage: RealDataStorage, record: Record, inputs: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"key": record.key, "sha256": record.digest, "assurance": record.assurance,
                             "provenance": record.provenance.detail}  # fmt: skip
    if inputs and record.source == PLANET_RUNS:
        run = PlanetRun.from_bytes(storage.open(record))
        found |= {"simulator": run.simulator, "inputs": run.inputs}
    return found


def trace(path: Path, store: str | Path | None = None) -> Chain:
    """Follow a checkpoint, a run's folder, or a pack down to its records.

    Raises
    ------
    DataMissing, IntegrityError
        If a link of the chain is gone, or its top has changed.
    """
    if (path / MANIFEST).is_file():
        pack, state, top, digest = Pack.open(path, verify=False), {}, None, None
    else:
        top = find_checkpoint(path)
        loaded = checkpoint.load(top)
        digest, state = (
            checkpoint.verify(top),
            loaded["lineage"] | {"step": loaded["step"], "model": loaded["model_name"]},
        )
        pack = trained_pack(state, store)
        store = store or state.get("store")
    _check_samples(pack)
    storage = RealDataStorage.inspect(store)
    known = {record.digest: record for record in storage.records()}
    digests = pack.record_digests()
    return Chain(
        checkpoint_path=top,
        checkpoint_digest=digest,
        state=state,
        pack=pack,
        storage=storage,
        records=[known[item] for item in digests if item in known],
        missing=[item for item in digests if item not in known],
    )


def _check_samples(pack: Pack) -> None:
    """The table that names the records must be whole before it is read."""
    (expected,) = (item.sha256 for item in pack.manifest.files if item.path == SAMPLES)
    path = pack.path / SAMPLES
    if not path.is_file() or sha256_files([path]) != [expected]:
        raise IntegrityError(
            f"{path} is gone or has changed since the pack was built",
            fix=build_anew(pack.manifest.source),
        )


def lineage_tree(chain: Chain, key: str | None = None, everything: bool = False) -> Any:
    """The chain as a tree for a terminal; ``key`` shows one record down to its input files."""
    from rich.markup import escape
    from rich.tree import Tree

    pack_text = f"pack {chain.pack.digest}  {len(chain.pack)} samples  {escape(str(chain.pack.path))}"
    if chain.checkpoint_path is None:
        tree = pack = Tree(pack_text)
    else:
        tree = Tree(f"checkpoint {chain.checkpoint_digest}  {escape(str(chain.checkpoint_path))}")
        tree.add(f"{chain.state['model']}, step {chain.state['step']}, split {chain.state['split']}, "
                 f"astrobio {chain.state['package_version']}")  # fmt: skip
        pack = tree.add(pack_text)
    pack.add(f"built by code {chain.pack.manifest.code_sha256}")
    counts = ", ".join(f"{count} {name}" for name, count in chain._count("assurance").items())
    records = pack.add(
        f"{len(chain.records)} records ({counts})" + (f", {len(chain.missing)} gone" if chain.missing else "")
    )
    for part, count in Counter(map(_part, chain.records)).items():
        records.add(f"{part}: {count}")
    listed = [chain.find(key)] if key else (chain.records if everything else chain.records[:_SHOWN])
    for record in listed:
        _add_record(records, chain.storage, record, bool(key))
    if not key and not everything and len(chain.records) > _SHOWN:
        records.add(
            f"... {len(chain.records) - _SHOWN} more: --all lists them, --record KEY shows one with its input files"
        )
    return tree


def _part(record: Record) -> str:
    """What records are counted by: the design of a run, or the source and its product."""
    if record.source == PLANET_RUNS:
        return f"design {record.key.rsplit('-', 2)[0]}"
    return f"{record.source}/{product_of(record)}"


def _add_record(tree: Any, storage: RealDataStorage, record: Record, inputs: bool) -> None:
    from rich.markup import escape

    branch = tree.add(escape(f"record {record.key}  {record.digest}"))
    if record.source == PLANET_RUNS:
        _add_run(branch, storage, record, inputs)
        return
    provenance = record.provenance
    branch.add(escape(f"{provenance.assurance}, {provenance.origin.replace('_', ' ')}, {record.size} bytes"))
    branch.add(escape(f"licence: {licence_of(record)}"))
    for name, value in sorted(provenance.detail.items()) if inputs else _whereabouts(provenance.detail):
        branch.add(escape(f"{name}: {value}"))


def _whereabouts(detail: dict[str, Any]) -> list[tuple[str, Any]]:
    """Where an archive's record came from, and when."""
    return [(name, detail[name]) for name in ("origin", "url", "mirror", "retrieved", "imported") if detail.get(name)]


def _add_run(branch: Any, storage: RealDataStorage, record: Record, inputs: bool) -> None:
    from rich.markup import escape

    provenance = record.provenance
    program = provenance.detail.get("program", {})
    branch.add(escape(f"{provenance.assurance}, {provenance.origin.replace('_', ' ')}: {program.get('name', '')} "
                      f"{program.get('version', '')}, binary {program.get('binary_sha256', '')[:16]}"))  # fmt: skip
    try:
        run = PlanetRun.from_bytes(storage.open(record))
    except IntegrityError as error:
        branch.add(escape(error.message))
        return
    if not inputs:
        branch.add(f"input files {', '.join(run.inputs)}")
        return
    for name, text in run.inputs.items():
        branch.add(f"{name}\n" + escape(text.rstrip()))


def check_lineage(chain: Chain, bar: Callable[[Iterable[Any], int], Iterable[Any]] | None = None) -> list[str]:
    """Hash everything in the chain again; returns what is not as it was, empty if all is."""
    problems: list[str] = []
    if chain.checkpoint_path is not None:
        try:
            checkpoint.verify(chain.checkpoint_path)
        except AstrobioError as error:
            problems.append(error.message)
    try:
        chain.pack.verify()
    except AstrobioError as error:
        problems.append(error.message)
    problems += [f"record {digest} is gone from the store" for digest in chain.missing]
    parts = [chain.records[begin : begin + 2048] for begin in range(0, len(chain.records), 2048)]
    for part in bar(parts, len(parts)) if bar else parts:
        problems += [f"record {record.key} has changed or is gone" for record in chain.storage.damaged(part)]
    try:
        changed = chain.storage.not_as_admitted(chain.records)
    except IntegrityError as error:
        problems.append(error.message)
    else:
        problems += [f"the catalogue's row of {record.key} is not what was admitted" for record in changed]
    return problems
