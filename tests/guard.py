"""Repeat every overheard kernel call with its arrays flush against pages that no one may touch.

A script, run by test_guard.py in a process of its own: a load or store that runs over kills it. The results must be
those of ordinary memory, so nothing beyond an operand may be read either.
"""

from __future__ import annotations

import faulthandler
import sys

from kernels import REAL, Call, Guarded, calls

MOST = 1 << 20  # bytes of the largest region; larger ones are left out


def place(call: Call, guards: list[Guarded], at_end: bool) -> list:
    while len(guards) < len(call.regions):
        guards.append(Guarded(MOST))
    regions = []
    for content, guard in zip(call.copies(), guards):
        regions.append(guard.bytes(content.size, at_end))
        regions[-1][...] = content
    return regions


def main(isas: list[str]) -> None:
    faulthandler.enable()
    REAL.set_num_threads(1)
    guards: list[Guarded] = []
    count = 0
    for name, made in calls():
        print(name, flush=True)  # the last line before a fault names the culprit
        for call in made:
            if any(len(r) > MOST for r in call.regions):
                continue
            for isa in isas:
                REAL.set_isa(isa)
                want = call.copies()
                call.run(want)
                for at_end in (True, False):
                    regions = place(call, guards, at_end)
                    call.run(regions)
                    count += 1
                    for got, expected in zip(regions, want):
                        assert got.tobytes() == expected.tobytes(), f"{isa}: {call.name} differs between guard pages"
    print(count, "calls between guard pages")


if __name__ == "__main__":
    main(sys.argv[1:] or REAL.isas())
