"""Whole training steps of the same network in each library: forward, loss, backward, update."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy

from . import peers
from .kernels import FLOAT, Array
from .timing import Call, Contestants, Error, Workload
from .updates import LR, TRAFFIC, Flat, jax_update, torch_optimizer, wxb_optimizer

__all__ = ["CALLS", "Training", "epoch", "softmax_loss", "step"]

CALLS = 5  # before the losses are compared


@dataclasses.dataclass(frozen=True)
class Training:
    """A network with relu between its layers, its first weights, and the batches of one call.

    Labels of an integer dtype mean cross-entropy, floats the mean squared error.
    """

    sizes: Sequence[int]
    optimizer: str
    batches: Sequence[tuple[Array, Array]]

    def weights(self) -> list[Array]:
        """Return W (out, in) by He et al. 2015 and b (out,) = 0 of each layer in turn."""
        draw = numpy.random.default_rng(0)
        layers = zip(self.sizes, self.sizes[1:])
        return [
            array
            for n, m in layers
            for array in (
                draw.standard_normal((m, n), numpy.float32) * numpy.float32((2 / n) ** 0.5),
                numpy.zeros(m, numpy.float32),
            )
        ]

    @property
    def classifies(self) -> bool:
        """Whether the targets are labels."""
        return bool(self.batches[0][1].dtype.kind == "i")


# ---- the contestants: each returns a call that trains on every batch and gives their losses ----


def in_wxb(task: Training, captured: bool) -> Call:
    """Return wxb's: a Sequential, ``optimizer.step(loss)``."""
    wxb = peers.module("wxb")
    pairs, last = list(zip(task.sizes, task.sizes[1:])), len(task.sizes) - 2
    model = wxb.nn.Sequential(*[wxb.nn.Linear(n, m, None if i == last else "relu") for i, (n, m) in enumerate(pairs)])
    model.load_state_dict(dict(zip(model.state_dict(), task.weights())))
    optimizer = wxb_optimizer(task.optimizer, model.parameters())
    loss_of = wxb.ops.cross_entropy if task.classifies else wxb.ops.mse

    def step(x: Any, y: Any) -> Any:
        loss = loss_of(model(x), y)
        optimizer.step(loss)
        return loss

    run = wxb.capture(step) if captured else step
    batches = [(wxb.tensor(x), wxb.tensor(y)) for x, y in task.batches]
    return lambda: [run(x, y) for x, y in batches]


def in_torch(task: Training, fused: bool) -> Call:
    """Return torch's, eager."""
    torch = peers.module("torch")
    layers = [torch.nn.Linear(n, m) for n, m in zip(task.sizes, task.sizes[1:])]
    model = torch.nn.Sequential(*[part for layer in layers for part in (layer, torch.nn.ReLU())][:-1])
    with torch.no_grad():
        for p, w in zip(model.parameters(), task.weights()):
            p.copy_(torch.tensor(w))
    optimizer = torch_optimizer(task.optimizer, model.parameters(), fused)
    loss_of = torch.nn.functional.cross_entropy if task.classifies else torch.nn.functional.mse_loss

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    batches = [(torch.tensor(x), torch.tensor(y)) for x, y in task.batches]
    return lambda: [step(x, y) for x, y in batches]


def in_jax(task: Training) -> Call:
    """Return jax's: one compiled function of parameters and states, whose memory it may reuse."""
    jax = peers.module("jax")
    np, update = jax.numpy, jax_update(task.optimizer)

    def loss_of(parameters: Any, x: Any, y: Any) -> Any:
        for i in range(0, len(parameters), 2):
            x = (jax.nn.relu(x) if i else x) @ parameters[i].T + parameters[i + 1]
        if task.classifies:
            return -jax.nn.log_softmax(x)[np.arange(len(y)), y].mean()
        return ((x - y) ** 2).mean()

    def step(parameters: Any, states: Any, x: Any, y: Any) -> Any:
        loss, gradients = jax.value_and_grad(loss_of)(parameters, x, y)
        return loss, *update(parameters, states, gradients)

    compiled = jax.jit(step, donate_argnums=(0, 1))
    batches = [(np.asarray(x), np.asarray(y)) for x, y in task.batches]
    parameters, states = [np.array(w) for w in task.weights()], None

    def call() -> list[Any]:
        nonlocal parameters, states
        losses = []
        for x, y in batches:
            loss, parameters, states = compiled(parameters, states, x, y)
            losses.append(loss)
        jax.block_until_ready(parameters)
        return losses

    return call


def in_numpy(task: Training, dtype: Any = numpy.float32) -> Call:
    """Return NumPy's, written by hand: in place where it can be, all parameters in one vector."""
    flat = Flat(task.optimizer, task.weights(), dtype)
    ws, bs, dws, dbs = flat.parameters[::2], flat.parameters[1::2], flat.gradients[::2], flat.gradients[1::2]
    last = len(ws) - 1

    def step(x: Array, y: Array) -> Any:
        inputs = []
        for i, (w, b) in enumerate(zip(ws, bs)):
            inputs.append(x)
            x = x @ w.T
            x += b
            if i < last:
                numpy.maximum(x, 0, out=x)
        loss, d = _loss(x, y)
        for i in range(last, -1, -1):
            numpy.matmul(d.T, inputs[i], out=dws[i])
            d.sum(0, out=dbs[i])
            if i:
                d = d @ ws[i]
                d *= inputs[i] > 0
        flat.step()
        return loss

    batches = [(x.astype(dtype), y if task.classifies else y.astype(dtype)) for x, y in task.batches]
    return lambda: [step(x, y) for x, y in batches]


