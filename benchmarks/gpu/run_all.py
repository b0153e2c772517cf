"""Check and time the CUDA kernels on this machine's GPU: at most ten minutes, one JSON file.

    python benchmarks/gpu/run_all.py                         everything
    python benchmarks/gpu/run_all.py --only checks,times     part of it
    python benchmarks/gpu/run_all.py --only checks --emulated    over numpy arrays, in a build with WXB_EMULATED
    python benchmarks/gpu/run_all.py --dry                   every phase in a minute, tiny and emulated

Each phase is a process that is stopped at its deadline; the JSON is written after every case. Where wxb is not
installed, it is built (build.py). The exit status is 1 if a check fails. What waits for a GPU stands in QUEUE.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import probe
from stages import Stage
from summary import summary

from build import build

# phase -> where its rows go, its share of the time, the seconds that a case of it may take
PHASES = {
    "ceilings": ("ceilings", 20, 30),
    "plans": ("checks", 15, 30),
    "checks": ("checks", 110, 45),
    "registry": ("checks", 90, 200),
    "times": ("rows", 110, 30),
    "end_to_end": ("rows", 110, 200),
    "sanitizer": ("sanitizer", 60, 120),
}
BUILDING = 0.5  # of the whole time, at most: without modules there is nothing to measure


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PHASES), help="phases, of " + ", ".join(PHASES))
    parser.add_argument("--cases", default="*", metavar="PATTERN", help="of these phases, e.g. 'matmul *'")
    parser.add_argument("--emulated", action="store_true")
    parser.add_argument("--dry", action="store_true")
    parser.add_argument("--budget", type=float, default=540.0, metavar="SECONDS")
    parser.add_argument("--out", type=Path, default=probe.ROOT / "benchmarks" / "results" / "gpu", metavar="FOLDER")
    parser.add_argument("--tag", default="")
    options = parser.parse_args(arguments)
    options.phases = options.only.split(",")
    options.device = "emulated" if options.emulated or options.dry else "cuda"
    if unknown := set(options.phases) - set(PHASES):
        parser.error(f"--only: {', '.join(sorted(unknown))} is not one of {', '.join(PHASES)}")
    if not 0 < options.budget < float("inf"):
        parser.error(f"--budget: {options.budget} is not above 0")
    return options


class Document:
    """The result, written to its file after every change."""

    def __init__(self, options: argparse.Namespace) -> None:
        meta = probe.meta(options.device, options.tag)
        self.content: dict[str, Any] = {"schema": 2, "meta": meta, "phases": {}, "build": {}}
        self.content |= {section: [] for section, _, _ in PHASES.values()}
        name = meta["gpu"].get("name", options.device).lower().replace(" ", "-")
        self.path = options.out / f"{meta['date'][:10]}-{name}-{meta['commit']}{options.tag and '-' + options.tag}.json"
        options.out.mkdir(parents=True, exist_ok=True)

    def save(self) -> None:
        """Write what there is; a kill in between leaves the last whole file."""
        text = json.dumps(self.content, indent=1) + "\n"
        half = self.path.with_suffix(".part")
        half.write_text(text, encoding="utf-8")
        half.replace(self.path)


def run(phase: str, seconds: float, document: Document, options: argparse.Namespace) -> None:
    """Run a phase for so many seconds at most, and note how it went."""
    section, _, patience = PHASES[phase]
    start, rows = time.monotonic(), document.content[section]
    device = options.device if document.content["build"]["ok"] else "none"
    stage = Stage(phase, device, document.path.with_suffix(".log"), options.dry, options.cases)
    for row in stage.rows(start + seconds, patience if options.device == "cuda" else 20 * patience):
        rows.append(row)
        document.save()
    seconds = round(time.monotonic() - start, 1)
    document.content["phases"][phase] = {"seconds": seconds, "cases": stage.count, "cut": stage.cut, "why": stage.why}
    print(f"{phase}: {stage.count} cases in {seconds} s {stage.why}", flush=True)
    document.save()


def main() -> int:
    options = options_of()
    end = time.monotonic() + options.budget
    document = Document(options)
    document.save()
    built = document.content["build"] = build(options.device, BUILDING * options.budget)
    document.save()
    print(f"build: {built}", flush=True)
    phases = [phase for phase in PHASES if phase in options.phases and (built["ok"] or phase == "ceilings")]
    for i, phase in enumerate(phases):  # each takes its share of what the ones before it have left
        left, shares = end - time.monotonic(), [PHASES[later][1] for later in phases[i:]]
        run(phase, left * shares[0] / sum(shares), document, options)
    if options.device == "cuda":
        document.content["meta"]["gpu_after"] = probe.gpu()
    document.save()
    print(summary(document.content), document.path, sep="\n")
    return 0 if built["ok"] and all(row["ok"] for row in document.content["checks"]) else 1


if __name__ == "__main__":
    sys.exit(main())
