"""What the registry does not ask of the CUDA kernels that reduce and look up: state, errors, long inputs."""

from __future__ import annotations

import numpy as np
import pytest
import wxb
from wxb import nn, ops
from wxb.device import Device, cpu


def test_running_statistics_are_those_of_the_cpu(emulated: Device) -> None:
    x = np.random.default_rng(0).normal(3, 2, (40, 5)).astype(np.float32)
    means = []
    for device in (cpu, emulated):
        layer = nn.BatchNorm1d(5).to(device)
        for _ in range(3):
            layer(wxb.tensor(x, device=device))
        means.append([layer.running_mean.numpy(), layer.running_var.numpy()])
    for ours, theirs in zip(*means):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_running_statistics_stay_once_an_error_is_reported(emulated: Device) -> None:
    mean, var, count = wxb.tensor(np.zeros(3)), wxb.tensor(np.ones(3)), wxb.tensor(0)

    def step(x: wxb.Tensor, index: wxb.Tensor) -> wxb.Tensor:
        y = ops.take(x, index)
        return ops.batch_norm(y, mean, var, training=True, num_batches_tracked=count)

    x, captured = wxb.tensor(np.arange(12.0).reshape(4, 3)), wxb.capture(step)
    for _ in range(2):
        captured(x, wxb.tensor([0, 1, 2]))
    before = [t.numpy().copy() for t in (mean, var, count)]
    with pytest.raises(IndexError, match="take: at position 1"):
        captured(x, wxb.tensor([0, 4, 2]))
    assert all(np.array_equal(t.numpy(), b) for t, b in zip((mean, var, count), before))


@pytest.mark.parametrize("count", [511, 512, 513, 1025, 2000])
def test_a_table_is_summed_in_the_order_of_its_indices(count: int, emulated: Device) -> None:
    rng = np.random.default_rng(count)
    index = np.where(rng.random(count) < 0.5, 3, rng.integers(0, 40, count))
    wanted = np.zeros((40, 2))
    dy = rng.integers(-9, 9, (count, 2)).astype(np.float64)
    np.add.at(wanted, index, dy)
    weight = wxb.tensor(np.zeros((40, 2)), requires_grad=True)
    for _ in range(2):  # the second time only rows in use are cleared
        ops.sum(ops.embedding(wxb.tensor(index), weight) * wxb.tensor(dy)).backward()
        assert np.array_equal(weight.grad.numpy(), wanted)
        weight.zero_grad()


@pytest.mark.parametrize("labels", [[0, 3], [-1, 0]])
def test_a_bad_label_gives_zeros(labels: list[int], emulated: Device) -> None:
    kernels, x = emulated.kernels, np.ones((2, 3), np.float32)
    saved, loss, dx = np.empty(5, np.float32), np.empty((), np.float32), np.full((2, 3), np.nan, np.float32)
    bad = 1 if labels[1] == 3 else 0
    with pytest.raises(IndexError, match=f"at position {bad}"):
        kernels.cross_entropy_forward(x, np.array(labels), None, loss, saved)
    with pytest.raises(IndexError, match=f"at position {bad}"):
        kernels.cross_entropy_backward(x, np.array(labels), None, saved, np.ones((), np.float32), dx)
    assert np.isfinite(loss) and not dx[bad].any() and dx[1 - bad].any()
