"""The multilayer perceptron."""

from __future__ import annotations

from collections.abc import Sequence

from .. import nn

__all__ = ["mlp"]


def mlp(sizes: Sequence[int], activation: str = "relu", dropout: float = 0.0) -> nn.Sequential:
    """Build a multilayer perceptron (Rumelhart, Hinton, Williams 1986): ``sizes`` from the inputs to the outputs.

    The inputs are standardised first, by a layer that learns mean and deviation with ``model[0].fit(x)``. Every hidden
    layer has ``activation`` and, if asked for, dropout after it; the last is linear. (N, sizes[0]) -> (N, sizes[-1]).
    """
    if len(sizes) < 2:
        raise ValueError(f"mlp: sizes is {list(sizes)}, it must name at least the inputs and the outputs")
    layers: list[nn.Module] = [nn.Standardize(sizes[0])]
    for inputs, outputs in zip(sizes[:-2], sizes[1:-1]):
        layers.append(nn.Linear(inputs, outputs, activation))
        if dropout:
            layers.append(nn.Dropout(dropout))
    layers.append(nn.Linear(sizes[-2], sizes[-1]))
    return nn.Sequential(*layers)
