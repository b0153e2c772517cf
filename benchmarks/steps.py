"""Time whole training steps beside torch, jax and numpy: ``python benchmarks/steps.py [--only 'step 2*'] [--out]``."""

import sys
from datetime import date
from pathlib import Path

import numpy
from targets import target
from wxb.bench import Workload, main
from wxb.bench.adversarial import dcgan_step
from wxb.bench.capsules import capsnet_step
from wxb.bench.fits import fit
from wxb.bench.pictures import NETWORKS, picture_step
from wxb.bench.recurrent import char_step
from wxb.bench.steps import epoch, step
from wxb.data import load_digits, split


def workloads() -> list[Workload]:
    digits = load_digits()
    x = digits.x / numpy.float32(16)
    x_train, y_train, x_test, y_test = split(x, digits.y, 0.2, 0, digits.y)
    return [
        step((2, 16, 16, 1), 32, "sgd"),
        step((2, 16, 16, 1), 32),
        step((784, 128, 10), 32),
        step((784, 128, 10), 128),
        step((784, 1024, 1024, 10), 128),
        *map(picture_step, NETWORKS),
        char_step(),
        capsnet_step(),
        dcgan_step(),
        dcgan_step(64, 128),
        epoch(x, digits.y, (100,), 200, "digits"),
        fit("digits", (x_train, y_train), (x_test, y_test), (100,), epochs=60, batch=200, reached=0.955),
    ]


if __name__ == "__main__":
    results = Path(__file__).parent / "results" / "cpu" / f"{date.today()}-steps.json"
    sys.exit(main(workloads, target, results, seconds=180.0))
