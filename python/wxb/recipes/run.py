"""A run: the options it was started with, and the folder that holds what came of it."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import io, models
from ..device import num_threads, seed, set_default_device, set_num_threads
from ..nn import Module
from ..train import Estimate, History, Trainer, judge

__all__ = ["Options", "Run", "SavedRun"]


@dataclass(frozen=True)
class Options:
    """What ``wxb train`` was asked for; None means the recipe's own choice."""

    epochs: int | None = None
    lr: float | None = None
    batch_size: int | None = None
    seed: int = 0
    threads: int | None = None
    device: str | None = None
    precision: str | None = None
    data: str | None = None
    out: str | None = None
    file: str | None = None
    target: str | None = None
    size: int | None = None
    skip_broken: bool | None = None
    no_flip: bool | None = None
    binary: bool | None = None
    speaker_out: str | None = None
    languages: str | None = None
    full: bool | None = None
    cover: int | None = None
    conditional: bool | None = None
    hinge: bool | None = None
    folds: int | None = None

    def chosen(self, **defaults: Any) -> Options:
        """Return the options with the recipe's ``defaults`` where nothing was asked for.

        ``folds`` may be asked for only where it is among them, if only as None.
        """
        mine = {name: value for name, value in vars(self).items() if value is not None}
        for name in ("epochs", "batch_size"):
            if mine.get(name, 1) < (0 if name == "epochs" else 1):
                raise ValueError(f"train: {name} is {mine[name]}, it must be positive")
        if mine.get("lr", 0.0) < 0:
            raise ValueError(f"train: lr is {mine['lr']}, it must not be negative")
        if "folds" in mine and "folds" not in defaults:
            raise ValueError("train: this recipe takes no --folds, its data come with a test set or lists of their own")
        if mine.get("folds", 2) < 2:
            raise ValueError(f"train: folds is {mine['folds']}, it must be at least 2")
        return Options(**{**defaults, **mine})


@dataclass
class Run:
    """The folder of a training under way: begun with a recipe's name and options, filled by ``finish``."""

    recipe: str
    options: Options
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder = Path(self.options.out or Path("runs") / self.recipe)
        set_default_device(self.options.device)
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.options.threads is not None:
            set_num_threads(self.options.threads)
        seed(self.options.seed)

    def finish(
        self,
        trainer: Trainer,
        metrics: Mapping[str, float | Estimate],
        seconds: float,
        config: Mapping[str, Any],
        history: History | None = None,
    ) -> dict[str, Any]:
        """Write weights, configuration and history to the folder and return the result ``--json`` prints.

        Of metrics that are Estimates the result's ``intervals`` hold the ends. history: what was measured, if not the
        trainer's own; ``fit`` says whether it over- or underfits.
        """
        history = trainer.history if history is None else history
        state = trainer.model.state_dict()
        io.save(state, self.folder / "weights.safetensors", {"recipe": self.recipe})
        history.to_csv(self.folder / "history.csv")
        verdict = judge(history)
        result = {
            "recipe": self.recipe,
            **{name: round(float(value), 6) for name, value in metrics.items()},
            "intervals": _intervals(metrics),
            **({} if verdict is None else {"fit": str(verdict)}),
            "train_seconds": round(seconds, 3),
            "epochs": trainer.epoch,
            "steps": trainer.steps,
            "device": trainer.model.device.name,
            "threads": num_threads(),
            "seed": self.options.seed,
            "weights_sha256": io.sha256(state),
        }
        options = {name: value for name, value in vars(self.options).items() if value is not None}
        text = json.dumps({"recipe": self.recipe, "options": options, **config, "result": result}, indent=1)
        _write(self.folder / "config.json", text + "\n")
        return result

    def draw_history(self, history: History) -> None:
        """Draw the curves of loss and metrics, if there was an epoch."""
        from .. import plots

        shown = {name: history[name] for name in history if name not in ("lr", "seconds", "gap")}
        if history.epochs:
            plots.curves(shown, self.folder / "curves.png")


class SavedRun:
    """A finished run: its configuration and its model with the trained weights, in eval mode."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = _find(folder)
        try:
            self.config: dict[str, Any] = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
            description, self.recipe = self.config["model"], self.config["recipe"]
        except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
            raise ValueError(f"run: {self.folder / 'config.json'} is broken ({error!r})") from None
        self.model: Module = models.build(description)
        self.model.load_state_dict(io.load(self.folder / "weights.safetensors")[0])
        self.model.eval()


def _intervals(metrics: Mapping[str, float | Estimate]) -> dict[str, list[float]]:
    """Return the ends of the intervals that are known, by name."""
    known = {name: m for name, m in metrics.items() if isinstance(m, Estimate) and math.isfinite(m.low + m.high)}
    return {name: [round(m.low, 6), round(m.high, 6)] for name, m in known.items()}


def _find(folder: str | os.PathLike[str]) -> Path:
    for candidate in (Path(folder), Path("runs") / folder):
        if (candidate / "config.json").is_file():
            return candidate
    raise FileNotFoundError(f"run: no config.json in {folder} or runs/{folder}; train first, or give the run's folder")


def _write(path: Path, text: str) -> None:
    """Replace a text file as a whole."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


class Stopwatch:
    """Seconds within the block: ``with Stopwatch() as watch: ...; watch.seconds``."""

    seconds = 0.0

    def __enter__(self) -> Stopwatch:
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._began
