"""Upsampling beside torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import wxb
from wxb import ops


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize(
    "target", [{"scale_factor": 2}, {"scale_factor": 1.5}, {"scale_factor": 0.6}, {"size": (7, 4)}, {"size": (3, 20)}]
)
def test_as_in_torch(mode: str, target: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 5, 6, 3))
    ours, theirs = wxb.tensor(x, requires_grad=True), torch.tensor(x).permute(0, 3, 1, 2).requires_grad_()
    y, wanted = ops.upsample(ours, mode=mode, **target), torch.nn.functional.interpolate(theirs, mode=mode, **target)
    np.testing.assert_allclose(y.numpy(), wanted.detach().permute(0, 2, 3, 1).numpy(), atol=1e-6)
    dy = rng.standard_normal(y.shape)
    (y * wxb.tensor(dy)).sum().backward()
    wanted.backward(torch.tensor(dy).permute(0, 3, 1, 2))
    np.testing.assert_allclose(ours.grad, theirs.grad.permute(0, 2, 3, 1).numpy(), atol=1e-5)
