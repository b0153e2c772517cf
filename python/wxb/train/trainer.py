"""Trainer: the plain loop of training, with progress, validation, callbacks and checkpoints."""

from __future__ import annotations

import os
import sys
import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy

from .. import ops
from ..autograd import no_grad
from ..data import ArrayDataset, Loader
from ..device import Device, cpu
from ..io import load, save
from ..nn.module import Module, evaluating
from ..optim import Adam, Optimizer
from ..tensor import Tensor, as_array, tensor
from .callbacks import Callback
from .diagnosis import explained
from .history import History
from .metrics import METRICS
from .outcomes import Outcomes
from .plan import Plan
from .step import Step
from .verdict import judge

__all__ = ["LOSSES", "Trainer"]

Loss = Callable[[Tensor, Tensor], Tensor]
Metric = Callable[[Any, Any], float]
Array = numpy.ndarray[Any, Any]

LOSSES: dict[str, Loss] = {
    "cross_entropy": ops.cross_entropy,
    "nll": ops.nll,
    "mse": ops.mse,
    "mae": ops.mae,
    "huber": ops.huber,
    "bce_with_logits": ops.bce_with_logits,
}
_LABELLED = {"cross_entropy", "nll"}  # their targets are class numbers


class Trainer:
    """Train a model: ``Trainer(model, "cross_entropy", optimizer, ["accuracy"]).fit(x, y, epochs=10)``.

    loss: a name (cross_entropy, nll, mse, mae, huber, bce_with_logits) or a function of prediction and target Tensors.
    optimizer: Adam with its defaults unless given. metrics: names (accuracy, top_5_accuracy, precision, recall, f1,
    ece, mae, rmse, r2) or functions of prediction and target arrays. What ``fit`` does is this loop and no more::

        for x, y in loader:
            loss = loss_function(model(x), y)
            optimizer.step(loss)

    The step is captured (``wxb.capture``): Python runs for the first three batches of each shape, and replays of the
    recorded kernels give the same bits from then on. A step that cannot be repeated so runs eagerly, and a warning
    says why. ``capture=False`` runs every step eagerly. ``device="cuda"`` moves the model there first; otherwise it is
    trained where it lies. ``precision="tf32"`` or ``"bf16"`` lets a GPU round the factors of the model's products
    (``Module.set_precision``: weights and sums stay float32, the CPU computes in float32); otherwise it stays the
    model's own.
    """

    def __init__(
        self,
        model: Module,
        loss: str | Loss = "cross_entropy",
        optimizer: Optimizer | None = None,
        metrics: Sequence[str | Metric] = (),
        capture: bool = True,
        device: str | Device | None = None,
        precision: str | None = None,
    ) -> None:
        if not isinstance(model, Module):
            raise TypeError(f"trainer: model is a {type(model).__name__}, it must be a Module")
        if device is not None:
            model.to(device)
        if precision is not None:
            model.set_precision(precision)
        if not callable(loss) and loss not in LOSSES:
            raise ValueError(f"trainer: loss {loss!r} is not one of {', '.join(LOSSES)}, nor a function")
        self.model = model
        self.loss: Loss = loss if callable(loss) else LOSSES[loss]
        self._labels = loss in _LABELLED if isinstance(loss, str) else None  # None: whatever dtype the targets have
        self.metrics = dict(_named(metric) for metric in metrics)
        self.optimizer = optimizer if optimizer is not None else Adam(model.parameters())
        self.history = History()
        self.epoch = 0  # epochs done in all
        self.steps = 0  # updates done in all
        self.stop = False
        self.capture = capture
        self._steps: dict[str, Any] = {}
        self._made_of: Any = None
        self._arena: Any = None

    def fit(
        self,
        x: Any,
        y: Any = None,
        epochs: int = 10,
        batch_size: int = 32,
        validation: Any = None,
        callbacks: Iterable[Callback] = (),
        shuffle: bool = True,
        seed: int = 0,
        progress: bool | None = None,
    ) -> History:
        """Train for ``epochs`` further epochs and return the history of all of them.

        x, y: arrays (N, ...) and (N, ...), or a Loader or data set as x alone. validation: (x, y), a Loader or a data
        set, measured after every epoch; the history's ``gap`` is its loss less that of training, which is the mean over
        the epoch, with dropout and augmentation. seed: of the order of the samples. progress: a bar per epoch, and at
        the end a line that names over- or underfitting (`wxb.train.judge`); by default on terminals.

        Raises ``FloatingPointError``, before any update, when the loss is not finite, naming the first layer. On a GPU
        it may be seen up to 15 batches later, and says so; weights are still those before the bad step.
        """
        loader = _loader(x, y, batch_size, shuffle, seed)
        measured = None if validation is None else _loader(*_pair(validation), max(batch_size, 256), False, 0)
        if not isinstance(epochs, int) or epochs < 0:
            raise ValueError(f"fit: epochs is {epochs!r}, it must be an integer from 0 on")
        called, self.stop = list(callbacks), False
        progress = sys.stderr.isatty() if progress is None else progress
        for callback in called:
            callback.on_fit_begin(self)
        try:
            for _ in range(epochs):
                if self.stop:
                    break
                loader.set_epoch(self.epoch)
                began = time.perf_counter()
                figures = self._train_epoch(loader, called, progress)
                if measured is not None:
                    figures |= {f"val_{name}": value for name, value in self._measure(measured).items()}
                    figures["gap"] = figures["val_loss"] - figures["loss"]
                figures |= {"lr": self.optimizer.lr, "seconds": time.perf_counter() - began}
                self.epoch += 1
                self.history.append(figures)
                for callback in called:
                    callback.on_epoch_end(self, figures)
        finally:
            for callback in called:
                callback.on_fit_end(self)
        if progress and (verdict := judge(self.history)) is not None:
            print(verdict, file=sys.stderr)
        return self.history

    def evaluate(self, x: Any, y: Any = None, batch_size: int = 256) -> dict[str, float]:
        """Return the loss and the metrics over ``x, y`` (as for ``fit``) in eval mode."""
        return self._measure(_loader(x, y, batch_size, False, 0))

    def predict(self, x: Any, batch_size: int = 256) -> Array:
        """Return the model's outputs for ``x`` (N, ...) in eval mode, as one array."""
        loader = x if isinstance(x, Loader) else Loader(ArrayDataset(_array(x)), batch_size, prefetch=0)
        dtype, step, device = self._dtype(), self._step("predict"), self.model.device
        with evaluating(self.model), no_grad():
            return numpy.concatenate([_on_host(step(_input(batch[0], dtype, device))) for batch in loader])

    @property
    def plans(self) -> list[Plan]:
        """The plans of the training step, one per shape of batch: ``trainer.plans[0].summary(profile=True)``."""
        step = self._steps.get("train")
        return step.plans if isinstance(step, Step) else []

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write weights, optimizer, random state and epoch to one safetensors file, whole or not at all."""
        parts, device = self._parts().items(), self.model.device
        arrays = {f"{part}.{name}": array for part, thing in parts for name, array in thing.state_dict().items()}
        arrays["rng"] = device.host(device.rng)
        save(arrays, path, {"format": "wxb-trainer-1", "epoch": str(self.epoch), "steps": str(self.steps)})

    def load(self, path: str | os.PathLike[str]) -> None:
        """Restore what ``save`` wrote, so that ``fit`` goes on as if it had never stopped.

        Raises ``ValueError`` for a file of something else, or of another model; nothing is changed then.
        """
        arrays, meta = load(path)
        if meta.get("format") != "wxb-trainer-1" or "rng" not in arrays:
            raise ValueError(f"trainer: {path} is no checkpoint of a Trainer; model weights go to load_state_dict")
        parts = self._parts()
        before = {part: thing.state_dict() for part, thing in parts.items()}
        try:
            for part, thing in parts.items():
                thing.load_state_dict(_part(arrays, f"{part}."))
        except (ValueError, TypeError):
            for part, thing in parts.items():
                thing.load_state_dict(before[part])
            raise
        device = self.model.device
        device.write(device.rng, arrays["rng"])
        self.epoch, self.steps = int(meta["epoch"]), int(meta["steps"])

    def _parts(self) -> dict[str, Any]:
        """Return what a checkpoint holds, by the first word of its arrays' names."""
        return {"model": self.model, "optimizer": self.optimizer}

    # ---- one epoch ----

    def _train_epoch(self, loader: Loader, callbacks: list[Callback], progress: bool) -> dict[str, float]:
        self.model.train()
        dtype, step, device = self._dtype(), self._step("train"), self.model.device
        outcomes, last = Outcomes(device), len(loader)
        for number, (x, y) in enumerate(self._progress(loader, progress), 1):
            batch, rng = (_input(x, dtype, device), self._target(y, dtype, device)), device.rng.copy()
            try:
                loss, outputs = step(*batch)
                outcomes.add(loss, outputs, y, len(x))
                if number == last:
                    outcomes.read()
            except (FloatingPointError, IndexError) as error:
                place, late = f"epoch {self.epoch + 1}, batch {number}", number - outcomes.batches
                raise explained(error, place, self.model, self.loss, batch, rng, late) from error
            self.steps += 1
            for callback in callbacks:
                callback.on_batch_end(self)
        return {"loss": outcomes.mean_loss()} | self._scores(outcomes.seen)

    def _measure(self, loader: Loader) -> dict[str, float]:
        dtype, step, device = self._dtype(), self._step("measure"), self.model.device
        outcomes = Outcomes(device)
        with evaluating(self.model), no_grad():
            for x, y in loader:
                loss, outputs = step(_input(x, dtype, device), self._target(y, dtype, device))
                outcomes.add(loss, outputs, y, len(x))
        return {"loss": outcomes.mean_loss()} | self._scores(outcomes.seen)

    def _step(self, name: str) -> Any:
        """Return what is done with a batch: "train", "measure" or "predict", captured unless that is off."""
        made_of = (
            self.model,
            self.model.device,
            self.loss,
            weakref.ref(self.optimizer),
            bool(self.metrics),
            self.capture,
        )
        if made_of != self._made_of:
            self._made_of, self._steps, self._arena = made_of, {}, self.model.device.kernels.Arena()
        if name not in self._steps:
            self._steps[name] = self._make_step(name)
        return self._steps[name]

    def _make_step(self, name: str) -> Any:
        model, _, loss_of, optimizer, measured, captured = self._made_of

        def train(x: Tensor, y: Tensor) -> Any:
            outputs = model(x)
            loss = loss_of(outputs, y)
            optimizer().step(ops.check_finite(loss))
            return loss, outputs if measured else None

        def measure(x: Tensor, y: Tensor) -> Any:
            outputs = model(x)
            return loss_of(outputs, y), outputs if measured else None

        def parts() -> list[Any]:  # the optimizer may be deleted
            return [part for part in (model, optimizer() if name == "train" else None) if part is not None]

        step = {"train": train, "measure": measure, "predict": model}[name]
        return Step(step, parts, self._arena) if captured else step

    def _scores(self, seen: list[tuple[Array, Array]]) -> dict[str, float]:
        """Return the metrics over all batches at once: most are no means of batches."""
        if not self.metrics:
            return {}
        predictions, targets = (numpy.concatenate(arrays) for arrays in zip(*seen))
        return {name: float(metric(predictions, targets)) for name, metric in self.metrics.items()}

    def _dtype(self) -> numpy.dtype[Any]:
        return next((p.dtype for p in self.model.parameters()), numpy.dtype(numpy.float32))

    def _target(self, y: Array, dtype: numpy.dtype[Any], device: Device) -> Tensor:
        if self._labels or (self._labels is None and y.dtype.kind in "iu"):
            if y.dtype.kind not in "iu":
                raise TypeError(f"fit: targets have dtype {y.dtype}, class labels must be integers; convert them first")
            return _wrapped(y, numpy.dtype(numpy.int64), device)
        return _wrapped(y, dtype, device)

    def _progress(self, loader: Loader, progress: bool) -> Iterable[tuple[Any, ...]]:
        if not progress:
            return loader
        from tqdm.auto import tqdm

        last = {name: self.history[name][-1] for name in self.history if name not in ("seconds", "lr")}
        shown = {name: f"{value:{'+' if name == 'gap' else ''}.4f}" for name, value in last.items()}
        bar: Iterable[tuple[Any, ...]] = tqdm(loader, f"epoch {self.epoch + 1}", leave=False, postfix=shown)
        return bar


