"""Detection ops beside PyTorch's formulas, and what the registry does not say."""

from __future__ import annotations

import numpy as np
import pytest
import wxb
from wxb import ops


def test_focal_loss_is_the_papers() -> None:
    """(1 - p_t)^gamma times alpha_t times cross-entropy, for targets of 0 and 1."""
    rng = np.random.default_rng(0)
    x, t = rng.normal(0, 3, (50, 7)), (rng.random((50, 7)) < 0.1).astype(float)
    p = 1 / (1 + np.exp(-x))
    right, alpha = np.where(t == 1, p, 1 - p), np.where(t == 1, 0.25, 0.75)
    want = (-alpha * (1 - right) ** 2 * np.log(right)).sum() / t.sum()
    assert ops.focal_loss(wxb.tensor(x), wxb.tensor(t)).item() == pytest.approx(want, rel=1e-5)


def test_focal_losses_of_sure_answers_are_finite() -> None:
    x = wxb.tensor(np.array([-1e30, 1e30, -200, 200, 0], np.float32), requires_grad=True)
    for loss in (ops.focal_loss, ops.heatmap_loss):
        for t in (np.array([0, 1, 0, 1, 0]), np.array([1, 0, 1, 0, 1])):
            value = loss(x, wxb.tensor(t.astype(np.float32)))
            value.backward()
            assert np.isfinite(value.item()) and np.isfinite(x.grad.numpy()).all()
            x.zero_grad()
    right = ops.heatmap_loss(wxb.tensor([-1e30, 1e30]), wxb.tensor([0.0, 1.0]))
    assert right.item() == 0


def test_giou_pulls_boxes_together() -> None:
    """A box apart from its target reaches it by following the gradient of GIoU; that of IoU is 0 there."""
    target = wxb.tensor(np.array([[20.0, 20, 30, 40]]))
    start = np.array([[0.0, 0, 5, 5]])
    alone = wxb.tensor(start, requires_grad=True)
    ops.iou_loss(alone, target).backward()
    assert not alone.grad.numpy().any()
    box = wxb.parameter(start)
    optimizer = wxb.optim.Adam([box], 0.5)
    for _ in range(400):
        loss = ops.giou_loss(box, target)
        optimizer.step(loss)
    assert loss.item() < 0.1


def test_rows_of_weight_zero_may_hold_anything() -> None:
    p = np.array([[0, 0, 10, 10], [np.nan, 0, 1, np.inf]], np.float32)
    box = wxb.tensor(p, requires_grad=True)
    loss = ops.giou_loss(box, wxb.tensor(np.array([[0, 0, 10, 5], [np.nan] * 4], np.float32)), wxb.tensor([1.0, 0.0]))
    loss.backward()
    assert loss.item() == pytest.approx(0.5) and not box.grad.numpy()[1].any()


def test_corners_may_come_in_either_order() -> None:
    a, b = np.array([[0.0, 0, 4, 4]]), np.array([[2.0, 2, 6, 5]])
    want = ops.box_iou(wxb.tensor(a), wxb.tensor(b)).item()
    assert want == pytest.approx(4 / 24)
    for order in ([2, 1, 0, 3], [0, 3, 2, 1], [2, 3, 0, 1]):
        assert ops.box_iou(wxb.tensor(a[:, order].copy()), wxb.tensor(b)).item() == want


def test_nms_of_many_boxes_is_what_the_plain_loop_keeps() -> None:
    rng = np.random.default_rng(0)
    corner, classes = rng.uniform(0, 300, (2000, 2)), rng.integers(0, 3, 2000)
    boxes = np.concatenate([corner, corner + rng.uniform(5, 60, (2000, 2))], 1).astype(np.float32)
    scores = rng.random(2000).astype(np.float32)
    kept = ops.nms(wxb.tensor(boxes), wxb.tensor(scores), 0.4, wxb.tensor(classes)).numpy()
    kept = kept[kept >= 0]
    assert (np.diff(scores[kept]) <= 0).all()
    iou = ops.box_iou(wxb.tensor(boxes), wxb.tensor(boxes[kept])).numpy()
    same = classes[:, None] == classes[kept]
    among = iou[kept] * same[kept] * (1 - np.eye(len(kept)))
    assert among.max() <= 0.4
    dropped = np.setdiff1d(np.arange(2000), kept)
    better = same[dropped] & (scores[kept] >= scores[dropped, None]) & (iou[dropped] > 0.4)
    assert better.any(1).all()


def test_losses_agree_with_torch() -> None:
    """Autograd of the formulas in torch, as torchvision has them, gives the same gradients."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    corner = rng.uniform(0, 20, (2, 30, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(1, 15, corner.shape)], -1)
    p, t = torch.tensor(boxes[0], requires_grad=True), torch.tensor(boxes[1])
    shared = (torch.min(p[:, 2:], t[:, 2:]) - torch.max(p[:, :2], t[:, :2])).clamp(min=0).prod(1)
    either = (p[:, 2:] - p[:, :2]).prod(1) + (t[:, 2:] - t[:, :2]).prod(1) - shared
    hull = (torch.max(p[:, 2:], t[:, 2:]) - torch.min(p[:, :2], t[:, :2])).prod(1)
    (1 - shared / either + (hull - either) / hull).mean().backward()
    mine = wxb.tensor(boxes[0], "float64", requires_grad=True)
    ops.giou_loss(mine, wxb.tensor(boxes[1], "float64")).backward()
    np.testing.assert_allclose(mine.grad.numpy(), p.grad.numpy(), atol=1e-12)
