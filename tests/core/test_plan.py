"""Plan: what the raw recording keeps, refuses and says of itself."""

from __future__ import annotations

import gc
import threading
from typing import Any

import numpy as np
import pytest
import wxb
from wxb.device import cpu

K = cpu.kernels
FLOAT = np.dtype(np.float32)


def doubling(n: int = 1000) -> tuple[Any, np.ndarray, np.ndarray]:
    """Record y = (x + x) * x with a scratch array from the arena."""
    plan = K.Plan()
    x, y = cpu.empty((n,), FLOAT, True), cpu.empty((n,), FLOAT, True)
    x[...] = 1.0
    with plan:
        scratch = cpu.empty((n,), FLOAT)
        K.binary_forward(K.Binary.add, x, x, scratch)
        K.binary_forward(K.Binary.multiply, scratch, x, y)
    plan.slots, plan.outputs = [x], [y]
    return plan, x, y


class Delegates:
    """No Tensor, but it has data."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        if name == "data":
            return self.inner
        raise AttributeError(name)


def tensors(*arrays: Any) -> tuple[wxb.Tensor, ...]:
    return tuple(wxb.Tensor(array) for array in arrays)


def test_a_replay_repeats_the_launches() -> None:
    plan, x, y = doubling()
    assert len(plan) == 2 and not K.recording()
    x[...] = 3.0
    plan.replay()
    assert (y == 18).all()
    plan.poison()
    [out] = plan.run(tensors(np.full(1000, 5, np.float32)))
    assert (out == 50).all() and out is not y and (y == 50).all()
    [alias] = plan.run(tensors(np.full(1000, 2, np.float32)), alias_outputs=True)
    assert alias is y and (y == 8).all() and (out == 50).all()


def test_a_plan_keeps_what_it_touches() -> None:
    plan, x, y = doubling()
    plan.slots = []
    del x
    gc.collect()
    junk = [cpu.empty((1000,), FLOAT) for _ in range(20)]
    for array in junk:
        array[...] = np.nan
    plan.replay()
    assert (y == 2).all()


def test_a_scratch_array_outlives_its_plan() -> None:
    plan = K.Plan()
    with plan:
        scratch = cpu.empty((1000,), FLOAT)
        K.fill(scratch, 3.0)
    del plan
    gc.collect()
    assert (scratch == 3).all()


def test_launches_have_their_operands() -> None:
    plan, x, y = doubling(100)
    rows = plan.launches()
    assert [name for name, *_ in rows] == ["binary_forward"] * 2 and all(work > 0 for _, work, _ in rows)
    (_, _, first), (_, _, second) = rows
    assert [(size, written, own) for _, size, written, own in first] == [(400, False, False)] * 2 + [(400, True, True)]
    assert [(size, written, own) for _, size, written, own in second] == [
        (400, False, True),
        (400, False, False),
        (400, True, False),
    ]
    assert first[0][0] == first[1][0] == x.ctypes.data and second[2][0] == y.ctypes.data
    assert first[2][0] == second[0][0]


def test_profile_times_each_launch() -> None:
    plan, x, y = doubling(100)
    x[...] = 3.0
    seconds = plan.profile(5)
    assert len(seconds) == 2 and all(0 < s < 1 for s in seconds) and (y == 18).all()


def test_state_is_what_lies_outside() -> None:
    plan, _, y = doubling(10)
    plan.replay()
    before = plan.state()
    assert before == y.tobytes()
    y[...] = 0.0
    plan.set_state(before)
    assert y.tobytes() == before
    with pytest.raises(ValueError, match="plan: the state has 3 bytes, this plan has 40"):
        plan.set_state(b"abc")
    assert plan.has_state(before)
    y[3] = 1.0
    assert not plan.has_state(before) and not plan.has_state(b"") and not plan.has_state(before + b"a")


def test_inputs_that_do_not_fit_run_nothing() -> None:
    plan, _, y = doubling(10)
    y[...] = 7.0
    ten = np.zeros(10, np.float32)
    misfits = [[], [ten, ten], [np.zeros(9, np.float32)], [np.zeros(20, np.float32)[::2]], [np.zeros(10)]]
    for bad in [*misfits, [ten.reshape(2, 5)], [ten.astype(np.int32)]]:
        assert plan.run(tensors(*bad)) is None
    assert (y == 7).all()
    wants_gradient = wxb.tensor(ten, requires_grad=True)
    assert plan.run((wants_gradient,)) is None and plan.run(tensors(None)) is None
    for no_tensor in (None, ten, Delegates(ten), Delegates(None), np.array(["2020-01-01"], "M8[D]")):
        assert plan.run((no_tensor,)) is None
    with K.Plan():
        assert plan.run(tensors(ten)) is None  # a part of that one instead


def test_one_recording_at_a_time() -> None:
    with K.Plan(), pytest.raises(RuntimeError, match="another one is already recording on this thread"):
        K.Plan().__enter__()
    assert not K.recording()


def test_recording_is_of_this_thread() -> None:
    seen = []
    with K.Plan():
        thread = threading.Thread(target=lambda: seen.append(K.recording()))
        thread.start()
        thread.join()
        assert K.recording()
    assert seen == [False]


def test_an_error_while_recording_ends_it() -> None:
    plan = K.Plan()
    with pytest.raises(ValueError, match="binary_forward"), plan:
        K.binary_forward(K.Binary.add, np.zeros(2, np.float32), np.zeros(3, np.float32), np.zeros(2, np.float32))
    assert not K.recording() and len(plan) == 0


def test_the_arena_packs_what_does_not_live_together() -> None:
    plan = K.Plan()
    with plan:
        a = cpu.empty((1000,), FLOAT)
        b = cpu.empty((1000,), FLOAT)
        del a
        c = cpu.empty((500,), FLOAT)
        d = cpu.empty((500,), FLOAT)
        del b, c, d
        e = cpu.empty((2000,), FLOAT)
        del e
    assert plan.memory.live == 0 and plan.memory.peak <= 8192 and plan.memory.reserved <= 1.3 * plan.memory.peak


def test_plans_that_share_an_arena_take_turns() -> None:
    """Scratch of one is scratch of the other; a busy arena refuses a second replay, whichever plan's."""
    arena, x = K.Arena(), np.full(1 << 20, 2, np.float32)
    made = []
    for op in (K.Binary.add, K.Binary.multiply):
        plan, slot = K.Plan(arena), cpu.empty(x.shape, FLOAT, True)
        with plan:
            scratch, y = cpu.empty(x.shape, FLOAT), cpu.empty(x.shape, FLOAT)
            K.binary_forward(op, slot, slot, scratch)
            K.binary_forward(op, scratch, slot, y)
        del scratch
        plan.slots, plan.outputs = [slot], [y]
        made.append(plan)
    add, multiply = made
    assert add.memory.reserved == 3 * x.nbytes  # two outputs and one scratch
    for _ in range(3):
        assert (add.run(tensors(x))[0] == 6).all() and (multiply.run(tensors(x))[0] == 8).all()
    refused: list[str] = []

    def work(plan: Any, wanted: int) -> None:
        for i in range(2000):  # on a machine that does other things it takes a while until two replays meet
            try:
                assert (plan.run(tensors(x))[0] == wanted).all()
            except RuntimeError as error:
                refused.append(str(error))
            if i >= 40 and refused:
                break

    threads = [threading.Thread(target=work, args=pair) for pair in ((add, 6), (multiply, 8))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(refused) == {"plan: it is already replaying on another thread"}
