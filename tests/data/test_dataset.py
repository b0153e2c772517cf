"""Data sets, their parts, and the embedded ones."""

import hashlib
import re

import numpy as np
import pytest
from wxb.data import ArrayDataset, embedded, kfold, load_breast_cancer, load_diabetes, load_digits, split

X, Y = np.arange(20.0).reshape(10, 2), np.arange(10)


def test_indexing_gives_the_rows_of_every_array():
    data = ArrayDataset(X, Y)
    assert len(data) == 10
    for index in (3, -1, slice(2, 5), [4, 1, 4], np.array([7], np.uint8), Y > 6, []):
        x, y = data[index]
        rows = np.asarray(index, np.int64) if isinstance(index, list) else index
        np.testing.assert_array_equal(x, X[rows])
        np.testing.assert_array_equal(y, Y[rows])
    assert [int(y) for _, y in data] == list(range(10))
    assert repr(data) == "ArrayDataset((10, 2) float64, (10,) int64)"


@pytest.mark.parametrize(
    "arrays, error, message",
    [
        ((), ValueError, "ArrayDataset: got no arrays, wanted at least one"),
        ((X, Y[:9]), ValueError, "ArrayDataset: arrays have lengths [10, 9], wanted one length; a row is one sample"),
        ((X, 3), ValueError, "ArrayDataset: array 1 is a single value, wanted rows"),
        (([None, "a"],), TypeError, "ArrayDataset: array 0 holds Python objects, wanted numbers"),
    ],
)
def test_arrays_that_do_not_fit(arrays, error, message):
    with pytest.raises(error, match=re.escape(message)):
        ArrayDataset(*arrays)


@pytest.mark.parametrize(
    "index, error, message",
    [
        (10, IndexError, "ArrayDataset: row 10 asked, there are 10"),
        ([0, -11], IndexError, "ArrayDataset: row -11 asked, there are 10"),
        ([True, False], IndexError, "ArrayDataset: mask has shape (2,), wanted (10,)"),
        (1.5, TypeError, "ArrayDataset: index is float64, wanted an int"),
        ("a", TypeError, "ArrayDataset: index is <U1, wanted an int"),
    ],
)
def test_rows_that_are_not_there(index, error, message):
    with pytest.raises(error, match=re.escape(message)):
        ArrayDataset(X, Y)[index]


def test_split_parts_the_rows_and_keeps_them_together():
    x_train, y_train, x_test, y_test = split(X, Y, test_size=0.25)
    assert len(x_train) == len(y_train) == 7 and len(x_test) == len(y_test) == 3
    assert sorted([*y_train, *y_test]) == list(range(10))
    np.testing.assert_array_equal(x_train[:, 0], 2 * y_train)
    np.testing.assert_array_equal(x_test[:, 0], 2 * y_test)


@pytest.mark.parametrize("stratify", [None, Y % 2])
def test_split_depends_on_the_seed_only(stratify):
    first, again, other = (split(X, Y, seed=seed, stratify=stratify) for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[1], other[1])


@pytest.mark.parametrize("test_size", [0.1, 0.2, 0.33, 0.5, 0.9, 17])
def test_stratified_split_gives_every_class_its_share(test_size):
    labels = np.random.default_rng(0).choice(["a", "b", "c"], size=211, p=[0.7, 0.2, 0.1])
    _, train, _, test = split(np.arange(211), labels, test_size, seed=3, stratify=labels)
    share = len(test) / 211
    for name in "abc":
        assert abs((test == name).sum() - share * (labels == name).sum()) < 1 + 1e-9
    assert list(train) != sorted(train)


def test_stratified_split_leaves_a_single_row_in_training():
    labels = np.array([0] * 20 + [1] * 10 + [2])
    for seed in range(20):
        assert 2 in split(labels, labels, 0.3, seed, stratify=labels)[1]


