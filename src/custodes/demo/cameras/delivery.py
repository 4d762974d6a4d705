# SPDX-License-Identifier: AGPL-3.0-or-later
"""From a stream to its clients: fan-out, and the two ways on which packets travel."""

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from custodes.clock import SECOND, Clock
from custodes.demo.cameras.encoder import StreamForm
from custodes.demo.cameras.rtp import RtpSender, ticks_of
from custodes.demo.cameras.source import RATE
from custodes.domain.video import TICKS

REPORT_EVERY = 4 * SECOND
"""At most so long between sender reports, plus a picture."""
TICKS_PER_PICTURE = TICKS // RATE

_MAX_UNSENT = 2 * 1024 * 1024
"""Bytes that may wait for one TCP client (about 4 s of a busy main stream) before it is dropped."""
_BURST, _PAUSE_S = 16, 0.002
"""UDP packets at a time: a key picture sent at once would overflow a receiver's socket buffer."""
_MAX_QUEUED = 2048


@dataclass(frozen=True, slots=True)
class SentPicture:
    """One encoded picture, ready to be sent: its index (25 per second) and its RTP payloads."""

    index: int
    key: bool
    payloads: list[bytes]


class Carrier(Protocol):
    """A way to one client."""

    def media(self, packets: Sequence[bytes]) -> bool:
        """Send RTP packets without waiting; False if the client cannot keep up or is gone."""
        ...

    def control(self, packet: bytes) -> None:
        """Send an RTCP packet."""
        ...

    def close(self) -> None:
        """Send nothing more."""
        ...


class Stream:
    """One stream of one camera, and who listens. Lives in the event loop."""

    def __init__(self, camera: str, form: StreamForm) -> None:
        self.camera, self.form = camera, form
        self.path = f"{camera}/{form.role.value}"
        self.parameter_sets: tuple[bytes, ...] = ()
        self.ready = asyncio.Event()
        self.started = 0
        """The monotonic instant of picture 0."""
        self.deliveries: set[Delivery] = set()

    def open(self, parameter_sets: tuple[bytes, ...], started: int) -> None:
        """Say what the first key picture said; from now on the stream can be described."""
        self.parameter_sets, self.started = parameter_sets, started
        self.ready.set()

    def publish(self, picture: SentPicture) -> None:
        """Hand a picture to everybody who listens."""
        for delivery in tuple(self.deliveries):
            delivery.offer(picture)


class Delivery:
    """One client's playing of a stream, from the next key picture on."""

    def __init__(
        self,
        stream: Stream,
        carrier: Carrier,
        sender: RtpSender,
        clock: Clock,
        on_first: Callable[[SentPicture], None],
        on_lost: Callable[[], None],
    ) -> None:
        """``on_first`` is called with the first picture, before its packets; ``on_lost`` when the client is gone."""
        self._stream, self._carrier, self._sender, self._clock = stream, carrier, sender, clock
        self._on_first, self._on_lost = on_first, on_lost
        self._begun = False
        self._reported: int | None = None

    def offer(self, picture: SentPicture) -> None:
        """Send a picture; the first must be a key picture."""
        if not self._begun:
            if not picture.key:
                return
            self._begun = True
            self._on_first(picture)
        packets = self._sender.packets(picture.payloads, picture.index * TICKS_PER_PICTURE)
        delivered = self._carrier.media(packets)
        now = self._clock.monotonic()
        if self._reported is None or now - self._reported >= REPORT_EVERY:
            self._reported = now
            self._carrier.control(self._sender.report(self._clock.now(), ticks_of(now - self._stream.started)))
        if not delivered:
            self._stream.deliveries.discard(self)
            self._on_lost()

    def stop(self, *, goodbye: bool) -> None:
        """Send no more pictures; ``goodbye`` tells the client so."""
        self._stream.deliveries.discard(self)
        if goodbye:
            elapsed = self._clock.monotonic() - self._stream.started
            self._carrier.control(self._sender.goodbye(self._clock.now(), ticks_of(elapsed)))


