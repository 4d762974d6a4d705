# SPDX-License-Identifier: AGPL-3.0-or-later
"""An RTSP session: one client's claim on one stream, from SETUP to TEARDOWN, time-out or loss."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from custodes.clock import Clock
from custodes.demo.cameras.delivery import Carrier, Delivery, SentPicture, Stream
from custodes.demo.cameras.rtp import RtpSender


@dataclass(eq=False, slots=True)
class Session:
    """``hang_up`` ends the connection that carries the packets (interleaved), or does nothing (UDP)."""

    identifier: str
    stream: Stream
    carrier: Carrier
    sender: RtpSender
    clock: Clock
    hang_up: Callable[[], None]
    touched: int = 0
    closed: bool = False
    _delivery: Delivery | None = None
    _waiting: "asyncio.Future[None] | None" = field(default=None, repr=False)

    @property
    def playing(self) -> bool:
        """True between PLAY and PAUSE."""
        return self._delivery is not None

    def touch(self) -> None:
        """The client has shown that it is alive."""
        self.touched = self.clock.monotonic()

    async def play(self, on_first: Callable[[SentPicture], None], wait_s: float) -> bool:
        """Begin at the next key picture: ``on_first`` is called with it, before its packets are sent.

        Returns True after that; False if none came within ``wait_s`` seconds (``on_first`` will be called later) or the
        session ended meanwhile.
        """
        begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def first(picture: SentPicture) -> None:
            on_first(picture)
            if not begun.done():
                begun.set_result(None)

        self._waiting = begun
        self._delivery = Delivery(self.stream, self.carrier, self.sender, self.clock, first, self._lost)
        self.stream.deliveries.add(self._delivery)
        done, _ = await asyncio.wait({begun}, timeout=wait_s)
        return bool(done) and not self.closed

    def pause(self) -> None:
        """Send nothing until the next PLAY."""
        if self._delivery is not None:
            self._delivery.stop(goodbye=False)
            self._delivery = None

    def close(self, *, goodbye: bool) -> None:
        """End; ``goodbye`` tells the client by RTCP. Idempotent."""
        if self.closed:
            return
        self.closed = True
        if self._delivery is not None:
            self._delivery.stop(goodbye=goodbye)
            self._delivery = None
        self.carrier.close()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _lost(self) -> None:
        self.close(goodbye=False)
        self.hang_up()
