# SPDX-License-Identifier: AGPL-3.0-or-later
"""The RTSP server of all virtual cameras: connections, sessions and their end."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable

from custodes.clock import SECOND, Clock
from custodes.demo.cameras.auth import Login
from custodes.demo.cameras.connection import Connection, House
from custodes.demo.cameras.delivery import Stream
from custodes.demo.cameras.journal import Play

_MAX_CONNECTIONS = 256
SESSION_TIMEOUT_S = 60
"""What RFC 2326, 12.37 gives where nothing is said."""


class RtspServer:
    """Serves streams on loopback. ``login`` None: to everybody."""

    def __init__(
        self,
        streams: Iterable[Stream],
        clock: Clock,
        on_play: Callable[[Play], None],
        *,
        login: Login | None = None,
        session_timeout_s: int = SESSION_TIMEOUT_S,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        named = {stream.path: stream for stream in streams}
        self._house = House(named, clock, entropy, login, session_timeout_s, on_play)
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> int:
        """Listen and return the port. Raises ``OSError`` if it is taken."""
        self._server = await asyncio.start_server(self._connected, host, port)
        self._sweeper = asyncio.create_task(self._sweep())
        number: int = self._server.sockets[0].getsockname()[1]
        return number

    async def stop(self) -> None:
        """Say goodbye to every client and end."""
        if self._server is None or self._sweeper is None:
            return
        self._server.close()
        self._sweeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._sweeper
        for session in tuple(self._house.sessions.values()):
            self._house.close(session, goodbye=True)
        tasks = tuple(self._connections.values())
        for connection in tuple(self._connections):
            connection.abort()
        if tasks:
            await asyncio.wait(tasks)
        await self._server.wait_closed()

    def drop(self, camera: str) -> None:
        """Break everything that plays this camera, as a power cut would: no goodbye."""
        for session in tuple(self._house.sessions.values()):
            if session.stream.camera == camera:
                self._house.close(session, goodbye=False)
                session.hang_up()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= _MAX_CONNECTIONS:
            writer.transport.abort()
            return
        connection = Connection(self._house, reader, writer)
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a connection is served by a task")
        self._connections[connection] = task
        try:
            await connection.serve()
        finally:
            del self._connections[connection]

    async def _sweep(self) -> None:
        """End sessions whose clients have been silent for too long."""
        limit = self._house.session_timeout_s * SECOND
        while True:
            await asyncio.sleep(min(1.0, self._house.session_timeout_s / 4))
            now = self._house.clock.monotonic()
            for session in tuple(self._house.sessions.values()):
                if session.closed or now - session.touched > limit:
                    self._house.close(session, goodbye=True)
                    session.hang_up()
