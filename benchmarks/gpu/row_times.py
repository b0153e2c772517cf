"""Workloads for times.py of the rooms that reduce, look up and pool, beside CuPy where it has the same in one call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workload import Workload, less
from wxb.device import Device

ELEMENTS = 1 << 26


def workloads(dev: Device, dry: bool) -> Iterator[Workload]:
    k, xp = dev.kernels, dev.xp
    single = "float32"

    def copies(*arrays: Any) -> None:
        """Stand in for a peer: the bytes of the outputs, copied."""
        xp.copyto(arrays[-1], arrays[0].reshape(-1)[: arrays[-1].size].reshape(arrays[-1].shape))

    for columns in (256, 1024, 1023, 8192, 32768):
        shape = 2 if dry else ELEMENTS // columns, columns
        yield Workload(f"softmax {columns}", [shape] * 2, [single] * 2, k.softmax_forward, copies, torch=_torch_softmax)
        yield Workload(f"softmax backward {columns}", [shape] * 3, [single] * 3, k.softmax_backward, copies)
    rows, n = less(1024, dry) if dry else 65536, 1024
    row, side = (rows, n), (rows,)

    def layer_norm(x: Any, w: Any, b: Any, centre: Any, rstd: Any, y: Any) -> None:
        k.layer_norm_forward(x, w, b, y, centre, rstd, 1e-5)

    def layer_norm_backward(x: Any, w: Any, centre: Any, rstd: Any, dy: Any, dw: Any, db: Any, dx: Any) -> None:
        k.layer_norm_backward(x, w, centre, rstd, dy, dx, dw, db)

    shapes = [row, (n,), (n,), side, side, row]
    yield Workload("layer_norm", shapes, [single] * 6, layer_norm, copies, torch=_torch_layer_norm)
    shapes = [row, (n,), side, side, row, (n,), (n,), row]
    yield Workload("layer_norm backward", shapes, [single] * 8, layer_norm_backward, copies)
    image, channel = (1, less(262144, dry) // (16 if dry else 1), 256), (256,)

    def batch_norm(x: Any, w: Any, b: Any, saved: Any, y: Any) -> None:
        k.batch_norm_forward(x, w, b, None, None, None, y, saved, 0.1, 1e-5, True, k.Unary.relu, 0.0)

    def batch_norm_backward(x: Any, w: Any, saved: Any, dy: Any, dw: Any, db: Any, dx: Any) -> None:
        k.batch_norm_backward(x, w, saved, dy, dx, dw, db, True, k.Unary.relu, 0.0)

    shapes = [image, channel, channel, (5, 1, 256), image]
    yield Workload("batch_norm, relu", shapes, [single] * 5, batch_norm, copies)
    shapes = [image, channel, (5, 1, 256), image, channel, channel, image]
    yield Workload("batch_norm backward, relu", shapes, [single] * 7, batch_norm_backward, copies)
    for outer, count, inner in ((1, ELEMENTS, 1), (65536, 1024, 1), (1, 65536, 1024)):
        if dry:
            outer, count, inner = less(outer, dry), less(count, dry) % 1000, less(inner, dry)

        def total(x: Any, y: Any, sizes: tuple[int, int, int] = (outer, count, inner)) -> None:
            k.reduce_forward(k.Reduction.sum, x, y, *sizes)

        def peer(x: Any, y: Any) -> None:
            xp.sum(x, 1, out=y)

        shapes = [(outer, count, inner), (outer, inner)]
        yield Workload(
            f"sum {outer} x {count} x {inner}",
            shapes,
            [single] * 2,
            total,
            peer,
            torch=lambda torch, x, y: torch.sum(x, 1, out=y),
        )
    square = (less(8192, dry),) * 2
    yield Workload(
        "transpose", [square] * 2, [single] * 2, lambda x, y: k.transpose_forward(x, y, [1, 0]),
        lambda x, y: xp.copyto(y, x.T), torch=lambda torch, x, y: y.copy_(x.T),
    )  # fmt: skip
    looked_up, table = less(65536, dry), less(32768, dry)
    index = dev.array(_often(looked_up, table), "int64")
    yield Workload(
        "embedding backward",
        [(looked_up, 256), (table, 256)],
        [single] * 2,
        lambda dy, dx: k.embedding_backward(index, dy, dx, None, False, -1),
        copies,
    )
    large, small = ((less(256, dry), side, side, 64) for side in (32, 16))
    window = (2, 2), (2, 2), (0, 0)
    yield Workload(
        "max_pool 2 x 2",
        [large, small, small],
        [single, "uint8", single],
        lambda x, i, y: k.max_pool_forward(x, y, i, *window),
        copies,
    )


def _torch_softmax(torch: Any, x: Any, y: Any) -> None:
    torch.softmax(x, 1, out=y)


def _torch_layer_norm(torch: Any, x: Any, w: Any, b: Any, centre: Any, rstd: Any, y: Any) -> None:
    torch.native_layer_norm(x, w.shape, w, b, 1e-5)


def _often(count: int, most: int) -> Any:
    """Return indices of which one in ten is the same."""
    import numpy

    rng = numpy.random.default_rng(0)
    return numpy.where(rng.random(count) < 0.1, 7, rng.integers(0, most, count))
