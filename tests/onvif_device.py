# SPDX-License-Identifier: AGPL-3.0-or-later
"""An ONVIF device for tests: real HTTP and WS-Discovery on loopback, with accounts, and with vices where asked."""

import base64
import hashlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from xml.sax.saxutils import escape

NAMESPACES = (
    'xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tds="http://www.onvif.org/ver10/device/wsdl" '
    'xmlns:trt="http://www.onvif.org/ver10/media/wsdl" xmlns:tr2="http://www.onvif.org/ver20/media/wsdl" '
    'xmlns:tev="http://www.onvif.org/ver10/events/wsdl" xmlns:tt="http://www.onvif.org/ver10/schema" '
    'xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" xmlns:wsa="http://www.w3.org/2005/08/addressing" '
    'xmlns:ter="http://www.onvif.org/ver10/error" xmlns:tns1="http://www.onvif.org/ver10/topics"'
)


@dataclass
class Encoder:
    """A profile: its streams differ in token only where several share an encoder."""

    token: str
    codec: str
    width: int
    height: int
    fps: int
    source: str = "lens-1"
    encoder: str = ""


@dataclass
class Device:
    """What the device is and does. ``auth``: none, token, MD5 or SHA-256. ``answers`` replaces the answer to an
    operation by raw bytes of an HTTP answer, or by a function that writes to the connection."""

    port: int = 0
    users: dict[str, str] = field(default_factory=lambda: {"admin": "sesame"})
    auth: str = "token"
    serial: str = "S-4711"
    mac: str = "00:16:3E:AA:BB:CC"
    profiles: list[Encoder] = field(
        default_factory=lambda: [
            Encoder("small", "H264", 640, 360, 25),
            Encoder("large", "H264", 1920, 1080, 25),
            Encoder("still", "JPEG", 2560, 1440, 1),
        ]
    )
    streams: dict[str, str] = field(default_factory=dict)
    media2: bool = False
    xaddr: str = ""
    clock: timedelta = timedelta()
    answers: dict[str, "bytes | Callable[[Any], None]"] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    takes_rate: bool = True
    keeps_old: bool = False
    asked: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    old: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    # Accounts

    def allowed(self, headers: Any, body: str) -> bool:
        if self.auth == "none" or not self.users:
            return True
        if self.auth == "token":
            return any(self._token(body, user, word) for user, word in self._accounts())
        given = dict(re.findall(r'(\w+)="?([^",]*)"?', headers.get("Authorization", "")))
        return any(self._digest(given, user, word) for user, word in self._accounts())

    def _accounts(self) -> list[tuple[str, str]]:
        return [*self.users.items(), *(self.old.items() if self.keeps_old else ())]

    def _token(self, body: str, user: str, word: str) -> bool:
        found = re.search(
            r"<w:Username>(.*)</.*<w:Password [^>]*>(.*)</.*<w:Nonce [^>]*>(.*)</.*<u:Created>(.*)</u:C", body
        )
        if not found or found[1] != user:
            return False
        created = datetime.fromisoformat(found[4])
        if abs(created - datetime.now(UTC) - self.clock) > timedelta(seconds=30):
            return False
        nonce = base64.b64decode(found[3])
        digest = hashlib.sha1(nonce + found[4].encode() + word.encode(), usedforsecurity=False).digest()
        return found[2] == base64.b64encode(digest).decode()

    def _digest(self, given: dict[str, str], user: str, word: str) -> bool:
        def digest(text: str) -> str:
            return hashlib.new("md5" if self.auth == "MD5" else "sha256", text.encode()).hexdigest()

        if given.get("username") != user:
            return False
        account, what = digest(f"{user}:camera:{word}"), digest(f"POST:{given.get('uri')}")
        return given.get("response") == digest(
            f"{account}:{given.get('nonce')}:{given.get('nc')}:{given.get('cnonce')}:auth:{what}"
        )

    # Operations

    def answer(self, operation: str, body: str) -> str:
        made = getattr(self, f"do_{re.sub('(?<!^)(?=[A-Z])', '_', operation).lower()}", None)
        if made is None:
            return fault("ter:ActionNotSupported")
        result: str = made(body)
        return result

    def do_get_system_date_and_time(self, _body: str) -> str:
        now = datetime.now(UTC) + self.clock
        return (
            "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:UTCDateTime>"
            f"<tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second>"
            f"</tt:Time><tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day>"
            "</tt:Date></tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
        )

    def do_get_services(self, _body: str) -> str:
        base = self.xaddr or f"http://{self.address}"
        named = [("ver10/media", "media"), ("ver10/events", "events"), *([("ver20/media", "media2")] * self.media2)]
        services = "".join(
            f"<tds:Service><tds:Namespace>http://www.onvif.org/{name}/wsdl</tds:Namespace>"
            f"<tds:XAddr>{base}/onvif/{path}</tds:XAddr></tds:Service>"
            for name, path in named
        )
        return f"<tds:GetServicesResponse>{services}</tds:GetServicesResponse>"

    def do_get_device_information(self, _body: str) -> str:
        return (
            "<tds:GetDeviceInformationResponse><tds:Manufacturer>Maker &amp; Sons</tds:Manufacturer>"
            f"<tds:Model>M 1</tds:Model><tds:FirmwareVersion>1.2</tds:FirmwareVersion>"
            f"<tds:SerialNumber>{self.serial}</tds:SerialNumber></tds:GetDeviceInformationResponse>"
        )

    def do_get_network_interfaces(self, _body: str) -> str:
        return (
            "<tds:GetNetworkInterfacesResponse><tds:NetworkInterfaces><tt:Info>"
            f"<tt:HwAddress>{self.mac}</tt:HwAddress></tt:Info></tds:NetworkInterfaces></tds:GetNetworkInterfacesResponse>"
        )

    def do_get_profiles(self, body: str) -> str:
        if "ver20/media" in body:
            return f"<tr2:GetProfilesResponse>{''.join(map(self._profile2, self.profiles))}</tr2:GetProfilesResponse>"
        return f"<trt:GetProfilesResponse>{''.join(map(self._profile1, self.profiles))}</trt:GetProfilesResponse>"

    def _encoder(self, each: Encoder) -> str:
        return (
            f"<tt:Name>{each.token}</tt:Name><tt:UseCount>1</tt:UseCount><tt:Encoding>{each.codec}</tt:Encoding>"
            f"<tt:Resolution><tt:Width>{each.width}</tt:Width><tt:Height>{each.height}</tt:Height></tt:Resolution>"
            f"<tt:RateControl><tt:FrameRateLimit>{each.fps}</tt:FrameRateLimit></tt:RateControl>"
        )

    def _profile1(self, each: Encoder) -> str:
        return (
            f'<trt:Profiles token="{each.token}"><tt:VideoSourceConfiguration>'
            f"<tt:SourceToken>{each.source}</tt:SourceToken>"
            f'</tt:VideoSourceConfiguration><tt:VideoEncoderConfiguration token="{each.encoder or "e-" + each.token}">'
            f"{self._encoder(each)}</tt:VideoEncoderConfiguration></trt:Profiles>"
        )

    def _profile2(self, each: Encoder) -> str:
        return (
            f'<tr2:Profiles token="{each.token}"><tr2:Configurations><tr2:VideoSource><tt:SourceToken>{each.source}'
            f'</tt:SourceToken></tr2:VideoSource><tr2:VideoEncoder token="{each.encoder or "e-" + each.token}">'
            f"{self._encoder(each)}</tr2:VideoEncoder></tr2:Configurations></tr2:Profiles>"
        )

    def do_get_stream_uri(self, body: str) -> str:
        found = re.search(r"ProfileToken>([^<]*)<", body)
        assert found
        address = escape(self.streams.get(found[1], f"rtsp://127.0.0.1:8554/{found[1]}"))
        if "ver20/media" in body:
            return f"<tr2:GetStreamUriResponse><tr2:Uri>{address}</tr2:Uri></tr2:GetStreamUriResponse>"
        told = f"<trt:MediaUri><tt:Uri>{address}</tt:Uri></trt:MediaUri>"
        return f"<trt:GetStreamUriResponse>{told}</trt:GetStreamUriResponse>"

    def do_set_video_encoder_configuration(self, body: str) -> str:
        token, rate = re.search(r'token="e-(\w+)"', body), re.search(r"FrameRateLimit>(\d+)<", body)
        if not (token and rate and self.takes_rate):
            return fault("ter:InvalidArgVal")
        for each in self.profiles:
            if each.token == token[1]:
                each.fps = int(rate[1])
        space = "tr2" if "ver20/media" in body else "trt"
        return f"<{space}:SetVideoEncoderConfigurationResponse/>"

    def do_get_users(self, _body: str) -> str:
        listed = "".join(
            f"<tds:User><tt:Username>{user}</tt:Username><tt:UserLevel>Administrator</tt:UserLevel></tds:User>"
            for user in self.users
        )
        return f"<tds:GetUsersResponse>{listed}</tds:GetUsersResponse>"

    def do_set_user(self, body: str) -> str:
        user, word = re.search(r"tt:Username>([^<]*)<", body), re.search(r"tt:Password>([^<]*)<", body)
        assert user
        assert word
        if user[1] not in self.users:
            return fault("ter:UsernameMissing")
        self.old[user[1]] = self.users[user[1]]
        self.users[user[1]] = word[1]
        return "<tds:SetUserResponse/>"

    def do_create_users(self, body: str) -> str:
        user, word = re.search(r"tt:Username>([^<]*)<", body), re.search(r"tt:Password>([^<]*)<", body)
        assert user
        assert word
        self.users[user[1]] = word[1]
        return "<tds:CreateUsersResponse/>"

    def do_create_pull_point_subscription(self, _body: str) -> str:
        base = self.xaddr or f"http://{self.address}"
        return (
            "<tev:CreatePullPointSubscriptionResponse><tev:SubscriptionReference>"
            f"<wsa:Address>{base}/onvif/subscription?id=7</wsa:Address><wsa:ReferenceParameters><tt:Which>seven</tt:Which>"
            "</wsa:ReferenceParameters></tev:SubscriptionReference></tev:CreatePullPointSubscriptionResponse>"
        )

    def do_pull_messages(self, _body: str) -> str:
        found, self.events = self.events, []
        return f"<tev:PullMessagesResponse>{''.join(found)}</tev:PullMessagesResponse>"

    def do_renew(self, _body: str) -> str:
        return "<wsnt:RenewResponse/>"

    def do_unsubscribe(self, _body: str) -> str:
        return "<wsnt:UnsubscribeResponse/>"


