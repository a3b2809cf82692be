"""Metabolic networks of a store in one form, and what is known of how their organisms live.

Networks come from SBML, from maps in KGML, and from ModelSEED's tables, which together are one network of all
metabolism. Traits come from the tables of ``microbial_traits``, each value with the table, the row and the record that
it is from; where tables or strains disagree, both values stay and the disagreement is listed. A network and a trait
meet only if both are of one species: by its name, or because a table gives both names the same number of the NCBI
taxonomy. Networks that meet none are listed with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from astrobio.archives import bigg, kegg, microbial_traits, modelseed, published_networks
from astrobio.core.errors import DataMissing, IntegrityError
from astrobio.core.network import MetabolicNetwork
from astrobio.core.organisms import Organism, organism
from astrobio.core.provenance import Provenance
from astrobio.datasets.held import held, product_of
from astrobio.formats.model_key import ModelKey, read_model_key
from astrobio.formats.modelseed import network_of
from astrobio.formats.schema import read_typed
from astrobio.store.storage import RealDataStorage, Record
from astrobio.verify.biochemistry import parts_of

Reader = Callable[[bytes, Provenance], MetabolicNetwork]
READERS: dict[tuple[str, str], Reader] = {
    ("published_networks", "networks"): published_networks.network,
    ("bigg", "models"): bigg.network,
    ("kegg", "pathways"): kegg.network,
}
"""How the files of a product become networks, by source and product; ModelSEED's tables become one together."""


@dataclass(frozen=True)
class TraitColumn:
    """A column of a table of traits.

    Attributes
    ----------
    table, column : str
    names : tuple of str
        Columns of the names of the organism.
    trait : str
        What it is of the organism, under the same name in all tables.
    unit : str
        Of its numbers; empty where it has words.
    """

    table: str
    column: str
    names: tuple[str, ...]
    trait: str
    unit: str = ""


TRAITS = (
    TraitColumn("engqvist", "growth_tmp", ("org_name",), "growth temperature", "degree C"),
    TraitColumn("fierer", "optimum_tmp", ("org_name",), "growth temperature", "degree C"),
    TraitColumn("fierer", "optimum_ph", ("org_name",), "optimum pH", "1"),
    TraitColumn("fierer", "metabolism", ("org_name",), "oxygen use"),
    TraitColumn("bergeys", "metabolism", ("species", "species_name"), "oxygen use"),
)
OXYGEN = {
    "aerobic": "aerobe", "obligate aerobic": "aerobe", "obligate aerobe": "aerobe", "facultative": "facultative",
    "facultative aerobe": "facultative", "facultative anaerobe": "facultative", "anaerobic": "anaerobe",
    "obligate anaerobic": "anaerobe", "obligate anaerobe": "anaerobe", "microaerophilic": "microaerophile",
    "microaerophile": "microaerophile",
}  # fmt: skip
"""One word for each way of using oxygen; the tables' own stand beside it."""
APART = {"growth temperature": 5.0, "optimum pH": 1.0}
"""From how far on two values of one species disagree, in degrees C and in pH: the ranges in which one is measured."""


@dataclass(frozen=True)
class Networks:
    """Networks in one form.

    Attributes
    ----------
    networks : tuple of MetabolicNetwork
    table : polars.DataFrame
        One row a network: ``network`` (its number, from 0), ``id``, ``source``, ``file``, ``organism`` as its source
        writes it, ``species`` and ``strain``, ``doi`` and ``pmid`` of its paper, ``compounds``, ``reactions``,
        ``group`` (its genus, else itself), ``digest`` of its record (empty for ModelSEED, which is of many) and
        ``assurance``.
    traits : polars.DataFrame
        One row a value: ``network``, ``trait``, ``number`` in ``unit`` or ``word``, ``written`` as in the table,
        ``table`` and ``column``, ``organism`` and ``strain`` as the table writes them, ``tax_id``, ``matched`` (by
        ``name`` or ``tax_id``), ``reference``, ``digest`` of the record.
    conflicts : polars.DataFrame
        One row a trait of a network on which values disagree: ``network``, ``trait``, ``values`` with their tables.
    unmatched : polars.DataFrame
        One row a network without traits: ``network``, ``id``, ``organism``, ``reason``.
    records : tuple of Record
        All that were read for it.
    """

    networks: tuple[MetabolicNetwork, ...]
    table: pl.DataFrame
    traits: pl.DataFrame
    conflicts: pl.DataFrame
    unmatched: pl.DataFrame
    records: tuple[Record, ...] = ()

    def __len__(self) -> int:
        return len(self.networks)

    def __getitem__(self, number: int) -> MetabolicNetwork:
        return self.networks[number]


