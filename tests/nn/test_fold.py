"""Folded batch norms give the same answers."""

import numpy as np
import pytest
import wxb
from wxb import models, nn


def trained(model: nn.Module, x: np.ndarray) -> nn.Module:
    """Let running statistics, weights and biases of the norms be anything."""
    rng = np.random.default_rng(0)
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            for p in (module.weight, module.bias):
                p[...] = rng.normal(1, 0.3, p.shape)
    for _ in range(3):
        model(wxb.tensor(x))
    return model.eval()


@pytest.mark.parametrize("name, count", [("vgg", 6), ("resnet8", 9)])
def test_models_answer_the_same(name, count):
    wxb.seed(0)
    x = np.random.default_rng(1).integers(0, 256, (4, 16, 16, 3), np.uint8)
    model = models.build({"kind": name})
    model[0].fit(x)
    trained(model, x)
    want = model(wxb.tensor(x)).numpy()
    assert nn.fold_batch_norm(model) == count
    np.testing.assert_allclose(model(wxb.tensor(x)).numpy(), want, rtol=1e-3, atol=1e-3 * np.abs(want).max())
    assert not any(isinstance(m, nn.BatchNorm2d) for m in model.modules())


def test_linear_and_what_stays():
    x = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    model = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Linear(5, 4, "tanh"), nn.BatchNorm1d(4))
    trained(model, x)
    want = model(wxb.tensor(x)).numpy()
    assert nn.fold_batch_norm(model) == 1 and len(model) == 3
    np.testing.assert_allclose(model(wxb.tensor(x)).numpy(), want, rtol=1e-5, atol=1e-5)


def test_training_mode_is_refused():
    with pytest.raises(ValueError, match=r"training mode; call model\.eval"):
        nn.fold_batch_norm(nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5)))
