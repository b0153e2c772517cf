"""Time the kernels beside torch, jax and numpy: ``python benchmarks/kernels.py [--only 'gemm*'] [--out]``."""

import sys
from datetime import date
from pathlib import Path

from targets import target
from wxb.bench import Workload, main
from wxb.bench.attention import attention
from wxb.bench.conv import conv2d
from wxb.bench.detection import box_iou, heatmap_loss
from wxb.bench.images import augment, batch_norm, max_pool
from wxb.bench.kernels import (
    cross_entropy,
    dropout,
    elementwise,
    embedding,
    gemm,
    linear,
    reduction,
    softmax,
    transpose,
)
from wxb.bench.norms import chain, layer_norm, rms_norm
from wxb.bench.recurrent import recurrent
from wxb.bench.trees import tree_lstm
from wxb.bench.updates import update

CACHED, LARGE = 1 << 15, 1 << 24  # elements: two arrays fit the L2 cache; two are 128 MB

SQUARES = (64, 128, 256, 512, 1024)
# N = 10 classes; forward, dx and dW of a hidden layer; one sample; one output.
OTHERS = ((128, 10, 512), (32, 128, 784), (32, 784, 128), (128, 784, 32), (1, 1000, 2048), (1000, 1, 2048))

MIDDLE_MLP = (784 * 128, 128, 128 * 10, 10)
WIDE_MLP = (784 * 1024, 1024, 1024 * 1024, 1024, 1024 * 10, 10)


def products() -> list[Workload]:
    shapes = [*((n, n, n) for n in SQUARES), *OTHERS]
    return [
        *(gemm(*shape, transposes) for shape in shapes for transposes in ("nn", "nt", "tn")),
        *(linear(32, width) for width in (128, 512, 2048)),
    ]


def elements() -> list[Workload]:
    return [
        *(elementwise(name, CACHED) for name in ("relu", "gelu", "sigmoid", "tanh", "exp", "add", "multiply")),
        *(elementwise(name, LARGE, "large") for name in ("relu", "gelu", "tanh", "add")),
        dropout(CACHED, "in cache"),
        dropout(LARGE),
    ]


def rows() -> list[Workload]:
    return [
        softmax(256, 1000),
        softmax(4096, 4096),
        *(layer_norm(*shape, backward) for shape in ((256, 1000), (4096, 4096)) for backward in (False, True)),
        rms_norm(4096, 1024),
        chain(4096, 1024),
        cross_entropy(128, 10),
        cross_entropy(256, 1000),
        *(reduction("sum", 4096, 1024, axis) for axis in (None, 0, -1)),
        *(reduction(name, 4096, 1024, -1) for name in ("max", "argmax", "var")),
        reduction("sum", 32, 1000, -1),
        transpose(512, 512),
        transpose(4096, 4096),
        embedding(10000, 256, 4096),
        *(attention(32, 8, length, 64, backward) for length in (128, 512) for backward in (False, True)),
        attention(128, 4, 16, 64, True),  # a batch of sentences
        *(update(name, sizes) for sizes in (MIDDLE_MLP, WIDE_MLP) for name in ("momentum", "adam")),
    ]


def images() -> list[Workload]:
    return [
        batch_norm(64, 62, 62, 64),
        max_pool(64, 32, 32, 64),
        augment(512, 32),
        box_iou(1000, 1000),
        heatmap_loss(8, 60, 80, 3),
    ]


# images, size, channels, outputs, kernel, then stride, groups
CONVOLUTIONS = (
    (8, 56, 64, 64, 3),
    (8, 28, 128, 128, 3),
    (32, 14, 32, 32, 3),
    (128, 32, 32, 32, 3),
    (128, 32, 64, 64, 3),
    (128, 16, 128, 128, 3),
    (128, 8, 256, 256, 3),
    (32, 28, 1, 32, 3),
    (64, 32, 3, 64, 3),
    (4, 224, 3, 64, 7, 2),
    (8, 28, 256, 512, 1),
    (16, 28, 128, 128, 3, 1, 128),
)


def convolutions() -> list[Workload]:
    return [conv2d(*sizes, backward=backward) for sizes in CONVOLUTIONS for backward in (False, True)]


def trees() -> list[Workload]:
    return [tree_lstm(25, 19, 150, by) for by in ("node", "level")]


def sequences() -> list[Workload]:
    return [recurrent(cell, backward=backward) for cell in ("lstm", "gru") for backward in (False, True)]


def workloads() -> list[Workload]:
    return [*products(), *elements(), *rows(), *convolutions(), *images(), *trees(), *sequences()]


if __name__ == "__main__":
    results = Path(__file__).parent / "results" / "cpu" / f"{date.today()}-kernels.json"
    sys.exit(main(workloads, target, results, seconds=400.0))
