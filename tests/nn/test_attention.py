"""Attention layers: equal to torch with torch's weights, their masks, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import wxb
from wxb import nn, ops

Array = np.ndarray


def batch(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


PADDING = np.arange(7) >= np.array([7, 4, 2])[:, None]


def state(module: Any) -> dict[str, Array]:
    return {name: value.detach().numpy() for name, value in module.state_dict().items()}


def close(ours: wxb.Tensor, theirs: Any) -> None:
    np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_layers_of_a_transformer_are_torchs(norm_first: bool, activation: str) -> None:
    torch = pytest.importorskip("torch")
    sizes = (32, 4, 48, 0.0, activation)
    theirs = torch.nn.TransformerEncoderLayer(*sizes, batch_first=True, norm_first=norm_first)
    decoder = torch.nn.TransformerDecoderLayer(*sizes, batch_first=True, norm_first=norm_first)
    ours = nn.TransformerEncoderLayer(*sizes, norm_first=norm_first)
    own = nn.TransformerDecoderLayer(*sizes, norm_first=norm_first)
    ours.load_state_dict(state(theirs))
    own.load_state_dict(state(decoder))
    source, target = batch(3, 7, 32), batch(3, 5, 32, seed=1)
    causal = torch.nn.Transformer.generate_square_subsequent_mask(5)
    x, y = torch.tensor(source, requires_grad=True), torch.tensor(target, requires_grad=True)
    a = theirs(x, src_key_padding_mask=torch.tensor(PADDING))
    b = decoder(y, a, tgt_mask=causal, memory_key_padding_mask=torch.tensor(PADDING))
    b.square().sum().backward()
    p, q = wxb.tensor(source, requires_grad=True), wxb.tensor(target, requires_grad=True)
    c = ours(p, src_key_padding_mask=PADDING)
    d = own(q, c, memory_key_padding_mask=PADDING, tgt_is_causal=True)
    ops.sum(d * d).backward()
    close(d, b)
    for mine, other in ((p, x), (q, y), *zip(own.parameters(), decoder.parameters())):
        assert mine.shape == tuple(other.shape)
        np.testing.assert_allclose(mine.grad.numpy(), other.grad.numpy(), rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize("masks", ["none", "padding", "bool", "numbers", "both", "each head's"])
@pytest.mark.parametrize("own", [True, False])
def test_multihead_attention_is_torchs(masks: str, own: bool) -> None:
    torch = pytest.importorskip("torch")
    theirs, ours = torch.nn.MultiheadAttention(24, 3, batch_first=True), nn.MultiheadAttention(24, 3)
    torch.nn.init.normal_(theirs.in_proj_bias)
    ours.load_state_dict(state(theirs))
    memory = batch(3, 7, 24)
    query = memory if own else batch(3, 5, 24, seed=1)
    hidden = np.random.default_rng(2).random((query.shape[1], 7)) < 0.3
    hidden[:, 0] = False
    mask = {"bool": hidden, "numbers": batch(query.shape[1], 7), "both": hidden}.get(masks)
    if masks == "each head's":
        mask = np.repeat(hidden[None], 9, 0) & (np.arange(9) % 2 == 0)[:, None, None]
    padding = PADDING if masks in ("padding", "both") else None
    x = torch.tensor(memory)
    y, weights = theirs(
        x if own else torch.tensor(query),
        x,
        x,
        key_padding_mask=None if padding is None else torch.tensor(padding),
        attn_mask=None if mask is None else torch.tensor(mask),
        average_attn_weights=masks == "both",
    )
    x = wxb.tensor(memory)
    a, b = ours(x if own else wxb.tensor(query), x, x, padding, True, mask, masks == "both")
    close(a, y)
    close(b, weights)


def test_keys_and_values_may_differ() -> None:
    torch = pytest.importorskip("torch")
    theirs, ours = torch.nn.MultiheadAttention(8, 2, batch_first=True), nn.MultiheadAttention(8, 2)
    ours.load_state_dict(state(theirs))
    q, k, v = batch(2, 3, 8), batch(2, 4, 8, seed=1), batch(2, 4, 8, seed=2)
    close(ours(q, k, v)[0], theirs(*(torch.tensor(x) for x in (q, k, v)))[0])


def test_lengths_are_a_padding_mask() -> None:
    layer = nn.TransformerEncoderLayer(16, 2, 32, 0.0)
    x = batch(3, 7, 16)
    masked, short = layer(x, src_key_padding_mask=PADDING), layer(x, src_lengths=wxb.tensor(np.array([7, 4, 2])))
    np.testing.assert_allclose(masked.numpy(), short.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("norm_first", [False, True])
def test_a_step_at_a_time_gives_what_the_whole_sequence_gives(norm_first: bool) -> None:
    layer = nn.TransformerDecoderLayer(16, 2, 32, 0.1, norm_first=norm_first).eval()
    memory, y = wxb.tensor(batch(3, 7, 16)), batch(3, 5, 16, seed=1)
    whole = layer(wxb.tensor(y), memory, memory_key_padding_mask=PADDING, tgt_is_causal=True)
    seen = wxb.tensor(~PADDING[:, None, None])
    past, projected = None, layer.multihead_attn.project_memory(memory)
    for t in range(5):
        now, past = layer.step(wxb.tensor(y[:, t : t + 1]), past, projected, seen)
        np.testing.assert_allclose(now.numpy()[:, 0], whole.numpy()[:, t], rtol=1e-4, atol=1e-5)


def test_a_query_that_sees_nothing_gives_zeros() -> None:
    layer = nn.MultiheadAttention(8, 2)
    y, weights = layer(*(wxb.tensor(batch(2, 3, 8)) for _ in range(3)), np.ones((2, 3), bool), True)
    assert (y.numpy() == layer.out_proj.bias.numpy()).all()
    assert (weights.numpy() == 0).all()


def test_dropout_is_drawn_while_training_only() -> None:
    layer = nn.MultiheadAttention(16, 2, dropout=0.5)
    x = wxb.tensor(batch(2, 6, 16))
    assert not np.array_equal(layer(x, x, x)[0].numpy(), layer(x, x, x)[0].numpy())
    layer.eval()
    assert np.array_equal(layer(x, x, x)[0].numpy(), layer(x, x, x)[0].numpy())


def test_additive_attention_is_its_formula() -> None:
    layer = nn.AdditiveAttention(6, 5, 4)
    query, key, value = batch(2, 3, 6), batch(2, 7, 5, seed=1), batch(2, 7, 8, seed=2)
    lengths = np.array([7, 0])
    y, weights = layer(query, key, value, wxb.tensor(lengths))
    asked, there = layer.query_proj(query).numpy(), layer.key_proj(key).numpy()
    scores = (np.tanh(asked[:, :, None] + there[:, None]) @ layer.score.weight.numpy().T)[..., 0]
    e = np.exp(scores[0])
    expected = e / e.sum(-1, keepdims=True)
    np.testing.assert_allclose(weights.numpy()[0], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(y.numpy()[0], expected @ value[0], rtol=1e-4, atol=1e-5)
    assert (y.numpy()[1] == 0).all() and (weights.numpy()[1] == 0).all()
    ops.sum(layer(query, key)[0]).backward()
    assert all(np.isfinite(p.grad.numpy()).all() for p in layer.parameters())


def test_positions_are_sines_and_cosines() -> None:
    layer = nn.SinusoidalPositions(6, max_len=10)
    table = layer(np.zeros((1, 10, 6), np.float32)).numpy()[0]
    for t in (0, 3, 9):
        for i in range(3):
            angle = t / 10000 ** (2 * i / 6)
            np.testing.assert_allclose(table[t, 2 * i : 2 * i + 2], [np.sin(angle), np.cos(angle)], atol=1e-6)
    later = layer(wxb.tensor(np.zeros((1, 2, 6), np.float32)), 8).numpy()[0]
    assert np.array_equal(later, table[8:])
    with pytest.raises(ValueError, match="the sequence ends at 11, max_len is 10"):
        layer(np.zeros((1, 11, 6), np.float32))


def test_a_captured_layer_is_the_eager_one() -> None:
    layer = nn.TransformerDecoderLayer(16, 2, 32, 0.3)
    optimizer = wxb.optim.Adam(layer.parameters(), 1e-2)

    def step(y: wxb.Tensor, memory: wxb.Tensor) -> wxb.Tensor:
        loss = ops.mean(ops.multiply(out := layer(y, memory, tgt_is_causal=True), out))
        optimizer.step(loss)
        return loss

    start = layer.state_dict()
    losses = []
    for captured in (False, True):
        layer.load_state_dict(start)
        optimizer.load_state_dict({name: 0 * value for name, value in optimizer.state_dict().items()} | {"lr": 1e-2})
        wxb.seed(5)
        run = wxb.capture(step) if captured else step
        data = [wxb.tensor(batch(2, n, 16, seed=n)) for n in (5, 6)]
        losses.append([run(*data).item() for _ in range(5)])
    assert losses[0] == losses[1]


def test_bad_arguments_are_refused() -> None:
    x = wxb.tensor(batch(2, 3, 8))
    for make, text in [
        (lambda: nn.MultiheadAttention(8, 3), "num_heads is 3, it must divide embed_dim 8"),
        (lambda: nn.MultiheadAttention(0, 1), "embed_dim is 0, it must be at least 1"),
        (lambda: nn.MultiheadAttention(8, 2, 1.0), "dropout is 1.0, it must be in [0, 1)"),
        (lambda: nn.MultiheadAttention(8, 2)(x, x, x, np.ones(3, bool)), "key_padding_mask has shape (3,)"),
        (lambda: nn.MultiheadAttention(4, 2)(x, x, x), "its last axis must be 4"),
        (lambda: nn.TransformerEncoderLayer(8, 2, activation="swoosh"), "'swoosh' is not one of"),
    ]:
        with pytest.raises(ValueError) as caught:
            make()
        assert text in str(caught.value)
