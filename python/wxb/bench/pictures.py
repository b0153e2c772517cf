"""Training steps of convolutional networks in each library: forward, loss, backward, update by Adam."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy

from . import peers
from .kernels import FLOAT, Array
from .layers import Conv, Flatten, Layer, Linear, Mean, Norm, Pool, Relu, Residual
from .steps import CALLS, softmax_loss
from .timing import Call, Contestants, Error, Workload
from .updates import TRAFFIC, Flat, jax_update, torch_optimizer, wxb_optimizer

__all__ = ["NETWORKS", "picture_step"]


def _conv_norm(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> list[Layer]:
    return [Conv(inputs, outputs, kernel, stride, kernel // 2), Norm(outputs)]


def _lenet5() -> list[Layer]:
    features = [Conv(1, 6, 5, 1, 2, True), Relu(), Pool(), Conv(6, 16, 5, 1, 0, True), Relu(), Pool(), Flatten()]
    return [*features, Linear(400, 120), Relu(), Linear(120, 84), Relu(), Linear(84, 10)]


def _vgg() -> list[Layer]:
    layers: list[Layer] = []
    for inputs, outputs in ((3, 32), (32, 64), (64, 128)):
        layers += [*_conv_norm(inputs, outputs), Relu(), *_conv_norm(outputs, outputs), Relu(), Pool()]
    return [*layers, Mean(), Flatten(), Linear(128, 10)]


def _resnet8() -> list[Layer]:
    layers: list[Layer] = [*_conv_norm(3, 16), Relu()]
    for inputs, outputs in ((16, 16), (16, 32), (32, 64)):
        stride = outputs // inputs
        body = [*_conv_norm(inputs, outputs, 3, stride), Relu(), *_conv_norm(outputs, outputs)]
        layers += [Residual(body, _conv_norm(inputs, outputs, 1, stride) if stride > 1 else ()), Relu()]
    return [*layers, Mean(), Flatten(), Linear(64, 10)]


# name -> picture, and the layers of the model of that name in wxb.models
NETWORKS: dict[str, tuple[tuple[int, int, int], Any]] = {
    "lenet5": ((28, 28, 1), _lenet5),
    "vgg": ((32, 32, 3), _vgg),
    "resnet8": ((32, 32, 3), _resnet8),
}


@dataclasses.dataclass(frozen=True)
class _Task:
    model: str
    layers: Sequence[Layer]
    x: Array
    y: Array

    def weights(self) -> list[Array]:
        draw = numpy.random.default_rng(0)
        return [w for layer in self.layers for w in layer.weights(draw)]


def _in_wxb(task: _Task, captured: bool) -> Call:
    wxb = peers.module("wxb")
    whole = wxb.models.build({"kind": task.model})
    model = wxb.nn.Sequential(*[whole[i] for i in range(1, len(whole))])  # without standardisation, which no peer has
    for p, w in zip(model.parameters(), task.weights(), strict=True):
        p[...] = w
    optimizer = wxb_optimizer("adam", model.parameters())

    def step(x: Any, y: Any) -> Any:
        loss = wxb.ops.cross_entropy(model(x), y)
        optimizer.step(loss)
        return loss

    run = wxb.capture(step) if captured else step
    x, y = wxb.tensor(task.x), wxb.tensor(task.y)
    return lambda: run(x, y)


def _in_torch(task: _Task, tuned: bool) -> Call:
    """Return torch's; tuned: images in memory channels last, Adam of one kernel."""
    torch = peers.module("torch")
    memory = torch.channels_last if tuned else torch.contiguous_format
    model = torch.nn.Sequential(*[layer.in_torch(torch) for layer in task.layers]).to(memory_format=memory)
    with torch.no_grad():
        for p, w in zip(model.parameters(), task.weights(), strict=True):
            p.copy_(torch.tensor(w).permute(0, 3, 1, 2) if w.ndim == 4 else torch.tensor(w))
    optimizer = torch_optimizer("adam", model.parameters(), tuned)
    x, y = torch.tensor(task.x).permute(0, 3, 1, 2).contiguous(memory_format=memory), torch.tensor(task.y)

    def call() -> Any:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return call


def _in_jax(task: _Task) -> Call:
    jax = peers.module("jax")
    update = jax_update("adam")

    def loss_of(parameters: Any, x: Any, y: Any) -> Any:
        weights = iter(parameters)
        for layer in task.layers:
            x = layer.in_jax(jax, weights, x)
        return -jax.nn.log_softmax(x)[jax.numpy.arange(len(y)), y].mean()

    def step(parameters: Any, states: Any, x: Any, y: Any) -> Any:
        loss, gradients = jax.value_and_grad(loss_of)(parameters, x, y)
        return loss, *update(parameters, states, gradients)

    compiled = jax.jit(step, donate_argnums=(0, 1))
    x, y = jax.numpy.asarray(task.x), jax.numpy.asarray(task.y)
    parameters, states = [jax.numpy.array(w) for w in task.weights()], None

    def call() -> float:
        nonlocal parameters, states
        loss, parameters, states = compiled(parameters, states, x, y)
        jax.block_until_ready(parameters)
        return float(loss)

    return call


def _in_numpy(task: _Task, dtype: Any = numpy.float32) -> Call:
    flat = Flat("adam", task.weights(), dtype)
    images = task.x.astype(dtype)

    def call() -> float:
        x, weights = images, iter(flat.parameters)
        for layer in task.layers:
            x = layer.forward(weights, x)
        loss, d = softmax_loss(x, task.y)
        gradients: list[Array] = []
        for layer in reversed(task.layers):
            d = layer.backward(gradients, d)
        for into, gradient in zip(flat.gradients, reversed(gradients), strict=True):
            into[...] = gradient
        flat.step()
        return float(loss)

    return call


def picture_step(model: str, batch: int = 64) -> Workload:
    """One step of the model of this name in ``wxb.models`` on a batch of random pictures, by Adam."""
    shape, layers = NETWORKS[model]
    draw = numpy.random.default_rng(1)
    x, y = draw.standard_normal((batch, *shape), numpy.float32), draw.integers(0, 10, batch)
    task = _Task(model, layers(), x, y)

    def prepare() -> tuple[Contestants, Error]:
        exact = _in_numpy(task, numpy.float64)
        for _ in range(CALLS):
            expected = exact()
        contestants = {
            "wxb": lambda: _in_wxb(task, True),
            "wxb eager": lambda: _in_wxb(task, False),
            "torch": lambda: _in_torch(task, False),
            "torch tuned": lambda: _in_torch(task, True),
            "jax": lambda: _in_jax(task),
            "numpy": lambda: _in_numpy(task),
        }
        return contestants, lambda loss: abs(float(loss) - expected) / abs(expected)

    products, parameters = _size(task, shape)
    return Workload(
        f"step {model} {'x'.join(map(str, shape))} batch {batch} adam",
        prepare,
        tolerance=1e-2,  # Adam's first steps have the sign of a gradient, which rounding may turn
        flops=3.0 * batch * products,
        bytes=FLOAT * parameters * (2 + TRAFFIC["adam"]),
        calls=CALLS,
    )


def _size(task: _Task, shape: tuple[int, ...]) -> tuple[float, int]:
    """Return the flops of one picture's forward pass and the number of parameters."""
    arrays = task.weights()
    x, weights = numpy.zeros((1, *shape), numpy.float32), iter(arrays)
    for layer in task.layers:
        x = layer.forward(weights, x)
    return sum(layer.flops for layer in task.layers), sum(a.size for a in arrays)
