"""AdversarialTrainer: its step against the hand-written one and torch's, checkpoints, collapse, and bad input."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wxb
from wxb import models, nn, ops, optim
from wxb.data import ArrayDataset, Loader
from wxb.train import AdversarialTrainer, CollapseWatch, Trainer

CODE, SHAPE = 8, (8, 8, 1)
RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (48, *SHAPE)).astype(np.uint8)
LABELS = np.arange(48) % 3


def networks(classes: int = 0, spectral: bool = False) -> tuple[nn.Module, nn.Module, nn.Module]:
    """Return a generator, one for its average, and a discriminator."""
    wxb.seed(1)
    generator, average = (models.dcgan_generator(SHAPE, CODE, (8, 6), classes) for _ in range(2))
    return generator, average, models.dcgan_discriminator(SHAPE, (6, 8), classes, spectral)


def loader(batch: int = 16) -> Loader:
    return Loader(ArrayDataset(PICTURES, LABELS), batch, True, drop_last=True, seed=2)


def by_hand(classes: int, hinge: bool, epochs: int) -> list[dict[str, np.ndarray]]:
    """Return the states of generator, average and discriminator after the loop that the docstring shows."""
    generator, average, discriminator = networks(classes, hinge)
    to_g, to_d = (optim.Adam(net.parameters(), 2e-3, (0.5, 0.999)) for net in (generator, discriminator))
    mean = optim.ExponentialAverage(average, generator, 0.9)
    average.eval()
    batches = loader()
    wxb.seed(7)
    for _ in range(epochs):
        for x, y in batches:
            real = wxb.tensor(x).astype("float32") * (2 / 255) - 1.0
            codes, labels = ops.normal((len(x), CODE)), ops.one_hot(wxb.tensor(y), max(1, classes)) if classes else None
            fake = generator(ops.concat([codes, labels], 1) if classes else codes)

            def logits(x: Any, labels: Any = labels) -> Any:
                scores = discriminator(x)
                return ops.sum(ops.multiply(scores, labels) if classes else scores, 1)

            if hinge:
                d_loss = ops.mean(ops.relu(1.0 - logits(real))) + ops.mean(ops.relu(1.0 + logits(fake.detach())))
            else:
                d_loss = ops.mean(ops.softplus(-logits(real))) + ops.mean(ops.softplus(logits(fake.detach())))
            d_loss.backward()
            to_d.step()
            to_d.zero_grad()
            g_loss = -ops.mean(logits(fake)) if hinge else ops.mean(ops.softplus(-logits(fake)))
            g_loss.backward()
            to_g.step()
            to_g.zero_grad()
            to_d.zero_grad()
            mean.step()
    return [net.state_dict() for net in (generator, average, discriminator)]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("classes, hinge", [(0, False), (3, True)])
def test_captured_is_the_hand_written_order(threads: int, classes: int, hinge: bool) -> None:
    count = wxb.num_threads()
    wxb.set_num_threads(threads)
    want = by_hand(classes, hinge, 4)
    for capture in (True, False):
        generator, average, discriminator = networks(classes, hinge)
        optimizers = [optim.Adam(net.parameters(), 2e-3, (0.5, 0.999)) for net in (generator, discriminator)]
        loss = "hinge" if hinge else "non_saturating"
        trainer = AdversarialTrainer(
            generator, discriminator, CODE, classes, loss, (optimizers[0], optimizers[1]), average, 0.9, capture
        )
        wxb.seed(7)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # it does not fall back to running eagerly
            history = trainer.fit(loader(), epochs=4)
        assert len(trainer.plans) == (1 if capture else 0)
        assert trainer.steps == 12 and {"d_loss", "g_loss", "real", "fake", "variety"} <= set(history)
        for net, state in zip((generator, average, discriminator), want):
            for name, array in net.state_dict().items():
                assert array.tobytes() == state[name].tobytes(), f"{name}, capture={capture}"
    wxb.set_num_threads(count)


def test_the_losses_are_torchs() -> None:
    """One network on both sides: the losses and gradients that torch's own functions give."""
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    real, fake = RNG.standard_normal((2, 9)).astype(np.float32) * 2
    theirs = {
        "non_saturating": (
            lambda r, f: (
                functional.binary_cross_entropy_with_logits(r, torch.ones_like(r))
                + functional.binary_cross_entropy_with_logits(f, torch.zeros_like(f))
            ),
            lambda f: functional.binary_cross_entropy_with_logits(f, torch.ones_like(f)),
        ),
        "hinge": (lambda r, f: functional.relu(1 - r).mean() + functional.relu(1 + f).mean(), lambda f: -f.mean()),
    }
    for name, (of_d, of_g) in theirs.items():
        ours = wxb.train.ADVERSARIAL_LOSSES[name]
        a, b = (wxb.tensor(x, requires_grad=True) for x in (real, fake))
        c, d = (torch.tensor(x, requires_grad=True) for x in (real, fake))
        for mine, other in (
            (ours.discriminator(a, b), of_d(c, d)),
            (ours.generator(b), of_g(d)),
        ):
            assert mine.item() == pytest.approx(other.item(), rel=1e-6)
            mine.backward()
            other.backward()
        np.testing.assert_allclose(a.grad.numpy(), c.grad.numpy(), rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(b.grad.numpy(), d.grad.numpy(), rtol=1e-5, atol=1e-7)


def test_it_resumes_bit_by_bit(tmp_path: Path) -> None:
    states = []
    for stop in (False, True):
        generator, average, discriminator = networks()
        trainer = AdversarialTrainer(generator, discriminator, CODE, average=average)
        wxb.seed(3)
        trainer.fit(loader(), epochs=2 if stop else 4)
        if stop:
            trainer.save(tmp_path / "two.safetensors")
            generator, average, discriminator = networks()
            trainer = AdversarialTrainer(generator, discriminator, CODE, average=average)
            trainer.load(tmp_path / "two.safetensors")
            trainer.fit(loader(), epochs=2)
        assert trainer.epoch == 4
        states.append([a.tobytes() for net in (generator, average, discriminator) for a in net.state_dict().values()])
    assert states[0] == states[1]
    other = networks()[1]
    Trainer(other).save(tmp_path / "one.safetensors")
    with pytest.raises(ValueError, match=r"load_state_dict: .* is missing"):
        trainer.load(tmp_path / "one.safetensors")
    after = [a.tobytes() for net in (generator, average, discriminator) for a in net.state_dict().values()]
    assert after == states[1]


class _Fixed(nn.Module):
    """A generator that gives one picture, whatever the code."""

    def __init__(self) -> None:
        self.picture = wxb.parameter(np.zeros((1, *SHAPE)))

    def forward(self, codes: Any) -> Any:
        return ops.add(ops.multiply(ops.reshape(ops.sum(codes, 1), (-1, 1, 1, 1)), 0.0), self.picture)


def _constant() -> nn.Module:
    """Return a discriminator that gives every picture the same logit."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 1, init="zeros"))


@pytest.mark.parametrize(
    ("generator", "discriminator", "rates", "words"),
    [
        (_Fixed, lambda: networks()[2], (0.0, 0.05), "the discriminator has won"),
        (lambda: networks()[0], _constant, (0.0, 0.0), "the discriminator has collapsed"),
        (_Fixed, lambda: networks()[2], (1e-3, 1e-3), "the generator has collapsed"),
    ],
)
def test_collapse_is_said(generator: Any, discriminator: Any, rates: tuple[float, float], words: str) -> None:
    wxb.seed(0)
    first, second = generator(), discriminator()
    optimizers = optim.Adam(first.parameters(), rates[0]), optim.Adam(second.parameters(), rates[1])
    trainer, lines = AdversarialTrainer(first, second, CODE, optimizers=optimizers), []
    watch = CollapseWatch(patience=10, say=lines.append)
    trainer.fit(loader(), epochs=20, callbacks=[watch])
    said = [line for line in lines if line.startswith(words)]
    assert len(said) == 1 and lines == watch.said and "\n" not in said[0]
    assert "10 updates up to the" in said[0]


def test_a_healthy_gan_is_left_alone() -> None:
    generator, _, discriminator = networks()
    watch = CollapseWatch(patience=20, blind=1e-4, same=1e-4)  # at first its pictures are all nearly grey
    AdversarialTrainer(generator, discriminator, CODE).fit(loader(), epochs=10, callbacks=[watch])
    assert watch.said == []


def test_bad_input() -> None:
    generator, average, discriminator = networks(3)
    with pytest.raises(ValueError, match="loss 'wgan' is not one of non_saturating, hinge, nor an AdversarialLoss"):
        AdversarialTrainer(generator, discriminator, CODE, loss="wgan")
    with pytest.raises(ValueError, match="code is 0, classes 0"):
        AdversarialTrainer(generator, discriminator, 0)
    trainer = AdversarialTrainer(generator, discriminator, CODE, 3, average=average)
    for data in (ArrayDataset(PICTURES), ArrayDataset(PICTURES, LABELS / 2)):
        with pytest.raises(TypeError, match="the trainer has 3 classes; pass samples and labels, which are integers"):
            trainer.fit(data, epochs=1)
    with pytest.raises(IndexError, match="fit: epoch 1, batch 1: one_hot"):
        trainer.fit(PICTURES, LABELS + 1, epochs=1)
    with pytest.raises(TypeError, match="two networks have no loss to compare"):
        trainer.evaluate(PICTURES, LABELS)
    broken = (PICTURES / 255).astype(np.float32)
    broken[5, 2, 3] = np.nan
    with pytest.raises(FloatingPointError, match=r"fit: loss is nan in epoch 1, batch \d: the input has NaN at"):
        trainer.fit(broken, LABELS, epochs=1)
    with pytest.raises(TypeError, match="trainer is a Trainer, it must be an AdversarialTrainer"):
        Trainer(average).fit(PICTURES, LABELS, epochs=1, callbacks=[CollapseWatch()])
    with pytest.raises(ValueError, match="patience is 0"):
        CollapseWatch(patience=0)


def test_weights_that_are_not_finite_are_named() -> None:
    generator, _, discriminator = networks()
    generator.layers[0].weight[0, 0] = np.inf
    trainer, before = AdversarialTrainer(generator, discriminator, CODE), discriminator.state_dict()
    with pytest.raises(FloatingPointError, match=r"in epoch 1, batch 1: parameter '0.weight' has an infinity"):
        trainer.fit(loader(), epochs=1)
    assert all((discriminator.state_dict()[name] == a).all() for name, a in before.items() if "weight" in name)
