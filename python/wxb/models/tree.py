"""A recursive network that says something of every node of a tree of words."""

from __future__ import annotations

from .. import nn, ops
from ..tensor import Tensor

__all__ = ["TreeNet", "treenet"]


class TreeNet(nn.Module):
    """Words as vectors, a binary Tree-LSTM over them, and a class for every node (Tai, Socher, Manning 2015).

    nodes (N, 3) int64 as `wxb.data.TreeDataset` gives them: words in the first half of the rows, and the rows of the
    children -> logits (N, classes).
    """

    def __init__(self, words: int, classes: int, width: int, hidden: int, dropout: float) -> None:
        self.embedding = nn.Embedding(words, width)
        self.embedding.weight[...] = 0.1 * self.embedding.weight.numpy()
        self.input_dropout = nn.Dropout(dropout)
        self.tree = nn.TreeLSTM(width, hidden)
        self.output_dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, classes)

    def forward(self, nodes: Tensor) -> Tensor:
        """Nodes (N, 3) -> logits (N, classes)."""
        if nodes.ndim != 2 or nodes.shape[1] != 3 or nodes.shape[0] % 2:
            raise ValueError(f"treenet: nodes have shape {nodes.shape}, they must be (2 words, 3)")
        words, children = ops.getitem(nodes, (slice(nodes.shape[0] // 2), 0)), ops.getitem(nodes, (..., slice(1, 3)))
        states = self.tree(self.input_dropout(self.embedding(words)), children)
        return self.head(self.output_dropout(states))  # type: ignore[no-any-return]


def treenet(words: int, classes: int = 5, width: int = 128, hidden: int = 128, dropout: float = 0.5) -> TreeNet:
    """Build a TreeNet for a vocabulary of ``words``, number 0 for unknown ones among them."""
    return TreeNet(words, classes, width, hidden, dropout)
