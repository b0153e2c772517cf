"""The Trainer captures its step: the same bits as eagerly, whatever the network, and eager where it cannot."""

from __future__ import annotations

import random
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import wxb
from networks import bits
from wxb import Tensor, nn, ops, optim
from wxb.train import Callback, EarlyStopping, LRSchedule, Trainer

RNG = np.random.default_rng(0)
ROWS = 70  # batches of 16: four full ones and a smaller one
PICTURES = RNG.standard_normal((ROWS, 8, 8, 3)).astype(np.float32)
TABLE = RNG.standard_normal((ROWS, 12)).astype(np.float32)
LABELS = RNG.integers(0, 4, ROWS)
VALUES = RNG.standard_normal((ROWS, 1)).astype(np.float32)


def lenet() -> nn.Module:
    layers = [nn.Conv2d(3, 8, 3, padding=1, activation="relu"), nn.MaxPool2d(2), nn.Conv2d(8, 12, 3), nn.AvgPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(12, 4))


def vgg() -> nn.Module:
    block = [nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8, activation="relu"), nn.Dropout2d(0.2), nn.MaxPool2d(2)]
    return nn.Sequential(*block, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(8, 4))


def resnet() -> nn.Module:
    body = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
    layers = [nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.Residual(body), nn.Upsample(2), nn.AdaptiveAvgPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(32, 4))


def perceptron(classes: int = 4) -> nn.Module:
    return wxb.models.mlp([12, 24, 16, classes], "gelu", dropout=0.2)


def normed() -> nn.Module:
    return nn.Sequential(
        nn.Linear(12, 24), nn.BatchNorm1d(24), nn.Linear(24, 16, "silu"), nn.LayerNorm(16), nn.Linear(16, 4)
    )


LARGE = RNG.integers(0, 256, (ROWS, 28, 28, 1), np.uint8)
COLOURS32 = RNG.integers(0, 256, (ROWS, 32, 32, 3), np.uint8)
COLOURS = RNG.integers(0, 256, (ROWS, 16, 16, 3), np.uint8)
MODELS: dict[str, tuple[Callable[[], nn.Module], Any, Any, str]] = {
    "mlp": (perceptron, TABLE, LABELS, "cross_entropy"),
    "regression": (lambda: perceptron(1), TABLE, VALUES, "huber"),
    "normed": (normed, TABLE, LABELS, "cross_entropy"),
    "lenet": (lenet, PICTURES, LABELS, "cross_entropy"),
    "vgg": (vgg, PICTURES, LABELS, "cross_entropy"),
    "resnet": (resnet, PICTURES, LABELS, "cross_entropy"),
    "lenet5": (wxb.models.lenet5, LARGE, LABELS, "cross_entropy"),
    "models.vgg": (lambda: wxb.models.vgg(widths=(8, 16), repeats=1, dropout=0.2), COLOURS, LABELS, "cross_entropy"),
    "resnet8": (wxb.models.resnet8, COLOURS, LABELS, "cross_entropy"),
    "speednet": (lambda: wxb.models.speednet(widths=(8, 16, 16)), COLOURS32, LABELS, "cross_entropy"),
}
OPTIMIZERS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "momentum": lambda p: optim.SGD(p, 0.05, momentum=0.9),
    "adamw, clipped": lambda p: optim.AdamW(p, 1e-2, clip_norm=0.3),
    "groups": lambda p: optim.SGD(
        [{"params": p[::2]}, {"params": p[1::2], "lr_scale": 3.0}], 0.05, nesterov=True, momentum=0.9
    ),
}


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    before = wxb.num_threads()
    wxb.set_num_threads(request.param)
    yield
    wxb.set_num_threads(before)


def train(name: str, optimizer: str, capture: bool, epochs: int = 4) -> tuple[list[Any], Trainer]:
    """Train on two shapes of batches, with a schedule, validation and metrics; return all that came of it."""
    build, x, y, loss = MODELS[name]
    wxb.seed(3)
    model = build()
    metrics = ["accuracy"] if y is LABELS else ["mae"]
    learning = [p for p in model.parameters() if p.requires_grad]
    trainer = Trainer(model, loss, OPTIMIZERS[optimizer](learning), metrics, capture=capture)
    schedule = LRSchedule(optim.OneCycleSchedule(trainer.optimizer, 0.05, epochs * 5))
    trainer.fit(x, y, epochs, 16, (x[:40], y[:40]), [schedule])
    figures = {k: trainer.history[k] for k in trainer.history if k != "seconds"}
    state = [a.tobytes() for a in (*model.state_dict().values(), *trainer.optimizer.state_dict().values())]
    return [
        state,
        figures,
        trainer.evaluate(x, y),
        trainer.predict(x).tobytes(),
        wxb.device("cpu").rng.tolist(),
    ], trainer


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", MODELS)
def test_captured_and_eager_are_bit_equal(name: str, optimizer: str, threads: None) -> None:
    (captured, trainer), (eager, other) = train(name, optimizer, True), train(name, optimizer, False)
    assert captured == eager
    assert len(trainer.plans) == 2 and not other.plans  # the full and the last, smaller batch


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_one_epoch_at_a_time(epochs: int) -> None:
    results = []
    for captured in (True, False):
        wxb.seed(3)
        trainer = Trainer(perceptron(), "cross_entropy", metrics=["accuracy"], capture=captured)
        for _ in range(4):
            trainer.fit(TABLE, LABELS, epochs, 16, validation=(TABLE, LABELS))
        results.append([p.tobytes() for p in trainer.model.state_dict().values()])
    assert results[0] == results[1]


