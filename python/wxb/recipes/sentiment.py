"""sentiment: how much a film review praises, at every node of its parse tree (Socher et al. 2013; Tai et al. 2015)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy

from .. import data, models, ops, optim
from ..data import IGNORED, SENTIMENTS, Loader, Tree, TreeBatch, TreeDataset, balanced_tree, parse_tree
from ..tensor import Tensor, tensor
from ..train import LRSchedule, Trainer
from .run import Options, Run, SavedRun, Stopwatch
from .unseen import draw_classes, of_classes

__all__ = ["predict", "train"]

Array = numpy.ndarray[Any, Any]

SEEN = 2  # how often a word must occur for a vector of its own; the others share one
BINARY = (0, 0, IGNORED, 1, 1)  # of the five labels, for the task without neutral ones


def train(options: Options) -> dict[str, Any]:
    """Train a Tree-LSTM, without pre-trained vectors, on every node of 8,544 trees, and test its roots on 2,210.

    With ``--binary``: positive or negative; neutral nodes are not learnt, neutral sentences left out (6,920, 1,821).
    """
    options = options.chosen(epochs=8, lr=4e-3, batch_size=25)
    run = Run("sentiment", options)
    training, dev, test = ([_lower(tree) for tree in part] for part in data.sst(options.data))
    classes = list(SENTIMENTS)
    if options.binary:
        training, dev, test = _binary(training), _binary(dev), _binary(test)
        classes = ["negative", "positive"]
    words = _vocabulary(training)
    model = {"kind": "treenet", "words": len(words) + 1, "classes": len(classes)}
    with Stopwatch() as watch:
        trainer = _fit(model, options, TreeDataset(training, words), TreeDataset(dev, words))
    figures, logits, labels = _measured(trainer, TreeDataset(test, words))
    on_dev, _, _ = _measured(trainer, TreeDataset(dev, words))
    figures = {f"test_{name}": value for name, value in figures.items()}
    figures |= {f"dev_{name}": value for name, value in on_dev.items()}
    config = {"model": model, "classes": classes, "words": list(words)}
    result = run.finish(trainer, figures, watch.seconds, config)
    run.draw_history(trainer.history)
    draw_classes(run, logits, labels, classes)
    return result


def predict(run: SavedRun, files: Sequence[str]) -> list[dict[str, Any]]:
    """Return a row per sentence: its class, probability, and its tree with the sentiment of every node.

    ``files``: text files with a sentence or a tree in brackets a line; what is no file is a sentence or tree itself. A
    sentence without a tree is split at spaces, and neighbours are joined in pairs: the network knows parses only, so
    give it one where you can.
    """
    rows = []
    for sentence in _sentences(files):
        tree = _tree(sentence)
        probabilities = _probabilities(run, tree)
        classes = run.config["classes"]
        best = int(probabilities[-1].argmax())
        drawn = draw(tree, [classes[int(p.argmax())] for p in probabilities])
        rows.append(
            {
                "sentence": " ".join(tree.words),
                "class": classes[best],
                "probability": round(float(probabilities[-1, best]), 4),
                "tree": f"\n{drawn}",
            }
        )
    return rows


def draw(tree: Tree, texts: Sequence[str]) -> str:
    """Return a tree as lines, the root first and what is below it further in: its text, and the words below it."""
    below = [[word] for word in tree.words]
    for family in tree.children[len(below) :]:
        below.append([word for child in family for word in below[child]])
    width, lines, todo = max(map(len, texts)), [], [(len(tree) - 1, 0)]
    while todo:
        node, depth = todo.pop()
        lines.append(f"{texts[node].ljust(width)}  {'  ' * depth}{' '.join(below[node])}")
        todo += [(int(child), depth + 1) for child in tree.children[node][::-1] if child >= 0]
    return "\n".join(lines)


def _lower(tree: Tree) -> Tree:
    """Return the tree with its words in lower case: what stands first in a sentence is the same word."""
    return Tree(tuple(word.lower() for word in tree.words), tree.labels, tree.children)


def _binary(trees: Sequence[Tree]) -> list[Tree]:
    return [tree.relabelled(BINARY) for tree in trees if BINARY[tree.labels[-1]] != IGNORED]


def _vocabulary(trees: Sequence[Tree]) -> dict[str, int]:
    """Number the words of the trees from 1 on, in the order of their first use."""
    counts = Counter(word for tree in trees for word in tree.words)
    return {word: i + 1 for i, word in enumerate(word for word, count in counts.items() if count >= SEEN)}


def _loss(logits: Tensor, targets: Tensor) -> Tensor:
    return ops.cross_entropy(logits, ops.getitem(targets, (..., 0)), ignore_index=IGNORED)


def root_accuracy(logits: Array, targets: Array) -> float:
    """Return the share of sentences that are called right."""
    is_root = targets[:, 1] == 1
    return float((logits[is_root].argmax(1) == targets[is_root, 0]).mean())


def node_accuracy(logits: Array, targets: Array) -> float:
    """Return the share of nodes, with a label, that are called right."""
    counts = targets[:, 0] != IGNORED
    return float((logits[counts].argmax(1) == targets[counts, 0]).mean())


def _fit(model: dict[str, Any], options: Options, training: TreeDataset, dev: TreeDataset) -> Trainer:
    assert options.epochs is not None and options.lr is not None and options.batch_size is not None
    network = models.build(model)
    optimizer = optim.AdamW(network.parameters(), options.lr, weight_decay=0.0, clip_norm=5.0)
    loader = Loader(training, options.batch_size, True, seed=options.seed)
    steps = options.epochs * len(loader)
    callbacks = [LRSchedule(optim.OneCycleSchedule(optimizer, options.lr, steps, rise=0.2))] if steps else []
    trainer = Trainer(network, _loss, optimizer, [root_accuracy, node_accuracy], precision=options.precision)
    trainer.fit(loader, epochs=options.epochs, validation=Loader(dev, 64), callbacks=callbacks)
    return trainer


def _measured(trainer: Trainer, trees: TreeDataset) -> tuple[dict[str, Any], Array, Array]:
    """Return the figures of a data set, and logits and labels of its roots."""
    loader = Loader(trees, 64)
    outputs, targets = trainer.predict(loader), numpy.concatenate([batch[1] for batch in loader])
    is_root = targets[:, 1] == 1
    roots = of_classes(outputs[is_root], targets[is_root, 0])
    # Nodes of a sentence depend on each other: their share has no interval.
    figures = {"root_accuracy": roots["accuracy"], "root_ece": roots["ece"]}
    return figures | {"node_accuracy": node_accuracy(outputs, targets)}, outputs[is_root], targets[is_root, 0]


def _sentences(files: Sequence[str]) -> list[tuple[str, str]]:
    """Return (where it stands, text) of every sentence."""
    found = []
    for given in files:
        if not _is_file(given):
            found.append(("sentiment", given))
            continue
        lines = Path(given).read_text(encoding="utf-8").split("\n")
        found += [(f"{given}, line {i + 1}", line) for i, line in enumerate(lines) if line.strip()]
    if not found:
        raise ValueError(f"sentiment: there is no sentence in {', '.join(map(str, files))}")
    return found


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except OSError:  # a sentence too long for a name
        return False


def _tree(sentence: tuple[str, str]) -> Tree:
    place, text = sentence
    if text.lstrip(" ").startswith("("):
        return parse_tree(text.rstrip("\r"), place)
    if not text.split():
        raise ValueError(f"{place}: the sentence is empty, wanted words or a tree in brackets")
    return balanced_tree(text.split())


def _probabilities(run: SavedRun, tree: Tree) -> Array:
    """Return the probability of each class at each node, (nodes, classes)."""
    words = {word: i + 1 for i, word in enumerate(run.config["words"])}
    nodes, _ = TreeDataset([_lower(tree)], words, 1)[numpy.zeros(1, numpy.int64)]
    return ops.softmax(run.model(tensor(nodes))).numpy()[TreeBatch([tree]).rows]
