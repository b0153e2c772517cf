"""What a captured step returns, what it refuses, and its errors."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import wxb
from networks import batches, bits, mlp, update
from wxb import Tensor, optim
from wxb.device import cpu

# ---- what it returns ----


def test_results_are_the_callers() -> None:
    """Returned losses may be collected: no later replay changes them, and they have no graph."""
    model = mlp(20, 16, 4)
    run = wxb.capture(update(model, optim.SGD(model.parameters(), 0.1)))
    losses, values = [], []
    for x, y in batches(8):
        losses.append(run(x, y))
        values.append(losses[-1].item())
        assert not losses[-1].requires_grad and losses[-1].node is None
    assert [loss.item() for loss in losses] == values and len(set(values)) == 8


def test_alias_outputs_gives_the_plans_own() -> None:
    run = wxb.capture(lambda x: x * 2, alias_outputs=True)
    first = [run(wxb.tensor([float(i)])) for i in range(4)]
    assert first[2].data is first[3].data and first[3].item() == 6


def test_what_is_no_tensor_is_returned_as_it_was() -> None:
    run = wxb.capture(lambda x: (x + 1, "name", None, (x * 2).shape))
    for i in range(4):
        result = run(wxb.tensor([float(i)]))
        assert result[0].item() == i + 1 and result[1:] == ("name", None, (1,))


def test_nothing_to_return() -> None:
    model = mlp(20, 16, 4)
    step = update(model, optim.SGD(model.parameters(), 0.1))

    @wxb.capture
    def silent(x: Tensor, y: Tensor) -> None:
        step(x, y)

    before = bits(model.parameters())
    for x, y in batches(4):
        assert silent(x, y) is None
        assert bits(model.parameters()) != before
        before = bits(model.parameters())


def test_a_result_that_cannot_be_made_is_no_second_step() -> None:
    """The error of the caller's own class comes after the replay; nobody takes it for an argument that does not fit."""
    made = 0

    class Brittle(NamedTuple):
        loss: Tensor

    class Result(Brittle):
        def __new__(cls, *parts: Any) -> Any:
            nonlocal made
            made += 1
            if made > 4:
                raise TypeError("mine")
            return super().__new__(cls, *parts)

    w = wxb.parameter(np.zeros(1, np.float32))
    sgd = optim.SGD([w], 1.0)

    @wxb.capture
    def step(x: Tensor) -> Any:
        loss = (w * x).sum()
        sgd.step(loss)
        return Result(loss)

    x = wxb.tensor([1.0])
    steps, failed = 0, False
    while not failed:
        steps += 1
        try:
            step(x)
        except TypeError as error:
            failed = str(error) == "mine"
            assert failed
    assert w.item() == -steps


def test_an_argument_returned_is_a_copy() -> None:
    run = wxb.capture(lambda x: (x, x * 1))
    x = wxb.tensor([1.0])
    for i in range(4):
        x = wxb.tensor([float(i)])
        same, _ = run(x)
        assert same.item() == i and same.data is not x.data
        same.data[...] = 9.0
        assert x.item() == i


# ---- what it refuses ----


READS: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "item": (lambda x: x.item(), "item()"),
    "float": (lambda x: float(x), "item()"),
    "int": (lambda x: int(x), "item()"),
    "bool": (lambda x: bool(x > 0), "bool()"),
    "if": (lambda x: 1 if x else 0, "bool()"),
    "numpy": (lambda x: x.numpy(), "numpy()"),
    "asarray": (lambda x: np.asarray(x), "numpy()"),
    "tolist": (lambda x: x.tolist(), "numpy()"),
    "assignment": (lambda x: x.__setitem__(0, 1.0), "item assignment"),
    "tensor": (lambda x: wxb.tensor(x), "numpy()"),
}


@pytest.mark.parametrize("name", READS)
def test_reads_on_the_host_name_the_line(name: str) -> None:
    body, what = READS[name]
    run = wxb.capture(body)
    run(wxb.tensor([3.0]))
    with pytest.raises(wxb.CaptureError) as caught:
        run(wxb.tensor([3.0]))
    line = inspect.getsourcelines(body)[1]
    assert str(caught.value) == (
        f"{__file__}:{line}: {what} inside a captured step; return the Tensor from the step and read it outside"
    )
    assert not cpu.recording()


def test_host_writes_are_refused() -> None:
    model = mlp(20, 16, 4)
    optimizer = optim.Adam(model.parameters(), 1e-2)
    state = model.state_dict()

    def set_lr(x: Tensor) -> None:
        optimizer.lr = 0.5

    for body, text in [
        (set_lr, "lr is set inside a captured step; set it before the call"),
        (lambda x: wxb.seed(3), "seed: it is set inside a captured step; seed before the call"),
        (lambda x: model.load_state_dict(state), "inside a captured step"),
    ]:
        run = wxb.capture(body)
        run(wxb.tensor([1.0]))
        with pytest.raises(wxb.CaptureError, match=text):
            run(wxb.tensor([1.0]))
        assert not cpu.recording()


def test_an_argument_with_a_gradient_is_refused() -> None:
    run = wxb.capture(lambda x: x * 2)
    x = wxb.tensor([1.0], requires_grad=True)
    with pytest.raises(wxb.CaptureError, match="capture: an argument requires a gradient; let the step use it as a"):
        for _ in range(2):
            run(x)


def test_a_step_that_changes_what_it_depends_on_is_refused() -> None:
    model = mlp(20, 16, 4, dropout=0.5)

    def step(x: Tensor) -> Tensor:
        y = model(x)
        model.eval()
        return y

    run = wxb.capture(step)
    run(batches(1)[0][0])
    model.train()
    with pytest.raises(wxb.CaptureError, match="changes itself inside the captured step; change it outside"):
        run(batches(1)[0][0])


