"""Another device than the CPU, as users see it: the emulated one stands for the GPU. What a GPU alone has is CuPy's."""

from __future__ import annotations

import numpy as np
import pytest
import wxb
from check import unless_missing
from wxb import nn, ops, optim
from wxb.device import Device, cpu


@pytest.fixture
def there(emulated: Device, monkeypatch: pytest.MonkeyPatch) -> Device:
    """The emulated device, while the CPU stays the default."""
    monkeypatch.delenv("WXB_DEVICE")
    return emulated


def test_tensors_are_made_and_moved(there: Device) -> None:
    x = wxb.tensor([[1.0, 2.0]], device="emulated", requires_grad=True)
    assert x.device is there and wxb.parameter([1.0], device=there).device is there
    assert wxb.scalar(2.0, device=there).device is there
    y = x.to("cpu")
    assert y.device is cpu and y.requires_grad and y.tolist() == [[1.0, 2.0]] and x.to(there) is x
    x[0, 1] = 5.0
    assert float((x * 2)[0, 1].item() if hasattr(there.kernels, "slice_forward") else 2 * x.numpy()[0, 1]) == 10.0


def test_results_and_gradients_stay_there(there: Device) -> None:
    x = wxb.tensor([3.0], device=there, requires_grad=True)
    y = x * x + 1
    assert y.device is there and y.detach().device is there
    y.backward()
    assert x.grad is not None and x.grad.numpy().tolist() == [6.0]


def test_two_devices_do_not_mix(there: Device) -> None:
    with pytest.raises(TypeError, match=r"add: Tensors lie on emulated and cpu; use .to\(\)"):
        wxb.tensor([1.0], device=there) + wxb.tensor([1.0])


@pytest.mark.parametrize("name", ["cuda:1", "cuda:7"])
def test_only_the_first_gpu(name: str) -> None:
    with pytest.raises(wxb.CudaError, match=f"wxb uses GPU 0; set CUDA_VISIBLE_DEVICES={name[-1]}"):
        wxb.device(name)


def test_the_default_device(there: Device) -> None:
    wxb.set_default_device("emulated")
    try:
        assert wxb.device() is there and nn.Linear(2, 3).device is there and wxb.tensor([1]).device is there
    finally:
        wxb.set_default_device(None)
    assert wxb.device() is cpu and nn.Linear(2, 3).device is cpu
    with pytest.raises(ValueError, match="name is 'tpu'"):
        wxb.set_default_device("tpu")
    assert wxb.device() is cpu


def test_a_model_moves_before_its_optimizer_is_made(there: Device) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    before = model.state_dict()
    assert model.device is cpu and model.to("emulated") is model
    assert {t.device for _, t in model._named_tensors()} == {there}
    assert all(np.array_equal(before[name], array) for name, array in model.state_dict().items())
    optimizer = optim.SGD(model.parameters(), 0.1)
    assert optimizer.device is there
    with pytest.raises(ValueError, match=r"parameter '0.weight' belongs to an optimizer; move the model before"):
        model.to("cpu")
    model.load_state_dict(before)
    assert all(np.array_equal(before[name], array) for name, array in model.state_dict().items())


def test_a_plan_belongs_to_its_device(there: Device) -> None:
    weight = wxb.parameter([2.0, 3.0], device=there)
    step = wxb.capture(lambda x: x * weight)
    for value in (1.0, 2.0, 3.0):
        y = step(wxb.tensor([value, value], device=there))
        assert y.device is there and y.numpy().tolist() == [2 * value, 3 * value]
    assert [plan.device for plan in step.plans] == [there]
    mixed = wxb.capture(lambda x: (x * 2, weight * 2))
    mixed(wxb.tensor([1.0]))
    with pytest.raises(wxb.CaptureError, match="the step computes on cpu and on emulated; keep it on one device"):
        mixed(wxb.tensor([1.0]))


def test_the_seed_is_every_device_s(there: Device) -> None:
    with unless_missing():
        for dev in (cpu, there):
            wxb.seed(5)
            assert ops.uniform(7, device=dev).numpy().tobytes() == _drawn_on_cpu()


def _drawn_on_cpu() -> bytes:
    wxb.seed(5)
    return ops.uniform(7).numpy().tobytes()


def data() -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).standard_normal((96, 6)).astype("float32")
    return x, (x[:, 0] * x[:, 1] > 0).astype("int64")


def network() -> nn.Module:
    wxb.seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 2))


def trained(device: str, capture: bool = True) -> tuple[wxb.Trainer, dict[str, np.ndarray]]:
    model = network()
    model.to(device)
    trainer = wxb.Trainer(model, "cross_entropy", optim.Adam(model.parameters(), 0.01, clip_norm=1.0), capture=capture)
    wxb.seed(1)
    trainer.fit(*data(), epochs=3, batch_size=32)
    return trainer, model.state_dict()


def test_training_there_is_training_here(there: Device) -> None:
    """Same data, seed and random numbers; only roundings differ. Captured equals eager, bit for bit."""
    with unless_missing():
        trainer, got = trained("emulated")
        assert len(trainer.plans) == 1 and trainer.plans[0].device is there
        _, eager = trained("emulated", capture=False)
        _, wanted = trained("cpu")
        for name, array in got.items():
            assert np.array_equal(array, eager[name]), name
            assert np.allclose(array, wanted[name], atol=1e-5), name
        x, y = data()
        assert trainer.predict(x).shape == (96, 2) and trainer.evaluate(x, y)["loss"] < 0.7


def test_the_trainer_moves_the_model(there: Device) -> None:
    trainer = wxb.Trainer(network(), device="emulated")
    assert trainer.model.device is there and trainer.optimizer.device is there


def test_a_checkpoint_goes_on_elsewhere(there: Device, tmp_path) -> None:
    with unless_missing():
        trainer, _ = trained("emulated")
        trainer.save(tmp_path / "half.safetensors")
        drawn = int(there.rng[1])
        again = wxb.Trainer(network(), "cross_entropy", device="cpu")
        again.load(tmp_path / "half.safetensors")
        for name, array in again.model.state_dict().items():
            assert np.array_equal(array, trainer.model.state_dict()[name])
        assert again.optimizer.steps == trainer.optimizer.steps and cpu.rng[1] == drawn > 0


def test_a_bad_label_is_named(there: Device) -> None:
    with unless_missing():
        x, y = data()
        y[50] = 7
        trainer = wxb.Trainer(network(), "cross_entropy", device="emulated")
        with pytest.raises(IndexError, match="out of range"):
            trainer.fit(x, y, epochs=1)
