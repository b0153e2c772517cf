"""benchmarks/gpu: the one command of a GPU run, dry: its phases over the emulated kernels, its JSON, its deadlines."""

from __future__ import annotations

import importlib
import importlib.util
import json
import subprocess
import sys
import tarfile
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "benchmarks" / "gpu"
PHASES = {"ceilings", "plans", "checks", "registry", "times", "end_to_end", "sanitizer"}
emulated = pytest.mark.skipif(not importlib.util.find_spec("wxb._cuda_emulated"), reason="no WXB_EMULATED")


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FOLDER / "run_all.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=1200)


def document(folder: Path) -> dict[str, Any]:
    return json.loads(next(folder.glob("*.json")).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def dry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a dry run of everything wrote."""
    folder = tmp_path_factory.mktemp("dry")
    done = run("--dry", "--budget", 1000, "--out", folder, "--tag", "trial")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@emulated
def test_a_dry_run_has_a_row_of_every_phase(dry: Path) -> None:
    found = document(dry)
    assert found["schema"] == 2 and found["build"]["ok"] and found["meta"]["tag"] == "trial"
    assert found["phases"].keys() == PHASES
    assert all(phase["cases"] and not phase["why"] for phase in found["phases"].values()), found["phases"]
    assert len(found["checks"]) > 200 and all(row["ok"] for row in found["checks"])
    assert {"relu_forward", "plan replayed", "registry"} <= {row["op"] for row in found["checks"]}
    assert {row["name"] for row in found["ceilings"]} == {"copy", "numpy fp32 64"}
    assert [row["works"] for row in found["sanitizer"]] == [False]


@emulated
def test_every_workload_runs_and_every_step_is_right(dry: Path) -> None:
    rows = {row["name"]: row for row in document(dry)["rows"]}
    assert all(row["us"] for name, row in rows.items() if not name.startswith("train "))
    assert {name.split()[0] for name in rows} >= {"relu", "matmul", "conv", "softmax", "attention", "lstm", "step"}
    for row in (row for name, row in rows.items() if name.startswith("step ")):
        assert row["us"].keys() >= {"wxb", "wxb eager"} and row["error"] < 1e-2
    assert rows["train cifar10 fp32"]["why"] == "a dry run"


@emulated
def test_the_budget_ends_a_run_whose_file_is_whole(tmp_path: Path) -> None:
    done = run("--dry", "--budget", "0.2", "--out", tmp_path)
    found = document(tmp_path)
    assert "Traceback" not in done.stderr
    assert {how["why"] for how in found["phases"].values()} == {"time was up"}
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("arguments", "said"), [(["--only", "check"], "check is not one of"), (["--budget", "-1"], "is not above 0")]
)
def test_bad_arguments(arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2 and said in done.stderr


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in ("probe", "build", "stages"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module("stages")
    for name in ("probe", "build", "stages"):
        sys.modules.pop(name, None)


def stage_of(stages: Any, tmp_path: Path, body: str) -> Any:
    """Return a stage of five cases, a to e, of which each runs ``body`` first."""
    worker = tmp_path / "worker.py"
    worker.write_text(
        "import json, os, sys, time\n"
        "done = json.load(open(sys.argv[2]))\n"
        "for name in 'abcde':\n"
        "    if name in done: continue\n"
        "    print(json.dumps({'begin': name}), flush=True)\n"
        + textwrap.indent(textwrap.dedent(body), "    ")
        + "\n    print(json.dumps({'row': {'op': name, 'ok': True}}), flush=True)\n"
    )
    stage = stages.Stage("checks", "none", tmp_path / "log")
    stage.command = [sys.executable, str(worker)]
    return stage


def test_a_case_that_faults_takes_no_other_with_it(stages: Any, tmp_path: Path) -> None:
    stage = stage_of(stages, tmp_path, "if name in 'bd': print('illegal address', file=sys.stderr); os._exit(9)")
    rows = list(stage.rows(time.monotonic() + 60, 30))
    assert [(row["op"], row["ok"]) for row in rows] == [(n, n not in "bd") for n in "abcde"]
    assert rows[1]["why"] == "illegal address"
    assert (stage.count, stage.why) == (3, "")


def test_a_case_that_hangs_is_stopped(stages: Any, tmp_path: Path) -> None:
    stage = stage_of(stages, tmp_path, "if name == 'c': time.sleep(1000)")
    rows = list(stage.rows(time.monotonic() + 60, 3.0))
    assert [row["op"] for row in rows if not row["ok"]] == ["c"]
    assert rows[2]["why"] == "no answer in 3 s" and len(rows) == 5


def test_the_deadline_stops_a_phase(stages: Any, tmp_path: Path) -> None:
    stage = stage_of(stages, tmp_path, "if name == 'a': time.sleep(1000)")
    rows = list(stage.rows(time.monotonic() + 5, 30))
    assert [(row["op"], row["ok"]) for row in rows] == [("a", False)]
    assert (stage.cut, stage.why, rows[0]["why"]) == ("a", "time was up", "time was up")


def test_a_phase_that_cannot_begin_says_why(stages: Any, tmp_path: Path) -> None:
    stage = stages.Stage("checks", "none", tmp_path / "log")
    stage.command = [sys.executable, "-c", "raise ImportError('no CuPy')"]
    assert list(stage.rows(time.monotonic() + 60, 30)) == []
    assert stage.why == "ImportError: no CuPy"


def test_carried_modules_are_unpacked_and_linked(stages: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    build = sys.modules["build"]
    carried, package = tmp_path / "carried", tmp_path / "wxb"
    (carried / "first").mkdir(parents=True)
    package.mkdir()
    monkeypatch.setattr(build, "CARRIED", carried)
    monkeypatch.setattr(build, "PACKAGE", package)
    assert not build.link(build.unpacked())
    with tarfile.open(carried / "first" / "modules.tar.xz", "w:xz") as packed:
        for suffix in (build.SUFFIX, ".of-another-python.so"):
            (tmp_path / f"_cuda{suffix}").write_text("module")
            packed.add(tmp_path / f"_cuda{suffix}", f"_cuda{suffix}")
    for _ in range(2):
        assert build.link(build.unpacked())
    assert [path.name for path in package.iterdir()] == [f"_cuda{build.SUFFIX}"]
    assert (package / f"_cuda{build.SUFFIX}").read_text() == "module"


@pytest.mark.parametrize("builds", [True, False])
def test_modules_are_built_where_none_are_carried(stages: Any, monkeypatch: pytest.MonkeyPatch, builds: bool) -> None:
    build = sys.modules["build"]
    answers = iter(["no _cuda", ""])
    monkeypatch.setattr(build, "last_line", lambda command: next(answers, ""))
    monkeypatch.setattr(build, "link", lambda folder: folder.name == "make")
    monkeypatch.setattr(build, "unpacked", lambda: Path("nothing"))
    monkeypatch.setattr(build, "make", lambda folder, seconds: "" if builds else "no pybind11")
    found = build.modules("cuda", 1.0)
    assert found == {"how": "built here", "why": "" if builds else "no pybind11", "before": "no _cuda"}


@emulated
def test_report_writes_the_table_of_a_gpu_run(dry: Path, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- gpu:begin -->\nold\n<!-- gpu:end -->\nafter\n")
    command = [sys.executable, str(ROOT / "benchmarks" / "report.py"), next(dry.glob("*.json")), "--readme", readme]
    for _ in range(2):
        done = subprocess.run([*map(str, command)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    text = readme.read_text()
    assert text.startswith("before\n<!-- gpu:begin -->\n") and text.endswith("<!-- gpu:end -->\nafter\n")
    assert "old" not in text and text.count("| softmax 1024 ") == 1 and text.count("| step lenet5") == 1
