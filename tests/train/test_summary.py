"""What a plan says of itself: launches, bytes, operations, memory, times, and a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import wxb
from networks import batches, bits, mlp, update
from wxb import nn, ops, optim
from wxb.train import Plan


def recorded() -> tuple[nn.Module, optim.Optimizer, Plan]:
    model = mlp(20, 16, 4, dropout=0.2)
    optimizer = optim.Adam(model.parameters(), clip_norm=1.0)
    run = wxb.capture(update(model, optimizer))
    for x, y in batches(4):
        run(x, y)
    return model, optimizer, run.plans[0]


def test_summary_adds_up() -> None:
    _, _, plan = recorded()
    summary = plan.summary()
    names = [row.name for row in summary.rows]
    assert names[0] == "linear" and names[-2:] == ["clip", "adam"] and "dropout_forward" in names
    assert summary.launches == len(plan) == len(names)
    assert summary.rows[0].bytes == 4 * (16 * 20 + 16 * 20 + 16 + 16 * 16)  # x, W, b, y
    assert summary.rows[0].operations == 2 * 16 * 20 * 16
    assert summary.bytes == sum(row.bytes for row in summary.rows) and summary.seconds is None
    assert summary.memory == plan.recorded.memory.reserved > 0
    phases = [row.phase for row in summary.rows]
    assert phases == sorted(phases, key=["forward", "backward", "update"].index) and set(phases) == {
        "forward",
        "backward",
        "update",
    }
    text = repr(summary)
    assert text.splitlines()[0] == f"{len(plan)} launches, {summary.memory / 1000:.3g} kB of memory"
    assert "us" not in text.splitlines()[1] and text.splitlines()[-1].startswith("all")


def test_profiling_changes_nothing() -> None:
    model, optimizer, plan = recorded()
    before = bits(model.parameters()), wxb.device("cpu").rng.tolist(), optimizer.steps
    summary = plan.summary(profile=True)
    assert (bits(model.parameters()), wxb.device("cpu").rng.tolist(), optimizer.steps) == before
    assert summary.seconds is not None and 0 < summary.seconds < 1
    assert all(row.seconds is not None and row.seconds > 0 for row in summary.rows)
    head, *lines = repr(summary).splitlines()[1:]
    assert head.split() == ["kernel", "bytes", "operations", "us", "share", "GFLOP/s"]
    assert all(len(line) == len(head) for line in lines)


@pytest.mark.parametrize("profile", [False, True])
def test_the_picture_of_a_step(tmp_path: Path, profile: bool) -> None:
    pytest.importorskip("matplotlib")
    _, _, plan = recorded()
    plan.draw(tmp_path / "step.png", profile)
    assert (tmp_path / "step.png").stat().st_size > 10_000


def test_pictures_of_the_smallest_and_of_many_launches(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    x = wxb.tensor(np.ones(4))
    one, none = wxb.capture(lambda x: ops.tanh(x)), wxb.capture(lambda x: x)

    @wxb.capture
    def many(x: wxb.Tensor) -> wxb.Tensor:
        for _ in range(300):
            x = ops.tanh(x)
        return x

    for run in (one, none, many):
        run(x)
        run(x)
    one.plans[0].draw(tmp_path / "one.svg")
    many.plans[0].draw(tmp_path / "many.pdf", profile=True)
    with pytest.raises(ValueError, match="step: there are no launches to draw"):
        none.plans[0].draw(tmp_path / "none.png")
    assert none.plans[0].summary(profile=True).launches == 0
    assert none(x).tolist() == [1, 1, 1, 1]
