"""The detector: its shape, its loss, its answers, and that it learns."""

from __future__ import annotations

import numpy as np
import pytest
import wxb
from wxb import models, optim
from wxb.models import decode_boxes, detection_loss
from wxb.train import Trainer, average_precision


def scene(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Bright squares, and dark ones, on noise."""
    rng = np.random.default_rng(0)
    x = rng.integers(90, 130, (count, 64, 80, 3), np.uint8)
    objects = np.full((count, 3, 5), -1, np.float32)
    for n in range(count):
        for m, (top, left) in enumerate(((2, 4), (34, 30))):
            y1, x1, side = top + rng.integers(0, 8), left + rng.integers(0, 20), rng.integers(12, 24)
            x[n, y1 : y1 + side, x1 : x1 + side] = (250, 10)[m]
            objects[n, m] = x1, y1, x1 + side, min(y1 + side, 64), m
    return x, objects


def test_learns_squares_in_a_captured_step() -> None:
    x, objects = scene(8)
    network = models.detector(2, width=16)
    network.standardize.fit(x)
    optimizer = optim.AdamW(network.parameters(), 5e-3)
    trainer = Trainer(network, detection_loss, optimizer)
    history = trainer.fit(x, objects, epochs=40, batch_size=8, progress=False)
    assert len(trainer.plans) == 1 and history["loss"][-1] < 0.2 * history["loss"][0]
    found = decode_boxes(trainer.predict(x))
    assert average_precision(found, [rows[rows[:, 4] >= 0] for rows in objects], 2).mean > 0.9
    assert all(f.shape[1] == 6 and (np.diff(f[:, 4]) <= 0).all() for f in found)


def test_decode_finds_what_the_targets_say() -> None:
    """Logits and boxes made of the targets themselves give the objects back."""
    _, objects = scene(5)
    heat, box, _ = (t.numpy() for t in wxb.ops.center_targets(wxb.tensor(objects), 16, 20, 2))
    outputs = np.concatenate([np.log(np.clip(heat, 1e-4, 0.999) / (1 - np.clip(heat, 1e-4, 0.999))), box], -1)
    for found, rows in zip(decode_boxes(outputs.astype(np.float32), 0.5), objects):
        rows = rows[rows[:, 4] >= 0]
        order = np.argsort(found[:, 5])
        np.testing.assert_allclose(found[order][:, [0, 1, 2, 3, 5]], rows, atol=1e-4)
        np.testing.assert_allclose(found[:, 4], 0.999, atol=1e-3)


def test_decode_of_nothing() -> None:
    outputs = np.zeros((2, 4, 5, 7), np.float32)
    outputs[..., :3] = -20
    assert [f.shape for f in decode_boxes(outputs)] == [(0, 6), (0, 6)]
    assert decode_boxes(outputs[:0]) == []


def test_what_it_is_given() -> None:
    network = models.build({"kind": "detector", "classes": 3, "channels": 1, "width": 16})
    assert network(wxb.tensor(np.zeros((1, 32, 48, 1), np.uint8))).shape == (1, 8, 12, 7)
    with pytest.raises(ValueError, match=r"input has shape \(1, 40, 48, 1\), it must be \(N, H, W, C\), sides mult"):
        network(wxb.tensor(np.zeros((1, 40, 48, 1))))
    with pytest.raises(IndexError, match="center_targets"):
        detection_loss(wxb.tensor(np.zeros((1, 4, 4, 6))), wxb.tensor(np.full((1, 1, 5), 2.0)))
