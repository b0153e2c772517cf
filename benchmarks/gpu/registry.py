"""Run every op of the tests' registry, and the tests of device and layers, on the GPU: pytest, on many cores."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import probe
from wxb.device import Device

SUITES = {  # what runs, and under which device by default
    "registry": (["tests/cuda/test_registry_cuda.py"], ""),
    "device": (["tests/cuda/test_device.py", "tests/nn", "tests/optim"], "cuda"),
}


def arguments() -> list[str]:
    """Return pytest's: in eight processes, a limit for each test, where the plugins for that are installed."""
    found = ["-v", "--tb=line", "-p", "no:cacheprovider", "-W", "default"]  # other versions of libraries warn of more
    if importlib.util.find_spec("xdist"):
        found += ["-p", "xdist.plugin", "-n", str(min(8, os.cpu_count() or 1)), "--max-worker-restart", "16"]
    if importlib.util.find_spec("pytest_timeout"):
        found += ["-p", "pytest_timeout", "--timeout", "40", "--timeout-method", "thread"]
    return found


def row_of(name: str, text: str, ok: bool) -> dict[str, Any]:
    """Return how many tests passed, and which failed."""
    last = text.strip().rpartition("\n")[2]
    passed = re.search(r"(\d+) passed", last)
    failed = "\n".join(line for line in text.splitlines() if line.startswith(("FAILED", "ERROR")))
    why = "" if ok else failed[:4000] or last
    return {"op": name, "dtype": "all", "cases": int(passed[1]) if passed else 0, "ok": ok, "why": why, "last": last}


def suite(name: str, dev: Device, dry: bool) -> dict[str, Any]:
    files, device = SUITES[name]
    only = "cuda and not emulated" if dev.name == "cuda" else "emulated"
    only = f"({only}) and relu and oracle" if dry else only
    chosen = ["-k", only] if name == "registry" else []
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | ({"WXB_DEVICE": device} if device else {})
    command = [sys.executable, "-m", "pytest", *([] if dry else arguments()), *chosen, *files]
    text, status = probe.told(command, cwd=probe.ROOT, env=environment)
    return row_of(name, text, status == 0)


def cases(dev: Device, dry: bool) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    for name in ["registry"] if dry else SUITES:
        yield name, partial(suite, name, dev, dry)
