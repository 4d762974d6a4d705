# SPDX-License-Identifier: AGPL-3.0-or-later
"""One client's connection: requests in, answers out (RFC 2326, 10)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from custodes.clock import Clock
from custodes.demo.cameras import sdp
from custodes.demo.cameras.auth import Gate, Login
from custodes.demo.cameras.delivery import TICKS_PER_PICTURE, SentPicture, Stream, TcpCarrier, UdpCarrier
from custodes.demo.cameras.journal import Play
from custodes.demo.cameras.rtp import RtpSender, is_rtcp
from custodes.demo.cameras.rtsp import Interleaved, Parser, RefusedError, Request, TcpChoice, choose_transport, response
from custodes.demo.cameras.session import Session

_METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, SET_PARAMETER, TEARDOWN"
_KNOWN_ELSEWHERE = {"ANNOUNCE", "RECORD", "REDIRECT"}
_NOW = ("Range", "npt=now-")
_KEY_PICTURE_WITHIN_S = 3.0
_MAX_SESSIONS = 256
_MAX_UNREAD = 1024 * 1024 * 4

_Answer = tuple[list[tuple[str, str]], bytes]


@dataclass(slots=True)
class House:
    """What all connections share."""

    streams: Mapping[str, Stream]
    clock: Clock
    entropy: Callable[[int], bytes]
    login: Login | None
    session_timeout_s: int
    on_play: Callable[[Play], None]
    sessions: dict[str, Session] = field(default_factory=dict)

    def close(self, session: Session, *, goodbye: bool) -> None:
        """End a session and forget it."""
        session.close(goodbye=goodbye)
        self.sessions.pop(session.identifier, None)


class Connection:
    """Serves one client until it goes, errs or is silent for too long."""

    def __init__(self, house: House, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._house, self._reader, self._writer = house, reader, writer
        self._gate = Gate(house.login, house.entropy(16)) if house.login else None
        self._peer: str = writer.get_extra_info("peername")[0]
        self._client = "{}:{}".format(*writer.get_extra_info("peername")[:2])
        self._channels: dict[int, Session] = {}
        self._owned: set[Session] = set()
        self._handlers: dict[str, Callable[[Request], Awaitable[_Answer | None]]] = {
            "OPTIONS": self._options,
            "DESCRIBE": self._describe,
            "SETUP": self._setup,
            "PLAY": self._play,
            "PAUSE": self._pause,
            "GET_PARAMETER": self._parameter,
            "SET_PARAMETER": self._parameter,
            "TEARDOWN": self._teardown,
        }

    def abort(self) -> None:
        """End at once, without a word."""
        self._writer.transport.abort()

    async def serve(self) -> None:
        """Answer requests; return when the connection has ended. Sessions delivered over it end with it."""
        parser = Parser()
        try:
            while data := await self._received():
                parser.feed(data)
                while (message := parser.next()) is not None:
                    if isinstance(message, Interleaved):
                        self._packet(message)
                    else:
                        await self._respond(message)
        except RefusedError as refusal:
            self._send(response(refusal.status, parser.sequence, [("Connection", "close")]))
        except ConnectionError:
            pass
        finally:
            for session in set(self._channels.values()):
                self._house.close(session, goodbye=False)
            self._writer.close()

    async def _received(self) -> bytes:
        """Return bytes from the client, none when it has gone, does not read what it asked for, or is idle."""
        while True:
            if self._writer.transport.get_write_buffer_size() > _MAX_UNREAD:
                return b""
            try:
                async with asyncio.timeout(self._house.session_timeout_s):
                    return await self._reader.read(65536)
            except TimeoutError:
                if all(session.closed for session in self._owned):
                    return b""

    def _packet(self, packet: Interleaved) -> None:
        session = self._channels.get(packet.channel)
        if session is not None and is_rtcp(packet.data):
            session.touch()

    def _send(self, data: bytes) -> None:
        if not self._writer.transport.is_closing():
            self._writer.write(data)

    async def _respond(self, request: Request) -> None:
        try:
            answer = await self._answer(request)
        except RefusedError as refusal:
            self._send(response(refusal.status, request.sequence, refusal.headers))
            return
        if answer is not None:
            self._send(response(200, request.sequence, *answer))

    async def _answer(self, request: Request) -> _Answer | None:
        handler = self._handlers.get(request.method)
        if handler is None:
            raise RefusedError(405 if request.method in _KNOWN_ELSEWHERE else 501, ("Allow", _METHODS))
        if self._gate is not None and request.method != "OPTIONS":
            self._gate.check(request)
        if "require" in request.headers:
            raise RefusedError(551, ("Unsupported", request.headers["require"]))
        if "session" in request.headers:
            self._session(request).touch()
        return await handler(request)

    def _session(self, request: Request) -> Session:
        """Return the session that the request names and whose stream it addresses."""
        session = self._house.sessions.get(request.headers.get("session", "").partition(";")[0].strip())
        if session is None or session.closed:
            raise RefusedError(454)
        if request.path and _stream_path(request.path) != session.stream.path:
            raise RefusedError(454)
        return session

    def _stream(self, path: str) -> Stream:
        stream = self._house.streams.get(path)
        if stream is None:
            raise RefusedError(404)
        return stream

    async def _options(self, request: Request) -> _Answer:
        if request.path:
            self._stream(_stream_path(request.path))
        return [("Public", _METHODS)], b""

    async def _describe(self, request: Request) -> _Answer:
        stream = self._stream(request.path)
        kinds = [kind.partition(";")[0].strip() for kind in request.headers.get("accept", "*/*").lower().split(",")]
        if not {"application/sdp", "application/*", "*/*"} & set(kinds):
            raise RefusedError(406)
        try:
            async with asyncio.timeout(_KEY_PICTURE_WITHIN_S):
                await stream.ready.wait()
        except TimeoutError:
            raise RefusedError(503) from None
        base = request.uri.partition("?")[0].rstrip("/") + "/"
        description = sdp.describe(stream.form, stream.camera, stream.parameter_sets)
        return [("Content-Base", base), ("Content-Type", "application/sdp")], description.encode()

    async def _setup(self, request: Request) -> _Answer:
        stream = self._stream(_stream_path(request.path))
        if "session" in request.headers:
            # There is one track: a second SETUP would change the transport of a session (RFC 2326, 10.4).
            raise RefusedError(455 if self._session(request).playing else 459)
        choice = choose_transport(request.headers.get("transport"))
        if len(self._house.sessions) >= _MAX_SESSIONS:
            raise RefusedError(503)
        carrier: TcpCarrier | UdpCarrier
        sender = RtpSender(self._house.entropy(10))
        if isinstance(choice, TcpChoice):
            carrier = TcpCarrier(self._writer.transport, self._free_channels(choice.channels))
            transport = "RTP/AVP/TCP;unicast;interleaved={}-{}".format(*carrier.channels)
        else:
            ports = choice.ports
            carrier = await self._udp(ports)
            transport = "RTP/AVP;unicast;client_port={}-{};server_port={}-{}".format(*ports, *carrier.server_ports)
        session = self._open(stream, carrier, sender)
        return [
            ("Session", f"{session.identifier};timeout={self._house.session_timeout_s}"),
            ("Transport", f"{transport};ssrc={sender.ssrc:08X}"),
        ], b""

    async def _udp(self, ports: tuple[int, int]) -> UdpCarrier:
        carrier = UdpCarrier()
        try:
            await carrier.open(self._writer.get_extra_info("sockname")[0], self._peer, ports)
        except OSError:
            raise RefusedError(503) from None
        return carrier

    def _free_channels(self, wanted: tuple[int, int] | None) -> tuple[int, int]:
        if wanted is not None and not set(wanted) & set(self._channels):
            return wanted
        for first in range(0, 256, 2):
            if first not in self._channels and first + 1 not in self._channels:
                return first, first + 1
        raise RefusedError(503)

    def _open(self, stream: Stream, carrier: TcpCarrier | UdpCarrier, sender: RtpSender) -> Session:
        hang_up = self.abort if isinstance(carrier, TcpCarrier) else _nothing
        identifier = self._house.entropy(16).hex()
        session = Session(identifier, stream, carrier, sender, self._house.clock, hang_up)
        session.touch()
        if isinstance(carrier, TcpCarrier):
            self._channels.update(dict.fromkeys(carrier.channels, session))
        else:
            carrier.on_control = lambda data: session.touch() if is_rtcp(data) else None
        self._owned.add(session)
        self._house.sessions[identifier] = session
        return session

    async def _play(self, request: Request) -> _Answer | None:
        session = self._session(request)
        headers = [("Session", session.identifier), _NOW]
        if session.playing:
            return headers, b""
        track = f"{request.uri.partition('?')[0].rstrip('/').removesuffix('/' + sdp.CONTROL)}/{sdp.CONTROL}"
        agent = request.headers.get("user-agent", "")[:100]
        answered = False

        def first(picture: SentPicture) -> None:
            nonlocal answered
            stamp = session.sender.time(picture.index * TICKS_PER_PICTURE)
            if not answered:
                answered = True
                information = f"url={track};seq={session.sender.next_sequence};rtptime={stamp}"
                self._send(response(200, request.sequence, [*headers, ("RTP-Info", information)]))
            self._house.on_play(_record(session, picture.index, stamp, self._client, agent))

        begun = await session.play(first, min(_KEY_PICTURE_WITHIN_S, self._house.session_timeout_s / 2))
        if begun or answered:
            return None
        answered = True
        if session.closed:
            raise RefusedError(454)
        return headers, b""

    async def _pause(self, request: Request) -> _Answer:
        session = self._session(request)
        session.pause()
        return [("Session", session.identifier)], b""

    async def _parameter(self, request: Request) -> _Answer:
        if request.path and "session" not in request.headers:
            self._stream(_stream_path(request.path))
        if request.body.strip():
            raise RefusedError(451)
        return [("Session", request.headers["session"])] if "session" in request.headers else [], b""

    async def _teardown(self, request: Request) -> _Answer:
        session = self._session(request)
        self._house.close(session, goodbye=True)
        self._owned.discard(session)
        for channel in [channel for channel, owner in self._channels.items() if owner is session]:
            del self._channels[channel]
        return [], b""


def _record(session: Session, index: int, stamp: int, client: str, agent: str) -> Play:
    stream = session.stream
    transport = "tcp" if isinstance(session.carrier, TcpCarrier) else "udp"
    return Play(stream.camera, stream.form.role, session.clock.now(), index, stamp, transport, client, agent)


def _stream_path(path: str) -> str:
    """Return the stream's path of an address of a stream or its track."""
    return path.removesuffix("/" + sdp.CONTROL)


def _nothing() -> None:
    """A UDP session ends without its connection."""
