"""The step of the capsule network (Sabour, Frosst, Hinton 2017) in each library: forward, both losses, backward."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy

from . import peers
from .kernels import FLOAT, Array, normal, same
from .timing import Call, Contestants, Error, Workload

__all__ = ["capsnet_step", "routing"]

ITERATIONS, SHARE = 3, 5e-4  # of the reconstruction in the loss


def _route(xp: Any, softmax: Any, votes: Any) -> Any:
    """Route votes (N, inputs, outputs, size), as it is commonly written."""
    logits: Any = 0
    v: Any = None
    for t in range(ITERATIONS):
        s = votes.mean(1) * (votes.shape[1] / votes.shape[2])
        if t:
            logits = (votes * v[:, None]).sum(-1) + logits
            s = xp.einsum("nij,nijd->njd", softmax(logits), votes)
        square = (s * s).sum(-1)[..., None]
        v = s * xp.sqrt(square) / (1 + square)
    return v


def _softmax(x: Array) -> Array:
    e = numpy.exp(x - x.max(2, keepdims=True))
    return e / e.sum(2, keepdims=True)


def _routers() -> dict[str, Any]:
    """Return, by library, the function of x (N, inputs, in_size) and weight (inputs, outputs, out_size, in_size)."""

    def in_torch(torch: Any) -> Any:
        softmax = functools.partial(torch.softmax, dim=2)
        return lambda x, w: _route(torch, softmax, torch.einsum("ijdk,nik->nijd", w, x))

    def in_jax(jax: Any) -> Any:
        softmax = functools.partial(jax.nn.softmax, axis=2)
        return lambda x, w: _route(jax.numpy, softmax, jax.numpy.einsum("ijdk,nik->nijd", w, x))

    def in_numpy(numpy: Any) -> Any:
        return lambda x, w: _route(numpy, _softmax, numpy.einsum("ijdk,nik->nijd", w, x, optimize=True))

    return {"torch": in_torch, "jax": in_jax, "numpy": in_numpy}


def routing(batch: int = 16, inputs: int = 1152, in_size: int = 8, outputs: int = 10, out_size: int = 16) -> Workload:
    """Route capsules three times, from x and the weights of the votes, which each library has in its own order."""
    return same(
        f"routing forward {batch}x{inputs}x{in_size} to {outputs}x{out_size}",
        lambda: [
            normal(batch, inputs, in_size) / 3,
            normal(inputs, outputs, out_size, in_size, seed=1) / 10,
        ],
        {"wxb": _turned_once, **_routers()},
        flops=batch * inputs * outputs * out_size * (2.0 * in_size + 4 * ITERATIONS - 2),
        bytes=FLOAT * inputs * outputs * out_size * in_size,
    )


def _turned_once(wxb: Any) -> Any:
    turned: dict[int, Any] = {}

    def call(x: Any, w: Any) -> Any:
        if id(w) not in turned:
            turned[id(w)] = wxb.ops.transpose(w, (1, 2, 3, 0))
        return wxb.ops.routing(x, turned[id(w)], ITERATIONS)

    return call


@dataclasses.dataclass(frozen=True)
class _Task:
    x: Array  # (N, 28, 28, 1) from 0 to 1
    y: Array
    weights: Sequence[Array]  # as wxb has them

    @property
    def there(self) -> Array:
        return numpy.eye(10, dtype=self.x.dtype)[self.y]


def _in_wxb(task: _Task, captured: bool) -> Call:
    wxb = peers.module("wxb")
    model = wxb.models.capsnet()
    for p, w in zip(model.parameters(), task.weights, strict=True):
        p[...] = w

    def step(x: Any, target: Any) -> Any:
        loss = model.loss(model.digits(model.primary(model.conv(x))), target)
        loss.backward()
        model.zero_grad()
        return loss

    run = wxb.capture(step) if captured else step
    x = wxb.tensor(task.x)
    target = wxb.tensor(numpy.concatenate([task.there, task.x.reshape(len(task.x), -1)], 1))
    return lambda: run(x, target).item()


def _loss(
    xp: Any, relu: Any, sigmoid: Any, route: Any, capsules: Any, weights: Sequence[Any], task: Sequence[Any]
) -> Any:
    """Return both losses from what the second convolution gives, capsules (N, inputs, 8) before they are squashed."""
    x, there = task
    square = (capsules * capsules).sum(-1)[..., None]
    v = route(capsules * xp.sqrt(square) / (1 + square), weights[0])
    length = xp.sqrt((v * v).sum(-1))
    margin = there * relu(0.9 - length) ** 2 + 0.5 * (1 - there) * relu(length - 0.1) ** 2
    hidden = (v * there[..., None]).reshape(len(x), -1)
    for i, activation in zip((1, 3, 5), (relu, relu, sigmoid)):
        hidden = activation(hidden @ weights[i].T + weights[i + 1])
    return margin.sum(1).mean() + SHARE * ((hidden - x.reshape(len(x), -1)) ** 2).sum(1).mean()


def _in_torch(task: _Task, tuned: bool) -> Call:
    torch = peers.module("torch")
    memory = torch.channels_last if tuned else torch.contiguous_format
    arrays = [torch.tensor(w) for w in _as_others_have_them(task.weights)]
    arrays = [
        a.permute(0, 3, 1, 2).contiguous(memory_format=memory) if i in (0, 2) else a for i, a in enumerate(arrays)
    ]
    weights = [a.requires_grad_() for a in arrays]
    x, there = torch.tensor(task.x), torch.tensor(task.there)
    images, conv = x.permute(0, 3, 1, 2).contiguous(memory_format=memory), torch.nn.functional.conv2d
    route = _routers()["torch"](torch)

    def call() -> float:
        hidden = torch.relu(conv(images, weights[0], weights[1]))
        pixels = conv(hidden, weights[2], weights[3], 2).permute(0, 2, 3, 1)
        capsules = pixels.reshape(len(x), -1, 8)
        loss = _loss(torch, torch.relu, torch.sigmoid, route, capsules, weights[4:], (x, there))
        torch.autograd.grad(loss, weights)
        return float(loss.detach())

    return call


def _in_jax(task: _Task) -> Call:
    jax = peers.module("jax")
    route, relu = _routers()["jax"](jax), jax.nn.relu
    arrays = [jax.numpy.asarray(a) for a in (task.x, task.there, *_as_others_have_them(task.weights))]

    def conv(x: Any, w: Any, stride: int) -> Any:
        sides, order = (stride, stride), ("NHWC", "OHWI", "NHWC")
        return jax.lax.conv_general_dilated(x, w, sides, "VALID", dimension_numbers=order)

    def loss_of(weights: Any, x: Any, there: Any) -> Any:
        hidden = relu(conv(x, weights[0], 1) + weights[1])
        capsules = (conv(hidden, weights[2], 2) + weights[3]).reshape(len(x), -1, 8)
        return _loss(jax.numpy, relu, jax.nn.sigmoid, route, capsules, weights[4:], (x, there))

    compiled = jax.jit(jax.value_and_grad(loss_of))
    return lambda: float(jax.block_until_ready(compiled(arrays[2:], *arrays[:2]))[0])


def _in_numpy(task: _Task) -> float:
    """Return the loss in float64."""
    x, there, *weights = (a.astype(numpy.float64) for a in (task.x, task.there, *_as_others_have_them(task.weights)))

    def conv(x: Array, w: Array, stride: int) -> Array:
        seen = numpy.lib.stride_tricks.sliding_window_view(x, w.shape[1:3], (1, 2))[:, ::stride, ::stride]
        return numpy.tensordot(seen, w, ((4, 5, 3), (1, 2, 3)))

    def relu(x: Array) -> Array:
        return numpy.maximum(x, 0)

    hidden = relu(conv(x, weights[0], 1) + weights[1])
    capsules = (conv(hidden, weights[2], 2) + weights[3]).reshape(len(x), -1, 8)
    route = _routers()["numpy"](numpy)
    sigmoid = lambda x: 1 / (1 + numpy.exp(-x))  # noqa: E731
    return float(_loss(numpy, relu, sigmoid, route, capsules, weights[4:], (x, there)))


def _as_others_have_them(weights: Sequence[Array]) -> list[Array]:
    """Return the weights with those of the votes as (inputs, outputs, out_size, in_size)."""
    return [numpy.ascontiguousarray(w.transpose(3, 0, 1, 2)) if i == 4 else w for i, w in enumerate(weights)]


def _weights() -> list[Array]:
    draw = numpy.random.default_rng(0)

    def some(*shape: int, scale: float) -> Array:
        return draw.standard_normal(shape, numpy.float32) * numpy.float32(scale)

    weights = [
        some(256, 9, 9, 1, scale=0.1),
        some(256, scale=0.1),
        some(256, 9, 9, 256, scale=0.01),
        some(256, scale=0.1),
    ]
    weights.append(some(10, 16, 8, 1152, scale=0.1))
    for outputs, inputs in ((512, 160), (1024, 512), (784, 1024)):
        weights += [some(outputs, inputs, scale=inputs**-0.5), some(outputs, scale=0.1)]
    return weights


def capsnet_step(batch: int = 16) -> Workload:
    """Both losses of the paper's network on random pictures, three routings, and the gradients of all its weights."""
    draw = numpy.random.default_rng(1)
    x, y = draw.random((batch, 28, 28, 1), numpy.float32), draw.integers(0, 10, batch)

    def prepare() -> tuple[Contestants, Error]:
        task = _Task(x, y, _weights())
        expected = _in_numpy(task)
        contestants = {
            "wxb": lambda: _in_wxb(task, True),
            "wxb eager": lambda: _in_wxb(task, False),
            "torch": lambda: _in_torch(task, False),
            "torch tuned": lambda: _in_torch(task, True),
            "jax": lambda: _in_jax(task),
        }
        return contestants, lambda loss: abs(loss - expected) / abs(expected)

    convolutions = 400 * 81 * 256 * 2 / 3 + 36 * 81 * 256 * 256  # the first one needs no gradient of its input
    decoder = 160 * 512 + 512 * 1024 + 1024 * 784
    votes = 1152 * 160 * (8 + 2 * ITERATIONS - 1)
    return Workload(
        f"step capsnet 28x28x1 batch {batch} forward+backward",
        prepare,
        tolerance=1e-4,
        flops=6.0 * batch * (convolutions + decoder + votes),
        bytes=2.0 * FLOAT * 8.2e6,
    )
