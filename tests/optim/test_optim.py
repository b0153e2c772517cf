"""Optimizers: PyTorch's numbers, which parameters are updated, state, and what is refused."""

import numpy as np
import pytest
from wxb import optim
from wxb.device import cpu
from wxb.errors import CaptureError
from wxb.tensor import Tensor, parameter, tensor

SHAPES = [(16, 2), (16,), (3, 5), ()]
PAIRS = {
    "sgd": (lambda p: optim.SGD(p, 0.1, weight_decay=0.1), "SGD", {"weight_decay": 0.1}),
    "momentum": (lambda p: optim.SGD(p, 0.1, momentum=0.9), "SGD", {"momentum": 0.9}),
    "nesterov": (
        lambda p: optim.SGD(p, 0.1, 0.9, 0.1, nesterov=True),
        "SGD",
        {"momentum": 0.9, "weight_decay": 0.1, "nesterov": True},
    ),
    "adam": (lambda p: optim.Adam(p, 0.1, weight_decay=0.1), "Adam", {"weight_decay": 0.1}),
    "betas": (lambda p: optim.Adam(p, 0.1, (0.5, 0.9), 1e-3), "Adam", {"betas": (0.5, 0.9), "eps": 1e-3}),
    "adamw": (lambda p: optim.AdamW(p, 0.1), "AdamW", {}),
    "rmsprop": (lambda p: optim.RMSprop(p, 0.1, weight_decay=0.1), "RMSprop", {"weight_decay": 0.1}),
    "rmsprop all": (
        lambda p: optim.RMSprop(p, 0.1, 0.9, momentum=0.9, centered=True),
        "RMSprop",
        {"alpha": 0.9, "momentum": 0.9, "centered": True},
    ),
}


def parameters(dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    return [parameter(rng.standard_normal(s), dtype, f"p{i}") for i, s in enumerate(SHAPES)]


def give(p, gradient):
    p.grad_buffer()[...] = gradient
    p.held = True


@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-5), (np.float64, 1e-12)])
@pytest.mark.parametrize("name", PAIRS)
def test_the_numbers_are_torchs(name, dtype, tolerance):
    torch = pytest.importorskip("torch")
    make, theirs, options = PAIRS[name]
    ours = parameters(dtype)
    copies = [torch.nn.Parameter(torch.from_numpy(p.numpy())) for p in ours]
    mine, other = make(ours), getattr(torch.optim, theirs)(copies, 0.1, **options)
    rng = np.random.default_rng(1)
    for step in range(10):
        mine.lr = other.param_groups[0]["lr"] = 0.1 / (1 + step)
        for p, copy in zip(ours, copies):
            gradient = rng.standard_normal(p.shape).astype(dtype)
            give(p, gradient)
            copy.grad = torch.from_numpy(np.array(gradient))
        mine.step()
        mine.zero_grad()
        other.step()
    for p, copy in zip(ours, copies):
        np.testing.assert_allclose(p.numpy(), copy.detach().numpy(), rtol=tolerance, atol=tolerance)
    assert mine.steps == 10


def test_only_parameters_with_a_gradient_are_updated():
    ps = parameters()
    optimizer = optim.SGD(ps, 1.0)
    before = [p.numpy() for p in ps]
    optimizer.step()
    assert optimizer.steps == 0
    give(ps[1], 1.0)
    optimizer.step()
    assert [p.version for p in ps] == [0, 1, 0, 0]
    assert [(p.numpy() != b).all() for p, b in zip(ps, before)] == [False, True, False, False]
    assert ps[1].held
    optimizer.zero_grad()
    assert ps[1].grad is None


def test_clip_norm_and_clip_grad_norm():
    torch = pytest.importorskip("torch")
    a, b, rng = parameters(), parameters(), np.random.default_rng(2)
    clipped, plain = optim.SGD(a, 1.0, clip_norm=0.5), optim.SGD(b, 1.0)
    gradients = [rng.standard_normal(s).astype(np.float32) for s in SHAPES]
    for ps in (a, b):
        for p, g in zip(ps, gradients):
            give(p, g)
    copies = [torch.nn.Parameter(torch.zeros(s)) for s in SHAPES]
    for copy, g in zip(copies, gradients):
        copy.grad = torch.from_numpy(np.array(g))
    want = torch.nn.utils.clip_grad_norm_(copies, 0.5)
    norm = optim.clip_grad_norm(b, 0.5)
    assert isinstance(norm, Tensor) and float(norm) == pytest.approx(float(want), rel=1e-6)
    for p, copy in zip(b, copies):
        np.testing.assert_allclose(p.grad.numpy(), copy.grad.numpy(), rtol=1e-5)
    clipped.step()
    plain.step()
    assert [p.numpy().tobytes() for p in a] == [p.numpy().tobytes() for p in b]


