"""A small convolutional-recurrent network for single words."""

from __future__ import annotations

from .. import nn, ops
from ..tensor import Tensor

__all__ = ["SpeechNet", "speechnet"]


class SpeechNet(nn.Module):
    """Spectrograms (N, frames, bands) -> logits (N, classes).

    Three 3 x 3 convolutions, batch-normalised, with relu, the first two halved by maximum pooling; their channels and
    bands are the inputs of a bidirectional GRU, whose states are averaged over the frames.
    """

    def __init__(self, classes: int, bands: int, width: int, hidden: int, dropout: float) -> None:
        self.convolutions = nn.Sequential(
            _conv_norm(1, width),
            nn.MaxPool2d(2),
            _conv_norm(width, 2 * width),
            nn.MaxPool2d(2),
            _conv_norm(2 * width, 2 * width),
        )
        self.recurrent = nn.GRU(bands // 4 * 2 * width, hidden, bidirectional=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        """X (N, frames, bands) -> (N, classes)."""
        if x.ndim != 3:
            raise ValueError(f"speechnet: x has shape {x.shape}, it must be (N, frames, bands)")
        y = self.convolutions(ops.expand_dims(x, -1))
        states, _ = self.recurrent(ops.flatten(y, 2))
        return self.head(self.dropout(ops.mean(states, 1)))  # type: ignore[no-any-return]


def _conv_norm(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False, init="he"), nn.BatchNorm2d(outputs, activation="relu")
    )


def speechnet(
    classes: int = 10, bands: int = 40, width: int = 16, hidden: int = 128, dropout: float = 0.3
) -> SpeechNet:
    """Build a SpeechNet."""
    return SpeechNet(classes, bands, width, hidden, dropout)
