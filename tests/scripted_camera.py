# SPDX-License-Identifier: AGPL-3.0-or-later
"""A camera that does what it is told, however wrong: RTSP over real sockets of loopback, TCP, UDP or TLS.

A ``Conduct`` says what it answers and sends; a function can stand in for any answer. It speaks to several clients at
once, one thread each, remembers what they asked, and ends by itself: with its context, or after ``LIFE_S``.
"""

import contextlib
import re
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tests.camera_login import Login
from tests.rtp_packets import Picture, Rtp, framed, packets, sprop

LIFE_S = 60.0
"""No conversation lasts longer."""

Item = Rtp | bytes | float | Callable[["Conversation"], None]
"""What can be sent after PLAY: an RTP packet, bytes as they are, a pause in seconds, or anything a function does."""


@dataclass(frozen=True)
class Request:
    """What a client said: a request, or the answer to one of ours (then ``method`` is its status)."""

    method: str
    url: str
    headers: dict[str, str]
    connection: int

    def header(self, name: str) -> str:
        return self.headers.get(name, "")


Reply = bytes | str | None | Callable[["Conversation", Request], bytes | str | None]
"""An answer: bytes as they are, a status such as ``404 Not Found``, None for silence, or a function that returns it."""


@dataclass
class Conduct:
    """What the camera does. ``media`` wins over ``pictures``; a function gives each connection its own."""

    pictures: tuple[Picture, ...] = ()
    codec: str = "H264"
    media: Sequence[Item] | Callable[["Conversation"], Iterable[Item]] | None = None
    then: str = "close"
    """After the media: ``close``, ``hang`` or ``reset``."""
    sdp: str | bytes | None = None
    sets: tuple[bytes, ...] = ()
    """Announced in the SDP; none by default: they come with the pictures."""
    path: str = "/cam"
    base: str | None = ""
    """The Content-Base; empty for the address with a slash, None for no such header."""
    control: str = "track1"
    setup_at: str | None = None
    """The only address that SETUP is taken at; None: any."""
    session: str = "5C0FFEE5"
    session_tail: str = ""
    public: str | None = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"
    channels: tuple[int, int] | None = None
    """Interleaved channels in the answer to SETUP; None: those that were asked for."""
    transport_tail: str = ""
    login: Login | None = None
    before: bytes = b""
    """Sent on a new connection before anything was asked."""
    early: Sequence[Item] = ()
    """Sent between the request to PLAY and its answer."""
    replies: dict[str, Reply] = field(default_factory=dict)
    drip: int = 0
    """Answers come in pieces of so many bytes."""
    tls: ssl.SSLContext | None = None
    expires_s: float = 0.0
    """A session that is not heard of for so long is dropped, and the connection with it."""


class QuirkyCamera:
    """A camera on a free port of loopback. ``requests`` and ``answers``: what clients said, in order."""

    def __init__(self, conduct: Conduct, host: str = "127.0.0.1", port: int = 0) -> None:
        self.conduct = conduct
        self.requests: list[Request] = []
        self.answers: list[Request] = []
        self.connections = 0
        self.over = threading.Event()
        self._listener = socket.create_server((host, port))
        self._listener.settimeout(0.02)
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]
        self.authority = f"{host}:{self.port}"
        self._accepting = threading.Thread(target=self._accept)

    @property
    def plain_url(self) -> str:
        """The stream's address without credentials."""
        return f"rtsp{'s' if self.conduct.tls else ''}://{self.authority}{self.conduct.path}"

    def methods(self, connection: int | None = None) -> list[str]:
        """Methods that were asked for, in order."""
        return [each.method for each in self.requests if connection in (None, each.connection)]

    def heard(self, method: str, within_s: float = 3.0) -> bool:
        """Whether a client asks for this; waits for it."""
        until = time.monotonic() + within_s
        while method not in self.methods() and time.monotonic() < until:
            time.sleep(0.01)
        return method in self.methods()

    def __enter__(self) -> "QuirkyCamera":
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._accepting.join()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self.over.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            thread = threading.Thread(target=self._converse, args=(client, self.connections))
            self._threads.append(thread)
            thread.start()

    def _converse(self, client: socket.socket, number: int) -> None:
        with client, contextlib.suppress(OSError):  # the client has gone, which ends the conversation
            client.settimeout(2.0)
            if self.conduct.tls is not None:
                client = self.conduct.tls.wrap_socket(client, server_side=True)
            with client:
                conversation = self.conversation(client, number)
                try:
                    conversation.run()
                finally:
                    conversation.close()

    def conversation(self, client: socket.socket, number: int) -> "Conversation":
        """What speaks to one client."""
        return Conversation(self, client, number)


