"""Batch and group normalisation: large means, large values, running statistics, threads."""

from __future__ import annotations

import numpy as np
import pytest
import wxb
from wxb import ops


def normalised(x: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    wide = x.astype(np.float64)
    return (wide - wide.mean(0)) / np.sqrt(wide.var(0) + eps)


def batch_norm(x: np.ndarray) -> np.ndarray:
    return ops.batch_norm(wxb.tensor(x), training=True).numpy()


@pytest.mark.parametrize("mean", [1e4, -1e6])
def test_a_large_mean_costs_no_digits(mean: float, isa: str, rng: np.random.Generator) -> None:
    x = (mean + abs(mean) * 1e-5 * rng.standard_normal((500, 9))).astype(np.float32)
    np.testing.assert_allclose(batch_norm(x), normalised(x), atol=3e-6)


def test_a_first_row_that_stands_apart_costs_few(isa: str, rng: np.random.Generator) -> None:
    x = rng.standard_normal((4096, 3)).astype(np.float32)
    x[0] = 1e6
    np.testing.assert_allclose(batch_norm(x), normalised(x), rtol=2e-6, atol=1e-5)


@pytest.mark.parametrize("size", [1e10, 1e25, 1e37])
def test_large_values_do_not_overflow(size: float, isa: str, rng: np.random.Generator) -> None:
    x = (size * rng.standard_normal((300, 5))).astype(np.float32)
    np.testing.assert_allclose(batch_norm(x), normalised(x), atol=1e-5)


def test_a_channel_that_does_not_vary_gives_the_bias(isa: str) -> None:
    x, bias = wxb.tensor(np.full((30, 5), 12345.678), requires_grad=True), wxb.tensor(np.arange(5), "float32")
    y = ops.batch_norm(x, bias=bias, training=True)
    assert (y.numpy() == bias.numpy()).all()
    y.sum().backward()
    assert np.isfinite(x.grad.numpy()).all()


def test_a_step_that_went_wrong_moves_no_statistics() -> None:
    layer, table = wxb.nn.BatchNorm1d(2), wxb.nn.Embedding(3, 2)
    step = wxb.capture(lambda index: layer(table(index)))
    step(wxb.tensor([0, 1]))
    step(wxb.tensor([1, 2]))
    before = layer.state_dict()
    with pytest.raises(IndexError):
        step(wxb.tensor([0, 7]))
    for name, value in layer.state_dict().items():
        assert np.array_equal(value, before[name]), name


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("activation", [None, "relu", "gelu", "sigmoid"])
def test_as_in_torch(training: bool, activation: str | None, isa: str, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    x, dy = rng.standard_normal((2, 6, 5, 4, 19))
    w, b, mean = rng.standard_normal((3, 19))
    ours = [wxb.tensor(a, requires_grad=True) for a in (x, w, b)]
    running = [wxb.tensor(mean), wxb.tensor(np.exp(mean))]
    y = ops.batch_norm(ours[0], *running, *ours[1:], training=training, activation=activation)
    (y * wxb.tensor(dy)).sum().backward()
    theirs = [torch.tensor(a, requires_grad=True) for a in (x, w, b)]
    tracked = [torch.tensor(mean), torch.tensor(np.exp(mean))]
    z = torch.nn.functional.batch_norm(theirs[0].movedim(-1, 1), *tracked, *theirs[1:], training).movedim(1, -1)
    (getattr(torch.nn.functional, activation)(z) if activation else z).backward(torch.tensor(dy))
    for mine, other in [*zip((t.grad for t in ours), (t.grad for t in theirs)), *zip(running, tracked)]:
        np.testing.assert_allclose(mine, other.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(3000, 64), (300, 1000), (70000, 3), (33, 5003)])
@pytest.mark.parametrize("activation", [None, "gelu"])
def test_threads_make_no_difference(shape: tuple[int, int], activation: str | None, rng: np.random.Generator) -> None:
    arrays = [rng.standard_normal(s, np.float32) for s in (shape, shape[1:], shape[1:])]
    dy, outcomes, before = wxb.tensor(rng.standard_normal(shape, np.float32)), [], wxb.num_threads()
    for threads in (1, 2, 5):
        wxb.set_num_threads(threads)
        leaves = [wxb.tensor(a, requires_grad=True) for a in arrays]
        y = ops.batch_norm(leaves[0], None, None, *leaves[1:], training=True, activation=activation)
        (y * dy).sum().backward()
        outcomes.append([t.numpy().tobytes() for t in (y, *(leaf.grad for leaf in leaves))])
    wxb.set_num_threads(before)
    assert outcomes[0] == outcomes[1] == outcomes[2]