def test_parameters_belong_to_one_optimizer_and_count_once():
    ps = parameters()
    optimizer = optim.Adam([*ps, ps[0]])
    assert len(optimizer.parameters) == 4
    with pytest.raises(ValueError, match=r"parameter 0 \('p2', shape \(3, 5\)\) already belongs to another optimizer"):
        optim.SGD(ps[2:])
    del optimizer
    optim.SGD(ps[2:])


def test_state_goes_to_a_new_optimizer_and_never_moves():
    a, b = parameters(), parameters()
    first, second = optim.Adam(a, 0.1), optim.Adam(b, 0.2)
    held = list(second._states["first_moment"])
    rng = np.random.default_rng(4)
    gradients = [[rng.standard_normal(s) for s in SHAPES] for _ in range(6)]

    def run(optimizer, steps):
        for step in steps:
            for p, g in zip(optimizer.parameters, gradients[step]):
                give(p, g)
            optimizer.step()

    run(first, range(3))
    state = first.state_dict()
    assert {"lr", "step", "0.first_moment", "3.second_moment"} < set(state) and len(state) == 10
    second.load_state_dict(state)
    for p, q in zip(a, b):
        q[...] = p
    run(first, range(3, 6))
    run(second, range(3, 6))
    assert second.lr == 0.1 and second.steps == 6
    assert [p.numpy().tobytes() for p in a] == [p.numpy().tobytes() for p in b]
    assert all(x is y for x, y in zip(held, second._states["first_moment"]))
    assert state["step"] == 3  # a copy


def test_a_state_that_does_not_fit_changes_nothing():
    optimizer, other = optim.Adam(parameters(), 0.1), optim.SGD(parameters(), 0.3, 0.9)
    wrong = {
        **optimizer.state_dict(),
        "lr": np.array(0.7),
        "1.first_moment": np.zeros(3, np.float32),
        "what": np.zeros(1),
    }
    del wrong["step"]
    with pytest.raises(ValueError) as caught:
        optimizer.load_state_dict(wrong)
    for words in (
        "step is missing",
        "what is not part of this Adam",
        "1.first_moment has shape (3,), it must be (16,)",
    ):
        assert words in str(caught.value)
    with pytest.raises(ValueError, match=r"0\.first_moment is missing"):
        optimizer.load_state_dict(other.state_dict())
    with pytest.raises(ValueError, match="lr is -1"):
        optimizer.load_state_dict({**optimizer.state_dict(), "lr": np.array(-1.0)})
    assert optimizer.lr == 0.1


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda p: optim.SGD([]), ValueError, "optimizer: there are no parameters"),
        (lambda p: optim.SGD(p[0]), TypeError, "optimizer: parameters is Parameter, it must be a list of Tensors"),
        (lambda p: optim.SGD(3), TypeError, "optimizer: parameters is int"),
        (lambda p: optim.SGD([p[0], np.zeros(3)]), TypeError, "optimizer: parameter 1 is ndarray, it must be a Tensor"),
        (lambda p: optim.SGD([tensor([1, 2])]), TypeError, "optimizer: parameter 0 (shape (2,)) is int64 on cpu"),
        (
            lambda p: optim.SGD([p[0], parameter([1.0], "float64")]),
            TypeError,
            "parameter 1 (shape (1,)) is float64 on cpu",
        ),
        (lambda p: optim.SGD(p, -1), ValueError, "sgd: lr is -1.0, it must be at least 0 and finite"),
        (lambda p: optim.SGD(p, np.nan), ValueError, "sgd: lr is nan"),
        (lambda p: optim.SGD(p, "0.1"), TypeError, "sgd: lr is '0.1', it must be a number"),
        (lambda p: optim.SGD(p, momentum=1), ValueError, "sgd: momentum is 1.0, it must be at least 0 and below 1"),
        (lambda p: optim.SGD(p, nesterov=True), ValueError, "sgd: nesterov=True wants a momentum above 0"),
        (lambda p: optim.SGD(p, weight_decay=-1), ValueError, "sgd: weight_decay is -1.0"),
        (lambda p: optim.SGD(p, clip_norm=0), ValueError, "sgd: clip_norm is 0.0, it must be above 0, or None"),
        (
            lambda p: optim.Adam(p, betas=(0.9, 1.0)),
            ValueError,
            "adam: betas is 1.0, it must be at least 0 and below 1",
        ),
        (lambda p: optim.AdamW(p, betas=0.9), ValueError, "adamw: betas is 0.9, it must be two numbers"),
        (lambda p: optim.Adam(p, eps=-1e-8), ValueError, "adam: eps is -1e-08"),
        (lambda p: optim.RMSprop(p, alpha=1), ValueError, "rmsprop: alpha is 1.0"),
        (lambda p: setattr(optim.Adam(p), "betas", (0.9, -0.1)), ValueError, "adam: betas is -0.1"),
        (lambda p: setattr(optim.Adam(p), "lr", -0.1), ValueError, "adam: lr is -0.1"),
        (lambda p: optim.clip_grad_norm(p, 1.0), ValueError, "clip_grad_norm: no parameter holds a gradient"),
        (lambda p: optim.clip_grad_norm(p[0], 1.0), TypeError, "clip_grad_norm: parameters is a Tensor"),
    ],
)
def test_what_is_refused(make, error, words):
    ps = parameters()
    with pytest.raises(error) as caught:
        make(ps)
    assert words in str(caught.value)
    if isinstance(caught.value, ValueError) and "owner" not in words:
        del caught
        optim.SGD(ps)  # a constructor that failed has taken no parameter


