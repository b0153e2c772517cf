"""Schedules: PyTorch's numbers where it has them, joints, state, and what is refused."""

import numpy as np
import pytest
from wxb import optim
from wxb.tensor import parameter


def optimizer(lr=0.5):
    return optim.SGD([parameter([1.0])], lr)


def rates(schedule, steps):
    found = [schedule.optimizer.lr]
    for _ in range(steps):
        schedule.step()
        found.append(schedule.optimizer.lr)
    return found


@pytest.mark.parametrize(
    "ours, theirs, steps",
    [
        (lambda o: optim.StepSchedule(o, 3, 0.5), lambda t, o: t.StepLR(o, 3, 0.5), 20),
        (lambda o: optim.CosineSchedule(o, 20, 0.01), lambda t, o: t.CosineAnnealingLR(o, 20, 0.01), 20),
        (lambda o: optim.WarmupSchedule(o, 5, 0.25), lambda t, o: t.LinearLR(o, 0.25, 1.0, 5), 10),
        (lambda o: optim.OneCycleSchedule(o, 1.0, 40), lambda t, o: t.OneCycleLR(o, 1.0, 40), 39),
        (
            lambda o: optim.OneCycleSchedule(o, 1.0, 17, 0.1, 10, 100),
            lambda t, o: t.OneCycleLR(o, 1.0, 17, pct_start=0.1, div_factor=10, final_div_factor=100),
            16,
        ),
        (
            lambda o: optim.OneCycleSchedule(o, 1.0, 30, 0.2, 5, 3, anneal="linear"),
            lambda t, o: t.OneCycleLR(
                o, 1.0, 30, pct_start=0.2, div_factor=5, final_div_factor=3, anneal_strategy="linear"
            ),
            29,
        ),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_the_numbers_are_torchs(ours, theirs, steps):
    torch = pytest.importorskip("torch")
    other = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], 0.5, momentum=0.9)
    scheduler, want = theirs(torch.optim.lr_scheduler, other), [other.param_groups[0]["lr"]]
    for _ in range(steps):
        other.step()
        scheduler.step()
        want.append(other.param_groups[0]["lr"])
    np.testing.assert_allclose(rates(ours(optimizer()), steps), want, rtol=1e-9, atol=1e-12)


def test_warmup_then_cosine():
    o = optimizer(1.0)
    found = rates(optim.WarmupSchedule(o, 4, then=optim.CosineSchedule(o, 10)), 20)
    np.testing.assert_allclose(found[:6], [0, 0.25, 0.5, 0.75, 1, (1 + np.cos(np.pi / 10)) / 2])
    assert found[14:] == [0] * 7


def test_after_the_last_step_the_rate_stays():
    assert rates(optim.CosineSchedule(optimizer(), 5, 0.1), 9)[5:] == [0.1] * 5
    one = rates(optim.OneCycleSchedule(optimizer(), 1.0, 5), 9)
    assert one[4:] == [1 / 25 / 1e4] * 6
    assert rates(optim.OneCycleSchedule(optimizer(), 1.0, 1), 2)[1:] == [1 / 25 / 1e4] * 2


def test_state():
    first = optim.StepSchedule(optimizer(), 2)
    want = rates(first, 9)
    half = optim.StepSchedule(optimizer(), 2)
    rates(half, 4)
    second = optim.StepSchedule(optimizer(0.1), 2)
    second.load_state_dict(half.state_dict())
    assert rates(second, 5) == want[4:]
    with pytest.raises(ValueError, match="a schedule's state has base and count"):
        second.load_state_dict({"count": 3})


def test_a_schedule_of_ones_own():
    class Inverse(optim.Schedule):
        def __call__(self, count):
            return self.base / (1 + count)

    assert rates(Inverse(optimizer(1.0)), 3) == [1, 1 / 2, 1 / 3, 1 / 4]


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda o: optim.StepSchedule(o, 0), ValueError, "schedule: every is 0, it must be at least 1"),
        (lambda o: optim.StepSchedule(o, 1.5), TypeError, "schedule: every is 1.5, it must be an integer"),
        (lambda o: optim.StepSchedule(o, 1, -1), ValueError, "schedule: factor is -1, it must be from 0 to inf"),
        (lambda o: optim.CosineSchedule(o, 5, np.nan), ValueError, "schedule: low is nan"),
        (lambda o: optim.WarmupSchedule(o, 5, 2.0), ValueError, "schedule: start is 2.0, it must be from 0 to 1"),
        (lambda o: optim.OneCycleSchedule(o, np.inf, 5), ValueError, "schedule: max_lr is inf"),
        (lambda o: optim.OneCycleSchedule(o, 1.0, 5, rise=1.1), ValueError, "schedule: rise is 1.1"),
        (lambda o: optim.OneCycleSchedule(o, 1.0, 5, anneal="no"), ValueError, "schedule: anneal is 'no'"),
        (lambda o: optim.OneCycleSchedule(o, "1", 5), TypeError, "schedule: max_lr is '1', it must be a number"),
    ],
)
def test_what_is_refused(make, error, words):
    o = optimizer()
    with pytest.raises(error) as caught:
        make(o)
    assert words in str(caught.value) and o.lr == 0.5
