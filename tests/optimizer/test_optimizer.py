"""The optimizer kernels: equality over ISAs and threads, clipping, what a table refuses."""

import numpy as np
import pytest
from wxb.device import cpu

kernels = cpu.kernels
SIZES = [(0,), (1,), (7,), (8,), (15,), (16,), (17,), (1009,), (16384,), (16385,), ()]
UPDATES = {
    "sgd": (0, lambda table, lr, step: table.sgd(lr, step, 0.0, 0.1, False)),
    "momentum": (1, lambda table, lr, step: table.sgd(lr, step, 0.9, 0.0, False)),
    "nesterov": (1, lambda table, lr, step: table.sgd(lr, step, 0.9, 0.1, True)),
    "adam": (2, lambda table, lr, step: table.adam(lr, step, 0.9, 0.999, 1e-8, 0.1, False)),
    "adamw": (2, lambda table, lr, step: table.adam(lr, step, 0.9, 0.999, 1e-8, 0.1, True)),
    "rmsprop": (1, lambda table, lr, step: table.rmsprop(lr, step, 0.9, 1e-8, 0.0, 0.1, False)),
    "rmsprop all": (3, lambda table, lr, step: table.rmsprop(lr, step, 0.9, 1e-8, 0.9, 0.1, True)),
}


@pytest.fixture(autouse=True)
def restore():
    isa, threads = kernels.isa(), kernels.num_threads()
    yield
    kernels.set_isa(isa)
    kernels.set_num_threads(threads)


def rows(dtype, states, scale=1.0):
    rng = np.random.default_rng(3)

    def draw(shape):
        return np.asarray(rng.standard_normal(shape) * scale, dtype)

    return [[draw(s), draw(s), *[np.zeros(s, dtype) for _ in range(states)]] for s in SIZES]


def updated(name, dtype):
    states, update = UPDATES[name]
    table_rows = rows(dtype, states)
    table, lr, step = kernels.optimizer_table(table_rows), np.array(0.01), np.array(0)
    for _ in range(3):
        update(table, lr, step)
    assert step == 3
    return [a.tobytes() for row in table_rows for a in row]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", UPDATES)
def test_every_isa_and_thread_count_gives_the_same_bits(name, dtype):
    results = []
    for isa in kernels.isas():
        for threads in (1, 2, 3):
            kernels.set_isa(isa)
            kernels.set_num_threads(threads)
            results.append(updated(name, dtype))
    assert all(r == results[0] for r in results)


