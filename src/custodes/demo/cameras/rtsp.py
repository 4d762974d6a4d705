# SPDX-License-Identifier: AGPL-3.0-or-later
"""RTSP messages (RFC 2326): what clients send, taken apart with distrust, and what they are answered."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from custodes.errors import CustodesError, Kind

_MAX_HEAD = 8192
_MAX_BODY = 4096
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_ONCE = ("cseq", "content-length", "session", "authorization")
_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    413: "Request Entity Too Large",
    451: "Parameter Not Understood",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    459: "Aggregate Operation Not Allowed",
    461: "Unsupported Transport",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "RTSP Version Not Supported",
    551: "Option not supported",
}


class RefusedError(CustodesError):
    """A request that is answered with a status other than 200 (RFC 2326, 7.1.1) and perhaps headers."""

    def __init__(self, status: int, *headers: tuple[str, str]) -> None:
        super().__init__(Kind.INVALID, f"{status} {_REASONS[status]}")
        self.status, self.headers = status, headers


@dataclass(frozen=True, slots=True)
class Request:
    """A request. ``path`` is the address without scheme, host, query and outer slashes; header names are lower case."""

    method: str
    uri: str
    path: str
    sequence: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Interleaved:
    """A binary packet between requests (RFC 2326, 10.12)."""

    channel: int
    data: bytes


class Parser:
    """Takes a connection's bytes apart. After ``RefusedError`` the connection cannot be read further."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.sequence: int | None = None
        """CSeq of the request that was refused, where it could be read."""

    def feed(self, data: bytes) -> None:
        """Add received bytes."""
        self._buffer += data

    def next(self) -> Request | Interleaved | None:
        """Return the next complete message, None where bytes are missing. Raises ``RefusedError``."""
        buffer = self._buffer
        if buffer[:1] == b"$":
            return self._packet()
        while buffer[:2] == b"\r\n":
            del buffer[:2]
        end = buffer.find(b"\r\n\r\n", 0, _MAX_HEAD)
        if end < 0:
            if len(buffer) >= _MAX_HEAD:
                raise RefusedError(413)
            return None
        self.sequence = None
        lines = _text(bytes(buffer[:end])).split("\r\n")
        headers = _headers(lines[1:])
        self.sequence = _number(headers.get("cseq"))
        length = _number(headers.get("content-length", "0"))
        if length > _MAX_BODY:
            raise RefusedError(413)
        whole = end + 4 + length
        if len(buffer) < whole:
            return None
        body = bytes(buffer[end + 4 : whole])
        del buffer[:whole]
        method, uri = _start(lines[0])
        return Request(method, uri, path_of(uri), self.sequence, headers, body)

    def _packet(self) -> Interleaved | None:
        buffer = self._buffer
        if len(buffer) < 4:
            return None
        whole = 4 + int.from_bytes(buffer[2:4], "big")
        if len(buffer) < whole:
            return None
        packet = Interleaved(buffer[1], bytes(buffer[4:whole]))
        del buffer[:whole]
        return packet


def _text(head: bytes) -> str:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError:
        raise RefusedError(400) from None
    if any(ord(character) < 32 and character not in "\r\n\t" for character in text):
        raise RefusedError(400)
    return text


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.fullmatch(name) or "\n" in value or "\r" in value:
            raise RefusedError(400)
        name = name.lower()
        if name in headers and name in _ONCE:
            raise RefusedError(400)
        headers[name] = f"{headers[name]},{value.strip()}" if name in headers else value.strip()
    return headers


def _number(text: str | None) -> int:
    if text is None or not re.fullmatch(r"[0-9]{1,10}", text):
        raise RefusedError(400)
    return int(text)


def _start(line: str) -> tuple[str, str]:
    parts = line.split(" ")
    if len(parts) != 3 or not _TOKEN.fullmatch(parts[0]) or not parts[1]:
        raise RefusedError(400)
    if parts[2] != "RTSP/1.0":
        raise RefusedError(505 if re.fullmatch(r"RTSP/[0-9]+\.[0-9]+", parts[2]) else 400)
    return parts[0], parts[1]


def path_of(uri: str) -> str:
    """Return the path of ``rtsp://host/path``, ``/path`` or ``*``. Raises ``RefusedError`` (400)."""
    if uri == "*":
        return ""
    try:
        parts = urlsplit(uri)
    except ValueError:
        raise RefusedError(400) from None
    if parts.scheme not in ("rtsp", "") or (not parts.scheme and not uri.startswith("/")):
        raise RefusedError(400)
    return parts.path.strip("/")


def response(status: int, sequence: int | None, headers: Iterable[tuple[str, str]], body: bytes = b"") -> bytes:
    """Return an answer's bytes."""
    lines = [f"RTSP/1.0 {status} {_REASONS[status]}"]
    if sequence is not None:
        lines.append(f"CSeq: {sequence}")
    lines.append("Server: custodes-virtual-camera")
    lines.extend(f"{name}: {value}" for name, value in headers)
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass(frozen=True, slots=True)
class TcpChoice:
    """Interleaved: the channels that the client wants for RTP and RTCP, None where it leaves them to us."""

    channels: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class UdpChoice:
    """UDP: the client's ports for RTP and RTCP."""

    ports: tuple[int, int]


def choose_transport(header: str | None) -> TcpChoice | UdpChoice:
    """Return the first alternative in a ``Transport`` header (RFC 2326, 12.39) we serve. Raises ``RefusedError``."""
    if not header:
        raise RefusedError(400)
    for alternative in header.split(","):
        parts = [part.strip() for part in alternative.split(";")]
        options = {name.lower(): value for name, _, value in (part.partition("=") for part in parts[1:])}
        profile = parts[0].upper()
        # "destination" is never obeyed: packets go to the one who asked for them and to nobody else.
        if "multicast" in options or options.get("mode", "PLAY").strip('"').upper() != "PLAY":
            continue
        if profile == "RTP/AVP/TCP":
            if "interleaved" not in options:
                return TcpChoice(None)
            channels = _pair(options["interleaved"], 255)
            if channels:
                return TcpChoice(channels)
        elif profile in ("RTP/AVP", "RTP/AVP/UDP"):
            ports = _pair(options.get("client_port", ""), 65535)
            if ports and min(ports) > 0:
                return UdpChoice(ports)
    raise RefusedError(461)


def _pair(text: str, limit: int) -> tuple[int, int] | None:
    match = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", text)
    if match is None:
        return None
    first = int(match.group(1))
    second = int(match.group(2)) if match.group(2) else first + 1
    return (first, second) if first != second and max(first, second) <= limit else None
