# SPDX-License-Identifier: AGPL-3.0-or-later
"""Recording from a camera that is not ours (GStreamer's RTSP server): NAL for NAL, through restarts and hangs."""

import io
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import pytest
from tests.ingest_streams import annexb, permit, stream

from custodes.clock import SystemClock
from custodes.domain.video import Gap, GapCause, Packet, StreamUrl
from custodes.video import nal
from custodes.video.ingest.decode import SubDecoder
from custodes.video.ingest.fragmenter import Fragmenter, init_segment
from custodes.video.ingest.session import CameraStream

PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).parents[2] / "ingest_gstreamer.py"
NEEDED = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
FRAMES = stream(300, 1280, 720, 25, 50)
Event = Packet | Gap


@pytest.fixture(scope="module", autouse=True)
def _tools() -> None:
    if not Path(PYTHON).exists() or subprocess.run([PYTHON, "-c", NEEDED], capture_output=True, check=False).returncode:
        pytest.skip("needs python3-gi, gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-{base,good,bad}")


class Server:
    """GStreamer's server as a process of its own."""

    def __init__(self, file: Path, *login: str) -> None:
        self.file, self.login, self.port = file, login, 0
        self.start()

    def start(self) -> None:
        """Start it, again on the port it had."""
        command = [PYTHON, str(SERVER), str(self.file), str(self.port), "25", *self.login]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    @property
    def url(self) -> str:
        """Where the camera is."""
        return f"rtsp://127.0.0.1:{self.port}/stream"

    def signal(self, number: int) -> None:
        """Send a signal to this process."""
        os.kill(self.process.pid, number)

    def end(self) -> None:
        """Kill it, as a power cut would."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("film") / "film.h264"
    file.write_bytes(annexb(FRAMES))
    return file


@pytest.fixture
def server(film: Path) -> Iterator[Server]:
    running = Server(film)
    yield running
    running.end()


def record(camera: CameraStream, seen: Callable[[list[Event]], bool]) -> list[Event]:
    stop, events = threading.Event(), []
    for event in camera.events(stop):
        events.append(event)
        if seen(events):
            stop.set()
    return events


def packets(events: list[Event], connection: int = 1) -> list[Packet]:
    return [event for event in events if isinstance(event, Packet) and event.source.connection == connection]


def assert_as_pushed(taken: list[Packet]) -> None:
    """The NAL units are a run of what was pushed, from its first picture on (the server plays in a loop)."""
    pushed = [each for unit in FRAMES for each in unit.nals]
    got = [each for packet in taken for each in packet.nals]
    assert got == (pushed * (len(got) // len(pushed) + 1))[: len(got)]


@pytest.mark.parametrize(("transport", "nap_s"), [("tcp", 0.25), ("tcp", 0.0), ("udp", 0.25)])
def test_ten_seconds_are_recorded_nal_for_nal(server: Server, transport: str, nap_s: float) -> None:
    camera = CameraStream(StreamUrl(server.url), permit(), SystemClock(), transport=transport, nap_s=nap_s)
    events = record(camera, lambda events: len(events) > 255)
    taken = packets(events)
    assert_as_pushed(taken)
    assert [packet.source.ticks for packet in taken] == [index * 3600 for index in range(len(taken))]
    assert [event.cause for event in events if isinstance(event, Gap)] == [GapCause.CONNECTING, GapCause.STOPPED]
    fragmenter = Fragmenter()
    fragments = [each for packet in taken for each in fragmenter.push(packet)] + fragmenter.flush()
    assert [each for fragment in fragments for each in fragment.nals] == [each for unit in taken for each in unit.nals]
    film = init_segment(taken[0].info) + b"".join(fragment.data for fragment in fragments)
    with av.open(io.BytesIO(film)) as file:
        assert len(list(file.decode(video=0))) == len(taken)


def test_every_packet_of_the_stream_gives_a_frame(server: Server) -> None:
    decoder = SubDecoder()
    taken = packets(
        record(CameraStream(StreamUrl(server.url), permit(), SystemClock()), lambda events: len(events) > 30)
    )
    assert [len(decoder.decode(packet)) for packet in taken] == [1] * len(taken)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_after_a_restart_of_the_camera_it_records_again(server: Server, transport: str) -> None:
    camera = CameraStream(
        StreamUrl(server.url), permit(), SystemClock(), transport=transport, silence_s=1, backoff=(0.1, 0.5)
    )
    restarted = []

    def seen(events: list[Event]) -> bool:
        if len(packets(events)) == 20 and not restarted:
            restarted.append(True)
            server.end()
            server.start()
        return len(packets(events, 2)) == 60

    events = record(camera, seen)
    assert len(packets(events)) >= 20
    second = packets(events, 2)
    assert nal.is_key(second[0].nals[-1])
    assert second[0].source.ticks == 0
    assert_as_pushed(second)
    causes = [event.cause for event in events if isinstance(event, Gap)]
    assert causes[0] is GapCause.CONNECTING
    assert {GapCause.ENDED, GapCause.SILENT} & set(causes)


def test_a_hang_shorter_than_the_limit_loses_nothing_and_a_longer_one_is_silence(server: Server) -> None:
    camera = CameraStream(StreamUrl(server.url), permit(), SystemClock(), nap_s=0.1, silence_s=2, backoff=(0.1, 0.2))
    steps = []

    def seen(events: list[Event]) -> bool:
        if len(packets(events)) == 20 and not steps:
            server.signal(signal.SIGSTOP)
            threading.Timer(1, server.signal, [signal.SIGCONT]).start()
            steps.append("short")
        if len(packets(events)) == 80 and steps == ["short"]:
            server.signal(signal.SIGSTOP)
            steps.append("long")
        silent = isinstance(events[-1], Gap) and events[-1].cause is GapCause.SILENT
        if silent:
            server.signal(signal.SIGCONT)
        return silent

    events = record(camera, seen)
    taken = packets(events)
    assert len(taken) >= 80
    assert_as_pushed(taken)
    assert [event.cause for event in events if isinstance(event, Gap)] == [
        GapCause.CONNECTING,
        GapCause.SILENT,
        GapCause.STOPPED,
    ]


def test_a_password_opens_the_stream_and_a_wrong_one_is_refused_without_being_named(film: Path) -> None:
    guarded = Server(film, "watcher", "open/ses:ame@1")
    try:
        right = guarded.url.replace("//", "//watcher:open%2Fses%3Aame%401@")
        wrong = guarded.url.replace("//", "//watcher:tell%40nobody@")
        clock = SystemClock()
        assert len(packets(record(CameraStream(StreamUrl(right), permit(), clock), lambda got: len(got) > 10))) >= 10
        events = record(CameraStream(StreamUrl(wrong), permit(), clock), lambda events: len(events) == 2)
    finally:
        guarded.end()
    assert [event.cause for event in events] == [GapCause.CONNECTING, GapCause.REFUSED, GapCause.STOPPED]
    for secret in ("watcher", "tell", "nobody"):
        assert secret not in repr(events)
