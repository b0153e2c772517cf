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
    (4, 14, 15, 70, 130, (3, 3), 1, 1, 1, 1),  # so large that it is done by Winograd's algorithm
    (4, 8, 8, 32, 48, (1, 1), 2, 0, 1, 1),
]


def gradients(arrays: list[Array], dy: Array, dtype: str = "float32", **how: Any) -> list[Array]:
    leaves = [wxb.tensor(a, dtype, requires_grad=True) for a in arrays]
    y = ops.conv2d(*leaves, **how)
    (y * wxb.tensor(dy, dtype)).sum().backward()
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


# n, size, c, out, kernel, stride, padding, output_padding, groups, dilation
TRANSPOSED = [
    (4, 8, 16, 12, 4, 2, 1, 0, 1, 1),
    (3, 7, 20, 3, 3, 2, 1, 1, 1, 1),
    (2, 6, 12, 18, 3, 3, 2, 2, 3, 2),
    (8, 8, 24, 32, 3, 1, 1, 0, 1, 1),
]


@pytest.mark.parametrize("form", TRANSPOSED, ids=str)
def test_transposed_is_that_of_torch(form: tuple[int, ...], isa: str, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    n, size, c, out, kernel, *how = form
    shapes = (n, size, size, c), (c, kernel, kernel, out // how[3]), (out,)
    x, weight, bias = (rng.standard_normal(s).astype(np.float32) for s in shapes)
    theirs = [torch.tensor(a, requires_grad=True) for a in (channels_first(x), channels_first(weight), bias)]
    ours = [wxb.tensor(a, requires_grad=True) for a in (x, weight, bias)]
    want, got = torch.nn.functional.conv_transpose2d(*theirs, *how), ops.conv_transpose2d(*ours, *how)
    dy = rng.standard_normal(got.shape).astype(np.float32)
    want.backward(torch.tensor(channels_first(dy)))
    (got * wxb.tensor(dy)).sum().backward()
    for a, b in zip((got, *(leaf.grad for leaf in ours)), (want, *(leaf.grad for leaf in theirs))):
        expected = b.detach().numpy()
        expected = expected if expected.ndim == 1 else np.moveaxis(expected, 1, -1)
        np.testing.assert_allclose(a.numpy(), expected, rtol=1e-5, atol=2e-5 * np.abs(expected).max())


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


@pytest.mark.parametrize(("channels", "out"), [(3, 5), (16, 7), (1, 6)], ids=["by rows", "turned", "neighbours"])
def test_weight_gradients_of_long_rows_are_of_pixels_alone(
    channels: int, out: int, isa: str, rng: np.random.Generator
) -> None:
    arrays = [rng.standard_normal(s) for s in ((1, 2, 4096, channels), (out, 1, 5, channels))]
    dy = rng.standard_normal((1, 2, 4096, out))
    want = gradients(arrays, dy, "float64", padding="same")
    gradients(arrays, dy, padding="same")
    got = gradients(arrays, dy, padding="same")  # whose parts of dweight lie where the first has left its own
    for a, b in zip(got, want):
        np.testing.assert_allclose(a, b, atol=1e-5 * np.abs(b).max())


@pytest.mark.parametrize("out", [7, 5], ids=["dense", "depthwise"])
def test_only_wanted_gradients_are_computed(out: int, isa: str, rng: np.random.Generator) -> None:
    how: dict[str, Any] = {"activation": "gelu", "padding": 1, "groups": 5 if out == 5 else 1}
    arrays = [rng.standard_normal(s) for s in ((2, 6, 6, 5), (out, 3, 3, 5 // how["groups"]), (out,))]
    every = [wxb.tensor(a, requires_grad=True) for a in arrays]
    ops.conv2d(*every, **how).sum().backward()
    for wanted in range(3):
        leaves = [wxb.tensor(a, requires_grad=i == wanted) for i, a in enumerate(arrays)]
        ops.conv2d(*leaves, **how).sum().backward()
        for i, leaf in enumerate(leaves):
            assert (leaf.grad is not None) == (i == wanted)
        assert leaves[wanted].grad.numpy().tobytes() == every[wanted].grad.numpy().tobytes()


def sums_of_sizes(x: Array, weight: Array, stride: int) -> Array:
    """Return the largest sum of |x| |weight| of each output channel of an image: what errors are relative to."""
    arrays = [wxb.tensor(np.abs(a).astype(np.float64), "float64") for a in (x, weight)]
    return ops.conv2d(*arrays, stride=stride, padding=1).numpy().max(axis=(1, 2), keepdims=True)


def patterns(rng: np.random.Generator, channels: int, kernel: int) -> dict[str, list[Array]]:
    """Return images and weights: random ones, and those that Winograd's transforms like least."""
    size, out = 24, 32
    normal = rng.standard_normal((1, size, size, channels)), rng.standard_normal((out, kernel, kernel, channels))
    positive = rng.random((1, size, size, channels)), rng.random((out, kernel, kernel, channels))
    signs, pairs = np.array([1, -1] * 12), np.array([1, 1, -1, -1] * 6)
    across = np.multiply.outer(signs, signs)[:, :, None]
    corner = np.zeros((kernel, kernel, 1))
    corner[-1, -1] = 1
    wide = np.exp(4 * normal[0]) * rng.choice([-1, 1], normal[0].shape), np.exp(2 * normal[1])
    cases = {
        "normal": normal,
        "positive": positive,
        "far from 0": (100 + normal[0], normal[1]),
        "chequered": (positive[0] * across, positive[1] * across[:kernel, :kernel]),
        "pairs": (positive[0] * np.multiply.outer(pairs, pairs)[:, :, None], positive[1] * across[:kernel, :kernel]),
        "one tap": (positive[0], positive[1] * corner),
        "wide range": wide,
    }
    return {name: [a.astype(np.float32) for a in arrays] for name, arrays in cases.items()}


KERNELS = pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (2, 1), (4, 2), (6, 2)])


@KERNELS
@pytest.mark.parametrize("channels", [1, 16, 200])
def test_winograd_stays_within_its_bound(
    channels: int, kernel: int, stride: int, isa: str, rng: np.random.Generator
) -> None:
    how = {"stride": stride, "padding": 1}
    for name, (x, weight) in patterns(rng, channels, kernel).items():
        want = ops.conv2d(*(wxb.tensor(a.astype(np.float64), "float64") for a in (x, weight)), **how).numpy()
        got = ops.conv2d(wxb.tensor(x), wxb.tensor(weight), algorithm="winograd", **how).numpy()
        error = (np.abs(got - want) / sums_of_sizes(x, weight, stride)).max()
        assert error <= (5e-6 if name == "normal" and channels > 1 else 1e-4), name


@KERNELS
@pytest.mark.parametrize("channels", [16, 70])
def test_winograds_weight_gradients_stay_within_their_bound(
    channels: int, kernel: int, stride: int, isa: str, rng: np.random.Generator
) -> None:
    def gradient(x: Array, dy: Array, dtype: Any, **how: Any) -> Array:
        weight = wxb.parameter(np.zeros((32, kernel, kernel, channels)), dtype)
        y = ops.conv2d(wxb.tensor(x, dtype), weight, stride=stride, padding=1, **how)
        ops.sum(y * wxb.tensor(dy, dtype)).backward()
        return np.asarray(weight.grad.numpy())

    for name, (x, _) in patterns(rng, channels, kernel).items():
        sign = rng.random if name == "positive" else rng.standard_normal
        across = (24 + 2 - kernel) // stride + 1
        dy = sign((1, across, across, 32)).astype(np.float32)
        want, sizes = (gradient(*f, np.float64) for f in ((x, dy), (np.abs(x), np.abs(dy))))
        got = gradient(x, dy, np.float32, algorithm="winograd")
        error = (np.abs(got - want) / sizes.max(axis=(1, 2, 3), keepdims=True)).max()
        assert error <= (5e-6 if name == "normal" else 1e-4), name


def test_winograd_gradients_stay_within_the_bound(isa: str, rng: np.random.Generator) -> None:
    arrays = [rng.standard_normal(s).astype(np.float32) for s in ((4, 18, 17, 70), (80, 3, 3, 70), (80,))]
    dy = rng.standard_normal((4, 18, 17, 80)).astype(np.float32)
    got = gradients(arrays, dy, padding=1, algorithm="winograd")
    double, sizes = ([f(a).astype(np.float64) for a in (*arrays, dy)] for f in (np.asarray, np.abs))
    want, most = (gradients(given[:3], given[3], "float64", padding=1) for given in (double, sizes))
    for a, b, size in zip(got[1:3], want[1:3], most[1:3]):
        assert np.abs(a - b).max() <= 5e-6 * size.max()


def test_auto_takes_winograd_where_there_is_enough_of_all(isa: str, rng: np.random.Generator) -> None:
    def bits(n: int, size: int, channels: int, algorithm: str, **how: Any) -> bytes:
        draw = np.random.default_rng(1).standard_normal
        x, weight = (draw(s).astype(np.float32) for s in ((n, size, size, channels), (32, 3, 3, channels)))
        return ops.conv2d(wxb.tensor(x), wxb.tensor(weight), algorithm=algorithm, padding=1, **how).numpy().tobytes()

    if isa == "ref":
        return  # the reference knows the definition only
    for n, size, channels, chosen in ((8, 8, 32, "winograd"), (8, 8, 8, "direct"), (1, 8, 32, "direct")):
        assert bits(n, size, channels, "auto") == bits(n, size, channels, chosen)
        assert bits(n, size, channels, "winograd") != bits(n, size, channels, "direct")
    assert bits(8, 8, 32, "auto", stride=2) == bits(8, 8, 32, "direct", stride=2)
    x, weight = (wxb.tensor(np.full(s, 1 / 3, np.float32)) for s in ((8, 16, 16, 32), (32, 4, 4, 32)))
    halved = [ops.conv2d(x, weight, None, 2, 1, algorithm=how).numpy().tobytes() for how in ("auto", "winograd")]
    assert halved[0] == halved[1]


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
    back, theirs = nn.ConvTranspose2d(6, 4, 4, 2, 1), torch.nn.ConvTranspose2d(6, 4, 4, 2, 1)
    back.load_state_dict({"weight": np.moveaxis(theirs.weight.detach().numpy(), 1, -1), "bias": theirs.bias.detach()})
    want = theirs(torch.tensor(channels_first(x))).detach().numpy()
    np.testing.assert_allclose(back(x).numpy(), np.moveaxis(want, 1, -1), atol=2e-6)


def test_layers_say_what_they_are_and_convert_pictures() -> None:
    wxb.seed(0)
    layer = nn.Conv2d(3, 64, 3, padding="same", activation="relu", bias=False)
    assert repr(layer) == "Conv2d(3, 64, kernel_size=3, padding='same', activation='relu', bias=False)"
    assert repr(nn.Conv1d(2, 4, 5, 2)) == "Conv1d(2, 4, kernel_size=5, stride=2)"
    assert repr(nn.Conv2d(2, 4, 3, algorithm="direct")) == "Conv2d(2, 4, kernel_size=3, algorithm='direct')"
    assert layer.weight.shape == (64, 3, 3, 3)
    back = nn.ConvTranspose2d(64, 32, 4, 2, 1, activation="relu")
    assert repr(back) == "ConvTranspose2d(64, 32, kernel_size=4, stride=2, padding=1, activation='relu')"
    assert back.weight.shape == (64, 4, 4, 32) and back(np.ones((1, 7, 7, 64))).shape == (1, 14, 14, 32)
    assert back.weight.numpy().std() == pytest.approx((2 / (4 * 64)) ** 0.5, rel=0.1)
    assert back.multiply_adds((1, 14, 14, 32)) == 7 * 7 * 64 * 16 * 32
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
    with pytest.raises(ValueError, match="conv2d: algorithm is 'fast', it must be one of auto, direct, winograd"):
        nn.Conv2d(3, 8, 3, algorithm="fast")
    with pytest.raises(ValueError, match=r"algorithm is 'winograd'.*not for float32, a 5 x 5 kernel"):
        nn.Conv2d(3, 8, 5, algorithm="winograd")(np.ones((1, 6, 6, 3)))
    with pytest.raises(ValueError, match="conv_transpose2d: groups is 2, it must divide in_channels 3"):
        nn.ConvTranspose2d(3, 8, 3, groups=2)
    with pytest.raises(ValueError, match="conv1d: groups is 3, it must divide out_channels 8"):
        nn.Conv1d(3, 8, 3, groups=3)
