"""Layers of channels-last images: pooling, batch and group normalisation, upsampling, Dropout2d."""

from __future__ import annotations

import numpy as np
import pytest
import wxb
from wxb import nn


def drawn(*shape: int) -> wxb.Tensor:
    return wxb.tensor(np.random.default_rng(0).standard_normal(shape))


@pytest.mark.parametrize(
    ("layer", "shape", "wanted"),
    [
        (nn.MaxPool2d(2), (2, 6, 7, 3), (2, 3, 3, 3)),
        (nn.MaxPool2d(3, stride=2, padding=1), (2, 6, 7, 3), (2, 3, 4, 3)),
        (nn.MaxPool1d(3), (2, 7, 3), (2, 2, 3)),
        (nn.AvgPool2d([2, 1]), (2, 6, 7, 3), (2, 3, 7, 3)),
        (nn.AdaptiveAvgPool2d(1), (2, 6, 7, 3), (2, 1, 1, 3)),
        (nn.AdaptiveAvgPool2d((2, 3)), (2, 6, 7, 3), (2, 2, 3, 3)),
        (nn.BatchNorm2d(3), (2, 6, 7, 3), (2, 6, 7, 3)),
        (nn.BatchNorm1d(3), (5, 3), (5, 3)),
        (nn.BatchNorm1d(3), (2, 5, 3), (2, 5, 3)),
        (nn.GroupNorm(2, 6), (2, 4, 4, 6), (2, 4, 4, 6)),
        (nn.Upsample(scale_factor=2), (2, 3, 4, 5), (2, 6, 8, 5)),
        (nn.Upsample(size=(4, 4), mode="bilinear"), (2, 3, 5, 5), (2, 4, 4, 5)),
        (nn.Dropout2d(0.5), (2, 3, 5, 5), (2, 3, 5, 5)),
    ],
    ids=repr,
)
def test_shapes_and_gradients(layer: nn.Module, shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    x = drawn(*shape)
    x.requires_grad = True
    y = layer(x)
    assert y.shape == wanted
    (y * y).sum().backward()
    assert x.grad is not None and np.isfinite(x.grad.numpy()).all()
    assert all(p.grad is not None for p in layer.parameters())
    assert repr(layer).startswith(type(layer).__name__)


@pytest.mark.parametrize(
    ("layer", "shape", "words"),
    [
        (nn.MaxPool2d(2), (4, 4, 3), r"max_pool2d: input has shape \(4, 4, 3\), it must be \(N, H, W, C\)"),
        (nn.MaxPool1d(2), (1, 4, 4, 3), r"max_pool1d: input has shape \(1, 4, 4, 3\), it must be \(N, L, C\)"),
        (nn.MaxPool2d(5), (1, 4, 4, 3), "kernel_size is 5 along the height, which has 4 elements"),
        (nn.AdaptiveAvgPool2d(1), (4, 3), "adaptive_avg_pool2d: input has shape"),
        (nn.BatchNorm2d(3), (4, 3), r"batch_norm2d: input has shape \(4, 3\), it must be \(N, H, W, C\)"),
        (nn.BatchNorm2d(3), (2, 3, 4, 4), "batch_norm2d: input has shape .* its last axis must be 3"),
        (nn.BatchNorm1d(3), (1, 3), "x has 1 value for each channel, training needs at least 2"),
        (nn.GroupNorm(2, 6), (2, 6, 4), "group_norm: input has shape .* its last axis must be 6"),
        (nn.Dropout2d(), (4, 3), "dropout2d: input has shape"),
    ],
)
def test_wrong_inputs_are_named(layer: nn.Module, shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        layer(drawn(*shape))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.BatchNorm2d(0), "batch_norm2d: num_features is 0|batch_norm2d: features is 0"),
        (lambda: nn.BatchNorm2d(3, momentum=2.0), "momentum is 2.0"),
        (lambda: nn.BatchNorm2d(3, activation="gulp"), "activation: 'gulp' is not one of"),
        (lambda: nn.GroupNorm(4, 6), "num_groups is 4, it must divide num_channels 6"),
        (lambda: nn.GroupNorm(0, 6), "num_groups is 0"),
        (lambda: nn.Dropout2d(1.0), "p is 1.0"),
    ],
)
def test_wrong_sizes_are_named(make: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()  # type: ignore[operator]


def test_batch_norm_follows_the_batches() -> None:
    layer, mean, var = nn.BatchNorm1d(3), np.zeros(3), np.ones(3)
    for i in range(3):
        x = 10 + np.random.default_rng(i).standard_normal((8, 3))
        layer(wxb.tensor(x))
        mean, var = 0.9 * mean + 0.1 * x.mean(0), 0.9 * var + 0.1 * x.var(0, ddof=1)
    state = layer.state_dict()
    assert list(state) == ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    np.testing.assert_allclose(state["running_mean"], mean, rtol=1e-6)
    np.testing.assert_allclose(state["running_var"], var, rtol=1e-6)
    assert state["num_batches_tracked"] == 3 and state["num_batches_tracked"].dtype == np.int64
    x = drawn(4, 3)
    np.testing.assert_allclose(layer.eval()(x).numpy(), (x.numpy() - mean) / np.sqrt(var + 1e-5), rtol=1e-5, atol=1e-6)
    assert layer.state_dict()["num_batches_tracked"] == 3


def test_batch_norm_without_momentum_takes_the_mean_of_all_batches() -> None:
    layer, means = nn.BatchNorm1d(2, momentum=None), []
    for i in range(4):
        x = np.random.default_rng(i).standard_normal((8, 2))
        layer(wxb.tensor(x))
        means.append(x.mean(0))
    np.testing.assert_allclose(layer.state_dict()["running_mean"], np.mean(means, 0), rtol=1e-5, atol=1e-6)


def test_batch_norm_without_running_statistics_uses_those_of_the_batch() -> None:
    layer = nn.BatchNorm1d(2, track_running_stats=False, affine=False).eval()
    assert not layer.state_dict()
    np.testing.assert_allclose(layer(drawn(50, 2)).numpy().std(0), 1, rtol=1e-4)


def test_batch_norm_in_a_captured_step_moves_its_statistics() -> None:
    eager, recorded = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    step = wxb.capture(lambda x: recorded(x))
    for i in range(4):
        x = np.random.default_rng(i).standard_normal((8, 3)).astype(np.float32)
        assert np.array_equal(eager(wxb.tensor(x)).numpy(), step(wxb.tensor(x)).numpy())
    for name, value in eager.state_dict().items():
        assert np.array_equal(value, recorded.state_dict()[name]), name


def test_dropout2d_drops_whole_channels() -> None:
    y = nn.Dropout2d(0.25)(wxb.tensor(np.ones((20, 3, 3, 30)))).numpy()
    assert (y == y[:, :1, :1]).all() and set(np.unique(y.round(4))) == {0.0, np.float32(1.3333)}
    assert abs((y[:, 0, 0] == 0).mean() - 0.25) < 0.06
    x = drawn(2, 3, 3, 4)
    assert nn.Dropout2d().eval()(x) is x
