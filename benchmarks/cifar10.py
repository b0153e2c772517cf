"""Train the network of ``wxb train cifar10`` for an epoch in wxb and in torch: seconds, losses, peak memory.

``python benchmarks/cifar10.py [--steps N] [--out]``. Both have the same first weights, batches, optimizer and schedule,
each a process of its own; torch has its images in memory channels last.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy
import wxb
from wxb.bench import peers
from wxb.bench.limits import machine
from wxb.recipes import Options
from wxb.recipes.cifar10 import MODEL, TRANSFORM
from wxb.recipes.speedrun import SpeedRun

LIBRARIES = ("wxb", "torch")
Step = Callable[[Any, Any], float]


def in_wxb(model: wxb.nn.Module, speed: SpeedRun) -> Step:
    optimizer = speed.optimizer(model)
    schedule = speed.schedule(optimizer)

    @wxb.capture
    def step(x: wxb.Tensor, y: wxb.Tensor) -> wxb.Tensor:
        loss = speed.loss(model(x), y)
        optimizer.step(loss)
        return loss

    def run(x: Any, y: Any) -> float:
        loss = step(wxb.tensor(x), wxb.tensor(y)).item()
        schedule.step()
        return loss

    return run


def in_torch(model: wxb.nn.Module, speed: SpeedRun) -> Step:
    """Return the step of the twin of a speednet, layer by layer."""
    import torch
    from torch import nn

    torch.set_num_threads(wxb.num_threads())
    standardize, first = model[0].standardize, model[0].conv
    layers = [_conv(nn, first), nn.GELU("tanh")]
    for layer in list(model.children())[1:-1]:
        if isinstance(layer, wxb.nn.Conv2d):
            layers.append(_conv(nn, layer))
        elif isinstance(layer, wxb.nn.BatchNorm2d):
            norm = nn.BatchNorm2d(layer.num_features, momentum=layer.momentum)
            norm.weight.requires_grad_(False)
            layers += [norm, nn.GELU("tanh")]
        elif isinstance(layer, wxb.nn.MaxPool2d):
            layers.append(nn.MaxPool2d(layer.kernel_size))
        elif isinstance(layer, wxb.nn.Flatten):
            layers.append(nn.Flatten())
        else:
            layers.append(nn.Linear(layer.in_features, layer.out_features, bias=False))
            layers[-1].weight.data.copy_(torch.tensor(layer.weight.numpy()))
    twin = nn.Sequential(*layers).to(memory_format=torch.channels_last)
    layers[0].weight.requires_grad_(False)
    mean, scale = (torch.tensor(a.numpy()).view(1, 3, 1, 1) for a in (standardize.mean, standardize.scale))
    ours = speed.optimizer(model)
    schedule = speed.schedule(ours)
    learning = [p for p in twin.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in learning if (p.ndim == 1) is small], "weight_decay": ours.weight_decay / factor}
        for small, factor in ((False, 1.0), (True, speed.faster))
    ]
    optimizer = torch.optim.SGD(groups, ours.lr, ours.momentum, nesterov=True, fused=True)

    def run(x: Any, y: Any) -> float:
        for group, factor in zip(optimizer.param_groups, (1.0, speed.faster)):
            group["lr"] = ours.lr * factor
        images = torch.from_numpy(x).permute(0, 3, 1, 2)
        logits = twin((images - mean) * scale) / 9
        loss = nn.functional.cross_entropy(logits, torch.from_numpy(y), label_smoothing=speed.smoothing)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        return float(loss)

    return run


def _conv(nn: Any, layer: wxb.nn.Conv2d) -> Any:
    import torch

    sizes = (layer.in_channels, layer.out_channels, layer.kernel_size)
    conv = nn.Conv2d(*sizes, padding=layer.padding, bias=layer.bias is not None)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor(layer.weight.numpy()).permute(0, 3, 1, 2))
        if layer.bias is not None:
            conv.bias.copy_(torch.tensor(layer.bias.numpy()))
    return conv


def measure(library: str, steps: int | None) -> dict[str, Any]:
    """Train for an epoch, or the first steps of it, in this process."""
    wxb.seed(0)
    x, y, *_ = wxb.data.cifar10()
    options = Options(epochs=4, lr=11.5, batch_size=512)
    loader = wxb.data.Loader(wxb.data.ArrayDataset(x, y), 512, shuffle=True, transform=TRANSFORM)
    model = wxb.models.build(MODEL)
    model[0].fit(x[:5000])
    before = _memory_mb("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak begins anew
    step = {"wxb": in_wxb, "torch": in_torch}[library](model, SpeedRun(options, 4 * len(loader)))
    losses, began = [], time.perf_counter()
    for number, batch in enumerate(loader):
        if number == steps:
            break
        losses.append(step(*batch))
    seconds = time.perf_counter() - began
    return {
        "library": library,
        "steps": len(losses),
        "seconds": round(seconds, 2),
        "peak_mb": round(_memory_mb("VmHWM") - before),
        "first_losses": losses[:5],
        "mean_of_last_20_losses": float(numpy.mean(losses[-20:])),
    }


def _memory_mb(what: str) -> float:
    """Return this process's resident memory now, "VmRSS", or at most so far, "VmHWM" (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", choices=LIBRARIES, help="measure this one, in this process")
    parser.add_argument("--steps", type=int, help="instead of a whole epoch")
    results = Path(__file__).parent / "results" / "cpu" / f"{date.today()}-cifar10-epoch.json"
    parser.add_argument("--out", type=Path, nargs="?", const=results)
    options = parser.parse_args()
    if options.library:
        print(json.dumps(measure(options.library, options.steps)))
        return
    rows = []
    for library in LIBRARIES:
        more = [] if options.steps is None else ["--steps", str(options.steps)]
        command = [sys.executable, __file__, "--library", library, *more]
        environment = {**os.environ, **peers.environment(wxb.num_threads())}
        ran = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        rows.append(json.loads(ran.stdout.splitlines()[-1]))
        print(json.dumps(rows[-1]), flush=True)
    if options.out:
        document = {"meta": {**machine(LIBRARIES), "threads": wxb.num_threads()}, "rows": rows}
        options.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
