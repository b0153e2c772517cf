"""Whole trainings from scratch: the Trainer beside scikit-learn and Keras; the accuracy each reaches is the check."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy

from . import peers
from .kernels import Array
from .timing import Call, Contestants, Error, Workload
from .updates import LR

__all__ = ["fit"]

Part = tuple[Array, Array]


def in_wxb(training: Part, test: Part, sizes: Sequence[int], epochs: int, batch: int, captured: bool) -> Call:
    """Return wxb's: a call makes a network, trains it with the Trainer, and gives its accuracy on the test rows."""
    wxb = peers.module("wxb")

    def call() -> float:
        wxb.seed(0)
        layers = [wxb.nn.Linear(n, m, "relu") for n, m in zip(sizes[:-2], sizes[1:-1])]
        model = wxb.nn.Sequential(*layers, wxb.nn.Linear(*sizes[-2:]))
        optimizer = wxb.optim.Adam(model.parameters(), LR["adam"])
        trainer = wxb.Trainer(model, "cross_entropy", optimizer, capture=captured)
        trainer.fit(*training, epochs, batch, progress=False)
        return float((trainer.predict(test[0]).argmax(1) == test[1]).mean())

    return call


def in_sklearn(training: Part, test: Part, sizes: Sequence[int], epochs: int, batch: int) -> Call:
    """Return scikit-learn's, with the same layers, optimizer and epochs."""
    classifier = peers.module("sklearn.neural_network").MLPClassifier

    def call() -> float:
        model = classifier(
            tuple(sizes[1:-1]),
            batch_size=batch,
            learning_rate_init=LR["adam"],
            alpha=0.0,
            max_iter=epochs,
            n_iter_no_change=epochs + 1,
            tol=0.0,
            random_state=0,
        )
        with warnings.catch_warnings():  # that all epochs were used is what was asked for
            warnings.simplefilter("ignore")
            return float(model.fit(*training).score(*test))

    return call


def in_keras(training: Part, test: Part, sizes: Sequence[int], epochs: int, batch: int, compiled: bool) -> Call:
    """Return Keras's, an epoch as one execution; ``compiled``: each call trains one network anew, compiled once."""
    keras = peers.module("keras")
    steps = -(-len(training[0]) // batch)

    def build() -> Any:
        keras.utils.clear_session(free_memory=False)
        keras.utils.set_random_seed(0)
        layers = [keras.layers.Dense(n, "relu") for n in sizes[1:-1]]
        model = keras.Sequential([keras.Input((sizes[0],)), *layers, keras.layers.Dense(sizes[-1])])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(LR["adam"]), loss, steps_per_execution=steps)
        model.optimizer.build(model.trainable_variables)
        return model

    def train(model: Any) -> float:
        model.fit(*training, batch, epochs, verbose=0)
        return float((model.predict_on_batch(test[0]).argmax(1) == test[1]).mean())

    if not compiled:
        return lambda: train(build())
    model = build()
    state = [*model.variables, *model.optimizer.variables]
    first = [numpy.array(variable) for variable in state]

    def call() -> float:
        for variable, value in zip(state, first):
            variable.assign(value)
        return train(model)

    return call


def fit(
    name: str, training: Part, test: Part, hidden: Sequence[int], epochs: int, batch: int, reached: float
) -> Workload:
    """Return the workload of a training with Adam; who gets less than the accuracy ``reached`` is wrong."""
    sizes = (training[0].shape[1], *hidden, int(training[1].max()) + 1)
    task = (training, test, sizes, epochs, batch)

    def prepare() -> tuple[Contestants, Error]:
        contestants = {
            "wxb": lambda: in_wxb(*task, True),
            "wxb eager": lambda: in_wxb(*task, False),
            "sklearn": lambda: in_sklearn(*task),
            "keras": lambda: in_keras(*task, False),
            "keras compiled": lambda: in_keras(*task, True),
        }
        return contestants, lambda accuracy: max(0.0, reached - accuracy)

    title = f"fit {name} {'-'.join(map(str, sizes))} batch {batch}, {epochs} epochs"
    products = sum(n * m for n, m in zip(sizes, sizes[1:]))
    flops = 2.0 * len(training[0]) * epochs * (3 * products - sizes[0] * sizes[1])
    return Workload(title, prepare, tolerance=0.0, flops=flops)
