"""The checks that every row of the registry must pass; the loops over them are in test_registry.py.

They run on the default device (``WXB_DEVICE``): tests/cuda/test_registry_cuda.py has the same on the CUDA kernels.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import wxb
from rows import SEED, Array, Row, Sample, normal
from wxb.autograd import record
from wxb.device import cpu
from wxb.tensor import Tensor

KERNELS = cpu.kernels


# ---- devices with fewer kernels ----


@contextmanager
def unless_missing() -> Iterator[None]:
    """Skip the test if it asks for a kernel that the module does not have."""
    try:
        yield
    except AttributeError as error:
        missing = re.search(r"module 'wxb\._cuda_emulated' has no attribute '(\w+)'", str(error))
        if missing is None:
            raise
        pytest.skip(f"no CUDA half of {missing[1]}")


# ---- running a row ----


def tensors(value: Any, dtype: Any, wanted: bool = False) -> Any:
    """Make Tensors of the arrays in an argument, of ``dtype`` those of floats; leave the rest."""
    if isinstance(value, list):
        return [tensors(v, dtype, wanted) for v in value]
    if not isinstance(value, np.ndarray):
        return value
    floats = value.dtype == np.float64
    return wxb.tensor(value, dtype if floats else value.dtype, requires_grad=wanted and floats)


def arguments(row: Row, sample: Sample, dtype: Any, gradients: bool = True) -> list[Any]:
    return [tensors(a, dtype, gradients and i in row.grad) for i, a in enumerate(sample)]


def flat(value: Any) -> list[Any]:
    """Return the Tensors or arrays in a nested argument or result."""
    if isinstance(value, (list, tuple)):
        return [t for v in value for t in flat(v)]
    return [value] if isinstance(value, (Tensor, np.ndarray)) else []


def cotangents(outputs: Sequence[Any], whole: bool = False) -> list[Array]:
    """Return for each output what its gradient is to be: fixed random numbers that float32 holds exactly."""
    rng = np.random.default_rng(99)
    draws = [normal(rng, *y.shape) for y in outputs]
    return [np.asarray(np.round(3 * d)) for d in draws] if whole else draws


def backward(outputs: Sequence[Tensor], cotangent: Sequence[Array]) -> None:
    """Send ``cotangent`` backward from ``outputs``, as the gradient of sum(outputs * cotangent) would."""
    pairs = [(y, c) for y, c in zip(outputs, cotangent) if y.requires_grad]
    if not pairs:
        return
    ys, arrays = [y for y, _ in pairs], [y.device.array(c, y.dtype) for y, c in pairs]
    zero = ys[0].device.array(0, ys[0].dtype)
    loss = record(zero, ys, lambda dy, grads: arrays if len(arrays) > 1 else arrays[0])
    loss.backward()


@dataclass
class Outcome:
    outputs: list[Array]
    grads: list[Array]  # of the leaves that have one, in order

    def bits(self) -> list[bytes]:
        return [a.tobytes() for a in (*self.outputs, *self.grads)]


def run(row: Row, sample: Sample, dtype: Any, gradients: bool = True, whole: bool = False) -> Outcome:
    """Run an op forward and backward."""
    wxb.seed(SEED)
    args = arguments(row, sample, dtype, gradients)
    outputs = flat(row.op(*args))
    if gradients:
        backward(outputs, cotangents(outputs, whole))
    leaves = [t for t in flat(args) if t.requires_grad and t.grad is not None]
    return Outcome([y.numpy() for y in outputs], [t.grad.numpy() for t in leaves])


def expected(row: Row, sample: Sample) -> list[Array]:
    with np.errstate(all="ignore"):
        result = row.oracle(*sample)
    return [np.asarray(y) for y in (result if isinstance(result, (list, tuple)) else [result])]


def some(samples: list[Sample]) -> Sample:
    """Return one that is neither empty nor large."""
    return samples[min(5, len(samples) - 1)]


def describe(row: Row, sample: Sample) -> str:
    def one(a: Any) -> str:
        return (
            f"{a.dtype}{a.shape}"
            if isinstance(a, np.ndarray)
            else repr([one(v) for v in a] if isinstance(a, list) else a)
        )

    return f"{row.name}({', '.join(one(a) for a in sample)})"


# ---- (a) right ----


def bounds(row: Row, sample: Sample, dtype: Any, want: list[Array]) -> list[Array]:
    """Return how far each output may be off: eps times the roundings times the size of what was added up."""
    roundings = row.roundings(*sample) if callable(row.roundings) else row.roundings
    with np.errstate(all="ignore"):
        sizes = want if row.magnitude is None else row.magnitude(*sample)
    sizes = sizes if isinstance(sizes, (list, tuple)) else [sizes]
    info = np.finfo(row.gives or dtype)
    if roundings == 0:
        return [np.zeros(np.shape(s)) for s in sizes]
    return [
        float(info.eps) * roundings * np.abs(np.asarray(s, np.float64)) + 4 * float(info.smallest_normal) for s in sizes
    ]


def same_values(got: Array, want: Array, bound: Array, dtype: Any, where: str) -> None:
    """Assert |got - want| <= bound; NaN where NaN is wanted, infinities where the dtype overflows."""
    assert got.shape == want.shape, f"{where}: shape {got.shape}, wanted {want.shape}"
    if got.dtype.kind != "f":
        assert (got == want).all(), f"{where}: {np.argwhere(got != want)[:3]} differ"
        return
    assert got.dtype == dtype, f"{where}: dtype {got.dtype}, wanted {dtype}"
    with np.errstate(all="ignore"):
        close = np.abs(got.astype(np.float64) - want) <= bound
        rounded = want.astype(dtype)
    edge = np.abs(want) + bound >= np.finfo(dtype).max  # on the brink of overflow either is right
    same = (got == rounded) | close | (np.isnan(got) & np.isnan(rounded)) | (edge & np.isinf(got))
    if not same.all():
        i = int(np.argmin(same))
        given, wanted = got.reshape(-1)[i], np.asarray(want).reshape(-1)[i]
        raise AssertionError(
            f"{where}, element {i}: {given!r}, wanted {wanted!r}; {(~same).sum()} of {same.size} differ"
        )


def matches_oracle(row: Row, dtype: Any) -> None:
    for sample in row.samples(np.random.default_rng(1)):
        want, got = expected(row, sample), run(row, sample, dtype, gradients=False).outputs
        assert len(got) == len(want), f"{describe(row, sample)}: {len(got)} outputs, wanted {len(want)}"
        for y, w, bound in zip(got, want, bounds(row, sample, dtype, want)):
            same_values(y, w, bound, row.gives or dtype, describe(row, sample))


def whole_numbers(value: Any) -> Any:
    """Return an argument with small integers for its floats."""
    if isinstance(value, list):
        return [whole_numbers(v) for v in value]
    return np.asarray(np.round(2 * value)) if isinstance(value, np.ndarray) and value.dtype == np.float64 else value


def exact_on_integers(row: Row, dtype: Any) -> None:
    for sample in row.samples(np.random.default_rng(2)):
        if any(isinstance(a, float) and not a.is_integer() and a not in (0.25, 0.5) for a in sample):
            continue
        sample = tuple(whole_numbers(a) for a in sample)
        for y, w in zip(run(row, sample, dtype, gradients=False).outputs, expected(row, sample)):
            assert np.array_equal(y, w), describe(row, sample)


# ---- (b) gradients ----


def has_gradient(row: Row, sample: Sample) -> bool:
    """Say whether there is something to differentiate, and a finite value of it (not a variance of one number)."""
    leaves = [x for i in row.grad if i < len(sample) for x in flat(sample[i]) if x.size and x.dtype == np.float64]
    return bool(leaves) and all(np.isfinite(y).all() for y in expected(row, sample))


def moved(sample: Sample, row: Row, step: float, rng: np.random.Generator) -> Sample:
    """Return a sample whose differentiable arguments have gone ``step`` in the direction that ``rng`` draws."""

    def move(value: Any) -> Any:
        if isinstance(value, list):
            return [move(v) for v in value]
        if isinstance(value, np.ndarray) and value.dtype == np.float64:
            return np.asarray(value + step * rng.standard_normal(value.shape))
        return value

    return tuple(move(a) if i in row.grad else a for i, a in enumerate(sample))


def directional_derivative(row: Row) -> int:
    """Compare float64 gradients with the central difference of the oracle in a random direction; count the samples."""
    step, tried = 1e-5, 0
    for sample in row.samples(np.random.default_rng(3)):
        if not has_gradient(row, sample):
            continue
        outcome = run(row, sample, np.float64)
        directions = flat(list(moved(sample, row, 1.0, np.random.default_rng(5))))
        starts = flat(list(sample))
        differentiable = [x for i in row.grad if i < len(sample) for x in flat(sample[i]) if x.dtype == np.float64]
        ahead, behind = (expected(row, moved(sample, row, s * step, np.random.default_rng(5))) for s in (1, -1))
        weights = cotangents(outcome.outputs)
        terms = [(a - b) / (2 * step) * w for a, b, w in zip(ahead, behind, weights) if a.dtype.kind == "f"]
        numeric = sum(float(t.sum()) for t in terms)
        ids = [i for i, x in enumerate(starts) if any(x is d for d in differentiable)]
        assert len(outcome.grads) == len(ids), f"{describe(row, sample)}: {len(outcome.grads)} gradients"
        along = [g * (directions[i] - starts[i]) for g, i in zip(outcome.grads, ids)]
        analytic = sum(float(a.sum()) for a in along)
        size = max(1e-3, sum(float(np.abs(a).sum()) for a in along))
        assert abs(numeric - analytic) <= 1e-6 * size, (
            f"{describe(row, sample)}: {analytic}, difference quotient {numeric}"
        )
        tried += 1
    return tried


def float32_gradients(row: Row) -> None:
    """Compare float32 gradients with the float64 ones, relative to the largest of each (and to the op's slope)."""
    for sample in row.samples(np.random.default_rng(4)):
        if not has_gradient(row, sample):
            continue
        roundings = row.roundings(*sample) if callable(row.roundings) else row.roundings
        single, double = run(row, sample, np.float32), run(row, sample, np.float64)
        largest = max(a.size for a in (*double.outputs, *double.grads))
        assert len(single.grads) == len(double.grads), describe(row, sample)
        for s, d in zip(single.grads, double.grads):
            assert s.shape == d.shape and s.dtype == np.float32, describe(row, sample)
            if s.size:
                size = np.abs(d) + max(np.abs(d).max(), row.slope)
                bound = np.finfo(np.float32).eps * (8 + 2 * roundings + largest / d.size) * size
                off = np.abs(s - d)
                assert (off <= bound).all(), f"{describe(row, sample)}: off by {off.max()}, allowed {bound.max()}"


def exact_gradients(row: Row) -> None:
    for sample in row.samples(np.random.default_rng(6)):
        if has_gradient(row, sample):
            sample = tuple(whole_numbers(a) for a in sample)
            single, double = run(row, sample, np.float32, whole=True), run(row, sample, np.float64, whole=True)
            for s, d in zip(single.grads, double.grads):
                assert np.array_equal(s, d), describe(row, sample)


# ---- (c) captured ----


def replay_equals_eager(row: Row, dtype: Any) -> None:
    """Record on inputs A, poison the arena, replay on inputs B: bit-equal to eager B, forward and gradients."""
    for a, b in zip(row.samples(np.random.default_rng(10)), row.samples(np.random.default_rng(11))):
        eager = run(row, b, dtype)
        step = captured(row, a, dtype)
        inputs = [
            [wxb.tensor(x, dtype if x.dtype == np.float64 else x.dtype) for x in flat(list(s))] for s in (a, a, b)
        ]
        for given in inputs[:2]:
            wxb.seed(SEED)
            step(*given)
        [plan] = step.plans
        plan.recorded.poison()
        wxb.seed(SEED)
        replayed = [t.numpy().tobytes() for t in flat(step(*inputs[2]))]
        assert len(step.plans) == 1, f"{describe(row, a)}: it was recorded twice"
        assert replayed == eager.bits(), f"{describe(row, b)}: the replay differs from the eager run"


def captured(row: Row, sample: Sample, dtype: Any) -> Any:
    """Return a captured function of the sample's arrays that gives the outputs and the gradients."""

    def rebuild(value: Any, given: list[Tensor], wanted: bool) -> Any:
        if isinstance(value, list):
            return [rebuild(v, given, wanted) for v in value]
        if not isinstance(value, np.ndarray):
            return value
        taken = given.pop(0)
        leaf = Tensor(taken.data, requires_grad=wanted and value.dtype == np.float64)
        leaf.device = taken.device
        return leaf

    # The numbers sent backward are fixed when the step is recorded, as the eager run's are.
    def step(*given: Tensor) -> tuple[Tensor, ...]:
        queue = list(given)
        args = [rebuild(v, queue, i in row.grad) for i, v in enumerate(sample)]
        outputs = flat(row.op(*args))
        backward(outputs, cotangents(outputs))
        leaves = [t for t in flat(args) if t.requires_grad and t.held]
        grads = [t.grad for t in leaves]
        for leaf in leaves:
            leaf.zero_grad()
        return (*outputs, *grads)

    return wxb.capture(step)


# ---- (d) layouts ----


def misaligned(x: Array) -> Array:
    raw = np.zeros(x.nbytes + 1, np.uint8)
    view = raw[1:].view(x.dtype).reshape(x.shape)
    view[...] = x
    return view


def read_only(x: Array) -> Array:
    copy = x.copy()
    copy.flags.writeable = False
    return copy


def strided(x: Array) -> Array:
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]) if x.ndim else (2,), x.dtype)
    view = wide[..., ::2] if x.ndim else wide[:1].reshape(())
    view[...] = x
    return view


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "misaligned": misaligned,
    "read-only": read_only,
    "strided": strided,
    "reversed": lambda x: np.asarray(np.flip(np.asarray(np.flip(x)).copy())),
    "Fortran order": np.asfortranarray,
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "transposed": lambda x: x.T.copy().T,
}


