"""Check and time the CUDA kernels on this machine's GPU: at most ten minutes, one JSON file.

    pip install '.[cuda13]'
    python benchmarks/gpu/run_all.py                    checks, plans and times
    python benchmarks/gpu/run_all.py --only checks      part of it
    python benchmarks/gpu/run_all.py --emulated         the checks over numpy arrays, in a build with WXB_EMULATED

The exit status is 1 if a check fails. What waits for a GPU stands in QUEUE.md.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import checks
import numpy
import plans
import products
import sequences
import times
import wxb
from wxb.device import Device

ROOT = Path(__file__).resolve().parents[2]
PHASES = ("checks", "plans", "registry", "times")


def emulated() -> Device:
    """Return a device whose CUDA kernels run on the CPU."""
    try:
        from wxb import _cuda_emulated
    except ImportError as error:
        raise SystemExit(f"run_all: {error}; install with -Ccmake.define.WXB_EMULATED=ON") from None
    return Device("emulated", numpy, _cuda_emulated)


def output_of(*command: str) -> str:
    """Return what a command prints, nothing where it is missing or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def gpu() -> dict[str, str]:
    fields = ("name", "driver_version", "clocks.sm", "clocks.mem", "clocks.max.sm", "temperature.gpu", "power.draw")
    row = output_of("nvidia-smi", "--query-gpu=" + ",".join(fields), "--format=csv,noheader", "--id=0")
    return dict(zip(fields, (part.strip() for part in row.split(","))))


def meta(dev: Device, tag: str) -> dict[str, Any]:
    versions = {"wxb": wxb.__version__, "numpy": numpy.__version__, "python": platform.python_version()}
    if dev.xp is not numpy:
        versions |= {"cupy": dev.xp.__version__, "cuda": str(dev.xp.cuda.runtime.runtimeGetVersion())}
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "tag": tag,
        "device": dev.name,
        "gpu": gpu(),
        "machine": platform.platform(),
        "commit": output_of("git", "rev-parse", "--short", "HEAD"),
        "dirty": bool(output_of("git", "status", "--porcelain")),
        "versions": versions,
    }


def first_launch(dev: Device) -> float:
    """Return the seconds of the first launch: it loads, and unpacks, the kernels."""
    y = dev.empty((16,), numpy.dtype("float32"))
    start = time.perf_counter()
    dev.kernels.fill(y, 0.0)
    checks.host(y)
    return time.perf_counter() - start


def timed(dev: Device, document: dict[str, Any], save: Any, deadline: float) -> None:
    document["rows"].append(times.launch_overhead(dev))
    with plans.own_stream(dev) as stream:
        limit = document["meta"]["copy_gb_per_s"] = times.copy_rate(dev, stream)
        for work in (*times.workloads(dev), *products.workloads(dev), *sequences.sequence_workloads(dev)):
            if time.monotonic() > deadline:
                document["meta"]["cut"] = work.name
                break
            document["rows"].append(times.measure(dev, work, stream, limit))
            save()


def check_registry(dev: Device, seconds: float) -> dict[str, Any]:
    """Run every op of the tests' registry on the device, in a process of its own: one row of how many passed."""
    tests = ["tests/cuda/test_registry_cuda.py", "-k", "cuda and not emulated" if dev.name == "cuda" else "emulated"]
    try:
        command = [sys.executable, "-m", "pytest", "-q", "--tb=line", "-p", "no:cacheprovider", *tests]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=seconds)
        text, ok = done.stdout, done.returncode == 0
    except subprocess.TimeoutExpired as late:
        text, ok = str(late), False
    last = text.strip().rpartition("\n")[2]
    passed = re.search(r"(\d+) passed", last)
    why = "" if ok else "\n".join(line for line in text.splitlines() if line.startswith("FAILED"))[:4000] or last
    return {"op": "registry", "dtype": "all", "cases": int(passed[1]) if passed else 0, "ok": ok, "why": why}


def report(document: dict[str, Any]) -> bool:
    """Print the checks and the times; return whether every check passed."""
    for row in document["checks"]:
        if not row["ok"]:
            print(f"FAILED {row['op']} {row['dtype']}: {row.get('why') or row.get('error')}")
    passed = sum(row["ok"] for row in document["checks"])
    print(f"{passed} of {len(document['checks'])} checks pass, {sum(r['cases'] for r in document['checks'])} cases")
    for row in document["rows"]:
        rate = f"{row['gb_per_s']:8.0f} GB/s {row['share']:6.1%} of a copy" if row["limit"] else ""
        rate = f"{row['tflops']:8.1f} TFLOP/s" if row.get("tflops") else rate
        print(f"{row['name']:34} {row['us']['wxb']:9.2f} us  {row['ratio']:5.2f} x cupy {rate}")
    return passed == len(document["checks"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PHASES), help="phases, of " + ", ".join(PHASES))
    parser.add_argument("--emulated", action="store_true")
    parser.add_argument("--budget", type=float, default=540.0, metavar="SECONDS")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "gpu", metavar="FOLDER")
    parser.add_argument("--tag", default="")
    options = parser.parse_args()
    phases = options.only.split(",")
    if unknown := set(phases) - set(PHASES):
        parser.error(f"--only: {', '.join(sorted(unknown))} is not one of {', '.join(PHASES)}")

    deadline = time.monotonic() + options.budget
    dev = emulated() if options.emulated else wxb.device("cuda")
    document: dict[str, Any] = {"meta": meta(dev, options.tag), "checks": [], "rows": []}
    about = document["meta"]
    name = about["gpu"].get("name", dev.name).lower().replace(" ", "-") if not options.emulated else dev.name
    path = options.out / f"{about['date'][:10]}-{name}-{about['commit'] or 'unknown'}.json"
    path.parent.mkdir(parents=True, exist_ok=True)

    def save() -> None:
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")

    about["first_launch_seconds"] = first_launch(dev)
    if "checks" in phases:
        document["checks"] += checks.check_numpy(dev) + checks.check_kernels(dev)
        save()
    if "plans" in phases:
        document["checks"] += plans.check_plans(dev)
        save()
    if "registry" in phases and not options.emulated:  # the tests themselves do that
        document["checks"].append(check_registry(dev, 0.6 * max(0.0, deadline - time.monotonic())))
        save()
    if "times" in phases and not options.emulated:
        timed(dev, document, save, deadline)
    about["gpu_after"] = gpu()
    save()
    print(path)
    return 0 if report(document) else 1


if __name__ == "__main__":
    sys.exit(main())
