"""translate: captions from one language into another, learnt from 29,000 pairs (Multi30k, Elliott et al. 2016)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy

from .. import models, nn, ops, optim, plots
from ..autograd import no_grad
from ..data import BPE, PairLoader, multi30k
from ..models.translation import PAD, Translator
from ..nn.module import evaluating
from ..tensor import Tensor, tensor
from ..train import AverageWeights, Callback, Estimate, LRSchedule, Trainer, bootstrap
from .run import Options, Run, SavedRun, Stopwatch

__all__ = ["predict", "train", "translate"]

Array = numpy.ndarray[Any, Any]
Pairs = Sequence[tuple[str, str]]

VOCABULARY = 6000  # tokens of both languages: a word of Multi30k is 1.3 of them
SMOOTHING = 0.1
PENALTIES = (0.6, 1.0, 1.4)  # length penalties, of which the one that suits the validation set is taken
LONGEST = 256  # tokens of a sentence
BEAM = 5
COARSE = (16, 24, 64, 128)  # lengths of batches where they are few


def train(options: Options) -> dict[str, Any]:
    """Train a small Transformer on 29,000 pairs; choose on 1,014 others, and count BLEU once on 1,000 of the test."""
    options = options.chosen(epochs=16, lr=2e-3, batch_size=2048, languages="en-de")
    bleu = _bleu()
    languages = _languages(options.languages)
    data = multi30k(*languages, options.data)
    run = Run("translate", options)
    assert options.epochs is not None and options.lr is not None
    vocabulary = BPE.learnt([text for pair in data.train for text in pair], VOCABULARY)
    vocabulary.save(run.folder / "vocabulary.json")
    model = {"kind": "translator", "vocabulary": len(vocabulary), "dropout": 0.2, "longest": LONGEST}
    network = models.build(model)
    assert isinstance(network, Translator)
    with Stopwatch() as watch:
        trainer = _fit(network, vocabulary, data.train, data.val, options)
    network.eval()
    scores = {penalty: bleu(_translated(network, vocabulary, data.val, penalty), data.val) for penalty in PENALTIES}
    penalty = max(scores, key=lambda p: scores[p][0].value)
    said = _translated(network, vocabulary, data.test, penalty)
    score, signature = bleu(said, data.test)
    figures = {
        "test_bleu": score,
        "val_bleu": scores[penalty][0],
        "val_perplexity": math.exp(_loss_per_token(network, vocabulary, data.val)),
    }
    beam = {"beam_size": BEAM, "length_penalty": penalty}
    config = {"model": model, "languages": list(languages), "bleu": signature, **beam}
    result = run.finish(trainer, figures, watch.seconds, config)
    if trainer.history.epochs:
        run.draw_history(trainer.history)
    _write(run.folder / "test.tsv", data.test, said)
    draw_attention(network, vocabulary, data.val[3][0], beam, run.folder / "attention.png")
    return result | {"bleu": signature}


def predict(run: SavedRun, files: Sequence[str]) -> list[dict[str, Any]]:
    """Return the translation of every line of the text files."""
    lines = [line for file in files for line in Path(file).read_text(encoding="utf-8").splitlines()]
    return translate(run, lines)


def translate(run: SavedRun, sentences: Sequence[str], n_best: int = 1) -> list[dict[str, Any]]:
    """Return a row for each of the ``n_best`` translations of each sentence, with its score.

    Raises ``ValueError`` for a run of another recipe and for a sentence without a word or with too many.
    """
    if run.recipe != "translate":
        raise ValueError(f"translate: {run.folder} is a run of {run.recipe}, wanted one of translate")
    assert isinstance(run.model, Translator)
    vocabulary = BPE.load(run.folder / "vocabulary.json")
    beam = {name: run.config[name] for name in ("beam_size", "length_penalty")} | {"n_best": n_best}
    beam["beam_size"] = max(beam["beam_size"], n_best)
    found = search(run.model, vocabulary, sentences, **beam)
    return [
        {"source": sentence, "translation": vocabulary.decode(tokens), "score": round(score, 4)}
        for sentence, hypotheses in zip(sentences, found)
        for tokens, score in hypotheses
    ]


def search(model: Translator, vocabulary: BPE, sentences: Sequence[str], **beam: Any) -> list[list[nn.Hypothesis]]:
    """Return what ``nn.beam_search`` finds for each sentence; those of about the same length go together."""
    sources = vocabulary.encode(sentences)
    for sentence, tokens in zip(sentences, sources):
        if not tokens or len(tokens) >= LONGEST:
            raise ValueError(f"translate: {sentence[:60]!r} has {len(tokens)} tokens, wanted 1 to {LONGEST - 1}")
    order = sorted(range(len(sources)), key=lambda i: len(sources[i]))
    found: dict[int, list[nn.Hypothesis]] = {}
    for first in range(0, len(order), 64):
        some = order[first : first + 64]
        x = numpy.full((len(some), len(sources[some[-1]]) + 1), PAD)
        for row, i in zip(x, some):
            row[: len(sources[i]) + 1] = [*sources[i], vocabulary.end]
        most = min(LONGEST, x.shape[1] * 3 // 2 + 10)
        with evaluating(model), no_grad():
            step = model.stepper(tensor(x), beam["beam_size"])
            results = nn.beam_search(step, len(some), vocabulary.start, vocabulary.end, most, **beam)
        found.update(zip(some, results))
    return [found[i] for i in range(len(sources))]


def _translated(model: Translator, vocabulary: BPE, pairs: Pairs, penalty: float) -> list[str]:
    found = search(model, vocabulary, [s for s, _ in pairs], beam_size=BEAM, length_penalty=penalty)
    return [vocabulary.decode(hypotheses[0][0]) for hypotheses in found]


def draw_attention(model: Translator, vocabulary: BPE, sentence: str, beam: dict[str, Any], path: Path) -> None:
    """Draw where the last layer looks in the source while it says each token of the translation."""
    [tokens], [[(said, _)]] = vocabulary.encode([sentence]), search(model, vocabulary, [sentence], **beam)
    length = max(len(tokens), len(said)) + 1
    x = numpy.full((1, 2, length), PAD)
    x[0, 0, : len(tokens) + 1] = [*tokens, vocabulary.end]
    x[0, 1, : len(said) + 1] = [vocabulary.start, *said]
    with evaluating(model), no_grad():
        weights = model.attention(tensor(x)).numpy()[0, : len(said) + 1, : len(tokens) + 1]
    rows, columns = ([*vocabulary.pieces(side), "(end)"] for side in (said, tokens))
    plots.attention(weights, rows, columns, path)


# ---- training ----


def _fit(model: Translator, vocabulary: BPE, train_pairs: Pairs, val_pairs: Pairs, options: Options) -> Trainer:
    assert options.epochs is not None and options.lr is not None and options.batch_size is not None
    loader = PairLoader(*_encoded(vocabulary, train_pairs), options.batch_size, True, options.seed)
    measured = PairLoader(*_encoded(vocabulary, val_pairs), options.batch_size, lengths=COARSE)
    optimizer = optim.Adam(model.parameters(), options.lr, (0.9, 0.98), 1e-9, clip_norm=1.0)
    callbacks: list[Callback] = [_Report(model, vocabulary, val_pairs[3])]
    if steps := options.epochs * len(loader):
        callbacks.append(LRSchedule(optim.OneCycleSchedule(optimizer, options.lr, steps, 0.1, anneal="linear")))
    callbacks.append(AverageWeights(max(1, options.epochs // 5)))
    trainer = Trainer(model, _loss, optimizer, precision=options.precision)
    trainer.fit(loader, epochs=options.epochs, validation=measured, callbacks=callbacks)
    return trainer


def _loss(logits: Tensor, y: Tensor) -> Tensor:
    return ops.cross_entropy(logits, y, label_smoothing=SMOOTHING, ignore_index=PAD)


def _loss_per_token(model: Translator, vocabulary: BPE, pairs: Pairs) -> float:
    """Return the mean negative log-likelihood of a token of the targets, in nats, without smoothing."""
    total, count = 0.0, 0
    with evaluating(model), no_grad():
        for x, y in PairLoader(*_encoded(vocabulary, pairs), lengths=COARSE):
            tokens = int((y != PAD).sum())
            total += tokens * ops.cross_entropy(model(tensor(x)), tensor(y), ignore_index=PAD).item()
            count += tokens
    return total / count


def _encoded(vocabulary: BPE, pairs: Pairs) -> tuple[list[list[int]], list[list[int]]]:
    return vocabulary.encode([s for s, _ in pairs]), vocabulary.encode([t for _, t in pairs])


class _Report(Callback):
    """Say after each epoch how a sentence is translated by now."""

    def __init__(self, model: Translator, vocabulary: BPE, pair: tuple[str, str]) -> None:
        self.model, self.vocabulary, self.pair = model, vocabulary, pair

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Say what it should be."""
        print(f"  {self.pair[0]}\n  {self.pair[1]}", flush=True)

    def on_epoch_end(self, trainer: Trainer, figures: dict[str, float]) -> None:
        """Say what it is."""
        [[(tokens, _)]] = search(self.model, self.vocabulary, [self.pair[0]], beam_size=1)
        known = "  ".join(f"{name} {figures[name]:.4g}" for name in ("loss", "val_loss", "seconds"))
        print(f"  epoch {trainer.epoch}  {known}  {self.vocabulary.decode(tokens)}", flush=True)


