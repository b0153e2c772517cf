"""A batch of binary trees through a Tree-LSTM: level by level, and node by node as it is written down."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy

from ..data import TreeBatch, balanced_tree
from ..data.trees import Tree
from .kernels import FLOAT, Array, normal, same
from .timing import Workload

__all__ = ["tree_lstm"]


def tree_lstm(trees: int, words: int, hidden: int, by: str) -> Workload:
    """States of all nodes of a batch, and the gradients of x (words, 5 hidden) and weight (5 hidden, 2 hidden).

    ``by``: what the peers, and wxb beside itself, compute at once: ``"node"``, or ``"level"``, all nodes of a height.
    """
    batch = TreeBatch([_tree(words, seed) for seed in range(trees)])
    children, leaves, nodes = batch.children, batch.leaves, len(batch.rows)
    children = children[:nodes]

    def arrays() -> list[Array]:
        weight = normal(5 * hidden, 2 * hidden, seed=1) / numpy.float32(hidden**0.5)
        return [normal(leaves, 5 * hidden), weight, normal(nodes, hidden, seed=2)]

    makes: dict[str, Any] = {
        "wxb": lambda wxb: lambda x, w: wxb.ops.tree_lstm(x, wxb.tensor(children), w),
        "numpy": lambda numpy: functools.partial(_in_numpy, children=children, leaves=leaves),
    }
    if by == "node":
        makes["wxb by node"] = lambda wxb: functools.partial(_nodes_in_wxb, wxb.ops, children=children)
        makes["torch"] = lambda torch: functools.partial(_nodes_in_torch, torch, children=children.tolist())
    else:
        levels = list(_levels(children, leaves))
        makes["torch"] = lambda torch: functools.partial(_levels_in_torch, torch, children=children, levels=levels)
    return same(
        f"tree_lstm forward+backward by {by} {trees}x{words} words, {hidden} wide",
        arrays,
        makes,
        backward=True,
        tolerance=1e-4,
        flops=60.0 * (nodes - leaves) * hidden * hidden,
        bytes=FLOAT * 30.0 * hidden * hidden,
    )


def _tree(words: int, seed: int) -> Tree:
    """Return a tree as unbalanced as parses are: two neighbours, drawn at random, become one until all are."""
    rng, waiting = numpy.random.default_rng(seed), list(range(words))
    children = balanced_tree(["word"] * words).children.copy()
    for node in range(words, 2 * words - 1):
        at = int(rng.integers(len(waiting) - 1))
        children[node] = waiting[at : at + 2]
        waiting[at : at + 2] = [node]
    return Tree(("word",) * words, numpy.zeros(2 * words - 1, numpy.int64), children)


def _levels(children: Array, leaves: int) -> Iterator[tuple[int, int]]:
    """Yield the rows of inner nodes of one height after the other."""
    begin = leaves
    while begin < len(children):
        known = children[begin:].max(1) < begin
        end = begin + (len(known) if known.all() else int(known.argmin()))
        yield begin, end
        begin = end


def _nodes_in_wxb(ops: Any, x: Any, weight: Any, children: Array) -> Any:
    leaves = x.shape[0]
    h: list[Any] = []
    c: list[Any] = []
    for node, (left, right) in enumerate(children.tolist()):
        if node < leaves:
            i, g, o, _, _ = ops.split(ops.getitem(x, slice(node, node + 1)), 5, 1)
            memory = ops.sigmoid(i) * ops.tanh(g)
        else:
            z = ops.linear(ops.concat([h[left], h[right]], 1), weight)
            i, g, o, f, f2 = ops.split(z, 5, 1)
            memory = ops.sigmoid(i) * ops.tanh(g) + ops.sigmoid(f) * c[left] + ops.sigmoid(f2) * c[right]
        c.append(memory)
        h.append(ops.sigmoid(o) * ops.tanh(memory))
    return ops.concat(h)


def _nodes_in_torch(torch: Any, x: Any, weight: Any, children: list[list[int]]) -> Any:
    h: list[Any] = []
    c: list[Any] = []
    for node, (left, right) in enumerate(children):
        if node < len(x):
            i, g, o, _, _ = x[node].chunk(5)
            memory = i.sigmoid() * g.tanh()
        else:
            i, g, o, f, f2 = (weight @ torch.cat([h[left], h[right]])).chunk(5)
            memory = i.sigmoid() * g.tanh() + f.sigmoid() * c[left] + f2.sigmoid() * c[right]
        c.append(memory)
        h.append(o.sigmoid() * memory.tanh())
    return torch.stack(h)


def _levels_in_torch(torch: Any, x: Any, weight: Any, children: Array, levels: list[tuple[int, int]]) -> Any:
    family = torch.tensor(children[len(x) :])
    i, g, o, _, _ = x.chunk(5, 1)
    c = i.sigmoid() * g.tanh()
    h = o.sigmoid() * c.tanh()
    for begin, end in levels:
        known = family[begin - len(x) : end - len(x)]
        i, g, o, f, f2 = (h[known].flatten(1) @ weight.T).chunk(5, 1)
        memory = i.sigmoid() * g.tanh() + f.sigmoid() * c[known[:, 0]] + f2.sigmoid() * c[known[:, 1]]
        h, c = torch.cat([h, o.sigmoid() * memory.tanh()]), torch.cat([c, memory])
    return h


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + numpy.exp(-x))


def _in_numpy(x: Array, weight: Array, dy: Array, children: Array, leaves: int) -> list[Array]:
    """Return the states and both gradients, level by level."""
    nodes, hidden = dy.shape
    levels = list(_levels(children, leaves))
    gates = numpy.zeros((nodes, 5, hidden), x.dtype)
    h, c = (numpy.zeros((nodes, hidden), x.dtype) for _ in range(2))
    gates[:leaves] = x.reshape(leaves, 5, hidden)

    def activate(begin: int, end: int) -> None:
        z = gates[begin:end]
        z[:, 1] = numpy.tanh(z[:, 1])
        z[:, [0, 2, 3, 4]] = _sigmoid(z[:, [0, 2, 3, 4]])
        c[begin:end] = z[:, 0] * z[:, 1]
        if begin >= leaves:
            c[begin:end] += (z[:, 3:] * c[children[begin:end]]).sum(1)
        h[begin:end] = z[:, 2] * numpy.tanh(c[begin:end])

    activate(0, leaves)
    for begin, end in levels:
        gates[begin:end] = (h[children[begin:end]].reshape(-1, 2 * hidden) @ weight.T).reshape(-1, 5, hidden)
        activate(begin, end)

    dh, dc, dz = dy.copy(), numpy.zeros_like(c), numpy.zeros_like(gates)
    for begin, end in [*levels[::-1], (0, leaves)]:
        i, g, o = (gates[begin:end, k] for k in range(3))
        t, d, part = numpy.tanh(c[begin:end]), dh[begin:end], dz[begin:end]
        dc[begin:end] += d * o * (1 - t * t)
        down = dc[begin:end]
        part[:, 0], part[:, 1], part[:, 2] = down * g * i * (1 - i), down * i * (1 - g * g), d * t * o * (1 - o)
        if begin >= leaves:
            family, f = children[begin:end], gates[begin:end, 3:]
            part[:, 3:] = down[:, None] * c[family] * f * (1 - f)
            dc[family] += down[:, None] * f  # no child has two parents
            dh[family] += (part.reshape(-1, 5 * hidden) @ weight).reshape(-1, 2, hidden)
    s = h[children[leaves:]].reshape(-1, 2 * hidden)
    return [h, dz[:leaves].reshape(leaves, -1), dz[leaves:].reshape(-1, 5 * hidden).T @ s]
