"""The order of samples is a function of seed, epoch and position, and of nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from astrobio.core.errors import IntegrityError, UsageError
from astrobio.datasets.loader import Loader, epoch_order
from astrobio.datasets.pack import Pack

seeds, epochs = st.integers(0, 2**63 - 1), st.integers(0, 10**6)


@pytest.fixture(scope="module")
def pack(small_pack) -> Pack:
    return Pack.open(small_pack)


def loader(pack: Pack, rows: object = None, batch_size: int = 7, **options: object) -> Loader:
    extra = {"sample": torch.arange(len(pack))}
    return Loader(pack, np.arange(66) if rows is None else np.asarray(rows), batch_size, extra=extra, **options)


def samples(batches: object) -> list[list[int]]:
    return [batch["sample"].tolist() for batch in batches]


@given(st.integers(1, 500), seeds, epochs)
def test_an_order_is_a_permutation_and_comes_again(count, seed, epoch):
    order = epoch_order(count, seed, epoch)
    assert sorted(order.tolist()) == list(range(count))
    assert order.tolist() == epoch_order(count, seed, epoch).tolist()


def test_orders_of_the_first_version_stay():
    """Golden values: a checkpoint resumes in a later version with the same samples."""
    assert epoch_order(10, 0, 0).tolist() == [0, 7, 8, 6, 9, 5, 1, 3, 2, 4]
    assert epoch_order(10, 1, 2).tolist() == [1, 4, 5, 0, 7, 6, 8, 2, 3, 9]


@given(seeds, epochs)
def test_seeds_and_epochs_differ_in_their_orders(seed, epoch):
    order = epoch_order(200, seed, epoch).tolist()
    assert order != epoch_order(200, seed, epoch + 1).tolist()
    assert order != epoch_order(200, (seed + 1) % 2**63, epoch).tolist()


@given(
    st.lists(st.integers(0, 65), unique=True, max_size=66), st.integers(1, 80), seeds, st.integers(0, 9), st.booleans()
)
def test_every_sample_comes_once_and_the_last_batch_is_short(pack, rows, batch_size, seed, epoch, shuffle):
    found = loader(pack, rows, batch_size, seed=seed, shuffle=shuffle)
    batches = samples(found.batches(epoch))
    assert len(batches) == len(found) == -(-len(rows) // batch_size)
    assert sorted(sample for batch in batches for sample in batch) == sorted(rows)
    assert [len(batch) for batch in batches[:-1]] == [batch_size] * max(0, len(batches) - 1)
    if rows:
        assert len(batches[-1]) == len(rows) - batch_size * (len(batches) - 1)
    if not shuffle:
        assert [sample for batch in batches for sample in batch] == rows


@given(st.integers(1, 40), seeds, st.integers(0, 9), st.data())
def test_resuming_at_any_batch_gives_those_that_remain(pack, batch_size, seed, epoch, data):
    found = loader(pack, batch_size=batch_size, seed=seed)
    start = data.draw(st.integers(0, len(found)))
    assert samples(found.batches(epoch, start)) == samples(found.batches(epoch))[start:]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_number_of_workers_changes_nothing(pack, workers):
    alone = loader(pack, seed=3, names=("albedo", "parameters", "state"))
    helped = loader(pack, seed=3, names=("albedo", "parameters", "state"), workers=workers)
    for epoch, start in ((0, 0), (1, 0), (1, 4), (1, 10)):
        one, other = list(alone.batches(epoch, start)), list(helped.batches(epoch, start))
        assert len(one) == len(other) == len(alone) - start
        for here, there in zip(one, other, strict=True):
            assert here.keys() == there.keys()
            assert all(torch.equal(here[name], there[name]) for name in here)


def test_another_loop_in_between_changes_nothing(pack):
    found, other = loader(pack, workers=2), loader(pack, batch_size=3)
    batches = []
    for batch in found.batches(0):
        batches.append(batch["sample"].tolist())
        next(other.batches(5))
    assert batches == samples(found.batches(0))


def test_a_loop_that_is_left_early_leaves_no_threads(pack):
    import threading

    before = threading.active_count()
    batches = loader(pack, batch_size=1, workers=4).batches(0)
    next(batches)
    batches.close()
    assert threading.active_count() == before


def test_batches_hold_what_the_pack_holds(pack):
    found = loader(pack, names=("surface_temperature", "start", "parameters"))
    for batch in found.batches(2):
        rows = batch["sample"].numpy()
        for name in found.plan.names:
            np.testing.assert_array_equal(batch[name].numpy(), pack.array(name).take(rows))
            assert batch[name].numpy().dtype == pack.array(name).dtype


@pytest.mark.parametrize("ranks", [2, 3, 7])
@pytest.mark.parametrize("workers", [0, 2])
def test_ranks_share_out_each_batch_of_a_single_process(pack, ranks, workers):
    whole = list(loader(pack, batch_size=10, seed=5, names=("albedo",)).batches(1, start=2))
    parts = [
        list(
            loader(pack, batch_size=10, seed=5, names=("albedo",), workers=workers, rank=rank, ranks=ranks).batches(
                1, 2
            )
        )
        for rank in range(ranks)
    ]
    for step, batch in enumerate(whole):
        assert len({len(part) for part in parts}) == 1
        for rank in range(ranks):
            assert torch.equal(parts[rank][step]["sample"], batch["sample"][rank::ranks])
            assert torch.equal(parts[rank][step]["albedo"], batch["albedo"][rank::ranks])


def test_outputs_are_normalised_and_converted(pack):
    from rust_integration import Output

    [batch] = loader(pack, rows=[3, 1], names=(Output("surface_temperature", "bfloat16", [280.0], [20.0]),)).batches(0)
    rows = batch["sample"].numpy()
    stored = torch.from_numpy(pack.array("surface_temperature").take(rows))
    expected = ((stored - 280.0) * np.float32(1 / 20.0)).to(torch.bfloat16)
    assert torch.equal(batch["surface_temperature"], expected)


def test_damage_found_while_gathering_names_shard_and_sample(small_pack, tmp_path):
    copy = Path(shutil.copytree(small_pack, tmp_path / "pack"))
    shard = next((copy / "shards").iterdir())
    content = bytearray(shard.read_bytes())
    whole = Pack.open(copy)
    place = content.index(whole.array("surface_temperature").take(np.array([40])).tobytes())
    content[place + 100] ^= 1
    shard.write_bytes(bytes(content))
    damaged = loader(Pack.open(copy, verify=False), names=("surface_temperature",), workers=2, batch_size=66)
    with pytest.raises(IntegrityError, match=rf"{shard.name}.*40") as seen:
        next(damaged.batches(0))
    assert "--overwrite" in str(seen.value)


@pytest.mark.parametrize(("rank", "ranks"), [(-1, 2), (2, 2), (0, 0)])
def test_ranks_that_do_not_exist_are_refused(pack, rank, ranks):
    with pytest.raises(UsageError, match="ranks run from 0"):
        loader(pack, rank=rank, ranks=ranks)


def test_a_batch_size_below_one_and_an_unknown_array_are_refused(pack):
    with pytest.raises(UsageError, match="batch_size is 0") as seen:
        loader(pack, batch_size=0)
    assert seen.value.exit_code == 2
    with pytest.raises(UsageError, match="no array 'clouds'"):
        loader(pack, names=("clouds",))
