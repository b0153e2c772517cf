"""Time training steps of small networks, eager and as graphs, beside torch's, and train whole ones.

The networks and their torch twins are those of ``wxb bench``; their loss is held against float64 first.
"""

from __future__ import annotations

import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import times
import wxb
from ceilings import has_torch
from probe import CARRIED, ROOT
from wxb.bench import Workload, peers
from wxb.bench.pictures import picture_step
from wxb.bench.recurrent import char_step
from wxb.bench.steps import step
from wxb.device import Device

Call = Callable[[], Any]
ROUNDS, TURN = 11, 0.03  # turns of each contestant, seconds of a turn
WARM_UP = 3  # steps before torch's graph is captured
# Recipe, the folder of its data, epochs, precision of its products; twelve epochs of cifar10 reach 93.7 % on a CPU.
TRAININGS = (("mnist-cnn", "mnist", 3, "fp32"), ("cifar10", "cifar10", 16, "bf16"), ("cifar10", "cifar10", 16, "fp32"))


class Graphed:
    """Torch's step as a CUDA graph, captured after a few eager steps, all of which count as steps."""

    def __init__(self, call: Call) -> None:
        torch = peers.module("torch")
        self.torch, self.call, self.stream, self.count, self.graph = torch, call, torch.cuda.Stream(), 0, None

    def __call__(self) -> Any:
        """Take a step, and return its loss."""
        self.count += 1
        if self.count <= WARM_UP:
            self.stream.wait_stream(self.torch.cuda.current_stream())
            with self.torch.cuda.stream(self.stream):
                loss = self.call()
            self.torch.cuda.current_stream().wait_stream(self.stream)
            return loss
        if self.graph is None:
            self.graph = self.torch.cuda.CUDAGraph()
            with self.torch.cuda.graph(self.graph):
                self.loss = self.call()
        self.graph.replay()
        return self.loss


def contestants(work: Workload, dev: Device) -> tuple[dict[str, Call], float]:
    """Return the call of each, and the largest error of a loss; raises ``ArithmeticError`` for a wrong one of wxb's."""
    makes, error_of = work.prepare()
    chosen = {name: makes[name] for name in ("wxb", "wxb eager")}
    if dev.name == "cuda" and has_torch():
        chosen |= {name: makes[name] for name in ("torch", "torch tuned")}
        chosen["torch graph"] = lambda: Graphed(makes["torch tuned"]())
    calls, worst = {}, 0.0
    for name, make in chosen.items():
        try:
            call = make()
            for _ in range(work.calls):
                result = call()
            error = float(error_of(result))
        except Exception as failure:
            if peers.library(name) == "wxb":
                raise
            print(f"{work.name}: {name} is left out, it raised {failure}", file=sys.stderr)
            continue
        if not error <= work.tolerance and peers.library(name) == "wxb":
            raise ArithmeticError(f"{work.name}: the error of {name} is {error:.2g}, above {work.tolerance:.2g}")
        calls[name], worst = call, max(worst, error)
    return calls, worst


def waiting(dev: Device) -> Call:
    """Return what waits for the GPU, whoever launched."""
    return dev.xp.cuda.Device().synchronize if dev.name == "cuda" else dev.synchronize


def seconds_of(call: Call, wait: Call, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    wait()
    return (time.perf_counter() - start) / repeats


def take_turns(calls: Mapping[str, Call], wait: Call, rounds: int, turn: float) -> dict[str, float]:
    """Return the median microseconds of each call."""
    repeats = {name: max(1, round(turn / seconds_of(call, wait, 2))) for name, call in calls.items()}
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            found[name].append(1e6 * seconds_of(call, wait, repeats[name]))
    return {name: statistics.median(values) for name, values in found.items()}


def timed(make: Callable[[], Workload], dev: Device, dry: bool) -> dict[str, Any]:
    work = make()
    wxb.set_default_device(dev.name)
    if dev.name == "cuda" and has_torch():
        torch = peers.module("torch")
        torch.set_default_device("cuda")
        torch.backends.cudnn.allow_tf32 = False  # wxb's products are exact too, unless it is told otherwise
    calls, error = contestants(work, dev)
    us = take_turns(calls, waiting(dev), 1 if dry else ROUNDS, 0.0 if dry else TURN)
    rivals = {name: value for name, value in us.items() if peers.library(name) == "torch"}
    best = min(rivals, key=rivals.__getitem__, default=None)
    row = {"name": work.name, "us": us, "best_peer": best, "ratio": rivals[best] / us["wxb"] if best else None}
    return times.NOTHING | row | {"error": error, "flops": work.flops, "bytes": work.bytes}


def data_of(name: str) -> Path | None:
    """Return the folder of a data set, where it is whole."""
    places = (os.environ.get("WXB_DATA"), CARRIED / "data", ROOT / "shared" / "data", ROOT.parent / "shared" / "data")
    found = (Path(place) / name for place in places if place)
    whole = {"mnist": 4, "cifar10": 61}  # files
    return next((path for path in found if path.is_dir() and len(list(path.glob("*"))) >= whole[name]), None)


def seconds_to(accuracy: float, history: Iterable[Mapping[str, str]]) -> float | None:
    """Return the seconds of training until an epoch ended with this test accuracy; None if none did."""
    total = 0.0
    for epoch in history:
        total += float(epoch["seconds"])
        if float(epoch["val_accuracy"]) >= accuracy:
            return total
    return None


def train(recipe: str, data: str, epochs: int, precision: str, dev: Device, dry: bool) -> dict[str, Any]:
    """Run ``wxb train`` as a user would; ``result`` is what it prints, ``why`` says what kept it."""
    folder = data_of(data)
    row = times.NOTHING | {"name": f"train {recipe} {precision}", "us": {}, "result": None, "why": ""}
    if folder is None or dry:
        return row | {"why": "a dry run" if dry else f"no data: {data} is not whole in WXB_DATA; see QUEUE.md"}
    with tempfile.TemporaryDirectory() as out:
        more = ["--device", dev.name, "--precision", precision, "--epochs", str(epochs), "--data", str(folder)]
        start = time.perf_counter()
        command = [sys.executable, "-m", "wxb", "train", recipe, *more, "--out", out, "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        seconds = time.perf_counter() - start
        if done.returncode:
            return row | {"why": f"exit status {done.returncode}; the log has its words"}
        history = (Path(out) / "history.csv").read_text(encoding="utf-8").splitlines()
    result = json.loads(done.stdout.splitlines()[-1])
    epochs_of = list(csv.DictReader(history))
    found = {"result": result, "history": epochs_of, "seconds_to_94": seconds_to(0.94, epochs_of)}
    return row | {"us": {"wxb": 1e6 * seconds}} | found


def cases(dev: Device, dry: bool) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    steps: dict[str, Callable[[], Workload]] = {
        "step mlp": partial(step, (2, 4, 1), 4) if dry else partial(step, (784, 128, 10), 128),
        "step wide mlp": partial(step, (4, 8, 3), 4) if dry else partial(step, (784, 1024, 1024, 10), 128),
        "step lenet5": partial(picture_step, "lenet5", 1 if dry else 64),
        "step char-lstm": partial(char_step, 7, 8, 3, 2) if dry else char_step,
        "step resnet8": partial(picture_step, "resnet8", 64),
    }
    if dry:
        del steps["step resnet8"]  # minutes on an emulator
    for name, make in steps.items():
        yield name, partial(timed, make, dev, dry)
    for recipe, data, epochs, precision in TRAININGS:
        yield f"train {recipe} {precision}", partial(train, recipe, data, epochs, precision, dev, dry)
