"""The CUDA module where there is no GPU: it loads and says why it is off, its names and errors are the CPU's."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from wxb import _cpu

ROOT = Path(__file__).resolve().parents[2]
MODULE = importlib.util.find_spec("wxb._cuda")
needs_cuda = pytest.mark.skipif(MODULE is None, reason="this build has no _cuda: there was no nvcc")
OF_CUDA = {"device_count", "device_error", "set_cupy", "set_stream"}
# What a CPU alone has: its memory, instruction sets and threads, and the measurements of its limits.
OF_CPU = {"memory", "empty_cache", "fail_allocation", "isa", "isas", "isa_reason", "set_isa", "num_threads"}
OF_CPU |= {"set_num_threads", "fma_peak", "copy_bandwidth", "fork_join"}


def without_gpu(code: str) -> str:
    """Run Python code that sees no GPU, and return what it prints."""
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def public(module: object) -> set[str]:
    return {name for name in dir(module) if not name.startswith("_")}


@needs_cuda
def test_it_loads_without_a_driver_and_says_why_it_is_off() -> None:
    count, cupy, *reason = without_gpu(
        "import sys; from wxb import _cuda; print(_cuda.device_count(), 'cupy' in sys.modules, _cuda.device_error())"
    ).split()
    assert (count, cupy) == ("0", "False") and len(reason) > 3


def test_the_device_says_why_it_is_off() -> None:
    reason = without_gpu("import wxb\ntry: wxb.device('cuda')\nexcept wxb.CudaError as error: print(error)")
    missing = "the driver found no GPU (" if MODULE else "this build has no _cuda module ("
    assert reason.startswith(f"device 'cuda' is off: {missing}") and reason.endswith("use device='cpu'")


@needs_cuda
def test_it_has_the_names_of_the_cpu() -> None:
    from wxb import _cuda

    assert public(_cuda) - OF_CUDA == public(_cpu) - OF_CPU
    for name in public(_cuda) - OF_CUDA:
        ours, theirs = getattr(_cuda, name), getattr(_cpu, name)
        if hasattr(ours, "__members__"):
            members = {code: int(value) for code, value in ours.__members__.items()}
            assert members == {code: int(value) for code, value in theirs.__members__.items()}
        elif not isinstance(ours, type):
            assert ours.__doc__.replace("_cuda", "_cpu").replace("cupy", "numpy") == theirs.__doc__


@needs_cuda
@pytest.mark.skipif(not shutil.which("ldd"), reason="there is no ldd")
def test_it_links_no_cuda_library() -> None:
    libraries = subprocess.run(["ldd", MODULE.origin], capture_output=True, text=True, check=True).stdout
    assert "libstdc++" in libraries and "libcuda" not in libraries


def beside_nvcc(tool: str) -> str | None:
    compiler = shutil.which("nvcc")
    beside = Path(compiler).resolve().parent if compiler else ""
    return shutil.which(tool) or shutil.which(tool, path=f"{beside}:/usr/local/cuda/bin")


CUOBJDUMP = beside_nvcc("cuobjdump")
reads_code = pytest.mark.skipif(not CUOBJDUMP, reason="there is no cuobjdump")


def dump(*options: str, folder: Path | None = None) -> str:
    command = [CUOBJDUMP or "", *options, MODULE.origin]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def kernels() -> dict[str, list[tuple[str, int, int]]]:
    """Return the kernels of each GPU that the module has machine code for: name, registers, bytes of local memory."""
    found: dict[str, list[tuple[str, int, int]]] = {}
    for part in dump("-res-usage").split("\narch = ")[1:]:
        for row in re.findall(r"Function (\S+):\s+REG:(\d+) STACK:(\d+) SHARED:\d+ LOCAL:(\d+)", part):
            name, registers, stack, local = row
            found.setdefault(part.split(maxsplit=1)[0], []).append((name, int(registers), int(stack) + int(local)))
    return found


PRODUCTS = re.compile(r"cuda8multiplyI|cuda13multiply_sm90I")  # the main loops of gemm and conv, mangled
# Registers that a thread may have, by the kernel's mangled name; others 64, or fewer than half the threads fit.
REGISTERS = (
    (PRODUCTS, 208),  # one block of 256 threads, at the least
    (re.compile("KeptRow"), 168),  # 32 elements of one or two rows
    (re.compile("_(pool|resample)_cuda_cu"), 104),  # where a window begins and ends, in 64 bits
    (re.compile("_(attention|routing)_cuda_cu"), 192),  # a tile of scores and of sums, or an example's votes
    (re.compile("_(recurrent|tree)_cuda_cu"), 128),  # the sums of all gates: two blocks of 256 threads
    (re.compile("_boxes_cuda_cu"), 80),  # corners and areas of two boxes, and their gradients
)


BOUNDED = re.compile("run_elements|reduce_axis|run_rows_by_warp")  # by WXB_BOUNDS


@needs_cuda
@reads_code
def test_no_kernel_spills() -> None:
    found = kernels()
    assert found and all(len(of_gpu) >= 150 for of_gpu in found.values())
    for gpu, of_gpu in found.items():
        assert [name for name, _, memory in of_gpu if memory] == [], gpu
        for name, registers, _ in of_gpu:
            allowed = next((most for pattern, most in REGISTERS if pattern.search(name)), 64)
            if gpu == "sm_80" and BOUNDED.search(name):  # fewer blocks on a processor rather than a spill
                allowed = max(allowed, 112)
            assert registers <= allowed, (gpu, name)


@needs_cuda
@reads_code
@pytest.mark.nightly
@pytest.mark.skipif(not beside_nvcc("ptxas"), reason="there is no ptxas")
def test_it_is_for_every_gpu(tmp_path: Path) -> None:
    assert kernels().keys() == {"sm_80", "sm_90a"}
    dump("-xptx", "all", folder=tmp_path)
    texts = sorted(tmp_path.iterdir())
    assert len(texts) == len(list(ROOT.glob("csrc/*/*_cuda.cu")))
    for text in texts:  # as a newer GPU's driver does, to which the registers are left
        subprocess.run([beside_nvcc("ptxas") or "", "-arch=sm_120", "-o", os.devnull, text], check=True)


@needs_cuda
@reads_code
@pytest.mark.skipif(not beside_nvcc("nvdisasm"), reason="there is no nvdisasm")
def test_products_are_those_of_the_tensor_cores() -> None:
    names = {name for of_gpu in kernels().values() for name, *_ in of_gpu}
    products = sorted(n for n in names if PRODUCTS.search(n) and ("sm90" in n or "TensorCores" in n))
    sass = dump("-sass", "-fun", ",".join(products))
    for instruction in ("HMMA.1688.F32.TF32", "HMMA.16816.F32.BF16", "LDSM.16.M88.4", "LDGSTS.E.BYPASS.128"):
        assert instruction in sass, instruction
    if "sm_90a" in sass:
        for instruction in ("HGMMA.64x128x8.F32.TF32", "HGMMA.64x128x16.F32.BF16", "UTMALDG.2D", "USETMAXREG"):
            assert instruction in sass, instruction
    assert not re.search(r"\b(LDL|STL)\b", sass)


MISTAKES = (
    ("fill(array(3, dtype='float16'), 0)", "TypeError fill: dtype is float16, it must be float32, float64, int64,"),
    ("unary_forward(Unary.exp, array(3), array(4), 0, 0)", "ValueError unary_forward: x has shape (3,), it must"),
    ("unary_forward(Unary.exp, array(3), array(3, dtype='d'), 0, 0)", "TypeError unary_forward: y has dtype float64"),
    ("cast(array(4, 4, strides=(4, 16)), array(4, 4))", "TypeError cast: x is not contiguous; pass a contiguous copy"),
    ("fill(array(3, device_id=1), 0)", "TypeError array: it lies on GPU 1, wxb uses GPU 0; copy it there first"),
    ("compare(Comparison.less, array(3), array(2), array(3))", "ValueError compare: shapes (2,) and (3,) do not"),
    ("fill(numpy.zeros(3, 'f'), 0)", "TypeError array: it lies on the CPU, the other operands on a GPU; use .to()"),
    ("fill([0], 0)", "TypeError fill(): incompatible function arguments"),
    ("_cuda.fma_peak()", "CudaError fma_peak: this kernel has no CUDA half in this version; move its operands with"),
    ("_cuda.__path__", "AttributeError module 'wxb._cuda' has no attribute '__path__'"),
    ("empty((-1,), numpy.dtype('f'))", "ValueError empty: shape is (-1,), no axis may be negative"),
    ("fill(array(3), 0)", "CudaError fill: cudaError"),
    ("fill(array(0), 0)", "None"),
)  # fmt: skip


@needs_cuda
@pytest.mark.parametrize(("call", "answer"), MISTAKES, ids=[answer[:40] for _, answer in MISTAKES])
def test_a_mistake_gets_the_error_of_the_cpu(call: str, answer: str) -> None:
    got = without_gpu(f"""
