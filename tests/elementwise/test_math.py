"""The float32 functions of core/simd_math.h against float64, over all kinds of numbers, and bit for bit over ISAs."""

import math

import numpy as np
import pytest
from wxb import _cpu

Unary = _cpu.Unary
SIMD = [isa for isa in _cpu.isas() if isa != "ref"]
LARGEST = 2.0**128  # where float32 overflows

try:
    from scipy.special import erf, erfc
except ImportError:
    erf, erfc = np.vectorize(math.erf, otypes=[float]), np.vectorize(math.erfc, otypes=[float])


def sigmoid(x):
    z = np.exp(-np.abs(x))
    return np.where(x < 0, z, 1) / (1 + z)


def normal_cdf(x):
    return 0.5 * erfc(-x * math.sqrt(0.5))


def normal_density(x):
    return np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


def gelu_tanh_exponent(x):
    return 2 * math.sqrt(2 / math.pi) * x * (1 + 0.044715 * x * x)


# name: the function in float64, the largest error in ulp that core/simd_math.h states
PRIMITIVES = {
    "exp": (np.exp, 0.9),
    "expm1": (np.expm1, 1.6),
    "log": (np.log, 1.0),
    "log1p": (np.log1p, 1.3),
    "tanh": (np.tanh, 2.0),
    "erf": (erf, 1.2),
    "sigmoid": (sigmoid, 1.8),
}
SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772
# name: the function in float64, relative error, absolute error; alpha is 1
COMPOSED = {
    "gelu": (lambda x: x * normal_cdf(x), 6e-7, 2e-44),
    "gelu_tanh": (lambda x: x * sigmoid(gelu_tanh_exponent(x)), 3e-5, 2e-43),
    "silu": (lambda x: x * sigmoid(x), 3e-7, 2e-43),
    "softplus": (lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), 3e-7, 3e-45),
    "elu": (lambda x: np.where(x > 0, x, np.expm1(x)), 2e-7, 3e-45),
    "selu": (lambda x: SCALE * np.where(x > 0, x, ALPHA * np.expm1(x)), 3e-7, 4e-45),
}
DERIVATIVES = {  # of the input
    "gelu": lambda x: normal_cdf(x) + x * normal_density(x),
    "gelu_tanh": lambda x: (
        sigmoid(gelu_tanh_exponent(x))
        * (
            1
            + gelu_tanh_exponent(x) * (1 + 0.134145 * x * x) / (1 + 0.044715 * x * x) * sigmoid(-gelu_tanh_exponent(x))
        )
    ),
    "silu": lambda x: sigmoid(x) * (1 + x * sigmoid(-x)),
    "softplus": sigmoid,
    "elu": lambda x: np.where(x > 0, 1, np.exp(x)),
    "erf": lambda x: 2 / math.sqrt(math.pi) * np.exp(-x * x),
    "log1p": lambda x: 1 / (1 + x),
}
DERIVATIVES_OF_OUTPUT = {
    "sigmoid": lambda y: y * (1 - y),
    "tanh": lambda y: 1 - y * y,
    "exp": lambda y: y,
    "expm1": lambda y: y + 1,
    "selu": lambda y: np.where(y > 0, SCALE, y + SCALE * ALPHA),
}


@pytest.fixture(autouse=True)
def restore():
    isa = _cpu.isa()
    yield
    _cpu.set_isa(isa)


def around(x, count=2000):
    """The float32 numbers next to x on both sides."""
    return (np.float32(x).view(np.int32) + np.arange(-count, count + 1, dtype=np.int32)).view(np.float32)


@pytest.fixture(scope="module")
def sample():
    """Some four million float32 numbers: every exponent and sign, NaN, and densely where something changes."""
    spread = np.arange(0, 2**32, 1021, dtype=np.uint64).astype(np.uint32).view(np.float32)
    tiny = np.arange(0, 4000, dtype=np.uint32).view(np.float32)  # 0 and the smallest subnormals
    borders = [1.17549435e-38, 0.25, 0.5, 0.6, 0.75, 0.9, 1, 1.5, 2, 9.02, 13.1, 14.5, 17.33, 40, 87.33654, 88.72284]
    borders += [103.97208, 104, 3.4e38]
    near = [around(sign * b) for b in borders for sign in (1, -1)]
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 3.4028235e38, -3.4028235e38], np.float32)
    return np.concatenate([spread, tiny, -tiny, *near, special])


