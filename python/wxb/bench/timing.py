"""Time calls that take turns, after checking that they compute the same."""

from __future__ import annotations

import dataclasses
import itertools
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy

from . import peers

if TYPE_CHECKING:
    from .worker import Worker

__all__ = ["Call", "Contestants", "Error", "Row", "Turn", "Workload", "close_to", "measure", "microseconds", "timed"]

Call = Callable[[], Any]
Turn = Callable[[int], float]  # makes so many calls, returns the seconds of each
Contestants = Mapping[str, Callable[[], Call]]
Error = Callable[[Any], float]

ROUNDS = 21  # turns of each contestant; the best counts: what else runs on the machine only ever adds time
FEWEST = 3
TURN = 0.01  # seconds: shorter ones are at the mercy of a single interruption
REST = 0.03  # seconds between turns on several threads: workers of the last one may still spin for more work


@dataclasses.dataclass(frozen=True)
class Workload:
    """Something to time: the call of each contestant, and how to tell that its result is right.

    ``prepare`` makes the data and returns the contestants, and the error of a result, asked for after ``calls`` calls.
    A contestant is a library (``peers.LIBRARIES``), perhaps with a word after it as in ``"torch tuned"``, and what
    returns its call. ``flops`` and ``bytes`` are what a call has to do at least, ``per`` how many of the named
    thing it does.
    """

    name: str
    prepare: Callable[[], tuple[Contestants, Error]]
    tolerance: float = 2e-5
    flops: float = 0.0
    bytes: float = 0.0
    calls: int = 1
    per: int = 1


@dataclasses.dataclass
class Row:
    """One line of a result: the best ``us`` of each contestant, and what they say of wxb.

    ``ratio`` > 1: wxb is faster than the best peer. ``limit``: the microseconds that the machine's measured limits
    allow, ``share`` = limit / us["wxb"]. ``error``: the largest error of any contestant's result.
    """

    name: str
    threads: int
    us: dict[str, float]
    best_peer: str | None = None
    ratio: float | None = None
    target: float | None = None
    limit: float | None = None
    share: float | None = None
    error: float | None = None
    flops: float = 0.0
    bytes: float = 0.0


def close_to(*expected: Any, step: int = 1) -> Error:
    """Return the error of a result (an array or a list of them): the largest of max|result - expected| / max|expected|.

    With ``step``, ``expected`` holds every step-th row only.
    """

    def error(result: Any) -> float:
        given = result if isinstance(result, (list, tuple)) else [result]
        if len(given) != len(expected):
            return numpy.inf
        return float(numpy.max([_distance(numpy.asarray(g), e, step) for g, e in zip(given, expected)]))  # keeps NaN

    return error


def _distance(given: numpy.ndarray[Any, Any], expected: Any, step: int) -> float:
    if given.ndim:
        given = given[::step]
    if given.shape != numpy.shape(expected):
        return numpy.inf
    scale = float(numpy.max(numpy.abs(expected), initial=0)) or 1.0
    return float(numpy.max(numpy.abs(given.astype(numpy.float64) - expected), initial=0)) / scale


def measure(work: Workload, number: int, workers: Mapping[str, Worker], threads: int, seconds: float) -> Row:
    """Check every contestant whose library is here, then time them, for about ``seconds``.

    ``number``: of the workload, among those that the workers know. Raises ``ArithmeticError`` that names the contestant
    whose result is wrong. A peer that cannot do it is left out.
    """
    for worker in workers.values():
        worker.ask("drop")  # what the row before has left
    start = time.perf_counter()
    errors = _errors(work, number, workers)
    left = seconds - (time.perf_counter() - start)
    turns = {name: partial(workers[peers.library(name)].ask, "turn", name) for name in errors}
    us = microseconds(turns, max(left, seconds / 2), REST if threads > 1 else 0.0)
    us = {name: value / work.per for name, value in us.items()}
    row = Row(work.name, threads, us, error=max(errors.values()), flops=work.flops, bytes=work.bytes)
    return _compared(row, workers["wxb"].ask("least_microseconds", number))


def _errors(work: Workload, number: int, workers: Mapping[str, Worker]) -> dict[str, float]:
    """Return the error of every contestant that is to be timed."""
    names, answers = workers["wxb"].ask("prepare", number)
    for library in workers.keys() & set(map(peers.library, names)) - {"wxb"}:
        answers |= workers[library].ask("prepare", number)[1]
    errors = {}
    for name in filter(answers.__contains__, names):
        if isinstance(error := answers[name], str):
            print(f"{work.name}: {name} is left out, it raised {error}", file=sys.stderr)
        elif error <= work.tolerance:
            errors[name] = error
        else:
            raise ArithmeticError(
                f"{work.name}: the error of {name} is {error:.2g}, "
                f"at most {work.tolerance:.2g} is right; nothing was timed"
            )
    return errors


def _compared(row: Row, limit: float) -> Row:
    ours = row.us.get("wxb")
    rivals = {name: value for name, value in row.us.items() if peers.library(name) != "wxb"}
    if rivals:
        row.best_peer = min(rivals, key=rivals.__getitem__)
        row.ratio = rivals[row.best_peer] / ours if ours else None
    if limit:
        row.limit = limit
        row.share = limit / ours if ours else None
    return row


def microseconds(turns: Mapping[str, Turn], seconds: float, rest: float = 0.0) -> dict[str, float]:
    """Return the best time of each contestant over its turns, A B C A B C, for ``seconds`` or so in all."""
    once = {name: max(1e-8, min(turn(1) for _ in range(2))) for name, turn in turns.items()}
    least = sum(max(TURN, 2 * t) + rest for t in once.values())
    rounds = min(ROUNDS, max(FEWEST, int(seconds / max(least, TURN))))
    share = seconds / (rounds * max(1, len(turns))) - rest
    repeats = {name: max(1, round(0.8 * share / t)) for name, t in once.items()}  # a quarter more do not count
    times: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(rounds):
        for name, turn in turns.items():
            time.sleep(rest)
            times[name].append(turn(repeats[name]))
    return {name: min(values) * 1e6 for name, values in times.items()}


def timed(call: Call, repeats: int) -> float:
    """Return the seconds of a call, over as many, after one and a quarter as many that do not count.

    They wake threads, caches and the clock, which sinks while a process rests.
    """
    for _ in range(1 + repeats // 4):
        call()
    start = time.perf_counter()
    for _ in itertools.repeat(None, repeats):
        call()
    return (time.perf_counter() - start) / repeats
