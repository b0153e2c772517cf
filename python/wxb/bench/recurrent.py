"""LSTM and GRU over sequences, and a training step of a network that reads characters, in each library."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy

from . import peers
from .kernels import FLOAT, Array, normal, same
from .steps import CALLS, softmax_loss
from .timing import Call, Contestants, Error, Workload
from .updates import TRAFFIC, Flat, jax_update, torch_optimizer, wxb_optimizer

__all__ = ["char_step", "recurrent"]

GATES = {"lstm": 4, "gru": 3}


# ---- the layer in each library: x (T, N, I), the weights as in torch -> outputs (T, N, H), from a state of zeros ----


def _in_wxb(cell: str, wxb: Any) -> Any:
    ops = wxb.ops

    def lstm(x: Any, w: Any, u: Any, b: Any, d: Any) -> Any:
        return ops.lstm(ops.linear(x, w, ops.add(b, d)), u)[0]

    def gru(x: Any, w: Any, u: Any, b: Any, d: Any) -> Any:
        return ops.gru(ops.linear(x, w, b), u, d)[0]

    return lstm if cell == "lstm" else gru


def _in_torch(cell: str, torch: Any) -> Any:
    def apply(x: Any, *weights: Any) -> Any:
        h = x.new_zeros((1, x.shape[1], weights[1].shape[1]))
        start = (h, h) if cell == "lstm" else h
        return getattr(torch, cell)(x, start, weights, True, 1, 0.0, True, False, False)[0]

    return apply


def _in_jax(cell: str, jax: Any) -> Any:
    """Return jax's, with the product of all inputs ahead of the scan."""
    np, sigmoid = jax.numpy, jax.nn.sigmoid

    def lstm(state: Any, x: Any, u: Any, d: Any) -> Any:
        h, c = state
        i, f, g, o = np.split(x + h @ u.T + d, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        return (h, c), h

    def gru(state: Any, x: Any, u: Any, d: Any) -> Any:
        (h,) = state
        of_x, of_h = np.split(x, 3, axis=1), np.split(h @ u.T + d, 3, axis=1)
        r, z = sigmoid(of_x[0] + of_h[0]), sigmoid(of_x[1] + of_h[1])
        h = (1 - z) * np.tanh(of_x[2] + r * of_h[2]) + z * h
        return (h,), h

    step = lstm if cell == "lstm" else gru

    def apply(x: Any, w: Any, u: Any, b: Any, d: Any) -> Any:
        h = np.zeros((x.shape[1], u.shape[1]), x.dtype)
        start = (h, h) if cell == "lstm" else (h,)
        return jax.lax.scan(lambda s, x: step(s, x, u, d), start, x @ w.T + b)[1]

    return apply


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + numpy.exp(-x))


class _NumPy:
    """NumPy's: ``forward`` keeps what ``backward`` needs, which returns the gradients of x and of each weight."""

    def __init__(self, cell: str) -> None:
        self.cell = cell

    def forward(self, x: Array, w: Array, u: Array, b: Array, d: Array) -> Array:
        self.x, self.w, self.u = x, w, u
        units, batch = u.shape[1], x.shape[1]
        gx = x @ w.T + b
        h = c = numpy.zeros((batch, units), x.dtype)
        self.kept: list[tuple[Any, ...]] = []
        y = numpy.empty((len(x), batch, units), x.dtype)
        for t in range(len(x)):
            before, cell_before = h, c
            of_h = h @ u.T + d
            if self.cell == "lstm":
                gates = gx[t] + of_h
                i, f, o = _sigmoid(gates[:, :units]), _sigmoid(gates[:, units : 2 * units]), _sigmoid(gates[:, -units:])
                g = numpy.tanh(gates[:, 2 * units : 3 * units])
                c = f * c + i * g
                h = o * numpy.tanh(c)
                self.kept.append((before, cell_before, i, f, g, o, c))
            else:
                r, z = (_sigmoid(gx[t][:, k : k + units] + of_h[:, k : k + units]) for k in (0, units))
                q = of_h[:, 2 * units :]
                n = numpy.tanh(gx[t][:, 2 * units :] + r * q)
                h = (1 - z) * n + z * h
                self.kept.append((before, r, z, n, q))
            y[t] = h
        return y

    def backward(self, dy: Array) -> list[Array]:
        before = numpy.stack([kept[0] for kept in self.kept])
        dh = dc = numpy.zeros_like(dy[0])
        dx = numpy.empty((*dy.shape[:2], len(self.u)), dy.dtype)
        dz = dx if self.cell == "lstm" else numpy.empty_like(dx)
        for t in range(len(dy) - 1, -1, -1):
            dh = dh + dy[t]
            if self.cell == "lstm":
                _, last, i, f, g, o, c = self.kept[t]
                s = numpy.tanh(c)
                dc = dc + dh * o * (1 - s * s)
                parts = (dc * g * i * (1 - i), dc * last * f * (1 - f), dc * i * (1 - g * g), dh * s * o * (1 - o))
                dx[t] = numpy.concatenate(parts, axis=1)
                dc, carried = dc * f, 0.0
            else:
                h, r, z, n, q = self.kept[t]
                dn = dh * (1 - z) * (1 - n * n)
                dr, du = dn * q * r * (1 - r), dh * (h - n) * z * (1 - z)
                dx[t], dz[t] = (numpy.concatenate((dr, du, last), axis=1) for last in (dn, dn * r))
                carried = dh * z
            dh = dz[t] @ self.u + carried
        gates = len(self.u)
        flat, of_h = dx.reshape(-1, gates), dz.reshape(-1, gates)
        dw, du = flat.T @ self.x.reshape(-1, self.x.shape[2]), of_h.T @ before.reshape(-1, self.u.shape[1])
        return [dx @ self.w, dw, du, flat.sum(0), of_h.sum(0)]


