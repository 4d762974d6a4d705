# SPDX-License-Identifier: AGPL-3.0-or-later
"""AV1 and JPEG: from RTP to a file that a player decodes to the same pictures."""

import io
import subprocess
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from tests.ingest_streams import permit
from tests.recording_rig import SYSTEM_PYTHON, GStreamerCameras

from custodes.clock import SystemClock
from custodes.domain.video import Codec, Gap, GapCause, Packet, StreamUrl
from custodes.errors import CustodesError
from custodes.video import av1, cmaf_read, jpeg
from custodes.video.ingest.fragmenter import Fragmenter, init_segment
from custodes.video.ingest.reader import Opened, Received
from custodes.video.ingest.rtsp.rtp import Unpacker
from custodes.video.ingest.session import CameraStream, Intake

NEEDED = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
NOISE = np.random.default_rng(2).integers(60, 190, (176, 320, 3), np.uint8)
PICTURES = [np.ascontiguousarray(np.roll(cv2.blur(NOISE, (9, 9)), 4 * number, axis=1)) for number in range(20)]


def mp4(packets: list[Packet]) -> bytes:
    """What a recorder would seal of these packets, as one file."""
    fragmenter = Fragmenter()
    fragments = [fragment for packet in packets for fragment in fragmenter.push(packet)] + fragmenter.flush()
    for fragment in fragments:
        assert cmaf_read.fragment_nals(fragment.data) == fragment.nals
    return init_segment(packets[0].info) + b"".join(fragment.data for fragment in fragments)


def decoded(file: bytes) -> list[np.ndarray]:
    with av.open(io.BytesIO(file)) as container:
        return [frame.to_ndarray(format="yuv420p") for frame in container.decode(video=0)]


