"""The emulator itself: threads that wait, shared memory, and what it says of a kernel's mistakes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EMULATOR = ROOT / "tests" / "emulator"
# The kernels stand between the markers of shared memory, as in cmake/emulator.cmake.
SOURCES = ["block.cc", "fiber.cc", "shared.cc", "shared_begin.cc", "selftest.cc", "shared_end.cc"]
FLAGS = ["-std=c++20", "-O1", "-fno-strict-aliasing", "-DBACKEND=cuda", "-DWXB_TARGET=cuda"]


@pytest.fixture(scope="session")
def selftest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("there is no g++")
    program = tmp_path_factory.mktemp("emulator") / "selftest"
    sources = [str(EMULATOR / name) for name in SOURCES]
    subprocess.run([compiler, *FLAGS, f"-I{EMULATOR}", f"-I{ROOT / 'csrc'}", *sources, "-o", program], check=True)
    return program


@pytest.mark.parametrize("seed", [None, "1", "2", "3"])
def test_threads_wait_for_each_other(selftest: Path, seed: str | None) -> None:
    environment = os.environ | ({"WXB_EMULATOR_SEED": seed} if seed else {})
    done = subprocess.run([selftest], env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == [
        "poisoned 0 0",
        "poisoned 1 1",
        "reversed 255 0",
        "seen without a barrier 0",
        "shuffled 73030001 73030406 73273031",
        "rows 1",
        "reported 299",
        "much shared memory 1",
        "too much 3",
    ]


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (
            "some come",
            ["deadlock in block (0, 0, 0)", "thread 0 waits in __syncthreads", "24 of 64 threads have ended"],
        ),
        ("two barriers", ["it comes to a barrier while others wait at another one"]),
        ("short warp", ["a mask has lanes that this block has no threads for"]),
        ("overrun", []),  # a page that no one may touch
    ],
)
def test_a_mistake_ends_the_process(selftest: Path, mistake: str, words: list[str]) -> None:
    done = subprocess.run([selftest, mistake], capture_output=True, text=True, timeout=60)
    assert done.returncode < 0
    for word in words:
        assert word in done.stderr
