"""The walk backward: accumulation, shared inputs, used and stale graphs, depth, no_grad, threads."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest
import wxb
from wxb import ops
from wxb.autograd import backward

RNG = np.random.default_rng(0)


def leaf(*shape: int, dtype: str = "float64") -> wxb.Tensor:
    return wxb.tensor(RNG.standard_normal(shape), dtype, requires_grad=True)


def test_gradients_accumulate_until_they_are_cleared() -> None:
    x = leaf(3)
    for n in (1, 2, 3):
        (x * 2).sum().backward()
        assert x.grad is not None and x.grad.tolist() == [2 * n] * 3
    x.zero_grad()
    assert x.grad is None
    (x * 5).sum().backward()
    assert x.grad.tolist() == [5] * 3


def test_the_buffer_of_a_gradient_never_moves() -> None:
    x = leaf(3)
    (x * 2).sum().backward()
    assert x.grad is not None
    address = x.grad.data.ctypes.data
    x.zero_grad()
    (x * 3).sum().backward()
    assert x.grad.data.ctypes.data == address and x.grad.tolist() == [3] * 3


def test_a_leaf_used_twice_gets_the_sum() -> None:
    x = leaf(3)
    ((x * 2) + (x * 3) + x).sum().backward()
    assert x.grad.tolist() == [6] * 3


def test_both_operands_the_same_leaf() -> None:
    x = wxb.tensor([2.0, 3.0], requires_grad=True)
    (x * x).sum().backward()
    assert x.grad.tolist() == [4, 6]
    x.zero_grad()
    (x / x).sum().backward()
    assert x.grad.tolist() == [0, 0]
    x.zero_grad()
    (x - x).sum().backward()
    assert x.grad.tolist() == [0, 0]
    square = wxb.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    ops.matmul(square, square).sum().backward()
    expected = np.ones((2, 2)) @ square.numpy().T + square.numpy().T @ np.ones((2, 2))
    np.testing.assert_allclose(square.grad.numpy(), expected)


def test_both_operands_the_same_result() -> None:
    x = wxb.tensor([2.0, 3.0], requires_grad=True)
    y = x * 2
    (y + y).sum().backward()
    assert x.grad.tolist() == [4, 4]
    x.zero_grad()
    y = x * 2
    (y * y + y).sum().backward()
    assert x.grad.tolist() == [18, 26]


def test_a_diamond_is_walked_once() -> None:
    x = leaf(4)
    y = x * x
    a, b = ops.exp(y), ops.tanh(y)
    (a * b + y).sum().backward()
    v = x.numpy()
    e, t = np.exp(v * v), np.tanh(v * v)
    np.testing.assert_allclose(x.grad.numpy(), 2 * v * (e * t + e * (1 - t * t) + 1), rtol=1e-12)


def test_gradients_of_others_are_not_aliased() -> None:
    """add hands the same dy to both sides: a later sum into one must not reach the other."""
    x, y = leaf(3), leaf(3)
    z = x + y
    ((z * 2) + (x * 10)).sum().backward()
    assert x.grad.tolist() == [12] * 3 and y.grad.tolist() == [2] * 3
    a, b = leaf(3), leaf(3)
    s = a + b
    t = a + s  # dy flows to a directly, and through s to a and b
    (t * 1).sum().backward()
    assert a.grad.tolist() == [2] * 3 and b.grad.tolist() == [1] * 3


def test_broadcast_gradients_are_summed() -> None:
    x, bias, scale = leaf(4, 3), leaf(3), leaf(4, 1)
    weights = RNG.standard_normal((4, 3))
    ((x * scale + bias) * wxb.tensor(weights, "float64")).sum().backward()
    np.testing.assert_allclose(bias.grad.numpy(), weights.sum(0), rtol=1e-12)
    np.testing.assert_allclose(scale.grad.numpy(), (weights * x.numpy()).sum(1, keepdims=True), rtol=1e-12)


def test_a_graph_serves_once() -> None:
    x = leaf(2)
    loss = (x * x).sum()
    loss.backward()
    with pytest.raises(
        RuntimeError, match="part of this graph was already used by an earlier backward; compute it again"
    ):
        loss.backward()
    shared = x * x
    first, second = shared.sum(), (shared * 2).sum()
    first.backward()
    with pytest.raises(RuntimeError, match="already used"):
        second.backward()


def test_a_loss_must_be_one_number_that_depends_on_something() -> None:
    x = leaf(2)
    with pytest.raises(
        ValueError, match=r"backward: the loss has shape \(2,\), it must have one element; take its mean"
    ):
        (x * 2).backward()
    with pytest.raises(ValueError, match="was not computed from anything that requires a gradient"):
        wxb.tensor(1.0).backward()
    with pytest.raises(ValueError, match="was not computed from anything that requires a gradient"):
        x.backward()


def test_a_one_element_loss_of_any_shape() -> None:
    x = leaf(1, 1)
    (x * 3).backward()
    assert x.grad.tolist() == [[3.0]]


def test_a_changed_leaf_is_noticed_and_named() -> None:
    x = wxb.tensor([1.0, 2.0], requires_grad=True, name="weight")
    loss = (x * x).sum()
    x[0] = 5.0
    with pytest.raises(RuntimeError, match="Tensor weight was changed after the forward pass that used it"):
        loss.backward()
    y = leaf(2)
    loss = (y * y).sum()
    y[0] = 1.0
    with pytest.raises(RuntimeError, match=r"Tensor of shape \(2,\) was changed"):
        loss.backward()


def test_a_changed_constant_is_noticed_too() -> None:
    x, mask = leaf(2), wxb.tensor([1.0, 0.0], "float64")
    loss = (x * mask).sum()
    mask[0] = 3.0
    with pytest.raises(RuntimeError, match="was changed after the forward pass"):
        loss.backward()


def test_no_grad_records_nothing() -> None:
    x = leaf(2)
    with wxb.no_grad():
        y = x * 2
        with wxb.no_grad():
            pass
        z = x * 2
    assert y.node is None and z.node is None and not y.requires_grad
    assert (x * 2).requires_grad


def test_no_grad_ends_with_an_error() -> None:
    x = leaf(2)
    with pytest.raises(KeyError), wxb.no_grad():
        raise KeyError
    assert (x * 2).requires_grad


def test_no_grad_is_of_this_thread() -> None:
    x, seen = leaf(2), []
    with wxb.no_grad():
        thread = threading.Thread(target=lambda: seen.append((x * 2).requires_grad))
        thread.start()
        thread.join()
    assert seen == [True]


def test_only_restricts_backward_to_some_leaves() -> None:
    x, y = leaf(2), leaf(2)
    shared = x * 2
    first, second = (shared * y).sum(), (shared + 0).sum()
    backward(first, only=[y])
    assert x.grad is None and y.grad is not None
    second.backward()  # the part that leads to x was not used up
    assert x.grad.tolist() == [2, 2]
    with pytest.raises(ValueError, match="the loss does not depend on these parameters"):
        backward((x * 2).sum(), only=[y])


def test_deep_graphs_are_walked_and_dropped() -> None:
    """50,000 ops in a row, with and without a backward: nothing recurses."""
    start = wxb.tensor([1.0, 2.0], "float64", requires_grad=True)
    for walk in (False, True):
        x, step = start, wxb.tensor([0.5, 0.25], "float64")
        for _ in range(50_000):
            x = x + step
        loss = x.sum()
        del x
        if walk:
            loss.backward()
        del loss
    assert start.grad.tolist() == [1, 1]


def test_backward_frees_as_it_walks() -> None:
    """Only what a backward closed over lives until it runs; afterwards nothing does."""
    x = wxb.tensor(np.ones(1_000_000), requires_grad=True)
    for _ in range(2):  # the gradient's buffer and the constants stay
        (ops.tanh(x * 0.5)).sum().backward()
    gc.collect()
    before = wxb.memory_stats()["live"]
    y = ops.tanh(ops.exp(x * 0.5))
    loss = y.sum()
    loss.backward()
    del y, loss
    assert wxb.memory_stats()["live"] == before


def test_a_graph_is_no_garbage_cycle() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf(3)
        y = ops.exp(x * 2)
        array = weakref.ref(y.data)
        loss = y.sum()
        del y, loss
        assert array() is None
    finally:
        gc.enable()


def test_frozen_leaves_cost_nothing() -> None:
    x, w = wxb.tensor(np.ones((4, 3)), "float64"), leaf(2, 3)
    ops.linear(x, w).sum().backward()
    assert x.grad is None and w.grad.tolist() == [[4.0] * 3] * 2


def test_a_float_result_of_integers_has_no_graph() -> None:
    assert not wxb.tensor([1, 2]).astype("float32").requires_grad


def test_two_threads_differentiate_at_once() -> None:
    results: list[list[float]] = [[], []]

    def work(i: int) -> None:
        x = wxb.tensor(np.full(1000, float(i + 1)), "float64", requires_grad=True)
        for _ in range(50):
            (x * x).sum().backward()
        results[i] = x.grad.tolist()

    threads = [threading.Thread(target=work, args=(i,)) for i in (0, 1)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == [[100.0] * 1000, [200.0] * 1000]


def test_an_error_in_the_walk_leaves_the_library_usable() -> None:
    x = wxb.tensor(np.ones(100), requires_grad=True)
    loss = ops.exp(x * 2).sum()
    kernels = x.device.kernels
    kernels.fail_allocation(2)
    with pytest.raises(MemoryError):
        loss.backward()
    kernels.fail_allocation(-1)
    x.zero_grad()
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2.0] * 100