@pytest.fixture
def film(tmp_path: Path) -> Iterator[tuple[list[bytes], str]]:
    """JPEG pictures on GStreamer's RTSP server."""
    words = [SYSTEM_PYTHON, "-c", NEEDED]
    if not Path(SYSTEM_PYTHON).exists() or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("needs python3-gi, gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-{base,good,bad}")
    files = [cv2.imencode(".jpg", each, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes() for each in PICTURES]
    path = tmp_path / "film.mjpeg"
    path.write_bytes(b"".join(files))
    camera = GStreamerCameras(path, 1, 10)
    yield files, camera.urls[0]
    camera.stop()


def scan(picture: bytes) -> bytes:
    """The entropy-coded bytes behind the last header."""
    at = picture.index(b"\xff\xda")
    return picture[at + 2 + int.from_bytes(picture[at + 2 : at + 4], "big") :]


@pytest.mark.parametrize("nap_s", [0.0, 0.25])
def test_jpeg_from_a_real_server_keeps_its_bytes_and_shows_the_same_pictures(
    film: tuple[list[bytes], str], nap_s: float
) -> None:
    files, url = film
    stop, packets = threading.Event(), []
    for event in CameraStream(StreamUrl(url), permit(), SystemClock(), nap_s=nap_s).events(stop):
        if isinstance(event, Packet):
            packets.append(event)
            if len(packets) == 12:
                stop.set()
        else:
            assert event.cause in (GapCause.CONNECTING, GapCause.STOPPED)
    assert all(packet.key and packet.info.codec is Codec.JPEG for packet in packets)
    assert (packets[0].info.width, packets[0].info.height) == (320, 176)
    sent = [scan(each) for each in files]
    first = sent.index(scan(packets[0].nals[0]))
    assert [scan(packet.nals[0]) for packet in packets] == [sent[(first + n) % len(sent)] for n in range(len(packets))]
    shown = decoded(mp4(packets))
    assert len(shown) == len(packets)
    for packet, picture in zip(packets, shown, strict=True):
        with av.open(io.BytesIO(packet.nals[0]), format="mjpeg") as one:
            (own,) = [frame.to_ndarray(format="yuv420p") for frame in one.decode(video=0)]
        assert np.array_equal(own, picture)


def temporal_units() -> list[bytes]:
    """AV1 as an encoder gives it."""
    encoder = av.CodecContext.create("libsvtav1", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 320, 176, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 10), Fraction(10)
    encoder.options = {"preset": "12", "svtav1-params": "keyint=10:pred-struct=1"}
    packets = []
    for number, picture in enumerate(PICTURES):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
        frame.pts = number
        packets += encoder.encode(frame)
    return [bytes(packet) for packet in [*packets, *encoder.encode(None)]]


def obus(unit: bytes) -> list[bytes]:
    """A temporal unit's OBUs, sizes inside."""
    found, at = [], 0
    while at < len(unit):
        head = 2 if unit[at] & 4 else 1
        size, behind = av1.leb128(unit, at + head)
        found.append(unit[at : behind + size])
        at = behind + size
    return found


def rtp(units: list[bytes], size: int) -> list[bytes]:
    """Packets as the AV1 payload format has them: OBUs without sizes, each element behind its own, cut anywhere."""
    packets, sequence = [], 65_530
    for number, unit in enumerate(units):
        elements = []
        for obu in obus(unit):
            if av1.kind(obu) != av1.DELIMITER:
                head = 2 if obu[0] & 4 else 1
                elements.append(bytes((obu[0] & ~2, *obu[1:head])) + av1.payload(obu))
        pieces = [
            (element[at : at + size], at > 0, at + size < len(element))
            for element in elements
            for at in range(0, len(element), size)
        ]
        for place, (piece, continues, goes_on) in enumerate(pieces):
            head = 0x80 * continues | 0x40 * goes_on | 0x10 * (place % 2)
            body = piece if place % 2 else av1.to_leb128(len(piece)) + piece
            marked = place == len(pieces) - 1
            fixed = bytes((0x80, 0x80 * marked | 98)) + (sequence & 0xFFFF).to_bytes(2) + (number * 9_000).to_bytes(4)
            packets.append(fixed + bytes(4) + bytes((head,)) + body)
            sequence += 1
    return packets


def taken(packets: list[bytes]) -> list[Packet]:
    """What an intake makes of them."""
    unpacker, intake = Unpacker(Codec.AV1, 98, eager=True), Intake(1)
    for packet in packets:
        unpacker.push(packet, 0, len(packet))
    intake.open(Opened(Codec.AV1, ()))
    clock = SystemClock()
    events = [event for unit in unpacker.units for event in intake.events(Received(unit, clock.now(), 0))]
    return [event for event in events if not isinstance(event, Gap)]


@pytest.mark.parametrize("size", [100, 1_200])
def test_av1_comes_out_of_rtp_as_it_went_in_and_shows_the_same_pictures(size: int) -> None:
    units = temporal_units()
    packets = taken(rtp(units, size))
    bare = [b"".join(obu for obu in obus(unit) if av1.kind(obu) != av1.DELIMITER) for unit in units]
    assert [packet.nals for packet in packets] == [(unit,) for unit in bare]
    assert [packet.key for packet in packets] == [number % 10 == 0 for number in range(len(units))]
    assert (packets[0].info.width, packets[0].info.height) == (320, 176)
    decoder = av.CodecContext.create("libdav1d", "r")
    own = [frame for unit in units for frame in decoder.decode(av.Packet(unit))] + decoder.decode(None)
    shown = decoded(mp4(packets))
    assert len(shown) == len(PICTURES)
    assert all(np.array_equal(a.to_ndarray(format="yuv420p"), b) for a, b in zip(own, shown, strict=True))


def test_av1_that_lost_a_packet_lacks_that_picture_and_no_other() -> None:
    units = temporal_units()
    packets = rtp(units, 300)
    lost = next(at for at, packet in enumerate(packets) if int.from_bytes(packet[4:8], "big") == 5 * 9_000)
    left = taken(packets[:lost] + packets[lost + 1 :])
    assert [packet.source.ticks // 9_000 for packet in left] == [number for number in range(len(units)) if number != 5]


def test_a_jpeg_of_a_quality_or_kind_that_does_not_exist_is_refused() -> None:
    for quality in (0, 100, 127):
        with pytest.raises(CustodesError):
            jpeg.scaled_tables(quality)
    with pytest.raises(CustodesError):
        jpeg.picture(320, 180, 2, jpeg.scaled_tables(50), 0, b"")
