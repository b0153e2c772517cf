"""Device: an array library and a kernel module. The only importer of ``_cpu``, ``_cuda`` and ``cupy``."""

from __future__ import annotations

import importlib
import importlib.util
import os
from typing import Any

import numpy

from . import _cpu
from .errors import CudaError

__all__ = [
    "Device",
    "cpu",
    "device",
    "empty_cache",
    "memory_stats",
    "num_threads",
    "seed",
    "set_default_device",
    "set_num_threads",
]

Array = Any  # a contiguous numpy or cupy ndarray

_CONSTANTS = 1024  # cached numbers per device: a step has a handful, and one array costs 200 bytes


class Device:
    """Where arrays live and kernels run: ``name``, the array library ``xp`` and the kernel module ``kernels``."""

    def __init__(self, name: str, xp: Any, kernels: Any) -> None:
        self.name, self.xp, self.kernels = name, xp, kernels
        self.empty = kernels.empty
        self.recording = kernels.recording
        self._constants: dict[Any, Array] = {}
        # Two sources of random numbers, both restarted by seed(): kernels read and advance `rng` (Philox: seed,
        # position), the host draws initial weights from `generator`.
        self._seed = int.from_bytes(os.urandom(8), "little")
        self._generator: Any = None
        self.rng = self.array([self._seed, 0], numpy.uint64)

    def array(self, value: Any, dtype: Any) -> Array:
        """Return a new persistent array that holds ``value``."""
        value = numpy.asarray(value, dtype)
        array = self.empty(value.shape, value.dtype, True)
        self.write(array, value)
        return array

    def copy(self, array: Array) -> Array:
        """Return a new persistent array with the contents of one of this device."""
        copy = self.empty(array.shape, array.dtype, True)
        copy[...] = array
        return copy

    def write(self, array: Array, value: Any, key: Any = ...) -> None:
        """Write a number or a numpy array into ``array[key]``."""
        array[key] = value

    def host(self, array: Array) -> numpy.ndarray[Any, Any]:
        """Return a copy as a numpy array, once everything launched before has run."""
        return array.copy()  # type: ignore[no-any-return]

    def synchronize(self) -> None:
        """Wait until everything launched has run; raise what kernels have reported."""

    def memory_stats(self) -> dict[str, int]:
        """Return the bytes wxb holds here: ``live`` now, ``peak`` ever, ``reserved`` with what is cached."""
        usage = self.kernels.memory()
        return {"live": usage.live, "peak": usage.peak, "reserved": usage.reserved}

    def empty_cache(self) -> None:
        """Give memory that no array uses back to the system."""
        self.kernels.empty_cache()

    def constant(self, value: float, dtype: Any) -> Array:
        """Return a 0-d array that holds the number ``value``; shared, so nobody may write it."""
        key: Any = (value, dtype)
        if value == 0 or value != value:  # 0.0 == -0.0 and NaN != NaN would confuse the table
            key = repr(float(value)), dtype
        array = self._constants.get(key)
        if array is None:
            if len(self._constants) >= _CONSTANTS:
                self._constants.clear()
            array = self._constants[key] = self.array(value, dtype)
        return array

    def seed(self, value: int) -> None:
        """Restart the random numbers of this device."""
        if self.recording():
            from .errors import CaptureError

            raise CaptureError("seed: it is set inside a captured step; seed before the call")
        self.write(self.rng, numpy.asarray([value & (2**64 - 1), 0], numpy.uint64))
        self._seed, self._generator = value & (2**64 - 1), None

    @property
    def generator(self) -> numpy.random.Generator:
        """The host's source of random numbers, made when first asked for: numpy.random is slow to import."""
        if self._generator is None:
            self._generator = numpy.random.default_rng(self._seed)
        return self._generator  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"Device({self.name!r})"