def _loss(x: Array, y: Array) -> tuple[Any, Array]:
    """Return the loss and its gradient, which overwrites x."""
    if y.dtype.kind != "f":
        return softmax_loss(x, y)
    x -= y
    loss = numpy.vdot(x, x) / x.size
    x *= 2 / x.size
    return loss, x


def softmax_loss(x: Array, y: Array) -> tuple[Any, Array]:
    """Return the mean cross-entropy of logits x and labels y, and its gradient, which overwrites x."""
    at = numpy.arange(len(y)), y
    x -= x.max(1, keepdims=True)
    numpy.exp(x, out=x)
    x /= x.sum(1, keepdims=True)
    loss = -numpy.log(x[at]).mean()
    x[at] -= 1
    x /= len(y)
    return loss, x


def in_sklearn(task: Training) -> Call:
    """Return scikit-learn's: a partial fit is one epoch over the batches, in order."""
    x, y = (numpy.concatenate(arrays) for arrays in zip(*task.batches))
    model = peers.module("sklearn.neural_network").MLPClassifier(
        tuple(task.sizes[1:-1]),
        batch_size=len(task.batches[0][0]),
        learning_rate_init=LR["adam"],
        alpha=0.0,
        shuffle=False,
    )
    model.partial_fit(x, y, classes=numpy.arange(task.sizes[-1]))  # makes weights, which give way to the common ones
    weights = task.weights()
    model.coefs_, model.intercepts_ = [w.T.copy() for w in weights[::2]], weights[1::2]
    del model._optimizer  # it refers to the old weights; the next fit makes another
    return lambda: [model.partial_fit(x, y).loss_]


# ---- workloads ----


def _workload(name: str, task: Training, contestants: Contestants) -> Workload:
    lengths = [len(x) for x, _ in task.batches]

    def prepare() -> tuple[Contestants, Error]:
        exact = in_numpy(task, numpy.float64)
        for _ in range(CALLS):
            expected = _mean(exact(), lengths)
        return contestants, lambda losses: abs(_mean(losses, lengths) - expected) / abs(expected)

    products = [n * m for n, m in zip(task.sizes, task.sizes[1:])]
    parameters = sum(products) + sum(task.sizes[1:])
    return Workload(
        name,
        prepare,
        tolerance=1e-3,
        flops=2.0 * sum(lengths) * (3 * sum(products) - products[0]),  # nobody needs the gradient of the inputs
        bytes=FLOAT * parameters * (2 + TRAFFIC[task.optimizer]) * len(lengths),  # W read, dW written, and the update
        calls=CALLS,
    )


def _mean(losses: Any, lengths: Sequence[int]) -> float:
    """Return the mean over all samples; scikit-learn gives that itself."""
    values = [float(loss) for loss in losses]
    return values[0] if len(values) == 1 else float(numpy.average(values, weights=lengths))


def _libraries(task: Training) -> dict[str, Any]:
    return {
        "wxb": lambda: in_wxb(task, True),
        "wxb eager": lambda: in_wxb(task, False),
        "torch": lambda: in_torch(task, False),
        "torch tuned": lambda: in_torch(task, True),
        "jax": lambda: in_jax(task),
        "numpy": lambda: in_numpy(task),
    }


def step(sizes: Sequence[int], batch: int, optimizer: str = "adam") -> Workload:
    """One step on random data: regression if the network has one output, else classification.

    The second half of the batch has the inputs of the first and other targets. No network can fit both, so the
    gradients stay what they are in training: else a thousand steps on one batch would time denormal numbers.
    """
    draw = numpy.random.default_rng(1)
    x = numpy.concatenate([draw.standard_normal((batch // 2, sizes[0]), numpy.float32)] * 2)
    y: Array = draw.standard_normal((batch, 1), numpy.float32)
    if sizes[-1] > 1:
        y = draw.integers(0, sizes[-1], batch)
    task = Training(sizes, optimizer, [(x, y)])
    name = "-".join(map(str, sizes))
    return _workload(f"step {name} batch {batch} {optimizer}", task, _libraries(task))


def epoch(x: Array, y: Array, hidden: Sequence[int], batch: int, name: str) -> Workload:
    """One epoch of Adam over a data set, in order."""
    sizes = (x.shape[1], *hidden, int(y.max()) + 1)
    task = Training(sizes, "adam", [(x[i : i + batch], y[i : i + batch]) for i in range(0, len(x), batch)])
    contestants = {**_libraries(task), "sklearn": lambda: in_sklearn(task)}
    return _workload(f"epoch {name} {'-'.join(map(str, sizes))} batch {batch}", task, contestants)
