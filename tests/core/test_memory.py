"""The allocator behind device.empty, and what it says of itself."""

from __future__ import annotations

import gc
import subprocess
import sys

import numpy as np
import pytest
import wxb
from wxb.device import cpu

FLOAT = np.dtype(np.float32)


def live() -> int:
    gc.collect()
    return wxb.memory_stats()["live"]


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 511, 513, 100_003, 3_000_001])
def test_blocks_are_aligned_and_counted(count: int) -> None:
    before = live()
    array = cpu.empty((count,), FLOAT)
    assert array.shape == (count,) and array.flags.c_contiguous and array.flags.writeable
    assert array.ctypes.data % 64 == 0
    held = live() - before
    assert max(64, 4 * count) <= held <= max(64, 4 * count * 9 / 8 + 64)
    array[...] = 1.0
    view = array[1:]
    del array
    assert live() - before == held or not count
    del view
    assert live() == before


STEADY = """
import resource, numpy, wxb
from wxb import nn, ops, optim

wxb.set_num_threads(2)
model = nn.Sequential(nn.Linear(300, 700, activation="gelu"), nn.LayerNorm(700), nn.Dropout(0.1), nn.Linear(700, 10))
optimizer = optim.Adam(model.parameters())
x, y = wxb.tensor(numpy.ones((256, 300))), wxb.tensor(numpy.arange(256) % 10)

def step(x, y):
    loss = ops.cross_entropy(model(x), y)
    optimizer.step(loss)
    return loss

if {captured}:
    step = wxb.capture(step)
for _ in range(20):
    step(x, y)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    step(x, y)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.parametrize("captured", [False, True])
def test_a_steady_loop_touches_no_fresh_pages_subprocess(captured: bool) -> None:
    code = STEADY.format(captured=captured)
    env = {"PYTHONPATH": ":".join(sys.path)}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=120)
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert int(ran.stdout) <= 20  # a step's arrays are 8 MB: 2,000 pages; Python itself takes one now and then


def test_a_freed_block_is_the_next_one() -> None:
    first = cpu.empty((1000,), FLOAT)
    address = first.ctypes.data
    del first
    assert cpu.empty((1000,), FLOAT).ctypes.data == address


def test_empty_cache_gives_memory_back() -> None:
    block = cpu.empty((10_000_000,), FLOAT)
    held = wxb.memory_stats()
    assert held["peak"] >= held["live"] >= 40_000_000 and held["reserved"] >= held["live"]
    del block
    assert wxb.memory_stats()["reserved"] >= 40_000_000
    wxb.empty_cache()
    after = wxb.memory_stats()
    assert after["reserved"] == after["live"]


def test_large_blocks_share_their_addresses() -> None:
    wxb.empty_cache()
    before = wxb.memory_stats()["reserved"]
    for size in range(1_000_000, 8_000_000, 500_000):  # of floats: no two sizes alike, no two at once
        cpu.empty((size,), FLOAT)
    assert wxb.memory_stats()["reserved"] - before <= 4 * 8_000_000
    kept = [cpu.empty((size,), FLOAT) for size in (1_000_000, 300_000, 2_000_000)]
    for number, array in enumerate(kept):
        array[...] = number
    del kept[1]
    wxb.empty_cache()  # what is free lies between what is not
    stats = wxb.memory_stats()
    assert stats["reserved"] == stats["live"]
    assert (kept[0] == 0).all() and (kept[1] == 2).all()


def test_arrays_outlive_the_cache() -> None:
    array = cpu.empty((1000,), FLOAT)
    array[...] = 7.0
    wxb.empty_cache()
    assert (array == 7).all()
    del array
    wxb.empty_cache()


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((-1,), r"empty: shape is \(-1,\), no axis may be negative"),
        ((2**62, 2), r"empty: shape \(4611686018427387904, 2\) is too large for 64 bits"),
        ((2**31, 2**31, 4), "is too large for 64 bits"),
        ((1,) * 33, "empty: shape has 33 axes, at most 32 are possible"),
    ],
)
def test_bad_shapes(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cpu.empty(shape, FLOAT)


def test_zero_wins_over_size_but_not_over_overflow() -> None:
    assert cpu.empty((0, 5), FLOAT).shape == (0, 5)
    assert cpu.empty((2**40, 0), FLOAT).size == 0


def test_a_shape_beyond_64_bits() -> None:
    with pytest.raises(ValueError, match="too large for 64 bits"):
        cpu.empty((2**70,), FLOAT)
    with pytest.raises(ValueError, match="no axis may be negative"):
        cpu.empty((-(2**70),), FLOAT)
    assert cpu.empty((np.int64(3), np.uint8(2)), FLOAT).shape == (3, 2)
    with pytest.raises(TypeError):
        cpu.empty((1.5,), FLOAT)
    with pytest.raises(TypeError):
        cpu.empty((2,), "float32")


def test_no_memory_is_said_with_what_is_held() -> None:
    with pytest.raises(
        MemoryError, match=r"empty: \d+ bytes wanted, the system gave none; wxb holds \d+ bytes of which"
    ):
        cpu.empty((2**36,), FLOAT)
    cpu.kernels.fail_allocation(0)
    with pytest.raises(MemoryError, match=r"use a smaller batch or wxb\.empty_cache"):
        wxb.tensor([1.0])
    assert wxb.tensor([1.0]).item() == 1.0


def test_stubborn_dtypes() -> None:
    for name in ("float64", "int64", "uint8", "bool", "uint64"):
        assert cpu.empty((3, 2), np.dtype(name)).dtype == np.dtype(name)
