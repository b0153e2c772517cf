"""Recurrent layers: as in torch with torch's weights, cells, lengths, states carried, tables looked into, threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import wxb
from wxb import nn, ops, optim

Array = np.ndarray
KINDS = ("RNN", "LSTM", "GRU")


def parts(outputs: Any) -> list[Any]:
    """Return outputs and states in a flat list."""
    y, state = outputs
    return [y, *(state if isinstance(state, tuple) else (state,))]


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_torch_weights_give_the_same_outputs_and_gradients(
    kind: str, bidirectional: bool, isa: str, rng: np.random.Generator
) -> None:
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn, kind)(7, 70, num_layers=2, batch_first=True, bidirectional=bidirectional)
    ours = getattr(nn, kind)(7, 70, num_layers=2, bidirectional=bidirectional)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    x = rng.standard_normal((5, 9, 7)).astype(np.float32)
    h = [rng.standard_normal((4 if bidirectional else 2, 5, 70)).astype(np.float32) for _ in range(ours.states)]
    lengths = [3, 9, 1, 7, 9]
    packed = torch.nn.utils.rnn.pack_padded_sequence(torch.tensor(x), torch.tensor(lengths), True, enforce_sorted=False)
    state = tuple(torch.tensor(s) for s in h)
    y, last = theirs(packed, state if ours.states > 1 else state[0])
    wanted = parts((torch.nn.utils.rnn.pad_packed_sequence(y, True, total_length=9)[0], last))
    given = tuple(wxb.tensor(s) for s in h)
    found = parts(ours(x, given if ours.states > 1 else given[0], lengths=lengths))
    for a, b in zip(found, wanted):
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=0, atol=1e-5)
    sum(part.square().sum() for part in wanted).backward()
    total = ops.sum(ops.multiply(found[0], found[0]))
    for part in found[1:]:
        total = ops.add(total, ops.sum(ops.multiply(part, part)))
    total.backward()
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters()):
        bound = 1e-5 * float(q.grad.abs().max()) + 1e-6
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=0, atol=bound, err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_is_one_step(kind: str, rng: np.random.Generator) -> None:
    layer, cell = getattr(nn, kind)(4, 6), getattr(nn, f"{kind}Cell")(4, 6)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in layer.state_dict().items()})
    x = wxb.tensor(rng.standard_normal((3, 5, 4)))
    y, _ = layer(x)
    state = None
    for t in range(5):
        state = cell(x[:, t], state)
        h = state[0] if isinstance(state, tuple) else state
        np.testing.assert_allclose(h.numpy(), y.numpy()[:, t], atol=1e-6)


@pytest.mark.parametrize("rows", [3, 100])
def test_looking_into_a_table_is_an_embedding_before(rows: int, rng: np.random.Generator) -> None:
    layer, table = nn.LSTM(4, 6, num_layers=2), wxb.tensor(rng.standard_normal((rows, 4)), requires_grad=True)
    index, dy = wxb.tensor(rng.integers(0, rows, (2, 7))), wxb.tensor(rng.standard_normal((2, 7, 6)))
    gradients = []
    for run in (lambda: layer(table, index=index), lambda: layer(ops.embedding(index, table))):
        y, _ = run()
        ops.sum(ops.multiply(y, dy)).backward()
        gradients.append([y.numpy(), *(t.grad.numpy() for t in (table, *layer.parameters()))])
        for t in (table, *layer.parameters()):
            t.zero_grad()
    for a, b in zip(*gradients):
        np.testing.assert_allclose(a, b, atol=2e-6)


def test_time_first_is_the_same(rng: np.random.Generator) -> None:
    a, b = nn.GRU(4, 6), nn.GRU(4, 6, batch_first=False)
    b.load_state_dict(a.state_dict())
    x = wxb.tensor(rng.standard_normal((3, 5, 4)))
    y, h = a(x, lengths=[5, 2, 1])
    z, last = b(ops.transpose(x, (1, 0, 2)), lengths=[5, 2, 1])
    assert np.array_equal(y.numpy(), z.numpy().transpose(1, 0, 2)) and np.array_equal(h.numpy(), last.numpy())


@pytest.mark.parametrize("sizes", [(9, 40, 30), (6, 3, 300), (6, 2, 500), (2, 40, 300)])
@pytest.mark.parametrize("kind", KINDS)
def test_threads_change_no_bit(kind: str, sizes: tuple[int, int, int], rng: np.random.Generator) -> None:
    """Where rows are cut up, where units are, where the weight is large, where few steps are not packed."""
    steps, batch, units = sizes
    layer = getattr(nn, kind)(5, units, batch_first=False)
    x, before, bits = wxb.tensor(rng.standard_normal((steps, batch, 5)), requires_grad=True), wxb.num_threads(), []
    for threads in (1, 2, 3):
        wxb.set_num_threads(threads)
        y, _ = layer(x)
        ops.sum(ops.multiply(y, y)).backward()
        bits.append([y.data.tobytes(), *(t.grad.data.tobytes() for t in (x, *layer.parameters()))])
        for t in (x, *layer.parameters()):
            t.zero_grad()
    wxb.set_num_threads(before)
    assert bits[0] == bits[1] == bits[2]


def test_what_lies_beyond_a_length_has_no_part(rng: np.random.Generator) -> None:
    for bidirectional in (False, True):
        layer = nn.LSTM(4, 6, bidirectional=bidirectional)
        x = rng.standard_normal((2, 7, 4)).astype(np.float32)
        y, (h, c) = layer(x, lengths=[4, 7])
        x[0, 4:] = np.nan
        z, (k, d) = layer(x, lengths=[4, 7])
        assert not y.numpy()[0, 4:].any()
        for a, b in ((y, z), (h, k), (c, d)):
            assert np.array_equal(a.numpy(), b.numpy())


def test_dropout_is_between_layers_while_training(rng: np.random.Generator) -> None:
    layer, x = nn.GRU(4, 6, num_layers=2, dropout=0.5), wxb.tensor(rng.standard_normal((2, 7, 4)))
    assert not np.array_equal(layer(x)[0].numpy(), layer(x)[0].numpy())
    layer.eval()
    assert np.array_equal(layer(x)[0].numpy(), layer(x)[0].numpy())


@pytest.mark.parametrize("captured", [False, True])
def test_a_carried_layer_goes_on_where_it_ended(captured: bool, rng: np.random.Generator) -> None:
    layer, x = nn.LSTM(4, 6), wxb.tensor(rng.standard_normal((2, 30, 4)))
    whole, _ = layer(x)
    carried = nn.Carried(layer)
    run = wxb.capture(lambda x: carried(x)) if captured else carried
    for _ in range(2):
        carried.reset()
        pieces = [run(x[:, i : i + 5]).numpy() for i in range(0, 30, 5)]
        np.testing.assert_allclose(np.concatenate(pieces, 1), whole.numpy(), atol=1e-6)
    assert list(carried.state_dict()) == [f"layer.{name}" for name in layer.state_dict()]
    carried.eval()
    np.testing.assert_allclose(carried(x[:, :5]).numpy(), whole.numpy()[:, :5], atol=1e-6)


def test_truncated_backpropagation_is_captured_bit_by_bit(rng: np.random.Generator) -> None:
    """States go in and out of a captured step as arguments, without their graph."""
    data = [wxb.tensor(rng.standard_normal((3, 5, 4))) for _ in range(6)]
    finals = []
    for captured in (False, True):
        wxb.seed(0)
        layer = nn.LSTM(4, 6)
        optimizer = optim.Adam(layer.parameters(), 1e-2)

        def step(x: Any, h: Any, c: Any, layer: Any = layer, optimizer: Any = optimizer) -> Any:
            y, (h, c) = layer(x, (h, c))
            loss = ops.mean(ops.multiply(y, y))
            optimizer.step(loss)
            return loss, h.detach(), c.detach()

        run = wxb.capture(step) if captured else step
        h = c = wxb.tensor(np.zeros((1, 3, 6)))
        for x in data:
            loss, h, c = run(x, h, c)
        finals.append([t.data.tobytes() for t in (loss, h, c, *layer.parameters())])
    assert finals[0] == finals[1]


def test_gradients_of_one_result_alone(rng: np.random.Generator) -> None:
    layer, x = nn.LSTM(4, 6), wxb.tensor(rng.standard_normal((3, 5, 4)), requires_grad=True)
    sizes = []
    for pick in (0, 1, 2):
        ops.sum(parts(layer(x))[pick]).backward()
        sizes.append(np.abs(x.grad.numpy()).sum())
        x.zero_grad()
    assert min(sizes) > 0 and len(set(sizes)) == 3


FAULTS: list[tuple[Any, type[Exception], str]] = [
    (lambda: nn.LSTM(3, 0), ValueError, "lstm: hidden_size is 0, it must be at least 1"),
    (lambda: nn.GRU(3, 4, dropout=1.0), ValueError, "gru: dropout is 1.0, it must be in [0, 1)"),
    (lambda: nn.RNN(3, 4, nonlinearity="gelu"), ValueError, "rnn: nonlinearity is 'gelu'"),
    (lambda: nn.LSTM(3, 4)(np.ones((2, 5))), ValueError, "lstm: input has shape (2, 5), it must be (N, T, input_size)"),
    (lambda: nn.LSTM(3, 4)(np.ones((2, 5, 4))), ValueError, "input_size 3"),
    (lambda: nn.LSTM(3, 4)(np.ones((2, 0, 3))), ValueError, "lstm: input has shape (2, 0, 3), it must have a step"),
    (lambda: nn.LSTM(3, 4)(np.ones((2, 5, 3)), lengths=[5, 6]), IndexError, "length 1 is 6, it must be from 1 to 5"),
    (lambda: nn.LSTM(3, 4)(np.ones((2, 5, 3)), lengths=[0, 5]), IndexError, "length 0 is 0, it must be from 1 to 5"),
    (lambda: nn.LSTM(3, 4)(np.ones((2, 5, 3)), lengths=[5]), ValueError, "lengths have shape (1,), they must be (2,)"),
    (
        lambda: nn.GRU(3, 4)(np.ones((2, 5, 3)), np.ones((2, 4))),
        ValueError,
        "state h has shape (2, 4), it must be (1, 2",
    ),
    (lambda: nn.LSTM(3, 4)(np.ones((2, 5, 3)), wxb.tensor(np.ones((1, 2, 4)))), TypeError, "it must be h and c"),
    (lambda: nn.LSTMCell(3, 4)(np.ones((2, 5))), ValueError, "lstm_cell: input has shape (2, 5), it must be (N, 3)"),
    (lambda: nn.Carried(nn.Linear(3, 4)), TypeError, "carried: layer is a Linear, it must be an RNN, LSTM or GRU"),
]


@pytest.mark.parametrize("number", range(len(FAULTS)))
def test_bad_input(number: int) -> None:
    run, error, words = FAULTS[number]
    with pytest.raises(error) as caught:
        run()
    assert words in str(caught.value)


def test_sample_draws_what_is_likely() -> None:
    logits = wxb.tensor(np.log(np.tile([0.1, 0.2, 0.7], (20000, 1))))
    shares = np.bincount(nn.sample(logits).numpy(), minlength=3) / 20000
    np.testing.assert_allclose(shares, [0.1, 0.2, 0.7], atol=0.02)
    shares = np.bincount(nn.sample(logits, top_k=2).numpy(), minlength=3) / 20000
    np.testing.assert_allclose(shares, [0, 2 / 9, 7 / 9], atol=0.02)
    squared = np.array([0.01, 0.04, 0.49]) / 0.54
    np.testing.assert_allclose(np.bincount(nn.sample(logits, 0.5).numpy(), minlength=3) / 20000, squared, atol=0.02)
    assert (nn.sample(logits, top_k=1).numpy() == 2).all() and (nn.sample(logits, 0.01).numpy() == 2).all()
    wxb.seed(3)
    first = nn.sample(logits).numpy()
    wxb.seed(3)
    assert np.array_equal(nn.sample(logits).numpy(), first)
    for bad in ({"temperature": 0.0}, {"temperature": -1.0}, {"top_k": 0}):
        with pytest.raises(ValueError, match="sample: t"):
            nn.sample(logits, **bad)
    with pytest.raises(ValueError, match="logits hold NaN"):
        nn.sample(wxb.tensor([np.nan, 1.0]))


def test_the_layer_that_is_not_finite_is_named(rng: np.random.Generator) -> None:
    class Network(nn.Module):
        def __init__(self) -> None:
            self.rnn, self.head = nn.RNN(3, 4, nonlinearity="relu"), nn.Linear(4, 2)

        def forward(self, x: Any) -> Any:
            return self.head(self.rnn(x)[0][:, -1])

    network = Network()
    network.rnn.weight_hh_l0[...] = 1e30
    trainer = wxb.Trainer(network)
    with pytest.raises(FloatingPointError, match="rnn 'rnn' is the first layer whose output has"):
        trainer.fit(np.ones((8, 9, 3), np.float32), np.zeros(8, np.int64), epochs=1)