def layout_makes_no_difference(row: Row, layout: str) -> None:
    """Give the op the same numbers in another layout; the caller's bytes never change."""
    for sample in row.samples(np.random.default_rng(12))[:12]:
        want = run(row, sample, np.float32).bits()
        given: list[Array] = []

        def laid_out(value: Any, given: list[Array] = given) -> Any:
            if isinstance(value, list):
                return [laid_out(v) for v in value]
            if isinstance(value, np.ndarray):
                given.append(LAYOUTS[layout](value))
                return given[-1]
            return value

        other = tuple(laid_out(v) for v in sample)
        before = [x.tobytes() for x in given]
        wxb.seed(SEED)
        args = [
            [tensor_like(v, i in row.grad) for v in a] if isinstance(a, list) else tensor_like(a, i in row.grad)
            for i, a in enumerate(other)
        ]
        outputs = flat(row.op(*args))
        backward(outputs, cotangents(outputs))
        leaves = [t for t in flat(args) if t.requires_grad and t.grad is not None]
        got = [t.numpy().tobytes() for t in (*outputs, *(leaf.grad for leaf in leaves))]
        assert got == want, f"{describe(row, sample)}: {layout} makes a difference"
        assert before == [x.tobytes() for x in given], f"{describe(row, sample)}: the caller's array was written"


