"""Each library in a process of its own, so that neither its threads nor its memory are in the others' way."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

from . import peers
from .limits import Limits
from .timing import Call, Workload, timed

__all__ = ["Gone", "Worker", "Workloads", "started"]

Workloads = Callable[[], Iterable[Workload]]

_spawn = multiprocessing.get_context("spawn")  # a fresh interpreter, which reads the environment anew


class Gone(RuntimeError):
    """The process of ``library`` has ended."""

    def __init__(self, library: str, status: int | None) -> None:
        super().__init__(f"the process of {library} ended with status {status}")
        self.library = library


class Worker:
    """A process with one library, as the others see it: it sleeps until it is asked."""

    def __init__(self, library: str, *arguments: Any) -> None:
        self._library = library
        self._pipe, theirs = _spawn.Pipe()
        self._process = _spawn.Process(target=_serve, args=(theirs, library, *arguments), daemon=True)
        self._process.start()
        theirs.close()  # so that the pipe ends when the process does

    def ask(self, method: str, *arguments: Any) -> Any:
        """Return what a method of ``_Library`` returns there. Raises ``Gone`` if the process has ended, or now ends."""
        try:
            self._pipe.send((method, *arguments))
            return self._pipe.recv()
        except (EOFError, OSError):
            self.stop(30.0)
            raise Gone(self._library, self._process.exitcode) from None

    def stop(self, patience: float = 1.0) -> None:
        """End the process, unless it does so by itself within some seconds, with a status that tells why."""
        self._pipe.close()
        self._process.join(patience)
        self._process.kill()
        self._process.join()


@contextlib.contextmanager
def started(libraries: Sequence[str], threads: int, *arguments: Any) -> Iterator[dict[str, Worker]]:
    """Yield a worker for each library, all on so many threads; ``arguments`` are workloads and seconds of a limit."""
    with contextlib.ExitStack() as stack:
        workers = {}
        with _environment(peers.environment(threads)):
            for library in libraries:
                workers[library] = Worker(library, threads, *arguments)
                stack.callback(workers[library].stop)
        yield workers


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Have these variables in the environment, which a new process inherits."""
    before = os.environ.copy()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


# ---- in the process ----


def _serve(pipe: Connection, library: str, *arguments: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal: the first one ends us
    served = _Library(library, *arguments)
    while True:
        try:
            method, *given = pipe.recv()
        except EOFError:
            return
        pipe.send(getattr(served, method)(*given))


class _Library:
    """The contestants of one library, of one workload after the other."""

    def __init__(self, name: str, threads: int, workloads: Workloads, seconds: float) -> None:
        peers.module(name)
        peers.use_threads(name, threads)
        self._name, self._works, self._limits = name, list(workloads()), Limits(seconds)
        self._calls: dict[str, Call] = {}

    def prepare(self, number: int) -> tuple[list[str], dict[str, float | str]]:
        """Return all contestants of a workload, and for each one here the error of its result, or why there is none."""
        work = self._works[number]
        contestants, error_of = work.prepare()
        errors: dict[str, float | str] = {}
        for name in contestants:
            if peers.library(name) == self._name:
                try:
                    call = contestants[name]()
                    for _ in range(work.calls):
                        result = call()
                    errors[name] = float(error_of(result))
                    self._calls[name] = call
                except Exception as failure:  # of whatever kind that library raises
                    if self._name == "wxb":
                        raise
                    errors[name] = f"{type(failure).__name__}: {failure}"
        return list(contestants), errors

    def turn(self, name: str, repeats: int) -> float:
        """Return the seconds of a contestant's call."""
        return timed(self._calls[name], repeats)

    def drop(self) -> None:
        """Free the data of the contestants."""
        self._calls.clear()
        gc.collect()

    def least_microseconds(self, number: int) -> float:
        """Return what the machine's limits allow for a workload."""
        work = self._works[number]
        return self._limits.least_microseconds(work.flops, work.bytes)

    def limits(self) -> dict[str, Any]:
        """Return the limits as measured so far."""
        return self._limits.measured()
