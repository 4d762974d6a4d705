# SPDX-License-Identifier: AGPL-3.0-or-later
"""Cameras that are not ours: GStreamer's RTSP server, run by the system's Python (``python3 ingest_gstreamer.py``).

usage: ingest_gstreamer.py FILE PORT FPS [USER PASSWORD] [--count N] [--stats FILE]

FILE is an Annex B stream of H.264 or H.265 (.h265), one slice per picture, or JPEG pictures (.mjpeg), played in a loop
from its beginning whenever the first client of a mount comes. PORT 0 takes a free one. Mounts are /stream, or /cam0 to
/cam(N-1) with ``--count``. Once a second ``--stats`` gets {"mount": [{"pictures": pushed, "first": s, "last": s}, …]},
an object for each time a mount was played. Prints the port when it listens. Needs python3-gi,
gir1.2-gst-rtsp-server-1.0 and gstreamer1.0-plugins-{base,good,bad}.
"""

import argparse
import json
import re
import sys
import time
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstApp, GstRtsp, GstRtspServer  # noqa: E402, F401  (GstApp registers appsrc)

JPEG = (
    "( appsrc name=src is-live=true format=time do-timestamp=false caps=image/jpeg,framerate={fps}/1"
    " ! jpegparse ! rtpjpegpay name=pay0 pt=26 )"
)
LAUNCH = (
    "( appsrc name=src is-live=true format=time do-timestamp=false"
    " caps=video/x-{codec},stream-format=byte-stream,alignment=au"
    " ! {codec}parse config-interval=0 ! rtp{codec}pay name=pay0 pt=96 )"
)


def is_slice(nal: bytes, codec: str) -> bool:
    return nal[4] & 31 in (1, 5) if codec == "h264" else nal[4] >> 1 & 63 < 32


def pictures(data: bytes, codec: str) -> list[bytes]:
    """Split a byte stream after each slice, or before each JPEG picture."""
    if codec == "jpeg":
        return [b"\xff\xd8\xff" + each for each in data.split(b"\xff\xd8\xff")[1:]]
    nals = [b"\x00\x00\x00\x01" + each.rstrip(b"\x00") for each in re.split(rb"\x00\x00\x01", data)[1:]]
    units, pending = [], b""
    for nal in nals:
        pending += nal
        if is_slice(nal, codec):
            units.append(pending)
            pending = b""
    return units


class Camera(GstRtspServer.RTSPMediaFactory):
    """One mount. No method may be named do_<signal>: GObject would call it in place of its own."""

    def __init__(self, units: list[bytes], codec: str, fps: int, runs: list[dict[str, float]]) -> None:
        super().__init__()
        self.units, self.fps, self.runs = units, fps, runs
        self.set_launch(JPEG.format(fps=fps) if codec == "jpeg" else LAUNCH.format(codec=codec))
        self.set_shared(True)
        self.connect("media-configure", lambda _factory, media: self.feed(media))

    def feed(self, media: GstRtspServer.RTSPMedia) -> None:
        """Push what is due, by the clock."""
        source = media.get_element().get_by_name("src")
        begun, period, alive = time.monotonic(), Gst.SECOND // self.fps, [True]
        run = {"pictures": 0, "first": time.time(), "last": 0.0}
        self.runs.append(run)

        def push_due() -> bool:
            due = int((time.monotonic() - begun) * self.fps) + 1
            while alive[0] and run["pictures"] < due:
                buffer = Gst.Buffer.new_wrapped(self.units[run["pictures"] % len(self.units)])
                buffer.pts = buffer.dts = run["pictures"] * period
                buffer.duration = period
                if source.emit("push-buffer", buffer) != Gst.FlowReturn.OK:
                    return False
                run["pictures"] += 1
                run["last"] = time.time()
            return alive[0]

        GLib.timeout_add(1000 // self.fps // 2, push_due)
        media.connect("unprepared", lambda _media: alive.__setitem__(0, False))


def guard(server: GstRtspServer.RTSPServer, factory: Camera, user: str, password: str) -> None:
    """Let only this user in, by Digest."""
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "user")
    auth.add_digest(user, password, token)
    factory.add_role_from_structure(
        Gst.Structure.from_string("user, media.factory.access=(boolean)true, media.factory.construct=(boolean)true")[0]
    )
    server.set_auth(auth)


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("port")
    parser.add_argument("fps", type=int)
    parser.add_argument("user", nargs="?")
    parser.add_argument("password", nargs="?")
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--stats", type=Path)
    arguments = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(arguments.port)
    codec = {".h265": "h265", ".mjpeg": "jpeg"}.get(arguments.file.suffix, "h264")
    units = pictures(arguments.file.read_bytes(), codec)
    stats: dict[str, list[dict[str, float]]] = {}
    for name in [f"cam{number}" for number in range(arguments.count)] or ["stream"]:
        factory = Camera(units, codec, arguments.fps, stats.setdefault(name, []))
        server.get_mount_points().add_factory(f"/{name}", factory)
        if arguments.user:
            guard(server, factory, arguments.user, arguments.password)

    def write_stats() -> bool:
        new = arguments.stats.with_suffix(".new")
        new.write_text(json.dumps(stats))
        new.replace(arguments.stats)
        return True

    if arguments.stats:
        GLib.timeout_add(1000, write_stats)
    server.attach(None)
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