def tensor_like(value: Any, wanted: bool) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    return wxb.tensor(value, requires_grad=wanted and value.dtype.kind == "f")


# ---- (e) NaN, Inf, -0, subnormal ----


def special_values(row: Row, dtype: Any) -> None:
    """Put one special number into each float argument in turn: the oracle says what comes out."""
    rng, tried = np.random.default_rng(13), 0
    for sample in row.samples(np.random.default_rng(14)):
        places = [x for x in flat(list(sample)) if x.dtype == np.float64 and 0 < x.size < 200]
        for target in places:
            index = tuple(int(rng.integers(n)) for n in target.shape)
            before = target[index]
            for value in row.special:
                target[index] = value
                tried += 1
                want = expected(row, sample)
                for y, w, bound in zip(run(row, sample, dtype, False).outputs, want, bounds(row, sample, dtype, want)):
                    same_values(y, w, bound, row.gives or dtype, f"{describe(row, sample)} with {value}")
            target[index] = before
        if tried > 200:
            return


# ---- (f) bad input ----


def strangers_are_named(row: Row) -> None:
    """Put what is no Tensor in place of each: a clear error or a result, never an accident within."""
    sample = some(row.samples(np.random.default_rng(0)))
    for i, value in enumerate(sample):
        for stranger in (None, "text", [1.0, 2.0], object(), 1j, np.float32, wxb) if flat(value) else ():
            args = arguments(row, sample, np.float32)
            args[i] = stranger
            try:
                row.op(*args)
            except (TypeError, ValueError) as error:
                words = str(error)
                assert words.startswith((row.function, "tensor: ")), f"{row.name} of {stranger!r}: {words}"


