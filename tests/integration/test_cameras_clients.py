# SPDX-License-Identifier: AGPL-3.0-or-later
"""Clients that are not ours (libav, GStreamer) play the virtual cameras."""

import hashlib
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.container import InputContainer
from tests.integration.cameras_client import write_moving_video

from custodes.demo.cameras.encoder import split
from custodes.demo.cameras.journal import read_journal, read_plays
from custodes.demo.cameras.process import CameraProcess
from custodes.domain.video import StreamRole

_GST_PYTHON = "/usr/bin/python3"


@pytest.fixture(scope="module")
def cameras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CameraProcess]:
    folder = tmp_path_factory.mktemp("cameras")
    video = write_moving_video(folder / "video.mp4")
    options = ["--cameras", "2", "--video", str(video), "--session-timeout", "4", "--auth", "eve:s3cret"]
    with CameraProcess(folder / "journal", options) as process:
        yield process


def with_password(address: str) -> str:
    return address.replace("rtsp://", "rtsp://eve:s3cret@")


def opened(address: str, transport: str) -> InputContainer:
    options = {"rtsp_transport": transport, "timeout": "20000000", "analyzeduration": "500000"}
    return av.open(address, options=options)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize(("role", "size", "rate"), [("main", (1280, 720), 25), ("sub", (640, 360), 5)])
def test_libav_decodes_every_picture_at_its_size_and_rate(
    cameras: CameraProcess, transport: str, role: str, size: tuple[int, int], rate: int
) -> None:
    address = with_password(getattr(cameras.cameras[0], role))
    with opened(address, transport) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == rate
        times = []
        for frame in islice(container.decode(stream), 4 * rate):
            assert (frame.width, frame.height) == size
            assert not frame.is_corrupt
            if frame.pts is not None:
                times.append(frame.pts * (frame.time_base or Fraction(0)))
    steps = {after - before for before, after in pairwise(times)}
    assert all((step * 25).denominator == 1 for step in steps), "times lie on the camera's own grid"
    assert min(steps) >= Fraction(1, 25)
    assert Fraction(1, rate) in steps


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_libav_receives_the_nal_units_of_the_journal_past_the_session_time_out(
    cameras: CameraProcess, transport: str
) -> None:
    arrived: list[bytes] = []
    with opened(with_password(cameras.cameras[1].main), transport) as container:
        begun = time.monotonic()
        for packet in container.demux(video=0):
            arrived.extend(hashlib.sha256(nal).digest() for nal in split(bytes(packet)))
            if time.monotonic() - begun > 7:
                break
    play = read_plays(cameras.folder, "camera-2", StreamRole.MAIN)[-1]
    assert play.transport == transport
    sent = [unit.sha256 for unit in read_journal(cameras.folder, "camera-2") if unit.index >= play.index]
    assert len(arrived) > 100
    assert arrived == sent[: len(arrived)]


def test_a_frozen_sub_stream_is_decoded_to_the_same_bytes_and_a_stuck_one_almost(cameras: CameraProcess) -> None:
    with opened(with_password(cameras.cameras[0].sub or ""), "tcp") as container:
        frames = container.decode(container.streams.video[0])
        assert cameras.order("freeze", "camera-1")
        # What the connection's beginning and the camera's queue hold is older than the order.
        frozen = [frame.to_ndarray() for frame in islice(frames, 30)][-10:]
        assert len({picture.tobytes() for picture in frozen}) == 1
        assert cameras.order("stick", "camera-1")
        stuck = [frame.to_ndarray() for frame in islice(frames, 20)][-10:]
        change = np.abs(stuck[0].astype(int) - stuck[-1].astype(int))
        assert change.mean() < 1
        assert cameras.order("resume", "camera-1")
        moving = [frame.to_ndarray() for frame in islice(frames, 20)][-10:]
        assert len({picture.tobytes() for picture in moving}) == 10


def test_libav_is_refused_with_a_wrong_password(cameras: CameraProcess) -> None:
    with pytest.raises(av.error.HTTPUnauthorizedError):
        opened(cameras.cameras[0].main.replace("rtsp://", "rtsp://eve:wrong@"), "tcp")


_RTSPSRC = """
import sys, gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst, GLib
Gst.init(None)
line = "rtspsrc location={} protocols={} ! rtph264depay ! h264parse config-interval=0 ! " \\
    "video/x-h264,stream-format=byte-stream,alignment=au ! appsink name=sink emit-signals=true sync=false"
pipeline = Gst.parse_launch(line.format(*sys.argv[1:3]))
loop, count = GLib.MainLoop(), [0]
def sample(sink):
    buffer = sink.emit("pull-sample").get_buffer()
    sys.stdout.buffer.write(buffer.extract_dup(0, buffer.get_size()))
    count[0] += 1
    if count[0] == 120:
        loop.quit()
    return Gst.FlowReturn.OK
def told(bus, message):
    if message.type == Gst.MessageType.ERROR:
        sys.exit(str(message.parse_error()))
pipeline.get_by_name("sink").connect("new-sample", sample)
pipeline.get_bus().add_signal_watch()
pipeline.get_bus().connect("message", told)
pipeline.set_state(Gst.State.PLAYING)
GLib.timeout_add_seconds(60, loop.quit)
loop.run()
pipeline.set_state(Gst.State.NULL)
"""
_HAS_RTSPSRC = (
    "import gi; gi.require_version('Gst', '1.0'); from gi.repository import Gst; Gst.init(None); "
    "import sys; sys.exit(not all(map(Gst.ElementFactory.find, ('rtspsrc', 'rtph264depay', 'h264parse', 'appsink'))))"
)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_gstreamer_receives_the_slices_of_the_journal(cameras: CameraProcess, transport: str) -> None:
    if not Path(_GST_PYTHON).exists() or subprocess.run([_GST_PYTHON, "-c", _HAS_RTSPSRC], check=False).returncode:
        pytest.skip("rtspsrc with Python bindings is not installed (python3-gi, gstreamer1.0-plugins-*)")
    done = subprocess.run(
        [_GST_PYTHON, "-c", _RTSPSRC, with_password(cameras.cameras[0].main), transport],
        stdout=subprocess.PIPE,
        stderr=sys.stderr,
        timeout=120,
        check=True,
    )
    arrived = [hashlib.sha256(nal).digest() for nal in split(done.stdout) if nal[0] & 0x1F in (1, 5)]
    play = read_plays(cameras.folder, "camera-1", StreamRole.MAIN)[-1]
    assert "GStreamer" in play.agent
    sent = [unit for unit in read_journal(cameras.folder, "camera-1") if unit.index >= play.index]
    slices = [unit.sha256 for unit in sent if unit.kind in (1, 5)]
    assert len(arrived) >= 100
    assert arrived == slices[: len(arrived)]
