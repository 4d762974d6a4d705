# SPDX-License-Identifier: AGPL-3.0-or-later
"""One HTTP request to a device (RFC 9112): no proxies, no redirects, an end to size and time.

``http.client`` reads the answer, out of a source that keeps count: a device that drips or never ends is left.
"""

import io
import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import SplitResult, urlsplit

from custodes.errors import CustodesError, corrupt, invalid, unavailable
from custodes.video.ingest.onvif.markup import MAX_BYTES

_MAX_HEADERS = 64 << 10
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a service of a device answers; ``host`` is the one that we were told, never one that a device named."""

    host: str
    port: int
    tls: bool = False
    path: str = "/onvif/device_service"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https://' if self.tls else ''}{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, the values of ``WWW-Authenticate``, and the body."""

    status: int
    challenges: tuple[str, ...]
    body: bytes


def parse_place(text: str) -> Place:
    """Read HOST, HOST:PORT or https://HOST:PORT; anything else raises ``CustodesError`` (INVALID)."""
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, SplitResult("", "", "", "", "")
    plain = text.isprintable() and parts.scheme in _PORTS and parts.path in ("", "/")
    if (
        not plain
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
        or not re.fullmatch(r"[A-Za-z0-9._:-]{1,253}", host)
        or port == 0
    ):
        raise invalid("an ONVIF device is named by HOST, HOST:PORT or https://HOST:PORT, without user and password")
    return Place(host, port or _PORTS[parts.scheme], parts.scheme == "https")


def post(place: Place, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Answer:
    """Send a request and return the answer, whatever its status.

    ``timeout_s`` is for all of it. ``CustodesError``: UNAVAILABLE if the device cannot be reached or is too slow,
    CORRUPT for answers over 1 MiB, redirects and what is not HTTP.
    """
    ends = time.monotonic() + timeout_s
    try:
        with (
            socket.create_connection((place.host, place.port), timeout_s) as plain,
            wrapped(plain, place.host, place.tls) as peer,
        ):
            peer.sendall(_request(place, body, headers))
            return _answer(_Source(peer, ends))
    except CustodesError as problem:
        raise CustodesError(problem.kind, f"{place}: {problem.message}") from None
    except TimeoutError:
        raise unavailable(f"{place} does not answer in time") from None
    except ConnectionRefusedError:
        raise unavailable(f"{place}: nothing listens at this address") from None
    except (HTTPException, ValueError):
        raise corrupt(f"{place} does not speak HTTP") from None
    except OSError:
        raise unavailable(f"{place} cannot be reached") from None


def wrapped(plain: socket.socket, host: str, tls: bool) -> socket.socket:
    """The connection, encrypted if ``tls``."""
    if not tls:
        return plain
    # Cameras have certificates of their own making: this hides from who listens, it does not prove who answers.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname=host)


def _request(place: Place, body: bytes, headers: Mapping[str, str]) -> bytes:
    host = f"[{place.host}]" if ":" in place.host else place.host
    lines = [
        f"POST {place.path} HTTP/1.1",
        f"Host: {host}:{place.port}",
        "User-Agent: Custodes",
        "Connection: close",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _answer(source: "_Source") -> Answer:
    with HTTPResponse(source, method="POST") as response:  # type: ignore[arg-type]
        response.begin()
        if 300 <= response.status < 400:
            raise corrupt("the device sends us elsewhere (a redirect), which is not followed")
        body = response.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise corrupt("the device's answer is too long")
        found = response.headers.get_all("WWW-Authenticate") or []
        return Answer(response.status, tuple(" ".join(str(each).split()) for each in found), body)


class _Source:
    """A connection as ``HTTPResponse`` wants it."""

    def __init__(self, peer: socket.socket, ends: float) -> None:
        self._peer, self._ends = peer, ends

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Counted(self._peer, self._ends))


class _Counted(io.RawIOBase):
    """Reads from a connection until enough was read, or its time is over."""

    def __init__(self, peer: socket.socket, ends: float) -> None:
        self._peer, self._ends, self._left = peer, ends, MAX_BYTES + _MAX_HEADERS

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._peer.settimeout(left)
        count = self._peer.recv_into(buffer)
        self._left -= count
        if self._left < 0:
            raise corrupt("the device's answer is too long")
        return count
