"""What is special to convolution: agreement with torch, layers, windows larger than memory, one order of sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import wxb
from wxb import nn, ops

Array = np.ndarray

# n, h, w, c, out, kernel, stride, padding, dilation, groups
CASES = [
    (2, 12, 13, 16, 24, (3, 3), 1, 1, 1, 1),
    (1, 33, 30, 3, 20, (7, 7), 2, 3, 1, 1),
    (3, 28, 28, 1, 32, (3, 3), 1, 1, 1, 1),
    (2, 17, 15, 40, 70, (3, 2), 3, (2, 0), 1, 1),
    (2, 14, 14, 12, 18, (3, 3), 2, 2, 2, 3),
    (2, 9, 9, 33, 33, (3, 3), 1, 1, 1, 33),
    (2, 15, 14, 20, 40, (5, 3), 2, (2, 1), 1, 20),
    (4, 8, 8, 32, 48, (1, 1), 1, 0, 1, 1),
    (4, 8, 8, 32, 48, (1, 1), 2, 0, 1, 1),
]


def gradients(arrays: list[Array], dy: Array, **how: Any) -> list[Array]:
    leaves = [wxb.tensor(a, requires_grad=True) for a in arrays]
    y = ops.conv2d(*leaves, **how)
    (y * wxb.tensor(dy)).sum().backward()
    return [y.numpy(), *(leaf.grad.numpy() for leaf in leaves)]


def channels_first(a: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(a, -1, 1))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_is_that_of_torch(case: tuple[Any, ...], isa: str, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    n, h, w, c, out, kernel, stride, padding, dilation, groups = case
    x, weight, bias = (
        rng.standard_normal(s).astype(np.float32) for s in ((n, h, w, c), (out, *kernel, c // groups), (out,))
    )
    leaves = [torch.tensor(a, requires_grad=True) for a in (channels_first(x), channels_first(weight), bias)]
    theirs = torch.nn.functional.conv2d(*leaves, stride, padding, dilation, groups)
    dy = rng.standard_normal(theirs.shape).astype(np.float32)
    theirs.backward(torch.tensor(dy))
    dy = np.ascontiguousarray(np.moveaxis(dy, 1, -1))
    ours = gradients([x, weight, bias], dy, stride=stride, padding=padding, dilation=dilation, groups=groups)
    for got, want in zip(ours, (theirs, *(leaf.grad for leaf in leaves))):
        expected = want.detach().numpy()
        expected = expected if expected.ndim == 1 else np.moveaxis(expected, 1, -1)
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_threads_make_no_difference(case: tuple[Any, ...], isa: str, rng: np.random.Generator) -> None:
    n, h, w, c, out, kernel, stride, padding, dilation, groups = case
    arrays = [rng.standard_normal(s) for s in ((4 * n, h, w, c), (out, *kernel, c // groups), (out,))]
    how = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "activation": "relu"}
    dy = rng.standard_normal(ops.conv2d(*map(wxb.tensor, arrays), **how).shape)
    outcomes, before = [], wxb.num_threads()
    for threads in (1, 2, 5):
        wxb.set_num_threads(threads)
        outcomes.append([a.tobytes() for a in gradients(arrays, dy, **how)])
    wxb.set_num_threads(before)
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_only_wanted_gradients_are_computed(isa: str, rng: np.random.Generator) -> None:
    arrays = [rng.standard_normal(s) for s in ((2, 6, 6, 5), (7, 3, 3, 5), (7,))]
    every = [wxb.tensor(a, requires_grad=True) for a in arrays]
    ops.conv2d(*every, activation="gelu").sum().backward()
    for wanted in range(3):
        leaves = [wxb.tensor(a, requires_grad=i == wanted) for i, a in enumerate(arrays)]
        ops.conv2d(*leaves, activation="gelu").sum().backward()
        for i, leaf in enumerate(leaves):
            assert (leaf.grad is not None) == (i == wanted)
        assert leaves[wanted].grad.numpy().tobytes() == every[wanted].grad.numpy().tobytes()


def test_taps_far_apart_need_no_memory(isa: str) -> None:
    x, weight = np.ones((1, 2, 2, 1), np.float32), np.arange(4.0).reshape(1, 2, 2, 1)
    far = 1 << 20
    y, dx, dw, _ = gradients([x, weight, np.zeros(1)], np.ones((1, 2, 2, 1)), dilation=far, padding=(far // 2))
    assert y.shape == (1, 2, 2, 1) and (y == 0).all() and (dx == 0).all() and (dw == 0).all()


@pytest.mark.parametrize("padding", ["same", "valid", 0, 2])
def test_one_axis_is_a_row_of_pixels(padding: Any, isa: str, rng: np.random.Generator) -> None:
    x, weight, bias = (rng.standard_normal(s).astype(np.float32) for s in ((3, 11, 6), (4, 3, 6), (4,)))
    got = ops.conv1d(*map(wxb.tensor, (x, weight, bias)), 2, padding)
    sides = padding if isinstance(padding, str) else (0, padding)
    want = ops.conv2d(*map(wxb.tensor, (x[:, None], weight[:, None], bias)), (1, 2), sides)
    assert (got.numpy() == want.numpy()[:, 0]).all()


def test_layers_are_those_of_torch(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    x = rng.standard_normal((2, 9, 10, 6)).astype(np.float32)
    how = {"stride": 2, "padding": 1, "dilation": 2, "groups": 3}
    ours, theirs = nn.Conv2d(6, 9, (3, 2), **how), torch.nn.Conv2d(6, 9, (3, 2), **how)
    ours.load_state_dict({"weight": np.moveaxis(theirs.weight.detach().numpy(), 1, -1), "bias": theirs.bias.detach()})
    want = theirs(torch.tensor(channels_first(x))).detach().numpy()
    np.testing.assert_allclose(ours(x).numpy(), np.moveaxis(want, 1, -1), atol=2e-6)
    line, thread = nn.Conv1d(10, 4, 3, padding="same"), torch.nn.Conv1d(10, 4, 3, padding="same")
    line.load_state_dict({"weight": np.moveaxis(thread.weight.detach().numpy(), 1, -1), "bias": thread.bias.detach()})
    sequence = rng.standard_normal((2, 7, 10)).astype(np.float32)
    want = thread(torch.tensor(channels_first(sequence))).detach().numpy()
    np.testing.assert_allclose(line(sequence).numpy(), np.moveaxis(want, 1, -1), atol=2e-6)


def test_layers_say_what_they_are_and_convert_pictures() -> None:
    wxb.seed(0)
    layer = nn.Conv2d(3, 64, 3, padding="same", activation="relu", bias=False)
    assert repr(layer) == "Conv2d(3, 64, kernel_size=3, padding='same', activation='relu', bias=False)"
    assert repr(nn.Conv1d(2, 4, 5, 2)) == "Conv1d(2, 4, kernel_size=5, stride=2)"
    assert layer.weight.shape == (64, 3, 3, 3)
    assert layer.weight.numpy().std() == pytest.approx((2 / 27) ** 0.5, rel=0.1)
    pictures = np.full((2, 8, 8, 3), 200, np.uint8)
    assert (layer(pictures).numpy() == layer(pictures.astype(np.float32)).numpy()).all()
    assert layer.multiply_adds((1, 8, 8, 64)) == 8 * 8 * 64 * 27
    assert nn.Conv2d(4, 8, 1, dtype="float64")(np.ones((1, 2, 2, 4))).dtype == np.float64


def test_mistakes_are_named() -> None:
    layer = nn.Conv2d(3, 8, 3)
    with pytest.raises(ValueError, match=r"conv2d: x has shape \(4, 3, 32, 32\).*x looks like \(N, C, H, W\)"):
        layer(np.ones((4, 3, 32, 32)))
    with pytest.raises(ValueError, match=r"conv2d '1': x has shape \(2, 4, 4, 8\), its last axis must be 5"):
        nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(5, 8, 3))(np.ones((2, 6, 6, 3)))
    with pytest.raises(ValueError, match="conv2d: groups is 2, it must divide in_channels 3"):
        nn.Conv2d(3, 8, 3, groups=2)
    with pytest.raises(ValueError, match="conv2d: kernel_size is 0, it must be at least 1"):
        nn.Conv2d(3, 8, 0)
    with pytest.raises(ValueError, match=r"conv2d: kernel_size is \(1, 2, 3\), it must be an integer or two"):
        nn.Conv2d(3, 8, (1, 2, 3))
    with pytest.raises(ValueError, match="conv1d: groups is 3, it must divide out_channels 8"):
        nn.Conv1d(3, 8, 3, groups=3)
