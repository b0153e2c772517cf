"""Threads: none at import, as many as asked for, alive again after a fork, the same bits whatever their number."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest
import wxb
from wxb import ops


def script(code: str, **environment: str) -> str:
    env = {"PYTHONPATH": ":".join(sys.path), **environment}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=120)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout.strip()


COUNT = "import os; count = lambda: len(os.listdir('/proc/self/task'))\n"


def test_import_starts_no_thread_subprocess() -> None:
    assert script(COUNT + "import numpy; before = count(); import wxb; print(count() - before)") == "0"


def test_one_thread_starts_none_subprocess() -> None:
    code = COUNT + (
        "import numpy; before = count(); import wxb; wxb.set_num_threads(1)\n"
        "x = wxb.tensor(numpy.ones((500, 500))); (x @ x).sum(); print(count() - before)"
    )
    assert script(code) == "0"


@pytest.mark.parametrize(("value", "threads"), [("1", 1), ("3", 3), ("0", None), ("nonsense", None), ("99999", 1024)])
def test_omp_num_threads_is_honoured_subprocess(value: str, threads: int | None) -> None:
    code = "import os, wxb; print(wxb.num_threads(), len(os.sched_getaffinity(0)))"
    found, cpus = script(code, OMP_NUM_THREADS=value).split()
    assert int(found) == (threads if threads is not None else int(cpus))


@pytest.mark.parametrize("bad", [0, -1, 1025, 2**40])
def test_a_silly_number_of_threads_is_refused(bad: int) -> None:
    before = wxb.num_threads()
    with pytest.raises(ValueError, match=f"set_num_threads: threads is {bad}, it must be from 1 to 1024"):
        wxb.set_num_threads(bad)
    with pytest.raises(TypeError):
        wxb.set_num_threads(1.5)  # type: ignore[arg-type]
    assert wxb.num_threads() == before


def test_a_forked_child_has_threads_of_its_own_subprocess() -> None:
    code = """
import os, numpy, warnings, wxb
warnings.simplefilter("ignore")
wxb.set_num_threads(3)
x = wxb.tensor(numpy.random.default_rng(0).standard_normal((400, 400)))
want = (x @ x).numpy().tobytes()
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        same = (x @ x).numpy().tobytes() == want and (x @ x).numpy().tobytes() == want
        os._exit(0 if same else 1)
    assert os.waitpid(pid, 0)[1] == 0
assert (x @ x).numpy().tobytes() == want
print("fine")
"""
    assert script(code) == "fine"


def test_callers_on_several_threads_get_the_same_bits(threads: int) -> None:
    x = wxb.tensor(np.random.default_rng(0).standard_normal((300, 300)))
    want = ops.tanh(x @ x).sum(0).numpy().tobytes()
    results: list[bool] = []

    def work() -> None:
        results.extend(ops.tanh(x @ x).sum(0).numpy().tobytes() == want for _ in range(10))

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == 30 and all(results)


def test_more_threads_than_cpus() -> None:
    before = wxb.num_threads()
    x = wxb.tensor(np.random.default_rng(0).standard_normal((200, 200)))
    want = (x @ x).numpy().tobytes()
    try:
        for threads in (16, 2, 9):
            wxb.set_num_threads(threads)
            assert (x @ x).numpy().tobytes() == want
    finally:
        wxb.set_num_threads(before)
