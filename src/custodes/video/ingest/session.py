# SPDX-License-Identifier: AGPL-3.0-or-later
"""A camera's stream as it should be: packets for as long as the permit holds, and a word on every hole.

Nothing is decoded. Reconnecting is the normal way of working: the first connection takes the same path.
"""

import os
import threading
from collections.abc import Callable, Iterator

from custodes.clock import SECOND, Clock, Instant
from custodes.domain.register import RecordingPermit
from custodes.domain.video import (
    TICKS,
    Codec,
    Gap,
    GapCause,
    Packet,
    SourceTime,
    StreamInfo,
    StreamUrl,
    Transport,
)
from custodes.errors import CustodesError, corrupt
from custodes.video import units
from custodes.video.ingest.reader import Ended, Meter, Opened, Reader, Received
from custodes.video.ingest.rtsp.address import parse_address

_LOOK_S = 0.25
"""How long a stop or the end of the permit may go unnoticed."""
_REST_S = 0.5
"""How long whoever records rests when there is nothing to do: two batches of the reader's."""
_GROWTH = 4 / 3
_STEADY_S = 10
"""A connection that delivered for so long was a good one: the next attempt comes soon again."""
_PAUSE = SECOND
_USUAL_TIMES = 4
"""A hole is a pause without pictures that lasts a second and four times as long as is usual for this stream."""
_LEAP = 10 * SECOND
"""RTP time that is off by more than this against the time of arrival has jumped."""


