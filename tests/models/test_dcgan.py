"""DCGAN's networks: shapes, sizes, descriptions, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
import wxb
from wxb import models, nn


@pytest.mark.parametrize("shape, widths", [((28, 28, 1), (8, 16)), ((32, 32, 3), (4, 8, 16)), ((12, 8, 3), (5, 6))])
@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("spectral", [False, True])
def test_shapes(shape: tuple[int, ...], widths: tuple[int, ...], classes: int, spectral: bool) -> None:
    wxb.seed(0)
    generator = models.build({"kind": "dcgan_generator", "shape": shape, "widths": widths[::-1], "classes": classes})
    discriminator = models.build(
        {"kind": "dcgan_discriminator", "shape": shape, "widths": widths, "classes": classes, "spectral": spectral}
    )
    pictures = generator(wxb.tensor(np.random.default_rng(0).standard_normal((5, 64 + classes))))
    assert pictures.shape == (5, *shape) and np.abs(pictures.numpy()).max() <= 1
    assert discriminator(pictures).shape == (5, max(1, classes))
    norms = [m for m in discriminator.modules() if isinstance(m, (nn.BatchNorm2d, nn.SpectralNorm))]
    assert len(norms) == (len(widths) + 1 if spectral else len(widths) - 1)


def test_bad_shapes() -> None:
    with pytest.raises(ValueError, match=r"dcgan_generator: shape is \(30, 28, 1\), .* multiples of 4"):
        models.dcgan_generator((30, 28, 1))
    with pytest.raises(ValueError, match="dcgan_discriminator: shape is"):
        models.dcgan_discriminator((28, 28))
    with pytest.raises(ValueError, match="dcgan_discriminator: widths are"):
        models.dcgan_discriminator(widths=())
