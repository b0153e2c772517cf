"""Random small networks train the same captured and eager, bit for bit.

500 of them on every push; ``WXB_NETWORKS=10000`` tries as many, which the nightly run does.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import wxb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wxb import Tensor, nn, ops, optim

NETWORKS = int(os.environ.get("WXB_NETWORKS", "500"))
STEPS = 5  # run, recorded, and replayed three times

ACTIVATIONS = st.sampled_from([None, "relu", "tanh", "gelu", "silu", "elu", "sigmoid", "softplus", "leaky_relu"])


@dataclass
class Network:
    """How to build a network, the shape of a sample, and how it is trained; ``repr`` is what hypothesis shows."""

    layers: list[tuple[Any, ...]]
    shape: tuple[int, ...]
    loss: str
    optimizer: tuple[Any, ...]
    batch: int
    threads: int

    def build(self) -> nn.Sequential:
        wxb.seed(11)
        return nn.Sequential(*(getattr(nn, kind)(*args) for kind, *args in self.layers))


def dense_layers(draw: Any, features: int, outputs: int) -> list[tuple[Any, ...]]:
    layers: list[tuple[Any, ...]] = []
    for _ in range(draw(st.integers(0, 3))):
        width = draw(st.integers(1, 24))
        layers.append(("Linear", features, width, draw(ACTIVATIONS), draw(st.booleans())))
        features = width
        after = [(), ("Dropout", 0.3), ("LayerNorm", width), ("RMSNorm", width), ("BatchNorm1d", width)]
        layers += filter(None, [draw(st.sampled_from(after))])
    return [*layers, ("Linear", features, outputs)]


def convolutional_layers(draw: Any, shape: tuple[int, int, int], outputs: int) -> list[tuple[Any, ...]]:
    height, width, channels = shape
    layers: list[tuple[Any, ...]] = []
    for _ in range(draw(st.integers(1, 3))):
        more, size = draw(st.sampled_from([1, 2, 4, 6, 8])), draw(st.sampled_from([1, 2, 3]))
        stride, padding = draw(st.integers(1, 2)), draw(st.integers(0, 1))
        if min(height, width) + 2 * padding < size:
            continue
        layers.append(("Conv2d", channels, more, size, stride, padding))
        channels = more
        height, width = ((n + 2 * padding - size) // stride + 1 for n in (height, width))
        after = [(), ("ReLU",), ("BatchNorm2d", channels), ("GroupNorm", 1, channels), ("Dropout2d", 0.3)]
        if min(height, width) >= 2:
            after += [("MaxPool2d", 2), ("AvgPool2d", 2)]
        layer = draw(st.sampled_from(after))
        layers += filter(None, [layer])
        if layer and layer[0] in ("MaxPool2d", "AvgPool2d"):
            height, width = height // 2, width // 2
    return [*layers, ("AdaptiveAvgPool2d", 1), ("Flatten",), *dense_layers(draw, channels, outputs)]


OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {
    "sgd": lambda p, clip, decay: optim.SGD(p, 0.05, weight_decay=decay, clip_norm=clip),
    "momentum": lambda p, clip, decay: optim.SGD(p, 0.05, 0.9, decay, nesterov=True, clip_norm=clip),
    "adam": lambda p, clip, decay: optim.Adam(p, 1e-2, weight_decay=decay, clip_norm=clip),
    "adamw": lambda p, clip, decay: optim.AdamW(p, 1e-2, weight_decay=decay, clip_norm=clip),
    "rmsprop": lambda p, clip, decay: optim.RMSprop(p, 1e-2, weight_decay=decay, clip_norm=clip),
}


@st.composite
def networks(draw: Any) -> Network:
    loss = draw(st.sampled_from(["cross_entropy", "mse", "mae", "huber", "bce_with_logits"]))
    outputs = draw(st.integers(2, 5)) if loss == "cross_entropy" else draw(st.integers(1, 3))
    shape: tuple[int, ...] = (draw(st.integers(1, 20)),)
    if draw(st.booleans()):
        shape = (draw(st.integers(3, 9)), draw(st.integers(3, 9)), draw(st.integers(1, 4)))
        layers = convolutional_layers(draw, shape, outputs)
    else:
        layers = dense_layers(draw, shape[0], outputs)
    chosen = draw(st.sampled_from(sorted(OPTIMIZERS)))
    how = (chosen, draw(st.sampled_from([None, 0.1])), draw(st.sampled_from([0.0, 0.02])))
    return Network(layers, shape, loss, how, draw(st.integers(2, 33)), draw(st.sampled_from([1, 2])))


def trained(network: Network, captured: bool) -> list[bytes]:
    """Train for some steps and return every loss, weight, statistic and moment, and the random state."""
    model, rng = network.build(), np.random.default_rng(5)
    kind, *how = network.optimizer
    optimizer = OPTIMIZERS[kind](model.parameters(), *how)
    loss_of = getattr(ops, network.loss)

    def step(x: Tensor, y: Tensor) -> Tensor:
        loss = loss_of(model(x), y)
        optimizer.step(loss)
        return loss

    run = wxb.capture(step) if captured else step
    outputs = model.layers[-1].out_features
    losses = []
    for i in range(STEPS):
        x = wxb.tensor(rng.standard_normal((network.batch, *network.shape)))
        labels, values = rng.integers(0, outputs, network.batch), rng.random((network.batch, outputs))
        optimizer.lr = 0.02 / (i + 1)
        losses.append(run(x, wxb.tensor(labels if network.loss == "cross_entropy" else values)))
    if captured:
        assert len(run.plans) == 1
    kept = (*model.state_dict().values(), *optimizer.state_dict().values(), wxb.device("cpu").rng)
    return [loss.data.tobytes() for loss in losses] + [a.tobytes() for a in kept]


@settings(max_examples=NETWORKS, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks())
def test_captured_equals_eager(network: Network) -> None:
    before = wxb.num_threads()
    wxb.set_num_threads(network.threads)
    try:
        assert trained(network, True) == trained(network, False)
    finally:
        wxb.set_num_threads(before)
