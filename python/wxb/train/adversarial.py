"""AdversarialTrainer: a generator and a discriminator that learn from each other, both in one captured step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy

from .. import ops
from ..data import Loader
from ..nn.module import Module
from ..optim import Adam, ExponentialAverage, Optimizer
from ..tensor import Tensor, tensor
from .callbacks import Callback
from .diagnosis import explained
from .step import Step
from .trainer import Array, Trainer, _input, _on_host, _wrapped

__all__ = ["ADVERSARIAL_LOSSES", "AdversarialLoss", "AdversarialTrainer"]


@dataclass(frozen=True)
class AdversarialLoss:
    """What each side lowers: the discriminator f(real, fake), of logits, and the generator f(fake)."""

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


def _surprise(logits: Tensor) -> Tensor:
    """Return the mean of -log σ(x)."""
    return ops.mean(ops.softplus(ops.negative(logits)))


def _short_of_one(logits: Tensor) -> Tensor:
    """Return the mean of max(0, 1 - x)."""
    return ops.mean(ops.relu(ops.subtract(1.0, logits)))


ADVERSARIAL_LOSSES = {
    # -log D(x) - log(1 - D(g)), and -log D(g): Goodfellow et al. 2014, arXiv:1406.2661
    "non_saturating": AdversarialLoss(
        lambda real, fake: ops.add(_surprise(real), _surprise(ops.negative(fake))), _surprise
    ),
    # max(0, 1 - D(x)) + max(0, 1 + D(g)), and -D(g): Lim, Ye 2017, arXiv:1705.02894; for spectral normalisation
    "hinge": AdversarialLoss(
        lambda real, fake: ops.add(_short_of_one(real), _short_of_one(ops.negative(fake))),
        lambda fake: ops.negative(ops.mean(fake)),
    ),
}

# What a step measures: both losses, the mean logits of real and generated pictures, and how much those vary over the
# batch, as a share of how much these do.
FIGURES = ("d_loss", "g_loss", "real", "fake", "variety")


class AdversarialTrainer(Trainer):
    """Train a generator to make what a discriminator takes for real (Goodfellow et al. 2014, arXiv:1406.2661).

    generator: codes (N, code) -> samples; discriminator: samples -> logits (N, 1). With ``classes`` the codes end in a
    label as a one-hot vector, (N, code + classes), the logits are (N, classes), of which the label's counts, and
    ``fit`` takes samples and labels. loss: "non_saturating", "hinge" or an ``AdversarialLoss``; losses with a gradient
    penalty need gradients of second order, which wxb has not. optimizers: the generator's and the discriminator's, Adam
    of 2e-4 and betas (0.5, 0.999) unless given. average: another model like the generator; it becomes the exponential
    mean of its weights, and ``trainer.model``, which ``predict(codes)`` asks. precision: as for ``Trainer``, of all of
    these networks. Samples of uint8 are scaled to -1 ... 1.

    A step is this, captured as a Trainer's is, with the same bits::

        fake = generator(ops.normal((n, code)))
        d_optimizer.step(loss.discriminator(discriminator(real), discriminator(fake)))
        g_optimizer.step(loss.generator(discriminator(fake)))
        average.step()

    ``fit(ArrayDataset(x), epochs=10)``; the history has d_loss, g_loss, real and fake (mean logits), and variety, the
    variance of generated samples as a share of that of real ones.
    """

    def __init__(
        self,
        generator: Module,
        discriminator: Module,
        code: int,
        classes: int = 0,
        loss: str | AdversarialLoss = "non_saturating",
        optimizers: tuple[Optimizer, Optimizer] | None = None,
        average: Module | None = None,
        decay: float = 0.999,
        capture: bool = True,
        precision: str | None = None,
    ) -> None:
        if not isinstance(loss, AdversarialLoss) and loss not in ADVERSARIAL_LOSSES:
            known = ", ".join(ADVERSARIAL_LOSSES)
            raise ValueError(f"trainer: loss {loss!r} is not one of {known}, nor an AdversarialLoss")
        if code < 1 or classes < 0:
            raise ValueError(f"trainer: code is {code}, classes {classes}; wanted at least 1, and 0 or more")
        self.game = loss if isinstance(loss, AdversarialLoss) else ADVERSARIAL_LOSSES[loss]
        self.generator, self.discriminator = generator, discriminator
        self.code, self.classes = code, classes
        if optimizers is None:
            first, second = (Adam(net.parameters(), 2e-4, (0.5, 0.999)) for net in (generator, discriminator))
            optimizers = first, second
        self.d_optimizer = optimizers[1]
        self._mean = None if average is None else ExponentialAverage(average, generator, decay)
        self.figures: dict[str, float] = {}  # of the last update
        whole = generator if average is None else average
        super().__init__(whole, self.game.discriminator, optimizers[0], capture=capture, precision=precision)
        if precision is not None:
            for network in (generator, discriminator):
                network.set_precision(precision)

    def _parts(self) -> dict[str, Any]:
        networks = {"generator": self.generator, "discriminator": self.discriminator}
        return super()._parts() | networks | {"d_optimizer": self.d_optimizer}

    def _train_epoch(self, loader: Loader, callbacks: list[Callback], progress: bool) -> dict[str, float]:
        self.generator.train()
        self.discriminator.train()
        totals, count = numpy.zeros(len(FIGURES)), 0
        for number, batch in enumerate(self._progress(loader, progress)):
            figures = self._update(batch, f"epoch {self.epoch + 1}, batch {number + 1}")
            self.figures = dict(zip(FIGURES, map(float, figures)))
            self.steps += 1
            totals, count = totals + figures * len(batch[0]), count + len(batch[0])
            for callback in callbacks:
                callback.on_batch_end(self)
        self.model.eval()
        return dict(zip(FIGURES, map(float, totals / count)))

    def _update(self, batch: tuple[Array, ...], place: str) -> Array:
        inputs, rng = self._inputs(batch), self.model.device.rng.copy()
        try:
            return _on_host(self._step("train")(*inputs))
        except (FloatingPointError, IndexError) as error:
            raise self._explained(error, place, inputs[0], rng) from error

    def _inputs(self, batch: tuple[Array, ...]) -> list[Tensor]:
        device = self.model.device
        real = _input(batch[0], self._dtype(), device)
        if not self.classes:
            return [real]
        if len(batch) < 2 or batch[1].dtype.kind not in "iu":
            raise TypeError(f"fit: the trainer has {self.classes} classes; pass samples and labels, which are integers")
        return [real, _wrapped(batch[1], numpy.dtype(numpy.int64), device)]

    def _explained(self, error: Exception, place: str, real: Tensor, rng: Array) -> Exception:
        codes = tensor(numpy.zeros((len(real), self.code + self.classes)), self._dtype(), device=real.device)
        for model, x in ((self.generator, codes), (self.discriminator, _signed(real))):
            found = explained(error, place, model, lambda y, _: ops.mean(y), (x, x), rng)
            if isinstance(error, IndexError) or "layer's output is finite" not in str(found):
                return found
        return FloatingPointError(f"fit: {place}: a loss is not finite, both networks' outputs are: look at the loss")

    def _make_step(self, name: str) -> Any:
        if name != "train":
            return super()._make_step(name)
        step = _adversarial_step(self)
        parts = list(self._parts().values())
        return Step(step, lambda: parts, self._arena) if self.capture else step

    def _measure(self, loader: Loader) -> dict[str, float]:
        raise TypeError("trainer: two networks have no loss to compare; measure samples, wxb.train.frechet_distance")


def _adversarial_step(trainer: AdversarialTrainer) -> Callable[..., Tensor]:
    generator, discriminator, average = trainer.generator, trainer.discriminator, trainer._mean
    g_optimizer, d_optimizer = trainer.optimizer, trainer.d_optimizer
    game, code, classes = trainer.game, trainer.code, trainer.classes

    def step(x: Tensor, labels: Tensor | None = None) -> Tensor:
        real = _signed(x)
        codes = ops.normal((len(real), code), dtype=real.dtype, device=real.device)
        chosen = None
        if labels is not None:
            chosen = ops.one_hot(labels, classes, real.dtype)
            codes = ops.concat([codes, chosen], 1)
        fake = generator(codes)
        of_real, of_fake = _logits(discriminator, real, chosen), _logits(discriminator, fake, chosen)
        d_loss = game.discriminator(of_real, of_fake)
        d_optimizer.step(ops.check_finite(d_loss))
        g_loss = game.generator(_logits(discriminator, fake, chosen))
        g_optimizer.step(ops.check_finite(g_loss))
        if average is not None:
            average.step()
        variety = ops.divide(_spread(fake), _spread(real))
        return ops.stack([t.detach() for t in (d_loss, g_loss, ops.mean(of_real), ops.mean(of_fake), variety)])

    return step


def _signed(x: Tensor) -> Tensor:
    """Return pictures of uint8 as numbers from -1 to 1, others as they are."""
    if x.dtype.kind == "f":
        return x
    return ops.subtract(ops.multiply(ops.cast(x, "float32"), 2 / 255), 1.0)


def _logits(discriminator: Module, x: Tensor, chosen: Tensor | None) -> Tensor:
    """Return a logit for each sample, (N,): that of its class, where there are classes."""
    logits = discriminator(x)
    return ops.sum(logits if chosen is None else ops.multiply(logits, chosen), 1)


def _spread(x: Tensor) -> Tensor:
    """Return the mean over all features of their variance over the batch."""
    return ops.mean(ops.var(x.detach(), 0))


class CollapseWatch(Callback):
    """Say, once and in a line each, when a GAN has stopped to learn: when for ``patience`` updates in a row

    - the discriminator's loss was below ``won``: it tells everything apart, and its gradient vanishes;
    - the mean logits of real and generated samples were nearer than ``blind``: it sees no difference at all;
    - generated samples varied less than ``same`` times as much as real ones: whatever the code, one picture.

    say: what is called with the line. ``said`` keeps the lines.
    """

    def __init__(
        self,
        patience: int = 300,
        won: float = 0.02,
        blind: float = 0.01,
        same: float = 0.05,
        say: Callable[[str], None] = print,
    ) -> None:
        if patience < 1:
            raise ValueError(f"collapse watch: patience is {patience}, it must be at least 1")
        self.patience, self.won, self.blind, self.same, self.say = patience, won, blind, same, say
        self.said: list[str] = []

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Forget an earlier training."""
        if not isinstance(trainer, AdversarialTrainer):
            raise TypeError(f"collapse watch: trainer is a {type(trainer).__name__}, it must be an AdversarialTrainer")
        self.said, self._counts = [], [0, 0, 0]

    def on_batch_end(self, trainer: Trainer) -> None:
        """Look at the last update."""
        assert isinstance(trainer, AdversarialTrainer)
        figures = trainer.figures
        signs = (
            figures["d_loss"] < self.won,
            abs(figures["real"] - figures["fake"]) < self.blind,
            figures["variety"] < self.same,
        )
        for i, sign in enumerate(signs):
            self._counts[i] = self._counts[i] + 1 if sign else 0
            if self._counts[i] == self.patience and not any(line.startswith(_SIGNS[i][0]) for line in self.said):
                self.said.append(f"{_SIGNS[i][0]} {self.patience} updates up to the {trainer.steps}th; {_SIGNS[i][1]}")
                self.say(self.said[-1])


_SIGNS = (
    (
        "the discriminator has won: it told real and generated samples apart for",
        "the generator learns nothing from it: give it a smaller lr, or bound it by spectral normalisation",
    ),
    (
        "the discriminator has collapsed: it saw no difference between real and generated samples for",
        "the generator learns nothing from it: give both a smaller lr, and look whether the data vary",
    ),
    (
        "the generator has collapsed: its samples hardly varied for",
        "give it a smaller lr, or the discriminator more width",
    ),
)
