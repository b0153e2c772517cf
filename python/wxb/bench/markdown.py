"""Rows as a table in Markdown, which a terminal shows as well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["table"]

FIRST = ("wxb", "wxb eager", "torch", "torch tuned", "jax", "numpy", "sklearn", "keras", "keras compiled")


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return a line per row: microseconds of each contestant, wxb's rate, its share of the limit, and its lead."""
    rows = list(rows)
    if not rows:
        return "no rows"
    found = {name for row in rows for name in row["us"]}
    names = [name for name in FIRST if name in found] + sorted(found - set(FIRST))
    head = ["microseconds", "threads", *names, "rate", "of limit", "x best peer"]
    cells = [head, *([row["name"], str(row["threads"]), *_times(row, names), *_verdict(row)] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    lines = [_line([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in cells]
    rule = _line(["-" * widths[0], *["-" * (w - 1) + ":" for w in widths[1:]]])
    return "\n".join([lines[0], rule, *lines[1:]])


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _times(row: Mapping[str, Any], names: list[str]) -> list[str]:
    return [_number(row["us"][name]) if name in row["us"] else "" for name in names]


def _verdict(row: Mapping[str, Any]) -> list[str]:
    share, ratio = row["share"], row["ratio"]
    return [_rate(row), "" if share is None else f"{share:.0%}", "" if ratio is None else f"{ratio:.2f}"]


def _rate(row: Mapping[str, Any]) -> str:
    """Return what wxb does a second: of operations where a product is the work, otherwise of bytes."""
    ours = row["us"].get("wxb")
    if not ours:
        return ""
    if row["flops"]:
        return f"{row['flops'] / ours / 1e3:.1f} GFLOP/s"
    return f"{row['bytes'] / ours / 1e3:.1f} GB/s" if row["bytes"] else ""


def _number(us: float) -> str:
    """Return three digits or more: 0.123, 1.23, 12.3, 123, 12,345."""
    digits = 3 if us < 1 else 2 if us < 10 else 1 if us < 100 else 0
    return f"{us:,.{digits}f}"
