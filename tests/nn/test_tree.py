"""Recursive layers: the same numbers as a loop over the nodes, whatever the batch, the threads, or the plan."""

from __future__ import annotations

import numpy as np
import pytest
import wxb
from wxb import nn, ops
from wxb.data import Tree, TreeBatch

LAYERS = {
    "rnn": lambda: nn.TreeRNN(11, 13),
    "relu": lambda: nn.TreeRNN(11, 13, activation="relu"),
    "tensor": lambda: nn.RNTN(11, 7),
    "lstm": lambda: nn.TreeLSTM(11, 13),
    "child-sum": lambda: nn.ChildSumTreeLSTM(11, 13),
}
each_layer = pytest.mark.parametrize("name", LAYERS)


def tree(rng: np.random.Generator, words: int) -> Tree:
    """Draw a binary tree."""
    children, waiting = [(-1, -1)] * words, list(range(words))
    while len(waiting) > 1:
        at = int(rng.integers(len(waiting) - 1))
        children.append((waiting[at], waiting[at + 1]))
        waiting[at : at + 2] = [len(children) - 1]
    return Tree(("w",) * words, np.zeros(len(children), np.int64), np.array(children, np.int64))


def batch(rng: np.random.Generator, *words: int) -> tuple[TreeBatch, list[Tree], list[np.ndarray]]:
    trees = [tree(rng, n) for n in words]
    return TreeBatch(trees, 4), trees, [rng.standard_normal((n, 11)).astype(np.float32) for n in words]


def leaves(made: TreeBatch, x: list[np.ndarray]) -> np.ndarray:
    padded = np.zeros((made.leaves, x[0].shape[1]), np.float32)
    padded[made.words] = np.concatenate(x)
    return padded


@each_layer
def test_a_batch_gives_each_tree_the_bits_it_gets_alone(name):
    wxb.seed(0)
    layer, (made, trees, x) = LAYERS[name](), batch(np.random.default_rng(0), 9, 1, 23, 2, 14)
    together = layer(leaves(made, x), made.children).numpy()[made.rows]
    alone = []
    for one, inputs in zip(trees, x):
        single = TreeBatch([one])
        alone.append(layer(leaves(single, [inputs]), single.children).numpy()[single.rows])
    assert together.tobytes() == np.concatenate(alone).tobytes()


def node_by_node(layer: nn.TreeLSTM, x: wxb.Tensor, tree: Tree) -> list[wxb.Tensor]:
    """Return the states of a tree's nodes, a node at a time, in ops of one row."""
    hidden, up = layer.hidden_size, ops.transpose(layer.weight_hh)
    inputs = ops.matmul(x, layer.weight_ih, transpose_b=True)
    h, c = [], []
    for n, (left, right) in enumerate(tree.children.tolist()):
        z = ops.reshape(layer.bias, (1, 5 * hidden))
        if left < 0:
            z = inputs[n : n + 1] + z
        else:
            z = z + ops.matmul(ops.concat([h[left], h[right]], 1), up)
        i, g, o, f, f2 = ops.split(z, 5, 1)
        memory = ops.sigmoid(i) * ops.tanh(g)
        if left >= 0:
            memory = memory + ops.sigmoid(f) * c[left] + ops.sigmoid(f2) * c[right]
        c.append(memory)
        h.append(ops.sigmoid(o) * ops.tanh(memory))
    return h


def test_the_loop_over_nodes_gives_the_same_bits():
    wxb.seed(0)
    layer, rng = nn.TreeLSTM(64, 33), np.random.default_rng(1)
    layer.bias[...] = rng.standard_normal(5 * 33)
    one = tree(rng, 20)
    x, single = wxb.tensor(rng.standard_normal((20, 64))), TreeBatch([one])
    states = ops.take(layer(x, single.children), single.rows)
    loop = ops.concat(node_by_node(layer, x, one))
    assert states.numpy().tobytes() == loop.numpy().tobytes()
    gradients = []
    for h in (states, loop):
        (h * h).sum().backward()
        gradients.append([p.grad.numpy() for p in layer.parameters()])
        layer.zero_grad()
    for mine, wanted in zip(*gradients):
        assert np.abs(mine - wanted).max() <= 2e-6 * np.abs(wanted).max()


@each_layer
def test_threads_and_plans_make_no_difference(name):
    wxb.seed(0)
    layer, rng = LAYERS[name](), np.random.default_rng(2)
    optimizer = wxb.optim.SGD(layer.parameters(), 0.1)
    batches = [(leaves(made, x), made.children) for made, _, x in (batch(rng, 10, 4, 9, 1) for _ in range(5))]
    start = layer.state_dict()

    def step(x, children):
        loss = (layer(x, children) * 0.1).sum()
        optimizer.step(loss)
        return loss

    captured, before, outcomes = wxb.capture(step), wxb.num_threads(), []
    for run, threads in ((step, 1), (step, 2), (captured, 1), (captured, 2)):
        wxb.set_num_threads(threads)
        layer.load_state_dict(start)
        losses = [run(wxb.tensor(x), wxb.tensor(children)).numpy() for x, children in batches]
        outcomes.append(b"".join(a.tobytes() for a in (*losses, *layer.state_dict().values())))
    wxb.set_num_threads(before)
    assert len(captured.plans) == 1, "one plan serves batches of different trees"
    assert len(set(outcomes)) == 1


def test_children_without_order_may_be_exchanged():
    layer, rng = nn.ChildSumTreeLSTM(11, 9), np.random.default_rng(3)
    made, _, x = batch(rng, 12, 7)
    states = [layer(leaves(made, x), children).numpy() for children in (made.children, made.children[:, ::-1].copy())]
    assert np.abs(states[0] - states[1]).max() < 1e-6


def test_inputs_at_inner_nodes_and_more_children():
    layer = nn.TreeLSTM(3, 4, arity=3)
    children = np.array([[-1, -1, -1], [-1, -1, -1], [0, -1, 1]])
    x = np.random.default_rng(4).standard_normal((3, 3)).astype(np.float32)
    h = layer(x, children).numpy()
    x[2] += 1
    other = layer(x, children).numpy()
    assert (h[:2] == other[:2]).all() and (h[2] != other[2]).all()


def test_what_is_wrong_names_the_layer():
    network = nn.Sequential(nn.TreeRNN(3, 4))
    with pytest.raises(ValueError, match=r"tree_lstm: hidden_size is 0"):
        nn.TreeLSTM(3, 0)
    with pytest.raises(ValueError, match="activation is 'gelu'"):
        nn.TreeRNN(3, 4, activation="gelu")
    with pytest.raises(ValueError, match=r"tree_rnn: x has shape \(2, 5\), it must be \(nodes, 3\)"):
        network[0](np.zeros((2, 5)), np.full((2, 2), -1))
    with pytest.raises(IndexError, match="position 2"):
        network[0](np.zeros((2, 3)), np.array([[-1, -1], [1, -1]]))
    assert repr(nn.RNTN(3, 4, bias=False)) == "RNTN(3, 4, bias=False)"