def test_split_counts_like_arithmetic():
    assert len(split(np.arange(30), np.arange(30), 0.1)[2]) == 3
    assert len(split(np.arange(1797), np.arange(1797))[2]) == 360


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"test_size": 0.0}, "split: test_size is 0.0, wanted a share between 0 and 1 or a number of rows"),
        ({"test_size": 1.0}, "split: test_size is 1.0"),
        ({"test_size": float("nan")}, "split: test_size is nan"),
        ({"test_size": 10}, "split: 10 of 10 rows for the test, wanted 1 to 9"),
        ({"test_size": True}, "split: test_size is True"),
        ({"seed": -1}, "split: seed is -1, wanted 0 or more"),
        ({"stratify": Y[:3]}, "split: stratify has shape (3,), wanted (10,)"),
        ({"stratify": Y}, "split: 2 test rows asked, only 0 share a class with another row"),
    ],
)
def test_split_says_what_is_wrong(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        split(X, Y, **arguments)


@pytest.mark.parametrize("folds", [2, 3, 10])
@pytest.mark.parametrize("stratified", [False, True])
def test_kfold_tests_every_row_once(folds, stratified):
    labels = np.random.default_rng(1).choice(3, size=101, p=[0.6, 0.2, 0.2])
    parts = kfold(101, folds, seed=5, stratify=labels if stratified else None)
    assert sorted(np.concatenate([test for _, test in parts])) == list(range(101))
    sizes = [len(test) for _, test in parts]
    assert max(sizes) - min(sizes) <= 1
    for train, test in parts:
        assert sorted([*train, *test]) == list(range(101))
        assert list(train) != sorted(train)
    if stratified:
        counts = np.array([np.bincount(labels[test], minlength=3) for _, test in parts])
        assert (np.ptp(counts, axis=0) <= 1).all()


def test_kfold_says_what_is_wrong():
    with pytest.raises(ValueError, match="kfold: 1 folds of 5 rows, wanted 2 to 5 folds"):
        kfold(5, 1)
    with pytest.raises(ValueError, match="kfold: class 1 has 1 rows, wanted at least 2; take fewer folds"):
        kfold(3, 2, stratify=[0, 0, 1])


@pytest.mark.parametrize(
    "load, shape, target",
    [
        (load_digits, (1797, 64), np.int64),
        (load_diabetes, (442, 10), np.float32),
        (load_breast_cancer, (569, 30), np.int64),
    ],
)
def test_embedded_sets_are_complete(load, shape, target):
    table = load()
    assert table.x.shape == shape and table.x.dtype == np.float32 and np.isfinite(table.x).all()
    assert table.y.shape == shape[:1] and table.y.dtype == target and len(table) == shape[0]
    assert len(table.feature_names) == shape[1] and len(set(table.feature_names)) == shape[1]
    if target == np.int64:
        assert set(table.y) == set(range(len(table.target_names)))
    assert "Licence" in table.description
    table.x[:] = 0  # every call gives its own arrays
    assert load().x.any()


@pytest.mark.parametrize("name", ["digits", "diabetes", "breast_cancer"])
def test_source_file_states_the_bytes(name):
    digest = hashlib.sha256((embedded.FOLDER / f"{name}.npz").read_bytes()).hexdigest()
    assert f"sha256 {digest}" in (embedded.FOLDER / f"{name}.SOURCE.md").read_text()


@pytest.mark.parametrize(
    "load, source, arguments",
    [
        (load_digits, "load_digits", {}),
        (load_diabetes, "load_diabetes", {"scaled": False}),
        (load_breast_cancer, "load_breast_cancer", {}),
    ],
)
def test_embedded_sets_are_scikit_learns(load, source, arguments):
    original = getattr(pytest.importorskip("sklearn.datasets"), source)(**arguments)
    np.testing.assert_array_equal(load().x, original.data.astype(np.float32))
    np.testing.assert_array_equal(load().y, original.target)


def test_embedded_sets_are_small():
    assert sum(path.stat().st_size for path in embedded.FOLDER.glob("*.npz")) <= 120_000
