"""The memory of plans, and threads."""

from __future__ import annotations

import gc
import resource
import threading
from typing import Any

import numpy as np
import wxb
from networks import batches, bits, mlp, update
from wxb import ops, optim
from wxb.device import cpu

# ---- memory ----


def test_a_plan_owns_what_it_needs() -> None:
    """Nothing but the plan holds the model; the arena is poisoned, and garbage is allocated all around."""

    def build() -> Any:
        model = mlp(20, 16, 4, dropout=0.2)
        return wxb.capture(update(model, optim.Adam(model.parameters(), 1e-2)))

    data, reference = batches(12), build()
    want = [reference.function(x, y).data.tobytes() for x, y in data]
    run = build()
    got, junk, rng = [], [], np.random.default_rng(0)
    for i, (x, y) in enumerate(data):
        got.append(run(x, y).data.tobytes())
        if i == 1:
            [plan] = run.plans
            run.function, plan._notes, plan._moved = None, {}, []
            plan._held_before = plan._held_after = {}
            plan.recorded.poison()
            del plan
            gc.collect()
        for _ in range(50):
            junk.append(cpu.empty((int(rng.integers(1, 4000)),), np.dtype(np.float32)))
            junk[-1][...] = np.nan
        del junk[:25]
    assert got == want


def test_memory_is_near_the_eager_peak_and_replays_fault_no_page() -> None:
    model = mlp(1024, 256, 256, 256, 10, dropout=0.2)
    step = update(model, optim.Adam(model.parameters()))
    [(x, y)] = batches(1, 256, 1024, 10)
    for _ in range(2):
        step(x, y)
    usage = cpu.kernels.memory()
    outside = usage.peak = usage.live
    step(x, y)
    eager = usage.peak - outside
    run = wxb.capture(step)
    for _ in range(3):
        run(x, y)
    [plan] = run.plans
    memory = plan.recorded.memory
    assert memory.peak <= 1.02 * eager + 4096, (memory.peak, eager)
    assert memory.reserved <= 1.35 * memory.peak
    for _ in range(20):
        run(x, y)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        run(x, y)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before <= 20


def test_a_dropped_step_frees_its_plan() -> None:
    gc.collect()
    before = wxb.memory_stats()["live"]
    model = mlp(20, 16, 4)
    run = wxb.capture(update(model, optim.Adam(model.parameters())))
    for x, y in batches(4):
        run(x, y)
    del model, run, x, y
    gc.collect()
    assert wxb.memory_stats()["live"] <= before + 4096  # the cache of constants may have grown


def test_a_result_outlives_its_plan() -> None:
    run = wxb.capture(lambda x: ops.tanh(x) * 2, alias_outputs=True)
    for _ in range(3):
        y = run(wxb.tensor(np.ones(1000)))
    del run
    gc.collect()
    assert np.allclose(y.numpy(), 2 * np.tanh(1))


# ---- threads ----


def test_two_threads_replay_their_own_plans() -> None:
    results: dict[int, list[bytes]] = {}

    def work(seed: int) -> None:
        model = models[seed]
        run = wxb.capture(update(model, optim.SGD(model.parameters(), 0.1)))
        for x, y in batches(20):
            run(x, y)
        results[seed] = bits(model.parameters())

    models = {seed: mlp(20, 64, 4, seed=seed) for seed in (0, 1)}
    reference = mlp(20, 64, 4, seed=0)
    step = update(reference, optim.SGD(reference.parameters(), 0.1))
    for x, y in batches(20):
        step(x, y)
    threads = [threading.Thread(target=work, args=(seed,)) for seed in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results[0] == bits(reference.parameters()) and results[0] != results[1]


def test_threads_record_at_once() -> None:
    """Each thread captures, replays and drops step after step; the results are those of one thread alone."""
    models = {seed: mlp(20, 64, 4, seed=seed) for seed in range(4)}  # wxb.seed is the process's: not in the threads
    states = {seed: model.state_dict() for seed, model in models.items()}

    def trained(seed: int) -> list[bytes]:
        model = models[seed]
        model.load_state_dict(states[seed])
        run = wxb.capture(update(model, optim.Adam(model.parameters(), 1e-2)))
        for x, y in batches(6):
            run(x, y)
        assert len(run.plans) == 1
        return bits(model.parameters())

    expected, results = [trained(seed) for seed in models], [[] for _ in models]
    threads = [threading.Thread(target=lambda s=s: results[s].extend(trained(s) for _ in range(15))) for s in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[e] * 15 for e in expected]


def test_one_plan_on_two_threads_raises_or_is_right() -> None:
    """A plan replays on one thread at a time: a second call meanwhile raises, and no result is mixed up."""
    run = wxb.capture(lambda x: ops.matmul(x, x) + x)
    inputs = [wxb.tensor(np.full((300, 300), v)) for v in (1.0, 2.0)]
    expected = [run(x).data.tobytes() for x in inputs]
    run(inputs[0])
    right: list[bool] = []
    refused: list[str] = []

    def work(i: int) -> None:
        for _ in range(200):
            try:
                right.append(run(inputs[i]).data.tobytes() == expected[i])
            except RuntimeError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(right) and len(right) + len(refused) == 400
    assert set(refused) <= {"plan: it is already replaying on another thread"}


def test_a_thousand_captures_leave_nothing() -> None:
    """Addresses, memory and objects: each plan reserves 64 GiB of addresses, of which a process has 128 TiB."""

    def one(i: int) -> None:
        model = mlp(20, 16, 4, seed=i)
        run = wxb.capture(update(model, optim.Adam(model.parameters())))
        for _ in range(3):
            run(x, y)
        assert len(run.plans) == 1

    [(x, y)] = batches(1)
    for i in range(50):
        one(i)
    gc.collect()
    live, objects = wxb.memory_stats()["live"], len(gc.get_objects())
    resident = memory_of_this_process()
    for i in range(1000):
        one(i)
    gc.collect()
    assert wxb.memory_stats()["live"] <= live + 4096 and len(gc.get_objects()) <= objects + 100
    assert memory_of_this_process() <= resident + (2 << 20)


def memory_of_this_process() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
