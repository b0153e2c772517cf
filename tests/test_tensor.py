"""Tensor: what goes in, what comes out, indexing, operators, versions of leaves."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import wxb
from wxb import Tensor, ops

A = np.arange(6, dtype=np.float32).reshape(2, 3)


# ---- in ----


@pytest.mark.parametrize(
    ("value", "dtype", "shape"),
    [
        (1.5, "float32", ()),
        (3, "int64", ()),
        (True, "bool", ()),
        ([1.0, 2.0], "float32", (2,)),
        ([1, 2, 3], "int64", (3,)),
        ([[True], [False]], "bool", (2, 1)),
        ([], "float32", (0,)),
        ([[], []], "float32", (2, 0)),
        (range(4), "int64", (4,)),
        ((1, 2.5), "float32", (2,)),
        (np.float16([1, 2]), "float32", (2,)),
        (np.float64([1, 2]), "float32", (2,)),
        (np.longdouble([1, 2]), "float32", (2,)),
        (np.int8([1, -2]), "int64", (2,)),
        (np.uint32([1, 2]), "int64", (2,)),
        (np.uint64([1, 2**63 - 1]), "int64", (2,)),
        (np.uint8([1, 255]), "uint8", (2,)),
        (np.bool_([True, False]), "bool", (2,)),
        (np.float64(2), "float32", ()),
        (np.zeros((2, 0, 3)), "float32", (2, 0, 3)),
    ],
)
def test_conversion_in(value: object, dtype: str, shape: tuple[int, ...]) -> None:
    t = wxb.tensor(value)
    assert t.dtype == dtype and t.shape == shape
    assert (t.numpy() == np.asarray(value)).all()
    assert not t.requires_grad and t.grad is None and t.device.name == "cpu"


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool", np.float64, wxb.float32])
def test_dtype_asks_for_another(dtype: object) -> None:
    t = wxb.tensor([1.0, 0.0], dtype)
    assert t.dtype == np.dtype(dtype) and t.numpy().tolist() == [1, 0]


def test_float64_stays_only_if_asked_for() -> None:
    assert wxb.tensor(np.ones(2)).dtype == np.float32
    assert wxb.tensor(np.ones(2), "float64").dtype == np.float64
    assert wxb.tensor(wxb.tensor([1.0], "float64")).dtype == np.float32


def test_a_tensor_owns_its_memory() -> None:
    source = A.copy()
    t = wxb.tensor(source)
    source[:] = -1
    assert (t.numpy() == A).all()
    out = t.numpy()
    out[:] = -1
    assert (t.numpy() == A).all()
    other = wxb.tensor(t)
    other[0] = 9.0
    assert (t.numpy() == A).all()


def test_data_is_contiguous_and_aligned() -> None:
    for value in (A.T, A[:, ::2], A[::-1], np.asfortranarray(A), A.astype(">f4"), np.broadcast_to(A, (4, 2, 3))):
        data = wxb.tensor(value).data
        assert data.flags.c_contiguous and data.ctypes.data % 64 == 0 and data.dtype == np.float32
        assert (data == value).all()


@pytest.mark.parametrize(
    "value", ["text", ["a", "b"], [None, 1.0], [object()], 1j, np.array(["2020"], "datetime64[Y]")]
)
def test_what_has_no_number_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match=r"tensor: dtype is .*, it must be a float, integer or bool; encode text first"):
        wxb.tensor(value)


def test_masked_arrays_are_refused() -> None:
    with pytest.raises(TypeError, match=r"tensor: a masked array would lose its mask; pass \.filled"):
        wxb.tensor(np.ma.masked_array([1.0, 2.0], [True, False]))


def test_ragged_lists_are_refused() -> None:
    with pytest.raises(ValueError, match=r"tensor: .*; rows must have equal lengths"):
        wxb.tensor([[1.0, 2.0], [3.0]])


def test_integers_beyond_int64_are_refused() -> None:
    with pytest.raises(ValueError, match="tensor: an integer is beyond the largest int64"):
        wxb.tensor(np.uint64([2**63]))
    with pytest.raises((ValueError, TypeError), match="tensor"):
        wxb.tensor([2**70])


@pytest.mark.parametrize("dtype", ["float16", "complex64", "int32", "S3", "object"])
def test_other_dtypes_are_refused(dtype: str) -> None:
    with pytest.raises(TypeError, match=r"it must be float32, float64, int64, uint8 or bool"):
        wxb.tensor([1.0], dtype)


def test_no_dtype_at_all_is_refused() -> None:
    with pytest.raises(TypeError, match="float33"):
        wxb.tensor([1.0], "float33")


def test_only_floats_have_gradients() -> None:
    with pytest.raises(TypeError, match="tensor: dtype is int64, only float32 and float64 have gradients"):
        wxb.tensor([1, 2], requires_grad=True)
    with pytest.raises(TypeError, match="requires_grad: dtype is int64"):
        wxb.tensor([1, 2]).requires_grad = True
    with pytest.raises(TypeError, match="parameter: dtype is int64, it must be float32 or float64; pass dtype="):
        wxb.parameter([1, 2])


def test_where_names_a_device() -> None:
    assert wxb.tensor([1.0], device="cpu").device is wxb.device("cpu")
    with pytest.raises(ValueError, match="device: name is 'tpu', it must be 'cpu' or 'cuda'"):
        wxb.tensor([1.0], device="tpu")


def test_pandas_columns_come_in() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3, 4], "c": ["x", "y"]})
    assert wxb.tensor(frame["a"]).numpy().tolist() == [1, 2]
    assert wxb.tensor(frame["b"]).dtype == np.int64
    assert wxb.tensor(frame[["a", "b"]]).shape == (2, 2)
    with pytest.raises(TypeError, match="encode text first"):
        wxb.tensor(frame["c"])


def test_pillow_images_come_in() -> None:
    image = pytest.importorskip("PIL.Image")
    picture = image.fromarray(np.arange(24, dtype=np.uint8).reshape(2, 4, 3))
    t = wxb.tensor(picture)
    assert t.dtype == np.uint8 and t.shape == (2, 4, 3) and t.numpy()[1, 3, 2] == 23


def test_torch_comes_in_and_goes_out() -> None:
    torch = pytest.importorskip("torch")
    t = wxb.tensor(torch.arange(6).reshape(2, 3).float())
    assert t.dtype == np.float32 and (t.numpy() == A).all()
    back = torch.from_dlpack(t)
    assert back.shape == (2, 3) and (back.numpy() == A).all()
    back[0, 0] = 7
    assert t.numpy()[0, 0] == 0


def test_dlpack_alone_comes_in() -> None:
    class Foreign:
        def __dlpack__(self, **options: object) -> object:
            return A.__dlpack__(**options)

        def __dlpack_device__(self) -> tuple[int, int]:
            return A.__dlpack_device__()

    assert (wxb.tensor(Foreign()).numpy() == A).all()


# ---- out ----


def test_conversion_out() -> None:
    t = wxb.tensor(A)
    assert t.tolist() == A.tolist()
    assert (np.asarray(t) == A).all() and np.asarray(t, np.float64).dtype == np.float64
    assert (np.from_dlpack(t) == A).all()
    assert float(wxb.tensor([2.5])) == 2.5 and int(wxb.tensor(7)) == 7 and wxb.tensor(7).item() == 7
    assert isinstance(wxb.tensor(True).item(), bool) and isinstance(wxb.tensor(1.0).item(), float)
    assert [10, 20, 30][wxb.tensor(1)] == 20
    assert bool(wxb.tensor([0.0])) is False and bool(wxb.tensor([[3]])) is True
    assert len(t) == 2 and [row.tolist() for row in t] == A.tolist()


def test_what_is_no_number_is_none() -> None:
    t = wxb.tensor(A)
    with pytest.raises(ValueError, match=r"item: shape is \(2, 3\), only a Tensor of one element is a number"):
        float(t)
    with pytest.raises(ValueError, match=r"bool: shape is \(2, 3\), the truth of several elements is ambiguous"):
        bool(t)
    with pytest.raises(TypeError, match="len: a 0-d Tensor has no length"):
        len(wxb.tensor(1.0))
    with pytest.raises(TypeError, match="index: dtype is float32, only integers index"):
        [1, 2][wxb.tensor(1.0)]  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="converts to numpy by copying only"):
        np.array(t, copy=False)


def test_repr_shows_values_and_what_matters() -> None:
    assert repr(wxb.tensor([1.0, 2.0])) == "Tensor([1., 2.], dtype=float32)"
    assert repr(wxb.tensor([1], requires_grad=False)) == "Tensor([1], dtype=int64)"
    assert (
        repr(wxb.parameter([0.5], name="weight")) == "Tensor([0.5], dtype=float32, name='weight', requires_grad=True)"
    )
    long = repr(wxb.tensor(np.zeros(1000)))
    assert "..." in long and "shape=(1000,)" in long


# ---- operators ----


def test_operators_are_the_ops() -> None:
    a, b = A + 1, np.flip(A).copy() + 1
    x, y = wxb.tensor(a), wxb.tensor(b)
    for ours, theirs in [
        (x + y, a + b),
        (x - y, a - b),
        (x * y, a * b),
        (x / y, a / b),
        (x**2, a**2),
        (-x, -a),
        (abs(-x), a),
        (2 + x, 2 + a),
        (2 - x, 2 - a),
        (2 * x, 2 * a),
        (2 / x, np.float32(2) / a),
        (2.0**x, 2.0**a),
        (x + b, a + b),
        (a + y, a + b),
        (a - y, a - b),
        (x @ y.T, a @ b.T),
    ]:
        assert isinstance(ours, Tensor) and ours.dtype == np.float32
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-6)
    for ours, theirs in [
        (x == y, a == b),
        (x != y, a != b),
        (x < y, a < b),
        (x <= 3, a <= 3),
        (x < 3, a < 3),
        (x >= y, a >= b),
    ]:
        assert ours.dtype == np.bool_ and (ours.numpy() == theirs).all()


def test_in_place_operators_rebind() -> None:
    x = y = wxb.tensor([1.0, 2.0])
    x += 1
    assert y.tolist() == [1, 2] and x.tolist() == [2, 3]


def test_tensors_are_hashable_and_compare_by_element() -> None:
    t = wxb.tensor([1.0])
    assert len({t, t, wxb.tensor([1.0])}) == 2


def test_indexing_matches_numpy() -> None:
    a = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    t = wxb.tensor(a)
    for key in (1, -1, (0, 1), (2, -1, 3), slice(1, 3), slice(None, None, 2), slice(None, None, -1), (slice(0, 2), 1)):
        assert (t[key].numpy() == a[key]).all() and t[key].shape == a[key].shape, key
    for key in (..., (..., 1), (0, ..., slice(1, 4, 2)), (slice(None), None, 2), None, (slice(2, 2),), ()):
        assert (t[key].numpy() == a[key]).all() and t[key].shape == a[key].shape, key


@pytest.mark.parametrize("key", [3, -4, (0, 4), (0, 0, -6)])
def test_an_index_out_of_range_is_an_index_error(key: object) -> None:
    with pytest.raises(IndexError):
        wxb.tensor(np.zeros((3, 4, 5)))[key]


def test_too_many_indices() -> None:
    with pytest.raises(IndexError, match="axes"):
        wxb.tensor(A)[0, 0, 0]


# ---- assignment and versions ----


def test_assignment_writes_a_leaf() -> None:
    t = wxb.tensor(A)
    t[0] = 7.0
    t[1, 1:] = wxb.tensor([8.0, 9.0])
    t[wxb.tensor(A == 3)] = -1.0
    assert t.tolist() == [[7, 7, 7], [-1, 8, 9]] and t.version == 3


def test_only_leaves_are_written() -> None:
    y = wxb.tensor(A, requires_grad=True) * 2
    with pytest.raises(
        ValueError, match="item assignment: this Tensor is the result of an op; only leaves can be written"
    ):
        y[0] = 1.0


def test_requires_grad_is_for_leaves() -> None:
    x = wxb.tensor(A, requires_grad=True)
    y = x * 2
    assert y.requires_grad
    with pytest.raises(ValueError, match="requires_grad: it can be set on leaves only; use detach"):
        y.requires_grad = False
    x.requires_grad = False
    assert not (x * 2).requires_grad


def test_detach_cuts_the_graph() -> None:
    x = wxb.tensor(A, requires_grad=True)
    y = (x * 2).detach()
    assert not y.requires_grad and y.node is None and (y.numpy() == 2 * A).all()


def test_to_the_same_device_is_the_same_tensor() -> None:
    t = wxb.tensor(A)
    assert t.to("cpu") is t and t.to(wxb.device("cpu")) is t


def test_there_is_no_gpu_without_saying_why() -> None:
    with pytest.raises(wxb.CudaError, match=r"device 'cuda' is off: .*; use device='cpu'"):
        wxb.tensor(A).to("cuda")


def test_ops_between_dtypes_are_refused() -> None:
    with pytest.raises(
        TypeError, match=r"add: dtypes are float32 and float64, they must be equal; convert one with .astype"
    ):
        wxb.tensor([1.0]) + wxb.tensor([1.0], "float64")
    assert (wxb.tensor([1.0]) + wxb.tensor([1]).astype("float32")).item() == 2


def test_astype_converts_and_keeps_the_gradient_of_floats() -> None:
    x = wxb.tensor([1.5, -2.5], requires_grad=True)
    y = x.astype("float64")
    (y * wxb.tensor([2.0, 3.0], "float64")).sum().backward()
    assert y.dtype == np.float64 and x.grad is not None and x.grad.dtype == np.float32 and x.grad.tolist() == [2, 3]
    assert wxb.tensor([1.9, -1.9]).astype("int64").tolist() == [1, -1]
    assert x.astype("float32") is x


def test_parameters_know_what_they_are() -> None:
    p = wxb.parameter(A, name="w")
    assert isinstance(p, wxb.Parameter) and p.requires_grad and p.name == "w" and p.dtype == np.float32
    assert wxb.parameter([1.0], "float64").dtype == np.float64


def test_special_values_survive() -> None:
    a = np.array([np.nan, np.inf, -np.inf, -0.0, 1e-45], np.float32)
    assert wxb.tensor(a).numpy().tobytes() == a.tobytes()


def test_numbers_take_the_dtype_of_the_tensor() -> None:
    assert (wxb.tensor([1.0], "float64") * 0.1).item() == 0.1
    assert (wxb.tensor([1.0]) + np.float64(2)).dtype == np.float32
    zero = wxb.tensor([0.0]) * -0.0
    assert np.signbit(zero.numpy()).tolist() == [True]


def test_a_tensor_cannot_be_pickled_or_copied_by_accident() -> None:
    t = wxb.tensor(A)
    try:
        other = copy.deepcopy(t)
    except TypeError:
        return
    other[0] = 5.0
    assert (t.numpy() == A).all() and (ops.add(other, 0).numpy()[1] == A[1]).all()
