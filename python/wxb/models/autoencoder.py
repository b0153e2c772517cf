"""Networks that give pictures back: from a part of them, or through a narrow code."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .. import nn, ops
from ..tensor import Tensor

__all__ = ["VAE", "masked_autoencoder", "vae"]


def masked_autoencoder(shape: Sequence[int] = (28, 28, 1), width: int = 32, code: int = 256) -> nn.Sequential:
    """Build a convolutional network that tells a picture from a part of it, through a code of ``code`` numbers.

    A denoising autoencoder (Vincent, Larochelle, Bengio, Manzagol 2008) whose noise is a region that is covered, as in
    Pathak et al. 2016, arXiv:1604.07379. Pictures with 0 where they are covered, and as a last channel 1 where they are
    not: (N, H, W, C + 1) -> logits of the whole picture (N, H, W, C). H and W must be multiples of 4.
    """
    height, across, channels = shape
    if height % 4 or across % 4 or min(shape) < 1:
        raise ValueError(f"masked_autoencoder: shape is {tuple(shape)}, height and width must be multiples of 4")
    small = (height // 4, across // 4, 2 * width)
    return nn.Sequential(
        nn.Conv2d(channels + 1, width, 3, 2, padding=1, activation="relu"),
        nn.Conv2d(width, 2 * width, 3, 2, padding=1, activation="relu"),
        nn.Flatten(),
        nn.Linear(math.prod(small), code, "relu"),
        nn.Linear(code, math.prod(small), "relu"),
        nn.Reshape(*small),
        nn.ConvTranspose2d(2 * width, width, 4, 2, padding=1, activation="relu"),
        nn.ConvTranspose2d(width, channels, 4, 2, padding=1),
    )


class VAE(nn.Module):
    """A variational autoencoder of vectors with values from 0 to 1 (Kingma, Welling 2013, arXiv:1312.6114).

    x (N, size) -> (N, size + 2 code): logits of x, then mean and logarithm of the variance of its code. While training
    the code is drawn from these, in ``eval()`` it is the mean.
    """

    def __init__(self, size: int, hidden: int, code: int) -> None:
        self.size, self.code = size, code
        self.encoder = nn.Sequential(nn.Linear(size, hidden, "relu"), nn.Linear(hidden, 2 * code))
        self.decoder = nn.Sequential(nn.Linear(code, hidden, "relu"), nn.Linear(hidden, size))

    def forward(self, x: Tensor) -> Tensor:
        """X (N, size) -> (N, size + 2 code)."""
        statistics: Tensor = self.encoder(x)
        z: Tensor = statistics[:, : self.code]  # type: ignore[index]
        if self.training:
            deviation = ops.exp(ops.multiply(statistics[:, self.code :], 0.5))  # type: ignore[index]
            z = ops.add(z, ops.multiply(deviation, ops.normal(z.shape, dtype=z.dtype, device=z.device)))
        return ops.concat([self.decoder(z), statistics], 1)

    def loss(self, outputs: Tensor, x: Tensor) -> Tensor:
        """Return the negative evidence lower bound, in nats a row: cross-entropy and divergence of the code."""
        logits, mean = outputs[:, : self.size], outputs[:, self.size : self.size + self.code]  # type: ignore[index]
        log_var = outputs[:, self.size + self.code :]  # type: ignore[index]
        terms = ops.subtract(ops.add(ops.multiply(mean, mean), ops.exp(log_var)), ops.add(log_var, 1.0))
        divergence = ops.multiply(ops.mean(terms), 0.5 * self.code)
        return ops.add(ops.multiply(ops.bce_with_logits(logits, x), float(self.size)), divergence)

    def complete(self, x: Tensor, known: Tensor, rounds: int = 20) -> Tensor:
        """Fill what is not known (known is 0 there) with what comes back of the rest, again and again.

        Rezende, Mohamed, Wierstra 2014, arXiv:1401.4082, appendix F. x and known (N, size) -> (N, size).
        """
        kept, missing = ops.multiply(x, known), ops.subtract(1.0, known)
        for _ in range(rounds):
            back = ops.sigmoid(self(x)[:, : self.size])
            x = ops.add(kept, ops.multiply(back, missing))
        return x


def vae(size: int = 784, hidden: int = 400, code: int = 20) -> VAE:
    """Build a variational autoencoder of ``size`` numbers with one hidden layer on either side of the code."""
    return VAE(size, hidden, code)
