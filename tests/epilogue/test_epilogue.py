"""The fused chain is the ops it stands for, bit for bit, and keeps x alone."""

from __future__ import annotations

import numpy as np
import pytest
import wxb
from wxb import ops
from wxb.ops.elementwise import ACTIVATIONS

SHAPES = [(7, 3), (5, 64), (33, 65), (2, 3, 129), (90, 300)]


def leaves(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> list[wxb.Tensor]:
    arrays = (rng.standard_normal(s) for s in (shape, shape[-1:], shape))
    return [wxb.tensor(a, dtype, requires_grad=True) for a in arrays]


def composed(x: wxb.Tensor, bias: wxb.Tensor, activation: str | None, p: float, residual: wxb.Tensor) -> wxb.Tensor:
    z = ops.add(x, bias)
    if activation == "gelu_tanh":
        z = ops.gelu(z, "tanh")
    elif activation is not None:
        z = getattr(ops, activation)(z)
    return ops.add(residual, ops.dropout(z, p))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_is_the_ops_one_after_the_other(
    activation: str | None, dtype: str, isa: str, rng: np.random.Generator
) -> None:
    for shape in SHAPES:
        x, bias, residual = given = leaves(rng, shape, dtype)
        dy, outcomes = wxb.tensor(rng.standard_normal(shape), dtype), []
        for op in (ops.bias_activation_dropout, composed):
            wxb.seed(5)
            y = op(x, bias, activation, 0.3, residual)
            (y * dy).sum().backward()
            outcomes.append([t.numpy() for t in (y, x.grad, residual.grad, bias.grad)])
            for leaf in given:
                leaf.zero_grad()
        *same, sums = zip(*outcomes)
        assert all(a.tobytes() == b.tobytes() for a, b in same), shape
        np.testing.assert_allclose(*sums, rtol=1e-4, atol=1e-4)


def test_only_wanted_gradients_are_computed(isa: str, rng: np.random.Generator) -> None:
    arrays = [rng.standard_normal(s) for s in ((70, 65), (65,), (70, 65))]

    def gradients(wanted: tuple[int, ...]) -> list[bytes | None]:
        wxb.seed(2)
        x, bias, residual = given = [wxb.tensor(a, requires_grad=i in wanted) for i, a in enumerate(arrays)]
        ops.bias_activation_dropout(x, bias, "gelu", 0.5, residual).sum().backward()
        return [None if leaf.grad is None else leaf.grad.numpy().tobytes() for leaf in given]

    every = gradients((0, 1, 2))
    for wanted in range(3):
        assert gradients((wanted,)) == [g if i == wanted else None for i, g in enumerate(every)]


@pytest.mark.parametrize("shape", [(300, 1000), (5000, 7), (3, 70001)])
def test_threads_make_no_difference(shape: tuple[int, int], rng: np.random.Generator) -> None:
    arrays, outcomes = [rng.standard_normal(s, np.float32) for s in (shape, shape[1:], shape)], []
    before = wxb.num_threads()
    for threads in (1, 2, 5):
        wxb.set_num_threads(threads)
        wxb.seed(1)
        x, bias, residual = given = [wxb.tensor(a, requires_grad=True) for a in arrays]
        y = ops.bias_activation_dropout(x, bias, "gelu", 0.1, residual)
        y.sum().backward()
        outcomes.append([t.numpy().tobytes() for t in (y, *(leaf.grad for leaf in given))])
    wxb.set_num_threads(before)
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_without_dropout_no_random_numbers_are_drawn() -> None:
    x = wxb.tensor(np.ones((3, 4)))
    wxb.seed(9)
    want = ops.uniform(5).numpy()
    wxb.seed(9)
    ops.bias_activation_dropout(x, activation="relu")
    assert (ops.uniform(5).numpy() == want).all()
