# SPDX-License-Identifier: AGPL-3.0-or-later
"""Child processes: started, watched, started again, and never left behind."""

import ctypes
import fcntl
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from custodes.errors import conflict
from custodes.trust.tlog.store import make_folder

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_RESTART_S = (0.2, 1.0, 2.0, 5.0, 10.0)
_STEADY_S = 30.0
_STOP_S = 15.0


def harden() -> None:
    """Called by each child: it ends with its parent, and no core dump of it can hold a picture or a password."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    libc.prctl(_PR_SET_DUMPABLE, 0)


def stop_on_signals() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    asked: queue.SimpleQueue[None] = queue.SimpleQueue()

    def obey() -> None:
        asked.get()
        stop.set()

    # A handler interrupts the main thread anywhere, also where that holds the event's lock: setting it there would wait
    # for itself for ever. ``SimpleQueue.put`` is reentrant; the thread sets the event.
    threading.Thread(target=obey, name="signals", daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.put(None))
    return stop


def only_one(root: Path, role: str, patience_s: float = 0.0) -> int:
    """Claim a role in a data folder until this process ends, and return the lock's descriptor.

    Two recorders would close each other's periods: whoever comes second, and finds the first still there after
    ``patience_s``, gets ``CustodesError`` (CONFLICT).
    """
    make_folder(root / "run")
    descriptor = os.open(root / "run" / f"{role}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            os.close(descriptor)
            raise conflict(f"another {role} is running in {root}") from None
        return descriptor


def _complain(line: str) -> None:
    sys.stderr.write(line + "\n")


@dataclass(slots=True)
class Child:
    """One process to keep running. ``restarts`` counts how often it had to be started again."""

    name: str
    argv: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    started: float = 0.0
    due: float = 0.0


@dataclass(slots=True)
class Supervisor:
    """Keeps children running until ``stop``; restarts the ones that end, later each time they end soon."""

    say: Callable[[str], None] = _complain
    children: list[Child] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def start(self, name: str, argv: Sequence[str], log: Path) -> Child:
        """Start a child whose output goes to the end of ``log``."""
        child = Child(name, argv, log)
        self.children.append(child)
        self._launch(child)
        return child

    def _launch(self, child: Child) -> None:
        with child.log.open("ab") as log:
            child.process = subprocess.Popen(
                child.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        child.started = time.monotonic()

    def check(self) -> None:
        """Start again whatever has ended; call it a few times a second."""
        now = time.monotonic()
        for child in self.children:
            if child.process is None:
                if now >= child.due and not self._stopping.is_set():
                    self._launch(child)
            elif (code := child.process.poll()) is not None:
                if now - child.started > _STEADY_S:
                    child.restarts = 0
                pause = _RESTART_S[min(child.restarts, len(_RESTART_S) - 1)]
                self.say(f"{child.name} ended with {code}; it starts again in {pause} s (see {child.log})")
                child.restarts += 1
                child.process, child.due = None, now + pause

    def stop_child(self, child: Child) -> None:
        """Stop one child for good: SIGTERM, and SIGKILL if it does not end."""
        self.children.remove(child)
        _end(child)

    def stop(self) -> None:
        """Stop every child, in reverse order of their start."""
        self._stopping.set()
        for child in reversed(self.children):
            _end(child)
        self.children.clear()


def _end(child: Child) -> None:
    if child.process is None or child.process.poll() is not None:
        return
    child.process.terminate()
    try:
        child.process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()
