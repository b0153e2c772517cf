"""The mistakes everybody makes, each with the exact words wxb has for it: layer, given, wanted, hint."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wxb
from wxb import nn, ops, optim
from wxb.data import ArrayDataset, Loader, mnist
from wxb.train import Trainer

RNG = np.random.default_rng(0)
IMAGES = RNG.standard_normal((8, 28, 28)).astype(np.float32)
LABELS = np.arange(8) % 3


class Classifier(nn.Module):
    def __init__(self) -> None:
        self.features = nn.Sequential(nn.Linear(784, 16, "relu"), nn.Dropout(0.1))
        self.head = nn.Linear(16, 3)

    def forward(self, x: wxb.Tensor) -> wxb.Tensor:
        return self.head(self.features(x))


def flat(x: Any = IMAGES) -> np.ndarray:
    return np.asarray(x).reshape(8, -1)


def with_nan() -> np.ndarray:
    x = flat().copy()
    x[3, 5] = np.nan
    return x


def trained(loss: str = "cross_entropy") -> Trainer:
    return Trainer(Classifier(), loss)


def two_optimizers() -> None:
    model = nn.Linear(2, 2)
    first = optim.SGD(model.parameters(), 0.1)
    optim.Adam(model.parameters())
    del first


def backward_twice() -> None:
    loss = (wxb.tensor([1.0], requires_grad=True) * 2).sum()
    loss.backward()
    loss.backward()


def changed_before_backward() -> None:
    layer = nn.Linear(2, 1)
    loss = ops.mse(layer([[1.0, 2.0]]), wxb.tensor([[1.0]]))
    layer.weight[0, 0] = 3.0
    loss.backward()


def weights_of_another_model() -> None:
    nn.Linear(3, 2).load_state_dict(nn.Linear(4, 2).state_dict())


Mistake = tuple[str, Callable[[], Any], type[Exception], str]

MISTAKES: list[Mistake] = [
    (
        "images that were not flattened",
        lambda: Classifier()(IMAGES),
        ValueError,
        "linear 'features.0': input has shape (8, 28, 28), its last axis must be 784",
    ),
    (
        "layers that do not fit",
        lambda: nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(6, 2))(np.ones((2, 4))),
        ValueError,
        "linear '2': input has shape (2, 5), its last axis must be 6",
    ),
    (
        "a float64 Tensor for a float32 model",
        lambda: Classifier()(wxb.tensor(flat(), "float64")),
        TypeError,
        "linear 'features.0': weight has dtype float32, it must be float64; convert it with .astype() or "
        "wxb.tensor(..., dtype=)",
    ),
    (
        "Tensors of two dtypes",
        lambda: wxb.tensor([1.0]) * wxb.tensor([2]),
        TypeError,
        "multiply: dtypes are float32 and int64, they must be equal; convert one with .astype()",
    ),
    (
        "shapes that do not broadcast",
        lambda: wxb.tensor(np.ones((2, 3))) + wxb.tensor(np.ones(2)),
        ValueError,
        "add: shapes (2, 3) and (2,) do not broadcast; axes must be equal or 1, from the last on",
    ),
    (
        "a label beyond the classes",
        lambda: ops.cross_entropy(wxb.tensor(np.zeros((4, 3))), wxb.tensor([0, 1, 3, 2])),
        IndexError,
        "cross_entropy_forward: at position 2 an index or label is out of range; compare the largest one with the axis "
        "it indexes",
    ),
    (
        "labels that count from one, in a training",
        lambda: trained().fit(flat(), LABELS + 1, 1, shuffle=False, progress=False),
        IndexError,
        "fit: epoch 1, batch 1: cross_entropy_forward: at position 2 an index or label is out of range; compare the "
        "largest one with the axis it indexes",
    ),
    (
        "labels as floats",
        lambda: ops.cross_entropy(wxb.tensor(np.zeros((4, 3))), wxb.tensor([0.0, 1.0, 2.0, 1.0])),
        TypeError,
        "cross_entropy: labels have dtype float32, class numbers must be int64; use .astype()",
    ),
    (
        "labels as floats, in a training",
        lambda: trained().fit(flat(), LABELS.astype(float), 1, progress=False),
        TypeError,
        "fit: targets have dtype float64, class labels must be integers; convert them first",
    ),
    (
        "a column against a row in a loss",
        lambda: ops.mse(nn.Linear(2, 1)(np.ones((4, 2))), wxb.tensor(np.ones(4))),
        ValueError,
        "mse: prediction has shape (4, 1), target has shape (4,); they must be equal, reshape one of them",
    ),
    (
        "NaN in the data",
        lambda: trained().fit(with_nan(), LABELS, 1, shuffle=False, progress=False),
        FloatingPointError,
        "fit: loss is nan in epoch 1, batch 1: the input has NaN at (3, 5), the first layer it reaches is "
        "linear 'features.0'; clean the data",
    ),
    (
        "no rows",
        lambda: trained().fit(np.zeros((0, 784)), np.zeros(0, int), 1),
        ValueError,
        "Loader: the data set is empty, wanted at least one row",
    ),
    (
        "more inputs than labels",
        lambda: trained().fit(flat(), LABELS[:-1], 1),
        ValueError,
        "ArrayDataset: arrays have lengths [8, 7], wanted one length; a row is one sample",
    ),
    (
        "an array where a data set is wanted",
        lambda: Loader(flat()),  # type: ignore[arg-type]
        TypeError,
        "Loader: dataset is a ndarray, wanted a data set; use ArrayDataset(x, y)",
    ),
    (
        "text among the numbers",
        lambda: wxb.tensor([["5.1", "3.5"], ["4.9", "x"]]),
        TypeError,
        "tensor: dtype is <U3, it must be a float, integer or bool; encode text first",
    ),
    (
        "the loss of every sample",
        lambda: (nn.Linear(2, 1)(np.ones((4, 2))) - 1).backward(),
        ValueError,
        "backward: the loss has shape (4, 1), it must have one element; take its mean()",
    ),
    (
        "backward twice",
        backward_twice,
        RuntimeError,
        "backward: part of this graph was already used by an earlier backward; compute it again",
    ),
    (
        "a loss without parameters",
        lambda: ops.mse(wxb.tensor([1.0]), wxb.tensor([2.0])).backward(),
        ValueError,
        "backward: this Tensor was not computed from anything that requires a gradient",
    ),
    (
        "a weight changed before backward",
        changed_before_backward,
        RuntimeError,
        "backward: Tensor weight was changed after the forward pass that used it; compute the loss again",
    ),
    (
        "a negative learning rate",
        lambda: optim.Adam(nn.Linear(2, 2).parameters(), -1e-3),
        ValueError,
        "adam: lr is -0.001, it must be at least 0 and finite",
    ),
    (
        "the network instead of its parameters",
        lambda: optim.Adam(nn.Linear(2, 2)),  # type: ignore[arg-type]
        TypeError,
        "optimizer: parameters is Linear, it must be a list of Tensors; pass model.parameters()",
    ),
    (
        "parameters in two optimizers",
        two_optimizers,
        ValueError,
        "optimizer: parameter 0 ('weight', shape (2, 2)) already belongs to another optimizer; delete that one first",
    ),
    (
        "a misspelt loss",
        lambda: trained("crossentropy"),
        ValueError,
        "trainer: loss 'crossentropy' is not one of cross_entropy, nll, mse, mae, huber, bce_with_logits, "
        "nor a function",
    ),
    (
        "a misspelt activation",
        lambda: nn.Linear(2, 2, "ReLU"),
        ValueError,
        "activation: 'ReLU' is not one of None, relu, leaky_relu, elu, selu, gelu, gelu_tanh, silu, sigmoid, tanh, "
        "softplus, hardswish",
    ),
    (
        "weights of another model",
        weights_of_another_model,
        ValueError,
        "load_state_dict: weight has shape (2, 4), it must be (2, 3)",
    ),
    (
        "a GPU that is not there",
        lambda: wxb.device("gpu"),
        ValueError,
        "device: name is 'gpu', it must be 'cpu' or 'cuda'",
    ),
    (
        "a precision that GPUs have and wxb has not",
        lambda: Trainer(Classifier(), precision="fp16"),
        ValueError,
        "set_precision: precision is 'fp16', it must be one of fp32, tf32, bf16",
    ),
    (
        "a probability beyond 1",
        lambda: nn.Dropout(50),
        ValueError,
        "dropout: p is 50, it must be in [0, 1)",
    ),
    (
        "a product of a matrix with a list",
        lambda: wxb.tensor([[1.0, 2.0]]) @ wxb.tensor([[1.0, 2.0]]),
        ValueError,
        "matmul: shapes are (1, 2) and (1, 2), the inner axes 2 and 1 must be equal",
    ),
    (
        "a Tensor as a condition",
        lambda: 1 if wxb.tensor([1.0, 2.0]) > 0 else 0,
        ValueError,
        "bool: shape is (2,), the truth of several elements is ambiguous",
    ),
]


@pytest.mark.parametrize(("make", "error", "message"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_mistake(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value) == message


def test_read_only_and_strided_arrays_just_work() -> None:
    x = np.asfortranarray(flat().astype(np.float64))[::-1]
    x.flags.writeable = False
    before = x.tobytes()
    history = trained().fit(x, LABELS.astype(np.uint8), 1, progress=False)
    assert len(history) and x.tobytes() == before


def test_an_empty_batch_is_no_mistake_of_a_layer() -> None:
    model = Classifier().eval()
    assert model(np.zeros((0, 784), np.float32)).shape == (0, 3)
    loss = ops.cross_entropy(model(np.zeros((0, 784), np.float32)), wxb.tensor(np.zeros(0, np.int64)))
    assert loss.item() == 0.0
    loss.backward()
    assert all((p.grad.numpy() == 0).all() for p in model.parameters())


def test_a_missing_data_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="train-images-idx3-ubyte"):
        mnist(tmp_path)


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.safetensors"
    trainer = trained()
    trainer.fit(flat(), LABELS, 1, progress=False)
    trainer.save(path)
    before, weights = path.read_bytes(), trainer.model.state_dict()
    trainer.fit(flat(), LABELS, 1, progress=False)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        trainer.save(path)
    assert f"save: cannot write {path}: No space left on device; the old file is untouched" in str(caught.value)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
    monkeypatch.undo()
    trainer.load(path)
    assert all((weights[name] == array).all() for name, array in trainer.model.state_dict().items())


def test_a_broken_weights_file_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    trainer = trained()
    trainer.save(path)
    path.write_bytes(path.read_bytes()[:-100])
    before = trainer.model.state_dict()
    with pytest.raises(ValueError, match=r"load: .*model\.safetensors is broken or no safetensors file"):
        trainer.load(path)
    assert all((before[name] == array).all() for name, array in trainer.model.state_dict().items())


def test_a_wrong_label_in_the_last_batch_loses_nothing_before() -> None:
    labels = LABELS.copy()
    labels[-1] = 3
    trainer = trained()
    with pytest.raises(IndexError, match="out of range"):
        trainer.fit(ArrayDataset(flat(), labels), batch_size=4, epochs=1, shuffle=False, progress=False)
    assert trainer.steps == 1
    assert all(np.isfinite(p.numpy()).all() and p.grad is None for p in trainer.model.parameters())
