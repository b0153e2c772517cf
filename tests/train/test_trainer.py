"""The Trainer: learning, reproducibility, resumption, and errors that lose nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import wxb
from wxb import nn, ops, optim
from wxb.train import Callback, Checkpoint, CSVLog, EarlyStopping, LRSchedule, Trainer


def spiral(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Two classes that no line separates."""
    rng = np.random.default_rng(0)
    t = rng.uniform(0.5, 3, n)
    y = np.arange(n) % 2
    angle = 2.2 * t + np.pi * y
    x = np.stack([t * np.cos(angle), t * np.sin(angle)], 1) + rng.normal(0, 0.05, (n, 2))
    return x, y


def network(seed: int = 0, dropout: float = 0.0) -> nn.Sequential:
    wxb.seed(seed)
    return nn.Sequential(nn.Linear(2, 32, "tanh"), nn.Dropout(dropout), nn.Linear(32, 2))


def trainer(seed: int = 0, dropout: float = 0.0) -> Trainer:
    model = network(seed, dropout)
    return Trainer(model, "cross_entropy", optim.Adam(model.parameters(), 1e-2), ["accuracy"])


def bits(t: Trainer) -> list[bytes]:
    return [p.numpy().tobytes() for p in t.model.parameters()]


def test_it_learns_and_equals_the_plain_loop():
    x, y = spiral()
    t = trainer()
    history = t.fit(x, y, epochs=40, batch_size=20, seed=3)
    assert history["accuracy"][-1] > 0.98 and history["loss"][-1] < 0.2 < history["loss"][0]
    assert t.evaluate(x, y)["accuracy"] > 0.98
    assert t.steps == 40 * 15 and t.epoch == history.epochs == 40

    model = network()
    optimizer = optim.Adam(model.parameters(), 1e-2)
    loader = wxb.data.Loader(wxb.data.ArrayDataset(x, y), 20, shuffle=True, seed=3)
    for _ in range(40):
        for xb, yb in loader:
            loss = ops.cross_entropy(model(xb), wxb.tensor(yb))
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    assert bits(t) == [p.numpy().tobytes() for p in model.parameters()]


def test_the_same_seed_gives_the_same_bits_on_any_number_of_threads():
    x, y = spiral()
    results = []
    for threads in (1, 2, 3, 2):
        wxb.set_num_threads(threads)
        t = trainer(dropout=0.3)
        t.fit(x, y, epochs=3, batch_size=64)
        results.append(bits(t))
    wxb.set_num_threads(2)
    assert all(r == results[0] for r in results)


def test_resuming_equals_never_stopping(tmp_path):
    x, y = spiral()
    whole = trainer(dropout=0.2)
    whole.fit(x, y, epochs=6)
    first = trainer(dropout=0.2)
    first.fit(x, y, epochs=3)
    first.save(tmp_path / "half.safetensors")
    second = trainer(seed=99, dropout=0.2)
    second.load(tmp_path / "half.safetensors")
    second.fit(x, y, epochs=3)
    assert bits(second) == bits(whole) and second.epoch == 6 and second.steps == whole.steps


def test_a_foreign_checkpoint_changes_nothing(tmp_path):
    t = trainer()
    t.fit(*spiral(), epochs=1)
    before = bits(t)
    t.save(tmp_path / "a.safetensors")
    other = nn.Sequential(nn.Linear(2, 7), nn.Linear(7, 2))
    wrong = Trainer(other)
    with pytest.raises(ValueError, match=r"load_state_dict: .*must be \(7, 2\)"):
        wrong.load(tmp_path / "a.safetensors")
    wxb.io.save(t.model.state_dict(), tmp_path / "b.safetensors")
    with pytest.raises(ValueError, match="no checkpoint of a Trainer"):
        t.load(tmp_path / "b.safetensors")
    assert bits(t) == before


def test_nan_in_the_data_stops_before_the_update_and_names_the_layer():
    x, y = spiral()
    t = trainer()
    before = bits(t)
    x[7, 1] = np.nan
    with pytest.raises(FloatingPointError, match=r"loss is nan in epoch 1, batch \d+: the input has NaN .*linear '0'"):
        t.fit(x, y, epochs=1, shuffle=False, batch_size=100)
    assert bits(t) == before and t.steps == 0


def test_an_overflow_is_traced_to_its_layer():
    x, y = spiral()
    t = trainer()
    t.model[2].weight[...] = 3e38
    with pytest.raises(FloatingPointError, match="linear '2' is the first layer whose output has"):
        t.fit(x, y, epochs=1)
    t.model[0].weight[0, 0] = np.inf
    with pytest.raises(FloatingPointError, match=r"parameter '0\.weight' has an infinity"):
        t.fit(x, y, epochs=1)