def notification(
    topic: str, items: dict[str, str], operation: str = "Changed", at: str = "2026-11-25T08:00:00Z"
) -> str:
    """A message of an event."""
    simple = "".join(f'<tt:SimpleItem Name="{name}" Value="{value}"/>' for name, value in items.items())
    return (
        f"<wsnt:NotificationMessage><wsnt:Topic>{topic}</wsnt:Topic><wsnt:Message>"
        f'<tt:Message UtcTime="{at}" PropertyOperation="{operation}"><tt:Data>{simple}</tt:Data></tt:Message>'
        "</wsnt:Message></wsnt:NotificationMessage>"
    )


def fault(code: str) -> str:
    """A SOAP fault; its text is a lie that must not reach anybody."""
    return (
        "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>"
        f"{code}</s:Value></s:Subcode></s:Code><s:Reason><s:Text>your password is sesame</s:Text></s:Reason></s:Fault>"
    )


def envelope(content: str) -> bytes:
    """SOAP around a body's content."""
    return f"<?xml version='1.0'?><s:Envelope {NAMESPACES}><s:Body>{content}</s:Body></s:Envelope>".encode()


def http(body: bytes, status: str = "200 OK", extra: str = "") -> bytes:
    """A whole HTTP answer."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body


class _Handler(BaseHTTPRequestHandler):
    device: Device

    def log_message(self, *_args: object) -> None:
        pass

    def do_POST(self) -> None:
        device = self.device
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        operation = re.search(r"<x:(\w+)", body)
        assert operation
        device.asked.append(operation[1])
        device.bodies.append(body)
        planned = device.answers.get(operation[1])
        if callable(planned):
            planned(self)
            return
        if planned is not None:
            self.wfile.write(planned)
        elif operation[1] != "GetSystemDateAndTime" and not device.allowed(self.headers, body):
            self.wfile.write(self._refusal(device.auth))
        else:
            self.wfile.write(http(envelope(device.answer(operation[1], body))))

    def _refusal(self, auth: str) -> bytes:
        if auth == "token":
            return http(envelope(fault("ter:NotAuthorized")), "400 Bad Request")
        challenge = (
            f'WWW-Authenticate: Digest realm="camera", qop="auth", nonce="{time.time_ns()}", algorithm={auth}\r\n'
        )
        return http(b"", "401 Unauthorized", 'WWW-Authenticate: Basic realm="camera"\r\n' + challenge)


def handler_of(device: Device) -> type[BaseHTTPRequestHandler]:
    """The class that serves this device."""
    return type("Handler", (_Handler,), {"device": device})


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_args: object) -> None:
        """A client that hangs up on a hostile answer is what the tests want."""


@contextmanager
def serving(device: Device) -> Iterator[Device]:
    """The device on a free port of loopback."""
    server = _Server(("127.0.0.1", 0), handler_of(device))
    device.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield device
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def probe_match(relates: str, addresses: str, scopes: str = "onvif://www.onvif.org/name/North%20Gate") -> bytes:
    """An answer to a probe."""
    return (
        f'<s:Envelope {NAMESPACES} xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><s:Header>'
        f"<wsa:RelatesTo>{relates}</wsa:RelatesTo></s:Header><s:Body><d:ProbeMatches><d:ProbeMatch>"
        "<wsa:EndpointReference><wsa:Address>urn:uuid:1</wsa:Address></wsa:EndpointReference>"
        f"<d:Scopes>{scopes} onvif://www.onvif.org/hardware/M1</d:Scopes><d:XAddrs>{addresses}</d:XAddrs>"
        "</d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"
    ).encode()


@contextmanager
def discoverable(answers: Callable[[str], list[bytes]]) -> Iterator[str]:
    """Answers each probe with what ``answers`` makes of its message id; yields HOST:PORT."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(0.1)
        ending = threading.Event()

        def serve() -> None:
            while not ending.is_set():
                try:
                    data, sender = peer.recvfrom(65_535)
                except TimeoutError:
                    continue
                found = re.search(rb"MessageID>([^<]*)<", data)
                for answer in answers(found[1].decode() if found else ""):
                    peer.sendto(answer, sender)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{peer.getsockname()[1]}"
        finally:
            ending.set()
            thread.join()
