# SPDX-License-Identifier: AGPL-3.0-or-later
"""The web's end of the live feed: implements ``LiveFeeds`` over the masker's Unix socket.

Fail-closed: as soon as the socket breaks, or nothing of a camera has come for two seconds, its readers are told that
the masker is down; players then cover the picture at once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from custodes.clock import Clock, Instant
from custodes.domain.feeds import FeedEvent, FeedState
from custodes.domain.ids import CameraId
from custodes.domain.video import Cover, Fragment, InitSegment
from custodes.errors import CustodesError, corrupt
from custodes.node.runtime import feedwire

STALE_S = 2.0
_QUEUE = 100
_RECONNECT_S = 0.5


@dataclass(slots=True)
class _Channel:
    """One camera as its readers see it."""

    state: FeedState
    init: InitSegment | None = None
    recent: list[Fragment] = field(default_factory=list)
    readers: list[asyncio.Queue[FeedEvent]] = field(default_factory=list)
    heard: float = 0.0


class SocketFeeds:
    """Live feeds of every camera; ``run`` must be a task of the event loop that subscribes."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._channels: dict[CameraId, _Channel] = {}

    def state(self, camera: CameraId) -> FeedState:
        """The camera's state now."""
        return self._channel(camera).state

    @asynccontextmanager
    async def subscribe(self, camera: CameraId) -> AsyncIterator[AsyncIterator[FeedEvent]]:
        """Open a camera's feed (see ``LiveFeeds``)."""
        channel = self._channel(camera)
        events: asyncio.Queue[FeedEvent] = asyncio.Queue(_QUEUE)
        self._begin(channel, events)
        channel.readers.append(events)
        try:
            yield self._events(events)
        finally:
            channel.readers.remove(events)

    async def run(self) -> None:
        """Read from the masker for ever, connecting again whenever it is gone."""
        watch = asyncio.create_task(self._watch())
        try:
            while True:
                with suppress(OSError, asyncio.IncompleteReadError, CustodesError):
                    reader, writer = await asyncio.open_unix_connection(str(self._path))
                    try:
                        while True:
                            self._take(*await self._message(reader))
                    finally:
                        writer.close()
                for camera in self._channels:
                    self._down(camera, "the masker's connection has ended")
                await asyncio.sleep(_RECONNECT_S)
        finally:
            watch.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(STALE_S / 4)
            now = asyncio.get_running_loop().time()
            for camera, channel in self._channels.items():
                if channel.state.cover is not Cover.MASKER_DOWN and now - channel.heard > STALE_S:
                    self._down(camera, "nothing came from the masker for two seconds")

    async def _message(self, reader: asyncio.StreamReader) -> tuple[CameraId, FeedEvent]:
        parts = []
        for limit in (feedwire.MAX_HEADER, feedwire.MAX_BODY):
            length = int.from_bytes(await reader.readexactly(4))
            if length > limit:
                raise corrupt("a message of the masker is too long")
            parts.append(await reader.readexactly(length))
        return feedwire.decode(parts[0], parts[1])

    def _take(self, camera: CameraId, event: FeedEvent) -> None:
        channel = self._channel(camera)
        channel.heard = asyncio.get_running_loop().time()
        match event:
            case InitSegment():
                channel.init = event
                channel.recent.clear()
            case FeedState():
                # Who comes after a cover began gets nothing from before it; the next fragment is a key picture's.
                if event.cover is not None and channel.recent and channel.recent[-1].frames[-1].cover is None:
                    channel.recent.clear()
                channel.state = event
            case Fragment():
                if event.key:
                    channel.recent.clear()
                channel.recent.append(event)
                self._follow(channel, event)
        self._tell(channel, event)

    def _follow(self, channel: _Channel, fragment: Fragment) -> None:
        """The fragment itself is the truth on whether the camera is covered."""
        cover = fragment.frames[-1].cover
        if cover is not channel.state.cover:
            channel.state = FeedState(fragment.camera, cover, fragment.start, cover.value if cover else "")
            self._tell(channel, channel.state)

    def _down(self, camera: CameraId, detail: str) -> None:
        channel = self._channel(camera)
        if channel.state.cover is Cover.MASKER_DOWN:
            return
        channel.state = FeedState(camera, Cover.MASKER_DOWN, self._clock.now(), detail)
        channel.recent.clear()
        self._tell(channel, channel.state)

    def _tell(self, channel: _Channel, event: FeedEvent) -> None:
        for events in channel.readers:
            if events.full():
                # A reader that lags starts again at the last key picture: it never sees a torn sequence.
                while not events.empty():
                    events.get_nowait()
                self._begin(channel, events)
            else:
                events.put_nowait(event)

    def _begin(self, channel: _Channel, events: asyncio.Queue[FeedEvent]) -> None:
        events.put_nowait(channel.state)
        if channel.init is not None:
            events.put_nowait(channel.init)
        for fragment in channel.recent:
            events.put_nowait(fragment)

    async def _events(self, events: asyncio.Queue[FeedEvent]) -> AsyncIterator[FeedEvent]:
        while True:
            yield await events.get()

    def _channel(self, camera: CameraId) -> _Channel:
        if camera not in self._channels:
            since = Instant(self._clock.now())
            down = FeedState(camera, Cover.MASKER_DOWN, since, "the masker has not sent anything yet")
            self._channels[camera] = _Channel(down)
        return self._channels[camera]
