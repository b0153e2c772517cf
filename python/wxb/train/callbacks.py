"""Callbacks: what happens between the epochs and batches of ``Trainer.fit``."""

from __future__ import annotations

import csv
import math
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .metrics import grows

if TYPE_CHECKING:
    from .trainer import Trainer

__all__ = ["AverageWeights", "CSVLog", "Callback", "Checkpoint", "EarlyStopping", "LRSchedule", "Lookahead"]


class Callback:
    """Something that ``fit`` calls; every method does nothing unless it is defined."""

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Run before the first epoch."""

    def on_batch_end(self, trainer: Trainer) -> None:
        """Run after every update."""

    def on_epoch_end(self, trainer: Trainer, figures: dict[str, float]) -> None:
        """Run after every epoch; ``figures`` holds its loss, metrics, lr. Set ``trainer.stop`` to end the training."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """Run after the last epoch, also when the training was interrupted."""


class _Best:
    """Remembers the best value of a figure: the smallest, or the largest of one that measures how right things are."""

    def __init__(self, monitor: str, mode: str) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"callback: mode is {mode!r}, it must be 'auto', 'min' or 'max'")
        self.monitor = monitor
        self.sign = -1.0 if mode == "max" or (mode == "auto" and grows(monitor)) else 1.0
        self.value = math.inf

    def improved(self, figures: dict[str, float], by: float = 0.0) -> bool:
        if self.monitor not in figures:
            raise ValueError(
                f"callback: it monitors {self.monitor!r}, the epoch has {', '.join(sorted(figures))}; "
                "pass validation= to fit, or monitor="
            )
        value = self.sign * figures[self.monitor]
        if value < self.value - by:
            self.value = value
            return True
        return False


class EarlyStopping(Callback):
    """Stop when ``monitor`` has not improved by more than ``min_delta`` for ``patience`` epochs.

    ``restore_best`` puts the weights of the best epoch back at the end.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 10,
        min_delta: float = 0.0,
        mode: str = "auto",
        restore_best: bool = True,
    ) -> None:
        if patience < 1:
            raise ValueError(f"early stopping: patience is {patience}, it must be at least 1")
        self.monitor, self.mode, self.patience, self.min_delta = monitor, mode, patience, min_delta
        self.restore_best = restore_best
        self.best_epoch = 0

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Forget an earlier training."""
        self._best, self._waited = _Best(self.monitor, self.mode), 0
        self._state: dict[str, Any] = {}

    def on_epoch_end(self, trainer: Trainer, figures: dict[str, float]) -> None:
        """Compare the epoch with the best one."""
        if self._best.improved(figures, self.min_delta):
            self._waited, self.best_epoch, self._best_row = 0, trainer.epoch, trainer.history.epochs
            if self.restore_best:
                self._state = trainer.model.state_dict()
            return
        self._waited += 1
        if self._waited >= self.patience:
            trainer.stop = True

    def on_fit_end(self, trainer: Trainer) -> None:
        """Put the best weights back."""
        if self._state:
            trainer.model.load_state_dict(self._state)
            trainer.history.kept = self._best_row


class Checkpoint(Callback):
    """Save ``last.safetensors`` after every epoch and ``best.safetensors`` when ``monitor`` improves, in ``folder``.

    A file holds weights, optimizer and random state (``Trainer.save``), so that ``Trainer.load`` resumes bit by bit. It
    is written whole or not at all.
    """

    def __init__(self, folder: str | os.PathLike[str], monitor: str = "val_loss", mode: str = "auto") -> None:
        self.folder, self._best = Path(folder), _Best(monitor, mode)

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Make the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def on_epoch_end(self, trainer: Trainer, figures: dict[str, float]) -> None:
        """Save."""
        if self._best.improved(figures):
            trainer.save(self.folder / "best.safetensors")
        trainer.save(self.folder / "last.safetensors")


class Schedule(Protocol):
    """A learning-rate schedule of ``wxb.optim``."""

    def step(self) -> None: ...


class LRSchedule(Callback):
    """Advance a schedule of ``wxb.optim`` after every ``"batch"`` or every ``"epoch"``."""

    def __init__(self, schedule: Schedule, every: str = "batch") -> None:
        if every not in ("batch", "epoch"):
            raise ValueError(f"lr schedule: every is {every!r}, it must be 'batch' or 'epoch'")
        self.schedule, self.every = schedule, every

    def on_batch_end(self, trainer: Trainer) -> None:
        """Advance after an update."""
        if self.every == "batch":
            self.schedule.step()

    def on_epoch_end(self, trainer: Trainer, figures: dict[str, float]) -> None:
        """Advance after an epoch."""
        if self.every == "epoch":
            self.schedule.step()


class Lookahead(Callback):
    """Keep slow weights beside those that train: every ``every`` updates they go ``share`` of the way, and training
    goes on from there; at the end they stay (Zhang, Lucas, Hinton, Ba 2019, arXiv:1907.08610).

    ``share`` is a number in [0, 1], or a function that gives one for the number of updates done. Running statistics
    of normalisation layers are averaged with the weights.
    """

    def __init__(self, every: int = 5, share: float | Callable[[int], float] = 0.5) -> None:
        if every < 1:
            raise ValueError(f"lookahead: every is {every}, it must be at least 1")
        if not callable(share) and not 0 <= share <= 1:
            raise ValueError(f"lookahead: share is {share}, it must be from 0 to 1")
        self.every, self.share = every, share

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Begin where the weights are."""
        self._slow = {name: array for name, array in trainer.model.state_dict().items() if array.dtype.kind == "f"}

    def on_batch_end(self, trainer: Trainer) -> None:
        """Move the slow weights every so many updates, and train on from them."""
        if trainer.steps % self.every:
            return
        share = self.share(trainer.steps) if callable(self.share) else self.share
        now = trainer.model.state_dict()
        for name, slow in self._slow.items():
            slow += slow.dtype.type(share) * (now[name] - slow)
        trainer.model.load_state_dict(self._slow, strict=False)

    def on_fit_end(self, trainer: Trainer) -> None:
        """Leave the slow weights in the model."""
        trainer.model.load_state_dict(self._slow, strict=False)


