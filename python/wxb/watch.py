"""What a plan depends on besides its arguments, and how it learns that this has changed.

``edits`` is one process-wide number. Whatever can invalidate a plan sets it anew: ``train()/eval()``,
``requires_grad``, hyper-parameters, the structure of a module, and which parameters hold a gradient. A plan whose
number still agrees is valid without a look; otherwise it compares the values it noted while it was recorded.
"""

from __future__ import annotations

import itertools
import threading
from typing import Any, Protocol

edits = 0
_numbers = itertools.count(1)


class Watched(Protocol):
    """Something a plan can depend on."""

    def signature(self) -> Any:
        """Return, comparable by value, what a step that used this thing depended on."""


class Recorder(Protocol):
    """What collects a plan's conditions while it records (train/capture.py)."""

    def note(self, thing: Watched) -> None: ...  # noqa: D102
    def note_held(self, leaf: Any) -> None: ...  # noqa: D102
    def note_moved(self, parameter: Any) -> None: ...  # noqa: D102


class Same:
    """An object compared by identity, kept alive: what a signature says of a Tensor or Module."""

    __slots__ = ("thing",)

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.thing is self.thing

    def __hash__(self) -> int:
        return id(self.thing)

    def __repr__(self) -> str:
        return f"a {type(self.thing).__name__}"


class _Local(threading.local):
    recorder: Recorder | None = None


local = _Local()


def edited() -> None:
    """Tell every plan to look at its notes again: called after the edit, with a number that no other thread gets."""
    global edits
    edits = next(_numbers)


def note(thing: Watched) -> None:
    """Remember, while a plan records, that the step depends on ``thing.signature()``."""
    if local.recorder is not None:
        local.recorder.note(thing)
