# SPDX-License-Identifier: AGPL-3.0-or-later
"""Playback viewings under way: begun before the first piece, ended when the page says so or falls silent.

Live viewings need none of this: their WebSocket is open exactly as long as somebody watches.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi.concurrency import run_in_threadpool

from custodes.clock import SECOND, Clock, Instant
from custodes.domain.ids import CameraId
from custodes.errors import CustodesError, Kind, invalid, not_found
from custodes.node.acts import viewing as acts
from custodes.node.queries import Store, hidden, viewings
from custodes.node.queries.hidden import Bars
from custodes.node.queries.views import Session

SILENCE = 30 * SECOND
"""A page that plays says so every ten seconds."""
LONGEST_WINDOW = 3600 * SECOND
_SWEEP_SECONDS = 5.0


@dataclass(slots=True)
class Viewing:
    """Somebody watches a window of one camera's past; ``heard`` (monotonic) is when the page last spoke.

    ``bars``: what of it was hidden when the viewing began; its playlist is made of the rest.
    """

    person: str
    camera: CameraId
    start: Instant
    end: Instant
    bars: Bars
    heard: int


class Viewings:
    """Which playback viewings are under way. Safe to use from several threads."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, Viewing] = {}
        self._unended: set[str] = set()

    def begin(self, session: Session, camera: CameraId, start: Instant, end: Instant) -> str:
        """Log that a viewing begins and return its id; an impossible window raises ``CustodesError`` (INVALID)."""
        if not start < end <= start + LONGEST_WINDOW:
            raise invalid("the end must come after the start, by at most an hour")
        if start > self._clock.now():
            raise invalid("what has not happened yet cannot be played")
        bars = hidden.bars(self._store, camera, start, end)
        identifier = acts.begin_viewing(self._store, session.person, camera, "playback")
        with self._lock:
            self._open[identifier] = Viewing(session.person, camera, start, end, bars, self._clock.monotonic())
        return identifier

    def hear(self, identifier: str, session: Session, camera: CameraId | None = None) -> Viewing:
        """Return a viewing that is under way, the session's own, and note that the page is still there.

        Once something of it was hidden, or may be seen again, it has ended: the page begins another.
        """
        over = "this viewing has ended: begin another"
        with self._lock:
            viewing = self._open.get(identifier)
            if viewing is None or viewing.person != session.person or camera not in (None, viewing.camera):
                raise not_found(over)
            viewing.heard = self._clock.monotonic()
        if hidden.bars(self._store, viewing.camera, viewing.start, viewing.end) != viewing.bars:
            self.end(identifier)
            raise not_found(over)
        return viewing

    def end(self, identifier: str) -> None:
        """Log the end of a playback viewing, once, whoever asks first."""
        with self._lock:
            known = self._open.pop(identifier, None)
        if known is not None:
            self.finish(identifier)

    def finish(self, identifier: str) -> None:
        """Log that any viewing has ended; while the log cannot be written, every sweep tries again."""
        try:
            acts.end_viewing(self._store, identifier)
        except CustodesError as problem:
            if problem.kind is not Kind.UNAVAILABLE:
                raise
            with self._lock:
                self._unended.add(identifier)

    def end_left_behind(self) -> None:
        """End in the log what an earlier process, which was killed, had begun. There is one web process."""
        for identifier in viewings.unended(self._store):
            self.finish(identifier)

    def sweep(self) -> None:
        """End what has been silent for too long."""
        latest = self._clock.monotonic() - SILENCE
        with self._lock:
            silent = [identifier for identifier, viewing in self._open.items() if viewing.heard < latest]
            unended, self._unended = self._unended, set()
        for identifier in silent:
            self.end(identifier)
        for identifier in unended:
            self.finish(identifier)

    def end_all(self) -> None:
        """The server stops: nobody watches any more."""
        with self._lock:
            left, unended = list(self._open), list(self._unended)
        for identifier in left:
            self.end(identifier)
        for identifier in unended:
            self.finish(identifier)

    @contextlib.asynccontextmanager
    async def sweeping(self) -> AsyncIterator[None]:
        """Sweep from time to time; at the end, end everything."""

        async def forever() -> None:
            while True:
                await asyncio.sleep(_SWEEP_SECONDS)
                await run_in_threadpool(self.sweep)

        task = asyncio.create_task(forever())
        # Viewings that a killed process left behind: nobody watches through it any more.
        await run_in_threadpool(self.end_left_behind)
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await run_in_threadpool(self.end_all)
