# SPDX-License-Identifier: AGPL-3.0-or-later
"""The last gate before live pictures leave the house: what is hidden or recalled is covered, whatever the masker sends.

It looks into the catalogue four times a second; what it could not check is covered too.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
from fastapi.concurrency import run_in_threadpool

from custodes.clock import Clock
from custodes.domain.feeds import FeedEvent, FeedState, LiveFeeds
from custodes.domain.ids import CameraId
from custodes.domain.video import Cover, Fragment, InitSegment
from custodes.node.queries.hidden import BarWatch

_LOOK_SECONDS = 0.25
_WAITING = 8


class Gate:
    """``LiveFeeds`` in front of others. Belongs to one event loop."""

    def __init__(self, feeds: LiveFeeds, bars: BarWatch, clock: Clock) -> None:
        self._feeds, self._bars, self._clock = feeds, bars, clock
        self._readers: list[asyncio.Queue[FeedEvent | None]] = []

    def state(self, camera: CameraId) -> FeedState:
        """The camera's state now."""
        return self._said(self._feeds.state(camera), self._bars.cover(camera, ""))

    def _said(self, state: FeedState, cover: Cover | None) -> FeedState:
        """The masker's word, unless we must cover for a reason that it does not know yet."""
        known = cover is None or state.cover is cover
        return state if known else FeedState(state.camera, cover, self._clock.now(), "")

    async def look(self) -> None:
        """Take what is hidden and recalled into account now."""
        await run_in_threadpool(self._bars.look)
        for reader in self._readers:
            with suppress(asyncio.QueueFull):  # whoever has events waiting asks again with each
                reader.put_nowait(None)

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        """Look at once, and from then on."""

        async def forever() -> None:
            while True:
                await asyncio.sleep(_LOOK_SECONDS)
                await self.look()

        await self.look()
        task = asyncio.create_task(forever())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    @asynccontextmanager
    async def subscribe(self, camera: CameraId) -> AsyncIterator[AsyncIterator[FeedEvent]]:
        """Open a camera's feed (see ``LiveFeeds``)."""
        reader: asyncio.Queue[FeedEvent | None] = asyncio.Queue(_WAITING)

        async def pump(events: AsyncIterator[FeedEvent]) -> None:
            async for event in events:
                await reader.put(event)

        async with self._feeds.subscribe(camera) as events, anyio.create_task_group() as tasks:
            tasks.start_soon(pump, events)
            self._readers.append(reader)
            try:
                yield self._passing(camera, reader)
            finally:
                self._readers.remove(reader)
                tasks.cancel_scope.cancel()

    async def _passing(self, camera: CameraId, reader: asyncio.Queue[FeedEvent | None]) -> AsyncIterator[FeedEvent]:
        """What may be seen. Each change begins with a state and a new start: players drop what they still hold."""
        init: InitSegment | None = None
        state = self._feeds.state(camera)
        masker, shut, waiting = "", None, False
        while True:
            match event := await reader.get():
                case InitSegment():
                    init = event
                case FeedState():
                    state = event
                case Fragment():
                    masker = event.masker
            cover = self._bars.cover(camera, masker)
            if cover is not shut:
                shut, waiting = cover, True
                yield self._said(state, cover)
                if init is not None:
                    yield init
                if not isinstance(event, Fragment):
                    continue
            if shut is not None or event is None or (waiting and isinstance(event, Fragment) and not event.key):
                continue
            waiting = waiting and not isinstance(event, Fragment)
            yield event
