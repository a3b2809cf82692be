"""Metabolic networks of a store as a pack: a sample is a network.

Each part that a compound takes in a reaction is a row: ``compound`` and ``reaction`` number them within the network,
``side`` is -1 for a reactant and 1 for a product. Names, formulas and traits are tables beside it. What a source does
not tell is not a number, or -1 in ``reversible``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from astrobio.core.network import MetabolicNetwork
from astrobio.datasets.networks import Networks, read_networks
from astrobio.datasets.pack import ArrayInfo
from astrobio.datasets.packs.writing import Batch, Compilation, merged
from astrobio.store.storage import RealDataStorage

ALIKE = 0.9
"""Share of the reactions of the smaller of two networks from which on both stay on one side of a split: versions and
subsets of one reconstruction. Networks of different genera that were built from one database share fewer."""
UNKNOWN_CHARGE = -32768
ARRAYS = {
    "compound": ("int32", "number within the network", None), "reaction": ("int32", "number within the network", None),
    "side": ("int8", "1", None), "coefficient": ("float64", "1", None), "reversible": ("int8", "1", -1),
    "charge": ("int16", "e", UNKNOWN_CHARGE),
}  # fmt: skip
"""Type, unit and code of missing values of each array: the first four have a row a part, the next one a reaction, the
last one a compound."""


def compile_networks(storage: RealDataStorage, allow_declared: bool) -> Compilation:
    """Networks, with the traits of their organisms.

    Raises
    ------
    DataMissing
        If the store holds none.
    """
    found = read_networks(storage, allow_declared=allow_declared)
    groups = merged(found.table["group"].to_list(), alike(found.networks))
    table = found.table.with_columns(pl.Series("group", groups), key=pl.format("{}/{}", "source", "id"))
    return Compilation(
        arrays={name: ArrayInfo(dtype=dtype, shape=[], units=units, missing=missing, layout="ragged")
                for name, (dtype, units, missing) in ARRAYS.items()},
        batches=_batches(found, table),
        records=list(found.records),
        tables={"compounds": _compounds(found), "reactions": _reactions(found), "traits": found.traits,
                "conflicts": found.conflicts, "unmatched": found.unmatched},
        counts={"networks": dict(table.group_by("source").len().sort("source").rows()),
                "parts": {name: int(table[name].sum()) for name in ("compounds", "reactions")},
                "traits": {"values": found.traits.height, "conflicts": found.conflicts.height,
                           "networks without": found.unmatched.height}},
        measured=("coefficient", "charge"),
    )  # fmt: skip


def alike(networks: Sequence[MetabolicNetwork]) -> list[tuple[int, int]]:
    """Pairs of networks that share most reactions: the same names of compounds on the same sides."""
    known = [_signatures(network) for network in networks]
    return [
        (one, other) for one in range(len(known)) for other in range(one)
        if known[one] and known[other]
        and len(known[one] & known[other]) >= ALIKE * min(len(known[one]), len(known[other]))
    ]  # fmt: skip


def _signatures(network: MetabolicNetwork) -> set[frozenset[tuple[str, int]]]:
    """Each reaction by what takes part in it; identifiers differ between sources and mean nothing across them."""
    names = [compound.name.casefold() or compound.id for compound in network.compounds]
    parts = [(names[place], side) for place, side in zip(network.participants, network.sides.tolist(), strict=True)]
    found = (frozenset(parts[begin:end]) for begin, end in zip(network.begins[:-1], network.begins[1:], strict=True))
    return {one for one in found if len(one) > 1}


def _batches(found: Networks, table: pl.DataFrame) -> Iterator[Batch]:
    for number, network in enumerate(found.networks):
        yield Batch(table[number : number + 1], {name: [values] for name, values in _arrays(network).items()})


def _arrays(network: MetabolicNetwork) -> dict[str, np.ndarray]:
    known = network.coefficients
    unsaid = {None: np.nan, False: 0.0, True: 1.0}
    return {
        "compound": network.participants,
        "reaction": network.columns.astype(np.int32),
        "side": network.sides,
        "coefficient": known if known is not None else np.full(len(network.participants), np.nan),
        "reversible": np.array([unsaid[one.reversible] for one in network.reactions], dtype=np.float64),
        "charge": np.array([one.charge for one in network.compounds], dtype=np.float64),
    }


def _compounds(found: Networks) -> pl.DataFrame:
    rows = [
        (place, number, one.id, one.name, one.formula, one.compartment)
        for place, network in enumerate(found.networks) for number, one in enumerate(network.compounds)
    ]  # fmt: skip
    schema = {"network": pl.Int64, "compound": pl.Int64, "id": pl.String, "name": pl.String, "formula": pl.String,
              "compartment": pl.String}  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def _reactions(found: Networks) -> pl.DataFrame:
    """Names and bounds of flux in mmol gDW-1 h-1; an infinite one says that there is none."""
    rows = [
        (place, number, one.id, one.name, one.lower, one.upper, one.id in network.growth)
        for place, network in enumerate(found.networks) for number, one in enumerate(network.reactions)
    ]  # fmt: skip
    schema = {"network": pl.Int64, "reaction": pl.Int64, "id": pl.String, "name": pl.String, "lower_bound": pl.Float64,
              "upper_bound": pl.Float64, "growth": pl.Boolean}  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")
