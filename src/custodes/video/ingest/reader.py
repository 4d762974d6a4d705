# SPDX-License-Identifier: AGPL-3.0-or-later
"""One connection to a camera, on a thread of its own.

libav cannot be interrupted while it waits for a camera, so the wait happens on this thread and whoever reads is never
held up. Packets are handed over in batches: one hand-over per wake-up.

A reader that naps serves a recording, where a picture's delay is nothing and every NAL unit must be whole: it hands a
picture over when the next has come, and drops the last one of a connection that broke, which may be cut short.
"""

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from custodes.clock import SECOND, Clock, Instant
from custodes.domain.video import TICKS, GapCause, StreamUrl
from custodes.errors import CustodesError
from custodes.video.ingest import libav
from custodes.video.ingest.libav import AccessUnit, ConnectionFailed, Transport

_BLOCKED_NS = 2_000_000
"""A read that took longer than this has waited for the network: the socket is drained, or was."""
_BEHIND_NS = 200_000_000
_STEP_NS = 10_000_000_000
_BATCH = 32
_BATCHES = 16


@dataclass(frozen=True, slots=True)
class Received:
    """An access unit and the receiver's UTC when its first bytes came in (up to ``nap_s`` late)."""

    unit: AccessUnit
    at: Instant


@dataclass(frozen=True, slots=True)
class Opened:
    """The connection stands; the parameter sets that were announced."""

    parameter_sets: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """The connection's end: the last thing a reader hands over."""

    cause: GapCause
    detail: str


class Pace:
    """Knows whether pictures still lie at the camera.

    On a fast stream a full window of TCP is less than what the camera makes during a nap. The rest comes while we read,
    with pauses that look like a drained socket: to nap then would be to fall behind until the camera drops pictures. So
    a picture's delay is compared with the least delay there was; that one is forgotten by a thousandth of the time, for
    clocks drift.
    """

    def __init__(self) -> None:
        self._least = 0
        self._last: int | None = None

    def behind(self, ticks: int | None, now: int) -> bool:
        """True if a picture of RTP time ``ticks``, read at ``now`` (monotonic ns), comes later than it could have."""
        if ticks is None:
            return False
        delay = now - ticks * SECOND // TICKS
        if self._last is None or abs(delay - self._least) > _STEP_NS:
            self._least = delay  # the first picture, or the camera's clock was set
        else:
            self._least = min(delay, self._least + (now - self._last) // 1000)
        self._last = now
        return delay - self._least > _BEHIND_NS


class Reader:
    """Connects at once and reads until the connection ends or ``close``."""

    def __init__(self, url: StreamUrl, clock: Clock, transport: Transport, nap_s: float, silence_s: float) -> None:
        self._url = url
        self._clock = clock
        self._transport = transport
        # Over UDP the kernel's buffer is too small to sleep on: what does not fit is lost.
        self._whole = nap_s > 0
        self._nap_s = nap_s if transport == "tcp" else 0.0
        self._silence_s = silence_s
        self._closed = threading.Event()
        self._items: queue.Queue[Opened | list[Received] | Ended] = queue.Queue(_BATCHES)
        self._thread = threading.Thread(target=self._run, name=f"read {url}", daemon=True)
        self._thread.start()

    def take(self, timeout_s: float) -> Opened | list[Received] | Ended | None:
        """Return what came next, or None after ``timeout_s``."""
        try:
            return self._items.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def close(self, wait_s: float = 0.5) -> None:
        """Ask the thread to leave the camera (TEARDOWN); one that hangs ends with its time-out."""
        self._closed.set()
        self._thread.join(wait_s)

    def _put(self, item: Opened | list[Received] | Ended) -> None:
        while item != [] and not self._closed.is_set():
            try:
                self._items.put(item, timeout=0.5)
            except queue.Full:
                continue  # the taker is slow: TCP holds the camera back
            return

    def _run(self) -> None:
        try:
            container = libav.connect(self._url, self._transport, self._silence_s)
            with container:
                self._put(Opened(libav.announced_sets(container)))
                self._read(libav.access_units(container, self._url, self._silence_s))
        except ConnectionFailed as end:
            self._put(Ended(end.cause, end.detail))
        except CustodesError as problem:
            self._put(Ended(GapCause.DAMAGED, problem.message))
        except Exception as problem:  # noqa: BLE001  (a reader that dies without a word would look like a silent camera)
            self._put(Ended(GapCause.DAMAGED, libav.scrub(f"{type(problem).__name__}: {problem}", self._url)))

    def _read(self, units: Iterator[AccessUnit]) -> None:
        batch: list[Received] = []
        kept = 1 if self._whole else 0
        pace = Pace()
        began = self._clock.now()
        try:
            while not self._closed.is_set():
                before = self._clock.monotonic()
                unit = next(units)
                # libav hands a unit over when the next one begins: that moment is the next one's time of arrival.
                batch.append(Received(unit, began))
                began = self._clock.now()
                now = self._clock.monotonic()
                drained = now - before > _BLOCKED_NS and not pace.behind(unit.ticks, now)
                if drained or not self._nap_s or len(batch) >= _BATCH:
                    self._put(batch[: len(batch) - kept])
                    batch = batch[len(batch) - kept :]
                if drained and self._nap_s:
                    self._closed.wait(self._nap_s)
        finally:
            self._put(batch[: len(batch) - kept])
