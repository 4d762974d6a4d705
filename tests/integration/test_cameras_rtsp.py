# SPDX-License-Identifier: AGPL-3.0-or-later
"""The virtual cameras on the wire: RFC 2326, 3550 and 6184, seen from bare sockets."""

import base64
import random
import re
import socket
import struct
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from tests.integration.cameras_client import (
    PATIENCE_S,
    Client,
    Rtp,
    begin,
    digests,
    rtp,
    session_of,
    units,
    until,
    write_moving_video,
)

from custodes.demo.cameras.journal import read_journal, read_plays
from custodes.demo.cameras.process import CameraProcess
from custodes.domain.video import StreamRole

MAIN, SUB = "/camera-1/main", "/camera-1/sub"
TCP = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"


@pytest.fixture(scope="module")
def cameras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CameraProcess]:
    folder = tmp_path_factory.mktemp("cameras")
    video = write_moving_video(folder / "video.mp4")
    with CameraProcess(folder / "journal", ["--cameras", "2", "--video", str(video)]) as process:
        yield process
        process.stop()
    assert (process.folder / "cameras.log").read_text() == "", "nothing went wrong inside"


@pytest.fixture
def client(cameras: CameraProcess) -> Iterator[Client]:
    with Client(cameras.port) as connected:
        yield connected


def sent_from(folder: Path, camera: str, role: StreamRole, index: int) -> list[bytes]:
    return [sent.sha256 for sent in read_journal(folder, camera, role) if sent.index >= index]


def test_options_names_every_method(client: Client) -> None:
    named = client.ask("OPTIONS", MAIN).headers["public"].split(", ")
    assert {"DESCRIBE", "SETUP", "PLAY", "PAUSE", "GET_PARAMETER", "SET_PARAMETER", "TEARDOWN"} <= set(named)


@pytest.mark.parametrize(("path", "rate", "size"), [(MAIN, "25", "1280,720"), (SUB, "5", "640,360")])
def test_the_description_holds_the_parameter_sets_that_are_sent(
    cameras: CameraProcess, client: Client, path: str, rate: str, size: str
) -> None:
    answer = client.ask("DESCRIBE", path, "Accept: application/sdp")
    assert answer.headers["content-type"] == "application/sdp"
    assert answer.headers["content-base"] == f"rtsp://127.0.0.1:{cameras.port}{path}/"
    text = answer.body.decode()
    assert f"a=framerate:{rate}\r\n" in text
    assert f"a=x-dimensions:{size}\r\n" in text
    match = re.search(r"profile-level-id=([0-9A-F]{6});sprop-parameter-sets=([^,]+),(\S+)", text)
    assert match is not None
    sps, pps = (base64.b64decode(each) for each in match.groups()[1:])
    assert sps[1:4].hex().upper() == match.group(1)
    begin(client, path)
    sent = units([rtp(data) for data in client.collect(0, 4)])
    assert [nal for _, nal in sent[:2]] == [sps, pps]


@pytest.mark.parametrize(("path", "role", "step"), [(MAIN, StreamRole.MAIN, 3600), (SUB, StreamRole.SUB, 18000)])
def test_what_arrives_is_what_the_journal_says_from_a_key_picture_on(
    cameras: CameraProcess, client: Client, path: str, role: StreamRole, step: int
) -> None:
    _, answer = begin(client, path)
    match = re.fullmatch(r"url=(\S+);seq=(\d+);rtptime=(\d+)", answer.headers["rtp-info"])
    assert match is not None
    packets = [rtp(data) for data in client.collect(0, 250 if role is StreamRole.MAIN else 30)]
    assert match.group(1) == f"rtsp://127.0.0.1:{cameras.port}{path}/trackID=0"
    assert (int(match.group(2)), int(match.group(3))) == (packets[0].sequence, packets[0].stamp)
    play = read_plays(cameras.folder, "camera-1", role)[-1]
    assert (play.rtp_time, play.transport) == (packets[0].stamp, "tcp")
    assert play.client == "{}:{}".format(*client.socket.getsockname())
    arrived = digests(packets)
    assert arrived == sent_from(cameras.folder, "camera-1", role, play.index)[: len(arrived)]
    by_digest = {sent.sha256: sent.index for sent in read_journal(cameras.folder, "camera-1", role)}
    for (stamp, nal), digest in zip(units(packets), arrived, strict=True):
        ticks = (stamp - packets[0].stamp) % 2**32
        if nal[0] & 0x1F in (1, 5):
            assert play.index + ticks // 3600 == by_digest[digest]
    stamps = sorted({(packet.stamp - packets[0].stamp) % 2**32 for packet in packets})
    assert all((after - before) % 3600 == 0 for before, after in pairwise(stamps))
    assert step in {after - before for before, after in pairwise(stamps)}
    for packet, after in pairwise(packets):
        assert packet.marker == (after.stamp != packet.stamp)


