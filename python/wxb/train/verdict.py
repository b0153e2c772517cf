"""Over- and underfitting: what the losses of training and validation say, in a line, with a mend."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .history import History
from .metrics import grows

__all__ = ["Verdict", "judge"]

RISE = 0.05  # of the validation loss above its best: Prechelt's threshold
GAP = 0.1  # between training and validation, of a measure of which 1 is perfect
RATIO = 1.5  # of validation loss to training loss, where nothing but losses is measured
FALL = 0.05  # of both losses over the last fifth of the epochs
LITTLE = 0.1  # that the training loss fell in all

REGULARISE = "weight decay, dropout, augmentation, label smoothing or more data"
STRENGTHEN = "a larger network, a higher lr, less weight decay or dropout"


@dataclass(frozen=True)
class Verdict:
    """What became of a training: ``kind`` is "overfitting", "underfitting", "unstable" or "balanced"."""

    kind: str
    reason: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}" + (f"; {self.mend}" if self.mend else "")


def judge(history: History) -> Verdict | None:
    """Name over- or underfitting from a history with loss and val_loss; None where there are not two epochs of both.

    Losses are means over a tenth of the epochs, up to the epoch whose weights were kept. The training overfits if the
    validation loss ended more than 5 % above its best (Prechelt 1998, "Early stopping - but when?") while the training
    loss still fell; or if what is measured differs by more than 0.1 (accuracy, r2 and such, of which 1 is perfect) or,
    where nothing is, the validation loss is 1.5 times the training loss. It underfits if both losses still fell by 5 %
    over the last fifth of the epochs, or the training loss fell by less than a tenth in all. If both rose it is
    unstable.
    """
    pairs = _pairs(history, "loss")
    if len(pairs) < 2:
        return None
    train, val = (_smooth(column) for column in zip(*pairs))
    best = val.index(min(val))
    rise = _change(val[best], val[-1])
    if rise > RISE and train[-1] > train[best] + RISE * abs(train[best]):
        return Verdict("unstable", f"both losses rose after epoch {best + 1}", "use a smaller lr, or clip_norm")
    if rise > RISE:
        reason = f"validation loss ended {rise:.0%} above its best, {val[best]:.4g} in epoch {best + 1}"
        return Verdict("overfitting", reason, f"stop there (EarlyStopping), or use {REGULARISE}")
    if (gap := _gap(history, train[-1], val[-1])) is not None:
        return Verdict("overfitting", gap, f"use {REGULARISE}")
    last = max(1, len(pairs) // 5)
    falls = [-_change(losses[-1 - last], losses[-1]) for losses in (train, val)]
    if min(falls) > FALL and history.kept in (None, history.epochs):
        epochs = "epoch" if last == 1 else f"{last} epochs"
        reason = f"both losses still fell in the last {epochs}, by {falls[0]:.0%} and {falls[1]:.0%}"
        return Verdict("underfitting", reason, "train longer")
    if -_change(train[0], train[-1]) < LITTLE and _imperfect(history):
        reason = f"the training loss hardly fell, from {train[0]:.4g} to {train[-1]:.4g}"
        return Verdict("underfitting", reason, f"use {STRENGTHEN}")
    return Verdict("balanced", f"validation loss {val[-1]:.4g}, {val[-1] - train[-1]:+.2g} from training")


def _pairs(history: History, name: str) -> list[tuple[float, float]]:
    """Return a figure of training and of validation in every epoch that has both, up to the one that was kept."""
    if name not in history or f"val_{name}" not in history:
        return []
    rows = zip(history[name][: history.kept], history[f"val_{name}"][: history.kept])
    return [(t, v) for t, v in rows if math.isfinite(t) and math.isfinite(v)]


def _smooth(column: tuple[float, ...]) -> list[float]:
    """Return means over a tenth of the epochs: validation sets are small, and a single epoch's luck is no best."""
    window = max(1, len(column) // 10)
    return [sum(column[i : i + window]) / window for i in range(len(column) - window + 1)]


def _change(before: float, after: float) -> float:
    return (after - before) / max(abs(before), 1e-12)


def _ends(history: History) -> dict[str, tuple[float, float]]:
    """Return, of each measure of which 1 is perfect, its end in training and in validation."""
    names = [name for name in history if grows(name) and not name.startswith("val_")]
    return {name: pairs[-1] for name in names if (pairs := _pairs(history, name))}


def _gap(history: History, train: float, val: float) -> str | None:
    """Say which measure is that much better in training than in validation, or None."""
    ends = _ends(history)
    for name, (in_training, in_validation) in ends.items():
        if in_training > max(in_validation + GAP, 0.0):  # an r2 below 0 is no fit of which there could be too much
            return f"{name.replace('_', ' ')} is {in_training:.3g} in training, {in_validation:.3g} in validation"
    if not ends and val > RATIO * train > 0:
        return f"loss is {train:.4g} in training, {val:.4g} in validation"
    return None


def _imperfect(history: History) -> bool:
    ends = _ends(history)
    return not ends or min(in_training for in_training, _ in ends.values()) < 1 - GAP
