"""What is special to softmax and cross-entropy: extreme logits, rows that do not count, agreement with torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import wxb
from wxb import ops

Array = np.ndarray


def loss_and_gradient(
    logits: Array, labels: Array, *args: Any, dtype: str = "float32", **more: Any
) -> tuple[float, Array]:
    leaf = wxb.tensor(logits, dtype, requires_grad=True)
    target = wxb.tensor(labels, dtype if labels.dtype.kind == "f" else None)
    loss = ops.cross_entropy(leaf, target, *args, **more)
    loss.backward()
    return loss.item(), leaf.grad.numpy()


def test_extreme_logits(isa: str) -> None:
    x = wxb.tensor([[1e4, 0.0, -1e4], [-np.inf, 0.0, 0.0], [3e38, 3e38, -3e38]])
    assert ops.softmax(x).tolist() == [[1, 0, 0], [0, 0.5, 0.5], [0.5, 0.5, 0]]
    assert ops.log_softmax(x).numpy()[:2, :2].tolist() == [[0, -1e4], [-np.inf, -np.float32(np.log(2))]]


@pytest.mark.parametrize("classes", [3, 17, 5000])
def test_infinities_that_have_no_softmax_give_nan(classes: int, isa: str) -> None:
    for row in (np.full(classes, -np.inf), np.r_[np.inf, np.zeros(classes - 1)], np.r_[np.nan, np.zeros(classes - 1)]):
        for op in (ops.softmax, ops.log_softmax):
            y = op(wxb.tensor(np.stack([np.zeros(classes), row, np.zeros(classes)]))).numpy()
            assert np.isnan(y[1]).any() and np.isfinite(y[[0, 2]]).all()
        assert np.isnan(ops.cross_entropy(wxb.tensor(row[None]), wxb.tensor([1])).item())


def test_a_sure_and_right_answer_keeps_its_small_loss(isa: str) -> None:
    logits, labels = np.array([[1020.0, 1000.0, 1000.0]]), np.array([0])
    loss, dx = loss_and_gradient(logits, labels)
    want = np.log1p(2 * np.exp(-20.0))
    assert abs(loss - want) <= 1e-7
    np.testing.assert_allclose(dx, [[-want, want / 2, want / 2]], atol=1e-7)
    assert loss_and_gradient(np.array([[0.0, -np.inf]]), labels)[0] == 0
    assert loss_and_gradient(np.array([[-np.inf, 0.0]]), labels)[0] == np.inf


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ignored_rows_count_nothing_whatever_they_hold(dtype: str, isa: str, rng: np.random.Generator) -> None:
    logits, labels = rng.standard_normal((70, 11)), rng.integers(0, 11, 70)
    ignored = rng.integers(0, 2, 70) > 0
    labels[ignored] = -100
    want, dwant = loss_and_gradient(logits[~ignored], labels[~ignored], dtype=dtype)
    logits[ignored] = np.nan
    loss, dx = loss_and_gradient(logits, labels, dtype=dtype)
    np.testing.assert_allclose(loss, want, rtol=1e-6)
    np.testing.assert_allclose(dx[~ignored], dwant, rtol=1e-5)
    assert (dx[ignored] == 0).all()


def test_if_no_row_counts_loss_and_gradient_are_zero(isa: str) -> None:
    for rows in (0, 1, 5):
        for more in ({}, {"label_smoothing": 0.5}, {"weight": wxb.tensor(np.ones(3))}):
            loss, dx = loss_and_gradient(np.full((rows, 3), np.nan), np.full(rows, 7), ignore_index=7, **more)
            assert loss == 0 and dx.shape == (rows, 3) and (dx == 0).all()


def test_a_bad_label_is_named_by_the_first_row_that_has_one(threads: int) -> None:
    labels = np.zeros(5000, int)
    labels[[1234, 4000]] = 10, -1
    for op in (ops.cross_entropy, ops.nll):
        with pytest.raises(IndexError, match="at position 1234"):
            op(wxb.tensor(np.zeros((5000, 10))), wxb.tensor(labels))


def test_one_hot_probabilities_equal_labels(isa: str, rng: np.random.Generator) -> None:
    logits, labels = rng.standard_normal((9, 6)), rng.integers(0, 6, 9)
    hard, soft = (loss_and_gradient(logits, y, label_smoothing=0.1) for y in (labels, np.eye(6)[labels]))
    np.testing.assert_allclose(hard[0], soft[0], rtol=1e-6)
    np.testing.assert_allclose(hard[1], soft[1], atol=1e-7)


@pytest.mark.parametrize("kind", ["labels", "ignored", "probabilities"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_cross_entropy_is_that_of_torch(
    kind: str, weighted: bool, smoothing: float, isa: str, rng: np.random.Generator
) -> None:
    torch = pytest.importorskip("torch")
    logits, weight = 5 * rng.standard_normal((33, 19)), rng.random(19) + 0.5
    labels = rng.integers(0, 19, 33)
    if kind == "ignored":
        labels[::4] = -100
    if kind == "probabilities":
        labels = rng.dirichlet(np.ones(19), 33)
    x = torch.tensor(logits, requires_grad=True)
    want = torch.nn.functional.cross_entropy(
        x, torch.tensor(labels), torch.tensor(weight) if weighted else None, label_smoothing=smoothing
    )
    want.backward()
    for dtype, tolerance in (("float32", 2e-6), ("float64", 1e-12)):
        own = wxb.tensor(weight, dtype) if weighted else None
        loss, dx = loss_and_gradient(logits, labels, own, smoothing, dtype=dtype)
        np.testing.assert_allclose(loss, want.item(), rtol=tolerance)
        np.testing.assert_allclose(dx, x.grad.numpy(), rtol=tolerance, atol=tolerance / 33)
