"""The command line: ``wxb train | predict | detect | translate | listen | sample | summary | bench | doctor``."""

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
        if name != "intervals":
            ends = result["intervals"].get(name)
            sure = f"  95 %: {ends[0]:.6g} to {ends[1]:.6g}" if ends else ""
            print(f"{name.ljust(width)}  {value}{sure}")
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


def _detect(options: argparse.Namespace) -> None:
    from .recipes import SavedRun, detect

    run = SavedRun(options.run)
    if run.recipe != "detect":
        raise ValueError(f"detect: {run.folder} is a run of {run.recipe}, wanted one of wxb train detect")
    rows = detect.draw(run, options.files, options.out, options.score)
    if options.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print("  ".join(str(value) for value in row.values()))


def _translate(options: argparse.Namespace) -> None:
    from .recipes import SavedRun
    from .recipes.translate import translate

    rows = translate(SavedRun(options.run), options.sentences, options.n_best)
    if options.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print(row["translation"])


def _listen(options: argparse.Namespace) -> None:
    from .recipes import SavedRun
    from .recipes.listen import listen, read_actions

    run = SavedRun(options.run)
    if run.recipe != "voice":
        raise ValueError(f"listen: {run.folder} is a run of {run.recipe}, it must be one of voice")
    actions = {} if options.actions is None else read_actions(options.actions, run.config["classes"])
    for heard in listen(run, options.files, actions, options.sure):
        if options.json:
            print(json.dumps(heard), flush=True)
            continue
        word = heard["class"] or "(silence)"
        status = f"  {' '.join(heard['action'])}: {heard['status']}" if heard["action"] else ""
        print(f"{heard['file']}  {word}  {heard['probability']}{status}", flush=True)


def _sample(options: argparse.Namespace) -> None:
    from .recipes import SavedRun, char_lm, gan

    run = SavedRun(options.run)
    if run.recipe == "gan":
        path = run.folder / "sample.png" if options.out is None else options.out
        gan.sample(run, path, options.count, options.label, options.seed)
        print(path)
        return
    if run.recipe != "char-lm":
        raise ValueError(
            f"sample: {run.folder} is a run of {run.recipe}; wanted one of char-lm (text) or gan (pictures)"
        )
    for piece in char_lm.sample(run, options.prompt, options.length, options.temperature, options.top_k, options.seed):
        print(piece, end="", flush=True)
    print()


