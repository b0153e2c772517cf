"""A step of DCGAN in each library: the discriminator on real and generated pictures, then the generator through it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy

from . import peers
from .kernels import FLOAT, Array
from .layers import Conv, ConvTransposed, Flatten, Layer, Leaky, Linear, Maps, Norm, Relu, Tanh
from .steps import CALLS
from .timing import Call, Contestants, Error, Workload
from .updates import TRAFFIC, Flat, jax_update, torch_optimizer, wxb_optimizer

__all__ = ["dcgan_step"]

CODE = 64


def _generator(narrow: int, wide: int) -> list[Layer]:
    """Return the layers of wxb.models.dcgan_generator(widths=(wide, narrow))."""
    first = [Linear(CODE, 49 * wide, False), Maps((7, 7, wide)), Norm(wide), Relu()]
    second = [ConvTransposed(wide, narrow, 4, 2, 1), Norm(narrow), Relu()]
    return [*first, *second, ConvTransposed(narrow, 1, 4, 2, 1, True), Tanh()]


def _discriminator(narrow: int, wide: int) -> list[Layer]:
    """Return the layers of wxb.models.dcgan_discriminator(widths=(narrow, wide))."""
    maps = [Conv(1, narrow, 4, 2, 1, True), Leaky(0.2), Conv(narrow, wide, 4, 2, 1), Norm(wide), Leaky(0.2)]
    return [*maps, Flatten(), Linear(49 * wide, 1)]


@dataclasses.dataclass(frozen=True)
class _Task:
    widths: tuple[int, int]  # narrow, wide
    real: Array  # (N, 28, 28, 1)
    codes: Array  # (N, CODE)

    @functools.cached_property
    def networks(self) -> tuple[list[Layer], list[Layer]]:
        return _generator(*self.widths), _discriminator(*self.widths)

    def weights(self) -> list[list[Array]]:
        draw = numpy.random.default_rng(0)
        return [[w for layer in net for w in layer.weights(draw)] for net in self.networks]


def _in_wxb(task: _Task, captured: bool) -> Call:
    wxb = peers.module("wxb")
    ops, widths = wxb.ops, task.widths
    networks = wxb.models.dcgan_generator(widths=widths[::-1]), wxb.models.dcgan_discriminator(widths=widths)
    for net, weights in zip(networks, task.weights(), strict=True):
        for p, w in zip(net.parameters(), weights, strict=True):
            p[...] = w
    generator, discriminator = networks
    g_optimizer, d_optimizer = (wxb_optimizer("adam", net.parameters()) for net in networks)
    game = wxb.train.ADVERSARIAL_LOSSES["non_saturating"]

    def step(real: Any, codes: Any) -> Any:
        fake = generator(codes)
        d_loss = game.discriminator(discriminator(real), discriminator(fake))
        d_optimizer.step(d_loss)
        g_loss = game.generator(discriminator(fake))
        g_optimizer.step(g_loss)
        return ops.add(d_loss.detach(), g_loss.detach())

    run = wxb.capture(step) if captured else step
    real, codes = wxb.tensor(task.real), wxb.tensor(task.codes)
    return lambda: run(real, codes).item()


def _in_torch(task: _Task, tuned: bool) -> Call:
    """Return torch's; tuned: images in memory channels last, Adam of one kernel."""
    torch = peers.module("torch")
    memory = torch.channels_last if tuned else torch.contiguous_format
    networks = []
    for layers, weights in zip(task.networks, task.weights(), strict=True):
        net = torch.nn.Sequential(*[layer.in_torch(torch) for layer in layers]).to(memory_format=memory)
        with torch.no_grad():
            for p, w in zip(net.parameters(), weights, strict=True):
                p.copy_(torch.tensor(w).permute(0, 3, 1, 2) if w.ndim == 4 else torch.tensor(w))
        networks.append(net)
    generator, discriminator = networks
    generator[1].channels_last = tuned
    g_optimizer, d_optimizer = (torch_optimizer("adam", net.parameters(), tuned) for net in networks)
    real = torch.tensor(task.real).permute(0, 3, 1, 2).contiguous(memory_format=memory)
    codes, entropy = torch.tensor(task.codes), torch.nn.functional.binary_cross_entropy_with_logits
    ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)

    def call() -> float:
        fake = generator(codes)
        d_loss = entropy(discriminator(real), ones) + entropy(discriminator(fake.detach()), zeros)
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()
        g_loss = entropy(discriminator(fake), ones)
        g_optimizer.zero_grad()
        g_loss.backward(inputs=list(generator.parameters()))
        g_optimizer.step()
        return float(d_loss.detach() + g_loss.detach())

    return call


