"""The libraries wxb is measured beside: which are here, how each applies a function, on how many threads."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy

from ..autograd import record
from ..device import cpu, set_num_threads
from ..tensor import Tensor, tensor

__all__ = ["LIBRARIES", "calls", "chosen", "environment", "library", "module", "use_threads", "versions"]

# module -> distribution
LIBRARIES = {
    "wxb": "wxb",
    "torch": "torch",
    "jax": "jax",
    "numpy": "numpy",
    "sklearn": "scikit-learn",
    "keras": "keras",
}


def library(contestant: str) -> str:
    """Return the library of a contestant: that of ``"torch tuned"`` is ``"torch"``."""
    return contestant.partition(" ")[0]


@functools.cache
def installed(name: str) -> bool:
    """Say whether a library can be imported, without importing it."""
    return importlib.util.find_spec(name) is not None


def chosen(names: Sequence[str] | None = None) -> list[str]:
    """Return wxb and those of its peers (None: all) that are installed.

    Raises ``ValueError`` for a name that is none.
    """
    return [name for name in _wanted(names) if installed(name)]


def missing(names: Sequence[str] | None = None) -> list[str]:
    """Return the peers that would be chosen if they were installed."""
    return [LIBRARIES[name] for name in _wanted(names) if not installed(name)]


def _wanted(names: Sequence[str] | None) -> list[str]:
    for name in names or ():
        if name not in LIBRARIES:
            raise ValueError(f"peers: {name!r} is not one of {', '.join(LIBRARIES)}")
    return [name for name in LIBRARIES if names is None or name in (*names, "wxb")]


def versions(libraries: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python, wxb and these libraries."""
    found = {name: importlib.metadata.version(LIBRARIES[name]) for name in libraries if name != "wxb"}
    return {"python": platform.python_version(), "wxb": module("wxb").__version__, **found}


def module(name: str) -> Any:
    """Import a library."""
    return importlib.import_module(name)


# ---- threads ----


def environment(threads: int) -> dict[str, str]:
    """Return the variables under which every library starts with so many threads.

    They are read when a library is imported, so each number of threads has processes of its own. OpenBLAS's workers
    spin for 140 ms after a product, through the turns of the others; 2^22 cycles, 2 ms, keep them awake within a turn.
    The last two make the C library keep freed memory, as wxb's allocator does: else the peers spend most of a large row
    on fresh pages. Keras computes with jax, its faster backend for small networks, or else with torch.
    """
    n = str(threads)
    return {
        "OMP_NUM_THREADS": n,
        "OPENBLAS_NUM_THREADS": n,
        "OPENBLAS_THREAD_TIMEOUT": "22",
        "MKL_NUM_THREADS": n,
        "NPROC": n,  # jax
        "JAX_PLATFORMS": "cpu",
        "KERAS_BACKEND": "jax" if installed("jax") else "torch",
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
    }


def use_threads(name: str, threads: int) -> None:
    """Set what a library sets by a call: wxb and torch. The others have read ``environment(threads)``."""
    set_num_threads(threads)
    if name == "torch":
        module("torch").set_num_threads(threads)


# ---- the same function of the same arrays in each library ----

Make = Callable[[ModuleType], Callable[..., Any]]  # from the library's module, a function of its arrays
Arrays = Sequence[numpy.ndarray[Any, Any]]


def calls(
    arrays: Arrays, makes: Mapping[str, Make], backward: bool = False
) -> dict[str, Callable[[], Callable[[], Any]]]:
    """Return contestants that apply a function to the same arrays, those of a float dtype first.

    ``calls([x], {"numpy": lambda numpy: numpy.tanh, "torch": lambda torch: torch.tanh})``. With ``backward`` the last
    array is dy, the gradient of a loss with respect to the result y, and a call gives y and the gradients of the
    floats; numpy's function, which has no autograd, takes dy too and returns these itself. ``"wxb"`` is then a replay,
    as the Trainer's steps are and as jax's function is compiled, and ``"wxb eager"`` records a graph in every call.
    """
    inputs, dy = (arrays[:-1], arrays[-1]) if backward else (arrays, None)
    prepare = {"wxb": _wxb if dy is None else _replayed, "torch": _torch, "jax": _jax, "numpy": _numpy}
    contestants: dict[str, Callable[[], Callable[[], Any]]] = {
        name: functools.partial(prepare[library(name)], make, inputs, dy) for name, make in makes.items()
    }
    if dy is not None and "wxb" in makes:
        contestants["wxb eager"] = functools.partial(_wxb, makes["wxb"], inputs, dy)
    return contestants


def _is_float(x: Any) -> bool:
    return numpy.asarray(x).dtype.kind == "f"


def _wxb(make: Make, inputs: Arrays, dy: Any) -> Callable[[], Any]:
    function = make(module("wxb"))
    xs = [tensor(x, requires_grad=dy is not None and _is_float(x)) for x in inputs]
    if dy is None:
        return lambda: function(*xs)
    leaves, seed = [x for x in xs if x.requires_grad], cpu.array(dy, numpy.float32)

    def call() -> list[Tensor | None]:
        y = function(*xs)
        _weighed(y, seed).backward()
        gradients = [x.grad for x in leaves]
        for x in leaves:
            x.zero_grad()
        return [y, *gradients]

    return call


def _replayed(make: Make, inputs: Arrays, dy: Any) -> Callable[[], Any]:
    captured: Callable[[], Any] = module("wxb").capture(_wxb(make, inputs, dy), alias_outputs=True)
    for _ in range(2):  # the first call runs, the second records
        captured()
    return captured


def _weighed(y: Tensor, dy: Any) -> Tensor:
    """Return a loss whose gradient with respect to y is dy, at no cost."""
    return record(cpu.empty((), dy.dtype), (y,), lambda _, grads: dy)


def _torch(make: Make, inputs: Arrays, dy: Any) -> Callable[[], Any]:
    torch = module("torch")
    function, xs = make(torch), [torch.tensor(x) for x in inputs]
    if dy is None:
        return lambda: function(*xs)
    leaves, seed = [x.requires_grad_() for x in xs if x.is_floating_point()], torch.tensor(dy)

    def call() -> list[Any]:
        y = function(*xs)
        return [y.detach(), *torch.autograd.grad(y, leaves, seed)]

    return call


def _jax(make: Make, inputs: Arrays, dy: Any) -> Callable[[], Any]:
    jax = module("jax")
    function, xs = make(jax), [jax.numpy.asarray(x) for x in inputs]
    floats = sum(map(_is_float, inputs))

    def both(seed: Any, *xs: Any) -> list[Any]:
        y, pull = jax.vjp(lambda *leaves: function(*leaves, *xs[floats:]), *xs[:floats])
        return [y, *pull(seed)]

    compiled = jax.jit(function if dy is None else both)
    arguments = xs if dy is None else [jax.numpy.asarray(dy), *xs]
    return lambda: jax.block_until_ready(compiled(*arguments))


def _numpy(make: Make, inputs: Arrays, dy: Any) -> Callable[[], Any]:
    function, xs = make(numpy), [numpy.array(x) for x in inputs]
    return lambda: function(*xs) if dy is None else function(*xs, dy)
