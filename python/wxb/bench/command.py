"""Run workloads, each number of threads in a process of its own, and collect the rows in one document."""

from __future__ import annotations

import argparse
import dataclasses
import fnmatch
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from . import limits, peers
from .markdown import table
from .timing import Row, Workload, measure

__all__ = ["Options", "main", "run"]

Target = Callable[[str], "float | None"]


@dataclasses.dataclass
class Options:
    """How long all rows may take together, on which numbers of threads, which rows (patterns) and peers (None: all)."""

    seconds: float = 120.0
    threads: Sequence[int] = (1, 2)
    only: Sequence[str] = ("*",)
    peers: Sequence[str] | None = None

    def arguments(self) -> list[str]:
        """Return these as command line arguments, but for the threads."""
        chosen = [] if self.peers is None else ["--peers", *self.peers]
        return ["--seconds", str(self.seconds / len(self.threads)), "--only", *self.only, *chosen]


def run(command: Sequence[str], options: Options) -> dict[str, Any]:
    """Return ``{"meta": ..., "rows": [...]}``: the rows of ``command --threads N`` for each number of threads.

    Raises ``RuntimeError`` if one of them fails; it has said why.
    """
    meta: dict[str, Any] = {}
    measured: dict[str, Any] = {}
    rows: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:
        for threads in options.threads:
            out = Path(folder) / "rows.json"
            words = [*command, "--threads", str(threads), "--out", str(out), *options.arguments()]
            ran = subprocess.run(words, env={**os.environ, **peers.environment(threads)}, check=False)
            if ran.returncode:
                raise RuntimeError(f"benchmark: the run with {threads} threads ended with status {ran.returncode}")
            part = json.loads(out.read_text(encoding="utf-8"))
            rows += part["rows"]
            measured |= part["meta"]["limits"]
            meta = {**part["meta"], "threads": list(options.threads), "limits": measured}
    return {"meta": meta, "rows": rows}


def measure_here(workloads: Iterable[Workload], options: Options, target: Target) -> dict[str, Any]:
    """Measure in this process, whose environment is set for the one number of threads."""
    (threads,) = options.threads
    if options.peers is not None:
        peers.choose(options.peers)
    peers.use_threads(threads)
    works = [w for w in workloads if any(fnmatch.fnmatch(w.name, pattern) for pattern in options.only)]
    meta, known, rows = limits.machine(), limits.Limits(options.seconds / 20), []
    until = time.monotonic() + options.seconds
    for i, work in enumerate(works):
        left = until - time.monotonic()  # a row that took long leaves less for the others
        row = _measured(work, threads, max(0.0, left / (len(works) - i)), known)
        row.target = target(row.name)
        rows.append(dataclasses.asdict(row))
        print(_progress(row, i + 1, len(works)), file=sys.stderr, flush=True)
    return {"meta": {**meta, "limits": {str(threads): known.measured()}}, "rows": rows}


def _measured(work: Workload, threads: int, seconds: float, known: limits.Limits) -> Row:
    try:
        return measure(work, threads, seconds, known)
    except ArithmeticError as wrong:  # said, and left without times, so that the other rows are not lost
        print(f"WRONG {wrong}", file=sys.stderr)
        return Row(work.name, threads, {})


def _progress(row: Row, number: int, of: int) -> str:
    times = "  ".join(f"{name} {value:.1f}" for name, value in row.us.items())
    return f"[{number}/{of}] {row.name}, {row.threads} threads: {times}"


def main(
    command: Sequence[str],
    workloads: Callable[[], Iterable[Workload]],
    target: Target = lambda name: None,
    results: Path | None = None,
    **defaults: Any,
) -> int:
    """Be the command line of a benchmark: measure, print the table, write the document to ``--out``.

    ``command`` starts this same program again, in an environment for one number of threads; ``results`` is where
    ``--out`` without a path writes; ``defaults`` are for Options. Returns the exit status: 1 if a result was wrong.
    """
    options, out = _parsed(Options(**defaults), results)
    here = len(options.threads) == 1 and peers.environment(options.threads[0]).items() <= os.environ.items()
    document = measure_here(workloads(), options, target) if here else _run_or_exit(command, options)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0 if here else report(document)


def _run_or_exit(command: Sequence[str], options: Options) -> dict[str, Any]:
    try:
        return run(command, options)
    except RuntimeError as error:
        raise SystemExit(str(error)) from None


def report(document: dict[str, Any]) -> int:
    """Print a document's table and what is missing from it; return 1 if a result was wrong, otherwise 0."""
    wrong = [row for row in document["rows"] if not row["us"]]
    print(table([row for row in document["rows"] if row["us"]]))
    for row in wrong:
        print(f"wrong result, not timed: {row['name']}, {row['threads']} threads")
    if absent := peers.missing():
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
