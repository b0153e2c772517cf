"""Every op, in every way that the registry and check.py know."""

from __future__ import annotations

import inspect

import check
import numpy as np
import pytest
from registry import ROWS
from rows import Row
from wxb import ops

every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
differentiable = pytest.mark.parametrize("row", [r for r in ROWS if r.grad], ids=lambda row: row.name)


def test_every_op_has_a_row() -> None:
    exported = {name for name in ops.__all__ if inspect.isfunction(getattr(ops, name))}
    assert exported == {row.function for row in ROWS}


@every_row
def test_float32_matches_the_oracle(row: Row, isa: str, poisoned: None) -> None:
    check.matches_oracle(row, np.float32)


@every_row
def test_float64_matches_the_oracle(row: Row, poisoned: None) -> None:
    check.matches_oracle(row, np.float64)


@pytest.mark.parametrize("row", [r for r in ROWS if r.exact], ids=lambda row: row.name)
def test_exact_on_small_integers(row: Row, isa: str, poisoned: None) -> None:
    check.exact_on_integers(row, np.float32)
    check.exact_gradients(row)


@differentiable
def test_gradient_is_the_directional_derivative(row: Row, poisoned: None) -> None:
    assert check.directional_derivative(row) > 0


@differentiable
def test_float32_gradients_match_float64(row: Row, isa: str, poisoned: None) -> None:
    check.float32_gradients(row)


@every_row
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_replay_equals_eager(row: Row, dtype: type) -> None:
    check.replay_equals_eager(row, dtype)


@every_row
@pytest.mark.parametrize("layout", check.LAYOUTS)
def test_layout_makes_no_difference(row: Row, layout: str) -> None:
    check.layout_makes_no_difference(row, layout)


@pytest.mark.parametrize("row", [r for r in ROWS if r.special], ids=lambda row: row.name)
def test_special_values(row: Row, isa: str) -> None:
    check.special_values(row, np.float32)


@every_row
def test_threads_make_no_difference(row: Row, isa: str) -> None:
    check.threads_make_no_difference(row, np.float32)


@every_row
def test_threads_make_no_difference_in_float64(row: Row) -> None:
    check.threads_make_no_difference(row, np.float64)


@every_row
def test_failed_allocations(row: Row) -> None:
    check.survives_failed_allocations(row)


@pytest.mark.parametrize(
    ("row", "number"),
    [pytest.param(row, i, id=f"{row.name}-{i}") for row in ROWS for i in range(len(row.errors))],
)
def test_bad_input(row: Row, number: int) -> None:
    fault = row.errors[number]
    with pytest.raises(fault.error) as caught:
        row.op(*fault.args())
    assert fault.message in str(caught.value)
    assert type(caught.value) is fault.error


@every_row
def test_what_is_no_tensor_gets_a_clear_error(row: Row) -> None:
    check.strangers_are_named(row)
