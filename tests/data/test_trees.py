"""Trees in brackets, their batches, and the Stanford Sentiment Treebank."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from wxb.data import IGNORED, TreeBatch, TreeDataset, balanced_tree, parse_tree, read_trees, sst

TEXT = "(3 (2 It) (4 (2 's) (3 good)))"


def test_words_first_root_last():
    tree = parse_tree(TEXT)
    assert tree.words == ("It", "'s", "good")
    assert tree.labels.tolist() == [2, 2, 3, 4, 3]
    assert tree.children.tolist() == [[-1, -1]] * 3 + [[1, 2], [0, 3]]
    assert tree.heights.tolist() == [0, 0, 0, 1, 2]
    assert str(tree) == TEXT


def test_only_the_ascii_space_separates():
    tree = parse_tree("(2 (2 8\u00a01\\/2) (2 a\u2028b))")
    assert tree.words == ("8\u00a01\\/2", "a\u2028b")
    assert len(read_trees("(1 a\u0085b)\n(2 c)\n")) == 2


def test_a_deep_tree_needs_no_recursion():
    text = "(2 a)"
    for _ in range(5000):
        text = f"(1 {text} (0 b))"
    assert parse_tree(text).heights.max() == 5000


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "there is no tree"),
        ("   ", 4, "there is no tree"),
        ("()", 2, "ends without a label"),
        ("(3)", 3, "ends without a word or children"),
        ("(3 a b)", 6, "one word or two nodes"),
        ("(3 a (2 b))", 6, "one word or two nodes"),
        ("(3 (2 a) b)", 10, "one word or two nodes"),
        ("(3 (2 a))", 9, "has one child, wanted two"),
        ("(3 (2 a) (2 b) (2 c))", 16, "a third child; binarise"),
        ("(x a)", 2, "the label is 'x', wanted a whole number from 0 to 4"),
        ("(5 a)", 2, "the label is '5'"),
        ("(²  a)", 2, "the label is '²'"),
        ("((3 a) (3 b))", 2, "'(' stands where a label belongs"),
        ("(3 a", 5, "the '(' of column 1 is never closed"),
        ("(3 a))", 6, "')' follows the whole tree"),
        ("(3 a) (3 b)", 7, "one line has one tree"),
        ("a", 1, "stands outside of a tree"),
    ],
)
def test_malformed_trees_are_named_by_line_and_column(text, column, message):
    with pytest.raises(ValueError, match=f"^tree, column {column}: ") as error:
        parse_tree(text)
    assert message in str(error.value)
    with pytest.raises(ValueError, match=f"^FILE, line 2, column {column}: "):
        read_trees(f"(0 a)\n{text}\n(1 b)", "FILE")


def test_an_empty_file():
    with pytest.raises(ValueError, match="FILE: it is empty"):
        read_trees("", "FILE")


@pytest.mark.parametrize("count", range(1, 18))
def test_balanced_trees_keep_the_words_in_order(count):
    words = [f"w{i}" for i in range(count)]
    tree = balanced_tree(words, 2)
    assert parse_tree(str(tree)).words == tuple(words)
    assert tree.heights.max() == int(np.ceil(np.log2(count)))


def test_no_words():
    with pytest.raises(ValueError, match="there are no words"):
        balanced_tree([])


def test_a_batch_sorts_by_height_and_keeps_the_families():
    trees = [parse_tree(TEXT), parse_tree("(1 a)"), parse_tree("(0 (1 (2 (3 a) (4 b)) (3 c)) (2 d))")]
    batch = TreeBatch(trees, 4)
    assert batch.leaves == 8 and batch.children.shape == (16, 2)
    assert batch.words.tolist() == list(range(8))
    heights = np.concatenate([tree.heights for tree in trees])
    assert (np.diff(heights[np.argsort(batch.rows)]) >= 0).all()
    start = 0
    for tree, root in zip(trees, batch.roots):
        rows = batch.rows[start : start + len(tree)]
        assert rows[-1] == root
        for row, family in zip(rows, tree.children):
            assert batch.children[row].tolist() == [rows[k] if k >= 0 else -1 for k in family]
        start += len(tree)
    left_over = np.setdiff1d(np.arange(16), batch.rows)
    assert (batch.children[left_over] == -1).all()


def test_the_data_set_gives_words_labels_and_roots():
    trees = [parse_tree(TEXT), parse_tree("(1 good)")]
    nodes, targets = TreeDataset(trees, {"It": 1, "good": 7}, 2)[np.array([1, 0])]
    assert nodes.shape == (8, 3) and targets.shape == (8, 2)
    assert nodes[:, 0].tolist() == [7, 1, 0, 7, 0, 0, 0, 0]
    assert targets[:, 0].tolist() == [1, 2, 2, 3, 4, 3, IGNORED, IGNORED]
    assert targets[:, 1].tolist() == [1, 0, 0, 0, 0, 1, 0, 0]


# ---- the treebank ----

DATA = Path(os.environ.get("WXB_DATA", Path(__file__).parents[3] / "shared" / "data")) / "sst"
needs_sst = pytest.mark.skipif(not DATA.is_dir(), reason="no Stanford Sentiment Treebank here")


@needs_sst
def test_the_published_counts():
    train, dev, test = sst(DATA)
    assert [sum(map(len, part)) for part in (train, dev, test)] == [318582, 41447, 82600]
    assert [sum(len(tree.words) for tree in part) for part in (train, dev, test)] == [163563, 21274, 42405]
    roots = [np.bincount([tree.labels[-1] for tree in part]).tolist() for part in (train, dev, test)]
    assert roots == [[1092, 2218, 1624, 2322, 1288], [139, 289, 229, 279, 165], [279, 633, 389, 510, 399]]
    lines = gzip.decompress((DATA / "dev.txt.gz").read_bytes()).decode().split("\n")[:-1]
    assert [str(tree) for tree in dev] == lines


@needs_sst
def test_files_that_are_not_the_treebanks(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no train\.txt\.gz and no train\.txt"):
        sst(tmp_path)
    content = gzip.decompress((DATA / "train.txt.gz").read_bytes())
    (tmp_path / "train.txt").write_bytes(content[:-100])
    with pytest.raises(ValueError, match="SHA-256 of its first 8544 lines"):
        sst(tmp_path)
    (tmp_path / "train.txt.gz").write_bytes(gzip.compress(content)[:-100])
    with pytest.raises(ValueError, match="not a whole gzip file"):
        sst(tmp_path)
