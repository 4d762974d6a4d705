# SPDX-License-Identifier: AGPL-3.0-or-later
"""The web process: pages, custody messages and live feeds of one node."""

import asyncio
from contextlib import suppress
from pathlib import Path

import uvicorn

from custodes.errors import unavailable
from custodes.node.queries import Store
from custodes.node.runtime.feedclient import SocketFeeds
from custodes.web.app import create_app
from custodes.web.services import Services
from custodes.web.story import read_tour


def serve(store: Store, host: str, port: int, tour: Path | None = None) -> None:
    """Serve until SIGTERM. ``tour`` is the file in which the demonstration keeps its story."""
    feeds = SocketFeeds(store.layout.live_socket, store.clock)
    services = Services(store, feeds, (lambda: read_tour(tour)) if tour else None)
    config = uvicorn.Config(
        create_app(services),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        ws_max_size=4096,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)

    async def run() -> None:
        following = asyncio.create_task(feeds.run())
        try:
            await server.serve()
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following

    asyncio.run(run())
    if not server.started:
        raise unavailable(f"port {port} cannot be used: choose another with --port")
