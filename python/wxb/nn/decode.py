"""Search for likely sequences: what a decoder says, one token after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from .. import ops
from ..autograd import no_grad
from ..tensor import Tensor, tensor

__all__ = ["Hypothesis", "beam_search", "greedy_search"]

Array = numpy.ndarray[Any, Any]

Step = Callable[[Tensor, Any], tuple[Tensor, Any]]

Hypothesis = tuple[list[int], float]  # a sequence without start and end, and its score


def _check(name: str, **counts: int) -> None:
    for what, value in counts.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name}: {what} is {value!r}, it must be an integer from 1 on")


def greedy_search(step: Step, batch: int, start: int, end: int, max_length: int) -> list[list[int]]:
    """Take the likeliest token each time, until ``end`` or ``max_length`` tokens -> a sequence for each of ``batch``.

    ``step(tokens, state) -> logits, state``: tokens (rows,) int64, logits (rows, classes), state None at first, then
    what the step returned.
    """
    _check("greedy_search", batch=batch, max_length=max_length)
    tokens, state = numpy.full(batch, start), None
    taken: list[Array] = []
    ended = numpy.zeros(batch, bool)
    with no_grad():
        while len(taken) < max_length and not ended.all():
            logits, state = step(tensor(tokens), state)
            tokens = ops.argmax(logits, 1).numpy()
            ended |= tokens == end
            taken.append(tokens)
    return [_until(end, [int(t[row]) for t in taken]) for row in range(batch)]


def _until(end: int, tokens: list[int]) -> list[int]:
    return tokens[: tokens.index(end)] if end in tokens else tokens


def beam_search(
    step: Step,
    batch: int,
    start: int,
    end: int,
    max_length: int,
    beam_size: int = 5,
    length_penalty: float = 1.0,
    n_best: int = 1,
) -> list[list[Hypothesis]]:
    """Keep the ``beam_size`` likeliest beginnings each time -> for each of ``batch`` its ``n_best``, the best first.

    ``step`` is called as by ``greedy_search`` with ``batch beam_size`` rows, those of one sequence side by side; its
    state is a nest of tuples, lists and dicts of Tensors (rows, ...), whose rows are exchanged. A score is the sum of
    the log probabilities divided by ``((5 + length) / 6) ** length_penalty`` (Wu et al. 2016, arXiv:1609.08144), the
    end counted. What has not ended after ``max_length`` tokens is taken where too little has.
    """
    _check("beam_search", batch=batch, max_length=max_length, beam_size=beam_size, n_best=n_best)
    if n_best > beam_size:
        raise ValueError(f"beam_search: n_best is {n_best}, it must not be above beam_size {beam_size}")
    beams = [_Beam(beam_size, length_penalty) for _ in range(batch)]
    tokens, state = numpy.full(batch * beam_size, start), None
    scores = numpy.full((batch, beam_size), -numpy.inf)
    scores[:, 0] = 0  # at first all are alike: one will do
    with no_grad():
        for _ in range(max_length):
            logits, state = step(tensor(tokens), state)
            gains = ops.log_softmax(logits).numpy().reshape(batch, beam_size, -1)
            origins, chosen, totals = _best(scores[:, :, None] + gains, 2 * beam_size)
            kept = numpy.stack([b.extend(*of, end) for b, of in zip(beams, zip(origins, chosen, totals))])
            tokens, rows = _picked(chosen, kept).reshape(-1), _picked(origins, kept)
            scores = _picked(totals, kept)
            if all(beam.done for beam in beams):
                break
            state = _reordered(state, (rows + beam_size * numpy.arange(batch)[:, None]).reshape(-1))
    return [beam.best(n_best, scores[i]) for i, beam in enumerate(beams)]


def _best(totals: Array, count: int) -> tuple[Array, Array, Array]:
    """Return of each batch the beams, the tokens and the scores of the ``count`` best extensions, best first."""
    batch, _, classes = totals.shape
    flat = totals.reshape(batch, -1)
    if flat.shape[1] < count:
        raise ValueError(f"beam_search: logits have {classes} classes, there must be at least 2")
    at = numpy.argpartition(-flat, count - 1)[:, :count]
    at = _picked(at, numpy.argsort(-_picked(flat, at), kind="stable"))
    return at // classes, at % classes, _picked(flat, at)


def _picked(x: Array, columns: Array) -> Array:
    return numpy.take_along_axis(x, columns, 1)


def _reordered(state: Any, rows: Array) -> Any:
    if isinstance(state, Tensor):
        return ops.take(state, rows)
    if isinstance(state, dict):
        return {name: _reordered(part, rows) for name, part in state.items()}
    if isinstance(state, (list, tuple)):
        return type(state)(_reordered(part, rows) for part in state)
    return state


class _Beam:
    """The beginnings of one sequence, and what has ended."""

    def __init__(self, size: int, penalty: float) -> None:
        self.size, self.penalty = size, penalty
        self.alive: list[list[int]] = [[] for _ in range(size)]
        self.ended: list[Hypothesis] = []

    @property
    def done(self) -> bool:
        return len(self.ended) >= self.size

    def extend(self, origins: Array, tokens: Array, totals: Array, end: int) -> Array:
        """Go on with the best extensions that do not end, and return their places; those that end are kept apart."""
        kept = [i for i, token in enumerate(tokens) if token != end][: self.size]
        if not self.done:
            for i in numpy.flatnonzero((tokens == end)[: self.size] & (totals > -numpy.inf)[: self.size]):
                sequence = self.alive[origins[i]]
                self.ended.append((sequence, self._score(totals[i], len(sequence) + 1)))
        self.alive = [[*self.alive[origins[i]], int(tokens[i])] for i in kept]
        return numpy.asarray(kept)

    def best(self, count: int, totals: Array) -> list[Hypothesis]:
        unfinished = [(tokens, self._score(total, len(tokens))) for tokens, total in zip(self.alive, totals)]
        first, second = (sorted(part, key=lambda h: -h[1]) for part in (self.ended, unfinished))
        return [*first, *second][:count]

    def _score(self, total: float, length: int) -> float:
        return float(total / ((5 + length) / 6) ** self.penalty)
