"""The argument ``precision``: a GPU rounds the factors of products, the CPU never does, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import wxb
from wxb import Tensor, nn, ops, optim
from wxb.device import Device, cpu
from wxb.train import AdversarialTrainer

Array = np.ndarray
RNG = np.random.default_rng(5)
TOLERANCE = {"tf32": 1e-3, "bf16": 1e-2}  # of the norm of a result or a gradient
rounding = pytest.mark.parametrize("precision", TOLERANCE)

# name -> the op, the shapes of its operands
PRODUCTS: dict[str, tuple[Callable[..., Tensor], list[tuple[int, ...]]]] = {
    "linear": (lambda x, w, b, how: ops.linear(x, w, b, "gelu", how), [(5, 3, 40), (24, 40), (24,)]),
    "matmul": (lambda a, b, how: ops.matmul(a, b, precision=how), [(2, 9, 33), (33, 17)]),
    "matmul[nt]": (lambda a, b, how: ops.matmul(a, b, False, True, how), [(3, 9, 20), (3, 12, 20)]),
    "matmul[tn]": (lambda a, b, how: ops.matmul(a, b, True, False, how), [(20, 9), (20, 12)]),
    "conv2d": (
        lambda x, w, b, how: ops.conv2d(x, w, b, 1, "same", activation="silu", precision=how),
        [(2, 7, 6, 8), (12, 3, 3, 8), (12,)],
    ),
    "conv2d[stride]": (lambda x, w, how: ops.conv2d(x, w, None, 2, 1, precision=how), [(2, 9, 8, 8), (16, 3, 3, 8)]),
    "conv1d": (lambda x, w, b, how: ops.conv1d(x, w, b, precision=how), [(2, 11, 8), (12, 3, 8), (12,)]),
    "conv_transpose2d": (
        lambda x, w, b, how: ops.conv_transpose2d(x, w, b, 2, 1, precision=how),
        [(2, 5, 4, 12), (12, 3, 3, 8), (8,)],
    ),
}
product = pytest.mark.parametrize("name", PRODUCTS)


def computed(name: str, precision: str, where: Device, dtype: str = "float32") -> list[Array]:
    """Return the result of an op, and the gradients of its operands."""
    op, shapes = PRODUCTS[name]
    rng = np.random.default_rng(3)
    given = [wxb.tensor(rng.standard_normal(s), dtype, requires_grad=True, device=where) for s in shapes]
    y = op(*given, precision)
    ops.sum(y * wxb.tensor(rng.standard_normal(y.shape), dtype, device=where)).backward()
    return [y.numpy(), *(t.grad.numpy() for t in given)]


def off(got: Array, wanted: Array) -> float:
    return float(np.linalg.norm(got - wanted) / np.linalg.norm(wanted))


def same(one: list[Array], other: list[Array]) -> bool:
    return [a.tobytes() for a in one] == [a.tobytes() for a in other]


@rounding
@product
def test_results_and_gradients_are_rounded_within_the_tolerance(name: str, precision: str, gpu: Device) -> None:
    rounded, exact = (computed(name, how, gpu) for how in (precision, "fp32"))
    for got, plain, wanted in zip(rounded, exact, computed(name, "fp32", cpu, "float64")):
        assert off(got, wanted) < TOLERANCE[precision] and off(plain, wanted) < 1e-5
        if got.ndim > 1:  # a bias is added, its gradient a sum: no factors
            assert off(got, plain) > 1e-5


@rounding
@product
def test_float64_is_never_rounded(name: str, precision: str, gpu: Device) -> None:
    assert same(*(computed(name, how, gpu, "float64") for how in (precision, "fp32")))


@rounding
@product
def test_the_cpu_computes_in_float32(name: str, precision: str) -> None:
    assert same(*(computed(name, how, cpu) for how in (precision, "fp32")))


# ---- layers ----


def normal(*shape: int) -> Tensor:
    return wxb.tensor(np.random.default_rng(1).standard_normal(shape))


CHILDREN = [[-1, -1], [-1, -1], [-1, -1], [0, 1], [3, 2]]
LAYERS: dict[str, Callable[[], tuple[nn.Module, list[Any]]]] = {
    "linear": lambda: (nn.Linear(16, 8), [normal(3, 16)]),
    "conv1d": lambda: (nn.Conv1d(8, 8, 3), [normal(2, 7, 8)]),
    "conv2d": lambda: (nn.Conv2d(8, 8, 3), [normal(2, 5, 5, 8)]),
    "conv_transpose2d": lambda: (nn.ConvTranspose2d(8, 8, 3), [normal(2, 5, 5, 8)]),
    "spectral_norm": lambda: (nn.SpectralNorm(nn.Linear(16, 8)).eval(), [normal(3, 16)]),
    "attention": lambda: (nn.MultiheadAttention(16, 2), [x := normal(2, 4, 16), x, x]),
    "cross attention": lambda: (nn.MultiheadAttention(16, 2), [normal(2, 4, 16), *[normal(2, 5, 16)] * 2]),
    "additive attention": lambda: (nn.AdditiveAttention(8, 8, 16), [normal(2, 4, 8), normal(2, 5, 8)]),
    "encoder": lambda: (nn.TransformerEncoderLayer(16, 2, 32, 0.0), [normal(2, 4, 16)]),
    "decoder": lambda: (nn.TransformerDecoderLayer(16, 2, 32, 0.0), [normal(2, 4, 16), normal(2, 5, 16)]),
    "hopfield": lambda: (nn.Hopfield(8, 16), [normal(2, 4, 8)]),
    "lstm": lambda: (nn.LSTM(8, 8), [normal(2, 4, 8)]),
    "gru of a table": lambda: (nn.GRU(8, 8), [normal(9, 8), None, None, wxb.tensor([[1, 5, 2]])]),
    "rnn cell": lambda: (nn.RNNCell(8, 8), [normal(2, 8)]),
    "tree": lambda: (nn.TreeLSTM(8, 8), [normal(3, 8), wxb.tensor(CHILDREN)]),
}


def first(result: Any) -> Array:
    return first(result[0]) if isinstance(result, tuple) else result.numpy()


@pytest.mark.parametrize("name", LAYERS)
def test_layers_pass_it_on(name: str, gpu: Device) -> None:
    layer, given = LAYERS[name]()
    exact = first(layer(*given))
    assert layer.set_precision("bf16") is layer and {m.precision for m in layer.modules()} == {"bf16"}
    rounded = first(layer(*given))
    assert 1e-5 < off(rounded, exact) < 3e-2
    assert not np.array_equal(first(layer.set_precision("tf32")(*given)), rounded)
    assert np.array_equal(first(layer.set_precision("fp32")(*given)), exact)


def network() -> nn.Sequential:
    wxb.seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, activation="relu"), nn.Flatten(), nn.Linear(8 * 16, 4))


X, Y = RNG.standard_normal((48, 6, 6, 3)).astype("float32"), RNG.integers(0, 4, 48)


def fitted(capture: bool, precision: str | None, model: nn.Module | None = None) -> wxb.Trainer:
    model = model or network()
    trainer = wxb.Trainer(model, optimizer=optim.SGD(model.parameters(), 0.1), capture=capture, precision=precision)
    trainer.fit(X, Y, epochs=3, batch_size=16, progress=False)
    return trainer


def weights(trainer: wxb.Trainer) -> list[Array]:
    return list(trainer.model.state_dict().values())


@rounding
def test_a_captured_step_has_the_eager_bits(precision: str, gpu: Device) -> None:
    captured, eager, exact = fitted(True, precision), fitted(False, precision), fitted(True, None)
    assert len(captured.plans) == 1 and same(weights(captured), weights(eager))
    assert not same(weights(captured), weights(exact))
    for got, wanted in zip(weights(captured), weights(exact)):
        assert got.dtype == np.float32 and off(got, wanted) < 10 * TOLERANCE[precision]


def test_a_change_makes_another_plan(gpu: Device) -> None:
    model, x = network(), wxb.tensor(X[:4])
    step = wxb.capture(model)

    def check(plans: int) -> None:
        wanted = model(x).numpy()
        for _ in range(3):
            assert np.array_equal(step(x).numpy(), wanted)
        assert len(step.plans) == plans

    for plans, precision in enumerate(("fp32", "tf32", "bf16"), 1):
        model.set_precision(precision)
        check(plans)
    model.set_precision("tf32")  # which has a plan
    check(3)
    model[2].set_precision("fp32")  # a layer alone
    check(4)


def test_a_change_is_noticed_where_a_layer_is_not_called(gpu: Device) -> None:
    attention, x = nn.MultiheadAttention(16, 2), normal(2, 4, 16)
    step = wxb.capture(lambda x: attention.project_query(x))
    exact = [step(x).numpy() for _ in range(3)][-1]
    attention.set_precision("bf16")
    rounded = [step(x).numpy() for _ in range(3)]
    assert all(1e-5 < off(y, exact) < 1e-2 for y in rounded)


def test_setting_what_is_set_disturbs_no_plan() -> None:
    model = network().set_precision("tf32")
    before = wxb.watch.edits
    model.set_precision("tf32")
    assert wxb.watch.edits == before
    with pytest.raises(wxb.CaptureError, match="changes itself inside the captured step"):
        step = wxb.capture(lambda x: model.set_precision("bf16" if model.precision == "tf32" else "tf32")(x))
        for _ in range(2):
            step(wxb.tensor(X[:4]))


def test_it_is_no_part_of_the_weights(tmp_path: Any) -> None:
    rounded, exact = fitted(True, "tf32"), fitted(True, None)
    assert same(weights(rounded), weights(exact))  # on the CPU
    assert list(rounded.model.state_dict()) == list(exact.model.state_dict())
    rounded.save(tmp_path / "a.safetensors")
    exact.load(tmp_path / "a.safetensors")
    assert exact.model.precision == "fp32" and rounded.model.precision == "tf32"


def test_a_trainer_keeps_what_the_model_has_unless_told() -> None:
    model = network().set_precision("bf16")
    assert wxb.Trainer(model).model.precision == "bf16"
    assert {m.precision for m in wxb.Trainer(network(), precision="tf32").model.modules()} == {"tf32"}
    generator, discriminator, average = nn.Linear(4, 6), nn.Linear(6, 1), nn.Linear(4, 6)
    AdversarialTrainer(generator, discriminator, 4, average=average, precision="bf16")
    assert generator.precision == discriminator.precision == average.precision == "bf16"


@pytest.mark.parametrize("wrong", ["fp16", "", None, 32, ["tf32"]])
def test_unknown_names(wrong: Any) -> None:
    model = network()
    with pytest.raises(ValueError, match=r"set_precision: precision is .*, it must be one of fp32, tf32, bf16"):
        model.set_precision(wrong)
    assert model.precision == "fp32"
