"""Show what the pool's threads cost others: ``python benchmarks/neighbours.py``.

A fork and join of all threads; then torch's matrix product alone, beside wxb in the same process (taking turns, so that
wxb's threads have just finished when torch's start), and beside another process that trains with wxb now and then.
"""

import argparse
import statistics
import subprocess
import sys
import time

import numpy
import wxb
from wxb import ops
from wxb.bench import peers
from wxb.device import cpu

# Works for 2 ms of every 20: a process that is mostly idle, whose pool must not be busy meanwhile.
MOSTLY_IDLE = """
import time, numpy, wxb
from wxb import ops
x = wxb.tensor(numpy.ones((384, 384), numpy.float32))
while True:
    until = time.perf_counter() + 2e-3
    while time.perf_counter() < until:
        ops.matmul(x, x)
    time.sleep(18e-3)
"""


def microseconds(call, between, seconds):
    """Return the median time of ``call``, with ``between`` called before each."""
    times, until = [], time.perf_counter() + seconds
    while time.perf_counter() < until:
        between()
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


def main():
    """Print one line for each company."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each line")
    seconds = parser.parse_args().seconds
    print(f"fork and join of {wxb.num_threads()} threads, hot: {cpu.kernels.fork_join(min(seconds, 60)) / 1e3:.2f} us")
    if not peers.installed("torch"):
        sys.exit("the rest needs torch")
    torch = peers.module("torch")
    torch.set_num_threads(wxb.num_threads())
    a = torch.ones(384, 384)
    x = wxb.tensor(numpy.ones((384, 384), numpy.float32))

    def product():
        torch.matmul(a, a)

    def nothing():
        time.sleep(1e-3)

    def turn():
        ops.matmul(x, x)
        time.sleep(1e-3)

    def idle_process():
        return subprocess.Popen([sys.executable, "-c", MOSTLY_IDLE])

    alone, other = [], []
    for _ in range(3):  # in turns: the machine has slow seconds
        alone.append(microseconds(product, nothing, seconds / 3))
        other.append(microseconds(product, turn, seconds / 3))
    beside = []
    with idle_process() as process:
        time.sleep(2)
        beside.append(microseconds(product, nothing, seconds))
        process.kill()
    print(f"torch product 384, alone:                              {min(alone):8.1f} us")
    print(f"  after each product of wxb in the same process:       {min(other):8.1f} us")
    print(f"  beside a process that uses wxb a tenth of the time:  {min(beside):8.1f} us")


if __name__ == "__main__":
    main()
