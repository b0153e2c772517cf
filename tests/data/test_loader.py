"""Batches: their order, their copies, and the thread that makes them ahead."""

import gc
import re
import threading
import time
from itertools import chain

import numpy as np
import pytest
from wxb.data import ArrayDataset, Loader

DATA = ArrayDataset(np.arange(46.0).reshape(23, 2), np.arange(23))
PREFETCH = [0, 1, 2, 7]


def numbers(loader):
    return [y.tolist() for _, y in loader]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    gc.collect()
    assert [thread.name for thread in threading.enumerate() if thread.name == "wxb-loader"] == []


@pytest.mark.parametrize("prefetch", PREFETCH)
def test_batches_in_order(prefetch):
    loader = Loader(DATA, 10, prefetch=prefetch)
    assert numbers(loader) == [list(range(10)), list(range(10, 20)), [20, 21, 22]]
    assert len(loader) == 3
    assert len(Loader(DATA, 10, drop_last=True)) == len(numbers(Loader(DATA, 10, drop_last=True))) == 2
    assert len(Loader(DATA, 23)) == len(Loader(DATA, 24)) == 1


@pytest.mark.parametrize("prefetch", PREFETCH)
def test_order_depends_on_seed_and_epoch_only(prefetch):
    loader = Loader(DATA, 5, shuffle=True, seed=1, prefetch=prefetch)
    first, second = numbers(loader), numbers(loader)
    assert first != second and loader.epoch == 2
    assert sorted(chain(*first)) == sorted(chain(*second)) == list(range(23))
    reference = Loader(DATA, 5, shuffle=True, seed=1, prefetch=0)
    reference.set_epoch(1)
    assert numbers(reference) == second
    loader.set_epoch(0)
    assert numbers(loader) == first
    assert numbers(Loader(DATA, 5, shuffle=True, seed=2)) != first


def test_batches_are_contiguous_copies():
    data = ArrayDataset(np.asfortranarray(np.ones((8, 3))), np.arange(8))
    for x, _ in Loader(data, 4):
        assert x.flags.c_contiguous and x.flags.writeable
        x[:] = 0
    assert data.arrays[0].all()


@pytest.mark.parametrize("prefetch", PREFETCH)
def test_transform_draws_the_same_numbers_however_batches_are_made(prefetch):
    def noise(batch, draws):
        x, y = batch
        assert draws.rows.tolist() == y.tolist()
        return (x + draws.uniform(2))[:, ::-1], y

    def batches(ahead):
        return [x for x, _ in Loader(DATA, 6, seed=4, prefetch=ahead, transform=noise)]

    for x, reference in zip(batches(prefetch), batches(0), strict=True):
        np.testing.assert_array_equal(x, reference)
        assert x.flags.c_contiguous


def test_transform_draws_for_a_row_the_same_numbers_whatever_its_batch():
    def numbers_of(epoch, **arguments):
        loader = Loader(DATA, seed=4, transform=lambda batch, draws: (*batch, draws.uniform()), **arguments)
        loader.set_epoch(epoch)
        return {y: u for _, ys, us in loader for y, u in zip(ys.tolist(), us[:, 0].tolist(), strict=True)}

    assert numbers_of(3, batch_size=5, shuffle=True) == numbers_of(3, batch_size=23) != numbers_of(2, batch_size=23)


@pytest.mark.parametrize("prefetch", PREFETCH)
def test_an_error_while_making_a_batch_reaches_the_loop(prefetch):
    def fail(batch, draws):
        if 12 in batch[1]:
            raise ZeroDivisionError("row 12")
        return batch

    seen = []
    with pytest.raises(ZeroDivisionError, match="row 12") as caught:
        for _, y in Loader(DATA, 5, prefetch=prefetch, transform=fail):
            seen.append(y[0])
    assert seen == [0, 5]
    assert "fail" in [entry.name for entry in caught.traceback]


@pytest.mark.parametrize("prefetch", PREFETCH)
def test_a_loop_may_end_early(prefetch):
    before = threading.active_count()
    for _ in range(20):
        for _, y in Loader(DATA, 2, prefetch=prefetch):
            if y[0] >= 4:
                break
    assert threading.active_count() == before
    with pytest.raises(KeyError):
        for _ in Loader(DATA, 2, prefetch=prefetch):
            raise KeyError
    assert threading.active_count() == before
    batches = iter(Loader(DATA, 2, prefetch=prefetch))
    next(batches)
    batches.close()
    assert threading.active_count() == before
    iter(Loader(DATA, 2, prefetch=prefetch))
    assert threading.active_count() == before


@pytest.mark.parametrize("prefetch", PREFETCH)
def test_two_loops_at_once(prefetch):
    loader = Loader(DATA, 4, shuffle=True, prefetch=prefetch)
    pairs = [(a[1].tolist(), b[1].tolist()) for a, b in zip(loader, loader, strict=True)]
    reference = Loader(DATA, 4, shuffle=True, prefetch=0)
    assert list(zip(numbers(reference), numbers(reference), strict=True)) == pairs


def test_the_thread_stays_within_its_depth():
    made = []
    loader = Loader(DATA, 1, prefetch=3, transform=lambda batch, draws: made.append(1) or batch)
    batches = iter(loader)
    next(batches)
    time.sleep(0.05)
    assert len(made) <= 4
    batches.close()


def test_a_batch_must_be_a_tuple():
    with pytest.raises(TypeError, match="Loader: a batch is a ndarray, wanted a tuple of arrays"):
        list(Loader(DATA, transform=lambda batch, draws: batch[0]))


@pytest.mark.parametrize(
    "dataset, arguments, error, message",
    [
        (ArrayDataset(np.empty((0, 3))), {}, ValueError, "Loader: the data set is empty, wanted at least one row"),
        (DATA, {"batch_size": 0}, ValueError, "Loader: batch_size is 0, wanted at least 1"),
        (DATA, {"batch_size": 2.5}, TypeError, "'float' object cannot be interpreted as an integer"),
        (DATA, {"prefetch": -1}, ValueError, "Loader: prefetch is -1, wanted at least 0"),
        (DATA, {"seed": -1}, ValueError, "Loader: seed is -1, wanted at least 0"),
        (
            DATA,
            {"batch_size": 24, "drop_last": True},
            ValueError,
            "Loader: 23 rows make no full batch of 24; take drop_last",
        ),
        ((DATA.arrays), {}, TypeError, "Loader: dataset is a tuple, wanted a data set; use ArrayDataset(x, y)"),
        (np.ones(3), {}, TypeError, "Loader: dataset is a ndarray, wanted a data set; use ArrayDataset(x, y)"),
    ],
)
def test_arguments_that_do_not_fit(dataset, arguments, error, message):
    with pytest.raises(error, match=re.escape(message)):
        Loader(dataset, **arguments)


def test_epochs_count_from_zero():
    with pytest.raises(ValueError, match="Loader: epoch is -1, wanted at least 0"):
        Loader(DATA).set_epoch(-1)