class CameraStream:
    """One stream of one camera, for the holder of a permit.

    ``url``: RTSP or RTSPS, else ``CustodesError`` (INVALID). ``nap_s``: for recording; after draining its socket the
    reading thread sleeps so long (TCP only), packets come that much later and with the beginning of the next picture.
    ``silence_s``: without packets for so long the connection is given up. ``backoff``: first and longest pause between
    two attempts in seconds; each pause is drawn from the upper half of the current one, which grows by a third: a
    camera that was away for a quarter of a minute is back within five seconds, one that is gone is asked once a minute.
    ``pin``: SHA-256 of the camera's TLS certificate, hexadecimal; empty for none. ``meter`` counts.
    """

    def __init__(
        self,
        url: StreamUrl,
        permit: RecordingPermit,
        clock: Clock,
        *,
        transport: Transport = "tcp",
        pin: str = "",
        nap_s: float = 0.0,
        silence_s: float = 5.0,
        backoff: tuple[float, float] = (1.0, 60.0),
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        parse_address(url)
        self.meter = Meter()
        self._url = url
        self._permit = self._earlier = permit
        self._clock = clock
        self._transport: Transport = transport
        self._pin = pin
        self._nap_s = nap_s
        self._silence_s = silence_s
        self._backoff = backoff
        self._entropy = entropy

    def renew(self, permit: RecordingPermit) -> None:
        """Go on under another permit of the same camera; what was received before it holds came under the old one."""
        self._earlier, self._permit = self._permit, permit

    def events(self, stop: threading.Event) -> Iterator[Packet | Gap]:
        """Yield packets in the order they came, and a ``Gap`` whenever there is, or still is, a hole.

        The first event is a gap (CONNECTING). A gap's ``began`` is the arrival of the last packet before it; while
        attempts go on failing, another gap with the same ``began`` comes only when cause or detail change. LOST,
        PAUSED, CAMERA_TIME and CLOCK_SET are told between two packets of one connection. Ends after STOPPED, within a
        second of ``stop``, or after NOT_PERMITTED, OUTSIDE_HOURS or CLOCK_WRONG. Never raises for what a camera does.

        Every NAL unit of a packet is whole; over UDP a picture may lack units that were lost, and is told of.
        """
        hole: Gap | None = None
        began = self._clock.now()
        pause, longest = self._backoff
        connection = 1
        while (end := self._over(stop)) is None:
            if hole is None:
                hole = Gap(began, GapCause.CONNECTING, "")
                yield hole
            intake = Intake(connection)
            last: Packet | None = None
            first = self._clock.monotonic()
            for event in self._connection(intake, stop):
                if isinstance(event, Packet):
                    last, began = event, event.received
                    yield event
                    continue
                if isinstance(event, Gap):
                    yield event
                    continue
                gap = Gap(began, event.cause, event.detail)
                if last is not None or gap != hole:
                    yield gap
                hole = gap
            if last is not None and hole.began < last.received:
                hole = None  # it was ended from here, and whatever is missing until the next one is told
            connection += intake.opened
            if last is not None and self._clock.monotonic() - first > _STEADY_S * SECOND:
                pause = self._backoff[0]
            if self._over(stop) is None:
                stop.wait(min(pause * (0.5 + self._entropy(1)[0] / 512), self._permit_left_s()))
            pause = min(pause * _GROWTH, longest)
        yield Gap(began, end, "")

    def _over(self, stop: threading.Event) -> GapCause | None:
        """Why there must not be another packet, or None."""
        now = self._clock.now()
        if now < self._permit.not_before:
            return GapCause.CLOCK_WRONG
        if not self._permit.holds_at(now):
            return GapCause.NOT_PERMITTED
        if not self._permit.in_hours(now):
            return GapCause.OUTSIDE_HOURS
        return GapCause.STOPPED if stop.is_set() else None

    def _allowed(self, at: Instant) -> bool:
        """Whether what was received then may be recorded."""
        permit = self._permit  # read once: another thread renews it
        if at < permit.not_before:
            permit = self._earlier
        return permit.holds_at(at) and permit.in_hours(at)

    def _permit_left_s(self) -> float:
        return max(0.0, (self._permit.expires - self._clock.now()) / SECOND)

    def _connection(self, intake: "Intake", stop: threading.Event) -> Iterator[Packet | Gap | Ended]:
        """Connect once; yield packets and holes, then how it ended, unless that was for us to decide."""
        reader = Reader(
            self._url, self._clock, self._transport, self._nap_s, self._silence_s, meter=self.meter, pin=self._pin
        )
        try:
            while self._over(stop) is None:
                item = reader.take(_LOOK_S if not self._nap_s else _REST_S)
                if isinstance(item, Ended):
                    yield intake.judged(item)
                    return
                if isinstance(item, Opened):
                    intake.open(item)
                for received in item if isinstance(item, list) else ():
                    if not self._allowed(received.at):
                        return
                    yield from intake.events(received)
        except CustodesError as problem:
            yield Ended(GapCause.DAMAGED, problem.message)
        finally:
            reader.close()


class Intake:
    """Makes packets of what one connection delivers: what the stream says of itself, and what is missing in it."""

    def __init__(self, connection: int) -> None:
        self.opened = False
        self._connection = connection
        self._codec = Codec.H264
        self._sets: tuple[bytes, ...] = ()
        self._info: StreamInfo | None = None
        self._last: Packet | None = None
        self._step = 0
        self._usual = 0
        self._lost = 0
        self._keys = 0
        self._problem: CustodesError | None = None

    def open(self, opened: Opened) -> None:
        """The connection stands."""
        self.opened = True
        self._codec = opened.codec
        try:
            self._learn(units.parameter_sets(self._codec, opened.parameter_sets))
        except CustodesError as problem:
            self._problem = problem  # the stream may have better ones

    def judged(self, ended: Ended) -> Ended:
        """How the connection ended: if no picture of it could be used, that is what was wrong with it."""
        if self._problem is not None and self._info is None:
            return Ended(GapCause.DAMAGED, self._problem.message)
        return ended

    def events(self, received: Received) -> Iterator[Packet | Gap]:
        """Yield the packet, after what there is to say of the time before it.

        There is no packet while nothing is known of how to decode it. Raises ``CustodesError`` (CORRUPT) for parameter
        sets that cannot be read.
        """
        unit = received.unit
        self._lost += unit.lost
        sets = units.parameter_sets(self._codec, unit.nals)
        if sets:
            self._learn(sets)
        self._info = units.picture_info(self._codec, unit.nals) or self._info
        key = units.is_key(self._codec, unit.nals)
        if self._info is None:
            self._keys += key
            if self._keys and (self._problem or self._keys > 1):
                raise self._problem or corrupt("the camera never says how its pictures are coded")
            return
        nals = units.sample(self._codec, unit.nals)
        packet = Packet(nals, key, SourceTime(self._connection, unit.ticks), received.at, self._info)
        if self._last is not None:
            yield from self._holes(self._last, packet, received.step)
        self._last, self._step, self._lost = packet, received.step, 0
        yield packet

    def _holes(self, last: Packet, packet: Packet, step: int) -> Iterator[Gap]:
        """What is missing, or not as it should be, between two packets of one connection."""
        waited = packet.received - last.received
        passed = (packet.source.ticks - last.source.ticks) * SECOND // TICKS
        if step != self._step:
            yield Gap(last.received, GapCause.CLOCK_SET, f"by {waited / SECOND:+.0f} s")
        elif abs(passed - waited) > _LEAP:
            yield Gap(last.received, GapCause.CAMERA_TIME, f"by {(passed - waited) / SECOND:+.0f} s")
        elif self._lost:
            yield Gap(last.received, GapCause.LOST, f"{self._lost} packets")
        elif self._usual and max(passed, waited) > max(_PAUSE, _USUAL_TIMES * self._usual):
            yield Gap(last.received, GapCause.PAUSED, f"for {max(passed, waited) / SECOND:.1f} s")
        if 0 < passed < 60 * SECOND:
            self._usual += (passed - self._usual) // 8 if self._usual else passed

    def _learn(self, sets: tuple[bytes, ...]) -> None:
        """Keep the newest parameter sets: those sent with the pictures replace those announced."""
        renewed = units.renewed(self._codec, self._sets, sets)
        if renewed != self._sets:
            self._info = units.stream_info(self._codec, renewed) or self._info
            self._sets = renewed
