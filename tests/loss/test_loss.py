"""What is special to the losses: extremes, gradients of targets, agreement with torch and with each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import wxb
from wxb import ops

Array = np.ndarray


def pair(p: Any, t: Any, dtype: str = "float32") -> tuple[wxb.Tensor, wxb.Tensor]:
    return wxb.tensor(p, dtype, requires_grad=True), wxb.tensor(t, dtype)


@pytest.mark.parametrize("op", [ops.mse, ops.mae, ops.huber])
def test_targets_get_the_opposite_gradient(op: Any, isa: str, rng: np.random.Generator) -> None:
    p, t = (wxb.tensor(rng.standard_normal((5, 7)), requires_grad=True) for _ in range(2))
    op(p, t).backward()
    np.testing.assert_array_equal(p.grad.numpy(), -t.grad.numpy())
    only = wxb.tensor(p.numpy()), wxb.tensor(t.numpy(), requires_grad=True)
    op(*only).backward()
    np.testing.assert_array_equal(only[1].grad.numpy(), t.grad.numpy())


def test_the_derivative_of_mae_at_zero_is_zero(isa: str) -> None:
    p, t = pair([1.0, 2.0, 3.0], [1.0, 1.0, 5.0])
    ops.mae(p, t).backward()
    np.testing.assert_allclose(p.grad.numpy(), [0, 1 / 3, -1 / 3], rtol=1e-6)


@pytest.mark.parametrize("op", [ops.mse, ops.mae, ops.huber, ops.bce_with_logits])
def test_nan_comes_through(op: Any, isa: str) -> None:
    p, t = pair(np.zeros(20), np.ones(20))
    p[3] = np.nan
    loss = op(p, t)
    loss.backward()
    assert np.isnan(loss.item())
    assert np.isnan(p.grad.numpy()).nonzero()[0].tolist() == [3]


@pytest.mark.parametrize("op", [ops.mse, ops.mae, ops.huber, ops.bce_with_logits])
def test_the_mean_of_nothing_is_zero(op: Any) -> None:
    p, t = pair(np.zeros((0, 3)), np.zeros((0, 3)))
    loss = op(p, t)
    loss.backward()
    assert loss.item() == 0 and p.grad.shape == (0, 3)


def test_extreme_logits_of_the_binary_cross_entropy(isa: str) -> None:
    x = [1e4, -1e4, 1e4, -1e4, np.inf, -np.inf, np.inf, -np.inf]
    for i, (logit, target, want, slope) in enumerate(
        zip(x, [1, 0, 0, 1] * 2, [0, 0, 1e4, 1e4, 0, 0, np.inf, np.inf], [0, 0, 1, -1] * 2)
    ):
        p, t = pair([logit], [target])
        loss = ops.bce_with_logits(p, t)
        loss.backward()
        assert (loss.item(), p.grad.item()) == (want, slope), i
    small, t = pair([-20.0], [0.0])
    loss = ops.bce_with_logits(small, t)
    loss.backward()
    np.testing.assert_allclose([loss.item(), small.grad.item()], np.exp(-20), rtol=1e-6)


def test_nll_of_log_softmax_is_cross_entropy(isa: str, rng: np.random.Generator) -> None:
    labels, weight = rng.integers(0, 7, (3, 11)), wxb.tensor(rng.random(7) + 0.5)
    labels[1, ::2] = -100
    a, b = (wxb.tensor(rng.standard_normal((3, 11, 7)), requires_grad=True) for _ in range(2))
    b[...] = a
    fused = ops.cross_entropy(a, wxb.tensor(labels), weight)
    composed = ops.nll(ops.log_softmax(b), wxb.tensor(labels), weight)
    fused.backward()
    composed.backward()
    np.testing.assert_allclose(fused.item(), composed.item(), rtol=1e-6)
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), atol=1e-7)


def test_nll_of_rows_that_do_not_count_is_zero() -> None:
    for rows in (0, 4):
        x = wxb.tensor(np.full((rows, 3), np.nan), requires_grad=True)
        loss = ops.nll(x, wxb.tensor(np.full(rows, -100)))
        loss.backward()
        assert loss.item() == 0 and (x.grad.numpy() == 0).all()


@pytest.mark.parametrize("weight", [None, "all", "row"])
@pytest.mark.parametrize("pos_weight", [None, "row", 3.0])
def test_bce_with_logits_is_that_of_torch(
    weight: str | None, pos_weight: Any, isa: str, rng: np.random.Generator
) -> None:
    torch = pytest.importorskip("torch")
    x, t = 5 * rng.standard_normal((50, 9)), rng.random((50, 9))
    w = None if weight is None else rng.random((50, 9) if weight == "all" else 9)
    q = rng.random(9) + 0.5 if pos_weight == "row" else pos_weight
    leaf = torch.tensor(x, requires_grad=True)
    want = torch.nn.functional.binary_cross_entropy_with_logits(
        leaf,
        torch.tensor(t),
        None if w is None else torch.tensor(w),
        pos_weight=None if q is None else torch.as_tensor(q, dtype=torch.float64),
    )
    want.backward()
    for dtype, tolerance in (("float32", 2e-6), ("float64", 1e-12)):
        p, target = pair(x, t, dtype)
        own = None if w is None else wxb.tensor(w, dtype)
        loss = ops.bce_with_logits(p, target, own, wxb.tensor(q, dtype) if pos_weight == "row" else q)
        loss.backward()
        np.testing.assert_allclose(loss.item(), want.item(), rtol=tolerance)
        np.testing.assert_allclose(p.grad.numpy(), leaf.grad.numpy(), rtol=tolerance, atol=tolerance / x.size)


@pytest.mark.parametrize("delta", [0.25, 1.0, 3.0])
def test_huber_is_that_of_torch(delta: float, isa: str, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    x, t = 2 * rng.standard_normal(77), rng.standard_normal(77)
    x[0] = t[0] + delta
    leaf = torch.tensor(x, requires_grad=True)
    want = torch.nn.functional.huber_loss(leaf, torch.tensor(t), delta=delta)
    want.backward()
    p, target = pair(x, t)
    loss = ops.huber(p, target, delta)
    loss.backward()
    np.testing.assert_allclose(loss.item(), want.item(), rtol=2e-6)
    np.testing.assert_allclose(p.grad.numpy(), leaf.grad.numpy(), rtol=2e-6, atol=1e-8)
