"""History: what every epoch measured."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

__all__ = ["History"]


class History(Mapping[str, list[float]]):
    """Columns of figures, one entry per epoch: ``history["val_loss"]``; an epoch that lacks one has NaN there.

    ``gap`` is val_loss less loss. ``kept``: after how many epochs the weights stood that the model has, if not all.
    """

    def __init__(self) -> None:
        self._columns: dict[str, list[float]] = {}
        self.epochs = 0
        self.kept: int | None = None

    @classmethod
    def mean(cls, histories: Sequence[History]) -> History:
        """Return the means of several trainings, epoch by epoch, as far as all of them go."""
        if len(histories) == 1:
            return histories[0]
        whole = cls()
        names = set(histories[0]).intersection(*histories)
        for epoch in range(min(history.epochs for history in histories)):
            sums = {name: sum(history[name][epoch] for history in histories) for name in names}
            whole.append({name: total / len(histories) for name, total in sums.items()})
        kept = [history.kept for history in histories if history.kept is not None]
        whole.kept = min(kept) if len(kept) == len(histories) else None
        return whole

    def append(self, figures: Mapping[str, float]) -> None:
        """Add an epoch, of which the model then has the weights."""
        self.kept = None
        for name in figures.keys() - self._columns.keys():
            self._columns[name] = [float("nan")] * self.epochs
        for name, column in self._columns.items():
            column.append(float(figures.get(name, float("nan"))))
        self.epochs += 1

    def note(self, **figures: float) -> None:
        """Add figures to the last epoch."""
        for name, value in figures.items():
            self._columns.setdefault(name, [float("nan")] * self.epochs)[-1] = float(value)

    def __getitem__(self, name: str) -> list[float]:
        if name not in self._columns:
            raise KeyError(f"history has no {name!r}, it has {', '.join(sorted(self._columns))}")
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._columns))

    def __len__(self) -> int:
        return len(self._columns)

    def __repr__(self) -> str:
        last = ", ".join(f"{name} {self[name][-1]:.4g}" for name in self) if self.epochs else "empty"
        return f"History({self.epochs} epochs; {last})"

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write one line per epoch, with a header."""
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["epoch", *self])
            writer.writerows([epoch + 1, *(self[name][epoch] for name in self)] for epoch in range(self.epochs))