class Gpu(Device):
    """A GPU: launches return before they have run, and memory is CuPy's."""

    def write(self, array: Array, value: Any, key: Any = ...) -> None:
        """Write a number or a numpy array into ``array[key]``."""
        array[key] = self.xp.asarray(value, array.dtype)

    def host(self, array: Array) -> numpy.ndarray[Any, Any]:
        """Return a copy as a numpy array, once everything launched before has run; raise what kernels reported."""
        copy = self.xp.asnumpy(array)
        self.kernels.raise_reported()
        return copy  # type: ignore[no-any-return]

    def synchronize(self) -> None:
        """Wait until everything launched has run; raise what kernels have reported."""
        self.xp.cuda.get_current_stream().synchronize()
        self.kernels.raise_reported()

    def memory_stats(self) -> dict[str, int]:
        """Return the bytes CuPy's pool holds: ``live`` now, ``reserved`` with what is cached, the GPU's ``free``."""
        pool, (free, _) = self.xp.get_default_memory_pool(), self.xp.cuda.runtime.memGetInfo()
        return {"live": pool.used_bytes(), "reserved": pool.total_bytes(), "free": free}

    def empty_cache(self) -> None:
        """Give memory that no array uses back to the driver."""
        self.xp.get_default_memory_pool().free_all_blocks()


cpu = Device("cpu", numpy, _cpu)
_devices = {"cpu": cpu}
_default: Device | None = None


def device(name: str | Device | None = None) -> Device:
    """Return the device called ``name`` (``"cpu"`` or ``"cuda"``; None means the default one: ``set_default_device``).

    Raises ``CudaError`` with the reason where there is no GPU, ``ValueError`` for another name.
    """
    if isinstance(name, Device):
        return name
    if name is None and _default is not None:
        return _default
    name = name or os.environ.get("WXB_DEVICE") or "cpu"
    if name in _devices:
        return _devices[name]
    kind, _, index = str(name).partition(":")
    if kind != "cuda":
        raise ValueError(f"device: name is {name!r}, it must be 'cpu' or 'cuda'")
    if index not in ("", "0"):
        raise CudaError(f"device {name!r}: wxb uses GPU 0; set CUDA_VISIBLE_DEVICES={index} and use 'cuda'")
    if reason := why_no_cuda():
        raise CudaError(f"device 'cuda' is off: {reason}; use device='cpu'")
    if "cuda" not in _devices:
        _devices["cuda"] = _gpu()
    return _devices["cuda"]


def set_default_device(name: str | Device | None) -> None:
    """Make new Tensors and modules on this device; None: on what ``WXB_DEVICE`` says, or the CPU.

    Raises ``CudaError`` with the reason where there is no GPU, ``ValueError`` for another name.
    """
    global _default
    _default = None if name is None else device(name)


def _gpu() -> Gpu:
    import cupy

    _cuda: Any = importlib.import_module(f"{__package__}._cuda")
    _cuda.set_cupy(cupy)
    return Gpu("cuda", cupy, _cuda)


def why_no_cuda() -> str:
    """Say what is missing to run a kernel on a GPU: the module, the driver, CuPy; nothing where all is there."""
    try:
        _cuda: Any = importlib.import_module(f"{__package__}._cuda")
    except ImportError as error:
        return f"this build has no _cuda module ({error}); install nvcc and build wxb again"
    if _cuda.device_count() == 0:
        return f"the driver found no GPU ({_cuda.device_error()})"
    if importlib.util.find_spec("cupy") is None:
        return "CuPy is not installed; pip install 'wxb[cuda13]'"
    return ""


def seed(value: int) -> None:
    """Restart the random numbers of every device in use: the same seed gives the same numbers.

    Raises ``TypeError`` unless ``value`` is an integer, ``CaptureError`` inside a captured step.
    """
    if not isinstance(value, (int, numpy.integer)):
        raise TypeError(f"seed: value is {value!r}, it must be an integer")
    for each in _devices.values():
        each.seed(int(value))


def memory_stats(where: str | Device | None = None) -> dict[str, int]:
    """Return the bytes wxb holds on a device: ``live`` now, ``reserved`` with what is cached; the CPU's ``peak``."""
    return device(where).memory_stats()


def empty_cache() -> None:
    """Give memory that no array uses back, on every device in use."""
    for each in _devices.values():
        each.empty_cache()


def num_threads() -> int:
    """Return how many CPU threads kernels use."""
    return int(_cpu.num_threads())


def set_num_threads(threads: int) -> None:
    """Use ``threads`` CPU threads (1 to 1024). Results do not depend on it, bit for bit."""
    _cpu.set_num_threads(threads)