def keys_seen(cameras: CameraProcess, role: StreamRole, count: int) -> bool:
    return sum(unit.kind == 5 for unit in read_journal(cameras.folder, "camera-2", role)) >= count


def test_key_pictures_carry_their_parameter_sets_and_are_a_second_or_two_apart(cameras: CameraProcess) -> None:
    for role, every in ((StreamRole.MAIN, 25), (StreamRole.SUB, 50)):
        assert until(partial(keys_seen, cameras, role, 3))
        sent = read_journal(cameras.folder, "camera-2", role)
        keys = [unit.index for unit in sent if unit.kind == 5]
        assert all(every <= after - before < every + 25 for before, after in pairwise(keys))
        for key in keys:
            assert [unit.kind for unit in sent if unit.index == key and unit.kind != 6] == [7, 8, 5]


def test_sender_reports_tell_the_time_of_the_pictures_and_the_count_of_packets(client: Client) -> None:
    begin(client, MAIN)
    reports = client.collect(1, 3)
    packets = [rtp(data) for data in client.collect(0, 1)]
    fields = [struct.unpack("!BBHIIIIII", report[:28]) for report in reports]
    clock = [seconds + fraction / 2**32 for _, _, _, _, seconds, fraction, _, _, _ in fields]
    stamps = [stamp for *_, stamp, _, _ in fields]
    assert all((kind, ssrc) == (200, packets[0].ssrc) for _, kind, _, ssrc, *_ in fields)
    for before, after in ((0, 1), (1, 2)):
        elapsed = (stamps[after] - stamps[before]) % 2**32 / 90_000
        assert elapsed == pytest.approx(clock[after] - clock[before], abs=0.5)
    *_, count, octets = fields[-1]
    earlier = [rtp(data) for data in client.packets[0]][:count]
    assert sum(len(packet.payload) for packet in earlier) == octets


def udp_pair() -> tuple[socket.socket, socket.socket]:
    media, control = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    for each in (media, control):
        each.bind(("127.0.0.1", 0))
        each.settimeout(PATIENCE_S)
    media.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    return media, control


def test_udp_delivers_from_the_announced_ports(cameras: CameraProcess, client: Client) -> None:
    media, control = udp_pair()
    with media, control:
        ports = f"{media.getsockname()[1]}-{control.getsockname()[1]}"
        answer = client.ask("SETUP", f"{MAIN}/trackID=0", f"Transport: RTP/AVP;unicast;client_port={ports}")
        match = re.search(r"client_port=(\S+);server_port=(\d+)-(\d+);ssrc=([0-9A-F]{8})", answer.headers["transport"])
        assert match is not None
        assert match.group(1) == ports
        assert int(match.group(2)) % 2 == 0
        assert int(match.group(3)) == int(match.group(2)) + 1
        client.ask("PLAY", MAIN, session_of(answer))
        packets: list[Rtp] = []
        while len(packets) < 40:
            data, source = media.recvfrom(2048)
            assert source == ("127.0.0.1", int(match.group(2)))
            packets.append(rtp(data))
        assert packets[0].ssrc == int(match.group(4), 16)
        report, source = control.recvfrom(2048)
        assert source == ("127.0.0.1", int(match.group(3)))
        assert report[1] == 200
        play = read_plays(cameras.folder, "camera-1", StreamRole.MAIN)[-1]
        assert play.transport == "udp"
        arrived = digests(packets)
        assert arrived == sent_from(cameras.folder, "camera-1", StreamRole.MAIN, play.index)[: len(arrived)]


