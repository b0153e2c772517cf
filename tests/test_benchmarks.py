"""The benchmark scripts with next to no time: what they write, what report.py makes of it. No times are asserted."""

import functools
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from wxb.bench import Options, Row, Workload, table
from wxb.bench import run as measured
from wxb.bench.timing import close_to, microseconds, timed
from wxb.bench.worker import Gone

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
QUICK = ("--seconds", "0.2", "--peers", "numpy")


def run(script, *arguments):
    return subprocess.run(
        [sys.executable, BENCHMARKS / script, *map(str, arguments)], capture_output=True, text=True, timeout=300
    )


def rows_of(path):
    document = json.loads(path.read_text())
    meta = document["meta"]
    assert meta.keys() >= {"cpu", "isa", "threads", "versions", "commit", "date", "limits"}
    for limits in meta["limits"].values():
        assert limits["fma"] > 0
        assert all(rate > 0 for rate in limits["copy"].values())
    for row in document["rows"]:
        assert row.keys() == Row("", 1, {}).__dict__.keys()
        assert all(math.isfinite(us) and us > 0 for us in row["us"].values())
    return document["rows"]


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    """The document of a few rows of each family, on one thread and on two."""
    out = tmp_path_factory.mktemp("results") / "kernels.json"
    only = (
        "gemm nt 64x64x64",
        "linear * 32x128",
        "gelu in cache *",
        "softmax 256x*",
        "dropout in cache *",
        "sum *32x1000",
    )
    ran = run("kernels.py", *QUICK, "--threads", 1, 2, "--only", *only, "--out", out)
    assert ran.returncode == 0, ran.stderr
    assert "gelu in cache" in ran.stdout
    return out


def test_kernels_schema(kernels):
    rows = rows_of(kernels)
    assert len(rows) == 12
    for row in rows:
        assert row["us"].keys() - {"wxb eager"} == {"wxb", "numpy"}
        assert ("wxb eager" in row["us"]) == ("backward" in row["name"])
        assert row["best_peer"] == "numpy"
        assert row["ratio"] == pytest.approx(row["us"]["numpy"] / row["us"]["wxb"])
        assert row["share"] == pytest.approx(row["limit"] / row["us"]["wxb"])
        assert row["error"] is not None
    assert {row["threads"] for row in rows} == {1, 2}
    assert {row["name"]: row["target"] for row in rows}["gemm nt 64x64x64"] == 1.15


def test_steps_compare_losses_before_they_are_timed(tmp_path):
    out = tmp_path / "steps.json"
    ran = run(
        "steps.py", *QUICK, "--threads", 1, "--only", "step 2-16-16-1 *", "step 784-128-10 batch 32 *", "--out", out
    )
    assert ran.returncode == 0, ran.stderr
    rows = rows_of(out)
    assert len(rows) == 3
    assert all(row["us"].keys() == {"wxb", "wxb eager", "numpy"} and row["error"] < 1e-3 for row in rows)


def test_epoch_of_digits():
    ran = run("steps.py", "--seconds", 0.2, "--peers", "sklearn", "numpy", "--threads", 1, "--only", "epoch *")
    assert ran.returncode == 0, ran.stderr


def test_fit_of_digits():
    ran = run("steps.py", *QUICK, "--threads", 1, "--only", "fit *")
    assert ran.returncode == 0, ran.stderr
    assert "wxb eager" in ran.stdout


def test_overhead():
    ran = run("overhead.py", *QUICK)
    assert ran.returncode == 0, ran.stderr
    assert "captured step" in ran.stdout


def test_report_writes_between_the_markers(kernels, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- benchmark:begin -->\nold\n<!-- benchmark:end -->\nafter\n")
    for _ in range(2):
        ran = run("report.py", kernels, "--readme", readme)
        assert ran.returncode == 0, ran.stderr
    text = readme.read_text()
    assert text.startswith("before\n<!-- benchmark:begin -->\n")
    assert text.endswith("<!-- benchmark:end -->\nafter\n")
    assert "old" not in text
    assert text.count("| gelu in cache") == 2  # on one thread and on two


def test_report_wants_markers(kernels, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("nothing")
    ran = run("report.py", kernels, "--readme", readme)
    assert ran.returncode == 1
    assert "it must have the lines" in ran.stderr
    assert readme.read_text() == "nothing"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, None),
        ({"ratio": 1.1}, "ratio to numpy 1.10, target 1.15"),
        ({"us": {}, "ratio": None}, "wrong result"),
        ({"name": "gemm nn 512x512x512", "target": 1.0, "share": 0.8}, "share of the FMA peak 0.80, target 0.9"),
        ({"name": "epoch digits 64-100-10 batch 200", "us": {"wxb": 1.0, "sklearn": 3.0}}, "ratio to sklearn 3.00"),
    ],
)
def test_misses(tmp_path, change, said):
    row = Row("gemm nn 64x64x64", 1, {"wxb": 1.0, "numpy": 1.2}, "numpy", 1.2, 1.15, 0.95, 0.95, 0.0)
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({"meta": {}, "rows": [{**row.__dict__, **change}]}))
    ran = run("report.py", "--misses", path)
    assert ran.returncode == (1 if said else 0), ran.stderr
    assert (said or "every row reaches its target") in ran.stdout


