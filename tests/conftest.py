"""Fixtures: the device, every instruction set, numbers of threads, memory full of NaN, the folder of data sets."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wxb
from wxb.device import Device, cpu, why_no_cuda

ROOT = Path(__file__).resolve().parent.parent
ISAS: list[str] = cpu.kernels.isas()
GPUS = ["emulated"] if why_no_cuda() else ["emulated", "cuda"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the nightly tests out unless -m asks for them."""
    if not config.option.markexpr:
        nightly = [item for item in items if item.get_closest_marker("nightly")]
        config.hook.pytest_deselected(items=nightly)
        items[:] = [item for item in items if item not in set(nightly)]


@pytest.fixture(autouse=True)
def seeds() -> None:
    """Start every test from the same random numbers."""
    np.random.seed(0)
    wxb.seed(0)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(params=["cpu"])
def device(request: pytest.FixtureRequest) -> Device:
    """The devices of this machine."""
    return wxb.device(request.param)


@pytest.fixture
def emulated(monkeypatch: pytest.MonkeyPatch) -> Device:
    """The CUDA kernels over numpy arrays (tests/emulator), as the default device; memory is full of NaN."""
    module = pytest.importorskip("wxb._cuda_emulated", reason="this build has no WXB_EMULATED")
    dev = Device("emulated", np, module)
    dev.empty = _poisoning(module)
    monkeypatch.setitem(sys.modules["wxb.device"]._devices, "emulated", dev)
    monkeypatch.setenv("WXB_DEVICE", "emulated")
    return dev


def _poisoning(kernels: Any) -> Callable[..., np.ndarray]:
    def empty(shape: tuple[int, ...], dtype: np.dtype, persistent: bool = False) -> np.ndarray:
        array = kernels.empty(shape, dtype, persistent)
        array.reshape(-1).view(np.uint8)[...] = 0xFF
        return array

    return empty


@pytest.fixture(params=GPUS)
def gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Device:
    """Each device with CUDA kernels that this machine has, as the default device; memory is full of NaN."""
    if request.param == "emulated":
        return request.getfixturevalue("emulated")
    dev = wxb.device("cuda")
    monkeypatch.setattr(dev, "empty", _poisoning(dev.kernels))
    monkeypatch.setenv("WXB_DEVICE", "cuda")
    return dev


@pytest.fixture(params=ISAS)
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each instruction set this build has bodies for and this CPU can run."""
    before = cpu.kernels.isa()
    cpu.kernels.set_isa(request.param)
    yield request.param
    cpu.kernels.set_isa(before)


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = wxb.num_threads()
    wxb.set_num_threads(request.param)
    yield request.param
    wxb.set_num_threads(before)


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill what device.empty gives with NaN (-1 in integers): a kernel that leaves an element out is seen."""
    monkeypatch.setattr(cpu, "empty", _poisoning(cpu.kernels))


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of data sets: WXB_DATA, or ../shared/data beside the repository."""
    folder = Path(os.environ.get("WXB_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no data sets: {folder} does not exist; set WXB_DATA")
    return folder
