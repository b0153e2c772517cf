"""char-lm: a network that reads and writes text character by character, tiny Shakespeare or a text of your own."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy

from .. import models, nn, ops, optim
from ..autograd import no_grad
from ..data import Characters, ContinuedText, Loader, tiny_shakespeare
from ..device import seed as set_seed
from ..models.rnn import CharRNN
from ..tensor import tensor
from ..train import Callback, Estimate, LRSchedule, Trainer, bootstrap, capture
from .run import Options, Run, SavedRun, Stopwatch

__all__ = ["predict", "sample", "train"]

STEPS = 64  # characters that gradients go back
HELD_OUT = 0.1  # the end of the text
SHOWN = 200  # characters of the samples that training prints


def train(options: Options) -> dict[str, Any]:
    """Train an LSTM on the first nine tenths of the text and measure it on the rest, in nats per character."""
    options = options.chosen(epochs=10, lr=4e-3, batch_size=64)
    assert options.epochs is not None and options.lr is not None and options.batch_size is not None
    text = tiny_shakespeare(options.data) if options.file is None else _read(options.file)
    characters = Characters(text)
    training, validation = _loaders(characters.encode(text), options.batch_size)
    model = {"kind": "char_rnn", "vocabulary": len(characters), "hidden": 512, "dropout": 0.25}
    run = Run("char-lm", options)
    with Stopwatch() as watch:
        network = models.build(model)
        assert isinstance(network, CharRNN)
        optimizer = optim.Adam(network.parameters(), options.lr, clip_norm=1.0)
        trainer = Trainer(network, "cross_entropy", optimizer, precision=options.precision)
        callbacks: list[Callback] = [_Progress(network, characters)]
        if updates := options.epochs * len(training):
            callbacks.append(LRSchedule(optim.OneCycleSchedule(optimizer, options.lr, updates)))
        trainer.fit(training, epochs=options.epochs, validation=validation, callbacks=callbacks)
    nats = bootstrap(numpy.mean, _nats(network, trainer, validation))
    perplexity = Estimate(*(math.exp(value) for value in nats))
    config = {"model": model, "characters": characters.symbols, "input": {"shape": [STEPS], "dtype": "int64"}}
    result = run.finish(trainer, {"val_loss": nats, "val_perplexity": perplexity}, watch.seconds, config)
    if trainer.history.epochs:
        run.draw_history(trainer.history)
    return result


def _nats(network: CharRNN, trainer: Trainer, text: Loader) -> numpy.ndarray[Any, Any]:
    """Return the mean loss of each of the rows that a text is read in: characters near each other share their luck."""
    network.reset()
    logits, y = trainer.predict(text), numpy.concatenate([batch[1] for batch in text])
    losses = [ops.cross_entropy(tensor(z), tensor(c)).item() for z, c in zip(logits, y)]
    nats: numpy.ndarray[Any, Any] = numpy.reshape(losses, (-1, text.batch_size)).mean(0)
    return nats


def predict(run: SavedRun, files: Sequence[str]) -> list[dict[str, Any]]:
    """Return how well the network foretells each text: its loss in nats per character, and the perplexity."""
    rows = []
    for file in files:
        codes = Characters(run.config["characters"]).encode(_read(file))
        assert isinstance(run.model, CharRNN)
        run.model.reset()
        loss = Trainer(run.model, "cross_entropy").evaluate(Loader(ContinuedText(codes, 1, min(256, len(codes) - 1))))
        nats = loss["loss"]
        rows.append({"file": file, "nats": round(nats, 4), "perplexity": round(math.exp(nats), 3)})
    return rows


def sample(
    run: SavedRun, prompt: str, length: int, temperature: float = 0.8, top_k: int | None = None, seed: int = 0
) -> Iterator[str]:
    """Yield the prompt and ``length`` characters that the network goes on with."""
    if length < 0:
        raise ValueError(f"sample: length is {length}, it must not be negative")
    set_seed(seed)
    yield prompt
    yield from _written(run.model, Characters(run.config["characters"]), prompt, length, temperature, top_k)


def _read(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"char-lm: {file} is no text in UTF-8 ({error.reason} at byte {error.start})") from None


def _loaders(codes: Any, batch_size: int) -> tuple[Loader, Loader]:
    cut = len(codes) - round(HELD_OUT * len(codes))
    if len(codes) - cut <= batch_size * STEPS:
        raise ValueError(
            f"char-lm: the text has {len(codes)} characters, wanted more than {round(batch_size * STEPS / HELD_OUT)} "
            f"for {batch_size} rows of {STEPS}; take a longer text or a smaller batch_size"
        )
    parts = (ContinuedText(part, batch_size, STEPS) for part in (codes[:cut], codes[cut:]))
    first, second = (Loader(part, batch_size, prefetch=0) for part in parts)
    return first, second


class _Progress(Callback):
    """Says after every epoch where the training stands and what the network writes, and begins the text again."""

    def __init__(self, network: CharRNN, characters: Characters) -> None:
        self.network, self.characters = network, characters

    def on_fit_begin(self, trainer: Trainer) -> None:
        self.network.reset()

    def on_epoch_end(self, trainer: Trainer, figures: dict[str, float]) -> None:
        validation = figures["val_loss"]
        print(
            f"epoch {trainer.epoch}: training {figures['loss']:.4f}, validation {validation:.4f} nats per character, "
            f"perplexity {math.exp(validation):.3f}, {figures['seconds']:.1f} s"
        )
        text = "".join(_written(self.network, self.characters, self.characters.symbols[0], SHOWN, 0.8, None))
        print("    " + text.strip().replace("\n", "\n    ") + "\n", flush=True)
        self.network.reset()


def _written(
    network: nn.Module, characters: Characters, prompt: str, length: int, temperature: float, top_k: int | None
) -> Iterator[str]:
    """Yield what the network writes after the prompt, character by character."""
    codes = characters.encode(prompt or characters.symbols[0])
    assert isinstance(network, CharRNN)
    network.reset()
    step = capture(network)
    with nn.module.evaluating(network), no_grad():
        logits = network(tensor(codes[None]))[0, -1]
        for _ in range(length):
            code = nn.sample(logits, temperature, top_k)
            yield characters.decode(code.numpy())
            logits = step(tensor(numpy.reshape(code.numpy(), (1, 1))))[0, -1]
