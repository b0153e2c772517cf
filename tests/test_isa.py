"""An old CPU meets no instruction it lacks, and WXB_ISA chooses."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest
from conftest import ISAS
from sanitizer import native_module, sanitized
from wxb.device import cpu

WIDE = re.compile(r"%[yz]mm|%k[0-7]")
DISPATCHED = re.compile(r"wxb::(avx2|avx512|avx512_emulated|neon_emulated)::")


@pytest.mark.skipif(not shutil.which("objdump"), reason="objdump is not installed")
@pytest.mark.skipif(sanitized(), reason="a sanitizer changes the code")
@pytest.mark.skipif("avx2" not in ISAS, reason="not an x86-64 build")
def test_wide_instructions_stand_only_where_they_are_dispatched() -> None:
    """VEX and EVEX instructions have mnemonics in v; none may stand outside the objects compiled for AVX."""
    command = ["objdump", "-d", "-C", "--no-show-raw-insn", native_module()]
    symbol, inside, wrong, right = "", False, {}, 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            if line.endswith(">:\n"):
                symbol = line.partition("<")[2][:-3]
                inside = DISPATCHED.search(symbol) is not None
                continue
            instruction = line.partition("\t")[2]
            if (instruction.startswith("v") and not instruction.startswith("ver")) or WIDE.search(instruction):
                right += inside
                if not inside:
                    wrong.setdefault(symbol, instruction.strip())
    assert right > 1000, "the dispatched objects are missing"
    assert not wrong, f"{len(wrong)} symbols, among them {list(wrong.items())[:5]}"


def asked(value: str | None) -> str:
    code = "from wxb.device import cpu; print(cpu.kernels.isa(), '|', cpu.kernels.isa_reason())"
    environment = {"PYTHONPATH": ":".join(sys.path)} | ({"WXB_ISA": value} if value is not None else {})
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@pytest.mark.parametrize("name", ISAS)
def test_the_environment_chooses_subprocess(name: str) -> None:
    assert asked(name) == f"{name} | WXB_ISA asks for it"


def test_without_a_wish_the_widest_subprocess() -> None:
    widest = [name for name in ISAS if "emulated" not in name][-1]
    assert asked(None) == asked("") == f"{widest} | the widest this CPU runs"


def test_an_unknown_wish_is_said_subprocess() -> None:
    widest = [name for name in ISAS if "emulated" not in name][-1]
    assert asked("sse9") == f"{widest} | the widest this CPU runs; WXB_ISA=sse9 is not one of those it can run"


def test_set_isa_names_what_there_is() -> None:
    before = cpu.kernels.isa()
    with pytest.raises(ValueError, match=r"isa: 'sse9' is not one of those this CPU and build can run: ref"):
        cpu.kernels.set_isa("sse9")
    assert cpu.kernels.isa() == before
