"""``wxb listen``: name the words in files or from the microphone, and run what a table says of each."""

from __future__ import annotations

import json
import queue
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy

from ..data.audio import read_wav
from .run import SavedRun
from .voice import hear

__all__ = ["Utterances", "act", "listen", "read_actions"]

Array = numpy.ndarray[Any, Any]
Actions = Mapping[str, list[str]]

RATE = 16_000  # Hz, which microphones know
BLOCK = 0.05  # seconds


def listen(run: SavedRun, files: Sequence[str], actions: Actions, sure: float) -> Iterator[dict[str, Any]]:
    """Yield what is heard in wav files, or, without any, from the microphone until it is stopped.

    Each is ``{"file" | "source", "class", "probability", "action", "status"}``: the action run, None where the network
    is less sure than ``sure`` or the table has none, and its exit status.
    """
    sounds = ((str(file), *read_wav(file)) for file in files) if files else _microphone()
    for name, samples, rate in sounds:
        heard = {"file": name, **hear(run, samples, rate)}
        known = heard["probability"] >= sure
        action = actions.get(heard["class"]) if known else None
        yield heard | {"action": action, "status": None if action is None else act(action)}


def read_actions(path: str, words: Sequence[str]) -> dict[str, list[str]]:
    """Read a table of actions, a JSON file ``{"one": "notify-send one", "two": ["ls", "-l"]}``.

    A command runs without a shell. Raises ValueError, naming the file, for what is no such table, and a word that the
    network does not know.
    """
    try:
        table = json.loads(Path(path).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: it is no JSON ({error})") from None
    if not isinstance(table, dict):
        raise ValueError(f'{path}: it holds a {type(table).__name__}, wanted a table {{"word": "command"}}')
    actions = {}
    for word, command in table.items():
        if word not in words:
            raise ValueError(f"{path}: {word!r} is not a word the network knows: {', '.join(words)}")
        parts = shlex.split(command) if isinstance(command, str) else command
        if not isinstance(parts, list) or not parts or not all(isinstance(part, str) for part in parts):
            raise ValueError(f"{path}: the command of {word!r} is {command!r}, wanted a text or a list of texts")
        actions[word] = parts
    return actions


def act(command: Sequence[str]) -> int:
    """Run a command and return its exit status, 127 where there is no such program."""
    try:
        return subprocess.run(command, check=False).returncode
    except OSError:
        return 127


class Utterances:
    """Cuts a stream of samples where it is quiet: ``add(block)`` gives a word's samples once it is over, else None.

    A block is loud above ``ratio`` times the quietest of the last five seconds. A word has ``least`` to ``most``
    seconds, and ends with ``pause`` seconds of quiet.
    """

    def __init__(
        self, rate: int, ratio: float = 4.0, pause: float = 0.3, least: float = 0.15, most: float = 2.0
    ) -> None:
        self.rate, self.ratio = rate, ratio
        self.pause, self.least, self.most = (round(seconds * rate) for seconds in (pause, least, most))
        self._levels: list[float] = []
        self._blocks: list[Array] = []
        self._before: Array = numpy.zeros(0, numpy.float32)
        self._loud = self._quiet = 0  # samples

    def add(self, block: Array) -> Array | None:
        """Take the next samples (n,), some hundredths of a second."""
        level = float(numpy.sqrt(numpy.square(block, dtype=numpy.float64).mean())) if len(block) else 0.0
        self._levels = [*self._levels[-99:], level]
        is_loud = level > max(self.ratio * min(self._levels), 1e-3)
        before, self._before = self._before, block
        if not self._blocks and not is_loud:
            return None
        if not self._blocks:
            self._blocks.append(before)
        self._blocks.append(block)
        self._loud += len(block) if is_loud else 0
        self._quiet = 0 if is_loud else self._quiet + len(block)
        if self._quiet < self.pause and sum(map(len, self._blocks)) < self.most:
            return None
        word = numpy.concatenate(self._blocks) if self._loud >= self.least else None
        self._blocks, self._loud, self._quiet = [], 0, 0
        return word


def _microphone() -> Iterator[tuple[str, Array, int]]:
    """Yield the words that the microphone hears."""
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: PortAudio itself is missing
        raise ImportError(f"listen: the microphone needs sounddevice ({error}); pip install 'wxb[voice]'") from None
    blocks: queue.SimpleQueue[Array] = queue.SimpleQueue()
    utterances = Utterances(RATE)
    try:
        with sounddevice.InputStream(
            RATE, round(BLOCK * RATE), channels=1, callback=lambda data, *_: blocks.put(data[:, 0].copy())
        ):
            while True:
                word = utterances.add(blocks.get())
                if word is not None:
                    yield "microphone", word, RATE
    except sounddevice.PortAudioError as error:
        raise OSError(f"listen: there is no microphone to listen to ({error}); give wav files") from None
