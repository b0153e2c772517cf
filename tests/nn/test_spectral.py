"""SpectralNorm: torch's numbers, the largest singular value, what moves when, and bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import wxb
from wxb import nn, ops, optim

LAYERS = {
    "linear": lambda: nn.Linear(6, 9),
    "conv1d": lambda: nn.Conv1d(4, 6, 3, padding=1),
    "conv2d": lambda: nn.Conv2d(3, 8, 4, 2, padding=1, activation="relu"),
    "conv_transpose2d": lambda: nn.ConvTranspose2d(3, 5, 4, 2, padding=1),
}
SHAPES = {"linear": (4, 6), "conv1d": (2, 7, 4), "conv2d": (2, 8, 8, 3), "conv_transpose2d": (2, 4, 4, 3)}


def largest(layer: Any, weight: Any) -> float:
    """Return the largest singular value of a weight as the matrix (out_channels, the rest)."""
    w = weight.numpy().astype(np.float64)
    rows = w.reshape(-1, w.shape[-1]) if isinstance(layer, nn.ConvTranspose2d) else w.reshape(len(w), -1)
    return float(np.linalg.svd(rows, compute_uv=False)[0])


@pytest.mark.parametrize("kind", LAYERS)
def test_it_divides_by_the_largest_singular_value(kind: str) -> None:
    wxb.seed(1)
    bounded = nn.SpectralNorm(LAYERS[kind]())
    x = wxb.tensor(np.random.default_rng(0).standard_normal(SHAPES[kind]))
    for _ in range(60):
        y = bounded(x)
    layer = bounded.layer
    by_hand = layer(x, wxb.tensor(layer.weight.numpy() / largest(layer, layer.weight)))
    np.testing.assert_allclose(y.numpy(), by_hand.numpy(), rtol=1e-3, atol=1e-4)
    assert {n for n, _ in bounded.named_parameters()} == {"layer.weight", "layer.bias"}
    assert {n for n, _ in bounded.named_buffers()} == {"u", "v"}


@pytest.mark.parametrize("kind", ["linear", "conv2d"])
def test_training_is_torchs(kind: str) -> None:
    """Three updates from torch's vectors: outputs, gradients, u and v, and what eval gives."""
    torch = pytest.importorskip("torch")
    wxb.seed(2)
    layer = nn.Linear(6, 9) if kind == "linear" else nn.Conv2d(3, 8, 4, 2, padding=1)
    image = kind == "conv2d"
    theirs = torch.nn.Conv2d(3, 8, 4, 2, 1) if image else torch.nn.Linear(6, 9)

    def turned(a: Any) -> Any:
        return np.moveaxis(a, -1, 1) if image else a

    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(turned(layer.weight.numpy())))
        theirs.bias.copy_(torch.tensor(layer.bias.numpy()))
    theirs = torch.nn.utils.parametrizations.spectral_norm(theirs)
    bounded = nn.SpectralNorm(layer)
    vectors = theirs.parametrizations.weight[0]
    shape = theirs.weight.shape
    columns = vectors._v.detach().numpy()
    bounded.u[...] = vectors._u.detach().numpy()
    bounded.v[...] = np.moveaxis(columns.reshape(shape[1:]), 0, -1).reshape(-1) if image else columns
    mine, other = optim.SGD(bounded.parameters(), 0.1), torch.optim.SGD(theirs.parameters(), 0.1)
    rng = np.random.default_rng(3)
    for _ in range(3):
        x = rng.standard_normal(SHAPES[kind]).astype(np.float32)
        y, t = bounded(wxb.tensor(x)), theirs(torch.tensor(turned(x)))
        np.testing.assert_allclose(turned(y.numpy()), t.detach().numpy(), rtol=2e-5, atol=2e-5)
        mine.step(ops.mean(ops.multiply(y, y)))
        other.zero_grad()
        (t * t).mean().backward()
        other.step()
        original = theirs.parametrizations.weight.original.detach().numpy()
        np.testing.assert_allclose(turned(layer.weight.numpy()), original, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(bounded.u.numpy(), vectors._u.detach().numpy(), atol=2e-5)
    x = rng.standard_normal(SHAPES[kind]).astype(np.float32)
    y, t = bounded.eval()(wxb.tensor(x)), theirs.eval()(torch.tensor(turned(x)))
    np.testing.assert_allclose(turned(y.numpy()), t.detach().numpy(), rtol=2e-5, atol=2e-5)


def test_vectors_move_in_training_alone_and_a_second_pass_leaves_the_first_ones_gradient() -> None:
    wxb.seed(3)
    bounded = nn.SpectralNorm(nn.Linear(6, 9))
    bounded.layer.weight[...] = np.random.default_rng(1).standard_normal((9, 6))  # u and v are not yet its
    x = wxb.tensor(np.ones((2, 6)))
    before = bounded.u.numpy()
    bounded.eval()(x)
    assert (bounded.u.numpy() == before).all()
    gradients, state = [], bounded.state_dict()
    for passes in (1, 2):
        bounded.load_state_dict(state)
        loss = ops.sum(bounded.train()(x))
        if passes == 2:
            bounded(x)
        loss.backward()
        gradients.append(bounded.layer.weight.grad.numpy())
        bounded.zero_grad()
    assert (bounded.u.numpy() != before).any()
    assert (gradients[0] == gradients[1]).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_captured_is_eager(threads: int) -> None:
    results, count = [], wxb.num_threads()
    wxb.set_num_threads(threads)
    for captured in (False, True):
        wxb.seed(5)
        model = nn.Sequential(nn.SpectralNorm(nn.Conv2d(3, 8, 3)), nn.Flatten(), nn.SpectralNorm(nn.Linear(288, 1)))
        optimizer = optim.Adam(model.parameters(), 1e-2)

        def step(x: wxb.Tensor, model: nn.Module = model, optimizer: optim.Optimizer = optimizer) -> wxb.Tensor:
            loss = ops.add(ops.mean(model(x)), ops.mean(ops.relu(model(ops.negative(x)))))
            optimizer.step(loss)
            return loss

        run, rng = wxb.capture(step) if captured else step, np.random.default_rng(0)
        losses = [run(wxb.tensor(rng.standard_normal((4, 8, 8, 3)))).item() for _ in range(8)]
        results.append((losses, [a.tobytes() for a in model.state_dict().values()]))
    wxb.set_num_threads(count)
    assert results[0] == results[1]


def test_bad_layers() -> None:
    with pytest.raises(TypeError, match="spectral_norm: layer is a BatchNorm2d, it must be a Linear, Conv1d"):
        nn.SpectralNorm(nn.BatchNorm2d(3))
    with pytest.raises(ValueError, match="weight is all zeros, it has no direction"):
        nn.SpectralNorm(nn.Linear(3, 4, init="zeros"))
    with pytest.raises(ValueError, match="iterations is -1"):
        nn.SpectralNorm(nn.Linear(3, 4), iterations=-1)(wxb.tensor(np.ones((2, 3))))
