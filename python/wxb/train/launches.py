"""Launches: the kernel calls of a plan, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Launch", "Summary", "launches_of"]

_UPDATES = ("sgd", "adam", "rmsprop", "clip")


@dataclass(frozen=True)
class Launch:
    """One kernel call of a plan: bytes it touches, arithmetic operations (roughly), the least seconds measured.

    phase: "forward", "backward" (from the first gradient on) or "update". memory: (first byte, bytes, whether it is
    written) of what lies in the plan's own memory.
    """

    name: str
    phase: str
    bytes: int
    operations: float
    memory: tuple[tuple[int, int, bool], ...]
    seconds: float | None = None


def launches_of(recorded: Any, seconds: Sequence[float] | None) -> list[Launch]:
    """Return the launches of a kernel module's Plan; places in its memory count from the first it uses."""
    rows = recorded.launches()
    base = min((address for *_, operands in rows for address, _, _, own in operands if own), default=0)
    phases = _phases([name for name, *_ in rows])
    return [
        Launch(
            name,
            next(phases),
            sum(size for _, size, _, _ in operands),
            work,
            tuple([(address - base, size, written) for address, size, written, own in operands if own]),
            None if seconds is None else seconds[i],
        )
        for i, (name, work, operands) in enumerate(rows)
    ]


def _phases(names: Sequence[str]) -> Iterator[str]:
    phase = "forward"
    for name in names:
        if name in _UPDATES:
            phase = "update"
        elif name.endswith("_backward"):
            phase = "backward"
        elif phase == "update":
            phase = "forward"
        yield phase


class Summary:
    """What a step costs: printed as a table, in numbers as ``launches``, ``bytes``, ``operations``, ``memory``.

    bytes: what all launches together read and write; operations: their arithmetic, roughly; memory: bytes of the plan's
    own memory; seconds: of all launches, None unless they were timed. ``rows`` has each launch.
    """

    def __init__(self, rows: Sequence[Launch], memory: int) -> None:
        self.rows, self.memory = list(rows), memory
        self.launches = len(self.rows)
        self.bytes = sum(row.bytes for row in rows)
        self.operations = sum(row.operations for row in rows)
        times = [row.seconds for row in rows if row.seconds is not None]
        self.seconds = sum(times) if times else None

    def __repr__(self) -> str:
        timed = ("us", "share", "GFLOP/s") if self.seconds else ()
        return "\n".join(
            [
                f"{self.launches} launches, {_amount(self.memory)}B of memory",
                _line("kernel", "bytes", "operations", *timed),
                *(self._row(row.name, row.bytes, row.operations, row.seconds) for row in self.rows),
                self._row("all", self.bytes, self.operations, self.seconds),
            ]
        )

    def _row(self, name: str, size: int, operations: float, seconds: float | None) -> str:
        if seconds is None or not self.seconds:
            return _line(name, _amount(size), _amount(operations))
        rate = operations / max(seconds, 1e-9) / 1e9
        share = seconds / self.seconds
        return _line(name, _amount(size), _amount(operations), f"{seconds * 1e6:.2f}", f"{share:.0%}", f"{rate:.1f}")


def _line(name: str, *columns: str) -> str:
    return f"{name:<28}" + "".join(f"{column:>12}" for column in columns)


def _amount(value: float) -> str:
    """Return three digits and k, M, G or T; the space stays where there is no letter, so that columns align."""
    for unit in ("", "k", "M", "G"):
        if value < 999.5:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} T"
