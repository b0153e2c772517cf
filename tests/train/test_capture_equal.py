"""Captured steps are bit-equal to eager ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import wxb
from networks import Step, batches, bits, mlp, update
from wxb import Tensor, nn, ops, optim

OPTIMIZERS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "sgd": lambda p: optim.SGD(p, 0.1),
    "momentum": lambda p: optim.SGD(p, 0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: optim.Adam(p, 1e-2),
    "adamw, clipped": lambda p: optim.AdamW(p, 1e-2, clip_norm=0.5),
    "rmsprop": lambda p: optim.RMSprop(p, 1e-2),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("check", [False, True])
def test_training_is_bit_equal(name: str, check: bool) -> None:
    """An MLP with dropout and a learning rate that changes before every step: losses and weights."""
    results = []
    for captured in (False, True):
        model = mlp(20, 32, 16, 4, activation="gelu", dropout=0.3)
        optimizer = OPTIMIZERS[name](model.parameters())
        step = update(model, optimizer)
        run = wxb.capture(step, check=check) if captured else step
        losses = []
        for i, (x, y) in enumerate(batches(12)):
            optimizer.lr = 1e-2 * 0.9**i
            losses.append(run(x, y))
        results.append((bits(losses), bits(model.parameters())))
    assert results[0] == results[1]
    assert len(set(results[0][0])) == 12


def test_three_calls_are_the_same_step() -> None:
    """backward, step, zero_grad inside the captured function, in either order."""
    results = []
    for captured in (False, True):
        model = mlp(20, 16, 4)
        optimizer = optim.SGD(model.parameters(), 1e-2)

        def step(x: Tensor, y: Tensor, model: nn.Module = model, optimizer: optim.Optimizer = optimizer) -> Tensor:
            loss = ops.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        run = wxb.capture(step) if captured else step
        results.append((bits(run(x, y) for x, y in batches(8)), bits(model.parameters())))
        if captured:
            assert len(run.plans) <= 2
    assert results[0] == results[1]


def test_gradients_accumulate_over_captured_steps() -> None:
    """Three micro-batches, then an update outside: the first has no gradient to add to, the others have."""
    results = []
    for captured in (False, True):
        model = mlp(20, 16, 4, dropout=0.5)
        optimizer = optim.Adam(model.parameters(), 1e-2)

        def micro(x: Tensor, y: Tensor, model: nn.Module = model) -> Tensor:
            loss = ops.cross_entropy(model(x), y)
            loss.backward()
            return loss

        run = wxb.capture(micro) if captured else micro
        losses = []
        for i, (x, y) in enumerate(batches(15)):
            losses.append(run(x, y))
            if i % 3 == 2:
                optimizer.step()
                optimizer.zero_grad()
        results.append((bits(losses), bits(model.parameters())))
        if captured:
            assert len(run.plans) == 2
    assert results[0] == results[1]


def gan(captured: bool) -> tuple[list[bytes], list[bytes]]:
    """Two networks, two optimizers: D on real and fake, then G through D, without a detach."""
    g, d = mlp(8, 32, 16, activation="tanh", seed=1), mlp(16, 32, 2, seed=2)
    og, od = optim.Adam(g.parameters(), 1e-3, (0.5, 0.999)), optim.Adam(d.parameters(), 2e-3, (0.5, 0.999))

    def step(z: Tensor, real: Tensor, ones: Tensor, zeros: Tensor) -> tuple[Tensor, Tensor]:
        fake = g(z)
        d_loss = ops.cross_entropy(d(real), ones) + ops.cross_entropy(d(fake), zeros)
        od.step(d_loss)
        g_loss = ops.cross_entropy(d(fake), ones)
        og.step(g_loss)
        return d_loss, g_loss

    run, rng, losses = wxb.capture(step) if captured else step, np.random.default_rng(3), []
    ones, zeros = wxb.tensor(np.ones(24, np.int64)), wxb.tensor(np.zeros(24, np.int64))
    for _ in range(10):
        losses += run(wxb.tensor(rng.standard_normal((24, 8))), wxb.tensor(rng.standard_normal((24, 16))), ones, zeros)
    return bits(losses), bits([*g.parameters(), *d.parameters()])


def test_two_optimizers_are_bit_equal() -> None:
    assert gan(False) == gan(True)


def test_a_gan_is_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    g, d = mlp(8, 32, 16, activation="tanh", seed=1), mlp(16, 32, 2, seed=2)

    def twin(model: nn.Module, activation: Any) -> Any:
        layers: list[Any] = []
        for part in model.layers:
            layer = torch.nn.Linear(part.in_features, part.out_features)
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(part.weight.numpy()))
                layer.bias.copy_(torch.from_numpy(part.bias.numpy()))
            layers += [layer, activation()]
        return torch.nn.Sequential(*layers[:-1])

    tg, td = twin(g, torch.nn.Tanh), twin(d, torch.nn.ReLU)
    to_g = torch.optim.Adam(tg.parameters(), 1e-3, (0.5, 0.999))
    to_d = torch.optim.Adam(td.parameters(), 2e-3, (0.5, 0.999))
    entropy, ones, zeros = torch.nn.functional.cross_entropy, torch.ones(24).long(), torch.zeros(24).long()
    rng = np.random.default_rng(3)
    for _ in range(10):
        z, real = (torch.from_numpy(rng.standard_normal((24, n)).astype(np.float32)) for n in (8, 16))
        fake = tg(z)
        loss = entropy(td(real), ones) + entropy(td(fake.detach()), zeros)
        to_d.zero_grad()
        loss.backward()
        to_d.step()
        to_g.zero_grad()
        entropy(td(fake), ones).backward()
        to_g.step()
    ours = [np.frombuffer(b, np.float32) for b in gan(True)[1]]
    for a, b in zip(ours, [*tg.parameters(), *td.parameters()]):
        assert np.abs(a - b.detach().numpy().reshape(-1)).max() < 2e-5


def convolutional(seed: int = 0) -> nn.Sequential:
    wxb.seed(seed)
    block = [nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8, activation="relu"), nn.MaxPool2d(2), nn.Dropout2d(0.2)]
    return nn.Sequential(*block, nn.Conv2d(8, 12, 3, activation="gelu"), nn.Flatten(), nn.Linear(48, 4))


def pictures(count: int) -> list[tuple[Tensor, Tensor]]:
    rng = np.random.default_rng(8)
    return [(wxb.tensor(rng.standard_normal((9, 8, 8, 3))), wxb.tensor(rng.integers(0, 4, 9))) for _ in range(count)]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("begin", [1, 5])
def test_twenty_steps_of_a_convolutional_network(threads: int, begin: int) -> None:
    """Captured from the first step or from the fifth on, every loss, weight and statistic is the eager one's."""
    before, results = wxb.num_threads(), []
    wxb.set_num_threads(threads)
    for captured in (False, True):
        model = convolutional()
        step = update(model, optim.AdamW(model.parameters(), 1e-2, clip_norm=0.5))
        run = wxb.capture(step)
        losses = [(run if captured and i >= begin else step)(x, y) for i, (x, y) in enumerate(pictures(20))]
        results.append((bits(losses), [a.tobytes() for a in model.state_dict().values()]))
    wxb.set_num_threads(before)
    assert results[0] == results[1]


def test_metrics_may_accumulate_within_the_step() -> None:
    """Counters that the step itself adds to, as outputs that come back as arguments."""
    results = []
    for captured in (False, True):
        model = mlp(20, 16, 4)
        whole = update(model, optim.SGD(model.parameters(), 0.1))

        def step(
            x: Tensor, y: Tensor, total: Tensor, right: Tensor, model: nn.Module = model, whole: Step = whole
        ) -> tuple[Tensor, Tensor]:
            loss = whole(x, y).detach()
            return total + loss, right + ops.sum(ops.cast(ops.argmax(model(x), 1) == y, "float32"))

        run: Step = wxb.capture(step) if captured else step
        total, right = wxb.tensor(0.0), wxb.tensor(0.0)
        for x, y in batches(10):
            total, right = run(x, y, total, right)
        results.append((total.item(), right.item()))
    assert results[0] == results[1] and results[0][0] > 0