TABLE = {
    "network": pl.Int64, "id": pl.String, "source": pl.String, "file": pl.String, "organism": pl.String,
    "species": pl.String, "strain": pl.String, "doi": pl.String, "pmid": pl.String, "compounds": pl.Int64,
    "reactions": pl.Int64, "group": pl.String, "digest": pl.String, "assurance": pl.String,
}  # fmt: skip
VALUES = {
    "network": pl.Int64, "trait": pl.String, "number": pl.Float64, "unit": pl.String, "word": pl.String,
    "written": pl.String, "table": pl.String, "column": pl.String, "organism": pl.String, "strain": pl.String,
    "tax_id": pl.Int64, "matched": pl.String, "reference": pl.String, "digest": pl.String,
}  # fmt: skip
CONFLICTS = {"network": pl.Int64, "trait": pl.String, "values": pl.String}
UNMATCHED = {"network": pl.Int64, "id": pl.String, "organism": pl.String, "reason": pl.String}


def read_networks(storage: RealDataStorage, sources: Iterable[str] = (), allow_declared: bool = True) -> Networks:
    """All admitted networks of a store, ordered by source and file, with the traits of their organisms.

    Of a file that was admitted in several releases, the newest is taken.

    Parameters
    ----------
    storage : RealDataStorage
    sources : iterable of str
        Only networks of these; of all unless given.
    allow_declared : bool
        Whether records count whose origin is only declared by a user.

    Raises
    ------
    DataMissing
        If there is none.
    IntegrityError
        If an object has changed, or ModelSEED's reactions refer to compounds that its tables lack.
    """
    chosen = sorted(set(sources) or {name for name, _ in READERS} | {modelseed.SOURCE.name})
    read_from = _Reading(storage, allow_declared)
    key = _model_key(read_from)
    networks: list[MetabolicNetwork] = []
    rows: list[dict[str, Any]] = []
    for name in chosen:
        if name == modelseed.SOURCE.name:
            _add_modelseed(read_from, networks, rows)
            continue
        for record in held(storage, name, allow_declared):
            read = READERS.get((name, product_of(record)))
            if read is not None:
                network, papers = read(read_from.open(record), record.provenance), None
                if name == published_networks.SOURCE.name:
                    papers = published_networks.keyed(key, network.id)
                networks.append(replace(network, source=name, organism=papers[0].organism if papers else None))
                rows.append(_row(networks[-1], record, papers))
    if not networks:
        raise DataMissing(f"the store {storage.root} holds no networks of {', '.join(chosen)}", fix="astrobio fetch")
    table = pl.DataFrame([{"network": place, **row} for place, row in enumerate(rows)], schema=TABLE)
    joined = _joined(tuple(networks), table, TraitIndex.of(read_from), bool(key))
    return replace(joined, records=tuple(read_from.records.values()))


@dataclass
class _Reading:
    """A store whose records are read, and those that were."""

    storage: RealDataStorage
    allow_declared: bool
    records: dict[str, Record] = field(default_factory=dict)

    def of(self, name: str, product: str) -> list[Record]:
        """The records of a product, by name of their files."""
        found = [one for one in held(self.storage, name, self.allow_declared) if product_of(one) == product]
        return sorted(found, key=lambda one: str(one.provenance.detail.get("name", one.key)))

    def open(self, record: Record) -> bytes:
        self.records[record.digest] = record
        return self.storage.open(record)


def _model_key(store: _Reading) -> list[ModelKey]:
    """The rows of the newest key in the store; none where it holds none."""
    records = store.of(published_networks.SOURCE.name, "model_key")
    return read_model_key(store.open(records[-1])) if records else []


def _row(network: MetabolicNetwork, record: Record, papers: list[ModelKey] | None) -> dict[str, Any]:
    named = organism(network.organism) if network.organism else None
    return {
        "id": network.id, "source": network.source, "file": str(record.provenance.detail.get("name", record.key)),
        "organism": network.organism, "species": named.key if named else None,
        "strain": named.strain if named else None, "doi": _first(papers, "doi"), "pmid": _first(papers, "pmid"),
        "compounds": len(network.compounds), "reactions": len(network.reactions), "group": record.group,
        "digest": record.digest, "assurance": record.assurance,
    }  # fmt: skip


def _first(papers: list[ModelKey] | None, name: str) -> str | None:
    return next((getattr(row, name) for row in papers or () if getattr(row, name)), None)


def _add_modelseed(store: _Reading, networks: list[MetabolicNetwork], rows: list[dict[str, Any]]) -> None:
    """The network of all of ModelSEED's reactions, if the store holds them."""
    records = {product: store.of(modelseed.SOURCE.name, product) for product in modelseed.FORMATS}
    if not records["reactions"]:
        return
    known = {
        identifier: (name or "", formula, charge)
        for frame in _frames(store, records["compounds"], "compounds")
        for identifier, name, formula, charge in frame.select("id", "name", "formula", "charge").rows()
    }
    reactions = [
        (*row, parts)
        for frame in _frames(store, records["reactions"], "reactions")
        for row, parts in zip(
            frame.select("id", pl.col("name").fill_null(""), "reversibility").rows(), parts_of(frame), strict=True
        )
    ]
    lacking = {part.compound for *_, parts in reactions for part in parts} - set(known)
    if lacking:
        raise IntegrityError(f"ModelSEED's reactions refer to {len(lacking)} compounds that its tables in the store "
                             f"lack, as {min(lacking)}")  # fmt: skip
    network = network_of("modelseed", reactions, known)
    networks.append(network)
    rows.append({
        "id": network.id, "source": "modelseed", "file": "reaction_*.tsv", "compounds": len(network.compounds),
        "reactions": len(network.reactions), "group": "modelseed", "digest": "",
        "assurance": records["reactions"][0].assurance,
    })  # fmt: skip


