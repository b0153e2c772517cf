"""On a GPU the Trainer reads losses now and then, to not wait in every step; errors may come late, and say so."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import wxb
from wxb import Tensor, nn, ops, optim
from wxb.device import Device
from wxb.train import Callback, Trainer, outcomes

RNG = np.random.default_rng(2)
BATCH, BATCHES = 4, 37
X, Y = RNG.standard_normal((BATCH * BATCHES - 1, 6)).astype("float32"), RNG.integers(0, 3, BATCH * BATCHES - 1)


def made(**more: Any) -> Trainer:
    wxb.seed(0)
    model = nn.Sequential(nn.Linear(6, 8, "relu"), nn.Linear(8, 3))
    return Trainer(model, "cross_entropy", optim.SGD(model.parameters(), 0.1), **more)


def fit(trainer: Trainer, x: np.ndarray = X, **more: Any) -> Trainer:
    trainer.fit(x, Y, 3, BATCH, shuffle=False, progress=False, **more)
    return trainer


@pytest.mark.parametrize("metrics", [(), ("accuracy",)])
def test_figures_are_those_of_reading_each(metrics: tuple[str, ...], gpu: Device, monkeypatch: Any) -> None:
    late = fit(made(metrics=metrics), validation=(X, Y)).history
    monkeypatch.setattr(outcomes, "READ_EVERY", 1)
    at_once = fit(made(metrics=metrics), validation=(X, Y)).history
    assert {name: late[name] for name in late if name != "seconds"} == {
        name: at_once[name] for name in at_once if name != "seconds"
    }


def test_the_host_waits_every_16_batches(gpu: Device, monkeypatch: Any) -> None:
    trainer, read, host = made(metrics=["accuracy"]), [], gpu.host
    monkeypatch.setattr(gpu, "host", lambda array: (read.append(trainer.steps), host(array))[1])

    class NewEpoch(Callback):
        def on_epoch_end(self, trainer: Trainer, figures: dict[str, float]) -> None:
            read.clear()

    trainer.fit(X, Y, 2, BATCH, progress=False, callbacks=[NewEpoch()])  # the step is recorded and proven
    begun = trainer.steps
    trainer.fit(X, Y, 1, BATCH, progress=False)
    assert sorted(set(read)) == [begun + 15, begun + 31, begun + 36]


class Late:
    """What a GPU does: a bad loss stops updates in the stream, and is raised when the host waits for an array."""

    def __init__(self, device: Device, monkeypatch: Any) -> None:
        self.reported, host, step = False, device.host, optim.SGD.step

        def check(loss: Tensor) -> Tensor:
            self.reported = self.reported or not math.isfinite(float(loss.data))
            return loss

        def wait(array: Any) -> Any:
            if self.reported:
                self.reported = False
                raise FloatingPointError("check_finite: the loss is not finite")
            return host(array)

        def update(optimizer: optim.SGD, loss: Tensor) -> None:
            if not self.reported:
                step(optimizer, loss)

        monkeypatch.setattr(ops, "check_finite", check)
        monkeypatch.setattr(device, "host", wait)
        monkeypatch.setattr(optim.SGD, "step", update)


WHERE = "fit: loss is {} in epoch 1, batch {}, or earlier within the last {} batches: "


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([3], WHERE.format("not finite", 16, 16) + "the last of them gives a finite loss when run again; train on the"),
        (
            [20, 31],
            WHERE.format("nan", 32, 16) + r"the input has NaN at \(2, 1\), the first layer it reaches is linear",
        ),
        ([35], WHERE.format("not finite", 37, 5) + "the last of them gives a finite loss when run again"),
        ([36], WHERE.format("nan", 37, 5) + r"the input has NaN at \(2, 1\)"),
    ],
)
def test_a_late_error_says_how_late(bad: list[int], message: str, emulated: Device, monkeypatch: Any) -> None:
    Late(emulated, monkeypatch)
    x = X.copy()
    for number in bad:
        x[number * BATCH + 2, 1] = np.nan
    trainer = made(capture=False)
    with pytest.raises(FloatingPointError, match=message):
        fit(trainer, x)
    assert all(np.isfinite(array).all() for array in trainer.model.state_dict().values())


def test_an_error_that_is_seen_at_once_names_its_batch(emulated: Device) -> None:
    x = X.copy()
    x[0, 0] = np.nan
    with pytest.raises(FloatingPointError, match="fit: loss is nan in epoch 1, batch 1: the input has NaN"):
        fit(made(), x)
