"""Outputs of layers and saliency."""

import re

import numpy as np
import pytest
import wxb
from wxb import models, nn
from wxb.nn.explain import layer_outputs, saliency

X = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)


def network():
    wxb.seed(0)
    model = models.build({"kind": "vgg", "widths": [4, 6], "repeats": 1, "classes": 5, "dropout": 0.5})
    model[0].fit(X)
    return model


def test_layer_outputs_are_those_of_the_layers():
    model = network()
    outputs = layer_outputs(model, X)
    assert list(outputs) == [str(i) for i in range(len(model))] and model.training
    assert outputs["1"].shape == (3, 8, 8, 4) and outputs["3"].shape == (3, 4, 4, 6)
    np.testing.assert_array_equal(outputs[str(len(model) - 1)], model.eval()(X).numpy())
    with pytest.raises(TypeError, match="layer_outputs: model is a Linear, it must be a Sequential"):
        layer_outputs(nn.Linear(2, 2), X)


def test_saliency_is_the_slope_of_the_score():
    model = network()
    for p in model.parameters():
        p.requires_grad = True
    got = saliency(model, X, [1, 4, 0])
    assert got.shape == (3, 8, 8) and all(p.grad is None for p in model.parameters()) and model.training
    model.eval()
    step = 0.25
    for n, (i, j) in enumerate([(0, 0), (3, 4), (7, 7)]):
        slopes = []
        for c in range(3):
            ahead, behind = X.astype(np.float32), X.astype(np.float32)
            ahead[n, i, j, c] += step
            behind[n, i, j, c] -= step
            label = [1, 4, 0][n]
            slopes.append((model(ahead).numpy()[n, label] - model(behind).numpy()[n, label]) / (2 * step))
        assert got[n, i, j] == pytest.approx(np.abs(slopes).max(), rel=0.05, abs=1e-6)


def test_saliency_without_labels_is_of_the_highest_score():
    model = network()
    best = model.eval()(X).numpy().argmax(1)
    np.testing.assert_array_equal(saliency(model, X), saliency(model, X, best))


def test_bad_input():
    with pytest.raises(ValueError, match=re.escape("saliency: x has shape (8, 8, 3), it must be (N, H, W, C)")):
        saliency(network(), X[0])
    with pytest.raises(
        ValueError, match=re.escape("saliency: scores have shape (3, 5), labels (2,), wanted (N, C), (N,)")
    ):
        saliency(network(), X, [1, 2])
    with pytest.raises(IndexError):
        saliency(network(), X, [1, 2, 5])
