"""Convolutional models: shapes, that they learn, and that a description rebuilds them."""

import numpy as np
import pytest
import wxb
from wxb import models, nn, ops, optim

MODELS = {
    "lenet5": ({}, (28, 28, 1), 61_706),
    "vgg": ({"widths": (8, 16), "repeats": 1, "dropout": 0.1}, (32, 32, 3), None),
    "resnet8": ({}, (32, 32, 3), 78_042),
    "resnet18": ({}, (16, 16, 3), 11_173_962),
    "speednet": ({"widths": (8, 16, 16)}, (32, 32, 3), None),
}


def pictures(shape, n=6):
    return np.random.default_rng(0).integers(0, 256, (n, *shape), np.uint8)


@pytest.mark.parametrize("name", MODELS)
def test_shapes_parameters_and_state(name):
    options, shape, count = MODELS[name]
    model = models.build({"kind": name, **options})
    x = pictures(shape)
    model[0].fit(x)
    if count is not None:
        assert sum(p.size for p in model.parameters()) == count
    model(wxb.tensor(x))  # moves the running statistics
    model.eval()
    y = model(wxb.tensor(x)).numpy()
    assert y.shape == (6, 10) and np.isfinite(y).all()
    other = models.build({"kind": name, **options})
    other.load_state_dict(model.state_dict())
    np.testing.assert_array_equal(other.eval()(wxb.tensor(x)).numpy(), y)


@pytest.mark.parametrize("name", ["lenet5", "vgg", "resnet8", "speednet"])
def test_six_pictures_are_learned(name):
    options, shape, _ = MODELS[name]
    options = {**options, "dropout": 0.0} if "dropout" in options else options
    wxb.seed(0)
    model = models.build({"kind": name, **options})
    x, y = pictures(shape), wxb.tensor(np.arange(6))
    model[0].fit(x)
    x = wxb.tensor(x)
    optimizer = optim.Adam([p for p in model.parameters() if p.requires_grad], 1e-2)
    for _ in range(40):
        optimizer.step(ops.cross_entropy(model(x), y))
    assert (model(x).numpy().argmax(1) == np.arange(6)).all()


def test_whitened_patches_vary_by_one_and_independently():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 9, 9, 1)).cumsum(1).cumsum(2) @ rng.normal(size=(1, 3))
    x = (x + rng.normal(size=x.shape)).astype(np.float32)
    layer = models.Whitening(3).fit(x)
    y = layer(wxb.tensor(x)).numpy().reshape(-1, 24)
    np.testing.assert_allclose(y.T @ y / len(y), np.kron([[1, -1], [-1, 1]], np.eye(12)), atol=2e-2)
    assert not layer.conv.weight.requires_grad and layer.conv.bias.requires_grad


def test_resnet_blocks_go_around():
    block = models.resnet8()[2]
    assert isinstance(block, nn.Residual) and block.shortcut is None
