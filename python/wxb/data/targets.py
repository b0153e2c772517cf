"""The column a network learns to predict: class labels, or a quantity."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .columns import as_numbers, as_texts, is_numeric

if TYPE_CHECKING:
    import pandas as pd

# Whole numbers are taken for classes up to this many different ones, if each has five rows on average.
MOST_CLASSES = 20


@dataclass(frozen=True)
class Classes:
    """A target of class labels: value ``values[k]`` is class k."""

    task: ClassVar[str] = "classification"
    name: str
    values: tuple[str | int | bool, ...]

    @classmethod
    def fit(cls, column: pd.Series, name: str) -> Classes:
        """Find the classes of a column without gaps.  Raises ValueError for one class, or nearly one per row."""
        from pandas.api import types

        texts = sorted({text for text in as_texts(column) if text is not None})
        if len(texts) < 2:
            raise ValueError(f"target {name!r}: every value is {texts[0]!r}, wanted at least two classes")
        if len(texts) > max(MOST_CLASSES, len(column) // 2):
            raise ValueError(f"target {name!r}: {len(texts)} values in {len(column)} rows are too many classes")
        if types.is_bool_dtype(column.dtype):
            return cls(name, (False, True))
        if is_numeric(column) and all(text.lstrip("-").isdecimal() for text in texts):
            return cls(name, tuple(sorted(int(text) for text in texts)))
        return cls(name, tuple(texts))

    def encode(self, column: pd.Series) -> NDArray[np.int64]:
        """Return class numbers (N,)."""
        numbers = {str(value): k for k, value in enumerate(self.values)}
        texts = as_texts(column)
        unknown = sorted({text for text in texts if text is not None and text not in numbers})
        if unknown:
            raise ValueError(f"target {self.name!r}: holds {unknown[0]!r}, wanted one of {', '.join(numbers)}")
        return np.array([numbers[text] for text in texts if text is not None], dtype=np.int64)

    def decode(self, labels: ArrayLike) -> NDArray[Any]:
        """Return the values of class numbers (N,)."""
        numbers = np.asarray(labels)
        if numbers.ndim != 1 or not np.issubdtype(numbers.dtype, np.integer):
            raise TypeError(f"target {self.name!r}: labels are {numbers.dtype} {numbers.shape}, wanted integers (N,)")
        if numbers.size and (numbers.min() < 0 or numbers.max() >= len(self.values)):
            worst = numbers.min() if numbers.min() < 0 else numbers.max()
            raise IndexError(f"target {self.name!r}: label {worst} given, wanted 0 to {len(self.values) - 1}")
        values: NDArray[Any] = np.array(self.values)[numbers]
        return values


@dataclass(frozen=True)
class Quantity:
    """A target to regress on, standardised: ``(v - mean) / std``."""

    task: ClassVar[str] = "regression"
    name: str
    mean: float
    std: float

    @classmethod
    def fit(cls, column: pd.Series, name: str) -> Quantity:
        """Take mean and standard deviation of a column of numbers.  Raises ValueError where it does not vary."""
        values = _finite(column, name)
        with np.errstate(over="ignore", invalid="ignore"):
            mean, std = float(values.mean()), float(values.std())
        if values.min() == values.max() or std == 0 or not np.isfinite(std):
            raise ValueError(
                f"target {name!r}: values from {values.min():g} to {values.max():g} cannot be standardised"
            )
        return cls(name, mean, std)

    def encode(self, column: pd.Series) -> NDArray[np.float32]:
        """Return standardised values (N, 1), the shape of a network's output."""
        with np.errstate(over="ignore"):
            encoded = ((_finite(column, self.name) - self.mean) / self.std).astype(np.float32)
        if not np.isfinite(encoded).all():
            raise ValueError(f"target {self.name!r}: a value is too far from the training rows for float32")
        return encoded[:, None]

    def decode(self, outputs: ArrayLike) -> NDArray[np.float64]:
        """Return values (N,) in the target's own unit from outputs (N, 1) or (N,)."""
        values = np.asarray(outputs, dtype=np.float64)
        if values.ndim not in (1, 2) or values.shape[1:] not in ((), (1,)):
            raise ValueError(f"target {self.name!r}: outputs have shape {values.shape}, wanted (N, 1) or (N,)")
        return values.reshape(len(values)) * self.std + self.mean


Target = Classes | Quantity
TASKS: dict[str, type[Target]] = {"classification": Classes, "regression": Quantity}


def find_task(column: pd.Series) -> str:
    """Return 'classification' for texts, truth values and few different whole numbers, else 'regression'."""
    if not is_numeric(column):
        return "classification"
    numbers, _ = as_numbers(column)
    present = numbers[~np.isnan(numbers)]
    different = len(np.unique(present))
    few = different <= 2 or different <= min(MOST_CLASSES, present.size // 5)
    return "classification" if few and np.all(present == np.round(present)) else "regression"


def target_to_dict(target: Target) -> dict[str, Any]:
    """Return the target as a dict of plain values."""
    return {"task": target.task, **asdict(target)}


def target_from_dict(stored: dict[str, Any]) -> Target:
    """Return the target that `target_to_dict` described."""
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()}
    return TASKS[fields.pop("task")](**fields)


def _finite(column: pd.Series, name: str) -> NDArray[np.float64]:
    values, odd = as_numbers(column)
    if odd:
        raise ValueError(f"target {name!r}: holds {min(odd)!r}, wanted numbers")
    if np.isnan(values).any():
        raise ValueError(f"target {name!r}: {np.isnan(values).sum()} values are infinite or missing, wanted none")
    return values