@pytest.mark.parametrize("name", UPDATES)
def test_float32_follows_float64(name):
    for a, b in zip(updated(name, np.float32), updated(name, np.float64)):
        np.testing.assert_allclose(np.frombuffer(a, np.float32), np.frombuffer(b, np.float64), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", UPDATES)
def test_nan_stays_where_it_is(name):
    states, update = UPDATES[name]
    g = np.ones(37, np.float32)
    g[20] = np.nan
    row = [np.ones(37, np.float32), g, *[np.zeros(37, np.float32) for _ in range(states)]]
    update(kernels.optimizer_table([row]), np.array(0.01), np.array(0))
    assert np.flatnonzero(np.isnan(row[0])).tolist() == [20]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clip(dtype):
    for isa in kernels.isas():
        kernels.set_isa(isa)
        results = []
        for threads in (1, 2, 3):
            kernels.set_num_threads(threads)
            table_rows, norm = rows(dtype, 0), np.array(np.nan, dtype)
            before = [g.copy() for _, g in table_rows]
            want = np.sqrt(sum((g.astype(np.float64) ** 2).sum() for g in before))
            table = kernels.optimizer_table(table_rows)
            table.clip(norm, 1e6)
            np.testing.assert_allclose(norm, want, rtol=40 * np.finfo(dtype).eps)
            assert all((g == b).all() for (_, g), b in zip(table_rows, before))
            table.clip(norm, 0.5)
            for (_, g), b in zip(table_rows, before):
                np.testing.assert_allclose(g, b * (0.5 / want), rtol=40 * np.finfo(dtype).eps)
            results.append([norm.tobytes()] + [g.tobytes() for _, g in table_rows])
        assert all(r == results[0] for r in results)


def test_clip_where_squares_have_no_float():
    g, norm = np.full(100, 1e25, np.float32), np.array(0, np.float32)
    kernels.optimizer_table([[g.copy(), g]]).clip(norm, 1.0)
    np.testing.assert_allclose(norm, 1e26, rtol=1e-6)
    np.testing.assert_allclose(g, 0.1, rtol=1e-6)


@pytest.mark.parametrize("value, after", [(np.inf, 0.0), (np.nan, np.nan)])
def test_clip_of_what_is_not_finite(value, after):
    g, norm = np.ones(20, np.float32), np.array(0, np.float32)
    g[3] = value
    kernels.optimizer_table([[g.copy(), g]]).clip(norm, 1.0)
    np.testing.assert_equal(norm, np.float32(value))
    np.testing.assert_equal(g[4], np.float32(after))


def test_centered_rmsprop_survives_a_negative_variance():
    row = [np.zeros(64, np.float32), np.full(64, 1e-3, np.float32), *[np.zeros(64, np.float32) for _ in range(2)]]
    table, lr, step = kernels.optimizer_table([row]), np.array(0.01), np.array(0)
    for _ in range(3000):
        table.rmsprop(lr, step, 0.99, 1e-8, 0.0, 0.0, True)
    assert np.isfinite(row[0]).all()


def test_a_plan_keeps_the_table_and_reads_lr_and_step():
    p, g, m, v = (np.zeros(5, np.float32) for _ in range(4))
    g += 1
    lr, step, plan = np.array(0.5), np.array(0), kernels.Plan()
    with plan:
        kernels.optimizer_table([[p, g, m, v]]).adam(lr, step, 0.9, 0.999, 0.0, 0.0, False)
    lr[...] = 0.25
    plan.replay()
    assert step == 2
    np.testing.assert_allclose(p, -0.75, rtol=1e-6)


def test_what_a_table_refuses():
    x, y, bits = np.zeros(4, np.float32), np.zeros(3, np.float32), np.zeros(4, bool)
    lr, step, norm = np.array(0.1), np.array(0), np.array(0, np.float32)
    table = kernels.optimizer_table([[x, x.copy()]])
    for call, error, words in [
        (lambda: kernels.optimizer_table([]), ValueError, "there are no rows"),
        (lambda: kernels.optimizer_table([[]]), ValueError, "there are no rows"),
        (lambda: kernels.optimizer_table([[x]]), ValueError, "a row has 1 arrays"),
        (lambda: kernels.optimizer_table([[x, x, x], [x, x]]), ValueError, "a row has 2 arrays"),
        (lambda: kernels.optimizer_table([[x, y]]), ValueError, "gradient has shape (3,), it must have 4 elements"),
        (lambda: kernels.optimizer_table([[x, x.astype(float)]]), TypeError, "gradient has dtype float64"),
        (lambda: kernels.optimizer_table([[bits, bits]]), TypeError, "dtype is bool"),
        (lambda: table.clip(norm, 0.0), ValueError, "max_norm is 0, it must be above 0"),
        (lambda: table.clip(norm, np.nan), ValueError, "max_norm is nan"),
        (lambda: table.clip(y, 1.0), ValueError, "norm has shape (3,)"),
        (lambda: table.adam(lr, step, 0.9, 0.9, 1e-8, 0.0, False), ValueError, "0 states for each parameter"),
        (lambda: table.sgd(lr, lr, 0.0, 0.0, False), TypeError, "step has dtype float64, it must be int64"),
        (lambda: table.sgd(norm, step, 0.0, 0.0, False), TypeError, "lr has dtype float32, it must be float64"),
    ]:
        with pytest.raises(error) as caught:
            call()
        assert words in str(caught.value)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", UPDATES)
def test_states_of_a_dead_unit_become_zero(name, dtype):
    """A gradient that stays 0 leaves no subnormal numbers behind, on which updates take many times as long."""
    states, update = UPDATES[name]
    least = np.finfo(dtype).smallest_normal
    for isa in kernels.isas():
        kernels.set_isa(isa)
        row = [np.ones(9, dtype), np.zeros(9, dtype), *[np.full(9, 1.5 * least, dtype) for _ in range(states)]]
        table, lr, step = kernels.optimizer_table([row]), np.array(0.0), np.array(0)
        for _ in range(1000):
            update(table, lr, step)
            assert all(((np.abs(state) >= least) | (state == 0)).all() for state in row[2:])
        assert np.isfinite(row[0]).all()


def test_a_divisor_without_eps_is_kept():
    """With eps = 0 a second moment of 0 would make 0 / 0 of a parameter whose gradient has become 0."""
    row = [np.ones(3, np.float32), np.zeros(3, np.float32), *[np.full(3, 1e-38, np.float32) for _ in range(2)]]
    table, lr, step = kernels.optimizer_table([row]), np.array(0.1), np.array(10)
    for _ in range(200):
        table.adam(lr, step, 0.9, 0.999, 0.0, 0.0, False)
    assert np.isfinite(row[0]).all() and (row[3] > 0).all()
