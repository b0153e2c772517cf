"""doctor: what wxb found on this machine, and why it uses what it uses."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from pathlib import Path

from .device import cpu, num_threads, why_no_cuda

__all__ = ["doctor"]


def doctor() -> dict[str, str]:
    """Return what wxb runs on: version, processor, instruction set and why, threads, caches, GPU and why not."""
    kernels = cpu.kernels
    return {
        "wxb": f"{_version('wxb')} in {Path(__file__).parent}",
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "numpy": _version("numpy"),
        "processor": _processor(),
        "instruction set": f"{kernels.isa()} ({kernels.isa_reason()}); possible: {', '.join(kernels.isas())}",
        "threads": f"{num_threads()} ({_why_threads()})",
        "caches": _caches(),
        "gpu": _gpu(),
        "data": os.environ.get("WXB_DATA", "downloaded when first used; WXB_DATA names a folder that holds them"),
        "extras": _extras(),
    }


def _gpu() -> str:
    """Say which GPU ``device("cuda")`` uses, or why it cannot; starts none."""
    return f"off: {reason}" if (reason := why_no_cuda()) else "on: wxb.device('cuda')"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.M)
    except OSError:
        found = None
    return found.group(1) if found else platform.processor() or "unknown"


def _why_threads() -> str:
    if os.environ.get("OMP_NUM_THREADS"):
        return f"OMP_NUM_THREADS={os.environ['OMP_NUM_THREADS']}"
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"the process may use {available} processors"


def _caches() -> str:
    folder = Path("/sys/devices/system/cpu/cpu0/cache")
    found = []
    for index in sorted(folder.glob("index*")):
        level, kind, size = (_text(index / name) for name in ("level", "type", "size"))
        if kind != "Instruction" and size:
            found.append(f"L{level} {size}")
    return ", ".join(found) or "unknown"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _extras() -> str:
    names = {"plot": ["matplotlib"], "data": ["pooch", "Pillow", "pandas", "openpyxl"], "cuda13": ["cupy-cuda13x"]}
    have = [extra for extra, packages in names.items() if all(_version(p) != "not installed" for p in packages)]
    lack = [extra for extra in names if extra not in have]
    advice = f"; missing: {', '.join(lack)} (pip install 'wxb[{lack[0]}]')" if lack else ""
    return (", ".join(have) or "none") + advice