class AverageWeights(Callback):
    """Leave the mean of the weights after each of the last ``epochs`` epochs in the model when the training ends.

    As checkpoints are averaged in Vaswani et al. 2017, arXiv:1706.03762.
    """

    def __init__(self, epochs: int = 5) -> None:
        if epochs < 1:
            raise ValueError(f"average weights: epochs is {epochs}, it must be at least 1")
        self._states: deque[dict[str, Any]] = deque(maxlen=epochs)

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Forget an earlier training."""
        self._states.clear()

    def on_epoch_end(self, trainer: Trainer, figures: dict[str, float]) -> None:
        """Keep the weights."""
        self._states.append(trainer.model.state_dict())

    def on_fit_end(self, trainer: Trainer) -> None:
        """Put the means into the model; what is no float stays as it is."""
        if not self._states:
            return
        last = self._states[-1]
        floats = [name for name, array in last.items() if array.dtype.kind == "f"]
        means = {name: sum(state[name] for state in self._states) / len(self._states) for name in floats}
        trainer.model.load_state_dict(means, strict=False)


class CSVLog(Callback):
    """Append a line per epoch to a CSV file as the training goes on; the file begins anew with every ``fit``."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Begin the file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("", encoding="utf-8")
        self._names: list[str] = []

    def on_epoch_end(self, trainer: Trainer, figures: dict[str, float]) -> None:
        """Write the line, and the header before the first."""
        with self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if not self._names:
                self._names = sorted(figures)
                writer.writerow(["epoch", *self._names])
            writer.writerow([trainer.epoch, *(figures.get(name, math.nan) for name in self._names)])
