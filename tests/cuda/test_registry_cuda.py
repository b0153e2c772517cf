"""Every op on the CUDA kernels: on a GPU, and compiled for the CPU (tests/emulator), where most machines have none.

A row is skipped, and says which kernel is missing, where its room has no CUDA half yet.
"""

from __future__ import annotations

import dataclasses
import re

import check
import numpy as np
import pytest
from registry import ROWS
from rows import Array, Row, Sample
from wxb.device import Device

every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
differentiable = pytest.mark.parametrize("row", [r for r in ROWS if r.grad], ids=lambda row: row.name)
MOST = 30_000  # elements of a sample: a thread of the emulator is thousands of times slower than one of a GPU


def small(row: Row) -> Row:
    """Return the row without its large samples."""

    def size(sample: Sample) -> int:
        return sum(a.size for a in check.flat(list(sample)) if isinstance(a, Array))

    return dataclasses.replace(row, samples=lambda rng: [s for s in row.samples(rng) if size(s) <= MOST])


@every_row
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_matches_the_oracle(row: Row, dtype: type, gpu: Device) -> None:
    with check.unless_missing():
        check.matches_oracle(small(row), dtype)


@differentiable
def test_gradient_is_the_directional_derivative(row: Row, gpu: Device) -> None:
    with check.unless_missing():
        assert check.directional_derivative(small(row)) > 0


@differentiable
def test_float32_gradients_match_float64(row: Row, gpu: Device) -> None:
    with check.unless_missing():
        check.float32_gradients(small(row))


@every_row
def test_replay_equals_eager(row: Row, gpu: Device) -> None:
    with check.unless_missing():
        check.replay_equals_eager(small(row), np.float32)


@pytest.mark.parametrize("row", [r for r in ROWS if r.special], ids=lambda row: row.name)
def test_special_values(row: Row, gpu: Device) -> None:
    with check.unless_missing():
        check.special_values(small(row), np.float32)


@pytest.mark.parametrize("row", [r for r in ROWS if r.exact], ids=lambda row: row.name)
def test_exact_on_small_integers(row: Row, gpu: Device) -> None:
    with check.unless_missing():
        check.exact_on_integers(small(row), np.float32)
        check.exact_gradients(small(row))


@pytest.mark.parametrize(
    ("row", "number"),
    [pytest.param(row, i, id=f"{row.name}-{i}") for row in ROWS for i in range(len(row.errors))],
)
def test_bad_input(row: Row, number: int, gpu: Device) -> None:
    fault = row.errors[number]
    words = re.escape(fault.message)
    if fault.error is IndexError:  # of what lies on the device the host knows only what a kernel reports
        words += r"|at position \d+ an index or label is out of range"
    with check.unless_missing(), pytest.raises(fault.error, match=words):
        row.op(*fault.args())