class Conversation:
    """One connection, on one thread: requests are answered as they come, media goes out when it is due."""

    def __init__(self, camera: QuirkyCamera, client: socket.socket, number: int) -> None:
        self.camera, self.conduct, self.number = camera, camera.conduct, number
        self.client = client
        self.channel = 0
        self.playing = False
        self.to: tuple[str, int] | None = None
        self.pair: list[socket.socket] = []
        self._input = b""
        self._media: Iterable[Item] = iter(())
        self._due = self._heard = time.monotonic()
        self._done = False

    def run(self) -> None:
        """Until the client has gone, the camera is over or its conduct says so."""
        if self.conduct.before:
            self.write(self.conduct.before)
        end = time.monotonic() + LIFE_S
        while not self.camera.over.is_set() and time.monotonic() < end:
            waiting = max(0.0, min(0.05, self._due - time.monotonic())) if self.playing and not self._done else 0.05
            if self._readable(waiting):
                data = self.client.recv(65_536)
                if not data:
                    return
                self._input += data
                self._heard = time.monotonic()
                while self._next_request():
                    pass
            elif self.playing and not self._done and time.monotonic() >= self._due:
                self._send_next()
            if self.conduct.expires_s and self.playing and time.monotonic() - self._heard > self.conduct.expires_s:
                return

    def _readable(self, waiting: float) -> bool:
        if isinstance(self.client, ssl.SSLSocket) and self.client.pending():
            return True
        return bool(select.select((self.client,), (), (), waiting)[0])

    def close(self) -> None:
        for each in self.pair:
            each.close()

    def write(self, data: bytes) -> None:
        """Send bytes on the RTSP connection."""
        self.client.sendall(data)

    def send(self, item: Item) -> None:
        """Send one item of media now."""
        if isinstance(item, Rtp):
            if self.to is None:
                self.write(framed(item.pack(), self.channel))
            else:
                self.pair[0].sendto(item.pack(), self.to)
        elif isinstance(item, bytes):
            self.write(item)
        elif isinstance(item, float):
            self._due = time.monotonic() + item
        else:
            item(self)

    def _send_next(self) -> None:
        for item in self._media:
            self.send(item)
            if isinstance(item, float) or self._readable(0):
                return
        self._done = True
        if self.to is not None:
            time.sleep(0.2)  # datagrams are not ordered against the end of the connection
        if self.conduct.then == "reset":
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            raise ConnectionResetError
        if self.conduct.then == "close" and not isinstance(self.client, ssl.SSLSocket):
            self.client.shutdown(socket.SHUT_WR)
        elif self.conduct.then == "close":
            raise ConnectionResetError

    def _next_request(self) -> bool:
        """Take one request, answer or packet off the input; whether there may be more."""
        if self._input.startswith(b"$"):
            size = 4 + int.from_bytes(self._input[2:4], "big")
            whole = len(self._input) >= max(4, size)
            self._input = self._input[size:] if whole else self._input
            return whole
        head, end, rest = self._input.partition(b"\r\n\r\n")
        if not end:
            return False
        first, *lines = head.decode("utf-8", "replace").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        length = int(headers.get("content-length", "0"))
        self._input = rest[length:]
        method, url, *_ = [*first.split(" "), "", ""]
        if method.startswith("RTSP/"):
            self.camera.answers.append(Request(url, "", headers, self.number))
            return True
        request = Request(method, url, headers, self.number)
        self.camera.requests.append(request)
        self._answer(request)
        return True

    def _answer(self, request: Request) -> None:
        if request.method == "PLAY":
            for item in self.conduct.early:
                self.send(item)
        answer = self.reply(request)
        if answer is None:
            return
        step = self.conduct.drip or max(1, len(answer))
        for at in range(0, len(answer), step):
            self.write(answer[at : at + step])
            if self.conduct.drip:
                time.sleep(0.0005)
        if request.method == "PLAY" and re.match(rb"RTSP/\S+ 200", answer):
            self.playing, self._due = True, time.monotonic()
            self._media = iter(self.media())

    def reply(self, request: Request) -> bytes | None:
        """The bytes that answer a request, or None for silence."""
        login = self.conduct.login
        if login is not None and (challenge := login.challenge(self.number, request)):
            return self.answer(request, "401 Unauthorized", *challenge)
        given: Reply = self.conduct.replies.get(request.method, "200 OK")
        if callable(given):
            given = given(self, request)
        return self.standard(request, given) if isinstance(given, str) else given

    def standard(self, request: Request, status: str = "200 OK") -> bytes:
        """What a decent camera would answer, as far as its conduct lets it."""
        if not status.startswith("200"):
            return self.answer(request, status)
        match request.method:
            case "OPTIONS":
                public = [f"Public: {self.conduct.public}"] if self.conduct.public else []
                return self.answer(request, status, *public)
            case "DESCRIBE":
                base = f"{self.camera.plain_url}/" if self.conduct.base == "" else self.conduct.base
                lines = ["Content-Type: application/sdp", *([f"Content-Base: {base}"] if base else [])]
                return self.answer(request, status, *lines, body=self.sdp())
            case "SETUP":
                return self._set_up(request)
        return self.answer(request, status, f"Session: {self.conduct.session}")

    def answer(self, request: Request, status: str, *lines: str, body: str | bytes = b"") -> bytes:
        """An answer with its number, header lines and a body of true length."""
        body = body.encode() if isinstance(body, str) else body
        length = [f"Content-Length: {len(body)}"] if body else []
        head = [f"RTSP/1.0 {status}", f"CSeq: {request.header('cseq')}", *lines, *length]
        return "".join(f"{line}\r\n" for line in [*head, ""]).encode() + body

    def sdp(self) -> str | bytes:
        """What the camera says of its stream."""
        return described(self.conduct) if self.conduct.sdp is None else self.conduct.sdp

    def _set_up(self, request: Request) -> bytes:
        if self.conduct.setup_at is not None and request.url != self.conduct.setup_at:
            return self.answer(request, "404 Not Found")
        asked = request.header("transport")
        session = f"Session: {self.conduct.session}{self.conduct.session_tail}"
        if match := re.search(r"client_port=(\d+)", asked):
            self.to = self.client.getpeername()[0], int(match[1])
            if not self.pair:
                self.pair = [_datagrams(), _datagrams()]
            ports = "-".join(str(each.getsockname()[1]) for each in self.pair)
            line = f"RTP/AVP;unicast;client_port={match[1]}-{int(match[1]) + 1};server_port={ports}"
        else:
            match = re.search(r"interleaved=(\d+)-(\d+)", asked)
            wanted = (int(match[1]), int(match[2])) if match else (0, 1)
            channels = self.conduct.channels or wanted
            self.channel = channels[0]
            line = f"RTP/AVP/TCP;unicast;interleaved={channels[0]}-{channels[1]}"
        return self.answer(request, "200 OK", f"Transport: {line}{self.conduct.transport_tail}", session)

    def media(self) -> Iterable[Item]:
        """What is sent after PLAY."""
        given = self.conduct.media
        if given is None:
            return packets(self.conduct.pictures, codec=self.conduct.codec)
        return given(self) if callable(given) else given


def _datagrams() -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    found.bind(("127.0.0.1", 0))
    return found


def described(conduct: Conduct) -> str:
    """An ordinary SDP with one video stream of payload type 96."""
    parameters = ""
    if conduct.sets and conduct.codec == "H264":
        parameters = f"packetization-mode=1;sprop-parameter-sets={sprop(conduct.sets)}"
    elif conduct.sets:
        names = ("sprop-vps", "sprop-sps", "sprop-pps")
        parameters = ";".join(f"{name}={sprop([each])}" for name, each in zip(names, conduct.sets, strict=True))
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=stream", "t=0 0", "m=video 0 RTP/AVP 96"]
    lines.append(f"a=rtpmap:96 {conduct.codec}/90000")
    lines += [f"a=fmtp:96 {parameters}"] if parameters else []
    lines += [f"a=control:{conduct.control}"] if conduct.control else []
    return "".join(f"{line}\r\n" for line in lines)
