"""Plans follow every edit of what they depend on, and their number is bounded."""

from __future__ import annotations

import functools
import sys
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


def test_an_idle_plan_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seventeen shapes in turn: sixteen replay, the last runs eagerly; a shape that is over is forgotten."""
    monkeypatch.setattr(sys.modules["wxb.train.capture"], "IDLE", 40)

    @wxb.capture
    def twice(x: Tensor) -> Tensor:
        return x * 2

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        for _ in range(4):
            for n in range(1, 18):
                assert twice(np.full(n, float(n))).tolist() == [2 * n] * n
        assert len(heard) == 1 and len(twice.plans) == 16
        first = twice.plans[0]
        for _ in range(60):  # the second shape alone
            twice(np.full(2, 1.0))
        for _ in range(2):
            assert twice(np.full(17, 3.0)).tolist() == [6] * 17
        assert len(heard) == 1 and len(twice.plans) == 16 and first not in twice.plans
        for n in range(1, 18):
            assert twice(np.full(n, float(n))).tolist() == [2 * n] * n


def test_signatures_that_never_come_back_are_forgotten() -> None:
    run = wxb.capture(lambda x, k: x * k)
    x = wxb.tensor([1.0])
    for i in range(1000):
        assert run(x, i).item() == i
    assert len(run._plans) <= 64 and not run.plans


def test_arguments_by_name() -> None:
    calls = []

    @wxb.capture
    def step(x: Tensor, y: Tensor | None = None, *, factor: float = 1.0) -> Tensor:
        calls.append(factor)
        return x * factor if y is None else x * factor + y

    x, y = wxb.tensor([1.0]), wxb.tensor([5.0])
    for i in range(5):
        assert step(x * i).item() == i
        assert step(x, y=y * i).item() == 1 + 5 * i
        assert step(x=x, factor=2.0, y=y * i).item() == 2 + 5 * i
        assert step(x, y * i, factor=3.0).item() == 3 + 5 * i
    assert len(step.plans) == 4 and len(calls) == 8


def test_zeros_and_nans_are_arguments_too() -> None:
    run = wxb.capture(lambda x, k: x * k)
    x = wxb.tensor([1.0])
    for _ in range(4):
        assert np.signbit(run(x, -0.0).numpy()[0]) and not np.signbit(run(x, 0.0).numpy()[0])
        assert np.isnan(run(x, float("nan")).numpy()[0])
    assert len(run.plans) == 3


def test_arguments_must_be_hashable() -> None:
    run = wxb.capture(lambda xs: xs[0])
    with pytest.raises(TypeError, match="capture: arguments are list; pass Tensors, arrays, or what can be hashed"):
        run([wxb.tensor([1.0])])
    with pytest.raises(TypeError, match="capture: int is no function; pass a function of Tensors or a Module"):
        wxb.capture(3)


# ---- inference ----


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_is_captured_for_inference(dtype: str) -> None:
    wxb.seed(0)
    model = nn.Sequential(nn.Linear(4, 8, "relu", dtype=dtype), nn.BatchNorm1d(8, dtype=dtype), nn.Dropout(0.5))
    run, rng = wxb.capture(model), np.random.default_rng(0)
    model.eval()
    for n in (5, 5, 3, 5, 3, 3, 5):
        x = rng.standard_normal((n, 4))
        y = run(x)
        assert y.numpy().tobytes() == model(x).numpy().tobytes() and not y.requires_grad
    assert len(run.plans) == 2 and not any("backward" in row.name for row in run.plans[0].launches())
    model.load_state_dict({name: 0.5 * a for name, a in model.state_dict().items()})
    assert run(x).numpy().tobytes() == model(x).numpy().tobytes() and len(run.plans) == 2
    twin = nn.Sequential(nn.Linear(4, 8, "relu", dtype=dtype), nn.BatchNorm1d(8, dtype=dtype), nn.Dropout(0.5))
    twin.load_state_dict(model.state_dict())
    model.train()
    for seed in range(4):  # the same masks and statistics as eagerly
        wxb.seed(seed)
        got = run(x).numpy()
        wxb.seed(seed)
        assert (got == twin(x).numpy()).all()
    assert bits(t for _, t in model.named_buffers()) == bits(t for _, t in twin.named_buffers())


def test_what_can_be_called_can_be_captured() -> None:
    class Twice:
        def __call__(self, x: Tensor) -> Tensor:
            return x * 2

        def method(self, x: Tensor) -> Tensor:
            return x * 2

    for run in (wxb.capture(Twice()), wxb.capture(Twice().method), wxb.capture(functools.partial(ops.multiply, b=2.0))):
        for i in range(4):
            assert run(wxb.tensor([float(i)])).item() == 2 * i
        assert len(run.plans) == 1