def forward(name, x, alpha=1.0, beta=0.0):
    y = np.full_like(x, np.nan)
    _cpu.unary_forward(getattr(Unary, name), x, y, alpha, beta)
    return y


def backward(name, saved, dy, alpha=1.0, beta=0.0):
    dx = np.full_like(dy, np.nan)
    _cpu.unary_backward(getattr(Unary, name), saved, dy, dx, alpha, beta)
    return dx


def ulps(y, exact):
    """Errors of the float32 y in units of its last place; an overflow counts as 2^128."""
    assert np.array_equal(np.isnan(y), np.isnan(exact))
    with np.errstate(invalid="ignore"):  # converting a signalling NaN warns
        got = np.clip(y.astype(np.float64), -LARGEST, LARGEST)
    wanted = np.clip(exact, -LARGEST, LARGEST)
    _, exponent = np.frexp(np.maximum(np.abs(wanted), 2.0**-126))
    return np.where(np.isnan(exact), 0, np.abs(got - wanted) / np.ldexp(1.0, exponent - 24))


def same_bits(a, b):
    """Whether a and b are the same, -0 apart from 0, one NaN as good as another."""
    return np.array_equal(np.where(np.isnan(a), 0, a.view(np.uint32)), np.where(np.isnan(b), 0, b.view(np.uint32)))


def exact(function, x):
    with np.errstate(all="ignore"):
        return function(x.astype(np.float64))


@pytest.mark.parametrize("name", PRIMITIVES)
def test_primitives_keep_the_error_they_state(name, sample):
    function, most = PRIMITIVES[name]
    error = ulps(forward(name, sample), exact(function, sample))
    worst = np.argmax(error)
    assert error[worst] <= most, f"{name}({sample[worst]!r})"


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["exp", "expm1", "log", "tanh", "erf", "sigmoid"])
def test_primitives_on_every_float32(name):
    function, most = PRIMITIVES[name]
    for begin in range(0, 2**32, 2**24):
        x = np.arange(begin, begin + 2**24, dtype=np.uint64).astype(np.uint32).view(np.float32)
        results = []
        for isa in SIMD:
            _cpu.set_isa(isa)
            results.append(forward(name, x))
        assert all(same_bits(r, results[0]) for r in results)
        assert np.max(ulps(results[0], exact(function, x))) <= most