def test_a_udp_client_that_is_gone_loses_its_session(cameras: CameraProcess, client: Client) -> None:
    media, control = udp_pair()
    with control:
        ports = f"{media.getsockname()[1]}-{control.getsockname()[1]}"
        session = session_of(client.ask("SETUP", MAIN, f"Transport: RTP/AVP;unicast;client_port={ports}"))
        client.ask("PLAY", MAIN, session)
        media.close()
        assert until(lambda: client.ask("GET_PARAMETER", MAIN, session).status == 454)


def test_a_pause_stops_the_packets_and_play_goes_on_with_a_key_picture(client: Client) -> None:
    session, _ = begin(client, MAIN)
    client.collect(0, 5)
    assert client.ask("PAUSE", MAIN, session).status == 200
    paused = len(client.packets[0])
    assert client.ask("GET_PARAMETER", MAIN, session).status == 200
    assert len(client.packets[0]) == paused
    answer = client.ask("PLAY", MAIN, session)
    last, first = (rtp(data) for data in client.collect(0, paused + 1)[paused - 1 : paused + 1])
    assert f"seq={first.sequence};rtptime={first.stamp}" in answer.headers["rtp-info"]
    assert first.sequence == (last.sequence + 1) % 2**16
    assert first.payload[0] & 0x1F == 7


def test_play_while_playing_changes_nothing(client: Client) -> None:
    session, _ = begin(client, MAIN)
    assert client.ask("PLAY", MAIN, session).status == 200
    packets = [rtp(data) for data in client.collect(0, 50)]
    units(packets)


def test_teardown_says_goodbye_and_ends_the_session(client: Client) -> None:
    session, _ = begin(client, MAIN)
    client.collect(0, 3)
    assert client.ask("TEARDOWN", MAIN, session).status == 200
    assert client.packets[1][-1][-8:-4] == b"\x81\xcb\x00\x01", "the last RTCP packet is a BYE"
    sent = len(client.packets[0])
    assert client.ask("PLAY", MAIN, session).status == 454
    assert begin(client, MAIN)[1].status == 200, "the channels are free again"
    assert len(client.collect(0, sent + 1)) > sent


def test_two_sessions_may_share_a_connection_on_different_channels(client: Client) -> None:
    begin(client, MAIN)
    answer = client.ask("SETUP", SUB, TCP)
    assert "interleaved=2-3" in answer.headers["transport"], "0-1 are taken"
    client.ask("PLAY", SUB, session_of(answer))
    units([rtp(data) for data in client.collect(2, 4)])
    units([rtp(data) for data in client.packets[0]])


def test_a_client_that_does_not_read_is_dropped_and_does_not_disturb_another(cameras: CameraProcess) -> None:
    with Client(cameras.port) as slow, Client(cameras.port) as quick:
        begin(quick, MAIN)
        # Several plays on one connection fill its buffers within seconds.
        wanted = "Transport: RTP/AVP/TCP;unicast"
        sessions = [session_of(slow.ask("SETUP", MAIN, wanted)) for _ in range(5)]
        for session in sessions:
            slow.socket.sendall(f"PLAY rtsp://h{MAIN} RTSP/1.0\r\nCSeq: 1\r\n{session}\r\n\r\n".encode())
        assert until(lambda: quick.ask("GET_PARAMETER", MAIN, sessions[-1]).status == 454)
        slow.drained()
        units([rtp(data) for data in quick.collect(0, len(quick.packets[0]) + 50)])


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("DESCRIBE", "/camera-9/main", [], 404),
        ("DESCRIBE", "/camera-1/main/trackID=7", [], 404),
        ("DESCRIBE", "/../../etc/passwd", [], 404),
        ("DESCRIBE", MAIN, ["Accept: text/html"], 406),
        ("OPTIONS", "/camera-9/main", [], 404),
        ("SETUP", "/camera-9/main", [TCP], 404),
        ("SETUP", MAIN, [], 400),
        ("SETUP", MAIN, ["Transport: RTP/AVP;multicast;port=5000-5001"], 461),
        ("SETUP", MAIN, ["Transport: RAW/RAW/UDP;unicast;client_port=5000-5001"], 461),
        ("SETUP", MAIN, [TCP, "Session: unknown"], 454),
        ("PLAY", MAIN, [], 454),
        ("PLAY", MAIN, ["Session: 0123456789"], 454),
        ("PAUSE", MAIN, [], 454),
        ("TEARDOWN", MAIN, ["Session: "], 454),
        ("GET_PARAMETER", MAIN, ["Session: x"], 454),
        ("GET_PARAMETER", "/nowhere", [], 404),
        ("OPTIONS", MAIN, ["Require: implicit-play"], 551),
        ("RECORD", MAIN, [], 405),
        ("ANNOUNCE", MAIN, [], 405),
        ("MAKE_COFFEE", MAIN, [], 501),
    ],
)
def test_what_cannot_be_done_is_refused_and_the_connection_goes_on(
    client: Client, method: str, path: str, headers: list[str], status: int
) -> None:
    assert client.ask(method, path, *headers).status == status
    assert client.ask("OPTIONS", MAIN).status == 200


