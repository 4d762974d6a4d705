# SPDX-License-Identifier: AGPL-3.0-or-later
"""The application of a ``House``, served on loopback as in life, and clients of it."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI
from tests.browser.web_house import House, house
from websockets.sync.client import ClientConnection, connect

from custodes.clock import Clock, FakeClock
from custodes.web.app import create_app
from custodes.web.security import COOKIE
from custodes.web.services import Services, TourState, TourStep

STORY = [TourStep("First", TourState.DONE, "It begins.", "node", "custodes demo", "<ready>", "/register/", "Register")]


@dataclass
class Web:
    """A house, its application, and where it answers."""

    house: House
    app: FastAPI
    address: str
    _clients: list[httpx.Client] = field(default_factory=list)

    def visitor(self) -> httpx.Client:
        """A program without a session."""
        client = httpx.Client(base_url=self.address, timeout=30)
        self._clients.append(client)
        return client

    def signed_in(self, role: str) -> httpx.Client:
        """A browser with a session; it sends the origin of our own pages."""
        client = self.visitor()
        client.headers["Origin"] = self.address
        client.cookies.set(COOKIE, self.house.sign_in(role))
        return client

    def socket(self, path: str, cookie: str | None, origin: str | None) -> ClientConnection:
        """A WebSocket as a browser opens it; refused: ``InvalidStatus``."""
        headers = {"Cookie": f"{COOKIE}={cookie}"} if cookie else {}
        url = self.address.replace("http", "ws", 1) + path
        return connect(url, additional_headers=headers, origin=origin, proxy=None, max_size=None)  # type: ignore[arg-type]  # Origin is a NewType

    def close(self) -> None:
        for client in self._clients:
            client.close()


def eventually(happened: Callable[[], bool]) -> bool:
    """Wait for what must happen by itself; False after a generous while."""
    pause = threading.Event()
    for _ in range(600):
        if happened():
            return True
        pause.wait(0.05)
    return False


@contextmanager
def running(found: House) -> Iterator[Web]:
    """Serve a house on a free port of loopback."""
    app = create_app(Services(found.store, found.feeds, lambda: STORY, found.clock))
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    assert eventually(lambda: server.started)
    web = Web(found, app, address)
    try:
        yield web
    finally:
        web.close()
        server.should_exit = True
        thread.join(20)
        listener.close()


@contextmanager
def served(root: Path, clock: Clock | None = None) -> Iterator[Web]:
    """A running house, by default under a clock that stands still."""
    with house(root, clock or FakeClock()) as found, running(found) as web:
        yield web
