"""Run the tiny checks under compute-sanitizer: memcheck and racecheck, where the tool works."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import probe
from wxb.device import Device

WORKER = Path(__file__).with_name("worker.py")
TOOLS = ("memcheck", "racecheck")


def row_of(tool: str, said: str) -> dict[str, Any]:
    """Return what a tool found in how many cases; it worked if it counted its errors."""
    count = re.search(r"(?:ERROR|RACECHECK) SUMMARY: (\d+)", said)
    marked = [line for line in said.splitlines() if line.startswith("=========")]
    rows = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return {
        "tool": tool,
        "works": bool(count),
        "cases": sum("row" in row for row in rows),
        "errors": int(count[1]) if count else None,
        "said": "\n".join(marked[:60] if count else said.splitlines()[-5:]),
    }


def sanitized(tool: str) -> dict[str, Any]:
    # CuPy's pool would hide what is beyond the end of an array within its block.
    worker = [sys.executable, str(WORKER), "checks", "--dry", "--no-pool"]
    command = ["compute-sanitizer", "--tool", tool, "--print-limit", "20", *worker]
    return row_of(tool, probe.told(command)[0])


def absent(why: str) -> dict[str, Any]:
    return {"tool": "compute-sanitizer", "works": False, "cases": 0, "errors": None, "said": why}


def cases(dev: Device, dry: bool) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    if dev.name != "cuda":
        yield "compute-sanitizer", partial(absent, "it needs a GPU")
    elif shutil.which("compute-sanitizer") is None:
        yield "compute-sanitizer", partial(absent, "it is not on the PATH")
    else:
        for tool in TOOLS:
            yield tool, partial(sanitized, tool)
