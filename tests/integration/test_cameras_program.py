# SPDX-License-Identifier: AGPL-3.0-or-later
"""The virtual cameras as a program: faults on order, sessions that time out, passwords, and how it ends."""

import base64
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.cameras_client import (
    PATIENCE_S,
    Client,
    begin,
    rtp,
    session_of,
    units,
    until,
    write_moving_video,
)

from custodes.demo.cameras.journal import read_journal
from custodes.demo.cameras.process import CameraProcess
from custodes.domain.video import StreamRole
from custodes.errors import CustodesError

MAIN, SUB = "/camera-1/main", "/camera-1/sub"


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_moving_video(tmp_path_factory.mktemp("video") / "video.mp4")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, video: Path) -> Iterator[CameraProcess]:
    folder = tmp_path_factory.mktemp("cameras") / "journal"
    with CameraProcess(folder, ["--cameras", "2", "--video", str(video)]) as process:
        yield process
        process.stop()
    assert (folder / "cameras.log").read_text() == "", "nothing went wrong inside"


@pytest.fixture
def cameras(running: CameraProcess) -> Iterator[CameraProcess]:
    yield running
    assert running.order("resume", "camera-1")


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, video: Path) -> Iterator[CameraProcess]:
    """Cameras that want a sign of life every two seconds."""
    folder = tmp_path_factory.mktemp("strict") / "journal"
    with CameraProcess(folder, ["--cameras", "1", "--video", str(video), "--session-timeout", "2"]) as process:
        yield process


def wait_for_pictures(client: Client, count: int) -> None:
    """Read on until so many more pictures are complete."""
    while count:
        place = len(client.packets.get(0, []))
        count -= rtp(client.collect(0, place + 1)[place]).marker


def test_a_session_without_keep_alive_ends(strict: CameraProcess) -> None:
    with Client(strict.port) as client:
        _, answer = begin(client, MAIN)
        assert answer.status == 200
        client.drained()
        assert client.packets[0]


@pytest.mark.parametrize("sign", ["GET_PARAMETER", "OPTIONS", "RTCP"])
def test_any_sign_of_life_keeps_a_session(strict: CameraProcess, sign: str) -> None:
    with Client(strict.port) as client:
        session, _ = begin(client, MAIN)
        end = time.monotonic() + 6
        while time.monotonic() < end:
            client.collect(0, len(client.packets.get(0, [])) + 10)
            if sign == "RTCP":
                client.socket.sendall(b"$\x01\x00\x08\x80\xc9\x00\x01\x12\x34\x56\x78")
            else:
                assert client.ask(sign, MAIN, session).status == 200
        assert client.ask("GET_PARAMETER", MAIN, session).status == 200


