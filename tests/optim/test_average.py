"""ExponentialAverage: the formula, captured steps, errors within a step, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
import wxb
from wxb import nn, ops, optim


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.Linear(7, 1))


@pytest.mark.parametrize("captured", [False, True])
def test_it_is_the_mean(captured: bool) -> None:
    wxb.seed(0)
    model, average = network(), network()
    optimizer, mean = optim.SGD(model.parameters(), 0.1), optim.ExponentialAverage(average, model, 0.75)

    def step(x: wxb.Tensor) -> wxb.Tensor:
        loss = ops.check_finite(ops.mean(model(x)))
        optimizer.step(loss)
        mean.step()
        return loss

    run, rng = wxb.capture(step) if captured else step, np.random.default_rng(0)
    want = {name: array.astype(np.float64) for name, array in model.state_dict().items()}
    for _ in range(6):
        run(wxb.tensor(rng.standard_normal((8, 5))))
        for name, array in model.state_dict().items():
            want[name] += 0.25 * (array - want[name])
    for name, array in average.state_dict().items():
        if array.dtype.kind == "f":
            np.testing.assert_allclose(array, want[name], rtol=1e-5, atol=1e-6, err_msg=name)
    before = average.state_dict()
    with pytest.raises(FloatingPointError):
        run(wxb.tensor(np.full((8, 5), np.nan)))
    assert all((average.state_dict()[name] == before[name]).all() for name in ("0.weight", "2.bias"))


def test_a_graph_on_the_average_notices() -> None:
    model, average = network(), network()
    mean = optim.ExponentialAverage(average, model)
    loss = ops.mean(average(wxb.tensor(np.ones((4, 5)))))
    mean.step()
    with pytest.raises(RuntimeError, match="was changed after the forward pass"):
        loss.backward()


def test_bad_input() -> None:
    model = network()
    with pytest.raises(ValueError, match="decay is 1, it must be at least 0 and below 1"):
        optim.ExponentialAverage(network(), model, 1)
    with pytest.raises(ValueError, match="average and model are one"):
        optim.ExponentialAverage(model, model)
    with pytest.raises(ValueError, match="load_state_dict: "):
        optim.ExponentialAverage(nn.Linear(5, 7), model)
