"""One phase of run_all.py in a process of its own: a kernel that hangs or faults takes no other case with it.

Each case is announced before it runs, ``{"begin": NAME}``; its row follows, ``{"row": {...}}``: a line of JSON each.
A case that raises ends the process, since a GPU may be of no more use to it: run_all.py starts another for the rest.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any


def device(name: str, pool: bool) -> Any:
    """Return the device to check; ``"emulated"`` is one whose CUDA kernels run on the CPU, over numpy arrays."""
    if name == "none":
        return None
    import numpy
    import wxb
    from wxb.device import Device

    if name != "emulated":
        dev = wxb.device(name)
        if not pool:
            dev.xp.cuda.set_allocator(None)
        return dev
    from wxb import _cuda_emulated

    dev = Device("emulated", numpy, _cuda_emulated)
    sys.modules["wxb.device"]._devices["emulated"] = dev  # so that steps may ask for it by name
    return dev


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("phase")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dry", action="store_true")
    parser.add_argument("--cases", default="*", metavar="PATTERN")
    parser.add_argument("--no-pool", action="store_true", help="an allocation of its own for each array")
    parser.add_argument("--done", type=Path, metavar="FILE", help="names of cases to leave out, a JSON list")
    options = parser.parse_args()
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what else prints, here or in C, does not come between the lines
    done = set(json.loads(options.done.read_text(encoding="utf-8"))) if options.done else set()
    dev = device(options.device, not options.no_pool)
    for name, case in importlib.import_module(options.phase).cases(dev, options.dry):
        if name not in done and fnmatch(name, options.cases):
            print(json.dumps({"begin": name}), file=out, flush=True)
            print(json.dumps({"row": case()}), file=out, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