def _summary(options: argparse.Namespace) -> None:
    from .nn.summary import summary
    from .recipes import SavedRun

    run = SavedRun(options.run)
    model = run.config["model"]
    if model["kind"] != "mlp" and "input" not in run.config:  # nothing that could be all zeros goes in
        print(f"{run.recipe}: {run.folder}\n{run.model}")
        return
    shape = model["sizes"][:1] if model["kind"] == "mlp" else run.config["input"]["shape"]
    print(f"{run.recipe}: {run.folder}")
    print(summary(run.model, (options.batch_size, *shape), run.config.get("input", {}).get("dtype", "float32")))


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
    from .ops.gemm import PRECISIONS
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
    train.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="of csv: the table, CSV or XLSX; of char-lm: your own text; of gan: the data set",
    )
    train.add_argument("--target", metavar="COLUMN", help="of the recipe csv: the column to learn")
    train.add_argument(
        "--size", type=int, help="pixels a side (images; else the median up to 64) or of the longer (detect)"
    )
    train.add_argument(
        "--skip-broken", action="store_true", default=None, help="of images, detect: leave broken files out"
    )
    train.add_argument("--no-flip", action="store_true", default=None, help="of images, detect: left and right differ")
    train.add_argument("--binary", action="store_true", default=None, help="of sentiment: positive or negative alone")
    train.add_argument(
        "--speaker-out", metavar="NAME", help="of voice: test on this speaker, train on the others; all: each in turn"
    )
    train.add_argument(
        "--folds",
        type=int,
        metavar="K",
        help="of csv, digits, images, diabetes, breast-cancer: measure by K-fold cross-validation, train on all rows",
    )
    train.add_argument("--languages", metavar="FROM-TO", help="of translate: two of en, de, fr (default en-de)")
    train.add_argument("--full", action="store_true", default=None, help="of capsnet: the paper's network, for hours")
    train.add_argument("--cover", type=int, help="of complete: how many of the 28 rows are covered (default 14)")
    either = argparse.BooleanOptionalAction
    train.add_argument("--conditional", action=either, help="of gan: it is told the class to draw (default), or not")
    train.add_argument(
        "--hinge", action=either, help="of gan: hinge loss, spectral normalisation (default), or the first DCGAN's own"
    )
    train.add_argument("--epochs", type=int)
    train.add_argument("--lr", type=float, help="the highest learning rate")
    train.add_argument("--batch-size", type=int)
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--threads", type=int)
    train.add_argument("--device", metavar="NAME", help="cpu or cuda (default WXB_DEVICE, or cpu)")
    train.add_argument("--precision", choices=PRECISIONS, help="what a GPU may round factors of products to")
    train.add_argument("--data", metavar="FOLDER", help="where the data set lies")
    train.add_argument("--out", metavar="FOLDER", help="instead of runs/RECIPE")
    train.add_argument("--json", action="store_true", help="print the result as JSON in the last line")

    predict = command("predict", _predict, "what a trained network says of new files")
    predict.add_argument("run", metavar="RUN", help="runs/NAME or NAME")
    predict.add_argument("files", nargs="+", metavar="FILE", help="pictures, tables, sentences: what it is for")
    predict.add_argument("--json", action="store_true")

    detect = command("detect", _detect, "draw boxes around what a trained detector finds in pictures")
    detect.add_argument("run", metavar="RUN", help="runs/NAME or NAME")
    detect.add_argument("files", nargs="+", metavar="FILE", help="pictures")
    detect.add_argument("--out", metavar="FOLDER", default=".", help="where NAME.detected.png is written")
    detect.add_argument("--score", type=float, help="the least score, instead of each class's own")
    detect.add_argument("--json", action="store_true")

    listen = command("listen", _listen, "name the words in wav files, or those the microphone hears, and act on them")
    listen.add_argument("run", metavar="RUN", help="a run of the recipe voice")
    listen.add_argument("files", nargs="*", metavar="FILE", help="wav files; without any, the microphone (wxb[voice])")
    listen.add_argument("--actions", metavar="JSON", help='a file {"one": "command", ...}: what to run for a word')
    listen.add_argument("--sure", type=float, default=0.6, help="the least probability to act on (default 0.6)")
    listen.add_argument("--json", action="store_true")

    sample = command("sample", _sample, "text that a network trained by char-lm writes, or a gan's pictures")
    sample.add_argument("run", metavar="RUN", help="runs/NAME or NAME")
    sample.add_argument("--prompt", default="\n", help="how the text begins")
    sample.add_argument("--length", type=int, default=500, help="characters (default 500)")
    sample.add_argument("--temperature", type=float, default=0.8, help="low: likely, high: daring (default 0.8)")
    sample.add_argument("--top-k", type=int, help="draw from the so many likeliest alone")
    sample.add_argument("--count", type=int, default=100, help="of a gan: pictures (default 100)")
    sample.add_argument("--class", dest="label", metavar="NAME", help="of a gan: what to draw (default each in turn)")
    sample.add_argument("--out", metavar="FILE", help="of a gan: where the picture goes, instead of RUN/sample.png")
    sample.add_argument("--seed", type=int, default=0)

    translate = command("translate", _translate, "sentences by a network trained on translate")
    translate.add_argument("run", metavar="RUN", help="runs/NAME or NAME")
    translate.add_argument("sentences", nargs="+", metavar="SENTENCE")
    translate.add_argument("--n-best", type=int, default=1, help="how many translations of each, the best first")
    translate.add_argument("--json", action="store_true")

    summary = command("summary", _summary, "the layers of a trained network")
    summary.add_argument("run", metavar="RUN", help="runs/NAME or NAME")
    summary.add_argument("--batch-size", type=int, default=1)

    bench = command("bench", _bench, "time the kernels and steps beside the libraries installed here")
    bench.add_argument("--seconds", type=float, default=120.0, help="how long it may take (default 120)")

    doctor = command("doctor", _doctor, "what wxb runs on here, and why")
    doctor.add_argument("--json", action="store_true")
    return parser
