"""Plans follow every edit of what they depend on, and their number is bounded."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import wxb
from networks import batches, bits, mlp, update
from wxb import Tensor, nn, ops, optim


def edits(model: nn.Sequential, optimizer: Any, i: int) -> None:
    """What a user may do between steps; each changes what a replay would have to do."""
    match i:
        case 5:
            model.eval()
        case 8:
            model.train()
        case 11:
            model[0].weight.requires_grad = False
        case 14:
            optimizer.betas = (0.8, 0.99)
        case 17:
            optimizer.weight_decay = 0.1
        case 20:
            model.layers = (model[0], *model.layers[2:])  # the dropout goes
        case 23:
            model[0].weight.requires_grad = True
        case 26:
            model[0].activation = "tanh"
        case 29:
            model.load_state_dict({n: 0.5 * a for n, a in model.state_dict().items()})
        case 32:
            model.layers = (*model.layers[:-1], nn.LeakyReLU(0.1), model.layers[-1])
        case 35:
            model[1].alpha = 0.3
        case 38:
            optimizer.clip_norm = 0.1
        case 41:
            model[0].weight[0] = 1.0


def test_plans_follow_every_edit() -> None:
    results = []
    for captured in (False, True):
        model = mlp(20, 16, 4, dropout=0.5)
        optimizer = optim.Adam(model.parameters(), 1e-2)
        step = update(model, optimizer)
        run = wxb.capture(step) if captured else step
        losses = []
        for i, (x, y) in enumerate(batches(45)):
            edits(model, optimizer, i)
            losses.append(run(x, y))
        results.append((bits(losses), bits(model.parameters())))
    differing = [i for i, (a, b) in enumerate(zip(results[0][0], results[1][0])) if a != b]
    assert not differing, f"first at step {differing[0]}"
    assert results[0] == results[1]


def test_going_back_reuses_the_plan() -> None:
    model = mlp(20, 16, 4, dropout=0.5)
    run = wxb.capture(update(model, optim.SGD(model.parameters(), 0.1)))
    data = batches(12)
    for i, (x, y) in enumerate(data):
        model.train(i % 4 < 2)
        run(x, y)
    assert len(run.plans) == 2


def test_a_new_learning_rate_needs_no_new_plan() -> None:
    model = mlp(20, 16, 4)
    optimizer = optim.Adam(model.parameters(), 1e-2)
    run = wxb.capture(update(model, optimizer))
    for i, (x, y) in enumerate(batches(8)):
        optimizer.lr = 0.1 / (i + 1)
        run(x, y)
    assert len(run.plans) == 1


def test_each_shape_has_its_plan() -> None:
    model = mlp(20, 16, 4)
    optimizer = optim.SGD(model.parameters(), 0.1)
    run = wxb.capture(update(model, optimizer))
    for _ in range(3):
        for n in (16, 5):
            run(*batches(1, n)[0])
    assert len(run.plans) == 2


def test_arrays_may_be_arguments() -> None:
    @wxb.capture
    def twice(x: Tensor) -> Tensor:
        return x * 2

    for i in range(4):
        assert twice(np.float32([i, i + 1])).tolist() == [2 * i, 2 * i + 2]


def test_python_numbers_make_a_plan_each_and_sixteen_are_enough() -> None:
    @wxb.capture
    def scaled(x: Tensor, factor: float) -> Tensor:
        return x * factor

    x = wxb.tensor([1.0, 2.0])
    for i in range(16):
        for _ in range(2):
            assert scaled(x, float(i)).tolist() == [i, 2 * i]
    with pytest.warns(UserWarning, match="capture: scaled has 16 plans in use; what needs another runs eagerly"):
        for _ in range(2):
            scaled(x, 99.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert scaled(x, 100.0).tolist() == scaled(x, 100.0).tolist() == [100, 200]
    assert len(scaled.plans) == 16 and scaled(x, 3.0).tolist() == [3, 6]


def test_true_and_one_are_two_arguments() -> None:
    @wxb.capture
    def typed(x: Tensor, kind: object) -> Tensor:
        return x * (2 if isinstance(kind, bool) else 3)

    x = wxb.tensor([1.0])
    assert [typed(x, k).item() for k in (True, 1, True, 1, True, 1)] == [2, 3, 2, 3, 2, 3]


def test_captured_within_captured_is_a_part_of_it() -> None:
    @wxb.capture
    def inner(x: Tensor) -> Tensor:
        return ops.tanh(x)

    @wxb.capture
    def outer(x: Tensor) -> Tensor:
        return inner(x) * 2

    for i in range(4):
        x = np.float32([i])
        np.testing.assert_allclose(outer(x).numpy(), 2 * np.tanh(x), rtol=1e-6)
    assert len(outer.plans) == 1 and not inner.plans
