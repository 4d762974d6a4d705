# SPDX-License-Identifier: AGPL-3.0-or-later
"""A shard as its coordinator sees it: a process, orders going in, reports coming out."""

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import IO

from custodes.errors import CustodesError
from custodes.node.config import Layout
from custodes.node.runtime.recorder import wire

_STOP_S = 15.0
_MALLOC = {
    # One heap for all threads, whose pages are kept: a fragment's buffers are used again by the next camera's. With the
    # defaults, each thread has a heap that gives its pages back to the kernel and asks for them anew, once a second.
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    "MALLOC_MMAP_THRESHOLD_": str(64 << 20),
}


class ShardProcess:
    """Starts a shard at once. ``single``: for one camera only, one that has brought others down."""

    def __init__(self, layout: Layout, lock: int, *, single: bool = False) -> None:
        self.single = single
        self.stopping = False
        argv = [sys.executable, "-m", "custodes.node.runtime.recorder", str(layout.root)]
        # The role's lock is held by whoever has its descriptor: no new coordinator begins while a shard still writes.
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(lock,),
            start_new_session=True,
            env={**os.environ, **_MALLOC},
        )
        self._reports: queue.SimpleQueue[wire.Report] = queue.SimpleQueue()
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), name="reports", daemon=True)
        self._reader.start()

    @property
    def alive(self) -> bool:
        """False once the process has ended."""
        return self._process.poll() is None

    @property
    def code(self) -> int | None:
        """What it ended with."""
        return self._process.returncode

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, order: wire.Order) -> None:
        """Give an order; one to a process that has ended is lost, as its coordinator will find out."""
        assert self._process.stdin is not None  # noqa: S101
        try:
            self._process.stdin.write(wire.encode(order))
            self._process.stdin.flush()
        except (OSError, ValueError):
            return

    def reports(self) -> Iterator[wire.Report]:
        """What has been reported since the last call."""
        if not self.alive:
            self._reader.join(2)
        while not self._reports.empty():
            yield self._reports.get()

    def stop(self) -> None:
        """Ask it to close its periods and end: its orders end. May be repeated."""
        if self.stopping:
            return
        self.stopping = True
        assert self._process.stdin is not None  # noqa: S101
        try:
            self._process.stdin.close()
        except OSError:
            return

    def wait(self) -> None:
        """Wait until it has ended; after a while it is made to."""
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self, out: IO[bytes]) -> None:
        with out:
            for line in out:
                try:
                    self._reports.put(wire.decode(line))
                except CustodesError as problem:
                    sys.stderr.write(f"{problem}\n")
