"""Make ``wxb`` with ``_cuda`` importable: as installed, else from what prepare.sh built, else built here.

A machine that lends its GPU may have no network and no wxb: its Python, CuPy, nvcc and CMake are all there is.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import time
from pathlib import Path
from typing import Any

from probe import CARRIED, ROOT

PACKAGE = ROOT / "python" / "wxb"
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
NEEDED = ("numpy", "safetensors", "tqdm", "cupy")


def environment() -> dict[str, str]:
    """Return the variables under which a process imports this tree's wxb, once its modules lie in it."""
    paths = [str(ROOT / "python")] if list(PACKAGE.glob(f"_cpu*{SUFFIX}")) else []
    return os.environ | {"PYTHONPATH": os.pathsep.join([*paths, *filter(None, [os.environ.get("PYTHONPATH")])])}


def run(command: list[str], seconds: float) -> str:
    """Return nothing if a command succeeds, the end of what it printed if it does not."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=max(1.0, seconds), env=environment())
    except OSError as missing:
        return str(missing)
    except subprocess.TimeoutExpired:
        return f"{command[0]} took more than {seconds:.0f} s"
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip()[-2000:] or f"exit {done.returncode}"


def last_line(command: str) -> str:
    """Return nothing if Python runs a command in a process of its own, else the last line of its complaint."""
    return run([sys.executable, "-c", command], 60.0).rpartition("\n")[2]


def unpacked() -> Path:
    """Return the folder of the modules that prepare.sh packed; it is empty if there are none."""
    archive, folder = CARRIED / "first" / "modules.tar.xz", CARRIED / "modules"
    folder.mkdir(parents=True, exist_ok=True)
    if archive.is_file():
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
    return folder


def link(folder: Path) -> bool:
    """Put the modules of a folder into the tree; say whether it has any for this Python."""
    found = [path for path in folder.glob("*.so") if path.name.endswith(SUFFIX)]
    for path in found:
        place = PACKAGE / path.name
        place.unlink(missing_ok=True)
        place.symlink_to(path)
    return bool(found)


def make(folder: Path, seconds: float) -> str:
    """Build the modules for Hopper on all cores; nothing if it succeeds, else the end of what was printed."""
    end, cores = time.monotonic() + seconds, str(os.cpu_count() or 1)
    bindings = subprocess.run([sys.executable, "-m", "pybind11", "--cmakedir"], capture_output=True, text=True)
    if bindings.returncode:
        return "pybind11 is not installed, and there is no network to fetch it from"
    options = {
        "CMAKE_BUILD_TYPE": "Release",
        "WXB_CUDA": "ON",
        "WXB_CUDA_ARCHS": "90a-real",
        "Python_EXECUTABLE": sys.executable,
        "pybind11_DIR": bindings.stdout.strip(),
    }
    defines = [f"-D{name}={value}" for name, value in options.items()]
    failure = run(["cmake", "-S", str(ROOT), "-B", str(folder), "-G", "Ninja", *defines], seconds)
    return failure or run(["cmake", "--build", str(folder), "-j", cores], end - time.monotonic())


def usage(module: Path) -> dict[str, Any]:
    """Return how many kernels a module has, the most registers, and those that need a stack, by cuobjdump."""
    try:
        done = subprocess.run(["cuobjdump", "-res-usage", str(module)], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    rows = [dict(part.split(":")[:2] for part in line.split() if ":" in part) for line in done.stdout.splitlines()]
    rows = [row for row in rows if "REG" in row]
    most, stacks = max((int(row["REG"]) for row in rows), default=0), sum(row.get("STACK") != "0" for row in rows)
    return {"kernels": len(rows), "most_registers": most, "with_a_stack": stacks}


def modules(device: str, seconds: float) -> dict[str, Any]:
    """Make the compiled modules importable; return how, and ``why`` not."""
    wanted = f"import wxb._{'cuda_emulated' if device == 'emulated' else 'cuda'}"
    why = last_line(wanted)
    if not why or device == "emulated":
        return {"how": "installed", "why": why}
    if link(unpacked()) and not (why := last_line(wanted)):
        return {"how": "carried", "why": ""}
    made, before = CARRIED / "make", why
    why = make(made, seconds)
    if not why and link(made):
        why = last_line(wanted)
    return {"how": "built here", "why": why, "before": before}


def build(device: str, seconds: float) -> dict[str, Any]:
    """Return how the modules came to be here; ``ok`` is False, and ``why`` says it, where no kernel can run."""
    start = time.monotonic()
    result = modules(device, seconds)
    if device == "cuda":
        result["missing"] = [name for name in NEEDED if last_line(f"import {name}")]
        result["why"] = result["why"] or last_line("import wxb; wxb.device('cuda')")
        for module in PACKAGE.glob(f"_cuda{SUFFIX}"):
            result |= {"bytes": module.stat().st_size} | usage(module)
    return result | {"ok": not result["why"], "seconds": round(time.monotonic() - start, 1)}