# ---- what is written ----


def _languages(given: str | None) -> tuple[str, str]:
    source, _, target = (given or "").partition("-")
    return source, target


def _bleu() -> Any:
    """Return a function of translations and pairs that gives BLEU (13a, cased), an Estimate, and its signature."""
    try:
        from sacrebleu.metrics.bleu import BLEU
    except ImportError as error:
        raise ImportError("translate: BLEU needs sacrebleu; pip install 'wxb[text]'") from error

    metric = BLEU()

    def counted(said: str, target: str) -> list[int]:
        """Return what BLEU sums over sentences: right and all n-grams, n = 1 to 4, and both lengths."""
        found = metric.corpus_score([said], [[target]])
        return [*found.counts, *found.totals, found.sys_len, found.ref_len]

    def score(counts: Array) -> float:
        right, every, lengths = numpy.split(counts.sum(0), [4, 8])
        said, wanted = lengths.tolist()
        total = BLEU.compute_bleu(right.tolist(), every.tolist(), said, wanted, smooth_method="exp")
        return float(total.score)

    def bleu(said: list[str], pairs: Pairs) -> tuple[Estimate, str]:
        counts = [counted(mine, target) for mine, (_, target) in zip(said, pairs)]
        return bootstrap(score, counts), str(metric.get_signature())

    return bleu


def _write(path: Path, pairs: Pairs, said: list[str]) -> None:
    lines = ["\t".join((source, target, mine)) for (source, target), mine in zip(pairs, said)]
    path.write_text("\n".join(["source\ttarget\ttranslation", *lines]) + "\n", encoding="utf-8")