def _in_jax(task: _Task) -> Call:
    jax = peers.module("jax")
    update = jax_update("adam")
    generator, discriminator = task.networks

    def surprise(x: Any) -> Any:
        return jax.nn.softplus(-x).mean()

    def applied(layers: Sequence[Layer], parameters: Any, x: Any) -> Any:
        weights = iter(parameters)
        for layer in layers:
            x = layer.in_jax(jax, weights, x)
        return x

    def step(g: Any, d: Any, g_states: Any, d_states: Any, real: Any, codes: Any) -> Any:
        fake = applied(generator, g, codes)

        def d_loss_of(d: Any) -> Any:
            return surprise(applied(discriminator, d, real)) + surprise(-applied(discriminator, d, fake))

        d_loss, gradients = jax.value_and_grad(d_loss_of)(d)
        d, d_states = update(d, d_states, gradients)
        g_loss, gradients = jax.value_and_grad(
            lambda g: surprise(applied(discriminator, d, applied(generator, g, codes)))
        )(g)
        g, g_states = update(g, g_states, gradients)
        return d_loss + g_loss, g, d, g_states, d_states

    compiled = jax.jit(step, donate_argnums=(0, 1, 2, 3))
    real, codes = jax.numpy.asarray(task.real), jax.numpy.asarray(task.codes)
    state: tuple[Any, ...] = (*([jax.numpy.array(w) for w in net] for net in task.weights()), None, None)

    def call() -> float:
        nonlocal state
        loss, *parts = compiled(*state, real, codes)
        state = tuple(jax.block_until_ready(parts))
        return float(loss)

    return call


def _in_numpy(task: _Task, dtype: Any = numpy.float32) -> Call:
    g, d = (Flat("adam", weights, dtype) for weights in task.weights())
    real, codes = task.real.astype(dtype), task.codes.astype(dtype)
    generator, discriminator = task.networks

    def call() -> float:
        fake = _forward(generator, g, codes)
        d_loss, d.gradient[...] = 0.0, 0
        for x, sign in ((real, 1), (fake, -1)):
            loss, dy = _surprise(_forward(discriminator, d, x), sign)
            d_loss += loss
            _backward(discriminator, d, dy)
        d.step()
        g_loss, dy = _surprise(_forward(discriminator, d, fake), 1)
        dy = _backward(discriminator, d, dy)
        g.gradient[...] = 0
        _backward(generator, g, dy)
        g.step()
        return d_loss + g_loss

    return call


def _surprise(logits: Array, sign: int) -> tuple[float, Array]:
    """Return the mean of -log σ(sign x) and its gradient."""
    x = sign * logits
    return float(numpy.logaddexp(0, -x).mean()), -sign / (1 + numpy.exp(x)) / x.size


def _forward(layers: Sequence[Layer], flat: Flat, x: Array) -> Array:
    weights = iter(flat.parameters)
    for layer in layers:
        x = layer.forward(weights, x)
    return x


def _backward(layers: Sequence[Layer], flat: Flat, dy: Array) -> Array:
    """Add the gradients of the weights to those of ``flat`` and return that of the input."""
    gradients: list[Array] = []
    for layer in reversed(layers):
        dy = layer.backward(gradients, dy)
    for into, gradient in zip(flat.gradients, reversed(gradients), strict=True):
        into += gradient
    return dy


def dcgan_step(narrow: int = 32, wide: int = 64, batch: int = 64) -> Workload:
    """One step of both networks on random pictures and codes, by Adam; the sum of both losses is compared."""
    draw = numpy.random.default_rng(1)
    task = _Task(
        (narrow, wide),
        numpy.tanh(draw.standard_normal((batch, 28, 28, 1), numpy.float32)),
        draw.standard_normal((batch, CODE), numpy.float32),
    )

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
        return contestants, lambda loss: abs(loss - expected) / abs(expected)

    generated, judged, parameters = _size(task)
    return Workload(
        f"step dcgan {narrow}-{wide} 28x28x1 batch {batch} adam",
        prepare,
        tolerance=1e-2,  # Adam's first steps have the sign of a gradient, which rounding may turn
        # forward, dx and dweight of the generator; of the discriminator twice, then forward and dx
        flops=batch * (3 * generated + 8 * judged),
        bytes=FLOAT * parameters * (2 + TRAFFIC["adam"]),
        calls=CALLS,
    )


def _size(task: _Task) -> tuple[float, float, int]:
    """Return the flops of one picture's way through either network, and the number of parameters of both."""
    first, second = (Flat("adam", weights) for weights in task.weights())
    generator, discriminator = task.networks
    _forward(discriminator, second, _forward(generator, first, task.codes[:1]))
    flops = [sum(layer.flops for layer in net) for net in task.networks]
    return flops[0], flops[1], first.value.size + second.value.size
