# SPDX-License-Identifier: AGPL-3.0-or-later
"""H.264 to test with, a permit, and a scripted RTSP camera that does what no decent camera would do."""

import functools
import socket
import socketserver
import threading
from base64 import b64encode
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

from custodes.clock import Instant
from custodes.domain.ids import CameraId, Digest
from custodes.domain.register import RecordingPermit
from custodes.domain.video import Codec
from custodes.video import nal
from custodes.video.units import is_key

FOREVER = Instant(2**62)
CAMERA = CameraId("a" * 26)


def permit(expires: int = FOREVER, not_before: int = 0) -> RecordingPermit:
    return RecordingPermit(CAMERA, Digest(bytes(32)), 0, Instant(not_before), Instant(expires), 24)


@dataclass(frozen=True)
class Unit:
    """One access unit in decode order: NAL units and presentation time in ticks of 90 kHz."""

    ticks: int
    nals: tuple[bytes, ...]
    key: bool


@functools.cache
def stream(
    frames: int = 50,
    width: int = 320,
    height: int = 180,
    fps: int = 25,
    gop: int = 25,
    bframes: int = 0,
    codec: Codec = Codec.H264,
) -> tuple[Unit, ...]:
    """A moving pattern with noise, one slice per picture, parameter sets in front of every key picture."""
    context = av.CodecContext.create("libx264" if codec is Codec.H264 else "libx265", "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base, context.framerate, context.thread_count = Fraction(1, fps), Fraction(fps), 1
    params = f"scenecut=0:keyint={gop}:min-keyint={gop}:b-adapt=0:slices=1"
    if codec is Codec.H264:
        own = {"bf": str(bframes), "x264-params": f"{params}:sliced-threads=0"}
    else:
        own = {"x265-params": f"{params}:bframes={bframes}:repeat-headers=1:open-gop=0:log-level=none:pools=1"}
    context.options = {"preset": "ultrafast", "crf": "26", **own}
    coarse = np.random.default_rng(1).integers(60, 190, (height * 3 // 32 + 1, width // 16 + 1), dtype=np.uint8)
    noise = np.kron(coarse, np.ones((16, 16), np.uint8))[: height * 3 // 2, :width]
    units: list[Unit] = []
    for index in [*range(frames), None]:
        picture = None
        if index is not None:
            picture = av.VideoFrame.from_ndarray(np.roll(noise, 3 * index, axis=1), format="yuv420p")
            picture.pts = index
        for packet in context.encode(picture):
            nals = nal.split_annexb(bytes(packet))
            units.append(Unit(packet.pts * 90_000 // fps, nals, is_key(codec, nals)))
    return tuple(units)


def annexb(units: tuple[Unit, ...]) -> bytes:
    return b"".join(nal.join_annexb(unit.nals) for unit in units)


@dataclass
class Script:
    """What the camera does: its answers and its stream."""

    units: tuple[Unit, ...] = ()
    codec: str = "H264"
    status: str = "200 OK"
    then: str = "hang"
    """After the units: ``hang``, ``close``, or ``cut`` (close in the middle of the last RTP packet)."""
    first_timestamp: int = 0xFFFF_F000
    announce_sets: bool = True
    silent_at: str = ""
    """The method that is never answered."""
    garbage: bytes = b""
    """Sent in place of RTP after PLAY."""
    range_line: str = ""
    redirect: str = ""


class ScriptedCamera:
    """RTSP over TCP on a free port of loopback; ``attempts`` counts connections. Use as a context."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.attempts = 0
        self.methods: list[str] = []
        self.over = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.camera = self
        self.url = f"rtsp://127.0.0.1:{self._server.server_address[1]}/stream"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> "ScriptedCamera":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    camera: ScriptedCamera


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        camera = self.server.camera
        camera.attempts += 1
        try:
            self._serve(camera)
        except OSError:
            return  # the other side has gone

    def _serve(self, camera: ScriptedCamera) -> None:
        while (request := self._request()) is not None:
            method, sequence = request
            camera.methods.append(method)
            if method == camera.script.silent_at:
                camera.over.wait()
                return
            self.wfile.write(self._answer(camera, method, sequence))
            if method == "PLAY":
                self._play(camera)
                return

    def _request(self) -> tuple[str, str] | None:
        lines: list[str] = []
        while (line := self.rfile.readline().decode()) not in ("\r\n", ""):
            lines.append(line)
        if not lines:
            return None
        sequence = next(line.split(":")[1].strip() for line in lines if line.lower().startswith("cseq"))
        return lines[0].split()[0], sequence

    def _answer(self, camera: ScriptedCamera, method: str, sequence: str) -> bytes:
        script = camera.script
        status = script.status if method == "DESCRIBE" else "200 OK"
        extra, body = "Session: 1\r\n", ""
        if method == "DESCRIBE":
            body = _sdp(script)
            extra = f"Content-Base: {camera.url}/\r\nContent-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        elif method == "SETUP":
            extra += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
        elif method == "OPTIONS":
            extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
        elif method == "PLAY" and script.range_line:
            extra += f"Range: {script.range_line}\r\n"
        return f"RTSP/1.0 {status}\r\nCSeq: {sequence}\r\n{extra}\r\n{body}".encode()

    def _play(self, camera: ScriptedCamera) -> None:
        script = camera.script
        packets = _rtp(script)
        if script.then == "cut":
            packets[-1] = packets[-1][: len(packets[-1]) // 2]
        self.wfile.write(script.garbage + b"".join(packets))
        if script.then == "hang":
            camera.over.wait()
        self.connection.shutdown(socket.SHUT_RDWR)


def _sdp(script: Script) -> str:
    lines = [
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "m=video 0 RTP/AVP 96",
        f"a=rtpmap:96 {script.codec}/90000",
    ]
    if script.announce_sets and script.units:
        sets = ",".join(b64encode(each).decode() for each in nal.parameter_sets(script.units[0].nals))
        lines.append(f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}")
    return "".join(f"{line}\r\n" for line in [*lines, "a=control:track1"])


def _rtp(script: Script) -> list[bytes]:
    """RFC 6184 in RFC 2326's interleaving: FU-A above 1200 bytes, the marker on each unit's last packet."""
    packets: list[bytes] = []
    for unit in script.units:
        payloads = [payload for each in unit.nals for payload in _payloads(each)]
        for index, payload in enumerate(payloads):
            marker = 0x80 if index == len(payloads) - 1 else 0
            stamp = (script.first_timestamp + unit.ticks) & 0xFFFF_FFFF
            head = bytes((0x80, marker | 96)) + len(packets).to_bytes(2, "big") + stamp.to_bytes(4, "big") + b"test"
            packets.append(b"$\x00" + (len(head) + len(payload)).to_bytes(2, "big") + head + payload)
    return packets


def _payloads(each: bytes, size: int = 1200) -> list[bytes]:
    if len(each) <= size:
        return [each]
    pieces = [each[start : start + size] for start in range(1, len(each), size)]
    marks = [0x80, *[0] * (len(pieces) - 2), 0x40]
    return [
        bytes((each[0] & 0xE0 | 28, mark | each[0] & 31)) + piece for mark, piece in zip(marks, pieces, strict=True)
    ]
