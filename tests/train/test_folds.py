"""Cross-validation: every row is asked of a network that never saw it, and the folds are scikit-learn's in kind."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import wxb
from wxb import nn, optim
from wxb.data import kfold, leave_one_group_out, load_breast_cancer
from wxb.train import History, Trainer, cross_validate
from wxb.train.metrics import METRICS


def trained(*losses):
    history = History()
    for loss in losses:
        history.append({"loss": loss})
    return SimpleNamespace(history=history)


def test_every_row_is_asked_of_a_network_that_never_saw_it():
    seen = []

    def fit(training, held_out):
        seen.append(set(training))
        return trained(len(seen), 2.0), np.stack([held_out, np.full(len(held_out), len(seen) - 1)], 1)

    found = cross_validate(fit, kfold(23, 4, seed=3))
    assert found.rows.tolist() == found.outputs[:, 0].tolist() == list(range(23))
    assert found.fold.tolist() == found.outputs[:, 1].tolist()
    assert all(row not in seen[fold] and len(seen[fold]) in (17, 18) for row, fold in zip(found.rows, found.fold))
    assert found.history["loss"] == [2.5, 2.0] and repr(found).startswith("CrossValidation(4 folds, 23 rows")


def test_scores_are_of_each_fold():
    targets = np.arange(6.0)
    folds = [(np.array([2, 3, 4, 5]), np.array([1, 0])), (np.array([0, 1, 2]), np.array([5, 3]))]
    found = cross_validate(lambda _, held_out: (trained(1.0), held_out + held_out[0] * 0.5), folds)
    assert found.rows.tolist() == [0, 1, 3, 5]
    assert found.scores(METRICS["mae"], targets).tolist() == [0.5, 2.5]


def test_a_mean_history_goes_as_far_as_all():
    histories = [trained(3.0, 2, 1).history, trained(5.0, 4).history]
    histories[0].kept, histories[1].kept = 2, 1
    mean = History.mean(histories)
    assert mean["loss"] == [4.0, 3.0] and mean.kept == 1
    assert History.mean(histories[:1]) is histories[0]


def test_a_network_on_breast_cancer_is_as_good_as_scikit_learns():
    selection = pytest.importorskip("sklearn.model_selection")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    table = load_breast_cancer()
    folds = kfold(len(table), 5, stratify=table.y)

    def fit(training, held_out):
        scale = table.x[training].mean(0), table.x[training].std(0)
        x = (table.x - scale[0]) / scale[1]
        wxb.seed(0)
        model = nn.Linear(30, 2)
        trainer = Trainer(model, "cross_entropy", optim.AdamW(model.parameters(), 1e-2, weight_decay=0.1), ["accuracy"])
        trainer.fit(x[training], table.y[training], 20, validation=(x[held_out], table.y[held_out]))
        return trainer, trainer.predict(x[held_out])

    found = cross_validate(fit, folds)
    theirs = selection.cross_val_score(
        make_pipeline(StandardScaler(), LogisticRegression()), table.x, table.y, cv=folds
    )
    ours = found.scores(METRICS["accuracy"], table.y)
    assert ours.mean() == pytest.approx(theirs.mean(), abs=0.01)
    assert found.history["val_accuracy"][-1] == pytest.approx(ours.mean())
    assert set(found.history) >= {"loss", "val_loss", "gap"}


@pytest.mark.parametrize("folds", [2, 5, 7])
def test_stratified_folds_have_the_sizes_of_scikit_learns(folds):
    selection = pytest.importorskip("sklearn.model_selection")
    y = np.random.default_rng(0).choice(3, 200, p=[0.6, 0.3, 0.1])
    theirs = selection.StratifiedKFold(folds, shuffle=True, random_state=0).split(y, y)
    counts = [
        sorted(np.bincount(y[test], minlength=3)[k] for _, test in parts) for parts in (list(theirs),) for k in range(3)
    ]
    ours = kfold(len(y), folds, stratify=y)
    for k in range(3):
        mine = sorted(np.bincount(y[test], minlength=3)[k] for _, test in ours)
        assert mine == counts[k]


def test_groups_are_held_out_as_by_scikit_learn():
    selection = pytest.importorskip("sklearn.model_selection")
    groups = np.array(["b", "a", "c", "a", "b", "a"])
    theirs = selection.LeaveOneGroupOut().split(groups, groups=groups)
    for mine, (training, test) in zip(leave_one_group_out(groups), theirs, strict=True):
        assert mine[0].tolist() == training.tolist() and mine[1].tolist() == test.tolist()


ROWS = np.arange(5)


@pytest.mark.parametrize(
    "folds, message",
    [
        ([], "cross_validate: there are no folds, wanted at least one"),
        ([(ROWS, ROWS[:0])], "cross_validate: fold 1 trains on 5 rows and holds 0 out, wanted some of both"),
        ([(ROWS[:0], ROWS)], "cross_validate: fold 1 trains on 0 rows"),
        ([(ROWS[:3], ROWS[2:])], "cross_validate: fold 1 trains on row 2, which it holds out"),
        ([(ROWS[:2], ROWS[2:]), (ROWS[:3], ROWS[4:])], "cross_validate: row 4 is held out 2 times, wanted once"),
        ([(ROWS[:3], ROWS[3:])], "cross_validate: fold 1 gave outputs (3, 2), wanted (2, ...)"),
    ],
)
def test_folds_that_cannot_be(folds, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        cross_validate(lambda training, held_out: (trained(1.0), np.zeros((3, 2))), folds)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: kfold(5, 6), "kfold: 6 folds of 5 rows, wanted 2 to 5 folds"),
        (lambda: kfold(5, 0), "kfold: 0 folds of 5 rows"),
        (lambda: kfold(5, 3, stratify=list("aabbb")), "kfold: class a has 2 rows, wanted at least 3; take fewer folds"),
        (lambda: leave_one_group_out([1, 1]), "leave_one_group_out: 1 groups, wanted at least two"),
        (lambda: leave_one_group_out([]), "leave_one_group_out: 0 groups, wanted at least two"),
        (lambda: leave_one_group_out(3), "leave_one_group_out: groups has shape (), wanted (0,)"),
        (lambda: leave_one_group_out([[1, 2]]), "leave_one_group_out: groups has shape (1, 2), wanted (1,)"),
    ],
)
def test_rows_that_make_no_folds(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
