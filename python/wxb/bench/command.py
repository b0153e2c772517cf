"""Run workloads on each number of threads, and collect the rows in one document."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from . import peers
from .limits import machine
from .markdown import table
from .timing import Row, Workload, measure
from .worker import Gone, Worker, Workloads, started

__all__ = ["Options", "main", "report", "run"]

Target = Callable[[str], "float | None"]


@dataclasses.dataclass
class Options:
    """How long all rows may take together, on which numbers of threads, which rows (patterns) and peers (None: all)."""

    seconds: float = 120.0
    threads: Sequence[int] = (1, 2)
    only: Sequence[str] = ("*",)
    peers: Sequence[str] | None = None


def run(workloads: Workloads, options: Options, target: Target = lambda name: None) -> dict[str, Any]:
    """Return ``{"meta": ..., "rows": [...]}``: the rows of each number of threads.

    ``workloads`` is a function of a module, which every process imports. Raises ``RuntimeError`` if that of wxb ends.
    """
    libraries = peers.chosen(options.peers)
    meta, seconds = machine(libraries), options.seconds / len(options.threads)
    limits, rows = {}, []
    works = [(i, w) for i, w in enumerate(workloads()) if any(fnmatch(w.name, pattern) for pattern in options.only)]
    for threads in options.threads:
        with started(libraries, threads, workloads, seconds / 20) as workers:
            until = time.monotonic() + seconds
            for count, (number, work) in enumerate(works):
                left = until - time.monotonic()  # a row that took long leaves less for the others
                row = _measured(work, number, workers, threads, max(0.0, left / (len(works) - count)))
                row.target = target(row.name)
                rows.append(dataclasses.asdict(row))
                print(_progress(row, count + 1, len(works)), file=sys.stderr, flush=True)
            limits[str(threads)] = workers["wxb"].ask("limits")
    return {"meta": {**meta, "threads": list(options.threads), "limits": limits}, "rows": rows}


def _measured(work: Workload, number: int, workers: dict[str, Worker], threads: int, seconds: float) -> Row:
    while True:
        try:
            return measure(work, number, workers, threads, seconds)
        except ArithmeticError as wrong:  # said, and left without times, so that the other rows are not lost
            print(f"WRONG {wrong}", file=sys.stderr)
            return Row(work.name, threads, {})
        except Gone as gone:
            if gone.library == "wxb":
                raise
            print(f"{work.name}: {gone}; {gone.library} is left out from here on", file=sys.stderr)
            del workers[gone.library]


def _progress(row: Row, number: int, of: int) -> str:
    times = "  ".join(f"{name} {value:.1f}" for name, value in row.us.items())
    return f"[{number}/{of}] {row.name}, {row.threads} threads: {times}"


def main(workloads: Workloads, target: Target = lambda name: None, results: Path | None = None, **defaults: Any) -> int:
    """Be the command line of a benchmark: measure, print the table, write the document to ``--out``.

    ``results`` is where ``--out`` without a path writes; ``defaults`` are for Options. Returns the exit status: 1 if a
    result was wrong.
    """
    options, out = _parsed(Options(**defaults), results)
    try:
        document = run(workloads, options, target)
    except Gone as gone:  # which has said why
        raise SystemExit(f"benchmark: {gone}") from None
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return report(document, options)


def report(document: dict[str, Any], options: Options) -> int:
    """Print a document's table and what is missing from it; return 1 if a result was wrong, otherwise 0."""
    wrong = [row for row in document["rows"] if not row["us"]]
    print(table([row for row in document["rows"] if row["us"]]))
    for row in wrong:
        print(f"wrong result, not timed: {row['name']}, {row['threads']} threads")
    if absent := peers.missing(options.peers):
        print(f"not installed, so not measured: {', '.join(absent)}")
    return 1 if wrong else 0


def _parsed(given: Options, results: Path | None) -> tuple[Options, Path | None]:
    parser = argparse.ArgumentParser(description="Time wxb beside the libraries installed here.")
    parser.add_argument("--seconds", type=float, default=given.seconds, help="how long all rows may take, about")
    parser.add_argument("--threads", type=int, nargs="+", default=given.threads)
    parser.add_argument("--only", nargs="+", default=given.only, metavar="PATTERN", help="rows, e.g. 'gemm*512*'")
    parser.add_argument("--peers", nargs="+", default=given.peers, choices=[n for n in peers.LIBRARIES if n != "wxb"])
    parser.add_argument("--out", type=Path, nargs="?", const=results, help="write the rows there as JSON")
    options = vars(parser.parse_args())
    out = options.pop("out")
    return Options(**options), out