class TcpCarrier:
    """Packets between the answers on the client's own connection (RFC 2326, 10.12)."""

    def __init__(self, transport: asyncio.WriteTransport, channels: tuple[int, int]) -> None:
        self._transport, self.channels = transport, channels
        self._closed = False

    def media(self, packets: Sequence[bytes]) -> bool:
        if self._transport.is_closing() or self._transport.get_write_buffer_size() > _MAX_UNSENT:
            return False
        if not self._closed:
            self._transport.write(b"".join(_framed(self.channels[0], packet) for packet in packets))
        return True

    def control(self, packet: bytes) -> None:
        if not self._closed and not self._transport.is_closing():
            self._transport.write(_framed(self.channels[1], packet))

    def close(self) -> None:
        self._closed = True


def _framed(channel: int, packet: bytes) -> bytes:
    return b"$" + bytes((channel,)) + len(packet).to_bytes(2, "big") + packet


class UdpCarrier(asyncio.DatagramProtocol):
    """Two sockets, RTP on the even port and RTCP on the next (RFC 3550, 11). Packets are spread over time."""

    def __init__(self) -> None:
        self.on_control: Callable[[bytes], None] = lambda _data: None
        """Told what the client sends to the RTCP port."""
        self._media: asyncio.DatagramTransport | None = None
        self._control: asyncio.DatagramTransport | None = None
        self._queue: deque[bytes] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._refused = False
        self.server_ports = (0, 0)

    async def open(self, host: str, client: str, client_ports: tuple[int, int]) -> None:
        """Bind a port pair. Raises ``OSError`` where none is free."""
        loop = asyncio.get_running_loop()
        media, control = _port_pair(host)
        with media, control:
            self.server_ports = (media.getsockname()[1], control.getsockname()[1])
            media.connect((client, client_ports[0]))
            control.connect((client, client_ports[1]))
            self._media, _ = await loop.create_datagram_endpoint(lambda: _MediaSide(self._refuse), sock=media.dup())
            self._control, _ = await loop.create_datagram_endpoint(lambda: self, sock=control.dup())

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.on_control(data)

    def error_received(self, exc: Exception) -> None:
        """Nobody need listen for RTCP."""

    def media(self, packets: Sequence[bytes]) -> bool:
        if self._refused or self._media is None or len(self._queue) > _MAX_QUEUED:
            return False
        self._queue.extend(packets)
        if self._timer is None:
            self._drain()
        return True

    def _refuse(self) -> None:
        self._refused = True

    def _drain(self) -> None:
        self._timer = None
        for _ in range(min(_BURST, len(self._queue))):
            packet = self._queue.popleft()
            if self._media is not None:
                self._media.sendto(packet)
        if self._queue:
            self._timer = asyncio.get_running_loop().call_later(_PAUSE_S, self._drain)

    def control(self, packet: bytes) -> None:
        if self._control is not None:
            self._control.sendto(packet)

    def close(self) -> None:
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()
        for transport in (self._media, self._control):
            if transport is not None:
                transport.close()
        self._media = self._control = None


class _MediaSide(asyncio.DatagramProtocol):
    """The RTP socket: clients send nothing there that matters (holes for firewalls)."""

    def __init__(self, on_refused: Callable[[], None]) -> None:
        self._on_refused = on_refused

    def error_received(self, exc: Exception) -> None:
        if isinstance(exc, ConnectionRefusedError):
            self._on_refused()


def _port_pair(host: str) -> tuple[socket.socket, socket.socket]:
    for _ in range(64):
        media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            media.bind((host, 0))
            if media.getsockname()[1] % 2 == 0:
                control.bind((host, media.getsockname()[1] + 1))
                media.setblocking(False)
                control.setblocking(False)
                return media, control
        except OSError:
            pass
        media.close()
        control.close()
    raise OSError("no pair of free UDP ports")