def _frames(store: _Reading, records: list[Record], product: str) -> Iterable[pl.DataFrame]:
    table = modelseed.FORMATS[product]
    for record in records:
        yield read_typed(table.text(store.open(record)), table.schema)


@dataclass
class TraitIndex:
    """The values of all tables of traits, by species and by number of the NCBI taxonomy.

    Attributes
    ----------
    by_name : dict of str to list
        Values by the key of :class:`~astrobio.core.organisms.Organism`.
    by_number : dict of int to list
        Values by tax_id.
    numbers : dict of str to set of int
        Numbers that a table gives a species.
    """

    by_name: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    by_number: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    numbers: dict[str, set[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, store: _Reading) -> TraitIndex:
        """The index of a store; empty where it holds no tables."""
        found = cls()
        for record in held(store.storage, microbial_traits.SOURCE.name, store.allow_declared):
            table = microbial_traits.FORMATS[product_of(record)]
            frame = read_typed(table.text(store.open(record)), table.schema)
            for column in TRAITS:
                if column.table == product_of(record):
                    found._add(frame, column, record.digest)
        return found

    def _add(self, frame: pl.DataFrame, column: TraitColumn, digest: str) -> None:
        for row in frame.iter_rows(named=True):
            written = [organism(row[name]) for name in column.names]
            keys = {one.key for one in written if one is not None}
            for key in keys:
                self.numbers.setdefault(key, set()).add(row["tax_id"])
            if row[column.column] is None:
                continue
            value = _value(row, column, digest)
            self.by_number.setdefault(row["tax_id"], []).append(value)
            for key in keys:
                self.by_name.setdefault(key, []).append(value)

    def values(self, named: Organism) -> list[dict[str, Any]]:
        """The values of a species, and how each was matched."""
        by_name = self.by_name.get(named.key, [])
        found = [{**value, "matched": "name"} for value in by_name]
        for number in sorted(self.numbers.get(named.key, ())):
            found += [
                {**value, "matched": "tax_id"} for value in self.by_number.get(number, ()) if value not in by_name
            ]
        return found


def _value(row: dict[str, Any], column: TraitColumn, digest: str) -> dict[str, Any]:
    written = row[column.column]
    return {
        "trait": column.trait, "number": None if isinstance(written, str) else float(written),
        "unit": column.unit or None, "word": OXYGEN[written] if isinstance(written, str) else None,
        "written": str(written), "table": column.table, "column": column.column, "organism": row[column.names[0]],
        "strain": row.get("Strain"), "tax_id": row["tax_id"], "reference": row["reference"], "digest": digest,
    }  # fmt: skip


def _joined(networks: tuple[MetabolicNetwork, ...], table: pl.DataFrame, index: TraitIndex, has_key: bool) -> Networks:
    """The networks with the values of their organisms."""
    values: list[dict[str, Any]] = []
    conflicts: list[dict[str, Any]] = []
    unmatched: list[dict[str, Any]] = []
    for place, network in enumerate(networks):
        named = organism(network.organism) if network.organism else None
        found = [{"network": place, **value} for value in (index.values(named) if named else ())]
        values += found
        conflicts += [{"network": place, **one} for one in _conflicts(found)]
        if not found:
            unmatched.append({"network": place, "id": network.id, "organism": network.organism,
                              "reason": _reason(network, named, index, has_key)})  # fmt: skip
    return Networks(networks, table, pl.DataFrame(values, schema=VALUES), pl.DataFrame(conflicts, schema=CONFLICTS),
                    pl.DataFrame(unmatched, schema=UNMATCHED))  # fmt: skip


def _conflicts(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The traits on which values of one species disagree."""
    found = []
    for trait in sorted({value["trait"] for value in values}):
        several = [value for value in values if value["trait"] == trait]
        numbers = [value["number"] for value in several if value["number"] is not None]
        words = {value["word"] for value in several if value["word"] is not None}
        if len(words) > 1 or (numbers and max(numbers) - min(numbers) > APART[trait]):
            told = sorted({f"{value['table']}: {value['written']}" for value in several})
            found.append({"trait": trait, "values": "; ".join(told)})
    return found


def _reason(network: MetabolicNetwork, named: Organism | None, index: TraitIndex, has_key: bool) -> str:
    if network.source == "modelseed" or network.source == "kegg":
        return "it is of no single organism"
    if network.organism is None:
        if network.source == published_networks.SOURCE.name and not has_key:
            return "the store holds no model_key.md"
        return "its source names no organism"
    if named is None:
        return f"{network.organism!r} is no name of a species"
    if not index.by_name:
        return "the store holds no tables of traits"
    if named.key in index.numbers:
        return "the tables name the species, and no value of these traits"
    return "no table of traits names the species"
