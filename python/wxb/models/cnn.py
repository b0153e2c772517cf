"""Convolutional networks for pictures (N, H, W, channels), each on a screen.

All take uint8 or float pictures as they are: the first layer, ``model[0]``, is a Standardize that learns mean and
deviation of the channels with ``model[0].fit(x)``.
"""

from __future__ import annotations

from collections.abc import Sequence

from .. import nn, ops
from ..tensor import Tensor

__all__ = ["lenet5", "resnet8", "resnet18", "vgg"]


def lenet5(channels: int = 1, classes: int = 10, activation: str = "relu") -> nn.Sequential:
    """LeNet-5 (LeCun, Bottou, Bengio, Haffner 1998) with maximum pooling and relu in place of its sampling and tanh.

    (N, 28, 28, channels) -> (N, classes).
    """
    return nn.Sequential(
        nn.Standardize(channels),
        nn.Conv2d(channels, 6, 5, padding=2, activation=activation),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5, activation=activation),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 5 * 5, 120, activation),
        nn.Linear(120, 84, activation),
        nn.Linear(84, classes),
    )


def conv_norm(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, activation: str | None = "relu"
) -> nn.Module:
    """Convolution with zeros around it, batch normalisation, activation: (N, H, W, inputs) -> (N, H', W', outputs)."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False, init="he"),
        nn.BatchNorm2d(outputs, activation=activation),
    )


def vgg(
    channels: int = 3, classes: int = 10, widths: Sequence[int] = (32, 64, 128), repeats: int = 2, dropout: float = 0.0
) -> nn.Sequential:
    """Stages of ``repeats`` 3 x 3 convolutions, batch-normalised, each halved at its end by maximum pooling.

    Simonyan, Zisserman 2014, arXiv:1409.1556, with batch normalisation and, in place of its large linear layers, the
    mean over the picture. (N, H, W, channels) -> (N, classes), H and W at least ``2 ** len(widths)``.
    """
    layers: list[nn.Module] = [nn.Standardize(channels)]
    for width in widths:
        for _ in range(repeats):
            layers.append(conv_norm(channels, width))
            channels = width
        layers.append(nn.MaxPool2d(2))
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    if dropout:
        layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(channels, classes))


class Block(nn.Residual):
    """Two 3 x 3 convolutions and the way around them, then relu (He et al. 2015, arXiv:1512.03385)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        body = nn.Sequential(conv_norm(inputs, outputs, stride=stride), conv_norm(outputs, outputs, activation=None))
        around = conv_norm(inputs, outputs, 1, stride, None) if stride > 1 or inputs != outputs else None
        super().__init__(body, around)

    def forward(self, x: Tensor) -> Tensor:
        """X (N, H, W, inputs) -> (N, H / stride, W / stride, outputs)."""
        return ops.relu(super().forward(x))


def _resnet(channels: int, classes: int, widths: Sequence[int], blocks: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Standardize(channels), conv_norm(channels, widths[0])]
    inputs = widths[0]
    for stage, width in enumerate(widths):
        for block in range(blocks):
            layers.append(Block(inputs, width, stride=2 if stage and not block else 1))
            inputs = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))


def resnet8(channels: int = 3, classes: int = 10) -> nn.Sequential:
    """The residual network for CIFAR-10 with one block a stage, 16, 32, 64 wide (He et al. 2015, arXiv:1512.03385).

    (N, H, W, channels) -> (N, classes).
    """
    return _resnet(channels, classes, (16, 32, 64), 1)


def resnet18(channels: int = 3, classes: int = 10) -> nn.Sequential:
    """ResNet-18 (He et al. 2015, arXiv:1512.03385) in its form for small pictures: 3 x 3 first, no pooling.

    (N, H, W, channels) -> (N, classes).
    """
    return _resnet(channels, classes, (64, 128, 256, 512), 2)