class Edits(Callback):
    """What callbacks do to a network as it trains."""

    def on_epoch_end(self, trainer: Trainer, figures: dict[str, float]) -> None:
        model, optimizer = trainer.model, trainer.optimizer
        match trainer.epoch:
            case 2:
                model[1].requires_grad_(False)
            case 3:
                optimizer.weight_decay = 0.3
            case 4:
                model[1].requires_grad_(True)
                optimizer.lr = 3e-3
            case 5:
                model.layers = (*model.layers[:-1], nn.Dropout(0.5), model.layers[-1])
            case 6:
                trainer.loss = ops.mse
                trainer._labels = False


def test_edits_between_epochs() -> None:
    results = []
    for captured in (True, False):
        wxb.seed(1)
        model = perceptron(1)
        trainer = Trainer(model, "huber", optim.AdamW(model.parameters(), 1e-2), capture=captured)
        trainer.fit(TABLE, VALUES, 9, 16, callbacks=[Edits()])
        results.append((bits(model.parameters()), trainer.history["loss"]))
    assert results[0] == results[1]


def test_another_optimizer() -> None:
    results = []
    for captured in (True, False):
        wxb.seed(1)
        trainer = Trainer(perceptron(), capture=captured)
        trainer.fit(TABLE, LABELS, 3, 16)
        del trainer.optimizer
        trainer.optimizer = optim.SGD(trainer.model.parameters(), 0.2)
        trainer.fit(TABLE, LABELS, 3, 16)
        results.append(bits(trainer.model.parameters()))
    assert results[0] == results[1]


def test_early_stopping_puts_weights_back_into_plans() -> None:
    results = []
    for captured in (True, False):
        wxb.seed(1)
        trainer = Trainer(perceptron(), optimizer=None, capture=captured)
        for seed in range(3):
            stop = EarlyStopping("loss", patience=1)
            trainer.fit(TABLE, LABELS, 6, 16, callbacks=[stop], seed=seed)
        results.append(bits(trainer.model.parameters()))
    assert results[0] == results[1]


def test_float64_and_integers_are_converted() -> None:
    results = []
    for captured in (True, False):
        wxb.seed(1)
        model = nn.Sequential(nn.Linear(12, 8, "relu", dtype="float64"), nn.Linear(8, 1, dtype="float64"))
        trainer = Trainer(model, "mse", capture=captured)
        trainer.fit((TABLE * 10).astype(np.int16), (VALUES * 5).astype(np.int32), 3, 16)
        results.append(bits(model.parameters()))
    assert results[0] == results[1]


# ---- eager where it cannot ----


class Host(nn.Module):
    """Reads a value on the host, after it has drawn random numbers and moved statistics."""

    def __init__(self, what: str) -> None:
        self.what, self.count, self.calls = what, 0, np.zeros(1)
        self.body = nn.Sequential(nn.Linear(12, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 4))

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        match self.what:
            case "reads":
                return y * 2 if y.sum().item() > 0 else y
            case "counts":
                self.count += 1
                return y * float(self.count)
            case "counts unseen":
                self.calls[0] += 1
                return y * float(self.calls[0])
            case _:
                return y * random.random()


WHY = {
    "reads": r"item\(\) inside a captured step",
    "counts": r"Host changes itself inside the captured step; .* \('count', 1\) became \('count', 2\)",
    "counts unseen": "a replay differs from the eager step",
    "random": "a replay differs from the eager step",
}


@pytest.mark.parametrize("what", WHY)
def test_it_falls_back_and_says_why(what: str) -> None:
    results = []
    for captured in (True, False):
        wxb.seed(2)
        random.seed(5)
        model = Host(what)
        trainer = Trainer(model, "cross_entropy", optim.Adam(model.parameters(), 1e-2), ["accuracy"], captured)
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            trainer.fit(TABLE, LABELS, 4, 16)
        results.append(
            (bits(t for _, t in model._named_tensors()), trainer.history["loss"], model.count, model.calls.tolist())
        )
        if captured:
            [warning] = heard
            text = str(warning.message)
            assert text.startswith("fit: the step runs eagerly, not captured: ") and "\n" not in text
            assert warning.filename.endswith("test_trainer_capture.py"), warning.filename
            assert re.search(WHY[what], text), text
            assert not trainer.plans
        else:
            assert not heard
    assert what == "random" or results[0] == results[1]


# ---- errors inside a step ----


