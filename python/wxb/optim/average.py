"""The exponential mean of a model's weights, kept beside them within the step."""

from __future__ import annotations

import numpy

from .. import watch
from ..nn.module import Module
from ..tensor import Parameter, Tensor

__all__ = ["ExponentialAverage"]


class ExponentialAverage:
    """Keep in one model the exponential mean of another's weights, ``a += (1 - decay) (p - a)`` at every ``step()``.

    Polyak, Juditsky 1992; of a GAN's generator as in Yazıcı et al. 2018, arXiv:1806.04498. ``average`` is a model of
    the same layers, and begins as a copy of ``model``; running statistics are averaged as weights are. A step is one
    launch, may be captured, and does nothing after an error within the step. Raises ``ValueError`` where the models
    differ, and unless 0 <= decay < 1.
    """

    def __init__(self, average: Module, model: Module, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"exponential average: decay is {decay}, it must be at least 0 and below 1")
        if average is model:
            raise ValueError("exponential average: average and model are one; build a second model")
        average.load_state_dict(model.state_dict())
        self.averages, rows = [], []
        for mean, now in zip(_floats(average), _floats(model), strict=True):
            self.averages.append(mean)
            rows.append([mean.data, now.data])
        device = self.averages[0].device
        self._table = device.kernels.optimizer_table(rows)
        # Gradient descent on (a - p)² / 2: SGD's kernel, with p for the gradient and both signs turned.
        self._lr = device.array(decay - 1, numpy.dtype(numpy.float64))
        self._step = device.array(0, numpy.dtype(numpy.int64))

    def step(self) -> None:
        """Move the average towards the model."""
        self._table.sgd(self._lr, self._step, 0.0, -1.0, False)
        recorder = watch.local.recorder
        for mean in self.averages:
            mean.version += 1
            if recorder is not None:
                recorder.note_moved(mean)


def _floats(model: Module) -> list[Tensor]:
    both = [*model.named_parameters(), *model.named_buffers()]
    return [t for _, t in both if isinstance(t, Parameter) or t.dtype.kind == "f"]
