# SPDX-License-Identifier: AGPL-3.0-or-later
"""One connection to a camera, on a thread of its own: it never waits for anything but the camera.

What was received waits in memory, up to a limit, for whoever reads; beyond that TCP holds the camera back.
"""

import threading
import time
from collections import deque
from dataclasses import dataclass, field

from custodes.clock import SECOND, Clock, Instant, SteadyClock
from custodes.domain.video import TICKS, Codec, GapCause, StreamUrl, Transport
from custodes.video.ingest.rtsp.address import parse_address
from custodes.video.ingest.rtsp.connection import Connection, ConnectionFailed
from custodes.video.ingest.rtsp.rtp import AccessUnit

WAITING_MAX = 16 << 20
"""Bytes of pictures that may wait for a slow disk: half a minute at 4 Mbit/s."""
_LOOK_S = 0.25
"""How long a stop may go unnoticed."""


@dataclass(frozen=True, slots=True)
class Received:
    """An access unit and the receiver's UTC when it came in; ``step``: how often that clock was set before."""

    unit: AccessUnit
    at: Instant
    step: int


@dataclass(frozen=True, slots=True)
class Opened:
    """The connection stands; the codec and the parameter sets that were announced."""

    codec: Codec
    parameter_sets: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """The connection's end: the last thing a reader hands over."""

    cause: GapCause
    detail: str


@dataclass(slots=True)
class Meter:
    """What is counted of a stream, over all its connections. Written by its threads, read by anybody at any time.

    ``octets``: of RTP payload; ``lost``: RTP packets missing; ``waiting``: octets received and not taken yet;
    ``offset_ns``: the camera's clock minus ours by its newest sender report; ``since``: of the connection at hand.
    """

    connections: int = 0
    pictures: int = 0
    octets: int = 0
    lost: int = 0
    waiting: int = 0
    offset_ns: int | None = None
    since: Instant | None = None


@dataclass(slots=True)
class _Handed:
    items: deque[Opened | list[Received] | Ended] = field(default_factory=deque)
    octets: int = 0


class Reader:
    """Connects at once and reads until the connection ends or ``close``.

    ``nap_s``: after taking in what lies ready, sleep so long (TCP only; over UDP the kernel's buffer is too small to
    sleep on). A reader that naps hands a picture over when the next one begins, one that does not as soon as it is
    whole.
    """

    def __init__(
        self,
        url: StreamUrl,
        clock: Clock,
        transport: Transport,
        nap_s: float,
        silence_s: float,
        meter: Meter | None = None,
        pin: str = "",
    ) -> None:
        self._clock = SteadyClock(clock)
        self._connection = Connection(
            parse_address(url), transport, self._clock, eager=nap_s == 0, pin=pin, limit_s=silence_s
        )
        self._nap_s = nap_s if transport == "tcp" else 0.0
        self._silence_s = silence_s
        self._meter = meter or Meter()
        self._closed = threading.Event()
        self._handed = _Handed()
        self._changed = threading.Condition()
        self._held_up = False
        self._before = self._clock.now()
        self._counted = (0, 0)
        self._thread = threading.Thread(target=self._run, name=f"read {url}", daemon=True)
        self._thread.start()

    def take(self, timeout_s: float) -> Opened | list[Received] | Ended | None:
        """Return what came next, or None after ``timeout_s``.

        Where the reader naps, so does whoever takes: nobody is woken for each hand-over.
        """
        handed = self._handed
        if not handed.items and self._nap_s:
            time.sleep(timeout_s)
        with self._changed:
            if not self._nap_s:
                self._changed.wait_for(lambda: handed.items, timeout_s)
            if not handed.items:
                return None
            item = handed.items.popleft()
            if isinstance(item, list):
                handed.octets -= _size(item)
                self._meter.waiting = handed.octets
            if self._held_up:
                self._changed.notify_all()
            return item

    def close(self, wait_s: float = 0.5) -> None:
        """Ask the thread to leave the camera (TEARDOWN); one that is setting up a connection ends with its limit."""
        self._closed.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join(wait_s)

    def _put(self, item: Opened | list[Received] | Ended) -> None:
        size = _size(item) if isinstance(item, list) else 0

        def room() -> bool:
            return self._closed.is_set() or self._handed.octets == 0 or self._handed.octets + size <= WAITING_MAX

        with self._changed:
            self._held_up = True
            self._changed.wait_for(room)
            self._held_up = False
            if item != [] and not self._closed.is_set():
                self._handed.items.append(item)
                self._handed.octets += size
                self._meter.waiting = self._handed.octets
                if not self._nap_s:
                    self._changed.notify_all()

    def _run(self) -> None:
        try:
            announced = self._connection.open()
            self._before = self._clock.now()
            self._meter.connections += 1
            self._meter.since = self._before
            self._put(Opened(announced.codec, announced.parameter_sets))
            self._read()
        except ConnectionFailed as end:
            self._hand_over(self._connection.finish())
            self._put(Ended(end.cause, end.detail))
        except Exception as problem:  # noqa: BLE001  (a reader that dies without a word would look like a silent camera)
            self._put(Ended(GapCause.DAMAGED, f"{type(problem).__name__} while reading the stream"))
        finally:
            self._meter.since = None
            self._connection.close()

    def _read(self) -> None:
        heard = time.monotonic()
        while not self._closed.is_set():
            if self._connection.receive(_LOOK_S):
                heard = time.monotonic()
            elif time.monotonic() - heard >= self._silence_s:
                raise ConnectionFailed(GapCause.SILENT, f"waited {self._silence_s:g} s")
            self._count()
            self._hand_over(self._connection.take())
            self._connection.keep_alive()
            if self._nap_s and not self._connection.more:
                time.sleep(self._nap_s)

    def _count(self) -> None:
        octets, lost = self._connection.octets, self._connection.lost
        self._meter.octets += octets - self._counted[0]
        self._meter.lost += lost - self._counted[1]
        self._counted = (octets, lost)
        report = self._connection.take_report()
        if report is not None:
            self._meter.offset_ns = report.ntp_ns - self._clock.now()

    def _hand_over(self, units: list[AccessUnit]) -> None:
        """Stamp pictures: those that were read together came one after the other, as far apart as their RTP times say,
        the newest one when it was read, none of them before what was read earlier."""
        newest: dict[int, int] = {unit.arrived: unit.ticks for unit in units}
        received = []
        for unit in units:
            ago = max(0, newest[unit.arrived] - unit.ticks) * SECOND // TICKS
            at = max(min(self._before, unit.arrived), unit.arrived - ago)
            received.append(Received(unit, Instant(at), self._clock.steps))
            self._before = Instant(at)
        self._meter.pictures += len(units)
        self._put(received)


def _size(batch: list[Received]) -> int:
    return sum(len(nal) for received in batch for nal in received.unit.nals)
