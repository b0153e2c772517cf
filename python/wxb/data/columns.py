"""The columns of a table as numbers a network can take: standardised numbers, one-hot categories, dates.

Each kind is fitted on training rows, says what it did in words, and is a plain record that JSON can hold.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Said = list[str]

DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d")  # ISO 8601 alone would take -3 for a year
DATE_FORMATS = ("ISO8601", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m/%d/%y", "%d.%m.%y")
DAY, WEEK, YEAR = 1.0, 7.0, 365.2425
MOST_CATEGORIES = 100
ROW_NUMBER = re.compile(r"(^|[_\s-])(id|index)$|^unnamed: 0$|^row(_?(number|id))?$", re.IGNORECASE)


@dataclass(frozen=True)
class Number:
    """A standardised column, ``(v - mean) / std``; gaps, and the texts in `gaps`, become the median."""

    kind: ClassVar[str] = "number"
    name: str
    median: float
    mean: float
    std: float
    gaps: tuple[str, ...] = ()

    @property
    def features(self) -> list[str]:
        """The names of the features `encode` gives."""
        return [self.name]

    def encode(self, values: pd.Series) -> Floats:
        """Return (N, 1)."""
        numbers, odd = as_numbers(values)
        strange = sorted(odd - set(self.gaps))
        if strange:
            raise ValueError(f"column {self.name!r}: holds {strange[0]!r}, wanted a number")
        return ((np.where(np.isnan(numbers), self.median, numbers) - self.mean) / self.std)[:, None]


@dataclass(frozen=True)
class Category:
    """A one-hot column: a feature per text in `values`, then one for all others and one for gaps, if training had any.

    A text that training never saw counts as other, or gives a row of zeros where there was no other.
    """

    kind: ClassVar[str] = "category"
    name: str
    values: tuple[str, ...]
    has_other: bool
    has_gaps: bool

    @property
    def features(self) -> list[str]:
        """The names of the features `encode` gives."""
        extra = ["other"] * self.has_other + ["missing"] * self.has_gaps
        return [f"{self.name} = {value}" for value in (*self.values, *extra)]

    def encode(self, values: pd.Series) -> Floats:
        """Return (N, number of features), 0 or 1."""
        place: dict[str | None, int] = {value: i for i, value in enumerate(self.values)}
        other = len(place) if self.has_other else -1
        if self.has_gaps:
            place[None] = len(self.values) + self.has_other
        else:
            place[None] = -1
        hot = np.array([place.get(text, other) for text in as_texts(values)], dtype=np.int64)
        return np.equal(hot[:, None], np.arange(len(self.features))).astype(np.float64)


@dataclass(frozen=True)
class Date:
    """Dates as standardised days since 1970 and, for each period (days), sine and cosine of the phase in it."""

    kind: ClassVar[str] = "date"
    name: str
    format: str
    median: float
    mean: float
    std: float
    periods: tuple[float, ...]

    @property
    def features(self) -> list[str]:
        """The names of the features `encode` gives."""
        waves = [f"{self.name} ({wave} {period:g} days)" for period in self.periods for wave in ("sin", "cos")]
        return [f"{self.name} (days)", *waves]

    def encode(self, values: pd.Series) -> Floats:
        """Return (N, 1 + 2 * number of periods)."""
        days, odd = as_days(as_texts(values), self.format)
        if odd:
            raise ValueError(f"column {self.name!r}: holds {odd[0]!r}, wanted a date in the format {self.format}")
        days = np.where(np.isnan(days), self.median, days)
        phases = [2 * np.pi * days / period for period in self.periods]
        return np.stack([(days - self.mean) / self.std, *(f(p) for p in phases for f in (np.sin, np.cos))], axis=1)


Column = Number | Category | Date
KINDS: dict[str, type[Column]] = {"number": Number, "category": Category, "date": Date}


def column_to_dict(column: Column) -> dict[str, Any]:
    """Return the column as a dict of plain values."""
    return {"kind": column.kind, **asdict(column)}


def column_from_dict(stored: dict[str, Any]) -> Column:
    """Return the column that `column_to_dict` described."""
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()}
    return KINDS[fields.pop("kind")](**fields)


def fit_column(values: pd.Series, name: str) -> tuple[Column | None, Said]:
    """Choose the kind of a column and fit it: (column, what was done), or (None, why it is dropped)."""
    if is_numeric(values):
        return _fit_number(values, name)
    texts = as_texts(values)
    different = set(texts)
    if different <= {None}:
        return None, [f"column {name!r}: dropped, every value is missing"]
    if len(different) == 1:
        return None, [f"column {name!r}: dropped, every value is {texts[0]!r}"]
    format = _date_format(texts)
    return _fit_date(texts, format, name) if format else _fit_category(texts, name)


def is_numeric(values: pd.Series) -> bool:
    """Tell whether at least nine of ten present values are numbers; True and False are not."""
    from pandas.api import types

    if types.is_object_dtype(values.dtype) or types.is_string_dtype(values.dtype):
        present = sum(text is not None for text in as_texts(values))
        return present > 0 and int(np.isfinite(as_numbers(values)[0]).sum()) >= 0.9 * present
    return bool(types.is_any_real_numeric_dtype(values.dtype))


def as_texts(values: pd.Series) -> list[str | None]:
    """Return each value as text without outer blanks, None where it is missing or blank; 3.0 becomes '3'."""
    missing = values.isna().tolist()
    return [None if gap else _text(value) for value, gap in zip(values.tolist(), missing, strict=True)]


def as_numbers(values: pd.Series) -> tuple[Floats, set[str]]:
    """Return (N,) with NaN for what is missing or infinite, and the texts that are no numbers."""
    import pandas as pd
    from pandas.api import types

    if types.is_any_real_numeric_dtype(values.dtype):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isinf(numbers), np.nan, numbers), set()
    texts = as_texts(values)
    numbers = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").to_numpy(np.float64, na_value=np.nan)
    odd = {text for text, number in zip(texts, numbers, strict=True) if text is not None and np.isnan(number)}
    return np.where(np.isinf(numbers), np.nan, numbers), odd


def as_days(texts: list[str | None], format: str) -> tuple[Floats, list[str]]:
    """Return (N,) days since 1970 with NaN for what is missing, and the texts that are no date in this format."""
    import pandas as pd

    dates = [text if text is not None and DATE.match(text) else None for text in texts]
    stamps = pd.to_datetime(pd.Series(dates, dtype=object), format=format, errors="coerce", utc=True)
    # numpy keeps pandas' unit, in which a date out of the range of nanoseconds is still one.
    days = (stamps.dt.tz_localize(None).to_numpy() - np.datetime64(0, "D")) / np.timedelta64(1, "D")
    return days, [text for text, day in zip(texts, days, strict=True) if text is not None and np.isnan(day)]


def _text(value: Any) -> str | None:
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value).strip() or None


def _fit_number(values: pd.Series, name: str) -> tuple[Column | None, Said]:
    numbers, odd = as_numbers(values)
    present = numbers[~np.isnan(numbers)]
    if present.size == 0:
        why = "no value is finite" if values.notna().any() else "every value is missing"
        return None, [f"column {name!r}: dropped, {why}"]
    if present.min() == present.max():
        return None, [f"column {name!r}: dropped, every value is {present[0]:g}"]
    if ROW_NUMBER.search(name) and len(np.unique(present)) == len(values) and np.all(present == np.round(present)):
        return None, [f"column {name!r}: dropped, it numbers the rows"]
    with np.errstate(over="ignore", invalid="ignore"):
        median, mean, std = float(np.median(present)), float(present.mean()), float(present.std())
    if not np.isfinite([median, mean, std]).all() or std == 0:
        ends = f"{present.min():g} to {present.max():g}"
        raise ValueError(f"column {name!r}: values from {ends} cannot be standardised, wanted sizes nearer to 1")
    said = [f"column {name!r}: {_quoted(odd)} among numbers read as missing"] if odd else []
    if present.size < len(values):
        said.append(f"column {name!r}: {len(values) - present.size} missing values become the median {median:g}")
    return Number(name, median, mean, std, tuple(sorted(odd))), said


def _date_format(texts: list[str | None]) -> str | None:
    """Return the first format in which every text is a date."""
    if not all(DATE.match(text) for text in texts if text is not None):
        return None
    return next((format for format in DATE_FORMATS if not as_days(texts, format)[1]), None)


def _fit_date(texts: list[str | None], format: str, name: str) -> tuple[Column | None, Said]:
    days, _ = as_days(texts, format)
    present = days[~np.isnan(days)]
    std = float(present.std())
    if std == 0:
        return None, [f"column {name!r}: dropped, every date is the same"]
    span, has_hours = np.ptp(present), bool((present % 1).any())
    periods = tuple(period for period in (DAY, WEEK, YEAR) if span >= period and (period != DAY or has_hours))
    said = [f"column {name!r}: dates in the format {format}"]
    if present.size < len(days):
        said.append(f"column {name!r}: {len(days) - present.size} missing dates become the median date")
    return Date(name, format, float(np.median(present)), float(present.mean()), std, periods), said


def _fit_category(texts: list[str | None], name: str) -> tuple[Column | None, Said]:
    values, counts = np.unique([text for text in texts if text is not None], return_counts=True)
    fewest = max(2, min(10, len(texts) // 100))
    common = np.flatnonzero(counts >= fewest)
    common = np.sort(common[np.argsort(-counts[common], kind="stable")][:MOST_CATEGORIES])
    if counts[common].sum() < 0.1 * counts.sum():
        return None, [f"column {name!r}: dropped, {len(values)} different texts in {counts.sum()} rows; an identifier?"]
    others = len(values) - len(common)
    gaps = texts.count(None)
    said = [f"column {name!r}: {len(common)} categories"]
    if others:
        said[0] += f"; {others} rare ones become 'other'"
    if gaps:
        said[0] += f"; {gaps} missing values become a category of their own"
    return Category(name, tuple(values[common].tolist()), others > 0, gaps > 0), said


def _quoted(texts: set[str]) -> str:
    first = [repr(text) for text in sorted(texts)[:3]]
    return ", ".join(first) + (" and others" if len(texts) > 3 else "")