# ---- (g) threads ----


def threads_make_no_difference(row: Row, dtype: Any) -> None:
    sample, before = row.large(np.random.default_rng(15)), wxb.num_threads()
    outcomes = []
    for threads in (1, 2, 3):
        wxb.set_num_threads(threads)
        outcomes.append(run(row, sample, dtype).bits())
    wxb.set_num_threads(before)
    assert outcomes[0] == outcomes[1] == outcomes[2], describe(row, sample)


# ---- (i) no memory ----


def survives_failed_allocations(row: Row) -> None:
    """Let the n-th allocation fail for n = 0, 1, ... until none is left to fail."""
    sample = some(row.samples(np.random.default_rng(16)))
    want = run(row, sample, np.float32).bits()
    live = KERNELS.memory().live
    for n in range(100):
        KERNELS.fail_allocation(n)
        try:
            done = run(row, sample, np.float32).bits()
        except MemoryError as error:
            assert "the system gave none" in str(error)
            done = None
        finally:
            KERNELS.fail_allocation(-1)
        assert run(row, sample, np.float32).bits() == want, f"{row.name}: wrong after a failed allocation"
        if done is not None:
            assert done == want
            break
    else:
        raise AssertionError(f"{row.name}: more than 100 allocations")
    gc.collect()
    assert KERNELS.memory().live == live, f"{row.name}: {KERNELS.memory().live - live} bytes leaked"
