"""No call of a raw kernel crashes or hangs, whatever one of its arguments is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import kernels
import pytest
from sanitizer import sanitized

HERE = Path(__file__).parent


def fuzz(count: int, seconds: int) -> None:
    command = [sys.executable, HERE / "fuzz.py", "--cases", str(count)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]
    assert ", 0 of them fatal" in ran.stdout


@pytest.mark.skipif(sanitized(), reason="a sanitizer needs more address space than the limit leaves")
def test_one_fault_at_a_time_subprocess() -> None:
    fuzz(2000, 300)


@pytest.mark.nightly
@pytest.mark.skipif(sanitized(), reason="a sanitizer needs more address space than the limit leaves")
def test_every_fault_subprocess() -> None:
    fuzz(0, 3600)


def test_every_kernel_is_overheard() -> None:
    heard = {call.name for _, made in kernels.calls() for call in made}
    assert heard == kernels.kernel_names()
