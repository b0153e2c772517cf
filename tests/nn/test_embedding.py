"""The gradient of a table: that of a dense one, whatever wrote to its buffer before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import wxb
from wxb import nn, ops

Array = np.ndarray


def loss_of(weight: wxb.Tensor, *indices: Array, padding: int | None = None) -> wxb.Tensor:
    parts = [ops.sum(ops.multiply(y := ops.embedding(i, weight, padding), y)) for i in indices]
    return parts[0] if len(parts) == 1 else ops.add(*parts)


def dense(weight: Array, *indices: Array, padding: int | None = None) -> Array:
    gradient = np.zeros_like(weight)
    for index in indices:
        kept = index[index != padding]
        np.add.at(gradient, kept, 2 * weight[kept])
    return gradient


@pytest.fixture
def weight(rng: np.random.Generator) -> wxb.Tensor:
    return wxb.tensor(np.round(8 * rng.standard_normal((40, 5))), requires_grad=True)


def draw(rng: np.random.Generator, *shape: int) -> Array:
    return rng.integers(0, 40, shape)


def test_only_rows_in_use_are_written(rng: np.random.Generator, weight: wxb.Tensor) -> None:
    values = weight.numpy()
    for _ in range(4):
        index = draw(rng, 3, 4)
        loss_of(weight, index).backward()
        assert np.array_equal(weight.grad_buffer(), dense(values, index))
        assert np.array_equal(weight.used_rows() != 0, np.isin(np.arange(40), index))
        weight.zero_grad()


def test_contributions_are_added(rng: np.random.Generator, weight: wxb.Tensor) -> None:
    values, first, second = weight.numpy(), draw(rng, 6), draw(rng, 2, 3)
    loss_of(weight, first, second).backward()
    assert np.array_equal(weight.grad.numpy(), dense(values, first, second))
    loss_of(weight, second).backward()  # a gradient is held
    assert np.array_equal(weight.grad.numpy(), dense(values, first, second, second))
    weight.zero_grad()
    loss_of(weight, first).backward()
    assert np.array_equal(weight.grad.numpy(), dense(values, first))


def test_a_table_may_have_other_uses(rng: np.random.Generator, weight: wxb.Tensor) -> None:
    values, index = weight.numpy(), draw(rng, 6)
    x = np.round(rng.standard_normal((3, 5))).astype(np.float32)
    for order in (0, 1, 0):
        parts = [lambda: loss_of(weight, index), lambda: ops.sum(ops.linear(wxb.tensor(x), weight))]
        ops.add(*(part() for part in (parts if order else parts[::-1]))).backward()
        assert np.array_equal(weight.grad.numpy(), dense(values, index) + x.sum(0))
        weight.zero_grad()
        loss_of(weight, index[:2]).backward()
        assert np.array_equal(weight.grad_buffer(), dense(values, index[:2]))
        weight.zero_grad()


def test_a_gradient_may_be_changed(rng: np.random.Generator, weight: wxb.Tensor) -> None:
    values, index = weight.numpy(), draw(rng, 6)
    for change in (
        lambda: weight.grad.__setitem__(slice(None), 3.0),
        lambda: wxb.optim.clip_grad_norm([weight], 1e-3),
        lambda: wxb.optim.SGD([weight], 0.0, clip_norm=1e-3).step(),
    ):
        loss_of(weight, index).backward()
        change()
        weight.zero_grad()
        loss_of(weight, index[:3]).backward()
        assert np.array_equal(weight.grad_buffer(), dense(values, index[:3]))
        weight.zero_grad()


@pytest.mark.parametrize("clip_norm", [None, 0.1])
def test_a_captured_step_is_the_eager_one(rng: np.random.Generator, clip_norm: float | None) -> None:
    layer = nn.Embedding(40, 5, padding_idx=3)
    start = layer.state_dict()
    batches = [wxb.tensor(draw(rng, 7)) for _ in range(6)]
    ends = []
    for captured in (False, True):
        layer.load_state_dict(start)
        optimizer = wxb.optim.Adam(layer.parameters(), 0.1, clip_norm=clip_norm)

        def step(index: wxb.Tensor, optimizer: Any = optimizer) -> wxb.Tensor:
            y = layer(index)
            loss = ops.mean(ops.multiply(y, y))
            optimizer.step(loss)
            return loss

        run = wxb.capture(step) if captured else step
        for i, batch in enumerate(batches):
            run(batch)
            if i == 3:  # an eager step between replays
                step(batches[0])
        ends.append(layer.weight.numpy())
        del optimizer, run, step
    assert np.array_equal(*ends)


@pytest.mark.parametrize("padding", [3, -37])
def test_padding_has_no_gradient(rng: np.random.Generator, padding: int) -> None:
    layer = nn.Embedding(40, 5, padding_idx=padding)
    assert layer.padding_idx == 3 and (layer.weight.numpy()[3] == 0).all()
    layer.weight[...] = np.round(8 * rng.standard_normal((40, 5)))
    index = np.array([3, 5, 3, 7])
    ops.sum(ops.multiply(y := layer(index), y)).backward()
    assert np.array_equal(layer.weight.grad.numpy(), dense(layer.weight.numpy(), index, padding=3))


def test_inner_tables_have_dense_gradients(rng: np.random.Generator, weight: wxb.Tensor) -> None:
    index = draw(rng, 6)
    y = ops.embedding(index, ops.multiply(weight, 2.0))
    ops.sum(y).backward()
    assert np.array_equal(weight.grad.numpy(), 2.0 * np.bincount(index, minlength=40)[:, None] * np.ones((1, 5)))


def test_bad_padding_is_refused() -> None:
    for padding in (5, -6):
        with pytest.raises(ValueError, match=f"padding_idx is {padding}, there are 5 rows"):
            nn.Embedding(5, 3, padding)
