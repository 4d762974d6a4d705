# SPDX-License-Identifier: AGPL-3.0-or-later
"""A camera's stream as it should be: packets for as long as the permit holds, and a word on every hole.

Nothing is decoded. Reconnecting is the normal way of working: the first connection takes the same path.
"""

import os
import threading
from collections.abc import Callable, Iterator

from custodes.clock import SECOND, Clock, Instant
from custodes.domain.register import RecordingPermit
from custodes.domain.video import TICKS, Gap, GapCause, Packet, SourceTime, StreamInfo, StreamUrl
from custodes.errors import CustodesError
from custodes.video import nal
from custodes.video.ingest.libav import Transport, check_url
from custodes.video.ingest.reader import Ended, Opened, Reader, Received

_LOOK_S = 0.25
"""How long a stop or the end of the permit may go unnoticed."""
_STEADY_S = 10
"""A connection that delivered for so long was a good one: the next attempt comes soon again."""
_STRAY = 10 * TICKS


class CameraStream:
    """One stream of one camera, for the holder of a permit.

    ``url``: RTSP or RTSPS, else ``CustodesError`` (INVALID). ``nap_s``: for recording; after draining its socket the
    reading thread sleeps so long (TCP only; a quarter of a second halves the CPU, packets come that much later), and a
    connection's last picture is left out, for it may lack its end. ``silence_s``:
    without packets for so long the connection is given up. ``backoff``: first and longest pause between two attempts in
    seconds; each pause is drawn from the upper half of the current one, which doubles.
    """

    def __init__(
        self,
        url: StreamUrl,
        permit: RecordingPermit,
        clock: Clock,
        *,
        transport: Transport = "tcp",
        nap_s: float = 0.0,
        silence_s: float = 5.0,
        backoff: tuple[float, float] = (1.0, 60.0),
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        check_url(url)
        self._url = url
        self._permit = permit
        self._clock = clock
        self._transport = transport
        self._nap_s = nap_s
        self._silence_s = silence_s
        self._backoff = backoff
        self._entropy = entropy

    def events(self, stop: threading.Event) -> Iterator[Packet | Gap]:
        """Yield packets in the order they came, and a ``Gap`` whenever there is, or still is, a hole.

        The first event is a gap (CONNECTING). A gap's ``began`` is the arrival of the last packet before it; while
        attempts go on failing, another gap with the same ``began`` comes only when cause or detail change. Ends after
        STOPPED, within a second of ``stop``, or after NOT_PERMITTED. Never raises for what a camera does.

        The first picture of a connection may lack its beginning; without a nap, the last one its end; over UDP any
        picture may lack what was lost on the way.
        """
        hole: Gap | None = None
        began = self._clock.now()
        pause, longest = self._backoff
        connection = 1
        while (end := self._over(stop)) is None:
            if hole is None:
                hole = Gap(began, GapCause.CONNECTING, "")
                yield hole
            intake = _Intake(connection)
            last: Packet | None = None
            first = self._clock.monotonic()
            for event in self._connection(intake, stop):
                if isinstance(event, Packet):
                    last, began = event, event.received
                    yield event
                    continue
                gap = Gap(began, event.cause, event.detail)
                if last is not None or gap != hole:
                    yield gap
                hole = gap
            connection += intake.opened
            if last is not None and self._clock.monotonic() - first > _STEADY_S * SECOND:
                pause = self._backoff[0]
            if self._over(stop) is None:
                stop.wait(min(pause * (0.5 + self._entropy(1)[0] / 512), self._permit_left_s()))
            pause = min(pause * 2, longest)
        yield Gap(began, end, "")

    def _over(self, stop: threading.Event) -> GapCause | None:
        """Why there must not be another packet, or None."""
        if not self._permit.holds_at(self._clock.now()):
            return GapCause.NOT_PERMITTED
        return GapCause.STOPPED if stop.is_set() else None

    def _permit_left_s(self) -> float:
        return max(0.0, (self._permit.expires - self._clock.now()) / SECOND)

    def _connection(self, intake: "_Intake", stop: threading.Event) -> Iterator[Packet | Ended]:
        """Connect once; yield packets, then how it ended, unless that was for us to decide."""
        reader = Reader(self._url, self._clock, self._transport, self._nap_s, self._silence_s)
        try:
            while self._over(stop) is None:
                item = reader.take(_LOOK_S)
                if isinstance(item, Ended):
                    yield item
                    return
                if isinstance(item, Opened):
                    intake.open(item)
                for received in item if isinstance(item, list) else ():
                    if not self._permit.holds_at(received.at):
                        return
                    packet = intake.packet(received)
                    if packet is not None:
                        yield packet
        except CustodesError as problem:
            yield Ended(GapCause.DAMAGED, problem.message)
        finally:
            reader.close()


class _Intake:
    """Makes packets of what one connection delivers: NAL units, time, and what the stream says of itself."""

    def __init__(self, connection: int) -> None:
        self.opened = False
        self._connection = connection
        self._sets: tuple[bytes, ...] = ()
        self._info: StreamInfo | None = None
        self._first: Instant | None = None
        self._base: int | None = None
        self._ticks = 0

    def open(self, opened: Opened) -> None:
        """The connection stands."""
        self.opened = True
        self._learn(opened.parameter_sets)

    def packet(self, received: Received) -> Packet | None:
        """Return the packet, or None if it holds no NAL unit or nothing is known yet of how to decode it.

        Raises ``CustodesError`` (CORRUPT) for parameter sets that cannot be read.
        """
        data = received.unit.data
        # A connection may begin in the middle of a picture: what stands before the first start code is a NAL unit's
        # rest, and without its head it is none.
        nals = nal.split_annexb(data[max(0, data.find(b"\x00\x00\x01")) :]) if b"\x00\x00\x01" in data else ()
        self._learn(nal.parameter_sets(nals))
        ticks = self._time(received)
        if not nals or self._info is None:
            return None
        key = received.unit.key or any(nal.is_key(each) for each in nals)
        return Packet(nals, key, SourceTime(self._connection, ticks), received.at, self._info)

    def _learn(self, sets: tuple[bytes, ...]) -> None:
        """Keep the newest parameter sets: those sent with the pictures replace those announced."""
        kept = tuple(each for each in self._sets if not any(nal.kind(each) == nal.kind(new) for new in sets))
        sets = tuple(sorted((*kept, *sets), key=nal.kind))
        if sets == self._sets:
            return
        self._sets = sets
        if {nal.kind(each) for each in sets} == {nal.SPS, nal.PPS}:
            form = nal.read_sps(sets[0])
            self._info = StreamInfo(form.width, form.height, sets)

    def _time(self, received: Received) -> int:
        """Return RTP time since the connection's first packet.

        libav counts from the first RTP packet but leaves the first access unit without time: it is 0. Two servers lead
        it astray, and only there the first interval is the one between arrivals: one that begins at RTP time 0 (libav
        then counts from the second unit) and one whose answer to PLAY has a Range (it is added to all times).
        """
        if self._first is None:
            self._first = received.at
        given = received.unit.ticks
        if given is None:
            return self._ticks
        if self._base is None:
            elapsed = max(1, (received.at - self._first) * TICKS // SECOND)
            astray = given == 0 or abs(given - elapsed) > _STRAY
            self._base = given - elapsed if astray else 0
        self._ticks = given - self._base
        return self._ticks