def _both(cell: str, *arrays: Array) -> list[Array]:
    layer = _NumPy(cell)
    y = layer.forward(*arrays[:5])
    return [y, *layer.backward(arrays[5])]


def recurrent(
    cell: str, steps: int = 50, batch: int = 32, inputs: int = 128, units: int = 256, backward: bool = True
) -> Workload:
    """Return one layer over sequences of equal length from a state of zeros; with ``backward`` all its gradients too.

    torch's on a CPU is oneDNN's for lstm.
    """
    rows = GATES[cell] * units

    def arrays() -> list[Array]:
        scale = numpy.float32(units**-0.5)
        weights = [normal(*shape, seed=i) * scale for i, shape in enumerate(((rows, inputs), (rows, units)))]
        given = [normal(steps, batch, inputs, seed=2), *weights, normal(rows, seed=3) * scale, normal(rows) * scale]
        return [*given, normal(steps, batch, units, seed=4)] if backward else given

    def in_numpy(numpy: Any) -> Any:
        return functools.partial(_both, cell) if backward else lambda *arrays: _NumPy(cell).forward(*arrays)

    return same(
        f"{cell} {'forward+backward' if backward else 'forward'} {steps}x{batch} {inputs} to {units}",
        arrays,
        {
            "wxb": functools.partial(_in_wxb, cell),
            "torch": functools.partial(_in_torch, cell),
            "jax": functools.partial(_in_jax, cell),
            "numpy": in_numpy,
        },
        backward=backward,
        tolerance=1e-4,
        flops=(6.0 if backward else 2.0) * steps * batch * rows * (inputs + units),
        bytes=FLOAT * (3 if backward else 1) * (steps * batch * (inputs + 2 * rows + units) + rows * (inputs + units)),
    )


# ---- a step of a network that reads characters: embedding, lstm, linear; Adam ----


@dataclasses.dataclass(frozen=True)
class _Task:
    vocabulary: int
    units: int
    x: Array  # (T, N) codes
    y: Array

    def weights(self) -> list[Array]:
        """Return embedding, weights and biases of the lstm, weight and bias of the last layer."""
        v, h = self.vocabulary, self.units
        shapes = ((v, h), (4 * h, h), (4 * h, h), (4 * h,), (4 * h,), (v, h), (v,))
        scale = numpy.float32(h**-0.5)
        return [normal(*shape, seed=i) * (1 if i == 0 else scale) for i, shape in enumerate(shapes)]


def _wxb(task: _Task, captured: bool) -> Call:
    """Return wxb's, whose lstm looks its inputs up in the product of the whole table with its weight (``index=``)."""
    wxb = peers.module("wxb")
    h, v = task.units, task.vocabulary
    embedding, rnn = wxb.nn.Embedding(v, h), wxb.nn.LSTM(h, h, batch_first=False)
    head = wxb.nn.Linear(h, v)
    parameters = [p for part in (embedding, rnn, head) for p in part.parameters()]
    for p, w in zip(parameters, task.weights(), strict=True):
        p[...] = w
    optimizer = wxb_optimizer("adam", parameters)

    def step(x: Any, y: Any) -> Any:
        outputs, _ = rnn(embedding.weight, index=x)
        loss = wxb.ops.cross_entropy(head(outputs), y)
        optimizer.step(loss)
        return loss

    run = wxb.capture(step) if captured else step
    x, y = wxb.tensor(task.x), wxb.tensor(task.y)
    return lambda: run(x, y)


