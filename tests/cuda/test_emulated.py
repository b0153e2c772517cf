"""The CUDA kernels themselves, compiled for the CPU: what benchmarks/gpu checks on a GPU, over numpy arrays."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "benchmarks" / "gpu" / "run_all.py"


@pytest.mark.skipif(not importlib.util.find_spec("wxb._cuda_emulated"), reason="this build has no WXB_EMULATED")
def test_every_kernel_computes_what_it_should(tmp_path: Path) -> None:
    command = [sys.executable, SCRIPT, "--emulated", "--only", "plans,checks", "--budget", "3000", "--out", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1000)
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(next(tmp_path.glob("*.json")).read_text(encoding="utf-8"))
    checks = {row["op"] for row in document["checks"]}
    assert document["meta"]["device"] == "emulated" and all(row["ok"] for row in document["checks"])
    assert {"relu_forward", "gelu_backward", "add_backward", "less", "where", "fill", "plan replayed"} <= checks
    assert sum(row["cases"] for row in document["checks"]) > 3000