def embedding() -> nn.Module:
    return nn.Sequential(nn.Embedding(10, 6), nn.Flatten(), nn.BatchNorm1d(18), nn.Dropout(0.2), nn.Linear(18, 4))


@pytest.mark.parametrize("capture", [True, False])
@pytest.mark.parametrize("at", [0, 5, 17])
def test_an_index_out_of_range_names_the_layer(at: int, capture: bool) -> None:
    """In the first epoch the step runs eagerly, later it is a replay: the message is the same."""
    wxb.seed(0)
    model = embedding()
    trainer = Trainer(model, capture=capture)
    x = RNG.integers(0, 10, (ROWS, 3))

    class Break(Callback):
        def on_batch_end(self, trainer: Trainer) -> None:
            if trainer.steps == at:
                x[...] = 10

    if not at:
        x[...] = 10
    place = f"epoch {at // 5 + 1}, batch {at % 5 + 1}"
    with pytest.raises(IndexError, match=rf"fit: {place}: embedding_forward '0': at position \d+ an index or label"):
        trainer.fit(x, LABELS, 9, 16, callbacks=[Break()])
    assert trainer.steps == at


def test_errors_are_the_same_captured_and_eager() -> None:
    """What an error leaves behind, and what training goes on to, agree bit by bit."""
    results: list[Any] = []
    for captured in (True, False):
        wxb.seed(4)
        model = vgg()
        trainer = Trainer(model, optimizer=optim.Adam(model.parameters(), 1e-2), capture=captured)
        trainer.fit(PICTURES, LABELS, 3, 16)
        messages = []
        for value in (np.nan, np.inf):
            x = PICTURES.copy()
            x[37, 2, 3, 1] = value
            with pytest.raises(FloatingPointError) as caught:
                trainer.fit(x, LABELS, 1, 16)
            messages.append(str(caught.value))
        with pytest.raises(IndexError) as wrong:
            trainer.fit(PICTURES, LABELS + 1, 1, 16)
        messages.append(str(wrong.value))
        trainer.model.load_state_dict({n: np.nan_to_num(a) for n, a in model.state_dict().items()})
        trainer.fit(PICTURES, LABELS, 2, 16)
        state = [a.tobytes() for a in model.state_dict().values()]
        results.append((messages, state, trainer.steps, trainer.optimizer.steps))
    assert results[0] == results[1]
    assert "the input has NaN at" in results[0][0][0] and "epoch 4, batch" in results[0][0][0]


def test_nothing_is_updated_by_a_step_whose_loss_is_not_finite() -> None:
    wxb.seed(0)
    model = perceptron()
    trainer = Trainer(model, optimizer=optim.Adam(model.parameters(), 1e-2))
    trainer.fit(TABLE, LABELS, 4, 16)
    assert trainer.plans
    before, steps, state = bits(model.parameters()), trainer.steps, trainer.optimizer.state_dict()
    bad = TABLE.copy()
    bad[:, 3] = np.nan
    with pytest.raises(FloatingPointError, match=r"loss is nan in epoch 5, batch 1: the input has NaN at \(0, 3\)"):
        trainer.fit(bad, LABELS, 1, 16)
    assert bits(model.parameters()) == before and trainer.steps == steps
    assert all((a == b).all() for a, b in zip(state.values(), trainer.optimizer.state_dict().values()))


def test_dropout_that_overflows_is_found_again() -> None:
    """The second look draws the same mask: it names the layer although most masks would have been harmless."""
    wxb.seed(0)
    model = nn.Sequential(nn.Linear(12, 8), nn.Dropout(0.5), nn.Linear(8, 4))
    trainer = Trainer(model, optimizer=optim.SGD(model.parameters(), 0.0))
    trainer.fit(TABLE, LABELS, 3, 16)
    model[0].bias[0], model[2].weight[...] = 3e38, 1e30
    with pytest.raises(FloatingPointError, match=r"(linear '2'|dropout '1') is the first layer whose output has"):
        trainer.fit(TABLE, LABELS, 1, 16)


# ---- metrics, plans ----


def test_plans_can_be_looked_at(tmp_path: Any) -> None:
    trainer = Trainer(perceptron(), metrics=["accuracy"])
    assert trainer.plans == []
    trainer.fit(TABLE, LABELS, 3, 16)
    assert [len(plan) for plan in trainer.plans] == [len(trainer.plans[0])] * 2
    assert "check_finite" in repr(trainer.plans[0].summary())


def test_plans_of_a_trainer_share_their_memory() -> None:
    """Two shapes of batches, evaluation and prediction take the memory of the largest, not of all."""
    memory = []
    for rest in (0, 6):
        wxb.seed(0)
        trainer = Trainer(vgg(), metrics=["accuracy"])
        x, y = np.tile(PICTURES, (2, 1, 1, 1))[: 128 + rest], np.tile(LABELS, 2)[: 128 + rest]
        trainer.fit(x, y, 4, 64, validation=(x[:64], y[:64]) if rest else None)
        trainer.predict(x, 64)
        memory.append(trainer.plans[0].summary().memory)
    assert memory[1] <= 1.2 * memory[0]
