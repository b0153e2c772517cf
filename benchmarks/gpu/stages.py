"""Run a phase in a process of its own (worker.py), past cases that hang or fault."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from build import environment

WORKER = Path(__file__).with_name("worker.py")
RESTARTS = 24  # of a phase: so many cases may fault
PREPARING = 60.0  # seconds a worker may take before its first case, and between two


def failure(phase: str, case: str, why: str) -> dict[str, Any]:
    """Return the row of a case that ended without one."""
    if phase == "sanitizer":
        return {"tool": case, "works": False, "cases": 0, "errors": None, "said": why}
    if phase in ("times", "end_to_end", "ceilings"):
        none = dict.fromkeys(("threads", "target", "limit", "share", "error", "best_peer", "ratio"))
        return none | {"name": case, "us": {}, "why": why}
    return {"op": case, "dtype": "", "cases": 0, "ok": False, "why": why}


class Stage:
    """A phase: ``rows`` runs it; then ``count`` says how many cases there were, ``cut`` at which one time was up."""

    def __init__(self, phase: str, device: str, log: Path, dry: bool = False, cases: str = "*") -> None:
        self.phase, self.log = phase, log
        self.command = [sys.executable, str(WORKER), phase, "--device", device, "--cases", cases]
        self.command += ["--dry"] if dry else []
        self.count, self.cut, self.why = 0, "", ""
        self._done: list[str] = []

    def rows(self, deadline: float, patience: float) -> Iterator[dict[str, Any]]:
        """Yield the row of every case; one that raises, faults or takes more than ``patience`` has one that says so."""
        for _ in range(RESTARTS):
            ended = yield from self._one_process(deadline, patience)
            if ended:
                return
        self.why = f"given up after {RESTARTS} faults"

    def _one_process(self, deadline: float, patience: float) -> Any:
        """Yield the rows of one worker; return whether the phase is over."""
        lines: queue.Queue[str] = queue.Queue()
        with tempfile.NamedTemporaryFile("w", suffix=".json") as done, self.log.open("a+", encoding="utf-8") as log:
            json.dump(self._done, done)
            done.flush()
            began = log.tell()
            worker = subprocess.Popen(
                [*self.command, "--done", done.name],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment(),
                start_new_session=True,
            )
            reader = threading.Thread(target=_read, args=(worker, lines), daemon=True)
            reader.start()
            case, why = "", "stopped"
            try:
                case, why = yield from self._messages(lines, deadline, patience)
            finally:
                status = _end(worker, at_once=bool(why))
                reader.join(10.0)
            said = self.log.read_text(encoding="utf-8", errors="replace")[began:].strip()
            words = said.rpartition("\n")[2][-500:]
        if why == "deadline":
            self.cut, self.why = case, "time was up"
            if case:
                yield failure(self.phase, case, self.why)
            return True
        if case:
            self._done.append(case)
            yield failure(self.phase, case, why or words or f"exit status {status}")
            return False
        if why or status:
            self.why = why or words or f"exit status {status}"
        return True

    def _messages(self, lines: queue.Queue[str], deadline: float, patience: float) -> Any:
        """Yield the rows a worker prints; return the case it was at when it ended, and why we stop it if we do."""
        case = ""
        while True:
            limit = min(deadline - time.monotonic(), patience if case else max(patience, PREPARING))
            try:
                line = lines.get(timeout=max(0.0, limit))
            except queue.Empty:
                return case, "deadline" if time.monotonic() >= deadline else f"no answer in {limit:.0f} s"
            if not line:
                return case, ""
            message = json.loads(line)
            if "begin" in message:
                case = message["begin"]
                continue
            self._done.append(case)
            self.count, case = self.count + 1, ""
            yield message["row"]


def _read(worker: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    assert worker.stdout
    with worker.stdout as out:
        for line in out:
            lines.put(line)
    lines.put("")


def _end(worker: subprocess.Popen[str], at_once: bool) -> int | None:
    """End a worker and all that it started, and return its status; one that closed its output may end by itself."""
    if not at_once:
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.wait(10.0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(worker.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):  # a driver that hangs may hold it: then it is left behind
        worker.wait(10.0)
    return worker.returncode
