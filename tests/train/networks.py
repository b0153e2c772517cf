"""Small networks, batches and steps that the tests of capture share."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import wxb
from wxb import Tensor, nn, ops, optim

Step = Callable[..., Any]


def mlp(*sizes: int, activation: str = "relu", dropout: float = 0.0, seed: int = 0) -> nn.Sequential:
    wxb.seed(seed)
    layers: list[nn.Module] = []
    for i, (a, b) in enumerate(itertools.pairwise(sizes)):
        last = i == len(sizes) - 2
        layers.append(nn.Linear(a, b, None if last else activation))
        if dropout and not last:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers)


def batches(count: int, n: int = 16, features: int = 20, classes: int = 4) -> list[tuple[Tensor, Tensor]]:
    rng = np.random.default_rng(7)
    return [
        (wxb.tensor(rng.standard_normal((n, features))), wxb.tensor(rng.integers(0, classes, n))) for _ in range(count)
    ]


def bits(things: Any) -> list[bytes]:
    return [t.data.tobytes() for t in things]


def update(model: nn.Module, optimizer: optim.Optimizer) -> Step:
    def step(x: Tensor, y: Tensor) -> Tensor:
        loss = ops.cross_entropy(model(x), y)
        optimizer.step(loss)
        return loss

    return step