import numpy, standin
from standin import array
from wxb import _cuda
from wxb._cuda import *
set_cupy(standin.library())
try: print({call})
except Exception as error: print(type(error).__name__, error)
""")
    assert got.startswith(answer)


@needs_cuda
def test_without_cupy_it_says_so() -> None:
    code = "from wxb import _cuda\ntry: _cuda.fill(1, 2)\nexcept Exception as error: print(type(error).__name__, error)"
    assert without_gpu(code) == "CudaError cuda: CuPy is not loaded; get the device with wxb.device('cuda')"


@needs_cuda
def test_a_plan_takes_memory_from_its_own_pool() -> None:
    got = without_gpu("""
import numpy, standin
from wxb import _cuda
_cuda.set_cupy(standin.library())
plan, single = _cuda.Plan(), numpy.dtype('f')
with plan:
    assert _cuda.recording()
    scratch, kept = _cuda.empty((3, 5), single), _cuda.empty((7,), single, True)
    try: _cuda.set_stream(1)
    except RuntimeError as error: print(error)
print(scratch.shape, scratch.dtype, kept.shape, plan.memory.live, plan.memory.reserved, len(plan))
""")
    assert got.splitlines() == [
        "set_stream: a plan records; change the stream outside of it",
        "(3, 5) float32 (7,) 60 60 0",
    ]


SHORT = """
import numpy, standin
from wxb import _cuda
_cuda.set_cupy(standin.library({needed}))
try: print(_cuda.empty((5, 7), numpy.dtype('f')).shape)
except MemoryError as error: print(error)
"""


@needs_cuda
def test_out_of_memory_gives_idle_memory_back_before_it_says_so() -> None:
    assert without_gpu(SHORT.format(needed=1)) == "(5, 7)"
    said = without_gpu(SHORT.format(needed=2))
    assert (
        said
        == "empty: 140 bytes are wanted, of the GPU's 0 are 0 free; use a smaller batch, or delete what is not needed"
    )


def test_an_array_of_a_gpu_is_no_array_of_the_cpu() -> None:
    class OfGpu:
        __cuda_array_interface__ = None

    with pytest.raises(TypeError, match=r"array: it lies on a GPU, the other operands on the CPU; use .to\(\)"):
        _cpu.fill(OfGpu(), 0)
