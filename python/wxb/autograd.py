"""Reverse-mode gradients: Node, record, backward, no_grad."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from . import watch
from .device import Array, Device, cpu
from .tensor import Tensor, plain
from .watch import local as _local

__all__ = ["backward", "no_grad", "record", "record_each"]

_order = itertools.count()


class _Mode(threading.local):
    enabled = True


_mode = _Mode()


class no_grad:
    """Record nothing for backward within the block: ``with wxb.no_grad(): ...``."""

    def __enter__(self) -> None:
        self.before, _mode.enabled = _mode.enabled, False

    def __exit__(self, *_: object) -> None:
        _mode.enabled = self.before


class Node:
    """An op that ran: its backward, and where its input gradients go.

    ``edges`` has, for each input, the Node that made it, a leaf Tensor, or None. It never holds an input's array: what
    backward needs it has closed over, and the rest is free as soon as the forward pass drops it.
    """

    __slots__ = ("backward", "device", "dtype", "edges", "leaves", "order", "shape")

    def __init__(
        self, edges: list[Any], leaves: list[tuple[Tensor, int]], backward: Backward, data: Array, device: Device
    ) -> None:
        self.order, self.edges, self.leaves = next(_order), edges, leaves
        self.backward: Backward | None = backward
        self.shape, self.dtype, self.device = data.shape, data.dtype, device


class Grads:
    """What a backward asks for: ``grads()`` gives an array to write for each input, None where no gradient is wanted.

    ``wanted[i]`` says so beforehand. With one input ``grads()`` gives the array itself.
    """

    __slots__ = ("_edges", "given")

    def __init__(self, edges: list[Any]) -> None:
        self._edges = edges
        self.given: list[Array] = [None] * len(edges)

    @property
    def wanted(self) -> list[bool]:
        return [edge is not None for edge in self._edges]

    def __call__(self) -> Any:
        taken: list[int] = []
        for i, edge in enumerate(self._edges):
            if edge is None:
                continue
            # A leaf's first contribution goes straight to its buffer; a second one of this op must not overwrite it.
            if isinstance(edge, Tensor) and not edge._held and id(edge) not in taken:
                self.given[i] = edge.grad_buffer()
                edge.grad_written()
                taken.append(id(edge))
            else:
                self.given[i] = edge.device.empty(edge.shape, edge.dtype)
        return self.given if len(self.given) > 1 else self.given[0]

    def leaf(self, i: int) -> Tensor | None:
        """Return the leaf whose ``.grad`` input ``i``'s gradient goes to, None where it goes elsewhere.

        An op that knows better than ``grads()`` how to do that writes its buffer, and returns it, or, where the leaf
        holds a gradient already, adds to it and returns None.
        """
        edge = self._edges[i]
        return edge if isinstance(edge, Tensor) else None


Backward = Callable[[Array, Grads], Any]


def record(data: Array, inputs: Sequence[Tensor | None], backward: Any, *closed: Any) -> Tensor:
    """Wrap an op's result; remember ``backward(*closed, dy, grads)`` if a gradient may be asked for.

    ``backward`` returns, for each input, the array ``grads()`` gave, or one that nobody writes again (dy, a view); see
    also ``Grads.leaf``. What it needs it has closed over, or is given as ``closed``: that costs nothing where no
    gradient is asked for.
    """
    out = Tensor(data)
    noting = _local.recorder
    wanted = False
    for t in inputs:
        if t is not None:
            device = t.device
            wanted = wanted or t._requires_grad
    if device is not cpu:
        out.device = device
    if (wanted or noting) and _mode.enabled:
        _remember(out, inputs, partial(backward, *closed) if closed else backward, wanted, noting)
    return out


def _remember(out: Tensor, inputs: Sequence[Tensor | None], backward: Backward, wanted: bool, noting: Any) -> None:
    edges: list[Any] = []
    leaves: list[tuple[Tensor, int]] = []
    for t in inputs:
        edge: Any = None
        if t is not None:
            edge = t.node
            if edge is None:
                if noting is not None:
                    noting.note(t)
                leaves.append((t, t.version))
                if t._requires_grad:
                    edge = t
        edges.append(edge)
    if wanted:
        out.node = Node(edges, leaves, backward, out.data, out.device)
        out._requires_grad = True


def record_each(results: Sequence[Array], inputs: Sequence[Tensor | None], backward: Backward) -> tuple[Tensor, ...]:
    """Wrap the results of an op that has several, as ``record`` does the one.

    ``backward(dys, grads)`` gets their gradients, None for a result that the loss does not depend on.
    """
    dys: list[Array] = [None] * len(results)
    joint = record(results[0], inputs, lambda _, grads: backward(dys, grads))

    def part(i: int) -> Backward:
        def keep(dy: Array, grads: Grads) -> None:
            dys[i] = dy

        return keep

    if joint.node is not None:
        return tuple([record(result, (joint,), part(i)) for i, result in enumerate(results)])
    return tuple([plain(result, joint.device) for result in results])


def backward(loss: Tensor, only: Iterable[Tensor] | None = None) -> None:
    """Add d loss / d leaf to the ``.grad`` of every leaf that requires one, or of those in ``only``.

    Gradients are of first order. The graph behind ``loss`` serves once: walking frees it; with ``only``, the part that
    does not lead to these leaves stays.
    """
    if loss.node is None:
        raise ValueError("backward: this Tensor was not computed from anything that requires a gradient")
    if loss.data.size != 1:
        raise ValueError(f"backward: the loss has shape {loss.shape}, it must have one element; take its mean()")
    nodes = _reachable(loss.node)
    wanted = None if only is None else _leading_to(nodes, set(only))
    if wanted is not None and loss.node not in wanted:
        raise ValueError("backward: the loss does not depend on these parameters")
    one = loss.device.constant(1, loss.dtype).reshape(loss.shape)
    pending: dict[Node, tuple[Array, bool]] = {loss.node: (one, False)}
    for node in reversed(nodes):
        if wanted is None or node in wanted:
            _run(node, pending, wanted)


def _leading_to(nodes: list[Node], wanted: set[Any]) -> set[Any]:
    """Add to ``wanted``, some leaves, the nodes whose gradient theirs are made of."""
    for node in nodes:  # in the order they ran, so inputs come first
        if any(edge in wanted for edge in node.edges if edge is not None):
            wanted.add(node)
    return wanted


def _run(node: Node, pending: dict[Node, tuple[Array, bool]], wanted: set[Any] | None) -> None:
    """Run one backward, hand its results on, and free what it had closed over."""
    for t, version in node.leaves:
        if t.version != version:
            raise RuntimeError(
                f"backward: Tensor {t.name or 'of shape ' + str(t.shape)} was changed after the forward pass that used "
                "it; compute the loss again"
            )
    edges = node.edges if wanted is None else [edge if edge in wanted else None for edge in node.edges]
    grads = Grads(edges)
    run, node.backward, node.edges, node.leaves = node.backward, None, [], []
    dy, _ = pending.pop(node, (None, False))  # None: that of several results, whose backward has kept theirs
    assert run is not None
    results = run(dy, grads)
    del run, dy
    if len(edges) == 1:
        results = (results,)
    for edge, array, own in zip(edges, results, grads.given):
        if edge is None or array is None:
            continue
        if isinstance(edge, Node):
            before = pending.get(edge)
            pending[edge] = (array, array is own) if before is None else _sum(node.device, before, array)
        else:
            _into_grad(edge, array)


def _sum(device: Device, before: tuple[Array, bool], array: Array) -> tuple[Array, bool]:
    """Add a contribution to an inner gradient, in place only in an array that grads() made."""
    total, ours = before
    target = total if ours else device.empty(total.shape, total.dtype)
    device.kernels.binary_forward(device.kernels.Binary.add, total, array, target)
    return target, True


def _into_grad(leaf: Tensor, array: Array) -> None:
    """Write or add a contribution to a leaf's ``.grad``."""
    if watch.local.recorder is not None:
        watch.local.recorder.note_held(leaf)
    if array is None:  # the op has added it
        return
    buffer = leaf.grad_buffer()
    if leaf._held:
        leaf.grad_written()
        leaf.device.kernels.binary_forward(leaf.device.kernels.Binary.add, buffer, array, buffer)
        return
    if array is not buffer:
        leaf.grad_written()
        leaf.device.kernels.cast(array, buffer)
    leaf.held = True


def _reachable(last: Node) -> list[Node]:
    """Return the nodes behind ``last``, in the order they ran."""
    found, stack = {last}, [last]
    while stack:
        node = stack.pop()
        if node.backward is None:
            raise RuntimeError("backward: part of this graph was already used by an earlier backward; compute it again")
        for edge in node.edges:
            if isinstance(edge, Node) and edge not in found:
                found.add(edge)
                stack.append(edge)
    return sorted(found, key=lambda node: node.order)
