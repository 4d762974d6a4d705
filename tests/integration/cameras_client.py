# SPDX-License-Identifier: AGPL-3.0-or-later
"""A bare RTSP client and a video to serve: what the tests of the virtual cameras share."""

import hashlib
import re
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np

PATIENCE_S = 30.0
"""How long a test waits for what must happen; a machine under load is slow, not broken."""


def write_moving_video(path: Path) -> Path:
    """Write 2 s of 640x360 at 10 fps: bars that move over a gradient."""
    rows, columns = np.mgrid[0:360, 0:640]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number in range(20):
            picture = np.full((540, 640), 128, np.uint8)
            picture[:360] = (100 + 50 * np.sin((columns + 32 * number) / 40) + rows / 8).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def until(condition: Callable[[], bool]) -> bool:
    """Wait for a condition; False if it does not come."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@dataclass(frozen=True)
class Rtp:
    """An RTP packet."""

    marker: bool
    sequence: int
    stamp: int
    ssrc: int
    payload: bytes


def rtp(data: bytes) -> Rtp:
    """Take an RTP packet apart."""
    first, kind, sequence, stamp, ssrc = struct.unpack("!BBHII", data[:12])
    assert first == 0x80
    assert kind & 0x7F == 96
    assert len(data) <= 1400
    return Rtp(bool(kind & 0x80), sequence, stamp, ssrc, data[12:])


def units(packets: list[Rtp]) -> list[tuple[int, bytes]]:
    """Return (time stamp, NAL unit), checking that no packet is missing; the last may be incomplete and is left out."""
    result: list[tuple[int, bytes]] = []
    complete = True
    for before, packet in zip([None, *packets], packets, strict=False):
        assert before is None or packet.sequence == (before.sequence + 1) % 2**16
        head, payload = packet.payload[0], packet.payload
        if head & 0x1F != 28:
            result.append((packet.stamp, payload))
            complete = True
        elif payload[1] & 0x80:
            result.append((packet.stamp, bytes((head & 0xE0 | payload[1] & 0x1F,)) + payload[2:]))
            complete = bool(payload[1] & 0x40)
        else:
            result[-1] = (packet.stamp, result[-1][1] + payload[2:])
            complete = bool(payload[1] & 0x40)
    return result if complete else result[:-1]


def digests(packets: list[Rtp]) -> list[bytes]:
    """Return the SHA-256 of each complete NAL unit."""
    return [hashlib.sha256(nal).digest() for _, nal in units(packets)]


@dataclass
class Answer:
    """An RTSP response."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Client:
    """One TCP connection to the cameras."""

    port: int
    packets: dict[int, list[bytes]] = field(default_factory=dict)
    _buffer: bytes = b""
    _sequence: int = 0

    def __post_init__(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port), PATIENCE_S)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def ask(self, method: str, path: str, *headers: str, body: bytes = b"") -> Answer:
        """Send a request and return its answer."""
        self._sequence += 1
        lines = [f"{method} rtsp://127.0.0.1:{self.port}{path} RTSP/1.0", f"CSeq: {self._sequence}", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        answer = self.answer()
        assert answer.headers["cseq"] == str(self._sequence)
        return answer

    def answer(self) -> Answer:
        """Read on to the next response."""
        while (answer := self._next()) is None:
            self._more()
        return answer

    def collect(self, channel: int, count: int) -> list[bytes]:
        """Read on until ``count`` packets have come on a channel; return all of them."""
        while len(self.packets.get(channel, [])) < count:
            if self._next() is None:
                self._more()
        return self.packets[channel]

    def drained(self) -> None:
        """Read on to the end of the connection, which must come."""
        end = time.monotonic() + PATIENCE_S
        try:
            while time.monotonic() < end:
                if self._next() is None:
                    self._more()
        except ConnectionError:
            return
        raise AssertionError("the connection goes on")

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionResetError("the server closed the connection")
        self._buffer += data

    def _next(self) -> Answer | None:
        """Take one thing from the buffer: keep it if it is a packet, return it if it is an answer."""
        if self._buffer[:1] == b"$":
            size = int.from_bytes(self._buffer[2:4], "big")
            if len(self._buffer) >= 4 + size:
                self.packets.setdefault(self._buffer[1], []).append(self._buffer[4 : 4 + size])
                self._buffer = self._buffer[4 + size :]
                return self._next() if self._buffer else None
            return None
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return None
        lines = head.decode().split("\r\n")
        match = re.fullmatch(r"RTSP/1\.0 (\d{3}) .+", lines[0])
        assert match, lines[0]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        size = int(headers.get("content-length", "0"))
        if len(rest) < size:
            return None
        self._buffer = rest[size:]
        return Answer(int(match.group(1)), headers, rest[:size])


def session_of(answer: Answer) -> str:
    """Return a ``Session`` header that repeats what SETUP said."""
    assert answer.status == 200, answer
    return "Session: " + answer.headers["session"].partition(";")[0]


def begin(client: Client, path: str) -> tuple[str, Answer]:
    """SETUP (interleaved 0-1) and PLAY a stream; return the session header and the answer to PLAY."""
    session = session_of(client.ask("SETUP", f"{path}/trackID=0", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"))
    return session, client.ask("PLAY", path, session)
