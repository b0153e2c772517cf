"""What is special to normalisation: means and values that are large, rows that do not vary, agreement with torch."""

from __future__ import annotations

import numpy as np
import pytest
import wxb
from wxb import nn, ops

Array = np.ndarray


def normalised(x: Array, eps: float = 1e-5) -> Array:
    x = x.astype(np.float64)
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + eps)


@pytest.mark.parametrize("features", [7, 64, 1000, 4096, 5000])
@pytest.mark.parametrize("mean", [1e4, -1e6])
def test_a_large_mean_costs_no_digits(features: int, mean: float, isa: str, rng: np.random.Generator) -> None:
    x = (mean + abs(mean) * 1e-5 * rng.standard_normal((5, features))).astype(np.float32)
    np.testing.assert_allclose(ops.layer_norm(wxb.tensor(x)).numpy(), normalised(x), atol=3e-6)


def test_a_first_element_that_stands_apart_costs_few(isa: str, rng: np.random.Generator) -> None:
    x = rng.standard_normal((3, 4096)).astype(np.float32)
    x[:, 0] = 1e6
    np.testing.assert_allclose(ops.layer_norm(wxb.tensor(x)).numpy(), normalised(x), rtol=2e-6, atol=1e-5)


@pytest.mark.parametrize("deviations", [0.0, 1.5, 1.7, 1.75, 2.0, 5.0, 30.0])  # from 1.73 on a row is read once more
def test_any_first_element_costs_few_digits(deviations: float, isa: str, rng: np.random.Generator) -> None:
    for features in (33, 1000, 4500):
        x = (3 + rng.standard_normal((4, features))).astype(np.float32)
        x[:, 0] = 3 + deviations
        atol = 2e-6 + deviations * 2**-23  # that distance is rounded twice: taken from x, and from the mean
        np.testing.assert_allclose(ops.layer_norm(wxb.tensor(x)).numpy(), normalised(x), rtol=2e-6, atol=atol)


@pytest.mark.parametrize("size", [1e10, 1e18, 1e25, 1e37])
def test_large_values_do_not_overflow(size: float, isa: str, rng: np.random.Generator) -> None:
    x = (size * rng.standard_normal((3, 300))).astype(np.float32)
    np.testing.assert_allclose(ops.layer_norm(wxb.tensor(x)).numpy(), normalised(x), atol=1e-5)
    wide = x.astype(np.float64)
    want = wide / np.sqrt((wide**2).mean(-1, keepdims=True))
    np.testing.assert_allclose(ops.rms_norm(wxb.tensor(x)).numpy(), want, atol=1e-5)


@pytest.mark.parametrize("features", [1, 5, 64, 1001])
def test_a_row_that_does_not_vary_gives_the_bias(features: int, isa: str) -> None:
    x = wxb.tensor(np.full((3, features), 12345.678), requires_grad=True)
    weight, bias = (wxb.tensor(np.arange(features) + k, "float32") for k in (1.0, 2.0))
    y = ops.layer_norm(x, weight, bias)
    assert (y.numpy() == bias.numpy()).all()
    y.sum().backward()
    assert np.isfinite(x.grad.numpy()).all()
    if features == 1:
        assert (x.grad.numpy() == 0).all()


@pytest.mark.parametrize("op", [ops.layer_norm, ops.rms_norm])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_stays_in_its_row(op, bad: float, isa: str, rng: np.random.Generator) -> None:
    x = rng.standard_normal((9, 70)).astype(np.float32)
    want = op(wxb.tensor(x)).numpy()
    x[4, 33] = bad
    leaf = wxb.tensor(x, requires_grad=True)
    y = op(leaf)
    y.sum().backward()
    others = np.arange(9) != 4
    assert (y.numpy()[others] == want[others]).all() and np.isnan(y.numpy()[4]).any()
    assert np.isfinite(leaf.grad.numpy()[others]).all() and np.isnan(leaf.grad.numpy()[4]).any()


