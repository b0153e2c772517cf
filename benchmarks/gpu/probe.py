"""What this machine is: its GPU, driver and clocks, versions, the commit. Imports nothing but the standard library."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CARRIED = ROOT / "build" / "gpu"  # what prepare.sh puts there travels to a machine without a network
PACKAGES = (
    "numpy", "cupy-cuda13x", "torch", "safetensors", "tqdm", "pybind11", "cmake", "ninja", "pytest", "hypothesis",
    "pytest-xdist", "pytest-timeout", "Pillow",
)  # fmt: skip
FIELDS = ("name", "driver_version", "clocks.sm", "clocks.mem", "clocks.max.sm", "temperature.gpu", "power.draw")


def output_of(*command: str) -> str:
    """Return what a command prints, nothing where it is missing or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def told(command: list[str], **more: Any) -> tuple[str, int]:
    """Run a command and return what it prints, and its status; the log has each line at once, if time is up."""
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, **streams, **more) as process:
        assert process.stdout
        lines = []
        for line in process.stdout:
            print(line, end="", file=sys.stderr, flush=True)
            lines.append(line)
    return "".join(lines), process.returncode


def gpu() -> dict[str, str]:
    """Return the GPU's name and what changes while it works: clocks, temperature, power."""
    row = output_of("nvidia-smi", "--query-gpu=" + ",".join(FIELDS), "--format=csv,noheader", "--id=0")
    return dict(zip(FIELDS, (part.strip() for part in row.split(",")))) if row else {}


def versions() -> dict[str, str]:
    """Return the versions of what is installed; what is not is not named."""
    found = {"python": platform.python_version(), "nvcc": output_of("nvcc", "--version").rpartition("\n")[2]}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {name: version for name, version in found.items() if version}


def commit() -> tuple[str, bool]:
    """Return the commit and whether files differ from it: a copy without .git has them in the file of prepare.sh."""
    if sha := output_of("git", "rev-parse", "--short", "HEAD"):
        return sha, bool(output_of("git", "status", "--porcelain"))
    written = CARRIED / "first" / "commit"
    sha, _, changes = (written.read_text(encoding="utf-8") if written.is_file() else "unknown").partition("\n")
    return sha, bool(changes.strip())


def meta(device: str, tag: str) -> dict[str, Any]:
    """Return what a result has to say of where and when it was measured."""
    sha, dirty = commit()
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "tag": tag,
        "device": device,
        "gpu": gpu() if device == "cuda" else {},
        "machine": platform.platform(),
        "virtualisation": output_of("systemd-detect-virt"),  # compute-sanitizer and ncu need a real driver below
        "cpus": os.cpu_count(),
        "commit": sha,
        "dirty": dirty,
        "versions": versions(),
    }
