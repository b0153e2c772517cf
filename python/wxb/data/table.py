"""A table of any columns, from a CSV or Excel file, as arrays a network can learn from."""

from __future__ import annotations

import csv
import os
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .columns import Column, as_texts, column_from_dict, column_to_dict, fit_column
from .targets import TASKS, Classes, Target, find_task, target_from_dict, target_to_dict

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TableEncoder", "find_task", "labelled", "read_table"]

TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
EXCEL_SUFFIXES = (".xlsx", ".xlsm")


def read_table(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a table with a header row from a CSV file (comma, semicolon, tab or bar; UTF-8) or an XLSX file.

    Besides what pandas takes for missing, '?' is. Column names become texts without outer blanks.
    Raises OSError for a file that cannot be opened, ValueError for one that holds no table.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in TEXT_SUFFIXES + EXCEL_SUFFIXES:
        raise ValueError(f"{path}: suffix is {suffix!r}, wanted {', '.join(TEXT_SUFFIXES + EXCEL_SUFFIXES)}")
    with path.open("rb") as file:  # an OSError of the operating system's own, before any reader's
        if not file.read(1):
            raise ValueError(f"{path}: the file is empty, wanted a header row and rows of values")
    frame = _read_text(path) if suffix in TEXT_SUFFIXES else _read_excel(path)
    frame.columns = [str(name).strip() for name in frame.columns]
    _check_columns(frame, str(path))
    return frame


def labelled(frame: pd.DataFrame, target: str) -> pd.DataFrame:
    """Return the rows whose target is known.  Raises ValueError where the column is unknown or has no value."""
    _check_columns(frame, "labelled")
    if target not in frame.columns:
        raise ValueError(f"target {target!r}: no such column; the table has {', '.join(map(repr, frame.columns))}")
    rows = frame[[text is not None for text in as_texts(frame[target])]]
    if rows.empty:
        raise ValueError(f"target {target!r}: every value is missing, wanted some to learn from")
    return rows


@dataclass(frozen=True)
class TableEncoder:
    """Turn the rows of a table into arrays: fitted on training rows, then applied to any rows with the same columns.

    Numbers are standardised, gaps filled with the median; truth values and texts become one-hot features, where gaps
    and rare texts are categories of their own; dates become days and phases of the day, week and year. Columns that
    are constant, empty, or texts different in every row are left out. `messages` says all of it in words.
    """

    columns: tuple[Column, ...]
    target: Target
    messages: list[str] = field(default_factory=list)

    @classmethod
    def fit(cls, frame: pd.DataFrame, target: str, task: str | None = None) -> TableEncoder:
        """Fit on training rows; rows without a target are left out and counted.

        task is 'classification' or 'regression', or None to find it from the column (`find_task`).
        Raises ValueError for an unknown target, and where no column or no difference in the target is left.
        """
        rows = labelled(frame, target)
        unknown = len(frame) - len(rows)
        messages = [f"{unknown} rows have no {target!r} and are left out"] if unknown else []
        task = task or find_task(rows[target])
        if task not in TASKS:
            raise ValueError(f"TableEncoder: task is {task!r}, wanted {' or '.join(map(repr, TASKS))}")
        fitted_target = TASKS[task].fit(rows[target], target)
        columns = []
        for name in rows.columns.drop(target):
            column, said = fit_column(rows[name], str(name))
            messages += said
            if column is not None:
                columns.append(column)
        if not columns:
            raise ValueError("TableEncoder: no column is left to learn from\n  " + "\n  ".join(messages))
        return cls(tuple(columns), fitted_target, messages)

    @property
    def task(self) -> str:
        """'classification' or 'regression'."""
        return self.target.task

    @property
    def classes(self) -> tuple[str | int | bool, ...]:
        """The values of the target, class 0 first; none for a regression."""
        return self.target.values if isinstance(self.target, Classes) else ()

    @property
    def features(self) -> list[str]:
        """The names of the F features `transform` gives."""
        return [name for column in self.columns for name in column.features]

    def transform(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """Return the features (N, F); other columns are ignored.  Raises ValueError naming columns that are missing."""
        _check_columns(frame, "TableEncoder")
        missing = [column.name for column in self.columns if column.name not in frame.columns]
        if missing:
            raise ValueError(f"TableEncoder: columns {', '.join(map(repr, missing))} are missing from the table")
        with np.errstate(over="ignore"):
            parts = [column.encode(frame[column.name]).astype(np.float32) for column in self.columns]
        for column, part in zip(self.columns, parts, strict=True):
            if not np.isfinite(part).all():
                raise ValueError(f"column {column.name!r}: a value is too far from the training rows for float32")
        return np.ascontiguousarray(np.concatenate(parts, axis=1))

    def transform_target(self, frame: pd.DataFrame) -> NDArray[Any]:
        """Return class numbers (N,) int64, or standardised values (N, 1) float32; every row must have a target."""
        rows = labelled(frame, self.target.name)
        unknown = len(frame) - len(rows)
        if unknown:
            raise ValueError(f"TableEncoder: {unknown} rows have no {self.target.name!r}, wanted none; use labelled()")
        return self.target.encode(rows[self.target.name])

    def inverse_target(self, outputs: ArrayLike) -> NDArray[Any]:
        """Return the target's own values (N,) from class numbers (N,), or from standardised values (N, 1) or (N,)."""
        return self.target.decode(outputs)

    def to_dict(self) -> dict[str, Any]:
        """Return a dict that JSON can hold; `from_dict` makes the encoder again."""
        columns = [column_to_dict(column) for column in self.columns]
        return {"target": target_to_dict(self.target), "columns": columns, "messages": list(self.messages)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> TableEncoder:
        """Make the encoder that `to_dict` described.  Raises ValueError for anything else."""
        try:
            columns = tuple(column_from_dict(column) for column in stored["columns"])
            return cls(columns, target_from_dict(stored["target"]), list(stored["messages"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"TableEncoder: stored form is broken ({error!r}), wanted what to_dict gave") from error


def _check_columns(frame: pd.DataFrame, name: str) -> None:
    if not hasattr(frame, "columns"):
        raise TypeError(f"{name}: got a {type(frame).__name__}, wanted a pandas DataFrame")
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise ValueError(f"{name}: column {twice[0]!r} occurs twice, wanted different names")


def _pandas() -> Any:
    try:
        import pandas
    except ImportError as error:
        raise ImportError("reading tables needs pandas; pip install 'wxb[data]'") from error
    return pandas


def _read_text(path: Path) -> pd.DataFrame:
    pd = _pandas()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            delimiter, decimal = _dialect(file.read(65536))
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # rows longer than the header would be cut
            return pd.read_csv(
                path,
                sep=delimiter,
                decimal=decimal,
                na_values=["?"],
                skipinitialspace=True,
                low_memory=False,
                index_col=False,
                encoding="utf-8-sig",
            )
    except pd.errors.ParserWarning as error:
        raise ValueError(f"{path}: the rows have more fields than the header, wanted a name for each column") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: not a table in UTF-8 ({str(error).strip()})") from error


def _dialect(sample: str) -> tuple[str, str]:
    """Return delimiter and decimal mark: the delimiter cuts the header into most fields."""
    delimiter = max(",;\t|", key=lambda mark: len(next(csv.reader(sample.splitlines(), delimiter=mark), [])))
    commas, points = (len(re.findall(rf"\d{mark}\d", sample)) for mark in (",", r"\."))
    return delimiter, "," if delimiter != "," and commas > points else "."


def _read_excel(path: Path) -> pd.DataFrame:
    pd = _pandas()
    try:
        return pd.read_excel(path, na_values=["?"], engine="openpyxl")
    except ImportError as error:
        raise ImportError("reading XLSX needs openpyxl; pip install 'wxb[data]'") from error
    except Exception as error:  # openpyxl lets zipfile, XML and key errors through for a broken file
        raise ValueError(f"{path}: not a readable XLSX file ({error})") from error