@pytest.mark.parametrize("shape", [(1000, 64), (300, 1000), (70, 4096), (33, 5003), (1 << 11, 1 << 12)])
def test_threads_make_no_difference(shape: tuple[int, int], rng: np.random.Generator) -> None:
    arrays = [rng.standard_normal(s, np.float32) for s in (shape, shape[1:], shape[1:])]
    dy, outcomes, before = wxb.tensor(rng.standard_normal(shape, np.float32)), [], wxb.num_threads()
    for threads in (1, 2, 5):
        wxb.set_num_threads(threads)
        leaves = [wxb.tensor(a, requires_grad=True) for a in arrays]
        y = ops.layer_norm(*leaves)
        (y * dy).sum().backward()
        outcomes.append([t.numpy().tobytes() for t in (y, *(leaf.grad for leaf in leaves))])
    wxb.set_num_threads(before)
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_column_sums_of_many_rows_keep_their_digits(isa: str, rng: np.random.Generator) -> None:
    x, dy = (rng.standard_normal((20000, 24)).astype(np.float32) for _ in range(2))
    leaves = [wxb.tensor(a, requires_grad=True) for a in (x, np.ones(24), np.zeros(24))]
    (ops.layer_norm(*leaves) * wxb.tensor(dy)).sum().backward()
    wide = dy.astype(np.float64)
    np.testing.assert_allclose(leaves[1].grad.numpy(), (wide * normalised(x)).sum(0), atol=2e-4)
    np.testing.assert_allclose(leaves[2].grad.numpy(), wide.sum(0), atol=2e-4)


def test_only_wanted_gradients_are_computed(isa: str, rng: np.random.Generator) -> None:
    arrays = [rng.standard_normal(s) for s in ((40, 9), (9,), (9,))]
    every = [wxb.tensor(a, requires_grad=True) for a in arrays]
    ops.layer_norm(*every).sum().backward()
    for wanted in range(3):
        leaves = [wxb.tensor(a, requires_grad=i == wanted) for i, a in enumerate(arrays)]
        ops.layer_norm(*leaves).sum().backward()
        for i, leaf in enumerate(leaves):
            assert (leaf.grad is not None) == (i == wanted)
        assert leaves[wanted].grad.numpy().tobytes() == every[wanted].grad.numpy().tobytes()


@pytest.mark.parametrize("affine", [True, False])
def test_the_layers_are_those_of_torch(affine: bool, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    x = rng.standard_normal((3, 5, 33)).astype(np.float32)
    pairs = [
        (nn.LayerNorm(33, 1e-3, affine), torch.nn.LayerNorm(33, 1e-3, affine)),
        (nn.LayerNorm(33, elementwise_affine=affine, bias=False), torch.nn.LayerNorm(33, 1e-5, affine, False)),
        (nn.RMSNorm(33, 1e-6, affine), torch.nn.RMSNorm(33, 1e-6, affine)),
    ]
    for ours, theirs in pairs:
        state = {name: rng.standard_normal(33).astype(np.float32) for name, _ in theirs.named_parameters()}
        assert [name for name, _ in ours.named_parameters()] == list(state)
        ours.load_state_dict(state)
        theirs.load_state_dict({name: torch.tensor(a) for name, a in state.items()})
        np.testing.assert_allclose(ours(x).numpy(), theirs(torch.tensor(x)).detach().numpy(), atol=2e-6)


def test_layers_begin_as_the_plain_normalisation() -> None:
    x = np.random.default_rng(0).standard_normal((4, 6))
    for layer, op in ((nn.LayerNorm(6), ops.layer_norm), (nn.RMSNorm(6), ops.rms_norm)):
        assert (layer(x).numpy() == op(wxb.tensor(x)).numpy()).all()
    assert nn.LayerNorm(6, dtype="float64")(x).dtype == np.float64
    assert repr(nn.LayerNorm(6, bias=False)) == "LayerNorm(6, eps=1e-05, bias=False)"
    assert repr(nn.RMSNorm(6, elementwise_affine=False)) == "RMSNorm(6, eps=1e-05, elementwise_affine=False)"


@pytest.mark.parametrize(("layer", "name"), [(nn.LayerNorm, "layer_norm"), (nn.RMSNorm, "rms_norm")])
def test_mistakes_are_named(layer, name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}: input has shape \(2, 5\), its last axis must be 6; move that axis"):
        layer(6)(np.ones((2, 5)))
    with pytest.raises(ValueError, match=rf"{name} '1': input has shape \(2, 4\)"):
        nn.Sequential(nn.Linear(6, 4), layer(6))(np.ones((2, 6)))
    with pytest.raises(ValueError, match=f"{name}: features is 0, it must be at least 1"):
        layer(0)
    with pytest.raises(ValueError, match=f"{name}: eps is -1, it must be finite and not negative"):
        layer(3, -1)