def test_setup_tells_the_time_out_and_an_idle_connection_is_closed(strict: CameraProcess) -> None:
    with Client(strict.port) as client:
        answer = client.ask("SETUP", MAIN, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
        assert answer.headers["session"].endswith(";timeout=2")
    with Client(strict.port) as idle:
        idle.drained()


def test_a_hanging_camera_sends_nothing_and_answers_until_it_is_resumed(cameras: CameraProcess) -> None:
    with Client(cameras.port) as client, Client(cameras.port) as other:
        session, _ = begin(client, MAIN)
        client.collect(0, 10)
        begin(other, "/camera-2/main")
        assert cameras.order("hang", "camera-1")
        wait_for_pictures(other, 5)
        client.ask("GET_PARAMETER", MAIN, session)
        before = len(client.packets[0])
        wait_for_pictures(other, 10)
        client.ask("GET_PARAMETER", MAIN, session)
        assert len(client.packets[0]) == before
        assert cameras.order("resume", "camera-1")
        packets = [rtp(data) for data in client.collect(0, before + 40)]
        units(packets)
        stamps = [packet.stamp for packet in packets]
        assert (stamps[before] - stamps[before - 1]) % 2**32 > 3600, "time went on while the camera hung"


def test_who_plays_a_hanging_camera_is_answered_and_served_when_it_comes_back(cameras: CameraProcess) -> None:
    assert cameras.order("hang", "camera-1")
    with Client(cameras.port) as client:
        _, answer = begin(client, MAIN)
        assert answer.status == 200
        assert "rtp-info" not in answer.headers
        assert not client.packets
        assert cameras.order("resume", "camera-1")
        assert rtp(client.collect(0, 1)[0]).payload[0] & 0x1F == 7


def test_a_dropped_camera_breaks_its_connections_and_no_others(cameras: CameraProcess) -> None:
    with Client(cameras.port) as first, Client(cameras.port) as second, Client(cameras.port) as other:
        begin(first, MAIN)
        begin(second, SUB)
        begin(other, "/camera-2/main")
        assert cameras.order("drop", "camera-1")
        first.drained()
        second.drained()
        units([rtp(data) for data in other.collect(0, 20)])
        with Client(cameras.port) as again:
            assert begin(again, MAIN)[1].status == 200


def test_a_frozen_camera_sends_one_picture_and_a_resumed_one_moves(cameras: CameraProcess) -> None:
    def lengths() -> list[int]:
        sent = read_journal(cameras.folder, "camera-1", StreamRole.SUB)
        return [unit.length for unit in sent if unit.kind in (1, 5)]

    def grown(by: int) -> bool:
        count = len(lengths())
        return until(lambda: len(lengths()) >= count + by)

    assert cameras.order("freeze", "camera-1")
    assert grown(4)
    kinds = [unit.kind for unit in read_journal(cameras.folder, "camera-1", StreamRole.SUB) if unit.kind in (1, 5)]
    assert kinds[-2:] == [5, 5]
    assert len(set(lengths()[-2:])) == 1
    assert cameras.order("resume", "camera-1")
    assert grown(4)
    kinds = [unit.kind for unit in read_journal(cameras.folder, "camera-1", StreamRole.SUB) if unit.kind in (1, 5)]
    assert 1 in kinds[-3:]


def test_orders_that_make_no_sense_are_said_not_to_be_done(cameras: CameraProcess) -> None:
    assert not cameras.order("explode", "camera-1")
    assert not cameras.order("hang", "camera-9")
    assert not cameras.order("", "")
    assert cameras.order("resume", "camera-2")


def test_a_password_is_asked_for(tmp_path: Path, video: Path) -> None:
    options = ["--cameras", "1", "--main-only", "--video", str(video), "--auth", "eve:s3cret"]
    with CameraProcess(tmp_path / "journal", options) as cameras:
        assert cameras.cameras[0].sub is None
        assert "s3cret" not in cameras.cameras[0].main
        with Client(cameras.port) as client:
            assert client.ask("OPTIONS", MAIN).status == 200
            assert client.ask("DESCRIBE", MAIN).status == 401
            assert client.ask("SETUP", MAIN, "Transport: RTP/AVP/TCP;unicast").status == 401
            wrong = base64.b64encode(b"eve:wrong").decode()
            assert client.ask("DESCRIBE", MAIN, f"Authorization: Basic {wrong}").status == 401
            right = "Authorization: Basic " + base64.b64encode(b"eve:s3cret").decode()
            assert client.ask("DESCRIBE", MAIN, right).status == 200
            session = session_of(client.ask("SETUP", MAIN, "Transport: RTP/AVP/TCP;unicast", right))
            assert client.ask("PLAY", MAIN, session).status == 401
            assert client.ask("PLAY", MAIN, session, right).status == 200


@pytest.mark.parametrize(
    "options",
    [
        ["--cameras", "0"],
        ["--cameras", "65"],
        ["--port", "99999"],
        ["--session-timeout", "0"],
        ["--auth", "nocolon"],
        ["--video", "/nonexistent.mp4"],
    ],
)
def test_unusable_arguments_are_one_line(tmp_path: Path, video: Path, options: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "custodes.demo.cameras", "--folder", str(tmp_path), "--video", str(video), *options],
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1
    assert b"Traceback" not in done.stderr


def test_a_port_that_is_taken_is_said_to_be(tmp_path: Path, video: Path, cameras: CameraProcess) -> None:
    options = ["--cameras", "1", "--video", str(video), "--port", str(cameras.port)]
    with pytest.raises(CustodesError, match="in use"):
        CameraProcess(tmp_path / "second", options)


def program(folder: Path, video: Path) -> list[str]:
    module = [sys.executable, "-m", "custodes.demo.cameras"]
    return [*module, "--folder", str(folder), "--cameras", "1", "--video", str(video)]


@pytest.mark.parametrize("end", ["SIGTERM", "SIGINT", "end of input"])
def test_the_program_ends_when_it_is_told_to(tmp_path: Path, video: Path, end: str) -> None:
    command = program(tmp_path / "journal", video)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        ready = json.loads(child.stdout.readline())
        assert [each["name"] for each in ready["cameras"]] == ["camera-1"]
        if end == "end of input":
            child.stdin.close()
        else:
            child.send_signal(getattr(signal, end))
        assert child.wait(PATIENCE_S) == 0


def order_without_end(cameras: CameraProcess) -> None:
    while True:
        cameras.order("resume", "camera-1")


def test_a_camera_that_fails_ends_the_program_and_says_why(tmp_path: Path, video: Path) -> None:
    short = tmp_path / "short.mp4"
    short.write_bytes(video.read_bytes())
    with CameraProcess(tmp_path / "journal", ["--cameras", "1", "--video", str(short)]) as cameras:
        short.unlink()  # It is opened again for the next loop.
        with Client(cameras.port) as client:
            begin(client, MAIN)
            client.drained()
        with pytest.raises(CustodesError, match=r"a virtual camera failed: short\.mp4: No such file"):
            order_without_end(cameras)


_PARENT = """
import subprocess, sys
subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
sys.stdin.readline()
"""


def test_the_program_does_not_outlive_its_parent(tmp_path: Path, video: Path) -> None:
    command = [sys.executable, "-c", _PARENT, *program(tmp_path / "journal", video)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdin is not None
        assert b"port" in parent.stdout.readline()
        parent.stdin.close()
        assert parent.wait(PATIENCE_S) == 0
        # The cameras hold the other end of this pipe: it ends when they do.
        assert parent.stdout.read() == b""