def test_parameters_are_not_understood_but_empty_requests_are_answered(client: Client) -> None:
    assert client.ask("GET_PARAMETER", MAIN).status == 200
    assert client.ask("SET_PARAMETER", MAIN, body=b"barparam: barstuff\r\n").status == 451
    assert client.ask("GET_PARAMETER", MAIN, body=b"packets_received\r\n").status == 451


def test_a_session_belongs_to_its_stream(client: Client) -> None:
    session = session_of(client.ask("SETUP", MAIN, TCP))
    assert client.ask("PLAY", SUB, session).status == 454
    assert client.ask("SETUP", MAIN, TCP, session).status == 459
    client.ask("PLAY", MAIN, session)
    assert client.ask("SETUP", MAIN, TCP, session).status == 455


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"DESCRIBE rtsp://h/camera-1/main RTSP/1.0\r\n\r\n", 400),
        (b"DESCRIBE rtsp://h/camera-1/main RTSP/3.0\r\nCSeq: 1\r\n\r\n", 505),
        (b"X" * 20000, 413),
        (b"PLAY * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 1000000\r\n\r\n", 413),
    ],
)
def test_what_is_no_rtsp_is_answered_and_the_connection_closed(client: Client, data: bytes, status: int) -> None:
    client.socket.sendall(data)
    assert client.answer().status == status
    client.drained()


def test_a_dialogue_with_any_part_damaged_does_no_harm(cameras: CameraProcess, client: Client) -> None:
    chance = random.Random(2326)
    setup = f"SETUP rtsp://h{MAIN}/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: x\r\n{TCP}\r\n\r\n".encode()
    others = [
        f"{method} rtsp://h{MAIN} RTSP/1.0\r\nCSeq: 2\r\nSession: x\r\nContent-Length: 2\r\n\r\nab".encode()
        for method in ("DESCRIBE", "PLAY", "PAUSE", "GET_PARAMETER", "TEARDOWN")
    ]
    for _ in range(150):
        dialogue = bytearray(setup + b"$\x01\x00\x04\x80\xc9\x00\x00" + b"".join(others))
        for _ in range(chance.randint(1, 6)):
            dialogue[chance.randrange(len(dialogue))] = chance.randrange(256)
        with Client(cameras.port) as damaged:
            damaged.socket.sendall(dialogue[: chance.randint(1, len(dialogue))])
            damaged.socket.shutdown(socket.SHUT_WR)
            damaged.drained()
    assert begin(client, MAIN)[1].status == 200


def test_half_a_request_and_strange_packets_do_no_harm(cameras: CameraProcess, client: Client) -> None:
    with Client(cameras.port) as rude:
        rude.socket.sendall(b"SETUP rtsp://h/camera-1/main RTSP/1.0\r\nCSe")
    client.socket.sendall(b"$\x07\x00\x05hello" + b"$\x00\x00\x00" + b"$\x01\x00\x02\x80\xc9")
    assert client.ask("OPTIONS", MAIN).status == 200