def test_two_threads_are_held_against_one(tmp_path):
    name = "gemm nn 512x512x512"
    rows = [Row(name, threads, {"wxb": us}, share=0.95) for threads, us in ((1, 100.0), (2, 60.0))]
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({"meta": {}, "rows": [row.__dict__ for row in rows]}))
    ran = run("report.py", "--misses", path)
    assert ran.returncode == 1
    assert "2 threads: ratio to one thread 1.67, target 1.9" in ran.stdout


# ---- the parts ----


def ones(name, **others):
    """Return a workload of wxb and others, all of which are to return ones."""
    one = numpy.ones(3)
    return Workload(name, lambda: ({"wxb": lambda: lambda: one, **others}, close_to(one)))


def fails():
    raise OSError("no such function")


def ends():
    os._exit(3)


# What the processes of the libraries find in this module.


def wrong_and_right():
    return [
        ones("wrong", numpy=lambda: lambda: numpy.zeros(3)),
        ones("failed", numpy=fails),
        ones("right", numpy=lambda: lambda: numpy.ones(3)),
    ]


def ends_in_the_first():
    return [ones("first", numpy=lambda: ends), ones("second", numpy=lambda: lambda: numpy.ones(3))]


def wxb_ends():
    return [ones("first", wxb=lambda: ends)]


def wxb_fails():
    return [ones("first", wxb=fails)]


BRIEFLY = Options(seconds=0.1, threads=[1], peers=["numpy"])


def test_a_wrong_result_is_not_timed_and_a_peer_that_fails_is_left_out(capfd):
    wrong, failed, right = measured(wrong_and_right, BRIEFLY)["rows"]
    assert wrong["us"] == {}
    assert failed["us"].keys() == {"wxb"}
    assert failed["ratio"] is None
    assert right["us"].keys() == {"wxb", "numpy"}
    said = capfd.readouterr().err
    assert "WRONG wrong: the error of numpy is 1, at most" in said
    assert "failed: numpy is left out, it raised OSError: no such function" in said


def test_a_peer_whose_process_ends_is_left_out_from_there_on(capfd):
    rows = measured(ends_in_the_first, BRIEFLY)["rows"]
    assert [row["us"].keys() for row in rows] == [{"wxb"}, {"wxb"}]
    assert "first: the process of numpy ended with status 3; numpy is left out" in capfd.readouterr().err


@pytest.mark.parametrize(("workloads", "status"), [(wxb_ends, 3), (wxb_fails, 1)])
def test_without_wxb_there_is_nothing_to_measure(workloads, status):
    with pytest.raises(Gone, match=f"the process of wxb ended with status {status}"):
        measured(workloads, BRIEFLY)


def test_the_environment_is_left_as_it_was():
    before = os.environ.copy()
    measured(wrong_and_right, BRIEFLY)
    assert os.environ.copy() == before


@pytest.mark.parametrize(
    ("result", "error"),
    [
        ([1.0, 2.0], 0.0),
        ([1.0, 1.0], 0.5),
        ([1.0], math.inf),
        ([1.0, math.nan], math.nan),
    ],
)
def test_error_of_a_result(result, error):
    assert close_to(numpy.array([1.0, 2.0]))(numpy.array(result)) == pytest.approx(error, nan_ok=True)


def test_error_of_several_results_is_the_largest():
    error = close_to(numpy.ones(2), numpy.ones(4)[::2], step=1)
    assert error([numpy.ones(2), numpy.full(2, 1.5)]) == 0.5
    assert error([numpy.ones(2)]) == math.inf


def test_contestants_take_turns():
    order = []
    times = microseconds({name: functools.partial(timed, lambda name=name: order.append(name)) for name in "ab"}, 0.001)
    assert times.keys() == {"a", "b"}
    turns = [name for name, before in zip(order, [None, *order]) if name != before]
    assert turns[:4] == ["a", "b", "a", "b"]


def test_table_has_a_line_per_row():
    lines = table([Row("add", 1, {"wxb": 0.5, "numpy": 1234.0}, ratio=2468.0, bytes=500.0).__dict__]).splitlines()
    assert len(lines) == 3
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == [
        "add",
        "1",
        "0.500",
        "1,234",
        "1.0 GB/s",
        "",
        "2468.00",
    ]
    assert table([]) == "no rows"