def test_callbacks(tmp_path):
    x, y = spiral()
    t = trainer()
    stop = EarlyStopping(patience=3, min_delta=10.0)
    seen = []

    class Watch(Callback):
        def on_epoch_end(self, trainer, figures):
            seen.append(figures)

    callbacks = [Watch(), Checkpoint(tmp_path), CSVLog(tmp_path / "log.csv"), stop]
    history = t.fit(x, y, epochs=50, validation=(x, y), callbacks=callbacks)
    assert history.epochs == 4 and len(seen) == 4 and stop.best_epoch == 1
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "gap", "lr", "seconds"} == set(history)
    assert (tmp_path / "best.safetensors").is_file() and (tmp_path / "last.safetensors").is_file()
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert len(lines) == 5 and lines[0].startswith("epoch,")
    history.to_csv(tmp_path / "history.csv")
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 5


def test_early_stopping_restores_the_best_weights():
    x, y = spiral()
    t = trainer()
    kept = []

    class Keep(Callback):
        def on_epoch_end(self, trainer, figures):
            kept.append(bits(trainer))
            trainer.optimizer.lr = 0.5  # from here on it can only get worse

    stop = EarlyStopping("val_loss", patience=3)
    t.fit(x, y, epochs=30, validation=(x, y), callbacks=[Keep(), stop])
    assert bits(t) == kept[stop.best_epoch - 1]


def test_a_schedule_moves_the_learning_rate():
    x, y = spiral()
    t = trainer()
    schedule = optim.OneCycleSchedule(t.optimizer, 0.1, 30)
    history = t.fit(x, y, epochs=2, batch_size=20, callbacks=[LRSchedule(schedule)])
    assert history["lr"][-1] < 1e-3


def test_predict_needs_no_targets_and_keeps_modes():
    x, _ = spiral()
    t = trainer(dropout=0.5)
    t.model.train()
    first, second = t.predict(x), t.predict(x, batch_size=7)
    assert first.shape == (300, 2) and np.allclose(first, second, atol=1e-6)
    assert t.model.training and t.model[1].training


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda t, x, y: t.fit(x, y[:-1]), ValueError, "300"),
        (lambda t, x, y: t.fit(x), TypeError, "pass y="),
        (lambda t, x, y: t.fit(x, y, epochs=-1), ValueError, "epochs is -1"),
        (lambda t, x, y: t.fit(x, y, batch_size=0), ValueError, "batch_size"),
        (lambda t, x, y: t.fit(x[:0], y[:0]), ValueError, "empty"),
        (lambda t, x, y: t.fit(x, y + 1), IndexError, "out of range"),
        (lambda t, x, y: t.fit(x, y.astype(float)), TypeError, "class labels must be integers"),
        (
            lambda t, x, y: t.fit(x[:, :1], y),
            ValueError,
            r"linear '0': input has shape \(32, 1\), its last axis must be 2",
        ),
        (lambda t, x, y: t.fit(x, y, callbacks=[EarlyStopping()], epochs=1), ValueError, "monitors 'val_loss'"),
        (lambda t, x, y: Trainer(t.model, "mean"), ValueError, "loss 'mean' is not one of"),
        (lambda t, x, y: Trainer(t.model, metrics=["aucc"]), ValueError, "'aucc' is not one of accuracy"),
        (lambda t, x, y: Trainer(lambda x: x), TypeError, "must be a Module"),
    ],
)
def test_bad_input(call, error, message):
    x, y = spiral()
    with pytest.raises(error, match=message):
        call(trainer(), x, y)


def test_regression_targets_must_have_the_shape_of_the_output():
    model = nn.Linear(2, 1)
    with pytest.raises(ValueError, match=r"mse: prediction has shape \(32, 1\), target has shape \(32,\)"):
        Trainer(model, "mse").fit(np.ones((32, 2)), np.ones(32), epochs=1)


def test_two_processes_agree(tmp_path):
    script = (
        "import wxb, json; from wxb import nn, optim; from wxb.train import Trainer\n"
        "wxb.seed(1); d = wxb.data.load_digits()\n"
        "m = nn.Sequential(nn.Linear(64, 32, 'gelu'), nn.Dropout(0.1), nn.Linear(32, 10))\n"
        "t = Trainer(m, 'cross_entropy', optim.Adam(m.parameters())); t.fit(d.x, d.y, epochs=2)\n"
        "print(json.dumps(wxb.io.sha256(m.state_dict())))"
    )
    hashes = set()
    for threads in ("1", "2", "2"):
        env = {**os.environ, "OMP_NUM_THREADS": threads}
        out = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
        hashes.add(json.loads(out.stdout))
    assert len(hashes) == 1
