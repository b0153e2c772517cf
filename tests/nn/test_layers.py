"""The layers: shapes, formulas, initialisers, what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
import wxb
from wxb import nn, ops
from wxb.nn import init

RNG = np.random.default_rng(0)


def batch(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def test_linear_is_w_x_plus_b() -> None:
    layer, x = nn.Linear(5, 3), batch(4, 5)
    expected = x @ layer.weight.numpy().T + layer.bias.numpy()
    np.testing.assert_allclose(layer(x).numpy(), expected, rtol=1e-5, atol=1e-6)
    assert nn.Linear(5, 3, bias=False).bias is None
    assert layer(batch(2, 7, 5)).shape == (2, 7, 3)
    assert layer(batch(0, 5)).shape == (0, 3)


@pytest.mark.parametrize(
    "name", ["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "sigmoid", "tanh", "softplus", "hardswish"]
)
def test_the_fused_activation_is_the_layer_after(name: str) -> None:
    wxb.seed(3)
    fused = nn.Linear(5, 3, name)
    plain = nn.Linear(5, 3)
    plain.load_state_dict(fused.state_dict())
    x = batch(4, 5)
    layers = {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "elu": nn.ELU, "selu": nn.SELU, "gelu": nn.GELU}
    layers |= {
        "silu": nn.SiLU,
        "sigmoid": nn.Sigmoid,
        "tanh": nn.Tanh,
        "softplus": nn.Softplus,
        "hardswish": nn.Hardswish,
    }
    y, z = fused(x), nn.Sequential(plain, layers[name]())(x)
    np.testing.assert_allclose(y.numpy(), z.numpy(), rtol=1e-6, atol=1e-7)
    y.sum().backward()
    z.sum().backward()
    np.testing.assert_allclose(fused.weight.grad.numpy(), plain.weight.grad.numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(fused.bias.grad.numpy(), plain.bias.grad.numpy(), rtol=1e-5, atol=1e-6)


def test_bad_sizes_are_refused() -> None:
    for bad, error, text in [
        ((0, 3), ValueError, "linear: in_features is 0, it must be at least 1"),
        ((3, -1), ValueError, "linear: out_features is -1, it must be at least 1"),
        ((2.5, 3), TypeError, "linear: in_features is 2.5, it must be an integer"),
        ((True, 3), TypeError, "linear: in_features is True, it must be an integer"),
    ]:
        with pytest.raises(error) as caught:
            nn.Linear(*bad)
        assert str(caught.value) == text


def test_an_unknown_activation_lists_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"activation: 'rulu' is not one of None, relu, leaky_relu"):
        nn.Linear(2, 2, "rulu")
    with pytest.raises(ValueError, match=r"activation: \[\] is not one of"):
        nn.Linear(2, 2, [])  # type: ignore[arg-type]


def test_an_unknown_initialiser_lists_those_there_are() -> None:
    with pytest.raises(
        ValueError, match="init: 'xavier' is not one of glorot, he, lecun, orthogonal, zeros, nor a function"
    ):
        nn.Linear(2, 2, init="xavier")


@pytest.mark.parametrize(
    ("name", "variance"),
    [("glorot", 2 / 700), ("he", 2 / 400), ("lecun", 1 / 400), ("zeros", 0.0)],
)
def test_initialisers_have_their_variance(name: str, variance: float) -> None:
    weights = nn.Linear(400, 300, init=name).weight.numpy()
    assert abs(weights.mean()) < 4 * math.sqrt(variance / weights.size) + 1e-12
    assert abs(weights.var() - variance) < 0.02 * variance + 1e-12


@pytest.mark.parametrize("shape", [(30, 20), (20, 30), (16, 2, 5)])
def test_orthogonal_rows_or_columns(shape: tuple[int, ...]) -> None:
    w = init.orthogonal(shape, 1, 1, np.random.default_rng(0)).reshape(shape[0], -1)
    gram = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-12)


def test_the_activation_chooses_the_initialiser() -> None:
    deviation = {a: nn.Linear(400, 300, a).weight.numpy().std() for a in (None, "tanh", "relu", "selu")}
    assert abs(deviation["relu"] - math.sqrt(2 / 400)) < 0.002
    assert abs(deviation["selu"] - math.sqrt(1 / 400)) < 0.002
    assert abs(deviation["tanh"] - math.sqrt(2 / 700)) < 0.002 and abs(deviation[None] - math.sqrt(2 / 700)) < 0.002


def test_an_initialiser_of_ones_own() -> None:
    layer = nn.Linear(3, 2, init=lambda shape, fan_in, fan_out, rng: np.full(shape, fan_in + 10.0 * fan_out))
    assert layer.weight.tolist() == [[23.0] * 3] * 2


def test_the_seed_gives_the_same_network() -> None:
    def weights() -> bytes:
        wxb.seed(11)
        return nn.Sequential(nn.Linear(5, 4), nn.Embedding(3, 2)).layers[0].weight.numpy().tobytes()

    assert weights() == weights()
    wxb.seed(12)
    assert nn.Linear(5, 4).weight.numpy().tobytes() != weights()


def test_embedding_looks_up_rows() -> None:
    layer = nn.Embedding(5, 3)
    index = np.array([[0, 4], [2, 2]])
    y = layer(index)
    assert y.shape == (2, 2, 3) and (y.numpy() == layer.weight.numpy()[index]).all()
    y.sum().backward()
    assert layer.weight.grad.numpy()[:, 0].tolist() == [1, 0, 2, 0, 1]
    with pytest.raises(IndexError, match="out of range"):
        layer(np.array([5]))
    with pytest.raises(IndexError, match="out of range"):
        layer(np.array([-1]))


def test_dropout_drops_and_scales() -> None:
    layer, x = nn.Dropout(0.25), np.ones((200, 100), np.float32)
    y = layer(x).numpy()
    kept = y != 0
    assert np.allclose(y[kept], 1 / 0.75) and abs(kept.mean() - 0.75) < 0.02
    assert (layer.eval()(x).numpy() == 1).all()
    assert (nn.Dropout(0.0)(x).numpy() == 1).all()
    for p in (-0.1, 1.0, 2.0, float("nan")):
        with pytest.raises(ValueError, match=r"dropout: p is .*, it must be in \[0, 1\)"):
            nn.Dropout(p)


def test_dropout_sends_back_what_it_let_through() -> None:
    x = wxb.tensor(np.ones((50, 20)), requires_grad=True)
    y = nn.Dropout(0.5)(x)
    y.sum().backward()
    assert (x.grad.numpy() == y.numpy()).all()


def test_flatten_and_reshape() -> None:
    assert nn.Flatten()(batch(4, 2, 3)).shape == (4, 6)
    assert nn.Flatten()(batch(0, 2, 3)).shape == (0, 6)
    assert nn.Reshape(3, 2)(batch(4, 6)).shape == (4, 3, 2)
    with pytest.raises(ValueError, match="flatten: input is 0-d, it must have a batch axis"):
        nn.Flatten()(wxb.tensor(1.0))
    with pytest.raises(ValueError, match="reshape"):
        nn.Reshape(4, 2)(batch(4, 6))


def test_residual_adds_its_input() -> None:
    body, x = nn.Linear(3, 3), batch(2, 3)
    np.testing.assert_allclose(nn.Residual(body)(x).numpy(), x + body(x).numpy(), rtol=1e-6)
    with pytest.raises(
        ValueError, match=r"residual: body gives shape \(2, 4\), the way around it \(2, 3\); pass shortcut="
    ):
        nn.Residual(nn.Linear(3, 4))(x)
    assert nn.Residual(nn.Linear(3, 4), nn.Linear(3, 4, bias=False))(x).shape == (2, 4)


def test_sequential_is_a_list_of_layers() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    assert len(net) == 3 and isinstance(net[1], nn.ReLU)
    x = batch(2, 3)
    assert (net(x).numpy() == net[2](net[1](net[0](x))).numpy()).all()
    with pytest.raises(TypeError, match="sequential: function is no Module; wrap it in one"):
        nn.Sequential(ops.relu)  # type: ignore[arg-type]


def test_activations_are_their_ops() -> None:
    x = wxb.tensor(batch(3, 7))
    for layer, y in [
        (nn.ReLU(), ops.relu(x)),
        (nn.LeakyReLU(0.2), ops.leaky_relu(x, 0.2)),
        (nn.ELU(0.5), ops.elu(x, 0.5)),
        (nn.GELU(), ops.gelu(x)),
        (nn.GELU("tanh"), ops.gelu(x, "tanh")),
        (nn.Softmax(0), ops.softmax(x, 0)),
        (nn.LogSoftmax(), ops.log_softmax(x)),
        (nn.Hardswish(), ops.hardswish(x)),
    ]:
        assert (layer(x).numpy() == y.numpy()).all(), layer


def test_summary_counts() -> None:
    net = nn.Sequential(nn.Linear(64, 32, "relu"), nn.Dropout(0.5), nn.Linear(32, 10))
    net[0].bias.requires_grad = False
    s = wxb.summary(net, (8, 64))
    assert [row.output_shape for row in s.layers] == [(8, 32), (8, 32), (8, 10)]
    assert [row.parameters for row in s.layers] == [64 * 32 + 32, 0, 32 * 10 + 10]
    assert [row.multiply_adds for row in s.layers] == [8 * 64 * 32, 0, 8 * 32 * 10]
    assert s.parameters == 64 * 32 + 32 + 330 and s.trainable == s.parameters - 32
    assert "2,410" in str(s) and net.training and "forward" not in vars(net[0])


def test_summary_leaves_the_network_as_it_was_after_an_error() -> None:
    net = nn.Sequential(nn.Linear(64, 32), nn.Linear(31, 10))
    with pytest.raises(ValueError, match="linear '1'"):
        wxb.summary(net, (8, 64))
    assert all(m.training and "forward" not in vars(m) for m in net.modules())