class _Rows(ArrayDataset):
    """Arrays that only a Loader indexes: its row numbers need no check, which took longer than to fetch a batch."""

    def __getitem__(self, rows: Any) -> tuple[Array, ...]:
        return tuple([array.take(rows, 0) for array in self.arrays])


def _named(metric: str | Metric) -> tuple[str, Metric]:
    if callable(metric):
        return getattr(metric, "__name__", "metric"), metric
    if metric not in METRICS:
        raise ValueError(f"trainer: metric {metric!r} is not one of {', '.join(METRICS)}, nor a function")
    return metric, METRICS[metric]


def _array(x: Any) -> Array:
    return x if isinstance(x, numpy.ndarray) and x.dtype.kind in "fiub" else as_array(x)


def _wrapped(array: Array, dtype: numpy.dtype[Any] | None, device: Device) -> Tensor:
    """Return a batch as a Tensor, on its own memory if it can be: a plan copies it to its own anyway."""
    array = as_array(array, dtype)
    if device is not cpu:
        return tensor(array, array.dtype, device=device)
    if not (array.flags.aligned and array.flags.c_contiguous):
        array = array.copy()
    return Tensor(array)


def _input(x: Array, dtype: numpy.dtype[Any], device: Device) -> Tensor:
    return _wrapped(x, dtype if x.dtype.kind == "f" else None, device)


def _on_host(t: Tensor) -> Array:
    return t.data if t.device is cpu else t.numpy()


def _pair(data: Any) -> tuple[Any, Any]:
    return (data[0], data[1]) if isinstance(data, (tuple, list)) and len(data) == 2 else (data, None)


def _loader(x: Any, y: Any, batch_size: int, shuffle: bool, seed: int) -> Loader:
    if isinstance(x, Loader):
        return x
    dataset = _Rows(_array(x), _array(y)) if y is not None else x
    if y is None and (isinstance(x, (numpy.ndarray, list, tuple, Tensor)) or not hasattr(x, "__getitem__")):
        raise TypeError(f"fit: x is a {type(x).__name__} without y; pass y=, a Loader, or ArrayDataset(x, y)")
    return Loader(dataset, batch_size, shuffle, seed=seed, prefetch=0)


def _part(arrays: dict[str, Array], prefix: str) -> dict[str, Array]:
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}