INF, NAN = math.inf, math.nan
SPECIAL = {
    "exp": [(-INF, 0.0), (INF, INF), (0.0, 1.0), (-0.0, 1.0), (88.8, INF), (-104.0, 0.0), (NAN, NAN)],
    "expm1": [(-INF, -1.0), (INF, INF), (0.0, 0.0), (-0.0, -0.0), (88.8, INF), (NAN, NAN)],
    "log": [(0.0, -INF), (-0.0, -INF), (INF, INF), (1.0, 0.0), (-1e-45, NAN), (-1.0, NAN), (-INF, NAN), (NAN, NAN)],
    "log1p": [(-1.0, -INF), (INF, INF), (0.0, 0.0), (-0.0, -0.0), (-1.1, NAN), (-INF, NAN), (NAN, NAN)],
    "tanh": [(-INF, -1.0), (INF, 1.0), (0.0, 0.0), (-0.0, -0.0), (1e-45, 1e-45), (-1e-10, -1e-10), (NAN, NAN)],
    "erf": [(-INF, -1.0), (INF, 1.0), (0.0, 0.0), (-0.0, -0.0), (NAN, NAN)],
    "sigmoid": [(-INF, 0.0), (INF, 1.0), (0.0, 0.5), (-0.0, 0.5), (-104.0, 0.0), (NAN, NAN)],
    "gelu": [(-INF, -0.0), (INF, INF), (0.0, 0.0), (-0.0, -0.0), (NAN, NAN)],
    "gelu_tanh": [(-INF, -0.0), (INF, INF), (0.0, 0.0), (-0.0, -0.0), (NAN, NAN)],
    "silu": [(-INF, -0.0), (INF, INF), (0.0, 0.0), (-0.0, -0.0), (NAN, NAN)],
    "softplus": [(-INF, 0.0), (INF, INF), (NAN, NAN)],
    "elu": [(-INF, -1.0), (INF, INF), (0.0, 0.0), (-0.0, -0.0), (NAN, NAN)],
    "relu": [(-INF, 0.0), (INF, INF), (0.0, 0.0), (-0.0, -0.0), (NAN, NAN)],
    "sqrt": [(-0.0, -0.0), (-1.0, NAN), (INF, INF), (NAN, NAN)],
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("isa", _cpu.isas())
@pytest.mark.parametrize("name", SPECIAL)
def test_special_values(name, isa, dtype):
    x, wanted = (np.array(column, dtype) for column in zip(*SPECIAL[name], strict=True))
    if dtype == np.float64:  # 88.8 and -104 are special to float32
        keep = (np.abs(x) < 88) | ~np.isfinite(x)
        x, wanted = x[keep], wanted[keep]
    _cpu.set_isa(isa)
    y = forward(name, x)
    assert np.array_equal(y, wanted, equal_nan=True)
    assert np.array_equal(np.signbit(y[~np.isnan(wanted)]), np.signbit(wanted[~np.isnan(wanted)]))


@pytest.mark.parametrize("isa", _cpu.isas())
@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "silu", "softplus", "elu"])
def test_derivatives_at_infinity(name, isa):
    _cpu.set_isa(isa)
    x = np.array([-INF, INF, NAN], np.float32)
    assert np.array_equal(backward(name, x, np.ones_like(x)), [0, 1, NAN], equal_nan=True)


@pytest.mark.parametrize("name", COMPOSED)
def test_composed_functions(name, sample):
    function, relative, absolute = COMPOSED[name]
    x = sample[np.isfinite(sample) & (np.abs(sample) < 1e30)]
    y, wanted = forward(name, x), exact(function, x)
    error = np.abs(y - wanted) - relative * np.abs(wanted)
    worst = np.argmax(error)
    assert error[worst] <= absolute, f"{name}({x[worst]!r}) = {y[worst]!r}, not {wanted[worst]!r}"


@pytest.mark.parametrize("name", [*DERIVATIVES, *DERIVATIVES_OF_OUTPUT])
def test_derivatives(name, sample):
    function = {**DERIVATIVES, **DERIVATIVES_OF_OUTPUT}[name]
    x = sample[np.abs(sample) < (30 if name in DERIVATIVES else 1)]
    x = x[x > -0.999] if name == "log1p" else x
    dx = backward(name, x, np.full_like(x, 2))
    np.testing.assert_allclose(dx, 2 * exact(function, x), rtol=3e-6 if name == "gelu_tanh" else 1e-6, atol=1e-6)


@pytest.mark.parametrize("name", [*COMPOSED, *PRIMITIVES, "relu", "leaky_relu", "hardswish", "sqrt", "abs", "clip"])
def test_every_isa_gives_the_same_bits(name, sample):
    results = []
    for isa in SIMD:
        _cpu.set_isa(isa)
        results.append([forward(name, sample, 0.5, 2.0), backward(name, sample, np.ones_like(sample), 0.5, 2.0)])
    assert all(same_bits(a, b) for r in results for a, b in zip(r, results[0], strict=True))


@pytest.mark.parametrize("isa", SIMD)
@pytest.mark.parametrize("name", [*COMPOSED, *PRIMITIVES])
def test_the_last_lanes_are_as_the_others(name, isa):
    _cpu.set_isa(isa)
    x = np.random.default_rng(1).normal(0, 2, 131).astype(np.float32)
    whole = forward(name, x)
    for n in range(70):
        assert same_bits(forward(name, x[:n]), whole[:n])


@pytest.mark.parametrize("name", [*COMPOSED, *PRIMITIVES])
def test_float64_is_the_function_itself(name):
    x = np.random.default_rng(2).normal(0, 4, 10001)
    function = {**COMPOSED, **PRIMITIVES}[name][0]
    np.testing.assert_allclose(forward(name, x), exact(function, x), rtol=1e-12)