@pytest.mark.parametrize("error", [KeyError("mine"), KeyboardInterrupt()])
def test_an_exception_while_recording_leaves_the_library_usable(error: BaseException) -> None:
    model = mlp(20, 16, 4)
    optimizer = optim.SGD(model.parameters(), 0.1)
    whole, wrong = update(model, optimizer), [False, True, False, False, False]

    @wxb.capture
    def step(x: Tensor, y: Tensor) -> Tensor:
        loss = whole(x, y)
        if wrong.pop(0):
            raise error
        return loss

    data = batches(6)
    step(*data[0])
    with pytest.raises(type(error)):
        step(*data[1])
    assert not cpu.recording()
    reference = mlp(20, 16, 4)
    reference.load_state_dict(model.state_dict())
    eager = update(reference, optim.SGD(reference.parameters(), 0.1))
    for x, y in data[2:]:
        assert step(x, y).item() == eager(x, y).item()
    assert bits(model.parameters()) == bits(reference.parameters())


# ---- errors inside a step ----


@pytest.mark.parametrize("captured", [False, True])
def test_a_bad_label_leaves_the_weights(captured: bool) -> None:
    model = mlp(20, 16, 4, dropout=0.1)
    optimizer = optim.Adam(model.parameters(), 1e-2)
    step = update(model, optimizer)
    run = wxb.capture(step) if captured else step
    [(x, y)] = batches(1)
    for _ in range(4):
        run(x, y)
    before, steps = bits(model.parameters()), optimizer.steps
    labels = y.numpy()
    labels[[5, 11]] = 4, -1
    for _ in range(2):
        with pytest.raises(IndexError, match=r"cross_entropy_forward: at position 5 an index or label is out of range"):
            run(x, wxb.tensor(labels))
        assert bits(model.parameters()) == before and optimizer.steps == steps
    run(x, y)
    assert bits(model.parameters()) != before and optimizer.steps == steps + 1


def test_a_captured_error_is_over_when_it_is_raised() -> None:
    """A bad captured step must not silence eager optimizers, nor another plan."""
    model, other = mlp(20, 16, 4), mlp(20, 16, 4)
    run = wxb.capture(update(model, optim.SGD(model.parameters(), 0.1)))
    eager = update(other, optim.SGD(other.parameters(), 0.1))
    [(x, y)] = batches(1)
    for _ in range(3):
        run(x, y)
    with pytest.raises(IndexError):
        run(x, wxb.tensor(np.full(16, 9)))
    before = bits(other.parameters())
    eager(x, y)
    assert bits(other.parameters()) != before


def test_check_tells_of_a_step_that_is_not_a_function_of_its_arguments() -> None:
    counter = iter(range(100))
    run = wxb.capture(lambda x: x * float(next(counter)), check=True)
    x = wxb.tensor([1.0])
    run(x)
    run(x)
    with pytest.raises(wxb.CaptureError, match="a replay differs from the eager step"):
        run(x)


class Pair(NamedTuple):
    first: Tensor
    second: Any


@pytest.mark.parametrize("alias", [False, True])
def test_results_may_be_nested(alias: bool) -> None:
    @wxb.capture(alias_outputs=alias)
    def step(x: Tensor) -> Any:
        return {"twice": x * 2, "rest": [x + 1, (x, "text")]}, Pair(x * 3, None), [], x * 4

    for i in range(4):
        named, pair, empty, four = step(wxb.tensor([float(i)]))
        assert list(named) == ["twice", "rest"] and isinstance(pair, Pair) and empty == [] and pair.second is None
        plus, (same, text) = named["rest"]
        values = [t.item() for t in (named["twice"], plus, same, pair.first, four)]
        assert values == [2 * i, i + 1, i, 3 * i, 4 * i] and text == "text"


def test_every_failed_allocation_while_recording() -> None:
    """The n-th allocation fails while the step is recorded, for every n: the library and the step stay usable."""
    model = mlp(20, 16, 4)
    optimizer = optim.Adam(model.parameters(), 1e-2)
    step = update(model, optimizer)
    [(x, y)] = batches(1)
    before = model.state_dict(), optimizer.state_dict()
    step(x, y)
    after = bits(model.parameters())
    for n in range(1000):
        model.load_state_dict(before[0])
        optimizer.load_state_dict(before[1])
        run = wxb.capture(step)
        run(x, y)
        cpu.kernels.fail_allocation(n)
        try:
            run(x, y)
            done = True
        except MemoryError:
            done = False
        finally:
            cpu.kernels.fail_allocation(-1)
        assert not cpu.recording()
        model.load_state_dict(before[0])
        optimizer.load_state_dict(before[1])
        run(x, y)
        assert bits(model.parameters()) == after
        if done:
            break
    assert 0 < n < 999


def test_an_index_error_while_recording() -> None:
    model = mlp(20, 16, 4)
    optimizer = optim.SGD(model.parameters(), 0.1)
    run = wxb.capture(update(model, optimizer))
    [(x, y)] = batches(1)
    run(x, y)
    before = bits(model.parameters())
    with pytest.raises(IndexError, match="cross_entropy_forward: at position 0"):
        run(x, wxb.tensor(np.full(16, 4)))
    assert bits(model.parameters()) == before and not cpu.recording() and not run.plans
    for _ in range(3):
        run(x, y)
    assert len(run.plans) == 1 and optimizer.steps == 4
