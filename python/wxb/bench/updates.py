"""The optimizers of each library, with the same hyper-parameters, for parameters that start from the same values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from . import peers
from .kernels import FLOAT, Array, normal
from .timing import Call, Contestants, Error, Workload, close_to

__all__ = ["LR", "Flat", "jax_update", "torch_optimizer", "update", "wxb_optimizer"]

LR = {"adam": 1e-3, "sgd": 1e-2, "momentum": 1e-2}
MOMENTUM = 0.9
BETA1, BETA2, EPS = 0.9, 0.999, 1e-8

Arrays = Sequence[Array]

# Arrays of the parameters' size that an update reads or writes at least.
TRAFFIC = {"adam": 7, "sgd": 3, "momentum": 5}


def wxb_optimizer(name: str, parameters: Any) -> Any:
    """Return wxb's optimizer ``name``: adam, sgd, or momentum (sgd with it)."""
    optim = peers.module("wxb").optim
    if name == "adam":
        return optim.Adam(parameters, LR[name], (BETA1, BETA2), EPS)
    return optim.SGD(parameters, LR[name], MOMENTUM if name == "momentum" else 0.0)


def torch_optimizer(name: str, parameters: Any, fused: bool) -> Any:
    """Return torch's, of one kernel for all parameters if ``fused``."""
    optim, parameters = peers.module("torch").optim, list(parameters)
    if name == "adam":
        graph = fused and parameters[0].is_cuda  # may become one: the number of steps lies on the GPU too
        return optim.Adam(parameters, LR[name], (BETA1, BETA2), EPS, fused=fused, capturable=graph)
    return optim.SGD(parameters, LR[name], MOMENTUM if name == "momentum" else 0.0, fused=fused)


def jax_update(name: str) -> Any:
    """Return a function (parameters, states, gradients) -> (parameters, states) to compile; states start as None."""
    np, lr = peers.module("jax").numpy, LR[name]

    def adam(parameters: Any, states: Any, gradients: Any) -> Any:
        ms, vs, t = states or ([np.zeros_like(p) for p in parameters],) * 2 + (0,)
        t += 1
        ms = [BETA1 * m + (1 - BETA1) * g for m, g in zip(ms, gradients)]
        vs = [BETA2 * v + (1 - BETA2) * g * g for v, g in zip(vs, gradients)]
        rate, root = lr / (1 - BETA1**t), np.sqrt(1 - BETA2**t)
        return [p - rate * m / (np.sqrt(v) / root + EPS) for p, m, v in zip(parameters, ms, vs)], (ms, vs, t)

    def sgd(parameters: Any, states: Any, gradients: Any) -> Any:
        if name == "momentum":
            states = [MOMENTUM * b + g for b, g in zip(states or map(np.zeros_like, gradients), gradients)]
        return [p - lr * g for p, g in zip(parameters, states or gradients)], states

    return adam if name == "adam" else sgd


class Flat:
    """NumPy's: all parameters lie in one vector, so that an update is a handful of calls for however many there are."""

    def __init__(self, name: str, parameters: Arrays, dtype: Any = numpy.float32) -> None:
        self.name, self.count = name, 0
        self.value = numpy.concatenate([p.ravel() for p in parameters]).astype(dtype)
        self.gradient, self.m, self.v, self.work, self.root = numpy.zeros((5, self.value.size), dtype)
        ends = numpy.cumsum([p.size for p in parameters])
        cuts = [(slice(end - p.size, end), p.shape) for p, end in zip(parameters, ends)]
        self.parameters = [self.value[cut].reshape(shape) for cut, shape in cuts]
        self.gradients = [self.gradient[cut].reshape(shape) for cut, shape in cuts]

    def step(self) -> None:
        """Update the parameters by the gradients, in place."""
        self.count += 1
        (self._adam if self.name == "adam" else self._sgd)()

    def _adam(self) -> None:
        g, m, v, work, root = self.gradient, self.m, self.v, self.work, self.root
        m *= BETA1
        m += numpy.multiply(g, 1 - BETA1, out=work)
        v *= BETA2
        numpy.multiply(g, g, out=work)
        v += numpy.multiply(work, 1 - BETA2, out=work)
        numpy.sqrt(v, out=root)
        root *= (1 - BETA2**self.count) ** -0.5
        root += EPS
        numpy.divide(m, root, out=work)
        work *= LR["adam"] / (1 - BETA1**self.count)
        self.value -= work

    def _sgd(self) -> None:
        direction = self.gradient
        if self.name == "momentum":
            direction = self.m
            direction *= MOMENTUM
            direction += self.gradient
        self.value -= numpy.multiply(direction, LR[self.name], out=self.work)


def update(name: str, sizes: Sequence[int]) -> Workload:
    """One update of parameters of these sizes by given gradients."""

    def prepare() -> tuple[Contestants, Error]:
        values = [normal(n, seed=i) for i, n in enumerate(sizes)]
        gradients = [normal(n, seed=100 + i) for i, n in enumerate(sizes)]
        expected = _in_numpy(name, values, gradients, numpy.float64)()
        contestants = {
            "wxb": lambda: _in_wxb(name, values, gradients),
            "torch": lambda: _in_torch(name, values, gradients, False),
            "torch tuned": lambda: _in_torch(name, values, gradients, True),
            "jax": lambda: _in_jax(name, values, gradients),
            "numpy": lambda: _in_numpy(name, values, gradients),
        }
        return contestants, close_to(*expected)

    size = sum(sizes)
    return Workload(f"{name} update {size}", prepare, bytes=FLOAT * TRAFFIC[name] * size)


def _in_wxb(name: str, values: Arrays, gradients: Arrays) -> Call:
    parameters = [peers.module("wxb").parameter(v) for v in values]
    for p, g in zip(parameters, gradients):
        p.grad_buffer()[...] = g
        p.held = True
    optimizer = wxb_optimizer(name, parameters)
    return lambda: optimizer.step() or parameters


def _in_torch(name: str, values: Arrays, gradients: Arrays, fused: bool) -> Call:
    torch = peers.module("torch")
    parameters = [torch.tensor(v, requires_grad=True) for v in values]
    for p, g in zip(parameters, gradients):
        p.grad = torch.tensor(g)
    optimizer = torch_optimizer(name, parameters, fused)
    return lambda: optimizer.step() or [p.detach() for p in parameters]


def _in_jax(name: str, values: Arrays, gradients: Arrays) -> Call:
    jax = peers.module("jax")
    compiled = jax.jit(jax_update(name), donate_argnums=(0, 1))
    parameters, states, of = [jax.numpy.array(v) for v in values], None, [jax.numpy.asarray(g) for g in gradients]

    def call() -> Any:
        nonlocal parameters, states
        parameters, states = jax.block_until_ready(compiled(parameters, states, of))
        return parameters

    return call


def _in_numpy(name: str, values: Arrays, gradients: Arrays, dtype: Any = numpy.float32) -> Call:
    flat = Flat(name, values, dtype)
    flat.gradient[...] = numpy.concatenate(gradients)

    def call() -> Any:
        flat.step()
        return flat.parameters

    return call
