# SPDX-License-Identifier: AGPL-3.0-or-later
"""A device that wants to do harm: one line of one exception type, whatever it answers, and no word of the password."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.onvif_device import NAMESPACES, Device, Encoder, envelope, fault, http, serving

from custodes.errors import CustodesError
from custodes.video.ingest.onvif import markup
from custodes.video.ingest.onvif.account import Login
from custodes.video.ingest.onvif.http import parse_place
from custodes.video.ingest.onvif.look import look

ADMIN = Login("admin", "sesame")
BILLION = (
    '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;">]>'
    + envelope("<tds:GetServicesResponse>&c;</tds:GetServicesResponse>").decode()
).encode()
OUTSIDE = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'


def flood(handler: Any) -> None:
    """100 MB, as announced."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
    _until_gone(handler, b"x" * 65_536)


def endless(handler: Any) -> None:
    """Chunks without end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    _until_gone(handler, b"1000\r\n" + b"<a>" * 1_365 + b"x\r\n")


def headers(handler: Any) -> None:
    """Headers without end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    _until_gone(handler, b"X-A: " + b"b" * 60_000 + b"\r\n")


def going_on(handler: Any) -> None:
    """100 Continue for ever."""
    _until_gone(handler, b"HTTP/1.1 100 Continue\r\n\r\n")


def drip(handler: Any) -> None:
    """A byte every tenth of a second."""
    _until_gone(handler, b"H", 0.1)


def silence(handler: Any) -> None:
    """Nothing at all, until the other side has gone."""
    with contextlib.suppress(OSError):
        handler.connection.recv(1)


def _until_gone(handler: Any, piece: bytes, pause_s: float = 0.0) -> None:
    # The bound keeps a test that fails from running for ever.
    for _ in range(2_000):
        try:
            handler.wfile.write(piece)
        except OSError:
            return
        time.sleep(pause_s)


VICES: dict[str, "bytes | Callable[[Any], None]"] = {
    "entities": http(BILLION),
    "outside": http(OUTSIDE),
    "deep": http(b"<a>" * 100_000),
    "wide": http(envelope("<tt:A/>" * 60_000)),
    "long text": http(envelope(f"<tds:GetServicesResponse><tt:A>{'a' * 900_000}</tt:A></tds:GetServicesResponse>")),
    "flood": flood,
    "endless": endless,
    "headers": headers,
    "going on": going_on,
    "drip": drip,
    "silence": silence,
    "hangs up": b"",
    "not http": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "elsewhere": b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n",
    "for ever elsewhere": b"HTTP/1.1 308 So\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    "binary": http(bytes(range(256)) * 16),
    "empty": http(b""),
    "html": http(b"<html><body>Log in</body></html>"),
    "utf-16 bomb": http('<?xml version="1.0" encoding="utf-16"?>'.encode("utf-16") + b"\x00\xd8" * 99),
    "odd encoding": http(b'<?xml version="1.0" encoding="klingon"?><a/>'),
    "no body": http(f"<s:Envelope {NAMESPACES}/>".encode()),
    "fault": http(envelope(fault("ter:Sesame"))),
    "other answer": http(envelope("<tds:GetUsersResponse/>")),
    "bad length": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n<",
    "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc",
    "bad challenge": b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="\\", nonce\r\nContent-Length: 0\r\n\r\n',
    "asks for basic": b'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n',
    "server error": http(b"<a/>", "500 Internal Server Error"),
}


@pytest.fixture
def device() -> Iterator[Device]:
    with serving(Device()) as found:
        yield found


def refused(device: Device) -> str:
    with pytest.raises(CustodesError) as refusal:
        look(parse_place(device.address), ADMIN, timeout_s=1.5)
    assert "\n" not in refusal.value.message
    assert "sesame" not in refusal.value.message.lower()
    return refusal.value.message


@pytest.mark.parametrize("operation", ["GetServices", "GetProfiles", "GetDeviceInformation", "GetStreamUri"])
@pytest.mark.parametrize("vice", VICES.values(), ids=VICES)
def test_a_hostile_answer_is_one_line(device: Device, operation: str, vice: "bytes | Callable[[Any], None]") -> None:
    if vice == VICES["fault"] and operation == "GetServices":
        device.answers["GetCapabilities"] = vice
    device.answers[operation] = vice
    refused(device)
    # Nothing was asked of anybody twice because of it, and the password never went out.
    assert device.asked.count(operation) <= 2
    assert not [body for body in device.bodies if "sesame" in body]


@pytest.mark.parametrize(
    "told",
    ["", "http://127.0.0.1/x", "rtsp://", "rtsp:///x", "rtsp://h:0/x", "rtsp://h:99999/x", "rtsp://[::1/x", "file:///etc/passwd",
     "rtsp://h/a b", "rtsp://h/\u202eb", "rtsp://h/" + "a" * 2_000],
    ids=range(11),
)  # fmt: skip
def test_an_address_that_cannot_be_one_is_not_used(device: Device, told: str) -> None:
    device.streams["large"] = told
    refused(device)


def test_profiles_of_wrong_types_are_left_out(device: Device) -> None:
    device.profiles = [
        Encoder("", "H264", 1920, 1080, 25),
        Encoder("a", "H264", -5, 1080, 25),
        Encoder("b", "H264", "nan", "inf", 25),  # type: ignore[arg-type]
        Encoder("c", "H264", "many", 1080, "1e400"),  # type: ignore[arg-type]
        Encoder("t" * 300, "H264", 1920, 1080, 25),
        Encoder("d", "H264", 10**9, 10**9, 25),
    ]
    assert "no H.264 or H.265 stream" in refused(device)


def test_what_a_device_says_of_itself_is_one_short_printable_line(device: Device) -> None:
    device.serial = "S\u202e\n\t" + "9" * 500
    facts = look(parse_place(device.address), ADMIN, timeout_s=5).facts
    assert facts.serial.startswith("S 9")
    assert len(facts.serial) == 64
    assert facts.serial.isprintable()


def test_a_device_that_takes_the_connection_and_dies_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def reset() -> None:
            connection, _ = server.accept()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            connection.close()

        thread = threading.Thread(target=reset)
        thread.start()
        with pytest.raises(CustodesError, match=r"cannot be reached|does not speak HTTP"):
            look(parse_place(f"127.0.0.1:{server.getsockname()[1]}"), ADMIN, timeout_s=2)
        thread.join()


@pytest.mark.parametrize(
    "text",
    ["", "h:0", "h:99999", "h:x", "ftp://h", "http://h/path", "u:p@h", "h h", "h?x", "h#x", "[::1", "\u0665", "-\n"],
)  # fmt: skip
def test_a_place_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(CustodesError):
        parse_place(text)


def test_places_are_read_with_and_without_port() -> None:
    given = ("h", "h:81", "https://h", "[::1]", "[::1]:8000", "HTTP://10.0.0.1")
    read = ["h:80", "h:81", "https://h:443", "[::1]:80", "[::1]:8000", "10.0.0.1:80"]
    assert [str(parse_place(text)) for text in given] == read


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.binary(max_size=400), st.text(max_size=200).map(lambda text: envelope(text))))
def test_any_bytes_are_xml_or_refused(data: bytes) -> None:
    with contextlib.suppress(CustodesError):
        root = markup.parse(data)
        assert markup.text(root, "Body").isprintable()
