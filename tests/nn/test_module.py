"""Module: parameters by path, state, modes, freezing, shared parts, errors that name the layer."""

from __future__ import annotations

import numpy as np
import pytest
import wxb
from wxb import Tensor, nn, ops

RNG = np.random.default_rng(0)


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        self.fc1 = nn.Linear(width, 2 * width, "relu")
        self.fc2 = nn.Linear(2 * width, width)
        self.scale = wxb.tensor([1.0])  # a buffer

    def forward(self, x: Tensor) -> Tensor:
        return x + self.fc2(self.fc1(x)) * self.scale


class Net(nn.Module):
    def __init__(self) -> None:
        self.blocks = [Block(4), Block(4)]
        self.head = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 2))

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def batch(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def test_parameters_and_buffers_by_path() -> None:
    net = Net()
    names = [name for name, _ in net.named_parameters()]
    assert names == [
        *(f"blocks.{i}.{layer}.{kind}" for i in (0, 1) for layer in ("fc1", "fc2") for kind in ("weight", "bias")),
        "head.1.weight",
        "head.1.bias",
    ]
    assert [name for name, _ in net.named_buffers()] == ["blocks.0.scale", "blocks.1.scale"]
    assert len(list(net.parameters())) == 10 and all(isinstance(p, wxb.Parameter) for p in net.parameters())
    assert [name for name, _ in net.named_modules()][:4] == ["", "blocks.0", "blocks.0.fc1", "blocks.0.fc2"]


def test_shared_parts_count_once() -> None:
    layer = nn.Linear(4, 4)
    net = nn.Sequential(layer, nn.ReLU(), layer)
    assert len(list(net.parameters())) == 2 and len(list(net.modules())) == 3
    other = nn.Linear(4, 4)
    other.weight = layer.weight
    tied = nn.Sequential(layer, other)
    assert [n for n, _ in tied.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    x = batch(3, 4)
    tied(x).sum().backward()
    y = layer.weight.numpy()
    expected = np.ones((3, 4), np.float32).T @ tied.layers[0](x).numpy() + (np.ones((3, 4), np.float32) @ y).T @ x
    np.testing.assert_allclose(layer.weight.grad.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_state_goes_out_and_in() -> None:
    first, second = Net(), Net()
    state = first.state_dict()
    assert set(state) == {n for n, _ in first.named_parameters()} | {n for n, _ in first.named_buffers()}
    addresses = [p.data.ctypes.data for p in second.parameters()]
    second.load_state_dict(state)
    x = batch(5, 4)
    assert (first.eval()(x).numpy() == second.eval()(x).numpy()).all()
    assert addresses == [p.data.ctypes.data for p in second.parameters()], "storage never moves"
    state["head.1.bias"][:] = 100.0
    assert not (first.head[1].bias.numpy() == 100).any(), "state_dict gives copies"


def test_nothing_is_loaded_unless_all_of_it_fits() -> None:
    net = Net()
    before = net.state_dict()
    bad = {name: array + 1 for name, array in before.items()}
    bad["head.1.weight"] = np.zeros((3, 4), np.float32)
    del bad["blocks.0.fc1.bias"]
    bad["extra"] = np.zeros(1)
    with pytest.raises(ValueError) as caught:
        net.load_state_dict(bad)
    assert str(caught.value) == (
        "load_state_dict: head.1.weight has shape (3, 4), it must be (2, 4); blocks.0.fc1.bias is missing; "
        "extra is not part of this model"
    )
    assert all((before[name] == array).all() for name, array in net.state_dict().items())
    with pytest.raises(ValueError, match=r"head\.1\.weight has shape"):
        net.load_state_dict(bad, strict=False)
    bad["head.1.weight"] = before["head.1.weight"]
    net.load_state_dict(bad, strict=False)
    assert (net.blocks[0].fc1.weight.numpy() == before["blocks.0.fc1.weight"] + 1).all()


def test_text_is_not_loaded_and_changes_nothing() -> None:
    net = nn.Linear(2, 2)
    before = net.state_dict()
    with pytest.raises((TypeError, ValueError)):
        net.load_state_dict({"weight": np.ones((2, 2)), "bias": np.array(["a", "b"])})
    assert all((before[name] == array).all() for name, array in net.state_dict().items())


def test_modes_reach_every_part() -> None:
    net = Net()
    assert net.training and net.eval() is net
    assert not any(m.training for m in net.modules())
    assert net.train() is net and all(m.training for m in net.modules())
    x = batch(5, 4)
    net.eval()
    assert (net(x).numpy() == net(x).numpy()).all()
    net.train()
    assert (net(x).numpy() != net(x).numpy()).any()


def test_frozen_parameters_get_no_gradient() -> None:
    net = Net().eval()
    net.blocks[0].requires_grad_(False)
    net(batch(3, 4)).sum().backward()
    assert all(p.grad is None for p in net.blocks[0].parameters())
    assert all(p.grad is not None for p in net.blocks[1].parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    net.requires_grad_()
    net(batch(3, 4)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_arrays_and_lists_come_in_as_the_dtype_of_the_network() -> None:
    net = nn.Linear(2, 3, dtype="float64")
    for value in ([[1.0, 2.0]], np.float32([[1, 2]]), np.float64([[1, 2]])):
        assert net(value).dtype == np.float64
    single = nn.Linear(2, 3)
    for value in ([[1, 2]], np.int32([[1, 2]]), np.uint8([[1, 2]]), np.float64([[1, 2]]), wxb.tensor([[1, 2]])):
        y = single(value)
        assert y.dtype == np.float32
        np.testing.assert_allclose(y.numpy(), single(np.float32([[1, 2]])).numpy())


def test_errors_name_the_layer_by_its_path() -> None:
    net = Net().eval()
    with pytest.raises(ValueError) as caught:
        net(batch(3, 5))
    assert str(caught.value) == "linear 'blocks.0.fc1': input has shape (3, 5), its last axis must be 4"
    net.head.layers = (net.head[0], nn.Linear(7, 2))
    with pytest.raises(ValueError) as caught:
        net(batch(3, 4))
    assert str(caught.value) == "linear 'head.1': input has shape (3, 4), its last axis must be 7"
    with pytest.raises(TypeError) as caught_type:
        net(wxb.tensor(np.zeros((3, 4)), "float64"))
    assert "'blocks.0.fc1'" in str(caught_type.value)


def test_an_error_of_ones_own_names_the_layer_too() -> None:
    class Picky(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise ValueError("no")

    with pytest.raises(ValueError, match=r"Picky '0': no"):
        nn.Sequential(Picky())(batch(1, 1))


def test_forward_must_be_defined() -> None:
    class Empty(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match="Empty: forward is not defined"):
        Empty()(batch(1, 1))


def test_repr_shows_the_tree() -> None:
    text = repr(nn.Sequential(nn.Linear(64, 32, "relu"), nn.Dropout(0.25), nn.Linear(32, 10, bias=False)))
    assert text == (
        "Sequential(\n  0: Linear(64, 32, activation='relu')\n  1: Dropout(0.25)\n  2: Linear(32, 10, bias=False)\n)"
    )


def test_a_list_of_modules_is_parts_of_the_module() -> None:
    class Stack(nn.Module):
        def __init__(self) -> None:
            self.layers = [nn.Linear(2, 2), nn.ReLU()]

        def forward(self, x: Tensor) -> Tensor:
            return ops.relu(x)

    assert [n for n, _ in Stack().named_children()] == ["layers.0", "layers.1"]


def test_two_outputs_and_two_inputs() -> None:
    class Pair(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
            return x + y, x - y

    a, b = Pair()([1.0, 2.0], [3.0, 5.0])
    assert a.tolist() == [4, 7] and b.tolist() == [-2, -3]
