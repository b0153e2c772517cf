"""A captured step: each launch and its cost, and which memory lives how long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .style import BLUE, GREEN, ORANGE, Path, figure_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..train.launches import Launch


def step(launches: Sequence[Launch], path: Path) -> None:
    """Draw a captured step: what each launch costs, and which stretch of the plan's memory is in use from when to when.

    launches: of ``Plan.launches()``. The cost is microseconds where they were timed, else arithmetic operations.
    """
    if not launches:
        raise ValueError("step: there are no launches to draw; capture a step that computes something")
    timed = launches[0].seconds is not None
    costs = [1e6 * (launch.seconds or 0.0) if timed else launch.operations for launch in launches]
    phases = dict(zip(("forward", "backward", "update"), (BLUE, ORANGE, GREEN)))
    with figure_at(path, (min(20.0, 4 + 0.28 * len(launches)), 6.5)) as figure:
        from matplotlib.patches import Rectangle

        above, below = figure.subplots(2, sharex=True)
        for phase, colour in phases.items():
            chosen = [i for i, launch in enumerate(launches) if launch.phase == phase]
            above.bar(chosen, [costs[i] for i in chosen], color=colour, label=phase)
        above.set_ylabel("microseconds" if timed else "operations")
        above.set_title(f"{len(launches)} launches" + (f", {sum(costs):,.1f} us" if timed else ""))
        above.legend(loc="upper left", bbox_to_anchor=(1, 1))
        lives = list(_lives(launches))
        for place, size, first, last in lives:
            box = (first - 0.45, place / 1024), last - first + 0.9, size / 1024
            below.add_patch(Rectangle(*box, facecolor=phases[launches[first].phase], alpha=0.5, edgecolor="white"))
        top = max((place + size for place, size, *_ in lives), default=1)
        below.set(xlim=(-1, len(launches)), ylim=(0, top / 1024), ylabel="memory of the plan, KiB")
        every = -(-len(launches) // 80)  # of more, every second, third, ... is named
        shown = range(0, len(launches), every)
        below.set_xticks(shown, [launches[i].name for i in shown], rotation=90, fontsize=7)
        above.tick_params(labelbottom=False)
        below.grid(False)


def _lives(launches: Sequence[Launch]) -> Iterator[tuple[int, int, int, int]]:
    """Yield (first byte, bytes, first launch, last launch) of what lies in a plan's memory: from a write to its use."""
    open_: dict[tuple[int, int], tuple[int, int, bool]] = {}  # -> first launch, last launch, has it been read
    for i, launch in enumerate(launches):
        for place, size, written in launch.memory:
            first, last, read = open_.get((place, size), (i, i, False))
            if written and read:  # the memory serves another array
                yield place, size, first, last
                first = i
            open_[place, size] = first, i, not written
    for (place, size), (first, last, _) in open_.items():
        yield place, size, first, last
