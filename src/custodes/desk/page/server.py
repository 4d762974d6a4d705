# SPDX-License-Identifier: AGPL-3.0-or-later
"""The page over HTTP on 127.0.0.1, with nothing but the standard library; bytes and silences are bounded."""

import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from custodes.clock import Clock
from custodes.desk.custodian import CustodianDesk
from custodes.desk.page.app import HTML, Answer, Page
from custodes.desk.page.doors import Doors, RefusedError
from custodes.desk.page.markup import STATIC
from custodes.errors import invalid, unavailable

_LENGTH = re.compile(r"[0-9]{1,9}")
_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
_CONNECTIONS = 64
_HEADERS = {
    "Content-Security-Policy": "; ".join(
        [
            "default-src 'none'",
            *(f"{what} 'self'" for what in ("script-src", "style-src", "font-src", "img-src", "connect-src")),
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    ),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: with it browsers send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), display-capture=(), clipboard-read=()",
}


def serve(
    folder: Path,
    location: str,
    port: int,
    clock: Clock,
    desk: CustodianDesk | None,
    ready: Callable[[str], None],
    stop: threading.Event,
) -> None:
    """Serve the desk in ``folder`` until ``stop`` is set; ``ready`` is given the start link. ``port`` 0: any free one.

    ``desk``: unlocked, or None if the keys are opened in the browser. Raises ``CustodesError``: as ``Page``, and
    UNAVAILABLE if the port is taken.
    """
    try:
        server = _Server(port)
    except (OSError, OverflowError):
        raise unavailable(f"port {port} cannot be used") from None
    with server:
        server.doors = Doors(server.server_address[1])
        server.page = Page(folder, location, server.doors.base, clock, desk)
        loop = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="desk")
        loop.start()
        try:
            ready(server.doors.link)
            stop.wait()
        finally:
            server.shutdown()
            loop.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    doors: Doors
    page: Page

    def __init__(self, port: int) -> None:
        built = (path for path in STATIC.rglob("*") if path.is_file() and path.suffix in _TYPES)
        self.static = {f"/static/{path.relative_to(STATIC).as_posix()}": path for path in built}
        self.slots = threading.BoundedSemaphore(_CONNECTIONS)
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self.slots.acquire(timeout=1):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Peers that vanish in the middle are no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "custodes"
    sys_version = ""
    timeout = 30
    """Seconds that a peer may stay silent."""

    def do_GET(self) -> None:
        """Pages, the start link, built files."""
        server = cast("_Server", self.server)
        self._run(lambda: self._get(server))

    def do_POST(self) -> None:
        """Forms, and what the browser has signed."""
        server = cast("_Server", self.server)
        # Who is refused has not been read, so the connection cannot be used again.
        self.close_connection = True
        self._run(lambda: server.page.post(server.doors.enter("POST", self.path, self.headers), self._body))

    def _get(self, server: _Server) -> Answer:
        if self.path.startswith("/start/"):
            return Answer(303, HTML, b"", server.doors.start(self.path, self.headers))
        if file := server.static.get(self.path):
            return Answer(200, _TYPES[file.suffix], file.read_bytes())
        return server.page.get(server.doors.enter("GET", self.path, self.headers))

    def _run(self, act: Callable[[], Answer]) -> None:
        try:
            cast("_Server", self.server).doors.check_host(self.headers)
            answer = act()
        except RefusedError as refusal:
            answer = Answer(refusal.status, "text/plain; charset=utf-8", f"{refusal.line}\n".encode())
        self._answer(answer)

    def _body(self, limit: int) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not _LENGTH.fullmatch(length) or int(length) > limit:
            raise invalid("what was sent is too long")
        data = self.rfile.read(int(length))
        if len(data) != int(length):
            raise invalid("what was sent broke off")
        return data

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        facts = {**_HEADERS, "Content-Type": answer.kind, "Content-Length": str(len(answer.body)), **answer.headers}
        for name, value in facts.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Keep quiet: paths hold a secret."""
