"""The command line: ``wxb train | predict | summary | bench | doctor``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0, 1 after an error (said in one line), 2 for wrong usage, 130 if stopped."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
        return 0
    except KeyboardInterrupt:
        print("wxb: stopped", file=sys.stderr)
        return 130
    except (
        ValueError,
        TypeError,
        IndexError,
        ArithmeticError,
        OSError,
        ImportError,
        RuntimeError,
        MemoryError,
    ) as error:
        text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        print(f"wxb: {text or type(error).__name__}", file=sys.stderr)
        return 1


def _train(options: argparse.Namespace) -> None:
    from .recipes import Options, recipe

    chosen = {field.name: getattr(options, field.name) for field in fields(Options)}
    result = recipe(options.recipe).train(Options(**chosen))
    folder = options.out or f"runs/{options.recipe}"
    width = max(map(len, result))
    for name, value in result.items():
        print(f"{name.ljust(width)}  {value}")
    print(f"{'written to'.ljust(width)}  {folder}/")
    if options.json:
        print(json.dumps(result))


def _predict(options: argparse.Namespace) -> None:
    from .recipes import SavedRun, recipe

    run = SavedRun(options.run)
    rows = recipe(run.recipe).predict(run, options.files)
    if options.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print("  ".join(str(value) for value in row.values()))


def _summary(options: argparse.Namespace) -> None:
    from .nn.summary import summary
    from .recipes import SavedRun

    run = SavedRun(options.run)
    model = run.config["model"]
    shape = model["sizes"][:1] if model["kind"] == "mlp" else run.config["input"]["shape"]
    print(f"{run.recipe}: {run.folder}")
    print(summary(run.model, (options.batch_size, *shape)))


def _bench(options: argparse.Namespace) -> None:
    from .bench import bench

    bench(options.seconds)


def _doctor(options: argparse.Namespace) -> None:
    from .doctor import doctor

    found = doctor()
    if options.json:
        print(json.dumps(found))
        return
    width = max(map(len, found))
    for name, text in found.items():
        print(f"{name.ljust(width)}  {text}")


def _parser() -> argparse.ArgumentParser:
    from .recipes import RECIPES

    parser = argparse.ArgumentParser(prog="wxb", description="Deep learning from Wx+b up.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(command=run)
        return added

    train = command("train", _train, "train a network and write runs/RECIPE/")
    listed = "; ".join(f"{name}: {text}" for name, (_, text) in RECIPES.items())
    train.add_argument("recipe", metavar="RECIPE", help=listed)
    train.add_argument("file", nargs="?", metavar="FILE", help="of the recipe csv: the table, CSV or XLSX")
    train.add_argument("--target", metavar="COLUMN", help="of the recipe csv: the column to learn")
    train.add_argument("--size", type=int, help="of the recipe images: pixels a side, instead of the median up to 64")
    train.add_argument("--skip-broken", action="store_true", default=None, help="of images: leave broken files out")
    train.add_argument("--no-flip", action="store_true", default=None, help="of images: left and right differ")
    train.add_argument("--full", action="store_true", default=None, help="of capsnet: the paper's network, for hours")
    train.add_argument("--cover", type=int, help="of complete: how many of the 28 rows are covered (default 14)")
    train.add_argument("--epochs", type=int)
    train.add_argument("--lr", type=float, help="the highest learning rate")
    train.add_argument("--batch-size", type=int)
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--threads", type=int)
    train.add_argument("--data", metavar="FOLDER", help="where the data set lies")
    train.add_argument("--out", metavar="FOLDER", help="instead of runs/RECIPE")
    train.add_argument("--json", action="store_true", help="print the result as JSON in the last line")

    predict = command("predict", _predict, "what a trained network says of new files")
    predict.add_argument("run", metavar="RUN", help="runs/NAME or NAME")
    predict.add_argument("files", nargs="+", metavar="FILE", help="pictures, or tables for networks trained on tables")
    predict.add_argument("--json", action="store_true")

    summary = command("summary", _summary, "the layers of a trained network")
    summary.add_argument("run", metavar="RUN", help="runs/NAME or NAME")
    summary.add_argument("--batch-size", type=int, default=1)

    bench = command("bench", _bench, "time the kernels and steps beside the libraries installed here")
    bench.add_argument("--seconds", type=float, default=120.0, help="how long it may take (default 120)")

    doctor = command("doctor", _doctor, "what wxb runs on here, and why")
    doctor.add_argument("--json", action="store_true")
    return parser
