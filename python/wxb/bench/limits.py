"""What this machine can do at most, measured in the run that holds kernels against it."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..device import cpu
from . import peers

__all__ = ["Limits", "machine"]

SECONDS = 0.05  # per measurement
SMALLEST, LARGEST = 1 << 12, 1 << 28  # bytes copied: the first lies in any L1 cache, the last in hardly any


class Limits:
    """FMA peak and copy bandwidth on the threads in use: the best so far, measured again whenever one is asked for.

    A shared machine has slow seconds; a limit measured in one of them would make every row look better than it is.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds, self._fma, self._copy = min(seconds, SECONDS), 0.0, dict[int, float]()

    def fma(self) -> float:
        """Return the float32 GFLOP/s of multiply-adds in registers."""
        self._fma = max(self._fma, cpu.kernels.fma_peak(self._seconds))
        return self._fma

    def copy(self, size: float) -> float:
        """Return the GB/s, read and written, of copying ``size`` bytes, rounded to a power of two."""
        level = min(LARGEST, max(SMALLEST, 1 << round(size).bit_length() - 1))
        self._copy[level] = max(self._copy.get(level, 0.0), cpu.kernels.copy_bandwidth(level, self._seconds))
        return self._copy[level]

    def least_microseconds(self, flops: float, moved: float) -> float:
        """Return the time that work of so many operations and bytes, half read and half written, takes at least."""
        compute = flops / self.fma() / 1e3 if flops else 0.0
        memory = moved / self.copy(moved / 2) / 1e3 if moved else 0.0
        return max(compute, memory)

    def measured(self) -> dict[str, Any]:
        """Return what was measured: ``fma`` in GFLOP/s and ``copy``, bytes -> GB/s."""
        return {"fma": round(self.fma(), 1), "copy": {str(k): round(v, 1) for k, v in sorted(self._copy.items())}}


def machine(libraries: Iterable[str]) -> dict[str, Any]:
    """Return what a result has to say of where, when and with which versions it was measured."""
    return {
        "cpu": _cpu_name(),
        "cpus": os.cpu_count(),
        "isa": cpu.kernels.isa(),
        "versions": peers.versions(libraries),
        "commit": _commit(),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "load": round(os.getloadavg()[0], 2),  # processes that were running already
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _commit() -> str | None:
    """Return the commit of the working directory, with a + if files differ from it; None outside a repository."""
    try:
        head, changes = (
            subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout.strip()
            for words in (("rev-parse", "--short=12", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("+" if changes else "")
