"""Whether the native module under test was built with a sanitizer, which needs the address space and rewrites code."""

from __future__ import annotations

from pathlib import Path

from wxb.device import cpu


def native_module() -> Path:
    return Path(cpu.kernels.__file__)


def sanitized() -> bool:
    code = native_module().read_bytes()
    return b"__asan_init" in code or b"__tsan_init" in code
