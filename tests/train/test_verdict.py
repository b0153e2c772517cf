"""Over- and underfitting named: in histories made up for it, and in trainings that do it."""

import numpy as np
import pytest
import wxb
from wxb import nn, optim
from wxb.train import EarlyStopping, History, Trainer, judge


def history(**columns):
    made = History()
    for row in zip(*columns.values()):
        made.append(dict(zip(columns, row)))
    return made


def falling(epochs, start, end, rate=5.0):
    t = np.linspace(0, 1, epochs)
    return end + (start - end) * np.exp(-rate * t)


N = 40
T = np.linspace(0, 1, N)
U = falling(N, 1.0, 0.4) + 0.3 * np.maximum(T - 0.4, 0)  # down, then up again


@pytest.mark.parametrize(
    "columns, kind, words",
    [
        ({"loss": falling(N, 1, 0.1), "val_loss": U}, "overfitting", "above its best, 0.4"),
        ({"loss": falling(N, 1, 0.1, 8), "val_loss": falling(N, 1, 0.4, 8)}, "overfitting", "loss is 0.1"),
        (
            {
                "loss": falling(N, 2, 0.5, 8),
                "val_loss": falling(N, 2, 0.6, 8),
                "accuracy": 1 - falling(N, 0.9, 0.01),
                "val_accuracy": 1 - falling(N, 0.9, 0.2),
            },
            "overfitting",
            "accuracy is 0.984 in training, 0.795 in validation",
        ),
        ({"loss": falling(N, 1, 0.2, 1), "val_loss": falling(N, 1, 0.22, 1)}, "underfitting", "in the last 8 epochs"),
        ({"loss": [1.0, 0.5], "val_loss": [0.9, 0.6]}, "underfitting", "in the last epoch, by 50% and 33%"),
        ({"loss": 0.69 - 0.001 * T, "val_loss": 0.69 + 0 * T}, "underfitting", "hardly fell, from 0.69 to 0.68"),
        ({"loss": falling(N, 1, 0.3, 9), "val_loss": falling(N, 1, 0.31, 9)}, "balanced", "validation loss 0.31"),
        (
            {
                "loss": falling(N, 1, 0.5, 9),
                "val_loss": falling(N, 1, 0.45, 9),
                "r2": 1 - falling(N, 1, 0.5),
                "val_r2": 1 - falling(N, 1, 0.55),
            },
            "balanced",
            "-0.05 from training",
        ),
        (
            {"loss": 2 - 0.1 * T, "val_loss": 2 + 0 * T, "r2": -1 + 0 * T, "val_r2": -2 + 0 * T},
            "underfitting",
            "hardly",
        ),
        ({"loss": U, "val_loss": U * 1.1}, "unstable", "both losses rose after epoch"),
        ({"loss": -falling(N, 1, 2), "val_loss": -falling(N, 1, 1.9) + 0.9 * T**2}, "overfitting", "above its best"),
    ],
)
def test_made_up_histories(columns, kind, words):
    verdict = judge(history(**columns))
    assert verdict is not None and verdict.kind == kind and words in str(verdict)
    assert str(verdict).startswith(f"{kind}: ") and "\n" not in str(verdict)
    assert bool(verdict.mend) is (kind != "balanced")


def test_a_single_epochs_luck_is_no_best():
    noisy = falling(60, 1, 0.4, 12)
    noisy[30] -= 0.03
    assert judge(history(loss=falling(60, 1, 0.39, 12), val_loss=noisy)).kind == "balanced"


def test_nothing_is_said_of_what_was_not_measured():
    assert judge(History()) is None
    assert judge(history(loss=[1.0, 0.5, 0.2])) is None
    assert judge(history(loss=[1.0], val_loss=[1.0])) is None
    assert judge(history(loss=[1.0, 0.5], val_loss=[np.nan, 1.0])) is None


def test_with_early_stopping_the_epoch_that_was_kept_counts():
    made = history(loss=falling(N, 1, 0.1), val_loss=U)
    made.kept = int(U.argmin()) + 1
    assert "ended" not in str(judge(made))


def overfits(epochs=60, callbacks=(), progress=None, capture=True):
    """Train far too large a network on forty rows whose labels are half noise."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((240, 20)).astype(np.float32)
    y = (x[:, 0] + rng.standard_normal(240) > 0).astype(np.int64)
    wxb.seed(0)
    model = nn.Sequential(nn.Linear(20, 128, "relu"), nn.BatchNorm1d(128), nn.Linear(128, 2))
    trainer = Trainer(model, "cross_entropy", optim.Adam(model.parameters(), 1e-2), ["accuracy"], capture)
    validation = x[40:], y[40:]
    trainer.fit(x[:40], y[:40], epochs, validation=validation, callbacks=callbacks, progress=progress)
    return trainer, validation


def test_a_training_that_overfits_says_so_at_its_end(capsys):
    trainer, _ = overfits(progress=True)
    assert judge(trainer.history).kind == "overfitting"
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert "overfitting: validation loss ended" in last and "EarlyStopping" in last
    gap = [v - t for v, t in zip(trainer.history["val_loss"], trainer.history["loss"])]
    assert trainer.history["gap"] == gap and gap[-1] > 0.5
    overfits(epochs=2, progress=False)
    assert capsys.readouterr().err == ""


def test_a_line_that_no_line_fits_underfits():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (400, 2)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    wxb.seed(0)
    model = nn.Linear(2, 2)
    trainer = Trainer(model, "cross_entropy", optim.Adam(model.parameters(), 1e-3), ["accuracy"])
    trainer.fit(x[:200], y[:200], 30, validation=(x[200:], y[200:]))
    assert judge(trainer.history).kind == "underfitting"


@pytest.mark.parametrize("capture", [True, False])
def test_early_stopping_leaves_the_best_epoch_in_the_model(capture):
    """Weights and running statistics, bit by bit, whether steps are replayed or not."""
    stop = EarlyStopping(patience=5)
    trainer, validation = overfits(callbacks=[stop], capture=capture)
    losses = trainer.history["val_loss"]
    assert len(losses) < 60 and trainer.history.kept == stop.best_epoch == int(np.argmin(losses)) + 1
    assert trainer.evaluate(*validation)["loss"] == min(losses)
    trainer.fit(validation[0][:40], validation[1][:40], 1)
    assert trainer.history.kept is None
