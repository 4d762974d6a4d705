# SPDX-License-Identifier: AGPL-3.0-or-later
"""RTSP messages, transports and passwords of the virtual cameras."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custodes.demo.cameras.auth import Gate, Login
from custodes.demo.cameras.rtsp import (
    Interleaved,
    Parser,
    RefusedError,
    Request,
    TcpChoice,
    UdpChoice,
    choose_transport,
    response,
)

PLAIN = b"DESCRIBE rtsp://h:1/camera-1/main/?x=y RTSP/1.0\r\nCSeq: 7\r\nAccept: application/sdp\r\n\r\n"


def parse(data: bytes, step: int = 65536) -> list[Request | Interleaved]:
    parser, messages = Parser(), []
    for place in range(0, len(data), step):
        parser.feed(data[place : place + step])
        while (message := parser.next()) is not None:
            messages.append(message)
    return messages


def status_of(data: bytes) -> int:
    with pytest.raises(RefusedError) as caught:
        parse(data)
    return caught.value.status


def test_a_request_is_taken_apart() -> None:
    (request,) = parse(PLAIN)
    assert isinstance(request, Request)
    assert (request.method, request.path, request.sequence) == ("DESCRIBE", "camera-1/main", 7)
    assert request.headers["accept"] == "application/sdp"


@pytest.mark.parametrize("step", [1, 3, 17, 1000])
def test_requests_bodies_and_packets_are_found_however_they_arrive(step: int) -> None:
    body = b"SET_PARAMETER * RTSP/1.0\r\nCSeq: 8\r\nContent-Length: 4\r\n\r\n$$\r\n"
    data = PLAIN + b"$\x01\x00\x03abc" + b"\r\n" + body + b"$\x02\x00\x00" + PLAIN
    first, packet, second, empty, third = parse(data, step)
    assert packet == Interleaved(1, b"abc")
    assert empty == Interleaved(2, b"")
    assert isinstance(second, Request)
    assert second.body == b"$$\r\n"
    assert first == third


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"OPTIONS * RTSP/1.0\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: x\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: -1\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nCSeq: 1\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nCSeq 1\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n folded: 1\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nA: b\nC: d\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nA: \x00\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nA: \xff\r\n\r\n", 400),
        (b"OPTIONS *\r\nCSeq: 1\r\n\r\n", 400),
        (b"OPTIONS  RTSP/1.0\r\nCSeq: 1\r\n\r\n", 400),
        (b"OPT(ONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", 400),
        (b"OPTIONS http://h/ RTSP/1.0\r\nCSeq: 1\r\n\r\n", 400),
        (b"OPTIONS rtsp://[::1/ RTSP/1.0\r\nCSeq: 1\r\n\r\n", 400),
        (b"OPTIONS * HTTP/1.1\r\nCSeq: 1\r\n\r\n", 400),
        (b"OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n", 505),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 4097\r\n\r\n", 413),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 99999999999\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 1e3\r\n\r\n", 400),
        (b"A" * 9000, 413),
        (b"OPTIONS * RTSP/1.0\r\n" + b"X: y\r\n" * 3000, 413),
    ],
)
def test_malformed_requests_are_refused(data: bytes, status: int) -> None:
    assert status_of(data) == status


def understood_or_refused(data: bytes) -> None:
    status = 200
    try:
        parse(data)
    except RefusedError as refusal:
        status = refusal.status
    assert status in (200, 400, 413, 505)


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=80).map(lambda middle: PLAIN[:40] + middle + PLAIN[40:])))
def test_any_bytes_are_understood_or_refused(data: bytes) -> None:
    understood_or_refused(data + b"\r\n\r\n")


@given(st.integers(0, len(PLAIN) - 1), st.integers(0, 255))
def test_any_changed_byte_is_understood_or_refused(place: int, byte: int) -> None:
    understood_or_refused(PLAIN[:place] + bytes((byte,)) + PLAIN[place + 1 :])


@pytest.mark.parametrize(
    ("header", "choice"),
    [
        ("RTP/AVP/TCP;unicast;interleaved=0-1", TcpChoice((0, 1))),
        ("RTP/AVP/TCP;unicast;interleaved=4", TcpChoice((4, 5))),
        ("RTP/AVP/TCP;unicast", TcpChoice(None)),
        ("rtp/avp;unicast;client_port=5000-5001", UdpChoice((5000, 5001))),
        ("RTP/AVP/UDP;unicast;client_port=5000-5001;mode=play", UdpChoice((5000, 5001))),
        ("RTP/AVP;multicast, RTP/AVP;unicast;client_port=5000-5001", UdpChoice((5000, 5001))),
        ("RTP/AVP;unicast;destination=192.0.2.1;client_port=6000-6001", UdpChoice((6000, 6001))),
    ],
)
def test_the_first_transport_that_is_served_is_chosen(header: str, choice: TcpChoice | UdpChoice) -> None:
    assert choose_transport(header) == choice


@pytest.mark.parametrize(
    "header",
    [
        "RTP/AVP;multicast",
        "RTP/SAVP;unicast;client_port=5000-5001",
        "RTP/AVP;unicast",
        "RTP/AVP;unicast;client_port=0-1",
        "RTP/AVP;unicast;client_port=70000-70001",
        "RTP/AVP;unicast;client_port=5000-5000",
        "RTP/AVP;unicast;client_port=65535",
        "RTP/AVP;unicast;client_port=a-b",
        "RTP/AVP/TCP;interleaved=255-256",
        'RTP/AVP;unicast;client_port=5000-5001;mode="RECORD"',
        ";;;,,,",
    ],
)
def test_other_transports_are_unsupported(header: str) -> None:
    with pytest.raises(RefusedError) as caught:
        choose_transport(header)
    assert caught.value.status == 461


def test_an_answer_is_written_out() -> None:
    assert response(200, 3, [("A", "b"), ("A", "c")], b"xy").split(b"\r\n") == [
        b"RTSP/1.0 200 OK",
        b"CSeq: 3",
        b"Server: custodes-virtual-camera",
        b"A: b",
        b"A: c",
        b"Content-Length: 2",
        b"",
        b"xy",
    ]


NONCE = bytes(range(16))


def ask(authorization: str, path: str = "camera-1/main") -> Request:
    return Request("DESCRIBE", f"rtsp://h/{path}", path, 1, {"authorization": authorization}, b"")


def digest(user: str, password: str, nonce: str, uri: str, method: str = "DESCRIBE") -> str:
    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    answer = md5(f"{md5(f'{user}:virtual camera:{password}')}:{nonce}:{md5(f'{method}:{uri}')}")
    return f'Digest username="{user}", realm="virtual camera", nonce="{nonce}", uri="{uri}", response="{answer}"'


def test_the_right_password_opens_with_either_scheme() -> None:
    gate = Gate(Login("eve", "s3cret"), NONCE)
    gate.check(ask("Basic " + base64.b64encode(b"eve:s3cret").decode()))
    gate.check(ask(digest("eve", "s3cret", NONCE.hex(), "rtsp://h/camera-1/main")))
    gate.check(ask(digest("eve", "s3cret", NONCE.hex(), "rtsp://h/camera-1/main"), "camera-1/main/trackID=0"))


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic !!!",
        "Basic é",
        "Basic " + base64.b64encode(b"eve:wrong").decode(),
        "Digest",
        "Bearer abc",
        digest("eve", "wrong", NONCE.hex(), "rtsp://h/camera-1/main"),
        digest("adam", "s3cret", NONCE.hex(), "rtsp://h/camera-1/main"),
        digest("eve", "s3cret", "00" * 16, "rtsp://h/camera-1/main"),
        digest("eve", "s3cret", NONCE.hex(), "rtsp://h/camera-2/main"),
        digest("eve", "s3cret", NONCE.hex(), "rtsp://h/camera-1/ma"),
        digest("eve", "s3cret", NONCE.hex(), "rtsp://h/camera-1/main", "PLAY"),
    ],
)
def test_anything_else_is_challenged(authorization: str) -> None:
    gate = Gate(Login("eve", "s3cret"), NONCE)
    with pytest.raises(RefusedError) as caught:
        gate.check(ask(authorization))
    assert caught.value.status == 401
    assert [value.partition(" ")[0] for name, value in caught.value.headers] == ["Digest", "Basic"]


def test_a_password_is_not_shown() -> None:
    assert "s3cret" not in repr(Login("eve", "s3cret"))
