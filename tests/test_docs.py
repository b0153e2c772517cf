"""The Python blocks of README and docs run, one after the other, as a reader would type them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p)], ids=lambda p: p.name)
def test_python_blocks_run(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in blocks(page):
        exec(compile(block, str(page), "exec"), names)
    if page.name == "README.md":
        assert names["trainer"].history["accuracy"][-1] > 0.97


def test_the_example_runs_and_draws(tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    import runpy
    import sys

    picture = tmp_path / "perceptron.png"
    monkeypatch.setattr(sys, "argv", ["perceptron.py", str(picture)])
    runpy.run_path(str(ROOT / "examples" / "perceptron.py"), run_name="__main__")
    assert picture.stat().st_size > 10_000
    assert "mistakes of 569" in capsys.readouterr().out


def test_the_stub_names_what_the_native_module_has():
    import ast

    from wxb import _cpu

    stub = Path(_cpu.__file__).with_name("_cpu.pyi")
    tree = ast.parse(stub.read_text(encoding="utf-8"))
    named = {n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    assert named == {n for n in dir(_cpu) if not n.startswith("_")}
