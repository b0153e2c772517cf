"""Routing beyond the registry: torch's autograd, couplings held constant, threads, layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import wxb
from rows.capsule import routing, squash
from wxb import nn, ops


def drawn(n: int, inputs: int, in_size: int, outputs: int, out_size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    scale = (3 / (inputs * in_size)) ** 0.5
    weight = scale * rng.standard_normal((outputs, out_size, in_size, inputs))
    return rng.standard_normal((n, inputs, in_size)), weight, rng.standard_normal((n, outputs, out_size))


def gradients(x: Any, weight: Any, dy: Any, dtype: str, **more: Any) -> list[np.ndarray]:
    a, w = wxb.tensor(x, dtype, True), wxb.tensor(weight, dtype, True)
    y = ops.routing(a, w, **more)
    ops.sum(y * wxb.tensor(dy, dtype)).backward()
    return [y.numpy(), a.grad.numpy(), w.grad.numpy()]


def in_torch(x: Any, weight: Any, dy: Any, iterations: int, detach: bool) -> list[np.ndarray]:
    """As it is commonly written, with votes (N, inputs, outputs, out_size)."""
    torch = pytest.importorskip("torch")
    a, w = torch.tensor(x, requires_grad=True), torch.tensor(weight, requires_grad=True)
    votes = torch.einsum("jdki,nik->nijd", w, a)
    logits = torch.zeros(votes.shape[:3], dtype=votes.dtype)
    for t in range(iterations):
        seen = votes.detach() if detach and t + 1 < iterations else votes
        s = (torch.softmax(logits, 2)[..., None] * seen).sum(1)
        square = (s * s).sum(-1, keepdim=True)
        v = s * square.sqrt() / (1 + square)
        logits = logits + (votes.detach() if detach else votes).mul(v[:, None]).sum(-1)
    v.backward(torch.tensor(dy))
    return [t.detach().numpy() for t in (v, a.grad, w.grad)]


@pytest.mark.parametrize("detach", [False, True])
@pytest.mark.parametrize("sizes, iterations", [((3, 40, 8, 10, 16), 3), ((2, 7, 3, 2, 5), 1), ((5, 33, 4, 6, 3), 5)])
def test_equals_torch(sizes: tuple[int, ...], iterations: int, detach: bool) -> None:
    given = drawn(*sizes)
    expected = in_torch(*given, iterations, detach)
    for dtype, tolerance in (("float64", 1e-12), ("float32", 2e-5)):
        for got, want in zip(gradients(*given, dtype, iterations=iterations, detach=detach), expected):
            assert np.abs(got - want).max() <= tolerance * np.abs(want).max()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_detached_couplings_are_constants(dtype: str, isa: str) -> None:
    x, weight, dy = drawn(3, 21, 4, 5, 6)
    step = 1e-6
    dx, dw = np.random.default_rng(1).standard_normal(x.shape), np.random.default_rng(2).standard_normal(weight.shape)

    def couplings() -> np.ndarray:
        votes = np.einsum("jdki,nik->nijd", weight, x)
        v = [routing(x, weight, t) for t in (1, 2)]
        logits = (votes * (v[0] + v[1])[:, None]).sum(-1)
        e = np.exp(logits - logits.max(2, keepdims=True))
        return e / e.sum(2, keepdims=True)

    def value(sign: float) -> float:
        votes = np.einsum("jdki,nik->nijd", weight + sign * step * dw, x + sign * step * dx)
        return float((squash((c[..., None] * votes).sum(1)) * dy).sum())

    c = couplings()
    _, of_x, of_w = gradients(x, weight, dy, dtype, iterations=3, detach=True)
    along = float((of_x * dx).sum() + (of_w * dw).sum())
    assert along == pytest.approx((value(1) - value(-1)) / (2 * step), rel=1e-6 if dtype == "float64" else 1e-3)


@pytest.mark.parametrize("n", [1, 4, 5, 31, 33, 70])
def test_threads_and_batches_make_no_difference(n: int, isa: str) -> None:
    """An example's capsules do not depend on its batch; nothing depends on the threads."""
    x, weight, dy = drawn(n, 70, 5, 3, 4)
    before, results = wxb.num_threads(), []
    for threads in (1, 2, 3):
        wxb.set_num_threads(threads)
        results.append(gradients(x, weight, dy, "float32"))
    wxb.set_num_threads(before)
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other))
    alone = [gradients(x[i : i + 1], weight, dy[i : i + 1], "float32") for i in range(n)]
    for k in (0, 1):
        assert np.array_equal(results[0][k], np.concatenate([a[k] for a in alone]))


def test_only_what_is_wanted_is_computed() -> None:
    x, weight, dy = drawn(3, 17, 4, 5, 6)
    both = gradients(x, weight, dy, "float32")
    a, w = wxb.tensor(x, requires_grad=True), wxb.tensor(weight, requires_grad=True)
    ops.sum(ops.routing(a, w.detach()) * wxb.tensor(dy)).backward()
    ops.sum(ops.routing(a.detach(), w) * wxb.tensor(dy)).backward()
    assert np.array_equal(a.grad.numpy(), both[1]) and np.array_equal(w.grad.numpy(), both[2])


def test_no_examples_have_no_gradient() -> None:
    x, w = wxb.tensor(np.ones((0, 5, 2)), requires_grad=True), wxb.tensor(np.ones((3, 4, 2, 5)), requires_grad=True)
    ops.sum(ops.routing(x, w)).backward()
    assert x.grad.shape == (0, 5, 2) and not w.grad.numpy().any()


def test_layers() -> None:
    primary, digits = nn.PrimaryCapsules(4, 3, 8, 3, 2), nn.RoutingCapsules(27, 8, 5, 6)
    x = wxb.tensor(np.random.default_rng(0).standard_normal((2, 7, 7, 4)))
    below = primary(x)
    assert below.shape == (2, 27, 8) and (np.linalg.norm(below.numpy(), axis=2) < 1).all()
    lengths = nn.Length()(digits(below))
    assert lengths.shape == (2, 5) and (lengths.numpy() < 1).all()
    assert digits.multiply_adds((2, 5, 6)) == 2 * 30 * 27 * (8 + 5)
    with pytest.raises(ValueError, match=r"routing_capsules: input has shape \(2, 26, 8\), it must be \(N, 27, 8\)"):
        digits(below[:, :26])
    with pytest.raises(ValueError, match="routing_capsules: iterations is 0, it must be at least 1"):
        nn.RoutingCapsules(3, 4, 5, 6, iterations=0)
    with pytest.raises(ValueError, match="routing_capsules: std is -1"):
        nn.RoutingCapsules(3, 4, 5, 6, std=-1.0)
