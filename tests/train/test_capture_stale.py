"""The commonest ways to end up with a stale recording: each is noticed, or raises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import wxb
from networks import batches, bits, mlp, update
from wxb import Tensor, nn, ops, optim

DATA = batches(12)
model: Any = None  # what a notebook has: globals that are bound anew
optimizer: Any = None


def loss_of(x: Tensor, y: Tensor) -> Tensor:
    return ops.cross_entropy(model(x), y)


def global_step(x: Tensor, y: Tensor) -> Tensor:
    loss = ops.cross_entropy(model(x), y)
    optimizer.step(loss)
    return loss


def helped_step(x: Tensor, y: Tensor) -> Tensor:
    loss = loss_of(x, y)
    optimizer.step(loss)
    return loss


class Learner:
    def __init__(self) -> None:
        self.model = mlp(20, 16, 4)
        self.optimizer = optim.SGD(self.model.parameters(), 0.1)

    def step(self, x: Tensor, y: Tensor) -> Tensor:
        loss = ops.cross_entropy(self.model(x), y)
        self.optimizer.step(loss)
        return loss

    captured = wxb.capture(step)

    def closure(self) -> Callable[..., Tensor]:
        def step(x: Tensor, y: Tensor) -> Tensor:
            loss = ops.cross_entropy(self.model(x), y)
            self.optimizer.step(loss)
            return loss

        return step


def with_and_without(run: Callable[[bool], Any]) -> Any:
    """Return what a scenario gives captured, after comparing it with the eager one."""
    captured, eager = run(True), run(False)
    assert captured == eager
    return captured


def test_eval_after_train() -> None:
    def scenario(captured: bool) -> list[bytes]:
        net = mlp(20, 16, 4, dropout=0.5)
        run = wxb.capture(net) if captured else net
        net.train()
        outputs = [run(x) for x, _ in DATA[:4]]
        net.eval()
        outputs += [run(x) for x, _ in DATA[:4]]
        return bits(outputs)

    with_and_without(scenario)


def test_a_frozen_layer_stays_as_it_is() -> None:
    def scenario(captured: bool) -> list[bytes]:
        net = mlp(20, 16, 4)
        run = update(net, optim.SGD(net.parameters(), 0.1, momentum=0.9))
        run = wxb.capture(run) if captured else run
        for i, (x, y) in enumerate(DATA):
            if i == 6:
                net[0].requires_grad_(False)
                frozen = net[0].weight.numpy()
            run(x, y)
        assert (net[0].weight.numpy() == frozen).all()
        return bits(net.parameters())

    with_and_without(scenario)


def test_a_changed_learning_rate() -> None:
    def scenario(captured: bool) -> list[bytes]:
        net = mlp(20, 16, 4)
        sgd = optim.SGD(net.parameters(), 0.1)
        run = update(net, sgd)
        run = wxb.capture(run) if captured else run
        for i, (x, y) in enumerate(DATA):
            if i == 6:
                before = bits(net.parameters())
                sgd.lr = 0.0
            run(x, y)
        assert bits(net.parameters()) == before
        return before

    with_and_without(scenario)


def test_appended_losses_are_their_own() -> None:
    def scenario(captured: bool) -> list[float]:
        net = mlp(20, 16, 4)
        run = update(net, optim.SGD(net.parameters(), 0.1))
        run = wxb.capture(run) if captured else run
        losses = []
        for x, y in DATA:
            losses.append(run(x, y))
        return [loss.item() for loss in losses]

    assert len(set(with_and_without(scenario))) == len(DATA)


@pytest.mark.parametrize("part", ["weight", "layer", "last", "deleted", "list", "inner list"])
def test_a_replaced_part(part: str) -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            self.body, self.scales, self.offset = mlp(20, 16, 4), [1.0, 2.0], 3.0

        def forward(self, x: Tensor) -> Tensor:
            return self.body(x) * self.scales[0] + getattr(self, "offset", 0.0)

    def scenario(captured: bool) -> list[bytes]:
        net = Scaled()
        run = wxb.capture(net) if captured else net
        outputs = []
        for i, (x, _) in enumerate(DATA):
            if i == 6:
                wxb.seed(5)
                match part:
                    case "weight":
                        net.body[0].weight = wxb.parameter(np.ones((16, 20)))
                    case "layer":
                        net.body = mlp(20, 4)
                    case "last":
                        net.body.layers = [*net.body.layers[:-1], nn.Linear(16, 4)]
                    case "deleted":
                        del net.offset
                    case "list":
                        net.scales = [3.0]
                    case _:
                        net.scales[0] = 4.0
                        net.eval()  # a list that changes within tells nobody; the next edit brings it to light
            outputs.append(run(x))
        return bits(outputs)

    with_and_without(scenario)


@pytest.mark.parametrize("step", [global_step, helped_step])
@pytest.mark.parametrize("what", ["model and optimizer", "optimizer"])
def test_names_that_are_bound_anew(step: Callable[..., Tensor], what: str) -> None:
    def scenario(captured: bool) -> list[bytes]:
        global model, optimizer
        model = mlp(20, 16, 4)
        optimizer = optim.SGD(model.parameters(), 0.1)
        run, losses = wxb.capture(step) if captured else step, []
        for i, (x, y) in enumerate(DATA):
            if i == 6:
                optimizer = None
                if what != "optimizer":
                    model = mlp(20, 16, 4, seed=9)
                optimizer = optim.Adam(model.parameters(), 1e-2)
            losses.append(run(x, y))
        return bits([*losses, *model.parameters()])

    with_and_without(scenario)


@pytest.mark.parametrize("form", ["method", "captured", "closure", "local"])
def test_another_model_in_its_place(form: str) -> None:
    def scenario(captured: bool) -> list[bytes]:
        learner = Learner()
        net, sgd = learner.model, learner.optimizer

        def local(x: Tensor, y: Tensor) -> Tensor:
            loss = ops.cross_entropy(net(x), y)
            sgd.step(loss)
            return loss

        steps = {"method": learner.step, "captured": learner.step, "closure": learner.closure(), "local": local}
        run: Any = wxb.capture(steps[form]) if captured else steps[form]
        if captured and form == "captured":
            run = learner.captured
        losses = []
        for i, (x, y) in enumerate(DATA):
            if i == 6:
                net = learner.model = mlp(20, 16, 4, seed=9)
                sgd = learner.optimizer = optim.SGD(net.parameters(), 0.3)
            losses.append(run(x, y))
        return bits(losses)

    with_and_without(scenario)


def test_a_deleted_optimizer_gives_way_to_another() -> None:
    """A plan must not keep the old one: its parameters could have no other."""
    net = mlp(20, 16, 4)
    sgd = optim.SGD(net.parameters(), 0.1)

    def step(x: Tensor, y: Tensor) -> Tensor:
        loss = ops.cross_entropy(net(x), y)
        sgd.step(loss)
        return loss

    run = wxb.capture(step)
    for x, y in DATA:
        run(x, y)
    del sgd
    sgd = optim.SGD(net.parameters(), 0.0)
    before = bits(net.parameters())
    for x, y in DATA:
        run(x, y)
    assert bits(net.parameters()) == before and len(run.plans) == 2


def test_a_scalar_may_vary() -> None:
    """A Python number is a constant; ``wxb.scalar`` is read anew at each replay, closed over or as an argument."""
    number, weight = 1.0, wxb.scalar(1.0)

    @wxb.capture
    def step(x: Tensor, factor: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return x * number, x * weight, x * factor

    x, factor = wxb.tensor([2.0]), wxb.scalar(1.0)
    for i in range(5):
        number = weight.value = factor.value = float(i)
        constant, read, given = step(x, factor)
        assert read.item() == given.item() == 2.0 * i and weight.value == i
    assert constant.item() == 2.0 and len(step.plans) == 1
    run = wxb.capture(lambda x: setattr(weight, "value", 3.0))
    run(x)
    with pytest.raises(wxb.CaptureError, match="item assignment inside a captured step"):
        run(x)
    with pytest.raises(TypeError, match="scalar: value is 'a', it must be a number"):
        wxb.scalar("a")  # type: ignore[arg-type]


def test_check_tells_of_a_closed_over_number() -> None:
    factor = 1.0

    @wxb.capture(check=True)
    def step(x: Tensor) -> Tensor:
        return x * factor

    x = wxb.tensor([1.0])
    for _ in range(4):
        step(x)
    factor = 2.0
    with pytest.raises(wxb.CaptureError, match="a replay differs from the eager step"):
        step(x)


def test_captured_methods_are_of_their_instance() -> None:
    class Scaled(nn.Module):
        def __init__(self, factor: float) -> None:
            self.weight = wxb.parameter([factor])

        @wxb.capture
        def scaled(self, x: Tensor) -> Tensor:
            return x * self.weight

    two, three, x = Scaled(2.0), Scaled(3.0), wxb.tensor([1.0])
    for i in range(4):
        assert two.scaled(x * i).item() == 2 * i and three.scaled(x * i).item() == 3 * i
    assert two.scaled is two.scaled is not three.scaled and len(two.scaled.plans) == len(three.scaled.plans) == 1
    assert isinstance(Scaled.scaled, type(two.scaled)) and list(two.state_dict()) == ["weight"]
