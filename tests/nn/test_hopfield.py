"""Hopfield layers against the definition, and memories that complete what they hold."""

from __future__ import annotations

import numpy as np
import pytest
import wxb
from wxb import nn, ops


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize("steps", [1, 3])
def test_layer_is_the_update_of_the_paper(steps: int, rng: np.random.Generator) -> None:
    layer = nn.Hopfield(5, 4, 6, 7, beta=0.8, update_steps=steps, dtype="float64")
    state, stored = rng.standard_normal((2, 3, 5)), rng.standard_normal((2, 9, 6))
    keys, found = stored @ layer.key.weight.numpy().T, state @ layer.query.weight.numpy().T
    for _ in range(steps):
        found = softmax(0.8 * found @ keys.transpose(0, 2, 1)) @ keys
    y = layer(wxb.tensor(state, "float64"), wxb.tensor(stored, "float64"))
    np.testing.assert_allclose(y.numpy(), found @ layer.value.weight.numpy().T, rtol=1e-12)
    ops.sum(y).backward()
    assert all(np.abs(p.grad.numpy()).max() > 0 for p in layer.parameters())


def test_layer_of_states_alone(rng: np.random.Generator) -> None:
    assert nn.Hopfield(5, 4)(wxb.tensor(rng.standard_normal((2, 3, 5)))).shape == (2, 3, 5)


def test_memory_completes_a_stored_pattern(rng: np.random.Generator) -> None:
    patterns = rng.standard_normal((40, 64))
    memory = nn.HopfieldMemory(patterns, beta=20.0)
    known = np.ones((40, 64))
    known[:, 32:] = 0
    restored = memory(wxb.tensor(patterns * known), wxb.tensor(known)).numpy()
    np.testing.assert_allclose(restored, patterns, atol=1e-5)
    memory.beta = 0.0
    everything = memory(wxb.tensor(patterns), wxb.tensor(known)).numpy()
    np.testing.assert_allclose(everything, np.repeat(patterns.mean(0, keepdims=True), 40, 0), atol=1e-5)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match=r"patterns have shape \(3,\), they must be \(L, size\)"):
        nn.HopfieldMemory(np.ones(3))
    with pytest.raises(ValueError, match=r"state has shape \(2, 4\), known \(2, 5\), both must be \(N, 5\)"):
        nn.HopfieldMemory(np.ones((3, 5)))(wxb.tensor(np.ones((2, 4))), wxb.tensor(np.ones((2, 5))))
    with pytest.raises(ValueError, match="hopfield: beta is nan"):
        nn.Hopfield(3, 4, beta=float("nan"))
    with pytest.raises(ValueError, match="hopfield: update_steps is 0"):
        nn.Hopfield(3, 4, update_steps=0)
