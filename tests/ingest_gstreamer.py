# SPDX-License-Identifier: AGPL-3.0-or-later
"""A camera that is not ours: GStreamer's RTSP server, run by the system's Python (``python3 ingest_gstreamer.py``).

usage: ingest_gstreamer.py FILE PORT FPS [USER PASSWORD]

FILE is an Annex B stream of H.264, one slice per picture, played in a loop from its beginning whenever a client comes.
PORT 0 takes a free one. Prints the port when it listens. Needs python3-gi, gir1.2-gst-rtsp-server-1.0 and
gstreamer1.0-plugins-{base,good,bad}.
"""

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

LAUNCH = (
    "( appsrc name=src is-live=true format=time do-timestamp=false"
    " caps=video/x-h264,stream-format=byte-stream,alignment=au"
    " ! h264parse config-interval=0 ! rtph264pay name=pay0 pt=96 )"
)


def pictures(data: bytes) -> list[bytes]:
    """Split a byte stream after each slice."""
    nals = [b"\x00\x00\x00\x01" + each.rstrip(b"\x00") for each in re.split(rb"\x00\x00\x01", data)[1:]]
    units, pending = [], b""
    for nal in nals:
        pending += nal
        if nal[4] & 31 in (1, 5):
            units.append(pending)
            pending = b""
    return units


class Camera(GstRtspServer.RTSPMediaFactory):
    """One mount. No method may be named do_<signal>: GObject would call it in place of its own."""

    def __init__(self, units: list[bytes], fps: int) -> None:
        super().__init__()
        self.units, self.fps = units, fps
        self.set_launch(LAUNCH)
        self.set_shared(True)
        self.connect("media-configure", lambda _factory, media: self.feed(media))

    def feed(self, media: GstRtspServer.RTSPMedia) -> None:
        """Push what is due, by the clock."""
        source = media.get_element().get_by_name("src")
        begun, period, alive, pushed = time.monotonic(), Gst.SECOND // self.fps, [True], [0]

        def push_due() -> bool:
            due = int((time.monotonic() - begun) * self.fps) + 1
            while alive[0] and pushed[0] < due:
                buffer = Gst.Buffer.new_wrapped(self.units[pushed[0] % len(self.units)])
                buffer.pts = buffer.dts = pushed[0] * period
                buffer.duration = period
                if source.emit("push-buffer", buffer) != Gst.FlowReturn.OK:
                    return False
                pushed[0] += 1
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
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[2])
    factory = Camera(pictures(Path(sys.argv[1]).read_bytes()), int(sys.argv[3]))
    server.get_mount_points().add_factory("/stream", factory)
    if len(sys.argv) > 4:
        guard(server, factory, sys.argv[4], sys.argv[5])
    server.attach(None)
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
