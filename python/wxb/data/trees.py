"""Trees with labels at their nodes: the reader of the Penn Treebank's brackets, and batches as a network takes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .dataset import Arrays, Indices

__all__ = ["IGNORED", "Tree", "TreeBatch", "TreeDataset", "balanced_tree", "parse_tree", "read_trees"]

IGNORED = -100  # the label of what is not learnt: losses pass over it
_PIECES = re.compile(r"[()]|[^() ]+| +")


@dataclass(frozen=True, eq=False)
class Tree:
    """A binary tree over the words of a sentence.

    words: T of them; labels (N,) int64; children (N, 2) int64, -1 for none. Nodes 0 to T - 1 are the words, in their
    order, then come the others, children before parents: the last is the root.
    """

    words: tuple[str, ...]
    labels: Indices
    children: Indices

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def heights(self) -> Indices:
        """How far each node is above its lowest word, (N,)."""
        heights = [0] * len(self)
        for n, family in enumerate(self.children.tolist()):
            heights[n] = max((heights[k] + 1 for k in family if k >= 0), default=0)
        return np.array(heights, np.int64)

    def relabelled(self, table: Sequence[int]) -> Tree:
        """Return the tree with the label ``table[label]`` at each node."""
        return Tree(self.words, np.asarray(table, np.int64)[self.labels], self.children)

    def __str__(self) -> str:
        texts = [f"({label} {word})" for label, word in zip(self.labels, self.words)]
        for n in range(len(texts), len(self)):
            inner = " ".join(texts[k] for k in self.children[n] if k >= 0)
            texts.append(f"({self.labels[n]} {inner})")
        return texts[-1]


def read_trees(text: str, name: str = "trees", classes: int = 5) -> list[Tree]:
    """Read a tree from each line of ``text``, as ``parse_tree`` does; ``name`` stands in errors, beside the line.

    Raises ValueError where there is no line.
    """
    lines = text.split("\n")  # a no-break space and its kin belong to words, and so may what Unicode calls line ends
    if lines[-1] == "":
        lines.pop()
    if not lines:
        raise ValueError(f"{name}: it is empty, wanted a tree a line")
    return [parse_tree(line.removesuffix("\r"), f"{name}, line {i + 1}", classes) for i, line in enumerate(lines)]


def parse_tree(text: str, name: str = "tree", classes: int = 5) -> Tree:
    """Read a tree in the brackets of the Penn Treebank: ``(3 (2 It) (4 (2 's) (3 good)))``.

    A node is ``(label word)`` or ``(label node node)``, its label a whole number below ``classes``. Only brackets and
    the ASCII space separate. Raises ValueError that names the column (from 1) of what is wrong.
    """
    parser = _Parser(name, classes)
    for piece in _PIECES.finditer(text):
        if piece.group()[0] != " ":
            parser.take(piece.group(), piece.start() + 1)
    return parser.finish(len(text) + 1)


@dataclass
class _Node:
    column: int
    label: int | None = None
    parts: tuple[int | str, ...] = ()  # a word, or the numbers of children


class _Parser:
    """Builds a tree from its pieces; without recursion, so that no depth is too deep."""

    def __init__(self, name: str, classes: int) -> None:
        self.name, self.classes = name, classes
        self.open: list[_Node] = []
        self.closed: list[_Node] = []

    def take(self, piece: str, column: int) -> None:
        """Take a bracket, a label or a word."""
        if self.closed and not self.open:
            self.fail(column, f"{piece!r} follows the whole tree; one line has one tree")
        if piece == "(":
            if self.open and self.open[-1].label is None:
                self.fail(column, "'(' stands where a label belongs")
            if self.open:
                self.make_room(column, is_word=False)
            self.open.append(_Node(column))
        elif not self.open:
            self.fail(column, f"{piece!r} stands outside of a tree; it begins with '('")
        elif piece == ")":
            self.close(column)
        elif self.open[-1].label is None:
            self.open[-1].label = self.label(piece, column)
        else:
            self.make_room(column, is_word=True)
            self.open[-1].parts = (piece,)

    def label(self, piece: str, column: int) -> int:
        """Return a label as a number."""
        number = int(piece) if piece.isascii() and piece.isdigit() and len(piece) < 10 else -1
        if not 0 <= number < self.classes:
            self.fail(column, f"the label is {piece!r}, wanted a whole number from 0 to {self.classes - 1}")
        return number

    def make_room(self, column: int, is_word: bool) -> None:
        """Raise unless the innermost open node may have one more part."""
        parts = self.open[-1].parts
        if parts and (is_word or isinstance(parts[0], str)):
            self.fail(column, "a node holds one word or two nodes, this one has more")
        if len(parts) == 2:
            self.fail(column, "a node has a third child; binarise the tree")

    def close(self, column: int) -> None:
        """Close the innermost open node."""
        node = self.open[-1]
        if node.label is None or not node.parts:
            self.fail(column, "a node ends without a " + ("label" if node.label is None else "word or children"))
        if len(node.parts) == 1 and not isinstance(node.parts[0], str):
            self.fail(column, "a node has one child, wanted two")
        self.open.pop()
        self.closed.append(node)
        if self.open:
            self.open[-1].parts += (len(self.closed) - 1,)

    def finish(self, column: int) -> Tree:
        """Return the tree: its words first, then the other nodes in the order in which they closed."""
        if self.open:
            self.fail(column, f"the '(' of column {self.open[-1].column} is never closed")
        if not self.closed:
            self.fail(column, "there is no tree; wanted '(label word)' or '(label node node)'")
        leaves = [i for i, node in enumerate(self.closed) if isinstance(node.parts[0], str)]
        inner = [i for i, node in enumerate(self.closed) if not isinstance(node.parts[0], str)]
        row = {number: i for i, number in enumerate([*leaves, *inner])}
        children = np.full((len(row), 2), -1, np.int64)
        for number in inner:
            children[row[number]] = [row[int(child)] for child in self.closed[number].parts]
        labels = np.array([self.closed[number].label for number in [*leaves, *inner]], np.int64)
        return Tree(tuple(str(self.closed[number].parts[0]) for number in leaves), labels, children)

    def fail(self, column: int, what: str) -> None:
        """Raise with the place."""
        raise ValueError(f"{self.name}, column {column}: {what}")


def balanced_tree(words: Sequence[str], label: int = IGNORED) -> Tree:
    """Return a tree over the words of a sentence that has no parse: neighbours are joined in pairs, and so on upwards.

    Raises ValueError for no words.
    """
    if not words:
        raise ValueError("balanced_tree: there are no words, wanted at least one")
    children: list[tuple[int, int]] = [(-1, -1)] * len(words)
    level = list(range(len(words)))
    while len(level) > 1:
        paired = []
        for left, right in zip(level[::2], level[1::2]):
            children.append((left, right))
            paired.append(len(children) - 1)
        level = paired + level[len(level) // 2 * 2 :]
    return Tree(tuple(words), np.full(len(children), label, np.int64), np.array(children, np.int64))


class TreeBatch:
    """Several trees as the arrays of one batch, in the order in which a network computes them.

    Nodes are rows: words first, in ``leaves`` rows (as many as are needed, and on to the next multiple of
    ``multiple``), then as many rows for the other nodes, by height. So all nodes of a height lie together, and batches
    of about one size have one shape. children (2 leaves, 2) int64, -1 for none and in rows left over; rows (nodes,):
    where each node of the trees is, one tree after the other; roots, words: the rows of roots and words.
    """

    def __init__(self, trees: Sequence[Tree], multiple: int = 1) -> None:
        if not trees:
            raise ValueError("TreeBatch: there are no trees, wanted at least one")
        words = np.array([len(tree.words) for tree in trees])
        nodes = np.array([len(tree) for tree in trees])
        needed = max(int(words.sum()), int((nodes - words).sum()), 1)
        self.leaves = -(-needed // multiple) * multiple
        first = np.repeat(np.cumsum(nodes) - nodes, nodes)  # of each node's tree
        is_word = np.arange(nodes.sum()) - first < np.repeat(words, nodes)
        self.rows = np.empty(len(first), np.int64)
        self.words = self.rows[is_word] = np.arange(words.sum())
        heights = np.concatenate([tree.heights for tree in trees])
        order = np.argsort(heights[~is_word], kind="stable")
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        self.rows[~is_word] = self.leaves + rank
        self.roots = self.rows[np.cumsum(nodes) - 1]
        given = np.concatenate([tree.children for tree in trees])
        self.children = np.full((2 * self.leaves, 2), -1, np.int64)
        self.children[self.rows] = np.where(given < 0, -1, self.rows[np.maximum(given, 0) + first[:, None]])


class TreeDataset:
    """Trees as a `Loader` wants them: each batch is ``(nodes, targets)`` of the rows of a `TreeBatch`.

    nodes (N, 3) int64: the number of the word, by ``vocabulary`` (0 for one that is not in it, and where there is
    none), and the rows of the two children; targets (N, 2) int64: the label (`IGNORED` in rows left over), and whether
    the node is a root. N is a multiple of twice ``multiple``.
    """

    def __init__(self, trees: Iterable[Tree], vocabulary: Mapping[str, int], multiple: int = 64) -> None:
        self.trees, self.multiple = list(trees), multiple
        self.words = [np.array([vocabulary.get(word, 0) for word in tree.words], np.int64) for tree in self.trees]
        if not self.trees:
            raise ValueError("TreeDataset: there are no trees, wanted at least one")

    def __len__(self) -> int:
        return len(self.trees)

    def __getitem__(self, index: Indices) -> Arrays:
        chosen = [int(i) for i in np.atleast_1d(index)]
        trees = [self.trees[i] for i in chosen]
        batch = TreeBatch(trees, self.multiple)
        nodes = np.zeros((2 * batch.leaves, 3), np.int64)
        nodes[batch.words, 0] = np.concatenate([self.words[i] for i in chosen])
        nodes[:, 1:] = batch.children
        targets = np.zeros((2 * batch.leaves, 2), np.int64)
        targets[:, 0] = IGNORED
        targets[batch.rows, 0] = np.concatenate([tree.labels for tree in trees])
        targets[batch.roots, 1] = 1
        return nodes, targets
