"""Time calls that take turns, after checking that they compute the same."""

from __future__ import annotations

import dataclasses
import itertools
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy

from . import peers
from .limits import Limits

__all__ = ["Call", "Contestants", "Error", "Row", "Workload", "close_to", "measure", "microseconds"]

Call = Callable[[], Any]
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


def measure(work: Workload, threads: int, seconds: float, limits: Limits) -> Row:
    """Check every contestant whose library is here, then time them, for about ``seconds``.

    Raises ``ArithmeticError`` that names the contestant whose result is wrong. A peer that cannot do it is left out.
    """
    start = time.perf_counter()
    contestants, error_of = work.prepare()
    calls, worst = {}, 0.0
    for name, make in contestants.items():
        if not peers.chosen(name):
            continue
        try:
            call = make()
            worst = max(worst, _checked(work, name, call, error_of))
            calls[name] = call
        except ArithmeticError:
            raise
        except Exception as failure:  # of whatever kind that library raises
            if peers.library(name) == "wxb":
                raise
            print(f"{work.name}: {name} is left out, it raised {type(failure).__name__}: {failure}", file=sys.stderr)
    left = seconds - (time.perf_counter() - start)
    us = microseconds(calls, max(left, seconds / 2), REST if threads > 1 else 0.0)
    us = {name: value / work.per for name, value in us.items()}
    row = Row(work.name, threads, us, error=worst, flops=work.flops, bytes=work.bytes)
    return _compared(row, limits.least_microseconds(work.flops, work.bytes))


def _checked(work: Workload, name: str, call: Call, error_of: Error) -> float:
    for _ in range(work.calls):
        result = call()
    error = error_of(result)
    if not error <= work.tolerance:
        raise ArithmeticError(
            f"{work.name}: the error of {name} is {error:.2g}, at most {work.tolerance:.2g} is right; nothing was timed"
        )
    return error


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


def microseconds(calls: Mapping[str, Call], seconds: float, rest: float = 0.0) -> dict[str, float]:
    """Return the best time of each call over its turns; they take turns, A B C A B C, for ``seconds`` or so in all."""
    once = {name: _once(call) for name, call in calls.items()}
    least = sum(max(TURN, 2 * t) + rest for t in once.values())
    rounds = min(ROUNDS, max(FEWEST, int(seconds / max(least, TURN))))
    turn = seconds / (rounds * max(1, len(calls))) - rest
    repeats = {name: max(1, round(turn / t)) for name, t in once.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            time.sleep(rest)
            call()  # its data come back into the cache, its threads awake
            times[name].append(_timed(call, repeats[name]))
    return {name: min(values) * 1e6 for name, values in times.items()}


def _once(call: Call) -> float:
    return max(1e-8, min(_timed(call, 1) for _ in range(3)))


def _timed(call: Call, repeats: int) -> float:
    start = time.perf_counter()
    for _ in itertools.repeat(None, repeats):
        call()
    return (time.perf_counter() - start) / repeats
