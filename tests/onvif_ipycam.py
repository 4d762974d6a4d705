# SPDX-License-Identifier: AGPL-3.0-or-later
"""A virtual ONVIF camera that is not ours: PyPI ``ipycam``, on loopback, until its standard input ends.

``python onvif_ipycam.py HTTP_PORT RTSP_PORT``; says ``ready`` when it streams. It needs ffmpeg.
"""

import functools
import sys
import threading

import numpy as np
from ipycam import CameraConfig, IPCamera, camera, rtsp

USER, PASSWORD = "admin", "sesame"
WIDTH, HEIGHT, RATE = 1280, 720, 10


def main() -> None:
    """Stream a bar that moves over a gradient."""
    _stay_on_loopback()
    config = CameraConfig(
        name="Gate",
        manufacturer="IPyCam",
        serial_number="IPY-4711",
        local_ip="127.0.0.1",
        onvif_port=int(sys.argv[1]),
        rtsp_port=int(sys.argv[2]),
        main_width=WIDTH,
        main_height=HEIGHT,
        main_fps=RATE,
        main_bitrate="1M",
        sub_fps=RATE,
        username=USER,
        password=PASSWORD,
        show_timestamp=False,
    )
    device = IPCamera(config)
    device.start()
    ending = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ending.set()), daemon=True).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    ground = np.repeat(np.linspace(40, 200, WIDTH, dtype=np.uint8)[None, :, None], HEIGHT, 0).repeat(3, 2)
    number = 0
    while not ending.wait(1 / RATE):
        picture = ground.copy()
        left = number * 8 % (WIDTH - 80)
        picture[200:500, left : left + 80] = 230
        device.stream(picture)
        number += 1
    device.stop()


def _stay_on_loopback() -> None:
    """It would listen on every address of the machine."""
    serve = camera.ReusableThreadingTCPServer

    def local(address: tuple[str, int], handler: type) -> object:
        return serve(("127.0.0.1", address[1]), handler)

    camera.ReusableThreadingTCPServer = local
    camera.NativeRTSPServer = functools.partial(rtsp.NativeRTSPServer, host="127.0.0.1")


if __name__ == "__main__":
    main()
