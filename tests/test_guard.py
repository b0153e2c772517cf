"""Kernels touch nothing but their operands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sanitizer import sanitized

HERE = Path(__file__).parent


@pytest.mark.skipif(sanitized(), reason="the sanitizer watches memory itself")
def test_operands_between_guard_pages_subprocess() -> None:
    ran = subprocess.run([sys.executable, HERE / "guard.py"], capture_output=True, text=True, timeout=600)
    last = "\n".join([*ran.stdout.splitlines()[-2:], ran.stderr[-2000:]])
    assert ran.returncode == 0, f"exit {ran.returncode} after {last}"
    assert "calls between guard pages" in ran.stdout
