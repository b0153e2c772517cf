"""The house holds: imports point down, only device.py knows kernels and cupy, ops never compute in numpy."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "python" / "wxb"
FILES = sorted(PACKAGE.rglob("*.py"))
SOURCES = sorted(p for p in (ROOT / "csrc").rglob("*") if p.suffix in (".h", ".cc", ".cu", ".cuh"))

# Every part of the package on its floor; a part imports only from floors below, and within a floor without circles.
FLOORS = [
    ["errors"],
    ["_cpu", "_cuda"],
    ["device"],
    ["watch"],
    ["tensor", "autograd"],
    ["ops"],
    ["nn", "optim"],
    ["data", "io"],
    ["models", "train", "plots"],
    ["recipes", "doctor", "bench"],
    ["cli", "__main__"],
]
FLOOR = {name: i for i, names in enumerate(FLOORS) for name in names}
LATE = {("tensor", "autograd")}  # Tensor.backward() calls what is made of Tensors


def module_of(file: Path) -> str:
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(file: Path) -> Iterator[tuple[str, bool]]:
    """Yield the modules of wxb that a file imports, dotted below wxb, and whether at its top level."""
    tree, own = ast.parse(file.read_text()), module_of(file)
    package = own if file.name == "__init__.py" else own.rpartition(".")[0]
    late = (f for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) or is_for_types(f))
    top = set(ast.walk(tree)) - {n for part in late for n in ast.walk(part)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "wxb":
                    yield alias.name.partition(".")[2], node in top
        elif isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").split(".")[0] == "wxb"):
            base = (node.module or "").partition(".")[2] if not node.level else up(package, node.level - 1, node.module)
            for alias in node.names:
                inner = f"{base}.{alias.name}" if base else alias.name
                yield inner if is_module(inner) else base, node in top


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def up(package: str, levels: int, name: str | None) -> str:
    parts = package.split(".") if package else []
    return ".".join([*parts[: len(parts) - levels], *(name.split(".") if name else [])])


def is_module(dotted: str) -> bool:
    path = PACKAGE.joinpath(*dotted.split("."))
    return path.with_suffix(".py").exists() or path.is_dir() or dotted in ("_cpu", "_cuda")


def room(dotted: str) -> str:
    return dotted.split(".")[0]


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_point_down(file: Path) -> None:
    own = room(module_of(file))
    if not own:  # wxb/__init__.py is the roof
        return
    for imported, at_top in imports(file):
        other = room(imported)
        if other == own or (not at_top and (own, other) in LATE):
            continue
        assert other, f"{own} imports the package itself"
        below = FLOOR[other] < FLOOR[own]
        beside = FLOOR[other] == FLOOR[own] and not any(
            room(m) == own for f in FILES if room(module_of(f)) == other for m, top in imports(f) if top
        )
        assert below or beside, f"{own} imports {other}, which stands above it"


def test_no_circles() -> None:
    graph = {module_of(f): {m for m, top in imports(f) if top and m} for f in FILES if module_of(f)}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path, module))
        if module not in done:
            for other in sorted(graph.get(module, ())):
                # A package that imports its own parts is no circle, nor a part that names its package.
                if not module.startswith(other + "."):
                    visit(other, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


@pytest.mark.parametrize("name", ["cupy", "_cpu", "_cuda"])
def test_only_device_imports(name: str) -> None:
    users = set()
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            module = node.module if isinstance(node, ast.ImportFrom) else ""
            if name in {part for n in (*names, module or "") for part in n.split(".")}:
                users.add(module_of(file))
    assert users <= {"device"}


# What ops may take from numpy: names of types and the arithmetic of shapes, never of arrays.
ALLOWED = {"dtype", "bool_", "float32", "float64", "int64", "uint8", "uint64", "integer", "floating", "number"}
ALLOWED |= {"ndarray", "generic", "inf", "nan", "broadcast_shapes", "issubdtype", "newaxis", "isscalar"}

# What a caller passes beside Tensors is looked at on the host: keys between brackets, the widths of a padding.
ON_THE_HOST = {"keys.py": {"asarray", "zeros", "flatnonzero"}, "indexing.py": {"asarray", "broadcast_to"}}


@pytest.mark.parametrize("file", sorted((PACKAGE / "ops").glob("*.py")), ids=lambda f: f.stem)
def test_ops_do_not_compute_in_numpy(file: Path) -> None:
    tree = ast.parse(file.read_text())
    aliases = {"numpy", "np", "cupy"}
    for node in ast.walk(tree):
        assert not (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in aliases), file.name
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            assert node.attr in ALLOWED | ON_THE_HOST.get(file.name, set()), (
                f"{file.name}:{node.lineno}: numpy.{node.attr}"
            )
        if isinstance(node, ast.Attribute):
            assert node.attr != "xp", f"{file.name}:{node.lineno}: ops name no array library"


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_nothing_is_unpickled_or_evaluated(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = [a.name for a in node.names] + [getattr(node, "module", None) or ""]
            assert not {m.split(".")[0] for m in modules} & {"pickle", "dill", "marshal", "shelve"}, node.lineno
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec"), f"{file.name}:{node.lineno}"
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant) and node.value.value is False, f"{file.name}: allow_pickle"


def test_no_flag_that_changes_arithmetic_or_the_baseline() -> None:
    texts = [ROOT / "CMakeLists.txt", ROOT / "pyproject.toml", *(ROOT / "cmake").glob("*.cmake"), *SOURCES]
    for file in texts:
        for line in file.read_text().splitlines():
            code = re.sub(r"(#|//).*", "", line)
            for flag in ("-march=native", "-ffast-math", "-Ofast", "--use_fast_math", "-funsafe-math"):
                assert flag not in code, f"{file.name}: {flag}"


def test_rooms_of_csrc_point_down() -> None:
    """Core includes no room, and no two rooms include each other."""
    seen: dict[str, set[str]] = {}
    for file in SOURCES:
        own = file.parent.name if file.parent != ROOT / "csrc" else "module"
        for target in re.findall(r'#include "([^"]+)"', file.read_text()):
            folder = target.rpartition("/")[0]
            if folder and folder != own:
                seen.setdefault(own, set()).add(folder)
    assert not seen.get("core"), f"core includes {seen['core']}"
    for own, others in seen.items():
        for other in others - {"core"}:
            assert own not in seen.get(other, set()), f"{own} and {other} include each other"


def test_python_objects_stop_at_the_bindings() -> None:
    """Kernels know no Python: pybind11 stands in core, in _bind.cc files and in module.cc alone."""
    for file in SOURCES:
        if file.parent.name != "core" and not file.stem.endswith("_bind") and file.name != "module.cc":
            text = file.read_text()
            assert "pybind11" not in text and "py::" not in text, file.name
            assert not re.search(r'#include "core/(array|plan|check|broadcast_bind)\.h"', text), file.name
