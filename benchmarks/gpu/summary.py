"""The last lines that a run prints: what failed, then what was timed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def checks(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        if not row["ok"]:
            yield f"FAILED {row['op']} {row['dtype']}: {row.get('why') or row.get('error')}"[:300]
    yield f"{sum(row['ok'] for row in rows)} of {len(rows)} checks pass, {sum(row['cases'] for row in rows)} cases"


def times(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        if "wxb" not in row["us"]:
            yield f"{row['name']:44} {row.get('why', '')}"[:200]
            continue
        if row.get("result"):
            accuracy, to_94 = row["result"]["test_accuracy"], row["seconds_to_94"]
            yield f"{row['name']:44} {1e-6 * row['us']['wxb']:12.1f} s, test accuracy {accuracy}, 94 % after {to_94} s"
            continue
        beside = f"{row['ratio']:6.2f} x {row['best_peer']}" if row["ratio"] else ""
        rate = f"{row['gb_per_s']:8.0f} GB/s {row['share']:6.1%} of a copy" if row["limit"] else ""
        rate = f"{row['tflops']:8.2f} TFLOP/s" if row.get("tflops") else rate
        yield f"{row['name']:44} {row['us']['wxb']:12.2f} us {beside:16} {rate}"


def ceilings(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        if row["us"]:
            rate = f"{row['gb_per_s']:.0f} GB/s" if row["gb_per_s"] else f"{row['tflops']:.1f} TFLOP/s"
            yield f"{row['name']:44} {rate}"


def sanitizer(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield (
            f"{row['tool']}: {row['errors']} errors in {row['cases']} cases"
            if row["works"]
            else (f"{row['tool']} does not work: {row['said'].rpartition(chr(10))[2]}"[:200])
        )


def summary(document: dict[str, Any]) -> str:
    lines = [*times(document["rows"]), *ceilings(document["ceilings"]), *sanitizer(document["sanitizer"])]
    for phase, how in document["phases"].items():
        if how["why"]:
            lines.append(f"{phase}: {how['why']}, at {how['cut'] or 'its end'}")
    return "\n".join([*lines, *checks(document["checks"])])
