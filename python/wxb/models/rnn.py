"""Recurrent networks for text."""

from __future__ import annotations

from .. import nn, ops
from ..tensor import Tensor

__all__ = ["char_rnn"]

_LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class CharRNN(nn.Module):
    """What character comes next: an embedding, recurrent layers that carry their state, and a linear layer.

    Karpathy 2015. (N, T) integers -> logits (N, T, vocabulary). ``reset()`` begins a new text.
    """

    def __init__(self, vocabulary: int, embedding: int, rnn: nn.Module, hidden: int, dropout: float) -> None:
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.rnn = nn.Carried(rnn)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, vocabulary)

    def forward(self, x: Tensor) -> Tensor:
        """X (N, T) of codes -> (N, T, vocabulary)."""
        if x.ndim != 2 or x.dtype.kind != "i":
            raise ValueError(f"char_rnn: input is {x.dtype} {x.shape}, it must be codes (N, T), int64")
        y = self.rnn(self.embedding.weight, index=ops.transpose(x))
        return ops.transpose(self.head(self.dropout(y)), (1, 0, 2))

    def reset(self) -> None:
        """Forget what was read."""
        self.rnn.reset()


def char_rnn(
    vocabulary: int, hidden: int = 512, layers: int = 1, embedding: int = 64, cell: str = "lstm", dropout: float = 0.0
) -> CharRNN:
    """Build a network that reads characters; dropout is between layers and before the last.

    (N, T) int64 below ``vocabulary`` -> (N, T, vocabulary). cell: lstm, gru or rnn.
    """
    if cell not in _LAYERS:
        raise ValueError(f"char_rnn: cell is {cell!r}, it must be one of {', '.join(_LAYERS)}")
    rnn = _LAYERS[cell](embedding, hidden, layers, batch_first=False, dropout=dropout if layers > 1 else 0.0)
    return CharRNN(vocabulary, embedding, rnn, hidden, dropout)