def _torch(task: _Task, fused: bool) -> Call:
    torch = peers.module("torch")
    h, v = task.units, task.vocabulary
    embedding, rnn, head = torch.nn.Embedding(v, h), torch.nn.LSTM(h, h), torch.nn.Linear(h, v)
    parameters = [p for part in (embedding, rnn, head) for p in part.parameters()]
    with torch.no_grad():
        for p, w in zip(parameters, task.weights(), strict=True):
            p.copy_(torch.tensor(w))
    optimizer = torch_optimizer("adam", parameters, fused)
    x, y = torch.tensor(task.x), torch.tensor(task.y).reshape(-1)

    def call() -> Any:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(head(rnn(embedding(x))[0]).reshape(-1, v), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return call


def _jax(task: _Task) -> Call:
    jax = peers.module("jax")
    np, lstm, update = jax.numpy, _in_jax("lstm", jax), jax_update("adam")

    def loss_of(parameters: Any, x: Any, y: Any) -> Any:
        embedding, w, u, b, d, last, bias = parameters
        logits = (lstm(embedding[x], w, u, b, d) @ last.T + bias).reshape(-1, task.vocabulary)
        return -jax.nn.log_softmax(logits)[np.arange(len(logits)), y.reshape(-1)].mean()

    def step(parameters: Any, states: Any, x: Any, y: Any) -> Any:
        loss, gradients = jax.value_and_grad(loss_of)(parameters, x, y)
        return loss, *update(parameters, states, gradients)

    compiled = jax.jit(step, donate_argnums=(0, 1))
    x, y = np.asarray(task.x), np.asarray(task.y)
    parameters, states = [np.array(w) for w in task.weights()], None

    def call() -> float:
        nonlocal parameters, states
        loss, parameters, states = compiled(parameters, states, x, y)
        jax.block_until_ready(parameters)
        return float(loss)

    return call


def _numpy(task: _Task, dtype: Any = numpy.float32) -> Call:
    flat = Flat("adam", task.weights(), dtype)
    embedding, w, u, b, d, last, bias = flat.parameters

    def call() -> float:
        layer = _NumPy("lstm")
        outputs = layer.forward(embedding[task.x], w, u, b, d).reshape(-1, task.units)
        loss, dz = softmax_loss(outputs @ last.T + bias, task.y.reshape(-1))
        dx, *gradients = layer.backward((dz @ last).reshape(*task.x.shape, -1))
        flat.gradients[0][...] = 0
        numpy.add.at(flat.gradients[0], task.x, dx)
        for into, gradient in zip(flat.gradients[1:], [*gradients, dz.T @ outputs, dz.sum(0)], strict=True):
            into[...] = gradient
        flat.step()
        return float(loss)

    return call


def char_step(vocabulary: int = 65, units: int = 256, steps: int = 64, batch: int = 32) -> Workload:
    """One step of Adam on random text: embedding and lstm of ``units``, and a linear layer."""
    draw = numpy.random.default_rng(1)
    x, y = draw.integers(0, vocabulary, (2, steps, batch))
    task = _Task(vocabulary, units, x, y)

    def prepare() -> tuple[Contestants, Error]:
        exact = _numpy(task, numpy.float64)
        for _ in range(CALLS):
            expected = exact()
        contestants = {
            "wxb": lambda: _wxb(task, True),
            "wxb eager": lambda: _wxb(task, False),
            "torch": lambda: _torch(task, False),
            "torch tuned": lambda: _torch(task, True),
            "jax": lambda: _jax(task),
            "numpy": lambda: _numpy(task),
        }
        return contestants, lambda loss: abs(float(loss) - expected) / abs(expected)

    parameters = sum(weight.size for weight in task.weights())
    products = 4 * units * 2 * units + units * vocabulary
    return Workload(
        f"step char-lstm {vocabulary}-{units} {steps}x{batch} adam",
        prepare,
        tolerance=1e-3,
        flops=6.0 * steps * batch * products,
        bytes=FLOAT * parameters * (2 + TRAFFIC["adam"]),
        calls=CALLS,
    )
