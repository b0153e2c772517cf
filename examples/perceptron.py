"""One neuron, taught in two ways: Rosenblatt's rule (1958) beside gradient descent.

A neuron is f(w x + b). Both teachers see the same tumours, two measurements each, malignant or benign. Rosenblatt's f
is a step: he adds a sample that the neuron gets wrong to w, and rests when none is left, which here is never, because
no line separates the two kinds. Gradient descent takes the smooth f = sigmoid and goes downhill on the cross-entropy of
all samples; it settles. The picture shows both lines, and the mistakes of every epoch.

Run it: python examples/perceptron.py [picture.png]
"""

from __future__ import annotations

import sys

import numpy
import wxb
from matplotlib.figure import Figure
from wxb import nn, ops, optim

EPOCHS = 60


def tumours() -> tuple[numpy.ndarray, numpy.ndarray]:
    """Return two standardised measurements (N, 2) and the kind (N,), 1 for malignant."""
    table = wxb.data.load_breast_cancer()
    columns = [table.feature_names.index(name) for name in ("worst radius", "worst concave points")]
    x = table.x[:, columns]
    return (x - x.mean(0)) / x.std(0), 1 - table.y


def rosenblatt(x: numpy.ndarray, y: numpy.ndarray) -> tuple[numpy.ndarray, list[int]]:
    """Teach by w += (y - step(w x)) x, sample after sample; return w and the mistakes per epoch."""
    samples = numpy.column_stack([x, numpy.ones(len(x))])  # the last weight is b
    w, mistakes, order = numpy.zeros(3), [], numpy.random.default_rng(0)
    for _ in range(EPOCHS):
        for i in order.permutation(len(samples)):
            w += (y[i] - (samples[i] @ w > 0)) * samples[i]
        mistakes.append(int(((samples @ w > 0) != y).sum()))
    return w, mistakes


def gradient_descent(x: numpy.ndarray, y: numpy.ndarray) -> tuple[numpy.ndarray, list[int]]:
    """Teach by the slope of the loss; return w and the mistakes per epoch."""
    wxb.seed(0)
    neuron = nn.Linear(2, 1)
    optimizer = optim.SGD(neuron.parameters(), lr=1.0)
    inputs, targets = wxb.tensor(x), wxb.tensor(y.reshape(-1, 1), wxb.float32)
    mistakes = []
    for _ in range(EPOCHS):
        z = neuron(inputs)
        optimizer.step(ops.bce_with_logits(z, targets))
        mistakes.append(int(((z.numpy()[:, 0] > 0) != y).sum()))
    return numpy.append(neuron.weight.numpy(), neuron.bias.numpy()), mistakes


def draw(x: numpy.ndarray, y: numpy.ndarray, taught: dict[str, tuple[numpy.ndarray, list[int]]], path: str) -> None:
    """Draw the samples with each teacher's line, and the mistakes over the epochs."""
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    plane, curve = figure.subplots(1, 2)
    for kind, colour, name in ((0, "#3b82f6", "benign"), (1, "#ef4444", "malignant")):
        plane.scatter(*x[y == kind].T, s=14, alpha=0.5, color=colour, label=name, linewidths=0)
    ends = numpy.array([x[:, 0].min(), x[:, 0].max()])
    for (name, (w, mistakes)), style in zip(taught.items(), ("--", "-")):
        plane.plot(ends, -(w[0] * ends + w[2]) / w[1], style, color="#111827", label=name)
        curve.plot(range(1, EPOCHS + 1), mistakes, style, color="#111827", label=f"{name}: {mistakes[-1]} at the end")
    plane.set(xlabel="worst radius", ylabel="worst concave points", ylim=(x[:, 1].min() - 0.3, x[:, 1].max() + 0.3))
    curve.set(xlabel="epoch", ylabel=f"mistakes of {len(x)}", ylim=(0, None))
    for axes in (plane, curve):
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=144)


def main() -> None:
    """Teach both ways, print the mistakes, draw."""
    x, y = tumours()
    taught = {"Rosenblatt's rule": rosenblatt(x, y), "gradient descent": gradient_descent(x, y)}
    for name, (w, mistakes) in taught.items():
        print(f"{name}: w = {w[:2].round(2)}, b = {w[2]:.2f}, {mistakes[-1]} mistakes of {len(x)}")
    path = sys.argv[1] if len(sys.argv) > 1 else "perceptron.png"
    draw(x, y, taught, path)
    print(f"picture: {path}")


if __name__ == "__main__":
    main()
