"""Stands in for CuPy where there is no GPU: arrays on the host with the attributes that ``_cuda`` reads."""

from types import SimpleNamespace

import numpy as np


class Memory:
    """A block, as a MemoryPointer shows it."""

    def __init__(self, size: int, device_id: int = 0) -> None:
        self.bytes = np.full(size, 0xFF, np.uint8)
        self.ptr, self.device_id = self.bytes.ctypes.data, device_id


class Pool:
    """Takes every block from its allocator."""

    def __init__(self, allocator) -> None:
        self.allocator, self.taken = allocator, 0

    def malloc(self, size: int) -> Memory:
        self.taken += size
        return self.allocator(size)

    def used_bytes(self) -> int:
        return self.taken


class Array:
    """A strided view of a block."""

    def __init__(self, shape, dtype, memory, strides=None) -> None:
        self.shape, self.dtype, self.data = shape, np.dtype(dtype), memory
        self.strides = strides or np.empty(shape, dtype).strides


def array(*shape: int, dtype="float32", strides=None, device_id: int = 0) -> Array:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return Array(shape, dtype, Memory(size, device_id), strides)


class Shortage:
    """Memory of which there is none until idle blocks have been given back ``needed`` times."""

    def __init__(self, needed: int) -> None:
        self.needed = needed

    def alloc(self, size: int) -> Memory:
        if self.needed > 0:
            raise MemoryError(f"out of memory allocating {size} bytes")
        return Memory(size)

    def free_all_blocks(self) -> None:
        self.needed -= 1


def library(needed: int = 0) -> SimpleNamespace:
    memory = Shortage(needed)
    cuda = SimpleNamespace(alloc=memory.alloc, MemoryPool=Pool)
    return SimpleNamespace(ndarray=Array, cuda=cuda, get_default_memory_pool=lambda: memory)
