"""Time what a call costs besides its arithmetic: ``python benchmarks/overhead.py``."""

import sys

import numpy
import wxb
from wxb import ops
from wxb.bench import Workload, main
from wxb.bench.peers import calls, module
from wxb.bench.timing import close_to
from wxb.device import cpu

SIZE, ADDS = 16, 1000
A, B = numpy.arange(SIZE, dtype=numpy.float32), numpy.ones(SIZE, numpy.float32)


def binding() -> Workload:
    """A kernel, into memory that is there."""

    def in_wxb():
        a, b, y = cpu.array(A, A.dtype), cpu.array(B, B.dtype), cpu.empty((SIZE,), A.dtype)
        launch, add = cpu.kernels.binary_forward, cpu.kernels.Binary.add
        return lambda: launch(add, a, b, y) or y

    def in_torch():
        torch = module("torch")
        a, b, y = torch.tensor(A), torch.tensor(B), torch.empty(SIZE)
        return lambda: torch.add(a, b, out=y)

    def in_numpy():
        a, b, y = A.copy(), B.copy(), numpy.empty_like(A)
        return lambda: numpy.add(a, b, y)

    return Workload("kernel add 16", lambda: ({"wxb": in_wxb, "torch": in_torch, "numpy": in_numpy}, close_to(A + B)))


def memory() -> Workload:
    """Memory of 64 bytes."""
    shape, dtype = (SIZE,), A.dtype

    def in_torch():
        empty = module("torch").empty
        return lambda: empty(SIZE)

    contestants = {
        "wxb": lambda: lambda: cpu.empty(shape, dtype),
        "torch": in_torch,
        "numpy": lambda: lambda: numpy.empty(shape, dtype),
    }
    return Workload("empty 16", lambda: (contestants, lambda y: 0.0 if tuple(y.shape) == shape else 1.0))


def operation() -> Workload:
    """An op."""
    add = {name: lambda library: lambda a, b: a + b for name in ("wxb", "torch", "jax", "numpy")}
    return Workload("op add 16", lambda: (calls([A, B], add), close_to(A + B)))


def recording() -> Workload:
    """An op whose backward is remembered."""

    def in_wxb():
        a, b = wxb.tensor(A, requires_grad=True), wxb.tensor(B)
        return lambda: (a + b).detach()

    def in_torch():
        torch = module("torch")
        a, b = torch.tensor(A, requires_grad=True), torch.tensor(B)
        return lambda: (a + b).detach()

    return Workload("op add 16, recorded and detached", lambda: ({"wxb": in_wxb, "torch": in_torch}, close_to(A + B)))


def backward() -> Workload:
    """Two ops forward and backward."""
    x, w, b = (numpy.ones(shape, numpy.float32) for shape in ((2, 4), (3, 4), (3,)))
    y = x.astype(numpy.float64) @ w.T + b
    expected = (y, 3 * x, numpy.full((3, 4), 2.0), numpy.full(3, 2.0))

    def by_hand(x, w, b, dy):
        return [x @ w.T + b, dy @ w, dy.T @ x, dy.sum(0)]

    makes = {
        "wxb": lambda wxb: ops.linear,
        "torch": lambda torch: torch.nn.functional.linear,
        "jax": lambda jax: lambda x, w, b: x @ w.T + b,
        "numpy": lambda numpy: by_hand,
    }
    contestants = calls([x, w, b, numpy.ones((2, 3), numpy.float32)], makes, backward=True)
    return Workload("linear 2x4 to 3, forward and backward", lambda: (contestants, close_to(*expected)))


def replay() -> Workload:
    """A launch within a captured step."""

    def in_wxb():
        b, x = wxb.tensor(B), wxb.tensor(A)

        @wxb.capture
        def many(x):
            for _ in range(ADDS):
                x = x + b
            return x

        return lambda: many(x)

    def in_numpy():
        def many():
            x = A
            for _ in range(ADDS):
                x = x + B
            return x

        return many

    error = close_to(A + ADDS)
    return Workload("add 16, of 1000 captured", lambda: ({"wxb": in_wxb, "numpy": in_numpy}, error), calls=3, per=ADDS)


def captured() -> Workload:
    """The call of a captured step: its input copied in, its output out, one launch."""

    def in_wxb():
        b, x = wxb.tensor(B), wxb.tensor(A)
        run = wxb.capture(lambda x: x + b)
        return lambda: run(x)

    return Workload("captured step of one add", lambda: ({"wxb": in_wxb}, close_to(A + B)), calls=3)


def workloads() -> list[Workload]:
    return [memory(), binding(), operation(), recording(), backward(), captured(), replay()]


if __name__ == "__main__":
    sys.exit(main(workloads, threads=[1], seconds=30.0))