def test_momentum_set_later_says_what_to_do():
    ps = parameters()
    optimizer = optim.SGD(ps, 0.1)
    optimizer.momentum = 0.9
    give(ps[0], 1.0)
    with pytest.raises(ValueError, match="make the optimizer with the hyper-parameters it is to have"):
        optimizer.step()


def test_host_access_while_recording():
    optimizer = optim.SGD(parameters(), 0.1)
    state = optimizer.state_dict()
    with cpu.kernels.Plan():
        for call in (
            lambda: setattr(optimizer, "lr", 0.2),
            optimizer.state_dict,
            lambda: optimizer.load_state_dict(state),
        ):
            with pytest.raises(CaptureError, match="inside a captured step"):
                call()
    assert optimizer.lr == 0.1


def test_signature_has_the_hyper_parameters_but_not_lr():
    optimizer = optim.Adam(parameters(), 0.1)
    before = optimizer.signature()
    optimizer.lr = 0.2
    assert optimizer.signature() == before
    optimizer.betas = (0.5, 0.9)
    assert optimizer.signature() != before


@pytest.mark.parametrize("name", ["nesterov", "adam", "adamw", "rmsprop all"])
def test_groups_have_torchs_numbers(name):
    torch = pytest.importorskip("torch")
    _, theirs, options = PAIRS[name]
    options = {"weight_decay": 0.1, **options}
    ours = parameters()
    copies = [torch.nn.Parameter(torch.from_numpy(p.numpy())) for p in ours]
    scales = [(1.0, 1.0), (64.0, 0.0), (0.5, 2.0)]
    parts = [slice(0, 2), slice(2, 3), slice(3, 4)]
    mine = getattr(optim, theirs)(
        [{"params": ours[p], "lr_scale": a, "weight_decay_scale": b} for p, (a, b) in zip(parts, scales)],
        0.01,
        **options,
    )
    groups = [
        {"params": copies[p], "lr": a * 0.01, "weight_decay": b * options["weight_decay"]}
        for p, (a, b) in zip(parts, scales)
    ]
    other = getattr(torch.optim, theirs)(groups, **{k: v for k, v in options.items() if k != "weight_decay"})
    rng = np.random.default_rng(1)
    for _ in range(5):
        for p, copy in zip(ours, copies):
            gradient = rng.standard_normal(p.shape).astype(np.float32)
            give(p, gradient)
            copy.grad = torch.from_numpy(np.array(gradient))
        mine.step()
        mine.zero_grad()
        other.step()
    for p, copy in zip(ours, copies):
        np.testing.assert_allclose(p.numpy(), copy.detach().numpy(), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(
    "group, message",
    [
        ({"params": [], "lr": 1}, r"a group is \['lr', 'params'\], it must be a dict of params and of lr_scale"),
        ({"lr_scale": 1}, "a group is"),
        ({"params": [], "lr_scale": -1}, "scales are"),
        (3, "a group is int"),
    ],
)
def test_bad_groups(group, message):
    with pytest.raises(ValueError, match=message):
        optim.SGD([{"params": parameters()}, group])
